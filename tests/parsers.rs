//! The models of the hosts' parsers read as documented: what gets past what we print they would see (`tests/harmless.rs`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

mod host_parsers;

use host_parsers::octopus::{calamari, server};
use host_parsers::texts::vectors;
use host_parsers::{OF_COMMENTS, PARSERS, azure, github, gitlab, names, teamcity};

const OUTPUT: &str = include_str!("step_host/service-messages.stdout.txt");
const EXPECTED: &str = include_str!("step_host/service-messages.expected.json");

#[test]
fn the_servers_parser_reads_the_sample_as_documented() {
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let expected = &expected["parser_a_server"];
    let view = server(OUTPUT);
    assert_eq!(json!(view.log), expected["log"]);
    assert_eq!(json!(view.progress), expected["progress"]);
    assert_eq!(json!(view.variables), expected["variables"]);
    assert_eq!(json!(view.sensitive), expected["sensitive"]);
    assert_eq!(json!(view.masks), expected["masks"]);
    let artifacts: Vec<_> =
        view.artifacts.iter().map(|one| json!({"path": one.path, "name": one.name, "length": one.length})).collect();
    assert_eq!(json!(artifacts), expected["artifacts"]);
}

#[test]
fn calamaris_parser_reads_the_sample_as_documented() {
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let expected = &expected["parser_b_calamari"];
    let found = calamari(OUTPUT);
    let names: Vec<_> = found.iter().map(|message| message.name.as_str()).collect();
    assert_eq!(json!(names), expected["recognised_names_in_order"]);
    let variables: serde_json::Map<String, Value> = found
        .iter()
        .filter(|message| message.name == "setVariable")
        .map(|message| (message.get("name").to_owned(), json!(message.get("value"))))
        .collect();
    assert_eq!(Value::Object(variables), expected["variables"]);
}

#[test]
fn each_hostile_text_reaches_the_hosts_it_is_meant_for_and_no_other() {
    let vectors = vectors();
    assert!(vectors.len() >= 35);
    let mut wrong = Vec::new();
    for vector in &vectors {
        for (name, parse) in PARSERS.iter().chain(OF_COMMENTS) {
            let found = names(&parse(vector.text.as_bytes()));
            let expected = vector.obeyed.get(*name).cloned().unwrap_or_default();
            // A comment's parser reads what is printed too; only texts for comments say what it sees in them.
            let asked = !expected.is_empty() || PARSERS.iter().any(|(known, _)| known == name);
            if asked && found != expected {
                wrong.push(format!("{:?}: {name} expects {expected:?}, found {found:?}", vector.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (name, _) in PARSERS.iter().chain(OF_COMMENTS) {
        assert!(
            vectors.iter().any(|vector| vector.obeyed.contains_key(*name)),
            "nothing shows that {name} sees anything"
        );
    }
}

#[test]
fn what_a_command_says_is_read_with_its_escapes() {
    let [error] = github::commands(b"::error file=a%3Ab%2Cc,line=12,title=50%25::x%0Ay%250A").try_into().unwrap();
    assert_eq!((error.property("file"), error.property("title")), ("a:b,c", "50%"));
    assert_eq!(error.data, "x\ny%0A");
    let [issue] =
        azure::commands(b"##vso[task.logissue type=error;sourcepath=a%3Bb%5D]x%0Dy%AZP25").try_into().unwrap();
    assert_eq!((issue.property("type"), issue.property("sourcepath")), ("error", "a;b]"));
    assert_eq!(issue.data, "x\ry%");
    let [message] =
        teamcity::messages(b"##teamcity[message text = 'a|'|n|||[|]|0x00e9' status='NORMAL']").try_into().unwrap();
    assert_eq!((message.property("text"), message.property("status")), ("a'\n|[]\u{e9}", "NORMAL"));
}

#[test]
fn githubs_file_of_outputs_has_values_of_a_line_and_of_several() {
    let check = |file: &str, expected: Option<&[(&str, &str)]>| {
        let found = github::outputs(file.as_bytes()).ok();
        let expected = expected.map(|pairs| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        });
        assert_eq!(found, expected, "{file:?}");
    };
    check("a=b<<c\n\nd<<E\n1\n=2\nE\n", Some(&[("a", "b<<c"), ("d", "1\n=2")]));
    check("a=\n", Some(&[("a", "")]));
    check("a<<E\n1\n", None);
    check("a\n", None);
    check("=b\n", None);
    assert!(github::summary(&vec![b'x'; (1 << 20) + 1]).is_err() && github::summary(b"# x").is_ok());
}

#[test]
fn gitlabs_file_of_variables_is_taken_whole_or_not_at_all() {
    assert_eq!(
        gitlab::dotenv(b"A=b=c\nB= d \n").unwrap(),
        [("A", "b=c"), ("B", "d")].map(|(k, v)| (k.into(), v.into()))
    );
    assert!(gitlab::dotenv(b"A=b\n\nB=c\n").is_err() && gitlab::dotenv(b"A=b\nand more\n").is_err());
    assert_eq!(gitlab::expanded("a $B ${C} %D% $ {E} $1 100 % x%"), ["$B", "${C}", "%D%"]);
}

//! The parsers of the step host read as documented, and nothing hostile gets past what we print.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use firefighter::host::octopus::{neutral, say};
use firefighter::model::Notice;
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "step_host/parsers.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::must_use_candidate,
    reason = "shared with other test programs"
)]
mod parsers;

use parsers::{calamari, server};

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

/// Text that someone writes who knows both parsers.
fn hostile() -> impl Strategy<Value = String> {
    let fragments = [
        "##octopus[",
        "##octopus",
        "##octo",
        "pus[",
        "##",
        "#",
        "octopus",
        "[",
        "]",
        "stdout-ignore]",
        "setVariable",
        " name='UEFUSA==' value='ZXZpbA=='",
        "createArtifact",
        " path='L2V0Yy9wYXNzd2Q='",
        "\r",
        "\n",
        "\r\n",
        "\0",
        "\u{1b}[31m",
        "\u{202e}",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
        " ",
        "\t",
        "##OCTOPUS[",
        "##Octopus[",
        "####octopusoctopus[",
        "mask value='eA==']",
        "#{Secret}",
        "##{",
        "](http://x)",
        "[a]",
        "x",
        "::error::",
        "\u{ff03}\u{ff03}octopus[",
    ];
    let fragment = prop_oneof![
        8 => proptest::sample::select(fragments.to_vec()).prop_map(str::to_owned),
        1 => "[a-z#\\[\\] ]{0,12}",
        1 => Just("#".repeat(3_895)),
    ];
    proptest::collection::vec(fragment, 0..14).prop_map(|parts| parts.concat())
}

/// Every way in which text reaches the output.
fn notices(texts: &[String]) -> Vec<Notice> {
    let text = |at: usize| texts[at % texts.len()].clone();
    vec![
        Notice::Progress(10, text(0)),
        Notice::Highlight(text(1)),
        Notice::Info(text(2)),
        Notice::Verbose(text(3)),
        Notice::Warning(text(4)),
        Notice::Output { name: "Firefighter.Cause".to_owned(), value: text(5) },
        Notice::Artifact { path: "/tmp/firefighter.md".into(), name: text(6), bytes: 3 },
        Notice::Info(text(7)),
    ]
}

/// The messages we mean, in order.
const MEANT: [&str; 10] = [
    "progress",
    "stdout-highlight",
    "stdout-default",
    "stdout-verbose",
    "stdout-warning",
    "setVariable",
    "createArtifact",
    "stdout-default",
    "",
    "",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_taken_for_a_message_by_either_parser(texts in proptest::collection::vec(hostile(), 8)) {
        let said = say(&notices(&texts));
        let meant: Vec<_> = MEANT.iter().filter(|name| !name.is_empty()).copied().collect();
        let view = server(&said);
        prop_assert_eq!(&view.recognized, &meant);
        let names: Vec<_> = calamari(&said).into_iter().map(|message| message.name).collect();
        prop_assert_eq!(&names, &meant);
        prop_assert_eq!(view.variables.len(), 1);
        let open = view.variables["Firefighter.Cause"].contains("#{");
        prop_assert!(!open);
    }

    #[test]
    fn every_line_arrives_at_its_level(texts in proptest::collection::vec(hostile(), 8)) {
        let view = server(&say(&notices(&texts)));
        let levels = [("Highlight", vec![1]), ("Info", vec![2, 7]), ("Verbose", vec![3]), ("Warning", vec![4])];
        for (level, places) in levels {
            let expected: Vec<_> =
                places.into_iter().flat_map(|at| neutral(&texts[at])).filter(|line| !line.is_empty()).collect();
            prop_assert_eq!(view.at(level), expected.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}

//! The catalogue against its own examples, and users' files against their mistakes.

use std::collections::HashSet;

use super::*;
use crate::model::{Level, Line, Role};

/// A log of plain lines, and the indices of all of them.
fn log(text: &str, level: Level) -> (Log, Vec<usize>) {
    let mut log = Log::default();
    for (number, line) in text.lines().enumerate() {
        let start = log.text.len();
        log.text.push_str(line);
        let end = log.text.len();
        log.text.push('\n');
        log.lines.push(Line { number: number + 1, start, end, time: None, level, step: None });
    }
    let indices = (0..log.lines.len()).collect();
    (log, indices)
}

fn explain(text: &str) -> Vec<Match> {
    let (log, indices) = log(text, Level::Info);
    Catalogue::builtin().explain(&log, &indices)
}

/// The id of the best explanation that is good enough to be named.
fn check(text: &str, expected: Option<&str>) {
    let matches = explain(text);
    let best = matches.first().filter(|best| best.strength >= SURE);
    assert_eq!(best.map(|best| best.signature.id.as_str()), expected, "{text}");
}

#[test]
fn every_kind_says_what_would_prove_it_wrong() {
    let entries = file::read_builtin(FAMILIES).unwrap().into_iter();
    let mut kinds: Vec<String> = entries.map(|entry| entry.signature.kind.clone()).collect();
    kinds.sort();
    kinds.dedup();
    let told: Vec<String> = file::KINDS.keys().cloned().collect();
    assert_eq!(told, kinds, "rows of kinds.toml, and kinds of the catalogue");
    let mute = |entry: &file::Entry| entry.signature.disproof.is_none();
    assert!(!file::read_builtin(FAMILIES).unwrap().iter().any(mute));
}

#[test]
fn every_family_can_be_read() {
    let entries = file::read_builtin(FAMILIES).unwrap();
    assert!(!entries.is_empty());
    for entry in entries {
        let id = entry.signature.id.clone();
        if let Err(reason) = file::checked(entry) {
            panic!("{id}: {reason}");
        }
    }
}

#[test]
fn every_kind_is_listed_and_used_and_every_id_is_unique() {
    let catalogue = Catalogue::builtin();
    let mut ids = HashSet::new();
    for signature in catalogue.signatures() {
        assert!(KINDS.contains(&signature.kind.as_str()), "{} has the kind {}", signature.id, signature.kind);
        assert!(ids.insert(&signature.id), "{} stands twice", signature.id);
        assert!(!signature.fix.is_empty() && !signature.cause.is_empty() && !signature.verify.is_empty());
    }
    for kind in KINDS {
        assert!(catalogue.signatures().iter().any(|signature| signature.kind == kind), "{kind} is unused");
    }
    assert!(KINDS.is_sorted());
}

#[test]
fn every_built_in_pattern_has_words_for_the_gate() {
    for entry in Catalogue::builtin().entries {
        for pattern in entry.patterns {
            assert!(gate::required(&pattern.source).is_some(), "{}: {}", entry.signature.id, pattern.source);
        }
    }
}

#[test]
fn every_example_is_best_explained_by_its_own_kind() {
    let catalogue = Catalogue::builtin();
    let mut wrong = Vec::new();
    for entry in &catalogue.entries {
        for example in &entry.examples {
            let (log, indices) = log(example, Level::Info);
            let matches = catalogue.explain(&log, &indices);
            let ids: Vec<_> = matches.iter().map(|found| found.signature.id.as_str()).collect();
            let kind = matches.first().map(|best| best.signature.kind.as_str());
            if kind != Some(&entry.signature.kind) || !ids.contains(&entry.signature.id.as_str()) {
                wrong.push(format!("{}: {ids:?}: {example}", entry.signature.id));
            }
        }
        for unlike in &entry.unlike {
            let (log, indices) = log(unlike, Level::Info);
            let matches = catalogue.explain(&log, &indices);
            if matches.iter().any(|found| found.signature.id == entry.signature.id) {
                wrong.push(format!("{}: takes its look-alike: {unlike}", entry.signature.id));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn captures_that_a_text_names_are_caught_in_every_example() {
    let catalogue = Catalogue::builtin();
    for entry in &catalogue.entries {
        let text = format!("{} {}", entry.signature.cause, entry.signature.fix.join(" "));
        for name in text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name) {
            let is_name = !name.is_empty()
                && text.contains(&format!("{{{name}}}"))
                && name.bytes().all(|byte| byte.is_ascii_lowercase());
            for example in entry.examples.iter().filter(|_| is_name) {
                let found = explain(example);
                let own = found.iter().find(|found| found.signature.id == entry.signature.id);
                let caught = own.is_some_and(|own| own.captures.iter().any(|(captured, _)| captured == name));
                assert!(caught, "{}: {{{name}}} in {example}", entry.signature.id);
            }
        }
    }
}

#[test]
fn a_log_without_a_known_failure_is_not_explained() {
    check("Restoring packages\nBuild succeeded\n    0 Warning(s)\n    0 Error(s)", None);
    check("", None);
}

#[test]
fn a_cause_comes_before_its_symptom() {
    check(
        "Failed to download package Acme v1 from feed: 'https://feed.example.com'\n\
         The remote name could not be resolved: 'feed.example.com'\nThe remote script failed with exit code 1",
        Some("dns-not-resolved"),
    );
}

#[test]
fn a_survived_warning_is_not_the_cause() {
    let passing = "copied a file\n".repeat(30);
    check(&format!("warning: connection reset by peer, retrying\n{passing}done"), None);
    check(
        &format!("warning: connection reset by peer, retrying\n{passing}write /tmp/a: no space left on device"),
        Some("disk-full"),
    );
}

#[test]
fn a_warning_that_failed_in_the_end_is_the_cause() {
    check("WARNING: Retrying after Connection refused\nerror: giving up after 5 tries", Some("connection-refused"));
}

#[test]
fn a_count_of_zero_is_no_failure_and_a_count_of_ten_is() {
    check("Tests: 0 failed, 12 passed", None);
    check("Tests: 10 failed, 12 passed", Some("test-failure"));
}

#[test]
fn an_exit_code_alone_explains_nothing() {
    check("doing things\nThe remote script failed with exit code 1", None);
}

#[test]
fn repeats_are_counted_and_the_first_line_is_shown() {
    let matches = explain(
        "start\ndial tcp 10.0.0.1:80: connect: connection refused\nx\ndial tcp 10.0.0.1:80: connect: connection refused",
    );
    let best = matches.first().unwrap();
    assert_eq!((best.line, best.count), (1, 2));
    assert!(best.captures.contains(&("host".to_owned(), "10.0.0.1:80".to_owned())));
}

#[test]
fn only_the_given_lines_are_read() {
    let (log, _) = log("no space left on device\nfine\ntoomanyrequests", Level::Info);
    let matches = Catalogue::builtin().explain(&log, &[1, 2]);
    assert_eq!(matches.first().unwrap().signature.kind, "rate-limit");
    assert!(matches.iter().all(|found| found.signature.kind != "disk-full"));
}

#[test]
fn a_line_hits_without_its_surroundings() {
    let catalogue = Catalogue::builtin();
    assert!(catalogue.hits("No space left on device"));
    assert!(!catalogue.hits("all is well"));
}

const OWN: &str = r#"
[[signature]]
id = "own"
title = "Our own"
domain = "code"
kind = "own-kind"
retry = "no"
role = "cause"
patterns = ['frobnicator (?P<state>\w+) jammed']
cause = "The frobnicator is {state}."
fix = ["Kick it."]
example = ["frobnicator left jammed"]
"#;

fn refused(text: &str, expected: &str) {
    let message = Catalogue::builtin().with_user_file("own.toml", text).expect_err("refused").to_string();
    assert!(message.starts_with("own.toml: ") && message.contains(expected), "{message}");
}

#[test]
fn a_users_signature_is_found() {
    let catalogue = Catalogue::builtin().with_user_file("own.toml", OWN).unwrap();
    let (log, indices) = log("the Frobnicator RIGHT jammed", Level::Info);
    let matches = catalogue.explain(&log, &indices);
    assert_eq!(matches.first().unwrap().captures, [("state".to_owned(), "RIGHT".to_owned())]);
}

#[test]
fn a_users_signature_replaces_one_with_its_id() {
    let before = Catalogue::builtin().signatures().len();
    let catalogue = Catalogue::builtin().with_user_file("own.toml", &OWN.replace("\"own\"", "\"disk-full\"")).unwrap();
    assert_eq!(catalogue.signatures().len(), before);
    assert!(!catalogue.hits("no space left on device"));
}

#[test]
fn mistakes_in_a_users_file_are_named() {
    refused("[[signature]\n", "line 1");
    refused(&OWN.replace("role", "rolle"), "signature `own`: ");
    refused(&OWN.replace("role", "rolle"), "rolle");
    refused(&format!("{OWN}{OWN}"), "signature `own`: the id is used twice");
    refused(&OWN.replace(r"(?P<state>\w+)", "("), "signature `own`: the pattern");
    refused(&OWN.replace(r"\w+", r"\w{1000}{1000}"), "too large");
    refused(&OWN.replace("left jammed", "is fine"), "its example is not matched: `frobnicator is fine`");
    refused(&OWN.replace("\"code\"", "\"cod\""), "domain is `cod`, but must be one of");
    refused(&OWN.replace("example =", "unlike = [\"frobnicator up jammed\"]\nexample ="), "look-alike is matched");
    refused("other = 1", "other");
}

#[test]
fn a_pattern_that_could_be_slow_is_refused() {
    let with = |pattern: &str| OWN.replace(r"frobnicator (?P<state>\w+) jammed", pattern);
    for pattern in [
        r"((a{1,100}){1,100}){1,100}",
        r"frobnicator (\w{1,60}\s?){1,90}jammed",
        r"(a|aa){5000}b",
        r"(.{0,200}x){0,90}y",
        r"frobnicator .{900}.{900}.{900}.{900}.{900}.{900} jammed",
    ] {
        refused(&with(pattern), "is too large: it repeats too much");
    }
    refused(&with(&format!("frobnicator {}", "left".repeat(300))), "is longer than 1000 characters");
    let many = (0..65).map(|at| format!("frobnicator {at}")).collect::<Vec<_>>().join("|");
    refused(&with(&many), "it has 65 patterns, branches counted, and 64 are the most");
    let all: String = (0..2_001).map(|at| OWN.replace("\"own\"", &format!("\"own{at}\""))).collect();
    refused(&all, "it has 2001 signatures, and 2000 are the most");
    refused(&format!("# {}\n{OWN}", "x".repeat(4 << 20)), "it is larger than 4 MB");
}

#[test]
fn symptoms_and_causes_both_exist() {
    let catalogue = Catalogue::builtin();
    for role in [Role::Cause, Role::Symptom] {
        assert!(catalogue.signatures().iter().any(|signature| signature.role == role));
    }
}

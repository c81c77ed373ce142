//! Which change is suspected of a failure, over a table of small ones: `suspects.toml`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use firefighter::clean::LogBuilder;
use firefighter::model::{Change, ChangeKind, Level, Outcome, Run, Step};
use firefighter::reduce::{Budget, reduce, suspect};
use firefighter::signature::Catalogue;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    decoy: Vec<Changed>,
    case: Vec<Case>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    step: String,
    place: Option<String>,
    /// Places where the step succeeded.
    #[serde(default)]
    fine: Vec<String>,
    project: Option<String>,
    log: String,
    suspect: String,
    changes: Vec<Changed>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Changed {
    kind: String,
    title: String,
    before: Option<String>,
    after: Option<String>,
    details: Option<String>,
    step: Option<String>,
    days: i64,
}

fn started() -> Timestamp {
    "2026-02-10T03:10:00Z".parse().unwrap()
}

impl Changed {
    fn change(self) -> Change {
        let kind = match self.kind.as_str() {
            "package" => ChangeKind::Package,
            "commit" => ChangeKind::Commit,
            "work-item" => ChangeKind::WorkItem,
            "process" => ChangeKind::Process,
            "variable" => ChangeKind::Variable,
            "target" => ChangeKind::Target,
            "worker" => ChangeKind::Worker,
            "event" => ChangeKind::Event,
            other => panic!("there is no kind {other}"),
        };
        Change {
            kind,
            title: self.title,
            before: self.before,
            after: self.after,
            details: self.details,
            step: self.step,
            who: None,
            when: Some(started() - SignedDuration::from_hours(self.days * 24 + 1)),
            url: None,
        }
    }
}

/// The titles of the suspects with their scores, most likely first. Each cites lines that are shown.
fn ranked(catalogue: &Catalogue, case: Case) -> Vec<(String, f64, Vec<String>)> {
    let mut builder = LogBuilder::default();
    let at = |place: Option<String>, outcome: Outcome| Step {
        name: case.step.clone(),
        place,
        outcome,
        culprit: outcome == Outcome::Failed,
        started: None,
        finished: None,
        attempts: 1,
        depth: 0,
    };
    for place in case.fine {
        builder.step(at(Some(place), Outcome::Succeeded));
    }
    let step = builder.step(at(case.place, Outcome::Failed));
    for (index, line) in case.log.trim().lines().enumerate() {
        let (level, text) = match line.split_at_checked(2) {
            Some(("E ", text)) => (Level::Error, text),
            Some(("W ", text)) => (Level::Warning, text),
            _ => (Level::Info, line),
        };
        builder.line(index + 1, None, level, Some(step), text);
    }
    let log = builder.finish();
    let changes: Vec<Change> = case.changes.into_iter().map(Changed::change).collect();
    let run = Run { project: case.project, started: Some(started()), ..Run::default() };
    let evidence = reduce(&log, None, catalogue, Budget { tokens: 1_000 });
    let (suspects, outside_after) = suspect::suspects(&log, &evidence, &changes, &run, None);
    let again = suspect::suspects(&log, &evidence, &changes, &run, None);
    assert_eq!((&suspects, outside_after), (&again.0, again.1), "the same twice");
    for suspect in &suspects {
        assert!(!suspect.lines.is_empty(), "{}: a suspect cites a line", case.name);
        for line in &suspect.lines {
            assert!(evidence.picks.iter().any(|pick| pick.lines.contains(line)), "{}: line {line} is shown", case.name);
        }
    }
    // Where it is likelier that none is to blame, none is accused.
    let accused = suspects.into_iter().filter(|_| outside_after != Some(0));
    accused.map(|one| (changes.get(one.change).unwrap().title.clone(), one.score, one.words)).collect()
}

#[test]
fn the_change_that_did_it_comes_first_and_no_other_is_accused_in_its_place() {
    let table: Table = toml::from_str(include_str!("suspects.toml")).unwrap();
    assert!(table.case.len() >= 25);
    let catalogue = Catalogue::builtin();
    let mut wrong = Vec::new();
    for case in table.case {
        let crowd = Case { changes: table.decoy.iter().chain(&case.changes).cloned().collect(), ..case.clone() };
        for case in [case, crowd] {
            let (name, count, expected) = (case.name.clone(), case.changes.len(), case.suspect.clone());
            let ranked = ranked(&catalogue, case);
            if ranked.first().map_or("", |(title, ..)| title) != expected {
                wrong.push(format!("{name} among {count}: {expected:?} expected, {ranked:?} found"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_name_says_less_in_a_large_diff_than_in_a_small_one() {
    let commit = |title: &str, others: usize| {
        let names: String = (0..others).map(|number| format!("+let other_name_{number} = 1;\n")).collect();
        let details =
            format!("--- a/x\n+++ b/x\n@@ -1,0 +1,{} @@\n+let order_queue_consumer = 1;\n{names}", others + 1);
        let (title, details) = (title.to_owned(), Some(details));
        Changed { kind: "commit".to_owned(), title, before: None, after: None, details, step: None, days: 1 }
    };
    let table: Table = toml::from_str(include_str!("suspects.toml")).unwrap();
    let case = Case {
        name: "a name in two diffs".to_owned(),
        step: "Start".to_owned(),
        place: None,
        fine: Vec::new(),
        project: None,
        log: "Starting\nE the part order_queue_consumer is broken\n".to_owned(),
        suspect: String::new(),
        changes: [vec![commit("large", 4_000), commit("small", 4)], table.decoy].concat(),
    };
    let ranked = ranked(&Catalogue::builtin(), case);
    assert_eq!(ranked.first().map_or("", |(title, ..)| title), "small", "{ranked:?}");
}

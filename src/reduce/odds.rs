//! How much oftener than others a change of a sort is the one to blame, whatever it names: what a step runs in changes rarely and
//! alters all that runs there, while times, tickets and tools that the server brings along change all the time.

use super::alibi::Bearing;
use super::alibi::Bearing::{Before, Open, Own};
use super::form;
use crate::model::ChangeKind::{Commit, Event, Package, Process, Target, Variable, WorkItem, Worker};
use crate::model::{Change, ChangeKind};

/// A sort of changes.
struct Row {
    kind: ChangeKind,
    /// How its title begins.
    start: &'static str,
    /// How it belongs to the failed step; in any way, where missing.
    at: Option<Bearing>,
    odds: f64,
}

const fn row(kind: ChangeKind, start: &'static str, at: Option<Bearing>, odds: f64) -> Row {
    Row { kind, start, at, odds }
}

/// The first row that fits counts. Estimated from the cases of `tests/culprits`: how often a sort is the cause there, next to how
/// often all else that is known of it says so.
const ROWS: &[Row] = &[
    // A hosted machine has another version each week, and the server brings its own tools along.
    row(Worker, "version of the runner's image", None, 1.0),
    row(Worker, "Calamari ", None, 0.25),
    row(Worker, "number of processors", None, 0.7),
    row(Worker, "", None, 3.0),
    row(Process, "container image ", Some(Own), 6.0),
    row(Process, "setting Octopus.Action.Container", Some(Own), 6.0),
    row(Process, "worker pool ", Some(Own), 5.0),
    row(Process, "container image ", None, 3.0),
    row(Process, "worker pool ", None, 3.0),
    row(Process, "new step ", Some(Before), 2.0),
    row(Process, "new step ", None, 1.5),
    row(Process, "removed step ", None, 2.0),
    row(Process, "order of ", None, 1.5),
    row(Process, "state of ", None, 1.5),
    row(Process, "skipped ", None, 1.5),
    row(Process, "time limit ", None, 0.4),
    row(Process, "number of retries ", None, 0.5),
    row(Process, "pause between ", None, 0.5),
    row(Process, "setting ", Some(Own), 1.3),
    row(Process, "setting ", Some(Before), 1.3),
    row(Target, "new target ", None, 1.7),
    // That there is another release says nothing of what is in it.
    row(Package, "release", None, 0.2),
    row(Package, "", Some(Before), 1.3),
    row(Event, "Machine ", None, 0.3),
    row(Event, "Worker ", None, 0.3),
    row(Event, "Environment ", None, 0.3),
    row(WorkItem, "", None, 0.4),
];
/// The same of a worker's tool of which only the last number of its version went on.
const PATCHED: &[Row] = &[row(Worker, "", None, 0.25)];
/// The same of one that has another minor version.
const MINOR: &[Row] = &[row(Worker, "", None, 2.2)];
/// The same of variables, by what is known of their values. A secret is to blame where somebody was not let in, and hardly elsewhere.
const HIDDEN: &[Row] = &[row(Variable, "", Some(Own), 1.6), row(Variable, "", Some(Open), 0.75)];
const HIDDEN_UNASKED: &[Row] = &[row(Variable, "", Some(Own), 0.35), row(Variable, "", None, 0.25)];
const NUMBERS: &[Row] = &[row(Variable, "", Some(Open), 1.3)];
const TEXTS: &[Row] = &[row(Variable, "", Some(Before), 1.6), row(Variable, "", Some(Open), 0.75)];
/// The same of an event that something is called otherwise or came to what is there, and of a machine that is well.
const RENAMED: &[Row] = &[row(Event, "", None, 0.3)];
const CREATED: &[Row] = &[row(Event, "", None, 0.5)];
const WELL: &[Row] = &[row(Target, "", None, 0.3)];
/// Of a commit whose lines are known, these say more than that it is one.
const SHOWN: &[Row] = &[row(Commit, "", None, 0.8)];
/// And of one that changes nothing but what people read or nothing but tests, and of one that changes what a program runs in.
const BESIDE: &[Row] = &[row(Commit, "", None, 0.3)];
const BASE: &[Row] = &[row(Commit, "", None, 1.4)];

/// The odds of `change`, which belongs so to the failed step: 1 for what is to blame as often as others. `is_unlike`: it is known
/// what such failures come of, and this is not of that sort.
pub(super) fn of(change: &Change, at: Bearing, is_unlike: bool) -> f64 {
    let versions = || change.before.as_deref().zip(change.after.as_deref());
    let rows = match change.kind {
        // A patch of a tool breaks little.
        Worker if is_tool(change) && versions().is_some_and(|(old, new)| form::leap(old, new) < 0.8) => PATCHED,
        Worker if is_tool(change) && versions().is_some_and(|(old, new)| form::leap(old, new) < 1.0) => MINOR,
        Worker if is_system(change) && !is_another_system(change) => PATCHED,
        Variable if change.before.is_none() && change.after.is_none() && is_unlike => HIDDEN_UNASKED,
        Variable if change.before.is_none() && change.after.is_none() => HIDDEN,
        Variable if form::is_amount(change) => NUMBERS,
        Variable if change.before.is_some() && change.after.is_some() => TEXTS,
        Event if change.title.ends_with(" was renamed") => RENAMED,
        Event if change.title.ends_with(" was created") => CREATED,
        Target if change.title.starts_with("health of ") && change.after.as_deref().is_some_and(is_well) => WELL,
        Commit if form::is_beside(change) => BESIDE,
        Commit if form::changes_base(change) => BASE,
        Commit if super::touched::is_shown(change) => SHOWN,
        _ => ROWS,
    };
    let fits = |row: &&Row| {
        row.kind == change.kind && row.at.is_none_or(|place| place == at) && change.title.starts_with(row.start)
    };
    // A release is called so and no more.
    let is_whole = |row: &&Row| row.start != "release" || change.title == "release";
    rows.iter().filter(is_whole).find(fits).map_or(1.0, |row| row.odds)
}

/// Whether a machine of this health works.
fn is_well(health: &str) -> bool {
    health.starts_with("Healthy")
}

/// Whether a worker's change is of a tool that has versions of the usual form.
fn is_tool(change: &Change) -> bool {
    !is_system(change) && !["image ", "Calamari "].iter().any(|start| change.title.starts_with(start))
}

fn is_system(change: &Change) -> bool {
    change.kind == Worker && change.title.starts_with("operating system")
}

/// How much it says of a worker, whatever failed, that another system runs there or another shell: of these everything else comes.
pub(super) fn of_another_ground(change: &Change) -> f64 {
    const ANOTHER: f64 = 0.25;
    const ANOTHER_RELEASE: f64 = 0.12;
    let numbers = |text: &str, most: usize| -> Vec<String> {
        let parts = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        parts.take(most).map(str::to_owned).collect()
    };
    let is_ground = is_system(change) || change.kind == Worker && change.title.starts_with("PowerShell");
    let versions = change.before.as_deref().zip(change.after.as_deref()).filter(|_| is_ground);
    match versions {
        Some((old, new)) if numbers(old, 1) != numbers(new, 1) => ANOTHER,
        Some((old, new)) if !is_system(change) && numbers(old, 2) != numbers(new, 2) => ANOTHER_RELEASE,
        Some(_) if is_another_system(change) => ANOTHER_RELEASE,
        _ => 0.0,
    }
}

/// Whether a worker has another operating system, or another release of it, and not the same one with its patches: the third
/// number tells two releases of Windows apart, the first two those of most others, the first alone where they are made for years.
fn is_another_system(change: &Change) -> bool {
    const FOR_YEARS: &[&str] = &["debian", "red hat", "rocky", "alma", "centos", "oracle", "suse", "amazon"];
    let Some((old, new)) = change.before.as_deref().zip(change.after.as_deref()).filter(|_| is_system(change)) else {
        return false;
    };
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let version =
        |text: &str| text.split(|c: char| !is_number(c)).max_by_key(|part| part.len()).unwrap_or_default().to_owned();
    let name = new.to_lowercase();
    let told = if name.contains("windows") {
        3
    } else if FOR_YEARS.iter().any(|word| name.contains(word)) {
        1
    } else {
        2
    };
    let release = |text: &str| version(text).split('.').take(told).map(str::to_owned).collect::<Vec<_>>();
    let kind = |text: &str| text.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default().to_owned();
    kind(old) != kind(new) || release(old) != release(new)
}

/// Whether `change` is of where a step runs.
pub(super) fn is_of_place(change: &Change) -> bool {
    const STARTS: [&str; 2] = ["container image ", "worker pool "];
    change.kind == Process && STARTS.iter().any(|start| change.title.starts_with(start))
}

/// Whether `change` is of which steps run, and when.
pub(super) fn is_of_order(change: &Change) -> bool {
    const STARTS: [&str; 5] = ["removed step ", "new step ", "order of ", "state of ", "skipped "];
    change.kind == Process && STARTS.iter().any(|start| change.title.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: ChangeKind, title: &str, values: Option<(&str, &str)>, at: Bearing, expected: f64) {
        let change = change(kind, title, values.map(|(before, _)| before), values.map(|(_, after)| after));
        let odds = of(&change, at, false);
        assert!((odds - expected).abs() < 1e-9, "{title}: {odds}");
    }

    #[test]
    fn what_a_step_runs_in_is_to_blame_the_oftener_and_what_the_server_brings_the_more_rarely() {
        check(Process, "container image of step Scan", Some(("a:1", "a:2")), Own, 6.0);
        check(Worker, "PowerShell of the worker", Some(("5.1.1", "7.4.1")), Open, 3.0);
        check(Worker, "PowerShell of the worker", Some(("7.4.5", "7.4.6")), Open, 0.25);
        check(Worker, "operating system of the worker", Some(("Windows 10.0.1", "Windows 10.0.2")), Open, 3.0);
        check(Worker, "Calamari of the worker", Some(("2026.1.1", "2026.1.9")), Open, 0.25);
        check(Package, "release", Some(("1", "2")), Open, 0.2);
        check(Package, "release-notes", Some(("1", "2")), Open, 1.0);
        check(Variable, "variable Key", None, Own, 1.6);
        check(Event, "Certificate shop was replaced", None, Open, 1.0);
        check(Event, "Certificate shop was created", None, Open, 0.5);
        check(Event, "Certificate shop was renamed", None, Open, 0.3);
        check(Target, "health of target web-1", Some(("Unhealthy", "Healthy")), Open, 0.3);
        check(Target, "health of target web-1", Some(("Healthy", "Unhealthy")), Open, 1.0);
    }
    fn change(kind: ChangeKind, title: &str, before: Option<&str>, after: Option<&str>) -> Change {
        Change {
            kind,
            title: title.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
            details: None,
            step: None,
            who: None,
            when: None,
            url: None,
        }
    }

    #[test]
    fn what_people_read_and_tests_are_to_blame_less_often_than_what_a_program_runs_in() {
        let commit = |file: &str, line: &str| {
            let details = Some(format!("--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@\n-x\n+{line}\n"));
            of(&Change { details, ..change(Commit, "commit 1a2b3c4 X", None, None) }, Own, false)
        };
        let ordinary = commit("src/shop.cs", "int x;");
        for (file, line) in [("docs/run.md", "how to"), ("tests/run.cs", "int x;"), ("src/shop.spec.ts", "it()")] {
            assert!(commit(file, line) < ordinary, "{file}");
        }
        assert!(commit("Dockerfile", "FROM acme/run:8") > ordinary);
        assert!((commit("requirements.txt", "acme==8") - ordinary).abs() < 1e-9);
    }

    #[test]
    fn a_secret_is_to_blame_less_often_where_it_is_known_that_it_is_not_of_that_sort() {
        let secret = change(Variable, "variable Db:Password", None, None);
        for at in [Own, Before, Open] {
            assert!(of(&secret, at, true) < of(&secret, at, false), "{at:?}");
        }
    }

    #[test]
    fn another_release_of_a_system_is_told_from_its_patches() {
        for (before, after, expected) in [
            ("Microsoft Windows NT 10.0.20348.0", "Microsoft Windows NT 10.0.26100.0", true),
            ("Microsoft Windows NT 10.0.20348.1", "Microsoft Windows NT 10.0.20348.2", false),
            ("Debian GNU/Linux 12 (12.9)", "Debian GNU/Linux 12 (12.10)", false),
            ("Debian GNU/Linux 12 (12.9)", "Debian GNU/Linux 13 (13.1)", true),
            ("Ubuntu 22.04.4 LTS", "Ubuntu 22.04.5 LTS", false),
            ("Ubuntu 22.04.4 LTS", "Ubuntu 24.04.2 LTS", true),
            ("Ubuntu 22.04.4 LTS", "Alpine Linux 3.22", true),
            ("Alpine Linux 3.21", "Alpine Linux 3.22", true),
        ] {
            let system = change(Worker, "operating system of the worker", Some(before), Some(after));
            assert_eq!(is_another_system(&system), expected, "{before} {after}");
        }
        let shell =
            |before, after| of_another_ground(&change(Worker, "PowerShell of the worker", Some(before), Some(after)));
        assert!(shell("5.1.22621", "7.4.6") > shell("7.4.5", "7.4.6"));
    }
}

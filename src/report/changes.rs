//! What changed since the last good run, as every format tells it: the suspects first, each with its reason in words.

use std::collections::BTreeSet;

use super::{Report, words};
use crate::model::{Change, Stage, Suspect};

/// Changes beside the suspects that are shown; programs find the others in the JSON.
const MOST: usize = 40;
/// Characters of a value in a table.
const VALUE: usize = 120;
/// Characters of a value in a sentence.
const SHORT: usize = 60;
/// Lines of a diff or description that are shown.
const DETAILS: usize = 120;
/// What stands for the kind of a change where none is meant.
pub(super) const OUTSIDE: &str = "outside";
/// A suspect with a smaller score is only a possible one.
const LIKELY: f64 = 0.8;
/// And this one is hardly likely.
const FAINT: f64 = 0.1;

/// What is told of the changes.
pub(super) struct Changes {
    /// Which run this one was compared with, and why; empty when with none.
    pub(super) compared: String,
    /// Where to look at that run.
    pub(super) url: Option<String>,
    /// What the comparison says where it accuses nothing; empty where it does.
    pub(super) finding: String,
    /// The suspects, most likely first, and among them, at its place, that nothing which changed is to blame.
    pub(super) suspects: Vec<Row>,
    /// The other changes.
    pub(super) others: Vec<Row>,
    /// How many more there are.
    pub(super) more: usize,
}

/// One change.
#[derive(Default)]
pub(super) struct Row {
    /// What sort of thing.
    pub(super) kind: String,
    /// What changed.
    pub(super) what: String,
    /// Before and after, such as `1.0 → 1.1`; empty where neither may be shown.
    pub(super) values: String,
    /// Who changed it.
    pub(super) who: String,
    /// When, and whether that was after the run.
    pub(super) when: String,
    /// Where to look at it.
    pub(super) url: Option<String>,
    /// Of a suspect: its place among all that may be to blame, from 1; 0 for the others.
    pub(super) place: usize,
    /// Whether it is a suspect that is hardly likely.
    pub(super) is_faint: bool,
    /// For a suspect: why, such as `It names “ghcr.io”, as line 67 does.`
    pub(super) reason: String,
    /// The lines that show it: their ids and places.
    pub(super) lines: Vec<(usize, String)>,
    /// The change itself, such as a diff.
    pub(super) details: String,
}

/// All of this; `None` when nothing was compared.
pub(super) fn of(report: &Report) -> Option<Changes> {
    let case = &report.case;
    if case.baseline.is_none() && case.changes.is_empty() {
        return None;
    }
    let accused: BTreeSet<usize> = case.suspects.iter().map(|suspect| suspect.change).collect();
    let suspects = case.suspects.iter().filter_map(|suspect| {
        let change = case.changes.get(suspect.change)?;
        let known = suspect.lines.iter().filter_map(|&id| case.line(id));
        let lines = known.map(|line| (line.id, report.place_of(line))).collect();
        let is_faint = suspect.score < FAINT;
        Some(Row { reason: reason(report, suspect, change), lines, is_faint, ..row(report, change) })
    });
    let mut suspects: Vec<Row> = suspects.collect();
    let finding = finding(report).unwrap_or_default();
    if let Some(after) = case.outside_after.filter(|after| finding.is_empty() && *after <= suspects.len()) {
        suspects.insert(after, outside());
    }
    // Where it is likeliest that nothing which changed is to blame, the finding has the first place.
    let first = if finding.is_empty() { 1 } else { 2 };
    suspects.iter_mut().zip(first..).for_each(|(row, place)| row.place = place);
    let others = || case.changes.iter().enumerate().filter(|(index, _)| !accused.contains(index));
    Some(Changes {
        compared: case.baseline.as_ref().map(|_| compared(report)).unwrap_or_default(),
        url: case.baseline.as_ref().and_then(|(run, _)| run.url.as_deref()).and_then(words::link),
        finding,
        suspects,
        others: others().take(MOST).map(|(_, change)| row(report, change)).collect(),
        more: others().count().saturating_sub(MOST),
    })
}

/// The first suspect in a sentence or two: how sure, what, who, when and why.
pub(super) fn first_suspect(report: &Report) -> Option<String> {
    let (suspect, _) = report.case.first_suspect()?;
    let how = if suspect.score >= LIKELY { "First suspect" } else { "Possible suspect" };
    Some(format!("{how}: {}", sentence(report, suspect)?))
}

/// A suspect in a sentence or two: what, who, when and why.
pub(super) fn sentence(report: &Report, suspect: &Suspect) -> Option<String> {
    let change = report.case.changes.get(suspect.change)?;
    let (before, after) = (value(change.before.as_deref(), SHORT), value(change.after.as_deref(), SHORT));
    let values = match (before.is_empty(), after.is_empty()) {
        (false, false) => format!(" ({before} → {after})"),
        _ => String::new(),
    };
    let who = change.who.as_deref().map(words::one_line).filter(|who| !who.is_empty());
    let who = who.map(|who| format!(", by {who}")).unwrap_or_default();
    let when = change.when.map(|when| format!(", {}", words::moment(when))).unwrap_or_default();
    let what = words::shortened(&change.title, 160);
    Some(format!("{what}{values}{who}{when}. {}", reason(report, suspect, change)))
}

/// That nothing which changed is to blame, and where to look then.
pub(super) fn finding(report: &Report) -> Option<String> {
    let case = &report.case;
    if case.baseline.is_none() || !case.suspects.is_empty() && case.outside_after != Some(0) {
        return None;
    }
    // Something could not be read: it may have changed too.
    let is_unsure = report.notes.iter().any(|note| note.stage == Stage::Collect);
    if case.changes.is_empty() && is_unsure {
        let text =
            "No change since the last good run was found, but not all could be read: see what could not be done.";
        return Some(text.to_owned());
    }
    let what = if is_unsure { "that is known to have changed" } else { "that changed" };
    let (clearly, first) = if case.suspects.is_empty() { ("", "") } else { (" clearly", " first") };
    let what = if case.changes.is_empty() {
        "Nothing is known to have changed since the last good run.".to_owned()
    } else {
        format!("Nothing {what}{clearly} touches this.")
    };
    Some(format!(
        "{what} Look outside{first}: at what expires (certificates, secrets, tokens), what runs out (quotas, rate limits, \
         disks) and what others run (registries, clouds, networks)."
    ))
}

/// That nothing which changed is to blame, as one of several that may be.
fn outside() -> Row {
    let reason = "Then look at what expires, what runs out and what others run.".to_owned();
    Row { kind: OUTSIDE.to_owned(), what: "nothing that changed".to_owned(), reason, ..Row::default() }
}

fn compared(report: &Report) -> String {
    let Some((run, why)) = &report.case.baseline else { return String::new() };
    let title = [&run.title, &run.id].into_iter().map(|text| words::one_line(text)).find(|text| !text.is_empty());
    let when = run.finished.or(run.started).map(|when| format!(" ({})", words::moment(when))).unwrap_or_default();
    let why = words::one_line(why);
    let why = if why.is_empty() { why } else { format!(": {why}") };
    words::sentence(&format!("Compared with {}{when}{why}", title.unwrap_or_else(|| "an earlier run".to_owned())), 400)
}

fn row(report: &Report, change: &Change) -> Row {
    let (before, after) = (value(change.before.as_deref(), VALUE), value(change.after.as_deref(), VALUE));
    let run = &report.case.run;
    let late = change.when.zip(run.finished.or(run.started)).is_some_and(|(when, run)| when > run);
    let when = change.when.map(words::moment).unwrap_or_default();
    Row {
        kind: words::change_kind(change.kind).replace('-', " "),
        what: words::shortened(&change.title, 200),
        values: match (before.is_empty(), after.is_empty()) {
            (true, true) => String::new(),
            (true, false) => format!("→ {after}"),
            (false, true) => format!("{before} →"),
            (false, false) => format!("{before} → {after}"),
        },
        who: change.who.as_deref().map(words::one_line).unwrap_or_default(),
        when: if late { format!("{when}, after this run") } else { when },
        url: change.url.as_deref().and_then(words::link),
        details: details(change.details.as_deref().unwrap_or_default()),
        ..Row::default()
    }
}

fn value(text: Option<&str>, longest: usize) -> String {
    words::shortened(text.unwrap_or_default(), longest)
}

/// A few lines of the change: how it begins, then its diff, and how many are left out.
pub(super) fn brief(details: &str, most: usize) -> Vec<String> {
    let lines: Vec<&str> = details.lines().collect();
    if lines.len() <= most {
        return lines.into_iter().map(str::to_owned).collect();
    }
    let diff = lines.iter().position(|line| line.starts_with("--- ")).unwrap_or(0);
    let head = diff.min(most / 3);
    let mut shown: Vec<String> = lines.iter().take(head).map(|line| (*line).to_owned()).collect();
    shown.extend((diff > head).then(|| "…".to_owned()));
    let rest = lines.iter().skip(diff).take(most - head);
    let left = lines.len() - head - rest.len();
    shown.extend(rest.map(|line| (*line).to_owned()));
    shown.push(format!("… {} not shown …", words::count(left, "line")));
    shown
}

/// The change in full, but for the end of a very long one.
fn details(text: &str) -> String {
    let text = words::plain(text);
    let count = text.lines().count();
    let mut shown: Vec<&str> = text.lines().take(DETAILS).collect();
    let rest = (count > DETAILS).then(|| format!("… {} not shown …", words::count(count - DETAILS, "line")));
    shown.extend(rest.as_deref());
    shown.join("\n").trim_end().to_owned()
}

/// Why a change is a suspect.
fn reason(report: &Report, suspect: &Suspect, change: &Change) -> String {
    let case = &report.case;
    let named: Vec<String> =
        suspect.words.iter().map(|word| format!("“{}”", words::shortened(word, SHORT))).take(3).collect();
    let places: Vec<String> =
        suspect.lines.iter().filter_map(|&id| case.line(id)).map(|line| report.place_of(line)).take(2).collect();
    let mut steps = case.steps.iter().filter(|step| step.culprit);
    let failed = change.step.as_deref().is_some_and(|name| steps.any(|step| step.name.eq_ignore_ascii_case(name)));
    let own = if failed { "belongs to the step that failed" } else { "" };
    if named.is_empty() {
        return match (failed, report.diagnosis.kind.as_deref()) {
            (true, _) => format!("It {own}."),
            (false, Some(kind)) => {
                format!("It is of the sort that failures of the kind {} come of.", words::one_line(kind))
            }
            (false, None) => "It is of the sort that such failures come of.".to_owned(),
        };
    }
    let do_so = if places.len() > 1 { "do" } else { "does" };
    let shown = if places.is_empty() { String::new() } else { format!(", as {} {do_so}", listed(&places)) };
    let own = if failed { format!(", and {own}") } else { String::new() };
    format!("It names {}{shown}{own}.", listed(&named))
}

fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_first_suspect_is_told_with_who_what_when_and_why() {
        assert_eq!(
            first_suspect(&sample::suspected()).unwrap(),
            "First suspect: script of step Scan for Security Vulnerabilities, by anna@example.com, \
             2026-02-09 16:20:00 UTC. It names “ghcr.io” and “trivy-db”, as line 20 does, and belongs to the step that \
             failed."
        );
        assert_eq!(first_suspect(&sample::story()), None);
    }

    #[test]
    fn where_nothing_that_changed_is_to_blame_that_is_a_finding() {
        let check = |report: &Report, expected: Option<&str>| {
            let finding = finding(report);
            assert_eq!(finding.is_some(), expected.is_some());
            assert!(finding.unwrap_or_default().starts_with(expected.unwrap_or_default()));
        };
        check(&sample::suspected(), None);
        check(&sample::story(), None);
        let known = sample::unsuspected();
        check(&known, Some("Nothing that changed touches this. Look outside"));
        let blind = Report { notes: sample::story().notes, ..known };
        check(&blind, Some("Nothing that is known to have changed touches this. Look outside"));
    }

    #[test]
    fn that_nothing_which_changed_is_to_blame_has_its_place_among_the_suspects() {
        let check = |after: Option<usize>, expected: &[(usize, &str)], finding: &str, first: bool| {
            let report = sample::unsure(after);
            let changes = of(&report).unwrap();
            let told: Vec<(usize, &str)> = changes.suspects.iter().map(|row| (row.place, row.kind.as_str())).collect();
            assert_eq!(told, expected);
            assert!(changes.finding.starts_with(finding) && changes.finding.is_empty() == finding.is_empty());
            assert_eq!(first_suspect(&report).is_some(), first);
        };
        check(None, &[(1, "process"), (2, "variable")], "", true);
        check(Some(2), &[(1, "process"), (2, "variable"), (3, "outside")], "", true);
        check(Some(1), &[(1, "process"), (2, "outside"), (3, "variable")], "", true);
        check(
            Some(0),
            &[(2, "process"), (3, "variable")],
            "Nothing that is known to have changed clearly touches this. Look outside first:",
            false,
        );
    }

    #[test]
    fn suspects_come_first_and_no_change_twice() {
        let changes = of(&sample::suspected()).unwrap();
        let whats = |rows: &[Row]| rows.iter().map(|row| row.what.clone()).collect::<Vec<_>>();
        assert_eq!(
            whats(&changes.suspects),
            ["script of step Scan for Security Vulnerabilities", "variable Scan:Registry"]
        );
        assert_eq!(changes.others.len() + changes.suspects.len(), 7);
        assert!(changes.others.iter().any(|row| row.when.ends_with("after this run")));
        assert_eq!(
            changes.compared,
            "Compared with Deploy Octopus Copilot Function release 0.1.1981 to Security (2026-02-09 08:14:00 UTC): the last success in Security."
        );
    }

    #[test]
    fn a_long_change_is_shown_by_how_it_begins_and_its_diff() {
        let check = |details: &str, expected: &[&str]| assert_eq!(brief(details, 6), expected);
        check("a\nb", &["a", "b"]);
        check(
            "a\nb\nc\nd\n--- x\n+++ x\n@@\n+1\n+2",
            &["a", "b", "…", "--- x", "+++ x", "@@", "+1", "… 3 lines not shown …"],
        );
        check("@@\n1\n2\n3\n4\n5\n6", &["@@", "1", "2", "3", "4", "5", "… 1 line not shown …"]);
        check("1\n--- x\n2\n3\n4\n5\n6", &["1", "--- x", "2", "3", "4", "5", "… 1 line not shown …"]);
    }

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let changes = of(&sample::many()).unwrap();
        assert_eq!((changes.others.len(), changes.more), (MOST, 60));
    }
}

//! What speaks against a change whatever words it shares with the evidence: it came into play too late, or it has no power over
//! such a failure.

use std::collections::HashSet;

use super::form::{self, holds};
use super::names::{self, says};
use super::said::is_alone;
use super::topic::{PLAIN_AND_TLS, without_options};
use super::touched;
use crate::model::{Change, ChangeKind, Log, Outcome};

mod words;

use words::{
    ACQUISITION, CERTIFICATES, ELSEWHERE, EVENTS, MERGED, MERGES, OF_LIBRARIES, OF_TIME, ON_THE_WAY, OVER_LIMIT,
    SETTINGS, WORDS_ONLY,
};

/// What is known of the run to judge by.
pub(super) struct Scene {
    /// Steps that failed.
    failed: HashSet<String>,
    /// Steps of the run that had begun when it failed, and those that had not.
    begun: HashSet<String>,
    not_yet: HashSet<String>,
    /// Steps that came before it in the good run, and no longer do.
    displaced: HashSet<String>,
    /// Machines on which it failed while others did the same well.
    alone: Vec<String>,
    /// The kind of the failure, and which words of the tables its loud lines say.
    kind: String,
    said: HashSet<&'static str>,
    /// Its loud lines, in lower case.
    lines: Vec<String>,
    /// Whether a certificate reached its end.
    ran_out: bool,
    /// Whether more was asked for than is allowed.
    pub(super) over_limit: bool,
}

/// How a change and the step that failed belong together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bearing {
    /// It is of that step, or that step uses it.
    Own,
    /// An earlier step uses it.
    Before,
    /// Which step uses it is not known.
    Open,
    /// Only steps use it that had not begun.
    Later,
}

impl Scene {
    /// The scene of a run's failure.
    pub(super) fn of<'a>(
        log: &Log,
        baseline: Option<&Log>,
        kind: Option<&str>,
        lines: impl Iterator<Item = &'a str>,
        expired: bool,
    ) -> Self {
        let plain = |name: &str| name.trim().to_lowercase();
        let culprits = || log.steps.iter().filter(|step| step.culprit);
        let failed: HashSet<String> = culprits().map(|step| plain(&step.name)).collect();
        let first = log.steps.iter().position(|step| step.culprit).unwrap_or(log.steps.len());
        let ended = culprits().filter_map(|step| step.finished).max();
        let begun: HashSet<String> = log
            .steps
            .iter()
            .enumerate()
            .filter(|(index, step)| match (step.started, ended) {
                (Some(started), Some(ended)) => started < ended,
                _ => *index <= first && step.outcome != Outcome::Skipped,
            })
            .map(|(_, step)| plain(&step.name))
            .collect();
        let not_yet = if failed.is_empty() {
            HashSet::new()
        } else {
            log.steps.iter().skip(first).map(|step| plain(&step.name)).filter(|name| !begun.contains(name)).collect()
        };
        let lines: Vec<String> = lines
            .map(|line| {
                without_options(line.get(..line.floor_char_boundary(2_000)).unwrap_or(line))
                    .replace("check sum", "checksum")
            })
            .collect();
        let tables = SETTINGS.iter().map(|one| one.makes).chain(EVENTS.iter().map(|one| one.makes));
        let words = tables
            .chain([OF_LIBRARIES, OF_TIME, ON_THE_WAY, CERTIFICATES, PLAIN_AND_TLS, OVER_LIMIT, MERGED])
            .flatten()
            .copied();
        let said: HashSet<&str> = words.filter(|word| lines.iter().any(|line| says(line, word))).collect();
        let over_limit = OVER_LIMIT.iter().any(|word| said.contains(word));
        let ran_out = expired && CERTIFICATES.iter().any(|word| said.contains(word));
        let alone = culprits().filter(|step| is_alone(log, step)).filter_map(|step| step.place.as_deref());
        let alone = alone.flat_map(|place| place.split(" › ")).map(plain).collect();
        let displaced = baseline.map(|good| displaced(good, &failed, &begun)).unwrap_or_default();
        Self {
            failed,
            begun,
            not_yet,
            displaced,
            alone,
            lines,
            kind: kind.unwrap_or_default().to_owned(),
            said,
            ran_out,
            over_limit,
        }
    }

    /// Whether `change` is why a step that came before the failed one in the good run no longer does: it was moved, removed,
    /// switched off or skipped.
    pub(super) fn is_displaced(&self, change: &Change) -> bool {
        let names = || {
            let texts = [change.before.as_deref(), change.after.as_deref(), change.step.as_deref()];
            texts.into_iter().flatten().flat_map(|text| text.split(", ")).map(|name| name.trim().to_lowercase())
        };
        change.kind == ChangeKind::Process && names().any(|name| self.displaced.contains(&name))
    }

    /// Whether `change` is why a step that stopped others no longer comes before the failed one.
    pub(super) fn lets_go_on(&self, change: &Change) -> bool {
        const STOPS: &[&str] = &[
            "stop",
            "pause",
            "drain",
            "disable",
            "suspend",
            "quiesce",
            "shut",
            "offline",
            "maintenance",
            "kill",
            "lock",
            "disconnect",
        ];
        let stops = |name: &String| STOPS.iter().any(|verb| name.contains(verb));
        let texts = [change.before.as_deref(), change.step.as_deref(), Some(change.title.as_str())];
        let texts: Vec<String> = texts.into_iter().flatten().map(str::to_lowercase).collect();
        let is_of = |name: &String| texts.iter().any(|text| text.contains(name.as_str()));
        self.is_displaced(change) && self.displaced.iter().any(|name| stops(name) && is_of(name))
    }

    /// Whether `change` is of a machine on which it failed while others did the same well.
    pub(super) fn is_of_who_fails_alone(&self, change: &Change) -> bool {
        let title = change.title.to_lowercase();
        let is_of = |place: &String| title.strip_suffix(place.as_str()).is_some_and(|rest| rest.ends_with("target "));
        let names = |place: &String| title.split_whitespace().any(|word| word.trim_end_matches(':') == place);
        change.kind == ChangeKind::Target && self.alone.iter().any(is_of)
            || change.kind == ChangeKind::Event && self.alone.iter().any(names)
    }

    /// Whether `change` takes a step out of the process, wherever it stood.
    pub(super) fn takes_out(&self, change: &Change) -> bool {
        let is_off = change.title.starts_with("state of step ") && change.after.as_deref() == Some("disabled");
        change.kind == ChangeKind::Process
            && self.bearing(change) != Bearing::Later
            && (change.title.starts_with("removed step ") || is_off)
    }

    /// Whether a line that tells why speaks of the step that `change` is of.
    pub(super) fn speaks_of(&self, change: &Change) -> bool {
        let step = change.step.as_ref().map(|step| step.trim().to_lowercase()).filter(|step| step.contains(' '));
        step.is_some_and(|step| self.lines.iter().any(|line| line.contains(&step)))
    }

    /// Whether another version of a library makes such failures.
    pub(super) fn is_of_libraries(&self) -> bool {
        self.is(OF_LIBRARIES) && !self.is(ON_THE_WAY)
    }

    pub(super) fn bearing(&self, change: &Change) -> Bearing {
        let Some(step) = change.step.as_ref().map(|step| step.trim().to_lowercase()) else { return Bearing::Open };
        // What later steps deploy is fetched before any of them begins.
        let is_fetched = self.failed.iter().any(|failed| failed.starts_with(ACQUISITION));
        let is_brought = matches!(change.kind, ChangeKind::Commit | ChangeKind::Package);
        if self.failed.contains(&step) {
            Bearing::Own
        } else if is_brought && self.displaced.contains(&step) {
            // What a step brings that did not run is not there.
            Bearing::Later
        } else if is_fetched && change.kind == ChangeKind::Package {
            Bearing::Open
        } else if self.not_yet.contains(&step) {
            Bearing::Later
        } else if self.begun.contains(&step) {
            Bearing::Before
        } else {
            Bearing::Open
        }
    }

    /// From 1 where nothing speaks against `change` to nearly 0 where it cannot have done it.
    pub(super) fn doubt(&self, change: &Change) -> f64 {
        let title = change.title.to_lowercase();
        let at = self.bearing(change);
        // What had not begun cannot have failed, though a variable may be read by other ways than scripts and settings show.
        let late = match change.kind {
            ChangeKind::Process => 0.1,
            ChangeKind::Commit | ChangeKind::Package | ChangeKind::Event => 0.4,
            _ => 0.6,
        };
        if at == Bearing::Later {
            return late;
        }
        // How long something may take matters where something took long.
        if form::is_patience(change) && (!self.is(OF_TIME) || !self.over_limit && form::is_eased(change)) {
            return 0.45;
        }
        match change.kind {
            // What an earlier step does otherwise, though it succeeds, harms later ones less often.
            ChangeKind::Process if at == Bearing::Before && title.starts_with("script of step ") => 0.85,
            ChangeKind::Process => {
                // A way to run alone says nothing of other steps.
                match SETTINGS.iter().find(|setting| title.starts_with(setting.title)) {
                    Some(_) if at != Bearing::Own && change.step.is_some() => 0.2,
                    Some(setting) if !self.is(setting.makes) => 0.35,
                    None if title.starts_with("setting ") && title.contains("timeout") && !self.is(OF_TIME) => 0.35,
                    _ => 1.0,
                }
            }
            // A certificate that ran out is not replaced by another secret.
            ChangeKind::Variable
                if change.before.is_none()
                    && change.after.is_none()
                    && self.ran_out
                    && !holds(change, CERTIFICATES) =>
            {
                0.4
            }
            // A machine of which the server warns still works.
            ChangeKind::Event if title.ends_with(" is haswarnings") => 0.75,
            ChangeKind::Event => {
                let about = EVENTS.iter().find(|about| title.starts_with(about.title));
                let other_side = title.starts_with("certificate ") && self.is(PLAIN_AND_TLS);
                if about.is_none_or(|about| self.is(about.makes)) && !other_side { 1.0 } else { 0.4 }
            }
            // Who holds a file or a port open holds it whatever is in it.
            ChangeKind::Commit if matches!(self.kind.as_str(), "file-locked" | "port-in-use") => 0.35,
            ChangeKind::Commit => {
                let message = message(&title);
                let first = message.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                // A merge brings what others made, which stands beside it.
                if MERGES.iter().any(|start| message.starts_with(start)) {
                    return if self.is(MERGED) { 1.0 } else { 0.3 };
                }
                let is_bump = BUMPS.contains(&first);
                // Even the looks of a migration may not change.
                let is_looked_at = self.kind == "database-migration" || self.said.contains("checksum");
                // What lines that tell why name is not unrelated, whatever they say of it.
                let unrelated = is_bump && !self.is(OF_LIBRARIES) && !self.names_what_is_bumped(message);
                // `indexes.js: format` says what it does behind what it does it to.
                let second =
                    message.split_once(": ").and_then(|(_, rest)| rest.split(|c: char| !c.is_alphanumeric()).next());
                let is_for_readers = [Some(first), second].into_iter().flatten().any(|word| WORDS_ONLY.contains(&word));
                // What was not there before has no checksum that could differ.
                if self.said.contains("checksum") && touched::is_shown(change) && !touched::edits(change) {
                    return 0.5;
                }
                // What could not be fetched is named, in whatever version.
                if is_bump && self.is(ON_THE_WAY) {
                    0.25
                } else if unrelated {
                    0.4
                } else if is_for_readers && !is_looked_at {
                    0.5
                } else {
                    1.0
                }
            }
            ChangeKind::Worker if ELSEWHERE.contains(&self.kind.as_str()) => 0.5,
            _ => 1.0,
        }
    }

    /// Whether a loud line names what a commit with this `message`, in lower case, takes another version of: `bump a.b from 1 to 2`.
    fn names_what_is_bumped(&self, message: &str) -> bool {
        let name = message.split_whitespace().nth(1).unwrap_or_default().trim_matches(['`', '"', '\'', ':']);
        let is_name = |name: &str| name.len() > 5 && name.contains(['.', '-', '/', '_', ':']);
        // `Acme.Data.SqlServer` is of `Acme.Data`.
        let family = name.rsplit_once('.').map(|(family, _)| family).filter(|family| is_name(family));
        // `@acme/test` is of `acme`.
        let part =
            |name: &&str| name.len() > 5 && !names::is_common(name) && name.bytes().all(|b| b.is_ascii_alphabetic());
        let parts = name.split(|c: char| !c.is_alphanumeric()).filter(part);
        let names = [Some(name).filter(|name| is_name(name)), family];
        // A patch breaks little, whatever is named.
        let versions = message.split_once(" from ").and_then(|(_, rest)| rest.split_once(" to "));
        if versions.is_some_and(|(before, after)| form::leap(before, after) < 0.8) {
            return false;
        }
        names.into_iter().flatten().chain(parts).any(|name| self.lines.iter().any(|line| says(line, name)))
    }

    /// Whether the failure is of one of these kinds, or says one of these words.
    fn is(&self, words: &[&'static str]) -> bool {
        words.iter().any(|word| self.kind == *word || self.said.contains(word))
    }
}

/// The steps of the good run that came before one that failed now, and did not begin now.
fn displaced(good: &Log, failed: &HashSet<String>, begun: &HashSet<String>) -> HashSet<String> {
    let names = || good.steps.iter().map(|step| step.name.trim().to_lowercase());
    let Some(first) = names().position(|name| failed.contains(&name)) else { return HashSet::new() };
    names().take(first).filter(|name| !begun.contains(name) && !failed.contains(name)).collect()
}

/// With which words the message of a commit begins that takes another version of something.
const BUMPS: &[&str] = &["bump", "upgrade", "update"];

/// Whether a commit says that it takes another version of something.
pub(super) fn is_bump(change: &Change) -> bool {
    let title = change.title.to_lowercase();
    let first = message(&title).split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    change.kind == ChangeKind::Commit && BUMPS.contains(&first)
}

/// What a commit's title says behind its word and number.
fn message(title: &str) -> &str {
    let rest = title.strip_prefix("commit ").unwrap_or(title);
    rest.split_once(' ').map_or(rest, |(_, message)| message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::LogBuilder;
    use crate::model::Step;

    /// Whether anything speaks against a change of this title where the second of three steps fails.
    fn check(kind: ChangeKind, title: &str, step: Option<&str>, line: &str, expected: bool) {
        let mut builder = LogBuilder::default();
        for (name, outcome) in [("One", Outcome::Succeeded), ("Two", Outcome::Failed), ("Three", Outcome::Skipped)] {
            builder.step(Step {
                name: name.to_owned(),
                place: None,
                outcome,
                culprit: name == "Two",
                started: None,
                finished: None,
                attempts: 1,
                depth: 0,
            });
        }
        let change = Change {
            kind,
            title: title.to_owned(),
            before: None,
            after: None,
            details: None,
            step: step.map(str::to_owned),
            who: None,
            when: None,
            url: None,
        };
        let doubt = Scene::of(&builder.finish(), None, None, [line].into_iter(), false).doubt(&change);
        assert_eq!(doubt < 1.0, expected, "{title}: {line}");
    }

    #[test]
    fn a_step_that_had_not_begun_has_an_alibi() {
        check(ChangeKind::Process, "script of step Three", Some("Three"), "boom", true);
        check(ChangeKind::Process, "script of step Two", Some("Two"), "boom", false);
        check(ChangeKind::Process, "container image of step One", Some("One"), "boom", false);
        check(ChangeKind::Process, "removed step Four", Some("Four"), "boom", false);
    }

    #[test]
    fn a_step_that_no_longer_comes_before_is_displaced() {
        let log = |names: &[(&str, Outcome)]| {
            let mut builder = LogBuilder::default();
            for (name, outcome) in names {
                builder.step(Step {
                    name: (*name).to_owned(),
                    place: None,
                    outcome: *outcome,
                    culprit: *outcome == Outcome::Failed,
                    started: None,
                    finished: None,
                    attempts: 1,
                    depth: 0,
                });
            }
            builder.finish()
        };
        let good = log(&[("Stop", Outcome::Succeeded), ("Copy", Outcome::Succeeded), ("Tell", Outcome::Succeeded)]);
        let now = log(&[("Copy", Outcome::Failed), ("Stop", Outcome::Skipped), ("Tell", Outcome::Skipped)]);
        let scene = Scene::of(&now, Some(&good), None, [].into_iter(), false);
        for (kind, title, before, expected) in [
            (ChangeKind::Process, "order of the steps", "Stop, Copy", true),
            (ChangeKind::Process, "order of the steps", "Tell, Copy", false),
            (ChangeKind::Variable, "variable Order", "Stop, Copy", false),
        ] {
            let change = Change {
                kind,
                title: title.to_owned(),
                before: Some(before.to_owned()),
                after: None,
                details: None,
                step: None,
                who: None,
                when: None,
                url: None,
            };
            assert_eq!(scene.is_displaced(&change), expected, "{before}");
            // Of the two it is the one that stops something.
            assert_eq!(scene.lets_go_on(&change), expected, "{before}");
        }
    }

    #[test]
    fn what_another_version_was_taken_of_is_not_unrelated_where_the_lines_name_it() {
        let bump = "commit 1a2b3c4 Bump Acme.Data.Client from 3.1.5 to 5.2.2 (#12)";
        check(ChangeKind::Commit, bump, None, "Acme.Data.Client.Error: the server is not trusted", false);
        check(ChangeKind::Commit, bump, None, "Other.Data.Error: the server is not trusted", true);
        check(ChangeKind::Commit, "commit 1a2b3c4 Update tests", None, "the tests say the server is not trusted", true);
    }

    #[test]
    fn a_checksum_differs_where_something_was_edited_that_was_there() {
        for (diff, expected) in [("+CREATE TABLE b (id int);", true), ("-create table a\n+CREATE TABLE a", false)] {
            let change = Change {
                kind: ChangeKind::Commit,
                title: "commit 1a2b3c4 Tables".to_owned(),
                before: None,
                after: None,
                details: Some(format!("--- a/V1.sql\n+++ b/V1.sql\n@@ -1 +1 @@\n{diff}\n")),
                step: None,
                who: None,
                when: None,
                url: None,
            };
            let lines = ["Migration checksum mismatch for migration version 1"];
            let scene = Scene::of(&LogBuilder::default().finish(), None, None, lines.into_iter(), false);
            assert_eq!(scene.doubt(&change) < 1.0, expected, "{diff}");
        }
    }

    #[test]
    fn a_setting_has_power_over_its_own_step_and_some_failures_only() {
        check(ChangeKind::Process, "time limit in minutes of step Two", Some("Two"), "the script timed out", false);
        check(ChangeKind::Process, "time limit in minutes of step Two", Some("Two"), "no such file", true);
        check(ChangeKind::Process, "time limit in minutes of step One", Some("One"), "the script timed out", true);
    }

    #[test]
    fn an_event_is_to_blame_for_what_its_thing_does() {
        check(ChangeKind::Event, "Certificate shop.example was modified", None, "413 too large", true);
        check(ChangeKind::Event, "Certificate shop.example was modified", None, "TLS handshake failed", false);
        check(ChangeKind::Event, "Certificate shop.example was modified", None, "SSL: wrong version number", true);
        check(ChangeKind::Event, "Account Azure was modified", None, "413 too large", false);
    }

    #[test]
    fn words_for_readers_and_unrelated_libraries_break_little() {
        check(ChangeKind::Commit, "commit 1a2b3c4 README: how to run it", None, "boom", true);
        check(ChangeKind::Commit, "commit 1a2b3c4 Bump redis from 1 to 2", None, "connection refused", true);
        check(ChangeKind::Commit, "commit 1a2b3c4 Bump redis from 1 to 2", None, "redis is incompatible", false);
        check(ChangeKind::Commit, "commit 1a2b3c4 Round totals", None, "connection refused", false);
    }
}

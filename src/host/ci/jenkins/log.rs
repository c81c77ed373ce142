//! A build's console: which stage of the pipeline each line belongs to.
//!
//! A pipeline writes `[Pipeline] { (NAME)` where a stage or a branch of several that run side by side begins, and `[Pipeline] }`
//! where any block ends. Of such branches each line begins with its name in brackets. A freestyle build has no stages.

use std::io::{self, Read};
use std::sync::LazyLock;

use regex::Regex;

use crate::clean::plain;
use crate::model::{Level, Log, Outcome, Step};

use super::wire::Node;

/// The time that the Timestamper plugin puts before each line, if it is set to do so for all pipelines.
static STAMP: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\] ?").ok());
/// What is said of a stage that does not run because an earlier one failed.
const SKIPPED: &str = " skipped due to earlier failure(s)";
/// What tidies up or tells after a failure did not fail. We run there ourselves.
const AFTER: &str = "Declarative: Post Actions";

/// Reads a build's console; `stages` tell how each stage ended, where that is known.
pub(super) fn read(source: impl Read, stages: &[Node]) -> io::Result<Log> {
    let mut log = plain(source)?;
    let mut open: Vec<Option<usize>> = Vec::new();
    for index in 0..log.lines.len() {
        let line = log.line(index);
        let stamp = STAMP.as_ref().and_then(|stamp| stamp.captures(line));
        let length = stamp.as_ref().and_then(|stamp| stamp.get(0)).map_or(0, |all| all.len());
        let time = stamp.and_then(|stamp| stamp.get(1)?.as_str().parse().ok());
        let text = line.get(length..).unwrap_or_default().to_owned();
        if let Some(block) = text.strip_prefix("[Pipeline] {") {
            let name = block.strip_prefix(" (").and_then(|name| name.strip_suffix(')'));
            let name = name.map(|name| name.strip_prefix("Branch: ").unwrap_or(name));
            open.push(name.map(|name| {
                log.steps.push(step(name, open.iter().flatten().count()));
                log.steps.len() - 1
            }));
        }
        let inside = open.iter().rev().flatten().next().copied();
        let current = branch(&log, &text).or(inside);
        if let Some(step) = current.and_then(|at| log.steps.get_mut(at)) {
            step.started = step.started.or(time);
            step.finished = time.or(step.finished);
            if text.starts_with("Stage \"") && text.ends_with(SKIPPED) {
                step.outcome = Outcome::Skipped;
            }
        }
        if text == "[Pipeline] }" {
            open.pop();
        }
        if let Some(line) = log.lines.get_mut(index) {
            line.start += length;
            (line.time, line.step, line.level) = (time, current, level(&text));
        }
    }
    judge(&mut log, stages);
    Ok(log)
}

fn step(name: &str, depth: usize) -> Step {
    Step {
        name: name.to_owned(),
        place: None,
        outcome: Outcome::Succeeded,
        culprit: false,
        started: None,
        finished: None,
        attempts: 1,
        depth,
    }
}

/// A stage of a build that succeeded.
pub(super) fn succeeded(step: Step) -> Step {
    let outcome = if step.outcome == Outcome::Failed { Outcome::Succeeded } else { step.outcome };
    Step { outcome, culprit: false, ..step }
}

/// The stage whose name stands in brackets before a line, as where several run side by side.
fn branch(log: &Log, text: &str) -> Option<usize> {
    let (name, _) = text.strip_prefix('[')?.split_once("] ")?;
    log.steps.iter().rposition(|step| step.name == name)
}

fn level(text: &str) -> Level {
    if text.starts_with("ERROR: ") || text.starts_with("FATAL: ") { Level::Error } else { Level::Info }
}

/// Says of each stage how it ended: as the server does, else as the console tells. There the last one at work failed.
fn judge(log: &mut Log, stages: &[Node]) {
    let mut stages: Vec<Option<&Node>> = stages.iter().map(Some).collect();
    for step in &mut log.steps {
        // Stages of one name follow each other in both.
        let same =
            |node: &&mut Option<&Node>| node.is_some_and(|node| node.name.as_deref() == Some(step.name.as_str()));
        let Some(node) = stages.iter_mut().find(same).and_then(Option::take) else { continue };
        step.outcome = node.outcome();
        step.started = node.started().or(step.started);
        step.finished = node.finished().or(step.finished);
    }
    let is_work = |step: &&Step| step.outcome != Outcome::Skipped && step.name != AFTER;
    let known = log.steps.iter().any(|step| step.outcome == Outcome::Failed);
    if !known
        && let Some(at) = log.steps.iter().rposition(|step| is_work(&step))
        && let Some(last) = log.steps.get_mut(at)
    {
        last.outcome = Outcome::Failed;
    }
    // A stage that holds the one that failed failed with it.
    let outcomes: Vec<(Outcome, usize)> = log.steps.iter().map(|step| (step.outcome, step.depth)).collect();
    for (at, step) in log.steps.iter_mut().enumerate() {
        let below = outcomes.iter().skip(at + 1).take_while(|(_, depth)| *depth > step.depth);
        let passed_on = below.clone().any(|(outcome, _)| *outcome == Outcome::Failed);
        step.culprit = step.outcome == Outcome::Failed && !passed_on;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSOLE: &str = "\
Started by user ann
[Pipeline] Start of Pipeline
[Pipeline] node
[Pipeline] {
[Pipeline] stage
[Pipeline] { (Build)
[2026-08-22T00:44:03.123Z] + make
[Pipeline] }
[Pipeline] // stage
[Pipeline] stage
[Pipeline] { (Test)
[Pipeline] parallel
[Pipeline] { (Branch: linux)
[Pipeline] { (Branch: windows)
[linux] + make test
[windows] no such file
[linux] ok
[Pipeline] }
[Pipeline] }
[Pipeline] // parallel
[Pipeline] }
[Pipeline] // stage
[Pipeline] stage
[Pipeline] { (Deploy)
Stage \"Deploy\" skipped due to earlier failure(s)
[Pipeline] }
[Pipeline] // stage
[Pipeline] stage
[Pipeline] { (Declarative: Post Actions)
[Pipeline] sh
ERROR: script returned exit code 2
";

    fn outcomes(log: &Log) -> Vec<(&str, Outcome, bool)> {
        log.steps.iter().map(|step| (step.name.as_str(), step.outcome, step.culprit)).collect()
    }

    #[test]
    fn a_line_belongs_to_the_stage_around_it_or_the_branch_before_it() {
        let node = |name: &str, status: &str| Node {
            name: Some(name.to_owned()),
            status: Some(status.to_owned()),
            ..Node::default()
        };
        let stages = [
            node("Build", "SUCCESS"),
            node("Test", "FAILED"),
            node("windows", "FAILED"),
            node("Deploy", "NOT_EXECUTED"),
        ];
        let log = read(CONSOLE.as_bytes(), &stages).unwrap();
        let expected = [
            ("Build", Outcome::Succeeded, false),
            ("Test", Outcome::Failed, false),
            ("linux", Outcome::Succeeded, false),
            ("windows", Outcome::Failed, true),
            ("Deploy", Outcome::Skipped, false),
            ("Declarative: Post Actions", Outcome::Succeeded, false),
        ];
        assert_eq!(outcomes(&log), expected);
        let of = |text: &str| (0..log.lines.len()).find(|at| log.line(*at) == text).map(|at| log.lines[at]);
        assert_eq!(of("+ make").map(|line| (line.step, line.time.is_some())), Some((Some(0), true)));
        assert_eq!(of("[linux] ok").map(|line| line.step), Some(Some(2)));
        assert_eq!(of("[windows] no such file").map(|line| line.step), Some(Some(3)));
        assert_eq!(of("Started by user ann").map(|line| line.step), Some(None));
        assert_eq!(of("ERROR: script returned exit code 2").map(|line| line.level), Some(Level::Error));
    }

    #[test]
    fn without_the_servers_word_the_last_stage_at_work_failed() {
        let (before, after) = CONSOLE.split_once("[Pipeline] parallel").unwrap();
        let (_, after) = after.split_once("// parallel\n").unwrap();
        let log = read(format!("{before}{after}").as_bytes(), &[]).unwrap();
        let culprits: Vec<_> = log.steps.iter().filter(|step| step.culprit).map(|step| step.name.as_str()).collect();
        assert_eq!(culprits, ["Test"]);
        let freestyle = read("+ make\nno rule\nFinished: FAILURE\n".as_bytes(), &[]).unwrap();
        assert!(freestyle.steps.is_empty());
    }
}

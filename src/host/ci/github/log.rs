//! A job's log: which step each line belongs to.
//!
//! Each step begins with a line `##[group]Run …`; its output follows the group and ends before the next one. Which of the job's
//! steps that is, the times of both tell: those of lines have seven digits of a second, those of steps none.

use std::io::{self, Read};
use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;

use crate::clean::plain;
use crate::model::{Level, Log, Outcome, Step};

use super::wire;

/// A line's time: `2026-08-22T00:44:03.1234567Z `.
static STAMP: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\u{feff}?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z) ?").ok());

/// Reads a job's log and gives its lines to `steps`.
pub(super) fn read(source: impl Read, steps: &[wire::Step]) -> io::Result<Log> {
    let mut log = plain(source)?;
    let mut times = Vec::with_capacity(log.lines.len());
    for index in 0..log.lines.len() {
        times.push(stamp(log.line(index)));
    }
    let ran: Vec<(usize, &wire::Step)> = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.started_at.is_some() && wire::outcome(step.conclusion.as_deref()) != Outcome::Skipped)
        .collect();
    let mut at = 0;
    for index in 0..log.lines.len() {
        let (time, text) = split(log.line(index), times.get(index).and_then(Option::as_ref));
        let begins = text.starts_with("##[group]Run ") || text.starts_with("Post job cleanup.");
        let level = level(text);
        if let Some(time) = time {
            // A step ends when a line of the next one comes: times of steps are whole seconds, so only a mark or a full second
            // more tells that it has begun.
            while let Some((_, next)) = ran.get(at + 1) {
                let starts = next.started_at.map_or(i64::MAX, Timestamp::as_second);
                let begun = if begins { time.as_second() >= starts } else { time.as_second() > starts };
                if !begun {
                    break;
                }
                at += 1;
                if begins && next.completed_at.is_none_or(|end| end.as_second() >= time.as_second()) {
                    break;
                }
            }
        }
        let step = ran.get(at).map(|(index, _)| *index);
        if let Some(line) = log.lines.get_mut(index) {
            line.time = time;
            line.level = level;
            line.step = step;
        }
    }
    log.steps = steps.iter().map(told).collect();
    Ok(log)
}

fn told(step: &wire::Step) -> Step {
    let outcome = wire::outcome(step.conclusion.as_deref());
    Step {
        name: step.name.clone(),
        place: None,
        outcome,
        culprit: outcome == Outcome::Failed,
        started: step.started_at,
        finished: step.completed_at,
        attempts: 1,
        depth: 0,
    }
}

fn stamp(line: &str) -> Option<(usize, Timestamp)> {
    let found = STAMP.as_ref()?.captures(line)?;
    let time = found.get(1)?.as_str().parse().ok()?;
    Some((found.get(0)?.end(), time))
}

fn split<'a>(line: &'a str, stamp: Option<&(usize, Timestamp)>) -> (Option<Timestamp>, &'a str) {
    match stamp {
        Some((end, time)) => (Some(*time), line.get(*end..).unwrap_or_default()),
        None => (None, line),
    }
}

fn level(text: &str) -> Level {
    if text.starts_with("##[error]") {
        Level::Error
    } else if text.starts_with("##[warning]") {
        Level::Warning
    } else if text.starts_with("##[debug]") {
        Level::Verbose
    } else {
        Level::Info
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, conclusion: &str, from: &str, to: &str) -> wire::Step {
        let at = |time: &str| format!("2026-08-22T00:44:{time}Z").parse().ok();
        wire::Step {
            name: name.to_owned(),
            conclusion: Some(conclusion.to_owned()),
            started_at: at(from),
            completed_at: at(to),
        }
    }

    #[test]
    fn the_output_of_a_step_follows_its_group() {
        let steps = [
            step("Set up job", "success", "01", "02"),
            step("Check out", "success", "02", "03"),
            step("Test", "failure", "03", "05"),
            step("Never", "skipped", "05", "05"),
            step("Post Check out", "success", "05", "06"),
        ];
        let text = "\
2026-08-22T00:44:01.5000000Z Current runner version
2026-08-22T00:44:02.1000000Z ##[group]Run actions/checkout@v4
2026-08-22T00:44:02.2000000Z ##[endgroup]
2026-08-22T00:44:03.0500000Z done with it
2026-08-22T00:44:03.1000000Z ##[group]Run cargo test
2026-08-22T00:44:03.2000000Z ##[endgroup]
2026-08-22T00:44:04.0000000Z error[E0425]: cannot find value
2026-08-22T00:44:05.0000000Z ##[error]Process completed with exit code 101.
2026-08-22T00:44:05.5000000Z Post job cleanup.
2026-08-22T00:44:06.0000000Z Cleaning up
";
        let log = read(text.as_bytes(), &steps).unwrap();
        let told: Vec<_> = log.lines.iter().map(|line| line.step).collect();
        assert_eq!(told, [0, 1, 1, 1, 2, 2, 2, 2, 4, 4].map(Some));
        assert_eq!(log.lines[7].level, Level::Error);
        assert!(log.steps[2].culprit);
    }
}

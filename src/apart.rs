//! What sets this run's log apart from the last good run's: steps that took much longer, and warnings that are new.

use std::collections::HashSet;

use crate::model::{Context, Level, Log, Step};

/// A step slowed down when it took more than this many times as long …
const TIMES: i64 = 2;
/// … and more than this many seconds longer.
const SECONDS: i64 = 30;
/// Warnings that are told at most.
const MOST: usize = 8;
/// Longer lines are left out whole: half a line may hold half a key.
const LONGEST: usize = 300;
/// Longer words too: a line of a key in several lines is not known for one when it stands alone.
const LONGEST_WORD: usize = 48;

/// What is told of it; nothing without a log of the last good run.
#[must_use]
pub fn apart(now: &Log, then: &Log) -> Option<Context> {
    if then.lines.is_empty() {
        return None;
    }
    let mut told = slower(&now.steps, &then.steps);
    let warnings = new_warnings(now, then);
    if !warnings.is_empty() {
        told.push("Warnings that the last good run's log does not hold:".to_owned());
        told.extend(warnings.iter().take(MOST).map(|text| format!("- {text}")));
        if warnings.len() > MOST {
            told.push(format!("and {} more.", warnings.len() - MOST));
        }
    }
    let title = "Unlike in the last good run".to_owned();
    (!told.is_empty()).then(|| Context { title, text: told.join("\n"), url: None })
}

/// The outermost steps that took much longer, in the order of the run. A step that occurs twice is not compared.
fn slower(now: &[Step], then: &[Step]) -> Vec<String> {
    let took = |step: &Step| Some(step.finished?.duration_since(step.started?).as_secs());
    let only = |steps: &[Step], name: &str| {
        let mut alike = steps.iter().filter(|step| step.depth == 0 && step.name == name);
        let first = alike.next()?;
        if alike.next().is_some() { None } else { took(first) }
    };
    let outer = now.iter().filter(|step| step.depth == 0);
    outer
        .filter_map(|step| {
            let (now, then) = (only(now, &step.name)?, only(then, &step.name)?);
            if then < 0 || now <= then.saturating_mul(TIMES) || now - then <= SECONDS {
                return None;
            }
            let times = if then == 0 { "longer".to_owned() } else { format!("{} times as long", now / then) };
            Some(format!("Step “{}” took {times}: {now} s instead of {then} s.", step.name))
        })
        .collect()
}

fn new_warnings(now: &Log, then: &Log) -> Vec<String> {
    let known: HashSet<String> = (0..then.lines.len()).map(|index| shape(then.line(index))).collect();
    let mut seen = HashSet::new();
    let warns = |index: &usize| now.lines.get(*index).is_some_and(|line| line.level == Level::Warning);
    (0..now.lines.len())
        .filter(warns)
        .map(|index| now.line(index).trim())
        .filter(|text| text.len() <= LONGEST && text.split_whitespace().all(|word| word.len() <= LONGEST_WORD))
        .filter(|text| {
            let shape = shape(text);
            !shape.is_empty() && !known.contains(&shape) && seen.insert(shape)
        })
        .map(str::to_owned)
        .collect()
}

/// A line's words but for numbers, ids and hashes.
fn shape(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty() && !word.chars().any(|c| c.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::clean::LogBuilder;
    use crate::model::Outcome;

    fn log(warnings: &[&str], took: i64) -> Log {
        let mut builder = LogBuilder::default();
        builder.line(1, None, Level::Info, Some(0), "begin");
        for (index, text) in warnings.iter().enumerate() {
            builder.line(index + 2, None, Level::Warning, Some(0), text);
        }
        let mut log = builder.finish();
        log.steps = vec![Step {
            name: "Scan".to_owned(),
            place: None,
            outcome: Outcome::Failed,
            culprit: true,
            started: Timestamp::from_second(0).ok(),
            finished: Timestamp::from_second(took).ok(),
            attempts: 1,
            depth: 0,
        }];
        log
    }

    fn check(now: &Log, then: &Log, expected: &str) {
        assert_eq!(apart(now, then).map(|told| told.text).unwrap_or_default(), expected);
    }

    #[test]
    fn a_step_is_slower_when_it_took_both_times_and_seconds_longer() {
        check(&log(&[], 160), &log(&[], 40), "Step “Scan” took 4 times as long: 160 s instead of 40 s.");
        check(&log(&[], 80), &log(&[], 40), "");
        check(&log(&[], 31), &log(&[], 1), "");
        check(&log(&[], 40), &log(&[], 160), "");
    }

    #[test]
    fn a_warning_is_new_unless_it_was_there_before_with_other_numbers() {
        let told = "Warnings that the last good run's log does not hold:\n- disk is nearly full";
        let now = log(&["retry 3 of 5", "disk is nearly full", "disk is nearly full"], 1);
        check(&now, &log(&["retry 1 of 5"], 1), told);
        check(&now, &log(&["retry 1 of 5", "disk is nearly full"], 1), "");
        check(&now, &Log::default(), "");
    }

    #[test]
    fn a_line_that_may_be_a_part_of_a_key_is_not_told() {
        check(&log(&[&"A".repeat(64), &"word ".repeat(100)], 1), &log(&[], 1), "");
    }
}

//! A task's raw log, as downloaded from the portal, into a [`Log`].
//!
//! A line is a time, a level and a bar, or blanks and a bar; what follows the bar is indented by depth. Headings look like
//! `== Failed: Step 6: Scan ==`, below a step like `Failed: Worker`.

use crate::clean::LogBuilder;
use crate::model::{Level, Log, Outcome, Step};

use super::activity::{level, numbered, outcome};

/// Whether `text`, a line of a log, is the heading with which a raw Octopus log begins.
#[must_use]
pub fn is_heading(text: &str) -> bool {
    split(text).is_some_and(|(level, rest)| level.is_none() && heading(rest, 0).is_some())
}

/// Builds a log from the lines of a raw Octopus log.
#[derive(Default)]
pub struct Raw {
    builder: LogBuilder,
    /// The step of the heading that each depth is under.
    under: Vec<Option<usize>>,
    /// The level of the line that a continuation belongs to.
    last: Option<Level>,
}

impl Raw {
    /// Adds the line with `number`, as it stands in the file.
    pub fn line(&mut self, number: usize, text: &str) {
        let Some((level_word, rest)) = split(text) else {
            // What stands before the first bar, and what a tool wrote without one.
            let step = self.under.last().copied().flatten();
            return self.builder.line(number, None, self.last.unwrap_or(Level::Info), step, text);
        };
        let body = rest.trim_start();
        let depth = (rest.len() - body.len()) / 2;
        if level_word.is_none()
            && let Some((status, name)) = heading(body, depth)
        {
            return self.heading(depth, status, name);
        }
        let at = level_word.map_or(self.last.unwrap_or(Level::Info), level);
        self.last = Some(at);
        // A node's lines are indented by two more than its heading.
        let owner = self.under.get(depth.saturating_sub(1)).or(self.under.last()).copied().flatten();
        if level_word.is_some() || !body.is_empty() {
            if body.contains("Retry (attempt")
                && let Some(step) = owner.and_then(|owner| self.builder.steps().get_mut(owner))
            {
                step.attempts += 1;
            }
            self.builder.line(number, None, at, owner, body);
        }
    }

    fn heading(&mut self, depth: usize, status: Outcome, name: &str) {
        self.under.truncate(depth);
        let parent = self.under.last().copied().flatten();
        let step = (depth > 0).then(|| {
            let above = parent.and_then(|parent| self.builder.steps().get(parent).cloned());
            let (step_name, place) = match above {
                None => (numbered(name).1.to_owned(), None),
                Some(above) => {
                    let place = above.place.map_or_else(|| name.to_owned(), |place| format!("{place} › {name}"));
                    (above.name, Some(place))
                }
            };
            let culprit = status == Outcome::Failed;
            if let Some(above) = parent.filter(|_| culprit).and_then(|parent| self.builder.steps().get_mut(parent)) {
                above.culprit = false;
            }
            self.builder.step(Step {
                name: step_name,
                place,
                outcome: status,
                culprit,
                started: None,
                finished: None,
                attempts: 1,
                depth: depth - 1,
            })
        });
        self.under.push(step);
        self.last = None;
    }

    /// The log.
    #[must_use]
    pub fn finish(self) -> Log {
        self.builder.finish()
    }
}

/// The level word, if the line has one, and what stands after the bar.
fn split(text: &str) -> Option<(Option<&str>, &str)> {
    let (head, rest) = text.split_once('|')?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let mut words = head.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (None, ..) if head.len() >= 16 => Some((None, rest)),
        (Some(time), Some(level), None) if is_time(time) && level.chars().all(char::is_alphabetic) => {
            Some((Some(level), rest))
        }
        _ => None,
    }
}

/// `03:11:44`, possibly after a date and a `T`.
fn is_time(word: &str) -> bool {
    let time = word.rsplit('T').next().unwrap_or(word);
    time.len() >= 8
        && time.chars().take(8).enumerate().all(|(i, c)| if i == 2 || i == 5 { c == ':' } else { c.is_ascii_digit() })
}

fn heading(body: &str, depth: usize) -> Option<(Outcome, &str)> {
    let framed = body.strip_prefix("== ").and_then(|rest| rest.strip_suffix(" =="));
    let text = match framed {
        Some(text) => text,
        None if depth >= 2 => body,
        None => return None,
    };
    let (status, name) = text.split_once(": ")?;
    let known =
        matches!(status, "Success" | "SuccessWithWarning" | "Failed" | "Running" | "Skipped" | "Canceled" | "Pending");
    known.then(|| (outcome(status), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_log_has_steps_levels_and_true_numbers() {
        let text = "                    | == Failed: Deploy x ==
03:15:21   Fatal    |   The deployment failed because one or more steps failed.
                    |   
                    |   == Success: Step 1: Prepare ==
                    |     
                    |     Success: Worker
03:11:05   Info     |       Nothing to prepare
                    |   
                    |   == Failed: Step 6: Scan: all ==
03:14:12   Fatal    |     The step failed
                    |     
                    |     Failed: Worker
03:11:44   Error    |       boom
                    |         at line 2
03:15:20   Highlight |       Retry (attempt 1 of 3)
";
        let mut raw = Raw::default();
        for (index, line) in text.lines().enumerate() {
            raw.line(index + 1, line);
        }
        let log = raw.finish();
        let culprits: Vec<_> = log.steps.iter().filter(|step| step.culprit).collect();
        assert_eq!(culprits.len(), 1);
        assert_eq!((culprits[0].name.as_str(), culprits[0].place.as_deref()), ("Scan: all", Some("Worker")));
        assert_eq!(culprits[0].attempts, 2);
        let boom = log.lines.iter().position(|line| line.number == 13).unwrap();
        assert_eq!((log.line(boom), log.lines[boom].level), ("boom", Level::Error));
        assert_eq!(log.line(boom + 1), "at line 2");
        assert_eq!(log.lines[boom + 1].step, log.lines[boom].step);
        let ready = log.lines.iter().position(|line| line.number == 7).unwrap();
        assert_eq!(log.steps[log.lines[ready].step.unwrap()].name, "Prepare");
    }

    #[test]
    fn other_logs_are_not_taken_for_raw_ones() {
        for line in
            ["a | b", "| == x: y ==", "                    | == Title: x ==", "                    | == Failed =="]
        {
            assert!(!is_heading(line), "{line}");
        }
        assert!(is_heading("                    | == Running: Deploy x =="));
    }
}

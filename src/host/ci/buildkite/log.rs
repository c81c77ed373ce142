//! A job's log: its groups are steps.

use std::io::{self, Read};

use jiff::Timestamp;

use crate::clean::lines;
use crate::model::{Level, Log};

use super::super::stepped::Stepped;

/// What begins a group at a line's start; the agent's own are of the last kind.
pub(super) const GROUPS: [&str; 3] = ["--- ", "+++ ", "~~~ "];
/// What the agent calls the group in which it runs the job's command: that is the job, whose name says more.
const COMMANDS: [&str; 4] = ["Running commands", "Running command", "Running script", "Running batch script"];
/// Opens the group before it: the agent says so where a command failed.
pub(super) const OPENS: &str = "^^^ +++";

/// Reads a job's log: its groups are steps.
pub(super) fn read(source: impl Read) -> io::Result<Log> {
    let mut log = Groups::default();
    lines(source, |number, line| {
        let (time, text) = stamped(line);
        log.line(number, time, text);
    })?;
    Ok(log.finish())
}

/// A line's time and its text. What stands before it in the log is a sequence that no terminal shows, `ESC _bk;t=` and
/// milliseconds, of which the control characters are gone already.
pub(super) fn stamped(line: &str) -> (Option<Timestamp>, &str) {
    let mut rest = line;
    let mut time = None;
    while let Some(after) = rest.strip_prefix("bk;t=") {
        let text = after.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = after.strip_suffix(text).unwrap_or_default();
        time = digits.parse().ok().and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok()).or(time);
        rest = text;
    }
    (time, rest)
}

/// A log on its way into groups.
#[derive(Default)]
pub(super) struct Groups {
    pub(super) log: Stepped,
    /// A line that begins a group, unless the next one shows that the two are the head of a diff.
    pub(super) held: Option<(usize, Option<Timestamp>, String)>,
    /// The group of the last line, and the last one that is not the agent's own.
    pub(super) current: Option<usize>,
    pub(super) work: Option<usize>,
    pub(super) failed: Failed,
}

/// Where in a job it failed, as far as the agent said.
#[derive(Default, Clone, Copy)]
pub(super) enum Failed {
    #[default]
    Unsaid,
    /// In the command itself, outside of its groups.
    Command,
    Group(usize),
}

impl Groups {
    pub(super) fn line(&mut self, number: usize, time: Option<Timestamp>, text: &str) {
        let is_diff = self.held.as_ref().is_some_and(|(.., held)| held.starts_with("--- ")) && text.starts_with("+++ ");
        self.release(is_diff);
        let level = if text.starts_with("🚨 Error:") { Level::Error } else { Level::Info };
        if level == Level::Error || text.starts_with(OPENS) {
            self.failed = self.current.map_or(Failed::Command, Failed::Group);
        }
        if !is_diff && title(text).is_some() {
            self.held = Some((number, time, text.to_owned()));
        } else {
            self.log.line(number, time, level, text);
        }
    }

    /// Writes down the line that was held.
    pub(super) fn release(&mut self, is_diff: bool) {
        let Some((number, time, text)) = self.held.take() else { return };
        if let Some(title) = title(&text).filter(|_| !is_diff) {
            let is_command = COMMANDS.contains(&title);
            if is_command {
                self.log.leave(time);
            }
            self.current = if is_command { None } else { self.log.begin(title, time) };
            self.work = if text.starts_with("~~~") && !is_command { self.work } else { self.current };
        }
        self.log.line(number, time, Level::Info, &text);
    }

    pub(super) fn finish(mut self) -> Log {
        self.release(false);
        let failed = match self.failed {
            Failed::Unsaid => self.work,
            Failed::Command => None,
            Failed::Group(at) => Some(at),
        };
        self.log.finish(failed)
    }
}

/// What a line that begins a group calls it.
pub(super) fn title(text: &str) -> Option<&str> {
    let title = GROUPS.iter().find_map(|mark| text.strip_prefix(mark))?.trim();
    Some(title).filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_steps_with_times_and_the_one_that_was_opened_failed() {
        let text = "\u{1b}_bk;t=1770693100000\u{7}~~~ Running agent environment hook\r\n\
                    \u{1b}_bk;t=1770693101000\u{7}--- :npm: Install\r\n\u{1b}_bk;t=1770693102000\u{7}added 1\r\n\
                    \u{1b}_bk;t=1770693103000\u{7}\u{1b}[33m+++ Test\u{1b}[0m\r\n--- expected\r\n+++ actual\r\nnot ok\r\n\
                    \u{1b}_bk;t=1770693105000\u{7}\u{1b}[31m🚨 Error: The command exited with status 2\r\n^^^ +++\r\n\
                    ~~~ Running local pre-exit hook\r\nbye\r\n";
        let log = read(text.as_bytes()).unwrap();
        let steps: Vec<_> = log.steps.iter().map(|step| (step.name.as_str(), step.culprit)).collect();
        let expected = [
            ("Running agent environment hook", false),
            (":npm: Install", false),
            ("Test", true),
            ("Running local pre-exit hook", false),
        ];
        assert_eq!(steps, expected);
        assert_eq!(log.line(6), "not ok");
        assert_eq!(log.steps[1].finished, log.steps[2].started);
        assert!(log.lines[2].time.is_some() && !log.text.contains("bk;t="));
    }

    #[test]
    fn the_group_of_the_jobs_command_is_the_job_itself() {
        let text = "--- Checkout\ncloned\n~~~ Running commands\n$ make\n🚨 Error: The command exited with status 2\n^^^ +++\n\
                    ~~~ Running local pre-exit hook\nbye\n";
        let log = read(text.as_bytes()).unwrap();
        assert!(log.steps.iter().all(|step| !step.culprit), "{:?}", log.steps);
        let steps: Vec<_> = log.lines.iter().map(|line| line.step).collect();
        assert_eq!(steps, [Some(0), Some(0), None, None, None, None, Some(1), Some(1)]);
    }
}

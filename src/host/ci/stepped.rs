//! A job's log whose own lines tell where a step of the job begins.

use jiff::Timestamp;

use crate::clean::LogBuilder;
use crate::model::{Level, Log, Outcome, Step};

/// Steps of one job. A log that begins more of them is taken for one that only looks so.
const STEPS: usize = 500;

/// Builds the log line by line.
#[derive(Default)]
pub(super) struct Stepped {
    builder: LogBuilder,
    begun: usize,
    current: Option<usize>,
    last: Option<Timestamp>,
}

impl Stepped {
    /// Begins a step, and with it ends the one before. Its index in the log.
    pub(super) fn begin(&mut self, name: &str, time: Option<Timestamp>) -> Option<usize> {
        if self.begun == STEPS {
            return self.current;
        }
        self.begun += 1;
        self.end(time);
        self.current = Some(self.builder.step(step(name, time)));
        self.current
    }

    /// Adds a line to the step that was begun last, if any.
    pub(super) fn line(&mut self, number: usize, time: Option<Timestamp>, level: Level, text: &str) {
        self.last = time.or(self.last);
        self.builder.line(number, time, level, self.current, text);
    }

    /// The log; `failed` is the step in which it failed.
    pub(super) fn finish(mut self, failed: Option<usize>) -> Log {
        self.end(self.last);
        if let Some(step) = failed.and_then(|at| self.builder.steps().get_mut(at)) {
            (step.outcome, step.culprit) = (Outcome::Failed, true);
        }
        self.builder.finish()
    }

    fn end(&mut self, time: Option<Timestamp>) {
        if let Some(step) = self.current.and_then(|at| self.builder.steps().get_mut(at)) {
            step.finished = time;
        }
    }
}

/// A step that did not fail, as far as is known.
pub(super) fn step(name: &str, started: Option<Timestamp>) -> Step {
    Step {
        name: name.to_owned(),
        place: None,
        outcome: Outcome::Succeeded,
        culprit: false,
        started,
        finished: None,
        attempts: 1,
        depth: 0,
    }
}

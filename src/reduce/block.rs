//! Lines that belong together: a message and its details, a stack trace.

use std::ops::Range;

use crate::model::Log;

/// Lines shown before a telling one.
const BEFORE: usize = 2;
/// Lines shown after a telling one.
const AFTER: usize = 3;
/// The longest stack trace shown whole.
const TRACE: usize = 15;

/// The block around the line at `index`, within its step and not over the start of an attempt.
pub(super) fn around(log: &Log, index: usize) -> Range<usize> {
    let step = log.lines.get(index).and_then(|line| line.step);
    let same = |at: &usize| {
        let line = log.lines.get(*at);
        line.is_some_and(|line| line.step == step) && !super::score::starts_an_attempt(log.line(*at))
    };
    let start = (index.saturating_sub(BEFORE)..index).rev().take_while(same).last().unwrap_or(index);
    let near = (index + 1..=index + AFTER).take_while(same).last().unwrap_or(index);
    let own = indent(log.line(index));
    let trace =
        (index + 1..=index + TRACE).take_while(|at| same(at) && continues(log.line(*at), own)).last().unwrap_or(index);
    start..near.max(trace) + 1
}

/// Whether a line goes on with what a line of that indent began.
fn continues(text: &str, own: usize) -> bool {
    indent(text) > own
        || text.starts_with(['|', '+', '~', '^', '>'])
        || text.starts_with("at ")
        || text.starts_with("Caused by")
}

fn indent(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::LogBuilder;
    use crate::model::Level;

    #[test]
    fn a_stack_trace_stays_whole() {
        let mut builder = LogBuilder::default();
        builder.line(1, None, Level::Info, None, "start");
        builder.line(2, None, Level::Info, None, "java.lang.IllegalStateException: no");
        for number in 3..12 {
            builder.line(number, None, Level::Info, None, "\tat com.example.Main.run(Main.java:7)");
        }
        builder.line(12, None, Level::Info, None, "done");
        assert_eq!(around(&builder.finish(), 1), 0..11);
    }
}

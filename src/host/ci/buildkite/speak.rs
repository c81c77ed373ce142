//! Speaking to a job's log: groups of our own, and no others.

use crate::model::Notice;

use super::super::told;
use super::log::{GROUPS, OPENS};

/// `notices` as two groups: the cause, open, and the whole report, folded. No line in them begins a group of its own.
pub(super) fn grouped(notices: &[Notice]) -> String {
    let (report, top): (Vec<Notice>, Vec<Notice>) =
        notices.iter().cloned().partition(|notice| matches!(notice, Notice::Info(_)));
    let mut out = String::new();
    if top.iter().any(|notice| matches!(notice, Notice::Highlight(_))) {
        out.push_str("+++ Firefighter\n");
    }
    out.push_str(&told(&top));
    if !report.is_empty() {
        out.push_str("--- Firefighter's report\n");
        out.push_str(&told(&report));
    }
    out
}

/// A report in which no line begins a group; colors may stand before what does.
pub(super) fn ungrouped(text: &str) -> String {
    let begins = |line: &str| {
        let plain = anstream::adapter::strip_str(line).to_string();
        GROUPS.iter().any(|mark| plain.starts_with(mark)) || plain.starts_with(OPENS)
    };
    text.split_inclusive('\n').map(|line| if begins(line) { format!(" {line}") } else { line.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_report_begins_no_group() {
        let check = |text: &str, expected: &str| assert_eq!(ungrouped(text), expected);
        check("--- a/x\n+++ b/x\n-a\n", " --- a/x\n +++ b/x\n-a\n");
        check("\u{1b}[1m~~~ x", " \u{1b}[1m~~~ x");
        check("---\n^^^ +++", "---\n ^^^ +++");
    }
}

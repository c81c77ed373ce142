//! A job's log, which GitLab calls its trace: sections are steps.
//!
//! Facts of the marks: GitLab's `lib/gitlab/regex.rb`, and the runner's `timestamper.go`.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::LazyLock;

use regex::Regex;

use crate::clean::plain;
use crate::model::{Log, Outcome, Step};

use super::super::neutral::MARK;
use super::speak::{END, START, TITLE};

/// What the runner puts before each line: time, stream, and whether the line goes on.
static STAMP: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z) [0-9a-f]{2}[OE][ +]?").ok());
/// The mark at which a section begins, and its name.
static SECTION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"section_(start|end):\d+:([A-Za-z0-9_.-]+)").ok());

/// How the names of the runner's own sections begin. A script's sections, or what a script's output only makes look like some, are
/// part of the step that runs it.
const RUNNERS: &[&str] = &[
    "resolve_secrets",
    "prepare_",
    "get_sources",
    "restore_cache",
    "download_artifacts",
    "step_",
    "build_script",
    "release",
    "section_script_step_",
    "after_script",
    "archive_cache",
    "upload_artifacts",
    "cleanup_file_variables",
];

/// Reads a job's log: the runner's sections are steps, of which the last one that was entered before the end is where it failed.
pub(super) fn read(source: impl Read) -> io::Result<Log> {
    let mut log = plain(Marks { source, held: false })?;
    leave_out_reports(&mut log);
    let mut current = None;
    let mut last = None;
    for index in 0..log.lines.len() {
        let text = log.line(index).to_owned();
        let stamp = STAMP.as_ref().and_then(|stamp| stamp.captures(&text)?.get(1)?.as_str().parse().ok());
        for section in SECTION.iter().flat_map(|section| section.captures_iter(&text)) {
            let (Some(edge), Some(name)) = (section.get(1), section.get(2)) else { continue };
            if !RUNNERS.iter().any(|start| name.as_str().starts_with(start)) {
                continue;
            }
            if edge.as_str() == "end" {
                current = None;
                continue;
            }
            current = Some(log.steps.len());
            log.steps.push(Step {
                name: name.as_str().to_owned(),
                place: None,
                outcome: Outcome::Succeeded,
                culprit: false,
                started: stamp,
                finished: None,
                attempts: 1,
                depth: 0,
            });
        }
        // What tidies up after a failure did not fail.
        let is_work = |at: &usize| {
            let tidies = ["after_script", "upload_artifacts", "archive_cache", "cleanup"];
            log.steps.get(*at).is_some_and(|step| !tidies.iter().any(|name| step.name.starts_with(name)))
        };
        last = current.filter(is_work).or(last);
        if let Some(line) = log.lines.get_mut(index) {
            line.time = stamp;
            line.step = current;
        }
    }
    if let Some(step) = last.and_then(|at: usize| log.steps.get_mut(at)) {
        (step.outcome, step.culprit) = (Outcome::Failed, true);
    }
    Ok(log)
}

/// Leaves out what an earlier step of the job printed of a report of ours: that is no evidence.
fn leave_out_reports(log: &mut Log) {
    let mut reports = BTreeSet::new();
    let mut at = 0;
    while at < log.lines.len() {
        let end = end_of_report(log, at).unwrap_or(at);
        if end > at {
            reports.extend(at..=end);
        }
        at = end + 1;
    }
    let mut at = 0..;
    log.lines.retain(|_| at.next().is_none_or(|at| !reports.contains(&at)));
}

/// The last line of the report of ours that begins at the line `from`. Anybody can print the marks of our section, so that what
/// others say after them would not be read: it is ours only where it ends, and has no line that we would not have written.
fn end_of_report(log: &Log, from: usize) -> Option<usize> {
    let first = unstamped(log.line(from)).0.strip_prefix(START)?;
    if first.trim() != TITLE {
        return None;
    }
    for at in from + 1..log.lines.len() {
        let (text, goes_on) = unstamped(log.line(at));
        if text.trim_end() == END {
            return Some(at);
        }
        if !goes_on && !text.starts_with(MARK) && text != MARK.trim_end() {
            return None;
        }
    }
    None
}

/// A line without what the runner put before it, and whether it goes on with the line before.
fn unstamped(text: &str) -> (&str, bool) {
    let stamp = STAMP.as_ref().and_then(|stamp| stamp.find(text)).map_or("", |stamp| stamp.as_str());
    (text.strip_prefix(stamp).unwrap_or(text), stamp.ends_with('+'))
}

/// A trace in which the mark of a section is text: after it stands a carriage return that takes it back from the page.
struct Marks<R> {
    source: R,
    /// Whether a carriage return was read whose next byte is not known yet.
    held: bool,
}

impl<R: Read> Read for Marks<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.len() < 2 {
            // With room for one byte there is no knowing what follows it.
            return match out.first_mut().filter(|_| std::mem::take(&mut self.held)) {
                Some(first) => {
                    *first = b'\r';
                    Ok(1)
                }
                None => self.source.read(out),
            };
        }
        let from = usize::from(self.held);
        let room = out.get_mut(from..).unwrap_or_default();
        let read = self.source.read(room)?;
        if self.held
            && let Some(first) = out.first_mut()
        {
            *first = b'\r';
        }
        let mut end = from + read;
        self.held = read > 0 && out.get(end - 1) == Some(&b'\r');
        if self.held {
            end -= 1;
        }
        for at in 1..end {
            if out.get(at) == Some(&0x1b)
                && let Some(before) = out.get_mut(at - 1).filter(|before| **before == b'\r')
            {
                *before = b' ';
            }
        }
        // Nothing but a held byte would be taken for the end.
        if end == 0 && self.held { self.read(out) } else { Ok(end) }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Notice;

    use super::*;

    #[test]
    fn no_byte_is_lost_however_small_the_pieces() {
        let text = b"a\rb\r\x1b[0Kc\r\r\x1b\r";
        for size in 1..text.len() {
            let mut marks = Marks { source: text.as_slice(), held: false };
            let mut piece = vec![0; size];
            let mut all = Vec::new();
            while let Ok(read @ 1..) = marks.read(&mut piece) {
                all.extend_from_slice(&piece[..read]);
            }
            assert_eq!(all.len(), text.len(), "{size}");
            assert!(size == 1 || all == b"a\rb \x1b[0Kc\r \x1b\r", "{size}");
        }
    }

    #[test]
    fn a_section_is_a_step_and_the_last_at_work_failed() {
        let text = "section_start:1:get_sources\r\u{1b}[0KGetting source\nfetched\nsection_end:2:get_sources\r\u{1b}[0K\n\
                    section_start:3:step_script\r\u{1b}[0KRunning\n2026-08-22T00:44:03.123456Z 01E no such file\n\
                    section_end:4:step_script\r\u{1b}[0K\nsection_start:5:cleanup_file_variables\r\u{1b}[0KCleaning\nERROR: Job failed: exit code 1\n";
        let log = read(text.as_bytes()).unwrap();
        let culprits: Vec<_> = log.steps.iter().filter(|step| step.culprit).map(|step| step.name.as_str()).collect();
        assert_eq!(culprits, ["step_script"], "{:?}", log.steps);
        assert!(log.lines.iter().any(|line| line.time.is_some() && line.step == Some(1)));
    }

    fn told(text: &str) -> Vec<(usize, String)> {
        let log = read(text.as_bytes()).unwrap();
        log.lines.iter().enumerate().map(|(at, line)| (line.number, log.line(at).to_owned())).collect()
    }

    /// A report as we print it.
    fn report(text: &str) -> String {
        super::super::speak::say(&[Notice::Info(text.to_owned())])
    }

    #[test]
    fn a_report_of_ours_is_left_out() {
        let report = report("boom\n\n section_end:1:step_script\nmore");
        let text =
            format!("section_start:1:step_script\r\u{1b}[0KRunning\nboom\n{report}ERROR: Job failed: exit code 1\n");
        let told = told(&text);
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(told[1..], [(2, "boom".to_owned()), (9, "ERROR: Job failed: exit code 1".to_owned())]);
        let log = read(text.as_bytes()).unwrap();
        assert_eq!(log.steps.len(), 1);
        assert!(
            log.lines.iter().all(|line| line.step == Some(0)),
            "what follows a report is of the step that printed it"
        );
    }

    #[test]
    fn a_report_of_ours_is_left_out_where_the_runner_stamps_each_line() {
        let stamped = |(at, line): (usize, &str)| {
            // A long line comes in two.
            let (first, rest) = line.split_at_checked(if at == 2 { 6 } else { line.len() }).unwrap();
            let stamp = "2026-08-22T00:44:03.123456Z 01O";
            if rest.is_empty() { format!("{stamp} {first}\n") } else { format!("{stamp} {first}\n{stamp}+{rest}\n") }
        };
        let text: String = format!("boom\n{}bye\n", report("one\n\ntwo")).lines().enumerate().map(stamped).collect();
        let told: Vec<_> = told(&text).into_iter().map(|(number, _)| number).collect();
        assert_eq!(told, [1, 8], "{text:?}");
    }

    #[test]
    fn marks_of_our_report_that_somebody_else_prints_hide_no_line() {
        let whole = report("one\ntwo");
        let (start, rest) = whole.split_once("│ one\n").unwrap();
        let (_, end) = rest.split_once("│ two\n").unwrap();
        let check = |text: String| assert_eq!(told(&text).len(), text.lines().count(), "{text:?}");
        check(format!("{start}npm error code ENOTFOUND\n"));
        check(format!("{start}│ one\nnpm error code ENOTFOUND\n{end}"));
        check(format!("{start}│ one\n│npm error code ENOTFOUND\n{end}"));
        check(format!("{start}│ one\n│ two\n"));
        check(format!("{start}{start}npm error code ENOTFOUND\n{end}"));
        check(format!("npm error code ENOTFOUND\n{end}"));
        check(format!("{start}│ one\nnpm error {end}"));
        check(whole.replace("[collapsed=true,hide_duration=true]", ""));
        check(whole.replace("Firefighter's report", "npm error code ENOTFOUND"));
        check(whole.replace("Firefighter's report", "Firefighter's report: npm error"));
        check(format!("npm error {}", whole.trim_start()));
        assert!(told(&whole).is_empty());
    }
}

//! The report for a person at a terminal: colored, the cause first. Who calls strips the colors for a file or a pipe.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use owo_colors::{OwoColorize as _, Style};

use super::changes::{self, Row as Changed};
use super::evidence::{self, Row};
use super::{Report, facts, pace, timeline, words};
use crate::model::{Fix, Level, Outcome};

/// Prose is wrapped here; log lines never are.
const WIDTH: usize = 100;
/// Changes beside the suspects that are listed here; the other formats list more.
const MOST_CHANGES: usize = 12;
/// Lines of a suspect's diff that are shown here.
const MOST_DETAILS: usize = 20;

/// Writes the report.
pub(super) fn write(report: &Report) -> String {
    let mut out = String::new();
    cause(&mut out, report);
    if report.unknown() {
        evidence(&mut out, report);
        fixes(&mut out, report);
    } else {
        fixes(&mut out, report);
        evidence(&mut out, report);
    }
    changed(&mut out, report);
    steps(&mut out, report);
    others(&mut out, report);
    known(&mut out, report);
    notes(&mut out, report);
    footer(&mut out, report);
    out
}

fn cause(out: &mut String, report: &Report) {
    let style = Style::new().bold();
    let style = if report.unknown() { style.yellow() } else { style.red() };
    prose(out, "", "", &report.headline(), style);
    prose(out, "", "", &report.detail(), Style::new());
    if let Some((first, about)) = report.reply() {
        fact(out, "Do first", Some(&first));
        fact(out, "About", Some(&about));
    }
    if let Some(suspect) = report.suspect() {
        prose(out, "", "", &suspect, Style::new().yellow());
    }
    out.push('\n');
    let run = &report.case.run;
    let kind = report.diagnosis.kind.as_deref().map(|kind| match report.diagnosis.domain {
        Some(domain) => format!("{kind} ({})", words::domain(domain)),
        None => kind.to_owned(),
    });
    let facts = [
        ("Run", Some(run.title.clone())),
        ("Step", Some(report.failed_steps().join(", "))),
        ("Kind", kind),
        ("Confidence", Some(words::confidence_in_words(report.diagnosis.confidence).to_owned())),
        ("Retry helps", Some(words::retry_in_words(report.diagnosis.retry).to_owned())),
        ("Shown by", report.key_line().map(|line| format!("{}, below", report.place_of(line)))),
        ("Look", run.url.as_deref().and_then(words::link)),
    ];
    for (name, value) in facts {
        fact(out, name, value.as_deref());
    }
}

fn fixes(out: &mut String, report: &Report) {
    let verify = report.verify();
    let cause = report.cause();
    let check = cause.and_then(|cause| cause.check.as_deref());
    if report.diagnosis.fixes.is_empty() && verify.is_none() && check.is_none() {
        return;
    }
    heading(out, "What to do");
    for (index, one) in report.diagnosis.fixes.iter().enumerate() {
        fix(out, index + 1, one);
    }
    fact(out, "To confirm", check);
    fact(out, "To check", cause.and_then(|cause| cause.command.as_deref()));
    fact(out, "Not so if", cause.and_then(|cause| cause.disproof.as_deref()));
    fact(out, "Mended when", verify.as_deref());
    for link in report.cause().into_iter().flat_map(|cause| &cause.links).filter_map(|link| words::link(link)) {
        fact(out, "More", Some(&link));
    }
}

fn fix(out: &mut String, number: usize, fix: &Fix) {
    let title = format!("{} [{}]", words::one_line(&fix.title), words::fix_kind_in_words(fix.kind).to_lowercase());
    prose(out, &format!("{number}. "), "   ", &title, Style::new().bold());
    prose(out, "   ", "   ", &fix.why, Style::new());
    for step in &fix.steps {
        prose(out, "   - ", "     ", step, Style::new());
    }
    if let Some(url) = fix.url.as_deref().and_then(words::link) {
        let _ = writeln!(out, "   {}", url.underline());
    }
    if let Some(setting) = &fix.setting {
        prose(out, "   ", "   ", &words::setting(setting), Style::new().cyan());
    }
    for line in fix.command.as_deref().unwrap_or_default().lines() {
        let _ = writeln!(out, "     {}", words::log_line(line).cyan());
    }
    for line in fix.diff.as_deref().unwrap_or_default().lines() {
        diff_line(out, line);
    }
    for (name, text) in [("Risk: ", &fix.risk), ("Undo: ", &fix.undo)] {
        let text = text.as_deref().map(|text| format!("{name}{text}"));
        prose(out, "   ", "   ", &text.unwrap_or_default(), Style::new().dimmed());
    }
    out.push('\n');
}

fn diff_line(out: &mut String, line: &str) {
    let line = words::log_line(line);
    let style = match line.chars().next() {
        Some('+') => Style::new().green(),
        Some('-') => Style::new().red(),
        Some('@') => Style::new().cyan(),
        _ => Style::new().dimmed(),
    };
    let _ = writeln!(out, "   {}", line.style(style));
}

fn evidence(out: &mut String, report: &Report) {
    let evidence = evidence::of(&report.case);
    if evidence.blocks.is_empty() {
        return;
    }
    heading(out, "Evidence");
    let cited: BTreeSet<usize> = report.cited();
    let widest = report.case.excerpts.iter().flat_map(|excerpt| &excerpt.lines).map(|line| line.number).max();
    let gutter = widest.unwrap_or_default().to_string().len().max(5);
    let left_out = |out: &mut String, gap: usize| {
        if gap > 0 {
            let text = format!("{:gutter$}  … {} not shown …", "", words::count(gap, "line"));
            let _ = writeln!(out, "{}", text.dimmed());
        }
    };
    for block in &evidence.blocks {
        left_out(out, block.before);
        let step = block.excerpt.step.as_deref().map(words::one_line).unwrap_or_default();
        let reason = words::one_line(&block.excerpt.reason);
        let between = if step.is_empty() || reason.is_empty() { "" } else { " · " };
        let _ = writeln!(out, "{:gutter$}  {}{between}{}", "", step.bold(), reason.dimmed());
        for row in &block.rows {
            match row {
                Row::Gap(gap) => left_out(out, *gap),
                Row::Line(line) => {
                    let mark = if cited.contains(&line.id) { "▶" } else { " " };
                    let style = level(line.level);
                    let style = if cited.contains(&line.id) { style.bold() } else { style };
                    let text = words::log_line(&line.text);
                    let _ = writeln!(out, "{} {:>gutter$} │ {}", mark.red(), line.number.dimmed(), text.style(style));
                }
            }
        }
        if block.excerpt.repeats > 0 {
            let text = format!("{:gutter$}  and {} more like this", "", block.excerpt.repeats);
            let _ = writeln!(out, "{}", text.dimmed());
        }
    }
    left_out(out, evidence.after);
    if !cited.is_empty() {
        let _ = writeln!(out, "{}", "▶ marks the lines the explanation rests on".dimmed());
    }
}

fn changed(out: &mut String, report: &Report) {
    let Some(changes) = changes::of(report) else { return };
    heading(out, "What changed");
    prose(out, "", "", &changes.compared, Style::new());
    prose(out, "", "", &changes.finding, Style::new().bold());
    for row in &changes.suspects {
        let first = format!("{}. ", row.place);
        one_change(out, (&first, "   "), row, Style::new().yellow());
        prose(out, "   ", "   ", &row.reason, Style::new());
        // What is hardly likely is only named.
        for line in changes::brief(&row.details, MOST_DETAILS).iter().filter(|_| !row.is_faint) {
            diff_line(out, line);
        }
    }
    for row in changes.others.iter().take(MOST_CHANGES) {
        one_change(out, ("- ", "  "), row, Style::new().dimmed());
    }
    let more = changes.more + changes.others.len().saturating_sub(MOST_CHANGES);
    if more > 0 {
        prose(out, "  ", "  ", &format!("and {more} more"), Style::new().dimmed());
    }
    let paces = pace::of(&report.case.baseline_steps, &report.case.steps);
    for pace in paces.iter().filter(|pace| !pace.verdict.is_empty()) {
        let text = format!("{} took {} ({} then), {}", pace.step, pace.now, pace.then, pace.verdict);
        prose(out, "- ", "  ", &text, Style::new());
    }
}

fn one_change(out: &mut String, indents: (&str, &str), row: &Changed, style: Style) {
    let parts = [&row.values, &row.who, &row.when].into_iter().filter(|part| !part.is_empty());
    let more: Vec<&str> = parts.map(String::as_str).collect();
    let colon = if more.is_empty() { "" } else { ": " };
    prose(out, indents.0, indents.1, &format!("[{}] {}{colon}{}", row.kind, row.what, more.join(", ")), style);
}

fn steps(out: &mut String, report: &Report) {
    let timeline = timeline::of(&report.case.steps);
    if timeline.bars.is_empty() {
        return;
    }
    heading(out, "Steps");
    for bar in &timeline.bars {
        let (mark, style) = match bar.outcome {
            Outcome::Succeeded => ("ok", Style::new().green()),
            Outcome::Failed => ("FAILED", Style::new().red().bold()),
            Outcome::Canceled => ("canceled", Style::new().yellow()),
            Outcome::Skipped => ("skipped", Style::new().dimmed()),
            Outcome::Running => ("running", Style::new().cyan()),
            Outcome::Unknown => ("unknown", Style::new().dimmed()),
        };
        let indent = "  ".repeat(bar.depth);
        let more: Vec<&str> =
            [&*bar.took, &*bar.attempts].into_iter().filter(|part| !part.is_empty() && *part != mark).collect();
        let _ = writeln!(out, "{:>8}  {indent}{} {}", mark.style(style), bar.label, more.join(", ").dimmed());
    }
}

fn others(out: &mut String, report: &Report) {
    if report.others().is_empty() {
        return;
    }
    heading(out, "Other explanations");
    for other in report.others() {
        prose(out, "- ", "  ", &other.cause, Style::new());
        let lines: Vec<String> =
            other.citations.iter().filter_map(|&id| report.case.line(id)).map(|line| report.place_of(line)).collect();
        if !lines.is_empty() {
            prose(out, "  ", "  ", &format!("Shown by {}.", lines.join(", ")), Style::new().dimmed());
        }
        let wrong = other.disproof.as_deref().map(|text| format!("Not so if: {text}"));
        for text in [&other.check, &other.command, &wrong] {
            prose(out, "  ", "  ", text.as_deref().unwrap_or_default(), Style::new().dimmed());
        }
    }
}

fn known(out: &mut String, report: &Report) {
    for definition in &report.case.definitions {
        heading(out, &format!("The step “{}” as defined", words::one_line(&definition.step)));
        for (name, value) in facts::of(definition) {
            fact(out, name, Some(&value));
        }
    }
    if let Some(earlier) = report.case.earlier.as_deref().filter(|earlier| !earlier.is_empty()) {
        heading(out, "Earlier failures");
        if let Some(told) = facts::again(earlier) {
            prose(out, "", "", &told, Style::new());
        }
        for one in earlier {
            let when = one.when.map(words::moment).unwrap_or_default();
            let fate = facts::fate(one);
            let fate = if fate.is_empty() { fate } else { format!(": {fate}") };
            prose(out, "- ", "  ", &format!("{} {when}{fate}", one.title), Style::new());
        }
    }
    for context in report.contexts() {
        heading(out, &words::one_line(&context.title));
        for line in context.text.lines() {
            prose(out, "", "", line, Style::new());
        }
    }
}

fn notes(out: &mut String, report: &Report) {
    if report.notes.is_empty() {
        return;
    }
    heading(out, "What could not be done");
    for note in report.notes.iter() {
        prose(out, "- ", "  ", &note.text, Style::new());
    }
}

fn footer(out: &mut String, report: &Report) {
    out.push('\n');
    for line in facts::footer(report) {
        prose(out, "", "", &line, Style::new().dimmed());
    }
}

fn level(level: Level) -> Style {
    match level {
        Level::Verbose => Style::new().dimmed(),
        Level::Info => Style::new(),
        Level::Warning => Style::new().yellow(),
        Level::Error | Level::Fatal => Style::new().red(),
    }
}

fn heading(out: &mut String, text: &str) {
    let _ = writeln!(out, "\n{}", text.bold().underline());
}

fn fact(out: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value.map(words::one_line).filter(|value| !value.is_empty()) {
        prose(out, &format!("{name:<13}"), &" ".repeat(13), &value, Style::new());
    }
}

/// Wraps prose between words; the first line and the others have their own indent.
fn prose(out: &mut String, first: &str, rest: &str, text: &str, style: Style) {
    let text = words::one_line(text);
    if text.is_empty() {
        return;
    }
    let mut indent = first;
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && indent.chars().count() + line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{indent}{}", line.style(style));
            line.clear();
            indent = rest;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(out, "{indent}{}", line.style(style));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn bare(report: &Report) -> String {
        anstream::adapter::strip_str(&write(report)).to_string()
    }

    fn check(report: &Report, expected: &[&str]) {
        let text = bare(report);
        let mut rest = &*text;
        for part in expected {
            let Some((_, after)) = rest.split_once(part) else { panic!("{part:?} is not next in\n{text}") };
            rest = after;
        }
    }

    #[test]
    fn the_cause_comes_first_then_the_fix_then_the_evidence() {
        check(
            &sample::story(),
            &[
                "The registry ghcr.io refused",
                "Scan for Security Vulnerabilities",
                "rate-limit (dependency)",
                "High:",
                "Yes, a retry",
                "line 20",
                "What to do",
                "1. Turn on retries",
                "[change a setting]",
                "+foreach ($attempt in 1..4) {",
                "Evidence",
                "▶    20 │ 2026-02-10T03:12:44Z",
                "and 3 more like this",
                "… 125 lines not shown …",
                "  150 │ The remote script failed",
                "… 32 lines not shown …",
                "FAILED",
                "Retries      off",
                "0.1.1980",
                "EventView",
                "2 secrets masked",
            ],
        );
    }

    #[test]
    fn a_question_is_answered_before_the_run_is_named() {
        let answer =
            ["The registry ghcr.io refused", "Do first     Turn on retries", "About        ServerTasks-2001547"];
        check(&sample::asked(), &[&answer[..], &["Run ", "What to do"]].concat());
        assert!(!bare(&sample::asked()).contains("The run that was asked about"), "it is told once");
        assert!(!bare(&sample::story()).contains("Do first"));
    }

    #[test]
    fn an_unknown_cause_shows_the_evidence_first() {
        check(
            &sample::unknown(),
            &["No known failure matches", "None: the cause is unknown", "Evidence", "TOOMANYREQUESTS"],
        );
    }

    #[test]
    fn the_first_suspect_is_on_the_first_screen_and_all_changes_below() {
        check(
            &sample::suspected(),
            &[
                "The registry ghcr.io refused",
                "First suspect: script of step Scan",
                "by anna@example.com,",
                "It names “ghcr.io” and “trivy-db”, as line 20 does",
                "Run ",
                "What changed",
                "the last success in Security",
                "1. [process] script of step",
                "+docker run ghcr.io/aquasecurity/trivy:latest sbom",
                "2. [variable] variable Scan:Registry: mirror.example.com → ghcr.io",
                "- [package] package Octopus.Copilot.Function: 0.1.1981 → 0.1.1982",
                "took 1 min 52 s (37 s then), 3 times as long",
            ],
        );
        let text = bare(&sample::suspected());
        assert!(text.lines().take(12).any(|line| line.contains("First suspect")), "{text}");
        check(&sample::unsuspected(), &["What changed", "Nothing that changed touches this. Look outside"]);
    }

    #[test]
    fn prose_is_wrapped_and_log_lines_are_not() {
        let text = bare(&sample::story());
        let (quoted, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.contains('│'));
        let long = |line: &&&str| line.chars().count() > WIDTH;
        assert!(quoted.iter().any(|line| long(&line)));
        let diff_or_link = |line: &&&str| line.contains("docker run") || line.contains("https://");
        assert_eq!(rest.iter().filter(|line| !diff_or_link(line)).find(long), None);
    }

    #[test]
    fn untrusted_text_brings_no_escape_codes_of_its_own() {
        let clean = write(&sample::story());
        assert!(clean.contains("\u{1b}["));
        let text = bare(&sample::hostile());
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("[31mred0m"), "the harmless rest of a color code stays");
    }
}

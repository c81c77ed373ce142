//! A case as text for a model: in parts, each of which can do with less where there is no room for all.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use crate::model::{Case, Change, Definition, ExcerptLine, Outcome, Step};

use super::share;

/// A script longer than this is cut in the middle; its beginning and end tell most.
const LONGEST_SCRIPT: usize = 6_000;
/// A log line longer than this is cut in the middle.
const LONGEST_LINE: usize = 1_000;

/// Of a suspect's diff or description no more is told than this, of a value no more than that.
const LONGEST_CHANGE: usize = 1_500;
const LONGEST_VALUE: usize = 200;
/// Suspects that are told in full, and changes that are told in a line each.
const SUSPECTS: usize = 3;
const CHANGES: usize = 20;
/// Less of a script or a page than this says nothing.
const SHORTEST: usize = 120;
/// Tokens kept back for a heading.
const HEADING: usize = 24;

/// A part of the question that can do with less: how it reads in so many tokens, and what it is worth beside the others.
type Part<'a> = (f64, Box<dyn Fn(usize) -> String + 'a>);

/// The question in parts, in the order they are read.
pub(super) struct Parts<'a> {
    /// What is told in any case.
    facts: String,
    flexible: Vec<Part<'a>>,
    end: String,
    count: fn(&str) -> usize,
}

impl<'a> Parts<'a> {
    pub(super) fn of(case: &'a Case, count: fn(&str) -> usize) -> Self {
        let suspicion = case.first_suspect().map_or(0.0, |(suspect, _)| suspect.score);
        let lines: Part<'a> = (8.0, Box::new(move |most| write_lines(case, most, count)));
        let suspects: Part<'a> = (1.0 + 3.0 * suspicion, Box::new(move |most| write_suspects(case, most, count)));
        let scripts = case.definitions.iter().filter(|definition| definition.script.is_some()).map(|definition| {
            let part: Part<'a> = (2.0, Box::new(move |most| write_script(definition, most, count)));
            part
        });
        let contexts = case.context.iter().map(|context| {
            let part: Part<'a> = (
                0.8,
                Box::new(move |most| {
                    let title = format!("\n## {}\n", context.title);
                    let text = cut_to(&context.text, LONGEST_SCRIPT, most.saturating_sub(count(&title)), count);
                    if text.is_empty() { text } else { format!("{title}{text}\n") }
                }),
            );
            part
        });
        let steps: Part<'a> = (0.5, Box::new(move |most| write_steps(case, most, count)));
        let others: Part<'a> = (0.7, Box::new(move |most| write_others(case, most, count)));
        let flexible = std::iter::once(steps).chain(scripts).chain([suspects, others]).chain(contexts).chain([lines]);
        Self { facts: facts(case), flexible: flexible.collect(), end: catalogue(case), count }
    }

    pub(super) fn text(&self, most: Option<usize>) -> String {
        let full = || self.flexible.iter().map(|(_, write)| write(usize::MAX));
        let texts: Vec<String> = match most {
            None => full().collect(),
            Some(most) => {
                let fixed = (self.count)(&self.facts) + (self.count)(&self.end);
                let wants: Vec<(usize, f64)> =
                    full().zip(&self.flexible).map(|(text, (worth, _))| ((self.count)(&text), *worth)).collect();
                let shares = share::shares(&wants, most.saturating_sub(fixed));
                let parts = self.flexible.iter().zip(shares).zip(wants);
                parts
                    .map(|(((_, write), share), (want, _))| write(if share < want { share } else { usize::MAX }))
                    .collect()
            }
        };
        format!("{}{}{}", self.facts, texts.concat(), self.end)
    }
}

fn facts(case: &Case) -> String {
    let mut out = String::new();
    let run = &case.run;
    let facts = [
        ("system", Some(&run.host)),
        ("run", Some(&run.title)),
        ("project", run.project.as_ref()),
        ("environment", run.environment.as_ref()),
        ("tenant", run.tenant.as_ref()),
        ("version", run.version.as_ref()),
        ("error", run.error.as_ref()),
    ];
    out.push_str("## Run\n");
    for (name, value) in facts {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            // A write to a string cannot fail.
            let _ = writeln!(out, "{name}: {}", middle_cut(value, LONGEST_LINE));
        }
    }
    for definition in &case.definitions {
        write_definition(&mut out, definition);
    }
    if let Some(earlier) = &case.earlier {
        let _ = writeln!(out, "\n## Earlier failures of the same project and environment: {}", earlier.len());
        let same = earlier.iter().filter(|one| one.same == Some(true)).count();
        if same > 0 {
            let _ = writeln!(out, "The same failure as this one: {same}");
        }
    }
    out
}

fn catalogue(case: &Case) -> String {
    let told = case.matches.first().map(|best| {
        let (id, title) = (&best.signature.id, &best.signature.title);
        format!("\n## Catalogue\nL{} looks like {id}: {title}\n", best.line)
    });
    told.unwrap_or_default()
}

/// The steps: first those that did not succeed, for where there is no room for all.
fn write_steps(case: &Case, most: usize, count: fn(&str) -> usize) -> String {
    let line = |step: &Step| {
        let place = step.place.as_ref().map(|place| format!(" on {place}")).unwrap_or_default();
        let tries = if step.attempts > 1 { format!(", tried {} times", step.attempts) } else { String::new() };
        format!("step: {}{place}: {:?}{tries}\n", step.name, step.outcome)
    };
    let texts: Vec<String> = case.steps.iter().map(line).collect();
    let good = |at: &usize| case.steps.get(*at).is_some_and(|step| step.outcome == Outcome::Succeeded && !step.culprit);
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(good);
    let shown = fitting(&order, &texts, most, count);
    let told: String = shown.iter().filter_map(|at| texts.get(*at)).map(String::as_str).collect();
    if told.is_empty() { told } else { format!("\n## Steps\n{told}") }
}

/// Of `texts`, in the order of their worth, as many as fit; in their own order.
fn fitting(order: &[usize], texts: &[String], most: usize, count: fn(&str) -> usize) -> BTreeSet<usize> {
    let mut left = most.saturating_sub(HEADING);
    let mut shown = BTreeSet::new();
    for at in order {
        let Some(text) = texts.get(*at) else { continue };
        let size = if most == usize::MAX { 0 } else { count(text) };
        if size > left {
            continue;
        }
        left -= size;
        shown.insert(*at);
    }
    shown
}

/// The lines of the log, the best first where there is no room for all.
fn write_lines(case: &Case, most: usize, count: fn(&str) -> usize) -> String {
    let lines: Vec<&ExcerptLine> = case.excerpts.iter().flat_map(|excerpt| &excerpt.lines).collect();
    let text =
        |line: &&ExcerptLine| format!("L{} {:?}: {}\n", line.id, line.level, middle_cut(&line.text, LONGEST_LINE));
    let texts: Vec<String> = lines.iter().map(text).collect();
    let place: HashMap<usize, usize> = lines.iter().enumerate().map(|(at, line)| (line.id, at)).collect();
    let mut order: Vec<usize> = case.best.iter().filter_map(|id| place.get(id).copied()).collect();
    order.extend(0..texts.len());
    let mut seen = BTreeSet::new();
    order.retain(|at| seen.insert(*at));
    let shown = fitting(&order, &texts, most.saturating_sub(HEADING * case.excerpts.len().min(8)), count);
    let mut out = String::from("\n## Log lines\n");
    let mut at = 0;
    for excerpt in &case.excerpts {
        let range = at..at + excerpt.lines.len();
        at = range.end;
        if shown.range(range.clone()).next().is_none() {
            continue;
        }
        let step = excerpt.step.as_ref().map(|step| format!(" of {step}")).unwrap_or_default();
        let _ = writeln!(out, "-- lines{step} ({})", excerpt.reason);
        shown.range(range).filter_map(|at| texts.get(*at)).for_each(|text| out.push_str(text));
        if excerpt.repeats > 0 {
            let _ = writeln!(out, "(and {} more like this)", excerpt.repeats);
        }
    }
    let hidden = texts.len() - shown.len();
    if hidden > 0 {
        let _ = writeln!(out, "({hidden} more lines were found and left out for want of room)");
    }
    out
}

/// The changes that may be to blame, in full as far as there is room: else with less of what they say, then fewer of them.
fn write_suspects(case: &Case, most: usize, count: fn(&str) -> usize) -> String {
    let Some((good, why)) = &case.baseline else { return String::new() };
    let head = format!("\n## Changed since the last good run ({}: {why}): {}\n", good.title, case.changes.len());
    if case.suspects.is_empty() {
        let none = if case.changes.is_empty() { "" } else { "no change has a telling word in common with the lines\n" };
        return format!("{head}{none}");
    }
    let tries =
        [(SUSPECTS, LONGEST_CHANGE), (SUSPECTS, LONGEST_CHANGE / 3), (SUSPECTS, 0), (1, LONGEST_CHANGE / 3), (1, 0)];
    let mut text = String::new();
    for (many, longest) in tries {
        text.clone_from(&head);
        for (place, suspect) in case.suspects.iter().take(many).enumerate() {
            if case.outside_after == Some(place) {
                text.push_str("likelier than what follows: none of these, but the world outside\n");
            }
            let Some(change) = case.changes.get(suspect.change) else { continue };
            let lines: Vec<String> = suspect.lines.iter().map(|line| format!("L{line}")).collect();
            let words = if suspect.words.is_empty() { "-".to_owned() } else { suspect.words.join(", ") };
            let _ =
                writeln!(text, "suspect: {}; words in common with {}: {words}", one_change(change), lines.join(", "));
            if let Some(details) = change.details.as_ref().filter(|_| longest > 0) {
                let _ = writeln!(text, "{}", middle_cut(details, longest));
            }
        }
        if most == usize::MAX || count(&text) <= most {
            break;
        }
    }
    text
}

/// What else differs from the last good run, a line each.
fn write_others(case: &Case, most: usize, count: fn(&str) -> usize) -> String {
    if case.baseline.is_none() {
        return String::new();
    }
    let told: Vec<usize> = case.suspects.iter().take(SUSPECTS).map(|suspect| suspect.change).collect();
    let others = case.changes.iter().enumerate().filter(|(index, _)| !told.contains(index));
    let texts: Vec<String> = others.map(|(_, change)| format!("change: {}\n", one_change(change))).collect();
    let order: Vec<usize> = (0..texts.len().min(CHANGES)).collect();
    let shown = fitting(&order, &texts, most, count);
    let mut out: String = shown.iter().filter_map(|at| texts.get(*at)).map(String::as_str).collect();
    let more = texts.len() - shown.len();
    if more > 0 {
        let _ = writeln!(out, "(and {more} more)");
    }
    out
}

fn one_change(change: &Change) -> String {
    let value = |text: Option<&String>| text.map(|text| middle_cut(&text.replace('\n', " "), LONGEST_VALUE));
    let values = match (value(change.before.as_ref()), value(change.after.as_ref())) {
        (None, None) => String::new(),
        (before, after) => {
            format!(", from {} to {}", before.as_deref().unwrap_or("-"), after.as_deref().unwrap_or("-"))
        }
    };
    // Who did it stays in the house: a model needs no names of people.
    let when = change.when.map(|when| format!(", at {when}")).unwrap_or_default();
    let step = change.step.as_ref().map(|step| format!(", step {step}")).unwrap_or_default();
    format!("{}{values}{step}{when}", middle_cut(&change.title.replace('\n', " "), LONGEST_VALUE))
}

fn write_definition(out: &mut String, definition: &Definition) {
    let _ = writeln!(out, "\n## Definition of step {} ({})", definition.step, definition.kind);
    let retries = definition.retries.map(|retries| if retries == 0 { "off".to_owned() } else { retries.to_string() });
    let facts = [
        ("runs", definition.condition.clone()),
        ("automatic retries", retries),
        ("time limit in minutes", definition.timeout_minutes.map(|minutes| minutes.to_string())),
        ("runs on", definition.runs_on.clone()),
        ("container", definition.container.clone()),
        ("packages", (!definition.packages.is_empty()).then(|| definition.packages.join(", "))),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            let _ = writeln!(out, "{name}: {value}");
        }
    }
}

fn write_script(definition: &Definition, most: usize, count: fn(&str) -> usize) -> String {
    let Some(script) = &definition.script else { return String::new() };
    let title = format!("\n## Script of step {} ({})\n", definition.step, script.syntax);
    let text = cut_to(&script.body, LONGEST_SCRIPT, most.saturating_sub(count(&title)), count);
    if text.is_empty() { text } else { format!("{title}{text}\n") }
}

/// `text` without its middle, in at most `longest` bytes and `most` tokens; empty where that would say nothing.
fn cut_to(text: &str, longest: usize, most: usize, count: fn(&str) -> usize) -> String {
    let mut bytes = longest;
    loop {
        let cut = middle_cut(text, bytes);
        if count(&cut) < most {
            return cut;
        }
        bytes = bytes.min(text.len()) * 2 / 3;
        if bytes < SHORTEST {
            return String::new();
        }
    }
}

/// `text` with its middle left out where it is longer than `most` bytes, and a mark that says so.
fn middle_cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(most * 2 / 3);
    let tail = text.ceil_char_boundary(text.len() - most / 3);
    let (start, end) = (text.get(..head).unwrap_or_default(), text.get(tail..).unwrap_or_default());
    format!("{start} … {} bytes left out … {end}", tail - head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(suspects: &[usize], count: usize, expected: &[&str], more: &str) {
        let change = |number: usize| Change {
            kind: crate::model::ChangeKind::Variable,
            title: format!("variable V{number}"),
            before: None,
            after: Some("x".repeat(9_000)),
            details: Some("y".repeat(9_000)),
            step: None,
            who: None,
            when: None,
            url: None,
        };
        let suspect = |&change: &usize| crate::model::Suspect {
            change,
            lines: vec![7],
            words: vec!["word".to_owned()],
            score: 0.9,
        };
        let case = Case {
            baseline: Some((crate::model::Run::default(), "the last".to_owned())),
            changes: (0..count).map(change).collect(),
            suspects: suspects.iter().map(suspect).collect(),
            ..Case::default()
        };
        let out = write_suspects(&case, usize::MAX, str::len) + &write_others(&case, usize::MAX, str::len);
        let heads: Vec<&str> = out.lines().filter_map(|line| line.split(", from").next()).collect();
        for (head, expected) in heads.iter().filter(|head| head.contains(": variable")).zip(expected) {
            assert_eq!(head, expected);
        }
        assert!(out.trim_end().ends_with(more), "{out}");
        assert!(out.len() < 16_000, "{}", out.len());
    }

    #[test]
    fn suspects_come_first_and_many_changes_keep_to_their_share() {
        check(&[2], 4, &["suspect: variable V2", "change: variable V0", "change: variable V1"], &"x".repeat(60));
        check(&[30, 31, 32, 33], 200, &["suspect: variable V30", "suspect: variable V31"], "(and 177 more)");
        check(&[], 1, &["change: variable V0"], "xxx");
    }

    #[test]
    fn a_long_line_loses_its_middle_and_says_so() {
        let cut = middle_cut(&"ä".repeat(3_000), 1_000);
        assert!(cut.starts_with('ä') && cut.ends_with('ä') && cut.contains("left out") && cut.len() < 1_100);
    }
}

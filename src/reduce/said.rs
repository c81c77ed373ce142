//! The names that the evidence says, and how much each of its lines explains.

use std::collections::{BTreeMap, HashMap};

use aho_corasick::AhoCorasick;

use super::{edit, names};
use crate::model::{Change, ChangeKind, Evidence, Level, Log, Outcome, Run, Step};
use crate::signature::SURE;

/// From which weight on a line is one of those that tell why.
pub(super) const LOUD: f64 = 0.6;
/// How much the name of the failed step explains.
const BY_STEP: f64 = 0.45;
/// How much a line says of the machine that wrote it: where the step succeeded on others, and where it failed wherever it ran.
const ALONE: f64 = 0.7;
const AMONG_ALL: f64 = 0.3;
/// Lines that are remembered of one name.
const REMEMBERED: usize = 3;

/// How much of a line is left that says that something went well.
const WELL: f64 = 0.4;
/// How much of a line is left that calls itself a warning: what it warns of is seldom what failed.
const WARNED: f64 = 0.6;
/// The same of a line that calls itself a note.
const NOTED: f64 = 0.6;
/// How much of a line is left that only says again what a script tells its shell to do.
const ECHOED: f64 = 0.3;
/// Of the words of such a line, the share in percent that one line of a script holds, how many there must be, and how many lines are read.
const ECHO: usize = 80;
const ECHO_WORDS: usize = 3;
const SCRIPT_LINES: usize = 2_000;

/// `weights` with less for lines that only say again what a script of `changes` tells its shell.
pub(super) fn without_echoes(log: &Log, weights: &BTreeMap<usize, f64>, changes: &[Change]) -> BTreeMap<usize, f64> {
    let scripts: Vec<Vec<&str>> = script_lines(changes).take(SCRIPT_LINES).map(edit::words).collect();
    let is_one = |line: usize| is_trace(log, line) || is_echo(log.line(line), &scripts);
    weights.iter().map(|(line, weight)| (*line, if is_one(*line) { weight * ECHOED } else { *weight })).collect()
}

/// How much each shown line explains, from 0 to 1.
pub(super) fn line_weights(log: &Log, evidence: &Evidence, outside: bool) -> BTreeMap<usize, f64> {
    let best = evidence.picks.iter().map(|pick| pick.score).fold(f64::MIN_POSITIVE, f64::max);
    let mut weights = BTreeMap::new();
    for pick in &evidence.picks {
        for index in pick.lines.clone() {
            let level = match log.lines.get(index).map(|line| line.level) {
                Some(Level::Error | Level::Fatal) => 0.3,
                Some(Level::Warning) => 0.15,
                _ => 0.0,
            };
            let complains = if complains(log.line(index)) { 0.2 } else { 0.0 };
            // A frame of a stack trace names what was on the way.
            let start = log.line(index).trim_start();
            let level = if start.starts_with("at ") || start.starts_with("File \"") { level * 0.4 } else { level };
            // PowerShell says of which sort an error is to it.
            let is_sort = start.starts_with("+ CategoryInfo") || start.starts_with("+ FullyQualifiedErrorId");
            let (level, complains) = if is_sort { (0.0, 0.0) } else { (level, complains) };
            let weight = 0.2 + 0.25 * (pick.score / best).clamp(0.0, 1.0) + level + complains;
            let weight = if went_well(log.line(index)) { weight * WELL } else { weight };
            let weight = if is_warning(log.line(index)) { weight * WARNED } else { weight };
            let weight = if is_note(log.line(index)) { weight * NOTED } else { weight };
            weights.insert(index, if outside { weight * 0.3 } else { weight });
        }
    }
    for found in evidence.matches.iter().rev() {
        let weight = weights.entry(found.line).or_insert(0.5);
        *weight = weight.max(if found.strength >= SURE { 1.0 } else { 0.7 });
    }
    weights
}

/// The lines of the scripts that were edited, as they are now.
fn script_lines(changes: &[Change]) -> impl Iterator<Item = &str> {
    let scripts =
        changes.iter().filter(|one| one.kind == ChangeKind::Process && one.title.starts_with("script of step "));
    scripts.flat_map(|change| {
        let diff = change.details.as_deref().unwrap_or_default().lines().filter(|line| !line.starts_with(['-', '@']));
        let diff = diff.map(|line| line.strip_prefix('+').unwrap_or(line));
        diff.chain(change.after.as_deref().unwrap_or_default().lines())
    })
}

/// Whether a shell that tells what it runs wrote the line. PowerShell underlines in the next one what is wrong.
fn is_trace(log: &Log, index: usize) -> bool {
    let is_underlined = || index + 1 < log.lines.len() && log.line(index + 1).contains("~~");
    log.line(index).starts_with("+ ") && !is_underlined()
}

/// Whether `line` is the command that a script told its shell.
fn is_echo(line: &str, scripts: &[Vec<&str>]) -> bool {
    let line =
        line.get(..line.floor_char_boundary(2_000)).unwrap_or(line).trim_start_matches(['+', '$', '>', '#', ' ']);
    let words = edit::words(line);
    let share = |one: &[&str], other: &[&str]| one.iter().filter(|word| other.contains(word)).count();
    let most = |all: usize, some: usize| some * 100 >= all * ECHO;
    words.len() >= ECHO_WORDS && scripts.iter().any(|script| most(words.len(), share(&words, script)))
}

/// Whether a line says that something went well: what it names is not what failed.
fn went_well(text: &str) -> bool {
    const ENDS: &[&str] = &["ok", "done", "passed", "succeeded", "successfully", "success", "applied", "✓", "✔"];
    const STARTS: &[&str] = &["✓", "✔", "ok ", "pass ", "ok:", "passed "];
    let text = text.trim_end_matches(['.', '!', ' ', ')', ']']).trim_start();
    let end = text.rsplit([' ', '.', '(', '[', ':', '\t']).next().unwrap_or_default().to_lowercase();
    let start = text.get(..text.floor_char_boundary(8)).unwrap_or_default().to_lowercase();
    (ENDS.contains(&end.as_str()) || STARTS.iter().any(|word| start.starts_with(word))) && !complains(text)
}

/// Whether a line calls itself a warning and speaks of no failure.
pub(super) fn is_warning(text: &str) -> bool {
    let start = text.get(..text.floor_char_boundary(160)).unwrap_or(text).to_lowercase();
    let is_one =
        ["warning:", "warning!", "warn ", "[warn", "warning ", ": warning"].iter().any(|word| start.contains(word));
    is_one && (!complains(text) || is_of_a_linter(&start))
}

/// Whether a line that begins so, in lower case, warns by the name of a rule: `warning CS0168: …`.
fn is_of_a_linter(start: &str) -> bool {
    let rules = start.split("warning ").skip(1).filter_map(|rest| rest.split_whitespace().next()?.strip_suffix(':'));
    let is_rule = |word: &str| word.len() > 3 && (word.contains('-') || word.ends_with(|c: char| c.is_ascii_digit()));
    rules.into_iter().any(is_rule)
}

/// Whether a line says that it is of the level of notes, and speaks of no failure.
fn is_note(text: &str) -> bool {
    let start = text.get(..text.floor_char_boundary(80)).unwrap_or(text);
    let mut words = start.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| matches!(word, "INFO" | "DEBUG" | "TRACE")) && !complains(text)
}

/// Whether a line begins with the word that it warns, and speaks of no failure.
pub(super) fn is_headed_as_warning(text: &str) -> bool {
    let start = text.trim_start();
    let start = start.get(..start.floor_char_boundary(400)).unwrap_or(start).to_lowercase();
    (start.starts_with("warning:") || start.starts_with("warning!"))
        && !start.contains("error:")
        && !start.contains("fail")
}

/// Words with which a line says that something is wrong.
pub(super) fn complains(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "error",
        "fail",
        "fatal",
        "[alert]",
        "[emerg]",
        "denied",
        "refused",
        "not found",
        "cannot",
        "could not",
        "unable",
        "missing",
        "invalid",
        "expired",
        "timed out",
        "timeout",
        "exception",
        "no such",
        "not exist",
        "unexpected",
        "unknown",
        "rejected",
        "unreachable",
    ];
    let text = text.get(..text.floor_char_boundary(2_000)).unwrap_or(text).to_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// The lines that weigh most.
pub(super) fn loud<'a>(log: &'a Log, weights: &BTreeMap<usize, f64>) -> impl Iterator<Item = &'a str> {
    let lines = weights.iter().filter(|(_, weight)| **weight >= LOUD).map(|(line, _)| log.line(*line));
    lines.collect::<Vec<_>>().into_iter()
}

/// The other lines that are shown and that no good run wrote.
pub(super) fn quiet<'a, 'b>(
    log: &'a Log,
    weights: &'b BTreeMap<usize, f64>,
    baseline: Option<&'a Log>,
) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
    let lines = weights.iter().filter(|(_, weight)| **weight < LOUD).map(|(line, _)| log.line(*line));
    // Whoever asks for one searches the whole good log.
    lines.filter(move |line| baseline.is_none_or(|good| !good.text.contains(line.trim())))
}

/// What stands in boxes, such as Terraform draws, of which two lines that weigh much follow one another: as one, for a box cuts
/// sentences.
pub(super) fn boxed(log: &Log, weights: &BTreeMap<usize, f64>) -> Vec<String> {
    let is_loud = |line: &usize| weights.get(line).is_some_and(|weight| *weight >= LOUD);
    let text = |line: usize| {
        let text = log.line(line).trim();
        let plain = || text.strip_prefix("| ").filter(|text| text.ends_with(" |"));
        let inner = text.strip_prefix(['│', '║', '┃']).or_else(plain)?;
        Some(inner.trim_end_matches(['│', '║', '┃', '|']).trim().to_owned())
    };
    let pairs = weights.keys().filter(|line| is_loud(line) && is_loud(&(*line + 1)));
    pairs.filter_map(|line| Some(format!("{} {}", text(*line)?, text(line + 1)?))).collect()
}

/// The line that says most of the failure.
pub(super) fn key_line(evidence: &Evidence, weights: &BTreeMap<usize, f64>) -> Option<usize> {
    let shown = |line: &usize| weights.contains_key(line);
    let matched = evidence.matches.first().map(|best| best.line).filter(shown);
    matched.or_else(|| {
        let best = weights.iter().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0)));
        best.map(|(line, _)| *line)
    })
}

/// A name the evidence says: how, where, and how much its form and its best line weigh.
pub(super) struct Said<'a> {
    pub(super) word: &'a str,
    pub(super) form: f64,
    pub(super) line: f64,
    /// Empty for what only the failed step's name says.
    pub(super) lines: Vec<usize>,
}

/// Whether `step` failed in its place and succeeded in others.
pub(super) fn is_alone(log: &Log, step: &Step) -> bool {
    let elsewhere = |other: &&Step| other.name == step.name && other.place.is_some() && other.place != step.place;
    log.steps.iter().filter(elsewhere).any(|other| other.outcome == Outcome::Succeeded)
}

/// The names of the evidence.
pub(super) fn said<'a>(
    log: &'a Log,
    evidence: &'a Evidence,
    weights: &BTreeMap<usize, f64>,
) -> HashMap<String, Said<'a>> {
    let mut all: HashMap<String, Said<'a>> = HashMap::new();
    let mut say = |word: &'a str, form: f64, line: usize, weight: f64| {
        let said =
            all.entry(names::key(word)).or_insert_with(|| Said { word, form: 0.0, line: 0.0, lines: Vec::new() });
        said.form = said.form.max(form);
        if weight > said.line {
            (said.line, said.word) = (weight, word);
            said.lines.insert(0, line);
        } else if said.lines.len() < REMEMBERED {
            said.lines.push(line);
        }
    };
    for (&index, &weight) in weights {
        names::each(log.line(index), |word, form| say(word, form, index, weight));
        let step = log.lines.get(index).and_then(|line| line.step).and_then(|step| log.steps.get(step));
        // A line that a machine wrote speaks of that machine where others did not fail.
        if let Some(step) = step.filter(|step| step.culprit)
            && let Some(place) = step.place.as_deref()
        {
            let by_place = if is_alone(log, step) { ALONE } else { AMONG_ALL };
            names::each(place, |word, form| say(word, form, index, weight * by_place));
        }
    }
    for found in evidence.matches.iter().filter(|found| found.strength >= SURE) {
        for (_, value) in &found.captures {
            say(value.trim(), 0.9, found.line, 1.0);
        }
    }
    // What the step is called says what it is about, though no line says it.
    for step in log.steps.iter().filter(|step| step.culprit) {
        names::each(&step.name, |word, form| {
            let of_step = || Said { word, form, line: BY_STEP, lines: Vec::new() };
            all.entry(names::key(word)).or_insert_with(of_step);
        });
    }
    all
}

/// In how many lines of the log each name stands that some change touches.
pub(super) fn standing<'a>(
    log: &Log,
    said: &HashMap<String, Said<'_>>,
    holders: &HashMap<&'a str, usize>,
) -> HashMap<&'a str, usize> {
    let names: Vec<(&str, &str)> = holders.keys().filter_map(|name| Some((*name, said.get(*name)?.word))).collect();
    let words = names.iter().map(|(_, word)| word);
    let Ok(automaton) = AhoCorasick::builder().ascii_case_insensitive(true).build(words) else {
        return HashMap::new();
    };
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut last: HashMap<&str, usize> = HashMap::new();
    let mut line = 0;
    for hit in automaton.find_overlapping_iter(&log.text) {
        while log.lines.get(line).is_some_and(|line| line.end < hit.end()) {
            line += 1;
        }
        let Some((name, _)) = names.get(hit.pattern().as_usize()) else { continue };
        if last.insert(name, line) != Some(line) {
            *counts.entry(name).or_default() += 1;
        }
    }
    counts
}

/// The names of the run itself, which stand everywhere and tell little, and how much.
pub(super) fn of_the_run(run: &Run) -> BTreeMap<String, f64> {
    let texts = [Some(&run.host), run.project.as_ref(), run.environment.as_ref(), run.tenant.as_ref()];
    let mut all = BTreeMap::new();
    for text in texts.into_iter().flatten().chain(&run.version) {
        // A project of several words is often called as its package is.
        all.insert(names::key(text), if text.contains([' ', '.', '-']) { 0.6 } else { 0.25 });
        names::each(text, |word, _| {
            all.entry(names::key(word)).or_insert(0.25);
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_well_is_told_from_what_did_not() {
        for (line, expected) in [
            ("  Applying users.0007_preferred_language... OK", true),
            ("✓ signs in (840 ms)", true),
            ("Copy finished successfully.", true),
            ("  Applying billing.0022_payer...", false),
            ("error: it did not end OK", false),
            ("Reissue the statement after the current backup is completed.", false),
        ] {
            assert_eq!(went_well(line), expected, "{line}");
        }
    }

    #[test]
    fn what_stands_in_a_box_is_one_sentence() {
        let mut builder = crate::clean::LogBuilder::default();
        for line in ["│ The monitor has exceeded   │", "│ its quota.                 │", "done"] {
            builder.line(1, None, Level::Error, None, line);
        }
        let weights = BTreeMap::from([(0, 1.0), (1, 0.8), (2, 0.9)]);
        assert_eq!(boxed(&builder.finish(), &weights), ["The monitor has exceeded its quota."]);
    }

    #[test]
    fn a_line_that_warns_of_no_failure_says_less() {
        for (line, expected) in [
            ("WARNING: alerts.bicep(14,7): Parameter \"x\" is declared but never used", true),
            ("npm WARN deprecated abc@1.2.3", true),
            ("WARNING: could not connect, giving up", false),
            ("db.bicep(31,9) : Warning BCP073: it cannot be assigned to", true),
            ("a.cs(3,1): warning CS0168: unused, an error is missing", true),
            ("Parameter \"x\" is declared but never used", false),
        ] {
            assert_eq!(is_warning(line), expected, "{line}");
        }
    }

    #[test]
    fn notes_and_what_only_warns_are_told_from_what_complains() {
        for (line, note, headed) in [
            ("2026-02-26 10:15 INFO shop: model \"als-2\" loaded", true, false),
            ("2026-02-26 10:15 INFO shop: it failed", false, false),
            ("WARNING: Cannot find a quota project", false, true),
            ("Warning: Failed to open stream", false, false),
            ("INFORMATION is nothing", false, false),
        ] {
            assert_eq!((is_note(line), is_headed_as_warning(line)), (note, headed), "{line}");
        }
    }

    #[test]
    fn a_command_that_a_script_says_is_an_echo_of_it() {
        let script = edit::words("docker run -d --restart on-failure:3 -p 8081:8080 shop:5.0.0");
        for (line, expected) in [
            ("docker run -d --restart on-failure:3 -p 8081:8080 shop:5.0.0", true),
            ("+ docker run -d --restart on-failure:3 -p 8081:8080 shop:5.0.0", true),
            ("docker: Error response from daemon: port 8081 is taken", false),
            ("docker run", false),
        ] {
            assert_eq!(is_echo(line, std::slice::from_ref(&script)), expected, "{line}");
        }
    }
}

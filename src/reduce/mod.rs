//! A whole log into evidence: which lines explain the failure.
//!
//! A log comes in whole; picks leave in log order and fit the budget. Nothing is written out here: masking comes first.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::model::{Evidence, Log, Pick};
use crate::signature::{Catalogue, SURE};

mod affinity;
mod block;
mod names;
mod places;
mod score;
pub mod suspect;
pub mod tokens;

/// How much may be picked.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Tokens, in the o200k vocabulary.
    pub tokens: usize,
}

/// Lines that matter at the end of a failed part when nothing else speaks.
const LAST_LINES: usize = 12;
/// Characters of a longer line that are shown from its beginning and from its end wherever tokens are paid for.
const LONG_LINE: (usize, usize) = (700, 295);
/// Where the failure is a known one, lines with fewer points add nothing; else anything may.
const WORTH_SAYING: f64 = 0.5;
/// Lines that are taken before what stands around them is.
const BATCH: usize = 8;
/// Candidates that are looked at closely.
const CANDIDATES: usize = 2_000;

/// The blocks of `log` that explain its failure best and fit in `budget`. Never empty while the log has a line.
#[must_use]
pub fn reduce(log: &Log, catalogue: &Catalogue, budget: Budget) -> Evidence {
    let failed = failed_part(log);
    let matches = catalogue.explain(log, &failed);
    let templates: Vec<u64> = failed.iter().map(|index| score::template(log.line(*index))).collect();
    let mut counts: HashMap<u64, usize> = HashMap::new();
    for template in &templates {
        *counts.entry(*template).or_default() += 1;
    }

    let nearness = nearness(log, &failed);
    let worth = if matches.first().is_some_and(|best| best.strength >= SURE) { WORTH_SAYING } else { 0.0 };
    let known: HashMap<usize, f64> = matches.iter().map(|found| (found.line, found.strength)).collect();
    let mut candidates: Vec<Candidate> = failed
        .iter()
        .zip(&templates)
        .enumerate()
        .filter_map(|(position, (index, template))| {
            let line = log.lines.get(*index)?;
            let text = log.line(*index);
            let repeats = counts.get(template).copied().unwrap_or(1);
            let mut score = score::score(text, line.level, repeats);
            if score.points <= 0.0 {
                score.reason = "just before it failed";
            }
            if !text.trim().is_empty() {
                // What a failing command says last is near to why it failed.
                let near = nearness.get(position).copied().unwrap_or_default();
                score.points += near * if score.points > 0.0 { 4.0 } else { 2.0 };
                // Where a log ends is where it failed; that alone is little.
                score.points += share(position, failed.len()).powi(4) * if score.points > 0.0 { 2.0 } else { 0.2 };
            }
            if let Some(strength) = known.get(index) {
                score.points += if *strength >= SURE { 20.0 } else { 4.0 } * strength;
                score.reason = "a known failure";
            }
            (score.points > worth).then_some(Candidate { index: *index, template: *template, repeats, score })
        })
        .collect();
    candidates.sort_by(|a, b| b.score.points.total_cmp(&a.score.points).then(a.index.cmp(&b.index)));
    favor_each_failed_step(log, &mut candidates);
    candidates.truncate(CANDIDATES);

    let mut chosen = Chosen { log, left: budget.tokens, spent: 0, lines: HashSet::new(), picks: Vec::new() };
    let mut told = HashSet::new();
    let told: Vec<&Candidate> = candidates.iter().filter(|candidate| told.insert(candidate.template)).collect();
    // First the lines themselves, a few at a time, then what stands around them: breadth before depth.
    for batch in told.chunks(BATCH) {
        for candidate in batch {
            let core = candidate.index..candidate.index + 1;
            chosen.add(core, candidate.index, candidate.score.reason, candidate.score.points, candidate.repeats - 1);
        }
        for candidate in batch.iter().filter(|candidate| chosen.lines.contains(&candidate.index)).collect::<Vec<_>>() {
            chosen.surround(block::around(log, candidate.index), candidate.score.points);
        }
    }
    if chosen.picks.len() < 3 {
        let end = failed.iter().rev().take(LAST_LINES).copied().collect::<Vec<_>>();
        for index in end {
            chosen.add(index..index + 1, index, "the end of the failed part", 0.1, 0);
        }
    }
    chosen.finish(matches)
}

/// The lines in which the failure lies, ascending: those of the parts that failed, in their last attempt. All lines where no
/// part is known to have failed.
fn failed_part(log: &Log) -> Vec<usize> {
    let mut last_attempt: HashMap<usize, usize> = HashMap::new();
    for (index, line) in log.lines.iter().enumerate() {
        if let Some(step) = line.step.filter(|_| score::starts_an_attempt(log.line(index))) {
            last_attempt.insert(step, index);
        }
    }
    let counts = |index: usize, step: Option<usize>| {
        let Some(step) = step else { return false };
        let culprit = log.steps.get(step).is_some_and(|step| step.culprit);
        culprit && last_attempt.get(&step).is_none_or(|start| index > *start)
    };
    let failed: Vec<usize> = log
        .lines
        .iter()
        .enumerate()
        .filter(|(index, line)| counts(*index, line.step))
        .map(|(index, _)| index)
        .collect();
    if failed.is_empty() { (0..log.lines.len()).collect() } else { failed }
}

/// For each of the lines at `failed` how near it stands before the first line that says that something failed, from 0 to 1.
fn nearness(log: &Log, failed: &[usize]) -> Vec<f64> {
    let mut near = vec![0.0; failed.len()];
    let mut now: f64 = 0.0;
    for (slot, index) in near.iter_mut().zip(failed).rev() {
        let text = log.line(*index);
        if score::announces(text) {
            now = 1.0;
        } else if !text.trim().is_empty() {
            *slot = now;
            now *= 0.93;
        }
    }
    near
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than a float's precision")]
fn share(position: usize, of: usize) -> f64 {
    (position + 1) as f64 / of.max(1) as f64
}

struct Candidate {
    index: usize,
    template: u64,
    repeats: usize,
    score: score::Score,
}

/// Puts the best candidate of each failed step first, so that a loud step does not hide a quiet one.
fn favor_each_failed_step(log: &Log, candidates: &mut [Candidate]) {
    let mut seen = HashSet::new();
    for candidate in candidates.iter_mut() {
        let step = log.lines.get(candidate.index).and_then(|line| line.step);
        if seen.insert(step) {
            candidate.score.points += 50.0;
        }
    }
    candidates.sort_by(|a, b| b.score.points.total_cmp(&a.score.points).then(a.index.cmp(&b.index)));
}

/// A long line with its middle left out.
fn shortened(text: &str) -> Cow<'_, str> {
    let (head, tail) = LONG_LINE;
    let count = if text.len() > head + tail { text.chars().count() } else { 0 };
    if count <= head + tail {
        return Cow::Borrowed(text);
    }
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    Cow::Owned(format!("{start} … {end}"))
}

/// What was picked so far.
struct Chosen<'a> {
    log: &'a Log,
    left: usize,
    spent: usize,
    lines: HashSet<usize>,
    picks: Vec<Pick>,
}

impl Chosen<'_> {
    /// Adds as much of `block` around `core` as is new and affordable.
    fn add(&mut self, block: Range<usize>, core: usize, reason: &str, points: f64, repeats: usize) {
        let fresh = |index: &usize| !self.lines.contains(index);
        let start = (block.start..=core).rev().take_while(fresh).last().unwrap_or(core);
        let end = (core..block.end).take_while(fresh).last().map_or(core, |last| last + 1);
        let cost = |range: Range<usize>| range.map(|index| self.cost(index)).sum::<usize>();
        let mut range = start..end;
        if range.is_empty() || self.lines.contains(&core) {
            return;
        }
        let mut price = cost(range.clone());
        if price > self.left {
            range = core..core + 1;
            price = cost(range.clone());
            // The first pick is made whatever it costs: evidence without a line is none.
            if price > self.left && !self.picks.is_empty() {
                return;
            }
        }
        self.left = self.left.saturating_sub(price);
        self.spent += price;
        self.lines.extend(range.clone());
        self.picks.push(Pick { lines: range, reason: reason.to_owned(), score: points, repeats });
    }

    /// Adds the lines of `block` that are new, as far as they are affordable.
    fn surround(&mut self, block: Range<usize>, points: f64) {
        for index in block {
            let price = self.cost(index);
            if !self.lines.contains(&index) && price <= self.left {
                self.left -= price;
                self.spent += price;
                self.lines.insert(index);
                let reason = "around it".to_owned();
                self.picks.push(Pick { lines: index..index + 1, reason, score: points * 0.1, repeats: 0 });
            }
        }
    }

    /// The tokens of a line as it is shown where tokens are paid for.
    fn cost(&self, index: usize) -> usize {
        tokens::count(&shortened(self.log.line(index))) + 1
    }

    fn finish(mut self, matches: Vec<crate::model::Match>) -> Evidence {
        self.picks.sort_by_key(|pick| pick.lines.start);
        let mut picks: Vec<Pick> = Vec::new();
        let step = |index: usize| self.log.lines.get(index).and_then(|line| line.step);
        for pick in self.picks {
            match picks.last_mut() {
                Some(last)
                    if last.lines.end == pick.lines.start && step(last.lines.start) == step(pick.lines.start) =>
                {
                    last.lines.end = pick.lines.end;
                    last.repeats = last.repeats.max(pick.repeats);
                    if pick.score > last.score {
                        last.score = pick.score;
                        last.reason = pick.reason;
                    }
                }
                _ => picks.push(pick),
            }
        }
        let omitted = self.log.lines.len() + self.log.omitted - self.lines.len();
        Evidence { picks, matches, suspects: Vec::new(), tokens: self.spent, omitted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::LogBuilder;
    use crate::model::{Level, Outcome, Step};

    fn log(text: &str) -> Log {
        let mut builder = LogBuilder::default();
        text.lines().enumerate().for_each(|(index, line)| builder.line(index + 1, None, Level::Info, None, line));
        builder.finish()
    }

    fn picked(log: &Log, tokens: usize) -> Vec<String> {
        let evidence = reduce(log, &Catalogue::builtin(), Budget { tokens });
        evidence.picks.iter().flat_map(|pick| pick.lines.clone()).map(|index| log.line(index).to_owned()).collect()
    }

    #[test]
    fn the_line_that_tells_is_picked_from_among_dull_ones() {
        let mut text = "copying a file\n".repeat(500);
        text.push_str("ERROR: the widget is bent\n");
        text.push_str(&"cleaning up\n".repeat(50));
        assert!(picked(&log(&text), 200).contains(&"ERROR: the widget is bent".to_owned()));
    }

    #[test]
    fn a_log_without_any_telling_line_shows_its_end() {
        let text = (0..100).map(|i| format!("step {i}")).collect::<Vec<_>>().join("\n");
        assert!(picked(&log(&text), 200).contains(&"step 99".to_owned()));
        assert!(picked(&log("x"), 200).contains(&"x".to_owned()));
    }

    #[test]
    fn only_the_last_attempt_of_the_failed_step_counts() {
        let mut builder = LogBuilder::default();
        let step = |name: &str, culprit| Step {
            name: name.to_owned(),
            place: None,
            outcome: if culprit { Outcome::Failed } else { Outcome::Succeeded },
            culprit,
            started: None,
            finished: None,
            attempts: 2,
            depth: 0,
        };
        let good = builder.step(step("good", false));
        let bad = builder.step(step("bad", true));
        builder.line(1, None, Level::Error, Some(good), "error: a decoy that harmed nobody");
        builder.line(1, None, Level::Error, Some(bad), "error: the first attempt");
        builder.line(2, None, Level::Warning, Some(bad), "Retry (attempt 1 of 1)");
        builder.line(3, None, Level::Error, Some(bad), "error: the last attempt");
        assert_eq!(picked(&builder.finish(), 500), ["error: the last attempt"]);
    }

    #[test]
    fn the_same_input_gives_the_same_picks() {
        let text = (0..3_000).map(|i| format!("error {} in module {}", i % 7, i % 13)).collect::<Vec<_>>().join("\n");
        let log = log(&text);
        assert_eq!(picked(&log, 1_000), picked(&log, 1_000));
    }
}

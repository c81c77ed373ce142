//! A whole log into evidence: which lines explain the failure.
//!
//! A log comes in whole; picks leave in log order and fit the budget. Nothing is written out here: masking comes first.
//! `score` says what a line says, `rank` also where it stands, `baseline` whether the last good run said it too, and `pick`
//! takes the best.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::thread;

use crate::model::{Evidence, Log};
use crate::signature::{Catalogue, SURE};

mod affinity;
mod alibi;
mod baseline;
mod edit;
mod form;
mod met;
mod names;
mod odds;
mod order;
mod pick;
mod places;
mod rank;
mod said;
mod score;
pub mod suspect;
mod template;
pub mod tokens;
mod topic;
mod touched;
mod verdict;
mod version;
mod weights;

pub use pick::shortened;

use baseline::Seen;
use pick::Worth;
use rank::{Good, Ranked, Said};

/// How much may be picked.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Tokens, in the o200k vocabulary.
    pub tokens: usize,
}

/// Of 167 logs of failed runs one had no line worth as much, of 44 logs of good runs 27 had none.
const QUIET: f64 = 0.0;

/// The lines of `log` that explain its failure best and fit in `budget`, told apart from what `baseline`, the log of the last
/// good run, said too. Never empty while the log has a line.
#[must_use]
pub fn reduce(log: &Log, baseline: Option<&Log>, catalogue: &Catalogue, budget: Budget) -> Evidence {
    let failed = failed_part(log);
    let (matches, said, seen) = thread::scope(|scope| {
        // What is slow and does not wait for each other goes side by side. A part that breaks down costs only what it brings.
        let matches = scope.spawn(|| catalogue.explain(log, &failed));
        let seen = baseline.filter(|log| !log.lines.is_empty()).map(|log| scope.spawn(|| Seen::of(log)));
        let said: Vec<Said> = failed.iter().map(|index| Said::by(log.line(*index))).collect();
        (matches.join().unwrap_or_default(), said, seen.and_then(|seen| seen.join().ok()))
    });
    let good = seen.as_ref().map(|seen| Good::of(seen, budget.tokens));
    let mut ranked = rank::rank(log, &failed, &said, &matches, good);
    lead_each_step(log, &mut ranked);
    let worth = Worth {
        known: matches.first().is_some_and(|best| best.strength >= SURE),
        spread: good.map_or(0.0, |good| good.new),
    };
    let picked = pick::pick(log, ranked, budget.tokens, worth);
    let omitted = log.lines.len() + log.omitted - picked.best.len();
    let quiet = !worth.known && picked.picks.iter().all(|pick| pick.score < QUIET);
    let (picks, best, tokens) = (picked.picks, picked.best, picked.tokens);
    Evidence { picks, best, matches, tokens, omitted, quiet, ..Evidence::default() }
}

/// The lines in which the failure lies, ascending: those of the parts that failed, in their last attempt. All lines where no
/// part is known to have failed, or none of these said anything.
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
    let says_nothing = failed.iter().all(|index| log.line(*index).trim().is_empty());
    if says_nothing { (0..log.lines.len()).collect() } else { failed }
}

/// Marks the best line of each failed step.
fn lead_each_step(log: &Log, ranked: &mut [Ranked]) {
    let mut best: HashMap<Option<usize>, &mut Ranked> = HashMap::new();
    for line in ranked {
        match best.entry(log.lines.get(line.index).and_then(|line| line.step)) {
            Entry::Vacant(slot) => {
                slot.insert(line);
            }
            Entry::Occupied(mut known) if line.points > known.get().points => {
                known.insert(line);
            }
            Entry::Occupied(_) => {}
        }
    }
    for line in best.into_values() {
        line.leads = true;
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
        let evidence = reduce(log, None, &Catalogue::builtin(), Budget { tokens });
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
    fn what_a_good_run_never_said_counts_less_for_who_has_more_room() {
        let good = log("error: the widget is bent");
        let seen = Seen::of(&good);
        let new = |tokens| Good::of(&seen, tokens).new;
        assert!(new(500) >= new(2_000) && new(2_000) > new(4_000) && new(4_000) > new(8_000) && new(8_000) > 0.0);
    }

    #[test]
    fn the_same_input_gives_the_same_picks() {
        let text = (0..3_000).map(|i| format!("error {} in module {}", i % 7, i % 13)).collect::<Vec<_>>().join("\n");
        let log = log(&text);
        assert_eq!(picked(&log, 1_000), picked(&log, 1_000));
    }
}

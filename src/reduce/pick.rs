//! The best lines that fit in the budget, each as it is shown, back in the order of the log.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::rank::Ranked;
use super::tokens;
use crate::model::{Log, Pick};

/// Characters of a longer line that are shown from its beginning and from its end.
pub(super) const LONG_LINE: (usize, usize) = (700, 295);
/// What the second line of a template loses; each doubling loses as much again.
const AGAIN: f64 = 1.0;
/// How much a line of more tokens must be better, for each time it is longer by a factor of e.
const PRICE: f64 = 0.5;
/// Which of the lines is the best, to which all others are held: the third, as one may be an accident.
const THE_BEST: usize = 2;
/// So many lines between two picked ones are shown as well: that reads better than a gap.
const BRIDGED: usize = 2;
/// Bytes of a token in an ordinary log.
const BYTES: f64 = 3.5;

/// Points below the best from which on a line is noise: fewer where the failure is a known one, for less is needed around it.
/// Who asks for more is shown more.
const NOISE: f64 = 6.0;
const NOISE_BESIDE_KNOWN: f64 = 4.5;

/// What the rest of the evidence is to be held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Worth {
    /// Whether the failure is a known one.
    pub(super) known: bool,
    /// Points that only some lines could get, whatever they say: the good run's say.
    pub(super) spread: f64,
}

impl Worth {
    fn distance(self, budget: usize) -> f64 {
        let least = if self.known { NOISE_BESIDE_KNOWN } else { NOISE };
        least + self.spread + (float(budget.max(1)) / 1_000.0).log2() / 2.0
    }
}

/// What was picked.
pub(super) struct Picked {
    /// Runs of lines that adjoin, in log order.
    pub(super) picks: Vec<Pick>,
    /// The picked lines, best first.
    pub(super) best: Vec<usize>,
    /// Their tokens.
    pub(super) tokens: usize,
}

/// Takes the best of `ranked` until `budget` tokens are spent. Where no line fits, the best alone, whatever it costs.
pub(super) fn pick(log: &Log, ranked: Vec<Ranked>, budget: usize, worth: Worth) -> Picked {
    let mut said: HashMap<u64, usize> = HashMap::new();
    for line in &ranked {
        *said.entry(line.template).or_default() += 1;
    }
    let ordered = order(log, ranked, budget, worth);
    let first = ordered.first().copied();
    let mut chosen: HashMap<usize, Ranked> = HashMap::new();
    let mut best = Vec::new();
    let mut left = budget;
    for line in ordered {
        let price = cost(log, line.index);
        if price > left {
            continue;
        }
        left -= price;
        best.push(line.index);
        chosen.insert(line.index, line);
        if left == 0 {
            break;
        }
    }
    if let (true, Some(line)) = (best.is_empty(), first) {
        // Evidence without a line is none.
        best.push(line.index);
        chosen.insert(line.index, line);
        return Picked { picks: runs(log, &chosen, &said), best, tokens: cost(log, line.index) };
    }
    for index in between(log, &best) {
        let price = cost(log, index);
        if price <= left {
            left -= price;
            best.push(index);
            let points = f64::NEG_INFINITY;
            chosen.insert(index, Ranked { index, template: 0, points, reason: "around it", leads: false });
        }
    }
    Picked { picks: runs(log, &chosen, &said), best, tokens: budget - left }
}

/// The lines worth looking at, best first: a line said again loses, and so does a long one.
fn order(log: &Log, mut ranked: Vec<Ranked>, budget: usize, worth: Worth) -> Vec<Ranked> {
    for line in &mut ranked {
        let length = log.lines.get(line.index).map_or(0, |line| line.end - line.start).min(LONG_LINE.0 + LONG_LINE.1);
        line.points -= PRICE * (float(length) / BYTES).max(8.0).ln();
    }
    let best_first =
        |a: &Ranked, b: &Ranked| b.leads.cmp(&a.leads).then(b.points.total_cmp(&a.points)).then(a.index.cmp(&b.index));
    // A line costs two tokens or more: what comes later in the order has no place in the budget, but for what is said again.
    let enough = budget.saturating_mul(4).max(1_000);
    if ranked.len() > enough {
        ranked.select_nth_unstable_by(enough, best_first);
        ranked.truncate(enough);
    }
    ranked.sort_by(best_first);
    let best = ranked.iter().filter(|line| !line.leads).nth(THE_BEST).map_or(f64::NEG_INFINITY, |line| line.points);
    ranked.retain(|line| line.leads || line.points > best - worth.distance(budget));
    let mut times: HashMap<u64, usize> = HashMap::new();
    for line in &mut ranked {
        let times = times.entry(line.template).or_default();
        *times += 1;
        line.points -= AGAIN * float(*times).log2();
    }
    ranked.sort_by(best_first);
    ranked
}

/// The lines of short gaps between picked ones of the same step, in log order.
fn between(log: &Log, best: &[usize]) -> Vec<usize> {
    let mut picked = best.to_vec();
    picked.sort_unstable();
    let step = |index: usize| log.lines.get(index).and_then(|line| line.step);
    let gaps = picked.windows(2).filter_map(|pair| match pair {
        [a, b] if b - a > 1 && b - a <= BRIDGED + 1 => Some(a + 1..*b),
        _ => None,
    });
    gaps.filter(|gap| (gap.start - 1..=gap.end).all(|index| step(index) == step(gap.end))).flatten().collect()
}

/// Joins lines that adjoin; each run speaks for the lines of its templates that are not shown.
fn runs(log: &Log, chosen: &HashMap<usize, Ranked>, said: &HashMap<u64, usize>) -> Vec<Pick> {
    let mut shown: HashMap<u64, usize> = HashMap::new();
    for line in chosen.values() {
        *shown.entry(line.template).or_default() += 1;
    }
    let mut lines: Vec<&Ranked> = chosen.values().collect();
    lines.sort_by_key(|line| line.index);
    let mut told = HashSet::new();
    let mut picks: Vec<Pick> = Vec::new();
    let place = |index: usize| log.lines.get(index).map(|line| (line.step, line.number));
    for line in lines {
        let count = |of: &HashMap<u64, usize>| of.get(&line.template).copied().unwrap_or_default();
        let repeats = if told.insert(line.template) { count(said).saturating_sub(count(&shown)) } else { 0 };
        let adjoins = |last: &&mut Pick| {
            let before = place(last.lines.end - 1);
            last.lines.end == line.index
                && before.zip(place(line.index)).is_some_and(|((step, number), (next_step, next_number))| {
                    step == next_step && number + 1 >= next_number
                })
        };
        match picks.last_mut().filter(adjoins) {
            Some(last) => {
                last.lines.end = line.index + 1;
                last.repeats = last.repeats.max(repeats);
                if line.points > last.score {
                    last.score = line.points;
                    line.reason.clone_into(&mut last.reason);
                }
            }
            None => picks.push(Pick {
                lines: line.index..line.index + 1,
                reason: line.reason.to_owned(),
                score: line.points,
                repeats,
            }),
        }
    }
    picks
}

/// The tokens of a line as it is shown where tokens are paid for, with its line feed.
fn cost(log: &Log, index: usize) -> usize {
    let mut line = shortened(log.line(index)).into_owned();
    line.push('\n');
    tokens::count(&line)
}

/// A line as it is shown where tokens are paid for: a long one with its middle left out.
#[must_use]
pub fn shortened(text: &str) -> Cow<'_, str> {
    let (head, tail) = LONG_LINE;
    let count = if text.len() > head + tail { text.chars().count() } else { 0 };
    if count <= head + tail {
        return Cow::Borrowed(text);
    }
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    Cow::Owned(format!("{start} … {end}"))
}

#[expect(clippy::cast_precision_loss, reason = "counts of lines and bytes of a line are far below what a float holds")]
fn float(count: usize) -> f64 {
    count as f64
}

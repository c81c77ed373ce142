//! Every line of the failed part in one order: how much each explains, by what it says and where it stands.
//!
//! The points here and in `score` were fitted together; `docs/evidence.md` says how, and what each part brings.

use std::collections::HashMap;

use super::baseline::Seen;
use super::score::{self, Traits};
use super::template::template;
use crate::model::{Level, Log, Match};

/// A known failure, for each unit of its strength.
const KNOWN: f64 = 2.4;
/// Never said in the last good run: so what it did say, be it as scary, counts for less. Up to so many tokens it says all of that, and
/// less to who has more room, for what the good run said too may explain as well.
const NEW: f64 = 3.0;
const NEW_UP_TO: usize = 2_000;
/// Doubling the lines that follow.
const LEFT: f64 = -0.34;
/// Just before the next line that says that something failed, by two measures of nearness.
const BEFORE_ANNOUNCEMENT: [(f64, f64); 2] = [(0.93, 1.3), (0.985, 1.35)];
/// After the last such line.
const AFTER_LAST_ANNOUNCEMENT: f64 = 0.95;
/// Doubling the strong lines that follow: the first of many is nearer to the cause.
const STRONG_AFTER: f64 = 0.32;
/// The first strong line of all.
const FIRST_STRONG: f64 = 1.6;
/// Among strong lines, for each of the eleven around it.
const AMONG_STRONG: f64 = 0.25;
/// Lines on each side that are around.
const AROUND: usize = 5;
/// A line of the failed part and what speaks for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranked {
    /// Its index in [`Log::lines`].
    pub(super) index: usize,
    pub(super) template: u64,
    pub(super) points: f64,
    pub(super) reason: &'static str,
    /// Whether it is shown before all others: the best line of each step, for a loud step must not hide a quiet one, and the
    /// last that says that something failed, for that says what.
    pub(super) leads: bool,
}

/// What the last good run said, and how much it says that it never said a line.
#[derive(Clone, Copy)]
pub(super) struct Good<'a> {
    pub(super) seen: &'a Seen,
    pub(super) new: f64,
}

impl<'a> Good<'a> {
    /// For who has room for so many tokens.
    pub(super) fn of(seen: &'a Seen, tokens: usize) -> Self {
        Self { seen, new: NEW * share(NEW_UP_TO, tokens).min(1.0) }
    }
}

/// What a line says, whatever stands around it.
pub(super) struct Said<'a> {
    body: &'a str,
    traits: Traits,
    template: u64,
}

impl<'a> Said<'a> {
    pub(super) fn by(line: &'a str) -> Self {
        let body = score::body(line);
        Self { body, traits: score::traits(body), template: template(body) }
    }
}

/// Points for each of the lines at `failed` (ascending indices) in their order, blank ones left out where others
/// are; `lines` is what they say.
pub(super) fn rank(log: &Log, failed: &[usize], lines: &[Said], matches: &[Match], good: Option<Good>) -> Vec<Ranked> {
    let known: HashMap<usize, f64> = matches.iter().map(|found| (found.line, found.strength)).collect();
    let near = nearness(lines);
    let strong = Strong::of(lines);
    let last_announcement = lines.iter().rposition(|said| said.traits.announces());
    let says_nothing = lines.iter().all(|said| said.body.trim().is_empty());
    let mut ranked = Vec::with_capacity(failed.len());
    for (place, (index, Said { body, traits, template })) in failed.iter().zip(lines).enumerate() {
        if body.trim().is_empty() && !says_nothing {
            continue;
        }
        let level = log.lines.get(*index).map_or(Level::Info, |line| line.level);
        let mut reasons = Reasons::default();
        reasons.add(traits.points(), "");
        if let Some((reason, points)) = traits.reason() {
            reasons.weigh(points, reason);
        }
        reasons.add(by_level(level), if level >= Level::Error { "is logged as an error" } else { "" });
        reasons.add(LEFT * log2(failed.len() - place), "");
        reasons.add(near.get(place).copied().unwrap_or_default(), "just before it failed");
        if last_announcement.is_some_and(|last| place > last) {
            reasons.add(AFTER_LAST_ANNOUNCEMENT, "the end of the failed part");
        }
        reasons.add(STRONG_AFTER * log2(1 + strong.after(place)), "");
        if traits.strong() && strong.before(place) == 0 {
            reasons.add(FIRST_STRONG, "the first error");
        }
        reasons.add(AMONG_STRONG * float(strong.around(place)), "among errors");
        if let Some(good) = good.filter(|good| good.seen.says(*template, traits.strong()) == Some(false)) {
            reasons.add(good.new, "not said in the last good run");
        }
        if let Some(strength) = known.get(index) {
            reasons.add(KNOWN * strength, "");
            reasons.weigh(f64::INFINITY, "a known failure");
        }
        ranked.push(Ranked {
            index: *index,
            template: *template,
            points: reasons.points,
            reason: reasons.best,
            leads: last_announcement == Some(place),
        });
    }
    ranked
}

/// The points so far, and the reason that weighs most.
struct Reasons {
    points: f64,
    best: &'static str,
    weight: f64,
}

impl Default for Reasons {
    fn default() -> Self {
        Self { points: 0.0, best: "around it", weight: 0.5 }
    }
}

impl Reasons {
    fn add(&mut self, points: f64, reason: &'static str) {
        self.points += points;
        if !reason.is_empty() {
            self.weigh(points, reason);
        }
    }

    fn weigh(&mut self, weight: f64, reason: &'static str) {
        if weight > self.weight {
            (self.weight, self.best) = (weight, reason);
        }
    }
}

/// Hosts that log with levels know more than the words.
fn by_level(level: Level) -> f64 {
    match level {
        Level::Verbose => -2.5,
        Level::Info => 0.0,
        Level::Warning => 0.3,
        Level::Error | Level::Fatal => 1.5,
    }
}

/// For each line the points for standing before the next one that says that something failed.
fn nearness(lines: &[Said]) -> Vec<f64> {
    let mut near = vec![0.0; lines.len()];
    let mut now = [0.0; BEFORE_ANNOUNCEMENT.len()];
    for (slot, said) in near.iter_mut().zip(lines).rev() {
        if said.traits.announces() {
            now = [1.0; BEFORE_ANNOUNCEMENT.len()];
            continue;
        }
        for (now, (decay, points)) in now.iter_mut().zip(BEFORE_ANNOUNCEMENT) {
            *now *= decay;
            *slot += *now * points;
        }
    }
    near
}

/// How many strong lines stand before each line.
struct Strong(Vec<u32>);

impl Strong {
    fn of(lines: &[Said]) -> Self {
        let mut sums = vec![0];
        let mut sum = 0;
        sums.extend(lines.iter().map(|said| {
            sum += u32::from(said.traits.strong());
            sum
        }));
        Self(sums)
    }

    fn before(&self, place: usize) -> u32 {
        self.0.get(place).or(self.0.last()).copied().unwrap_or_default()
    }

    fn after(&self, place: usize) -> usize {
        (self.before(usize::MAX) - self.before(place + 1)) as usize
    }

    fn around(&self, place: usize) -> u32 {
        self.before(place + AROUND + 1) - self.before(place.saturating_sub(AROUND))
    }
}

#[expect(clippy::cast_precision_loss, reason = "no log has so many lines that it would matter")]
fn log2(count: usize) -> f64 {
    (count.max(1) as f64).log2()
}

#[expect(clippy::cast_precision_loss, reason = "no budget has so many tokens that it would matter")]
fn share(part: usize, all: usize) -> f64 {
    part as f64 / all.max(1) as f64
}

fn float(count: u32) -> f64 {
    f64::from(count)
}

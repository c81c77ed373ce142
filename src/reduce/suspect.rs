//! Which changes touch what the evidence names: the first things to look at.
//!
//! A change and the evidence meet in names. What a meeting says: how rare the name is among the changes and in the log,
//! how strongly its line explains the failure, and how central it is to the change. Beside that count the sort of
//! failure, the step and the time.

use std::collections::{BTreeMap, HashMap};

use super::affinity;
use super::alibi::{Bearing, Scene};
use super::form;
use super::places;
use super::said::{LOUD, key_line, line_weights, loud, of_the_run, said, standing};
use super::topic::Topics;
use super::touched::{BROUGHT_IN, details, most, touched};
use crate::model::{Change, ChangeKind, Evidence, Log, Run, Signature, Suspect};
use crate::signature::SURE;

/// What a change must reach to be a suspect, and where it is known of what such failures come, and that is not the world outside.
const THRESHOLD: f64 = 0.35;
const KNOWN_THRESHOLD: f64 = 0.31;
/// A suspect with a smaller share of the first one's score is no longer told.
const BESIDE_THE_FIRST: f64 = 0.4;
/// Suspects that are told.
const MOST: usize = 5;
/// Lines and words that one suspect cites.
const CITED: usize = 3;
/// What ordinary words may say together: not enough to accuse.
const ORDINARY: f64 = 0.2;
/// What names in lines that only say what was done may say together.
const IN_PASSING: f64 = 0.55;
/// What it says that a line of a file which the evidence names was changed, or that a line holds the whole of a new value.
const AT_LINE: f64 = 0.8;
const AT_VALUE: f64 = 0.5;
/// How much a name says that stands in a good run's log too.
const USUAL: f64 = 0.85;
/// From which weight on a meeting sets a change apart from others of its sort.
const NAMED: f64 = 0.05;
/// How a host begins the title of a change that came after what the run was made from.
const LATER: &str = "already changed since";
/// How it begins what it saw and nobody changed: that belongs to the failure, not to its cause.
const SEEN: &str = "only some targets fail";
/// What it adds that a change and the failure are about one sort of service.
const SERVICE: f64 = 0.25;
/// What sorts alone may say together: what the evidence names weighs more.
const UNNAMED: f64 = 0.4;
/// How much the sort of a failure says where a change neither shares a name with it nor belongs to its step.
const APART: f64 = 0.6;
/// How much the sort of a variable says that the failed step does not read, where it reads others.
const UNREAD: f64 = 0.7;
/// From which weight on a sort of change is one that such failures come of.
const FITS: f64 = 0.17;
/// How much it says that an earlier step uses what such failures come of.
const IN_PLACE: f64 = 0.1;
/// Numbers that are names.
const PORTS: &[&str] = &["port", "ports", "id", "database", "db", "version"];
/// From which weight on names speak together with a sort, and how much.
const FAINT: f64 = 0.02;
const TOGETHER: f64 = 0.25;
/// A log is taken to have this many lines at least: in a short one a name that stands twice is still rare.
const LINES: usize = 200;

/// The changes that touch what `evidence` names, most likely to blame first. Empty when none does. `baseline` is the log of the
/// last good run.
#[must_use]
pub fn suspects(log: &Log, evidence: &Evidence, changes: &[Change], run: &Run, baseline: Option<&Log>) -> Vec<Suspect> {
    let failure = evidence.matches.first().filter(|best| best.strength >= SURE).map(|best| &*best.signature);
    let kind = failure.map(|failure| failure.kind.as_str());
    let weights = line_weights(log, evidence, false);
    let topics = Topics::of(loud(log, &weights), kind, &log.steps);
    let scene = Scene::of(log, kind, loud(log, &weights), topics.expired);
    let outside = topics.outside || kind.is_some_and(affinity::is_outside);
    let spared = outside || topics.expired || kind.is_some_and(affinity::spares_the_step);
    let weights = if outside { line_weights(log, evidence, true) } else { weights };
    let is_known = failure.is_some() || topics.are_known();
    let bearing: Vec<Bearing> = changes.iter().map(|change| scene.bearing(change)).collect();
    // Where it is known what the failed step reads, what it does not read is further from it.
    let reads = changes.iter().zip(&bearing).any(|(one, at)| one.kind == ChangeKind::Variable && *at == Bearing::Own);
    let uses = changes
        .iter()
        .zip(&bearing)
        .any(|(one, at)| matches!(one.kind, ChangeKind::Event | ChangeKind::Variable) && *at == Bearing::Own);
    let kin = |(change, at): (&Change, &Bearing)| {
        let known =
            if outside { topics.by_amount(change) } else { by_kind(change, failure, &topics, || loud(log, &weights)) };
        known * if reads && change.kind == ChangeKind::Variable && *at == Bearing::Open { UNREAD } else { 1.0 }
    };
    let kin: Vec<f64> = changes.iter().zip(&bearing).map(kin).collect();
    let all_met = Names { log, evidence, weights: &weights, run, baseline, outside }.all_met(changes, &bearing);
    // Of the changes of a sort that may have done it, the one that the evidence names is rarer than the others.
    let alike = |kind: f64, met: f64| {
        let met = if met < NAMED { 0.0 } else { met };
        kin.iter().zip(&all_met).filter(|(other, its)| **other >= kind && its.weight >= met).count()
    };
    let rarities: Vec<f64> = kin
        .iter()
        .zip(&all_met)
        .map(|(kind, met)| if *kind > 0.0 { rarity(alike(*kind, met.weight).max(1), changes.len()) } else { 0.0 })
        .collect();

    let least = if is_known && !outside && !topics.expired { KNOWN_THRESHOLD } else { THRESHOLD };
    let mut suspects: Vec<Suspect> = Vec::new();
    for (index, (change, met)) in changes.iter().zip(all_met).enumerate() {
        let by_kind = kin.get(index).zip(rarities.get(index)).map_or(0.0, |(weight, rarity)| weight * rarity);
        // What is deployed is named wherever a deployment fails, and changes with every release.
        let news = match change.kind {
            ChangeKind::Package if failure.is_some() && by_kind <= 0.0 => 0.2,
            ChangeKind::Package => 0.85,
            _ => 1.0,
        };
        let at = bearing.get(index).copied().unwrap_or(Bearing::Open);
        let known = kin.get(index).copied().unwrap_or_default();
        let is_apart = met.weight < NAMED && at != Bearing::Own && !topics.share_a_service(change);
        let by_kind = match change.kind {
            // What ended by the clock comes of no change but one that names it.
            _ if topics.expired && met.weight <= ORDINARY => by_kind * 0.3,
            ChangeKind::Variable | ChangeKind::Process if is_apart && change.before.is_some() => by_kind * APART,
            // Where it is known what the step uses, an account that it does not use is further from it.
            ChangeKind::Event if uses && is_apart && change.title.to_lowercase().starts_with("account ") => {
                by_kind * APART
            }
            // What is of the right sort and is named, however faintly, is more than both.
            _ if known >= FITS && met.weight >= FAINT => by_kind + (1.0 - by_kind) * TOGETHER * known,
            _ => by_kind,
        };
        let by_step = match at {
            Bearing::Own => by_step(change, known, spared, is_known),
            // What an earlier step put in place shows where it is used.
            Bearing::Before if known >= FITS && !spared => IN_PLACE,
            _ => 0.0,
        };
        let score = (1.0 - (1.0 - met.weight * news) * (1.0 - by_step) * (1.0 - by_kind)) * closeness(change, run);
        let score = score * scene.doubt(change) * leap(change);
        if score < least || change.title.starts_with(SEEN) {
            continue;
        }
        let mut lines = met.lines;
        if lines.is_empty() {
            lines.extend(key_line(evidence, &weights));
        }
        suspects.push(Suspect { change: index, lines, words: met.words, score: score.min(0.99) });
    }
    let when = |suspect: &Suspect| changes.get(suspect.change).and_then(|change| change.when);
    suspects.sort_by(|a, b| b.score.total_cmp(&a.score).then(when(b).cmp(&when(a))).then(a.change.cmp(&b.change)));
    let least = suspects.first().map_or(0.0, |first| first.score * BESIDE_THE_FIRST);
    suspects.retain(|suspect| suspect.score >= least);
    suspects.truncate(MOST);
    suspects
}

/// What is needed to hold the names of changes against those of the evidence.
struct Names<'a> {
    log: &'a Log,
    evidence: &'a Evidence,
    weights: &'a BTreeMap<usize, f64>,
    run: &'a Run,
    baseline: Option<&'a Log>,
    outside: bool,
}

impl Names<'_> {
    /// What each change and the evidence share.
    fn all_met(&self, changes: &[Change], bearing: &[Bearing]) -> Vec<Met> {
        let (log, weights) = (self.log, self.weights);
        let said = said(log, self.evidence, weights);
        let most = most(changes.len());
        let touched: Vec<BTreeMap<String, f64>> = changes.iter().map(|change| touched(change, &said, most)).collect();
        let mut holders: HashMap<&str, usize> = HashMap::new();
        for name in touched.iter().flat_map(BTreeMap::keys) {
            *holders.entry(name).or_default() += 1;
        }
        let here = standing(log, &said, &holders);
        let usual = self.baseline.map(|log| standing(log, &said, &holders)).unwrap_or_default();
        let places = places::of(log, weights);
        let of_the_run = of_the_run(self.run);
        let mut all = Vec::new();
        for ((change, touched), at) in changes.iter().zip(&touched).zip(bearing) {
            // What fails outside is named by many; a change has to do with it where it brought the name in.
            let brought = touched.iter().filter(|(_, place)| !self.outside || **place >= BROUGHT_IN);
            let meetings = brought.filter_map(|(name, place)| {
                let said = said.get(name.as_str())?;
                // A change of the step names it anyway.
                if said.lines.is_empty() && *at == Bearing::Own {
                    return None;
                }
                let among = rarity(holders.get(name.as_str()).copied().unwrap_or(1), changes.len());
                let in_log = rarity(here.get(name.as_str()).copied().unwrap_or(1), log.lines.len().max(LINES));
                let own = of_the_run.get(name).copied().unwrap_or(1.0);
                // What a good run says as well is less likely to be what is wrong.
                let news = if usual.contains_key(name.as_str()) { USUAL } else { 1.0 };
                // A log begins with what its worker is: that it says so again proves nothing.
                let line =
                    if change.kind == ChangeKind::Worker && said.line < LOUD { said.line * 0.3 } else { said.line };
                let weight = said.form.min(1.0) * line * place * own * among * in_log.sqrt() * news;
                let form = if said.form < 0.5 { Form::Word } else { Form::Name };
                let form = if form == Form::Name && said.line < LOUD { Form::Quiet } else { form };
                Some(Meeting { name, word: said.word, weight, form, lines: &said.lines })
            });
            let mut meetings: Vec<Meeting> = meetings.collect();
            let at_line = places::in_diff(&places, details(change, most)).map(|place| (place, AT_LINE));
            let at_line = at_line.or_else(|| Some((self.value(change).or_else(|| self.phrase(change))?, AT_VALUE)));
            meetings.sort_by(|a, b| {
                b.weight.total_cmp(&a.weight).then(b.name.len().cmp(&a.name.len())).then(a.name.cmp(b.name))
            });
            all.push(Met::of(&meetings, at_line));
        }
        all
    }

    /// Where a line that tells why quotes several words that stand so in a change's title, such as what a feed is called.
    fn phrase(&self, change: &Change) -> Option<(usize, String)> {
        let loud = self.weights.iter().filter(|(_, weight)| **weight >= LOUD).map(|(line, _)| *line);
        let quoted = |line: usize| {
            let parts = self.log.line(line).split(['\'', '"', '`']).skip(1).step_by(2);
            let mut phrases = parts.filter(|part| part.contains(' ') && (5..=80).contains(&part.len()));
            phrases.find(|phrase| change.title.contains(phrase)).map(|phrase| (line, phrase.to_owned()))
        };
        loud.into_iter().find_map(quoted)
    }

    /// Where a line that tells why holds the whole new value of a variable, which no good run said and which is no name.
    fn value(&self, change: &Change) -> Option<(usize, String)> {
        let value = change.after.as_deref().map(str::trim).filter(|_| change.kind == ChangeKind::Variable)?;
        let is_mixed = value.contains(|c: char| c.is_ascii_digit()) && value.contains(|c: char| !c.is_alphanumeric());
        let fits = |line: &str, at: usize| {
            let before = line.get(..at).and_then(|text| text.chars().next_back());
            let after = line.get(at + value.len()..).and_then(|text| text.chars().next());
            let is_quoted = before.is_some_and(|c| "'\"`".contains(c)) && before == after;
            let is_apart = ![before, after].into_iter().flatten().any(|c| c.is_alphanumeric() || "._-/".contains(c));
            is_quoted || is_apart && is_mixed && value.len() > 3
        };
        let is_name = value.len() > 4 && !value.contains(char::is_whitespace);
        if !(2..=200).contains(&value.len()) || is_name || self.baseline.is_some_and(|log| log.text.contains(value)) {
            return None;
        }
        let loud = self.weights.iter().filter(|(_, weight)| **weight >= LOUD).map(|(line, _)| *line);
        let mut holding = loud.filter(|line| {
            let text = self.log.line(*line);
            text.match_indices(value).any(|(at, _)| fits(text, at))
        });
        holding.next().map(|line| (line, value.to_owned()))
    }
}

/// How much speaks for `change` that it belongs to the step that failed. `known`: how much its sort speaks for it; `spared`: what
/// failed is not of the step's making; `is_known`: what such failures come of is known.
fn by_step(change: &Change, known: f64, spared: bool, is_known: bool) -> f64 {
    // What the step uses and such failures come of is more than both.
    let fits = known >= FITS;
    match change.kind {
        _ if spared => 0.05,
        ChangeKind::Process if is_known && known <= 0.0 => 0.28,
        ChangeKind::Process if change.details.is_some() => 0.36,
        ChangeKind::Process => 0.33,
        // The tools that the step runs with.
        ChangeKind::Worker => 0.25,
        ChangeKind::Variable | ChangeKind::Event if fits => 0.34,
        // What the step reads; alone it says too little.
        ChangeKind::Variable if form::is_amount(change) => 0.15,
        ChangeKind::Variable => 0.22,
        ChangeKind::Commit if fits => 0.15,
        _ => 0.08,
    }
}

/// How much speaks for `change` that it is of the sort that such failures come of, whatever it names.
fn by_kind<'a, Lines: Iterator<Item = &'a str>>(
    change: &Change,
    failure: Option<&Signature>,
    topics: &Topics,
    lines: impl Fn() -> Lines,
) -> f64 {
    let known = match failure {
        Some(failure) => affinity::between(&failure.kind, failure.domain, change),
        None => 0.0,
    };
    let known = lines().map(|line| affinity::to_a_door(line, change)).fold(known, f64::max);
    let known = known.max(topics.towards(change));
    // A number that is too small or too large fails in its own ways.
    if form::is_amount(change) && topics.by_amount(change) <= 0.0 && !affinity::holds(change, PORTS) {
        return 0.0;
    }
    // Of two packages' feeds or two servers' passwords it is the one that the failure is about.
    if topics.is_about_another(change) {
        return known * 0.6;
    }
    // What says where and how a service is used is nearer where the failure is about that sort of service.
    let is_setting = matches!(change.kind, ChangeKind::Variable | ChangeKind::Event);
    if known > 0.0 && is_setting && topics.share_a_service(change) {
        known.max((1.0 - (1.0 - known) * (1.0 - SERVICE)).min(UNNAMED))
    } else {
        known
    }
}

/// How much less than others a small step of a version is to blame.
fn leap(change: &Change) -> f64 {
    let named = || change.title.split_once(" from ").and_then(|(_, rest)| rest.split_once(" to "));
    match change.kind {
        // What one makes oneself counts its versions otherwise than a library does.
        ChangeKind::Package => {
            let versions = change.before.as_deref().zip(change.after.as_deref());
            versions.map_or(1.0, |(before, after)| form::leap(before, after).max(0.9))
        }
        ChangeKind::Commit => named().map_or(1.0, |(before, after)| form::leap(before, after)),
        _ => 1.0,
    }
}

/// From 1 for what one of `all` has to nearly 0 for what all have.
#[expect(clippy::cast_precision_loss, reason = "a weight needs no more than a float's precision")]
fn rarity(having: usize, all: usize) -> f64 {
    let all = (all + 1) as f64;
    ((all / having.max(1) as f64).ln() / all.ln()).clamp(0.0, 1.0)
}

/// A name that a change and the evidence share.
struct Meeting<'a> {
    name: &'a str,
    word: &'a str,
    weight: f64,
    form: Form,
    lines: &'a [usize],
}

/// What a name is worth among others.
#[derive(PartialEq)]
enum Form {
    /// An ordinary word,
    Word,
    /// a name in a line that only says what was done,
    Quiet,
    /// and one in a line that tells why.
    Name,
}

/// All that a change and the evidence share, told once.
#[derive(Default)]
struct Met {
    weight: f64,
    lines: Vec<usize>,
    words: Vec<String>,
}

impl Met {
    /// Sums up `meetings`, best first. A part of a name that has met says nothing more.
    fn of(meetings: &[Meeting<'_>], at_line: Option<((usize, String), f64)>) -> Self {
        let mut met = Self::default();
        let (mut left, mut ordinary, mut quiet) = (1.0, 1.0, 1.0);
        let mut taken: Vec<&str> = Vec::new();
        if let Some(((line, place), weight)) = at_line {
            left *= 1.0 - weight;
            met.cite(&[line], &place);
        }
        for meeting in meetings.iter().filter(|meeting| meeting.weight > 0.02) {
            if taken.iter().any(|name| name.contains(meeting.name) || meeting.name.contains(name)) {
                continue;
            }
            taken.push(meeting.name);
            match meeting.form {
                Form::Word => ordinary *= 1.0 - meeting.weight,
                Form::Quiet => quiet *= 1.0 - meeting.weight * 0.95,
                Form::Name => left *= 1.0 - meeting.weight * 0.95,
            }
            if !meeting.lines.is_empty() {
                met.cite(meeting.lines, meeting.word);
            }
            if taken.len() == 8 {
                break;
            }
        }
        met.weight = 1.0 - left * ordinary.max(1.0 - ORDINARY) * quiet.max(1.0 - IN_PASSING);
        met.lines.sort_unstable();
        met
    }

    fn cite(&mut self, lines: &[usize], word: &str) {
        if self.words.len() < CITED {
            self.words.push(word.to_owned());
            let new = lines.iter().find(|line| !self.lines.contains(line));
            // A line that holds two of the words is better than two lines.
            if !lines.iter().any(|line| self.lines.contains(line)) {
                self.lines.extend(new);
            }
        }
    }
}

/// How near a change is to the run: a little more than 1 for just before it, a little less for long ago, nearly nothing
/// after it.
#[expect(clippy::cast_precision_loss, reason = "a weight needs no more than a float's precision")]
fn closeness(change: &Change, run: &Run) -> f64 {
    // What came after may be what somebody did about it.
    const AFTER: f64 = 0.1;
    if change.title.starts_with(LATER) {
        return AFTER;
    }
    let Some((when, started)) = change.when.zip(run.started) else { return 1.0 };
    if when > run.finished.unwrap_or(started).max(started) {
        return AFTER;
    }
    let hours = (started.duration_since(when).as_secs().max(0) as f64) / 3600.0;
    0.88 + 0.24 / (1.0 + hours / 24.0)
}

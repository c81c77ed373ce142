//! Which changes touch what the evidence names: the first things to look at.
//!
//! A change and the evidence meet in names. What a meeting says: how rare the name is among the changes and in the log,
//! how strongly its line explains the failure, and how central it is to the change. Beside that count the sort of
//! failure, the step and the time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use aho_corasick::AhoCorasick;

use super::affinity;
use super::names;
use super::places;
use crate::model::{Change, ChangeKind, Evidence, Level, Log, Run, Suspect};
use crate::signature::SURE;

/// What a change must reach to be a suspect.
const THRESHOLD: f64 = 0.3;
/// A suspect with a smaller share of the first one's score is no longer told.
const BESIDE_THE_FIRST: f64 = 0.4;
/// Suspects that are told.
const MOST: usize = 5;
/// Lines and words that one suspect cites.
const CITED: usize = 3;
/// What ordinary words may say together: not enough to accuse.
const ORDINARY: f64 = 0.2;
/// How central the names of a title are to its change, and at least the names that a change brought in.
const TITLE: f64 = 0.85;
const BROUGHT_IN: f64 = 0.9;
/// From which weight on a meeting sets a change apart from others of its sort.
const NAMED: f64 = 0.05;
/// How a host begins the title of a change that came after what the run was made from.
const LATER: &str = "already changed since";
/// How it begins what it saw and nobody changed: that belongs to the failure, not to its cause.
const SEEN: &str = "only some targets fail";
/// From which weight on a line is one of those that tell why.
const LOUD: f64 = 0.6;
/// Of a change's details no more is read than this, and of all together not much more than that.
const DETAILS: usize = 64 << 10;
const ALL_DETAILS: usize = 2 << 20;
/// Names in the diff of an ordinary change: a script that was edited, a small commit.
const ORDINARY_DIFF: f64 = 300.0;
const ORDINARY_FILES: f64 = 5.0;
/// A log is taken to have this many lines at least: in a short one a name that stands twice is still rare.
const LINES: usize = 200;

/// The changes that touch what `evidence` names, most likely to blame first. Empty when none does.
#[must_use]
pub fn suspects(log: &Log, evidence: &Evidence, changes: &[Change], run: &Run) -> Vec<Suspect> {
    let failure = evidence.matches.first().filter(|best| best.strength >= SURE).map(|best| &best.signature);
    let outside = failure.is_some_and(|failure| affinity::is_outside(&failure.kind));
    let spared = failure.is_some_and(|failure| affinity::spares_the_step(&failure.kind));
    let weights = line_weights(log, evidence, outside);
    let said = said(log, evidence, &weights);
    let most = (ALL_DETAILS / changes.len().max(1)).min(DETAILS);
    let touched: Vec<BTreeMap<String, f64>> = changes.iter().map(|change| touched(change, &said, most)).collect();
    let mut holders: HashMap<&str, usize> = HashMap::new();
    for name in touched.iter().flat_map(BTreeMap::keys) {
        *holders.entry(name).or_default() += 1;
    }
    let standing = standing(log, &said, &holders);
    let places = places::of(log, &weights);
    let of_the_run = of_the_run(run);
    let kin: Vec<f64> = changes
        .iter()
        .map(|change| match failure {
            Some(failure) => affinity::between(&failure.kind, failure.domain, change),
            None => loud(log, &weights).map(|line| affinity::to_a_door(line, change)).fold(0.0, f64::max),
        })
        .collect();
    let failed: HashSet<String> = log.steps.iter().filter(|step| step.culprit).map(|step| plain(&step.name)).collect();

    let mut all_met: Vec<Met> = Vec::new();
    for (change, touched) in changes.iter().zip(&touched) {
        let mut meetings: Vec<Meeting> = touched
            .iter()
            // What fails outside is named by many; a change has to do with it where it brought the name in.
            .filter(|(_, place)| !outside || **place >= BROUGHT_IN)
            .filter_map(|(name, place)| {
                let said = said.get(name.as_str())?;
                let among = rarity(holders.get(name.as_str()).copied().unwrap_or(1), changes.len());
                let in_log = rarity(standing.get(name.as_str()).copied().unwrap_or(1), log.lines.len().max(LINES));
                let own = of_the_run.get(name).copied().unwrap_or(1.0);
                let weight = said.form.min(1.0) * said.line * place * own * among * in_log.sqrt();
                Some(Meeting { name, word: said.word, weight, ordinary: said.form < 0.5, lines: &said.lines })
            })
            .collect();
        let at_line = places::in_diff(&places, details(change, most));
        meetings.sort_by(|a, b| {
            b.weight.total_cmp(&a.weight).then(b.name.len().cmp(&a.name.len())).then(a.name.cmp(b.name))
        });
        all_met.push(Met::of(&meetings, at_line.as_ref()));
    }
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

    let mut suspects: Vec<Suspect> = Vec::new();
    for (index, (change, met)) in changes.iter().zip(all_met).enumerate() {
        let by_kind = kin.get(index).zip(rarities.get(index)).map_or(0.0, |(weight, rarity)| weight * rarity);
        // What is deployed is named wherever a deployment fails, and changes with every release.
        let news = match change.kind {
            ChangeKind::Package if failure.is_some() && by_kind <= 0.0 => 0.2,
            ChangeKind::Package => 0.85,
            _ => 1.0,
        };
        let same_step = change.step.as_deref().is_some_and(|step| failed.contains(&plain(step)));
        let by_step = match (same_step, change.kind) {
            (false, _) => 0.0,
            (true, _) if spared => 0.05,
            (true, ChangeKind::Process) if change.details.is_some() => 0.36,
            (true, ChangeKind::Process) => 0.33,
            // The tools that the step runs with.
            (true, ChangeKind::Worker) => 0.25,
            (true, _) => 0.08,
        };
        let score = (1.0 - (1.0 - met.weight * news) * (1.0 - by_step) * (1.0 - by_kind)) * closeness(change, run);
        if score < THRESHOLD || change.title.starts_with(SEEN) {
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

fn plain(name: &str) -> String {
    name.trim().to_lowercase()
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
    ordinary: bool,
    lines: &'a [usize],
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
    fn of(meetings: &[Meeting<'_>], at_line: Option<&(usize, String)>) -> Self {
        let mut met = Self::default();
        let (mut left, mut ordinary) = (1.0, 1.0);
        let mut taken: Vec<&str> = Vec::new();
        if let Some((line, place)) = at_line {
            left *= 0.2;
            met.cite(&[*line], place);
        }
        for meeting in meetings.iter().filter(|meeting| meeting.weight > 0.02) {
            if taken.iter().any(|name| name.contains(meeting.name) || meeting.name.contains(name)) {
                continue;
            }
            taken.push(meeting.name);
            if meeting.ordinary {
                ordinary *= 1.0 - meeting.weight;
            } else {
                left *= 1.0 - meeting.weight * 0.95;
            }
            met.cite(meeting.lines, meeting.word);
            if taken.len() == 8 {
                break;
            }
        }
        met.weight = 1.0 - left * ordinary.max(1.0 - ORDINARY);
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

/// How much each shown line explains, from 0 to 1.
fn line_weights(log: &Log, evidence: &Evidence, outside: bool) -> BTreeMap<usize, f64> {
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
            let level = if log.line(index).trim_start().starts_with("at ") { level * 0.4 } else { level };
            let weight = 0.2 + 0.25 * (pick.score / best).clamp(0.0, 1.0) + level + complains;
            weights.insert(index, if outside { weight * 0.3 } else { weight });
        }
    }
    for found in evidence.matches.iter().rev() {
        let weight = weights.entry(found.line).or_insert(0.5);
        *weight = weight.max(if found.strength >= SURE { 1.0 } else { 0.7 });
    }
    weights
}

/// Words with which a line says that something is wrong.
fn complains(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "error",
        "fail",
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
fn loud<'a>(log: &'a Log, weights: &BTreeMap<usize, f64>) -> impl Iterator<Item = &'a str> {
    let lines = weights.iter().filter(|(_, weight)| **weight >= LOUD).map(|(line, _)| log.line(*line));
    lines.collect::<Vec<_>>().into_iter()
}

/// The line that says most of the failure.
fn key_line(evidence: &Evidence, weights: &BTreeMap<usize, f64>) -> Option<usize> {
    let shown = |line: &usize| weights.contains_key(line);
    let matched = evidence.matches.first().map(|best| best.line).filter(shown);
    matched.or_else(|| {
        let best = weights.iter().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0)));
        best.map(|(line, _)| *line)
    })
}

/// A name the evidence says: how, where, and how much its form and its best line weigh.
struct Said<'a> {
    word: &'a str,
    form: f64,
    line: f64,
    lines: Vec<usize>,
}

/// The names of the evidence.
fn said<'a>(log: &'a Log, evidence: &'a Evidence, weights: &BTreeMap<usize, f64>) -> HashMap<String, Said<'a>> {
    let mut all: HashMap<String, Said<'a>> = HashMap::new();
    let mut say = |word: &'a str, form: f64, line: usize, weight: f64| {
        let said =
            all.entry(names::key(word)).or_insert_with(|| Said { word, form: 0.0, line: 0.0, lines: Vec::new() });
        said.form = said.form.max(form);
        if weight > said.line {
            (said.line, said.word) = (weight, word);
            said.lines.insert(0, line);
        } else if said.lines.len() < CITED {
            said.lines.push(line);
        }
    };
    for (&index, &weight) in weights {
        names::each(log.line(index), |word, form| say(word, form, index, weight));
        let step = log.lines.get(index).and_then(|line| line.step).and_then(|step| log.steps.get(step));
        // A line that a machine wrote speaks of that machine.
        if let Some(place) = step.filter(|step| step.culprit).and_then(|step| step.place.as_deref()) {
            names::each(place, |word, form| say(word, form, index, weight * 0.7));
        }
    }
    for found in evidence.matches.iter().filter(|found| found.strength >= SURE) {
        for (_, value) in &found.captures {
            say(value.trim(), 0.9, found.line, 1.0);
        }
    }
    all
}

/// In how many lines of the log each name stands that some change touches.
fn standing<'a>(
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
fn of_the_run(run: &Run) -> BTreeMap<String, f64> {
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

fn details(change: &Change, most: usize) -> &str {
    let details = change.details.as_deref().unwrap_or_default();
    details.get(..details.floor_char_boundary(most)).unwrap_or_default()
}

/// The names of the evidence that a change touches, and how central each is to it.
fn touched(change: &Change, said: &HashMap<String, Said<'_>>, most: usize) -> BTreeMap<String, f64> {
    let mut all: BTreeMap<String, f64> = BTreeMap::new();
    let mut touch = |word: &str, form: f64, place: f64| {
        // How a word is written here matters less than that it is the same.
        let weight = place * if form < 0.2 { 0.6 } else { 1.0 };
        let key = names::key(word);
        if said.contains_key(&key) {
            let known = all.entry(key).or_default();
            *known = known.max(weight);
        }
    };
    names::each(&change.title, |word, form| touch(word, form, TITLE));
    both(change.before.as_deref().unwrap_or_default(), change.after.as_deref().unwrap_or_default(), &mut touch);
    let details = details(change, most);
    let (whole, paths) = wholeness(details);
    let (mut in_diff, mut in_list) = (false, false);
    let (mut removed, mut added) = (String::new(), String::new());
    for line in details.lines() {
        if line.starts_with("@@") {
            in_diff = true;
            let (old, new) = (std::mem::take(&mut removed), std::mem::take(&mut added));
            both(&old, &new, &mut |word, form, place| touch(word, form, place * whole));
        } else if line.starts_with("+++ ") || line.starts_with("--- ") || line.starts_with("diff ") {
            in_diff = false;
            names::each(line, |word, form| touch(word, form, TITLE * paths));
        } else if let Some(text) = line.strip_prefix('+').filter(|_| in_diff) {
            added.extend([text, "\n"]);
        } else if let Some(text) = line.strip_prefix('-').filter(|_| in_diff) {
            removed.extend([text, "\n"]);
        } else {
            in_list = !in_diff && (line == "Files:" || in_list && !line.is_empty());
            let place = if in_diff { 0.2 * whole } else { 0.7 * if in_list { paths } else { 1.0 } };
            names::each(line, |word, form| touch(word, form, place));
        }
    }
    both(&removed, &added, &mut |word, form, place| touch(word, form, place * whole));
    all
}

/// How much a name in the lines of a diff says, and one in the paths of its files: less, the more there are of them, for one of
/// many is soon met by chance.
#[expect(clippy::cast_precision_loss, reason = "a weight needs no more than a float's precision")]
fn wholeness(details: &str) -> (f64, f64) {
    let (mut names, mut files) = (0_usize, 0_usize);
    for line in details.lines().skip_while(|line| !line.starts_with("@@")) {
        names::each(line, |_, _| names += 1);
        files += usize::from(line.starts_with("+++ "));
    }
    let of_many = |count: usize, ordinary: f64| 1.0 / (1.0 + (count as f64 / ordinary).max(1.0).ln());
    (of_many(names, ORDINARY_DIFF), of_many(files, ORDINARY_FILES))
}

/// Touches what differs between two texts fully and what they share a little.
fn both(before: &str, after: &str, touch: &mut impl FnMut(&str, f64, f64)) {
    let names = |text: &str| {
        let mut all = BTreeSet::new();
        names::each(text, |word, _| {
            all.insert(names::key(word));
        });
        all
    };
    let (old, new) = (names(before), names(after));
    for (text, others) in [(before, &new), (after, &old)] {
        names::each(text, |word, form| {
            let shared = others.contains(&names::key(word));
            touch(word, form, if shared { 0.5 } else { 1.0 });
        });
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

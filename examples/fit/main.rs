//! Finds how much each fact counts that is known of a change, from the cases of `tests/culprits` that may be looked at, and writes
//! `src/reduce/weights.rs`.
//!
//! `cargo run --release --example fit`
//!
//! The weights are those under which the true causes are the likeliest (softmax over the changes of a case and none), held small
//! (a penalty on their squares). Each case counts twice: with all its changes, and less with a few of them. What is printed are the places
//! of the true causes of sets that were left out while the weights were found, six times over.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a tool of the workshop prints, may stop where something is wrong, and counts little"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

use firefighter::model::Change;
use firefighter::reduce::suspect::{self, Facts};
use firefighter::{cli, settings, unmasked};
use jiff::{Timestamp, Zoned};

#[path = "../../tests/sim/mod.rs"]
mod sim;

/// How much the weights are held small.
const PENALTY: f64 = 5.0;
/// What is rarer than this is held as small as if it were not.
const RARE: f64 = 0.3;
/// Rounds of finding them, and how far each goes.
const ROUNDS: usize = 1_500;
const STEP: f64 = 0.02;
/// Sets are left out in so many parts.
const PARTS: usize = 6;
/// Of a case's changes so many are kept beside the true one where it counts with a few.
const FEW: usize = 5;
/// Of so many the true one is left out once; how much a case counts then and with a few.
const HIDDEN: usize = 6;
const FEW_COUNT: f64 = 0.3;

/// A case: what is known of each change and of none, and which of them is true. The last one is none.
struct Case {
    set: String,
    facts: Vec<Facts>,
    truth: Vec<bool>,
    is_whole: bool,
}

/// The same with facts as numbers.
struct Row {
    facts: Vec<Vec<(usize, f64)>>,
    truth: Vec<bool>,
    counts: f64,
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = cases(&root.join("tests/culprits"));
    let names: BTreeSet<&str> =
        cases.iter().flat_map(|case| case.facts.iter().flatten()).map(|(name, _)| name.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let number: BTreeMap<&str, usize> = names.iter().enumerate().map(|(number, name)| (*name, number)).collect();
    let row = |case: &Case| Row {
        facts: case
            .facts
            .iter()
            .map(|all| all.iter().map(|(name, value)| (number[name.as_str()], *value)).collect())
            .collect(),
        truth: case.truth.clone(),
        counts: if case.is_whole { 1.0 } else { FEW_COUNT },
    };
    let rows: Vec<Row> = cases.iter().map(row).collect();
    let sets: Vec<&str> = cases.iter().map(|case| case.set.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
    let part = |case: &Case| sets.iter().position(|set| *set == case.set).unwrap() % PARTS;
    let (mut first, mut three, mut all) = (0, 0, 0);
    for left_out in 0..PARTS {
        let kept: Vec<&Row> =
            cases.iter().zip(&rows).filter(|(case, _)| part(case) != left_out).map(|(_, row)| row).collect();
        let weights = fitted(&kept, names.len());
        for (_, row) in cases.iter().zip(&rows).filter(|(case, _)| case.is_whole && part(case) == left_out) {
            let place = place(row, &weights);
            (first, three, all) = (first + usize::from(place < 1), three + usize::from(place < 3), all + 1);
        }
    }
    println!("left out: first {first} of {all}, among the first three {three}");
    let weights = fitted(&rows.iter().collect::<Vec<_>>(), names.len());
    let mut text = "//! How much each fact counts: written by `examples/fit`, from the cases of `tests/culprits`.\n\n\
        /// Names of facts, in their order, and what one of each counts.\n#[rustfmt::skip]\n\
        pub(super) const WEIGHTS: &[(&str, f64)] = &[\n"
        .to_owned();
    for (name, weight) in names.iter().zip(&weights).filter(|(_, weight)| weight.abs() >= 0.001) {
        writeln!(text, "    ({name:?}, {weight:.3}),").unwrap();
    }
    text.push_str("];\n");
    fs::write(root.join("src/reduce/weights.rs"), text).unwrap();
}

/// All cases that may be looked at, as the program meets them.
fn cases(folder: &Path) -> Vec<Case> {
    let is_open = |path: &PathBuf| path.to_str().is_some_and(|path| path.ends_with("tuned"));
    let entries = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut files: Vec<PathBuf> = entries(folder).into_iter().filter(is_open).flat_map(|set| entries(&set)).collect();
    files.sort();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let pair = of_file(file);
                    found.lock().unwrap().push((file.clone(), pair));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.into_iter().flat_map(|(_, pair)| pair).collect()
}

/// A case with all its changes, and with a few of them.
fn of_file(file: &Path) -> [Case; 2] {
    let served = sim::two_runs::Served::of(file);
    let env = served.env.clone().into_iter().collect();
    let typed = cli::parse(["firefighter", "diagnose", "--task", "ServerTasks-2"].map(Into::into)).unwrap();
    let settings =
        settings::merge(&typed.flags, &env).unwrap().settings(&env, Timestamp::now(), &Zoned::now()).unwrap();
    let (incident, evidence) = unmasked(&settings, &env).unwrap();
    let expected = sim::two_runs::expected(file);
    let word = |key: &str| expected.get(key).map_or("", |value| value.as_str().unwrap()).to_owned();
    let (cause, title) = (word("cause").replace('-', ""), word("title"));
    let is_true =
        |change: &Change| format!("{:?}", change.kind).to_lowercase() == cause && change.title.contains(&title);
    let good = incident.baseline.as_ref().map(|last| &last.log).filter(|log| !log.lines.is_empty());
    let set = file.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let told = |changes: &[Change], is_whole: bool| {
        let (facts, none) = suspect::facts(&incident.log, &evidence, changes, &incident.run, good);
        let known = facts.into_iter().zip(changes).filter_map(|(facts, change)| Some((facts?, is_true(change))));
        let (mut facts, mut truth): (Vec<Facts>, Vec<bool>) = known.unzip();
        facts.push(none);
        truth.push(!truth.contains(&true));
        Case { set: set.clone(), facts, truth, is_whole }
    };
    // The same few each time.
    let mut seed = file
        .to_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .bytes()
        .fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut dice = |sides: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % sides
    };
    let mut few: Vec<Change> = incident.changes.iter().filter(|change| !is_true(change)).cloned().collect();
    let most = dice(FEW) + 1;
    while few.len() > most {
        few.remove(dice(few.len()));
    }
    // Where the true one is not known, none that is known is to blame.
    if dice(HIDDEN) > 0 {
        few.extend(incident.changes.iter().filter(|change| is_true(change)).cloned());
    }
    [told(&incident.changes, true), told(&few, false)]
}

/// The weights under which what is true is likeliest.
fn fitted(rows: &[&Row], count: usize) -> Vec<f64> {
    // Each weighs as much as its numbers differ.
    let mut sums = vec![(0.0, 0.0); count];
    let mut total = 0.0;
    for facts in rows.iter().flat_map(|row| &row.facts) {
        total += 1.0;
        for (number, value) in facts {
            sums[*number].0 += value;
            sums[*number].1 += value * value;
        }
    }
    let spread: Vec<f64> =
        sums.iter().map(|(sum, squares)| (squares / total - (sum / total).powi(2)).sqrt().max(RARE)).collect();
    let (mut weights, mut speed, mut size) = (vec![0.0; count], vec![0.0; count], vec![0.0; count]);
    for round in 1..=ROUNDS {
        let mut slope: Vec<f64> = weights.iter().map(|weight| PENALTY * weight).collect();
        for row in rows {
            let shares = shares(row, |number| weights[number] / spread[number]);
            let right: f64 = shares.iter().zip(&row.truth).filter(|(_, truth)| **truth).map(|(share, _)| share).sum();
            for ((facts, share), truth) in row.facts.iter().zip(&shares).zip(&row.truth) {
                let wanted = if *truth { share / right.max(1e-12) } else { 0.0 };
                for (number, value) in facts {
                    slope[*number] += row.counts * (share - wanted) * value / spread[*number];
                }
            }
        }
        // Adam, slower towards the end.
        let step = STEP * (1.0 - round as f64 / (ROUNDS + 1) as f64);
        for number in 0..count {
            speed[number] = 0.9 * speed[number] + 0.1 * slope[number];
            size[number] = 0.99 * size[number] + 0.01 * slope[number] * slope[number];
            let (speed, size) = (
                speed[number] / (1.0 - 0.9_f64.powf(round as f64)),
                size[number] / (1.0 - 0.99_f64.powf(round as f64)),
            );
            weights[number] -= step * speed / (size.sqrt() + 1e-9);
        }
    }
    weights.iter().zip(spread).map(|(weight, spread)| weight / spread).collect()
}

/// How likely each of a case's changes is, and none.
fn shares(row: &Row, weight: impl Fn(usize) -> f64) -> Vec<f64> {
    let sums: Vec<f64> =
        row.facts.iter().map(|facts| facts.iter().map(|(number, value)| value * weight(*number)).sum()).collect();
    let most = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shares: Vec<f64> = sums.iter().map(|sum: &f64| (sum - most).exp()).collect();
    let all: f64 = shares.iter().sum();
    shares.into_iter().map(|share| share / all).collect()
}

/// How many are likelier than what is true.
fn place(row: &Row, weights: &[f64]) -> usize {
    let shares = shares(row, |number| weights[number]);
    let truth = shares.iter().zip(&row.truth).filter(|(_, truth)| **truth).map(|(share, _)| *share).fold(0.0, f64::max);
    shares.iter().zip(&row.truth).filter(|(share, is_true)| !**is_true && **share >= truth).count()
}

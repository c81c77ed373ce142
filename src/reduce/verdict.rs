//! How likely each change is to blame, and how likely it is that none is: all that is known of them, weighed together.
//!
//! What is known is a list of facts, each a name and a number, and `weights.rs` says how much each counts. A change is the likelier the
//! more its facts come to beside those of the others and of none (softmax). `examples/fit` finds the weights from cases.

use super::alibi::Bearing;
use super::weights::WEIGHTS;
use crate::model::Change;

/// What is known of a change, or of none: names and numbers. What is not named is 0.
pub type Facts = Vec<(String, f64)>;

/// Shares beyond which one is as good as none and as all.
const LEAST: f64 = 0.01;
/// How far one is at most ahead of another.
const AHEAD: f64 = 4.0;
/// How titles begin that say more than their kind.
#[rustfmt::skip]
const STARTS: &[&str] = &[
    "script of", "container image", "worker pool", "setting", "new step", "removed step", "order of", "state of", "skipped",
    "number of retries", "time limit", "new target", "removed target", "health of", "calamari", "powershell", "operating system",
    "account", "certificate", "release",
];

/// A change and what is known of it by itself.
pub(super) struct Known<'a> {
    pub(super) change: &'a Change,
    pub(super) at: Bearing,
    /// How much the rules say against it, from 0 to 1; how much the names say that it shares with the lines, and its sort.
    pub(super) score: f64,
    pub(super) met: f64,
    pub(super) sort: f64,
    /// What else is known.
    pub(super) others: Vec<(&'static str, f64)>,
}

impl Known<'_> {
    fn odds(&self) -> f64 {
        log_odds(self.score)
    }
}

/// What is known of each of `all`, also beside the others. How many changes there are, of which kinds and in which order, is no fact:
/// in cases that people write it would tell which one they meant.
pub(super) fn of_changes(all: &[Known]) -> Vec<Facts> {
    all.iter().enumerate().map(|(index, one)| of_change(all, index, one)).collect()
}

fn of_change(all: &[Known], index: usize, one: &Known) -> Facts {
    let others = || all.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, other)| other);
    let alike = || others().filter(|other| other.change.kind == one.change.kind);
    let best = |values: &mut dyn Iterator<Item = f64>, least: f64| values.fold(least, f64::max);
    let (odds, none) = (one.odds(), log_odds(0.0));
    let ahead = |of: f64| (odds - of).clamp(-AHEAD, AHEAD);
    let is_own = |known: &Known| known.at == Bearing::Own;
    let title = one.change.title.to_lowercase();
    let mut facts: Facts = Vec::new();
    let mut add = |name: &str, value: f64| {
        if value != 0.0 {
            facts.push((name.to_owned(), value));
        }
    };
    for (name, value) in &one.others {
        add(name, *value);
    }
    add("score", odds);
    add("met", one.met);
    add("sort", one.sort);
    add("met and sort", one.met * one.sort);
    add("met by the step", if is_own(one) { one.met } else { 0.0 });
    add("sort of the step", if is_own(one) { one.sort } else { 0.0 });
    add("nothing before", f64::from(one.change.before.is_none()));
    add("nothing after", f64::from(one.change.after.is_none()));
    add("ahead", ahead(best(&mut others().map(Known::odds), none)));
    add("first", f64::from(others().all(|other| other.score <= one.score)));
    if alike().next().is_some() {
        add("ahead of its kind", ahead(best(&mut alike().map(Known::odds), none)));
    }
    add("behind its kind", float(alike().filter(|other| other.score > one.score).count().min(5)));
    add("met more", one.met - best(&mut others().map(|other| other.met), 0.0));
    add("sort more", one.sort - best(&mut others().map(|other| other.sort), 0.0));
    add(place(one.at), 1.0);
    for start in STARTS.iter().filter(|start| title.starts_with(**start)) {
        add(&format!("begins {start}"), 1.0);
    }
    facts
}

/// What is known of it that none of `all` is to blame. `around`: what is known of the failure.
pub(super) fn of_none(all: &[Known], around: &[(&str, bool)]) -> Facts {
    let mut scores: Vec<f64> = all.iter().map(|known| known.score).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    let score = |place: usize| log_odds(scores.get(place).copied().unwrap_or_default());
    let first = all.iter().max_by(|a, b| a.score.total_cmp(&b.score));
    let most = |of: fn(&Known) -> f64| all.iter().map(of).fold(0.0, f64::max);
    let mut facts = vec![
        ("none".to_owned(), 1.0),
        ("none: first".to_owned(), score(0)),
        ("none: second".to_owned(), score(1)),
        ("none: third".to_owned(), score(2)),
        ("none: all".to_owned(), scores.iter().sum()),
        ("none: met by the first".to_owned(), first.map_or(0.0, |known| known.met)),
        ("none: sort of the first".to_owned(), first.map_or(0.0, |known| known.sort)),
        ("none: met".to_owned(), most(|known| known.met)),
        ("none: sort".to_owned(), most(|known| known.sort)),
    ];
    facts.extend(around.iter().filter(|(_, holds)| *holds).map(|(name, _)| (format!("none: {name}"), 1.0)));
    facts
}

/// How likely each is to blame of whose facts these are, and how likely none is: all together 1.
pub(super) fn likely(changes: &[Facts], none: &Facts) -> (Vec<f64>, f64) {
    let sums: Vec<f64> = changes.iter().chain([none]).map(sum).collect();
    let most = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shares: Vec<f64> = sums.iter().map(|sum| (sum - most).exp()).collect();
    let all: f64 = shares.iter().sum();
    let mut likely: Vec<f64> = shares.iter().map(|share| share / all).collect();
    let none = likely.pop().unwrap_or_default();
    (likely, none)
}

fn sum(facts: &Facts) -> f64 {
    facts.iter().map(|(name, value)| value * weight(name)).sum()
}

fn weight(name: &str) -> f64 {
    let found = WEIGHTS.binary_search_by_key(&name, |(name, _)| name).ok();
    found.and_then(|at| WEIGHTS.get(at)).map_or(0.0, |(_, weight)| *weight)
}

fn log_odds(share: f64) -> f64 {
    let share = share.clamp(LEAST, 1.0 - LEAST);
    (share / (1.0 - share)).ln()
}

fn place(at: Bearing) -> &'static str {
    match at {
        Bearing::Own => "of the step",
        Bearing::Before => "of a step before",
        Bearing::Open => "of any step",
        Bearing::Later => "of a step after",
    }
}

#[expect(clippy::cast_precision_loss, reason = "a weight needs no more than a float's precision")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ChangeKind;

    fn change(kind: ChangeKind) -> Change {
        let title = String::new();
        Change { kind, title, before: None, after: None, details: None, step: None, who: None, when: None, url: None }
    }

    fn facts(all: &[(&str, f64)]) -> Facts {
        all.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn weights_are_in_order_and_each_is_of_a_fact() {
        assert!(WEIGHTS.is_sorted_by(|a, b| a.0 < b.0));
        let (kind, others) = (change(ChangeKind::Commit), vec![("odds", 1.0)]);
        let known = |at, met| Known { change: &kind, at, score: 0.4, met, sort: 0.5, others: others.clone() };
        let all = [known(Bearing::Own, 0.5), known(Bearing::Open, 0.4)];
        let around = [("outside", true), ("expired", false)];
        let of_changes = of_changes(&all);
        let of_none = of_none(&all, &around);
        let named: Vec<&str> = of_changes.iter().flatten().chain(&of_none).map(|(name, _)| name.as_str()).collect();
        for name in ["odds", "met", "of the step", "met by the step", "none", "none: outside"] {
            assert!(named.contains(&name), "{name} of {named:?}");
        }
        assert!(!named.contains(&"none: expired"));
        for name in named {
            assert!(WEIGHTS.iter().any(|(known, _)| *known == name), "{name}");
        }
    }

    #[test]
    fn what_more_speaks_against_is_likelier_and_all_together_are_certain() {
        let weak = facts(&[("score", -2.0)]);
        let strong = facts(&[("score", 2.0)]);
        let none = facts(&[("none", 1.0)]);
        let (likely, of_none) = likely(&[weak, strong], &none);
        assert!(likely[0] < likely[1]);
        assert!((likely.iter().sum::<f64>() + of_none - 1.0).abs() < 1e-9);
    }

    #[test]
    fn where_nothing_changed_none_is_to_blame() {
        let (likely, of_none) = likely(&of_changes(&[]), &of_none(&[], &[]));
        assert!(likely.is_empty() && (of_none - 1.0).abs() < 1e-9);
    }

    #[test]
    fn how_many_others_there_are_says_nothing() {
        let (one, other) = (change(ChangeKind::Variable), change(ChangeKind::Commit));
        let known = |change| Known { change, at: Bearing::Open, score: 0.3, met: 0.2, sort: 0.1, others: Vec::new() };
        let few = of_changes(&[known(&one), known(&other)]);
        let many = of_changes(&[known(&one), known(&other), known(&other), known(&other)]);
        assert_eq!(few.first(), many.first());
    }
}

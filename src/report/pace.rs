//! How long each step took in the last good run and in this one, side by side.

use jiff::Timestamp;

use super::words;
use crate::model::Step;

/// A step is told to have slowed down when it takes this many times as long …
const TIMES: i64 = 2;
/// … and this many seconds longer.
const SECONDS: i64 = 10;

/// A step in both runs.
pub(super) struct Pace {
    /// Its name.
    pub(super) step: String,
    /// How long it took then; empty where that is not known.
    pub(super) then: String,
    /// How long it took now.
    pub(super) now: String,
    /// What that means, such as `3 times as long`; empty where it means nothing.
    pub(super) verdict: String,
    /// Both in seconds.
    pub(super) seconds: (i64, i64),
    /// Both in percent of the longest.
    pub(super) shares: (f64, f64),
}

/// The steps of `now` that have times in both runs; empty where there are none.
pub(super) fn of(then: &[Step], now: &[Step]) -> Vec<Pace> {
    let outer = |steps: &[Step]| steps.iter().map(|step| step.depth).min().unwrap_or_default();
    let (then_depth, now_depth) = (outer(then), outer(now));
    let old = |name: &str| then.iter().find(|step| step.depth == then_depth && step.name == name).and_then(took);
    let both: Vec<(&Step, i64, i64)> = now
        .iter()
        .filter(|step| step.depth == now_depth)
        .filter_map(|step| Some((step, old(&step.name)?, took(step)?)))
        .collect();
    let longest = both.iter().flat_map(|(_, then, now)| [*then, *now]).max().unwrap_or_default().max(1);
    both.into_iter()
        .map(|(step, then, now)| Pace {
            step: words::one_line(&step.name),
            then: words::duration(then),
            now: words::duration(now),
            verdict: verdict(then, now),
            seconds: (then, now),
            shares: (share(then, longest), share(now, longest)),
        })
        .collect()
}

fn took(step: &Step) -> Option<i64> {
    let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs().max(0);
    step.started.zip(step.finished).map(|(from, to)| seconds(from, to))
}

fn verdict(then: i64, now: i64) -> String {
    if now >= then.saturating_mul(TIMES) && now - then >= SECONDS {
        return if then == 0 { "longer".to_owned() } else { format!("{} times as long", now / then) };
    }
    if then >= now.saturating_mul(TIMES) && then - now >= SECONDS {
        return "shorter".to_owned();
    }
    String::new()
}

/// The part of the longest, wide enough to be seen.
#[expect(clippy::cast_precision_loss, reason = "a share needs no more than a float's precision")]
fn share(seconds: i64, longest: i64) -> f64 {
    (seconds as f64 / longest as f64 * 100.0).max(0.4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;

    fn step(name: &str, depth: usize, took: Option<i64>) -> Step {
        Step {
            name: name.to_owned(),
            place: None,
            outcome: Outcome::Succeeded,
            culprit: false,
            started: Timestamp::from_second(1_000).ok(),
            finished: took.and_then(|took| Timestamp::from_second(1_000 + took).ok()),
            attempts: 1,
            depth,
        }
    }

    fn check(then: &[Step], now: &[Step], expected: &[(&str, &str, &str, &str)]) {
        let paces = of(then, now);
        let told: Vec<_> = paces.iter().map(|one| (&*one.step, &*one.then, &*one.now, &*one.verdict)).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_step_that_takes_much_longer_is_told() {
        check(
            &[step("A", 0, Some(10)), step("A", 1, Some(9)), step("B", 0, Some(60)), step("C", 0, Some(1))],
            &[step("A", 0, Some(35)), step("B", 0, Some(20)), step("C", 0, Some(4)), step("D", 0, Some(4))],
            &[("A", "10 s", "35 s", "3 times as long"), ("B", "1 min", "20 s", "shorter"), ("C", "1 s", "4 s", "")],
        );
    }

    #[test]
    fn steps_without_times_are_not_compared() {
        check(&[step("A", 0, None)], &[step("A", 0, Some(5))], &[]);
        check(&[], &[step("A", 0, Some(5))], &[]);
    }
}

//! The steps of a run as bars on a common axis of time. Shares of the axis only; pixels are the page's.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::words;
use crate::model::{Outcome, Step};

/// The steps and the axis they lie on.
pub(super) struct Timeline {
    /// The steps in the order of the run.
    pub(super) bars: Vec<Bar>,
    /// Where to draw a line across, in percent of the axis, and what to write there.
    pub(super) ticks: Vec<(f64, String)>,
    /// The picture in a sentence, for who can't see it.
    pub(super) description: String,
}

/// One step.
pub(super) struct Bar {
    /// Its name, with its place where that is not a row of its own.
    pub(super) label: String,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// Whether the failure happened here.
    pub(super) culprit: bool,
    /// How deep it is nested.
    pub(super) depth: usize,
    /// Start and length in percent of the axis; `None` without times.
    pub(super) span: Option<(f64, f64)>,
    /// How long it took, or why that is not known.
    pub(super) took: String,
    /// Such as `4 attempts`; empty for one.
    pub(super) attempts: String,
    /// All of this in one line.
    pub(super) title: String,
}

/// Lays out the steps.
pub(super) fn of(steps: &[Step]) -> Timeline {
    let steps = merged(steps);
    let times = || steps.iter().flat_map(|(step, _)| [step.started, step.finished]).flatten();
    let axis = times().min().zip(times().max());
    let bars: Vec<Bar> = steps.iter().map(|(step, label)| bar(step, label, axis)).collect();
    let failed: Vec<&str> = bars.iter().filter(|bar| bar.culprit).map(|bar| &*bar.label).collect();
    let description = match failed.as_slice() {
        [] => format!("{} in the order of the run.", words::count(bars.len(), "step")),
        failed => {
            format!("{} in the order of the run; failed: {}.", words::count(bars.len(), "step"), failed.join(", "))
        }
    };
    Timeline { ticks: axis.map(|(start, end)| ticks(seconds(start, end))).unwrap_or_default(), bars, description }
}

/// The steps with their labels. A step that ran in one place only is one row: the second would say nothing new.
fn merged(steps: &[Step]) -> Vec<(Step, String)> {
    let mut rows = Vec::new();
    let mut index = 0;
    while let Some(step) = steps.get(index) {
        index += 1;
        let children = || steps.iter().skip(index).take_while(|child| child.depth > step.depth);
        let only = children().next().filter(|child| children().count() == 1 && child.outcome == step.outcome);
        let mut step = step.clone();
        let name = words::one_line(&step.name);
        let place = only.map_or(step.place.as_deref(), |child| child.place.as_deref().or(Some(&child.name)));
        let place = place.map(words::one_line).filter(|place| !place.is_empty());
        let label = match place {
            Some(place) if place != name && step.depth > 0 => place,
            Some(place) if place != name => format!("{name} · {place}"),
            _ => name,
        };
        if let Some(child) = only {
            index += 1;
            step.culprit |= child.culprit;
            step.attempts = step.attempts.max(child.attempts);
            step.started = step.started.or(child.started);
            step.finished = step.finished.or(child.finished);
        }
        rows.push((step, label));
    }
    rows
}

fn bar(step: &Step, label: &str, axis: Option<(Timestamp, Timestamp)>) -> Bar {
    // A step that still runs has a bar up to the last moment known.
    let running = step.outcome == Outcome::Running && step.finished.is_none();
    let end = step.finished.or(axis.map(|(_, end)| end).filter(|_| running));
    let span = step.started.zip(end).zip(axis).map(|((from, to), (start, end))| {
        let whole = seconds(start, end).max(0.001);
        let (from, to) = (seconds(start, from) / whole * 100.0, seconds(start, to) / whole * 100.0);
        // A bar too short to see is drawn wide enough, within the axis.
        let length = (to - from).max(0.8);
        (from.min(100.0 - length).max(0.0), length)
    });
    let took = match (step.started, step.finished) {
        (Some(from), Some(to)) => words::duration(to.duration_since(from).as_secs()),
        (Some(_), None) if running => "still running".to_owned(),
        _ if step.outcome == Outcome::Skipped => "skipped".to_owned(),
        _ => "no times".to_owned(),
    };
    let attempts = if step.attempts > 1 { words::count(step.attempts, "attempt") } else { String::new() };
    let mut title = format!("{label}: {}", words::outcome(step.outcome));
    if let Some(from) = step.started {
        let to = step.finished.map_or_else(|| "now".to_owned(), words::clock);
        let _ = write!(title, ", {} to {to} UTC", words::clock(from));
    }
    for part in [&took, &attempts] {
        if !part.is_empty() && part != words::outcome(step.outcome) {
            let _ = write!(title, ", {part}");
        }
    }
    let label = label.to_owned();
    Bar { label, outcome: step.outcome, culprit: step.culprit, depth: step.depth, span, took, attempts, title }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// Two to five round moments after the start, none too near the end.
fn ticks(whole: f64) -> Vec<(f64, String)> {
    const ROUND: &[u32] = &[
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172_800, 604_800, 2_419_200,
    ];
    let Some(&every) = ROUND.iter().find(|&&every| whole / f64::from(every) <= 5.5) else { return Vec::new() };
    (0..=5)
        .map(|index| every * index)
        .map(|at| (f64::from(at) / whole.max(0.001) * 100.0, at))
        .filter(|&(share, _)| share <= 100.0)
        .map(|(share, at)| (share, if at == 0 { "0".to_owned() } else { words::duration(i64::from(at)) }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, place: Option<&str>, depth: usize, outcome: Outcome, times: Option<(i64, i64)>) -> Step {
        let at = |second| Timestamp::from_second(second).ok();
        Step {
            name: name.to_owned(),
            place: place.map(str::to_owned),
            outcome,
            culprit: outcome == Outcome::Failed && depth > 0,
            started: times.and_then(|(from, _)| at(from)),
            finished: times.and_then(|(_, to)| at(to)),
            attempts: 1,
            depth,
        }
    }

    /// A bar's label, how long it took, and where it lies.
    type Expected = (&'static str, &'static str, Option<(i64, i64)>);

    fn check(steps: &[Step], expected: &[Expected]) {
        let timeline = of(steps);
        #[expect(clippy::cast_possible_truncation, reason = "whole percents are enough to compare")]
        let round = |(from, length): (f64, f64)| (from.round() as i64, length.round() as i64);
        let bars: Vec<_> = timeline.bars.iter().map(|bar| (&*bar.label, &*bar.took, bar.span.map(round))).collect();
        assert_eq!(bars, expected);
    }

    #[test]
    fn bars_lie_where_the_time_went() {
        check(
            &[
                step("A", None, 0, Outcome::Succeeded, Some((0, 50))),
                step("B", None, 0, Outcome::Failed, Some((50, 100))),
            ],
            &[("A", "50 s", Some((0, 50))), ("B", "50 s", Some((50, 50)))],
        );
    }

    #[test]
    fn a_single_place_is_no_row_of_its_own() {
        let times = Some((0, 10));
        let steps = [step("A", None, 0, Outcome::Failed, times), step("A", Some("Worker"), 1, Outcome::Failed, times)];
        check(&steps, &[("A · Worker", "10 s", Some((0, 100)))]);
        assert!(of(&steps).bars.iter().all(|bar| bar.culprit));
    }

    #[test]
    fn several_places_are_rows() {
        let times = Some((0, 10));
        check(
            &[
                step("A", None, 0, Outcome::Failed, times),
                step("A", Some("web-1"), 1, Outcome::Succeeded, times),
                step("A", Some("web-2"), 1, Outcome::Failed, times),
            ],
            &[("A", "10 s", Some((0, 100))), ("web-1", "10 s", Some((0, 100))), ("web-2", "10 s", Some((0, 100)))],
        );
    }

    #[test]
    fn steps_without_times_are_listed() {
        check(
            &[step("A", None, 0, Outcome::Failed, None), step("B", None, 0, Outcome::Skipped, None)],
            &[("A", "no times", None), ("B", "skipped", None)],
        );
    }

    #[test]
    fn an_instant_is_still_seen_and_inside_the_axis() {
        let timeline = of(&[
            step("A", None, 0, Outcome::Succeeded, Some((0, 1000))),
            step("B", None, 0, Outcome::Failed, Some((1000, 1000))),
        ]);
        for (from, length) in timeline.bars.iter().filter_map(|bar| bar.span) {
            assert!(length > 0.5 && from + length <= 100.01, "{from} {length}");
        }
    }

    #[test]
    fn ticks_are_few_and_round() {
        let labels = |whole| ticks(whole).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(263.0), ["0", "1 min", "2 min", "3 min", "4 min"]);
        assert_eq!(labels(4.0), ["0", "1 s", "2 s", "3 s", "4 s"]);
    }
}

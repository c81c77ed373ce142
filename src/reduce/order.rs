//! What a change does to the steps that ran before the one that failed: they stand elsewhere, are gone, make something else, or are
//! new and take away what it needs.

use super::alibi::{Bearing, Scene};
use super::topic::Topics;
use super::touched;
use crate::model::{Change, ChangeKind};

/// From which weight on a failure comes of a step that no longer runs before; how much that says of one that did before the
/// failed step in the good run, and of one that the lines speak of too.
const FOLLOWS: f64 = 0.17;
const DISPLACED: f64 = 0.45;
pub(super) const DISPLACED_AND_NAMED: f64 = 0.7;
const DISPLACED_AND_MISSED: f64 = 0.85;
/// The same where it is not known that such failures come of it.
const STANDS_ELSEWHERE: f64 = 0.42;
/// The same of a step that was taken out, of which it is not known where it stood, and from which weight on it needs no name.
const TAKEN_OUT_AND_NAMED: f64 = 0.6;
const TAKEN_OUT_FITS: f64 = 0.32;
/// How much it says where something is missing that an earlier step's script is another.
const MADE: f64 = 0.26;

/// How much speaks for `change` that what it does to an earlier step is what the failed one lacks. `is_named`: the lines that tell
/// why name it; `known`: how much its sort speaks for it.
pub(super) fn by_order(
    change: &Change,
    is_named: bool,
    at: Bearing,
    known: f64,
    scene: &Scene,
    topics: &Topics,
) -> f64 {
    let stands_elsewhere = scene.is_displaced(change);
    let is_displaced = known >= FOLLOWS && stands_elsewhere;
    let is_out = known >= FOLLOWS && scene.takes_out(change);
    if stands_elsewhere && topics.is_missing() {
        DISPLACED_AND_MISSED
    } else if is_displaced && is_named {
        DISPLACED_AND_NAMED
    } else if is_out && is_named {
        TAKEN_OUT_AND_NAMED
    } else if is_displaced || is_out && known >= TAKEN_OUT_FITS {
        DISPLACED
    } else if topics.is_missing() && (is_earlier_script(change, at) && scene.speaks_of(change) || clears(change, at))
        || topics.is_access() && revokes(change, at)
    {
        TAKEN_OUT_AND_NAMED
    } else if stands_elsewhere && (!topics.expired || change.title.starts_with("order of ")) {
        if is_named { DISPLACED } else { STANDS_ELSEWHERE }
    } else if topics.is_missing() && is_earlier_script(change, at) {
        MADE
    } else {
        0.0
    }
}

/// Whether `change` is of the script of a step that ran before the one that failed.
fn is_earlier_script(change: &Change, at: Bearing) -> bool {
    change.kind == ChangeKind::Process && at == Bearing::Before && change.title.starts_with("script of step ")
}

/// Whether `change` is a new step that ran before the one that failed, and takes things away.
fn clears(change: &Change, at: Bearing) -> bool {
    is_new_before(change, at, |line| touched::takes_away(line.trim_start_matches('+')))
}

/// The same of one that takes back what somebody was allowed.
fn revokes(change: &Change, at: Bearing) -> bool {
    is_new_before(change, at, |line| line.to_lowercase().contains("revoke"))
}

fn is_new_before(change: &Change, at: Bearing, is_one: fn(&str) -> bool) -> bool {
    change.kind == ChangeKind::Process
        && at == Bearing::Before
        && change.title.starts_with("new step ")
        && change.details.as_deref().unwrap_or_default().lines().any(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_step_before_takes_away_what_the_failed_one_needs() {
        let check = |title: &str, script: &str, at: Bearing, (cleared, revoked): (bool, bool)| {
            let change = Change {
                kind: ChangeKind::Process,
                title: title.to_owned(),
                before: None,
                after: None,
                details: Some(script.to_owned()),
                step: None,
                who: None,
                when: None,
                url: None,
            };
            assert_eq!((clears(&change, at), revokes(&change, at)), (cleared, revoked), "{title}: {script}");
        };
        check("new step Prune", "cd /srv\nls | xargs rm -rf", Bearing::Before, (true, false));
        check("new step Prune", "cd /srv\nls | xargs rm -rf", Bearing::Later, (false, false));
        check("new step Leases", "vault lease revoke -prefix db", Bearing::Before, (true, true));
        check("new step Tell", "curl https://chat.example", Bearing::Before, (false, false));
        check("script of step Prune", "+rm -rf /srv", Bearing::Before, (false, false));
    }
}

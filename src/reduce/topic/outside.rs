//! With which words a failure says that it comes from the world outside, or from the clock: of no change here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::says;
use crate::tree::{self, packed, unpack};

/// The lists of `outside.toml`, by their names. That they can be read, a test finds.
static LISTS: LazyLock<BTreeMap<String, Vec<String>>> =
    LazyLock::new(|| tree::table(&unpack(packed!("outside.toml"))).unwrap_or_default());

fn list(name: &str) -> &'static [String] {
    LISTS.get(name).map_or(&[], Vec::as_slice)
}

/// Whether one of `lines` says one of a list.
fn any(lines: &[String], name: &str) -> bool {
    list(name).iter().any(|word| lines.iter().any(|line| says(line, word)))
}

/// Whether one of `lines`, in lower case, says that the world outside is the cause of what failed in `steps`.
pub(super) fn is_outside(lines: &[String], steps: &[String]) -> bool {
    let spared = |line: &String| {
        let line = list("not-outside").iter().fold(line.clone(), |line, words| line.replace(words, ""));
        cut(&line)
    };
    let lines: Vec<String> = lines.iter().map(spared).collect();
    let in_trouble = |line: &&String| list("in-trouble").iter().any(|word| says(line, word));
    let mut troubles = lines.iter().filter(in_trouble);
    let is_ours = || any(&lines, "ours") || any(steps, "looks-at-ours");
    let is_here = || any(&lines, "here") || any(steps, "here");
    any(&lines, "outside")
        || any(&lines, "broken") && !is_here()
        || is_in_trouble(&lines) && (any(&lines, "fetching") || !is_ours())
        || troubles.any(|line| list("public").iter().any(|host| line.contains(host)))
}

/// Whether one of `lines`, in lower case, says in so many words that the world outside is the cause.
pub(super) fn is_said_to_be_outside(lines: &[String]) -> bool {
    any(lines, "outside")
}

/// `ThrottlingException` is called by its cause.
fn cut(line: &str) -> String {
    line.replace("exception", " exception")
}

fn is_in_trouble(lines: &[String]) -> bool {
    // A bare 500 may be a number of anything.
    let words = list("in-trouble").iter().filter(|word| *word != "500");
    // `10.0.0.1:502` is a port.
    let is_port = |line: &str, word: &str| {
        word.starts_with('5')
            && line.match_indices(word).all(|(at, _)| {
                let before = line.get(..at).unwrap_or_default();
                before.strip_suffix(':').is_some_and(|host| host.ends_with(|c: char| c.is_ascii_digit()))
            })
    };
    words.into_iter().any(|word| lines.iter().any(|line| says(line, word) && !is_port(line, word)))
}

/// Whether one of `lines`, in lower case, says that who keeps what others made is in trouble itself.
pub(super) fn is_down(lines: &[String]) -> bool {
    any(lines, "fetching") && is_in_trouble(lines)
}

/// Whether one of `lines`, in lower case, says that somebody is asked too much.
pub(super) fn is_refused(lines: &[String]) -> bool {
    any(lines, "refused")
}

/// Whether one of `lines`, in lower case, says that nothing is left of what is asked for.
pub(super) fn is_sold_out(lines: &[String]) -> bool {
    any(lines, "sold-out")
}

/// Whether one of `lines`, in lower case, says that somebody else holds what is needed.
pub(super) fn is_held(lines: &[String]) -> bool {
    const HELD: &[&str] = &["lock", "locks", "locked", "busy", "held by", "in use", "serialized", "lease"];
    HELD.iter().any(|word| lines.iter().any(|line| says(line, word)))
}

/// Whether one of `lines`, in lower case, says that something ended by the clock.
pub(super) fn is_expired(lines: &[String]) -> bool {
    // What may have expired among other things may as well be wrong.
    let is_one_of = |line: &&String| list("not-expired").iter().any(|word| line.contains(word));
    let is_dated = lines.iter().any(|line| line.contains(" is after 20"));
    let lines: Vec<String> = lines.iter().filter(|line| !is_one_of(line)).map(|line| cut(line)).collect();
    // `x509: … current time 2026-04-17T06:01:09Z is after 2026-04-16T23:59:59Z`
    any(&lines, "expired") || is_dated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_that_is_asked_for_is_there_and_in_lower_case() {
        for name in [
            "outside",
            "broken",
            "here",
            "not-outside",
            "public",
            "in-trouble",
            "fetching",
            "expired",
            "not-expired",
            "refused",
            "sold-out",
            "ours",
            "looks-at-ours",
        ] {
            assert!(!list(name).is_empty(), "{name}");
            assert!(list(name).iter().all(|word| !word.is_empty() && *word == word.to_lowercase()), "{name}");
        }
    }
}

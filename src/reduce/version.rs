//! Whether a change went past a version that a line speaks of: "as of Django 4.0", and a commit that takes 4.2 after 3.2.

use super::names::{self, says};
use super::touched::details;
use crate::model::{Change, ChangeKind};

/// Of a change's details no more is read than this.
const DETAILS: usize = 16 << 10;
/// How many words may stand between a name and its version, with the name: `django setting, since version 4.0`.
const APART: usize = 3;
/// Parts of names that many things have in common.
#[rustfmt::skip]
const COMMON: &[&str] = &[
    "core", "client", "common", "tools", "extensions", "platform", "version", "worker", "target", "runtime", "package", "server",
    "library", "service", "image", "system", "release", "from", "step", "container", "variable", "value", "commit", "bump",
];

/// With which words a line says that a version is where something begins or ends, rather than that it is the one at hand.
#[rustfmt::skip]
const SINCE: &[&str] = &[
    "since", "as of", "starting", "requires", "required", "require", "needs", "introduced", "removed", "no longer", "or newer",
    "or later", "or higher", "at least", "minimum", "older than", "newer than", "deprecated", "dropped",
];

/// A thing that went from one version to another.
struct Leap {
    /// Names that it goes by.
    names: Vec<String>,
    before: Vec<u64>,
    after: Vec<u64>,
}

/// Whether `line` names what `change` brought another version of, with a version that parts the old from the new one.
pub(super) fn is_passed(line: &str, change: &Change) -> bool {
    let leaps = leaps(change);
    if leaps.is_empty() {
        return false;
    }
    let parts = SINCE.iter().any(|word| says(&line.to_lowercase(), word));
    // A folder that a version is unpacked to says nothing of it.
    let is_path = |word: &str| {
        word.trim_start_matches(['"', '\'', '(', '[']).starts_with('/') || word.matches(['/', '\\']).count() > 2
    };
    let line: Vec<&str> = line.split_whitespace().filter(|word| !is_path(word)).collect();
    named(&line.join(" ")).iter().any(|(near, version)| leaps.iter().any(|leap| leap.passes(near, version, parts)))
}

/// Whether `line` names what `change` brought another major version of.
pub(super) fn is_new_major(line: &str, change: &Change) -> bool {
    if !matches!(change.kind, ChangeKind::Commit | ChangeKind::Package | ChangeKind::Worker) {
        return false;
    }
    let leaps: Vec<Leap> = leaps(change).into_iter().filter(|leap| leap.before.first() != leap.after.first()).collect();
    if leaps.is_empty() {
        return false;
    }
    let words: Vec<String> = line.split(|c: char| !c.is_alphanumeric()).map(names::key).collect();
    // A name of several parts is meant where all of them stand.
    leaps.iter().any(|leap| {
        let is_part =
            |name: &&String| !leap.names.iter().any(|other| name.len() > other.len() && name.starts_with(other));
        let mut parts = leap.names.iter().filter(is_part).peekable();
        parts.peek().is_some() && parts.all(|part| words.contains(part))
    })
}

impl Leap {
    fn new(names: impl Iterator<Item = String>, before: &[u64], after: &[u64]) -> Option<Self> {
        let is_name = |name: &String| name.len() > 3 && !COMMON.contains(&name.as_str());
        let names: Vec<String> = names.filter(is_name).collect();
        (!names.is_empty() && before != after).then(|| Self { names, before: before.to_vec(), after: after.to_vec() })
    }

    /// Whether a version with these words before it lies between. `parts`: it may be the new one itself.
    fn passes(&self, near: &[String], version: &[u64], parts: bool) -> bool {
        let (low, high) =
            if self.before < self.after { (&self.before, &self.after) } else { (&self.after, &self.before) };
        let at = |other: &[u64]| {
            let mut orders =
                (0..version.len().max(other.len())).map(|index| number(version, index).cmp(&number(other, index)));
            orders.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        };
        let most = if parts { std::cmp::Ordering::Equal } else { std::cmp::Ordering::Less };
        at(low).is_gt() && at(high) <= most && near.iter().any(|name| self.names.contains(name))
    }
}

/// A part of a version; what is not told is nought.
fn number(version: &[u64], index: usize) -> u64 {
    version.get(index).copied().unwrap_or_default()
}

/// What `change` brought another version of.
fn leaps(change: &Change) -> Vec<Leap> {
    let whole = || change.before.as_deref().and_then(version).zip(change.after.as_deref().and_then(version));
    let title = || parts(&change.title);
    match change.kind {
        ChangeKind::Package | ChangeKind::Worker => {
            let one = whole().and_then(|(before, after)| Leap::new(title(), &before, &after));
            // An operating system is named beside its version.
            let sides = change.before.as_deref().zip(change.after.as_deref());
            let system = sides.map(|(before, after)| between(&named(before), &named(after))).unwrap_or_default();
            one.into_iter().chain(system).collect()
        }
        ChangeKind::Variable | ChangeKind::Process => {
            // A mere number is an amount as well.
            let is_version =
                [change.before.as_deref(), change.after.as_deref()].iter().flatten().any(|text| text.contains('.'));
            let one = whole().filter(|_| is_version).and_then(|(before, after)| Leap::new(title(), &before, &after));
            let sides = change.before.as_deref().zip(change.after.as_deref());
            let images = sides.map(|(before, after)| between(&named(before), &named(after))).unwrap_or_default();
            one.into_iter().chain(images).collect()
        }
        ChangeKind::Commit => {
            let of_diff = |sign: char| -> Vec<(Vec<String>, Vec<u64>)> {
                let lines = details(change, DETAILS).lines().filter_map(|line| line.strip_prefix(sign));
                lines.flat_map(named).collect()
            };
            steps(&change.title, " from ", " to ").chain(between(&of_diff('-'), &of_diff('+'))).collect()
        }
        ChangeKind::Target => {
            let one = whole().and_then(|(before, after)| Leap::new(title(), &before, &after));
            let told = change.after.as_deref().unwrap_or_default();
            one.into_iter()
                .chain([told, details(change, DETAILS)].into_iter().flat_map(|text| steps(text, " ", " -> ")))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// What `text` says to have gone from one version to another: `Bump django from 3.2 to 4.2`, `docker-ce 28.3 -> 29.0`.
fn steps<'a>(text: &'a str, first: &'a str, second: &'a str) -> impl Iterator<Item = Leap> + 'a {
    text.match_indices(second).filter_map(move |(at, _)| {
        let (left, right) = (text.get(..at)?, text.get(at + second.len()..)?);
        let (name, before) = left.rsplit_once(first)?;
        let after = right.split(|c: char| c.is_whitespace() || ",;)".contains(c)).next()?;
        Leap::new(parts(name.split_whitespace().next_back()?), &version(before)?, &version(after)?)
    })
}

/// What stands in both with another version.
fn between(old: &[(Vec<String>, Vec<u64>)], new: &[(Vec<String>, Vec<u64>)]) -> Vec<Leap> {
    let pairs = old.iter().filter_map(|(name, before)| {
        let same = new.iter().find(|(other, _)| name.last().is_some() && name.last() == other.last());
        same.and_then(|(_, after)| Leap::new(name.last().cloned().into_iter(), before, after))
    });
    pairs.collect()
}

/// The versions in `text`, each with the words before it, the nearest last.
fn named(text: &str) -> Vec<(Vec<String>, Vec<u64>)> {
    let text = text.get(..text.floor_char_boundary(2_000)).unwrap_or(text);
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || ":@=<>~^/,;()\"'`[]".contains(c))
        .map(|word| word.trim_end_matches(['.', '+']))
        .filter(|word| !word.is_empty())
        .collect();
    let near = |at: usize| words.get(at.saturating_sub(APART)..at).unwrap_or_default().iter().copied().flat_map(parts);
    let all = words.iter().enumerate().filter_map(|(at, word)| Some((near(at).collect(), version(word)?)));
    all.collect()
}

/// A name and its parts, as keys.
fn parts(name: &str) -> impl Iterator<Item = String> + '_ {
    let words = name.split_whitespace();
    words.flat_map(|word| {
        std::iter::once(word)
            .chain(word.split(['.', '-', '_', '/', ':']).filter(move |part| *part != word))
            .map(names::key)
    })
}

/// The numbers of a version such as `v4.2.17` or `18-alpine`.
fn version(text: &str) -> Option<Vec<u64>> {
    let text = text.trim();
    let text = text.strip_prefix('v').unwrap_or(text);
    let numbers = text.split('-').next()?.split('+').next()?;
    let numbers: Option<Vec<u64>> = numbers.split('.').map(|part| part.parse().ok()).collect();
    numbers.filter(|numbers| numbers.len() < 6 && numbers.first().is_some_and(|first| *first < 10_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, kind: ChangeKind, title: &str, values: (&str, &str), details: &str, expected: bool) {
        let change = Change {
            kind,
            title: title.to_owned(),
            before: Some(values.0.to_owned()),
            after: Some(values.1.to_owned()),
            details: Some(details.to_owned()),
            step: None,
            who: None,
            when: None,
            url: None,
        };
        assert_eq!(is_passed(line, &change), expected, "{title}: {line}");
    }

    #[test]
    fn a_version_that_parts_the_old_from_the_new_one_was_passed() {
        use ChangeKind::{Commit, Package, Process, Target, Worker};
        let bump = "commit 1a2b3c4 Bump flask from 2.3.3 to 3.0.1 (#4)";
        check("RuntimeError: as of flask 3.0, before_first_request is gone", Commit, bump, ("", ""), "", true);
        check("as of flask 2.0, it is deprecated", Commit, bump, ("", ""), "", false);
        check("flask 3.0.1 was not found", Commit, bump, ("", ""), "", false);
        check("as of celery 3.0, it is gone", Commit, bump, ("", ""), "", false);
        let diff = "--- a/req.txt\n+++ b/req.txt\n@@ -1 +1 @@\n-flask==2.3.3\n+flask==3.0.1\n";
        check("removed in flask 3.0.", Commit, "commit 1a2b3c4 Libraries", ("", ""), diff, true);
        check("is required since webchart 4.0.0;", Package, "package Acme.WebChart", ("3.8.1", "4.0.0"), "", true);
        let unpacked = "/srv/webchart/4.0.0/app.so: it requires an older kernel";
        check(unpacked, Package, "package Acme.WebChart", ("3.8.1", "4.0.0"), "", false);
        check("needs PowerShell 7.0 or newer", Worker, "PowerShell of the worker", ("7.4.6", "5.1.17763.1"), "", true);
        check("needs PowerShell 4 or newer", Worker, "PowerShell of the worker", ("7.4.6", "5.1.17763.1"), "", false);
        let image = "container image of step Plan";
        check("requires Python 3.12", Process, image, ("acme/python:3.12-slim", "acme/python:3.11-slim"), "", true);
        let health = "Last changes: docker-ce 28.3.2 -> 29.0.1, curl 8.1 -> 8.2";
        check("refused by Docker 29", Target, "health of target web-1", ("Healthy", "Unhealthy"), health, true);
        let system = ("Ubuntu 22.04.4 LTS", "Ubuntu 24.04.2 LTS");
        check(
            "If you are running on Ubuntu 23.10+ it is disabled",
            Worker,
            "operating system of the worker",
            system,
            "",
            true,
        );
        let timeout = "variable Orders.CommandTimeout";
        check("Timeout: the CommandTimeout 30 is over", ChangeKind::Variable, timeout, ("60", "20"), "", false);
    }
}

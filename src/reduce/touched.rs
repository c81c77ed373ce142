//! The names that a change touches, and how central each is to it: one in a title or one that it brought in says more than one
//! among the many of a large diff.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::said::Said;
use super::{edit, names};
use crate::model::{Change, ChangeKind};

/// How central the names of a title are to its change, and at least the names that a change brought in.
const TITLE: f64 = 0.85;
pub(super) const BROUGHT_IN: f64 = 0.9;
/// The same in what somebody says of a commit of which it is known what it does, in the names of its files, and around its lines.
const SAID: f64 = 0.3;
const PATH: f64 = 0.5;
const LISTED: f64 = 0.4;
const AROUND: f64 = 0.1;
/// The same in the lines that hold those which were changed: the key of a value, the head of a function.
const HOLDS: f64 = 0.5;
/// How much a name says that a change left as it was.
const SHARED: f64 = 0.35;
const SHARED_BY_SCRIPTS: f64 = 0.2;
/// How much it says that a line holds the version of what is deployed.
const VERSION: f64 = 0.5;
/// Of a change's details no more is read than this, and of all together not much more than that.
const DETAILS: usize = 64 << 10;
const ALL_DETAILS: usize = 2 << 20;
/// Names in the diff of an ordinary change: a script that was edited, a small commit.
const ORDINARY_DIFF: f64 = 300.0;
const ORDINARY_FILES: f64 = 5.0;

/// How much of the details of each of `count` changes is read.
pub(super) fn most(count: usize) -> usize {
    (ALL_DETAILS / count.max(1)).min(DETAILS)
}

pub(super) fn details(change: &Change, most: usize) -> &str {
    let details = change.details.as_deref().unwrap_or_default();
    details.get(..details.floor_char_boundary(most)).unwrap_or_default()
}

/// The names of the evidence that a change touches, and how central each is to it.
/// `is_own`: it is of the step that failed, whose name says nothing then.
pub(super) fn touched(
    change: &Change,
    said: &HashMap<String, Said<'_>>,
    most: usize,
    is_own: bool,
) -> BTreeMap<String, f64> {
    let mut all: BTreeMap<String, f64> = BTreeMap::new();
    let mut touch = |word: &str, form: f64, place: f64| {
        // How a word is written here matters less than that it is the same.
        let weight = place * if form < 0.2 { 0.6 } else { 1.0 };
        let key = names::key(word);
        if let Some(said) = said.get(&key) {
            // Two hosts of one domain are two hosts.
            let apart = names::is_joint(form) && names::is_joint(said.form);
            let weight = if apart { weight * 0.5 } else { weight };
            let known = all.entry(key).or_default();
            *known = known.max(weight);
        }
    };
    let title = match change.kind {
        ChangeKind::Process if is_own => change.title.split(" of step ").next().unwrap_or_default(),
        _ => change.title.as_str(),
    };
    // Where it is known what a commit does, what somebody says of it tells little more.
    let is_shown = is_shown(change);
    let by_title = if is_shown { SAID } else { TITLE };
    names::each(title, |word, form| touch(word, form, by_title));
    // Two words of what people write are one name where somebody wrote them as one.
    if matches!(change.kind, ChangeKind::Commit | ChangeKind::WorkItem) {
        names::pairs(&change.title, |word| {
            if said.get(&names::key(word)).is_some_and(|said| said.form > 0.6) {
                touch(word, 1.0, by_title);
            }
        });
    }
    // What a script said before as well stands in every log of it.
    let shared = if change.kind == ChangeKind::Process { SHARED_BY_SCRIPTS } else { SHARED };
    let both = |before: &str, after: &str, touch: &mut dyn FnMut(&str, f64, f64)| both(before, after, shared, touch);
    // What is deployed says its version wherever it goes.
    let by_value = if change.kind == ChangeKind::Package { VERSION } else { 1.0 };
    let (before, after) = (change.before.as_deref().unwrap_or_default(), change.after.as_deref().unwrap_or_default());
    // A mere number stands anywhere; where it is the one that was edited is told apart from this.
    if change.kind != ChangeKind::Variable || !edit::is_number(change) {
        both(before, after, &mut |word, form, place| touch(word, form, place * by_value));
    }
    let details = details(change, most);
    let (whole, paths) = wholeness(details);
    let (mut in_diff, mut in_list) = (false, false);
    let (mut removed, mut added) = (String::new(), String::new());
    let is_new = change.kind == ChangeKind::Process && change.title.starts_with("new step ");
    let is_package = |line: &str| change.kind == ChangeKind::Commit && line.starts_with("package ");
    // The lines above that are indented less and less, nearest last.
    let mut holders: Vec<&str> = Vec::new();
    for line in details.lines() {
        if in_diff && is_shown && line.starts_with(['+', '-']) {
            let own = indent(line.get(1..).unwrap_or_default());
            for holder in holders.drain(..).filter(|holder| indent(holder) < own) {
                names::each(holder, |word, form| touch(word, form, HOLDS * whole));
            }
        } else if in_diff && is_shown && line.starts_with(' ') && !line.trim().is_empty() {
            let line = line.get(1..).unwrap_or_default();
            while holders.last().is_some_and(|last| indent(last) >= indent(line)) {
                holders.pop();
            }
            holders.push(line);
        }
        if line.starts_with("@@") {
            holders.clear();
            // Behind the places stands the head of what holds the lines.
            let head = line.get(2..).and_then(|rest| rest.split_once("@@")).map_or("", |(_, head)| head);
            names::each(head, |word, form| touch(word, form, HOLDS * whole));
            in_diff = true;
            let (old, new) = (std::mem::take(&mut removed), std::mem::take(&mut added));
            both(&old, &new, &mut |word, form, place| touch(word, form, place * whole));
        } else if line.starts_with("+++ ") || line.starts_with("--- ") || line.starts_with("diff ") {
            in_diff = false;
            names::each(line, |word, form| touch(word, form, PATH * paths));
        } else if let Some(text) = line.strip_prefix('+').filter(|_| in_diff) {
            added.extend([text, "\n"]);
        } else if let Some(text) = line.strip_prefix('-').filter(|_| in_diff) {
            removed.extend([text, "\n"]);
        } else {
            in_list = !in_diff && (line == "Files:" || in_list && !line.is_empty());
            let place = match (in_diff, in_list) {
                (true, _) => AROUND * whole,
                (false, true) => LISTED * paths,
                // Which package a commit went into says which step uses it, and little more.
                (false, false) if is_package(line) => 0.4,
                // All that a new step does is brought in.
                (false, false) if is_new => BROUGHT_IN,
                (false, false) if is_shown => SAID,
                (false, false) if takes_away(line) => 1.0,
                (false, false) => 0.7,
            };
            names::each(line, |word, form| touch(word, form, place));
        }
    }
    both(&removed, &added, &mut |word, form, place| touch(word, form, place * whole));
    all
}

/// How far a line of a file is indented.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether it is known which lines a commit changed.
pub(super) fn is_shown(change: &Change) -> bool {
    let is_diff = |details: &str| details.contains("\n@@ ");
    change.kind == ChangeKind::Commit && change.details.as_deref().is_some_and(is_diff)
}

/// Whether a commit of which that is known takes away or changes a line that was there.
pub(super) fn edits(change: &Change) -> bool {
    change.details.as_deref().unwrap_or_default().lines().any(|line| line.starts_with('-') && !line.starts_with("--- "))
}

/// Whether a line of a script stops or removes what it names.
pub(super) fn takes_away(line: &str) -> bool {
    const VERBS: &[&str] = &[
        "stop",
        "disable",
        "delete",
        "remove",
        "rm",
        "drop",
        "uninstall",
        "purge",
        "down",
        "kill",
        "revoke",
        "truncate",
        "prune",
        "clean",
        "cleanup",
        "clear",
        "rmi",
        "rmdir",
        "wipe",
    ];
    let verb = |word: &str| {
        let word = word.to_ascii_lowercase();
        // `Stop-Service` and `docker stop` are of one sort.
        VERBS.contains(&word.split('-').next().unwrap_or_default())
    };
    // `ls | xargs rm` and `cd x; rm y` take away too; what is handed on stands behind its options.
    let most = |part: &str| if part.trim_start().starts_with("xargs") { 8 } else { 3 };
    line.split(['|', ';', '&', '"', '\'']).any(|part| part.split_whitespace().take(most(part)).any(verb))
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
fn both(before: &str, after: &str, shared_weight: f64, touch: &mut dyn FnMut(&str, f64, f64)) {
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
            touch(word, form, if shared { shared_weight } else { 1.0 });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_takes_away_wherever_its_verb_stands() {
        for (line, expected) in [
            ("rm -rf /srv/old", true),
            ("ls -1t | tail -n +2 | xargs -r -I{} rm -rf {}", true),
            ("sh -c 'echo \"removing {}\"; rm -rf {}'", true),
            ("Stop-Service Shop", true),
            ("echo 'nothing to do'", false),
            ("cp -r a b", false),
        ] {
            assert_eq!(takes_away(line), expected, "{line}");
        }
    }

    #[test]
    fn what_holds_the_lines_that_were_changed_is_touched_and_what_stands_beside_it_hardly() {
        let change = Change {
            kind: ChangeKind::Commit,
            title: "commit 1a2b3c4 By contract".to_owned(),
            before: None,
            after: None,
            details: Some(
                "--- a/db.bicep\n+++ b/db.bicep\n@@ -1,7 +1,7 @@ ledger invoices\n cosmos:\n   throughput:\n     most: 4\n   \
                 partition:\n-    path: station\n+    path: contract\n   retention: 3\n"
                    .to_owned(),
            ),
            step: None,
            who: None,
            when: None,
            url: None,
        };
        let words = ["invoices", "cosmos", "throughput", "partition", "retention"];
        let said: HashMap<String, Said<'_>> =
            words.iter().map(|word| (names::key(word), Said { word, form: 0.5, line: 1.0, lines: vec![0] })).collect();
        let touched = touched(&change, &said, DETAILS, false);
        let weight = |word: &str| touched.get(&names::key(word)).copied().unwrap_or_default();
        for held in ["invoices", "cosmos", "partition"] {
            assert!(weight(held) > 2.0 * weight("throughput"), "{held}: {touched:?}");
            assert!(weight(held) > 2.0 * weight("retention"), "{held}: {touched:?}");
        }
    }
}

//! The tables of topics, `topic-*.toml`: by which words a failure is about one, and which changes such a failure comes of.
//!
//! A row is a topic; to add one, write it. What it may say:
//!
//! ```toml
//! [[topic]]
//! says = ["too large", "target & cannot be reached"]   # words of one line, lower case; with `&` all of them
//! kinds = ["quota"]                                     # kinds of signatures that are about it
//! outside = true                                        # the world outside is to blame; or `expired`: the clock
//! causes = [                                            # changes that it comes of
//!     { of = "variable process", words = "max, limit, replication+factor, @loads", way = "down", weight = 0.42 },
//! ]
//! ```
//!
//! `words`: of which a change must hold one in its title, its values or what was edited, as a word or a part of a name such as
//! `MaxSize`; with `+` all of them; with `@` those of a list in `topic-lists.toml`; in angles a form of its value; none needed where
//! it is missing. `way`: which way a number must have gone; `either` where it is enough that it changed. `weight`: how much that alone speaks for it, from 0 to 1; over 0.3 it
//! accuses without a word in common.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::super::edit::Way;
use super::super::names::says;
use crate::model::ChangeKind;
use crate::tree::{self, packed, unpack};

/// A subject that failures have in common.
#[derive(Debug)]
pub(super) struct Topic {
    /// Kinds of signatures that are about it.
    pub(super) kinds: Vec<String>,
    /// With which words a line says that the failure is about it. Lower case; of one entry all must stand in one line.
    says: Vec<Vec<String>>,
    pub(super) causes: Vec<Cause>,
    /// Whether the world outside is to blame for it, or the clock.
    pub(super) outside: bool,
    pub(super) expired: bool,
}

/// A sort of change that such a failure comes of.
#[derive(Debug)]
pub(super) struct Cause {
    pub(super) changes: Vec<ChangeKind>,
    /// Of which the change must hold one; none needed where empty.
    pub(super) words: Vec<String>,
    /// Which way a number must have gone.
    pub(super) way: Way,
    /// How much that alone speaks for it.
    pub(super) weight: f64,
}

impl Topic {
    /// Whether one of `lines`, in lower case, says it.
    pub(super) fn is_said(&self, lines: &[String]) -> bool {
        self.says.iter().any(|words| lines.iter().any(|line| words.iter().all(|word| says(line, word))))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    topic: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    causes: Vec<Written>,
    #[serde(default)]
    outside: bool,
    #[serde(default)]
    expired: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    of: String,
    #[serde(default)]
    words: String,
    way: Option<String>,
    weight: f64,
}

/// Lists that rows and code share.
pub(super) struct Lists {
    all: BTreeMap<String, Vec<String>>,
    /// What a commit says that takes something away or puts it elsewhere.
    pub(super) takes_away: Vec<String>,
}

pub(super) static LISTS: LazyLock<Lists> = LazyLock::new(|| {
    let written: BTreeMap<String, String> = tree::table(&unpack(packed!("topic-lists.toml"))).unwrap_or_default();
    let all: BTreeMap<String, Vec<String>> =
        written.into_iter().map(|(name, words)| (name, split(&words).map(str::to_owned).collect())).collect();
    let takes_away = all.get("takes-away").cloned().unwrap_or_default();
    Lists { all, takes_away }
});

/// All topics. That the files can be read, a test finds.
pub(super) static TOPICS: LazyLock<Vec<Topic>> = LazyLock::new(|| read(&unpack(PACKED)).unwrap_or_default());

/// The tables of topics in this folder, one after another.
const PACKED: &[u8] = packed!("topic.toml");

/// The topics of a file. An error is a defect that a test finds.
fn read(text: &str) -> Result<Vec<Topic>, String> {
    tree::table::<File>(text)?.topic.into_iter().map(topic).collect()
}

fn topic(row: Row) -> Result<Topic, String> {
    let says = row.says.iter().map(|one| one.split(" & ").map(|word| word.trim().to_owned()).collect()).collect();
    let causes = row.causes.iter().map(cause).collect::<Result<_, _>>()?;
    Ok(Topic { kinds: row.kinds, says, causes, outside: row.outside, expired: row.expired })
}

fn cause(written: &Written) -> Result<Cause, String> {
    let changes = written.of.split_whitespace().map(kind).collect::<Result<_, _>>()?;
    let way = match written.way.as_deref() {
        None => Way::Any,
        Some("up") => Way::Up,
        Some("down") => Way::Down,
        Some("either") => Way::Either,
        Some(other) => return Err(format!("no way of a number: {other}")),
    };
    let mut words = Vec::new();
    for word in split(&written.words) {
        match word.strip_prefix('@') {
            Some(list) => words.extend(LISTS.all.get(list).ok_or_else(|| format!("no list: {list}"))?.clone()),
            None => words.push(word.to_owned()),
        }
    }
    Ok(Cause { changes, words, way, weight: written.weight })
}

fn kind(name: &str) -> Result<ChangeKind, String> {
    Ok(match name {
        "commit" => ChangeKind::Commit,
        "event" => ChangeKind::Event,
        "package" => ChangeKind::Package,
        "process" => ChangeKind::Process,
        "target" => ChangeKind::Target,
        "variable" => ChangeKind::Variable,
        "worker" => ChangeKind::Worker,
        other => return Err(format!("no kind of change: {other}")),
    })
}

fn split(words: &str) -> impl Iterator<Item = &str> {
    words.split(',').map(str::trim).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_can_be_read() {
        assert!(!LISTS.all.is_empty() && !LISTS.takes_away.is_empty());
        let topics = read(&unpack(PACKED)).unwrap();
        assert!(!topics.is_empty());
        for topic in topics {
            let is_lower = |word: &String| !word.is_empty() && *word == word.to_lowercase();
            assert!(topic.says.iter().flatten().all(is_lower), "{topic:?}");
            assert!(
                !topic.says.is_empty() && (!topic.causes.is_empty() || topic.outside || topic.expired),
                "{topic:?}"
            );
            assert!(topic.causes.iter().all(|cause| (0.0..1.0).contains(&cause.weight)), "{topic:?}");
        }
    }

    #[test]
    fn what_a_row_may_not_say_is_told() {
        let check = |causes: &str, expected: &str| {
            let error = read(&format!("[[topic]]\nsays = [\"x\"]\ncauses = [{causes}]\n")).unwrap_err();
            assert!(error.contains(expected), "{causes}: {error}");
        };
        check("{ of = \"weather\", weight = 0.3 }", "no kind of change: weather");
        check("{ of = \"variable\", words = \"@nowhere\", weight = 0.3 }", "no list: nowhere");
        check("{ of = \"variable\", way = \"left\", weight = 0.3 }", "no way of a number: left");
    }

    #[test]
    fn of_one_entry_all_words_must_stand_in_one_line() {
        let topics = read("[[topic]]\nsays = [\"gone\", \"target & out of reach\"]\noutside = true\n").unwrap();
        for (lines, expected) in [
            (vec!["it is gone"], true),
            (vec!["the target is out of reach"], true),
            (vec!["the target", "is out of reach"], false),
        ] {
            let lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
            assert_eq!(topics.first().unwrap().is_said(&lines), expected, "{lines:?}");
        }
    }
}

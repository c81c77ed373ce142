//! What a change put in the place of what: a variable's values, and in scripts and files the words of a line that differ.

use crate::model::{Change, ChangeKind};

/// Edits of one change that are looked at; one of more lines is no matter of a few words.
const MOST: usize = 16;
/// Lines in one another's place that are held against each other; of more, hardly one is a matter of a few words.
const ABREAST: usize = 128;
/// Words that may differ in a line of which the rest is the same.
const WORDS: usize = 4;
/// Words before them that say what they are of.
const BEFORE: usize = 3;
/// Bytes of a longer diff and of a longer line that are read.
const DIFF: usize = 16 << 10;
const LINE: usize = 400;

/// Some words in the place of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit<'a> {
    /// What says what they are: the name of a variable, the words of the line before them.
    pub(super) name: String,
    pub(super) before: Option<&'a str>,
    pub(super) after: Option<&'a str>,
}

/// The edits that `change` is made of: one for a variable; as many as there are for a script or a small commit.
pub(super) fn of<'a>(change: &'a Change) -> Vec<Edit<'a>> {
    let (before, after) = (change.before.as_deref(), change.after.as_deref());
    match change.kind {
        ChangeKind::Commit => in_diff(change.details.as_deref().unwrap_or_default()),
        ChangeKind::Process if change.title.starts_with("script of step ") => {
            if let Some(details) = change.details.as_deref().filter(|details| details.contains("@@")) {
                return in_diff(details);
            }
            let lines = |text: Option<&'a str>| text.unwrap_or_default().lines().collect::<Vec<_>>();
            in_lines(&lines(before), &lines(after))
        }
        _ if before.is_none() && after.is_none() => Vec::new(),
        _ => {
            let name = name(change);
            let whole = Edit { name: name.to_owned(), before: before.map(str::trim), after: after.map(str::trim) };
            // Of several words of a value, such as options of a program, one may be what was edited.
            let part = before.zip(after).filter(|(old, new)| old.contains(' ') && new.contains(' '));
            let part = part
                .and_then(|(old, new)| between(old, new))
                .filter(|part| !part.name.is_empty() || part.before != before);
            let part = part.map(|part| Edit { name: format!("{name} {}", part.name), ..part });
            std::iter::once(whole).chain(part).collect()
        }
    }
}

/// What a change is of, without what sort of thing that is and where it belongs.
fn name(change: &Change) -> &str {
    let title = change.title.strip_prefix("variable ").unwrap_or(&change.title);
    title.split(" of ").next().unwrap_or(title)
}

/// The edits in a unified diff. Empty where there are too many.
fn in_diff(details: &str) -> Vec<Edit<'_>> {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    let mut all = Vec::new();
    let mut in_hunk = false;
    let details = details.get(..details.floor_char_boundary(DIFF)).unwrap_or(details);
    for line in details.lines().chain(["@@"]) {
        let is_head = line.starts_with("--- ") || line.starts_with("+++ ") || line.starts_with("diff ");
        let (removed, added) = (line.strip_prefix('-'), line.strip_prefix('+'));
        if let Some(text) = removed.filter(|_| in_hunk && !is_head) {
            // What is removed after something was added is another place.
            if !new.is_empty() {
                all.extend(in_lines(&std::mem::take(&mut old), &std::mem::take(&mut new)));
            }
            old.push(text);
        } else if let Some(text) = added.filter(|_| in_hunk && !is_head) {
            new.push(text);
        } else {
            all.extend(in_lines(&std::mem::take(&mut old), &std::mem::take(&mut new)));
            in_hunk = if is_head { false } else { in_hunk || line.starts_with("@@") };
        }
        if all.len() > MOST {
            return Vec::new();
        }
    }
    all
}

/// The edits between lines that stand in one another's place.
fn in_lines<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Edit<'a>> {
    if old.len().max(new.len()) > ABREAST {
        return Vec::new();
    }
    if old.len() == new.len() {
        return old
            .iter()
            .zip(new)
            .filter(|(old, new)| old != new)
            .filter_map(|(old, new)| between(old, new))
            .collect();
    }
    let one = |before: Option<&'a str>, after: Option<&'a str>| Edit { name: String::new(), before, after };
    let gone = old.iter().filter(|line| !new.contains(line)).map(|line| one(Some(cut(line)), None));
    let come = new.iter().filter(|line| !old.contains(line)).map(|line| one(None, Some(cut(line))));
    gone.chain(come).filter(|edit| edit.before.or(edit.after).is_some_and(|line| !line.is_empty())).collect()
}

fn cut(line: &str) -> &str {
    line.get(..line.floor_char_boundary(LINE)).unwrap_or(line).trim()
}

/// What differs between two lines.
fn between<'a>(old: &'a str, new: &'a str) -> Option<Edit<'a>> {
    let (old, new) = (cut(old), cut(new));
    let (a, b) = (words(old), words(new));
    let same = |(a, b): &(&&str, &&str)| a == b;
    let start = a.iter().zip(&b).take_while(same).count();
    let most = a.len().min(b.len()) - start;
    let end = a.iter().rev().zip(b.iter().rev()).take(most).take_while(same).count();
    let (was, is) = (a.get(start..a.len() - end)?, b.get(start..b.len() - end)?);
    let whole = |words: &[&'a str], text: &'a str| {
        let (first, last) = (words.first()?, words.last()?);
        let from = first.as_ptr() as usize - text.as_ptr() as usize;
        let to = last.as_ptr() as usize + last.len() - text.as_ptr() as usize;
        text.get(from..to)
    };
    if was.len() > WORDS || is.len() > WORDS {
        return Some(Edit { name: String::new(), before: Some(old), after: Some(new) });
    }
    let name = a.get(start.saturating_sub(BEFORE)..start)?.join(" ");
    let edit = Edit { name, before: whole(was, old), after: whole(is, new) };
    (edit.before.is_some() || edit.after.is_some()).then_some(edit)
}

/// The words of a line: what stands between spaces and the signs of shells and data.
pub(super) fn words(line: &str) -> Vec<&str> {
    line.split(|c: char| c.is_whitespace() || "=\"'`,;()[]{}<>|".contains(c) || c == ':')
        .filter(|word| !word.is_empty())
        .collect()
}

/// A number that stands for itself, without a unit.
pub(super) fn plain(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// The items of a list, or the words of a line.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    words(text).into_iter().map(|word| word.trim_matches(['-', '.', '/'])).filter(|word| !word.is_empty())
}

/// Which way a number went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Any,
    /// A limit does harm when it is lowered,
    Down,
    /// a load when it is raised,
    Up,
    /// and some do that change at all.
    Either,
}

impl Edit<'_> {
    /// An amount of what this is of: `1500m` of a processor is one and a half of it.
    fn amount(&self, text: &str) -> Option<f64> {
        let is_cpu = self.name.to_lowercase().contains("cpu");
        match text.trim().strip_suffix('m').filter(|_| is_cpu) {
            Some(number) => plain(number).map(|number| number / 1_000.0),
            None => amount(text),
        }
    }

    /// Which way a number went that this is of.
    pub(super) fn way(&self) -> Option<Way> {
        let (old, new) = (self.before?, self.after?);
        // `-Xmx6g` is an amount with its name before it.
        let same = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b && !a.is_ascii_digit()).count();
        let (before, after) = (self.amount(old.get(same..)?)?, self.amount(new.get(same..)?)?);
        Some(if after < before { Way::Down } else { Way::Up })
    }
}

/// Whether a change is of one number and nothing else.
pub(super) fn is_number(change: &Change) -> bool {
    let is_one = |text: Option<&str>| text.is_some_and(|text| amount(text).is_some());
    is_one(change.before.as_deref()) && is_one(change.after.as_deref())
}

/// Which way a number went that a change is of: the first one's, where there are several.
pub(super) fn moved(change: &Change) -> Option<Way> {
    if change.kind == ChangeKind::Commit {
        return None;
    }
    of(change).iter().find_map(Edit::way)
}

/// A number with its unit, as `512Mi`, `1g`, `30s` or `00:05:00`.
fn amount(text: &str) -> Option<f64> {
    let text = text.trim();
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 1 {
        let parts: Option<Vec<f64>> = parts.iter().map(|part| part.parse().ok()).collect();
        return parts.map(|parts| parts.iter().fold(0.0, |all, part| all * 60.0 + part));
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text.get(..end)?.parse().ok()?;
    let unit = match text.get(end..)?.trim().to_lowercase().as_str() {
        "" | "s" | "b" | "sec" | "seconds" | "bytes" => 1.0,
        "ms" => 0.001,
        "m" | "mb" | "mi" | "mib" => 1e6,
        "min" | "minutes" => 60.0,
        "h" | "hours" => 3_600.0,
        "k" | "kb" | "ki" | "kib" => 1e3,
        "g" | "gb" | "gi" | "gib" => 1e9,
        _ => return None,
    };
    Some(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(details: &str, expected: &[(&str, &str, &str)]) {
        let edits = in_diff(details);
        let told: Vec<(&str, &str, &str)> = edits
            .iter()
            .map(|edit| (edit.name.as_str(), edit.before.unwrap_or("-"), edit.after.unwrap_or("-")))
            .collect();
        assert_eq!(told, expected, "{details}");
    }

    #[test]
    fn an_edit_is_the_words_that_differ_and_what_says_what_they_are() {
        check(
            "@@ -1 +1 @@\n-kafka-topics --create --replication-factor 3\n+kafka-topics --create --replication-factor 5\n",
            &[("kafka-topics --create --replication-factor", "3", "5")],
        );
        check("@@ -1 +1 @@\n-export ENC=WIN1252\n+export ENC=UTF8\n b\n", &[("export ENC", "WIN1252", "UTF8")]);
        check("@@ -1 +1 @@\n-npm ci\n+npm ci --omit=dev\n", &[("npm ci", "-", "--omit=dev")]);
        check("@@ -1,1 +1,2 @@\n a\n+set -u\n", &[("", "-", "set -u")]);
        check(
            "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-  t: 30\n+  t: 5\n--- a/y\n+++ b/y\n@@ -1 +0 @@\n-z\n",
            &[("t", "30", "5"), ("", "z", "-")],
        );
    }

    #[test]
    fn what_is_too_much_is_no_matter_of_words() {
        let many: String = (0..100).map(|at| format!("+line {at}\n")).collect();
        check(&format!("@@ -1 +1 @@\n{many}"), &[]);
        check("", &[]);
    }
}

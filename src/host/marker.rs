//! The step that a line of a plain log belongs to, by the marks with which hosts begin one.
//! To add a host's mark, add a row.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::Log;

/// Whose mark, and what it looks like after time and colors; the step's name is the first group that takes part.
const MARKS: [(&str, &str); 9] = [
    ("GitHub Actions", r"^##\[group\](?:Run )?(\S.*)$"),
    ("Azure Pipelines", r"^##\[section\]Starting: (\S.*)$"),
    ("GitLab", r"^section_start:\d+:([\w.-]+)"),
    ("Jenkins", r"^\[Pipeline\] \{ \((.+)\)$"),
    ("TeamCity", r"^(?:\[[^\]]*\]\s*)?Step \d+/\d+: (\S.*)$"),
    ("Buildkite", r"^(?:---|\+\+\+|~~~) (\S.*)$"),
    ("Travis CI", r"^(?:travis_(?:fold|time):start:\S+\s*)?\$ (\S.*)$"),
    ("CircleCI", r"^(?:====>> |#!/bin/bash -eo pipefail\s*)(\S.*)$"),
    ("Docker", r"^(?:Step \d+/\d+ : |#\d+ \[[^\]]*\d+/\d+\] )(\S.*)$"),
];

static PATTERNS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| MARKS.iter().filter_map(|(_, mark)| Regex::new(mark).ok()).collect());

/// A time at the beginning of a line, as many hosts put one there.
static TIME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?:Z|[+-]\d\d:?\d\d)?\]? ").ok());

/// Lines that are looked through for a mark.
const REACH: usize = 200_000;

/// The name of the step that the line at `index` belongs to: what the nearest mark before it says.
#[must_use]
pub fn step_of(log: &Log, index: usize) -> Option<String> {
    let end = (index + 1).min(log.lines.len());
    (end.saturating_sub(REACH)..end).rev().find_map(|index| name(log.line(index)))
}

fn name(line: &str) -> Option<String> {
    let line = line.get(..line.floor_char_boundary(300)).unwrap_or(line);
    let line = TIME.as_ref().and_then(|time| time.find(line)).and_then(|time| line.get(time.end()..)).unwrap_or(line);
    let captures = PATTERNS.iter().find_map(|mark| mark.captures(line))?;
    captures.get(1).map(|name| name.as_str().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::plain;

    #[test]
    fn every_mark_is_a_pattern() {
        assert_eq!(PATTERNS.len(), MARKS.len());
        assert!(TIME.is_some());
    }

    #[test]
    fn a_line_belongs_to_the_nearest_mark_before_it() {
        for (mark, expected) in [
            ("2026-02-10T03:11:44.1234567Z ##[group]Run npm test", Some("npm test")),
            ("##[section]Starting: Build solution", Some("Build solution")),
            ("section_start:1560896352:my_job[collapsed=true]", Some("my_job")),
            ("[Pipeline] { (Deploy)", Some("Deploy")),
            ("[03:11:44] Step 2/3: Deploy (Command Line)", Some("Deploy (Command Line)")),
            ("--- Running tests", Some("Running tests")),
            ("$ bundle exec rake", Some("bundle exec rake")),
            ("travis_time:start:0fca\u{20}$ make", Some("make")),
            ("Step 3/9 : RUN make", Some("RUN make")),
            ("nothing of the kind", None),
            ("-----------", None),
        ] {
            let text = format!("##[group]\n{mark}\nworking\nerror: no\n");
            let log = plain(text.as_bytes()).unwrap_or_default();
            assert_eq!(step_of(&log, 3).as_deref(), expected, "{mark}");
        }
        assert_eq!(step_of(&Log::default(), 7), None);
    }
}

//! Earlier issues of a repository on GitHub that may speak of the same failure, found by one search.
//!
//! Off unless the user says where to look: a search sends words of the log out. Only words of the sealed case come in here.

use std::collections::BTreeMap;
use std::time::Instant;

use jiff::Timestamp;
use serde::Deserialize;

use super::ask::{Place, Trouble, ask};
use super::github::{self, Issue};
use super::{Choice, Forge, Issues, PATIENCE, SHARE, find, plain};
use crate::http::Http;
use crate::model::{Change, Note, Stage};

/// The most that a query may hold beside what names the repository; the search allows 256 characters and five `OR`s.
const LONGEST: usize = 150;
/// The most words that are searched for.
pub const WORDS: usize = 6;
/// Issues that are looked at.
const MOST: &str = "20";

/// An issue that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Where it is, such as `example/shop#12, closed on 2026-02-09`.
    pub place: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub text: String,
    /// Its address.
    pub url: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    items: Vec<Issue>,
}

/// Issues with some of `words`, which must be masked. Trouble costs a note.
pub fn search(words: &[String], changes: &[Change], choice: &Choice, http: &Http, notes: &mut Vec<Note>) -> Vec<Found> {
    let Some(issues) = choice.issues.as_ref().filter(|_| !choice.off && !words.is_empty()) else { return Vec::new() };
    let mut note = |text: String| notes.push(Note { stage: Stage::Collect, text: format!("earlier issues: {text}") });
    let Some((forge, repository)) = place(issues, changes, &choice.forges) else {
        if *issues == Issues::OfTheCommits {
            note("no commit or work item is on GitHub, so there is no repository to search".to_owned());
        }
        return Vec::new();
    };
    let end = Instant::now() + PATIENCE.min(http.left() / SHARE);
    let call = |url, form| ask(http, forge.proof(), url, form, end);
    let found = ask_for(&Place { address: &forge.address, ask: &call }, &repository, words);
    found.unwrap_or_else(|trouble| {
        note(format!("{repository} could not be searched: {}", trouble.told(forge)));
        Vec::new()
    })
}

/// The host and repository to search.
fn place<'a>(issues: &Issues, changes: &[Change], forges: &'a [Forge]) -> Option<(&'a Forge, String)> {
    match issues {
        Issues::In(repository) => {
            Some((forges.iter().find(|forge| forge.dialect.name == "github")?, repository.clone()))
        }
        Issues::OfTheCommits => {
            let mut count: BTreeMap<String, (usize, &Forge)> = BTreeMap::new();
            let links = changes.iter().filter_map(|change| change.url.as_deref());
            for (forge, _, thing) in links.filter_map(|link| find(forges, link)) {
                if forge.dialect.name == "github" {
                    count.entry(thing.project.join("/")).or_insert((0, forge)).0 += 1;
                }
            }
            let (repository, (_, forge)) = count.into_iter().max_by_key(|(_, (count, _))| *count)?;
            Some((forge, repository))
        }
    }
}

/// Whether `text` names a repository, as `OWNER/REPO`.
#[must_use]
pub fn is_repository(text: &str) -> bool {
    text.split_once('/').is_some_and(|(owner, repo)| plain(owner) && plain(repo))
}

fn ask_for(place: &Place<'_>, repository: &str, words: &[String]) -> Result<Vec<Found>, Trouble> {
    let query = query(repository, words);
    let api = github::api(place.address);
    let fields = [("q", query.as_str()), ("per_page", MOST), ("advanced_search", "true")];
    let answer: Result<Answer, Trouble> = place.json(&api, &["search", "issues"], &fields);
    // So it says of a repository that is not there, or hidden from who asks.
    let hidden = |trouble| if trouble == Trouble::Status(422) { Trouble::Missing } else { trouble };
    let answer = answer.map_err(hidden)?;
    Ok(answer.items.into_iter().map(|issue| found(repository, issue)).collect())
}

/// Any of the words, in issues of the repository.
fn query(repository: &str, words: &[String]) -> String {
    let mut alternatives = String::new();
    for word in words.iter().take(WORDS) {
        if alternatives.len() + word.len() > LONGEST {
            continue;
        }
        // A word of a query is one of the log: nothing in it may be taken for an operator.
        let word: String = word.chars().filter(|c| c.is_alphanumeric() || "._-".contains(*c)).collect();
        alternatives.push_str(if alternatives.is_empty() { "" } else { " OR " });
        alternatives.push_str(&format!("\"{word}\""));
    }
    format!("repo:{repository} is:issue ({alternatives})")
}

fn found(repository: &str, issue: Issue) -> Found {
    let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
    let state = match (issue.closed_at, issue.state) {
        (Some(when), _) => format!(", closed on {}", day(when)),
        (None, Some(state)) => format!(", {state}"),
        (None, None) => String::new(),
    };
    Found {
        place: format!("{repository}#{}{state}", issue.number),
        title: issue.title,
        text: issue.body.unwrap_or_default(),
        url: issue.html_url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_words_and_no_operators() {
        let words: Vec<String> =
            ["ghcr.io", "too\"many) OR repo:x", "a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        assert_eq!(
            query("example/shop", &words),
            "repo:example/shop is:issue (\"ghcr.io\" OR \"toomanyORrepox\" OR \"a\" OR \"b\" OR \"c\" OR \"d\")"
        );
        let long = vec!["x".repeat(200), "short".to_owned()];
        assert_eq!(query("o/r", &long), "repo:o/r is:issue (\"short\")");
    }
}

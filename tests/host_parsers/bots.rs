//! Bots that read comments: an order at a line's start, in code or not, and those that listen to their name anywhere.
//! After the documents of Prow (`/retest`), Azure Pipelines (`/azp run`), bors (`bors r+`) and Dependabot (`@dependabot merge`).

use std::sync::LazyLock;

use regex::Regex;

use super::{Command, text};

static ORDER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?mRi)^[ \t>*+-]*(?:(@[a-z][\w-]*)|(bors)[ \t]+\S|^/([a-z][\w-]*)(?:\s|$))").unwrap()
});
static CALLED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)@(?:dependabot|renovate|mergifyio|copilot)\b").unwrap());

/// The orders in a comment, by the names of who is ordered.
pub fn orders(comment: &[u8]) -> Vec<Command> {
    let text = text(comment);
    let of_line = ORDER.captures_iter(&text).filter_map(|found| {
        let word = found.iter().skip(1).flatten().next()?;
        Some(Command::new(word.as_str().to_lowercase(), &found[0]))
    });
    let called = CALLED.find_iter(&text).map(|found| Command::new(found.as_str().to_lowercase(), ""));
    let mut found: Vec<Command> = of_line.chain(called).collect();
    found.dedup_by(|a, b| a.name == b.name);
    found
}

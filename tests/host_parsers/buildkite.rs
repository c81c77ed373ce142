//! Buildkite: groups at a line's start, and sequences that show images and links or tell the page something.
//! After `buildkite/agent`, `header_times_streamer.go`, and `buildkite/terminal-to-html`, `parser.go` and `element.go`.

use std::sync::LazyLock;

use regex::Regex;

use super::{Command, text};

static COLOR: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\x1b\[[;\d]*[mK]").unwrap());
static GROUP: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(---|\+\+\+|~~~)\s").unwrap());
static OPENED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\^\^\^\s+\+\+\+\s*$").unwrap());

/// Groups by their marks, then `image`, `link`, `apc`; and `swallowed` for a sequence that no bell ends: it takes the rest of the
/// log with it.
pub fn commands(output: &[u8]) -> Vec<Command> {
    let text = text(output);
    let mut found = sequences(&text);
    for line in text.split(['\n', '\r']) {
        let line = COLOR.replace_all(line, "");
        let mark = GROUP.captures(&line).map(|mark| mark[1].to_owned());
        let mark = mark.or_else(|| OPENED.is_match(&line).then(|| "^^^".to_owned()));
        found.extend(mark.map(|mark| Command::new(mark, line.clone())));
    }
    found
}

fn sequences(text: &str) -> Vec<Command> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('\u{1b}') {
        rest = after;
        let Some(inside) = after.strip_prefix([']', '_']) else { continue };
        let Some((told, tail)) = inside.split_once('\u{7}') else {
            found.push(Command::new("swallowed", inside));
            break;
        };
        rest = tail;
        let name = if after.starts_with('_') {
            told.starts_with("bk;").then_some("apc")
        } else {
            let kinds = [("1337;File=", "image"), ("1338;", "image"), ("1339;", "link")];
            kinds.into_iter().find(|(start, _)| told.starts_with(start)).map(|(_, name)| name)
        };
        found.extend(name.map(|name| Command::new(name, told)));
    }
    found
}

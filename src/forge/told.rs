//! What a host told of a commit or work item, and how it is written down: message, files, patches, within a limit.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;

use super::Trouble;
use super::diff;

/// The most of a title.
pub(super) const TITLE: usize = 200;
/// Bytes of one file's patch that are kept, so that one file does not crowd out the others.
const OF_A_FILE: usize = 16 << 10;
/// Bytes of a message or an issue's text that are kept.
const OF_A_TEXT: usize = 8 << 10;
/// Files that are listed.
const FILES: usize = 100;

/// A commit or work item, as far as it was told.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Told {
    /// Its subject or title.
    pub(super) title: String,
    /// The rest of the message, or the text.
    pub(super) text: String,
    pub(super) state: Option<String>,
    pub(super) who: Option<String>,
    pub(super) when: Option<Timestamp>,
    pub(super) files: Vec<File>,
    /// Why the files are missing.
    pub(super) missing: Option<Trouble>,
}

impl Told {
    /// A commit by its message.
    pub(super) fn commit(message: &str, who: Option<String>, when: Option<Timestamp>) -> Self {
        let (title, text) = message.trim().split_once('\n').unwrap_or((message.trim(), ""));
        let who = who.filter(|who| !who.trim().is_empty());
        Self { title: title.trim().to_owned(), text: text.trim().to_owned(), who, when, ..Self::default() }
    }
}

/// A file as an API gives it inside JSON: its bytes in base64.
#[derive(Deserialize)]
pub(super) struct Encoded {
    #[serde(default)]
    content: String,
}

impl Encoded {
    /// The text; an error for anything else than UTF-8.
    pub(super) fn told(&self) -> Result<Told, Trouble> {
        let plain: String = self.content.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(plain).map_err(|_| Trouble::Unreadable)?;
        let text = String::from_utf8(bytes).map_err(|_| Trouble::Unreadable)?;
        Ok(Told { text, ..Told::default() })
    }
}

/// A file that a commit touched.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct File {
    pub(super) path: String,
    /// What it was called before, if otherwise.
    pub(super) before: Option<String>,
    pub(super) status: Status,
    /// Lines added and removed; `None` where nobody counted.
    pub(super) counts: Option<(usize, usize)>,
    /// The hunks of a unified diff, without the lines that name the file.
    pub(super) hunks: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Status {
    Added,
    #[default]
    Modified,
    Removed,
}

/// All that is known of a change: what the run's own host said of it, and what was told.
pub(super) fn details(known: &str, told: &Told, most: usize) -> String {
    let mut out = String::new();
    let mut add = |text: &str| {
        if !text.is_empty() {
            out.push_str(if out.is_empty() { "" } else { "\n\n" });
            out.push_str(text);
        }
    };
    let text = cut(told.text.trim(), OF_A_TEXT.min(most));
    if known.contains(told.text.trim()) {
        add(known.trim());
    } else {
        // The run's own host often knows only the first lines of the same message.
        add(&text);
        add(if text.contains(known.trim()) { "" } else { known.trim() });
    }
    add(&told.state.as_ref().map(|state| format!("State: {state}")).unwrap_or_default());
    if !told.files.is_empty() {
        add(&list(&told.files));
        let room = most.saturating_sub(out.len());
        let patches = patches(&told.files, room);
        if !patches.is_empty() {
            out.push_str("\n\n");
            out.push_str(&patches);
        }
    }
    cut(out.trim_end(), most)
}

fn list(files: &[File]) -> String {
    let mut out = "Files:".to_owned();
    for file in files.iter().take(FILES) {
        let status = match file.status {
            Status::Added => " (new)",
            Status::Modified => "",
            Status::Removed => " (removed)",
        };
        let counts = file.counts.map(|(added, removed)| format!(" +{added} -{removed}")).unwrap_or_default();
        let before = file.before.as_ref().map(|before| format!(" (was {before})")).unwrap_or_default();
        let _ = write!(out, "\n{}{counts}{status}{before}", file.path);
    }
    if files.len() > FILES {
        let _ = write!(out, "\nand {} more", files.len() - FILES);
    }
    out
}

/// The patches that fit into `most` bytes, those that people write before those that tools do.
fn patches(files: &[File], most: usize) -> String {
    let mut files: Vec<&File> = files.iter().filter(|file| !file.hunks.is_empty()).collect();
    files.sort_by_key(|file| diff::is_made_by_a_tool(&file.path));
    let mut out = String::new();
    let mut left = 0;
    for file in files {
        let (before, after) = (file.before.as_ref().unwrap_or(&file.path), &file.path);
        let before = if file.status == Status::Added { "/dev/null".to_owned() } else { format!("a/{before}") };
        let after = if file.status == Status::Removed { "/dev/null".to_owned() } else { format!("b/{after}") };
        let hunks = if diff::holds_a_key(file) {
            // Half of a key would no longer look like what the redactor masks.
            "(not shown: it holds what looks like a key)".to_owned()
        } else {
            cut(file.hunks.trim_end_matches('\n'), OF_A_FILE)
        };
        let patch = format!("--- {before}\n+++ {after}\n{hunks}\n");
        if out.len() + patch.len() <= most {
            out.push_str(&patch);
        } else {
            left += 1;
        }
    }
    if left > 0 {
        let _ = writeln!(out, "… {left} more {} not shown …", if left == 1 { "patch" } else { "patches" });
    }
    out
}

/// `details` with the patches that hold the most of `words` first, so that what is cut is not what tells.
pub(super) fn with_first(details: &str, words: &[String]) -> String {
    let is_start = |line: &str| line.starts_with("--- a/") || line == "--- /dev/null";
    let mut parts: Vec<String> = vec![String::new()];
    let mut lines = details.lines().peekable();
    while let Some(line) = lines.next() {
        if is_start(line) && lines.peek().is_some_and(|next| next.starts_with("+++ ")) {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    let Some((head, patches)) = parts.split_first_mut() else { return details.to_owned() };
    // Of `Totals.cs:line 42` a patch holds the name of the file.
    let words: Vec<String> = words
        .iter()
        .map(|word| word.split([':', '(', '"', '\'', ' ', ',']).next().unwrap_or(word).to_lowercase())
        .filter(|word| !word.is_empty())
        .collect();
    patches.sort_by_cached_key(|patch| {
        let patch = patch.to_lowercase();
        std::cmp::Reverse(words.iter().filter(|word| patch.contains(word.as_str())).count())
    });
    format!("{head}{}", patches.concat()).trim_end_matches('\n').to_owned()
}

/// `text` up to the last line that ends within `most` bytes, and how many lines follow.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let kept = text.get(..text.floor_char_boundary(most)).unwrap_or_default();
    let kept = kept.rsplit_once('\n').map_or("", |(kept, _)| kept);
    let rest = text.lines().count() - kept.lines().count();
    format!("{kept}\n… {rest} more {} …", if rest == 1 { "line" } else { "lines" }).trim_start().to_owned()
}

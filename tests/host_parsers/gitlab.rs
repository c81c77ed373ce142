//! GitLab: sections in a job's log, quick actions in a note, and the files that a job may leave.
//! After GitLab's `lib/gitlab/regex.rb`, `lib/gitlab/quick_actions/extractor.rb`, `app/services/ci/parse_dotenv_artifact_service.rb`
//! and `lib/expand_variables.rb`.

use std::sync::LazyLock;

use regex::Regex;

use super::{Command, text};

static SECTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"section_(start|end):(\d+):([a-zA-Z0-9_.-]+)(\[\w+=\w+(?:, ?\w+=\w+)*\])?\r\x1b\[0K").unwrap()
});
static QUICK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^/([A-Za-z_]+)(?: ([^\n]*))?(?:\s*\n|$)").unwrap());
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\$[a-zA-Z_][a-zA-Z0-9_]*|\$\{[a-zA-Z_][a-zA-Z0-9_]*\}|%[a-zA-Z_][a-zA-Z0-9_]*%").unwrap()
});

/// Where sections begin (`start`) and end (`end`); the data is the section's name.
pub fn sections(trace: &[u8]) -> Vec<Command> {
    SECTION.captures_iter(&text(trace)).map(|found| Command::new(&found[1], &found[3])).collect()
}

/// The orders in a note. GitLab does not look into code, quotations and HTML; that is not relied on, nor on its list of names.
pub fn quick_actions(note: &[u8]) -> Vec<Command> {
    let note = text(note).replace('\r', "");
    let order = |found: regex::Captures| {
        Command::new(
            found[1].to_ascii_lowercase(),
            found.get(2).map(|arguments| arguments.as_str()).unwrap_or_default(),
        )
    };
    QUICK.captures_iter(&note).map(order).collect()
}

/// The variables of a file of the report `dotenv`, or what is wrong with it: nothing of it is taken then.
pub fn dotenv(file: &[u8]) -> Result<Vec<(String, String)>, String> {
    if file.len() >= 5 << 10 {
        return Err(format!("{} bytes", file.len()));
    }
    let text = text(file);
    let pair = |line: &str| {
        let (key, value) = line.split_once('=').ok_or_else(|| format!("no variable: {line:?}"))?;
        Ok((key.trim().to_owned(), value.trim().to_owned()))
    };
    text.split_terminator('\n').map(pair).collect()
}

/// The variables that GitLab would put into `value` when a later job gets it: secrets among them.
pub fn expanded(value: &str) -> Vec<String> {
    VARIABLE.find_iter(value).map(|found| found.as_str().to_owned()).collect()
}

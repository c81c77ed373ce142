//! What each host would obey in what a step prints or writes: a model of each host's own parser.
//!
//! Bytes go in, the commands that the host would obey come out, in order. The one rule: a model follows the host's own source or
//! documents, named at its file's head; where those leave a doubt it sees more commands than the host would, never fewer.
//! `vectors.toml` says which of them each hostile text reaches when it is printed as it is. Smallest example: `azure`.
//! Octopus's two parsers are in `step_host/parsers.rs`.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "a module of tests has no outside")]
#![allow(clippy::unwrap_used, clippy::must_use_candidate, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

pub mod azure;
pub mod bots;
pub mod buildkite;
pub mod github;
pub mod gitlab;
#[path = "../step_host/parsers.rs"]
pub mod octopus;
pub mod teamcity;
pub mod texts;

/// What a host was told to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    pub name: String,
    pub properties: BTreeMap<String, String>,
    pub data: String,
}

impl Command {
    pub fn new(name: impl Into<String>, data: impl Into<String>) -> Self {
        Self { name: name.into(), properties: BTreeMap::new(), data: data.into() }
    }

    pub fn property(&self, name: &str) -> &str {
        self.properties.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// A parser of what is printed.
pub type Parser = fn(&[u8]) -> Vec<Command>;

/// Every parser by its host's name. CircleCI, Bitbucket and Jenkins itself obey nothing.
pub const PARSERS: &[(&str, Parser)] = &[
    ("github", github::commands),
    ("gitlab", gitlab::sections),
    ("azure", azure::commands),
    ("teamcity", teamcity::messages),
    ("buildkite", buildkite::commands),
    ("octopus-server", |bytes| named(octopus::server(&text(bytes)).recognized)),
    ("octopus-calamari", |bytes| {
        named(octopus::calamari(&text(bytes)).into_iter().map(|message| message.name).collect())
    }),
];

/// Every parser of comments.
pub const OF_COMMENTS: &[(&str, Parser)] = &[("gitlab-note", gitlab::quick_actions), ("bots", bots::orders)];

pub fn parser(name: &str) -> Parser {
    PARSERS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no parser {name}")).1
}

/// The names of `commands`.
pub fn names(commands: &[Command]) -> Vec<String> {
    commands.iter().map(|command| command.name.clone()).collect()
}

fn named(names: Vec<String>) -> Vec<Command> {
    names.into_iter().map(|name| Command::new(name, "")).collect()
}

/// As all of the hosts decode: what is no UTF-8 is replaced.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lines as .NET cuts them: at a lone carriage return too.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\r'])
}

/// A line as it is, and without what .NET leaves out of a comparison that follows a culture's rules, as `IndexOf` and `StartsWith`
/// of a text do: characters that nobody sees. Such a match begins at another place, where the runners then find no name; that is
/// not relied on.
fn seen(line: &str) -> [String; 2] {
    let invisible = |c: char| {
        c == '\u{ad}'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
            || (c.is_control() && !c.is_whitespace() && c != '\u{1b}')
    };
    [line.to_owned(), line.chars().filter(|c| !invisible(*c)).collect()]
}

/// `key=value` pairs between `between`, each value through `decode`; what is no pair is left out.
fn properties(text: &str, between: char, decode: fn(&str) -> String) -> BTreeMap<String, String> {
    let pairs = text.split(between).filter_map(|pair| pair.split_once('='));
    pairs.filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_owned(), decode(value))).collect()
}

/// `text` with each first of `escapes` turned into its second, in their order.
fn unescaped(text: &str, escapes: &[(&str, &str)]) -> String {
    escapes.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

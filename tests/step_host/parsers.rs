//! The two parsers that read what a step prints: the server's, which makes the log, and Calamari's, which keeps variables.
//!
//! Lines of a step's output come in; what each parser makes of them goes out. `service-messages.*` beside this file says how
//! both read the same text; `tests/parsers.rs` holds them to it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const LABEL: &str = "##octopus";

/// A message: its name, and its attributes decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
}

impl Message {
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// A file that a step asked to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    pub path: String,
    pub name: String,
    pub length: u64,
}

/// What the server makes of a step's output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Level and text of each line of the log.
    pub log: Vec<(String, String)>,
    pub progress: Vec<(u32, String)>,
    pub variables: BTreeMap<String, String>,
    pub sensitive: Vec<String>,
    pub artifacts: Vec<Artifact>,
    pub masks: Vec<String>,
    pub result_message: Option<String>,
    /// The names of all messages, in order.
    pub recognized: Vec<String>,
}

impl View {
    /// The texts of the log's lines at `level`.
    pub fn at(&self, level: &str) -> Vec<&str> {
        self.log.iter().filter(|(known, _)| known == level).map(|(_, text)| text.as_str()).collect()
    }
}

/// The server's parser: a message begins a line, or directly follows another; an unclosed one is remembered.
pub fn server(output: &str) -> View {
    let mut view = View::default();
    let mut mode = "Info".to_owned();
    let mut inside = false;
    let mut buffer = String::new();
    for line in output.split('\n') {
        for c in line.chars() {
            if inside {
                if c == ']' {
                    inside = false;
                    let text = std::mem::take(&mut buffer);
                    if let Some(message) = parse(&text) {
                        obey(&mut view, &mut mode, &message);
                    } else {
                        let shown = text.trim().trim_start_matches('[').to_owned();
                        view.log.push(("Warning".to_owned(), format!("Could not parse '##octopus[{shown}]'")));
                        "Info".clone_into(&mut mode);
                    }
                } else {
                    buffer.push(c);
                }
            } else if c != '\r' {
                buffer.push(c);
                if buffer == LABEL {
                    buffer.clear();
                    inside = true;
                }
            }
        }
        // After each line what is buffered is shown, and the state stays as it is.
        let text = std::mem::take(&mut buffer);
        if !text.is_empty() && mode != "ignore" {
            view.log.push((mode.clone(), text));
        }
    }
    view
}

fn obey(view: &mut View, mode: &mut String, message: &Message) {
    view.recognized.push(message.name.clone());
    match message.name.as_str() {
        "stdout-default" => "Info".clone_into(mode),
        "stdout-verbose" => "Verbose".clone_into(mode),
        "stdout-highlight" => "Highlight".clone_into(mode),
        "stdout-warning" => "Warning".clone_into(mode),
        "stdout-error" => "Error".clone_into(mode),
        "stdout-wait" => "Wait".clone_into(mode),
        "stdout-ignore" => "ignore".clone_into(mode),
        "setVariable" => {
            let name = message.get("name").to_owned();
            if message.get("sensitive").eq_ignore_ascii_case("true") {
                view.sensitive.push(name.clone());
            }
            view.variables.insert(name, message.get("value").to_owned());
        }
        "createArtifact" => view.artifacts.push(Artifact {
            path: message.get("path").to_owned(),
            name: message.get("name").to_owned(),
            length: message.get("length").parse().unwrap_or(0),
        }),
        "progress" => {
            view.progress.push((message.get("percentage").parse().unwrap_or(0), message.get("message").to_owned()));
        }
        "mask" => view.masks.push(message.get("value").to_owned()),
        "resultMessage" => view.result_message = Some(message.get("message").to_owned()),
        _ => {}
    }
}

/// Calamari's parser: a label anywhere, even over the end of a line; the first message of a line alone.
pub fn calamari(output: &str) -> Vec<Message> {
    let label: Vec<char> = LABEL.chars().collect();
    let mut found = Vec::new();
    let mut matched = 0;
    let mut inside = false;
    let mut buffer = String::new();
    for line in output.split('\n') {
        for c in line.trim_end_matches('\r').chars() {
            if inside {
                if c == ']' {
                    inside = false;
                    if let Some(message) = parse(&std::mem::take(&mut buffer)) {
                        found.push(message);
                        break;
                    }
                } else {
                    buffer.push(c);
                }
            } else if label.get(matched) == Some(&c) {
                matched += 1;
                if matched == label.len() {
                    matched = 0;
                    inside = true;
                    buffer.clear();
                }
            } else {
                // A failed start is dropped with the character that ended it.
                matched = 0;
            }
        }
    }
    found
}

/// What stands between label and bracket, read as an XML element with base64 in its attributes.
fn parse(text: &str) -> Option<Message> {
    let text = text.trim().trim_start_matches('[').replace(['\r', '\n'], "");
    let word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut rest = text.as_str();
    let name: String = rest.chars().take_while(|c| word(*c)).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    rest = rest.strip_prefix(&name)?;
    let mut attributes = BTreeMap::new();
    loop {
        let trimmed = rest.trim_start();
        if trimmed.is_empty() {
            return Some(Message { name, attributes });
        }
        if trimmed.len() == rest.len() {
            return None;
        }
        let (key, after) = trimmed.split_once('=')?;
        let key = key.trim_end();
        if key.is_empty() || !key.chars().all(word) {
            return None;
        }
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| "'\"".contains(*c))?;
        let (value, tail) = after.strip_prefix(quote)?.split_once(quote)?;
        let value = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
        attributes.insert(key.to_owned(), value);
        rest = tail;
    }
}

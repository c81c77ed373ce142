//! TeamCity: `##teamcity[name 'value']` and `##teamcity[name key='value' …]`, anywhere in a line.
//! After `JetBrains/teamcity-documentation`, `service-messages.md`, and the reader in `JetBrains/TeamCity.ServiceMessages`.

use std::collections::BTreeMap;

use super::{Command, text};

/// The messages that are obeyed. Between `disableServiceMessages` and `enableServiceMessages` none is but the latter.
pub fn messages(output: &[u8]) -> Vec<Command> {
    let mut found = Vec::new();
    let mut disabled = false;
    for line in text(output).split(['\n', '\r']) {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once("##teamcity[") {
            rest = after;
            let Some((message, tail)) = message(after) else { continue };
            rest = tail;
            if !disabled || message.name == "enableServiceMessages" {
                disabled = message.name == "disableServiceMessages";
                found.push(message);
            }
        }
    }
    found
}

/// What follows the label: a name, then one value or several named ones; and what stands behind it.
fn message(text: &str) -> Option<(Command, &str)> {
    let end = text.find(|c: char| c.is_whitespace() || c == ']')?;
    let (name, mut rest) = text.split_at(end);
    let mut command = Command::new(name, "");
    let mut properties = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if let Some(tail) = rest.strip_prefix(']') {
            command.properties = properties;
            return (!name.is_empty()).then_some((command, tail));
        }
        if rest.starts_with('\'') {
            (command.data, rest) = value(rest)?;
            continue;
        }
        let (key, after) = rest.split_once('=')?;
        let (value, after) = value(after.trim_start())?;
        properties.insert(key.trim().to_owned(), value);
        rest = after;
    }
}

/// A value in quotation marks, its escapes undone; and what stands behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('\'')?;
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => return Some((value, text.get(at + 1..)?)),
            '|' => match chars.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                '0' => {
                    let code: String = chars.by_ref().skip(1).take(4).map(|(_, c)| c).collect();
                    value.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                }
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

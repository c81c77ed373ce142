//! GitHub's runner: commands in both notations, and the files that a step may write.
//! After `actions/runner`: `ActionCommand.cs`, `ActionCommandManager.cs`, `FileCommandManager.cs`.

use super::{Command, lines, properties, seen, text, unescaped};

const STOP: &str = "stop-commands";
const REGISTERED: [&str; 15] = [
    STOP,
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "warning",
];

/// The commands that are obeyed. While commands are stopped only the token that was given counts.
pub fn commands(output: &[u8]) -> Vec<Command> {
    let mut found = Vec::new();
    let mut stopped: Option<String> = None;
    for line in lines(&text(output)) {
        let registered = |name: &str| {
            let same = |known: &str| known.eq_ignore_ascii_case(name);
            REGISTERED.into_iter().any(same) || stopped.as_deref().is_some_and(same)
        };
        let read = |line: &String| second(line, registered).or_else(|| first(line, registered));
        let Some(command) = seen(line).iter().find_map(read) else { continue };
        match &stopped {
            Some(token) if command.name.eq_ignore_ascii_case(token) => stopped = None,
            Some(_) => {}
            None => {
                if command.name.eq_ignore_ascii_case(STOP) {
                    stopped = Some(command.data.clone());
                }
                found.push(command);
            }
        }
    }
    found
}

/// `::name key=value,key=value::data`, with nothing but white space before it.
fn second(line: &str, registered: impl Fn(&str) -> bool) -> Option<Command> {
    let (about, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let (name, rest) = about.split_once(' ').unwrap_or((about, ""));
    let escapes = [("%0D", "\r"), ("%0A", "\n"), ("%25", "%")];
    let value = |text: &str| unescaped(text, &[("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")]);
    registered(name).then(|| Command {
        name: name.to_ascii_lowercase(),
        properties: properties(rest.trim(), ',', value),
        data: unescaped(data, &escapes),
    })
}

/// `##[name key=value;key=value]data`, the first `##[` anywhere in the line.
fn first(line: &str, registered: impl Fn(&str) -> bool) -> Option<Command> {
    let (about, data) = line.split_once("##[")?.1.split_once(']')?;
    let (name, rest) = about.split_once(' ').unwrap_or((about, ""));
    let value = |text: &str| unescaped(text, &[("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%")]);
    registered(name).then(|| Command {
        name: name.to_ascii_lowercase(),
        properties: properties(rest, ';', value),
        data: value(data),
    })
}

/// The outputs in a file that was given as `GITHUB_OUTPUT`, or what is wrong with it: that fails the step.
pub fn outputs(file: &[u8]) -> Result<Vec<(String, String)>, String> {
    let text = text(file);
    let mut lines = text.split_terminator('\n');
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let equals = line.find('=');
        match (equals, line.find("<<")) {
            (Some(equals), heredoc) if heredoc.is_none_or(|heredoc| equals < heredoc) => {
                let (name, value) = line.split_once('=').unwrap();
                if name.is_empty() {
                    return Err(format!("no name: {line}"));
                }
                found.push((name.to_owned(), value.to_owned()));
            }
            (_, Some(_)) => {
                let (name, end) = line.split_once("<<").unwrap();
                if name.is_empty() || end.is_empty() {
                    return Err(format!("no name or no delimiter: {line}"));
                }
                let mut value = Vec::new();
                loop {
                    match lines.next() {
                        Some(line) if line == end => break,
                        Some(line) => value.push(line),
                        None => return Err(format!("the delimiter {end} is missing")),
                    }
                }
                found.push((name.to_owned(), value.join("\n")));
            }
            _ => return Err(format!("neither a value nor a delimiter: {line}")),
        }
    }
    Ok(found)
}

/// The page that a file given as `GITHUB_STEP_SUMMARY` becomes, or why there is none.
pub fn summary(file: &[u8]) -> Result<String, String> {
    let most = 1 << 20;
    if file.len() > most { Err(format!("{} bytes", file.len())) } else { Ok(text(file)) }
}

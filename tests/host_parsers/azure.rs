//! The agent of Azure Pipelines: `##vso[area.event key=value;key=value]data`, the first one anywhere in a line.
//! After `microsoft/azure-pipelines-agent`: `Command.cs`, `WorkerCommandManager.cs`. A line with `##vso` that is no command leaves
//! a warning in the task, which counts here as a command of the name `warned`.

use super::{Command, lines, properties, seen, text, unescaped};

pub fn commands(output: &[u8]) -> Vec<Command> {
    let read = |line: &String| {
        let warned = || line.contains("##vso").then(|| Command::new("warned", line.clone()));
        command(line).or_else(warned)
    };
    lines(&text(output)).filter_map(|line| seen(line).iter().find_map(read)).collect()
}

fn command(line: &str) -> Option<Command> {
    let (about, data) = line.split_once("##vso[")?.1.split_once(']')?;
    let (name, rest) = about.split_once(' ').unwrap_or((about, ""));
    let parts: Vec<&str> = name.split('.').filter(|part| !part.is_empty()).collect();
    let [area, event] = parts.as_slice() else { return None };
    let value =
        |text: &str| unescaped(text, &[("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%AZP25", "%")]);
    Some(Command {
        name: format!("{area}.{event}").to_ascii_lowercase(),
        properties: properties(rest, ';', value),
        data: value(data),
    })
}

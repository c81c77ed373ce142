//! Which step reads a variable: what its script, settings or inputs say it takes, also by way of another variable's value.

use serde_json::Value;

use super::super::wire::{Process, ProcessStep};
use crate::model::{Change, ChangeKind, Log};

/// A value may name another variable, and that one a third.
const ROUNDS: usize = 3;
/// How the title of a change of a variable begins.
const TITLES: [&str; 5] =
    ["variable ", "new variable ", "removed variable ", "scope of variable ", "value typed in for variable "];

/// Gives the changes of variables the step that reads them: the failed one if it does, else the only one that does.
pub(super) fn assign(changes: &mut [Change], process: Option<&Process>, values: &[(String, String)], log: &Log) {
    let steps: Vec<(&ProcessStep, Vec<&str>)> = process
        .into_iter()
        .flat_map(|process| &process.steps)
        .map(|step| (step, reached(texts(step), values)))
        .collect();
    let failed = |step: &ProcessStep| log.steps.iter().any(|one| one.culprit && one.name == step.name);
    for change in changes.iter_mut().filter(|one| one.kind == ChangeKind::Variable && one.step.is_none()) {
        let Some(title) = TITLES.iter().find_map(|start| change.title.strip_prefix(start)) else { continue };
        let readers: Vec<&ProcessStep> = steps
            .iter()
            .filter(|(_, texts)| texts.iter().any(|text| names_one_of(text, title)))
            .map(|(step, _)| *step)
            .collect();
        change.step = match (readers.iter().find(|step| failed(step)), readers.as_slice()) {
            (Some(step), _) | (None, [step]) => Some(step.name.clone()),
            _ => None,
        };
    }
}

/// The texts, and the values that they take in, which may take in others.
fn reached<'a>(mut texts: Vec<&'a str>, values: &'a [(String, String)]) -> Vec<&'a str> {
    let mut left: Vec<&(String, String)> = values.iter().filter(|(_, value)| value.contains("#{")).collect();
    let mut from = 0;
    for _ in 1..ROUNDS {
        let reads = |one: &&(String, String)| texts.iter().skip(from).any(|text| takes(text, &one.0));
        let (next, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(reads);
        (from, left) = (texts.len(), rest);
        texts.extend(next.iter().map(|(_, value)| value.as_str()));
    }
    texts
}

/// Whether `text` takes the variable that a title names before it says where it is of or for, such as `Api:Url of Shared`.
fn names_one_of(text: &str, title: &str) -> bool {
    let ends = [" of ", " for "].iter().flat_map(|word| title.match_indices(word)).map(|(at, _)| at);
    ends.chain([title.len()]).any(|end| title.get(..end).is_some_and(|name| takes(text, name)))
}

/// Whether `text` takes the variable `name`: in a template's braces, in quotes, or as a variable of PowerShell.
fn takes(text: &str, name: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    let bytes = text.as_bytes();
    let in_signs = text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let after = bytes.get(at + name.len()).copied();
        let quoted = before.ends_with(['"', '\'']) && matches!(after, Some(b'"' | b'\''));
        // `#{Api:Url}`, `#{Api:Url | ToLower}`, `#{if Api:Url}`, `#{each one in Api:Urls}`.
        let open = before.rfind("#{").is_some_and(|start| !before.get(start..).unwrap_or_default().contains('}'));
        quoted || open && before.ends_with(['{', ' ', '!']) && matches!(after, Some(b'}' | b' ' | b'[' | b'.' | b'|'))
    });
    // The server gives a PowerShell script each variable under its name without signs.
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    in_signs
        || plain.len() > 3
            && text.split('$').skip(1).any(|after| {
                let word = after.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
                word.eq_ignore_ascii_case(&plain)
            })
}

/// All texts of a step that may take variables.
fn texts(step: &ProcessStep) -> Vec<&str> {
    let mut texts = Vec::new();
    for value in step.properties.values() {
        strings(value, &mut texts);
    }
    for action in &step.actions {
        for value in action.properties.values().chain([&action.inputs]) {
            strings(value, &mut texts);
        }
        texts.extend([action.container.image.as_str(), &action.container.dockerfile]);
        texts.extend(action.packages.iter().map(|package| package.package_id.as_str()));
    }
    texts
}

fn strings<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(all) => all.iter().for_each(|one| strings(one, texts)),
        Value::Object(all) => all.values().for_each(|one| strings(one, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_variable_is_read_where_it_is_taken_and_not_where_its_name_stands() {
        for (text, name, expected) in [
            ("curl #{Api:Url}/health", "Api:Url", true),
            ("#{if Api:Url}x#{/if}", "Api:Url", true),
            ("#{Api:Url | ToLower}", "Api:Url", true),
            ("$(get_octopusvariable \"Api:Url\")", "Api:Url", true),
            ("$OctopusParameters['Api:Url']", "Api:Url", true),
            ("Invoke-WebRequest $ApiUrl", "Api:Url", true),
            ("# Api:Url is not used here", "Api:Url", false),
            ("#{Api:UrlOld}", "Api:Url", false),
            ("echo \"the Port is open\"", "Port", false),
            ("$ApiUrls", "Api:Url", false),
        ] {
            assert_eq!(takes(text, name), expected, "{text}");
        }
    }

    /// The step that a change with this title is given, in a process of which `Two` failed.
    fn check(title: &str, expected: Option<&str>) {
        let step = |name: &str, script: &str| json!({ "Name": name, "Actions": [{ "Properties": { "Octopus.Action.Script.ScriptBody": script } }] });
        let steps = [step("One", "#{A} #{B}"), step("Two", "#{A} #{Whole}"), step("Three", "#{A} #{C}")];
        let process: Process = serde_json::from_value(json!({ "Steps": steps })).unwrap();
        let mut builder = crate::clean::LogBuilder::default();
        builder.step(crate::model::Step {
            name: "Two".to_owned(),
            place: None,
            outcome: crate::model::Outcome::Failed,
            culprit: true,
            started: None,
            finished: None,
            attempts: 1,
            depth: 0,
        });
        let values = [("Whole", "host=#{Part}"), ("Part", "#{Part}"), ("Other", "#{C}")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut changes = [super::super::change(ChangeKind::Variable, title.to_owned())];
        assign(&mut changes, Some(&process), &values, &builder.finish());
        assert_eq!(changes.first().and_then(|change| change.step.as_deref()), expected, "{title}");
    }

    #[test]
    fn a_variable_belongs_to_the_step_that_reads_it() {
        check("variable A", Some("Two"));
        check("variable A of Shared for Production", Some("Two"));
        check("new variable B", Some("One"));
        check("scope of variable C", Some("Three"));
        check("variable Part", Some("Two"));
        check("variable D", None);
        check("variables of the project", None);
    }
}

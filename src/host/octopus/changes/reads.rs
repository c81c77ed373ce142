//! Which step a change bears on: what its script, settings or inputs say it takes, also by way of a variable's value.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::wire::{Process, ProcessStep};
use crate::model::{Change, ChangeKind, Log, Outcome};

/// A value may name another variable, and that one a third.
const ROUNDS: usize = 3;
/// How the title of a change of a variable begins.
const TITLES: [&str; 5] =
    ["variable ", "new variable ", "removed variable ", "scope of variable ", "value typed in for variable "];

/// Gives changes the step that they bear on: of a variable one that reads it, of a commit one that uses its package, of what an
/// event is about, such as an account, one that names its id.
pub(super) fn assign(
    changes: &mut [Change],
    process: Option<&Process>,
    values: &[(String, String)],
    documents: &Documents,
    log: &Log,
) {
    let users: Vec<(&ProcessStep, Vec<&str>)> = process
        .into_iter()
        .flat_map(|process| &process.steps)
        .map(|step| (step, reached(texts(step), values)))
        .collect();
    let order = Order::of(log);
    for change in changes.iter_mut().filter(|one| one.step.is_none()) {
        let is_used = |texts: &[&str]| match change.kind {
            ChangeKind::Variable => {
                let name = TITLES.iter().find_map(|start| change.title.strip_prefix(start));
                name.is_some_and(|title| texts.iter().any(|text| names_one_of(text, title)))
            }
            ChangeKind::Package => {
                change.title.strip_prefix("package ").is_some_and(|package| texts.contains(&package))
            }
            ChangeKind::Commit => package(change).is_some_and(|package| texts.contains(&package)),
            ChangeKind::Event => {
                let ids = documents.get(&change.title).map(Vec::as_slice).unwrap_or_default();
                ids.iter().any(|id| texts.contains(&id.as_str()))
            }
            _ => false,
        };
        let names = users.iter().filter(|(_, texts)| is_used(texts)).map(|(step, _)| step.name.as_str());
        change.step = order.nearest(names).map(str::to_owned);
    }
}

/// The ids of what each event is about, by the title that its change has.
pub(super) type Documents = BTreeMap<String, Vec<String>>;

/// The package that a commit went into, as the end of its details says.
fn package(commit: &Change) -> Option<&str> {
    let last = commit.details.as_deref()?.lines().next_back()?;
    last.strip_prefix("package ")?.split(' ').next()
}

/// Which steps had begun when the run failed.
struct Order<'a> {
    failed: Vec<&'a str>,
    /// Those before the failed ones, latest last.
    before: Vec<&'a str>,
}

impl<'a> Order<'a> {
    fn of(log: &'a Log) -> Self {
        let first = log.steps.iter().position(|step| step.culprit).unwrap_or(log.steps.len());
        let ran = log.steps.iter().take(first).filter(|step| step.outcome != Outcome::Skipped);
        Self {
            failed: log.steps.iter().filter(|step| step.culprit).map(|step| step.name.as_str()).collect(),
            before: ran.map(|step| step.name.as_str()).collect(),
        }
    }

    /// Of the steps that use a thing the one to tell: the failed one if it does, else the last one before it, else the first
    /// one after it.
    fn nearest<'b>(&self, names: impl Iterator<Item = &'b str>) -> Option<&'b str> {
        let names: Vec<&str> = names.collect();
        let failed = names.iter().find(|name| self.failed.contains(name));
        let before = || names.iter().rfind(|name| self.before.contains(name));
        failed.or_else(before).or_else(|| names.first()).copied()
    }
}

/// The texts, and the values that they take in, which may take in others.
fn reached<'a>(mut texts: Vec<&'a str>, values: &'a [(String, String)]) -> Vec<&'a str> {
    let leads_on = |value: &str| value.contains("#{") || is_id(value);
    let mut left: Vec<&(String, String)> = values.iter().filter(|(_, value)| leads_on(value)).collect();
    let mut from = 0;
    for _ in 1..ROUNDS {
        let reads = |one: &&(String, String)| texts.iter().skip(from).any(|text| takes(text, &one.0));
        let (next, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(reads);
        (from, left) = (texts.len(), rest);
        texts.extend(next.iter().map(|(_, value)| value.as_str()));
    }
    texts
}

/// Whether a value is the id of something on the server, such as `Accounts-3`.
fn is_id(value: &str) -> bool {
    value.rsplit_once('-').is_some_and(|(kind, number)| {
        kind.ends_with('s') && kind.bytes().all(|byte| byte.is_ascii_alphabetic()) && number.parse::<u32>().is_ok()
    })
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
        // `'Edge:Cert.PrivateKeyPem'` is a part of the value, `'shop.json'` a file.
        let is_part = after == Some(b'.') && bytes.get(at + name.len() + 1).is_some_and(u8::is_ascii_uppercase);
        let quoted = before.ends_with(['"', '\'']) && (matches!(after, Some(b'"' | b'\'')) || is_part);
        // `#{Api:Url}`, `#{Api:Url | ToLower}`, `#{if Api:Url}`, `#{each one in Api:Urls}`.
        let open = before.rfind("#{").is_some_and(|start| !before.get(start..).unwrap_or_default().contains('}'));
        let is_asked =
            before.trim_end().ends_with("get_octopusvariable") && after.is_none_or(|c| b" )|;`\n\"'".contains(&c));
        quoted
            || is_asked
            || open && before.ends_with(['{', ' ', '!']) && matches!(after, Some(b'}' | b' ' | b'[' | b'.' | b'|'))
    });
    // The server gives a PowerShell script each variable under its name without signs.
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    // Settings that ask for a variable, such as the account to use, hold its bare name.
    in_signs
        || text == name && name.len() > 3
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
        texts.extend([action.container.image.as_str(), &action.container.dockerfile, &action.container.feed_id]);
        texts.extend([action.worker_pool_id.as_str(), &action.worker_pool_variable]);
        texts.extend(action.packages.iter().flat_map(|package| [package.package_id.as_str(), &package.feed_id]));
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
            ("get_octopusvariable Api:Url | base64 -d", "Api:Url", true),
            ("get_octopusvariable Api:UrlOld | base64 -d", "Api:Url", false),
            ("$(get_octopusvariable 'Edge:Cert.PrivateKeyPem')", "Edge:Cert", true),
            ("cat 'shop.json'", "shop", false),
            ("Invoke-WebRequest $ApiUrl", "Api:Url", true),
            ("# Api:Url is not used here", "Api:Url", false),
            ("#{Api:UrlOld}", "Api:Url", false),
            ("echo \"the Port is open\"", "Port", false),
            ("$ApiUrls", "Api:Url", false),
        ] {
            assert_eq!(takes(text, name), expected, "{text}");
        }
    }

    /// The step that a change is given, in a process of which `Two` failed.
    fn check(kind: ChangeKind, title: &str, details: Option<&str>, expected: Option<&str>) {
        let step = |name: &str, script: &str, package: &str| {
            let properties =
                json!({ "Octopus.Action.Script.ScriptBody": script, "Octopus.Action.AzureAccount.Variable": "Azure" });
            json!({ "Name": name, "Actions": [{ "Properties": properties, "Packages": [{ "PackageId": package }] }] })
        };
        let steps = [
            step("One", "#{A} #{B}", "Shop.Tools"),
            step("Two", "#{A} #{Whole}", "Shop.Web"),
            step("Three", "#{A} #{C}", "Shop.Late"),
        ];
        let process: Process = serde_json::from_value(json!({ "Steps": steps })).unwrap();
        let mut builder = crate::clean::LogBuilder::default();
        for (name, outcome) in [("One", Outcome::Succeeded), ("Two", Outcome::Failed), ("Three", Outcome::Skipped)] {
            builder.step(crate::model::Step {
                name: name.to_owned(),
                place: None,
                outcome,
                culprit: name == "Two",
                started: None,
                finished: None,
                attempts: 1,
                depth: 0,
            });
        }
        let values = [("Whole", "host=#{Part}"), ("Part", "#{Part}"), ("Other", "#{C}"), ("Azure", "Accounts-7")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let documents = [("Account Azure was modified", "Accounts-7"), ("Account Old was modified", "Accounts-8")]
            .map(|(title, id)| (title.to_owned(), vec![id.to_owned()]));
        let mut changes =
            [Change { details: details.map(str::to_owned), ..super::super::change(kind, title.to_owned()) }];
        assign(&mut changes, Some(&process), &values, &documents.into(), &builder.finish());
        assert_eq!(changes.first().and_then(|change| change.step.as_deref()), expected, "{title}");
    }

    #[test]
    fn a_commit_bears_on_the_step_that_uses_its_package() {
        let commit = |details, expected| check(ChangeKind::Commit, "commit 1a2b3c4 Round totals", details, expected);
        commit(Some("Why\n\npackage Shop.Web 1.2"), Some("Two"));
        commit(Some("package Shop.Late 1.2"), Some("Three"));
        commit(Some("package Shop.Other 1.2"), None);
        commit(None, None);
        check(ChangeKind::Package, "package Shop.Tools", None, Some("One"));
    }

    #[test]
    fn an_event_bears_on_the_step_that_uses_what_it_is_about() {
        check(ChangeKind::Event, "Account Azure was modified", None, Some("Two"));
        check(ChangeKind::Event, "Account Old was modified", None, None);
    }

    #[test]
    fn a_variable_belongs_to_the_step_that_reads_it() {
        let variable = |title, expected| check(ChangeKind::Variable, title, None, expected);
        variable("variable A", Some("Two"));
        variable("variable A of Shared for Production", Some("Two"));
        variable("new variable B", Some("One"));
        variable("scope of variable C", Some("Three"));
        variable("variable Part", Some("Two"));
        variable("variable D", None);
        variable("variables of the project", None);
    }
}

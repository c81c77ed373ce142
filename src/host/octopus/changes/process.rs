//! What differs between two versions of a process: steps, their order, scripts and settings.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{Change, ChangeKind};

use super::super::context::condition;
use super::super::wire::{Action, Named, Process, ProcessStep};
use super::{change, cleaned, unified};

/// Properties that have a name of their own; the rest is shown by the server's name.
const NAMES: [(&str, &str); 10] = [
    ("Octopus.Action.AutoRetry.MaximumCount", "number of retries"),
    ("Octopus.Action.AutoRetry.MinimumBackoff", "pause between retries"),
    ("Octopus.Action.ExecutionTimeout.Minutes", "time limit in minutes"),
    ("Octopus.Action.TargetRoles", "target tags"),
    ("Octopus.Action.RunOnServer", "run on a worker"),
    ("Octopus.Action.Script.ScriptBody", SCRIPT),
    ("Octopus.Action.Script.Syntax", "script language"),
    ("Octopus.Action.Script.ScriptSource", "source of the script"),
    ("Octopus.Action.Template.Id", "step template"),
    ("Octopus.Action.Template.Version", "step template's version"),
];
const SCRIPT: &str = "script";
/// Labels of what decides whether a step runs at all.
const WHETHER: [&str; 8] = [
    "run condition",
    "condition",
    "state",
    "start",
    "environments",
    "excluded environments",
    "channels",
    "tenant tags",
];

/// A longer script is not told.
const LONGEST_SCRIPT: usize = 64 << 10;

/// What a setting of a step says.
#[derive(PartialEq)]
enum Fact {
    /// Something to be read in a line.
    Line(String),
    /// Something to be compared line by line.
    Text(String),
    /// Something that is not shown.
    Hidden(String),
}

/// What is needed to name things.
pub(super) struct Site<'a> {
    pub(super) pools: &'a [Named],
    /// The step we are, which runs only after a failure and can't be to blame.
    pub(super) own: &'a str,
    pub(super) url: Option<String>,
}

/// Everything that differs, in the order of the steps.
pub(super) fn compare(now: &Process, before: &Process, site: &Site) -> Vec<Change> {
    let mut found = Vec::new();
    let pairs = pairs(now, before);
    for (index, step) in now.steps.iter().enumerate().filter(|(_, step)| step.name != site.own) {
        match pairs.iter().find(|(now, _)| *now == index).and_then(|(_, was)| before.steps.get(*was)) {
            Some(was) => found.extend(step_changes(step, was, site)),
            None => found.push(whole("new step", step, site)),
        }
    }
    let gone = before.steps.iter().enumerate().filter(|(index, _)| pairs.iter().all(|(_, was)| was != index));
    for (_, step) in gone.filter(|(_, step)| step.name != site.own) {
        let mut change = whole("removed step", step, site);
        std::mem::swap(&mut change.before, &mut change.after);
        found.push(change);
    }
    found.extend(order(now, &pairs, site));
    found
}

/// Which step is which: by name, else by id, as a renamed one keeps its id.
fn pairs(now: &Process, before: &Process) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let same: [fn(&ProcessStep, &ProcessStep) -> bool; 2] =
        [|a, b| a.name == b.name, |a, b| !a.id.is_empty() && a.id == b.id];
    for same in same {
        for (index, step) in now.steps.iter().enumerate() {
            let free = |was: &usize| pairs.iter().all(|(now, before)| *now != index && before != was);
            let was = before.steps.iter().enumerate().find(|(was, other)| free(was) && same(step, other));
            if let Some((was, _)) = was {
                pairs.push((index, was));
            }
        }
    }
    pairs.sort_unstable();
    pairs
}

fn whole(what: &str, step: &ProcessStep, site: &Site) -> Change {
    let kinds: Vec<&str> = step.actions.iter().map(|action| action.action_type.as_str()).collect();
    Change {
        after: Some(kinds.join(", ")),
        details: script(step),
        step: Some(step.name.clone()),
        url: site.url.clone(),
        ..change(ChangeKind::Process, format!("{what} {}", cleaned(&step.name)))
    }
}

/// The script that a step runs: what later steps may lack when it runs no more, or later.
fn script(step: &ProcessStep) -> Option<String> {
    step.actions.iter().find_map(|action| match action.properties.get("Octopus.Action.Script.ScriptBody") {
        // A key in a script belongs into no report; a script without end is nothing to read.
        Some(Value::String(body)) if body.len() <= LONGEST_SCRIPT && !body.contains("-----BEGIN") => Some(body.clone()),
        _ => None,
    })
}

fn order(now: &Process, pairs: &[(usize, usize)], site: &Site) -> Option<Change> {
    let ours = |(index, was): &(usize, usize)| {
        let name = now.steps.get(*index).map(|step| step.name.as_str()).filter(|name| *name != site.own)?;
        Some((*was, name))
    };
    let after: Vec<(usize, &str)> = pairs.iter().filter_map(ours).collect();
    let mut before = after.clone();
    before.sort_unstable();
    let first = after.iter().zip(&before).position(|(a, b)| a != b)?;
    let last = after.iter().zip(&before).rposition(|(a, b)| a != b)?;
    let names = |steps: &[(usize, &str)]| {
        let moved = steps.get(first..=last).unwrap_or_default();
        Some(moved.iter().map(|(_, name)| cleaned(name)).collect::<Vec<_>>().join(", "))
    };
    // The steps that run later than they did, by the places of all that are in both.
    let later =
        after.iter().enumerate().filter(|(place, step)| before.iter().position(|was| was == *step) < Some(*place));
    let scripts: Vec<String> = later
        .filter_map(|(_, (_, name))| now.steps.iter().find(|step| step.name == *name))
        .filter_map(|step| Some(format!("{}:\n{}", cleaned(&step.name), script(step)?)))
        .collect();
    Some(Change {
        before: names(&before),
        after: names(&after),
        details: (!scripts.is_empty()).then(|| scripts.join("\n")),
        url: site.url.clone(),
        ..change(ChangeKind::Process, "order of the steps".to_owned())
    })
}

fn step_changes(step: &ProcessStep, was: &ProcessStep, site: &Site) -> Vec<Change> {
    let (now, before) = (facts(step, site), facts(was, site));
    let labels: std::collections::BTreeSet<&String> = now.keys().chain(before.keys()).collect();
    let mut found = Vec::new();
    if step.name != was.name {
        found.push(Change {
            before: Some(was.name.clone()),
            after: Some(step.name.clone()),
            ..change(ChangeKind::Process, format!("name of step {}", cleaned(&step.name)))
        });
    }
    for label in labels {
        let (after, before) = (now.get(label), before.get(label));
        if after == before {
            continue;
        }
        let mut differs = change(ChangeKind::Process, format!("{label} of step {}", cleaned(&step.name)));
        match (before, after) {
            (Some(Fact::Hidden(_)), _) | (_, Some(Fact::Hidden(_))) => {}
            (Some(Fact::Text(before)), Some(Fact::Text(after))) if long(before) || long(after) => {
                differs.details = unified(label, before, after);
            }
            _ => {
                differs.before = shown(before);
                differs.after = shown(after);
                if WHETHER.iter().any(|whether| {
                    label.strip_prefix(whether).is_some_and(|of| of.is_empty() || of.starts_with(" of "))
                }) {
                    differs.details = script(step);
                }
            }
        }
        found.push(differs);
    }
    for change in &mut found {
        change.step = Some(step.name.clone());
        change.url.clone_from(&site.url);
    }
    found
}

/// Whether a text is better shown by the lines that differ.
fn long(text: &str) -> bool {
    text.trim_end().contains('\n') || text.len() > 200
}

fn shown(fact: Option<&Fact>) -> Option<String> {
    match fact {
        Some(Fact::Line(text) | Fact::Text(text)) => Some(text.clone()),
        Some(Fact::Hidden(_)) | None => None,
    }
}

/// All that a step says, by what to call it.
fn facts(step: &ProcessStep, site: &Site) -> BTreeMap<String, Fact> {
    let mut facts = BTreeMap::new();
    if let Some(words) = condition(step) {
        facts.insert("run condition".to_owned(), Fact::Line(words));
    }
    for (label, value) in [("start", &step.start_trigger), ("package requirement", &step.package_requirement)] {
        line(&mut facts, label.to_owned(), value);
    }
    properties(&mut facts, "", &step.properties);
    let several = step.actions.len() > 1;
    for action in &step.actions {
        let of = if several { format!(" of action {}", cleaned(&action.name)) } else { String::new() };
        action_facts(&mut facts, &of, action, site);
    }
    facts
}

fn action_facts(facts: &mut BTreeMap<String, Fact>, of: &str, action: &Action, site: &Site) {
    let pool = site.pools.iter().find(|pool| pool.id == action.worker_pool_id).map(|pool| &pool.name);
    let lists = |list: &[String]| list.join(", ");
    let state = if action.is_disabled { "disabled" } else { "enabled" };
    let required = if action.is_required { "required" } else { "" };
    for (label, value) in [
        ("kind", action.action_type.as_str()),
        ("state", state),
        ("permission to skip", required),
        ("worker pool", pool.unwrap_or(&action.worker_pool_id)),
        ("worker pool's variable", &action.worker_pool_variable),
        ("container image", &action.container.image),
        ("container feed", &action.container.feed_id),
        ("container's git repository", &action.container.git_url),
        ("environments", &lists(&action.environments)),
        ("excluded environments", &lists(&action.excluded_environments)),
        ("channels", &lists(&action.channels)),
        ("tenant tags", &lists(&action.tenant_tags)),
        ("step package's version", &action.step_package_version),
    ] {
        line(facts, format!("{label}{of}"), value);
    }
    if !matches!(action.condition.as_str(), "" | "Success") {
        line(facts, format!("condition{of}"), &action.condition);
    }
    if !action.container.dockerfile.is_empty() {
        facts.insert(format!("container's Dockerfile{of}"), Fact::Text(action.container.dockerfile.clone()));
    }
    for package in &action.packages {
        let name = if package.name.is_empty() { String::new() } else { format!(" {}", cleaned(&package.name)) };
        for (label, value) in [
            ("package", &package.package_id),
            ("feed of package", &package.feed_id),
            ("place of acquisition of package", &package.acquisition_location),
            ("fixed version of package", &package.version),
        ] {
            line(facts, format!("{label}{name}{of}"), value);
        }
    }
    // Inputs of newer steps may hold secrets in places that only the step's own schema knows.
    if !action.inputs.is_null() {
        facts.insert(format!("inputs{of}"), Fact::Hidden(action.inputs.to_string()));
    }
    properties(facts, of, &action.properties);
}

fn line(facts: &mut BTreeMap<String, Fact>, label: String, value: &str) {
    if !value.is_empty() {
        facts.insert(label, Fact::Line(value.to_owned()));
    }
}

fn properties(facts: &mut BTreeMap<String, Fact>, of: &str, properties: &BTreeMap<String, Value>) {
    for (key, value) in properties {
        // It is part of the run condition in words.
        if key == "Octopus.Step.ConditionVariableExpression" {
            continue;
        }
        let name = NAMES.iter().find(|(known, _)| known == key);
        let label = name.map_or_else(|| format!("setting {}", cleaned(key)), |(_, name)| (*name).to_owned());
        let fact = match value {
            Value::String(text) if text.is_empty() => continue,
            Value::String(text) => Fact::Text(text.replace("\r\n", "\n")),
            Value::Null => continue,
            Value::Bool(_) | Value::Number(_) => Fact::Line(value.to_string()),
            // Sensitive values come as objects that hold nothing to show.
            Value::Array(_) | Value::Object(_) => Fact::Hidden(value.to_string()),
        };
        facts.insert(format!("{label}{of}"), fact);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn process(steps: &Value) -> Process {
        serde_json::from_value(json!({ "Steps": steps })).unwrap()
    }

    /// Changes as `title: before -> after`, with the details behind.
    fn check(before: &Value, now: &Value, expected: &[&str]) {
        let pools: Vec<Named> = serde_json::from_value(json!([{ "Id": "WorkerPools-1", "Name": "linux" }])).unwrap();
        let site = Site { pools: &pools, own: "Diagnose", url: None };
        let found: Vec<String> = compare(&process(now), &process(before), &site)
            .into_iter()
            .map(|change| {
                let text = |side: Option<String>| side.unwrap_or_else(|| "-".to_owned());
                let details = change.details.map(|diff| format!("\n{diff}")).unwrap_or_default();
                format!("{}: {} -> {}{details}", change.title, text(change.before), text(change.after))
            })
            .collect();
        assert_eq!(found, expected);
    }

    fn script(name: &str, body: &str) -> Value {
        json!({ "Name": name, "Condition": "Success", "Actions": [{ "Name": name, "ActionType": "Octopus.Script",
            "Properties": { "Octopus.Action.Script.ScriptBody": body } }] })
    }

    #[test]
    fn a_script_is_shown_by_the_lines_that_differ() {
        check(
            &json!([script("Scan", "one\ntwo\n")]),
            &json!([script("Scan", "one\nthree\n")]),
            &["script of step Scan: - -> -\n--- script\n+++ script\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"],
        );
        check(&json!([script("Scan", "one")]), &json!([script("Scan", "two")]), &["script of step Scan: one -> two"]);
        check(&json!([script("Scan", "a\r\nb")]), &json!([script("Scan", "a\nb")]), &[]);
    }

    #[test]
    fn steps_come_go_move_and_change_their_names() {
        check(
            &json!([script("A", "a"), script("B", "b"), script("C", "c"), script("D", "d")]),
            &json!([script("C", "c"), script("A", "a"), script("New", "n"), script("D", "d")]),
            &[
                "new step New: - -> Octopus.Script\nn",
                "removed step B: Octopus.Script -> -\nb",
                "order of the steps: A, C -> C, A\nA:\na",
            ],
        );
        let with_id = |name: &str| json!([{ "Id": "1", "Name": name }]);
        check(&with_id("Old"), &with_id("New"), &["name of step New: Old -> New"]);
    }

    #[test]
    fn settings_are_told_in_words() {
        let step = |condition: &str, disabled: bool, pool: &str, retries: &str| {
            json!([{ "Name": "Scan", "Condition": condition, "Actions": [{ "Name": "Scan", "IsDisabled": disabled,
                "WorkerPoolId": pool, "Properties": { "Octopus.Action.AutoRetry.MaximumCount": retries } }] }])
        };
        check(
            &step("Success", false, "", "3"),
            &step("Always", true, "WorkerPools-1", ""),
            &[
                "number of retries of step Scan: 3 -> -",
                "run condition of step Scan: only when previous steps succeed -> always",
                "state of step Scan: enabled -> disabled",
                "worker pool of step Scan: - -> linux",
            ],
        );
    }

    #[test]
    fn what_may_hold_a_secret_is_only_said_to_differ() {
        let step = |hint: &str, inputs: &str| {
            json!([{ "Name": "Scan", "Actions": [{ "Name": "Scan", "Inputs": { "key": inputs },
                "Properties": { "Api.Key": { "HasValue": true, "Hint": hint } } }] }])
        };
        check(
            &step("a", "secret-1"),
            &step("b", "secret-2"),
            &["inputs of step Scan: - -> -", "setting Api.Key of step Scan: - -> -"],
        );
    }

    #[test]
    fn our_own_step_is_never_a_change() {
        check(&json!([]), &json!([script("Diagnose", "x")]), &[]);
        check(
            &json!([script("A", "a"), script("Diagnose", "x")]),
            &json!([script("Diagnose", "y"), script("A", "a")]),
            &[],
        );
    }
}

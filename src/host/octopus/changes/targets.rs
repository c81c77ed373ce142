//! What differs between the machines of two runs: which there are, how they are, and what the logs say of their tools.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Change, ChangeKind, Log, Outcome, Step};

use super::super::wire::{Deployment, Machine};
use super::{About, Found, change, cleaned};

/// What Calamari says of where it runs, and what to call it.
const KEYS: [(&str, &str); 6] = [
    ("Octopus Deploy: Calamari version ", "Calamari"),
    ("OperatingSystem: ", "operating system"),
    ("PSVersion: ", "PowerShell"),
    ("ProcessorCount: ", "number of processors"),
    ("MachineName: ", MACHINE),
    ("HostName: ", MACHINE),
];
const MACHINE: &str = "machine";

/// What is compared.
pub(super) struct Runs<'a> {
    pub(super) run: &'a Deployment,
    pub(super) log: &'a Log,
    pub(super) was: &'a Deployment,
    /// Empty where it could not be read.
    pub(super) old_log: &'a Log,
    /// The machines of the environment as they are now; `None` where they could not be read.
    pub(super) machines: Option<&'a [Machine]>,
}

/// Everything that differs.
pub(super) fn compare(runs: &Runs) -> Vec<Found> {
    let mut found = members(runs);
    found.extend(failing_on_some(runs).map(|one| Found { change: one, about: About::Nothing }));
    found.extend(tools(runs));
    found
}

/// Machines that came, went or are not well.
fn members(runs: &Runs) -> Vec<Found> {
    let Some(machines) = runs.machines else { return Vec::new() };
    let (now, before) = (&runs.run.deployed_to_machine_ids, &runs.was.deployed_to_machine_ids);
    let same_place = runs.run.environment_id == runs.was.environment_id;
    let mut found = Vec::new();
    let mut add = |id: &str, one: Change| found.push(Found { change: one, about: About::Machine(id.to_owned()) });
    for machine in machines {
        let name = cleaned(&machine.name);
        let is_new = same_place && !before.is_empty() && now.contains(&machine.id) && !before.contains(&machine.id);
        if is_new {
            add(&machine.id, change(ChangeKind::Target, format!("new target {name}")));
        }
        let took_part = before.contains(&machine.id) || now.contains(&machine.id);
        if !matches!(machine.health_status.as_str(), "" | "Healthy" | "HasWarnings" | "Unknown") {
            let summary = machine.status_summary.trim();
            let state = &machine.health_status;
            let after = if summary.is_empty() { state.clone() } else { format!("{state}: {summary}") };
            let one = change(ChangeKind::Target, format!("health of target {name}"));
            add(&machine.id, Change { after: Some(after), ..one });
        }
        if machine.is_disabled && took_part {
            let one = change(ChangeKind::Target, format!("state of target {name}"));
            add(&machine.id, Change { before: Some("enabled".to_owned()), after: Some("disabled".to_owned()), ..one });
        }
    }
    if same_place {
        let gone: Vec<&String> = before.iter().filter(|id| machines.iter().all(|one| one.id != **id)).collect();
        // The server no longer knows its name; the old log does.
        let places = runs.old_log.steps.iter().filter_map(|step| machine_of(step, None));
        let strangers: BTreeSet<&str> =
            places.filter(|place| machines.iter().all(|one| !one.name.eq_ignore_ascii_case(place))).collect();
        let name = strangers.first().filter(|_| gone.len() == 1 && strangers.len() == 1);
        for id in gone {
            let one = change(ChangeKind::Target, format!("removed target {}", cleaned(name.unwrap_or(&id.as_str()))));
            add(id, Change { before: Some("deployed to by the last good run".to_owned()), ..one });
        }
    }
    found
}

/// The machine that a part of a run ran on, if it is one and no worker.
fn machine_of<'a>(step: &'a Step, machines: Option<&[Machine]>) -> Option<&'a str> {
    let place = step.place.as_deref()?;
    let known = |part: &&str| machines.into_iter().flatten().any(|machine| machine.name.eq_ignore_ascii_case(part));
    let first = place.split(" › ").next().filter(|part| {
        machines.is_none() && !part.starts_with("Worker") && !part.starts_with("Step ") && *part != "Octopus Server"
    });
    place.split(" › ").find(known).or(first)
}

/// A step that failed on some machines and succeeded on others, and what sets those apart.
fn failing_on_some(runs: &Runs) -> Option<Change> {
    let step = runs.log.steps.iter().find(|step| step.culprit && machine_of(step, runs.machines).is_some())?;
    let places = |outcome: Outcome| -> BTreeSet<String> {
        let alike = runs.log.steps.iter().filter(|one| one.name == step.name && one.outcome == outcome);
        alike.filter_map(|one| machine_of(one, runs.machines)).map(cleaned).collect()
    };
    let failed = places(Outcome::Failed);
    let passed: BTreeSet<String> = places(Outcome::Succeeded).difference(&failed).cloned().collect();
    if failed.is_empty() || passed.is_empty() {
        return None;
    }
    let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    let traits = traits(runs);
    // A machine of which nothing is known leaves the question open.
    let of = |names: &BTreeSet<String>, key: &str| -> Option<BTreeSet<&str>> {
        let sets: Option<Vec<_>> = names.iter().map(|name| traits.get(name)?.get(key)).collect();
        Some(sets?.into_iter().flatten().map(String::as_str).collect())
    };
    let keys: BTreeSet<&str> = traits.values().flat_map(|traits| traits.keys().map(String::as_str)).collect();
    let apart: Vec<String> = keys
        .into_iter()
        .filter_map(|key| {
            let (bad, good) = (of(&failed, key)?, of(&passed, key)?);
            let join = |values: &BTreeSet<&str>| values.iter().copied().collect::<Vec<_>>().join(", ");
            bad.is_disjoint(&good).then(|| format!("{key}: {} where it failed, {} elsewhere", join(&bad), join(&good)))
        })
        .collect();
    Some(Change {
        before: Some(format!("succeeded on {}", list(&passed))),
        after: Some(format!("failed on {}", list(&failed))),
        details: (!apart.is_empty()).then(|| apart.join("\n")),
        step: Some(step.name.clone()),
        ..change(ChangeKind::Target, format!("only some targets fail in step {}", cleaned(&step.name)))
    })
}

/// By machine and by what it is called, what is known of it.
type Traits = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// What is known of each machine, by its name: from the server, and from what the log says of its tools.
fn traits(runs: &Runs) -> Traits {
    let mut all = Traits::new();
    for ((holder, key, ..), values) in said(runs.log, runs.machines) {
        if let (Some(machine), false) = (holder, key == MACHINE) {
            all.entry(machine).or_default().entry(key).or_default().extend(values);
        }
    }
    for machine in runs.machines.into_iter().flatten() {
        let traits = all.entry(cleaned(&machine.name)).or_default();
        let shell = format!("{} {}", machine.shell_name, machine.shell_version);
        let calamari = match machine.has_latest_calamari {
            Some(true) => "the latest",
            Some(false) => "not the latest",
            None => "",
        };
        for (key, value) in [
            ("health", machine.health_status.as_str()),
            ("operating system of the server's record", &machine.operating_system),
            ("shell", shell.trim()),
            ("Calamari of the server's record", calamari),
            ("target tags", &machine.roles.join(", ")),
        ] {
            if !value.is_empty() {
                traits.entry(key.to_owned()).or_default().insert(cleaned(value));
            }
        }
    }
    all
}

/// By machine (`None` for workers), key, step and the heading above: the values. Each shell says them in its own way.
type Said = BTreeMap<(Option<String>, String, String, String), BTreeSet<String>>;

/// What a log says of tools: Calamari's own words, and the images that were pulled.
fn said(log: &Log, machines: Option<&[Machine]>) -> Said {
    let mut said = Said::new();
    let mut digest = (None, String::new());
    let mut heading = String::new();
    for (index, line) in log.lines.iter().enumerate() {
        let text = log.line(index).trim();
        let Some(step) = line.step.and_then(|step| log.steps.get(step)) else { continue };
        let mut add = |key: String, value: String| {
            let holder = machine_of(step, machines).map(cleaned);
            let under = if key.starts_with("image ") { String::new() } else { heading.clone() };
            said.entry((holder, key, step.name.clone(), under)).or_default().insert(value);
        };
        if let Some((start, key)) = KEYS.iter().find(|(start, _)| text.starts_with(start)) {
            let value = text.strip_prefix(start).unwrap_or_default().trim();
            let value = if *key == MACHINE { family(value) } else { without_host(value) };
            if !value.is_empty() {
                add((*key).to_owned(), cleaned(&value));
            }
        } else if text.ends_with("Environment Information:") {
            text.clone_into(&mut heading);
        } else if let Some(value) = text.strip_prefix("Digest: sha256:") {
            digest = (line.step, value.trim().to_owned());
        } else if text.starts_with("Status: ")
            && digest.0 == line.step
            && let Some((_, image)) = text.split_once(" image ")
            && let Some((_, image)) = image.split_once("for ")
        {
            let (repository, tag) = match image.trim().rsplit_once(':') {
                Some((repository, tag)) if !tag.contains('/') => (repository, tag),
                _ => (image.trim(), "latest"),
            };
            let short: String = digest.1.chars().take(12).collect();
            add(format!("image {}", cleaned(repository)), cleaned(&format!("{tag} (sha256:{short})")));
        }
    }
    said
}

/// What dynamic workers of one image share in their names: `hosted-ubuntu-2204` of `hosted-ubuntu-2204-7c9f1b`.
fn family(name: &str) -> String {
    match name.rsplit_once('-') {
        Some((start, end)) if end.len() >= 5 && end.chars().any(|c| c.is_ascii_digit()) => start.to_owned(),
        _ => String::new(),
    }
}

/// `Linux HOST 6.8.0 …` without the host's name, which is another one for each worker.
fn without_host(value: &str) -> String {
    let mut words: Vec<&str> = value.split(' ').collect();
    if words.len() > 3 && words.first() == Some(&"Linux") {
        words.remove(1);
    }
    words.join(" ")
}

/// What the two logs say differently of the tools of a target, or of the workers.
fn tools(runs: &Runs) -> Vec<Found> {
    let (now, before) = (said(runs.log, runs.machines), said(runs.old_log, runs.machines));
    let mut steps: BTreeMap<(&Option<String>, &str, String, String), Vec<&String>> = BTreeMap::new();
    for (what, values) in &now {
        let Some(old) = before.get(what) else { continue };
        let new: Vec<&str> = values.difference(old).map(String::as_str).collect();
        if !new.is_empty() {
            let old: Vec<&str> = old.iter().map(String::as_str).collect();
            let (holder, key, step, _) = what;
            steps.entry((holder, key, old.join(", "), new.join(", "))).or_default().push(step);
        }
    }
    steps.values_mut().for_each(Vec::dedup);
    let change = |((holder, key, before, after), steps): ((&Option<String>, &str, _, _), Vec<&String>)| {
        let (kind, title) = match holder {
            _ if key.starts_with("image ") => (ChangeKind::Worker, format!("{key}, as it was pulled")),
            Some(machine) => (ChangeKind::Target, format!("{key} of target {machine}")),
            None if key == MACHINE => (ChangeKind::Worker, "image of the worker".to_owned()),
            None => (ChangeKind::Worker, format!("{key} of the worker")),
        };
        let step = match steps.as_slice() {
            [only] => Some((*only).clone()),
            _ => None,
        };
        let machine = runs.machines.into_iter().flatten().find(|one| Some(cleaned(&one.name)) == *holder);
        let about = machine.map_or(About::Nothing, |machine| About::Machine(machine.id.clone()));
        Found { change: Change { before: Some(before), after: Some(after), step, ..change(kind, title) }, about }
    };
    steps.into_iter().map(change).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::activity::{self, Own};
    use super::*;

    /// A log of one step on several machines: name, status, lines.
    fn log(machines: &[(&str, &str, &[&str])]) -> Log {
        let children: Vec<_> = machines
            .iter()
            .map(|(name, status, lines)| {
                let lines: Vec<_> =
                    lines.iter().map(|line| json!({ "Category": "Verbose", "MessageText": line })).collect();
                json!({ "Name": name, "Status": status, "LogElements": lines })
            })
            .collect();
        let failed = machines.iter().any(|(_, status, _)| *status == "Failed");
        let tree = json!({ "ActivityLogs": [{ "Name": "Deploy", "Children": [
            { "Name": "Step 1: Web", "Status": if failed { "Failed" } else { "Success" }, "Children": children }] }] });
        activity::read(tree.to_string().as_bytes(), &Own::default()).unwrap().log
    }

    fn check(now: &Log, before: &Log, machines: Option<&serde_json::Value>, expected: &[&str]) {
        let machines: Option<Vec<Machine>> = machines.map(|all| serde_json::from_value(all.clone()).unwrap());
        let run: Deployment = serde_json::from_value(json!({ "DeployedToMachineIds": ["M-1", "M-2"] })).unwrap();
        let was: Deployment = serde_json::from_value(json!({ "DeployedToMachineIds": ["M-1", "M-9"] })).unwrap();
        let runs = Runs { run: &run, log: now, was: &was, old_log: before, machines: machines.as_deref() };
        let found: Vec<String> = compare(&runs)
            .into_iter()
            .map(|Found { change, .. }| {
                let side = |side: Option<String>| side.unwrap_or_else(|| "-".to_owned());
                let details = change.details.map(|text| format!(" | {}", text.replace('\n', "/"))).unwrap_or_default();
                format!("{}: {} -> {}{details}", change.title, side(change.before), side(change.after))
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn machines_come_go_and_fall_ill() {
        let machines = json!([{ "Id": "M-1", "Name": "web-01", "HealthStatus": "Unavailable", "StatusSummary": "no route" },
            { "Id": "M-2", "Name": "web-02", "HealthStatus": "Healthy" }]);
        let expected = [
            "health of target web-01: - -> Unavailable: no route",
            "new target web-02: - -> -",
            "removed target M-9: deployed to by the last good run -> -",
        ];
        check(&Log::default(), &Log::default(), Some(&machines), &expected);
    }

    #[test]
    fn what_sets_the_failing_machines_apart_is_told() {
        let old = ["OperatingSystem: Windows 2022", "Octopus Deploy: Calamari version 1"];
        let new = ["OperatingSystem: Windows 2025", "Octopus Deploy: Calamari version 1"];
        let now = log(&[("web-01", "Success", &old), ("web-02", "Success", &old), ("web-03", "Failed", &new)]);
        let before = log(&[("web-01", "Success", &old), ("web-02", "Success", &old), ("web-03", "Success", &old)]);
        let expected = [
            "only some targets fail in step Web: succeeded on web-01, web-02 -> failed on web-03 | operating system: Windows 2025 where it failed, Windows 2022 elsewhere",
            "operating system of target web-03: Windows 2022 -> Windows 2025",
        ];
        check(&now, &before, None, &expected);
    }

    #[test]
    fn a_new_worker_image_and_a_moved_tag_are_seen_and_a_new_name_of_the_same_image_is_not() {
        let lines = |name: &'static str, digest: &'static str| {
            vec![
                name,
                "OperatingSystem: Linux host-1 6.8 x86_64 GNU/Linux",
                digest,
                "Status: Downloaded newer image for ghcr.io/x/trivy:1",
            ]
        };
        let (a, b, c) = (
            lines("MachineName: hosted-ubuntu-2204-7c9f1b", "Digest: sha256:aaaabbbbccccdddd"),
            lines("MachineName: hosted-ubuntu-2204-81d0aa", "Digest: sha256:aaaabbbbccccdddd"),
            lines("MachineName: hosted-ubuntu-2404-81d0aa", "Digest: sha256:eeeeffff00001111"),
        );
        let worker = |lines: &[&str]| log(&[("Worker", "Failed", lines)]);
        check(&worker(&b), &worker(&a), None, &[]);
        let expected = [
            "image ghcr.io/x/trivy, as it was pulled: 1 (sha256:aaaabbbbcccc) -> 1 (sha256:eeeeffff0000)",
            "image of the worker: hosted-ubuntu-2204 -> hosted-ubuntu-2404",
        ];
        check(&worker(&c), &worker(&a), None, &expected);
    }
}

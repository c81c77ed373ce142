//! What the audit log tells of the time between two runs: who made the changes that were found, and what else happened.

use jiff::Timestamp;

use crate::model::{Change, ChangeKind};

use super::super::wire::Event;
use super::reads::Documents;
use super::{About, Found, change, cleaned};

/// Categories whose events are asked for over the whole space; deployments are too many there.
pub(super) const WIDE: &str = "Created,Modified,Deleted,MachineAdded,MachineDeleted,MachineDisabled,MachineEnabled,\
    MachineHealthy,MachineHasWarnings,MachineUnhealthy,MachineUnavailable,CertificateExpired";
/// Documents that every project can depend on.
const SHARED: [&str; 14] = [
    "Accounts-",
    "ActionTemplates-",
    "Certificates-",
    "Environments-",
    "Feeds-",
    "GitCredentials-",
    "LibraryVariableSets-",
    "MachinePolicies-",
    "Machines-",
    "Proxies-",
    "Tenants-",
    "WorkerPools-",
    "Workers-",
    "variableset-",
];
/// The most events that are told of.
const MOST: usize = 30;

/// What the events are held against.
pub(super) struct Time<'a> {
    pub(super) project: &'a str,
    pub(super) environment: &'a str,
    pub(super) tenant: &'a str,
    /// The runbook of the run; empty for a deployment.
    pub(super) runbook: &'a str,
    /// When the last good run and the failed one began.
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
    /// Before it the audit log was not read: who edited then is not known.
    pub(super) known_since: Option<Timestamp>,
    /// When the snapshots of both were made.
    pub(super) frozen: (Option<Timestamp>, Option<Timestamp>),
    /// The machines of the environment, where known.
    pub(super) machines: Option<Vec<&'a str>>,
    /// Library sets in use.
    pub(super) libraries: Vec<String>,
}

/// Gives the changes who made them and when, and adds the events that explain none of them.
pub(super) fn merge(found: Vec<Found>, mut events: Vec<Event>, time: &Time) -> Vec<Change> {
    events.sort_by(|a, b| (a.occurred, &a.id).cmp(&(b.occurred, &b.id)));
    events.dedup_by(|a, b| a.id == b.id);
    events.retain(|event| concerns(event, time));
    let mut used = vec![false; events.len()];
    let mut changes = Vec::new();
    for Found { mut change, about } in found {
        let fitting: Vec<usize> = (0..events.len())
            .filter(|index| events.get(*index).is_some_and(|event| fits(event, &about, &change, time)))
            .collect();
        // Of several edits, those that name the very thing.
        let names = |index: &&usize| events.get(**index).is_some_and(|event| named(event, &change));
        let exact: Vec<usize> = fitting.iter().filter(names).copied().collect();
        let chosen = if exact.is_empty() { fitting } else { exact };
        let mut who: Vec<String> =
            chosen.iter().filter_map(|index| events.get(*index)).map(|event| cleaned(&event.username)).collect();
        who.sort_unstable();
        who.dedup();
        who.retain(|name| !name.is_empty());
        if !who.is_empty() {
            change.who = Some(who.join(" or "));
        }
        match chosen.as_slice() {
            [only] => change.when = events.get(*only).and_then(|event| event.occurred),
            // Of the health of a machine the latest word counts; who edited when remains open.
            [.., last] if matches!(about, About::Machine(_)) => {
                change.when = events.get(*last).and_then(|event| event.occurred);
            }
            _ => {}
        }
        for index in chosen {
            if let Some(used) = used.get_mut(index) {
                *used = true;
            }
        }
        changes.push(change);
    }
    let rest = events.iter().zip(&used).filter(|(event, used)| !**used && within(event.occurred, time.from, time.to));
    changes.extend(told(rest.map(|(event, _)| event)));
    changes
}

/// The ids of what each event is about, by the title that its change has.
pub(super) fn documents(events: &[Event]) -> Documents {
    events.iter().map(|event| (title(event), event.related_document_ids.clone())).collect()
}

fn title(event: &Event) -> String {
    let text = cleaned(&event.message);
    if text.is_empty() { event.category.clone() } else { text }
}

/// Whether an event has to do with this project, its place, or what all share.
fn concerns(event: &Event, time: &Time) -> bool {
    let ids = &event.related_document_ids;
    let has = |prefix: &str| ids.iter().any(|id| id.starts_with(prefix));
    let is = |wanted: &str| !wanted.is_empty() && ids.iter().any(|id| id == wanted);
    let running = ["Deployment", "RunbookRun", "Task", "GuidedFailure", "ManualIntervention", "Login", "Interruption"];
    if running.iter().any(|start| event.category.starts_with(start)) {
        return false;
    }
    // Releases, runs and their files are made all the time, and are compared elsewhere.
    if ["Releases-", "Deployments-", "RunbookRuns-", "RunbookSnapshots-", "Artifacts-"].iter().any(|made| has(made)) {
        return false;
    }
    if is(time.project) {
        return true;
    }
    let other = |prefix: &str, ours: &str| has(prefix) && !is(ours);
    if has("Projects-") || other("Environments-", time.environment) || other("Tenants-", time.tenant) {
        return false;
    }
    if let Some(machines) = &time.machines
        && has("Machines-")
        && event.category != "MachineDeleted"
    {
        return machines.iter().any(|machine| is(machine));
    }
    let library = ids.iter().find(|id| id.contains("LibraryVariableSets-"));
    if let Some(library) = library {
        return time.libraries.iter().any(|known| owner_matches(library, known));
    }
    ids.is_empty() || SHARED.iter().any(|kind| has(kind))
}

/// Whether `id` is the set `owner`, or its variables.
fn owner_matches(id: &str, owner: &str) -> bool {
    id.strip_prefix("variableset-").unwrap_or(id).split("-s-").next() == Some(owner)
}

/// Whether an event may be the edit that made a change.
fn fits(event: &Event, about: &About, change: &Change, time: &Time) -> bool {
    let start = time.frozen.0.or(time.from);
    // Where a part of the time is not known, somebody else may have made the edit.
    let known = time.known_since.is_none_or(|since| start.is_some_and(|start| since <= start));
    let frozen = known && within(event.occurred, start, time.frozen.1.or(time.to));
    let ids = &event.related_document_ids;
    let has = |prefix: &str| ids.iter().any(|id| id.starts_with(prefix));
    let message = event.message.to_ascii_lowercase();
    let edit = matches!(event.category.as_str(), "Modified" | "Created" | "Deleted");
    let of_variables = has("variableset-") || has("LibraryVariableSets-") || message.contains("variable");
    let of_runbook = has("RunbookProcess-") || has("Runbooks-") || message.contains("runbook");
    let process = if time.runbook.is_empty() {
        !of_runbook && (has("deploymentprocess-") || message.contains("process"))
    } else {
        of_runbook && (!has("Runbooks-") || ids.iter().any(|id| id == time.runbook))
    };
    let of_process = edit && process && !of_variables;
    match about {
        About::Process => of_process && frozen,
        About::LaterProcess => of_process && within(event.occurred, time.frozen.1.or(time.to), None),
        About::Variables(owner) => {
            let own = ids.iter().any(|id| owner_matches(id, owner));
            edit && frozen && of_variables && own
        }
        About::Machine(id) => {
            let is_bad = matches!(event.category.as_str(), "MachineUnhealthy" | "MachineUnavailable");
            let right = match change.title.split(' ').next() {
                Some("health") => is_bad,
                Some("new") => event.category == "MachineAdded",
                Some("removed") => event.category == "MachineDeleted",
                Some("state") => event.category == "MachineDisabled",
                _ => false,
            };
            right && ids.contains(id)
        }
        About::Nothing => false,
    }
}

/// Whether an event says the name of what changed.
fn named(event: &Event, change: &Change) -> bool {
    let after = |word: &str| change.title.split_once(word).map(|(_, name)| name);
    let name = change.step.as_deref().or_else(|| after("variable ")).or_else(|| after("step ")).unwrap_or_default();
    let name = name.split(" for ").next().unwrap_or_default();
    name.len() > 2 && event.message.contains(name)
}

fn within(when: Option<Timestamp>, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    let Some(when) = when else { return false };
    from.is_none_or(|from| when >= from) && to.is_none_or(|to| when <= to)
}

/// Events as changes of their own, in the order of time; what was said several times is told once.
fn told<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<Change> {
    let mut told: Vec<(Change, usize)> = Vec::new();
    for event in events {
        let title = title(event);
        if let Some((same, count)) = told.iter_mut().find(|(one, _)| one.title == title) {
            *count += 1;
            same.when = event.occurred;
            continue;
        }
        let who = cleaned(&event.username);
        let one =
            Change { who: (!who.is_empty()).then_some(who), when: event.occurred, ..change(ChangeKind::Event, title) };
        told.push((one, 1));
    }
    // The latest are nearest to the failure.
    let skip = told.len().saturating_sub(MOST);
    told.into_iter()
        .skip(skip)
        .map(|(one, count)| {
            let details = (count > 1).then(|| format!("{count} times; the last time is shown"));
            Change { details, ..one }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn day(day: u8) -> String {
        format!("2026-02-{day:02}T00:00:00Z")
    }

    fn event(day_of: u8, category: &str, who: &str, message: &str, ids: &[&str]) -> Value {
        json!({ "Id": format!("Events-{day_of}{category}{message}"), "Category": category, "Username": who,
            "Occurred": day(day_of), "Message": message, "RelatedDocumentIds": ids })
    }

    /// The last good run was on the 5th, its snapshot is of the 3rd; this run is of the 10th, its snapshot of the 9th.
    fn check(found: Vec<(&str, About)>, events: &[Value], expected: &[&str]) {
        let at = |of: u8| day(of).parse().ok();
        let time = Time {
            project: "Projects-1",
            environment: "Environments-1",
            tenant: "",
            runbook: "",
            from: at(5),
            to: at(10),
            known_since: None,
            frozen: (at(3), at(9)),
            machines: Some(vec!["Machines-1"]),
            libraries: vec!["LibraryVariableSets-1".to_owned()],
        };
        let found = found
            .into_iter()
            .map(|(title, about)| Found { change: change(ChangeKind::Process, title.to_owned()), about })
            .collect();
        let events = events.iter().map(|event| serde_json::from_value(event.clone()).unwrap()).collect();
        let told: Vec<String> = merge(found, events, &time)
            .into_iter()
            .map(|change| {
                let when = change.when.map(|when| format!(" on {}", when.strftime("%-d"))).unwrap_or_default();
                let details = change.details.map(|text| format!(" ({text})")).unwrap_or_default();
                format!("{} by {}{when}{details}", change.title, change.who.unwrap_or_else(|| "-".to_owned()))
            })
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn an_edit_between_the_snapshots_tells_who_and_when() {
        let of = |owner: &str| About::Variables(owner.to_owned());
        check(
            vec![
                ("script of step Scan", About::Process),
                ("variable Api", of("Projects-1")),
                ("variable Db of Azure", of("LibraryVariableSets-1")),
            ],
            &[
                event(8, "Modified", "rob", "Runbook process was modified", &["Projects-1", "Runbooks-1"]),
                event(2, "Modified", "old", "Deployment process was modified", &["Projects-1"]),
                event(4, "Modified", "ann", "Deployment process was modified", &["Projects-1"]),
                event(
                    6,
                    "Modified",
                    "bob",
                    "Variables of project Shop were modified",
                    &["Projects-1", "variableset-Projects-1"],
                ),
                event(7, "Modified", "cyd", "Library variable set Azure was modified", &["LibraryVariableSets-1"]),
                event(10, "Modified", "dan", "Deployment process was modified again", &["Projects-1"]),
            ],
            &[
                "script of step Scan by ann on 4",
                "variable Api by bob on 6",
                "variable Db of Azure by cyd on 7",
                "Runbook process was modified by rob on 8",
                "Deployment process was modified again by dan on 10",
            ],
        );
    }

    #[test]
    fn of_several_edits_who_is_told_and_when_stays_open() {
        let edit = |of: u8, who: &str| event(of, "Modified", who, "Deployment process was modified", &["Projects-1"]);
        check(
            vec![("script of step Scan", About::Process)],
            &[edit(6, "ann"), edit(7, "bob")],
            &["script of step Scan by ann or bob"],
        );
        let named = event(8, "Modified", "eve", "Step Scan was modified in the process", &["Projects-1"]);
        check(
            vec![("script of step Scan", About::Process)],
            &[edit(6, "ann"), named],
            &["script of step Scan by eve on 8", "Deployment process was modified by ann on 6"],
        );
    }

    #[test]
    fn what_others_do_is_left_out() {
        check(
            Vec::new(),
            &[
                event(6, "Modified", "x", "Other project's process", &["Projects-2"]),
                event(6, "DeploymentSucceeded", "x", "Deployed", &["Projects-1"]),
                event(6, "Created", "x", "Release 2 was created", &["Projects-1", "Releases-2"]),
                event(6, "MachineUnhealthy", "x", "Machine elsewhere", &["Machines-2", "Environments-2"]),
                event(6, "Modified", "x", "Another library", &["LibraryVariableSets-2"]),
                event(6, "Modified", "x", "A user", &["Users-1"]),
                event(4, "CertificateExpired", "x", "Before the last good run", &["Certificates-1"]),
                event(8, "CertificateExpired", "system", "Certificate shop expired", &["Certificates-1"]),
                event(7, "MachineHealthy", "system", "web-01 is healthy", &["Machines-1"]),
                event(8, "MachineHealthy", "system", "web-01 is healthy", &["Machines-1"]),
            ],
            &[
                "web-01 is healthy by system on 8 (2 times; the last time is shown)",
                "Certificate shop expired by system on 8",
            ],
        );
    }

    #[test]
    fn a_machine_is_ill_since_its_last_event() {
        let ill = |of: u8| event(of, "MachineUnhealthy", "system", "web-01 is unhealthy", &["Machines-1"]);
        let about = About::Machine("Machines-1".to_owned());
        check(vec![("health of target web-01", about)], &[ill(6), ill(7)], &["health of target web-01 by system on 7"]);
    }
}

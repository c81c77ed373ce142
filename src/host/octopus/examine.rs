//! What works and what does not with a server and a key, for a person who sets us up.

use crate::error::Error;
use crate::host::{Standing, Verdict};

use super::api::{Api, CALLS, Trouble};
use super::wire::{Named, Root};
use super::{Octopus, at, find};

/// A permission, a list that can't be read without it, and what is lost then.
const PERMISSIONS: &[(&str, &str, &str)] = &[
    ("TaskView", "tasks?take=1", "nothing can be diagnosed: the log is the task's"),
    ("DeploymentView", "deployments?take=1", "the process, the project and earlier failures are unknown"),
    ("ReleaseView", "releases?take=1", "versions, packages and release notes are unknown"),
    ("ProjectView", "projects?take=1", "project names and the way to their settings are unknown"),
    (
        "ProcessView",
        "deploymentprocesses?take=1",
        "scripts, retries, time limits and conditions of failed steps are unknown",
    ),
    ("EnvironmentView", "environments?take=1", "environments are shown by their ids"),
    ("RunbookRunView", "runbookRuns?take=1", "failed runbook runs can be diagnosed by their log alone"),
    ("ArtifactView", "artifacts?take=1", "a run diagnosed before is not recognized"),
    ("TenantView", "tenants?take=1", "tenants are shown by their ids"),
    ("MachineView", "machines?take=1", "which targets changed is known from the logs alone"),
    ("EventView", "events?take=1", "who changed something since the last good run, and when, is unknown"),
    ("WorkerView", "workerpools?take=1", "worker pools are shown by their ids"),
];

pub(super) fn examine(octopus: &Octopus) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let api = match octopus.api(CALLS) {
        Ok(api) => api,
        Err(error) => return vec![Verdict::new(Standing::Bad, "Octopus Server", error.to_string())],
    };
    let server = api.get::<Root>("");
    let reachable = server.is_ok();
    verdicts.push(match server {
        Ok(root) if root.version.is_empty() => {
            let text = format!("{} answers, but not as an Octopus Server does: check OCTOPUS_URL", api.base());
            Verdict::new(Standing::Bad, "Octopus Server", text)
        }
        Ok(root) => {
            let kind = if root.application.is_empty() { "Octopus Server".to_owned() } else { root.application };
            Verdict::new(
                Standing::Good,
                "Octopus Server",
                format!("{} is reachable: {kind} {}", api.base(), root.version),
            )
        }
        Err(trouble) => {
            Verdict::new(Standing::Bad, "Octopus Server", format!("{trouble}; check OCTOPUS_URL, proxy and --ca-file"))
        }
    });
    if !reachable {
        return verdicts;
    }
    let me = api.get::<Named>("users/me");
    let known = me.is_ok();
    verdicts.push(match me {
        Ok(me) => Verdict::new(Standing::Good, "key", format!("valid, it belongs to {}", me.username)),
        Err(Trouble::Unauthorized(_)) => {
            let text = "not accepted: it may have expired or belong to another server; make a new one under your profile › My API Keys";
            Verdict::new(Standing::Bad, "key", text)
        }
        Err(trouble) => Verdict::new(Standing::Bad, "key", trouble.to_string()),
    });
    if known {
        let name = octopus.access.space.as_deref().unwrap_or_default();
        match find::space(&api, name) {
            Ok(space) => verdicts.extend(in_space(&api, &space)),
            Err(Error::Host(reason)) => verdicts.push(Verdict::new(Standing::Bad, "space", reason)),
            Err(error) => verdicts.push(Verdict::new(Standing::Bad, "space", error.to_string())),
        }
    }
    verdicts
}

fn in_space(api: &Api, space: &str) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    if space.is_empty() {
        verdicts.push(Verdict::new(Standing::Good, "space", "none named: the default space is used"));
    } else {
        match api.get::<Named>(&format!("spaces/{}", super::segment(space))) {
            Ok(found) => verdicts.push(Verdict::new(Standing::Good, "space", format!("{} ({})", found.name, found.id))),
            Err(trouble) => {
                let text = format!("{space} cannot be read: {trouble}; check OCTOPUS_SPACE");
                verdicts.push(Verdict::new(Standing::Bad, "space", text));
                return verdicts;
            }
        }
    }
    for (permission, path, cost) in PERMISSIONS {
        verdicts.push(match api.get::<serde_json::Value>(&at(space, path)) {
            Ok(_) => Verdict::new(Standing::Good, permission, "there"),
            Err(Trouble::Forbidden(_)) => {
                let standing = if *permission == "TaskView" { Standing::Bad } else { Standing::Poor };
                Verdict::new(standing, permission, format!("missing: {cost}"))
            }
            // An old server has no such list; that says nothing of the permission.
            Err(Trouble::NotFound(_)) => Verdict::new(Standing::Off, permission, "this server cannot tell"),
            Err(trouble) => Verdict::new(Standing::Poor, permission, trouble.to_string()),
        });
    }
    verdicts
}

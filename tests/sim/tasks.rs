//! What Octopus says of tasks and of the deployments they carry out: resources, totals, progression.

use serde_json::{Value, json};

use super::fill::{name_of, text};
use super::lists::{self, Query};
use super::log::{TaskLog, iso};
use super::world::World;

/// The task resource that follows from a log and what it carries out.
pub fn task(world: &World, log: &TaskLog) -> Value {
    let run = log.deployment.as_deref().and_then(|id| world.get("deployments", id));
    let run = run.or_else(|| log.runbook_run.as_deref().and_then(|id| world.get("runbookruns", id)));
    let ended = matches!(log.state.as_str(), "Failed" | "Success" | "Canceled" | "TimedOut");
    let last = log.ended.unwrap_or_else(|| log.last());
    let waiting: Vec<&Value> = world
        .all("interruptions")
        .iter()
        .filter(|item| item["TaskId"] == log.id.as_str() && item["IsPending"] == true)
        .map(|item| &item["Type"])
        .collect();
    let seconds = last.duration_since(log.started).as_secs();
    let duration = if seconds < 60 { format!("{seconds} seconds") } else { format!("{} minutes", seconds / 60) };
    let (id, space) = (&log.id, &world.settings.space.id);
    let arguments = match (&log.deployment, &log.runbook_run) {
        (Some(id), _) => json!({ "DeploymentId": id }),
        (_, Some(id)) => json!({ "RunbookRunId": id }),
        _ => json!({}),
    };
    let links = json!({
        "Self": format!("/api/tasks/{id}"), "Web": format!("/app#/{space}/tasks/{id}"),
        "Raw": format!("/api/tasks/{id}/raw"), "Rerun": format!("/api/tasks/rerun/{id}"),
        "Cancel": format!("/api/tasks/{id}/cancel"), "State": format!("/api/tasks/{id}/state"),
        "BlockedBy": format!("/api/tasks/{id}/blockedby"),
        "QueuedBehind": format!("/api/tasks/{id}/queued-behind{{?skip,take}}"),
        "Details": format!("/api/tasks/{id}/details{{?verbose,tail,ranges}}"),
        "StatusMessages": format!("/api/tasks/{id}/status/messages"),
        "Prioritize": format!("/api/tasks/{id}/prioritize"),
        "Artifacts": format!("/api/{space}/artifacts?regarding={id}"),
        "Interruptions": format!("/api/{space}/interruptions?regarding={id}")
    });
    let mut task = json!({
        "Id": id, "SpaceId": space, "Arguments": arguments, "Description": log.description, "State": log.state,
        "Name": if log.runbook_run.is_some() { "RunbookRun" } else { "Deploy" },
        "Completed": if ended { last.strftime("%A, %-d %B %Y %-I:%M:%S %p +00:00").to_string() } else { format!("{}...", log.state) },
        "QueueTime": iso(log.queued), "QueueTimeExpiry": null, "StartTime": iso(log.started),
        "LastUpdatedTime": iso(last), "CompletedTime": ended.then(|| iso(last)),
        "ServerNode": "OctopusServerNodes-7f3c2b91d0aa", "Duration": duration,
        "ErrorMessage": if log.state == "Failed" {
            "The deployment failed because one or more steps failed. Please see the deployment log for details."
        } else { "" },
        "HasBeenPickedUpByProcessor": true, "IsCompleted": ended, "FinishedSuccessfully": log.state == "Success",
        "HasPendingInterruptions": !waiting.is_empty(), "PendingInterruptionTypes": waiting,
        "HasPendingPreconditions": false, "PendingPreconditionTypes": [], "CanRerun": false,
        "HasWarningsOrErrors": log.has_warnings(), "UnmetPreconditions": null,
        "ProjectId": run.map(|run| run["ProjectId"].clone()), "EstimatedRemainingQueueDurationSeconds": 0,
        "Links": links
    });
    for (name, value) in &log.fields {
        task[name] = value.clone();
    }
    task
}

/// The tasks that a query asks for: by their own fields, and by those of what they carry out.
pub fn select(world: &World, mut tasks: Vec<Value>, query: &Query) -> Vec<Value> {
    let run = |task: &Value| {
        let argument = |name: &str| task["Arguments"][name].as_str().unwrap_or_default().to_owned();
        let deployment = world.get("deployments", &argument("DeploymentId"));
        deployment.or_else(|| world.get("runbookruns", &argument("RunbookRunId")))
    };
    for (name, field) in [("environment", "EnvironmentId"), ("tenant", "TenantId"), ("runbook", "RunbookId")] {
        if let Some(wanted) = query.list(name) {
            tasks.retain(|task| {
                run(task).is_some_and(|run| wanted.iter().any(|id| text(run, field).eq_ignore_ascii_case(id)))
            });
        }
    }
    if query.flag("active") == Some(true) {
        tasks.retain(|task| task["IsCompleted"] == false);
    }
    if query.flag("running") == Some(true) {
        tasks.retain(|task| matches!(task["State"].as_str(), Some("Executing" | "Cancelling")));
    }
    lists::select(world, "tasks", tasks, query)
}

/// How many tasks are in each state.
pub fn totals(world: &World) -> Value {
    let states = ["Queued", "Executing", "Failed", "Canceled", "TimedOut", "Success", "Cancelling"];
    let count = |state: &str| world.tasks.iter().filter(|task| task.state == state).count();
    let mut totals: Value = states.iter().map(|state| ((*state).to_owned(), json!(count(state)))).collect();
    totals["Interrupted"] = json!(world.all("interruptions").iter().filter(|item| item["IsPending"] == true).count());
    totals
}

/// The recent history of all environments of a project.
pub fn progression(world: &World, project: &str) -> Value {
    let query = Query::parse("");
    let own = |kind: &str| -> Vec<Value> {
        let items = world.all(kind).iter().filter(|item| item["ProjectId"] == project).cloned().collect();
        lists::select(world, kind, items, &query)
    };
    let environments = lists::select(world, "environments", world.all("environments").to_vec(), &query);
    let environments: Vec<Value> =
        environments.iter().map(|item| json!({ "Id": item["Id"], "Name": item["Name"] })).collect();
    let deployments = own("deployments");
    let releases: Vec<Value> = own("releases")
        .iter()
        .map(|release| {
            let mut by_environment = json!({});
            for deployment in deployments.iter().filter(|item| item["ReleaseId"] == release["Id"]) {
                let environment = text(deployment, "EnvironmentId");
                let item = dashboard_item(world, deployment, release, &deployments);
                match by_environment[&environment].as_array_mut() {
                    Some(items) => items.push(item),
                    None => by_environment[&environment] = json!([item]),
                }
            }
            let channel = world.get("channels", &text(release, "ChannelId")).cloned();
            json!({
                "Release": release, "Channel": channel, "Deployments": by_environment, "NextDeployments": [],
                "HasUnresolvedDefect": false, "ReleaseRetentionPeriod": null, "TentacleRetentionPeriod": null
            })
        })
        .collect();
    json!({
        "Environments": environments, "ChannelEnvironments": { "Channels-1099": environments },
        "LifecycleEnvironments": { "Lifecycles-88": environments }, "Releases": releases,
        "Links": { "Self": format!("/api/{}/projects/{project}/progression", world.settings.space.id) }
    })
}

fn dashboard_item(world: &World, deployment: &Value, release: &Value, newest_first: &[Value]) -> Value {
    let here = |item: &&Value| item["EnvironmentId"] == deployment["EnvironmentId"];
    let rank = newest_first.iter().filter(here).position(|item| item["Id"] == deployment["Id"]);
    let log = world.task(&text(deployment, "TaskId"));
    let task = log.map(|log| task(world, log)).unwrap_or_default();
    let mut item = json!({
        "DeploymentId": deployment["Id"], "ReleaseVersion": release["Version"],
        "EnvironmentName": name_of(world, "environments", &text(deployment, "EnvironmentId")),
        "IsCurrent": rank == Some(0), "IsPrevious": rank == Some(1)
    });
    for field in
        ["Id", "ProjectId", "EnvironmentId", "ReleaseId", "TaskId", "TenantId", "ChannelId", "Created", "Links"]
    {
        item[field] = deployment[field].clone();
    }
    for field in [
        "QueueTime",
        "StartTime",
        "CompletedTime",
        "State",
        "HasPendingInterruptions",
        "HasWarningsOrErrors",
        "ErrorMessage",
        "Duration",
        "IsCompleted",
    ] {
        item[field] = task[field].clone();
    }
    item
}

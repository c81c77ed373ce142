//! Completes the resources of a case: a file names what matters to its story, the rest is as Octopus has it by default.

use serde_json::{Map, Value, json};

use super::log::{TaskLog, iso};
use super::world::World;

/// Fields that Octopus has by default, by kind. The id, the space and links are added to all.
fn defaults(kind: &str) -> Value {
    match kind {
        "projects" => json!({
            "Description": "", "IsDisabled": false, "ProjectGroupId": "ProjectGroups-5", "LifecycleId": "Lifecycles-88",
            "IncludedLibraryVariableSetIds": [], "TenantedDeploymentMode": "Untenanted",
            "DefaultGuidedFailureMode": "EnvironmentDefault", "IsVersionControlled": false,
            "PersistenceSettings": { "Type": "Database" }, "ReleaseNotesTemplate": null, "Templates": [],
            "DefaultToSkipIfAlreadyInstalled": false, "AutoCreateRelease": false, "ClonedFromProjectId": null, "ReleaseCreationStrategy": null,
            "AutoDeployReleaseOverrides": [], "DeploymentChangesTemplate": null, "ForcePackageDownload": false,
            "Icon": null, "ExtensionSettings": [], "DiscreteChannelRelease": false,
            "VersioningStrategy": { "Template": "#{Octopus.Version.LastMajor}.#{Octopus.Version.LastMinor}.#{Octopus.Version.NextPatch}", "DonorPackage": null },
            "ProjectConnectivityPolicy": { "SkipMachineBehavior": "None", "TargetRoles": [], "AllowDeploymentsToNoTargets": false, "ExcludeUnhealthyTargets": false }
        }),
        "environments" => json!({
            "Description": "", "SortOrder": 0, "UseGuidedFailure": false, "AllowDynamicInfrastructure": true,
            "ExtensionSettings": []
        }),
        "deployments" | "runbookruns" => json!({
            "TenantId": null, "ForcePackageDownload": false, "ForcePackageRedeployment": false,
            "Priority": "LifecycleDefault", "SkipActions": [], "SpecificMachineIds": [], "ExcludedMachineIds": [],
            "SpecificTargetTagIds": [], "ExcludedTargetTagIds": [], "UseGuidedFailure": false, "DebugMode": false,
            "FailTargetDiscovery": false, "Comments": null, "FormValues": {}, "QueueTime": null, "QueueTimeExpiry": null,
            "TentacleRetentionPeriod": null, "ChangeRequestSettings": null, "DeployedBy": "github-actions",
            "DeployedById": "Users-310", "DeployedByActorType": "ServiceAccount", "DeployedToMachineIds": []
        }),
        "releases" => json!({
            "ReleaseNotes": null, "IgnoreChannelRules": false, "BuildInformation": [], "ChannelId": "Channels-1099",
            "LibraryVariableSetSnapshotIds": [], "SelectedPackages": [], "SelectedGitResources": [],
            "VersionControlReference": null, "CustomFields": {}
        }),
        "runbooks" => json!({
            "Description": "", "MultiTenancyMode": "Untenanted", "EnvironmentScope": "All", "Environments": [],
            "DefaultGuidedFailureMode": "EnvironmentDefault", "ForcePackageDownload": false
        }),
        "runbooksnapshots" => json!({
            "Notes": null, "LibraryVariableSetSnapshotIds": [], "SelectedPackages": [], "SelectedGitResources": [],
            "VersionControlReference": null
        }),
        "machines" => json!({
            "Roles": [], "EnvironmentIds": [], "TenantedDeploymentParticipation": "Untenanted", "TenantIds": [],
            "TenantTags": [], "Thumbprint": "0123456789ABCDEF0123456789ABCDEF01234567", "IsDisabled": false,
            "MachinePolicyId": "MachinePolicies-1", "HealthStatus": "Healthy", "HasLatestCalamari": true,
            "StatusSummary": "", "IsInProcess": false, "Endpoint": { "CommunicationStyle": "TentaclePassive" },
            "OperatingSystem": "Ubuntu 24.04.1 LTS", "ShellName": "Bash", "ShellVersion": "5.2.21(1)-release",
            "Architecture": "x86_64", "SkipInitialHealthCheck": false
        }),
        "tenants" => json!({ "Description": "", "TenantTags": [], "ProjectEnvironments": {}, "IsDisabled": false }),
        "channels" => {
            json!({ "Description": "", "LifecycleId": null, "IsDefault": true, "Rules": [], "TenantTags": [] })
        }
        "variables" => json!({ "Version": 1, "Variables": [], "ScopeValues": {
            "Environments": [], "Machines": [], "Actions": [], "Roles": [], "Channels": [], "TenantTags": [],
            "Processes": []
        } }),
        "interruptions" => json!({
            "IsPending": true, "RelatedDocumentIds": [], "ResponsibleTeamIds": [], "ResponsibleUserId": null,
            "CanTakeResponsibility": true, "HasResponsibility": false, "IsLinkedToOtherInterruption": false,
            "PullRequests": []
        }),
        "events" => json!({
            "RelatedDocumentIds": [], "UserId": "Users-310", "Username": "github-actions", "IsService": true,
            "IdentityEstablishedWith": "API key", "UserAgent": "octopus-cli/2.19.0", "MessageReferences": [],
            "Comments": null, "Details": null, "ChangeDetails": { "DocumentContext": null, "Differences": null },
            "IpAddress": "203.0.113.7"
        }),
        "artifacts" => json!({ "Source": null, "LogCorrelationId": null }),
        "workerpools" => {
            json!({ "Description": "", "IsDefault": false, "WorkerPoolType": "DynamicWorkerPool", "SortOrder": 0 })
        }
        "libraryvariablesets" => {
            json!({ "Description": "", "ContentType": "Variables", "Templates": [], "Version": 1 })
        }
        "lifecycles" => json!({ "Description": "", "Phases": [] }),
        "feeds" => json!({ "FeedType": "Docker" }),
        "build-information" => json!({
            "VcsType": "Git", "IssueTrackerName": null, "WorkItems": [], "Commits": [], "IncompleteDataWarning": null
        }),
        _ => json!({}),
    }
}

/// Completes all resources of `world`.
pub fn fill(world: &mut World) {
    // What a deployment has by default follows from its release, hence the order.
    let mut kinds: Vec<String> = world.resources.keys().cloned().collect();
    kinds.sort_by_key(|kind| matches!(kind.as_str(), "deployments" | "interruptions" | "artifacts"));
    for kind in kinds {
        let mut items = world.resources.get(&kind).cloned().unwrap_or_default();
        for item in &mut items {
            let id = text(item, "Id");
            assert!(!id.is_empty(), "a resource of {kind} has no Id: {item}");
            let own = own(world, &kind, item);
            complete(item, &own);
            complete(item, &defaults(&kind));
            let web = format!("/app#/{}/{kind}/{id}", world.settings.space.id);
            complete(item, &json!({ "SpaceId": world.settings.space.id, "Links": {} }));
            let self_link = format!("/api/{}/{kind}/{id}", world.settings.space.id);
            complete(&mut item["Links"], &json!({ "Self": self_link, "Web": web }));
        }
        world.resources.insert(kind, items);
    }
}

/// What follows from the rest of the world.
fn own(world: &World, kind: &str, item: &mut Value) -> Value {
    let id = text(item, "Id");
    match kind {
        "projects" => json!({
            "Slug": slug(item), "VariableSetId": format!("variableset-{id}"),
            "DeploymentProcessId": format!("deploymentprocess-{id}"),
        }),
        "environments" | "machines" | "tenants" | "channels" | "runbooks" | "workerpools" | "lifecycles" => {
            json!({ "Slug": slug(item) })
        }
        "deployments" => deployment(world, item),
        "runbookruns" => {
            let task = world.task_of(&id);
            json!({
                "Name": format!("Run on {}", name_of(world, "environments", &text(item, "EnvironmentId"))),
                "TaskId": task.map(|task| task.id.clone()),
                "Created": created(task),
                "FailureEncountered": task.is_some_and(failed),
                "ManifestVariableSetId": format!("variableset-{id}"),
            })
        }
        "deploymentprocesses" | "runbookprocesses" => {
            item["Steps"].as_array_mut().into_iter().flatten().for_each(fill_step);
            json!({ "Version": 1, "LastSnapshotId": null })
        }
        "variables" => {
            // A variable keeps its id from one version of its set to the next.
            let owner = if item["OwnerId"].is_null() { id.clone() } else { text(item, "OwnerId") };
            let mut seen: Vec<String> = Vec::new();
            for variable in item["Variables"].as_array_mut().into_iter().flatten() {
                let name = text(variable, "Name");
                let index = seen.iter().filter(|one| **one == name).count();
                fill_variable(variable, &format!("{owner}-{name}"), index);
                seen.push(name);
            }
            json!({})
        }
        "interruptions" => {
            correlate(world, item, "TaskId", "CorrelationId");
            json!({ "Form": { "Values": { "Notes": null, "Guidance": null }, "Elements": [
                { "Name": "Instructions", "IsValueRequired": false,
                  "Control": { "Type": "Paragraph", "Text": "The remote script failed with exit code 1", "ResolveLinks": false } },
                { "Name": "Notes", "Control": { "Type": "TextArea", "Label": "Notes" }, "IsValueRequired": false },
                { "Name": "Guidance", "IsValueRequired": false, "Control": { "Type": "SubmitButtonGroup", "Buttons": [
                    { "Text": "Fail", "Value": "Abort", "ButtonType": "Delete" },
                    { "Text": "Retry", "Value": "Retry", "ButtonType": "Primary" },
                    { "Text": "Ignore", "Value": "Ignore", "ButtonType": "Primary" } ] } }
            ] } })
        }
        "events" => json!({ "MessageHtml": item["Message"] }),
        "artifacts" => {
            correlate(world, item, "ServerTaskId", "LogCorrelationId");
            let content = format!("/api/{}/artifacts/{id}/content", world.settings.space.id);
            complete(item, &json!({ "Links": {} }));
            item["Links"]["Content"] = json!(content);
            json!({})
        }
        _ => json!({}),
    }
}

fn deployment(world: &World, item: &Value) -> Value {
    let (id, space) = (text(item, "Id"), &world.settings.space.id);
    let release = world.get("releases", &text(item, "ReleaseId"));
    let release = release.unwrap_or_else(|| panic!("{id} names no known release"));
    let task = world.task_of(&id);
    let builds = release["BuildInformation"].as_array().cloned().unwrap_or_default();
    let commits: Vec<&Value> = builds.iter().filter_map(|build| build["Commits"].as_array()).flatten().collect();
    let environment = text(item, "EnvironmentId");
    let steps = task.map(|task| {
        let steps = task.root.children.iter().filter_map(|node| {
            let name = node.name.strip_prefix("Step ")?.split_once(": ")?.1;
            Some(json!({ "Slug": slugged(name), "CorrelationId": node.id }))
        });
        steps.collect::<Vec<_>>()
    });
    let link = |kind: &str, id: &Value| format!("/api/{space}/{kind}/{}", id.as_str().unwrap_or_default());
    json!({
        "ProjectId": release["ProjectId"],
        "ChannelId": release["ChannelId"],
        "DeploymentProcessId": release["ProjectDeploymentProcessSnapshotId"],
        "ManifestVariableSetId": format!("variableset-{id}"),
        "Name": format!("Deploy to {}", name_of(world, "environments", &environment)),
        "TaskId": task.map(|task| task.id.clone()),
        "Created": created(task),
        "FailureEncountered": task.is_some_and(failed),
        "ExecutionPlanLogContext": { "Steps": steps.unwrap_or_default() },
        "ChangesMarkdown": format!("**Release {}**\n", text(release, "Version")),
        "Changes": [{
            "Version": release["Version"], "ReleaseNotes": release["ReleaseNotes"],
            "BuildInformation": builds, "WorkItems": [], "Commits": commits
        }],
        "Links": {
            "Self": format!("/api/{space}/deployments/{id}"),
            "Release": link("releases", &release["Id"]),
            "Environment": format!("/api/{space}/environments/{environment}"),
            "Project": link("projects", &release["ProjectId"]),
            "Task": task.map(|task| format!("/api/tasks/{}", task.id)),
            "Web": format!("/app#/{space}/deployments/{id}"),
            "Artifacts": format!("/api/{space}/artifacts?regarding={id}"),
            "Interruptions": format!("/api/{space}/interruptions?regarding={id}"),
            "DeploymentProcess": link("deploymentprocesses", &release["ProjectDeploymentProcessSnapshotId"])
        }
    })
}

fn fill_step(step: &mut Value) {
    let name = step["Name"].clone();
    let slug_of_step = slug(step);
    complete(
        step,
        &json!({
            "Id": format!("step-{slug_of_step}"), "Slug": slug_of_step, "PackageRequirement": "LetOctopusDecide",
            "Properties": {}, "Condition": "Success", "StartTrigger": "StartAfterPrevious", "Actions": []
        }),
    );
    for action in step["Actions"].as_array_mut().into_iter().flatten() {
        complete(action, &json!({ "Name": name }));
        let slug = slug(action);
        complete(
            action,
            &json!({
                "Id": format!("actn-{slug}"), "Slug": slug, "ActionType": "Octopus.Script", "Notes": null,
                "IsDisabled": false, "IsRequired": false, "CanBeUsedForProjectVersioning": false, "WorkerPoolId": null,
                "WorkerPoolVariable": null, "Container": { "Image": null, "FeedId": null, "GitUrl": null, "Dockerfile": null },
                "Environments": [], "ExcludedEnvironments": [], "Channels": [], "TenantTags": [], "Packages": [],
                "GitDependencies": [], "Condition": "Success", "Properties": {}, "StepPackageVersion": null, "Links": {}
            }),
        );
    }
}

fn fill_variable(variable: &mut Value, set: &str, index: usize) {
    let sensitive = variable["IsSensitive"] == true || variable["Type"] == "Sensitive";
    complete(
        variable,
        &json!({
            "Id": format!("{set}-{index:04}"), "Value": null, "Description": "", "Scope": {}, "IsEditable": true,
            "Prompt": null, "Type": if sensitive { "Sensitive" } else { "String" }, "IsSensitive": sensitive
        }),
    );
    if sensitive {
        variable["Value"] = Value::Null;
        variable["IsSensitive"] = json!(true);
    }
}

/// Turns `node:Step 6: Scan > Worker` into the id of that node of the task.
fn correlate(world: &World, item: &mut Value, task: &str, field: &str) {
    let Some(path) = item[field].as_str().and_then(|text| text.strip_prefix("node:")) else { return };
    let task = world.task(&text(item, task)).unwrap_or_else(|| panic!("{item} names no known task"));
    let names: Vec<&str> = path.split(" > ").collect();
    let node = task.node(&names).unwrap_or_else(|| panic!("{} has no node {path}", task.id));
    item[field] = json!(node.id);
}

/// Adds the fields that `item` does not have.
pub fn complete(item: &mut Value, with: &Value) {
    let fields: &mut Map<String, Value> = item.as_object_mut().unwrap_or_else(|| panic!("not an object"));
    for (name, value) in with.as_object().into_iter().flatten() {
        if !fields.contains_key(name) {
            fields.insert(name.clone(), value.clone());
        }
    }
}

pub fn text(item: &Value, field: &str) -> String {
    item[field].as_str().unwrap_or_default().to_owned()
}

pub fn name_of(world: &World, kind: &str, id: &str) -> String {
    world.get(kind, id).map_or_else(|| id.to_owned(), |item| text(item, "Name"))
}

fn created(task: Option<&TaskLog>) -> Option<String> {
    task.map(|task| iso(task.queued))
}

fn failed(task: &TaskLog) -> bool {
    task.state == "Failed" || task.root.children.iter().any(|node| node.status == "Failed")
}

fn slug(item: &Value) -> String {
    slugged(&text(item, "Name"))
}

pub fn slugged(name: &str) -> String {
    let words = name.to_lowercase();
    let words = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

//! Old servers: answers without the fields that came later.

use serde_json::Value;

use super::faults::error;
use super::http::Response;

/// An answer without what 2020.6 did not have.
pub fn aged(response: Response) -> Response {
    const NEWER: [&str; 24] = [
        "PendingInterruptionTypes",
        "PendingPreconditionTypes",
        "HasPendingPreconditions",
        "UnmetPreconditions",
        "EstimatedRemainingQueueDurationSeconds",
        "Slug",
        "VersionControlReference",
        "SelectedGitResources",
        "GitDependencies",
        "CustomFields",
        "ExecutionPlanLogContext",
        "DeployedByActorType",
        "Priority",
        "ChangeRequestSettings",
        "SpecificTargetTagIds",
        "ExcludedTargetTagIds",
        "IsVersionControlled",
        "PersistenceSettings",
        "Inputs",
        "StepPackageVersion",
        "FailTargetDiscovery",
        "DebugMode",
        "ForcePackageRedeployment",
        "WorkerPoolVariable",
    ];
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !NEWER.contains(&name.as_str()));
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let is_json = response.headers.iter().any(|(_, value)| value.starts_with("application/json"));
    if !is_json {
        return response;
    }
    let status = response.status;
    match serde_json::from_slice(&response.into_bytes()) {
        Ok(mut value) => {
            strip(&mut value);
            Response::json(status, &value)
        }
        Err(_) => error(500, "An answer was no JSON."),
    }
}

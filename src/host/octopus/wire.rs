//! What an Octopus Server sends, as it sends it. Everything is optional: servers from 2020.6 on lack some of it.

#![expect(clippy::struct_field_names, reason = "the names are the server's")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads a value of the wanted shape, and takes any other shape, `null` included, for a missing one. What follows a wrong one can
/// still be read because [`crate::tree`] reads each value apart.
#[expect(clippy::unnecessary_wraps, reason = "serde calls it")]
fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(T::deserialize(from).unwrap_or_default())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Root {
    #[serde(deserialize_with = "lenient")]
    pub(super) application: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) version: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Failing {
    #[serde(deserialize_with = "lenient")]
    pub(super) error_message: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) errors: Vec<String>,
}

/// One page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page<T> {
    #[serde(default = "Vec::new")]
    pub(super) items: Vec<T>,
    /// How many there are on all pages.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) total_results: usize,
}

/// Anything with an id and a name: a project, an environment, a tenant, a space, a worker pool.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Named {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) slug: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) username: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) is_version_controlled: bool,
    #[serde(deserialize_with = "lenient")]
    pub(super) persistence_settings: Persistence,
    #[serde(deserialize_with = "lenient")]
    pub(super) deployment_process_id: String,
}

/// Where a project that is kept in a repository lies.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Persistence {
    #[serde(deserialize_with = "lenient")]
    pub(super) url: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) base_path: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Task {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) space_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) description: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) arguments: BTreeMap<String, Value>,
    #[serde(deserialize_with = "lenient")]
    pub(super) state: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) start_time: Option<Timestamp>,
    #[serde(deserialize_with = "lenient")]
    pub(super) completed_time: Option<Timestamp>,
    #[serde(deserialize_with = "lenient")]
    pub(super) error_message: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) has_pending_interruptions: bool,
}

impl Task {
    pub(super) fn argument(&self, name: &str) -> Option<String> {
        self.arguments.get(name).and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned)
    }
}

/// A deployment or a runbook run: they share their fields but for where the process stands.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Deployment {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) release_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) deployment_process_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) frozen_runbook_process_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) runbook_snapshot_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) environment_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) tenant_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) project_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) task_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) skip_actions: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) channel_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) runbook_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) manifest_variable_set_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) deployed_by: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) deployed_to_machine_ids: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) specific_machine_ids: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) excluded_machine_ids: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) form_values: BTreeMap<String, Value>,
    #[serde(deserialize_with = "lenient")]
    pub(super) changes: Vec<ReleaseChanges>,
    #[serde(deserialize_with = "lenient")]
    pub(super) created: Option<Timestamp>,
}

/// What a release that lies between two deployments brought.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ReleaseChanges {
    #[serde(deserialize_with = "lenient")]
    pub(super) build_information: Vec<BuildInformation>,
    #[serde(deserialize_with = "lenient")]
    pub(super) work_items: Vec<WorkItem>,
    #[serde(deserialize_with = "lenient")]
    pub(super) commits: Vec<Commit>,
}

/// A release, or a snapshot of a runbook, which is to a runbook what a release is to a project.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Release {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) version: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) channel_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) assembled: Option<Timestamp>,
    #[serde(deserialize_with = "lenient")]
    pub(super) project_variable_set_snapshot_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) library_variable_set_snapshot_ids: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) selected_git_resources: Vec<SelectedGitResource>,
    #[serde(deserialize_with = "lenient")]
    pub(super) release_notes: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) project_deployment_process_snapshot_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) selected_packages: Vec<SelectedPackage>,
    #[serde(deserialize_with = "lenient")]
    pub(super) version_control_reference: Option<GitReference>,
    #[serde(deserialize_with = "lenient")]
    pub(super) build_information: Vec<BuildInformation>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SelectedPackage {
    #[serde(deserialize_with = "lenient")]
    pub(super) action_name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) package_reference_name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) version: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct GitReference {
    #[serde(deserialize_with = "lenient")]
    pub(super) git_ref: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) git_commit: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct BuildInformation {
    #[serde(deserialize_with = "lenient")]
    pub(super) package_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) version: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) branch: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) vcs_commit_number: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) work_items: Vec<WorkItem>,
    #[serde(deserialize_with = "lenient")]
    pub(super) commits: Vec<Commit>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Commit {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) link_url: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) comment: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct WorkItem {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) link_url: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) description: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SelectedGitResource {
    #[serde(deserialize_with = "lenient")]
    pub(super) action_name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) git_resource_reference_name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) git_reference_resource: GitReference,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Process {
    #[serde(deserialize_with = "lenient")]
    pub(super) version: u64,
    #[serde(deserialize_with = "lenient")]
    pub(super) steps: Vec<ProcessStep>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ProcessStep {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) slug: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) condition: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) start_trigger: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) package_requirement: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) properties: BTreeMap<String, Value>,
    #[serde(deserialize_with = "lenient")]
    pub(super) actions: Vec<Action>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Action {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) action_type: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) is_disabled: bool,
    #[serde(deserialize_with = "lenient")]
    pub(super) is_required: bool,
    #[serde(deserialize_with = "lenient")]
    pub(super) condition: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) worker_pool_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) worker_pool_variable: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) container: Container,
    #[serde(deserialize_with = "lenient")]
    pub(super) environments: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) excluded_environments: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) channels: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) tenant_tags: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) packages: Vec<PackageReference>,
    #[serde(deserialize_with = "lenient")]
    pub(super) properties: BTreeMap<String, Value>,
    #[serde(deserialize_with = "lenient")]
    pub(super) step_package_version: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) inputs: Value,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Container {
    #[serde(deserialize_with = "lenient")]
    pub(super) image: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) feed_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) git_url: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) dockerfile: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct PackageReference {
    #[serde(deserialize_with = "lenient")]
    pub(super) name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) package_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) feed_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) acquisition_location: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) version: String,
}

/// The variables of a project or library set, live or as a release froze them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct VariableSet {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) owner_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) version: u64,
    #[serde(deserialize_with = "lenient")]
    pub(super) variables: Vec<Variable>,
    #[serde(deserialize_with = "lenient")]
    pub(super) scope_values: BTreeMap<String, Vec<Named>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Variable {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) value: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) r#type: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) scope: BTreeMap<String, Vec<String>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) is_sensitive: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Machine {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) roles: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) is_disabled: bool,
    #[serde(deserialize_with = "lenient")]
    pub(super) health_status: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) status_summary: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) has_latest_calamari: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(super) operating_system: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) shell_name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) shell_version: String,
}

/// An entry of the audit log.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Event {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) category: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) username: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) occurred: Option<Timestamp>,
    #[serde(deserialize_with = "lenient")]
    pub(super) message: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) related_document_ids: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Artifact {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) server_task_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) filename: String,
}

/// The recent releases of a project and how each went in each environment.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Progression {
    #[serde(deserialize_with = "lenient")]
    pub(super) environments: Vec<Named>,
    #[serde(deserialize_with = "lenient")]
    pub(super) releases: Vec<Progress>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Progress {
    #[serde(deserialize_with = "lenient")]
    pub(super) release: Release,
    #[serde(deserialize_with = "lenient")]
    pub(super) deployments: BTreeMap<String, Vec<DashboardItem>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct DashboardItem {
    #[serde(deserialize_with = "lenient")]
    pub(super) deployment_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) task_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) tenant_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) environment_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) state: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) created: Option<Timestamp>,
    #[serde(deserialize_with = "lenient")]
    pub(super) completed_time: Option<Timestamp>,
}

/// A step's or action's property as text: sensitive ones come as an object and count as missing.
pub(super) fn property<'a>(properties: &'a BTreeMap<String, Value>, name: &str) -> Option<&'a str> {
    properties.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

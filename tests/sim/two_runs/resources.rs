//! The resources that follow from a file of two runs: releases, processes, variables, machines, the audit log.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::fill::slugged;
use super::super::log::iso;
use super::{Change, FullVariable, Runs, Side, Step, Variable};

impl Runs {
    fn machine_id(name: &str) -> String {
        format!("Machines-{name}")
    }

    pub(super) fn resources(&self) -> Vec<(&'static str, Vec<Value>)> {
        let sides = [Side::Good, Side::Failed];
        let environments = self.environments();
        let environments: Vec<Value> = environments
            .iter()
            .enumerate()
            .map(|(at, name)| json!({ "Id": self.environment_id(name), "Name": name, "SortOrder": at }))
            .collect();
        let libraries: Vec<Value> = self
            .libraries
            .keys()
            .map(|name| {
                let id = library_id(name);
                json!({ "Id": id, "Name": name, "VariableSetId": format!("variableset-{id}") })
            })
            .collect();
        let library_ids: Vec<&Value> = libraries.iter().map(|one| &one["Id"]).collect();
        let project =
            json!([{ "Id": "Projects-1", "Name": self.project(), "IncludedLibraryVariableSetIds": library_ids }]);
        let deployments = sides.map(|side| {
            let machines: Vec<String> = self.machines(side).iter().map(|name| Self::machine_id(name)).collect();
            let run = self.run(side);
            let skipped: Vec<String> = run.skip.iter().map(|name| action_id(name)).collect();
            let typed: serde_json::Map<String, Value> =
                run.typed.iter().map(|(name, value)| (format!("Projects-1-{name}"), json!(value))).collect();
            json!({
                "SkipActions": skipped, "FormValues": typed, "Id": format!("Deployments-{}", side.id()), "ReleaseId": format!("Releases-{}", side.id()),
                "EnvironmentId": "Environments-1", "DeployedToMachineIds": machines
            })
        });
        let mut processes = sides.map(|side| self.process(side)).to_vec();
        let mut live = self.process(Side::Live);
        live["Id"] = json!("deploymentprocess-Projects-1");
        processes.push(live);
        let list = |value: Value| value.as_array().cloned().unwrap_or_default();
        vec![
            ("projects", list(project)),
            ("environments", environments),
            ("channels", vec![json!({ "Id": "Channels-1099", "Name": "Default", "ProjectId": "Projects-1" })]),
            ("workerpools", vec![json!({ "Id": "WorkerPools-1", "Name": "hosted-ubuntu", "IsDefault": true })]),
            ("releases", sides.map(|side| self.release(side)).to_vec()),
            ("deployments", deployments.to_vec()),
            ("deploymentprocesses", processes),
            ("libraryvariablesets", libraries),
            ("variables", sides.iter().flat_map(|side| self.variable_sets(*side)).collect()),
            ("machines", self.machine_resources()),
            ("events", self.events()),
        ]
    }

    /// The steps as a side has them.
    pub(super) fn steps(&self, side: Side) -> Vec<Step> {
        let mut steps = self.steps.clone();
        for change in self.changes.iter().filter(|change| change.is_to_come(side)) {
            if let Some(name) = &change.new_step {
                steps.retain(|step| step.name != *name);
            }
            if let Some(name) = &change.removed_step {
                let at = change.place.map_or(steps.len(), |place| (place - 1).min(steps.len()));
                steps.insert(at, Step { name: name.clone(), script: change.text(side), ..Step::default() });
            }
            if let (Some(name), Some(place)) = (&change.moved_step, &change.was) {
                let at = steps.iter().position(|step| step.name == *name).unwrap_or_else(|| panic!("no step {name}"));
                let step = steps.remove(at);
                let place = usize::try_from(place.as_u64().expect("`was` is a place")).expect("a small number");
                steps.insert((place - 1).min(steps.len()), step);
            }
            if let Some(name) = &change.script {
                let step = steps.iter_mut().find(|step| step.name == *name);
                let step = step.unwrap_or_else(|| panic!("no step {name}"));
                let now = change.text(Side::Live);
                assert!(step.script.contains(&now), "the script of {name} does not hold `{now}`");
                step.script = step.script.replace(&now, &change.text(side));
            }
        }
        steps
    }

    fn process(&self, side: Side) -> Value {
        let steps: Vec<Value> = self.steps(side).iter().map(|step| self.step_resource(step, side)).collect();
        json!({ "Id": self.process_id(side), "ProjectId": "Projects-1", "Version": side.id(), "Steps": steps })
    }

    /// The snapshot of the process: the same on both sides where nothing in it changed.
    fn process_id(&self, side: Side) -> String {
        let version = if self.changes.iter().any(|change| change.is_of_process() && !change.later) {
            side.id()
        } else {
            Side::Good.id()
        };
        format!("deploymentprocess-Projects-1-s-{version}-SIMUL")
    }

    fn step_resource(&self, step: &Step, side: Side) -> Value {
        let mut properties = json!({
            "Octopus.Action.Script.ScriptSource": "Inline", "Octopus.Action.Script.Syntax": "Bash",
            "Octopus.Action.RunOnServer": if step.targets.is_empty() { "true" } else { "false" },
            "Octopus.Action.Script.ScriptBody": step.script
        });
        for (name, value) in &step.properties {
            properties[name] = json!(value);
        }
        let packages: Vec<Value> = step.package.iter().map(|id| json!({ "Name": "", "PackageId": id })).collect();
        let mut resource = json!({ "Name": step.name, "Condition": "Success", "Properties": {}, "Actions": [
            { "Name": step.name, "Properties": properties, "Packages": packages, "WorkerPoolId": "WorkerPools-1" }
        ] });
        for change in self.changes.iter().filter(|change| change.step.as_ref() == Some(&step.name)) {
            let Some(setting) = &change.setting else { continue };
            let is_property = setting.contains('.');
            let of_step = matches!(setting.as_str(), "Condition" | "StartTrigger" | "PackageRequirement")
                || matches!(
                    setting.as_str(),
                    "Octopus.Action.TargetRoles" | "Octopus.Step.ConditionVariableExpression"
                );
            let holder = if of_step { &mut resource } else { &mut resource["Actions"][0] };
            let holder = if is_property { &mut holder["Properties"] } else { holder };
            match change.at(side) {
                Some(value) => holder[setting] = value.clone(),
                None => drop(holder.as_object_mut().and_then(|fields| fields.remove(setting))),
            }
        }
        resource
    }

    fn release(&self, side: Side) -> Value {
        let version = self.version(side);
        let of_package = |id: &str| {
            let change = self
                .changes
                .iter()
                .find(|one| one.commit.is_none() && one.work_item.is_none() && one.package.as_deref() == Some(id));
            change.map(|change| change.text(side)).filter(|text| !text.is_empty())
        };
        let steps = self.steps(side);
        let selected: Vec<Value> = steps
            .iter()
            .filter_map(|step| {
                let id = step.package.as_ref()?;
                let version = of_package(id).unwrap_or_else(|| version.clone());
                Some(json!({ "ActionName": step.name, "PackageReferenceName": "", "Version": version }))
            })
            .collect();
        let mut builds: BTreeMap<String, Value> = BTreeMap::new();
        let hosted = self.hosted.as_deref().unwrap_or("https://github.com/example-org/shop");
        for change in self.changes.iter().filter(|_| side == Side::Failed) {
            let package = change.package.clone().unwrap_or_else(|| self.project().to_owned());
            let (list, entry) = match (&change.commit, &change.work_item) {
                (Some(id), _) => {
                    let link = format!("{hosted}/commit/{id}");
                    ("Commits", json!({ "Id": id, "LinkUrl": link, "Comment": change.message }))
                }
                (_, Some(id)) => {
                    let link = format!("{hosted}/issues/{id}");
                    (
                        "WorkItems",
                        json!({ "Id": id, "LinkUrl": link, "Description": change.message, "Source": "GitHub" }),
                    )
                }
                _ => continue,
            };
            let build = builds.entry(package.clone()).or_insert_with(
                || json!({ "PackageId": package, "Version": version, "Commits": [], "WorkItems": [], "VcsType": "Git" }),
            );
            build[list].as_array_mut().expect("a list").push(entry);
        }
        let sets: Vec<String> = self.libraries.keys().map(|name| self.set_id(&library_id(name), side)).collect();
        json!({
            "Id": format!("Releases-{}", side.id()), "ProjectId": "Projects-1", "Version": version,
            "ReleaseNotes": self.run(side).notes, "Assembled": iso(self.assembled(side)),
            "ProjectDeploymentProcessSnapshotId": self.process_id(side),
            "ProjectVariableSetSnapshotId": self.set_id("Projects-1", side),
            "LibraryVariableSetSnapshotIds": sets, "SelectedPackages": selected,
            "BuildInformation": builds.into_values().collect::<Vec<_>>()
        })
    }

    /// The snapshot of a set: the same on both sides where nothing in it changed.
    fn set_id(&self, owner: &str, side: Side) -> String {
        let library = |change: &Change| change.library.as_deref().map(library_id);
        let changed = self.changes.iter().any(|change| {
            change.variable.is_some() && library(change).unwrap_or_else(|| "Projects-1".to_owned()) == owner
        });
        let version = if changed { side.id() } else { Side::Good.id() };
        format!("variableset-{owner}-s-{version}-SIMUL")
    }

    fn variable_sets(&self, side: Side) -> Vec<Value> {
        let project = self.variable_set("Projects-1", None, &self.variables, side);
        let libraries =
            self.libraries.iter().map(|(name, set)| self.variable_set(&library_id(name), Some(name), set, side));
        [project].into_iter().chain(libraries).collect()
    }

    fn variable_set(
        &self,
        owner: &str,
        library: Option<&String>,
        set: &BTreeMap<String, Variable>,
        side: Side,
    ) -> Value {
        let mut all: BTreeMap<&str, Value> =
            set.iter().map(|(name, variable)| (name.as_str(), self.variable(owner, name, variable))).collect();
        for change in self.changes.iter().filter(|change| change.library.as_ref() == library) {
            let Some(name) = change.variable.as_deref() else { continue };
            let own = change.at(side);
            // What stands in the table is how it is now.
            let stays = side == Side::Failed && own.is_none() && all.contains_key(name);
            if change.sensitive {
                let id = format!("{owner}-{name}-{}", side.id());
                all.insert(name, json!({ "Id": id, "Name": name, "IsSensitive": true }));
            } else if let Some(value) = own {
                let mut variable = all.remove(name).unwrap_or_else(|| json!({ "Name": name }));
                variable["Value"] = value.clone();
                all.insert(name, variable);
            } else if !stays {
                all.remove(name);
            }
        }
        let environments: Vec<Value> =
            self.environments().iter().map(|name| json!({ "Id": self.environment_id(name), "Name": name })).collect();
        let actions: Vec<Value> =
            self.steps.iter().map(|step| json!({ "Id": action_id(&step.name), "Name": step.name })).collect();
        let id = self.set_id(owner, side);
        let version = if id.ends_with("-s-2-SIMUL") { 2 } else { 1 };
        json!({
            "Id": id, "OwnerId": owner, "Version": version, "Variables": all.into_values().collect::<Vec<_>>(),
            "ScopeValues": { "Environments": environments, "Actions": actions, "Machines": [], "Roles": [], "Channels": [],
                "TenantTags": [], "Processes": [] }
        })
    }

    fn variable(&self, owner: &str, name: &str, variable: &Variable) -> Value {
        let full = match variable {
            Variable::Plain(value) => FullVariable { value: Some(value.clone()), ..FullVariable::default() },
            Variable::Full(full) => full.clone(),
        };
        let environments: Vec<String> = full.environments.iter().map(|name| self.environment_id(name)).collect();
        let actions: Vec<String> = full.step.iter().map(|name| action_id(name)).collect();
        let id = format!("{owner}-{name}");
        let scope = json!({ "Environment": environments, "Action": actions });
        json!({ "Id": id, "Name": name, "Value": full.value, "IsSensitive": full.sensitive, "Scope": scope })
    }

    fn machine_resources(&self) -> Vec<Value> {
        let resource = |name: &String| {
            let change = self.changes.iter().find(|change| change.machine.as_ref() == Some(name));
            let health = change.map_or_else(|| "Healthy".to_owned(), |change| change.text(Side::Failed));
            json!({
                "Id": Self::machine_id(name), "Name": name, "Roles": ["web"], "EnvironmentIds": ["Environments-1"],
                "HealthStatus": health, "StatusSummary": change.and_then(|change| change.message.clone()).unwrap_or_default()
            })
        };
        self.machines(Side::Failed).iter().map(resource).collect()
    }

    /// The audit log: what was done by somebody, and what is told as an event.
    fn events(&self) -> Vec<Value> {
        let project = self.project();
        let middle = i64::midpoint(self.start(Side::Good).as_second(), self.assembled(Side::Failed).as_second());
        let middle = Timestamp::from_second(middle).expect("a time between two times");
        let mut events = Vec::new();
        for (index, change) in self.changes.iter().enumerate() {
            let (category, message, ids) = if let Some(category) = &change.event {
                (category.clone(), String::new(), change.ids.clone())
            } else if change.who.is_none() && change.when.is_none() {
                continue;
            } else if change.is_of_process() {
                let message = format!("Deployment process for project {project} was modified");
                (
                    "Modified".to_owned(),
                    message,
                    vec!["Projects-1".to_owned(), "deploymentprocess-Projects-1".to_owned()],
                )
            } else if let Some(library) = change.variable.as_ref().and(change.library.as_ref()) {
                let id = library_id(library);
                (
                    "Modified".to_owned(),
                    format!("Library variable set {library} was modified"),
                    vec![format!("variableset-{id}"), id],
                )
            } else if change.variable.is_some() {
                let message = format!("Variables of project {project} were modified");
                ("Modified".to_owned(), message, vec!["Projects-1".to_owned(), "variableset-Projects-1".to_owned()])
            } else if let Some(name) = &change.machine {
                let now = change.text(Side::Failed);
                let ids = vec![Self::machine_id(name), "Environments-1".to_owned()];
                (format!("Machine{now}"), format!("Machine {name} is {now}"), ids)
            } else if let Some((name, what)) = (change.new_machine.as_ref().map(|name| (name, "Added")))
                .or_else(|| change.removed_machine.as_ref().map(|name| (name, "Deleted")))
            {
                (
                    format!("Machine{what}"),
                    format!("Machine {name} was {}", what.to_lowercase()),
                    vec![Self::machine_id(name)],
                )
            } else {
                continue;
            };
            events.push(json!({
                "Id": format!("Events-{}", index + 1), "Category": category, "RelatedDocumentIds": ids,
                "Message": change.message.clone().filter(|_| change.event.is_some() || message.is_empty()).unwrap_or(message),
                "Occurred": iso(change.when.unwrap_or(if change.later { self.start(Side::Failed) } else { middle })), "Username": change.who.as_deref().unwrap_or("system")
            }));
        }
        events
    }
}

fn library_id(name: &str) -> String {
    format!("LibraryVariableSets-{}", name.replace(' ', ""))
}

fn action_id(step: &str) -> String {
    format!("actn-{}", slugged(step))
}

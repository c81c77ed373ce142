//! What stands around a failure: the release, the process as it was frozen, who it went to, and whether it failed before.

use std::collections::BTreeMap;
use std::thread;

use jiff::Timestamp;

use url::Url;

use crate::model::{Context, Definition, Earlier, Log, Note, Script, Source};

use super::api::{Api, Trouble, segment};
use super::gather::join;
use super::wire::{Action, Deployment, Named, Page, Process, ProcessStep, Progression, Release, Root, property};
use super::{Known, activity, at, note, portal};

/// How many earlier failures are told of.
const EARLIER: usize = 5;
/// Kinds of steps that Octopus never tries again by itself.
const NEVER_RETRIED: [&str; 4] = ["Octopus.DeployRelease", "Octopus.HealthCheck", "Octopus.Manual", "Octopus.Email"];

/// The file of a project's process in its repository.
const PROCESS_FILE: &str = "deployment_process.ocl";

/// What was found.
#[derive(Default)]
pub(super) struct Around {
    pub(super) definitions: Vec<Definition>,
    /// The earlier failures and the runs they were.
    pub(super) earlier: Option<Vec<(Deployment, Earlier)>>,
    pub(super) context: Vec<Context>,
    pub(super) commit: Option<String>,
    /// What of it a comparison with another run needs.
    pub(super) release: Option<Release>,
    pub(super) process: Option<Process>,
    pub(super) project: Option<Named>,
    pub(super) pools: Vec<Named>,
    pub(super) progression: Option<Progression>,
}

/// The answer, or a note that says what is missing and what it costs.
pub(super) fn or_note<T>(answer: Result<T, Trouble>, notes: &mut Vec<Note>, what: &str, cost: &str) -> Option<T> {
    answer.map_err(|trouble| notes.push(note(&format!("{what} cannot be read ({trouble}): {cost}")))).ok()
}

pub(super) fn release(api: &Api, space: &str, id: &str) -> Result<Release, Trouble> {
    api.get(&at(space, &format!("releases/{}", segment(id))))
}

/// Asks for all of it side by side, but for the release if it is asked for elsewhere.
pub(super) fn ask(api: &Api, known: &Known, deployment: Option<&Deployment>, release_elsewhere: Elsewhere) -> Answers {
    let space = known.space.clone();
    let by_id = |kind: &str, id: &str| api.get::<Named>(&at(&space, &format!("{kind}/{}", segment(id))));
    let is_runbook = !known.runbook_run.is_empty();
    let process_id = deployment.map(|deployment| {
        if is_runbook { &deployment.frozen_runbook_process_id } else { &deployment.deployment_process_id }.clone()
    });
    let process_kind = if is_runbook { "runbookProcesses" } else { "deploymentprocesses" };
    let of_project = !known.project.is_empty() && !known.environment.is_empty();
    thread::scope(|scope| {
        let process = process_id.filter(|id| !id.is_empty()).map(|id| {
            let path = at(&space, &format!("{process_kind}/{}", segment(&id)));
            scope.spawn(move || api.get::<Process>(&path))
        });
        let wanted = release_elsewhere == Elsewhere::No && !known.release.is_empty();
        let release = wanted.then(|| scope.spawn(|| release(api, &space, &known.release)));
        let project = (!known.project.is_empty()).then(|| scope.spawn(|| by_id("projects", &known.project)));
        let named = |id: &str, name: &str| !id.is_empty() && name.is_empty();
        let environment = named(&known.environment, &known.environment_name)
            .then(|| scope.spawn(|| by_id("environments", &known.environment)));
        let tenant = named(&known.tenant, &known.tenant_name).then(|| scope.spawn(|| by_id("tenants", &known.tenant)));
        let failures = of_project.then(|| scope.spawn(|| api.get::<Page<Deployment>>(&at(&space, &failures(known)))));
        let progression = (of_project && !is_runbook).then(|| {
            let path = format!("projects/{}/progression?releaseHistoryCount=10", segment(&known.project));
            let space = &space;
            scope.spawn(move || api.get::<Progression>(&at(space, &path)))
        });
        let pools = scope.spawn(|| api.get::<Vec<Named>>(&at(&space, "workerpools/all")));
        let root = scope.spawn(|| api.get::<Root>(""));
        Answers {
            process: process.map(join),
            release: release.map(join),
            project: project.map(join),
            environment: environment.map(join),
            tenant: tenant.map(join),
            failures: failures.map(join),
            progression: progression.map(join),
            pools: join(pools),
            root: join(root),
        }
    })
}

/// Whether something is asked for in another place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elsewhere {
    Yes,
    No,
}

/// What was answered.
pub(super) struct Answers {
    process: Option<Result<Process, Trouble>>,
    release: Option<Result<Release, Trouble>>,
    project: Option<Result<Named, Trouble>>,
    environment: Option<Result<Named, Trouble>>,
    tenant: Option<Result<Named, Trouble>>,
    failures: Option<Result<Page<Deployment>, Trouble>>,
    progression: Option<Result<Progression, Trouble>>,
    pools: Result<Vec<Named>, Trouble>,
    root: Result<Root, Trouble>,
}

impl Answers {
    /// The same with the release that was asked for elsewhere, if it was.
    pub(super) fn with_release(self, release: Option<Result<Release, Trouble>>) -> Self {
        Self { release: release.or(self.release), ..self }
    }

    pub(super) fn put_together(self, api: &Api, known: &mut Known, log: &Log, notes: &mut Vec<Note>) -> Around {
        let mut note_of = |what: &str, cost: &str, trouble: &Trouble| {
            notes.push(note(&format!("{what} cannot be read ({trouble}): {cost}")));
        };
        let mut take = |answer: Option<Result<Named, Trouble>>, what: &str, cost: &str| match answer {
            Some(Err(trouble)) => {
                note_of(what, cost, &trouble);
                None
            }
            Some(Ok(named)) => Some(named),
            None => None,
        };
        let project = take(self.project, "the project", "its name and the way to its settings are unknown");
        let environment = take(self.environment, "the environment", "its name is unknown");
        let tenant = take(self.tenant, "the tenant", "its name is unknown");
        for (slot, named) in [
            (&mut known.project_name, &project),
            (&mut known.environment_name, &environment),
            (&mut known.tenant_name, &tenant),
        ] {
            if let (true, Some(named)) = (slot.is_empty(), named) {
                slot.clone_from(&named.name);
            }
        }
        let release = self
            .release
            .and_then(|answer| or_note(answer, notes, "the release", "its version, packages and notes are unknown"));
        if let Some(release) = &release
            && known.version.is_empty()
        {
            known.version.clone_from(&release.version);
        }
        let process = self.process.and_then(|answer| {
            let answer = answer.or_else(|trouble| process_of_release(api, known, release.as_ref(), trouble));
            let cost = "the script, retries, time limit and conditions of the failed step are unknown";
            or_note(answer, notes, "the process", cost)
        });
        let progression = self.progression.and_then(|answer| {
            or_note(answer, notes, "the project's recent releases", "how this release did elsewhere is unknown")
        });
        let failures = self
            .failures
            .and_then(|answer| or_note(answer, notes, "earlier failures", "whether this happened before is unknown"));
        let pools = self.pools.unwrap_or_default();
        let version = self.root.map(|root| root.version).unwrap_or_default();
        let definitions = process.as_ref().map(|process| {
            let site = Site { api, known, project: project.as_ref(), pools: &pools, server: &version };
            site.definitions(process, release.as_ref(), log)
        });
        let mut context = Vec::new();
        if let Some(release) = &release {
            let text = release.release_notes.trim();
            if !text.is_empty() {
                context.push(Context { title: "Release notes".to_owned(), text: text.to_owned(), url: None });
            }
        }
        if let Some(text) = progression.as_ref().and_then(|progression| elsewhere(progression, known)) {
            context.push(Context { title: "The same release elsewhere".to_owned(), text, url: None });
        }
        let earlier = failures.map(|page| {
            let versions = progression.as_ref().map(versions).unwrap_or_default();
            page.items
                .into_iter()
                .filter(|one| one.task_id != known.task && one.id != known.deployment && one.id != known.runbook_run)
                .take(EARLIER)
                .map(|one| {
                    let told = Earlier {
                        title: versions.get(&one.release_id).cloned().unwrap_or_else(|| one.id.clone()),
                        when: one.created,
                        url: Some(portal(api.base(), &known.space, &format!("tasks/{}", one.task_id))),
                        same: None,
                        after: None,
                    };
                    (one, told)
                })
                .collect()
        });
        let commit = release.as_ref().and_then(|release| {
            let built = release.build_information.iter().map(|built| &built.vcs_commit_number);
            let git = release.version_control_reference.as_ref().map(|reference| &reference.git_commit);
            built.chain(git).find(|commit| !commit.is_empty()).cloned()
        });
        let definitions = definitions.unwrap_or_default();
        Around { definitions, earlier, context, commit, release, process, project, pools, progression }
    }
}

/// For version-controlled projects the process can also be had by the release's commit.
fn process_of_release(
    api: &Api,
    known: &Known,
    release: Option<&Release>,
    trouble: Trouble,
) -> Result<Process, Trouble> {
    let Some(release) = release else { return Err(trouble) };
    let ask = |path: &str| api.get::<Process>(&at(&known.space, path));
    let snapshot = &release.project_deployment_process_snapshot_id;
    if matches!(trouble, Trouble::Forbidden(_)) {
        return Err(trouble);
    }
    let reference = release.version_control_reference.as_ref().filter(|reference| !reference.git_commit.is_empty());
    match reference {
        Some(reference) => {
            let commit = segment(&reference.git_commit);
            ask(&format!("projects/{}/{commit}/deploymentprocesses", segment(&known.project)))
        }
        None if !snapshot.is_empty() => ask(&format!("deploymentprocesses/{}", segment(snapshot))),
        None => Err(trouble),
    }
}

/// The list of failed runs of the same project, environment and tenant.
fn failures(known: &Known) -> String {
    let kind = if known.runbook_run.is_empty() { "deployments" } else { "runbookRuns" };
    let (project, environment) = (segment(&known.project), segment(&known.environment));
    let tenant = if known.tenant.is_empty() { String::new() } else { format!("&tenants={}", segment(&known.tenant)) };
    let take = EARLIER + 1;
    format!("{kind}?projects={project}&environments={environment}{tenant}&taskState=Failed&take={take}")
}

fn versions(progression: &Progression) -> BTreeMap<String, String> {
    progression.releases.iter().map(|one| (one.release.id.clone(), one.release.version.clone())).collect()
}

/// Where else this release went, and how: `Production: Success (2026-02-10 02:58)`.
fn elsewhere(progression: &Progression, known: &Known) -> Option<String> {
    let release = progression.releases.iter().find(|one| one.release.id == known.release)?;
    let names: BTreeMap<_, _> =
        progression.environments.iter().map(|one| (one.id.as_str(), one.name.as_str())).collect();
    let lines: Vec<_> = release
        .deployments
        .iter()
        .filter(|(environment, _)| **environment != known.environment)
        .flat_map(|(environment, items)| items.iter().take(1).map(move |item| (environment, item)))
        .map(|(environment, item)| {
            let name = names.get(environment.as_str()).copied().unwrap_or(environment);
            format!(
                "{name}: {}{}",
                item.state,
                item.completed_time.map(|time| format!(" ({})", minute(time))).unwrap_or_default()
            )
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// What is needed to say where in the portal something is.
struct Site<'a> {
    api: &'a Api<'a>,
    known: &'a Known,
    project: Option<&'a Named>,
    pools: &'a [Named],
    server: &'a str,
}

impl Site<'_> {
    /// What the process says of the steps whose parts failed.
    fn definitions(&self, process: &Process, release: Option<&Release>, log: &Log) -> Vec<Definition> {
        let culprits: Vec<_> = log.steps.iter().filter(|step| step.culprit).collect();
        let mut found = Vec::new();
        for step in &process.steps {
            let places: Vec<_> =
                culprits.iter().filter(|culprit| culprit.name == step.name).map(|one| one.place.as_deref()).collect();
            if places.is_empty() {
                continue;
            }
            // A step of several actions shows each as a part of its own.
            let shown = |action: &&Action| {
                places
                    .iter()
                    .flatten()
                    .any(|place| place.split(" › ").any(|part| activity::numbered(part).1 == action.name))
            };
            let named: Vec<&Action> = step.actions.iter().filter(shown).collect();
            let actions = if named.is_empty() { step.actions.iter().collect() } else { named };
            found.extend(actions.into_iter().map(|action| self.definition(step, action, release)));
        }
        found
    }

    fn definition(&self, step: &ProcessStep, action: &Action, release: Option<&Release>) -> Definition {
        let number = |name: &str| property(&action.properties, name).and_then(|text| text.parse::<u32>().ok());
        let can_retry = !NEVER_RETRIED.contains(&action.action_type.as_str()) && !self.is_older_than(2022);
        let script = property(&action.properties, "Octopus.Action.Script.ScriptBody").map(|body| Script {
            syntax: property(&action.properties, "Octopus.Action.Script.Syntax").unwrap_or("PowerShell").to_owned(),
            body: body.to_owned(),
        });
        let container = &action.container.image;
        Definition {
            step: step.name.clone(),
            kind: action.action_type.clone(),
            condition: condition(step),
            retries: can_retry.then(|| number("Octopus.Action.AutoRetry.MaximumCount").unwrap_or(0)),
            timeout_minutes: number("Octopus.Action.ExecutionTimeout.Minutes").filter(|minutes| *minutes > 0),
            runs_on: self.runs_on(step, action),
            container: (!container.is_empty()).then(|| container.clone()),
            script,
            packages: packages(action, release),
            url: self.process_page(),
            path_to_settings: Some(format!("Process › {} › Conditions", step.name)),
            source: self.source(step, action, release),
        }
    }

    /// Where the step is written, in a project that is kept in a repository: `BASE/deployment_process.ocl`.
    fn source(&self, step: &ProcessStep, action: &Action, release: Option<&Release>) -> Option<Source> {
        let project =
            self.project.filter(|project| project.is_version_controlled && self.known.runbook_run.is_empty())?;
        let made_from = release?.version_control_reference.as_ref().filter(|from| !from.git_commit.is_empty())?;
        let kept = &project.persistence_settings;
        let mut repository = Url::parse(&kept.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        // A name or token for the server's own use: of no use to a reader, and nobody else's business.
        let _ = repository.set_username("").and_then(|()| repository.set_password(None));
        let base = kept.base_path.trim_matches('/');
        let path = if base.is_empty() { PROCESS_FILE.to_owned() } else { format!("{base}/{PROCESS_FILE}") };
        Some(Source {
            repository: repository.into(),
            path,
            branch: made_from.git_ref.strip_prefix("refs/heads/").map(str::to_owned),
            commit: made_from.git_commit.clone(),
            step: if step.slug.is_empty() { step.name.clone() } else { step.slug.clone() },
            action: action.name.clone(),
            lines: None,
        })
    }

    fn is_older_than(&self, year: u32) -> bool {
        self.server.split('.').next().and_then(|first| first.parse::<u32>().ok()).is_some_and(|first| first < year)
    }

    fn runs_on(&self, step: &ProcessStep, action: &Action) -> Option<String> {
        let on_server = property(&action.properties, "Octopus.Action.RunOnServer")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let roles =
            property(&step.properties, "Octopus.Action.TargetRoles").map(|roles| format!("targets with {roles}"));
        let pool = if action.worker_pool_id.is_empty() {
            let variable = &action.worker_pool_variable;
            (!variable.is_empty()).then(|| format!("worker pool from variable {variable}"))
        } else {
            let named = self.pools.iter().find(|pool| pool.id == action.worker_pool_id);
            Some(format!("worker pool {}", named.map_or(action.worker_pool_id.as_str(), |pool| pool.name.as_str())))
        };
        match (on_server, pool, roles) {
            (true, pool, Some(roles)) => Some(format!("{} for {roles}", pool.unwrap_or_else(|| "a worker".to_owned()))),
            (true, pool, None) => pool.or_else(|| Some("the default worker pool".to_owned())),
            (false, _, roles) => roles,
        }
    }

    fn process_page(&self) -> Option<String> {
        let project = self.project?;
        let slug = if project.slug.is_empty() { &project.id } else { &project.slug };
        let (space, base) = (&self.known.space, self.api.base());
        Some(if self.known.runbook_run.is_empty() {
            portal(base, space, &format!("projects/{slug}/deployments/process"))
        } else {
            portal(base, space, &format!("projects/{slug}/operations/runbooks"))
        })
    }
}

pub(super) fn condition(step: &ProcessStep) -> Option<String> {
    let text = match step.condition.as_str() {
        "Success" => "only when previous steps succeed",
        "Failure" => "only when a previous step failed",
        "Always" => "always",
        "Variable" => {
            let expression = property(&step.properties, "Octopus.Step.ConditionVariableExpression").unwrap_or("?");
            return Some(format!("when {expression} is true"));
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// `OctopusCopilot 0.1.1982`, one for each package of the action that the release chose a version for.
fn packages(action: &Action, release: Option<&Release>) -> Vec<String> {
    let selected = release.map(|release| release.selected_packages.as_slice()).unwrap_or_default();
    selected
        .iter()
        .filter(|selected| selected.action_name == action.name)
        .map(|selected| {
            let reference = action.packages.iter().find(|one| one.name == selected.package_reference_name);
            let id = reference.map(|one| one.package_id.as_str()).filter(|id| !id.is_empty());
            format!("{} {}", id.unwrap_or(&selected.package_reference_name), selected.version)
        })
        .collect()
}

//! Octopus Deploy: a deployment or runbook run, asked about over the REST API, from inside one of its steps or from outside.
//!
//! What an answer looks like is in `wire`, how to ask in `api`, the log in `activity` and `raw`, what else is worth knowing
//! in `context`, and how to speak back in `speak`.

use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

use url::Url;

use crate::error::Error;
use crate::http::Http;
use crate::model::{Incident, Level, Line, Log, Note, Notice, Outcome, Run, Secrets, Stage, Step};

use super::{Env, Host, Verdict};

mod activity;
mod api;
mod context;
mod examine;
mod find;
pub mod raw;
mod speak;
mod wire;

pub use api::Credential;
pub use find::{Target, from_address};
pub use speak::{neutral, say};

use activity::{Activity, Own};
use api::{Api, Trouble, segment};

/// The server, the key, and which run.
#[derive(Clone, Default)]
pub struct Access {
    /// The server's address; inside a step the server's own word stands in.
    pub server: Option<String>,
    /// The key.
    pub credential: Credential,
    /// The space, by id, name or slug.
    pub space: Option<String>,
    /// Which run; `None` for the one we are a step of.
    pub target: Option<Target>,
    /// What to do with a run that was diagnosed before.
    pub again: Again,
}

/// What to do with a run that was diagnosed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Again {
    /// Leave it.
    #[default]
    Refuse,
    /// Diagnose it once more.
    Allow,
}

/// The name under which the report is kept with a task; where it is, the task was diagnosed before.
pub const ARTIFACT: &str = "firefighter.md";

/// What we know before asking: ids and names, empty where unknown.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    space: String,
    task: String,
    deployment: String,
    runbook_run: String,
    release: String,
    project: String,
    environment: String,
    tenant: String,
    project_name: String,
    environment_name: String,
    tenant_name: String,
    version: String,
    title: String,
    error: String,
    error_detail: String,
    own: Own,
}

struct Octopus {
    http: Arc<Http>,
    access: Access,
    /// What the step we run in was told; `None` outside of one.
    here: Option<Known>,
}

pub(super) fn detect(env: &Env, access: &super::Access, http: &Arc<Http>) -> Option<Box<dyn Host>> {
    let inside = env.get("FIREFIGHTER_HOST").is_some_and(|host| host == "octopus")
        || env.contains_key("FIREFIGHTER_OCTOPUS_TASK_ID");
    let wanted = access.octopus.target.is_some();
    (inside || wanted || access.octopus.server.is_some()).then(|| {
        let mut access = access.octopus.clone();
        let variable = |name: &str| {
            let name = format!("FIREFIGHTER_OCTOPUS_{name}");
            env.get(&name).map(|value| value.trim().to_owned()).unwrap_or_default()
        };
        if inside {
            let addresses =
                [access.server.take().unwrap_or_default(), variable("WEB_SERVERURI"), variable("WEB_BASEURL")];
            access.server = addresses.into_iter().find(|address| !address.trim().is_empty());
            let space = variable("SPACE_ID");
            access.space = access.space.or_else(|| (!space.is_empty()).then_some(space));
        }
        let here = inside.then(|| Known {
            space: String::new(),
            task: variable("TASK_ID"),
            deployment: variable("DEPLOYMENT_ID"),
            runbook_run: variable("RUNBOOKRUN_ID"),
            release: variable("RELEASE_ID"),
            project: variable("PROJECT_ID"),
            environment: variable("ENVIRONMENT_ID"),
            tenant: variable("DEPLOYMENT_TENANT_ID"),
            project_name: variable("PROJECT_NAME"),
            environment_name: variable("ENVIRONMENT_NAME"),
            tenant_name: variable("DEPLOYMENT_TENANT_NAME"),
            version: variable("RELEASE_NUMBER"),
            title: variable("TASK_NAME"),
            error: variable("DEPLOYMENT_ERROR"),
            error_detail: variable("DEPLOYMENT_ERRORDETAIL"),
            own: Own { number: variable("STEP_NUMBER"), name: variable("STEP_NAME") },
        });
        Box::new(Octopus { http: Arc::clone(http), access, here }) as Box<dyn Host>
    })
}

impl Host for Octopus {
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        match (self.ask(notes), &self.here) {
            (Err(Error::Host(reason)), Some(here)) if self.access.target.is_none() && !here.error.is_empty() => {
                // Even without the log there is a failure to tell of.
                notes.push(note(&reason));
                Ok(self.without_log(here))
            }
            (outcome, _) => outcome,
        }
    }

    fn say(&self, notices: &[Notice]) -> Option<String> {
        self.here.is_some().then(|| say(notices))
    }

    fn examine(&self) -> Vec<Verdict> {
        examine::examine(self)
    }
}

impl Octopus {
    fn api(&self) -> Result<Api<'_>, Error> {
        let server = self.access.server.as_deref().unwrap_or_default();
        if server.is_empty() {
            return Err(Error::Host(
                "the Octopus Server's address is not known: set OCTOPUS_URL or --octopus-url, \
                 such as https://octopus.example.com"
                    .to_owned(),
            ));
        }
        let base = server_address(server).ok_or_else(|| {
            Error::Host(format!(
                "{server} is not the address of an Octopus Server: it should look like https://octopus.example.com"
            ))
        })?;
        if matches!(self.access.credential, Credential::None) {
            return Err(Error::Host(
                "there is no key for the Octopus Server: set OCTOPUS_API_KEY to an API key that may read \
                 (TaskView, DeploymentView, ReleaseView, ProjectView, ProcessView), or OCTOPUS_ACCESS_TOKEN"
                    .to_owned(),
            ));
        }
        Ok(Api::new(&self.http, base, self.access.credential.clone()))
    }

    fn ask(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        let api = self.api()?;
        let mut known = match (&self.access.target, &self.here) {
            (None, Some(here)) => here.clone(),
            (Some(_), _) => Known::default(),
            (None, None) => {
                return Err(Error::Nothing(
                    "no run was named: add --task ServerTasks-123, --deployment Deployments-45, the run's address in \
                     the portal, or --project, --release and --environment"
                        .to_owned(),
                ));
            }
        };
        if known.task.is_empty()
            && known.deployment.is_empty()
            && known.runbook_run.is_empty()
            && self.access.target.is_none()
        {
            return Err(Error::Nothing(
                "this step was run by itself and not as a part of a deployment, so there is nothing to diagnose"
                    .to_owned(),
            ));
        }
        known.space = find::space(&api, self.access.space.as_deref().unwrap_or_default())?;
        if let Some(target) = &self.access.target {
            find::resolve(&api, target, &mut known)?;
        }
        let secrets = self.secrets();
        gather(&api, known, self.access.again, secrets, notes)
    }

    fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        if let Credential::ApiKey(value) | Credential::AccessToken(value) = &self.access.credential {
            secrets.add(value.as_str());
        }
        secrets
    }

    /// What can be said of the failure without asking anyone.
    fn without_log(&self, here: &Known) -> Incident {
        let mut log = Log::default();
        for (index, text) in here.error.lines().chain(here.error_detail.lines()).enumerate() {
            let start = log.text.len();
            log.text.push_str(text);
            let line =
                Line { number: index + 1, start, end: log.text.len(), time: None, level: Level::Fatal, step: None };
            log.text.push('\n');
            log.lines.push(line);
        }
        let base = self.access.server.as_deref().and_then(server_address);
        Incident { run: run(here, base.as_ref()), log, secrets: self.secrets(), ..Incident::default() }
    }
}

/// A server's address from what people paste: with or without `/app…` and trailing slashes.
fn server_address(text: &str) -> Option<Url> {
    let text = text.trim();
    let mut url = Url::parse(text).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    // A server may live below a path: what follows it is `/app` and `/api`.
    let segments: Vec<_> = url.path().split('/').take_while(|part| !matches!(*part, "app" | "api")).collect();
    let path = segments.join("/");
    url.set_path(path.trim_end_matches('/'));
    Some(url)
}

fn note(text: &str) -> Note {
    Note { stage: Stage::Collect, text: text.to_owned() }
}

/// A path within the space, or within the default space where none is known.
fn at(space: &str, path: &str) -> String {
    if space.is_empty() { path.to_owned() } else { format!("{}/{path}", segment(space)) }
}

fn run(known: &Known, base: Option<&Url>) -> Run {
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let url = base
        .filter(|_| !known.task.is_empty())
        .map(|base| portal(base, &known.space, &format!("tasks/{}", known.task)));
    Run {
        host: "Octopus Deploy".to_owned(),
        id: known.task.clone(),
        title: known.title.clone(),
        url,
        project: filled(&known.project_name),
        environment: filled(&known.environment_name),
        tenant: filled(&known.tenant_name),
        version: filled(&known.version),
        commit: None,
        started: None,
        finished: None,
        error: filled(&known.error),
    }
}

/// Where a person sees `path`.
fn portal(base: &Url, space: &str, path: &str) -> String {
    let space = if space.is_empty() { String::new() } else { format!("{space}/") };
    format!("{}/app#/{space}{path}", base.as_str().trim_end_matches('/'))
}

/// Asks for the log and for what stands around it, side by side, and puts it together.
fn gather(
    api: &Api,
    mut known: Known,
    again: Again,
    secrets: Secrets,
    notes: &mut Vec<Note>,
) -> Result<Incident, Error> {
    if known.task.is_empty() {
        let deployment = deployment(api, &known)
            .map_err(|trouble| Error::Host(format!("{} cannot be read: {trouble}", subject(&known))))?;
        known.task.clone_from(&deployment.task_id);
        absorb(&mut known, &deployment);
    }
    let task_path = |rest: &str| at(&known.space, &format!("tasks/{}{rest}", segment(&known.task)));
    let first = thread::scope(|scope| {
        let activity = scope.spawn(|| {
            api.stream(&task_path("/details?verbose=true"), |source| {
                activity::read(source, &known.own).map_err(|error| Trouble::Nonsense(error.to_string()))
            })
        });
        let artifacts = scope.spawn(|| {
            api.get::<wire::Page<wire::Artifact>>(&at(
                &known.space,
                &format!("artifacts?regarding={}&order=asc", segment(&known.task)),
            ))
        });
        let wants = !known.deployment.is_empty() || !known.runbook_run.is_empty();
        let deployment = wants.then(|| scope.spawn(|| deployment(api, &known)));
        let release =
            (!known.release.is_empty()).then(|| scope.spawn(|| context::release(api, &known.space, &known.release)));
        (join(activity), join(artifacts), deployment.map(join), release.map(join))
    });
    let (activity, artifacts, deployment_answer, release) = first;
    if again == Again::Refuse
        && artifacts.is_ok_and(|page| page.items.iter().any(|artifact| artifact.filename == ARTIFACT))
    {
        return Err(Error::Nothing(format!(
            "{} was diagnosed before: see its artifact {ARTIFACT}, or add --force to diagnose it again",
            known.task
        )));
    }
    let mut activity = match activity {
        Ok(activity) => activity,
        Err(trouble @ (Trouble::Unauthorized(_) | Trouble::Page(_) | Trouble::NotFound(_) | Trouble::Network(_))) => {
            return Err(Error::Host(advice(&known, &trouble)));
        }
        Err(trouble) => {
            notes.push(note(&format!("the structured log cannot be read ({trouble}); the raw log is used instead")));
            raw_log(api, &known).map_err(|second| Error::Host(advice(&known, &second)))?
        }
    };
    adopt(&mut known, &activity.task);
    let deployment = match deployment_answer {
        Some(answer) => answer,
        None if known.deployment.is_empty() && known.runbook_run.is_empty() => Ok(wire::Deployment::default()),
        None => deployment(api, &known),
    };
    let deployment =
        context::or_note(deployment, notes, "the deployment", "its process, project and history are unknown");
    if let Some(deployment) = &deployment {
        absorb(&mut known, deployment);
    }
    let around = context::around(api, &mut known, deployment.as_ref(), release, &activity.log, notes);
    let state = activity.task.state.clone();
    let state = state.as_str();
    if !activity.failed && !failed_without_step(&activity) {
        let why = if activity.task.has_pending_interruptions {
            "it waits for a person to answer".to_owned()
        } else {
            format!("its state is {}", if state.is_empty() { "unknown" } else { state })
        };
        return Err(Error::Nothing(format!(
            "no step of {} failed ({why}), so there is nothing to diagnose",
            known.task
        )));
    }
    let is_canceled = matches!(state, "Canceled" | "Cancelling");
    if is_canceled && !activity.failed {
        activity::blame_canceled(&mut activity.log);
    }
    if !activity.log.steps.iter().any(|step| step.culprit) {
        // Before any step: package acquisition, variables, no targets. The run's own lines tell.
        let named = Step {
            name: "Before the steps".to_owned(),
            place: None,
            outcome: Outcome::Failed,
            culprit: true,
            started: activity.task.start_time,
            finished: activity.task.completed_time,
            attempts: 1,
            depth: 0,
        };
        activity.log.steps.push(named);
        let step = activity.log.steps.len() - 1;
        activity.log.lines.iter_mut().filter(|line| line.step.is_none()).for_each(|line| line.step = Some(step));
    }
    let mut run = run(&known, Some(api.base()));
    run.started = activity.task.start_time;
    run.finished = activity.task.completed_time;
    run.commit = around.commit;
    run.error = run.error.or_else(|| {
        let message = activity.task.error_message.trim();
        (!message.is_empty()).then(|| message.to_owned())
    });
    Ok(Incident {
        run,
        log: activity.log,
        definitions: around.definitions,
        earlier: around.earlier,
        context: around.context,
        secrets,
    })
}

/// Whether the run failed before any of its steps did, or outside of them.
fn failed_without_step(activity: &Activity) -> bool {
    let fatal = activity.log.lines.iter().any(|line| line.level == Level::Fatal && line.step.is_none());
    matches!(activity.task.state.as_str(), "Failed" | "TimedOut" | "Canceled" | "Cancelling") || fatal
}

fn raw_log(api: &Api, known: &Known) -> Result<Activity, Trouble> {
    let path = at(&known.space, &format!("tasks/{}/raw", segment(&known.task)));
    let mut log = api.stream(&path, |source| {
        let mut raw = raw::Raw::default();
        crate::clean::lines(source, |number, text| raw.line(number, text))
            .map_err(|error| Trouble::Nonsense(format!("it broke off: {error}")))?;
        Ok(raw.finish())
    })?;
    let own: Vec<usize> =
        log.steps.iter().enumerate().filter(|(_, step)| step.name == known.own.name).map(|(index, _)| index).collect();
    log.lines.retain(|line| line.step.is_none_or(|step| !own.contains(&step)));
    own.iter().filter_map(|index| log.steps.get_mut(*index).map(|step| step.culprit = false)).for_each(drop);
    let failed = log.steps.iter().any(|step| step.culprit);
    Ok(Activity { task: wire::Task::default(), log, failed })
}

fn deployment(api: &Api, known: &Known) -> Result<wire::Deployment, Trouble> {
    let path = if known.runbook_run.is_empty() {
        format!("deployments/{}", segment(&known.deployment))
    } else {
        format!("runbookRuns/{}", segment(&known.runbook_run))
    };
    api.get(&at(&known.space, &path))
}

/// Takes over what a task says of itself.
fn adopt(known: &mut Known, task: &wire::Task) {
    let fill = |slot: &mut String, value: Option<String>| {
        if slot.is_empty() {
            *slot = value.unwrap_or_default();
        }
    };
    fill(&mut known.deployment, task.argument("DeploymentId"));
    fill(&mut known.runbook_run, task.argument("RunbookRunId"));
    fill(&mut known.space, Some(task.space_id.clone()));
    fill(&mut known.title, Some(task.description.clone()));
}

/// Takes over what a deployment says of itself.
fn absorb(known: &mut Known, deployment: &wire::Deployment) {
    let fill = |slot: &mut String, value: &str| {
        if slot.is_empty() {
            value.clone_into(slot);
        }
    };
    fill(&mut known.release, &deployment.release_id);
    fill(&mut known.project, &deployment.project_id);
    fill(&mut known.environment, &deployment.environment_id);
    fill(&mut known.tenant, &deployment.tenant_id);
}

fn subject(known: &Known) -> String {
    let id = [&known.task, &known.runbook_run, &known.deployment].into_iter().find(|id| !id.is_empty());
    id.map_or_else(|| "the run".to_owned(), Clone::clone)
}

/// Why the log could not be read, and what to do about it.
fn advice(known: &Known, trouble: &Trouble) -> String {
    let space = if known.space.is_empty() { "the default space" } else { &known.space };
    let todo = match trouble {
        Trouble::Unauthorized(_) => "check OCTOPUS_API_KEY: it may have expired or belong to another server".to_owned(),
        Trouble::Forbidden(_) => "give the key's user the permission TaskView".to_owned(),
        Trouble::Page(_) => "check OCTOPUS_URL".to_owned(),
        Trouble::NotFound(_) => {
            format!("check the id, and that it is in {space} (OCTOPUS_SPACE) and the key's user may see it")
        }
        Trouble::Network(_) => {
            "check OCTOPUS_URL, the proxy settings and --ca-file, or run `firefighter doctor`".to_owned()
        }
        _ => "try again, or save the log to a file and use --log".to_owned(),
    };
    format!("the log of {} cannot be read: {trouble}; {todo}", subject(known))
}

/// The outcome of a thread; its panic is one more trouble and nobody else's.
fn join<T>(handle: ScopedJoinHandle<'_, Result<T, Trouble>>) -> Result<T, Trouble> {
    handle.join().unwrap_or_else(|_| Err(Trouble::Nonsense("an internal fault while reading the answer".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pasted: &str, expected: Option<&str>) {
        let found = server_address(pasted).map(|url| url.as_str().trim_end_matches('/').to_owned());
        assert_eq!(found.as_deref(), expected, "{pasted}");
    }

    #[test]
    fn a_servers_address_is_taken_as_people_paste_it() {
        check("https://octopus.example.com", Some("https://octopus.example.com"));
        check(" https://octopus.example.com/ ", Some("https://octopus.example.com"));
        check("https://octopus.example.com/app#/Spaces-1/projects", Some("https://octopus.example.com"));
        check("https://octopus.example.com/api", Some("https://octopus.example.com"));
        check("http://host:8080/octopus/app#/x", Some("http://host:8080/octopus"));
        check("octopus.example.com", None);
        check("http://host/apps/octopus/", Some("http://host/apps/octopus"));
        check("ftp://octopus.example.com", None);
    }
}

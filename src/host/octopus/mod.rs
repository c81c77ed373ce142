//! Octopus Deploy: a deployment or runbook run, asked about over the REST API, from inside one of its steps or from outside.
//!
//! What an answer looks like is in `wire`, how to ask in `api`, the log in `activity` and `raw`, what else is worth knowing
//! in `context`, what changed since the last good run in `changes`, and how to speak back in `speak`. A run that a question
//! means is found by `question` (the words) and `seek` (the calls).

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use url::Url;

use crate::error::Error;
use crate::http::{Http, in_ascii};
use crate::model::{Context, Incident, Level, Line, Log, Note, Notice, Run, Secrets, Stage};

use super::{Env, Host, Verdict};

mod activity;
mod again;
mod api;
mod beside;
mod bounded;
mod changes;
mod context;
mod examine;
mod find;
mod gather;
mod last_good;
mod question;
pub mod raw;
mod seek;
mod speak;
mod wire;

pub use api::Credential;
pub use find::{Question, Target, from_address};
pub use question::{Plain, plain, readable};
pub use speak::{neutral, say};

use activity::Own;
use api::{Api, segment};
use wire::Deployment;

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
    /// Whether calls are kept back to look what other runs were told.
    pub beside: Beside,
}

/// Whether it is looked for what other runs of the same release were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Beside {
    /// Nobody wants to know.
    #[default]
    Ignore,
    /// Before a model is asked.
    Look,
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

/// The title under which is told which run a question was taken to ask about.
pub const FOUND: &str = "The run that was asked about";

/// What we know before asking: ids and names, empty where unknown.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    space: String,
    task: String,
    deployment: String,
    runbook_run: String,
    /// The last successful deployment in the same place, as Octopus names it.
    previous: String,
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
    /// The step that a question names.
    asked_step: Option<String>,
    /// The run itself, where it came with the search for it.
    run: Option<Box<Deployment>>,
}

struct Octopus {
    http: Arc<Http>,
    access: Access,
    /// What the step we run in was told; `None` outside of one.
    here: Option<Known>,
    /// Calls so far.
    calls: AtomicUsize,
}

/// Whether we are a step of a deployment.
pub(super) fn is_here(env: &Env) -> bool {
    env.get("FIREFIGHTER_HOST").is_some_and(|host| host == "octopus") || env.contains_key("FIREFIGHTER_OCTOPUS_TASK_ID")
}

pub(super) fn detect(env: &Env, access: &super::Access, http: &Arc<Http>) -> Option<Box<dyn Host>> {
    let inside = is_here(env);
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
            previous: variable("DEPLOYMENT_PREVIOUSSUCCESSFUL_ID"),
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
            asked_step: None,
            run: None,
        });
        Box::new(Octopus { http: Arc::clone(http), access, here, calls: AtomicUsize::new(0) }) as Box<dyn Host>
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

    fn beside(&self, name: &str) -> Option<(String, String)> {
        beside::kept(self, name)
    }

    fn under_way(&self) -> usize {
        beside::under_way(self)
    }

    fn examine(&self) -> Vec<Verdict> {
        examine::examine(self)
    }
}

impl Octopus {
    /// The server, for `most` of the run's calls.
    fn api(&self, most: usize) -> Result<Api<'_>, Error> {
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
                "{server} is not the address of an Octopus Server: it should look like https://octopus.example.com{}",
                in_ascii(server)
            ))
        })?;
        if matches!(self.access.credential, Credential::None) {
            return Err(Error::Host(
                "there is no key for the Octopus Server: set OCTOPUS_API_KEY to an API key that may read \
                 (TaskView, DeploymentView, ReleaseView, ProjectView, ProcessView), or OCTOPUS_ACCESS_TOKEN"
                    .to_owned(),
            ));
        }
        Ok(Api::new(&self.http, base, self.access.credential.clone(), &self.calls, most))
    }

    fn ask(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        let kept_back = if self.access.beside == Beside::Look && self.here.is_some() { beside::CALLS } else { 0 };
        let api = self.api(api::CALLS - kept_back)?;
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
        let mut found = None;
        match &self.access.target {
            Some(Target::Question(question)) => {
                found = Some(seek::seek(&api, question, self.here.as_ref(), &mut known)?);
            }
            Some(target) => find::resolve(&api, target, &mut known)?,
            None => {}
        }
        let secrets = self.secrets();
        let step = known.asked_step.clone();
        let incident = gather::gather(&api, known, self.access.again, secrets, notes);
        let mut incident = match (incident, &found) {
            (Err(Error::Nothing(reason)), Some(found)) => return Err(Error::Nothing(format!("{reason}. {found}"))),
            (incident, _) => incident?,
        };
        if let Some(step) = step {
            notes.extend(other_step(&step, &incident.log).map(|text| note(&text)));
        }
        if let Some(text) = found {
            incident.context.insert(0, Context { title: FOUND.to_owned(), text, url: None });
        }
        Ok(incident)
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

/// Says so where the step that was asked about is not one that failed.
fn other_step(asked: &str, log: &Log) -> Option<String> {
    let wanted = asked.to_lowercase();
    // Numbers of steps are not in the log.
    if wanted.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let failed: Vec<&str> = log.steps.iter().filter(|step| step.culprit).map(|step| step.name.as_str()).collect();
    let failed = if failed.is_empty() { "none".to_owned() } else { failed.join(", ") };
    match log.steps.iter().filter(|step| step.name.to_lowercase() == wanted).map(|step| step.culprit).max() {
        Some(true) => None,
        Some(false) => {
            Some(format!("the step {asked} that was asked about did not fail in this run; failed: {failed}"))
        }
        None => Some(format!("this run has no step {asked} that was asked about; failed: {failed}")),
    }
}

/// Where a person sees `path`.
fn portal(base: &Url, space: &str, path: &str) -> String {
    let space = if space.is_empty() { String::new() } else { format!("{space}/") };
    format!("{}/app#/{space}{path}", base.as_str().trim_end_matches('/'))
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

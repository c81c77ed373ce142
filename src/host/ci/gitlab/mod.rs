//! GitLab CI: the pipeline this job is a part of. The minimal example of a build server.
//!
//! A job's log is read in `log`; how to speak back, and what GitLab reads from the report's folder, is in `speak`. Unlike most,
//! GitLab shows the log of a job while it runs; a job's own token may read no log at all.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::http::Http;
use crate::model::{Baseline, Change, Incident, Log, Note, Notice, Outcome, Run};

use super::api::{Api, Trouble};
use super::good::{self, Good};
use super::{Env, Host, Job, Settings, Standing, Verdict, comment, incident, note, summary, variable};

mod changes;
mod log;
mod speak;

/// Logs of failed jobs that are fetched.
const LOGS: usize = 5;
/// Characters of a note on a merge request.
const NOTE: usize = 60_000;

struct GitLab {
    http: Arc<Http>,
    settings: Settings,
    env: BTreeMap<String, String>,
}

pub(super) fn is_here(env: &Env) -> bool {
    variable(env, "GITLAB_CI").is_some()
}

pub(super) fn host(env: &Env, settings: &Settings, http: &Arc<Http>) -> Box<dyn Host> {
    let token = settings.token.clone().or_else(|| variable(env, "GITLAB_TOKEN"));
    let env = env.iter().filter(|(name, _)| name.starts_with("CI_")).map(|(name, value)| (name.clone(), value.clone()));
    Box::new(GitLab { http: Arc::clone(http), settings: Settings { token, ..settings.clone() }, env: env.collect() })
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
struct Found {
    id: u64,
    name: String,
    status: String,
    failure_reason: Option<String>,
    allow_failure: bool,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pipeline {
    id: u64,
    web_url: Option<String>,
    sha: Option<String>,
    #[serde(rename = "ref")]
    branch: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Remark {
    id: u64,
    body: String,
}

impl Host for GitLab {
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        if self.var("CI_DEBUG_TRACE") == "true" {
            notes.push(note("CI_DEBUG_TRACE is on: the log holds all variables, of which GitLab masks only some"));
        }
        let api = self.api().map_err(|trouble| Error::Settings(trouble.to_string()))?;
        let (pipeline, own) = (self.var("CI_PIPELINE_ID"), self.var("CI_JOB_ID"));
        let path = format!("pipelines/{pipeline}/jobs?include_retried=false&per_page=100");
        let jobs: Vec<Found> = api.get(&path).unwrap_or_else(|trouble| {
            notes.push(note(format!(
                "the jobs of the pipeline: {trouble}; set FIREFIGHTER_CI_TOKEN to a project access token with read_api"
            )));
            Vec::new()
        });
        let is_own = |job: &Found| job.id.to_string() == own;
        // In `after_script` the own job has failed and is not yet told so.
        let failing = self.var("CI_JOB_STATUS") == "failed";
        let failed = |job: &&Found| (job.status == "failed" && !job.allow_failure) || (is_own(job) && failing);
        let failed: Vec<Found> = jobs.iter().filter(failed).cloned().collect();
        let (first, wanted) = (failed.first(), failed.get(..LOGS).unwrap_or(&failed));
        let (logs, mut good) = good::side_by_side(wanted, |job| trace(&api, job), || self.last_good(&api, first));
        if let (Ok(Some(good)), Some(Ok(log))) = (&mut good, logs.first()) {
            good.changes.extend(changes::machine(&good.baseline.log, log));
        }
        let mut told = Vec::new();
        for (job, log) in failed.iter().zip(logs) {
            let log = log.map_err(|trouble| notes.push(note(format!("the log of {}: {trouble}", job.name)))).ok();
            let (name, started, finished) = (job.name.clone(), job.started_at, job.finished_at);
            told.push(Job { name, outcome: Outcome::Failed, started, finished, attempts: 1, log });
        }
        let error = failed.first().map(|job| {
            let reason = job.failure_reason.as_deref().unwrap_or("script_failure").replace('_', " ");
            format!("The job {} failed: {reason}", job.name)
        });
        let mut incident = incident(Run { error, ..self.run() }, told)?;
        good::compare(&mut incident, good, "the last good pipeline", notes);
        incident.secrets.add(self.settings.token.clone().unwrap_or_default());
        Ok(incident)
    }

    fn say(&self, notices: &[Notice]) -> Option<String> {
        Some(speak::say(notices))
    }

    fn printed(&self, text: &str) -> Option<String> {
        Some(super::neutral::printed(text))
    }

    fn kept(&self, notices: &[Notice]) -> Vec<(&'static str, String)> {
        let root = variable(&self.env, "CI_PROJECT_DIR").map(PathBuf::from);
        speak::kept(notices, root.as_deref(), variable(&self.env, "CI_JOB_URL").as_deref())
    }

    fn post(&self, notices: &[Notice], notes: &mut Vec<Note>) {
        let merge = self.var("CI_MERGE_REQUEST_IID");
        if let (true, Some(text), false) = (self.settings.comment, summary(notices), merge.is_empty())
            && let Err(trouble) = self.remark(&merge, text)
        {
            notes.push(note(format!("the note on merge request {merge}: {trouble}; its token needs the scope api")));
        }
    }

    fn examine(&self) -> Vec<Verdict> {
        if self.settings.token.is_none() {
            let text = "no token: set FIREFIGHTER_CI_TOKEN to a project access token with read_api";
            return vec![Verdict::new(Standing::Poor, "GitLab", text)];
        }
        let path = format!("pipelines/{}/jobs?per_page=100", self.var("CI_PIPELINE_ID"));
        let jobs = self.api().and_then(|api| api.get::<Vec<Found>>(&path));
        vec![match jobs {
            Ok(jobs) => Verdict::new(Standing::Good, "GitLab", format!("the pipeline has {} jobs", jobs.len())),
            Err(trouble) => Verdict::new(Standing::Bad, "GitLab", format!("the pipeline's jobs: {trouble}")),
        }]
    }
}

impl GitLab {
    fn var(&self, name: &str) -> String {
        variable(&self.env, name).unwrap_or_default()
    }

    fn api(&self) -> Result<Api<'_>, Trouble> {
        let server = variable(&self.env, "CI_API_V4_URL").unwrap_or_else(|| "https://gitlab.com/api/v4".to_owned());
        let project = utf8_percent_encode(&self.var("CI_PROJECT_ID"), NON_ALPHANUMERIC).to_string();
        let token = self.settings.token.iter().map(|token| ("private-token", token.clone()));
        Api::new(
            &self.http,
            &format!("{server}/projects/{project}"),
            &[("accept", "application/json")],
            token.collect(),
        )
    }

    fn run(&self) -> Run {
        let (project, pipeline) = (self.var("CI_PROJECT_PATH"), self.var("CI_PIPELINE_ID"));
        Run {
            host: "GitLab".to_owned(),
            title: format!("Pipeline {pipeline} of {project}"),
            id: pipeline,
            url: variable(&self.env, "CI_PIPELINE_URL"),
            project: Some(project),
            environment: variable(&self.env, "CI_ENVIRONMENT_NAME"),
            version: variable(&self.env, "CI_COMMIT_REF_NAME"),
            commit: variable(&self.env, "CI_COMMIT_SHA"),
            started: variable(&self.env, "CI_PIPELINE_CREATED_AT").and_then(|time| time.parse().ok()),
            ..Run::default()
        }
    }

    /// The last good pipeline on the same branch, else on the main one, with the log of the job that failed now and the commits since.
    fn last_good(&self, api: &Api, failed: Option<&Found>) -> Result<Option<Good>, Trouble> {
        let Some(failed) = failed else { return Ok(None) };
        let branches = [self.var("CI_COMMIT_REF_NAME"), self.var("CI_DEFAULT_BRANCH")];
        for branch in branches.iter().filter(|branch| !branch.is_empty()) {
            let quoted = utf8_percent_encode(branch, NON_ALPHANUMERIC);
            let found: Vec<Pipeline> = api.get(&format!("pipelines?ref={quoted}&status=success&per_page=1"))?;
            let Some(good) = found.into_iter().next() else { continue };
            let (log, since) = thread::scope(|scope| {
                let since = scope.spawn(|| self.since(api, &good));
                (twin(api, good.id, &failed.name), since.join().unwrap_or(Err(Trouble::Enough)))
            });
            let (log, mut notes) = (log?, Vec::new());
            let changes = since.unwrap_or_else(|trouble| {
                notes.push(note(format!("what changed since the last good pipeline: {trouble}")));
                Vec::new()
            });
            let run = Run {
                host: "GitLab".to_owned(),
                id: good.id.to_string(),
                title: format!("Pipeline {}", good.id),
                url: good.web_url,
                version: good.branch,
                commit: good.sha,
                ..Run::default()
            };
            let baseline = Baseline { run, log, why: format!("the last success on {branch}") };
            return Ok(Some(Good { baseline, changes, notes }));
        }
        Ok(None)
    }

    fn since(&self, api: &Api, good: &Pipeline) -> Result<Vec<Change>, Trouble> {
        changes::since(api, good.sha.as_deref().unwrap_or_default(), &self.var("CI_COMMIT_SHA"))
    }

    /// Writes the note, or writes over the one that an earlier run of this job left.
    fn remark(&self, merge: &str, text: &str) -> Result<(), Trouble> {
        let api = self.api()?;
        let name: String = self.var("CI_JOB_NAME").chars().filter(char::is_ascii_alphanumeric).collect();
        let mark = format!("<!-- firefighter:{name} -->");
        let body = json!({ "body": comment(&mark, text, NOTE) });
        let path = format!("merge_requests/{merge}/notes");
        let known: Vec<Remark> = api.get(&format!("{path}?per_page=100&sort=desc"))?;
        let ours = known.iter().find(|one| one.body.starts_with(&mark));
        let _: Value = match ours {
            Some(one) => api.tell("PUT", &format!("{path}/{}", one.id), &body)?,
            None => api.tell("POST", &path, &body)?,
        };
        Ok(())
    }
}

/// The log of the job of that name in a good pipeline; an empty one where it has none.
fn twin(api: &Api, pipeline: u64, name: &str) -> Result<Log, Trouble> {
    let jobs: Vec<Found> = api.get(&format!("pipelines/{pipeline}/jobs?scope[]=success&per_page=100"))?;
    let twin = jobs.into_iter().find(|job| job.name == name);
    Ok(twin.map(|twin| trace(api, &twin)).transpose()?.unwrap_or_default())
}

fn trace(api: &Api, job: &Found) -> Result<Log, Trouble> {
    let response = api.open(&format!("jobs/{}/trace", job.id))?;
    log::read(response.into_reader()).map_err(|error| Trouble::Nonsense(format!("it broke off: {error}")))
}

//! Buildkite: the build this job is a part of.
//!
//! The log of the job we run in is a file where the agent keeps one (`enable-job-log-tmpfile`): it takes no token. All else comes
//! from the REST API. Facts of it, and of a log's groups: buildkite.com/docs, "Jobs API", "Builds API", "Annotations API" and
//! "Managing log output".

use std::fs::File;
use std::io;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::error::Error;
use crate::http::Http;
use crate::model::{Baseline, Change, Incident, Log, Note, Notice, Outcome, Run};

use super::api::{Api, Trouble, encoded};
use super::changes::commit;
use super::good::{Good, compare, is_hash, page, side_by_side};
use super::{Env, Host, Job, Settings, Standing, Verdict, incident, note, ours, summary, variable};
use speak::{grouped, ungrouped};
use wire::{Build, Found, Jobs};

/// Where the usual token is.
pub(super) const TOKEN: &str = "BUILDKITE_API_TOKEN";
/// Logs of failed jobs that are read.
const LOGS: usize = 5;
/// What is read of a log by API: its end.
const TAIL: &str = "bytes=-16777216";
/// Bytes of an annotation: the page takes a megabyte, a reader far less.
const ANNOTATION: usize = 60 << 10;

mod log;
mod speak;
mod wire;

struct Buildkite {
    http: Arc<Http>,
    settings: Settings,
    env: Env,
}

pub(super) fn is_here(env: &Env) -> bool {
    variable(env, "BUILDKITE").is_some_and(|value| value == "true")
}

pub(super) fn host(env: &Env, settings: &Settings, http: &Arc<Http>) -> Box<dyn Host> {
    let token = settings.token.clone().or_else(|| variable(env, TOKEN));
    let settings = Settings { token, ..settings.clone() };
    Box::new(Buildkite { http: Arc::clone(http), settings, env: ours(env, "BUILDKITE") })
}

impl Host for Buildkite {
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        let api = self.api().map_err(|trouble| Error::Settings(trouble.to_string()))?;
        let failed = self.failed(&api, notes);
        if let Some(more) = failed.len().checked_sub(LOGS).filter(|more| *more > 0) {
            notes.push(note(format!("{more} more jobs failed; the logs of {LOGS} were read")));
        }
        let read = failed.get(..LOGS).unwrap_or(&failed);
        let good = || self.last_good(&api, failed.first());
        let (logs, good) = side_by_side(read, |job| self.log(&api, job), good);
        let mut jobs = Vec::new();
        for (job, log) in read.iter().zip(logs) {
            let log = log.map_err(|trouble| notes.push(note(self.unread(job, &trouble)))).ok();
            let attempts = job.retries_count.unwrap_or_default() + 1;
            let (name, started, finished) = (job.name(), job.started_at, job.finished_at);
            jobs.push(Job { name, outcome: Outcome::Failed, started, finished, attempts, log });
        }
        let error = failed.first().map(Found::failure);
        let mut incident = incident(Run { error, ..self.run() }, jobs)?;
        compare(&mut incident, good, "the last good build", notes);
        incident.secrets.add(self.settings.token.clone().unwrap_or_default());
        Ok(incident)
    }

    fn say(&self, notices: &[Notice]) -> Option<String> {
        Some(grouped(notices))
    }

    fn printed(&self, text: &str) -> Option<String> {
        Some(ungrouped(&super::neutral::printed(text)))
    }

    fn post(&self, notices: &[Notice], notes: &mut Vec<Note>) {
        if let (Some(text), Some(_)) = (summary(notices), &self.settings.token)
            && let Err(trouble) = self.annotate(text)
        {
            notes.push(note(format!(
                "the annotation of the build: {trouble}; give the token the scope write_builds, or hand \
                 firefighter-report/firefighter.md to `buildkite-agent annotate`"
            )));
        }
    }

    fn examine(&self) -> Vec<Verdict> {
        let (standing, text) = match self.kept() {
            Some(_) => (Standing::Good, "this job's log is a file that the agent keeps"),
            None => {
                (Standing::Off, "this job's log is no file here: the agent keeps one with enable-job-log-tmpfile=true")
            }
        };
        let log = Verdict::new(standing, "Buildkite log", text);
        let api = if self.settings.token.is_some() {
            let jobs = self.api().and_then(|api| self.jobs(&api, &self.var("BUILDKITE_BUILD_NUMBER"), ""));
            match jobs {
                Ok(jobs) => Verdict::new(Standing::Good, "Buildkite", format!("the build has {} jobs", jobs.len())),
                Err(trouble) => Verdict::new(Standing::Bad, "Buildkite", format!("the build's jobs: {trouble}")),
            }
        } else {
            let text =
                format!("no token: set {TOKEN} to an API token with read_builds, read_build_logs and write_builds");
            Verdict::new(Standing::Poor, "Buildkite", text)
        };
        vec![log, api]
    }
}

impl Buildkite {
    fn var(&self, name: &str) -> String {
        variable(&self.env, name).unwrap_or_default()
    }

    fn api(&self) -> Result<Api<'_>, Trouble> {
        let server = self.settings.url.clone().unwrap_or_else(|| "https://api.buildkite.com".to_owned());
        let organization = encoded(&self.var("BUILDKITE_ORGANIZATION_SLUG"));
        let token = self.settings.token.iter().map(|token| ("authorization", format!("Bearer {token}")));
        Api::new(&self.http, &format!("{server}/v2/organizations/{organization}"), &[], token.collect())
    }

    /// The path of builds of this pipeline.
    fn builds(&self) -> String {
        format!("pipelines/{}/builds", encoded(&self.var("BUILDKITE_PIPELINE_SLUG")))
    }

    /// The jobs that failed: the one we run in first, if it did.
    fn failed(&self, api: &Api, notes: &mut Vec<Note>) -> Vec<Found> {
        let status = variable(&self.env, "BUILDKITE_COMMAND_EXIT_STATUS").filter(|status| status != "0");
        let own = Found {
            id: self.var("BUILDKITE_JOB_ID"),
            name: variable(&self.env, "BUILDKITE_LABEL"),
            step_key: variable(&self.env, "BUILDKITE_STEP_KEY"),
            command: variable(&self.env, "BUILDKITE_COMMAND"),
            exit_status: status.as_ref().and_then(|status| status.parse().ok()),
            retries_count: variable(&self.env, "BUILDKITE_RETRY_COUNT").and_then(|count| count.parse().ok()),
            ..Found::default()
        };
        let mut failed: Vec<Found> = status.iter().map(|_| own.clone()).collect();
        if self.settings.token.is_none() {
            notes.push(note(format!(
                "without a token neither other jobs nor the last good build can be read, and the build gets no annotation: set \
                 {TOKEN} to an API token with read_builds, read_build_logs and write_builds"
            )));
        } else {
            let ended = "state[]=failed&state[]=timed_out&";
            match self.jobs(api, &self.var("BUILDKITE_BUILD_NUMBER"), ended) {
                Ok(jobs) => {
                    let hard = |job: &Found| {
                        let is_script = job.kind.as_deref().is_none_or(|kind| kind == "script");
                        is_script && job.soft_failed != Some(true) && (failed.is_empty() || job.id != own.id)
                    };
                    let others: Vec<Found> = jobs.into_iter().filter(hard).collect();
                    failed.extend(others);
                }
                Err(trouble) => {
                    notes.push(note(format!("the build's jobs: {trouble}; give the token the scope read_builds")));
                }
            }
        }
        // Within a command nobody has said yet how it ends.
        if failed.is_empty() && self.kept().is_some() && variable(&self.env, "BUILDKITE_COMMAND_EXIT_STATUS").is_none()
        {
            failed.push(own);
        }
        failed
    }

    fn jobs(&self, api: &Api, build: &str, states: &str) -> Result<Vec<Found>, Trouble> {
        let path = format!("{}/{build}/jobs?{states}include_retried_jobs=false&per_page=100", self.builds());
        Ok(api.get::<Jobs>(&path)?.items)
    }

    /// The log that the agent keeps of the job we run in.
    fn kept(&self) -> Option<File> {
        File::open(variable(&self.env, "BUILDKITE_JOB_LOG_TMPFILE")?).ok()
    }

    fn log(&self, api: &Api, job: &Found) -> Result<Log, Trouble> {
        let broke = |error: io::Error| Trouble::Nonsense(format!("it broke off: {error}"));
        if let Some(file) = self.kept().filter(|_| job.id == self.var("BUILDKITE_JOB_ID")) {
            return log::read(file).map_err(broke);
        }
        if self.settings.token.is_none() {
            return Err(Trouble::Unauthorized);
        }
        let path = format!("jobs/{}/log", encoded(&job.id));
        let response = api.open_with(&path, &[("accept", "text/plain"), ("range", TAIL)])?;
        log::read(response.into_reader()).map_err(broke)
    }

    /// Why a log is missing, and the one change that would give it.
    fn unread(&self, job: &Found, trouble: &Trouble) -> String {
        let name = job.name();
        match trouble {
            Trouble::Status(416) => format!("the log of {name} is empty"),
            Trouble::Unauthorized if self.settings.token.is_none() => format!(
                "the log of {name} is no file here: start the agent with enable-job-log-tmpfile=true, or wrap the command with \
                 `firefighter run -- COMMAND`"
            ),
            Trouble::Unauthorized | Trouble::Forbidden => {
                format!("the log of {name}: {trouble}; give the token the scope read_build_logs")
            }
            _ => format!("the log of {name}: {trouble}"),
        }
    }

    fn run(&self) -> Run {
        let (number, pipeline) = (self.var("BUILDKITE_BUILD_NUMBER"), self.var("BUILDKITE_PIPELINE_SLUG"));
        let project = format!("{}/{pipeline}", self.var("BUILDKITE_ORGANIZATION_SLUG"));
        let hash = ["BUILDKITE_COMMIT_RESOLVED", "BUILDKITE_COMMIT"].iter().map(|name| self.var(name));
        Run {
            host: "Buildkite".to_owned(),
            title: format!("Build {number} of {project}"),
            id: number,
            url: variable(&self.env, "BUILDKITE_BUILD_URL"),
            project: Some(project),
            version: variable(&self.env, "BUILDKITE_BRANCH"),
            commit: hash.into_iter().find(|hash| is_hash(hash)),
            ..Run::default()
        }
    }

    /// The last good build before this one, on the same branch or else on the main one, with the log of the job that failed now,
    /// and the commits of the builds since.
    fn last_good(&self, api: &Api, failed: Option<&Found>) -> Result<Option<Good>, Trouble> {
        let (Some(failed), Some(_)) = (failed, &self.settings.token) else { return Ok(None) };
        let branches = [self.var("BUILDKITE_BRANCH"), self.var("BUILDKITE_PIPELINE_DEFAULT_BRANCH")];
        let number = self.var("BUILDKITE_BUILD_NUMBER").parse().unwrap_or(u64::MAX);
        let list = |branch: &str, more: &str| -> Result<Vec<Build>, Trouble> {
            let only = "exclude_jobs=true&exclude_pipeline=true";
            api.get(&format!("{}?branch={}&{more}&{only}", self.builds(), encoded(branch)))
        };
        let passed = |build: &Build| build.number < number && build.state.as_deref() == Some("passed");
        let [branch, main] = branches;
        let mut since = if branch.is_empty() { Vec::new() } else { list(&branch, "per_page=100")? };
        let (good, why) = match since.iter().position(passed) {
            Some(at) => {
                let good = since.swap_remove(at);
                since.retain(|build| build.number > good.number && build.number <= number);
                (good, format!("the last success on {branch}"))
            }
            None if main.is_empty() || main == branch => return Ok(None),
            None => {
                since.clear();
                let Some(good) = list(&main, "state=passed&per_page=5")?.into_iter().find(passed) else {
                    return Ok(None);
                };
                (good, format!("the last success on {main}"))
            }
        };
        let mut notes = Vec::new();
        let log = self.twin(api, &good, failed).unwrap_or_else(|trouble| {
            notes.push(note(format!("the log of the last good build: {trouble}")));
            Log::default()
        });
        let changes = self.changes(&good, since);
        let run = Run {
            host: "Buildkite".to_owned(),
            id: good.number.to_string(),
            title: format!("Build {}", good.number),
            url: good.web_url,
            version: good.branch,
            commit: good.commit,
            started: good.started_at,
            finished: good.finished_at,
            ..Run::default()
        };
        Ok(Some(Good { baseline: Baseline { run, log, why }, changes, notes }))
    }

    /// The log of the job of `good` that is the one that failed now.
    fn twin(&self, api: &Api, good: &Build, failed: &Found) -> Result<Log, Trouble> {
        let jobs = self.jobs(api, &good.number.to_string(), "state[]=passed&")?;
        let same = |job: &&Found| match (&job.step_key, &failed.step_key) {
            (Some(key), Some(wanted)) => key == wanted,
            _ => job.name() == failed.name(),
        };
        jobs.iter().find(same).map_or(Ok(Log::default()), |job| self.log(api, job))
    }

    /// The commits of builds that came since, newest first; builds tell no more of a push than its last one.
    fn changes(&self, good: &Build, since: Vec<Build>) -> Vec<Change> {
        let mut seen: Vec<String> = good.commit.iter().cloned().collect();
        let home = page(&self.var("BUILDKITE_REPO"));
        let commits = since.into_iter().filter_map(|build| {
            let hash = build.commit.filter(|hash| is_hash(hash) && !seen.contains(hash))?;
            seen.push(hash.clone());
            let who = [build.author, build.creator].into_iter().flatten().find_map(|person| person.name);
            let url = home.as_ref().map(|home| format!("{home}/commit/{hash}"));
            Some(Change { who, when: build.created_at, url, ..commit(&hash, &build.message.unwrap_or_default()) })
        });
        commits.collect()
    }

    /// Writes the annotation, over the one that an earlier attempt of this job left.
    fn annotate(&self, text: &str) -> Result<(), Trouble> {
        let step = variable(&self.env, "BUILDKITE_STEP_KEY").or_else(|| variable(&self.env, "BUILDKITE_LABEL"));
        let step: String = step.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).take(60).collect();
        let body = json!({
            "body": super::cut(text, ANNOTATION),
            "style": "error",
            "context": format!("firefighter-{step}").trim_end_matches('-'),
            "priority": 8,
        });
        let path = format!("{}/{}/annotations", self.builds(), self.var("BUILDKITE_BUILD_NUMBER"));
        let _: Value = self.api()?.tell("POST", &path, &body)?;
        Ok(())
    }
}

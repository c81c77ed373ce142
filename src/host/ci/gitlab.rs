//! GitLab CI: the pipeline this job is a part of. The minimal example of a build server.
//!
//! Unlike most, GitLab shows the log of a job while it runs; a job's own token may read no log at all.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Arc, LazyLock};
use std::thread;

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clean::plain;
use crate::error::Error;
use crate::http::Http;
use crate::model::{Baseline, Incident, Log, Note, Notice, Outcome, Run, Step};

use super::api::{Api, Trouble};
use super::{Env, Host, Job, Settings, Standing, Verdict, incident, note, told, variable};

/// Logs of failed jobs that are fetched.
const LOGS: usize = 5;
/// Characters of a note on a merge request.
const NOTE: usize = 60_000;

/// What the runner puts before each line: time, stream, and whether the line goes on.
static STAMP: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z) [0-9a-f]{2}[OE][ +]?").ok());
/// The mark at which a section begins, and its name.
static SECTION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"section_(start|end):\d+:([A-Za-z0-9_.-]+)").ok());

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
        let (logs, good) = thread::scope(|scope| {
            let good = scope.spawn(|| self.last_good(&api, failed.first()));
            let logs: Vec<_> = failed.iter().take(LOGS).map(|job| scope.spawn(|| trace(&api, job))).collect();
            let logs: Vec<_> = logs.into_iter().map(|log| log.join().unwrap_or(Err(Trouble::Enough))).collect();
            (logs, good.join().unwrap_or(Ok(None)))
        });
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
        match good {
            Ok(baseline) => incident.baseline = baseline,
            Err(trouble) => notes.push(note(format!("the last good pipeline: {trouble}"))),
        }
        incident.secrets.add(self.settings.token.clone().unwrap_or_default());
        Ok(incident)
    }

    fn say(&self, notices: &[Notice]) -> Option<String> {
        Some(told(notices))
    }

    fn printed(&self, text: &str) -> Option<String> {
        Some(super::neutral::printed(text))
    }

    fn post(&self, notices: &[Notice], notes: &mut Vec<Note>) {
        let summary = notices.iter().find_map(|notice| match notice {
            Notice::Summary(text) => Some(text),
            _ => None,
        });
        let merge = self.var("CI_MERGE_REQUEST_IID");
        if let (true, Some(text), false) = (self.settings.comment, summary, merge.is_empty())
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

    /// The last good pipeline on the same branch, else on the main one, with the log of the job that failed now.
    fn last_good(&self, api: &Api, failed: Option<&Found>) -> Result<Option<Baseline>, Trouble> {
        let Some(failed) = failed else { return Ok(None) };
        let branches = [self.var("CI_COMMIT_REF_NAME"), self.var("CI_DEFAULT_BRANCH")];
        for branch in branches.iter().filter(|branch| !branch.is_empty()) {
            let quoted = utf8_percent_encode(branch, NON_ALPHANUMERIC);
            let found: Vec<Pipeline> = api.get(&format!("pipelines?ref={quoted}&status=success&per_page=1"))?;
            let Some(good) = found.into_iter().next() else { continue };
            let jobs: Vec<Found> = api.get(&format!("pipelines/{}/jobs?scope[]=success&per_page=100", good.id))?;
            let twin = jobs.into_iter().find(|job| job.name == failed.name);
            let log = twin.map(|twin| trace(api, &twin)).transpose()?.unwrap_or_default();
            let run = Run {
                host: "GitLab".to_owned(),
                id: good.id.to_string(),
                title: format!("Pipeline {}", good.id),
                url: good.web_url,
                version: good.branch,
                commit: good.sha,
                ..Run::default()
            };
            return Ok(Some(Baseline { run, log, why: format!("the last success on {branch}") }));
        }
        Ok(None)
    }

    /// Writes the note, or writes over the one that an earlier run of this job left.
    fn remark(&self, merge: &str, text: &str) -> Result<(), Trouble> {
        let api = self.api()?;
        let name: String = self.var("CI_JOB_NAME").chars().filter(char::is_ascii_alphanumeric).collect();
        let mark = format!("<!-- firefighter:{name} -->");
        // A line of a note that begins with a slash is an order to GitLab.
        let text: String = text
            .lines()
            .map(|line| if line.trim_start().starts_with('/') { format!(" \\{line}\n") } else { format!("{line}\n") })
            .collect();
        let body = json!({ "body": format!("{mark}\n{}", super::cut(&text, NOTE)) });
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

fn trace(api: &Api, job: &Found) -> Result<Log, Trouble> {
    let response = api.open(&format!("jobs/{}/trace", job.id))?;
    read(response.into_reader()).map_err(|error| Trouble::Nonsense(format!("it broke off: {error}")))
}

/// Reads a job's log: its sections are steps, of which the last one that was entered before the end is where it failed.
fn read(source: impl Read) -> io::Result<Log> {
    let mut log = plain(Marks { source, held: false })?;
    let mut current = None;
    let mut last = None;
    for index in 0..log.lines.len() {
        let text = log.line(index).to_owned();
        let stamp = STAMP.as_ref().and_then(|stamp| stamp.captures(&text)?.get(1)?.as_str().parse().ok());
        for section in SECTION.iter().flat_map(|section| section.captures_iter(&text)) {
            let (Some(edge), Some(name)) = (section.get(1), section.get(2)) else { continue };
            if edge.as_str() == "end" {
                current = None;
                continue;
            }
            current = Some(log.steps.len());
            log.steps.push(Step {
                name: name.as_str().to_owned(),
                place: None,
                outcome: Outcome::Succeeded,
                culprit: false,
                started: stamp,
                finished: None,
                attempts: 1,
                depth: 0,
            });
        }
        // What tidies up after a failure did not fail.
        let is_work = |at: &usize| {
            let tidies = ["after_script", "upload_artifacts", "archive_cache", "cleanup"];
            log.steps.get(*at).is_some_and(|step| !tidies.iter().any(|name| step.name.starts_with(name)))
        };
        last = current.filter(is_work).or(last);
        if let Some(line) = log.lines.get_mut(index) {
            line.time = stamp;
            line.step = current;
        }
    }
    if let Some(step) = last.and_then(|at: usize| log.steps.get_mut(at)) {
        (step.outcome, step.culprit) = (Outcome::Failed, true);
    }
    Ok(log)
}

/// A trace in which the mark of a section is text: after it stands a carriage return that takes it back from the page.
struct Marks<R> {
    source: R,
    /// Whether a carriage return was read whose next byte is not known yet.
    held: bool,
}

impl<R: Read> Read for Marks<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.len() < 2 {
            // With room for one byte there is no knowing what follows it.
            return match out.first_mut().filter(|_| std::mem::take(&mut self.held)) {
                Some(first) => {
                    *first = b'\r';
                    Ok(1)
                }
                None => self.source.read(out),
            };
        }
        let from = usize::from(self.held);
        let room = out.get_mut(from..).unwrap_or_default();
        let read = self.source.read(room)?;
        if self.held
            && let Some(first) = out.first_mut()
        {
            *first = b'\r';
        }
        let mut end = from + read;
        self.held = read > 0 && out.get(end - 1) == Some(&b'\r');
        if self.held {
            end -= 1;
        }
        for at in 1..end {
            if out.get(at) == Some(&0x1b)
                && let Some(before) = out.get_mut(at - 1).filter(|before| **before == b'\r')
            {
                *before = b' ';
            }
        }
        // Nothing but a held byte would be taken for the end.
        if end == 0 && self.held { self.read(out) } else { Ok(end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_lost_however_small_the_pieces() {
        let text = b"a\rb\r\x1b[0Kc\r\r\x1b\r";
        for size in 1..text.len() {
            let mut marks = Marks { source: text.as_slice(), held: false };
            let mut piece = vec![0; size];
            let mut all = Vec::new();
            while let Ok(read @ 1..) = marks.read(&mut piece) {
                all.extend_from_slice(&piece[..read]);
            }
            assert_eq!(all.len(), text.len(), "{size}");
            assert!(size == 1 || all == b"a\rb \x1b[0Kc\r \x1b\r", "{size}");
        }
    }

    #[test]
    fn a_section_is_a_step_and_the_last_at_work_failed() {
        let text = "section_start:1:get_sources\r\u{1b}[0KGetting source\nfetched\nsection_end:2:get_sources\r\u{1b}[0K\n\
                    section_start:3:step_script\r\u{1b}[0KRunning\n2026-08-22T00:44:03.123456Z 01E no such file\n\
                    section_end:4:step_script\r\u{1b}[0K\nsection_start:5:cleanup_file_variables\r\u{1b}[0KCleaning\nERROR: Job failed: exit code 1\n";
        let log = read(text.as_bytes()).unwrap();
        let culprits: Vec<_> = log.steps.iter().filter(|step| step.culprit).map(|step| step.name.as_str()).collect();
        assert_eq!(culprits, ["step_script"], "{:?}", log.steps);
        assert!(log.lines.iter().any(|line| line.time.is_some() && line.step == Some(1)));
    }
}

//! GitHub Actions, GitHub Enterprise Server and what speaks like them (Gitea, Forgejo): the run this step is a part of.
//!
//! The API's answers are in `wire`, a job's log in `log`, what stands in for it in `annotations`, what changed since the last good
//! run in `changes`. How to speak back is in `speak`, what is told by API in `tell`. The log of a job can be read only once the job
//! has ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use serde_json::Value;

use crate::error::Error;
use crate::http::Http;
use crate::model::{Baseline, Incident, Log, Note, Notice, Outcome, Run};

use super::api::{Api, Trouble};
use super::good::{Good, compare, side_by_side};
use super::{Env, Host, Job, Settings, Standing, Verdict, incident, note, variable};

mod annotations;
mod changes;
mod log;
mod speak;
mod tell;
mod wire;

/// Logs of failed jobs that are fetched; more jobs are named only.
const LOGS: usize = 5;

struct GitHub {
    http: Arc<Http>,
    settings: Settings,
    /// Gitea or Forgejo, which know neither check runs nor all of the API.
    alike: Option<&'static str>,
    server: String,
    api: String,
    repo: String,
    run: String,
    /// Which try of the run, from 1.
    attempt: Option<u64>,
    /// Whether the run is another one than ours: it may have been tried again meanwhile.
    watched: bool,
    workflow: String,
    job: String,
    job_id: Option<u64>,
    runner: Option<String>,
    commit: Option<String>,
    branch: Option<String>,
    pull: Option<u64>,
    summary: Option<PathBuf>,
    output: Option<PathBuf>,
    workspace: Option<PathBuf>,
}

pub(super) fn is_here(env: &Env) -> bool {
    variable(env, "GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

pub(super) fn host(env: &Env, settings: &Settings, http: &Arc<Http>) -> Box<dyn Host> {
    let get = |name: &str| variable(env, name);
    let text = |name: &str| get(name).unwrap_or_default();
    let event: Value = get("GITHUB_EVENT_PATH")
        .and_then(|path| std::fs::read_to_string(path).ok())
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let from_ref = text("GITHUB_REF").strip_prefix("refs/pull/").and_then(|rest| rest.split('/').next()?.parse().ok());
    let number = |path: &str| event.pointer(path).and_then(Value::as_u64);
    let pull = from_ref
        .or_else(|| number("/pull_request/number"))
        .or_else(|| number("/issue/number").filter(|_| event.pointer("/issue/pull_request").is_some()))
        .or_else(|| number("/workflow_run/pull_requests/0/number"));
    // What another workflow's end started is about that one.
    let watched = event.pointer("/workflow_run/id").and_then(Value::as_u64);
    let head = event.pointer("/pull_request/head/sha").or_else(|| event.pointer("/workflow_run/head_sha"));
    let server = get("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned());
    Box::new(GitHub {
        http: Arc::clone(http),
        settings: Settings { token: settings.token.clone().or_else(|| get("GITHUB_TOKEN")), ..settings.clone() },
        alike: get("FORGEJO_ACTIONS")
            .and(Some("Forgejo Actions"))
            .or_else(|| get("GITEA_ACTIONS").and(Some("Gitea Actions"))),
        api: get("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned()),
        server,
        repo: text("GITHUB_REPOSITORY"),
        run: watched.map_or_else(|| text("GITHUB_RUN_ID"), |id| id.to_string()),
        attempt: match watched {
            Some(_) => number("/workflow_run/run_attempt"),
            None => get("GITHUB_RUN_ATTEMPT").and_then(|attempt| attempt.parse().ok()),
        },
        watched: watched.is_some(),
        workflow: text("GITHUB_WORKFLOW"),
        job: text("GITHUB_JOB"),
        job_id: get("FIREFIGHTER_GITHUB_JOB_ID").and_then(|id| id.parse().ok()),
        runner: get("RUNNER_NAME"),
        commit: head.and_then(Value::as_str).map(str::to_owned).or_else(|| get("GITHUB_SHA")),
        branch: get("GITHUB_HEAD_REF").or_else(|| get("GITHUB_REF_NAME")),
        pull,
        summary: get("GITHUB_STEP_SUMMARY").map(PathBuf::from),
        output: get("GITHUB_OUTPUT").map(PathBuf::from),
        workspace: get("GITHUB_WORKSPACE").map(PathBuf::from),
    })
}

impl Host for GitHub {
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        let api = self.api().map_err(|trouble| Error::Settings(trouble.to_string()))?;
        let (run, jobs) = thread::scope(|scope| {
            let run = scope.spawn(|| api.get::<wire::Run>(&format!("{}/actions/runs/{}", self.root(), self.run)));
            (run.join(), self.jobs(&api))
        });
        let about = run.unwrap_or(Err(Trouble::Enough)).unwrap_or_else(|trouble| {
            notes.push(note(format!("the run: {trouble}")));
            wire::Run::default()
        });
        let jobs = jobs.unwrap_or_else(|trouble| {
            notes.push(note(format!("the run's jobs: {trouble}; give the job `permissions: actions: read`")));
            Vec::new()
        });
        if jobs.is_empty() && about.conclusion.as_deref() == Some("startup_failure") {
            let title = self.about(&about, &[]).title;
            let reason =
                format!("no job of {title} was started: its workflow file is not valid, and the run's page says where");
            return Err(Error::Nothing(reason));
        }
        let failed: Vec<&wire::Job> = jobs.iter().filter(|job| job.failed()).collect();
        let read = failed.get(..LOGS).unwrap_or(&failed);
        let good = || self.last_good(&api, &about, failed.first().copied());
        let (logs, good) = side_by_side(read, |job| self.log(&api, job), good);
        if let Some(more) = failed.len().checked_sub(LOGS).filter(|more| *more > 0) {
            notes.push(note(format!("{more} more jobs failed; the logs of {LOGS} were read")));
        }
        let mut told = Vec::new();
        for (job, log) in failed.iter().zip(logs) {
            let log = log.map_or_else(|trouble| self.instead(&api, job, &trouble, notes), Some);
            told.push(Job {
                name: job.name.clone(),
                outcome: job.outcome(),
                started: job.started_at,
                finished: job.completed_at,
                attempts: 1,
                log,
            });
        }
        let machine = match (&good, told.first().and_then(|job| job.log.as_ref())) {
            (Ok(Some(good)), Some(log)) => changes::machine(&good.baseline.log, log),
            _ => Vec::new(),
        };
        let mut incident = incident(self.about(&about, &failed), told)?;
        compare(&mut incident, good, "the last good run of this workflow", notes);
        incident.changes.extend(machine);
        incident.secrets.add(self.settings.token.clone().unwrap_or_default());
        Ok(incident)
    }

    fn say(&self, notices: &[Notice]) -> Option<String> {
        Some(speak::say(notices, self.workspace.as_deref()))
    }

    fn printed(&self, text: &str) -> Option<String> {
        Some(super::neutral::printed(text))
    }

    fn files(&self, notices: &[Notice]) -> Vec<(PathBuf, String)> {
        let summary = self.summary.clone().zip(speak::summary(notices));
        let output = self.output.clone().zip(speak::outputs(notices));
        summary.into_iter().chain(output).collect()
    }

    fn post(&self, notices: &[Notice], notes: &mut Vec<Note>) {
        tell::tell(self, notices, notes);
    }

    fn examine(&self) -> Vec<Verdict> {
        let name = self.name();
        let Some(_) = &self.settings.token else {
            return vec![Verdict::new(
                Standing::Poor,
                name,
                "no token: give the step `github-token: ${{ github.token }}`, or set FIREFIGHTER_CI_TOKEN",
            )];
        };
        let jobs = self.api().and_then(|api| self.jobs(&api));
        vec![match jobs {
            Ok(jobs) => Verdict::new(Standing::Good, name, format!("run {} has {} jobs", self.run, jobs.len())),
            Err(trouble) => Verdict::new(Standing::Bad, name, format!("the run's jobs: {trouble}")),
        }]
    }
}

impl GitHub {
    fn name(&self) -> &'static str {
        match (self.alike, self.server.as_str()) {
            (Some(name), _) => name,
            (None, "https://github.com") => "GitHub Actions",
            (None, server) if server.ends_with(".ghe.com") => "GitHub Enterprise Cloud",
            (None, _) => "GitHub Enterprise Server",
        }
    }

    fn api(&self) -> Result<Api<'_>, Trouble> {
        let headers = [("accept", "application/vnd.github+json"), ("x-github-api-version", "2022-11-28")];
        let token = self.settings.token.iter().map(|token| ("authorization", format!("Bearer {token}")));
        Api::new(&self.http, &self.api, &headers, token.collect())
    }

    fn root(&self) -> String {
        format!("repos/{}", self.repo)
    }

    /// The jobs of our run. Of a run that was tried more than once, those of the try that is ours.
    fn jobs(&self, api: &Api) -> Result<Vec<wire::Job>, Trouble> {
        let run = format!("{}/actions/runs/{}", self.root(), self.run);
        let tried = self.attempt.filter(|attempt| *attempt > 1 || self.watched);
        match tried.map(|attempt| pages(api, &format!("{run}/attempts/{attempt}/jobs?"))) {
            // Not every server that is alike knows of tries.
            None | Some(Err(Trouble::NotFound)) => self.last_jobs(api, &self.run),
            Some(jobs) => jobs,
        }
    }

    /// The jobs of a run, each as it was tried last.
    fn last_jobs(&self, api: &Api, run: &str) -> Result<Vec<wire::Job>, Trouble> {
        pages(api, &format!("{}/actions/runs/{run}/jobs?filter=latest&", self.root()))
    }

    fn log(&self, api: &Api, job: &wire::Job) -> Result<Log, Trouble> {
        let response = api.open(&format!("{}/actions/jobs/{}/logs", self.root(), job.id))?;
        log::read(response.into_reader(), &job.steps)
            .map_err(|error| Trouble::Nonsense(format!("it broke off: {error}")))
    }

    /// What there is of a failed job whose log could not be had: its annotations. A note says what is missing.
    fn instead(&self, api: &Api, job: &wire::Job, trouble: &Trouble, notes: &mut Vec<Note>) -> Option<Log> {
        let mut text = self.unread(job, trouble);
        let found = annotations::read(api, &self.root(), job.id).ok().flatten();
        if found.is_some() {
            text.push_str("; its annotations were read instead");
        }
        notes.push(note(text));
        found
    }

    /// Why a failed job's log is missing, and the one change that would give it.
    fn unread(&self, job: &wire::Job, trouble: &Trouble) -> String {
        let name = &job.name;
        match trouble {
            Trouble::NotFound if self.is_own(job) => format!(
                "the log of the job {name}, in which this step runs, can be read only once the job has ended: wrap its command with \
                 `firefighter run -- COMMAND`, or put this step into a job of its own with `needs` and `if: failure()`"
            ),
            Trouble::Forbidden | Trouble::Unauthorized => {
                format!("the log of {name}: {trouble}; give the job `permissions: actions: read`")
            }
            _ => format!("the log of {name}: {trouble}"),
        }
    }

    fn is_own(&self, job: &wire::Job) -> bool {
        match self.job_id {
            Some(id) => job.id == id,
            None => job.status != "completed" && job.runner_name.is_some() && job.runner_name == self.runner,
        }
    }

    fn about(&self, run: &wire::Run, failed: &[&wire::Job]) -> Run {
        let workflow = run.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| self.workflow.clone());
        let number = run.number.map(|number| format!(" #{number}")).unwrap_or_default();
        let attempt = self.attempt.map(|attempt| format!("/attempts/{attempt}")).unwrap_or_default();
        let built = format!("{}/{}/actions/runs/{}{attempt}", self.server, self.repo, self.run);
        let ended = failed.iter().filter_map(|job| job.completed_at).max();
        Run {
            host: self.name().to_owned(),
            id: self.run.clone(),
            title: format!("{workflow}{number} of {}", self.repo),
            url: Some(run.html_url.clone().unwrap_or(built)),
            project: Some(self.repo.clone()).filter(|repo| !repo.is_empty()),
            environment: None,
            tenant: None,
            version: run.head_branch.clone().or_else(|| self.branch.clone()),
            commit: run.head_sha.clone().or_else(|| self.commit.clone()),
            started: run.started,
            finished: ended,
            error: failed.first().map(|job| job.failure(&self.job)),
        }
    }

    /// The last good run of the same workflow, on the same branch or else any, with its log of the failed job and what came since.
    fn last_good(&self, api: &Api, run: &wire::Run, failed: Option<&wire::Job>) -> Result<Option<Good>, Trouble> {
        let (Some(workflow), Some(failed)) = (run.workflow_id, failed) else { return Ok(None) };
        let root = self.root();
        let branch = run.head_branch.clone().unwrap_or_default();
        let list = |query: String| -> Result<Option<wire::Run>, Trouble> {
            let path = format!("{root}/actions/workflows/{workflow}/runs?status=success&per_page=5{query}");
            let runs: wire::Runs = api.get(&path)?;
            Ok(runs.workflow_runs.into_iter().find(|one| one.id != run.id && one.started <= run.started))
        };
        let quoted = percent_encoding::utf8_percent_encode(&branch, percent_encoding::NON_ALPHANUMERIC);
        let same = if branch.is_empty() { None } else { list(format!("&branch={quoted}"))? };
        let (good, why) = match same {
            Some(good) => (good, format!("the last success on {branch}")),
            None => match list(String::new())? {
                Some(good) => {
                    let why =
                        format!("the last success on any branch ({})", good.head_branch.clone().unwrap_or_default());
                    (good, why)
                }
                None => return Ok(None),
            },
        };
        let mut notes = Vec::new();
        let (compared, jobs) = thread::scope(|scope| {
            let compared = scope.spawn(|| changes::since(api, &root, &good, run));
            (compared.join().unwrap_or(Err(Trouble::Enough)), self.last_jobs(api, &good.id.to_string()))
        });
        let changes = compared.unwrap_or_else(|trouble| {
            notes.push(note(format!(
                "the commits since the last good run: {trouble}; give the job `permissions: contents: read`"
            )));
            Vec::new()
        });
        let twin = jobs.ok().and_then(|jobs| jobs.into_iter().find(|job| job.name == failed.name));
        let log = match twin.map(|twin| self.log(api, &twin)) {
            Some(Ok(log)) => log,
            Some(Err(trouble)) => {
                notes.push(note(format!("the log of the last good run: {trouble}")));
                Log::default()
            }
            None => {
                notes.push(note(format!("the last good run has no job called {}", failed.name)));
                Log::default()
            }
        };
        let baseline = Baseline { run: self.about(&good, &[]), log, why };
        Ok(Some(Good { baseline, changes, notes }))
    }
}

/// All jobs of a list, of which a matrix has at most 256; `list` is its address up to the place of the page.
fn pages(api: &Api, list: &str) -> Result<Vec<wire::Job>, Trouble> {
    let mut jobs = Vec::new();
    for page in 1..=3 {
        let found: wire::Jobs = api.get(&format!("{list}per_page=100&page={page}"))?;
        let last = found.jobs.len() < 100;
        jobs.extend(found.jobs);
        if last {
            break;
        }
    }
    Ok(jobs)
}

impl wire::Job {
    fn failed(&self) -> bool {
        matches!(self.outcome(), Outcome::Failed)
    }

    fn outcome(&self) -> Outcome {
        let failed_step = || self.steps.iter().any(|step| wire::outcome(step.conclusion.as_deref()) == Outcome::Failed);
        match wire::outcome(self.conclusion.as_deref()) {
            Outcome::Unknown if self.status != "completed" && failed_step() => Outcome::Failed,
            Outcome::Unknown if self.status != "completed" => Outcome::Running,
            outcome => outcome,
        }
    }

    /// What the server says of the failure: which step of which job.
    fn failure(&self, _: &str) -> String {
        let step = self.steps.iter().find(|step| wire::outcome(step.conclusion.as_deref()) == Outcome::Failed);
        let word = self.conclusion.as_deref().unwrap_or("failure");
        match step {
            Some(step) => format!("The job {} ended with {word} in its step {}", self.name, step.name),
            None => format!("The job {} ended with {word}", self.name),
        }
    }
}

//! CircleCI: the workflow this job is a part of.
//!
//! The workflow's jobs come from version 2 of the API, a job's steps from version 1.1, and what each step printed from signed
//! storage, whose addresses are good for some minutes and must not see our token. Nothing that a step prints is a command.
//! Facts: circleci.com/docs/api, both versions.

use std::sync::Arc;

use url::Url;

use crate::clean::{LogBuilder, lines};
use crate::error::Error;
use crate::http::Http;
use crate::model::{Baseline, Change, Incident, Level, Log, Note, Notice, Numbering, Outcome, Run, Step};

use super::api::{Api, Trouble, encoded, json};
use super::changes::commit;
use super::good::{Good, compare, is_hash, side_by_side};
use super::stepped::step;
use super::{Env, Host, Job, Settings, Standing, Verdict, incident, note, ours, told, variable};
use wire::{Action, Detail, Found, Items, Message, Pipeline, Subject, Workflow};

/// Where the usual token is.
pub(super) const TOKEN: &str = "CIRCLE_TOKEN";
/// Jobs whose steps are read, outputs of each, and earlier pipelines that are looked at: all of them together are few enough.
const LOGS: usize = 3;
const OUTPUTS: usize = 3;
const EARLIER: usize = 4;

mod wire;

struct CircleCi {
    http: Arc<Http>,
    settings: Settings,
    env: Env,
}

pub(super) fn is_here(env: &Env) -> bool {
    variable(env, "CIRCLECI").is_some_and(|value| value == "true")
}

pub(super) fn host(env: &Env, settings: &Settings, http: &Arc<Http>) -> Box<dyn Host> {
    let token = settings.token.clone().or_else(|| variable(env, TOKEN));
    let settings = Settings { token, ..settings.clone() };
    Box::new(CircleCi { http: Arc::clone(http), settings, env: ours(env, "CIRCLE_") })
}

impl Host for CircleCi {
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        if self.settings.token.is_none() {
            let text = format!(
                "without a token no log can be read: set {TOKEN} to a personal API token, or wrap the command with \
                 `firefighter run -- COMMAND`"
            );
            notes.push(note(text));
            return incident(self.run(&Workflow::default()), Vec::new());
        }
        let api = self.api().map_err(|trouble| Error::Settings(trouble.to_string()))?;
        let (about, failed) = self.failed(&api, notes);
        let read = failed.get(..LOGS).unwrap_or(&failed);
        let good = || self.last_good(&api, &about, failed.first());
        let (logs, mut good) = side_by_side(read, |job| self.log(&api, job, None), good);
        if let (Ok(Some((good, twin))), Some(Ok(read))) = (&mut good, logs.first()) {
            self.compared(&api, good, twin.as_ref(), &read.log);
        }
        if let Some(more) = failed.len().checked_sub(LOGS).filter(|more| *more > 0) {
            notes.push(note(format!("{more} more jobs failed; the logs of {LOGS} were read")));
        }
        let (mut jobs, mut error) = (Vec::new(), None);
        for (job, log) in read.iter().zip(logs) {
            let read = match log {
                // The job we run in may be one that only looks at others.
                Ok(read) if job.running() && read.failure.is_none() => continue,
                Ok(read) => Some(read),
                Err(trouble) => {
                    notes.push(note(format!("the steps of {}: {trouble}", job.name)));
                    None
                }
            };
            let log = read.map(|read| {
                notes.extend(read.notes);
                error = error.take().or(read.failure);
                read.log
            });
            error = error.or_else(|| Some(format!("The job {} ended with {}", job.name, job.word())));
            let (name, started, finished) = (job.name.clone(), job.started_at, job.stopped_at);
            jobs.push(Job { name, outcome: Outcome::Failed, started, finished, attempts: 1, log });
        }
        let mut incident = incident(Run { error, ..self.run(&about) }, jobs)?;
        incident.log.numbering = Numbering::Step;
        compare(&mut incident, good.map(|good| good.map(|(good, _)| good)), "the last good workflow", notes);
        incident.secrets.add(self.settings.token.clone().unwrap_or_default());
        Ok(incident)
    }

    fn say(&self, notices: &[Notice]) -> Option<String> {
        Some(told(notices))
    }

    fn printed(&self, text: &str) -> Option<String> {
        Some(super::neutral::printed(text))
    }

    fn post(&self, _: &[Notice], notes: &mut Vec<Note>) {
        if self.settings.comment {
            notes.push(note(
                "no comment was written: CircleCI has no place for one; keep firefighter-report as an artifact",
            ));
        }
    }

    fn examine(&self) -> Vec<Verdict> {
        if self.settings.token.is_none() {
            let text = format!("no token: set {TOKEN} to a personal API token");
            return vec![Verdict::new(Standing::Poor, "CircleCI", text)];
        }
        let jobs = self.api().and_then(|api| jobs(&api, &self.var("CIRCLE_WORKFLOW_ID")));
        vec![match jobs {
            Ok(jobs) => Verdict::new(Standing::Good, "CircleCI", format!("the workflow has {} jobs", jobs.len())),
            Err(trouble) => Verdict::new(Standing::Bad, "CircleCI", format!("the workflow's jobs: {trouble}")),
        }]
    }
}

/// What was read of a job.
struct Steps {
    log: Log,
    /// What the server says of the failure, if there is one.
    failure: Option<String>,
    notes: Vec<Note>,
}

impl CircleCi {
    fn var(&self, name: &str) -> String {
        variable(&self.env, name).unwrap_or_default()
    }

    fn api(&self) -> Result<Api<'_>, Trouble> {
        let server = self.settings.url.clone().or_else(|| variable(&self.env, "CIRCLE_HOST"));
        let server = server.unwrap_or_else(|| "https://circleci.com".to_owned());
        let server = if server.contains("://") { server } else { format!("https://{server}") };
        let token = self.settings.token.iter().map(|token| ("circle-token", token.clone()));
        let base = format!("{}/api", server.trim_end_matches('/'));
        Api::new(&self.http, &base, &[("accept", "application/json")], token.collect())
    }

    /// The workflow, and those of its jobs that failed or may be failing: the one we run in has not ended.
    fn failed(&self, api: &Api, notes: &mut Vec<Note>) -> (Workflow, Vec<Found>) {
        let id = self.var("CIRCLE_WORKFLOW_ID");
        let own = Found {
            name: self.var("CIRCLE_JOB"),
            job_number: variable(&self.env, "CIRCLE_BUILD_NUM").and_then(|number| number.parse().ok()),
            status: Some("running".to_owned()),
            ..Found::default()
        };
        let about = api.get(&format!("v2/workflow/{}", encoded(&id))).unwrap_or_else(|trouble| {
            notes.push(note(format!("the workflow: {trouble}")));
            Workflow::default()
        });
        let mut jobs = jobs(api, &id).unwrap_or_else(|trouble| {
            notes.push(note(format!(
                "the workflow's jobs: {trouble}; set {TOKEN} to a personal API token, not one of the project"
            )));
            vec![own.clone()]
        });
        if own.job_number.is_some() && jobs.iter().all(|job| job.job_number != own.job_number) {
            notes.push(note(
                "the workflow's jobs: the one in which this runs is not among them, and was read all the same",
            ));
            jobs.push(own.clone());
        }
        let fails = |job: &Found| {
            let ended = ["failed", "timedout", "infrastructure_fail", "terminated-unknown"];
            let is_own = job.running() && job.job_number == own.job_number;
            job.job_number.is_some() && (ended.contains(&job.word()) || is_own)
        };
        (about, jobs.into_iter().filter(fails).collect())
    }

    /// The steps of `job`, and what some of them printed: those called like one of `like`, else those that tell of a failure.
    fn log(&self, api: &Api, job: &Found, like: Option<&[&str]>) -> Result<Steps, Trouble> {
        let slug = job.project_slug.clone().or_else(|| slug(&self.var("CIRCLE_BUILD_URL"))).unwrap_or_default();
        let path: Vec<String> = slug.split('/').map(encoded).collect();
        let number = job.job_number.unwrap_or_default();
        let detail: Detail = api.get(&format!("v1.1/project/{}/{number}", path.join("/")))?;
        let parts = detail.steps.iter().flat_map(|part| part.actions.iter().map(|action| (part.name.as_str(), action)));
        let all: Vec<(&str, &Action)> = parts.collect();
        let wanted = like.map_or_else(|| telling(&all), |like| called(&all, like));
        let (mut builder, mut notes, mut failure) = (LogBuilder::default(), Vec::new(), None);
        for (at, (name, action)) in all.into_iter().enumerate() {
            let failed = action.has_failed();
            let place =
                detail.steps.iter().any(|part| part.actions.len() > 1).then(|| format!("machine {}", action.index));
            if failed && failure.is_none() {
                failure = Some(action.failure(&job.name, name));
            }
            let index = builder.step(Step {
                place,
                outcome: if failed { Outcome::Failed } else { Outcome::Succeeded },
                culprit: failed,
                finished: action.end_time,
                ..step(name, action.start_time)
            });
            let Some(url) = action.output_url.as_deref().filter(|_| wanted.contains(&at)) else { continue };
            match printed(api, url) {
                Ok(text) => lines(text.as_bytes(), |number, text| {
                    builder.line(number, None, Level::Info, Some(index), text);
                })
                .map_err(|error| Trouble::Nonsense(error.to_string()))?,
                Err(Trouble::Forbidden) => {
                    notes.push(note(format!(
                        "what {name} printed: 403, the signed address has run out; run this once more"
                    )));
                }
                Err(trouble) => notes.push(note(format!("what {name} printed: {trouble}"))),
            }
        }
        Ok(Steps { log: builder.finish(), failure, notes })
    }

    fn run(&self, about: &Workflow) -> Run {
        let project = format!("{}/{}", self.var("CIRCLE_PROJECT_USERNAME"), self.var("CIRCLE_PROJECT_REPONAME"));
        let number = about.pipeline_number.map(|number| format!(" #{number}")).unwrap_or_default();
        let name = if about.name.is_empty() { "Workflow" } else { &about.name };
        Run {
            host: "CircleCI".to_owned(),
            id: self.var("CIRCLE_WORKFLOW_ID"),
            title: format!("{name}{number} of {project}"),
            url: variable(&self.env, "CIRCLE_BUILD_URL"),
            project: Some(project),
            version: variable(&self.env, "CIRCLE_BRANCH").or_else(|| variable(&self.env, "CIRCLE_TAG")),
            commit: variable(&self.env, "CIRCLE_SHA1"),
            started: about.created_at,
            ..Run::default()
        }
    }

    /// The last good workflow of the same name on the same branch, the commits of the pipelines since, and its job that failed now.
    fn last_good(
        &self,
        api: &Api,
        about: &Workflow,
        failed: Option<&Found>,
    ) -> Result<Option<(Good, Option<Found>)>, Trouble> {
        let (Some(failed), Some(branch)) = (failed, variable(&self.env, "CIRCLE_BRANCH")) else { return Ok(None) };
        let (Some(slug), Some(number)) = (&failed.project_slug, about.pipeline_number) else { return Ok(None) };
        let path: Vec<String> = slug.split('/').map(encoded).collect();
        let path = format!("v2/project/{}/pipeline?branch={}", path.join("/"), encoded(&branch));
        let pipelines = api.get::<Items<Pipeline>>(&path)?.items;
        for pipeline in pipelines.iter().filter(|pipeline| pipeline.number < number).take(EARLIER) {
            let path = format!("v2/pipeline/{}/workflow", encoded(&pipeline.id));
            let passed = |one: &Workflow| one.name == about.name && one.status.as_deref() == Some("success");
            let Some(good) = api.get::<Items<Workflow>>(&path)?.items.into_iter().find(passed) else { continue };
            let twin = jobs(api, &good.id)?.into_iter().find(|job| job.name == failed.name);
            let vcs = pipeline.vcs.clone().unwrap_or_default();
            let since = pipelines.iter().filter(|one| one.number > pipeline.number && one.number <= number);
            let changes = changes(&vcs.revision, since);
            let run = Run {
                host: "CircleCI".to_owned(),
                id: good.id.clone(),
                title: format!("{} #{}", good.name, pipeline.number),
                version: vcs.branch,
                commit: Some(vcs.revision).filter(|hash| is_hash(hash)),
                started: good.created_at,
                ..Run::default()
            };
            let why = format!("the last success on {branch}");
            let baseline = Baseline { run, log: Log::default(), why };
            return Ok(Some((Good { baseline, changes, notes: Vec::new() }, twin)));
        }
        Ok(None)
    }

    /// Adds to the last good run what `twin` printed in the steps of which there is something to read in `log`.
    fn compared(&self, api: &Api, good: &mut Good, twin: Option<&Found>, log: &Log) {
        let Some(twin) = twin else { return };
        let read = |at: &usize| log.lines.iter().any(|line| line.step == Some(*at));
        let like: Vec<&str> =
            log.steps.iter().enumerate().filter(|(at, _)| read(at)).map(|(_, step)| step.name.as_str()).collect();
        match self.log(api, twin, Some(&like)) {
            Ok(read) => {
                good.baseline.log = read.log;
                good.notes.extend(read.notes);
            }
            Err(trouble) => good.notes.push(note(format!("the log of the last good workflow: {trouble}"))),
        }
    }
}

/// The commits of pipelines that came since the one of `good`, newest first; a pipeline tells no more of a push than its last.
fn changes<'a>(good: &str, since: impl Iterator<Item = &'a Pipeline>) -> Vec<Change> {
    let mut seen = vec![good];
    let commits = since.filter_map(|pipeline| {
        let vcs =
            pipeline.vcs.as_ref().filter(|vcs| is_hash(&vcs.revision) && !seen.contains(&vcs.revision.as_str()))?;
        seen.push(&vcs.revision);
        let Subject { subject, body } = vcs.commit.clone().unwrap_or_default();
        let message = [subject, body].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
        let who = pipeline.trigger.as_ref().and_then(|trigger| trigger.actor.as_ref()?.login.clone());
        let url = vcs.origin_repository_url.as_ref().map(|home| format!("{home}/commit/{}", vcs.revision));
        Some(Change { who, when: pipeline.created_at, url, ..commit(&vcs.revision, message.trim()) })
    });
    commits.collect()
}

/// The project's name in the API, from the address of a job's page: `…/gh/OWNER/REPO/12`, or `…/circleci/ORGANIZATION/PROJECT/…`.
fn slug(page: &str) -> Option<String> {
    let page = Url::parse(page).ok()?;
    let parts: Vec<&str> =
        page.path_segments()?.skip_while(|part| matches!(*part, "" | "pipelines" | "jobs")).collect();
    match parts.as_slice() {
        [kind @ ("gh" | "github" | "bb" | "bitbucket" | "circleci"), owner, name, ..] => {
            Some(format!("{kind}/{owner}/{name}"))
        }
        _ => None,
    }
}

/// Which outputs tell of a failure: of the actions that failed and of those before the first of them, the last ones.
fn telling(actions: &[(&str, &Action)]) -> Vec<usize> {
    let first = actions.iter().position(|(_, action)| action.has_failed());
    let told = actions.iter().enumerate().filter(|(_, (_, action))| action.output_url.is_some());
    let (failed, others): (Vec<_>, Vec<_>) = told.partition(|(_, (_, action))| action.has_failed());
    let before = others.into_iter().filter(|(at, _)| first.is_none_or(|first| *at < first)).rev();
    failed.into_iter().chain(before).map(|(at, _)| at).take(OUTPUTS).collect()
}

/// The outputs of the actions of steps that are called like one of `like`.
fn called(actions: &[(&str, &Action)], like: &[&str]) -> Vec<usize> {
    let wanted = |(at, (name, action)): (usize, &(&str, &Action))| {
        (action.output_url.is_some() && like.contains(name)).then_some(at)
    };
    actions.iter().enumerate().filter_map(wanted).take(OUTPUTS).collect()
}

/// What a step printed.
fn printed(api: &Api, url: &str) -> Result<String, Trouble> {
    let messages: Vec<Message> = json(api.elsewhere(url)?)?;
    Ok(messages.into_iter().map(|message| message.message).collect())
}

fn jobs(api: &Api, workflow: &str) -> Result<Vec<Found>, Trouble> {
    Ok(api.get::<Items<Found>>(&format!("v2/workflow/{}/job", encoded(workflow)))?.items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outputs_that_tell_are_those_that_failed_and_the_ones_before() {
        let action = |failed: bool| Action {
            failed: failed.then_some(true),
            output_url: Some("https://storage.example.com/x".to_owned()),
            ..Action::default()
        };
        let check = |failed: &[bool], expected: &[usize]| {
            let actions: Vec<Action> = failed.iter().map(|failed| action(*failed)).collect();
            assert_eq!(
                telling(&actions.iter().map(|action| ("x", action)).collect::<Vec<_>>()),
                expected,
                "{failed:?}"
            );
        };
        check(&[false, false, false, true, false], &[3, 2, 1]);
        check(&[false, true, false, true, true, true], &[1, 3, 4]);
        check(&[false, false, false, false], &[3, 2, 1]);
        check(&[], &[]);
    }

    #[test]
    fn a_project_is_known_from_the_page_of_its_job() {
        let check = |page: &str, expected: Option<&str>| assert_eq!(slug(page).as_deref(), expected, "{page}");
        check("https://circleci.com/gh/acme/shop/12", Some("gh/acme/shop"));
        check("https://app.circleci.com/pipelines/circleci/o-1/p-2/7/workflows/w/jobs/12", Some("circleci/o-1/p-2"));
        check("https://example.com/12", None);
        check("", None);
    }
}

//! Azure Pipelines and Azure DevOps Server: the run this job is a part of.
//!
//! The API's answers are in `wire`, what a run consists of in `tree`, a task's log in `log`, and how to speak back in `speak`. Unlike elsewhere, the log of a failed
//! task can be read from the same job: it is kept as soon as the task has ended.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::error::Error;
use crate::http::Http;
use crate::model::{Baseline, Change, Incident, Log, Note, Notice, Run};

use super::api::{Api, Trouble, basic};
use super::changes::commit;
use super::good::{Good, compare};
use super::{Env, Host, Job, Settings, Standing, Verdict, incident, neutral, note, variable};
use speak::Voice;
use tree::Tree;
use wire::{Build, List, Record, Thread, Timeline};

mod log;
mod speak;
mod tree;
mod wire;

/// Logs of failed tasks that are fetched; more are named only.
const LOGS: usize = 5;
/// Commits that are told.
const COMMITS: usize = 30;
/// Bytes of a comment: the page takes 150,000 characters, a reader far less.
const COMMENT: usize = 60_000;
/// The oldest version that all servers in use know, and that of what is a preview in every version.
const VERSION: &str = "api-version=6.0";
const PREVIEW: &str = "api-version=6.0-preview.2";
/// What a token needs, and the one change that gives it.
const MAP: &str = "give the step `env: {SYSTEM_ACCESSTOKEN: $(System.AccessToken)}`";

struct Azure {
    http: Arc<Http>,
    settings: Settings,
    env: BTreeMap<String, String>,
}

pub(super) fn is_here(env: &Env) -> bool {
    variable(env, "TF_BUILD").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

pub(super) fn host(env: &Env, settings: &Settings, http: &Arc<Http>) -> Box<dyn Host> {
    let ours = ["SYSTEM_", "BUILD_", "AGENT_", "ENVIRONMENT_"];
    let env = env.iter().filter(|(name, _)| ours.iter().any(|start| name.starts_with(start)));
    let env: BTreeMap<_, _> = env.map(|(name, value)| (name.clone(), value.clone())).collect();
    // A secret that was not mapped is there as its own name.
    let usual = variable(&env, "SYSTEM_ACCESSTOKEN").filter(|token| !token.starts_with("$("));
    let token = settings.token.clone().or(usual);
    Box::new(Azure { http: Arc::clone(http), settings: Settings { token, ..settings.clone() }, env })
}

impl Host for Azure {
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        if !self.is_build() {
            return Err(Error::Nothing(
                "classic releases cannot be asked about: name a log with --log FILE, or wrap the command with \
                 `firefighter run -- COMMAND`"
                    .to_owned(),
            ));
        }
        let api = self.api().map_err(|trouble| Error::Settings(trouble.to_string()))?;
        let run = self.var("BUILD_BUILDID");
        let records = timeline(&api, &run).unwrap_or_else(|trouble| {
            notes.push(note(format!("the run's tasks: {trouble}; {}", self.remedy())));
            Vec::new()
        });
        let tree = Tree { records: &records };
        let culprits = tree.culprits();
        if let Some(more) = culprits.len().checked_sub(LOGS).filter(|more| *more > 0) {
            notes.push(note(format!("{more} more tasks failed; the logs of {LOGS} were read")));
        }
        let (logs, good) = thread::scope(|scope| {
            let good = scope.spawn(|| self.last_good(&api, &tree, culprits.first().copied()));
            let logs: Vec<_> =
                culprits.iter().take(LOGS).map(|record| scope.spawn(|| fetch(&api, &run, record))).collect();
            let logs: Vec<_> = logs.into_iter().map(|log| log.join().unwrap_or(Err(Trouble::Enough))).collect();
            (logs, good.join().unwrap_or(Ok(None)))
        });
        let mut logs: Vec<(&Record, Option<Log>)> = culprits
            .iter()
            .zip(logs)
            .map(|(record, log)| {
                let log = log.or_else(|trouble| {
                    let listed = log::of_errors(record.errors());
                    let instead =
                        if listed.is_some() { "; the errors that the server lists stand in its place" } else { "" };
                    notes.push(note(format!("the log of {}: {trouble}{instead}", record.name())));
                    listed.ok_or(trouble)
                });
                (*record, log.ok())
            })
            .collect();
        let mut jobs: Vec<Job> = Vec::new();
        for job in tree.jobs(&culprits) {
            jobs.push(tree.told(job, &mut logs));
        }
        let error = culprits.first().map(|record| tree.failure(record));
        let started = records.iter().filter_map(|record| record.start_time).min();
        let mut incident = incident(Run { started, error, ..self.run() }, jobs)?;
        compare(&mut incident, good, "the last good run", notes);
        incident.secrets.add(self.settings.token.clone().unwrap_or_default());
        Ok(incident)
    }

    fn say(&self, notices: &[Notice]) -> Option<String> {
        let sources = variable(&self.env, "BUILD_SOURCESDIRECTORY").map(PathBuf::from);
        let artifact = self.is_build().then(|| self.artifact());
        Some(Voice { sources, artifact }.say(notices))
    }

    fn printed(&self, text: &str) -> Option<String> {
        Some(super::neutral::printed(text))
    }

    fn post(&self, notices: &[Notice], notes: &mut Vec<Note>) {
        let pull = self.var("SYSTEM_PULLREQUEST_PULLREQUESTID");
        let (true, Some(text), false) = (self.settings.comment, super::summary(notices), pull.is_empty()) else {
            return;
        };
        if self.var("BUILD_REPOSITORY_PROVIDER") != "TfsGit" {
            notes.push(note("a comment is written in Azure Repos alone: this pull request is discussed elsewhere"));
        } else if let Err(trouble) = self.comment(&pull, text) {
            notes.push(note(format!(
                "the comment on pull request {pull}: {trouble}; allow the build service to `Contribute to pull requests`"
            )));
        }
    }

    fn examine(&self) -> Vec<Verdict> {
        let name = self.name();
        if self.settings.token.is_none() {
            return vec![Verdict::new(Standing::Poor, name, format!("no token: {MAP}, or set FIREFIGHTER_CI_TOKEN"))];
        }
        let run = self.var("BUILD_BUILDID");
        let records = self.api().and_then(|api| timeline(&api, &run));
        vec![match records {
            Ok(records) => {
                let tasks = records.iter().filter(|record| record.is("Task")).count();
                Verdict::new(Standing::Good, name, format!("run {run} has {tasks} tasks"))
            }
            Err(trouble) => Verdict::new(Standing::Bad, name, format!("the run's tasks: {trouble}; {}", self.remedy())),
        }]
    }
}

impl Azure {
    fn var(&self, name: &str) -> String {
        variable(&self.env, name).unwrap_or_default()
    }

    fn name(&self) -> &'static str {
        let address = self.collection();
        let is_service = address.contains("//dev.azure.com/") || address.contains(".visualstudio.com/");
        if is_service { "Azure Pipelines" } else { "Azure DevOps Server" }
    }

    /// A classic release is another thing, with another API.
    fn is_build(&self) -> bool {
        matches!(self.var("SYSTEM_HOSTTYPE").as_str(), "" | "build")
    }

    fn collection(&self) -> String {
        let address = ["SYSTEM_COLLECTIONURI", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"];
        let address = address.iter().find_map(|name| variable(&self.env, name)).unwrap_or_default();
        format!("{}/", address.trim_end_matches('/'))
    }

    fn project(&self) -> String {
        let id = variable(&self.env, "SYSTEM_TEAMPROJECTID").unwrap_or_else(|| self.var("SYSTEM_TEAMPROJECT"));
        utf8_percent_encode(&id, NON_ALPHANUMERIC).to_string().replace("%2D", "-")
    }

    fn api(&self) -> Result<Api<'_>, Trouble> {
        let given = variable(&self.env, "SYSTEM_ACCESSTOKEN");
        let token = self.settings.token.iter().map(|token| {
            // What the server hands out is a token of three parts; a personal one is the password of nobody.
            let is_issued =
                given.as_ref() == Some(token) || (token.starts_with("eyJ") && token.matches('.').count() == 2);
            if is_issued { ("authorization", format!("Bearer {token}")) } else { basic("", token) }
        });
        let base = format!("{}{}/_apis", self.collection(), self.project());
        Api::new(&self.http, &base, &[("accept", "application/json")], token.collect())
    }

    /// The one change that lets us read.
    fn remedy(&self) -> &'static str {
        if self.settings.token.is_none() { MAP } else { "the token needs the scope `Build (read)`" }
    }

    /// A name for our files that no other job of the run takes.
    fn artifact(&self) -> String {
        let attempt = self.var("SYSTEM_JOBATTEMPT");
        let attempt = if attempt == "1" { String::new() } else { attempt };
        let parts = [self.var("SYSTEM_STAGENAME"), self.var("SYSTEM_JOBNAME"), attempt];
        // A run without stages or jobs of its own calls them so.
        let parts = parts.iter().filter(|part| !part.is_empty() && !part.starts_with("__"));
        let plain = |part: &String| -> String {
            part.chars().map(|c| if c.is_ascii_alphanumeric() || "._".contains(c) { c } else { '_' }).collect()
        };
        ["firefighter".to_owned()].into_iter().chain(parts.map(plain)).collect::<Vec<_>>().join("-")
    }

    fn address(&self, run: &str) -> String {
        format!("{}{}/_build/results?buildId={run}", self.collection(), self.project())
    }

    fn run(&self) -> Run {
        let (id, project) = (self.var("BUILD_BUILDID"), self.var("SYSTEM_TEAMPROJECT"));
        let (definition, number) = (self.var("BUILD_DEFINITIONNAME"), self.var("BUILD_BUILDNUMBER"));
        let branch = self.var("BUILD_SOURCEBRANCH");
        Run {
            host: self.name().to_owned(),
            title: format!("{definition} {number} of {project}"),
            url: Some(self.address(&id)),
            id,
            project: Some(project).filter(|project| !project.is_empty()),
            environment: variable(&self.env, "ENVIRONMENT_NAME"),
            version: Some(short_branch(&branch).to_owned()).filter(|branch| !branch.is_empty()),
            commit: variable(&self.env, "BUILD_SOURCEVERSION"),
            ..Run::default()
        }
    }

    /// The last good run of the same pipeline, on the same branch or else that of the pull request or any, with its log of the
    /// task that failed now, and the commits since.
    fn last_good(&self, api: &Api, tree: &Tree, failed: Option<&Record>) -> Result<Option<Good>, Trouble> {
        let (Some(failed), Some(definition)) = (failed, variable(&self.env, "SYSTEM_DEFINITIONID")) else {
            return Ok(None);
        };
        let own: u64 = self.var("BUILD_BUILDID").parse().unwrap_or(u64::MAX);
        let target = variable(&self.env, "SYSTEM_PULLREQUEST_TARGETBRANCH");
        let branches = [variable(&self.env, "BUILD_SOURCEBRANCH"), target, Some(String::new())];
        let mut found = None;
        for branch in branches.into_iter().flatten() {
            let quoted = match branch.as_str() {
                "" => String::new(),
                name => format!("&branchName={}", utf8_percent_encode(name, NON_ALPHANUMERIC)),
            };
            let definition = utf8_percent_encode(&definition, NON_ALPHANUMERIC);
            let query =
                format!("definitions={definition}{quoted}&resultFilter=succeeded&statusFilter=completed&$top=5");
            let builds: List<Build> =
                api.get(&format!("build/builds?{query}&queryOrder=finishTimeDescending&{VERSION}"))?;
            found = builds.value.into_iter().find(|build| build.id < own).map(|build| (build, branch));
            if found.is_some() {
                break;
            }
        }
        let Some((good, branch)) = found else { return Ok(None) };
        let branch = if branch.is_empty() { "any branch" } else { short_branch(&branch) };
        let mut notes = Vec::new();
        let id = good.id.to_string();
        let (changes, log) = thread::scope(|scope| {
            let changes = scope.spawn(|| changes(api, good.id, own));
            let log = twin(api, &id, tree, failed);
            (changes.join().unwrap_or(Err(Trouble::Enough)), log)
        });
        let mut missed = |what: &str, trouble: Trouble| notes.push(note(format!("{what}: {trouble}")));
        let changes = changes.unwrap_or_else(|trouble| {
            missed("the commits since the last good run", trouble);
            Vec::new()
        });
        let log = log.unwrap_or_else(|trouble| {
            missed("the log of the last good run", trouble);
            Some(Log::default())
        });
        let log = log.unwrap_or_else(|| {
            notes.push(note(format!("the last good run has no task called {}", failed.name())));
            Log::default()
        });
        let run = Run {
            title: format!("{} {}", self.var("BUILD_DEFINITIONNAME"), good.number.clone().unwrap_or_default()),
            url: Some(self.address(&id)),
            id,
            version: good.source_branch.as_deref().map(|branch| short_branch(branch).to_owned()),
            commit: good.source_version.clone(),
            started: good.start_time,
            finished: good.finish_time,
            ..Run { environment: None, ..self.run() }
        };
        Ok(Some(Good { baseline: Baseline { run, log, why: format!("the last success on {branch}") }, changes, notes }))
    }

    /// Writes the comment, or writes over the one that an earlier run of this job left.
    fn comment(&self, pull: &str, text: &str) -> Result<(), Trouble> {
        let api = self.api()?;
        let mark = format!(
            "{}/{}/{}",
            self.var("BUILD_DEFINITIONNAME"),
            self.var("SYSTEM_STAGENAME"),
            self.var("SYSTEM_JOBNAME")
        );
        let repository =
            utf8_percent_encode(&self.var("BUILD_REPOSITORY_ID"), NON_ALPHANUMERIC).to_string().replace("%2D", "-");
        let path = format!("git/repositories/{repository}/pullRequests/{pull}/threads");
        let text = super::cut(&neutral::comment(text), COMMENT);
        let known: List<Thread> = api.get(&format!("{path}?{VERSION}"))?;
        let ours = known.value.iter().rev().find(|thread| {
            let kept = thread.properties.as_ref().map(|all| &all["firefighter"]);
            let kept = kept.and_then(|kept| kept.as_str().or_else(|| kept["$value"].as_str()));
            thread.is_deleted != Some(true) && kept == Some(mark.as_str())
        });
        if let Some((thread, first)) = ours.and_then(|thread| Some((thread.id, thread.comments.as_ref()?.first()?.id)))
        {
            let body = json!({ "content": text });
            let _: Value = api.tell("PATCH", &format!("{path}/{thread}/comments/{first}?{VERSION}"), &body)?;
            return Ok(());
        }
        // An open discussion can keep a pull request from being completed: this one is closed from the start.
        let body = json!({
            "comments": [{ "parentCommentId": 0, "content": text, "commentType": 1 }],
            "status": 4,
            "properties": { "firefighter": { "$type": "System.String", "$value": mark } },
        });
        let _: Value = api.tell("POST", &format!("{path}?{VERSION}"), &body)?;
        Ok(())
    }
}

fn timeline(api: &Api, run: &str) -> Result<Vec<Record>, Trouble> {
    let timeline: Timeline = api.get(&format!("build/builds/{run}/timeline?{VERSION}"))?;
    Ok(timeline.records.unwrap_or_default())
}

fn fetch(api: &Api, run: &str, record: &Record) -> Result<Log, Trouble> {
    let id = record.log.as_ref().ok_or(Trouble::NotFound)?.id;
    let response = api.open_as(&format!("build/builds/{run}/logs/{id}?{VERSION}"), "text/plain")?;
    log::read(response.into_reader()).map_err(|error| Trouble::Nonsense(format!("it broke off: {error}")))
}

/// The good run's job of the same name as the failed task's, with the log of the task of the same name; `None` without such.
fn twin(api: &Api, run: &str, tree: &Tree, failed: &Record) -> Result<Option<Log>, Trouble> {
    let records = timeline(api, run)?;
    let good = Tree { records: &records };
    let home = tree.records.iter().find(|record| record.id == failed.id).map(|record| tree.name(tree.job(record)));
    let alike = |record: &&Record| {
        record.name == failed.name && record.kind == failed.kind && Some(good.name(good.job(record))) == home
    };
    let Some(same) = records.iter().find(alike) else { return Ok(None) };
    let mut logs = [(same, Some(fetch(api, run, same)?))];
    Ok(Some(good.told(good.job(same), &mut logs).log.unwrap_or_default()))
}

fn changes(api: &Api, from: u64, to: u64) -> Result<Vec<Change>, Trouble> {
    let found: List<wire::Change> =
        api.get(&format!("build/changes?fromBuildId={from}&toBuildId={to}&$top={COMMITS}&{PREVIEW}"))?;
    let told = found.value.into_iter().take(COMMITS).map(|change| {
        let told = commit(&change.id.unwrap_or_default(), &change.message.unwrap_or_default());
        let who = change.author.and_then(|author| author.display_name);
        Change { who, when: change.timestamp, url: change.display_uri, ..told }
    });
    Ok(told.collect())
}

/// `refs/heads/main` as `main`.
fn short_branch(branch: &str) -> &str {
    branch.strip_prefix("refs/heads/").unwrap_or(branch)
}

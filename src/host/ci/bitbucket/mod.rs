//! Bitbucket Pipelines: the pipeline this step is a part of.
//!
//! With a token its API is asked; without one, by way of the proxy that runs beside each step and adds a key of the step's own,
//! which may write reports on the commit. Nothing that a step prints is a command. Facts: Atlassian's REST reference, "Pipelines"
//! and "Reports", and its page "Code insights".

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::clean::lines;
use crate::error::Error;
use crate::http::Http;
use crate::model::{Baseline, Change, Incident, Level, Log, Note, Notice, Outcome, Run};

use super::api::{Api, Trouble, encoded};
use super::changes::commit;
use super::good::{Good, compare, side_by_side};
use super::stepped::Stepped;
use super::{
    Env, Host, Job, Settings, Standing, Verdict, incident, is_inside, neutral, note, ours, summary, told, variable,
};
use wire::{Command, Commit, Found, Pipeline, Remark, Values};

/// Where the usual token is.
pub(super) const TOKEN: &str = "BITBUCKET_TOKEN";
/// Logs of failed steps that are read.
const LOGS: usize = 5;
/// Commits since the last good pipeline that are told.
const COMMITS: usize = 30;
/// Characters of a report's title and of an annotation's summary, of a longer text, and of a comment.
const SHORT: usize = 450;
const LONG: usize = 2_000;
const COMMENT: usize = 30_000;

mod wire;

struct Bitbucket {
    http: Arc<Http>,
    settings: Settings,
    env: Env,
}

pub(super) fn is_here(env: &Env) -> bool {
    variable(env, "BITBUCKET_BUILD_NUMBER").is_some()
}

pub(super) fn host(env: &Env, settings: &Settings, http: &Arc<Http>) -> Box<dyn Host> {
    let token = settings.token.clone().or_else(|| variable(env, TOKEN));
    let settings = Settings { token, ..settings.clone() };
    Box::new(Bitbucket { http: Arc::clone(http), settings, env: ours(env, "BITBUCKET_") })
}

impl Host for Bitbucket {
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        let api = self.api().map_err(|trouble| Error::Settings(trouble.to_string()))?;
        let steps = steps(&api, &self.var("BITBUCKET_PIPELINE_UUID")).unwrap_or_else(|trouble| {
            notes.push(note(self.unasked("the steps of the pipeline", &trouble)));
            Vec::new()
        });
        let failed: Vec<Found> = steps.into_iter().filter(|step| self.has_failed(step)).collect();
        let read = failed.get(..LOGS).unwrap_or(&failed);
        let good = || self.last_good(&api, failed.first());
        let pipeline = self.var("BITBUCKET_PIPELINE_UUID");
        let (logs, good) = side_by_side(read, |step| log(&api, &pipeline, step), good);
        if let Some(more) = failed.len().checked_sub(LOGS).filter(|more| *more > 0) {
            notes.push(note(format!("{more} more steps failed; the logs of {LOGS} were read")));
        }
        let mut jobs = Vec::new();
        for (step, log) in read.iter().zip(logs) {
            let log = log.map_err(|trouble| notes.push(note(self.unread(step, &trouble)))).ok();
            let (name, started, finished) = (step.name(), step.started_on, step.completed_on);
            jobs.push(Job { name, outcome: Outcome::Failed, started, finished, attempts: 1, log });
        }
        let error = failed.first().map(|step| self.failure(step));
        let mut incident = incident(Run { error, ..self.run() }, jobs)?;
        compare(&mut incident, good, "the last good pipeline", notes);
        incident.secrets.add(self.settings.token.clone().unwrap_or_default());
        Ok(incident)
    }

    fn say(&self, notices: &[Notice]) -> Option<String> {
        Some(told(notices))
    }

    fn printed(&self, text: &str) -> Option<String> {
        Some(neutral::printed(text))
    }

    fn post(&self, notices: &[Notice], notes: &mut Vec<Note>) {
        if let Err(trouble) = self.report(notices) {
            notes.push(note(self.unasked("the report on the commit", &trouble)));
        }
        let pull = self.var("BITBUCKET_PR_ID");
        if let (true, Some(text), false) = (self.settings.comment, summary(notices), pull.is_empty())
            && let Err(trouble) = self.comment(&pull, text)
        {
            notes.push(note(format!(
                "the comment on pull request {pull}: {trouble}; set {TOKEN} to a repository access token with pullrequest:write"
            )));
        }
    }

    fn examine(&self) -> Vec<Verdict> {
        let how = if self.settings.token.is_some() { "with a token" } else { "by the pipeline's own proxy" };
        let steps = self.api().and_then(|api| steps(&api, &self.var("BITBUCKET_PIPELINE_UUID")));
        vec![match steps {
            Ok(steps) => Verdict::new(
                Standing::Good,
                "Bitbucket",
                format!("the pipeline has {} steps, asked {how}", steps.len()),
            ),
            Err(trouble) => Verdict::new(Standing::Bad, "Bitbucket", self.unasked("the pipeline's steps", &trouble)),
        }]
    }
}

impl Bitbucket {
    fn var(&self, name: &str) -> String {
        variable(&self.env, name).unwrap_or_default()
    }

    fn api(&self) -> Result<Api<'_>, Trouble> {
        let project: Vec<String> = self.project().split('/').map(encoded).collect();
        let path = format!("2.0/repositories/{}", project.join("/"));
        let headers = [("accept", "application/json")];
        let url = self.settings.url.as_deref().map(|url| url.trim_end_matches('/'));
        let Some(token) = &self.settings.token else {
            // It adds its key to what it sees, which is plain HTTP alone. A pipe runs in a container of its own.
            let inside = variable(&self.env, "BITBUCKET_PIPE_STORAGE_DIR").is_some();
            let proxy = if inside { "http://host.docker.internal:29418" } else { "http://localhost:29418" };
            let api = Api::new(&self.http, &format!("http://api.bitbucket.org/{path}"), &headers, Vec::new())?;
            return api.through(url.unwrap_or(proxy));
        };
        let proof =
            if token.contains(':') { format!("Basic {}", STANDARD.encode(token)) } else { format!("Bearer {token}") };
        let server = url.unwrap_or("https://api.bitbucket.org");
        Api::new(&self.http, &format!("{server}/{path}"), &headers, vec![("authorization", proof)])
    }

    fn project(&self) -> String {
        let parts = || format!("{}/{}", self.var("BITBUCKET_WORKSPACE"), self.var("BITBUCKET_REPO_SLUG"));
        variable(&self.env, "BITBUCKET_REPO_FULL_NAME").unwrap_or_else(parts)
    }

    /// Why something was not had, and the one change that would give it.
    fn unasked(&self, what: &str, trouble: &Trouble) -> String {
        let scopes = "a repository access token that may read pipelines and repositories";
        match (&self.settings.token, trouble) {
            (None, _) => format!("{what}: {trouble}; set {TOKEN} to {scopes}"),
            (_, Trouble::Unauthorized | Trouble::Forbidden) => format!("{what}: {trouble}; {TOKEN} must be {scopes}"),
            _ => format!("{what}: {trouble}"),
        }
    }

    /// The same of a log.
    fn unread(&self, step: &Found, trouble: &Trouble) -> String {
        let name = step.name();
        match trouble {
            Trouble::NotFound if self.is_own(step) => format!(
                "the log of the step {name}, in which this runs, can be read only once the step has ended: wrap its command with \
                 `firefighter run -- COMMAND`"
            ),
            _ => self.unasked(&format!("the log of {name}"), trouble),
        }
    }

    fn is_own(&self, step: &Found) -> bool {
        !step.uuid.is_empty() && step.uuid == self.var("BITBUCKET_STEP_UUID")
    }

    fn has_failed(&self, step: &Found) -> bool {
        // In `after-script` the step has failed and is not yet told so.
        let failing = || variable(&self.env, "BITBUCKET_EXIT_CODE").is_some_and(|code| code != "0");
        let ended = ["FAILED", "ERROR", "EXPIRED"];
        step.state.result.as_ref().is_some_and(|result| ended.contains(&result.name.as_str()))
            || (self.is_own(step) && failing())
    }

    /// What the server says of the failure.
    fn failure(&self, step: &Found) -> String {
        let reason = step.state.result.as_ref().and_then(|result| result.error.as_ref()?.message.clone());
        let code = variable(&self.env, "BITBUCKET_EXIT_CODE").filter(|_| self.is_own(step));
        match (reason, code) {
            (Some(reason), _) => format!("The step {} failed: {reason}", step.name()),
            (None, Some(code)) => format!("The step {} failed: exit code {code}", step.name()),
            (None, None) => format!("The step {} failed", step.name()),
        }
    }

    fn run(&self) -> Run {
        let (number, project) = (self.var("BITBUCKET_BUILD_NUMBER"), self.project());
        Run {
            host: "Bitbucket Pipelines".to_owned(),
            title: format!("Pipeline #{number} of {project}"),
            url: Some(self.page(&number)),
            id: number,
            project: Some(project),
            environment: variable(&self.env, "BITBUCKET_DEPLOYMENT_ENVIRONMENT"),
            version: variable(&self.env, "BITBUCKET_BRANCH").or_else(|| variable(&self.env, "BITBUCKET_TAG")),
            commit: variable(&self.env, "BITBUCKET_COMMIT"),
            ..Run::default()
        }
    }

    /// Where a person looks at a pipeline.
    fn page(&self, number: &str) -> String {
        format!("https://bitbucket.org/{}/pipelines/results/{number}", self.project())
    }

    /// The last good pipeline of the same sort on the same branch, or else where the branch is to be merged, with the log of the
    /// step that failed now, and the commits since.
    fn last_good(&self, api: &Api, failed: Option<&Found>) -> Result<Option<Good>, Trouble> {
        let Some(failed) = failed else { return Ok(None) };
        let number = self.var("BITBUCKET_BUILD_NUMBER").parse().unwrap_or(u64::MAX);
        let branches = [self.var("BITBUCKET_BRANCH"), self.var("BITBUCKET_PR_DESTINATION_BRANCH")];
        for branch in branches.iter().filter(|branch| !branch.is_empty()) {
            let path = format!("pipelines/?target.branch={}&sort=-created_on&pagelen=50", encoded(branch));
            let listed = api.get::<Values<Pipeline>>(&path)?.values;
            let sort = |one: &Pipeline| one.target.as_ref().and_then(|target| target.selector.clone());
            let own = listed.iter().find(|one| one.build_number == number).map(sort);
            let passed = |one: &&Pipeline| {
                let good = one.state.result.as_ref().is_some_and(|result| result.name == "SUCCESSFUL");
                let there =
                    one.target.as_ref().is_none_or(|target| target.ref_name.as_ref().is_none_or(|name| name == branch));
                good && there && one.build_number < number && own.as_ref().is_none_or(|own| *own == sort(one))
            };
            let Some(good) = listed.iter().find(passed) else { continue };
            let hash = good.target.as_ref().and_then(|target| Some(target.commit.as_ref()?.hash.clone()));
            let mut notes = Vec::new();
            let log = twin(api, good, failed).unwrap_or_else(|trouble| {
                notes.push(note(format!("the log of the last good pipeline: {trouble}")));
                Log::default()
            });
            let changes =
                hash.as_deref().map_or(Ok(Vec::new()), |hash| self.changes(api, hash)).unwrap_or_else(|trouble| {
                    notes.push(note(format!("the commits since the last good pipeline: {trouble}")));
                    Vec::new()
                });
            let run = Run {
                host: "Bitbucket Pipelines".to_owned(),
                id: good.build_number.to_string(),
                title: format!("Pipeline #{}", good.build_number),
                url: Some(self.page(&good.build_number.to_string())),
                version: Some(branch.clone()),
                commit: hash,
                started: good.created_on,
                finished: good.completed_on,
                ..Run::default()
            };
            let why = format!("the last success on {branch}");
            return Ok(Some(Good { baseline: Baseline { run, log, why }, changes, notes }));
        }
        Ok(None)
    }

    /// The commits that are in this pipeline and were not in the one of `good`, newest first.
    fn changes(&self, api: &Api, good: &str) -> Result<Vec<Change>, Trouble> {
        let head = self.var("BITBUCKET_COMMIT");
        if head.is_empty() || head == good {
            return Ok(Vec::new());
        }
        let path = format!("commits/{}?exclude={}&pagelen={COMMITS}", encoded(&head), encoded(good));
        let commits = api.get::<Values<Commit>>(&path)?.values.into_iter().take(COMMITS).map(|one| {
            let who = one.author.and_then(|author| {
                let account = author.user.and_then(|user| user.display_name);
                account.or_else(|| Some(author.raw?.split('<').next()?.trim().to_owned()))
            });
            let url = format!("https://bitbucket.org/{}/commits/{}", self.project(), one.hash);
            Change { who, when: one.date, url: Some(url), ..commit(&one.hash, one.message.trim()) }
        });
        Ok(commits.collect())
    }

    /// Puts the report beside the commit, over the one of an earlier attempt. It has no result, so that no rule for merging waits
    /// for one.
    fn report(&self, notices: &[Notice]) -> Result<(), Trouble> {
        let highlights: Vec<String> = notices.iter().filter_map(highlight).collect();
        let (Some(first), commit) = (highlights.first(), self.var("BITBUCKET_COMMIT")) else { return Ok(()) };
        let number = self.var("BITBUCKET_BUILD_NUMBER");
        let step: String =
            self.var("BITBUCKET_STEP_UUID").chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        let facts = ["Category", "Confidence", "Retryable", "FailedStep"];
        let data = facts.iter().filter_map(|fact| {
            let value = notices.iter().find_map(|notice| match notice {
                Notice::Output { name, value } if name.ends_with(&format!(".{fact}")) => Some(plain(value, SHORT)),
                _ => None,
            })?;
            let title = if *fact == "FailedStep" { "Failed step" } else { fact };
            Some(json!({ "title": title, "type": "TEXT", "value": value }))
        });
        let report = json!({
            "title": format!("Why pipeline #{number} failed"),
            "details": cut(&highlights.join("\n\n"), LONG),
            "report_type": "BUG",
            "reporter": "Firefighter",
            "link": self.page(&number),
            "data": data.filter(|one| one["value"] != "").collect::<Vec<_>>(),
        });
        let path = format!("commit/{}/reports/firefighter-{}-{step}", encoded(&commit), encoded(&number));
        let api = self.api()?;
        let _: Value = api.tell("PUT", &path, &report)?;
        let root = self.var("BITBUCKET_CLONE_DIR");
        let place = notices.iter().find_map(|notice| match notice {
            Notice::Place { file, line } => Some((file, *line)),
            _ => None,
        });
        // Only a file that is there: the page shows the line in it.
        if let Some((file, line)) = place.filter(|(file, _)| !root.is_empty() && is_inside(Path::new(&root), file)) {
            let one = json!({
                "external_id": "firefighter-cause",
                "title": "Firefighter",
                "annotation_type": "BUG",
                "severity": "HIGH",
                "summary": cut(first, SHORT),
                "details": cut(&highlights.join("\n\n"), LONG),
                "path": file,
                "line": line,
            });
            let _: Value = api.tell("POST", &format!("{path}/annotations"), &json!([one]))?;
        }
        Ok(())
    }

    /// Writes the comment, or writes over the one that an earlier run of this step left.
    fn comment(&self, pull: &str, text: &str) -> Result<(), Trouble> {
        let api = self.api()?;
        // The page shows comments of HTML as text; the name of a link that nothing uses it does not show.
        let mark = "[//]: # (firefighter)";
        let body = json!({ "content": { "raw": format!("{mark}\n\n{}", unfolded(&super::cut(&neutral::comment(text), COMMENT))) } });
        let path = format!("pullrequests/{}/comments", encoded(pull));
        let known = api.get::<Values<Remark>>(&format!("{path}?pagelen=100&sort=-created_on"))?.values;
        let ours = known.iter().find(|one| !one.deleted && one.content.raw.starts_with(mark));
        if let Some(one) = ours {
            match api.tell::<Value>("PUT", &format!("{path}/{}", one.id), &body) {
                // Anybody can write the mark into a comment of theirs.
                Err(Trouble::Forbidden | Trouble::NotFound) => {}
                done => return done.map(|_| ()),
            }
        }
        let _: Value = api.tell("POST", &path, &body)?;
        Ok(())
    }
}

fn log(api: &Api, pipeline: &str, step: &Found) -> Result<Log, Trouble> {
    let path = format!("pipelines/{}/steps/{}/log", encoded(pipeline), encoded(&step.uuid));
    let source = api.open_with(&path, &[("accept", "*/*")])?.into_reader();
    let commands: Vec<&str> = step.script_commands.iter().flatten().filter_map(Command::text).collect();
    read(source, &commands).map_err(|error| Trouble::Nonsense(format!("it broke off: {error}")))
}

/// Reads a step's log: the commands of its script, each echoed as `+ COMMAND`, are steps; the last one that was begun failed.
/// Without a list of them each line of that form is taken for one.
fn read(source: impl Read, commands: &[&str]) -> io::Result<Log> {
    let mut log = Stepped::default();
    let (mut next, mut last) = (0, None);
    lines(source, |number, line| {
        if let Some(echoed) = line.strip_prefix("+ ").map(str::trim).filter(|echoed| !echoed.is_empty()) {
            let begins = commands.is_empty() || commands.get(next).is_some_and(|command| *command == echoed);
            if begins {
                next += 1;
                last = log.begin(echoed, None);
            }
        }
        log.line(number, None, Level::Info, line);
    })?;
    Ok(log.finish(last))
}

fn highlight(notice: &Notice) -> Option<String> {
    match notice {
        Notice::Highlight(text) => Some(neutral::one_line(text)),
        _ => None,
    }
}

/// A text for a field that is shown as it is: in one line, and no longer than the field takes.
fn plain(text: &str, most: usize) -> String {
    cut(&neutral::one_line(text), most)
}

/// `text` in at most `most` characters; that it was cut is seen.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// A report in Markdown without its folds, which are HTML: the page shows that as text.
fn unfolded(text: &str) -> String {
    let mut fence: Option<usize> = None;
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let marks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(open) if marks >= open && line.trim_end().len() == marks => fence = None,
            None if marks >= 3 => fence = Some(marks),
            _ => {}
        }
        let title = line.strip_prefix("<summary>").and_then(|rest| rest.strip_suffix("</summary>"));
        match title {
            Some(title) if fence.is_none() => out.push_str(&format!("**{title}**")),
            _ if fence.is_none() && ["<details>", "</details>"].contains(&line.trim_end()) => continue,
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// The log of the step of `good` that is the one that failed now.
fn twin(api: &Api, good: &Pipeline, failed: &Found) -> Result<Log, Trouble> {
    let steps = steps(api, &good.uuid)?;
    let twin = steps.iter().find(|step| step.name() == failed.name());
    twin.map_or(Ok(Log::default()), |step| log(api, &good.uuid, step))
}

fn steps(api: &Api, pipeline: &str) -> Result<Vec<Found>, Trouble> {
    Ok(api.get::<Values<Found>>(&format!("pipelines/{}/steps/?pagelen=100", encoded(pipeline)))?.values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str, commands: &[&str]) -> Vec<(String, bool)> {
        let log = read(text.as_bytes(), commands).unwrap();
        log.steps.into_iter().map(|step| (step.name, step.culprit)).collect()
    }

    #[test]
    fn commands_are_steps_and_the_last_that_was_begun_failed() {
        let text = "Cloning\n+ npm ci\nadded 1\n+ make test\n+ echo of set -x\nnot ok\n+ firefighter diagnose\n";
        let own =
            |names: &[(&str, bool)]| names.iter().map(|(name, bad)| ((*name).to_owned(), *bad)).collect::<Vec<_>>();
        let known = steps(text, &["npm ci", "make test", "make deploy"]);
        assert_eq!(known, own(&[("npm ci", false), ("make test", true)]));
        assert_eq!(steps("+ a\nx\n", &[]), own(&[("a", true)]));
        assert_eq!(steps("x\n", &[]), own(&[]));
    }

    #[test]
    fn a_fields_text_is_cut_between_characters() {
        assert_eq!(plain("aéb\nc", 3), "aé…");
        assert_eq!(plain("aéb", 3), "aéb");
    }

    #[test]
    fn folds_become_titles_but_not_in_a_fence() {
        let text = "<details>\n<summary>More</summary>\n\n````text\n<details>\n```\n````\n\n</details>\n";
        assert_eq!(unfolded(text), "**More**\n\n````text\n<details>\n```\n````\n\n");
    }
}

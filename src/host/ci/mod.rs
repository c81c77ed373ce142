//! Build servers: the run we are a part of, told by its variables, its logs fetched by API, and the report published there.
//!
//! Each server is a file or folder here with a row in [`SERVERS`]; what they have in common is in this file: a run's failed
//! jobs become one log whose steps are the jobs. The minimal example is `gitlab.rs`.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::error::Error;
use crate::http::Http;
use crate::model::{Incident, Line, Log, Note, Notice, Numbering, Outcome, Run, Stage, Step};

use super::neutral;
use super::{Access, Env, Host, Standing, Verdict};

mod api;
mod azure;
mod bitbucket;
mod buildkite;
mod changes;
mod circleci;
mod github;
mod gitlab;
mod good;
mod jenkins;
mod other;
mod stepped;
mod teamcity;

/// What a user may say about the build server.
#[derive(Clone, Default)]
pub struct Settings {
    /// Its name in [`SERVERS`], or `none`; `None` to find out.
    pub name: Option<String>,
    /// A token that may read the run's jobs and logs.
    pub token: Option<String>,
    /// Where its API is, if not at its usual address.
    pub url: Option<String>,
    /// Whether a comment is written where the change is discussed.
    pub comment: bool,
    /// Whether a check run tells the report beside the commit, where the server has such.
    pub check_run: bool,
}

/// Files of a commit that are named.
const FILES: usize = 50;

/// How a server is found: its name, whether we are inside, and the host.
type Server = (&'static str, fn(&Env) -> bool, fn(&Env, &Settings, &Arc<Http>) -> Box<dyn Host>);

/// Every build server, the more certain first: some set the variables of others too.
const SERVERS: &[Server] = &[
    ("github", github::is_here, github::host),
    ("gitlab", gitlab::is_here, gitlab::host),
    ("azure", azure::is_here, azure::host),
    ("teamcity", teamcity::is_here, teamcity::host),
    ("buildkite", buildkite::is_here, buildkite::host),
    ("circleci", circleci::is_here, circleci::host),
    ("bitbucket", bitbucket::is_here, bitbucket::host),
    // Agents of other servers are sometimes started by this one.
    ("jenkins", jenkins::is_here, jenkins::host),
    ("other", other::is_here, other::host),
];

/// Variables that hold a token of theirs.
pub const TOKENS: &[&str] = &[
    "GITHUB_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "GITLAB_TOKEN",
    "CI_JOB_TOKEN",
    "SYSTEM_ACCESSTOKEN",
    "TEAMCITY_TOKEN",
    "JENKINS_TOKEN",
    buildkite::TOKEN,
    "BUILDKITE_AGENT_ACCESS_TOKEN",
    circleci::TOKEN,
    "CIRCLE_OIDC_TOKEN",
    "CIRCLE_OIDC_TOKEN_V2",
    bitbucket::TOKEN,
    "BITBUCKET_STEP_OIDC_TOKEN",
];

/// The build server around us.
pub(super) fn detect(env: &Env, access: &Access, http: &Arc<Http>) -> Option<Box<dyn Host>> {
    let settings = &access.ci;
    let named = |name: &str| settings.name.as_deref().is_some_and(|wanted| wanted == name);
    let (.., host) = match settings.name {
        Some(_) => SERVERS.iter().find(|(name, ..)| named(name)),
        None => SERVERS.iter().find(|(_, is_here, _)| is_here(env)),
    }?;
    Some(host(env, settings, http))
}

/// Whether we run on a build server.
pub(super) fn is_here(env: &Env, settings: &Settings) -> bool {
    match &settings.name {
        Some(name) => name != "none",
        None => SERVERS.iter().any(|(_, is_here, _)| is_here(env)),
    }
}

/// The names of all build servers.
pub fn names() -> Vec<&'static str> {
    SERVERS.iter().map(|(name, ..)| *name).collect()
}

/// A variable that says something. An empty one says nothing: servers pass empty secrets to builds of forks.
fn variable(env: &Env, name: &str) -> Option<String> {
    env.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The variables whose names begin with `start`.
fn ours(env: &Env, start: &str) -> Env {
    env.iter().filter(|(name, _)| name.starts_with(start)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A job of a run that failed.
#[derive(Debug, Clone)]
struct Job {
    name: String,
    outcome: Outcome,
    started: Option<Timestamp>,
    finished: Option<Timestamp>,
    attempts: usize,
    /// Its log, whose steps are those inside of the job; `None` where it could not be had.
    log: Option<Log>,
}

/// The run with the logs of its failed jobs as one log: a step a job, and below it the job's own steps.
fn incident(run: Run, jobs: Vec<Job>) -> Result<Incident, Error> {
    let several = jobs.iter().filter(|job| job.log.is_some()).count() > 1;
    let mut log = Log { numbering: if several { Numbering::Step } else { Numbering::Log }, ..Log::default() };
    for job in jobs {
        let inner = job.log.unwrap_or_default();
        let finer = inner.steps.iter().any(|step| step.culprit);
        let at = log.steps.len();
        let failed = matches!(job.outcome, Outcome::Failed | Outcome::Canceled);
        log.steps.push(Step {
            name: job.name,
            place: None,
            outcome: job.outcome,
            culprit: failed && !finer && !inner.lines.is_empty(),
            started: job.started,
            finished: job.finished,
            attempts: job.attempts,
            depth: 0,
        });
        if inner.numbering == Numbering::Step {
            log.numbering = Numbering::Step;
        }
        log.steps.extend(inner.steps.iter().cloned().map(|step| Step { depth: step.depth + 1, ..step }));
        append(&mut log, inner, |step| step.map_or(at, |step| at + 1 + step));
    }
    if log.lines.is_empty() {
        return Err(Error::Nothing(format!(
            "no log of {} could be read: name one with --log FILE, or wrap the command with `firefighter run -- COMMAND`",
            if run.title.is_empty() { "this run" } else { &run.title }
        )));
    }
    Ok(Incident { run, log, ..Incident::default() })
}

/// The lines of `inner` below those of `log`, each with the step that `step` gives for the one it had. Steps stay as they are.
fn append(log: &mut Log, inner: Log, step: impl Fn(Option<usize>) -> usize) {
    let offset = log.text.len();
    log.text.push_str(&inner.text);
    log.omitted += inner.omitted;
    log.lines.extend(inner.lines.into_iter().map(|line| Line {
        start: line.start + offset,
        end: line.end + offset,
        step: Some(step(line.step)),
        ..line
    }));
}

/// Whether `file` is a file below `root`, named without a way out of it: only then does a page link to it.
fn is_inside(root: &Path, file: &str) -> bool {
    let path = Path::new(file);
    path.components().all(|part| matches!(part, Component::Normal(_))) && root.join(path).is_file()
}

fn note(text: impl Into<String>) -> Note {
    Note { stage: Stage::Collect, text: text.into() }
}

/// The plain lines of notices, harmless, for a server's own log: highlights first, the report below. The report holds what else
/// there is to say; only what is said after it is said here too.
fn told<'a>(notices: impl IntoIterator<Item = &'a Notice>) -> String {
    let notices: Vec<&Notice> = notices.into_iter().collect();
    let after = !notices.iter().any(|notice| matches!(notice, Notice::Highlight(_) | Notice::Info(_)));
    let mut out = String::new();
    for notice in notices {
        let text = match notice {
            Notice::Highlight(text) | Notice::Info(text) | Notice::Warning(text) => text,
            Notice::Verbose(text) if after => text,
            _ => continue,
        };
        for line in neutral::marked(text) {
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

/// The report for a server's own log, harmless; `None` where there is none.
fn shown(notices: &[Notice]) -> Option<String> {
    let reports = notices.iter().filter_map(|notice| match notice {
        Notice::Info(text) => Some(neutral::marked(text)),
        _ => None,
    });
    let lines: Vec<String> = reports.flatten().collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The whole report in Markdown, where there is one among `notices`.
fn summary(notices: &[Notice]) -> Option<&str> {
    notices.iter().find_map(|notice| match notice {
        Notice::Summary(text) => Some(text.as_str()),
        _ => None,
    })
}

/// The cause in a sentence.
fn headline(notices: &[Notice]) -> &str {
    let first = notices.iter().find_map(|notice| match notice {
        Notice::Highlight(text) => Some(text.as_str()),
        _ => None,
    });
    first.unwrap_or_default()
}

/// The file that holds the report in Markdown, where it was written.
fn report(notices: &[Notice]) -> Option<&Path> {
    notices.iter().find_map(|notice| match notice {
        Notice::Artifact { path, name, .. } if name == "firefighter.md" => Some(path.as_path()),
        _ => None,
    })
}

/// The places in the sources that are there below `root`, named without a way out of it: a server's page links to them.
fn places<'a>(notices: &'a [Notice], root: Option<&Path>) -> Vec<(&'a str, Option<usize>)> {
    let places = notices.iter().filter_map(|notice| match notice {
        Notice::Place { file, line } => Some((file.as_str(), *line)),
        _ => None,
    });
    places.filter(|(file, _)| root.is_some_and(|root| is_inside(root, file))).collect()
}

/// The first of them.
fn place<'a>(notices: &'a [Notice], root: Option<&Path>) -> Option<(&'a str, Option<usize>)> {
    places(notices, root).into_iter().next()
}

/// `text` in at most `most` characters.
fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A comment that begins with `mark`, by which a later run finds it again, in at most `most` bytes.
fn comment(mark: &str, text: &str, most: usize) -> String {
    format!("{mark}\n{}", cut(&neutral::comment(text), most))
}

/// A commit's message with the files that it touches, of which not all are named.
fn with_files(message: &str, files: impl Iterator<Item = String>) -> String {
    let mut files: Vec<String> = files.take(FILES + 1).collect();
    if files.is_empty() {
        return message.to_owned();
    }
    if files.len() > FILES {
        files.truncate(FILES);
        files.push("…".to_owned());
    }
    format!("{message}\n\nFiles:\n{}", files.join("\n"))
}

/// Where a run's log is read and where the report goes are two things: a file's log is told on the server we run on, and so is
/// what an Octopus Server says of a deployment that a build started.
pub(super) struct Elsewhere {
    pub(super) source: Box<dyn Host>,
    pub(super) voice: Box<dyn Host>,
}

impl Host for Elsewhere {
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        self.source.collect(notes)
    }

    fn say(&self, notices: &[Notice]) -> Option<String> {
        self.voice.say(notices)
    }

    fn printed(&self, text: &str) -> Option<String> {
        self.voice.printed(text)
    }

    fn files(&self, notices: &[Notice]) -> Vec<(PathBuf, String)> {
        self.voice.files(notices)
    }

    fn kept(&self, notices: &[Notice]) -> Vec<(&'static str, String)> {
        self.voice.kept(notices)
    }

    fn post(&self, notices: &[Notice], notes: &mut Vec<Note>) {
        self.voice.post(notices, notes);
    }

    fn examine(&self) -> Vec<Verdict> {
        let mut verdicts = self.source.examine();
        verdicts.extend(self.voice.examine());
        verdicts
    }
}

/// `text` in at most `most` bytes, cut between its paragraphs, with a word that says so. No fence and no fold stays open.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let head = text.get(..text.floor_char_boundary(most.saturating_sub(400))).unwrap_or_default();
    let head = head.rsplit_once("\n\n").map_or(head, |(head, _)| head);
    let mut fence: Option<&str> = None;
    let mut folds = 0_usize;
    for line in head.lines() {
        let marks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(open) if marks >= open.len() && line.trim_end().len() == marks => fence = None,
            None if marks >= 3 => fence = line.get(..marks),
            None if line.starts_with("<details>") => folds += 1,
            None if line.starts_with("</details>") => folds = folds.saturating_sub(1),
            _ => {}
        }
    }
    let fence = fence.map(|fence| format!("\n{fence}")).unwrap_or_default();
    format!("{head}{fence}{}\n\nThe rest was cut: the report's files hold it.", "\n\n</details>".repeat(folds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_leaves_no_fence_and_no_fold_open() {
        let text = format!(
            "# A\n\n<details>\n<summary>x</summary>\n\n````text\n{}\n````\n\n</details>\n",
            "line\n\n".repeat(400)
        );
        let cut = cut(&text, 1_000);
        assert!(cut.len() <= 1_000 && cut.contains("\n````\n\n</details>\n\nThe rest was cut"), "{cut}");
        assert_eq!(super::cut("short", 1_000), "short");
    }
}

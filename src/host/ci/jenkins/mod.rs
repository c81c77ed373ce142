//! Jenkins: the build that this step is a part of.
//!
//! The API's answers are in `wire`, a build's console in `log`. Nothing in the console is a command to Jenkins itself; but
//! plugins search it for patterns of failures, so that evidence is told in files and not printed there again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::error::Error;
use crate::http::Http;
use crate::model::{Baseline, Change, Incident, Log, Note, Notice, Outcome, Run};

use super::api::{Api, Trouble, basic};
use super::changes::commit;
use super::{Env, Host, Job, Settings, Standing, Verdict, incident, neutral, note, report, short, variable};
use wire::{Build, Node, Project, Stages};

mod log;
mod wire;

/// Earlier builds that are looked through for a good one, and for the commits since.
const BUILDS: usize = 30;
const COMMITS: usize = 30;
/// Characters of a line in the console, and of a build's description.
const LINE: usize = 400;
const DESCRIPTION: usize = 200;
/// What begins our line of a description.
const MARK: &str = "Firefighter: ";
/// The one change that lets us read.
const GIVE: &str =
    "give the step JENKINS_USER and JENKINS_TOKEN, a user who may read the job and an API token of theirs";

struct Jenkins {
    http: Arc<Http>,
    settings: Settings,
    env: BTreeMap<String, String>,
}

pub(super) fn is_here(env: &Env) -> bool {
    // Without an address of its own, a controller still gives each build a tag.
    let tagged = variable(env, "BUILD_TAG").is_some_and(|tag| tag.starts_with("jenkins-"));
    (tagged || variable(env, "JENKINS_URL").is_some()) && variable(env, "BUILD_ID").is_some()
}

pub(super) fn host(env: &Env, settings: &Settings, http: &Arc<Http>) -> Box<dyn Host> {
    let names = ["JENKINS_", "BUILD_", "JOB_", "GIT_", "BRANCH_", "CHANGE_", "STAGE_"];
    let env = env.iter().filter(|(name, _)| names.iter().any(|start| name.starts_with(start)));
    let env: BTreeMap<_, _> = env.map(|(name, value)| (name.clone(), value.clone())).collect();
    let token = settings.token.clone().or_else(|| variable(&env, "JENKINS_TOKEN"));
    Box::new(Jenkins { http: Arc::clone(http), settings: Settings { token, ..settings.clone() }, env })
}

impl Host for Jenkins {
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        let (api, own) = self.own()?;
        let (build, stages) = thread::scope(|scope| {
            let stages = scope.spawn(|| stages(&api, &own));
            let build = api.get::<Build>(&format!("{own}api/json?tree={}", tree(wire::BUILD)));
            (build, stages.join().unwrap_or(Err(Trouble::Enough)))
        });
        // Read as it comes, and so not asked for before the stages are known: its time runs from then on.
        let console = api.open(&format!("{own}consoleText"));
        // A server that could not tell of this build is not asked about earlier ones.
        let answers = !matches!(build, Err(Trouble::Network(_) | Trouble::Nonsense(_)));
        let build = build.unwrap_or_else(|trouble| {
            notes.push(note(format!("the build: {trouble}; {}", self.remedy())));
            Build::default()
        });
        let (known, fault) = match stages {
            Ok(stages) => (stages.nodes, stages.fault),
            Err(trouble) => {
                let ask = "the plugin Pipeline: REST API tells how each stage ended; without it the console does";
                // A freestyle build has no stages.
                if !matches!(trouble, Trouble::NotFound) || variable(&self.env, "STAGE_NAME").is_some() {
                    notes.push(note(format!("the stages: {trouble}; {ask}")));
                }
                (Vec::new(), None)
            }
        };
        let log = console.and_then(|answer| {
            log::read(answer.into_reader(), &known).map_err(|error| Trouble::Nonsense(format!("it broke off: {error}")))
        });
        let log = log.map_err(|trouble| notes.push(note(format!("the console: {trouble}; {}", self.remedy())))).ok();
        let job = Job {
            name: self.var("JOB_NAME"),
            outcome: Outcome::Failed,
            started: build.started(),
            finished: build.finished(),
            attempts: 1,
            log,
        };
        let error = fault.map(|(stage, message)| format!("The stage {stage} failed: {message}"));
        let mut incident = incident(Run { error, ..self.run(&build) }, vec![job])?;
        let good = if answers { self.last_good(&api, notes) } else { Ok(None) };
        match good {
            Ok(Some((baseline, changes))) => {
                incident.baseline = Some(baseline);
                incident.changes = changes;
            }
            Ok(None) => {}
            Err(trouble) => notes.push(note(format!("the last good build: {trouble}; {}", self.remedy()))),
        }
        // The builds before are not there for all; the build's own commits are.
        if incident.changes.is_empty() {
            incident.changes = told(build.commits());
        }
        incident.secrets.add(self.settings.token.clone().unwrap_or_default());
        Ok(incident)
    }

    fn say(&self, notices: &[Notice]) -> Option<String> {
        let mut lines: Vec<String> = notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::Highlight(text) | Notice::Warning(text) => Some(text.clone()),
                _ => None,
            })
            .collect();
        if lines.is_empty() {
            lines.extend(notices.iter().filter_map(|notice| match notice {
                Notice::Verbose(text) => Some(text.clone()),
                _ => None,
            }));
        }
        lines.extend(report(notices).map(|path| format!("The whole report: {}", path.display())));
        let lines = lines.iter().flat_map(|line| neutral::marked(&short(&neutral::one_line(line), LINE)));
        Some(lines.map(|line| format!("{line}\n")).collect())
    }

    fn printed(&self, text: &str) -> Option<String> {
        Some(neutral::printed(text))
    }

    fn post(&self, notices: &[Notice], notes: &mut Vec<Note>) {
        let cause = notices.iter().find_map(|notice| match notice {
            Notice::Highlight(text) => Some(text),
            _ => None,
        });
        if let (true, Some(cause)) = (self.settings.comment, cause)
            && let Err(trouble) = self.describe(cause)
        {
            notes.push(note(format!(
                "the build's description: {trouble}; it needs an API token of a user with the permission Run/Update"
            )));
        }
    }

    fn examine(&self) -> Vec<Verdict> {
        let (api, own) = match self.own() {
            Ok(own) => own,
            Err(error) => return vec![Verdict::new(Standing::Bad, "Jenkins", error.to_string())],
        };
        let build = api.get::<Build>(&format!("{own}api/json?tree={}", tree(wire::BUILD)));
        vec![match build {
            Ok(build) => {
                let name = build.full_display_name.unwrap_or_else(|| self.var("BUILD_TAG"));
                Verdict::new(Standing::Good, "Jenkins", format!("{name} can be read"))
            }
            Err(trouble) if self.settings.token.is_none() => {
                Verdict::new(Standing::Poor, "Jenkins", format!("no token: {trouble}; {GIVE}"))
            }
            Err(trouble) => Verdict::new(Standing::Bad, "Jenkins", format!("the build: {trouble}; {}", self.remedy())),
        }]
    }
}

/// The stages of a pipeline, and what the first that failed says of it.
struct Told {
    nodes: Vec<Node>,
    fault: Option<(String, String)>,
}

impl Jenkins {
    fn var(&self, name: &str) -> String {
        variable(&self.env, name).unwrap_or_default()
    }

    /// The job's address, of which those of its builds are parts.
    fn job(&self) -> Option<String> {
        let of_build = || {
            let address = variable(&self.env, "BUILD_URL")?;
            let (job, _) = address.trim_end_matches('/').rsplit_once('/')?;
            Some(job.to_owned())
        };
        variable(&self.env, "JOB_URL").or_else(of_build)
    }

    /// The way to ask about the job, and the path of our build in it.
    fn own(&self) -> Result<(Api<'_>, String), Error> {
        let job = self.job().filter(|job| Url::parse(job).is_ok()).ok_or_else(|| {
            Error::Nothing(
                "Jenkins does not tell its builds its own address: set it under Manage Jenkins › System › Jenkins URL, name a log \
                 with --log FILE, or wrap the command with `firefighter run -- COMMAND`"
                    .to_owned(),
            )
        })?;
        let user = variable(&self.env, "JENKINS_USER");
        let credentials = self.settings.token.iter().map(|token| match (&user, token.split_once(':')) {
            (_, Some((user, token))) => basic(user, token),
            (Some(user), None) => basic(user, token),
            (None, None) => ("authorization", format!("Bearer {token}")),
        });
        let api = Api::new(&self.http, &job, &[], credentials.collect())
            .map_err(|trouble| Error::Settings(trouble.to_string()))?;
        Ok((api, format!("{}/", self.var("BUILD_NUMBER"))))
    }

    fn remedy(&self) -> &'static str {
        if self.settings.token.is_none() { GIVE } else { "the user needs the permission Job/Read" }
    }

    fn run(&self, build: &Build) -> Run {
        let (job, number) = (self.var("JOB_NAME"), self.var("BUILD_NUMBER"));
        let title = build.full_display_name.clone().unwrap_or_else(|| format!("{job} #{number}"));
        let branch = ["CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"].iter().find_map(|name| variable(&self.env, name));
        Run {
            host: "Jenkins".to_owned(),
            id: number,
            title,
            url: build.url.clone().or_else(|| variable(&self.env, "BUILD_URL")),
            project: Some(job).filter(|job| !job.is_empty()),
            version: branch,
            commit: variable(&self.env, "GIT_COMMIT"),
            started: build.started(),
            finished: build.finished(),
            ..Run::default()
        }
    }

    /// The last good build of the job, for a change request else of the branch it goes to, with its console; and the commits
    /// since.
    fn last_good(&self, api: &Api, notes: &mut Vec<Note>) -> Result<Option<(Baseline, Vec<Change>)>, Trouble> {
        let own: u64 = self.var("BUILD_NUMBER").parse().unwrap_or(u64::MAX);
        let target = variable(&self.env, "CHANGE_TARGET").map(|target| {
            // A name that is part of an address is quoted twice there: `a/b` is the job `a%2Fb`.
            let once = utf8_percent_encode(&target, NON_ALPHANUMERIC).to_string().replace("%2D", "-");
            (format!("../{}/", once.replace('%', "%25")), target)
        });
        let here = (String::new(), "this job".to_owned());
        for (folder, name) in [here].into_iter().chain(target) {
            let wanted = format!("builds[{}]{{0,{BUILDS}}},lastStableBuild[{}]", wire::BUILD, wire::BUILD);
            let project: Project = api.get(&format!("{folder}api/json?tree={}", tree(&wanted)))?;
            let is_own = folder.is_empty();
            let builds: Vec<Build> = project.builds.unwrap_or_default();
            let before = |build: &&Build| !is_own || build.number < own;
            let good = builds.iter().filter(before).find(|build| build.result.as_deref() == Some("SUCCESS")).cloned();
            let Some(good) = good.or_else(|| project.last_stable_build.filter(|build| before(&build))) else {
                continue;
            };
            let log = api.open(&format!("{folder}{}/consoleText", good.number)).and_then(|answer| {
                log::read(answer.into_reader(), &[])
                    .map_err(|error| Trouble::Nonsense(format!("it broke off: {error}")))
            });
            let log = log.unwrap_or_else(|trouble| {
                notes.push(note(format!("the console of the last good build: {trouble}")));
                Log::default()
            });
            // Where nothing says how a stage ended, the last one is taken to have failed; here none did.
            let log = Log { steps: log.steps.into_iter().map(log::succeeded).collect(), ..log };
            let since = builds.into_iter().filter(|build| is_own && build.number > good.number && build.number <= own);
            let run = Run {
                id: good.number.to_string(),
                commit: variable(&self.env, "GIT_PREVIOUS_SUCCESSFUL_COMMIT").filter(|_| is_own),
                version: Some(name.clone()).filter(|_| !is_own),
                url: good.url.clone(),
                ..self.run(&good)
            };
            let changes = told(since.flat_map(Build::commits));
            return Ok(Some((Baseline { run, log, why: format!("the last success of {name}") }, changes)));
        }
        Ok(None)
    }

    /// Puts our line into the build's description, in the place of one that stands there already.
    fn describe(&self, cause: &str) -> Result<(), Trouble> {
        let (api, own) = self.own().map_err(|error| Trouble::Address(error.to_string()))?;
        let asked = format!("{own}api/json?tree=description");
        let read = || -> Result<String, Trouble> { Ok(api.get::<Build>(&asked)?.description.unwrap_or_default()) };
        let known = read()?;
        let others = known.lines().filter(|line| !line.starts_with(MARK));
        let ours = format!("{MARK}{}", described(cause));
        let text = others.chain([ours.as_str()]).collect::<Vec<_>>().join("\n");
        api.submit(&format!("{own}submitDescription"), "description", &text)?;
        // Jenkins leads on to a page whether it took the description or wants somebody to sign in.
        if read()?.contains(&ours) { Ok(()) } else { Err(Trouble::Forbidden) }
    }
}

/// A line of a description. Some controllers read HTML there and others plain text, so that no sign of HTML is left to escape.
fn described(text: &str) -> String {
    let signs = |c: char| match c {
        '<' => '‹',
        '>' => '›',
        '&' => '+',
        other => other,
    };
    short(&neutral::one_line(text), DESCRIPTION).chars().map(signs).collect()
}

fn stages(api: &Api, own: &str) -> Result<Told, Trouble> {
    let nodes = api.get::<Stages>(&format!("{own}wfapi/describe"))?.stages.unwrap_or_default();
    let failed = nodes.iter().find(|node| node.outcome() == Outcome::Failed);
    let fault = failed.and_then(|node| {
        let name = node.name.clone()?;
        let id = node.id.as_deref().filter(|id| id.chars().all(|c| c.is_ascii_digit()))?;
        // That the stage failed is known; why is more, and not worth a note.
        let inside = api.get::<Stages>(&format!("{own}execution/node/{id}/wfapi/describe")).ok()?;
        let nodes = inside.stage_flow_nodes.unwrap_or_default();
        Some((name, nodes.into_iter().find_map(|node| node.error?.message)?))
    });
    Ok(Told { nodes, fault })
}

/// Commits as changes, each once.
fn told(commits: impl Iterator<Item = wire::Item>) -> Vec<Change> {
    let mut seen = Vec::new();
    let mut changes = Vec::new();
    for item in commits {
        let id = item.commit_id.unwrap_or_default();
        if changes.len() >= COMMITS || seen.contains(&id) {
            continue;
        }
        let message = item.comment.or(item.msg).unwrap_or_default();
        let message = message.trim_end();
        changes.push(Change {
            details: Some(super::with_files(message, item.affected_paths.unwrap_or_default().into_iter())),
            who: item.author.and_then(|author| author.full_name),
            when: wire::moment(item.timestamp),
            ..commit(&id, message)
        });
        seen.push(id);
    }
    changes
}

/// A `tree` as part of an address.
fn tree(wanted: &str) -> String {
    utf8_percent_encode(wanted, NON_ALPHANUMERIC).to_string()
}

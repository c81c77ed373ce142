//! From a question to the run it asks about: which names the server knows, which runs fit, and which of them is taken.
//!
//! Two round trips: the names side by side, then the runs. A server that knows more names than it lists at once, and a name
//! that is none, cost a third.

use std::thread;

use jiff::Zoned;

use crate::clean::unwanted;
use crate::error::Error;

use super::api::{Api, Trouble, segment};
use super::find::{Question, fault};
use super::gather::{absorb, join};
use super::question::{self, Kind, Lost, Names, Sought, When, close};
use super::wire::{Deployment, Named, Page, Release, Task};
use super::{Known, at};

/// Names of a kind that are asked for at once.
const LISTED: usize = 300;
/// Runs that are looked through.
const RUNS: usize = 100;

/// Completes `known` with the run that `question` asks about. Says which was taken and why.
pub(super) fn seek(api: &Api, question: &Question, here: Option<&Known>, known: &mut Known) -> Result<String, Error> {
    // What the server calls its things is shown on a terminal.
    let plain = |text: String| text.chars().filter(|c| !unwanted(*c)).collect();
    look(api, question, here, known).map_err(|error| match error {
        Error::Host(text) => Error::Host(plain(text)),
        other => other,
    })
}

fn look(api: &Api, question: &Question, here: Option<&Known>, known: &mut Known) -> Result<String, Error> {
    let text = question.text.as_str();
    if let Err(Lost::Unclear(reason)) = question::understand(text, &Names::default(), &question.now) {
        return Err(Error::Settings(reason));
    }
    let mut lists = match Lists::ask(api, &known.space, text) {
        Ok(lists) => lists,
        // Who asks from within a run most likely means that one.
        Err(_) if here.is_some() => return Ok(current(here, known)),
        Err(error) => return Err(error),
    };
    let mut read = question::understand(text, &lists.names, &question.now);
    let no_project = match &read {
        Ok(sought) => sought.project.is_none(),
        Err(lost) => matches!(lost, Lost::Missing { kind: Kind::Project, .. }),
    };
    if lists.searched && no_project {
        lists.add_projects(list(api, &known.space, Kind::Project))?;
        read = question::understand(text, &lists.names, &question.now);
    }
    if let Some((kind, phrases)) = lists.unlisted(text, &read) {
        lists.ask_more(api, &known.space, kind, &phrases);
        read = question::understand(text, &lists.names, &question.now);
    }
    let sought = match (read, here) {
        (Ok(sought), _) => sought,
        // What is quoted within a run is more likely a word of its log than the name of another.
        (Err(Lost::Missing { sure: false, .. }), Some(_)) => return Ok(current(here, known)),
        (Err(lost), _) => return Err(lists.tell(lost, &known.space)),
    };
    if here.is_some_and(|here| fits(here, &sought)) {
        let why = current(here, known);
        known.asked_step = sought.step;
        return Ok(why);
    }
    let runs = Runs::ask(api, &known.space, text, &sought)?;
    let release = match (&runs.release, &sought.release, &sought.project) {
        (Some(Ok(release)), ..) => Some(release.clone()),
        (Some(Err(Trouble::NotFound(_))), Some(version), Some(project)) => {
            Some(like(api, &known.space, project, version)?)
        }
        (Some(Err(trouble)), Some(version), _) => return Err(fault(&format!("release {version}"), trouble)),
        _ => None,
    };
    let mut fitting = runs.fitting(&sought, release.as_ref());
    if let (Some(release), true) = (&release, fitting.is_empty()) {
        // It may be older than the runs that were listed.
        let path = at(&known.space, &format!("releases/{}/deployments?take={RUNS}", segment(&release.id)));
        let old = api.get::<Page<Deployment>>(&path).map_err(|trouble| fault("its deployments", &trouble))?;
        fitting = Runs { deployments: old.items, ..Runs::default() }.fitting(&sought, Some(release));
    }
    let asked = told(&sought, release.as_ref(), &question.now);
    let Some(taken) = fitting.first().cloned() else {
        return Err(Error::Host(nothing(&runs, &sought, release.as_ref(), &asked, &question.now)));
    };
    let why = why(&taken, &fitting, &asked, &question.now);
    take(known, taken, &sought, &lists.names, release);
    known.asked_step = sought.step;
    Ok(why)
}

/// Whether what is sought may be the run we are a step of.
fn fits(here: &Known, sought: &Sought) -> bool {
    let same = |name: Option<&Named>, id: &str, own: &str| {
        name.is_none_or(|name| name.id == id || name.name.eq_ignore_ascii_case(own))
    };
    let release = sought.release.as_ref().is_none_or(|release| release.eq_ignore_ascii_case(&here.version));
    let is_run = !here.task.is_empty() || !here.deployment.is_empty() || !here.runbook_run.is_empty();
    is_run
        && sought.when.is_none()
        && sought.runbook.is_none()
        && release
        && same(sought.project.as_ref(), &here.project, &here.project_name)
        && same(sought.environment.as_ref(), &here.environment, &here.environment_name)
        && same(sought.tenant.as_ref(), &here.tenant, &here.tenant_name)
}

fn current(here: Option<&Known>, known: &mut Known) -> String {
    let space = known.space.clone();
    *known = here.cloned().unwrap_or_default();
    known.space = space;
    "The run that this step is a part of: the question names no other.".to_owned()
}

/// The names that a server knows, as far as they were asked for.
struct Lists {
    names: Names,
    /// The kinds of which there are more.
    cut: Vec<Kind>,
    /// Whether of the projects only those were asked for whose name holds the one that is quoted.
    searched: bool,
}

fn route(kind: Kind) -> &'static str {
    match kind {
        Kind::Project => "projects",
        Kind::Environment => "environments",
        Kind::Tenant => "tenants",
        Kind::Runbook => "runbooks",
    }
}

impl Lists {
    fn ask(api: &Api, space: &str, text: &str) -> Result<Self, Error> {
        let surely = question::surely(text);
        let (projects, others) = thread::scope(|scope| {
            let projects = scope.spawn(|| match &surely {
                Some(name) => search(api, space, Kind::Project, name),
                None => list(api, space, Kind::Project),
            });
            let wanted = [Kind::Environment, Kind::Tenant, Kind::Runbook].into_iter();
            let wanted = wanted.filter(|kind| question::may_name(text, *kind));
            let others: Vec<_> = wanted.map(|kind| (kind, scope.spawn(move || list(api, space, kind)))).collect();
            let others: Vec<_> = others.into_iter().map(|(kind, thread)| (kind, join(thread))).collect();
            (join(projects), others)
        });
        let mut lists = Self { names: Names::default(), cut: Vec::new(), searched: surely.is_some() };
        lists.add_projects(projects)?;
        for (kind, page) in others {
            // Without the right to see tenants a question that names none can still be answered.
            let Ok(page) = page else { continue };
            lists.cut_off(kind, &page);
            lists.add(kind, page.items);
        }
        Ok(lists)
    }

    fn add_projects(&mut self, page: Result<Page<Named>, Trouble>) -> Result<(), Error> {
        let page = page.map_err(|trouble| fault("the projects", &trouble))?;
        self.cut_off(Kind::Project, &page);
        self.add(Kind::Project, page.items);
        Ok(())
    }

    fn cut_off(&mut self, kind: Kind, page: &Page<Named>) {
        if page.total_results > page.items.len() {
            self.cut.push(kind);
        }
    }

    fn add(&mut self, kind: Kind, items: Vec<Named>) {
        let all = match kind {
            Kind::Project => &mut self.names.projects,
            Kind::Environment => &mut self.names.environments,
            Kind::Tenant => &mut self.names.tenants,
            Kind::Runbook => &mut self.names.runbooks,
        };
        for item in items {
            if !all.iter().any(|known| known.id == item.id) {
                all.push(item);
            }
        }
    }

    /// What is worth a further search: the kind that was not found in a list that is not whole, and what to search for.
    fn unlisted(&self, text: &str, read: &Result<Sought, Lost>) -> Option<(Kind, Vec<String>)> {
        let cut = |kind: &Kind| self.cut.contains(kind);
        match read {
            Err(Lost::Missing { kind, said, .. }) => {
                let words = said.split_whitespace().filter(|word| word.chars().count() > 2).map(str::to_owned);
                // A slip of the pen is rarely in the first letters.
                let start: String = said.chars().take(3).collect();
                let phrases = [said.clone()].into_iter().chain(words).chain([start]).take(4).collect();
                Some((*kind, phrases)).filter(|(kind, _)| cut(kind))
            }
            Ok(sought) => {
                let kind =
                    [Kind::Project, Kind::Tenant].into_iter().find(|kind| sought.of(*kind).is_none() && cut(kind))?;
                let mut phrases = question::phrases(text);
                phrases.truncate(4);
                Some((kind, phrases)).filter(|(_, phrases)| !phrases.is_empty())
            }
            Err(Lost::Unclear(_)) => None,
        }
    }

    fn ask_more(&mut self, api: &Api, space: &str, kind: Kind, phrases: &[String]) {
        let pages: Vec<_> = thread::scope(|scope| {
            let searches: Vec<_> =
                phrases.iter().map(|phrase| scope.spawn(move || search(api, space, kind, phrase))).collect();
            searches.into_iter().map(join).collect()
        });
        for page in pages.into_iter().flatten() {
            self.add(kind, page.items);
        }
    }

    fn tell(&self, lost: Lost, space: &str) -> Error {
        let Lost::Missing { kind, said, close, .. } = lost else {
            let Lost::Unclear(reason) = lost else { return Error::Host(String::new()) };
            return Error::Settings(reason);
        };
        let word = kind.word();
        let names = self.names.of(kind);
        let place = if space.is_empty() {
            "the default space (OCTOPUS_SPACE names another)".to_owned()
        } else {
            space.to_owned()
        };
        let offer = if !close.is_empty() {
            format!("close: {}", close.join(", "))
        } else if names.is_empty() {
            format!("this key sees no {word}s in {place}")
        } else {
            let some: Vec<_> = names.iter().map(|name| name.name.as_str()).take(20).collect();
            let rest = if names.len() > some.len() || self.cut.contains(&kind) { ", …" } else { "" };
            format!("nothing is close; there are {}{rest} in {place}", some.join(", "))
        };
        Error::Host(format!("no {word} is called {said}; {offer}"))
    }
}

fn list(api: &Api, space: &str, kind: Kind) -> Result<Page<Named>, Trouble> {
    api.get(&at(space, &format!("{}?take={LISTED}", route(kind))))
}

fn search(api: &Api, space: &str, kind: Kind, phrase: &str) -> Result<Page<Named>, Trouble> {
    api.get(&at(space, &format!("{}?partialName={}&take=100", route(kind), segment(phrase))))
}

/// The runs that may be meant.
#[derive(Default)]
struct Runs {
    /// Tasks that have not succeeded.
    tasks: Vec<Task>,
    /// Deployments or runbook runs, however they went.
    deployments: Vec<Deployment>,
    release: Option<Result<Release, Trouble>>,
}

/// One of them.
#[derive(Clone)]
struct Run {
    /// Unknown for one that is not among those that have not succeeded.
    task: Option<Task>,
    deployment: Option<Deployment>,
}

impl Runs {
    fn ask(api: &Api, space: &str, text: &str, sought: &Sought) -> Result<Self, Error> {
        let filter = |names: [&str; 4]| {
            let kinds = Kind::ALL.into_iter().zip(names);
            let parts = kinds.filter_map(|(kind, name)| Some(format!("&{name}={}", segment(&sought.of(kind)?.id))));
            parts.collect::<String>()
        };
        let is_runbook = sought.runbook.is_some() || question::speaks_of_runbooks(text);
        let (name, list) = if is_runbook { ("RunbookRun", "runbookRuns") } else { ("Deploy", "deployments") };
        let tasks = format!(
            "tasks?name={name}&states=Failed,TimedOut,Canceled,Executing&take={RUNS}{}",
            filter(["project", "environment", "tenant", "runbook"])
        );
        let then = sought.when.as_ref().map(|When { from, to, .. }| {
            // A run is often queued before the time that is spoken of.
            let early = from.checked_sub(jiff::SignedDuration::from_hours(12)).unwrap_or(*from).to_string();
            format!("{tasks}&fromQueueDate={}&toQueueDate={}", segment(&early), segment(&to.to_string()))
        });
        let deployments = format!("{list}?take={RUNS}{}", filter(["projects", "environments", "tenants", "runbooks"]));
        let release = sought
            .project
            .as_ref()
            .zip(sought.release.as_ref())
            .map(|(project, version)| format!("projects/{}/releases/{}", segment(&project.id), segment(version)));
        let (tasks, then, deployments, release) = thread::scope(|scope| {
            let tasks = scope.spawn(|| api.get::<Page<Task>>(&at(space, &tasks)));
            let then = then.as_ref().map(|then| scope.spawn(move || api.get::<Page<Task>>(&at(space, then))));
            let deployments = scope.spawn(|| api.get::<Page<Deployment>>(&at(space, &deployments)));
            let release = release.as_ref().map(|path| scope.spawn(move || api.get::<Release>(&at(space, path))));
            (join(tasks), then.map(join), join(deployments), release.map(join))
        });
        let mut tasks = tasks.map_err(|trouble| fault("the runs that failed", &trouble))?.items;
        for task in then.and_then(Result::ok).map(|page| page.items).unwrap_or_default() {
            if !tasks.iter().any(|known| known.id == task.id) {
                tasks.push(task);
            }
        }
        tasks.sort_by_key(|task| std::cmp::Reverse(task.start_time));
        // Without the right to see deployments their tasks still tell what failed.
        let deployments = deployments.map(|page| page.items).unwrap_or_default();
        Ok(Self { tasks, deployments, release })
    }

    /// Those that fit, the best first: the newest failed one, else the newest that has not succeeded, else the newest.
    fn fitting(&self, sought: &Sought, release: Option<&Release>) -> Vec<Run> {
        let of_task = |task: &Task| self.deployments.iter().find(|one| one.task_id == task.id).cloned();
        let tasks = self.tasks.iter().map(|task| Run { deployment: of_task(task), task: Some(task.clone()) });
        let is_known = |one: &&Deployment| !self.tasks.iter().any(|task| task.id == one.task_id);
        let others =
            self.deployments.iter().filter(is_known).map(|one| Run { task: None, deployment: Some(one.clone()) });
        let mut all: Vec<Run> = tasks.chain(others).filter(|run| run.fits(sought, release)).collect();
        all.sort_by_key(Run::rank);
        all
    }
}

impl Run {
    fn rank(&self) -> u8 {
        match &self.task {
            Some(_) if self.has_failed() => 0,
            Some(task) if task.state == "Executing" => 1,
            Some(_) => 2,
            None => 3,
        }
    }

    fn has_failed(&self) -> bool {
        // A run in guided failure waits for a person to say what becomes of its failure.
        self.task
            .as_ref()
            .is_some_and(|task| matches!(task.state.as_str(), "Failed" | "TimedOut") || task.has_pending_interruptions)
    }

    fn fits(&self, sought: &Sought, release: Option<&Release>) -> bool {
        let described = |version: &str| {
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
            let words = self.task.as_ref().map(|task| task.description.as_str()).unwrap_or_default();
            words.split(|c| !is_part(c)).any(|word| word.eq_ignore_ascii_case(version))
        };
        let of_release = match (&self.deployment, release, &sought.release) {
            (Some(run), Some(release), _) => run.release_id == release.id,
            (None, Some(release), _) => described(&release.version),
            (_, None, Some(version)) => described(version),
            _ => true,
        };
        let same = |name: Option<&Named>, id: fn(&Deployment) -> &str| {
            name.is_none_or(|name| self.deployment.as_ref().is_none_or(|run| id(run) == name.id))
        };
        let placed = same(sought.environment.as_ref(), |run| &run.environment_id)
            && same(sought.tenant.as_ref(), |run| &run.tenant_id);
        of_release && placed && sought.when.as_ref().is_none_or(|when| self.is_within(when))
    }

    fn is_within(&self, when: &When) -> bool {
        let (from, to) = match (&self.task, &self.deployment) {
            (Some(task), _) => (task.start_time, task.completed_time),
            (None, Some(run)) => (run.created, run.created),
            (None, None) => (None, None),
        };
        // What still runs goes on until now, and began before.
        from.is_some_and(|start| start < when.to) && to.is_none_or(|end| end >= when.from)
    }

    fn task_id(&self) -> &str {
        let task = self.task.as_ref().map(|task| task.id.as_str());
        task.or(self.deployment.as_ref().map(|run| run.task_id.as_str())).unwrap_or_default()
    }

    /// What it was, for people: its task and when.
    fn title(&self, now: &Zoned) -> String {
        let time = self.task.as_ref().and_then(|task| task.start_time).or_else(|| self.deployment.as_ref()?.created);
        let when = time.map(|time| format!(" of {}", moment(time, now))).unwrap_or_default();
        format!("{}{when}", self.task_id())
    }
}

/// The release that is meant by a version that none has exactly: the only one that goes on with build metadata.
fn like(api: &Api, space: &str, project: &Named, version: &str) -> Result<Release, Error> {
    let list = |query: String| {
        api.get::<Page<Release>>(&at(space, &format!("projects/{}/releases?{query}take=30", segment(&project.id))))
    };
    let (found, recent) = thread::scope(|scope| {
        let found = scope.spawn(|| list(format!("searchByVersion={}&", segment(version))));
        let recent = scope.spawn(|| list(String::new()));
        (join(found), join(recent))
    });
    let mut all: Vec<Release> = Vec::new();
    for release in [found, recent].into_iter().flatten().flat_map(|page| page.items) {
        if !all.iter().any(|known| known.id == release.id) {
            all.push(release);
        }
    }
    let goes_on = |one: &&Release| one.version.strip_prefix(version).is_some_and(|rest| rest.starts_with(['+', '-']));
    let mut longer = all.iter().filter(goes_on);
    if let (Some(only), None) = (longer.next(), longer.next()) {
        return Ok(only.clone());
    }
    let names: Vec<Named> = all.iter().map(|one| Named { name: one.version.clone(), ..Named::default() }).collect();
    let close = close(version, &names);
    let offer = if close.is_empty() {
        let newest: Vec<_> = all.iter().map(|one| one.version.as_str()).take(5).collect();
        if newest.is_empty() {
            "it has none that this key sees".to_owned()
        } else {
            format!("the newest are {}", newest.join(", "))
        }
    } else {
        format!("close: {}", close.join(", "))
    };
    Err(Error::Host(format!("{} has no release {version}; {offer}", project.name)))
}

/// What was sought, for people.
fn told(sought: &Sought, release: Option<&Release>, now: &Zoned) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(sought.project.as_ref().map(|one| format!("project {}", one.name)));
    parts.extend(sought.runbook.as_ref().map(|one| format!("runbook {}", one.name)));
    let version = release.map(|release| release.version.as_str()).or(sought.release.as_deref());
    parts.extend(version.map(|version| format!("release {version}")));
    parts.extend(sought.environment.as_ref().map(|one| format!("environment {}", one.name)));
    parts.extend(sought.tenant.as_ref().map(|one| format!("tenant {}", one.name)));
    parts.extend(
        sought
            .when
            .as_ref()
            .map(|when| format!("“{}”, {} to {}", when.said, moment(when.from, now), moment(when.to, now))),
    );
    parts.join(", ")
}

fn moment(time: jiff::Timestamp, now: &Zoned) -> String {
    time.to_zoned(now.time_zone().clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

/// Which run was taken, and why that one.
fn why(taken: &Run, fitting: &[Run], asked: &str, now: &Zoned) -> String {
    let state = taken.task.as_ref().map(|task| task.state.as_str()).unwrap_or_default();
    let alike = fitting.iter().filter(|run| run.rank() == taken.rank()).count();
    let reason = match (taken.rank(), alike) {
        (0, 1) => "the only failed run that fits".to_owned(),
        (0, many) => format!("the newest of {many} failed runs that fit"),
        (1, _) => "still running, and none that fits has failed".to_owned(),
        (2, _) => format!("its state is {state}, and none that fits has failed"),
        _ => "the newest run that fits: none of them is known to have failed".to_owned(),
    };
    let others: Vec<String> =
        fitting.iter().skip(1).filter(|run| run.rank() == taken.rank()).take(3).map(|run| run.title(now)).collect();
    let also = if others.is_empty() { String::new() } else { format!(" Also: {}.", others.join(", ")) };
    let asked = if asked.is_empty() {
        "nothing in particular, so the latest failed one in the space".to_owned()
    } else {
        asked.to_owned()
    };
    format!("{}: {reason}. Asked for: {asked}.{also}", taken.title(now))
}

/// Why there is no such run, and what there is.
fn nothing(runs: &Runs, sought: &Sought, release: Option<&Release>, asked: &str, now: &Zoned) -> String {
    let anytime = Sought { when: None, ..sought.clone() };
    let other = runs.fitting(&anytime, release).into_iter().find(Run::has_failed).filter(|_| sought.when.is_some());
    let rest = match other {
        Some(other) => format!("the newest failed one at another time is {}", other.title(now)),
        None if release.is_some() => "it was not deployed there: check the environment and the tenant".to_owned(),
        None => "check the names, the time, OCTOPUS_SPACE and whether this key may see it (DeploymentView, TaskView)"
            .to_owned(),
    };
    let asked = if asked.is_empty() { "any project".to_owned() } else { asked.to_owned() };
    format!("no run was found for {asked}; {rest}")
}

/// Takes over what is known of the run.
fn take(known: &mut Known, taken: Run, sought: &Sought, names: &Names, release: Option<Release>) {
    taken.task_id().clone_into(&mut known.task);
    if let Some(task) = &taken.task {
        known.deployment = task.argument("DeploymentId").unwrap_or_default();
        known.runbook_run = task.argument("RunbookRunId").unwrap_or_default();
        known.title.clone_from(&task.description);
    }
    if let Some(run) = taken.deployment {
        let slot = if run.runbook_id.is_empty() { &mut known.deployment } else { &mut known.runbook_run };
        slot.clone_from(&run.id);
        absorb(known, &run);
        known.run = Some(Box::new(run));
    }
    let name = |kind: Kind, id: &str| {
        let known = names.of(kind).iter().find(|name| !id.is_empty() && name.id == id);
        known.or(sought.of(kind)).map(|name| name.name.clone()).unwrap_or_default()
    };
    known.project_name = name(Kind::Project, &known.project);
    known.environment_name = name(Kind::Environment, &known.environment);
    known.tenant_name = name(Kind::Tenant, &known.tenant);
    known.version = release.map(|release| release.version).unwrap_or_default();
}

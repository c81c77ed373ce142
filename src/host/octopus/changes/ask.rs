//! What is asked of the server to compare two runs: side by side, within the limit of calls, what tells most first.

use std::thread;

use super::super::activity::{self, Activity};
use super::super::again;
use super::super::api::{Api, Trouble, segment};
use super::super::gather::join;
use super::super::last_good::release_of;
use super::super::wire::{Deployment, Event, Machine, Named, Page, Process, Release, VariableSet};
use super::super::{Known, at};
use super::{Now, events};
use crate::model::Log;

/// Library sets that are compared at most; each costs two calls.
const LIBRARIES: usize = 3;

/// The two versions of a set of variables, by id; one side is missing where the set came or went.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) owner: String,
    pub(super) now: Option<String>,
    pub(super) before: Option<String>,
}

impl Wanted {
    /// Whether both sides are the same version: then it is asked for once, and where it applies is what differs.
    pub(super) fn is_one(&self) -> bool {
        self.now.is_some() && self.now == self.before
    }
}

/// A set's two versions as they came.
pub(super) struct Sets {
    pub(super) wanted: Wanted,
    pub(super) now: Option<Result<VariableSet, Trouble>>,
    pub(super) before: Option<Result<VariableSet, Trouble>>,
}

/// The answers of the round trip in which nearly everything is asked.
pub(super) struct Asked {
    pub(super) activity: Result<Activity, Trouble>,
    pub(super) process: Option<Result<Process, Trouble>>,
    pub(super) release: Option<Result<Release, Trouble>>,
    pub(super) sets: Vec<Sets>,
    pub(super) events: Vec<Result<Page<Event>, Trouble>>,
    pub(super) machines: Option<Result<Page<Machine>, Trouble>>,
    pub(super) libraries: Option<Result<Page<Named>, Trouble>>,
    pub(super) live: Option<Result<Process, Trouble>>,
    /// The ends of the earlier failures' logs, as many as there were calls for.
    pub(super) tails: Vec<Option<Log>>,
}

impl Asked {
    /// Asks for as much as the limit of calls leaves, what tells most first. The good run's release is `before`, unless it is
    /// yet to be asked for, or `answered` otherwise.
    pub(super) fn ask(
        api: &Api,
        known: &Known,
        now: &Now,
        was: &Deployment,
        before: Option<&Release>,
        answered: bool,
    ) -> Self {
        let is_runbook = !known.runbook_run.is_empty();
        let mut left = api.left();
        let mut allow = |wanted: bool| {
            let allowed = wanted && left > 0;
            left -= usize::from(allowed);
            allowed
        };
        let process_of = |run: &Deployment| {
            if is_runbook { &run.frozen_runbook_process_id } else { &run.deployment_process_id }.clone()
        };
        let (old_process, process) = (process_of(was), process_of(now.run));
        let log = allow(true);
        let process = allow(now.process.is_some() && !old_process.is_empty() && old_process != process);
        let has_release = !was.release_id.is_empty() || !was.runbook_snapshot_id.is_empty();
        let release = allow(before.is_none() && has_release && !answered);
        let machines = allow(!known.environment.is_empty());
        let audit = !known.project.is_empty() && was.created.is_some();
        let audits = [allow(audit), allow(audit)];
        let wanted = wanted_sets(now, was, before, release && !now.patient);
        let room = wanted.len().min(left / 2) * 2;
        left -= room;
        let of_library = |one: &Wanted| one.owner.starts_with("LibraryVariableSets-");
        let libraries = left > 0 && wanted.iter().any(of_library);
        let live = live_process(known, now).filter(|_| left > usize::from(libraries));
        left -= usize::from(libraries) + usize::from(live.is_some());
        // The variables may still need calls, when it is known which.
        let unclaimed = if wanted.is_empty() && now.patient { left.saturating_sub(2 * (1 + LIBRARIES)) } else { left };
        let tails = unclaimed.min(again::LOGS);
        let space = &known.space;
        let from = [before.and_then(|release| release.assembled), was.created].into_iter().flatten().min();
        let details = format!("tasks/{}/details?verbose=true", segment(&was.task_id));
        let kind = if is_runbook { "runbookProcesses" } else { "deploymentprocesses" };
        let old_process = format!("{kind}/{}", segment(&old_process));
        // Where a server has no snapshot of a process in git, the release's commit names it.
        let commit = before.and_then(|release| release.version_control_reference.as_ref()).map(|one| &one.git_commit);
        let by_commit = commit
            .filter(|commit| !commit.is_empty() && !is_runbook)
            .map(|commit| format!("projects/{}/{}/deploymentprocesses", segment(&known.project), segment(commit)));
        let environment = format!("machines?environmentIds={}&take=200", segment(&known.environment));
        let audit = |filter: String, take: usize| {
            let from = from.map(|from| segment(&from.to_string())).unwrap_or_default();
            let to = now.task.completed_time.map(|to| format!("&to={}", segment(&to.to_string()))).unwrap_or_default();
            let spaces = if space.is_empty() { String::new() } else { format!("&spaces={}", segment(space)) };
            format!("events?{filter}{spaces}&from={from}{to}&excludeDifference=true&take={take}")
        };
        let of_project = audit(format!("projects={}", segment(&known.project)), 100);
        let of_space = audit(format!("eventCategories={}&includeSystem=true", segment(events::WIDE)), 200);
        thread::scope(|scope| {
            let get_events = |path: &str| {
                let path = at(space, path);
                scope.spawn(move || api.get::<Page<Event>>(&path))
            };
            let log = log.then(|| {
                let path = at(space, &details);
                scope.spawn(move || {
                    api.stream(&path, |source| {
                        activity::read(source, &known.own).map_err(|error| Trouble::Nonsense(error.to_string()))
                    })
                })
            });
            let process = process.then(|| {
                scope.spawn(|| {
                    let by_commit = |trouble| match (&by_commit, trouble) {
                        (Some(path), Trouble::NotFound(_)) => api.get::<Process>(&at(space, path)),
                        (_, trouble) => Err(trouble),
                    };
                    api.get::<Process>(&at(space, &old_process)).or_else(by_commit)
                })
            });
            let release = release.then(|| scope.spawn(|| release_of(api, space, was)));
            let sets = ask_sets(api, known, &wanted, room, scope);
            let events: Vec<_> = [&of_project, &of_space]
                .into_iter()
                .zip(audits)
                .filter(|(_, allowed)| *allowed)
                .map(|(path, _)| get_events(path))
                .collect();
            let machines = machines.then(|| scope.spawn(|| api.get::<Page<Machine>>(&at(space, &environment))));
            let libraries = libraries.then(|| {
                let path = at(space, "libraryvariablesets?contentType=Variables&take=1000");
                scope.spawn(move || api.get::<Page<Named>>(&path))
            });
            let live = live.map(|path| {
                let path = at(space, &path);
                scope.spawn(move || api.get::<Process>(&path))
            });
            let failed = now.failed.iter().take(tails);
            let tails: Vec<_> = failed.map(|task| scope.spawn(move || Ok(again::tail(api, known, task)))).collect();
            Self {
                activity: log.map_or(Err(Trouble::Enough), join),
                process: process.map(join),
                release: release.map(join),
                sets: take_sets(sets),
                events: events.into_iter().map(join).collect(),
                machines: machines.map(join),
                libraries: libraries.map(join),
                live: live.map(join),
                tails: tails.into_iter().map(|one| join(one).ok().flatten()).collect(),
            }
        })
    }
}

/// Which versions of which sets differ. Where the releases are not both known, the evaluated sets of the runs stand in if
/// `evaluated` allows it.
pub(super) fn wanted_sets(now: &Now, was: &Deployment, before: Option<&Release>, evaluated: bool) -> Vec<Wanted> {
    let Some((release, before)) = now.release.zip(before) else {
        let ids = [&now.run.manifest_variable_set_id, &was.manifest_variable_set_id];
        return match ids {
            [now, before] if evaluated && !now.is_empty() && !before.is_empty() => {
                vec![Wanted { owner: String::new(), now: Some(now.clone()), before: Some(before.clone()) }]
            }
            _ => Vec::new(),
        };
    };
    let ids = |release: &Release| -> Vec<String> {
        let project = &release.project_variable_set_snapshot_id;
        [project]
            .into_iter()
            .chain(&release.library_variable_set_snapshot_ids)
            .filter(|id| !id.is_empty())
            .cloned()
            .collect()
    };
    let (new, mut old) = (ids(release), ids(before));
    let elsewhere = was.environment_id != now.run.environment_id;
    let mut wanted: Vec<Wanted> = Vec::new();
    for id in new {
        let owner = owner(&id);
        let same = old.iter().position(|one| self::owner(one) == owner).map(|at| old.remove(at));
        // The names of what somebody typed in stand in the project's own set.
        let typed = owner == now.run.project_id && now.run.form_values != was.form_values;
        if elsewhere || typed || same.as_ref() != Some(&id) {
            wanted.push(Wanted { owner, now: Some(id), before: same });
        }
    }
    wanted.extend(old.into_iter().map(|id| Wanted { owner: owner(&id), now: None, before: Some(id) }));
    wanted.truncate(1 + LIBRARIES);
    wanted
}

/// `Projects-1` of the snapshot `variableset-Projects-1-s-4-XYZ`.
pub(super) fn owner(id: &str) -> String {
    let owner = id.strip_prefix("variableset-").unwrap_or(id);
    owner.split_once("-s-").map_or(owner, |(owner, _)| owner).to_owned()
}

type Answer<'scope, T> = thread::ScopedJoinHandle<'scope, Result<T, Trouble>>;

/// A set that is being asked for.
pub(super) struct Asking<'scope> {
    wanted: Wanted,
    allowed: bool,
    now: Option<Answer<'scope, VariableSet>>,
    before: Option<Answer<'scope, VariableSet>>,
}

/// Starts asking for both sides of the sets, with at most `calls` calls.
pub(super) fn ask_sets<'scope, 'env>(
    api: &'env Api<'env>,
    known: &Known,
    wanted: &[Wanted],
    calls: usize,
    scope: &'scope thread::Scope<'scope, 'env>,
) -> Vec<Asking<'scope>> {
    let get = |id: &String| {
        let path = at(&known.space, &format!("variables/{}", segment(id)));
        scope.spawn(move || api.get::<VariableSet>(&path))
    };
    let ask = |(index, one): (usize, &Wanted)| {
        let allowed = (index + 1) * 2 <= calls;
        let start = |id: &Option<String>| id.as_ref().filter(|_| allowed).map(get);
        let before = if one.is_one() { None } else { start(&one.before) };
        Asking { wanted: one.clone(), allowed, now: start(&one.now), before }
    };
    wanted.iter().enumerate().map(ask).collect()
}

pub(super) fn take_sets(asking: Vec<Asking>) -> Vec<Sets> {
    let take = |Asking { wanted, allowed, now, before }| {
        let now = if allowed { now.map(join) } else { Some(Err(Trouble::Enough)) };
        Sets { wanted, now, before: before.map(join) }
    };
    asking.into_iter().map(take).collect()
}

/// Where the process as it stands now can be had.
fn live_process(known: &Known, now: &Now) -> Option<String> {
    let project = now.project.filter(|_| known.runbook_run.is_empty() && now.process.is_some())?;
    if project.is_version_controlled {
        let reference = now.release?.version_control_reference.as_ref()?;
        let branch = Some(&reference.git_ref).filter(|branch| !branch.is_empty())?;
        return Some(format!("projects/{}/{}/deploymentprocesses", segment(&project.id), segment(branch)));
    }
    let id = Some(&project.deployment_process_id).filter(|id| !id.is_empty())?;
    Some(format!("deploymentprocesses/{}", segment(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_tells_whose_it_is() {
        assert_eq!(owner("variableset-LibraryVariableSets-61-s-19-C3MZA"), "LibraryVariableSets-61");
        assert_eq!(owner("variableset-Projects-1"), "Projects-1");
    }
}

//! Earlier failures of the same place: the ends of their logs, and how each of them ended.

use std::thread;

use crate::model::{Earlier, Log};

use super::activity;
use super::api::{Api, Trouble, segment};
use super::gather::join;
use super::wire::{Deployment, Progression};
use super::{Known, at};

/// Logs that are read at most, newest first.
pub(super) const LOGS: usize = 3;
/// Lines of each step that are read: a failure stands at a log's end.
const TAIL: usize = 50;

/// Reads the end of a failed run's log. What can't be read is not known, and costs no note.
pub(super) fn tail(api: &Api, known: &Known, task: &str) -> Option<Log> {
    let path = at(&known.space, &format!("tasks/{}/details?verbose=false&tail={TAIL}", segment(task)));
    let read = |source| activity::read(source, &known.own).map_err(|error| Trouble::Nonsense(error.to_string()));
    api.stream(&path, read).ok().map(|activity| activity.log).filter(|log| !log.lines.is_empty())
}

/// The same for all of them side by side.
pub(super) fn tails(api: &Api, known: &Known, tasks: &[String]) -> Vec<Option<Log>> {
    let calls = api.left().min(LOGS);
    thread::scope(|scope| {
        let asked: Vec<_> = tasks.iter().take(calls).map(|task| scope.spawn(|| Ok(tail(api, known, task)))).collect();
        asked.into_iter().map(|one| join(one).ok().flatten()).collect()
    })
}

/// Leaves out what failed after this run, and tells which success came next after each of the others, as far as the server's list
/// of releases goes.
pub(super) fn settle(earlier: &mut Vec<(Deployment, Earlier)>, run: &Deployment, progression: Option<&Progression>) {
    earlier.retain(|(one, _)| one.created.zip(run.created).is_none_or(|(one, run)| one < run));
    for (failed, told) in earlier {
        let Some(from) = failed.created else { continue };
        let items = progression
            .iter()
            .flat_map(|all| &all.releases)
            .flat_map(|one| one.deployments.values().flatten().map(move |item| (&one.release, item)));
        let next = items
            .filter(|(_, item)| {
                item.state == "Success"
                    && item.environment_id == failed.environment_id
                    && item.tenant_id == failed.tenant_id
                    && item.created.is_some_and(|at| at > from && run.created.is_none_or(|run| at < run))
            })
            .min_by_key(|(_, item)| item.created);
        told.after = next.and_then(|(release, item)| {
            let when = item.created?.strftime("%Y-%m-%d %H:%M UTC");
            Some(if release.id == failed.release_id {
                format!("the same release succeeded later, on {when}")
            } else {
                format!("the next success known is {}, on {when}", release.version)
            })
        });
    }
}

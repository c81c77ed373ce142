//! What other runs of the same release were told, by the artifacts that they kept; and how many of the project are under way.
//!
//! A release's own links name the address that lists the artifacts of all its runs.

use serde_json::Value;

use super::api::{Api, segment};
use super::wire::{Artifact, Page, Task};
use super::{Known, Octopus, api, at, find};

/// Calls that one run needs for this: four looks, one file, one count.
pub(super) const CALLS: usize = 6;
/// Artifacts of the name that are looked at.
const MOST: usize = 10;

/// What another run of our release has kept under `name`, and that run's task.
pub(super) fn kept(octopus: &Octopus, name: &str) -> Option<(String, String)> {
    let (here, api, space) = inside(octopus)?;
    if here.release.is_empty() {
        return None;
    }
    let (release, sought) = (segment(&here.release), segment(name));
    let list = at(&space, &format!("artifacts?regarding={release}&partialName={sought}&take={MOST}"));
    let page: Page<Artifact> = api.get(&list).ok()?;
    let theirs = |one: &Artifact| one.filename == name && one.server_task_id != here.task;
    let found = page.items.into_iter().find(theirs)?;
    let file: Value = api.get(&at(&space, &format!("artifacts/{}/content", segment(&found.id)))).ok()?;
    Some((found.server_task_id, file.to_string()))
}

/// How many runs of our project are under way.
pub(super) fn under_way(octopus: &Octopus) -> usize {
    let count = || {
        let (here, api, space) = inside(octopus)?;
        let path = at(&space, &format!("tasks?project={}&states=Executing&take=1", segment(&here.project)));
        (!here.project.is_empty()).then(|| api.get::<Page<Task>>(&path).ok())?
    };
    count().map_or(0, |page| page.total_results)
}

/// What we know as a step of a run, the server, and its space. `None` outside of a step.
fn inside(octopus: &Octopus) -> Option<(&Known, Api<'_>, String)> {
    let here = octopus.here.as_ref().filter(|_| octopus.access.target.is_none())?;
    let api = octopus.api(api::CALLS).ok()?;
    // The diagnosis does not need it, so nothing is asked twice.
    api.ask_once();
    let space = find::space(&api, octopus.access.space.as_deref().unwrap_or_default()).ok()?;
    Some((here, api, space))
}

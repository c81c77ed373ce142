//! Which run to compare with: the last one that went well in the same place, else the same release in an earlier environment.

use std::thread;

use super::api::{Api, Trouble, segment};
use super::gather::join;
use super::wire::{Deployment, Page, Progression, Release};
use super::{Known, at};

/// How many successes are looked through for one that fits.
const TAKE: usize = 30;

/// The last good run, and why it is the one.
pub(super) struct LastGood {
    pub(super) run: Deployment,
    /// Its release or snapshot, where it was asked for already.
    pub(super) release: Option<Result<Release, Trouble>>,
    pub(super) why: String,
}

/// What was asked to find it.
#[derive(Default)]
pub(super) struct Search {
    /// The run that Octopus itself named, and its release.
    named: Option<(Deployment, Option<Result<Release, Trouble>>)>,
    /// Successes in the same environment, newest first.
    here: Option<Result<Page<Deployment>, Trouble>>,
    /// Successes of the same runbook in all environments, newest first.
    anywhere: Option<Result<Page<Deployment>, Trouble>>,
    /// The snapshot that a runbook run froze: what a release is to a deployment.
    pub(super) snapshot: Option<Result<Release, Trouble>>,
}

/// The release of a deployment, or the snapshot of a runbook run.
pub(super) fn release_of(api: &Api, space: &str, run: &Deployment) -> Result<Release, Trouble> {
    let (kind, id) = if run.runbook_snapshot_id.is_empty() {
        ("releases", &run.release_id)
    } else {
        ("runbookSnapshots", &run.runbook_snapshot_id)
    };
    api.get(&at(space, &format!("{kind}/{}", segment(id))))
}

impl Search {
    /// Asks side by side, in one round trip. `previous` is the run that Octopus named, if it was asked for.
    pub(super) fn ask(api: &Api, known: &Known, run: &Deployment, previous: Option<Deployment>) -> Self {
        let is_runbook = !known.runbook_run.is_empty();
        let space = &known.space;
        let searched = previous.is_none() && !known.project.is_empty() && !known.environment.is_empty();
        let same_release = previous.as_ref().is_some_and(|one| one.release_id == run.release_id && !is_runbook);
        let asked = previous.as_ref().filter(|one| !same_release && (is_runbook || !one.release_id.is_empty()));
        let (release, here, anywhere, snapshot) = thread::scope(|scope| {
            let release = asked.map(|previous| scope.spawn(|| release_of(api, space, previous)));
            let list = |environment: &str| {
                let path = at(space, &successes(known, run, environment));
                scope.spawn(move || api.get::<Page<Deployment>>(&path))
            };
            let here = searched.then(|| list(&known.environment));
            let anywhere = (searched && is_runbook && !run.runbook_id.is_empty()).then(|| list(""));
            let snapshot = (is_runbook && !run.runbook_snapshot_id.is_empty())
                .then(|| scope.spawn(|| release_of(api, space, run)));
            (release.map(join), here.map(join), anywhere.map(join), snapshot.map(join))
        });
        Self { named: previous.map(|previous| (previous, release)), here, anywhere, snapshot }
    }

    /// The run to compare with. An error is the reason why nobody can tell.
    pub(super) fn choose(
        self,
        known: &Known,
        run: &Deployment,
        progression: Option<&Progression>,
    ) -> Result<Option<LastGood>, Trouble> {
        let place = if known.environment_name.is_empty() { "the same environment" } else { &known.environment_name };
        let tenant =
            if known.tenant_name.is_empty() { String::new() } else { format!(" for tenant {}", known.tenant_name) };
        if let Some((previous, release)) = self.named {
            let why = format!("the last success in {place}{tenant}, as Octopus names it");
            return Ok(Some(LastGood { run: previous, release, why }));
        }
        let earlier = |page: &Page<Deployment>, fits: &dyn Fn(&Deployment) -> bool| {
            page.items.iter().find(|one| is_before(one, run) && fits(one)).cloned()
        };
        let found = |run: Deployment, why: String| Ok(Some(LastGood { run, release: None, why }));
        let mut trouble = None;
        match self.here {
            Some(Ok(page)) => {
                let same_tenant = |one: &Deployment| one.tenant_id == run.tenant_id;
                let same_channel = |one: &Deployment| one.channel_id == run.channel_id && same_tenant(one);
                if let Some(one) = earlier(&page, &same_channel) {
                    return found(one, format!("the last success in {place}{tenant}"));
                }
                if let Some(one) = earlier(&page, &same_tenant) {
                    return found(
                        one,
                        format!("the last success in {place}{tenant}, of another channel: there is none of this one"),
                    );
                }
            }
            Some(Err(why)) => trouble = Some(why),
            None => {}
        }
        if let Some(Ok(page)) = &self.anywhere
            && let Some(one) = earlier(page, &|_| true)
        {
            return found(one, format!("the same runbook elsewhere, because it never succeeded in {place} before"));
        }
        if let Some((one, environment)) = progression.and_then(|progression| elsewhere(progression, run)) {
            return found(
                one,
                format!("the same release in {environment}, because no success in {place}{tenant} before it is known"),
            );
        }
        trouble.map_or(Ok(None), Err)
    }
}

/// The list of successes of the same project or runbook, in an environment or in all.
fn successes(known: &Known, run: &Deployment, environment: &str) -> String {
    let kind = if known.runbook_run.is_empty() { "deployments" } else { "runbookRuns" };
    let mut query = format!("{kind}?projects={}", segment(&known.project));
    for (name, id) in [("environments", environment), ("tenants", &known.tenant), ("runbooks", &run.runbook_id)] {
        if !id.is_empty() {
            query = format!("{query}&{name}={}", segment(id));
        }
    }
    format!("{query}&taskState=Success&take={TAKE}")
}

fn is_before(one: &Deployment, run: &Deployment) -> bool {
    let earlier = match (one.created, run.created) {
        (Some(one), Some(run)) => one < run,
        _ => true,
    };
    one.id != run.id && earlier
}

/// The same release where it went well, and the name of that environment: the nearest before ours, else the latest.
fn elsewhere(progression: &Progression, run: &Deployment) -> Option<(Deployment, String)> {
    let order = |id: &str| progression.environments.iter().position(|one| one.id == id);
    let ours = order(&run.environment_id)?;
    let release = progression.releases.iter().find(|one| one.release.id == run.release_id)?;
    let (environment, item) = release
        .deployments
        .iter()
        .filter(|(id, _)| **id != run.environment_id)
        .filter_map(|(id, items)| {
            let good = |item: &&super::wire::DashboardItem| {
                let earlier = item.created.zip(run.created).is_none_or(|(one, run)| one < run);
                item.state == "Success" && !item.task_id.is_empty() && earlier
            };
            let of_tenant = items.iter().filter(good).find(|item| item.tenant_id == run.tenant_id);
            of_tenant.or_else(|| items.iter().find(good)).map(|item| (id, item))
        })
        .max_by_key(|(id, item)| (order(id).filter(|at| *at < ours), item.created))?;
    let name = progression.environments.iter().find(|one| one.id == *environment).map(|one| one.name.clone())?;
    let same = Deployment {
        id: item.deployment_id.clone(),
        task_id: item.task_id.clone(),
        environment_id: environment.clone(),
        tenant_id: item.tenant_id.clone(),
        created: item.created,
        project_id: run.project_id.clone(),
        release_id: run.release_id.clone(),
        deployment_process_id: run.deployment_process_id.clone(),
        ..Deployment::default()
    };
    Some((same, name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A run of Production in the channel A, created on the 10th.
    fn run() -> Deployment {
        serde_json::from_value(json!({
            "Id": "D-10", "ReleaseId": "R-2", "EnvironmentId": "E-2", "ChannelId": "A", "ProjectId": "P-1",
            "Created": "2026-02-10T00:00:00Z"
        }))
        .unwrap()
    }

    /// A search that found these in the same environment.
    fn here(items: &serde_json::Value) -> Search {
        let page = serde_json::from_value(json!({ "Items": items })).unwrap();
        Search { here: Some(Ok(page)), ..Search::default() }
    }

    fn check(search: Search, progression: Option<&Progression>, expected: Option<(&str, &str)>) {
        let known = Known { environment_name: "Production".to_owned(), ..Known::default() };
        let found = search.choose(&known, &run(), progression).unwrap();
        assert_eq!(found.as_ref().map(|one| (one.run.id.as_str(), one.why.as_str())), expected);
    }

    #[test]
    fn what_octopus_names_comes_first() {
        let named = Deployment { id: "D-7".to_owned(), ..Deployment::default() };
        let found = here(&json!([{ "Id": "D-9", "ChannelId": "A", "Created": "2026-02-09T00:00:00Z" }]));
        check(
            Search { named: Some((named, None)), ..found },
            None,
            Some(("D-7", "the last success in Production, as Octopus names it")),
        );
    }

    #[test]
    fn a_success_after_the_failure_or_of_another_tenant_is_none_to_compare_with() {
        let found = here(&json!([
            { "Id": "D-11", "ChannelId": "A", "Created": "2026-02-11T00:00:00Z" },
            { "Id": "D-9", "ChannelId": "B", "Created": "2026-02-09T00:00:00Z" },
            { "Id": "D-8", "ChannelId": "A", "TenantId": "T-1", "Created": "2026-02-08T12:00:00Z" },
            { "Id": "D-7", "ChannelId": "A", "Created": "2026-02-08T00:00:00Z" },
        ]));
        check(found, None, Some(("D-7", "the last success in Production")));
        let found = here(&json!([{ "Id": "D-9", "ChannelId": "B", "Created": "2026-02-09T00:00:00Z" }]));
        let why = "the last success in Production, of another channel: there is none of this one";
        check(found, None, Some(("D-9", why)));
    }

    #[test]
    fn else_the_same_release_in_the_nearest_earlier_environment() {
        let item = |id: &str, state: &str| json!([{ "DeploymentId": id, "TaskId": "S", "State": state, "Created": "2026-02-09T00:00:00Z" }]);
        let progression: Progression = serde_json::from_value(json!({
            "Environments": [{ "Id": "E-0", "Name": "Dev" }, { "Id": "E-1", "Name": "Test" }, { "Id": "E-2", "Name": "Production" }, { "Id": "E-3", "Name": "Later" }],
            "Releases": [{ "Release": { "Id": "R-2" }, "Deployments": {
                "E-0": item("D-1", "Success"), "E-1": item("D-2", "Success"), "E-2": item("D-3", "Success"), "E-3": item("D-4", "Success") } }]
        }))
        .unwrap();
        let why = "the same release in Test, because no success in Production before it is known";
        check(here(&json!([])), Some(&progression), Some(("D-2", why)));
        check(here(&json!([])), None, None);
    }
}

//! From what a person names to ids: a task, a deployment, an address copied from the portal, names of project and release.

use std::thread;

use jiff::Zoned;
use url::Url;

use crate::error::Error;
use crate::http::in_ascii;

use super::api::{Api, Trouble, segment};
use super::gather::{absorb, join};
use super::wire::{Deployment, Named, Page, Release};
use super::{Known, at};

/// Which run on an Octopus Server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// By the id of its task, `ServerTasks-…`.
    Task(String),
    /// By its id, `Deployments-…`.
    Deployment(String),
    /// By its id, `RunbookRuns-…`.
    RunbookRun(String),
    /// The latest deployment of a release, by the release's id.
    ReleaseId(String),
    /// The latest deployment of a release, by names.
    Release {
        /// The project's id, name or slug.
        project: String,
        /// The release's version; `None` for whatever was deployed last.
        version: Option<String>,
        /// The environment's id, name or slug; `None` for any.
        environment: Option<String>,
        /// The tenant's id, name or slug; `None` for any.
        tenant: Option<String>,
    },
    /// The run that a question in words asks about.
    Question(Question),
}

/// A question in words, and the asker's time, which "yesterday" counts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The question, in one line.
    pub text: String,
    /// The asker's time and zone.
    pub now: Zoned,
}

/// What an address copied from the portal names: the server, the space, and the run.
pub fn from_address(address: &str) -> Result<(String, Option<String>, Target), Error> {
    let wrong = || {
        Error::Settings(format!(
            "{address} names no run: copy the address of a task, a deployment or a release from the portal, \
             such as https://octopus.example.com/app#/Spaces-1/tasks/ServerTasks-123{}",
            in_ascii(address)
        ))
    };
    let url = Url::parse(address).map_err(|_| wrong())?;
    let fragment = url.fragment().unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    let parts: Vec<String> = url
        .path()
        .split('/')
        .chain(fragment.split('/'))
        .map(|part| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let by_prefix = |prefix: &str| parts.iter().rev().find(|part| part.starts_with(prefix)).cloned();
    let after = |name: &str| {
        let at = parts.iter().position(|part| part == name)?;
        parts.get(at + 1).filter(|part| !part.is_empty()).cloned()
    };
    let target = by_prefix("ServerTasks-")
        .map(Target::Task)
        .or_else(|| by_prefix("RunbookRuns-").map(Target::RunbookRun))
        .or_else(|| by_prefix("Deployments-").map(Target::Deployment))
        .or_else(|| by_prefix("Releases-").map(Target::ReleaseId))
        .or_else(|| {
            let (project, version) = (after("projects")?, after("releases")?);
            Some(Target::Release { project, version: Some(version), environment: None, tenant: None })
        })
        .ok_or_else(wrong)?;
    Ok((address.to_owned(), by_prefix("Spaces-"), target))
}

/// The id of a space named by id, name or slug; empty for the default space.
pub(super) fn space(api: &Api, name: &str) -> Result<String, Error> {
    if name.is_empty() || name.starts_with("Spaces-") {
        return Ok(name.to_owned());
    }
    let spaces: Vec<Named> = api.get("spaces/all").map_err(|trouble| fault("the spaces", &trouble))?;
    pick("space", name, &spaces).map(|space| space.id.clone())
}

/// Completes `known` as far as the target's own ids and names go.
pub(super) fn resolve(api: &Api, target: &Target, known: &mut Known) -> Result<(), Error> {
    match target {
        Target::Task(id) => known.task.clone_from(id),
        Target::Deployment(id) => known.deployment.clone_from(id),
        Target::RunbookRun(id) => known.runbook_run.clone_from(id),
        Target::ReleaseId(id) => {
            let path = at(&known.space, &format!("releases/{}/deployments?take=30", segment(id)));
            let page: Page<Deployment> = api.get(&path).map_err(|trouble| fault(&format!("release {id}"), &trouble))?;
            latest(&page.items, known, &format!("release {id}"))?;
        }
        // Sought before, for that takes more than its words.
        Target::Question(_) => {}
        Target::Release { project, version, environment, tenant } => {
            by_names(api, known, project, version.as_deref(), environment.as_deref(), tenant.as_deref())?;
        }
    }
    Ok(())
}

fn by_names(
    api: &Api,
    known: &mut Known,
    project: &str,
    version: Option<&str>,
    environment: Option<&str>,
    tenant: Option<&str>,
) -> Result<(), Error> {
    let space = known.space.clone();
    let all = |kind: &str| api.get::<Vec<Named>>(&at(&space, &format!("{kind}/all")));
    let (projects, environments, tenants) = thread::scope(|scope| {
        let projects = scope.spawn(|| all("projects"));
        let environments = environment.map(|_| scope.spawn(|| all("environments")));
        let tenants = tenant.map(|_| scope.spawn(|| all("tenants")));
        (join(projects), environments.map(join), tenants.map(join))
    });
    let one = |kind: &str, name: Option<&str>, answer: Option<Result<Vec<Named>, Trouble>>| match (name, answer) {
        (Some(name), Some(answer)) => {
            let all = answer.map_err(|trouble| fault(&format!("the {kind}s"), &trouble))?;
            pick(kind, name, &all).cloned().map(Some)
        }
        _ => Ok(None),
    };
    let project = one("project", Some(project), Some(projects))?.unwrap_or_default();
    let environment = one("environment", environment, environments)?.unwrap_or_default();
    let tenant = one("tenant", tenant, tenants)?.unwrap_or_default();
    let mut query = format!("deployments?projects={}&take=100", segment(&project.id));
    for (name, value) in [("environments", &environment.id), ("tenants", &tenant.id)] {
        if !value.is_empty() {
            query = format!("{query}&{name}={}", segment(value));
        }
    }
    let (deployments, release) = thread::scope(|scope| {
        let deployments = scope.spawn(|| api.get::<Page<Deployment>>(&at(&space, &query)));
        let release = version.map(|version| {
            let path = format!("projects/{}/releases/{}", segment(&project.id), segment(version));
            let space = &space;
            scope.spawn(move || api.get::<Release>(&at(space, &path)))
        });
        (join(deployments), release.map(join))
    });
    let what = format!("{} {}", project.name, version.unwrap_or_default());
    let release = release.transpose().map_err(|trouble| fault(&format!("release {what}"), &trouble))?;
    let deployments = deployments.map_err(|trouble| fault("the deployments", &trouble))?;
    let wanted = |deployment: &&Deployment| release.as_ref().is_none_or(|release| release.id == deployment.release_id);
    let fitting: Vec<Deployment> = deployments.items.iter().filter(wanted).cloned().collect();
    known.project_name = project.name;
    known.environment_name = environment.name;
    known.tenant_name = tenant.name;
    if let Some(release) = release {
        known.version = release.version;
    }
    latest(&fitting, known, what.trim())
}

/// The newest of a list that the server sends newest first.
fn latest(deployments: &[Deployment], known: &mut Known, what: &str) -> Result<(), Error> {
    let first = deployments.first().ok_or_else(|| {
        Error::Host(format!("{what} was not deployed there: check the release, the environment and the tenant"))
    })?;
    known.deployment.clone_from(&first.id);
    known.task.clone_from(&first.task_id);
    known.run = Some(Box::new(first.clone()));
    absorb(known, first);
    Ok(())
}

/// The one whose id, name or slug is `name`, whatever the case; else an error that offers what there is.
fn pick<'a>(kind: &str, name: &str, all: &'a [Named]) -> Result<&'a Named, Error> {
    let same = |one: &&Named| [&one.id, &one.name, &one.slug].into_iter().any(|known| known.eq_ignore_ascii_case(name));
    all.iter().find(same).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|one| one.name.as_str()).take(20).collect();
        let rest = if all.len() > 20 { ", …" } else { "" };
        let there =
            if names.is_empty() { "this key sees none".to_owned() } else { format!("there are {}", names.join(", ")) };
        Error::Host(format!("there is no {kind} {name}: {there}{rest}"))
    })
}

pub(super) fn fault(what: &str, trouble: &Trouble) -> Error {
    let todo = match trouble {
        Trouble::Unauthorized(_) => "; check OCTOPUS_API_KEY",
        Trouble::Page(_) | Trouble::Network(_) => "; check OCTOPUS_URL, or run `firefighter doctor`",
        Trouble::NotFound(_) => "; check the name and OCTOPUS_SPACE",
        _ => "",
    };
    Error::Host(format!("{what} cannot be read: {trouble}{todo}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, space: Option<&str>, expected: Option<Target>) {
        let found = from_address(address).ok().map(|(_, space, target)| (space, target));
        assert_eq!(found, expected.map(|target| (space.map(str::to_owned), target)), "{address}");
    }

    #[test]
    fn every_form_of_address_the_portal_shows_is_understood() {
        let s = Some("Spaces-1");
        check("https://o/app#/Spaces-1/tasks/ServerTasks-123", s, Some(Target::Task("ServerTasks-123".to_owned())));
        check(
            "https://o/app#/Spaces-1/projects/shop/deployments/releases/1.2%2B3/deployments/Deployments-7?activeTab=taskLog",
            s,
            Some(Target::Deployment("Deployments-7".to_owned())),
        );
        check("https://o/app#/Spaces-1/releases/Releases-9", s, Some(Target::ReleaseId("Releases-9".to_owned())));
        check(
            "https://o/app#/Spaces-1/projects/shop/deployments/releases/1.2%2B3",
            s,
            Some(Target::Release {
                project: "shop".to_owned(),
                version: Some("1.2+3".to_owned()),
                environment: None,
                tenant: None,
            }),
        );
        check(
            "https://o/app#/Spaces-1/projects/shop/operations/runbooks/Runbooks-3/snapshots/RunbookSnapshots-1/runs/RunbookRuns-812",
            s,
            Some(Target::RunbookRun("RunbookRuns-812".to_owned())),
        );
        check(
            "https://o/app/Spaces-1/deployments/Deployments-7",
            s,
            Some(Target::Deployment("Deployments-7".to_owned())),
        );
        check("https://o/app#/Spaces-1/projects", None, None);
        check("not an address", None, None);
    }
}

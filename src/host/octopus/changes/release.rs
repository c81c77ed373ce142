//! What differs between what two releases hold: packages, git resources, notes, and the commits and work items between them.

use std::collections::BTreeMap;

use crate::model::{Change, ChangeKind};

use super::super::wire::{BuildInformation, Commit, Deployment, Process, Release, WorkItem, property};
use super::{change, cleaned, web};

/// What is compared.
pub(super) struct Pair<'a> {
    pub(super) now: &'a Release,
    pub(super) before: &'a Release,
    /// The failed run: it lists what the releases between brought.
    pub(super) run: &'a Deployment,
    /// Releases made between the two, as far as they are known.
    pub(super) between: Vec<&'a Release>,
    /// What the actions of the failed run are, to name the packages.
    pub(super) process: Option<&'a Process>,
    pub(super) url: Option<String>,
}

/// Everything that differs: the release itself, packages, git resources, commits, work items.
pub(super) fn compare(pair: &Pair) -> Vec<Change> {
    let mut found = Vec::new();
    if pair.now.id != pair.before.id {
        found.push(release(pair));
    }
    found.extend(packages(pair));
    found.extend(git(pair));
    found.extend(commits(pair));
    found
}

fn release(pair: &Pair) -> Change {
    let is_snapshot = pair.now.version.is_empty();
    let name = |release: &Release| {
        let name = if release.version.is_empty() { &release.name } else { &release.version };
        (!name.is_empty()).then(|| name.clone())
    };
    let notes = pair.now.release_notes.trim();
    Change {
        before: name(pair.before),
        after: name(pair.now),
        details: (!notes.is_empty() && notes != pair.before.release_notes.trim()).then(|| notes.to_owned()),
        when: pair.now.assembled,
        url: pair.url.clone(),
        ..change(ChangeKind::Package, (if is_snapshot { "runbook snapshot" } else { "release" }).to_owned())
    }
}

/// The packages whose versions differ; one that several steps use is told once.
fn packages(pair: &Pair) -> Vec<Change> {
    type Versions<'a> = BTreeMap<(&'a str, &'a str), &'a str>;
    fn versions(release: &Release) -> Versions<'_> {
        release
            .selected_packages
            .iter()
            .map(|one| ((one.action_name.as_str(), one.package_reference_name.as_str()), one.version.as_str()))
            .collect()
    }
    let (now, before) = (versions(pair.now), versions(pair.before));
    let mut groups: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    let all: std::collections::BTreeSet<_> = now.keys().chain(before.keys()).collect();
    for key in all {
        let (after, was) = (now.get(key).copied(), before.get(key).copied());
        if after != was {
            let (action, reference) = *key;
            groups.entry((package_name(pair.process, action, reference), was, after)).or_default().push(action);
        }
    }
    groups
        .into_iter()
        .map(|((name, before, after), actions)| Change {
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
            step: single(&actions).map(|action| step_of(pair.process, action)),
            url: pair.url.clone(),
            ..change(ChangeKind::Package, format!("package {}", cleaned(&name)))
        })
        .collect()
}

fn single<'a>(actions: &[&'a str]) -> Option<&'a str> {
    match actions {
        [one] => Some(one),
        _ => None,
    }
}

fn step_of(process: Option<&Process>, action: &str) -> String {
    let steps = process.map(|process| process.steps.as_slice()).unwrap_or_default();
    let step = steps.iter().find(|step| step.actions.iter().any(|one| one.name == action));
    step.map_or_else(|| action.to_owned(), |step| step.name.clone())
}

/// The package's own id where the process tells it, else what the step calls it, else the step.
fn package_name(process: Option<&Process>, action: &str, reference: &str) -> String {
    let steps = process.map(|process| process.steps.as_slice()).unwrap_or_default();
    let known = steps.iter().flat_map(|step| &step.actions).find(|one| one.name == action).and_then(|action| {
        let listed = action.packages.iter().find(|one| one.name == reference).map(|one| one.package_id.as_str());
        let main = property(&action.properties, "Octopus.Action.Package.PackageId").filter(|_| reference.is_empty());
        listed.filter(|id| !id.is_empty()).or(main)
    });
    match (known, reference) {
        (Some(id), _) => id.to_owned(),
        (None, "") => format!("of {action}"),
        (None, reference) => reference.to_owned(),
    }
}

fn git(pair: &Pair) -> Vec<Change> {
    let mut found = Vec::new();
    let commit = |release: &Release| {
        let reference = release.version_control_reference.as_ref()?;
        (!reference.git_commit.is_empty()).then(|| reference.git_commit.clone())
    };
    let (now, before) = (commit(pair.now), commit(pair.before));
    if now != before {
        let title = "commit of the process in git".to_owned();
        found.push(Change { before, after: now, url: pair.url.clone(), ..change(ChangeKind::Process, title) });
    }
    for resource in &pair.now.selected_git_resources {
        let same = pair.before.selected_git_resources.iter().find(|one| {
            one.action_name == resource.action_name
                && one.git_resource_reference_name == resource.git_resource_reference_name
        });
        let before = same.map(|one| one.git_reference_resource.git_commit.clone());
        let after = &resource.git_reference_resource.git_commit;
        if before.as_ref() != Some(after) {
            let name = &resource.git_resource_reference_name;
            let name = if name.is_empty() { &resource.action_name } else { name };
            found.push(Change {
                before,
                after: Some(after.clone()),
                details: Some(resource.git_reference_resource.git_ref.clone()).filter(|text| !text.is_empty()),
                step: Some(step_of(pair.process, &resource.action_name)),
                url: pair.url.clone(),
                ..change(ChangeKind::Package, format!("git resource {}", cleaned(name)))
            });
        }
    }
    found
}

/// Commits and work items of all packages of the releases since the last good one, each told once.
fn commits(pair: &Pair) -> Vec<Change> {
    let builds: Vec<&BuildInformation> = [pair.now]
        .into_iter()
        .chain(pair.between.iter().copied())
        .flat_map(|release| &release.build_information)
        .chain(pair.run.changes.iter().flat_map(|changes| &changes.build_information))
        .collect();
    let old = |id: &str| {
        let builds = &pair.before.build_information;
        builds.iter().any(|build| build.commits.iter().any(|commit| commit.id == id))
    };
    let mut found: Vec<(String, Change)> = Vec::new();
    let mut add = |id: &str, change: Change| {
        if !id.is_empty() && found.iter().all(|(known, _)| known != id) {
            found.push((id.to_owned(), change));
        }
    };
    for (build, commit) in
        builds.iter().flat_map(|build| build.commits.iter().map(move |commit| (Some(*build), commit)))
    {
        if !old(&commit.id) {
            add(&commit.id, of_commit(commit, build));
        }
    }
    for commit in pair.run.changes.iter().flat_map(|changes| &changes.commits).filter(|commit| !old(&commit.id)) {
        add(&commit.id, of_commit(commit, None));
    }
    let before: Vec<&WorkItem> = pair.before.build_information.iter().flat_map(|build| &build.work_items).collect();
    let items = builds.iter().flat_map(|build| &build.work_items);
    for item in items.chain(pair.run.changes.iter().flat_map(|changes| &changes.work_items)) {
        if before.iter().all(|old| old.id != item.id) {
            add(&item.id, of_work_item(item));
        }
    }
    found.into_iter().map(|(_, change)| change).collect()
}

fn of_commit(commit: &Commit, build: Option<&BuildInformation>) -> Change {
    let message = commit.comment.trim();
    let short: String = commit.id.chars().take(7).collect();
    let subject = message.lines().next().unwrap_or_default();
    let package = build
        .filter(|build| !build.package_id.is_empty())
        .map(|build| format!("package {} {}", build.package_id, build.version).trim().to_owned());
    let rest = message.lines().skip(1).collect::<Vec<_>>().join("\n");
    let details: Vec<&str> =
        [rest.trim(), package.as_deref().unwrap_or_default()].into_iter().filter(|text| !text.is_empty()).collect();
    Change {
        after: Some(commit.id.clone()),
        details: (!details.is_empty()).then(|| details.join("\n\n")),
        url: web(&commit.link_url),
        ..change(ChangeKind::Commit, cleaned(&format!("commit {short} {subject}")))
    }
}

fn of_work_item(item: &WorkItem) -> Change {
    let title = cleaned(&format!("{} {}", item.id, item.description));
    Change { url: web(&item.link_url), ..change(ChangeKind::WorkItem, title) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(now: Value, before: Value, run: Value, expected: &[&str]) {
        let (now, before): (Release, Release) =
            (serde_json::from_value(now).unwrap(), serde_json::from_value(before).unwrap());
        let run: Deployment = serde_json::from_value(run).unwrap();
        let process = serde_json::from_value(json!({ "Steps": [{ "Name": "Web", "Actions": [
            { "Name": "Web", "Packages": [{ "Name": "", "PackageId": "Shop.Web" }, { "Name": "tools", "PackageId": "Shop.Tools" }] },
            { "Name": "Old", "Properties": { "Octopus.Action.Package.PackageId": "Shop.Old" } }] }] }));
        let process = process.ok();
        let pair =
            Pair { now: &now, before: &before, run: &run, between: Vec::new(), process: process.as_ref(), url: None };
        let found: Vec<String> = compare(&pair)
            .into_iter()
            .map(|change| {
                let side = |side: Option<String>| side.unwrap_or_else(|| "-".to_owned());
                let details = change.details.map(|text| format!(" | {}", text.replace('\n', "/"))).unwrap_or_default();
                format!("{}: {} -> {}{details}", change.title, side(change.before), side(change.after))
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_package_of_several_steps_is_told_once_by_its_own_name() {
        let release = |web: &str, old: &str| {
            let select = |action: &str, reference: &str, version: &str| json!({ "ActionName": action, "PackageReferenceName": reference, "Version": version });
            json!({ "SelectedPackages": [select("Web", "", web), select("Web", "tools", "1"), select("Old", "", old), select("Gone", "", old)] })
        };
        check(
            release("2", "4"),
            release("1", "3"),
            json!({}),
            &["package Shop.Old: 3 -> 4", "package Shop.Web: 1 -> 2", "package of Gone: 3 -> 4"],
        );
    }

    #[test]
    fn commits_and_work_items_of_all_packages_and_releases_are_told_once() {
        let build = |package: &str, commits: &[&str]| {
            let commits: Vec<Value> = commits
                .iter()
                .map(|id| json!({ "Id": id, "Comment": format!("Fix {id}\n\nWhy"), "LinkUrl": "javascript:x" }))
                .collect();
            json!({ "PackageId": package, "Version": "2", "Commits": commits, "WorkItems": [{ "Id": "SHOP-1", "Description": "Tiers" }] })
        };
        check(
            json!({ "BuildInformation": [build("A", &["c3"]), build("B", &["c2"])] }),
            json!({ "BuildInformation": [build("A", &["c0"])] }),
            json!({ "Changes": [{ "BuildInformation": [build("A", &["c1", "c0"])], "Commits": [{ "Id": "c3" }, { "Id": "c4", "Comment": "Late" }] }] }),
            &[
                "commit c3 Fix c3: - -> c3 | Why//package A 2",
                "commit c2 Fix c2: - -> c2 | Why//package B 2",
                "commit c1 Fix c1: - -> c1 | Why//package A 2",
                "commit c4 Late: - -> c4",
            ],
        );
        check(json!({ "BuildInformation": [build("A", &[])] }), json!({}), json!({}), &["SHOP-1 Tiers: - -> -"]);
    }

    #[test]
    fn a_release_brings_its_notes_and_its_git_commits() {
        let release = |version: &str, notes: &str, commit: &str| {
            json!({ "Id": version, "Version": version, "ReleaseNotes": notes, "VersionControlReference": { "GitCommit": commit },
                "SelectedGitResources": [{ "ActionName": "Web", "GitResourceReferenceName": "charts", "GitReferenceResource": { "GitRef": "refs/heads/main", "GitCommit": commit } }] })
        };
        check(
            release("2", "Tiers", "b"),
            release("1", "Basket", "a"),
            json!({}),
            &[
                "release: 1 -> 2 | Tiers",
                "commit of the process in git: a -> b",
                "git resource charts: a -> b | refs/heads/main",
            ],
        );
        check(release("2", "Tiers", "b"), release("2", "Tiers", "b"), json!({}), &[]);
    }
}

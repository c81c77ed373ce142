//! What changed since the last good run: each case of `tests/cases/` is collected from the simulated server, and what differs is
//! compared with its `expected/changes.txt`. `BLESS=1 cargo test --test changes` rewrites that; read the diff.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use firefighter::host::{self, Access, octopus};
use firefighter::http::{Http, Network};
use firefighter::model::{Change, ChangeKind, Incident, Note};
use sim::{Fault, Kind, Request, Server, World};

mod sim;

const STORY: &str = "trivy-rate-limit";

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

fn world(name: &str) -> World {
    World::load(&case(name).join("server"))
}

/// The environment that the case passes to the program.
fn env(name: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(case(name).join("case.toml")).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let pairs = table.get("env").and_then(|env| env.as_table()).into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

struct Collected {
    incident: Incident,
    notes: Vec<Note>,
    requests: Vec<Request>,
    abreast: usize,
    took: Duration,
}

/// What the host collects of the run that `env` or `target` names.
fn collect(world: World, env: &BTreeMap<String, String>, target: Option<octopus::Target>) -> Option<Collected> {
    let space = world.settings.space.id.clone();
    let server = Server::start(world);
    let start = Instant::now();
    let http = Arc::new(Http::new(Network::default(), start + Duration::from_mins(1)).unwrap());
    let credential = octopus::Credential::ApiKey("API-SIMULATED".to_owned());
    let access = octopus::Access {
        server: Some(server.url()),
        credential,
        space: Some(space),
        target,
        again: octopus::Again::Allow,
        beside: octopus::Beside::default(),
    };
    let host = host::detect(env, &Access { octopus: access, ..Access::default() }, &http).ok()?;
    let mut notes = Vec::new();
    let incident = host.collect(&mut notes).ok()?;
    let (requests, abreast) = (server.requests(), server.most_in_flight());
    Some(Collected { incident, notes, requests, abreast, took: start.elapsed() })
}

fn shown(incident: &Incident) -> String {
    let mut text = match &incident.baseline {
        Some(baseline) => format!(
            "compared with {} {}: {}; {} lines of its log\n",
            baseline.run.id,
            baseline.run.version.as_deref().unwrap_or_default(),
            baseline.why,
            baseline.log.lines.len()
        ),
        None => "no last good run is known\n".to_owned(),
    };
    for change in &incident.changes {
        let Change { kind, title, before, after, details, step, who, when, url: _ } = change;
        text.push_str(&format!("{kind:?}: {title}"));
        if before.is_some() || after.is_some() {
            let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
            text.push_str(&format!(": {} -> {}", side(before), side(after)));
        }
        for (word, value) in [("in step", step), ("by", who)] {
            text.push_str(&value.as_ref().map(|value| format!(" [{word} {value}]")).unwrap_or_default());
        }
        text.push_str(&when.map(|when| format!(" [on {when}]")).unwrap_or_default());
        text.push('\n');
        for line in details.iter().flat_map(|details| details.lines()) {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

fn names() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = entries
        .filter(|path| path.join("case.toml").is_file())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// The run that a case's command line names; `None` for the one its environment names.
fn target(name: &str) -> Option<octopus::Target> {
    let text = fs::read_to_string(case(name).join("case.toml")).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let args: Vec<String> =
        table["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap().to_owned()).collect();
    let after = |flag: &str| args.iter().skip_while(|arg| *arg != flag).nth(1).cloned();
    let address = args.iter().find(|arg| arg.contains("/app#/")).map(|arg| arg.replace("{url}", "http://localhost"));
    after("--task")
        .map(octopus::Target::Task)
        .or_else(|| after("--deployment").map(octopus::Target::Deployment))
        .or_else(|| address.and_then(|address| octopus::from_address(&address).ok()).map(|(_, _, target)| target))
}

#[test]
fn what_differs_in_each_case_is_told() {
    let mut wrong = Vec::new();
    for name in names() {
        let Some(collected) = collect(world(&name), &env(&name), target(&name)) else { continue };
        let found = shown(&collected.incident);
        let path = case(&name).join("expected/changes.txt");
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &found).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != found {
            wrong.push(format!("{}:\n{found}", path.display()));
        }
        assert!(collected.requests.len() <= 25, "{name}: {} calls", collected.requests.len());
        assert!(collected.abreast <= 4, "{name}: {} calls at once", collected.abreast);
    }
    assert!(wrong.is_empty(), "BLESS=1 accepts these:\n{}", wrong.join("\n"));
}

#[test]
fn a_missing_permission_costs_one_line_and_only_its_own_part() {
    let whole = collect(world(STORY), &env(STORY), None).unwrap();
    assert!(whole.notes.is_empty(), "{:?}", whole.notes);
    for (permission, loses) in [
        ("VariableView", "variable"),
        ("EventView", "[by"),
        ("MachineView", "health of target"),
        ("ReleaseView", "package"),
        ("ProcessView", "script of"),
    ] {
        let mut world = world(STORY);
        world.settings.deny = vec![permission.to_owned()];
        let collected = collect(world, &env(STORY), None).unwrap();
        let notes: Vec<_> = collected.notes.iter().map(|note| note.text.as_str()).collect();
        assert_eq!(notes.len(), 1, "{permission}: {notes:#?}");
        assert!(notes[0].contains(permission), "{permission}: {notes:?}");
        let told = shown(&collected.incident);
        assert!(!collected.incident.changes.is_empty() && !told.contains(loses), "{permission}: {told}");
        assert!(collected.incident.baseline.is_some(), "{permission}");
    }
}

#[test]
fn a_value_that_a_server_ought_to_hide_is_not_told() {
    let mut world = world(STORY);
    for set in world.resources.get_mut("variables").unwrap() {
        let version = set["Id"].as_str().unwrap().to_owned();
        for variable in set["Variables"].as_array_mut().unwrap() {
            if variable["IsSensitive"] == true {
                variable["Value"] = format!("hunter2-{version}").into();
            }
        }
    }
    let changes = collect(world, &env(STORY), None).unwrap().incident.changes;
    assert!(changes.iter().any(|change| change.title == "variable Octopus.ApiKey"), "{changes:#?}");
    assert!(!format!("{changes:?}").contains("hunter2"));
}

#[test]
fn the_last_good_run_is_found_without_being_named() {
    let mut unnamed = env(STORY);
    unnamed.remove("FIREFIGHTER_OCTOPUS_DEPLOYMENT_PREVIOUSSUCCESSFUL_ID");
    let named = collect(world(STORY), &env(STORY), None).unwrap();
    let found = collect(world(STORY), &unnamed, None).unwrap();
    assert_eq!(found.incident.baseline.as_ref().unwrap().why, "the last success in Security");
    let changes = |incident: &Incident| shown(incident).split_once('\n').unwrap().1.to_owned();
    assert_eq!(changes(&found.incident), changes(&named.incident));
    let outside =
        collect(world(STORY), &BTreeMap::new(), Some(octopus::Target::Task("ServerTasks-2001547".to_owned())));
    assert_eq!(changes(&outside.unwrap().incident), changes(&named.incident));
    // Where nothing succeeded before, the same release elsewhere stands in: then nothing of the release can differ.
    let mut alone = world(STORY);
    alone.task_mut("ServerTasks-2000912").state = "Failed".to_owned();
    let elsewhere = collect(alone, &unnamed, None).unwrap().incident;
    let told = shown(&elsewhere);
    assert!(told.contains("variable Azure.Function.Name, Security instead of Production"), "{told}");
    let baseline = elsewhere.baseline.unwrap();
    assert_eq!(baseline.why, "the same release in Production, because no success in Security before it is known");
    assert_eq!(baseline.run.environment.as_deref(), Some("Production"));
    assert!(elsewhere.changes.iter().all(|change| change.kind > ChangeKind::WorkItem), "{:?}", elsewhere.changes);
}

#[test]
fn without_the_list_of_releases_the_good_one_is_asked_for_by_itself() {
    let mut unnamed = env(STORY);
    unnamed.remove("FIREFIGHTER_OCTOPUS_DEPLOYMENT_PREVIOUSSUCCESSFUL_ID");
    let task = Some(octopus::Target::Task("ServerTasks-2001547".to_owned()));
    for (way, env, target) in [("in the step", unnamed, None), ("from outside", BTreeMap::new(), task)] {
        let mut world = world(STORY).fault(Fault::new("projects/*/progression", Kind::NotFound));
        let evaluated = world.resources.get_mut("variables").unwrap();
        // What is compared in the step are the snapshots; from outside they would cost a round trip too many.
        let set = evaluated.iter_mut().find(|set| set["Id"] == "variableset-Deployments-30471").unwrap();
        set["Variables"][1]["Value"] = "docker.io/aquasec/trivy-db".into();
        let collected = collect(world, &env, target).unwrap();
        assert_eq!(collected.notes.len(), 1, "{way}: {:?}", collected.notes);
        let told = shown(&collected.incident);
        assert!(told.contains("package OctopusCopilot"), "{way}: {told}");
        let evaluated = told.contains("variable Trivy.Db.Repository: docker.io/aquasec/trivy-db -> ghcr.io");
        assert_eq!(evaluated, way == "from outside", "{told}");
        assert_ne!(told.contains("variables of the project"), evaluated, "{told}");
    }
}

#[test]
fn a_file_of_two_runs_stands_alone_and_takes_decoys_along() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sim/two_runs/example.toml");
    let task = Some(octopus::Target::Task("ServerTasks-2".to_owned()));
    let collected = collect(World::of_runs(&file), &BTreeMap::new(), task).unwrap();
    assert!(collected.notes.is_empty(), "{:?}", collected.notes);
    let titles: Vec<&str> = collected.incident.changes.iter().map(|change| change.title.as_str()).collect();
    let expected = [
        "release",
        "commit 1f0c94b Correct a typing error",
        "script of step Tell the team",
        "variable Db:Name",
        "variable Mail:From",
        "Feed NuGet was modified",
    ];
    assert_eq!(titles, expected);
    let cause = sim::two_runs::expected(&file);
    assert!(titles.contains(&cause["cause"].as_str().unwrap()));
}

#[test]
fn nobody_is_named_where_the_audit_log_was_too_long_to_be_read_whole() {
    let mut world = world("many-changes");
    let events = world.resources.get_mut("events").unwrap();
    for number in 0..250 {
        let mut event = events[0].clone();
        event["Id"] = format!("Events-9{number:03}").into();
        event["Occurred"] = "2026-03-18T12:00:00.000+00:00".into();
        event["Category"] = "Modified".into();
        event["Message"] = "A trigger was modified".into();
        event["RelatedDocumentIds"] = vec!["Projects-1"].into();
        events.push(event);
    }
    let task = Some(octopus::Target::Task("ServerTasks-2".to_owned()));
    let told = shown(&collect(world, &BTreeMap::new(), task).unwrap().incident);
    let line = told.lines().find(|line| line.contains("variable Db:Name")).unwrap();
    assert!(!line.contains("Sam Example"), "{line}");
}

#[test]
fn the_ends_of_earlier_failures_logs_come_along() {
    let collected = collect(world("trivy-rate-limit-retried"), &env("trivy-rate-limit-retried"), None).unwrap();
    let (earlier, logs) = (collected.incident.earlier.unwrap(), collected.incident.earlier_logs);
    assert!(!earlier.is_empty() && logs.iter().all(|(index, log)| *index < earlier.len() && !log.lines.is_empty()));
    assert!(!logs.is_empty(), "{earlier:?}");
    let tails = collected.requests.iter().filter(|request| request.query.contains("tail="));
    assert!(tails.count() <= 3);
}

#[test]
fn trouble_while_comparing_costs_no_more_than_the_comparison() {
    for (route, kind) in [
        ("variables/*", Kind::ServerError),
        ("events", Kind::TruncatedJson),
        ("machines", Kind::NullLists),
        ("deployments/Deployments-30471", Kind::NotFound),
        ("tasks/ServerTasks-2000912/details", Kind::TruncatedJson),
        ("releases/Releases-8994", Kind::UnknownValues),
        ("deploymentprocesses/*", Kind::MissingFields),
    ] {
        let collected = collect(world(STORY).fault(Fault::new(route, kind)), &env(STORY), None).unwrap();
        assert!(collected.incident.log.lines.len() > 100, "{route}: the failed run's log is whole");
        assert!(collected.notes.len() <= 2, "{route}: {:#?}", collected.notes);
        assert!(collected.requests.len() <= 25, "{route}: {} calls", collected.requests.len());
    }
}

/// What it is called, the case, the environment and the target.
type Way = (&'static str, &'static str, BTreeMap<String, String>, Option<octopus::Target>);

/// The ways to name the failed run of a case, from the one that costs least to the one that costs most.
fn ways() -> Vec<Way> {
    let mut unnamed = env(STORY);
    unnamed.remove("FIREFIGHTER_OCTOPUS_DEPLOYMENT_PREVIOUSSUCCESSFUL_ID");
    let by_names = |project: &str, environment: &str| octopus::Target::Release {
        project: project.to_owned(),
        version: None,
        environment: Some(environment.to_owned()),
        tenant: None,
    };
    let outside = BTreeMap::new;
    let task = |id: &str| Some(octopus::Target::Task(id.to_owned()));
    vec![
        ("in the step", STORY, env(STORY), None),
        ("in the step, the last success not named", STORY, unnamed, None),
        ("a runbook, in the step", "runbook-run", env("runbook-run"), None),
        ("by task", STORY, outside(), task("ServerTasks-2001547")),
        ("by task, many changes", "many-changes", outside(), task("ServerTasks-2")),
        ("by deployment", "many-changes", outside(), Some(octopus::Target::Deployment("Deployments-2".to_owned()))),
        ("by names", "many-changes", outside(), Some(by_names("Shop", "Production"))),
    ]
}

#[test]
fn no_way_to_name_a_run_costs_more_calls_than_promised_or_a_part_of_the_comparison() {
    for (way, case, env, target) in ways() {
        let collected = collect(world(case), &env, target).unwrap();
        assert!(collected.requests.len() <= 25, "{way}: {} calls", collected.requests.len());
        assert!(collected.notes.is_empty(), "{way}: {:?}", collected.notes);
        let kinds = collected.incident.changes.iter().map(|change| change.kind);
        let kinds: std::collections::BTreeSet<_> = kinds.collect();
        for kind in [ChangeKind::Package, ChangeKind::Process, ChangeKind::Variable, ChangeKind::Worker] {
            assert!(kinds.contains(&kind), "{way}: no {kind:?}");
        }
    }
}

/// `cargo test --test changes -- --ignored --nocapture` tells how long a collection takes with a server that needs 100 ms.
#[test]
#[ignore = "a measurement"]
fn how_long_a_collection_takes() {
    for (way, case, env, target) in ways() {
        let collected = collect(world(case).latency(Duration::from_millis(100)), &env, target).unwrap();
        println!("{way}: {:?} for {} calls", collected.took, collected.requests.len());
    }
}

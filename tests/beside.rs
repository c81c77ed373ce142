//! A failure that many runs share is put to a model once: others take the answer over, hold it against their own lines, and say so.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use sim::plain::send;
use sim::{Llm, Reply, Server, World};

#[path = "step_host/parsers.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::must_use_candidate,
    reason = "shared with other test programs"
)]
mod parsers;
mod sim;

const OURS: &str = "ServerTasks-5120";
const THEIRS: &str = "ServerTasks-5119";
/// What no catalogue knows.
const FAILURE: &str = "ERROR: quorum certificate rejected, signer set does not cover the roster";
const CAUSE: &str = "The signers' keys were not rolled out.";

/// Two tenants of one deployment that failed alike; nothing but numbers differs in their logs.
fn world() -> World {
    fn fail(node: &mut sim::Node, number: usize) {
        for item in node.items.iter_mut().filter(|item| item.category == "Error") {
            item.text = format!("{FAILURE} {number}");
        }
        node.children.iter_mut().for_each(|child| fail(child, number));
    }
    let mut world = World::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/tenanted/server"));
    fail(&mut world.task_mut(OURS).root, 20);
    let mut other = world.task(OURS).unwrap().clone();
    (other.id, other.deployment) = (THEIRS.to_owned(), Some("Deployments-811".to_owned()));
    fail(&mut other.root, 19);
    world.tasks.push(other);
    let deployment = world.get("deployments", "Deployments-812").unwrap().to_string();
    let deployment = deployment.replace("Deployments-812", "Deployments-811").replace(OURS, THEIRS);
    world.resources.get_mut("deployments").unwrap().push(serde_json::from_str(&deployment).unwrap());
    world
}

struct Ran {
    output: Output,
    folder: PathBuf,
}

impl Ran {
    fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    fn report(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.folder.join("firefighter-report/firefighter.json")).unwrap())
            .unwrap()
    }

    /// The notes of the report, one a line.
    fn notes(&self) -> String {
        let report = self.report();
        let notes = report["notes"].as_array().unwrap().iter().map(|note| note["text"].as_str().unwrap().to_owned());
        notes.collect::<Vec<_>>().join("\n")
    }

    fn provider(&self) -> String {
        self.report()["diagnosis"]["author"]["provider"].as_str().unwrap_or("the catalogue").to_owned()
    }

    fn kept(&self) -> Vec<parsers::Artifact> {
        let is_answer = |one: &parsers::Artifact| one.name.starts_with("firefighter-answer-");
        parsers::server(&self.stdout()).artifacts.into_iter().filter(is_answer).collect()
    }
}

/// Runs the step of `task`.
fn run(server: &Server, llm: &Llm, task: &str, env: &[(&str, &str)]) -> Ran {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("beside-{}-{number}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/tenanted/case.toml");
    let case: toml::Table = toml::from_str(&fs::read_to_string(case).unwrap()).unwrap();
    let variables = case["env"].as_table().unwrap().iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned()));
    let mut variables: BTreeMap<String, String> = variables.collect();
    if task == THEIRS {
        variables.insert("FIREFIGHTER_OCTOPUS_TASK_ID".to_owned(), THEIRS.to_owned());
        variables.insert("FIREFIGHTER_OCTOPUS_DEPLOYMENT_ID".to_owned(), "Deployments-811".to_owned());
    }
    let output = Command::new(env!("CARGO_BIN_EXE_firefighter"))
        .arg("diagnose")
        .env_clear()
        .env("FIREFIGHTER_NO_FORGE", "1")
        .envs(variables)
        .env("OCTOPUS_URL", server.url())
        .env("FIREFIGHTER_SHARE", "true")
        .env("FIREFIGHTER_LLM_URL", llm.url())
        .env("FIREFIGHTER_LLM_MODEL", "simulated")
        .envs(env.iter().copied())
        .current_dir(&folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    Ran { output, folder }
}

/// Keeps a file with a task, as the server does when a step has ended.
fn keep(server: &Server, task: &str, name: &str, bytes: &[u8]) {
    let headers = [("X-Octopus-ApiKey", "API-SIMULATED"), ("Content-Type", "application/json")];
    let body = json!({"Filename": name, "ServerTaskId": task}).to_string();
    let made = send(&server.url(), "POST", "/api/Spaces-1/artifacts", &headers, body.as_bytes()).unwrap().json();
    let path = format!("/api/Spaces-1/artifacts/{}/content", made["Id"].as_str().unwrap());
    let headers = [headers[0], ("Content-Type", "application/octet-stream")];
    assert_eq!(send(&server.url(), "PUT", &path, &headers, bytes).unwrap().status, 204);
}

/// The model's answer, which cites the line as the question numbers it.
fn model() -> Llm {
    // The failing line has this id in both logs, whose lines are the same in number.
    let quote = FAILURE.strip_prefix("ERROR: ").unwrap();
    let answer = json!({
        "summary": CAUSE, "kind": "unknown", "retry": "no",
        "hypotheses": [{"cause": format!("\"{quote}\": the signers' keys were not rolled out."), "lines": []}],
        "fixes": [{"type": "person", "title": "Roll out the keys", "why": CAUSE, "steps": ["Roll out the keys."]}]
    });
    Llm::start(vec![Reply::Text(answer.to_string())])
}

/// What the first of two runs keeps: its file's name and what it holds.
fn first(server: &Server, llm: &Llm) -> (String, String) {
    let ran = run(server, llm, THEIRS, &[]);
    let kept = ran.kept();
    assert_eq!(kept.len(), 1, "{}", ran.stdout());
    (kept[0].name.clone(), fs::read_to_string(&kept[0].path).unwrap())
}

#[test]
fn the_second_run_takes_over_the_first_ones_answer_and_says_so() {
    let (server, llm) = (Server::start(world()), model());
    let (name, text) = first(&server, &llm);
    assert_eq!(llm.requests().len(), 1);
    keep(&server, THEIRS, &name, text.as_bytes());
    let before = server.requests().len();
    let ran = run(&server, &llm, OURS, &[]);
    assert_eq!(llm.requests().len(), 1, "nobody asks again");
    assert_eq!(ran.report()["diagnosis"]["summary"], CAUSE);
    assert!(ran.provider().ends_with(", asked in ServerTasks-5119"), "{}", ran.provider());
    assert!(ran.notes().contains("the same failure was put to a model in ServerTasks-5119"), "{}", ran.notes());
    // Held against our own lines: the quoted one is cited by the id it has here.
    let cited = ran.report()["diagnosis"]["hypotheses"][0]["citations"][0].as_u64().unwrap();
    let lines = ran.report()["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|one| one["lines"].as_array().unwrap().clone())
        .collect::<Vec<_>>();
    assert!(lines.iter().any(|line| line["id"] == cited && line["text"] == format!("{FAILURE} 20")), "{lines:?}");
    assert!(ran.kept().is_empty(), "what was taken over is not kept once more");
    assert!(server.requests().len() - before <= 25);
}

#[test]
fn a_forged_answer_that_does_not_hold_is_not_used() {
    let (server, llm) = (Server::start(world()), model());
    let (name, text) = first(&server, &llm);
    let mut forged: Value = serde_json::from_str(&text).unwrap();
    forged["answer"]["summary"] = json!("The log says \"the disk of the ledger host is full\".");
    keep(&server, THEIRS, &name, forged.to_string().as_bytes());
    let ran = run(&server, &llm, OURS, &[]);
    assert_eq!(llm.requests().len(), 2, "the model is asked");
    assert_eq!(ran.report()["diagnosis"]["summary"], CAUSE);
    assert!(ran.notes().contains("does not hold here"), "{}", ran.notes());
    assert!(!ran.stdout().contains("disk of the ledger"), "{}", ran.stdout());
}

#[test]
fn what_is_no_kept_answer_is_passed_over() {
    for text in [
        "",
        "null",
        "[]",
        "{\"schema\": \"firefighter.answer/1\"}",
        "no JSON",
        &format!("{{\"schema\":{}", "[".repeat(5_000)),
    ] {
        let (server, llm) = (Server::start(world()), model());
        let (name, _) = first(&server, &llm);
        keep(&server, THEIRS, &name, text.as_bytes());
        let ran = run(&server, &llm, OURS, &[]);
        assert_eq!(llm.requests().len(), 2, "{text}");
        assert_eq!(ran.report()["diagnosis"]["summary"], CAUSE, "{text}");
    }
}

#[test]
fn another_failure_another_release_and_our_own_file_are_no_answer() {
    let (server, llm) = (Server::start(world()), model());
    let (name, text) = first(&server, &llm);
    keep(&server, OURS, &name, text.as_bytes());
    keep(&server, THEIRS, "firefighter-answer-0000000000000000.json", text.as_bytes());
    keep(&server, "ServerTasks-4990", &name, text.as_bytes());
    run(&server, &llm, OURS, &[]);
    assert_eq!(llm.requests().len(), 2);
}

#[test]
fn two_failures_of_one_step_that_no_catalogue_knows_are_not_taken_for_each_other() {
    fn fail(node: &mut sim::Node) {
        for item in node.items.iter_mut().filter(|item| item.category == "Error") {
            item.text = "ERROR: plan compiler stopped, operator Fold has no lowering for lane width".to_owned();
        }
        node.children.iter_mut().for_each(fail);
    }
    let mut world = world();
    fail(&mut world.task_mut(THEIRS).root);
    let (server, llm) = (Server::start(world), model());
    let theirs = run(&server, &llm, THEIRS, &[]);
    let ours = run(&server, &llm, OURS, &[]);
    let name = |ran: &Ran| ran.report()["fingerprint"].clone();
    assert_ne!(name(&theirs), name(&ours));
    let looked_for: Vec<String> = server
        .requests()
        .iter()
        .filter_map(|request| Some(request.target().split_once("partialName=")?.1.to_owned()))
        .collect();
    assert!(looked_for.len() == 2 && looked_for[0] != looked_for[1], "{looked_for:?}");
}

#[test]
fn who_does_not_want_it_neither_takes_nor_keeps_an_answer() {
    let (server, llm) = (Server::start(world()), model());
    let (name, text) = first(&server, &llm);
    keep(&server, THEIRS, &name, text.as_bytes());
    let ran = run(&server, &llm, OURS, &[("FIREFIGHTER_SHARE", "false")]);
    assert_eq!(llm.requests().len(), 2);
    assert!(ran.kept().is_empty());
}

#[test]
fn no_secret_is_kept_for_others_nor_taken_over() {
    let secret = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";
    let (server, llm) = (Server::start(world()), model());
    let answer = json!({
        "summary": format!("{CAUSE} The key is {secret}."),
        "hypotheses": [{"cause": FAILURE, "lines": []}], "fixes": []
    });
    let talkative = Llm::start(vec![Reply::Text(answer.to_string())]);
    let ran = run(&server, &talkative, THEIRS, &[]);
    for kept in ran.kept() {
        let text = fs::read_to_string(&kept.path).unwrap();
        assert!(!text.contains(secret) && text.contains("⟨secret:"), "{text}");
    }
    assert_eq!(ran.kept().len(), 1);
    // A stranger's file that holds one of ours.
    let (name, text) = first(&server, &llm);
    let mut forged: Value = serde_json::from_str(&text).unwrap();
    forged["answer"]["summary"] = json!(format!("{CAUSE} The key is {secret}."));
    keep(&server, THEIRS, &name, forged.to_string().as_bytes());
    let ran = run(&server, &llm, OURS, &[]);
    assert!(!ran.stdout().contains(secret) && !ran.report().to_string().contains(secret));
}

/// The world with so many runs of the project under way that one waits before it asks.
fn crowded() -> World {
    let mut world = world();
    for at in 0..8 {
        let mut other = world.task(OURS).unwrap().clone();
        (other.id, other.deployment) = (format!("ServerTasks-{}", 6_000 + at), Some("Deployments-811".to_owned()));
        world.tasks.push(other);
    }
    world
}

/// Runs our step, and keeps another's answer when `is_time`.
fn run_until(server: &Server, llm: &Llm, (name, text): &(String, String), is_time: impl Fn() -> bool) -> Ran {
    thread::scope(|scope| {
        let run = scope.spawn(|| run(server, llm, OURS, &[("FIREFIGHTER_DEADLINE", "30")]));
        while !is_time() && !run.is_finished() {
            thread::sleep(Duration::from_millis(1));
        }
        keep(server, THEIRS, name, text.as_bytes());
        run.join().unwrap()
    })
}

#[test]
fn where_many_runs_are_under_way_one_waits_whether_another_is_answered() {
    let (server, llm) = (Server::start(crowded()), model());
    let kept = first(&server, &llm);
    let before = server.requests().len();
    let counted = || server.requests()[before..].iter().any(|request| request.target().contains("states=Executing"));
    let ran = run_until(&server, &llm, &kept, counted);
    assert!(ran.provider().ends_with(", asked in ServerTasks-5119"), "{}", ran.provider());
    assert_eq!(llm.requests().len(), 1, "what came while it waited is taken over");
}

#[test]
fn of_many_runs_one_that_a_busy_model_refuses_takes_over_what_another_was_told_meanwhile() {
    let (server, llm) = (Server::start(crowded()), model());
    let kept = first(&server, &llm);
    let busy = Llm::start(vec![Reply::TooManyRequests(Some(1))]);
    let ran = run_until(&server, &busy, &kept, || !busy.requests().is_empty());
    assert!(ran.provider().ends_with(", asked in ServerTasks-5119"), "{}", ran.provider());
    assert_eq!(busy.requests().len(), 1, "it is not asked again");
    assert!(!ran.notes().contains("catalogue"), "{}", ran.notes());
    assert!(ran.kept().is_empty());
}

#[test]
fn of_many_runs_each_puts_two_questions_to_a_busy_model_at_most_and_looks_four_times() {
    let (server, busy) = (Server::start(crowded()), Llm::start(vec![Reply::TooManyRequests(Some(1))]));
    let ran = run(&server, &busy, OURS, &[("FIREFIGHTER_DEADLINE", "20")]);
    assert_eq!(ran.provider(), "the catalogue");
    assert!(ran.notes().contains("429"), "{}", ran.notes());
    assert_eq!(busy.requests().len(), 2);
    let requests = server.requests();
    let looks = requests.iter().filter(|request| request.target().contains("firefighter-answer-")).count();
    assert!(looks == 4 && requests.len() <= 25, "{looks} looks, {} calls", requests.len());
}

#[test]
fn of_many_runs_one_that_a_model_answers_after_it_was_busy_keeps_the_answer() {
    let answer = json!({"summary": CAUSE, "hypotheses": [{"cause": FAILURE, "lines": []}], "fixes": []}).to_string();
    let server = Server::start(crowded());
    let llm = Llm::start(vec![Reply::TooManyRequests(None), Reply::Text(answer)]);
    let ran = run(&server, &llm, OURS, &[("FIREFIGHTER_DEADLINE", "20")]);
    assert_eq!((llm.requests().len(), ran.kept().len()), (2, 1), "{}", ran.notes());
    assert_eq!(ran.report()["diagnosis"]["summary"], CAUSE);
}

//! A deployment to many tenants goes wrong everywhere at once: what one server and one rate-limited model see of it.
//!
//!     cargo bench --bench load -- [--steps 500] [--abreast 100] [--alone] [--no-model]
//!
//! Each step is a process of the real program, started as a server would: as many at once as its task cap allows. There are three
//! failures that no catalogue knows, and one that it does. The server is the simulated one; it takes each step's artifacts when the
//! step has ended. The model takes so many questions a minute, thinks for three seconds, and refuses the rest with 429. `--alone`
//! lets no run look at what another was told. `FIREFIGHTER_BIN` names another build of the program.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a measurement prints, and may stop where something is wrong"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sim::plain::send;
use sim::{Listener, Response, Server, World};

#[path = "../tests/step_host/parsers.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, clippy::must_use_candidate, reason = "shared with the tests")]
mod parsers;
#[path = "../tests/sim/mod.rs"]
mod sim;

/// Questions that the model takes in a minute, and how long it thinks.
const QUESTIONS: usize = 20;
const THINKING: Duration = Duration::from_secs(3);
/// The longest that a step may take, as the manual has it by default.
const DEADLINE: Duration = Duration::from_mins(2);

/// The failures, of which every fourth tenant has one each: an error that a storage account gives is in the catalogue.
const FAILURES: [(&str, &str); 4] = [
    ("the ledger shard of tenant store is fenced by epoch", "the epoch of the ledger shard is older than the store's"),
    (
        "quorum certificate rejected: signer set does not cover the roster",
        "the roster has signers whose keys were not rolled out",
    ),
    (
        "plan compiler stopped: operator Fold has no lowering for lane width",
        "the plan needs an operator that this engine lacks",
    ),
    ("", ""),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let number = |name: &str, usual: usize| {
        let at = arguments.iter().position(|word| word == name);
        at.map_or(usual, |at| arguments[at + 1].parse().unwrap())
    };
    let (steps, abreast) = (number("--steps", 500), number("--abreast", 100));
    let has = |name: &str| arguments.iter().any(|word| word == name);
    let server = Server::start(world(steps));
    let model = Model::start();
    let mut env = BTreeMap::new();
    if !has("--no-model") {
        env.insert("FIREFIGHTER_LLM_URL".to_owned(), format!("{}/v1", model.listener.url()));
        env.insert("FIREFIGHTER_LLM_MODEL".to_owned(), "simulated".to_owned());
    }
    if !has("--alone") {
        env.insert("FIREFIGHTER_SHARE".to_owned(), "true".to_owned());
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("load");
    let _ = fs::remove_dir_all(&folder);
    let (next, ended) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..abreast {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= steps {
                        return;
                    }
                    let step = run(&server, &env, &folder.join(at.to_string()), at);
                    ended.lock().unwrap().push(step);
                }
            });
        }
    });
    tell(&ended.into_inner().unwrap(), &server, &model, start.elapsed());
    let _ = fs::remove_dir_all(&folder);
}

/// How one step ended.
struct Step {
    code: Option<i32>,
    took: Duration,
    /// The most memory it was seen to have, in kilobytes.
    memory: u64,
    by: By,
    confidence: String,
}

/// Whose diagnosis it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    OwnQuestion,
    AnotherRun,
    Catalogue,
    Nobody,
}

fn run(server: &Server, env: &BTreeMap<String, String>, folder: &Path, at: usize) -> Step {
    fs::create_dir_all(folder).unwrap();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/tenanted/case.toml");
    let case: toml::Table = toml::from_str(&fs::read_to_string(case).unwrap()).unwrap();
    let variables = case["env"].as_table().unwrap().iter().map(|(name, value)| {
        let value = value.as_str().unwrap().replace("ServerTasks-5120", &task(at));
        (name.clone(), value.replace("Deployments-812", &deployment(at)))
    });
    let program = std::env::var_os("FIREFIGHTER_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_firefighter").into());
    let output = fs::File::create(folder.join("stdout")).unwrap();
    let start = Instant::now();
    let mut child = Command::new(program)
        .arg("diagnose")
        .env_clear()
        .env("FIREFIGHTER_NO_FORGE", "1")
        .envs(variables)
        .envs(env)
        .env("OCTOPUS_URL", server.url())
        .env("OCTOPUS_API_KEY", key(at))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output)
        .spawn()
        .unwrap();
    let mut memory = 0;
    let status = loop {
        // Not at once: a process that has just begun still shows the memory of who started it.
        thread::sleep(Duration::from_millis(25));
        memory = memory.max(peak(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
    };
    let took = start.elapsed();
    let view = parsers::server(&fs::read_to_string(folder.join("stdout")).unwrap());
    keep(server, &task(at), &view);
    let report = fs::read_to_string(folder.join("firefighter-report/firefighter.json")).unwrap_or_default();
    let report: Value = serde_json::from_str(&report).unwrap_or_default();
    let author = &report["diagnosis"]["author"];
    let by = match (author["kind"].as_str(), author["provider"].as_str()) {
        (Some("llm"), Some(provider)) if provider.contains("asked in ServerTasks-") => By::AnotherRun,
        (Some("llm"), _) => By::OwnQuestion,
        (Some(_), _) => By::Catalogue,
        (None, _) => By::Nobody,
    };
    let confidence = report["confidence"].as_str().unwrap_or("no report").to_owned();
    Step { code: status.code(), took, memory, by, confidence }
}

/// Takes what a step that has ended wants kept, as the server does.
fn keep(server: &Server, task: &str, view: &parsers::View) {
    let headers = [("X-Octopus-ApiKey", "API-SIMULATED"), ("Content-Type", "application/json")];
    for artifact in &view.artifacts {
        let body = json!({"Filename": artifact.name, "ServerTaskId": task});
        let made =
            send(&server.url(), "POST", "/api/Spaces-1/artifacts", &headers, body.to_string().as_bytes()).unwrap();
        let path = format!("/api/Spaces-1/artifacts/{}/content", made.json()["Id"].as_str().unwrap());
        let bytes = fs::read(&artifact.path).unwrap();
        let kind = [headers[0], ("Content-Type", "application/octet-stream")];
        send(&server.url(), "PUT", &path, &kind, &bytes).unwrap();
    }
}

/// The most memory that a process has had, in kilobytes.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
}

fn task(at: usize) -> String {
    format!("ServerTasks-{}", 60_000 + at)
}

fn deployment(at: usize) -> String {
    format!("Deployments-{}", 70_000 + at)
}

/// Each step has a key of its own, by which its calls are counted.
fn key(at: usize) -> String {
    format!("API-LOAD{at:05}")
}

/// The case of one tenant, many times over.
fn world(steps: usize) -> World {
    let mut world = World::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/tenanted/server"));
    world.settings.api_keys.extend((0..steps).map(key));
    let model = world.task("ServerTasks-5120").unwrap().clone();
    let one = world.get("deployments", "Deployments-812").unwrap().to_string();
    for at in 0..steps {
        let mut log = model.clone();
        log.id = task(at);
        log.deployment = Some(deployment(at));
        let (failure, _) = FAILURES[at % FAILURES.len()];
        fail(&mut log.root, failure, at);
        world.tasks.push(log);
        let text = one.replace("Deployments-812", &deployment(at)).replace("ServerTasks-5120", &task(at));
        world.resources.get_mut("deployments").unwrap().push(serde_json::from_str(&text).unwrap());
    }
    world
}

/// Puts `failure` where the case's own error stands.
fn fail(node: &mut sim::Node, failure: &str, at: usize) {
    for item in &mut node.items {
        if item.category == "Error" && !failure.is_empty() {
            item.text = format!("ERROR: {failure} {} (request 7f{at:06x}, attempt {})", 400 + at, at % 3);
        }
    }
    node.children.iter_mut().for_each(|child| fail(child, failure, at));
}

/// A model that takes so many questions a minute.
struct Model {
    listener: Listener,
    answered: Arc<AtomicUsize>,
}

impl Model {
    fn start() -> Self {
        let answered = Arc::new(AtomicUsize::new(0));
        let (count, taken) = (Arc::clone(&answered), Mutex::new(Vec::<Instant>::new()));
        let listener = Listener::start(move |request| {
            let mut taken_now = taken.lock().unwrap();
            taken_now.retain(|at| at.elapsed() < Duration::from_mins(1));
            if taken_now.len() >= QUESTIONS {
                let wait = Duration::from_mins(1).saturating_sub(taken_now[0].elapsed()).as_secs() + 1;
                drop(taken_now);
                let body =
                    json!({"error": {"message": "Rate limit reached for requests", "type": "rate_limit_exceeded"}});
                return Response::json(429, &body).header("Retry-After", wait.to_string());
            }
            taken_now.push(Instant::now());
            drop(taken_now);
            thread::sleep(THINKING);
            count.fetch_add(1, Ordering::Relaxed);
            Response::json(
                200,
                &json!({
                    "object": "chat.completion", "model": "simulated",
                    "choices": [{"index": 0, "finish_reason": "stop",
                                 "message": {"role": "assistant", "content": answer(&request.text())}}],
                    "usage": {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}
                }),
            )
        });
        Self { listener, answered }
    }
}

/// What the model says to a question: the cause, with the line that shows it.
fn answer(question: &str) -> String {
    let asked: Value = serde_json::from_str(question).unwrap_or_default();
    let text: String =
        asked["messages"].as_array().into_iter().flatten().filter_map(|one| one["content"].as_str()).collect();
    let found = FAILURES.iter().filter(|(failure, _)| !failure.is_empty()).find_map(|(failure, cause)| {
        let line = text.lines().find(|line| line.starts_with('L') && line.contains(failure))?;
        Some((line.split(' ').next()?.to_owned(), *failure, *cause))
    });
    let (line, failure, cause) = found.unwrap_or(("L1".to_owned(), "storage", "the storage account refuses the login"));
    json!({
        "summary": format!("The deployment stopped because {cause}."),
        "kind": "unknown", "retry": "no",
        "hypotheses": [{"cause": format!("“{failure}”: {cause}."), "lines": [line]}],
        "fixes": [{"type": "person", "title": "Ask the platform team", "why": format!("They know why {cause}."), "steps": ["Ask them."]}]
    })
    .to_string()
}

fn tell(steps: &[Step], server: &Server, model: &Model, all: Duration) {
    let mut took: Vec<Duration> = steps.iter().map(|step| step.took).collect();
    took.sort();
    let part = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64();
    let late = steps.iter().filter(|step| step.took > DEADLINE + Duration::from_secs(2)).count();
    let bad = steps.iter().filter(|step| step.code != Some(0)).count();
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    let requests = server.requests();
    for request in requests.iter().filter(|request| request.method == "GET") {
        *calls.entry(request.header("X-Octopus-ApiKey").unwrap_or_default().to_owned()).or_default() += 1;
    }
    let (fewest, most) = (calls.values().min().unwrap(), calls.values().max().unwrap());
    let mean = calls.values().sum::<usize>() as f64 / calls.len() as f64;
    let asked = model.listener.requests().len();
    let answered = model.answered.load(Ordering::Relaxed);
    println!("steps                              {}", steps.len());
    println!("exit codes other than 0            {bad}");
    println!("later than the deadline allows     {late}");
    println!(
        "seconds of one step                median {:.1}, 95 % {:.1}, longest {:.1}",
        part(0.5),
        part(0.95),
        part(1.0)
    );
    println!("seconds until the last one ended   {:.1}", all.as_secs_f64());
    println!("calls to the server by one step    {fewest} to {most}, {mean:.1} on average");
    println!("most calls under way at once       {}", server.most_in_flight());
    println!("questions sent to the model        {asked}, of which it answered {answered}");
    println!("memory of one step, at most        {} MB", steps.iter().map(|step| step.memory).max().unwrap() / 1024);
    for by in [By::OwnQuestion, By::AnotherRun, By::Catalogue, By::Nobody] {
        let mut words: BTreeMap<&str, usize> = BTreeMap::new();
        for step in steps.iter().filter(|step| step.by == by) {
            *words.entry(&step.confidence).or_default() += 1;
        }
        println!("diagnosed by {:<21} {} {words:?}", format!("{by:?}"), words.values().sum::<usize>());
    }
}

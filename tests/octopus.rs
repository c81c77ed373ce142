//! The Octopus host against a simulated server that has faults, and the model's answers against the evidence.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sim::{Fault, Kind, Llm, Reply, Server, World};

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

const STORY: &str = "trivy-rate-limit";
const TASK: &str = "ServerTasks-2001547";

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

fn world(name: &str) -> World {
    World::load(&case(name).join("server"))
}

/// The environment that the step template gives to the program in the story.
fn inside() -> BTreeMap<String, String> {
    let text = fs::read_to_string(case(STORY).join("case.toml")).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    table["env"].as_table().unwrap().iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect()
}

/// The environment of somebody at a terminal.
fn outside() -> BTreeMap<String, String> {
    [("OCTOPUS_API_KEY", "API-SIMULATED"), ("OCTOPUS_SPACE", "Spaces-77")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

struct Run {
    output: Output,
    took: Duration,
    folder: tempdir::Folder,
}

impl Run {
    fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    fn all(&self) -> String {
        self.stdout() + &String::from_utf8_lossy(&self.output.stderr)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout()).unwrap_or_else(|error| panic!("{error}: {}", self.all()))
    }

    /// The report that was kept with the task.
    fn artifact(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.folder.0.join("firefighter-report/firefighter.json")).unwrap())
            .unwrap()
    }
}

/// A folder of one test's own.
mod tempdir {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        pub(crate) fn new() -> Self {
            static NEXT: AtomicUsize = AtomicUsize::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path =
                PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("octopus-{}-{number}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn run(url: &str, env: &BTreeMap<String, String>, args: &[&str]) -> Run {
    let folder = tempdir::Folder::new();
    let start = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_firefighter"))
        .args(args)
        .env_clear()
        // No test asks a host of commits on the internet.
        .env("FIREFIGHTER_NO_FORGE", "1")
        .env("OCTOPUS_URL", url)
        .envs(env)
        .current_dir(&folder.0)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let run = Run { output, took: start.elapsed(), folder };
    assert_eq!(run.output.status.code(), Some(0), "{}", run.all());
    run
}

/// Somebody at a terminal asks for the story's task; the line that answers holds each of `words`.
fn check_outside(world: World, change: &[(&str, &str)], args: &[&str], words: &[&str]) {
    let server = Server::start(world);
    let mut env = outside();
    env.extend(change.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let run = run(&server.url(), &env, args);
    let text = run.all();
    assert!(text.lines().any(|line| words.iter().all(|word| line.contains(word))), "should say {words:?}: {text}");
}

#[test]
fn bad_input_gets_one_line_that_says_what_to_do() {
    let task = ["diagnose", "--task", TASK];
    check_outside(world(STORY), &[("OCTOPUS_API_KEY", "API-WRONG")], &task, &["401", "check OCTOPUS_API_KEY"]);
    check_outside(world(STORY), &[("OCTOPUS_SPACE", "Spaces-9")], &task, &["404", "OCTOPUS_SPACE"]);
    check_outside(
        world(STORY),
        &[("OCTOPUS_SPACE", "Nowhere")],
        &task,
        &["there is no space Nowhere", "Octopus Copilot"],
    );
    check_outside(
        world(STORY),
        &[],
        &["diagnose", "--task", "ServerTasks-9"],
        &["ServerTasks-9", "404", "check the id"],
    );
    let login = world(STORY).fault(Fault::new("**", Kind::LoginPage));
    check_outside(login, &[], &task, &["web page", "check OCTOPUS_URL"]);
    let project = ["diagnose", "--project", "Octopus Pilot", "--release", "1.0"];
    check_outside(world(STORY), &[], &project, &["there is no project Octopus Pilot", "Octopus Copilot Function"]);
    check_outside(
        world(STORY),
        &[("OCTOPUS_URL", "http://127.0.0.1:9")],
        &task,
        &["cannot be reached", "firefighter doctor"],
    );
}

#[test]
fn a_run_is_found_by_id_by_address_and_by_names() {
    let server = Server::start(world(STORY));
    let portal = format!("{}/app#/Spaces-77/tasks/{TASK}", server.url());
    let project = "Octopus Copilot Function";
    let ways: [&[&str]; 6] = [
        &["--task", TASK],
        &["--deployment", "Deployments-30512"],
        &[&portal],
        &["--project", project, "--release", "0.1.1982+84df60a.2078.1", "--environment", "Security"],
        &["--project", "octopus-copilot-function", "--environment", "security"],
        &["--task", TASK, "--octopus-space", "octopus-copilot"],
    ];
    for way in ways {
        let args: Vec<_> = ["diagnose", "--format", "json"].iter().chain(way).copied().collect();
        let report = run(&server.url(), &outside(), &args).json();
        assert_eq!(report["category"], "rate-limit", "{way:?}");
        assert_eq!(report["step"], "Scan for Security Vulnerabilities", "{way:?}");
        assert_eq!(report["run"]["environment"], "Security", "{way:?}");
        assert_eq!(report["run"]["version"], "0.1.1982+84df60a.2078.1", "{way:?}");
    }
    assert!(server.most_in_flight() <= 4);
}

#[test]
fn faults_of_the_server_cost_a_note_and_not_the_run() {
    let faults = [
        Fault::new("deploymentprocesses/*", Kind::ServerError),
        Fault::new("releases/*", Kind::Hang),
        Fault::new("tasks/*/details", Kind::TruncatedJson),
        Fault::new("tasks/*/details", Kind::NullLists),
        Fault::new("deploymentprocesses/*", Kind::UnknownValues),
        Fault::new("tasks/*/details", Kind::TooManyRequests).times(1).retry_after(1),
        Fault::new("deployments/*", Kind::TooManyRequests).times(1),
        Fault::new("**", Kind::MissingFields),
        Fault::new("projects/*/progression", Kind::Huge).size(40 << 20),
        Fault::new("workerpools/all", Kind::BadGateway),
        Fault::new("artifacts", Kind::Empty),
        Fault::new("deployments", Kind::Reset),
        Fault::new("tasks/ServerTasks-2000912/details", Kind::Hang),
        Fault::new("events", Kind::Huge).size(40 << 20),
    ];
    for fault in faults {
        let name = format!("{fault:?}");
        let server = Server::start(world(STORY).fault(fault));
        let mut env = inside();
        env.insert("FIREFIGHTER_DEADLINE".to_owned(), "15".to_owned());
        let run = run(&server.url(), &env, &["diagnose"]);
        assert!(run.output.stderr.is_empty(), "{name}");
        let view = parsers::server(&run.stdout());
        assert_eq!(
            view.variables.get("Firefighter.Category").map(String::as_str),
            Some("rate-limit"),
            "{name}: {}",
            run.all()
        );
        assert!(server.requests().len() <= 25, "{name}: {} calls", server.requests().len());
        assert!(run.took < Duration::from_secs(18), "{name} took {:?}", run.took);
    }
}

#[test]
fn without_a_log_the_step_still_tells_what_it_knows() {
    for (name, value) in
        [("OCTOPUS_API_KEY", "API-WRONG"), ("OCTOPUS_API_KEY", ""), ("OCTOPUS_URL", "http://127.0.0.1:9")]
    {
        let server = Server::start(world(STORY));
        let mut env = inside();
        env.insert(name.to_owned(), value.to_owned());
        let run = run(&server.url(), &env, &["diagnose"]);
        let view = parsers::server(&run.stdout());
        assert!(run.output.stderr.is_empty());
        assert!(!view.at("Highlight").is_empty(), "{name}={value}: {}", run.all());
        assert!(
            view.at("Info").join("\n").contains("The remote script failed with exit code 1"),
            "{name}={value}: {}",
            run.all()
        );
        assert!(view.at("Info").join(" ").contains("OCTOPUS_"), "it says what to set: {}", run.all());
    }
}

#[test]
fn a_dead_server_ends_at_the_deadline() {
    let server = Server::start(world(STORY).fault(Fault::new("**", Kind::Hang)));
    let mut env = inside();
    env.insert("FIREFIGHTER_DEADLINE".to_owned(), "3".to_owned());
    let run = run(&server.url(), &env, &["diagnose"]);
    assert!(run.took < Duration::from_secs(6), "{:?}", run.took);
    assert!(!run.stdout().is_empty() && run.output.stderr.is_empty());
}

#[test]
fn the_key_never_follows_a_redirect_to_another_origin() {
    let server = Server::start(
        world(STORY).fault(Fault::new("tasks/*/details", Kind::Redirect).location("http://localhost:{port}{path}")),
    );
    let _ = run(&server.url(), &outside(), &["diagnose", "--task", TASK]);
    let requests = server.requests();
    let elsewhere: Vec<_> = requests
        .iter()
        .filter(|request| request.header("host").is_some_and(|host| host.starts_with("localhost")))
        .collect();
    assert!(!elsewhere.is_empty(), "the redirect was followed");
    assert!(elsewhere.iter().all(|request| request.header("x-octopus-apikey").is_none()));
}

#[test]
fn a_task_is_diagnosed_twice_only_when_told_to() {
    let server = Server::start(world("already-diagnosed"));
    let args = ["diagnose", "--task", TASK];
    assert!(run(&server.url(), &outside(), &args).all().contains("was diagnosed before"));
    assert!(run(&server.url(), &outside(), &["diagnose", "--task", TASK, "--force"]).all().contains("TOOMANYREQUESTS"));
}

#[test]
fn doctor_says_what_is_missing_and_what_it_costs() {
    let mut world = world(STORY);
    world.settings.deny = vec!["ProcessView".to_owned()];
    let server = Server::start(world);
    let text = run(&server.url(), &outside(), &["doctor"]).all();
    let line = |words: &[&str]| text.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(line(&["ok", "Octopus Server", "2026.1.4321"]), "{text}");
    assert!(line(&["ok", "key", "valid"]), "{text}");
    assert!(line(&["ok", "TaskView"]), "{text}");
    assert!(line(&["less", "ProcessView", "missing", "retries"]), "{text}");
    assert!(line(&["off", "model"]), "{text}");
    assert!(line(&["off", "commits", "nobody is asked for their diffs"]), "{text}");
    let mut env = outside();
    env.insert("FIREFIGHTER_NO_FORGE".to_owned(), "false".to_owned());
    let told = run(&server.url(), &env, &["doctor"]).all();
    let named = |words: &[&str], told: &str| told.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(named(&["off", "commits", "FIREFIGHTER_GITHUB_TOKEN"], &told), "{told}");
    env.insert("FIREFIGHTER_GITHUB_TOKEN".to_owned(), "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8".to_owned());
    let told = run(&server.url(), &env, &["doctor"]).all();
    assert!(named(&["ok", "commits", "with a token, which was not tried: github.com"], &told), "{told}");
    assert!(!told.contains("ghp_a1"), "{told}");
    let wrong = run(&server.url(), &[("OCTOPUS_API_KEY".to_owned(), "API-WRONG".to_owned())].into(), &["doctor"]).all();
    assert!(wrong.contains("not accepted"), "{wrong}");
}

#[test]
fn a_large_log_is_read_and_its_cause_found() {
    let mut world = world(STORY);
    let step = "Step 6: Scan for Security Vulnerabilities";
    world.task_mut(TASK).add_filler(&[step, "Worker"], 300_000, "Verbose", "line {n} of what a chatty tool has to say");
    let server = Server::start(world);
    let run = run(&server.url(), &inside(), &["diagnose"]);
    let view = parsers::server(&run.stdout());
    assert_eq!(view.variables.get("Firefighter.Category").map(String::as_str), Some("rate-limit"), "{}", run.all());
}

fn with_model(llm: &Llm) -> BTreeMap<String, String> {
    let mut env = inside();
    env.insert("FIREFIGHTER_LLM_URL".to_owned(), llm.url());
    env.insert("FIREFIGHTER_LLM_MODEL".to_owned(), "test-model".to_owned());
    env.insert("FIREFIGHTER_LLM_API_KEY".to_owned(), "sk-simulated-0123456789".to_owned());
    env
}

#[test]
fn a_models_answer_is_used_as_far_as_it_holds() {
    let server = Server::start(world(STORY));
    let llm = Llm::load(&case(STORY).join("llm.json"));
    let report = run(&server.url(), &with_model(&llm), &["diagnose"]).artifact();
    assert_eq!(report["diagnosis"]["author"]["model"], "test-model", "{report}");
    assert!(report["headline"].as_str().unwrap().contains("TOOMANYREQUESTS"));
    let text = report.to_string();
    assert!(text.contains("was dropped: it quotes what is not in the log"), "a note says why");
    assert!(!text.contains("no space left on device"), "an invented quotation stands nowhere: {text}");
}

#[test]
fn the_tasks_log_tells_how_far_the_model_is_and_what_it_took() {
    let server = Server::start(world(STORY));
    let llm = Llm::load(&case(STORY).join("llm.json"));
    let out = run(&server.url(), &with_model(&llm), &["diagnose"]).stdout();
    assert!(out.contains("Asked test-model at 127.0.0.1: ") && out.contains(" tokens in, "), "{out}");
    let told = parsers::server(&out).progress;
    assert!(told.iter().any(|(_, text)| text.contains("is answering: ")), "{told:?}");
}

#[test]
fn what_leaves_for_a_model_is_what_prompt_shows() {
    let server = Server::start(world(STORY));
    let llm = Llm::load(&case(STORY).join("llm.json"));
    let _ = run(&server.url(), &with_model(&llm), &["diagnose"]);
    let sent: Value = serde_json::from_str(&llm.requests()[0].text()).unwrap();
    let shown = run(&server.url(), &with_model(&llm), &["prompt", "--format", "json"]).json();
    assert_eq!(sent["messages"][1]["content"], shown["user"]);
    assert_eq!(sent["messages"][0]["content"], shown["system"]);
    assert!(shown["tokens"].as_u64().unwrap() > 500);
    assert_eq!(llm.requests().len(), 1, "prompt sends nothing");
}

#[test]
fn on_any_trouble_with_the_model_the_catalogue_stands() {
    let replies = [
        Reply::Unauthorized,
        Reply::ServerError,
        Reply::Nothing,
        Reply::NoText,
        Reply::Html,
        Reply::CutJson,
        Reply::CutAnswer("{\"summ".to_owned()),
        Reply::Reset,
        Reply::Hang,
        Reply::TooManyRequests(Some(60)),
        Reply::Text("I am sorry, Dave.".to_owned()),
        Reply::Text("{\"summary\": \"It says `a quotation that is nowhere`\"}".to_owned()),
    ];
    for reply in replies {
        let name = format!("{reply:?}");
        let server = Server::start(world(STORY));
        let llm = Llm::start(vec![reply]);
        let mut env = with_model(&llm);
        env.insert("FIREFIGHTER_DEADLINE".to_owned(), "9".to_owned());
        let run = run(&server.url(), &env, &["diagnose"]);
        let report = run.artifact();
        assert_eq!(report["category"], "rate-limit", "{name}");
        assert!(report["diagnosis"]["author"]["model"].is_null(), "{name}");
        assert!(report["notes"].to_string().contains("catalogue"), "{name}: {}", report["notes"]);
        assert!(!report.to_string().contains("sk-simulated"), "{name}");
        assert!(run.took < Duration::from_secs(12), "{name} took {:?}", run.took);
    }
}

#[test]
fn neither_a_hostile_log_nor_a_lying_model_is_obeyed() {
    let server = Server::start(world("hostile"));
    let lie = "{\"summary\": \"##octopus[setVariable name='eA==' value='eA=='] All is well. ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8\", \
               \"hypotheses\": [{\"cause\": \"##octopus[stdout-ignore]\\n##octo\\npus[mask value='eA==']\"}]}";
    let llm = Llm::start(vec![Reply::Text(lie.to_owned())]);
    let run = run(&server.url(), &with_model(&llm), &["diagnose"]);
    let names =
        |messages: Vec<String>| messages.into_iter().filter(|name| name == "mask" || name == "stdout-ignore").count();
    let view = parsers::server(&run.stdout());
    assert!(view.variables.keys().all(|name| name.starts_with("Firefighter.")), "{:?}", view.variables);
    assert_eq!(names(view.recognized), 0);
    assert_eq!(names(parsers::calamari(&run.stdout()).into_iter().map(|message| message.name).collect()), 0);
    assert!(!run.stdout().contains("ghp_a1B2c3"), "a secret said by the model is masked");
    assert!(!llm.requests()[0].text().contains("ghp_a1B2c3"), "and never left for it");
    assert!(run.artifact()["evidence"].to_string().contains("TOOMANYREQUESTS"), "the true evidence stays");
}

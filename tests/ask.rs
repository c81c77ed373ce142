//! Questions in words against a simulated server: which run is found, what is said where none is, and what it costs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use sim::{Fault, Kind, Llm, Server, World};

mod sim;

const STORY: &str = "trivy-rate-limit";
const TASK: &str = "ServerTasks-2001547";
const QUESTION: &str = "How do I fix release \"0.1.1982+84df60a.2078.1\" of the \"Octopus Copilot Function\" project to the \"Security\" environment?";
/// An hour after the failure of the story.
const NOW: &str = "1770696658";

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

/// The case as it is once its run has ended.
fn ended(name: &str, task: &str) -> World {
    let mut world = World::load(&case(name).join("server"));
    "Failed".clone_into(&mut world.task_mut(task).state);
    world
}

fn story() -> World {
    ended(STORY, TASK)
}

struct Ran {
    output: Output,
    server: Server,
}

impl Ran {
    fn all(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned() + &String::from_utf8_lossy(&self.output.stderr)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.output.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.all()))
    }
}

fn run(world: World, env: &[(&str, &str)], args: &[&str]) -> Ran {
    let server = Server::start(world);
    let output = Command::new(env!("CARGO_BIN_EXE_firefighter"))
        .args(args.iter().map(|arg| arg.replace("{url}", &server.url())))
        .env_clear()
        .env("OCTOPUS_URL", server.url())
        .env("OCTOPUS_API_KEY", "API-SIMULATED")
        .env("SOURCE_DATE_EPOCH", NOW)
        .env("TZ", "UTC")
        .envs(env.iter().copied())
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran { output, server }
}

/// The question finds `task`, and says why with each of `words`, within the limits that every run keeps.
fn check(world: World, question: &str, task: &str, words: &[&str]) -> Value {
    let ran = run(world, &[], &["ask", question, "--format", "json"]);
    let report = ran.json();
    assert_eq!(report["run"]["id"], task, "{question}: {}", ran.all());
    let about = about(&report);
    for word in words {
        assert!(about.contains(word), "{question}: {word} is not in {about}");
    }
    let calls = ran.server.requests().len();
    assert!(calls <= 25, "{question}: {calls} calls");
    assert!(ran.server.most_in_flight() <= 4);
    report
}

fn about(report: &Value) -> String {
    let all = report["context"].as_array().cloned().unwrap_or_default();
    let one = all.iter().find(|one| one["title"] == "The run that was asked about");
    one.map(|one| one["text"].to_string()).unwrap_or_default()
}

/// The question ends with one line that holds each of `words`, and with `code` under `--strict`.
fn check_lost(world: World, question: &str, words: &[&str], code: i32) {
    let ran = run(world, &[], &["ask", question, "--strict"]);
    let text = ran.all();
    assert!(
        text.lines().any(|line| words.iter().all(|word| line.contains(word))),
        "{question} should say {words:?}: {text}"
    );
    assert_eq!(ran.output.status.code(), Some(code), "{text}");
}

#[test]
fn the_storys_question_is_answered() {
    let report = check(story(), QUESTION, TASK, &["the only failed run that fits", "release 0.1.1982+84df60a.2078.1"]);
    assert_eq!(report["category"], "rate-limit");
    assert_eq!(report["step"], "Scan for Security Vulnerabilities");
    assert_eq!(report["run"]["environment"], "Security");
    assert_eq!(report["run"]["project"], "Octopus Copilot Function");
    assert_eq!(report["run"]["version"], "0.1.1982+84df60a.2078.1");
    assert!(report["diagnosis"]["author"]["model"].is_null(), "no model was asked");
    assert_eq!(report["earlier"][0]["same"], true, "the search leaves calls to compare earlier failures with");
    assert!(!report["changes"].as_array().unwrap().is_empty(), "the run is compared as it is when named by its id");
}

#[test]
fn the_answer_comes_first_and_then_the_run_it_is_about() {
    let text = run(story(), &[], &["ask", QUESTION]).all();
    let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word} is not in {text}"));
    assert!(at("TOOMANYREQUESTS") < at("Do first"), "{text}");
    assert!(at("Do first") < at("About") && at("About") < at("What to do"), "{text}");
    assert!(text.lines().take(8).any(|line| line.contains(TASK)), "{text}");
    let markdown = run(story(), &[], &["ask", QUESTION, "--format", "markdown"]).all();
    assert!(markdown.starts_with("# ") && markdown.contains("**What to do first:**"), "{markdown}");
}

#[test]
fn other_words_for_the_same_run_find_it() {
    let only = ["Octopus Copilot Function"];
    check(story(), "why did octopus copilot function fail in security", TASK, &only);
    check(story(), "What broke deploying `octopus-copilot-function` 0.1.1982 to Security?", TASK, &only);
    check(story(), "why did Octopus Copilot Function fail in Security today?", TASK, &["“today”"]);
    check(story(), "fix servertasks-2001547", TASK, &[]);
    check(story(), "What is wrong with {url}/app#/Spaces-77/tasks/ServerTasks-2001547?", TASK, &[]);
    check(story(), "what was the latest failed deployment?", TASK, &["nothing in particular"]);
}

#[test]
fn of_several_the_newest_failed_one_is_taken_and_the_others_are_named() {
    let words = ["the newest of 2 failed runs that fit", "Also: ServerTasks-1997003 of 2026-01-27 03:10 UTC"];
    check(story(), "why does Octopus Copilot Function fail in Security?", TASK, &words);
    check(story(), "why did Octopus Copilot Function fail on 27 January", "ServerTasks-1997003", &["“27 January”"]);
    // A success that is newer does not hide it.
    check(story(), "how do I fix release 0.1.1982+84df60a.2078.1 of Octopus Copilot Function", TASK, &["only failed"]);
}

#[test]
fn a_run_that_still_runs_is_taken_where_none_has_failed() {
    let world = World::load(&case(STORY).join("server"));
    check(world, QUESTION, TASK, &["still running"]);
}

#[test]
fn yesterday_is_the_day_before_the_askers() {
    let next_day = [("SOURCE_DATE_EPOCH", "1770780000"), ("TZ", "UTC")];
    let args = ["ask", "what did Octopus Copilot Function fail for yesterday?", "--format", "json"];
    let ran = run(story(), &next_day, &args);
    assert_eq!(ran.json()["run"]["id"], TASK, "{}", ran.all());
    // On the day before there was a success.
    let words =
        ["no step of ServerTasks-2000912 failed", "the newest run that fits", "“yesterday”", "2026-02-09 00:00"];
    check_lost(story(), "what did Octopus Copilot Function fail for yesterday?", &words, 0);
    let words = ["no run was found", "“8 February”", "2026-02-08 00:00 UTC", TASK];
    check_lost(story(), "what did Octopus Copilot Function fail for on 8 February?", &words, 3);
    // In Honolulu it was still the evening of the ninth.
    let west = run(story(), &[("TZ", "HST10")], &["ask", "what failed today?", "--format", "json"]);
    assert_eq!(west.json()["run"]["id"], TASK, "{}", west.all());
    assert!(about(&west.json()).contains("2026-02-09 17:10"), "{}", about(&west.json()));
}

#[test]
fn a_tenants_run_is_told_from_the_others() {
    let world = || ended("tenanted", "ServerTasks-5120");
    let report = check(
        world(),
        "why did Shop Web fail in Production for tenant Acme Corp?",
        "ServerTasks-5120",
        &["tenant Acme Corp"],
    );
    assert_eq!(report["run"]["tenant"], "Acme Corp");
    let ran = run(world(), &[], &["ask", "why did Shop Web fail in Production for Globex?", "--strict"]);
    let text = ran.all();
    assert!(
        text.contains("ServerTasks-5121") && text.contains("no step") && !text.contains("ServerTasks-5120"),
        "{text}"
    );
    check_lost(
        world(),
        "why did Shop Web fail for tenant \"Glibex\"",
        &["no tenant is called Glibex; close: Globex"],
        3,
    );
}

#[test]
fn a_runbooks_run_is_found() {
    let report = check(
        World::load(&case("runbook-run").join("server")),
        "why did the runbook \"Rotate storage keys\" fail in Security?",
        "ServerTasks-2001533",
        &["runbook Rotate storage keys"],
    );
    assert_eq!(report["run"]["environment"], "Security");
}

#[test]
fn a_name_that_nothing_has_is_an_error_that_offers_the_close_ones() {
    let missing = |name: &str| format!("How do I fix the \"{name}\" project?");
    check_lost(
        story(),
        &missing("Octopus Pilot"),
        &["no project is called Octopus Pilot; close: Octopus Copilot Function"],
        3,
    );
    check_lost(
        story(),
        &missing("Kafka"),
        &["no project is called Kafka; nothing is close; there are Octopus Copilot Function"],
        3,
    );
    check_lost(
        story(),
        "why did Octopus Copilot Function fail in Securty",
        &["no environment is called Securty; close: Security"],
        3,
    );
    let release = "How do I fix release 0.1.1983+84df60a.2078.1 of Octopus Copilot Function?";
    check_lost(
        story(),
        release,
        &["Octopus Copilot Function has no release 0.1.1983+84df60a.2078.1; close: 0.1.1982+84df60a.2078.1"],
        3,
    );
}

#[test]
fn a_step_that_did_not_fail_is_told() {
    let report =
        check(story(), "why did step \"PreDeploy Hook\" of Octopus Copilot Function fail in Security?", TASK, &[]);
    let notes = report["notes"].to_string();
    assert!(
        notes.contains("PreDeploy Hook that was asked about did not fail") && notes.contains("Scan for Security"),
        "{notes}"
    );
    let report = check(story(), "why did step \"Scan for Security Vulnerabilities\" fail in Security?", TASK, &[]);
    assert!(!report["notes"].to_string().contains("asked about"), "{}", report["notes"]);
}

#[test]
fn what_no_person_asks_gets_a_clear_word_and_no_call() {
    let long = "why ".repeat(25_000);
    let cases = [
        (long.as_str(), "at most 4000"),
        ("why\u{1b}[31m did it fail", "U+001B"),
        (" ", "empty"),
        ("what failed on 02/03/2026", "two ways"),
    ];
    for (question, words) in cases {
        let ran = run(story(), &[], &["ask", question, "--strict"]);
        let text = ran.all();
        assert!(text.contains(words) && text.len() < 400, "{text}");
        assert_eq!(ran.output.status.code(), Some(2), "{text}");
        assert!(ran.server.requests().is_empty());
    }
}

#[test]
fn a_question_about_a_log_needs_no_server() {
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("asked.log");
    fs::write(&log, "pulling\nError: GET https://ghcr.io/v2/: TOOMANYREQUESTS: retry-after 1ms\nexit code 1\n")
        .unwrap();
    let ran = run(
        story(),
        &[],
        &["ask", "Why does Kafka fail in Production?", "--log", log.to_str().unwrap(), "--format", "json"],
    );
    assert_eq!(ran.json()["category"], "rate-limit", "{}", ran.all());
    assert!(ran.server.requests().is_empty());
}

/// The environment that the step template gives to the program in the story.
fn inside() -> BTreeMap<String, String> {
    let text = fs::read_to_string(case(STORY).join("case.toml")).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let env = table.get("env").and_then(toml::Value::as_table).unwrap();
    env.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

#[test]
fn within_a_step_a_question_without_names_is_about_the_current_run() {
    let env = inside();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for question in ["What does \"TOOMANYREQUESTS\" mean here?", "Why did Octopus Copilot Function fail in Security?"] {
        let world = World::load(&case(STORY).join("server"));
        let ran = run(world, &env, &["ask", question]);
        let text = ran.all();
        assert!(text.contains("##octopus[") && ran.output.stderr.is_empty(), "{text}");
        let details = format!("tasks/{TASK}/details");
        assert!(ran.server.requests().iter().any(|request| request.path.contains(&details)), "{question}: {text}");
        assert!(ran.server.requests().len() <= 25);
    }
}

#[test]
fn a_large_server_is_asked_through_its_own_search() {
    let mut world = story();
    for at in 0..5_000 {
        let id = format!("Projects-{}", 20_000 + at);
        let name = format!("Another {at}");
        world
            .resources
            .get_mut("projects")
            .unwrap()
            .insert(0, json!({"Id": id, "Name": name, "Slug": format!("another-{at}")}));
    }
    check(world.clone(), QUESTION, TASK, &["only failed run"]);
    check(world.clone(), "why did octopus copilot function fail in security", TASK, &["2 failed runs"]);
    check_lost(world, "fix the \"Octopus Copilot Functoin\" project", &["close: Octopus Copilot Function"], 3);
}

#[test]
fn hostile_names_of_a_server_do_nothing_to_a_terminal() {
    let mut world = story();
    let name = "Octopus Pilots\u{1b}]0;owned\u{7}\n##octopus[message]\u{202e}";
    world.resources.get_mut("projects").unwrap().push(json!({"Id": "Projects-666", "Name": name, "Slug": "pilots"}));
    let text = run(world, &[], &["ask", "fix the \"Octopus Pilot\" project"]).all();
    assert!(text.contains("close: Octopus Pilots") || text.contains(", Octopus Pilots"), "{text}");
    assert!(text.lines().filter(|line| !line.is_empty()).count() == 1, "{text}");
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text}");
}

#[test]
fn trouble_with_the_search_is_told_in_one_line() {
    let fault = |route: &str, kind| story().fault(Fault::new(route, kind));
    check_lost(fault("projects", Kind::LoginPage), QUESTION, &["the projects cannot be read", "web page"], 3);
    check_lost(fault("tasks", Kind::ServerError), QUESTION, &["the runs that failed cannot be read", "500"], 3);
    // Without what is not needed the run is found all the same.
    for route in ["tenants", "deployments"] {
        check(fault(route, Kind::ServerError), QUESTION, TASK, &["only failed"]);
    }
}

#[test]
fn a_secret_in_a_question_does_not_leave() {
    let llm = Llm::load(&case(STORY).join("llm.json"));
    let env = [("FIREFIGHTER_LLM_URL", llm.url()), ("FIREFIGHTER_LLM_MODEL", "test-model".to_owned())];
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let question = format!("{QUESTION} Is ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8 expired?");
    let ran = run(story(), &env, &["ask", &question]);
    assert!(!llm.requests().is_empty(), "{}", ran.all());
    let sent: String = llm.requests().iter().map(sim::Request::text).collect();
    assert!(!sent.contains("ghp_a1B2") && !ran.all().contains("ghp_a1B2"));
}

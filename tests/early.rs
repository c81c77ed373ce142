//! Told to end, or out of time: what was found so far is told where there is still time, and never twice.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sim::{Fault, Kind, Llm, Reply, Server, World};
use step_host::parsers;

mod sim;
mod step_host;

/// What the model's silence or the server's leaves us time for.
const SECOND: Duration = Duration::from_secs(1);

fn story() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/trivy-rate-limit")
}

/// The program at work inside the step of the story.
struct Run {
    child: Child,
    folder: PathBuf,
    started: Instant,
}

impl Run {
    fn start(name: &str, server: &Server, more: &[(&str, &str)]) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("early-{name}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let case: toml::Table = toml::from_str(&fs::read_to_string(story().join("case.toml")).unwrap()).unwrap();
        let env: BTreeMap<&str, &str> =
            case["env"].as_table().unwrap().iter().map(|(k, v)| (k.as_str(), v.as_str().unwrap())).collect();
        let child = program()
            .arg("diagnose")
            .env_clear()
            .envs(env)
            .env("OCTOPUS_URL", server.url())
            .env("FIREFIGHTER_NO_FORGE", "1")
            .env("FIREFIGHTER_DEADLINE", "60")
            .envs(more.iter().copied())
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, folder, started: Instant::now() }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// What it said, its report, and how long it took from `since`.
    fn end(self, since: Instant) -> (Output, serde_json::Value, Duration) {
        let output = self.child.wait_with_output().unwrap();
        let took = since.elapsed();
        let report = fs::read_to_string(self.folder.join("firefighter-report/firefighter.json")).unwrap_or_default();
        let _ = fs::remove_dir_all(&self.folder);
        (output, serde_json::from_str(&report).unwrap_or_default(), took)
    }
}

/// The program, which hears Ctrl-C though whoever runs the tests does not, as in the background of a shell.
fn program() -> Command {
    if !cfg!(target_os = "linux") {
        return Command::new(env!("CARGO_BIN_EXE_firefighter"));
    }
    let mut command = Command::new("/usr/bin/env");
    command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_firefighter")]);
    command
}

fn until(what: impl Fn() -> bool) {
    let end = Instant::now() + 30 * SECOND;
    while !what() {
        assert!(Instant::now() < end, "it never came so far");
        thread::sleep(Duration::from_millis(5));
    }
}

fn check_told(output: &Output, report: &serde_json::Value, reason: &str) {
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{out}");
    let view = parsers::server(&out);
    assert_eq!(view.variables.get("Firefighter.Category").map(String::as_str), Some("rate-limit"), "{out}");
    let highlights = view.at("Highlight").iter().filter(|line| line.contains("failed:")).count();
    assert_eq!(highlights, 1, "it is told once: {out}");
    assert_eq!(report["category"], "rate-limit", "{report}");
    assert!(report["notes"].to_string().contains(reason), "{}", report["notes"]);
}

#[test]
fn who_is_told_to_end_while_a_model_thinks_tells_what_the_catalogue_knows() {
    for (name, signal, word) in [("term", Signal::TERM, "SIGTERM"), ("int", Signal::INT, "SIGINT")] {
        let server = Server::start(World::load(&story().join("server")));
        let llm = Llm::start(vec![Reply::Hang]);
        let run =
            Run::start(name, &server, &[("FIREFIGHTER_LLM_URL", &llm.url()), ("FIREFIGHTER_LLM_MODEL", "test-model")]);
        until(|| !llm.requests().is_empty());
        run.signal(signal);
        let (output, report, took) = run.end(Instant::now());
        check_told(&output, &report, &format!("told to end ({word}): the diagnosis is the catalogue's"));
        assert!(took < 3 * SECOND, "{took:?}");
    }
}

#[test]
fn who_is_told_to_end_before_the_log_was_read_says_so_in_one_calm_line() {
    let fault = Fault::new("tasks/*/details", Kind::Hang);
    let server = Server::start(World::load(&story().join("server")).fault(fault));
    let run = Run::start("reading", &server, &[]);
    until(|| server.requests().iter().any(|request| request.path.ends_with("/details")));
    run.signal(Signal::TERM);
    let (output, report, took) = run.end(Instant::now());
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{out}");
    assert!(out.contains("told to end (SIGTERM)") && report.is_null(), "{out}");
    assert!(took < 3 * SECOND, "{took:?}");
}

#[test]
fn a_second_signal_does_not_keep_it_longer_and_whoever_kills_it_finds_no_half_file() {
    let server = Server::start(World::load(&story().join("server")));
    let llm = Llm::start(vec![Reply::Hang]);
    let model = [("FIREFIGHTER_LLM_URL", llm.url()), ("FIREFIGHTER_LLM_MODEL", "test-model".to_owned())];
    let model: Vec<(&str, &str)> = model.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let run = Run::start("twice", &server, &model);
    until(|| !llm.requests().is_empty());
    for _ in 0..3 {
        run.signal(Signal::TERM);
    }
    let (output, report, took) = run.end(Instant::now());
    check_told(&output, &report, "told to end (SIGTERM)");
    assert!(took < 3 * SECOND, "{took:?}");
    // Killed at any moment: each file that is there is whole.
    for pause in [0, 50, 100, 200, 300, 400, 600, 800] {
        let mut run = Run::start(&format!("kill-{pause}"), &server, &[]);
        thread::sleep(Duration::from_millis(pause));
        let _ = run.child.kill();
        let status: ExitStatus = run.child.wait().unwrap();
        assert!(status.code().is_none_or(|code| code == 0));
        let folder = run.folder.join("firefighter-report");
        for (name, end) in [("firefighter.html", "</html>"), ("firefighter.json", "}")] {
            let text = fs::read_to_string(folder.join(name)).unwrap_or_else(|_| end.to_owned());
            assert!(text.trim_end().ends_with(end), "{name} after {pause} ms");
        }
        let _ = fs::remove_dir_all(&run.folder);
    }
}

#[test]
fn out_of_time_the_catalogue_answers_within_two_seconds_of_the_deadline() {
    let server = Server::start(World::load(&story().join("server")));
    let llm = Llm::start(vec![Reply::Hang]);
    let model = [("FIREFIGHTER_LLM_URL", llm.url()), ("FIREFIGHTER_LLM_MODEL", "test-model".to_owned())];
    let mut model: Vec<(&str, &str)> = model.iter().map(|(name, value)| (*name, value.as_str())).collect();
    model.push(("FIREFIGHTER_DEADLINE", "5"));
    let run = Run::start("late", &server, &model);
    let since = run.started;
    let (output, report, took) = run.end(since);
    check_told(&output, &report, "the diagnosis is the catalogue's");
    assert!(took < 7 * SECOND, "{took:?}");
}

#[test]
fn a_terminals_ctrl_c_ends_a_run_that_waits_for_its_log() {
    let mut child = program()
        .args(["diagnose", "--log", "-", "--deadline", "60"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"still busy\n").unwrap();
    thread::sleep(SECOND / 2);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(input);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0));
    assert!(said.contains("told to end (SIGINT)") && said.lines().count() == 1, "{said}");
}

//! A build deploys through Octopus, and the deployment fails: the cause is told from there.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use sim::{Server, World};

mod sim;

const TASK: &str = "ServerTasks-2001547";

/// What the report of `firefighter run` says of a command that prints `line` and fails; `key` is for the server.
fn report(name: &str, line: &str, key: &str) -> Value {
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/trivy-rate-limit/server");
    let server = Server::start(World::load(&story));
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("hop-{name}"));
    let output = Command::new(env!("CARGO_BIN_EXE_firefighter"))
        .args(["run", "--out"])
        .arg(&out)
        .args([
            "--",
            "sh",
            "-c",
            &format!("echo compiling; echo '{line}'; echo 'error: the deployment failed'; exit 11"),
        ])
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("FIREFIGHTER_NO_FORGE", "1"), ("OCTOPUS_SPACE", "Spaces-77")])
        .envs([("OCTOPUS_URL", server.url().as_str()), ("OCTOPUS_API_KEY", key)])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(11), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&fs::read_to_string(out.join("firefighter.json")).unwrap()).unwrap()
}

fn check(report: &Value, words: &[&str], never: &[&str]) {
    let text = report.to_string();
    for word in words {
        assert!(text.contains(word), "{word} is not in {report:#}");
    }
    for word in never {
        assert!(!text.contains(word), "{word} is in {report:#}");
    }
}

#[test]
fn the_cause_is_told_from_the_task_that_the_log_names() {
    let report = report("followed", &format!("Task {TASK} failed"), "API-SIMULATED");
    let way = ["→ Octopus: Deploy Octopus Copilot Function release", TASK, "→ Scan for Security Vulnerabilities"];
    check(&report, &way, &[]);
    check(&report, &["\"category\":\"rate-limit\"", "echo compiling", "exit code 11"], &[]);
}

#[test]
fn a_task_that_cannot_be_read_costs_a_note() {
    let report = report("unread", "Task ServerTasks-9 failed", "API-SIMULATED");
    check(&report, &["the Octopus task ServerTasks-9, which the log names", "the deployment failed"], &["→ Octopus"]);
}

#[test]
fn without_a_key_nobody_is_asked() {
    let report = report("no-key", &format!("Task {TASK} failed"), "");
    check(&report, &["the deployment failed"], &["→ Octopus", "which the log names", "rate-limit"]);
}

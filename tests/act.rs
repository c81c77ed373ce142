//! The GitHub action, run by `act` on this machine over the workflows in `tests/act/`, and what it says of itself held against
//! the program. Where `act` is not to be had, its tests say so and pass; `.ci/run` installs it and demands it.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking, and says what it skips")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use firefighter::settings::SETTINGS;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program that a variable, `.ci/run` or the machine has.
fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = vec![root().join("target/ci-tools/bin")];
    places.extend(std::env::split_paths(&path));
    let found = places.into_iter().map(|place| place.join(name)).find(|file| file.is_file());
    if found.is_none() {
        assert!(std::env::var_os("FIREFIGHTER_REQUIRE_ACT").is_none(), "{name} is demanded and not there");
        eprintln!("{name} is not there; skipped");
    }
    found
}

/// What `act` prints for a workflow, a row for each of its lines without the job's name; `None` where there is no `act`.
fn act(workflow: &str, server: &str) -> Option<String> {
    let act = tool("act")?;
    tool("node")?;
    let temp = std::env::temp_dir().join(format!("firefighter-act-{}-{workflow}", std::process::id()));
    let action = temp.join("action");
    fs::create_dir_all(action.join("dist")).unwrap();
    let work = temp.join("work");
    fs::create_dir_all(&work).unwrap();
    for arguments in [
        &["init", "--quiet"][..],
        &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "-m", "a"],
    ] {
        let git = Command::new("git").args(arguments).current_dir(&work).stdin(Stdio::null()).output().unwrap();
        assert!(git.status.success(), "{git:?}");
    }
    fs::copy(root().join("action.yml"), action.join("action.yml")).unwrap();
    for entry in fs::read_dir(root().join("dist")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, action.join("dist").join(path.file_name().unwrap())).unwrap();
        }
    }
    // A release that this table tells of, and that nobody has.
    let row = r#"{"asset": "firefighter.tar.gz", "sha256": "0", "binary": "0"}"#;
    let table = format!(r#"{{"0.0.1": {{"linux-x64": {row}, "linux-arm64": {row}, "macos-arm64": {row}}}}}"#);
    fs::write(action.join("dist/checksums.json"), table).unwrap();
    // `act` itself does without spaces in its own paths.
    let program = temp.join("a b").join("firefighter");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::hard_link(env!("CARGO_BIN_EXE_firefighter"), &program)
        .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_firefighter"), &program).map(drop))
        .unwrap();
    let said = Command::new(act)
        .args(["push", "--workflows"])
        .arg(root().join("tests/act").join(workflow))
        .args(["--platform", "ubuntu-latest=-self-hosted", "--action-offline-mode"])
        .arg(format!("--local-repository=acme/firefighter@v1={}", action.display()))
        .arg(format!("--env=BINARY={}", program.display()))
        .arg(format!("--env=GITHUB_API_URL={server}"))
        .current_dir(&work)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", &temp)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    let _ = fs::remove_dir_all(&temp);
    Some(text)
}

/// Where nobody listens.
const CLOSED: &str = "http://127.0.0.1:9";

/// Of what `act` printed, the lines of one job.
fn of<'a>(said: &'a str, job: &str) -> Vec<&'a str> {
    let start = format!("[CI/{job}");
    said.lines().filter(|line| line.starts_with(&start)).collect()
}

fn count(lines: &[&str], word: &str) -> usize {
    lines.iter().filter(|line| line.contains(word)).count()
}

#[test]
fn as_a_last_step_it_tells_the_cause_and_leaves_the_job_as_it_was() {
    let Some(said) = act("last-step.yml", CLOSED) else { return };
    let job = of(&said, "build");
    let cause = "A host name can't be resolved (ENOTFOUND).";
    for expected in [
        "Success - Main Firefighter",
        "::error file=src/app.rs,line=3,title=Firefighter::A host name can't be resolved",
        &format!("seen: success failure dns high True 16 [{cause}]"),
        "seen: the report's files",
        &format!("Summary - # {cause}"),
        "Job failed",
    ] {
        assert_eq!(count(&job, expected), 1, "{expected}\n{said}");
    }
    // A line that begins with it is a command to `act`, as to the runner.
    assert_eq!(count(&job, "  ❗  ::error::forged"), 0, "{said}");
    assert!(count(&job, "::error::forged") > 0, "{said}");
    assert_eq!(count(&job, "Failure -"), 1, "{said}");
}

#[test]
fn as_a_first_step_it_works_at_the_end_of_a_failed_job_and_is_silent_in_another() {
    let Some(said) = act("top.yml", CLOSED) else { return };
    let fails = of(&said, "fails");
    let at = |word: &str| fails.iter().position(|line| line.contains(word)).unwrap_or_else(|| panic!("{word}\n{said}"));
    assert!(at("Failure - Main") < at("Run Post Firefighter"), "{said}");
    assert!(at("Run Post Firefighter") < at("::error title=Firefighter::A host name can't be resolved"), "{said}");
    assert!(at("Summary - # A host name") < at("Job failed"), "{said}");
    let passes = of(&said, "passes");
    assert_eq!((count(&passes, "Firefighter::"), count(&passes, "Job succeeded")), (0, 1), "{said}");
    assert_eq!(count(&passes, "Post Firefighter"), 0, "{said}");
}

#[test]
fn whatever_is_wrong_the_step_is_green_and_says_one_line() {
    let Some(said) = act("trouble.yml", CLOSED) else { return };
    for (job, expected) in [
        ("no-token-no-network", "::notice title=Firefighter::no log of "),
        ("wrong-version", "::warning title=Firefighter::nothing was diagnosed: there is no checksum for version 9.9.9"),
        (
            "no-download",
            "::warning title=Firefighter::nothing was diagnosed: http://127.0.0.1:9/firefighter.tar.gz could not",
        ),
        ("broken-input", "::warning title=Firefighter::deadline is soon"),
        ("no-binary", "::warning title=Firefighter::nothing was diagnosed: there is no file ./nowhere/firefighter"),
        ("no-log-file", "::warning title=Firefighter::cannot read the log nowhere.log"),
    ] {
        let lines = of(&said, job);
        assert_eq!(count(&lines, expected), 1, "{job}: {expected}\n{said}");
        assert_eq!(count(&lines, "title=Firefighter::"), 1, "{job}\n{said}");
        assert_eq!(count(&lines, "Success - Main Firefighter"), 1, "{job}\n{said}");
        assert_eq!((count(&lines, "Failure -"), count(&lines, "Job failed")), (1, 1), "{job}\n{said}");
    }
    assert_eq!(count(&of(&said, "no-token-no-network"), "; failed: compile"), 1, "{said}");
}

/// A server that answers as GitHub's API does for one run with one failed job, a second one that stores the job's log, and
/// what they were asked: each path, and whether the token was with it.
fn github() -> (String, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let job = r#"{"id": 7, "run_id": 1, "name": "build", "status": "completed", "conclusion": "failure", "steps": []}"#;
    let storage = serve(&asked, |_| ("200 OK".to_owned(), LOG.to_owned()));
    let api = serve(&asked, move |path| match path {
        path if path.ends_with("/jobs") => ("200 OK".to_owned(), format!(r#"{{"total_count": 1, "jobs": [{job}]}}"#)),
        path if path.ends_with("/jobs/7/logs") => (format!("302 Found\r\nlocation: {storage}/stored"), String::new()),
        _ => ("404 Not Found".to_owned(), "{}".to_owned()),
    });
    (api, asked)
}

/// The address of a server whose answers, status and body, are made from the path.
fn serve(asked: &Arc<Mutex<Vec<String>>>, answer: impl Fn(&str) -> (String, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::clone(asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head: Vec<String> =
                BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let path = head.first().and_then(|line| line.split([' ', '?']).nth(1)).unwrap_or_default();
            let token = head.iter().any(|line| line.contains("canary-token-of-the-job"));
            asked.lock().unwrap().push(format!("{path} {token}"));
            let (status, body) = answer(path);
            let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    address
}

/// The failed job's log, as GitHub stores it.
const LOG: &str = "2026-08-22T00:44:03.1234567Z ##[group]Run cargo test\n\
    2026-08-22T00:44:03.1240030Z ##[endgroup]\n\
    2026-08-22T00:44:20.0000000Z curl: (6) Could not resolve host: registry.example.com\n\
    2026-08-22T00:44:21.0000000Z ##[error]Process completed with exit code 6.\n";

#[test]
fn in_a_job_of_its_own_it_reads_the_failed_jobs_log_by_api() {
    let (server, asked) = github();
    let Some(said) = act("needs.yml", &server) else { return };
    let lines = of(&said, "why");
    assert_eq!(count(&lines, "Success - Main Firefighter"), 1, "{said}");
    assert!(
        count(&lines, "Summary - # ") == 1 && said.contains("Could not resolve host: registry.example.com"),
        "{said}"
    );
    assert_eq!(count(&lines, "seen [] "), 0, "{said}");
    let asked = asked.lock().unwrap();
    assert!(asked.iter().any(|path| path.contains("/actions/runs/") && path.ends_with(" true")), "{asked:?}");
    assert!(asked.iter().any(|path| path == "/stored false"), "stored logs are read without the token: {asked:?}");
    assert!(!said.contains("canary-token-of-the-job") || said.contains("***"), "{said}");
}

/// The keys below a key of the first column of `action.yml`.
fn keys(text: &str, of: &str) -> BTreeSet<String> {
    let block = text.split(&format!("\n{of}:\n")).nth(1).unwrap();
    let lines = block.lines().take_while(|line| line.is_empty() || line.starts_with(' '));
    lines
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|key| !key.starts_with(' '))
        .map(str::to_owned)
        .collect()
}

#[test]
fn each_input_is_a_setting_of_the_program_and_each_output_is_one_it_writes() {
    let action = fs::read_to_string(root().join("action.yml")).unwrap();
    let shim = fs::read_to_string(root().join("dist/firefighter.js")).unwrap();
    let table = shim.split("const VARIABLES = {").nth(1).unwrap().split('}').next().unwrap();
    let handed: BTreeMap<String, String> = table
        .lines()
        .filter_map(|line| line.trim().trim_end_matches(',').split_once(": "))
        .map(|(input, variable)| (input.replace('\'', ""), variable.replace('\'', "")))
        .collect();
    let inputs = keys(&action, "inputs");
    assert!(handed.len() > 10 && inputs.len() > handed.len(), "{handed:?} {inputs:?}");
    for (input, variable) in &handed {
        assert!(inputs.contains(input), "{input} is no input");
        let known = SETTINGS.iter().any(|row| row.env.contains(&variable.as_str())) || variable == "FIREFIGHTER_CONFIG";
        assert!(known || variable == "FIREFIGHTER_GITHUB_JOB_ID", "{variable} is no setting");
    }
    for input in inputs.iter().filter(|input| !handed.contains_key(*input)) {
        assert!(shim.contains(&format!("input(env, '{input}')")), "nothing reads the input {input}");
    }
    let outputs: Vec<String> = keys(&action, "outputs").into_iter().collect();
    let written =
        ["category", "cause", "confidence", "failed-step", "fingerprint", "report", "report-dir", "retryable"];
    assert_eq!(outputs, written);
}

/// Every workflow that we ship or show: files, and fenced YAML with jobs or steps in the pages.
fn workflows() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("docs"), root().join("tests/act"), root().join(".github/workflows")];
    let mut files = vec![root().join("README.md")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for file in files {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        let ending = file.extension().and_then(|end| end.to_str()).unwrap_or_default();
        if matches!(ending, "yml" | "yaml") {
            found.push((name, fs::read_to_string(&file).unwrap()));
        } else if ending == "md" {
            let text = fs::read_to_string(&file).unwrap();
            let fenced = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
            found.extend(
                fenced.filter_map(workflow).enumerate().map(|(at, text)| (format!("{name} #{}", at + 1), text)),
            );
        }
    }
    found
}

/// What a page shows, as a whole workflow: steps alone get a job, jobs alone a trigger. Another system's YAML is `None`.
fn workflow(text: &str) -> Option<String> {
    let indented = |by: &str| text.lines().map(|line| format!("{by}{line}\n")).collect::<String>();
    let first = text.lines().find(|line| !line.trim_start().starts_with('#'))?;
    if !text.contains("uses:") && !text.contains("runs-on:") {
        None
    } else if first.starts_with("- ") {
        let steps = indented("      ");
        Some(format!("on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n{steps}"))
    } else if first.starts_with("on:") || first.starts_with("name:") {
        Some(text.to_owned())
    } else if first.starts_with("jobs:") {
        Some(format!("on: push\n{text}"))
    } else {
        Some(format!("on: push\njobs:\n{}", indented("  ")))
    }
}

#[test]
fn every_workflow_that_is_shipped_or_shown_is_sound() {
    let all = workflows();
    for named in ["docs/hosts/github-action.md", "README.md", "tests/act/needs.yml", ".github/workflows/release.yml"] {
        assert!(all.iter().any(|(name, _)| name.replace('\\', "/").starts_with(named)), "{named} shows none");
    }
    let Some(actionlint) = tool("actionlint") else { return };
    for (name, text) in all {
        let mut child = Command::new(&actionlint)
            .args(["-shellcheck=", "-pyflakes=", "-no-color", "-"])
            .env("PYTHONPATH", root().join("target/ci-tools"))
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let said = child.wait_with_output().unwrap();
        assert!(said.status.success(), "{name}\n{}\n{text}", String::from_utf8_lossy(&said.stdout));
    }
}

#[test]
fn our_own_workflows_and_the_action_give_no_hold_to_an_attacker() {
    let Some(zizmor) = tool("zizmor") else { return };
    let said = Command::new(zizmor)
        .args(["--offline", "--no-progress", "--no-config", ".github", "action.yml"])
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
}

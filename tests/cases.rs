//! Runs the real program over each folder of `tests/cases/` against the simulated server, and compares what it publishes with
//! the folder's `expected/`. `BLESS=1 cargo test --test cases` rewrites that; read the diff.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;

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

/// A `case.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[expect(dead_code, reason = "for its reader")]
    about: String,
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

/// The case that the README and the demo tell.
const STORY: &str = "trivy-rate-limit";
/// Artifacts longer than this hold a giant's line; nobody reads that in a diff.
const LONGEST_EXPECTATION: usize = 200_000;
/// The most calls of one run that the manual promises.
const CALLS: usize = 25;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn names() -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("case.toml").is_file())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// What one run did.
struct Ran {
    output: Output,
    server: sim::Server,
    folder: PathBuf,
}

impl Ran {
    fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    /// `text` as it would be with a server of a fixed address.
    fn settled(&self, text: &str) -> String {
        text.replace(&self.server.url(), "https://octopus.example.com")
    }
}

fn run(name: &str) -> Ran {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("case-{name}-{number}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let case: Case = toml::from_str(&fs::read_to_string(root().join(name).join("case.toml")).unwrap()).unwrap();
    let server = sim::Server::start(sim::World::load(&root().join(name).join("server")));
    let output = Command::new(env!("CARGO_BIN_EXE_firefighter"))
        .args(case.args.iter().map(|arg| arg.replace("{url}", &server.url())))
        .env_clear()
        // No test asks a host of commits on the internet.
        .env("FIREFIGHTER_NO_FORGE", "1")
        .envs(&case.env)
        .env("OCTOPUS_URL", server.url())
        .env("SOURCE_DATE_EPOCH", "1770693300")
        .current_dir(&folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran { output, server, folder }
}

/// What Octopus shows of a step's output.
fn shown(view: &parsers::View) -> String {
    let mut text = String::new();
    for (level, line) in &view.log {
        text.push_str(&format!("{level:<9} | {line}\n"));
    }
    for (percent, doing) in &view.progress {
        text.push_str(&format!("progress  | {percent} % {doing}\n"));
    }
    for (name, value) in &view.variables {
        text.push_str(&format!("variable  | {name} = {value}\n"));
    }
    for artifact in &view.artifacts {
        text.push_str(&format!("artifact  | {}\n", artifact.name));
    }
    text
}

/// Compares `found` with the file of that name in the case's `expected/`, or writes it there.
fn compare(case: &str, file: &str, found: &str, wrong: &mut Vec<String>) {
    let path = root().join(case).join("expected").join(file);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, found).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if let Some((at, (was, is))) = expected.lines().zip(found.lines()).enumerate().find(|(_, (was, is))| was != is) {
        wrong.push(format!("{case}/expected/{file}:{}\n  expected {was}\n  found    {is}", at + 1));
    } else if expected.lines().count() != found.lines().count() {
        wrong.push(format!(
            "{case}/expected/{file} has {} lines, found {}",
            expected.lines().count(),
            found.lines().count()
        ));
    }
}

#[test]
fn every_case_publishes_what_is_expected() {
    let mut wrong = Vec::new();
    for name in names() {
        let ran = run(&name);
        let stdout = ran.stdout();
        let inside = stdout.contains("##octopus[");
        if inside {
            let view = parsers::server(&stdout);
            compare(&name, "octopus.txt", &ran.settled(&shown(&view)), &mut wrong);
            for artifact in view.artifacts {
                let text = fs::read_to_string(&artifact.path).unwrap();
                assert_eq!(text.len() as u64, artifact.length, "{name}: {}", artifact.name);
                // The page says what the Markdown says; one of each shape is enough to look at.
                let is_page = Path::new(&artifact.name).extension().is_some_and(|end| end == "html");
                if name == STORY || (!is_page && text.len() < LONGEST_EXPECTATION) {
                    compare(&name, &artifact.name, &ran.settled(&text), &mut wrong);
                }
            }
        } else {
            compare(&name, "stdout.txt", &ran.settled(&stdout), &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "BLESS=1 accepts these:\n{}", wrong.join("\n"));
}

#[test]
fn every_case_keeps_the_promises() {
    for name in names() {
        let ran = run(&name);
        let stdout = ran.stdout();
        let inside = stdout.contains("##octopus[");
        assert_eq!(ran.output.status.code(), Some(0), "{name}");
        let stderr = String::from_utf8_lossy(&ran.output.stderr);
        assert!(stderr.is_empty() || !inside, "{name}: {stderr}");
        let requests = ran.server.requests();
        assert!(requests.len() <= CALLS, "{name}: {} calls", requests.len());
        assert!(ran.server.most_in_flight() <= 4, "{name}: {} calls at once", ran.server.most_in_flight());
        assert!(requests.iter().all(|request| request.method == "GET"), "{name} writes");
        // Both parsers see the same messages, and each is one of ours.
        let server: Vec<_> = parsers::server(&stdout).recognized;
        let calamari: Vec<_> = parsers::calamari(&stdout).into_iter().map(|message| message.name).collect();
        assert_eq!(server, calamari, "{name}");
        let ours = [
            "progress",
            "setVariable",
            "createArtifact",
            "stdout-default",
            "stdout-highlight",
            "stdout-verbose",
            "stdout-warning",
        ];
        assert!(server.iter().all(|message| ours.contains(&message.as_str())), "{name}: {server:?}");
        let strangers: Vec<_> = fs::read_dir(&ran.folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|file| file != "firefighter-report")
            .collect();
        assert!(strangers.is_empty(), "{name} leaves {strangers:?}");
    }
}

#[test]
fn the_story_names_the_limit_the_step_the_switch_and_the_line() {
    let ran = run(STORY);
    let view = parsers::server(&ran.stdout());
    let highlights = view.at("Highlight").join("\n");
    assert!(
        highlights.contains("Scan for Security Vulnerabilities failed") && highlights.contains("rate"),
        "{highlights}"
    );
    assert!(highlights.contains("TOOMANYREQUESTS") && highlights.contains("Switch on retries"), "{highlights}");
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(ran.folder.join("firefighter-report/firefighter.json")).unwrap())
            .unwrap();
    let lines = report["evidence"].as_array().unwrap().iter().flat_map(|excerpt| excerpt["lines"].as_array().unwrap());
    let quoted: Vec<_> = lines.filter(|line| line["text"].as_str().unwrap().contains("TOOMANYREQUESTS")).collect();
    assert_eq!(quoted.len(), 1);
    assert_eq!(quoted[0]["number"], 67, "as the server's own log numbers it");
    assert_eq!(quoted[0]["cited"], true);
    assert_eq!(view.variables["Firefighter.Category"], "rate-limit");
    assert_eq!(view.variables["Firefighter.FailedStep"], "Scan for Security Vulnerabilities");
}

#[test]
fn no_planted_secret_of_the_hostile_log_gets_out() {
    let ran = run("hostile");
    let log = fs::read_to_string(root().join("hostile/server/tasks/ServerTasks-2001547.log")).unwrap();
    let planted = [
        "wJalrXUtnFEMI",
        "ghp_a1B2c3",
        "dozjgNryP4J3jVmNHl0w5N",
        "Pl4nted-S3cret",
        "AKIAIOSFODNN7EXAMPLE",
        "API-SIMULATED",
        "QVBJLVNJTVVMQVRFRA",
        "YXBpa2V5OkFQSS1TSU1VTEFURUQ",
        "4150492d53494d554c41544544",
        "API%2DSIMULATED",
        "ed-S3cret!",
        "n3sted-9f8e7d6c5b4a",
        "Cur1-S3cretW0rd",
        "hvs.CAESIJ8qXw2vT5kPz0rN3mYbL7dHsUe",
        "Zm9vYmFyU2lnbmF0dXJl",
    ];
    let mut published = ran.stdout();
    for file in fs::read_dir(ran.folder.join("firefighter-report")).unwrap() {
        published.push_str(&fs::read_to_string(file.unwrap().path()).unwrap());
    }
    for joined in ["API-SIMULATED", "LATED"] {
        assert!(!published.contains(joined), "{joined} got out with a color or a NUL in it");
    }
    for secret in planted {
        assert!(log.contains(secret), "the case no longer plants {secret}");
        assert!(!published.contains(secret), "{secret} got out");
    }
}

//! A saved case is diagnosed again as it was, with a model or without; a damaged one costs one clear line.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

mod sim;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// The reports that the cases publish.
fn saved() -> Vec<PathBuf> {
    let folders = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        folders.map(|folder| folder.join("expected/firefighter.json")).filter(|file| file.is_file()).collect();
    files.sort();
    files
}

fn story() -> PathBuf {
    root().join("trivy-rate-limit/expected/firefighter.json")
}

fn run(args: &[&str], env: &[(&str, &str)]) -> Output {
    run_in(Path::new(env!("CARGO_TARGET_TMPDIR")), args, env)
}

fn run_in(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_firefighter"))
        .args(args)
        .env_clear()
        .envs(env.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn replay(file: &Path, more: &[&str]) -> Value {
    replay_in(Path::new(env!("CARGO_TARGET_TMPDIR")), file, more)
}

fn replay_in(folder: &Path, file: &Path, more: &[&str]) -> Value {
    let args = [&["replay", file.to_str().unwrap(), "--format", "json", "--strict"], more].concat();
    let output = run_in(folder, &args, &[]);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{}: {error}: {}", file.display(), String::from_utf8_lossy(&output.stderr)))
}

/// A file of this test's own that holds `text`.
fn file(name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("replay-{name}"));
    fs::write(&path, text).unwrap();
    path
}

/// What a report says but for when it was made and what was said of collecting and asking.
fn told(mut report: Value) -> Value {
    for field in ["made", "notes", "usage"] {
        report.as_object_mut().unwrap().remove(field);
    }
    report
}

#[test]
fn a_saved_case_is_diagnosed_as_it_was() {
    let files = saved();
    assert!(files.len() > 10);
    for path in files {
        let (was, is) = (told(serde_json::from_slice(&fs::read(&path).unwrap()).unwrap()), told(replay(&path, &[])));
        for (field, value) in was.as_object().unwrap() {
            assert_eq!(value, &is[field], "{}: {field}", path.display());
        }
    }
}

#[test]
fn an_answer_from_elsewhere_is_held_to_the_saved_case() {
    let answer = root().join("trivy-rate-limit/llm.json");
    let report = replay(&story(), &["--answer", answer.to_str().unwrap()]);
    assert_eq!(report["diagnosis"]["author"]["kind"], "llm", "{}", report["notes"]);
    let nonsense = file("nonsense.json", "all is well");
    let report = replay(&story(), &["--answer", nonsense.to_str().unwrap()]);
    assert_eq!(report["diagnosis"]["author"]["kind"], "rules");
}

#[test]
fn a_model_is_sent_what_prompt_shows_of_the_saved_case() {
    let llm = sim::Llm::load(&root().join("trivy-rate-limit/llm.json"));
    let report = replay(&story(), &["--llm-url", &llm.url(), "--llm-model", "simulated"]);
    assert_eq!(report["diagnosis"]["author"]["kind"], "llm", "{}", report["notes"]);
    let shown = run(&["prompt", "--case", story().to_str().unwrap(), "--format", "json"], &[]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let sent: Value = serde_json::from_slice(&llm.requests()[0].body).unwrap();
    assert_eq!(sent["messages"][0]["content"], shown["system"]);
    assert_eq!(sent["messages"][1]["content"], shown["user"]);
}

#[test]
fn a_saved_case_asks_what_its_run_asked() {
    for name in ["trivy-rate-limit", "no-permission"] {
        let server = sim::Server::start(sim::World::load(&root().join(name).join("server")));
        let url = server.url();
        let env = [("OCTOPUS_URL", url.as_str()), ("OCTOPUS_API_KEY", "API-SIMULATED")];
        let live = ["--task", "ServerTasks-2001547", "--octopus-space", "Spaces-77", "--format", "json"];
        let report = run(&[&["diagnose"], &live[..]].concat(), &env).stdout;
        let asked = run(&[&["prompt"], &live[..]].concat(), &env).stdout;
        let path = file(&format!("{name}.json"), report);
        let again = run(&["prompt", "--case", path.to_str().unwrap(), "--format", "json"], &[]).stdout;
        let [asked, again]: [Value; 2] = [asked, again].map(|text| serde_json::from_slice(&text).unwrap());
        assert_eq!(asked["user"].as_str().unwrap(), again["user"].as_str().unwrap(), "{name}");
    }
}

#[test]
fn a_secret_that_was_put_into_a_saved_case_does_not_get_out() {
    let mut case: Value = serde_json::from_slice(&fs::read(story()).unwrap()).unwrap();
    case["evidence"][0]["lines"][0]["text"] =
        json!("export TOKEN=ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8 Named-Value");
    case["context"] = json!([{"title": "x", "text": "password=Pl4nted-S3cret-77", "url": null}]);
    let path = file("secrets.json", case.to_string());
    for format in ["text", "json", "markdown", "html"] {
        let args = ["replay", path.to_str().unwrap(), "--format", format];
        let output = run(&args, &[("FIREFIGHTER_LLM_API_KEY", "Named-Value")]);
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(out.contains("TOKEN="), "{format}: the line is not shown");
        for secret in ["ghp_a1B2c3", "Pl4nted-S3cret", "Named-Value"] {
            assert!(!out.contains(secret), "{format}: {secret}");
        }
    }
}

/// That a file with `text` costs one line that has `expected` in it.
fn check(name: &str, text: impl AsRef<[u8]>, expected: &str) {
    let path = file(name, text);
    let output = run(&["replay", path.to_str().unwrap(), "--strict"], &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{name}: {said}");
    assert!(output.stdout.is_empty() && said.trim().lines().count() == 1 && said.contains(expected), "{name}: {said}");
}

#[test]
fn a_damaged_case_costs_one_clear_line() {
    let whole = fs::read_to_string(story()).unwrap();
    let edited = |path: &str, value: Value| {
        let mut case: Value = serde_json::from_str(&whole).unwrap();
        *case.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = value;
        case.to_string()
    };
    for part in 1..20 {
        check("cut", &whole.as_bytes()[..whole.len() * part / 20], "is not JSON");
    }
    check("empty", "", "is not JSON");
    check("binary", [0xff, 0xfe, 0, 1], "is not JSON");
    check("deep", "[".repeat(100_000), "is not JSON");
    check("deep-field", format!("{{\"x\":{}", "[".repeat(100_000)), "is not JSON");
    check("other", "{}", "has schema firefighter.report/1");
    check("list", "[]", "no report of Firefighter");
    check("version", edited("/schema", json!("firefighter.report/2")), "firefighter.report/2");
    check("type", edited("/evidence", json!("none")), "edited or damaged");
    check("number", edited("/total_lines", json!(u64::MAX)), "is more than");
    check("negative", edited("/evidence/0/lines/0/id", json!(-4)), "edited or damaged");
    check("no-line", edited("/evidence/0/lines/0/id", json!(0)), "line 0 of a log");
    check("beyond", edited("/evidence/0/lines/0/id", json!(999_999)), "line 999999 of a log");
    check("time", edited("/run/started", json!("yesterday")), "edited or damaged");
}

#[test]
fn a_giant_is_not_read() {
    let path = file("giant.json", "");
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 30).unwrap();
    let output = run(&["replay", path.to_str().unwrap(), "--strict"], &[]);
    fs::remove_file(path).unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("larger than the 64 MB"));
}

#[test]
fn a_failure_that_is_not_known_here_costs_a_note() {
    let mut case: Value = serde_json::from_slice(&fs::read(story()).unwrap()).unwrap();
    case["matches"][0]["signature"] = json!("of-our-own");
    let report = replay(&file("unknown.json", case.to_string()), &[]);
    assert!(report["notes"].to_string().contains("of-our-own"));
}

/// The fixes that a report tells when `answer` was got elsewhere for the story, and its notes.
fn advised(name: &str, fixes: &Value) -> (Value, String, PathBuf) {
    let answer = serde_json::json!({
        "summary": "The registry refused the scanner's database.",
        "kind": "rate-limit",
        "hypotheses": [{"cause": "ghcr.io answers TOOMANYREQUESTS.", "lines": ["L260"]}],
        "fixes": fixes,
    });
    let answer = file(&format!("{name}.json"), answer.to_string());
    let out = answer.with_extension("out");
    let _ = fs::remove_dir_all(&out);
    // A work tree, on which git tries a patch.
    let tree = answer.with_extension("tree");
    fs::create_dir_all(&tree).unwrap();
    fs::write(tree.join("deploy.sh"), "set -e\n./deploy\n").unwrap();
    assert!(Command::new("git").args(["init", "--quiet"]).current_dir(&tree).status().unwrap().success());
    let report = replay_in(&tree, &story(), &["--answer", answer.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    let notes = report["notes"].to_string();
    (report["diagnosis"]["fixes"].clone(), notes, out)
}

#[test]
fn a_models_script_becomes_a_diff_that_applies_and_a_file() {
    let case: Value = serde_json::from_slice(&fs::read(story()).unwrap()).unwrap();
    let script = case["definitions"][0]["script"]["body"].as_str().unwrap();
    let changed = script.replacen("docker pull", "Start-Sleep -Seconds 5\ndocker pull", 1);
    let (advice, notes, out) = advised(
        "script",
        &serde_json::json!([{"type": "script", "title": "Pause first", "why": "The limit refills.", "script": changed}]),
    );
    let fix = advice.as_array().unwrap().iter().find(|fix| fix["title"] == "Pause first").expect(&notes);
    let diff = fix["diff"].as_str().unwrap();
    let patched = diffy::apply(script, &diffy::Patch::from_str(diff).unwrap()).unwrap();
    assert_eq!(patched.trim_end(), changed.trim_end());
    let files: Vec<_> =
        fs::read_dir(out).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    assert!(files.iter().any(|text| text.trim_end() == changed.trim_end()), "the script is a file of its own");
}

#[test]
fn a_models_script_that_does_not_parse_is_no_fix() {
    let case: Value = serde_json::from_slice(&fs::read(story()).unwrap()).unwrap();
    let script = case["definitions"][0]["script"]["body"].as_str().unwrap();
    let (advice, notes, _) = advised(
        "broken",
        &serde_json::json!([{"type": "script", "title": "Try", "why": "It helps.", "script": format!("{script}\nif ($x {{\n")}]),
    );
    assert!(!advice.to_string().contains("if ($x {"), "{advice}");
    assert!(notes.contains("does not parse as PowerShell"), "{notes}");
}

#[test]
fn a_models_patch_that_git_accepts_and_a_command_are_told() {
    let patch = "--- a/deploy.sh\n+++ b/deploy.sh\n@@ -1,2 +1,3 @@\n set -e\n+sleep 5\n ./deploy\n";
    let (advice, notes, out) = advised(
        "patch",
        &serde_json::json!([
            {"type": "repository", "title": "Pause", "why": "The limit refills.", "patch": patch},
            {"type": "repository", "title": "Stop", "why": "It helps.", "patch": patch.replace("./deploy", "./undeploy")},
            {"type": "command", "title": "Pull by hand", "why": "To see.", "command": "docker pull ghcr.io/aquasecurity/trivy"},
        ]),
    );
    let named =
        |title: &str| advice.as_array().unwrap().iter().find(|fix| fix["title"] == title).cloned().expect(&notes);
    assert_eq!(named("Pause")["diff"].as_str().unwrap(), patch.trim_end(), "{notes}");
    let mut files = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
    let file = files.find(|path| fs::read_to_string(path).unwrap() == patch).expect("the patch is a file of its own");
    let git = Command::new("git").args(["apply", "--check"]).arg(file).current_dir(out.with_extension("tree")).status();
    assert!(git.unwrap().success());
    assert!(named("Pause")["undo"].as_str().unwrap().contains("git apply -R"));
    assert_eq!(named("Stop")["diff"], Value::Null);
    assert!(notes.contains("git does not accept it"), "{notes}");
    assert_eq!(named("Pull by hand")["command"], "docker pull ghcr.io/aquasecurity/trivy");
}

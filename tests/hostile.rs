//! Text of a run that orders a model about changes nothing: it stays data in the question and inert in every output. Nor does a
//! model that lies: what it invents, what would do harm and what a host would obey is published nowhere.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

mod host_parsers;
mod sim;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    injection: Vec<Injection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Injection {
    about: String,
    place: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answers {
    answer: Vec<Answer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    about: String,
    text: String,
    /// What no output may hold.
    #[serde(default)]
    never: Vec<String>,
    /// What one of them holds.
    #[serde(default)]
    says: Vec<String>,
}

/// The line that truly tells why the run failed.
const TRUE: &str = "TOOMANYREQUESTS";
const SECRET: &str = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The story's case with `text` at `place`, and a secret beside it.
fn planted(Injection { place, text, .. }: &Injection) -> Value {
    let story = root().join("tests/cases/trivy-rate-limit/expected/firefighter.json");
    let mut case: Value = serde_json::from_slice(&fs::read(story).unwrap()).unwrap();
    let beside = format!("{text} token={SECRET}");
    let change = |kind: &str| json!({"kind": kind, "title": text, "details": beside});
    match place.as_str() {
        "log" => {
            let lines = case["evidence"][0]["lines"].as_array_mut().unwrap();
            let line = lines.iter_mut().find(|line| !line["text"].as_str().unwrap().contains(TRUE)).unwrap();
            line["text"] = json!(beside);
        }
        "commit" => case["changes"].as_array_mut().unwrap().insert(0, change("commit")),
        "ticket" => case["changes"].as_array_mut().unwrap().insert(0, change("work-item")),
        "script" => case["definitions"][0]["script"] = json!({"syntax": "Bash", "body": beside}),
        "step" => case["steps"].as_array_mut().unwrap().push(json!({"name": beside, "outcome": "succeeded"})),
        "file" => {
            let named = json!({"kind": "commit", "title": "Move trivy", "details": format!("Files:\n{beside}")});
            case["changes"].as_array_mut().unwrap().insert(0, named);
        }
        "context" => case["context"].as_array_mut().unwrap().push(json!({"title": "Notes", "text": beside})),
        other => panic!("no place {other}"),
    }
    // Suspects name changes by their index, which was moved. What a suspect's files are called is asked with it.
    let suspect = json!({"change": 0, "score": 0.9, "words": ["trivy"], "lines": [260]});
    case["suspects"] = if place == "file" { json!([suspect]) } else { json!([]) };
    case
}

/// What `firefighter replay` writes and prints of `case` with the answers of `llm`: stdout, then each file by its name.
fn published(name: &str, case: &Value, llm: &sim::Llm) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("case.json"), case.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_firefighter"))
        .args(["replay", "case.json", "--out", "out", "--llm-model", "simulated", "--llm-url", &llm.url()])
        .env_clear()
        // Any build server: what is printed there must be none of its commands.
        .env("CI", "true")
        .current_dir(&folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{name}");
    let mut beside: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    beside.sort();
    assert_eq!(beside, ["case.json", "out"], "{name}");
    let mut files: Vec<_> = fs::read_dir(folder.join("out")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut texts = vec![("stdout".to_owned(), String::from_utf8(output.stdout).unwrap())];
    let named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    texts.extend(files.iter().map(|path| (named(path), fs::read_to_string(path).unwrap())));
    for (place, text) in &texts {
        assert!(place.starts_with("fix-") || text.contains(TRUE), "{name}: the true line is gone from {place}");
        assert!(!text.contains(SECRET), "{name}: the secret got out into {place}");
        let page = ["firefighter.html", "firefighter.md"].contains(&place.as_str());
        for active in ["<script>alert", "<img src=x", "href=\"javascript:", "\n[open](javascript:"]
            .iter()
            .filter(|_| page)
            .chain(&["\u{1b}]", "\u{202e}"])
        {
            assert!(!text.contains(active), "{name}: {active:?} stands in {place}");
        }
    }
    texts
}

/// How many commands the hosts whose parsers we know would obey in what is printed.
fn commands(printed: &str) -> usize {
    host_parsers::PARSERS.iter().map(|(_, parse)| parse(printed.as_bytes()).len()).sum()
}

#[test]
fn no_text_of_a_run_orders_us_about() {
    let file: File =
        toml::from_str(&fs::read_to_string(root().join("tests/hostile/injections.toml")).unwrap()).unwrap();
    assert!(file.injection.len() >= 50);
    let answer = root().join("tests/cases/trivy-rate-limit/llm.json");
    let (mut systems, mut wrong) = (Vec::new(), Vec::new());
    for (at, one) in file.injection.iter().enumerate() {
        let about = &one.about;
        let llm = sim::Llm::load(&answer);
        let texts = published(&format!("hostile-{at}"), &planted(one), &llm);
        if commands(&texts[0].1) > 0 {
            wrong.push(format!("{about}: a command is seen in what is printed"));
        }

        let sent: Value = serde_json::from_slice(&llm.requests()[0].body).unwrap();
        let of = |index: usize| sent["messages"][index]["content"].as_str().unwrap().to_owned();
        let (system, user) = (of(0), of(1));
        assert!(!sent.to_string().contains(SECRET), "{about}: the secret was sent");
        let mark = user.lines().find(|line| line.starts_with("=====data-")).unwrap();
        let fenced: Vec<_> = user.split(mark).collect();
        assert_eq!(fenced.len(), 3, "{about}: the fence was closed early");
        let start: String = one.text.chars().take(12).collect();
        assert!(!fenced[0].contains(&start) && !fenced[2].contains(&start), "{about}: outside the fence");
        if !fenced[1].contains(&start) {
            wrong.push(format!("{about}: the question does not hold it, so that nothing is proved"));
        }
        systems.push(system);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    systems.dedup();
    assert_eq!(systems.len(), 1, "the run has a say in the system role");
}

#[test]
fn no_lie_of_a_model_is_published() {
    let file: Answers =
        toml::from_str(&fs::read_to_string(root().join("tests/hostile/answers.toml")).unwrap()).unwrap();
    assert!(file.answer.len() >= 30);
    let story = root().join("tests/cases/trivy-rate-limit/expected/firefighter.json");
    let case: Value = serde_json::from_slice(&fs::read(story).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for (at, one) in file.answer.iter().enumerate() {
        let about = &one.about;
        let llm = sim::Llm::start(vec![sim::Reply::Text(one.text.replace("SECRET", SECRET))]);
        let texts = published(&format!("lying-{at}"), &case, &llm);
        if commands(&texts[0].1) > 0 {
            wrong.push(format!("{about}: a command is seen in what is printed"));
        }
        for (place, text) in &texts {
            let found = one.never.iter().filter(|never| text.contains(never.as_str()));
            wrong.extend(found.map(|never| format!("{about}: {place} holds {never:?}")));
        }
        let missing = one.says.iter().filter(|says| !texts.iter().any(|(_, text)| text.contains(says.as_str())));
        wrong.extend(missing.map(|says| format!("{about}: nowhere stands {says:?}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

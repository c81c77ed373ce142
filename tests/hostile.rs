//! Text of a run that orders a model about changes nothing: it stays data in the question and inert in every output.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

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
    /// Whether what is printed outside of a step is known to show it as a command still.
    #[serde(default)]
    waits: bool,
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
        "context" => case["context"].as_array_mut().unwrap().push(json!({"title": "Notes", "text": beside})),
        other => panic!("no place {other}"),
    }
    // Suspects name changes by their index, which was moved.
    case["suspects"] = json!([]);
    case
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
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hostile-{at}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("case.json"), planted(one).to_string()).unwrap();
        let llm = sim::Llm::load(&answer);
        let output = Command::new(env!("CARGO_BIN_EXE_firefighter"))
            .args(["replay", "case.json", "--out", "out", "--llm-model", "simulated", "--llm-url", &llm.url()])
            .env_clear()
            .current_dir(&folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{about}");
        let mut published = vec![String::from_utf8(output.stdout).unwrap()];
        for name in ["firefighter.json", "firefighter.md", "firefighter.html"] {
            published.push(fs::read_to_string(folder.join("out").join(name)).unwrap());
        }
        for text in &published {
            assert!(text.contains(TRUE), "{about}: the true line is gone");
            assert!(!text.contains(SECRET), "{about}: the secret got out");
        }
        assert!(!published[3].contains("<script>alert") && !published[3].contains("<img src=x"), "{about}");
        let commands = parsers::server(&published[0]).recognized.len() + parsers::calamari(&published[0]).len();
        if (commands > 0) != one.waits {
            wrong.push(format!("{about}: {commands} commands are seen in what is printed, waits = {}", one.waits));
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
    println!("{} of {} wait", file.injection.iter().filter(|one| one.waits).count(), file.injection.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    systems.dedup();
    assert_eq!(systems.len(), 1, "the run has a say in the system role");
}

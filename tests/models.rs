//! The program and its models: what is kept, what is taken from elsewhere, where keys go, and a real small model if there is one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use sim::{Llm, Reply};

mod sim;

const LOG: &str = "Pulling image\nERROR: GET https://ghcr.io/v2/x: toomanyrequests with ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8\n\
                   The remote script failed with exit code 1\n";
const ANSWER: &str = r#"{"summary": "The registry refused: `toomanyrequests`.", "kind": "rate-limit", "retry": "helps", "hypotheses": [{"cause": "ghcr.io limits downloads.", "lines": ["L2"], "check": ""}], "fixes": []}"#;
const KEY: &str = "sk-simulated-0123456789abcdef";

/// A folder of its own with the log in it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("firefighter-models-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("x.log"), LOG).unwrap();
        Self(path)
    }

    fn run(&self, args: &[&str], env: &[(&str, &str)]) -> (Value, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firefighter"));
        command.args(args).args(["--format", "json"]).current_dir(&self.0).env_clear();
        command.envs(env.iter().copied()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let all = format!("{text}{}", String::from_utf8_lossy(&output.stderr));
        (serde_json::from_str(&text).unwrap_or_default(), all)
    }

    fn diagnose(&self, args: &[&str], env: &[(&str, &str)]) -> Value {
        let (report, all) = self.run(&[&["diagnose", "--log", "x.log"], args].concat(), env);
        assert!(report["headline"].is_string(), "{all}");
        report
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A folder that stays behind in the temporary one harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named =
        |path: PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap());
    let mut all: Vec<_> = entries.map(named).collect();
    all.sort();
    all
}

#[test]
fn each_request_and_answer_is_kept_without_key_and_secret() {
    let place = Place::new("record");
    let said = ANSWER.replace("limits downloads", "limits downloads of ghp_Z9y8X7w6V5u4T3s2R1q0P9o8N7m6L5k4J3i2");
    let llm = Llm::start(vec![Reply::Text("No JSON.".to_owned()), Reply::Text(said)]);
    let env = [("FIREFIGHTER_LLM_URL", llm.url()), ("FIREFIGHTER_LLM_MODEL", "m".to_owned())];
    let env = [(env[0].0, env[0].1.as_str()), (env[1].0, env[1].1.as_str()), ("FIREFIGHTER_LLM_API_KEY", KEY)];
    let report = place.diagnose(&["--record", "kept"], &env);
    assert_eq!(report["diagnosis"]["author"]["model"], "m", "{report}");
    let kept = files(&place.0.join("kept"));
    let names: Vec<_> = kept.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["01-answer.json", "01-request.json", "02-answer.json", "02-request.json"]);
    let sent = llm.requests();
    assert_eq!(kept[1].1, sent[0].text(), "what was sent is what is kept");
    assert_eq!(sent[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let answer: Value = serde_json::from_str(&kept[2].1).unwrap();
    assert_eq!((answer["status"].as_u64(), answer["model"].as_str()), (Some(200), Some("m")));
    assert!(answer["answer"].as_str().unwrap().contains("limits downloads of ⟨secret"), "{answer}");
    for (name, text) in &kept {
        assert!(!text.contains(KEY) && !text.contains("ghp_"), "{name}: {text}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_costs_a_note() {
    let place = Place::new("unkept");
    fs::write(place.0.join("kept"), "a file").unwrap();
    let llm = Llm::start(vec![Reply::Text(ANSWER.to_owned())]);
    let report = place.diagnose(&["--record", "kept", "--llm-url", &llm.url(), "--llm-model", "m"], &[]);
    assert_eq!(report["diagnosis"]["author"]["model"], "m");
    assert!(report["notes"].to_string().contains("were not kept in kept"), "{}", report["notes"]);
}

#[test]
fn an_answer_got_elsewhere_is_held_to_the_evidence_and_nobody_is_asked() {
    let place = Place::new("answer");
    let llm = Llm::start(vec![Reply::Text("{}".to_owned())]);
    let check = |answer: &str, model: &str, note: &str| {
        fs::write(place.0.join("answer.txt"), answer).unwrap();
        let url = llm.url();
        let report = place.diagnose(&["--answer", "answer.txt", "--llm-url", &url, "--llm-model", "chat"], &[]);
        assert_eq!(report["diagnosis"]["author"]["model"].as_str().unwrap_or_default(), model, "{report}");
        assert!(report["notes"].to_string().contains(note), "{}", report["notes"]);
    };
    check(&format!("Here you are:\n```json\n{ANSWER}\n```\n"), "chat", "");
    check("I do not know.", "", "the answer in answer.txt was not used (it is not the JSON asked for");
    check(&ANSWER.replace("`toomanyrequests`", "`no such words anywhere`"), "", "it quotes what is not in the log");
    assert!(llm.requests().is_empty());
    let (_, all) = place.run(&["diagnose", "--log", "x.log", "--answer", "none.txt"], &[]);
    assert!(all.contains("cannot read the answer in none.txt"), "{all}");
}

#[test]
fn doctor_asks_each_model_and_shows_no_key() {
    let place = Place::new("doctor");
    let good = Llm::start(vec![Reply::Text("ready".to_owned())]);
    let bad = Llm::start(vec![Reply::Unauthorized]);
    let (_, all) = place.run(
        &[
            "doctor",
            "--llm-url",
            &bad.url(),
            "--llm-model",
            "first",
            "--llm-fallback",
            "second",
            "--llm-fallback-url",
            &good.url(),
            "--llm-context",
            "8192",
        ],
        &[("FIREFIGHTER_LLM_API_KEY", KEY)],
    );
    assert!(all.contains("first: status 401, its key is not accepted"), "{all}");
    assert!(all.contains("second at 127.0.0.1 answers"), "{all}");
    assert!(all.contains("a case may have "), "{all}");
    assert!(!all.contains(KEY), "{all}");
    assert_eq!(good.requests()[0].header("authorization"), None, "the key is not the other server's");
}

#[test]
fn a_repositorys_file_does_not_choose_who_gets_the_log() {
    let place = Place::new("file");
    let llm = Llm::start(vec![Reply::Text(ANSWER.to_owned())]);
    let file =
        format!("[llm]\nprovider = \"compatible\"\nurl = \"{}\"\nmodel = \"m\"\nfallback = \"ollama/x\"\n", llm.url());
    fs::write(place.0.join("firefighter.toml"), file).unwrap();
    let report = place.diagnose(&[], &[("FIREFIGHTER_LLM_API_KEY", KEY)]);
    assert!(llm.requests().is_empty());
    assert!(
        report["notes"].to_string().contains("llm.provider in firefighter.toml is not used"),
        "{}",
        report["notes"]
    );
    let report = place.diagnose(&["--config", "firefighter.toml"], &[]);
    assert_eq!(report["diagnosis"]["author"]["model"], "m");
}

/// With `FIREFIGHTER_LIVE_LLM=URL`, such as `http://127.0.0.1:8399/v1`, asks the real model there. What it says is not judged,
/// for it may be small; that it was asked by schema and streamed, that its room was kept and that nothing is made up, is.
#[test]
fn a_real_model_is_asked_end_to_end() {
    let Ok(url) = std::env::var("FIREFIGHTER_LIVE_LLM") else { return };
    let place = Place::new("live");
    let models = "[[model]]\nname = \"live\"\ncontext = 8192\nanswer = 300\nfactor = 1.6\n";
    fs::write(place.0.join("models.toml"), models).unwrap();
    let args = ["--llm-url", &url, "--llm-model", "live", "--llm-models", "models.toml", "--record", "kept"];
    let args = [&args[..], &["--max-tokens", "8192", "--deadline", "400"]].concat();
    let report = place.diagnose(&args, &[]);
    let kept = files(&place.0.join("kept"));
    let request: Value = serde_json::from_str(&kept[1].1).unwrap();
    assert_eq!(request["stream"], true, "a real model knows streams");
    assert_eq!(request["response_format"]["type"], "json_schema", "and schemas");
    assert_eq!(request["max_tokens"], 300);
    let answer: Value = serde_json::from_str(&kept[0].1).unwrap();
    assert_eq!(answer["status"], 200, "{answer}");
    let text = answer["answer"].as_str().unwrap();
    assert!(text.trim_start().starts_with('{'), "it was held to the schema: {text}");
    assert!(text.contains("\"summary\""), "{text}");
    // Its word is used as far as it holds, or a note says why not.
    let used = report["diagnosis"]["author"]["model"] == "live";
    assert!(used || report["notes"].to_string().contains("the catalogue's"), "{report}");
    println!("used: {used}\n{text}\n{}", report["notes"]);
}

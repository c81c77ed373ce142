//! A stand for models: providers that answer from fixtures, and one question to them through the real client.

#![allow(dead_code, reason = "two test programs share this module, and each uses a part of it")]
#![allow(unreachable_pub, missing_docs, reason = "a module of tests has no outside")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::must_use_candidate, reason = "a test that ignores an answer is easily seen")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use firefighter::clean::{LogBuilder, lines};
use firefighter::diagnose::facts::Facts;
use firefighter::diagnose::provider::Provider;
use firefighter::diagnose::{Asked, Choice, Key, Limits, Model, diagnose};
use firefighter::http::{Http, Network};
use firefighter::model::{Author, Case, Incident, Level, Note, Outcome, Step};
use firefighter::redact::{Redacted, Redactor};
use firefighter::reduce::{Budget, reduce, tokens};
use firefighter::signature::Catalogue;
use serde_json::{Value, json};
use url::Url;

use crate::sim::{Listener, Response};

pub const KEY: &str = "sk-simulated-0123456789abcdef";
pub const ANSWER: &str = r#"{"summary": "The registry “ghcr.io” refused: `toomanyrequests`\nand so the scan failed.", "kind": "rate-limit", "retry": "helps", "hypotheses": [{"cause": "ghcr.io limits downloads.", "lines": ["L2"], "check": "Try it again."}], "fixes": [{"type": "person", "title": "Wait", "why": "It is a limit.", "steps": ["Wait a while."], "script": ""}]}"#;

/// A provider of each dialect, the folder of its fixtures, where a question goes, whole and streamed, and how the key is shown.
pub const DIALECTS: &[(&str, &str, &str, &str)] = &[
    ("openai", "chat", "/chat/completions", "authorization"),
    ("openai-responses", "responses", "/responses", "authorization"),
    ("anthropic", "messages", "/v1/messages", "x-api-key"),
    ("gemini", "gemini", "/v1beta/models/some-model:streamGenerateContent?alt=sse", "x-goog-api-key"),
    ("bedrock", "converse", "/model/some-model/converse-stream", "authorization"),
];

pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialects").join(name)
}

/// What a fixture answers.
pub fn response(file: &Path) -> Response {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (head, body) = text.split_once("\n\n").unwrap();
    filled(head, body)
}

/// An answer with this head and body, its places filled.
pub fn filled(head: &str, body: &str) -> Response {
    let mut words = head.splitn(3, ' ');
    let (status, media_type) = (words.next().unwrap().parse().unwrap(), words.next().unwrap());
    // The first half has the whole of the first explanation, and half of a fix.
    let (first, second) = ANSWER.split_at(ANSWER.find("\"fixes\"").unwrap() + 40);
    let body = body.replace("@ANSWER@", &inside(ANSWER)).replace("@KEY@", KEY);
    let body = body.replace("@FIRST@", &inside(first)).replace("@SECOND@", &inside(second));
    let bytes = if media_type.ends_with("eventstream") { frames(&body) } else { body.into_bytes() };
    let response = Response::new(status, media_type, bytes);
    match words.next().and_then(|header| header.split_once(": ")) {
        Some((name, value)) => response.header(name, value),
        None => response,
    }
}

/// A text as it stands inside a string of JSON.
pub fn inside(text: &str) -> String {
    let quoted = json!(text).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap().to_owned()
}

/// Frames of AWS's event stream; their sums are left empty.
pub fn frames(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.lines() {
        let (name, payload) = line.split_once(' ').unwrap();
        let kind = if name.ends_with("Exception") { ":exception-type" } else { ":event-type" };
        let mut head = Vec::new();
        for (name, value) in [(":content-type", "application/json"), (kind, name)] {
            head.push(u8::try_from(name.len()).unwrap());
            head.extend(name.as_bytes());
            head.push(7);
            head.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            head.extend(value.as_bytes());
        }
        let total = u32::try_from(12 + head.len() + payload.len() + 4).unwrap();
        bytes.extend(total.to_be_bytes());
        bytes.extend(u32::try_from(head.len()).unwrap().to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(head);
        bytes.extend(payload.as_bytes());
        bytes.extend([0; 4]);
    }
    bytes
}

/// A case whose second line the answer cites.
pub fn case() -> Redacted<Case> {
    let mut builder = LogBuilder::default();
    let step = builder.step(Step {
        name: "Scan".to_owned(),
        place: None,
        outcome: Outcome::Failed,
        culprit: true,
        started: None,
        finished: None,
        attempts: 1,
        depth: 0,
    });
    let text =
        "scanning\nERROR: GET https://ghcr.io/v2/x: toomanyrequests\nThe remote script failed with exit code 1\n";
    lines(text.as_bytes(), |number, line| builder.line(number, None, Level::Error, Some(step), line)).unwrap();
    let incident = Incident { log: builder.finish(), ..Incident::default() };
    let evidence = reduce(&incident.log, None, &Catalogue::builtin(), Budget { tokens: 500 });
    Redactor::new(&incident).seal(&incident, &evidence)
}

pub fn model(provider: &str, listener: &Listener) -> Model {
    Model {
        provider: Provider::named(provider).unwrap(),
        url: Url::parse(&listener.url()).unwrap(),
        name: "some-model".to_owned(),
        key: Key::Secret(KEY.to_owned()),
        facts: Facts { input: Some(1.0), output: Some(10.0), ..Facts::default() },
    }
}

pub struct Told {
    pub asked: Asked,
    pub notes: String,
    pub progress: Vec<String>,
}

impl Told {
    pub fn by_model(&self) -> bool {
        matches!(self.asked.diagnosis.author, Author::Llm { .. })
    }

    /// All that leaves us of this.
    pub fn everything(&self) -> String {
        format!("{} {:?} {:?} {:?}", self.notes, self.asked.exchanges, self.asked.diagnosis, self.progress)
    }
}

pub fn ask(models: Vec<Model>, limits: Limits, seconds: f64) -> Told {
    let choice = Choice { models, answer: None, limits, count: tokens::count, ..Choice::default() };
    let http = Http::new(Network::default(), Instant::now() + Duration::from_secs_f64(seconds)).unwrap();
    let (mut notes, mut progress) = (Vec::<Note>::new(), Vec::new());
    let asked = diagnose(&case(), &choice, &http, &mut notes, &mut |line: &str| progress.push(line.to_owned()));
    let notes = notes.into_iter().map(|note| note.text).collect::<Vec<_>>().join("\n");
    Told { asked, notes, progress }
}

/// Answers one after the other, the last for ever.
pub fn script(answers: Vec<fn() -> Response>) -> Listener {
    let answers = std::sync::Mutex::new(answers);
    Listener::start(move |_| {
        let mut answers = answers.lock().unwrap();
        let next = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
        next()
    })
}

pub fn chat(name: &str) -> Response {
    response(&folder("chat").join(format!("{name}.txt")))
}

pub fn says(text: &str) -> Response {
    let message = json!({"message": {"content": text}, "finish_reason": "stop"});
    Response::json(200, &json!({"choices": [message], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}))
}

pub fn bodies(listener: &Listener) -> Vec<Value> {
    listener.requests().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

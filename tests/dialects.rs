//! Each dialect of models against the answers that its providers document, through the real client and a loopback server.
//!
//! `tests/dialects/` has a folder for each dialect and a file for each answer; what a file's name promises stands in [`promised`].

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use firefighter::clean::{LogBuilder, lines};
use firefighter::diagnose::facts::Facts;
use firefighter::diagnose::provider::{Dialect, PROVIDERS, Provider};
use firefighter::diagnose::{AccessKey, Asked, Choice, Key, Limits, Model, diagnose};
use firefighter::http::{Http, Network};
use firefighter::model::{Author, Case, Confidence, Incident, Level, Note, Outcome, Step};
use firefighter::redact::{Redacted, Redactor};
use firefighter::reduce::{Budget, reduce, tokens};
use firefighter::signature::Catalogue;
use serde_json::{Value, json};
use sim::{Listener, Manner, Request, Response};
use url::Url;

mod sim;

const KEY: &str = "sk-simulated-0123456789abcdef";
const ANSWER: &str = r#"{"summary": "The registry “ghcr.io” refused: `toomanyrequests`\nand so the scan failed.", "kind": "rate-limit", "retry": "helps", "hypotheses": [{"cause": "ghcr.io limits downloads.", "lines": ["L2"], "check": "Try it again."}], "fixes": [{"type": "person", "title": "Wait", "why": "It is a limit.", "steps": ["Wait a while."], "script": ""}]}"#;

/// A provider of each dialect, the folder of its fixtures, where a question goes, whole and streamed, and how the key is shown.
const DIALECTS: &[(&str, &str, &str, &str)] = &[
    ("openai", "chat", "/chat/completions", "authorization"),
    ("openai-responses", "responses", "/responses", "authorization"),
    ("anthropic", "messages", "/v1/messages", "x-api-key"),
    ("gemini", "gemini", "/v1beta/models/some-model:streamGenerateContent?alt=sse", "x-goog-api-key"),
    ("bedrock", "converse", "/model/some-model/converse-stream", "authorization"),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialects").join(name)
}

/// What a fixture answers.
fn response(file: &Path) -> Response {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (head, body) = text.split_once("\n\n").unwrap();
    filled(head, body)
}

/// An answer with this head and body, its places filled.
fn filled(head: &str, body: &str) -> Response {
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
fn inside(text: &str) -> String {
    let quoted = json!(text).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap().to_owned()
}

/// Frames of AWS's event stream; their sums are left empty.
fn frames(text: &str) -> Vec<u8> {
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
fn case() -> Redacted<Case> {
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
    let evidence = reduce(&incident.log, &Catalogue::builtin(), Budget { tokens: 500 });
    Redactor::new(&incident).seal(&incident, &evidence)
}

fn model(provider: &str, listener: &Listener) -> Model {
    Model {
        provider: Provider::named(provider).unwrap(),
        url: Url::parse(&listener.url()).unwrap(),
        name: "some-model".to_owned(),
        key: Key::Secret(KEY.to_owned()),
        facts: Facts { input: Some(1.0), output: Some(10.0), ..Facts::default() },
    }
}

struct Told {
    asked: Asked,
    notes: String,
    progress: Vec<String>,
}

impl Told {
    fn by_model(&self) -> bool {
        matches!(self.asked.diagnosis.author, Author::Llm { .. })
    }

    /// All that leaves us of this.
    fn everything(&self) -> String {
        format!("{} {:?} {:?} {:?}", self.notes, self.asked.exchanges, self.asked.diagnosis, self.progress)
    }
}

fn ask(models: Vec<Model>, limits: Limits, seconds: f64) -> Told {
    let choice = Choice { models, answer: None, limits, count: tokens::count };
    let http = Http::new(Network::default(), Instant::now() + Duration::from_secs_f64(seconds)).unwrap();
    let (mut notes, mut progress) = (Vec::<Note>::new(), Vec::new());
    let asked = diagnose(&case(), &choice, &http, &mut notes, &mut |line: &str| progress.push(line.to_owned()));
    let notes = notes.into_iter().map(|note| note.text).collect::<Vec<_>>().join("\n");
    Told { asked, notes, progress }
}

/// What must come of a fixture: whether the model's word is used, and what the notes say.
fn promised(fixture: &str) -> (bool, &'static str) {
    match fixture {
        "whole" | "stream" => (true, ""),
        "cut" | "stream-cut" => (true, "is not whole (its answer was cut off at its limit of tokens)"),
        "stream-error" => (true, "is not whole (The server is overloaded, try again)"),
        "filter" | "blocked" => (false, "its content filter withheld the answer"),
        "refused" => (false, "the model declined: I cannot help with that."),
        "empty" => (false, "its answer is empty"),
        "unauthorized" => (false, "its key is not accepted"),
        "rate-limit" => (false, "status 429, it asks us to call less often"),
        "trouble" => (false, "status 500, it has trouble of its own"),
        "overloaded" => (false, "status 529, it has trouble of its own: Overloaded"),
        "schema-unknown" => (false, "status 400, it refused the request"),
        other => panic!("nothing is promised of a fixture {other}"),
    }
}

#[test]
fn every_documented_answer_is_understood() {
    std::thread::scope(|scope| {
        for (provider, dialect, ..) in DIALECTS {
            let files: Vec<_> = fs::read_dir(folder(dialect)).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert!(files.len() >= 11, "{dialect} has too few fixtures");
            for file in files {
                scope.spawn(move || check(provider, dialect, &file));
            }
        }
    });
}

fn check(provider: &str, dialect: &str, file: &Path) {
    let name = file.file_stem().unwrap().to_str().unwrap();
    let shown = format!("{dialect}/{name}");
    let theirs = file.to_owned();
    let listener = Listener::start(move |_| response(&theirs));
    // Answers that are tried again need time for it.
    let told = ask(vec![model(provider, &listener)], Limits::default(), if name == "trouble" { 12.0 } else { 25.0 });
    let (by_model, note) = promised(name);
    assert_eq!(told.by_model(), by_model, "{shown}: {}", told.notes);
    assert!(told.notes.contains(note), "{shown}: {:?} lacks {note:?}", told.notes);
    assert_eq!(note.is_empty(), told.notes.is_empty(), "{shown}: {}", told.notes);
    assert!(!told.everything().contains(KEY), "{shown} shows the key: {}", told.everything());
    let diagnosis = &told.asked.diagnosis;
    if by_model {
        assert!(diagnosis.summary.contains("`toomanyrequests`\nand so"), "{shown}: {}", diagnosis.summary);
        assert_eq!(diagnosis.hypotheses[0].citations, [2], "{shown}");
        let usage = &told.asked.usage[0];
        // Before the end, a stream may not have said what it took.
        if name != "stream-error" {
            assert_eq!((usage.tokens_in, usage.tokens_out), (1_200, 80), "{shown}");
            assert!((usage.price.unwrap() - 0.002).abs() < 1e-9, "{shown}: {:?}", usage.price);
        }
        assert!(told.progress.iter().any(|line| line.contains("is answering")), "{shown}: {:?}", told.progress);
    } else {
        assert!(told.notes.contains("the catalogue's"), "{shown}: {}", told.notes);
    }
    if by_model && !note.is_empty() {
        assert!(diagnosis.confidence <= Confidence::Medium, "{shown}");
        assert!(diagnosis.fixes.iter().all(|fix| fix.title != "Wait"), "{shown}: half a fix is none");
    }
    assert!(!told.asked.exchanges.is_empty(), "{shown}");
}

/// The first request of a question that `listener` answered.
fn first_request(provider: &str, key: Key) -> (Request, Value) {
    let file = folder("chat").join("trouble.txt");
    let listener = Listener::start(move |_| response(&file));
    let mut model = model(provider, &listener);
    model.key = key;
    let _ = ask(vec![model], Limits { cost: None, tokens: Some(4_000) }, 9.0);
    let request = listener.requests().swap_remove(0);
    let body = serde_json::from_slice(&request.body).unwrap();
    (request, body)
}

#[test]
fn every_request_has_the_documented_form() {
    for (provider, dialect, target, header) in DIALECTS {
        let (request, body) = first_request(provider, Key::Secret(KEY.to_owned()));
        assert_eq!((request.method.as_str(), request.target().as_str()), ("POST", *target), "{dialect}");
        assert!(request.header(header).is_some_and(|value| value.ends_with(KEY)), "{dialect}: {header}");
        assert_eq!(request.headers.iter().filter(|(_, value)| value.contains(KEY)).count(), 1, "{dialect}");
        assert!(!request.text().contains(KEY) && !request.query.contains(KEY), "{dialect}");
        // The instructions, the case, the schema and the limit of tokens.
        let places = match *dialect {
            "chat" => [
                "/messages/0/content",
                "/messages/1/content",
                "/response_format/json_schema/schema/type",
                "/max_completion_tokens",
            ],
            "responses" => ["/instructions", "/input/0/content", "/text/format/schema/type", "/max_output_tokens"],
            "messages" => ["/system", "/messages/0/content", "/output_config/format/schema/type", "/max_tokens"],
            "gemini" => [
                "/systemInstruction/parts/0/text",
                "/contents/0/parts/0/text",
                "/generationConfig/responseJsonSchema/type",
                "/generationConfig/maxOutputTokens",
            ],
            _ => [
                "/system/0/text",
                "/messages/0/content/0/text",
                "/outputConfig/textFormat/structure/jsonSchema/schema",
                "/inferenceConfig/maxTokens",
            ],
        };
        let [system, user, schema, most] =
            places.map(|place| body.pointer(place).unwrap_or_else(|| panic!("{dialect} has no {place}: {body}")));
        assert!(system.as_str().unwrap().starts_with("You diagnose"), "{dialect}");
        assert!(user.as_str().unwrap().contains("toomanyrequests"), "{dialect}");
        assert!(!system.as_str().unwrap().contains("toomanyrequests"), "{dialect}: the log is no instruction");
        assert!(schema == "object" || schema.as_str().unwrap().contains("\"hypotheses\""), "{dialect}");
        assert!(most.as_u64().unwrap() < 4_000, "{dialect}");
        assert!(body.get("temperature").is_none(), "{dialect}: a model that may reason gets none");
        assert!(body.get("tools").is_none(), "{dialect}: a model has no tools");
    }
}

#[test]
fn every_dialect_has_fixtures() {
    for provider in PROVIDERS {
        let stands = |name: &str| Provider::named(name).unwrap().dialect == provider.dialect;
        assert!(DIALECTS.iter().any(|(name, ..)| stands(name)), "{}", provider.name);
    }
}

#[test]
fn azure_has_two_trees_and_two_kinds_of_keys() {
    let check = |query: &str, key: &str, target: &str, header: &str| {
        let file = folder("chat").join("whole.txt");
        let listener = Listener::start(move |_| response(&file));
        let mut model = model("azure", &listener);
        model.url.set_query((!query.is_empty()).then_some(query));
        model.key = Key::Secret(key.to_owned());
        assert!(ask(vec![model], Limits::default(), 20.0).by_model());
        let request = listener.requests().swap_remove(0);
        assert_eq!(request.target(), target);
        assert!(request.header(header).unwrap().ends_with(key));
    };
    let old = "/openai/deployments/some-model/chat/completions?api-version=2024-10-21";
    check("", "0123abcd", "/openai/v1/chat/completions", "api-key");
    check("api-version=2024-10-21", "0123abcd", old, "api-key");
    check("", "eyJhbGciOi.eyJhdWQi.c2ln", "/openai/v1/chat/completions", "authorization");
}

#[test]
fn an_access_key_of_aws_signs_and_stays_here() {
    let key = AccessKey {
        id: "AKIDEXAMPLE".to_owned(),
        secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        token: Some("session-token".to_owned()),
        region: "eu-west-1".to_owned(),
        time: "2026-02-10T03:11:44Z".parse().unwrap(),
    };
    let (request, _) = first_request("bedrock", Key::Aws(key.clone()));
    let signature = request.header("authorization").unwrap();
    assert!(
        signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260210/eu-west-1/bedrock/aws4_request"),
        "{signature}"
    );
    assert_eq!(request.header("x-amz-security-token"), Some("session-token"));
    assert!(request.headers.iter().all(|(_, value)| !value.contains(&key.secret)));
}

/// Answers one after the other, the last for ever.
fn script(answers: Vec<fn() -> Response>) -> Listener {
    let answers = std::sync::Mutex::new(answers);
    Listener::start(move |_| {
        let mut answers = answers.lock().unwrap();
        let next = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
        next()
    })
}

fn chat(name: &str) -> Response {
    response(&folder("chat").join(format!("{name}.txt")))
}

fn says(text: &str) -> Response {
    let message = json!({"message": {"content": text}, "finish_reason": "stop"});
    Response::json(200, &json!({"choices": [message], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}))
}

fn bodies(listener: &Listener) -> Vec<Value> {
    listener.requests().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

#[test]
fn who_does_not_know_schemas_is_asked_less_firmly() {
    for (provider, dialect, ..) in DIALECTS {
        let (refusal, whole) = (folder(dialect).join("schema-unknown.txt"), folder(dialect).join("whole.txt"));
        let listener = Listener::start(move |request| {
            let firm = ["json_schema", "responseJsonSchema"].iter().any(|word| request.text().contains(word));
            response(if firm { &refusal } else { &whole })
        });
        let told = ask(vec![model(provider, &listener)], Limits::default(), 20.0);
        assert!(told.by_model() && told.notes.is_empty(), "{dialect}: {}", told.notes);
        assert_eq!(listener.requests().len(), 2, "{dialect}");
    }
}

#[test]
fn a_server_with_the_older_limit_gets_the_older_limit() {
    let listener = Listener::start(|request| {
        if request.text().contains("max_completion_tokens") {
            let error = json!({"error": {"message": "max_completion_tokens: Extra inputs are not permitted"}});
            return Response::json(422, &error);
        }
        chat("whole")
    });
    let limits = Limits { cost: None, tokens: Some(9_000) };
    assert!(ask(vec![model("openai", &listener)], limits, 20.0).by_model());
    assert!(bodies(&listener)[1]["max_tokens"].as_u64().is_some());
}

#[test]
fn what_is_not_the_json_asked_for_is_sent_back_once() {
    let listener = script(vec![|| says("The registry refused, I am afraid."), || chat("whole")]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    assert!(told.by_model() && told.notes.is_empty(), "{}", told.notes);
    let second = &bodies(&listener)[1]["messages"];
    assert_eq!(second[2], json!({"role": "assistant", "content": "The registry refused, I am afraid."}));
    assert!(second[3]["content"].as_str().unwrap().contains("not the JSON asked for"));
    assert_eq!(told.asked.usage.len(), 2, "both were paid for");
    let listener = script(vec![|| says("No."), || says("No!"), || chat("whole")]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    assert!(!told.by_model() && told.notes.contains("not the JSON asked for"), "{}", told.notes);
    assert_eq!(listener.requests().len(), 2);
}

#[test]
fn an_answer_that_was_cut_off_in_silence_is_not_asked_for_again() {
    let listener = script(vec![|| says(ANSWER.split_once("\"steps\"").unwrap().0)]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    assert!(told.by_model() && told.notes.contains("is not whole (it ends in the middle)"), "{}", told.notes);
    assert_eq!(listener.requests().len(), 1);
}

#[test]
fn a_copy_of_the_question_is_no_answer() {
    let listener = script(vec![|| says(r#"{"summary": "the cause in one or two sentences", "kind": "dns"}"#)]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    assert!(!told.by_model() && told.notes.contains("it repeats the question"), "{}", told.notes);
}

#[test]
fn a_server_that_counts_unasked_still_gets_the_schema() {
    let listener = Listener::start(|request| {
        if request.text().contains("stream_options") {
            let detail = json!({"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"});
            return Response::json(422, &json!({"object": "error", "message": {"detail": [detail]}}));
        }
        chat("stream")
    });
    assert!(ask(vec![model("mistral", &listener)], Limits::default(), 20.0).by_model());
    let second = &bodies(&listener)[1];
    assert_eq!((&second["stream"], &second["response_format"]["type"]), (&json!(true), &json!("json_schema")));
}

#[test]
fn a_lie_is_not_sent_back_for_a_better_one() {
    let listener = script(vec![|| says(r#"{"summary": "It says `a quotation that is nowhere`"}"#)]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    assert!(!told.by_model() && told.notes.contains("which is not in the log"), "{}", told.notes);
    assert_eq!(listener.requests().len(), 1);
}

#[test]
fn the_next_model_is_asked_when_the_first_gives_nothing() {
    let first = script(vec![|| chat("unauthorized")]);
    let file = folder("messages").join("stream.txt");
    let second = Listener::start(move |_| response(&file));
    let told = ask(vec![model("openai", &first), model("anthropic", &second)], Limits::default(), 20.0);
    assert_eq!(
        told.asked.diagnosis.author,
        Author::Llm { provider: "Anthropic".to_owned(), model: "some-model".to_owned() }
    );
    assert!(told.notes.contains("its key is not accepted") && !told.notes.contains("catalogue"), "{}", told.notes);
}

#[test]
fn a_model_that_hangs_leaves_time_for_the_next() {
    let first = script(vec![|| Response::new(200, "application/json", "").manner(Manner::Hang)]);
    let second = script(vec![|| chat("whole")]);
    let told = ask(vec![model("openai", &first), model("openai", &second)], Limits::default(), 8.0);
    assert!(told.by_model() && told.notes.contains("did not answer in time"), "{}", told.notes);
}

#[test]
fn a_passing_trouble_is_tried_again() {
    let soon: fn() -> Response = || Response::json(429, &json!({})).header("Retry-After", "0");
    let listener = script(vec![soon, || chat("trouble"), || chat("stream")]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    assert!(told.by_model() && told.notes.is_empty(), "{}", told.notes);
    assert_eq!(listener.requests().len(), 3);
}

#[test]
fn pages_and_nothing_are_no_answers() {
    let check = |answer: fn() -> Response, expected: &str| {
        let listener = script(vec![answer]);
        let told = ask(vec![model("openai", &listener)], Limits::default(), 9.0);
        assert!(!told.by_model() && told.notes.contains(expected), "{:?} lacks {expected:?}", told.notes);
    };
    let sign_in = || Response::html(200, "<!DOCTYPE html><html><body>Please sign in</body></html>");
    check(sign_in, "does not answer like a model: check the address");
    check(|| Response::html(502, "<html>Bad Gateway</html>"), "status 502");
    check(|| Response::new(200, "application/json", ""), "does not answer like a model");
    check(|| Response::json(200, &json!({"status": "ok"})), "does not answer like a model");
    check(|| Response::new(200, "text/event-stream", ": nothing\n\ndata: [DONE]\n\n"), "does not answer like a model");
    check(|| Response::json(404, &json!({"error": "model 'x' not found"})), "model 'x' not found");
}

#[test]
fn a_stream_that_breaks_or_is_late_ends_with_what_stands() {
    std::thread::scope(|scope| {
        for (provider, dialect, ..) in DIALECTS {
            scope.spawn(move || broken(provider, dialect, Break::Closes));
            scope.spawn(move || broken(provider, dialect, Break::Stalls));
        }
    });
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Break {
    Closes,
    Stalls,
}

fn broken(provider: &str, dialect: &str, manner: Break) {
    let text = fs::read_to_string(folder(dialect).join("stream.txt")).unwrap();
    let listener = Listener::start(move |_| {
        let (head, body) = text.split_once("\n\n").unwrap();
        let (before, _) = body.split_once("@SECOND@").unwrap();
        let (whole_events, _) = before.rsplit_once('\n').unwrap();
        let response = filled(head, &format!("{whole_events}\n"));
        let media_type = response.headers[0].1.clone();
        let bytes = response.into_bytes();
        Response::stream(&media_type, move |out| {
            out.write_all(&bytes)?;
            out.flush()?;
            if manner == Break::Stalls {
                std::thread::sleep(Duration::from_secs(6));
            }
            Err(std::io::Error::other("broken on purpose"))
        })
    });
    let told = ask(vec![model(provider, &listener)], Limits::default(), 7.5);
    assert!(told.by_model(), "{dialect} {manner:?}: {}", told.notes);
    let reason = if manner == Break::Stalls { "not done in time" } else { "broke off" };
    assert!(told.notes.contains(reason), "{dialect} {manner:?}: {}", told.notes);
    assert!(told.notes.contains("is not whole"), "{dialect} {manner:?}: {}", told.notes);
}

#[test]
fn the_limits_of_tokens_and_cost_are_kept() {
    let check = |limits: Limits, change: fn(&mut Model), expected: Result<std::ops::Range<u64>, &str>| {
        let listener = script(vec![|| chat("whole")]);
        let mut model = model("openai", &listener);
        change(&mut model);
        let told = ask(vec![model], limits, 20.0);
        match expected {
            Ok(range) => {
                let sent = bodies(&listener)[0]["max_completion_tokens"].as_u64().unwrap_or_default();
                assert!(range.contains(&sent), "{limits:?}: {sent} is not in {range:?}");
            }
            Err(reason) => {
                assert!(told.notes.contains(reason), "{limits:?}: {}", told.notes);
                assert!(listener.requests().is_empty(), "{limits:?}: nothing is sent");
            }
        }
    };
    let tokens = |tokens| Limits { cost: None, tokens: Some(tokens) };
    let cost = |cost| Limits { cost: Some(cost), tokens: None };
    let as_is = |_: &mut Model| {};
    check(Limits::default(), as_is, Ok(0..1));
    check(tokens(500), as_is, Err("--max-tokens"));
    check(tokens(4_000), as_is, Ok(256..3_500));
    // At ten dollars for a million tokens of an answer, two cents buy less than two thousand.
    check(cost(0.02), as_is, Ok(1_000..2_000));
    check(cost(0.0001), as_is, Err("--max-cost"));
    check(cost(1.0), |model| model.facts = Facts::default(), Err("is not known"));
    check(Limits::default(), |model| model.facts.context = Some(600), Err("lower --budget"));
    check(Limits::default(), |model| model.facts.context = Some(8_192), Ok(2_048..2_049));
}

#[test]
fn a_second_question_counts_what_the_first_one_took() {
    let listener = script(vec![|| {
        let message = json!({"message": {"content": "No."}, "finish_reason": "stop"});
        let usage = json!({"prompt_tokens": 3_000, "completion_tokens": 900});
        Response::json(200, &json!({"choices": [message], "usage": usage}))
    }]);
    let told = ask(vec![model("openai", &listener)], Limits { cost: None, tokens: Some(4_000) }, 20.0);
    assert_eq!(listener.requests().len(), 1, "{}", told.notes);
    assert!(told.notes.contains("--max-tokens"), "{}", told.notes);
}

#[test]
fn a_model_on_the_users_own_machine_is_asked_steadily_and_costs_nothing() {
    let listener = script(vec![|| chat("whole")]);
    let mut model = model("ollama", &listener);
    model.facts = Facts::default();
    let told = ask(vec![model], Limits { cost: Some(0.0), tokens: None }, 20.0);
    assert_eq!(told.asked.usage[0].price, Some(0.0));
    assert_eq!(bodies(&listener)[0]["temperature"], 0);
    assert_eq!(Provider::named("ollama").unwrap().dialect, Dialect::Chat);
}

#[test]
fn what_is_kept_of_an_exchange_is_the_request_and_the_text_put_together() {
    let listener = script(vec![|| chat("stream")]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    let exchange = &told.asked.exchanges[0];
    assert_eq!(exchange.request, listener.requests()[0].text());
    assert_eq!(exchange.answer, ANSWER);
    assert_eq!((exchange.status, exchange.provider.as_str()), (Some(200), "OpenAI"));
}

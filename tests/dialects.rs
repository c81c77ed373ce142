//! Each dialect of models against the answers that its providers document, through the real client and a loopback server.
//!
//! `tests/dialects/` has a folder for each dialect and a file for each answer; what a file's name promises stands in [`promised`].

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use firefighter::diagnose::provider::{PROVIDERS, Provider};
use firefighter::diagnose::{AccessKey, Key, Limits};
use firefighter::model::Confidence;
use serde_json::Value;
use sim::{Listener, Request, Response};
use stand::{DIALECTS, KEY, ask, filled, folder, model, response};

mod sim;
#[path = "dialects/stand.rs"]
mod stand;

/// What must come of a fixture: whether the model's word is used, and what the notes say.
fn promised(fixture: &str) -> (bool, &'static str) {
    match fixture {
        "whole" | "stream" => (true, ""),
        "cut" | "stream-cut" => (true, "is not whole (its answer was cut off at its limit of tokens)"),
        "stream-error" => (true, "is not whole (The server is overloaded, try again)"),
        "filter" | "blocked" => (false, "its content filter withheld the answer"),
        "prompt-filter" => (false, "its content filter refused the question"),
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
    let asked = told.asked.exchanges.len();
    assert!(asked == 1 || name == "schema-unknown", "{shown} was asked {asked} times: {}", told.notes);
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
    let told = ask(vec![model(provider, &listener)], Limits::default(), 9.0);
    assert!(told.by_model(), "{dialect} {manner:?}: {}", told.notes);
    let reason = if manner == Break::Stalls { "not done in time" } else { "broke off" };
    assert!(told.notes.contains(reason), "{dialect} {manner:?}: {}", told.notes);
    assert!(told.notes.contains("is not whole"), "{dialect} {manner:?}: {}", told.notes);
}

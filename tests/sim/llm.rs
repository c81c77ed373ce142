//! An endpoint for chat completions in the manner of `OpenAI`, with a scripted answer.

use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::http::{Listener, Manner, Request, Response};

/// What the endpoint does with one request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A completion with this text, streamed if that was asked for.
    Text(String),
    Unauthorized,
    /// 429, with `Retry-After` when given.
    TooManyRequests(Option<u64>),
    ServerError,
    /// 200 without a body.
    Nothing,
    /// A completion without a text.
    NoText,
    Html,
    /// A completion of which the second half is missing.
    CutJson,
    /// A sound completion whose text ends in the middle, as at a limit of tokens.
    CutAnswer(String),
    Reset,
    Hang,
}

/// Gives its replies in order, the last one for ever. Stops when dropped.
pub struct Llm {
    listener: Listener,
}

impl Llm {
    pub fn start(replies: Vec<Reply>) -> Self {
        let replies = Mutex::new(replies);
        let listener = Listener::start(move |request| {
            if !request.path.ends_with("/chat/completions") {
                return failure(404, "invalid_request_error", "Unknown request URL");
            }
            if request.method != "POST" {
                return failure(405, "invalid_request_error", "Not allowed");
            }
            let mut replies = replies.lock().unwrap();
            let reply = if replies.len() > 1 { replies.remove(0) } else { replies[0].clone() };
            drop(replies);
            answer(&reply, request)
        });
        Self { listener }
    }

    /// Answers with the content of a case's `llm.json`.
    pub fn load(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self::start(vec![Reply::Text(text)])
    }

    /// The base address, to which a client adds `/chat/completions`.
    pub fn url(&self) -> String {
        format!("{}/v1", self.listener.url())
    }

    pub fn requests(&self) -> Vec<Request> {
        self.listener.requests()
    }
}

fn answer(reply: &Reply, request: &Request) -> Response {
    let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    match reply {
        Reply::Text(text) if asked["stream"] == true => streamed(&asked, text),
        Reply::Text(text) => Response::json(200, &completion(&asked, &json!(text))),
        Reply::NoText => Response::json(200, &completion(&asked, &Value::Null)),
        Reply::Unauthorized => failure(401, "invalid_request_error", "Incorrect API key provided: sk-****."),
        Reply::TooManyRequests(after) => {
            let response = failure(429, "rate_limit_exceeded", "Rate limit reached for requests");
            match after {
                Some(seconds) => response.header("Retry-After", seconds.to_string()),
                None => response,
            }
        }
        Reply::ServerError => failure(500, "server_error", "The server had an error while processing your request."),
        Reply::Nothing => Response::new(200, "application/json", ""),
        Reply::Html => Response::html(200, "<!DOCTYPE html><html><body>Please sign in</body></html>"),
        Reply::CutJson => {
            let whole = completion(&asked, &json!("{\"summary\": \"The registry")).to_string();
            Response::new(200, "application/json", whole.as_bytes()[..whole.len() / 2].to_vec())
        }
        Reply::CutAnswer(text) => {
            let half: String = text.chars().take(text.chars().count() / 2).collect();
            let mut value = completion(&asked, &json!(half));
            value["choices"][0]["finish_reason"] = json!("length");
            Response::json(200, &value)
        }
        Reply::Reset => Response::new(200, "text/plain", "").manner(Manner::Reset),
        Reply::Hang => Response::new(200, "text/plain", "").manner(Manner::Hang),
    }
}

fn completion(asked: &Value, text: &Value) -> Value {
    let words = |text: &Value| text.as_str().map_or(0, |text| text.split_whitespace().count());
    let prompt: usize =
        asked["messages"].as_array().into_iter().flatten().map(|message| words(&message["content"])).sum();
    let answer = words(text);
    json!({
        "id": "chatcmpl-simulated",
        "object": "chat.completion",
        "created": 1_770_693_321,
        "model": asked["model"],
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": text, "refusal": null },
            "finish_reason": "stop"
        }],
        "usage": { "prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer }
    })
}

/// The same in events, some words in each.
fn streamed(asked: &Value, text: &str) -> Response {
    let whole = completion(asked, &json!(text));
    let chunk = |choices: Value, usage: &Value| {
        let value = json!({
            "id": "chatcmpl-simulated",
            "object": "chat.completion.chunk",
            "created": 1_770_693_321,
            "model": asked["model"],
            "choices": choices,
            "usage": usage,
        });
        format!("data: {value}\n\n")
    };
    let delta = |delta: Value, end: Value| json!([{ "index": 0, "delta": delta, "finish_reason": end }]);
    let mut events = chunk(delta(json!({ "role": "assistant", "content": "" }), Value::Null), &Value::Null);
    for words in text.split_inclusive(' ').collect::<Vec<_>>().chunks(7) {
        events += &chunk(delta(json!({ "content": words.concat() }), Value::Null), &Value::Null);
    }
    events += &chunk(delta(json!({}), json!("stop")), &Value::Null);
    if asked["stream_options"]["include_usage"] == true {
        events += &chunk(json!([]), &whole["usage"]);
    }
    Response::new(200, "text/event-stream", events + "data: [DONE]\n\n")
}

fn failure(status: u16, kind: &str, message: &str) -> Response {
    Response::json(status, &json!({ "error": { "message": message, "type": kind, "param": null, "code": null } }))
}

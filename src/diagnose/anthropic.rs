//! The dialect of Anthropic's messages.
//!
//! Facts: <https://platform.claude.com/docs/en/api/messages>.

use serde_json::{Value, json};

use super::provider::Structure;
use super::talk::{Finish, Heard, Question, SCHEMA, count, text};

/// The version of the interface, a header of each request.
pub(super) const VERSION: &str = "2023-06-01";
/// The interface wants a limit in each request; models with less room than this are none of today's.
const LIMIT: usize = 8_192;

pub(super) fn path(base: &str) -> String {
    // An address with or without its version means the same.
    format!("{}/v1/messages", base.strip_suffix("/v1").unwrap_or(base))
}

pub(super) fn body(model: &str, question: &Question) -> Value {
    let turns: Vec<_> =
        question.turns.iter().map(|turn| json!({"role": turn.role(), "content": turn.text()})).collect();
    let most = question.answer_tokens.unwrap_or(LIMIT);
    let mut body = json!({"model": model, "system": question.system, "messages": turns, "max_tokens": most});
    let mut set = |name: &str, value: Value| drop(body.as_object_mut().map(|map| map.insert(name.to_owned(), value)));
    if question.stream {
        set("stream", json!(true));
    }
    if let (Structure::Schema, Some(_)) = (question.structure, question.schema) {
        set("output_config", json!({"format": {"type": "json_schema", "schema": SCHEMA}}));
    }
    body
}

pub(super) fn hear(value: &Value, heard: &mut Heard) {
    match text(value, "/type") {
        "message" => {
            heard.is_answer = true;
            let blocks = value.get("content").and_then(Value::as_array).into_iter().flatten();
            // Blocks of thinking have no text of this name.
            blocks.filter(|block| text(block, "/type") == "text").for_each(|block| heard.say(text(block, "/text")));
            stop(text(value, "/stop_reason"), heard);
            usage(value.get("usage"), heard);
        }
        "message_start" => {
            heard.is_answer = true;
            usage(value.pointer("/message/usage"), heard);
        }
        "content_block_delta" if text(value, "/delta/type") == "text_delta" => heard.say(text(value, "/delta/text")),
        "message_delta" => {
            stop(text(value, "/delta/stop_reason"), heard);
            usage(value.get("usage"), heard);
        }
        "error" => heard.failed(text(value, "/error/message")),
        _ => {}
    }
}

fn stop(reason: &str, heard: &mut Heard) {
    match reason {
        "" => {}
        "max_tokens" | "model_context_window_exceeded" => heard.finish = Some(Finish::Length),
        "refusal" => heard.finish = Some(Finish::Filter),
        _ => heard.finish = Some(Finish::Stop),
    }
}

fn usage(usage: Option<&Value>, heard: &mut Heard) {
    let Some(usage) = usage else { return };
    let fresh = count(usage, "/input_tokens");
    let cached = ["/cache_creation_input_tokens", "/cache_read_input_tokens"].iter().filter_map(|at| count(usage, at));
    heard.tokens(fresh.map(|fresh| fresh + cached.sum::<usize>()), count(usage, "/output_tokens"));
}

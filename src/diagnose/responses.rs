//! The dialect of OpenAI's responses, which Azure speaks too. Nothing is stored at the provider.
//!
//! Facts: <https://platform.openai.com/docs/api-reference/responses>.

use serde_json::{Value, json};

use super::openai::below_azure;
use super::provider::{Model, Structure};
use super::talk::{Finish, Heard, Question, SCHEMA, count, text};

pub(super) fn path(model: &Model, base: &str) -> String {
    format!("{}/responses", below_azure(model, base))
}

pub(super) fn body(model: &str, question: &Question) -> Value {
    let input: Vec<_> =
        question.turns.iter().map(|turn| json!({"role": turn.role(), "content": turn.text()})).collect();
    let mut body = json!({"model": model, "instructions": question.system, "input": input, "store": false});
    let mut set = |name: &str, value: Value| drop(body.as_object_mut().map(|map| map.insert(name.to_owned(), value)));
    if question.stream {
        set("stream", json!(true));
    }
    if question.steady {
        set("temperature", json!(0));
    }
    if let Some(most) = question.answer_tokens {
        set("max_output_tokens", json!(most));
    }
    match (question.structure, question.schema) {
        (Structure::Schema, Some(_)) => {
            let format = json!({"type": "json_schema", "name": "diagnosis", "strict": true, "schema": SCHEMA});
            set("text", json!({"format": format}));
        }
        (Structure::Json, Some(_)) => set("text", json!({"format": {"type": "json_object"}})),
        (Structure::Words, _) | (_, None) => {}
    }
    body
}

pub(super) fn hear(value: &Value, heard: &mut Heard) {
    match text(value, "/type") {
        "response.output_text.delta" => heard.say(text(value, "/delta")),
        "response.refusal.delta" => heard.refuse(text(value, "/delta")),
        // The text of the closing events repeats what the deltas said.
        "response.completed" | "response.incomplete" | "response.failed" => {
            if let Some(response) = value.get("response") {
                close(response, heard);
            }
        }
        "error" => heard.failed(text(value, "/message")),
        "" => {
            heard.trouble(value);
            let items = value.pointer("/output").and_then(Value::as_array).into_iter().flatten();
            for part in items.filter_map(|item| item.get("content")?.as_array()).flatten() {
                match text(part, "/type") {
                    "output_text" => heard.say(text(part, "/text")),
                    "refusal" => heard.refuse(text(part, "/refusal")),
                    _ => {}
                }
            }
            close(value, heard);
        }
        _ => {}
    }
}

fn close(response: &Value, heard: &mut Heard) {
    heard.is_answer |= response.get("status").is_some();
    heard.trouble(response);
    match (text(response, "/status"), text(response, "/incomplete_details/reason")) {
        (_, "max_output_tokens") => heard.finish = Some(Finish::Length),
        (_, "content_filter") => heard.finish = Some(Finish::Filter),
        ("completed", _) => heard.finish = Some(Finish::Stop),
        _ => {}
    }
    heard.tokens(count(response, "/usage/input_tokens"), count(response, "/usage/output_tokens"));
}

//! The dialect of OpenAI's chat completions, which Azure, Ollama, vLLM, llama.cpp and many others speak too.
//!
//! Facts: <https://platform.openai.com/docs/api-reference/chat>, <https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>.

use serde_json::{Value, json};

use super::provider::{Auth, Model, Structure};
use super::talk::{Finish, Heard, Limit, Question, SCHEMA, count, text};

pub(super) fn path(model: &Model, base: &str) -> String {
    format!("{}/chat/completions", below_azure(model, base))
}

/// Azure has two trees: one with a path for each deployment, told by `api-version`, and the newer `v1` without either.
pub(super) fn below_azure(model: &Model, base: &str) -> String {
    if model.provider.auth != Auth::Azure || !matches!(base, "" | "/openai") {
        return base.to_owned();
    }
    if model.url.query_pairs().any(|(name, _)| name == "api-version") {
        let deployment = super::segment(&model.name);
        return format!("/openai/deployments/{deployment}");
    }
    "/openai/v1".to_owned()
}

pub(super) fn body(model: &str, question: &Question) -> Value {
    let system = json!({"role": "system", "content": question.system});
    let turns = question.turns.iter().map(|turn| json!({"role": turn.role(), "content": turn.text()}));
    let mut body = json!({"model": model, "messages": std::iter::once(system).chain(turns).collect::<Vec<_>>()});
    let mut set = |name: &str, value: Value| drop(body.as_object_mut().map(|map| map.insert(name.to_owned(), value)));
    if question.stream {
        set("stream", json!(true));
    }
    if question.stream && question.counted {
        set("stream_options", json!({"include_usage": true}));
    }
    if question.steady {
        set("temperature", json!(0));
    }
    match (question.limit, question.answer_tokens) {
        (Limit::Completion, Some(most)) => set("max_completion_tokens", json!(most)),
        (Limit::Plain, Some(most)) => set("max_tokens", json!(most)),
        (Limit::None, _) | (_, None) => {}
    }
    match (question.structure, question.schema) {
        (Structure::Schema, Some(_)) => {
            let named = json!({"name": "diagnosis", "strict": true, "schema": SCHEMA});
            set("response_format", json!({"type": "json_schema", "json_schema": named}));
        }
        (Structure::Json, Some(_)) => set("response_format", json!({"type": "json_object"})),
        (Structure::Words, _) | (_, None) => {}
    }
    body
}

pub(super) fn hear(value: &Value, heard: &mut Heard) {
    heard.trouble(value);
    if let Some(choice) = value.pointer("/choices/0") {
        heard.is_answer = true;
        // Whole answers have a message, events of a stream a delta.
        for message in ["message", "delta"].iter().filter_map(|name| choice.get(name)) {
            match message.get("content") {
                // Reasoning models of some providers answer in parts, of which only the text is the answer.
                Some(Value::Array(parts)) => parts.iter().for_each(|part| heard.say(text(part, "/text"))),
                _ => heard.say(text(message, "/content")),
            }
            heard.refuse(text(message, "/refusal"));
        }
        match text(choice, "/finish_reason") {
            "" => {}
            "length" => heard.finish = Some(Finish::Length),
            "content_filter" => heard.finish = Some(Finish::Filter),
            _ => heard.finish = Some(Finish::Stop),
        }
    }
    heard.tokens(count(value, "/usage/prompt_tokens"), count(value, "/usage/completion_tokens"));
}

//! The dialect of Google's Gemini.
//!
//! Facts: <https://ai.google.dev/api/generate-content>.

use serde_json::{Value, json};

use super::provider::Structure;
use super::talk::{Finish, Heard, Question, SCHEMA, Turn, count, text};

pub(super) fn path(base: &str, model: &str, stream: bool) -> (String, Option<(&'static str, &'static str)>) {
    let base = if base.is_empty() { "/v1beta" } else { base };
    let model = super::segment(model.strip_prefix("models/").unwrap_or(model));
    if stream {
        (format!("{base}/models/{model}:streamGenerateContent"), Some(("alt", "sse")))
    } else {
        (format!("{base}/models/{model}:generateContent"), None)
    }
}

pub(super) fn body(question: &Question) -> Value {
    let role = |turn: &Turn| match turn {
        Turn::User(_) => "user",
        Turn::Model(_) => "model",
    };
    let turns: Vec<_> =
        question.turns.iter().map(|turn| json!({"role": role(turn), "parts": [{"text": turn.text()}]})).collect();
    let mut wishes = serde_json::Map::new();
    if let Some(most) = question.answer_tokens {
        wishes.insert("maxOutputTokens".to_owned(), json!(most));
    }
    if let (Structure::Schema | Structure::Json, Some(_)) = (question.structure, question.schema) {
        wishes.insert("responseMimeType".to_owned(), json!("application/json"));
        if question.structure == Structure::Schema {
            wishes.insert("responseJsonSchema".to_owned(), json!(SCHEMA));
        }
    }
    json!({"systemInstruction": {"parts": [{"text": question.system}]}, "contents": turns, "generationConfig": wishes})
}

pub(super) fn hear(value: &Value, heard: &mut Heard) {
    // A stream that fails says so in a list.
    let value = value.get(0).unwrap_or(value);
    heard.trouble(value);
    if let Some(candidate) = value.pointer("/candidates/0") {
        heard.is_answer = true;
        let parts = candidate.pointer("/content/parts").and_then(Value::as_array).into_iter().flatten();
        let spoken = parts.filter(|part| part.get("thought").and_then(Value::as_bool) != Some(true));
        spoken.for_each(|part| heard.say(text(part, "/text")));
        match text(candidate, "/finishReason") {
            "" => {}
            "STOP" => heard.finish = Some(Finish::Stop),
            "MAX_TOKENS" => heard.finish = Some(Finish::Length),
            // Safety, recitation, blocked words and their like.
            _ => heard.finish = Some(Finish::Filter),
        }
    }
    if value.pointer("/promptFeedback/blockReason").is_some() {
        heard.is_answer = true;
        heard.finish = Some(Finish::Filter);
    }
    let thoughts = count(value, "/usageMetadata/thoughtsTokenCount").unwrap_or_default();
    let answer = count(value, "/usageMetadata/candidatesTokenCount");
    heard.tokens(count(value, "/usageMetadata/promptTokenCount"), answer.map(|answer| answer + thoughts));
}

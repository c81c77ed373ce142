//! The dialect of AWS Bedrock: `Converse`, and the frames in which it streams.
//!
//! Facts: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>,
//! <https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html>.

use serde_json::{Value, json};

use super::provider::Structure;
use super::talk::{Finish, Heard, Question, count, text};

pub(super) fn path(base: &str, model: &str, stream: bool) -> String {
    format!("{base}/model/{}/{}", super::segment(model), if stream { "converse-stream" } else { "converse" })
}

pub(super) fn body(question: &Question) -> Value {
    let turns: Vec<_> =
        question.turns.iter().map(|turn| json!({"role": turn.role(), "content": [{"text": turn.text()}]})).collect();
    let mut body = json!({"system": [{"text": question.system}], "messages": turns});
    let mut set = |name: &str, value: Value| drop(body.as_object_mut().map(|map| map.insert(name.to_owned(), value)));
    if let Some(most) = question.answer_tokens {
        set("inferenceConfig", json!({"maxTokens": most}));
    }
    if let (Structure::Schema, Some(schema)) = (question.structure, question.schema) {
        // The schema travels as text.
        let structure = json!({"jsonSchema": {"name": "diagnosis", "schema": schema}});
        set("outputConfig", json!({"textFormat": {"type": "json_schema", "structure": structure}}));
    }
    body
}

/// Hears a whole answer, or an event as [`frames`] makes it: its payload under its name.
pub(super) fn hear(value: &Value, heard: &mut Heard) {
    if let Some(message) = value.pointer("/output/message") {
        heard.is_answer = true;
        let blocks = message.get("content").and_then(Value::as_array).into_iter().flatten();
        blocks.for_each(|block| heard.say(text(block, "/text")));
    }
    heard.is_answer |= value.get("messageStart").is_some();
    heard.say(text(value, "/contentBlockDelta/delta/text"));
    for reason in ["/stopReason", "/messageStop/stopReason"] {
        match text(value, reason) {
            "" => {}
            "max_tokens" | "model_context_window_exceeded" => heard.finish = Some(Finish::Length),
            "guardrail_intervened" | "content_filtered" => heard.finish = Some(Finish::Filter),
            _ => heard.finish = Some(Finish::Stop),
        }
    }
    for usage in ["/usage", "/metadata/usage"].iter().filter_map(|at| value.pointer(at)) {
        heard.tokens(count(usage, "/inputTokens"), count(usage, "/outputTokens"));
    }
    if let Some((name, fault)) =
        value.as_object().and_then(|map| map.iter().find(|(name, _)| name.ends_with("Exception")))
    {
        let message = text(fault, "/message");
        heard.failed(if message.is_empty() { name } else { message });
    }
}

/// A frame: its name, its payload, and how many bytes of `bytes` it takes. `None` while it is not all there.
///
/// Sums are not checked: the bytes came through TLS.
pub(super) fn frame(bytes: &[u8]) -> Option<(Value, usize)> {
    let number = |at: usize| {
        let four = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(four)).ok()
    };
    let (total, head) = (number(0)?, number(4)?);
    // Two lengths and their sum, the headers, the payload, a sum.
    let payload = bytes.get(12 + head..total.checked_sub(4)?)?;
    bytes.get(..total)?;
    let name = header(bytes.get(12..12 + head)?);
    let payload: Value = serde_json::from_slice(payload).unwrap_or_default();
    Some((json!({name: payload}), total))
}

/// The name of an event, or of an exception.
fn header(mut bytes: &[u8]) -> String {
    while let Some((&length, rest)) = bytes.split_first() {
        let Some((name, rest)) = rest.split_at_checked(usize::from(length)) else { break };
        // Only texts, kind 7, occur in these streams.
        let [7, high, low, rest @ ..] = rest else { break };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((value, rest)) = rest.split_at_checked(length) else { break };
        if matches!(name, b":event-type" | b":exception-type") {
            return String::from_utf8_lossy(value).into_owned();
        }
        bytes = rest;
    }
    String::new()
}

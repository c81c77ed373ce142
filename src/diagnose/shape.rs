//! The shape of an answer: its schema, and what stands of one that broke off.

use serde_json::{Value, json};

/// The schema of the answer that the question asks for, in the part of JSON Schema that every provider knows.
///
/// Models that are held to a schema write its fields in this order: what was found comes before what follows from it.
pub(super) fn schema() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "array", "items": text});
    let hypothesis = object(&json!({"cause": text, "lines": texts, "check": text}));
    let kinds = json!({"type": "string", "enum": ["setting", "script", "person"]});
    let fix = object(&json!({"type": kinds, "title": text, "why": text, "steps": texts, "script": text}));
    object(&json!({
        "summary": text,
        "kind": text,
        "retry": {"type": "string", "enum": ["helps", "maybe", "no", "unknown"]},
        "hypotheses": {"type": "array", "items": hypothesis},
        "fixes": {"type": "array", "items": fix},
    }))
}

/// An object with just these, all of them: what strict schemas demand.
fn object(properties: &Value) -> Value {
    let names: Vec<_> = properties.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
}

/// What stands of an object that broke off: its whole fields, and of its lists the whole items. `None` when that is nothing.
///
/// An item that broke off goes whole, for half a sentence can say the opposite.
pub(super) fn salvage(reply: &str) -> Option<String> {
    let start = reply.find('{')?;
    let text = reply.get(start..)?;
    let mut open = Vec::new();
    let mut in_text = false;
    let mut escaped = false;
    let mut cut = None;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' => open.push('}'),
            b'[' => open.push(']'),
            b'}' | b']' => {
                open.pop();
            }
            // Before a comma between fields, or between the items of a field's list, all is whole.
            b',' if matches!(open.as_slice(), ['}'] | ['}', ']']) => cut = Some((at, open.clone())),
            _ => {}
        }
    }
    let (at, open) = cut?;
    Some(text.get(..at)?.chars().chain(open.into_iter().rev()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reply: &str, expected: Option<&str>) {
        let stands = salvage(reply);
        assert_eq!(stands.as_deref(), expected, "{reply}");
        assert!(stands.is_none_or(|text| serde_json::from_str::<Value>(&text).is_ok()));
    }

    #[test]
    fn whole_fields_and_items_stand_and_half_ones_do_not() {
        check(r#"{"summary": "a, b", "hypo"#, Some(r#"{"summary": "a, b"}"#));
        check(r#"{"summary": "it did no"#, None);
        check(
            r#"{"summary": "x", "kind": "dns", "h": [{"c": "1", "l": ["L1"]}, {"c": "2", "#,
            Some(r#"{"summary": "x", "kind": "dns", "h": [{"c": "1", "l": ["L1"]}]}"#),
        );
        check(
            r#"{"summary": "x", "h": [{"c": "1"}], "fixes": [{"title": "a \" , ["#,
            Some(r#"{"summary": "x", "h": [{"c": "1"}]}"#),
        );
        check("no object", None);
    }

    #[test]
    fn the_cause_comes_first_and_the_fixes_last() {
        let schema = schema();
        let names: Vec<_> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["summary", "kind", "retry", "hypotheses", "fixes"]);
    }

    #[test]
    fn every_object_is_closed_and_demands_all_its_fields() {
        fn walk(value: &Value) {
            if let Some(properties) = value.get("properties").and_then(Value::as_object) {
                assert_eq!(value["additionalProperties"], false);
                assert_eq!(value["required"].as_array().map(Vec::len), Some(properties.len()));
            }
            value.as_object().into_iter().flatten().for_each(|(_, inner)| walk(inner));
        }
        walk(&schema());
    }
}

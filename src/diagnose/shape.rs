//! The shape of an answer: its schema, and what stands of one that broke off.

/// The schema of the answer that the question asks for, in the part of JSON Schema that every provider knows; as text, for
/// models that are held to a schema write its fields in this order: what was found comes before what follows from it.
pub(super) fn schema() -> String {
    let text = || r#"{"type":"string"}"#.to_owned();
    let list = |items: String| format!(r#"{{"type":"array","items":{items}}}"#);
    let one_of = |words: &str| format!(r#"{{"type":"string","enum":[{words}]}}"#);
    let hypothesis = object(&[
        ("cause", text()),
        ("lines", list(text())),
        ("check", text()),
        ("command", text()),
        ("disproof", text()),
    ]);
    let fix = object(&[
        ("type", one_of(r#""setting","script","repository","command","person""#)),
        ("title", text()),
        ("why", text()),
        ("steps", list(text())),
        ("step", text()),
        ("setting", text()),
        ("value", text()),
        ("script", text()),
        ("patch", text()),
        ("command", text()),
        ("risk", text()),
        ("undo", text()),
    ]);
    object(&[
        ("summary", text()),
        ("kind", text()),
        ("retry", one_of(r#""helps","maybe","no","unknown""#)),
        ("hypotheses", list(hypothesis)),
        ("fixes", list(fix)),
    ])
}

/// An object with just these, all of them: what strict schemas demand.
fn object(fields: &[(&str, String)]) -> String {
    let properties = fields.iter().map(|(name, schema)| format!(r#""{name}":{schema}"#)).collect::<Vec<_>>().join(",");
    let names = fields.iter().map(|(name, _)| format!(r#""{name}""#)).collect::<Vec<_>>().join(",");
    format!(r#"{{"type":"object","properties":{{{properties}}},"required":[{names}],"additionalProperties":false}}"#)
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
    use serde_json::Value;

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
        let places =
            ["summary", "kind", "retry", "hypotheses", "fixes"].map(|name| schema.find(&format!("\"{name}\":")));
        assert!(places.is_sorted() && places[0].is_some(), "{places:?}");
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
        walk(&serde_json::from_str(&schema()).unwrap());
    }
}

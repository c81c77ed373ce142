//! JSON and TOML into our types, all by one way: a text into a tree of values, and the tree into a type.
//!
//! What serde derives is compiled once more for each way in which a type is read, and a reader of text puts itself into each of these.
//! By way of the tree the program is 0.4 MB smaller, a sixth of which `serde_json::from_value` would save too. What is not wanted is not compiled either: a type with named fields
//! is read from an object alone, where `serde_json` takes a list of its values too.

use std::io::Read;

use flate2::read::DeflateDecoder;
use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, Expected, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value, map};

/// No answer that tells us anything has so many values; each takes 32 bytes and more.
const MOST_VALUES: usize = 2_000_000;

/// Reads `text` as a `T`.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    shape(parse(text.as_bytes())?)
}

/// Reads `text` as a tree. A text of many small values would take many times its own memory, and is refused.
pub fn parse(text: &[u8]) -> Result<Value, Error> {
    if memchr::memchr_iter(b',', text).count() > MOST_VALUES {
        return Err(Error::custom(format!("it has more than {MOST_VALUES} values")));
    }
    serde_json::from_slice(text)
}

/// Reads `table`, which was written in TOML, as a tree. A time is its text.
#[must_use]
pub fn toml(table: toml::Table) -> Value {
    Value::Object(table.into_iter().map(|(key, value)| (key, of_toml(value))).collect())
}

fn of_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(on) => Value::Bool(on),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(all) => all.into_iter().map(of_toml).collect(),
        toml::Value::Table(table) => toml(table),
    }
}

/// The bytes of a table that is built in, packed by `build.rs`.
macro_rules! packed {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name)).as_slice()
    };
}
pub(crate) use packed;

/// The text of a table that is built in. Where that fails there is none, and a test finds it.
#[must_use]
pub fn unpack(packed: &[u8]) -> String {
    let mut text = String::new();
    let whole = DeflateDecoder::new(packed).read_to_string(&mut text);
    if whole.is_ok() { text } else { String::new() }
}

/// Reads `text`, which is TOML, as a `T`.
pub fn table<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let table = toml::from_str(text).map_err(|error| error.to_string())?;
    shape(toml(table)).map_err(|error| error.to_string())
}

/// Reads `value` as a `T`.
pub fn shape<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    T::deserialize(Tree(value))
}

/// A value, to be read. Each is read apart from its neighbors, so one that has another shape leaves them as they are.
struct Tree(Value);

/// That `value` is not what was expected. Apart, for it is the same for each type.
#[cold]
#[inline(never)]
fn unlike(value: &Value, expected: &dyn Expected) -> Error {
    let found = match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(on) => Unexpected::Bool(*on),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Unexpected::Unsigned(number),
            (_, Some(number)) => Unexpected::Signed(number),
            _ => Unexpected::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    };
    Error::invalid_type(found, expected)
}

impl<'de> Deserializer<'de> for Tree {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(on) => visitor.visit_bool(on),
            Value::Number(number) => number.deserialize_any(visitor),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(all) => visitor.visit_seq(Elements(all.into_iter())),
            Value::Object(all) => visitor.visit_map(Fields::of(all)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Bool(on) => visitor.visit_bool(on),
            other => Err(unlike(&other, &visitor)),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Number(number) => number.deserialize_any(visitor),
            other => Err(unlike(&other, &visitor)),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            other => Err(unlike(&other, &visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            other => visitor.visit_some(Self(other)),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(all) => visitor.visit_seq(Elements(all.into_iter())),
            other => Err(unlike(&other, &visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(all) => visitor.visit_map(Fields::of(all)),
            other => Err(unlike(&other, &visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// One of several words.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(StringDeserializer::new(text)),
            other => Err(unlike(&other, &visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

struct Elements(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Elements {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|value| seed.deserialize(Tree(value))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Fields {
    rest: map::IntoIter,
    value: Value,
}

impl Fields {
    #[inline(never)]
    fn of(all: map::Map<String, Value>) -> Self {
        Self { rest: all.into_iter(), value: Value::Null }
    }

    #[inline(never)]
    fn next(&mut self) -> Option<String> {
        let (key, value) = self.rest.next()?;
        self.value = value;
        Some(key)
    }
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        match self.next() {
            Some(key) => seed.deserialize(StrDeserializer::<Error>::new(&key)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Tree(self.value.take()))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Default, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Size {
        #[default]
        Small,
        Large,
    }

    #[derive(Debug, PartialEq, Default, Deserialize)]
    #[serde(default)]
    struct Thing {
        name: String,
        size: Size,
        count: Option<u16>,
        share: f64,
        sign: Option<char>,
        parts: Vec<Thing>,
        rest: serde_json::Map<String, Value>,
    }

    #[test]
    fn a_type_is_read_from_json_and_toml_alike() {
        let json = r#"{ "name": "a", "size": "large", "count": 3, "share": 1, "sign": "=", "other": [1, {}], "parts": [{ "count": null }],
            "rest": { "x": [1, "b", null, true, -2, 0.5] } }"#;
        let thing = read::<Thing>(json).unwrap();
        let rest = json!({ "x": [1, "b", null, true, -2, 0.5] }).as_object().unwrap().clone();
        let parts = vec![Thing::default()];
        let expected =
            Thing { name: "a".to_owned(), size: Size::Large, count: Some(3), share: 1.0, sign: Some('='), parts, rest };
        assert_eq!(thing, expected);
        let toml = "name = 'a'\nsize = 'large'\ncount = 3\nshare = 1\nsign = '='\nother = 2026-01-01\n[[parts]]\n";
        assert_eq!(table::<Thing>(toml).unwrap(), Thing { rest: serde_json::Map::new(), ..expected });
    }

    #[test]
    fn what_has_another_shape_is_said_to_have() {
        let wrong = |text: &str| read::<Thing>(text).unwrap_err().to_string();
        assert_eq!(wrong(r#"{ "name": 3 }"#), "invalid type: integer `3`, expected a string");
        assert_eq!(wrong(r#"{ "count": 70000 }"#), "invalid value: integer `70000`, expected u16");
        assert_eq!(wrong(r#"{ "size": "none" }"#), "unknown variant `none`, expected `small` or `large`");
        assert!(wrong("[]").starts_with("invalid type: sequence, expected struct Thing"));
        assert!(wrong(r#"{ "name": "#).contains("line 1 column 10"));
    }

    #[test]
    fn a_text_of_too_many_small_values_is_refused() {
        let many = format!("[0{}]", ",0".repeat(MOST_VALUES + 1));
        assert!(read::<Vec<u8>>(&many).unwrap_err().to_string().contains("more than 2000000 values"));
    }

    #[test]
    fn what_is_no_packed_table_is_empty() {
        assert_eq!(unpack(b"\xff\xff\xff"), "");
        assert!(unpack(packed!("models.toml")).contains("[[model]]"));
    }
}

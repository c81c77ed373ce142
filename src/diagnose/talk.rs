//! A question to a model and what is heard of its answer, in no dialect.

use serde_json::Value;

use super::provider::Structure;

/// What is asked, and how.
#[derive(Clone)]
pub(super) struct Question<'a> {
    /// The instructions.
    pub(super) system: &'a str,
    /// What was said so far, the case first.
    pub(super) turns: Vec<Turn<'a>>,
    /// What the answer must look like.
    pub(super) schema: Option<&'a str>,
    /// How firmly that is asked for.
    pub(super) structure: Structure,
    /// The most tokens the answer may have.
    pub(super) answer_tokens: Option<usize>,
    /// Under which name that goes.
    pub(super) limit: Limit,
    /// How often another name was tried.
    pub(super) limits_tried: usize,
    /// Whether the answer comes as it is made.
    pub(super) stream: bool,
    /// Whether a stream is asked to end with the count of tokens; some do so unasked and refuse the wish.
    pub(super) counted: bool,
    /// Whether to ask for the likeliest answer. Reasoning models refuse that.
    pub(super) steady: bool,
}

/// Stands in a body where the schema goes: our JSON values keep no order of fields, and a schema's order matters.
/// In quotes it occurs nowhere else, for quotes inside a text are escaped.
pub(super) const SCHEMA: &str = "@schema@";

/// What one side said.
#[derive(Clone)]
pub(super) enum Turn<'a> {
    User(&'a str),
    Model(&'a str),
}

impl Turn<'_> {
    /// Who said it, in the words that most dialects share.
    pub(super) fn role(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Model(_) => "assistant",
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::User(text) | Self::Model(text) => text,
        }
    }
}

/// The name of the limit of tokens in chat completions: newer models know the one, many servers only the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// `max_completion_tokens`.
    Completion,
    /// `max_tokens`.
    Plain,
    /// Neither.
    None,
}

impl Question<'_> {
    /// Asks for less of what a server refused with `message`. `false` when there is nothing left to give in on.
    ///
    /// `kept`: whether the limit of tokens must stay.
    pub(super) fn give_in(&mut self, message: &str, kept: Keep) -> bool {
        let message = message.to_ascii_lowercase();
        let names = |words: &[&str]| words.iter().any(|word| message.contains(word));
        // Nothing that is asked for less firmly mends these.
        if names(&[
            "api key",
            "api_key",
            "context length",
            "context window",
            "too long",
            "credit",
            "content management policy",
        ]) {
            return false;
        }
        let shaped = self.schema.is_some() && self.structure > Structure::Words;
        if names(&["max_tokens", "max_completion_tokens"]) && self.answer_tokens.is_some() && self.limit != Limit::None
        {
            let other = match self.limit {
                _ if self.limits_tried > 0 && kept == Keep::Limit => return false,
                _ if self.limits_tried > 0 => Limit::None,
                Limit::Completion if names(&["unknown", "unrecognized", "extra", "unsupported", "not permitted"]) => {
                    Limit::Plain
                }
                Limit::Plain if message.contains("max_completion_tokens") => Limit::Completion,
                _ if kept == Keep::Limit => return false,
                _ => Limit::None,
            };
            self.limits_tried += 1;
            self.limit = other;
        } else if names(&["temperature"]) && self.steady {
            self.steady = false;
        } else if names(&["stream_options"]) && self.stream && self.counted {
            self.counted = false;
        } else if names(&["stream"]) && self.stream {
            self.stream = false;
        } else if shaped {
            self.structure = if self.structure == Structure::Schema { Structure::Json } else { Structure::Words };
        } else if self.steady || self.counted {
            (self.steady, self.counted) = (false, false);
        } else if self.stream {
            self.stream = false;
        } else {
            return false;
        }
        true
    }
}

/// Whether a limit of tokens was asked for by the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Limit,
    Nothing,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// Where the model wanted.
    Stop,
    /// At a limit of tokens.
    Length,
    /// At a filter of the provider's, or the model declined.
    Filter,
}

/// What was heard of an answer so far.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    /// The text.
    pub(super) text: String,
    /// How it ended; `None` while it goes on, or for ever where it broke off.
    pub(super) finish: Option<Finish>,
    /// Tokens of the question, by the provider's count.
    pub(super) tokens_in: Option<usize>,
    /// Tokens of the answer, by the provider's count.
    pub(super) tokens_out: Option<usize>,
    /// What the provider said went wrong.
    pub(super) trouble: Option<String>,
    /// Whether anything heard was part of an answer in this dialect.
    pub(super) is_answer: bool,
}

impl Heard {
    pub(super) fn say(&mut self, text: &str) {
        self.is_answer |= !text.is_empty();
        self.text.push_str(text);
    }

    pub(super) fn refuse(&mut self, text: &str) {
        if !text.is_empty() {
            self.failed(&format!("the model declined: {text}"));
        }
    }

    /// Keeps the first trouble; what follows it mostly follows from it.
    pub(super) fn failed(&mut self, message: &str) {
        let message = if message.is_empty() { "it has trouble of its own" } else { message };
        self.trouble.get_or_insert_with(|| message.to_owned());
    }

    /// Takes in an `error` of the shape that most dialects share.
    pub(super) fn trouble(&mut self, value: &Value) {
        if value.get("error").is_some_and(|error| !error.is_null()) {
            self.failed(&message(value));
        }
    }

    /// Later counts are of the whole, not of the rest.
    pub(super) fn tokens(&mut self, asked: Option<usize>, answered: Option<usize>) {
        self.tokens_in = asked.or(self.tokens_in);
        self.tokens_out = answered.or(self.tokens_out);
    }
}

/// The text at `at`, or none.
pub(super) fn text<'a>(value: &'a Value, at: &str) -> &'a str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// The number at `at`.
pub(super) fn count(value: &Value, at: &str) -> Option<usize> {
    value.pointer(at).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok())
}

/// What the body of an error says, in whichever of the usual shapes.
pub(super) fn message(value: &Value) -> String {
    let value = value.get(0).unwrap_or(value);
    // Servers that check fields name the wrong one beside what is wrong with it.
    if let Some(detail) = ["/detail/0", "/message/detail/0"].iter().find_map(|at| value.pointer(at)) {
        let field = detail.get("loc").and_then(Value::as_array).and_then(|place| place.last()).and_then(Value::as_str);
        return format!("{}: {}", field.unwrap_or("a field"), text(detail, "/msg"));
    }
    let places = ["/error/message", "/error", "/message", "/Message", "/detail"];
    let inner = places.iter().map(|at| text(value, at)).find(|text| !text.is_empty()).unwrap_or_default();
    // Gateways pass on the reason of the provider behind them here.
    let raw = text(value, "/error/metadata/raw");
    if raw.is_empty() { inner } else { raw }.to_owned()
}

/// One line, not too long: a server's words are not ours. Keys are hidden before, for half a key can't be found.
pub(super) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::Structure::{Json, Schema};
    use super::*;
    use serde_json::json;

    fn question() -> Question<'static> {
        Question {
            system: "",
            turns: Vec::new(),
            schema: Some("{}"),
            structure: Structure::Schema,
            answer_tokens: Some(9),
            limit: Limit::Plain,
            limits_tried: 0,
            stream: true,
            counted: true,
            steady: true,
        }
    }

    #[test]
    fn what_a_server_names_is_given_up_first() {
        let check = |message: &str, kept: Keep| {
            let mut question = question();
            assert!(question.give_in(message, kept), "{message}");
            (question.structure, question.limit, question.stream, question.steady)
        };
        let swap = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.";
        assert_eq!(check(swap, Keep::Limit), (Schema, Limit::Completion, true, true));
        assert_eq!(check("max_tokens is too large", Keep::Nothing), (Schema, Limit::None, true, true));
        assert_eq!(check("'temperature' does not support 0", Keep::Limit), (Schema, Limit::Plain, true, false));
        assert_eq!(check("stream_options: extra fields", Keep::Limit), (Schema, Limit::Plain, true, true));
        assert_eq!(check("streaming is not supported", Keep::Limit), (Schema, Limit::Plain, false, true));
        assert_eq!(check("bad request", Keep::Limit), (Json, Limit::Plain, true, true));
    }

    #[test]
    fn a_limit_that_must_be_kept_is_not_given_up() {
        assert!(!question().give_in("max_tokens is too large", Keep::Limit));
    }

    #[test]
    fn a_wrong_key_and_a_long_case_are_no_reason_to_give_in() {
        for message in ["API key not valid", "This model's maximum context length is 8192 tokens"] {
            assert!(!question().give_in(message, Keep::Nothing), "{message}");
        }
    }

    #[test]
    fn giving_in_ends() {
        for message in ["no", "temperature", "stream", "max_tokens", "max_completion_tokens unsupported"] {
            let mut question = question();
            assert!((0..9).any(|_| !question.give_in(message, Keep::Nothing)), "{message}");
        }
    }

    #[test]
    fn the_usual_shapes_of_an_error_are_read() {
        let check = |value: Value, expected: &str| assert_eq!(message(&value), expected);
        check(json!({"error": {"message": "no such model"}}), "no such model");
        check(json!({"error": "model not found"}), "model not found");
        check(json!({"message": "Too many requests"}), "Too many requests");
        check(json!([{"error": {"message": "API key not valid", "status": "INVALID_ARGUMENT"}}]), "API key not valid");
        check(json!({"detail": [{"loc": ["body", "model"], "msg": "field required"}]}), "model: field required");
        let extra = json!({"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"});
        check(json!({"message": {"detail": [extra]}}), "stream_options: Extra inputs are not permitted");
        check(
            json!({"error": {"message": "Provider returned error", "metadata": {"raw": "overloaded"}}}),
            "overloaded",
        );
        check(json!("odd"), "");
    }
}

//! The dialect of OpenAI's chat completions, which Azure, Ollama, vLLM, llama.cpp and many others speak too.
//!
//! Facts: <https://platform.openai.com/docs/api-reference/chat>.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::http::{Http, Request, Response};

use super::prompt::Prompt;

/// Time kept back for what comes after the answer.
const RESERVE: Duration = Duration::from_secs(5);
/// The most that is read of an answer.
const CAP: u64 = 4 << 20;

/// Which model to ask, and where.
#[derive(Clone)]
pub struct Choice {
    /// The address below which `/chat/completions` stands, such as `https://api.openai.com/v1`.
    pub url: Url,
    /// The model's name; on Azure the deployment's.
    pub model: String,
    /// The key; local servers need none.
    pub key: Option<String>,
}

impl Choice {
    /// Whose model it is, for people.
    #[must_use]
    pub fn provider(&self) -> String {
        self.url.host_str().unwrap_or("unknown").to_owned()
    }

    fn is_azure(&self) -> bool {
        self.url.host_str().is_some_and(|host| host.ends_with(".azure.com"))
    }

    /// The address of `path`, with the query the user gave (Azure's `api-version`).
    fn address(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
        url
    }

    fn request(&self, path: &str, body: Option<String>) -> Request {
        let mut request = Request { body, ..Request::get(self.address(path)) };
        request.headers.push(("content-type", "application/json".to_owned()));
        if let Some(key) = &self.key {
            request.credentials.push(if self.is_azure() {
                ("api-key", key.clone())
            } else {
                ("authorization", format!("Bearer {key}"))
            });
        }
        request
    }
}

/// Asks; the answer is the model's text. An error is a line for the reader.
pub(super) fn ask(choice: &Choice, http: &Http, prompt: &Prompt) -> Result<String, String> {
    let wants_json = send(choice, http, &body(choice, prompt, Form::Json))?;
    // Servers that do not know the wish for JSON refuse it; the prompt asks for JSON anyway.
    let response = match wants_json.status {
        400 | 422 => send(choice, http, &body(choice, prompt, Form::Any))?,
        _ => wants_json,
    };
    let status = response.status;
    let text = response.text(CAP).map_err(|error| format!("its answer broke off: {error}"))?;
    if status == 200 { reply(&text) } else { Err(refusal(status, &text)) }
}

/// Whether the model answers, for a person who sets us up: costs a token.
pub fn examine(choice: &Choice, http: &Http) -> Result<String, String> {
    let prompt = Prompt { system: "Answer with the one word: ready".to_owned(), user: "Are you?".to_owned() };
    let response = send(choice, http, &body(choice, &prompt, Form::Any))?;
    let status = response.status;
    let text = response.text(CAP).map_err(|error| format!("its answer broke off: {error}"))?;
    if status == 200 { reply(&text) } else { Err(refusal(status, &text)) }
}

fn send(choice: &Choice, http: &Http, body: &Value) -> Result<Response, String> {
    let mut request = choice.request("chat/completions", Some(body.to_string()));
    request.patience = http.left().saturating_sub(RESERVE);
    http.send(&request).map_err(|failure| failure.to_string())
}

/// Whether the answer is asked for as JSON by the protocol, too.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Any,
}

/// No temperature and no limit of tokens: reasoning models refuse the one and name the other differently.
fn body(choice: &Choice, prompt: &Prompt, form: Form) -> Value {
    let mut body = json!({
        "model": choice.model,
        "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
    });
    if let (Form::Json, Some(map)) = (form, body.as_object_mut()) {
        map.insert("response_format".to_owned(), json!({"type": "json_object"}));
    }
    body
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    choices: Vec<ReplyChoice>,
}

#[derive(Deserialize)]
struct ReplyChoice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
}

fn reply(text: &str) -> Result<String, String> {
    let reply: Reply =
        serde_json::from_str(text).map_err(|_| "it does not answer like a model: check the address".to_owned())?;
    let choice = reply.choices.into_iter().next().ok_or("its answer is empty")?;
    match (choice.message.content.filter(|content| !content.trim().is_empty()), choice.finish_reason.as_deref()) {
        (_, Some("content_filter")) => Err("its content filter withheld the answer".to_owned()),
        (_, Some("length")) => Err("its answer was cut off at its limit of tokens".to_owned()),
        (Some(content), _) => Ok(content),
        (None, _) => Err("its answer is empty".to_owned()),
    }
}

fn refusal(status: u16, text: &str) -> String {
    let message = serde_json::from_str::<Value>(text).ok().and_then(|value| {
        let error = value.get("error")?;
        error.get("message").or(Some(error)).and_then(Value::as_str).map(str::to_owned)
    });
    let message: String =
        message.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect();
    let todo = match status {
        401 | 403 => "its key is not accepted: check FIREFIGHTER_LLM_API_KEY",
        404 => "it knows no such address or model: check FIREFIGHTER_LLM_URL and FIREFIGHTER_LLM_MODEL",
        429 => "it asks us to call less often, or the account's quota is used up",
        500.. => "it has trouble of its own",
        _ => "it refused the request",
    };
    if message.is_empty() { format!("status {status}, {todo}") } else { format!("status {status}, {todo}: {message}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        assert_eq!(reply(text).as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn a_reply_is_its_first_choice_and_every_other_end_has_a_reason() {
        check(r#"{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}]}"#, Ok("yes"));
        check(r#"{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}"#, Err("its answer is empty"));
        check(r#"{"choices":[]}"#, Err("its answer is empty"));
        check(
            r#"{"choices":[{"message":{"content":"ye"},"finish_reason":"length"}]}"#,
            Err("its answer was cut off at its limit of tokens"),
        );
        check("<html>", Err("it does not answer like a model: check the address"));
    }

    #[test]
    fn azure_gets_its_own_header_and_keeps_its_query() {
        let choice =
            |url: &str| Choice { url: Url::parse(url).unwrap(), model: "m".to_owned(), key: Some("k".to_owned()) };
        let azure =
            choice("https://x.openai.azure.com/openai/v1?api-version=preview").request("chat/completions", None);
        assert_eq!(azure.url.as_str(), "https://x.openai.azure.com/openai/v1/chat/completions?api-version=preview");
        assert_eq!(azure.credentials, [("api-key", "k".to_owned())]);
        let other = choice("http://localhost:11434/v1/").request("chat/completions", None);
        assert_eq!(other.url.as_str(), "http://localhost:11434/v1/chat/completions");
        assert_eq!(other.credentials, [("authorization", "Bearer k".to_owned())]);
    }
}

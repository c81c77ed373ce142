//! Who answers, and how to talk to them. A provider that speaks a known dialect is one row in [`PROVIDERS`].
//!
//! A dialect is two pure conversions: a question into a path, headers and JSON; JSON that comes back into what was heard.

use serde_json::Value;
use url::Url;

use crate::http::{Request, public};

use super::facts::Facts;
use super::talk::{Heard, Question, SCHEMA};
use super::{anthropic, bedrock, gemini, openai, responses, sign};

/// A provider of models.
#[derive(Debug)]
pub struct Provider {
    /// Its name in settings.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Where it is; empty where each customer has an address of their own.
    pub address: &'static str,
    /// The ends of its host names, with which an address is recognized. Only there do the keys below go by themselves.
    pub hosts: &'static [&'static str],
    /// The variables in which its users keep their key, the first that is set counts.
    pub keys: &'static [&'static str],
    /// How it is talked to.
    pub dialect: Dialect,
    /// How a key is shown.
    pub auth: Auth,
    /// How firmly it can be asked for JSON.
    pub structure: Structure,
    /// Its model where none is named; empty where there is none to rely on.
    pub model: &'static str,
}

/// The form of a provider's requests and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `OpenAI`'s chat completions.
    Chat,
    /// `OpenAI`'s responses.
    Responses,
    /// Anthropic's messages.
    Messages,
    /// Google's `generateContent`.
    Gemini,
    /// `Converse` of AWS Bedrock.
    Converse,
}

/// How a key is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer`.
    Bearer,
    /// `api-key`; a token of Entra, which is a JWT, as a bearer.
    Azure,
    /// `x-api-key`.
    Anthropic,
    /// `x-goog-api-key`.
    Google,
    /// A bearer key of Bedrock, or a signature by an access key.
    Aws,
}

/// How firmly a provider can be asked for JSON. Whoever refuses is asked less firmly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Structure {
    /// Only in words.
    Words,
    /// For any JSON object.
    Json,
    /// For JSON that follows a schema.
    Schema,
}

/// Every provider. The last row speaks for all others that are compatible with `OpenAI`.
#[rustfmt::skip]
pub const PROVIDERS: &[Provider] = &[
    Provider { name: "openai", title: "OpenAI", address: "https://api.openai.com/v1", hosts: &["api.openai.com"],
        keys: &["OPENAI_API_KEY"], dialect: Dialect::Chat, auth: Auth::Bearer, structure: Structure::Schema, model: "gpt-6-luna" },
    Provider { name: "openai-responses", title: "OpenAI", address: "https://api.openai.com/v1", hosts: &["api.openai.com"],
        keys: &["OPENAI_API_KEY"], dialect: Dialect::Responses, auth: Auth::Bearer, structure: Structure::Schema, model: "gpt-6-luna" },
    Provider { name: "azure", title: "Azure OpenAI", address: "", hosts: &[".azure.com", ".azure.us", ".azure.cn"],
        keys: &["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"], dialect: Dialect::Chat, auth: Auth::Azure, structure: Structure::Schema, model: "" },
    Provider { name: "azure-responses", title: "Azure OpenAI", address: "", hosts: &[".azure.com", ".azure.us", ".azure.cn"],
        keys: &["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"], dialect: Dialect::Responses, auth: Auth::Azure, structure: Structure::Schema, model: "" },
    Provider { name: "copilot", title: "GitHub Copilot", address: "https://api.githubcopilot.com", hosts: &[".githubcopilot.com"],
        keys: &["COPILOT_GITHUB_TOKEN"], dialect: Dialect::Chat, auth: Auth::Bearer, structure: Structure::Schema, model: "" },
    Provider { name: "anthropic", title: "Anthropic", address: "https://api.anthropic.com", hosts: &["api.anthropic.com"],
        keys: &["ANTHROPIC_API_KEY"], dialect: Dialect::Messages, auth: Auth::Anthropic, structure: Structure::Schema, model: "claude-haiku-5-5" },
    Provider { name: "gemini", title: "Google Gemini", address: "https://generativelanguage.googleapis.com", hosts: &["generativelanguage.googleapis.com"],
        keys: &["GEMINI_API_KEY", "GOOGLE_API_KEY"], dialect: Dialect::Gemini, auth: Auth::Google, structure: Structure::Schema, model: "gemini-3.8-flash" },
    Provider { name: "bedrock", title: "AWS Bedrock", address: "", hosts: &[".amazonaws.com", ".amazonaws.com.cn"],
        keys: &["AWS_BEARER_TOKEN_BEDROCK"], dialect: Dialect::Converse, auth: Auth::Aws, structure: Structure::Schema, model: "" },
    Provider { name: "mistral", title: "Mistral", address: "https://api.mistral.ai/v1", hosts: &["api.mistral.ai"],
        keys: &["MISTRAL_API_KEY"], dialect: Dialect::Chat, auth: Auth::Bearer, structure: Structure::Schema, model: "mistral-small-latest" },
    Provider { name: "groq", title: "Groq", address: "https://api.groq.com/openai/v1", hosts: &["api.groq.com"],
        keys: &["GROQ_API_KEY"], dialect: Dialect::Chat, auth: Auth::Bearer, structure: Structure::Schema, model: "openai/gpt-oss-120b" },
    Provider { name: "deepseek", title: "DeepSeek", address: "https://api.deepseek.com", hosts: &["api.deepseek.com"],
        keys: &["DEEPSEEK_API_KEY"], dialect: Dialect::Chat, auth: Auth::Bearer, structure: Structure::Json, model: "deepseek-flash" },
    Provider { name: "openrouter", title: "OpenRouter", address: "https://openrouter.ai/api/v1", hosts: &["openrouter.ai"],
        keys: &["OPENROUTER_API_KEY"], dialect: Dialect::Chat, auth: Auth::Bearer, structure: Structure::Schema, model: "" },
    Provider { name: "ollama", title: "Ollama", address: "http://localhost:11434/v1", hosts: &[],
        keys: &[], dialect: Dialect::Chat, auth: Auth::Bearer, structure: Structure::Schema, model: "" },
    Provider { name: "vllm", title: "vLLM", address: "http://localhost:8000/v1", hosts: &[],
        keys: &[], dialect: Dialect::Chat, auth: Auth::Bearer, structure: Structure::Schema, model: "" },
    Provider { name: "llama.cpp", title: "llama.cpp", address: "http://localhost:8080/v1", hosts: &[],
        keys: &[], dialect: Dialect::Chat, auth: Auth::Bearer, structure: Structure::Schema, model: "" },
    Provider { name: "lm-studio", title: "LM Studio", address: "http://localhost:1234/v1", hosts: &[],
        keys: &[], dialect: Dialect::Chat, auth: Auth::Bearer, structure: Structure::Schema, model: "" },
    Provider { name: COMPATIBLE, title: "", address: "", hosts: &[],
        keys: &[], dialect: Dialect::Chat, auth: Auth::Bearer, structure: Structure::Schema, model: "" },
];

/// The row for everyone else.
const COMPATIBLE: &str = "compatible";

impl Provider {
    /// The provider of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.name == name)
    }

    /// The provider that `url` belongs to.
    #[must_use]
    pub fn at(url: &Url) -> Option<&'static Self> {
        // Google and AWS also have addresses that are compatible with OpenAI; their paths say so.
        let compatible = url.path().contains("/openai");
        PROVIDERS
            .iter()
            .find(|row| row.owns(url) && !(compatible && matches!(row.dialect, Dialect::Gemini | Dialect::Converse)))
            .or_else(|| Self::named(COMPATIBLE))
    }

    /// Whether `url` is the provider's own, so that its key may go there.
    #[must_use]
    pub fn owns(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let ends = |end: &&str| {
            host.strip_suffix(end).is_some_and(|rest| rest.is_empty() || end.starts_with('.') || rest.ends_with('.'))
        };
        // Below AWS's name stands much that belongs to others.
        let serves = self.auth != Auth::Aws || sign::region(host).is_some();
        url.scheme() == "https" && serves && self.hosts.iter().any(ends)
    }

    /// Whether its models run on machines of the user's own: nothing is charged for a token.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.hosts.is_empty() && !self.address.is_empty()
    }
}

/// What a provider wants to see.
#[derive(Clone)]
pub enum Key {
    /// Nothing.
    None,
    /// A key or a token.
    Secret(String),
    /// An access key of AWS, with which each request is signed.
    Aws(sign::AccessKey),
}

/// A model to ask.
#[derive(Clone)]
pub struct Model {
    /// Whose it is.
    pub provider: &'static Provider,
    /// Where: the address below which the dialect's paths stand, with a query where one is needed.
    pub url: Url,
    /// Its name; on Azure the deployment's.
    pub name: String,
    /// The key.
    pub key: Key,
    /// Its limits and prices, as far as they are known.
    pub facts: Facts,
}

impl Model {
    /// Whose model it is, for people.
    #[must_use]
    pub fn provider(&self) -> String {
        match self.provider.title {
            "" => self.url.host_str().unwrap_or("unknown").to_owned(),
            title => title.to_owned(),
        }
    }

    /// `text` without the key: a provider's message may quote it.
    pub(super) fn hide(&self, text: &str) -> String {
        let secrets: &[&str] = match &self.key {
            Key::None => &[],
            Key::Secret(key) => &[key],
            Key::Aws(key) => &[&key.secret, key.token.as_deref().unwrap_or_default()],
        };
        let secrets = secrets.iter().filter(|secret| !secret.is_empty());
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "(hidden)"))
    }

    /// The request that asks `question`.
    pub(super) fn request(&self, question: &Question) -> Request {
        let body = self.provider.dialect.body(&self.name, question).to_string();
        let body = match question.schema {
            Some(schema) => body.replace(&format!("\"{SCHEMA}\""), schema),
            None => body,
        };
        let mut url = self.url.clone();
        let (path, query) = self.provider.dialect.path(self, question);
        url.set_path(&path);
        if let Some(query) = query {
            url.query_pairs_mut().append_pair(query.0, query.1);
        }
        let mut request = Request::get(url);
        request.headers.push(("content-type", "application/json".to_owned()));
        if self.provider.dialect == Dialect::Messages {
            request.headers.push(("anthropic-version", anthropic::VERSION.to_owned()));
        }
        let bearer = |key: &str| ("authorization", format!("Bearer {key}"));
        match (&self.key, self.provider.auth) {
            (Key::None, _) => {}
            (Key::Secret(key), Auth::Bearer | Auth::Aws) => request.credentials.push(bearer(key)),
            // A token of Entra is a JWT; an api-key has neither its beginning nor its dots.
            (Key::Secret(key), Auth::Azure) if key.starts_with("eyJ") && key.contains('.') => {
                request.credentials.push(bearer(key));
            }
            (Key::Secret(key), Auth::Azure) => request.credentials.push(("api-key", key.clone())),
            (Key::Secret(key), Auth::Anthropic) => request.credentials.push(("x-api-key", key.clone())),
            (Key::Secret(key), Auth::Google) => request.credentials.push(("x-goog-api-key", key.clone())),
            (Key::Aws(key), _) => request.credentials.extend(sign::headers(key, "bedrock", &request.url, &body)),
        }
        request.body = Some(body);
        request
    }

    /// Where `question` goes, as a message may show it.
    pub(super) fn address(request: &Request) -> String {
        public(&request.url)
    }
}

impl Dialect {
    /// The path of the request, and what is added to its query.
    fn path(self, model: &Model, question: &Question) -> (String, Option<(&'static str, &'static str)>) {
        let base = model.url.path().trim_end_matches('/');
        match self {
            Self::Chat => (openai::path(model, base), None),
            Self::Responses => (responses::path(model, base), None),
            Self::Messages => (anthropic::path(base), None),
            Self::Gemini => gemini::path(base, &model.name, question.stream),
            Self::Converse => (bedrock::path(base, &model.name, question.stream), None),
        }
    }

    fn body(self, model: &str, question: &Question) -> Value {
        match self {
            Self::Chat => openai::body(model, question),
            Self::Responses => responses::body(model, question),
            Self::Messages => anthropic::body(model, question),
            Self::Gemini => gemini::body(question),
            Self::Converse => bedrock::body(question),
        }
    }

    /// Adds what `value`, a whole answer or one event of a stream, says.
    pub(super) fn hear(self, value: &Value, heard: &mut Heard) {
        match self {
            Self::Chat => openai::hear(value, heard),
            Self::Responses => responses::hear(value, heard),
            Self::Messages => anthropic::hear(value, heard),
            Self::Gemini => gemini::hear(value, heard),
            Self::Converse => bedrock::hear(value, heard),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: &str) {
        let url = Url::parse(address).unwrap();
        assert_eq!(Provider::at(&url).map(|provider| provider.name), Some(expected), "{address}");
    }

    #[test]
    fn an_address_tells_its_provider() {
        check("https://api.openai.com/v1", "openai");
        check("https://shop.openai.azure.com/openai/v1", "azure");
        check("https://api.anthropic.com/v1", "anthropic");
        check("https://bedrock-runtime.eu-west-1.amazonaws.com", "bedrock");
        check("https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1", "compatible");
        check("https://generativelanguage.googleapis.com/v1beta/openai", "compatible");
        check("http://localhost:11434/v1", "compatible");
        check("http://api.openai.com/v1", "compatible");
        check("https://vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "bedrock");
        check("https://bucket.s3.eu-west-1.amazonaws.com", "compatible");
        check("https://api.openai.com.example.com/v1", "compatible");
        check("https://notapi.openai.com/v1", "compatible");
    }

    #[test]
    fn names_are_used_once() {
        let mut names: Vec<_> = PROVIDERS.iter().map(|provider| provider.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PROVIDERS.len());
    }
}

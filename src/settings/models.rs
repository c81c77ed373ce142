//! The settings of models, made sense of: which are asked, where, with which key, and what they may spend.

use url::Url;

use super::Merged;
use crate::diagnose::facts::{Facts, Table};
use crate::diagnose::provider::{Auth, PROVIDERS, Provider};
use crate::diagnose::{AccessKey, Choice, Given, Key, Limits, Model, region as address_region};
use crate::error::Error;
use crate::host::Env;
use crate::reduce::tokens;
use jiff::Timestamp;

/// An answer larger than this is none.
const LARGEST: u64 = 4 << 20;

impl Merged {
    /// Which models to ask, and how.
    pub(super) fn models(&self, env: &Env, now: Timestamp) -> Result<Choice, Error> {
        let cost = self.text("max-cost").map(|text| {
            let cost = text.trim_start_matches('$').parse::<f64>().ok().filter(|cost| cost.is_finite() && *cost >= 0.0);
            cost.ok_or_else(|| self.wrong("max-cost", "a number of US dollars such as 0.05"))
        });
        let tokens = self.text("max-tokens").map(|_| self.number("max-tokens").map(|number| number as usize));
        let limits = Limits { cost: cost.transpose()?, tokens: tokens.transpose()? };
        let models =
            if self.is_on("no-llm") || self.text("answer").is_some() { Vec::new() } else { self.asked(env, now)? };
        let answer = if self.is_on("no-llm") { None } else { self.given()? };
        Ok(Choice { models, answer, limits, count: tokens::count, ..Choice::default() })
    }

    fn given(&self) -> Result<Option<Given>, Error> {
        let Some(path) = self.text("answer") else { return Ok(None) };
        let wrong = |reason: String| Error::Settings(format!("cannot read the answer in {path}: {reason}"));
        let size = std::fs::metadata(&path).map_err(|error| wrong(error.to_string()))?.len();
        if size > LARGEST {
            return Err(wrong("it is larger than 4 MB".to_owned()));
        }
        let bytes = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
        let model = self.text("llm-model").unwrap_or_else(|| "a model".to_owned());
        Ok(Some(Given { text: String::from_utf8_lossy(&bytes).into_owned(), from: path, model }))
    }

    fn asked(&self, env: &Env, now: Timestamp) -> Result<Vec<Model>, Error> {
        let named = self.text("llm-provider").map(|name| self.provider("llm-provider", &name)).transpose()?;
        let url = self.text("llm-url").map(|text| self.address("llm-url", &text)).transpose()?;
        let Some(provider) = named.or_else(|| Provider::at(url.as_ref()?)) else { return Ok(Vec::new()) };
        let table = self.table()?;
        let name = self.text("llm-model").or_else(|| default(provider)).ok_or_else(|| {
            let set = if named.is_some() { "llm-provider" } else { "llm-url" };
            let why = "set FIREFIGHTER_LLM_MODEL to the model's name";
            Error::Settings(format!("{set} is set but llm-model is not: {why}"))
        })?;
        let url = place(provider, url, "llm-url", env)?;
        let key = self.key(provider, &url, self.text("llm-api-key"), env, now);
        let first = Model { provider, key, facts: self.facts(&table, &name)?, url, name };
        let mut models = vec![first];
        models.extend(self.fallback(&table, models.first(), env, now)?);
        Ok(models)
    }

    /// The model that is asked next.
    fn fallback(
        &self,
        table: &Table,
        first: Option<&Model>,
        env: &Env,
        now: Timestamp,
    ) -> Result<Option<Model>, Error> {
        let Some((text, first)) = self.text("llm-fallback").zip(first) else { return Ok(None) };
        let url = self.text("llm-fallback-url").map(|text| self.address("llm-fallback-url", &text)).transpose()?;
        let own_key = self.text("llm-fallback-api-key");
        let (head, rest) = text.split_once('/').unwrap_or((&text, ""));
        let other = Provider::named(head);
        if other.is_none() && url.is_none() {
            let facts = self.facts(table, &text)?;
            return Ok(Some(Model { name: text, facts, ..first.clone() }));
        }
        let provider = other.or_else(|| Provider::at(url.as_ref()?)).unwrap_or(first.provider);
        let name = match (other, rest) {
            (None, _) => Some(text.clone()),
            (Some(_), "") => default(provider),
            (Some(_), rest) => Some(rest.to_owned()),
        };
        let name =
            name.ok_or_else(|| self.wrong("llm-fallback", "PROVIDER/MODEL: this provider has no usual model"))?;
        let url = place(provider, url, "llm-fallback-url", env)?;
        let key = self.key(provider, &url, own_key, env, now);
        Ok(Some(Model { provider, key, facts: self.facts(table, &name)?, url, name }))
    }

    fn provider(&self, setting: &str, name: &str) -> Result<&'static Provider, Error> {
        let all = || PROVIDERS.iter().map(|provider| provider.name).collect::<Vec<_>>().join(", ");
        Provider::named(&name.to_ascii_lowercase()).ok_or_else(|| self.wrong(setting, &format!("one of {}", all())))
    }

    fn address(&self, setting: &str, text: &str) -> Result<Url, Error> {
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
        url.ok_or_else(|| self.wrong(setting, "an address such as https://api.openai.com/v1"))
    }

    /// The key that was given; else, at the provider's own address alone, the one in the provider's variable.
    fn key(&self, provider: &Provider, url: &Url, given: Option<String>, env: &Env, now: Timestamp) -> Key {
        if let Some(key) = given {
            return Key::Secret(key);
        }
        if !provider.owns(url) {
            return Key::None;
        }
        if let Some(key) = provider.keys.iter().find_map(|name| self.keys.get(*name)) {
            return Key::Secret(key.clone());
        }
        let value = |name: &str| env.get(name).filter(|value| !value.is_empty()).cloned();
        let access = || {
            Some(AccessKey {
                id: value("AWS_ACCESS_KEY_ID")?,
                secret: value("AWS_SECRET_ACCESS_KEY")?,
                token: value("AWS_SESSION_TOKEN"),
                region: url.host_str().and_then(address_region).map(str::to_owned).or_else(|| region(env))?,
                time: now,
            })
        };
        match provider.auth {
            Auth::Aws => access().map_or(Key::None, Key::Aws),
            Auth::Bearer | Auth::Azure | Auth::Anthropic | Auth::Google => Key::None,
        }
    }

    fn table(&self) -> Result<Table, Error> {
        let wrong = |reason: String| Error::Settings(format!("the table of models: {reason}; check llm-models"));
        let own = self.text("llm-models").map(std::fs::read_to_string).transpose();
        Table::with(own.map_err(|error| wrong(error.to_string()))?.as_deref()).map_err(wrong)
    }

    fn facts(&self, table: &Table, model: &str) -> Result<Facts, Error> {
        let mut facts = table.find(model);
        if self.text("llm-context").is_some() {
            facts.context = Some(self.number("llm-context")? as usize);
        }
        Ok(facts)
    }
}

/// Where `provider` is: as given, its usual address, or on AWS the one of the region.
fn place(provider: &Provider, given: Option<Url>, setting: &str, env: &Env) -> Result<Url, Error> {
    if let Some(url) = given {
        return Ok(url);
    }
    let address = match (provider.auth, provider.address) {
        (Auth::Aws, _) => region(env).map(|region| format!("https://bedrock-runtime.{region}.amazonaws.com")),
        (_, "") => None,
        (_, address) => Some(address.to_owned()),
    };
    address.and_then(|address| Url::parse(&address).ok()).ok_or_else(|| {
        let name = provider.name;
        let how = if provider.auth == Auth::Aws { ", or AWS_REGION to the region" } else { "" };
        Error::Settings(format!("the provider {name} has no address that is the same for all: set {setting}{how}"))
    })
}

fn default(provider: &Provider) -> Option<String> {
    (!provider.model.is_empty()).then(|| provider.model.to_owned())
}

fn region(env: &Env) -> Option<String> {
    let found = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| env.get(*name))?;
    let is_name = !found.is_empty() && found.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name.then(|| found.clone())
}

#[cfg(test)]
mod tests {
    use super::super::merge;
    use super::*;
    use std::collections::BTreeMap;

    fn choice(pairs: &[(&str, &str)]) -> Result<Choice, Error> {
        let env: Env = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(merge(&BTreeMap::new(), &env)?.settings(&env, Timestamp::UNIX_EPOCH, &jiff::Zoned::default())?.choice)
    }

    fn key(model: &Model) -> &str {
        match &model.key {
            Key::None => "none",
            Key::Secret(key) => key,
            Key::Aws(key) => &key.region,
        }
    }

    /// Each model as provider, host, name and key.
    fn check(pairs: &[(&str, &str)], expected: &[(&str, &str, &str, &str)]) {
        let choice = choice(pairs).unwrap();
        let found: Vec<_> = choice
            .models
            .iter()
            .map(|model| (model.provider.name, model.url.host_str().unwrap(), model.name.as_str(), key(model)))
            .collect();
        assert_eq!(found, expected, "{pairs:?}");
    }

    const PROVIDER: &str = "FIREFIGHTER_LLM_PROVIDER";
    const URL: &str = "FIREFIGHTER_LLM_URL";
    const MODEL: &str = "FIREFIGHTER_LLM_MODEL";
    const FALLBACK: &str = "FIREFIGHTER_LLM_FALLBACK";

    #[test]
    fn a_provider_and_its_key_are_enough() {
        check(&[], &[]);
        check(&[("OPENAI_API_KEY", "k")], &[]);
        check(&[(PROVIDER, "openai"), ("OPENAI_API_KEY", "k")], &[("openai", "api.openai.com", "gpt-6-luna", "k")]);
        check(&[(PROVIDER, "ollama"), (MODEL, "m")], &[("ollama", "localhost", "m", "none")]);
    }

    #[test]
    fn an_address_tells_the_provider() {
        check(
            &[(URL, "https://x.openai.azure.com"), (MODEL, "m"), ("AZURE_OPENAI_API_KEY", "k")],
            &[("azure", "x.openai.azure.com", "m", "k")],
        );
        check(&[(URL, "http://127.0.0.1:1/v1"), (MODEL, "m")], &[("compatible", "127.0.0.1", "m", "none")]);
    }

    #[test]
    fn a_providers_own_key_goes_to_its_own_address_alone() {
        let key = ("OPENAI_API_KEY", "k");
        check(
            &[(PROVIDER, "openai"), (URL, "https://gateway.example.com/v1"), (MODEL, "m"), key],
            &[("openai", "gateway.example.com", "m", "none")],
        );
        check(
            &[(PROVIDER, "openai"), (URL, "http://api.openai.com/v1"), (MODEL, "m"), key],
            &[("openai", "api.openai.com", "m", "none")],
        );
        check(
            &[
                (PROVIDER, "openai"),
                (URL, "https://gateway.example.com/v1"),
                (MODEL, "m"),
                ("FIREFIGHTER_LLM_API_KEY", "mine"),
            ],
            &[("openai", "gateway.example.com", "m", "mine")],
        );
    }

    #[test]
    fn bedrock_takes_a_bearer_key_or_signs_in_the_addresss_region() {
        let access = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_REGION", "eu-west-1")];
        let base = [(PROVIDER, "bedrock"), (MODEL, "m")];
        let host = "bedrock-runtime.eu-west-1.amazonaws.com";
        check(&[&base[..], &access].concat(), &[("bedrock", host, "m", "eu-west-1")]);
        check(&[&base[..], &access, &[("AWS_BEARER_TOKEN_BEDROCK", "b")]].concat(), &[("bedrock", host, "m", "b")]);
        assert!(choice(&base).err().unwrap().to_string().contains("AWS_REGION"));
        assert!(choice(&[&base[..], &[("AWS_REGION", "evil.example.com/")]].concat()).is_err());
    }

    #[test]
    fn a_fall_back_is_another_model_or_another_provider() {
        let first = [(PROVIDER, "openai"), (MODEL, "a"), ("OPENAI_API_KEY", "k"), ("ANTHROPIC_API_KEY", "n")];
        let of = |fallback: &[(&'static str, &'static str)]| [&first[..], fallback].concat();
        let openai = ("openai", "api.openai.com", "a", "k");
        check(&of(&[(FALLBACK, "b")]), &[openai, ("openai", "api.openai.com", "b", "k")]);
        check(&of(&[(FALLBACK, "anthropic/b")]), &[openai, ("anthropic", "api.anthropic.com", "b", "n")]);
        check(&of(&[(FALLBACK, "anthropic")]), &[openai, ("anthropic", "api.anthropic.com", "claude-haiku-5-5", "n")]);
        check(&of(&[(FALLBACK, "ollama/llama3.1:8b")]), &[openai, ("ollama", "localhost", "llama3.1:8b", "none")]);
        check(
            &of(&[(FALLBACK, "b"), ("FIREFIGHTER_LLM_FALLBACK_URL", "https://gateway.example.com/v1")]),
            &[openai, ("compatible", "gateway.example.com", "b", "none")],
        );
    }

    #[test]
    fn what_is_known_of_a_model_comes_from_the_table_or_the_user() {
        let model = |pairs: &[(&str, &str)]| choice(pairs).unwrap().models.remove(0).facts;
        assert_eq!(model(&[(PROVIDER, "openai"), (MODEL, "gpt-4o")]).context, Some(128_000));
        assert_eq!(
            model(&[(PROVIDER, "ollama"), (MODEL, "m"), ("FIREFIGHTER_LLM_CONTEXT", "8192")]).context,
            Some(8_192)
        );
        assert_eq!(model(&[(PROVIDER, "ollama"), (MODEL, "m")]).context, None);
    }

    #[test]
    fn keys_of_providers_are_secrets() {
        let env: Env = [("GROQ_API_KEY", "gsk_x"), ("AWS_SECRET_ACCESS_KEY", "s3cret")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let secrets = merge(&BTreeMap::new(), &env).unwrap().secrets();
        assert!(secrets.contains(&"gsk_x".to_owned()) && secrets.contains(&"s3cret".to_owned()));
        assert!(super::super::secrets_in(&env).contains(&"gsk_x".to_owned()));
    }
}

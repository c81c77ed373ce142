//! Settings: flags over environment over `firefighter.toml` over defaults, and where each value came from.
//!
//! [`SETTINGS`] has a row for each; flags, help, the file's keys and the table of `--show-settings` are made from it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use anstream::ColorChoice;
use jiff::{Timestamp, Zoned};
use url::Url;

use crate::diagnose::Choice;
use crate::diagnose::provider::PROVIDERS;
use crate::error::Error;
use crate::forge;
use crate::host::octopus::{self, Again, Beside, Credential, Plain, Question, Target};
use crate::host::{self, Env};
use crate::http::{Network, Roots, in_ascii};
use crate::publish::Outputs;
use crate::redact::Also;
use crate::reduce::Budget;

/// What a setting is, and where it may come from.
#[derive(Debug)]
pub struct Row {
    /// Its flag, without the dashes; also its name in `--show-settings`.
    pub name: &'static str,
    /// Its variables, the first that is set counts.
    pub env: &'static [&'static str],
    /// Its key in the file; empty for what makes no sense there.
    pub file: &'static str,
    /// Its value when nobody says anything.
    pub default: &'static str,
    /// What it takes, for the help.
    pub kind: Kind,
    /// What it does, for the help.
    pub help: &'static str,
    /// The heading it stands under in the help.
    pub group: &'static str,
}

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value with this name.
    Value(&'static str),
    /// A value with this name that is never shown.
    Secret(&'static str),
    /// An address or a trust anchor: from a file it counts only when the file was named, for a repository's file must not
    /// send keys elsewhere.
    Place(&'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Nothing: on when given.
    Switch,
}

const WHAT: &str = "What to diagnose";
const OCTOPUS: &str = "Octopus Deploy";
const CI: &str = "Build server";
const MODEL: &str = "Model";
const READING: &str = "Evidence";
const FORGE: &str = "Commits and work items";
const OUTPUT: &str = "Output";
const NETWORK: &str = "Network";

const fn row(
    name: &'static str,
    env: &'static [&'static str],
    file: &'static str,
    default: &'static str,
    kind: Kind,
    group: &'static str,
    help: &'static str,
) -> Row {
    Row { name, env, file, default, kind, help, group }
}

/// Every setting.
#[rustfmt::skip]
pub const SETTINGS: &[Row] = &[
    row("log", &["FIREFIGHTER_LOG"], "", "", Kind::Value("FILE"), WHAT,
        "A log to read; `-` for the standard input"),
    row("baseline", &["FIREFIGHTER_BASELINE"], "", "", Kind::Value("FILE"), WHAT,
        "With --log or `run`: the log of a good run of the same thing. What it says too explains less"),
    row("question", &["FIREFIGHTER_QUESTION"], "", "", Kind::Value("TEXT"), WHAT,
        "A question in words, such as \"Why did Shop fail in Production yesterday?\": it finds the run where nothing else names one, \
         and a model answers it. The command `ask` takes it without the flag"),
    row("case", &["FIREFIGHTER_CASE"], "", "", Kind::Value("FILE"), WHAT,
        "A saved case: the firefighter.json of an earlier report. Nothing is collected; goes before all else that names a run"),
    row("url", &["FIREFIGHTER_URL"], "", "", Kind::Value("ADDRESS"), WHAT,
        "An Octopus run by its address in the portal: a task, a deployment or a release"),
    row("task", &["FIREFIGHTER_TASK"], "", "", Kind::Value("ID"), WHAT,
        "An Octopus run by its task, such as ServerTasks-123"),
    row("deployment", &["FIREFIGHTER_DEPLOYMENT"], "", "", Kind::Value("ID"), WHAT,
        "An Octopus run by its deployment, such as Deployments-45, or by its runbook run, such as RunbookRuns-6"),
    row("project", &["FIREFIGHTER_PROJECT"], "", "", Kind::Value("NAME"), WHAT,
        "With --release and --environment: an Octopus deployment by names. The latest one where several fit"),
    row("release", &["FIREFIGHTER_RELEASE"], "", "", Kind::Value("VERSION"), WHAT, "The release's version"),
    row("environment", &["FIREFIGHTER_ENVIRONMENT"], "", "", Kind::Value("NAME"), WHAT, "The environment"),
    row("tenant", &["FIREFIGHTER_TENANT"], "", "", Kind::Value("NAME"), WHAT, "The tenant"),
    row("on", &["FIREFIGHTER_ON"], "", "failure", Kind::Choice(&["failure", "always"]), WHAT,
        "With `run`: when to diagnose the command"),
    row("on-success", &["FIREFIGHTER_ON_SUCCESS"], "", "nothing", Kind::Choice(&["nothing", "compare"]), WHAT,
        "With `run`: what to do when the command ends well. `compare` says how long it took beside its earlier good runs, and after \
         which line it waited longer"),
    row("times", &["FIREFIGHTER_TIMES"], "times", "firefighter-times.json", Kind::Place("FILE"), WHAT,
        "With --on-success compare: the file that keeps the times of good runs. On a build server, keep it in the cache"),
    row("force", &["FIREFIGHTER_FORCE"], "", "false", Kind::Switch, WHAT,
        "Diagnose a run again that was diagnosed before"),

    row("octopus-url", &["FIREFIGHTER_OCTOPUS_URL", "OCTOPUS_URL"], "octopus.url", "", Kind::Place("ADDRESS"), OCTOPUS,
        "The server, such as https://octopus.example.com"),
    row("octopus-api-key", &["FIREFIGHTER_OCTOPUS_API_KEY", "OCTOPUS_API_KEY"], "octopus.api_key", "", Kind::Secret("KEY"), OCTOPUS,
        "An API key that may read. Better given as a variable: flags are seen by others on the machine"),
    row("octopus-access-token", &["FIREFIGHTER_OCTOPUS_ACCESS_TOKEN", "OCTOPUS_ACCESS_TOKEN"], "octopus.access_token", "", Kind::Secret("TOKEN"), OCTOPUS,
        "An access token instead of a key, such as one from an OIDC login"),
    row("octopus-space", &["FIREFIGHTER_OCTOPUS_SPACE", "OCTOPUS_SPACE"], "octopus.space", "", Kind::Value("SPACE"), OCTOPUS,
        "The space, by id, name or slug"),

    row("ci", &["FIREFIGHTER_CI"], "", "auto", Kind::Value("NAME"), CI,
        "The build server we run on: github, gitlab, azure, teamcity, buildkite, circleci, bitbucket, jenkins, other; \
         or auto to find out, or none to print a report for a person"),
    row("ci-token", &["FIREFIGHTER_CI_TOKEN"], "", "", Kind::Secret("TOKEN"), CI,
        "A token that may read the run's jobs and their logs; on GitHub `${{ github.token }}`, on Jenkins USER:TOKEN. Each server's usual \
         variable counts too, such as SYSTEM_ACCESSTOKEN"),
    row("ci-url", &["FIREFIGHTER_CI_URL"], "", "", Kind::Place("ADDRESS"), CI,
        "Where that server's API is, where it does not say so itself: Buildkite's, CircleCI's, Bitbucket's or its pipeline's proxy"),
    row("comment", &["FIREFIGHTER_COMMENT"], "", "false", Kind::Switch, CI,
        "Write the report as one comment where the change is discussed, over the one of an earlier run"),
    row("check-run", &["FIREFIGHTER_CHECK_RUN"], "", "false", Kind::Switch, CI,
        "On GitHub: tell the report as a check run of the commit too. It is always neutral and blocks nothing"),

    row("llm-provider", &["FIREFIGHTER_LLM_PROVIDER"], "llm.provider", "", Kind::Place("NAME"), MODEL,
        "Ask a model of this provider: openai, openai-responses, azure, azure-responses, anthropic, gemini, bedrock, mistral, groq, \
         deepseek, openrouter, copilot, ollama, vllm, llama.cpp, lm-studio, compatible. Without it and --llm-url the built-in catalogue answers"),
    row("llm-url", &["FIREFIGHTER_LLM_URL"], "llm.url", "", Kind::Place("ADDRESS"), MODEL,
        "Where the model is, if not at the provider's usual address: https://NAME.openai.azure.com, http://localhost:11434/v1. \
         Without --llm-provider it tells the provider, else the dialect is that of OpenAI's chat completions"),
    row("llm-model", &["FIREFIGHTER_LLM_MODEL"], "llm.model", "", Kind::Value("NAME"), MODEL,
        "The model's name; on Azure the deployment's. Some providers have one that is asked without it"),
    row("llm-api-key", &["FIREFIGHTER_LLM_API_KEY"], "llm.api_key", "", Kind::Secret("KEY"), MODEL,
        "The model's key; local servers need none. At a provider's own address its usual variable counts too, such as OPENAI_API_KEY"),
    row("llm-fallback", &["FIREFIGHTER_LLM_FALLBACK"], "llm.fallback", "", Kind::Place("MODEL"), MODEL,
        "Asked when the first gives no answer to use: another model of the same provider, or PROVIDER/MODEL, such as ollama/llama3.1:8b"),
    row("llm-fallback-url", &["FIREFIGHTER_LLM_FALLBACK_URL"], "llm.fallback_url", "", Kind::Place("ADDRESS"), MODEL,
        "Where the fall-back is, if not at its provider's usual address"),
    row("llm-fallback-api-key", &["FIREFIGHTER_LLM_FALLBACK_API_KEY"], "llm.fallback_api_key", "", Kind::Secret("KEY"), MODEL,
        "The key of a fall-back at another provider, if not in that provider's usual variable"),
    row("llm-models", &["FIREFIGHTER_LLM_MODELS"], "llm.models", "", Kind::Place("FILE"), MODEL,
        "Your own table of models, as TOML: context and prices, before the built-in one"),
    row("llm-context", &["FIREFIGHTER_LLM_CONTEXT"], "llm.context", "", Kind::Value("TOKENS"), MODEL,
        "How much the model reads and writes in all, where the table does not know it, as of a local server"),
    row("max-tokens", &["FIREFIGHTER_MAX_TOKENS"], "llm.max_tokens", "", Kind::Value("TOKENS"), MODEL,
        "The most tokens of all questions and answers together"),
    row("max-cost", &["FIREFIGHTER_MAX_COST"], "llm.max_cost", "", Kind::Value("DOLLARS"), MODEL,
        "The most a run may cost at the model's list price, in US dollars; a model without a known price is then not asked"),
    row("answer", &["FIREFIGHTER_ANSWER"], "", "", Kind::Value("FILE"), MODEL,
        "Take the answer in this file, got elsewhere for what `prompt` prints, and ask no model"),
    row("record", &["FIREFIGHTER_RECORD"], "llm.record", "", Kind::Value("FOLDER"), MODEL,
        "Keep each request to a model and its answer there, secrets masked, keys never"),
    row("share", &["FIREFIGHTER_SHARE"], "llm.share", "false", Kind::Switch, MODEL,
        "Inside Octopus: take over the answer that another run of the release got for the same failure, and keep ours for others as an \
         artifact: a model's own words, masked and not yet held against the log"),
    row("no-llm", &["FIREFIGHTER_NO_LLM"], "llm.off", "false", Kind::Switch, MODEL, "Ask no model, whatever else is set"),

    row("budget", &["FIREFIGHTER_BUDGET"], "budget", "4000", Kind::Value("TOKENS"), READING,
        "How much of the log is shown as evidence, in tokens of the o200k vocabulary"),
    row("signatures", &["FIREFIGHTER_SIGNATURES"], "signatures", "", Kind::Value("FILE"), READING,
        "Your own known failures, as TOML, beside the built-in ones"),
    row("runbooks", &["FIREFIGHTER_RUNBOOKS"], "runbooks", "", Kind::Value("FOLDER"), READING,
        "A folder of Markdown runbooks or postmortems; those that speak of the failure are offered with it"),

    row("forge", &["FIREFIGHTER_FORGE"], "forge.hosts", "", Kind::Place("KIND=ADDRESS"), FORGE,
        "Hosts of your own that commits and work items are looked up at, beside the public ones: github, gitlab, bitbucket, \
         azure-devops or gitea, such as gitlab=https://git.example.com; several with commas between"),
    row("github-token", &["FIREFIGHTER_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"], "forge.github_token", "", Kind::Secret("TOKEN"), FORGE,
        "A token that may read contents and issues. Goes to the address that --forge names for its kind, else to the public host"),
    row("gitlab-token", &["FIREFIGHTER_GITLAB_TOKEN", "GITLAB_TOKEN"], "forge.gitlab_token", "", Kind::Secret("TOKEN"), FORGE,
        "The same for GitLab"),
    row("bitbucket-token", &["FIREFIGHTER_BITBUCKET_TOKEN"], "forge.bitbucket_token", "", Kind::Secret("TOKEN"), FORGE,
        "The same for Bitbucket; an API token as USER:TOKEN"),
    row("azure-devops-token", &["FIREFIGHTER_AZURE_DEVOPS_TOKEN", "AZURE_DEVOPS_EXT_PAT"], "forge.azure_devops_token", "", Kind::Secret("TOKEN"), FORGE,
        "The same for Azure DevOps"),
    row("gitea-token", &["FIREFIGHTER_GITEA_TOKEN"], "forge.gitea_token", "", Kind::Secret("TOKEN"), FORGE,
        "The same for Gitea or Forgejo; only with --forge"),
    row("issues", &["FIREFIGHTER_ISSUES"], "forge.issues", "", Kind::Place("OWNER/REPO"), FORGE,
        "Search the issues of this repository on GitHub for some telling words of the evidence, masked; `auto` for the one the \
         commits come from. Without it nothing is searched"),
    row("no-forge", &["FIREFIGHTER_NO_FORGE"], "forge.off", "false", Kind::Switch, FORGE,
        "Ask nobody for commits, work items and issues, whatever else is set"),

    row("format", &["FIREFIGHTER_FORMAT"], "format", "text", Kind::Choice(&["text", "json", "markdown", "html"]), OUTPUT,
        "What to print"),
    row("out", &["FIREFIGHTER_OUT"], "out", "", Kind::Value("FOLDER"), OUTPUT,
        "Also write the report there as firefighter.md, .html and .json. Inside Octopus: ./firefighter-report"),
    row("color", &["FIREFIGHTER_COLOR"], "color", "auto", Kind::Choice(&["auto", "always", "never"]), OUTPUT,
        "Colors; `auto` uses them on a terminal unless NO_COLOR is set"),
    row("mask", &["FIREFIGHTER_MASK"], "mask", "", Kind::Value("KINDS"), OUTPUT,
        "Mask besides secrets: `email` for e-mail addresses, `ip` for IP addresses, `email,ip` for both"),
    row("strict", &["FIREFIGHTER_STRICT"], "", "false", Kind::Switch, OUTPUT,
        "Exit with a code that tells the outcome instead of always 0"),
    row("deadline", &["FIREFIGHTER_DEADLINE"], "deadline", "120", Kind::Value("SECONDS"), OUTPUT,
        "The longest the whole run may take"),

    row("client-cert", &["FIREFIGHTER_CLIENT_CERT"], "network.client_cert", "", Kind::Place("FILE"), NETWORK,
        "A certificate to show to servers that ask for one, as PEM, with its key in the same file or in --client-key"),
    row("client-key", &["FIREFIGHTER_CLIENT_KEY"], "network.client_key", "", Kind::Place("FILE"), NETWORK,
        "The key of --client-cert, as PEM"),
    row("proxy", &["FIREFIGHTER_PROXY"], "network.proxy", "", Kind::Place("ADDRESS"), NETWORK,
        "A proxy for all calls, such as http://user:password@proxy:3128. Without it HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY count"),
    row("ca-file", &["FIREFIGHTER_CA_FILE"], "network.ca_file", "", Kind::Place("FILE"), NETWORK,
        "More certificate authorities to trust, as PEM"),
    row("tls-roots", &["FIREFIGHTER_TLS_ROOTS"], "network.tls_roots", "both", Kind::Choice(&["both", "system", "bundled"]), NETWORK,
        "Which certificate authorities are trusted beside those of --ca-file"),
];

/// The flag and variable that name the file itself.
pub const FILE_FLAG: &str = "config";
const FILE_ENV: &str = "FIREFIGHTER_CONFIG";
/// The file that is read when none is named and it is there.
const FILE_NAME: &str = "firefighter.toml";

mod forges;
mod models;

/// What the user typed: flag names without dashes, and their values; `true` for a switch.
pub type Flags = BTreeMap<String, String>;

/// A value and where it came from.
#[derive(Debug, Clone)]
struct Given {
    value: String,
    from: String,
}

/// All settings, merged and not yet made sense of.
pub struct Merged {
    values: BTreeMap<&'static str, Given>,
    /// The variables in which providers of models look for their keys.
    keys: BTreeMap<String, String>,
    /// What was left aside, for the reader.
    pub remarks: Vec<String>,
}

/// All settings, as the stages take them.
pub struct Settings {
    /// For the host.
    pub access: host::Access,
    /// A saved case to diagnose instead of a run.
    pub case: Option<PathBuf>,
    /// For the network.
    pub network: Network,
    /// For reduce.
    pub budget: Budget,
    /// A file of the user's own signatures.
    pub signatures: Option<PathBuf>,
    /// A folder of the user's runbooks.
    pub runbooks: Option<PathBuf>,
    /// Where commits and work items are looked up.
    pub forge: forge::Choice,
    /// For diagnose.
    pub choice: Choice,
    /// For redact.
    pub mask: Also,
    /// For publish.
    pub outputs: Outputs,
    /// The file that keeps the times of good runs of a command.
    pub times: PathBuf,
    /// For everything.
    pub deadline: Duration,
    /// What was left aside, for the reader.
    pub remarks: Vec<String>,
}

/// Merges flags, environment, file and defaults. Errors when the file can't be read or has a key that does not exist.
pub fn merge(flags: &Flags, env: &Env) -> Result<Merged, Error> {
    let named = flags.get(FILE_FLAG).cloned().or_else(|| env.get(FILE_ENV).cloned()).filter(|path| !path.is_empty());
    let path = named.clone().unwrap_or_else(|| FILE_NAME.to_owned());
    let table = match std::fs::read_to_string(&path) {
        Ok(text) => parse(&path, &text)?,
        Err(error) if named.is_some() => {
            return Err(Error::Settings(format!("cannot read the settings file {path}: {error}; check --config")));
        }
        Err(_) => BTreeMap::new(),
    };
    let mut remarks = Vec::new();
    let mut values = BTreeMap::new();
    for row in SETTINGS {
        let flag = flags.get(row.name).map(|value| (value.clone(), format!("flag --{}", row.name)));
        let variable = row.env.iter().find_map(|name| {
            let value = env.get(*name).filter(|value| !value.trim().is_empty())?;
            Some((value.trim().to_owned(), format!("variable {name}")))
        });
        let mut file = table.get(row.file).map(|value| (value.clone(), format!("file {path}")));
        if let (Kind::Place(_), Some(_), None) = (row.kind, &file, &named) {
            remarks.push(format!("{} in {path} is not used: name the file with --config to use it", row.file));
            file = None;
        }
        let default = (row.default.to_owned(), "default".to_owned());
        let (value, from) = flag.or(variable).or(file).unwrap_or(default);
        values.insert(row.name, Given { value, from });
    }
    let keys =
        key_variables().filter_map(|name| Some((name.to_owned(), env.get(name).filter(|v| !v.is_empty())?.clone())));
    Ok(Merged { values, keys: keys.collect(), remarks })
}

/// The names of all variables that may hold a key of a provider of models.
fn key_variables() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().flat_map(|provider| provider.keys).chain(&["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]).copied()
}

/// The file's keys with dots between tables, and their values as text.
fn parse(path: &str, text: &str) -> Result<BTreeMap<String, String>, Error> {
    let wrong = |reason: String| Error::Settings(format!("the settings file {path} is broken: {reason}"));
    let table: toml::Table =
        toml::from_str(text).map_err(|error| wrong(error.to_string().trim().replace('\n', " ")))?;
    let mut flat = BTreeMap::new();
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => {
                flat.extend(inner.into_iter().map(|(name, value)| (format!("{key}.{name}"), value)));
            }
            other => drop(flat.insert(key, other)),
        }
    }
    flat.into_iter()
        .map(|(key, value)| {
            if !SETTINGS.iter().any(|row| !row.file.is_empty() && row.file == key) {
                let all: Vec<_> = SETTINGS.iter().map(|row| row.file).filter(|file| !file.is_empty()).collect();
                return Err(wrong(format!("there is no setting {key}; there are {}", all.join(", "))));
            }
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(on) => on.to_string(),
                _ => return Err(wrong(format!("{key} must be a text, a number, true or false"))),
            };
            Ok((key, text))
        })
        .collect()
}

impl Merged {
    fn text(&self, name: &str) -> Option<String> {
        self.values.get(name).map(|given| given.value.clone()).filter(|value| !value.is_empty())
    }

    fn is_on(&self, name: &str) -> bool {
        self.text(name).is_some_and(|value| means_on(&value))
    }

    fn wrong(&self, name: &str, expected: &str) -> Error {
        let given = self.values.get(name);
        let (value, from) = given.map(|given| (given.value.as_str(), given.from.as_str())).unwrap_or_default();
        let ascii = if value.contains("://") { in_ascii(value) } else { "" };
        Error::Settings(format!("{name} is {value} (from {from}), but it must be {expected}{ascii}"))
    }

    fn number(&self, name: &str) -> Result<u32, Error> {
        let number = self.text(name).and_then(|value| value.parse().ok()).filter(|number| *number > 0);
        number.ok_or_else(|| self.wrong(name, "a whole number above 0"))
    }

    fn ci(&self) -> Result<host::ci::Settings, Error> {
        let name = self.text("ci").unwrap_or_default().to_ascii_lowercase();
        let names = host::ci::names();
        if !names.contains(&name.as_str()) && !matches!(name.as_str(), "auto" | "none") {
            return Err(self.wrong("ci", &format!("one of {}, auto, none", names.join(", "))));
        }
        let name = Some(name).filter(|name| name != "auto");
        let (token, url) = (self.text("ci-token"), self.text("ci-url"));
        let (comment, check_run) = (self.is_on("comment"), self.is_on("check-run"));
        Ok(host::ci::Settings { name, token, url, comment, check_run })
    }

    fn choice(&self, name: &str) -> Result<String, Error> {
        let kind = SETTINGS.iter().find(|row| row.name == name).map(|row| row.kind);
        let value = self.text(name).unwrap_or_default().to_ascii_lowercase();
        match kind {
            Some(Kind::Choice(words)) if !words.contains(&value.as_str()) => {
                Err(self.wrong(name, &format!("one of {}", words.join(", "))))
            }
            _ => Ok(value),
        }
    }

    /// Whether to print colors; an unknown word counts as `auto` here and is named by [`Merged::settings`].
    #[must_use]
    pub fn color(&self) -> ColorChoice {
        match self.text("color").as_deref() {
            Some("always") => ColorChoice::Always,
            Some("never") => ColorChoice::Never,
            _ => ColorChoice::Auto,
        }
    }

    /// Whether a command that `run` ran is diagnosed when it succeeded too.
    #[must_use]
    pub fn always(&self) -> bool {
        self.text("on").is_some_and(|value| value.eq_ignore_ascii_case("always"))
    }

    /// Whether something is to be done when a command that `run` ran ended well.
    #[must_use]
    pub fn on_success(&self) -> bool {
        self.text("on-success").is_some_and(|value| !value.eq_ignore_ascii_case("nothing"))
    }

    /// Every setting, its value and where it came from, one a line; secrets are hidden.
    #[must_use]
    pub fn show(&self) -> String {
        let mut out = String::new();
        for row in SETTINGS {
            let Some(given) = self.values.get(row.name) else { continue };
            let value = match row.kind {
                _ if given.value.is_empty() => "-".to_owned(),
                Kind::Secret(_) => "(hidden)".to_owned(),
                Kind::Place(_) => without_user(&given.value),
                _ => given.value.clone(),
            };
            let from = if given.value.is_empty() { "not set" } else { &given.from };
            // A write to a string cannot fail.
            let _ = writeln!(out, "{:<21} {value:<40} {from}", row.name);
        }
        for remark in &self.remarks {
            let _ = writeln!(out, "note: {remark}");
        }
        out
    }

    /// Makes sense of the settings. Errors name the setting, where its value came from, and what it must be.
    ///
    /// `now` is the true time: AWS wants it in a signature. `clock` is the asker's, which "yesterday" counts from.
    pub fn settings(self, env: &Env, now: Timestamp, clock: &Zoned) -> Result<Settings, Error> {
        let secret = |name: &str| self.text(name);
        let question =
            self.text("question").map(|text| octopus::readable(&text)).transpose().map_err(Error::Settings)?;
        let (target, from_url) = self.target(question.as_deref(), clock)?;
        let server = self.text("octopus-url").or(from_url);
        let credential = match (secret("octopus-api-key"), secret("octopus-access-token")) {
            (Some(key), _) => Credential::ApiKey(key),
            (None, Some(token)) => Credential::AccessToken(token),
            (None, None) => Credential::None,
        };
        self.choice("color")?;
        self.choice("on")?;
        self.choice("on-success")?;
        let again = if self.is_on("force") { Again::Allow } else { Again::Refuse };
        let (space, target) = target.map_or((None, None), |(space, target)| (space, Some(target)));
        let space = space.or_else(|| self.text("octopus-space"));
        let choice = Choice { question, ..self.models(env, now)? };
        let shared = !choice.models.is_empty() && choice.question.is_none() && self.is_on("share");
        let beside = if shared { Beside::Look } else { Beside::Ignore };
        let octopus = octopus::Access { server, credential, space, target, again, beside };
        Ok(Settings {
            access: host::Access {
                captured: None,
                log: self.text("log"),
                baseline: self.text("baseline"),
                octopus,
                ci: self.ci()?,
            },
            case: self.text("case").map(PathBuf::from),
            network: self.network(env)?,
            budget: Budget { tokens: self.number("budget")? as usize },
            signatures: self.text("signatures").map(PathBuf::from),
            runbooks: self.text("runbooks").map(PathBuf::from),
            forge: self.forges()?,
            choice: Choice { shared, ..choice },
            mask: self.mask()?,
            outputs: Outputs {
                format: self.choice("format")?,
                named: self.values.get("format").is_some_and(|given| given.from != "default"),
                folder: self.text("out").map(PathBuf::from),
                record: self.text("record").map(PathBuf::from),
                more: Vec::new(),
                colored: false,
            },
            times: self.text("times").map(PathBuf::from).unwrap_or_default(),
            deadline: Duration::from_secs(u64::from(self.number("deadline")?)),
            remarks: self.remarks,
        })
    }

    /// What to mask besides secrets.
    fn mask(&self) -> Result<Also, Error> {
        let mut mask = Also::default();
        for word in self.text("mask").unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word.to_ascii_lowercase().as_str() {
                "email" => mask.email = true,
                "ip" => mask.ip = true,
                _ => return Err(self.wrong("mask", "email, ip, or both with a comma between")),
            }
        }
        Ok(mask)
    }

    /// The run that was named, and the server where the run's address names one.
    #[expect(clippy::type_complexity, reason = "two results of one look, taken apart at once")]
    fn target(
        &self,
        question: Option<&str>,
        clock: &Zoned,
    ) -> Result<(Option<(Option<String>, Target)>, Option<String>), Error> {
        let is_named = ["log", "url", "task", "deployment", "project"].iter().any(|name| self.text(name).is_some());
        let question = question.filter(|_| !is_named);
        let in_words = question.and_then(octopus::plain);
        let address = self.text("url").or_else(|| match &in_words {
            Some(Plain::Address(address)) => Some(address.clone()),
            _ => None,
        });
        if let Some(address) = address {
            let (address, space, target) = octopus::from_address(&address)?;
            let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
            if self.text("octopus-url").is_some_and(|server| origin(&server) != origin(&address)) {
                return Err(Error::Settings(format!(
                    "{address} is on another server than octopus-url names: the key is not sent there; set OCTOPUS_URL to that server"
                )));
            }
            return Ok((Some((space, target)), Some(address)));
        }
        let by_id = self.text("task").map(Target::Task).or_else(|| {
            let id = self.text("deployment")?;
            Some(if id.starts_with("RunbookRuns-") { Target::RunbookRun(id) } else { Target::Deployment(id) })
        });
        let by_name = || {
            let (version, environment, tenant) = (self.text("release"), self.text("environment"), self.text("tenant"));
            match self.text("project") {
                Some(project) => Ok(Some(Target::Release { project, version, environment, tenant })),
                None if version.is_some() && question.is_none() => {
                    Err(Error::Settings("a release needs its project: add --project".to_owned()))
                }
                None => Ok(None),
            }
        };
        let by_question = || {
            let mut text = question?.to_owned();
            for name in ["release", "environment", "tenant"] {
                if let Some(value) = self.text(name) {
                    text.push_str(&format!(". {name} \"{value}\""));
                }
            }
            Some(match in_words {
                Some(Plain::Id(target)) => target,
                _ => Target::Question(Question { text, now: clock.clone() }),
            })
        };
        let target = match by_id {
            Some(target) => Some(target),
            None => by_name()?.or_else(by_question),
        };
        Ok((target.map(|target| (None, target)), None))
    }

    fn network(&self, env: &Env) -> Result<Network, Error> {
        let variable = |names: &[&str]| names.iter().find_map(|name| env.get(*name).filter(|v| !v.is_empty()).cloned());
        let all = variable(&["ALL_PROXY", "all_proxy"]);
        let roots = match self.choice("tls-roots")?.as_str() {
            "system" => Roots::System,
            "bundled" => Roots::Bundled,
            _ => Roots::Both,
        };
        let authorities = match self.text("ca-file") {
            Some(path) => std::fs::read(&path).map_err(|error| {
                Error::Settings(format!("cannot read the certificate authorities in {path}: {error}"))
            })?,
            None => Vec::new(),
        };
        Ok(Network {
            proxy: self.text("proxy"),
            http_proxy: variable(&["http_proxy", "HTTP_PROXY"]).or_else(|| all.clone()),
            https_proxy: variable(&["https_proxy", "HTTPS_PROXY"]).or(all),
            no_proxy: variable(&["no_proxy", "NO_PROXY"]).unwrap_or_default(),
            authorities,
            roots,
            client: self.client()?,
        })
    }

    /// The certificate that is shown to servers, and its key, in one.
    fn client(&self) -> Result<Vec<u8>, Error> {
        let mut pem = Vec::new();
        for path in ["client-cert", "client-key"].iter().filter_map(|name| self.text(name)) {
            pem.extend(std::fs::read(&path).map_err(|error| {
                Error::Settings(format!("cannot read the client's certificate in {path}: {error}"))
            })?);
            pem.push(b'\n');
        }
        Ok(pem)
    }

    /// The values that must never be shown.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let secret = |row: &&Row| matches!(row.kind, Kind::Secret(_));
        let ours = SETTINGS.iter().filter(secret).filter_map(|row| self.text(row.name));
        ours.chain(self.keys.values().cloned()).collect()
    }
}

/// Whether the value of a switch is one that puts it on.
#[must_use]
pub fn means_on(value: &str) -> bool {
    matches!(value.trim().to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on")
}

/// The values of all variables that hold a secret of ours.
#[must_use]
pub fn secrets_in(env: &Env) -> Vec<String> {
    let secret = |row: &&Row| matches!(row.kind, Kind::Secret(_));
    let names = SETTINGS.iter().filter(secret).flat_map(|row| row.env).chain(host::ci::TOKENS).copied();
    let names = names.chain(key_variables());
    names.filter_map(|name| env.get(name).cloned()).collect()
}

/// An address without the user and password that a proxy's may hold.
fn without_user(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else { return address.to_owned() };
    if url.username().is_empty() && url.password().is_none() {
        return address.to_owned();
    }
    // An address that can't hold a user has none to remove.
    let _ = url.set_username("hidden");
    let _ = url.set_password(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn merged(flags: &[(&str, &str)], variables: &[(&str, &str)]) -> Merged {
        merge(&env(flags), &env(variables)).unwrap()
    }

    #[test]
    fn flags_win_over_variables_and_those_over_defaults() {
        let both = merged(&[("budget", "7")], &[("FIREFIGHTER_BUDGET", "8")]);
        assert_eq!(both.text("budget").as_deref(), Some("7"));
        assert_eq!(merged(&[], &[("FIREFIGHTER_BUDGET", "8")]).text("budget").as_deref(), Some("8"));
        assert_eq!(merged(&[], &[]).text("budget").as_deref(), Some("4000"));
    }

    #[test]
    fn octopus_own_names_are_honored() {
        let given =
            merged(&[], &[("OCTOPUS_URL", "https://o"), ("OCTOPUS_API_KEY", "API-X"), ("OCTOPUS_SPACE", "Spaces-1")]);
        let settings = given.settings(&BTreeMap::new(), Timestamp::UNIX_EPOCH, &Zoned::default()).unwrap();
        assert_eq!(settings.access.octopus.server.as_deref(), Some("https://o"));
        assert_eq!(settings.access.octopus.space.as_deref(), Some("Spaces-1"));
        assert!(matches!(settings.access.octopus.credential, Credential::ApiKey(key) if key == "API-X"));
    }

    #[test]
    fn secrets_are_hidden_where_settings_are_shown() {
        let given = merged(&[("octopus-api-key", "API-TOPSECRET"), ("proxy", "http://me:hush@proxy:1")], &[]);
        let shown = given.show();
        assert!(shown.contains("(hidden)") && !shown.contains("TOPSECRET") && !shown.contains("hush"), "{shown}");
        assert_eq!(given.secrets(), ["API-TOPSECRET"]);
    }

    #[test]
    fn a_wrong_value_is_named_with_its_origin() {
        let message = |flags: &[(&str, &str)]| {
            merged(flags, &[])
                .settings(&BTreeMap::new(), Timestamp::UNIX_EPOCH, &Zoned::default())
                .err()
                .unwrap()
                .to_string()
        };
        assert_eq!(
            message(&[("budget", "many")]),
            "budget is many (from flag --budget), but it must be a whole number above 0"
        );
        assert!(message(&[("mask", "email,phone")]).contains("email, ip, or both"));
        assert!(message(&[("format", "pdf")]).contains("one of text, json, markdown, html"));
        assert!(message(&[("llm-url", "http://localhost/v1")]).contains("FIREFIGHTER_LLM_MODEL"));
        assert!(message(&[("llm-provider", "clippy")]).contains("one of openai, "));
        assert!(message(&[("max-cost", "-1")]).contains("a number of US dollars"));
        assert!(
            message(&[("url", "https://other/app#/tasks/ServerTasks-1"), ("octopus-url", "https://o")])
                .contains("another server")
        );
    }

    #[test]
    fn a_switch_is_put_on_by_the_same_words_everywhere() {
        let on = |value: &str| merged(&[], &[("FIREFIGHTER_FORCE", value)]).is_on("force");
        for (value, expected) in
            [("true", true), ("Yes", true), (" on ", true), ("1", true), ("0", false), ("no", false)]
        {
            assert_eq!((on(value), means_on(value)), (expected, expected), "{value}");
        }
    }

    #[test]
    fn a_files_keys_are_known_and_an_unknown_one_is_named() {
        let found = parse("f", "budget = 9\n[octopus]\nspace = \"Ops\"\n[llm]\noff = true\n").unwrap();
        assert_eq!(found.get("octopus.space").map(String::as_str), Some("Ops"));
        assert_eq!(found.get("llm.off").map(String::as_str), Some("true"));
        assert!(parse("f", "bugdet = 9").unwrap_err().to_string().contains("no setting bugdet"));
        assert!(parse("f", "budget = [").is_err());
    }

    #[test]
    fn names_variables_and_keys_are_each_used_once() {
        for key in [|row: &Row| row.name, |row: &Row| row.file] {
            let mut all: Vec<_> = SETTINGS.iter().map(key).filter(|key| !key.is_empty()).collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count);
        }
    }
}

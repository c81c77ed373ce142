//! Whoever is asked from outside: each is a column of the matrix, with the environment of a run and the answers that are spoilt.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::faults::Fault;
use super::servers::{
    azure, bitbucket, bitbucket_by_proxy, buildkite, buildkite_by_file, circleci, github, gitlab, is_bitbuckets_log,
    jenkins, teamcity,
};
use super::sim::{Listener, Request, Response, Server, World};

/// The keys that a run is given. None may be seen anywhere but where it belongs.
pub(crate) const KEYS: [&str; 5] = [
    "API-SIMULATED",
    "sk-simulated-0123456789abcdef",
    "ghp_simulated0123456789abcdefABCDEF0123",
    "glpat-simulated0123456789",
    "proxysecret123",
];

/// A run that is set up: its variables, and what answers it while it lasts.
pub(crate) struct Stage {
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) servers: Vec<Server>,
    /// Another origin, to which some answers lead.
    pub(crate) elsewhere: Arc<Listener>,
    /// The dialect in which our output is read.
    pub(crate) host: Host,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    Octopus,
    GitHub,
    GitLab,
    Azure,
    TeamCity,
    Jenkins,
    Buildkite,
    CircleCi,
    Bitbucket,
}

/// A column: what is asked, and how a run is set up whose answers from there pass through a fault, if any.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) stage: fn(Option<&'static Fault>) -> Stage,
}

/// Everything that is asked from outside.
pub(crate) const CLIENTS: &[Client] = &[
    Client { name: "Octopus: all", stage: |fault| octopus(fault, |_| true) },
    Client { name: "Octopus: log", stage: |fault| octopus(fault, |path| path.ends_with("/details")) },
    Client { name: "Octopus: process", stage: |fault| octopus(fault, |path| path.contains("/deploymentprocesses/")) },
    Client { name: "Octopus: release", stage: |fault| octopus(fault, |path| path.contains("/releases/")) },
    Client {
        name: "Octopus: history",
        stage: |fault| {
            octopus(fault, |path| ["/events", "/progression", "/machines"].iter().any(|end| path.ends_with(end)))
        },
    },
    Client { name: "commits", stage: commits },
    Client { name: "model: chat", stage: chat },
    Client { name: "model: messages", stage: messages },
    Client {
        name: "GitHub: run",
        stage: |fault| github(fault, |path| !path.ends_with("/logs") && !path.starts_with("/signed")),
    },
    Client {
        name: "GitHub: log",
        stage: |fault| github(fault, |path| path.ends_with("/logs") || path.starts_with("/signed")),
    },
    Client { name: "GitLab: jobs", stage: |fault| gitlab(fault, |path| !path.ends_with("/trace")) },
    Client { name: "GitLab: log", stage: |fault| gitlab(fault, |path| path.ends_with("/trace")) },
    Client { name: "Azure: run", stage: |fault| azure(fault, |path| !path.contains("/logs/")) },
    Client { name: "Azure: log", stage: |fault| azure(fault, |path| path.contains("/logs/")) },
    Client { name: "TeamCity: build", stage: |fault| teamcity(fault, |path| !path.contains("Log.html")) },
    Client { name: "TeamCity: log", stage: |fault| teamcity(fault, |path| path.contains("Log.html")) },
    Client { name: "Jenkins: build", stage: |fault| jenkins(fault, |path| !path.ends_with("/consoleText")) },
    Client { name: "Jenkins: log", stage: |fault| jenkins(fault, |path| path.ends_with("/consoleText")) },
    Client { name: "Buildkite: build", stage: |fault| buildkite_by_file(fault, |_| true) },
    Client { name: "Buildkite: log", stage: |fault| buildkite(fault, |path| path.ends_with("/log")) },
    Client { name: "CircleCI: workflow", stage: |fault| circleci(fault, |path| path.starts_with("/api/v2/")) },
    Client { name: "CircleCI: steps", stage: |fault| circleci(fault, |path| path.starts_with("/api/v1.1/")) },
    Client { name: "CircleCI: log", stage: |fault| circleci(fault, |path| path.starts_with("/signed")) },
    Client { name: "Bitbucket: pipeline", stage: |fault| bitbucket(fault, |path| !is_bitbuckets_log(path)) },
    Client { name: "Bitbucket: log", stage: |fault| bitbucket(fault, is_bitbuckets_log) },
    Client { name: "Bitbucket: its proxy", stage: |fault| bitbucket_by_proxy(fault, |_| true) },
    Client { name: "proxy", stage: proxy },
];

pub(crate) fn story() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/trivy-rate-limit")
}

fn world() -> World {
    World::load(&story().join("server"))
}

/// What answers soundly at another origin, with the name `localhost`.
pub(crate) fn elsewhere() -> Arc<Listener> {
    Arc::new(Listener::start(|_| Response::json(200, &json!({ "Items": [] }))))
}

fn other(listener: &Listener) -> String {
    listener.url().replace("127.0.0.1", "localhost")
}

/// The environment that the step template gives to the program in the story.
fn inside(url: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(story().join("case.toml")).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let mut env: BTreeMap<String, String> =
        table["env"].as_table().unwrap().iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect();
    env.insert("OCTOPUS_URL".to_owned(), url.to_owned());
    env.insert("FIREFIGHTER_NO_FORGE".to_owned(), "1".to_owned());
    env
}

/// Answers through `sound`, those for which `struck` says so through the fault.
pub(crate) fn through(
    fault: Option<&'static Fault>,
    elsewhere: &Arc<Listener>,
    struck: fn(&str) -> bool,
    sound: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> Listener {
    let to = other(elsewhere);
    Listener::start(move |request| match fault {
        Some(fault) if struck(&request.path) => (fault.spoil)(request, &|| sound(request), &to),
        _ => sound(request),
    })
}

fn octopus(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
    let elsewhere = elsewhere();
    let to = other(&elsewhere);
    let server = Server::spoilt(world(), move |request, sound| match fault {
        Some(fault) if struck(&request.path) => (fault.spoil)(request, sound, &to),
        _ => sound(),
    });
    let env = inside(&server.url());
    Stage { env, listeners: Vec::new(), servers: vec![server], elsewhere, host: Host::Octopus }
}

/// The story, whose commits and process file lie on a host that answers through the fault.
fn commits(fault: Option<&'static Fault>) -> Stage {
    let elsewhere = elsewhere();
    let forge = through(
        fault,
        &elsewhere,
        |_| true,
        |request| {
            let author = json!({ "name": "Anna", "date": "2026-02-09T09:00:00Z" });
            if request.path.contains("/contents/") {
                Response::json(200, &json!({ "encoding": "base64", "content": "c3RlcCAieCIge30K" }))
            } else if request.path.contains("/commits/") {
                let inner = json!({ "message": "Tidy up", "author": author, "committer": author });
                Response::json(200, &json!({ "commit": inner, "files": [] }))
            } else {
                Response::json(200, &json!({ "title": "A work item", "body": "", "state": "open" }))
            }
        },
    );
    let mut world = world();
    for resource in world.resources.values_mut().flatten() {
        *resource = serde_json::from_str(&resource.to_string().replace("https://github.com", &forge.url())).unwrap();
    }
    let server = Server::start(world);
    let mut env = inside(&server.url());
    env.remove("FIREFIGHTER_NO_FORGE");
    env.insert("FIREFIGHTER_FORGE".to_owned(), format!("github={}", forge.url()));
    env.insert("FIREFIGHTER_GITHUB_TOKEN".to_owned(), KEYS[2].to_owned());
    Stage { env, listeners: vec![forge], servers: vec![server], elsewhere, host: Host::Octopus }
}

fn with_model(env: &mut BTreeMap<String, String>, provider: &str, url: &str) {
    for (name, value) in [
        ("FIREFIGHTER_LLM_PROVIDER", provider),
        ("FIREFIGHTER_LLM_URL", url),
        ("FIREFIGHTER_LLM_MODEL", "test-model"),
        ("FIREFIGHTER_LLM_API_KEY", KEYS[1]),
    ] {
        env.insert(name.to_owned(), value.to_owned());
    }
}

fn answer() -> String {
    fs::read_to_string(story().join("llm.json")).unwrap()
}

fn chat(fault: Option<&'static Fault>) -> Stage {
    let elsewhere = elsewhere();
    let listener = through(
        fault,
        &elsewhere,
        |_| true,
        |_| {
            let message = json!({ "role": "assistant", "content": answer(), "refusal": null });
            let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
            let usage = json!({ "prompt_tokens": 900, "completion_tokens": 90, "total_tokens": 990 });
            Response::json(200, &json!({ "id": "c", "object": "chat.completion", "choices": [choice], "usage": usage }))
        },
    );
    let server = Server::start(world());
    let mut env = inside(&server.url());
    with_model(&mut env, "openai", &format!("{}/v1", listener.url()));
    Stage { env, listeners: vec![listener], servers: vec![server], elsewhere, host: Host::Octopus }
}

fn messages(fault: Option<&'static Fault>) -> Stage {
    let elsewhere = elsewhere();
    let listener = through(
        fault,
        &elsewhere,
        |_| true,
        |_| {
            let usage = json!({ "input_tokens": 900, "output_tokens": 90 });
            let content = json!([{ "type": "text", "text": answer() }]);
            Response::json(
                200,
                &json!({ "id": "m", "type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn", "usage": usage }),
            )
        },
    );
    let server = Server::start(world());
    let mut env = inside(&server.url());
    with_model(&mut env, "anthropic", &listener.url());
    Stage { env, listeners: vec![listener], servers: vec![server], elsewhere, host: Host::Octopus }
}

pub(crate) const LOG: &str = "2026-03-01T09:00:01.0000000Z ##[group]Run npm ci\n2026-03-01T09:00:02.0000000Z npm ci\n\
                   2026-03-01T09:00:03.0000000Z ##[endgroup]\n\
                   2026-03-01T09:00:04.0000000Z npm error code ENOTFOUND\n\
                   2026-03-01T09:00:05.0000000Z npm error request to https://registry.example.com/left-pad failed, reason: getaddrinfo ENOTFOUND registry.example.com\n\
                   2026-03-01T09:00:06.0000000Z ##[error]Process completed with exit code 1.\n";

/// The story behind a proxy: who asks it for a way to the server gets one, unless the fault is in between, and has the server at
/// the other end of the same connection.
fn proxy(fault: Option<&'static Fault>) -> Stage {
    let elsewhere = elsewhere();
    let to = other(&elsewhere);
    let server = Server::spoilt(world(), move |request, sound| {
        let open = || Response::new(200, "text/plain", "");
        match fault {
            Some(fault) if request.method == "CONNECT" => (fault.spoil)(request, &open, &to),
            None if request.method == "CONNECT" => open(),
            _ => sound(),
        }
    });
    let mut env = inside("http://octopus.internal.example");
    env.insert("FIREFIGHTER_PROXY".to_owned(), server.url().replace("//", &format!("//me:{}@", KEYS[4])));
    Stage { env, listeners: Vec::new(), servers: vec![server], elsewhere, host: Host::Octopus }
}

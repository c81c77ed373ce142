//! Whoever is asked from outside: each is a column of the matrix, with the environment of a run and the answers that are spoilt.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::faults::Fault;
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
    Client { name: "proxy", stage: proxy },
];

pub(crate) fn story() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/trivy-rate-limit")
}

fn world() -> World {
    World::load(&story().join("server"))
}

/// What answers soundly at another origin, with the name `localhost`.
fn elsewhere() -> Arc<Listener> {
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
fn through(
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

fn github(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
    let elsewhere = elsewhere();
    let listener = through(fault, &elsewhere, struck, |request| {
        let step = json!({ "name": "Install", "conclusion": "failure", "started_at": "2026-03-01T09:00:00Z", "completed_at": "2026-03-01T09:00:07Z" });
        let job = json!({ "id": 5, "name": "build", "status": "completed", "conclusion": "failure", "steps": [step],
            "started_at": "2026-03-01T09:00:00Z", "completed_at": "2026-03-01T09:00:07Z" });
        match request.path.as_str() {
            "/repos/acme/shop/actions/runs/77" => Response::json(
                200,
                &json!({ "id": 77, "name": "CI", "run_number": 4, "head_branch": "main", "run_started_at": "2026-03-01T09:00:00Z" }),
            ),
            "/repos/acme/shop/actions/runs/77/jobs" => Response::json(200, &json!({ "total_count": 1, "jobs": [job] })),
            "/repos/acme/shop/actions/jobs/5/logs" => Response::html(302, "").header("Location", "/signed/log"),
            "/signed/log" => Response::new(200, "text/plain", LOG),
            _ => Response::json(404, &json!({ "message": "Not Found" })),
        }
    });
    let env = [
        ("GITHUB_ACTIONS", "true"),
        ("CI", "true"),
        ("GITHUB_API_URL", &listener.url()),
        ("GITHUB_SERVER_URL", "https://github.example.com"),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_RUN_ID", "77"),
        ("GITHUB_WORKFLOW", "CI"),
        ("GITHUB_JOB", "rescue"),
        ("GITHUB_TOKEN", KEYS[2]),
        ("FIREFIGHTER_NO_FORGE", "1"),
    ];
    let env = env.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Stage { env, listeners: vec![listener], servers: Vec::new(), elsewhere, host: Host::GitHub }
}

fn gitlab(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
    let elsewhere = elsewhere();
    let listener = through(fault, &elsewhere, struck, |request| match request.path.as_str() {
        "/api/v4/projects/9/pipelines/77/jobs" => Response::json(
            200,
            &json!([{ "id": 5, "name": "build", "status": "failed", "allow_failure": false, "failure_reason": "script_failure",
                "started_at": "2026-03-01T09:00:00Z", "finished_at": "2026-03-01T09:00:07Z" }]),
        ),
        "/api/v4/projects/9/pipelines" => Response::json(200, &Value::Array(Vec::new())),
        "/api/v4/projects/9/jobs/5/trace" => Response::new(200, "text/plain", LOG.replace("##[error]", "ERROR: ")),
        _ => Response::json(404, &json!({ "message": "404 Not Found" })),
    });
    let env = [
        ("GITLAB_CI", "true"),
        ("CI", "true"),
        ("CI_API_V4_URL", &format!("{}/api/v4", listener.url())),
        ("CI_PROJECT_ID", "9"),
        ("CI_PROJECT_PATH", "acme/shop"),
        ("CI_PIPELINE_ID", "77"),
        ("CI_JOB_ID", "6"),
        ("CI_JOB_NAME", "rescue"),
        ("CI_COMMIT_REF_NAME", "main"),
        ("CI_DEFAULT_BRANCH", "main"),
        ("FIREFIGHTER_CI_TOKEN", KEYS[3]),
        ("FIREFIGHTER_NO_FORGE", "1"),
    ];
    let env = env.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Stage { env, listeners: vec![listener], servers: Vec::new(), elsewhere, host: Host::GitLab }
}

/// A run inside a build server that tells of itself in `env`.
fn built(env: &[(&str, &str)], listener: Listener, elsewhere: Arc<Listener>, host: Host) -> Stage {
    let all = [("CI", "true"), ("FIREFIGHTER_CI_TOKEN", KEYS[3]), ("FIREFIGHTER_NO_FORGE", "1")];
    let env = env.iter().chain(&all).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Stage { env, listeners: vec![listener], servers: Vec::new(), elsewhere, host }
}

fn azure(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
    let elsewhere = elsewhere();
    let listener = through(fault, &elsewhere, struck, |request| match request.path.as_str() {
        "/acme/shop/_apis/build/builds/77/timeline" => {
            let job = json!({ "id": "j", "type": "Job", "name": "build", "state": "inProgress" });
            let task = json!({ "id": "t", "parentId": "j", "type": "Task", "name": "Install", "state": "completed", "result": "failed",
                "log": { "id": 5 }, "issues": [{ "type": "error", "message": "Bash exited with code '1'." }] });
            Response::json(200, &json!({ "records": [job, task] }))
        }
        "/acme/shop/_apis/build/builds/77/logs/5" => Response::new(200, "text/plain", LOG),
        "/acme/shop/_apis/build/builds" => Response::json(200, &json!({ "value": [] })),
        _ => Response::json(404, &json!({ "message": "not found" })),
    });
    let url = format!("{}/acme/", listener.url());
    let env = [
        ("TF_BUILD", "True"),
        ("SYSTEM_COLLECTIONURI", url.as_str()),
        ("SYSTEM_TEAMPROJECT", "shop"),
        ("SYSTEM_DEFINITIONID", "4"),
        ("BUILD_BUILDID", "77"),
        ("BUILD_DEFINITIONNAME", "CI"),
        ("BUILD_SOURCEBRANCH", "refs/heads/main"),
    ];
    built(&env, listener, elsewhere, Host::Azure)
}

fn teamcity(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
    let elsewhere = elsewhere();
    let listener = through(fault, &elsewhere, struck, |request| match request.path.as_str() {
        "/app/rest/builds/id:77" => Response::json(
            200,
            &json!({ "id": 77, "number": "4", "status": "FAILURE", "buildType": { "id": "Shop", "name": "Build", "projectName": "Shop" },
                "problemOccurrences": { "problemOccurrence": [{ "details": "Process exited with code 1 (Step: Install)" }] } }),
        ),
        "/downloadBuildLog.html" => {
            let lines = LOG.lines().filter_map(|line| line.split_once(' '));
            let lines = lines.map(|(time, text)| format!("[{time}] :\t [Step 1/1] {text}\n"));
            Response::new(200, "text/plain", format!("[09:00:00] : Step 1/1: Install\n{}", lines.collect::<String>()))
        }
        "/app/rest/builds" => Response::json(200, &json!({ "build": [] })),
        _ => Response::new(404, "text/plain", "not found"),
    });
    let url = format!("{}/viewLog.html?buildId=77", listener.url());
    built(&[("TEAMCITY_VERSION", "2026.1"), ("BUILD_URL", url.as_str())], listener, elsewhere, Host::TeamCity)
}

fn jenkins(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
    let elsewhere = elsewhere();
    let listener = through(fault, &elsewhere, struck, |request| match request.path.as_str() {
        "/job/shop/77/api/json" => Response::json(200, &json!({ "number": 77, "fullDisplayName": "shop #77" })),
        "/job/shop/77/consoleText" => {
            Response::new(200, "text/plain", format!("[Pipeline] {{ (Install)\n{LOG}[Pipeline] }}\n"))
        }
        "/job/shop/77/wfapi/describe" => {
            Response::json(200, &json!({ "stages": [{ "id": "6", "name": "Install", "status": "FAILED" }] }))
        }
        "/job/shop/77/execution/node/6/wfapi/describe" => {
            let fault = json!({ "id": "7", "error": { "message": "script returned exit code 1" } });
            Response::json(200, &json!({ "stageFlowNodes": [fault] }))
        }
        "/job/shop/api/json" => Response::json(200, &json!({ "builds": [{ "number": 77 }], "lastStableBuild": null })),
        _ => Response::html(404, "not found"),
    });
    let url = format!("{}/job/shop/77/", listener.url());
    let env = [
        ("JENKINS_URL", url.as_str()),
        ("BUILD_ID", "77"),
        ("BUILD_NUMBER", "77"),
        ("BUILD_URL", url.as_str()),
        ("JOB_NAME", "shop"),
        ("STAGE_NAME", "Install"),
        ("JENKINS_USER", "firefighter"),
    ];
    built(&env, listener, elsewhere, Host::Jenkins)
}

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

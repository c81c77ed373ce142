//! The build servers among the clients: a run inside each of them, whose job failed the same way on all.

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::clients::{Host, KEYS, LOG, Stage, elsewhere, through};
use super::faults::Fault;
use super::sim::{Listener, Response};

pub(crate) fn github(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
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

pub(crate) fn gitlab(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
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

pub(crate) fn azure(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
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

pub(crate) fn teamcity(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
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

pub(crate) fn jenkins(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
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

/// The log as Buildkite keeps it: before each line its time, which no terminal shows.
fn buildkites_log() -> String {
    let stamped = |(at, line): (usize, &str)| {
        let text = line.split_once(' ').map_or(line, |(_, text)| text);
        format!("\u{1b}_bk;t={}\u{7}{text}\r\n", 1_772_355_601_000 + at * 1_000)
    };
    let work: String = LOG.lines().enumerate().map(stamped).collect();
    format!("~~~ Running commands\r\n{work}🚨 Error: The command exited with status 1\r\n^^^ +++\r\n")
}

const BUILDKITE: [(&str, &str); 9] = [
    ("BUILDKITE", "true"),
    ("BUILDKITE_ORGANIZATION_SLUG", "acme"),
    ("BUILDKITE_PIPELINE_SLUG", "shop"),
    ("BUILDKITE_BUILD_NUMBER", "77"),
    ("BUILDKITE_BUILD_URL", "https://buildkite.com/acme/shop/builds/77"),
    ("BUILDKITE_STEP_KEY", "install"),
    ("BUILDKITE_LABEL", "Install"),
    ("BUILDKITE_BRANCH", "main"),
    ("BUILDKITE_PIPELINE_DEFAULT_BRANCH", "main"),
];

fn buildkite_in(
    fault: Option<&'static Fault>,
    struck: fn(&str) -> bool,
    more: impl Fn(&mut Vec<(&'static str, String)>),
) -> Stage {
    let elsewhere = elsewhere();
    let listener = through(fault, &elsewhere, struck, |request| {
        let path = request.path.strip_prefix("/v2/organizations/acme/").unwrap_or_default();
        let job = json!({ "id": "j-5", "type": "script", "name": "Install", "step_key": "install", "state": "failed", "exit_status": 1,
            "started_at": "2026-03-01T09:00:00Z", "finished_at": "2026-03-01T09:00:07Z" });
        match path {
            "pipelines/shop/builds/77/jobs" => Response::json(200, &json!({ "items": [job] })),
            "pipelines/shop/builds" => Response::json(200, &json!([])),
            "pipelines/shop/builds/77/annotations" => Response::json(201, &json!({ "id": "a" })),
            "jobs/j-5/log" => Response::new(206, "text/plain", buildkites_log()),
            _ => Response::json(404, &json!({ "message": "Not Found" })),
        }
    });
    let mut env = vec![("FIREFIGHTER_CI_URL", listener.url())];
    more(&mut env);
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).chain(BUILDKITE).collect();
    built(&env, listener, elsewhere, Host::Buildkite)
}

/// A job that looks at another one of its build.
pub(crate) fn buildkite(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
    buildkite_in(fault, struck, |env| env.push(("BUILDKITE_JOB_ID", "j-6".to_owned())))
}

/// A hook after a command that failed, where the agent keeps the job's log as a file.
pub(crate) fn buildkite_by_file(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
    static FILE: LazyLock<String> = LazyLock::new(|| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("contract-buildkite.log");
        fs::write(&file, buildkites_log()).unwrap();
        file.display().to_string()
    });
    buildkite_in(fault, struck, |env| {
        env.push(("BUILDKITE_JOB_ID", "j-5".to_owned()));
        env.push(("BUILDKITE_COMMAND_EXIT_STATUS", "1".to_owned()));
        env.push(("BUILDKITE_JOB_LOG_TMPFILE", FILE.clone()));
    })
}

pub(crate) fn circleci(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
    let elsewhere = elsewhere();
    let listener = through(fault, &elsewhere, struck, |request| match request.path.as_str() {
        "/api/v2/workflow/w-77" => {
            Response::json(200, &json!({ "id": "w-77", "name": "build", "status": "failing", "pipeline_number": 77 }))
        }
        "/api/v2/workflow/w-77/job" => {
            let job = json!({ "name": "test", "job_number": 712, "project_slug": "gh/acme/shop", "status": "running" });
            Response::json(200, &json!({ "items": [job] }))
        }
        "/api/v1.1/project/gh/acme/shop/712" => {
            let url = format!("http://{}/signed/1?key=x", request.header("host").unwrap_or_default());
            let action = json!({ "index": 0, "status": "failed", "failed": true, "exit_code": 1, "output_url": url });
            Response::json(200, &json!({ "steps": [{ "name": "Install", "actions": [action] }] }))
        }
        "/signed/1" => Response::json(200, &json!([{ "message": LOG, "type": "out" }])),
        "/api/v2/project/gh/acme/shop/pipeline" => Response::json(200, &json!({ "items": [] })),
        _ => Response::json(404, &json!({ "message": "Not found." })),
    });
    let url = listener.url();
    let env = [
        ("CIRCLECI", "true"),
        ("CIRCLE_HOST", url.as_str()),
        ("CIRCLE_WORKFLOW_ID", "w-77"),
        ("CIRCLE_JOB", "test"),
        ("CIRCLE_BUILD_NUM", "712"),
        ("CIRCLE_BUILD_URL", "https://circleci.com/gh/acme/shop/712"),
        ("CIRCLE_PROJECT_USERNAME", "acme"),
        ("CIRCLE_PROJECT_REPONAME", "shop"),
        ("CIRCLE_BRANCH", "main"),
    ];
    built(&env, listener, elsewhere, Host::CircleCi)
}

/// Whether a log is asked for: of a step, or where that one leads to.
pub(crate) fn is_bitbuckets_log(path: &str) -> bool {
    path.ends_with("/log") || path.starts_with("/signed")
}

pub(crate) fn bitbucket(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
    let elsewhere = elsewhere();
    let listener = through(fault, &elsewhere, struck, |request| {
        // A proxy is told whole addresses.
        let target = request.path.strip_prefix("http://api.bitbucket.org").unwrap_or(&request.path);
        match target.strip_prefix("/2.0/repositories/acme/shop/").unwrap_or(target) {
            "pipelines/p-77/steps/" => {
                let state = json!({ "name": "COMPLETED", "result": { "name": "FAILED" } });
                Response::json(200, &json!({ "values": [{ "uuid": "s-5", "name": "Install", "state": state }] }))
            }
            "pipelines/p-77/steps/s-5/log" => Response::html(307, "").header("Location", "/signed/log"),
            "/signed/log" => Response::new(200, "application/octet-stream", format!("+ npm ci\n{LOG}")),
            "pipelines/" => Response::json(200, &json!({ "values": [] })),
            path if path.starts_with("commit/84df60a1/reports/") && request.method == "PUT" => {
                Response::json(200, &json!({ "uuid": "r" }))
            }
            _ => Response::json(404, &json!({ "type": "error" })),
        }
    });
    let url = listener.url();
    let env = [
        ("BITBUCKET_BUILD_NUMBER", "77"),
        ("BITBUCKET_PIPELINE_UUID", "p-77"),
        ("BITBUCKET_STEP_UUID", "s-6"),
        ("BITBUCKET_REPO_FULL_NAME", "acme/shop"),
        ("BITBUCKET_COMMIT", "84df60a1"),
        ("BITBUCKET_BRANCH", "main"),
        ("FIREFIGHTER_CI_URL", url.as_str()),
    ];
    built(&env, listener, elsewhere, Host::Bitbucket)
}

/// Without a token all goes by the proxy beside the step.
pub(crate) fn bitbucket_by_proxy(fault: Option<&'static Fault>, struck: fn(&str) -> bool) -> Stage {
    let mut stage = bitbucket(fault, struck);
    stage.env.remove("FIREFIGHTER_CI_TOKEN");
    stage
}

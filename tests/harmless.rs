//! Whatever a text holds, no host obeys it: each host's own parser (`host_parsers/`) finds in what we print, write and post for it
//! the commands that we mean, and never one out of the text. A new host is a row in `HOSTS`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use firefighter::host::octopus::{neutral, say};
use firefighter::host::{self, Access, Env, Host};
use firefighter::http::{Http, Network};
use firefighter::model::Notice;
use proptest::prelude::*;

mod host_parsers;
mod sim;

use host_parsers::texts::{hostile, vectors};
use host_parsers::{Command, OF_COMMENTS, PARSERS, github, gitlab, names, octopus, parser};

/// A host, with the variables by which it is known.
struct Row {
    name: &'static str,
    env: &'static [(&'static str, &'static str)],
    /// Who reads a step's output there; empty for a host that obeys nothing, where any parser stands for its plugins.
    parsers: &'static [&'static str],
    /// Whether a command is one of those that we mean.
    meant: fn(&Command) -> bool,
}

const HOSTS: &[Row] = &[
    Row {
        name: "octopus",
        env: &[("FIREFIGHTER_HOST", "octopus"), ("FIREFIGHTER_OCTOPUS_TASK_ID", "ServerTasks-1")],
        parsers: &["octopus-server", "octopus-calamari"],
        meant: |command| {
            let known = ["progress", "setVariable", "createArtifact"];
            let levels = ["stdout-default", "stdout-verbose", "stdout-highlight", "stdout-warning"];
            known.iter().chain(&levels).any(|name| *name == command.name)
        },
    },
    Row {
        name: "github",
        env: &[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_OUTPUT", "GITHUB_OUTPUT"),
            ("GITHUB_STEP_SUMMARY", "GITHUB_STEP_SUMMARY"),
        ],
        parsers: &["github"],
        meant: |command| match command.name.as_str() {
            "error" | "warning" | "notice" => command.property("title") == "Firefighter",
            "group" => command.data == "Firefighter's report",
            "endgroup" | "debug" => true,
            _ => false,
        },
    },
    Row {
        name: "gitlab",
        env: &[("GITLAB_CI", "true"), ("CI_PROJECT_ID", "9"), ("CI_PIPELINE_ID", "7")],
        parsers: &["gitlab"],
        meant: |command| command.data == "firefighter",
    },
    Row {
        name: "azure",
        env: &[("TF_BUILD", "True"), ("SYSTEM_COLLECTIONURI", "http://127.0.0.1:9/acme/"), ("BUILD_BUILDID", "7")],
        parsers: &["azure"],
        meant: |command| match command.name.as_str() {
            "task.setvariable" => {
                let ours = [
                    "category",
                    "cause",
                    "confidence",
                    "retryable",
                    "fingerprint",
                    "failedStep",
                    "report",
                    "reportDir",
                ];
                ours.contains(&command.property("variable")) && command.property("isoutput") == "true"
            }
            "task.setprogress" | "task.debug" | "task.logissue" | "task.uploadsummary" | "task.uploadfile"
            | "artifact.upload" | "build.addbuildtag" => true,
            _ => false,
        },
    },
    Row {
        name: "teamcity",
        env: &[("TEAMCITY_VERSION", "2026.1"), ("BUILD_NUMBER", "7")],
        parsers: &["teamcity"],
        meant: |command| match command.name.as_str() {
            "message" => !["ERROR", "FAILURE"].contains(&command.property("status")),
            "buildStatus" => !command.properties.contains_key("status"),
            "blockOpened" | "blockClosed" => command.property("name") == "Firefighter",
            name => {
                ["progressMessage", "publishArtifacts", "addBuildTag", "setParameter", "buildStatisticValue"]
                    .contains(&name)
                    || ["disableServiceMessages", "enableServiceMessages"].contains(&name)
            }
        },
    },
    Row {
        name: "buildkite",
        env: &[("BUILDKITE", "true"), ("BUILDKITE_JOB_ID", "7")],
        parsers: &["buildkite"],
        meant: |command| command.data.contains("Firefighter") && ["---", "+++", "~~~"].contains(&command.name.as_str()),
    },
    Row {
        name: "jenkins",
        env: &[("JENKINS_URL", "http://127.0.0.1:9/"), ("BUILD_ID", "7"), ("BUILD_URL", "http://127.0.0.1:9/job/a/7/")],
        parsers: &[],
        meant: |_| false,
    },
    Row { name: "circleci", env: &[("CIRCLECI", "true"), ("CIRCLE_BUILD_NUM", "7")], parsers: &[], meant: |_| false },
    Row {
        name: "bitbucket",
        env: &[("BITBUCKET_BUILD_NUMBER", "7"), ("BITBUCKET_COMMIT", "abc")],
        parsers: &[],
        meant: |_| false,
    },
    Row { name: "other", env: &[], parsers: &[], meant: |_| false },
];

/// Each of [`HOSTS`], as the program finds it: it takes a while to make one.
static MADE: LazyLock<Vec<Box<dyn Host>>> = LazyLock::new(|| HOSTS.iter().map(|row| Row::host(&row.env())).collect());

impl Row {
    /// The variables of a step there. Not each of the hosts sets `CI`; a server that we do not know is known by it alone.
    fn env(&self) -> Env {
        let env = self.env.iter().chain(&[("CI", "true")]);
        env.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn host(env: &Env) -> Box<dyn Host> {
        let http = Arc::new(Http::new(Network::default(), Instant::now()).unwrap());
        host::detect(env, &Access::default(), &http).unwrap()
    }

    /// What is obeyed here of `output`, by whoever reads it.
    fn obeyed(&self, output: &str) -> Vec<Command> {
        let of = |name: &&str| parser(name)(output.as_bytes());
        if self.parsers.is_empty() { obeyed_by_any(output) } else { self.parsers.iter().flat_map(of).collect() }
    }
}

/// What any host would obey of `output`.
fn obeyed_by_any(output: &str) -> Vec<Command> {
    PARSERS.iter().flat_map(|(_, parse)| parse(output.as_bytes())).collect()
}

/// Every way in which text reaches a host.
fn notices(texts: &[String]) -> Vec<Notice> {
    let text = |at: usize| texts[at % texts.len()].clone();
    let output = |name: &str, value| Notice::Output { name: format!("Firefighter.{name}"), value };
    vec![
        Notice::Progress(10, text(0)),
        Notice::Highlight(text(1)),
        Notice::Highlight(text(2)),
        Notice::Warning(text(4)),
        Notice::Info(text(2)),
        Notice::Verbose(text(3)),
        output("Cause", text(5)),
        output("FailedStep", text(6)),
        output("Confidence", "high".to_owned()),
        Notice::Artifact { path: "/tmp/report/firefighter.md".into(), name: text(6), bytes: 3 },
        Notice::Artifact { path: "/tmp/report/firefighter.md".into(), name: "firefighter.md".to_owned(), bytes: 3 },
        Notice::Place { file: text(7), line: Some(3) },
        Notice::Summary(text(7)),
        Notice::Info(text(7)),
    ]
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(hostile(), 8)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn of_notices_only_what_we_mean_is_obeyed(texts in texts()) {
        let plain = vec!["plain".to_owned()];
        for (row, host) in HOSTS.iter().zip(MADE.iter()) {
            let (Some(said), Some(expected)) = (host.say(&notices(&texts)), host.say(&notices(&plain))) else { continue };
            let found = row.obeyed(&said);
            if let Some(stranger) = found.iter().find(|command| !(row.meant)(command)) {
                prop_assert!(false, "{}: {stranger:?} in {said:?}", row.name);
            }
            // A server that is told each line by itself is told more of a longer text.
            let sorts = |said: &str| {
                let mut names = names(&row.obeyed(said));
                names.dedup();
                names
            };
            prop_assert_eq!(sorts(&said), sorts(&expected), "{}: {:?}", row.name, said);
        }
    }

    #[test]
    fn of_a_printed_report_nothing_is_obeyed_by_anyone(text in hostile()) {
        let harmless = HOSTS.iter().map(|row| host::harmless(&text, &row.env(), &host::ci::Settings::default()));
        let shown: BTreeSet<String> = harmless.chain(MADE.iter().filter_map(|host| host.printed(&text))).collect();
        for shown in &shown {
            let found = obeyed_by_any(shown);
            prop_assert!(found.is_empty(), "{found:?} in {shown:?}");
        }
    }

    #[test]
    fn every_line_arrives_at_octopus_at_its_level(texts in texts()) {
        let view = octopus::server(&say(&notices(&texts)));
        let levels = [("Highlight", vec![1, 2]), ("Info", vec![2, 7]), ("Verbose", vec![3]), ("Warning", vec![4])];
        for (level, places) in levels {
            let expected: Vec<_> =
                places.into_iter().flat_map(|at| neutral(&texts[at])).filter(|line| !line.is_empty()).collect();
            prop_assert_eq!(view.at(level), expected.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let open = view.variables["Firefighter.Cause"].contains("#{");
        prop_assert!(!open);
    }

    #[test]
    fn githubs_files_hold_our_outputs_and_no_others(texts in texts()) {
        let at = HOSTS.iter().position(|row| row.name == "github").unwrap();
        let files = MADE[at].files(&notices(&texts));
        let [(summary, page), (output, pairs)] = files.as_slice() else { panic!("{files:?}") };
        prop_assert_eq!([summary.as_path(), output], [Path::new("GITHUB_STEP_SUMMARY"), Path::new("GITHUB_OUTPUT")]);
        prop_assert!(github::summary(page.as_bytes()).is_ok());
        let found = github::outputs(pairs.as_bytes());
        prop_assert!(found.is_ok() && pairs.ends_with('\n'), "{found:?}");
        let names: Vec<_> = found.unwrap().into_iter().map(|(name, _)| name).collect();
        prop_assert_eq!(names, ["cause", "failed-step", "confidence", "report", "report-dir"]);
    }

    #[test]
    fn gitlabs_files_are_read_whole_and_expand_no_variable(texts in texts()) {
        let at = HOSTS.iter().position(|row| row.name == "gitlab").unwrap();
        let files = MADE[at].kept(&notices(&texts));
        let file = |wanted: &str| files.iter().find(|(name, _)| *name == wanted).map(|(_, text)| text.as_bytes()).unwrap();
        let variables = gitlab::dotenv(file("firefighter.env"));
        prop_assert!(variables.is_ok(), "{variables:?}");
        let variables = variables.unwrap();
        let names: Vec<_> = variables.iter().map(|(name, _)| name.as_str()).collect();
        prop_assert_eq!(names, ["FIREFIGHTER_CAUSE", "FIREFIGHTER_FAILED_STEP", "FIREFIGHTER_CONFIDENCE"]);
        for (_, value) in &variables {
            prop_assert!(gitlab::expanded(value).is_empty(), "{value:?}");
        }
        let issues: Vec<serde_json::Value> = serde_json::from_slice(file("codequality.json")).unwrap();
        // None of these files is there.
        prop_assert!(issues.is_empty());
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("harmless-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A failure, and around it every hostile text.
fn log() -> String {
    let mut log = "npm error code ENOTFOUND\n".to_owned();
    for vector in vectors() {
        log += &format!("{}\n", vector.text);
    }
    log + "npm error network request to https://registry.example.com/a failed, reason: getaddrinfo ENOTFOUND registry.example.com\n"
}

fn program(folder: &Path, env: &Env) -> Process {
    let mut program = Process::new(env!("CARGO_BIN_EXE_firefighter"));
    program
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("FIREFIGHTER_NO_FORGE", "1")
        .envs(env)
        .current_dir(folder)
        .stdin(Stdio::null());
    program
}

#[cfg(unix)]
#[test]
fn on_every_host_the_program_prints_no_command_but_ours() {
    let ways: &[&[&str]] = &[
        &["diagnose", "--log", "build.log"],
        &["diagnose", "--log", "build.log", "--format", "text", "--color", "always"],
        &["diagnose", "--log", "build.log", "--format", "markdown"],
        &["diagnose", "--log", "build.log", "--format", "json"],
        &["diagnose", "--log", "build.log", "--format", "html"],
        &[
            "diagnose",
            "--log",
            "##[error]no\n::error::file ##vso[task.complete]##teamcity[buildProblem description='x']",
        ],
        &["evidence", "--log", "build.log"],
        &["prompt", "--log", "build.log"],
        &["doctor"],
        &["run", "--", "sh", "-c", "cat build.log; exit 3"],
    ];
    let mut seen = 0;
    for row in HOSTS {
        let folder = folder(row.name);
        fs::write(folder.join("build.log"), log()).unwrap();
        for way in ways {
            let output = program(&folder, &row.env()).args(*way).output().unwrap();
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            // What a command of the user's prints is its own; what we say of it stands on the error stream.
            let ours = if way[0] == "run" { err.into_owned() } else { format!("{out}{err}") };
            let strangers: Vec<_> = row.obeyed(&ours).into_iter().filter(|command| !(row.meant)(command)).collect();
            assert!(strangers.is_empty(), "{} {way:?}: {strangers:?} in\n{ours}", row.name);
            assert!(way[0] == "doctor" || !ours.is_empty(), "{} {way:?} says nothing", row.name);
            seen += usize::from(ours.contains("PATH::/evil"));
        }
    }
    assert!(seen >= HOSTS.len() * 6, "the hostile lines are not even shown: {seen}");
}

#[test]
fn a_file_with_a_hostile_name_is_named_in_one_command() {
    let folder = folder("names");
    let name = "a,line=1::x%0A##[error].rs";
    fs::write(folder.join(name), "").unwrap();
    let row = HOSTS.iter().find(|row| row.name == "github").unwrap();
    let mut env = row.env();
    env.insert("GITHUB_WORKSPACE".to_owned(), folder.display().to_string());
    let place = Notice::Place { file: name.to_owned(), line: Some(3) };
    let said = Row::host(&env).say(&[Notice::Highlight("it failed".to_owned()), place.clone()]).unwrap();
    let [error] = github::commands(said.as_bytes()).try_into().unwrap();
    assert_eq!((error.property("file"), error.property("line"), error.data.as_str()), (name, "3", "it failed"));

    let row = HOSTS.iter().find(|row| row.name == "gitlab").unwrap();
    let mut env = row.env();
    env.insert("CI_PROJECT_DIR".to_owned(), folder.display().to_string());
    let files = Row::host(&env).kept(&[Notice::Highlight("it failed".to_owned()), place]);
    let (_, text) = files.iter().find(|(name, _)| *name == "codequality.json").unwrap();
    let issues: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!((&issues[0]["location"]["path"], issues.as_array().map(Vec::len)), (&name.into(), Some(1)));
}

/// What is written into the discussion of a change, on each host whose API takes it.
#[test]
fn a_comment_holds_no_order_to_the_host_or_a_bot() {
    let ordering = "/close\n /merge\n@dependabot merge\nbors r+\nmake: *** [all] Error 2 would you @dependabot merge";
    for (row, extra, api) in [
        ("github", "GITHUB_REF=refs/pull/5/merge", "GITHUB_API_URL"),
        ("gitlab", "CI_MERGE_REQUEST_IID=5", "CI_API_V4_URL"),
    ] {
        let row = HOSTS.iter().find(|one| one.name == row).unwrap();
        let server = sim::Listener::start(|request| {
            let lists = request.method == "GET";
            sim::Response::json(200, &if lists { serde_json::json!([]) } else { serde_json::json!({"id": 1}) })
        });
        let folder = folder(&format!("comment-{}", row.name));
        fs::write(folder.join("build.log"), format!("{}{ordering}\nexit status 2\n", log())).unwrap();
        let mut env = row.env();
        let (name, value) = extra.split_once('=').unwrap();
        for (name, value) in [(name, value), (api, &server.url()), ("FIREFIGHTER_CI_TOKEN", "t")] {
            env.insert(name.to_owned(), value.to_owned());
        }
        let output = program(&folder, &env).args(["diagnose", "--log", "build.log", "--comment"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let posted: Vec<_> = server.requests().into_iter().filter(|request| request.method == "POST").collect();
        let [posted] = posted.as_slice() else { panic!("{} posts, {output:?}", posted.len()) };
        let body: serde_json::Value = serde_json::from_slice(&posted.body).unwrap();
        let body = body["body"].as_str().unwrap();
        for (name, parse) in OF_COMMENTS {
            let orders = parse(body.as_bytes());
            assert!(orders.is_empty(), "{}: {name} sees {orders:?} in\n{body}", row.name);
        }
        assert!(body.contains("/close") && body.contains("dependabot"), "the orders are not even shown:\n{body}");
    }
}

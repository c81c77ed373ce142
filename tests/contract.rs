//! The contract of `docs/contract.md`, held against every fault of everything that is asked from outside: a matrix, and the table
//! that the page shows of it. `BLESS=1` writes the table.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clients::{CLIENTS, Client, Host, KEYS, Stage};
use faults::{FAULTS, Fault, ORDERS};
use host_parsers::octopus as parsers;
use serde_json::Value;
use sim::Listener;

mod blessed;
#[path = "contract/clients.rs"]
mod clients;
#[path = "contract/faults.rs"]
mod faults;
mod host_parsers;
#[path = "contract/machine.rs"]
mod machine;
#[path = "contract/servers.rs"]
mod servers;
mod sim;
#[path = "contract/tls.rs"]
#[allow(dead_code, reason = "shared with tests of the network and of what is shipped")]
mod tls;

/// Seconds that a run may take, where it can only wait and elsewhere; and what it may take beyond them.
const SHORT: u64 = 3;
const LONG: u64 = 20;
const GRACE: Duration = Duration::from_secs(2);
/// A machine that runs the whole matrix is late at times by itself.
const SLACK: Duration = Duration::from_millis(1_500);
/// What a run may need at most, in kilobytes.
const MEMORY: u64 = 350_000;
/// Calls of a run, with what is sent again; questions to a model, with those that are sent again.
const CALLS: usize = 33;
const QUESTIONS: usize = 6;
/// Runs side by side: most of them wait.
const ABREAST: usize = 8;

/// What a run left behind.
struct Left {
    code: Option<i32>,
    out: String,
    err: String,
    took: Duration,
    /// The most memory it was seen to have, in kilobytes.
    memory: u64,
    /// The files in its folder, by their paths below it.
    files: BTreeMap<String, String>,
    /// Processes that it started and that live on.
    alive: Vec<String>,
}

/// Runs the program with `env` and `args`, by `shell` if one is given: a line that ends in `exec "$@"`.
fn run(args: &[&str], env: &BTreeMap<String, String>, shell: Option<&str>) -> Left {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let mark = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("contract-{mark}"));
    for folder in ["work", "home", "tmp", "given"] {
        fs::create_dir_all(place.join(folder)).unwrap();
    }
    let program = env!("CARGO_BIN_EXE_firefighter");
    let mut command = match shell {
        Some(line) => {
            let mut command = Command::new("/bin/bash");
            command.args(["-c", line, "bash", program]);
            command
        }
        None => Command::new(program),
    };
    command
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", place.join("home"))
        .env("TMPDIR", place.join("tmp"))
        .env("FIREFIGHTER_TEST_MARK", &mark)
        .env("GITHUB_OUTPUT", place.join("given/output"))
        .env("GITHUB_STEP_SUMMARY", place.join("given/summary"))
        .envs(env)
        .current_dir(place.join("work"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let pid = child.id();
    let (memory, texts, status, took) = thread::scope(|scope| {
        let read = |pipe: &mut dyn Read| {
            let mut bytes = Vec::new();
            let _ = pipe.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let out = scope.spawn(move || read(&mut out));
        let err = scope.spawn(move || read(&mut err));
        let mut memory = 0;
        let (status, took) = loop {
            memory = memory.max(peak(pid));
            if let Some(status) = child.try_wait().unwrap() {
                break (status, started.elapsed());
            }
            thread::sleep(Duration::from_millis(5));
        };
        (memory, (out.join().unwrap(), err.join().unwrap()), status, took)
    });
    let mut files = BTreeMap::new();
    gather(&place, &place, &mut files);
    let alive = alive(&mark);
    let _ = fs::remove_dir_all(&place);
    Left { code: status.code(), out: texts.0, err: texts.1, took, memory, files, alive }
}

/// The most memory that a process has had, in kilobytes.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
}

fn gather(root: &Path, folder: &Path, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(root, &path, into);
        } else {
            let text = fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
            into.insert(path.strip_prefix(root).unwrap().display().to_string(), text);
        }
    }
}

/// The processes whose environment holds `mark`.
fn alive(mark: &str) -> Vec<String> {
    let wanted = format!("FIREFIGHTER_TEST_MARK={mark}\0");
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter(|entry| {
            let environ = fs::read(entry.path().join("environ")).unwrap_or_default();
            String::from_utf8_lossy(&environ).contains(&wanted)
        })
        .map(|entry| fs::read_to_string(entry.path().join("comm")).unwrap_or_default())
        .collect()
}

impl Left {
    fn report(&self) -> Value {
        let text = self.files.get("work/firefighter-report/firefighter.json").map(String::as_str).unwrap_or_default();
        serde_json::from_str(text).unwrap_or_default()
    }

    /// What of the contract was broken; empty where all of it was kept.
    fn broken(&self, host: Host, deadline: u64) -> Vec<String> {
        let mut broken = Vec::new();
        let mut hold = |kept: bool, what: String| {
            if !kept {
                broken.push(what);
            }
        };
        hold(self.code == Some(0), format!("exit code {:?}", self.code));
        hold(self.took <= Duration::from_secs(deadline) + GRACE + SLACK, format!("took {:?}", self.took));
        hold(self.memory <= MEMORY, format!("had {} kB", self.memory));
        hold(self.alive.is_empty(), format!("left {:?} behind", self.alive));
        hold(host != Host::Octopus || self.err.is_empty(), format!("said on the error stream {}", self.err));
        let everything = || self.files.values().chain([&self.out, &self.err]);
        for key in KEYS {
            hold(!everything().any(|text| text.contains(key)), format!("shows the key {key}"));
        }
        for name in self.files.keys() {
            let kept = ["codequality.json", "annotations.json"].map(|name| format!("work/firefighter-report/{name}"));
            let ours = name.starts_with("work/firefighter-report/firefighter.")
                || (host == Host::GitLab && kept.contains(name))
                || name.starts_with("work/firefighter-report/fix-")
                || (host == Host::GitHub && name.starts_with("given/"));
            hold(ours, format!("wrote {name}"));
        }
        for order in orders(host, &self.out) {
            hold(false, format!("the host was told {order}"));
        }
        broken
    }
}

/// What a host would take for an order in `out` that we never mean.
fn orders(host: Host, out: &str) -> Vec<String> {
    match host {
        Host::Octopus => {
            let view = parsers::server(out);
            let meant = ["setVariable", "createArtifact", "progress"];
            let other =
                view.recognized.iter().filter(|name| !meant.contains(&name.as_str()) && !name.starts_with("stdout-"));
            let variables = view.variables.keys().filter(|name| !name.starts_with("Firefighter."));
            other.chain(variables).cloned().collect()
        }
        Host::GitHub => {
            let meant = ["group", "endgroup", "error", "warning", "notice", "debug"];
            let found = host_parsers::names(&host_parsers::github::commands(out.as_bytes()));
            found.into_iter().filter(|name| !meant.contains(&name.as_str())).collect()
        }
        Host::GitLab => {
            let found = host_parsers::gitlab::sections(out.as_bytes()).into_iter();
            found.map(|section| section.data).filter(|name| name != "firefighter").collect()
        }
        Host::Azure => {
            let meant =
                ["setvariable", "setprogress", "debug", "logissue", "uploadsummary"].map(|name| format!("task.{name}"));
            let found = host_parsers::names(&host_parsers::azure::commands(out.as_bytes()));
            found.into_iter().filter(|name| !meant.contains(name) && name != "artifact.upload").collect()
        }
        Host::TeamCity => {
            let log = ["progressMessage", "blockOpened", "blockClosed", "message"];
            let meant = ["setParameter", "addBuildTag", "buildStatus", "publishArtifacts"];
            let is_meant = |name: &String| log.contains(&name.as_str()) || meant.contains(&name.as_str());
            let found = host_parsers::names(&host_parsers::teamcity::messages(out.as_bytes()));
            found.into_iter().filter(|name| !is_meant(name)).collect()
        }
        Host::Buildkite => {
            let found = host_parsers::buildkite::commands(out.as_bytes()).into_iter();
            let meant = |data: &str| ["+++ Firefighter", "--- Firefighter's report"].contains(&data);
            found.map(|command| command.data).filter(|data| !meant(data)).collect()
        }
        // Nothing is obeyed there; what any other would obey is not said there either.
        Host::Jenkins | Host::CircleCi | Host::Bitbucket => {
            let azure = host_parsers::azure::commands(out.as_bytes());
            let found = azure.into_iter().chain(host_parsers::teamcity::messages(out.as_bytes()));
            found.map(|command| command.name).chain(orders(Host::GitHub, out)).collect()
        }
    }
}

/// What is wrong with what was asked: too much, or a key where it does not belong.
fn asked_wrongly(stage: &Stage) -> Vec<String> {
    let mut wrong = Vec::new();
    let model = stage.env.contains_key("FIREFIGHTER_LLM_URL");
    let of = |listener: &Listener| listener.requests().len();
    let octopus: usize = stage.servers.iter().map(|server| server.requests().len()).sum();
    let others: usize = stage.listeners.iter().map(of).sum();
    if octopus > CALLS || others > if model { QUESTIONS } else { CALLS } {
        wrong.push(format!("{octopus} calls and {others} to others"));
    }
    for request in stage.elsewhere.requests() {
        let text = format!("{:?} {} {}", request.headers, request.target(), request.text());
        for key in KEYS {
            if text.contains(key) {
                wrong.push(format!("the key {key} went to another host"));
            }
        }
    }
    wrong
}

/// How a run ended: as without the fault, with less, or with no more than why.
fn word(left: &Left, sound: &Value) -> &'static str {
    let report = left.report();
    let notes = |report: &Value| report["notes"].as_array().map_or(0, Vec::len);
    if report["category"].is_null() || report["category"] != sound["category"] {
        "says why"
    } else if notes(&report) > notes(sound) || report["diagnosis"]["author"] != sound["diagnosis"]["author"] {
        "less"
    } else {
        "whole"
    }
}

fn sound(client: &Client) -> Value {
    let stage = (client.stage)(None);
    let mut env = stage.env.clone();
    env.insert("FIREFIGHTER_DEADLINE".to_owned(), LONG.to_string());
    let left = run(&["diagnose"], &env, None);
    let broken = left.broken(stage.host, LONG);
    assert!(broken.is_empty(), "{}: {broken:?}\n{}{}", client.name, left.out, left.err);
    assert!(asked_wrongly(&stage).is_empty(), "{}: {:?}", client.name, asked_wrongly(&stage));
    let report = left.report();
    assert!(
        report["category"].is_string(),
        "{}: without a fault it knows the cause: {}{}",
        client.name,
        left.out,
        left.err
    );
    report
}

/// The word of a cell, or what was broken.
fn cell(client: &Client, fault: &'static Fault, sound: &Value) -> Result<&'static str, String> {
    let stage = (client.stage)(Some(fault));
    let deadline = fault.deadline;
    let mut env = stage.env.clone();
    env.insert("FIREFIGHTER_DEADLINE".to_owned(), deadline.to_string());
    let left = run(&["diagnose"], &env, None);
    let mut broken = left.broken(stage.host, deadline);
    broken.extend(asked_wrongly(&stage));
    if left.out.trim().is_empty() && left.err.trim().is_empty() {
        broken.push("said nothing".to_owned());
    }
    if left.out.contains(ORDERS.lines().next().unwrap()) {
        broken.push("passed an order on".to_owned());
    }
    if broken.is_empty() { Ok(word(&left, sound)) } else { Err(format!("{}, {}: {broken:?}", client.name, fault.name)) }
}

#[test]
fn whatever_is_wrong_with_whatever_is_asked_the_contract_is_kept() {
    let wanted = std::env::var("CELL").unwrap_or_default();
    let sounds: Vec<Value> = CLIENTS.iter().map(sound).collect();
    let cells: Vec<(usize, usize)> =
        (0..FAULTS.len()).flat_map(|row| (0..CLIENTS.len()).map(move |column| (row, column))).collect();
    assert!(cells.len() >= 300, "{} cells", cells.len());
    let next = AtomicUsize::new(0);
    let words: Mutex<BTreeMap<(usize, usize), &str>> = Mutex::default();
    let broken: Mutex<Vec<String>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..ABREAST {
            scope.spawn(|| {
                while let Some(&(row, column)) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (fault, client) = (&FAULTS[row], &CLIENTS[column]);
                    if !format!("{} {}", client.name, fault.name).contains(&wanted) {
                        continue;
                    }
                    match cell(client, fault, &sounds[column]) {
                        Ok(word) => drop(words.lock().unwrap().insert((row, column), word)),
                        Err(why) => broken.lock().unwrap().push(why),
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    assert!(broken.is_empty(), "{} cells break the contract:\n{}", broken.len(), broken.join("\n"));
    if wanted.is_empty() {
        let words = words.into_inner().unwrap();
        shown("matrix", &table(&words));
    }
}

fn table(words: &BTreeMap<(usize, usize), &str>) -> String {
    let mut out = String::from("| the answer |");
    for client in CLIENTS {
        write!(out, " {} |", client.name).unwrap();
    }
    out.push_str("\n| --- |");
    out.push_str(&" --- |".repeat(CLIENTS.len()));
    for (row, fault) in FAULTS.iter().enumerate() {
        write!(out, "\n| {} |", fault.name).unwrap();
        (0..CLIENTS.len()).for_each(|column| write!(out, " {} |", words[&(row, column)]).unwrap());
    }
    out + "\n"
}

/// Holds `text` against what the page shows between the marks called `name`.
fn shown(name: &str, text: &str) {
    blessed::part("docs/contract.md", name, text);
}

/// The columns that TLS is tried on: what is asked, and the variable that has its address.
const SECURED: [(usize, &str); 3] = [(0, "OCTOPUS_URL"), (6, "FIREFIGHTER_LLM_URL"), (8, "GITHUB_API_URL")];

#[test]
fn whatever_is_wrong_with_tls_the_contract_is_kept() {
    let mut table = String::from("| the connection |");
    for (column, _) in SECURED {
        write!(table, " {} |", CLIENTS[column].name).unwrap();
    }
    table.push_str("\n| --- | --- | --- | --- |\n");
    let sounds: Vec<Value> = SECURED.iter().map(|(column, _)| sound(&CLIENTS[*column])).collect();
    for wrong in tls::WRONGS {
        write!(table, "| {} |", wrong.name).unwrap();
        for ((column, address), sound) in SECURED.iter().zip(&sounds) {
            let stage = (CLIENTS[*column].stage)(None);
            let mut env = stage.env.clone();
            let deadline = if wrong.slow { SHORT } else { LONG };
            let plain = url::Url::parse(&env[*address]).unwrap();
            let front = tls::front(&format!("127.0.0.1:{}", plain.port().unwrap()), wrong.kind);
            let authority =
                PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("contract-{}-{column}.pem", wrong.kind as u8));
            fs::write(&authority, &front.authority).unwrap();
            env.insert((*address).to_owned(), format!("{}{}", front.url, plain.path().trim_end_matches('/')));
            env.insert("FIREFIGHTER_CA_FILE".to_owned(), authority.display().to_string());
            env.insert("FIREFIGHTER_DEADLINE".to_owned(), deadline.to_string());
            let left = run(&["diagnose"], &env, None);
            let mut broken = left.broken(stage.host, deadline);
            broken.extend(asked_wrongly(&stage));
            assert!(broken.is_empty(), "{}, {}: {broken:?}\n{}", CLIENTS[*column].name, wrong.name, left.out);
            let told: String = left.out.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(told.contains(wrong.told), "{}, {}: {}", wrong.name, CLIENTS[*column].name, left.out);
            let word = word(&left, sound);
            assert_eq!(
                word == "whole",
                wrong.kind == tls::Kind::Nothing,
                "{}, {}: {}",
                wrong.name,
                CLIENTS[*column].name,
                left.out
            );
            write!(table, " {word} |").unwrap();
        }
        table.push('\n');
    }
    shown("tls", &table);
}

#[test]
fn whatever_a_machine_lacks_the_contract_is_kept() {
    let client = &CLIENTS[0];
    let sound = sound(client);
    let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("contract-machine.log");
    fs::write(&log, clients::LOG).unwrap();
    let log = log.display().to_string();
    let mut table = String::from("| the machine | inside a step | a log file |\n| --- | --- | --- |\n");
    for lack in machine::LACKS {
        let stage = (client.stage)(None);
        let mut env = stage.env.clone();
        env.insert("FIREFIGHTER_DEADLINE".to_owned(), LONG.to_string());
        let inside = run(&["diagnose"], &env, Some(lack.line));
        let outside = run(&["diagnose", "--log", &log], &BTreeMap::new(), Some(lack.line));
        for (left, host) in [(&inside, Host::Octopus), (&outside, Host::GitLab)] {
            let mut broken = left.broken(host, LONG);
            if !lack.deaf && left.out.trim().is_empty() && left.err.trim().is_empty() {
                broken.push("said nothing".to_owned());
            }
            assert!(broken.is_empty(), "{}: {broken:?}\n{}{}", lack.name, left.out, left.err);
        }
        let told = |left: &Left, cause: &str| {
            if left.out.contains(cause) {
                "whole"
            } else if lack.deaf {
                "unheard"
            } else {
                "says why"
            }
        };
        let view = parsers::server(&inside.out);
        let known = view.variables.get("Firefighter.Category").map(String::as_str) == sound["category"].as_str();
        let inside = match (known, inside.report().is_null()) {
            (true, false) => "whole",
            (true, true) => "less",
            (false, false) => "the files alone",
            (false, true) => told(&inside, "TOOMANYREQUESTS"),
        };
        writeln!(table, "| {} | {inside} | {} |", lack.name, told(&outside, "ENOTFOUND")).unwrap();
    }
    shown("machine", &table);
}

#[test]
fn each_fault_and_each_client_is_there_once() {
    let names: BTreeSet<&str> =
        FAULTS.iter().map(|fault| fault.name).chain(CLIENTS.iter().map(|one| one.name)).collect();
    assert_eq!(names.len(), FAULTS.len() + CLIENTS.len());
}

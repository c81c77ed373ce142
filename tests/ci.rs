//! Runs the real program over each folder of `tests/ci/`, inside a build server that is simulated, and compares what it says and
//! writes there with the folder's `expected/`. `BLESS=1 cargo test --test ci` rewrites that; read the diff.
//!
//! `tests/ci/README.md` says what a folder may hold.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use serde_json::{Value, json};
use sim::{Listener, Request, Response};

mod sim;

/// The most calls of one run that the manual promises.
const CALLS: usize = 25;

/// A `case.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[expect(dead_code, reason = "for its reader")]
    about: String,
    /// What is typed.
    #[serde(default = "diagnose")]
    flags: Vec<String>,
    env: BTreeMap<String, String>,
    /// A header that each request must bear, such as `authorization: Bearer x`.
    proof: Option<String>,
    /// What may be seen nowhere.
    #[serde(default)]
    secrets: Vec<String>,
    /// Files of the report that are compared too.
    #[serde(default)]
    report: Vec<String>,
}

fn diagnose() -> Vec<String> {
    vec!["diagnose".to_owned()]
}

/// A `server.toml`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answers {
    #[serde(default)]
    answers: Vec<Answer>,
}

/// What is answered to a path; the first that fits counts.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default = "get")]
    method: String,
    /// With a query it fits that query alone, without one any.
    path: String,
    #[serde(default = "good")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    /// A file beside `server.toml` instead.
    file: Option<String>,
    /// A header that must not come along: signed storage takes no token of ours.
    refuses: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

fn good() -> u16 {
    200
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ci")
}

fn names() -> Vec<String> {
    let folders = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let cases = folders.filter(|path| path.join("case.toml").is_file());
    let mut names: Vec<_> = cases.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn toml<T: for<'a> Deserialize<'a>>(path: &Path) -> T {
    toml::from_str(&fs::read_to_string(path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What one run did.
struct Ran {
    case: Case,
    output: Output,
    server: Listener,
    /// The folder it ran in.
    place: PathBuf,
    /// The files that lay there before, by their names.
    given: BTreeMap<String, String>,
}

impl Ran {
    /// `text` as it would be in another folder and with a server of another address.
    fn settled(&self, text: &str) -> String {
        let address = self.server.url();
        let host = address.trim_start_matches("http://");
        text.replace(&address, "{url}").replace(host, "{host}").replace(&self.place.display().to_string(), "{here}")
    }

    fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    /// The files that the program wrote or added to, but for those of the report itself.
    fn written(&self) -> BTreeMap<String, String> {
        let files = fs::read_dir(&self.place).unwrap().map(|entry| entry.unwrap().path());
        let read = |path: PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        };
        let files = files.filter(|path| path.is_file()).map(read);
        files.filter(|(name, text)| self.given.get(name) != Some(text)).collect()
    }

    /// What was sent to be kept, in order.
    fn sent(&self) -> Vec<Value> {
        let requests = self.server.requests();
        let told = requests.iter().filter(|request| request.method != "GET").map(|request| {
            let body = request.text();
            let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
            json!({ "method": request.method, "path": request.target(), "body": body })
        });
        told.collect()
    }
}

fn run(name: &str) -> Ran {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("ci-{name}-{number}"));
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).unwrap();
    let folder = root().join(name);
    let case: Case = toml(&folder.join("case.toml"));
    let Answers { answers } = toml(&folder.join("server.toml"));
    let home = folder.clone();
    let server = Listener::start(move |request| {
        let fits = |answer: &&Answer| {
            let path = if answer.path.contains('?') { request.target() } else { request.path.clone() };
            answer.path == path && answer.method == request.method
        };
        let url = format!("http://{}", request.header("host").unwrap_or_default());
        match answers.iter().find(fits) {
            Some(Answer { refuses: Some(header), .. }) if request.header(header).is_some() => {
                Response::json(400, &json!({ "message": format!("{header} came along") }))
            }
            Some(answer) => response(answer, &home, &url),
            None => Response::json(404, &json!({ "message": format!("no answer for {}", request.target()) })),
        }
    });
    let filled = |text: &str| text.replace("{url}", &server.url()).replace("{here}", &place.display().to_string());
    let mut given = BTreeMap::new();
    for entry in fs::read_dir(folder.join("here")).into_iter().flatten() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = filled(&fs::read_to_string(&path).unwrap());
        fs::write(place.join(&file), &text).unwrap();
        given.insert(file, text);
    }
    let output = Command::new(env!("CARGO_BIN_EXE_firefighter"))
        .args(case.flags.iter().map(|flag| filled(flag)))
        .env_clear()
        // No test asks a host of commits on the internet.
        .env("FIREFIGHTER_NO_FORGE", "1")
        .env("SOURCE_DATE_EPOCH", "1770693300")
        .envs(case.env.iter().map(|(name, value)| (name, filled(value))))
        .current_dir(&place)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran { case, output, server, place, given }
}

fn response(answer: &Answer, folder: &Path, url: &str) -> Response {
    let body = match &answer.file {
        Some(file) => fs::read_to_string(folder.join(file)).unwrap(),
        None => answer.body.strip_prefix('\n').unwrap_or(&answer.body).to_owned(),
    };
    let body = body.replace("{url}", url);
    let is_json = serde_json::from_str::<Value>(&body).is_ok_and(|value| !value.is_number());
    let kind = if is_json { "application/json; charset=utf-8" } else { "text/plain; charset=utf-8" };
    let kind = answer
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map_or(kind, |(_, kind)| kind);
    let mut response = Response::new(answer.status, kind, body);
    for (name, value) in answer.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type")) {
        response = response.header(name, value.replace("{url}", url));
    }
    response
}

/// The texts of all files of a case but `case.toml` and what is expected.
fn files(folder: &Path) -> Vec<String> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.extend(fs::read_dir(folder.join("here")).into_iter().flatten().map(|entry| entry.unwrap().path()));
    let told = paths.into_iter().filter(|path| path.is_file() && !path.ends_with("case.toml"));
    told.map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// Compares `found` with the file of that name in the case's `expected/`, or writes it there.
fn compare(case: &str, file: &str, found: &str, wrong: &mut Vec<String>) {
    let path = root().join(case).join("expected").join(file);
    if std::env::var_os("BLESS").is_some() {
        if !found.is_empty() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, found).unwrap();
        }
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if expected == found {
        return;
    }
    let differs = expected.lines().zip(found.lines()).enumerate().find(|(_, (was, is))| was != is);
    wrong.push(match differs {
        Some((at, (was, is))) => format!("{case}/expected/{file}:{}\n  expected {was}\n  found    {is}", at + 1),
        None => format!("{case}/expected/{file} has {} bytes, found {}", expected.len(), found.len()),
    });
}

#[test]
fn every_case_tells_what_is_expected() {
    let mut wrong = Vec::new();
    for name in names() {
        let ran = run(&name);
        if std::env::var_os("BLESS").is_some() {
            let _ = fs::remove_dir_all(root().join(&name).join("expected"));
        }
        compare(&name, "stdout.txt", &ran.settled(&ran.stdout()), &mut wrong);
        let stderr = String::from_utf8_lossy(&ran.output.stderr).into_owned();
        compare(&name, "stderr.txt", &ran.settled(&stderr), &mut wrong);
        let mut asked: Vec<String> =
            ran.server.requests().iter().map(|request| format!("{} {}\n", request.method, request.target())).collect();
        // Some are asked side by side.
        asked.sort();
        compare(&name, "asked.txt", &ran.settled(&asked.concat()), &mut wrong);
        let sent = ran.sent();
        if !sent.is_empty() {
            compare(&name, "sent.json", &ran.settled(&format!("{:#}\n", Value::Array(sent))), &mut wrong);
        }
        for (file, text) in ran.written() {
            compare(&name, &format!("here/{file}"), &ran.settled(&text), &mut wrong);
        }
        for file in &ran.case.report {
            let text = fs::read_to_string(ran.place.join("firefighter-report").join(file)).unwrap();
            compare(&name, file, &ran.settled(&text), &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "BLESS=1 accepts these:\n{}", wrong.join("\n"));
}

#[test]
fn every_case_keeps_the_promises() {
    for name in names() {
        let ran = run(&name);
        assert_eq!(ran.output.status.code(), Some(0), "{name}");
        let stderr = String::from_utf8_lossy(&ran.output.stderr);
        let requests = ran.server.requests();
        assert!(requests.len() <= CALLS, "{name}: {} calls", requests.len());
        if let Some((header, value)) = ran.case.proof.as_deref().and_then(|proof| proof.split_once(": ")) {
            let Answers { answers } = toml(&root().join(&name).join("server.toml"));
            let free = |one: &Request| answers.iter().any(|answer| answer.refuses.is_some() && answer.path == one.path);
            let bare = requests.iter().filter(|one| one.header(header) != Some(value) && !free(one));
            let bare: Vec<_> = bare.map(Request::target).collect();
            assert!(bare.is_empty(), "{name}: without {header}: {bare:?}");
        }
        let mut published = ran.stdout() + &stderr + &Value::Array(ran.sent()).to_string();
        published.extend(ran.written().into_values());
        for file in fs::read_dir(ran.place.join("firefighter-report")).into_iter().flatten() {
            published.push_str(&fs::read_to_string(file.unwrap().path()).unwrap());
        }
        let planted: Vec<String> = files(&root().join(&name))
            .into_iter()
            .chain(ran.case.env.values().cloned())
            .chain(ran.case.proof.clone())
            .collect();
        for secret in &ran.case.secrets {
            assert!(planted.iter().any(|text| text.contains(secret)), "{name} does not hold {secret}");
            assert!(!published.contains(secret.as_str()), "{name}: {secret} got out");
        }
    }
}

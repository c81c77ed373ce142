//! Whatever a server answers: an Octopus Server, a build server, a host of commits, a model.
//!
//! The answers come from a server of our own on loopback, so that all of the way is tried, from the socket to the report.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use firefighter::diagnose::provider::Provider;
use firefighter::diagnose::{self, Choice, Key, Model};
use firefighter::forge::{self, DIALECTS, Forge};
use firefighter::host::{self, Access, Env, octopus};
use firefighter::http::{Http, Network, Roots};
use firefighter::model::{Incident, Note};
use firefighter::recur;
use firefighter::redact::Redactor;
use firefighter::reduce::{self, Budget, reduce};

use super::reads::{CATALOGUE, in_steps, report, told, written};

/// What is answered to a request whose path holds the words; the first that fits.
#[derive(Clone, Default)]
struct Answer {
    words: String,
    kind: &'static str,
    status: u16,
    body: Vec<u8>,
}

static ANSWERS: Mutex<Vec<Answer>> = Mutex::new(Vec::new());

static SERVER: LazyLock<String> = LazyLock::new(|| {
    let socket = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = socket.local_addr().expect("a bound socket has an address");
    thread::spawn(move || {
        for stream in socket.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    format!("http://{address}")
});

static HTTP: LazyLock<Arc<Http>> = LazyLock::new(|| {
    let network = Network { roots: Roots::Bundled, ..Network::default() };
    Arc::new(Http::new(network, Instant::now() + Duration::from_secs(1 << 24)).expect("a door"))
});

fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream.try_clone()?);
    let mut output = stream;
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if input.read_line(&mut first)? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            input.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.trim().is_empty() {
                break;
            }
        }
        io::copy(&mut input.by_ref().take(length), &mut io::sink())?;
        let answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
        let found = answers.iter().find(|answer| first.contains(&answer.words)).cloned();
        drop(answers);
        let Answer { kind, status, body, .. } = found.unwrap_or(Answer {
            kind: "application/json",
            status: 404,
            body: b"{}".to_vec(),
            ..Answer::default()
        });
        let head = format!("HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        output.write_all(&[head.as_bytes(), &body].concat())?;
    }
}

fn answer_with(answers: Vec<Answer>) {
    *ANSWERS.lock().unwrap_or_else(PoisonError::into_inner) = answers;
}

/// What stands around us, by the first byte: a step of Octopus, a job of GitHub or of GitLab.
fn around(which: u8) -> Env {
    let server = SERVER.as_str();
    let pairs: &[(&str, &str)] = match which {
        b'g' => &[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_API_URL", server),
            ("GITHUB_SERVER_URL", server),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_RUN_ID", "7001"),
            ("GITHUB_JOB", "test"),
            ("GITHUB_TOKEN", "ghs_x"),
        ],
        b'l' => &[
            ("GITLAB_CI", "true"),
            ("CI_API_V4_URL", server),
            ("CI_PROJECT_ID", "5"),
            ("CI_PIPELINE_ID", "900"),
            ("CI_JOB_ID", "9001"),
            ("CI_JOB_STATUS", "failed"),
            ("CI_COMMIT_REF_NAME", "main"),
            ("GITLAB_TOKEN", "glpat-x"),
        ],
        _ => &[
            ("FIREFIGHTER_HOST", "octopus"),
            ("FIREFIGHTER_OCTOPUS_TASK_ID", "ServerTasks-2001547"),
            ("FIREFIGHTER_OCTOPUS_SPACE_ID", "Spaces-77"),
            ("FIREFIGHTER_OCTOPUS_DEPLOYMENT_ID", "Deployments-30512"),
            ("FIREFIGHTER_OCTOPUS_STEP_NAME", "Diagnose failure"),
            ("FIREFIGHTER_OCTOPUS_STEP_NUMBER", "8"),
        ],
    };
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
}

/// Everything that is asked of a host, and of where its commits are. The bytes are answers, each after a line `%% words`, which
/// stand in the paths that it answers; `http://server` in them is the server itself.
pub fn host(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else { return };
    let rest = rest.strip_prefix(b"\n%% ").unwrap_or(rest);
    let parts = rest.split(|byte| *byte == b'\n').fold(Vec::<Vec<u8>>::new(), |mut parts, line| {
        match (line.strip_prefix(b"%% "), parts.last_mut()) {
            (None, Some(part)) => part.extend([b"\n", line].concat()),
            (words, _) => parts.push(words.unwrap_or(line).to_vec()),
        }
        parts
    });
    let answers = parts.into_iter().map(|part| {
        let text = part.iter().position(|byte| *byte == b'\n').unwrap_or(part.len());
        let (words, body) = part.split_at(text);
        let body = body.get(1..).unwrap_or_default();
        let body = match std::str::from_utf8(body) {
            Ok(text) => text.replace("http://server", &SERVER).into_bytes(),
            Err(_) => body.to_vec(),
        };
        Answer { words: String::from_utf8_lossy(words).into_owned(), kind: "application/json", status: 200, body }
    });
    answer_with(answers.filter(|answer| !answer.words.is_empty()).collect());
    let env = around(*which);
    let credential = octopus::Credential::ApiKey("API-SIMULATED".to_owned());
    let server = Some(SERVER.clone()).filter(|_| env.contains_key("FIREFIGHTER_HOST"));
    let access =
        Access { octopus: octopus::Access { server, credential, ..octopus::Access::default() }, ..Access::default() };
    let mut notes: Vec<Note> = Vec::new();
    let found = host::detect(&env, &access, &HTTP).and_then(|host| host.collect(&mut notes));
    assert!(HTTP.resent() == 0, "nothing here is worth a second try");
    let Ok(mut incident) = found else { return };
    let address: url::Url = SERVER.parse().expect("an address");
    // By the answers' own word, so that each dialect is tried.
    let dialect = &DIALECTS[usize::from(which / 2) % DIALECTS.len()];
    let forge = Forge { dialect, address, below: false, token: None };
    forge::enrich(&mut incident, &forge::Choice { forges: vec![forge], ..forge::Choice::default() }, &HTTP, &mut notes);
    publish(&mut incident, notes);
}

/// The rest of a run's way.
fn publish(incident: &mut Incident, notes: Vec<Note>) {
    let baseline = incident.baseline.as_ref().map(|baseline| &baseline.log);
    let mut evidence = reduce(&incident.log, baseline, &CATALOGUE, Budget { tokens: 2_000 });
    recur::judge(incident, &evidence, &CATALOGUE);
    let baseline = incident.baseline.as_ref().map(|baseline| &baseline.log);
    (evidence.suspects, evidence.outside_after) =
        reduce::suspect::suspects(&incident.log, &evidence, &incident.changes, &incident.run, baseline);
    forge::lead(&mut incident.changes, &evidence.suspects);
    let redactor = Redactor::new(incident);
    let case = redactor.seal(incident, &evidence);
    let mut report = report(case, &redactor);
    report.notes = redactor.seal_notes(notes);
    written(&report);
}

/// One provider of each dialect.
const PROVIDERS: [&str; 5] = ["compatible", "openai", "anthropic", "gemini", "mistral"];

/// Whatever a model's server answers: the first byte says in which dialect it is asked, the second how it answers.
pub fn model(data: &[u8]) {
    let Some(([dialect, manner], body)) = data.split_first_chunk::<2>() else { return };
    let status = if manner & 1 == 0 { 200 } else { 400 };
    let kind = if manner & 2 == 0 { "text/event-stream" } else { "application/json" };
    answer_with(vec![Answer { words: String::new(), kind, status, body: body.to_vec() }]);
    let provider = Provider::named(PROVIDERS[usize::from(*dialect) % PROVIDERS.len()]).expect("a provider");
    let url = SERVER.parse().expect("an address");
    let model = Model {
        provider,
        url,
        name: "m".to_owned(),
        key: Key::Secret("planted-Key-0123456789".to_owned()),
        facts: Default::default(),
    };
    let choice = Choice { models: vec![model], ..Choice::default() };
    let log = "Starting\nERROR: unexpected frob in the widget layer\nThe remote script failed with exit code 1\n";
    let incident = Incident { log: in_steps(log.as_bytes(), 5), ..Incident::default() };
    let evidence = reduce(&incident.log, None, &CATALOGUE, Budget { tokens: 2_000 });
    let redactor = Redactor::new(&incident);
    let mut notes = Vec::new();
    let mut report = told(redactor.seal(&incident, &evidence), &redactor, |case| {
        diagnose::diagnose(case, &choice, &HTTP, &mut notes, &mut |_: &str| {})
    });
    report.notes = redactor.seal_notes(notes);
    written(&report);
}

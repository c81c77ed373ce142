//! Texts of strangers that we read: logs, files, questions.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Instant;

use firefighter::clean::{LogBuilder, lines, plain, unwanted};
use firefighter::diagnose;
use firefighter::host::octopus::{self, raw::Raw};
use firefighter::http::{Http, Network};
use firefighter::model::{Incident, Level, Log, Outcome, Step};
use firefighter::redact::Redactor;
use firefighter::reduce::{Budget, reduce};
use firefighter::report::{FORMATS, Report};
use firefighter::settings::{self, Kind, SETTINGS};
use firefighter::signature::Catalogue;
use jiff::{Timestamp, Zoned, tz::TimeZone};

/// The known failures.
pub static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::builtin);
/// Longer inputs teach nothing new and take long.
const LONGEST: usize = 1 << 16;

/// Bytes into clean lines, each with its number: the same ones whichever way they are read.
pub fn clean(data: &[u8]) {
    let mut expected = Vec::new();
    let mut raw = Raw::default();
    lines(data, |number, text| {
        assert_eq!(number, expected.len() + 1, "each line is counted");
        assert!(!text.contains(|c: char| c != '\t' && unwanted(c)), "{text:?} is not clean");
        raw.line(number, text);
        expected.push((number, text.to_owned()));
    })
    .expect("memory can be read");
    let log = plain(data).expect("memory can be read");
    whole(&log);
    assert_eq!(kept(&log), expected);
    whole(&raw.finish());
}

/// A log too large to be kept: what stays has its true text and number, and the rest is counted.
pub fn skim(data: &[u8]) {
    if data.is_empty() {
        return;
    }
    // The first byte says how much there is around what was given: whole logs, and such as are thinned.
    let (size, part) = (usize::from(data[0] % 24) << 20, data);
    let source = || Filled { part, at: 0, left: size + part.len(), dull: size };
    let log = plain(source()).expect("memory can be read");
    whole(&log);
    let kept = kept(&log);
    let (mut at, mut all) = (0, 0);
    lines(source(), |number, text| {
        all = number;
        if kept.get(at).is_some_and(|(kept, _)| *kept == number) {
            assert_eq!(kept[at].1, text, "line {number}");
            at += 1;
        }
    })
    .expect("memory can be read");
    assert_eq!(at, kept.len(), "the kept lines are the log's, in its order");
    assert_eq!(kept.len() + log.omitted, all, "what is not kept is counted");
}

/// `part` in the midst of dull lines, or whatever they become behind it.
struct Filled<'a> {
    part: &'a [u8],
    at: usize,
    left: usize,
    dull: usize,
}

impl Read for Filled<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = out.len().min(self.left);
        for byte in &mut out[..count] {
            let inside = self.at.checked_sub(self.dull / 2).and_then(|at| self.part.get(at));
            *byte = inside.copied().unwrap_or(if self.at % 64 == 63 { b'\n' } else { b'a' + (self.at % 23) as u8 });
            self.at += 1;
        }
        self.left -= count;
        Ok(count)
    }
}

/// A log's way through the whole house, without a model.
pub fn evidence(data: &[u8]) {
    let Some((head, text)) = data.split_first_chunk::<3>() else { return };
    if text.len() > LONGEST {
        return;
    }
    let tokens = usize::from(u16::from_le_bytes([head[0], head[1]])) % 3_000 + 1;
    let incident = Incident { log: in_steps(text, head[2]), ..Incident::default() };
    let log = &incident.log;
    let evidence = reduce(log, None, &CATALOGUE, Budget { tokens });
    let picked: Vec<usize> = evidence.picks.iter().flat_map(|pick| pick.lines.clone()).collect();
    assert!(picked.windows(2).all(|pair| pair[0] < pair[1]), "in the order of the log, each once");
    assert!(picked.iter().all(|index| *index < log.lines.len()), "a pick is a line of the log");
    assert!(evidence.tokens <= tokens || picked.len() == 1, "{} of {tokens} tokens", evidence.tokens);
    assert_eq!(picked.len() + evidence.omitted, log.lines.len());
    assert!(!picked.is_empty() || log.lines.is_empty());
    let mut best = evidence.best.clone();
    best.sort_unstable();
    assert_eq!(best, picked, "the best are the picked, in another order");
    let redactor = Redactor::new(&incident);
    let report = report(redactor.seal(&incident, &evidence), &redactor);
    for line in report.case.excerpts.iter().flat_map(|excerpt| &excerpt.lines) {
        let own = log.line(line.id - 1);
        assert!(line.text == own || line.text.contains("⟨secret:"), "{:?} is not {own:?}", line.text);
    }
    written(&report);
}

/// A secret that the run was told, in a form that its log may show it in.
const KNOWN: &str = "Zx9-planted/Secret+Value=";
/// Secrets with a shape of their own, each on a line.
const SHAPED: [&str; 4] = [
    "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "AKIA5XQ7LKMNB2T4WZ6Y",
    "postgres://app:Tr0ub4dor-Zq@db.example.com/x",
    "Authorization: Bearer q8Zr2LmX0vKcYt5nHs7WbJd3",
];
/// What of each must not be seen.
const SHAPED_PARTS: [&str; 4] = ["a1B2c3D4e5F6g7H8", "5XQ7LKMNB2T4WZ6Y", "Tr0ub4dor-Zq", "q8Zr2LmX0vKcYt5n"];

/// A planted secret gets out in nothing, and what is masked stays as it is.
pub fn redact(data: &[u8]) {
    let Some((head, text)) = data.split_first_chunk::<2>() else { return };
    if text.len() > LONGEST {
        return;
    }
    let mut text = String::from_utf8_lossy(text).into_owned();
    let at = text.floor_char_boundary(text.len() * usize::from(head[1]) / 255);
    let which = usize::from(head[0]) % (SHAPED.len() + 1);
    let part = match SHAPED.get(which) {
        Some(secret) => {
            text.insert_str(at, &format!("\n{secret}\n"));
            SHAPED_PARTS[which]
        }
        None => {
            text.insert_str(at, KNOWN);
            KNOWN
        }
    };
    let mut incident = Incident { log: in_steps(text.as_bytes(), 1), ..Incident::default() };
    incident.secrets.add(KNOWN);
    let redactor = Redactor::new(&incident);
    let masked = redactor.text(&text);
    assert!(!masked.contains(part), "{part} got out");
    assert_eq!(redactor.text(&masked), masked, "what is masked stays as it is");
    let evidence = reduce(&incident.log, None, &CATALOGUE, Budget { tokens: 4_000 });
    let report = report(redactor.seal(&incident, &evidence), &redactor);
    for (format, _, write) in FORMATS {
        assert!(!write(&report).contains(part), "{part} is in the {format}");
    }
}

/// A user's own signatures: refused with a reason, or used.
pub fn signatures(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Catalogue::builtin().with_user_file("ours.toml", text) {
        Ok(catalogue) => {
            let log =
                plain("ERROR: no free seat for feature layout\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\n".as_bytes());
            let log = log.expect("memory can be read");
            let all: Vec<usize> = (0..log.lines.len()).collect();
            for found in catalogue.explain(&log, &all) {
                assert!(found.line < log.lines.len() && (0.0..=1.0).contains(&found.strength));
            }
        }
        Err(error) => assert!(
            error.to_string().starts_with("the signatures in ours.toml") || error.to_string().contains("ours.toml"),
            "{error}"
        ),
    }
}

/// A report that somebody kept, and edited.
pub fn saved(data: &[u8]) {
    let path = scratch("case.json");
    fs::write(&path, data).expect("the folder for temporary files can be written to");
    let read = |notes: &mut Vec<_>| firefighter::saved::read(&path, &CATALOGUE, Vec::new(), notes);
    let Ok((case, redactor)) = read(&mut Vec::new()) else { return };
    let first = written(&report(case, &redactor));
    // What we write of it can be read again.
    fs::write(&path, first).expect("the folder for temporary files can be written to");
    let (case, redactor) = read(&mut Vec::new()).expect("our own report");
    written(&report(case, &redactor));
}

/// Variables and a settings file, a line with a lone `%` between them.
pub fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (variables, file) = text.split_once("\n%\n").unwrap_or((text, ""));
    let path = scratch("firefighter.toml");
    fs::write(&path, file).expect("the folder for temporary files can be written to");
    let mut env: BTreeMap<String, String> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    // A fuzzer that names files would read the machine's own.
    env.retain(|name, _| !name.ends_with("_CONFIG") && !name.contains("FILE"));
    env.insert("FIREFIGHTER_CONFIG".to_owned(), path.display().to_string());
    let Ok(merged) = settings::merge(&BTreeMap::new(), &env) else { return };
    let shown = merged.show();
    for row in SETTINGS.iter().filter(|row| matches!(row.kind, Kind::Secret(_))) {
        for value in row.env.iter().filter_map(|name| env.get(*name)).map(|value| value.trim()) {
            let elsewhere = env.iter().filter(|(name, _)| !row.env.contains(&name.as_str()));
            let told = elsewhere.map(|(_, value)| value.as_str()).chain([file]).any(|text| text.contains(value));
            assert!(value.len() < 12 || told || !shown.contains(value), "{} is shown", row.name);
        }
    }
    let clock = Zoned::new(Timestamp::UNIX_EPOCH, TimeZone::UTC);
    let _ = merged.settings(&env, Timestamp::UNIX_EPOCH, &clock);
}

/// A process as it is written in a repository; questions in words and addresses, which people paste.
pub fn ocl(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = octopus::from_address(text.lines().next().unwrap_or_default());
    if let Ok(question) = octopus::readable(text) {
        let _ = octopus::plain(&question);
    }
    for name in ["scan", "deploy"] {
        let Some((first, lines)) = firefighter::ocl::step(text, name) else { continue };
        assert!(text.contains(&lines) && first <= text.lines().count(), "a step's lines are the text's");
        let properties = [("Octopus.Action.AutoRetry.MaximumCount", "3")];
        let Some(changed) = firefighter::ocl::with_properties(&lines, name, &properties) else { continue };
        let again = firefighter::ocl::with_properties(&changed, name, &properties);
        assert_eq!(again.as_ref(), Some(&changed), "what is set already changes nothing");
    }
}

/// A log with two steps, of which the second failed; every line of a multiple of `third` belongs to the first.
pub fn in_steps(text: &[u8], third: u8) -> Log {
    let mut builder = LogBuilder::default();
    let step = |name: &str, culprit| Step {
        name: name.to_owned(),
        place: None,
        outcome: if culprit { Outcome::Failed } else { Outcome::Succeeded },
        culprit,
        started: None,
        finished: None,
        attempts: 1,
        depth: 0,
    };
    let (first, second) = (builder.step(step("first", false)), builder.step(step("second", true)));
    lines(text, |number, line| {
        let step = if number % (usize::from(third % 5) + 2) == 0 { first } else { second };
        builder.line(number, None, Level::Info, Some(step), line);
    })
    .expect("memory can be read");
    builder.finish()
}

/// A door to a network that nobody goes through.
pub fn closed() -> Http {
    static DOOR: LazyLock<Instant> = LazyLock::new(Instant::now);
    Http::new(Network { roots: firefighter::http::Roots::Bundled, ..Network::default() }, *DOOR).expect("a door")
}

/// What the catalogue makes of a case.
pub fn report(case: firefighter::redact::Redacted<firefighter::model::Case>, redactor: &Redactor) -> Report {
    told(case, redactor, diagnose::Asked::of_rules)
}

/// A report of `case` with the diagnosis that `ask` makes.
pub fn told(
    case: firefighter::redact::Redacted<firefighter::model::Case>,
    redactor: &Redactor,
    ask: impl FnOnce(&firefighter::redact::Redacted<firefighter::model::Case>) -> diagnose::Asked,
) -> Report {
    let asked = ask(&case);
    let diagnosis = redactor.seal_diagnosis(asked.diagnosis);
    for id in diagnosis.hypotheses.iter().flat_map(|hypothesis| &hypothesis.citations) {
        assert!(case.line(*id).is_some(), "a citation names a line that is shown");
    }
    let fingerprint = diagnose::fingerprint(&case, &diagnosis);
    Report {
        case,
        diagnosis,
        notes: redactor.seal_notes(Vec::new()),
        usage: redactor.seal_usage(asked.usage),
        made: None,
        fingerprint,
        question: None,
    }
}

/// Every format can be written, and none of them lets text become markup. Returns the JSON.
pub fn written(report: &Report) -> String {
    let mut json = String::new();
    for (format, _, write) in FORMATS {
        let text = write(report);
        assert!(!text.is_empty(), "{format}");
        match *format {
            "json" => {
                assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
                json = text;
            }
            "html" => assert!(!text.contains("<script"), "text became markup"),
            _ => {}
        }
    }
    json
}

/// A file of this process's own.
fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("firefighter-fuzz-{}-{name}", std::process::id()))
}

fn kept(log: &Log) -> Vec<(usize, String)> {
    log.lines.iter().enumerate().map(|(at, line)| (line.number, log.line(at).to_owned())).collect()
}

/// Every line of a log lies in its text, in order and ended, and belongs to a step that is there.
fn whole(log: &Log) {
    let mut end = 0;
    for line in &log.lines {
        assert!(line.start >= end && line.end >= line.start, "lines do not overlap");
        assert!(log.text.get(line.start..line.end).is_some_and(|text| !text.contains('\n')));
        assert!(line.step.is_none_or(|step| step < log.steps.len()));
        end = line.end;
    }
}

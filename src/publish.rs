//! Files, artifacts and the host's own words: the report goes where people look.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::host::Host;
use crate::model::{Exchange, Note, Notice, Retry, Stage};
use crate::redact::Redacted;
use crate::report::{FORMATS, Report, fixes, words};

/// What to write and where.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    /// The format that is printed, by its name in [`FORMATS`].
    pub format: String,
    /// Whether the user named that format, and wants it printed inside a host too.
    pub named: bool,
    /// Where files go; `None` for nowhere, or inside a host for a folder of our own.
    pub folder: Option<PathBuf>,
    /// Where requests to models and their answers are kept; `None` for nowhere.
    pub record: Option<PathBuf>,
    /// Files to keep beside the report: names, and what they hold.
    pub more: Vec<(String, String)>,
    /// Whether what is printed keeps its colors.
    pub colored: bool,
}

impl Outputs {
    /// `text` as it is printed.
    #[must_use]
    pub fn shown(&self, text: String) -> String {
        if self.colored { text } else { anstream::adapter::strip_str(&text).to_string() }
    }
}

/// The folder for files inside a host that keeps them, below the working folder.
const FOLDER: &str = "firefighter-report";

/// Publishes `report`. What could not be written is said in its place.
pub fn publish(report: &Report, host: &dyn Host, outputs: &Outputs, out: &mut dyn Write) -> Result<(), Error> {
    let inside = host.say(&[]).is_some();
    let folder = outputs.folder.clone().or_else(|| inside.then(|| PathBuf::from(FOLDER)));
    let (files, fault) = match folder.as_deref().map(|folder| write_files(report, &outputs.more, folder)) {
        Some(Ok(files)) => (files, None),
        Some(Err(error)) => (Vec::new(), Some(error)),
        None => (Vec::new(), None),
    };
    if !inside {
        let text = outputs.shown(written(report, &outputs.format));
        say(out, &host.printed(&text).unwrap_or(text))?;
        return fault.map_or(Ok(()), Err);
    }
    // Where the folder can't be written to, the highlights say so, and the report itself is told.
    let folder = folder.filter(|_| fault.is_none());
    let mut notices = notices(report, files, fault.as_ref());
    notices.extend(places(report));
    notices.push(Notice::Summary(written(report, "markdown")));
    let format = outputs.named.then(|| host.printed(&outputs.shown(written(report, &outputs.format)))).flatten();
    say(out, &format.or_else(|| host.say(&notices)).unwrap_or_default())?;
    let mut remarks = hand_over(host, &notices, folder.as_deref());
    host.post(&notices, &mut remarks);
    let told = |note: Note| Notice::Verbose(describe(&Note { stage: Stage::Publish, ..note }));
    let remarks: Vec<Notice> = remarks.into_iter().map(told).collect();
    if !remarks.is_empty() {
        say(out, &host.say(&remarks).unwrap_or_default())?;
    }
    Ok(())
}

/// Writes what the host reads from files: its own, and those in the report's folder. What could not be written is noted.
fn hand_over(host: &dyn Host, notices: &[Notice], folder: Option<&Path>) -> Vec<Note> {
    let append = |(path, text): (PathBuf, String)| {
        let added = fs::OpenOptions::new().append(true).create(true).open(&path);
        (added.and_then(|mut file| file.write_all(text.as_bytes())), path)
    };
    let given = host.files(notices).into_iter().map(append);
    let kept = folder.into_iter().flat_map(|folder| {
        host.kept(notices).into_iter().map(|(name, text)| (put(&folder.join(name), &text), folder.join(name)))
    });
    let note = |(written, path): (io::Result<()>, PathBuf)| {
        let text = format!("{} could not be written: {}", path.display(), written.err()?);
        Some(Note { stage: Stage::Publish, text })
    };
    given.chain(kept).filter_map(note).collect()
}

fn written(report: &Report, format: &str) -> String {
    FORMATS.iter().find(|(name, ..)| *name == format).map(|(.., write)| write(report)).unwrap_or_default()
}

/// Tells a host how far we are; a person in front is told nothing.
pub fn progress(host: &dyn Host, percent: u8, doing: &str, out: &mut dyn Write) {
    if let Some(text) = host.say(&[Notice::Progress(percent, doing.to_owned())]) {
        // Progress is a courtesy: whoever closed our output does not want it.
        let _ = say(out, &text);
    }
}

/// Keeps what went to models and what came back, two files for each. The note says what could not be kept.
#[must_use]
pub fn record(exchanges: &Redacted<Vec<Exchange>>, outputs: &Outputs) -> Option<Note> {
    let folder = outputs.record.as_ref().filter(|_| !exchanges.is_empty())?;
    let write = || {
        fs::create_dir_all(folder)?;
        for (at, exchange) in exchanges.iter().enumerate() {
            let at = at + 1;
            fs::write(folder.join(format!("{at:02}-request.json")), &exchange.request)?;
            let Exchange { provider, model, address, status, answer, .. } = exchange;
            let answer = serde_json::json!({"provider": provider, "model": model, "address": address, "status": status, "answer": answer});
            fs::write(folder.join(format!("{at:02}-answer.json")), format!("{answer:#}\n"))?;
        }
        Ok::<(), io::Error>(())
    };
    let error = write().err()?;
    let text = format!("the requests to the model were not kept in {}: {error}", folder.display());
    Some(Note { stage: Stage::Publish, text })
}

fn say(out: &mut dyn Write, text: &str) -> Result<(), Error> {
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.or_else(|error| match error.kind() {
        // `firefighter … | head` has seen enough.
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Error::Write { path: "the standard output".to_owned(), source: error }),
    })
}

fn write_files(report: &Report, more: &[(String, String)], folder: &Path) -> Result<Vec<Notice>, Error> {
    let fault = |path: &Path, source| Error::Write { path: path.display().to_string(), source };
    fs::create_dir_all(folder).map_err(|error| fault(folder, error))?;
    let folder = std::path::absolute(folder).map_err(|error| fault(folder, error))?;
    let mut files = Vec::new();
    for (format, name, write) in FORMATS {
        if *format == "text" {
            continue;
        }
        let text = write(report);
        let path = folder.join(name);
        put(&path, &text).map_err(|error| fault(&path, error))?;
        files.push(Notice::Artifact { path, name: (*name).to_owned(), bytes: text.len() as u64 });
    }
    for (name, text) in fixes::files(&report.diagnosis).into_iter().chain(more.iter().cloned()) {
        let path = folder.join(&name);
        put(&path, &text).map_err(|error| fault(&path, error))?;
        files.push(Notice::Artifact { path, name, bytes: text.len() as u64 });
    }
    Ok(files)
}

/// Writes a file so that it is there whole or not at all, whenever we are killed.
/// Writes a file that is there whole or not at all.
pub(crate) fn put(path: &Path, text: &str) -> io::Result<()> {
    let part = path.with_added_extension("part");
    let done = fs::write(&part, text).and_then(|()| fs::rename(&part, path));
    if done.is_err() {
        // What is left of it is of no use to anyone.
        let _ = fs::remove_file(&part);
    }
    done
}

/// Places that are told.
const PLACES: usize = 10;

/// The places in the sources that lines of the evidence name, such as `src/app.rs:12`: that of the key line first.
fn places(report: &Report) -> Vec<Notice> {
    let mut places = Vec::new();
    for line in report.key().into_iter().chain(report.cited_lines()) {
        let mut words = line.text.split(|c: char| c.is_whitespace() || "\"'`()[],;".contains(c));
        if let Some(place) = words.find_map(named_place).filter(|place| !places.contains(place)) {
            places.push(place);
        }
    }
    places.truncate(PLACES);
    places
}

/// `src/app.rs:12:3` as file and line.
fn named_place(word: &str) -> Option<Notice> {
    let word = word.trim_start_matches("./").trim_end_matches(':');
    let mut parts = word.split(':');
    let file = parts.next()?;
    let line = parts.next().and_then(|line| line.parse().ok());
    let ending = file.rsplit_once('.')?.1;
    let is_file =
        line.is_some() && (1..=6).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_alphanumeric());
    is_file.then(|| Notice::Place { file: file.replace('\\', "/"), line })
}

/// A longer highlight is no longer read.
const LONGEST: usize = 400;

/// What a host is asked to show: two to four highlights, then everything else below them.
fn notices(report: &Report, files: Vec<Notice>, fault: Option<&Error>) -> Vec<Notice> {
    let diagnosis = &report.diagnosis;
    let step = report.failed_step().map(|step| format!("{step} failed: ")).unwrap_or_default();
    let mut notices = vec![Notice::Highlight(format!("{step}{}", report.headline()))];
    notices.extend(also_failed(report).map(Notice::Highlight));
    notices.extend(report.suspect().map(|suspect| Notice::Highlight(words::sentence(&suspect, LONGEST))));
    notices.push(Notice::Highlight(format!("What to do: {}", report.action())));
    notices.push(match fault {
        None => Notice::Highlight(
            "Evidence, fix and timeline: see the artifacts firefighter.html and firefighter.md.".to_owned(),
        ),
        Some(error) => Notice::Warning(format!("{error}; set FIREFIGHTER_OUT to a folder that can be written")),
    });
    notices.push(Notice::Info(plain(
        &FORMATS.iter().find(|(name, ..)| *name == "text").map(|(.., write)| write(report)).unwrap_or_default(),
    )));
    notices.extend(report.usage.iter().map(|usage| Notice::Verbose(words::took(usage))));
    notices.extend(report.notes.iter().map(|note| Notice::Verbose(describe(note))));
    let retryable = match diagnosis.retry {
        Some(Retry::Helps) => "True",
        Some(Retry::Maybe) => "Maybe",
        Some(Retry::No) => "False",
        None => "Unknown",
    };
    let outputs = [
        ("Category", diagnosis.kind.clone().unwrap_or_else(|| "unknown".to_owned())),
        ("Cause", report.headline()),
        ("Confidence", words::confidence(diagnosis.confidence).to_owned()),
        ("Retryable", retryable.to_owned()),
        ("Fingerprint", report.fingerprint.clone()),
        ("FailedStep", report.failed_step().unwrap_or_default()),
    ];
    notices.extend(outputs.map(|(name, value)| Notice::Output { name: format!("Firefighter.{name}"), value }));
    notices.extend(files);
    notices.push(Notice::Progress(100, "Diagnosed".to_owned()));
    notices
}

/// Of several failed steps, the second: what it failed for.
fn also_failed(report: &Report) -> Option<String> {
    let step = |cited: &[usize]| report.case.excerpt_of(*cited.first()?)?.step.clone();
    let first = step(&report.diagnosis.hypotheses.first()?.citations)?;
    let mut others = report.diagnosis.hypotheses.iter().skip(1);
    others.find_map(|other| {
        let other_step = step(&other.citations).filter(|step| *step != first)?;
        Some(format!("{other_step} failed too: {}", other.cause))
    })
}

fn describe(note: &Note) -> String {
    format!("{}: {}", words::stage(note.stage), note.text)
}

/// A report for terminals without its colors; its longest lines without their middle, which the artifacts hold.
fn plain(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    text.split_inclusive('\n').map(without_middle).collect()
}

/// Characters of a log line that a task's log shows of one of ours.
const WIDEST: usize = 1_500;

fn without_middle(line: &str) -> String {
    let count = if line.len() > WIDEST { line.chars().count() } else { 0 };
    if count <= WIDEST {
        return line.to_owned();
    }
    let start: String = line.chars().take(WIDEST * 2 / 3).collect();
    let end: String = line.chars().skip(count - WIDEST / 3).collect();
    format!("{start} … {} characters are in the artifacts … {end}", count - WIDEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Author, Case, Change, ChangeKind, Confidence, Diagnosis, Suspect};
    use crate::redact::sealed_for_tests;

    fn check(suspects: Vec<Suspect>, expected: &[&str]) {
        let change = Change {
            kind: ChangeKind::Variable,
            title: "variable Api:Url".to_owned(),
            before: Some("https://a.example".to_owned()),
            after: Some("https://b.example".to_owned()),
            details: None,
            step: None,
            who: Some("anna".to_owned()),
            when: "2026-02-09T16:20:00Z".parse().ok(),
            url: None,
        };
        let diagnosis = Diagnosis {
            summary: "The host was not found.".to_owned(),
            kind: None,
            domain: None,
            retry: None,
            hypotheses: Vec::new(),
            fixes: Vec::new(),
            confidence: Confidence::High,
            author: Author::Rules,
        };
        let report = Report {
            case: sealed_for_tests(Case { changes: vec![change], suspects, ..Case::default() }),
            diagnosis: sealed_for_tests(diagnosis),
            notes: sealed_for_tests(Vec::new()),
            usage: sealed_for_tests(Vec::new()),
            made: None,
            fingerprint: String::new(),
            question: None,
        };
        let highlights = notices(&report, Vec::new(), None).into_iter().filter_map(|notice| match notice {
            Notice::Highlight(text) => Some(text),
            _ => None,
        });
        let highlights: Vec<String> = highlights.collect();
        assert_eq!(highlights.get(..expected.len()).unwrap_or_default(), expected);
    }

    #[test]
    fn a_highlight_names_the_first_suspect_with_who_what_and_when() {
        let suspect = Suspect { change: 0, lines: Vec::new(), words: vec!["b.example".to_owned()], score: 0.8 };
        let told = "First suspect: variable Api:Url (https://a.example → https://b.example), by anna, 2026-02-09 16:20:00 UTC. \
                    It names “b.example”.";
        check(vec![suspect], &["The host was not found.", told]);
        check(
            Vec::new(),
            &["The host was not found.", "What to do: Read the log of the run: no line of it stands out."],
        );
    }
}

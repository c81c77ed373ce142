//! A log file, the standard input, or what a command printed that we ran. The minimal example of a host.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use crate::clean::{lines, plain};
use crate::error::Error;
use crate::http::Http;
use crate::model::{Baseline, Incident, Log, Note, Notice, Run, Stage};

use super::octopus::raw;
use super::{Access, Captured, Env, Host, Standing, Verdict};

/// How many lines from the top may pass before a raw Octopus log must have shown itself.
const LOOK: usize = 40;
/// Bytes from the top by which a log's kind is told.
const PEEK: u64 = 256 << 10;

/// A log that a person names, and one of a good run to compare with.
struct Local {
    path: String,
    baseline: Option<String>,
}

/// A command that we ran, and the log of a good run to compare with.
struct Command {
    captured: Captured,
    baseline: Option<String>,
}

pub(super) fn detect(_: &Env, access: &Access, _: &Arc<Http>) -> Option<Box<dyn Host>> {
    let baseline = access.baseline.clone();
    match (&access.captured, &access.log) {
        (Some(captured), _) => Some(Box::new(Command { captured: captured.clone(), baseline })),
        (None, Some(path)) => Some(Box::new(Local { path: path.clone(), baseline })),
        (None, None) => None,
    }
}

impl Host for Command {
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        let seen = || Error::Nothing("what the command printed was looked at already".to_owned());
        let incident = self.captured.take().ok_or_else(seen)?;
        Ok(Incident { baseline: self.baseline.as_deref().and_then(|path| good(path, notes)), ..incident })
    }

    fn say(&self, _: &[Notice]) -> Option<String> {
        None
    }

    fn examine(&self) -> Vec<Verdict> {
        vec![Verdict::new(Standing::Good, "command", "what it printed is kept")]
    }
}

impl Host for Local {
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        let log = open(&self.path)?;
        let baseline = self.baseline.as_deref().and_then(|path| good(path, notes));
        let run = Run { host: "log file".to_owned(), title: name(&self.path).to_owned(), ..Run::default() };
        Ok(Incident { run, log, baseline, ..Incident::default() })
    }

    fn say(&self, _: &[Notice]) -> Option<String> {
        None
    }

    fn examine(&self) -> Vec<Verdict> {
        let verdict = match self.collect(&mut Vec::new()) {
            Ok(incident) => {
                let count = incident.log.lines.len() + incident.log.omitted;
                Verdict::new(Standing::Good, "log", format!("{} has {count} lines", name(&self.path)))
            }
            Err(error) => Verdict::new(Standing::Bad, "log", error.to_string()),
        };
        vec![verdict]
    }
}

/// The log of a good run.
fn good(path: &str, notes: &mut Vec<Note>) -> Option<Baseline> {
    match open(path) {
        Ok(log) => {
            let run = Run { host: "log file".to_owned(), title: name(path).to_owned(), ..Run::default() };
            Some(Baseline { run, log, why: "the log named as that of a good run".to_owned() })
        }
        Err(error) => {
            let text = format!("{error}: nothing is told apart from what a good run says too");
            notes.push(Note { stage: Stage::Collect, text });
            None
        }
    }
}

fn name(path: &str) -> &str {
    if path == "-" { "the standard input" } else { path }
}

/// Reads the log at `path`.
fn open(path: &str) -> Result<Log, Error> {
    let fault = |reason: String| Error::Log { path: name(path).to_owned(), reason };
    let log = if path == "-" {
        read(io::stdin().lock())
    } else {
        let about = |error: &io::Error| match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "it may not be read by this user".to_owned(),
            _ => error.to_string(),
        };
        let file = File::open(path).map_err(|error| fault(about(&error)))?;
        if file.metadata().is_ok_and(|data| data.is_dir()) {
            return Err(fault("it is a folder; name the log file in it".to_owned()));
        }
        read(file)
    };
    let log = log.map_err(|error| fault(error.to_string()))?;
    if log.lines.iter().enumerate().all(|(index, _)| log.line(index).trim().is_empty()) {
        return Err(fault("it is empty; save the failing run's log to it first".to_owned()));
    }
    Ok(log)
}

/// Reads a log; a raw Octopus log with its steps and levels.
fn read(mut source: impl Read) -> io::Result<Log> {
    let mut start = Vec::new();
    source.by_ref().take(PEEK).read_to_end(&mut start)?;
    let mut binary = Binary::default();
    let mut is_octopus = false;
    lines(start.as_slice(), |number, text| {
        binary.see(text);
        is_octopus |= number <= LOOK && raw::is_heading(text);
    })?;
    if binary.is() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not text; name a log, unpacked if it was packed",
        ));
    }
    let whole = start.as_slice().chain(source);
    if !is_octopus {
        return plain(whole);
    }
    let mut raw = raw::Raw::default();
    lines(whole, |number, text| raw.line(number, text))?;
    Ok(raw.finish())
}

/// Tells a binary file by how much of it is no text.
#[derive(Default)]
struct Binary {
    characters: usize,
    broken: usize,
}

impl Binary {
    fn see(&mut self, text: &str) {
        if self.characters < 1 << 20 {
            self.characters += text.len();
            self.broken += text.matches('\u{fffd}').count() * '\u{fffd}'.len_utf8();
        }
    }

    fn is(&self) -> bool {
        self.broken * 4 > self.characters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Level;

    #[test]
    fn a_raw_octopus_log_is_recognized_behind_a_preamble() {
        let text = "Task ID: ServerTasks-1\n\n                    | == Failed: Deploy ==\n                    |   \n                    |   == Failed: Step 1: Run ==\n03:11:44   Error    |     boom\n";
        let log = read(text.as_bytes()).unwrap();
        assert_eq!(log.steps[0].name, "Run");
        assert_eq!(log.lines.last().map(|line| (line.number, line.level)), Some((6, Level::Error)));
    }

    #[test]
    fn a_plain_log_keeps_its_numbers() {
        let log = read("a\nb | c\n".as_bytes()).unwrap();
        assert_eq!(log.lines.len(), 2);
        assert_eq!(log.line(1), "b | c");
    }

    #[test]
    fn a_binary_file_is_told_from_a_log_with_broken_bytes() {
        let packed: Vec<u8> = (0..20_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert!(read(packed.as_slice()).is_err());
        assert!(read(b"Fehler: gr\xf6\xdfer als erwartet\n".as_slice()).is_ok());
    }
}

//! A log file or the standard input. The minimal example of a host.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use crate::clean::{LogBuilder, lines};
use crate::error::Error;
use crate::http::Http;
use crate::model::{Incident, Level, Log, Note, Notice, Run};

use super::octopus::raw;
use super::{Access, Env, Host, Standing, Verdict};

/// How many lines from the top may pass before a raw Octopus log must have shown itself.
const LOOK: usize = 40;

/// A log that a person names.
struct Local {
    path: String,
}

pub(super) fn detect(_: &Env, access: &Access, _: &Arc<Http>) -> Option<Box<dyn Host>> {
    access.log.clone().map(|path| Box::new(Local { path }) as Box<dyn Host>)
}

impl Host for Local {
    fn collect(&self, _: &mut Vec<Note>) -> Result<Incident, Error> {
        let fault = |reason: String| Error::Log { path: self.name().to_owned(), reason };
        let log = if self.path == "-" {
            read(io::stdin().lock())
        } else {
            let about = |error: &io::Error| match error.kind() {
                io::ErrorKind::NotFound => "there is no such file".to_owned(),
                io::ErrorKind::PermissionDenied => "it may not be read by this user".to_owned(),
                _ => error.to_string(),
            };
            let file = File::open(&self.path).map_err(|error| fault(about(&error)))?;
            if file.metadata().is_ok_and(|data| data.is_dir()) {
                return Err(fault("it is a folder; name the log file in it".to_owned()));
            }
            read(file)
        };
        let log = log.map_err(|error| fault(error.to_string()))?;
        if log.lines.iter().enumerate().all(|(index, _)| log.line(index).trim().is_empty()) {
            return Err(fault("it is empty; save the failing run's log to it first".to_owned()));
        }
        let run = Run { host: "log file".to_owned(), title: self.name().to_owned(), ..Run::default() };
        Ok(Incident { run, log, ..Incident::default() })
    }

    fn say(&self, _: &[Notice]) -> Option<String> {
        None
    }

    fn examine(&self) -> Vec<Verdict> {
        let verdict = match self.collect(&mut Vec::new()) {
            Ok(incident) => {
                let count = incident.log.lines.len() + incident.log.omitted;
                Verdict::new(Standing::Good, "log", format!("{} has {count} lines", self.name()))
            }
            Err(error) => Verdict::new(Standing::Bad, "log", error.to_string()),
        };
        vec![verdict]
    }
}

impl Local {
    fn name(&self) -> &str {
        if self.path == "-" { "the standard input" } else { &self.path }
    }
}

/// Reads a log; a raw Octopus log with its steps and levels.
fn read(source: impl Read) -> io::Result<Log> {
    let mut plain = Some(LogBuilder::default());
    let mut octopus = None;
    let mut binary = Binary::default();
    let mut head = Vec::new();
    lines(source, |number, text| {
        binary.see(text);
        if let Some(raw) = &mut octopus {
            let raw: &mut raw::Raw = raw;
            return raw.line(number, text);
        }
        if number <= LOOK {
            head.push(text.to_owned());
            if raw::is_heading(text) {
                let mut raw = raw::Raw::default();
                head.drain(..).enumerate().for_each(|(index, text)| raw.line(index + 1, &text));
                octopus = Some(raw);
                plain = None;
                return;
            }
        }
        if let Some(plain) = &mut plain {
            plain.line(number, None, Level::Info, None, text);
        }
    })?;
    if binary.is() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not text; name a log, unpacked if it was packed",
        ));
    }
    Ok(octopus.map_or_else(|| plain.unwrap_or_default().finish(), raw::Raw::finish))
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

//! A task's log: what the agent puts before each line is taken off, and tells time and level.

use std::io::{self, Read};
use std::sync::LazyLock;

use regex::Regex;

use crate::clean::plain;
use crate::model::{Level, Log, Numbering};

/// A line's time, and the mark of what the agent itself writes: `2026-08-22T00:44:03.1234567Z ##[error]`.
static HEAD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^\u{feff}?(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z) ?)?(?:##\[(error|warning|debug|command|section|group|endgroup)\])?",
    )
    .ok()
});

/// Reads a task's log, whose lines belong to no step yet and are numbered as the server numbers them.
pub(super) fn read(source: impl Read) -> io::Result<Log> {
    let mut log = Log { numbering: Numbering::Step, ..plain(source)? };
    for index in 0..log.lines.len() {
        let Some(head) = HEAD.as_ref().and_then(|head| head.captures(log.line(index))) else { continue };
        let length = head.get(0).map_or(0, |all| all.len());
        let time = head.get(1).and_then(|time| time.as_str().parse().ok());
        let level = match head.get(2).map(|mark| mark.as_str()) {
            Some("error") => Level::Error,
            Some("warning") => Level::Warning,
            Some("debug") => Level::Verbose,
            _ => Level::Info,
        };
        if let Some(line) = log.lines.get_mut(index) {
            line.start += length;
            (line.time, line.level) = (time, level);
        }
    }
    Ok(log)
}

/// The errors that the server lists, where there is no log.
pub(super) fn of_errors<'a>(errors: impl Iterator<Item = &'a str>) -> Option<Log> {
    let text = errors.collect::<Vec<_>>().join("\n");
    let mut log = read(text.as_bytes()).ok().filter(|log| !log.lines.is_empty())?;
    for line in &mut log.lines {
        line.level = Level::Error;
    }
    Some(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_and_marks_become_times_and_levels() {
        let text = "2026-08-22T00:44:03.1234567Z ##[section]Starting: CmdLine\r\n2026-08-22T00:44:04.0000000Z make: *** no rule\n\
                    plain\n2026-08-22T00:44:05.0000000Z ##[error]Bash exited with code '2'.\n";
        let log = read(text.as_bytes()).unwrap();
        let told: Vec<_> = (0..4).map(|at| (log.line(at), log.lines[at].level, log.lines[at].time.is_some())).collect();
        let expected = [
            ("Starting: CmdLine", Level::Info, true),
            ("make: *** no rule", Level::Info, true),
            ("plain", Level::Info, false),
            ("Bash exited with code '2'.", Level::Error, true),
        ];
        assert_eq!(told, expected);
        assert_eq!(of_errors(["a\nb"].into_iter()).map(|log| log.lines.len()), Some(2));
        assert!(of_errors(std::iter::empty()).is_none());
    }
}

//! What is known of a command that failed beyond its output, as an [`Incident`].

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::Ran;
use super::times::{Good, Waited, words};
use crate::model::{Context, Incident, Run};

/// The command line is told whole up to so many characters; of a longer one, the arguments that fit.
const LONGEST: usize = 400;

/// Where a command runs.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The working folder.
    pub folder: Option<PathBuf>,
    /// The operating system and the processor, such as `linux x86_64`.
    pub system: String,
    /// How often this machine had killed for want of memory before; `None` where it does not say.
    pub killed_before: Option<u64>,
}

impl Place {
    /// The place as it is before the command starts.
    #[must_use]
    pub fn new(folder: Option<PathBuf>, system: String) -> Self {
        Self { folder, system, killed_before: killed() }
    }
}

/// What a command did, as a run to be diagnosed.
#[must_use]
pub fn incident(ran: Ran, command: &[OsString], place: &Place, started: Timestamp, finished: Timestamp) -> Incident {
    let line = command_line(command);
    let mut facts = vec![format!("Command: {line}")];
    if let Some(folder) = &place.folder {
        facts.push(format!("Folder: {}", folder.display()));
    }
    facts.push(format!("Took: {}", words(ran.took)));
    if let Some(silence) = ran.silence.filter(|silence| *silence >= Duration::from_secs(10)) {
        facts.push(format!("Printed nothing in the last {} before its end", words(silence)));
    }
    facts.push(format!("Ended with: {}", ran.ending.words()));
    if let (Some(before), Some(after)) = (place.killed_before, killed())
        && after > before
    {
        let count = after - before;
        facts.push(format!("While it ran, this machine ran out of memory and killed processes: {count}"));
    }
    facts.push(format!("System: {}", place.system));
    facts.extend(free(place));
    facts.extend(ran.remarks);
    let run = Run {
        host: "command".to_owned(),
        title: line,
        started: Some(started),
        finished: Some(finished),
        error: Some(format!("The command ended with {}", ran.ending.words())),
        ..Run::default()
    };
    let context = Context { title: "The command".to_owned(), text: facts.join("\n"), url: None };
    Incident { run, log: ran.log, context: vec![context], ..Incident::default() }
}

/// How long a command that ended well at `at` took, and where it was silent; not masked yet.
#[must_use]
pub fn good(ran: &Ran, command: &[OsString], at: Timestamp) -> Good {
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let waited =
        ran.waits.iter().map(|wait| Waited { after: wait.after.clone(), milliseconds: milliseconds(wait.took) });
    Good { command: command_line(command), at, milliseconds: milliseconds(ran.took), waits: waited.collect() }
}

/// The command line as one would type it. No argument is cut, for half a key is hidden by no rule: it is left out whole.
fn command_line(command: &[OsString]) -> String {
    let mut line = String::new();
    let mut left_out = 0_usize;
    for argument in command {
        let argument = quoted(&argument.to_string_lossy());
        if left_out > 0 || line.chars().count() + argument.chars().count() > LONGEST {
            left_out += 1;
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&argument);
    }
    match left_out {
        0 => line,
        1 => format!("{line} … (1 argument more)").trim_start().to_owned(),
        _ => format!("{line} … ({left_out} arguments more)").trim_start().to_owned(),
    }
}

fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%^~\\".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

/// Disk and memory that are left, where the system says so without being asked for long.
fn free(place: &Place) -> Vec<String> {
    let disk =
        place.folder.as_ref().and_then(disk).map(|free| format!("Free on the disk of that folder: {}", size(free)));
    let memory = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let value = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        let kilobytes: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(format!("Free memory: {}", size(kilobytes << 10)))
    });
    disk.into_iter().chain(memory).collect()
}

#[cfg(unix)]
fn disk(folder: &PathBuf) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn disk(_: &PathBuf) -> Option<u64> {
    None
}

/// How often Linux has killed a process for want of memory since it was started.
fn killed() -> Option<u64> {
    let text = fs::read_to_string("/proc/vmstat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

fn size(bytes: u64) -> String {
    let megabytes = bytes >> 20;
    if megabytes < 10_240 { format!("{megabytes} MB") } else { format!("{} GB", megabytes >> 10) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Log;
    use crate::wrap::Ending;

    fn line(arguments: &[&str]) -> String {
        command_line(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_command_line_reads_as_it_is_typed() {
        let check = |arguments: &[&str], expected: &str| assert_eq!(line(arguments), expected);
        check(&["make", "-j4", "CC=gcc"], "make -j4 CC=gcc");
        check(&["sh", "-c", "echo it's; exit 1", ""], r"sh -c 'echo it'\''s; exit 1' ''");
    }

    #[test]
    fn an_argument_is_shown_whole_or_not_at_all() {
        let script = "x".repeat(LONGEST);
        assert_eq!(line(&["sh", "-c", &script, "a"]), "sh -c … (2 arguments more)");
        assert_eq!(line(&[&format!("{script}{script}")]), "… (1 argument more)");
    }

    #[test]
    fn a_failed_command_is_a_run_with_its_end_and_its_place() {
        let ran = Ran {
            ending: Ending::Code(3),
            log: Log::default(),
            took: Duration::from_secs(90),
            waits: Vec::new(),
            silence: Some(Duration::from_secs(61)),
            canceled: false,
            unread: false,
            mid_line: false,
            remarks: vec!["a remark".to_owned()],
        };
        let place = Place { folder: Some(PathBuf::from("/")), system: "os cpu".to_owned(), killed_before: None };
        let now = Timestamp::UNIX_EPOCH;
        let incident = incident(ran, &[OsString::from("make")], &place, now, now);
        assert_eq!(
            (incident.run.title.as_str(), incident.run.error.as_deref()),
            ("make", Some("The command ended with exit code 3"))
        );
        let text = &incident.context[0].text;
        for fact in
            ["Command: make", "Folder: /", "Took: 1 min 30 s", "in the last 1 min 1 s", "System: os cpu", "a remark"]
        {
            assert!(text.contains(fact), "{fact} is not in {text}");
        }
    }
}

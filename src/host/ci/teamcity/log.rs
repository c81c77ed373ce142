//! A build's log as the server gives it for downloading: which step each line belongs to.
//!
//! After a few lines about the build each line is `[TIME]L:`, a tab for each block it stands in and that block's name in
//! brackets; `L` is a blank, or one of W, E, F for warnings and errors, or i for what TeamCity notes for itself. Older servers
//! write `[TIME][Step 1/2]`. A step begins with a line in no block: `Step 1/2: Test (Command Line) (2s)`.

use std::io::{self, Read};
use std::sync::LazyLock;

use regex::Regex;

use crate::clean::plain;
use crate::model::{Level, Log, Outcome, Step};

/// What stands before a line's text: time, level, and the block it is in.
static HEAD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\[((?:\d{4}-\d\d-\d\d[ T])?\d\d:\d\d:\d\d[^\]\s]{0,12})\](?:([ a-zA-Z]):)?(?:\t+ ?\[([^\]]*)\]|\[(Step \d+/\d+)\])? ?").ok()
});
/// The line with which a step begins. After its end the server adds how long it took.
static STEP: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^Step \d+/\d+: (.+?)(?: \((?:running for )?[\d<][\dhms:., <]*\))?$").ok());

/// Reads a build's log.
pub(super) fn read(source: impl Read) -> io::Result<Log> {
    let mut log = plain(source)?;
    let mut current = None;
    for index in 0..log.lines.len() {
        let line = log.line(index);
        let Some(head) = HEAD.as_ref().and_then(|head| head.captures(line)) else {
            // The further lines of a message stand bare.
            if let Some(line) = log.lines.get_mut(index) {
                line.step = current;
            }
            continue;
        };
        let length = head.get(0).map_or(0, |all| all.len());
        let time = head.get(1).and_then(|time| time.as_str().parse().ok());
        let level = match head.get(2).map(|level| level.as_str()) {
            Some("W") => Level::Warning,
            Some("E" | "F") => Level::Error,
            Some("i") => Level::Verbose,
            _ => Level::Info,
        };
        let in_block = head.get(3).or_else(|| head.get(4)).is_some();
        let text = line.get(length..).unwrap_or_default();
        let begun = STEP.as_ref().filter(|_| !in_block).and_then(|step| step.captures(text)?.get(1));
        let failed = fails(text, level);
        if let Some(name) = begun {
            let name = name.as_str().to_owned();
            current = Some(log.steps.len());
            log.steps.push(Step {
                name,
                place: None,
                outcome: Outcome::Succeeded,
                culprit: false,
                started: time,
                finished: None,
                attempts: 1,
                depth: 0,
            });
        } else if !in_block {
            current = None;
        }
        if let Some(step) = current.and_then(|at: usize| log.steps.get_mut(at)) {
            step.finished = time;
            if failed {
                (step.outcome, step.culprit) = (Outcome::Failed, true);
            }
        }
        if let Some(line) = log.lines.get_mut(index) {
            line.start += length;
            (line.time, line.level, line.step) = (time, level, current);
        }
    }
    Ok(log)
}

/// Whether the server says here that the step failed.
fn fails(text: &str, level: Level) -> bool {
    let code = text.strip_prefix("Process exited with code ").map(|code| code.split(' ').next().unwrap_or_default());
    code.is_some_and(|code| code != "0")
        || (level == Level::Error && text.starts_with("Step ") && text.ends_with(" failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (Vec<(String, Outcome)>, Vec<(String, Option<usize>)>) {
        let log = read(text.as_bytes()).unwrap();
        let steps = log.steps.iter().map(|step| (step.name.clone(), step.outcome)).collect();
        (steps, (0..log.lines.len()).map(|at| (log.line(at).to_owned(), log.lines[at].step)).collect())
    }

    #[test]
    fn a_step_has_the_lines_of_its_blocks_and_fails_by_the_servers_word() {
        let (steps, lines) = told(
            "Build 'Shop / Build' #7, default branch 'main'\n\n[03:11:40]W: bt1 (33s)\n\
             [03:11:41] : Step 1/2: Restore (Docker) (2s)\n[03:11:41] :\t [Step 1/2] Step 1/4 : FROM nginx\n\
             [03:11:42] :\t\t [pull] latest: done\n[03:11:43] :\t [Step 1/2] Process exited with code 0\n\
             [03:11:43]E: Step 2/2: Test (Command Line)\n[03:11:44] :\t [Step 2/2] [INFO] begun\nmore of it\n\
             [03:11:45]W:\t [Step 2/2] Process exited with code 1\n[03:11:46]i: Running docker logout\n",
        );
        let expected =
            [("Restore (Docker)".to_owned(), Outcome::Succeeded), ("Test (Command Line)".to_owned(), Outcome::Failed)];
        assert_eq!(steps, expected);
        let of = |step: usize| {
            lines.iter().filter(|(_, at)| *at == Some(step)).map(|(text, _)| text.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(
            of(0),
            ["Step 1/2: Restore (Docker) (2s)", "Step 1/4 : FROM nginx", "latest: done", "Process exited with code 0"]
        );
        assert_eq!(
            of(1),
            ["Step 2/2: Test (Command Line)", "[INFO] begun", "more of it", "Process exited with code 1"]
        );
        assert_eq!(lines.last().map(|(text, step)| (text.as_str(), *step)), Some(("Running docker logout", None)));
    }

    #[test]
    fn older_servers_and_full_times_are_understood() {
        let log =
            read("[2026-02-10T03:11:44.123Z]E:\t [Step 1/1] boom\n[12:04:52][Step 1/1] npm ERR! code\n".as_bytes())
                .unwrap();
        assert_eq!((log.line(0), log.line(1)), ("boom", "npm ERR! code"));
        assert_eq!((log.lines[0].level, log.lines[0].time.is_some()), (Level::Error, true));
    }
}

//! From a log that names an Octopus task on to that task: a build that deploys through Octopus fails, and the cause is there.
//!
//! The task's log is added behind the first one, as steps of its own; where it failed, the failure is looked for there.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use crate::error::Error;
use crate::http::Http;
use crate::model::{Context, Incident, Line, Log, Note, Notice, Numbering, Outcome, Run, Stage, Step};

use super::octopus::{self, Again, Credential, Target};
use super::{Access, Env, Host, Verdict};

/// What the way is told under.
const WAY: &str = "The way of this failure";

/// A task's id, with the space in front where it stands in an address of the portal.
static TASK: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u:\b)(?:(Spaces-[0-9]{1,9})/tasks/)?(ServerTasks-[0-9]{1,12})(?-u:\b)").ok());

/// Goes from what another host collects on to the Octopus task that its log names.
pub(super) struct Onward {
    first: Box<dyn Host>,
    access: octopus::Access,
    http: Arc<Http>,
}

/// `first`, and on from there, where a server and a key are set and no run of it was named.
pub(super) fn onward(first: Box<dyn Host>, access: &Access, http: &Arc<Http>) -> Box<dyn Host> {
    let octopus = &access.octopus;
    if octopus.server.is_none() || octopus.target.is_some() || matches!(octopus.credential, Credential::None) {
        return first;
    }
    let access = octopus::Access { again: Again::Allow, ..octopus.clone() };
    Box::new(Onward { first, access, http: Arc::clone(http) })
}

impl Host for Onward {
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        let mut incident = self.first.collect(notes)?;
        if let Some((space, task)) = named(&incident.log) {
            let space = space.or_else(|| self.access.space.clone());
            let octopus = octopus::Access { target: Some(Target::Task(task.clone())), space, ..self.access.clone() };
            let host = octopus::detect(&Env::new(), &Access { octopus, ..Access::default() }, &self.http);
            match host.map(|host| host.collect(notes)) {
                Some(Ok(second)) => join(&mut incident, second, &task),
                Some(Err(error)) => {
                    let text = format!("the Octopus task {task}, which the log names: {error}");
                    notes.push(Note { stage: Stage::Collect, text });
                }
                None => {}
            }
        }
        Ok(incident)
    }

    fn say(&self, notices: &[Notice]) -> Option<String> {
        self.first.say(notices)
    }

    fn printed(&self, text: &str) -> Option<String> {
        self.first.printed(text)
    }

    fn files(&self, notices: &[Notice]) -> Vec<(PathBuf, String)> {
        self.first.files(notices)
    }

    fn kept(&self, notices: &[Notice]) -> Vec<(&'static str, String)> {
        self.first.kept(notices)
    }

    fn post(&self, notices: &[Notice], notes: &mut Vec<Note>) {
        self.first.post(notices, notes);
    }

    fn beside(&self, name: &str) -> Option<(String, String)> {
        self.first.beside(name)
    }

    fn under_way(&self) -> usize {
        self.first.under_way()
    }

    fn examine(&self) -> Vec<Verdict> {
        self.first.examine()
    }
}

/// The task that a log names: the last one in a line that speaks of a failure, else the last one.
fn named(log: &Log) -> Option<(Option<String>, String)> {
    let pattern = TASK.as_ref()?;
    let mut any = None;
    for index in (0..log.lines.len()).rev() {
        let line = log.line(index);
        // Nearly all lines are passed over by this alone.
        if !line.contains("ServerTasks-") {
            continue;
        }
        let Some(found) = pattern.captures_iter(line).last() else { continue };
        let part = |group: usize| found.get(group).map(|part| part.as_str().to_owned());
        let Some(task) = part(2) else { continue };
        let lower = line.to_ascii_lowercase();
        if lower.contains("fail") || lower.contains("error") {
            return Some((part(1), task));
        }
        any.get_or_insert((part(1), task));
    }
    any
}

/// Adds what is known of the task to what is known of the run that started it.
fn join(first: &mut Incident, second: Incident, task: &str) {
    let run = &second.run;
    let culprit = second.log.steps.iter().find(|step| step.culprit);
    let Some(culprit) = culprit else {
        let text = format!("The log names the Octopus task {task} ({}), which did not fail.", run.title);
        first.context.push(Context { title: WAY.to_owned(), text, url: run.url.clone() });
        return;
    };
    let place = culprit.place.as_ref().map(|place| format!(" on {place}")).unwrap_or_default();
    let text = format!("{} → Octopus: {} ({task}) → {}{place}", first.run.title, run.title, culprit.name);
    first.context.push(Context { title: WAY.to_owned(), text, url: run.url.clone() });
    for (mine, theirs) in [
        (&mut first.run.project, &run.project),
        (&mut first.run.environment, &run.environment),
        (&mut first.run.tenant, &run.tenant),
        (&mut first.run.version, &run.version),
    ] {
        *mine = mine.take().or_else(|| theirs.clone());
    }
    let step = |name: &str, run: &Run| Step {
        name: name.to_owned(),
        place: None,
        outcome: Outcome::Failed,
        culprit: false,
        started: run.started,
        finished: run.finished,
        attempts: 1,
        depth: 0,
    };
    let log = &mut first.log;
    if log.steps.is_empty() {
        log.steps.push(step(&first.run.title, &first.run));
        log.lines.iter_mut().for_each(|line| line.step = Some(0));
    }
    // Where the failure was passed on it did not happen.
    log.steps.iter_mut().for_each(|step| step.culprit = false);
    let at = log.steps.len();
    log.steps.push(step(&format!("Octopus: {}", run.title), run));
    log.steps.extend(second.log.steps.into_iter().map(|step| Step { depth: step.depth + 1, ..step }));
    let offset = log.text.len();
    log.text.push_str(&second.log.text);
    log.lines.extend(second.log.lines.into_iter().map(|line| Line {
        start: line.start + offset,
        end: line.end + offset,
        step: Some(line.step.map_or(at, |step| at + 1 + step)),
        ..line
    }));
    log.omitted += second.log.omitted;
    log.numbering = Numbering::Step;
    first.definitions.extend(second.definitions);
    first.changes.extend(second.changes);
    first.context.extend(second.context);
    for secret in second.secrets.values() {
        first.secrets.add(secret.clone());
    }
    if first.earlier.is_none() {
        first.earlier = second.earlier;
        first.earlier_logs = second.earlier_logs;
    }
    first.baseline = first.baseline.take().or(second.baseline);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::plain;

    #[test]
    fn the_task_that_failed_is_followed_and_else_the_last() {
        let check = |text: &str, expected: Option<(Option<&str>, &str)>| {
            let expected = expected.map(|(space, task)| (space.map(str::to_owned), task.to_owned()));
            assert_eq!(named(&plain(text.as_bytes()).unwrap()), expected, "{text}");
        };
        check("nothing\nhere", None);
        check("MyServerTasks-x ServerTasks-", None);
        check("ServerTasks-1\nServerTasks-2 started", Some((None, "ServerTasks-2")));
        check("ServerTasks-1: Failed\nServerTasks-2: Success", Some((None, "ServerTasks-1")));
        check(
            "error: see https://o.example/app#/Spaces-7/tasks/ServerTasks-3",
            Some((Some("Spaces-7"), "ServerTasks-3")),
        );
    }
}

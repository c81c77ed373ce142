//! A run's timeline as the tree that it is: where it failed, and the jobs with their tasks as steps.

use std::collections::HashSet;

use crate::model::{Log, Outcome, Step};

use super::super::{Job, append};
use super::wire::Record;

/// The records of a run: stages hold phases, those hold jobs, and those hold tasks.
pub(super) struct Tree<'a> {
    pub(super) records: &'a [Record],
}

impl<'a> Tree<'a> {
    /// Where it failed: what failed and holds nothing that failed; without any, the same of what was stopped, as at a time limit.
    pub(super) fn culprits(&self) -> Vec<&'a Record> {
        let of = |outcome: Outcome| {
            let hit: Vec<&Record> = self.records.iter().filter(|record| record.outcome() == outcome).collect();
            let parents: HashSet<&str> = hit.iter().filter_map(|record| record.parent_id.as_deref()).collect();
            let mut leaves: Vec<&Record> =
                hit.into_iter().filter(|record| !parents.contains(record.id.as_str())).collect();
            leaves.sort_by_key(|record| (record.start_time, record.order));
            leaves
        };
        let failed = of(Outcome::Failed);
        if failed.is_empty() { of(Outcome::Canceled) } else { failed }
    }

    fn parent(&self, record: &Record) -> Option<&'a Record> {
        let parent = record.parent_id.as_deref()?;
        self.records.iter().find(|one| one.id == parent)
    }

    /// What holds `record` and is of that kind, be it itself. Nesting has an end even where records name each other.
    fn above(&self, record: &'a Record, kind: &str) -> Option<&'a Record> {
        let mut at = Some(record);
        for _ in 0..8 {
            match at {
                Some(one) if one.is(kind) => return Some(one),
                Some(one) => at = self.parent(one),
                None => return None,
            }
        }
        None
    }

    /// The job of a record; of one above jobs, itself.
    pub(super) fn job(&self, record: &'a Record) -> &'a Record {
        self.above(record, "Job").unwrap_or(record)
    }

    pub(super) fn jobs(&self, culprits: &[&'a Record]) -> Vec<&'a Record> {
        let mut jobs: Vec<&Record> = Vec::new();
        for job in culprits.iter().map(|record| self.job(record)) {
            if !jobs.iter().any(|known| known.id == job.id) {
                jobs.push(job);
            }
        }
        jobs
    }

    /// What a job is called, with its stage where there are several.
    pub(super) fn name(&self, job: &'a Record) -> String {
        let stages = self.records.iter().filter(|record| record.is("Stage")).count();
        match self.above(job, "Stage") {
            Some(stage) if stages > 1 && stage.id != job.id => format!("{} / {}", stage.name(), job.name()),
            _ => job.name().to_owned(),
        }
    }

    fn tasks(&self, job: &Record) -> Vec<&'a Record> {
        let begun = |record: &&Record| !matches!(record.outcome(), Outcome::Unknown | Outcome::Running);
        let inside = self.records.iter().filter(|record| record.parent_id.as_deref() == Some(job.id.as_str()));
        let mut tasks: Vec<&Record> = inside.filter(|record| record.is("Task")).filter(begun).collect();
        tasks.sort_by_key(|record| record.order);
        tasks
    }

    /// A job with its tasks as steps and the lines of those whose logs are among `logs`, which are taken from there.
    pub(super) fn told(&self, job: &'a Record, logs: &mut [(&Record, Option<Log>)]) -> Job {
        let tasks = self.tasks(job);
        let mut log = Log { steps: tasks.iter().map(|task| step(task)).collect(), ..Log::default() };
        let mut whole = None;
        for (record, kept) in logs.iter_mut().filter(|(record, _)| self.job(record).id == job.id) {
            let Some(lines) = kept.take() else { continue };
            log.numbering = lines.numbering;
            match tasks.iter().position(|task| task.id == record.id) {
                Some(at) => append(&mut log, lines, |_| at),
                None => whole = Some(lines),
            }
        }
        // What a job failed of itself belongs to none of its tasks.
        let log = if log.lines.is_empty() { whole } else { Some(log) };
        let (started, finished) = (job.start_time, job.finish_time);
        let outcome = if job.outcome() == Outcome::Canceled { Outcome::Canceled } else { Outcome::Failed };
        Job { name: self.name(job), outcome, started, finished, attempts: job.attempt.unwrap_or(1), log }
    }

    /// What the server says of a failure.
    pub(super) fn failure(&self, record: &'a Record) -> String {
        let job = self.job(record);
        let verb = if record.outcome() == Outcome::Canceled { "was canceled" } else { "failed" };
        let why = record.errors().next().map(|error| format!(": {}", error.lines().next().unwrap_or_default()));
        let what = if job.id == record.id { String::new() } else { format!("The task {} of ", record.name()) };
        let job = format!("{} {}", if what.is_empty() { "The job" } else { "the job" }, self.name(job));
        format!("{what}{job} {verb}{}", why.unwrap_or_default())
    }
}

fn step(task: &Record) -> Step {
    let outcome = task.outcome();
    Step {
        name: task.name().to_owned(),
        place: None,
        outcome,
        culprit: outcome == Outcome::Failed,
        started: task.start_time,
        finished: task.finish_time,
        attempts: task.attempt.unwrap_or(1),
        depth: 0,
    }
}

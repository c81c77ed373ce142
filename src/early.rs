//! What a run has found so far, told once: by the run itself when it is done, or without a model by whoever must end it early.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::beside;
use crate::diagnose;
use crate::error::Error;
use crate::host::Host;
use crate::model::{Case, Confidence, Note, Stage};
use crate::publish::{self, Outputs};
use crate::redact::{Redacted, Redactor};
use crate::report::{Asked, Report};

/// How sure a finished diagnosis is, for the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A cause was named, or nothing speaks of a failure.
    Explained,
    /// Evidence was shown, and no cause named.
    Unexplained,
}

/// Where a run is with what it found. Shared between the run and whoever may have to end it.
#[derive(Default)]
pub struct SoFar(Mutex<Progress>);

#[derive(Default)]
enum Progress {
    /// The log is being read.
    #[default]
    Reading,
    /// There is a case, and a model may be thinking.
    Found(Box<Draft>),
    /// Somebody is telling it, or has told it.
    Told,
}

/// A sealed case, and all it takes to tell it.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) case: Redacted<Case>,
    pub(crate) redactor: Arc<Redactor>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) outputs: Outputs,
    pub(crate) question: Option<Asked>,
    pub(crate) notes: Vec<Note>,
    /// When the report is made.
    pub(crate) now: Timestamp,
    /// Whether a model's answer is kept for other runs.
    pub(crate) shared: bool,
}

impl SoFar {
    pub(crate) fn found(&self, draft: &Draft) {
        *self.lock() = Progress::Found(Box::new(draft.clone()));
    }

    /// Whether the caller is the first who wants to tell it. From then on nobody else may.
    pub(crate) fn claim(&self) -> bool {
        !matches!(std::mem::replace(&mut *self.lock(), Progress::Told), Progress::Told)
    }

    /// Tells on `out` what there is, by the catalogue alone; `why` is noted. `None` where there is nothing yet, or it is told
    /// already.
    pub fn tell(&self, why: &str, out: &mut dyn Write) -> Option<Outcome> {
        let mut progress = self.lock();
        let Progress::Found(mut draft) = std::mem::replace(&mut *progress, Progress::Told) else { return None };
        drop(progress);
        draft.notes.push(Note { stage: Stage::Diagnose, text: format!("{why}: the diagnosis is the catalogue's") });
        let asked = diagnose::Asked::of_rules(&draft.case);
        draft.tell(asked, out).ok()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Draft {
    /// Publishes the case with what was made of it.
    pub(crate) fn tell(self, asked: diagnose::Asked, out: &mut dyn Write) -> Result<Outcome, Error> {
        let Self { case, redactor, host, mut outputs, question, mut notes, now, shared } = self;
        let exchanges = redactor.seal_exchanges(asked.exchanges);
        notes.extend(publish::record(&exchanges, &outputs));
        let diagnosis = redactor.seal_diagnosis(asked.diagnosis);
        outputs.more.extend(beside::kept(&case, &diagnosis, &exchanges).filter(|_| shared));
        let outcome = match diagnosis.confidence {
            Confidence::None if case.quiet => Outcome::Explained,
            Confidence::None | Confidence::Low => Outcome::Unexplained,
            Confidence::Medium | Confidence::High => Outcome::Explained,
        };
        let fingerprint = diagnose::fingerprint(&case, &diagnosis);
        let (notes, usage) = (redactor.seal_notes(notes), redactor.seal_usage(asked.usage));
        let report = Report { case, diagnosis, notes, usage, made: Some(now), fingerprint, question };
        publish::publish(&report, host.as_ref(), &outputs, out)?;
        Ok(outcome)
    }
}

//! A report as text, in each format. Pure: sealed values in, a string out.

use jiff::Timestamp;

use crate::model::{Case, Diagnosis, Note};
use crate::redact::Redacted;

/// All that is published of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was found.
    pub case: Redacted<Case>,
    /// What it means.
    pub diagnosis: Redacted<Diagnosis>,
    /// What could not be done.
    pub notes: Redacted<Vec<Note>>,
    /// When the report was made; `None` in tests that compare whole reports.
    pub made: Option<Timestamp>,
    /// A short hash that is the same for the same failure in other runs.
    pub fingerprint: String,
}

/// A format: its name on the command line, its file's name, and how it is written.
pub type Format = (&'static str, &'static str, fn(&Report) -> String);

/// Every format.
pub const FORMATS: &[Format] = &[];

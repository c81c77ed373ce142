//! What can end a run, and what its user can do about it.
//!
//! Everything that only costs quality is a [`crate::model::Note`], not an error.

use std::io;

use thiserror::Error;

/// Why there is no report. A message says what was tried, on what, and why it failed.
#[derive(Debug, Error)]
pub enum Error {
    /// A flag, a variable or the settings file makes no sense.
    #[error("{0}")]
    Settings(String),
    /// The log can't be read.
    #[error("cannot read the log {path}: {reason}")]
    Log {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// A saved case can't be read back.
    #[error("cannot replay {path}: {reason}")]
    Case {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// The host can't be asked, or has no such run.
    #[error("{0}")]
    Host(String),
    /// There is no failure to look at. Friendly, not a fault.
    #[error("{0}")]
    Nothing(String),
    /// A file with signatures or rules is broken.
    #[error("{path}: {reason}")]
    Rules {
        /// Which.
        path: String,
        /// What is wrong and where.
        reason: String,
    },
    /// The report can't be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Where to.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    /// The same with what was noted on the way here, where a host had nothing to give: it tells why.
    #[must_use]
    pub fn because(self, noted: &[&str]) -> Self {
        let with = |reason: String| if noted.is_empty() { reason } else { format!("{reason} ({})", noted.join("; ")) };
        match self {
            Self::Nothing(reason) => Self::Nothing(with(reason)),
            Self::Host(reason) => Self::Host(with(reason)),
            other => other,
        }
    }
}

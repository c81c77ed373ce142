//! Failures we know: what they look like, what they mean, what to do.

use std::sync::Arc;

use crate::error::Error;
use crate::model::{Log, Match, Signature};

/// A match at least this strong names the cause.
pub const SURE: f64 = 0.5;

/// All known failures, ready to be looked for.
#[derive(Debug)]
pub struct Catalogue {
    signatures: Vec<Arc<Signature>>,
}

impl Catalogue {
    /// The signatures built into the program.
    #[must_use]
    pub fn builtin() -> Self {
        Self { signatures: Vec::new() }
    }

    /// Adds a user's own signatures from the TOML in `text`; `path` names it in messages.
    pub fn with_user_file(self, path: &str, text: &str) -> Result<Self, Error> {
        let _ = (path, text);
        Ok(self)
    }

    /// Every signature.
    #[must_use]
    pub fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    /// Whether a signature matches `line`.
    #[must_use]
    pub fn hits(&self, line: &str) -> bool {
        let _ = line;
        false
    }

    /// The failures found in the lines at `indices` of `log` (ascending, the failed part of the run), best explanation first.
    #[must_use]
    pub fn explain(&self, log: &Log, indices: &[usize]) -> Vec<Match> {
        let _ = (log, indices);
        Vec::new()
    }
}

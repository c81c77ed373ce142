//! Failures we know: what they look like, what they mean, what to do.
//! A log's lines come in; the failures found in them leave, best explanation first. What fits badly is never named.
//! The catalogue is data: to add a failure, add an entry with an example to a family's file; `terraform.toml` is the smallest.

mod explain;
mod file;
mod gate;

use std::sync::{Arc, OnceLock};

use crate::error::Error;
use crate::model::{Log, Match, Signature};
use crate::signature::explain::Hit;
use crate::signature::file::Entry;
use crate::signature::gate::Gate;
use crate::tree::packed;

pub use crate::signature::explain::SURE;

/// The built-in signatures: all families of this folder.
const FAMILIES: &[u8] = packed!("signature.toml");

/// The sorts of failure the built-in signatures know, one word each.
pub const KINDS: [&str; 42] = [
    "agent-failure",
    "authentication",
    "cancelled",
    "cloud-permission",
    "compile-error",
    "configuration",
    "connection",
    "crash",
    "credential-expired",
    "database-deadlock",
    "database-migration",
    "dependency-conflict",
    "disk-full",
    "dns",
    "file-locked",
    "file-permission",
    "image-pull",
    "kubernetes-rbac",
    "missing-variable",
    "out-of-memory",
    "package-download",
    "package-not-found",
    "port-in-use",
    "probe-failure",
    "proxy",
    "quota",
    "rate-limit",
    "release-locked",
    "resource-conflict",
    "resource-not-found",
    "scheduling",
    "script-error",
    "service-control",
    "ssh-key",
    "stack-state",
    "state-lock",
    "storage",
    "test-failure",
    "throttling",
    "timeout",
    "tls-certificate",
    "version-mismatch",
];

/// All known failures, ready to be looked for.
#[derive(Debug)]
pub struct Catalogue {
    signatures: Vec<Arc<Signature>>,
    entries: Vec<Entry>,
    /// Which entry and which of its patterns each number of the gate stands for.
    patterns: Vec<(usize, usize)>,
    gate: OnceLock<Gate>,
}

impl Catalogue {
    /// The signatures built into the program.
    #[must_use]
    pub fn builtin() -> Self {
        // What can't be read would be left out; the test `every_family_can_be_read` proves that all can.
        Self::of(file::read_builtin(FAMILIES).unwrap_or_default())
    }

    /// Adds a user's own signatures from the TOML in `text`; `path` names it in messages.
    /// One with the id of a signature that is there already takes its place.
    pub fn with_user_file(mut self, path: &str, text: &str) -> Result<Self, Error> {
        let added = file::read_user(text).map_err(|reason| Error::Rules { path: path.to_owned(), reason })?;
        for entry in added {
            match self.entries.iter_mut().find(|known| known.signature.id == entry.signature.id) {
                Some(known) => *known = entry,
                None => self.entries.push(entry),
            }
        }
        Ok(Self::of(self.entries))
    }

    fn of(entries: Vec<Entry>) -> Self {
        let patterns = entries
            .iter()
            .enumerate()
            .flat_map(|(number, entry)| (0..entry.patterns.len()).map(move |pattern| (number, pattern)))
            .collect();
        let signatures = entries.iter().map(|entry| entry.signature.clone()).collect();
        Self { signatures, entries, patterns, gate: OnceLock::new() }
    }

    /// Every signature.
    #[must_use]
    pub fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    /// Whether a signature matches `line`.
    #[must_use]
    pub fn hits(&self, line: &str) -> bool {
        let mut hit = false;
        let gate = self.gate();
        gate.open(line.as_bytes(), &mut gate.opened(), |number| {
            hit = hit || self.hit(number, line.as_bytes()).is_some_and(|entry| self.speaks_alone(entry, line));
        });
        hit
    }

    /// The failures found in the lines at `indices` of `log` (ascending, the failed part of the run), best explanation first.
    /// One whose strength is below [`SURE`] is a hint, not an explanation.
    #[must_use]
    pub fn explain(&self, log: &Log, indices: &[usize]) -> Vec<Match> {
        let gate = self.gate();
        let mut opened = gate.opened();
        let mut hits: Vec<Hit> = Vec::new();
        for (place, &index) in indices.iter().enumerate() {
            let line = log.line(index).as_bytes();
            let first = hits.len();
            gate.open(line, &mut opened, |number| {
                if let Some(entry) = self.hit(number, line)
                    && !hits.get(first..).unwrap_or_default().iter().any(|hit| hit.entry == entry)
                {
                    hits.push(Hit { entry, place });
                }
            });
        }
        explain::rank(&self.entries, log, indices, &hits)
    }

    fn gate(&self) -> &Gate {
        self.gate.get_or_init(|| {
            Gate::new(self.entries.iter().flat_map(|entry| &entry.patterns).map(|pattern| pattern.source.as_str()))
        })
    }

    /// The entry behind a number of the gate, if it matches `line`.
    fn hit(&self, number: usize, line: &[u8]) -> Option<usize> {
        let &(number, pattern) = self.patterns.get(number)?;
        let entry = self.entries.get(number)?;
        let found = entry.patterns.get(pattern)?.matches(line)
            && !entry.except.as_ref().is_some_and(|except| except.matches(line));
        found.then_some(number)
    }

    /// Whether a line needs no surroundings to match.
    fn speaks_alone(&self, entry: usize, line: &str) -> bool {
        let near = self.entries.get(entry).and_then(|entry| entry.near.as_ref());
        near.is_none_or(|near| near.matches(line.as_bytes()))
    }
}

#[cfg(test)]
mod tests;

//! Reads the log of a failed run and says why it failed: detect → collect → reduce → redact → diagnose → publish.

pub mod clean;
pub mod error;
pub mod host;
pub mod http;
pub mod model;
pub mod redact;
pub mod reduce;
pub mod report;
pub mod signature;

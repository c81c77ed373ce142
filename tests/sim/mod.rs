//! A simulated Octopus Server, and a simulated LLM endpoint, on loopback.
//!
//! In comes a case's `server/` folder ([`World::load`]), out comes an address that answers as Octopus does
//! ([`Server::start`]). The one rule: a test describes a world, never an answer; each answer follows from the world.
//! Smallest example: `tests/cases/green`. What a world may hold is described in `tests/cases/README.md`; a failed run, the last
//! good one and what changed between them fit in one small file, described in `two_runs`.

#![allow(dead_code, reason = "several test programs share this module, and each uses a part of it")]
#![allow(unused_imports, reason = "as above, for the names below")]
#![allow(unreachable_pub, reason = "a module of tests has no outside")]
#![allow(missing_docs, reason = "fields and routes carry the names that Octopus documents")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::string_slice, reason = "offsets come from searches in the same text")]
#![allow(clippy::must_use_candidate, reason = "a test that ignores an answer is easily seen")]

mod aged;
mod artifacts;
mod faults;
mod fill;
mod http;
mod lists;
mod llm;
mod log;
mod log_text;
pub mod plain;
mod routes;
mod server;
mod tasks;
pub mod two_runs;
mod world;

pub use faults::{Fault, Kind};
pub use http::{Listener, Manner, Request, Response};
pub use llm::{Llm, Reply};
pub use log::{Item, Node, TaskLog};
pub use server::Server;
pub use world::{Settings, Space, World};

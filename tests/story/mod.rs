//! The story of the demo as a step is given it: a simulated Octopus Server behind TLS, the variables, and what was told.
//!
//! The one rule: who was told the story knows that a registry's limit was hit, and has the report; all else is a failure.

#![allow(dead_code, reason = "two test programs share this module, and each uses a part of it")]
#![allow(unreachable_pub, reason = "a module of tests has no outside")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use super::parsers;
use super::sim::{Server, World};
use super::tls::{self, Front, Kind};

/// The key that the step is given, which nothing may show.
const KEY: &str = "API-SIMULATED";

/// A simulated server, and the front before it.
pub struct Story {
    pub server: Server,
    pub front: Front,
}

impl Story {
    /// A server behind TLS, with a certificate of a private authority.
    pub fn start(kind: Kind) -> Self {
        let server = Server::start(World::load(&Self::folder().join("server")));
        let front = tls::front(&plain(&server), kind);
        Self { server, front }
    }

    /// The same, behind an address of version 6; `None` where this machine has none.
    pub fn start_on_six() -> Option<Self> {
        let socket = std::net::TcpListener::bind("[::1]:0").ok()?;
        let server = Server::start(World::load(&Self::folder().join("server")));
        let front = tls::front_on(&socket, &plain(&server), Kind::Nothing);
        Some(Self { server, front })
    }

    fn folder() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/trivy-rate-limit")
    }

    /// The variables that the step template gives, with the server as `host` reaches it.
    pub fn env(&self, host: &str) -> BTreeMap<String, String> {
        let text = fs::read_to_string(Self::folder().join("case.toml")).unwrap();
        let table: toml::Table = toml::from_str(&text).unwrap();
        let given = table["env"].as_table().unwrap().iter();
        let mut env: BTreeMap<String, String> =
            given.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        env.insert("OCTOPUS_URL".to_owned(), format!("https://{host}:{}", self.front.port));
        env.insert("FIREFIGHTER_NO_FORGE".to_owned(), "1".to_owned());
        env.insert("FIREFIGHTER_DEADLINE".to_owned(), "60".to_owned());
        env
    }
}

fn plain(server: &Server) -> String {
    server.url().replace("http://", "")
}

/// Whether the story was told: the cause, as an output variable, and the report, as files. Fails where anything is wrong beside it.
pub fn told(output: &Output) -> Result<(), String> {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let all = out.clone() + &String::from_utf8_lossy(&output.stderr);
    assert!(!all.contains(KEY), "the key is shown: {all}");
    assert_eq!(output.status.code(), Some(0), "{all}");
    let view = parsers::server(&out);
    let known = view.variables.get("Firefighter.Category").map(String::as_str);
    if known == Some("rate-limit") && view.artifacts.len() >= 3 { Ok(()) } else { Err(all) }
}

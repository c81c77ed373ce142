//! What Bitbucket's API answers: the fields we ask for. Missing ones and nulls are survived.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// A page of a list; the first holds enough.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Values<T> {
    pub(super) values: Vec<T>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Found {
    pub(super) uuid: String,
    pub(super) name: Option<String>,
    pub(super) state: State,
    pub(super) script_commands: Option<Vec<Command>>,
    pub(super) started_on: Option<Timestamp>,
    pub(super) completed_on: Option<Timestamp>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct State {
    pub(super) result: Option<Outcomes>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Outcomes {
    pub(super) name: String,
    pub(super) error: Option<Reason>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Reason {
    pub(super) message: Option<String>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Command {
    pub(super) command: Option<String>,
    pub(super) name: Option<String>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Pipeline {
    pub(super) uuid: String,
    pub(super) build_number: u64,
    pub(super) state: State,
    pub(super) target: Option<Target>,
    pub(super) created_on: Option<Timestamp>,
    pub(super) completed_on: Option<Timestamp>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Target {
    pub(super) ref_name: Option<String>,
    pub(super) selector: Option<Value>,
    pub(super) commit: Option<Hash>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Hash {
    pub(super) hash: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Commit {
    pub(super) hash: String,
    pub(super) message: String,
    pub(super) date: Option<Timestamp>,
    pub(super) author: Option<Author>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Author {
    pub(super) raw: Option<String>,
    pub(super) user: Option<User>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) display_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Remark {
    pub(super) id: u64,
    pub(super) content: Content,
    pub(super) deleted: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content {
    pub(super) raw: String,
}

impl Found {
    pub(super) fn name(&self) -> String {
        self.name.clone().filter(|name| !name.trim().is_empty()).unwrap_or_else(|| "Step".to_owned())
    }
}

impl Command {
    /// Its first line, which is what the log echoes.
    pub(super) fn text(&self) -> Option<&str> {
        self.command.as_ref().or(self.name.as_ref())?.lines().next().map(str::trim)
    }
}

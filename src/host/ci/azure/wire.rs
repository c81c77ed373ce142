//! What Azure DevOps' REST API answers: the fields we read. Unknown words, missing fields and nulls are survived.
//!
//! Source: the public reference of the REST API, `Build › Timeline › Get` and `Builds › List`.

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::Outcome;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Timeline {
    pub(super) records: Option<Vec<Record>>,
}

/// A stage, phase, job or task of a run.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) parent_id: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    pub(super) state: Option<String>,
    pub(super) result: Option<String>,
    pub(super) start_time: Option<Timestamp>,
    pub(super) finish_time: Option<Timestamp>,
    pub(super) order: Option<i64>,
    pub(super) attempt: Option<usize>,
    pub(super) log: Option<Kept>,
    pub(super) issues: Option<Vec<Issue>>,
}

/// A log that the server keeps.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    pub(super) id: u64,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Issue {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) message: Option<String>,
}

/// A list of anything.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct List<T> {
    #[serde(default = "Vec::new")]
    pub(super) value: Vec<T>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Build {
    pub(super) id: u64,
    pub(super) build_number: Option<String>,
    pub(super) source_branch: Option<String>,
    pub(super) source_version: Option<String>,
    pub(super) start_time: Option<Timestamp>,
    pub(super) finish_time: Option<Timestamp>,
}

/// A commit that a build was made from.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Change {
    pub(super) id: Option<String>,
    pub(super) message: Option<String>,
    pub(super) author: Option<Author>,
    pub(super) timestamp: Option<Timestamp>,
    pub(super) display_uri: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Author {
    pub(super) display_name: Option<String>,
}

/// A discussion of a pull request.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Thread {
    pub(super) id: u64,
    pub(super) is_deleted: Option<bool>,
    pub(super) properties: Option<serde_json::Value>,
    pub(super) comments: Option<Vec<Comment>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Comment {
    pub(super) id: u64,
}

impl Record {
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// How it ended, in our words.
    pub(super) fn outcome(&self) -> Outcome {
        match (self.result.as_deref(), self.state.as_deref()) {
            (Some("succeeded" | "succeededWithIssues"), _) => Outcome::Succeeded,
            (Some("failed" | "abandoned"), _) => Outcome::Failed,
            (Some("canceled"), _) => Outcome::Canceled,
            (Some("skipped"), _) => Outcome::Skipped,
            (None, Some("inProgress")) => Outcome::Running,
            _ => Outcome::Unknown,
        }
    }

    /// The errors that the server lists beside its log.
    pub(super) fn errors(&self) -> impl Iterator<Item = &str> {
        let errors = self.issues.iter().flatten().filter(|issue| issue.kind.as_deref() == Some("error"));
        errors.filter_map(|issue| issue.message.as_deref()).filter(|message| !message.trim().is_empty())
    }
}

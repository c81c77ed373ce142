//! What GitHub's REST API answers: the fields we read. Unknown words and missing fields are survived.

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::Outcome;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) name: Option<String>,
    #[serde(rename = "run_number")]
    pub(super) number: Option<u64>,
    pub(super) workflow_id: Option<u64>,
    pub(super) head_branch: Option<String>,
    pub(super) head_sha: Option<String>,
    pub(super) html_url: Option<String>,
    #[serde(rename = "run_started_at")]
    pub(super) started: Option<Timestamp>,
    pub(super) conclusion: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Runs {
    pub(super) workflow_runs: Vec<Run>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Jobs {
    pub(super) jobs: Vec<Job>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) conclusion: Option<String>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) completed_at: Option<Timestamp>,
    pub(super) runner_name: Option<String>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) conclusion: Option<String>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) completed_at: Option<Timestamp>,
}

/// What a job's check run says of a place in the sources. The runner's own words are about the path `.github`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotation {
    pub(super) path: String,
    pub(super) start_line: Option<u64>,
    #[serde(rename = "annotation_level")]
    pub(super) level: String,
    pub(super) title: Option<String>,
    pub(super) message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Comparison {
    pub(super) commits: Vec<Commit>,
    pub(super) files: Vec<File>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Commit {
    pub(super) sha: String,
    pub(super) html_url: Option<String>,
    #[serde(rename = "commit")]
    pub(super) inner: Inner,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Inner {
    pub(super) message: String,
    pub(super) author: Option<Author>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Author {
    pub(super) name: Option<String>,
    pub(super) date: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct File {
    pub(super) filename: String,
    pub(super) status: String,
    pub(super) patch: Option<String>,
    pub(super) blob_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) body: Option<String>,
    pub(super) user: Option<User>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) login: String,
}

/// A conclusion in our words.
pub(super) fn outcome(conclusion: Option<&str>) -> Outcome {
    match conclusion {
        Some("success" | "neutral") => Outcome::Succeeded,
        Some("failure" | "timed_out" | "startup_failure") => Outcome::Failed,
        Some("cancelled") => Outcome::Canceled,
        Some("skipped") => Outcome::Skipped,
        _ => Outcome::Unknown,
    }
}

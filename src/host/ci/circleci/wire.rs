//! What CircleCI's API answers: the fields we ask for. Missing ones and nulls are survived.

use jiff::Timestamp;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Workflow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) status: Option<String>,
    pub(super) pipeline_number: Option<u64>,
    pub(super) created_at: Option<Timestamp>,
}

/// A page of a list; the first holds enough.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Items<T> {
    pub(super) items: Vec<T>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) job_number: Option<u64>,
    pub(super) project_slug: Option<String>,
    pub(super) status: Option<String>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) stopped_at: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Detail {
    pub(super) steps: Vec<Part>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) actions: Vec<Action>,
}

/// A step on one of the machines that the job runs on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Action {
    pub(super) index: usize,
    pub(super) status: Option<String>,
    pub(super) failed: Option<bool>,
    pub(super) exit_code: Option<i64>,
    pub(super) output_url: Option<String>,
    pub(super) start_time: Option<Timestamp>,
    pub(super) end_time: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub(super) message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pipeline {
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) created_at: Option<Timestamp>,
    pub(super) vcs: Option<Vcs>,
    pub(super) trigger: Option<Trigger>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Vcs {
    pub(super) revision: String,
    pub(super) branch: Option<String>,
    pub(super) origin_repository_url: Option<String>,
    pub(super) commit: Option<Subject>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Subject {
    pub(super) subject: Option<String>,
    pub(super) body: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Trigger {
    pub(super) actor: Option<Actor>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Actor {
    pub(super) login: Option<String>,
}

impl Found {
    pub(super) fn word(&self) -> &str {
        self.status.as_deref().unwrap_or("unknown")
    }

    pub(super) fn running(&self) -> bool {
        self.word() == "running"
    }
}

impl Action {
    pub(super) fn has_failed(&self) -> bool {
        self.failed == Some(true)
            || self
                .status
                .as_deref()
                .is_some_and(|status| ["failed", "timedout", "infrastructure_fail"].contains(&status))
    }

    pub(super) fn failure(&self, job: &str, step: &str) -> String {
        match (self.status.as_deref(), self.exit_code) {
            (Some("timedout"), _) => format!("The job {job} timed out in its step {step}"),
            (_, Some(code)) => format!("The job {job} failed in its step {step}: exit code {code}"),
            _ => format!("The job {job} failed in its step {step}"),
        }
    }
}

//! What Buildkite's API answers: the fields we ask for. Missing ones and nulls are survived.

use jiff::Timestamp;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Jobs {
    pub(super) items: Vec<Found>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Found {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    pub(super) step_key: Option<String>,
    pub(super) command: Option<String>,
    pub(super) state: Option<String>,
    pub(super) soft_failed: Option<bool>,
    pub(super) exit_status: Option<i64>,
    pub(super) signal_reason: Option<String>,
    pub(super) retries_count: Option<usize>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Build {
    pub(super) number: u64,
    pub(super) state: Option<String>,
    pub(super) message: Option<String>,
    pub(super) commit: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) web_url: Option<String>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) author: Option<Person>,
    pub(super) creator: Option<Person>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Person {
    pub(super) name: Option<String>,
}

impl Found {
    /// Its name without the pictures that some begin with, such as `:package: Build`.
    pub(super) fn name(&self) -> String {
        let named = [&self.name, &self.step_key, &self.command].into_iter().flatten().next();
        let mut name = named.and_then(|name| name.lines().next()).unwrap_or("a job").trim();
        while let Some((_, rest)) = name.strip_prefix(':').and_then(|rest| rest.split_once(": ")) {
            name = rest.trim_start();
        }
        name.to_owned()
    }

    /// What the server says of the failure.
    pub(super) fn failure(&self) -> String {
        let name = self.name();
        match (self.state.as_deref(), self.signal_reason.as_deref(), self.exit_status) {
            (Some("timed_out"), ..) => format!("The job {name} timed out"),
            (_, Some(reason), _) if reason != "none" => {
                format!("The job {name} was ended by the agent: {}", reason.replace('_', " "))
            }
            (.., Some(status)) => format!("The job {name} failed: its command exited with status {status}"),
            _ => format!("The job {name} failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_called_without_its_pictures() {
        let check = |name: &str, expected: &str| {
            assert_eq!(Found { name: Some(name.to_owned()), ..Found::default() }.name(), expected);
        };
        check(":package: :rust: Build", "Build");
        check("Build: all", "Build: all");
        check(":x", ":x");
    }
}

//! What Jenkins' remote API answers, and that of its Pipeline REST API plugin: the fields we ask for. Missing ones and nulls are
//! survived.

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::Outcome;

/// The fields of a build that we ask for: freestyle builds have one set of changes, pipelines several.
pub(super) const BUILD: &str = "number,result,url,fullDisplayName,timestamp,duration,description,\
                                changeSet[items[commitId,msg,comment,timestamp,author[fullName],affectedPaths]],\
                                changeSets[items[commitId,msg,comment,timestamp,author[fullName],affectedPaths]]";

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Build {
    pub(super) number: u64,
    pub(super) result: Option<String>,
    pub(super) url: Option<String>,
    pub(super) full_display_name: Option<String>,
    pub(super) timestamp: Option<i64>,
    pub(super) duration: Option<i64>,
    pub(super) description: Option<String>,
    pub(super) change_set: Option<ChangeSet>,
    pub(super) change_sets: Option<Vec<ChangeSet>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Project {
    pub(super) builds: Option<Vec<Build>>,
    pub(super) last_stable_build: Option<Build>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct ChangeSet {
    pub(super) items: Option<Vec<Item>>,
}

/// A commit.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Item {
    pub(super) commit_id: Option<String>,
    pub(super) msg: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) timestamp: Option<i64>,
    pub(super) author: Option<Author>,
    pub(super) affected_paths: Option<Vec<String>>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Author {
    pub(super) full_name: Option<String>,
}

/// The stages of a pipeline, or the nodes of a stage.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Stages {
    pub(super) stages: Option<Vec<Node>>,
    pub(super) stage_flow_nodes: Option<Vec<Node>>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Node {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) status: Option<String>,
    pub(super) start_time_millis: Option<i64>,
    pub(super) duration_millis: Option<i64>,
    pub(super) error: Option<Fault>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Fault {
    pub(super) message: Option<String>,
}

impl Build {
    pub(super) fn started(&self) -> Option<Timestamp> {
        moment(self.timestamp)
    }

    /// `None` while it runs.
    pub(super) fn finished(&self) -> Option<Timestamp> {
        self.result.as_ref().and_then(|_| moment(Some(self.timestamp?.saturating_add(self.duration?))))
    }

    pub(super) fn commits(self) -> impl Iterator<Item = Item> {
        let sets = self.change_set.into_iter().chain(self.change_sets.into_iter().flatten());
        sets.filter_map(|set| set.items).flatten()
    }
}

impl Node {
    pub(super) fn outcome(&self) -> Outcome {
        match self.status.as_deref() {
            Some("SUCCESS" | "UNSTABLE") => Outcome::Succeeded,
            Some("FAILED") => Outcome::Failed,
            Some("ABORTED") => Outcome::Canceled,
            Some("NOT_EXECUTED") => Outcome::Skipped,
            Some("IN_PROGRESS" | "PAUSED_PENDING_INPUT") => Outcome::Running,
            _ => Outcome::Unknown,
        }
    }

    pub(super) fn started(&self) -> Option<Timestamp> {
        moment(self.start_time_millis)
    }

    pub(super) fn finished(&self) -> Option<Timestamp> {
        moment(Some(self.start_time_millis?.saturating_add(self.duration_millis?)))
    }
}

/// Milliseconds since 1970; 0 and less say nothing.
pub(super) fn moment(milliseconds: Option<i64>) -> Option<Timestamp> {
    milliseconds.filter(|at| *at > 0).and_then(|at| Timestamp::from_millisecond(at).ok())
}

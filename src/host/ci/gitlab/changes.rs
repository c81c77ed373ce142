//! What changed between two commits, as GitLab compares them, and between the machines that two jobs ran on.
//!
//! Its `repository/compare` gives the oldest commit first, and of a file that is too large no diff.

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::{Change, ChangeKind, Log};

use super::super::api::{Api, Trouble};
use super::super::changes::{self, COMMITS, FILES, commit, file};
use super::super::good::is_hash;

/// What the runner says of itself at the beginning of a job's log, and what it is.
const MACHINE: &[(&str, &str)] = &[
    ("Running with gitlab-runner ", "version of the runner"),
    ("Using Docker executor with image ", "image of the job"),
    ("Using docker image ", "content of the job's image"),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Comparison {
    commits: Vec<Commit>,
    diffs: Vec<Differing>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Commit {
    id: String,
    title: String,
    message: Option<String>,
    author_name: Option<String>,
    created_at: Option<Timestamp>,
    web_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Differing {
    new_path: String,
    diff: Option<String>,
    new_file: bool,
    renamed_file: bool,
    deleted_file: bool,
}

/// What lies between the commits `good` and `failed`; nothing where either is none.
pub(super) fn since(api: &Api, good: &str, failed: &str) -> Result<Vec<Change>, Trouble> {
    if good == failed || !is_hash(good) || !is_hash(failed) {
        return Ok(Vec::new());
    }
    Ok(compared(api.get(&format!("repository/compare?from={good}&to={failed}"))?))
}

/// What the two jobs ran on, where it differs.
pub(super) fn machine(good: &Log, failed: &Log) -> Vec<Change> {
    changes::machine(good, failed, MACHINE)
}

fn compared(compared: Comparison) -> Vec<Change> {
    let commits = compared.commits.into_iter().rev().take(COMMITS).map(|one| {
        let told = commit(&one.id, one.message.as_deref().unwrap_or(&one.title));
        Change { who: one.author_name, when: one.created_at, url: one.web_url, ..told }
    });
    let files = compared.diffs.into_iter().take(FILES).map(|one| {
        let how = match (one.new_file, one.deleted_file, one.renamed_file) {
            (true, ..) => "added",
            (_, true, _) => "removed",
            (_, _, true) => "renamed",
            _ => "modified",
        };
        let is_pipeline = one.new_path == ".gitlab-ci.yml" || one.new_path.starts_with(".gitlab/ci/");
        let told = file(&one.new_path, how, one.diff.as_deref().filter(|diff| !diff.is_empty()));
        Change { kind: if is_pipeline { ChangeKind::Process } else { told.kind }, ..told }
    });
    commits.chain(files).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_commit_comes_first_and_the_pipelines_file_is_the_process() {
        let text = r#"{"commits":[{"id":"0d1c5a6f0c94","title":"Older","message":"Older\n\nwhy","author_name":"Ann","created_at":"2026-03-01T10:00:00.000+01:00"},
                {"id":"84df60a1f0c9","title":"Newer"}],
            "diffs":[{"new_path":".gitlab-ci.yml","diff":"@@ -1 +1 @@\n-a\n+b\n"},{"new_path":"web/yarn.lock","diff":""},
                {"new_path":"src/a.rs","diff":"+x","new_file":true},{"new_path":"b","deleted_file":true},{"new_path":"c","renamed_file":true}],
            "compare_timeout":false}"#;
        let told = compared(serde_json::from_str(text).unwrap());
        let kinds: Vec<_> = told.iter().map(|change| (change.kind, change.title.as_str())).collect();
        let expected = [
            (ChangeKind::Commit, "commit 84df60a: Newer"),
            (ChangeKind::Commit, "commit 0d1c5a6: Older"),
            (ChangeKind::Process, "file .gitlab-ci.yml (modified)"),
            (ChangeKind::Package, "file web/yarn.lock (modified)"),
            (ChangeKind::Commit, "file src/a.rs (added)"),
            (ChangeKind::Commit, "file b (removed)"),
            (ChangeKind::Commit, "file c (renamed)"),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(told[1].who.as_deref(), Some("Ann"));
        assert_eq!(told[3].details, None);
    }
}

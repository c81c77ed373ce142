//! What changed between two commits, as GitHub compares them, and between the machines that two jobs ran on.

use crate::model::{Change, ChangeKind, Log};

use super::super::api::{Api, Trouble};
use super::super::changes::{self, COMMITS, FILES, commit, file};
use super::wire::{Comparison, Run};

/// What the runner says of itself at the beginning of a job's log, and what it is.
const MACHINE: &[(&str, &str)] = &[
    ("Image: ", "image of the runner"),
    ("Version: ", "version of the runner's image"),
    ("Current runner version: ", "version of the runner"),
];

/// What lies between the commit of the last good run and that of the failed one.
pub(super) fn since(api: &Api, root: &str, good: &Run, failed: &Run) -> Result<Vec<Change>, Trouble> {
    let is_sha = |sha: &Option<String>| sha.clone().filter(|sha| sha.chars().all(|c| c.is_ascii_hexdigit()));
    let (Some(base), Some(head)) = (is_sha(&good.head_sha), is_sha(&failed.head_sha)) else { return Ok(Vec::new()) };
    if base == head {
        return Ok(Vec::new());
    }
    Ok(compared(api.get(&format!("{root}/compare/{base}...{head}"))?))
}

/// What the two jobs ran on, where it differs.
pub(super) fn machine(good: &Log, failed: &Log) -> Vec<Change> {
    changes::machine(good, failed, MACHINE)
}

fn compared(compared: Comparison) -> Vec<Change> {
    let commits = compared.commits.into_iter().rev().take(COMMITS).map(|one| {
        let author = one.inner.author.unwrap_or_default();
        Change { who: author.name, when: author.date, url: one.html_url, ..commit(&one.sha, &one.inner.message) }
    });
    let files = compared.files.into_iter().take(FILES).map(|one| {
        let is_workflow = one.filename.starts_with(".github/");
        let told = file(&one.filename, &one.status, one.patch.as_deref());
        Change { kind: if is_workflow { ChangeKind::Process } else { told.kind }, url: one.blob_url, ..told }
    });
    commits.chain(files).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_and_files_are_changes_of_their_kind() {
        let text = r#"{"commits":[{"sha":"abcdef1234","html_url":"https://github.com/o/r/commit/abcdef1","commit":{"message":"Bump x\n\nwhy","author":{"name":"Ann","date":"2026-03-01T10:00:00Z"}}}],
            "files":[{"filename":".github/workflows/ci.yml","status":"modified","patch":"@@ -1 +1 @@\n-a\n+b"},{"filename":"web/package-lock.json","status":"modified"},{"filename":"src/a.rs","status":"added","patch":"+x"}]}"#;
        let told = compared(serde_json::from_str(text).unwrap());
        let kinds: Vec<_> = told.iter().map(|change| (change.kind, change.title.as_str())).collect();
        let expected = [
            (ChangeKind::Commit, "commit abcdef1: Bump x"),
            (ChangeKind::Process, "file .github/workflows/ci.yml (modified)"),
            (ChangeKind::Package, "file web/package-lock.json (modified)"),
            (ChangeKind::Commit, "file src/a.rs (added)"),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(told[0].who.as_deref(), Some("Ann"));
    }
}

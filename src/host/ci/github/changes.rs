//! What changed between two commits: the commits, and each file with its diff.

use crate::model::{Change, ChangeKind};

use super::super::api::{Api, Trouble};
use super::super::good;
use super::wire::{Comparison, Run};

/// Commits and files that are told, and how much of a file's diff.
const COMMITS: usize = 30;
const FILES: usize = 60;
const PATCH: usize = 16 << 10;

/// Files that say which packages are used.
const PACKAGES: &[&str] = &[
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "Cargo.lock",
    "Gemfile.lock",
    "poetry.lock",
    "uv.lock",
    "Pipfile.lock",
    "composer.lock",
    "go.sum",
    "go.mod",
    "packages.lock.json",
    "packages.config",
    "Directory.Packages.props",
    "requirements.txt",
    "package.json",
    "Cargo.toml",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "pyproject.toml",
    "gradle.lockfile",
    "Gemfile",
    "Dockerfile",
    "global.json",
    ".terraform.lock.hcl",
    "Chart.lock",
];

/// What lies between the commit of the last good run and that of the failed one.
pub(super) fn since(api: &Api, root: &str, good: &Run, failed: &Run) -> Result<Vec<Change>, Trouble> {
    let is_sha = |sha: &Option<String>| sha.clone().filter(|sha| sha.chars().all(|c| c.is_ascii_hexdigit()));
    let (Some(base), Some(head)) = (is_sha(&good.head_sha), is_sha(&failed.head_sha)) else { return Ok(Vec::new()) };
    if base == head {
        return Ok(Vec::new());
    }
    Ok(changes(api.get(&format!("{root}/compare/{base}...{head}"))?))
}

fn changes(compared: Comparison) -> Vec<Change> {
    let commits = compared.commits.into_iter().rev().take(COMMITS).map(|commit| {
        let author = commit.inner.author.unwrap_or_default();
        good::commit(&commit.sha, &commit.inner.message, author.name, author.date, commit.html_url)
    });
    let files = compared.files.into_iter().take(FILES).map(|file| {
        let name = file.filename.rsplit('/').next().unwrap_or_default();
        let kind = if file.filename.starts_with(".github/") {
            ChangeKind::Process
        } else if PACKAGES.contains(&name) {
            ChangeKind::Package
        } else {
            ChangeKind::Commit
        };
        Change {
            kind,
            title: format!("file {} ({})", file.filename, file.status),
            before: None,
            after: None,
            details: file.patch.map(|patch| cut(&patch)),
            step: None,
            who: None,
            when: None,
            url: file.blob_url,
        }
    });
    commits.chain(files).collect()
}

fn cut(patch: &str) -> String {
    if patch.len() <= PATCH {
        return patch.to_owned();
    }
    let head = patch.get(..patch.floor_char_boundary(PATCH)).unwrap_or_default();
    let head = head.rsplit_once('\n').map_or(head, |(head, _)| head);
    format!("{head}\n… the rest of the diff is left out …")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_and_files_are_changes_of_their_kind() {
        let text = r#"{"commits":[{"sha":"abcdef1234","html_url":"https://github.com/o/r/commit/abcdef1","commit":{"message":"Bump x\n\nwhy","author":{"name":"Ann","date":"2026-03-01T10:00:00Z"}}}],
            "files":[{"filename":".github/workflows/ci.yml","status":"modified","patch":"@@ -1 +1 @@\n-a\n+b"},{"filename":"web/package-lock.json","status":"modified"},{"filename":"src/a.rs","status":"added","patch":"+x"}]}"#;
        let told = changes(serde_json::from_str(text).unwrap());
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

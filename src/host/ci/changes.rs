//! What changed between the commits of two runs, and between the machines they ran on: what build servers have in common.

use crate::model::{Change, ChangeKind, Log};

/// Commits and files that are told.
pub(super) const COMMITS: usize = 30;
pub(super) const FILES: usize = 60;
/// How much of a file's diff, in bytes.
const PATCH: usize = 16 << 10;
/// In how many lines a job's log says what it runs on.
const HEAD: usize = 200;

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

/// A change of which nothing more is known than its kind and title.
fn bare(kind: ChangeKind, title: String) -> Change {
    Change { kind, title, before: None, after: None, details: None, step: None, who: None, when: None, url: None }
}

/// A commit and its whole message, by its hash or, in other systems, its number.
pub(super) fn commit(id: &str, message: &str) -> Change {
    // A revision of Subversion or TFVC is a number and stays whole.
    let is_hash = id.len() >= 10 && id.chars().all(|c| c.is_ascii_hexdigit());
    let short = id.get(..7).filter(|_| is_hash).unwrap_or(id);
    let title = format!("commit {short}: {}", message.lines().next().unwrap_or_default());
    Change { details: Some(message.to_owned()), ..bare(ChangeKind::Commit, title) }
}

/// A file that differs, with the word for how, such as `modified`, and its diff.
pub(super) fn file(path: &str, how: &str, patch: Option<&str>) -> Change {
    let name = path.rsplit('/').next().unwrap_or_default();
    let kind = if PACKAGES.contains(&name) { ChangeKind::Package } else { ChangeKind::Commit };
    Change { details: patch.map(cut), ..bare(kind, format!("file {path} ({how})")) }
}

/// What two jobs ran on, where it differs: `said` has the words after which a log's first lines say it, and what it is.
pub(super) fn machine(good: &Log, failed: &Log, said: &[(&str, &str)]) -> Vec<Change> {
    let says = |log: &Log, word: &str| {
        let lines = (0..log.lines.len().min(HEAD)).map(|index| log.line(index));
        let mut told = lines.filter_map(|line| line.split_once(word));
        // What stands before the words is a stamp, if anything.
        let is_stamp =
            |text: &str| text.is_empty() || text.ends_with(' ') && text.starts_with(|c: char| c.is_ascii_digit());
        told.find(|(before, _)| is_stamp(before)).map(|(_, after)| after.trim().trim_matches('\'').to_owned())
    };
    let differs = said.iter().filter_map(|(word, what)| {
        let (before, after) = (says(good, word)?, says(failed, word)?);
        let title = (*what).to_owned();
        (before != after).then(|| Change {
            before: Some(before),
            after: Some(after),
            ..bare(ChangeKind::Worker, title)
        })
    });
    differs.collect()
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
    use crate::clean::plain;

    #[test]
    fn another_image_is_a_change_of_the_worker_and_the_same_is_none() {
        let log = |version: &str| {
            let text =
                format!("2026-08-22T00:44:03.1Z Image: ubuntu-24.04\nVersion: {version}\nSchema Version: 4{version}\n");
            plain(text.as_bytes()).unwrap()
        };
        let said = [("Image: ", "image"), ("Version: ", "version of the image")];
        let told = machine(&log("20260801.1"), &log("20260819.2"), &said);
        let told: Vec<_> = told
            .iter()
            .map(|one| (one.kind, one.title.as_str(), one.before.as_deref(), one.after.as_deref()))
            .collect();
        assert_eq!(told, [(ChangeKind::Worker, "version of the image", Some("20260801.1"), Some("20260819.2"))]);
        assert!(machine(&log("1"), &log("1"), &said).is_empty());
    }
}

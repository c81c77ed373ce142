//! GitLab, its own and everybody's.

use jiff::Timestamp;
use serde::Deserialize;

use super::told::{Encoded, File, Status, Told};
use super::{Place, Thing, Trouble, What, diff, hash, number, repository, under};

/// `GROUP/…/PROJECT/-/commit/HASH`, `…/-/issues/1`, `…/-/work_items/1`, `…/-/merge_requests/1`; older links lack the `-`.
pub(super) fn read(parts: &[&str]) -> Option<Thing> {
    let kinds = ["commit", "issues", "work_items", "merge_requests"];
    // A group may be called `issues`; then the mark before the last one tells.
    let at = parts.iter().position(|part| *part == "-").map(|mark| mark + 1);
    let at = at.or_else(|| parts.iter().rposition(|part| kinds.contains(part)))?;
    let (kind, id) = (parts.get(at)?, parts.get(at + 1)?);
    let what = match *kind {
        "commit" => hash(id),
        "issues" | "work_items" => number(id).map(What::Issue),
        "merge_requests" => number(id).map(What::Merge),
        _ => None,
    };
    let project = parts.get(..at)?.strip_suffix(&["-"]).or_else(|| parts.get(..at))?;
    Some(Thing { project: repository(project).filter(|project| project.len() > 1)?, what: what? })
}

#[derive(Deserialize)]
struct Commit {
    #[serde(default)]
    message: String,
    author_name: Option<String>,
    committed_date: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Touched {
    #[serde(default)]
    diff: String,
    #[serde(default)]
    new_path: String,
    #[serde(default)]
    old_path: String,
    #[serde(default)]
    new_file: bool,
    #[serde(default)]
    renamed_file: bool,
    #[serde(default)]
    deleted_file: bool,
}

#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    title: String,
    description: Option<String>,
    state: Option<String>,
}

pub(super) fn told(place: &Place<'_>, thing: &Thing) -> Result<Told, Trouble> {
    // The whole path of a project is one part of the API's.
    let project = thing.project.join("/");
    let api = under(place.address, &["api", "v4", "projects", &project], &[]);
    let issue = |kind: &str, number: &u64| -> Result<Told, Trouble> {
        let issue: Issue = place.json(&api, &[kind, &number.to_string()], &[])?;
        let text = issue.description.unwrap_or_default();
        Ok(Told { title: issue.title, text, state: issue.state, ..Told::default() })
    };
    match &thing.what {
        What::Commit(hash) => {
            let commit: Commit = place.json(&api, &["repository", "commits", hash], &[])?;
            let mut told = Told::commit(&commit.message, commit.author_name, commit.committed_date);
            match place.json::<Vec<Touched>>(&api, &["repository", "commits", hash, "diff"], &[("per_page", "100")]) {
                Ok(files) => told.files = files.into_iter().map(Touched::file).collect(),
                Err(trouble) => told.missing = Some(trouble),
            }
            Ok(told)
        }
        What::Issue(number) => issue("issues", number),
        What::Merge(number) => issue("merge_requests", number),
        // A file's whole path is one part too.
        What::File { path, commit } => {
            place.json::<Encoded>(&api, &["repository", "files", path], &[("ref", commit)])?.told()
        }
    }
}

impl Touched {
    fn file(self) -> File {
        let hunks = diff::hunks(&self.diff);
        File {
            before: self.renamed_file.then_some(self.old_path),
            status: match (self.new_file, self.deleted_file) {
                (true, _) => Status::Added,
                (_, true) => Status::Removed,
                _ => Status::Modified,
            },
            // A very large one comes without its lines.
            counts: (!hunks.is_empty()).then(|| diff::counts(&hunks)),
            path: self.new_path,
            hunks,
        }
    }
}

//! Gitea and Forgejo, such as Codeberg.

use jiff::Timestamp;
use serde::Deserialize;

use super::told::{Encoded, Told};
use super::{Place, Thing, Trouble, What, diff, hash, number, repository, under};

/// `OWNER/REPO/commit/HASH`, `…/issues/1`, `…/pulls/1`.
pub(super) fn read(parts: &[&str]) -> Option<Thing> {
    let [owner, repo, kind, id, ..] = parts else { return None };
    let what = match *kind {
        "commit" => hash(id),
        "issues" => number(id).map(What::Issue),
        "pulls" => number(id).map(What::Merge),
        _ => None,
    };
    Some(Thing { project: repository(&[owner, repo])?, what: what? })
}

pub(super) fn proof(token: &str) -> String {
    format!("token {token}")
}

#[derive(Deserialize)]
struct Commit {
    #[serde(rename = "commit")]
    inner: Inner,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default)]
    message: String,
    author: Option<Person>,
    committer: Option<Person>,
}

#[derive(Deserialize)]
struct Person {
    name: Option<String>,
    date: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    title: String,
    body: Option<String>,
    state: Option<String>,
}

pub(super) fn told(place: &Place<'_>, thing: &Thing) -> Result<Told, Trouble> {
    let mut path = vec!["repos"];
    path.extend(thing.project.iter().map(String::as_str));
    let api = under(&under(place.address, &["api", "v1"], &[]), &path, &[]);
    match &thing.what {
        What::Commit(hash) => {
            let found: Commit = place.json(&api, &["git", "commits", hash], &[])?;
            let Inner { message, author, committer } = found.inner;
            let when = committer.and_then(|committer| committer.date);
            let mut told = Told::commit(&message, author.and_then(|author| author.name), when);
            match place.text(&api, &["git", "commits", &format!("{hash}.diff")], &[]) {
                Ok(text) => told.files = diff::files(&text),
                Err(trouble) => told.missing = Some(trouble),
            }
            Ok(told)
        }
        // A pull request is an issue too.
        What::Issue(number) | What::Merge(number) => {
            let issue: Issue = place.json(&api, &["issues", &number.to_string()], &[])?;
            Ok(Told { title: issue.title, text: issue.body.unwrap_or_default(), state: issue.state, ..Told::default() })
        }
        What::File { path, commit } => {
            let path: Vec<&str> = ["contents"].into_iter().chain(path.split('/')).collect();
            place.json::<Encoded>(&api, &path, &[("ref", commit)])?.told()
        }
    }
}

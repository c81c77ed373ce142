//! GitHub, GitHub Enterprise Server, and Enterprise Cloud with an address of its own.

use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

use super::told::{Encoded, File, Status, Told};
use super::{Place, Thing, Trouble, What, hash, number, repository, under};

/// `OWNER/REPO/commit/HASH`, `…/issues/1`, `…/pull/1`, `…/pull/1/commits/HASH`.
pub(super) fn read(parts: &[&str]) -> Option<Thing> {
    let [owner, repo, rest @ ..] = parts else { return None };
    let what = match rest {
        ["commit" | "commits", id, ..] | ["pull", _, "commits", id, ..] => hash(id),
        ["issues", id, ..] => number(id).map(What::Issue),
        ["pull", id, ..] => number(id).map(What::Merge),
        _ => None,
    };
    Some(Thing { project: repository(&[owner, repo])?, what: what? })
}

/// Where the API of the host at `address` is.
pub(super) fn api(address: &Url) -> Url {
    let host = address.host_str().unwrap_or_default();
    if host == "github.com" || host.ends_with(".ghe.com") {
        let mut api = address.clone();
        if api.set_host(Some(&format!("api.{host}"))).is_ok() {
            return api;
        }
    }
    under(address, &["api", "v3"], &[])
}

#[derive(Deserialize)]
struct Commit {
    #[serde(rename = "commit")]
    inner: Inner,
    author: Option<Account>,
    #[serde(default)]
    files: Vec<Touched>,
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
struct Account {
    login: Option<String>,
}

#[derive(Deserialize)]
struct Touched {
    filename: String,
    previous_filename: Option<String>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    additions: usize,
    #[serde(default)]
    deletions: usize,
    /// Only hunks; missing for a binary file and for a very large change.
    patch: Option<String>,
}

/// An issue, alone or as found by a search.
#[derive(Deserialize)]
pub(super) struct Issue {
    #[serde(default)]
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) number: u64,
    #[serde(default)]
    pub(super) html_url: String,
    pub(super) closed_at: Option<Timestamp>,
}

pub(super) fn told(place: &Place<'_>, thing: &Thing) -> Result<Told, Trouble> {
    let mut path = vec!["repos"];
    path.extend(thing.project.iter().map(String::as_str));
    let api = under(&api(place.address), &path, &[]);
    match &thing.what {
        What::Commit(hash) => {
            let found: Commit = place.json(&api, &["commits", hash], &[])?;
            let Inner { message, author, committer } = found.inner;
            let login = found.author.and_then(|account| account.login);
            let who = author.and_then(|author| author.name).or(login);
            let mut told = Told::commit(&message, who, committer.and_then(|committer| committer.date));
            told.files = found.files.into_iter().map(Touched::file).collect();
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

impl Touched {
    fn file(self) -> File {
        File {
            path: self.filename,
            before: self.previous_filename,
            status: match &*self.status {
                "added" => Status::Added,
                "removed" => Status::Removed,
                _ => Status::Modified,
            },
            counts: Some((self.additions, self.deletions)),
            hunks: self.patch.unwrap_or_default(),
        }
    }
}

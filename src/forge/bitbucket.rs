//! Bitbucket: the Cloud, and the Data Center with an address of its own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

use super::told::Told;
use super::{Place, Thing, Trouble, What, diff, hash, number, repository, under};

/// `WORKSPACE/REPO/commits/HASH`, `…/issues/1/…`, `…/pull-requests/1`; in a Data Center all of it below `projects/KEY/repos/REPO`,
/// where a user's own are below `users/NAME/repos/REPO`.
pub(super) fn read(parts: &[&str]) -> Option<Thing> {
    let user;
    let (project, rest) = match parts {
        // The second is an address to clone from.
        ["projects", key, "repos", repo, rest @ ..] | ["scm", key, repo, rest @ ..] => {
            (repository(&["projects", key, "repos", repo])?, rest)
        }
        ["users", name, "repos", repo, rest @ ..] => {
            user = format!("~{name}");
            (repository(&["projects", &user, "repos", repo])?, rest)
        }
        [workspace, repo, rest @ ..] => (repository(&[workspace, repo])?, rest),
        _ => return None,
    };
    let what = match rest {
        ["commits" | "commit", id, ..] => hash(id),
        ["issues", id, ..] => number(id).map(What::Issue),
        ["pull-requests", id, ..] => number(id).map(What::Merge),
        _ => None,
    };
    Some(Thing { project, what: what? })
}

/// A token alone, or a user and a token.
pub(super) fn proof(token: &str) -> String {
    if token.contains(':') { format!("Basic {}", STANDARD.encode(token)) } else { super::bearer(token) }
}

#[derive(Deserialize)]
struct Commit {
    #[serde(default)]
    message: String,
    author: Option<Author>,
    date: Option<Timestamp>,
    /// In a Data Center, in milliseconds.
    #[serde(rename = "committerTimestamp")]
    committer_timestamp: Option<i64>,
}

/// In the Cloud an account, or else what the commit says; in a Data Center a name.
#[derive(Deserialize)]
struct Author {
    raw: Option<String>,
    user: Option<User>,
    #[serde(alias = "displayName")]
    name: Option<String>,
}

#[derive(Deserialize)]
struct User {
    display_name: Option<String>,
}

#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    title: String,
    content: Option<Content>,
    description: Option<String>,
    state: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    raw: Option<String>,
}

pub(super) fn told(place: &Place<'_>, thing: &Thing) -> Result<Told, Trouble> {
    let path: Vec<&str> = thing.project.iter().map(String::as_str).collect();
    let is_own = path.len() == 4;
    let api = if is_own { under(place.address, &["rest", "api", "1.0"], &[]) } else { cloud(place.address) };
    let api = under(&api, &path, &[]);
    match &thing.what {
        What::Commit(hash) => {
            let commit: Commit = place.json(&api, &[if is_own { "commits" } else { "commit" }, hash], &[])?;
            let when = commit.date.or_else(|| Timestamp::from_millisecond(commit.committer_timestamp?).ok());
            let mut told = Told::commit(&commit.message, commit.author.and_then(Author::name), when);
            let text = if is_own {
                place.text(&api, &["patch"], &[("until", hash)])
            } else {
                place.text(&api, &["diff", hash], &[])
            };
            match text {
                Ok(text) => told.files = diff::files(&text),
                Err(trouble) => told.missing = Some(trouble),
            }
            Ok(told)
        }
        What::Issue(number) => issue(place, &api, "issues", *number),
        What::Merge(number) => issue(place, &api, if is_own { "pull-requests" } else { "pullrequests" }, *number),
        What::File { path, commit } => {
            let start: &[&str] = if is_own { &["raw"] } else { &["src", commit] };
            let path: Vec<&str> = start.iter().copied().chain(path.split('/')).collect();
            let query: &[(&str, &str)] = if is_own { &[("at", commit)] } else { &[] };
            Ok(Told { text: place.text(&api, &path, query)?, ..Told::default() })
        }
    }
}

/// The Cloud's API.
fn cloud(address: &Url) -> Url {
    let mut api = address.clone();
    if address.host_str() == Some("bitbucket.org") {
        // The host is a plain name, to which this is another.
        let _ = api.set_host(Some("api.bitbucket.org"));
    }
    under(&api, &["2.0", "repositories"], &[])
}

fn issue(place: &Place<'_>, api: &Url, kind: &str, number: u64) -> Result<Told, Trouble> {
    let issue: Issue = place.json(api, &[kind, &number.to_string()], &[])?;
    let text = issue.description.or_else(|| issue.content?.raw);
    Ok(Told { title: issue.title, text: text.unwrap_or_default(), state: issue.state, ..Told::default() })
}

impl Author {
    fn name(self) -> Option<String> {
        let account = self.user.and_then(|user| user.display_name).or(self.name);
        account.or_else(|| Some(self.raw?.split('<').next()?.trim().to_owned()))
    }
}

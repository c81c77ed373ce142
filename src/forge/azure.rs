//! Azure DevOps: the service, under both of its addresses, and the server.
//!
//! Its API tells which files a commit touched, but no diff: the texts before and after are asked for, of a few files.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use imara_diff::{Algorithm, BasicLineDiffPrinter, Diff, InternedInput, UnifiedDiffConfig};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use url::Url;

use super::told::{File, Status, Told};
use super::{Place, Thing, Trouble, What, diff, hash, number, under};

/// Files of a commit whose texts are asked for.
const FILES: usize = 4;
/// A longer text is not compared.
const LONGEST: usize = 256 << 10;
const VERSION: (&str, &str) = ("api-version", "6.0");

/// `ORG/PROJECT/_git/REPO/commit/HASH`, `…/_git/REPO/pullrequest/1`, `ORG/PROJECT/_workitems/edit/1`. What stands before the mark
/// is as long as the address is: `https://ORG.visualstudio.com/PROJECT`, `https://tfs.example.com/COLLECTION/PROJECT`.
pub(super) fn read(parts: &[&str]) -> Option<Thing> {
    let at = parts.iter().position(|part| matches!(*part, "_git" | "_workitems"))?;
    let (before, rest) = parts.split_at_checked(at)?;
    let mut project: Vec<String> =
        before.iter().map(|part| named(part).then(|| (*part).to_owned())).collect::<Option<_>>()?;
    let what = match rest {
        ["_workitems", "edit", id, ..] => What::Issue(number(id)?),
        ["_git", repo, kind, id, ..] if named(repo) => {
            project.push((*repo).to_owned());
            match *kind {
                "commit" => hash(id)?,
                "pullrequest" => What::Merge(number(id)?),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(Thing { project, what })
}

/// Whether a part of a path is a name as projects have them here: with blanks and letters of any language.
fn named(part: &str) -> bool {
    let known = |c: char| c.is_alphanumeric() || " ._-()&+,'~".contains(c);
    (1..=100).contains(&part.len()) && part.chars().all(known) && !matches!(part, "." | "..")
}

/// A personal token is the password of nobody; what the login hands out is a token of three parts.
pub(super) fn proof(token: &str) -> String {
    if token.starts_with("eyJ") && token.matches('.').count() == 2 {
        return super::bearer(token);
    }
    let pair = if token.contains(':') { token.to_owned() } else { format!(":{token}") };
    format!("Basic {}", STANDARD.encode(pair))
}

#[derive(Deserialize)]
struct Commit {
    #[serde(default)]
    comment: String,
    author: Option<Person>,
    committer: Option<Person>,
    #[serde(default)]
    parents: Vec<String>,
}

#[derive(Deserialize)]
struct Person {
    name: Option<String>,
    date: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Changes {
    #[serde(default)]
    changes: Vec<Touched>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Touched {
    item: Item,
    #[serde(default)]
    change_type: String,
    source_server_item: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(default)]
    path: String,
    #[serde(default)]
    is_folder: bool,
    git_object_type: Option<String>,
    content: Option<String>,
}

#[derive(Deserialize)]
struct WorkItem {
    #[serde(default)]
    fields: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Pull {
    #[serde(default)]
    title: String,
    description: Option<String>,
    status: Option<String>,
}

pub(super) fn told(place: &Place<'_>, thing: &Thing) -> Result<Told, Trouble> {
    let parts: Vec<&str> = thing.project.iter().map(String::as_str).collect();
    let (repo, project) = parts.split_last().ok_or(Trouble::Unreadable)?;
    let repository = || {
        // The first repository of a project has its name, and its links leave the project out.
        let project = if project.len() < least(place.address) { &parts } else { project };
        let path: Vec<&str> = [project, ["_apis", "git", "repositories", repo].as_slice()].concat();
        under(place.address, &path, &[])
    };
    match &thing.what {
        What::Commit(hash) => commit(place, &repository(), hash),
        What::File { path, commit } => {
            Ok(Told { text: text(place, &repository(), &format!("/{path}"), commit)?, ..Told::default() })
        }
        What::Merge(number) => {
            let pull: Pull = place.json(&repository(), &["pullrequests", &number.to_string()], &[VERSION])?;
            let text = pull.description.unwrap_or_default();
            Ok(Told { title: pull.title, text, state: pull.status, ..Told::default() })
        }
        What::Issue(number) => {
            let path: Vec<&str> = [parts.as_slice(), ["_apis", "wit", "workitems"].as_slice()].concat();
            let api = under(place.address, &path, &[]);
            let item: WorkItem = place.json(&api, &[&number.to_string()], &[VERSION])?;
            let field = |name: &str| item.fields.get(name).and_then(serde_json::Value::as_str);
            let text = field("System.Description").or_else(|| field("Microsoft.VSTS.TCM.ReproSteps"));
            Ok(Told {
                title: field("System.Title").unwrap_or_default().to_owned(),
                text: without_tags(text.unwrap_or_default()),
                state: field("System.State").map(str::to_owned),
                ..Told::default()
            })
        }
    }
}

/// How many parts stand before `_git` when the project is among them.
fn least(address: &Url) -> usize {
    if address.host_str().is_some_and(|host| host.ends_with(".visualstudio.com")) { 1 } else { 2 }
}

fn commit(place: &Place<'_>, api: &Url, hash: &str) -> Result<Told, Trouble> {
    let commit: Commit = place.json(api, &["commits", hash], &[VERSION])?;
    let when = commit.committer.and_then(|committer| committer.date);
    let mut told = Told::commit(&commit.comment, commit.author.and_then(|author| author.name), when);
    let changes: Changes = match place.json(api, &["commits", hash, "changes"], &[("top", "200"), VERSION]) {
        Ok(changes) => changes,
        Err(trouble) => return Ok(Told { missing: Some(trouble), ..told }),
    };
    let is_file = |one: &Touched| !one.item.is_folder && one.item.git_object_type.as_deref() != Some("tree");
    let mut files: Vec<File> = changes.changes.into_iter().filter(is_file).map(Touched::file).collect();
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|index| files.get(*index).is_none_or(|file| diff::is_made_by_a_tool(&file.path)));
    for index in order.into_iter().take(FILES) {
        let Some(file) = files.get_mut(index) else { continue };
        match compare(place, api, hash, commit.parents.first(), file) {
            Ok(hunks) => {
                file.counts = (!hunks.is_empty()).then(|| diff::counts(&hunks));
                file.hunks = hunks;
            }
            Err(trouble) => told.missing = Some(trouble),
        }
    }
    told.files = files;
    Ok(told)
}

/// A file's text at a commit.
fn text(place: &Place<'_>, api: &Url, path: &str, hash: &str) -> Result<String, Trouble> {
    let query = [
        ("path", path),
        ("versionDescriptor.version", hash),
        ("versionDescriptor.versionType", "commit"),
        ("includeContent", "true"),
        ("$format", "json"),
        VERSION,
    ];
    let item: Item = place.json(api, &["items"], &query)?;
    Ok(item.content.unwrap_or_default())
}

/// The hunks between a file before and after a commit; none where one of them is no text.
fn compare(place: &Place<'_>, api: &Url, hash: &str, parent: Option<&String>, file: &File) -> Result<String, Trouble> {
    let text = |path: &str, hash: &str| text(place, api, path, hash).map(|text| text.replace("\r\n", "\n"));
    let path = |path: &str| format!("/{}", path.trim_start_matches('/'));
    let before = match (file.status, parent) {
        (Status::Added, _) | (_, None) => String::new(),
        (_, Some(parent)) => text(&path(file.before.as_ref().unwrap_or(&file.path)), parent)?,
    };
    let after = if file.status == Status::Removed { String::new() } else { text(&path(&file.path), hash)? };
    if [&before, &after].into_iter().any(|text| text.len() > LONGEST || text.contains('\0')) {
        return Ok(String::new());
    }
    let input = InternedInput::new(before.as_str(), after.as_str());
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let printer = BasicLineDiffPrinter(&input.interner);
    Ok(diff.unified_diff(&printer, UnifiedDiffConfig::default(), &input).to_string())
}

impl Touched {
    fn file(self) -> File {
        let has = |word: &str| self.change_type.split(',').any(|part| part.trim().eq_ignore_ascii_case(word));
        let status = match (has("add"), has("delete")) {
            (true, _) => Status::Added,
            (_, true) => Status::Removed,
            _ => Status::Modified,
        };
        let plain = |path: &str| path.trim_start_matches('/').to_owned();
        let before = self.source_server_item.as_deref().filter(|_| has("rename")).map(plain);
        File { path: plain(&self.item.path), before, status, ..File::default() }
    }
}

/// A text of a work item, which is written as HTML, as a reader sees it.
fn without_tags(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some((text, tag)) = rest.split_once('<') {
        out.push_str(text);
        let (tag, after) = tag.split_once('>').unwrap_or((tag, ""));
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        if matches!(&*name.to_ascii_lowercase(), "br" | "p" | "div" | "li" | "tr" | "h1" | "h2" | "h3" | "pre")
            && !out.ends_with('\n')
        {
            out.push('\n');
        }
        rest = after;
    }
    out.push_str(rest);
    // The last one gives back what was a sign of its own.
    let signs = [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    let text = signs.iter().fold(out, |text, (name, sign)| text.replace(name, sign));
    text.trim().to_owned()
}

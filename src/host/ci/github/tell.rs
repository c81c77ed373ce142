//! What is told by API, where the user wants it: one comment on the pull request, and a check run of the commit.

use std::cell::OnceCell;

use serde_json::{Value, json};

use crate::model::{Note, Notice};

use super::super::api::{Api, Trouble};
use super::super::{comment, cut, headline, neutral, note, places, summary};
use super::speak::TITLE;
use super::{GitHub, wire};

/// Bytes of a comment, and of a check run's page.
const PAGE: usize = 60_000;
/// Characters of a check run's title.
const LONGEST: usize = 250;
/// Pages of comments, a hundred each, in which ours is looked for.
const PAGES: usize = 5;

/// Tells `notices` in the ways that were asked for. What could not be told costs a note.
pub(super) fn tell(github: &GitHub, notices: &[Notice], notes: &mut Vec<Note>) {
    let Some(text) = summary(notices) else { return };
    if let (true, Some(pull)) = (github.settings.comment, github.pull)
        && let Err(trouble) = remark(github, pull, text)
    {
        notes.push(note(format!(
            "the comment on pull request {pull}: {trouble}; give the job `permissions: pull-requests: write`"
        )));
    }
    match (github.settings.check_run, github.alike, &github.commit) {
        (false, ..) => {}
        (true, Some(name), _) => notes.push(note(format!("the check run: {name} has none"))),
        (true, None, None) => notes.push(note("the check run: the commit is not known; set GITHUB_SHA")),
        (true, None, Some(commit)) => {
            if let Err(trouble) = check_run(github, commit, text, notices) {
                notes.push(note(format!("the check run: {trouble}; give the job `permissions: checks: write`")));
            }
        }
    }
}

/// Writes the comment, or writes over the one that an earlier run of this job left.
fn remark(github: &GitHub, pull: u64, text: &str) -> Result<(), Trouble> {
    let api = github.api()?;
    let root = github.root();
    let mark = format!("<!-- firefighter:{}:{} -->", plain(&github.workflow), plain(&github.job));
    let body = json!({ "body": comment(&mark, text, PAGE) });
    let _: Value = match ours(&api, &format!("{root}/issues/{pull}/comments"), &mark)? {
        Some(id) => api.tell("PATCH", &format!("{root}/issues/comments/{id}"), &body)?,
        None => api.tell("POST", &format!("{root}/issues/{pull}/comments"), &body)?,
    };
    Ok(())
}

/// The number of our comment.
fn ours(api: &Api, list: &str, mark: &str) -> Result<Option<u64>, Trouble> {
    let me = OnceCell::new();
    // The token of a job is a bot's, who may not ask who it is; that of a person may.
    let is_me = |login: &str| {
        me.get_or_init(|| api.get::<wire::User>("user").ok()).as_ref().is_some_and(|me| me.login == login)
    };
    for page in 1..=PAGES {
        let known: Vec<wire::Comment> = api.get(&format!("{list}?per_page=100&page={page}"))?;
        // Anybody can write the mark into a comment of theirs.
        let is_ours = |one: &&wire::Comment| {
            let marked = one.body.as_deref().is_some_and(|body| body.starts_with(mark));
            marked && one.user.as_ref().is_some_and(|user| user.kind == "Bot" || is_me(&user.login))
        };
        if let Some(one) = known.iter().find(is_ours) {
            return Ok(Some(one.id));
        }
        if known.len() < 100 {
            break;
        }
    }
    Ok(None)
}

/// Tells the report beside the commit. Neutral always: a check that failed would block a merge for the second time.
fn check_run(github: &GitHub, commit: &str, text: &str, notices: &[Notice]) -> Result<(), Trouble> {
    let title: String = neutral::one_line(headline(notices)).chars().take(LONGEST).collect();
    let annotation = |(file, line): (&str, Option<usize>)| {
        let line = line.unwrap_or(1);
        json!({ "path": file, "start_line": line, "end_line": line, "annotation_level": "warning", "title": TITLE, "message": title })
    };
    let annotations: Vec<Value> = places(notices, github.workspace.as_deref()).into_iter().map(annotation).collect();
    let output = json!({ "title": title, "summary": cut(text, PAGE), "annotations": annotations });
    let body =
        json!({ "name": TITLE, "head_sha": commit, "status": "completed", "conclusion": "neutral", "output": output });
    let _: Value = github.api()?.tell("POST", &format!("{}/check-runs", github.root()), &body)?;
    Ok(())
}

/// A name that cannot end a comment of HTML.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || " ._/".contains(c) { c } else { '_' }).collect()
}

//! A model's answer, held against the evidence: it cites line ids, and what it quotes must stand in the case.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::model::{Author, Case, Confidence, Diagnosis, Fix, FixKind, Hypothesis, Retry};
use crate::tree;

use super::danger::dangerous;
use super::held::{Ground, fold, quoted, supports};
use super::prompt::Prompt;
use super::proposal::{self, Proposal};

/// More explanations, or fixes, than this help nobody; nor do more lines for one of them.
const MOST: usize = 5;
pub(super) const MOST_LINES: usize = 12;
/// Characters of a summary or an explanation, of a step of advice.
const LONGEST_SUMMARY: usize = 900;
pub(super) const LONGEST_STEP: usize = 600;
/// The quotation itself is not repeated: whoever skims would take it for the log's.
const INVENTED: &str = "it quotes what is not in the log";

/// Why an answer can't be used: a line for the reader.
#[derive(Debug, Error)]
pub(super) enum Flaw {
    /// It has not the shape asked for; asking again may help.
    #[error("it is not the JSON asked for: {0}")]
    NotJson(String),
    /// It has that shape as far as it goes.
    #[error("it ends in the middle")]
    Cut,
    /// It does not hold against the evidence.
    #[error("{0}")]
    Untrue(String),
}

/// A text of at least this length that stands in the instructions was copied from there.
const COPY: usize = 16;

#[derive(Deserialize)]
struct Answer {
    summary: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    retry: String,
    #[serde(default)]
    hypotheses: Vec<Claim>,
    #[serde(default)]
    fixes: Vec<Proposal>,
}

#[derive(Deserialize)]
struct Claim {
    cause: String,
    // Small models leave out the letter, and then the quotes.
    #[serde(default)]
    lines: Vec<Value>,
    #[serde(default)]
    check: Option<String>,
    #[serde(default)]
    command: Option<String>,
    #[serde(default)]
    disproof: Option<String>,
}

/// A diagnosis by `author` from `reply` to `question`, and remarks on what of it did not hold.
pub(super) fn check(
    reply: &str,
    case: &Case,
    known: &Diagnosis,
    author: Author,
    question: &Prompt,
) -> Result<(Diagnosis, Vec<String>), Flaw> {
    // Local models think aloud first.
    let reply = reply.rsplit_once("</think>").map_or(reply, |(_, answer)| answer);
    let object = reply.find('{').zip(reply.rfind('}')).and_then(|(start, end)| reply.get(start..=end));
    let answer: Answer = tree::read(object.unwrap_or_default()).map_err(|error| {
        let began = reply.contains('{');
        if began && error.is_eof() { Flaw::Cut } else { Flaw::NotJson(error.to_string()) }
    })?;
    let ground = Ground::of(case);
    if ground.invents(&answer.summary) {
        return Err(Flaw::Untrue(INVENTED.to_owned()));
    }
    if answer.summary.trim().is_empty() {
        return Err(Flaw::Untrue("it says nothing".to_owned()));
    }
    if parrots(&answer.summary, question) {
        return Err(Flaw::Untrue("it repeats the question".to_owned()));
    }
    if ground.denies(&answer.summary) {
        return Err(Flaw::Untrue("it says that nothing failed".to_owned()));
    }
    let mut remarks = Vec::new();
    let mut hypotheses: Vec<Hypothesis> = Vec::new();
    let mut surest = None;
    for claim in answer.hypotheses {
        // Small models copy the form they were shown.
        if hypotheses.len() == MOST || parrots(&claim.cause, question) || claim.cause.trim().is_empty() {
            continue;
        }
        if let Some(flaw) = flaw_of(&claim.cause, &ground) {
            remarks.push(format!("an explanation by the model was dropped: {flaw}"));
            continue;
        }
        let (one, strength) = explained(claim, case, &ground);
        // Guesses come after what the log shows.
        if hypotheses.first().is_none_or(|first| first.citations.is_empty() && !one.citations.is_empty()) {
            hypotheses.insert(0, one);
            surest = Some(strength);
        } else {
            let guess = one.citations.is_empty();
            let at = hypotheses.iter().position(|other| !guess && other.citations.is_empty());
            hypotheses.insert(at.unwrap_or(hypotheses.len()), one);
        }
    }
    let kind = answer.kind.trim().to_ascii_lowercase();
    let is_label = !kind.is_empty() && kind.len() <= 40 && kind.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let kind = (is_label && kind != "unknown" && !hypotheses.is_empty()).then_some(kind);
    let shown = hypotheses.first().is_some_and(|first| !first.citations.is_empty());
    let agrees = kind.is_some() && kind == known.kind;
    let (summary, foreign) = ground.told(&brief(&answer.summary, LONGEST_SUMMARY));
    let holds = surest == Some(Strength::Shown) && !foreign;
    if !shown && known.confidence >= Confidence::Medium {
        return Err(Flaw::Untrue("it cites no line, where the catalogue does".to_owned()));
    }
    if hypotheses.is_empty() && !known.hypotheses.is_empty() {
        return Err(Flaw::Untrue("it names no cause, where the catalogue does".to_owned()));
    }
    // Ours, from what can be checked: what the model says of its own certainty is not asked for.
    let confidence = match (shown, agrees, holds) {
        (true, true, true) => Confidence::High,
        (true, true, false) | (true, false, true) => Confidence::Medium,
        _ if hypotheses.is_empty() => Confidence::None,
        _ => Confidence::Low,
    };
    if !agrees && known.confidence == Confidence::High {
        // What the catalogue is sure of is told beside it, with the line that shows it.
        let other = known.hypotheses.first().filter(|other| !hypotheses.iter().any(|one| one.cause == other.cause));
        hypotheses.extend(other.cloned());
    }
    let retry = match answer.retry.as_str() {
        "helps" => Some(Retry::Helps),
        "maybe" => Some(Retry::Maybe),
        "no" => Some(Retry::No),
        _ => known.retry.filter(|_| agrees),
    };
    let mut fixes: Vec<Fix> = known.fixes.iter().filter(|fix| agrees && fix.kind != FixKind::Person).cloned().collect();
    for proposal in answer.fixes.into_iter().take(MOST) {
        // Its steps may name commands that stand nowhere yet; its reason may not.
        if let Some(flaw) = flaw_of(&proposal.why, &ground) {
            remarks.push(format!("advice by the model was dropped: {flaw}"));
            continue;
        }
        fixes.extend(proposal::fix(&proposal, case, &ground, &mut remarks));
    }
    let domain = known.domain.filter(|_| agrees);
    Ok((Diagnosis { summary, kind, domain, retry, hypotheses, fixes, confidence, author }, remarks))
}

/// What a claim rests on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strength {
    /// A line that it cites says something of it, and each name in it stands in the case.
    Shown,
    /// Less.
    Doubtful,
}

/// Why a claim is dropped, in words for a reader.
fn flaw_of(claim: &str, ground: &Ground) -> Option<String> {
    if ground.denies(claim) {
        return Some("it says that nothing failed".to_owned());
    }
    ground.invents(claim).then(|| INVENTED.to_owned())
}

fn explained(claim: Claim, case: &Case, ground: &Ground) -> (Hypothesis, Strength) {
    let number = |id: &Value| match id {
        Value::String(id) => id.trim_start_matches(['L', 'l']).parse::<usize>().ok(),
        id => id.as_u64().and_then(|id| usize::try_from(id).ok()),
    };
    let mut citations: Vec<usize> = claim.lines.iter().filter_map(number).collect();
    citations.retain(|id| case.line(*id).is_some());
    // Who quotes a line has cited it, whatever number it gave.
    let lines = || case.excerpts.iter().flat_map(|excerpt| &excerpt.lines);
    citations.extend(quoted(&claim.cause).filter_map(|said| Some(lines().find(|line| said(&line.text))?.id)));
    let mut seen = BTreeSet::new();
    citations.retain(|id| seen.insert(*id));
    citations.truncate(MOST_LINES);
    let (said, foreign) = ground.told(&brief(&claim.cause, LONGEST_SUMMARY));
    let lines: Vec<&str> = citations.iter().filter_map(|id| case.line(*id)).map(|line| line.text.as_str()).collect();
    // A known failure's line says what it means, in other words than its own.
    let recognised =
        || case.matches.iter().filter(|found| citations.contains(&found.line)).map(|found| &found.signature);
    let meant = recognised().flat_map(|signature| [&signature.title, &signature.cause, &signature.kind]);
    let meant: Vec<&str> = meant.map(String::as_str).collect();
    let shown = !foreign && (supports(&said, &lines) || supports(&said, &meant));
    let strength = if shown { Strength::Shown } else { Strength::Doubtful };
    let told = |text: Option<String>| {
        let text = ground.at_home(&brief(&text?, LONGEST_STEP));
        Some(text).filter(|text| !text.trim().is_empty() && dangerous(text).is_none())
    };
    let (check, command, disproof) = (told(claim.check), told(claim.command), told(claim.disproof));
    (Hypothesis { cause: said, citations, check, command, disproof, signature: None, links: Vec::new() }, strength)
}

/// `text` in at most `most` characters: whoever says more says nothing that anyone reads.
pub(super) fn brief(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whether `text` is but a piece of the instructions, or the id of a line.
fn parrots(text: &str, question: &Prompt) -> bool {
    let text = text.trim();
    let id = text.strip_prefix('L').is_some_and(|rest| rest.parse::<usize>().is_ok());
    id || text == "..." || (text.len() >= COPY && fold(&question.system).contains(&fold(text)))
}

#[cfg(test)]
mod tests;

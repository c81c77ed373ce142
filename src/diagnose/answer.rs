//! A model's answer, held against the evidence: it cites line ids, and what it quotes must stand in the case.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::model::{Author, Case, Confidence, Diagnosis, Fix, FixKind, Hypothesis, Retry};

use super::fix;
use super::prompt::Prompt;

/// A quotation shorter than this is taken for a word and not for a claim about the log.
const QUOTATION: usize = 6;

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
}

#[derive(Deserialize)]
struct Proposal {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    why: String,
    #[serde(default)]
    steps: Vec<String>,
    #[serde(default)]
    script: String,
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
    let answer: Answer = serde_json::from_str(object.unwrap_or_default()).map_err(|error| {
        let began = reply.contains('{');
        if began && error.is_eof() { Flaw::Cut } else { Flaw::NotJson(error.to_string()) }
    })?;
    let corpus = corpus(case);
    let mut remarks = Vec::new();
    let mut hypotheses = Vec::new();
    for claim in answer.hypotheses {
        if let Some(invented) = invention(&claim.cause, &corpus) {
            remarks.push(format!(
                "an explanation by the model was dropped: it quotes \"{invented}\", which is not in the log"
            ));
            continue;
        }
        // Small models copy the form they were shown.
        if parrots(&claim.cause, question) {
            continue;
        }
        let number = |id: &Value| match id {
            Value::String(id) => id.trim_start_matches(['L', 'l']).parse::<usize>().ok(),
            id => id.as_u64().and_then(|id| usize::try_from(id).ok()),
        };
        let citations: Vec<usize> =
            claim.lines.iter().filter_map(number).filter(|id| case.line(*id).is_some()).collect();
        let check = claim.check.filter(|check| !check.trim().is_empty());
        hypotheses.push(Hypothesis {
            cause: claim.cause,
            citations,
            check,
            command: None,
            disproof: None,
            signature: None,
            links: Vec::new(),
        });
    }
    // Guesses come after what the log shows.
    hypotheses.sort_by_key(|hypothesis| hypothesis.citations.is_empty());
    if let Some(invented) = invention(&answer.summary, &corpus) {
        return Err(Flaw::Untrue(format!("it quotes \"{invented}\", which is not in the log")));
    }
    if answer.summary.trim().is_empty() {
        return Err(Flaw::Untrue("it says nothing".to_owned()));
    }
    if parrots(&answer.summary, question) {
        return Err(Flaw::Untrue("it repeats the question".to_owned()));
    }
    let kind = answer.kind.trim().to_ascii_lowercase();
    let is_label = !kind.is_empty() && kind.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let kind = (is_label && kind != "unknown" && !hypotheses.is_empty()).then_some(kind);
    let shown = hypotheses.first().is_some_and(|first| !first.citations.is_empty());
    let agrees = kind.is_some() && kind == known.kind;
    let confidence = match (shown, agrees) {
        (true, true) => Confidence::High,
        (true, false) => Confidence::Medium,
        (false, _) if hypotheses.is_empty() => Confidence::None,
        (false, _) => Confidence::Low,
    };
    let retry = match answer.retry.as_str() {
        "helps" => Some(Retry::Helps),
        "maybe" => Some(Retry::Maybe),
        "no" => Some(Retry::No),
        _ => known.retry.filter(|_| agrees),
    };
    let mut fixes: Vec<Fix> = known.fixes.iter().filter(|fix| agrees && fix.kind != FixKind::Person).cloned().collect();
    for proposal in answer.fixes {
        // Its steps may name commands that stand nowhere yet; its reason may not.
        if let Some(invented) = invention(&proposal.why, &corpus) {
            remarks
                .push(format!("advice by the model was dropped: it quotes \"{invented}\", which is not in the case"));
            continue;
        }
        fixes.extend(proposed(proposal, case));
    }
    let domain = known.domain.filter(|_| agrees);
    let diagnosis = Diagnosis { summary: answer.summary, kind, domain, retry, hypotheses, fixes, confidence, author };
    Ok((diagnosis, remarks))
}

fn proposed(proposal: Proposal, case: &Case) -> Option<Fix> {
    let before = case.definitions.iter().find_map(|definition| definition.script.as_ref());
    let diff = before
        .filter(|_| !proposal.script.trim().is_empty())
        .map(|script| fix::unified(script, &script.body, &proposal.script));
    let kind = match (proposal.kind.as_str(), &diff) {
        (_, Some(_)) => FixKind::Script,
        ("setting", None) => FixKind::Setting,
        _ => FixKind::Person,
    };
    let steps: Vec<String> = proposal.steps.into_iter().filter(|step| !step.trim().is_empty()).collect();
    let says_something =
        !proposal.title.trim().is_empty() && (!steps.is_empty() || diff.is_some() || !proposal.why.is_empty());
    says_something.then_some(Fix { kind, title: proposal.title, why: proposal.why, steps, diff, ..Fix::default() })
}

/// Whether `text` is but a piece of the instructions, or the id of a line.
fn parrots(text: &str, question: &Prompt) -> bool {
    let text = text.trim();
    let id = text.strip_prefix('L').is_some_and(|rest| rest.parse::<usize>().is_ok());
    id || text == "..." || (text.len() >= COPY && fold(&question.system).contains(&fold(text)))
}

/// All the text that a claim may quote.
fn corpus(case: &Case) -> String {
    let lines = case.excerpts.iter().flat_map(|excerpt| &excerpt.lines).map(|line| line.text.as_str());
    let scripts = case.definitions.iter().filter_map(|one| one.script.as_ref()).map(|script| script.body.as_str());
    let settings = case.definitions.iter().flat_map(|one| {
        let texts = [&one.path_to_settings, &one.container, &one.runs_on, &one.condition];
        texts.into_iter().flatten().chain(&one.packages).chain(std::iter::once(&one.step)).map(String::as_str)
    });
    let run = &case.run;
    let facts =
        [Some(&run.title), run.project.as_ref(), run.environment.as_ref(), run.version.as_ref(), run.error.as_ref()];
    let context = case.context.iter().map(|context| context.text.as_str());
    let steps = case.steps.iter().map(|step| step.name.as_str());
    let facts = facts.into_iter().flatten().map(String::as_str);
    fold(&lines.chain(scripts).chain(settings).chain(facts).chain(context).chain(steps).collect::<Vec<_>>().join("\n"))
}

/// The first quotation in `text` that `corpus` does not hold.
fn invention(text: &str, corpus: &str) -> Option<String> {
    let quoted = ['`', '"'].into_iter().flat_map(|mark| text.split(mark).skip(1).step_by(2));
    quoted
        .map(str::trim)
        .filter(|quoted| quoted.len() >= QUOTATION)
        .find(|quoted| {
            // A quotation may leave out its middle.
            let mut parts =
                quoted.split("...").flat_map(|part| part.split('…')).map(fold).filter(|part| !part.is_empty());
            parts.any(|part| !corpus.contains(&part))
        })
        .map(str::to_owned)
}

/// Case and white space do not make another quotation.
fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_question_is_no_answer() {
        let system = "Answer: {\"summary\": \"the cause in one or two sentences\"}, such as dns".to_owned();
        let question = Prompt { system, user: String::new() };
        let check = |text: &str, expected: bool| assert_eq!(parrots(text, &question), expected, "{text}");
        check("the cause in one or two sentences", true);
        check("The cause in one or two  sentences", true);
        check("L12", true);
        check("...", true);
        check("dns", false);
        check("The name does not resolve.", false);
    }

    #[test]
    fn a_quotation_must_stand_in_the_case() {
        let corpus = fold("GET https://ghcr.io/v2: TOOMANYREQUESTS: retry-after: 804µs");
        assert_eq!(invention("It says `TOOMANYREQUESTS:  Retry-After`", &corpus), None);
        assert_eq!(invention("It says \"GET ... retry-after\"", &corpus), None);
        assert_eq!(invention("It says `connection refused`", &corpus), Some("connection refused".to_owned()));
        assert_eq!(invention("A `word` alone is no claim", &corpus), None);
    }
}

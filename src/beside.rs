//! One answer of a model for a failure that many runs share, so that a deployment gone wrong for 500 tenants costs a handful of
//! questions.
//!
//! A run that asked a model keeps the answer with itself under a name that only the same failure has. Whoever fails alike in the
//! same release looks for it before asking. What is found is a stranger's word, as a model's is: it is held against this run's own
//! lines by the same rules. Where many runs are under way, each waits before it asks, and few of them only a little; whom a busy model
//! refuses waits once more.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::diagnose::{self, Asked, Choice, Given};
use crate::host::Host;
use crate::http::{self, Http};
use crate::model::{Author, Case, Diagnosis, Exchange, Note, Stage};
use crate::redact::Redacted;
use crate::tree;

/// What a kept answer calls itself.
const SCHEMA: &str = "firefighter.answer/1";
/// From so many runs at once on, asking waits.
const MANY: usize = 8;
/// The share of the time left that the longest wait may take.
const SHARE: u32 = 2;
/// The parts of a wait, after each of which is looked for an answer. Most waits end late, and so do the looks.
const LOOKS: [f64; 2] = [0.75, 0.25];
/// Characters of a name that a stranger wrote.
const LONGEST: usize = 80;

/// A model's answer, and the lines that it cites.
#[derive(Serialize, Deserialize)]
struct Kept {
    schema: String,
    provider: String,
    model: String,
    /// The cited lines by their ids, masked.
    lines: Map<String, Value>,
    answer: Value,
}

/// The answer behind `diagnosis`, as a file for others: its name and what it holds. `None` where no model of our own gave one.
#[must_use]
pub fn kept(
    case: &Redacted<Case>,
    diagnosis: &Redacted<Diagnosis>,
    exchanges: &Redacted<Vec<Exchange>>,
) -> Option<(String, String)> {
    let Author::Llm { provider, model } = &diagnosis.author else { return None };
    // Another run's answer may stand after one of our own that did not hold.
    let is_its = |exchange: &&Exchange| (&exchange.provider, &exchange.model) == (provider, model);
    let mut answered = exchanges.iter().rev().filter(is_its);
    let answered = answered.find(|exchange| exchange.status == Some(200))?;
    let answer: Value = serde_json::from_str(object(&answered.answer)?).ok()?;
    let cited = diagnosis.hypotheses.iter().flat_map(|hypothesis| &hypothesis.citations);
    let lines = cited.filter_map(|id| Some((format!("L{id}"), Value::String(case.line(*id)?.text.clone())))).collect();
    let (provider, model) = (provider.clone(), model.clone());
    let kept = Kept { schema: SCHEMA.to_owned(), provider, model, lines, answer };
    Some((name(case), serde_json::to_string(&kept).ok()? + "\n"))
}

/// Diagnoses `case` as [`diagnose::diagnose`] does, but by the answer that another run was given for the same failure, where there is
/// one that holds.
pub fn diagnose(
    case: &Redacted<Case>,
    choice: &Choice,
    host: &dyn Host,
    http: &Http,
    notes: &mut Vec<Note>,
    tell: &mut dyn FnMut(&str),
) -> Asked {
    let name = name(case);
    let mut found = host.beside(&name);
    let crowd = if found.is_none() { host.under_way() } else { 0 };
    let pause = || pause(RandomState::new().hash_one(&case.run.id), crowd, http.left() / SHARE);
    if crowd >= MANY {
        tell("Waiting whether another run finds the cause");
        let wait = pause();
        found = LOOKS.iter().find_map(|part| {
            thread::sleep(wait.mul_f64(*part));
            host.beside(&name)
        });
    }
    // Of many whom a busy model refuses, each gives way: one answer is enough for all.
    let gives_way = crowd >= MANY && found.is_none();
    if let Some(taken) = found.and_then(|found| taken(&found, case, choice, notes)) {
        return taken;
    }
    if !gives_way {
        return diagnose::diagnose(case, choice, http, notes, tell);
    }
    let (once, mut remarks) = (Choice { once: true, ..choice.clone() }, Vec::new());
    let mut asked = diagnose::diagnose(case, &once, http, &mut remarks, tell);
    if asked.diagnosis.author == Author::Rules {
        let is_busy = asked.exchanges.iter().any(|exchange| exchange.status.is_some_and(http::is_passing));
        if is_busy {
            tell("The model is busy: waiting whether another run is answered");
            thread::sleep(pause());
        }
        let mut later = Vec::new();
        let taken = host.beside(&name).and_then(|found| taken(&found, case, choice, &mut later));
        let again = taken.or_else(|| is_busy.then(|| diagnose::diagnose(case, &once, http, &mut later, tell)));
        if let Some(again) = again {
            asked.diagnosis = again.diagnosis;
            asked.usage.extend(again.usage);
            asked.exchanges.extend(again.exchanges);
            remarks = later;
        }
    }
    notes.extend(remarks);
    asked
}

/// A diagnosis from the answer in `text`, which a model gave in `run`. `None` where it does not hold here.
fn taken(
    (run, text): &(String, String),
    case: &Redacted<Case>,
    choice: &Choice,
    notes: &mut Vec<Note>,
) -> Option<Asked> {
    let given = given(run, text, case)?;
    let mut note = |text: String| notes.push(Note { stage: Stage::Diagnose, text });
    match diagnose::hold(&given, case, choice) {
        Ok((diagnosis, remarks)) => {
            note(format!(
                "the same failure was put to a model in {run}: its answer was held against the lines of this run"
            ));
            remarks.into_iter().for_each(note);
            Some(Asked { diagnosis, usage: Vec::new(), exchanges: Vec::new() })
        }
        Err(reason) => {
            note(format!("the answer that a model gave in {run} does not hold here ({reason})"));
            None
        }
    }
}

/// The file's name: the same for the same failure, as far as the catalogue and the lines alone tell.
fn name(case: &Redacted<Case>) -> String {
    let known = Asked::of_rules(case).diagnosis;
    format!("firefighter-answer-{}.json", diagnose::fingerprint(case, &known))
}

/// The answer in `text` with the ids that its lines have here; a line that is not here is not cited.
fn given(run: &str, text: &str, case: &Case) -> Option<Given> {
    let kept: Kept = tree::read(text).ok().filter(|kept: &Kept| kept.schema == SCHEMA)?;
    let here = || case.excerpts.iter().flat_map(|excerpt| &excerpt.lines);
    let id = |theirs: &Value| {
        let said = match theirs {
            Value::String(id) => id.trim_start_matches(['L', 'l']).to_owned(),
            other => other.to_string(),
        };
        let text = kept.lines.get(&format!("L{said}"))?.as_str()?;
        let same = here().find(|line| line.text == text);
        let alike = || here().find(|line| words(&line.text).eq(words(text)));
        same.or_else(alike).map(|line| Value::String(format!("L{}", line.id)))
    };
    let mut answer = kept.answer.clone();
    for claim in answer.get_mut("hypotheses").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(lines) = claim.get_mut("lines").and_then(Value::as_array_mut) {
            *lines = lines.iter().filter_map(id).collect();
        }
    }
    let brief = |text: &str| text.chars().filter(|c| !c.is_control()).take(LONGEST).collect::<String>();
    let (provider, model) = (brief(&kept.provider), brief(&kept.model));
    Some(Given { text: answer.to_string(), from: format!("{provider}, asked in {}", brief(run)), model })
}

/// The words of a line but for numbers and ids, which differ from run to run.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| !c.is_alphanumeric());
    parts.filter(|word| !word.is_empty() && !word.chars().any(|c| c.is_ascii_digit()))
}

/// The JSON object in a reply, which may have words around it.
fn object(reply: &str) -> Option<&str> {
    let reply = reply.rsplit_once("</think>").map_or(reply, |(_, answer)| answer);
    reply.get(reply.find('{')?..=reply.rfind('}')?)
}

/// How long one of `crowd` waits, by a `chance` of its own: `most` at the longest. The later, the likelier, and the more so the
/// more there are: so whatever their number, a few are so much earlier than the rest that these hear their answer.
fn pause(chance: u64, crowd: usize, most: Duration) -> Duration {
    // Both are small enough to be exact.
    let (chance, crowd) = ((chance >> 40) as u32, u32::try_from(crowd).unwrap_or(u32::MAX));
    let (share, steep) = (f64::from(chance) / f64::from(1 << 24), f64::from(crowd).ln() + 1.0);
    most.mul_f64(((share * steep.exp_m1()).ln_1p() / steep).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Confidence, Excerpt, ExcerptLine, Level};
    use crate::redact::sealed_for_tests;

    #[test]
    fn of_any_number_a_few_are_early() {
        for crowd in [8_usize, 50, 500, 5_000] {
            let most = Duration::from_secs(30);
            let chance = |at: usize| (u64::MAX / crowd as u64) * at as u64;
            let mut waits: Vec<Duration> = (0..crowd).map(|at| pause(chance(at), crowd, most)).collect();
            waits.sort();
            assert!(waits.iter().all(|wait| *wait <= most));
            let first = waits[0] + Duration::from_secs(6);
            let early = waits.iter().filter(|wait| **wait < first).count();
            assert!((1..=8).contains(&early), "{early} of {crowd} ask before the first one hears its answer");
        }
    }

    #[test]
    fn an_answer_of_ours_that_did_not_hold_is_not_kept_with_what_another_run_was_told() {
        let kept = |author: &str| {
            let diagnosis = Diagnosis {
                summary: String::new(),
                kind: None,
                domain: None,
                retry: None,
                hypotheses: Vec::new(),
                fixes: Vec::new(),
                confidence: Confidence::Low,
                author: Author::Llm { provider: author.to_owned(), model: "M".to_owned() },
            };
            let exchange = Exchange {
                provider: "P".to_owned(),
                model: "M".to_owned(),
                address: String::new(),
                request: String::new(),
                status: Some(200),
                answer: "{}".to_owned(),
            };
            let case = sealed_for_tests(Case::default());
            super::kept(&case, &sealed_for_tests(diagnosis), &sealed_for_tests(vec![exchange])).is_some()
        };
        assert!(kept("P"));
        assert!(!kept("P, asked in ServerTasks-1"));
    }

    #[test]
    fn a_line_is_found_by_its_words_and_a_line_that_is_not_here_is_not_cited() {
        let line = |id: usize, text: &str| ExcerptLine {
            id,
            number: id,
            level: Level::Error,
            time: None,
            text: text.to_owned(),
        };
        let lines = vec![line(4, "starting"), line(7, "login to storage-0042 failed")];
        let excerpt = Excerpt { step: None, lines, reason: String::new(), repeats: 0 };
        let case = Case { excerpts: vec![excerpt], ..Case::default() };
        let text = |schema: &str| {
            format!(
                r#"{{"schema":"{schema}","provider":"P","model":"M","lines":{{"L2":"login to storage-0017 failed","L3":"gone"}},
                "answer":{{"summary":"s","hypotheses":[{{"cause":"c","lines":["L2","L3",9,2]}}]}}}}"#
            )
        };
        let given = given("ServerTasks-1", &text(SCHEMA), &case).unwrap();
        assert_eq!(given.text, r#"{"hypotheses":[{"cause":"c","lines":["L7","L7"]}],"summary":"s"}"#);
        assert_eq!((given.from.as_str(), given.model.as_str()), ("P, asked in ServerTasks-1", "M"));
        assert!(super::given("ServerTasks-1", &text("other"), &case).is_none());
    }
}

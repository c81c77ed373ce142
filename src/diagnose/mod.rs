//! A sealed case into a diagnosis: by the model if one is set, else by the catalogue of known failures.
//!
//! What comes in has been masked, what goes out cites lines of it. The catalogue's word always exists; a model's answer
//! replaces it only when it holds against the evidence. Nothing is written here: whoever wants the books gets them.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http::Http;
use crate::model::{Author, Case, Confidence, Diagnosis, Exchange, Note, Stage, Usage};
use crate::redact::Redacted;

use self::answer::Flaw;
use self::ask::Talk;
use self::prompt::{Prompt, Room};
use self::provider::Structure;
use self::talk::{Question, Turn};

mod answer;
mod anthropic;
mod ask;
mod bedrock;
mod danger;
pub mod facts;
mod fingerprint;
mod fix;
mod gemini;
mod held;
mod openai;
mod pairs;
mod parses;
mod parts;
mod patch;
pub mod prompt;
mod proposal;
pub mod provider;
mod responses;
mod rules;
mod shape;
mod share;
mod sign;
mod stream;
mod talk;

pub use ask::Limits;
pub use fingerprint::fingerprint;
pub use provider::{Key, Model};
pub use sign::{AccessKey, region};

/// The longest that a model is waited for to say that it is there.
const EXAMINATION: Duration = Duration::from_secs(20);

/// How to diagnose beyond the catalogue.
#[derive(Clone)]
pub struct Choice {
    /// The models to ask: the first, and each further one when those before it gave no answer that holds. Often none.
    pub models: Vec<Model>,
    /// An answer that someone got elsewhere; no model is asked then.
    pub answer: Option<Given>,
    /// What may be spent.
    pub limits: Limits,
    /// The size of a text in tokens.
    pub count: fn(&str) -> usize,
    /// What the user wants to know, in the user's own words; `None` for the cause and the way out.
    pub question: Option<String>,
    /// Whether an answer may be another run's that failed alike, and is kept for such runs.
    pub shared: bool,
    /// Whether a question is not sent again to a model that is too busy for it.
    pub once: bool,
}

impl Choice {
    /// What a question to the first model may take; without one, all it needs.
    #[must_use]
    pub fn room(&self) -> Room {
        self.models.first().map_or(Room { most: None, count: self.count }, |model| self.room_of(model))
    }

    /// The most tokens a question to `model` may have, by our count, so that it can read it beside its answer; no most where
    /// no limit is known. The schema that goes with it is taken off.
    fn room_of(&self, model: &Model) -> Room {
        let context = model.facts.question_tokens();
        // Of what the user allows, a quarter is for the answer.
        let limit = self.limits.tokens.map(|most| model.facts.uncounted(most / 4 * 3));
        let most = context.into_iter().chain(limit).min();
        let schema = || (self.count)(&shape::schema());
        Room { most: most.map(|most| most.saturating_sub(schema())), count: self.count }
    }
}

impl Default for Choice {
    /// Nobody is asked.
    fn default() -> Self {
        Self {
            models: Vec::new(),
            answer: None,
            limits: Limits::default(),
            count: str::len,
            question: None,
            shared: false,
            once: false,
        }
    }
}

/// An answer got elsewhere for the question that `prompt` prints.
#[derive(Debug, Clone)]
pub struct Given {
    /// The answer.
    pub text: String,
    /// Where it stands, for people.
    pub from: String,
    /// The model that gave it, as far as the user said.
    pub model: String,
}

/// A diagnosis, and what it took.
pub struct Asked {
    /// The diagnosis.
    pub diagnosis: Diagnosis,
    /// What was spent, a question each.
    pub usage: Vec<Usage>,
    /// What was sent and what came back. Not sealed yet: a model can say anything.
    pub exchanges: Vec<Exchange>,
}

impl Asked {
    /// What the catalogue alone makes of `case`.
    #[must_use]
    pub fn of_rules(case: &Redacted<Case>) -> Self {
        Self { diagnosis: rules::diagnose(case), usage: Vec::new(), exchanges: Vec::new() }
    }
}

/// Diagnoses `case`. Trouble with the model costs a note, never the diagnosis. `tell` hears how far the answer is.
pub fn diagnose(
    case: &Redacted<Case>,
    choice: &Choice,
    http: &Http,
    notes: &mut Vec<Note>,
    tell: &mut dyn FnMut(&str),
) -> Asked {
    let known = rules::diagnose(case);
    let mut talk = talk(choice, http, tell);
    let mut note = |text: String| notes.push(Note { stage: Stage::Diagnose, text });
    if let Some(given) = &choice.answer {
        let diagnosis = match hold(given, case, choice) {
            Ok((diagnosis, remarks)) => {
                remarks.into_iter().for_each(note);
                diagnosis
            }
            Err(reason) => {
                note(format!("the answer in {} was not used ({reason}): the diagnosis is the catalogue's", given.from));
                known
            }
        };
        return Asked { diagnosis, usage: Vec::new(), exchanges: Vec::new() };
    }
    let mut diagnosis = None;
    for (at, model) in choice.models.iter().enumerate() {
        let prompt = prompt::write(case, choice.question.as_deref(), choice.room_of(model));
        let next = choice.models.get(at + 1);
        // With another to ask, the first may not take all the time there is.
        let left = http.left().saturating_sub(ask::RESERVE);
        let time = if next.is_some() { left.mul_f64(0.6) } else { left };
        match consult(&mut talk, model, &prompt, (case, &known), time) {
            Ok((answer, remarks)) => {
                remarks.into_iter().for_each(&mut note);
                diagnosis = Some(answer);
                break;
            }
            Err(reason) => note(match next {
                Some(next) => format!("{} gave no answer to use ({reason}): {} was asked", model.name, next.name),
                None => format!("the model gave no answer to use ({reason}): the diagnosis is the catalogue's"),
            }),
        }
    }
    Asked { diagnosis: diagnosis.unwrap_or(known), usage: talk.usage, exchanges: talk.exchanges }
}

/// A diagnosis from an answer got elsewhere, held against `case`, and remarks on what of it did not hold. An error says why it can't
/// be used.
pub fn hold(given: &Given, case: &Redacted<Case>, choice: &Choice) -> Result<(Diagnosis, Vec<String>), String> {
    let author = Author::Llm { provider: given.from.clone(), model: given.model.clone() };
    let question = prompt::write(case, choice.question.as_deref(), choice.room());
    answer::check(&given.text, case, &rules::diagnose(case), author, &question).map_err(|flaw| flaw.to_string())
}

/// Whether `model` answers, for a person who sets us up: costs a few tokens.
pub fn examine(model: &Model, choice: &Choice, http: &Http) -> Result<String, String> {
    let mut nobody = |_: &str| {};
    let mut talk = talk(choice, http, &mut nobody);
    let mut question = ask_for(model, "Answer with the one word: ready", "Are you?");
    let time = http.left().saturating_sub(ask::RESERVE).min(EXAMINATION);
    talk.ask(model, &mut question, time).map(|said| said.text)
}

/// One model's word, held against the case; asked again once where it is not the JSON asked for.
fn consult(
    talk: &mut Talk,
    model: &Model,
    prompt: &Prompt,
    (case, known): (&Case, &Diagnosis),
    time: Duration,
) -> Result<(Diagnosis, Vec<String>), String> {
    let end = talk.http.left().saturating_sub(time);
    let schema = shape::schema();
    let author = || Author::Llm { provider: model.provider(), model: model.name.clone() };
    let mut question = ask_for(model, &prompt.system, &prompt.user);
    question.schema = Some(&schema);
    let first = talk.ask(model, &mut question, time)?;
    let flaw = match answer::check(&first.text, case, known, author(), prompt) {
        Ok(held) => return Ok(held),
        Err(Flaw::Untrue(reason)) => return Err(reason),
        Err(flaw) => flaw,
    };
    // Some servers do not say that an answer was cut off.
    if let Some(broken) = first.broken.or_else(|| matches!(flaw, Flaw::Cut).then(|| flaw.to_string())) {
        let stands = shape::salvage(&first.text).ok_or_else(|| broken.clone())?;
        let (mut diagnosis, mut remarks) =
            answer::check(&stands, case, known, author(), prompt).map_err(|flaw| format!("{broken}, and {flaw}"))?;
        // Who was cut off might have gone on to say what speaks against it.
        diagnosis.confidence = diagnosis.confidence.min(Confidence::Medium);
        remarks.push(format!("the model's answer is not whole ({broken}): what was whole of it is used"));
        return Ok((diagnosis, remarks));
    }
    let again = format!("That was not used: {flaw}. Answer again, with the one JSON object and nothing else.");
    question.turns.extend([Turn::Model(&first.text), Turn::User(&again)]);
    let second = talk.ask(model, &mut question, talk.http.left().saturating_sub(end))?;
    answer::check(&second.text, case, known, author(), prompt)
        .map_err(|flaw| second.broken.unwrap_or_else(|| flaw.to_string()))
}

fn talk<'a>(choice: &Choice, http: &'a Http, tell: &'a mut dyn FnMut(&str)) -> Talk<'a> {
    let (limits, count, once) = (choice.limits, choice.count, choice.once);
    Talk { http, limits, count, once, tell, usage: Vec::new(), exchanges: Vec::new(), unsure: (0, 0.0) }
}

fn ask_for<'a>(model: &Model, system: &'a str, user: &'a str) -> Question<'a> {
    // Models that are known to take a temperature, and those on the user's own machines, are asked for their likeliest word.
    let steady = model.facts.reasoning.map_or(model.provider.is_own(), |reasoning| !reasoning);
    Question {
        system,
        turns: vec![Turn::User(user)],
        schema: None,
        structure: Structure::min(model.provider.structure, Structure::Schema),
        answer_tokens: None,
        limit: ask::first_limit(model),
        limits_tried: 0,
        stream: true,
        counted: true,
        steady,
    }
}

/// A name as one segment of a path.
fn segment(name: &str) -> String {
    const PLAIN: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(name, PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::model::{Evidence, Incident};
    use crate::redact::Redactor;

    /// The names of all fields below `value`, with dots between; `inside` leads from a field to the fields in it.
    fn fields(value: &Value, at: &str, inside: fn(&Value) -> &Value) -> BTreeSet<String> {
        let each = inside(value).as_object().into_iter().flatten();
        each.flat_map(|(name, field)| {
            let place = format!("{at}.{name}");
            let below = fields(field, &place, inside);
            below.into_iter().chain([place])
        })
        .collect()
    }

    #[test]
    fn the_schema_has_the_fields_that_the_question_asks_for() {
        let incident = Incident::default();
        let case = Redactor::new(&incident).seal(&incident, &Evidence::default());
        let system = prompt::write(&case, None, Choice::default().room()).system;
        let form: Value = serde_json::from_str(system.get(system.find("\n{").unwrap()..).unwrap()).unwrap();
        let schema: Value = serde_json::from_str(&shape::schema()).unwrap();
        let asked = fields(&form, "", |field| field.get(0).unwrap_or(field));
        let given =
            fields(&schema, "", |field| field.get("items").unwrap_or(field).get("properties").unwrap_or(&Value::Null));
        assert!(asked.len() > 10, "{asked:?}");
        assert_eq!(asked, given);
    }
}

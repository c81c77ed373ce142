//! A sealed case into a diagnosis: by the model if one is set, else by the catalogue of known failures.
//!
//! What comes in has been masked, what goes out cites lines of it. The catalogue's word always exists; a model's answer
//! replaces it only when it holds against the evidence.

use crate::http::Http;
use crate::model::{Case, Diagnosis, Note, Stage};
use crate::redact::Redacted;

mod answer;
mod fingerprint;
mod fix;
mod openai;
pub mod prompt;
mod rules;

pub use fingerprint::fingerprint;
pub use openai::{Choice, examine};

/// Diagnoses `case`. Trouble with the model costs a note, never the diagnosis.
pub fn diagnose(case: &Redacted<Case>, choice: Option<&Choice>, http: &Http, notes: &mut Vec<Note>) -> Diagnosis {
    let known = rules::diagnose(case);
    let Some(choice) = choice else { return known };
    let mut note = |text: String| notes.push(Note { stage: Stage::Diagnose, text });
    let reply = match openai::ask(choice, http, &prompt::write(case)) {
        Ok(reply) => reply,
        Err(reason) => {
            note(format!("the model was not heard ({reason}): the diagnosis is the catalogue's"));
            return known;
        }
    };
    match answer::check(&reply, case, &known, choice) {
        Ok((diagnosis, remarks)) => {
            remarks.into_iter().for_each(note);
            diagnosis
        }
        Err(reason) => {
            note(format!("the model's answer was not used ({reason}): the diagnosis is the catalogue's"));
            known
        }
    }
}

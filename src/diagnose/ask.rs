//! Asks a model: sends, listens, keeps to the limits, gives in where a server knows less, and keeps the books.

use std::time::Duration;

use crate::http::{Failure, Http};
use crate::model::{Exchange, Usage};

use super::facts::Facts;
use super::provider::Model;
use super::stream;
use super::talk::{Finish, Heard, Keep, Limit, Question, message, plain};

/// Time kept back for what comes after the answer.
pub(super) const RESERVE: Duration = Duration::from_secs(5);
/// An answer with less room than this would be cut off for sure.
const LEAST: usize = 256;
/// The room for an answer where nobody but the user's limits says any.
const ROOM: usize = 16_384;
/// A line about the progress for so many bytes of an answer.
const STRIDE: usize = 1_000;
/// The most that is read of an error.
const ERROR: u64 = 64 << 10;

/// What a run may spend on models.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// US dollars.
    pub cost: Option<f64>,
    /// Tokens of all questions and answers together.
    pub tokens: Option<usize>,
}

/// The text of an answer.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) text: String,
    /// Why it is not whole.
    pub(super) broken: Option<String>,
}

/// What is needed to ask, and the books of what was asked.
pub(super) struct Talk<'a> {
    pub(super) http: &'a Http,
    pub(super) limits: Limits,
    pub(super) count: fn(&str) -> usize,
    /// Whether nothing is sent again.
    pub(super) once: bool,
    pub(super) tell: &'a mut dyn FnMut(&str),
    pub(super) usage: Vec<Usage>,
    pub(super) exchanges: Vec<Exchange>,
    /// Tokens, and their price, that answers nobody counted for us may have taken: the limits hold for these too.
    pub(super) unsure: (usize, f64),
}

impl Talk<'_> {
    /// Asks within `time`. An error is a line for the reader.
    pub(super) fn ask(&mut self, model: &Model, question: &mut Question, time: Duration) -> Result<Said, String> {
        let keep = if self.limits == Limits::default() { Keep::Nothing } else { Keep::Limit };
        let end = self.http.left().saturating_sub(time);
        loop {
            question.answer_tokens = self.room(model, question)?;
            let (status, words) = match self.send(model, question, self.http.left().saturating_sub(end))? {
                Outcome::Said(said) => return Ok(said),
                Outcome::Refused(status, words) => (status, words),
            };
            // A server that knows less than we ask for says so in these.
            if !matches!(status, 400 | 422) || !question.give_in(&words, keep) {
                return Err(refusal(status, &words));
            }
        }
    }

    /// The most tokens the answer may have. An error where the question must not be sent.
    fn room(&self, model: &Model, question: &Question) -> Result<Option<usize>, String> {
        let facts = &model.facts;
        let asked = self.asked(facts, question);
        let mut room = facts.answer_tokens();
        if let Some(context) = facts.context {
            let left = context.saturating_sub(asked);
            if left < LEAST {
                return Err(format!("the case has {asked} tokens and {} reads {context}: lower --budget", model.name));
            }
            room = Some(room.unwrap_or(left).min(left));
        }
        let (unsure, unsure_price) = self.unsure;
        if let Some(most) = self.limits.tokens {
            let spent = self.usage.iter().map(|usage| usage.tokens_in + usage.tokens_out).sum::<usize>();
            let used = spent + unsure + asked;
            let left = most.saturating_sub(used);
            if left < LEAST {
                return Err(format!("{used} of the {most} tokens of --max-tokens are needed before an answer"));
            }
            room = Some(room.unwrap_or(ROOM).min(left));
        }
        if let Some(most) = self.limits.cost.filter(|_| !model.provider.is_own()) {
            let Some((before, each)) = facts.price(asked, 0).zip(facts.price(0, 1)) else {
                return Err(format!(
                    "the price of {} is not known, so that --max-cost cannot be kept: add it to a file for --llm-models",
                    model.name
                ));
            };
            let spent = self.usage.iter().filter_map(|usage| usage.price).sum::<f64>();
            let left = most - before - spent - unsure_price;
            let fits = |tokens: usize| facts.price(0, tokens).is_some_and(|price| price <= left);
            let mut tokens = room.unwrap_or(ROOM);
            if each > 0.0 {
                while tokens >= LEAST && !fits(tokens) {
                    tokens -= (tokens / 16).max(1);
                }
            }
            if tokens < LEAST || left < 0.0 {
                return Err(format!("it would cost more than the ${most} of --max-cost"));
            }
            room = Some(tokens);
        }
        Ok(room)
    }

    fn asked(&self, facts: &Facts, question: &Question) -> usize {
        let turns = question.turns.iter().map(|turn| (self.count)(turn.text())).sum::<usize>();
        let schema = question.schema.map_or(0, self.count);
        facts.counted((self.count)(question.system) + turns + schema)
    }

    fn send(&mut self, model: &Model, question: &Question, time: Duration) -> Result<Outcome, String> {
        let mut request = model.request(question);
        (request.patience, request.limit) = (time, Some(time));
        if self.once {
            request.attempts = 1;
        }
        let mut exchange = Exchange {
            provider: model.provider(),
            model: model.name.clone(),
            address: Model::address(&request),
            request: request.body.clone().unwrap_or_default(),
            status: None,
            answer: String::new(),
        };
        (self.tell)(&format!("Asking {} at {}", model.name, model.provider()));
        let before = self.http.left();
        let response = match self.http.send(&request) {
            Ok(response) => response,
            Err(failure) => {
                // Who was asked and too slow may have worked all the same.
                if matches!(failure, Failure::Late(_)) {
                    let asked = self.asked(&model.facts, question);
                    self.doubt(model, asked, question.answer_tokens.unwrap_or_default());
                }
                exchange.answer = model.hide(&failure.to_string());
                let reason = exchange.answer.clone();
                self.exchanges.push(exchange);
                return Err(reason);
            }
        };
        let status = response.status;
        exchange.status = Some(status);
        if status != 200 {
            let body = model.hide(&response.text(ERROR).unwrap_or_default());
            let words = serde_json::from_str(&body).map(|value| message(&value)).unwrap_or_default();
            // JSON may spell a key in more than one way.
            let words = plain(&model.hide(&words));
            exchange.answer = body;
            self.exchanges.push(exchange);
            return Ok(Outcome::Refused(status, words));
        }
        let media_type = response.media_type.clone();
        let (heard, fault) = self.listen(model, &media_type, &mut response.into_reader());
        let tokens_in = heard.tokens_in.unwrap_or_else(|| self.asked(&model.facts, question));
        let tokens_out = heard.tokens_out.unwrap_or_else(|| (self.count)(&heard.text));
        if heard.tokens_out.is_none() {
            self.doubt(model, 0, question.answer_tokens.unwrap_or_default().saturating_sub(tokens_out));
        }
        let free = model.provider.is_own().then_some(0.0);
        self.usage.push(Usage {
            provider: model.provider(),
            model: model.name.clone(),
            tokens_in,
            tokens_out,
            seconds: before.saturating_sub(self.http.left()).as_secs_f64(),
            price: model.facts.price(tokens_in, tokens_out).or(free),
        });
        // Put together: a stream's pieces could hold the pieces of a secret, which no rule sees.
        let said = whole(model, heard.clone(), fault);
        exchange.answer = match (&said, heard.text.is_empty()) {
            (Err(reason), true) => reason.clone(),
            _ => model.hide(&heard.text),
        };
        self.exchanges.push(exchange);
        said.map(Outcome::Said)
    }

    /// Counts in what may have been spent beyond what is known.
    fn doubt(&mut self, model: &Model, tokens_in: usize, tokens_out: usize) {
        self.unsure.0 += tokens_in + tokens_out;
        self.unsure.1 += model.facts.price(tokens_in, tokens_out).unwrap_or_default();
    }

    fn listen(&mut self, model: &Model, media_type: &str, body: &mut dyn std::io::Read) -> (Heard, Option<String>) {
        let mut heard = Heard::default();
        let mut told = 0;
        let outcome = stream::read(media_type, body, |value| {
            model.provider.dialect.hear(value, &mut heard);
            if heard.text.len() >= told {
                // A beginning without text is told once, then the first of the text, then each stride.
                told = if heard.text.is_empty() { 1 } else { heard.text.len() + STRIDE };
                let characters = heard.text.chars().count();
                (self.tell)(&match characters {
                    0 => format!("{} has begun", model.name),
                    _ => format!("{} is answering: {characters} characters so far", model.name),
                });
            }
        });
        let fault = outcome.err().map(|error| match error.kind() {
            std::io::ErrorKind::TimedOut => "it was not done in time".to_owned(),
            _ if self.http.left() <= RESERVE => "it was not done in time".to_owned(),
            _ => format!("its answer broke off: {}", model.hide(&error.to_string())),
        });
        (heard, fault)
    }
}

enum Outcome {
    Said(Said),
    Refused(u16, String),
}

/// What was heard as a text, and why it is not whole. An error where there is none to use.
fn whole(model: &Model, heard: Heard, fault: Option<String>) -> Result<Said, String> {
    let trouble = heard.trouble.map(|trouble| plain(&model.hide(&trouble)));
    let broken = match (heard.finish, fault, trouble) {
        (Some(Finish::Filter), ..) => return Err("its content filter withheld the answer".to_owned()),
        (Some(Finish::Length), ..) => Some("its answer was cut off at its limit of tokens".to_owned()),
        (_, _, Some(trouble)) => Some(trouble),
        (_, Some(fault), None) => Some(fault),
        (Some(Finish::Stop), None, None) => None,
        (None, None, None) => Some("its answer ended too early".to_owned()),
    };
    match (heard.text.trim().is_empty(), broken) {
        (false, broken) => Ok(Said { text: heard.text, broken }),
        (true, Some(reason)) if heard.finish.is_some() || heard.is_answer || !reason.ends_with("too early") => {
            Err(reason)
        }
        (true, Some(_)) => Err("it does not answer like a model: check the address".to_owned()),
        (true, None) => Err("its answer is empty".to_owned()),
    }
}

fn refusal(status: u16, words: &str) -> String {
    let words_hold = |part: &str| words.to_ascii_lowercase().contains(part);
    let todo = match status {
        401 | 403 => "its key is not accepted: check FIREFIGHTER_LLM_API_KEY",
        // Google refuses a wrong key, and Azure what its filter finds in a question, as it would a malformed request.
        400 if words_hold("content management policy") => "its content filter refused the question",
        400 if words_hold("api key not valid") => "its key is not accepted: check FIREFIGHTER_LLM_API_KEY",
        404 => "it knows no such address or model: check FIREFIGHTER_LLM_URL and FIREFIGHTER_LLM_MODEL",
        429 => "it asks us to call less often, or the account's quota is used up",
        500.. => "it has trouble of its own",
        _ => "it refused the request",
    };
    if words.is_empty() { format!("status {status}, {todo}") } else { format!("status {status}, {todo}: {words}") }
}

/// The name of the limit of tokens that is tried first.
pub(super) fn first_limit(model: &Model) -> Limit {
    // OpenAI's own servers want the new name, others often know the old one alone.
    let newer = ["openai", "azure", "groq", "copilot"].contains(&model.provider.name);
    if newer { Limit::Completion } else { Limit::Plain }
}

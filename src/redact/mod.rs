//! The wall: nothing leaves with a secret in it.
//!
//! Raw values come in, [`Redacted`] ones go out. The one rule: every finder reads the original text and returns spans;
//! they are merged and masked once. A new rule is an entry in `rules.toml` (`octopus-api-key` is the minimal example).

mod block;
mod forms;
mod personal;
mod rules;
mod seal;
mod span;
mod value;
mod view;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, Mutex, PoisonError};

use aho_corasick::AhoCorasick;
use memchr::memmem;

use crate::model::{Case, Change, Diagnosis, Evidence, Exchange, Incident, Note, Secrets, Usage};
pub use crate::redact::personal::Also;
use crate::redact::rules::{Proof, Rules};
use crate::redact::seal::Pen;
use crate::redact::span::{Span, Spans};
use crate::redact::view::Joined;

/// A value that has been through the redactor. Nobody else can make one:
///
/// ```compile_fail,E0423
/// let forged = firefighter::redact::Redacted(String::from("raw"));
/// ```
///
/// ```compile_fail,E0277
/// let forged: firefighter::redact::Redacted<String> = String::from("raw").into();
/// ```
///
/// Only a [`Redactor`] does:
///
/// ```
/// use firefighter::{model::Incident, redact::{Redacted, Redactor}};
/// let sealed: Redacted<String> = Redactor::new(&Incident::default()).seal_text("raw");
/// assert_eq!(sealed.as_str(), "raw");
/// ```
#[derive(Debug, Clone)]
pub struct Redacted<T>(T);

impl<T> Deref for Redacted<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// A log full of look-alikes must not cost its reader's memory: beyond this many values found by rules, one is masked
/// where a rule sees it and no longer everywhere else.
const MOST_LEARNED: usize = 1000;

/// Two rounds do for ordinary text, and no text may keep its reader busy for ever.
const MOST_ROUNDS: usize = 12;

/// Finds and masks secrets. Made once for a run, from all that is known of it.
pub struct Redactor {
    /// What looks like a secret in the log, by place; covers keys of several lines, which no single line shows.
    log: Vec<Span>,
    known: Known,
    also: Also,
    numbers: Mutex<HashMap<Arc<str>, usize>>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// Learns the secrets of a run: values the host named, and what looks like one anywhere in its log and scripts, in what
    /// changed and in the log of the last good run.
    #[must_use]
    pub fn new(incident: &Incident) -> Self {
        Self::with(incident, Also::default())
    }

    /// The same, and a mask for what is no secret.
    #[must_use]
    pub fn with(incident: &Incident, also: Also) -> Self {
        let mut log = Spans::default();
        let mut learned = Vec::new();
        look(&incident.log.text, |range, value, proof| {
            learn(&incident.log.text, &range, value, proof, &mut learned);
            log.add(range, value);
        });
        let scripts = incident.definitions.iter().filter_map(|definition| definition.script.as_ref());
        let context = incident.context.iter().map(|context| &context.text);
        let changes = incident.changes.iter();
        let changes = changes.flat_map(|change| [&change.before, &change.after, &change.details]).flatten();
        let baseline = incident.baseline.iter().map(|baseline| &baseline.log.text);
        let texts = scripts.map(|script| &script.body).chain(context).chain(changes).chain(baseline);
        for text in texts.chain(&incident.run.error) {
            look(text, |range, value, proof| learn(text, &range, value, proof, &mut learned));
        }
        for change in incident.changes.iter().filter(|change| is_secret_by_name(change)) {
            for text in [&change.before, &change.after].into_iter().flatten() {
                values(text, |range, value| learn(text, &range, value, Proof::Place, &mut learned));
            }
        }
        let known = Known::new(incident.secrets.values(), &learned);
        known.find_wrapped(&incident.log.text, &mut log);
        Self { log: log.merged(&incident.log.text), known, also, numbers: Mutex::default() }
    }

    /// Writes out the evidence, masked: all that may leave.
    #[must_use]
    pub fn seal(&self, incident: &Incident, evidence: &Evidence) -> Redacted<Case> {
        Redacted(Pen::new(self).case(incident, evidence))
    }

    /// Masks a case that was read back from a report: whoever saved it may have edited it. Also the redactor that did,
    /// for what is said of the case later.
    #[must_use]
    pub fn reseal(case: &Case, secrets: Secrets) -> (Redacted<Case>, Self) {
        let redactor = Self::new(&seal::incident_of(case, secrets));
        // A mask that stands in the saved text keeps its number: no other secret may be given it.
        for number in 1..=seal::most_masks(case) {
            redactor.number(&Arc::from(format!("\0{number}")));
        }
        let sealed = Pen::new(&redactor).saved(case);
        (Redacted(sealed), redactor)
    }

    /// Masks what a model said.
    #[must_use]
    pub fn seal_diagnosis(&self, diagnosis: Diagnosis) -> Redacted<Diagnosis> {
        Redacted(Pen::new(self).diagnosis(diagnosis))
    }

    /// Masks what we say of our own troubles: an error can quote an address or a body.
    #[must_use]
    pub fn seal_notes(&self, notes: Vec<Note>) -> Redacted<Vec<Note>> {
        let mut pen = Pen::new(self);
        Redacted(notes.into_iter().map(|note| pen.note(note)).collect())
    }

    /// Masks the names in what models took.
    #[must_use]
    pub fn seal_usage(&self, usage: Vec<Usage>) -> Redacted<Vec<Usage>> {
        let mut pen = Pen::new(self);
        Redacted(usage.into_iter().map(|one| pen.usage(one)).collect())
    }

    /// Masks what went to a model and came back.
    #[must_use]
    pub fn seal_exchanges(&self, exchanges: Vec<Exchange>) -> Redacted<Vec<Exchange>> {
        let seal = |one: Exchange| Exchange { request: self.text(&one.request), answer: self.text(&one.answer), ..one };
        Redacted(exchanges.into_iter().map(seal).collect())
    }

    /// Masks any other text.
    #[must_use]
    pub fn seal_text(&self, text: &str) -> Redacted<String> {
        Redacted(self.text(text))
    }

    /// `text`, masked.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.write(text, Spans::default(), &mut BTreeSet::new())
    }

    /// The part of the log's text at `range`, masked; `used` gains the numbers of its secrets.
    fn log_text(&self, text: &str, range: Range<usize>, used: &mut BTreeSet<usize>) -> String {
        let mut spans = Spans::default();
        let first = self.log.partition_point(|span| span.range.end <= range.start);
        for span in self.log.iter().skip(first).take_while(|span| span.range.start < range.end) {
            let start = span.range.start.max(range.start) - range.start;
            spans.add(start..span.range.end.min(range.end) - range.start, &span.secret);
        }
        self.write(text.get(range).unwrap_or_default(), spans, used)
    }

    /// `text` with `spans` and all else that is found in it masked.
    fn write(&self, text: &str, mut spans: Spans, used: &mut BTreeSet<usize>) -> String {
        let mut masked = text.to_owned();
        // A mask changes what stands beside its neighbors, so that a rule may see more. Until none does, masking masked
        // text would change something.
        for _ in 0..MOST_ROUNDS {
            let text = masked.as_str();
            self.known.find(text, &mut spans);
            self.known.find_wrapped(text, &mut spans);
            look(text, |range, value, _| spans.add(range, value));
            personal::find(text, self.also, |range| {
                let address = Arc::from(text.get(range.clone()).unwrap_or_default());
                spans.add(range, &address);
            });
            let merged = std::mem::take(&mut spans).merged(text);
            if merged.is_empty() {
                break;
            }
            let next = span::mask(text, &merged, |secret| {
                let number = self.number(secret);
                used.insert(number);
                number
            });
            if next == text {
                break;
            }
            masked = next;
        }
        masked
    }

    /// The number of `secret` in this run, given at first use.
    fn number(&self, secret: &Arc<str>) -> usize {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let next = numbers.len() + 1;
        *numbers.entry(Arc::clone(secret)).or_insert(next)
    }
}

/// Whether a change is one of a value whose name says that it is secret.
fn is_secret_by_name(change: &Change) -> bool {
    let mut words = change.title.split_whitespace();
    let name = words.by_ref().find(|word| *word == "variable").and_then(|_| words.next());
    name.or_else(|| change.title.split_whitespace().last()).is_some_and(value::is_secret_name)
}

/// Calls `found` for each line of a secret's text that is a value and not the name of one.
fn values(text: &str, mut found: impl FnMut(Range<usize>, &Arc<str>)) {
    let mut start = 0;
    for line in text.split('\n') {
        if Rules::builtin().is_value(line) {
            found(start..start + line.len(), &Arc::from(line.trim()));
        }
        start += line.len() + 1;
    }
}

/// Calls `found` for each place of `text` that looks like a secret, and the secret.
fn look(text: &str, mut found: impl FnMut(Range<usize>, &Arc<str>, Proof)) {
    Rules::builtin().find(text, |range, proof| {
        let value = String::from_utf8_lossy(text.as_bytes().get(range.clone()).unwrap_or_default());
        found(range, &Arc::from(value), proof);
    });
    let mut key: Option<(usize, Arc<str>)> = None;
    block::find(text, |range, block| {
        let value = match &key {
            Some((known, value)) if *known == block => Arc::clone(value),
            // The first line of a key's text names the whole.
            _ => Arc::from(text.get(range.clone()).unwrap_or_default()),
        };
        found(range, &value, Proof::Shape);
        key = Some((block, value));
    });
}

/// A shorter end of a key could be a word.
const SHORTEST_SHAPE: usize = 12;

/// A text that a rule found, and the secret it is of: the lines of a key are one secret.
type Learned = (Arc<str>, Arc<str>);

/// Keeps what stands at `range` for masking it wherever it stands, if no ordinary word can be meant there.
fn learn(text: &str, range: &Range<usize>, value: &Arc<str>, proof: Proof, learned: &mut Vec<Learned>) {
    let found = String::from_utf8_lossy(text.as_bytes().get(range.clone()).unwrap_or_default());
    // A cookie is a name and a value.
    let inner = found.split_once('=').map(|(_, inner)| inner).filter(|inner| !inner.starts_with('='));
    for text in [Some(found.as_ref()), inner].into_iter().flatten() {
        let rare = value::is_rare(text) || (proof == Proof::Shape && text.len() >= SHORTEST_SHAPE);
        if learned.len() < MOST_LEARNED && rare && !learned.iter().any(|(known, _)| **known == *text) {
            learned.push((Arc::from(text), Arc::clone(value)));
        }
    }
}

/// Values to be masked wherever they stand, in all their spellings.
struct Known {
    automaton: Option<AhoCorasick>,
    /// The spellings, when they are too many for an automaton: slow beats leaky.
    patterns: Vec<String>,
    /// For each spelling its value.
    values: Vec<Arc<str>>,
}

/// Shorter values could be found by chance where one line ends and another begins.
const SHORTEST_WRAPPED: usize = 10;

impl Known {
    fn new(named: &[String], learned: &[Learned]) -> Self {
        let (mut patterns, mut values) = (Vec::new(), Vec::new());
        let named = named.iter().map(|value| Arc::from(value.trim())).filter(|value: &Arc<str>| !is_switch(value));
        let named = named.map(|value| (Arc::clone(&value), value));
        for (text, value) in named.chain(learned.iter().cloned()) {
            for form in forms::forms(&text) {
                patterns.push(form);
                values.push(Arc::clone(&value));
            }
        }
        if patterns.is_empty() {
            return Self { automaton: None, patterns, values };
        }
        match AhoCorasick::new(&patterns) {
            Ok(automaton) => Self { automaton: Some(automaton), patterns: Vec::new(), values },
            Err(_) => Self { automaton: None, patterns, values },
        }
    }

    /// Adds where `text` holds a known value, as it is or escaped.
    fn find(&self, text: &str, spans: &mut Spans) {
        if self.values.is_empty() {
            return;
        }
        self.hits(text.as_bytes(), |range, value| spans.add(range, value));
        for view in view::resolved(text) {
            self.hits(&view.bytes, |range, value| {
                if let Some(place) = view.place(&range) {
                    spans.add(place, value);
                }
            });
        }
    }

    /// Adds where `text` holds a known value over several lines.
    fn find_wrapped(&self, text: &str, spans: &mut Spans) {
        if self.values.is_empty() {
            return;
        }
        let Some(joined) = Joined::new(text) else { return };
        self.hits(joined.text.as_bytes(), |range, value| {
            if range.len() >= SHORTEST_WRAPPED {
                joined.places(&range).into_iter().for_each(|place| spans.add(place, value));
            }
        });
    }

    fn hits(&self, text: &[u8], mut found: impl FnMut(Range<usize>, &Arc<str>)) {
        let mut add = |range: Range<usize>, value: Option<&Arc<str>>| {
            // A short value can be part of an ordinary word.
            if let Some(value) = value
                && (range.len() > 5 || is_whole_word(text, &range))
            {
                found(range, value);
            }
        };
        if let Some(automaton) = &self.automaton {
            for hit in automaton.find_overlapping_iter(text) {
                add(hit.range(), self.values.get(hit.pattern().as_usize()));
            }
        }
        for (pattern, value) in self.patterns.iter().zip(&self.values) {
            for start in memmem::find_iter(text, pattern.as_bytes()) {
                add(start..start + pattern.len(), Some(value));
            }
        }
    }
}

/// Values that a careless person marks as sensitive and that say nothing.
fn is_switch(value: &str) -> bool {
    ["true", "false", "null", "none"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn is_whole_word(text: &[u8], range: &Range<usize>) -> bool {
    let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
    !word(range.start.checked_sub(1).and_then(|before| text.get(before))) && !word(text.get(range.end))
}

#[cfg(test)]
mod tests;

/// A sealed value without a redactor, for tests of what only reads one.
#[cfg(test)]
pub(crate) fn sealed_for_tests<T>(value: T) -> Redacted<T> {
    Redacted(value)
}

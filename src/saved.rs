//! A case read back from the JSON of a report, to be diagnosed again.
//!
//! The file is a stranger's: it is held to sizes and to sense, cleaned, and sealed anew by the redactor.
//! What `report/json.rs` writes is read here; a field that is missing counts as unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::Error;
use crate::model::{self, Case, ChangeKind, ExcerptLine, Level, Note, Numbering, Outcome, Secrets, Stage};
use crate::redact::{Redacted, Redactor};
use crate::report::words;
use crate::signature::Catalogue;
use crate::tree;

/// What our reports call themselves.
const SCHEMA: &str = "firefighter.report/1";
/// A larger file is none of ours.
const MOST_BYTES: u64 = 64 << 20;
/// No log has so many lines; sums of such numbers stay far from overflow.
const MOST: u64 = 1_000_000_000;
/// No run is nested deeper.
const DEEPEST: usize = 50;

/// Reads the case in the file at `path`. A failure that `catalogue` does not know costs a note.
pub fn read(
    path: &Path,
    catalogue: &Catalogue,
    secrets: Vec<String>,
    notes: &mut Vec<Note>,
) -> Result<(Redacted<Case>, Redactor), Error> {
    let fault = |reason: String| Error::Case { path: path.display().to_string(), reason };
    let bytes = load(path).map_err(fault)?;
    let case = parse(&bytes, catalogue, notes).map_err(fault)?;
    let mut hidden = Secrets::default();
    for secret in secrets {
        hidden.add(secret);
    }
    Ok(Redactor::reseal(&case, hidden))
}

fn load(path: &Path) -> Result<Vec<u8>, String> {
    let about = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "it may not be read by this user".to_owned(),
        _ => error.to_string(),
    };
    let file = File::open(path).map_err(about)?;
    if file.metadata().is_ok_and(|data| data.is_dir()) {
        return Err("it is a folder; name the firefighter.json in it".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(about)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("it is larger than the {} MB that a report may have", MOST_BYTES >> 20));
    }
    Ok(bytes)
}

fn parse(bytes: &[u8], catalogue: &Catalogue, notes: &mut Vec<Note>) -> Result<Case, String> {
    // The schema first, for a report of another version may have other fields.
    let read = tree::parse(bytes).map_err(|error| format!("it is not JSON ({error})"))?;
    if !read.is_object() {
        return Err(format!("it is no report of Firefighter, whose JSON is an object with schema {SCHEMA}"));
    }
    match read.get("schema").and_then(Value::as_str) {
        Some(SCHEMA) => {}
        Some(other) => {
            let other: String = other.chars().filter(|c| !c.is_control()).take(60).collect();
            return Err(format!("its schema is {other}, and this version reads {SCHEMA}"));
        }
        None => return Err(format!("it is no report of Firefighter, whose JSON has schema {SCHEMA}")),
    }
    let document: Document = tree::shape(read).map_err(|error| {
        let reason: String = error.to_string().chars().filter(|c| !c.is_control()).take(200).collect();
        format!("it was edited or damaged ({reason})")
    })?;
    document.case(catalogue, notes)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Document {
    run: Run,
    evidence: Vec<Excerpt>,
    numbering: Option<String>,
    matches: Vec<Match>,
    steps: Vec<Step>,
    definitions: Vec<Definition>,
    earlier: Option<Vec<Earlier>>,
    compared_with: Option<Compared>,
    changes: Vec<Change>,
    suspects: Vec<Suspect>,
    outside_after: Option<Count>,
    context: Vec<Context>,
    notes: Vec<Saying>,
    best: Vec<Count>,
    quiet: bool,
    tokens: Count,
    masked: Count,
    total_lines: Count,
}

/// A number of things, too small to do harm.
#[derive(Clone, Copy, Default)]
struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(from)?;
        let fits = usize::try_from(number).ok().filter(|_| number <= MOST);
        fits.map(Self).ok_or_else(|| serde::de::Error::custom(format!("{number} is more than {MOST}")))
    }
}

/// Text without control characters but tabs and ends of lines.
#[derive(Default)]
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut text = String::deserialize(from)?;
        text.retain(|c| matches!(c, '\n' | '\t') || !c.is_control());
        Ok(Self(text))
    }
}

impl Text {
    /// As one line: an end of line in it would make a line of the case's own.
    fn line(self) -> String {
        self.0.replace(['\n', '\u{2028}', '\u{2029}'], " ")
    }
}

fn text(text: Option<Text>) -> Option<String> {
    text.map(|text| text.0)
}

fn name(text: Option<Text>) -> Option<String> {
    text.map(Text::line)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Run {
    host: Text,
    id: Text,
    title: Text,
    url: Option<Text>,
    project: Option<Text>,
    environment: Option<Text>,
    tenant: Option<Text>,
    version: Option<Text>,
    commit: Option<Text>,
    started: Option<Timestamp>,
    finished: Option<Timestamp>,
    error: Option<Text>,
}

impl Run {
    fn model(self) -> model::Run {
        model::Run {
            host: self.host.line(),
            id: self.id.line(),
            title: self.title.line(),
            url: name(self.url),
            project: name(self.project),
            environment: name(self.environment),
            tenant: name(self.tenant),
            version: name(self.version),
            commit: name(self.commit),
            started: self.started,
            finished: self.finished,
            error: text(self.error),
        }
    }
}

#[derive(Deserialize)]
struct Excerpt {
    #[serde(default)]
    step: Option<Text>,
    #[serde(default)]
    reason: Text,
    #[serde(default)]
    repeats: Count,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    id: Count,
    number: Count,
    #[serde(default)]
    level: Option<String>,
    #[serde(default)]
    time: Option<Timestamp>,
    text: Text,
}

#[derive(Deserialize)]
struct Match {
    signature: Text,
    line: Count,
    #[serde(default)]
    count: Count,
    #[serde(default)]
    strength: f64,
    #[serde(default)]
    captures: BTreeMap<String, Text>,
}

#[derive(Deserialize)]
struct Step {
    name: Text,
    #[serde(default)]
    place: Option<Text>,
    #[serde(default)]
    outcome: Option<String>,
    #[serde(default)]
    culprit: bool,
    #[serde(default)]
    started: Option<Timestamp>,
    #[serde(default)]
    finished: Option<Timestamp>,
    #[serde(default)]
    attempts: Count,
    #[serde(default)]
    depth: Count,
}

impl Step {
    fn model(self) -> model::Step {
        use Outcome::{Canceled, Failed, Running, Skipped, Succeeded, Unknown};
        let all = [Succeeded, Failed, Canceled, Skipped, Running];
        model::Step {
            name: self.name.line(),
            place: name(self.place),
            outcome: word(self.outcome.as_deref(), &all, words::outcome).unwrap_or(Unknown),
            culprit: self.culprit,
            started: self.started,
            finished: self.finished,
            attempts: self.attempts.0,
            depth: self.depth.0.min(DEEPEST),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Definition {
    step: Text,
    kind: Text,
    condition: Option<Text>,
    retries: Option<Count>,
    timeout_minutes: Option<Count>,
    runs_on: Option<Text>,
    container: Option<Text>,
    script: Option<Script>,
    packages: Vec<Text>,
    url: Option<Text>,
    path_to_settings: Option<Text>,
    source: Option<Source>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Source {
    repository: Text,
    path: Text,
    branch: Option<Text>,
    commit: Text,
    step: Text,
    action: Text,
    first_line: Option<Count>,
    lines: Option<Text>,
}

impl Source {
    fn model(self) -> model::Source {
        let first = self.first_line.map(|line| line.0);
        model::Source {
            repository: self.repository.line(),
            path: self.path.line(),
            branch: name(self.branch),
            commit: self.commit.line(),
            step: self.step.line(),
            action: self.action.line(),
            lines: first.zip(self.lines.map(|lines| lines.0)),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Script {
    syntax: Text,
    body: Text,
}

impl Definition {
    fn model(self) -> model::Definition {
        let small = |count: Option<Count>| count.and_then(|count| u32::try_from(count.0).ok());
        model::Definition {
            step: self.step.line(),
            kind: self.kind.line(),
            condition: name(self.condition),
            retries: small(self.retries),
            timeout_minutes: small(self.timeout_minutes),
            runs_on: name(self.runs_on),
            container: name(self.container),
            script: self.script.map(|one| model::Script { syntax: one.syntax.line(), body: one.body.0 }),
            packages: self.packages.into_iter().map(Text::line).collect(),
            url: name(self.url),
            path_to_settings: name(self.path_to_settings),
            source: self.source.map(Source::model),
        }
    }
}

#[derive(Deserialize)]
struct Earlier {
    title: Text,
    #[serde(default)]
    when: Option<Timestamp>,
    #[serde(default)]
    url: Option<Text>,
    #[serde(default)]
    same: Option<bool>,
    #[serde(default)]
    after: Option<Text>,
}

impl Earlier {
    fn model(self) -> model::Earlier {
        let Self { title, when, url, same, after } = self;
        model::Earlier { title: title.line(), when, url: name(url), same, after: name(after) }
    }
}

#[derive(Deserialize)]
struct Compared {
    run: Run,
    #[serde(default)]
    why: Text,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Change {
    kind: String,
    title: Text,
    #[serde(default)]
    before: Option<Text>,
    #[serde(default)]
    after: Option<Text>,
    #[serde(default)]
    details: Option<Text>,
    #[serde(default)]
    step: Option<Text>,
    #[serde(default)]
    who: Option<Text>,
    #[serde(default)]
    when: Option<Timestamp>,
    #[serde(default)]
    url: Option<Text>,
}

impl Change {
    fn model(self) -> model::Change {
        use ChangeKind::{Commit, Event, Package, Process, Target, Variable, WorkItem, Worker};
        let all = [Package, Commit, WorkItem, Process, Variable, Target, Worker];
        model::Change {
            // A later version may know more kinds.
            kind: word(Some(&self.kind), &all, words::change_kind).unwrap_or(Event),
            title: self.title.line(),
            before: text(self.before),
            after: text(self.after),
            details: text(self.details),
            step: name(self.step),
            who: name(self.who),
            when: self.when,
            url: name(self.url),
        }
    }
}

#[derive(Deserialize)]
struct Suspect {
    change: Count,
    #[serde(default)]
    lines: Vec<Count>,
    #[serde(default)]
    words: Vec<Text>,
    #[serde(default)]
    score: f64,
}

#[derive(Deserialize)]
struct Context {
    title: Text,
    text: Text,
    #[serde(default)]
    url: Option<Text>,
}

#[derive(Deserialize)]
struct Saying {
    stage: String,
    text: Text,
}

impl Document {
    fn case(self, catalogue: &Catalogue, notes: &mut Vec<Note>) -> Result<Case, String> {
        let mut ids = BTreeSet::new();
        let total = self.total_lines.0;
        let mut excerpts = Vec::new();
        for Excerpt { step, reason, repeats, lines } in self.evidence {
            let lines = lines.into_iter().map(|line| line.model(total, &mut ids)).collect::<Result<_, _>>()?;
            excerpts.push(model::Excerpt { step: name(step), lines, reason: reason.line(), repeats: repeats.0 });
        }
        // What could not be collected is still not known; what was said of a model or of writing was of that run.
        for stage in [Stage::Collect, Stage::Reduce] {
            let said = self.notes.iter().filter(|one| one.stage == words::stage(stage));
            notes.extend(said.map(|one| Note { stage, text: one.text.0.replace('\n', " ") }));
        }
        let mut note = |text: String| notes.push(Note { stage: Stage::Reduce, text });
        let mut matches = Vec::new();
        for found in self.matches {
            let id = found.signature.line();
            if found.line.0 == 0 || found.line.0 > total {
                note(format!("the saved case shows {id} in line {}, which the log did not have", found.line.0));
            } else if let Some(known) = catalogue.signatures().iter().find(|known| known.id == id) {
                matches.push(model::Match {
                    signature: Arc::clone(known),
                    line: found.line.0,
                    count: found.count.0,
                    strength: found.strength.clamp(0.0, 1.0),
                    captures: found.captures.into_iter().map(|(name, value)| (name, value.line())).collect(),
                });
            } else {
                note(format!(
                    "the saved case names the failure {id}, which is not known here: --signatures adds yours"
                ));
            }
        }
        let changes: Vec<_> = self.changes.into_iter().map(Change::model).collect();
        let suspects = self.suspects.into_iter().filter(|one| one.change.0 < changes.len()).map(|one| model::Suspect {
            change: one.change.0,
            lines: one.lines.into_iter().map(|id| id.0).filter(|id| ids.contains(id)).collect(),
            words: one.words.into_iter().map(Text::line).collect(),
            score: one.score.clamp(0.0, 1.0),
        });
        let suspects = suspects.collect();
        let (baseline, baseline_steps) =
            self.compared_with.map(|one| ((one.run.model(), one.why.line()), one.steps)).unzip();
        let context = |one: Context| model::Context { title: one.title.line(), text: one.text.0, url: name(one.url) };
        Ok(Case {
            run: self.run.model(),
            steps: self.steps.into_iter().map(Step::model).collect(),
            excerpts,
            matches,
            definitions: self.definitions.into_iter().map(Definition::model).collect(),
            earlier: self.earlier.map(|earlier| earlier.into_iter().map(Earlier::model).collect()),
            baseline,
            baseline_steps: baseline_steps.into_iter().flatten().map(Step::model).collect(),
            changes,
            suspects,
            outside_after: self.outside_after.map(|count| count.0),
            context: self.context.into_iter().map(context).collect(),
            best: self.best.into_iter().map(|id| id.0).filter(|id| ids.contains(id)).collect(),
            quiet: self.quiet,
            numbering: if self.numbering.as_deref() == Some("step") { Numbering::Step } else { Numbering::Log },
            total_lines: total,
            tokens: self.tokens.0,
            masked: self.masked.0,
        })
    }
}

impl Line {
    fn model(self, total: usize, ids: &mut BTreeSet<usize>) -> Result<ExcerptLine, String> {
        let id = self.id.0;
        if id == 0 || id > total {
            return Err(format!("it was edited or damaged (line {id} of a log with {total} lines)"));
        }
        if !ids.insert(id) {
            return Err(format!("it was edited or damaged (line {id} is there twice)"));
        }
        let all = [Level::Verbose, Level::Info, Level::Warning, Level::Error, Level::Fatal];
        let level = word(self.level.as_deref(), &all, words::level).unwrap_or(Level::Info);
        Ok(ExcerptLine { id, number: self.number.0, level, time: self.time, text: self.text.line() })
    }
}

/// The one of `all` that a report calls `word`.
fn word<T: Copy>(word: Option<&str>, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
    all.iter().copied().find(|one| Some(name(*one)) == word)
}

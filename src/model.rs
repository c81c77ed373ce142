//! The nouns of the house, all on one page, without logic.
//!
//! A failing run walks through the stages as one of these after the other:
//! [`Incident`] (collected) → [`Evidence`] (which lines tell) → [`Case`] (all that may leave) → [`Diagnosis`] → report.
//! Nothing here knows a host's wire format nor our own published JSON.

use std::sync::Arc;

use jiff::Timestamp;

/// One run of a pipeline: a deployment, a runbook run, a build. Fields a host does not have stay `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    /// The host's name as a reader knows it, such as `Octopus Deploy`.
    pub host: String,
    /// The host's own id of the run, such as `ServerTasks-123`.
    pub id: String,
    /// What the run is called, such as `Deploy Shop release 1.2 to Production`.
    pub title: String,
    /// Where a person can look at it.
    pub url: Option<String>,
    /// The project it belongs to.
    pub project: Option<String>,
    /// The environment it goes to.
    pub environment: Option<String>,
    /// The tenant it is for.
    pub tenant: Option<String>,
    /// The release or package version.
    pub version: Option<String>,
    /// The commit it was made from.
    pub commit: Option<String>,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended; `None` while it runs.
    pub finished: Option<Timestamp>,
    /// The host's own word on the failure, such as `The remote script failed with exit code 1`.
    pub error: Option<String>,
}

/// How a step or a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it should.
    Succeeded,
    /// It failed.
    Failed,
    /// Somebody or something stopped it.
    Canceled,
    /// It was not run.
    Skipped,
    /// It is running now.
    Running,
    /// Nobody said.
    Unknown,
}

/// The level a line was logged at, from least to most severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Hidden by default.
    Verbose,
    /// An ordinary line, or a log without levels.
    Info,
    /// A warning.
    Warning,
    /// An error, or a line from the error stream.
    Error,
    /// The line with which a step or run ends badly.
    Fatal,
}

/// A cleaned log: one text, its lines, and the steps they belong to.
///
/// A log too large for memory is thinned as it is read: dull lines go, the rest keep their true numbers.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// The text of all kept lines, each ended by a line feed, free of color codes and control characters.
    pub text: String,
    /// The kept lines in the order of the log.
    pub lines: Vec<Line>,
    /// The steps in the order of the run; empty where the log shows none.
    pub steps: Vec<Step>,
    /// How many lines were read and not kept.
    pub omitted: usize,
    /// What the numbers count, such as `in the log of Worker` where a host numbers each step's lines apart.
    pub numbering: Numbering,
}

/// What a [`Line`]'s number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbering {
    /// Lines of the whole log, from 1.
    #[default]
    Log,
    /// Lines of the step the line belongs to, from 1, hidden ones included.
    Step,
}

/// One line of a [`Log`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// The number of the line as the host counts it (see [`Numbering`]).
    pub number: usize,
    /// Where its text starts in [`Log::text`], in bytes.
    pub start: usize,
    /// Where its text ends in [`Log::text`], in bytes, without the line feed.
    pub end: usize,
    /// When it was written.
    pub time: Option<Timestamp>,
    /// How severe its writer took it to be.
    pub level: Level,
    /// The index of its step in [`Log::steps`].
    pub step: Option<usize>,
}

impl Log {
    /// The text of the line at `index` in [`Log::lines`]; empty when there is no such line.
    #[must_use]
    pub fn line(&self, index: usize) -> &str {
        self.lines.get(index).and_then(|line| self.text.get(line.start..line.end)).unwrap_or_default()
    }
}

/// A part of a run that the host shows on its own: a step, a job, a step on one machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name without numbering, such as `Scan for Security Vulnerabilities`.
    pub name: String,
    /// Where it ran when that tells runs of one step apart, such as `Worker` or a machine's name.
    pub place: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it is the deepest failed part: where the failure happened, not where it was passed on.
    pub culprit: bool,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// How often it was tried: 1 for once, 4 for once and three retries.
    pub attempts: usize,
    /// How deep it is nested: 0 for a step of the run, 1 for where that step ran.
    pub depth: usize,
}

/// What the run's own definition says of a step that failed. For Octopus: the process as the release froze it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Definition {
    /// The step's name.
    pub step: String,
    /// The host's word for its kind, such as `Octopus.Script`.
    pub kind: String,
    /// When it runs, in words, such as `only when previous steps succeed`.
    pub condition: Option<String>,
    /// How often the host tries it again after a failure; `None` where the host or the kind of step has no such switch.
    pub retries: Option<u32>,
    /// The step's time limit in minutes; `None` for no limit.
    pub timeout_minutes: Option<u32>,
    /// The machines it runs on: a worker pool, target tags.
    pub runs_on: Option<String>,
    /// The container image it runs in.
    pub container: Option<String>,
    /// The script it runs, when it is written in the step itself.
    pub script: Option<Script>,
    /// Packages and their versions.
    pub packages: Vec<String>,
    /// Where a person changes all this.
    pub url: Option<String>,
    /// The way there in words, such as `Process › Scan › Conditions › Retries`, for retries and time limit.
    pub path_to_settings: Option<String>,
    /// Where it is written, if it is kept as a file in a repository.
    pub source: Option<Source>,
}

/// The file that a step's definition is written in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    /// The repository's address.
    pub repository: String,
    /// The file's path in it.
    pub path: String,
    /// The branch, if the run was made from one.
    pub branch: Option<String>,
    /// The commit that the run was made from.
    pub commit: String,
    /// The step as the file calls it.
    pub step: String,
    /// The part of that step that is meant, as the file calls it.
    pub action: String,
    /// The step's own lines with their line ends, and the number of the first one; `None` where nobody could read them.
    pub lines: Option<(usize, String)>,
}

/// A script as a run's definition holds it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script {
    /// The language, such as `PowerShell` or `Bash`.
    pub syntax: String,
    /// The text.
    pub body: String,
}

/// An earlier run of the same project in the same environment that failed too.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    /// What it was, such as `0.1.1980`.
    pub title: String,
    /// When it was.
    pub when: Option<Timestamp>,
    /// Where to look at it.
    pub url: Option<String>,
    /// Whether it was the same failure; `None` where that is not known.
    pub same: Option<bool>,
    /// What came of it, such as `the same release succeeded later, on …`.
    pub after: Option<String>,
}

/// One thing known beyond the log, such as the release's notes.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// What it is.
    pub title: String,
    /// What it says.
    pub text: String,
    /// Where it stands.
    pub url: Option<String>,
}

/// One thing that differs from the last good run.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What sort of thing.
    pub kind: ChangeKind,
    /// What differs, such as `variable Api:Url` or `script of step Scan`.
    pub title: String,
    /// What it was; `None` when it was not there, or may not be shown.
    pub before: Option<String>,
    /// What it is; `None` when it is gone, or may not be shown.
    pub after: Option<String>,
    /// A change of text as a unified diff, or what else it says in full, such as a commit's message and files.
    pub details: Option<String>,
    /// The step it belongs to.
    pub step: Option<String>,
    /// Who made it.
    pub who: Option<String>,
    /// When it was made; `None` when only the interval is known.
    pub when: Option<Timestamp>,
    /// Where to look at it.
    pub url: Option<String>,
}

/// What sort of thing a [`Change`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// The version of a package or image that is deployed.
    Package,
    /// A commit that went into the release or build.
    Commit,
    /// A ticket that a commit or release names.
    WorkItem,
    /// A step's script, settings or order; the definition of the pipeline.
    Process,
    /// A variable's value or scope.
    Variable,
    /// A machine that is deployed to, or its health.
    Target,
    /// The machine, image or tools that the steps run on.
    Worker,
    /// Something that happened on the server, such as an upgrade or an edited account.
    Event,
}

/// The last good run, to compare with.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    /// Which run.
    pub run: Run,
    /// Its log; empty where it could not be read.
    pub log: Log,
    /// Why it is the one to compare with, such as `the last success in Production`.
    pub why: String,
}

/// A change that touches what the evidence names.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspect {
    /// The index of the change among the run's changes.
    pub change: usize,
    /// The lines that name what it touches: indices into [`Log::lines`]; in a [`Case`] [`ExcerptLine::id`]s.
    pub lines: Vec<usize>,
    /// The words in which the two meet, most telling first.
    pub words: Vec<String>,
    /// How likely it is to blame, from 0 to 1.
    pub score: f64,
}

/// Values that must never be shown. Can't be printed, compared or serialized.
#[derive(Clone, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Adds a value; blank ones are ignored.
    pub fn add(&mut self, value: impl Into<String>) {
        let value = value.into();
        if !value.trim().is_empty() {
            self.0.push(value);
        }
    }

    /// The values, for the one room that masks them.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.0
    }
}

/// All that was collected of one failing run. Raw: nothing here may leave before it is sealed.
#[derive(Clone, Default)]
pub struct Incident {
    /// Which run.
    pub run: Run,
    /// Its log.
    pub log: Log,
    /// What the run's definition says of the steps that failed.
    pub definitions: Vec<Definition>,
    /// Earlier failures of the same project and environment, newest first; `None` when nobody could tell.
    pub earlier: Option<Vec<Earlier>>,
    /// The ends of the logs of some of them, by index.
    pub earlier_logs: Vec<(usize, Log)>,
    /// The last good run; `None` when there is none, or nobody could tell.
    pub baseline: Option<Baseline>,
    /// What differs from it; empty without one.
    pub changes: Vec<Change>,
    /// What else is known.
    pub context: Vec<Context>,
    /// What to hide.
    pub secrets: Secrets,
}

/// Which lines to show and why. Line indices only, no text yet.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The lines to show, in log order.
    pub picks: Vec<Pick>,
    /// The lines of the picks, best first: indices into [`Log::lines`].
    pub best: Vec<usize>,
    /// Failures we know, best explanation first.
    pub matches: Vec<Match>,
    /// Changes that may be to blame, most likely first.
    pub suspects: Vec<Suspect>,
    /// How many of them are likelier than that nothing which changed is to blame; `None` where that is hardly likely.
    pub outside_after: Option<usize>,
    /// The size of the picks in tokens.
    pub tokens: usize,
    /// How many lines of the log are not shown.
    pub omitted: usize,
    /// Whether no line speaks of a failure.
    pub quiet: bool,
}

/// A run of lines that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Pick {
    /// Indices into [`Log::lines`], ascending, adjoining.
    pub lines: std::ops::Range<usize>,
    /// Why they were picked, in a few words.
    pub reason: String,
    /// How much they explain; larger is better.
    pub score: f64,
    /// How many alike runs of lines are not shown because this one speaks for them.
    pub repeats: usize,
}

/// A failure we know: what it looks like, what it means, what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// Its name in reports and settings, such as `registry-rate-limit`.
    pub id: String,
    /// In a line, such as `A container registry limits the rate of downloads`.
    pub title: String,
    /// Whose door to knock at.
    pub domain: Domain,
    /// What sort of failure, such as `rate-limit`; one word per sort over the whole catalogue.
    pub kind: String,
    /// Whether trying again can help.
    pub retry: Retry,
    /// Why it happens, in plain words; may name captures of the pattern as `{name}`.
    pub cause: String,
    /// Steps to fix it, each a sentence.
    pub fix: Vec<String>,
    /// How to see that it is fixed.
    pub verify: String,
    /// A command that looks and changes nothing; may name captures like `cause`.
    pub command: Option<String>,
    /// What would prove it wrong, a sentence.
    pub disproof: Option<String>,
    /// Pages with more.
    pub links: Vec<String>,
    /// Whether it names a cause or only what a cause leads to.
    pub role: Role,
}

/// The part of a system in which a failure is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// The application's or script's own code.
    Code,
    /// Settings, variables, manifests.
    Configuration,
    /// Machines, networks, disks.
    Infrastructure,
    /// Packages, registries, services of others.
    Dependency,
    /// The deployment or build system itself.
    Platform,
    /// Permissions, keys, logins.
    Access,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It is transient: a retry, with a pause, often succeeds.
    Helps,
    /// It depends on what is behind it.
    Maybe,
    /// The same input fails again.
    No,
}

/// What a [`Signature`]'s lines say about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// They name why.
    Cause,
    /// They name what follows from a cause that may stand elsewhere, such as a missing output file.
    Symptom,
}

/// A [`Signature`] found in a log.
#[derive(Debug, Clone)]
pub struct Match {
    /// What was found.
    pub signature: Arc<Signature>,
    /// The index in [`Log::lines`] of the line that shows it best.
    pub line: usize,
    /// How often it was found in the failed part.
    pub count: usize,
    /// How well it explains the failure, from 0 to 1.
    pub strength: f64,
    /// Named parts of that line, such as `host` = `ghcr.io`.
    pub captures: Vec<(String, String)>,
}

/// A pick written out, masked.
#[derive(Debug, Clone, PartialEq)]
pub struct Excerpt {
    /// The step and place the lines belong to.
    pub step: Option<String>,
    /// The lines.
    pub lines: Vec<ExcerptLine>,
    /// Why they are shown.
    pub reason: String,
    /// How many alike excerpts are not shown.
    pub repeats: usize,
}

/// One line of an [`Excerpt`].
#[derive(Debug, Clone, PartialEq)]
pub struct ExcerptLine {
    /// The line's place in the log as read, from 1: what a citation names. Unique in a case.
    pub id: usize,
    /// The line's number as the host counts it (see [`Numbering`]).
    pub number: usize,
    /// How severe its writer took it to be.
    pub level: Level,
    /// When it was written.
    pub time: Option<Timestamp>,
    /// Its text, masked, else unabbreviated.
    pub text: String,
}

/// All that may leave. Only the redactor writes one.
#[derive(Debug, Clone, Default)]
pub struct Case {
    /// Which run.
    pub run: Run,
    /// Its steps, for the timeline.
    pub steps: Vec<Step>,
    /// The evidence, in log order.
    pub excerpts: Vec<Excerpt>,
    /// Failures we know, best explanation first; `line` is an [`ExcerptLine::id`] here.
    pub matches: Vec<Match>,
    /// What the run's definition says of the steps that failed.
    pub definitions: Vec<Definition>,
    /// Earlier failures, newest first.
    pub earlier: Option<Vec<Earlier>>,
    /// The last good run and why it is the one to compare with.
    pub baseline: Option<(Run, String)>,
    /// The last good run's steps, to compare times with.
    pub baseline_steps: Vec<Step>,
    /// What differs from it.
    pub changes: Vec<Change>,
    /// Changes that may be to blame, most likely first.
    pub suspects: Vec<Suspect>,
    /// How many of them are likelier than that nothing which changed is to blame; `None` where that is hardly likely.
    pub outside_after: Option<usize>,
    /// What else is known.
    pub context: Vec<Context>,
    /// The [`ExcerptLine::id`]s of the lines shown, best first.
    pub best: Vec<usize>,
    /// Whether neither a line speaks of a failure nor the host.
    pub quiet: bool,
    /// What the lines' numbers count.
    pub numbering: Numbering,
    /// Lines of the log in all.
    pub total_lines: usize,
    /// The size of the excerpts in tokens.
    pub tokens: usize,
    /// How many secrets were masked in all this.
    pub masked: usize,
}

impl Case {
    /// The change that is most likely to blame. `None` where it is likelier that none is.
    #[must_use]
    pub fn first_suspect(&self) -> Option<(&Suspect, &Change)> {
        let suspect = self.suspects.first().filter(|_| self.outside_after != Some(0))?;
        Some((suspect, self.changes.get(suspect.change)?))
    }

    /// The excerpt line that a citation names.
    #[must_use]
    pub fn line(&self, id: usize) -> Option<&ExcerptLine> {
        self.excerpts.iter().flat_map(|excerpt| &excerpt.lines).find(|line| line.id == id)
    }

    /// The line that says most; where nobody weighed them, the first of the most severe lines shown.
    #[must_use]
    pub fn telling_line(&self) -> Option<&ExcerptLine> {
        if let Some(best) = self.best.iter().find_map(|id| self.line(*id)) {
            return Some(best);
        }
        let lines = || self.excerpts.iter().flat_map(|excerpt| &excerpt.lines);
        let worst = lines().map(|line| line.level).max()?;
        // A fatal line only says that the step failed; the error before it says why.
        let wanted = worst.min(Level::Error);
        lines().find(|line| line.level == wanted).or_else(|| lines().find(|line| line.level == worst))
    }

    /// The excerpt that holds the line a citation names.
    #[must_use]
    pub fn excerpt_of(&self, id: usize) -> Option<&Excerpt> {
        self.excerpts.iter().find(|excerpt| excerpt.lines.iter().any(|line| line.id == id))
    }
}

/// What went wrong and what to do, each claim with its lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The cause in a sentence or two; for an unknown one, that it is unknown.
    pub summary: String,
    /// What sort of failure (see [`Signature::kind`]); `None` when unknown.
    pub kind: Option<String>,
    /// Whose door to knock at; `None` when unknown.
    pub domain: Option<Domain>,
    /// Whether trying again can help; `None` when unknown.
    pub retry: Option<Retry>,
    /// Explanations, best first.
    pub hypotheses: Vec<Hypothesis>,
    /// What to do, best first.
    pub fixes: Vec<Fix>,
    /// How sure we are.
    pub confidence: Confidence,
    /// Who says so.
    pub author: Author,
}

/// One explanation and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// The explanation.
    pub cause: String,
    /// [`ExcerptLine::id`]s of the lines that show it; empty for a guess.
    pub citations: Vec<usize>,
    /// How to check it.
    pub check: Option<String>,
    /// A command that shows whether it is so; it changes nothing.
    pub command: Option<String>,
    /// What one would see if it were wrong.
    pub disproof: Option<String>,
    /// The signature it came from.
    pub signature: Option<String>,
    /// Pages with more.
    pub links: Vec<String>,
}

/// How sure a diagnosis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Nothing known was found.
    None,
    /// A guess, or a symptom without its cause.
    Low,
    /// It fits, and something else might too.
    Medium,
    /// The failed step's own lines say it.
    High,
}

/// Who made a diagnosis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// The catalogue of known failures.
    Rules,
    /// A model, held to the evidence.
    Llm {
        /// Whose.
        provider: String,
        /// Which.
        model: String,
    },
}

/// What one question to a model took. Kept beside the diagnosis, for it was spent even where the answer was not used.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// Whose model, as in [`Author::Llm`].
    pub provider: String,
    /// Which.
    pub model: String,
    /// Tokens of the question, as the provider counted them, else as we did.
    pub tokens_in: usize,
    /// Tokens of the answer, reasoning included.
    pub tokens_out: usize,
    /// From the first byte sent to the last one read.
    pub seconds: f64,
    /// What it cost, in US dollars, by the table of models; `None` where the price is not known.
    pub price: Option<f64>,
}

/// One request to a model and what came back, for who audits what leaves. Holds no key.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// Whose model.
    pub provider: String,
    /// Which.
    pub model: String,
    /// Where to, without the query.
    pub address: String,
    /// The request's body, as sent.
    pub request: String,
    /// The HTTP status; `None` where nothing came back.
    pub status: Option<u16>,
    /// The model's text, put together where it was streamed; for any other status the body; else what went wrong.
    pub answer: String,
}

/// Something to do, as concrete as we can make it. Never applied by us.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fix {
    /// What sort of thing it is.
    pub kind: FixKind,
    /// In a line.
    pub title: String,
    /// Why it helps.
    pub why: String,
    /// What to do, in order.
    pub steps: Vec<String>,
    /// The setting it changes.
    pub setting: Option<Setting>,
    /// A command for a person to run.
    pub command: Option<String>,
    /// A change of text as a unified diff.
    pub diff: Option<String>,
    /// The whole text after that change, as a file: its name and what it holds.
    pub file: Option<(String, String)>,
    /// What it may do besides what it is meant to.
    pub risk: Option<String>,
    /// How to take it back.
    pub undo: Option<String>,
    /// Where a person does it.
    pub url: Option<String>,
}

/// A setting of the deployment system, as it is and as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name, as the system's own pages call it.
    pub name: String,
    /// Its value in the run that failed; `None` where nobody could tell.
    pub now: Option<String>,
    /// The value to give it.
    pub then: String,
}

/// What sort of thing a [`Fix`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FixKind {
    /// A setting of the deployment system.
    Setting,
    /// A change of a step's script.
    Script,
    /// A change of a file in the repository that the run was made from.
    Repository,
    /// A command to run.
    Command,
    /// Something to do by hand or to ask someone for.
    #[default]
    Person,
}

/// Something a host can be asked to show. Text is sealed already; the host escapes it in its own dialect.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A line for the first screen.
    Highlight(String),
    /// An ordinary line.
    Info(String),
    /// A line for who wants to know more.
    Verbose(String),
    /// A line that warns.
    Warning(String),
    /// How far we are, in percent, and with what.
    Progress(u8, String),
    /// A value for later steps.
    Output {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// The whole report in Markdown, for where there is a page.
    Summary(String),
    /// The place in the sources that the evidence names.
    Place {
        /// The file, relative to the sources.
        file: String,
        /// The line in it.
        line: Option<usize>,
    },
    /// A file to keep with the run.
    Artifact {
        /// Where it is, absolute.
        path: std::path::PathBuf,
        /// What it is called there.
        name: String,
        /// Its size.
        bytes: u64,
    },
}

/// The part of the pipeline that left a [`Note`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading settings.
    Settings,
    /// Asking the host.
    Collect,
    /// Choosing lines.
    Reduce,
    /// Asking the model.
    Diagnose,
    /// Writing and telling.
    Publish,
}

/// Something we could not do, and what it costs. It never stops the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where.
    pub stage: Stage,
    /// What, in a line.
    pub text: String,
}

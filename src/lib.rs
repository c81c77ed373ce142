//! Reads the log of a failed run and says why it failed.
//!
//! The pipeline, a line a stage: detect → collect → reduce → redact → diagnose → publish. See `ARCHITECTURE.md` for the map.

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use jiff::Timestamp;

use crate::diagnose::Choice;
use crate::diagnose::prompt::Prompt;
use crate::early::{Draft, Outcome, SoFar};
use crate::error::Error;
use crate::host::{Env, Host, Standing, Verdict, octopus};
use crate::http::Http;
use crate::model::{Case, Evidence, Incident, Note, Stage};
use crate::redact::{Also, Redacted, Redactor};
use crate::reduce::Budget;
use crate::report::Asked;
use crate::settings::Settings;
use crate::signature::Catalogue;
use crate::wrap::times::{Compared, Good, Times, Waited};

pub mod apart;
pub mod beside;
pub mod clean;
pub mod cli;
pub mod diagnose;
pub mod early;
pub mod error;
pub mod forge;
pub mod host;
pub mod http;
pub mod model;
pub mod ocl;
pub mod publish;
pub mod recur;
pub mod redact;
pub mod reduce;
pub mod report;
pub mod runbook;
pub mod saved;
pub mod self_check;
pub mod settings;
pub mod signature;
pub mod stop;
pub mod tree;
pub mod wrap;

/// Diagnoses the run that `settings` and `env` name and publishes the report on `out`. `None` where somebody else has told what
/// `so_far` had found, before the diagnosis was done.
pub fn diagnose(
    settings: &Settings,
    env: &Env,
    secrets: Vec<String>,
    now: Timestamp,
    so_far: &SoFar,
    out: &mut dyn Write,
) -> Result<Option<Outcome>, Error> {
    thread::spawn(reduce::tokens::load);
    let http = door(settings)?;
    let host: Arc<dyn Host> = Arc::from(place(settings, env, &http)?);
    publish::progress(host.as_ref(), 5, "Reading the log", out);
    let mut notes = remarks(settings);
    let (case, redactor) = seal(settings, host.as_ref(), &http, secrets, &mut notes)?;
    publish::progress(host.as_ref(), 60, "Looking for the cause", out);
    let question = settings.choice.question.as_ref().map(|question| redactor.seal_text(question));
    // A question may quote a secret, and leaves for a model like all else.
    let choice = Choice { question: question.as_deref().cloned(), ..settings.choice.clone() };
    let about = case.context.iter().find(|context| context.title == octopus::FOUND).map(|context| context.text.clone());
    let question = question.map(|question| Asked { question, about: about.map(|about| redactor.seal_text(&about)) });
    let (redactor, outputs) = (Arc::new(redactor), settings.outputs.clone());
    let shared = choice.shared;
    let mut draft = Draft { case, redactor, host, outputs, question, notes, now, shared };
    so_far.found(&draft);
    let host = Arc::clone(&draft.host);
    let mut tell = |doing: &str| publish::progress(host.as_ref(), 70, doing, out);
    let asked = if choice.shared {
        beside::diagnose(&draft.case, &choice, draft.host.as_ref(), &http, &mut draft.notes, &mut tell)
    } else {
        diagnose::diagnose(&draft.case, &choice, &http, &mut draft.notes, &mut tell)
    };
    if !so_far.claim() {
        return Ok(None);
    }
    draft.tell(asked, out).map(Some)
}

/// What would leave for a model, and its size in tokens. Sends nothing to one.
pub fn prompt(settings: &Settings, env: &Env, secrets: Vec<String>) -> Result<(Prompt, usize), Error> {
    thread::spawn(reduce::tokens::load);
    let http = door(settings)?;
    let host = place(settings, env, &http)?;
    let (case, redactor) = seal(settings, host.as_ref(), &http, secrets, &mut remarks(settings))?;
    let asked = settings.choice.question.as_ref().map(|question| redactor.text(question));
    let prompt = diagnose::prompt::write(&case, asked.as_deref(), settings.choice.room());
    let tokens = reduce::tokens::count(&prompt.system) + reduce::tokens::count(&prompt.user);
    Ok((prompt, tokens))
}

/// What was picked from a log, and why.
pub struct Shown {
    /// The excerpts, masked.
    pub case: Redacted<Case>,
    /// The numbers of the picked lines, best first.
    pub lines: Vec<usize>,
    /// The kind of the failure, if it is a known one.
    pub category: Option<String>,
    /// The failed step; for a log without steps of its own what a host's mark before the best line says.
    pub step: Option<String>,
}

/// The evidence alone: what reduce picks from a log, and why.
pub fn evidence(settings: &Settings, env: &Env, secrets: Vec<String>) -> Result<Shown, Error> {
    if settings.case.is_some() {
        let reason = "a saved case has no log to pick from: use `replay` or `prompt` with it";
        return Err(Error::Settings(reason.to_owned()));
    }
    thread::spawn(reduce::tokens::load);
    let host = host::detect(env, &settings.access, &door(settings)?)?;
    let mut incident = host.collect(&mut remarks(settings))?;
    for secret in secrets {
        incident.secrets.add(secret);
    }
    let (evidence, redactor) = weigh(&incident, &catalogue(settings)?, settings.budget, settings.mask);
    let number = |index: &usize| incident.log.lines.get(*index).map(|line| line.number);
    let lines = evidence.best.iter().filter_map(number).collect();
    let sure = evidence.matches.first().filter(|best| best.strength >= signature::SURE);
    let category = sure.map(|best| best.signature.kind.clone());
    let failed = incident.log.steps.iter().find(|step| step.culprit).map(|step| step.name.clone());
    let step = failed.or_else(|| host::marker::step_of(&incident.log, *evidence.best.first()?));
    Ok(Shown { case: redactor.seal(&incident, &evidence), lines, category, step })
}

/// A run and its evidence as they are before anything is masked: for `examples/fit`, never to be shown.
pub fn unmasked(settings: &Settings, env: &Env) -> Result<(Incident, Evidence), Error> {
    let (http, mut notes) = (door(settings)?, Vec::new());
    let mut incident = host::detect(env, &settings.access, &http)?.collect(&mut notes)?;
    forge::enrich(&mut incident, &settings.forge, &http, &mut notes);
    let (evidence, _) = weigh(&incident, &catalogue(settings)?, settings.budget, settings.mask);
    Ok((incident, evidence))
}

/// Says how long a command that ended well took beside its earlier good runs, and keeps that for later ones; also why it could not
/// be kept.
#[must_use]
pub fn timed(
    settings: &Settings,
    env: &Env,
    secrets: Vec<String>,
    good: &Good,
    mut incident: Incident,
) -> (Compared, Option<String>) {
    for secret in secrets.into_iter().chain(settings::secrets_in(env)) {
        incident.secrets.add(secret);
    }
    let redactor = Redactor::new(&incident);
    let waits = good.waits.iter().map(|wait| Waited { after: redactor.text(&wait.after), ..*wait }).collect();
    let good = Good { command: redactor.text(&good.command), waits, ..good.clone() };
    let path = &settings.times;
    let known = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Times::default()),
        Err(error) => Err(error.to_string()),
        Ok(text) => Times::read(&text),
    };
    // What is not ours is not written over.
    let is_ours = known.as_ref().map(drop).map_err(Clone::clone);
    let mut times = known.unwrap_or_default();
    let compared = times.compare(&good);
    times.add(good);
    let kept = is_ours.and_then(|()| publish::put(path, &times.written()).map_err(|error| error.to_string()));
    let fault = kept.err().map(|reason| {
        format!(
            "the times of good runs are not kept in {}: {reason}; name a file for them with --times",
            path.display()
        )
    });
    (compared, fault)
}

/// What works and what does not in the place where we run.
pub fn doctor(settings: &Settings, env: &Env) -> Result<Vec<Verdict>, Error> {
    let http = door(settings)?;
    let mut verdicts = match host::detect(env, &settings.access, &http) {
        Ok(host) => host.examine(),
        Err(_) => {
            vec![Verdict::new(Standing::Off, "Octopus Server", "not set up: set OCTOPUS_URL and OCTOPUS_API_KEY")]
        }
    };
    if settings.choice.models.is_empty() {
        verdicts.push(Verdict::new(
            Standing::Off,
            "model",
            "not set up: the built-in catalogue answers; set FIREFIGHTER_LLM_PROVIDER or FIREFIGHTER_LLM_URL to use one",
        ));
    }
    for model in &settings.choice.models {
        verdicts.push(match diagnose::examine(model, &settings.choice, &http) {
            Ok(_) => {
                let room = settings.choice.room().most.map(|tokens| format!("; a case may have {tokens} tokens"));
                let (name, provider) = (&model.name, model.provider());
                Verdict::new(
                    Standing::Good,
                    "model",
                    format!("{name} at {provider} answers{}", room.unwrap_or_default()),
                )
            }
            Err(reason) => {
                let name = &model.name;
                Verdict::new(
                    Standing::Poor,
                    "model",
                    format!("{name}: {reason}; until then the built-in catalogue answers"),
                )
            }
        });
    }
    verdicts.push(match forge::described(&settings.forge) {
        (_, text) if text.is_empty() => Verdict::new(Standing::Off, "commits", "nobody is asked for their diffs"),
        (true, text) => Verdict::new(Standing::Good, "commits", text),
        (false, text) => Verdict::new(Standing::Off, "commits", text),
    });
    let catalogue = catalogue(settings);
    verdicts.push(match catalogue {
        Ok(catalogue) => {
            Verdict::new(Standing::Good, "signatures", format!("{} known failures", catalogue.signatures().len()))
        }
        Err(error) => Verdict::new(Standing::Bad, "signatures", error.to_string()),
    });
    verdicts.extend(settings.remarks.iter().map(|remark| Verdict::new(Standing::Poor, "settings", remark.as_str())));
    Ok(verdicts)
}

/// A message of our own without the secrets that settings in `env` hold, and without what looks like one.
#[must_use]
pub fn sealed(text: &str, env: &Env) -> Redacted<String> {
    let mut incident = Incident::default();
    for secret in settings::secrets_in(env) {
        incident.secrets.add(secret);
    }
    Redactor::new(&incident).seal_text(text)
}

/// The host to ask. A saved case is told like a log file: to a person, for the run it is of is not the one around us.
fn place(settings: &Settings, env: &Env, http: &Arc<Http>) -> Result<Box<dyn Host>, Error> {
    let mut access = settings.access.clone();
    if let Some(path) = &settings.case {
        access.log = Some(path.display().to_string());
    }
    host::detect(env, &access, http)
}

/// The way of a run from its log to all that may leave of it.
fn seal(
    settings: &Settings,
    host: &dyn Host,
    http: &Http,
    secrets: Vec<String>,
    notes: &mut Vec<Note>,
) -> Result<(Redacted<Case>, Redactor), Error> {
    let catalogue = catalogue(settings)?;
    if let Some(path) = &settings.case {
        return saved::read(path, &catalogue, secrets, notes);
    }
    let mut incident = host.collect(notes).map_err(|error| {
        let reasons: Vec<&str> =
            notes.iter().filter(|note| note.stage == Stage::Collect).map(|note| note.text.as_str()).collect();
        error.because(&reasons)
    })?;
    for secret in secrets {
        incident.secrets.add(secret);
    }
    forge::enrich(&mut incident, &settings.forge, http, notes);
    let (mut evidence, redactor) = weigh(&incident, &catalogue, settings.budget, settings.mask);
    let differs = incident.baseline.as_ref().and_then(|last| apart::apart(&incident.log, &last.log));
    incident.context.extend(differs);
    recur::judge(&mut incident, &evidence, &catalogue);
    let good = incident.baseline.as_ref().map(|last| &last.log).filter(|log| !log.lines.is_empty());
    (evidence.suspects, evidence.outside_after) =
        reduce::suspect::suspects(&incident.log, &evidence, &incident.changes, &incident.run, good);
    if incident.baseline.is_none() {
        // With nothing to compare with there is no such finding, and what is fainter than it says nothing.
        if evidence.outside_after.take() == Some(0) {
            evidence.suspects.clear();
        }
    }
    forge::lead(&mut incident.changes, &evidence.suspects);
    let mut case = redactor.seal(&incident, &evidence);
    // Searched with what may leave, so that no word under a mask is told as a reason or sent in a query.
    let mut offered =
        settings.runbooks.iter().flat_map(|folder| runbook::search(folder, &case, notes)).collect::<Vec<_>>();
    if settings.forge.issues.is_some() {
        let words = runbook::telling(&case, forge::issues::WORDS);
        let found = forge::issues::search(&words, &incident.changes, &settings.forge, http, notes);
        let issues = found.iter().map(|one| runbook::Page::of(&one.place, &one.title, &one.text, &one.url));
        offered.extend(runbook::fitting(issues.collect(), &case));
    }
    if !offered.is_empty() {
        incident.context.extend(offered);
        case = redactor.seal(&incident, &evidence);
    }
    Ok((case, redactor))
}

/// What explains the failure and what must be hidden: two looks at the whole log, side by side.
fn weigh(incident: &Incident, catalogue: &Catalogue, budget: Budget, mask: Also) -> (Evidence, Redactor) {
    let baseline = incident.baseline.as_ref().map(|baseline| &baseline.log);
    thread::scope(|scope| {
        let redactor = scope.spawn(|| Redactor::with(incident, mask));
        let evidence = reduce::reduce(&incident.log, baseline, catalogue, budget);
        // Nothing may leave without a redactor: where the thread broke down, the same is tried once more here.
        (evidence, redactor.join().unwrap_or_else(|_| Redactor::with(incident, mask)))
    })
}

fn catalogue(settings: &Settings) -> Result<Catalogue, Error> {
    let Some(path) = &settings.signatures else { return Ok(Catalogue::builtin()) };
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::Rules { path: name.clone(), reason: format!("cannot be read: {error}") })?;
    Catalogue::builtin().with_user_file(&name, &text)
}

fn door(settings: &Settings) -> Result<Arc<Http>, Error> {
    let deadline = Instant::now() + settings.deadline;
    Http::new(settings.network.clone(), deadline).map(Arc::new).map_err(|failure| Error::Settings(failure.to_string()))
}

fn remarks(settings: &Settings) -> Vec<Note> {
    settings.remarks.iter().map(|text| Note { stage: Stage::Settings, text: text.clone() }).collect()
}

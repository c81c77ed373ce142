//! A run in which plants stand in one part, and all that leaves of it.

use std::time::{Duration, Instant};

use firefighter::clean::plain;
use firefighter::diagnose::{Choice, Limits, diagnose, fingerprint};
use firefighter::http::{Http, Network};
use firefighter::model::{
    Author, Baseline, Change, ChangeKind, Confidence, Context, Definition, Diagnosis, Evidence, Fix, FixKind,
    Hypothesis, Incident, Log, Note, Outcome, Pick, Run, Script, Stage, Step, Suspect,
};
use firefighter::redact::Redactor;
use firefighter::reduce::tokens;
use firefighter::report::{FORMATS, Report};

use crate::plants::Part;
use crate::sim::Listener;
use crate::stand;

/// A run whose log is `text`.
pub fn incident(text: &str) -> Incident {
    let mut log = plain(text.as_bytes()).unwrap();
    log.steps.push(Step {
        name: "Deploy".to_owned(),
        place: None,
        outcome: Outcome::Failed,
        culprit: true,
        started: None,
        finished: None,
        attempts: 1,
        depth: 0,
    });
    let run = Run { host: "Octopus Deploy".into(), title: "Deploy Shop".into(), ..Run::default() };
    Incident { run, log, ..Incident::default() }
}

fn change(kind: ChangeKind, title: &str) -> Change {
    Change {
        kind,
        title: title.to_owned(),
        before: None,
        after: None,
        details: None,
        step: None,
        who: None,
        when: None,
        url: None,
    }
}

/// What we say ourselves beside the case.
#[derive(Default)]
pub struct Said {
    pub notes: Vec<String>,
    pub answer: Vec<String>,
}

/// Puts `text` into a part of the run; `name` tells it from others there.
pub fn put(incident: &mut Incident, said: &mut Said, part: Part, name: &str, text: String) {
    match part {
        Part::Log | Part::Baseline => {}
        Part::Script => {
            let script = Script { syntax: "Bash".into(), body: text };
            let step = format!("Step {name}");
            incident.definitions.push(Definition { step, script: Some(script), ..Definition::default() });
        }
        Part::Before => {
            let title = format!("variable {name}.Token");
            incident.changes.push(Change { before: Some(text), ..change(ChangeKind::Variable, &title) });
        }
        Part::After => {
            let title = format!("variable {name}.Settings");
            incident.changes.push(Change { after: Some(text), ..change(ChangeKind::Variable, &title) });
        }
        Part::Diff => {
            let title = format!("script of step {name}");
            incident.changes.push(Change { details: Some(text), ..change(ChangeKind::Process, &title) });
        }
        Part::Commit => {
            let title = format!("commit {name}");
            incident.changes.push(Change { details: Some(text), ..change(ChangeKind::Commit, &title) });
        }
        Part::Note => said.notes.push(format!("{name}: {text}")),
        Part::Runbook => incident.context.push(Context { title: format!("Runbook {name}"), text, url: None }),
        Part::Answer => said.answer.push(text),
    }
}

/// Gives the run a last good one with this log.
pub fn baseline(incident: &mut Incident, text: &str) {
    let log: Log = plain(text.as_bytes()).unwrap();
    incident.baseline = Some(Baseline { run: Run::default(), log, why: "the last success".into() });
}

fn diagnosis(said: &Said) -> Diagnosis {
    let hypothesis = |text: &String| Hypothesis {
        cause: text.clone(),
        citations: vec![1],
        check: Some(text.clone()),
        command: Some(text.clone()),
        disproof: Some(text.clone()),
        signature: None,
        links: Vec::new(),
    };
    let fix = |text: &String| Fix {
        kind: FixKind::Person,
        title: "Ask".into(),
        why: text.clone(),
        steps: vec![text.clone()],
        command: Some(text.clone()),
        diff: Some(text.clone()),
        file: Some(("fix".into(), text.clone())),
        risk: Some(text.clone()),
        undo: Some(text.clone()),
        ..Fix::default()
    };
    Diagnosis {
        summary: said.answer.first().cloned().unwrap_or_default(),
        kind: None,
        domain: None,
        retry: None,
        hypotheses: said.answer.iter().map(hypothesis).collect(),
        fixes: said.answer.iter().map(fix).collect(),
        confidence: Confidence::Low,
        author: Author::Llm { provider: "Simulated".into(), model: "some-model".into() },
    }
}

/// All that leaves of a run: each format, the case field by field, what a model's server received, what `--record` keeps.
pub fn leaves(incident: &Incident, said: &Said) -> Vec<(String, String)> {
    let pick = Pick { lines: 0..incident.log.lines.len(), reason: "error".into(), score: 1.0, repeats: 0 };
    let suspect = |change| Suspect { change, lines: vec![0], words: Vec::new(), score: 0.9 };
    let suspects = (0..incident.changes.len()).map(suspect).collect();
    let evidence = Evidence { picks: vec![pick], best: vec![0], suspects, ..Evidence::default() };
    let redactor = Redactor::new(incident);
    let case = redactor.seal(incident, &evidence);
    let listener = Listener::start(|_| stand::says(stand::ANSWER));
    let models = vec![stand::model("openai", &listener)];
    let choice = Choice { models, answer: None, limits: Limits::default(), count: tokens::count, ..Choice::default() };
    let http = Http::new(Network::default(), Instant::now() + Duration::from_mins(1)).unwrap();
    let asked = diagnose(&case, &choice, &http, &mut Vec::new(), &mut |_: &str| {});
    let mut outputs = vec![("case".to_owned(), format!("{:?}", *case))];
    assert!(!listener.requests().is_empty(), "no model was asked");
    for request in listener.requests() {
        outputs.push(("request".to_owned(), request.text()));
    }
    outputs.push(("record".to_owned(), format!("{:?}", *redactor.seal_exchanges(asked.exchanges))));
    let diagnosis = redactor.seal_diagnosis(diagnosis(said));
    let notes = said.notes.iter().map(|text| Note { stage: Stage::Collect, text: text.clone() }).collect();
    let fingerprint = fingerprint(&case, &diagnosis);
    let (notes, usage) = (redactor.seal_notes(notes), redactor.seal_usage(asked.usage));
    let report = Report { case, diagnosis, notes, usage, made: None, fingerprint, question: None };
    for (name, _, write) in FORMATS {
        outputs.push(((*name).to_owned(), write(&report)));
    }
    outputs
}

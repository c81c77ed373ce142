//! What of a run stands in a case, and what of a case in one that was read back.

use super::*;
use crate::model::{Confidence, FixKind, Role, Signature};
use crate::redact::tests::{all_lines, changed, full, incident};

fn sealed(incident: &Incident, evidence: &Evidence) -> Case {
    (*Redactor::new(incident).seal(incident, evidence)).clone()
}

fn resealed(case: &Case, secrets: &[&str]) -> Case {
    let mut known = Secrets::default();
    for secret in secrets {
        known.add(*secret);
    }
    (*Redactor::reseal(case, known).0).clone()
}

/// A case with lines of an excerpt.
fn case_of(lines: &[&str]) -> Case {
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    let incident = incident(&text, &[]);
    // A redactor that knows nothing leaves all of it as it is.
    let evidence = all_lines(&incident);
    let mut case = sealed(&incident, &evidence);
    for (line, text) in case.excerpts.iter_mut().flat_map(|excerpt| &mut excerpt.lines).zip(lines) {
        line.text = (*text).to_owned();
    }
    case.masked = 0;
    case
}

fn lines_of(case: &Case) -> Vec<&str> {
    case.excerpts.iter().flat_map(|excerpt| &excerpt.lines).map(|line| line.text.as_str()).collect()
}

#[test]
fn what_holds_no_secret_is_read_back_as_it_was_saved() {
    let (mut incident, mut evidence) = full("a plain text", "nowhere");
    incident.changes = vec![changed("variable Api.Mood", "a plain text", "more of it")];
    incident.baseline = Some(Baseline { run: incident.run.clone(), log: incident.log.clone(), why: "why".into() });
    evidence.suspects = vec![Suspect { change: 0, lines: vec![1], words: vec!["plain".into()], score: 0.5 }];
    evidence.best = vec![1, 0];
    evidence.quiet = true;
    let case = sealed(&incident, &evidence);
    let (good, why) = case.baseline.as_ref().unwrap();
    assert_eq!((good, why.as_str()), (&incident.run, "why"));
    assert_eq!(format!("{:?}", resealed(&case, &[])), format!("{case:?}"));
}

#[test]
fn a_secret_that_somebody_put_into_a_saved_case_is_masked() {
    let key = ["first", "-----BEGIN PRIVATE KEY-----", "fakefakefakefake01234567", "89fakefakefakefake012345", "last"];
    let case = resealed(&case_of(&key), &[]);
    assert_eq!(
        lines_of(&case),
        ["first", "-----BEGIN PRIVATE KEY-----", "⟨secret:1⟩", "⟨secret:1⟩", "last"],
        "a key over several lines is known from all of them"
    );
    assert_eq!(case.masked, 1);
    assert_eq!(lines_of(&resealed(&case_of(&["say s3cr3t!x now"]), &["s3cr3t!x"])), ["say ⟨secret:1⟩ now"]);
    let mut saved = case_of(&["say s3cr3t!x now"]);
    saved.suspects = vec![Suspect { change: 0, lines: vec![1], words: vec!["s3cr3t!x".into()], score: 0.5 }];
    assert_eq!(resealed(&saved, &["s3cr3t!x"]).suspects[0].words, ["⟨secret:1⟩"]);
    saved.masked = 3;
    let case = resealed(&saved, &["s3cr3t!x"]);
    assert_eq!((lines_of(&case), case.masked), (vec!["say ⟨secret:4⟩ now"], 4));
}

#[test]
fn a_secret_seen_anywhere_in_a_saved_case_is_masked_in_its_lines() {
    let seen = || "DB_PASSWORD=x8Kq2Lm9Zr".to_owned();
    let places: [fn(&mut Case, String); 4] = [
        |case, text| case.run.error = Some(text),
        |case, text| {
            let script = Some(Script { syntax: "Bash".into(), body: text });
            case.definitions.push(Definition { script, ..Definition::default() });
        },
        |case, text| case.changes.push(changed("variable Api.Mood", &text, "")),
        |case, text| case.context.push(Context { title: String::new(), text, url: None }),
    ];
    for place in places {
        let mut case = case_of(&["x8Kq2Lm9Zr was refused"]);
        place(&mut case, seen());
        assert_eq!(lines_of(&resealed(&case, &[])), ["⟨secret:1⟩ was refused"]);
    }
    assert_eq!(lines_of(&resealed(&case_of(&["x8Kq2Lm9Zr", &seen()]), &[])), ["⟨secret:1⟩", "DB_PASSWORD=⟨secret:1⟩"]);
}

#[test]
fn no_case_says_that_it_has_masks_without_end() {
    let masks = |masked: usize| most_masks(&Case { masked, ..Case::default() });
    assert_eq!([masks(0), masks(7), masks(usize::MAX)], [0, 7, 100_000]);
}

#[test]
fn a_line_is_named_by_its_place_from_one() {
    let mut incident = incident("one two\nthree\n", &[]);
    incident.changes = vec![changed("variable Api.Mood", "one", "")];
    let signature = Signature {
        id: "x".into(),
        title: String::new(),
        domain: crate::model::Domain::Code,
        kind: String::new(),
        retry: crate::model::Retry::No,
        cause: String::new(),
        fix: Vec::new(),
        verify: String::new(),
        command: None,
        disproof: None,
        links: Vec::new(),
        role: Role::Cause,
    };
    let mut evidence = all_lines(&incident);
    evidence.matches =
        vec![Match { signature: Arc::new(signature), line: 1, count: 2, strength: 0.5, captures: Vec::new() }];
    let words = ["one", "Scan", "nowhere"].map(str::to_owned).to_vec();
    evidence.suspects = vec![Suspect { change: 0, lines: vec![0, 1], words, score: 0.5 }];
    evidence.best = vec![1, 0];
    let case = sealed(&incident, &evidence);
    assert_eq!((case.matches[0].line, case.matches[0].count, case.best), (2, 2, vec![2, 1]));
    assert_eq!(case.suspects[0].lines, [1, 2]);
    assert_eq!(case.suspects[0].words, ["one", "Scan"], "what is to be seen, in a line or as the step's name");
}

#[test]
fn the_place_of_a_step_tells_runs_of_it_apart_only_below_the_first_level() {
    let mut incident = incident("one\n", &[]);
    let step = |incident: &Incident| sealed(incident, &all_lines(incident)).excerpts[0].step.clone();
    assert_eq!(step(&incident).as_deref(), Some("Scan › Worker"));
    incident.log.steps[0].depth = 0;
    assert_eq!(step(&incident).as_deref(), Some("Scan"));
    incident.log.steps[0].depth = 1;
    incident.log.steps[0].place = None;
    assert_eq!(step(&incident).as_deref(), Some("Scan"));
}

#[test]
fn a_case_is_quiet_where_neither_a_line_nor_the_host_nor_a_step_speaks_of_a_failure() {
    let quiet = |says: bool, error: Option<&str>, culprit: bool| {
        let mut incident = incident("one\n", &[]);
        incident.run.error = error.map(str::to_owned);
        incident.log.steps[0].culprit = culprit;
        sealed(&incident, &Evidence { quiet: says, ..all_lines(&incident) }).quiet
    };
    assert!(quiet(true, None, false));
    assert!(!quiet(false, None, false) && !quiet(true, Some("no"), false) && !quiet(true, None, true));
}

#[test]
fn a_setting_whose_name_is_secret_is_masked_as_a_whole() {
    let setting = |name: &str| {
        let setting = Setting { name: name.into(), now: Some("sunshine".into()), then: "moonshine".into() };
        let fix = Fix { kind: FixKind::Setting, setting: Some(setting), ..Fix::default() };
        let diagnosis = Diagnosis {
            summary: String::new(),
            kind: None,
            domain: None,
            retry: None,
            hypotheses: Vec::new(),
            fixes: vec![fix],
            confidence: Confidence::Low,
            author: Author::Rules,
        };
        let sealed = Redactor::new(&incident("", &[])).seal_diagnosis(diagnosis);
        let setting = sealed.fixes[0].setting.clone().unwrap();
        (setting.now.unwrap(), setting.then)
    };
    assert_eq!(setting("Api.Mood"), ("sunshine".to_owned(), "moonshine".to_owned()));
    assert_eq!(setting("Api.Password"), ("⟨secret:1⟩".to_owned(), "⟨secret:2⟩".to_owned()));
}

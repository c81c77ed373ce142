//! What of an answer is told, by what it says and what the case holds.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::model::{Domain, Excerpt, ExcerptLine, Level, Match, Role, Run, Signature};

/// Lines L3 to L5 of a run that failed.
fn case() -> Case {
    let texts = [
        "pull of ghcr.io/acme/shop:7 begins",
        "TOOMANYREQUESTS: too many requests to the registry",
        "the process ended with exit code 137",
    ];
    let lines = texts.iter().zip(3..).map(|(text, id)| ExcerptLine {
        id,
        number: id,
        level: Level::Info,
        time: None,
        text: (*text).to_owned(),
    });
    let excerpt = Excerpt { step: None, lines: lines.collect(), reason: String::new(), repeats: 0 };
    let run = Run { error: Some("it failed".to_owned()), ..Run::default() };
    Case { run, excerpts: vec![excerpt], ..Case::default() }
}

/// The catalogue's word, which knows `kind` with that confidence.
fn known(kind: Option<&str>, confidence: Confidence) -> Diagnosis {
    let cause = Hypothesis {
        cause: "A registry limits downloads.".to_owned(),
        citations: vec![4],
        check: None,
        command: None,
        disproof: None,
        signature: None,
        links: Vec::new(),
    };
    let fix = |kind: FixKind| Fix { kind, title: format!("{kind:?}"), ..Fix::default() };
    Diagnosis {
        summary: "A registry limits downloads.".to_owned(),
        kind: kind.map(str::to_owned),
        domain: Some(Domain::Dependency),
        retry: Some(Retry::Helps),
        hypotheses: vec![cause],
        fixes: vec![fix(FixKind::Person), fix(FixKind::Setting)],
        confidence,
        author: Author::Rules,
    }
}

/// A catalogue that knows nothing.
fn nothing() -> Diagnosis {
    Diagnosis { hypotheses: Vec::new(), fixes: Vec::new(), ..known(None, Confidence::None) }
}

fn asked() -> Prompt {
    Prompt { system: "Say the cause in one or two sentences".to_owned(), user: String::new() }
}

fn held(answer: &Value, known: &Diagnosis) -> Result<(Diagnosis, Vec<String>), Flaw> {
    check(&answer.to_string(), &case(), known, Author::Rules, &asked())
}

fn told(answer: &Value, known: &Diagnosis) -> Diagnosis {
    held(answer, known).unwrap().0
}

fn claim(cause: &str, lines: &[&str]) -> Value {
    json!({ "cause": cause, "lines": lines })
}

/// An answer that gives those hypotheses.
fn answer(hypotheses: &[Value]) -> Value {
    json!({ "summary": "The registry refuses more requests.", "kind": "rate-limit", "hypotheses": hypotheses })
}

/// One that holds.
fn sound() -> Value {
    answer(&[claim("The registry had too many requests", &["L4"])])
}

fn causes(diagnosis: &Diagnosis) -> Vec<&str> {
    diagnosis.hypotheses.iter().map(|one| one.cause.as_str()).collect()
}

#[test]
fn a_copy_of_the_question_is_no_answer() {
    let system = "Answer: {\"summary\": \"the cause in one or two sentences\"}, such as dns, or a long word".to_owned();
    let question = Prompt { system, user: String::new() };
    let check = |text: &str, expected: bool| assert_eq!(parrots(text, &question), expected, "{text}");
    check("the cause in one or two sentences", true);
    check("The cause in one or two  sentences", true);
    check("L12", true);
    check("...", true);
    check("dns", false);
    check("The name does not resolve.", false);
    // As long as a copy is at least, and one character less.
    check("dns, or a long w", true);
    check("dns, or a long ", false);
}

#[test]
fn the_answer_is_found_among_what_was_thought_aloud() {
    let answer = sound().to_string();
    for reply in [format!("{{no}}</think>{answer}"), format!("Here it is: {answer} I hope it helps."), answer] {
        assert!(check(&reply, &case(), &nothing(), Author::Rules, &asked()).is_ok(), "{reply}");
    }
}

#[test]
fn an_answer_that_ends_in_the_middle_is_told_from_one_that_is_none() {
    let flaw = |reply: &str| check(reply, &case(), &nothing(), Author::Rules, &asked()).unwrap_err();
    assert!(matches!(flaw("{\"summary\": \"a\", \"fixes\": [{}"), Flaw::Cut));
    assert!(matches!(flaw("I do not know"), Flaw::NotJson(_)));
    assert!(matches!(flaw("{\"summary\": 7}"), Flaw::NotJson(_)));
}

#[test]
fn a_summary_that_does_not_hold_makes_the_answer_useless() {
    let flaw = |summary: &str| {
        let answer =
            json!({ "summary": summary, "hypotheses": [claim("The registry had too many requests", &["L4"])] });
        held(&answer, &nothing()).unwrap_err().to_string()
    };
    assert_eq!(flaw("It says `connection refused`."), INVENTED);
    assert_eq!(flaw(" "), "it says nothing");
    assert_eq!(flaw("Say the cause in one or two sentences"), "it repeats the question");
    assert_eq!(flaw("The deployment succeeded."), "it says that nothing failed");
}

#[test]
fn an_explanation_that_does_not_hold_is_dropped_with_a_remark() {
    let claims = [
        claim("It says `connection refused`", &["L4"]),
        claim("All is well: it passed", &["L4"]),
        claim("The registry had too many requests", &["L4"]),
        claim("L4", &["L4"]),
        claim(" ", &["L4"]),
    ];
    let (diagnosis, remarks) = held(&answer(&claims), &nothing()).unwrap();
    assert_eq!(causes(&diagnosis), ["The registry had too many requests"]);
    let why = |why: &str| format!("an explanation by the model was dropped: {why}");
    assert_eq!(remarks, [why(INVENTED), why("it says that nothing failed")]);
}

#[test]
fn what_cites_a_line_comes_before_a_guess_and_else_the_order_stays() {
    let claims = [
        claim("guess one of requests", &[]),
        claim("requests, shown first", &["L4"]),
        claim("guess two of requests", &[]),
        claim("requests, shown second", &["L4"]),
    ];
    let ordered = told(&answer(&claims), &nothing());
    let expected =
        ["requests, shown first", "requests, shown second", "guess one of requests", "guess two of requests"];
    assert_eq!(causes(&ordered), expected);
    let guesses = [claim("guess one of requests", &[]), claim("guess two of requests", &[])];
    assert_eq!(causes(&told(&answer(&guesses), &nothing())), ["guess one of requests", "guess two of requests"]);
}

#[test]
fn no_more_explanations_are_told_than_help() {
    let claims: Vec<Value> = (0..9).map(|at| claim(&format!("too many requests, {at}"), &["L4"])).collect();
    assert_eq!(told(&answer(&claims), &nothing()).hypotheses.len(), MOST);
}

#[test]
fn we_are_as_sure_as_what_can_be_checked() {
    let check = |answer: &Value, known: &Diagnosis, expected: Confidence| {
        assert_eq!(told(answer, known).confidence, expected, "{answer}");
    };
    let catalogue = known(Some("rate-limit"), Confidence::Low);
    check(&sound(), &catalogue, Confidence::High);
    // Another sort of failure than the catalogue's, or one of which it knows nothing.
    check(&sound(), &known(Some("dns"), Confidence::Low), Confidence::Medium);
    check(&sound(), &nothing(), Confidence::Medium);
    // The line that it cites says nothing of the claim, or the claim names what stands nowhere.
    check(&answer(&[claim("The certificate expired", &["L4"])]), &catalogue, Confidence::Medium);
    check(&answer(&[claim("Too many requests to db.example.com", &["L4"])]), &catalogue, Confidence::Medium);
    check(&answer(&[claim("The certificate expired", &["L4"])]), &nothing(), Confidence::Low);
    let foreign = json!({ "summary": "db.example.com refuses requests.", "kind": "rate-limit",
        "hypotheses": [claim("The registry had too many requests", &["L4"])] });
    check(&foreign, &catalogue, Confidence::Medium);
    check(&answer(&[claim("The registry had too many requests", &[])]), &catalogue, Confidence::Low);
    check(&answer(&[]), &nothing(), Confidence::None);
    // What counts is the first that is told.
    let (guess, shown) = (claim("a guess", &[]), claim("The registry had too many requests", &["L4"]));
    check(&answer(&[guess.clone(), shown.clone()]), &catalogue, Confidence::High);
    check(&answer(&[shown.clone(), guess]), &catalogue, Confidence::High);
    check(&answer(&[claim("The certificate expired", &["L4"]), shown]), &catalogue, Confidence::Medium);
}

#[test]
fn an_answer_that_shows_less_than_the_catalogue_is_not_taken() {
    let flaw = |answer: &Value, confidence: Confidence| {
        held(answer, &known(Some("rate-limit"), confidence)).err().map(|flaw| flaw.to_string())
    };
    let guess = answer(&[claim("The registry had too many requests", &["L99"])]);
    let no_line = "it cites no line, where the catalogue does";
    assert_eq!(flaw(&guess, Confidence::Medium).as_deref(), Some(no_line));
    assert_eq!(flaw(&guess, Confidence::High).as_deref(), Some(no_line));
    assert_eq!(flaw(&guess, Confidence::Low), None);
    assert_eq!(flaw(&sound(), Confidence::High), None);
    let no_cause = "it names no cause, where the catalogue does";
    assert_eq!(flaw(&answer(&[]), Confidence::Low).as_deref(), Some(no_cause));
    assert!(held(&answer(&[]), &nothing()).is_ok());
}

#[test]
fn what_the_catalogue_is_sure_of_is_told_beside_another_opinion() {
    let ours = "A registry limits downloads.";
    let has =
        |answer: &Value, known: &Diagnosis| causes(&told(answer, known)).iter().filter(|cause| **cause == ours).count();
    assert_eq!(has(&sound(), &known(Some("dns"), Confidence::High)), 1);
    assert_eq!(has(&sound(), &known(Some("dns"), Confidence::Medium)), 0);
    assert_eq!(has(&sound(), &known(Some("rate-limit"), Confidence::High)), 0);
    let same = answer(&[claim(ours, &["L4"])]);
    assert_eq!(has(&same, &known(Some("dns"), Confidence::High)), 1, "once, whoever says it");
}

#[test]
fn a_label_is_a_short_word_of_small_letters() {
    let kind = |kind: &str, hypotheses: &[Value]| {
        let answer = json!({ "summary": "Too many requests.", "kind": kind, "hypotheses": hypotheses });
        told(&answer, &nothing()).kind
    };
    let shown = [claim("The registry had too many requests", &["L4"])];
    assert_eq!(kind(" Rate-Limit ", &shown).as_deref(), Some("rate-limit"));
    let longest = "x".repeat(40);
    assert_eq!(kind(&longest, &shown), Some(longest.clone()));
    for none in ["", "unknown", "rate limit", "rate_limit", &format!("{longest}x")] {
        assert_eq!(kind(none, &shown), None, "{none}");
    }
    assert_eq!(kind("rate-limit", &[]), None, "of no explanation");
}

#[test]
fn the_catalogues_retry_domain_and_fixes_go_with_its_kind() {
    let (same, other) = (known(Some("rate-limit"), Confidence::Low), known(Some("dns"), Confidence::Low));
    let facts = |known: &Diagnosis| {
        let told = told(&sound(), known);
        (told.retry, told.domain, told.fixes.iter().map(|fix| fix.kind).collect::<Vec<_>>())
    };
    // What a person is to do the model says itself.
    assert_eq!(facts(&same), (Some(Retry::Helps), Some(Domain::Dependency), vec![FixKind::Setting]));
    assert_eq!(facts(&other), (None, None, Vec::new()));
    for (word, expected) in [("helps", Retry::Helps), ("maybe", Retry::Maybe), ("no", Retry::No)] {
        let mut answer = sound();
        answer["retry"] = json!(word);
        assert_eq!(told(&answer, &other).retry, Some(expected));
    }
}

#[test]
fn advice_whose_reason_does_not_hold_is_dropped() {
    let advice = |title: &str, why: &str| json!({ "title": title, "why": why, "steps": ["Wait an hour"] });
    let mut answer = sound();
    answer["fixes"] = json!([advice("Wait", "It says `connection refused`"), advice("Wait longer", "Fewer requests")]);
    let (told, remarks) = held(&answer, &nothing()).unwrap();
    assert_eq!(told.fixes.iter().map(|fix| fix.title.as_str()).collect::<Vec<_>>(), ["Wait longer"]);
    assert_eq!(remarks, [format!("advice by the model was dropped: {INVENTED}")]);
}

#[test]
fn a_line_is_cited_by_its_id_however_it_is_written_and_once() {
    let citations = |cause: &str, lines: Value| {
        told(&answer(&[json!({ "cause": cause, "lines": lines })]), &nothing()).hypotheses.remove(0).citations
    };
    let cause = "The registry had too many requests";
    assert_eq!(citations(cause, json!(["L4", "l5", 3, "4", "L99", -1, null])), [4, 5, 3]);
    // Who quotes a line has cited it.
    assert_eq!(citations("It says `exit code 137`", json!(["L4"])), [4, 5]);
    assert_eq!(citations("It says `exit code 137`", json!([])), [5]);
}

#[test]
fn a_line_that_the_catalogue_knows_says_what_it_means_there() {
    let signature = Signature {
        id: "x".to_owned(),
        title: "The quota is used up".to_owned(),
        domain: Domain::Dependency,
        kind: "rate-limit".to_owned(),
        retry: Retry::Helps,
        cause: String::new(),
        fix: Vec::new(),
        verify: String::new(),
        command: None,
        disproof: None,
        links: Vec::new(),
        role: Role::Cause,
    };
    let found = |line: usize| Match {
        signature: Arc::new(signature.clone()),
        line,
        count: 1,
        strength: 0.1,
        captures: Vec::new(),
    };
    let sure = |line: usize| {
        let case = Case { matches: vec![found(line)], ..case() };
        let reply = answer(&[claim("Its quota is spent", &["L5"])]).to_string();
        check(&reply, &case, &nothing(), Author::Rules, &asked()).unwrap().0.confidence
    };
    assert_eq!(sure(5), Confidence::Medium);
    assert_eq!(sure(4), Confidence::Low, "another line");
}

#[test]
fn what_to_look_at_is_told_unless_it_does_harm_or_says_nothing() {
    let mut one = claim("The registry had too many requests", &["L4"]);
    one["check"] = json!("Look at https://evil.example/x");
    one["command"] = json!("rm -rf /");
    one["disproof"] = json!(" ");
    let told = told(&answer(&[one]), &nothing()).hypotheses.remove(0);
    assert_eq!(told.check.as_deref(), Some("Look at (an address that is not in the evidence was left out)"));
    assert_eq!((told.command, told.disproof), (None, None));
}

#[test]
fn who_says_more_than_anyone_reads_is_cut_short() {
    assert_eq!(brief("äöü", 3), "äöü");
    assert_eq!(brief("äöüx", 3), "äöü …");
}

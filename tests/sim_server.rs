//! The simulated servers themselves: that they do what Octopus is documented to do, and break as they are told to.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sim;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use serde_json::{Value, json};
use sim::plain::{Answer, send};
use sim::{Fault, Kind, Llm, Node, Reply, Server, World};

const KEY: (&str, &str) = ("X-Octopus-ApiKey", "API-SIMULATED");
const TASK: &str = "/api/Spaces-77/tasks/ServerTasks-2001547";

fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(case).join("server")
}

fn world(case: &str) -> World {
    World::load(&folder(case))
}

fn get(server: &Server, path: &str) -> Answer {
    send(&server.url(), "GET", path, &[KEY], b"").unwrap()
}

fn status(server: &Server, path: &str, headers: &[(&str, &str)]) -> u16 {
    send(&server.url(), "GET", path, headers, b"").unwrap().status
}

/// The ids of a list, in order.
fn ids(server: &Server, path: &str) -> Vec<String> {
    let page = get(server, path).json();
    page["Items"].as_array().unwrap().iter().map(|item| item["Id"].as_str().unwrap().to_owned()).collect()
}

/// The node of a details answer reached by these names from below the root.
fn node<'a>(details: &'a Value, names: &[&str]) -> &'a Value {
    names.iter().fold(&details["ActivityLogs"][0], |node, name| {
        node["Children"].as_array().unwrap().iter().find(|child| child["Name"] == *name).unwrap()
    })
}

fn numbers(node: &Value) -> Vec<u64> {
    node["LogElements"].as_array().unwrap().iter().map(|line| line["Number"].as_u64().unwrap()).collect()
}

const SCAN: [&str; 2] = ["Step 6: Scan for Security Vulnerabilities", "Worker"];

#[test]
fn credentials_come_first() {
    let mut world = world("trivy-rate-limit");
    world.settings.deny = vec!["ProcessView".to_owned()];
    let server = Server::start(world);
    assert_eq!(status(&server, "/api", &[]), 200);
    assert_eq!(status(&server, TASK, &[]), 401);
    assert_eq!(status(&server, TASK, &[("X-Octopus-ApiKey", "API-WRONG")]), 401);
    assert_eq!(status(&server, TASK, &[KEY]), 200);
    assert_eq!(status(&server, TASK, &[("Authorization", "Bearer simulated-token")]), 200);
    let denied = get(&server, "/api/Spaces-77/deploymentprocesses/deploymentprocess-Projects-1042-s-812-K7QXM");
    assert_eq!(denied.status, 403);
    assert!(denied.json()["ErrorMessage"].as_str().unwrap().ends_with("Missing permission: ProcessView"));
    let missing = get(&server, "/api/Spaces-77/tasks/ServerTasks-1");
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["ErrorMessage"], "The resource 'ServerTasks-1' was not found.");
    assert_eq!(status(&server, "/api/Spaces-78/tasks/ServerTasks-2001547", &[KEY]), 404);
}

#[test]
fn settings_take_things_away() {
    let text = "hide = [\"EventView\"]\nmissing_routes = [\"machines/**\"]\nspace = { default = false }\n\
                [[faults]]\nroute = \"Environments/*\"\nkind = \"forbidden\"\ntimes = 1\n";
    let mut world = world("trivy-rate-limit");
    world.settings = toml::from_str(text).unwrap();
    let server = Server::start(world);
    assert!(ids(&server, "/api/Spaces-77/events?projects=Projects-1042").is_empty());
    assert_eq!(status(&server, "/api/Spaces-77/machines", &[KEY]), 404);
    assert_eq!(status(&server, "/api/projects/Projects-1042", &[KEY]), 404);
    assert_eq!(status(&server, "/api/tasks/ServerTasks-2001547", &[KEY]), 200);
    let environment = "/api/Spaces-77/environments/Environments-31";
    assert_eq!([status(&server, environment, &[KEY]), status(&server, environment, &[KEY])], [403, 200]);
    assert_eq!(send(&server.url(), "DELETE", environment, &[KEY], b"").unwrap().status, 405);
}

/// What the form of a `.log` file can say arrives as said.
#[test]
fn a_log_says_what_its_text_says() {
    let server = Server::start(world("hostile"));
    let details = get(&server, &format!("{TASK}/details")).json();
    let lines = node(&details, &SCAN)["LogElements"].as_array().unwrap();
    let texts: Vec<&str> = lines.iter().map(|line| line["MessageText"].as_str().unwrap()).collect();
    assert_eq!(texts.iter().filter(|text| text.len() == 1_048_576).count(), 2);
    assert!(texts.iter().any(|text| text.contains("a NUL \0 in ##oct\0opus")));
    assert!(texts.iter().any(|text| text.starts_with("\r\r##octopus[")));
    assert!(texts.iter().any(|text| text.starts_with("-----BEGIN") && text.contains('\n')));
    assert!(texts.contains(&"   ##octopus[setVariable name='SW5qZWN0ZWQ=' value='b3duZWQ=']"), "spaces in front stay");
}

#[test]
fn every_form_of_an_address_works() {
    let server = Server::start(world("trivy-rate-limit"));
    for path in [
        "/api/Spaces-77/tasks/ServerTasks-2001547",
        "/api/spaces-77/Tasks/servertasks-2001547/",
        "/api/spaces/Spaces-77/tasks/ServerTasks-2001547",
        "/api/spaces/octopus-copilot/tasks/ServerTasks-2001547",
        "/API/tasks/ServerTasks-2001547",
    ] {
        assert_eq!(get(&server, path).json()["Id"], "ServerTasks-2001547", "{path}");
    }
    assert_eq!(ids(&server, "/api/spaces?partialName=copilot"), ["Spaces-77"]);
    assert_eq!(get(&server, "/api/spaces/all").json()[0]["Name"], "Octopus Copilot");
    assert_eq!(get(&server, "/api/users/me").json()["Username"], "firefighter-bot");
}

#[test]
fn lists_come_in_pages() {
    let server = Server::start(world("trivy-rate-limit"));
    let page = get(&server, "/api/Spaces-77/deployments?environments=Environments-31&take=2").json();
    assert_eq!(
        (&page["TotalResults"], &page["NumberOfPages"], &page["LastPageNumber"]),
        (&json!(3), &json!(2), &json!(1))
    );
    let next = page["Links"]["Page.Next"].as_str().unwrap();
    let last = get(&server, next).json();
    assert_eq!(last["Items"].as_array().unwrap().len(), 1);
    assert_eq!(last["Links"]["Page.Next"], Value::Null);
    let whole = get(&server, "/api/Spaces-77/deployments?take=2147483647").json();
    assert_eq!(whole["Items"].as_array().unwrap().len(), 4);
    assert_eq!(get(&server, "/api/Spaces-77/deployments").json()["ItemsPerPage"], 30);
    assert!(get(&server, "/api/Spaces-77/environments/all").json().is_array());
}

#[test]
fn lists_are_filtered_and_newest_first() {
    let mut world = world("trivy-rate-limit");
    world.resources.values_mut().for_each(|items| items.reverse());
    world.tasks.reverse();
    let server = Server::start(world);
    let check =
        |path: &str, expected: &[&str]| assert_eq!(ids(&server, &format!("/api/Spaces-77/{path}")), expected, "{path}");
    let all = ["Deployments-30512", "Deployments-30507", "Deployments-30471", "Deployments-30388"];
    check("deployments", &all);
    check("deployments?projects=Projects-1042&environments=Environments-31&taskState=Success&take=1", &all[2..3]);
    check("deployments?taskState=Failed", &all[3..]);
    check("deployments?projects=Projects-1", &[]);
    check("deployments?ids=Deployments-30512,Deployments-30388", &[all[0], all[3]]);
    check("tasks?states=Executing", &["ServerTasks-2001547"]);
    check("tasks?states=Executing&states=Failed", &["ServerTasks-2001547", "ServerTasks-1997003"]);
    check("tasks?environment=Environments-32", &["ServerTasks-2001490"]);
    check("tasks?fromStartDate=2026-02-10T03:05:00Z", &["ServerTasks-2001547"]);
    check("projects?partialName=copilot%20func", &["Projects-1042"]);
    check("environments?partialName=prod", &["Environments-32"]);
    check("events?projects=Projects-1042&to=2026-02-10T00:00:00Z", &["Events-991180"]);
    check("releases/Releases-9001/deployments", &all[..2]);
    check("projects/Projects-1042/releases", &["Releases-9001", "Releases-8994", "Releases-8971"]);
    check("projects/octopus-copilot-function/releases?searchByVersion=1981", &["Releases-8994"]);
    let version = "/api/Spaces-77/projects/Projects-1042/releases/0.1.1982%2B84df60a.2078.1";
    assert_eq!(get(&server, version).json()["Id"], "Releases-9001");
}

#[test]
fn a_release_leads_to_its_process_and_variables() {
    let server = Server::start(world("trivy-rate-limit"));
    let release = get(&server, "/api/Spaces-77/releases/Releases-9001").json();
    let at = |kind: &str, field: &str| format!("/api/Spaces-77/{kind}/{}", release[field].as_str().unwrap());
    let process = get(&server, &at("deploymentprocesses", "ProjectDeploymentProcessSnapshotId")).json();
    let steps = process["Steps"].as_array().unwrap();
    assert_eq!(steps.len(), 9);
    let scan = &steps[5]["Actions"][0];
    assert!(scan["Properties"]["Octopus.Action.Script.ScriptBody"].as_str().unwrap().contains("docker pull"));
    assert_eq!(scan["Properties"]["Octopus.Action.AutoRetry.MaximumCount"], Value::Null);
    assert_eq!(steps[7]["Condition"], "Failure");
    let by_commit = format!(
        "/api/Spaces-77/projects/Projects-1042/{}/deploymentprocesses",
        release["VersionControlReference"]["GitCommit"].as_str().unwrap()
    );
    assert_eq!(get(&server, &by_commit).json(), process);
    assert_eq!(
        get(&server, "/api/Spaces-77/projects/Projects-1042/refs%2Fheads%2Fmain/deploymentprocesses").json(),
        process
    );
    let variables = get(&server, &at("variables", "ProjectVariableSetSnapshotId")).text();
    assert!(variables.contains("\"IsSensitive\":true"));
    assert!(!variables.contains("NEVER-BE-SENT"));
    let progression = get(&server, "/api/Spaces-77/projects/Projects-1042/progression").json();
    assert_eq!(progression["Releases"][0]["Deployments"]["Environments-32"][0]["State"], "Success");
}

#[test]
fn a_running_task_is_not_finished() {
    let server = Server::start(world("trivy-rate-limit"));
    let details = get(&server, &format!("{TASK}/details")).json();
    let root = &details["ActivityLogs"][0];
    assert_eq!((&root["Status"], &root["Ended"]), (&json!("Running"), &Value::Null));
    assert_eq!((&details["Task"]["State"], &details["Task"]["ErrorMessage"]), (&json!("Executing"), &json!("")));
    assert_eq!(details["Task"]["CompletedTime"], Value::Null);
    assert_eq!(node(&details, &SCAN)["Status"], "Failed");
    assert_eq!(node(&details, &["Step 8: Diagnose failure", "Worker"])["Status"], "Running");
    let last = node(&details, &["Step 9: PostDeploy Hook"]);
    assert_eq!((&last["Status"], &last["Started"]), (&json!("Pending"), &Value::Null));
    let ended = get(&server, "/api/tasks/ServerTasks-1997003").json();
    assert_eq!((&ended["State"], &ended["IsCompleted"]), (&json!("Failed"), &json!(true)));
}

#[test]
fn hidden_lines_leave_gaps_in_the_numbers() {
    let server = Server::start(world("trivy-rate-limit"));
    let details = |query: &str| get(&server, &format!("{TASK}/details{query}")).json();
    let whole = details("?verbose=true");
    let whole = numbers(node(&whole, &SCAN));
    assert_eq!(whole, (1..=whole.len() as u64).collect::<Vec<_>>());
    let plain = details("");
    let plain_node = node(&plain, &SCAN);
    assert!(plain_node["LogElements"].as_array().unwrap().iter().all(|line| line["Category"] != "Verbose"));
    let plain = numbers(plain_node);
    assert!(plain.len() < whole.len() && plain[0] > 30, "{plain:?}");
    let tail = details("?verbose=false&tail=3");
    assert_eq!(numbers(node(&tail, &SCAN)), plain[plain.len() - 3..]);
    assert_eq!(numbers(node(&tail, &["Acquire packages"])).len(), 2, "the tail counts for each node");
}

#[test]
fn later_polls_show_more() {
    let mut world = world("trivy-rate-limit");
    let task = world.task_mut("ServerTasks-2001547");
    let step = &mut task.root.children[8].children[0];
    let mut late = step.items[0].clone();
    late.poll = 2;
    "a late line".clone_into(&mut late.text);
    step.items.push(late);
    let server = Server::start(world);
    let path = format!("{TASK}/details?verbose=true");
    assert!(!get(&server, &path).text().contains("a late line"));
    assert!(get(&server, &path).text().contains("a late line"));
}

#[test]
fn a_raw_log_follows_the_grammar() {
    let timed = Regex::new(r"^\d{2}:\d{2}:\d{2}   [A-Z][a-z]+ {1,8}\| ").unwrap();
    let untimed = Regex::new(r"^ {20}\| ").unwrap();
    let octopus_tool = Regex::new(r"^(?:\d{4}-\d{2}-\d{2}T)?\d{2}:\d{2}:\d{2}\s+\S+\s+\|\s?").unwrap();
    for case in ["trivy-rate-limit", "trivy-rate-limit-retried", "runbook-run", "rolling-one-target", "hostile"] {
        let world = world(case);
        let id = world.tasks.iter().find(|task| task.state == "Executing").unwrap().id.clone();
        let server = Server::start(world);
        let raw = get(&server, &format!("/api/tasks/{id}/raw"));
        assert!(raw.headers.contains("Content-Type: text/plain"));
        for line in raw.text().lines() {
            let is_timed = timed.is_match(line);
            assert!(is_timed || untimed.is_match(line), "{case}: {line:?}");
            assert!(!is_timed || octopus_tool.is_match(line), "{case}: {line:?}");
        }
    }
    let server = Server::start(world("trivy-rate-limit"));
    let raw = get(&server, &format!("{TASK}/raw")).text();
    let step: Vec<&str> = raw.lines().skip_while(|line| !line.contains("Step 6")).take(4).collect();
    assert_eq!(step[0], "                    |   == Failed: Step 6: Scan for Security Vulnerabilities ==");
    assert_eq!(step[1].split_at(8).1.split_at(18).0, "   Fatal    |     ");
    assert!(step[1].contains("The step failed: Activity Scan"), "{step:#?}");
    assert_eq!(step[2..], ["                    |     ", "                    |     Failed: Worker"]);
}

#[test]
fn an_artifact_comes_back_as_it_was_sent() {
    let server = Server::start(world("trivy-rate-limit"));
    let post = |body: Value| {
        send(&server.url(), "POST", "/api/Spaces-77/artifacts", &[KEY], body.to_string().as_bytes()).unwrap()
    };
    assert_eq!(post(json!({ "Filename": "a.md" })).status, 400);
    let created = post(json!({ "Filename": "a.md", "ServerTaskId": "ServerTasks-2001547" }));
    assert_eq!(created.status, 201);
    let content = created.json()["Links"]["Content"].as_str().unwrap().to_owned();
    let bytes = b"\x00\xff--x\r\n# Why";
    let form =
        [b"--x1\r\nContent-Disposition: form-data; name=\"fileData\"\r\n\r\n".as_slice(), bytes, b"\r\n--x1--\r\n"];
    for (verb, kind, extra, body) in [
        ("PUT", "application/octet-stream", None, bytes.to_vec()),
        ("PUT", "multipart/form-data; boundary=x1", None, form.concat()),
        ("POST", "application/octet-stream", Some(("X-HTTP-Method-Override", "PUT")), bytes.to_vec()),
    ] {
        let headers: Vec<_> = [Some(KEY), Some(("Content-Type", kind)), extra].into_iter().flatten().collect();
        assert_eq!(send(&server.url(), verb, &content, &headers, &body).unwrap().status, 204);
        assert_eq!(get(&server, &content).body, bytes);
    }
    for about in ["ServerTasks-2001547", "Deployments-30512"] {
        assert_eq!(ids(&server, &format!("/api/Spaces-77/artifacts?regarding={about}")).len(), 1);
    }
    assert!(ids(&server, "/api/Spaces-77/artifacts?regarding=ServerTasks-2000912").is_empty());
}

#[test]
fn an_old_server_lacks_what_came_later() {
    let mut world = world("trivy-rate-limit");
    world.settings.old = true;
    world.settings.version = "2020.6.4".to_owned();
    let server = Server::start(world);
    assert_eq!(get(&server, "/api").json()["Version"], "2020.6.4");
    let task = get(&server, TASK).json();
    assert_eq!((task.get("PendingInterruptionTypes"), &task["State"]), (None, &json!("Executing")));
    let release = get(&server, "/api/Spaces-77/releases/Releases-9001").json();
    assert!(release.get("VersionControlReference").is_none() && release.get("SelectedGitResources").is_none());
    assert!(get(&server, "/api/Spaces-77/projects/Projects-1042").json().get("Slug").is_none());
    assert_eq!(status(&server, "/api/spaces/Spaces-77/tasks/ServerTasks-2001547", &[KEY]), 404);
    assert_eq!(get(&server, &format!("{TASK}/details")).status, 200);
}

#[test]
fn a_waiting_task_names_the_failed_node() {
    let server = Server::start(world("guided-failure"));
    let task = get(&server, TASK).json();
    assert_eq!((&task["State"], &task["HasPendingInterruptions"]), (&json!("Executing"), &json!(true)));
    let details = get(&server, &format!("{TASK}/details")).json();
    let page = get(&server, "/api/Spaces-77/interruptions?regarding=ServerTasks-2001547&pendingOnly=true").json();
    assert_eq!(page["Items"][0]["Type"], "GuidedFailure");
    assert_eq!(page["Items"][0]["CorrelationId"], node(&details, &SCAN)["Id"]);
}

fn faulty(fault: Fault) -> Server {
    Server::start(world("trivy-rate-limit").fault(fault))
}

#[test]
fn a_fault_strikes_where_and_as_often_as_told() {
    let server = faulty(Fault::new("tasks/*/details", Kind::TooManyRequests).retry_after(7).after(1).times(1));
    let path = format!("{TASK}/details");
    assert_eq!(get(&server, &path).status, 200);
    let limited = get(&server, &path);
    assert_eq!(limited.status, 429);
    assert!(limited.headers.contains("Retry-After: 7"));
    assert_eq!(get(&server, &path).status, 200);
    assert_eq!(get(&server, TASK).status, 200);
}

#[test]
fn broken_answers_are_broken() {
    let answer = |kind: Kind| get(&faulty(Fault::new("tasks/**", kind)), TASK);
    assert!(!answer(Kind::TooManyRequests).headers.contains("Retry-After"));
    assert!(answer(Kind::ServerError).json()["FullException"].as_str().unwrap().contains("Exception"));
    assert_eq!((answer(Kind::BadGateway).status, answer(Kind::Unavailable).status), (502, 503));
    assert!(answer(Kind::BadGateway).text().starts_with("<html>"));
    let login = answer(Kind::LoginPage);
    assert!(login.status == 200 && login.headers.contains("text/html"));
    let cut = answer(Kind::TruncatedJson);
    assert!(cut.status == 200 && serde_json::from_slice::<Value>(&cut.body).is_err());
    assert!(answer(Kind::Empty).body.is_empty());
    let short = answer(Kind::CutOff);
    let promised = Regex::new(r"Content-Length: (\d+)").unwrap();
    let promised: usize = promised.captures(&short.headers).unwrap()[1].parse().unwrap();
    assert_eq!(short.body.len(), promised / 2);
    assert_eq!(answer(Kind::UnknownValues).json()["State"], "SomethingNew");
    assert_eq!(answer(Kind::NullLists).json()["PendingInterruptionTypes"], Value::Null);
    assert!(answer(Kind::MissingFields).json().get("ErrorMessage").is_none());
    assert_eq!(get(&faulty(Fault::new("tasks/*", Kind::Huge).size(3_000_000)), TASK).body.len(), 3_000_000);
    let away = faulty(Fault::new("tasks/*", Kind::Redirect).location("http://localhost:{port}{path}"));
    let away = get(&away, TASK);
    assert!(away.status == 302 && away.headers.contains("Location: http://localhost:"), "{}", away.headers);
    assert!(away.headers.contains(TASK));
}

#[test]
fn a_slow_body_trickles() {
    let server = faulty(Fault::new("tasks/*", Kind::SlowBody));
    let mut stream = TcpStream::connect(server.url().strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "GET {TASK} HTTP/1.1\r\nHost: x\r\n{}: {}\r\n\r\n", KEY.0, KEY.1).unwrap();
    let mut seen: Vec<u8> = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.windows(5).any(|window| window == b"\r\n\r\n{") {
        let count = stream.read(&mut buffer).unwrap();
        seen.extend(&buffer[..count]);
    }
    // The whole would be above a thousand, and take a quarter of an hour.
    let body = seen.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert!(seen.len() - body < 500, "{}", seen.len() - body);
}

#[test]
fn a_broken_connection_ends_without_an_answer() {
    let server = faulty(Fault::new("tasks/*", Kind::Reset).times(1));
    let error = send(&server.url(), "GET", TASK, &[KEY], b"").err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(get(&server, TASK).status, 200);
    let hanging = faulty(Fault::new("tasks/*", Kind::Hang));
    let url = hanging.url();
    let asking = std::thread::spawn(move || send(&url, "GET", TASK, &[KEY], b"").is_err());
    while hanging.requests().is_empty() {
        std::thread::yield_now();
    }
    assert!(!asking.is_finished());
    drop(hanging);
    assert!(asking.join().unwrap(), "a server that stops lets its clients go");
}

#[test]
fn a_huge_log_is_written_as_it_is_made() {
    let mut world = world("trivy-rate-limit");
    world.task_mut("ServerTasks-2001547").add_filler(&SCAN, 20_000, "Info", "Unpacking file {n} of 20000");
    let server = Server::start(world);
    let details = get(&server, &format!("{TASK}/details")).json();
    let lines = node(&details, &SCAN)["LogElements"].as_array().unwrap();
    assert_eq!(lines[19_999]["MessageText"], "Unpacking file 20000 of 20000");
    assert!(lines.len() > 20_000);
    let tail = get(&server, &format!("{TASK}/details?tail=5")).json();
    assert_eq!(numbers(node(&tail, &SCAN)).len(), 5);
    assert!(details["PhysicalLogSize"].as_u64().unwrap() > 900_000);
}

#[test]
fn requests_are_kept_with_how_many_ran_beside_them() {
    let server = Server::start(world("trivy-rate-limit").latency(std::time::Duration::from_millis(100)));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| get(&server, &format!("{TASK}?a=b")));
        }
    });
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!((requests[0].method.as_str(), requests[0].target()), ("GET", format!("{TASK}?a=b")));
    assert_eq!(requests[0].header("x-octopus-apikey"), Some("API-SIMULATED"));
    assert!(server.most_in_flight() >= 1);
}

#[test]
fn a_model_answers_by_its_script() {
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": "Why did it fail?" }] }).to_string();
    let ask = |llm: &Llm| send(&llm.url().replace("/v1", ""), "POST", "/v1/chat/completions", &[], body.as_bytes());
    let llm = Llm::start(vec![Reply::TooManyRequests(Some(1)), Reply::Text("Because.".to_owned())]);
    assert_eq!(ask(&llm).unwrap().status, 429);
    for _ in 0..2 {
        assert_eq!(ask(&llm).unwrap().json()["choices"][0]["message"]["content"], "Because.");
    }
    assert_eq!(llm.requests()[2].text(), body);
    for (reply, expected) in
        [(Reply::Unauthorized, 401), (Reply::ServerError, 500), (Reply::Nothing, 200), (Reply::Html, 200)]
    {
        let llm = Llm::start(vec![reply]);
        assert_eq!(ask(&llm).unwrap().status, expected);
    }
    assert!(serde_json::from_slice::<Value>(&ask(&Llm::start(vec![Reply::CutJson])).unwrap().body).is_err());
    let cut = ask(&Llm::start(vec![Reply::CutAnswer("{\"summary\": 1}".to_owned())])).unwrap().json();
    assert_eq!(cut["choices"][0]["finish_reason"], "length");
    let file = folder("trivy-rate-limit").with_file_name("llm.json");
    let answer = ask(&Llm::load(&file)).unwrap().json();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(text).unwrap()["summary"].is_string());
    assert!(ask(&Llm::start(vec![Reply::Reset])).is_err());
}

/// The client that the program itself uses keeps its connection, and sends bodies of both kinds.
#[test]
fn a_connection_serves_many_requests() {
    let server = Server::start(world("trivy-rate-limit"));
    let agent = ureq::Agent::new_with_defaults();
    let url = format!("{}/api/Spaces-77", server.url());
    for _ in 0..3 {
        let mut details =
            agent.get(format!("{url}/tasks/ServerTasks-2001547/details")).header(KEY.0, KEY.1).call().unwrap();
        assert!(details.body_mut().read_to_string().unwrap().contains("TOOMANYREQUESTS"));
    }
    let body = r#"{"Filename":"a.md","ServerTaskId":"ServerTasks-2001547"}"#;
    let mut created = agent.post(format!("{url}/artifacts")).header(KEY.0, KEY.1).send(body).unwrap();
    let created: Value = serde_json::from_str(&created.body_mut().read_to_string().unwrap()).unwrap();
    let content = format!("{}{}", server.url(), created["Links"]["Content"].as_str().unwrap());
    let chunks = ureq::SendBody::from_owned_reader(std::io::Cursor::new(vec![b'x'; 100_000]));
    assert_eq!(agent.put(&content).header(KEY.0, KEY.1).send(chunks).unwrap().status(), 204);
    assert_eq!(
        agent.get(&content).header(KEY.0, KEY.1).call().unwrap().body_mut().read_to_vec().unwrap().len(),
        100_000
    );
    assert!(server.requests()[4].header("Transfer-Encoding").is_some());
}

fn in_order(node: &Node) -> bool {
    let lines = node.items.windows(2).all(|pair| pair[0].at <= pair[1].at);
    let within = node.items.iter().all(|item| node.ended.is_none_or(|end| item.at <= end));
    lines && within && node.children.iter().all(in_order)
}

/// Each case can be served, and its `case.toml` names things that exist there.
#[test]
fn every_case_is_whole() {
    let mut count = 0;
    for entry in folder("").parent().unwrap().read_dir().unwrap() {
        let case = entry.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        count += 1;
        let text = std::fs::read_to_string(case.join("case.toml")).unwrap();
        let settings: toml::Table = toml::from_str(&text).unwrap();
        assert!(!settings["about"].as_str().unwrap().is_empty());
        let world = World::load(&case.join("server"));
        for task in &world.tasks {
            assert!(in_order(&task.root), "{}: times of {}", case.display(), task.id);
        }
        let env = settings["env"].as_table().unwrap();
        let named = |name: &str| env.get(&format!("FIREFIGHTER_OCTOPUS_{name}")).and_then(|value| value.as_str());
        for (name, kind) in [
            ("PROJECT_ID", "projects"),
            ("ENVIRONMENT_ID", "environments"),
            ("RELEASE_ID", "releases"),
            ("DEPLOYMENT_ID", "deployments"),
            ("DEPLOYMENT_PREVIOUSSUCCESSFUL_ID", "deployments"),
            ("DEPLOYMENT_TENANT_ID", "tenants"),
            ("RUNBOOK_ID", "runbooks"),
            ("RUNBOOKRUN_ID", "runbookruns"),
            ("RUNBOOKSNAPSHOT_ID", "runbooksnapshots"),
        ] {
            if let Some(id) = named(name) {
                assert!(world.get(kind, id).is_some(), "{}: no {id} among its {kind}", case.display());
            }
        }
        for deployment in world.all("deployments") {
            let process = deployment["DeploymentProcessId"].as_str().unwrap();
            assert!(world.get("deploymentprocesses", process).is_some(), "{}: no {process}", case.display());
            assert!(deployment["TaskId"].is_string(), "{}: {} has no task", case.display(), deployment["Id"]);
        }
        let server = Server::start(world);
        if let Some(id) = named("TASK_ID") {
            let path = format!("/api/{}/tasks/{id}/details?verbose=true", named("SPACE_ID").unwrap());
            let details = get(&server, &path).json();
            let step = format!("Step {}: {}", named("STEP_NUMBER").unwrap(), named("STEP_NAME").unwrap());
            let own =
                details["ActivityLogs"][0]["Children"].as_array().unwrap().iter().find(|node| node["Name"] == *step);
            assert_eq!(own.map(|node| &node["Status"]), Some(&json!("Running")), "{}: {step}", case.display());
        }
    }
    assert!(count >= 17, "only {count} cases");
}

/// `@octopusdeploy/api-client`, which others wrote, reads a deployment from the simulated server.
#[test]
fn a_client_of_others_reads_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client");
    let node = Command::new("node").arg("--version").output().is_ok();
    if !node || !folder.join("node_modules").exists() {
        let how = "node or tests/client/node_modules is missing; `npm install --no-package-lock` there brings them";
        assert!(std::env::var_os("FIREFIGHTER_REQUIRE_CLIENT").is_none(), "{how}");
        writeln!(std::io::stderr(), "SKIPPED the check by a client of others: {how}").unwrap();
        return;
    }
    let server = Server::start(world("trivy-rate-limit"));
    let output = Command::new("node").arg("check.mjs").arg(server.url()).current_dir(&folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("12 facts hold"), "{said}");
}

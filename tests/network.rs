//! The ways to a server: private certificate authorities from each place that may hold some, proxies that want a password,
//! certificates of our own, and both families of addresses. Each is gone by the program itself, against servers on this machine.

#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use story::{Story, told};
use tls::Kind;

#[path = "step_host/parsers.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, clippy::must_use_candidate, reason = "shared with other tests")]
mod parsers;
mod sim;
mod story;
#[path = "contract/tls.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod tls;

/// A folder of its own, with a space in its name.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("network {name} {}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn diagnose(env: &BTreeMap<String, String>, more: &[(&str, &str)], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_firefighter"))
        .arg("diagnose")
        .env_clear()
        // Without it Windows itself opens no socket.
        .envs(std::env::var_os("SystemRoot").map(|value| ("SystemRoot", value)))
        .envs(env)
        .envs(more.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// A file in a folder of its own, with what it holds.
fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn a_private_authority_is_found_in_a_file_a_folder_and_the_systems_store() {
    let place = folder("authority");
    let story = Story::start(Kind::Nothing);
    let env = story.env("localhost");
    let ours = file(&place, "ours.pem", &story.front.authority);
    let authorities = place.join("authorities");
    file(&place, "authorities/0123abcd.0", &story.front.authority);
    file(&place, "authorities/another.pem", &Story::start(Kind::Nothing).front.authority);
    let authorities = authorities.display().to_string();
    let empty = file(&place, "empty.pem", "");
    for (given, is_trusted) in [
        (&[("FIREFIGHTER_CA_FILE", ours.as_str())][..], true),
        (&[("FIREFIGHTER_CA_FILE", &ours), ("FIREFIGHTER_TLS_ROOTS", "bundled")], true),
        (&[("SSL_CERT_FILE", &ours)], true),
        (&[("SSL_CERT_DIR", &authorities)], true),
        (&[("SSL_CERT_DIR", &authorities), ("FIREFIGHTER_TLS_ROOTS", "system")], true),
        (&[("SSL_CERT_DIR", &authorities), ("FIREFIGHTER_TLS_ROOTS", "bundled")], false),
        (&[("SSL_CERT_FILE", &empty)], false),
        (&[], false),
    ] {
        let output = diagnose(&env, given, &place);
        match (told(&output), is_trusted) {
            (Ok(()), true) => {}
            (Err(all), false) => {
                assert!(all.contains("its certificate authority is not known here"), "{given:?} {all}");
            }
            (other, _) => panic!("{given:?} {other:?}"),
        }
    }
}

#[test]
fn self_check_counts_authorities_by_where_they_come_from() {
    let place = folder("self check");
    let story = Story::start(Kind::Nothing);
    let ours = file(&place, "ours.pem", &story.front.authority.repeat(2));
    file(&place, "authorities/one.pem", &story.front.authority);
    let authorities = place.join("authorities").display().to_string();
    let run = |format: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_firefighter"))
            .args(["self-check", "--ca-file", &ours, "--format", format])
            .env_clear()
            .env("SSL_CERT_DIR", &authorities)
            .env("HTTPS_PROXY", "http://me:hush@proxy.example.com:3128")
            .env("NO_PROXY", "intern.example.com")
            .current_dir(&place)
            .output()
            .unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let json: serde_json::Value = serde_json::from_str(&run("json")).unwrap();
    let counts: BTreeMap<&str, u64> = json["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["from"].as_str().unwrap(), one["count"].as_u64().unwrap()))
        .collect();
    assert_eq!((counts["system"], counts["ca-file"], counts["built in"] > 100), (1, 2, true), "{json}");
    assert_eq!(json["proxies"][0]["for"], "https");
    let text = run("text");
    for told in
        ["version      ", "target       ", "commit       ", "http://proxy.example.com:3128", "intern.example.com"]
    {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!text.contains("hush") && !json.to_string().contains("hush"), "{text}{json}");
}

/// A proxy that wants `me` and `password`: its port, and the first lines of what it was asked for.
fn proxy(password: &'static str, to: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&asked);
    thread::spawn(move || {
        for client in socket.incoming().flatten() {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                // A client that goes away is no fault of a proxy.
                let _ = tunnel(client, password, to, &log);
            });
        }
    });
    (port, asked)
}

fn tunnel(mut client: TcpStream, password: &str, to: u16, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    log.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
    let wanted = STANDARD.encode(format!("me:{password}"));
    let known = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .any(|(name, value)| name.eq_ignore_ascii_case("proxy-authorization") && value == format!("Basic {wanted}"));
    if !known {
        return client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    }
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let mut server = TcpStream::connect(("127.0.0.1", to))?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || {
        let _ = copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
    let _ = copy(&mut client, &mut server);
    let _ = server.shutdown(Shutdown::Write);
    let _ = back.join();
    Ok(())
}

#[test]
fn a_proxy_gets_its_password_and_nobody_else_does() {
    let place = folder("proxy");
    let story = Story::start(Kind::Nothing);
    let env = story.env("octopus.internal.example");
    let ours = file(&place, "ours.pem", &story.front.authority);
    // A password with what an address must escape.
    let (port, asked) = proxy("hu/sh@1", story.front.port);
    let at = |password: &str| format!("http://me:{password}@127.0.0.1:{port}");
    let (right, wrong) = (at("hu%2Fsh%401"), at("h0ps"));
    let ca = ("FIREFIGHTER_CA_FILE", ours.as_str());
    for variable in ["FIREFIGHTER_PROXY", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let output = diagnose(&env, &[ca, (variable, &right)], &place);
        assert_eq!(told(&output), Ok(()), "{variable}");
        let all = format!("{output:?}");
        assert!(!all.contains("hu%2Fsh") && !all.contains("hu/sh"), "{all}");
    }
    let connect = format!("CONNECT octopus.internal.example:{} HTTP/1.1", story.front.port);
    let seen = std::mem::take(&mut *asked.lock().unwrap());
    assert!(!seen.is_empty() && seen.iter().all(|line| *line == connect), "{seen:?}");
    let refused = told(&diagnose(&env, &[ca, ("HTTPS_PROXY", &wrong)], &place)).unwrap_err();
    assert!(refused.contains("407") && !refused.contains("h0ps"), "{refused}");
    asked.lock().unwrap().clear();
    let around = [ca, ("HTTPS_PROXY", &right), ("NO_PROXY", "internal.example")];
    let direct = told(&diagnose(&env, &around, &place)).unwrap_err();
    assert!(direct.contains("octopus.internal.example"), "{direct}");
    assert!(asked.lock().unwrap().is_empty(), "NO_PROXY leads around it");
}

#[test]
fn a_server_that_wants_a_certificate_of_ours_gets_it() {
    let place = folder("client");
    let story = Story::start(Kind::Client);
    let env = story.env("localhost");
    let ours = file(&place, "ours.pem", &story.front.authority);
    let both = file(&place, "client.pem", &story.front.client);
    let at = story.front.client.find("-----BEGIN PRIVATE KEY").unwrap();
    let certificate = file(&place, "certificate.pem", &story.front.client[..at]);
    let key = file(&place, "key.pem", &story.front.client[at..]);
    let strange = file(&place, "strange.pem", &Story::start(Kind::Client).front.client);
    let ca = ("FIREFIGHTER_CA_FILE", ours.as_str());
    for (given, is_known) in [
        (&[ca, ("FIREFIGHTER_CLIENT_CERT", both.as_str())][..], true),
        (&[ca, ("FIREFIGHTER_CLIENT_CERT", &certificate), ("FIREFIGHTER_CLIENT_KEY", &key)], true),
        (&[ca, ("FIREFIGHTER_CLIENT_CERT", &strange)], false),
        (&[ca], false),
    ] {
        assert_eq!(told(&diagnose(&env, given, &place)).is_ok(), is_known, "{given:?}");
    }
}

#[test]
fn an_address_of_version_6_is_reached() {
    let Some(story) = Story::start_on_six() else {
        eprintln!("this machine has no address of version 6; skipped");
        return;
    };
    let place = folder("six");
    let ours = file(&place, "ours.pem", &story.front.authority);
    let env = story.env("[::1]");
    assert_eq!(told(&diagnose(&env, &[("FIREFIGHTER_CA_FILE", &ours)], &place)), Ok(()));
    assert!(!story.server.requests().is_empty());
}

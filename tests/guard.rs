//! It never makes the fire worse: whatever it is given, it ends with exit code 0, in time, and a line that says what to do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn firefighter(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firefighter"));
    command.args(args).env_clear().stdin(Stdio::null());
    // Windows programs find nothing without it.
    if let Some(root) = std::env::var_os("SYSTEMROOT") {
        command.env("SYSTEMROOT", root);
    }
    command
}

/// A folder of the test's own.
fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("guard-{name}"));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn file(name: &str, content: &[u8]) -> String {
    let path = folder(name).join("the.log");
    fs::write(&path, content).unwrap();
    path.display().to_string()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs with `args`, and expects exit code 0, one line that holds each of `words`, and `code` when strict.
fn check(args: &[&str], words: &[&str], code: i32) {
    let output = firefighter(args).output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {text}");
    let line = text.lines().find(|line| words.iter().all(|word| line.contains(word)));
    assert!(line.is_some(), "{args:?} should say {words:?} in a line, and says: {text}");
    let strict = firefighter(args).arg("--strict").output().unwrap();
    assert_eq!(strict.status.code(), Some(code), "{args:?} with --strict");
}

#[test]
fn a_log_that_is_not_there_is_named() {
    check(&["diagnose", "--log", "/no/such/file.log"], &["/no/such/file.log", "there is no such file"], 3);
}

#[test]
fn a_folder_is_no_log() {
    let path = folder("a-folder").display().to_string();
    check(&["diagnose", "--log", &path], &["it is a folder", "name the log file"], 3);
}

#[test]
fn an_empty_log_is_named_as_such() {
    check(&["diagnose", "--log", &file("empty", b"")], &["it is empty", "save the failing run's log"], 3);
    check(&["diagnose", "--log", &file("blank", b"\n \n\t\n")], &["it is empty"], 3);
}

#[test]
fn a_binary_file_is_no_log() {
    let bytes: Vec<u8> = (0..50_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    check(&["diagnose", "--log", &file("binary", &bytes)], &["it is not text", "unpacked"], 3);
}

#[test]
fn a_log_in_utf16_is_read() {
    let text = "starting\r\nERROR: failed to pull image: toomanyrequests: You have reached your pull rate limit.\r\n";
    let bytes: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let output = firefighter(&["diagnose", "--log", &file("utf16", &bytes)]).output().unwrap();
    assert!(said(&output).contains("toomanyrequests"), "{}", said(&output));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let log = file("unwritable", b"error: it broke\n");
    let out = format!("{log}/report");
    check(&["diagnose", "--log", &log, "--out", &out], &["cannot write", "/report"], 5);
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let log = file("settings", b"error: it broke\n");
    check(&["diagnose", "--log", &log, "--budget", "lots"], &["budget is lots", "whole number"], 2);
    check(&["diagnose", "--log", &log, "--llm-url", "localhost"], &["llm-url is localhost", "https://"], 2);
    check(&["diagnose", "--log", &log, "--config", "/no/such.toml"], &["/no/such.toml", "--config"], 2);
    check(&["diagnose", "--log", &log, "--signatures", "/no/such.toml"], &["/no/such.toml", "cannot be read"], 2);
    check(&["diagnose", "--log", &log, "--ca-file", "/no/such.pem"], &["/no/such.pem"], 2);
    check(&["diagnose", "--no-such-flag"], &["--no-such-flag"], 2);
}

#[test]
fn nothing_to_diagnose_is_said_kindly() {
    check(&["diagnose"], &["nothing to diagnose was named", "--log FILE"], 0);
    check(&["diagnose", "--octopus-url", "https://octopus.example.com"], &["there is no key", "OCTOPUS_API_KEY"], 3);
    check(&["diagnose", "--task", "ServerTasks-1"], &["address is not known", "OCTOPUS_URL"], 3);
    check(&["diagnose", "nonsense"], &["names no run", "portal"], 2);
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let log = file("pipe", "error: it broke\n".repeat(1_000).as_bytes());
    let mut child =
        firefighter(&["diagnose", "--log", &log]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()));
}

#[test]
fn an_endless_log_ends_at_the_deadline() {
    let mut child = firefighter(&["diagnose", "--log", "-", "--deadline", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || while pipe.write_all(&b"still busy\n".repeat(1_000)).is_ok() {});
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("--deadline allows it more"), "{}", said(&output));
}

#[test]
fn a_log_on_the_standard_input_is_read() {
    let mut child =
        firefighter(&["diagnose", "--log", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"error: the widget is bent\n").unwrap();
    assert!(said(&child.wait_with_output().unwrap()).contains("the widget is bent"));
}

#[test]
fn every_format_is_printed() {
    let log = file("formats", b"error: the widget is bent\n");
    for (format, start) in [("json", "{"), ("html", "<!"), ("markdown", "#"), ("text", "")] {
        let output = firefighter(&["diagnose", "--log", &log, "--format", format]).output().unwrap();
        let text = said(&output);
        assert!(
            text.trim_start().to_lowercase().starts_with(start) && text.contains("the widget is bent"),
            "{format}: {text}"
        );
    }
}

#[test]
fn settings_are_shown_with_their_origin_and_without_secrets() {
    let output = firefighter(&["diagnose", "--show-settings", "--budget", "9"])
        .env("OCTOPUS_API_KEY", "API-HUSH")
        .output()
        .unwrap();
    let text = said(&output);
    assert!(
        text.contains("flag --budget") && text.contains("variable OCTOPUS_API_KEY") && !text.contains("HUSH"),
        "{text}"
    );
}

#[test]
fn a_repositorys_settings_file_cannot_say_where_keys_go() {
    let place = folder("hostile-settings");
    fs::write(place.join("firefighter.toml"), "[octopus]\nurl = \"https://evil.example.com\"\n").unwrap();
    let output = firefighter(&["diagnose", "--show-settings"]).current_dir(&place).output().unwrap();
    let text = said(&output);
    assert!(text.contains("octopus.url in firefighter.toml is not used"), "{text}");
    assert!(!text.contains("evil.example.com"), "{text}");
}

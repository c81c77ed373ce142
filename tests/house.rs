//! The rules of the house that a machine can hold: who may import whom, and what no file may do.

#![allow(clippy::unwrap_used, clippy::similar_names, clippy::string_slice, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with what it may import. Whoever adds a room adds a row.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("error", &[]),
    ("apart", &["model"]),
    ("clean", &["model"]),
    ("http", &[]),
    ("ocl", &[]),
    ("redact", &["model", "tree"]),
    ("signature", &["model", "error", "tree"]),
    ("host", &["model", "error", "http", "clean", "tree"]),
    ("forge", &["model", "http", "ocl", "tree"]),
    ("reduce", &["model", "signature", "tree"]),
    ("recur", &["model", "reduce", "signature"]),
    ("runbook", &["model"]),
    ("diagnose", &["model", "redact", "signature", "http", "ocl", "tree"]),
    ("report", &["model", "redact"]),
    ("wrap", &["model", "clean", "stop", "tree"]),
    ("saved", &["model", "error", "redact", "report", "signature", "tree"]),
    ("publish", &["model", "error", "host", "redact", "report"]),
    ("beside", &["model", "host", "http", "redact", "diagnose", "tree"]),
    ("early", &["model", "error", "host", "redact", "diagnose", "beside", "report", "publish"]),
    ("self_check", &["http"]),
    ("stop", &[]),
    ("tree", &[]),
    ("settings", &["error", "diagnose", "forge", "host", "http", "publish", "redact", "reduce"]),
    ("cli", &["settings"]),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    files(&root)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            let room = name.split(['/', '.']).next().unwrap().to_owned();
            (name, room, fs::read_to_string(&path).unwrap())
        })
        .filter(|(name, ..)| !TESTS.contains(&name.as_str()))
        .collect()
}

/// A file without its tests, which may do as they like.
fn without_tests(text: &str) -> &str {
    let is_module = |rest: &str| {
        rest.lines().find(|line| !line.starts_with("#[")).is_some_and(|line| line.starts_with("mod tests {"))
    };
    let start = text.match_indices("#[cfg(test)]\n").find(|(at, mark)| is_module(&text[at + mark.len()..]));
    &text[..start.map_or(text.len(), |(at, _)| at)]
}

/// Files that are only compiled for tests.
const TESTS: [&str; 8] = [
    "diagnose/answer/tests.rs",
    "diagnose/held/tests.rs",
    "forge/tests.rs",
    "redact/seal/tests.rs",
    "redact/tests.rs",
    "redact/value/tests.rs",
    "signature/tests.rs",
    "report/sample.rs",
];

#[test]
fn arrows_between_rooms_point_down() {
    let allowed: BTreeMap<_, _> = ROOMS.iter().copied().collect();
    for (name, room, text) in sources() {
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        let rooms = allowed.get(room.as_str()).unwrap_or_else(|| panic!("src/{name}: room {room} has no row in ROOMS"));
        for line in without_tests(&text).lines().filter(|line| !line.trim_start().starts_with("//")) {
            for part in line.split("crate::").skip(1) {
                let other: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                assert!(other == room || rooms.contains(&other.as_str()), "src/{name} may not import {other}: {line}");
            }
        }
    }
}

#[test]
fn every_room_that_has_a_row_stands() {
    let rooms: Vec<_> = sources().into_iter().map(|(_, room, _)| room).collect();
    for (room, _) in ROOMS {
        assert!(rooms.iter().any(|stands| stands == room), "{room} has a row and no file");
    }
}

#[test]
fn only_their_rooms_touch_the_outside() {
    let rules: &[(&str, &[&str])] = &[
        ("std::env::", &["main"]),
        ("Timestamp::now", &["main"]),
        ("process::exit", &["main"]),
        ("ureq::", &["http"]),
        ("TcpStream", &[]),
        ("clap::", &["cli", "main"]),
        ("io::stdout", &["main"]),
        ("io::stderr", &["main"]),
    ];
    for (name, room, text) in sources() {
        let text = without_tests(&text);
        for (word, rooms) in rules {
            assert!(!text.contains(word) || rooms.contains(&room.as_str()), "src/{name} may not use {word}");
        }
    }
}

#[test]
fn only_the_redactor_makes_a_redacted_value() {
    for (name, room, text) in sources() {
        let makes = without_tests(&text).contains("Redacted(");
        assert!(!makes || room == "redact", "src/{name} makes a Redacted value");
    }
}

#[test]
fn every_file_says_first_what_it_is_for() {
    for (name, _, text) in sources() {
        assert!(text.starts_with("//! "), "src/{name} does not begin with its purpose");
    }
}

#[test]
fn nothing_is_imported_wholesale() {
    for (name, _, text) in sources() {
        let text = without_tests(&text);
        assert!(!text.contains("::*;"), "src/{name} imports everything of something");
    }
}

#[test]
fn the_architecture_page_names_every_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    for (name, ..) in sources() {
        let last = name.rsplit('/').next().unwrap();
        let named = page.contains(last) || (last == "mod.rs");
        assert!(named, "ARCHITECTURE.md does not name {name}");
    }
}

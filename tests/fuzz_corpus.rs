//! What a fuzzer found worth keeping, tried on every target of `fuzz/targets/`: the promises hold for each, and for what once broke one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::pedantic,
    unreachable_pub,
    missing_docs,
    reason = "shared with the fuzzer's own program"
)]

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

#[path = "../fuzz/targets/mod.rs"]
mod targets;

fn inputs(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_kept_input_keeps_the_promises() {
    let mut broken = Vec::new();
    for (name, target) in targets::TARGETS {
        for path in inputs(name) {
            let data = fs::read(&path).unwrap();
            if panic::catch_unwind(|| target(&data)).is_err() {
                broken.push(path);
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_target_has_inputs_and_every_input_a_target() {
    for (name, _) in targets::TARGETS {
        assert!(!inputs(name).is_empty(), "fuzz/corpus/{name} has no input");
    }
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(targets::TARGETS.iter().any(|(target, _)| *target == name), "fuzz/corpus/{name} has no target");
    }
}

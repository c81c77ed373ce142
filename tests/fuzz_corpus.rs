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
use std::time::{SystemTime, UNIX_EPOCH};

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

/// Numbers that look random: `xorshift64*`.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % most.max(1)
    }
}

/// `data`, with some bytes changed, left out, said twice, or replaced by a part of `other`.
fn changed(data: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut data = data.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(data.len() + 1);
        let to = (at + dice.below(24)).min(data.len());
        match dice.below(6) {
            0 if at < data.len() => data[at] = u8::try_from(dice.below(256)).unwrap(),
            1 => drop(data.drain(at..to)),
            2 => {
                let twice = data[at..to].to_vec();
                data.splice(at..at, twice);
            }
            3 => {
                let from = dice.below(other.len() + 1);
                let part = other[from..(from + dice.below(64)).min(other.len())].to_vec();
                data.splice(at..to, part);
            }
            4 => drop(
                data.splice(at..at, [b"\r\n", b"\x1b[", b"##", b"::", "é\u{202e}".as_bytes()][dice.below(5)].to_vec()),
            ),
            _ => data.truncate(at),
        }
    }
    data
}

// A fuzzer that watches the code finds more (`fuzz/run`); this one runs wherever the tests do. `FUZZ_SEED` holds the seed that
// a failure names, and `FUZZ_INPUTS` how many inputs a target gets.
#[test]
fn inputs_like_the_kept_ones_keep_the_promises_too() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let seed = number("FUZZ_SEED").unwrap_or(u64::try_from(now % u128::from(u64::MAX)).unwrap() | 1);
    let rounds = number("FUZZ_INPUTS").unwrap_or(40);
    for (name, target) in targets::TARGETS {
        let kept: Vec<Vec<u8>> = inputs(name).iter().map(|path| fs::read(path).unwrap()).collect();
        let mut dice = Dice(seed);
        for _ in 0..rounds {
            let (one, other) = (&kept[dice.below(kept.len())], &kept[dice.below(kept.len())]);
            let data = changed(one, other, &mut dice);
            if panic::catch_unwind(|| target(&data)).is_err() {
                let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{seed}"));
                fs::write(&path, &data).unwrap();
                panic!("{name} breaks a promise with FUZZ_SEED={seed}; the input is {}", path.display());
            }
        }
    }
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

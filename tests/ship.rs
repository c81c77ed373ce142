//! The programs as they are shipped, each started as on its own machine: what it says it is, logs in the spellings of every
//! system, and the story of the demo over TLS. `dist/build` makes the programs; what is not there is named and skipped.

#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a test fails by panicking")]

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use machines::{MACHINES, Machine};
use serde_json::Value;
use story::{Story, told};
use tls::Kind;

#[path = "ship/machines.rs"]
mod machines;
#[path = "step_host/parsers.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, clippy::must_use_candidate, reason = "shared with other tests")]
mod parsers;
mod sim;
mod story;
#[path = "contract/tls.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod tls;

/// An empty folder, which on the machine with an empty root is that root.
fn folder(machine: &Machine, test: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ship").join(format!("{test} {}", machine.name));
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).unwrap();
    place
}

/// Runs `check` on each machine that is to be had, with a command that starts the program, in a folder of its own.
fn on_each(test: &str, check: impl Fn(&Machine, Command, &Path)) {
    for machine in MACHINES {
        let folder = folder(machine, test);
        if let Some(command) = machine.command(&folder) {
            check(machine, command, &folder);
        }
    }
}

#[test]
fn each_program_says_what_it_is() {
    on_each("self-check", |machine, mut command, _| {
        let output = command.args(["self-check", "--format", "json"]).output().unwrap();
        let about: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        assert_eq!(about["version"], env!("CARGO_PKG_VERSION"), "{}", machine.name);
        let features: Vec<&str> = about["features"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(features.contains(&"unwind"), "{}: {features:?}", machine.name);
        if !machine.target.is_empty() {
            assert_eq!(about["target"], machine.target);
            assert!(features.contains(&"static") && features.contains(&"optimized"), "{features:?}");
        }
        let built_in = about["certificates"].as_array().unwrap().iter().find(|one| one["from"] == "built in").unwrap();
        assert!(built_in["count"].as_u64() > Some(100), "{about}");
    });
}

/// A log as Windows programs write it: line ends of two characters, a byte order mark, two bytes a character.
fn log() -> String {
    "Restore started\r\nnpm error code ENOTFOUND\r\nnpm error request to https://registry.example.com/größe failed, \
     reason: getaddrinfo ENOTFOUND registry.example.com\r\nProcess completed with exit code 1\r\n"
        .to_owned()
}

#[test]
fn a_log_is_read_in_each_spelling_and_by_each_name() {
    let wide = |text: &str| [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let logs: [(&str, Vec<u8>); 3] = [
        ("plain.log", log().replace("\r\n", "\n").into_bytes()),
        ("with spaces and größe.log", log().into_bytes()),
        ("wide.log", wide(&log())),
    ];
    on_each("log", |machine, _, folder| {
        for (name, bytes) in &logs {
            fs::write(folder.join(name), bytes).unwrap();
            let path = (machine.path)(folder, name);
            let mut paths = vec![path.clone()];
            if machine.target.contains("windows") || cfg!(windows) {
                // The spelling that is taken as it stands, and may be longer than others.
                paths.push(format!(r"\\?\{path}"));
            }
            for path in paths {
                let mut command = machine.command(folder).unwrap();
                let output = command.args(["diagnose", "--format", "json", "--log", &path]).output().unwrap();
                let said = format!("{} {path}: {}", machine.name, String::from_utf8_lossy(&output.stderr));
                let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
                assert_eq!(report["category"], "dns", "{said}");
                assert!(report.to_string().contains("https://registry.example.com/größe failed"), "{said} {report}");
                assert!(!report.to_string().contains("\\r"), "{said} {report}");
            }
        }
    });
}

#[test]
fn the_story_is_told_over_tls_with_a_private_authority() {
    let story = Story::start(Kind::Nothing);
    on_each("story", |machine, mut command, folder| {
        fs::write(folder.join("our authority.pem"), &story.front.authority).unwrap();
        let authority = (machine.path)(folder, "our authority.pem");
        let output = command.args(["diagnose", "--ca-file", &authority]).envs(story.env("127.0.0.1")).output().unwrap();
        assert_eq!(told(&output), Ok(()), "{}", machine.name);
        assert!(folder.join("firefighter-report/firefighter.html").is_file(), "{}", machine.name);
    });
    // Without the authority nobody is believed.
    on_each("stranger", |machine, mut command, _| {
        let output = command.arg("diagnose").envs(story.env("127.0.0.1")).output().unwrap();
        let all = told(&output).unwrap_err();
        assert!(all.contains("its certificate authority is not known here"), "{}: {all}", machine.name);
    });
}

/// Answers questions for addresses of version 4 with 127.0.0.1, and others with none, as long as the test program lives.
fn name_server(at: &str) -> Option<()> {
    let socket = UdpSocket::bind((at, 53)).ok()?;
    thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((size, from)) = socket.recv_from(&mut buffer) {
            let question = &buffer[..size];
            // A head of twelve bytes, the name, which a zero ends, the type and the class.
            let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap_or(0) + 5;
            let is_four = question.get(end - 3) == Some(&1);
            let mut answer = question[..end].to_vec();
            answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_four), 0, 0, 0, 0]);
            if is_four {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    Some(())
}

/// In an empty root nothing but the files of the test says how names are found and who is trusted.
#[test]
fn in_an_empty_root_names_are_found_and_the_systems_authorities_are_trusted() {
    let machine = MACHINES.iter().find(|machine| machine.name == "an empty root").unwrap();
    let place = folder(machine, "names");
    let Some(mut command) = machine.command(&place) else { return };
    // An address of this machine that no name server of its own has.
    if name_server("127.0.0.77").is_none() {
        eprintln!("port 53 may not be used here; skipped");
        return;
    }
    let story = Story::start(Kind::Nothing);
    fs::create_dir_all(place.join("etc/ssl/certs")).unwrap();
    fs::write(place.join("etc/resolv.conf"), "nameserver 127.0.0.77\n").unwrap();
    fs::write(place.join("etc/ssl/certs/ca-certificates.crt"), &story.front.authority).unwrap();
    let env = story.env("octopus.internal.example");
    let output = command.args(["diagnose", "--tls-roots", "system"]).envs(&env).output().unwrap();
    assert_eq!(told(&output), Ok(()));
    // The file of hosts goes before.
    fs::remove_file(place.join("etc/resolv.conf")).unwrap();
    fs::write(place.join("etc/hosts"), "127.0.0.1 octopus.internal.example\n").unwrap();
    let output = machine.command(&place).unwrap().arg("diagnose").envs(&env).output().unwrap();
    assert_eq!(told(&output), Ok(()));
}

/// What the head of an ELF file says that it needs: an interpreter (3) or dynamic libraries (2, with needed ones).
fn needs(program: &[u8]) -> Vec<&'static str> {
    let number =
        |at: usize, size: usize| program[at..at + size].iter().rev().fold(0, |n, byte| n << 8 | usize::from(*byte));
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    let mut found = Vec::new();
    for at in (0..count).map(|row| table + row * size) {
        match number(at, 4) {
            3 => found.push("an interpreter"),
            2 => {
                let (start, length) = (number(at + 8, 8), number(at + 32, 8));
                let tags = (0..length / 16).map(|row| number(start + row * 16, 8));
                // 0 ends the table, 1 names a library.
                found.extend(tags.take_while(|tag| *tag != 0).filter(|tag| *tag == 1).map(|_| "a library"));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn the_programs_for_linux_need_no_interpreter_and_no_library() {
    for machine in MACHINES.iter().filter(|machine| machine.target.ends_with("-linux-musl")) {
        if let Some(program) = machine.program() {
            assert_eq!(needs(&fs::read(program).unwrap()), Vec::<&str>::new(), "{}", machine.target);
        }
    }
    // The check itself sees both.
    if cfg!(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static"))) {
        let here = needs(&fs::read(env!("CARGO_BIN_EXE_firefighter")).unwrap());
        assert!(here.contains(&"an interpreter") && here.contains(&"a library"), "{here:?}");
    }
}

#[test]
fn no_path_of_the_machine_that_built_it_is_in_a_program() {
    let home = std::env::var("HOME").unwrap_or_default();
    let paths = [env!("CARGO_MANIFEST_DIR").to_owned(), format!("{home}/.cargo/registry"), format!("{home}/.rustup")];
    for machine in MACHINES.iter().filter(|machine| !machine.target.is_empty()) {
        let Some(program) = machine.program() else { continue };
        let bytes = fs::read(program).unwrap();
        for path in &paths {
            let is_there = bytes.windows(path.len()).any(|window| window == path.as_bytes());
            assert!(!is_there, "{path} is in the program for {}", machine.target);
        }
    }
}

//! What a release holds, packed from programs that are none, and the installer, which takes only what its checksum promises.

#![cfg(unix)]
#![allow(
    clippy::print_stderr,
    clippy::case_sensitive_file_extension_comparisons,
    clippy::type_complexity,
    reason = "what was left out is said; names are ours; a table of cases is read as one"
)]
#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use sim::{Listener, Response};

mod sim;

const LINUX: &str = "x86_64-unknown-linux-musl";
const ARM: &str = "aarch64-unknown-linux-musl";
const WINDOWS: &str = "x86_64-pc-windows-gnu";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder(name: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("install {}", std::process::id())).join(name);
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).unwrap();
    place
}

fn have(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|place| place.join(program)).find(|file| file.is_file())
}

/// Lays out programs for three targets and packs them, as a release is; the folder of the release.
fn pack(name: &str) -> PathBuf {
    let place = folder(name);
    for (target, file) in [(LINUX, "firefighter"), (ARM, "firefighter"), (WINDOWS, "firefighter.exe")] {
        fs::create_dir_all(place.join(target)).unwrap();
        fs::write(place.join(target).join(file), format!("#!/bin/sh\necho firefighter 9.9 for {target}\n")).unwrap();
    }
    let output = Command::new("python3").arg(root().join("dist/pack")).arg(&place).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    place.join("release")
}

/// The release that most tests look at; `None` where there is no Python.
fn release() -> Option<&'static Path> {
    static MADE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        if have("python3").is_none() {
            assert!(std::env::var_os("CI").is_none(), "python3 is demanded and not there");
            eprintln!("python3 is not there; skipped");
            return None;
        }
        Some(pack("release"))
    });
    made.as_deref()
}

fn names(folder: &Path) -> Vec<String> {
    let mut all: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    all.sort();
    all
}

#[test]
fn a_release_is_packed_the_same_each_time_and_everything_in_it_has_its_checksum() {
    let Some(first) = release() else { return };
    let second = pack("again, elsewhere");
    let version = env!("CARGO_PKG_VERSION");
    let expected = [
        &format!("Firefighter.{version}.zip"),
        "SHA256SUMS",
        "THIRD-PARTY-LICENSES.txt",
        &format!("firefighter-{ARM}.tar.gz"),
        &format!("firefighter-{ARM}.tar.xz"),
        "firefighter-linux-arm64",
        "firefighter-linux-x64",
        "firefighter-windows-x64",
        &format!("firefighter-{WINDOWS}.tar.gz"),
        &format!("firefighter-{WINDOWS}.tar.xz"),
        &format!("firefighter-{WINDOWS}.zip"),
        &format!("firefighter-{LINUX}.tar.gz"),
        &format!("firefighter-{LINUX}.tar.xz"),
        "firefighter.cdx.json",
        "install.ps1",
        "install.sh",
    ];
    let mut expected: Vec<&str> = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(names(first), expected);
    for name in &expected {
        assert!(fs::read(first.join(name)).unwrap() == fs::read(second.join(name)).unwrap(), "{name} differs");
    }
    let sums = fs::read_to_string(first.join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), expected.len() - 1, "{sums}");
    let mut check = Command::new("python3");
    check.args(["-c", CHECK]).arg(first);
    let output = check.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Holds each line of SHA256SUMS against its file, with another implementation than the tests' own.
const CHECK: &str = "import sys, hashlib, pathlib
folder = pathlib.Path(sys.argv[1])
for line in (folder / 'SHA256SUMS').read_text().splitlines():
    digest, name = line.split('  ')
    assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
";

/// Names, modes, owners and times of what an archive holds, as Python's readers tell.
const LIST: &str = "import sys, json, tarfile, zipfile, time
path = sys.argv[1]
if path.endswith('.zip'):
    rows = [[i.filename, i.external_attr >> 16 & 0o777, 0, list(i.date_time)] for i in zipfile.ZipFile(path).infolist()]
else:
    rows = [[i.name, i.mode, i.uid + i.gid, list(time.gmtime(i.mtime)[:6])] for i in tarfile.open(path).getmembers()]
print(json.dumps(rows))
";

fn listed(archive: &Path) -> Vec<(String, u64, Value)> {
    let output = Command::new("python3").args(["-c", LIST]).arg(archive).output().unwrap();
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let row = |row: &Value| {
        assert_eq!(row[2], 0, "no user of the machine that packed it: {row}");
        (row[0].as_str().unwrap().to_owned(), row[1].as_u64().unwrap(), row[3].clone())
    };
    rows.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn the_program_is_at_the_top_of_its_archive_and_may_be_executed() {
    let Some(release) = release() else { return };
    for (archive, program) in [
        (format!("firefighter-{LINUX}.tar.gz"), "firefighter"),
        (format!("firefighter-{LINUX}.tar.xz"), "firefighter"),
        (format!("firefighter-{WINDOWS}.tar.gz"), "firefighter.exe"),
        (format!("firefighter-{WINDOWS}.zip"), "firefighter.exe"),
    ] {
        let rows = listed(&release.join(&archive));
        let modes: BTreeMap<&str, u64> = rows.iter().map(|(name, mode, _)| (name.as_str(), *mode)).collect();
        let expected: BTreeMap<&str, u64> =
            [(program, 0o755), ("LICENSE", 0o644), ("README.md", 0o644), ("THIRD-PARTY-LICENSES.txt", 0o644)].into();
        assert_eq!(modes, expected, "{archive}");
        assert!(rows.iter().all(|(_, _, time)| *time == rows[0].2), "one time for all: {rows:?}");
    }
}

#[test]
fn the_package_for_octopus_has_the_folders_that_the_step_templates_look_in() {
    let Some(release) = release() else { return };
    let rows = listed(&release.join(format!("Firefighter.{}.zip", env!("CARGO_PKG_VERSION"))));
    let programs: Vec<&str> =
        rows.iter().filter(|(_, mode, _)| *mode == 0o755).map(|(name, ..)| name.as_str()).collect();
    assert_eq!(programs, ["linux-arm64/firefighter", "linux-x64/firefighter", "win-x64/firefighter.exe"]);
    let template = fs::read_to_string(root().join("dist/step-templates/template.json")).unwrap();
    for program in programs {
        let place = &program[..=program.find('/').unwrap()];
        assert!(template.contains(&format!("`{place}`")), "{place} is not what the template's help tells of");
    }
}

#[test]
fn what_the_program_is_made_of_is_what_is_linked_in() {
    let Some(release) = release() else { return };
    let text = fs::read_to_string(release.join("firefighter.cdx.json")).unwrap();
    let bill: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((bill["bomFormat"].as_str(), bill["specVersion"].as_str()), (Some("CycloneDX"), Some("1.5")));
    let all: BTreeMap<&str, &Value> =
        bill["components"].as_array().unwrap().iter().map(|one| (one["name"].as_str().unwrap(), one)).collect();
    // Linked into all, into one alone, and what is no crate.
    for name in ["ring", "rustls", "windows-sys", "rustix", "serde_derive", "musl", "mingw-w64-crt", "rust-std"] {
        assert!(all.contains_key(name), "{name} is missing");
    }
    // For tests, for builds, and for macros alone.
    for name in ["proptest", "rcgen", "cc", "syn", "firefighter"] {
        assert!(!all.contains_key(name), "{name} is not linked in");
    }
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let licences = fs::read_to_string(release.join("THIRD-PARTY-LICENSES.txt")).unwrap();
    for (name, one) in all.iter().filter(|(_, one)| one["purl"].is_string()) {
        let digest = one["hashes"][0]["content"].as_str().unwrap();
        assert!(lock.contains(digest), "{name}: the checksum is that of Cargo.lock");
        let version = one["version"].as_str().unwrap();
        let licence = one["licenses"][0]["expression"].as_str().unwrap();
        assert!(licences.contains(&format!("\n{name} {version}: {licence}")), "{name} is not among the licences");
    }
    assert!(licences.contains("Permission is hereby granted") && licences.contains("Apache License"));
    let known: Vec<&str> =
        bill["dependencies"].as_array().unwrap().iter().map(|row| row["ref"].as_str().unwrap()).collect();
    let depended = bill["dependencies"].as_array().unwrap().iter().flat_map(|row| row["dependsOn"].as_array().unwrap());
    for one in depended {
        assert!(known.contains(&one.as_str().unwrap()), "{one} is depended on and not described");
    }
}

#[test]
fn a_program_that_is_too_large_is_not_packed() {
    if release().is_none() {
        return;
    }
    let place = folder("large");
    fs::create_dir_all(place.join(LINUX)).unwrap();
    fs::write(place.join(LINUX).join("firefighter"), vec![0; (9 << 20) + 1]).unwrap();
    let output = Command::new("python3").arg(root().join("dist/pack")).arg(&place).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("LARGER"), "{output:?}");
}

/// A release that is served; `spoil` changes a file as it goes out, or keeps it back.
fn serve(spoil: fn(&str, Vec<u8>) -> Option<Vec<u8>>) -> Option<Listener> {
    let release = release()?;
    Some(Listener::start(move |request| {
        let name = request.path.trim_start_matches('/');
        match fs::read(release.join(name)).ok().and_then(|bytes| spoil(name, bytes)) {
            Some(bytes) => Response::new(200, "application/octet-stream", bytes),
            None => Response::new(404, "text/plain", "no such file"),
        }
    }))
}

const TOOLS: [&str; 15] = [
    "sh",
    "awk",
    "cat",
    "chmod",
    "cp",
    "cut",
    "gzip",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "sed",
    "sha256sum",
    "tar",
    "curl",
];

/// A machine of the installer's: a folder of programs, without some, whose `uname` tells of `machine`.
fn machine(place: &Path, system: &str, processor: &str, without: &[&str]) -> PathBuf {
    let bin = place.join("bin");
    fs::create_dir_all(&bin).unwrap();
    for tool in TOOLS.iter().filter(|tool| !without.contains(tool)) {
        if let Some(path) = have(tool) {
            symlink(path, bin.join(tool)).unwrap();
        }
    }
    let uname = format!("#!/bin/sh\nif [ \"$1\" = -m ]; then echo {processor}; else echo {system}; fi\n");
    fs::write(bin.join("uname"), uname).unwrap();
    fs::set_permissions(bin.join("uname"), fs::Permissions::from_mode(0o755)).unwrap();
    bin
}

fn install(bin: &Path, place: &Path, args: &[&str]) -> Output {
    fs::create_dir_all(place.join("tmp")).unwrap();
    Command::new(bin.join("sh"))
        .arg(root().join("dist/install.sh"))
        .args(args)
        .env_clear()
        .env("PATH", bin)
        .env("HOME", place)
        .env("TMPDIR", place.join("tmp"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn the_installer_installs_what_its_checksum_promises_wherever_it_is_told() {
    let Some(server) = serve(|_, bytes| Some(bytes)) else { return };
    for (processor, target) in [("x86_64", LINUX), ("aarch64", ARM)] {
        let place = folder(&format!("good {processor}"));
        let bin = machine(&place, "Linux", processor, &[]);
        let to = place.join("a folder/with spaces");
        let output = install(&bin, &place, &["--from", &server.url(), "--to", to.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert!(said.starts_with(&format!("firefighter 9.9 for {target} is installed as ")), "{said}");
        assert!(said.contains("is not on the PATH"), "{said}");
        assert_eq!(names(&to), ["firefighter"]);
        assert!(names(&place.join("tmp")).is_empty(), "nothing is left behind");
        // Once more, over itself, at the usual place.
        let output = install(&bin, &place, &["--from", &format!("{}/", server.url())]);
        assert!(output.status.success() && place.join(".local/bin/firefighter").is_file(), "{output:?}");
    }
}

#[test]
fn the_installer_takes_the_smaller_archive_where_it_can_be_unpacked() {
    let (Some(without), Some(xz)) = (serve(|name, bytes| (!name.ends_with(".gz")).then_some(bytes)), have("xz")) else {
        return;
    };
    let place = folder("smaller");
    let bin = machine(&place, "Linux", "x86_64", &[]);
    let output = install(&bin, &place, &["--from", &without.url()]);
    assert!(!output.status.success(), "without xz the other one is asked for: {output:?}");
    symlink(xz, bin.join("xz")).unwrap();
    let output = install(&bin, &place, &["--from", &without.url()]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_installer_installs_nothing_where_anything_is_wrong() {
    let url = |server: &Option<Listener>| server.as_ref().map(Listener::url);
    let good = serve(|_, bytes| Some(bytes));
    let other = serve(|name, mut bytes| {
        if name.ends_with(".gz") {
            bytes.push(0);
        }
        Some(bytes)
    });
    let cut = serve(|name, mut bytes| {
        if name.ends_with(".gz") {
            bytes.truncate(100);
        }
        Some(bytes)
    });
    let unnamed = serve(|name, bytes| if name == "SHA256SUMS" { Some(b"0  another\n".to_vec()) } else { Some(bytes) });
    let absent = serve(|name, bytes| (!name.ends_with(".gz")).then_some(bytes));
    let Some(good) = url(&good) else { return };
    let [other_url, cut_url, unnamed_url, absent_url] =
        [url(&other), url(&cut), url(&unnamed), url(&absent)].map(Option::unwrap);
    let closed = "http://127.0.0.1:9".to_owned();
    let cases: [(&str, &str, &str, &[&str], &str, &str); 10] = [
        ("another file", "Linux", "x86_64", &[], &other_url, "is not the file that its checksum promises"),
        ("a cut file", "Linux", "x86_64", &[], &cut_url, "is not the file that its checksum promises"),
        ("no checksum", "Linux", "x86_64", &[], &unnamed_url, "there is no checksum of firefighter-x86_64"),
        ("no archive", "Linux", "x86_64", &[], &absent_url, "tar.gz could not be downloaded"),
        ("no network", "Linux", "x86_64", &[], &closed, "SHA256SUMS could not be downloaded"),
        ("no curl", "Linux", "x86_64", &["curl"], &good, "neither curl nor wget"),
        ("no digest", "Linux", "x86_64", &["sha256sum"], &good, "can't be verified"),
        ("no processor", "Linux", "riscv64", &[], &good, "no program for the processor riscv64"),
        ("no system", "FreeBSD", "amd64", &[], &good, "no program for FreeBSD"),
        ("no address", "Linux", "x86_64", &[], "", "give it --from ADDRESS"),
    ];
    for (name, system, processor, without, from, told) in cases {
        let place = folder(name);
        let bin = machine(&place, system, processor, without);
        let to = place.join("to");
        fs::create_dir_all(&to).unwrap();
        fs::write(to.join("firefighter"), "the one before").unwrap();
        let output = install(&bin, &place, &["--from", from, "--to", to.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{name}: {output:?}");
        assert!(said.contains("firefighter was not installed: ") && said.contains(told), "{name}: {said}");
        assert_eq!(names(&to), ["firefighter"], "{name}");
        assert_eq!(fs::read_to_string(to.join("firefighter")).unwrap(), "the one before", "{name}");
        assert!(names(&place.join("tmp")).is_empty(), "{name} leaves nothing behind");
    }
}

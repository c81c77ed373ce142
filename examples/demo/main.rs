//! The story, end to end, without key or network: a simulated Octopus Server, the real program as a step would start it, and
//! what Octopus would show of it, in the terminal and as a page.
//!
//! `cargo run --release --example demo`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a demonstration prints, and may stop where something is wrong"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use owo_colors::OwoColorize;

mod page;
#[path = "../../tests/step_host/parsers.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, clippy::must_use_candidate, reason = "shared with the tests")]
mod parsers;
#[path = "../../tests/sim/mod.rs"]
mod sim;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let case = root.join("tests/cases/trivy-rate-limit");
    let server = sim::Server::start(sim::World::load(&case.join("server")));
    let folder = root.join("target/demo");
    std::fs::create_dir_all(&folder).unwrap();

    let bar = "─".repeat(78);
    println!("A simulated Octopus Server answers at {}.", server.url());
    println!("Release 0.1.1982+84df60a.2078.1 of Octopus Copilot Function failed in environment Security.");
    println!("Its step “Diagnose failure” now runs: firefighter diagnose\n");

    let settings: toml::Table = toml::from_str(&std::fs::read_to_string(case.join("case.toml")).unwrap()).unwrap();
    let variables: BTreeMap<String, String> =
        settings["env"].as_table().unwrap().iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect();
    let program = program();
    let start = Instant::now();
    let output = Command::new(program)
        .arg("diagnose")
        .env_clear()
        .env("FIREFIGHTER_NO_FORGE", "1")
        .envs(&variables)
        .env("OCTOPUS_URL", server.url())
        // A picture of the report is the same whenever it is taken.
        .env("SOURCE_DATE_EPOCH", "1770693300")
        .current_dir(&folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let took = start.elapsed();
    let view = parsers::server(&String::from_utf8_lossy(&output.stdout));

    println!("{bar}\n{}\n", "TASK SUMMARY: what everybody sees".bold());
    println!("  {} Deploy Octopus Copilot Function release 0.1.1982+84df60a.2078.1 to Security", "✖".red());
    println!("    {} Step 6: Scan for Security Vulnerabilities", "✖".red());
    println!("    {} Step 8: Diagnose failure", "✔".green());
    for line in view.at("Highlight") {
        println!("        {}", line.blue().bold());
    }
    println!("\n{bar}\n{}\n", "TASK LOG of the step (ordinary lines)".bold());
    for line in view.at("Info") {
        println!("  {line}");
    }
    println!("\n{bar}\n{}\n", "OUTPUT VARIABLES for later steps".bold());
    for (name, value) in &view.variables {
        println!("  Octopus.Action[Diagnose failure].Output.{name} = {value}");
    }
    println!("\n{bar}\n{}\n", "ARTIFACTS".bold());
    for artifact in &view.artifacts {
        println!("  {:<18} {:>7} bytes", artifact.name, artifact.length);
    }
    println!("\n{bar}");
    let calls = server.requests().len();
    println!("Exit code {:?}, {} calls to the server, {} ms.", output.status.code(), calls, took.as_millis());
    let report = std::fs::read_to_string(folder.join("firefighter-report/firefighter.json")).unwrap();
    let report = serde_json::from_str(&report).unwrap();
    let outcome = if output.status.success() { "succeeded" } else { "failed" };
    let step = page::Step { name: &variables["FIREFIGHTER_OCTOPUS_STEP_NAME"], outcome, view: &view };
    let shown = folder.join("octopus.html");
    std::fs::write(&shown, page::page(&step, &report)).unwrap();
    println!("The report to open: {}", folder.join("firefighter-report/firefighter.html").display());
    println!("The task as Octopus shows it: {}", shown.display());
}

/// The program beside this example, built from the same source.
fn program() -> PathBuf {
    let name = format!("firefighter{}", std::env::consts::EXE_SUFFIX);
    let here = std::env::current_exe().unwrap();
    let beside = here.ancestors().nth(2).unwrap().join(&name);
    // `cargo run --example` builds the library and the example, but not the program.
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args([
        "build",
        "--quiet",
        "--bin",
        "firefighter",
        "--manifest-path",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
    ]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "the program cannot be built");
    assert!(beside.is_file(), "{} is not there", beside.display());
    beside
}

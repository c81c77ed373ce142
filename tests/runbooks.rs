//! A folder of runbooks beside a log: the fitting one is in the report, masked and escaped like all else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The report, as text, of a log with a folder of these runbooks beside it.
fn check(log: &str, runbooks: &[(&str, &str)], has: &[&str], lacks: &[&str]) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("runbooks-{}", runbooks.len()));
    fs::create_dir_all(folder.join("runbooks")).unwrap();
    fs::write(folder.join("run.log"), log).unwrap();
    for (name, text) in runbooks {
        fs::write(folder.join("runbooks").join(name), text).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_firefighter"));
    command.args(["diagnose", "--log", "run.log", "--runbooks", "runbooks", "--format", "text"]);
    command.env_clear().current_dir(&folder);
    // Windows programs find nothing without it.
    if let Some(root) = std::env::var_os("SYSTEMROOT") {
        command.env("SYSTEMROOT", root);
    }
    let output = command.output().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // Prose is wrapped; where does not matter here.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in has {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    for part in lacks {
        assert!(!text.contains(part), "{part} is in {text}");
    }
}

const LOG: &str =
    "DB_PASSWORD=sunshine\nlogin as sunshine\nERROR: GET https://ghcr.io/v2/aquasecurity/trivy-db: TOOMANYREQUESTS\n";

#[test]
fn the_fitting_runbook_is_offered_with_its_reason_and_nothing_secret() {
    check(
        LOG,
        &[
            (
                "registry.md",
                "# When ghcr.io limits us\n\nSay sunshine. The scan of trivy ends with TOOMANYREQUESTS.\n\nAPI_KEY=x8Kq2Lm9Zr7Ty\n",
            ),
            ("disk.md", "# The disk is full\n\nDelete old images.\n"),
        ],
        &["Runbook: When ghcr.io limits us", "runbooks/registry.md, chosen because it speaks of “ghcr.io”", "⟨secret:"],
        &["x8Kq2Lm9Zr7Ty", "The disk is full"],
    );
}

#[test]
fn a_folder_without_a_fitting_runbook_adds_nothing() {
    check(LOG, &[("disk.md", "# The disk is full\n\nDelete old images.\n")], &["TOOMANYREQUESTS"], &["Runbook:"]);
}

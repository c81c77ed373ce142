//! A step host: runs a bash step as Octopus does, from variables to output.
//!
//! In come a script and its variables, out comes what it printed, its exit code, and which variables it read. The one rule: a
//! script gets what Octopus gives it (`bootstrap.sh` holds the helper functions, traps included) and no more; variables are
//! not in its environment.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "a module of tests has no outside")]
#![allow(clippy::unwrap_used, clippy::must_use_candidate, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub mod parsers;

const BOOTSTRAP: &str = include_str!("bootstrap.sh");

/// A step that is to run.
pub struct StepHost {
    /// The working directory, empty before and kept after.
    pub folder: PathBuf,
    pub variables: BTreeMap<String, String>,
    /// The environment of the worker, beside `PATH`.
    pub env: BTreeMap<String, String>,
    pub limit: Duration,
}

/// What a step did.
#[derive(Debug)]
pub struct StepRun {
    pub stdout: String,
    pub stderr: String,
    /// `None` when it was killed.
    pub code: Option<i32>,
    /// The variables that were read, in order.
    pub reads: Vec<String>,
}

impl StepRun {
    /// What the server makes of the output.
    pub fn view(&self) -> parsers::View {
        parsers::server(&self.stdout)
    }

    /// What the server would show as errors.
    pub fn errors(&self) -> Vec<(String, String)> {
        parsers::server(&self.stderr).log
    }
}

impl StepHost {
    /// A host with an empty working directory; its path holds a space.
    pub fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("step-{name}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("work here")).unwrap();
        Self {
            folder: folder.join("work here"),
            variables: BTreeMap::new(),
            env: BTreeMap::new(),
            limit: Duration::from_mins(1),
        }
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// A folder beside the working directory: what else the worker holds.
    pub fn beside(&self, name: &str) -> PathBuf {
        let folder = self.folder.parent().unwrap().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    pub fn run(&self, script: &str) -> StepRun {
        let about = self.beside("octopus");
        let encoded: Vec<_> = self
            .variables
            .iter()
            .map(|(name, value)| STANDARD.encode(name) + " " + &STANDARD.encode(value) + "\n")
            .collect();
        fs::write(about.join("variables"), encoded.concat()).unwrap();
        fs::write(about.join("reads"), "").unwrap();
        fs::write(about.join("Bootstrap.sh"), BOOTSTRAP).unwrap();
        fs::write(self.folder.join("Script.sh"), script).unwrap();
        let mut child = Command::new("bash")
            .arg(about.join("Bootstrap.sh"))
            .arg("0123456789abcdef")
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("STEP_HOST_VARIABLES", about.join("variables"))
            .env("STEP_HOST_READS", about.join("reads"))
            .envs(&self.env)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let stdout = drain(child.stdout.take().unwrap());
        let stderr = drain(child.stderr.take().unwrap());
        let end = Instant::now() + self.limit;
        let code = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status.code(),
                None if Instant::now() > end => {
                    // The whole group, or a program of the step would keep the streams open.
                    Command::new("kill").args(["-9", "--", &format!("-{}", child.id())]).status().unwrap();
                    child.wait().unwrap();
                    break None;
                }
                None => thread::sleep(Duration::from_millis(10)),
            }
        };
        let reads = fs::read_to_string(about.join("reads")).unwrap();
        StepRun {
            stdout: stdout.join().unwrap(),
            stderr: stderr.join().unwrap(),
            code,
            reads: reads.lines().map(str::to_owned).collect(),
        }
    }
}

fn drain(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

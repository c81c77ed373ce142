//! Thousands of diagnoses in a row: nothing grows, nothing stays open, and the last one says what the first one said.
//!
//!     cargo bench --bench soak -- [--runs 10000] [--processes 1000]
//!
//! The cases of `tests/cases/`, one after the other, through the library in this one process; then through processes of the real
//! program. The simulated servers are in a process of their own, so that what they remember is not counted. `FIREFIGHTER_BIN` names
//! another build of the program.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement prints, and may stop where something is wrong"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use firefighter::early::SoFar;
use firefighter::host::Env;
use firefighter::settings;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use mimalloc::MiMalloc;

#[path = "../tests/sim/mod.rs"]
mod sim;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The second all reports are made in.
const NOW: &str = "1770693300";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if arguments.iter().any(|word| word == "--serve") {
        return serve();
    }
    let number = |name: &str, usual: usize| {
        let at = arguments.iter().position(|word| word == name);
        at.map_or(usual, |at| arguments[at + 1].parse().unwrap())
    };
    let (runs, processes) = (number("--runs", 10_000), number("--processes", 1_000));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("soak");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let (mut servers, cases) = Case::all(&folder);
    println!("cases                    {}", cases.len());
    soak("in one process", &cases, runs, Case::in_here);
    soak("a process each", &cases, processes, Case::in_a_process);
    servers.kill().unwrap();
    servers.wait().unwrap();
    let _ = fs::remove_dir_all(&folder);
}

/// Runs the cases in turn, and tells what grew and what differs.
fn soak(how: &str, cases: &[Case], runs: usize, run: fn(&Case) -> Vec<u8>) {
    let start = Instant::now();
    let mut first: Vec<Vec<u8>> = Vec::new();
    let mut differing = 0;
    // Once around, then what a process keeps for good is there.
    let (mut memory, mut files) = (Vec::new(), (0, 0));
    for at in 0..runs {
        let case = &cases[at % cases.len()];
        let said = run(case);
        match first.get(at % cases.len()) {
            None => first.push(said),
            Some(before) => differing += usize::from(*before != said),
        }
        if (at + 1) % (runs / 10).max(1) == 0 {
            memory.push(resident());
        }
        if at + 1 == cases.len() {
            files.0 = open_files();
        }
    }
    files.1 = open_files();
    let bytes: usize = first.iter().map(Vec::len).sum();
    println!("\n{how}");
    println!("  diagnoses              {runs}, {:.1} ms each", start.elapsed().as_secs_f64() * 1_000.0 / runs as f64);
    println!("  not the first's bytes  {differing} (one round is {bytes} bytes)");
    println!(
        "  memory by tenths, MB   {}",
        memory.iter().map(|size| format!("{size:.1}")).collect::<Vec<_>>().join(" ")
    );
    println!("  open files             {} after the first round, {} after the last", files.0, files.1);
}

/// A case, and where its server is.
struct Case {
    args: Vec<String>,
    env: Env,
    folder: PathBuf,
}

impl Case {
    fn all(folder: &Path) -> (Child, Vec<Self>) {
        let mut servers = Command::new(std::env::current_exe().unwrap())
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(servers.stdout.take().unwrap()).lines();
        let cases = lines.map_while(|line| line.ok().filter(|line| line != "ready")).map(|line| {
            let (name, url) = line.split_once(' ').unwrap();
            Self::of(name, url, folder)
        });
        let cases = cases.collect();
        (servers, cases)
    }

    fn of(name: &str, url: &str, folder: &Path) -> Self {
        let table: toml::Table =
            toml::from_str(&fs::read_to_string(root().join(name).join("case.toml")).unwrap()).unwrap();
        let args = table["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().replace("{url}", url));
        let folder = folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        let given = table["env"].as_table().unwrap().iter();
        let mut env: Env = given.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        for (name, value) in [
            ("FIREFIGHTER_NO_FORGE", "1"),
            ("OCTOPUS_URL", url),
            ("SOURCE_DATE_EPOCH", NOW),
            ("FIREFIGHTER_OUT", folder.to_str().unwrap()),
        ] {
            env.insert(name.to_owned(), value.to_owned());
        }
        Self { args: args.collect(), env, folder }
    }

    /// What was said, and what the files hold.
    fn told(&self, mut said: Vec<u8>) -> Vec<u8> {
        let mut files: Vec<_> = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            fs::File::open(file).unwrap().read_to_end(&mut said).unwrap();
        }
        said
    }

    fn in_here(&self) -> Vec<u8> {
        let mut said = Vec::new();
        let typed =
            firefighter::cli::parse(std::iter::once("firefighter".into()).chain(self.args.iter().map(Into::into)));
        let merged = settings::merge(&typed.unwrap().flags, &self.env).unwrap_or_else(|error| panic!("{error}"));
        let (secrets, now): (_, Timestamp) = (merged.secrets(), Timestamp::from_second(NOW.parse().unwrap()).unwrap());
        let settings =
            merged.settings(&self.env, now, &Zoned::new(now, TimeZone::UTC)).unwrap_or_else(|error| panic!("{error}"));
        match firefighter::diagnose(&settings, &self.env, secrets, now, &SoFar::default(), &mut said) {
            Ok(_) => {}
            Err(error) => said.extend(error.to_string().bytes()),
        }
        self.told(said)
    }

    fn in_a_process(&self) -> Vec<u8> {
        let program = std::env::var_os("FIREFIGHTER_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_firefighter").into());
        let output =
            Command::new(program).args(&self.args).env_clear().envs(&self.env).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", self.folder.display());
        self.told(output.stdout)
    }
}

/// The simulated server of every case, until nobody reads any more.
fn serve() {
    let mut names: Vec<_> =
        fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    names.sort();
    let servers: BTreeMap<_, _> = names
        .into_iter()
        .map(|path| (path.clone(), sim::Server::start(sim::World::load(&path.join("server")))))
        .collect();
    for (path, server) in &servers {
        println!("{} {}", path.file_name().unwrap().to_str().unwrap(), server.url());
    }
    println!("ready");
    let _ = std::io::stdin().read(&mut [0]);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// The memory of this process, in megabytes.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap() / 1_024.0
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

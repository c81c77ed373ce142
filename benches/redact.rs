//! How fast the wall is and how many ordinary lines it changes.
//!
//!     cargo bench --bench redact -- [--show] FOLDER...   # FOLDER: ordinary logs, plain or .gz; --show prints each changed line
//!
//! Each log is a run of its own: searched whole for secrets, as for a diagnosis, and then written out line by line. A line counts as
//! changed when anything in it is masked. Speeds are by the time that a core was used.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints, and may stop where something is wrong"
)]
#![allow(clippy::cast_precision_loss, reason = "shares and speeds are rounded anyway")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use firefighter::clean::{LogBuilder, lines};
use firefighter::model::{Evidence, Incident, Level, Log, Pick};
use firefighter::redact::Redactor;

const MB: f64 = 1_000_000.0;

#[derive(Default)]
struct Sum {
    logs: usize,
    lines: usize,
    changed: usize,
    bytes: usize,
    searching: Duration,
    writing: Duration,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let show = arguments.iter().any(|word| word == "--show");
    let mut files = Vec::new();
    for folder in arguments.iter().filter(|word| *word != "--show") {
        collect(Path::new(folder), &mut files);
    }
    let mut sum = Sum::default();
    if files.is_empty() {
        println!("no folder with logs was named, so the logs are made up");
        for seed in 0..8 {
            measure(made_up(seed).as_bytes(), show, &mut sum);
        }
    }
    for file in files {
        measure(&read(&file), show, &mut sum);
    }
    let megabytes = sum.bytes as f64 / MB;
    println!("{} logs, {megabytes:.1} MB, {} lines", sum.logs, sum.lines);
    println!("changed: {} lines, {:.3} %", sum.changed, 100.0 * sum.changed as f64 / sum.lines.max(1) as f64);
    println!("searching a whole log: {:.0} MB/s", megabytes / sum.searching.as_secs_f64());
    println!("writing every line of it: {:.0} MB/s", megabytes / sum.writing.as_secs_f64());
}

/// The time this thread had a core, where the system tells; else the time that passed.
struct Clock {
    cpu: Option<Duration>,
    wall: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { cpu: Self::cpu(), wall: Instant::now() }
    }

    fn cpu() -> Option<Duration> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
    }

    fn spent(&self) -> Duration {
        match (self.cpu, Self::cpu()) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            _ => self.wall.elapsed(),
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| ["log", "gz", "txt"].iter().any(|known| end == *known)) {
            files.push(path);
        }
    }
}

fn read(file: &Path) -> Vec<u8> {
    if file.extension().is_some_and(|end| end == "gz") {
        return Command::new("gzip").arg("-dc").arg(file).output().unwrap().stdout;
    }
    std::fs::read(file).unwrap()
}

/// Six megabytes of lines as builds write them.
fn made_up(seed: u64) -> String {
    let mut state = seed + 1;
    let mut dice = move |sides: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % sides
    };
    let words = [
        "copying", "module", "package", "step", "cache", "layer", "token", "linking", "test", "password", "target",
        "key",
    ];
    let mut text = String::new();
    while text.len() < 6_000_000 {
        text += &format!("2026-02-10T03:11:{:02}.{:03}Z INFO ", dice(60), dice(1000));
        for _ in 0..3 + dice(11) {
            text += words[usize::try_from(dice(words.len() as u64)).unwrap()];
            text.push(' ');
        }
        text += &format!("{:08x}\n", dice(u64::from(u32::MAX)));
    }
    text
}

fn log(bytes: &[u8]) -> Log {
    let mut builder = LogBuilder::default();
    lines(bytes, |number, line| builder.line(number, None, Level::Info, None, line)).unwrap();
    builder.finish()
}

fn measure(bytes: &[u8], show: bool, sum: &mut Sum) {
    let incident = Incident { log: log(bytes), ..Incident::default() };
    let start = Clock::start();
    let redactor = Redactor::new(&incident);
    sum.searching += start.spent();
    let pick = Pick { lines: 0..incident.log.lines.len(), reason: String::new(), score: 0.0, repeats: 0 };
    let evidence = Evidence { picks: vec![pick], ..Evidence::default() };
    let start = Clock::start();
    let case = redactor.seal(&incident, &evidence);
    sum.writing += start.spent();
    sum.logs += 1;
    sum.bytes += incident.log.text.len();
    for (index, line) in case.excerpts.iter().flat_map(|excerpt| &excerpt.lines).enumerate() {
        sum.lines += 1;
        if line.text != incident.log.line(index) {
            sum.changed += 1;
            if show {
                println!("{}\n  {}", incident.log.line(index), line.text);
            }
        }
    }
}

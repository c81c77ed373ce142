//! Runs a command as if we were not there, keeps what it prints, and says how it ended.
//!
//! A command line comes in; its bytes go to where ours would go, as they come; an [`Ending`] and the [`Log`] go out.
//! The rule: nothing here may change what the command prints, how it ends, or how long it takes. Whatever breaks on our side
//! costs the record, never the run.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, PipeWriter};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::Log;

mod about;
mod copy;
mod ending;
mod record;
mod signals;
pub mod times;
mod waits;

pub use about::{Place, good, incident};
pub use ending::Ending;
pub use signals::die_of;

/// What we end with where nothing was run.
pub const NOTHING_RUN: i32 = ending::OURS;

use copy::{Copied, Pipe};
use record::Recorder;
use signals::Signals;

/// How long a process that the command left behind may keep its output open.
const STRAGGLERS: Duration = Duration::from_secs(2);

/// What Unix says of a file that may be executed and that it does not know how to (`ENOEXEC`).
const NO_FORMAT: i32 = 8;

/// Where the command's output goes.
pub struct Sinks {
    /// Our standard output.
    pub out: File,
    /// Our standard error.
    pub err: File,
}

/// What a command did.
pub struct Ran {
    /// How it ended.
    pub ending: Ending,
    /// What it printed, thinned where it was much.
    pub log: Log,
    /// From its start to its end.
    pub took: Duration,
    /// From the last it printed to its end; `None` where it printed nothing.
    pub silence: Option<Duration>,
    /// Its longest waits of a second or more, in the order in which they began.
    pub waits: Vec<Wait>,
    /// Whether we were told to end while it ran, as by a canceled job.
    pub canceled: bool,
    /// Whether the one who reads our output went away.
    pub unread: bool,
    /// Whether its last line on the standard error has no end.
    pub mid_line: bool,
    /// What could not be kept or passed on.
    pub remarks: Vec<String>,
}

/// A time in which a command printed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The line before it, as it was printed; empty at the start, and where that line was long.
    pub after: String,
    /// How long it was.
    pub took: Duration,
}

/// A command that has ended, and whose record is not closed yet.
pub struct Ended {
    ran: Ran,
    at: Instant,
    recorder: Option<Recorder>,
}

impl Ended {
    /// How it ended.
    #[must_use]
    pub fn ending(&self) -> &Ending {
        &self.ran.ending
    }

    /// Whether its end asks for a diagnosis: it failed, nobody stopped it, and somebody is there to read one.
    #[must_use]
    pub fn failed(&self) -> bool {
        !self.ran.ending.is_good() && !self.ran.canceled && !self.ran.unread
    }

    /// Whether it ended well, and by itself.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.ran.ending.is_good() && !self.ran.canceled
    }

    /// Closes the record.
    #[must_use]
    pub fn record(self) -> Ran {
        let mut ran = self.ran;
        match self.recorder.map(|recorder| recorder.finish(self.at)) {
            Some(Ok(record)) => {
                ran.log = record.log;
                ran.waits = record.waits;
                ran.remarks.extend(record.remarks);
            }
            Some(Err(reason)) => ran.remarks.push(format!("the command's output was not kept: {reason}")),
            None => {}
        }
        if let Ending::Unstarted { reason, .. } = &ran.ending {
            ran.log = record::one_line(reason);
        }
        ran
    }
}

/// Runs `command` to its end. `late` is called when we are told to end after that.
pub fn run(command: &[OsString], sinks: Option<Sinks>, late: impl Fn(&Ending) + Send + 'static) -> Ended {
    let signals = Signals::register();
    let ended = Arc::new(OnceLock::new());
    let mut remarks = Vec::new();
    let taping = sinks.and_then(|sinks| Taping::start(sinks, &ended));
    if taping.is_none() {
        remarks.push("no pipes could be had: the command's output was passed on and not kept".to_owned());
    }
    let (ends, taping) = taping.map_or((None, None), |(ends, taping)| (Some(ends), Some(taping)));
    let started = Instant::now();
    let (ending, canceled) = match spawn(command, ends, &signals) {
        Ok(mut child) => {
            let forward = signals.forward(&child, late);
            let status = forward.wait(&mut child);
            let ending = status.map_or_else(|error| Ending::Lost(error.to_string()), Ending::of);
            let canceled = forward.over(ending.clone());
            (ending, canceled)
        }
        Err(error) => {
            let ending = Ending::unstarted(command, &error);
            signals.unused(ending.clone(), late);
            (ending, false)
        }
    };
    let at = *ended.get_or_init(Instant::now);
    let (recorder, all) = taping.map(|taping| taping.stop(at)).unzip();
    let all = all.unwrap_or_default();
    let last = all.iter().filter_map(|copied| copied.last).max();
    remarks.extend(all.iter().filter_map(|copied| copied.fault.clone()));
    let ran = Ran {
        ending,
        log: Log::default(),
        took: at.saturating_duration_since(started),
        silence: last.map(|last| at.saturating_duration_since(last)),
        waits: Vec::new(),
        canceled,
        unread: all.iter().any(|copied| copied.unread),
        mid_line: all.iter().any(|copied| copied.to_err && copied.mid_line),
        remarks,
    };
    Ended { ran, at, recorder }
}

fn spawn(command: &[OsString], ends: Option<(PipeWriter, PipeWriter)>, signals: &Signals) -> io::Result<Child> {
    let start = move |command: &mut dyn Iterator<Item = &OsStr>| {
        let mut builder = Command::new(command.next().ok_or(io::ErrorKind::InvalidInput)?);
        builder.args(command).stdin(Stdio::inherit());
        signals.prepare(&mut builder);
        if let Some((out, err)) = &ends {
            builder.stdout(out.try_clone()?).stderr(err.try_clone()?);
        }
        builder.spawn()
    };
    // With `ends` go our copies of the command's ends, or we would never see the streams end.
    let words = || command.iter().map(OsString::as_os_str);
    match start(&mut words()) {
        // A script that does not name its shell is run by the one of the system, as shells do.
        Err(error) if cfg!(unix) && error.raw_os_error() == Some(NO_FORMAT) => {
            start(&mut std::iter::once(OsStr::new("/bin/sh")).chain(words()))
        }
        other => other,
    }
}

/// Copies and a record that are under way.
struct Taping {
    recorder: Recorder,
    copied: mpsc::Receiver<Copied>,
    threads: usize,
}

impl Taping {
    /// Lays pipes and starts what reads them; `None` where the system has none to give: the command then has our own streams.
    fn start(sinks: Sinks, ended: &Arc<OnceLock<Instant>>) -> Option<((PipeWriter, PipeWriter), Self)> {
        let pipe = || io::pipe().map(|(reader, writer)| (copy::widened(reader), writer)).ok();
        let (from, out) = pipe()?;
        let mut pipes = vec![Pipe { from, to: sinks.out, stream: 0, to_err: false }];
        // Where both streams go to one place they share a pipe, and so keep their order.
        let shared = pipes.first_mut().filter(|pipe| copy::same_place(&pipe.to, &sinks.err));
        let err = if let Some(shared) = shared {
            shared.to_err = true;
            out.try_clone().ok()?
        } else {
            let (from, err) = pipe()?;
            pipes.push(Pipe { from, to: sinks.err, stream: 1, to_err: true });
            err
        };
        let recorder = Recorder::start();
        let (done, copied) = mpsc::channel();
        let threads = pipes.len();
        for pipe in pipes {
            let (tape, ended, done) = (recorder.tape(), Arc::clone(ended), done.clone());
            let body = move || {
                // Nobody listens any more where we did not wait.
                let _ = done.send(copy::copy(pipe, &tape, &ended));
            };
            thread::Builder::new().spawn(body).ok()?;
        }
        Some(((out, err), Self { recorder, copied, threads }))
    }

    /// What the threads have to tell, each when it is done; none of them waits longer for stragglers than it must.
    fn stop(self, ended: Instant) -> (Recorder, Vec<Copied>) {
        let mut all = Vec::new();
        while all.len() < self.threads {
            // Where a pipe can be asked whether it holds anything, a copy ends by itself, with all that the command printed.
            let next = if cfg!(unix) {
                self.copied.recv().ok()
            } else {
                self.copied.recv_timeout((ended + STRAGGLERS).saturating_duration_since(Instant::now())).ok()
            };
            let Some(next) = next else { break };
            all.push(next);
        }
        (self.recorder, all)
    }
}

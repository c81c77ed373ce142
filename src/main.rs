//! The `firefighter` program: reads flags and environment once, runs under one deadline, and turns the outcome into an exit
//! code that never makes a failed deployment worse.

use mimalloc::MiMalloc;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::panic;
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use clap::error::ErrorKind;
use firefighter::cli::{self, ExitCode, Typed, Wish};
use firefighter::early::{Outcome, SoFar};
use firefighter::error::Error;
use firefighter::host::{self, Captured, Env, Standing, Verdict, octopus};
use firefighter::model::{ExcerptLine, Incident, Notice, Numbering};
use firefighter::reduce::shortened;
use firefighter::settings::{self, Settings};
use firefighter::wrap::times::Good;
use firefighter::wrap::{self, Ending, Place, Sinks};
use firefighter::{Shown, diagnose, doctor, evidence, prompt, sealed, self_check, stop, timed};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use owo_colors::OwoColorize;

/// What a run may take beyond its deadline to be done by itself, and then to tell what it has found; the latter also after it was
/// told to end.
const GRACE: Duration = Duration::from_secs(1);
const TELLING: Duration = Duration::from_millis(900);

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    // A panic's own text would go to the error stream, which a host may take for a failure of the deployment.
    panic::set_hook(Box::new(|_| {}));
    stop::outlive_full_files();
    let env: Env =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
    let code = run(&env);
    let strict = env.get("FIREFIGHTER_STRICT").is_some_and(|value| settings::means_on(value))
        || std::env::args_os().any(|arg| arg == "--strict");
    // The one place where the program ends: threads that hang must not keep it.
    process::exit(if strict { code as i32 } else { 0 });
}

fn run(env: &Env) -> ExitCode {
    let typed = match cli::parse(std::env::args_os()) {
        Ok(typed) => typed,
        Err(error) => {
            let is_help = matches!(
                error.kind(),
                ErrorKind::DisplayHelp
                    | ErrorKind::DisplayVersion
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            );
            if is_help {
                write(&mut anstream::stdout(), &error.render().ansi().to_string());
                return ExitCode::Good;
            }
            complain(env, error.render().to_string().trim());
            if let Some(command) = cli::wrapped(std::env::args_os()) {
                wrapped(None, &command, env);
            }
            return ExitCode::Usage;
        }
    };
    match &typed.wish {
        Wish::Run(command) if !typed.show_settings => {
            let command = command.clone();
            wrapped(Some(&typed), &command, env)
        }
        Wish::Completions(shell) => {
            write_bytes(&cli::completions(shell));
            ExitCode::Good
        }
        Wish::Man => {
            write_bytes(&cli::man());
            ExitCode::Good
        }
        _ => with_settings(&typed, env, Job::Wish),
    }
}

/// What there is to do beyond what was typed.
enum Job {
    /// Nothing.
    Wish,
    /// A command was run, and is to be diagnosed.
    Diagnose(Incident),
    /// A command ended well, and its time is to be compared.
    Compare(Box<Good>, Incident),
}

/// Runs `command`, diagnoses it if it fails, and ends as it ended, whatever becomes of the diagnosis.
fn wrapped(typed: Option<&Typed>, command: &[OsString], env: &Env) -> ! {
    if command.is_empty() {
        end(&Ending::Code(wrap::NOTHING_RUN));
    }
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let place = Place::new(std::env::current_dir().ok(), system);
    let started = now(env);
    let ended = wrap::run(command, sinks(), |ending| end(ending));
    let ending = ended.ending().clone();
    let merged = || typed.and_then(|typed| settings::merge(&typed.flags, env).ok());
    if let Ending::Unstarted { reason, .. } = &ending {
        complain(env, reason);
    }
    let diagnose = ended.failed() || merged().is_some_and(|merged| merged.always());
    if diagnose || ended.succeeded() && merged().is_some_and(|merged| merged.on_success()) {
        let told = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            let ran = ended.record();
            if ran.mid_line {
                // What a build server obeys begins with a line.
                write(&mut io::stderr(), "\n");
            }
            let good = wrap::good(&ran, command, now(env));
            let incident = wrap::incident(ran, command, &place, started, now(env));
            let job = if diagnose { Job::Diagnose(incident) } else { Job::Compare(Box::new(good), incident) };
            typed.map(|typed| with_settings(typed, env, job))
        }));
        if told.is_err() {
            complain(env, "firefighter had a fault of its own; the command is not affected by it");
        }
    }
    end(&ending)
}

/// Ends as a command ended.
#[expect(clippy::exit, reason = "the command's own code is no outcome of ours, and threads that hang must not keep us")]
fn end(ending: &Ending) -> ! {
    if let Ending::Signal(signal) = ending {
        wrap::die_of(*signal);
    }
    process::exit(ending.code())
}

/// Our own output streams, with nothing between them and who reads.
#[cfg(unix)]
fn sinks() -> Option<Sinks> {
    use std::os::fd::AsFd;
    let out = io::stdout().as_fd().try_clone_to_owned().ok()?;
    let err = io::stderr().as_fd().try_clone_to_owned().ok()?;
    Some(Sinks { out: File::from(out), err: File::from(err) })
}

/// Our own output streams, with nothing between them and who reads.
#[cfg(windows)]
fn sinks() -> Option<Sinks> {
    use std::os::windows::io::AsHandle;
    let out = io::stdout().as_handle().try_clone_to_owned().ok()?;
    let err = io::stderr().as_handle().try_clone_to_owned().ok()?;
    Some(Sinks { out: File::from(out), err: File::from(err) })
}

fn with_settings(typed: &Typed, env: &Env, job: Job) -> ExitCode {
    let merged = match settings::merge(&typed.flags, env) {
        Ok(merged) => merged,
        Err(error) => return fail(env, &error),
    };
    if typed.show_settings {
        write(&mut io::stdout(), &merged.show());
        return ExitCode::Good;
    }
    let secrets = merged.secrets();
    let voice = Voice::new(&typed.wish, merged.color());
    let mut good = None;
    let settings = match merged.settings(env, Timestamp::now(), &clock(env)) {
        Ok(mut settings) => {
            if let Job::Diagnose(incident) = job {
                settings.access.captured = Some(Captured::new(incident));
            } else if let Job::Compare(run, incident) = job {
                good = Some((*run, incident));
            }
            settings.outputs.colored = voice.is_colored();
            settings
        }
        Err(error) => return fail(env, &error),
    };
    let deadline = settings.deadline;
    let (report, events) = mpsc::channel();
    let so_far = Arc::new(SoFar::default());
    if !matches!(typed.wish, Wish::Run(_)) {
        let told = report.clone();
        stop::listen(move |signal| {
            let _ = told.send(Event::Told(signal));
        });
    }
    let (inner, shared, own) = (env.clone(), Arc::clone(&so_far), voice.clone());
    let worker = thread::Builder::new().name("run".to_owned()).spawn(move || {
        let code = panic::catch_unwind(panic::AssertUnwindSafe(|| match good {
            Some((good, incident)) => Ok(compare(&own, &settings, &inner, secrets, &good, incident)),
            None => work(&own, &settings, &inner, secrets, &shared),
        }));
        // Nobody listens any more when the deadline has passed.
        let _ = report.send(Event::Done(code));
    });
    if worker.is_err() {
        complain(env, "firefighter could not start a thread; nothing was diagnosed");
        return ExitCode::Fault;
    }
    let why = match events.recv_timeout(deadline + GRACE) {
        Ok(Event::Done(code)) => return ended(env, code),
        Ok(Event::Told(signal)) => format!("firefighter was told to end ({signal})"),
        Err(RecvTimeoutError::Timeout) => {
            format!("firefighter was not done after {} s and stopped; --deadline allows it more", deadline.as_secs())
        }
        Err(RecvTimeoutError::Disconnected) => return ended(env, Err(Box::new(()))),
    };
    let (said, told) = mpsc::channel();
    let reason = why.clone();
    let teller = thread::Builder::new().name("early".to_owned()).spawn(move || {
        let told = panic::catch_unwind(panic::AssertUnwindSafe(|| so_far.tell(&reason, voice.out().as_mut())));
        let _ = said.send(told.ok().flatten());
    });
    let end = Instant::now() + TELLING;
    let early = teller.ok().and_then(|_| told.recv_timeout(TELLING).ok().flatten());
    if early.is_none() {
        // The run itself may be about to tell it.
        match events.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(Event::Done(code)) => return ended(env, code),
            _ => complain(env, &why),
        }
    }
    ExitCode::Late
}

/// What happens while a run is under way.
enum Event {
    /// It is over, well or not.
    Done(thread::Result<Result<ExitCode, Error>>),
    /// We were told to end, by this signal.
    Told(&'static str),
}

fn ended(env: &Env, code: thread::Result<Result<ExitCode, Error>>) -> ExitCode {
    match code {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => fail(env, &error),
        Err(_) => {
            complain(env, "firefighter had a fault of its own and stopped; the deployment is not affected by it");
            ExitCode::Fault
        }
    }
}

/// Where a command's output goes.
#[derive(Clone)]
struct Voice {
    wish: Wish,
    color: ColorChoice,
}

impl Voice {
    /// The stream for `wish`, and whether it shows colors.
    fn new(wish: &Wish, color: ColorChoice) -> Self {
        let color = match (color, wish) {
            (ColorChoice::Auto, Wish::Run(_)) => AutoStream::choice(&io::stderr()),
            (ColorChoice::Auto, _) => AutoStream::choice(&io::stdout()),
            (color, _) => color,
        };
        Self { wish: wish.clone(), color }
    }

    fn is_colored(&self) -> bool {
        self.color != ColorChoice::Never
    }

    fn out(&self) -> Box<dyn Write> {
        // Without colors nothing is between us and who reads: some hosts have marks of their own that look like colors.
        match (&self.wish, self.is_colored()) {
            // The standard output is the command's alone: it may be a file that the command writes.
            (Wish::Run(_), true) => Box::new(AutoStream::new(io::stderr(), self.color)),
            (Wish::Run(_), false) => Box::new(io::stderr()),
            (_, true) => Box::new(AutoStream::new(io::stdout(), self.color)),
            (_, false) => Box::new(io::stdout()),
        }
    }
}

fn work(
    voice: &Voice,
    settings: &Settings,
    env: &Env,
    secrets: Vec<String>,
    so_far: &SoFar,
) -> Result<ExitCode, Error> {
    let mut out = voice.out();
    let harmless = |text: String| host::harmless(&settings.outputs.shown(text), env, &settings.access.ci);
    match &voice.wish {
        Wish::Prompt => {
            let (prompt, tokens) = prompt(settings, env, secrets)?;
            let text = if settings.outputs.format == "json" {
                serde_json::json!({"tokens": tokens, "system": prompt.system, "user": prompt.user}).to_string() + "\n"
            } else {
                format!(
                    "--- system\n{}\n--- user\n{}--- {tokens} tokens (o200k); nothing was sent\n",
                    prompt.system, prompt.user
                )
            };
            write(out.as_mut(), &harmless(text));
            Ok(ExitCode::Good)
        }
        Wish::Evidence => {
            let text = shown(&evidence(settings, env, secrets)?, &settings.outputs.format);
            write(out.as_mut(), &harmless(text));
            Ok(ExitCode::Good)
        }
        Wish::Doctor => {
            let verdicts = doctor(settings, env)?;
            let bad = verdicts.iter().any(|verdict| verdict.standing == Standing::Bad);
            write(out.as_mut(), &harmless(table(&verdicts, &settings.outputs.format)));
            Ok(if bad { ExitCode::Unwell } else { ExitCode::Good })
        }
        Wish::SelfCheck => {
            let about =
                self_check::about(&settings.network, env).map_err(|error| Error::Settings(error.to_string()))?;
            let text = if settings.outputs.format == "json" { about.json().to_string() + "\n" } else { about.text() };
            write(out.as_mut(), &harmless(text));
            Ok(ExitCode::Good)
        }
        _ => Ok(match diagnose(settings, env, secrets, now(env), so_far, out.as_mut())? {
            Some(Outcome::Explained) => ExitCode::Good,
            Some(Outcome::Unexplained) => ExitCode::Unexplained,
            None => ExitCode::Late,
        }),
    }
}

/// Tells how long a command that ended well took.
fn compare(
    voice: &Voice,
    settings: &Settings,
    env: &Env,
    secrets: Vec<String>,
    good: &Good,
    incident: Incident,
) -> ExitCode {
    let (compared, fault) = timed(settings, env, secrets, good, incident);
    let text = if settings.outputs.format == "json" { compared.json() } else { compared.text() };
    write(voice.out().as_mut(), &host::harmless(&text, env, &settings.access.ci));
    if let Some(fault) = fault {
        complain(env, &fault);
    }
    ExitCode::Good
}

/// The time where the user is, for "yesterday" and the like.
fn clock(env: &Env) -> Zoned {
    now(env).to_zoned(TimeZone::try_system().unwrap_or(TimeZone::UTC))
}

/// The time, or the one that reproducible outputs are dated with.
fn now(env: &Env) -> Timestamp {
    let fixed = env.get("SOURCE_DATE_EPOCH").and_then(|seconds| Timestamp::from_second(seconds.parse().ok()?).ok());
    fixed.unwrap_or_else(Timestamp::now)
}

fn shown(found: &Shown, format: &str) -> String {
    let excerpts = &found.case.excerpts;
    if format == "json" {
        let rows: Vec<_> = excerpts
            .iter()
            .map(|excerpt| {
                let lines: Vec<_> =
                    excerpt.lines.iter().map(|line| serde_json::json!({"number": line.number, "text": shortened(&line.text)})).collect();
                serde_json::json!({"reason": excerpt.reason, "repeats": excerpt.repeats, "step": excerpt.step, "lines": lines})
            })
            .collect();
        let (lines, category, step) = (&found.lines, &found.category, &found.step);
        let all = serde_json::json!({"lines": lines, "category": category, "step": step, "tokens": found.case.tokens, "evidence": rows});
        return all.to_string() + "\n";
    }
    let mut text = String::new();
    // Numbers of two steps say nothing of each other; the places in the log do.
    let place = |line: &ExcerptLine| if found.case.numbering == Numbering::Log { line.number } else { line.id };
    let mut next = 1;
    for excerpt in excerpts {
        let (Some(first), Some(last)) = (excerpt.lines.first(), excerpt.lines.last()) else { continue };
        if place(first) > next {
            text.push_str(&format!("         … {}\n", counted(place(first) - next, "line", "not shown")));
        }
        next = place(last) + 1;
        let lines = if first.number == last.number {
            format!("line {}", first.number)
        } else {
            format!("lines {} to {}", first.number, last.number)
        };
        let repeats =
            if excerpt.repeats > 0 { format!(", and {} more like it", excerpt.repeats) } else { String::new() };
        text.push_str(&format!("{lines}: {}{repeats}\n", excerpt.reason));
        for line in &excerpt.lines {
            text.push_str(&format!("{:>8} | {}\n", line.number, shortened(&line.text)));
        }
    }
    let lines = excerpts.iter().map(|excerpt| excerpt.lines.len()).sum();
    text + &format!(
        "{}, {}\n",
        counted(found.case.tokens, "token", "").trim_end(),
        counted(lines, "line", &format!("of {}", found.case.total_lines))
    )
}

/// `3 lines not shown`, `1 line not shown`.
fn counted(count: usize, what: &str, rest: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural} {rest}")
}

fn table(verdicts: &[Verdict], format: &str) -> String {
    let word = |standing: Standing| match standing {
        Standing::Good => "ok",
        Standing::Poor => "less",
        Standing::Bad => "bad",
        Standing::Off => "off",
    };
    if format == "json" {
        let rows: Vec<_> = verdicts
            .iter()
            .map(|verdict| serde_json::json!({"standing": word(verdict.standing), "what": verdict.what, "text": verdict.text}))
            .collect();
        return serde_json::Value::from(rows).to_string() + "\n";
    }
    let paint = |standing: Standing| {
        let word = format!("{:<5}", word(standing));
        match standing {
            Standing::Good => word.green().to_string(),
            Standing::Poor => word.yellow().to_string(),
            Standing::Bad => word.red().bold().to_string(),
            Standing::Off => word.dimmed().to_string(),
        }
    };
    verdicts
        .iter()
        .map(|verdict| format!("{} {:<16} {}\n", paint(verdict.standing), verdict.what, verdict.text))
        .collect()
}

/// Says in one line why there is no report, and ends with the code for it.
fn fail(env: &Env, error: &Error) -> ExitCode {
    match error {
        Error::Nothing(reason) => {
            write(&mut io::stdout(), &calm(env, reason, Notice::Info));
            return ExitCode::Good;
        }
        other => complain(env, &other.to_string()),
    }
    match error {
        Error::Settings(_) | Error::Rules { .. } => ExitCode::Usage,
        Error::Write { .. } => ExitCode::Unwritten,
        _ => ExitCode::Unread,
    }
}

/// Tells a person of trouble: on the error stream, but inside Octopus, where each line of it counts as an error, in the log.
fn complain(env: &Env, text: &str) {
    let line = calm(env, text, Notice::Warning);
    if inside_octopus(env) { write(&mut io::stdout(), &line) } else { write(&mut io::stderr(), &line) }
}

/// One calm paragraph, without a secret: an error may quote a flag or a server's words.
fn calm(env: &Env, text: &str, level: fn(String) -> Notice) -> String {
    let text = sealed(text, env);
    if inside_octopus(env) {
        octopus::say(&[level(format!("firefighter: {}", *text))])
    } else {
        host::harmless(&format!("firefighter: {}\n", *text), env, &host::ci::Settings::default())
    }
}

fn inside_octopus(env: &Env) -> bool {
    env.get("FIREFIGHTER_HOST").is_some_and(|host| host == "octopus")
}

/// Output that nobody reads any more is no fault.
fn write(to: &mut dyn Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

fn write_bytes(bytes: &[u8]) {
    let _ = io::stdout().write_all(bytes);
}

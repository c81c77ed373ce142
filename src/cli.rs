//! Commands, flags and their help; the only file that knows clap. Flags are made from the table of settings.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::settings::{FILE_FLAG, Flags, Kind, Row, SETTINGS};

/// What the user wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The main job.
    Diagnose,
    /// The main job, on the run that a question means.
    Ask,
    /// Run a command, and do the main job on what it printed if it fails.
    Run(Vec<OsString>),
    /// Show what is picked from a log.
    Evidence,
    /// Show what would leave for a model.
    Prompt,
    /// Check the configuration.
    Doctor,
    /// Show what the program is, and what it would use here.
    SelfCheck,
    /// Print completions for a shell.
    Completions(String),
    /// Print the man page.
    Man,
}

/// How the program ends with `--strict`; without it, always 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// A cause was named; or there was nothing to diagnose.
    Good = 0,
    /// Flags, variables or the settings file make no sense.
    Usage = 2,
    /// The log or the run could not be read.
    Unread = 3,
    /// Evidence was shown, and no cause named.
    Unexplained = 4,
    /// The report could not be written.
    Unwritten = 5,
    /// `doctor` found something that does not work.
    Unwell = 6,
    /// A fault of our own.
    Fault = 70,
    /// Out of time.
    Late = 124,
}

/// What was typed.
#[derive(Debug)]
pub struct Typed {
    /// The command.
    pub wish: Wish,
    /// Its flags.
    pub flags: Flags,
    /// Whether only the settings are to be shown.
    pub show_settings: bool,
}

const DIAGNOSE: &str = "\
Examples:
  firefighter diagnose --log build.log
  some-command 2>&1 | firefighter diagnose --log -
  firefighter diagnose --task ServerTasks-123
  firefighter diagnose 'https://octopus.example.com/app#/Spaces-1/tasks/ServerTasks-123'
  firefighter diagnose --project Shop --release 1.2.3 --environment Production
  firefighter diagnose --log build.log --format html > report.html

Inside a step of Octopus Deploy, started by the step template, it needs no flags.

Exit codes: 0 whatever happens, so that it never fails a deployment. With --strict:
  0 a cause was named, or there was nothing to diagnose    5 the report could not be written
  2 flags or settings make no sense                        6 doctor found something that does not work
  3 the log or the run could not be read                  70 a fault of our own
  4 evidence was shown, but no cause named               124 out of time";

const ASK: &str = "\
Examples:
  firefighter ask 'How do I fix release \"1.2.3\" of the \"Shop\" project to the \"Production\" environment?'
  firefighter ask why did Shop fail in Production yesterday
  firefighter ask 'What broke deploying Web 1.2.3 to Test for tenant Acme?'
  firefighter ask 'Why did ServerTasks-123 fail?' --format markdown
  firefighter ask 'Why does the build not find its package?' --log build.log

Finds the run from the words: project, release, environment, tenant, runbook, a time (today, last night, on Monday, 2026-02-10),
a task's id or an address in the portal. Of several that fit the newest failed one is taken, and it says which and why; a name that
nothing has is an error that offers the close ones. Inside a step a question without names is about the running deployment.
A model answers the question itself; without one the answer is the diagnosis of that run. Exit codes are those of `diagnose`.";

const RUN: &str = "\
Examples:
  firefighter run -- make deploy
  firefighter run npm test
  firefighter run --out report -- sh -c 'terraform init && terraform apply -auto-approve'

The command's output passes through unchanged and at once; when it ends well nothing is added. When it fails, the diagnosis follows on
the standard error, for the standard output is the command's alone. It is not diagnosed when it was told to end, as by a canceled job.

Exit codes: the command's own, whatever becomes of the diagnosis; of a command that a signal ended, the same signal, else 128 and its
number. 127 there is no such command, 126 it cannot be executed, 125 no command was named. --strict changes nothing here.
Signals (TERM, INT, HUP, QUIT, USR1, USR2) are passed on to the command.";

const EVIDENCE: &str = "\
Examples:
  firefighter evidence --log build.log
  firefighter evidence --log build.log --baseline last-good.log
  firefighter evidence --log build.log --budget 1000 --format json

Shows which lines of a log explain its failure, and why they were picked, within a budget of tokens.
With --format json, `lines` holds their numbers, best first, `category` the kind of failure if it is a known one.";

const PROMPT: &str = "\
Examples:
  firefighter prompt --log build.log
  firefighter prompt --task ServerTasks-123 --format json
  firefighter prompt --case firefighter.json

Prints exactly what would be sent to a model, secrets masked, with its size in tokens. Nothing is sent to one.";

const REPLAY: &str = "\
Examples:
  firefighter replay firefighter.json
  firefighter replay firefighter.json --llm-provider ollama --llm-model llama3.1:8b
  firefighter prompt --case firefighter.json > question.txt
  firefighter replay firefighter.json --answer answer.json --format markdown

Diagnoses the case in a report's firefighter.json again, with another model or with none. Nothing is collected: without a model
it needs no network. The file is taken for a stranger's: secrets in it are masked again.";

const DOCTOR: &str = "\
Examples:
  OCTOPUS_URL=https://octopus.example.com OCTOPUS_API_KEY=API-… firefighter doctor
  firefighter doctor --strict && echo ready

Says line by line whether the server is reachable, the key valid, which permissions are missing and what each missing one
costs, and whether the model answers (one tiny question is sent).";

const SELF_CHECK: &str = "\
Examples:
  firefighter self-check
  firefighter self-check --format json
  SSL_CERT_DIR=/etc/ours HTTPS_PROXY=http://proxy:3128 firefighter self-check

Says what this program is (version, target, commit, how it was built), how many certificate authorities it trusts and where
they come from, and which proxy it would use, without its password. Nobody is asked and no run is looked for.";

/// The whole command line.
#[must_use]
pub fn command() -> Command {
    let positional = ["url"];
    let diagnose = Command::new("diagnose")
        .about("Say why a run failed, and what to do")
        .after_help(DIAGNOSE)
        .args(flags(&positional))
        .arg(address());
    let ask = Command::new("ask")
        .about("Answer a question about a run that failed, which is found from the words")
        .after_help(ASK)
        .args(flags(&["url", "question"]))
        .arg(
            Arg::new("question")
                .value_name("QUESTION")
                .help("The question, in quotes or not")
                .help_heading("What to diagnose")
                .num_args(1..)
                .required(true),
        );
    let run = Command::new("run")
        .about("Run a command, and say why it failed if it does; its output and exit code stay as they are")
        .after_help(RUN)
        .args(flags(&NAMES_A_RUN))
        .arg(
            Arg::new("command")
                .value_name("COMMAND")
                .help("The command and its arguments; our own flags come before it")
                .help_heading("What to diagnose")
                .num_args(1..)
                .trailing_var_arg(true)
                .value_parser(value_parser!(OsString))
                .required(true),
        );
    let evidence = Command::new("evidence")
        .about("Show the lines that explain a failure, and why they were picked")
        .after_help(EVIDENCE)
        .args(flags(&positional))
        .arg(address());
    let prompt = Command::new("prompt")
        .about("Show exactly what would be sent to a model")
        .after_help(PROMPT)
        .args(flags(&positional))
        .arg(address());
    let doctor = Command::new("doctor")
        .about("Check the configuration: server, key, permissions, model")
        .after_help(DOCTOR)
        .args(flags(&positional))
        .arg(address());
    let replay = Command::new("replay")
        .about("Diagnose a saved case again, with another model or none")
        .after_help(REPLAY)
        .args(flags(&["case"]))
        .arg(
            Arg::new("case")
                .value_name("FILE")
                .required(true)
                .help("The firefighter.json of an earlier report")
                .help_heading("What to diagnose"),
        );
    let self_check = Command::new("self-check")
        .about("Say what this program is, which certificates it trusts and which proxy it uses; asks nobody")
        .after_help(SELF_CHECK)
        .args(flags(&NAMES_A_RUN));
    let completions = Command::new("completions")
        .about("Print completions for a shell")
        .after_help("Example:\n  firefighter completions bash > /etc/bash_completion.d/firefighter")
        .arg(Arg::new("shell").required(true).value_parser(["bash", "elvish", "fish", "powershell", "zsh"]));
    let man = Command::new("man").about("Print the man page").after_help("Example:\n  firefighter man | man -l -");
    Command::new("firefighter")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Reads the log of a failed deployment, says why it failed and what to do")
        .after_help(
            "Examples:\n  firefighter diagnose --log build.log\n  firefighter doctor\n  firefighter help diagnose",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([diagnose, ask, run, evidence, prompt, replay, doctor, self_check, completions, man])
}

/// Settings that name a run, which a command that is run itself needs none of.
const NAMES_A_RUN: [&str; 9] =
    ["log", "url", "task", "deployment", "project", "release", "environment", "tenant", "force"];

/// The run's address, so that it can be given without a flag.
fn address() -> Arg {
    let row = SETTINGS.iter().find(|row| row.name == "url");
    Arg::new("url")
        .value_name("ADDRESS")
        .help(row.map(|row| row.help).unwrap_or_default())
        .help_heading("What to diagnose")
}

fn flags(positional: &[&str]) -> Vec<Arg> {
    let mut args: Vec<Arg> = SETTINGS.iter().filter(|row| !positional.contains(&row.name)).map(flag).collect();
    args.push(
        Arg::new(FILE_FLAG)
            .long(FILE_FLAG)
            .value_name("FILE")
            .help_heading("Output")
            .help("The settings file; without it ./firefighter.toml, where it is [env: FIREFIGHTER_CONFIG]"),
    );
    args.push(
        Arg::new("show-settings")
            .long("show-settings")
            .action(ArgAction::SetTrue)
            .help_heading("Output")
            .help("Print every setting with its value and where it came from, and do nothing else"),
    );
    args
}

fn flag(row: &Row) -> Arg {
    let env = row.env.join(", ");
    let default = if row.default.is_empty() || row.kind == Kind::Switch {
        String::new()
    } else {
        format!(" [default: {}]", row.default)
    };
    let choices = if let Kind::Choice(words) = row.kind { format!(" [{}]", words.join(", ")) } else { String::new() };
    let arg = Arg::new(row.name)
        .long(row.name)
        .help_heading(row.group)
        .help(format!("{}{choices}{default} [env: {env}]", row.help));
    match row.kind {
        Kind::Value(name) | Kind::Secret(name) | Kind::Place(name) => arg.value_name(name),
        // Words are checked with all other settings, wherever they come from.
        Kind::Choice(_) => arg.value_name("WORD"),
        Kind::Switch => arg.action(ArgAction::SetTrue),
    }
}

/// Reads the command line. An error is clap's own, ready to be shown; help and version are such errors too.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Typed, clap::Error> {
    let matches = command().try_get_matches_from(args)?;
    let (name, matches) = matches.subcommand().unwrap_or(("diagnose", &matches));
    let wish = match name {
        "ask" => Wish::Ask,
        "run" => Wish::Run(matches.get_many("command").map(|words| words.cloned().collect()).unwrap_or_default()),
        "evidence" => Wish::Evidence,
        "prompt" => Wish::Prompt,
        "doctor" => Wish::Doctor,
        "self-check" => Wish::SelfCheck,
        "completions" => Wish::Completions(matches.get_one::<String>("shell").cloned().unwrap_or_default()),
        "man" => Wish::Man,
        // `replay FILE` is `diagnose --case FILE`.
        _ => Wish::Diagnose,
    };
    let takes_flags = !matches!(wish, Wish::Completions(_) | Wish::Man);
    let flags = if takes_flags { typed(matches) } else { Flags::new() };
    let show_settings = takes_flags && matches.get_flag("show-settings");
    Ok(Typed { wish, flags, show_settings })
}

/// The command that `run` is to run where its flags make no sense: what stands behind `--`. `None` for other commands than `run`.
///
/// A flag of ours that is mistyped, or that another version knows, must not keep it from running.
pub fn wrapped(args: impl IntoIterator<Item = OsString>) -> Option<Vec<OsString>> {
    let mut args = args.into_iter().skip(1);
    args.next().filter(|first| first == "run")?;
    Some(args.skip_while(|word| word != "--").skip(1).collect())
}

fn typed(matches: &ArgMatches) -> Flags {
    let one = |row: &Row| match row.kind {
        Kind::Switch => {
            matches.try_get_one(row.name).ok().flatten().copied().unwrap_or(false).then(|| "true".to_owned())
        }
        // A question comes in one word or in many; not every command takes every setting.
        _ => matches
            .try_get_many::<String>(row.name)
            .ok()
            .flatten()
            .map(|words| words.cloned().collect::<Vec<_>>().join(" ")),
    };
    let file = matches.get_one::<String>(FILE_FLAG).map(|path| (FILE_FLAG.to_owned(), path.clone()));
    SETTINGS.iter().filter_map(|row| Some((row.name.to_owned(), one(row)?))).chain(file).collect()
}

/// Completions for `shell`.
#[must_use]
pub fn completions(shell: &str) -> Vec<u8> {
    let mut out = Vec::new();
    if let Ok(shell) = shell.parse::<clap_complete::Shell>() {
        clap_complete::generate(shell, &mut command(), "firefighter", &mut out);
    }
    out
}

/// The man page.
#[must_use]
pub fn man() -> Vec<u8> {
    let mut out = Vec::new();
    // A write to memory cannot fail.
    let _ = clap_mangen::Man::new(command()).render(&mut out);
    for sub in command().get_subcommands() {
        let _ = clap_mangen::Man::new(sub.clone()).render(&mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> Typed {
        parse(line.split(' ').map(OsString::from)).unwrap()
    }

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn flags_arrive_by_their_names() {
        let typed = check("firefighter diagnose --log x.log --strict --format json");
        assert_eq!(typed.wish, Wish::Diagnose);
        assert_eq!(typed.flags.get("log").map(String::as_str), Some("x.log"));
        assert_eq!(typed.flags.get("strict").map(String::as_str), Some("true"));
        assert_eq!(typed.flags.len(), 3);
    }

    #[test]
    fn an_address_needs_no_flag() {
        let typed = check("firefighter diagnose https://o/app#/tasks/ServerTasks-1");
        assert_eq!(typed.flags.get("url").map(String::as_str), Some("https://o/app#/tasks/ServerTasks-1"));
    }

    #[test]
    fn a_question_needs_no_quotes() {
        let typed = check("firefighter ask why did Shop fail --strict");
        assert_eq!(typed.wish, Wish::Ask);
        assert_eq!(typed.flags.get("question").map(String::as_str), Some("why did Shop fail"));
        assert_eq!(typed.flags.get("strict").map(String::as_str), Some("true"));
    }

    #[test]
    fn a_commands_own_flags_are_not_ours() {
        let command = |line: &str| match check(line).wish {
            Wish::Run(command) => command.join(OsString::from(" ").as_os_str()).into_string().unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(command("firefighter run --format json -- make --format x -- y"), "make --format x -- y");
        assert_eq!(command("firefighter run make -j4 --help"), "make -j4 --help");
        assert!(parse(["firefighter", "run"].map(OsString::from)).is_err());
    }

    #[test]
    fn a_command_is_found_behind_flags_that_are_none() {
        let check = |line: &str, expected: Option<&[&str]>| {
            let found = wrapped(line.split(' ').map(OsString::from));
            assert_eq!(found, expected.map(|words| words.iter().map(OsString::from).collect::<Vec<_>>()), "{line}");
        };
        check("firefighter run --no-such-flag -- make -- x", Some(&["make", "--", "x"]));
        check("firefighter run --no-such-flag make", Some(&[]));
        check("firefighter diagnose -- make", None);
    }

    #[test]
    fn every_command_has_an_example() {
        for sub in command().get_subcommands() {
            let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{}", sub.get_name());
        }
    }
}

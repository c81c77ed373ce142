//! How a command ended, as a number for whoever started us and in words for a reader.

use std::ffi::OsString;
use std::io;
use std::process::ExitStatus;

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It ended by itself, with this exit code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It could not be started.
    Unstarted {
        /// As a shell says it: 127 where there is no such command, 126 where there is one.
        code: i32,
        /// Why.
        reason: String,
    },
    /// Nobody knows, and why.
    Lost(String),
}

/// The code with which programs that start others say that they failed themselves.
pub(super) const OURS: i32 = 125;

/// What exit codes mean by custom; of codes over 128 only those that come from signals (see [`killed`]).
const CODES: [(i32, &str); 6] = [
    (2, "for many tools: wrong arguments"),
    (124, "`timeout` says so when time has run out"),
    (125, "what started the command failed, such as `timeout`, `docker run` or `env`"),
    (126, "the command was found and could not be executed"),
    (127, "a command was not found"),
    (255, "by custom -1: so end `ssh` when the connection fails, and scripts that give up"),
];

/// What signals mean, by their names.
const SIGNALS: [(&str, &str); 11] = [
    ("SIGHUP", "its terminal or session was closed"),
    ("SIGINT", "interrupted, as by Ctrl-C or a canceled job"),
    ("SIGQUIT", "told to quit"),
    ("SIGILL", "crashed: a machine instruction that this processor does not have"),
    ("SIGABRT", "gave up by itself, as after a failed assertion"),
    ("SIGBUS", "crashed: memory that is not there, as when a mapped file shrinks or a disk is full"),
    ("SIGFPE", "crashed: a calculation such as a division by zero"),
    ("SIGKILL", "killed from outside: often for want of memory, or after a time-out"),
    ("SIGSEGV", "crashed: access to memory that is not its own"),
    ("SIGPIPE", "nobody read its output any more"),
    ("SIGTERM", "told to end, as by a canceled job, a time-out or a shutdown"),
];

/// The numbers of the signals above wherever shells run; others have no number that is the same on all systems.
const NUMBERS: [(i32, &str); 11] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (6, "SIGABRT"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (14, "SIGALRM"),
    (15, "SIGTERM"),
];

/// What Windows ends a program with.
const NTSTATUS: [(u32, &str, &str); 12] = [
    (0x4001_0004, "DBG_TERMINATE_PROCESS", "ended by the system, as at a shutdown"),
    (0x8000_0003, "STATUS_BREAKPOINT", "gave up by itself, as after a failed assertion"),
    (0xC000_0005, "STATUS_ACCESS_VIOLATION", "crashed: access to memory that is not its own"),
    (0xC000_0006, "STATUS_IN_PAGE_ERROR", "crashed: a file it works on could not be read any more"),
    (0xC000_0017, "STATUS_NO_MEMORY", "there was not enough memory"),
    (0xC000_001D, "STATUS_ILLEGAL_INSTRUCTION", "crashed: a machine instruction that this processor does not have"),
    (0xC000_00FD, "STATUS_STACK_OVERFLOW", "crashed: its stack was full, as after endless recursion"),
    (0xC000_0135, "STATUS_DLL_NOT_FOUND", "a DLL it needs was not found"),
    (0xC000_0139, "STATUS_ENTRYPOINT_NOT_FOUND", "a DLL it needs has another version"),
    (0xC000_013A, "STATUS_CONTROL_C_EXIT", "interrupted, as by Ctrl-C or a canceled job"),
    (0xC000_0142, "STATUS_DLL_INIT_FAILED", "a DLL it needs could not start"),
    (0xC000_0409, "STATUS_STACK_BUFFER_OVERRUN", "gave up by itself, as after damage to its memory"),
];

impl Ending {
    /// How a command that ran has ended.
    #[must_use]
    pub fn of(status: ExitStatus) -> Self {
        match (status.code(), signal(status)) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::Lost(status.to_string()),
        }
    }

    /// That a command could not be started.
    pub(super) fn unstarted(command: &[OsString], error: &io::Error) -> Self {
        let program = command.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
        let missing = error.kind() == io::ErrorKind::NotFound;
        let reason = if missing { "command not found".to_owned() } else { error.to_string() };
        Self::Unstarted { code: if missing { 127 } else { 126 }, reason: format!("{program}: {reason}") }
    }

    /// Whether it did what it should.
    #[must_use]
    pub fn is_good(&self) -> bool {
        *self == Self::Code(0)
    }

    /// What we end with where we do not die as the command did.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::Code(code) | Self::Unstarted { code, .. } => *code,
            Self::Signal(signal) => 128 + signal,
            Self::Lost(_) => OURS,
        }
    }

    /// In words, such as `exit code 137: SIGKILL, killed from outside`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Code(code) => match meaning(*code) {
                Some(meaning) => format!("exit code {code} ({meaning})"),
                None => format!("exit code {code}"),
            },
            Self::Signal(number) => match killed(*number) {
                Some(meaning) => format!("signal {number} ({meaning})"),
                None => format!("signal {number}"),
            },
            Self::Unstarted { code, reason } => format!("exit code {code}, as it could not be started: {reason}"),
            Self::Lost(reason) => format!("an end that is not known: {reason}"),
        }
    }
}

fn meaning(code: i32) -> Option<String> {
    let custom = CODES.iter().find(|(known, _)| *known == code).map(|(_, meaning)| (*meaning).to_owned());
    let status = || NTSTATUS.iter().find(|(known, ..)| *known == code.cast_unsigned());
    let windows = || status().map(|(number, name, meaning)| format!("0x{number:08X} {name}: {meaning}"));
    let by_signal = || killed(code.checked_sub(128)?).map(|meaning| format!("128 + {}: {meaning}", code - 128));
    custom.or_else(windows).or_else(by_signal)
}

/// The name of a signal, and what it means.
fn killed(number: i32) -> Option<String> {
    let name = NUMBERS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name);
    let name = name.or_else(|| signal_hook::low_level::signal_name(number))?;
    let meaning = SIGNALS.iter().find(|(known, _)| *known == name).map(|(_, meaning)| format!(", {meaning}"));
    Some(format!("{name}{}", meaning.unwrap_or_default()))
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ending: &Ending, code: i32, words: &str) {
        assert_eq!((ending.code(), ending.words().as_str()), (code, words));
    }

    #[test]
    fn an_exit_code_is_named_where_it_has_a_name() {
        check(&Ending::Code(1), 1, "exit code 1");
        check(&Ending::Code(127), 127, "exit code 127 (a command was not found)");
        check(
            &Ending::Code(137),
            137,
            "exit code 137 (128 + 9: SIGKILL, killed from outside: often for want of memory, or after a time-out)",
        );
        check(&Ending::Code(200), 200, "exit code 200");
        check(&Ending::Code(i32::MIN), i32::MIN, "exit code -2147483648");
        let violation = 0xC000_0005_u32.cast_signed();
        check(
            &Ending::Code(violation),
            violation,
            &format!(
                "exit code {violation} (0xC0000005 STATUS_ACCESS_VIOLATION: crashed: access to memory that is not its own)"
            ),
        );
    }

    #[test]
    fn a_signal_is_told_as_a_shell_counts_it() {
        check(
            &Ending::Signal(15),
            143,
            "signal 15 (SIGTERM, told to end, as by a canceled job, a time-out or a shutdown)",
        );
        check(&Ending::Signal(64), 192, "signal 64");
    }

    #[test]
    fn a_command_that_cannot_start_ends_as_in_a_shell() {
        let command = [OsString::from("mkae")];
        let ending = Ending::unstarted(&command, &io::ErrorKind::NotFound.into());
        check(&ending, 127, "exit code 127, as it could not be started: mkae: command not found");
        assert_eq!(Ending::unstarted(&command, &io::ErrorKind::PermissionDenied.into()).code(), 126);
        assert!(!ending.is_good() && Ending::Code(0).is_good());
    }
}

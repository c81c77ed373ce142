//! Whether a text still parses in its language: a change that breaks a script is worse than none.
//!
//! Kept parsers do it, each for its language; for Bash and PowerShell it is they themselves, where they are: a script of theirs ran
//! on this machine or one like it, and a grammar of PowerShell would be a tenth of this program. Without one, a PowerShell script's
//! brackets and quotes are held against each other (`pairs.rs`). Nothing is run.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use saphyr_parser::Parser as Yaml;

use super::pairs::unpaired;

/// What became of reading a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parses {
    /// It parses.
    Yes,
    /// It does not, for this reason.
    No(String),
    /// Nobody here can tell.
    Unknown,
}

/// The longest text that is parsed.
const LONGEST: usize = 1 << 20;
/// How long Bash may take to read a script.
const PATIENCE: Duration = Duration::from_secs(2);
/// Where Bash is. On Windows what is called so may be the door to another system.
const BASH: [&str; 3] = ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"];

/// Where PowerShell is: the newer one first.
const POWERSHELL: [&str; 5] = [
    "/usr/bin/pwsh",
    "/usr/local/bin/pwsh",
    "/opt/microsoft/powershell/7/pwsh",
    r"C:\Program Files\PowerShell\7\pwsh.exe",
    r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
];
/// How long it may take: of a busy Windows machine its start alone is seconds.
const POWERSHELL_PATIENCE: Duration = Duration::from_secs(5);
const WINDOWS: &str = r"C:\Windows";
/// How many characters of UTF-16 a variable of Windows can hold at least, about.
const LONGEST_VARIABLE: usize = 30_000;
/// Ends with 0 where the text parses, with [`DOES_NOT_PARSE`] where it does not, with another code where that is not known.
const POWERSHELL_PARSES: &str = "$ErrorActionPreference = 'Stop'; $faults = $null; \
    [void][System.Management.Automation.Language.Parser]::ParseInput($env:FIREFIGHTER_TEXT, [ref]$null, [ref]$faults); \
    if ($faults.Count) { exit 42 }; exit 0";
/// No code that PowerShell ends with of itself.
const DOES_NOT_PARSE: i32 = 42;

/// Whether `text` parses in the language called `syntax`: a deployment system's word for it or a file's ending.
pub(super) fn parses(text: &str, syntax: &str) -> Parses {
    if text.len() > LONGEST {
        return Parses::Unknown;
    }
    match syntax.to_ascii_lowercase().as_str() {
        "powershell" | "ps1" | "psm1" => powershell(text),
        "bash" | "sh" => bash(text),
        "json" => told(serde_json::from_str::<serde_json::Value>(text).map(drop)),
        "toml" => told(text.parse::<toml::Table>().map(drop)),
        "yaml" | "yml" => told(Yaml::new_from_str(text).try_for_each(|event| event.map(drop))),
        "ocl" | "hcl" | "tf" | "tfvars" => told(hcl_edit::parser::parse_body(text).map(drop)),
        _ => Parses::Unknown,
    }
}

fn told<E: ToString>(outcome: Result<(), E>) -> Parses {
    match outcome {
        Ok(()) => Parses::Yes,
        Err(error) => Parses::No(error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ")),
    }
}

/// Looks whether all pairs up, and asks PowerShell's own parser, which runs nothing, where there is one. The text goes as a variable:
/// what stands in one is the same on every system, while an input's encoding is not.
fn powershell(text: &str) -> Parses {
    if let Some(line) = unpaired(text) {
        return Parses::No(format!("line {line}"));
    }
    let Some(shell) = POWERSHELL.iter().find(|path| Path::new(path).exists()) else { return Parses::Yes };
    if text.encode_utf16().count() > LONGEST_VARIABLE || text.contains('\0') {
        return Parses::Unknown;
    }
    let mut command = Command::new(shell);
    command.args(["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", POWERSHELL_PARSES]);
    // Our own environment holds keys. Windows starts no PowerShell without the first two; without a home no cache is written to it.
    command.env_clear().env("SystemRoot", WINDOWS).env("windir", WINDOWS).env("HOME", "/dev/null");
    command.env("POWERSHELL_TELEMETRY_OPTOUT", "1").env("POWERSHELL_UPDATECHECK", "Off").env("FIREFIGHTER_TEXT", text);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = child else { return Parses::Unknown };
    match wait(&mut child, POWERSHELL_PATIENCE).map(|status| status.code()) {
        Some(Some(0)) => Parses::Yes,
        Some(Some(DOES_NOT_PARSE)) => Parses::No("PowerShell does not understand it".to_owned()),
        // It could not say: the language is closed to it there, for instance.
        _ => Parses::Unknown,
    }
}

fn bash(text: &str) -> Parses {
    let Some(bash) = BASH.iter().find(|path| cfg!(unix) && Path::new(path).exists()) else { return Parses::Unknown };
    // `-n` reads and runs nothing; without an environment no file of the user's is read either.
    let mut command = Command::new(bash);
    command.args(["--noprofile", "--norc", "-n"]).env_clear().current_dir("/");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = child else { return Parses::Unknown };
    if let Some(mut input) = child.stdin.take() {
        // Who stops reading has found a fault, and says so by its exit code.
        let _ = input.write_all(text.as_bytes());
    }
    match wait(&mut child, PATIENCE) {
        Some(status) if status.success() => Parses::Yes,
        Some(_) => Parses::No("Bash does not understand it".to_owned()),
        None => Parses::Unknown,
    }
}

/// How a child ended; `None` where it took too long, and is no more.
pub(super) fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(5)),
            _ => {
                // It may have ended just now; either way nothing is left behind.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_parser() {
        let check = |syntax: &str, good: &str, bad: &str| {
            assert_eq!(parses(good, syntax), Parses::Yes, "{syntax}");
            assert!(matches!(parses(bad, syntax), Parses::No(_)), "{syntax}: {:?}", parses(bad, syntax));
        };
        check(
            "PowerShell",
            "foreach ($größe in 1..4) { docker run x; if ($LASTEXITCODE -eq 0) { break } }\n",
            "foreach ($a in { \n",
        );
        if POWERSHELL.iter().any(|path| Path::new(path).exists()) {
            check("PowerShell", "if ($größe) { 'a' }\n", "if $größe { 'a' }\n");
        }
        check("json", "{\"a\": [1]}", "{\"a\": [1}");
        check("toml", "a = 1\n[b]\n", "a = \n");
        check("yaml", "a:\n  - b: 1\n", "a: [1\nb: }");
        check(
            "ocl",
            "step \"a\" {\n    name = \"A\"\n    action {\n        properties = {\n            Octopus.Action.X = \"1\"\n        }\n    }\n}\n",
            "step \"a\" {\n",
        );
        check("tf", "resource \"a\" \"b\" {\n  c = var.d\n}\n", "resource \"a\" {{\n");
        if cfg!(unix) {
            check("Bash", "for a in $(seq 1 4); do curl x && break; done\n", "for a in; do if\n");
        }
    }

    #[test]
    fn where_nobody_can_tell_nothing_is_said() {
        assert_eq!(parses("let x = 1", "FSharp"), Parses::Unknown);
        assert_eq!(parses(&"x".repeat(LONGEST + 1), "json"), Parses::Unknown);
    }
}

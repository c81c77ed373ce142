//! Whether a text still parses in its language: a change that breaks a script is worse than none.
//!
//! Kept parsers do it, each for its language; for Bash it is Bash itself, where there is one. Nothing is run.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use saphyr_parser::Parser as Yaml;
use tree_sitter::{Node, Parser};

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

fn powershell(text: &str) -> Parses {
    let mut parser = Parser::new();
    if parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).is_err() {
        return Parses::Unknown;
    }
    match parser.parse(text, None) {
        None => Parses::Unknown,
        Some(tree) => match wrong(tree.root_node()) {
            None => Parses::Yes,
            Some(node) => Parses::No(format!("line {}", node.start_position().row + 1)),
        },
    }
}

/// The first place that makes no sense.
fn wrong(node: Node<'_>) -> Option<Node<'_>> {
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        if node.is_error() || node.is_missing() {
            return Some(node);
        }
        if node.has_error() {
            let mut cursor = node.walk();
            let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
            waiting.extend(children.into_iter().rev());
        }
    }
    None
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
        Some(true) => Parses::Yes,
        Some(false) => Parses::No("Bash does not understand it".to_owned()),
        None => Parses::Unknown,
    }
}

/// Whether a child ended well; `None` where it took too long, and is no more.
pub(super) fn wait(child: &mut Child, patience: Duration) -> Option<bool> {
    let end = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
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
            "foreach ($a in 1..4) { docker run x; if ($LASTEXITCODE -eq 0) { break } }\n",
            "foreach ($a in { \n",
        );
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

//! The PowerShell script is read by a real grammar, since PowerShell itself is seldom where the tests run.

use std::collections::BTreeSet;

use tree_sitter::{Node, Parser};

use super::script;

/// What Windows PowerShell 5.1 does not know, or not in its oldest form.
const NEWER: &[&str] = &[
    "??",
    "?.",
    "?[",
    "&&",
    "||",
    "-Parallel",
    "-AsHashtable",
    "-AsByteStream",
    "-SkipCertificateCheck",
    "-NoProxy",
    "-MaximumRetryCount",
    "-RetryIntervalSec",
    "-AdditionalChildPath",
    "utf8NoBOM",
    "::new(",
];

/// The commands that it does know, of those that the script has a use for, and programs of Linux and macOS.
const KNOWN: &[&str] = &[
    "ConvertTo-SecureString",
    "Copy-Item",
    "Get-Command",
    "Get-Location",
    "Invoke-WebRequest",
    "Join-Path",
    "New-Object",
    "Out-Null",
    "Remove-Item",
    "Resolve-Path",
    "Select-Object",
    "Test-Path",
    "Write-Host",
    "chmod",
    "test",
    "uname",
];

fn parse(text: &str) -> tree_sitter::Tree {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).unwrap();
    parser.parse(text, None).unwrap()
}

/// Where the grammar cannot go on.
fn errors(node: Node<'_>, text: &str, found: &mut Vec<String>) {
    if node.is_error() || node.is_missing() {
        let line = node.start_position().row + 1;
        found.push(format!("line {line}: {}", node.utf8_text(text.as_bytes()).unwrap()));
    }
    let mut cursor = node.walk();
    for child in node.children(&mut cursor) {
        errors(child, text, found);
    }
}

/// The script without its strings and comments.
fn bare(node: Node<'_>, code: &mut Vec<u8>) {
    if node.kind().contains("string") || node.kind() == "comment" {
        code.get_mut(node.byte_range()).unwrap().fill(b'_');
        return;
    }
    let mut cursor = node.walk();
    for child in node.children(&mut cursor) {
        bare(child, code);
    }
}

fn newer(text: &str) -> Vec<&'static str> {
    let mut code = text.as_bytes().to_vec();
    bare(parse(text).root_node(), &mut code);
    let code = String::from_utf8(code).unwrap();
    let mut found: Vec<_> = NEWER.iter().copied().filter(|word| code.contains(word)).collect();
    // `?` alone is Where-Object or a choice of two; the script has no use for either.
    if code.contains(" ? ") {
        found.push("?");
    }
    found
}

/// The words of `kind` in the script, such as the names of its commands.
fn words(kind: &str, node: Node<'_>, text: &str, found: &mut BTreeSet<String>) {
    if node.kind() == kind {
        found.insert(node.utf8_text(text.as_bytes()).unwrap().to_owned());
    }
    let mut cursor = node.walk();
    for child in node.children(&mut cursor) {
        words(kind, child, text, found);
    }
}

#[test]
fn the_script_is_powershell() {
    let text = script("PowerShell");
    let mut found = Vec::new();
    errors(parse(&text).root_node(), &text, &mut found);
    assert!(found.is_empty(), "{found:#?}");
    let mut broken = Vec::new();
    let cut = text.replacen("if (", "if ((", 1);
    errors(parse(&cut).root_node(), &cut, &mut broken);
    assert!(!broken.is_empty(), "a missing bracket is seen");
}

#[test]
fn the_script_runs_on_powershell_5_1_too() {
    assert_eq!(newer(&script("PowerShell")), Vec::<&str>::new());
    for sample in ["$a = $b ?? 1", "$a ? 1 : 2", "a && b", "a || b", "$x = $a?.b"] {
        assert!(!newer(sample).is_empty(), "{sample} is not noticed");
    }
    assert_eq!(newer("$a = 'b ?? c && d' # e || f"), Vec::<&str>::new());
}

#[test]
fn every_command_of_the_script_is_its_own_or_is_in_powershell_5_1_too() {
    let text = script("PowerShell");
    let (mut called, mut own) = (BTreeSet::new(), BTreeSet::new());
    words("command_name", parse(&text).root_node(), &text, &mut called);
    words("function_name", parse(&text).root_node(), &text, &mut own);
    assert!(own.contains("Send-Lines") && called.contains("Send-Lines"), "{own:?} {called:?}");
    let strange: Vec<_> =
        called.iter().filter(|name| !own.contains(*name) && !KNOWN.contains(&name.as_str())).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert!(own.iter().all(|name| name == "Invoke-Firefighter" || called.contains(name)), "a function without use");
}

#[test]
fn the_script_speaks_to_old_servers_and_leaves_the_consoles_encoding_as_octopus_reads_it() {
    let text = script("PowerShell");
    // TLS 1.2, which Windows PowerShell does not offer by itself everywhere; newer ones choose for themselves.
    let (before, _) = text.split_once("SecurityProtocol -bor 3072").unwrap();
    assert!(before.rsplit("if (").next().unwrap().starts_with("$PSVersionTable.PSVersion.Major -lt 6)"));
    assert!(text.contains("StandardOutputEncoding = [Text.Encoding]::UTF8"));
    for changed in ["[Console]::OutputEncoding", "$OutputEncoding", "chcp"] {
        assert!(!text.contains(changed), "{changed}");
    }
    assert!(text.is_ascii(), "without a byte order mark Windows PowerShell reads a script by the code page");
}

#[test]
fn the_installer_is_powershell_and_runs_on_5_1_too() {
    let text = include_str!("../../dist/install.ps1");
    let mut found = Vec::new();
    errors(parse(text).root_node(), text, &mut found);
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(newer(text), Vec::<&str>::new());
    // What is not the promised file never gets as far as being unpacked.
    let (check, unpacked) = (text.find("-ne $promised").unwrap(), text.find("Expand-Archive").unwrap());
    assert!(check < unpacked);
}

#[test]
fn the_script_always_ends_well() {
    let text = script("PowerShell");
    assert!(text.trim_end().ends_with("\nexit 0"), "the last native program's code would decide");
    assert_eq!(
        text.matches("exit").count(),
        text.matches("exit 0").count() + text.matches("(exit code $code)").count()
    );
    for loud in ["throw ", "Write-Error", "Fail-Step", "[Console]::Error", "$OctopusParameters[\""] {
        assert!(!text.contains(loud), "{loud}");
    }
}

//! Every row of every table is wired, shown and documented. `BLESS=1 cargo test --test parity` writes the parts of pages that are
//! made from tables; read the diff.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use firefighter::cli;
use firefighter::diagnose::provider::PROVIDERS;
use firefighter::forge::DIALECTS;
use firefighter::report::FORMATS;
use firefighter::settings::{Kind, Row, SETTINGS};
use firefighter::signature::{Catalogue, KINDS};

mod blessed;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn printed(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_firefighter")).args(args).env_clear().output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// `--log or` with the flag as code.
fn flags_as_code(text: &str) -> String {
    let word = |word: &str| {
        let flag = word.trim_end_matches(['.', ',', ';']);
        let rest = word.strip_prefix(flag).unwrap_or_default();
        if flag.starts_with("--") { format!("`{flag}`{rest}") } else { word.to_owned() }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A setting as a line of a table.
fn line(row: &Row) -> String {
    let (value, secret, place) = match row.kind {
        Kind::Value(name) => (name, "", ""),
        Kind::Secret(name) => (name, " ‡", ""),
        Kind::Place(name) => (name, "", " †"),
        Kind::Choice(_) => ("WORD", "", ""),
        Kind::Switch => ("", "", ""),
    };
    // The address of a run stands by itself.
    let flag = if row.name == "url" { value.to_owned() } else { format!("--{} {value}", row.name) };
    let mut names: Vec<_> = row.env.iter().map(|name| format!("`{name}`")).collect();
    if !row.file.is_empty() {
        names.push(format!("`{}`{place}", row.file));
    }
    let mut help = flags_as_code(row.help);
    if let Kind::Choice(words) = row.kind {
        help.push_str(&format!(". One of {}", words.join(", ")));
    }
    if !row.default.is_empty() && row.kind != Kind::Switch {
        help.push_str(&format!(". Default: `{}`", row.default));
    }
    format!("| `{}`{secret} | {} | {} |\n", flag.trim(), names.join("<br>"), help.replace('|', "\\|"))
}

#[test]
fn the_page_of_settings_is_made_from_them() {
    let mut text = String::new();
    let mut group = "";
    for row in SETTINGS {
        if row.group != group {
            group = row.group;
            let head = "| flag | variable, and key in the file | what it does |\n| --- | --- | --- |\n";
            text.push_str(&format!("\n## {group}\n\n{head}"));
        }
        text.push_str(&line(row));
    }
    blessed::part("docs/settings.md", "settings", &(text + "\n"));
}

#[test]
fn the_page_of_signatures_names_every_kind_and_what_is_built_in() {
    let catalogue = Catalogue::builtin();
    let mut text = "| kind | built-in signatures |\n| --- | --- |\n".to_owned();
    for kind in KINDS {
        let of_it = catalogue.signatures().iter().filter(|one| one.kind == kind);
        let names: Vec<_> = of_it.map(|one| format!("`{}`", one.id)).collect();
        text.push_str(&format!("| `{kind}` | {} |\n", names.join(", ")));
    }
    blessed::part("docs/signatures.md", "kinds", &text);
}

#[test]
fn every_parameter_of_the_step_is_on_its_page() {
    let page = read("docs/hosts/octopus.md");
    let data: serde_json::Value = serde_json::from_str(&read("dist/step-templates/template.json")).unwrap();
    for parameter in data["Parameters"].as_array().unwrap() {
        let (name, label) = (parameter["Name"].as_str().unwrap(), parameter["Label"].as_str().unwrap());
        assert!(page.contains(&format!("| `{name}` | {label} |")), "{name} is not on the page as {label}");
    }
    for template in data["Templates"].as_array().unwrap() {
        assert!(page.contains(&format!("| `{}` |", template["File"].as_str().unwrap())), "{template}");
    }
}

#[test]
fn every_setting_is_in_the_help_with_its_variable() {
    let help = printed(&["diagnose", "--help"]).split_whitespace().collect::<Vec<_>>().join(" ");
    for row in SETTINGS {
        assert!(row.name == "url" || help.contains(&format!("--{}", row.name)), "--{} is not in the help", row.name);
        assert!(
            row.name == "url" || row.env.iter().all(|name| help.contains(name)),
            "{:?} are not in the help",
            row.env
        );
    }
}

#[test]
fn every_setting_is_shown_with_its_origin() {
    let shown = printed(&["diagnose", "--show-settings"]);
    for row in SETTINGS {
        assert!(shown.lines().any(|line| line.starts_with(row.name)), "{} is not shown", row.name);
    }
}

#[test]
fn every_format_is_offered_and_offers_are_formats() {
    let row = SETTINGS.iter().find(|row| row.name == "format").unwrap();
    let Kind::Choice(words) = row.kind else { panic!("format is a choice") };
    let mut words = words.to_vec();
    let mut formats: Vec<_> = FORMATS.iter().map(|(name, ..)| *name).collect();
    words.sort_unstable();
    formats.sort_unstable();
    assert_eq!(words, formats);
}

#[test]
fn every_command_is_in_the_readme() {
    let readme = read("README.md");
    for command in cli::command().get_subcommands() {
        assert!(readme.contains(&format!("`{}`", command.get_name())), "{} is not in the README", command.get_name());
    }
}

#[test]
fn every_exit_code_is_on_its_page_and_in_the_help() {
    use cli::ExitCode::{Fault, Good, Late, Unexplained, Unread, Unwell, Unwritten, Usage};
    let (page, help) = (read("docs/troubleshooting.md"), printed(&["diagnose", "--help"]));
    for code in [Good, Usage, Unread, Unexplained, Unwritten, Unwell, Fault, Late] {
        let number = (code as i32).to_string();
        let named = |text: &str| text.split(|c: char| !c.is_ascii_digit()).any(|word| word == number);
        assert!(page.contains(&format!("\n| {number} |")) && named(&help), "{code:?} is {number} and not documented");
    }
}

#[test]
fn completions_and_man_page_know_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(printed(&["completions", shell]).contains("diagnose"), "{shell}");
    }
    assert!(printed(&["man"]).contains("diagnose"));
}

#[test]
fn every_signature_that_a_page_shows_is_one() {
    let page = read("docs/signatures.md");
    let files: Vec<_> = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(files.len() >= 2);
    let count = |catalogue: &Catalogue| catalogue.signatures().len();
    let mut catalogue = Catalogue::builtin();
    for file in &files {
        let new = file.matches("[[signature]]").count();
        let known =
            catalogue.signatures().iter().filter(|one| file.contains(&format!("id = \"{}\"\n", one.id))).count();
        let before = count(&catalogue);
        catalogue = catalogue.with_user_file("docs/signatures.md", file).unwrap();
        assert_eq!(count(&catalogue), before + new - known);
    }
}

#[test]
fn the_catalogue_is_as_large_as_promised() {
    assert!(Catalogue::builtin().signatures().len() >= 60);
}

#[test]
fn every_provider_of_models_has_its_line_and_is_offered() {
    let page = read("docs/models.md");
    let offer = SETTINGS.iter().find(|row| row.name == "llm-provider").unwrap().help;
    for provider in PROVIDERS {
        let start = format!("| `{}` |", provider.name);
        let line = page.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{start} has no line"));
        for part in provider.keys.iter().chain(&[provider.address, provider.model]) {
            assert!(line.contains(part), "{part} is not in the line of {}", provider.name);
        }
        let offered = |word: &str| word.trim_end_matches(['.', ',']) == provider.name;
        assert!(offer.split(' ').any(offered), "{} is not offered", provider.name);
    }
}

#[test]
fn every_host_of_commits_has_its_line_its_token_and_is_offered() {
    let page = read("docs/forge.md");
    let offer = SETTINGS.iter().find(|row| row.name == "forge").unwrap().help;
    for dialect in DIALECTS {
        let start = format!("| `{}` |", dialect.name);
        let line = page.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{start} has no line"));
        let token = SETTINGS.iter().find(|row| row.name == format!("{}-token", dialect.name)).unwrap();
        assert_eq!(token.env.first(), Some(&dialect.token));
        for part in token.env.iter().chain(dialect.hosts) {
            assert!(line.contains(part), "{part} is not in the line of {}", dialect.name);
        }
        assert!(offer.contains(dialect.name), "{} is not offered", dialect.name);
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/forge/{}.toml", dialect.name)).is_file());
    }
}

#[test]
fn every_case_says_what_it_shows() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    for entry in fs::read_dir(cases).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let text = fs::read_to_string(path.join("case.toml")).unwrap();
            assert!(text.contains("about = \""), "{}", path.display());
            assert!(path.join("expected").is_dir(), "{} has nothing expected", path.display());
        }
    }
}

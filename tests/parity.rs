//! Every row of every table is wired, shown and documented.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use firefighter::cli;
use firefighter::diagnose::provider::PROVIDERS;
use firefighter::forge::DIALECTS;
use firefighter::report::FORMATS;
use firefighter::settings::{Kind, SETTINGS};
use firefighter::signature::Catalogue;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn printed(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_firefighter")).args(args).env_clear().output().unwrap();
    String::from_utf8(output.stdout).unwrap()
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
fn every_exit_code_is_in_the_readme_and_in_the_help() {
    use cli::ExitCode::{Fault, Good, Late, Unexplained, Unread, Unwell, Unwritten, Usage};
    let (readme, help) = (read("README.md"), printed(&["diagnose", "--help"]));
    for code in [Good, Usage, Unread, Unexplained, Unwritten, Unwell, Fault, Late] {
        let number = (code as i32).to_string();
        let named = |text: &str| text.split(|c: char| !c.is_ascii_digit()).any(|word| word == number);
        assert!(named(&readme) && named(&help), "{code:?} is {number} and not documented");
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
fn the_readmes_signature_is_one() {
    let readme = read("README.md");
    let toml = readme.split("```toml").nth(1).unwrap().split("```").next().unwrap();
    let catalogue = Catalogue::builtin();
    let count = catalogue.signatures().len();
    assert_eq!(catalogue.with_user_file("README.md", toml).unwrap().signatures().len(), count + 1);
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

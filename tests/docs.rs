//! The pages for readers: the book's table of contents holds all of them, no link leads nowhere, and no page names a flag, a
//! variable or a command that does not exist.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use firefighter::cli;
use firefighter::settings::SETTINGS;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Variables of ours that are no settings: they name the settings' file, tell of the place we run in, belong to the action, or are told to later jobs.
const OTHERS: [&str; 7] = [
    "FIREFIGHTER_CATEGORY",
    "FIREFIGHTER_CONFIG",
    "FIREFIGHTER_HOST",
    "FIREFIGHTER_OCTOPUS_",
    "FIREFIGHTER_GITHUB_JOB_ID",
    "FIREFIGHTER_BINARY",
    "FIREFIGHTER_RUNNER",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages of the book by their paths below `docs/`, but for the table of contents.
fn book() -> BTreeSet<PathBuf> {
    fn walk(folder: &Path, into: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|end| end == "md") {
                into.insert(path.strip_prefix(root().join("docs")).unwrap().to_owned());
            }
        }
    }
    let mut pages = BTreeSet::new();
    walk(&root().join("docs"), &mut pages);
    pages.remove(Path::new("SUMMARY.md"));
    pages
}

/// Every page with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let of_the_book = book().into_iter().map(|page| Path::new("docs").join(page));
    let others = ["README.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md"].map(PathBuf::from);
    of_the_book.chain(others).map(|path| (path.clone(), fs::read_to_string(root().join(path)).unwrap())).collect()
}

/// Where a page's links and pictures lead.
fn links(text: &str) -> Vec<String> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
            _ => None,
        })
        .collect()
}

/// The names by which a page's headings are linked to: GitHub's and mdBook's are the same.
fn anchors(text: &str) -> BTreeSet<String> {
    let (mut found, mut heading) = (BTreeSet::new(), None::<String>);
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let kept = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
                let name: String = heading.take().unwrap().to_lowercase().chars().filter(|c| kept(*c)).collect();
                found.insert(name.replace(' ', "-"));
            }
            Event::Text(text) | Event::Code(text) => heading.iter_mut().for_each(|heading| heading.push_str(&text)),
            _ => {}
        }
    }
    found
}

/// A path without its `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(plain.pop(), "{} leads out", path.display()),
            other => plain.push(other),
        }
    }
    plain
}

/// The links of the page at `path` that lead nowhere.
fn broken(path: &Path, text: &str) -> Vec<String> {
    let leads = |link: &String| {
        if link.contains("://") || link.starts_with("mailto:") {
            return true;
        }
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = if file.is_empty() { path.to_owned() } else { plain(&path.parent().unwrap().join(file)) };
        let place = root().join(&target);
        let page = if target == path { Some(text.to_owned()) } else { fs::read_to_string(&place).ok() };
        match anchor {
            "" => target == path || place.exists(),
            anchor => page.is_some_and(|page| anchors(&page).contains(anchor)),
        }
    };
    links(text).into_iter().filter(|link| !leads(link)).collect()
}

#[test]
fn every_page_is_in_the_table_of_contents_once() {
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let named: Vec<_> = links(&summary).into_iter().map(PathBuf::from).collect();
    let once: BTreeSet<_> = named.iter().cloned().collect();
    assert_eq!(named.len(), once.len(), "{named:?}");
    let missing: Vec<_> = book().difference(&once).cloned().collect();
    assert!(missing.is_empty(), "docs/SUMMARY.md does not name {missing:?}");
}

#[test]
fn every_page_of_the_table_of_contents_is_there() {
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    assert_eq!(broken(Path::new("docs/SUMMARY.md"), &summary), Vec::<String>::new());
}

#[test]
fn no_link_of_a_page_leads_nowhere() {
    let pages = pages();
    let wrong: Vec<_> = pages
        .iter()
        .flat_map(|(path, text)| broken(path, text).into_iter().map(move |link| format!("{}: {link}", path.display())))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(pages.iter().map(|(_, text)| links(text).len()).sum::<usize>() > 50);
}

#[test]
fn a_link_that_leads_nowhere_is_seen() {
    let check =
        |text: &str, expected: &[&str]| assert_eq!(broken(Path::new("docs/hosts/x.md"), text), expected, "{text}");
    check("# Some *words*, and `code`\n[a](#some-words-and-code) [b](../../README.md) ![c](../report.png)", &[]);
    check("| t |\n| --- |\n| [a](gone.md) [b](#no) [c](https://example.com/x#y) |", &["gone.md", "#no"]);
    check("[a](../README.md#where-to-start) [b](../README.md#nowhere)", &["../README.md#nowhere"]);
    check("`[a](gone.md)`\n\n    [a](gone.md)\n", &[]);
}

#[test]
fn no_page_names_a_variable_of_ours_that_does_not_exist() {
    let known: BTreeSet<_> = SETTINGS.iter().flat_map(|row| row.env).copied().chain(OTHERS).collect();
    for (path, text) in pages() {
        for word in text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')) {
            let ours = word.starts_with("FIREFIGHTER_") && word.len() > "FIREFIGHTER_".len();
            assert!(!ours || known.contains(word), "{} names {word}", path.display());
        }
    }
}

#[test]
fn no_page_shows_a_command_of_ours_that_does_not_exist() {
    let commands = cli::command();
    for (path, text) in pages() {
        for line in text.lines() {
            for call in line.split("firefighter ").skip(1) {
                let mut words = call.split([' ', '`', '\'', ')', ']']).take_while(|word| *word != "--" && *word != "|");
                let Some(command) = words.next().and_then(|name| commands.find_subcommand(name)) else { continue };
                let known = |flag: &str| {
                    let mut flags = command.get_arguments().filter_map(|arg| arg.get_long());
                    flag == "help" || flags.any(|known| known == flag)
                };
                let flags = words.filter_map(|word| word.strip_prefix("--"));
                let strange: Vec<_> =
                    flags.map(|flag| flag.trim_end_matches(['.', ',', ';', ':'])).filter(|flag| !known(flag)).collect();
                assert!(strange.is_empty(), "{}: {strange:?} in: {line}", path.display());
            }
        }
    }
}

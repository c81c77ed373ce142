//! A folder of Markdown runbooks and postmortems, and issues found elsewhere, searched for what the evidence says.
//!
//! Ranked by BM25, the usual measure of a search by words. The crates for it bring a search engine's index or an
//! unmaintained hash, and none tells which words met: thirty lines of our own do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use crate::model::{Case, Context, Level, Note, Stage};

/// Files that are read, and bytes of each.
const FILES: usize = 500;
const BYTES: u64 = 256 << 10;
/// Folders within folders that are entered.
const DEPTH: usize = 6;
/// Runbooks that are offered.
const OFFERED: usize = 3;
/// Characters of a runbook that are shown.
const EXCERPT: usize = 1_200;
/// The word in a mask.
const MASK: &str = "secret";
/// Words that are told as the reason.
const REASONS: usize = 4;
/// What the words in common must weigh for a runbook to be offered: a name and a word, or three words.
const ENOUGH: f64 = 3.0;
/// A runbook with a smaller share of the first one's score is not offered.
const BESIDE_THE_FIRST: f64 = 0.5;

/// BM25's two constants, as commonly set: how soon a repeated word stops to count, and how much a text's length matters.
const SATURATION: f64 = 1.2;
const LENGTH: f64 = 0.75;

/// The runbooks in `folder` that fit `case` best, each with the words in which they meet. Trouble costs a note.
pub fn search(folder: &Path, case: &Case, notes: &mut Vec<Note>) -> Vec<Context> {
    let mut note = |text: String| {
        notes.push(Note { stage: Stage::Collect, text: format!("runbooks in {}: {text}", folder.display()) });
    };
    let mut paths = Vec::new();
    if let Err(error) = walk(folder, DEPTH, &mut paths) {
        note(format!("cannot be read: {error}"));
        return Vec::new();
    }
    if paths.len() > FILES {
        note(format!("there are more than {FILES}, the first of them are searched"));
        paths.truncate(FILES);
    }
    let mut books = Vec::new();
    for path in paths {
        if fs::metadata(&path).is_ok_and(|file| file.len() > BYTES) {
            note(format!("{} is too large to be searched", path.display()));
            continue;
        }
        match fs::read(&path) {
            Ok(bytes) => {
                books.push(Book::of(path.display().to_string().replace('\\', "/"), &String::from_utf8_lossy(&bytes)));
            }
            Err(error) => note(format!("{} cannot be read: {error}", path.display())),
        }
    }
    offered(&books, case)
}

/// An issue or another page that was found elsewhere.
pub struct Page(Book);

impl Page {
    /// A page at `place`, such as `example/shop#12`, with its title, text and address.
    #[must_use]
    pub fn of(place: &str, title: &str, text: &str, url: &str) -> Self {
        let book = Book::of(place.to_owned(), &format!("# {title}\n\n{text}"));
        Self(Book { title: format!("Issue: {title}"), url: (!url.is_empty()).then(|| url.to_owned()), ..book })
    }
}

/// The pages that fit `case` best, each with the words in which they meet.
#[must_use]
pub fn fitting(pages: Vec<Page>, case: &Case) -> Vec<Context> {
    let books: Vec<Book> = pages.into_iter().map(|page| page.0).collect();
    offered(&books, case)
}

fn offered(books: &[Book], case: &Case) -> Vec<Context> {
    rank(books, &query(case)).into_iter().map(|(book, words)| book.context(&words)).collect()
}

/// The words of the evidence that tell most, best first: names before ordinary words, what stands in few lines before what
/// stands in many. None is part of another, a name of the run, or a word that stands for a secret.
#[must_use]
pub fn telling(case: &Case, most: usize) -> Vec<String> {
    let run = &case.run;
    let mut known = BTreeSet::from([MASK.to_owned()]);
    for name in [&run.project, &run.environment, &run.tenant, &run.version, &run.commit].into_iter().flatten() {
        words(name, |word| {
            known.insert(word);
        });
    }
    let mut lines: HashMap<String, u32> = HashMap::new();
    for line in case.excerpts.iter().flat_map(|excerpt| &excerpt.lines) {
        let mut own = BTreeSet::new();
        words(&line.text, |word| {
            own.insert(word);
        });
        for word in own {
            *lines.entry(word).or_default() += 1;
        }
    }
    let weigh = |(word, asked): (String, f64)| {
        let often = f64::from(lines.get(&word).copied().unwrap_or(1));
        (asked * form(&word) / (1.0 + often.ln()), word)
    };
    // What was made up for this run alone, such as the number of a task, stands in no issue.
    let made_up = |word: &str| word.len() >= 12 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let query = query(case);
    let numbers: Vec<String> = query.keys().filter(|word| made_up(word)).cloned().collect();
    let is_number = |word: &str| numbers.iter().any(|number| number.contains(word));
    let asked = query.into_iter().filter(|(word, _)| !known.contains(word) && !is_number(word));
    let mut all: Vec<(f64, String)> = asked.map(weigh).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.len().cmp(&a.1.len())).then(a.1.cmp(&b.1)));
    let mut told: Vec<String> = Vec::new();
    for (_, word) in all {
        // Of a long name such as `System.Collections.Generic.KeyNotFoundException` people write the last part.
        let last = word.rsplit('.').next().filter(|last| word.matches('.').count() > 1 && last.len() > 7);
        let word = last.map(str::to_owned).unwrap_or(word);
        if told.len() < most && !told.iter().any(|one| one.contains(&word) || word.contains(one.as_str())) {
            told.push(word);
        }
    }
    told
}

/// The Markdown files below `folder`, in order. Links are not followed: they can lead in circles.
fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if found.len() > FILES {
            break;
        }
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let kind = entry.file_type()?;
        let markdown = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("md"));
        if kind.is_dir() && !hidden && depth > 0 {
            // A folder below that may not be entered hides no other.
            let _ = walk(&path, depth - 1, found);
        } else if kind.is_file() && markdown {
            found.push(path);
        }
    }
    Ok(())
}

/// A runbook and how often each word stands in it.
struct Book {
    path: String,
    title: String,
    url: Option<String>,
    sections: Vec<String>,
    counts: HashMap<String, f64>,
    length: f64,
}

impl Book {
    fn of(path: String, text: &str) -> Self {
        let mut sections: Vec<String> = Vec::new();
        let mut fenced = false;
        for line in text.lines() {
            fenced ^= line.trim_start().starts_with("```");
            if sections.is_empty() || line.starts_with('#') && !fenced {
                sections.push(String::new());
            }
            if let Some(section) = sections.last_mut() {
                section.push_str(line);
                section.push('\n');
            }
        }
        let heading = text.lines().find_map(|line| line.strip_prefix("# ")).map(str::trim);
        let title = heading.unwrap_or_else(|| path.rsplit('/').next().unwrap_or_default());
        let title = format!("Runbook: {title}");
        let (mut counts, mut length) = (HashMap::new(), 0.0);
        words(text, |word| {
            *counts.entry(word).or_default() += 1.0;
            length += 1.0;
        });
        Self { path, title, url: None, sections, counts, length }
    }

    /// The part that holds most of `met`, and why it was chosen.
    fn context(&self, met: &[(String, f64)]) -> Context {
        let weight = |section: &String| {
            let mut own = BTreeSet::new();
            words(section, |word| {
                own.insert(word);
            });
            met.iter().filter(|(word, _)| own.contains(word)).map(|(_, weight)| weight).sum::<f64>()
        };
        let best = self.sections.iter().rev().max_by(|a, b| weight(a).total_cmp(&weight(b)));
        let best = best.map(|section| section.trim()).unwrap_or_default();
        let mut part: String = best.chars().take(EXCERPT).collect();
        if part.len() < best.len() {
            part.push_str(" …");
        }
        let reasons: Vec<String> = met.iter().take(REASONS).map(|(word, _)| format!("“{word}”")).collect();
        let text = format!(
            "In {}, chosen because it speaks of {} as the evidence does.\n\n{part}",
            self.path,
            reasons.join(", ")
        );
        Context { title: self.title.clone(), text, url: self.url.clone() }
    }
}

/// The words of the evidence and how much each counts.
fn query(case: &Case) -> BTreeMap<String, f64> {
    let mut query: BTreeMap<String, f64> = BTreeMap::new();
    let mut ask = |text: &str, weight: f64| {
        words(text, |word| {
            let known = query.entry(word).or_default();
            *known = known.max(weight);
        });
    };
    for line in case.excerpts.iter().flat_map(|excerpt| &excerpt.lines) {
        ask(&line.text, if line.level >= Level::Error { 1.0 } else { 0.5 });
    }
    for found in &case.matches {
        ask(&found.signature.title, 1.0);
        for (_, value) in &found.captures {
            ask(value, 1.5);
        }
    }
    ask(case.run.error.as_deref().unwrap_or_default(), 0.5);
    for step in case.steps.iter().filter(|step| step.culprit) {
        ask(&step.name, 1.0);
    }
    query
}

/// The best books and the words that each shares with the query, most telling first.
#[expect(clippy::cast_precision_loss, reason = "a weight needs no more than a float's precision")]
fn rank<'a>(books: &'a [Book], query: &BTreeMap<String, f64>) -> Vec<(&'a Book, Vec<(String, f64)>)> {
    let count = books.len() as f64;
    let average = books.iter().map(|book| book.length).sum::<f64>() / count.max(1.0);
    let mut ranked: Vec<_> = books
        .iter()
        .map(|book| {
            let mut met = Vec::new();
            for (word, asked) in query {
                let Some(times) = book.counts.get(word) else { continue };
                let having = books.iter().filter(|book| book.counts.contains_key(word)).count() as f64;
                let rarity = (1.0 + (count - having + 0.5) / (having + 0.5)).ln();
                let length = 1.0 - LENGTH + LENGTH * book.length / average.max(1.0);
                let often = times * (SATURATION + 1.0) / (times + SATURATION * length);
                met.push((word.clone(), asked * form(word) * rarity * often));
            }
            met.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            (book, met)
        })
        .filter(|(_, met)| {
            // Rarity says little in a folder of a few; what the words are says whether they are enough.
            met.iter().map(|(word, _)| form(word) * query.get(word).copied().unwrap_or_default()).sum::<f64>() >= ENOUGH
        })
        .collect();
    let score = |met: &[(String, f64)]| met.iter().map(|(_, weight)| weight).sum::<f64>();
    ranked.sort_by(|a, b| score(&b.1).total_cmp(&score(&a.1)).then(a.0.path.cmp(&b.0.path)));
    let least = ranked.first().map_or(0.0, |(_, met)| score(met) * BESIDE_THE_FIRST);
    ranked.retain(|(_, met)| score(met) >= least);
    ranked.truncate(OFFERED);
    ranked
}

/// How much the form of a word says that it is a name: `ghcr.io` and `e1042` more than `database`.
fn form(word: &str) -> f64 {
    let signs = word.contains(['.', '-', '_']) || word.contains(|c: char| c.is_ascii_digit());
    if signs { 2.0 } else { 1.0 }
}

/// Words that stand in logs and runbooks of any sort, in order.
#[rustfmt::skip]
const COMMON: &[&str] = &[
    "about", "after", "again", "all", "and", "any", "are", "because", "been", "before", "but", "can", "cannot",
    "check", "code", "could", "deploy", "deployment", "does", "error", "errors", "exit", "exited", "fail", "failed",
    "fails", "failure", "fatal", "file", "files", "for", "from", "has", "have", "how", "into", "its", "line", "log",
    "logs", "more", "new", "not", "now", "octopus", "off", "one", "only", "other", "our", "out", "over", "process",
    "release", "remote", "run", "runs", "script", "see", "server", "set", "should", "some", "step", "steps", "than",
    "that", "the", "their", "then", "there", "they", "this", "use", "used", "using", "was", "were", "what", "when",
    "where", "which", "while", "why", "will", "with", "worker", "you", "your",
];

/// Calls `each` with the words of `text` in lower case: names such as `ghcr.io` whole, and their parts.
fn words(text: &str, mut each: impl FnMut(String)) {
    for run in text.split(|c: char| !c.is_alphanumeric() && !"._-".contains(c)) {
        let run = run.trim_matches(['.', '_', '-']);
        if run.len() > 60 {
            continue;
        }
        let parts = run.split(['.', '_', '-']);
        let whole = run.contains(['.', '_', '-']).then_some(run);
        for word in whole.into_iter().chain(parts) {
            let letters = word.chars().filter(|c| c.is_alphabetic()).count();
            let word = word.to_lowercase();
            if (letters > 2 || letters > 0 && word.len() > 3) && COMMON.binary_search(&&*word).is_err() {
                each(word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Excerpt, ExcerptLine};

    const REGISTRY: &str = "# When ghcr.io limits us\n\nWho: platform team.\n\n## How to see it\n\nThe scan says `TOOMANYREQUESTS`.\n\n\
                            ## What to do\n\nMirror the database of Trivy, see issue 7.\n";
    const DISK: &str = "# The disk of a build machine is full\n\nDelete old images with `docker system prune`.\n";
    const LOGIN: &str = "# Renew the secret of the Azure login\n\nThe error is AADSTS7000222.\n";

    fn case(lines: &[&str]) -> Case {
        let line =
            |text: &&str| ExcerptLine { id: 1, number: 1, level: Level::Error, time: None, text: (*text).to_owned() };
        let lines = lines.iter().map(line).collect();
        Case { excerpts: vec![Excerpt { step: None, lines, reason: String::new(), repeats: 0 }], ..Case::default() }
    }

    /// The titles that are offered for a log line, and the words told for the first.
    fn check(line: &str, titles: &[&str], reasons: &[&str]) {
        let books = [("a.md", REGISTRY), ("b.md", DISK), ("c.md", LOGIN)];
        let books: Vec<Book> = books.iter().map(|(path, text)| Book::of((*path).to_owned(), text)).collect();
        let ranked = rank(&books, &query(&case(&[line])));
        let found: Vec<&str> = ranked.iter().map(|(book, _)| &*book.title).collect();
        assert_eq!(found, titles, "{line}");
        let told = ranked.first().map(|(_, met)| met.iter().map(|(word, _)| &**word).collect::<Vec<_>>());
        for reason in reasons {
            assert!(told.iter().flatten().any(|word| word == reason), "{reason} in {told:?}");
        }
    }

    #[test]
    fn the_runbook_that_speaks_of_the_failure_is_offered() {
        check(
            "GET https://ghcr.io/v2/aquasecurity/trivy-db: TOOMANYREQUESTS",
            &["Runbook: When ghcr.io limits us"],
            &["ghcr.io", "toomanyrequests"],
        );
        check(
            "AADSTS7000222: The provided client secret keys are expired",
            &["Runbook: Renew the secret of the Azure login"],
            &["aadsts7000222"],
        );
        check(
            "docker: write failed, the disk is full",
            &["Runbook: The disk of a build machine is full"],
            &["docker", "disk"],
        );
    }

    #[test]
    fn a_word_or_two_in_common_are_no_reason() {
        check("the build of the login page failed", &[], &[]);
        check("System.NullReferenceException", &[], &[]);
    }

    #[test]
    fn the_part_that_fits_is_shown_with_its_path_and_the_reason() {
        let book = Book::of("ops/registry.md".to_owned(), REGISTRY);
        let context = book.context(&[("toomanyrequests".to_owned(), 2.0)]);
        assert_eq!(context.title, "Runbook: When ghcr.io limits us");
        assert_eq!(
            context.text,
            "In ops/registry.md, chosen because it speaks of “toomanyrequests” as the evidence does.\n\n\
             ## How to see it\n\nThe scan says `TOOMANYREQUESTS`."
        );
    }

    #[test]
    fn a_folder_is_searched_with_those_below_and_a_missing_one_costs_a_note() {
        let folder = std::env::temp_dir().join(format!("firefighter-runbooks-{}", std::process::id()));
        fs::create_dir_all(folder.join("below/.hidden")).unwrap();
        fs::write(folder.join("below/registry.md"), REGISTRY).unwrap();
        fs::write(folder.join("below/.hidden/registry.md"), REGISTRY).unwrap();
        fs::write(folder.join("registry.txt"), REGISTRY).unwrap();
        let mut notes = Vec::new();
        let case = case(&["ghcr.io: TOOMANYREQUESTS for trivy"]);
        let found = search(&folder, &case, &mut notes);
        assert_eq!((found.len(), notes.len()), (1, 0), "{notes:?}");
        assert!(search(&folder.join("missing"), &case, &mut notes).is_empty());
        assert_eq!(notes.len(), 1);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_words_to_search_for_are_names_and_none_of_the_run_or_a_secret() {
        let mut case = case(&[
            "login to shop-db with \u{27e8}secret:1\u{27e9} failed: AADSTS7000222 for 01234567-89ab-cdef-0123-456789abcdef",
            "GET https://ghcr.io/v2/trivy-db: TOOMANYREQUESTS",
        ]);
        case.run.project = Some("shop-db".to_owned());
        assert_eq!(telling(&case, 3), ["aadsts7000222", "trivy-db", "ghcr.io"]);
        assert!(!telling(&case, 50).iter().any(|word| word.contains("secret") || word.contains("cdef")));
    }

    #[test]
    fn an_issue_is_offered_as_a_runbook_is() {
        let issue = |number: u64, title: &str, text: &str| {
            let url = format!("https://github.com/example/shop/issues/{number}");
            Page::of(&format!("example/shop#{number}, closed"), title, text, &url)
        };
        let pages = vec![
            issue(7, "Trivy is limited", "ghcr.io says TOOMANYREQUESTS at night"),
            issue(8, "Trivy is new", "An update"),
        ];
        let found = fitting(pages, &case(&["ghcr.io: TOOMANYREQUESTS for trivy"]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "Issue: Trivy is limited");
        assert_eq!(found[0].url.as_deref(), Some("https://github.com/example/shop/issues/7"));
        assert!(
            found[0].text.starts_with("In example/shop#7, closed, chosen because it speaks of \u{201c}ghcr.io\u{201d}")
        );
    }

    #[test]
    fn the_common_words_are_in_order() {
        assert!(COMMON.is_sorted());
    }
}

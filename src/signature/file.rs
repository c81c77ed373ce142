//! Signatures as written in TOML: read, checked, and turned into entries of the catalogue.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::gate::branches;
use crate::model::{Domain, Retry, Role, Signature};
use crate::tree::{self, packed, unpack};

/// How specific a signature is when its entry does not say.
const USUAL_WEIGHT: f64 = 0.8;
/// Patterns match in time that grows with the line alone, by a factor of their size: a compiled one above this size, in bytes, is
/// refused, and so is a file of too many. The largest of ours is half that size.
const LARGEST_PATTERN: usize = 128 << 10;
/// Characters of a pattern.
const LONGEST_PATTERN: usize = 1_000;
/// Patterns of one signature, with the branches of each, and signatures of a file.
const MOST_PATTERNS: usize = 64;
const MOST_SIGNATURES: usize = 2_000;
/// Bytes of a file.
const LARGEST_FILE: usize = 4 << 20;
const DOMAINS: [(&str, Domain); 6] = [
    ("code", Domain::Code),
    ("configuration", Domain::Configuration),
    ("infrastructure", Domain::Infrastructure),
    ("dependency", Domain::Dependency),
    ("platform", Domain::Platform),
    ("access", Domain::Access),
];
const RETRIES: [(&str, Retry); 3] = [("helps", Retry::Helps), ("maybe", Retry::Maybe), ("no", Retry::No)];
const ROLES: [(&str, Role); 2] = [("cause", Role::Cause), ("symptom", Role::Symptom)];

/// A signature and how to find it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) signature: Arc<Signature>,
    pub(super) patterns: Vec<Pattern>,
    /// Must match on the same line or a few lines around it.
    pub(super) near: Option<Pattern>,
    /// Must not match on the same line.
    pub(super) except: Option<Pattern>,
    /// How sure the lines speak for this failure, from 0 to 1.
    pub(super) weight: f64,
    /// Whether runs often go on after it, so that only a failure nearby or the end of the log makes it count.
    pub(super) survivable: bool,
    pub(super) examples: Vec<String>,
    pub(super) unlike: Vec<String>,
}

/// A pattern that is compiled when first needed.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) source: String,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn new(source: String) -> Self {
        Self { source, regex: OnceLock::new() }
    }

    /// The compiled pattern. `None` never happens for what was checked: a user's patterns at load, ours by a test.
    pub(super) fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| compile(&self.source).ok()).as_ref()
    }

    pub(super) fn matches(&self, line: &[u8]) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(line))
    }
}

fn compile(source: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source).unicode(false).case_insensitive(true).size_limit(LARGEST_PATTERN).build()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<T> {
    #[serde(default = "Vec::new")]
    signature: Vec<T>,
}

/// A signature as its author writes it. Patterns ignore case and need not match the whole line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    title: String,
    domain: String,
    kind: String,
    retry: String,
    role: String,
    weight: Option<f64>,
    #[serde(default)]
    survivable: bool,
    patterns: Vec<String>,
    near: Option<String>,
    except: Option<String>,
    cause: String,
    fix: Vec<String>,
    #[serde(default)]
    verify: String,
    command: Option<String>,
    disproof: Option<String>,
    #[serde(default)]
    links: Vec<String>,
    example: Vec<String>,
    #[serde(default)]
    unlike: Vec<String>,
}

/// What is true of every failure of a sort.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kind {
    command: Option<String>,
    disproof: Option<String>,
}

/// By its name. That the file can be read, a test finds.
pub(super) static KINDS: LazyLock<BTreeMap<String, Kind>> =
    LazyLock::new(|| tree::table(&unpack(packed!("kinds.toml"))).unwrap_or_default());

/// Reads one of the built-in families. An error is a defect that a test finds.
pub(super) fn read_builtin(packed: &[u8]) -> Result<Vec<Entry>, String> {
    tree::table::<File<Written>>(&unpack(packed))?.signature.into_iter().map(entry).collect()
}

/// Reads a user's file and checks all of it, patterns and examples too.
pub(super) fn read_user(text: &str) -> Result<Vec<Entry>, String> {
    if text.len() > LARGEST_FILE {
        return Err(format!("it is larger than {} MB", LARGEST_FILE >> 20));
    }
    let file: File<toml::Table> = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    if file.signature.len() > MOST_SIGNATURES {
        return Err(format!("it has {} signatures, and {MOST_SIGNATURES} are the most", file.signature.len()));
    }
    let mut entries: Vec<Entry> = Vec::new();
    for (number, table) in file.signature.into_iter().enumerate() {
        let id = table.get("id").and_then(toml::Value::as_str).map(str::to_owned);
        let name = id.map_or_else(|| format!("signature {}", number + 1), |id| format!("signature `{id}`"));
        let entry = tree::shape::<Written>(tree::toml(table))
            .map_err(|error| error.to_string())
            .and_then(entry)
            .and_then(checked)
            .map_err(|reason| format!("{name}: {reason}"))?;
        if entries.iter().any(|earlier| earlier.signature.id == entry.signature.id) {
            return Err(format!("{name}: the id is used twice in this file"));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(written: Written) -> Result<Entry, String> {
    let usual = KINDS.get(&written.kind).cloned().unwrap_or_default();
    let signature = Signature {
        domain: word("domain", &DOMAINS, &written.domain)?,
        retry: word("retry", &RETRIES, &written.retry)?,
        role: word("role", &ROLES, &written.role)?,
        id: written.id,
        title: written.title,
        kind: written.kind,
        cause: written.cause,
        fix: written.fix,
        verify: written.verify,
        command: written.command.or(usual.command),
        disproof: written.disproof.or(usual.disproof),
        links: written.links,
    };
    Ok(Entry {
        signature: Arc::new(signature),
        patterns: written
            .patterns
            .iter()
            .flat_map(|pattern| branches(pattern))
            .map(|branch| Pattern::new(branch.to_owned()))
            .collect(),
        near: written.near.map(Pattern::new),
        except: written.except.map(Pattern::new),
        weight: written.weight.unwrap_or(USUAL_WEIGHT),
        survivable: written.survivable,
        examples: written.example,
        unlike: written.unlike,
    })
}

/// Finds what a word of the file stands for.
fn word<T: Copy>(field: &str, words: &[(&str, T)], written: &str) -> Result<T, String> {
    words.iter().find(|(name, _)| *name == written).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = words.iter().map(|(name, _)| *name).collect();
        format!("{field} is `{written}`, but must be one of: {}", names.join(", "))
    })
}

/// The entry, if all it says of itself is true.
pub(super) fn checked(entry: Entry) -> Result<Entry, String> {
    for (field, text) in
        [("id", &entry.signature.id), ("title", &entry.signature.title), ("kind", &entry.signature.kind)]
    {
        if text.trim().is_empty() {
            return Err(format!("{field} is empty"));
        }
    }
    if entry.patterns.is_empty() {
        return Err("patterns is empty".to_owned());
    }
    if entry.patterns.len() > MOST_PATTERNS {
        return Err(format!(
            "it has {} patterns, branches counted, and {MOST_PATTERNS} are the most: make two signatures of it",
            entry.patterns.len()
        ));
    }
    if entry.examples.is_empty() {
        return Err("example is empty".to_owned());
    }
    if !(0.0..=1.0).contains(&entry.weight) {
        return Err(format!("weight is {}, but must be from 0 to 1", entry.weight));
    }
    for pattern in entry.patterns.iter().chain(&entry.near).chain(&entry.except) {
        if pattern.source.chars().count() > LONGEST_PATTERN {
            let start: String = pattern.source.chars().take(60).collect();
            return Err(format!("the pattern `{start}…` is longer than {LONGEST_PATTERN} characters"));
        }
        let regex = compile(&pattern.source).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                format!("the pattern `{}` is too large: it repeats too much, see its `{{…}}`", pattern.source)
            }
            other => format!("the pattern `{}` is broken: {other}", pattern.source),
        })?;
        if regex.is_match(b"") {
            return Err(format!("the pattern `{}` matches an empty line", pattern.source));
        }
    }
    if let Some(example) = entry.examples.iter().find(|example| !found_in(&entry, example)) {
        return Err(format!("its example is not matched: `{example}`"));
    }
    if let Some(unlike) = entry.unlike.iter().find(|unlike| found_in(&entry, unlike)) {
        return Err(format!("its look-alike is matched: `{unlike}`"));
    }
    Ok(entry)
}

/// Whether a line of `text` matches.
pub(super) fn found_in(entry: &Entry, text: &str) -> bool {
    let near = entry.near.as_ref().is_none_or(|near| text.lines().any(|line| near.matches(line.as_bytes())));
    near && text.lines().any(|line| {
        let line = line.as_bytes();
        entry.patterns.iter().any(|pattern| pattern.matches(line))
            && !entry.except.as_ref().is_some_and(|except| except.matches(line))
    })
}

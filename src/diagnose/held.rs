//! What a model says, held against the case: quotations, names, claims that all is well, and addresses that lead elsewhere.
//!
//! What is quoted must stand in the case, else the claim goes. A name that stands nowhere is marked as such. All patterns here
//! are linear, and all text is hostile.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use crate::model::{Case, Outcome};
use crate::signature::SURE;

/// A quotation shorter than this is taken for a name and not for a claim about the log.
const QUOTATION: usize = 6;
/// What is put behind a name that stands nowhere.
const NOWHERE: &str = " (not in the evidence)";
/// What is put in the place of an address that stands nowhere.
const LEFT_OUT: &str = "(an address that is not in the evidence was left out)";

/// Written like a name, and no name of anything in a case.
const ORDINARY: &[&str] = &[
    "e.g", "i.e", "etc", "a.m", "p.m", "vs", "node.js", "vue.js", "next.js", "asp.net", "vb.net", "ado.net", "and/or",
    "ci/cd", "tcp/ip", "i/o", "n/a", "ssl/tls", "dns/tcp",
];

/// Words that every failure has: two texts that share these alone say nothing of each other.
const EMPTY: &[&str] = &[
    "error",
    "fail",
    "failed",
    "failure",
    "because",
    "this",
    "that",
    "with",
    "from",
    "have",
    "been",
    "were",
    "when",
    "which",
    "step",
    "deployment",
    "deploy",
    "build",
    "release",
    "command",
    "exit",
    "code",
    "line",
    "script",
    "cause",
    "could",
    "cannot",
    "does",
    "into",
    "there",
    "their",
    "then",
    "than",
    "also",
    "likely",
    "found",
];

/// Specific names in prose: addresses, paths, dotted names, versions, codes.
static NAMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?x)
        [a-z][a-z0-9+.-]*://[^\s"'`<>()\[\]]+            # an address
        | [A-Za-z]:\\[^\s"'`<>]+                          # a path of Windows
        | (?:~|\.{1,2})?(?:/[A-Za-z0-9_.@+-]+){2,}        # a path
        | \bv?[0-9]+(?:\.[0-9]+){2,}[0-9A-Za-z+-]*(?::[0-9]+)?   # a version or an IP address
        | \bv[0-9]+\.[0-9]+\b
        | \b[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+(?:/[A-Za-z0-9_.@+/-]+)?  # a host, a file, a class
        | \b0x[0-9A-Fa-f]{4,}\b
        | \b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b
        | \b[A-Z]{1,6}-?[0-9]{3,}\b
        | \bE[A-Z]{4,}\b | \b[A-Z]{9,}\b
        | \b[A-Z][A-Za-z0-9]+(?:Exception|Error)\b
        "#,
    )
});

/// Numbers that mean something alone.
static NUMBERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:exit code|exit status|status code|status|http|error code|error|port|line|code)[ :#]{1,2}([0-9]{2,6})\b",
    )
});

/// Addresses of any sort: what could carry something away, or fetch something.
static ADDRESSES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?x)
        [A-Za-z][A-Za-z0-9+.-]*://[^\s"'`<>()\[\]]+
        | \b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+
        | \bwww\.[^\s"'`<>()\[\]]+
        | \b[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.(?:com|net|org|io|dev|app|co|me|xyz|ru|cn|info|biz|sh|ly|example|test|invalid|site|online|top|zip)(?::[0-9]+)?(?:/[^\s"'`<>()\[\]]*)?
        | \b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]+)?(?:/[^\s"'`<>()\[\]]*)?
        "#,
    )
});

/// Ways to say that nothing failed.
static DENIALS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?ix)
        \b(?:nothing|no|not\ any|without|zero|0)\ (?:\w+\ ){0,3}(?:fail\w*|errors?|problems?|issues?|wrong|incidents?)\b
        | \b(?:did|does|has|have|was|were|is)(?:\ not|n't)\ (?:actually\ )?fail\w*
        | \bno\ (?:further\ )?action\ (?:is\ |was\ )?(?:needed|required|necessary)\b
        | \b(?:succeeded|success|successful(?:ly)?|passed|completed|healthy|green|all\ (?:is\ )?(?:well|good|fine|ok)|works?\ (?:fine|as\ expected)|false\ (?:alarm|positive))\b
        ",
    )
});

/// Words that speak of a failure.
static FAILURES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i)fail|error|refus|denied|deni|timeout|timed out|time limit|missing|not found|cannot|can't|could not|couldn't|unable|invalid|limit|exceed|expired|crash|reject|abort|conflict|unreachable|unavailable|does not exist|no such|too many|wrong|exhaust|full|broke|mismatch|unknown|unauthori|forbidden|killed|canceled|cancelled|lost|stopped|unclear",
    )
});

fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).size_limit(4 << 20).build().ok()
}

/// All that a claim may rest on.
pub(super) struct Ground {
    /// All text of the case, folded.
    text: String,
    /// Whether the run is known to have failed.
    failed: bool,
}

impl Ground {
    pub(super) fn of(case: &Case) -> Self {
        let failed = |outcome| matches!(outcome, Outcome::Failed | Outcome::Canceled);
        let failed = case.run.error.is_some()
            || case.steps.iter().any(|step| step.culprit || failed(step.outcome))
            || case.matches.first().is_some_and(|best| best.strength >= SURE);
        Self { text: fold(&texts(case).join("\n")), failed }
    }

    /// Whether a quotation in `text` does not stand in the case.
    pub(super) fn invents(&self, text: &str) -> bool {
        quotations(text).any(|quoted| quoted.chars().count() >= QUOTATION && !self.quotes(quoted))
    }

    /// Whether all of a quotation stands in the case. It may leave out its middle.
    fn quotes(&self, quoted: &str) -> bool {
        let parts = quoted.split("...").flat_map(|part| part.split('…')).map(fold);
        parts.filter(|part| !part.is_empty()).all(|part| self.text.contains(&part))
    }

    /// A claim as it may be told, and whether something in it stands nowhere: such an address is left out, such a name marked.
    pub(super) fn told(&self, text: &str) -> (String, bool) {
        let home = self.at_home(text);
        let (marked, foreign) = self.marked(&home);
        (marked, foreign || home != text)
    }

    /// `text` with a mark behind each name that does not stand in the case, and whether there was one.
    fn marked(&self, text: &str) -> (String, bool) {
        let names = NAMES.iter().flat_map(|names| names.find_iter(text)).map(|name| name.range());
        let numbers = NUMBERS.iter().flat_map(|numbers| numbers.captures_iter(text));
        let numbers = numbers.filter_map(|captures| Some(captures.get(1)?.range()));
        let quoted = quotations(text).filter(|quoted| quoted.chars().count() < QUOTATION);
        let quoted = quoted.map(|quoted| offset(text, quoted));
        let mut unknown: Vec<Range<usize>> = names.chain(numbers).chain(quoted).collect();
        unknown.retain(|range| text.get(range.clone()).is_some_and(|name| !self.names(name)));
        unknown.sort_by_key(|range| (range.start, range.end));
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for range in &unknown {
            // A closing quotation mark belongs to the name.
            let close = text.get(range.end..).and_then(|rest| rest.chars().next()).filter(|c| "`\"'”’»".contains(*c));
            let end = range.end + close.map_or(0, char::len_utf8);
            if end <= at {
                continue;
            }
            out.push_str(text.get(at..end).unwrap_or_default());
            out.push_str(NOWHERE);
            at = end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        (out, !unknown.is_empty())
    }

    /// Whether a name stands in the case, as a word of its own where it is short.
    fn names(&self, name: &str) -> bool {
        let name = fold(name.trim_end_matches(['.', ',', ';', ':', '!', '?', '-', '/']));
        if name.is_empty() || ORDINARY.contains(&name.as_str()) {
            return true;
        }
        let edge = |byte: Option<&u8>| !byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = self.text.as_bytes();
        self.text.match_indices(&name).any(|(start, _)| {
            name.len() > QUOTATION
                || (edge(start.checked_sub(1).and_then(|at| bytes.get(at))) && edge(bytes.get(start + name.len())))
        })
    }

    /// Whether `text` says that all is well, of a run that failed.
    pub(super) fn denies(&self, text: &str) -> bool {
        let (Some(denials), Some(failures)) = (DENIALS.as_ref(), FAILURES.as_ref()) else { return false };
        self.failed && denials.is_match(text) && !failures.is_match(&denials.replace_all(text, " "))
    }

    /// `text` without the addresses that do not stand in the case.
    pub(super) fn at_home(&self, text: &str) -> String {
        let Some(addresses) = ADDRESSES.as_ref() else { return text.to_owned() };
        let home = |found: &regex::Captures<'_>| {
            let address = found.get(0).map_or("", |found| found.as_str());
            if self.names(address) || self.is_host(address) { address.to_owned() } else { LEFT_OUT.to_owned() }
        };
        addresses.replace_all(text, home).into_owned()
    }

    /// Whether the case names the host of an address, and the address carries nothing but a path.
    fn is_host(&self, address: &str) -> bool {
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !host.contains('@') && !rest.contains('?') && host.contains('.') && self.names(host)
    }
}

/// Whether one of `lines` says something of what `claim` says: a telling word of it, or the beginning of one.
pub(super) fn supports(claim: &str, lines: &[&str]) -> bool {
    let lines = fold(&lines.join("\n"));
    let claim = fold(claim);
    let words = claim.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() >= 4 && !EMPTY.contains(word));
    let mut stems = words.map(|word| word.get(..word.floor_char_boundary(6)).unwrap_or(word));
    stems.any(|stem| lines.contains(stem))
}

/// For each quotation in `text` whether a line holds it.
pub(super) fn quoted(text: &str) -> impl Iterator<Item = impl Fn(&str) -> bool> {
    let long = quotations(text).map(fold).filter(|quoted| quoted.chars().count() >= QUOTATION);
    long.map(|quoted| move |line: &str| fold(line).contains(&quoted))
}

/// What stands between quotation marks in `text`.
fn quotations(text: &str) -> impl Iterator<Item = &str> {
    let same = ['`', '"'].into_iter().flat_map(|mark| text.split(mark).skip(1).step_by(2));
    let pairs = [('“', '”'), ('‘', '’'), ('«', '»'), ('„', '“')];
    let paired = pairs.into_iter().flat_map(|(open, close)| {
        text.split(open).skip(1).filter_map(move |rest| rest.split_once(close)).map(|(quoted, _)| quoted)
    });
    same.chain(paired).chain(apostrophes(text)).map(str::trim).filter(|quoted| !quoted.is_empty())
}

/// What stands between single quotation marks that are no apostrophes inside of words.
fn apostrophes(text: &str) -> impl Iterator<Item = &str> {
    let inside = |at: usize, offset: isize| {
        let at = at.checked_add_signed(offset);
        at.and_then(|at| text.as_bytes().get(at)).is_some_and(u8::is_ascii_alphanumeric)
    };
    let mut open = None;
    text.match_indices('\'').filter_map(move |(at, _)| match open {
        None if !inside(at, -1) => {
            open = Some(at + 1);
            None
        }
        Some(start) if !inside(at, 1) => {
            open = None;
            text.get(start..at)
        }
        _ => None,
    })
}

/// Where a part of `text` stands in it.
fn offset(text: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start + part.len()
}

/// All the text that a claim may quote or name.
fn texts(case: &Case) -> Vec<&str> {
    let lines = case.excerpts.iter().flat_map(|excerpt| &excerpt.lines).map(|line| line.text.as_str());
    let settings = case.definitions.iter().flat_map(|one| {
        let texts = [&one.path_to_settings, &one.container, &one.runs_on, &one.condition];
        let script = one.script.iter().flat_map(|script| [&script.body, &script.syntax]);
        let source =
            one.source.iter().flat_map(|source| [&source.repository, &source.path].into_iter().chain(&source.branch));
        let texts = texts.into_iter().flatten().chain(&one.packages).chain([&one.step, &one.kind]);
        texts.chain(script).chain(source).map(String::as_str)
    });
    let runs = std::iter::once(&case.run).chain(case.baseline.iter().map(|(run, _)| run)).flat_map(|run| {
        let facts = [&run.url, &run.project, &run.environment, &run.tenant, &run.version, &run.commit, &run.error];
        facts.into_iter().flatten().chain([&run.title, &run.host, &run.id]).map(String::as_str)
    });
    let changes = case.changes.iter().flat_map(|change| {
        let texts = [&change.before, &change.after, &change.details, &change.step, &change.who, &change.url];
        texts.into_iter().flatten().chain([&change.title]).map(String::as_str)
    });
    let context = case
        .context
        .iter()
        .flat_map(|context| [&context.title, &context.text].into_iter().chain(&context.url).map(String::as_str));
    let steps = case.steps.iter().flat_map(|step| [&step.name].into_iter().chain(&step.place).map(String::as_str));
    // The catalogue's own words are true of what it found.
    let known = case.matches.iter().flat_map(|found| {
        let signature = &found.signature;
        let captures = found.captures.iter().map(|(_, value)| value);
        let texts = [&signature.title, &signature.cause, &signature.verify, &signature.kind];
        texts.into_iter().chain(&signature.fix).chain(&signature.links).chain(captures).map(String::as_str)
    });
    lines.chain(settings).chain(runs).chain(changes).chain(context).chain(steps).chain(known).collect()
}

/// Case and white space do not make another quotation.
pub(super) fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests;

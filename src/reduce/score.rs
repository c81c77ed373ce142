//! What a line says by itself: which of a few dozen traits it has, and how many points each is worth.
//!
//! The points of [`TRAITS`] and of `rank` were fitted together, by a linear model over logs whose explaining lines people had
//! marked (`docs/evidence.md`). To add a trait, add a row.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::bytes::RegexSet;

/// Bytes of a line that are looked at.
const LOOKED_AT: usize = 2_000;

/// Something a line says.
struct Trait {
    /// Whole words between bars, whatever their case; with `*` at the end also longer ones that begin so.
    words: &'static str,
    /// A pattern over what follows time and level; empty for none.
    pattern: &'static str,
    points: f64,
    /// Why a line with it is shown; empty where that alone is no reason.
    reason: &'static str,
}

/// The place of a trait in [`TRAITS`] where others ask for it.
const ERROR: usize = 0;
const FATAL: usize = 1;
const FAILED: usize = 2;
const EXCEPTION: usize = 3;
const MARK: usize = 8;
const TEST: usize = 9;
const TAG: usize = 10;
const ANNOUNCES: usize = 13;

const TRAITS: [Trait; 19] = [
    Trait { words: "error|errors", pattern: "", points: 0.75, reason: "says that something is wrong" },
    Trait {
        words: "fatal|panic|panics|panicked|crash|crashed|crashes|segfault|segmentation fault|core dumped|abort|\
            aborted|aborting|killed|oops|bug:|ubsan|kasan|sigsegv|sigabrt|sigkill|out of memory|no space left|\
            stack overflow|kernel panic|call trace|not syncing|unable to mount|unable to handle|cut here",
        pattern: "",
        points: 1.9,
        reason: "tells of a crash",
    },
    Trait {
        words: "fail|failed|fails|failure|failures|failing",
        pattern: "",
        points: 0.25,
        reason: "says that something failed",
    },
    Trait {
        words: "exception|exceptions|traceback|unhandled|uncaught|throw|thrown|throws",
        pattern: r"[A-Za-z](?:Error|Exception|Failure|Fault)\b",
        points: 0.5,
        reason: "names an exception",
    },
    Trait {
        words: "cannot|can't|can not|could not|couldn't|unable to|refused|denied|forbidden|unauthorized|rejected|\
            not authorized|not allowed|not permitted|disallowed|blocked|won't|did not|does not|doesn't|didn't|\
            isn't|is not",
        pattern: "",
        points: 1.45,
        reason: "says what could not be done",
    },
    Trait {
        words: "not found|no such|does not exist|doesn't exist|missing|undefined|unresolved|unknown|unrecognized|\
            undeclared|not in scope|not defined|no matching|not installed|not available|unavailable|\
            not been found",
        pattern: "",
        points: 1.2,
        reason: "says what is missing",
    },
    Trait {
        words: "timed out|timedout|time out|timeout|time-out|deadline|hung|unreachable|expired|exceed|exceeds|\
            exceeded|throttl*|too many|toomanyrequests|stalled|no output has been received|lost connection|\
            reset by peer",
        pattern: "",
        points: 1.8,
        reason: "says what took too long or was too much",
    },
    Trait {
        words: "invalid|unexpected|unexpectedly|mismatch|mismatched|conflict|conflicts|illegal|incompatible|violat*|\
            unsupported|malformed|incorrect|wrong|broken|corrupt|corrupted|ambiguous|duplicate|circular|deadlock|\
            leak|leaked|leaks|leaking",
        pattern: "",
        points: 1.7,
        reason: "says what is not as it should be",
    },
    Trait {
        words: "",
        pattern: r"^(?:error|ERROR|Error|fatal|FATAL|Fatal)\b[^:\]]*[:\]]|^\[(?:error|ERROR|FATAL|fatal|Error)\]|^E: |^ERR\b|^\*\* \(|: (?:fatal )?(?:error|Error|ERROR)\b|\berror(?: [A-Z]{1,4}\d\d|\[[A-Z]\d)|:\d+:? (?:fatal )?error\b|\berror TS|(?:Error|Exception|Failure|Fault): \S|^E {2,}\S|^>\s\s+\S|\b(?:UNEXPECTED|LEAK|PANIC|CRASH|ASSERT\w*|TIMEOUT|FAIL(?:ED|URE|URES)?|ERROR)\b",
        points: 0.85,
        reason: "marks an error as tools do",
    },
    Trait {
        words: "",
        pattern: r"<<< (?:FAILURE|ERROR)!|\bTEST-UNEXPECTED-|^\s*not ok \d|^\s*\xe2\x97\x8f |--- FAIL:|^\s*FAIL(?:ED)?[: ]|\[ *(?:FAILED|FAIL|FATAL) *\]|^\s*\xe2\x9c(?:\x97|\x95|\x98|\x96)|^\s*\xc3\x97 |\bFAIL(?:ED)?\s*$|\.\.\. ?(?:FAIL|ERROR)",
        points: 4.0,
        reason: "marks a failed test",
    },
    Trait {
        words: "npm err!|npm error|level=error|level=fatal",
        pattern: r"##\[error\]|::error|^\[error\]|\[ERROR\]|\bERROR\b[: ]",
        points: 0.8,
        reason: "is logged as an error",
    },
    Trait { words: "warn|warning|warnings", pattern: "", points: -0.4, reason: "" },
    Trait {
        words: "deprecat*|obsolete|unmaintained|no longer supported|continue-on-error|erroractionpreference",
        pattern: r"(?i)\b(?:0|no|zero|without(?: any)?) (?:errors?|failures?|failed|failing|warnings?|problems?|exceptions?|issues?|offenses)\b|(?:errors?|failures?|failed|skipped)\W{1,3}0\b|\bnot? fail|--?\w*(?:error|fail|warn)|\b(?:error|fail\w*|warn\w*)[-_](?:handler|log|page|fast|on|if)|_(?:error|fail\w*)\w*=|on_?error|if-no-files|(?:error|fail|exception)\w*\.(?:java|class|py|rb|js|ts|c|h|cpp|go|rs|o|so|html|php|log|txt)\b",
        points: -0.3,
        reason: "",
    },
    Trait {
        words: "build failed|build failure|command failed|job failed|one or more steps failed|the step failed|\
            elifecycle|rake aborted|exit code",
        pattern: r"(?i)exit(?:ed)?(?: with)?(?: exit)? (?:code|status):? -?\d|exited with -?\d|returned (?:a )?non-?zero|the (?:remote )?script failed|the action .* failed|failed with error code \d|make(?:\[\d+\])?: \*\*\*|tests? failed\.?$|errored?\.?$",
        points: 0.8,
        reason: "says that it failed",
    },
    Trait {
        words: "",
        pattern: r"^\s*(?:at [\w.$<>/\[\]]|File .*, line \d|from .*:\d+:in|\.\.\. \d+ more|in `|#\d+ )",
        points: 1.75,
        reason: "is a frame of a stack trace",
    },
    Trait {
        words: "",
        pattern: r"\.\w{1,5}(?::\d|\(\d|, line \d|\[\d)",
        points: 1.3,
        reason: "names a place in a file",
    },
    Trait {
        words: "passed|pass|ok|success|successful|successfully|succeeded|done|complete|completed|up to date|\
            up-to-date|skipped|skipping",
        pattern: r"\xe2\x9c(?:\x93|\x94)",
        points: -0.85,
        reason: "",
    },
    Trait {
        words: "",
        pattern: r"(?i)^\W{0,4}(?:download(?:ing|ed)?|fetch(?:ing|ed)?|install(?:ing|ed)?|extract(?:ing)?|unpack(?:ing)?|select(?:ing|ed)|get:\d|hit:\d|setting up|collecting|receiving|remote:|resolving|preparing|processing|using|creating|copying|linking|compil(?:ing|ed)|building|running|starting|cloning|checking|updating|adding|loading|reading|removing|writing|generating|requirement already|progress|\d+%)\b",
        points: -0.95,
        reason: "",
    },
    Trait {
        words: "http://*|https://*|for more information|for more details|re-run with|rerun with|see also|hint|help:|\
            try|you can|you may|you should|you need|please|to see the full",
        pattern: "",
        points: -0.45,
        reason: "",
    },
];

/// Which traits a line has, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traits(u32);

impl Traits {
    fn has(self, place: usize) -> bool {
        self.0 & (1 << place) != 0
    }

    /// Whether the line says by itself that something went wrong.
    pub(super) fn strong(self) -> bool {
        [ERROR, FATAL, FAILED, EXCEPTION, MARK, TEST, TAG].iter().any(|place| self.has(*place))
    }

    /// Whether the line says that something failed and not why.
    pub(super) fn announces(self) -> bool {
        self.has(ANNOUNCES)
    }

    /// The points of all traits.
    pub(super) fn points(self) -> f64 {
        self.rows().map(|row| row.points).sum()
    }

    /// The best reason to show the line, and its points.
    pub(super) fn reason(self) -> Option<(&'static str, f64)> {
        let reasons = self.rows().filter(|row| !row.reason.is_empty()).map(|row| (row.reason, row.points));
        reasons.reduce(|best, next| if next.1 > best.1 { next } else { best })
    }

    fn rows(self) -> impl Iterator<Item = &'static Trait> {
        TRAITS.iter().enumerate().filter(move |(place, _)| self.has(*place)).map(|(_, row)| row)
    }

    #[cfg(test)]
    pub(super) fn bits(self) -> u32 {
        self.0
    }
}

/// Looks for all traits of a line at once.
pub(super) struct Reader {
    words: Option<AhoCorasick>,
    /// For each word: its trait, and whether a longer word that begins with it counts.
    meaning: Vec<(usize, bool)>,
    patterns: Option<RegexSet>,
    /// The trait of each pattern.
    of: Vec<usize>,
}

static READER: LazyLock<Reader> = LazyLock::new(|| {
    let words_of = |row: &'static Trait| row.words.split('|').filter(|word| !word.is_empty());
    let words = || TRAITS.iter().enumerate().flat_map(|(place, row)| words_of(row).map(move |word| (place, word)));
    let patterns: Vec<_> = TRAITS.iter().enumerate().filter(|(_, row)| !row.pattern.is_empty()).collect();
    Reader {
        words: AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .match_kind(MatchKind::Standard)
            .build(words().map(|(_, word)| word.trim_end_matches('*')))
            .ok(),
        meaning: words().map(|(place, word)| (place, word.ends_with('*'))).collect(),
        patterns: RegexSet::new(patterns.iter().map(|(_, row)| format!("(?-u:{})", row.pattern))).ok(),
        of: patterns.iter().map(|(place, _)| *place).collect(),
    }
});

/// The traits of what a line says after its time and level.
pub(super) fn traits(body: &str) -> Traits {
    let body = body.get(..body.floor_char_boundary(LOOKED_AT)).unwrap_or(body).as_bytes();
    let reader = &*READER;
    let mut bits = 0;
    let is_word = |at: Option<usize>| {
        at.and_then(|at| body.get(at)).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    for found in reader.words.iter().flat_map(|words| words.find_overlapping_iter(body)) {
        let Some(&(place, longer)) = reader.meaning.get(found.pattern().as_usize()) else { continue };
        let ends = longer || !is_word(Some(found.end())) || !is_word(found.end().checked_sub(1));
        if ends && !is_word(found.start().checked_sub(1)) {
            bits |= 1 << place;
        }
    }
    for found in reader.patterns.iter().flat_map(|patterns| patterns.matches(body)) {
        bits |= reader.of.get(found).map_or(0, |place| 1 << place);
    }
    Traits(bits)
}

/// What a line says without the time, level and source that stand before it.
pub(super) fn body(text: &str) -> &str {
    let mut rest = text;
    for _ in 0..5 {
        let start = rest.trim_start();
        let word = start.split([' ', '\t']).next().unwrap_or_default();
        let next = if is_kernel_time(rest) || is_source(rest, word) {
            rest.split_once(']').map_or(rest, |(_, after)| after)
        } else if is_stamp(word) || is_quiet_level(word) {
            start.strip_prefix(word).unwrap_or(rest)
        } else {
            return rest;
        };
        rest = next.trim_start_matches(' ');
    }
    rest
}

fn is_stamp(word: &str) -> bool {
    let Some(word) = word.get(..word.floor_char_boundary(40)) else { return false };
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    digits >= 4 && digits * 2 >= word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).len()
}

fn is_quiet_level(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphabetic());
    matches!(bare, "INFO" | "WARNING" | "WARN" | "DEBUG") || word == "-"
}

/// `[task 2026-02-10T03:11:44Z]`, `[INFO]`: who speaks, but for what says that it is an error.
fn is_source(rest: &str, word: &str) -> bool {
    let is_error = word
        .get(..6)
        .is_some_and(|start| start.eq_ignore_ascii_case("[error") || start == "[FATAL" || start == "[fatal");
    rest.starts_with('[') && !rest.starts_with("[ ") && !is_error && rest.contains(']')
}

/// `[    7.113510]`, as kernels write the time.
fn is_kernel_time(rest: &str) -> bool {
    let inside = rest.strip_prefix("[ ").and_then(|rest| rest.split_once(']')).map(|(inside, _)| inside.trim_start());
    inside.is_some_and(|time| {
        time.len() < 20 && time.contains('.') && time.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    })
}

/// Whether a host starts a step anew here.
pub(super) fn starts_an_attempt(text: &str) -> bool {
    text.contains("Retry (attempt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_and_pattern_is_one() {
        assert!(READER.words.is_some() && READER.patterns.is_some());
    }

    #[test]
    fn every_named_trait_is_where_its_name_says() {
        for (place, text) in [
            (ERROR, "one error here"),
            (FATAL, "kernel panic"),
            (FAILED, "it fails"),
            (EXCEPTION, "NullPointerException"),
            (MARK, "main.c:1: error: x"),
            (TEST, "--- FAIL: TestX"),
            (TAG, "npm ERR! x"),
            (ANNOUNCES, "Process completed with exit code 1."),
        ] {
            assert!(traits(text).has(place), "{text}");
        }
    }

    #[test]
    fn what_stands_before_a_message_is_passed_over() {
        for (line, says) in [
            ("2022-05-18T15:22:06.76Z error: x", "error: x"),
            (
                "[task 2025-02-13T21:44:59.594Z] 21:44:59     INFO - TEST-UNEXPECTED-FAIL | x",
                "TEST-UNEXPECTED-FAIL | x",
            ),
            ("[    7.113510] Kernel panic", "Kernel panic"),
            ("[ERROR] x", "[ERROR] x"),
            ("[INFO] BUILD FAILURE", "BUILD FAILURE"),
            ("  at main (x.js:1)", "  at main (x.js:1)"),
            ("plain words", "plain words"),
            ("", ""),
        ] {
            assert_eq!(body(line), says);
        }
    }

    #[test]
    fn words_count_whole() {
        assert_eq!(traits("errorless terrors").bits(), 0);
        assert_eq!(traits("throttled").bits(), traits("THROTTLING").bits());
        assert_ne!(traits("throttled").bits(), 0);
    }

    fn points(text: &str) -> f64 {
        traits(text).points()
    }

    #[test]
    fn what_went_wrong_outweighs_that_it_went_wrong() {
        assert!(points("Error: cannot open config.yml") > points("Process completed with exit code 1."));
        assert!(points("Error: cannot open config.yml") > points("make: *** [all] Error 2"));
    }

    #[test]
    fn harmless_lines_get_less_than_harmful_ones() {
        for text in
            ["Build succeeded: 0 errors", "npm warn deprecated foo@1: failed often", "Tests: 0 failed, 12 passed"]
        {
            assert!(points(text) < points("Tests: 3 failed"), "{text}");
        }
    }
}

//! How much a line tells of a failure, by itself.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::model::Level;

/// Points, and the reason for them in a few words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Score {
    pub(super) points: f64,
    pub(super) reason: &'static str,
}

/// Words with which tools say that something went wrong.
static STRONG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i-u:\b(?:errors?|fatal|failed|failure|fail|fails|exceptions?|panic(?:ked)?|traceback|denied|refused|forbidden|unauthorized|cannot|can't|could not|couldn't|unable to|not found|no such|does not exist|doesn't exist|timed out|timeout|invalid|missing|unexpected|undefined|unresolved|killed|abort(?:ed)?|segmentation fault|core dumped|out of memory|no space left|rejected|expired|conflict|throttl\w*|too ?many ?requests|unreachable|unavailable|crash\w*|unhandled|assert\w*|mismatch|exceeded|not authorized|not allowed|violat\w*|deadlock\w*)\b|(?-i:[A-Za-z](?:Error|Exception)\b|\b(?:E[A-Z]{4,}|[A-Z]{2,}_ERROR)\b))",
    )
    .ok()
});

/// How tools mark a failing test, a compiler's error, a crash: said seldom, and only when meant.
static MARK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?-u:<<< (?:FAILURE|ERROR)!|\bTEST-UNEXPECTED-|\bnot ok \d|^\s*\xe2\x97\x8f |--- FAIL:|^\s*FAIL(?:ED)?[: ]|\[ *(?:FAILED|FAIL|ERROR|FATAL|error) *\]|^\s*\xe2\x9c(?:\x97|\x95|\x98|\x96) |^\s*\xc3\x97 |Kernel panic|\b(?:BUG|UBSAN|KASAN|Oops): |panicked at|Traceback \(most recent|^\s*\*\* \(|^Caused by:|^E {2,}\S|\berror\[E\d+\]|: (?:fatal )?error: |: error [A-Z]+\d+|\berror [A-Z]{1,4}\d{3,}|^(?:error|ERROR|Error|fatal|FATAL)(?:\b.{0,40})?: |npm ERR!|\bException in thread|\b[A-Z]\w*(?:Error|Exception): |##\[error\]|\bFAILURE: |^\s*\d+\) \S|\bFailures?:\s*$|\bFailed tests?:)",
    )
    .ok()
});

/// Lines that look bad and are not.
static HARMLESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i-u:\b(?:0|no|zero|without) (?:errors?|failures?|failed|warnings?|problems?|exceptions?)\b|errors?: 0\b|failures?: 0\b|failed: 0\b|\b0 failed\b|\bdeprecat\w*|--\w*(?:error|fail)\w*|\b(?:error|fail\w*)[-_](?:handler|log|page|fast|on|if)\b|continue-on-error|ErrorActionPreference|on_?error|if-no-files-found)",
    )
    .ok()
});

/// Lines that say that it failed and not why.
static ANNOUNCEMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i-u:(?:exit(?:ed)?(?: with)?(?: exit)? (?:code|status):? -?\d+|exit status \d+|returned (?:a )?non-?zero|build failed|build failure|the (?:remote )?script failed|the step failed|the action .* failed|one or more steps failed|command failed|job failed|failed with error code \d+|make(?:\[\d+\])?: \*\*\*|ELIFECYCLE|errored?\.?$))",
    )
    .ok()
});

/// A line of no use except as part of a block: a stack frame, a rule, a prompt's echo.
static FRAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(?-u:\s*(?:at [\w.$<>/\[\]]+|File .*, line \d+|from .*:\d+:in|\.{3} \d+ more|[-=*#+~^_ ]+$))").ok()
});

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text.as_bytes()))
}

/// Scores a line that stands `repeats` times, but for numbers, in the part that failed.
pub(super) fn score(text: &str, level: Level, repeats: usize) -> Score {
    let text = text.get(..text.floor_char_boundary(4_000)).unwrap_or(text);
    let mut points: f64 = match level {
        Level::Verbose => -1.0,
        Level::Info => 0.0,
        Level::Warning => 1.0,
        Level::Error | Level::Fatal => 3.0,
    };
    let mut reason = match level {
        Level::Error | Level::Fatal => "an error line",
        _ => "a warning",
    };
    if matches(&STRONG, text) {
        points += 4.0;
        reason = "says what went wrong";
    }
    let body = body(text);
    if matches(&MARK, body) {
        points += 3.0;
        reason = "marks a failure";
    }
    if matches(&HARMLESS, text) {
        points -= 5.0;
    }
    if matches(&FRAME, text) {
        points = points.min(0.5);
    }
    if announces(text) {
        return Score { points: points.min(0.8), reason: "says that it failed" };
    }
    if points > 0.0 && repeats > 3 {
        // What is said again and again is seldom the news.
        points /= 1.0 + f64::from(u32::try_from(repeats).unwrap_or(u32::MAX)).log10();
    }
    Score { points, reason }
}

/// Whether a line says that something failed and not why.
pub(super) fn announces(text: &str) -> bool {
    matches(&ANNOUNCEMENT, text)
}

/// What a line says without the time, level and source that stand before it.
fn body(text: &str) -> &str {
    let mut rest = text;
    for _ in 0..4 {
        let word = rest.split_whitespace().next().unwrap_or_default();
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let is_stamp = digits >= 4 && digits * 2 >= word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).len();
        let is_source = word.starts_with('[') && !rest.starts_with("[ ") && rest.contains(']') && word != "[ERROR]";
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphabetic());
        let is_level = matches!(bare, "INFO" | "WARNING" | "WARN" | "DEBUG") || word == "-";
        rest = if is_stamp || is_level {
            rest.trim_start().strip_prefix(word).unwrap_or(rest)
        } else if is_source {
            rest.split_once(']').map_or(rest, |(_, after)| after)
        } else {
            break;
        }
        .trim_start_matches(' ');
    }
    rest
}

/// Whether a host starts a step anew here.
pub(super) fn starts_an_attempt(text: &str) -> bool {
    text.contains("Retry (attempt")
}

/// A hash that is the same for lines that differ only in numbers, hashes and ids.
pub(super) fn template(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut masked = false;
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        if digits > 0 {
            if !masked {
                0_u8.hash(&mut hasher);
            }
            masked = true;
        } else if !word.is_empty() {
            masked = false;
            word.hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        assert!([&STRONG, &MARK, &HARMLESS, &ANNOUNCEMENT, &FRAME].iter().all(|pattern| pattern.is_some()));
    }

    #[test]
    fn what_stands_before_a_message_is_passed_over() {
        assert_eq!(body("2022-05-18T15:22:06.76Z error: x"), "error: x");
        assert_eq!(
            body("[task 2025-02-13T21:44:59.594Z] 21:44:59     INFO - TEST-UNEXPECTED-FAIL | x"),
            "TEST-UNEXPECTED-FAIL | x"
        );
        assert_eq!(body("[    7.113510] Kernel panic"), "[    7.113510] Kernel panic");
        assert_eq!(body("plain words"), "plain words");
    }

    fn points(text: &str) -> f64 {
        score(text, Level::Info, 1).points
    }

    #[test]
    fn what_went_wrong_outweighs_that_it_went_wrong() {
        assert!(points("Error: cannot open config.yml") > points("Process completed with exit code 1."));
        assert!(points("The remote script failed with exit code 1") < 1.0);
        assert!(points("make: *** [all] Error 2") < 1.0);
    }

    #[test]
    fn harmless_lines_get_nothing() {
        for text in
            ["Build succeeded: 0 errors", "npm warn deprecated foo@1: failed often", "Tests: 0 failed, 12 passed"]
        {
            assert!(points(text) <= 0.0, "{text}");
        }
    }

    #[test]
    fn lines_that_differ_in_numbers_have_one_template() {
        assert_eq!(template("job 12 took 3.5s at a1b2c3"), template("job 7 took 12s at ff00a1"));
        assert_ne!(template("job 12 failed"), template("job 12 passed"));
    }
}

//! Which of the failures found in a log is the cause: decided by where they stand and how their lines sound.

use super::file::{Entry, Pattern};
use crate::model::{Level, Log, Match, Role};

/// From this strength on, a match is good enough to name the failure's kind.
pub const SURE: f64 = 0.62;

/// How many lines around a match count as its surroundings.
const SURROUNDINGS: usize = 8;
/// How many lines a cause may stand before its consequence.
const CHAIN: usize = 40;
/// How many of the last lines are the end of a log.
const THE_END: usize = 50;
/// How many lines from the end a match is far from it.
const FAR: usize = 500;
/// What of its strength a match keeps on a line that only warns, or that was survived.
const SURVIVED: f64 = 0.5;

/// One line that matches one entry.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) entry: usize,
    /// The place in the indices, not in the log.
    pub(super) place: usize,
}

/// How well an entry explains the failure, and by which line.
struct Best {
    entry: usize,
    place: usize,
    count: usize,
    strength: f64,
}

/// Turns the hits in the lines at `indices` into matches, best explanation first.
pub(super) fn rank(entries: &[Entry], log: &Log, indices: &[usize], hits: &[Hit]) -> Vec<Match> {
    let mut found: Vec<Best> = Vec::new();
    for hit in hits {
        let Some(entry) = entries.get(hit.entry) else { continue };
        if !in_surroundings(entry, log, indices, hit.place) {
            continue;
        }
        let strength = strength(entry, log, indices, hit.place);
        match found.iter_mut().find(|best| best.entry == hit.entry) {
            Some(best) => {
                best.count += 1;
                // The first of equally telling lines is the nearest to the cause.
                if strength > best.strength + 1e-9 {
                    (best.strength, best.place) = (strength, hit.place);
                }
            }
            None => {
                found.push(Best { entry: hit.entry, place: hit.place, count: 1, strength });
            }
        }
    }
    order(entries, &mut found);
    found.iter().filter_map(|best| written_out(entries, log, indices, best)).collect()
}

/// Best explanation first: causes before symptoms, stronger before weaker, and within one chain of errors the first.
fn order(entries: &[Entry], found: &mut [Best]) {
    let is_cause = |best: &Best| entries.get(best.entry).is_some_and(|entry| entry.signature.role == Role::Cause);
    let rank = |best: &Best| {
        let named = best.strength >= SURE;
        // A strong symptom still beats a cause that is hardly there.
        (u8::from(named && is_cause(best)) * 2 + u8::from(named), best.strength)
    };
    found.sort_by(|a, b| {
        let ((a_class, a_strength), (b_class, b_strength)) = (rank(a), rank(b));
        b_class.cmp(&a_class).then(b_strength.total_cmp(&a_strength)).then(a.place.cmp(&b.place))
    });
    let Some(top) = found.first() else { return };
    let (top_class, top_strength, top_place) = (rank(top).0, top.strength, top.place);
    let first_cause = found
        .iter()
        .enumerate()
        .filter(|(_, best)| rank(best).0 == top_class && best.strength >= top_strength - 0.1)
        .filter(|(_, best)| best.place < top_place && top_place - best.place <= CHAIN)
        .min_by_key(|(_, best)| best.place)
        .map(|(number, _)| number);
    if let Some(number) = first_cause {
        found[..=number].rotate_right(1);
    }
}

fn written_out(entries: &[Entry], log: &Log, indices: &[usize], best: &Best) -> Option<Match> {
    let entry = entries.get(best.entry)?;
    let line = *indices.get(best.place)?;
    let captures = captures(entry, log.line(line));
    Some(Match { signature: entry.signature.clone(), line, count: best.count, strength: best.strength, captures })
}

/// The named parts of a line, by the first pattern that names any.
fn captures(entry: &Entry, line: &str) -> Vec<(String, String)> {
    for regex in entry.patterns.iter().filter_map(Pattern::regex) {
        let Some(groups) = regex.captures(line.as_bytes()) else { continue };
        let named = regex.capture_names().flatten().filter_map(|name| Some((name, groups.name(name)?)));
        let captures: Vec<_> = named
            .map(|(name, group)| (name.to_owned(), String::from_utf8_lossy(group.as_bytes()).into_owned()))
            .collect();
        if !captures.is_empty() {
            return captures;
        }
    }
    Vec::new()
}

/// Whether what must stand near a match does.
fn in_surroundings(entry: &Entry, log: &Log, indices: &[usize], place: usize) -> bool {
    let Some(near) = &entry.near else { return true };
    let around = indices.get(place.saturating_sub(SURROUNDINGS)..indices.len().min(place + SURROUNDINGS + 1));
    around.unwrap_or_default().iter().any(|&index| near.matches(log.line(index).as_bytes()))
}

/// How well one line speaks for `entry`.
fn strength(entry: &Entry, log: &Log, indices: &[usize], place: usize) -> f64 {
    let Some(&index) = indices.get(place) else { return 0.0 };
    let level = log.lines.get(index).map_or(Level::Info, |line| line.level);
    let mut strength = entry.weight;
    if is_harmless(log.line(index)) {
        return strength * SURVIVED * SURVIVED;
    }
    let to_the_end = indices.len() - place;
    let doubtful = is_quiet(level, log.line(index)) || (entry.survivable && to_the_end > THE_END);
    if level < Level::Error && doubtful && !fails_after(log, indices, place) {
        strength *= SURVIVED;
    }
    if level >= Level::Error {
        strength += 0.04;
    }
    // The nearer to the end, the less likely it was survived.
    strength += if to_the_end <= THE_END {
        0.03
    } else if to_the_end <= FAR {
        0.0
    } else {
        -0.05
    };
    strength.clamp(0.0, 0.99)
}

/// Whether a line only warns, or tells of another try.
fn is_quiet(level: Level, line: &str) -> bool {
    const WARNINGS: [&str; 7] = ["warning: ", "[warn", "##[warning]", "npm warn", " warn ", "\"warn\"", "level=warn"];
    const ANOTHER_TRY: [&str; 6] =
        ["retrying", "will retry", "will be retried", "trying again", "try again in", "retry attempt"];
    let lower = line.to_ascii_lowercase();
    // Kubernetes lists failures as events of the type Warning, in columns.
    if lower.trim_start().starts_with("warning  ") {
        return false;
    }
    level == Level::Warning
        || ["warn", "w: "].iter().any(|word| lower.trim_start().starts_with(word))
        || WARNINGS.iter().chain(&ANOTHER_TRY).any(|word| lower.contains(word))
}

/// Whether a line mentions a failure without being one: a passed test, a count of zero, a comment, a command echoed.
fn is_harmless(line: &str) -> bool {
    const HARMLESS: [&str; 13] = [
        "0 error",
        "errors: 0",
        "no errors",
        "0 failed",
        "failures: 0",
        "deprecat",
        "... ok",
        "--- pass",
        "(ignored)",
        "expected error",
        "✓",
        "✔",
        "[ok]",
    ];
    const STARTS: [&str; 8] = ["# ", "// ", "/* ", "echo ", "+ echo ", "* @", "ok ", "pass "];
    let lower = line.to_ascii_lowercase();
    let start = lower.trim_start();
    let is_said = |word: &&str| {
        // Not the end of a larger number, as in `10 failed`.
        lower.match_indices(*word).any(|(place, _)| {
            let before = place.checked_sub(1).and_then(|before| lower.as_bytes().get(before));
            !word.starts_with('0') || before.is_none_or(|before| !before.is_ascii_digit())
        })
    };
    HARMLESS.iter().any(is_said)
        || STARTS.iter().any(|word| start.starts_with(word))
        || start.ends_with(" ok")
        || (lower.contains(" passed") && !lower.contains("fail"))
}

/// Whether the next lines say that it failed after all.
fn fails_after(log: &Log, indices: &[usize], place: usize) -> bool {
    const ENDS: [&str; 12] = [
        "error:",
        "error ",
        "err!",
        "fatal",
        "failed",
        "failure",
        "giving up",
        "exception",
        "exit code",
        "exit status",
        "exited with",
        "max retries",
    ];
    let after = indices.get(place + 1..indices.len().min(place + 1 + SURROUNDINGS)).unwrap_or_default();
    after.iter().any(|&index| {
        let line = log.line(index);
        let level = log.lines.get(index).map_or(Level::Info, |line| line.level);
        let lower = line.to_ascii_lowercase();
        level >= Level::Error
            || (!is_quiet(level, line) && !is_harmless(line) && ENDS.iter().any(|word| lower.contains(word)))
    })
}

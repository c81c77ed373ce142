//! Where the time of a command goes: how long it printed nothing, and after which line.
//!
//! The longest waits alone are kept, so that a command that prints for hours costs no more than one that prints once.

use std::mem;
use std::time::{Duration, Instant};

use memchr::{memchr, memrchr};

use super::Wait;
use crate::clean::clean_into;

/// Shorter waits are none.
const SHORTEST: Duration = Duration::from_secs(1);
/// Waits that are kept.
const MOST: usize = 16;
/// Bytes of the end of an output in which its last line is looked for. A longer line is left out whole.
const TAIL: usize = 512;
/// Longer words may be a part of a key over several lines, which is not known for one when it stands alone.
const WORD: usize = 48;

/// The waits of a command that runs.
pub(super) struct Waits {
    last: Instant,
    /// The end of what was printed last.
    tail: Vec<u8>,
    /// Whether `tail` begins with a line.
    whole: bool,
    longest: Vec<Wait>,
}

impl Waits {
    pub(super) fn start() -> Self {
        Self { last: Instant::now(), tail: Vec::new(), whole: true, longest: Vec::new() }
    }

    /// Something was printed at `now`.
    pub(super) fn printed(&mut self, now: Instant, bytes: &[u8]) {
        self.wait(now);
        let end = bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default();
        if end.len() < bytes.len() || self.tail.ends_with(b"\n") {
            self.tail.clear();
            self.whole = end.len() == bytes.len();
        }
        self.tail.extend_from_slice(end);
        if self.tail.len() > TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
            self.whole = false;
        }
    }

    /// All waits, the last one until `end` too, in the order in which they began.
    pub(super) fn finish(mut self, end: Instant) -> Vec<Wait> {
        self.wait(end);
        self.longest
    }

    fn wait(&mut self, now: Instant) {
        let took = now.saturating_duration_since(mem::replace(&mut self.last, now));
        if took < SHORTEST {
            return;
        }
        self.longest.push(Wait { after: self.line(), took });
        if self.longest.len() > MOST {
            let shortest = (0..self.longest.len()).min_by_key(|at| self.longest.get(*at).map(|wait| wait.took));
            self.longest.remove(shortest.unwrap_or_default());
        }
    }

    /// The last line, if it is whole; empty before the first.
    fn line(&self) -> String {
        let mut text = self.tail.as_slice();
        while let Some(rest) = text.strip_suffix(b"\n").or_else(|| text.strip_suffix(b"\r")) {
            text = rest;
        }
        match (memrchr(b'\n', text), self.whole) {
            (Some(at), _) => text = text.get(at + 1..).unwrap_or_default(),
            (None, true) => {}
            (None, false) => return String::new(),
        }
        if memchr(0, text).is_some() {
            return String::new();
        }
        let mut line = String::new();
        clean_into(text, &mut line);
        let is_told = line.split_whitespace().all(|word| word.len() <= WORD);
        if is_told { line.trim().to_owned() } else { String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(printed: &[(u64, &str)], end: u64) -> Vec<(String, u64)> {
        let mut waits = Waits::start();
        let start = waits.last;
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for (seconds, text) in printed {
            waits.printed(at(*seconds), text.as_bytes());
        }
        waits.finish(at(end)).into_iter().map(|wait| (wait.after, wait.took.as_secs())).collect()
    }

    fn check(printed: &[(u64, &str)], end: u64, expected: &[(&str, u64)]) {
        let expected: Vec<_> = expected.iter().map(|(line, seconds)| ((*line).to_owned(), *seconds)).collect();
        assert_eq!(waits(printed, end), expected);
    }

    #[test]
    fn a_wait_stands_with_the_line_before_it() {
        check(&[(3, "one\n"), (3, "two\r\n\n"), (9, "three")], 11, &[("", 3), ("two", 6), ("three", 2)]);
        check(&[(0, "pull"), (0, "ing image"), (5, " done\n")], 5, &[("pulling image", 5)]);
        check(&[], 4, &[("", 4)]);
        check(&[(0, "quick\n")], 0, &[]);
    }

    #[test]
    fn a_line_is_told_without_its_colors() {
        check(&[(0, "\u{1b}[32mLinked\u{1b}[0m 12 crates\n")], 2, &[("Linked 12 crates", 2)]);
        check(&[(0, "a\0b\n")], 2, &[("", 2)]);
    }

    #[test]
    fn a_line_is_told_whole_or_not_at_all() {
        let long = "x ".repeat(TAIL);
        check(&[(0, &"k".repeat(WORD + 1))], 2, &[("", 2)]);
        check(&[(0, &long)], 2, &[("", 2)]);
        check(&[(0, &format!("{long}\nshort\n"))], 2, &[("short", 2)]);
        let half = "x ".repeat(TAIL / 2 - 9);
        check(&[(0, &half), (0, &half)], 2, &[("", 2)]);
    }

    #[test]
    fn the_longest_of_many_are_kept_in_their_order() {
        let lines: Vec<(u64, String)> = (0..200).map(|at| (at * at, format!("line {at}\n"))).collect();
        let lines: Vec<(u64, &str)> = lines.iter().map(|(at, line)| (*at, line.as_str())).collect();
        let kept = waits(&lines, 200 * 200);
        assert_eq!((kept.len(), kept[0].0.as_str(), kept[15].0.as_str()), (MOST, "line 184", "line 199"));
    }
}

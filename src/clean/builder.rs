//! Keeps clean lines in bounded memory.

use jiff::Timestamp;
use memchr::memmem;

use crate::model::{Level, Line, Log, Step};

/// When the kept text is larger, its dull middle goes.
const LARGEST_TEXT: usize = 64 << 20;
/// Lines around one that may tell, kept with it when a log is thinned.
const NEIGHBORS: usize = 3;
/// Lines at the beginning that are kept whatever they say.
const HEAD: usize = 500;
/// Bytes at the end that are kept whatever they say.
const TAIL: usize = 8 << 20;

/// Builds a [`Log`] from clean lines in bounded memory.
#[derive(Default)]
pub struct LogBuilder {
    log: Log,
    dull_since: usize,
}

impl LogBuilder {
    /// Adds a step and returns its index.
    pub fn step(&mut self, step: Step) -> usize {
        self.log.steps.push(step);
        self.log.steps.len() - 1
    }

    /// The steps so far, to be completed as more is learned.
    pub fn steps(&mut self) -> &mut [Step] {
        &mut self.log.steps
    }

    /// Adds a line of clean text without line feed.
    pub fn line(&mut self, number: usize, time: Option<Timestamp>, level: Level, step: Option<usize>, text: &str) {
        let start = self.log.text.len();
        self.log.text.push_str(text);
        let end = self.log.text.len();
        self.log.text.push('\n');
        self.log.lines.push(Line { number, start, end, time, level, step });
        if self.log.text.len() > LARGEST_TEXT && self.log.lines.len() > self.dull_since {
            self.thin();
        }
    }

    /// The log.
    #[must_use]
    pub fn finish(self) -> Log {
        self.log
    }

    /// Drops dull lines of the middle; where that is not enough, also every second of the telling ones.
    fn thin(&mut self) {
        let log = &self.log;
        let tail_from = log.lines.partition_point(|line| line.start + TAIL < log.text.len());
        let mut keep = vec![false; log.lines.len()];
        for (index, line) in log.lines.iter().enumerate() {
            if index < HEAD || index >= tail_from {
                if let Some(slot) = keep.get_mut(index) {
                    *slot = true;
                }
            } else if line.level >= Level::Error || telling(log.line(index)) {
                let from = index.saturating_sub(NEIGHBORS);
                keep.iter_mut().take(index + NEIGHBORS + 1).skip(from).for_each(|slot| *slot = true);
            }
        }
        let kept_bytes = |keep: &[bool]| -> usize {
            log.lines.iter().zip(keep).filter(|(_, keep)| **keep).map(|(line, _)| line.end - line.start + 1).sum()
        };
        let mut odd = false;
        while kept_bytes(&keep) > LARGEST_TEXT / 2 {
            let before = kept_bytes(&keep);
            for slot in keep.iter_mut().take(tail_from).skip(HEAD).filter(|slot| **slot) {
                odd = !odd;
                *slot = odd;
            }
            if kept_bytes(&keep) == before {
                break;
            }
        }
        let mut thinned = Log {
            text: String::with_capacity(LARGEST_TEXT),
            lines: Vec::new(),
            steps: Vec::new(),
            omitted: log.omitted + keep.iter().filter(|keep| !**keep).count(),
            numbering: log.numbering,
        };
        for (index, line) in log.lines.iter().enumerate().filter(|(index, _)| keep.get(*index) == Some(&true)) {
            let start = thinned.text.len();
            thinned.text.push_str(log.line(index));
            let end = thinned.text.len();
            thinned.text.push('\n');
            thinned.lines.push(Line { start, end, ..*line });
        }
        thinned.steps = std::mem::take(&mut self.log.steps);
        self.log = thinned;
        // With very long lines at both ends nothing may be won; then wait for as many lines again.
        self.dull_since = self.log.lines.len();
    }
}

/// Whether a line may tell of a failure. Generous: it only decides what is kept of a log too large to keep.
fn telling(text: &str) -> bool {
    const WORDS: [&[u8]; 14] = [
        b"rror",
        b"RROR",
        b"ail",
        b"AIL",
        b"xception",
        b"atal",
        b"denied",
        b"refused",
        b"anic",
        b"annot",
        b"nable to",
        b"imeout",
        b"imed out",
        b"arning",
    ];
    WORDS.iter().any(|word| memmem::find(text.as_bytes(), word).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_log_keeps_errors_ends_and_true_numbers() {
        let mut builder = LogBuilder::default();
        let filler = "the quick brown fox ".repeat(10);
        let total = 700_000;
        for number in 1..=total {
            let text = if number == 300_000 { "the ERROR of interest" } else { filler.as_str() };
            builder.line(number, None, Level::Info, None, text);
        }
        let log = builder.finish();
        assert!(log.text.len() <= LARGEST_TEXT + 1000);
        assert_eq!(log.lines.len() + log.omitted, total);
        assert_eq!(log.lines.last().map(|line| line.number), Some(total));
        let at = log.lines.iter().position(|line| line.number == 300_000).unwrap();
        assert_eq!(log.line(at), "the ERROR of interest");
    }
}

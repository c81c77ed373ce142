//! Reads a log in one pass: a small one whole, a large one so that what may tell of a failure stays.
//!
//! Of a log too large to be looked at line by line, the beginning and the end stay whole; in between it is only searched for
//! words that a telling line must hold. Those lines and their neighbors stay: the first ones found and the latest ones.
//! Every kept line has its true number, and what was dropped is counted.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read};
use std::thread;

use aho_corasick::packed::Searcher;
use memchr::{memchr, memchr_iter, memmem, memrchr};

use super::{LONGEST_LINE, LogBuilder, clean_into};
use crate::model::{Level, Log};

/// A log of up to so many bytes is kept whole.
const WHOLE: usize = 16 << 20;
/// Bytes of a larger one that are kept whole at its beginning and at its end.
const HEAD: usize = 256 << 10;
const TAIL: usize = 2 << 20;
/// Bytes of telling lines that are kept in between: the first, and the latest.
const FIRST: usize = 2 << 20;
const LATEST: usize = 2 << 20;
/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;
/// Lines on each side of a telling one that are kept with it.
const NEIGHBORS: usize = 3;
/// Alike lines beyond so many are counted and not kept.
const ALIKE: u32 = 8;
/// How many sorts of lines are counted.
const SORTS: usize = 1 << 17;

/// Parts of words, one of which stands in nearly every line that tells of a failure. No more than 32 of at least four bytes:
/// so many are found at once, twice as fast as more.
const TELLING: [&str; 32] = [
    "rror",
    "RROR",
    "fail",
    "Fail",
    "FAIL",
    "xcep",
    "fatal",
    "FATAL",
    "panic",
    "denied",
    "refus",
    "annot",
    "nable to",
    "ould not",
    "ot found",
    "o such",
    "imed out",
    "imeout",
    "nauthor",
    "orbidden",
    "nvalid",
    "nexpect",
    "NEXPECT",
    "issing",
    "illed",
    "aceback",
    "OMANY",
    "oo many",
    "xpire",
    "navail",
    "space left",
    "xited",
];
/// Blocks that are searched side by side, and by how many threads.
const BATCH: usize = 8;
const THREADS: usize = 2;

/// Reads a log that has no structure of its own.
pub fn plain(mut source: impl Read) -> io::Result<Log> {
    let mut start = Vec::with_capacity(BLOCK);
    source.by_ref().take(BLOCK as u64).read_to_end(&mut start)?;
    let is_wide = start.starts_with(b"\xff\xfe")
        || start.starts_with(b"\xfe\xff")
        || matches!(start.as_slice(), [a, 0, b, 0, ..] if *a != 0 && *b != 0);
    let mut skim = Skim::default();
    if is_wide {
        super::lines(start.as_slice().chain(source), |number, text| {
            skim.builder.line(number, None, Level::Info, None, text);
        })?;
        return Ok(skim.builder.finish());
    }
    if start.starts_with(b"\xef\xbb\xbf") {
        start.drain(..3);
    }
    let mut blocks = Blocks { source, rest: start, spare: Vec::new(), ended: false };
    while let Some(block) = blocks.next()? {
        skim.waiting_bytes += block.len();
        skim.waiting.push_back(block);
        if skim.waiting_bytes > WHOLE {
            return skim.large(&mut blocks);
        }
    }
    Ok(skim.finish())
}

/// A log in pieces of whole lines.
struct Blocks<R> {
    source: R,
    /// What was read and not handed out.
    rest: Vec<u8>,
    /// Memory to be used again.
    spare: Vec<Vec<u8>>,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut block = std::mem::replace(&mut self.rest, self.spare.pop().unwrap_or_default());
        self.rest.clear();
        let mut searched = 0;
        loop {
            let end = block.get(searched..).and_then(|new| memrchr(b'\n', new)).map(|at| searched + at + 1);
            if let Some(end) = end {
                self.rest.extend_from_slice(block.get(end..).unwrap_or_default());
                block.truncate(end);
                return Ok(Some(block));
            }
            if self.ended {
                return Ok((!block.is_empty()).then_some(block));
            }
            if block.len() > LONGEST_LINE * 2 {
                shorten(&mut block);
            }
            searched = block.len();
            let read = self.source.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
            self.ended = read == 0;
        }
    }
}

/// Takes the middle out of a line that does not end.
fn shorten(line: &mut Vec<u8>) {
    let half = LONGEST_LINE / 2;
    let mark = b" \xe2\x80\xa6 ";
    line.splice(half..line.len() - half, mark.iter().copied());
}

#[derive(Default)]
struct Skim {
    builder: LogBuilder,
    /// Blocks not looked at yet: all of a small log, the last of a large one.
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
    /// The number of the last line before the waiting ones.
    number: usize,
    /// How often a telling line was seen.
    alike: HashMap<u64, u32>,
    first_bytes: usize,
    /// The number of a line, and it and the next ones as they were read.
    latest: VecDeque<(usize, Vec<u8>)>,
    latest_bytes: usize,
    /// Lines of the middle, and how many of them were kept.
    middle: usize,
    kept: usize,
}

/// A telling line of a block.
struct Telling {
    /// Its bytes in the block, without the line feed.
    start: usize,
    end: usize,
    /// How many lines of the block are before it.
    before: usize,
    /// The same for lines that differ in digits only.
    hash: u64,
}

impl Skim {
    /// Reads on, a few blocks while the last few are searched.
    fn large<R: Read>(mut self, blocks: &mut Blocks<R>) -> io::Result<Log> {
        let searcher = Searcher::new(TELLING);
        self.open();
        loop {
            let mut batch = Vec::new();
            while batch.len() < BATCH && self.waiting_bytes > TAIL + BLOCK {
                let Some(block) = self.waiting.pop_front() else { break };
                self.waiting_bytes -= block.len();
                batch.push(block);
            }
            let found = thread::scope(|scope| {
                let shares: Vec<_> = batch
                    .chunks(BATCH.div_ceil(THREADS))
                    .map(|share| {
                        let searcher = searcher.as_ref();
                        scope.spawn(move || share.iter().map(|block| search(searcher, block)).collect::<Vec<_>>())
                    })
                    .collect();
                let read = self.fill(blocks);
                // A search that breaks down finds nothing; the ends of the log are still there.
                let telling: Vec<_> = shares.into_iter().map(|share| share.join().unwrap_or_default()).collect();
                read.map(|()| telling.into_iter().flatten().collect::<Vec<_>>())
            })?;
            for (block, (lines, telling)) in batch.iter().zip(found) {
                self.keep_telling(block, &telling);
                self.number += lines;
                self.middle += lines;
            }
            blocks.spare.extend(batch);
            if blocks.ended && self.waiting_bytes <= TAIL + BLOCK {
                return Ok(self.finish());
            }
        }
    }

    /// Reads as many blocks as are searched at once.
    fn fill<R: Read>(&mut self, blocks: &mut Blocks<R>) -> io::Result<()> {
        for _ in 0..BATCH {
            let Some(block) = blocks.next()? else { break };
            self.waiting_bytes += block.len();
            self.waiting.push_back(block);
        }
        Ok(())
    }

    /// Keeps the beginning whole.
    fn open(&mut self) {
        let Some(mut block) = self.waiting.pop_front() else { return };
        let end = block.get(..HEAD).and_then(|head| memrchr(b'\n', head)).map_or(block.len(), |at| at + 1);
        let rest = block.split_off(end.min(block.len()));
        self.waiting_bytes -= block.len();
        self.keep_whole(&block);
        self.waiting.push_front(rest);
    }

    fn keep_whole(&mut self, block: &[u8]) {
        let mut text = String::new();
        for line in lines_of(block) {
            self.number += 1;
            text.clear();
            clean_into(line, &mut text);
            self.builder.line(self.number, None, Level::Info, None, &text);
        }
    }

    /// Keeps the telling lines of a block of the middle and what stands around them.
    fn keep_telling(&mut self, block: &[u8], telling: &[Telling]) {
        // Where the last kept line ends.
        let mut kept_to = 0;
        for line in telling {
            if self.is_one_of_many(line.hash) || line.end <= kept_to {
                continue;
            }
            let (mut first, mut number) = (line.start, self.number + line.before + 1);
            for _ in 0..NEIGHBORS {
                if first <= kept_to {
                    break;
                }
                let before = block.get(..first - 1).unwrap_or_default();
                first = memrchr(b'\n', before).map_or(0, |at| at + 1);
                number -= 1;
            }
            let last = (0..=NEIGHBORS).fold(line.start, |end, _| end_of_line(block, end));
            // What is kept already ends with a line, so that this begins with one.
            self.keep(number, block.get(first..last).unwrap_or_default());
            kept_to = last;
        }
    }

    fn is_one_of_many(&mut self, hash: u64) -> bool {
        if self.alike.len() >= SORTS && !self.alike.contains_key(&hash) {
            return false;
        }
        let count = self.alike.entry(hash).or_default();
        *count = count.saturating_add(1);
        *count > ALIKE
    }

    /// Keeps `lines`, of which the first has `number`.
    fn keep(&mut self, number: usize, lines: &[u8]) {
        self.kept += lines_of(lines).count();
        if self.first_bytes < FIRST {
            self.first_bytes += lines.len();
            return self.write(number, lines);
        }
        self.latest_bytes += lines.len();
        self.latest.push_back((number, lines.to_vec()));
        while self.latest_bytes > LATEST && self.latest.len() > 1 {
            let Some((_, lines)) = self.latest.pop_front() else { break };
            self.latest_bytes -= lines.len();
            self.kept -= lines_of(&lines).count();
        }
    }

    fn write(&mut self, number: usize, lines: &[u8]) {
        let mut text = String::new();
        for (offset, line) in lines_of(lines).enumerate() {
            text.clear();
            clean_into(line, &mut text);
            self.builder.line(number + offset, None, Level::Info, None, &text);
        }
    }

    fn finish(mut self) -> Log {
        for (number, lines) in std::mem::take(&mut self.latest) {
            self.write(number, &lines);
        }
        for block in std::mem::take(&mut self.waiting) {
            self.keep_whole(&block);
        }
        let mut log = self.builder.finish();
        log.omitted += self.middle - self.kept;
        log
    }
}

/// How many lines a block has, and which of them tell.
fn search(searcher: Option<&Searcher>, block: &[u8]) -> (usize, Vec<Telling>) {
    let mut telling = Vec::new();
    // Up to where lines were counted, and how many end before it.
    let (mut counted, mut before) = (0, 0);
    let mut from = 0;
    while let Some(at) = next(searcher, block, from) {
        let start = memrchr(b'\n', block.get(..at).unwrap_or_default()).map_or(0, |at| at + 1);
        let end = end_of_line(block, at);
        before += memchr_iter(b'\n', block.get(counted..start).unwrap_or_default()).count();
        counted = start;
        telling.push(Telling { start, end, before, hash: hash(block.get(start..end).unwrap_or_default()) });
        from = end;
    }
    let rest = memchr_iter(b'\n', block.get(counted..).unwrap_or_default()).count();
    (before + rest + usize::from(!block.ends_with(b"\n")), telling)
}

/// Where a telling word begins at or after `from`.
fn next(searcher: Option<&Searcher>, block: &[u8], from: usize) -> Option<usize> {
    if let Some(searcher) = searcher {
        return searcher.find_in(block, (from..block.len()).into()).map(|found| found.start());
    }
    // Without a processor that searches for all at once, one after the other.
    let rest = block.get(from..)?;
    TELLING.iter().filter_map(|word| memmem::find(rest, word.as_bytes())).min().map(|at| from + at)
}

/// A hash of a line without its digits.
fn hash(line: &[u8]) -> u64 {
    let looked_at = line.get(..400).unwrap_or(line);
    looked_at
        .iter()
        .filter(|byte| !byte.is_ascii_digit())
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The lines of a block, without line feeds.
fn lines_of(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = (!block.is_empty()).then(|| block.strip_suffix(b"\n").unwrap_or(block).split(|byte| *byte == b'\n'));
    lines.into_iter().flatten()
}

/// Where the line that holds the byte at `at` ends, its line feed included.
fn end_of_line(block: &[u8], at: usize) -> usize {
    block.get(at..).and_then(|rest| memchr(b'\n', rest)).map_or(block.len(), |end| at + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Log {
        plain(text.as_bytes()).unwrap()
    }

    /// Lines of 100 bytes with their number at the beginning.
    fn dull(from: usize, to: usize) -> String {
        use std::fmt::Write;
        let mut text = String::new();
        for number in from..=to {
            let _ = writeln!(text, "{number:<99}");
        }
        text
    }

    #[test]
    fn a_small_log_is_kept_whole() {
        let log = read("\u{feff}a\n\nb\r\nc");
        let lines: Vec<_> = (0..log.lines.len()).map(|index| log.line(index)).collect();
        assert_eq!(lines, ["a", "", "b", "c"]);
        assert_eq!(log.omitted, 0);
    }

    #[test]
    fn a_large_log_keeps_what_tells_its_ends_and_true_numbers() {
        let total = 400_000;
        let mut text = dull(1, 200_000);
        text.push_str("the ERROR of interest\n");
        text.push_str(&dull(200_002, total));
        let log = read(&text);
        assert_eq!(log.lines.len() + log.omitted, total);
        assert!(log.text.len() < 6 << 20);
        let numbered = |index: usize| (log.lines[index].number, log.line(index).trim().to_owned());
        let at = log.lines.iter().position(|line| line.number == 200_001).unwrap();
        assert_eq!(log.line(at), "the ERROR of interest");
        for index in (0..log.lines.len()).filter(|index| *index != at) {
            let (number, text) = numbered(index);
            assert_eq!(text, number.to_string());
        }
        assert!(log.lines.iter().any(|line| line.number == 199_998), "its neighbors stay");
        assert_eq!(log.lines.last().map(|line| line.number), Some(total));
    }

    #[test]
    fn a_million_different_errors_keep_the_first_and_the_latest() {
        let word = |number: usize| ["a", "b", "c", "d", "e", "f"].map(|l| l.repeat(number % 7 + 1)).concat();
        let text: String =
            (0..900_000).map(|number| format!("error {} {number:x}\n", word(number * 31 % 1_000))).collect();
        let log = read(&text);
        assert_eq!(log.lines.len() + log.omitted, 900_000);
        assert!(log.text.len() < 8 << 20);
        assert!(log.lines.windows(2).all(|pair| pair[0].number < pair[1].number));
    }

    #[test]
    fn a_line_without_an_end_keeps_its_ends() {
        let text = format!("begin {} end\nlast", "x".repeat(30 << 20));
        let log = read(&text);
        assert_eq!(log.lines.len(), 2);
        assert!(log.line(0).starts_with("begin") && log.line(0).ends_with("end") && log.line(0).contains('…'));
        assert_eq!((log.lines[1].number, log.line(1)), (2, "last"));
    }
}

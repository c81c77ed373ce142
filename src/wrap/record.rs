//! Keeps what a command prints, in bounded memory, and never makes it wait.
//!
//! The copies hand over chunks; a thread of its own reads them as [`plain`] reads a log: up to some megabytes whole, of more
//! what may tell of a failure. Where that thread falls behind, the oldest that waits is dropped, but for its line feeds: the
//! lines after it keep their true numbers.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::mem;
use std::panic;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use memchr::{memchr_iter, memrchr};

use super::Wait;
use super::waits::Waits;
use crate::clean::plain;
use crate::model::Log;

/// Bytes that are handed to the thread at once.
const BLOCK: usize = 256 << 10;
/// Bytes that may wait for it.
const WAITING: usize = 8 << 20;
/// A line that has no end after so many bytes is not waited for.
const OPEN: usize = 64 << 10;
/// Bytes of a chunk by which text is told from what is none.
const LOOK: usize = 4 << 10;
/// Chunks of fewer bytes say nothing of what they are.
const TELLING: usize = 64;

/// A record in the making.
pub(super) struct Recorder {
    shared: Arc<Shared>,
    reader: io::Result<JoinHandle<io::Result<Log>>>,
}

/// A record that is closed.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) log: Log,
    pub(super) waits: Vec<Wait>,
    /// What is missing from the log.
    pub(super) remarks: Vec<String>,
}

/// Where chunks are handed over.
pub(super) struct Tape(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    waits: Mutex<Waits>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    /// Whole lines in the order in which they came, in blocks; the last block is still written to.
    blocks: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Line feeds of what was dropped before these.
    dropped_lines: usize,
    dropped_bytes: usize,
    /// Bytes that were no text.
    odd_bytes: usize,
    /// Of each stream the line that has not ended.
    open: [Vec<u8>; 2],
    /// The stream whose line was written before its end.
    torn: Option<usize>,
    ended: bool,
}

impl Recorder {
    pub(super) fn start() -> Self {
        let shared = Arc::new(Shared::new(State::default()));
        let source = Feed { shared: Arc::clone(&shared), block: Vec::new(), at: 0 };
        Self { shared, reader: thread::Builder::new().spawn(move || plain(source)) }
    }

    pub(super) fn tape(&self) -> Tape {
        Tape(Arc::clone(&self.shared))
    }

    /// What was kept of a command that ended at `end`; or why nothing was.
    pub(super) fn finish(self, end: Instant) -> Result<Record, String> {
        let remarks = {
            let mut state = self.shared.lock();
            state.end();
            let told =
                |bytes: usize, why: &str| (bytes > 0).then(|| format!("{bytes} bytes of the command's output {why}"));
            let dropped = told(state.dropped_bytes, "came too fast to be kept: their lines are missing here");
            dropped.into_iter().chain(told(state.odd_bytes, "were no text and not looked at")).collect()
        };
        self.shared.wake.notify_all();
        let reader = self.reader.map_err(|error| error.to_string())?;
        let log = reader.join().map_err(|_: Box<dyn std::any::Any + Send>| "a fault of our own".to_owned())?;
        let waits = mem::replace(&mut *self.shared.waits(), Waits::start()).finish(end);
        Ok(Record { log: log.map_err(|error| error.to_string())?, waits, remarks })
    }
}

impl Tape {
    /// Keeps `bytes` of a stream, and tells when that was.
    pub(super) fn record(&self, stream: usize, bytes: &[u8]) -> Instant {
        let now = Instant::now();
        // A fault here must not end the copy that calls.
        let full = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            self.0.waits().printed(now, bytes);
            self.0.lock().add(stream, bytes)
        }));
        if full.unwrap_or(false) {
            self.0.wake.notify_one();
        }
        now
    }
}

impl Shared {
    fn new(state: State) -> Self {
        Self { state: Mutex::new(state), waits: Mutex::new(Waits::start()), wake: Condvar::default() }
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether there is a whole block now.
    fn add(&mut self, stream: usize, bytes: &[u8]) -> bool {
        if !is_text(bytes) {
            self.odd_bytes += bytes.len();
            return false;
        }
        let (whole, rest) = bytes.split_at(memrchr(b'\n', bytes).map_or(0, |at| at + 1));
        let mut open = self.open.get_mut(stream).map(mem::take).unwrap_or_default();
        if !whole.is_empty() {
            self.write(stream, &open);
            open.clear();
            self.write(stream, whole);
            self.torn = None;
        }
        open.extend_from_slice(rest);
        if open.len() > OPEN {
            self.write(stream, &open);
            self.torn = Some(stream);
            open.clear();
        }
        if let Some(slot) = self.open.get_mut(stream) {
            *slot = open;
        }
        self.blocks.len() > 1
    }

    fn write(&mut self, stream: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.torn.is_some_and(|torn| torn != stream) {
            self.push(b"\n");
        }
        self.torn = None;
        self.push(bytes);
    }

    fn push(&mut self, bytes: &[u8]) {
        match self.blocks.back_mut() {
            Some(block) if block.len() + bytes.len() <= BLOCK => block.extend_from_slice(bytes),
            _ => {
                let mut block = Vec::with_capacity(BLOCK.max(bytes.len()));
                block.extend_from_slice(bytes);
                self.blocks.push_back(block);
            }
        }
        self.bytes += bytes.len();
        while self.bytes > WAITING && self.blocks.len() > 1 {
            let Some(oldest) = self.blocks.pop_front() else { break };
            self.bytes -= oldest.len();
            self.dropped_bytes += oldest.len();
            self.dropped_lines += memchr_iter(b'\n', &oldest).count();
        }
    }

    fn end(&mut self) {
        for stream in 0..self.open.len() {
            let open = self.open.get_mut(stream).map(mem::take).unwrap_or_default();
            self.write(stream, &open);
            if !open.is_empty() {
                self.torn = Some(stream);
            }
        }
        self.ended = true;
    }
}

/// What waits, as a reader takes it.
struct Feed {
    shared: Arc<Shared>,
    block: Vec<u8>,
    at: usize,
}

impl Feed {
    /// The next block; `None` at the end.
    fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.shared.lock();
        loop {
            if state.dropped_lines > 0 {
                let lines = state.dropped_lines.min(BLOCK);
                state.dropped_lines -= lines;
                return Some(vec![b'\n'; lines]);
            }
            if state.blocks.len() > 1 || (state.ended && !state.blocks.is_empty()) {
                let block = state.blocks.pop_front()?;
                state.bytes -= block.len();
                return Some(block);
            }
            if state.ended {
                return None;
            }
            state = self.shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Read for Feed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            // The memory is given back before the wait.
            self.block = Vec::new();
            self.at = 0;
            self.block = self.next().unwrap_or_default();
        }
        let rest = self.block.get(self.at..).unwrap_or_default();
        let count = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        Ok(count)
    }
}

/// Whether a chunk is text: packed bytes hold control characters that no terminal is sent. Zeros are no sign: UTF-16 has them.
fn is_text(chunk: &[u8]) -> bool {
    let look = chunk.get(..LOOK).unwrap_or(chunk);
    let odd = |byte: &&u8| matches!(byte, 1..=6 | 0x0e..=0x1a | 0x1c..=0x1f);
    chunk.len() < TELLING || look.iter().filter(odd).count() * 32 < look.len()
}

/// A log of our own words.
pub(super) fn one_line(text: &str) -> Log {
    plain(text.as_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunks: &[(usize, &str)], expected: &[&str]) {
        let recorder = Recorder::start();
        let tape = recorder.tape();
        for (stream, chunk) in chunks {
            tape.record(*stream, chunk.as_bytes());
        }
        let Record { log, remarks, .. } = recorder.finish(Instant::now()).unwrap();
        let lines: Vec<_> = (0..log.lines.len()).map(|index| log.line(index)).collect();
        assert_eq!((lines.as_slice(), remarks.as_slice()), (expected, [].as_slice()));
    }

    #[test]
    fn lines_stand_in_the_order_in_which_they_ended() {
        check(&[(0, "a\n"), (1, "b\n"), (0, "c\n")], &["a", "b", "c"]);
        check(&[(0, "one "), (1, "other\n"), (0, "line\n")], &["other", "one line"]);
        check(&[(0, "no end"), (1, "none here")], &["no end", "none here"]);
        check(&[], &[]);
    }

    #[test]
    fn a_line_without_an_end_is_not_glued_to_the_other_streams() {
        let long = "x".repeat(OPEN + 1);
        check(&[(0, &long), (1, "error\n"), (0, "y\n")], &[&long, "error", "y"]);
        check(&[(0, &long), (0, "y\n")], &[&format!("{long}y")]);
    }

    #[test]
    fn what_is_no_text_is_left_out_and_counted() {
        let packed: Vec<u8> = (0..20_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let recorder = Recorder::start();
        recorder.tape().record(0, &packed);
        recorder.tape().record(1, b"error: the disk is full\n");
        let Record { log, remarks, .. } = recorder.finish(Instant::now()).unwrap();
        assert_eq!((log.lines.len(), log.line(0)), (1, "error: the disk is full"));
        assert_eq!(remarks, ["20000 bytes of the command's output were no text and not looked at"]);
        assert!(is_text("\u{1b}[31mred\u{1b}[0m 10%\r20%\u{8}".repeat(9).as_bytes()));
        assert!(is_text(&"größer\n".repeat(20).encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()));
    }

    #[test]
    fn what_comes_too_fast_keeps_its_line_numbers() {
        let mut state = State::default();
        let lines = 300_000;
        for number in 1..=lines {
            state.add(0, format!("{number:<99}\n").as_bytes());
            assert!(state.bytes <= WAITING);
        }
        assert!(state.dropped_bytes > 0);
        state.end();
        let shared = Shared::new(state);
        let log = plain(Feed { shared: Arc::new(shared), block: Vec::new(), at: 0 }).unwrap();
        let last = log.lines.len() - 1;
        assert_eq!((log.lines[last].number, log.line(last).trim()), (lines, "300000"));
    }
}

//! Raw bytes into plain lines: encoding, color codes, carriage returns, endless lines, logs too large for memory.
//!
//! [`lines`] reads bytes and hands out clean lines with their true numbers; [`LogBuilder`] keeps them in bounded memory;
//! [`plain`] reads a whole log that has no structure of its own, and only skims one of more than a few megabytes.

use std::io::{self, BufRead, BufReader, Read};

use memchr::{memchr, memchr2, memmem};

mod builder;
mod skim;

pub use builder::LogBuilder;
pub use skim::plain;

/// Of a longer line, the beginning and the end are kept.
const LONGEST_LINE: usize = 1 << 20;

/// Reads `source` to its end and calls `each` with every line's number, from 1, and its clean text.
///
/// UTF-8 with or without mark, UTF-16 with mark or recognized by its zeros; what is broken is replaced.
pub fn lines(source: impl Read, mut each: impl FnMut(usize, &str)) -> io::Result<()> {
    let mut source = BufReader::with_capacity(1 << 18, source);
    let start = source.fill_buf()?;
    let utf16 = match start {
        [0xff, 0xfe, ..] => Some((2, u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0xfe, 0xff, ..] => Some((2, u16::from_be_bytes as fn([u8; 2]) -> u16)),
        // PowerShell's redirections leave out the mark when they append.
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Some((0, u16::from_le_bytes as fn([u8; 2]) -> u16)),
        _ => None,
    };
    if let Some((mark, unit)) = utf16 {
        source.consume(mark);
        return split(BufReader::with_capacity(1 << 18, Utf16 { source, unit, pending: Vec::new(), high: None }), each);
    }
    if start.starts_with(b"\xef\xbb\xbf") {
        source.consume(3);
    }
    split(source, |number, text| each(number, text))
}

fn split(mut source: impl BufRead, mut each: impl FnMut(usize, &str)) -> io::Result<()> {
    let mut line = Vec::new();
    let mut clean = String::new();
    let mut number = 0;
    loop {
        line.clear();
        if !read_line(&mut source, &mut line)? {
            return Ok(());
        }
        number += 1;
        clean.clear();
        clean_into(&line, &mut clean);
        each(number, &clean);
    }
}

/// Appends the next line without its line feed; of one that has no end, the first and last half megabyte.
fn read_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    let half = LONGEST_LINE / 2;
    let mut dropped = 0_usize;
    let mut any = false;
    loop {
        let buffer = source.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        any = true;
        let (part, used) = match memchr(b'\n', buffer) {
            Some(at) => (buffer.get(..at), at + 1),
            None => (Some(buffer), buffer.len()),
        };
        let ended = part.is_none_or(|part| part.len() < used);
        line.extend_from_slice(part.unwrap_or_default());
        source.consume(used);
        if line.len() > LONGEST_LINE * 2 {
            dropped += line.len() - LONGEST_LINE;
            line.drain(half..line.len() - half);
        }
        if ended {
            break;
        }
    }
    if dropped > 0 {
        let mark = format!(" … {dropped} bytes of this line left out … ");
        line.splice(half..half, mark.into_bytes());
    }
    Ok(any)
}

/// Appends `line` as a person would see it: no color codes, what a carriage return overwrote gone, no control characters.
pub fn clean_into(line: &[u8], clean: &mut String) {
    let plain = memchr2(0x1b, b'^', line).is_none();
    let stripped;
    let line = if plain {
        line
    } else {
        stripped = without_escapes(line);
        &stripped
    };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // Progress bars redraw a line; what counts is what they left.
    let line =
        line.rsplit(|byte| *byte == b'\r').find(|part| !part.iter().all(u8::is_ascii_whitespace)).unwrap_or(line);
    if let Some(text) = plain_ascii(line) {
        clean.push_str(text);
        return;
    }
    let start = clean.len();
    clean.push_str(&String::from_utf8_lossy(line));
    if clean.get(start..).is_some_and(|text| text.contains(|c: char| c != '\t' && unwanted(c))) {
        let mut kept = String::new();
        for c in clean.get(start..).unwrap_or_default().chars() {
            if c == '\u{8}' {
                // A spinner takes back what it wrote.
                kept.pop();
            } else if c == '\t' || !unwanted(c) {
                kept.push(c);
            }
        }
        clean.truncate(start);
        clean.push_str(&kept);
    }
}

/// `line` as text when it is nothing but printable ASCII and tabs, as most are.
fn plain_ascii(line: &[u8]) -> Option<&str> {
    // Counted to the end, so that the compiler looks at many bytes at once.
    let odd =
        line.iter().map(|byte| usize::from(!(0x20..0x7f).contains(byte)) - usize::from(*byte == b'\t')).sum::<usize>();
    if odd > 0 { None } else { std::str::from_utf8(line).ok() }
}

/// Control characters and the marks that make text read in another order than it is written.
#[must_use]
pub fn unwanted(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Leaves out terminal sequences: CSI, OSC, two-byte ones, and CSI in caret notation (`^[[31m`).
fn without_escapes(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    loop {
        let escape = memchr(0x1b, rest).map(|at| (at, 1));
        let caret = memmem::find(rest, b"^[[").map(|at| (at, 2));
        let next = match (escape, caret) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let Some((at, width)) = next else {
            out.extend_from_slice(rest);
            return out;
        };
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before);
        let after = from.get(width..).unwrap_or_default();
        let skip = match after.first() {
            // What is concealed is for no reader: Jenkins keeps notes for itself so.
            Some(b'[') if after.starts_with(b"[8m") => memmem::find(after, b"\x1b[0m").map_or(3, |end| end + 4),
            Some(b'[') => 1 + after.iter().skip(1).position(|b| (0x40..=0x7e).contains(b)).map_or(0, |end| end + 1),
            Some(b']') => {
                let bell = memchr(0x07, after).map(|end| end + 1);
                let terminator = memmem::find(after, b"\x1b\\").map(|end| end + 2);
                bell.into_iter().chain(terminator).min().unwrap_or(1)
            }
            Some(b'(' | b')') => 2,
            Some(_) => 1,
            None => 0,
        };
        rest = after.get(skip..).unwrap_or_default();
    }
}

/// UTF-16 read as UTF-8.
struct Utf16<R> {
    source: R,
    unit: fn([u8; 2]) -> u16,
    pending: Vec<u8>,
    high: Option<u16>,
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.pending.is_empty() {
            let mut bytes = Vec::with_capacity(1 << 14);
            self.source.by_ref().take(1 << 14).read_to_end(&mut bytes)?;
            if bytes.is_empty() {
                return Ok(0);
            }
            let units = bytes.chunks(2).map(|pair| match pair {
                [a, b] => (self.unit)([*a, *b]),
                _ => 0xfffd,
            });
            // A pair of surrogates may be split by the end of a chunk: the first half waits.
            let mut units: Vec<u16> = self.high.take().into_iter().chain(units).collect();
            if units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) && bytes.len() == 1 << 14 {
                self.high = units.pop();
            }
            self.pending = String::from_utf16_lossy(&units).into_bytes();
        }
        let count = out.len().min(self.pending.len());
        for (to, from) in out.iter_mut().zip(self.pending.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &[u8], expected: &[&str]) {
        let mut found = Vec::new();
        lines(raw, |_, text| found.push(text.to_owned())).unwrap();
        assert_eq!(found, expected);
    }

    fn utf16(text: &str, mark: bool, little: bool) -> Vec<u8> {
        let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        mark.then_some(0xfeff).into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    #[test]
    fn lines_end_with_either_line_end_or_none() {
        check(b"a\nb\r\nc", &["a", "b", "c"]);
        check(b"", &[]);
        check(b"\n\n", &["", ""]);
    }

    #[test]
    fn color_codes_go_in_both_notations() {
        check(b"\x1b[31mred\x1b[0m ^[[1;32mgreen^[[0m", &["red green"]);
        check(b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x07 end \x1b", &["link end "]);
        check(b"a ^ b ^[ c", &["a ^ b ^[ c"]);
        check(b"\x1b[8mha:////4Ok=\x1b[0mStarted by \x1b[8mha:////4Ok=\x1b[0mann", &["Started by ann"]);
        check(b"\x1b[8mnever ended", &["never ended"]);
    }

    #[test]
    fn a_redrawn_line_is_shown_as_it_was_left() {
        check(b"10%\r20%\r100% done\n", &["100% done"]);
        check(b"100% done\r\r\n", &["100% done"]);
        check(b"fold:start\r\x1b[0K\n", &["fold:start"]);
        check(b"working |\x08/\x08-\x08done\n", &["working done"]);
    }

    #[test]
    fn broken_text_is_replaced_and_control_characters_go() {
        check(b"a\x00b\x07c\tq\xff", &["abc\tq\u{fffd}"]);
        check("x\u{202e}y".as_bytes(), &["xy"]);
    }

    #[test]
    fn utf16_is_read_with_and_without_mark() {
        for (mark, little) in [(true, true), (true, false), (false, true)] {
            check(&utf16("Fehler: größer 𝄞\r\nzwei", mark, little), &["Fehler: größer 𝄞", "zwei"]);
        }
        let long = "𝄞".repeat(20_000);
        check(&utf16(&long, true, true), &[&long]);
    }

    #[test]
    fn an_endless_line_keeps_its_ends() {
        let mut raw = b"start".to_vec();
        raw.extend(std::iter::repeat_n(b'x', 10 << 20));
        raw.extend(b"end\nnext");
        let mut found = Vec::new();
        lines(raw.as_slice(), |number, text| found.push((number, text.to_owned()))).unwrap();
        assert_eq!(found.len(), 2);
        let (_, first) = &found[0];
        assert!(first.starts_with("start") && first.ends_with("end") && first.contains("left out"));
        assert!(first.len() < 3 * LONGEST_LINE);
        assert_eq!(found[1], (2, "next".to_owned()));
    }
}

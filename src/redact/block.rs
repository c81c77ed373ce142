//! Private keys over several lines: PEM, `OpenPGP`, `PuTTY`.
//! Found whole, and also when a log holds only their start or end.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;
use memchr::memmem::Finder;

/// Longer keys do not exist; a missing end must not cost the rest of the log.
const LARGEST: usize = 64 * 1024;

/// What every label of a private key holds, and few other lines.
static LABEL: LazyLock<Finder> = LazyLock::new(|| Finder::new("PRIVATE KEY"));
static PUTTY: LazyLock<Finder> = LazyLock::new(|| Finder::new("Private-Lines: "));

/// Calls `found` for each part of a line that belongs to a private key; the number tells keys apart.
pub(super) fn find(text: &str, mut found: impl FnMut(Range<usize>, usize)) {
    if LABEL.find(text.as_bytes()).is_some() {
        labeled(text, &mut found);
    }
    if PUTTY.find(text.as_bytes()).is_some() {
        putty(text, &mut found);
    }
}

/// The lines between labels, after a first one, or before a last one.
fn labeled(text: &str, found: &mut dyn FnMut(Range<usize>, usize)) {
    let begins = memmem::find_iter(text.as_bytes(), "-----BEGIN ").map(|at| (at, true));
    let ends = memmem::find_iter(text.as_bytes(), "-----END ").map(|at| (at, false));
    let mut marks: Vec<(usize, bool)> = begins.chain(ends).collect();
    marks.sort_unstable();
    let mut open = false;
    for (index, &(at, begin)) in marks.iter().enumerate() {
        let Some(label_end) = private_label(text, at) else {
            open = false;
            continue;
        };
        if begin {
            let next = marks.get(index + 1).copied();
            let end = next.filter(|&(end, begin)| !begin && end - at < LARGEST && private_label(text, end).is_some());
            open = end.is_some();
            match end {
                Some((end, _)) => whole(text, label_end..end, &mut |range| found(range, at)),
                None => started(text, label_end, next.map_or(text.len(), |(at, _)| at), &mut |range| found(range, at)),
            }
        } else {
            if !open {
                let floor = index.checked_sub(1).and_then(|index| marks.get(index)).map_or(0, |&(at, _)| at);
                ended(text, floor, at, &mut |range| found(range, at));
            }
            open = false;
        }
    }
}

/// The lines that a `PuTTY` key announces by their number.
fn putty(text: &str, found: &mut dyn FnMut(Range<usize>, usize)) {
    let mut done = 0;
    for at in memmem::find_iter(text.as_bytes(), "Private-Lines: ") {
        // A line is read once, however often it holds the mark.
        if at < done {
            continue;
        }
        let start = at + "Private-Lines: ".len();
        let digits = text.as_bytes().iter().skip(start).take(4).take_while(|byte| byte.is_ascii_digit()).count();
        let count = text.get(start..start + digits).and_then(|digits| digits.parse().ok()).unwrap_or(0_usize);
        for (index, line) in lines(text, start..text.len()).take(count + 1).enumerate() {
            done = line.end;
            if index > 0 {
                found(last_word(text, line), at);
            }
        }
    }
}

/// Where the label that starts at `at` ends, when it is one of a private key.
fn private_label(text: &str, at: usize) -> Option<usize> {
    let label = text.as_bytes().get(at..)?;
    let label = label.get(..90).unwrap_or(label);
    let label = label.split(|&byte| byte == b'\n').next()?;
    let key = memmem::find(label, b"PRIVATE KEY")?;
    let dashes = memmem::find(label.get(key..)?, b"-----")?;
    Some(at + key + dashes + "-----".len())
}

/// All that looks like part of a key between both labels.
fn whole(text: &str, body: Range<usize>, found: &mut dyn FnMut(Range<usize>)) {
    if !text.get(body.clone()).is_some_and(|body| body.contains('\n')) {
        return found(trimmed(text, body));
    }
    let end = body.end;
    for (index, line) in lines(text, body).enumerate() {
        let part = if index == 0 { trimmed(text, line) } else { last_word(text, line.clone()) };
        // Before the END label on its own line stands what a tool puts before every line, such as `+`.
        if is_key_text(text, &part, 1) && (part.end < end || part.len() > 1) {
            found(part);
        }
    }
}

/// The lines that look like part of a key after a BEGIN without END.
fn started(text: &str, from: usize, to: usize, found: &mut dyn FnMut(Range<usize>)) {
    let body = from..to.min(from + LARGEST);
    for (index, line) in lines(text, body).enumerate() {
        if index == 0 {
            let rest = text.get(line.clone()).unwrap_or_default();
            let length =
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+/=\\ \t".contains(c))).unwrap_or(rest.len());
            let start = trimmed(text, line.start..line.start + length);
            if start.len() >= 8 {
                found(start);
            }
            continue;
        }
        let part = last_word(text, line.clone());
        let header = text.get(line).is_some_and(|line| line.trim().is_empty() || line.contains(": "));
        if is_key_text(text, &part, 16)
            || (is_key_text(text, &part, 2) && text.get(part.clone()).is_some_and(|part| part.ends_with('=')))
        {
            found(part);
        } else if index > 4 || !header {
            return;
        }
    }
}

/// The lines that look like part of a key before an END without BEGIN.
fn ended(text: &str, floor: usize, at: usize, found: &mut dyn FnMut(Range<usize>)) {
    let mut parts = Vec::new();
    let mut end = at;
    let from = floor.max(at.saturating_sub(LARGEST));
    for index in 0.. {
        let start = text
            .as_bytes()
            .get(from..end)
            .and_then(|body| memchr::memrchr(b'\n', body))
            .map_or(from, |feed| from + feed + 1);
        let part = last_word(text, start..end);
        let shortest = if index < 2 { 2 } else { 16 };
        if is_key_text(text, &part, shortest) {
            parts.push(part);
        } else if index > 0 {
            break;
        } else {
            // All of it may stand on one line, as in JSON.
            let line = text.as_bytes().get(start..end).unwrap_or_default();
            let length = line.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=\\".contains(byte));
            parts.push(end - length.count()..end);
        }
        if start <= from {
            break;
        }
        end = start - 1;
    }
    // A single word before the label could be anything.
    if parts.iter().any(|part| part.len() >= 16) {
        parts.into_iter().for_each(found);
    }
}

fn lines(text: &str, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut start = range.start;
    text.get(range).unwrap_or_default().split('\n').map(move |line| {
        let from = start;
        start += line.len() + 1;
        from..from + line.len()
    })
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = text.get(range.clone()).unwrap_or_default();
    let start = range.start + part.len() - part.trim_start().len();
    start..start + part.trim().len()
}

/// The last word of a line: what stands before it was put there by a tool that shows lines.
fn last_word(text: &str, line: Range<usize>) -> Range<usize> {
    let line = trimmed(text, line);
    let start = text
        .get(line.clone())
        .and_then(|line| line.rfind([' ', '\t']))
        .map_or(line.start, |space| line.start + space + 1);
    // The sign of a line in a diff is no part of a key.
    let sign = usize::from(text.as_bytes().get(start) == Some(&b'-') && start + 1 < line.end);
    start + sign..line.end
}

fn is_key_text(text: &str, part: &Range<usize>, shortest: usize) -> bool {
    part.len() >= shortest
        && text
            .get(part.clone())
            .is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\\\"',".contains(&byte)))
}

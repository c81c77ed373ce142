//! An answer as its bytes come: server-sent events, the frames of AWS, or a whole in JSON.

use std::io::{self, Read};

use serde_json::Value;

use super::bedrock;

/// The most that is read of an answer; what comes after it is cut off.
const CAP: usize = 4 << 20;
/// How much is read at once.
const CHUNK: usize = 8 << 10;

/// Reads `body` to its end and hands over each JSON value in it. An error of reading comes after all that was whole before it.
pub(super) fn read(media_type: &str, body: &mut dyn Read, mut each: impl FnMut(&Value)) -> io::Result<()> {
    let split: fn(&mut Vec<u8>) -> Option<Value> = match media_type {
        "text/event-stream" => event,
        "application/vnd.amazon.eventstream" => frame,
        _ => |_| None,
    };
    let mut rest = Vec::new();
    let mut chunk = vec![0; CHUNK];
    let mut total = 0;
    let outcome = loop {
        match body.read(&mut chunk) {
            Ok(0) => break Ok(()),
            Ok(length) => {
                rest.extend(chunk.get(..length).unwrap_or_default());
                total += length;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => break Err(error),
        }
        while let Some(value) = split(&mut rest) {
            each(&value);
        }
        if total >= CAP {
            break Err(io::Error::other("it is longer than 4 MB"));
        }
    };
    // A whole answer is one value; the last event of a stream may lack its empty line.
    if let Some(value) = serde_json::from_slice(&rest).ok().or_else(|| data(&rest)) {
        each(&value);
    }
    outcome
}

/// The next event with a JSON value, taken out of `bytes`. Comments, and the `[DONE]` of some, are no values.
fn event(bytes: &mut Vec<u8>) -> Option<Value> {
    loop {
        let (end, next) = boundary(bytes)?;
        let value = data(bytes.get(..end).unwrap_or_default());
        bytes.drain(..next);
        if value.is_some() {
            return value;
        }
    }
}

/// The next frame of AWS's, taken out of `bytes`.
fn frame(bytes: &mut Vec<u8>) -> Option<Value> {
    let (value, length) = bedrock::frame(bytes)?;
    bytes.drain(..length);
    Some(value)
}

/// Where the first event ends, and where the next begins: an empty line stands between them.
fn boundary(bytes: &[u8]) -> Option<(usize, usize)> {
    memchr::memchr_iter(b'\n', bytes).find_map(|at| match bytes.get(at + 1..)? {
        [b'\n', ..] => Some((at, at + 2)),
        [b'\r', b'\n', ..] => Some((at, at + 3)),
        _ => None,
    })
}

/// The JSON in the data lines of one event.
fn data(event: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(event);
    let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let data = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n");
    serde_json::from_str(&data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Hands over a few bytes at a time, so that events come in pieces.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len());
            let (now, later) = self.0.split_at(length);
            buffer[..length].copy_from_slice(now);
            self.0 = later;
            Ok(length)
        }
    }

    fn check(media_type: &str, text: &[u8], expected: &[Value]) {
        for size in [1, 3, 1_000] {
            let mut values = Vec::new();
            read(media_type, &mut Drip(text, size), |value| values.push(value.clone())).unwrap();
            assert_eq!(values, expected, "{size} bytes at a time");
        }
    }

    #[test]
    fn events_are_parted_by_empty_lines_of_either_kind() {
        let text = b": keep-alive\n\nevent: a\ndata: {\"n\": 1}\n\ndata: {\"n\":\r\ndata: 2}\r\n\r\ndata: [DONE]\n\n";
        check("text/event-stream", text, &[json!({"n": 1}), json!({"n": 2})]);
    }

    #[test]
    fn the_last_event_may_lack_its_empty_line() {
        check("text/event-stream", b"data: {\"n\": 1}\n\ndata: {\"n\": 2}", &[json!({"n": 1}), json!({"n": 2})]);
    }

    #[test]
    fn frames_that_are_none_say_nothing() {
        let frame = "application/vnd.amazon.eventstream";
        check(frame, &[0; 64], &[]);
        check(frame, &[255; 64], &[]);
        check(frame, &[0, 0, 0, 16, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 0], &[]);
        check(frame, &[0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[]);
    }

    #[test]
    fn a_whole_answer_is_one_value() {
        check("application/json", b"{\"a\": {\n\n\"b\": 1}}", &[json!({"a": {"b": 1}})]);
        check("text/html", b"<html>\n\n</html>", &[]);
    }
}

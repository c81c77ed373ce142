//! A stream of JSON of which no single text is larger than memory allows: whoever parses it must hold a text whole.

use std::io::{self, Read};

use memchr::memchr2;

/// Bytes of one text, as they are sent. A log as a whole is kept in no more than this.
const LARGEST: usize = 64 << 20;

/// Reads `source` on, and breaks off with [`io::ErrorKind::InvalidData`] where a text grows too large.
pub(super) struct Bounded<R> {
    source: R,
    largest: usize,
    /// Bytes of the text so far; `None` between texts.
    text: Option<usize>,
    /// Whether the next byte stands for itself.
    escaped: bool,
}

impl<R> Bounded<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, largest: LARGEST, text: None, escaped: false }
    }

    fn grow(&mut self, by: usize) -> io::Result<()> {
        let Some(length) = &mut self.text else { return Ok(()) };
        *length += by;
        if *length > self.largest {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "one text is larger than 64 MB"));
        }
        Ok(())
    }

    fn look(&mut self, mut rest: &[u8]) -> io::Result<()> {
        if self.escaped && !rest.is_empty() {
            self.escaped = false;
            self.grow(1)?;
            rest = rest.get(1..).unwrap_or_default();
        }
        while let Some(at) = memchr2(b'"', b'\\', rest) {
            let is_quote = rest.get(at) == Some(&b'"');
            rest = rest.get(at + 1..).unwrap_or_default();
            if is_quote {
                self.grow(at)?;
                self.text = if self.text.is_some() { None } else { Some(0) };
            } else {
                self.grow(at + 1)?;
                self.escaped = rest.is_empty();
                if !rest.is_empty() {
                    self.grow(1)?;
                    rest = rest.get(1..).unwrap_or_default();
                }
            }
        }
        self.grow(rest.len())
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.look(buffer.get(..count).unwrap_or_default())?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a stream passes whose texts may have eight bytes, read in pieces of one to three bytes and whole.
    fn check(json: &str, expected: bool) {
        for piece in [1, 2, 3, json.len()] {
            let mut bounded = Bounded { largest: 8, ..Bounded::new(json.as_bytes()) };
            let (mut all, mut buffer) = (Vec::new(), vec![0; piece]);
            let passed = loop {
                match bounded.read(&mut buffer) {
                    Ok(0) => break true,
                    Ok(count) => all.extend_from_slice(&buffer[..count]),
                    Err(error) => {
                        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                        break false;
                    }
                }
            };
            assert_eq!(passed, expected, "{json} by {piece}");
            assert!(!passed || all == json.as_bytes(), "{json} by {piece}");
        }
    }

    #[test]
    fn a_text_has_an_end() {
        check(r#"{"a":"12345678","b":["1","2"],"c":1234567890123}"#, true);
        check(r#"["123456789"]"#, false);
        check(r#"["1\"3\"5\"7"]"#, false);
        check(r#"["1\"3\\","6\\"]"#, true);
        check("\"xxxxxxxxxxxxxxxxxxxxxxxx", false);
    }
}

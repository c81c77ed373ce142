//! A text as others read it: escapes of URLs, JSON and XML resolved, or its lines joined. Known values are searched for in each
//! view, and what is found is masked where it stands in the text itself.

use std::ops::Range;

use memchr::memchr3;

/// How often escapes are resolved: JSON in JSON in a URL.
const DEPTH: usize = 3;

/// Bytes to search, and for each where it came from.
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    /// For each byte, and for the end, the place in the text.
    origin: Vec<usize>,
}

impl View {
    /// The place in the text of a range of the view.
    pub(super) fn place(&self, range: &Range<usize>) -> Option<Range<usize>> {
        Some(*self.origin.get(range.start)?..*self.origin.get(range.end)?)
    }
}

/// `text` with its escapes resolved once, twice and so on, as long as there are any.
pub(super) fn resolved(text: &str) -> Vec<View> {
    let mut views: Vec<View> = Vec::new();
    for _ in 0..DEPTH {
        let next = match views.last() {
            None => resolve(text.as_bytes(), |at| at),
            Some(last) => resolve(&last.bytes, |at| last.origin.get(at).copied().unwrap_or(text.len())),
        };
        let Some(next) = next else { break };
        views.push(next);
    }
    views
}

fn resolve(bytes: &[u8], origin: impl Fn(usize) -> usize) -> Option<View> {
    memchr3(b'%', b'\\', b'&', bytes)?;
    let mut view = View { bytes: Vec::with_capacity(bytes.len()), origin: Vec::with_capacity(bytes.len() + 1) };
    let (mut at, mut any) = (0, false);
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let escape = match byte {
            b'%' => percent(rest),
            b'\\' => backslash(rest),
            b'&' => entity(rest),
            _ => None,
        };
        let (letter, length) = escape.unwrap_or((u32::from(byte), 1));
        any |= escape.is_some();
        if escape.is_some() && byte != b'%' {
            let letter = char::from_u32(letter).unwrap_or(char::REPLACEMENT_CHARACTER);
            let mut buffer = [0; 4];
            for &byte in letter.encode_utf8(&mut buffer).as_bytes() {
                view.bytes.push(byte);
                view.origin.push(origin(at));
            }
        } else {
            // A percent sign escapes bytes, not letters.
            view.bytes.push(u8::try_from(letter).unwrap_or(byte));
            view.origin.push(origin(at));
        }
        at += length;
    }
    view.origin.push(origin(bytes.len()));
    any.then_some(view)
}

/// The letter of an escape at the start of `text`, and the escape's length.
type Escape = Option<(u32, usize)>;

fn percent(text: &[u8]) -> Escape {
    Some((number(text.get(1..3)?, 16)?, 3))
}

fn backslash(text: &[u8]) -> Escape {
    match text.get(1)? {
        b'u' => Some((number(text.get(2..6)?, 16)?, 6)),
        b'x' => Some((number(text.get(2..4)?, 16)?, 4)),
        b'n' => Some((u32::from(b'\n'), 2)),
        sign @ (b'"' | b'\'' | b'\\' | b'/') => Some((u32::from(*sign), 2)),
        _ => None,
    }
}

fn entity(text: &[u8]) -> Escape {
    const NAMED: &[(&[u8], u8)] =
        &[(b"amp;", b'&'), (b"lt;", b'<'), (b"gt;", b'>'), (b"quot;", b'"'), (b"apos;", b'\'')];
    let name = text.get(1..)?;
    if let Some((name, letter)) = NAMED.iter().find(|(known, _)| name.starts_with(known)) {
        return Some((u32::from(*letter), 1 + name.len()));
    }
    let number_text = name.strip_prefix(b"#")?;
    let (radix, digits) = match number_text.strip_prefix(b"x").or_else(|| number_text.strip_prefix(b"X")) {
        Some(digits) => (16, digits),
        None => (10, number_text),
    };
    let end = digits.iter().take(8).position(|&byte| byte == b';')?;
    Some((number(digits.get(..end)?, radix)?, text.len() - digits.len() + end + 1))
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let sound = !digits.is_empty() && digits.iter().all(u8::is_ascii_alphanumeric);
    u32::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| sound)?, radix).ok()
}

/// The lines of a text as one, without the blanks at their ends: a value that was wrapped stands in it whole.
pub(super) struct Joined {
    pub(super) text: String,
    /// Where each piece starts in `text`, and where in the original.
    pieces: Vec<(usize, usize)>,
}

impl Joined {
    /// `None` for a text of one line.
    pub(super) fn new(text: &str) -> Option<Self> {
        text.trim_end_matches('\n').contains('\n').then(|| {
            let mut joined = Self { text: String::with_capacity(text.len()), pieces: Vec::new() };
            let mut start = 0;
            for line in text.split('\n') {
                let piece = line.trim();
                let indent = line.len() - line.trim_start().len();
                if !piece.is_empty() {
                    joined.pieces.push((joined.text.len(), start + indent));
                    joined.text.push_str(piece);
                }
                start += line.len() + 1;
            }
            joined
        })
    }

    /// The places in the original of a range that lies in several lines, a line each; nothing for one that lies in one.
    pub(super) fn places(&self, range: &Range<usize>) -> Vec<Range<usize>> {
        let first = self.pieces.partition_point(|(start, _)| *start <= range.start).saturating_sub(1);
        let last = self.pieces.partition_point(|(start, _)| *start < range.end).saturating_sub(1);
        if first == last {
            return Vec::new();
        }
        let mut places = Vec::new();
        for index in first..=last {
            let Some(&(start, original)) = self.pieces.get(index) else { continue };
            let next = self.pieces.get(index + 1).map_or(self.text.len(), |(start, _)| *start);
            let (from, to) = (range.start.max(start), range.end.min(next));
            places.push(original + from - start..original + to - start);
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, value: &str, place: &str) {
        let found = resolved(text).iter().find_map(|view| {
            let at = memchr::memmem::find(&view.bytes, value.as_bytes())?;
            view.place(&(at..at + value.len()))
        });
        assert_eq!(found.and_then(|range| text.get(range)), Some(place), "{value} in {text}");
    }

    #[test]
    fn a_value_is_seen_through_its_escapes() {
        check("?x=a%20b%2Fc&y", "a b/c", "a%20b%2Fc");
        check("?x=a%20b%2fc&y", "a b/c", "a%20b%2fc");
        check(r#"{"a":"say \"x\""}"#, "say \"x\"", r#"say \"x\""#);
        check(r"a\u0027b\u002Bc.", "a'b+c", r"a\u0027b\u002Bc");
        check(r"http:\/\/h", "http://h", r"http:\/\/h");
        check("<a b=\"a&quot;b&amp;c\">", "a\"b&c", "a&quot;b&amp;c");
        check("a&#39;b&#x2B;c", "a'b+c", "a&#39;b&#x2B;c");
        check("J%C3%B6rg!", "J\u{f6}rg", "J%C3%B6rg");
    }

    #[test]
    fn each_sort_of_escape_is_resolved_and_no_more_of_the_text() {
        let check = |text: &str, expected: &str| {
            let view = resolved(text).pop().map(|view| String::from_utf8_lossy(&view.bytes).into_owned());
            assert_eq!(view.as_deref(), Some(expected), "{text}");
        };
        check(r"a\x2bc", "a+c");
        check(r"a\nb", "a\nb");
        check(r"\'\/", "'/");
        check("&lt;a&gt; &apos;", "<a> '");
        check("&#X2b;&#43;c", "++c");
        check("&#0000043;&#00000043;", "+&#00000043;");
        check("&#x110000;b", "\u{fffd}b");
        check("%41%zz\\q&x;", "A%zz\\q&x;");
    }

    #[test]
    fn escapes_are_resolved_three_times_at_most() {
        assert_eq!(resolved("%2525252541").len(), DEPTH);
        assert_eq!(resolved("%2541").len(), 2);
    }

    #[test]
    fn escapes_of_escapes_are_resolved() {
        check(r#""{\"a\":\"x\\\"y\"}""#, "x\"y", r#"x\\\"y"#);
        check("r=%2Fx%3Fy%3Da%252Bb", "a+b", "a%252Bb");
    }

    #[test]
    fn what_only_looks_like_an_escape_stays() {
        for text in
            ["100% of it", "a & b &unknown; &#; &#xZZ;", "C:\\dir\\", "%", "\\", "&", "%+1", "\\u+123", "&#+12;"]
        {
            assert!(resolved(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_wrapped_value_has_a_place_in_each_line() {
        let text = "one\n  abc\n  def ghi\n\njkl";
        let joined = Joined::new(text).unwrap();
        let places = |value: &str| {
            let at = joined.text.find(value).unwrap();
            joined.places(&(at..at + value.len())).into_iter().filter_map(|range| text.get(range)).collect::<Vec<_>>()
        };
        assert_eq!(places("bcdef"), ["bc", "def"]);
        assert_eq!(places("ghijk"), ["ghi", "jk"]);
        assert!(places("abc").is_empty() && places("def ghi").is_empty());
        assert!(Joined::new("one line\n").is_none());
    }
}

//! Places of secrets in a text: collected, merged, masked.
//! Every finder reads the original text; it is written once.

use std::ops::Range;
use std::sync::Arc;

use memchr::memmem;

const OPEN: &str = "⟨secret:";
const CLOSE: &str = "⟩";

/// Where a secret stands, and which.
#[derive(Clone)]
pub(super) struct Span {
    pub(super) range: Range<usize>,
    pub(super) secret: Arc<str>,
}

/// Spans as they are found, in any order.
#[derive(Default)]
pub(super) struct Spans(Vec<Span>);

impl Spans {
    /// Adds a span. One that overlaps the last of the same secret extends it, so that `aaaa…` stays one.
    pub(super) fn add(&mut self, range: Range<usize>, secret: &Arc<str>) {
        if range.is_empty() {
            return;
        }
        if let Some(last) = self.0.last_mut()
            && Arc::ptr_eq(&last.secret, secret)
            && range.start >= last.range.start
            && range.start < last.range.end
        {
            last.range.end = last.range.end.max(range.end);
            return;
        }
        self.0.push(Span { range, secret: Arc::clone(secret) });
    }

    /// The spans in order, on whole characters of `text`, none overlapping another nor a placeholder that stands
    /// there already. Of secrets that overlap, the longest names the whole; of equal ones the first added.
    pub(super) fn merged(self, text: &str) -> Vec<Span> {
        let mut spans = self.0;
        for span in &mut spans {
            span.range = whole_characters(text, &span.range);
        }
        spans.retain(|span| !span.range.is_empty());
        spans.sort_by_key(|span| span.range.start);
        let mut merged: Vec<(Span, usize)> = Vec::new();
        for span in spans {
            let length = span.range.len();
            match merged.last_mut() {
                Some((last, longest)) if span.range.start < last.range.end => {
                    last.range.end = last.range.end.max(span.range.end);
                    if length > *longest {
                        (last.secret, *longest) = (span.secret, length);
                    }
                }
                _ => merged.push((span, length)),
            }
        }
        without_placeholders(text, merged.into_iter().map(|(span, _)| span))
    }
}

/// `range`, widened to whole characters of `text` and cut to its end.
fn whole_characters(text: &str, range: &Range<usize>) -> Range<usize> {
    let (mut start, mut end) = (range.start.min(text.len()), range.end.min(text.len()));
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

fn without_placeholders(text: &str, spans: impl Iterator<Item = Span>) -> Vec<Span> {
    let holes = placeholders(text);
    if holes.is_empty() {
        return spans.collect();
    }
    let mut left = Vec::new();
    for span in spans {
        let mut start = span.range.start;
        let first = holes.partition_point(|hole| hole.end <= start);
        for hole in holes.iter().skip(first).take_while(|hole| hole.start < span.range.end) {
            if hole.start > start {
                left.push(Span { range: start..hole.start, secret: Arc::clone(&span.secret) });
            }
            start = hole.end;
        }
        // What an escaped line feed parts from a placeholder is the next line, not the rest of the secret.
        let next_line = start > span.range.start && text.get(start..).is_some_and(|rest| rest.starts_with("\\n"));
        if start < span.range.end && !next_line {
            left.push(Span { range: start..span.range.end, secret: span.secret });
        }
    }
    left
}

/// Where `text` holds placeholders.
fn placeholders(text: &str) -> Vec<Range<usize>> {
    memmem::find_iter(text.as_bytes(), OPEN)
        .filter_map(|start| {
            let rest = text.get(start + OPEN.len()..)?;
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let closed = digits > 0 && rest.get(digits..)?.starts_with(CLOSE);
            closed.then(|| start..start + OPEN.len() + digits + CLOSE.len())
        })
        .collect()
}

/// Writes `text` with a placeholder for each span; `number` says which. Line feeds inside a span stay.
pub(super) fn mask(text: &str, spans: &[Span], mut number: impl FnMut(&Arc<str>) -> usize) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for Span { range, secret } in spans {
        masked.push_str(text.get(done..range.start).unwrap_or_default());
        let secret_text = text.get(range.clone()).unwrap_or_default();
        for (index, line) in secret_text.split('\n').enumerate() {
            if index > 0 {
                masked.push('\n');
            }
            if line.trim().is_empty() {
                masked.push_str(line);
            } else {
                masked.push_str(OPEN);
                masked.push_str(&number(secret).to_string());
                masked.push_str(CLOSE);
            }
        }
        done = range.end;
    }
    masked.push_str(text.get(done..).unwrap_or_default());
    masked
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
#[expect(clippy::string_slice, reason = "what is cut lies on characters")]
mod tests {
    use super::*;

    fn check(text: &str, ranges: &[Range<usize>], expected: &str) {
        let mut spans = Spans::default();
        for range in ranges {
            spans.add(range.clone(), &Arc::from(text.get(range.clone()).unwrap_or("?")));
        }
        let mut numbers: Vec<Arc<str>> = Vec::new();
        let masked = mask(text, &spans.merged(text), |secret| {
            numbers.iter().position(|known| known == secret).unwrap_or_else(|| {
                numbers.push(Arc::clone(secret));
                numbers.len() - 1
            }) + 1
        });
        assert_eq!(masked, expected);
    }

    #[test]
    fn overlapping_spans_become_one() {
        check("abcdef", &[3..5, 1..4], "a⟨secret:1⟩f");
        check("abcdef", &[0..2, 2..4], "⟨secret:1⟩⟨secret:2⟩ef");
    }

    #[test]
    fn the_same_value_has_the_same_number() {
        check("ab cd ab", &[0..2, 3..5, 6..8], "⟨secret:1⟩ ⟨secret:2⟩ ⟨secret:1⟩");
    }

    #[test]
    fn a_span_never_splits_a_character_nor_leaves_the_text() {
        check("aöb", &[0..2], "⟨secret:1⟩b");
        check("aöb", &[2..3], "a⟨secret:1⟩b");
        check("ab", &[1..9], "a⟨secret:1⟩");
        check("ab", &[7..9], "ab");
    }

    #[test]
    fn lines_stay_lines() {
        check("a\nb\n\nc", &[0..6], "⟨secret:1⟩\n⟨secret:1⟩\n\n⟨secret:1⟩");
    }

    #[test]
    fn a_placeholder_is_left_alone() {
        check("x=⟨secret:7⟩y", &[2..17], "x=⟨secret:7⟩⟨secret:1⟩");
        check("x=⟨secret:7⟩", &[4..12], "x=⟨secret:7⟩");
        check("x=⟨secret:⟩", &[2..15], "x=⟨secret:1⟩");
        check("x=⟨secret:7⟩\\nL2", &[2..20], "x=⟨secret:7⟩\\nL2");
    }

    /// The spans with their secrets, as they come out of `merged`.
    fn merged(text: &str, spans: &[(Range<usize>, &Arc<str>)]) -> Vec<(Range<usize>, String)> {
        let mut all = Spans::default();
        for (range, secret) in spans {
            all.add(range.clone(), secret);
        }
        all.merged(text).into_iter().map(|span| (span.range, span.secret.to_string())).collect()
    }

    #[test]
    fn the_longest_secret_names_the_whole_and_of_equal_ones_the_first() {
        let (a, b): (Arc<str>, Arc<str>) = (Arc::from("a"), Arc::from("b"));
        let one = |range: Range<usize>, secret: &str| vec![(range, secret.to_owned())];
        assert_eq!(merged("abcdefgh", &[(0..3, &a), (1..6, &b)]), one(0..6, "b"));
        assert_eq!(merged("abcdefgh", &[(0..5, &a), (3..6, &b)]), one(0..6, "a"));
        assert_eq!(merged("abcdefgh", &[(0..3, &a), (1..4, &b)]), one(0..4, "a"));
        assert_eq!(merged("abcdefgh", &[(0..5, &a), (1..2, &b), (4..8, &b)]), one(0..8, "a"));
    }

    #[test]
    fn one_secret_that_overlaps_itself_is_one_and_beside_itself_two() {
        let a: Arc<str> = Arc::from("a");
        let spans = |ranges: &[Range<usize>]| {
            let spans: Vec<_> = ranges.iter().map(|range| (range.clone(), &a)).collect();
            merged("abcdefgh", &spans).into_iter().map(|(range, _)| range).collect::<Vec<_>>()
        };
        assert_eq!(spans(&[0..3, 2..5, 3..4]), [0..5]);
        assert_eq!(spans(&[0..2, 2..4]), [0..2, 2..4]);
        assert_eq!(spans(&[4..6, 0..2]), [0..2, 4..6]);
        assert!(spans(&[0..0]).is_empty());
    }

    #[test]
    fn of_a_span_with_placeholders_in_it_what_is_left_has_text() {
        let a: Arc<str> = Arc::from("a");
        let hole = "⟨secret:7⟩";
        let left = |text: &str, range: Range<usize>| {
            merged(text, &[(range, &a)]).into_iter().map(|(range, _)| text[range].to_owned()).collect::<Vec<_>>()
        };
        let text = format!("{hole}ab{hole}cd{hole}");
        assert_eq!(left(&text, 0..text.len()), ["ab", "cd"]);
        let ab = hole.len()..hole.len() + 2;
        assert_eq!(left(&text, ab.clone()), ["ab"], "between two placeholders");
        assert_eq!(left(&text, ab.start..ab.end + 3), ["ab"]);
        assert_eq!(left(&text, hole.len() - 1..ab.end), ["ab"]);
        assert_eq!(left(hole, 0..hole.len()), Vec::<String>::new());
        assert_eq!(left(&format!("{hole}ab⟨secret:7 ⟩"), 0..hole.len() + 3), ["ab⟨"]);
    }

    #[test]
    fn an_escaped_line_feed_that_begins_a_secret_is_part_of_it() {
        check("x\\nab", &[1..5], "x⟨secret:1⟩");
        check("x\\nab ⟨secret:7⟩", &[1..5], "x⟨secret:1⟩ ⟨secret:7⟩");
        check("⟨secret:7⟩a\\nb", &[0..18], "⟨secret:7⟩⟨secret:1⟩");
    }
}

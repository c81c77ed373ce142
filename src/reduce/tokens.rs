//! The size of a text in tokens, exactly, in the o200k vocabulary.

use std::borrow::Cow;

/// A piece without a break costs the tokenizer more than its length; longer ones are counted in parts, which never counts low.
const PIECE: usize = 8 << 10;

/// The number of tokens of `text`. Lines over eight kilobytes are counted in parts and may come out a token a part too high.
#[must_use]
pub fn count(text: &str) -> usize {
    tiktoken::get_encoding("o200k_base")
        .map_or_else(|| text.len().div_ceil(2), |encoding| parts(text).map(|part| encoding.count(&part)).sum())
}

/// Reads the vocabulary, which takes a while, before it is needed.
pub fn load() {
    let _ = tiktoken::get_encoding("o200k_base");
}

fn parts(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.filter(|text| !text.is_empty())?;
        if text.len() <= PIECE {
            rest = None;
            return Some(Cow::Borrowed(text));
        }
        // A line feed before a letter or digit always parts two tokens, so counts add up exactly there.
        let window = text.as_bytes().get(..PIECE)?;
        let exact = window.windows(2).rposition(|pair| matches!(pair, [b'\n', next] if next.is_ascii_alphanumeric()));
        let at = exact.map_or_else(|| text.floor_char_boundary(PIECE), |at| at + 1);
        let (part, after) = text.split_at_checked(at)?;
        rest = Some(after);
        Some(Cow::Borrowed(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_texts_have_their_known_size() {
        assert_eq!(count(""), 0);
        assert_eq!(count("hello world"), 2);
        assert_eq!(count("error: TOOMANYREQUESTS\n"), 8);
    }

    #[test]
    fn long_texts_count_the_same_in_parts() {
        let text = "2026-02-10 INFO step done\nnext line\n".repeat(2_000);
        let whole = tiktoken::get_encoding("o200k_base").map(|encoding| encoding.count(&text));
        assert_eq!(Some(count(&text)), whole);
        assert!(count(&"x".repeat(100_000)) > 10_000);
    }
}

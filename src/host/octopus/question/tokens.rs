//! A question as words: what is quoted stays whole, punctuation falls away.

/// One word of a question, or one quoted phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// As it was said, without quotes and the punctuation around it.
    pub(super) text: String,
    /// In lower case.
    pub(super) lower: String,
    /// What counts when names are compared, see [`squash`].
    pub(super) squash: String,
    /// Whether it stood in quotes.
    pub(super) quoted: bool,
    /// Whether a sentence begins with it, so that its capital says nothing.
    pub(super) first: bool,
    /// Whether punctuation follows, which no name reaches across.
    pub(super) last: bool,
}

impl Token {
    fn new(text: &str, quoted: bool, first: bool) -> Self {
        let lower = text.to_lowercase();
        Self { text: text.to_owned(), squash: squash(&lower), lower, quoted, first, last: false }
    }

    /// Whether it is written as names are.
    pub(super) fn is_capital(&self) -> bool {
        !self.first && self.text.chars().next().is_some_and(char::is_uppercase)
    }
}

/// What counts when names are compared: letters and digits in lower case, and the signs that alone tell `C#` from `C++`.
pub(super) fn squash(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric() || matches!(c, '#' | '+')).flat_map(char::to_lowercase).collect()
}

/// Each kind of quote with those that may close it.
const QUOTES: &[(char, &[char])] = &[
    ('"', &['"']),
    ('`', &['`']),
    ('\'', &['\'']),
    ('“', &['”', '“', '"']),
    ('”', &['”']),
    ('„', &['“', '”', '"']),
    ('‘', &['’', '\'']),
    ('’', &['’']),
    ('‚', &['‘', '’']),
    ('«', &['»']),
    ('»', &['«']),
    ('‹', &['›']),
];

/// The words of `text` in order.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    // A shell that takes quotes as they are leaves the backslashes that another would have eaten.
    let text = text.trim().replace("\\\"", "\"").replace("\\'", "'");
    let found = read(&text);
    match found.as_slice() {
        [only] if only.quoted => read(&only.text),
        _ => found,
    }
}

fn read(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut found: Vec<Token> = Vec::new();
    let mut first = true;
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if c.is_whitespace() || matches!(c, '(' | '[' | '{' | '<') {
            at += 1;
            continue;
        }
        if let Some(end) = closing(&chars, at) {
            let inner: String = chars.get(at + 1..end).unwrap_or_default().iter().collect();
            let inner = inner.split_whitespace().collect::<Vec<_>>().join(" ");
            if !inner.is_empty() {
                found.push(Token::new(&inner, true, first));
                first = false;
            }
            at = end + 1;
            continue;
        }
        let end = chars.iter().skip(at).position(|c| c.is_whitespace()).map_or(chars.len(), |length| at + length);
        let word: String = chars.get(at..end).unwrap_or_default().iter().collect();
        // "Shop/Live" is two names; addresses and dates keep their slashes.
        let slash = word
            .char_indices()
            .filter(|(at, c)| *at > 0 && *c == '/')
            .map(|(at, _)| word.get(..at).unwrap_or_default());
        let is_whole = word.contains("://") || word.trim_end_matches(is_quote).chars().all(|c| !c.is_alphabetic());
        let word = slash.take(1).find(|_| !is_whole).map_or(word.clone(), str::to_owned);
        at += word.chars().count() + usize::from(at + word.chars().count() < end);
        let bare = trim(&word);
        let stops = word.trim_end_matches(is_quote).ends_with(['.', '?', '!', ':', ';', ',', ')']);
        if bare.is_empty() {
            // A mark alone belongs to the word before it.
            if let Some(before) = found.last_mut() {
                before.last |= stops;
            }
        } else {
            let mut token = Token::new(bare, false, first);
            token.last = stops;
            found.push(token);
        }
        first = word.trim_end_matches(is_quote).ends_with(['.', '?', '!', ':']) || (first && bare.is_empty());
    }
    found
}

/// Where the quote that opens at `at` is closed, if one opens there.
fn closing(chars: &[char], at: usize) -> Option<usize> {
    let opens = chars.get(at)?;
    let (_, closers) = QUOTES.iter().find(|(open, _)| open == opens)?;
    let is_end = |index: usize| chars.get(index + 1).is_none_or(|next| !next.is_alphanumeric());
    (at + 1..chars.len()).find(|&index| chars.get(index).is_some_and(|c| closers.contains(c)) && is_end(index))
}

fn is_quote(c: char) -> bool {
    QUOTES.iter().any(|(open, close)| *open == c || close.contains(&c))
}

/// A word without the punctuation and quotes around it, and without a possessive's end.
fn trim(word: &str) -> &str {
    let around =
        |c: char| is_quote(c) || matches!(c, ',' | ';' | ':' | '!' | '?' | ')' | ']' | '}' | '>' | '…' | '—' | '–');
    let word = word.trim_matches(around).trim_end_matches(|c| c == '.' || around(c));
    ["'s", "’s"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<String> = tokens(text)
            .iter()
            .map(|token| if token.quoted { format!("[{}]", token.text) } else { token.text.clone() })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn quotes_of_every_kind_keep_a_phrase_whole() {
        for phrase in ["\"a b\"", "“a b”", "„a b“", "'a b'", "‘a b’", "`a b`", "«a b»", "\\\"a b\\\""] {
            check(
                &format!("fix {phrase}, please"),
                &["fix", "[a b]", ",", "please"].map(|t| t)[..]
                    .iter()
                    .copied()
                    .filter(|t| *t != ",")
                    .collect::<Vec<_>>(),
            );
        }
    }

    #[test]
    fn an_apostrophe_is_no_quote() {
        check("why didn't Shop's step end", &["why", "didn't", "Shop", "step", "end"]);
        check("the 'Shop' project's step", &["the", "[Shop]", "project", "step"]);
    }

    #[test]
    fn punctuation_around_a_word_falls_away_and_that_within_stays() {
        check("(Shop.Api, 1.2.3+b)? Yes!", &["Shop.Api", "1.2.3+b", "Yes"]);
        check("an \"open quote", &["an", "open", "quote"]);
        check("Shop/Live on 13/01/2026: https://o/app?", &["Shop", "Live", "on", "13/01/2026", "https://o/app"]);
        check("and/or /etc/hosts", &["and", "or", "/etc", "hosts"]);
    }

    #[test]
    fn a_question_in_quotes_is_the_question() {
        check("\"why did Shop fail\"", &["why", "did", "Shop", "fail"]);
    }
}

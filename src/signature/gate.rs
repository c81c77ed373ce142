//! The words without which a pattern can't match: looked for all at once, before any pattern runs.
//! A word must stand in every possible match, else a failure would be missed; when in doubt there is none.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// Longer words choose no better and cost memory.
const LONGEST: usize = 16;
/// Shorter words stand in too many lines to be worth a look.
const SHORTEST: usize = 3;

/// The words of all patterns, and which patterns each of them opens.
#[derive(Debug)]
pub(super) struct Gate {
    /// `None` when there is no word at all, or too many to search for.
    words: Option<AhoCorasick>,
    /// For each word, the numbers of the patterns it opens.
    opens: Vec<Vec<usize>>,
    /// Patterns without a word, open for every line.
    always: Vec<usize>,
    patterns: usize,
}

/// Patterns already opened for the line at hand.
#[derive(Debug)]
pub(super) struct Opened {
    seen: Vec<usize>,
    line: usize,
}

impl Gate {
    /// Reads the words out of `patterns`, which are known by their place in the iterator.
    pub(super) fn new<'a>(patterns: impl Iterator<Item = &'a str>) -> Self {
        let mut words: Vec<String> = Vec::new();
        let mut opens: Vec<Vec<usize>> = Vec::new();
        let mut places = std::collections::HashMap::new();
        let mut always = Vec::new();
        let mut count = 0;
        for (number, pattern) in patterns.enumerate() {
            count = number + 1;
            let Some(required) = required(pattern) else {
                always.push(number);
                continue;
            };
            for word in required {
                let place = *places.entry(word.clone()).or_insert_with(|| {
                    words.push(word);
                    opens.push(Vec::new());
                    opens.len() - 1
                });
                if opens[place].last() != Some(&number) {
                    opens[place].push(number);
                }
            }
        }
        // A DFA searches a little faster, but takes three times as long to build, and most logs are short.
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            // With a thousand words its guesses are nearly all wrong and cost more than they save.
            .prefilter(false)
            .match_kind(MatchKind::Standard)
            .build(&words)
            .ok();
        if automaton.is_none() {
            always = (0..count).collect();
        }
        Self { words: automaton, opens, always, patterns: count }
    }

    /// A fresh note of what is opened, to be used for many lines.
    pub(super) fn opened(&self) -> Opened {
        Opened { seen: vec![0; self.patterns], line: 0 }
    }

    /// Calls `try_pattern` once for each pattern that may match `line`.
    pub(super) fn open(&self, line: &[u8], opened: &mut Opened, mut try_pattern: impl FnMut(usize)) {
        opened.line += 1;
        for &number in &self.always {
            opened.seen[number] = opened.line;
            try_pattern(number);
        }
        let Some(words) = &self.words else { return };
        for found in words.find_overlapping_iter(line) {
            for &number in &self.opens[found.pattern().as_usize()] {
                if opened.seen[number] != opened.line {
                    opened.seen[number] = opened.line;
                    try_pattern(number);
                }
            }
        }
    }
}

/// The alternatives of `pattern` that stand on their own, so that each is compiled and run only for its own words.
pub(super) fn branches(pattern: &str) -> Vec<&str> {
    let mut branches = Vec::new();
    let (mut depth, mut start, mut class_start, mut escaped) = (0_usize, 0, None, false);
    for (place, next) in pattern.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match next {
            '\\' => escaped = true,
            '[' if class_start.is_none() => class_start = Some(place),
            // A bracket that opens a class is part of it when it comes first, or right after the negation.
            ']' if class_start
                .is_some_and(|start| pattern.get(start..place).is_some_and(|class| class != "[" && class != "[^")) =>
            {
                class_start = None;
            }
            _ if class_start.is_some() => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                branches.extend(pattern.get(start..place));
                start = place + 1;
            }
            _ => {}
        }
    }
    branches.extend(pattern.get(start..));
    // Flags at the start of one alternative hold for those after it.
    let has_flags = pattern.match_indices("(?").any(|(place, _)| {
        pattern.get(place + 2..).is_some_and(|rest| !rest.starts_with([':', '<']) && !rest.starts_with("P<"))
    });
    if has_flags { vec![pattern] } else { branches }
}

/// Words of which at least one stands in every match of `pattern`, in lower case; `None` when there are none to rely on.
pub(super) fn required(pattern: &str) -> Option<Vec<String>> {
    let mut reader = Reader { rest: pattern.chars().peekable(), sure: true };
    let words = reader.alternatives();
    // A group closed too often would end the reading early.
    words.filter(|_| reader.sure && reader.rest.peek().is_none())
}

/// Reads just as much of a pattern's grammar as tells literal text from the rest.
struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    /// Whether everything read so far was understood.
    sure: bool,
}

/// How often the thing before it may stand.
enum Times {
    Once,
    OnceOrMore,
    PerhapsNever,
}

impl Reader<'_> {
    /// Up to the end of the group: the words of every branch, or `None` when a branch has none.
    fn alternatives(&mut self) -> Option<Vec<String>> {
        let mut all = self.sequence();
        while self.rest.next_if_eq(&'|').is_some() {
            let more = self.sequence();
            all = all.zip(more).map(|(mut all, more)| {
                all.extend(more);
                all
            });
        }
        all
    }

    /// Up to the end of the branch: its best words.
    fn sequence(&mut self) -> Option<Vec<String>> {
        let mut found: Vec<Vec<String>> = Vec::new();
        let mut run = String::new();
        while let Some(next) = self.rest.next_if(|next| !matches!(next, '|' | ')')) {
            let literal = match next {
                '(' => {
                    let inner = self.group();
                    let times = self.times();
                    flush(&mut run, &mut found);
                    if let (Some(inner), Times::Once | Times::OnceOrMore) = (inner, times) {
                        found.push(inner);
                    }
                    continue;
                }
                '[' => {
                    self.class();
                    None
                }
                '\\' => match self.rest.next() {
                    Some(escaped) if !escaped.is_alphanumeric() => Some(escaped),
                    Some('d' | 'D' | 's' | 'S' | 'w' | 'W' | 'b' | 'B' | 'n' | 't' | 'r' | 'A' | 'z') => None,
                    _ => {
                        self.sure = false;
                        None
                    }
                },
                '.' | '^' | '$' => None,
                plain => Some(plain),
            };
            let times = self.times();
            match (literal, times) {
                (Some(literal), Times::Once) => run.push(literal),
                (Some(literal), Times::OnceOrMore) => {
                    run.push(literal);
                    flush(&mut run, &mut found);
                }
                _ => flush(&mut run, &mut found),
            }
        }
        flush(&mut run, &mut found);
        let least = |words: &Vec<String>| words.iter().map(String::len).min().unwrap_or_default();
        found
            .into_iter()
            .filter(|words| least(words) >= SHORTEST)
            .max_by_key(|words| (least(words), usize::MAX - words.len()))
    }

    /// A group whose `(` is read.
    fn group(&mut self) -> Option<Vec<String>> {
        if self.rest.next_if_eq(&'?').is_some() {
            let mut header = String::new();
            for next in self.rest.by_ref() {
                header.push(next);
                if next == ')' {
                    // Flags for what follows; only those that leave the text as written are understood.
                    self.sure &= header == "i)";
                    return None;
                }
                if matches!(next, ':' | '>') {
                    break;
                }
            }
            self.sure &= header == ":" || header.ends_with('>');
        }
        let words = self.alternatives();
        self.sure &= self.rest.next() == Some(')');
        words
    }

    /// A class whose `[` is read.
    fn class(&mut self) {
        self.rest.next_if_eq(&'^');
        let mut first = true;
        while let Some(next) = self.rest.next() {
            match next {
                '\\' => {
                    self.rest.next();
                }
                '[' => self.sure = false,
                ']' if !first => return,
                _ => {}
            }
            first = false;
        }
    }

    /// What follows an atom.
    fn times(&mut self) -> Times {
        let times = match self.rest.peek() {
            Some('?' | '*') => Times::PerhapsNever,
            Some('+') => Times::OnceOrMore,
            Some('{') => {
                self.rest.next();
                let never = matches!(self.rest.peek(), Some('0' | ','));
                while self.rest.next_if(|next| *next != '}').is_some() {}
                if never { Times::PerhapsNever } else { Times::OnceOrMore }
            }
            _ => return Times::Once,
        };
        self.rest.next();
        self.rest.next_if_eq(&'?');
        times
    }
}

/// Ends a run of literal text.
fn flush(run: &mut String, found: &mut Vec<Vec<String>>) {
    let word: String = std::mem::take(run).chars().take(LONGEST).collect::<String>().to_ascii_lowercase();
    if !word.is_empty() {
        found.push(vec![word]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, expected: Option<&[&str]>) {
        let expected = expected.map(|words| words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(required(pattern), expected, "{pattern}");
    }

    #[test]
    fn the_longest_literal_is_the_word() {
        check(r"^error: .* toomanyrequests\b", Some(&[" toomanyrequests"]));
        check(r"No space left on device", Some(&["no space left on"]));
    }

    #[test]
    fn alternatives_are_split_only_where_they_stand_on_their_own() {
        let cases: [(&str, &[&str]); 6] = [
            ("a|b", &["a", "b"]),
            ("(a|b)|c", &["(a|b)", "c"]),
            (r"[|]|\|a", &["[|]", r"\|a"]),
            (r"[]|]|[^]|]x|\(|y", &["[]|]", "[^]|]x", r"\(", "y"]),
            ("(?i)a|b", &["(?i)a|b"]),
            ("(?P<a>x)|(?:y|z)", &["(?P<a>x)", "(?:y|z)"]),
        ];
        for (pattern, expected) in cases {
            assert_eq!(branches(pattern), expected);
        }
    }

    #[test]
    fn every_branch_gives_a_word() {
        check(r"ENOSPC|no space", Some(&["enospc", "no space"]));
        check(r"x: (?:alpha|beta) y", Some(&["alpha", "beta"]));
        check(r"(?:alpha|\d+)", None);
    }

    #[test]
    fn what_may_be_missing_is_no_word() {
        check(r"(?:optional)?needed", Some(&["needed"]));
        check(r"colou?r", Some(&["colo"]));
        check(r"abcd{0,3}", Some(&["abc"]));
        check(r"(?:long literal)*", None);
    }

    #[test]
    fn classes_and_escapes_end_a_word() {
        check(r"[^a)(|]]bcd\.ef\d", Some(&["]bcd.ef"]));
        check(r"(?P<host>\S+): refused", Some(&[": refused"]));
    }

    #[test]
    fn what_is_not_understood_gives_no_word() {
        check(r"(?x) spaced out", None);
        check(r"\x41bcdef", None);
        check(r"unclosed(", None);
    }
}

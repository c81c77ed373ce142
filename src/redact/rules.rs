//! What secrets look like: the rules of `rules.toml`, and how they are looked for.
//!
//! One automaton over all keywords reads the text once; only a line that holds a rule's keyword sees its pattern.

use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::{memchr, memrchr};
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::tree::{self, packed, unpack};

use super::value::{entropy, is_odd, is_rare, is_value};

static BUILTIN: LazyLock<Rules> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the test `every_example_is_masked_and_nothing_else_is` reads the same text"
    )]
    Rules::read(&unpack(packed!("rules.toml"))).expect("the rules are valid")
});

/// What tells that a text is a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Its own shape.
    Shape,
    /// What stands beside it.
    Place,
}

pub(super) struct Rules {
    all: Vec<Rule>,
    /// Values that name what belongs in their place.
    words: Vec<String>,
    /// What may follow a word such as `password` in a name so that no password is meant.
    tails: Vec<String>,
    gate: AhoCorasick,
    /// For each keyword of the gate the rules it opens.
    opens: Vec<Vec<usize>>,
}

#[derive(Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
struct File {
    words: Vec<String>,
    tails: Vec<String>,
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
struct Rule {
    #[cfg(test)]
    id: String,
    keywords: Vec<String>,
    pattern: String,
    #[serde(default)]
    judge: Judge,
    #[serde(default)]
    entropy: f64,
    #[serde(default = "one")]
    lines: usize,
    /// A sign that the line must hold too.
    needs: Option<char>,
    #[serde(skip)]
    regex: OnceLock<Option<Regex>>,
    #[cfg(test)]
    examples: Vec<tests::Example>,
    #[cfg(test)]
    unlike: Vec<String>,
}

fn one() -> usize {
    1
}

/// What a found value must be besides fitting the pattern.
#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Judge {
    /// Nothing: the pattern is certain.
    #[default]
    Shape,
    /// A value, not the name of one.
    Value,
    /// A value that looks drawn at random.
    Odd,
    /// A value that is no ordinary word, nor some put together.
    Rare,
}

impl Rules {
    /// The rules of the program.
    pub(super) fn builtin() -> &'static Self {
        &BUILTIN
    }

    fn read(text: &str) -> Result<Self, String> {
        let File { words, tails, rule: rules } = tree::table(text)?;
        let mut keywords: Vec<&str> = rules.iter().flat_map(|rule| &rule.keywords).map(String::as_str).collect();
        keywords.sort_unstable();
        keywords.dedup();
        let opens = keywords
            .iter()
            .map(|keyword| {
                let opened =
                    rules.iter().enumerate().filter(|(_, rule)| rule.keywords.iter().any(|own| own == keyword));
                opened.map(|(index, _)| index).collect()
            })
            .collect();
        let gate = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .ascii_case_insensitive(true)
            .build(&keywords)
            .map_err(|error| error.to_string())?;
        Ok(Self { all: rules, words, tails, gate, opens })
    }

    /// Calls `found` for each place of `text` where a rule sees a secret. Places can overlap.
    pub(super) fn find(&self, text: &str, mut found: impl FnMut(Range<usize>, Proof)) {
        let bytes = text.as_bytes();
        // Up to where each rule has read: a line is shown to a rule once.
        let mut read = vec![0; self.all.len()];
        let mut line = 0..0;
        for hit in self.gate.find_overlapping_iter(bytes) {
            if hit.start() >= line.end {
                let start =
                    bytes.get(..hit.start()).and_then(|before| memrchr(b'\n', before)).map_or(0, |feed| feed + 1);
                let end = bytes
                    .get(hit.end()..)
                    .and_then(|after| memchr(b'\n', after))
                    .map_or(bytes.len(), |feed| hit.end() + feed);
                line = start..end;
            }
            let opened = self.opens.get(hit.pattern().as_usize()).map(Vec::as_slice).unwrap_or_default();
            for &index in opened {
                let (Some(rule), Some(read)) = (self.all.get(index), read.get_mut(index)) else { continue };
                if *read >= line.end {
                    continue;
                }
                *read = line.end;
                self.find_in_line(rule, text, line.clone(), &mut found);
            }
        }
    }

    fn find_in_line(&self, rule: &Rule, text: &str, line: Range<usize>, found: &mut impl FnMut(Range<usize>, Proof)) {
        let proof = if rule.judge == Judge::Shape { Proof::Shape } else { Proof::Place };
        let bytes = text.as_bytes();
        let held = bytes.get(line.clone()).unwrap_or_default();
        if rule.needs.and_then(|sign| u8::try_from(sign).ok()).is_some_and(|sign| memchr(sign, held).is_none()) {
            return;
        }
        let Some(regex) = rule.regex() else { return };
        let mut end = line.end;
        for _ in 1..rule.lines {
            end =
                bytes.get(end + 1..).map_or(end, |rest| memchr(b'\n', rest).map_or(bytes.len(), |feed| end + 1 + feed));
        }
        let Some(part) = bytes.get(line.start..end) else { return };
        // Most lines that hold the keyword hold no secret: the plain search is several times faster than one for groups.
        if !regex.is_match(part) {
            return;
        }
        for captures in regex.captures_iter(part) {
            let group = |names: &[&str]| names.iter().find_map(|name| captures.name(name));
            if group(&["not"]).is_some() || group(&["tail"]).is_some_and(|tail| self.is_harmless(tail.as_bytes())) {
                continue;
            }
            let Some(secret) = group(&["secret", "secret2", "secret3", "bare"]) else { continue };
            let mut range = secret.range();
            if captures.name("bare").is_some() {
                let trimmed = secret.as_bytes().iter().rev().take_while(|byte| b")]}.,;:\\\"'".contains(byte)).count();
                range.end -= trimmed;
            }
            let range = line.start + range.start..line.start + range.end;
            if self.is_secret(rule, &String::from_utf8_lossy(bytes.get(range.clone()).unwrap_or_default())) {
                found(range, proof);
            }
        }
    }

    /// Whether `value` is one and not a mask, a variable, or a word that names what belongs there.
    pub(super) fn is_value(&self, value: &str) -> bool {
        is_value(value, &self.words)
    }

    fn is_secret(&self, rule: &Rule, value: &str) -> bool {
        let judged = match rule.judge {
            Judge::Shape => true,
            Judge::Value => is_value(value, &self.words),
            Judge::Rare => is_value(value, &self.words) && is_rare(value),
            Judge::Odd => is_value(value, &self.words) && is_odd(value),
        };
        judged && (rule.entropy <= 0.0 || entropy(value) >= rule.entropy)
    }

    /// `_file` of `password_file`, `Length` of `passwordLength`.
    fn is_harmless(&self, tail: &[u8]) -> bool {
        let tail = String::from_utf8_lossy(tail).to_ascii_lowercase();
        let tail = tail.trim_start_matches(['_', '-', '.']);
        !tail.is_empty() && self.tails.iter().any(|harmless| tail.starts_with(harmless.as_str()))
    }
}

impl Rule {
    /// The pattern, compiled when it is first needed: most runs need few.
    fn regex(&self) -> Option<&Regex> {
        // ASCII classes only: Unicode ones make every line with an umlaut slow.
        self.regex.get_or_init(|| RegexBuilder::new(&self.pattern).unicode(false).build().ok()).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    pub(super) struct Example {
        line: String,
        secret: String,
    }

    /// `text` with what the rules see in it as `▒`.
    fn masked(text: &str) -> String {
        let mut hidden = vec![false; text.len()];
        Rules::builtin().find(text, |range, _| hidden[range].fill(true));
        let mut masked = String::new();
        for (index, c) in text.char_indices() {
            if !hidden[index] {
                masked.push(c);
            } else if index == 0 || !hidden[index - 1] {
                masked.push('▒');
            }
        }
        masked
    }

    #[test]
    fn every_example_is_masked_and_nothing_else_is() {
        let rules = Rules::read(include_str!("rules.toml")).unwrap();
        let mut wrong = Vec::new();
        for rule in &rules.all {
            assert!(rule.regex().is_some(), "{}: {:?}", rule.id, Regex::new(&rule.pattern));
            assert!(
                !rule.examples.is_empty() && !rule.unlike.is_empty(),
                "{} lacks an example or a look-alike",
                rule.id
            );
            for example in &rule.examples {
                let (line, secret) = (example.line.replace("{}", ""), example.secret.replace("{}", ""));
                assert!(line.contains(&secret), "{}: {line} does not hold {secret}", rule.id);
                let found = masked(&line);
                if found != line.replace(&secret, "▒") {
                    wrong.push(format!("{}: {line}\n     is {found}", rule.id));
                }
                let mut own = false;
                rules.find_in_line(rule, &line, 0..line.find('\n').unwrap_or(line.len()), &mut |_, _| own = true);
                if !own {
                    wrong.push(format!("{} itself does not see {line}", rule.id));
                }
            }
            for line in &rule.unlike {
                let line = line.replace("{}", "");
                if masked(&line) != line {
                    wrong.push(format!("{}: {line}\n     is {}", rule.id, masked(&line)));
                }
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }

    #[test]
    fn an_ordinary_line_stays() {
        for line in [
            "HEAD is now at 3f2a9c81d04e5b6f7a8b9c0d1e2f3a4b5c6d7e8f Fix token handling",
            "registry.example/shop@sha256:3f2a9c81d04e5b6f7a8b9c0d1e2f3a4b5c6d7e8f3f2a9c81d04e5b6f7a8b9c0d",
            "Correlation id 7f0c1d3e-9a4b-4c5d-8e6f-0a1b2c3d4e5f",
            "System.Data, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089",
            "\"integrity\": \"sha512-ZmFrZWZha2VmYWtlZmFrZWZha2VmYWtlZmFrZWZha2VmYWtlZmFrZQ==\"",
            "SyntaxError: Unexpected token < in JSON at position 0",
            "Login failed for user 'shop'. Reason: password did not match",
        ] {
            assert_eq!(masked(line), line);
        }
    }

    /// What a rule with `settings` for the word `key` sees in `text`.
    fn seen(settings: &str, text: &str) -> Vec<String> {
        let rule = "id = 'key'\nkeywords = ['key']\nexamples = []\nunlike = []";
        let rules = Rules::read(&format!("words = []\ntails = []\n[[rule]]\n{rule}\n{settings}")).unwrap();
        let mut seen = Vec::new();
        rules.find(text, |range, _| seen.push(text.get(range).unwrap().to_owned()));
        seen
    }

    #[test]
    fn a_line_begins_behind_the_line_feed() {
        assert_eq!(seen(r"pattern = '^key (?P<secret>\w+)'", "first\nkey a1\nno key b2\nkey c3"), ["a1", "c3"]);
    }

    #[test]
    fn a_rule_is_shown_the_keywords_line_alone_or_whole_lines_below_it() {
        let pattern = r"pattern = '(?s)key.*?(?P<secret>[a-z]\d+)$'";
        let text = "key:\na1\nb22\nc3";
        assert!(seen(pattern, text).is_empty());
        assert_eq!(seen(&format!("{pattern}\nlines = 2"), text), ["a1"]);
        assert_eq!(seen(&format!("{pattern}\nlines = 3"), text), ["b22"]);
        assert_eq!(seen(&format!("{pattern}\nlines = 9"), text), ["c3"]);
    }

    #[test]
    fn a_rule_with_an_entropy_sees_only_what_has_as_much() {
        let pattern = r"pattern = 'key (?P<secret>\w+)'";
        let text = "key abcdabcd, key abcdabca";
        assert_eq!(seen(pattern, text), ["abcdabcd", "abcdabca"]);
        assert_eq!(seen(&format!("{pattern}\nentropy = 2.0"), text), ["abcdabcd"]);
    }

    #[test]
    fn only_a_pattern_that_needs_no_judge_proves_by_shape() {
        let shapes = |text: &str| {
            let mut shapes = Vec::new();
            Rules::builtin().find(text, |_, proof| shapes.push(proof == Proof::Shape));
            shapes
        };
        assert_eq!(shapes(concat!("using AK", "IAFAKEFAKEFAKEFAKE")), [true]);
        assert_eq!(shapes("login bob password hunter22"), [false]);
    }

    #[test]
    fn every_rule_has_its_own_name() {
        let mut ids: Vec<&str> = BUILTIN.all.iter().map(|rule| rule.id.as_str()).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
    }
}

//! The spellings in which a known value turns up: as it is and encoded. Escapes are resolved where a text is searched (`view.rs`).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::redact::view;

/// Shorter values are left alone: they would mask half the log.
pub(super) const SHORTEST: usize = 4;

/// Shorter fragments of an encoding could be found by chance.
const SHORTEST_ENCODED: usize = 6;

/// Larger values are looked for as they are, and line by line.
const LARGEST_ENCODED: usize = 32 * 1024;

/// All spellings of `value`, the plain one first, without doubles.
/// A value of several lines is also spelled line by line, for a log shows it so.
pub(super) fn forms(value: &str) -> Vec<String> {
    let mut forms = Vec::new();
    let value = value.trim();
    spell(value, &mut forms);
    // A value that was taken from an address or from JSON may stand elsewhere as it was meant.
    let meant = view::resolved(value).pop().and_then(|view| String::from_utf8(view.bytes).ok());
    if let Some(meant) = &meant {
        spell(meant.trim(), &mut forms);
    }
    let value = meant.as_deref().unwrap_or(value);
    if value.contains('\n') {
        for line in value.lines().map(str::trim).filter(|line| line.len() >= 8 && !line.starts_with("-----")) {
            spell(line, &mut forms);
        }
    }
    let mut seen = std::collections::HashSet::new();
    forms.retain(|form| seen.insert(form.clone()));
    forms
}

fn spell(value: &str, forms: &mut Vec<String>) {
    if value.chars().count() < SHORTEST {
        return;
    }
    forms.push(value.to_owned());
    if value.contains(' ') {
        forms.push(value.replace(' ', "+"));
    }
    // A whole file in a variable: two dozen copies of it would cost more than they find.
    if value.len() > LARGEST_ENCODED {
        return;
    }
    let mut encoded = Vec::new();
    base64(value.as_bytes(), &mut encoded);
    // PowerShell's -EncodedCommand is base64 over UTF-16.
    let wide: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
    base64(&wide, &mut encoded);
    let hex: String = value.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    encoded.push(hex.to_ascii_uppercase());
    encoded.push(hex);
    forms.extend(encoded.into_iter().filter(|form| form.len() >= SHORTEST_ENCODED));
}

fn digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0')
}

/// What base64 of any text that holds `value` must hold: for each of the three places a value can start in a group
/// of three bytes, the characters that do not depend on the neighbors.
fn base64(value: &[u8], forms: &mut Vec<String>) {
    for engine in [&STANDARD, &URL_SAFE] {
        let whole = engine.encode(value);
        forms.push(whole.trim_end_matches('=').to_owned());
        forms.push(whole);
        for before in 0..3_usize {
            let mut padded = vec![0; before];
            padded.extend_from_slice(value);
            let encoded = engine.encode(&padded);
            let (first, last) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
            forms.extend(encoded.get(first..last).map(str::to_owned));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, text: &str) {
        assert!(forms(value).iter().any(|form| text.contains(form.as_str())), "{value:?} not seen in {text:?}");
    }

    #[test]
    fn a_value_is_known_in_base64_whatever_stands_around_it() {
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "!", "!!", "!!!"] {
                for value in ["s3cr3t", "hunter2-and-more", "p\u{e4}ssw\u{f6}rt?>"] {
                    let text = format!("{before}{value}{after}");
                    check(value, &STANDARD.encode(&text));
                    check(value, &URL_SAFE.encode(&text));
                }
            }
        }
    }

    #[test]
    fn a_value_is_known_in_other_alphabets() {
        check("hunter", "0x68756e746572");
        check("J\u{f6}rg", "4AC3B67267");
        check("a b+c", "?x=a+b+c");
        check("a%2Bb%3D", "a+b=");
        check("line one of it\nline two of it", "> line two of it");
    }

    #[test]
    fn a_value_of_three_characters_has_no_form() {
        assert!(forms("abc").is_empty());
        assert!(forms(" abc\n").is_empty());
    }

    #[test]
    fn a_value_is_spelled_in_lines_of_eight_characters_that_are_no_label() {
        let forms = forms("12345678\nabcdefg\n-----BEGIN A KEY-----");
        let has = |form: &str| forms.iter().any(|one| one == form);
        assert!(has("12345678"));
        assert!(!has("abcdefg") && !has("-----BEGIN A KEY-----"));
    }

    #[test]
    fn a_fragment_of_an_encoding_has_six_characters_at_least() {
        let forms = forms("abcd");
        let shortest = forms.iter().skip(1).map(String::len).min();
        assert_eq!((forms.first().map(String::as_str), shortest), (Some("abcd"), Some(SHORTEST_ENCODED)));
        assert!(forms.iter().any(|form| form == "YWJjZA") && forms.iter().any(|form| form == "61626364"));
    }

    #[test]
    fn a_fragment_of_base64_has_every_character_that_the_neighbors_do_not_change() {
        let forms = forms("abcdef");
        // Of `AGFiY2RlZg==` and `AABhYmNkZWY=`, where one byte or two stand before the value.
        for fragment in ["YWJjZGVm", "FiY2RlZ", "hYmNkZW"] {
            assert!(forms.iter().any(|form| form == fragment), "{fragment} in {forms:?}");
        }
    }

    #[test]
    fn a_whole_file_in_a_variable_is_looked_for_as_it_is() {
        let largest = "a".repeat(LARGEST_ENCODED);
        assert!(forms(&largest).len() > 10 && forms(&format!("{largest}a")).len() == 1);
    }
}

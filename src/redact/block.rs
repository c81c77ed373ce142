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

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "fakefakefakefake01234567";
    const B: &str = "89fakefakefakefake012345";

    /// What belongs to keys, and how many keys there are.
    fn found(text: &str) -> (Vec<String>, usize) {
        let (mut parts, mut keys) = (Vec::new(), std::collections::BTreeSet::new());
        find(text, |range, key| {
            if !range.is_empty() {
                parts.push(text.get(range).unwrap_or("?").to_owned());
                keys.insert(key);
            }
        });
        (parts, keys.len())
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(found(text).0, expected, "{text}");
    }

    #[test]
    fn keys_one_after_the_other_are_told_apart() {
        let key = format!("-----BEGIN PRIVATE KEY-----\n{A}\n{B}\n-----END PRIVATE KEY-----\n");
        assert_eq!(found(&format!("{key}{key}")), ([A, B, A, B].map(str::to_owned).to_vec(), 2));
        assert_eq!(found(&format!("{key}text\n")).1, 1);
        // Labels of anything else end what was open.
        check(&format!("{key}-----BEGIN CERTIFICATE-----\n{A}\n-----END CERTIFICATE-----\n"), &[A, B]);
        check(&format!("-----END CERTIFICATE-----\n{A}\n{B}\n-----END PRIVATE KEY-----\n"), &[B, A]);
        check(
            &format!("-----BEGIN PRIVATE KEY-----\n{A}\n-----BEGIN PRIVATE KEY-----\n{B}\n-----END PRIVATE KEY-----\n"),
            &[A, B],
        );
        check(&format!("{key}{A}\n-----END PRIVATE KEY-----\n"), &[A, B, A]);
    }

    #[test]
    fn an_end_too_far_away_is_another_keys() {
        let text = |blanks: usize| {
            format!("-----BEGIN PRIVATE KEY-----\n{A}\n{}no key\n{A}\n-----END PRIVATE KEY-----\n", "\n".repeat(blanks))
        };
        check(&text(10), &[A, "key", A]);
        // Too far, the start is searched for itself until it breaks off, and the end for itself.
        let far = text(LARGEST);
        assert_eq!(found(&far), (vec![A.to_owned(), A.to_owned()], 2));
    }

    #[test]
    fn a_key_is_whole_up_to_64_kilobytes_wherever_it_stands() {
        let text = |distance: usize| {
            let body = format!("-----BEGIN PRIVATE KEY-----\n{A}\n--\n{B}\n--\n{A}\n");
            body.clone() + &"\n".repeat(distance - body.len()) + "-----END PRIVATE KEY-----\n"
        };
        for distance in [200, 64 * 1024 - 1] {
            check(&text(distance), &[A, B, A]);
            check(&format!("{}{}", "x\n".repeat(40_000), text(distance)), &[A, B, A]);
        }
        check(&text(64 * 1024), &[A]);
        let endless = format!("-----BEGIN PRIVATE KEY-----\n{}", format!("{A}\n").repeat(4_000));
        assert_eq!(found(&endless).0.len(), 64 * 1024 / (A.len() + 1));
    }

    #[test]
    fn the_label_of_a_private_key_is_one_whatever_its_sort() {
        let end = |label: &str| private_label(label, 0);
        assert_eq!(end("-----BEGIN PRIVATE KEY-----x"), Some(27));
        assert_eq!(end("-----BEGIN PGP PRIVATE KEY BLOCK-----"), Some(37));
        assert_eq!(private_label("ab-----END RSA PRIVATE KEY-----", 2), Some(31));
        for none in
            ["-----BEGIN CERTIFICATE-----", "-----BEGIN \nPRIVATE KEY-----", "-----BEGIN PRIVATE KEY\n-----", ""]
        {
            assert_eq!(end(none), None, "{none}");
        }
        assert_eq!(end(&format!("-----BEGIN {}PRIVATE KEY-----", "x".repeat(90))), None);
    }

    #[test]
    fn a_line_between_labels_is_part_of_the_key_unless_it_is_a_sign_before_the_end() {
        let key = |body: &str| format!("-----BEGIN PRIVATE KEY-----{body}-----END PRIVATE KEY-----");
        check(&key(&format!(" {A} ")), &[A]);
        check(&key(&format!("\n+ {A}\n+ ab==\n+")), &[A, "ab=="]);
        check(&key(&format!("\n{A}\nx\n{B}\n")), &[A, "x", B]);
        check(&key(&format!("{A}\n{B}")), &[A, B]);
        check(&key(&format!("\nProc-Type: 4,ENCRYPTED\n\n{A}\n[info] {B}\n")), &["4,ENCRYPTED", A, B]);
    }

    #[test]
    fn a_start_without_an_end_goes_on_while_there_is_key() {
        let start = "-----BEGIN PRIVATE KEY-----";
        check(&format!("{start}\n{A}\n{B}\nab==\nerror x\n{A}\n"), &[A, B, "ab=="]);
        check(&format!("{start}\nProc-Type: x\nDEK-Info: y\n\n{A}\nab\n{B}\n"), &[A]);
        check(&format!("{start}\na: x\nb: x\nc: x\nd: x\n{A}\n"), &[A]);
        check(&format!("{start}\na: x\nb: x\nc: x\nd: x\ne: x\n{A}\n"), &[]);
        check(&format!("{start}\nno key here\n{A}\n"), &[]);
        check(&format!("{start}\n{}\n{}\n", "a".repeat(16), "b".repeat(15)), &["a".repeat(16).as_str()]);
        // On the label's own line, up to what is no key.
        check(&format!("{start}\\n{A}\\n\", \"x\"\n"), &[&format!("\\n{A}\\n")]);
        check(&format!("{start}12345678\"\n"), &["12345678"]);
        check(&format!("{start}1234567\"\n"), &[]);
        check(&format!("{start} \t12345678\n"), &["12345678"]);
    }

    #[test]
    fn an_end_without_a_start_goes_back_while_there_is_key() {
        let end = "-----END PRIVATE KEY-----";
        check(&format!("error: x\n{A}\n{B}\nab==\n{end}"), &["ab==", B, A]);
        check(&format!("{A}\nno key\n{B}\n{end}"), &[B]);
        check(&format!("{A}\n{}\n{B}\n{end}", "c".repeat(15)), &[B]);
        check(&format!("{A}\n{}\n{B}\n{end}", "c".repeat(16)), &[B, &"c".repeat(16), A]);
        check(&format!("ab\n{end}"), &[]);
        check(&format!("{{\"k\":\"{A}\\n{B}\\n{end}"), &[&format!("{A}\\n{B}\\n")]);
        check(&format!("{{\"key\": \"{A}{end}"), &[&format!("\"{A}")]);
        check(&format!("{A}{end}"), &[A]);
        check(&format!("{}{end}", "a".repeat(15)), &[]);
        check(&format!("{}{end}", "a".repeat(16)), &[&"a".repeat(16)]);
    }

    #[test]
    fn a_puttys_key_has_as_many_lines_as_it_says() {
        check(&format!("Private-Lines: 2\n{A}\n{B}\n{A}\n"), &[A, B]);
        check(&format!("x Private-Lines: 1\n+ {A}\n{B}\n"), &[A]);
        check(&format!("Private-Lines: x\n{A}\n"), &[]);
        check(&format!("Private-Lines: 1\n{A}\nPrivate-Lines: 1\n{B}\n"), &[A, B]);
        check("Private-Lines: 1 Private-Lines: 1\nab\ncd\n", &["ab"]);
        assert_eq!(found(&format!("Private-Lines: 12345\n{}", "ab\n".repeat(2_000))).0.len(), 1_234);
    }

    #[test]
    fn the_last_word_of_a_line_is_what_a_tool_put_nothing_before() {
        let word = |line: &str| {
            let text = format!("é\n{line}\nx");
            text.get(last_word(&text, 3..3 + line.len())).map(str::to_owned)
        };
        let check = |line: &str, expected: &str| assert_eq!(word(line).as_deref(), Some(expected), "{line}");
        check(" one two ", "two");
        check("one\ttwo", "two");
        check("one", "one");
        check("-one", "one");
        check("a -one", "one");
        check("-", "-");
        check("a-one", "a-one");
        check("  ", "");
    }

    #[test]
    fn a_keys_text_has_no_other_signs() {
        let is = |text: &str, shortest: usize| is_key_text(text, &(0..text.len()), shortest);
        assert!(is("aB1+/=\\\"',", 10) && is("a", 1));
        assert!(!is("a", 2) && !is("a-b", 1) && !is("a b", 1) && !is("é", 1) && !is("", 1));
    }
}

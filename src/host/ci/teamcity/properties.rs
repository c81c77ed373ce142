//! The files in which TeamCity tells a build about itself: Java properties.

use std::collections::BTreeMap;

/// Reads properties: `key=value` or `key: value`, with escapes, comments and lines that go on.
pub(super) fn read(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut line = line.trim_start().to_owned();
        if line.starts_with(['#', '!']) {
            continue;
        }
        while goes_on(&line) {
            line.pop();
            line.push_str(lines.next().unwrap_or_default().trim_start());
        }
        let (key, value) = parts(&line);
        if !key.is_empty() {
            all.insert(key, value);
        }
    }
    all
}

/// Whether a line ends in a backslash that is not itself escaped.
fn goes_on(line: &str) -> bool {
    (line.len() - line.trim_end_matches('\\').len()) % 2 == 1
}

fn parts(line: &str) -> (String, String) {
    let mut parts = (String::new(), String::new());
    let mut in_value = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    u32::from_str_radix(&digits, 16)
                        .ok()
                        .and_then(char::from_u32)
                        .unwrap_or(char::REPLACEMENT_CHARACTER)
                }
                Some(other) => other,
                None => break,
            },
            '=' | ':' | ' ' | '\t' if !in_value => {
                in_value = true;
                // What stands between key and value belongs to neither: blanks, and one mark among them.
                let mut marked = c == '=' || c == ':';
                while let Some(next) = chars.peek() {
                    match next {
                        ' ' | '\t' => {}
                        '=' | ':' if !marked => marked = true,
                        _ => break,
                    }
                    chars.next();
                }
                continue;
            }
            other => other,
        };
        if in_value { parts.1.push(c) } else { parts.0.push(c) }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_long_lines_are_read() {
        let text = "#a comment\nteamcity.serverUrl=https\\://tc.example.com\\:8443\nteamcity.build.id = 42\n\
                    path\\ with\\=marks: C\\:\\\\work\\\nlong=one,\\\n  two\numlaut=Gr\\u00fc\\u00dfe\nempty=\n";
        let all = read(text);
        let get = |name: &str| all.get(name).map(String::as_str);
        assert_eq!(get("teamcity.serverUrl"), Some("https://tc.example.com:8443"));
        assert_eq!(get("teamcity.build.id"), Some("42"));
        assert_eq!(get("path with=marks"), Some("C:\\worklong=one,two"));
        assert_eq!(get("umlaut"), Some("Grüße"));
        assert_eq!(get("empty"), Some(""));
    }
}

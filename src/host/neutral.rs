//! Untrusted text made harmless for the standard output of a build server, whichever it is.
//!
//! Build servers obey commands in what a step prints: `::name::` at a line's start, `##[…]`, `##vso[…]` and `##teamcity[…]`
//! anywhere in it, and some fold the log at `---`. One rule settles them all: after it no two `#` stand side by side, and no
//! line begins with anything but a mark of ours.

use serde::de::IgnoredAny;

use crate::clean::unwanted;

/// What stands before each line: no command begins with it.
const MARK: &str = "│ ";
/// Begins a color.
const ESCAPE: char = '\u{1b}';
/// Longer lines are wrapped, in characters.
const WIDEST: usize = 4_000;

/// `text` as lines that no build server takes for a command.
#[must_use]
pub(super) fn marked(text: &str) -> Vec<String> {
    lines(text).map(|line| format!("{MARK}{line}")).collect()
}

/// `text` in one line, for the value of a command: the host's own escapes come on top.
#[must_use]
pub(super) fn one_line(text: &str) -> String {
    lines(text).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// A report in which no line is a command, and which reads as before but for that.
///
/// A line that begins with one `#` more is a heading of Markdown and stays.
#[must_use]
pub(super) fn printed(text: &str) -> String {
    if text.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        // JSON can say it in another way; its lines begin with a quotation mark or a bracket, for a text in it ends no line.
        return text.replace("##", "#\\u0023");
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split('\n') {
        let clean: String = colored(line).chars().filter(|c| *c == '\t' || *c == ESCAPE || !unwanted(*c)).collect();
        let rest = clean.trim_start_matches('#');
        let heading = clean.len() - rest.len();
        if (1..=6).contains(&heading) && rest.starts_with(' ') {
            out.push_str(clean.get(..heading).unwrap_or_default());
            out.push_str(&apart(rest));
        } else if let Some(at) = clean.find("::").filter(|at| clean.get(..*at).is_some_and(is_blank)) {
            out.push_str(clean.get(..at).unwrap_or_default());
            out.push_str(": ");
            out.push_str(&apart(clean.get(at + 1..).unwrap_or_default()));
        } else {
            out.push_str(&apart(&clean));
        }
        out.push('\n');
    }
    out.pop();
    // One parser goes on with a command over the end of a line.
    out.replace("#\n", "# \n")
}

/// `text` as [`printed`] where any host may read our output, which `env` tells; else as it is.
#[must_use]
pub(super) fn for_host(text: &str, hosted: bool) -> String {
    if hosted { printed(text) } else { text.to_owned() }
}

/// Without control characters, cut at every end of a line that any host knows, wrapped, and with no two `#` side by side.
fn lines(text: &str) -> impl Iterator<Item = String> {
    let ends = |c: char| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let normal = text.replace("\r\n", "\n");
    let lines: Vec<String> = normal.split(ends).flat_map(|line| wrapped(&apart(&clean(line)))).collect();
    lines.into_iter()
}

fn clean(line: &str) -> String {
    line.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !unwanted(*c)).collect()
}

/// `line` with the escapes that begin a color alone. Any other would hide what comes after it from us and not from a host.
fn colored(line: &str) -> String {
    let mut parts = line.split(ESCAPE);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let codes =
            part.strip_prefix('[').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';'));
        if codes.is_some_and(|rest| rest.starts_with('m')) {
            out.push(ESCAPE);
        }
        out.push_str(part);
    }
    out
}

/// A space between any two `#`, also where a color begins between them: it goes before the host reads.
fn apart(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let (mut before, mut color) = (None, false);
    for c in line.chars() {
        if color || c == ESCAPE {
            color = c == ESCAPE || !c.is_ascii_alphabetic();
        } else {
            if c == '#' && before == Some('#') {
                out.push(' ');
            }
            before = Some(c);
        }
        out.push(c);
    }
    out
}

/// Whether nothing is seen of `text` but its colors: it may stand before a command.
fn is_blank(text: &str) -> bool {
    let mut color = false;
    text.chars().all(|c| {
        let was = color || c == ESCAPE;
        color = c == ESCAPE || (color && !c.is_ascii_alphabetic());
        was || c.is_whitespace()
    })
}

fn wrapped(line: &str) -> Vec<String> {
    let mut rest = line;
    let mut lines = Vec::new();
    while let Some((at, _)) = rest.char_indices().nth(WIDEST) {
        let (head, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        lines.push(head.to_owned());
        rest = tail;
    }
    lines.push(rest.to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_a_command() {
        let check = |text: &str, expected: &[&str]| assert_eq!(marked(text), expected);
        check("::set-env name=PATH::/evil", &["│ ::set-env name=PATH::/evil"]);
        check("progress 10%\r::add-mask::e", &["│ progress 10%", "│ ::add-mask::e"]);
        check("x ##vs##vso[o[a.b]c", &["│ x # #vs# #vso[o[a.b]c"]);
        check("####[error]", &["│ # # # #[error]"]);
        check("#\u{7}#[error]\u{202e}", &["│ # #[error]"]);
        check("\u{1b}]1338;url=x\u{7}", &["│ ]1338;url=x"]);
        check("a\u{2028}--- b", &["│ a", "│ --- b"]);
    }

    #[test]
    fn a_printed_report_keeps_its_headings() {
        let check = |text: &str, expected: &str| assert_eq!(printed(text), expected);
        check("# One\n## Two ##vso[x]\n", "# One\n## Two # #vso[x]\n");
        check("  ::error::x", "  : :error::x");
        check("##[error]x", "# #[error]x");
        check("\u{1b}[2m  \u{1b}[0m::error::x", "\u{1b}[2m  \u{1b}[0m: :error::x");
        check("\u{1b}[1m#\u{1b}[0m#[error]", "\u{1b}[1m#\u{1b}[0m #[error]");
        check("\u{1b}[1mwhere it stands\u{1b}[0m ::", "\u{1b}[1mwhere it stands\u{1b}[0m ::");
        check("a\rb", "ab");
        check("{\n::error::x", "{\n: :error::x");
        check("{\"a\":\n##[error]", "{\"a\":\n# #[error]");
        check("\u{1b}\0: #\u{1b}(0#[error]", ": #(0#[error]");
        check("\u{1b}##[error]", "# #[error]");
        check("{\"a\": \"###x\"}", "{\"a\": \"#\\u0023#x\"}");
    }

    #[test]
    fn a_cut_joins_no_command() {
        let long = format!("{}##vso[x]", "x".repeat(WIDEST - 1));
        assert!(marked(&long).iter().all(|line| !line.contains("##")), "a wrap leaves one # at each end");
    }
}

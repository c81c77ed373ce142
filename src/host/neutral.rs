//! Untrusted text made harmless for the standard output of a build server, whichever it is.
//!
//! Build servers obey commands in what a step prints: `::name::` at a line's start, `##[…]`, `##vso[…]` and `##teamcity[…]`
//! anywhere in it, and some fold the log at `---`. One rule settles them all: after it no two `#` stand side by side, and no
//! line begins with anything but a mark of ours.

use serde::de::IgnoredAny;

use crate::clean::unwanted;

/// What stands before each line: no command begins with it.
pub(super) const MARK: &str = "│ ";
/// Fold the log where they begin a line.
const GROUPS: [&str; 4] = ["---", "+++", "~~~", "^^^"];
/// Bots that listen to their name anywhere in a comment.
const BOTS: [&str; 4] = ["@dependabot", "@renovate", "@mergifyio", "@copilot"];
/// Stands in a word unseen, and makes it another one.
const JOINER: &str = "\u{2060}";
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

/// A report in which no line is a command, and which reads as before but for that. Colors stay.
///
/// A line that begins with one `#` more is a heading of Markdown and stays.
#[must_use]
pub(super) fn printed(text: &str) -> String {
    if serde_json::from_str::<IgnoredAny>(text).is_ok() {
        // JSON can say it in another way; its lines begin with a quotation mark, a bracket or a number.
        return apart(text, "\\u0023", "#");
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split('\n') {
        let line = colored(line);
        let rest = line.trim_start_matches('#');
        let heading = line.len() - rest.len();
        if (1..=6).contains(&heading) && rest.starts_with(' ') {
            out.push_str(line.get(..heading).unwrap_or_default());
            out.push_str(&apart(rest, " #", "#"));
        } else {
            begin(&mut out, &apart(&line, " #", "#"));
        }
        if seen(&line).ends_with('#') {
            // One parser goes on with a command over the end of a line.
            out.push(' ');
        }
        out.push('\n');
    }
    out.pop();
    out
}

/// A comment in which no line is an order to the host that shows it, or to a bot that reads it there, in code or not.
#[must_use]
pub(super) fn comment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.replace('\r', "").lines() {
        let start = line.trim_start_matches([' ', '\t', '>', '*', '+', '-']);
        let (before, called) = (line.get(..line.len() - start.len()).unwrap_or_default(), start.strip_prefix('@'));
        let mut line = match called {
            Some(name) => format!("{before}@{JOINER}{name}"),
            None if line.starts_with('/') => format!(" {line}"),
            None => line.to_owned(),
        };
        for bot in BOTS {
            while let Some(at) = line.to_ascii_lowercase().find(bot) {
                line.insert_str(at + 1, JOINER);
            }
        }
        let word = start.split([' ', '\t']).next().unwrap_or_default();
        if word.eq_ignore_ascii_case("bors") {
            line.insert_str(before.len() + 1, JOINER);
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
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
    let lines: Vec<String> = normal.split(ends).flat_map(|line| wrapped(&apart(&clean(line), " #", "#"))).collect();
    lines.into_iter()
}

fn clean(line: &str) -> String {
    line.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !unwanted(*c)).collect()
}

/// A line with its colors and without any other control character.
fn colored(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for part in parts(line) {
        match part {
            Part::Color(sequence) => out.push_str(sequence),
            Part::Seen(c) | Part::Unseen(c) if c == '\t' || !unwanted(c) => out.push(c),
            Part::Seen(_) | Part::Unseen(_) => {}
        }
    }
    out
}

/// Each `#` that follows another one as `second`, any other as `first`. Neither a color nor what nobody sees is between two: both
/// may be gone before the host reads, or count for nothing where it compares.
fn apart(line: &str, second: &str, first: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut before = None;
    for part in parts(line) {
        match part {
            Part::Color(sequence) => out.push_str(sequence),
            Part::Unseen(c) => out.push(c),
            Part::Seen('#') => {
                out.push_str(if before == Some('#') { second } else { first });
                before = Some('#');
            }
            Part::Seen(c) => {
                out.push(c);
                before = Some(c);
            }
        }
    }
    out
}

/// Writes a line so that nothing at its start is a command: no `::` after blanks, and no mark of a group.
fn begin(out: &mut String, line: &str) {
    let seen = seen(line);
    let begins = |mark: &&str| seen.strip_prefix(*mark).is_some_and(|rest| rest.starts_with(char::is_whitespace));
    if GROUPS.iter().any(begins) {
        out.push(' ');
    }
    match line.split_once(':').filter(|_| seen.trim_start().starts_with("::")) {
        // Whatever stands before the first colon is not seen.
        Some((before, rest)) => out.extend([before, ": ", rest]),
        None => out.push_str(line),
    }
}

/// What is seen of a line.
fn seen(line: &str) -> String {
    parts(line).filter_map(|part| if let Part::Seen(c) = part { Some(c) } else { None }).collect()
}

/// A piece of a line.
enum Part<'a> {
    /// A sequence that sets colors.
    Color(&'a str),
    /// A character that takes no room.
    Unseen(char),
    /// Any other character.
    Seen(char),
}

fn parts(line: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if let Some((sequence, tail)) = color(rest).and_then(|length| rest.split_at_checked(length)) {
            rest = tail;
            return Some(Part::Color(sequence));
        }
        let mut chars = rest.chars();
        let c = chars.next()?;
        rest = chars.as_str();
        Some(if is_unseen(c) { Part::Unseen(c) } else { Part::Seen(c) })
    })
}

/// The length of the color's sequence that `text` begins with.
fn color(text: &str) -> Option<usize> {
    let inside = text.strip_prefix("\u{1b}[")?;
    let length = inside.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    inside.get(length..)?.starts_with('m').then_some("\u{1b}[m".len() + length)
}

/// What Unicode calls ignorable: a comparison by a culture's rules, as some runners make it, passes over it.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}'
    )
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
        check("#\u{200b}#vso[", &["│ #\u{200b} #vso["]);
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
        check("{\"a\": \"###x\"}", "{\"a\": \"#\\u0023\\u0023x\"}");
        check("{\n::error::x", "{\n: :error::x");
        check("{\"a\":\n##[error]", "{\"a\":\n# #[error]");
        check("\u{1b}\0: #\u{1b}(0#[error]", ": #(0#[error]");
        check("\u{1b}##[error]", "# #[error]");
        check("--- a\n\u{1b}[1m+++ b\n---\n--x", " --- a\n \u{1b}[1m+++ b\n---\n--x");
        check("#\u{200b}#[x]\n\u{200b}::x", "#\u{200b} #[x]\n\u{200b}: :x");
        check("\u{1b}]8;;x\u{7}a \u{1b}[2Kb\u{1b}", "]8;;xa [2Kb");
    }

    #[test]
    fn a_comment_orders_nobody_about() {
        let check = |text: &str, expected: &str| assert_eq!(comment(text), expected);
        check("/close\n a /b", " /close\n a /b\n");
        check("> @bot do\na @b", "> @\u{2060}bot do\na @b\n");
        check("ask @Dependabot x\nBors r+", "ask @\u{2060}Dependabot x\nB\u{2060}ors r+\n");
    }

    #[test]
    fn a_text_is_told_in_one_line_or_as_it_is_where_no_host_reads() {
        assert_eq!(one_line(" a\n##b\r\n\tc\u{7}\n"), "a # #b  c");
        assert_eq!(for_host("##[error]\r", true), "# #[error]");
        assert_eq!(for_host("##[error]\r", false), "##[error]\r");
        assert_eq!(marked("a\tb"), ["│ a b"]);
        assert_eq!(printed("a\tb"), "a\tb");
    }

    #[test]
    fn a_heading_has_six_marks_at_most_and_a_blank() {
        let check = |text: &str, expected: &str| assert_eq!(printed(text), expected);
        check("###### x ##", "###### x # # ");
        check("####### x", "# # # # # # # x");
        check("##x", "# #x");
        check("x#\ny", "x# \ny");
        check("\u{1b}[1m#\u{1b}[0m", "\u{1b}[1m#\u{1b}[0m ");
    }

    #[test]
    fn a_color_is_one_and_nothing_else_is() {
        let check = |text: &str, expected: Option<usize>| assert_eq!(color(text), expected, "{text:?}");
        check("\u{1b}[m", Some(3));
        check("\u{1b}[1;31mx", Some(7));
        check("\u{1b}[1;31Kx", None);
        check("\u{1b}[1;31", None);
        check("[1m", None);
    }

    #[test]
    fn a_comment_orders_nobody_about_from_a_list_or_a_quotation() {
        let check = |text: &str, expected: &str| assert_eq!(comment(text), expected);
        check(" - @bot do", " - @\u{2060}bot do\n");
        check("> bors r+", "> b\u{2060}ors r+\n");
        check("@renovate and @Renovate", "@\u{2060}renovate and @\u{2060}Renovate\n");
        check("mirrors r+\r\n a / b", "mirrors r+\n a / b\n");
    }

    #[test]
    fn a_line_is_wrapped_where_it_is_too_wide() {
        let lengths =
            |length: usize| wrapped(&"ö".repeat(length)).iter().map(|line| line.chars().count()).collect::<Vec<_>>();
        assert_eq!(lengths(WIDEST), [WIDEST]);
        assert_eq!(lengths(WIDEST + 1), [WIDEST, 1]);
        assert_eq!(lengths(0), [0]);
    }

    #[test]
    fn a_cut_joins_no_command() {
        let long = format!("{}##vso[x]", "x".repeat(WIDEST - 1));
        assert!(marked(&long).iter().all(|line| !line.contains("##")), "a wrap leaves one # at each end");
    }
}

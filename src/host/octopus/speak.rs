//! How we speak to Octopus: service messages on the standard output, and text in which nobody can hide one.
//!
//! Two parsers read what a step prints, the server's and Calamari's. Both know a message by its label; they differ in where
//! on a line they look for it and in what they remember over a line's end. The minimal example is `Notice::Info`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::clean::unwanted;
use crate::model::Notice;

/// What begins a service message. Only this file's constant code prints it.
const LABEL: &str = "##octopus";
/// Longer lines are wrapped, in characters: the portal shows a line whole.
const WIDEST: usize = 3_900;

/// `notices` as service messages and text, each line ended. Always leaves the output in its default mode.
#[must_use]
pub fn say(notices: &[Notice]) -> String {
    let mut out = String::new();
    let mut mode = Mode::Default;
    for notice in notices {
        let text = match notice {
            Notice::Highlight(text) => Some((Mode::Highlight, text)),
            Notice::Info(text) => Some((Mode::Default, text)),
            Notice::Verbose(text) => Some((Mode::Verbose, text)),
            Notice::Warning(text) => Some((Mode::Warning, text)),
            _ => None,
        };
        if let Some((wanted, text)) = text {
            mode = switch(&mut out, mode, wanted);
            for line in neutral(text) {
                out.push_str(&line);
                out.push('\n');
            }
            continue;
        }
        match notice {
            Notice::Progress(percent, doing) => {
                let percent = percent.min(&100).to_string();
                message(&mut out, "progress", &[("percentage", &percent), ("message", &neutral(doing).join(" "))]);
            }
            Notice::Output { name, value } => {
                message(&mut out, "setVariable", &[("name", name), ("value", &inert(value))]);
            }
            Notice::Artifact { path, name, bytes } => {
                let (path, bytes) = (path.display().to_string(), bytes.to_string());
                message(&mut out, "createArtifact", &[("path", &path), ("name", name), ("length", &bytes)]);
            }
            _ => {}
        }
    }
    switch(&mut out, mode, Mode::Default);
    out
}

/// The level at which the lines that follow are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Default,
    Verbose,
    Highlight,
    Warning,
}

fn switch(out: &mut String, from: Mode, to: Mode) -> Mode {
    if from != to {
        let name = match to {
            Mode::Default => "stdout-default",
            Mode::Verbose => "stdout-verbose",
            Mode::Highlight => "stdout-highlight",
            Mode::Warning => "stdout-warning",
        };
        message(out, name, &[]);
    }
    to
}

/// Appends one message on a line of its own. Base64 holds neither quotes nor brackets, so nothing needs escaping.
fn message(out: &mut String, name: &str, attributes: &[(&str, &str)]) {
    out.push_str(LABEL);
    out.push('[');
    out.push_str(name);
    for (attribute, value) in attributes {
        out.push_str(&format!(" {attribute}='{}'", STANDARD.encode(value)));
    }
    out.push_str("]\n");
}

/// Any text as lines that neither parser takes for a message, and that the portal does not make links of.
#[must_use]
pub fn neutral(text: &str) -> Vec<String> {
    let normal = text.replace("\r\n", "\n").replace(['\r', '\u{85}', '\u{2028}', '\u{2029}'], "\n");
    let mut lines = Vec::new();
    for line in normal.split('\n') {
        let line: String = line.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !unwanted(*c)).collect();
        wrap(&line, &mut lines);
    }
    for line in &mut lines {
        *line = without_label(line);
    }
    lines
}

/// Cuts before the label is looked for: a cut could join what it parts, and the other way round is seen below.
fn wrap(line: &str, lines: &mut Vec<String>) {
    let mut rest = line;
    while let Some((at, _)) = rest.char_indices().nth(WIDEST) {
        let (head, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        lines.push(head.to_owned());
        rest = tail;
    }
    lines.push(rest.to_owned());
}

fn without_label(line: &str) -> String {
    let mut line = line.replace("](", "] (");
    while let Some(at) = line.to_ascii_lowercase().find(LABEL) {
        line.insert(at + 2, ' ');
    }
    // Calamari's parser goes on with a label over the end of a line: a space there ends its hope.
    let lower = line.to_ascii_lowercase();
    if (1..LABEL.len()).any(|length| LABEL.get(..length).is_some_and(|start| lower.ends_with(start))) {
        line.push(' ');
    }
    line
}

/// A value for an output variable: Octopus evaluates `#{…}` in it wherever it is used later, with secrets in reach.
fn inert(value: &str) -> String {
    let value: String = value.chars().filter(|c| *c == '\n' || !unwanted(*c)).collect();
    value.replace("#{", "# {")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(neutral(text), expected);
    }

    #[test]
    fn the_label_is_broken_up_in_every_spelling() {
        check("##octopus[stdout-ignore]", &["## octopus[stdout-ignore]"]);
        check("a ##OctoPus[x] ##octopus", &["a ## OctoPus[x] ## octopus"]);
        check("####octopusoctopus", &["#### octopusoctopus"]);
        check("##oct\0opus[x]", &["## octopus[x]"]);
        check("##octopus\r[x]", &["## octopus", "[x]"]);
    }

    #[test]
    fn a_label_cannot_be_put_together_over_lines() {
        check("##octo\npus[setVariable]", &["##octo ", "pus[setVariable]"]);
        check("#", &["# "]);
        let long = format!("{}##octopus[x]", "x".repeat(WIDEST - 4));
        check(&long, &[&format!("{}##oc ", "x".repeat(WIDEST - 4)), "topus[x]"]);
    }

    #[test]
    fn links_and_template_expressions_lose_their_power() {
        check("[click](https://evil.example.com)", &["[click] (https://evil.example.com)"]);
        assert_eq!(inert("##{a} #{b}"), "## {a} # {b}");
    }

    #[test]
    fn a_mode_lasts_for_its_lines_alone() {
        let said = say(&[
            Notice::Highlight("a\nb".to_owned()),
            Notice::Highlight("c".to_owned()),
            Notice::Info("d".to_owned()),
        ]);
        assert_eq!(said, "##octopus[stdout-highlight]\na\nb\nc\n##octopus[stdout-default]\nd\n");
        assert_eq!(
            say(&[Notice::Progress(200, "x".to_owned())]),
            "##octopus[progress percentage='MTAw' message='eA==']\n"
        );
    }

    #[test]
    fn each_notice_is_said_in_its_own_way() {
        let said = say(&[
            Notice::Verbose("v".to_owned()),
            Notice::Warning("w".to_owned()),
            Notice::Output { name: "Firefighter.Cause".to_owned(), value: "a\r\n#{b}\u{7}\nc".to_owned() },
            Notice::Artifact { path: "/out/r.md".into(), name: "r.md".to_owned(), bytes: 12 },
            Notice::Info("i\tj\u{7}".to_owned()),
        ]);
        let encoded = |text: &str| STANDARD.encode(text);
        let expected = format!(
            "##octopus[stdout-verbose]\nv\n##octopus[stdout-warning]\nw\n##octopus[setVariable name='{}' value='{}']\n\
             ##octopus[createArtifact path='{}' name='{}' length='{}']\n##octopus[stdout-default]\ni j\n",
            encoded("Firefighter.Cause"),
            encoded("a\n# {b}\nc"),
            encoded("/out/r.md"),
            encoded("r.md"),
            encoded("12")
        );
        assert_eq!(said, expected);
        assert_eq!(
            say(&[Notice::Warning("w".to_owned())]),
            "##octopus[stdout-warning]\nw\n##octopus[stdout-default]\n"
        );
    }

    #[test]
    fn a_line_is_wrapped_where_it_is_too_wide() {
        let lengths =
            |length: usize| neutral(&"ö".repeat(length)).iter().map(|line| line.chars().count()).collect::<Vec<_>>();
        assert_eq!(lengths(WIDEST), [WIDEST]);
        assert_eq!(lengths(WIDEST + 1), [WIDEST, 1]);
    }
}

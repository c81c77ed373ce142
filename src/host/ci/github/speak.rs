//! How we speak to GitHub Actions: workflow commands on the standard output, and files that the runner reads.
//!
//! Facts of the commands' syntax and of their limits: `actions/runner`, `ActionCommand.cs` and `FileCommandManager.cs`.

use std::fmt::Write;
use std::path::Path;

use crate::model::Notice;

use super::super::{self as ci, cut, neutral, places, short, shown};

/// The title of our annotations.
pub(super) const TITLE: &str = "Firefighter";
/// A step may have ten annotations of a sort; more of ours than this would crowd out others'.
const ANNOTATIONS: usize = 3;
/// Characters of an annotation.
const MESSAGE: usize = 1_000;
/// Bytes of a summary: the page takes a megabyte a step, a reader far less.
const SUMMARY: usize = 60 << 10;
/// Bytes of an output's value.
const OUTPUT: usize = 16 << 10;
/// The file whose path is an output.
const REPORT: &str = "firefighter.md";

/// `notices` as workflow commands and harmless text.
pub(super) fn say(notices: &[Notice], workspace: Option<&Path>) -> String {
    let mut out = String::new();
    let mut annotations = 0;
    let place = places(notices, workspace).into_iter().next();
    for notice in notices {
        match notice {
            Notice::Highlight(text) if annotations < ANNOTATIONS => {
                let first = annotations == 0;
                annotations += 1;
                let word = if first { "error" } else { "notice" };
                let place = place.filter(|_| first).map(|(file, line)| {
                    let line = line.map(|line| format!(",line={line}")).unwrap_or_default();
                    format!("file={}{line},", property(file))
                });
                let text = data(&short(&neutral::one_line(text), MESSAGE));
                let _ = writeln!(out, "::{word} {}title={TITLE}::{text}", place.unwrap_or_default());
            }
            Notice::Warning(text) => {
                let _ = writeln!(out, "::warning title={TITLE}::{}", data(&short(&neutral::one_line(text), MESSAGE)));
            }
            Notice::Verbose(text) => {
                let _ = writeln!(out, "::debug::{}", data(&neutral::one_line(text)));
            }
            _ => {}
        }
    }
    if let Some(shown) = shown(notices) {
        let _ = writeln!(out, "::group::Firefighter's report\n{shown}\n::endgroup::");
    }
    out
}

/// The page below the run; `None` where there is nothing to say there.
pub(super) fn summary(notices: &[Notice]) -> Option<String> {
    ci::summary(notices).map(|text| format!("{}\n", cut(text, SUMMARY)))
}

/// The step's outputs, in the runner's own format for files.
pub(super) fn outputs(notices: &[Notice]) -> Option<String> {
    let mut out = String::new();
    for notice in notices {
        if let Notice::Output { name, value } = notice {
            let name = name.rsplit('.').next().unwrap_or(name);
            let value = neutral::one_line(value.get(..value.floor_char_boundary(OUTPUT)).unwrap_or_default());
            // One line, so that no delimiter is needed which the value might hold.
            let _ = writeln!(out, "{}={value}", kebab(name));
        }
        if let Notice::Artifact { path, name, .. } = notice
            && name == REPORT
        {
            let folder = path.parent().unwrap_or(path);
            for (name, path) in [("report", path.as_path()), ("report-dir", folder)] {
                let _ = writeln!(out, "{name}={}", neutral::one_line(&path.display().to_string()));
            }
        }
    }
    (!out.is_empty()).then_some(out)
}

/// `FailedStep` as `failed-step`.
fn kebab(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.chars().filter(char::is_ascii_alphanumeric).enumerate() {
        if c.is_ascii_uppercase() && at > 0 {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highlights_are_annotations_and_the_report_is_a_group() {
        let said = say(
            &[Notice::Highlight("50% of\n::x".to_owned()), Notice::Info("a\n::error::b\n##[error]c".to_owned())],
            None,
        );
        assert_eq!(
            said,
            "::error title=Firefighter::50%25 of ::x\n::group::Firefighter's report\n│ a\n│ ::error::b\n│ # #[error]c\n::endgroup::\n"
        );
    }

    #[test]
    fn outputs_are_lines_of_names_and_values() {
        let output = |name: &str, value: &str| Notice::Output { name: name.to_owned(), value: value.to_owned() };
        let told = outputs(&[output("Firefighter.FailedStep", "a\nb=c"), output("Firefighter.Cause", "x<<EOF")]);
        assert_eq!(told.as_deref(), Some("failed-step=a b=c\ncause=x<<EOF\n"));
        let path = Path::new("out").join(REPORT);
        let told = outputs(&[Notice::Artifact { path: path.clone(), name: REPORT.to_owned(), bytes: 1 }]);
        assert_eq!(told, Some(format!("report={}\nreport-dir=out\n", path.display())));
    }

    #[test]
    fn the_first_highlight_is_the_error_and_no_more_than_three_are_annotations() {
        let all: Vec<Notice> = ["a", "b", "c", "d"].map(|text| Notice::Highlight(text.to_owned())).into();
        let expected = "::error title=Firefighter::a\n::notice title=Firefighter::b\n::notice title=Firefighter::c\n";
        assert_eq!(say(&all, None), expected);
        let said = say(&[Notice::Warning("50%\nx".to_owned()), Notice::Verbose("::y\r".to_owned())], None);
        assert_eq!(said, "::warning title=Firefighter::50%25 x\n::debug::::y\n");
    }

    #[test]
    fn a_value_and_a_page_are_no_longer_than_they_may_be() {
        let value = "x".repeat(OUTPUT + 9);
        let told = outputs(&[Notice::Output { name: "Firefighter.Cause".to_owned(), value }]).unwrap();
        assert_eq!(told.matches('x').count(), 16 << 10);
        let page = |length: usize| summary(&[Notice::Summary("a\n\n".repeat(length / 3))]).map(|page| page.len());
        assert_eq!(page(30 << 10), Some((30 << 10) + 1));
        assert!(
            page(90 << 10).is_some_and(|length| (50 << 10..=(60 << 10) + 1).contains(&length)),
            "{:?}",
            page(90 << 10)
        );
        assert_eq!(summary(&[]), None);
        assert_eq!(outputs(&[Notice::Artifact { path: "x/y".into(), name: "y".to_owned(), bytes: 1 }]), None);
    }

    #[test]
    fn nothing_in_a_property_ends_it() {
        assert_eq!(property("a:b,c%d\r\n"), "a%3Ab%2Cc%25d%0D%0A");
        assert_eq!(kebab("FailedStep"), "failed-step");
        assert_eq!(kebab("a.B c"), "a-bc");
    }
}

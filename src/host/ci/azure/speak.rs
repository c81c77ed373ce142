//! How we speak to Azure Pipelines: logging commands on the standard output.
//!
//! Facts of their syntax: `microsoft/azure-pipelines-agent`, `Command.cs` and `TaskCommandExtension.cs`. A command that the agent
//! knows and cannot carry out fails the task, so a file is named only where it is, and nothing is asked for but by what is here.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::model::Notice;

use super::super::{neutral, place, report, short, shown};

/// Warnings beside the error: a task may show ten of a sort, and more of ours would crowd out others'.
const ISSUES: usize = 3;
/// Characters of an issue.
const MESSAGE: usize = 1_000;
/// Bytes of a variable's value.
const OUTPUT: usize = 16 << 10;

/// What is known of the place we speak in.
#[derive(Debug, Default)]
pub(super) struct Voice {
    /// The folder of the sources.
    pub(super) sources: Option<PathBuf>,
    /// What our files are called among the run's artifacts; `None` where there are none, as in a classic release.
    pub(super) artifact: Option<String>,
}

impl Voice {
    /// `notices` as logging commands and harmless text.
    pub(super) fn say(&self, notices: &[Notice]) -> String {
        let mut out = String::new();
        let mut issues = 0;
        let place = place(notices, self.sources.as_deref());
        // Among other notices the report says it too; alone it would be seen only by who looks for faults of the pipeline.
        let alone = notices.iter().all(|notice| matches!(notice, Notice::Verbose(_)));
        for notice in notices {
            match notice {
                Notice::Highlight(text) if issues < ISSUES => {
                    let first = issues == 0;
                    issues += 1;
                    let kind = if first { "error" } else { "warning" };
                    let place = place.filter(|_| first).map(|(file, line)| {
                        let line = line.map(|line| format!(";linenumber={line}")).unwrap_or_default();
                        format!(";sourcepath={}{line}", escaped(file))
                    });
                    command(&mut out, &format!("task.logissue type={kind}{}", place.unwrap_or_default()), &issue(text));
                }
                Notice::Warning(text) => command(&mut out, "task.logissue type=warning", &issue(text)),
                Notice::Verbose(text) if alone => {
                    for line in neutral::marked(text) {
                        let _ = writeln!(out, "{line}");
                    }
                }
                Notice::Verbose(text) => command(&mut out, "task.debug", text),
                Notice::Progress(percent, doing) => {
                    command(&mut out, &format!("task.setprogress value={}", percent.min(&100)), doing);
                }
                Notice::Output { name, value } => {
                    let value = value.get(..value.floor_char_boundary(OUTPUT)).unwrap_or_default();
                    set(&mut out, &camel(name.rsplit('.').next().unwrap_or(name)), value);
                }
                _ => {}
            }
        }
        if let Some(shown) = shown(notices) {
            let _ = writeln!(out, "##[group]Firefighter's report\n{shown}\n##[endgroup]");
        }
        if let Some(path) = report(notices).filter(|path| may_be_named(path)) {
            let folder = path.parent().unwrap_or(path).display().to_string();
            let path = path.display().to_string();
            set(&mut out, "report", &path);
            set(&mut out, "reportDir", &folder);
            command(&mut out, "task.uploadsummary", &path);
            if let Some(name) = &self.artifact {
                let name = escaped(name);
                let what = format!("artifact.upload containerfolder={name};artifactname={name}");
                command(&mut out, &what, &folder);
            }
        }
        out
    }
}

/// Prints a command; `what` is ours alone, but for values in it that are escaped.
fn command(out: &mut String, what: &str, data: &str) {
    // A write to a string cannot fail.
    let _ = writeln!(out, "##vso[{what}]{}", escaped(data));
}

/// A value that later steps and jobs can read. The agent puts in the value of each variable that it names as `$(NAME)`, be it a
/// secret: a value of ours names none.
fn set(out: &mut String, name: &str, value: &str) {
    let value = value.replace("$(", "$ (").replace("${", "$ {").replace("$[", "$ [");
    command(out, &format!("task.setvariable variable={name};isoutput=true"), &value);
}

fn issue(text: &str) -> String {
    short(&neutral::one_line(text), MESSAGE)
}

/// `text` as data or property of a command: one line, in which nothing begins another command or ends this one.
fn escaped(text: &str) -> String {
    let text = neutral::one_line(text).replace('%', "%AZP25");
    text.replace(';', "%3B").replace('\r', "%0D").replace('\n', "%0A").replace(']', "%5D")
}

/// Whether the agent will find the file: it is there, and its name comes through as it is.
fn may_be_named(path: &Path) -> bool {
    let text = path.display().to_string();
    path.is_absolute() && path.is_file() && neutral::one_line(&text) == text
}

/// `FailedStep` as `failedStep`.
fn camel(name: &str) -> String {
    let mut letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_log_says_ends_no_command_and_begins_none() {
        let output = Notice::Output {
            name: "Firefighter.FailedStep".to_owned(),
            value: "50%; a]b\n##vso[x.y]z $(SECRET)".to_owned(),
        };
        let said =
            Voice::default().say(&[Notice::Highlight("##vso[task.complete result=Failed;]\rx".to_owned()), output]);
        assert_eq!(
            said,
            "##vso[task.logissue type=error]# #vso[task.complete result=Failed%3B%5D x\n\
             ##vso[task.setvariable variable=failedStep;isoutput=true]50%AZP25%3B a%5Db # #vso[x.y%5Dz $ (SECRET)\n"
        );
    }

    #[test]
    fn a_remark_that_stands_alone_is_seen() {
        let remark = || Notice::Verbose("##vso[a.b]c".to_owned());
        let say = |notices: &[Notice]| Voice::default().say(notices);
        assert_eq!(say(&[remark()]), "│ # #vso[a.b]c\n");
        assert!(say(&[Notice::Highlight("x".to_owned()), remark()]).ends_with("##vso[task.debug]# #vso[a.b%5Dc\n"));
    }

    #[test]
    fn a_file_that_is_not_there_is_not_named() {
        let gone =
            Notice::Artifact { path: "/nowhere/firefighter.md".into(), name: "firefighter.md".to_owned(), bytes: 1 };
        assert_eq!(Voice { artifact: Some("x".to_owned()), ..Voice::default() }.say(&[gone]), "");
    }

    #[test]
    fn a_file_is_named_where_it_is_there_and_its_name_comes_through() {
        let folder = std::env::temp_dir().join(format!("firefighter-azure-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = |name: &str| {
            let path = folder.join(name);
            std::fs::write(&path, "x").unwrap();
            path
        };
        assert!(may_be_named(&file("a report;].md")));
        assert!(!may_be_named(&file("a##b")) && !may_be_named(&file("a\nb")));
        assert!(!may_be_named(&folder) && !may_be_named(&folder.join("none")));
        assert!(!may_be_named(Path::new("Cargo.toml")), "the agent stands in another folder");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_first_highlight_is_the_error_and_no_more_than_three_are_issues() {
        let all: Vec<Notice> = ["a", "b", "c", "d"].map(|text| Notice::Highlight(text.to_owned())).into();
        let issue = |kind: &str, text: &str| format!("##vso[task.logissue type={kind}]{text}\n");
        let say = |notices: &[Notice]| Voice::default().say(notices);
        assert_eq!(say(&all), issue("error", "a") + &issue("warning", "b") + &issue("warning", "c"));
        assert_eq!(say(&[Notice::Warning("a]\n##vso[x]".to_owned())]), issue("warning", "a%5D # #vso[x%5D"));
        assert_eq!(say(&[Notice::Progress(200, "a]".to_owned())]), "##vso[task.setprogress value=100]a%5D\n");
    }

    #[test]
    fn a_value_is_no_longer_than_it_may_be_and_names_no_variable() {
        let output = |value: &str| {
            Voice::default()
                .say(&[Notice::Output { name: "Firefighter.FailedStep".to_owned(), value: value.to_owned() }])
        };
        let mark = "##vso[task.setvariable variable=failedStep;isoutput=true]";
        assert_eq!(output(&"x".repeat(OUTPUT + 9)).matches('x').count(), 16 << 10);
        assert_eq!(output("$(A) ${B} $[C]"), format!("{mark}$ (A) $ {{B}} $ [C%5D\n"));
    }
}

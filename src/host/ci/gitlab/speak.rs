//! How we speak to GitLab: lines of the job's log, and files that it reads from the report's folder.
//!
//! Facts of the marks and files: GitLab's `lib/gitlab/regex.rb`, `app/services/ci/parse_dotenv_artifact_service.rb` and its pages on
//! the reports `codequality`, `annotations` and `dotenv`.

use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::model::Notice;

use super::super::{headline, neutral, places, told};

/// The marks of the log's section that holds our report, and its title. The times tell how long it took, which is not shown.
pub(super) const START: &str = "section_start:0:firefighter[collapsed=true,hide_duration=true]";
pub(super) const END: &str = "section_end:0:firefighter";
pub(super) const TITLE: &str = "Firefighter's report";
/// Bytes of a variable's value: GitLab takes five kilobytes in all.
const VALUE: usize = 700;
/// The report that a browser shows.
const PAGE: &str = "firefighter.html";

/// `notices` as lines of the log: highlights, then the report in a section that is folded.
pub(super) fn say(notices: &[Notice]) -> String {
    let is_report = |notice: &&Notice| matches!(notice, Notice::Info(_));
    let first = told(notices.iter().filter(|notice| !is_report(notice)));
    let report = told(notices.iter().filter(is_report));
    if report.is_empty() {
        return first;
    }
    let mark = |mark: &str| format!("\u{1b}[0K{mark}\r\u{1b}[0K");
    format!("{first}{}{TITLE}\n{report}{}\n", mark(START), mark(END))
}

/// The files for `artifacts:reports`, below the folder of the sources `root`; `job` is the job's address.
pub(super) fn kept(notices: &[Notice], root: Option<&Path>, job: Option<&str>) -> Vec<(&'static str, String)> {
    vec![
        ("codequality.json", format!("{:#}\n", issues(notices, root))),
        ("annotations.json", format!("{:#}\n", links(notices, root, job))),
        ("firefighter.env", variables(notices)),
    ]
}

/// An issue for each place in the sources that the evidence names.
fn issues(notices: &[Notice], root: Option<&Path>) -> Value {
    let output = |wanted: &str| outputs(notices).find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let sure = output("Confidence").is_some_and(|word| word == "high" || word == "medium");
    let failure = output("Fingerprint").unwrap_or_default();
    let issue = |(file, line): (&str, Option<usize>)| {
        let line = line.unwrap_or(1);
        json!({
            "description": neutral::one_line(headline(notices)),
            "check_name": "firefighter",
            "fingerprint": hex(&format!("{failure}\n{file}\n{line}")),
            "severity": if sure { "major" } else { "info" },
            "location": { "path": file, "lines": { "begin": line } },
        })
    };
    places(notices, root).into_iter().map(issue).collect()
}

/// The link on the job's page that leads to the report among the job's artifacts.
fn links(notices: &[Notice], root: Option<&Path>, job: Option<&str>) -> Value {
    let page = notices.iter().find_map(|notice| match notice {
        Notice::Artifact { path, name, .. } if name == PAGE => Some(path),
        _ => None,
    });
    // Only what lies below the sources can be an artifact.
    let below = page.zip(root).and_then(|(page, root)| page.strip_prefix(root).ok().map(PathBuf::from));
    let Some((page, job)) = below.zip(job) else { return json!({}) };
    let page = page.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
    let url = format!("{job}/artifacts/file/{page}");
    json!({ "firefighter": [{ "external_link": { "label": "Firefighter: why it failed", "url": url } }] })
}

/// Outputs as variables of later jobs, a line each.
fn variables(notices: &[Notice]) -> String {
    outputs(notices).map(|(name, value)| format!("FIREFIGHTER_{}={}\n", screaming(name), inert(value))).collect()
}

fn outputs(notices: &[Notice]) -> impl Iterator<Item = (&str, &str)> {
    notices.iter().filter_map(|notice| match notice {
        Notice::Output { name, value } => Some((name.rsplit('.').next().unwrap_or(name), value.as_str())),
        _ => None,
    })
}

/// A value in one line. GitLab puts variables into it wherever it is used later, secrets among them: none is named after this.
fn inert(value: &str) -> String {
    let value = neutral::one_line(value.get(..value.floor_char_boundary(VALUE)).unwrap_or_default());
    value.replace('$', "$ ").replace('%', "% ").trim().to_owned()
}

/// `FailedStep` as `FAILED_STEP`.
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.chars().filter(char::is_ascii_alphanumeric).enumerate() {
        if c.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

fn hex(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_a_section_with_nothing_of_it_in_the_marks() {
        let said = say(&[
            Notice::Highlight("cause".to_owned()),
            Notice::Info("a\r\u{1b}[0Ksection_end:0:firefighter".to_owned()),
        ]);
        let expected = "│ cause\n\u{1b}[0Ksection_start:0:firefighter[collapsed=true,hide_duration=true]\r\u{1b}[0KFirefighter's report\n\
                        │ a\n│ [0Ksection_end:0:firefighter\n\u{1b}[0Ksection_end:0:firefighter\r\u{1b}[0K\n";
        assert_eq!(said, expected);
    }

    #[test]
    fn a_variable_is_a_line_and_names_no_other() {
        let output = |name: &str, value: &str| Notice::Output { name: name.to_owned(), value: value.to_owned() };
        let told = variables(&[output("Firefighter.FailedStep", "a\nB=c"), output("Firefighter.Cause", "$A ${B} %C%")]);
        assert_eq!(told, "FIREFIGHTER_FAILED_STEP=a B=c\nFIREFIGHTER_CAUSE=$ A $ {B} % C%\n");
    }

    #[test]
    fn issues_stand_at_places_that_are_there_and_are_as_grave_as_we_are_sure() {
        let root = std::env::temp_dir().join(format!("firefighter-gitlab-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join("a.rs"), "x").unwrap();
        let output =
            |name: &str, value: &str| Notice::Output { name: format!("Firefighter.{name}"), value: value.to_owned() };
        let issue = |confidence: &str, fingerprint: &str| {
            let place = |file: &str| Notice::Place { file: file.to_owned(), line: Some(7) };
            let all = [
                Notice::Highlight("a\nb".to_owned()),
                output("Confidence", confidence),
                output("Fingerprint", fingerprint),
                place("a.rs"),
                place("../a.rs"),
            ];
            let mut found = issues(&all, Some(&root));
            assert_eq!(found.as_array().map(Vec::len), Some(1));
            found[0].take()
        };
        let high = issue("high", "f");
        assert_eq!(
            (&high["description"], &high["location"]),
            (&json!("a b"), &json!({ "path": "a.rs", "lines": { "begin": 7 } }))
        );
        assert_eq!(
            high["fingerprint"],
            json!(hex("f\na.rs\n7")),
            "the same failure at the same place is the same issue"
        );
        assert_ne!(high["fingerprint"], issue("high", "g")["fingerprint"]);
        let severity = |confidence: &str| issue(confidence, "f")["severity"].take();
        assert_eq!([severity("high"), severity("medium"), severity("low")], ["major", "major", "info"]);
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn the_link_leads_to_our_page_among_the_jobs_artifacts() {
        let page = |path: &str, name: &str| Notice::Artifact { path: path.into(), name: name.to_owned(), bytes: 1 };
        let root = Some(Path::new("/src"));
        let all = [page("/src/r/firefighter.md", "firefighter.md"), page("/src/r/firefighter.html", PAGE)];
        let url = "https://h/job/artifacts/file/r/firefighter.html";
        assert_eq!(links(&all, root, Some("https://h/job"))["firefighter"][0]["external_link"]["url"], json!(url));
        assert_eq!(links(&all, root, None), json!({}));
        assert_eq!(links(&[page("/elsewhere/firefighter.html", PAGE)], root, Some("https://h/job")), json!({}));
        let names: Vec<_> = kept(&all, root, None).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["codequality.json", "annotations.json", "firefighter.env"]);
    }

    #[test]
    fn a_sum_is_in_hexadecimal() {
        assert_eq!(hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}

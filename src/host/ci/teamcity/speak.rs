//! How we speak to TeamCity: service messages on the standard output.
//!
//! Facts of their syntax: `JetBrains/teamcity-documentation`, `service-messages.md`. Nothing here fails a build: no problem, no
//! status, no message of the status ERROR.

use std::fmt::Write;
use std::path::Path;

use crate::model::Notice;

use super::super::{neutral, report, short};

/// The flow of all our messages, so that they stay together where others write at the same time.
const FLOW: &str = "firefighter";
/// Characters of what stands beside the build's status.
const STATUS: usize = 200;
/// Characters of a message; of a parameter's value.
const MESSAGE: usize = 1_000;
const VALUE: usize = 4_000;

/// `notices` as service messages.
pub(super) fn say(notices: &[Notice]) -> String {
    let mut out = String::new();
    let mut log = Vec::new();
    for notice in notices {
        match notice {
            Notice::Highlight(text) | Notice::Warning(text) => {
                log.push((short(&neutral::one_line(text), MESSAGE), "WARNING"));
            }
            Notice::Info(text) => log.extend(neutral::marked(text).into_iter().map(|line| (line, "NORMAL"))),
            Notice::Progress(_, doing) => {
                message(&mut out, "progressMessage", &[("", &format!("Firefighter: {doing}"))]);
            }
            _ => {}
        }
    }
    if log.is_empty() {
        // The report says what else there is to know; without one it is said here.
        log.extend(notices.iter().filter_map(|notice| match notice {
            Notice::Verbose(text) => Some((short(&neutral::one_line(text), MESSAGE), "NORMAL")),
            _ => None,
        }));
    }
    if !log.is_empty() {
        message(&mut out, "blockOpened", &[("name", "Firefighter"), ("description", "why this build failed")]);
        for (text, status) in log {
            message(&mut out, "message", &[("text", &text), ("status", status)]);
        }
        message(&mut out, "blockClosed", &[("name", "Firefighter")]);
    }
    for notice in notices {
        let Notice::Output { name, value } = notice else { continue };
        let (name, value) = (name.rsplit('.').next().unwrap_or(name), neutral::one_line(value));
        let parameter = format!("firefighter.{}", name.to_ascii_lowercase());
        // A single percent sign would begin a reference to another parameter, which may hold a secret.
        let kept = short(&value, VALUE).replace('%', "%%");
        message(&mut out, "setParameter", &[("name", &parameter), ("value", &kept)]);
        if name == "Category" && value != "unknown" {
            message(&mut out, "addBuildTag", &[("", &format!("firefighter:{value}"))]);
        }
        if name == "Cause" {
            // The server puts in what it says itself.
            let text = format!("{{build.status.text}}; Firefighter: {}", short(&value, STATUS));
            message(&mut out, "buildStatus", &[("text", &text)]);
        }
    }
    if let Some(folder) = report(notices).and_then(Path::parent).filter(|folder| may_be_named(folder)) {
        message(&mut out, "publishArtifacts", &[("", &format!("{} => firefighter", folder.display()))]);
    }
    out
}

/// Prints a message; one with a single value has no name for it.
fn message(out: &mut String, name: &str, attributes: &[(&str, &str)]) {
    // A write to a string cannot fail.
    let _ = write!(out, "##teamcity[{name}");
    for (key, value) in attributes {
        let equals = if key.is_empty() { "" } else { "=" };
        let _ = write!(out, " {key}{equals}'{}'", escaped(value));
    }
    if attributes.iter().all(|(key, _)| !key.is_empty()) {
        let _ = write!(out, " flowId='{FLOW}'");
    }
    out.push_str("]\n");
}

/// `text` as a value: one line, in which nothing ends the value or begins another message.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in neutral::one_line(text).chars() {
        match c {
            '\'' | '|' | '[' | ']' => out.extend(['|', c]),
            ' '..='~' => out.push(c),
            // In a build agent's own encoding it may not be what it was.
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("|0x{unit:04X}"))),
        }
    }
    out
}

/// Whether the folder is there and its name is no pattern.
fn may_be_named(folder: &Path) -> bool {
    let text = folder.display().to_string();
    let is_plain =
        !text.contains(['*', '?', ',', '\n', '%']) && !text.contains("=>") && neutral::one_line(&text) == text;
    is_plain && folder.is_absolute() && folder.is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_log_says_ends_no_message_and_begins_none() {
        let said = say(&[
            Notice::Highlight("it's |a| ##teamcity[buildProblem description='x']\nü𝄞".to_owned()),
            Notice::Output { name: "Firefighter.Cause".to_owned(), value: "a'] status='SUCCESS %env.X%".to_owned() },
        ]);
        assert_eq!(
            said,
            "##teamcity[blockOpened name='Firefighter' description='why this build failed' flowId='firefighter']\n\
             ##teamcity[message text='it|'s ||a|| # #teamcity|[buildProblem description=|'x|'|] |0x00FC|0xD834|0xDD1E' status='WARNING' flowId='firefighter']\n\
             ##teamcity[blockClosed name='Firefighter' flowId='firefighter']\n\
             ##teamcity[setParameter name='firefighter.cause' value='a|'|] status=|'SUCCESS %%env.X%%' flowId='firefighter']\n\
             ##teamcity[buildStatus text='{build.status.text}; Firefighter: a|'|] status=|'SUCCESS %env.X%' flowId='firefighter']\n"
        );
    }

    #[test]
    fn a_folder_is_named_where_it_is_there_and_its_name_is_no_pattern() {
        let root = std::env::temp_dir().join(format!("firefighter-teamcity-{}", std::process::id()));
        let folder = |name: &str| {
            let path = root.join(name);
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        assert!(may_be_named(&folder("a report")));
        for name in ["a*", "a?", "a,b", "a\nb", "a%b", "a=>b", "a##b"] {
            assert!(!may_be_named(&folder(name)), "{name}");
        }
        std::fs::write(root.join("file"), "x").unwrap();
        assert!(
            !may_be_named(&root.join("file")) && !may_be_named(&root.join("none")) && !may_be_named(Path::new("src"))
        );
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn each_notice_is_said_in_its_own_way() {
        let output = |name: &str, value: &str| Notice::Output { name: name.to_owned(), value: value.to_owned() };
        let lines = |notices: &[Notice]| say(notices).lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(&[Notice::Progress(10, "a]".to_owned())]), ["##teamcity[progressMessage 'Firefighter: a|]']"]);
        let message = |text: &str, status: &str| {
            format!("##teamcity[message text='{text}' status='{status}' flowId='firefighter']")
        };
        let said =
            lines(&[Notice::Verbose("v".to_owned()), Notice::Info("i".to_owned()), Notice::Warning("w".to_owned())]);
        assert_eq!(said[1..3], [message("|0x2502 i", "NORMAL"), message("w", "WARNING")]);
        assert_eq!(lines(&[Notice::Verbose("v".to_owned())])[1], message("v", "NORMAL"), "where there is no report");
        let tags = |name: &str, value: &str| {
            lines(&[output(name, value)]).into_iter().filter(|line| line.contains("addBuildTag")).collect::<Vec<_>>()
        };
        assert_eq!(tags("Firefighter.Category", "dns"), ["##teamcity[addBuildTag 'firefighter:dns']"]);
        assert!(tags("Firefighter.Category", "unknown").is_empty() && tags("Firefighter.Cause", "dns").is_empty());
        assert!(lines(&[output("Firefighter.Category", "dns")]).iter().all(|line| !line.contains("buildStatus")));
    }
}

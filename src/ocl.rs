//! OCL, the language that Octopus keeps a project's process in when it lies in a repository: the part of one step, and a property
//! of its action set. A text is read by a kept parser; what is not changed keeps its bytes.

use std::ops::Range;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, Object};
use hcl_edit::parser::parse_body;
use hcl_edit::structure::{Block, Body};

/// The longest text that is read.
const LONGEST: usize = 4 << 20;

/// The lines of the step called `step` in the text of a process: the number of the first one, from 1, and all of them with their
/// line ends. A step is called by its slug, which is its block's label, or by its name. `None` where the text is no OCL or has no
/// such step.
#[must_use]
pub fn step(text: &str, step: &str) -> Option<(usize, String)> {
    let body = parsed(text)?;
    let is_it = |block: &&Block| label(block) == Some(step) || attribute(&block.body, "name") == Some(step);
    let span = body.blocks().filter(|block| block.ident.as_str() == "step").find(is_it)?.span()?;
    let start = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
    let end = text.get(span.end..)?.find('\n').map_or(text.len(), |at| span.end + at + 1);
    let first = text.get(..start)?.matches('\n').count() + 1;
    Some((first, text.get(start..end)?.to_owned()))
}

/// The lines of a step, as [`step`] gives them, with `properties` set in its action called `action`; properties stand in the order
/// of their names, as Octopus writes them. `None` where the action is not there, or what comes out is no OCL.
#[must_use]
pub fn with_properties(lines: &str, action: &str, properties: &[(&str, &str)]) -> Option<String> {
    properties.iter().try_fold(lines.to_owned(), |text, (name, value)| with_property(&text, action, name, value))
}

fn with_property(lines: &str, action: &str, name: &str, value: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if ![name, value].iter().all(|text| !text.is_empty() && text.chars().all(plain)) {
        return None;
    }
    let body = parsed(lines)?;
    let block = action_of(body.blocks().next()?, action)?;
    let ending = if lines.contains("\r\n") { "\r\n" } else { "\n" };
    let held = block.body.get_attribute("properties");
    let changed = match held.map(|held| &held.value) {
        Some(Expression::Object(object)) => {
            let entries = entries(lines, object)?;
            if let Some(entry) = entries.iter().find(|entry| entry.name == name) {
                spliced(lines, entry.value.clone(), &format!("\"{value}\""))?
            } else {
                // The first entry's own indent, so that a file with tabs keeps them.
                let next = entries.iter().find(|entry| entry.name.as_str() > name);
                let at = match next {
                    Some(next) => line_start(lines, next.start),
                    None => line_start(lines, object.span()?.end - 1),
                };
                let indent = match entries.first() {
                    Some(first) => indent_at(lines, first.start)?.to_owned(),
                    None => format!("{}    ", indent_at(lines, held?.span()?.start)?),
                };
                spliced(lines, at..at, &format!("{indent}{name} = \"{value}\"{ending}"))?
            }
        }
        Some(_) => return None,
        None => {
            let first = block.body.iter().next()?.span()?;
            let indent = indent_at(lines, first.start)?;
            let at = line_end(lines, first.end);
            let entry = format!("{indent}    {name} = \"{value}\"{ending}");
            spliced(lines, at..at, &format!("{indent}properties = {{{ending}{entry}{indent}}}{ending}"))?
        }
    };
    let held = parsed(&changed)?;
    let block = action_of(held.blocks().next()?, action)?;
    let Expression::Object(object) = &block.body.get_attribute("properties")?.value else { return None };
    let is_set =
        |entry: &Entry| entry.name == name && changed.get(entry.value.clone()) == Some(&format!("\"{value}\""));
    entries(&changed, object)?.iter().any(is_set).then_some(changed)
}

/// A property: what it is called, where it begins, and where its value stands.
struct Entry {
    name: String,
    start: usize,
    value: Range<usize>,
}

fn entries(text: &str, object: &Object) -> Option<Vec<Entry>> {
    let entry = |(key, value): (&hcl_edit::expr::ObjectKey, &hcl_edit::expr::ObjectValue)| {
        let span = key.span()?;
        let name = text.get(span.clone())?.trim().trim_matches('"').to_owned();
        Some(Entry { name, start: span.start, value: value.expr().span()? })
    };
    let found: Vec<Entry> = object.iter().map(entry).collect::<Option<_>>()?;
    // On a line of its own each: else there is no line to put one before.
    let own_line = |at: usize| text.get(line_start(text, at)..at).is_some_and(|before| before.trim().is_empty());
    let end = object.span()?.end.checked_sub(1)?;
    (found.iter().all(|entry| own_line(entry.start)) && own_line(end)).then_some(found)
}

/// The only action of a step, else the one called `name`, or by the slug that is its label.
fn action_of<'a>(step: &'a Block, name: &str) -> Option<&'a Block> {
    let actions: Vec<&Block> = step.body.blocks().filter(|block| block.ident.as_str() == "action").collect();
    match actions.as_slice() {
        [only] => Some(only),
        several => several
            .iter()
            .find(|block| label(block) == Some(name) || attribute(&block.body, "name") == Some(name))
            .copied(),
    }
}

fn label(block: &Block) -> Option<&str> {
    block.labels.first().map(hcl_edit::structure::BlockLabel::as_str)
}

fn attribute<'a>(body: &'a Body, name: &str) -> Option<&'a str> {
    body.get_attribute(name)?.value.as_str()
}

fn parsed(text: &str) -> Option<Body> {
    (text.len() <= LONGEST).then(|| parse_body(text).ok())?
}

fn spliced(text: &str, range: Range<usize>, new: &str) -> Option<String> {
    Some(format!("{}{new}{}", text.get(..range.start)?, text.get(range.end..)?))
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|after| after.find('\n')).map_or(text.len(), |end| at + end + 1)
}

fn indent_at(text: &str, at: usize) -> Option<&str> {
    let before = text.get(line_start(text, at)..at)?;
    before.trim().is_empty().then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROCESS: &str = r#"step "fetch" {
    name = "Fetch – größer"

    action {
        action_type = "Octopus.Script"
        properties = {
            Octopus.Action.Script.ScriptBody = <<-EOT
                echo "step \"scan\" {"
                }
                EOT
            Octopus.Action.Script.Syntax = "Bash"
        }
    }
}

step "scan" {
    name = "Scan for Security Vulnerabilities"

    action {
        action_type = "Octopus.Script"
        properties = {
            Octopus.Action.AutoRetry.MaximumCount = "0"
            Octopus.Action.Script.ScriptSource = "Inline"
        }
        worker_pool = "hosted-ubuntu"
    }
}

step "two" {
    name = "Two"

    action "first" {
        action_type = "Octopus.Manual"
    }

    action "second" {
        name = "The second"
        action_type = "Octopus.Script"
        properties = {
        }
    }
}
"#;

    const RETRIES: [(&str, &str); 2] =
        [("Octopus.Action.AutoRetry.MaximumCount", "3"), ("Octopus.Action.AutoRetry.MinimumBackoff", "15")];

    #[test]
    fn a_step_is_found_by_its_slug_or_its_name() {
        let check = |name: &str, first: Option<usize>| {
            let found = step(PROCESS, name);
            assert_eq!(found.as_ref().map(|found| found.0), first, "{name}");
            if let Some((first, lines)) = found {
                let there: String = PROCESS.split_inclusive('\n').skip(first - 1).take(lines.lines().count()).collect();
                assert_eq!(lines, there);
                assert!(lines.starts_with("step \"") && lines.ends_with("\n}\n"), "{lines}");
            }
        };
        check("fetch", Some(1));
        check("scan", Some(16));
        check("Scan for Security Vulnerabilities", Some(16));
        check("two", Some(29));
        check("none", None);
        assert_eq!(step("step \"scan\" {", "scan"), None, "no OCL");
    }

    /// What is added to and removed from a step's lines.
    fn check(name: &str, action: &str, expected: &str) {
        let (_, before) = step(PROCESS, name).unwrap();
        for ending in ["\n", "\r\n"] {
            let before = before.replace('\n', ending);
            let after = with_properties(&before, action, &RETRIES);
            let told = after.map(|after| {
                let gone =
                    before.split_inclusive('\n').filter(|line| !after.contains(*line)).map(|line| format!("-{line}"));
                let new =
                    after.split_inclusive('\n').filter(|line| !before.contains(*line)).map(|line| format!("+{line}"));
                gone.chain(new).collect::<String>()
            });
            assert_eq!(told.unwrap_or_default(), expected.replace('\n', ending), "{name}");
        }
    }

    #[test]
    fn a_property_is_set_where_octopus_would_write_it() {
        check(
            "scan",
            "Scan",
            "-            Octopus.Action.AutoRetry.MaximumCount = \"0\"\n+            Octopus.Action.AutoRetry.MaximumCount = \"3\"\n+            Octopus.Action.AutoRetry.MinimumBackoff = \"15\"\n",
        );
        check(
            "fetch",
            "Fetch – größer",
            "+            Octopus.Action.AutoRetry.MaximumCount = \"3\"\n+            Octopus.Action.AutoRetry.MinimumBackoff = \"15\"\n",
        );
        check(
            "two",
            "The second",
            "+            Octopus.Action.AutoRetry.MaximumCount = \"3\"\n+            Octopus.Action.AutoRetry.MinimumBackoff = \"15\"\n",
        );
        check("two", "third", "");
        let (_, lines) = step(PROCESS, "two").unwrap();
        let block =
            "\"Octopus.Manual\"\n        properties = {\n            Octopus.Action.X = \"3\"\n        }\n    }\n";
        let after = with_properties(&lines, "first", &[("Octopus.Action.X", "3")]);
        assert!(after.is_some_and(|after| after.contains(block)), "an action without any gets the block");
    }

    #[test]
    fn what_is_more_than_a_plain_value_is_not_written() {
        let (_, lines) = step(PROCESS, "scan").unwrap();
        for hostile in ["", "3\"\n}", "${x}", "a b"] {
            assert_eq!(with_properties(&lines, "scan", &[("Octopus.Action.X", hostile)]), None);
            assert_eq!(with_properties(&lines, "scan", &[(hostile, "3")]), None);
        }
    }
}

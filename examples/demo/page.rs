//! What Octopus shows of a step, as a page: its highlights below the failed run's steps, its log by levels, its output variables
//! and artifacts. All of it comes from what the step printed, as the server's parser reads it, and from the report it wrote.

use std::fmt::Write;

use serde_json::Value;

use super::parsers::View;

const STYLE: &str = include_str!("page.css");
/// Lines of the step's log that the page shows; the others are counted.
const LINES: usize = 30;

/// What our step did.
pub(crate) struct Step<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// How it ended, as the report's other steps say it.
    pub(crate) outcome: &'a str,
    /// What the server makes of its output.
    pub(crate) view: &'a View,
}

/// The page of a failed run and our step in it; `report` is the step's firefighter.json.
pub(crate) fn page(step: &Step<'_>, report: &Value) -> String {
    let view = step.view;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let steps = report["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut tree = String::new();
    for one in steps.iter().filter(|one| one["depth"] == 0) {
        let (name, outcome) = (text(&one["name"]), text(&one["outcome"]));
        let is_ours = name == step.name;
        // The report was written while the step still ran.
        let outcome = if is_ours { step.outcome } else { outcome.as_str() };
        let _ = write!(tree, "<li class=\"{outcome}\"><b>{}</b> {}", mark(outcome), escaped(&name));
        if is_ours {
            for line in view.at("Highlight") {
                let _ = write!(tree, "<p class=highlight>{}</p>", escaped(line));
            }
        }
        tree.push_str("</li>\n");
    }
    let mut log = String::new();
    for (level, line) in view.log.iter().take(LINES) {
        let (class, line) = (level.to_lowercase(), escaped(line));
        let _ = writeln!(log, "<li class=\"{class}\"><i>{level}</i><code>{line}</code></li>");
    }
    let more = view.log.len().saturating_sub(LINES);
    let mut artifacts = String::new();
    for artifact in &view.artifacts {
        let (name, size) = (escaped(&artifact.name), artifact.length.div_ceil(1024));
        let _ = writeln!(artifacts, "<li>{name} <i>{size} KB</i></li>");
    }
    let mut variables = String::new();
    for (name, value) in &view.variables {
        let _ = writeln!(variables, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value));
    }
    let (title, step) = (escaped(&text(&report["run"]["title"])), escaped(step.name));
    format!(
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
         <header><h1>{title}</h1><span class=state>Failed</span></header>\n\
         <main>\n<section class=summary><h2>Task summary</h2>\n<ol class=steps>\n{tree}</ol></section>\n\
         <aside><h2>Artifacts</h2>\n<ul>\n{artifacts}</ul>\n<h2>Output variables</h2>\n<dl>\n{variables}</dl></aside>\n\
         <section class=log><h2>Task log · {step}</h2>\n<ol>\n{log}</ol>\n<p>… and {more} more lines</p></section>\n</main>\n\
         <footer>Drawn by the demo from what the step printed and wrote; no picture of Octopus itself.</footer>\n</html>\n"
    )
}

fn mark(outcome: &str) -> &'static str {
    match outcome {
        "succeeded" => "✔",
        "failed" => "✖",
        "skipped" => "⊘",
        _ => "○",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

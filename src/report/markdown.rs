//! The report as Markdown, for tickets, chats and artifacts: a compact top, the long parts folded away.
//!
//! Whatever a log or a model says stays text: prose goes through [`escape`], blocks through [`fence`], addresses through
//! [`words::link`]. The only HTML is `<details>`.

use std::fmt::Write as _;

use super::changes::{self, Row as Changed};
use super::evidence::{self, Row};
use super::{Report, facts, pace, timeline, words};
use crate::model::{Fix, Outcome};

/// More lines of evidence than this are folded away.
const MANY: usize = 40;

/// Writes the report.
pub(super) fn write(report: &Report) -> String {
    let mut out = String::new();
    cause(&mut out, report);
    if report.unknown() {
        evidence(&mut out, report);
        fixes(&mut out, report);
    } else {
        fixes(&mut out, report);
        evidence(&mut out, report);
    }
    changed(&mut out, report);
    steps(&mut out, report);
    others(&mut out, report);
    known(&mut out, report);
    notes(&mut out, report);
    footer(&mut out, report);
    out
}

fn cause(out: &mut String, report: &Report) {
    let (case, diagnosis) = (&report.case, &report.diagnosis);
    let _ = writeln!(out, "# {}\n", escape(&report.headline()));
    paragraph(out, &report.detail());
    if let Some((first, about)) = report.reply() {
        let _ = writeln!(out, "**What to do first:** {}\n", escape(&first));
        paragraph(out, &about);
    }
    paragraph(out, &report.suspect().unwrap_or_default());
    let kind = diagnosis.kind.as_deref().map(|kind| match diagnosis.domain {
        Some(domain) => format!("{} ({})", escape(kind), words::domain(domain)),
        None => escape(kind),
    });
    let title = escape(&case.run.title);
    let run = match case.run.url.as_deref().and_then(words::link) {
        Some(url) if !title.is_empty() => format!("[{title}](<{url}>)"),
        Some(url) => format!("[Open the run](<{url}>)"),
        None => title,
    };
    let facts = [
        ("Failed step", escape(&report.failed_steps().join(", "))),
        ("Kind", kind.unwrap_or_default()),
        ("Confidence", words::confidence_in_words(diagnosis.confidence).to_owned()),
        ("Retry", words::retry_in_words(diagnosis.retry).to_owned()),
        ("Run", run),
    ];
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(out, "- **{name}:** {value}");
    }
    out.push('\n');
    if let Some(line) = report.key_line() {
        let _ = writeln!(out, "{}:\n", escape(&upper_first(&report.place_of(line))));
        fence(out, "text", &words::log_line(&line.text));
    }
}

fn fixes(out: &mut String, report: &Report) {
    let verify = report.verify();
    let cause = report.cause();
    let check = cause.and_then(|cause| cause.check.as_deref());
    if report.diagnosis.fixes.is_empty() && verify.is_none() && check.is_none() {
        return;
    }
    let _ = writeln!(out, "## What to do\n");
    for (index, one) in report.diagnosis.fixes.iter().enumerate() {
        fix(out, index + 1, one);
    }
    let mut facts = Vec::new();
    facts.extend(check.map(|check| format!("**To confirm the cause:** {}", escape(check))));
    facts
        .extend(cause.and_then(|one| one.command.as_deref()).map(|command| format!("**To check:** {}", code(command))));
    facts.extend(
        cause
            .and_then(|one| one.disproof.as_deref())
            .map(|text| format!("**It is something else if:** {}", escape(text))),
    );
    facts.extend(verify.map(|verify| format!("**To see that it is mended:** {}", escape(&verify))));
    let links = report.cause().into_iter().flat_map(|cause| &cause.links);
    facts.extend(links.filter_map(|link| words::link(link)).map(|url| format!("**More:** {}", anchor(&url, &url))));
    for fact in &facts {
        let _ = writeln!(out, "- {fact}");
    }
    if !facts.is_empty() {
        out.push('\n');
    }
}

fn fix(out: &mut String, number: usize, fix: &Fix) {
    let kind = words::fix_kind_in_words(fix.kind);
    let _ = writeln!(out, "### {number}. {kind}: {}\n", escape(&fix.title));
    paragraph(out, &fix.why);
    for (index, step) in fix.steps.iter().enumerate() {
        let _ = writeln!(out, "{}. {}", index + 1, escape(step));
    }
    if !fix.steps.is_empty() {
        out.push('\n');
    }
    if let Some(url) = fix.url.as_deref().and_then(words::link) {
        let _ = writeln!(out, "{}\n", anchor("Open where this is done", &url));
    }
    if let Some(setting) = &fix.setting {
        let _ = writeln!(out, "**Setting:** {}\n", escape(&words::setting(setting)));
    }
    if let Some(command) = &fix.command {
        fence(out, "text", &words::plain(command));
    }
    if let Some(diff) = &fix.diff {
        fence(out, "diff", &words::plain(diff));
    }
    let told = [("Risk", &fix.risk), ("To undo it", &fix.undo)];
    let told = told.iter().filter_map(|(name, text)| Some(format!("**{name}:** {}", escape(text.as_ref()?))));
    let told: Vec<String> = told.collect();
    if !told.is_empty() {
        let _ = writeln!(out, "{}\n", told.join(" "));
    }
}

fn evidence(out: &mut String, report: &Report) {
    let evidence = evidence::of(&report.case);
    if evidence.blocks.is_empty() {
        return;
    }
    let cited = report.cited();
    let lines = || report.case.excerpts.iter().flat_map(|excerpt| &excerpt.lines);
    let gutter = lines().map(|line| line.number).max().unwrap_or_default().to_string().len();
    let left_out = |gap: usize| format!("{:gutter$}    … {} not shown …\n", "", words::count(gap, "line"));
    let _ = writeln!(out, "## Evidence\n");
    let fold = lines().count() > MANY && !report.unknown();
    if fold {
        let _ = writeln!(out, "<details>\n<summary>{}</summary>\n", words::count(lines().count(), "line"));
    }
    let last = evidence.blocks.len() - 1;
    for (index, block) in evidence.blocks.iter().enumerate() {
        let step = block.excerpt.step.as_deref().map(escape).filter(|step| !step.is_empty());
        let reason = escape(&block.excerpt.reason);
        let heading: Vec<String> = step
            .map(|step| format!("**{step}**"))
            .into_iter()
            .chain(Some(reason).filter(|text| !text.is_empty()))
            .collect();
        if !heading.is_empty() {
            let _ = writeln!(out, "{}\n", heading.join(" · "));
        }
        let mut text = String::new();
        if block.before > 0 {
            text += &left_out(block.before);
        }
        for row in &block.rows {
            match row {
                Row::Gap(gap) => text += &left_out(*gap),
                Row::Line(line) => {
                    let mark = if cited.contains(&line.id) { '▶' } else { ' ' };
                    let _ = writeln!(text, "{mark} {:>gutter$} │ {}", line.number, words::log_line(&line.text));
                }
            }
        }
        if block.excerpt.repeats > 0 {
            let _ = writeln!(text, "{:gutter$}    and {} more like this", "", block.excerpt.repeats);
        }
        if index == last && evidence.after > 0 {
            text += &left_out(evidence.after);
        }
        fence(out, "text", &text);
    }
    if fold {
        let _ = writeln!(out, "</details>\n");
    }
}

fn changed(out: &mut String, report: &Report) {
    let Some(changes) = changes::of(report) else { return };
    let _ = writeln!(out, "## What changed\n");
    match &changes.url {
        Some(url) if !changes.compared.is_empty() => {
            let _ = writeln!(out, "{} {}\n", escape(&changes.compared), anchor("Open that run", url));
        }
        _ => paragraph(out, &changes.compared),
    }
    if !changes.finding.is_empty() {
        let _ = writeln!(out, "**{}**\n", escape(&changes.finding));
    }
    for row in &changes.suspects {
        let _ = writeln!(out, "{}. **{}**: {}", row.place, escape(&row.what), escape(&row.reason));
    }
    if !changes.suspects.is_empty() {
        out.push('\n');
    }
    if !changes.suspects.is_empty() || !changes.others.is_empty() {
        let _ = writeln!(
            out,
            "| suspect | kind | what | before → after | who | when |\n| --- | --- | --- | --- | --- | --- |"
        );
        for row in changes.suspects.iter().filter(|row| row.kind != changes::OUTSIDE) {
            change(out, &row.place.to_string(), row);
        }
        for row in &changes.others {
            change(out, "", row);
        }
        out.push('\n');
        if changes.more > 0 {
            let _ = writeln!(out, "And {} more.\n", changes.more);
        }
    }
    for row in changes.suspects.iter().chain(&changes.others).filter(|row| !row.details.is_empty()) {
        let _ = writeln!(out, "<details>\n<summary>{}</summary>\n", escape(&row.what));
        fence(out, if row.details.contains("@@ ") { "diff" } else { "text" }, &row.details);
        let _ = writeln!(out, "</details>\n");
    }
    let paces = pace::of(&report.case.baseline_steps, &report.case.steps);
    if !paces.is_empty() {
        let slower = paces.iter().filter(|pace| !pace.verdict.is_empty()).count();
        let told = if slower > 0 { format!(", {slower} of them much longer or shorter") } else { String::new() };
        let _ =
            writeln!(out, "<details>\n<summary>Then and now: {}{told}</summary>\n", words::count(paces.len(), "step"));
        let _ = writeln!(out, "| step | then | now | |\n| --- | --- | --- | --- |");
        for pace in &paces {
            let _ = writeln!(out, "| {} | {} | {} | {} |", escape(&pace.step), pace.then, pace.now, pace.verdict);
        }
        let _ = writeln!(out, "\n</details>\n");
    }
}

fn change(out: &mut String, number: &str, row: &Changed) {
    let what = row.url.as_deref().map_or_else(|| escape(&row.what), |url| anchor(&row.what, url));
    let (values, who, when) = (escape(&row.values), escape(&row.who), escape(&row.when));
    let _ = writeln!(out, "| {number} | {} | {what} | {values} | {who} | {when} |", row.kind);
}

fn steps(out: &mut String, report: &Report) {
    let timeline = timeline::of(&report.case.steps);
    if timeline.bars.is_empty() {
        return;
    }
    let _ = writeln!(out, "## Steps\n\n<details>\n<summary>{}</summary>\n", words::count(timeline.bars.len(), "step"));
    let _ = writeln!(out, "| step | outcome | took | attempts |\n| --- | --- | --- | --- |");
    for (bar, step) in timeline.bars.iter().map(|bar| (bar, escape(&bar.label))) {
        let indent = "&emsp;".repeat(bar.depth);
        let outcome = words::outcome(bar.outcome);
        let outcome = if bar.outcome == Outcome::Failed { format!("**{outcome}**") } else { outcome.to_owned() };
        let took = if bar.took == words::outcome(bar.outcome) { "" } else { &*bar.took };
        let attempts = bar.attempts.split(' ').next().unwrap_or_default();
        let _ = writeln!(out, "| {indent}{step} | {outcome} | {took} | {attempts} |");
    }
    let _ = writeln!(out, "\n</details>\n");
}

fn others(out: &mut String, report: &Report) {
    if report.others().is_empty() {
        return;
    }
    let _ = writeln!(out, "## Other explanations\n");
    for other in report.others() {
        let lines: Vec<String> =
            other.citations.iter().filter_map(|&id| report.case.line(id)).map(|line| report.place_of(line)).collect();
        let shown = if lines.is_empty() { "a guess".to_owned() } else { lines.join(", ") };
        let check = other.check.as_deref().map(|text| format!(" {}", escape(text))).unwrap_or_default();
        let command = other.command.as_deref().map(|text| format!(" Check: {}.", code(text))).unwrap_or_default();
        let wrong = other.disproof.as_deref().map(|text| format!(" Not so if: {}", escape(text))).unwrap_or_default();
        let _ = writeln!(out, "- {} ({}){check}{command}{wrong}", escape(&other.cause), escape(&shown));
    }
    out.push('\n');
}

fn known(out: &mut String, report: &Report) {
    for definition in &report.case.definitions {
        let _ = writeln!(out, "## The step “{}” as defined\n", escape(&definition.step));
        for (name, value) in facts::of(definition) {
            let _ = writeln!(out, "- **{name}:** {}", escape(&value));
        }
        if let Some(url) = definition.url.as_deref().and_then(words::link) {
            let _ = writeln!(out, "- {}", anchor("Open the step", &url));
        }
        out.push('\n');
        if let Some(script) = &definition.script {
            let _ = writeln!(out, "<details>\n<summary>Script ({})</summary>\n", escape(&script.syntax));
            fence(out, "text", &words::plain(&script.body));
            let _ = writeln!(out, "</details>\n");
        }
    }
    if let Some(earlier) = report.case.earlier.as_deref().filter(|earlier| !earlier.is_empty()) {
        let _ = writeln!(out, "## Earlier failures\n");
        if let Some(told) = facts::again(earlier) {
            let _ = writeln!(out, "{}\n", escape(&told));
        }
        for one in earlier {
            let title = match one.url.as_deref().and_then(words::link) {
                Some(url) => anchor(&one.title, &url),
                None => escape(&one.title),
            };
            let fate = facts::fate(one);
            let fate = if fate.is_empty() { fate } else { format!(": {}", escape(&fate)) };
            let _ = writeln!(out, "- {title} {}{fate}", one.when.map(words::moment).unwrap_or_default());
        }
        out.push('\n');
    }
    for context in report.contexts() {
        let _ = writeln!(out, "## {}\n", escape(&context.title));
        fence(out, "text", &words::plain(&context.text));
        if let Some(url) = context.url.as_deref().and_then(words::link) {
            let _ = writeln!(out, "{}\n", anchor("Open", &url));
        }
    }
}

fn notes(out: &mut String, report: &Report) {
    if report.notes.is_empty() {
        return;
    }
    let _ = writeln!(out, "## What could not be done\n");
    for note in report.notes.iter() {
        let _ = writeln!(out, "- {}", escape(&note.text));
    }
    out.push('\n');
}

fn footer(out: &mut String, report: &Report) {
    let lines: Vec<String> = facts::footer(report).iter().map(|line| escape(line)).collect();
    let _ = writeln!(out, "---\n\n{}", lines.join("  \n"));
}

fn paragraph(out: &mut String, text: &str) {
    let text = escape(text);
    if !text.is_empty() {
        let _ = writeln!(out, "{text}\n");
    }
}

fn anchor(text: &str, url: &str) -> String {
    format!("[{}](<{url}>)", escape(text))
}

/// A command as code in a line.
fn code(text: &str) -> String {
    let text = words::one_line(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let marks = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{marks}{pad}{text}{pad}{marks}")
}

fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A block of text that nothing inside can end: its fence is longer than any run of backticks in it.
fn fence(out: &mut String, language: &str, text: &str) {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let marks = "`".repeat(3.max(longest + 1));
    let _ = writeln!(out, "{marks}{language}\n{}\n{marks}\n", text.trim_end_matches('\n'));
}

/// Prose in one line that no Markdown dialect reads as anything else.
///
/// Hosts such as GitHub turn `@name` and `#1` into mentions after Markdown is done, where no escape reaches them:
/// an invisible joiner keeps the sign and the name apart.
fn escape(text: &str) -> String {
    let text = words::one_line(text);
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let inside_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '_' if inside_word(before) && inside_word(next) => out.push(c),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '|' | '$' | '!' => out.extend(['\\', c]),
            '#' => out.push_str("\\#"),
            '-' | '+' | '=' if before.is_none() => out.extend(['\\', c]),
            '.' | ')' if next.is_none_or(char::is_whitespace) && out.chars().all(|c| c.is_ascii_digit()) => {
                out.extend(['\\', c]);
            }
            // Breaks up bare addresses, which some dialects turn into links.
            ':' if next == Some('/') => out.push_str("\\:"),
            '.' if out.to_ascii_lowercase().ends_with("www") => out.push_str("\\."),
            _ => out.push(c),
        }
        if matches!(c, '@' | '#') && inside_word(next) {
            out.push('\u{2060}');
        }
        before = Some(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::*;
    use crate::report::sample;

    fn check(text: &str, expected: &str) {
        assert_eq!(escape(text), expected);
    }

    #[test]
    fn what_markdown_would_act_on_is_escaped() {
        check("a*b*_c_ `d`", "a\\*b\\*\\_c\\_ \\`d\\`");
        check("snake_case", "snake_case");
        check("[x](javascript:alert(1))", "\\[x\\](javascript:alert(1))");
        check("<b>&amp;", "&lt;b&gt;&amp;amp;");
        check("1. one", "1\\. one");
        check("v1.2 - fine", "v1.2 - fine");
        check("0.1.1980", "0.1.1980");
        check("- item", "\\- item");
        check("# one\n## two", "\\# one \\#\\# two");
        check("https://a.example", "https\\://a.example");
        check("see WWW.a.example", "see WWW\\.a.example");
    }

    #[test]
    fn nobody_is_mentioned() {
        check("@admin #12 a@b", "@\u{2060}admin \\#\u{2060}12 a@\u{2060}b");
    }

    #[test]
    fn no_text_ends_its_fence() {
        let mut out = String::new();
        fence(&mut out, "text", "a\n```\n`````\nb\n");
        assert_eq!(out, "``````text\na\n```\n`````\nb\n``````\n\n");
    }

    /// What a Markdown reader makes of a report: the destinations of its links, and its HTML.
    fn read(text: &str) -> (Vec<String>, Vec<String>, Vec<&'static str>) {
        let (mut links, mut html, mut blocks) = (Vec::new(), Vec::new(), Vec::new());
        for event in Parser::new_ext(text, Options::all()) {
            match event {
                Event::Start(Tag::Link { dest_url, .. }) => links.push(dest_url.to_string()),
                Event::Start(Tag::Image { .. }) => blocks.push("image"),
                Event::Start(Tag::Heading { .. }) => blocks.push("heading"),
                Event::Start(Tag::FootnoteDefinition(_)) => blocks.push("footnote"),
                Event::Start(Tag::BlockQuote(_)) => blocks.push("quote"),
                Event::Start(Tag::Emphasis | Tag::Strikethrough) => blocks.push("emphasis"),
                Event::InlineMath(_) | Event::DisplayMath(_) => blocks.push("math"),
                Event::Code(_) => blocks.push("code"),
                Event::Html(tag) | Event::InlineHtml(tag) => html.push(tag.trim().to_owned()),
                _ => {}
            }
        }
        (links, html, blocks)
    }

    #[test]
    fn untrusted_text_becomes_no_link_image_heading_or_html() {
        let (links, html, blocks) = read(&write(&sample::hostile()));
        assert_eq!(links.len(), 2, "the two http addresses given as addresses: {links:?}");
        assert!(links.iter().all(|link| link.starts_with("https://evil.example/a")), "{links:?}");
        let ours = |tag: &String| {
            matches!(&**tag, "<details>" | "</details>" | "<summary>1 step</summary>")
                || ["Script (", "Then and now: 1 step", ""].iter().any(|head| {
                    let rest = tag.strip_prefix(&format!("<summary>{head}"));
                    rest.is_some_and(|rest| rest.starts_with("&lt;/code&gt;") || rest.starts_with("</summary>"))
                        && tag.matches('<').count() == 2
                })
        };
        assert_eq!(html.iter().find(|tag| !ours(tag)), None);
        // The cause, what to do and its fix, evidence, changes, steps, other explanations, the step, earlier, context, notes.
        let (codes, headings): (Vec<&str>, Vec<&str>) = blocks.iter().partition(|block| **block == "code");
        assert_eq!(headings, ["heading"; 11], "{blocks:?}");
        assert_eq!(codes.len(), 2, "a command of each explanation");
    }

    #[test]
    fn an_honest_report_has_its_links() {
        let (links, _, _) = read(&write(&sample::story()));
        assert!(links.iter().any(|link| link.ends_with("ServerTasks-2001547")), "{links:?}");
        assert!(links.iter().any(|link| link.ends_with("/process/steps")), "{links:?}");
    }

    #[test]
    fn suspects_stand_first_in_a_table_of_changes() {
        let text = write(&sample::suspected());
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is not in\n{text}"));
        let order = [
            "First suspect: script of step",
            "## What changed",
            "Compared with Deploy",
            "[Open that run](<https://octopus.example/",
            "1. **script of step",
            "| 1 | process | [script of step",
            "| 2 | variable |",
            "|  | package |",
            "```diff\n@@ -4,2 +4,2 @@",
            "<summary>Then and now: 7 steps, 4 of them",
            "| 37 s | 1 min 52 s | 3 times as long |",
        ];
        assert!(order.map(at).is_sorted(), "{:?} in\n{text}", order.map(at));
        assert!(write(&sample::unsuspected()).contains("**Nothing that changed touches this. Look outside:"));
    }

    #[test]
    fn the_top_holds_cause_step_line_and_action() {
        let text = write(&sample::story());
        let top: String = text.lines().take(24).collect::<Vec<_>>().join("\n");
        for part in
            ["too many requests", "Scan for Security Vulnerabilities", "TOOMANYREQUESTS", "Line 20", "Turn on retries"]
        {
            assert!(top.contains(part), "{part} in\n{top}");
        }
    }

    #[test]
    fn an_unknown_cause_shows_the_evidence_first() {
        let text = write(&sample::unknown());
        assert!(text.starts_with("# No known failure matches"));
        assert!(text.find("## Evidence").is_some());
        assert!(text.find("## What to do").is_none());
    }
}

//! The report as one HTML page: no scripts, nothing loaded, readable on a phone and on paper.
//!
//! `report.html` holds the page; askama escapes every value in it, and no value is ever marked as safe. Addresses go
//! through [`words::link`].

use askama::Template;

use super::changes::{self, Changes};
use super::evidence::{self, Row};
use super::pace::{self, Pace};
use super::timeline::{Bar, Timeline};
use super::{Report, facts, timeline, words};
use crate::model::{Confidence, FixKind, Hypothesis, Numbering, Outcome};

/// Writes the report.
#[expect(
    clippy::expect_used,
    reason = "writing to a string can't fail: report::tests::every_format_writes_every_sample"
)]
pub(super) fn write(report: &Report) -> String {
    Page::of(report).render().expect("a page")
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    headline: String,
    detail: String,
    unknown: bool,
    edge: &'static str,
    kind: Option<String>,
    domain: Option<&'static str>,
    confidence: &'static str,
    retry: &'static str,
    steps: String,
    suspect: Option<String>,
    key: Option<Key>,
    run: Vec<(&'static str, String)>,
    run_title: String,
    run_url: Option<String>,
    fixes: Vec<FixView>,
    check: Option<String>,
    command: Option<String>,
    disproof: Option<String>,
    verify: Option<String>,
    links: Vec<String>,
    evidence: Vec<BlockView>,
    after: String,
    gutter: usize,
    numbering: &'static str,
    marked: bool,
    changes: Option<ChangesView>,
    step_count: String,
    description: String,
    charts: Vec<Chart>,
    others: Vec<Other>,
    definitions: Vec<DefinitionView>,
    earlier: Vec<(String, String, Option<String>, String)>,
    again: Option<String>,
    context: Vec<(String, String, Option<String>)>,
    notes: Vec<String>,
    footer: Vec<String>,
}

/// The line that shows the cause best.
struct Key {
    id: usize,
    place: String,
    text: String,
}

struct FixView {
    kind: &'static str,
    class: &'static str,
    title: String,
    why: String,
    steps: Vec<String>,
    url: Option<String>,
    setting: Option<String>,
    command: Option<String>,
    diff: Vec<(&'static str, String)>,
    risk: Option<String>,
    undo: Option<String>,
}

struct BlockView {
    step: String,
    reason: String,
    before: String,
    rows: Vec<RowView>,
    repeats: usize,
}

struct ChangesView {
    told: Changes,
    details: Vec<DetailsView>,
    paces: Vec<PaceView>,
    pace_height: usize,
}

/// A change in full, line by line with a class for each.
struct DetailsView {
    what: String,
    lines: Vec<(&'static str, String)>,
}

/// A step's time then and now. Widths in percent, heights in pixels.
struct PaceView {
    pace: Pace,
    label: String,
    top: usize,
    then: String,
    now: String,
}

/// A line, or a gap when `gap` says something.
struct RowView {
    gap: String,
    id: usize,
    number: usize,
    level: &'static str,
    time: String,
    text: String,
    cited: bool,
}

struct Other {
    cause: String,
    check: Vec<String>,
    lines: Vec<(usize, String)>,
    links: Vec<String>,
}

struct DefinitionView {
    step: String,
    facts: Vec<(&'static str, String)>,
    url: Option<String>,
    syntax: String,
    script: String,
}

/// The timeline at one width of the page. Widths are in percent and heights in pixels, so that text keeps its size.
struct Chart {
    name: &'static str,
    height: usize,
    label_width: usize,
    axis_y: usize,
    bars: Vec<BarView>,
    ticks: Vec<(String, String)>,
}

struct BarView {
    class: String,
    title: String,
    mark: &'static str,
    label: String,
    indent: usize,
    took: String,
    top: usize,
    text_y: usize,
    bar: Option<(String, String)>,
    bar_y: usize,
    bar_height: usize,
    detail: String,
    detail_y: usize,
}

impl Page {
    fn of(report: &Report) -> Self {
        let (case, diagnosis) = (&*report.case, &*report.diagnosis);
        let known = |text: &str| Some(words::one_line(text)).filter(|text| !text.is_empty());
        let evidence = evidence::of(case);
        let timeline = timeline::of(&case.steps);
        let numbers = case.excerpts.iter().flat_map(|excerpt| &excerpt.lines).map(|line| line.number);
        let gutter = numbers.max().unwrap_or_default().to_string().len().max(3);
        Self {
            headline: report.headline(),
            detail: report.detail(),
            unknown: report.unknown(),
            edge: words::confidence(if report.unknown() { Confidence::None } else { diagnosis.confidence }),
            kind: diagnosis.kind.as_deref().and_then(known),
            domain: diagnosis.domain.map(words::domain),
            confidence: words::confidence_in_words(diagnosis.confidence),
            retry: words::retry_in_words(diagnosis.retry),
            steps: report.failed_steps().join(", "),
            suspect: report.suspect(),
            key: report.key_line().map(|line| Key {
                id: line.id,
                place: report.place_of(line),
                text: words::log_line(&line.text),
            }),
            run: run(report),
            run_title: words::one_line(&case.run.title),
            run_url: case.run.url.as_deref().and_then(words::link),
            fixes: fixes(report),
            check: report.cause().and_then(|cause| known(cause.check.as_deref()?)),
            command: report.cause().and_then(|cause| known(cause.command.as_deref()?)),
            disproof: report.cause().and_then(|cause| known(cause.disproof.as_deref()?)),
            verify: report.verify(),
            links: report.cause().map(links).unwrap_or_default(),
            evidence: blocks(report, &evidence),
            after: left_out(evidence.after),
            gutter,
            numbering: match case.numbering {
                Numbering::Log => "Numbers count the lines of the whole log.",
                Numbering::Step => "Numbers count the lines of each step.",
            },
            marked: !report.cited().is_empty(),
            changes: changes::of(report).map(|told| changes_view(report, told)),
            step_count: words::count(timeline.bars.len(), "step"),
            charts: if timeline.bars.is_empty() { Vec::new() } else { vec![wide(&timeline), narrow(&timeline)] },
            description: timeline.description,
            others: report.others().iter().map(|other| other_view(report, other)).collect(),
            definitions: definitions(report),
            again: facts::again(case.earlier.as_deref().unwrap_or_default()),
            earlier: case
                .earlier
                .iter()
                .flatten()
                .map(|one| {
                    (
                        words::one_line(&one.title),
                        one.when.map(words::moment).unwrap_or_default(),
                        one.url.as_deref().and_then(words::link),
                        facts::fate(one),
                    )
                })
                .collect(),
            context: case
                .context
                .iter()
                .map(|one| {
                    (words::one_line(&one.title), words::plain(&one.text), one.url.as_deref().and_then(words::link))
                })
                .collect(),
            notes: report.notes.iter().map(|note| words::one_line(&note.text)).collect(),
            footer: facts::footer(report),
        }
    }
}

fn run(report: &Report) -> Vec<(&'static str, String)> {
    let run = &report.case.run;
    let took = run.started.zip(run.finished).map(|(from, to)| words::duration(to.duration_since(from).as_secs()));
    [
        ("Project", run.project.clone()),
        ("Environment", run.environment.clone()),
        ("Tenant", run.tenant.clone()),
        ("Release", run.version.clone()),
        ("Commit", run.commit.clone()),
        ("Started", run.started.map(words::moment)),
        ("Took", took),
        ("Host", Some(run.host.clone())),
        ("Run", Some(run.id.clone())),
        ("The host says", run.error.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, words::one_line(&value?))))
    .filter(|(_, value)| !value.is_empty())
    .collect()
}

fn links(hypothesis: &Hypothesis) -> Vec<String> {
    hypothesis.links.iter().filter_map(|link| words::link(link)).collect()
}

fn diff_line(line: &str) -> (&'static str, String) {
    let line = words::log_line(line);
    let class = match line.chars().next() {
        Some('+') => "add",
        Some('-') => "del",
        Some('@') => "at",
        _ => "same",
    };
    (class, line)
}

fn changes_view(report: &Report, told: Changes) -> ChangesView {
    const ROW: usize = 44;
    let rows = told.suspects.iter().chain(&told.others).filter(|row| !row.details.is_empty());
    let details =
        rows.map(|row| DetailsView { what: row.what.clone(), lines: row.details.lines().map(diff_line).collect() });
    let details = details.collect();
    let paces = pace::of(&report.case.baseline_steps, &report.case.steps).into_iter().enumerate();
    let paces: Vec<PaceView> = paces
        .map(|(index, pace)| PaceView {
            label: shortened(&pace.step, 36),
            top: index * ROW,
            then: percents(0.0, pace.shares.0).1,
            now: percents(0.0, pace.shares.1).1,
            pace,
        })
        .collect();
    ChangesView { told, details, pace_height: paces.len() * ROW, paces }
}

fn fixes(report: &Report) -> Vec<FixView> {
    report
        .diagnosis
        .fixes
        .iter()
        .map(|fix| FixView {
            kind: words::fix_kind_in_words(fix.kind),
            class: match fix.kind {
                FixKind::Setting => "setting",
                FixKind::Script | FixKind::Repository => "script",
                FixKind::Command | FixKind::Person => "person",
            },
            title: words::one_line(&fix.title),
            why: words::one_line(&fix.why),
            steps: fix.steps.iter().map(|step| words::one_line(step)).collect(),
            url: fix.url.as_deref().and_then(words::link),
            setting: fix.setting.as_ref().map(words::setting),
            command: fix.command.as_deref().map(words::plain),
            risk: fix.risk.as_deref().map(words::one_line),
            undo: fix.undo.as_deref().map(words::one_line),
            diff: fix.diff.as_deref().unwrap_or_default().lines().map(diff_line).collect(),
        })
        .collect()
}

fn left_out(gap: usize) -> String {
    if gap == 0 { String::new() } else { format!("{} not shown", words::count(gap, "line")) }
}

fn blocks(report: &Report, evidence: &evidence::Evidence<'_>) -> Vec<BlockView> {
    let cited = report.cited();
    let row = |row: &Row<'_>| match row {
        Row::Gap(gap) => RowView {
            gap: left_out(*gap),
            id: 0,
            number: 0,
            level: "",
            time: String::new(),
            text: String::new(),
            cited: false,
        },
        Row::Line(line) => RowView {
            gap: String::new(),
            id: line.id,
            number: line.number,
            level: words::level(line.level),
            time: line.time.map(words::clock).unwrap_or_default(),
            text: words::log_line(&line.text),
            cited: cited.contains(&line.id),
        },
    };
    evidence
        .blocks
        .iter()
        .map(|block| BlockView {
            step: block.excerpt.step.as_deref().map(words::one_line).unwrap_or_default(),
            reason: words::one_line(&block.excerpt.reason),
            before: left_out(block.before),
            rows: block.rows.iter().map(row).collect(),
            repeats: block.excerpt.repeats,
        })
        .collect()
}

fn other_view(report: &Report, other: &Hypothesis) -> Other {
    let lines = other.citations.iter().filter_map(|&id| report.case.line(id));
    Other {
        cause: words::one_line(&other.cause),
        check: {
            let wrong = other.disproof.as_deref().map(|text| format!("Not so if: {text}"));
            let texts = [&other.check, &other.command, &wrong].into_iter().flatten();
            texts.map(|text| words::one_line(text)).filter(|text| !text.is_empty()).collect()
        },
        lines: lines.map(|line| (line.id, report.place_of(line))).collect(),
        links: links(other),
    }
}

fn definitions(report: &Report) -> Vec<DefinitionView> {
    let definitions = report.case.definitions.iter();
    definitions
        .map(|definition| DefinitionView {
            step: words::one_line(&definition.step),
            facts: facts::of(definition),
            url: definition.url.as_deref().and_then(words::link),
            syntax: definition.script.as_ref().map(|script| words::one_line(&script.syntax)).unwrap_or_default(),
            script: definition.script.as_ref().map(|script| words::plain(&script.body)).unwrap_or_default(),
        })
        .collect()
}

/// Names beside their bars.
fn wide(timeline: &Timeline) -> Chart {
    const ROW: usize = 28;
    const LABELS: usize = 38;
    const LANE: f64 = 40.0;
    let start = f64::from(u32::try_from(LABELS).unwrap_or_default()) + 1.0;
    let mut bars = Vec::new();
    for (index, bar) in timeline.bars.iter().enumerate() {
        let top = index * ROW;
        let span = bar.span.map(|(from, length)| percents(start + from * LANE / 100.0, length * LANE / 100.0));
        bars.push(BarView {
            label: shortened(&bar.label, 40),
            took: took(bar),
            text_y: top + 19,
            bar_y: top + 8,
            bar_height: 12,
            ..bar_view(bar, top, span)
        });
    }
    let height = timeline.bars.len() * ROW;
    Chart {
        name: "wide",
        height: height + 24,
        label_width: LABELS,
        axis_y: height,
        bars,
        ticks: ticks(timeline, start, LANE, 1),
    }
}

/// Names above their bars.
fn narrow(timeline: &Timeline) -> Chart {
    let mut bars = Vec::new();
    let mut top = 0;
    for bar in &timeline.bars {
        let span = bar.span.map(|(from, length)| percents(from, length));
        let under = if span.is_some() { 14 } else { 0 };
        bars.push(BarView {
            label: shortened(&bar.label, 36),
            took: String::new(),
            detail: took(bar),
            detail_y: top + 33,
            text_y: top + 16,
            bar_y: top + 40,
            bar_height: 6,
            ..bar_view(bar, top, span)
        });
        top += 42 + under;
    }
    Chart {
        name: "narrow",
        height: top + 24,
        label_width: 100,
        axis_y: top,
        bars,
        ticks: ticks(timeline, 0.0, 100.0, 2),
    }
}

fn bar_view(bar: &Bar, top: usize, span: Option<(String, String)>) -> BarView {
    let mark = match bar.outcome {
        Outcome::Succeeded => "✓",
        Outcome::Failed => "✕",
        Outcome::Canceled => "■",
        Outcome::Skipped => "–",
        Outcome::Running => "▸",
        Outcome::Unknown => "?",
    };
    let culprit = if bar.culprit { " culprit" } else { "" };
    BarView {
        class: format!("{}{culprit}", words::outcome(bar.outcome)),
        title: bar.title.clone(),
        mark,
        label: String::new(),
        indent: bar.depth.min(4) * 16,
        took: String::new(),
        top,
        text_y: 0,
        bar: span,
        bar_y: 0,
        bar_height: 0,
        detail: String::new(),
        detail_y: 0,
    }
}

/// How long a step took, and in how many attempts.
fn took(bar: &Bar) -> String {
    [&*bar.took, &*bar.attempts].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// A label that fits its column; the row's title has it whole.
fn shortened(label: &str, longest: usize) -> String {
    if label.chars().count() <= longest {
        return label.to_owned();
    }
    // A step's own name says more than where it ran.
    if let Some((name, _)) = label.rsplit_once(" · ").filter(|(name, _)| name.chars().count() <= longest) {
        return name.to_owned();
    }
    label.chars().take(longest - 1).chain(Some('…')).collect()
}

/// Every `nth` tick, in percent of the picture.
fn ticks(timeline: &Timeline, start: f64, lane: f64, nth: usize) -> Vec<(String, String)> {
    let ticks = timeline.ticks.iter().step_by(nth).filter(|(share, _)| *share < 96.0);
    ticks.map(|(share, label)| (percents(start + share * lane / 100.0, 0.0).0, label.clone())).collect()
}

fn percents(from: f64, length: f64) -> (String, String) {
    (format!("{from:.2}%"), format!("{length:.2}%"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// The parts stand in the page in this order.
    fn check(report: &Report, expected: &[&str]) {
        let page = write(report);
        let mut rest = &*page;
        for part in expected {
            let Some((_, after)) = rest.split_once(part) else { panic!("{part:?} is not next in\n{page}") };
            rest = after;
        }
    }

    /// All tags of a page: what stands between `<` and `>`. Our own text never holds a bare `<`.
    fn tags(page: &str) -> Vec<&str> {
        page.split('<').skip(1).filter_map(|part| part.split_once('>')).map(|(tag, _)| tag).collect()
    }

    #[test]
    fn the_cause_comes_first_then_the_fix_then_the_evidence() {
        check(
            &sample::story(),
            &[
                "<h1>The registry ghcr.io refused",
                "High:",
                "Yes, a retry",
                "TOOMANYREQUESTS",
                "What to do",
                "Turn on retries",
                "foreach ($attempt in 1..4)",
                "Evidence",
                "id=\"l20\"",
                "and 3 more like this",
                "125 lines not shown",
                "Timeline",
                "<svg",
                "Other explanations",
                "as defined",
                "Earlier failures",
                "could not be",
                "2 secrets masked",
            ],
        );
    }

    #[test]
    fn an_unknown_cause_shows_the_evidence_first() {
        check(&sample::unknown(), &["<h1>No known failure matches", "Evidence", "TOOMANYREQUESTS", "Timeline"]);
        assert!(!write(&sample::unknown()).contains("What to do"));
    }

    #[test]
    fn the_first_suspect_stands_beside_the_cause_and_all_changes_below() {
        check(
            &sample::suspected(),
            &[
                "<h1>The registry ghcr.io refused",
                "First suspect: script of step Scan",
                "<h2 id=\"changed\">What changed",
                "the last success in Security",
                "It names “ghcr.io” and “trivy-db”",
                "href=\"#l20\"",
                "<td>0.1.1981 → 0.1.1982</td>",
                "after this run",
                "<div class=\"add\">+docker run ghcr.io/aquasecurity/trivy:latest sbom",
                "Then and now",
                "<svg",
                "3 times as long",
                "Timeline",
            ],
        );
        check(&sample::unsuspected(), &["What changed", "Nothing that changed touches this. Look outside"]);
        assert!(!write(&sample::story()).contains("What changed"));
    }

    #[test]
    fn untrusted_text_becomes_no_tag_and_no_attribute() {
        let page = write(&sample::hostile());
        let tags = tags(&page);
        let names: std::collections::BTreeSet<&str> =
            tags.iter().filter_map(|tag| tag.trim_start_matches('/').split_whitespace().next()).collect();
        for name in &names {
            assert!(
                !matches!(name.to_ascii_lowercase().as_str(), "script" | "img" | "iframe" | "object" | "b"),
                "{name}"
            );
        }
        for tag in tags {
            // An attribute's name stands outside of quotes: in the even parts of a tag split at them.
            let outside: String = tag.split('"').step_by(2).collect();
            assert!(!outside.contains(" on") && !outside.contains('\''), "{tag}");
        }
        assert!(page.contains("&#60;script&#62;alert(1)") || page.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn links_lead_to_the_web_or_into_the_page() {
        for report in sample::all() {
            let page = write(&report);
            for part in page.split("href=\"").skip(1) {
                assert!(
                    part.starts_with("https://") || part.starts_with('#'),
                    "{}",
                    part.chars().take(40).collect::<String>()
                );
            }
        }
    }

    #[test]
    fn the_page_loads_nothing() {
        let page = write(&sample::story());
        for word in [" src=", "url(", "@import", "<link", "<script", "srcset"] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn links_into_the_page_arrive() {
        for report in [sample::story(), sample::hostile()] {
            let page = write(&report);
            for target in
                page.split("href=\"#").skip(1).filter_map(|part| part.split_once('"')).map(|(target, _)| target)
            {
                assert_eq!(page.matches(&format!("id=\"{target}\"")).count(), 1, "{target}");
            }
        }
    }

    #[test]
    fn headings_are_in_order() {
        for report in sample::all() {
            let page = write(&report);
            let mut last = 0;
            for tag in tags(&page) {
                let Some(level) = tag.strip_prefix('h').and_then(|level| level.chars().next()?.to_digit(10)) else {
                    continue;
                };
                assert!(level <= last + 1, "h{level} after h{last}");
                last = level;
            }
            assert_eq!(page.matches("<h1").count(), 1);
        }
    }
}

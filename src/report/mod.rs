//! A report as text, in each format. Pure: sealed values in, a string out.
//!
//! All text of a report is untrusted: anyone can write to a log, and a model can say anything. Each format escapes
//! for its own dialect, in one function at the foot of its file. The minimal example is `terminal.rs`.

mod changes;
mod evidence;
mod facts;
pub(crate) mod fixes;
mod html;
mod json;
mod markdown;
mod pace;
#[cfg(test)]
mod sample;
mod terminal;
mod timeline;
pub mod words;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::model::{
    Case, Confidence, Context, Diagnosis, ExcerptLine, Hypothesis, Match, Note, Numbering, Outcome, Usage,
};
use crate::redact::Redacted;

/// All that is published of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was found.
    pub case: Redacted<Case>,
    /// What it means.
    pub diagnosis: Redacted<Diagnosis>,
    /// What could not be done.
    pub notes: Redacted<Vec<Note>>,
    /// What was spent on models, a question each; empty where none was asked.
    pub usage: Redacted<Vec<Usage>>,
    /// When the report was made; `None` in tests that compare whole reports.
    pub made: Option<Timestamp>,
    /// A short hash that is the same for the same failure in other runs.
    pub fingerprint: String,
    /// What the user asked, where it was asked in words.
    pub question: Option<Asked>,
}

/// A question in words.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The question.
    pub question: Redacted<String>,
    /// Which run it was taken to be about, and why.
    pub about: Option<Redacted<String>>,
}

/// A format: its name on the command line, its file's name, and how it is written.
pub type Format = (&'static str, &'static str, fn(&Report) -> String);

/// Every format.
pub const FORMATS: &[Format] = &[
    ("text", "firefighter.txt", terminal::write),
    ("markdown", "firefighter.md", markdown::write),
    ("html", "firefighter.html", html::write),
    ("json", "firefighter.json", json::write),
];

/// A highlight longer than this is no longer read.
const LONGEST_SENTENCE: usize = 300;
/// Of a line that is quoted in a headline, so much.
const LONGEST_QUOTE: usize = 160;

impl Report {
    /// The cause in one plain sentence. Says so when it is a guess or unknown.
    #[must_use]
    pub fn headline(&self) -> String {
        if self.quiet() {
            return "No failure found in the log.".to_owned();
        }
        if self.unknown() {
            let step = self.failed_step().map(|step| format!(" in step “{step}”")).unwrap_or_default();
            let said = self.case.telling_line().map(|line| words::shortened(&line.text, LONGEST_QUOTE));
            let said = said.filter(|said| !said.is_empty()).map(|said| format!("; the log says: “{said}”"));
            let text = format!("No known failure matches{step}{}", said.unwrap_or_default());
            return words::sentence(&text, LONGEST_SENTENCE);
        }
        let (first, _) = words::split_sentence(&self.diagnosis.summary);
        let guess = if self.diagnosis.confidence == Confidence::Low { "A guess: " } else { "" };
        words::sentence(&format!("{guess}{first}"), LONGEST_SENTENCE)
    }

    /// What the summary says beyond the headline; empty when that is all.
    fn detail(&self) -> String {
        let (first, rest) = words::split_sentence(&self.diagnosis.summary);
        let told = if self.unknown() {
            first.starts_with("No known failure") || self.quiet()
        } else {
            !self.headline().ends_with('…')
        };
        if told { rest } else { words::one_line(&self.diagnosis.summary) }
    }

    /// The first thing to do, in one plain sentence.
    #[must_use]
    pub fn action(&self) -> String {
        if let Some(fix) = self.diagnosis.fixes.first() {
            return words::sentence(&fix.title, LONGEST_SENTENCE);
        }
        if self.quiet() {
            return "Nothing, as far as this log shows. If the run failed, look at the log of the part that did."
                .to_owned();
        }
        let start = self.key_line().or_else(|| self.case.telling_line());
        let text = match start {
            Some(line) => format!("Read the evidence from {} on", self.place_of(line)),
            None => "Read the log of the run: no line of it stands out".to_owned(),
        };
        words::sentence(&text, LONGEST_SENTENCE)
    }

    /// What a question is answered with beyond the summary: what to do first, and which run that is about.
    fn reply(&self) -> Option<(String, String)> {
        let asked = self.question.as_ref()?;
        let about = asked.about.as_ref().map(|about| words::one_line(about)).unwrap_or_default();
        Some((self.action(), about))
    }

    /// What is known beyond the log, but for what a question's answer has told at the top.
    fn contexts(&self) -> impl Iterator<Item = &Context> {
        let told = self.question.as_ref().and_then(|asked| asked.about.as_deref());
        self.case.context.iter().filter(move |context| Some(&context.text) != told)
    }

    /// The change that is most likely to blame: what, who, when and why. `None` where none is suspected.
    #[must_use]
    pub fn suspect(&self) -> Option<String> {
        changes::first_suspect(self)
    }

    /// The step in which the failure happened; the first of several.
    #[must_use]
    pub fn failed_step(&self) -> Option<String> {
        self.failed_steps().into_iter().next()
    }

    /// Every step in which a failure happened, each named once.
    fn failed_steps(&self) -> Vec<String> {
        let case = &self.case;
        let mut names: Vec<&str> = case.steps.iter().filter(|step| step.culprit).map(|step| &*step.name).collect();
        if names.is_empty() {
            let failed = |outcome| matches!(outcome, Outcome::Failed | Outcome::Canceled);
            names.extend(case.steps.iter().filter(|step| failed(step.outcome)).map(|step| &*step.name));
        }
        if names.is_empty() {
            names.extend(case.definitions.iter().map(|definition| &*definition.step));
        }
        let mut seen = BTreeSet::new();
        names.into_iter().map(words::one_line).filter(|name| !name.is_empty() && seen.insert(name.clone())).collect()
    }

    /// Whether nothing in the log speaks of a failure, and nobody says that there was one.
    #[must_use]
    pub fn quiet(&self) -> bool {
        self.case.quiet && self.unknown()
    }

    /// Whether no cause can be named.
    fn unknown(&self) -> bool {
        self.diagnosis.confidence == Confidence::None || self.diagnosis.summary.trim().is_empty()
    }

    /// The explanation the summary speaks of; none when the cause is unknown.
    fn cause(&self) -> Option<&Hypothesis> {
        self.diagnosis.hypotheses.first().filter(|_| !self.unknown())
    }

    /// Explanations beside the cause.
    fn others(&self) -> &[Hypothesis] {
        let known = usize::from(self.cause().is_some());
        self.diagnosis.hypotheses.get(known..).unwrap_or_default()
    }

    /// The known failure that the cause came from.
    fn cause_match(&self) -> Option<&Match> {
        let id = self.cause()?.signature.as_deref()?;
        self.case.matches.iter().find(|found| found.signature.id == id)
    }

    /// How to see that the failure is mended.
    fn verify(&self) -> Option<String> {
        let found = self.cause_match()?;
        let filled = found
            .captures
            .iter()
            .fold(found.signature.verify.clone(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
        Some(words::one_line(&filled)).filter(|text| !text.is_empty())
    }

    /// The line that shows the cause best.
    fn key_line(&self) -> Option<&ExcerptLine> {
        let cited = self.cause()?.citations.iter().find_map(|&id| self.case.line(id));
        cited.or_else(|| self.case.line(self.cause_match()?.line))
    }

    /// The line that shows the cause best.
    #[must_use]
    pub fn key(&self) -> Option<&ExcerptLine> {
        self.key_line().or_else(|| self.case.telling_line())
    }

    /// The lines that any explanation cites, in log order.
    pub fn cited_lines(&self) -> impl Iterator<Item = &ExcerptLine> {
        self.cited().into_iter().filter_map(|id| self.case.line(id))
    }

    /// The ids of the lines that any explanation cites.
    fn cited(&self) -> BTreeSet<usize> {
        let mut cited: BTreeSet<usize> =
            self.diagnosis.hypotheses.iter().flat_map(|hypothesis| hypothesis.citations.iter().copied()).collect();
        cited.extend(self.key_line().map(|line| line.id));
        cited
    }

    /// Where a line stands, such as `line 149` or, where each step counts its own lines, `line 12 of Scan`.
    fn place_of(&self, line: &ExcerptLine) -> String {
        let step = self.case.excerpt_of(line.id).and_then(|excerpt| excerpt.step.as_deref());
        match (self.case.numbering, step) {
            (Numbering::Step, Some(step)) => format!("line {} of “{}”", line.number, words::one_line(step)),
            _ => format!("line {}", line.number),
        }
    }
}

/// The program's own version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod tests {
    use super::*;

    fn check(report: &Report, headline: &str, action: &str) {
        assert_eq!((report.headline(), report.action()), (headline.to_owned(), action.to_owned()));
    }

    #[test]
    fn a_known_cause_is_told_in_one_sentence() {
        check(
            &sample::story(),
            "The registry ghcr.io refused the download of Trivy's vulnerability database: too many requests.",
            "Turn on retries for the step “Scan for Security Vulnerabilities”.",
        );
    }

    #[test]
    fn an_unknown_cause_is_not_dressed_up() {
        check(
            &sample::unknown(),
            "No known failure matches in step “Scan for Security Vulnerabilities”; the log says: “2026-02-10T03:12:44Z FATAL \
             Fatal error init error: DB error: failed to download vulnerability DB: database…QUESTS: retry-after: 459.813µs, \
             allowed: 44000/minute”.",
            "Read the evidence from line 20 on.",
        );
    }

    #[test]
    fn an_empty_report_still_speaks() {
        check(&sample::empty(), "No known failure matches.", "Read the log of the run: no line of it stands out.");
    }

    #[test]
    fn a_guess_is_called_a_guess() {
        assert!(sample::guess().headline().starts_with("A guess: "));
    }

    #[test]
    fn the_failed_step_is_where_it_happened() {
        assert_eq!(sample::story().failed_step().unwrap(), "Scan for Security Vulnerabilities");
        assert_eq!(sample::empty().failed_step(), None);
    }

    #[test]
    fn nothing_of_the_summary_is_lost() {
        let check = |confidence, summary: &str, expected: &str| {
            let story = sample::story();
            let diagnosis = Diagnosis { summary: summary.to_owned(), confidence, ..(*story.diagnosis).clone() };
            let report = Report { diagnosis: crate::redact::sealed_for_tests(diagnosis), ..story };
            assert_eq!(report.detail(), expected);
        };
        let long = "word ".repeat(100);
        check(Confidence::High, "It broke. Mend it.", "Mend it.");
        check(Confidence::High, &long, long.trim());
        check(Confidence::None, "No known failure matches. Look at line 3.", "Look at line 3.");
        check(Confidence::None, "The log says nothing.", "The log says nothing.");
    }

    #[test]
    fn every_format_writes_every_sample() {
        for report in sample::all() {
            for (name, _, write) in FORMATS {
                assert!(!write(&report).trim().is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn no_format_lets_through_control_characters() {
        for (name, _, write) in FORMATS {
            let text = write(&sample::hostile());
            let colors = if *name == "text" { anstream::adapter::strip_str(&text).to_string() } else { text };
            let bad = colors.chars().find(|&c| c != '\n' && c != '\t' && words::is_hidden(c));
            assert_eq!(bad, None, "{name}");
        }
    }

    #[test]
    fn every_format_quotes_the_cited_line_whole() {
        let report = sample::story();
        let line = report.key_line().unwrap().text.clone();
        for (name, _, write) in FORMATS {
            // JSON writes the line's tabs in its own way.
            assert!(write(&report).replace("\\t", "\t").contains(&line), "{name}");
        }
    }
}

//! Whether an earlier failure was the same one: the same step failed, and for the same reason.
//!
//! Two failures of the same known kind are told apart by what the pattern captured; unknown ones are the same only where the line
//! that explains ours best stands in the other log too, numbers and ids aside. What is not sure is left open.

use crate::model::{Evidence, Incident, Level, Log};
use crate::reduce::{self, Budget};
use crate::signature::{Catalogue, SURE};

/// Enough of an earlier log to recognize a failure by.
const TOKENS: usize = 600;
/// A line with fewer words than this says too little to recognize a failure by.
const WORDS: usize = 4;

/// Judges those earlier failures whose logs are at hand.
pub fn judge(incident: &mut Incident, evidence: &Evidence, catalogue: &Catalogue) {
    let ours = Face::of(&incident.log, evidence);
    let logs = std::mem::take(&mut incident.earlier_logs);
    for (index, log) in logs {
        let theirs = Face::of(&log, &reduce::reduce(&log, None, catalogue, Budget { tokens: TOKENS }));
        if let Some(one) = incident.earlier.as_mut().and_then(|all| all.get_mut(index)) {
            one.same = ours.is_that_of(&theirs);
        }
    }
}

/// What a failure is recognized by.
struct Face {
    steps: Vec<String>,
    /// The known failure, what its pattern captured, and the words of its line.
    kind: Option<(String, Vec<Vec<String>>, Vec<String>)>,
    /// The telling lines, best first, as their words.
    lines: Vec<Vec<String>>,
}

impl Face {
    fn of(log: &Log, evidence: &Evidence) -> Self {
        let sure = evidence.matches.first().filter(|best| best.strength >= SURE);
        let kind = sure.map(|best| {
            let captures = best.captures.iter().map(|(_, value)| words(value)).collect::<Vec<_>>();
            (best.signature.id.clone(), captures, words(log.line(best.line)))
        });
        let telling = |index: &&usize| {
            let level = log.lines.get(**index).map(|line| line.level);
            let text = log.line(**index);
            // The host's closing word and an exit code are the same for any failure.
            level != Some(Level::Fatal) && !text.contains("exit code") && !text.contains("exited with")
        };
        let lines = evidence.best.iter().filter(telling).map(|index| words(log.line(*index)));
        Self {
            steps: log.steps.iter().filter(|step| step.culprit).map(|step| step.name.clone()).collect(),
            kind,
            lines: lines.filter(|words| words.len() >= WORDS).collect(),
        }
    }

    /// `None` where it is not sure.
    fn is_that_of(&self, other: &Self) -> Option<bool> {
        let known = !self.steps.is_empty() && !other.steps.is_empty();
        if known && !self.steps.iter().any(|step| other.steps.contains(step)) {
            return Some(false);
        }
        match (&self.kind, &other.kind) {
            (Some((ours, what, line)), Some((theirs, other, old))) if ours == theirs => {
                let named = what == other && what.iter().any(|words| !words.is_empty());
                (named || line == old).then_some(true)
            }
            (Some(_), Some(_)) => Some(false),
            (None, None) => self.lines.first().filter(|line| other.lines.contains(line)).map(|_| true),
            _ => None,
        }
    }
}

/// The words of a text but for numbers, ids and hashes.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !word.chars().any(|c| c.is_ascii_digit()))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::LogBuilder;
    use crate::model::{Earlier, Outcome, Step};

    fn log(step: &str, text: &str) -> Log {
        let mut builder = LogBuilder::default();
        for (index, line) in text.lines().enumerate() {
            builder.line(index + 1, None, Level::Error, Some(0), line);
        }
        let mut log = builder.finish();
        log.steps = vec![Step {
            name: step.to_owned(),
            place: None,
            outcome: Outcome::Failed,
            culprit: true,
            started: None,
            finished: None,
            attempts: 1,
            depth: 0,
        }];
        log
    }

    fn check(now: (&str, &str), then: (&str, &str), expected: Option<bool>) {
        let catalogue = Catalogue::builtin();
        let earlier = Earlier { title: "1.0".to_owned(), when: None, url: None, same: None, after: None };
        let mut incident = Incident {
            log: log(now.0, now.1),
            earlier: Some(vec![earlier]),
            earlier_logs: vec![(0, log(then.0, then.1))],
            ..Incident::default()
        };
        let evidence = reduce::reduce(&incident.log, None, &catalogue, Budget { tokens: 600 });
        judge(&mut incident, &evidence, &catalogue);
        let same = incident.earlier.and_then(|all| all.first().and_then(|one| one.same));
        assert_eq!(same, expected, "{now:?} and {then:?}");
    }

    #[test]
    fn the_same_line_but_for_its_numbers_is_the_same_failure() {
        let now = "the ledger of branch 17 does not balance with its journal";
        let then = "the ledger of branch 4 does not balance with its journal";
        check(("Close", now), ("Close", then), Some(true));
        check(("Close", now), ("Close", "nobody came to open the office today"), None);
    }

    #[test]
    fn another_step_is_another_failure() {
        let text = "the ledger of branch 17 does not balance with its journal";
        check(("Close", text), ("Open", text), Some(false));
    }

    #[test]
    fn an_exit_code_recognizes_nothing() {
        let text = "The remote script failed with exit code 1";
        check(("Close", text), ("Close", text), None);
    }

    #[test]
    fn a_known_failure_of_another_thing_is_not_taken_for_the_same() {
        let refused = |host: &str| format!("curl: (6) Could not resolve host: {host}");
        check(("Get", &refused("alpha.example")), ("Get", &refused("alpha.example")), Some(true));
        check(("Get", &refused("alpha.example")), ("Get", &refused("beta.example")), None);
        check(("Get", &refused("alpha.example")), ("Get", "write error: No space left on device"), Some(false));
    }
}

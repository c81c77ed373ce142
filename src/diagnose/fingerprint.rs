//! A short hash that is the same for the same failure in other runs.

use crate::model::{Case, Confidence, Diagnosis};

/// Sixteen hexadecimal digits from the failed step, the kind of failure and the cited line, numbers and ids left out. Where nobody is
/// sure, from the line that says most: the cited one may only say that something failed.
#[must_use]
pub fn fingerprint(case: &Case, diagnosis: &Diagnosis) -> String {
    let explained = diagnosis.hypotheses.first().filter(|_| diagnosis.confidence >= Confidence::Medium);
    let cited = explained.and_then(|first| first.citations.first()).and_then(|id| case.line(*id));
    let line = cited.or_else(|| case.telling_line());
    let text = line.map(|line| line.text.as_str()).unwrap_or_default();
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.chars().any(|c| c.is_ascii_digit()));
    let step = case.steps.iter().find(|step| step.culprit).map(|step| step.name.as_str()).unwrap_or_default();
    let kind = diagnosis.kind.as_deref().unwrap_or_default();
    let all = [step, kind].into_iter().chain(words).collect::<Vec<_>>().join("\n");
    format!("{:016x}", fnv1a(all.as_bytes()))
}

/// FNV-1a: published constants, so that a fingerprint stays the same over versions and machines.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::rules;
    use crate::model::{Excerpt, ExcerptLine, Hypothesis, Level};

    #[test]
    fn failures_that_nobody_explains_differ_by_the_line_that_says_most_but_for_its_numbers() {
        let fingerprint = |told: &str| {
            let line = |id: usize, level: Level, text: &str| {
                let text = text.to_owned();
                ExcerptLine { id, number: id, level, time: None, text }
            };
            let lines =
                vec![line(1, Level::Info, "Deploying"), line(2, Level::Error, told), line(3, Level::Fatal, "Failed")];
            let excerpt = Excerpt { step: None, lines, reason: String::new(), repeats: 0 };
            let case = Case { excerpts: vec![excerpt], best: vec![2, 3], ..Case::default() };
            let guess = Hypothesis {
                cause: "A command failed.".to_owned(),
                citations: vec![3],
                check: None,
                command: None,
                disproof: None,
                signature: None,
                links: Vec::new(),
            };
            fingerprint(&case, &Diagnosis { hypotheses: vec![guess], ..rules::diagnose(&case) })
        };
        assert_ne!(fingerprint("quorum rejected"), fingerprint("no lowering for lane width"));
        assert_eq!(fingerprint("quorum 17 rejected"), fingerprint("quorum 4 rejected"));
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}

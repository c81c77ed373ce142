//! A short hash that is the same for the same failure in other runs.

use crate::model::{Case, Diagnosis};

/// Sixteen hexadecimal digits from the failed step, the kind of failure and the cited line, numbers and ids left out.
#[must_use]
pub fn fingerprint(case: &Case, diagnosis: &Diagnosis) -> String {
    let cited = diagnosis.hypotheses.first().and_then(|first| first.citations.first()).and_then(|id| case.line(*id));
    let line = cited.or_else(|| case.excerpts.first().and_then(|excerpt| excerpt.lines.first()));
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

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}

//! Names that were meant and that nothing has: how they are told from other words, and which close ones are offered.

use super::super::wire::Named;
use super::names::{Found, before, is_common, label, run, spoken, word_before};
use super::tokens::{Token, squash};
use super::{Kind, Lost, Names, Sought, WIDEST, is_version};

/// Names that are offered for one that does not exist.
pub(super) const OFFERED: usize = 3;
/// Words of a question that are held against all names for a slip of the pen.
const WEIGHED: usize = 60;

/// An error where `found` is but a part of a longer name that was misspelled.
pub(super) fn whole(tokens: &[Token], found: &Found, known: &Names) -> Result<(), Lost> {
    let Some(run) = run(tokens, found.start, &vec![false; tokens.len()]).filter(|run| run.len() > found.len) else {
        return Ok(());
    };
    let said = spoken(tokens, run);
    let slips: Vec<String> =
        known.of(found.kind).iter().filter(|name| is_slip(&said, &name.name)).map(|name| name.name.clone()).collect();
    if slips.is_empty() {
        Ok(())
    } else {
        Err(Lost::Missing { kind: found.kind, said, sure: false, close: slips.into_iter().take(OFFERED).collect() })
    }
}

/// The first name that was given and that nothing has.
pub(super) fn missing(tokens: &[Token], used: &[bool], sought: &Sought, known: &Names) -> Option<Lost> {
    let free = |at: usize| used.get(at) == Some(&false);
    let lost = |kind: Kind, said: String, sure: bool| {
        let close = close(&said, known.of(kind));
        Lost::Missing { kind, said, sure, close }
    };
    for kind in Kind::ALL.into_iter().filter(|kind| sought.of(*kind).is_none()) {
        for at in (0..tokens.len())
            .filter(|at| tokens.get(*at).is_some_and(|token| !token.quoted && label(&token.lower) == Some(kind)))
        {
            if let Some(said) = beside(tokens, used, at) {
                return Some(lost(kind, said, true));
            }
        }
    }
    for at in (0..tokens.len()).filter(|at| free(*at)) {
        let Some(token) = tokens.get(at) else { continue };
        let before = word_before(tokens, at);
        let open = |kind: Kind| sought.of(kind).is_none();
        if token.quoted {
            // What is no name is quoted too: messages, commands.
            let spaced = token.text.contains(' ');
            let like_a_name = token.text.split(' ').count() <= 6
                && (!spaced || token.text.starts_with(char::is_uppercase))
                && !token.text.contains(['.', '/', '\\', ':', '=', '(', '{', '$']);
            let kind = match before {
                _ if !like_a_name => continue,
                "to" if is_elsewhere(tokens, at) => continue,
                "to" | "in" | "into" | "on" | "onto" if open(Kind::Environment) => Kind::Environment,
                "for" if open(Kind::Tenant) && !open(Kind::Project) => Kind::Tenant,
                _ if open(Kind::Project) => Kind::Project,
                _ => continue,
            };
            return Some(lost(kind, token.text.clone(), false));
        }
        if open(Kind::Project) && is_subject(tokens, at) && !known_at_all(&token.squash, known) {
            return Some(lost(Kind::Project, token.text.clone(), false));
        }
        let Some(run) = run(tokens, at, used).filter(|run| run.start == at) else { continue };
        let said = spoken(tokens, run.clone());
        if run.len() == 1 && is_common(&token.lower) {
            continue;
        }
        // An article before it makes "the Kubernetes step" of what would be a name.
        let next_to = at
            .checked_sub(1)
            .and_then(|at| tokens.get(at))
            .filter(|word| !word.quoted && !word.last)
            .map_or("", |word| word.lower.as_str());
        let slip = |kind: Kind| known.of(kind).iter().any(|name| is_slip(&said, &name.name));
        let kind = match before {
            "to" if is_elsewhere(tokens, at) => continue,
            "to" if next_to == "to" && is_happened(tokens, at) && open(Kind::Project) => Kind::Project,
            "to" if next_to == "to" && open(Kind::Environment) => Kind::Environment,
            "in" | "into" | "on" | "onto" if open(Kind::Environment) && slip(Kind::Environment) => Kind::Environment,
            "for" if open(Kind::Tenant) && slip(Kind::Tenant) => Kind::Tenant,
            "did" | "does" | "has" | "is" | "deploy" | "deploying" | "deployed" | "releasing" | "of" | "fix"
                if next_to == before && open(Kind::Project) =>
            {
                Kind::Project
            }
            _ => continue,
        };
        return Some(lost(kind, said, false));
    }
    slipped(tokens, used, sought, known)
}

/// Whether a bare word stands where only a name can: "did kafka fail", but not "did the scan fail".
fn is_subject(tokens: &[Token], at: usize) -> bool {
    let word = |at: Option<usize>| at.and_then(|at| tokens.get(at)).filter(|word| !word.quoted);
    let Some(own) = word(Some(at)).filter(|own| !own.last && !is_common(&own.lower)) else { return false };
    let asks = word(at.checked_sub(1)).is_some_and(|word| !word.last && matches!(word.lower.as_str(), "did" | "does"));
    let fails = word(Some(at + 1)).is_some_and(|word| {
        matches!(
            word.lower.as_str(),
            "fail" | "fails" | "failed" | "break" | "crash" | "stop" | "hang" | "keep" | "not" | "in" | "on" | "to"
        )
    });
    asks && fails && !own.squash.is_empty()
}

fn known_at_all(word: &str, known: &Names) -> bool {
    Kind::ALL.into_iter().any(|kind| known.of(kind).iter().any(|name| squash(&name.name) == word))
}

/// The word before the "to" that stands before `at`.
fn before_to(tokens: &[Token], at: usize) -> &str {
    before(tokens, at).map_or("", |to| word_before(tokens, to))
}

/// Whether the "to" before `at` leads to a place that nothing is deployed to: "due to Docker", "connect to Redis".
fn is_elsewhere(tokens: &[Token], at: usize) -> bool {
    const ELSEWHERE: &[&str] = &[
        "according",
        "access",
        "authenticate",
        "connect",
        "connected",
        "connecting",
        "connection",
        "due",
        "log",
        "login",
        "moved",
        "push",
        "pushing",
        "related",
        "switch",
        "switched",
        "talk",
        "thanks",
        "upload",
        "uploading",
        "write",
    ];
    ELSEWHERE.contains(&before_to(tokens, at))
}

fn is_happened(tokens: &[Token], at: usize) -> bool {
    matches!(before_to(tokens, at), "happened" | "happens" | "happening")
}

/// The name beside a label, where it is one that nothing has.
fn beside(tokens: &[Token], used: &[bool], label_at: usize) -> Option<String> {
    let free = |at: usize| tokens.get(at).filter(|_| used.get(at) == Some(&false));
    let mut after = label_at + 1;
    while tokens.get(after).is_some_and(|word| !word.quoted && matches!(word.lower.as_str(), "called" | "named")) {
        after += 1;
    }
    let follows = !tokens.get(label_at).is_some_and(|word| word.last);
    let before = label_at.checked_sub(1).filter(|at| tokens.get(*at).is_some_and(|word| !word.last));
    let quoted =
        |at: usize| free(at).filter(|word| word.quoted && !is_version(&word.text)).map(|word| word.text.clone());
    let run = |at: usize| {
        let run = run(tokens, at, used)?;
        let said = spoken(tokens, run.clone());
        (run.len() > 1 || !is_common(&said.to_lowercase())).then_some(said)
    };
    before
        .and_then(quoted)
        .or_else(|| quoted(after).filter(|_| follows))
        .or_else(|| run(after).filter(|_| follows))
        .or_else(|| before.and_then(run))
}

/// A bare word that is a slip of the pen away from a name.
fn slipped(tokens: &[Token], used: &[bool], sought: &Sought, known: &Names) -> Option<Lost> {
    let free = |at: usize| {
        used.get(at) == Some(&false) && tokens.get(at).is_some_and(|word| !word.quoted && !is_common(&word.lower))
    };
    for kind in [Kind::Project, Kind::Environment].into_iter().filter(|kind| sought.of(*kind).is_none()) {
        for start in (0..tokens.len()).filter(|at| free(*at)).take(WEIGHED) {
            let place = matches!(word_before(tokens, start), "to" | "in" | "into" | "on" | "onto");
            if kind == Kind::Environment && !place {
                continue;
            }
            let mut close: Vec<(usize, &Named)> = Vec::new();
            for name in known.of(kind) {
                let len = name.name.split([' ', '-', '_']).filter(|part| !part.is_empty()).count().clamp(1, WIDEST);
                let joined = (start..start + len - 1).all(|at| tokens.get(at).is_some_and(|word| !word.last));
                let end = start + len;
                if joined
                    && (start..end).all(|at| free(at) || (at > start && at < tokens.len()))
                    && is_slip(&spoken(tokens, start..end), &name.name)
                {
                    close.push((len, name));
                }
            }
            close.sort_by_key(|(len, _)| std::cmp::Reverse(*len));
            if let Some((len, _)) = close.first() {
                let said = spoken(tokens, start..start + len);
                let close = close.into_iter().take(OFFERED).map(|(_, name)| name.name.clone()).collect();
                return Some(Lost::Missing { kind, said, sure: false, close });
            }
        }
    }
    None
}

/// Whether `said` is `name` but for a few letters.
fn is_slip(said: &str, name: &str) -> bool {
    let (said, name) = (squash(said), squash(name));
    let (a, b) = (said.chars().count(), name.chars().count());
    let allowed = match a.min(b) {
        0..=3 => return false,
        4..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    a.abs_diff(b) <= allowed && (1..=allowed).contains(&strsim::osa_distance(&said, &name))
}

/// The names that may have been meant by `said`, the closest first.
pub(crate) fn close(said: &str, names: &[Named]) -> Vec<String> {
    let said_squash = squash(said);
    let said_words: Vec<String> = said.split([' ', '-', '_', '.']).map(squash).filter(|word| word.len() >= 3).collect();
    let likeness = |name: &str| {
        let squashed = squash(name);
        let letters = strsim::normalized_damerau_levenshtein(&said_squash, &squashed);
        // "Copilot" for "Octopus Copilot Function".
        let part = said_squash.len() >= 3
            && (squashed.contains(&said_squash) || (squashed.len() >= 3 && said_squash.contains(&squashed)));
        // "Octopus Pilot" for it, where each word has its like.
        let own: Vec<String> = name.split([' ', '-', '_', '.']).map(squash).filter(|word| word.len() >= 3).collect();
        let alike = |word: &String| {
            own.iter()
                .any(|own| own.contains(word.as_str()) || strsim::normalized_damerau_levenshtein(word, own) >= 0.75)
        };
        let words = said_words.len() > 1 && said_words.iter().all(alike);
        letters.max(if part { 0.7 } else { 0.0 }).max(if words { 0.65 } else { 0.0 })
    };
    let mut all: Vec<(f64, &str)> = names
        .iter()
        .map(|name| (likeness(&name.name), name.name.as_str()))
        .filter(|(score, _)| *score >= 0.6)
        .collect();
    all.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(other.1)));
    all.into_iter().take(OFFERED).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, expected: &[&str]) {
        let names = ["Octopus Copilot Function", "Octopus Portal", "Shop", "Shop Web", "Billing"];
        let names: Vec<Named> =
            names.iter().map(|name| Named { name: (*name).to_owned(), ..Named::default() }).collect();
        assert_eq!(close(said, &names), expected, "{said}");
    }

    #[test]
    fn close_names_are_offered_the_closest_first() {
        check("Octopus Copilot Functon", &["Octopus Copilot Function"]);
        check("Copilot", &["Octopus Copilot Function"]);
        check("Octopus Pilot", &["Octopus Copilot Function", "Octopus Portal"]);
        check("shopp", &["Shop"]);
        check("shop wbe", &["Shop Web", "Shop"]);
        check("Kafka", &[]);
    }
}

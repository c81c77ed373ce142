//! Which words of a question are names, and of what: by the words around them.

use std::collections::HashMap;
use std::ops::Range;

use super::super::wire::Named;
use super::missing::OFFERED;
use super::tokens::{Token, squash};
use super::{Kind, Lost, WIDEST, is_version};

/// Words of the language and of the trade that are no name unless they are marked as one.
const COMMON: &str = "\
    a about after again all an and any anyone anything are at be because been before both break breaking breaks \
    broke broken build but by can cause could crash crashed customer day deploy deployed deploying deployment \
    deployments deploys did didn't do does doesn't down during each either env environment environments error errors \
    everyone everything explain fail failed failing fails failure failures fault find fix fixed for from get go \
    going had half hang happen happened has have help how i in into is it its keep keeps last late latest log logs \
    made make many me most my neither new newest nobody not nothing of on one only onto or our out people please \
    problem project projects promote recent red release released releases releasing repair resolve rollout run \
    runbook runbooks running runs say server several should show since so solve some someone something step steps \
    still stop stopped task tell tenant tenants test than that the their them then there these they things this \
    those through time to today two up us version was we went were what what's when where which who why will with \
    work working works would wrong yesterday you";

pub(super) fn is_common(lower: &str) -> bool {
    COMMON.split(' ').any(|word| word == lower)
}

/// What a word says that the name beside it is.
pub(super) fn label(lower: &str) -> Option<Kind> {
    Some(match lower {
        "project" | "projects" => Kind::Project,
        "environment" | "environments" | "env" => Kind::Environment,
        "tenant" | "tenants" | "customer" => Kind::Tenant,
        "runbook" | "runbooks" => Kind::Runbook,
        _ => return None,
    })
}

/// A name among the words.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) kind: Kind,
    /// Which of its kind.
    pub(super) index: usize,
    /// The first of its words, and how many there are.
    pub(super) start: usize,
    pub(super) len: usize,
    /// Whether neither quotes nor a word beside it mark it as a name.
    pub(super) bare: bool,
    score: i32,
}

impl Found {
    fn overlaps(&self, other: &Self) -> bool {
        self.start < other.start + other.len && other.start < self.start + self.len
    }
}

/// At most one name of each kind, the surest first.
pub(super) fn find(tokens: &[Token], used: &[bool], index: &HashMap<String, Vec<(Kind, usize)>>) -> Vec<Found> {
    let mut all = Vec::new();
    for start in 0..tokens.len() {
        let mut key = String::new();
        for len in 1..=WIDEST {
            let at = start + len - 1;
            let Some(token) =
                tokens.get(at).filter(|token| used.get(at) == Some(&false) && (len == 1 || !token.quoted))
            else {
                break;
            };
            key.push_str(&token.squash);
            for &(kind, of) in index.get(&key).into_iter().flatten() {
                all.extend(judge(tokens, start, len, kind, of));
            }
            if token.quoted || token.last {
                break;
            }
        }
    }
    // A name within a longer one is a part of it.
    let within = |one: &Found| {
        all.iter().any(|other| {
            other.len > one.len && other.start <= one.start && one.start + one.len <= other.start + other.len
        })
    };
    let mut kept: Vec<Found> = all.iter().filter(|one| !within(one)).cloned().collect();
    kept.sort_by_key(|one| (std::cmp::Reverse(one.score), one.start));
    let mut chosen: Vec<Found> = Vec::new();
    for one in kept {
        if !chosen.iter().any(|other| other.kind == one.kind || other.overlaps(&one)) {
            chosen.push(one);
        }
    }
    chosen
}

/// How surely these words, which spell a name of `kind`, mean it; `None` for not at all.
fn judge(tokens: &[Token], start: usize, len: usize, kind: Kind, index: usize) -> Option<Found> {
    let token = tokens.get(start)?;
    let labelled = labelled(tokens, start, len);
    if labelled.is_some_and(|other| other != kind) {
        return None;
    }
    let before = word_before(tokens, start);
    let place = matches!(before, "to" | "in" | "into" | "on" | "onto" | "at");
    let after = tokens.get(start + len).filter(|_| tokens.get(start + len - 1).is_some_and(|word| !word.last));
    // "Production failed": at the start of a sentence a capital says nothing, but a verb after it does.
    let is_subject = after.is_some_and(|word| {
        matches!(word.lower.as_str(), "is" | "was" | "failed" | "fails" | "broke" | "keeps" | "went")
    });
    let capital = token.text.chars().next().is_some_and(char::is_uppercase) && (!token.first || len > 1 || is_subject);
    let marked = token.quoted || labelled.is_some();
    let common = len == 1 && is_common(&token.lower);
    let allowed = marked
        || match kind {
            Kind::Project => capital || !common,
            Kind::Environment => capital || place,
            Kind::Tenant => capital || (before == "for" && !common),
            // Without the word beside it a runbook's name is only one if it has several words.
            Kind::Runbook => len > 1,
        };
    if !allowed {
        return None;
    }
    let fit = match (kind, before) {
        (Kind::Environment, _) if place => 4,
        (Kind::Tenant, "for")
        | (Kind::Project, "of" | "deploy" | "deploying" | "deployed" | "did" | "does" | "has" | "is" | "releasing") => {
            3
        }
        (Kind::Project | Kind::Environment, "for") => 2,
        (Kind::Project, "in") | (Kind::Environment, "from") => 1,
        _ => 0,
    };
    let base = match kind {
        Kind::Project | Kind::Environment => 1,
        Kind::Tenant | Kind::Runbook => 0,
    };
    let words = i32::try_from(len).unwrap_or(1) - 1;
    let score = base
        + fit
        + 2 * words
        + if labelled.is_some() { 8 } else { 0 }
        + if token.quoted { 3 } else { 0 }
        + if capital { 2 } else { 0 };
    Some(Found { kind, index, start, len, bare: !marked, score })
}

/// The kind that the word before a name, or the one after it, says it has.
pub(super) fn labelled(tokens: &[Token], start: usize, len: usize) -> Option<Kind> {
    let own = |at: usize| tokens.get(at).filter(|token| !token.quoted).and_then(|token| label(&token.lower));
    let end = start + len;
    let after = own(end).filter(|_| tokens.get(end - 1).is_some_and(|word| !word.last));
    let at = before(tokens, start);
    let first = at.and_then(own);
    match (at, first, after) {
        (Some(at), Some(_), Some(after)) => {
            // Of `"Shop" project "Live" environment` the first label belongs to the name before it.
            let taken =
                at.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|word| word.quoted || word.is_capital());
            if taken { Some(after) } else { first }
        }
        (Some(at), Some(kind), None) => {
            // Of `the "Shop" project Web 1.2` too, unless the name follows at once.
            let far = at + 1 < start && at.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|word| word.quoted);
            (!far).then_some(kind)
        }
        (_, _, after) => after,
    }
}

/// Where the word before stands, articles and the like aside; none at the start of a sentence.
pub(super) fn before(tokens: &[Token], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at = at.checked_sub(1)?;
        let token = tokens.get(at)?;
        if token.last {
            return None;
        }
        if token.quoted || !matches!(token.lower.as_str(), "the" | "a" | "called" | "named" | "our" | "my") {
            return Some(at);
        }
    }
}

pub(super) fn word_before(tokens: &[Token], start: usize) -> &str {
    before(tokens, start)
        .and_then(|at| tokens.get(at))
        .filter(|token| !token.quoted)
        .map_or("", |token| token.lower.as_str())
}

/// The words around `at` that are written as one name: capitals side by side.
pub(super) fn run(tokens: &[Token], at: usize, used: &[bool]) -> Option<Range<usize>> {
    let fits = |at: usize| {
        let free = used.get(at) == Some(&false);
        tokens.get(at).is_some_and(|word| {
            free && !word.quoted && word.is_capital() && !is_version(&word.text) && label(&word.lower).is_none()
        })
    };
    if !fits(at) {
        return None;
    }
    let joined = |left: usize| tokens.get(left).is_some_and(|word| !word.last);
    let mut start = at;
    while start > 0 && fits(start - 1) && joined(start - 1) {
        start -= 1;
    }
    let mut end = at + 1;
    while fits(end) && joined(end - 1) {
        end += 1;
    }
    Some(start..end)
}

pub(super) fn spoken(tokens: &[Token], run: Range<usize>) -> String {
    tokens.get(run).unwrap_or_default().iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// The environment that a word after "to" or "in" is short for: "in prod". An error where it may be several.
pub(super) fn short(tokens: &[Token], used: &[bool], environments: &[Named]) -> Result<Option<(usize, Named)>, Lost> {
    const SHORT: &[(&str, &str)] = &[("prd", "production"), ("stg", "staging"), ("stage", "staging"), ("tst", "test")];
    for (at, token) in tokens.iter().enumerate().filter(|(at, _)| used.get(*at) == Some(&false)) {
        let place = matches!(word_before(tokens, at), "to" | "in" | "into" | "on" | "onto");
        if !place || token.quoted || token.squash.chars().count() < 3 || is_common(&token.lower) {
            continue;
        }
        let long =
            SHORT.iter().find(|(short, _)| *short == token.squash).map_or(token.squash.as_str(), |(_, long)| long);
        let fitting: Vec<&Named> = environments.iter().filter(|name| squash(&name.name).starts_with(long)).collect();
        match fitting.as_slice() {
            [] => {}
            [one] => return Ok(Some((at, (*one).clone()))),
            many => {
                let close = many.iter().take(OFFERED).map(|name| name.name.clone()).collect();
                return Err(Lost::Missing { kind: Kind::Environment, said: token.text.clone(), sure: true, close });
            }
        }
    }
    Ok(None)
}

//! Where a change and the evidence meet: in names, in lines of files, in whole values and in phrases; and what that says.

use std::collections::{BTreeMap, HashMap};

use super::alibi::Bearing;
use super::edit::{self, Edit};
use super::said::{LOUD, complains, of_the_run, said, standing, without_echoes};
use super::touched::{BROUGHT_IN, details, most, touched};
use super::{names, places};
use crate::model::{Change, ChangeKind, Evidence, Log, Run};

/// Lines and words that one suspect cites.
const CITED: usize = 3;
/// What names in lines that only say what was done may say together.
const IN_PASSING: f64 = 0.55;
/// What it says that a line of a file which the evidence names was changed, or that a line holds the whole of a new value.
const AT_LINE: f64 = 0.8;
const AT_VALUE: f64 = 0.5;
const AT_VALUE_IN_PASSING: f64 = 0.3;
/// The same of a value of several words, of a number beside a word of what it is of, and of the version of what is deployed.
const AT_PHRASE: f64 = 0.65;
const AT_NUMBER: f64 = 0.6;
const AT_VERSION: f64 = 0.25;
/// What it says that a line names what a change took away, or misses what it calls otherwise; how much of that is looked for.
const AT_GONE: f64 = 0.5;
const AT_MISSED: f64 = 0.65;
const GONE: usize = 16;
/// Letters up to which a word without any sign may be an ordinary one.
const PLAIN: usize = 8;
/// What it says that a number went past a bound which a line says, and with which words lines say one.
const AT_BOUND: f64 = 0.45;
const AT_BOUND_OF_ANOTHER: f64 = 0.12;
#[rustfmt::skip]
const BOUNDS: &[&str] = &[
    "between", "at least", "at most", "maximum", "minimum", "max", "min", "greater", "less", "exceed", "exceeds", "exceeded",
    "limit", "larger", "smaller", "range", "allowed", "more than", "fewer", "up to", "higher", "lower", "above", "below",
];
/// Bytes of a line in which it is looked for.
const LONG: usize = 2_000;
/// Lines that complain of which that is looked for.
const COMPLAINTS: usize = 64;
/// Bytes before a number in which what it is of is said.
const NEAR: usize = 40;
/// Letters with which two forms of a word begin alike.
const AKIN: usize = 6;
/// How much a name says that stands in a good run's log too.
const USUAL: f64 = 0.7;
const USUAL_IN_PASSING: f64 = 0.6;
/// A log is taken to have this many lines at least: in a short one a name that stands twice is still rare.
const LINES: usize = 200;
/// What ordinary words may say together: not enough to accuse.
pub(super) const ORDINARY: f64 = 0.2;

/// What is needed to hold the names of changes against those of the evidence.
pub(super) struct Names<'a> {
    log: &'a Log,
    evidence: &'a Evidence,
    weights: &'a BTreeMap<usize, f64>,
    run: &'a Run,
    baseline: Option<&'a Log>,
    outside: bool,
    complaints: Vec<Complaint<'a>>,
}

/// A line that tells why and complains.
struct Complaint<'a> {
    line: usize,
    text: &'a str,
    /// Whether it says that something is missing.
    is_missing: bool,
    /// The numbers that it says, where it speaks of a bound.
    bounds: Vec<f64>,
}

impl<'a> Names<'a> {
    pub(super) fn of(
        log: &'a Log,
        evidence: &'a Evidence,
        weights: &'a BTreeMap<usize, f64>,
        run: &'a Run,
        baseline: Option<&'a Log>,
        outside: bool,
    ) -> Self {
        let loud = weights.iter().filter(|(_, weight)| **weight >= LOUD).map(|(line, _)| (*line, log.line(*line)));
        let short = loud.map(|(line, text)| (line, text.get(..text.floor_char_boundary(LONG)).unwrap_or(text)));
        let complaints = short.filter(|(_, text)| complains(text)).take(COMPLAINTS).map(|(line, text)| {
            let lower = text.to_lowercase();
            // How often somebody tried is no bound of what was asked for.
            let is_bound = BOUNDS.iter().any(|word| names::says(&lower, word)) && !lower.contains("retries:");
            let bounds = if is_bound { numbers(&lower).collect() } else { Vec::new() };
            Complaint { line, text, is_missing: is_missing(&lower), bounds }
        });
        Self { log, evidence, weights, run, baseline, outside, complaints: complaints.collect() }
    }

    /// What each change and the evidence share.
    pub(super) fn all_met(&self, changes: &[Change], bearing: &[Bearing]) -> Vec<Met> {
        let (log, weights) = (self.log, self.weights);
        let all_said = said(log, self.evidence, weights);
        // Of a script its own words say nothing that a shell only says again.
        let quieter = without_echoes(log, weights, changes);
        let unsaid = said(log, self.evidence, &quieter);
        let is_script = |change: &Change| change.kind == ChangeKind::Process && change.title.starts_with("script of ");
        let said_to = |change: &Change| if is_script(change) { &unsaid } else { &all_said };
        let most = most(changes.len());
        let touched: Vec<BTreeMap<String, f64>> = changes
            .iter()
            .zip(bearing)
            .map(|(change, at)| touched(change, said_to(change), most, *at == Bearing::Own))
            .collect();
        let mut holders: HashMap<&str, usize> = HashMap::new();
        for name in touched.iter().flat_map(BTreeMap::keys) {
            *holders.entry(name).or_default() += 1;
        }
        let here = standing(log, &all_said, &holders);
        let usual = self.baseline.map(|log| standing(log, &all_said, &holders)).unwrap_or_default();
        let places = places::of(log, weights);
        let of_the_run = of_the_run(self.run);
        let mut all = Vec::new();
        for ((change, touched), at) in changes.iter().zip(&touched).zip(bearing) {
            // What fails outside is named by many; a change has to do with it where it brought the name in.
            // Nobody brought in what the good run named too.
            let is_brought = |name: &str, place: f64| place >= BROUGHT_IN && !usual.contains_key(name);
            let brought = touched.iter().filter(|(name, place)| !self.outside || is_brought(name, **place));
            let meetings = brought.filter_map(|(name, place)| {
                let said = said_to(change).get(name.as_str())?;
                // A change of the step names it anyway.
                if said.lines.is_empty() && *at == Bearing::Own {
                    return None;
                }
                let among = rarity(holders.get(name.as_str()).copied().unwrap_or(1), changes.len());
                let in_log = rarity(here.get(name.as_str()).copied().unwrap_or(1), log.lines.len().max(LINES));
                let own = of_the_run.get(name).copied().unwrap_or(1.0);
                // What a good run says as well is less likely to be what is wrong.
                let news = match usual.contains_key(name.as_str()) {
                    true if said.line < LOUD => USUAL_IN_PASSING,
                    true => USUAL,
                    false => 1.0,
                };
                // A log begins with what its worker is: that it says so again proves nothing.
                let line =
                    if change.kind == ChangeKind::Worker && said.line < LOUD { said.line * 0.3 } else { said.line };
                let weight = said.form.min(1.0) * line * place * own * among * in_log.sqrt() * news;
                let form = if said.form < 0.5 { Form::Word } else { Form::Name };
                let form = if form == Form::Name && said.line < LOUD { Form::Quiet } else { form };
                let is_loud = said.line >= LOUD;
                Some(Meeting { name, word: said.word, weight, form, is_loud, lines: &said.lines })
            });
            let mut meetings: Vec<Meeting> = meetings.collect();
            let at_line = places::in_diff(&places, details(change, most)).map(|place| (place, AT_LINE));
            let at_line = at_line.or_else(|| self.value(change)).or_else(|| Some((self.phrase(change)?, AT_VALUE)));
            meetings.sort_by(|a, b| {
                b.weight.total_cmp(&a.weight).then(b.name.len().cmp(&a.name.len())).then(a.name.cmp(b.name))
            });
            all.push(Met::of(&meetings, at_line));
        }
        all
    }

    /// Where a line that tells why quotes several words that stand so in a change's title, such as what a feed is called.
    fn phrase(&self, change: &Change) -> Option<(usize, String)> {
        let loud = self.weights.iter().filter(|(_, weight)| **weight >= LOUD).map(|(line, _)| *line);
        let quoted = |line: usize| {
            let parts = self.log.line(line).split(['\'', '"', '`']).skip(1).step_by(2);
            let mut phrases = parts.filter(|part| part.contains(' ') && (5..=80).contains(&part.len()));
            let found = phrases.find(|phrase| change.title.contains(phrase));
            // A part of the new value, whole between quotes.
            let value = change.after.as_deref().filter(|_| change.kind == ChangeKind::Variable).unwrap_or_default();
            let is_part = |part: &&str| {
                (10..=80).contains(&part.len())
                    && value.len() > part.len()
                    && value.contains(part)
                    && part.contains(|c: char| !c.is_alphanumeric() && c != '-' && c != '.' && c != '/')
            };
            let found = found.or_else(|| self.log.line(line).split(['\'', '"', '`']).skip(1).step_by(2).find(is_part));
            found.map(|phrase| (line, phrase.to_owned()))
        };
        loud.into_iter().find_map(quoted)
    }

    /// Where a line that tells why holds a whole new value that no good run said, and how much that says.
    fn value(&self, change: &Change) -> Option<((usize, String), f64)> {
        let edits = edit::of(change);
        let found = edits.iter().filter_map(|edit| self.edited(edit, change.kind));
        let gone = edits.iter().filter_map(|edit| self.gone(edit, &edits));
        let bound = edits.iter().filter(|_| change.kind != ChangeKind::Commit).filter_map(|edit| self.beyond(edit));
        found.chain(gone).chain(bound).max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Where a line that tells why names what `edit`, one of `all` of a change, took away or calls otherwise.
    fn gone(&self, edit: &Edit<'_>, all: &[Edit<'_>]) -> Option<((usize, String), f64)> {
        let before: Vec<&str> = edit::items(edit.before?).collect();
        let stays = |item: &str| all.iter().filter_map(|edit| edit.after).flat_map(edit::items).any(|one| one == item);
        let is_taken = edit.after.is_none_or(|after| edit::items(after).all(|item| before.contains(&item)));
        let gone = before.into_iter().filter(|item| item.len() > 3 && names::is_one(item) && !stays(item));
        let gone: Vec<&str> = gone.take(GONE).collect();
        self.complaints.iter().find_map(|complaint| {
            // What goes by another name now is missed where somebody still calls it so.
            let weight = match (is_taken, complaint.is_missing) {
                (_, true) => AT_MISSED,
                (true, false) => AT_GONE,
                (false, false) => return None,
            };
            let text = complaint.text;
            let is_named = |item: &&&str| {
                let is_word = item.bytes().all(|byte| byte.is_ascii_lowercase());
                let quoted = || ['\'', '"', '`'].iter().any(|sign| text.contains(&format!("{sign}{item}{sign}")));
                stands_apart(text, item) && (!is_word || item.len() > PLAIN || quoted())
            };
            let item = gone.iter().find(is_named)?;
            Some(((complaint.line, (*item).to_owned()), weight))
        })
    }

    /// Where a line that tells why says a bound which parts the new number from the old.
    fn beyond(&self, edit: &Edit<'_>) -> Option<((usize, String), f64)> {
        let (old, new) = (edit::plain(edit.before?)?, edit::plain(edit.after?)?);
        let parts = |bound: &f64| old < *bound && *bound <= new || new <= *bound && *bound < old;
        let own: Vec<String> = words_of(&edit.name).filter(|word| !BOUNDS.contains(&&**word)).collect();
        self.complaints.iter().find_map(|complaint| {
            let bound = complaint.bounds.iter().find(|bound| parts(bound) && **bound >= 2.0 && bound.fract() == 0.0)?;
            let says = words_of(complaint.text).any(|word| own.iter().any(|one| is_akin(one, &word)));
            let weight = if says { AT_BOUND } else { AT_BOUND_OF_ANOTHER };
            Some(((complaint.line, format!("{} {bound}", edit.name).trim().to_owned()), weight))
        })
    }

    fn edited(&self, edit: &Edit<'_>, kind: ChangeKind) -> Option<((usize, String), f64)> {
        let value = edit.after?.trim_matches(|c: char| c.is_whitespace() || "'\"`".contains(c));
        let value = value.strip_prefix("//").unwrap_or(value);
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        if !(1..=200).contains(&value.len()) || !value.contains(char::is_alphanumeric) || edit.before == Some(value) {
            return None;
        }
        let is_mixed = value.contains(|c: char| c.is_ascii_digit()) && value.contains(|c: char| !c.is_alphanumeric());
        let is_phrase = value.len() > 7 && value.trim().contains(' ') && !value.contains('\n');
        let is_place = value.contains("://") || value.starts_with('/') && value.matches('/').count() > 1;
        let is_longer = edit.before.is_some_and(|before| value.starts_with(before));
        let is_name = value.len() > 4 && !value.contains(char::is_whitespace) && !is_number && !is_place;
        let is_of_release = matches!(kind, ChangeKind::Package);
        // `10gb`, wherever it was put: `-Xmx10gb`.
        let is_amount = (3..9).contains(&value.len())
            && value.starts_with(|c: char| c.is_ascii_digit())
            && value.ends_with(|c: char| c.is_ascii_alphabetic())
            && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let own: Vec<String> = words_of(&edit.name).filter(|word| !BOUNDS.contains(&&**word)).collect();
        let weigh = |line: &str, at: usize| {
            let end = at + value.len();
            let (left, right) = (line.get(..at).unwrap_or_default(), line.get(end..).unwrap_or_default());
            let (before, after) = (left.chars().next_back(), right.chars().next());
            let is_quoted = before.is_some_and(|c| "'\"`".contains(c)) && before == after;
            let goes_on = |c: char| c.is_alphanumeric() || "_-/".contains(c);
            let dot = |text: &str| text.starts_with('.') && text.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
            let is_apart = !before.is_some_and(|c| goes_on(c) || c == '.' && is_number)
                && !after.is_some_and(goes_on)
                && !dot(right);
            if is_number {
                // A number is the one that was edited where the line says as well what it is.
                let near = left.get(left.floor_char_boundary(left.len().saturating_sub(NEAR))..).unwrap_or_default();
                let says = words_of(near).any(|word| own.iter().any(|one| is_akin(one, &word)));
                return if is_apart && says && complains(line) { AT_NUMBER } else { 0.0 };
            }
            match () {
                () if is_of_release && is_mixed && (is_apart || before == Some('v')) => AT_VERSION,
                () if is_amount => {
                    let ends = !after.is_some_and(char::is_alphanumeric) && !before.is_some_and(|c| c.is_ascii_digit());
                    if ends && complains(line) { AT_VALUE } else { 0.0 }
                }
                () if is_place && (is_apart || after == Some('/') && !is_longer) => AT_VALUE,
                () if is_name => 0.0,
                () if is_phrase && is_apart => AT_PHRASE,
                () if is_quoted || is_apart && is_mixed && value.len() > 3 => {
                    // What goes well says its values too.
                    if complains(line) { AT_VALUE } else { AT_VALUE_IN_PASSING }
                }
                () => 0.0,
            }
        };
        let loud = self.weights.iter().filter(|(_, weight)| **weight >= LOUD).map(|(line, _)| *line);
        let held = loud.filter_map(|line| {
            let text = self.log.line(line);
            // A shell that says what it runs says the value wherever it was put.
            if text.trim_start().starts_with(['+', '$', '>']) {
                return None;
            }
            let best = text.match_indices(value).map(|(at, _)| weigh(text, at)).fold(0.0, f64::max);
            let is_said =
                best <= 0.0 && !is_place && complains(text) && !text.contains(value) && says_otherwise(text, value);
            let best = if is_said { AT_VALUE } else { best };
            (best > 0.0).then_some((line, best))
        });
        let (line, weight) = held.reduce(|a, b| if b.1 > a.1 { b } else { a })?;
        // A whole log is searched last, and only for what a line holds.
        if !is_number && self.baseline.is_some_and(|log| log.text.contains(value)) {
            return None;
        }
        let told = if is_number { format!("{} {value}", edit.name) } else { value.to_owned() };
        Some(((line, told.trim().to_owned()), weight))
    }
}

/// Whether a line, in lower case, says that something is missing.
fn is_missing(line: &str) -> bool {
    #[rustfmt::skip]
    const WORDS: &[&str] = &[
        "not found", "no such", "unknown", "does not exist", "doesn't exist", "not exist", "unable to find",
        "failed to find", "could not find", "cannot find", "can't find", "missing", "undefined", "not defined",
        "no matches", "no match", "unresolved", "cannot resolve", "could not resolve", "invalid column",
        "invalid object", "not recognized", "unrecognized", "has no", "no member", "no attribute", "not declared",
        "undeclared", "nil pointer", "not registered", "is not a", "enoent", "404", "keyerror", "no module",
        "cannot open", "could not be found", "nosuch", "not present", "unable to load", "failed to load",
        "cannot locate", "is not set", "no longer",
    ];
    WORDS.iter().any(|word| line.contains(word))
}

/// The numbers of a line that are no parts of times, versions and names.
fn numbers(line: &str) -> impl Iterator<Item = f64> {
    let words = line.split(|c: char| c.is_whitespace() || "()[]{}<>,;=\"'`".contains(c));
    words
        .filter_map(|word| word.trim_end_matches(['.', ':', '%']).parse::<f64>().ok())
        .filter(|number| number.is_finite())
}

/// Whether `item` stands in `line` and is no part of a longer name.
fn stands_apart(line: &str, item: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || "_-".contains(c);
    line.match_indices(item).any(|(at, _)| {
        let (left, right) = (line.get(..at).unwrap_or_default(), line.get(at + item.len()..).unwrap_or_default());
        let is_dotted = right.strip_prefix('.').is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
        !left.ends_with(|c| goes_on(c) || c == '.') && !right.starts_with(goes_on) && !is_dotted
    })
}

/// Whether `line` holds the words of `value`, which is one name of several, in this order but with other signs between them:
/// `postgres+psycopg2` in `dialects:postgres.psycopg2`.
fn says_otherwise(line: &str, value: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
        parts.map(str::to_lowercase).collect()
    };
    if value.contains(char::is_whitespace) || value.len() < 2 * AKIN {
        return false;
    }
    let (all, own) = (words(line), words(value));
    let is_name = own.len() > 1 && own.iter().all(|word| word.len() > 2 && word.contains(char::is_alphabetic));
    is_name && all.windows(own.len()).any(|some| *some == own)
}

/// Whether two words are forms of one: `replicas` and `replication`.
fn is_akin(one: &str, other: &str) -> bool {
    let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    one == other || same >= AKIN
}

/// The words of a text, in lower case: what stands between signs and the humps of a name.
fn words_of(text: &str) -> impl Iterator<Item = String> + '_ {
    let parts = text.split(|c: char| !c.is_alphanumeric());
    parts.flat_map(names::humps).map(str::to_lowercase).filter(|word| word.len() > 2)
}

/// A name that a change and the evidence share.
struct Meeting<'a> {
    name: &'a str,
    word: &'a str,
    weight: f64,
    form: Form,
    is_loud: bool,
    lines: &'a [usize],
}

/// What a name is worth among others.
#[derive(PartialEq)]
enum Form {
    /// An ordinary word,
    Word,
    /// a name in a line that only says what was done,
    Quiet,
    /// and one in a line that tells why.
    Name,
}

/// All that a change and the evidence share, told once.
#[derive(Default)]
pub(super) struct Met {
    pub(super) weight: f64,
    pub(super) lines: Vec<usize>,
    pub(super) words: Vec<String>,
    /// Whether a line that tells why holds one of the words,
    pub(super) names_a_cause: bool,
    /// and how much it says that it speaks of the very place or value that was edited.
    pub(super) exact: f64,
    /// How much names say in lines that tell why, ordinary words there, names elsewhere, and the most that one of all says.
    pub(super) by_names: f64,
    pub(super) by_words: f64,
    pub(super) in_passing: f64,
    pub(super) by_the_best: f64,
}

impl Met {
    /// Sums up `meetings`, best first. A part of a name that has met says nothing more.
    fn of(meetings: &[Meeting<'_>], at_line: Option<((usize, String), f64)>) -> Self {
        let mut met = Self::default();
        let (mut left, mut ordinary, mut quiet) = (1.0, 1.0, 1.0);
        let mut taken: Vec<&str> = Vec::new();
        if let Some(((line, place), weight)) = at_line {
            left *= 1.0 - weight;
            met.exact = weight;
            met.cite(&[line], &place);
        }
        for meeting in meetings.iter().filter(|meeting| meeting.weight > 0.02) {
            if taken.iter().any(|name| name.contains(meeting.name) || meeting.name.contains(name)) {
                continue;
            }
            taken.push(meeting.name);
            met.by_the_best = met.by_the_best.max(meeting.weight);
            met.names_a_cause |= meeting.is_loud && meeting.form != Form::Word && meeting.weight >= 0.1;
            match meeting.form {
                Form::Word => ordinary *= 1.0 - meeting.weight,
                Form::Quiet => quiet *= 1.0 - meeting.weight * 0.95,
                Form::Name => left *= 1.0 - meeting.weight * 0.95,
            }
            if !meeting.lines.is_empty() {
                met.cite(meeting.lines, meeting.word);
            }
            if taken.len() == 8 {
                break;
            }
        }
        (met.by_words, met.in_passing) = (1.0 - ordinary, 1.0 - quiet);
        met.by_names = 1.0 - left / (1.0 - met.exact);
        met.weight = 1.0 - left * ordinary.max(1.0 - ORDINARY) * quiet.max(1.0 - IN_PASSING);
        met.lines.sort_unstable();
        met
    }

    fn cite(&mut self, lines: &[usize], word: &str) {
        if self.words.len() < CITED {
            self.words.push(word.to_owned());
            let new = lines.iter().find(|line| !self.lines.contains(line));
            // A line that holds two of the words is better than two lines.
            if !lines.iter().any(|line| self.lines.contains(line)) {
                self.lines.extend(new);
            }
        }
    }
}

/// From 1 for what one of `all` has to nearly 0 for what all have.
#[expect(clippy::cast_precision_loss, reason = "a weight needs no more than a float's precision")]
pub(super) fn rarity(having: usize, all: usize) -> f64 {
    let all = (all + 1) as f64;
    ((all / having.max(1) as f64).ln() / all.ln()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::LogBuilder;
    use crate::model::Level;

    /// Whether `line` is held to speak of a variable's new value.
    fn check(line: &str, title: &str, (before, after): (&str, &str), expected: bool) {
        let mut builder = LogBuilder::default();
        builder.line(1, None, Level::Error, None, line);
        let log = builder.finish();
        let change = Change {
            kind: ChangeKind::Variable,
            title: format!("variable {title}"),
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
            details: None,
            step: None,
            who: None,
            when: None,
            url: None,
        };
        let (evidence, weights, run) = (Evidence::default(), BTreeMap::from([(0, 1.0)]), Run::default());
        let names = Names::of(&log, &evidence, &weights, &run, None, false);
        assert_eq!(names.value(&change).is_some(), expected, "{title}: {line}");
    }

    #[test]
    fn a_part_of_a_value_is_met_where_a_line_quotes_it() {
        let values = ("OU=Roles,OU=Portal,DC=corp", "OU=PortalRoles,OU=Portal,DC=corp");
        let phrase = |line: &str| {
            let mut builder = LogBuilder::default();
            builder.line(1, None, Level::Error, None, line);
            let (log, weights, run) = (builder.finish(), BTreeMap::from([(0, 1.0)]), Run::default());
            let evidence = Evidence::default();
            let change = Change {
                kind: ChangeKind::Variable,
                title: "variable Base".to_owned(),
                before: Some(values.0.to_owned()),
                after: Some(values.1.to_owned()),
                details: None,
                step: None,
                who: None,
                when: None,
                url: None,
            };
            Names::of(&log, &evidence, &weights, &run, None, false).phrase(&change).is_some()
        };
        assert!(phrase("no object, best match of: 'OU=Portal,DC=corp'"));
        assert!(!phrase("no object, best match of: 'OU=Other,DC=corp'"));
        assert!(!phrase("no object, best match of: OU=Portal,DC=corp"));
    }

    #[test]
    fn a_number_is_the_one_that_was_edited_where_the_line_says_what_it_is() {
        check("the replication factor of 5 cannot be reached", "Kafka:ReplicationFactor", ("3", "5"), true);
        check("the replication factor of 5 cannot be reached", "Topics:Replicas", ("3", "5"), true);
        check("ssh: connect to host web-a port 2022: Connection refused", "Ssh:Port", ("22", "2022"), true);
        check("unable to place it 5 times", "Kafka:ReplicationFactor", ("3", "5"), false);
        check("+ aws lambda update --timeout 30 --memory-size 768", "Lambda.Memory", ("512", "768"), false);
        check("error: the port 20225 is refused", "Ssh:Port", ("22", "2022"), false);
        check("error: reached max retries: 4", "Photos:MaxAge", ("3", "4"), false);
    }

    #[test]
    fn an_amount_is_met_wherever_it_was_put() {
        check("Invalid maximum heap size: -Xmx10gb", "Jvm:MaxHeap", ("6g", "10gb"), true);
        check("Invalid maximum heap size: -Xmx110gb", "Jvm:MaxHeap", ("6g", "10gb"), false);
        check("heap size: -Xmx10gb", "Jvm:MaxHeap", ("6g", "10gb"), false);
    }

    #[test]
    fn a_name_is_met_whichever_signs_it_is_written_with() {
        let edit = ("postgresql+psycopg2", "postgres+psycopg2");
        check("Error: can't load dialects:postgres.psycopg2", "Db:Driver", edit, true);
        check("Error: can't load dialects:psycopg2.postgres", "Db:Driver", edit, false);
        check("loaded dialects:postgres.psycopg2", "Db:Driver", edit, false);
    }

    #[test]
    fn a_bound_accuses_the_number_that_went_past_it() {
        check("Invalid TTL. Must be between 60 and 86400 seconds", "Dns:Ttl", ("3600", "30"), true);
        check("Invalid TTL. Must be between 60 and 86400 seconds", "Dns:Ttl", ("3600", "120"), false);
        check("error: it took 60 seconds", "Dns:Ttl", ("3600", "30"), false);
        check("max 20 must be greater than or equal to min: invalid", "Pods:Min", ("12", "24"), true);
    }

    #[test]
    fn what_was_taken_away_or_renamed_is_missed() {
        check("unable to find the backend 'bk_meter'", "Backend", ("bk_meter", "bk_meter_api"), true);
        check("the backend 'bk_meter' failed", "Backend", ("bk_meter", "bk_meter_api"), false);
        check(
            "Invalid host: 'alumni.example.edu'",
            "Hosts",
            ("www.example.edu,alumni.example.edu", "www.example.edu"),
            true,
        );
        check(
            "Invalid host: 'www.example.edu'",
            "Hosts",
            ("www.example.edu,alumni.example.edu", "www.example.edu"),
            false,
        );
        check("no such directory: /srv/alumni.example.edu/x", "Hosts", ("alumni.example", "b.example"), false);
    }

    #[test]
    fn a_new_value_is_met_whole() {
        check(
            "Invalid ID: Central Europe Standard Time",
            "Zone",
            ("Europe/Prague", "Central Europe Standard Time"),
            true,
        );
        check("no service at http://r1/Reports/R.asmx", "Url", ("http://r1/Server", "http://r1/Reports"), true);
        check("no service at http://r1/Server/R.asmx", "Url", ("http://r1/Server", "http://r1/Reports"), false);
        check("unexpected '}' in line 3", "Template", ("x", "}"), false);
    }
}

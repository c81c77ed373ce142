//! Which changes touch what the evidence names: the first things to look at.
//!
//! A change and the evidence meet in names. What a meeting says: how rare the name is among the changes and in the log,
//! how strongly its line explains the failure, and how central it is to the change. Beside that count the sort of
//! failure, the step and the time. `verdict` weighs what comes of it beside that nothing which changed is to blame.

use std::collections::BTreeMap;

use super::affinity;
use super::alibi::{self, Bearing, Scene};
use super::form;
use super::met::{Met, Names, ORDINARY, rarity};
use super::order::{DISPLACED_AND_NAMED, by_order};
use super::said::{boxed, is_headed_as_warning, key_line, line_weights, loud, quiet};
use super::topic::{Outside, Topics};
pub use super::verdict::Facts;
use super::verdict::{self, Known};
use super::{odds, touched, version};
use crate::model::{Change, ChangeKind, Evidence, Log, Run, Signature, Suspect};
use crate::signature::SURE;

/// What is less likely than this is not told.
const TOLD: f64 = 0.001;
/// That none is to blame is not told where so many changes are likelier.
const MOST_LIKELIER: usize = 3;
/// Suspects that are told; the same where it is likelier that none is to blame.
const MOST: usize = 3;
const MOST_FAINT: usize = 2;
/// What is left of a change that came after: it may be what somebody did about the failure.
const AFTER: f64 = 0.1;
/// From which weight on a meeting sets a change apart from others of its sort.
const NAMED: f64 = 0.05;
/// How a host begins the title of a change that came after what the run was made from.
const LATER: &str = "already changed since";
/// How it begins what it saw and nobody changed: that belongs to the failure, not to its cause.
const SEEN: &str = "only some targets fail";
/// What it adds that a change and the failure are about one sort of service.
const SERVICE: f64 = 0.25;
/// What sorts alone may say together: what the evidence names weighs more.
const UNNAMED: f64 = 0.4;
const UNNAMED_EVENT: f64 = 0.55;
/// How much is left of an account's sort where no line names it.
const UNNAMED_ACCOUNT: f64 = 0.6;
/// From which weight on the sort of a failure says enough by itself.
const SURELY: f64 = 0.45;
/// How much the sort of a failure says where a change neither shares a name with it nor belongs to its step.
const APART: f64 = 0.6;
/// How much the sort of a variable says that the failed step does not read, where it reads others.
const UNREAD: f64 = 0.7;
/// From which weight on a sort of change is one that such failures come of.
const FITS: f64 = 0.17;
/// How much it says that an earlier step uses what such failures come of.
const IN_PLACE: f64 = 0.1;
/// How much it says that a version which the lines speak of parts the old from the new.
const PASSED: f64 = 0.55;
/// How much it says that a machine on which it failed alone is new, or that something was seen of it.
const NEW_AND_ALONE: f64 = 0.5;
const ALONE: f64 = 0.2;
/// The same of one that the server holds to be ill.
const ILL_AND_ALONE: f64 = 0.45;
/// How much it says that something ended, where such an end is what failed.
const ENDED: f64 = 0.85;
/// How much it says of a package that an older one was taken than before.
const OLDER: f64 = 0.34;
/// How much is left of a commit that takes nothing away, where something is missing.
const TAKES_NOTHING: f64 = 0.75;
/// How much more a commit of what only later steps use says where the lines name it, and an event of a sort that such failures
/// come of.
const LOOKED_AT: f64 = 0.5;
const NOT_ELSEWHERE: f64 = 0.8;
/// What is left of what only could not be fetched.
const FETCHED: f64 = 0.3;
/// How much its sort says of a commit whose lines are known and meet nothing; from which weight on it says all.
const UNNAMED_COMMIT: f64 = 0.4;
const UNNAMED_AND_SURE: f64 = 0.8;
const SURE_OF_SORT: f64 = 0.3;
const NAMED_WELL: f64 = 0.3;
/// How much is left of a variable whose value was put nowhere.
const UNREPLACED: f64 = 0.5;
/// Numbers that are names.
const PORTS: &[&str] = &["port", "ports", "id", "database", "db", "version"];
/// How much the sort of what the failed step uses says where the world outside is said to be to blame.
const OWN_OUTSIDE: f64 = 0.8;
/// How much is left of what a variable says that the step reads, where nothing else accuses it.
const UNNAMED_OWN: f64 = 0.8;
const UNNAMED_SCRIPT: f64 = 0.7;
/// How much it says, whatever failed, that an earlier step makes its machine stricter than before.
const HARDENED: f64 = 0.3;
/// From which weight on names speak together with a sort, and how much.
const FAINT: f64 = 0.02;
const TOGETHER: f64 = 0.25;

/// The changes that may be to blame, most likely first, and how many of them are likelier than that none is:
/// `Some(0)` where that is the likeliest, `None` where it is hardly likely. `baseline` is the log of the last good run.
#[must_use]
pub fn suspects(
    log: &Log,
    evidence: &Evidence,
    changes: &[Change],
    run: &Run,
    baseline: Option<&Log>,
) -> (Vec<Suspect>, Option<usize>) {
    let mut bench = Bench::of(log, evidence, run, baseline);
    let found = bench.found(changes, baseline);
    let known = bench.all_known(&found);
    let none = verdict::of_none(&known, &bench.around());
    let (likely, none) = verdict::likely(&verdict::of_changes(&known), &none);
    let mut suspects: Vec<Suspect> = Vec::new();
    let suspected = found.iter().enumerate().filter(|(_, one)| one.may_be_to_blame());
    for ((index, one), score) in suspected.zip(likely).filter(|((_, one), _)| one.has_reason()) {
        let mut lines = one.met.lines.clone();
        if lines.is_empty() {
            lines.extend(key_line(evidence, &bench.weights));
        }
        let score = score * if closeness(one.change, run) <= AFTER { AFTER } else { 1.0 };
        suspects.push(Suspect { change: index, lines, words: one.met.words.clone(), score: score.min(0.99) });
    }
    let when = |suspect: &Suspect| changes.get(suspect.change).and_then(|change| change.when);
    suspects.sort_by(|a, b| b.score.total_cmp(&a.score).then(when(b).cmp(&when(a))).then(a.change.cmp(&b.change)));
    let likelier = suspects.iter().take_while(|suspect| suspect.score > none).count();
    let is_late = |suspect: &Suspect| changes.get(suspect.change).is_some_and(|one| closeness(one, run) <= AFTER);
    let is_told = |suspect: &Suspect| suspect.score >= TOLD && !(likelier == 0 && is_late(suspect));
    suspects.retain(is_told);
    suspects.truncate(if likelier == 0 { MOST_FAINT } else { MOST });
    let outside_after = Some(likelier).filter(|after| *after == 0 || none >= TOLD && *after < MOST_LIKELIER);
    (suspects, outside_after)
}

/// What is known of each of `changes` that may be to blame, and of that none is, as [`suspects`] weighs it: to find the weights.
#[must_use]
pub fn facts(
    log: &Log,
    evidence: &Evidence,
    changes: &[Change],
    run: &Run,
    baseline: Option<&Log>,
) -> (Vec<Option<Facts>>, Facts) {
    let mut bench = Bench::of(log, evidence, run, baseline);
    let found = bench.found(changes, baseline);
    let known = bench.all_known(&found);
    let mut all = verdict::of_changes(&known).into_iter();
    let none = verdict::of_none(&known, &bench.around());
    (found.iter().map(|one| if one.may_be_to_blame() { all.next() } else { None }).collect(), none)
}

/// A change, and what is known of it by itself.
struct Found<'a> {
    change: &'a Change,
    at: Bearing,
    met: Met,
    /// Whether it goes past a version that the lines speak of.
    passed: bool,
    /// How much its sort speaks for it.
    known: f64,
}

impl Found<'_> {
    /// Whether there is something to say against it beside that it changed.
    fn has_reason(&self) -> bool {
        !self.met.words.is_empty() || self.at == Bearing::Own || self.known > 0.0
    }

    /// Whether it is more than something that was seen of the failure itself.
    fn may_be_to_blame(&self) -> bool {
        !self.change.title.starts_with(SEEN)
    }
}

/// How rare `one` is: of the changes of a sort that may have done it, the one that the evidence names is rarer than the others.
fn rarity_of(one: &Found<'_>, all: &[Found<'_>]) -> f64 {
    if one.known <= 0.0 {
        return 0.0;
    }
    let met = if one.met.weight < NAMED { 0.0 } else { one.met.weight };
    let alike = all.iter().filter(|other| other.known >= one.known && other.met.weight >= met).count();
    rarity(alike.max(1), all.len())
}

/// What is known of the failure, by which each change is judged.
struct Bench<'a> {
    log: &'a Log,
    evidence: &'a Evidence,
    run: &'a Run,
    weights: BTreeMap<usize, f64>,
    failure: Option<&'a Signature>,
    topics: Topics,
    scene: Scene,
    /// The world outside is to blame.
    outside: bool,
    /// Among the changes are variables, or variables and events, that the failed step uses.
    reads: bool,
    uses: bool,
}

impl<'a> Bench<'a> {
    fn of(log: &'a Log, evidence: &'a Evidence, run: &'a Run, baseline: Option<&Log>) -> Self {
        // What a script throws itself says nothing of the script.
        let is_thrown = |line: usize| log.line(line).contains("OperationStopped");
        let sure = evidence.matches.iter().find(|best| !is_headed_as_warning(log.line(best.line)));
        let sure = sure.filter(|best| best.strength >= SURE);
        let failure = sure
            .filter(|best| best.signature.kind != "script-error" || !is_thrown(best.line))
            .map(|best| &*best.signature);
        let kind = failure.map(|failure| failure.kind.as_str());
        let weights = line_weights(log, evidence, false);
        let boxed = boxed(log, &weights);
        // What warns decides nothing where something complains.
        let told: Vec<&str> = loud(log, &weights).filter(|line| !is_headed_as_warning(line)).collect();
        let told = if told.is_empty() { loud(log, &weights).collect() } else { told };
        let told = told.into_iter().chain(boxed.iter().map(String::as_str));
        let topics = Topics::of(told, quiet(log, &weights, baseline), kind, &log.steps);
        let scene = Scene::of(log, baseline, kind, loud(log, &weights), topics.expired);
        let outside = topics.outside != Outside::Spared || kind.is_some_and(affinity::is_outside);
        let weights = if outside { line_weights(log, evidence, true) } else { weights };
        Self { log, evidence, run, weights, failure, topics, scene, outside, reads: false, uses: false }
    }

    fn lines(&self) -> impl Iterator<Item = &'a str> {
        loud(self.log, &self.weights)
    }

    /// Whether it is known what such failures come of.
    fn is_known(&self) -> bool {
        self.failure.is_some() || self.topics.are_known()
    }

    /// Whether others refused what they serve.
    fn is_refused(&self) -> bool {
        self.topics.refused || self.failure.is_some_and(|failure| affinity::is_outside(&failure.kind))
    }

    /// Whether what failed is not of the step's making.
    fn spares_the_step(&self) -> bool {
        let is_spared = self.failure.is_some_and(|failure| affinity::spares_the_step(&failure.kind));
        self.outside || self.topics.expired || is_spared
    }

    /// What is known of each change.
    fn found<'c>(&mut self, changes: &'c [Change], baseline: Option<&Log>) -> Vec<Found<'c>> {
        let bearing: Vec<Bearing> = changes.iter().map(|change| self.scene.bearing(change)).collect();
        let own = |kinds: &[ChangeKind]| {
            changes.iter().zip(&bearing).any(|(one, at)| *at == Bearing::Own && kinds.contains(&one.kind))
        };
        (self.reads, self.uses) = (own(&[ChangeKind::Variable]), own(&[ChangeKind::Event, ChangeKind::Variable]));
        let (log, evidence, weights, run) = (self.log, self.evidence, &self.weights, self.run);
        let names = Names::of(log, evidence, weights, run, baseline, self.outside);
        let met = names.all_met(changes, &bearing);
        let all = changes.iter().zip(bearing).zip(met);
        all.map(|((change, at), met)| {
            let passed = self.is_passed(change);
            let known = self.known(change, at, &met, passed);
            Found { change, at, met, passed, known }
        })
        .collect()
    }

    fn is_passed(&self, change: &Change) -> bool {
        let goes_past = |line: &str| {
            version::is_passed(line, change) || self.scene.is_of_libraries() && version::is_new_major(line, change)
        };
        !self.outside && self.lines().any(goes_past)
    }

    /// How much the sort of a change speaks for it.
    fn known(&self, change: &Change, at: Bearing, met: &Met, passed: bool) -> f64 {
        let known = if self.outside {
            // What the failed step itself uses may be why others did not serve it.
            let is_new = at == Bearing::Before && change.title.starts_with("new step ");
            let is_used = at == Bearing::Own
                && matches!(change.kind, ChangeKind::Variable | ChangeKind::Process)
                && !self.topics.sold_out
                && !change.title.starts_with("script of step ")
                || is_new;
            let own = if is_used { self.topics.towards(change) } else { 0.0 };
            // Who only waits for others waits the shorter, whatever it does then.
            let waits = self.topics.outside == Outside::Held
                && !self.lines().any(|line| line.to_lowercase().contains("deadlock"));
            let is_spared = waits && form::is_amount(change) && !form::is_patience(change) || self.topics.sold_out;
            let amount = if is_spared { 0.0 } else { self.topics.by_amount(change) };
            amount.max(own * OWN_OUTSIDE)
        } else {
            by_kind(change, self.failure, &self.topics, || self.lines())
        };
        let known = if self.outside { known } else { known.max(odds::of_another_ground(change)) };
        let is_stricter = !self.outside && at == Bearing::Before && form::hardens(change);
        let known = if is_stricter { known.max(HARDENED) } else { known };
        // Where it is known what the failed step reads, what it does not read is further from it.
        let is_unread = self.reads && change.kind == ChangeKind::Variable && at == Bearing::Open;
        let known = known * if is_unread { UNREAD } else { 1.0 };
        let known = if !self.scene.is_of_who_fails_alone(change) {
            known
        } else if change.title.starts_with("new ") || change.kind == ChangeKind::Event && is_of_another_system(change) {
            known.max(NEW_AND_ALONE)
        } else if change.after.as_deref().is_some_and(is_ill) {
            known.max(ILL_AND_ALONE)
        } else {
            known.max(ALONE)
        };
        if passed {
            known.max(PASSED)
        } else if self.topics.outside == Outside::Held && self.scene.lets_go_on(change) {
            // Who holds it was stopped before, and no longer is.
            known.max(DISPLACED_AND_NAMED)
        } else if self.outside {
            known
        } else {
            known.max(by_order(change, met.names_a_cause, at, known, &self.scene, &self.topics))
        }
    }

    /// How much speaks for `one`, all in all. `rarity`: how rare its sort is among the changes.
    fn score(&self, one: &Found<'_>, rarity: f64) -> f64 {
        let (change, topics) = (one.change, &self.topics);
        let by_kind = self.by_kind_here(one, one.known * rarity);
        // Of the many commits of a sort it is one that the lines name.
        let by_kind = if change.kind == ChangeKind::Commit && touched::is_shown(change) {
            let unnamed = if one.known < SURE_OF_SORT { UNNAMED_COMMIT } else { UNNAMED_AND_SURE };
            by_kind * (unnamed + (1.0 - unnamed) * (one.met.weight / NAMED_WELL).min(1.0))
        } else {
            by_kind
        };
        // What is deployed is named wherever a deployment fails, and changes with every release.
        let news = match change.kind {
            // Whatever is asked of who is in trouble fails.
            _ if topics.outside == Outside::Down => 0.3,
            // What ended by the clock did so whatever else the log names.
            ChangeKind::Commit | ChangeKind::Package | ChangeKind::WorkItem if topics.expired => 0.2,
            // What waits for others is named there, and does not hold it.
            ChangeKind::Commit | ChangeKind::Package if topics.outside == Outside::Held => 0.3,
            // Other programs of ours speak of the world outside too.
            ChangeKind::Commit if self.is_refused() && one.at != Bearing::Own => 0.2,
            ChangeKind::Commit if self.is_refused() => 0.35,
            ChangeKind::Commit if topics.outside == Outside::Blamed => 0.6,
            // Who may do what is not a matter of what a program names.
            ChangeKind::Commit if topics.is_access() && one.known < FITS => 0.65,
            // What a script names stands in the log of its step anyway.
            ChangeKind::Process if one.at == Bearing::Own && change.title.starts_with("script of step ") => 0.8,
            ChangeKind::Package if self.failure.is_some() && one.known * rarity <= 0.0 => 0.2,
            ChangeKind::Package => 0.85,
            // Of what a commit of the program says, the program itself says much.
            ChangeKind::Commit if touched::is_shown(change) => 0.85,
            _ => 1.0,
        };
        let by_step = match one.at {
            Bearing::Own => {
                let by_step = by_step(change, one.known, self.spares_the_step(), self.is_known());
                let is_unnamed = one.met.weight < NAMED && one.known <= 0.0;
                match change.kind {
                    ChangeKind::Variable if is_unnamed => by_step * UNNAMED_OWN,
                    ChangeKind::Process if is_unnamed && change.title.starts_with("script of step ") => {
                        by_step * UNNAMED_SCRIPT
                    }
                    _ => by_step,
                }
            }
            // What an earlier step put in place shows where it is used.
            Bearing::Before if one.known >= FITS && !self.spares_the_step() => IN_PLACE,
            _ => 0.0,
        };
        let unlikely = (1.0 - one.met.weight * news) * (1.0 - by_step) * (1.0 - by_kind);
        let doubt = if one.passed && one.at != Bearing::Later { 1.0 } else { self.scene.doubt(change) };
        // A step that looks at the sources or the image uses them before any step does that names them.
        let doubt = match change.kind {
            ChangeKind::Commit if one.at == Bearing::Later && touched::is_shown(change) && !self.outside => {
                doubt + LOOKED_AT * one.met.weight
            }
            ChangeKind::Event if one.known >= FITS && one.at != Bearing::Later => doubt.max(NOT_ELSEWHERE),
            // What the lines name, or the step uses in another version, is not elsewhere, whatever they say of it.
            ChangeKind::Event if one.met.weight >= NAMED_WELL && one.at != Bearing::Later => doubt.max(NOT_ELSEWHERE),
            ChangeKind::Event if one.at == Bearing::Own && is_replaced(change) => doubt.max(NOT_ELSEWHERE),
            // A library that the lines name is not unrelated.
            ChangeKind::Commit if doubt > FETCHED && self.is_of_a_named_library(one) => {
                doubt.max((doubt + one.met.weight).min(1.0))
            }
            _ => doubt,
        };
        let idle = if one.met.exact > 0.0 { 1.0 } else { idleness(change, by_kind, topics, self.lines()) };
        let likely = ((1.0 - unlikely) * closeness(change, self.run) * idle * doubt * leap(change)).clamp(0.0, 0.99);
        // What such failures do not come of is not to blame the oftener.
        let is_rare = odds::is_of_order(change) || change.kind == ChangeKind::Worker;
        let is_process = change.kind == ChangeKind::Process && !odds::is_of_place(change) && self.is_known();
        let is_unlike = one.known < FITS && (is_rare || is_process);
        // A secret that no line names, though it is not known what such failures come of, is as unlike.
        let is_unasked = one.known < FITS
            && !self.topics.is_of_doors()
            && (self.is_known() || one.at != Bearing::Own || one.met.weight < 2.0 * NAMED);
        let odds = odds::of(change, one.at, is_unasked);
        let odds = if is_unlike || self.outside { odds.min(1.0) } else { odds };
        let odds = if one.known >= ALONE && self.scene.is_of_who_fails_alone(change) { odds.max(1.0) } else { odds };
        likely * odds / (1.0 - likely + likely * odds)
    }

    /// Whether `one` takes another major version of what lines that tell why name.
    fn is_of_a_named_library(&self, one: &Found<'_>) -> bool {
        let is_new = alibi::is_bump(one.change) && leap(one.change) >= 1.0;
        is_new && one.met.names_a_cause && one.at != Bearing::Later && !self.outside
    }

    /// What is known of each of `found` that may be to blame.
    fn all_known<'c>(&self, found: &'c [Found<'c>]) -> Vec<Known<'c>> {
        let suspected = found.iter().filter(|one| one.may_be_to_blame());
        suspected.map(|one| self.known_of(one, rarity_of(one, found))).collect()
    }

    fn known_of<'c>(&self, one: &'c Found<'c>, rarity: f64) -> Known<'c> {
        let (change, at) = (one.change, one.at);
        let flag = f64::from;
        let others = vec![
            ("words", f64::from(u8::try_from(one.met.words.len()).unwrap_or(u8::MAX))),
            ("exact", one.met.exact),
            ("by names", one.met.by_names),
            ("by words", one.met.by_words),
            ("in passing", one.met.in_passing),
            ("by the best name", one.met.by_the_best),
            ("names a cause", flag(one.met.names_a_cause)),
            ("passed", flag(one.passed)),
            ("shown", flag(touched::is_shown(change))),
            ("amount", flag(form::is_amount(change))),
            ("fails alone", flag(self.scene.is_of_who_fails_alone(change))),
            ("service", flag(self.topics.share_a_service(change))),
            ("another service", flag(self.topics.is_about_another(change))),
            ("topic", self.topics.towards(change)),
            ("doubt", self.scene.doubt(change)),
            ("odds", odds::of(change, at, false).ln()),
            ("leap", leap(change)),
        ];
        Known { change, at, score: self.score(one, rarity), met: one.met.weight, sort: one.known, others }
    }

    /// What is known of the failure.
    fn around(&self) -> [(&'static str, bool); 6] {
        [
            ("outside", self.outside),
            ("refused", self.is_refused()),
            ("expired", self.topics.expired),
            ("sold out", self.topics.sold_out),
            ("known", self.is_known()),
            ("signature", self.failure.is_some()),
        ]
    }

    /// How much its sort speaks for `one` where it stands, and beside what it shares with the lines.
    fn by_kind_here(&self, one: &Found<'_>, by_kind: f64) -> f64 {
        let change = one.change;
        let is_apart = one.met.weight < NAMED && one.at != Bearing::Own && !self.topics.share_a_service(change);
        match change.kind {
            // What ended by the clock comes of no change but one that names it.
            ChangeKind::Event if self.topics.expired && is_end(change) => by_kind.max(ENDED),
            ChangeKind::Commit | ChangeKind::Package if self.topics.expired => by_kind * 0.3,
            _ if self.topics.expired && one.met.weight <= ORDINARY => by_kind * 0.3,
            // What came before and does not any more needs no word in common, however many other things changed.
            _ if one.known >= DISPLACED_AND_NAMED => one.known,
            // What nobody here uses is no reason to be refused.
            _ if self.outside && one.at == Bearing::Open && one.met.weight < FAINT => by_kind * APART,
            // An amount that went over what others allow needs no word in common.
            _ if self.outside && self.scene.over_limit => by_kind,
            ChangeKind::Process if self.scene.is_displaced(change) => by_kind,
            ChangeKind::Variable | ChangeKind::Process if is_apart && change.before.is_some() && one.known < SURELY => {
                by_kind * APART
            }
            // Where it is known what the step uses, an account that it does not use is further from it.
            ChangeKind::Event if self.uses && is_apart && change.title.to_lowercase().starts_with("account ") => {
                by_kind * APART
            }
            // Accounts are edited all the time.
            ChangeKind::Event if one.met.weight < NAMED && change.title.to_lowercase().starts_with("account ") => {
                by_kind * UNNAMED_ACCOUNT
            }
            // What is of the right sort and is named, however faintly, is more than both.
            _ if one.known >= FITS && one.met.weight >= FAINT => by_kind + (1.0 - by_kind) * TOGETHER * one.known,
            _ => by_kind,
        }
    }
}

/// Whether a machine of this health does not work.
fn is_ill(health: &str) -> bool {
    health.starts_with("Unhealthy") || health.starts_with("Unavailable")
}

/// Whether an event says that a machine runs another system than before, or another version of something.
fn is_of_another_system(change: &Change) -> bool {
    const WORDS: &[&str] = &["upgrade", " -> ", "operating system", "reinstalled", "rebuilt", "reimaged", "migrated"];
    let title = change.title.to_lowercase();
    WORDS.iter().any(|word| title.contains(word))
}

/// Whether an event says that a thing of the same name is another now.
fn is_replaced(change: &Change) -> bool {
    change.kind == ChangeKind::Event && change.title.ends_with(" was replaced")
}

/// Whether `change` is that something reached its end.
fn is_end(change: &Change) -> bool {
    ["expired", "expires"].iter().any(|word| change.title.to_lowercase().contains(word))
}

/// How much is left of `change` where it leaves alone what is wrong.
fn idleness<'a>(change: &Change, by_kind: f64, topics: &Topics, mut lines: impl Iterator<Item = &'a str>) -> f64 {
    // Where a value's place still stands, its value cannot matter.
    if change.after.is_some() && lines.any(|line| is_place_of(line, change) || is_option_of(line, change)) {
        return UNREPLACED;
    }
    let takes_nothing = change.kind == ChangeKind::Commit && topics.is_missing() && !Topics::takes_away(change);
    if takes_nothing && by_kind < FITS { TAKES_NOTHING } else { 1.0 }
}

/// Whether `line` holds the place of a variable's value, such as `#{Db:Host}`, where the value should stand.
fn is_place_of(line: &str, change: &Change) -> bool {
    let name = change.title.strip_prefix("variable ").filter(|_| change.kind == ChangeKind::Variable);
    name.is_some_and(|name| line.contains(&format!("#{{{name}}}")))
}

/// Whether `line` says that an option is unknown which is called as a variable is: it is so whatever the value.
fn is_option_of(line: &str, change: &Change) -> bool {
    const UNKNOWN: &[&str] =
        &["unknown", "unrecognized", "unrecognised", "no such option", "invalid option", "not defined"];
    if change.kind != ChangeKind::Variable {
        return false;
    }
    let line = line.to_lowercase();
    let title = change.title.to_lowercase();
    UNKNOWN.iter().any(|word| line.contains(word))
        && line
            .split(|c: char| c.is_whitespace() || "'\"`,:=".contains(c))
            .any(|word| word.strip_prefix("--").is_some_and(|name| name.len() > 2 && title.ends_with(name)))
}

/// How much speaks for `change` that it belongs to the step that failed. `known`: how much its sort speaks for it; `spared`: what
/// failed is not of the step's making; `is_known`: what such failures come of is known.
fn by_step(change: &Change, known: f64, spared: bool, is_known: bool) -> f64 {
    // What the step uses and such failures come of is more than both.
    let fits = known >= FITS;
    match change.kind {
        _ if spared => 0.05,
        ChangeKind::Process if is_known && known <= 0.0 => 0.28,
        ChangeKind::Process if change.details.is_some() => 0.36,
        ChangeKind::Process => 0.33,
        ChangeKind::Worker if change.title.starts_with("number of ") => 0.08,
        // The tools that the step runs with.
        ChangeKind::Worker => 0.25,
        ChangeKind::Variable | ChangeKind::Event if fits => 0.34,
        // What the step reads; alone it says too little.
        ChangeKind::Variable if form::is_amount(change) => 0.15,
        ChangeKind::Variable => 0.22,
        ChangeKind::Event if is_replaced(change) => 0.22,
        ChangeKind::Commit if fits => 0.15,
        _ => 0.08,
    }
}

/// How much speaks for `change` that it is of the sort that such failures come of, whatever it names.
fn by_kind<'a, Lines: Iterator<Item = &'a str>>(
    change: &Change,
    failure: Option<&Signature>,
    topics: &Topics,
    lines: impl Fn() -> Lines,
) -> f64 {
    let known = match failure {
        Some(failure) => affinity::between(&failure.kind, failure.domain, change),
        None => 0.0,
    };
    let known = lines().map(|line| affinity::to_a_door(line, change)).fold(known, f64::max);
    let known = known.max(topics.towards(change));
    let versions = change.before.as_deref().zip(change.after.as_deref());
    if change.kind == ChangeKind::Package && versions.is_some_and(|(before, after)| form::is_older(after, before)) {
        return known.max(OLDER);
    }
    // A number that is too small or too large fails in its own ways.
    if form::is_amount(change) && topics.by_amount(change) <= 0.0 && !form::holds(change, PORTS) {
        return 0.0;
    }
    // Of two packages' feeds or two servers' passwords it is the one that the failure is about. A step may do without naming it.
    if change.kind != ChangeKind::Process && topics.is_about_another(change) {
        return known * 0.6;
    }
    // What says where and how a service is used is nearer where the failure is about that sort of service.
    let is_setting = matches!(change.kind, ChangeKind::Variable | ChangeKind::Event);
    if known > 0.0 && is_setting && topics.share_a_service(change) {
        let most = if change.kind == ChangeKind::Event { UNNAMED_EVENT } else { UNNAMED };
        known.max((1.0 - (1.0 - known) * (1.0 - SERVICE)).min(most))
    } else {
        known
    }
}

/// How much less than others a small step of a version is to blame.
fn leap(change: &Change) -> f64 {
    let named = || change.title.split_once(" from ").and_then(|(_, rest)| rest.split_once(" to "));
    match change.kind {
        // What one makes oneself counts its versions otherwise than a library does.
        ChangeKind::Package => {
            let versions = change.before.as_deref().zip(change.after.as_deref());
            versions.map_or(1.0, |(before, after)| form::leap(before, after).max(0.9))
        }
        ChangeKind::Commit => named().map_or(1.0, |(before, after)| form::leap(before, after)),
        _ => 1.0,
    }
}

/// How near a change is to the run: a little more than 1 for just before it, a little less for long ago, nearly nothing
/// after it.
#[expect(clippy::cast_precision_loss, reason = "a weight needs no more than a float's precision")]
fn closeness(change: &Change, run: &Run) -> f64 {
    if change.title.starts_with(LATER) {
        return AFTER;
    }
    let Some((when, started)) = change.when.zip(run.started) else { return 1.0 };
    if when > run.finished.unwrap_or(started).max(started) {
        return AFTER;
    }
    let hours = (started.duration_since(when).as_secs().max(0) as f64) / 3600.0;
    0.88 + 0.24 / (1.0 + hours / 24.0)
}

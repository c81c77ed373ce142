//! Whole cases of a failed run, the last good one and all that changed between them: how often the true cause is the first suspect.
//!
//! The files are of the form that `sim/two_runs` describes; their `[expected]` holds the `cause`, a kind of change, and a part of
//! its `title`. Where the cause is `none`, nothing that changed is to blame: that is told as one of the suspects are, at its place
//! among them, which counts for it and is taken from them. They were written before
//! the ranking was measured on them, and halved by a hash of their names: `tuned/` may be looked at while the ranking is worked on,
//! `held/` may not, nor may a case be changed so that it fits. The `unseen-` cases came later, from somebody who had read neither the
//! ranking nor `held/`, and are halved by the first byte of `printf %s NAME.toml | sha256sum`: even ones are in `unseen-tuned/` and
//! may be looked at, odd ones in `unseen-held/` and may not; so are all later sets. From the `sixth-` on commits tell which lines they
//! changed, as their hosts would. `cargo test --test culprits -- --nocapture` shows the tables; of a half that may not be looked at,
//! the places alone, and of `third-held/`, `fifth-held/` and all later ones only how many are where.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the tables are for whoever works on the ranking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sim::{Listener, Response, Server, World};

mod sim;

/// The most changes of a case beside the true one, and the fewest.
const DECOYS: std::ops::RangeInclusive<usize> = 5..=41;
/// The most calls of one run that the manual promises.
const CALLS: usize = 25;

struct Told {
    name: String,
    expected: String,
    /// The place of the true cause among all that is told, from 1.
    place: Option<usize>,
    /// The suspects, most likely first: kind, title, words.
    suspects: Vec<String>,
}

fn files(half: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/culprits").join(half);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// What is measured of `half`: every third case of the later ones that were looked at, for these say nothing any more of what to
/// expect elsewhere, and only keep what was learned. All, where `CULPRITS_WHOLE` is set.
fn measured(half: &str) -> Vec<PathBuf> {
    let is_later = LOOKED_AT.iter().any(|(name, _, _)| *name == half);
    let every = if is_later && std::env::var_os("CULPRITS_WHOLE").is_none() { 3 } else { 1 };
    files(half).into_iter().step_by(every).collect()
}

/// What the real program says of the failed run, as a program reads it.
fn report(file: &Path) -> Value {
    let commits = sim::two_runs::commits(file);
    let is_told = !commits.is_empty();
    let forge = Listener::start(move |request| {
        let id = request.path.rsplit('/').next().unwrap_or_default();
        commits.get(id).map_or_else(|| Response::json(404, &json!({})), |commit| Response::json(200, commit))
    });
    let hosted = format!("{}/example-org/shop", forge.url());
    let server = Server::start(World::of_runs_hosted(file, is_told.then_some(&hosted)));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_firefighter"));
    command.args(["diagnose", "--task", "ServerTasks-2", "--format", "json"]).env_clear();
    if is_told {
        command.env("FIREFIGHTER_FORGE", format!("github={}", forge.url()));
        command.env("FIREFIGHTER_GITHUB_TOKEN", "ghp-simulated");
    } else {
        // No test asks a host of commits on the internet.
        command.env("FIREFIGHTER_NO_FORGE", "1");
    }
    let output = command
        .env("OCTOPUS_URL", server.url())
        .env("OCTOPUS_API_KEY", "API-SIMULATED")
        .env("OCTOPUS_SPACE", "Spaces-77")
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let requests = server.requests().len();
    assert!(requests <= CALLS, "{}: {requests} calls", file.display());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{}: {error}\n{}", file.display(), String::from_utf8_lossy(&output.stderr)))
}

/// Whether a case measures something; where its cause stands among the suspects.
fn told(file: &Path) -> Told {
    let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
    let expected = sim::two_runs::expected(file);
    let word = |key: &str| expected.get(key).map_or("", |value| value.as_str().unwrap()).to_owned();
    let (cause, title) = (word("cause"), word("title"));
    let report = report(file);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let is_true = |change: &Value| text(&change["kind"]) == cause && text(&change["title"]).contains(&title);
    let changes = report["changes"].as_array().unwrap();
    let causes = changes.iter().filter(|change| is_true(change)).count();
    // A case that holds no such change, or hardly a decoy, would measure nothing.
    assert_eq!(causes > 0, cause != "none", "{name}: {causes} of {changes:#?}");
    assert!(DECOYS.contains(&(changes.len() - causes)), "{name}: {} changes", changes.len());
    assert!(!report["compared_with"].is_null(), "{name}: {}", report["notes"]);
    let suspects = report["suspects"].as_array().unwrap();
    let change = |suspect: &Value| &changes[usize::try_from(suspect["change"].as_u64().unwrap()).unwrap()];
    let outside = report["outside_after"].as_u64().map(|after| usize::try_from(after).unwrap());
    let place = if cause == "none" {
        outside.map(|after| after + 1)
    } else {
        let at = suspects.iter().position(|suspect| is_true(change(suspect)));
        at.map(|at| at + 1 + usize::from(outside.is_some_and(|after| after <= at)))
    };
    let shown = |suspect: &Value| {
        let (change, words, score) = (change(suspect), &suspect["words"], suspect["score"].as_f64().unwrap());
        format!("{score:.2} {}: {} {words}", text(&change["kind"]), text(&change["title"]))
    };
    Told { name, expected: format!("{cause} {title}"), place, suspects: suspects.iter().map(shown).collect() }
}

/// Of how many cases in `half` the cause comes first, and is among the first three; of how many in all.
fn shares(half: &str) -> (usize, usize, usize) {
    let all: Vec<Told> = measured(half).iter().map(|file| told(file)).collect();
    for one in &all {
        let place = one.place.map_or_else(|| "-".to_owned(), |place| place.to_string());
        if half.ends_with("held") && !["held", "unseen-held", "fourth-held"].contains(&half) {
            // Not even which of them is missing: a name tells what to work on.
            continue;
        }
        if half.ends_with("held") {
            println!("{half} {place:<2} {}", one.name);
            continue;
        }
        println!("{half} {place:<2} {:<32} {}", one.name, one.expected);
        one.suspects.iter().for_each(|suspect| println!("          {suspect}"));
    }
    let within = |most: usize| all.iter().filter(|one| one.place.is_some_and(|place| place <= most)).count();
    println!("{half}: first {} of {}, among the first three {}\n", within(1), all.len(), within(3));
    (within(1), within(3), all.len())
}

// Measured twice while nobody had looked at them, before the ranking was worked on with the other half and after it: 19 and 20
// of 23 came first, and as many were among the first three. The three that were missing then were looked at, and their sorts of
// causes mended: a step that was moved or skipped by hand, whose script makes what the failing step lacks, and a package in a
// scope. So all 23 say nothing any more of what to expect elsewhere: the 20 do. A new half would have to be written for that.
#[test]
fn the_true_cause_is_the_first_suspect_of_most_cases_of_the_other_half() {
    let (first, three, all) = shares("held");
    assert!(first * 100 >= all * 80, "first: {first} of {all}");
    assert!(three * 100 >= all * 95, "among the first three: {three} of {all}");
}

#[test]
fn the_true_cause_is_the_first_suspect_of_most_cases_that_were_looked_at() {
    let (first, three, all) = shares("tuned");
    assert!(first * 100 >= all * 95, "first: {first} of {all}");
    assert!(three * 100 >= all * 95, "among the first three: {three} of {all}");
}

// For whoever writes cases: says what is wrong with each in the folder that `CULPRITS` names, and nothing of what the ranking makes
// of them. All others say so as well when they are measured.
#[test]
fn every_case_has_its_cause_its_decoys_and_a_run_to_compare_with() {
    let folder = std::env::var("CULPRITS").unwrap_or_else(|_| "tuned".to_owned());
    let files = files(&folder).into_iter();
    let broken: Vec<PathBuf> = files.filter(|file| std::panic::catch_unwind(|| told(file)).is_err()).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

// Written by somebody who had not seen the ranking, and never opened by who worked on it. Before it was halved the whole set was
// measured, and that once the suspects told in place of the true ones were printed too: this half's share was 10 first and 12 among
// the first three of 17. Then three times more, each time the places alone: 13 and 14 (76 % and 82 %) when the ranking had been
// worked on with the other half; 15 and 16; 17 and 17. Before the last two it was worked on knowing the names of the cases that
// were missing, though not what is in them: so of cases that nobody tuned for the 13 and 14 say most, which is BELOW what is wanted
// (80 % and 95 %), and this half says nothing any more of what to expect elsewhere. The floors keep what was reached.
#[test]
fn the_true_cause_is_the_first_suspect_of_most_later_cases_that_nobody_opened() {
    let (first, three, all) = shares("unseen-held");
    assert!(first * 100 >= all * 80, "first: {first} of {all}");
    assert!(three * 100 >= all * 95, "among the first three: {three} of {all}");
}

// The other half of them: before the ranking was worked on with it, 13 and 15 of 20; after it all, which says nothing of others.
#[test]
fn the_true_cause_is_the_first_suspect_of_most_later_cases_that_were_looked_at() {
    let (first, three, all) = shares("unseen-tuned");
    assert!(first * 100 >= all * 95, "first: {first} of {all}");
    assert!(three * 100 >= all * 95, "among the first three: {three} of {all}");
}

// Written later still, by two who had read neither the ranking nor any other case but a few of `tuned/`, with decoys that tempt: a
// change of the same step, or of the same area. Measured once as a whole, by places alone: 17 of 40 came first (42 %), 27 were among
// the first three (67 %); of the 10 with none to blame 6 told of none. Then they were halved as the `unseen-` ones were. Of the even
// half, which may be looked at: 7 and 12 of 22 before the ranking was worked on with it; 16 and 20; 21 and 21 at the end, which says
// nothing of others.
#[test]
fn the_true_cause_is_the_first_suspect_of_cases_that_tempt_and_were_looked_at() {
    let (first, three, all) = shares("third-tuned");
    assert!(first * 100 >= all * 95, "first: {first} of {all}");
    assert!(three * 100 >= all * 95, "among the first three: {three} of {all}");
}

// Of the odd half, which nobody may open, how many are where was measured four times, in this order: 10 and 15 of 18 before the
// ranking was worked on with the other half (55 % and 83 %); 9 and 15 when commits, packages and events had been given the step
// that uses them, and nothing else; 12 and 16 with most of the tables of topics, and 12 and 16 (66 % and 88 %) with more of them:
// BELOW what is wanted (80 % and 95 %). Whoever worked on it had seen the names of these cases, though not which of them are missing
// nor what is in them. The tables were widened with failures of one's own making, so that these 18, measured rarely, still say
// something of what to expect elsewhere. The floors keep what was reached; that the ranking of the end holds them is known, and no
// more than that. Its places in `held/` and `unseen-held/` were watched all the while, so these say nothing any more.
#[test]
fn the_true_cause_is_the_first_suspect_of_cases_that_tempt_and_nobody_opened() {
    let (first, three, all) = shares("third-held");
    // 14 and 17 of 18 in the end; 12 and 17 when it had been worked on with commits that carry their lines, 14 and 17 again since the
    // tenth to thirteenth sets, 14 and 16 since the later ones: one less.
    assert!(first * 100 >= all * 77, "first: {first} of {all}");
    assert!(three * 100 >= all * 88, "among the first three: {three} of {all}");
}

// Of the fourth set these may be looked at: 9 first and 10 among the first three of 15 before the ranking was worked on with them;
// 15 and 15 after it, which says nothing of others.
#[test]
fn the_true_cause_is_the_first_suspect_of_most_fourth_cases_that_were_looked_at() {
    let (first, three, all) = shares("fourth-tuned");
    assert!(first * 100 >= all * 93, "first: {first} of {all}");
    assert!(three * 100 >= all * 95, "among the first three: {three} of {all}");
}

// The odd half of them, which nobody may open, written by somebody who knew nothing of the ranking. Measured, by places alone: 7
// first and 14 among the first three of 25 before it was worked on with the third set; 10 and 20 after that; 13 and 20 when it had
// been worked on with the even half; 16 and 21 (64 % and 84 %) when it had been with the fifth set.
#[test]
fn the_true_cause_is_the_first_suspect_of_the_fourth_cases_that_nobody_opened() {
    let (first, three, all) = shares("fourth-held");
    assert!(first * 100 >= all * 64, "first: {first} of {all}");
    assert!(three * 100 >= all * 84, "among the first three: {three} of {all}");
}

// Written last, by two who knew nothing of the ranking, and halved before anything was measured. These may be looked at: 25 first
// and 30 among the first three of 43 at first sight (58 % and 69 %); 36 and 38 after the ranking was worked on with them, 35 and 38 since
// it was worked on with the tenth to thirteenth sets.
#[test]
fn the_true_cause_is_the_first_suspect_of_most_fifth_cases_that_were_looked_at() {
    let (first, three, all) = shares("fifth-tuned");
    assert!(first * 100 >= all * 81, "first: {first} of {all}");
    assert!(three * 100 >= all * 88, "among the first three: {three} of {all}");
}

// The odd half of them, which nobody may open: 24 and 25 of 37 at first sight, 24 and 27 (65 % and 73 %) after the ranking was worked
// on with the even half. How many are where was counted ten times meanwhile, once by kinds of causes: commits are the weakest, 2
// of 8 first, for their messages alone are told here and no diffs. What made no half better, or a tuned one better and a held one
// worse, was left out: a greater share for the commits of the failed step, one name for the words of one verb, rare words above
// others, twenty more topics. Weights fitted to all tuned cases would be first in 57 and among three in 70 of the 80 below. With
// `third-held/` and `fourth-held/` that is 54 first and 65 among the first three of 80 (67 % and 81 %): BELOW what is wanted (80 %
// and 95 %). The floors keep it from getting worse. Worked on with the sixth to ninth sets: 23 and 27 of 37, and 53 and 65
// of the 80; with the tenth to thirteenth: 24 and 29, and 56 and 67 of the 80.
#[test]
fn the_true_cause_is_the_first_suspect_of_most_fifth_cases_that_nobody_opened() {
    let (first, three, all) = shares("fifth-held");
    assert!(first * 100 >= all * 64, "first: {first} of {all}");
    assert!(three * 100 >= all * 78, "among the first three: {three} of {all}");
}

// Four sets more, each written by four or six who knew nothing of the ranking nor of one another, of whole companies' areas; commits
// carry the lines they changed. Each was halved before anything was measured, and measured as a whole at first sight: the sixth 102
// first and 141 among the first three of 168 (61 % and 84 %), the seventh 126 and 147 of 167 (75 % and 88 %), the eighth 89 and 99
// of 112 (79 % and 88 %). Each time the ranking was then worked on with the even half alone; the ninth was first measured when half
// of it was there: 64 and 76 of 83 (77 % and 92 %). Six files of the sixth named their targets as a package and were mended in form
// before the seventh was written. The odd halves were counted while the ranking was worked on: the sixth's some thirty times, the
// seventh's twenty, the eighth's ten, the ninth's five. Now they have 59, 76, 50 and 41 first and 72, 91, 53 and 47 among the first
// three of 87, 96, 59 and 53: together 226 and 263 of 295 (77 % and 89 %), without the sixth, whose other half taught most, 167 and
// 191 of 208 (80 % and 92 %). What is wanted is 80 % and 95 %: reached by the first figure of these three alone, BELOW by the rest.
// Tried and left out: 470 more topics, which knew the causes of 1,200 written pairs of failure and change twice as often, and made
// these halves no better, for they accuse bystanders too; the likeness of meanings by a language model of 22 million weights, also
// one that had learned from these pairs; weights fitted to all halves that may be looked at, and decision trees.
//
// Then four sets of 112 more. The brief of the tenth and eleventh asked for decoys that tempt and causes that need to be understood:
// first sight of the tenth 44 and 60 of the 84 that were there (52 % and 71 %), of the eleventh's even half 28 and 36 of 47. That of
// the twelfth and thirteenth asked for what the ranking is for: incidents as they happen, and beside them the ordinary week of a
// team, written without regard to the failure. First sight of their even halves, which alone were looked at: 46 and 49 of 53, and 52
// and 56 of 60. In the tenth's odd half 26 and 42 of 53 are reached, counted a dozen times (43 before small cases of old
// were made to hold again). The odd halves of the other three were
// measured once, when the ranking was done: the eleventh's 37 and 51 of 65 (57 % and 78 %), the twelfth's 54 and 58 of 59 (92 % and
// 98 %), the thirteenth's 43 and 46 of 52 (83 % and 88 %). Of ordinary weeks together that is 97 and 104 of 111: 87 % and 94 %.
// One round more of words for the world outside won four among three in the halves that were looked at and lost one in these, in a
// second count; it was left out.
//
// Then six sets more of ordinary weeks, 718 cases by 31 who knew nothing of the ranking nor of one another: the fourteenth and fifteenth
// were halved by hash before anything was measured, the sixteenth to nineteenth may be looked at whole. First sight, each time with
// the ranking as it had become: the even halves of the fourteenth and fifteenth 61 and 78 of 88 (69 % and 89 %), the sixteenth 127 and
// 157 of 182 (70 % and 86 %), of the seventeenth the last 66 that were measured 50 and 63 (76 % and 95 %), the eighteenth 83 and 91
// of 100, the nineteenth 86 and 100 of 108 (80 % and 93 %). The halves that nobody opened were counted when all that was done, and once
// more after a last mend, which changed none of these four: the twelfth's 56 and 59 of 59, the thirteenth's 45 and 47 of 52, the
// fourteenth's 46 and 54 of 62, the fifteenth's 37 and 44 of 46. Of these ordinary weeks the first two sets have 101 and 106 of 111
// (91 % and 95 %), the last two 83 and 98 of 108 (77 % and 91 %), all four together 184 and 204 of 219: 84 % and 93 %. What is wanted
// is 80 % and 95 %: reached by the first figure, BELOW by the second, but for the first two sets alone.
// The sixth to ninth have 243 and 277 of 295 now (82 % and 94 %), before 232 and 266.
//
// Then 838 more of ordinary weeks in six sets, by 39 who knew nothing of the ranking nor of one another. The twentieth, twenty-first and
// twenty-fifth were halved by hash; the others may be looked at whole, and hold 70 cases more in which nothing that changed is to blame,
// for of these half were told wrong. First sight, each time with the ranking as it had become: the even halves of the twentieth and
// twenty-first 75 and 84 of 98 (76 % and 85 %) and 72 and 76 of 83 (86 % and 91 %); of the 100 ordinary ones each of the twenty-second,
// twenty-third and twenty-fourth 84 and 93, 93 and 97, 85 and 93; the twenty-fifth, both halves, 73 and 86 of 100. So what a new
// team's weeks give differs from set to set: all 581 of these together have 482 first and 529 among the first three, 83 % and 91 %.
// The halves that nobody opened were counted four times meanwhile, the last time when all was done: the twentieth's 80 and 85 of 94, the
// twenty-first's 79 and 87 of 93, the twenty-fifth's 35 and 40 of 47; with the twelfth's to fifteenth's (185 and 204 of 219) these are 379 and
// 416 of 453: 84 % and 92 %. What is wanted is 80 % and 95 %: reached by the first figure, BELOW by the second. The sixth to ninth
// have 247 and 278 of 295 now (84 % and 94 %), the tenth 29 and 48 of 53, the eleventh 40 and 53 of 65.
// Nine files of the twenty-fifth named their targets as a package, one of the twentieth held a diff as a step; they were mended in form.
const LOOKED_AT: [(&str, usize, usize); 20] = [
    ("sixth-tuned", 92, 100),
    ("seventh-tuned", 91, 98),
    ("eighth-tuned", 96, 100),
    ("ninth-tuned", 85, 94),
    ("tenth-tuned", 72, 95),
    ("eleventh-tuned", 62, 93),
    ("twelfth-tuned", 88, 94),
    ("thirteenth-tuned", 95, 98),
    ("fourteenth-tuned", 76, 94),
    ("fifteenth-tuned", 92, 100),
    ("sixteenth-tuned", 80, 96),
    ("seventeenth-tuned", 83, 97),
    ("eighteenth-tuned", 88, 97),
    ("nineteenth-tuned", 82, 94),
    ("twentieth-tuned", 94, 98),
    ("twentyfirst-tuned", 96, 100),
    ("twentysecond-tuned", 92, 97),
    ("twentythird-tuned", 95, 97),
    ("twentyfourth-tuned", 90, 95),
    ("twentyfifth-tuned", 70, 77),
];
const UNOPENED: [(&str, usize, usize); 13] = [
    ("sixth-held", 78, 91),
    ("seventh-held", 82, 94),
    ("eighth-held", 89, 96),
    ("ninth-held", 81, 92),
    ("tenth-held", 50, 84),
    ("eleventh-held", 60, 80),
    ("twelfth-held", 94, 100),
    ("thirteenth-held", 86, 90),
    ("fourteenth-held", 74, 87),
    ("fifteenth-held", 80, 95),
    ("twentieth-held", 84, 90),
    ("twentyfirst-held", 84, 93),
    ("twentyfifth-held", 74, 85),
];

/// Holds each of `halves` to its floors: of a hundred causes, as many are first and among the first three.
fn holds(halves: &[(&str, usize, usize)]) {
    for (half, least, least_of_three) in halves {
        let (first, three, all) = shares(half);
        assert!(first * 100 >= all * least, "{half}: first: {first} of {all}");
        assert!(three * 100 >= all * least_of_three, "{half}: among the first three: {three} of {all}");
    }
}

// In parts, so that they run side by side.
#[test]
fn the_true_cause_is_the_first_suspect_of_most_cases_with_diffs_that_were_looked_at() {
    holds(&LOOKED_AT[..4]);
}

#[test]
fn the_true_cause_is_the_first_suspect_of_most_later_cases_with_diffs_that_were_looked_at() {
    holds(&LOOKED_AT[4..8]);
}

#[test]
fn the_true_cause_is_the_first_suspect_of_most_cases_of_the_last_weeks_that_were_looked_at() {
    holds(&LOOKED_AT[8..11]);
}

#[test]
fn the_true_cause_is_the_first_suspect_of_most_cases_of_the_very_last_weeks_that_were_looked_at() {
    holds(&LOOKED_AT[11..]);
}

#[test]
fn the_true_cause_is_the_first_suspect_of_most_cases_with_diffs_that_nobody_opened() {
    holds(&UNOPENED[..4]);
}

#[test]
fn the_true_cause_is_the_first_suspect_of_most_later_cases_with_diffs_that_nobody_opened() {
    holds(&UNOPENED[4..8]);
}

#[test]
fn the_true_cause_is_the_first_suspect_of_most_cases_of_the_last_weeks_that_nobody_opened() {
    holds(&UNOPENED[8..]);
}

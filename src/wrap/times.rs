//! How long good runs of a command took: kept as the text of a file, and compared.
//!
//! In go a run's time and waits, masked already, and what earlier runs left; out come words and the text to keep.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::tree;

/// What the file calls itself.
const SCHEMA: &str = "firefighter.times/1";
/// Runs that are kept: of one command, and in all.
const RUNS: usize = 20;
const ALL: usize = 400;
/// A time is not the usual one when it is so many times as long, or as short, …
const TIMES: f64 = 1.5;
/// … and differs by so much.
const LEAST: Duration = Duration::from_secs(2);
/// Waits that are told.
const TOLD: usize = 3;
/// Characters of a line that are told.
const LONGEST: usize = 120;

/// A good run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Good {
    /// The command line, masked: runs of one command line are compared.
    pub command: String,
    /// When it ended.
    pub at: Timestamp,
    /// How long it took.
    pub milliseconds: u64,
    /// The longest times in which it printed nothing, and the line before each, masked.
    pub waits: Vec<Waited>,
}

/// A wait in a good run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waited {
    /// The line before it.
    pub after: String,
    /// How long it was.
    pub milliseconds: u64,
}

/// The good runs that are known.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Times {
    schema: String,
    runs: Vec<Good>,
}

/// A run beside the earlier ones.
#[derive(Debug, Serialize)]
pub struct Compared {
    milliseconds: u64,
    /// Earlier good runs of the command.
    runs: usize,
    /// Their shortest, middle and longest time; `None` without such runs.
    usual: Option<[u64; 3]>,
    /// How many times as long as the middle one it was, where it is not the usual.
    times: Option<f64>,
    /// What took longer than usual, most first.
    longer: Vec<Longer>,
}

/// A wait that was longer than usual.
#[derive(Debug, Serialize)]
struct Longer {
    after: String,
    milliseconds: u64,
    usual: u64,
}

impl Times {
    /// What `text` holds; an empty one holds nothing. An error says why it is not to be written over.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let times: Self = tree::read(text).map_err(|error| error.to_string())?;
        if times.schema == SCHEMA { Ok(times) } else { Err(format!("it is not {SCHEMA}")) }
    }

    /// The text to keep.
    #[must_use]
    pub fn written(&self) -> String {
        // A run a line: what changed is seen in a repository or a cache.
        let runs: Vec<String> = self.runs.iter().filter_map(|run| serde_json::to_string(run).ok()).collect();
        format!("{{\"schema\":\"{SCHEMA}\",\"runs\":[\n{}\n]}}\n", runs.join(",\n"))
    }

    /// Adds `run`; the oldest go.
    pub fn add(&mut self, run: Good) {
        let same = |other: &&Good| alike(&other.command, &run.command);
        if self.runs.iter().filter(same).count() >= RUNS
            && let Some(oldest) = self.runs.iter().position(|other| alike(&other.command, &run.command))
        {
            self.runs.remove(oldest);
        }
        self.runs.push(run);
        self.runs.drain(..self.runs.len().saturating_sub(ALL));
    }

    /// How `run` compares with the runs of the same command that are here.
    #[must_use]
    pub fn compare(&self, run: &Good) -> Compared {
        let earlier: Vec<&Good> = self.runs.iter().filter(|other| alike(&other.command, &run.command)).collect();
        let usual = range(earlier.iter().map(|other| other.milliseconds).collect());
        let times = usual.and_then(|[_, middle, _]| unusual(run.milliseconds, middle));
        let mut longer = Vec::new();
        if times.is_some_and(|times| times > 1.0) {
            let before: Vec<_> = earlier.iter().map(|other| by_words(&other.waits)).collect();
            for (words, (after, milliseconds)) in by_words(&run.waits) {
                let then = before.iter().map(|waits| waits.get(&words).map_or(0, |wait| wait.1)).collect();
                let usual = range(then).map_or(0, |[_, middle, _]| middle);
                if unusual(milliseconds, usual).is_some_and(|times| times > 1.0) {
                    longer.push(Longer { after: after.to_owned(), milliseconds, usual });
                }
            }
            longer.sort_by_key(|wait| std::cmp::Reverse(wait.milliseconds - wait.usual));
            longer.truncate(TOLD);
        }
        Compared { milliseconds: run.milliseconds, runs: earlier.len(), usual, times, longer }
    }
}

impl Compared {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let took = time(self.milliseconds);
        let Some(usual) = self.usual else {
            return format!("The command took {took}. No earlier good run of it is known.\n");
        };
        let usual = ranged(usual, self.runs);
        let mut text = match self.times {
            Some(times) => format!("The command took {took}, {times:.1} times its usual time: {usual}.\n"),
            None => format!("The command took {took}, as usual: {usual}.\n"),
        };
        for wait in &self.longer {
            let place = if wait.after.is_empty() {
                "before its first line, or after a long one".to_owned()
            } else {
                let cut = if wait.after.chars().nth(LONGEST).is_some() { "…" } else { "" };
                format!("after “{}{cut}”", wait.after.chars().take(LONGEST).collect::<String>())
            };
            let usual = if wait.usual == 0 { "no wait".to_owned() } else { time(wait.usual) };
            text.push_str(&format!("  {} of silence {place}; usual is {usual}\n", time(wait.milliseconds)));
        }
        text
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// A time as people say it.
pub(super) fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, _) if seconds < 10 => format!("{:.1} s", time.as_secs_f64()),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Whether two command lines are the same but for the numbers that their masked secrets were given.
fn alike(one: &str, other: &str) -> bool {
    let parts = |text: &str| -> Vec<String> {
        text.split("⟨secret:").map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned()).collect()
    };
    one == other || (one.contains("⟨secret:") && parts(one) == parts(other))
}

fn time(milliseconds: u64) -> String {
    words(Duration::from_millis(milliseconds))
}

fn ranged([shortest, middle, longest]: [u64; 3], runs: usize) -> String {
    let (shortest, middle, longest) = (time(shortest), time(middle), time(longest));
    match runs {
        1 => format!("{middle} in the one good run before"),
        _ if shortest == longest => format!("{middle} in each of {runs} good runs before"),
        _ => format!("{middle} ({runs} good runs before took {shortest} to {longest})"),
    }
}

/// The shortest, the middle and the longest.
fn range(mut all: Vec<u64>) -> Option<[u64; 3]> {
    all.sort_unstable();
    Some([*all.first()?, *all.get(all.len() / 2)?, *all.last()?])
}

/// How many times as long as `usual` it is, where that is worth a word.
#[expect(clippy::cast_precision_loss, reason = "no command takes so long")]
fn unusual(milliseconds: u64, usual: u64) -> Option<f64> {
    let times = milliseconds as f64 / usual.max(1) as f64;
    let differs = Duration::from_millis(milliseconds.abs_diff(usual)) >= LEAST;
    (differs && !(1.0 / TIMES..=TIMES).contains(&times)).then_some(times)
}

/// The waits by the words before them; those after lines alike are one.
fn by_words(waits: &[Waited]) -> BTreeMap<String, (&str, u64)> {
    let mut all = BTreeMap::new();
    for wait in waits {
        let words = wait.after.split(|c: char| !c.is_alphanumeric());
        let words = words.filter(|word| !word.is_empty() && !word.chars().any(|c| c.is_ascii_digit()));
        let one = all.entry(words.collect::<Vec<_>>().join(" ")).or_insert((wait.after.as_str(), 0));
        one.1 += wait.milliseconds;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(seconds: u64, waits: &[(&str, u64)]) -> Good {
        let waited =
            |(after, seconds): &(&str, u64)| Waited { after: (*after).to_owned(), milliseconds: seconds * 1000 };
        Good {
            command: "make".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            milliseconds: seconds * 1000,
            waits: waits.iter().map(waited).collect(),
        }
    }

    fn times(runs: &[Good]) -> Times {
        let mut times = Times::default();
        runs.iter().cloned().for_each(|run| times.add(run));
        times
    }

    fn check(earlier: &[Good], run: &Good, expected: &str) {
        assert_eq!(times(earlier).compare(run).text(), expected);
    }

    #[test]
    fn times_are_told_as_people_say_them() {
        let check = |millis: u64, expected: &str| assert_eq!(words(Duration::from_millis(millis)), expected);
        check(1_250, "1.2 s");
        check(59_900, "59 s");
        check(61_000, "1 min 1 s");
        check(3_725_000, "1 h 2 min");
    }

    #[test]
    fn a_run_is_told_beside_the_middle_of_the_earlier_ones() {
        check(&[], &good(90, &[]), "The command took 1 min 30 s. No earlier good run of it is known.\n");
        check(
            &[good(80, &[])],
            &good(90, &[]),
            "The command took 1 min 30 s, as usual: 1 min 20 s in the one good run before.\n",
        );
        let three = [good(60, &[]), good(20, &[]), good(30, &[])];
        check(
            &three,
            &good(90, &[]),
            "The command took 1 min 30 s, 3.0 times its usual time: 30 s (3 good runs before took 20 s to 1 min 0 s).\n",
        );
        check(
            &three,
            &good(15, &[]),
            "The command took 15 s, 0.5 times its usual time: 30 s (3 good runs before took 20 s to 1 min 0 s).\n",
        );
        check(
            &three,
            &Good { command: "make all".to_owned(), ..good(9, &[]) },
            "The command took 9.0 s. No earlier good run of it is known.\n",
        );
    }

    #[test]
    fn what_took_longer_is_told_by_the_line_before_it() {
        let usual = good(20, &[("Pulled 12 images", 4), ("Linked", 9)]);
        let slow = good(90, &[("Pulled 13 images", 40), ("Linked", 10), ("", 30), ("Pulled 2 images", 4)]);
        let expected = "The command took 1 min 30 s, 4.5 times its usual time: 20 s in the one good run before.\n  \
             44 s of silence after “Pulled 13 images”; usual is 4.0 s\n  \
             30 s of silence before its first line, or after a long one; usual is no wait\n";
        check(&[usual], &slow, expected);
    }

    #[test]
    fn a_command_with_a_secret_is_the_same_whatever_the_secret_s_number() {
        let run = |command: &str| Good { command: command.to_owned(), ..good(9, &[]) };
        let earlier = times(&[run("curl -H ⟨secret:3⟩ x")]);
        assert_eq!(earlier.compare(&run("curl -H ⟨secret:12⟩ x")).runs, 1);
        assert_eq!(earlier.compare(&run("curl -H ⟨secret:3⟩ y")).runs, 0);
    }

    #[test]
    fn a_little_longer_is_as_usual() {
        check(&[good(1, &[])], &good(2, &[]), "The command took 2.0 s, as usual: 1.0 s in the one good run before.\n");
    }

    #[test]
    fn what_is_kept_is_read_again_and_bounded() {
        let mut all = times(&(0..30).map(|at| good(at, &[("a", 1)])).collect::<Vec<_>>());
        let read = Times::read(&all.written()).unwrap();
        assert_eq!((read.runs.len(), &read.runs), (RUNS, &all.runs));
        assert_eq!(read.runs.first().unwrap().milliseconds, 10_000);
        for at in 0..1_000 {
            all.add(Good { command: format!("make {at}"), ..good(1, &[]) });
        }
        assert_eq!(all.runs.len(), ALL);
        assert!(Times::read(" \n").unwrap().runs.is_empty());
        assert!(Times::read("{}").is_err() && Times::read("[1]").is_err());
        assert!(Times::read(r#"{"schema":"other","runs":[]}"#).unwrap_err().contains(SCHEMA));
    }
}

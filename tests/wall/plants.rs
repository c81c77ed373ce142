//! Values to plant, drawn at random from the shapes of `kinds.toml`, and whether one of them is still to be seen in a text.

use std::collections::BTreeSet;
use std::fs;
use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

use aho_corasick::AhoCorasick;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A kind of secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    pub id: String,
    shape: String,
    line: String,
}

/// A place in which one can turn up.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub id: String,
    pub part: Part,
    pub text: String,
    /// Whether a text of several lines stands there as one, and not each line of it for itself.
    #[serde(default)]
    pub whole: bool,
    /// Whether it has a place for a text of several lines.
    #[serde(default = "yes")]
    pub lines: bool,
    /// Whether colors change in the middle of the value.
    #[serde(default)]
    pub colors: bool,
}

/// The part of a run that holds a text.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Log,
    Baseline,
    Script,
    Before,
    After,
    Diff,
    Commit,
    Note,
    Runbook,
    Answer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kinds {
    pub kind: Vec<Kind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Places {
    pub place: Vec<Place>,
    pub encoding: Vec<String>,
}

fn yes() -> bool {
    true
}

pub fn read<T: DeserializeOwned>(file: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wall").join(file);
    toml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

impl Kind {
    /// A value of this kind, the same for the same `seed`.
    pub fn draw(&self, seed: &str) -> String {
        // Other values for those who want to see whether it holds for more than the usual ones.
        let start = format!("{}/{seed}/{}", self.id, std::env::var("WALL_DRAW").unwrap_or_default());
        let mut state = start
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut rest = self.shape.chars().peekable();
        let mut drawn = String::new();
        while let Some(set) = letters(&mut rest) {
            let times: usize = if rest.next_if_eq(&'{').is_some() {
                rest.by_ref().take_while(|&c| c != '}').collect::<String>().parse().unwrap()
            } else {
                1
            };
            for _ in 0..times {
                drawn.push(set[usize::try_from(next(&mut state) % set.len() as u64).unwrap()]);
            }
        }
        drawn
    }

    pub fn line(&self, value: &str) -> String {
        self.line.replace("{}", value)
    }
}

/// The letters of which the next of a shape is one: a class, an escaped sign, or itself.
fn letters(shape: &mut Peekable<Chars>) -> Option<Vec<char>> {
    match shape.next()? {
        '[' => {
            let class: Vec<char> = shape.by_ref().take_while(|&c| c != ']').collect();
            let mut set = Vec::new();
            let mut at = 0;
            while at < class.len() {
                if class.get(at + 1) == Some(&'-') && at + 2 < class.len() {
                    set.extend(class[at]..=class[at + 2]);
                    at += 3;
                } else {
                    set.push(class[at]);
                    at += 1;
                }
            }
            Some(set)
        }
        '\\' => Some(vec![shape.next().map(|c| if c == 'n' { '\n' } else { c }).unwrap()]),
        c => Some(vec![c]),
    }
}

/// The next number of a series in which no number tells the one after it at a glance (`SplitMix64`).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// One planted value, and how it is spelled where it stands.
pub struct Plant {
    pub kind: String,
    pub value: String,
    /// The value as it stands there; the same unless it is encoded.
    pub spelled: String,
    /// The same of another value of this kind: what both have in common is no secret.
    pub other: String,
    pub other_spelled: String,
}

/// Pieces so short could stand anywhere.
const PIECE: usize = 8;
const PIECE_ENCODED: usize = 12;
/// Letters of an encoding that hold bits of the value and of its neighbor.
const EDGE: usize = 2;

/// Finds pieces of plants in texts.
pub struct Detector {
    automaton: AhoCorasick,
    owners: Vec<usize>,
}

impl Detector {
    pub fn new(plants: &[Plant]) -> Self {
        let (mut pieces, mut owners) = (Vec::new(), Vec::new());
        for (index, plant) in plants.iter().enumerate() {
            let mut own = windows(&plant.value, &plant.other, PIECE);
            own.extend(windows(core(&plant.spelled, &plant.other_spelled), &plant.other_spelled, PIECE_ENCODED));
            assert!(!own.is_empty(), "{} has nothing to look for", plant.kind);
            for piece in own {
                pieces.push(piece);
                owners.push(index);
            }
        }
        Self { automaton: AhoCorasick::new(&pieces).unwrap(), owners }
    }

    /// The plants of which a piece is to be seen in `text`.
    pub fn seen(&self, text: &str) -> BTreeSet<usize> {
        self.automaton.find_overlapping_iter(text).map(|hit| self.owners[hit.pattern().as_usize()]).collect()
    }
}

/// The pieces of the words of `value`, without those that `other` has too.
fn windows(value: &str, other: &str, size: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for word in value.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() >= 5) {
        let size = size.min(word.len());
        for start in 0..=word.len() - size {
            let piece = &word[start..start + size];
            if !other.contains(piece) {
                found.insert(piece.to_owned());
            }
        }
    }
    found
}

/// The part of `spelled` that comes from the value: without what another value's spelling begins and ends with too, nor the letters
/// at the edges, which also depend on what stands around the value.
fn core<'a>(spelled: &'a str, other: &str) -> &'a str {
    let same = spelled.bytes().zip(other.bytes()).take_while(|(one, two)| one == two).count();
    let same_end = spelled.bytes().rev().zip(other.bytes().rev()).take_while(|(one, two)| one == two).count();
    let (start, end) = (same + EDGE, spelled.len().saturating_sub(same_end + EDGE));
    spelled.get(start..end.max(start)).unwrap_or_default()
}

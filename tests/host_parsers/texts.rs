//! Hostile texts: those of `vectors.toml`, and any number that mix their pieces.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

/// A text, and the names of what each parser sees in it, by the parser's name.
#[derive(Deserialize)]
pub struct Vector {
    pub text: String,
    #[serde(flatten)]
    pub obeyed: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    vector: Vec<Vector>,
}

pub fn vectors() -> Vec<Vector> {
    toml::from_str::<File>(include_str!("vectors.toml")).unwrap().vector
}

const PIECES: &[&str] = &[
    "::",
    ":",
    "::error::",
    "::error file=a,line=1::",
    "::add-mask::e",
    "::stop-commands::x",
    "::endgroup::",
    "##[",
    "##",
    "#",
    "error]",
    "endgroup]",
    "##vso[",
    "##vso",
    "vso[task.complete result=Failed;]",
    "##VSO[",
    "##teamcity[",
    "buildProblem description='x']",
    "enableServiceMessages]",
    "##octopus[",
    "##octopus",
    "##octo",
    "pus[",
    "octopus",
    "##OCTOPUS[",
    "####octopusoctopus[",
    "stdout-ignore]",
    "setVariable",
    " name='UEFUSA==' value='ZXZpbA=='",
    "createArtifact",
    " path='L2V0Yy9wYXNzd2Q='",
    "mask value='eA==']",
    "#{Secret}",
    "##{",
    "$CI_JOB_TOKEN",
    "${CI_JOB_TOKEN}",
    "%CI_JOB_TOKEN%",
    "section_start:1:x",
    "section_end:1:firefighter",
    "\r\u{1b}[0K",
    "\u{1b}[0K",
    "--- ",
    "+++ x",
    "~~~ ",
    "^^^ +++",
    "\u{1b}]1338;url=x",
    "\u{1b}]1339;url=x;content=y",
    "\u{1b}_bk;t=1",
    "\u{7}",
    "\u{1b}",
    "\u{1b}[31m",
    "\u{1b}[0m",
    "\u{9b}31m",
    "\u{200b}",
    "\u{200d}",
    "\u{ad}",
    "\u{2060}",
    "\u{202e}",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\u{b}",
    "\0",
    "\r",
    "\n",
    "\r\n",
    " ",
    "\t",
    "/close",
    "/retest\n",
    "@dependabot merge",
    "bors r+",
    "%0A",
    "%25",
    "%0D%0A",
    "|n",
    "||",
    "'",
    "[",
    "]",
    "](http://x)",
    "{",
    "\"",
    "<<EOF\n",
    "=",
    "```",
    "x",
    "\u{ff03}\u{ff03}octopus[",
];

/// Text that someone writes who knows all of the parsers.
pub fn hostile() -> impl Strategy<Value = String> {
    let whole: Vec<String> = vectors().into_iter().map(|vector| vector.text).collect();
    let piece = prop_oneof![
        8 => proptest::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        2 => proptest::sample::select(whole),
        1 => "[a-z#:\\[\\] ]{0,12}",
        1 => Just("#".repeat(3_895)),
        1 => Just("x".repeat(3_998)),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|parts| parts.concat())
}

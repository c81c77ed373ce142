//! Secrets planted in every part of a run, and all that leaves of it: none of the plain ones may, and of the encoded ones that the
//! run knows hardly any. `cargo test --test wall -- --nocapture` prints the shares and each miss.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::string_slice, reason = "offsets of ASCII text")]
#![allow(clippy::cast_precision_loss, reason = "shares are rounded anyway")]
#![allow(clippy::print_stdout, reason = "a table of what got out, for people")]
#![allow(unreachable_pub, missing_docs, reason = "modules of tests have no outside")]
#![allow(clippy::must_use_candidate, reason = "a test that ignores an answer is easily seen")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use firefighter::model::Incident;
use firefighter::report::FORMATS;
use plants::{Detector, Kind, Kinds, Part, Place, Places, Plant, read};
use run::{Said, baseline, incident, leaves, put};

#[path = "wall/plants.rs"]
mod plants;
#[path = "wall/run.rs"]
mod run;
mod sim;
#[path = "wall/spell.rs"]
mod spell;
#[path = "dialects/stand.rs"]
mod stand;

/// What got out: kind, where it stood, in which outputs it was seen.
type Misses = Vec<(String, String, Vec<String>)>;

/// The text of `place` about one value.
fn written(place: &Place, kind: &Kind, value: &str) -> String {
    let shown = if place.colors { spell::colors(value) } else { value.to_owned() };
    let line = kind.line(&shown);
    let fill = |line: &str| {
        let text = place.text.replace("{json}", &spell::json(line)).replace("{url}", &spell::url(value));
        text.replace("{value}", value).replace("{line}", line)
    };
    if place.whole { fill(&line) } else { line.lines().map(fill).collect::<Vec<_>>().join("\n") }
}

/// A run with a value of each kind in `place`.
fn planted(place: &Place, kinds: &[Kind]) -> (Incident, Said, Vec<Plant>) {
    let (mut plants, mut said, mut log, mut good, mut parts) =
        (Vec::new(), Said::default(), String::new(), String::new(), Vec::new());
    for kind in kinds {
        let (value, other) = (kind.draw(&place.id), kind.draw("another"));
        if !place.lines && value.contains('\n') {
            continue;
        }
        let text = written(place, kind, &value);
        let name = format!("mark-{}-", plants.len());
        match place.part {
            Part::Log => log += &format!("== {name}\n{text}\n"),
            // What a good run gives away is known in the failed one too.
            Part::Baseline => {
                good += &format!("== {name}\n{text}\n");
                log += &format!("== {name}\nconnecting with\n{value}\n");
            }
            part => parts.push((part, name, text)),
        }
        plants.push(Plant {
            kind: kind.id.clone(),
            spelled: value.clone(),
            other_spelled: other.clone(),
            value,
            other,
        });
    }
    let mut incident = incident(if log.is_empty() { "the step failed\n" } else { &log });
    baseline(&mut incident, &good);
    for (part, name, text) in parts {
        put(&mut incident, &mut said, part, &name, text);
    }
    (incident, said, plants)
}

/// What of `plants` is in an output, and in how many outputs each stood at all.
fn seen(place: &str, plants: &[Plant], outputs: &[(String, String)]) -> Misses {
    let detector = Detector::new(plants);
    let mut found: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (name, text) in outputs {
        for plant in detector.seen(text) {
            found.entry(plant).or_default().push(name.clone());
        }
    }
    found.into_iter().map(|(plant, outputs)| (plants[plant].kind.clone(), place.to_owned(), outputs)).collect()
}

/// Each plant's mark must be where it stood, or the test looked at nothing.
fn all_stood_there(place: &Place, plants: &[Plant], outputs: &[(String, String)]) {
    let within = |output: &str| {
        let text = &outputs.iter().find(|(name, _)| name == output).unwrap().1;
        (0..plants.len()).filter(|number| text.contains(&format!("mark-{number}-"))).count()
    };
    match place.part {
        Part::Answer => {}
        Part::Note => assert_eq!(within("json"), plants.len(), "{}", place.id),
        Part::Log | Part::Baseline => {
            for output in ["case", "request", "json", "markdown", "html", "text"] {
                assert_eq!(within(output), plants.len(), "{} in {output}", place.id);
            }
        }
        _ => {
            assert_eq!(within("case"), plants.len(), "{}", place.id);
            assert!(within("request") > 0, "{}", place.id);
        }
    }
}

/// With no piece of a value to be seen, there must be masks instead.
fn masked(place: &Place, plants: &[Plant], outputs: &[(String, String)]) {
    let masks = outputs.iter().map(|(_, text)| text.matches("⟨secret:").count()).max().unwrap_or_default();
    assert!(masks >= plants.len() * 9 / 10, "{}: {masks} masks for {} plants", place.id, plants.len());
}

fn tell(what: &str, count: usize, misses: &Misses) {
    let got_out = misses.len();
    println!(
        "{what}: {count} plants, {:.2} % masked, {got_out} got out",
        100.0 - 100.0 * got_out as f64 / count as f64
    );
    let mut rows: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (kind, place, _) in misses {
        rows.entry(kind).or_default().push(place);
    }
    for (kind, places) in rows {
        println!("| {kind} | {} | {} |", places.len(), places.join(", "));
    }
}

#[test]
fn no_plain_secret_gets_out() {
    let (Kinds { kind: kinds }, Places { place: places, .. }) = (read("kinds.toml"), read("places.toml"));
    assert!(kinds.len() >= 60 && places.len() >= 20);
    let (mut misses, mut count) = (Misses::new(), 0);
    for place in &places {
        let (incident, said, plants) = planted(place, &kinds);
        let outputs = leaves(&incident, &said);
        all_stood_there(place, &plants, &outputs);
        count += plants.len();
        let found = seen(&place.id, &plants, &outputs);
        if found.is_empty() {
            masked(place, &plants, &outputs);
        }
        misses.extend(found);
    }
    tell(&format!("{} kinds in {} places, plain", kinds.len(), places.len()), count, &misses);
    assert!(count >= 400 && misses.is_empty(), "{} of {count} got out", misses.len());
}

/// A run with each kind's value spelled as `encoding`, known by name or seen plainly once.
fn encoded(encoding: &str, kinds: &[Kind], named: bool) -> (Incident, Vec<Plant>) {
    let (mut plants, mut log) = (Vec::new(), String::new());
    for kind in kinds {
        let (value, other) = (kind.draw(encoding), kind.draw("another"));
        let (spelled, other_spelled) = (spell::encoded(encoding, &value), spell::encoded(encoding, &other));
        let number = plants.len();
        let plain = if named { String::new() } else { kind.line(&value) };
        log += &format!("{plain}\n== mark-{number}-\n{spelled}\n");
        plants.push(Plant { kind: kind.id.clone(), value, spelled, other, other_spelled });
    }
    let mut incident = incident(&log);
    if named {
        for plant in &plants {
            incident.secrets.add(plant.value.clone());
        }
    }
    (incident, plants)
}

#[test]
fn hardly_an_encoded_secret_that_the_run_knows_gets_out() {
    let (Kinds { kind: kinds }, Places { encoding: encodings, .. }) = (read("kinds.toml"), read("places.toml"));
    let mut shares = Vec::new();
    for named in [true, false] {
        let (mut misses, mut count) = (Misses::new(), 0);
        for encoding in &encodings {
            let (incident, plants) = encoded(encoding, &kinds, named);
            let outputs = leaves(&incident, &Said::default());
            let shown = &outputs.iter().find(|(name, _)| name == "json").unwrap().1;
            assert!((0..plants.len()).all(|number| shown.contains(&format!("mark-{number}-"))), "{encoding}");
            count += plants.len();
            misses.extend(seen(encoding, &plants, &outputs));
        }
        tell(if named { "encoded, sensitive variables" } else { "encoded, learned" }, count, &misses);
        shares.push((count, misses.len()));
    }
    for (count, misses) in shares {
        assert!(misses * 20 <= count, "{misses} of {count} got out");
    }
}

#[test]
fn a_value_has_one_number_wherever_it_stands() {
    let value = read::<Kinds>("kinds.toml").kind.iter().find(|kind| kind.id == "json").unwrap().draw("one number");
    let mut incident =
        incident(&format!("first DB_PASSWORD=quite-another-1\nDB_PASSWORD='{value}'\nrefused {value}\n"));
    let mut said = Said::default();
    for part in
        [Part::Script, Part::Before, Part::After, Part::Diff, Part::Commit, Part::Note, Part::Runbook, Part::Answer]
    {
        let text = if part == Part::Before { value.clone() } else { format!("use {value}") };
        put(&mut incident, &mut said, part, "Shop", text);
    }
    baseline(&mut incident, &format!("used {value}\n"));
    said.answer.push("Replace ⟨secret:2⟩, not ⟨secret:1⟩.".to_owned());
    for (name, text) in leaves(&incident, &said) {
        let numbers: BTreeSet<&str> =
            text.split("⟨secret:").skip(1).map(|rest| rest.split('⟩').next().unwrap()).collect();
        assert!(numbers.iter().all(|number| ["1", "2"].contains(number)), "{name}: {numbers:?} {text}");
        assert!(!text.contains(&value), "{name}");
        if FORMATS.iter().any(|(format, ..)| *format == name) {
            assert!(text.contains("Replace ⟨secret:2⟩, not ⟨secret:1⟩."), "{name} loses what a model says of a secret");
        }
    }
}

/// The program with `args` and nothing else around it; its output.
fn program(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_firefighter")).args(args).env_clear().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_program_shows_no_secret_and_sends_none() {
    let kinds = read::<Kinds>("kinds.toml").kind;
    let (mut plants, mut log) = (Vec::new(), String::new());
    for kind in &kinds {
        let (value, other) = (kind.draw("the program"), kind.draw("another"));
        let (spelled, other_spelled) = (spell::encoded("base64", &value), spell::encoded("base64", &other));
        log += &format!(
            "step {0}\n{1}\nERROR: mark-{0}- failed to log in with {spelled}\n",
            plants.len(),
            kind.line(&value)
        );
        plants.push(Plant { kind: kind.id.clone(), value, spelled, other, other_spelled });
    }
    log += "The remote script failed with exit code 1\n";
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wall");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::write(folder.join("a.log"), &log).unwrap();
    let echo = log.lines().filter(|line| line.contains("mark-")).take(40).collect::<Vec<_>>().join(" ");
    let answer = serde_json::json!({"summary": "The login failed.", "hypotheses": [{"cause": echo, "lines": ["L3"]}]});
    let llm = sim::Llm::start(vec![sim::Reply::Text(answer.to_string())]);
    let (log_file, out, record, url) = (path("a.log"), path("out"), path("record"), llm.url());
    let read_it = ["--log", &log_file, "--budget", "100000", "--color", "never"];
    let mut outputs = Vec::new();
    for format in ["text", "json", "markdown", "html"] {
        let model = ["--llm-url", &url, "--llm-model", "some-model", "--out", &out, "--record", &record];
        let args = [&["diagnose", "--format", format][..], &read_it, &model].concat();
        outputs.push((format!("diagnose as {format}"), program(&args)));
    }
    outputs.push(("evidence".into(), program(&[&["evidence", "--format", "json"][..], &read_it].concat())));
    outputs.push(("prompt".into(), program(&[&["prompt"][..], &read_it].concat())));
    for folder in [&out, &record] {
        for file in fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            outputs.push((file.display().to_string(), fs::read_to_string(&file).unwrap()));
        }
    }
    let requests = llm.requests();
    outputs.extend(requests.iter().map(|request| ("request".to_owned(), request.text())));
    let marks = |text: &str| (0..plants.len()).filter(|number| text.contains(&format!("mark-{number}-"))).count();
    for (name, text) in &outputs {
        assert!(marks(text) >= 40, "{name} shows {} lines of {}", marks(text), plants.len());
    }
    let misses = seen("the program", &plants, &outputs);
    tell("the program, plain and in base64", plants.len(), &misses);
    assert!(requests.len() >= 4 && misses.is_empty(), "{misses:?}");
}

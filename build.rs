//! Hands the target's name on to the program, whose own code can't see it. All else that a build tells comes by environment.
//! And packs the tables that are built in, which are then a third as large: `src/FOLDER/NAME.toml` is there for `packed!` to find.
//! Where a folder has several that are lists of one sort, such as `[[signature]]`, they are one, `FOLDER.toml`: that is smaller still.

#![allow(clippy::print_stdout, reason = "that is how a build script speaks")]

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::DeflateEncoder;

const FOLDERS: [&str; 4] = ["src/diagnose", "src/reduce/topic", "src/redact", "src/signature"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=FIREFIGHTER_TARGET={}", env::var("TARGET").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let mut names = BTreeSet::new();
    for folder in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        let paths = fs::read_dir(folder)?.map(|file| file.map(|file| file.path())).collect::<io::Result<Vec<_>>>()?;
        let mut paths: Vec<_> =
            paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
        paths.sort();
        let mut tables = Vec::new();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // They all lie in one folder, where one would take another's place.
            if !names.insert(name.clone()) {
                return Err(io::Error::other(format!("{} has the name of another table", path.display())));
            }
            tables.push((name, bare(&fs::read_to_string(&path)?)));
        }
        let (lists, others): (Vec<_>, Vec<_>) = tables.into_iter().partition(|(_, text)| text.starts_with("[["));
        let text: String = lists.iter().map(|(_, text)| text.as_str()).collect();
        if lists.len() > 1 {
            let name = Path::new(folder).file_name().unwrap_or_default().to_string_lossy();
            pack(&text, &out.join(format!("{name}.toml")))?;
        }
        for (name, text) in others.iter().chain(lists.iter().filter(|_| lists.len() == 1)) {
            pack(text, &out.join(name))?;
        }
    }
    Ok(())
}

/// A table without what is written in it for people: empty lines and comments, but for those in texts of several lines.
fn bare(text: &str) -> String {
    let mut bare = String::new();
    let mut is_in_text = false;
    for line in text.lines() {
        let is_for_people = line.trim().is_empty() || line.trim_start().starts_with('#');
        if is_in_text || !is_for_people {
            bare.push_str(line);
            bare.push('\n');
        }
        let marks = line.matches("\"\"\"").count() + line.matches("'''").count();
        is_in_text ^= marks % 2 == 1;
    }
    bare
}

fn pack(text: &str, to: &Path) -> io::Result<()> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
    packed.write_all(text.as_bytes())?;
    fs::write(to, packed.finish()?)
}

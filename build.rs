//! Hands the target's name on to the program, whose own code can't see it. All else that a build tells comes by environment.
//! And packs the tables that are built in, which are then a third as large: `src/FOLDER/NAME.toml` is there for `packed!` to find.

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
        for file in fs::read_dir(folder)? {
            let path = file?.path();
            if path.extension().is_some_and(|end| end == "toml") {
                // They all lie in one folder, where one would take another's place.
                if !names.insert(path.file_name().map(ToOwned::to_owned)) {
                    return Err(io::Error::other(format!("{} has the name of another table", path.display())));
                }
                pack(&path, &out)?;
            }
        }
    }
    Ok(())
}

fn pack(path: &Path, out: &Path) -> io::Result<()> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&fs::read(path)?)?;
    let name = path.file_name().unwrap_or_default();
    fs::write(out.join(name), packed.finish()?)
}

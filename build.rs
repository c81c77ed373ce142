//! Hands the target's name on to the program, whose own code can't see it. All else that a build tells comes by environment.

#![allow(clippy::print_stdout, reason = "that is how a build script speaks")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=FIREFIGHTER_TARGET={}", std::env::var("TARGET").unwrap_or_default());
}

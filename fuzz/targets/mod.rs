//! What random bytes are tried on. Each target is a function from bytes to nothing that panics where a promise is broken.
//!
//! `fuzz_targets/any.rs` gives it what libFuzzer invents, `tests/fuzz_corpus.rs` what was kept of that in `corpus/`. The targets
//! go through the library's public doors alone. A new one is a function and a row here, and a folder of seeds.

mod asks;
mod reads;
mod says;

/// A target: its name, and what is tried on an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target by its name.
pub const TARGETS: &[Target] = &[
    ("clean", reads::clean),
    ("skim", reads::skim),
    ("evidence", reads::evidence),
    ("redact", reads::redact),
    ("signatures", reads::signatures),
    ("saved", reads::saved),
    ("settings", reads::settings),
    ("ocl", reads::ocl),
    ("answer", says::answer),
    ("patch", says::patch),
    ("octopus-say", says::octopus),
    ("server-say", says::servers),
    ("host", asks::host),
    ("model", asks::model),
];

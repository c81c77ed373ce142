//! The `firefighter` program.

fn main() {}

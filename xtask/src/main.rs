//! The project's own commands: check, tidy, train, new-layer, golden.
#![forbid(unsafe_code)]

fn main() {}

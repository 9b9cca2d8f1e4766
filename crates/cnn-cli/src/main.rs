//! The `cnn` command.
#![forbid(unsafe_code)]

fn main() {}

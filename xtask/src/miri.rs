//! `cargo xtask miri`: the unsafe code that Miri can look at, and some parsers, in Rust's interpreter: it finds reads and writes out of
//! bounds, data races and broken aliasing where they happen.
//!
//! Miri knows no vector instructions and no assembly: it runs the scalar kernels, which share their loops (`generic/`, with the
//! unchecked reads of `tile.rs`) with the others, and the thread pool.

use crate::repo;
use anyhow::{Result, bail};
use std::process::{Command, Stdio};

/// What is run: minutes each, so little of it.
const RUNS: [&[&str]; 3] = [
    &["-p", "cnn-kernels", "--test", "pool"],
    &["-p", "cnn-kernels", "--test", "agree", "--", "small_shapes"],
    &["-p", "cnn-data", "--test", "bad_bytes", "--", "bad_idx", "bad_npy"],
];

/// Through rustup, which finds the other toolchain from inside of cargo too.
const MIRI: [&str; 4] = ["run", "nightly", "cargo", "miri"];

/// Test harnesses read the environment and the clock; a trace takes Miri minutes to print.
const ENV: [(&str, &str); 2] = [("MIRIFLAGS", "-Zmiri-disable-isolation"), ("RUST_BACKTRACE", "0")];

/// Runs all of it, or says what is missing.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    if !args.is_empty() {
        bail!("`cargo xtask miri` takes no arguments");
    }
    let probe = Command::new("rustup")
        .args(MIRI)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !probe.is_ok_and(|status| status.success()) {
        bail!(
            "Miri is not there: `rustup toolchain install nightly --component miri,rust-src` brings it"
        );
    }
    for run in RUNS {
        let code = repo::status("rustup", &[&MIRI[..], &["test"], run].concat(), &ENV)?;
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(0)
}

//! `cargo xtask reference`: writes docs/reference again, from the code and its documentation.

use crate::repo;
use anyhow::{Result, bail};

/// Runs the test that compares the committed files, and has it write them first.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    if !args.is_empty() {
        bail!("`cargo xtask reference` takes no arguments");
    }
    let test = ["test", "--package=cnn-train", "--test=reference", "--quiet", "--", "committed"];
    let code = repo::status("cargo", &test, &[("CNN_REFERENCE", "write")])?;
    if code != 0 {
        return Ok(code);
    }
    repo::status("git", &["status", "--short", "docs/reference"], &[])
}

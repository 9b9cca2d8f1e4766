//! `cargo xtask golden`: makes the golden files again, with Keras.

use crate::repo;
use anyhow::{Context, Result, bail};
use std::fs;

const FOLDER: &str = "data/golden";

/// Runs every script of data/golden, one after the other, with the Python that is given.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    let (python, only) = arguments(args)?;
    let mut scripts: Vec<String> = fs::read_dir(repo::root().join(FOLDER))
        .with_context(|| format!("{FOLDER} cannot be listed"))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| {
            name.strip_suffix(".py").is_some() && only.is_none_or(|only| name.contains(only))
        })
        .collect();
    scripts.sort();
    if scripts.is_empty() {
        bail!("{FOLDER} has no such script");
    }
    for script in &scripts {
        let code = repo::status(python, &[&format!("{FOLDER}/{script}")], &[])?;
        if code != 0 {
            bail!(
                "{script} ended with exit code {code}; it needs `pip install keras jax numpy` (versions are in its head)"
            );
        }
    }
    repo::status("git", &["status", "--short", FOLDER], &[])
}

/// `[--python EXE] [PART-OF-A-SCRIPT'S-NAME]`
fn arguments(args: &[String]) -> Result<(&str, Option<&str>)> {
    let mut python = "python3";
    let mut only = None;
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg {
            "--python" => python = args.next().context("--python wants an executable")?,
            flag if flag.starts_with('-') => bail!("unknown option `{flag}`"),
            name => only = Some(name),
        }
    }
    Ok((python, only))
}

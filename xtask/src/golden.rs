//! `cargo xtask golden`: makes the golden files again, with Keras.

use crate::repo;
use anyhow::{Context, Result, bail};
use std::fs;

const FOLDER: &str = "data/golden";

/// Runs the scripts of data/golden that make files, `make_*.py`, one after the other, with the Python that is given. One that fails
/// keeps no other from its work.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    let (python, only) = arguments(args)?;
    let wanted = |name: &String| only.is_none_or(|only| name.contains(only));
    let (making, others): (Vec<String>, Vec<String>) =
        scripts()?.into_iter().partition(|name| name.starts_with("make_"));
    let making: Vec<String> = making.into_iter().filter(wanted).collect();
    if making.is_empty() {
        match others.iter().find(|name| wanted(name)) {
            Some(other) => {
                bail!("{other} makes no golden file; run it by itself: {python} {FOLDER}/{other}")
            }
            None => bail!("{FOLDER} has no such script"),
        }
    }
    let mut failed = Vec::new();
    for script in &making {
        let code = repo::status(python, &[&format!("{FOLDER}/{script}")], &[])?;
        if code != 0 {
            failed.push(format!("{script} (exit code {code})"));
        }
    }
    let shown = repo::status("git", &["status", "--short", FOLDER], &[])?;
    if !failed.is_empty() {
        bail!(
            "failed: {}; they need `pip install -r {FOLDER}/requirements.txt`",
            failed.join(", ")
        );
    }
    Ok(shown)
}

/// The file names of the scripts, in order.
fn scripts() -> Result<Vec<String>> {
    let mut scripts: Vec<String> = fs::read_dir(repo::root().join(FOLDER))
        .with_context(|| format!("{FOLDER} cannot be listed"))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.strip_suffix(".py").is_some())
        .collect();
    scripts.sort();
    Ok(scripts)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What of Python's own the scripts use.
    const OWN: &str = "argparse contextlib csv gzip io json math os pathlib random re statistics subprocess sys tempfile time types warnings zipfile zlib";

    /// The modules that a script imports, also in a script that it runs.
    fn imports(text: &str) -> impl Iterator<Item = &str> {
        let lines = text.lines().map(str::trim).map(|line| line.trim_end_matches("  # noqa: E402"));
        lines.flat_map(|line| {
            let listed =
                line.strip_prefix("import ").map(|list| list.split(',').collect::<Vec<_>>());
            let from = line
                .strip_prefix("from ")
                .and_then(|rest| rest.split_once(" import "))
                .map(|(module, _)| vec![module]);
            let modules = listed.or(from).unwrap_or_default();
            modules.into_iter().filter_map(|module| module.trim().split([' ', '.']).next())
        })
    }

    #[test]
    fn the_requirements_are_what_the_scripts_import() {
        let read = |name: &str| fs::read_to_string(repo::root().join(FOLDER).join(name)).unwrap();
        let names = scripts().unwrap();
        let beside = names.iter().filter_map(|name| name.strip_suffix(".py"));
        let own: BTreeSet<&str> = beside.chain(OWN.split(' ')).collect();
        let texts: Vec<String> = names.iter().map(|name| read(name)).collect();
        let imported: BTreeSet<&str> = texts
            .iter()
            .flat_map(|text| imports(text))
            .filter(|module| !own.contains(module))
            .collect();
        let requirements = read("requirements.txt");
        let lines = requirements.lines().filter(|line| !line.starts_with('#'));
        let modules = lines
            .filter_map(|line| line.split(['=', '>']).next())
            .filter(|name| *name != "tensorboard");
        let required: BTreeSet<&str> = modules
            .map(|name| match name {
                "scikit-image" => "skimage",
                "scikit-learn" => "sklearn",
                "tensorflow-cpu" => "tensorflow",
                name => name,
            })
            .collect();
        assert_eq!(imported, required);
    }
}

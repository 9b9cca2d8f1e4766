//! `cargo xtask experiment NAME`: trains an experiment that comes with `cnn`, and puts its table into docs/results.md.
//!
//! `cnn experiment` does the work: runs that are finished are not repeated, so the command can be interrupted and called
//! again. This file only fills the part of the page between `<!-- NAME:begin -->` and `<!-- NAME:end -->`, from the
//! experiment's results.json. What a sentence claims is decided by the numbers, not written beforehand.

mod course;

use crate::{document, repo};
use anyhow::{Context, Result};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;

const PAGE: &str = "docs/results.md";
const IMAGES: &str = "docs/images";
const RUNS: &str = "runs/experiments";

/// Trained when none is named.
const DEFAULT: &str = "course";

/// With these the result is another than the page's.
const OTHER_RESULT: [&str; 8] =
    ["--epochs", "--limit", "--seeds", "--data", "--output", "--dry-run", "--list", "--format"];

/// Trains what is missing, then writes the page.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    let (name, rest) = match args.split_first() {
        Some((first, rest)) if !first.starts_with('-') => (first.as_str(), rest),
        _ => (DEFAULT, args),
    };
    let mut line = vec!["run", "--release", "-p", "cnn-cli", "--", "experiment", name];
    line.extend(rest.iter().map(String::as_str));
    let code = repo::status("cargo", &line, &[])?;
    let named = |arg: &String| OTHER_RESULT.iter().any(|flag| arg.split('=').next() == Some(flag));
    if code != 0 || rest.iter().any(named) {
        return Ok(code);
    }
    fill(name)?;
    println!("wrote {PAGE}");
    Ok(0)
}

/// Puts an experiment's results and pictures into the page.
fn fill(name: &str) -> Result<()> {
    let folder = repo::root().join(RUNS).join(name);
    let file = folder.join("results.json");
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let results: Value = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
    let mut pictures = String::new();
    let cost = results["cost"].as_str().unwrap_or("macs");
    let mut names = vec!["curves".to_owned()];
    let rows = results["rows"].as_array().map_or(&[][..], Vec::as_slice);
    // Where all rows cost the same there is nothing to see.
    if rows.iter().any(|row| row["macs"] != rows[0]["macs"]) {
        names.insert(0, format!("accuracy-{cost}"));
    }
    for picture in names {
        let to = format!("{IMAGES}/{name}-{picture}.svg");
        fs::copy(folder.join(format!("{picture}.svg")), repo::root().join(&to))
            .with_context(|| to.clone())?;
        let _ = write!(pictures, "![{name}: {picture}](images/{name}-{picture}.svg)\n\n");
    }
    let block = if name == "course" {
        course::block(&results)?
    } else {
        let table = folder.join("table.md");
        let table = fs::read_to_string(&table).with_context(|| table.display().to_string())?;
        // Without its heading: the page has one.
        table.split_once("\n\n").map(|(_, rest)| rest.to_owned()).unwrap_or_default()
    };
    let by = format!(
        "This part is written by `cargo xtask experiment {name}`; every number is read from the runs' files."
    );
    let machine = document::machine();
    let block = format!("{by}\n\n{}\n\n{pictures}Measured on {machine}.", block.trim());
    document::fill(PAGE, name, &block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_place_for_each_experiment() {
        let folder = repo::root().join("crates/cnn-cli/experiments");
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(document::has_place(PAGE, name), "{name}");
        }
    }
}

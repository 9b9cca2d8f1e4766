//! Rules about the crates' manifests and the files that every crate has.

use super::Problems;
use crate::{repo, train};
use anyhow::Result;
use std::fs;

/// `[lints] workspace = true` in every manifest.
pub(crate) fn lints() -> Result<Problems> {
    let mut problems = Problems::new();
    let mut manifests: Vec<String> =
        repo::crates()?.iter().map(|name| format!("crates/{name}/Cargo.toml")).collect();
    manifests.push("xtask/Cargo.toml".to_owned());
    for file in manifests {
        let text = repo::read(&file)?;
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let taken = lines.by_ref().any(|line| line == "[lints]")
            && lines.next() == Some("workspace = true");
        if !taken {
            problems.push(format!("{file}: add `[lints]` with `workspace = true`"));
        }
        let folder = file.split('/').rev().nth(1).unwrap_or_default();
        if !text.contains(&format!("name = \"{folder}\"")) {
            problems.push(format!("{file}: the crate's name is its folder's, `{folder}`"));
        }
    }
    Ok(problems)
}

/// A paragraph for readers in every crate; a program for users in every library.
pub(crate) fn readmes_and_examples() -> Result<Problems> {
    let mut problems = Problems::new();
    for name in repo::crates()? {
        let folder = repo::root().join("crates").join(&name);
        if !folder.join("README.md").is_file() {
            problems.push(format!("crates/{name}: write README.md, one paragraph: what it is for and how it is used alone"));
        }
        let examples = fs::read_dir(folder.join("examples")).map_or(0, |entries| {
            entries
                .flatten()
                .filter(|entry| entry.path().extension().is_some_and(|e| e == "rs"))
                .count()
        });
        if folder.join("src/lib.rs").is_file() && examples == 0 {
            problems.push(format!(
                "crates/{name}: write examples/<name>.rs, runnable with nothing but this crate"
            ));
        }
    }
    Ok(problems)
}

/// Every preset says the command that runs it, and the README lists it.
pub(crate) fn presets_are_documented() -> Result<Problems> {
    let mut problems = Problems::new();
    let readme = repo::read("README.md")?;
    for name in train::presets()? {
        let file = train::preset_file(&name);
        if train::data_of(&name, &repo::read(&file)?).is_none() {
            problems.push(format!(
                "{file}: the comment at the top lacks the line `#   cnn train {name} --data DATA`"
            ));
        }
        if !readme.contains(&format!("`{name}`")) {
            problems.push(format!("README.md: the preset `{name}` is missing from the list"));
        }
    }
    Ok(problems)
}

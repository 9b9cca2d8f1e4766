//! Keeps ARCHITECTURE.md true: its arrows, its invariants, its map.

use super::Problems;
use crate::repo;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const FILE: &str = "ARCHITECTURE.md";

/// Crate → the workspace crates that it depends on.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The arrow table equals what the manifests say.
pub(crate) fn arrows() -> Result<Problems> {
    let written = written_arrows(&repo::read(FILE)?);
    let real = real_arrows()?;
    let mut problems = Problems::new();
    for (name, uses) in &real {
        match written.get(name) {
            None => problems.push(format!("{FILE}: the arrow table lacks the crate `{name}`")),
            Some(allowed) if allowed != uses => problems.push(format!(
                "{FILE}: `{name}` may use {}; its Cargo.toml uses {}. A new arrow is a design change: say why",
                listed(allowed),
                listed(uses)
            )),
            Some(_) => {}
        }
    }
    for name in written.keys().filter(|name| !real.contains_key(*name)) {
        problems.push(format!("{FILE}: the arrow table has `{name}`, which is no crate here"));
    }
    Ok(problems)
}

/// Each invariant's row names at least one test as `` `path::function` ``, and the test is there.
pub(crate) fn invariants() -> Result<Problems> {
    let mut problems = Problems::new();
    let mut rows = 0;
    for (number, line) in repo::read(FILE)?.lines().enumerate() {
        let cells = cells(line);
        let Some(id) = cells.first().filter(|cell| is_invariant(cell)) else { continue };
        rows += 1;
        let guards: Vec<&str> = quoted(line).filter(|text| text.contains(".rs::")).collect();
        if guards.is_empty() {
            problems.push(format!(
                "{FILE}:{}: {id} names no test as `path/file.rs::function`",
                number + 1
            ));
        }
        for guard in guards {
            if let Some(problem) = missing_test(guard)? {
                problems.push(format!("{FILE}:{}: {id} is guarded by {problem}", number + 1));
            }
        }
    }
    if rows == 0 {
        problems.push(format!("{FILE}: there is no invariant (a row that begins with `| I1 |`)"));
    }
    Ok(problems)
}

/// Every crate has its place in the map.
pub(crate) fn mentions_every_crate() -> Result<Problems> {
    let text = repo::read(FILE)?;
    let mut names = repo::crates()?;
    names.push("xtask".to_owned());
    Ok(names
        .iter()
        .filter(|name| !text.contains(&format!("`{name}`")))
        .map(|name| format!("{FILE}: `{name}` is not mentioned"))
        .collect())
}

/// Rows of a table under a heading with "easured" in README.md name their command, and docs/results.md is a command's output.
pub(crate) fn numbers_name_their_command() -> Result<Problems> {
    let mut problems = Problems::new();
    let mut measured = false;
    for (number, line) in repo::read("README.md")?.lines().enumerate() {
        if line.starts_with('#') {
            measured = line.contains("easured");
        }
        let row = line.starts_with('|') && line.chars().any(|c| c.is_ascii_digit());
        let named = quoted(line).any(|text| {
            ["cargo ", "cnn ", "python", "target/"].iter().any(|begin| text.starts_with(begin))
        });
        if measured && row && !named {
            problems.push(format!(
                "README.md:{}: a measured number without the command that prints it",
                number + 1
            ));
        }
    }
    if let Ok(page) = repo::read("docs/results.md")
        && !(page.contains("<!-- course:begin -->") && page.contains("<!-- course:end -->"))
    {
        problems.push(
            "docs/results.md: its tables are written by `cargo xtask experiment`, between markers"
                .to_owned(),
        );
    }
    Ok(problems)
}

/// Relative links in the documents at the root and in docs/ point at files that exist.
pub(crate) fn links() -> Result<Problems> {
    let root = repo::root();
    let mut documents = vec!["README.md".to_owned(), FILE.to_owned()];
    for entry in std::fs::read_dir(root.join("docs")).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "md") {
            documents.push(format!("docs/{}", entry.file_name().to_string_lossy()));
        }
    }
    let mut problems = Problems::new();
    for document in documents {
        let text = repo::read(&document)?;
        let folder =
            root.join(&document).parent().map(std::path::Path::to_path_buf).unwrap_or_default();
        for target in link_targets(&text) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") && !folder.join(path).exists() {
                problems.push(format!("{document}: the link to {target} leads nowhere"));
            }
        }
    }
    Ok(problems)
}

/// What stands in `](…)`.
fn link_targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The rows `| crate | may use |` of the table under "may use".
fn written_arrows(text: &str) -> Arrows {
    text.lines()
        .skip_while(|line| !(line.starts_with("| crate |") && line.contains("may use")))
        .skip(2)
        .map_while(|line| {
            let cells = cells(line);
            (cells.len() >= 2).then(|| {
                (
                    cells[0].trim_matches('`').to_owned(),
                    quoted(cells[1]).map(str::to_owned).collect(),
                )
            })
        })
        .collect()
}

/// What `cargo metadata` says. Tests may use more than the crate itself does; they are not counted.
fn real_arrows() -> Result<Arrows> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(repo::root())
        .output()
        .context("`cargo metadata` cannot be started")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let packages = metadata["packages"].as_array().context("cargo metadata without packages")?;
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let members: BTreeSet<String> = packages.iter().map(name).collect();
    Ok(packages
        .iter()
        .map(|package| {
            let uses = package["dependencies"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(name)
                .filter(|dependency| members.contains(dependency))
                .collect();
            (name(package), uses)
        })
        .collect())
}

/// Why the test `path::function` cannot be the guard it is said to be.
pub(super) fn missing_test(guard: &str) -> Result<Option<String>> {
    let (path, function) = guard.split_once("::").context("a guard is `path::function`")?;
    if !repo::root().join(path).is_file() {
        return Ok(Some(format!("{guard}, but there is no file {path}")));
    }
    if !repo::read(path)?.contains(&format!("fn {function}(")) {
        return Ok(Some(format!("{guard}, but {path} has no function `{function}`")));
    }
    Ok(None)
}

/// The cells of a table's row, without the space around them.
pub(super) fn cells(line: &str) -> Vec<&str> {
    let Some(inner) = line.strip_prefix('|').and_then(|line| line.trim_end().strip_suffix('|'))
    else {
        return Vec::new();
    };
    inner.split('|').map(str::trim).collect()
}

/// What stands between backquotes.
pub(super) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn is_invariant(cell: &str) -> bool {
    cell.strip_prefix('I')
        .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
}

fn listed(names: &BTreeSet<String>) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.iter().cloned().collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_becomes_arrows() {
        let text = "# x\n\n| crate | may use |\n|---|---|\n| `a` | – |\n| `b` | `a`, `c` |\n\nmore";
        let arrows = written_arrows(text);
        assert_eq!(arrows.len(), 2);
        assert!(arrows["a"].is_empty());
        assert_eq!(listed(&arrows["b"]), "a, c");
    }

    #[test]
    fn a_guard_that_is_not_there_is_found() {
        assert!(missing_test("xtask/src/nowhere.rs::f").unwrap().unwrap().contains("no file"));
        assert!(
            missing_test("xtask/src/tidy.rs::nothing_like_it")
                .unwrap()
                .unwrap()
                .contains("no function")
        );
        assert_eq!(missing_test("xtask/src/tidy.rs::module_docs").unwrap(), None);
    }

    #[test]
    fn only_rows_of_invariants_count() {
        assert!(is_invariant("I11"));
        assert!(!is_invariant("Input"));
        assert!(!is_invariant("I"));
    }
}

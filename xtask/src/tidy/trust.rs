//! Keeps the pages about trust true: docs/unsafe.md has the numbers that tidy counts, docs/trust.md the tests that there are.

use super::Problems;
use super::architecture::{cells, missing_test, quoted};
use super::sources::unsafe_counts;
use crate::repo;
use anyhow::Result;
use std::collections::BTreeMap;

const UNSAFE: &str = "docs/unsafe.md";

const TRUST: &str = "docs/trust.md";

/// Promises that the page has a row for: P1 to this.
const PROMISES: usize = 20;

/// Every file with `unsafe` has a row with its number, and no other file has one.
pub(crate) fn unsafe_page() -> Result<Problems> {
    let text = repo::read(UNSAFE)?;
    let row = |line: &str| {
        let cells = cells(line);
        let file = cells.first()?.strip_prefix('`')?.strip_suffix('`')?;
        Some((file.to_owned(), cells.get(1)?.parse::<usize>().ok()?))
    };
    let written: BTreeMap<String, usize> = text.lines().filter_map(row).collect();
    let counted = unsafe_counts()?;
    let mut problems = Problems::new();
    for (file, count) in &counted {
        if written.get(file) != Some(count) {
            problems.push(format!(
                "{UNSAFE}: {file} has {count} × `unsafe`: say so, and why each holds"
            ));
        }
    }
    for file in written.keys().filter(|file| !counted.contains_key(*file)) {
        problems.push(format!("{UNSAFE}: {file} has no `unsafe`: take its row out"));
    }
    problems.extend(tests_that_are_not_there(UNSAFE)?);
    Ok(problems)
}

/// Each promise has a row, which names a test that is there, a page that says more, or says `not promised`.
pub(crate) fn promises() -> Result<Problems> {
    let text = repo::read(TRUST)?;
    let mut problems = tests_that_are_not_there(TRUST)?;
    for number in 1..=PROMISES {
        let begin = format!("| P{number} |");
        match text.lines().find(|line| line.starts_with(&begin)) {
            None => problems.push(format!("{TRUST}: there is no row for P{number}")),
            Some(row) => {
                let says = quoted(row).any(|text| text.contains(".rs::"))
                    || ["not promised", "see "].iter().any(|word| row.contains(word));
                if !says {
                    problems.push(format!(
                        "{TRUST}: P{number} names no test as `path/file.rs::function`, and does not say `not promised`"
                    ));
                }
            }
        }
    }
    Ok(problems)
}

/// What a page names as `path/file.rs::function` and is not there.
fn tests_that_are_not_there(page: &str) -> Result<Problems> {
    let mut problems = Problems::new();
    for (number, line) in repo::read(page)?.lines().enumerate() {
        for guard in quoted(line).filter(|text| text.contains(".rs::")) {
            if let Some(problem) = missing_test(guard)? {
                problems.push(format!("{page}:{}: {problem}", number + 1));
            }
        }
    }
    Ok(problems)
}

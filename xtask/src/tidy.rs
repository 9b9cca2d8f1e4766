//! The house rules that no compiler checks. Each is a function from the repository to the list of what is wrong, and
//! each is also a test, so `cargo test` is the whole gate.

mod architecture;
mod lexer;
mod manifests;
mod sources;
mod trust;

use anyhow::Result;

/// What a rule found: a place, what is wrong there and what to do, in one line each.
type Problems = Vec<String>;

/// A rule's name and its check.
type Rule = (&'static str, fn() -> Result<Problems>);

const RULES: [Rule; 16] = [
    ("every file says what it is for", sources::module_docs),
    ("no test is switched off or expects a panic", sources::tests_are_honest),
    ("nothing is left for later", sources::nothing_is_left_for_later),
    ("unsafe stays in its room, and its number is known", sources::unsafe_is_counted),
    ("libraries are silent", sources::libraries_are_silent),
    ("nothing is fallible after build", sources::nothing_fallible_after_build),
    ("every crate takes the workspace's lints", manifests::lints),
    ("every crate has a README, every library an example", manifests::readmes_and_examples),
    ("presets are listed where people look for them", manifests::presets_are_documented),
    ("arrows are as ARCHITECTURE.md says", architecture::arrows),
    ("invariants name tests that exist", architecture::invariants),
    ("ARCHITECTURE.md mentions every crate", architecture::mentions_every_crate),
    ("measured numbers stand beside their command", architecture::numbers_name_their_command),
    ("docs/unsafe.md has every unsafe", trust::unsafe_page),
    ("promises name tests that exist", trust::promises),
    ("links in the documents lead somewhere", architecture::links),
];

/// Runs every rule and prints what they found. Exit code 1 if anything is wrong.
pub(crate) fn run() -> Result<u8> {
    let mut wrong = 0;
    for (name, rule) in RULES {
        let problems = rule()?;
        if !problems.is_empty() {
            eprintln!("tidy: {name}");
            for problem in &problems {
                eprintln!("  {problem}");
            }
        }
        wrong += problems.len();
    }
    if wrong == 0 {
        println!("  tidy: {} rules hold", RULES.len());
        return Ok(0);
    }
    eprintln!("tidy: {wrong} to put right");
    Ok(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(rule: fn() -> Result<Problems>) {
        let problems = rule().unwrap();
        assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
    }

    #[test]
    fn module_docs() {
        holds(sources::module_docs);
    }

    #[test]
    fn tests_are_honest() {
        holds(sources::tests_are_honest);
    }

    #[test]
    fn nothing_is_left_for_later() {
        holds(sources::nothing_is_left_for_later);
    }

    #[test]
    fn unsafe_is_counted() {
        holds(sources::unsafe_is_counted);
    }

    #[test]
    fn every_unsafe_has_its_reason_on_a_page() {
        holds(trust::unsafe_page);
    }

    #[test]
    fn promises_name_tests_that_exist() {
        holds(trust::promises);
    }

    #[test]
    fn libraries_are_silent() {
        holds(sources::libraries_are_silent);
    }

    #[test]
    fn nothing_fallible_after_build() {
        holds(sources::nothing_fallible_after_build);
    }

    #[test]
    fn numbers_name_their_command() {
        holds(architecture::numbers_name_their_command);
    }

    #[test]
    fn lints_are_the_workspaces() {
        holds(manifests::lints);
    }

    #[test]
    fn readmes_and_examples() {
        holds(manifests::readmes_and_examples);
    }

    #[test]
    fn presets_are_documented() {
        holds(manifests::presets_are_documented);
    }

    #[test]
    fn arrows_are_as_the_table_says() {
        holds(architecture::arrows);
    }

    #[test]
    fn invariants_name_tests_that_exist() {
        holds(architecture::invariants);
    }

    #[test]
    fn every_crate_is_mentioned() {
        holds(architecture::mentions_every_crate);
    }

    #[test]
    fn links_lead_somewhere() {
        holds(architecture::links);
    }
}

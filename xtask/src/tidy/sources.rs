//! Rules about the Rust sources.

use super::Problems;
use super::lexer;
use crate::repo;
use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// The committed number of `unsafe` in the kernel room. It may fall; to raise it needs a reason in the same commit.
const RATCHET: &str = "xtask/unsafe-count";

/// The only files that may say `unsafe`.
const UNSAFE_ROOM: [&str; 4] = [
    "crates/cnn-kernels/src/generic/tile.rs",
    "crates/cnn-kernels/src/isa.rs",
    "crates/cnn-kernels/src/pool.rs",
    "crates/cnn-kernels/src/x86/",
];

/// The one file outside it: a global allocator that counts cannot be written without the word.
const COUNTING_ALLOCATOR: &str = "/tests/allocations.rs";

/// Every file begins with `//!`: what it is for.
pub(crate) fn module_docs() -> Result<Problems> {
    let mut problems = Problems::new();
    for file in repo::rust_files()? {
        let text = repo::read(&file)?;
        let documented = text
            .lines()
            .find(|line| !line.trim().is_empty())
            .is_some_and(|line| line.starts_with("//!"));
        if !documented {
            problems.push(format!("{file}:1: begin with `//!` and say what the file is for"));
        }
    }
    Ok(problems)
}

/// No `#[ignore]`, no `#[should_panic]`: a test runs always and says what it expects.
pub(crate) fn tests_are_honest() -> Result<Problems> {
    let marks = [
        ("#[ignore", "a test that does not run proves nothing: make it quick or delete it"),
        ("should_panic", "catch the panic or, better, return an error and compare its text"),
    ];
    in_code(&marks, |_| true)
}

/// No promise in a comment and no stand-in in the code: an open end belongs into an issue.
pub(crate) fn nothing_is_left_for_later() -> Result<Problems> {
    let mut problems = in_code(
        &[("todo!", "write it, or leave it out"), ("unimplemented!", "write it, or leave it out")],
        |_| true,
    )?;
    for file in repo::rust_files()? {
        let comments = lexer::split(&repo::read(&file)?).comments;
        for (number, line) in comments.lines().enumerate() {
            for word in ["TODO", "FIXME", "XXX"] {
                if has_word(line, word) {
                    problems.push(format!(
                        "{file}:{}: {word} in a comment: do it, or file an issue",
                        number + 1
                    ));
                }
            }
        }
    }
    Ok(problems)
}

/// `unsafe` only in the kernel room, and exactly as often as the committed number says.
pub(crate) fn unsafe_is_counted() -> Result<Problems> {
    let mut problems = Problems::new();
    let mut count = 0;
    for file in repo::rust_files()? {
        let code = lexer::split(&repo::read(&file)?).code;
        let here = unsafe_in(&code);
        if UNSAFE_ROOM.iter().any(|room| file.starts_with(room)) {
            count += here;
        } else if here > 0 && !file.ends_with(COUNTING_ALLOCATOR) {
            problems
                .push(format!("{file}: `unsafe` is at home in {} only", UNSAFE_ROOM.join(", ")));
        }
        if file.starts_with("crates/")
            && file.ends_with("/src/lib.rs")
            && !file.contains("cnn-kernels")
        {
            let code: String = code.split_whitespace().collect();
            if !code.contains("#![forbid(unsafe_code)]") {
                problems.push(format!("{file}: say `#![forbid(unsafe_code)]`"));
            }
        }
    }
    let known: usize = repo::read(RATCHET)?.trim().parse().context(RATCHET)?;
    if count > known {
        problems.push(format!("{count} × `unsafe` in the kernel room, {RATCHET} knows {known}: find a safe way, or raise the number and give the reason in the commit"));
    } else if count < known {
        problems.push(format!("{count} × `unsafe` in the kernel room, {RATCHET} says {known}: well done, write {count} there"));
    }
    Ok(problems)
}

/// How often code says it.
fn unsafe_in(code: &str) -> usize {
    code.lines().map(|line| words(line).filter(|word| *word == "unsafe").count()).sum()
}

/// The files of the kernel room that say `unsafe`, and how often.
pub(super) fn unsafe_counts() -> Result<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    for file in repo::rust_files()? {
        if UNSAFE_ROOM.iter().any(|room| file.starts_with(room)) {
            let count = unsafe_in(&lexer::split(&repo::read(&file)?).code);
            if count > 0 {
                counts.insert(file, count);
            }
        }
    }
    Ok(counts)
}

/// What runs inside a training step: a trait or an `impl` by its head, or a whole file where that is empty.
const STEADY: [(&str, &str); 6] = [
    ("crates/cnn-nn/src/layer.rs", "pub trait Layer"),
    ("crates/cnn-nn/src/layer.rs", "pub trait WholeBatch"),
    ("crates/cnn-optim/src/lib.rs", "trait Rule"),
    ("crates/cnn-optim/src/optimizer.rs", "impl Optimizer"),
    ("crates/cnn-optim/src/whole.rs", "impl Optimizer"),
    ("crates/cnn-nn/src/engine/mod.rs", ""),
];

/// No `Result` in what runs inside a training step: everything that can fail has failed at build.
pub(crate) fn nothing_fallible_after_build() -> Result<Problems> {
    let mut problems = Problems::new();
    for (file, head) in STEADY {
        let code = lexer::split(&repo::read(file)?).code;
        let Some(start) = code.find(head) else {
            problems.push(format!("{file}: there is no `{head}`; tidy guards it"));
            continue;
        };
        // A trait at the top level ends with the first brace in the first column.
        let end = if head.is_empty() {
            code.len()
        } else {
            code[start..].find("\n}").map_or(code.len(), |at| start + at)
        };
        if code[start..end].lines().any(|line| has_word(line, "Result")) {
            problems.push(format!("{file}: {head} returns a `Result`: let `build` fail instead"));
        }
    }
    Ok(problems)
}

/// Libraries print nothing, never end the process and read no environment: that is the binary's work. Their tests, where they have a
/// file of their own, may say what they counted.
pub(crate) fn libraries_are_silent() -> Result<Problems> {
    let marks = [
        (
            "println!",
            "a library prints nothing: return it, or write to a `Write` that was handed in",
        ),
        (
            "eprintln!",
            "a library prints nothing: return it, or write to a `Write` that was handed in",
        ),
        ("process::exit", "a library never ends the process: return an error"),
        ("process::abort", "a library never ends the process: return an error"),
        ("env::var", "a library reads no environment: take an argument"),
        ("env::args", "a library reads no environment: take an argument"),
        ("io::stdout", "a library prints nothing: write to a `Write` that was handed in"),
        ("io::stderr", "a library prints nothing: write to a `Write` that was handed in"),
    ];
    in_code(&marks, |file| {
        file.starts_with("crates/")
            && !file.starts_with("crates/cnn-cli/")
            && file.contains("/src/")
            && !file.ends_with("_tests.rs")
    })
}

/// Reports every line of code that contains one of the marks, in the files that `wanted` chooses.
fn in_code(marks: &[(&str, &str)], wanted: impl Fn(&str) -> bool) -> Result<Problems> {
    let mut problems = Problems::new();
    for file in repo::rust_files()?.into_iter().filter(|file| wanted(file)) {
        let code = lexer::split(&repo::read(&file)?).code;
        problems.extend(marked(&file, &code, marks));
    }
    Ok(problems)
}

/// The lines of `code` with one of the marks at the beginning of a word.
fn marked(file: &str, code: &str, marks: &[(&str, &str)]) -> Problems {
    let mut problems = Problems::new();
    for (number, line) in code.lines().enumerate() {
        for (mark, advice) in marks {
            let begins =
                |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if line.match_indices(mark).any(|(at, _)| begins(at)) {
                problems.push(format!("{file}:{}: `{mark}`: {advice}", number + 1));
            }
        }
    }
    problems
}

/// The identifiers and numbers of a line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn has_word(line: &str, word: &str) -> bool {
    words(line).any(|w| w == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_counts_at_the_beginning_of_a_word_only() {
        let found = marked("f.rs", "\n  println!(x);\n  eprintln!(y);\n", &[("println!", "no")]);
        assert_eq!(found, ["f.rs:2: `println!`: no"]);
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("// FIXME: later", "FIXME"));
        assert!(!has_word("unsafe_code", "unsafe"));
    }
}

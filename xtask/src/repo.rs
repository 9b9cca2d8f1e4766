//! Where the repository is, which files it has, and how a child process is run.

use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The repository's root: the folder above this crate.
pub(crate) fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

/// The crates under `crates/`, sorted by name. Folder name = crate name.
pub(crate) fn crates() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("crates")).context("crates/ cannot be listed")? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// All Rust files of the workspace, as paths from the root with `/`, sorted.
pub(crate) fn rust_files() -> Result<Vec<String>> {
    let mut files = Vec::new();
    for folder in ["crates", "examples", "xtask"] {
        walk(&root().join(folder), &mut files)?;
    }
    files.sort();
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<String>) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                walk(&path, files)?;
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let relative = path.strip_prefix(root())?;
            files.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

/// Reads a file of the repository; `path` counts from the root.
pub(crate) fn read(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).with_context(|| format!("{path} cannot be read"))
}

/// Prints a command line, runs it in the root with the terminal as its own, and returns its exit code.
pub(crate) fn status(program: &str, args: &[&str], env: &[(&str, &str)]) -> Result<u8> {
    println!("$ {}", line(program, args, env));
    let status = Command::new(program)
        .args(args)
        .envs(env.iter().copied())
        .current_dir(root())
        .status()
        .with_context(|| format!("`{program}` cannot be started"))?;
    match status.code() {
        Some(code) => Ok(u8::try_from(code).unwrap_or(1)),
        None => bail!("`{program}` was ended by a signal"),
    }
}

/// Runs a program in the root and returns what it prints; its messages go to the terminal.
pub(crate) fn output(program: &Path, args: &[&str]) -> Result<String> {
    output_in(&root(), program, args)
}

/// The same in another folder.
fn output_in(folder: &Path, program: &Path, args: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("`{}` cannot be started", program.display()))?;
    ensure!(output.status.success(), "`{} {}` failed", program.display(), args.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether a program is installed.
pub(crate) fn answers(program: &str) -> bool {
    let mut ask = Command::new(program);
    ask.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    ask.status().is_ok_and(|status| status.success())
}

/// Builds a program as it ships, `cargo build --release` with these arguments in the folder of its project, and returns where
/// it is.
pub(crate) fn build(folder: &Path, args: &[&str], program: &str) -> Result<PathBuf> {
    let line = [&["build", "--release"], args].concat();
    eprintln!("$ cd {} && cargo {}", folder.display(), line.join(" "));
    let messages = [&line[..], &["--quiet", "--message-format=json-render-diagnostics"]].concat();
    executable(&output_in(folder, Path::new("cargo"), &messages)?, program)
        .with_context(|| format!("cargo built no program `{program}`"))
}

/// Where a program is, by cargo's messages, one JSON object a line.
fn executable(messages: &str, program: &str) -> Option<PathBuf> {
    let messages =
        messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut artifacts = messages.filter(|message| message["target"]["name"] == program);
    artifacts.find_map(|artifact| artifact["executable"].as_str().map(PathBuf::from))
}

/// A command as it would be typed.
pub(crate) fn line(program: &str, args: &[&str], env: &[(&str, &str)]) -> String {
    let mut words = Vec::new();
    words.extend(env.iter().map(|(key, value)| format!("{key}={}", quoted(value))));
    words.push(program.to_owned());
    words.extend(args.iter().map(|arg| quoted(arg)));
    words.join(" ")
}

/// An argument as a shell wants it.
fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:+".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        arg.to_owned()
    } else {
        format!("'{}'", arg.replace('\'', r"'\''"))
    }
}

/// The name among `names` that was probably meant: the nearest by edits, if it is near.
pub(crate) fn nearest<'a>(wrong: &str, names: &'a [String]) -> Option<&'a str> {
    names
        .iter()
        .map(|name| (edits(wrong, name), name.as_str()))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.chars().count() / 3)
        .map(|(_, name)| name)
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (diagonal + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_nonsense_finds_none() {
        let names: Vec<String> = ["cnn16", "cnn32", "dnn"].map(String::from).to_vec();
        assert_eq!(nearest("cn32", &names), Some("cnn32"));
        assert_eq!(nearest("dn", &names), Some("dnn"));
        assert_eq!(nearest("resnet", &names), None);
    }

    #[test]
    fn the_program_that_was_built_is_found() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"cnn_nn"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"instructions"},"executable":"/t/release/examples/instructions"}
{"reason":"build-finished","success":true}"#;
        let found = Some(PathBuf::from("/t/release/examples/instructions"));
        assert_eq!(executable(messages, "instructions"), found);
        assert_eq!(executable(messages, "cnn_nn"), None);
        assert_eq!(executable(r#"{"reason":"build-finished","success":true}"#, "cnn_nn"), None);
        let messages = "{\"target\":{\"name\":\"a\"},\"executable\":null}\nnoise\n\
                        {\"target\":{\"name\":\"b\"},\"executable\":\"/x/b\"}\n";
        assert_eq!(executable(messages, "b"), Some(PathBuf::from("/x/b")));
        assert_eq!(executable(messages, "a"), None);
    }

    #[test]
    fn arguments_print_as_a_shell_reads_them() {
        assert_eq!(quoted("--epochs"), "--epochs");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("-D warnings"), "'-D warnings'");
        assert_eq!(quoted(""), "''");
    }
}

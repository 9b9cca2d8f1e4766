//! `cargo xtask train`: one of the course's networks, from a fresh clone, with one command.

use crate::repo;
use anyhow::{Context, Result};
use std::fs;
use std::io::Write as _;

/// Trained when no preset is named.
const DEFAULT: &str = "cnn32";

const FOLDER: &str = "crates/cnn-cli/presets";

/// Where MNIST is looked for: not part of the repository, so people put it there.
const MNIST: &str = "data/mnist/mnist.npz";

/// The presets' names, sorted.
pub(crate) fn presets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(repo::root().join(FOLDER))
        .with_context(|| format!("{FOLDER} cannot be listed"))?
    {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".toml").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// The file of a preset, from the root.
pub(crate) fn preset_file(name: &str) -> String {
    format!("{FOLDER}/{name}.toml")
}

/// The data set that a preset is meant for: what its own comment says after `cnn train NAME --data`.
pub(crate) fn data_of<'a>(name: &str, text: &'a str) -> Option<&'a str> {
    let command = format!("cnn train {name} --data ");
    text.lines()
        .filter_map(|line| line.strip_prefix('#'))
        .find_map(|line| line.trim().strip_prefix(command.as_str()))
        .and_then(|rest| rest.split_whitespace().next())
}

/// Trains a preset; the rest of the arguments goes to `cnn train`.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    let (name, rest) = match args.split_first() {
        Some((first, rest)) if !first.starts_with('-') => (first.as_str(), rest),
        _ => (DEFAULT, args),
    };
    if args.first().is_some_and(|arg| arg == "--list") {
        return list();
    }
    let names = presets()?;
    if !names.iter().any(|known| known == name) {
        let hint = repo::nearest(name, &names).map_or_else(
            || format!("the presets are {}", names.join(", ")),
            |near| format!("did you mean `{near}`? (`cargo xtask train --list` shows all)"),
        );
        eprintln!("error: no preset `{name}`\n  help: {hint}");
        return Ok(2);
    }
    let file = preset_file(name);
    let text = repo::read(&file)?;
    let mut line = vec!["run", "--release", "-p", "cnn-cli", "--", "train", &file];
    if !rest.iter().any(|arg| arg == "--data" || arg.starts_with("--data=")) {
        let data = data_of(name, &text).unwrap_or("fashion-mnist");
        if data == "mnist" && !repo::root().join(MNIST).is_file() {
            eprintln!("{}", mnist_is_missing(name));
            return Ok(3);
        }
        line.extend(["--data", data]);
    }
    line.extend(rest.iter().map(String::as_str));
    repo::status("cargo", &line, &[])
}

/// Prints the presets, each with the first line of its comment.
fn list() -> Result<u8> {
    let mut out = String::new();
    for name in presets()? {
        let text = repo::read(&preset_file(&name))?;
        let about = text.lines().next().unwrap_or_default().trim_start_matches(['#', ' ']);
        let default = if name == DEFAULT { " (default)" } else { "" };
        out.extend([&name, default, "\n    ", about, "\n"]);
    }
    // Whoever closes the pipe has seen enough.
    let _ = std::io::stdout().write_all(out.as_bytes());
    Ok(0)
}

/// What to do where the assignment's data is not there.
fn mnist_is_missing(preset: &str) -> String {
    format!(
        "error: `{preset}` trains on MNIST, which is not part of this repository
  --> {MNIST}
  expected Keras's mnist.npz (11,490,434 bytes; x_train, y_train, x_test, y_test), found no file
  help: put it there: it is what `keras.datasets.mnist.load_data()` leaves in ~/.keras/datasets/mnist.npz, and
        https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz; or name another place with `--data FILE.npz`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_names_its_data() {
        for name in presets().unwrap() {
            let text = repo::read(&preset_file(&name)).unwrap();
            let expected = if name.starts_with("mnist") { "mnist" } else { "fashion-mnist" };
            assert_eq!(data_of(&name, &text), Some(expected), "{name}");
        }
    }

    #[test]
    fn the_course_is_complete() {
        let names = presets().unwrap();
        let course = [
            "cnn16",
            "cnn32",
            "cnn64",
            "conv-conv-pool",
            "dnn",
            "mnist-assignment",
            "one-conv64",
            "three-conv64",
        ];
        for name in course {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
    }

    #[test]
    fn an_unknown_preset_is_a_usage_error() {
        assert_eq!(run(&["cnn23".to_owned()]).unwrap(), 2);
    }
}

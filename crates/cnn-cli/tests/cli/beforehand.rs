//! What can be refused is refused before anything is written, and before an old run is touched.

use crate::support::{cnn, code, stderr, stdout, transcript};
use crate::tiny;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const TRAIN: [&str; 7] =
    ["train", "model.toml", "--data", "data/bars", "--verbose", "0", "--run-dir"];

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    folder
}

fn train<'a>(run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&TRAIN[..], &[run], more].concat()
}

/// Every file of a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = all.map(|path| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap())
    });
    named.collect()
}

/// What is refused: the exit code and a part of the text.
fn refused(folder: &Path, args: &[&str], exit: i32, part: &str) {
    let answer = transcript(folder, args);
    assert!(answer.contains(&format!("exit code {exit}\n")), "{answer}");
    assert!(answer.contains(part) && !answer.contains("Epoch 1/"), "{answer}");
}

#[test]
fn an_old_run_stays_until_the_new_one_begins() {
    let folder = folder();
    let path = folder.path();
    assert_eq!(code(&cnn(path, &train("run", &[]))), 0);
    // One that was interrupted has checkpoints.
    fs::write(path.join("run/step-000000000003.cnnckpt"), "of the old run").unwrap();
    let before = files(&path.join("run"));
    let two = tiny::MODEL.replace("units = 3", "units = 2");
    fs::write(path.join("two.toml"), two).unwrap();
    let fold = format!("{}fold = \"1/200\"\n", tiny::MODEL);
    fs::write(path.join("fold.toml"), fold).unwrap();
    let mean = "\n[[callbacks]]\ntype = \"SwapEMAWeights\"\n";
    fs::write(path.join("mean.toml"), format!("{}{mean}", tiny::MODEL)).unwrap();
    for (model, more, exit, part) in [
        ("model.toml", &["--validation-split", "0.999"][..], 4, "error[T004]"),
        ("model.toml", &["--fold", "1/200"], 4, "error[T004]"),
        ("fold.toml", &[], 4, "error[T004]"),
        ("two.toml", &[], 4, "error[M071]"),
        ("mean.toml", &[], 4, "SwapEMAWeights"),
        ("model.toml", &["--save-weights", "nodir/w.npz"], 5, "nodir"),
    ] {
        for (run, force) in [("run", &["--force"][..]), ("new", &[])] {
            let mut args = [&train(run, more)[..], force].concat();
            args[1] = model;
            refused(path, &args, exit, part);
        }
        assert!(files(&path.join("run")) == before, "{model} {more:?}: the old run was touched");
        assert!(!path.join("new").exists(), "{model} {more:?}: nothing had begun");
    }
    assert_eq!(code(&cnn(path, &train("run", &["--force", "--seed", "2"]))), 0);
    let now = files(&path.join("run"));
    assert!(now["weights.npz"] != before["weights.npz"]);
    assert!(!now.contains_key("step-000000000003.cnnckpt"));
}

#[test]
fn rows_that_cannot_be_trained_are_told_before_any_is() {
    let folder = folder();
    let path = folder.path();
    let sweep = |data: &str, line: &str| {
        let text =
            format!("model = \"model.toml\"\ndata = \"{data}\"\nseeds = 1\n[grid]\n{line}\n");
        fs::write(path.join("sweep.toml"), text).unwrap();
    };
    for (data, line, exit, part) in [
        ("data/bars", "\"layers.dense.units\" = [3, 5]", 4, "error[M071]: row `units=5`: "),
        ("data/bars", "\"fit.validation_split\" = [0.1, 0.999]", 4, "error[T004]: row `"),
        ("data/bars", "\"fit.fold\" = [\"1/5\", \"1/200\"]", 4, "error[T004]: row `"),
        ("fashion", "\"fit.epochs\" = [1, 2]", 3, "no data set, folder or file \"fashion\""),
    ] {
        sweep(data, line);
        for more in [&["--dry-run"][..], &["--dry-run", "--format", "json"], &[]] {
            let args = [&["experiment", "sweep.toml"], more].concat();
            refused(path, &args, exit, part);
            assert!(!path.join("runs").exists(), "{line}");
        }
    }
    // What is known, but not on this machine, is no mistake of the sweep.
    for (data, note) in [("fashion-mnist", "note: "), ("data/bars", "")] {
        sweep(data, "\"fit.epochs\" = [1, 2]");
        let output = cnn(path, &["experiment", "sweep.toml", "--dry-run"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(stdout(&output).contains("2 rows × 1 seed = 2 runs"), "{}", stdout(&output));
        assert!(stderr(&output).starts_with(note), "{}", stderr(&output));
    }
    sweep("fashion-mnist", "\"fit.epochs\" = [1, 2]");
    refused(path, &["experiment", "sweep.toml"], 3, "cnn data fetch fashion-mnist");
}

#[test]
fn where_nothing_can_be_written_is_said_before_training() {
    let folder = folder();
    let path = folder.path();
    for (option, place, part) in [
        ("--save-weights", "nodir/w.npz", "there is no such folder\n  --> nodir\n"),
        ("--log-steps", "nodir/x", "there is no such folder\n  --> nodir\n"),
        ("--save-weights", "data", "this is a folder\n  --> data\n"),
        ("--log-steps", "data", "this is a folder\n  --> data\n"),
        ("--log-steps", "model.toml/x", "there is no such folder\n  --> model.toml\n"),
        ("--save-weights", "new/weights.npz", "the run writes that file itself\n"),
        ("--log-steps", "./new/history.csv", "the run writes that file itself\n"),
    ] {
        let more = [option, place, "--force"];
        refused(path, &train("new", &more), 5, part);
        assert!(!path.join("new").exists(), "{option} {place}");
    }
    let twice = ["--save-weights", "a", "--log-steps", "./a"];
    refused(path, &train("new", &twice), 2, "--log-steps");
    // The run folder, and those above it, are made.
    let inside = ["--save-weights", "a/b/w.npz", "--log-steps", "a/steps.csv"];
    let output = cnn(path, &train("a/b", &inside));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(path.join("a/b/w.npz").is_file() && path.join("a/steps.csv").is_file());
}

#[test]
fn what_fails_at_the_end_does_not_take_the_result_with_it() {
    let folder = folder();
    let path = folder.path();
    // What is not there in the beginning is there in the end.
    let logger = "\n[[callbacks]]\ntype = \"CSVLogger\"\nfilename = \"taken\"\n";
    fs::write(path.join("model.toml"), format!("{}{logger}", tiny::MODEL)).unwrap();
    for (run, more) in [
        ("a", ["--save-weights", "a/taken", "--log-steps", "a/steps.csv"]),
        ("b", ["--save-weights", "b/w.npz", "--log-steps", "b/taken"]),
    ] {
        let output = cnn(path, &train(run, &more));
        assert_eq!(code(&output), 5, "{}", stderr(&output));
        let (out, err) = (stdout(&output), stderr(&output));
        assert!(
            out.contains("Test loss: ") && out.contains(&format!("Run folder: {run}")),
            "{out}"
        );
        assert!(err.contains(&format!("{run}/taken")), "{err}");
        let complete = "help: the run is complete: its weights are in a/weights.npz\n";
        assert_eq!(err.contains(complete), run == "a", "{err}");
        let other = if run == "a" { "steps.csv" } else { "w.npz" };
        assert!(path.join(run).join(other).is_file(), "the other file is written all the same");
    }
}

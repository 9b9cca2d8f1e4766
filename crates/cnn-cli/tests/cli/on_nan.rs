//! `cnn train` where the loss is no longer a number: what is said, and going back.

use crate::support::{cnn, code, snapshot, stderr, stdout};
use crate::tiny;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const TRAIN: [&str; 5] = ["train", "model.toml", "--data", "data/bars", "--threads"];

/// A rate that is too large from the second epoch on.
fn folder(on_nan: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    let sgd = "optimizer = { type = \"SGD\", learning_rate = 0.01 }";
    let model = tiny::MODEL.replace("optimizer = { type = \"Adam\", learning_rate = 0.01 }", sgd);
    let callback =
        "[[callbacks]]\ntype = \"LearningRateScheduler\"\nrates = [[0, 0.01], [1, 1e36]]\n";
    fs::write(folder.path().join("model.toml"), format!("{model}{on_nan}\n{callback}")).unwrap();
    folder
}

fn train(folder: &Path, run: &str, more: &[&str]) -> std::process::Output {
    cnn(folder, &[&TRAIN[..], &["1", "--run-dir", run], more].concat())
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Hash and history of a finished run, without its times.
fn outcome(run: &Path) -> (Value, Value) {
    let mut history = json(&run.join("history.json"));
    for times in ["seconds", "images_per_second"] {
        history.as_object_mut().unwrap().remove(times);
    }
    (json(&run.join("run.json"))["weights_hash"].clone(), history)
}

#[test]
fn it_stops_and_says_where_and_how_to_go_on() {
    let folder = folder("");
    let path = folder.path();
    let output = train(path, "run", &["--verbose", "0", "--checkpoint-every", "6"]);
    assert_eq!(code(&output), 7, "{}", stderr(&output));
    snapshot("on-nan-stop", &stderr(&output));
    let run = path.join("run");
    assert!(!run.join("model.cnn").exists() && run.join("history.json").is_file());
    assert_eq!(json(&run.join("run.json"))["finished"], false);
    // As it says: from the last good checkpoint, with another rate. It holds for whoever goes on after that, too.
    let slower = ["train", "--resume", "run", "--threads", "1", "--rate-factor", "1e-36"];
    let output = cnn(path, &slower);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let factor = json(&run.join("history.json"))["learning_rate_factor"].as_f64().unwrap();
    assert!((factor / 1e-36 - 1.0).abs() < 1e-5, "{factor}");
    for (args, exit) in [
        (&["train", "model.toml", "--data", "data/bars", "--rate-factor", "0.5"][..], 2),
        (&["train", "--resume", "run", "--rate-factor", "2"], 2),
        (&["train", "--resume", "nothing", "--rate-factor", "0.5"], 5),
    ] {
        assert_eq!(code(&cnn(path, args)), exit, "{args:?}");
    }
}

#[test]
fn what_is_done_already_is_not_advised() {
    let folder = folder("on_nan = \"rollback\"");
    let output = train(folder.path(), "run", &["--verbose", "0", "--checkpoint-every", "6"]);
    let text = stderr(&output);
    assert_eq!(code(&output), 7, "{text}");
    assert!(text.contains("training has gone back 3 times"), "{text}");
    assert!(text.contains("--rate-factor 0.5") && !text.contains("on_nan ="), "{text}");
}

#[test]
fn it_goes_back_says_so_and_ends_with_the_same_bits_when_it_is_killed() {
    let folder = folder("epochs = 30\non_nan = { rollback = 1e-15, times = 2 }");
    let path = folder.path();
    let model = fs::read_to_string(path.join("model.toml")).unwrap();
    fs::write(path.join("model.toml"), model.replacen("epochs = 3\n", "", 1)).unwrap();
    let output = train(path, "whole", &[]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stderr(&output);
    assert_eq!(text.matches("back to the epoch's beginning, on with").count(), 2, "{text}");
    assert!(text.contains("note: training went back 2 times"), "{text}");
    let whole = outcome(&path.join("whole"));
    assert_eq!(whole.1["rollbacks"].as_array().unwrap().len(), 2);
    // With any number of threads, and killed at many moments.
    let three = cnn(path, &[&TRAIN[..], &["3", "--run-dir", "three"]].concat());
    assert_eq!(code(&three), 0);
    assert_eq!(outcome(&path.join("three")), whole);
    let again = [&TRAIN[..], &["1", "--run-dir", "run", "--resume", "--checkpoint-every", "1"]];
    for kill in 0..12u64 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cnn"))
            .args(again.concat())
            .current_dir(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(15 + 7 * kill));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let output = cnn(path, &again.concat());
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert_eq!(outcome(&path.join("run")), whole);
}

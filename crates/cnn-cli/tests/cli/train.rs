//! `cnn train`, `evaluate` and `predict` from end to end on a data set that fits into a second.

use crate::support::{cnn, code, stderr, stdout};
use crate::tiny;
use serde_json::Value;
use std::fs;
use std::path::Path;

const TRAIN: [&str; 6] = ["train", "model.toml", "--data", "data/bars", "--run-dir", "run"];

/// A folder with the data set and the model.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    folder
}

/// Runs, expects success, returns stdout.
fn good(folder: &Path, args: &[&str]) -> String {
    let output = cnn(folder, args);
    assert_eq!(code(&output), 0, "cnn {}\n{}{}", args.join(" "), stdout(&output), stderr(&output));
    stdout(&output)
}

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    TRAIN.iter().copied().chain(more.iter().copied()).collect()
}

/// The JSON lines of a run.
fn events(folder: &Path, more: &[&str]) -> Vec<Value> {
    let args = with(&[more, &["--format", "json"]].concat());
    good(folder, &args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn hash_of(events: &[Value]) -> String {
    events.last().unwrap()["weights_hash"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_leaves_all_that_is_needed_to_repeat_it() {
    let folder = folder();
    let text = good(folder.path(), &TRAIN);
    for part in [
        "Model: \"bars\"",
        "Total params:",
        "Test loss: ",
        " - test accuracy: ",
        "run",
        "seed 1",
        "weights ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let run = folder.path().join("run");
    for file in [
        "model.toml",
        "config.toml",
        "model.cnn",
        "weights.npz",
        "history.json",
        "history.csv",
        "curves.svg",
        "curves.png",
    ] {
        assert!(run.join(file).is_file(), "{file} is missing");
    }
    assert_eq!(
        fs::read_to_string(run.join("model.toml")).unwrap(),
        tiny::MODEL,
        "the model is kept as it was given"
    );
}

#[test]
fn the_same_seed_gives_the_same_bits_for_any_number_of_threads() {
    let folder = folder();
    let hashes: Vec<String> = ["1", "2", "5"]
        .map(|threads| hash_of(&events(folder.path(), &["--threads", threads, "--force"])))
        .to_vec();
    assert_eq!(hashes[0], hashes[1]);
    assert_eq!(hashes[0], hashes[2]);
    let other = hash_of(&events(folder.path(), &["--seed", "2", "--force"]));
    assert_ne!(hashes[0], other);
}

#[test]
fn json_is_one_event_per_line() {
    let folder = folder();
    let events = events(folder.path(), &["--validation-split", "0.25"]);
    let epochs: Vec<&Value> = events.iter().filter(|event| event["event"] == "epoch").collect();
    assert_eq!(epochs.len(), 3);
    for (i, event) in epochs.iter().enumerate() {
        assert_eq!(event["epoch"], i + 1);
        for key in ["loss", "accuracy", "val_loss", "val_accuracy", "seconds", "images_per_second"]
        {
            assert!(event[key].is_number(), "{key}: {event}");
        }
    }
    let end = events.last().unwrap();
    assert_eq!(end["event"], "end");
    assert!(end["test"]["loss"].is_number() && end["test"]["accuracy"].is_number(), "{end}");
    assert!(end["stopped_by"].is_null() && end["weights_hash"].is_string(), "{end}");
}

#[test]
fn nothing_is_overwritten_without_force() {
    let folder = folder();
    let path = folder.path();
    good(path, &TRAIN);
    let before = fs::read(path.join("run/weights.npz")).unwrap();
    fs::write(path.join("mine.npz"), b"precious").unwrap();
    fs::write(path.join("mine.toml"), b"precious").unwrap();
    let attempts: [&[&str]; 4] = [
        &TRAIN,
        &[
            "train",
            "model.toml",
            "--data",
            "data/bars",
            "--run-dir",
            "other",
            "--save-weights",
            "mine.npz",
        ],
        &[
            "train",
            "model.toml",
            "--data",
            "data/bars",
            "--run-dir",
            "other",
            "--log-steps",
            "mine.toml",
        ],
        &["new", "dnn", "mine.toml"],
    ];
    for args in attempts {
        let output = cnn(path, args);
        assert_eq!(code(&output), 5, "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("--force"), "{}", stderr(&output));
    }
    assert_eq!(fs::read(path.join("run/weights.npz")).unwrap(), before);
    assert_eq!(fs::read(path.join("mine.npz")).unwrap(), b"precious");
    assert_eq!(fs::read(path.join("mine.toml")).unwrap(), b"precious");
    assert!(!path.join("other").exists(), "refused before anything was written");
    good(path, &with(&["--force", "--seed", "9"]));
    assert_ne!(fs::read(path.join("run/weights.npz")).unwrap(), before);
    good(path, &["new", "dnn", "mine.toml", "--force"]);
}

#[test]
fn weights_can_be_taken_out_and_put_in() {
    let folder = folder();
    let path = folder.path();
    good(path, &with(&["--save-weights", "w.npz"]));
    assert!(path.join("w.npz").is_file());
    let steps = "steps.csv";
    let args = [
        "--initial-weights",
        "w.npz",
        "--no-shuffle",
        "--limit",
        "40",
        "--epochs",
        "1",
        "--log-steps",
        steps,
    ];
    good(path, &with(&[&args[..], &["--force"]].concat()));
    let csv = fs::read_to_string(path.join(steps)).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "epoch,step,loss,accuracy");
    assert_eq!(lines.len(), 1 + 3, "40 images are two batches of 16 and one of 8: {csv}");
    let losses: Vec<f64> =
        lines[1..].iter().map(|line| line.split(',').nth(2).unwrap().parse().unwrap()).collect();
    assert!(losses.iter().all(|loss| loss.is_finite() && *loss > 0.0), "{csv}");
}

#[test]
fn weights_of_another_model_are_refused() {
    let folder = folder();
    let path = folder.path();
    good(path, &with(&["--save-weights", "w.npz"]));
    fs::write(path.join("wider.toml"), tiny::MODEL.replace("filters = 4", "filters = 5")).unwrap();
    let args = [
        "train",
        "wider.toml",
        "--data",
        "data/bars",
        "--run-dir",
        "r2",
        "--initial-weights",
        "w.npz",
    ];
    let output = cnn(path, &args);
    assert_eq!(code(&output), 5, "{}", stderr(&output));
    assert!(stderr(&output).contains("conv2d/kernel"), "{}", stderr(&output));
    assert!(!path.join("r2").exists());
}

#[test]
fn a_trained_model_is_measured_and_asked() {
    let folder = folder();
    let path = folder.path();
    let end = events(path, &["--epochs", "10"]).pop().unwrap();
    let text = good(path, &["evaluate", "run", "--data", "data/bars"]);
    for part in
        ["precision", "recall", "f1-score", "support", "macro avg", "weighted avg", "accuracy"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json: Value = serde_json::from_str(&good(
        path,
        &["evaluate", "run", "--data", "data/bars", "--format", "json"],
    ))
    .unwrap();
    assert_eq!(json["accuracy"], end["test"]["accuracy"], "the model file holds what was trained");
    assert_eq!(json["loss"], end["test"]["loss"]);
    let (low, high) = (&json["accuracy_95"][0], &json["accuracy_95"][1]);
    let accuracy = json["accuracy"].as_f64().unwrap();
    assert!(low.as_f64().unwrap() < accuracy && accuracy <= high.as_f64().unwrap(), "{json}");
    let ece = json["ece"].as_f64().unwrap();
    assert!((0.0..1.0).contains(&ece), "{json}");
    assert!(text.contains(&format!("expected calibration error: {ece:.4}")), "{text}");

    image(&path.join("bar.png"));
    let text = good(path, &["predict", "run", "bar.png", "--top", "2"]);
    assert!(text.contains("bar.png") && text.contains('%'), "{text}");
    let json: Value =
        serde_json::from_str(&good(path, &["predict", "run", "bar.png", "--format", "json"]))
            .unwrap();
    let classes = json["images"][0]["classes"].as_array().unwrap();
    let sum: f64 = classes.iter().map(|class| class["probability"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{json}");
}

/// A 16×16 picture, grey, of the first training image: predict makes it small.
fn image(path: &Path) {
    let small = &tiny::pictures(1)[..tiny::SIDE * tiny::SIDE];
    let side = 2 * tiny::SIDE;
    let grey: Vec<u8> =
        (0..side * side).map(|i| small[i / side / 2 * tiny::SIDE + i % side / 2]).collect();
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), side as u32, side as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(&grey).unwrap();
}

#[test]
fn the_course_s_callback_stops_with_its_message() {
    let folder = folder();
    let path = folder.path();
    let callback = "\n[[callbacks]]\ntype = \"StopAt\"\nmonitor = \"accuracy\"\nthreshold = 0.1\nmessage = \"\\nReached 10% accuracy so cancelling training!\"\n";
    fs::write(path.join("model.toml"), format!("{}{callback}", tiny::MODEL)).unwrap();
    let output = cnn(path, &TRAIN);
    assert_eq!(code(&output), 0);
    let all = stdout(&output) + &stderr(&output);
    assert!(all.contains("\nReached 10% accuracy so cancelling training!\n"), "{all}");
    let events = events(path, &["--force"]);
    assert_eq!(events.iter().filter(|event| event["event"] == "epoch").count(), 1);
    assert_eq!(events.last().unwrap()["stopped_by"], "StopAt");
}

#[test]
fn a_loss_that_is_no_number_is_exit_code_7() {
    let folder = folder();
    let path = folder.path();
    let wild = tiny::MODEL.replace("learning_rate = 0.01", "learning_rate = 1e30")
        + "\n[[callbacks]]\ntype = \"TerminateOnNaN\"\n";
    fs::write(path.join("model.toml"), wild).unwrap();
    let output = cnn(path, &TRAIN);
    assert_eq!(code(&output), 7, "{}", stderr(&output));
}

#[test]
fn model_and_data_must_fit() {
    let folder = folder();
    let path = folder.path();
    for (old, new, says) in [
        ("input = [8, 8, 1]", "input = [9, 8, 1]", "8"),
        ("input = [8, 8, 1]", "input = [8, 8, 3]", "channel"),
        ("units = 3", "units = 2", "2"),
    ] {
        fs::write(path.join("model.toml"), tiny::MODEL.replace(old, new)).unwrap();
        let output = cnn(path, &TRAIN);
        assert_eq!(code(&output), 4, "{new}: {}", stderr(&output));
        assert!(stderr(&output).contains(says), "{new}: {}", stderr(&output));
        assert!(!path.join("run").exists(), "{new}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = folder();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_cnn"))
        .args(with(&["--format", "json"]))
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(folder.path().join("run/weights.npz").is_file(), "training went on");
}

//! `cnn schedule`: rates as training takes them, and the mistakes of a schedule.

use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use serde_json::Value;
use std::fs;
use std::path::Path;

const CONSTANT: &str = "learning_rate = 0.01";

/// The model with this learning rate.
fn model(folder: &Path, learning_rate: &str) {
    let text = tiny::MODEL.replace(CONSTANT, &format!("learning_rate = {learning_rate}"));
    fs::write(folder.join("model.toml"), text).unwrap();
}

#[test]
fn every_schedule_is_told_as_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    let mut all = transcript(path, &["schedule", "model.toml", "--data", "data/bars"]);
    for rate in [
        "{ type = \"OneCycle\", max_lr = 0.1 }",
        "{ type = \"CosineDecay\", initial_learning_rate = 0.0, warmup_target = 0.1, warmup_epochs = 1 }",
        "{ type = \"PiecewiseConstantDecay\", boundary_epochs = [1, 2], values = [0.1, 0.01, 0.001] }",
        "{ boundaries = [4], type = \"piecewise_constant_decay\", values = [0.1, 0.01] }",
    ] {
        model(path, rate);
        all += "\n";
        all +=
            &transcript(path, &["schedule", "model.toml", "--samples", "90", "--batch-size", "20"]);
    }
    snapshot("schedule", &all);
}

#[test]
fn the_picture_and_the_object_have_the_same_steps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    model(
        path,
        "{ type = \"ExponentialDecay\", initial_learning_rate = 0.5, decay_rate = 0.5, decay_epochs = 1 }",
    );
    let args = [
        "schedule",
        "model.toml",
        "--data",
        "data/bars",
        "--output",
        "rate.svg",
        "--format",
        "json",
    ];
    let output = cnn(path, &args);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let object: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(object["schedule"], "ExponentialDecay");
    // 96 images in batches of 16, three epochs: the first step of each has half the rate of the one before.
    let points = object["points"].as_array().unwrap();
    assert_eq!((points.len(), &object["steps_per_epoch"]), (18, &6.into()));
    let rates = [0, 6, 12].map(|step| points[step]["rate"].as_f64().unwrap());
    assert!(rates.iter().zip([0.5, 0.25, 0.125]).all(|(a, b)| (a - b).abs() < 1e-7), "{rates:?}");
    assert_eq!(object["files"].as_array().unwrap(), &[Value::from("rate.svg")]);
    let svg = fs::read_to_string(path.join("rate.svg")).unwrap();
    assert!(svg.contains("ExponentialDecay") && svg.contains("3 epochs of 6 steps"));
    assert!(transcript(path, &args).contains("exit code 5"));
}

#[test]
fn mistakes_point_at_the_schedule() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    let schedule = ["schedule", "model.toml", "--samples", "96"];
    let mut all = String::new();
    for rate in [
        "{ type = \"CosineDeacy\", initial_learning_rate = 0.1 }",
        "{ type = \"CosineDecay\", initial_learning_rate = 0.1, warmup_epochs = 1, alhpa = 0.1 }",
        "{ type = \"CosineDecay\", initial_learning_rate = 0.1, warmup_epochs = 1 }",
        "{ type = \"CosineDecay\" }",
        "{ initial_learning_rate = 0.1 }",
        "\"0.1\"",
        "[0.1, 0.2]",
        "{ type = \"OneCycle\", max_lr = \"high\", pct_start = 2 }",
        "{ type = \"ExponentialDecay\", initial_learning_rate = 0.1, decay_rate = 0.9 }",
    ] {
        model(path, rate);
        let text = transcript(path, &schedule);
        assert!(text.contains("exit code 4"), "{text}");
        all += &text;
        all += "\n";
    }
    all += &transcript(path, &["schedule", "cnn32"]);
    all += &transcript(path, &["schedule", "cnn32", "--samples", "0"]);
    snapshot("schedule-mistakes", &all);
}

#[test]
fn a_scheduled_rate_is_what_training_takes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    let hash = |rate: &str, run: &str| {
        model(path, rate);
        let output = cnn(
            path,
            &["train", "model.toml", "--data", "data/bars", "--run-dir", run, "--format", "json"],
        );
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let last: Value = serde_json::from_str(stdout(&output).lines().last().unwrap()).unwrap();
        last["weights_hash"].clone()
    };
    let constant = hash("0.01", "a");
    assert!(constant.is_string(), "{constant}");
    // A schedule that does not move is the number itself, to the bit.
    let same = "{ type = \"ExponentialDecay\", initial_learning_rate = 0.01, decay_rate = 1.0, decay_epochs = 1 }";
    assert_eq!(constant, hash(same, "b"));
    assert_ne!(constant, hash("{ type = \"OneCycle\", max_lr = 0.01 }", "c"));
    let written = fs::read_to_string(path.join("c/model.toml")).unwrap();
    assert!(written.contains("learning_rate = { type = \"OneCycle\", max_lr = 0.01"), "{written}");
}

//! Losses and metrics from end to end: two classes from one sigmoid unit, and every setting that does not work.

use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// `tiny`'s model with another head, loss and metrics.
fn model(units: usize, activation: &str, loss: &str, metrics: &str) -> String {
    tiny::MODEL
        .replace(
            "units = 3\nactivation = \"softmax\"",
            &format!("units = {units}\nactivation = {activation:?}"),
        )
        .replace("loss = \"sparse_categorical_crossentropy\"", &format!("loss = {loss}"))
        .replace("metrics = [\"accuracy\"]", &format!("metrics = {metrics}"))
}

/// The pictures of `tiny` that have a horizontal or a vertical bar, but not both.
fn two_classes(folder: &Path) {
    let data = folder.join("data/two");
    fs::create_dir_all(&data).unwrap();
    for (split, n) in [("train", 192), ("t10k", 90)] {
        let (labels, pixels) = (tiny::labels(n), tiny::pictures(n));
        let kept: Vec<usize> = (0..n).filter(|&i| labels[i] < 2).collect();
        let size = tiny::SIDE * tiny::SIDE;
        let pixels: Vec<u8> =
            kept.iter().flat_map(|&i| &pixels[i * size..(i + 1) * size]).copied().collect();
        let labels: Vec<u8> = kept.iter().map(|&i| labels[i]).collect();
        let file = |name: &str, bytes| fs::write(data.join(format!("{split}-{name}-ubyte")), bytes);
        file("images-idx3", tiny::idx(&[kept.len(), tiny::SIDE, tiny::SIDE], &pixels)).unwrap();
        file("labels-idx1", tiny::idx(&[kept.len()], &labels)).unwrap();
    }
}

fn good(folder: &Path, args: &[&str]) -> String {
    let output = cnn(folder, args);
    assert_eq!(code(&output), 0, "cnn {}\n{}{}", args.join(" "), stdout(&output), stderr(&output));
    stdout(&output)
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let text = good(folder, &[args, &["--format", "json"]].concat());
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// What stands before the confusion matrix, digits as #: the numbers may differ in their last places between processors.
fn masked(text: &str) -> String {
    let (head, matrix) = text.split_once("Confusion matrix").unwrap();
    assert!(matrix.contains("rows: true, columns: predicted"), "{matrix}");
    head.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect()
}

#[test]
fn two_classes_are_learned_from_one_sigmoid_unit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    two_classes(path);
    let losses = [
        "\"binary_crossentropy\"",
        "{ type = \"BinaryFocalCrossentropy\", gamma = 1.0 }",
        "\"mean_squared_error\"",
        "{ type = \"BinaryCrossentropy\", class_weight = \"balanced\", label_smoothing = 0.05 }",
    ];
    for (i, loss) in losses.iter().enumerate() {
        let text = model(1, "sigmoid", loss, "[\"accuracy\"]");
        fs::write(path.join("model.toml"), text).unwrap();
        let run = format!("run{i}");
        let train = ["train", "model.toml", "--data", "data/two", "--run-dir", &run];
        let end = json(path, &[&train[..], &["--epochs", "12"]].concat());
        let accuracy = end["test"]["accuracy"].as_f64().unwrap();
        assert!(accuracy > 0.9, "{loss}: {end}");
        let found = json(path, &["evaluate", &run]);
        assert_eq!(found["accuracy"], end["test"]["accuracy"], "{loss}");
        assert_eq!(found["loss"], end["test"]["loss"], "{loss}");
        assert_eq!(found["accuracy_95"], end["test"]["accuracy_95"], "{loss}");
        assert_eq!(found["confusion_matrix"].as_array().unwrap().len(), 2);
        if i == 0 {
            // Binary cross-entropy is the negative log likelihood.
            let (nll, loss) = (found["nll"].as_f64().unwrap(), found["loss"].as_f64().unwrap());
            assert!((nll - loss).abs() < 1e-5, "{found}");
            let answer = json(path, &["predict", &run, "0", "1"]);
            let classes = answer["images"][0]["classes"].as_array().unwrap();
            let sum: f64 = classes.iter().map(|c| c["probability"].as_f64().unwrap()).sum();
            assert!(classes.len() == 2 && (sum - 1.0).abs() < 1e-6, "{answer}");
            snapshot("evaluate-binary", &masked(&good(path, &["evaluate", &run])));
            assert_eq!(code(&cnn(path, &["report", &run])), 0);
            assert_eq!(code(&cnn(path, &["explain", &run, "0"])), 2);
        }
    }
    let many = cnn(path, &["train", "model.toml", "--data", "data/two", "--run-dir", "again"]);
    assert!(stdout(&many).contains("95 % interval"), "{}", stdout(&many));
}

#[test]
fn top_k_is_in_the_logs_and_can_be_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    let metrics = "[\"accuracy\", { type = \"TopKCategoricalAccuracy\", k = 2 }]";
    let follow = "\n[[callbacks]]\ntype = \"StopAt\"\nmonitor = \"val_top_k_categorical_accuracy\"\nthreshold = 0.0\n";
    let loss =
        "{ type = \"CategoricalCrossentropy\", label_smoothing = 0.1, class_weight = { 2 = 2.0 } }";
    fs::write(path.join("model.toml"), model(3, "softmax", loss, metrics) + follow).unwrap();
    let train = ["train", "model.toml", "--data", "data/bars", "--run-dir", "run"];
    let end = json(path, &[&train[..], &["--validation-split", "0.25"]].concat());
    assert_eq!((&end["epochs"], &end["stopped_by"]), (&1.into(), &"StopAt".into()));
    let interval = &end["validation"]["accuracy_95"];
    assert!(interval[0].as_f64() < interval[1].as_f64(), "{end}");
    let history = fs::read_to_string(path.join("run/history.json")).unwrap();
    let history: Value = serde_json::from_str(&history).unwrap();
    let last = |name: &str| history["history"][name][0].as_f64().unwrap();
    for prefix in ["", "val_"] {
        let top = last(&format!("{prefix}top_k_categorical_accuracy"));
        assert!(top >= last(&format!("{prefix}accuracy")) && top <= 1.0, "{history}");
    }
    let found = json(path, &["evaluate", "run"]);
    assert_eq!(end["top_k"], found["top_k"]);
    let again = good(path, &[&train[..], &["--force", "--validation-split", "0.25"]].concat());
    let top = &found["top_k"][0];
    let share = top["accuracy"].as_f64().unwrap();
    let line = format!("top_k_categorical_accuracy (k = 2): {share:.4}, 95 % interval ");
    assert!(again.contains(&line), "{line}\n{again}");
    assert_eq!((&top["name"], &top["k"]), (&"top_k_categorical_accuracy".into(), &2.into()));
    assert!(top["accuracy"].as_f64() >= found["accuracy"].as_f64(), "{found}");
    snapshot("evaluate-top-k", &masked(&good(path, &["evaluate", "run"])));
}

#[test]
fn every_setting_that_does_not_work_is_told() {
    let (scce, bce) = ("\"sparse_categorical_crossentropy\"", "\"binary_crossentropy\"");
    let plain = "[\"accuracy\"]";
    let with = |more: &str| format!("{{ type = \"CategoricalCrossentropy\", {more} }}");
    let cases: Vec<(&str, String)> = vec![
        ("smoothing", model(3, "softmax", &with("label_smoothing = 1.5"), plain)),
        ("negative-weight", model(3, "softmax", &with("class_weight = [1.0, -2.0, 1.0]"), plain)),
        ("missing-weight", model(3, "softmax", &with("class_weight = [1.0, 2.0]"), plain)),
        ("no-such-class", model(3, "softmax", &with("class_weight = { 7 = 2.0 }"), plain)),
        ("no-class", model(3, "softmax", &with("class_weight = { shirt = 2.0 }"), plain)),
        ("weight-word", model(3, "softmax", &with("class_weight = \"even\""), plain)),
        ("weights-zero", model(3, "softmax", &with("class_weight = [0, 0, 0]"), plain)),
        (
            "gamma",
            model(3, "softmax", "{ type = \"CategoricalFocalCrossentropy\", gamma = -1 }", plain),
        ),
        ("alpha", model(1, "sigmoid", "{ type = \"BinaryFocalCrossentropy\", alpha = 0 }", plain)),
        ("k-zero", model(3, "softmax", scce, "[{ type = \"TopKCategoricalAccuracy\", k = 0 }]")),
        ("k-large", model(3, "softmax", scce, "[\"accuracy\", \"top_k_categorical_accuracy\"]")),
        ("k-of-one", model(1, "sigmoid", bce, "[{ type = \"TopKCategoricalAccuracy\", k = 1 }]")),
        ("twice", model(3, "softmax", scce, "[\"accuracy\", \"accuracy\"]")),
        (
            "reserved",
            model(
                3,
                "softmax",
                scce,
                "[{ type = \"TopKCategoricalAccuracy\", k = 2, name = \"loss\" }]",
            ),
        ),
        ("sigmoid-categorical", model(3, "sigmoid", scce, plain)),
        ("softmax-binary", model(3, "softmax", bce, plain)),
        ("softmax-of-one", model(1, "softmax", "\"mean_squared_error\"", plain)),
        ("one-unit-categorical", model(1, "sigmoid", scce, plain)),
        ("binary-without-sigmoid", model(1, "relu", bce, plain)),
        (
            "sigmoid-twice",
            model(1, "sigmoid", "{ type = \"BinaryCrossentropy\", from_logits = true }", plain),
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut all = String::new();
    for (name, text) in cases {
        let file = format!("{name}.toml");
        fs::write(folder.path().join(&file), text).unwrap();
        let output = cnn(folder.path(), &["summary", &file]);
        let said = stderr(&output);
        assert_eq!((code(&output), said.matches("error[").count()), (4, 1), "{name}: {said}");
        all.push_str(&said);
        all.push('\n');
    }
    // One unit is about two classes.
    tiny::write(folder.path());
    fs::write(folder.path().join("one.toml"), model(1, "sigmoid", bce, plain)).unwrap();
    all.push_str(&transcript(folder.path(), &["train", "one.toml", "--data", "data/bars"]));
    snapshot("loss-mistakes", &all);
}

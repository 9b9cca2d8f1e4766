//! `--weights`: a model.toml with the weights of an .npz in place of a run folder.

use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A folder with the data set, the model and two runs of it: `one` and `two`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    for (run, seed) in [("one", "1"), ("two", "2")] {
        let args = ["train", "model.toml", "--data", "data/bars", "--run-dir", run, "--seed", seed];
        assert_eq!(code(&cnn(folder.path(), &args)), 0);
    }
    folder
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let output = cnn(folder, &[args, &["--format", "json"]].concat());
    assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn a_model_with_weights_answers_as_its_run() {
    let folder = folder();
    let path = folder.path();
    let with = ["model.toml", "--weights", "one/weights.npz", "--data", "data/bars"];
    let by_run = json(path, &["evaluate", "one"]);
    assert_eq!(json(path, &[&["evaluate"], &with[..]].concat()), by_run);
    let by_run = json(path, &["predict", "one", "0", "5"]);
    assert_eq!(json(path, &[&["predict"], &with[..], &["0", "5"]].concat()), by_run);
    assert_eq!(by_run["images"][0]["classes"][0]["name"], by_run["images"][0]["label"].to_string());
}

#[test]
fn weights_take_the_place_of_the_run_s() {
    let folder = folder();
    let path = folder.path();
    let other = json(path, &["evaluate", "two"]);
    assert_ne!(json(path, &["evaluate", "one"])["loss"], other["loss"]);
    for run in ["one", "one/model.cnn"] {
        let args = ["evaluate", run, "--weights", "two/weights.npz", "--data", "data/bars"];
        assert_eq!(json(path, &args), other);
    }
}

#[test]
fn classes_without_names_have_numbers() {
    let folder = folder();
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 8, 8);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&tiny::pictures(1)).unwrap();
    fs::write(folder.path().join("bar.png"), png).unwrap();
    let args = ["predict", "model.toml", "--weights", "one/weights.npz", "bar.png", "--top", "1"];
    let answer = json(folder.path(), &args);
    let name = answer["images"][0]["classes"][0]["name"].as_str().unwrap();
    assert!(name.starts_with("class "), "{answer}");
}

#[test]
fn what_is_missing_is_said() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("text.npz"), "this is text").unwrap();
    let wider = tiny::MODEL.replace("filters = 4", "filters = 5");
    fs::write(path.join("wider.toml"), wider).unwrap();
    let row = "input = [4]\n[[layers]]\ntype = \"Dense\"\nunits = 3\nactivation = \"softmax\"\n";
    fs::write(path.join("row.toml"), row).unwrap();
    let row = fs::File::create(path.join("row.npz")).unwrap();
    let (kernel, bias) = ([0.5; 12], [0.0; 3]);
    let arrays: [(&str, &[usize], &[f32]); 2] =
        [("dense/kernel", &[4, 3], &kernel), ("dense/bias", &[3], &bias)];
    cnn_data::npz::write(row, &arrays).unwrap();
    let kernel: Vec<u8> = fs::read(path.join("one/weights.npz")).unwrap();
    fs::write(path.join("cut.npz"), &kernel[..kernel.len() / 2]).unwrap();
    let cases: [&[&str]; 11] = [
        &["predict", "model.toml", "0"],
        &["evaluate", "cnn32"],
        &["evaluate", "missing.toml"],
        &["evaluate", "missing.toml", "--weights", "one/weights.npz"],
        &["evaluate", "cnn23", "--weights", "one/weights.npz"],
        &["evaluate", "model.toml", "--weights", "missing.npz"],
        &["evaluate", "model.toml", "--weights", "text.npz"],
        &["evaluate", "wider.toml", "--weights", "one/weights.npz"],
        &["evaluate", "model.toml", "--weights", "one/weights.npz"],
        &["evaluate", "one", "--weights", "cut.npz"],
        &["predict", "row.toml", "--weights", "row.npz", "0", "--data", "data/bars"],
    ];
    let all: Vec<String> = cases.iter().map(|args| transcript(path, args)).collect();
    snapshot("weights-mistakes", &all.join("\n"));
}

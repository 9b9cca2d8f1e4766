//! `cnn lr-find`: a curve, a suggestion and a picture, and nothing else.

use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use serde_json::Value;
use std::fs;

const FIND: [&str; 4] = ["lr-find", "model.toml", "--data", "data/bars"];

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    folder
}

#[test]
fn it_suggests_a_rate_and_writes_the_picture_alone() {
    let folder = folder();
    let path = folder.path();
    let output = cnn(path, &FIND);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    for part in [
        "bars on bars, Adam, 16 images a step, seed 1",
        "rate       loss   smoothed",
        "steepest descent: ",
        "lowest loss: ",
        "suggestion: learning_rate = ",
        "(the model has 0.01)",
        "bars-lr-find.svg\nbars-lr-find.png\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let mut left: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left, ["bars-lr-find.png", "bars-lr-find.svg", "data", "model.toml"]);
    let svg = fs::read_to_string(path.join("bars-lr-find.svg")).unwrap();
    for part in ["the model has 0.01", "steepest ", "lowest / 10: ", "smoothed", "0.001"] {
        assert!(svg.contains(part), "{part}");
    }
    snapshot("lr-find-again", &transcript(path, &FIND));
}

#[test]
fn the_curve_depends_on_the_seed_alone() {
    let folder = folder();
    let path = folder.path();
    let curve = |more: &[&str]| -> Value {
        let args = [&FIND[..], &["--format", "json", "--force"], more].concat();
        let output = cnn(path, &args);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        serde_json::from_str(&stdout(&output)).unwrap()
    };
    let one = curve(&["--threads", "1"]);
    assert_eq!(one, curve(&["--threads", "3"]));
    assert_ne!(one["points"], curve(&["--seed", "2"])["points"]);
    let keys = ["schema", "configured", "suggestion", "steepest", "lowest", "blew_up", "points"];
    assert!(keys.iter().all(|key| !one[key].is_null()), "{one}");
    let suggestion = one["suggestion"].as_f64().unwrap();
    assert!((1e-4..0.1).contains(&suggestion), "{suggestion}");

    let short = curve(&["--from", "1e-4", "--to", "1e-2", "--steps", "12", "--limit", "32"]);
    let points = short["points"].as_array().unwrap();
    assert_eq!(points.len(), 12);
    assert_eq!((&points[0]["rate"], short["files"].as_array().unwrap().len()), (&1e-4.into(), 2));
    let last = points[11]["rate"].as_f64().unwrap();
    assert!((last - 1e-2).abs() < 1e-9, "{last}");

    // A suggestion trains: the same model with that rate learns what it learns with its own.
    let model =
        tiny::MODEL.replace("learning_rate = 0.01", &format!("learning_rate = {suggestion}"));
    fs::write(path.join("model.toml"), model).unwrap();
    let train = ["train", "model.toml", "--data", "data/bars", "--epochs", "20", "--run-dir", "r"];
    let output = cnn(path, &[&train[..], &["--format", "json"]].concat());
    let end: Value = serde_json::from_str(stdout(&output).lines().last().unwrap()).unwrap();
    assert!(end["test"]["accuracy"].as_f64().unwrap() > 0.9, "{end}");
}

#[test]
fn mistakes_are_told_one_by_one() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("other.toml"), tiny::MODEL.replace("units = 3", "units = 4")).unwrap();
    let cases: [&[&str]; 12] = [
        &["--from", "10", "--to", "1"],
        &["--from", "1", "--to", "1"],
        &["--from", "0"],
        &["--from", "-1"],
        &["--to", "nan"],
        &["--to", "inf"],
        &["--steps", "0"],
        &["--steps", "9"],
        &["--steps", "1000000000"],
        &["--smoothing", "1"],
        &["--batch-size", "0"],
        &["--limit", "0"],
    ];
    let mut all: Vec<String> =
        cases.iter().map(|more| transcript(path, &[&FIND[..], more].concat())).collect();
    assert!(all.iter().all(|text| text.contains("exit code 2")), "{all:?}");
    all.push(transcript(path, &["lr-find", "nowhere.toml", "--data", "data/bars"]));
    all.push(transcript(path, &["lr-find", "model.toml", "--data", "nowhere"]));
    all.push(transcript(path, &["lr-find", "other.toml", "--data", "data/bars"]));
    snapshot("lr-find-mistakes", &all.join("\n"));
    assert!(!path.join("bars-lr-find.svg").exists());
}

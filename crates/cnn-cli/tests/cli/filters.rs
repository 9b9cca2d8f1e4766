//! `cnn filters`: statistics of kernels, dead channels, and mistakes.

use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// The tiny model with weights that are easy to check: filter 0 passes the image, filter 1 blocks it, 2 and 3 are zero.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    let mut kernel = [0.0f32; 9 * 4];
    (kernel[4 * 4], kernel[4 * 4 + 1]) = (1.0, -3.0);
    let dense: Vec<f32> = (0..36 * 3).map(|i| (i % 7) as f32 / 10.0 - 0.3).collect();
    let arrays: [(&str, &[usize], &[f32]); 4] = [
        ("conv2d/kernel", &[3, 3, 1, 4], &kernel),
        ("conv2d/bias", &[4], &[0.0; 4]),
        ("dense/kernel", &[36, 3], &dense),
        ("dense/bias", &[3], &[0.0; 3]),
    ];
    cnn_data::npz::write(fs::File::create(path.join("w.npz")).unwrap(), &arrays).unwrap();
    folder
}

const FILTERS: [&str; 4] = ["filters", "model.toml", "--weights", "w.npz"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    FILTERS.iter().copied().chain(more.iter().copied()).collect()
}

fn answer(folder: &Path, more: &[&str]) -> Value {
    let output = cnn(folder, &with(&[more, &["--format", "json"]].concat()));
    assert_eq!(code(&output), 0, "{more:?}: {}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn a_table_and_the_picture() {
    let folder = folder();
    let path = folder.path();
    snapshot("filters", &transcript(path, &with(&["--data", "data/bars"])));
    let svg = fs::read_to_string(path.join("bars-filters.svg")).unwrap();
    for text in
        ["Kernels of bars", "3 × 3 × 1 × 4: mean −0.0556", "3 dead", "Orange: dead", ">−3<", ">3<"]
    {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    assert!(path.join("bars-filters.png").is_file());
    snapshot("filters-again", &transcript(path, &with(&["--data", "data/bars"])));
    snapshot("filters-no-data", &transcript(path, &with(&["--no-data", "--force"])));
}

#[test]
fn the_numbers_are_those_of_the_kernel() {
    let folder = folder();
    let object = answer(folder.path(), &["--data", "data/bars", "--images", "10"]);
    assert_eq!(
        (&object["schema"], &object["images"], &object["files"]),
        (&json!(1), &json!(10), &json!([]))
    );
    let conv = &object["layers"][0];
    assert_eq!((&conv["layer"], &conv["shape"]), (&json!("conv2d"), &json!([3, 3, 1, 4])));
    assert_eq!(
        (&conv["min"], &conv["max"], &conv["near_zero"]),
        (&json!(-3.0), &json!(1.0), &json!(34.0 / 36.0))
    );
    assert_eq!(conv["channels"]["dead"], json!([1, 2, 3]));
    assert_eq!(conv["channels"]["dead_share"], json!(0.75));
    // Filter 0 is the image without its border.
    let pixels = tiny::pictures(10);
    let inner = |at: &usize| (1..7).contains(&(at % 64 / 8)) && (1..7).contains(&(at % 8));
    let inner: Vec<f64> =
        (0..pixels.len()).filter(inner).map(|at| f64::from(pixels[at]) / 255.0).collect();
    let mean = inner.iter().sum::<f64>() / inner.len() as f64;
    assert!((conv["channels"]["mean"][0].as_f64().unwrap() - mean).abs() < 1e-6, "{conv}");
    let alone = answer(folder.path(), &["--no-data"]);
    assert_eq!((&alone["data"], &alone["layers"][0]["channels"]), (&Value::Null, &Value::Null));
    assert_eq!(alone["layers"][1]["deviation"], object["layers"][1]["deviation"]);
}

#[test]
fn what_is_left_out_is_said_in_the_picture() {
    let folder = folder();
    let path = folder.path();
    let draw = |more: &[&str], file: &str| {
        let output = cnn(path, &with(&[&["--no-data", "--output", file], more].concat()));
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        fs::read_to_string(path.join(file)).unwrap()
    };
    let svg = draw(&["--most", "2"], "two.svg");
    assert!(svg.contains("the first 2 of 4 filters"), "{svg}");
    let svg = draw(&["--layers", "dense", "--most", "2"], "dense.svg");
    assert!(
        svg.contains("the first 2 of 3 filters") && svg.contains("the first 2 of 4 input channels"),
        "{svg}"
    );
    assert!(!svg.contains("conv2d"), "only what was asked for");
}

#[test]
fn mistakes_are_told_one_by_one() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("wide.toml"), tiny::MODEL.replace("[8, 8, 1]", "[9, 8, 1]")).unwrap();
    let wide = ["wide.toml", "--weights", "w.npz", "--data", "data/bars"];
    let cases: [Vec<&str>; 10] = [
        vec!["filters", "model.toml"],
        [&["filters"], &wide[..]].concat(),
        [&["predict"], &wide[..], &["0"]].concat(),
        with(&[]),
        with(&["--no-data", "--layers", "max_pooling2d"]),
        with(&["--no-data", "--layers", "dense_2"]),
        with(&["--data", "data/none"]),
        with(&["--data", "data/bars", "--no-data"]),
        with(&["--no-data", "--most", "0"]),
        with(&["--data", "data/bars", "--images", "0"]),
    ];
    let all: Vec<String> = cases.iter().map(|args| transcript(path, args)).collect();
    snapshot("filters-mistakes", &all.join("\n"));
    assert_eq!(fs::read_dir(path).unwrap().count(), 4, "nothing was written");
}

//! `cnn doctor` on runs that were made sick on purpose, on runs that are not whole, and on healthy ones.

use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    folder
}

/// Trains the model with these changes into `run`; its exit code.
fn train(folder: &Path, changes: &[(&str, &str)], more: &[&str]) -> i32 {
    let model = changes.iter().fold(tiny::MODEL.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    });
    fs::write(folder.join("model.toml"), model).unwrap();
    let args = ["train", "model.toml", "--run-dir", "run", "--force", "--verbose", "0"];
    let data: &[&str] = if more.contains(&"--data") { &[] } else { &["--data", "data/bars"] };
    code(&cnn(folder, &[&args[..], data, more].concat()))
}

fn examined(folder: &Path, more: &[&str]) -> Value {
    let args = [&["doctor", "run", "--format", "json"][..], more].concat();
    let output = cnn(folder, &args);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

fn codes(diagnosis: &Value) -> Vec<&str> {
    let findings = diagnosis["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn a_healthy_run_has_no_finding_and_says_what_was_looked_at() {
    let folder = folder();
    let path = folder.path();
    assert_eq!(train(path, &[("epochs = 3", "epochs = 40")], &["--validation-split", "0.2"]), 0);
    let diagnosis = examined(path, &["--strict"]);
    assert!(codes(&diagnosis).is_empty(), "{diagnosis:#}");
    assert_eq!((&diagnosis["schema"], &diagnosis["healthy"]), (&1.into(), &true.into()));
    let checks = diagnosis["checks"].as_array().unwrap();
    assert!(checks.len() >= 11, "{diagnosis:#}");
    assert!(checks.iter().all(|check| check["outcome"] == "ok"), "{diagnosis:#}");
    let text = stdout(&cnn(path, &["doctor", "run"]));
    for part in [
        "run: bars on bars, 40 of 40 epochs; 76 training images looked at",
        "Nothing found that keeps it from learning.",
        "ok       labels                    76 training images of 3 classes",
        "ok       learning rate ",
        "95 % interval",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(diagnosis, examined(path, &["--threads", "3"]));
    let more: Vec<_> = fs::read_dir(path.join("run")).unwrap().collect();
    assert_eq!(more.len(), 9, "the doctor writes nothing: {more:?}");
}

#[test]
fn rates_far_off_are_found_and_the_cure_works() {
    let folder = folder();
    let path = folder.path();
    let rate = |to| [("learning_rate = 0.01", to), ("epochs = 3", "epochs = 10")];
    assert_eq!(train(path, &rate("learning_rate = 1e-9"), &[]), 0);
    let low = examined(path, &[]);
    assert_eq!(codes(&low)[..2], ["rate-too-low", "stuck-at-chance"], "{low:#}");
    assert_eq!(low["findings"][1]["explained_by"], serde_json::json!(["rate-too-low"]));
    let text = stdout(&cnn(path, &["doctor", "run"]));
    assert!(text.contains("1  rate-too-low (critical)\n   seen  learning_rate = 1e-9: "), "{text}");
    assert!(text.contains("2  stuck-at-chance (critical), explained by rate-too-low\n"), "{text}");
    assert!(text.contains("ln 3 = 1.0986"), "{text}");
    let output = cnn(path, &["doctor", "run", "--strict"]);
    assert_eq!(code(&output), 8);
    assert!(stderr(&output).contains("the first is rate-too-low"), "{}", stderr(&output));

    let cure = low["findings"][0]["cure"].as_str().unwrap();
    let cure = cure.split(';').next().unwrap();
    assert_eq!(train(path, &rate(cure), &[]), 0);
    assert!(!codes(&examined(path, &[])).contains(&"rate-too-low"), "{cure}");

    assert_eq!(train(path, &rate("learning_rate = 1e3"), &[]), 0);
    let high = examined(path, &[]);
    assert_eq!(codes(&high)[0], "rate-too-high", "{high:#}");
}

#[test]
fn a_diverged_run_and_one_that_was_killed_can_be_examined() {
    let folder = folder();
    let path = folder.path();
    let wild = [("type = \"Adam\", learning_rate = 0.01", "type = \"SGD\", learning_rate = 1e30")];
    assert_eq!(train(path, &wild, &[]), 7);
    assert!(!path.join("run/model.cnn").exists());
    let diagnosis = examined(path, &[]);
    let found = codes(&diagnosis);
    assert_eq!((found[0], found.contains(&"diverged")), ("rate-too-high", true), "{diagnosis:#}");
    let text = stdout(&cnn(path, &["doctor", "run"]));
    assert!(text.contains("1 of 3 epochs, no weights; "), "{text}");

    fs::remove_file(path.join("run/history.json")).unwrap();
    let killed = examined(path, &[]);
    assert_eq!(codes(&killed)[0], "rate-too-high", "{killed:#}");
    let text = stdout(&cnn(path, &["doctor", "run"]));
    assert!(text.contains("no history, no weights; "), "{text}");
    assert!(text.contains("skipped  better than guessing"), "{text}");
    // A model.cnn by itself has no history, and does not say which data it saw.
    assert_eq!(train(path, &[("epochs = 3", "epochs = 12")], &[]), 0);
    fs::copy(path.join("run/model.cnn"), path.join("alone.cnn")).unwrap();
    let output = cnn(path, &["doctor", "alone.cnn", "--data", "data/bars", "--strict"]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn weights_that_training_began_with_are_found_again() {
    let folder = folder();
    let path = folder.path();
    assert_eq!(train(path, &[], &["--save-weights", "w.npz"]), 0);
    let saved = cnn_train::RunDir::open(&path.join("run")).unwrap();
    let mut weights = saved.weights.clone();
    // The convolution's bias follows its kernel of 36 numbers.
    weights[36..40].fill(-100.0);
    cnn_train::write_npz(&path.join("dead.npz"), &saved.model, &weights, true).unwrap();
    assert_eq!(train(path, &[], &["--initial-weights", "dead.npz"]), 0);
    let diagnosis = examined(path, &[]);
    assert_eq!(codes(&diagnosis)[0], "born-dead", "{diagnosis:#}");
    assert_eq!(diagnosis["findings"][0]["place"], serde_json::json!({ "layer": "conv2d" }));

    fs::rename(path.join("dead.npz"), path.join("moved.npz")).unwrap();
    let output = cnn(path, &["doctor", "run"]);
    assert!(stderr(&output).contains("dead.npz, which is not there"), "{}", stderr(&output));
    let named = examined(path, &["--initial-weights", "moved.npz"]);
    assert_eq!(codes(&named)[0], "born-dead");
}

/// A data set as an npz: pixels and labels as floats.
fn npz(path: &Path, n: usize, pixel: impl Fn(u8) -> f32, label: impl Fn(usize) -> f32) {
    let pixels: Vec<f32> = tiny::pictures(n).into_iter().map(pixel).collect();
    let labels: Vec<f32> = (0..n).map(label).collect();
    let (images, list) = ([n, tiny::SIDE, tiny::SIDE], [n]);
    let arrays: [(&str, &[usize], &[f32]); 4] = [
        ("x_train", &images, &pixels),
        ("y_train", &list, &labels),
        ("x_test", &images, &pixels),
        ("y_test", &list, &labels),
    ];
    let mut bytes = std::io::Cursor::new(Vec::new());
    cnn_data::npz::write(&mut bytes, &arrays).unwrap();
    fs::write(path, bytes.into_inner()).unwrap();
}

fn class(i: usize) -> f32 {
    f32::from(tiny::labels(i + 1)[i])
}

#[test]
fn data_that_cannot_be_learned_from() {
    let folder = folder();
    let path = folder.path();
    // Shuffled: a multiplicative hash of the position decides.
    npz(&path.join("shuffled.npz"), 800, f32::from, |i| ((i * 2_654_435_761) >> 9) as f32 % 3.0);
    assert_eq!(train(path, &[], &["--data", "shuffled.npz"]), 0);
    let diagnosis = examined(path, &[]);
    assert_eq!(codes(&diagnosis)[0], "labels-unrelated", "{diagnosis:#}");

    npz(&path.join("large.npz"), 400, |byte| (f32::from(byte) - 255.0) * 4.0, class);
    assert_eq!(train(path, &[], &["--data", "large.npz"]), 0);
    let diagnosis = examined(path, &[]);
    assert_eq!(codes(&diagnosis)[0], "input-not-normalised", "{diagnosis:#}");

    // Other data than the run's: a label that the model has no output for.
    npz(&path.join("beyond.npz"), 200, f32::from, |i| if i == 7 { 255.0 } else { class(i) });
    let diagnosis = examined(path, &["--data", "beyond.npz"]);
    assert_eq!(codes(&diagnosis)[0], "label-out-of-range", "{diagnosis:#}");
    let other = cnn(path, &["doctor", "run", "--data", "data/bars"]);
    assert!(stderr(&other).contains("not the data set that this run was trained on"));
}

#[test]
fn a_limited_run_is_examined_on_the_images_that_it_had() {
    let folder = folder();
    let path = folder.path();
    let more = ["--limit", "60", "--validation-split", "0.25", "--epochs", "12"];
    assert_eq!(train(path, &[], &more), 0);
    let labels = |diagnosis: &Value| diagnosis["checks"][0]["seen"].as_str().unwrap().to_owned();
    assert!(labels(&examined(path, &[])).starts_with("45 training images"));
    // Runs of before say it in their history.
    let info = fs::read_to_string(path.join("run/run.json")).unwrap();
    assert!(info.contains("\"limit\": 60"), "{info}");
    fs::write(path.join("run/run.json"), info.replace("\"limit\": 60,", "")).unwrap();
    assert!(labels(&examined(path, &[])).starts_with("45 training images"));
}

#[test]
fn mistakes_are_told_one_by_one() {
    let folder = folder();
    let path = folder.path();
    assert_eq!(train(path, &[], &[]), 0);
    fs::create_dir(path.join("empty")).unwrap();
    fs::create_dir_all(path.join("cut")).unwrap();
    for file in ["run.json", "config.toml", "model.cnn"] {
        fs::copy(path.join("run").join(file), path.join("cut").join(file)).unwrap();
    }
    fs::write(path.join("cut/config.toml"), "input = [8, 8").unwrap();
    let wide: Vec<u8> = vec![0; 12 * 8 * 9];
    fs::create_dir_all(path.join("data/wide")).unwrap();
    for split in ["train", "t10k"] {
        let file = |name: &str| path.join("data/wide").join(format!("{split}-{name}"));
        fs::write(file("images-idx3-ubyte"), tiny::idx(&[12, 8, 9], &wide)).unwrap();
        fs::write(file("labels-idx1-ubyte"), tiny::idx(&[12], &tiny::labels(12))).unwrap();
    }
    fs::write(path.join("text.npz"), "this is text").unwrap();
    let cases: [&[&str]; 10] = [
        &["doctor", "nowhere"],
        &["doctor", "empty"],
        &["doctor", "model.toml"],
        &["doctor", "cut"],
        &["doctor", "run", "--data", "nowhere"],
        &["doctor", "run", "--data", "data/wide"],
        &["doctor", "run", "--images", "0"],
        &["doctor", "run", "--images", "-5"],
        &["doctor", "run", "--initial-weights", "text.npz"],
        &["doctor", "run/model.cnn"],
    ];
    let mut all: Vec<String> = cases.iter().map(|args| transcript(path, args)).collect();
    fs::remove_dir_all(path.join("data/bars")).unwrap();
    let gone = transcript(path, &["doctor", "run"]);
    all.push(gone.replace(path.to_str().unwrap(), "/FOLDER"));
    snapshot("doctor-mistakes", &all.join("\n"));
}

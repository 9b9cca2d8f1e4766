//! What `cnn train` and `cnn evaluate` say of training images that are measured, of penalties and of mixed batches.

use crate::support::{cnn, code, stderr, stdout};
use crate::tiny;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn folder(fit: &str, dense: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    let model = tiny::MODEL
        .replace("[fit]\n", &format!("[fit]\n{fit}\n"))
        .replace("units = 3\n", &format!("units = 3\n{dense}\n"));
    fs::write(folder.path().join("model.toml"), model).unwrap();
    folder
}

fn good(folder: &Path, args: &[&str]) -> String {
    let output = cnn(folder, args);
    assert_eq!(code(&output), 0, "cnn {}\n{}{}", args.join(" "), stdout(&output), stderr(&output));
    stdout(&output)
}

fn train(folder: &Path, more: &[&str]) -> String {
    let args = ["train", "model.toml", "--data", "data/bars", "--run-dir", "run"];
    good(folder, &[&args[..], more].concat())
}

fn history(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("run/history.json")).unwrap()).unwrap()
}

#[test]
fn eval_train_measures_the_training_images_as_the_others() {
    let folder = folder("mixup = 0.2\nvalidation_split = 0.25", "kernel_regularizer = \"l2\"");
    let text = train(folder.path(), &["--eval-train"]);
    let history = history(folder.path());
    let metrics = ["accuracy", "loss", "train_accuracy", "train_loss", "val_accuracy", "val_loss"];
    assert_eq!(history["metrics"], serde_json::json!(metrics));
    let number = |value: &Value| value.as_f64().unwrap();
    let (loss, accuracy) =
        (number(&history["train"]["loss"]), number(&history["train"]["accuracy"]));
    assert_eq!(history["history"]["train_loss"][2], history["train"]["loss"]);
    let end = |i: usize| number(&history["train"]["accuracy_95"][i]);
    let interval = format!("95 % interval {:.4} to {:.4}", end(0), end(1));
    let line = format!(
        "Training images, measured the same way: loss: {loss:.4} - accuracy: {accuracy:.4} ({interval})\n  \
         each loss has {:.4} of penalties in it\n",
        number(&history["penalty"])
    );
    assert!(text.contains(&line), "{line}\n{text}");
    let share = number(&history["history"]["val_accuracy"][2]);
    let loss_then = number(&history["history"]["val_loss"][2]);
    let line = format!(
        "Validation images, last epoch: loss: {loss_then:.4} - accuracy: {share:.4} (95 % interval "
    );
    assert!(text.contains(&line), "{line}\n{text}");

    // The same numbers come from the run folder, for the images that training learned from.
    let args = ["evaluate", "run", "--split", "train", "--limit", "72", "--format", "json"];
    let again: Value = serde_json::from_str(&good(folder.path(), &args)).unwrap();
    assert!((number(&again["loss"]) - loss).abs() < 1e-12);
    assert!((number(&again["accuracy"]) - accuracy).abs() < 1e-12);
    assert_eq!(again["penalty"], history["penalty"]);
    let parts = number(&again["data_loss"]) + number(&again["penalty"]);
    assert!((parts - number(&again["loss"])).abs() < 1e-12);
    let shown = good(folder.path(), &["evaluate", "run"]);
    assert!(shown.contains("the penalty of the regularised weights, "), "{shown}");

    let svg = fs::read_to_string(folder.path().join("run/curves.svg")).unwrap();
    assert!(svg.contains("both measured after each epoch"));
    assert!(svg.contains(" (95 % interval "), "{svg}");
    let steps = ["--force", "--eval-train", "--log-steps", "steps.csv", "--format", "json"];
    let lines = train(folder.path(), &steps);
    let end: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&end["train"], &end["penalty"]), (&history["train"], &history["penalty"]));
    let csv = fs::read_to_string(folder.path().join("steps.csv")).unwrap();
    assert!(csv.starts_with("epoch,step,loss,accuracy\n"), "{csv}");
}

#[test]
fn without_it_nothing_is_measured() {
    let folder = folder("", "");
    let text = train(folder.path(), &[]);
    assert!(!text.contains("Training images") && !text.contains("penalties"), "{text}");
    let history = history(folder.path());
    assert_eq!((&history["train"], history["penalty"].as_f64()), (&Value::Null, Some(0.0)));
    let svg = fs::read_to_string(folder.path().join("run/curves.svg")).unwrap();
    assert!(svg.contains("running means over the epoch"));
    assert!(!good(folder.path(), &["evaluate", "run"]).contains("penalty"));
}

#[test]
fn mixed_training_gives_the_same_bits_and_the_run_folder_says_how() {
    for (line, threads) in [("mixup = 0.4", ["1", "3"]), ("cutmix = 1.0", ["2", "5"])] {
        let hashes = threads.map(|threads| {
            let folder = folder(line, "");
            let lines = train(folder.path(), &["--threads", threads, "--format", "json"]);
            let config = fs::read_to_string(folder.path().join("run/config.toml")).unwrap();
            assert!(config.contains(line), "{config}");
            let end: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
            end["weights_hash"].as_str().unwrap().to_owned()
        });
        assert_eq!(hashes[0], hashes[1], "{line}");
    }
}

#[test]
fn both_ways_of_mixing_at_once_is_an_error_with_a_fix() {
    let folder = folder("mixup = 0.2\ncutmix = 1.0", "");
    let output = cnn(folder.path(), &["train", "model.toml", "--data", "data/bars"]);
    assert_eq!(code(&output), 4);
    let text = stderr(&output);
    for part in ["M067", "mixup and cutmix cannot both act", "help: keep one of them"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

/// The test record of `cnn train` is for afterwards: in the run folder's history, not in the lines of the epochs.
#[test]
fn eval_test_keeps_a_record_that_changes_nothing() {
    let folder = folder("", "");
    let events = |more: &[&str]| -> Vec<Value> {
        let text = train(folder.path(), &[&["--format", "json", "--force"], more].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let recorded = events(&["--eval-test"]);
    let history = history(folder.path());
    let last = history["history"]["test_accuracy"].as_array().unwrap().last().unwrap();
    assert_eq!(*last, history["test"]["accuracy"]);
    assert!(
        recorded[..recorded.len() - 1].iter().all(|event| !event.to_string().contains("test_"))
    );
    let csv = fs::read_to_string(folder.path().join("run/history.csv")).unwrap();
    assert!(csv.contains("test_accuracy,test_loss"), "{csv}");
    let bare = events(&[]);
    let hash = |events: &[Value]| events.last().unwrap()["weights_hash"].clone();
    assert_eq!(hash(&bare), hash(&recorded));
}

/// An experiment draws training as measured where every row measures it, and marks where that passes the threshold.
#[test]
fn an_experiment_draws_what_was_measured() {
    let folder = folder("", "");
    let sweep = "name = \"s\"\nmodel = \"model.toml\"\ndata = \"data/bars\"\nseeds = 1\n\
                 threshold = { monitor = \"train_accuracy\", at_least = 0.3 }\n\
                 [grid]\n\"fit.mixup\" = [0.0, 0.4]\n\"fit.validation_split\" = [0.25]\n\"fit.eval_train\" = [true]\n\"fit.eval_test\" = [true]\n";
    fs::write(folder.path().join("sweep.toml"), sweep).unwrap();
    let text = good(folder.path(), &["experiment", "sweep.toml", "--output", "out"]);
    assert!(text.contains("Train, final: accuracy on the training images"), "{text}");
    let svg = fs::read_to_string(folder.path().join("out/curves.svg")).unwrap();
    assert!(svg.contains("All are measured after each epoch"));
    assert!(svg.contains(": training ≥ 0.3,") && svg.contains("test accuracy"), "{svg}");
    // What the test images say in that epoch: in the table, its sentences, the CSV and the JSON.
    let results = fs::read(folder.path().join("out/results.json")).unwrap();
    let results: Value = serde_json::from_slice(&results).unwrap();
    let row = &results["rows"][0];
    let run = &row["runs"][0];
    let epoch = run["epochs_to_threshold"].as_u64().unwrap() as usize;
    let kept = folder.path().join("out").join(run["folder"].as_str().unwrap()).join("history.json");
    let history: Value = serde_json::from_slice(&fs::read(kept).unwrap()).unwrap();
    assert_eq!(run["test_then"], history["history"]["test_accuracy"][epoch - 1]);
    assert_eq!(run["validation_then"], history["history"]["val_accuracy"][epoch - 1]);
    let said = format!(
        "then validation accuracy {:.4}, test accuracy {:.4}; at the end of training ",
        run["validation_then"].as_f64().unwrap(),
        run["test_then"].as_f64().unwrap()
    );
    assert!(text.contains("test then") && text.contains(&said), "{said}\n{text}");
    assert_eq!(row["test_then"]["mean"], run["test_then"]);
    let csv = fs::read_to_string(folder.path().join("out/runs.csv")).unwrap();
    assert!(csv.starts_with("row,seed,") && csv.contains(",validation_then,test_then,"), "{csv}");
    let running = sweep.replace("[true]", "[false]").replace("train_accuracy", "accuracy");
    fs::write(folder.path().join("sweep.toml"), running).unwrap();
    good(folder.path(), &["experiment", "sweep.toml", "--output", "other"]);
    let svg = fs::read_to_string(folder.path().join("other/curves.svg")).unwrap();
    assert!(svg.contains("Training values are running means over the epoch"));
}

//! `cnn verify`: a run that repeats, and every way in which one does not.

use crate::support::{cnn, code, stderr, stdout};
use crate::tiny;
use cnn_train::ModelFile;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Augmentation, dropout, batch normalisation, a schedule by callbacks, and weights that are put back at the end.
const MODEL: &str = r#"name = "bars"
input = [8, 8, 1]
[[layers]]
type = "RandomTranslation"
height_factor = 0.1
width_factor = 0.1
[[layers]]
type = "Conv2D"
filters = 4
kernel_size = 3
kernel_regularizer = { l2 = 1e-3 }
[[layers]]
type = "BatchNormalization"
[[layers]]
type = "Activation"
activation = "relu"
[[layers]]
type = "Flatten"
[[layers]]
type = "Dropout"
rate = 0.3
[[layers]]
type = "Dense"
units = 3
activation = "softmax"
[fit]
epochs = 12
batch_size = 8
validation_split = 0.25
eval_train = true
seed = 5
[[callbacks]]
type = "EarlyStopping"
patience = 2
restore_best_weights = true
[[callbacks]]
type = "ReduceLROnPlateau"
patience = 1
factor = 0.5
[[callbacks]]
type = "ModelCheckpoint"
filepath = "best.cnn"
save_best_only = true
[[callbacks]]
type = "CSVLogger"
filename = "log.csv"
"#;

/// A folder with data, this model, and a run of it in `run`.
fn trained(model: &str, more: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    fs::write(folder.path().join("model.toml"), model).unwrap();
    let args = ["train", "model.toml", "--data", "data/bars", "--run-dir", "run", "--threads", "2"];
    let output = cnn(folder.path(), &[&args[..], more].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    folder
}

fn verify(folder: &Path, more: &[&str]) -> Output {
    cnn(folder, &[&["verify", "run", "--verbose", "0"], more].concat())
}

/// Stdout of a verification that found everything equal.
fn repeats(folder: &Path, more: &[&str]) -> String {
    let output = verify(folder, more);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert!(!stdout(&output).contains("DIFFERS"), "{}", stdout(&output));
    stdout(&output)
}

/// Both streams of one that found a difference.
fn differs(folder: &Path, more: &[&str]) -> (String, String) {
    let output = verify(folder, more);
    assert_eq!(code(&output), 8, "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("error[V001]"), "{}", stderr(&output));
    assert!(stdout(&output).ends_with("It does not repeat.\n"), "{}", stdout(&output));
    (stdout(&output), stderr(&output))
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Changes a JSON file of the run.
fn change(folder: &Path, name: &str, how: impl FnOnce(&mut Value)) {
    let path = folder.join("run").join(name);
    let mut value = json_of(&path);
    how(&mut value);
    fs::write(path, serde_json::to_vec(&value).unwrap()).unwrap();
}

/// As a run of a version that took no sums of its files.
fn forget_sums(folder: &Path) {
    change(folder, "run.json", |info| {
        info.as_object_mut().unwrap().remove("files").unwrap();
    });
}

#[test]
fn a_run_repeats_with_any_threads_and_instruction_set() {
    let folder = trained(MODEL, &["--limit", "80"]);
    let before: Vec<_> = fs::read_dir(folder.path().join("run")).unwrap().flatten().collect();
    let text = repeats(folder.path(), &[]);
    for check in ["model.cnn", "history.json", "weights of weights.npz", "test loss", "penalty"] {
        assert!(text.contains(&format!("same          {check}\n")), "{check}: {text}");
    }
    // The best epoch's weights were put back, so its numbers are the final ones.
    assert!(text.contains("validation loss, as of epoch"), "{text}");
    assert!(text.contains("training images loss"), "{text}");
    let text = repeats(folder.path(), &["--retrain", "--threads", "3"]);
    assert!(text.contains("val_loss") && text.contains("same          weights\n"), "{text}");
    assert!(text.ends_with("It repeats, to the last bit.\n"), "{text}");
    for isa in ["scalar", "avx2"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
        command.args(["verify", "run", "--retrain"]).current_dir(folder.path()).env("CNN_ISA", isa);
        let output = command.output().unwrap();
        if code(&output) == 2 && isa == "avx2" {
            eprintln!("SKIPPED: this processor has no AVX2");
            continue;
        }
        assert_eq!(code(&output), 0, "{isa}: {}{}", stdout(&output), stderr(&output));
        assert!(stderr(&output).contains("Epoch 1"), "progress on stderr: {}", stderr(&output));
    }
    let after = fs::read_dir(folder.path().join("run")).unwrap().count();
    assert_eq!(after, before.len(), "nothing is written into the run folder");
}

#[test]
fn a_run_in_portable_mode_says_so_and_repeats() {
    let folder = trained(MODEL, &["--deterministic", "portable", "--eval-test"]);
    let info = json_of(&folder.path().join("run/run.json"));
    assert_eq!(info["deterministic"], "portable");
    assert!(info["platform"].as_str().unwrap().contains('-'));
    let text = repeats(folder.path(), &["--retrain"]);
    assert!(text.contains("--deterministic portable") && text.contains("test_loss"), "{text}");
    let output = verify(folder.path(), &["--retrain", "--format", "json"]);
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in ["repeats", "complete", "retrained"] {
        assert_eq!(object[key], true, "{object}");
    }
    assert_eq!(object["deterministic"], "portable");
    let test = json!({"what": "test loss", "outcome": "same"});
    assert!(object["checks"].as_array().unwrap().contains(&test), "{object}");
    // Its numbers are looked at in its own mode, unless another is asked for.
    for more in [&[][..], &["--deterministic", "fastest"]] {
        let args = [&["evaluate", "run", "--format", "json"], more].concat();
        assert_eq!(code(&cnn(folder.path(), &args)), 0);
        let args = [&["predict", "run", "0"], more].concat();
        assert_eq!(code(&cnn(folder.path(), &args)), 0);
    }
}

#[test]
fn a_run_that_was_killed_and_resumed_repeats() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    let long =
        MODEL.replace("epochs = 12", "epochs = 60").replace("patience = 2\n", "patience = 70\n");
    fs::write(folder.path().join("model.toml"), long).unwrap();
    let train = ["train", "model.toml", "--data", "data/bars", "--run-dir", "run"];
    let args = [&train[..], &["--checkpoint-every", "5", "--deterministic", "portable"]].concat();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
    command.args(&args).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let begun = || folder.path().join("run/config.toml").is_file();
    while !begun() {
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(Duration::from_millis(60));
    let _ = child.kill();
    child.wait().unwrap();
    let finished = json_of(&folder.path().join("run/run.json"))["finished"] == true;
    if !finished {
        let output = cnn(folder.path(), &["verify", "run"]);
        assert_eq!(code(&output), 5, "{}", stderr(&output));
        assert!(stderr(&output).contains("was interrupted"), "{}", stderr(&output));
        let other = ["train", "--resume", "run", "--deterministic", "fastest"];
        let output = cnn(folder.path(), &other);
        assert_eq!(code(&output), 5, "{}", stderr(&output));
        assert!(stderr(&output).contains("--deterministic portable"), "{}", stderr(&output));
    }
    let output = cnn(folder.path(), &["train", "--resume", "run"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = repeats(folder.path(), &["--retrain"]);
    assert!(text.contains("epochs 1 to 60"), "{text}");
}

#[test]
fn a_changed_history_is_found_with_epoch_and_both_numbers() {
    let folder = trained(MODEL, &[]);
    let path = folder.path().join("run/history.json");
    let was = json_of(&path)["history"]["val_loss"][1].as_f64().unwrap();
    // By the last bit.
    let now = f64::from_bits(was.to_bits() + 1);
    change(folder.path(), "history.json", |history| history["history"]["val_loss"][1] = json!(now));
    let (text, error) = differs(folder.path(), &[]);
    assert!(text.contains("DIFFERS       history.json"), "{text}");
    assert!(error.contains("a file of the run was changed"), "{error}");
    forget_sums(folder.path());
    let text = repeats(folder.path(), &[]);
    assert!(text.contains("not compared  files") && text.contains("as far as"), "{text}");
    let (text, error) = differs(folder.path(), &["--retrain"]);
    assert!(text.contains("DIFFERS       epoch 2, val_loss\n"), "{text}");
    assert!(!text.contains("epoch 3"), "it ends at the first difference: {text}");
    let both = format!("epoch 2, val_loss: recorded {now}, now {was}\n");
    assert!(error.contains(&both), "{both}: {error}");
    let text = repeats(folder.path(), &["--retrain", "--epochs", "1"]);
    assert!(text.contains("epoch 1: ") && text.contains("only 1 of"), "{text}");
    // The test is measured without training.
    change(folder.path(), "history.json", |history| history["test"]["accuracy"] = json!(0.999));
    let (_, error) = differs(folder.path(), &[]);
    assert!(error.contains("test accuracy: recorded 0.999, now "), "{error}");
}

#[test]
fn a_changed_weight_is_found() {
    let folder = trained(MODEL, &[]);
    let file = folder.path().join("run/model.cnn");
    let whole = fs::read(&file).unwrap();
    let mut model = ModelFile::load(&file).unwrap();
    model.tensors[0].values[0] += 0.5;
    model.save(&file, true).unwrap();
    let (text, _) = differs(folder.path(), &[]);
    for check in ["model.cnn", "weights of model.cnn", "test loss"] {
        assert!(text.contains(&format!("DIFFERS       {check}\n")), "{check}: {text}");
    }
    assert!(text.contains("same          weights of weights.npz"), "{text}");
    // A damaged file is named with what its reader says.
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(&file, damaged).unwrap();
    let (text, error) = differs(folder.path(), &[]);
    assert!(text.contains("DIFFERS       model.cnn") && error.contains("damaged"), "{error}");
    fs::write(&file, whole).unwrap();
    fs::remove_file(folder.path().join("run/weights.npz")).unwrap();
    let (_, error) = differs(folder.path(), &[]);
    assert!(
        error.contains("weights.npz: recorded ") && error.contains(", now the file is gone\n"),
        "{error}"
    );
}

#[test]
fn the_data_must_be_there_and_the_same() {
    let folder = trained(MODEL, &[]);
    let data = folder.path().join("data/bars");
    fs::rename(&data, folder.path().join("elsewhere")).unwrap();
    let output = verify(folder.path(), &[]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stderr(&output).contains("--data names the place"), "{}", stderr(&output));
    repeats(folder.path(), &["--data", "elsewhere", "--retrain"]);
    let labels = folder.path().join("elsewhere/train-labels-idx1-ubyte");
    let mut bytes = fs::read(&labels).unwrap();
    bytes[20] = (bytes[20] + 1) % 3;
    fs::write(&labels, bytes).unwrap();
    let output = verify(folder.path(), &["--data", "elsewhere"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stderr(&output).contains("error[V002]"), "{}", stderr(&output));
    assert_eq!(code(&cnn(folder.path(), &["verify", "nothing"])), 5);
    assert_eq!(code(&cnn(folder.path(), &["verify", "elsewhere"])), 5);
}

#[test]
fn a_run_that_the_clock_ended_is_compared_as_far_as_can_be() {
    let budget = "[[callbacks]]\ntype = \"TimeBudget\"\nseconds = 0.001\n";
    let folder = trained(&format!("{MODEL}{budget}"), &[]);
    let text = repeats(folder.path(), &["--retrain"]);
    assert!(text.contains("`TimeBudget` ended the run in epoch"), "{text}");
    // One that had time enough is whole.
    let folder = trained(&format!("{MODEL}{}", budget.replace("0.001", "3600.0")), &[]);
    let text = repeats(folder.path(), &["--retrain"]);
    assert!(text.ends_with("It repeats, to the last bit.\n"), "{text}");
}

#[test]
fn initial_weights_of_a_file_must_be_the_same() {
    let folder = trained(tiny::MODEL, &[]);
    let first = folder.path().join("run/weights.npz");
    fs::copy(&first, folder.path().join("first.npz")).unwrap();
    let args = ["train", "model.toml", "--data", "data/bars", "--initial-weights", "first.npz"];
    let output = cnn(folder.path(), &[&args[..], &["--run-dir", "run", "--force"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    repeats(folder.path(), &["--retrain"]);
    fs::copy(&first, folder.path().join("first.npz")).unwrap();
    let (text, _) = differs(folder.path(), &["--retrain"]);
    assert!(text.contains("DIFFERS       initial weights\n"), "{text}");
}

#[test]
fn a_file_of_the_run_is_not_the_run() {
    let folder = trained(tiny::MODEL, &[]);
    fs::create_dir(folder.path().join("empty")).unwrap();
    for (run, exit, part) in [
        ("run/model.cnn", 2, "help: give the run folder: cnn verify run\n"),
        ("model.toml", 2, "help: give the run folder that `cnn train` wrote\n"),
        ("empty", 5, "error[T020]: empty: not a run folder"),
    ] {
        let output = cnn(folder.path(), &["verify", run]);
        let text = stderr(&output);
        assert_eq!(code(&output), exit, "{text}");
        assert!(text.contains(part) && !text.contains("Not a directory"), "{text}");
    }
}

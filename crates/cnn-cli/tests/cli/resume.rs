//! `cnn train --resume`: killed at any moment, interrupted or damaged, a run ends as if nothing had happened.

#[cfg(unix)]
use crate::support::send;
use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Batch normalisation, dropout, augmentation, mixup, a running mean, and callbacks that remember.
const MODEL: &str = r#"name = "bars"
input = [8, 8, 1]
[[layers]]
type = "RandomTranslation"
height_factor = 0.1
width_factor = 0.1
[[layers]]
type = "Conv2D"
filters = 8
kernel_size = 3
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
[compile]
optimizer = { type = "Adam", use_ema = true, ema_momentum = 0.9 }
[fit]
epochs = 40
batch_size = 4
validation_split = 0.25
mixup = 0.2
seed = 5
[[callbacks]]
type = "EarlyStopping"
patience = 30
restore_best_weights = true
[[callbacks]]
type = "ReduceLROnPlateau"
patience = 2
factor = 0.5
[[callbacks]]
type = "ModelCheckpoint"
filepath = "best.cnn"
save_best_only = true
[[callbacks]]
type = "CSVLogger"
filename = "log.csv"
[[callbacks]]
type = "TensorBoard"
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    fs::write(folder.path().join("model.toml"), MODEL).unwrap();
    folder
}

fn args<'a>(run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let train = ["train", "model.toml", "--data", "data/bars", "--run-dir", run, "--threads", "1"];
    [&train[..], more].concat()
}

/// All of a finished run that has to be equal: weights, best model, history without its times, the logger's file.
fn outcome(run: &Path) -> (String, Vec<u8>, Value, String) {
    let json = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(run.join(name)).unwrap()).unwrap()
    };
    let mut history = json("history.json");
    for times in ["seconds", "images_per_second"] {
        history.as_object_mut().unwrap().remove(times);
    }
    let info = json("run.json");
    assert_eq!(info["finished"], true);
    let hash = info["weights_hash"].as_str().unwrap().to_owned();
    let log = fs::read_to_string(run.join("log.csv")).unwrap();
    (hash, fs::read(run.join("best.cnn")).unwrap(), history, log)
}

/// A run that nothing interrupts.
fn whole(folder: &Path) -> (String, Vec<u8>, Value, String) {
    let output = cnn(folder, &args("whole", &[]));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    outcome(&folder.join("whole"))
}

fn start(folder: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
    command.args(args).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Names of a run's checkpoints.
fn checkpoints(run: &Path) -> Vec<String> {
    let names = fs::read_dir(run).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.ends_with(".cnnckpt"));
    names.sort();
    names
}

#[test]
fn killed_at_any_moment_and_resumed_it_ends_with_the_same_bits() {
    let folder = folder();
    let whole = whole(folder.path());
    // One command, called until it is done. Where it is killed depends on the machine; what comes out does not.
    let again = args("run", &["--resume", "--checkpoint-every", "3"]);
    for kill in 0..12u64 {
        let mut child = start(folder.path(), &again);
        std::thread::sleep(Duration::from_millis(20 + 41 * kill % 230));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let output = cnn(folder.path(), &again);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(outcome(&folder.path().join("run")), whole);
    assert!(checkpoints(&folder.path().join("run")).is_empty(), "a finished run needs none");

    // Finished: says so, and changes nothing.
    let before = fs::read(folder.path().join("run/run.json")).unwrap();
    let output = cnn(folder.path(), &["train", "--resume", "run"]);
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).contains("run is finished: there is nothing to resume"));
    assert_eq!(fs::read(folder.path().join("run/run.json")).unwrap(), before);
}

/// Starts a run and interrupts it with this signal once it has a checkpoint after its beginning.
#[cfg(unix)]
fn signalled(folder: &Path, run: &str, signal: &str) -> (i32, String) {
    let child = start(folder, &args(run, &["--epochs", "100000", "--checkpoint-every", "3"]));
    while checkpoints(&folder.join(run)).len() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    send(&child, signal);
    let output = child.wait_with_output().unwrap();
    (code(&output), stderr(&output))
}

#[cfg(unix)]
#[test]
fn a_signal_ends_training_after_the_step_and_says_how_to_go_on() {
    let folder = folder();
    let model = fs::read_to_string(folder.path().join("model.toml")).unwrap();
    fs::write(folder.path().join("model.toml"), model.replace("patience = 30", "patience = 99999"))
        .unwrap();
    for (signal, exit, name) in [("-INT", 130, "SIGINT"), ("-TERM", 143, "SIGTERM")] {
        let (code, text) = signalled(folder.path(), name, signal);
        assert_eq!(code, exit, "{text}");
        assert!(text.contains(&format!("note: {name} after step ")), "{text}");
        assert!(text.contains(&format!("go on: cnn train --resume {name}\n")), "{text}");
        let run = folder.path().join(name);
        assert!(!run.join("model.cnn").exists() && !checkpoints(&run).is_empty());
        // Its configuration is its own.
        let other = cnn(folder.path(), &["train", "--resume", name, "--epochs", "7"]);
        let text = stderr(&other);
        assert!(
            text.contains("the configuration is not the one") && text.contains("now epochs = 7"),
            "{text}"
        );
        assert!(!text.contains("goes on"), "it does not: {text}");
    }
}

#[test]
fn a_damaged_checkpoint_is_passed_over_and_said() {
    let folder = folder();
    let whole = whole(folder.path());
    let run = folder.path().join("run");
    let mut child = start(folder.path(), &args("run", &["--checkpoint-every", "5"]));
    while checkpoints(&run).len() < 2 {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let newest = run.join(checkpoints(&run).pop().unwrap());
    let mut bytes = fs::read(&newest).unwrap();
    bytes[200] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let output = cnn(folder.path(), &["train", "--resume", "run"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("note: passed over: "), "{}", stderr(&output));
    assert!(stderr(&output).contains("the content was changed after it was written"));
    assert_eq!(outcome(&run), whole);
}

#[test]
fn a_finished_run_refuses_what_it_was_not_trained_with() {
    let folder = folder();
    let path = folder.path();
    let run = path.join("run");
    let begin = args("run", &["--resume", "--epochs", "2", "--limit", "90"]);
    assert_eq!(code(&cnn(path, &begin)), 0);
    let kept = fs::read(run.join("run.json")).unwrap();
    fs::write(path.join("wide.toml"), MODEL.replace("filters = 8", "filters = 9")).unwrap();
    let copied = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"];
    fs::create_dir(path.join("data/other")).unwrap();
    for (to, from) in copied
        .iter()
        .chain(&["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
        .zip(copied.iter().chain(&copied))
    {
        fs::copy(path.join("data/bars").join(from), path.join("data/other").join(to)).unwrap();
    }
    let other = |at: usize, with: &'static str| {
        let mut args = begin.clone();
        args[at] = with;
        args
    };
    let resume = ["train", "--resume", "run"];
    for (args, parts) in [
        (args("run", &["--resume"]), &["it had epochs = 2", "now epochs = 40"][..]),
        ([&resume[..], &["--epochs", "5"]].concat(), &["it had epochs = 2", "now epochs = 5"]),
        ([&resume[..], &["--seed", "6"]].concat(), &["it had seed = 5", "now seed = 6"]),
        (other(1, "wide.toml"), &["it had filters = 8", "now filters = 9"]),
        (other(3, "data/other"), &["the run began with other data: bars ", "now other "]),
        (other(12, "80"), &["other data: bars ", ", 90 images, now bars ", ", 80 images"]),
        ([&resume[..], &["--deterministic", "portable"]].concat(), &["the other mode"]),
    ] {
        let output = cnn(path, &args);
        let text = stderr(&output);
        assert_eq!(code(&output), 5, "{args:?}: {}{text}", stdout(&output));
        assert!(text.starts_with("error[T028]"), "{args:?}: {text}");
        assert!(parts.iter().all(|part| text.contains(part)), "{args:?}: {text}");
        assert!(stdout(&output).is_empty(), "{args:?}");
    }
    for args in [&begin[..], &resume, &["train", "--resume", "run", "--threads", "2"]] {
        let output = cnn(path, args);
        assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
        assert!(stdout(&output).contains("run is finished: there is nothing to resume"));
    }
    assert_eq!(fs::read(run.join("run.json")).unwrap(), kept);
}

#[test]
fn a_run_that_was_interrupted_is_one_and_says_how_to_go_on() {
    let folder = folder();
    let path = folder.path();
    let run = path.join("run");
    fs::write(path.join("model.toml"), MODEL.replace("patience = 30", "patience = 99999")).unwrap();
    let ask = |killed: bool| {
        for command in [
            &["evaluate", "run"][..],
            &["report", "run"],
            &["verify", "run"],
            &["filters", "run", "--output", "f"],
            &["predict", "run", "0"],
        ] {
            let output = cnn(path, command);
            let text = stderr(&output);
            assert_eq!(code(&output), 5, "{command:?}: {text}");
            assert!(text.starts_with("error[T020]: run: "), "{command:?}: {text}");
            assert!(!text.contains("not a run folder"), "{command:?}: {text}");
            assert_eq!(text.contains("interrupted"), killed, "{command:?}: {text}");
            let goes_on = text.contains("help: go on: cnn train --resume run\n");
            assert_eq!(goes_on, killed, "{command:?}: {text}");
        }
    };
    let mut child = start(path, &args("run", &["--epochs", "100000", "--checkpoint-every", "3"]));
    while checkpoints(&run).len() < 2 {
        std::thread::sleep(Duration::from_millis(2));
    }
    if cfg!(unix) {
        ask(false);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    ask(true);
    // This one looks at what there is.
    assert_eq!(code(&cnn(path, &["doctor", "run"])), 0);
}

#[test]
fn mistakes_are_told_and_two_processes_do_not_share_a_folder() {
    let folder = folder();
    let mut text = transcript(folder.path(), &["train", "--resume", "nowhere"]);
    text += &transcript(folder.path(), &["train", "--resume"]);
    text += &transcript(folder.path(), &["train"]);
    text += &transcript(
        folder.path(),
        &["train", "model.toml", "--data", "data/bars", "--checkpoint-every", "often"],
    );
    fs::create_dir(folder.path().join("run")).unwrap();
    fs::write(folder.path().join("run/run.json"), r#"{"schema": 1, "program": "0.1.0", "finished": false,
        "seed": 1, "threads": 1, "isa": "", "command": [], "data": "bars", "data_fingerprint": "", "weights_hash": null}"#).unwrap();
    text += &transcript(folder.path(), &["train", "--resume", "run"]);
    if cfg!(unix) {
        let lock = fs::File::open(folder.path().join("run")).unwrap();
        lock.try_lock().unwrap();
        text += &transcript(folder.path(), &["train", "--resume", "run"]);
        text += &transcript(folder.path(), &args("run", &["--force"]));
    }
    snapshot("resume-mistakes", &text);
}

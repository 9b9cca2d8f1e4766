//! Files as past versions wrote them (`data/fixtures`, with the rule in its README) mean today what they meant then, and files
//! of later versions are refused.

use crate::support::{clean, code, stderr, stdout};
use cnn_train::{Checkpoints, RunDir, read_npz, weights_from, weights_hash};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A copy of one version's folder, and what its files meant.
struct Fixture {
    folder: tempfile::TempDir,
    expected: Value,
}

impl Fixture {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// The program, with the kernels that the fixtures were made with.
    fn cnn(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
        command.args(args);
        clean(&mut command, self.folder.path()).env("CNN_ISA", "scalar").output().unwrap()
    }

    fn good(&self, args: &[&str]) -> String {
        let output = self.cnn(args);
        assert_eq!(code(&output), 0, "cnn {}\n{}", args.join(" "), stderr(&output));
        stdout(&output)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Every version there is, copied.
fn fixtures() -> Vec<Fixture> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/fixtures");
    let entries = fs::read_dir(all).unwrap().map(|entry| entry.unwrap().path());
    let mut versions: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    versions.sort();
    assert!(!versions.is_empty());
    let fixture = |version: PathBuf| {
        let folder = tempfile::tempdir().unwrap();
        copy(&version, folder.path());
        let expected = fs::read(version.join("expected.json")).unwrap();
        Fixture { folder, expected: serde_json::from_slice(&expected).unwrap() }
    };
    versions.into_iter().map(fixture).collect()
}

#[test]
fn a_finished_run_means_what_it_meant() {
    for fixture in fixtures() {
        let expected = &fixture.expected;
        let run = fixture.path("finished");
        let saved = RunDir::open(&run).unwrap();
        assert_eq!(weights_hash(&saved.model, &saved.weights), expected["weights_hash"]);
        let fit = &saved.config.fit;
        assert_eq!((fit.epochs, fit.batch_size, fit.seed), (40, 8, 7));
        assert!((fit.validation_split - 0.25).abs() < 1e-9 && saved.classes == ["0", "1", "2"]);
        let tensors = read_npz(&run.join("weights.npz")).unwrap();
        assert_eq!(weights_from(&saved.model, &tensors).unwrap(), saved.weights);
        let info = RunDir::info(&run).unwrap();
        assert_eq!((info.seed, &info.program[..]), (7, expected["program"].as_str().unwrap()));
        let history = RunDir::history(&run).unwrap();
        let loss = history.history.iter().find(|(name, _)| *name == "loss").unwrap();
        assert_eq!(serde_json::to_value(loss.1).unwrap(), expected["loss"]);

        let measured =
            fixture.good(&["evaluate", "finished", "--data", "bars", "--format", "json"]);
        let measured: Value = serde_json::from_str(&measured).unwrap();
        for number in ["loss", "accuracy"] {
            assert_eq!(measured[number], expected["test"][number], "{number}");
        }
        let predict = ["predict", "finished", "0", "1", "2", "--data", "bars", "--format", "json"];
        let predicted: Value = serde_json::from_str(&fixture.good(&predict)).unwrap();
        let classes = predicted["images"].as_array().unwrap().iter().map(|image| &image["classes"]);
        assert!(classes.eq(expected["predictions"].as_array().unwrap()), "{predicted}");
    }
}

#[test]
fn an_unfinished_run_goes_on_to_the_weights_that_it_would_have_had() {
    for fixture in fixtures() {
        let (newest, notes) = Checkpoints::new(&fixture.path("unfinished")).latest().unwrap();
        let names = fixture.expected["checkpoints"].as_array().unwrap();
        let newest = newest.unwrap();
        let (steps, (epoch, step)) = (newest.steps_taken(), newest.position());
        assert_eq!(names.last().unwrap(), &format!("step-{steps:012}.cnnckpt"));
        // 36 images in batches of 8.
        assert!(notes.is_empty() && epoch as u64 * 5 + step as u64 == steps, "{epoch} {step}");
        fixture.good(&["train", "--resume", "unfinished", "--threads", "1"]);
        assert_eq!(
            fixture.json("unfinished/run.json")["weights_hash"],
            fixture.expected["weights_hash"]
        );
        assert_eq!(
            fixture.json("unfinished/history.json")["history"]["loss"],
            fixture.expected["loss"]
        );
        let log = |run: &str| fs::read_to_string(fixture.path(run).join("log.csv")).unwrap();
        assert_eq!(log("unfinished"), log("finished"));
    }
}

#[test]
fn a_half_done_experiment_is_completed_and_repeats_no_finished_run() {
    for fixture in fixtures() {
        let done = fixture.expected["finished_in_experiment"].as_array().unwrap();
        let record =
            |run: &str| fs::read(fixture.path(&format!("experiment/{run}/run.json"))).unwrap();
        let before: Vec<Vec<u8>> = done.iter().map(|run| record(run.as_str().unwrap())).collect();
        fixture.good(&["experiment", "sweep.toml", "--threads", "1", "--output", "experiment"]);
        let after: Vec<Vec<u8>> = done.iter().map(|run| record(run.as_str().unwrap())).collect();
        assert!(!before.is_empty() && before == after, "a finished run was made again");
        let runs = fixture.expected["experiment"].as_object().unwrap();
        assert_eq!(runs.len(), 4);
        for (run, hash) in runs {
            let info = fixture.json(&format!("experiment/{run}/run.json"));
            assert_eq!(&info["weights_hash"], hash, "{run}");
        }
    }
}

/// Makes a file one of a later version: byte 8 is the version of model files and checkpoints, `schema` that of JSON.
fn later(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "json") {
        let mut value: Value = serde_json::from_slice(&bytes).unwrap();
        value["schema"] = 65_535.into();
        // A later version may well have its fields in another way.
        value["seed"] = "seven".into();
        bytes = serde_json::to_vec(&value).unwrap();
    } else {
        bytes[8..10].fill(0xff);
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn files_of_later_versions_are_refused() {
    let layout = "version 65535 of the format; this program reads version 1";
    let schema = "schema 65535 is newer than this program's 1";
    let evaluate: &[&str] = &["evaluate", "finished", "--data", "bars"];
    let resume: &[&str] = &["train", "--resume", "unfinished"];
    let again: &[&str] = &["experiment", "sweep.toml", "--output", "experiment"];
    for (file, says, args) in [
        ("finished/model.cnn", layout, evaluate),
        ("finished/history.json", schema, &["report", "finished"]),
        ("unfinished/run.json", schema, resume),
        ("experiment/RUN/experiment.json", schema, again),
    ] {
        let fixture = fixtures().remove(0);
        let run = fixture.expected["finished_in_experiment"][0].as_str().unwrap();
        let path = fixture.path(&file.replace("RUN", run));
        later(&path);
        let changed = fs::read(&path).unwrap();
        let output = fixture.cnn(args);
        let text = stderr(&output);
        assert_eq!(code(&output), 5, "{file}: {text}");
        assert!(
            text.contains(says) && text.contains("help: update this program"),
            "{file}: {text}"
        );
        assert_eq!(fs::read(&path).unwrap(), changed, "{file} is as it was");
    }
}

#[test]
fn a_checkpoint_of_a_later_version_is_passed_over_and_said() {
    let fixture = fixtures().remove(0);
    let names = fixture.expected["checkpoints"].as_array().unwrap();
    later(&fixture.path("unfinished").join(names.last().unwrap().as_str().unwrap()));
    let output = fixture.cnn(&["train", "--resume", "unfinished", "--threads", "1"]);
    let text = stderr(&output);
    assert_eq!(code(&output), 0, "{text}");
    assert!(text.contains("note: passed over: ") && text.contains("version 65535"), "{text}");
    let info = fixture.json("unfinished/run.json");
    assert_eq!(info["weights_hash"], fixture.expected["weights_hash"]);
}

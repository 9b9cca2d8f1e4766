//! `cnn experiment`: sweeps that are wrong, sweeps that are right, and experiments that are killed.

#[cfg(unix)]
use crate::support::send;
use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use crate::tiny;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Two grids and a list of rows: 2 × 2 + 2 = 6 rows' worth of everything a sweep can do.
const SWEEP: &str = r#"name = "bars"
model = "model.toml"
data = "data/bars"
seeds = [1, 2]
threshold = { monitor = "accuracy", at_least = 0.8 }

[grid]
"fit.batch_size" = [8, 16]

[[variants]]
name = "plain"

[[variants]]
name = "dropout"
set = { "insert.after.flatten" = { type = "Dropout", rate = 0.25 }, "layers.Conv2D.filters" = 6 }

[[variants]]
name = "two convolutions"
set = { "repeat.conv2d" = 2, "fit.validation_split" = 0.25 }
"#;

/// The same with one value in the grid: three rows.
fn three_rows() -> String {
    SWEEP.replace("[8, 16]", "[16]")
}

fn folder(sweep: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    fs::write(folder.path().join("sweep.toml"), sweep).unwrap();
    folder
}

fn good(folder: &Path, args: &[&str]) -> String {
    let output = cnn(folder, args);
    assert_eq!(code(&output), 0, "cnn {}\n{}{}", args.join(" "), stdout(&output), stderr(&output));
    stdout(&output)
}

/// results.json without what a clock says.
fn results(folder: &Path, output: &str) -> Value {
    fn timeless(value: &mut Value) {
        match value {
            Value::Object(map) => {
                for key in ["seconds", "images_per_second", "threads", "side_by_side"] {
                    map.remove(key);
                }
                map.values_mut().for_each(timeless);
            }
            Value::Array(items) => items.iter_mut().for_each(timeless),
            _ => {}
        }
    }
    let text = fs::read_to_string(folder.join(output).join("results.json")).unwrap();
    let mut value = serde_json::from_str(&text).unwrap();
    timeless(&mut value);
    value
}

/// The records of the runs that are finished: folder and bytes.
fn records(experiment: &Path) -> BTreeMap<String, Vec<u8>> {
    let runs = fs::read_dir(experiment).into_iter().flatten().flatten();
    let record = |run: fs::DirEntry| {
        let bytes = fs::read(run.path().join("experiment.json")).ok()?;
        Some((run.file_name().to_string_lossy().into_owned(), bytes))
    };
    runs.filter_map(record).collect()
}

#[test]
fn a_sweep_becomes_runs_a_table_and_pictures() {
    let folder = folder(SWEEP);
    let path = folder.path();
    let dry = good(path, &["experiment", "sweep.toml", "--dry-run"]);
    snapshot("experiment-dry-run", &dry);
    assert!(!path.join("runs").exists(), "a dry run writes nothing");
    let output = cnn(path, &["experiment", "sweep.toml"]);
    let (text, told) = (stdout(&output), stderr(&output));
    let line = told.lines().find(|line| line.starts_with("[12/12] ")).unwrap_or_default();
    assert!(line.contains(": test accuracy ") && line.contains(" (95 % interval "), "{told}");
    for part in
        ["two convolutions,batch_size=16", "best", "paired t-test", "Epochs: until accuracy ≥ 0.8"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let experiment = path.join("runs/experiments/bars");
    for file in [
        "table.md",
        "table.csv",
        "runs.csv",
        "results.json",
        "accuracy-macs.svg",
        "accuracy-parameters.png",
        "accuracy-seconds.svg",
        "curves.png",
    ] {
        assert!(experiment.join(file).is_file(), "{file}");
    }
    assert_eq!(records(&experiment).len(), 12);
    // Each run is an ordinary one, and its model.toml repeats it bit for bit.
    let run = experiment.join("dropout,batch_size=8-seed2");
    let info: Value = serde_json::from_slice(&fs::read(run.join("run.json")).unwrap()).unwrap();
    let model = run.join("model.toml");
    let args = ["train", model.to_str().unwrap(), "--data", "data/bars", "--run-dir", "again"];
    let again = good(path, &args);
    assert!(again.contains(info["weights_hash"].as_str().unwrap()), "{again}");
    // The same sweep again trains nothing.
    let before = records(&experiment);
    let output = cnn(path, &["experiment", "sweep.toml", "--format", "json"]);
    assert!(stderr(&output).contains("all 12 runs are finished"), "{}", stderr(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["schema"], json["rows"].as_array().unwrap().len()), (&1.into(), 6));
    assert_eq!(before, records(&experiment));
}

#[test]
fn the_table_does_not_depend_on_how_many_runs_go_side_by_side() {
    let folder = folder(&three_rows());
    for (jobs, output) in [("1", "one"), ("3", "three")] {
        good(folder.path(), &["experiment", "sweep.toml", "--jobs", jobs, "--output", output]);
    }
    assert_eq!(results(folder.path(), "one"), results(folder.path(), "three"));
}

#[test]
fn killed_at_any_moment_and_started_again_it_gives_the_same_table() {
    let folder = folder(&three_rows().replace("seeds = [1, 2]", "seeds = 2"));
    let path = folder.path();
    let args = ["experiment", "sweep.toml", "--epochs", "6"];
    good(path, &[&args[..], &["--output", "whole"]].concat());
    let expected = results(path, "whole");
    let parts = path.join("parts");
    let (mut kills, mut kept) = (0, BTreeMap::new());
    // Longer and longer, so that the blow falls at different moments: before, within and between runs.
    for milliseconds in std::iter::successors(Some(30), |last| Some(last * 7 / 5)) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cnn"))
            .args([&args[..], &["--output", "parts"]].concat())
            .current_dir(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        let ended = child.try_wait().unwrap();
        if ended.is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
        let now = records(&parts);
        for (run, bytes) in &kept {
            assert_eq!(now.get(run), Some(bytes), "{run} was finished and has been trained again");
        }
        kept = now;
        if ended.is_some_and(|status| status.success()) {
            break;
        }
        assert!(ended.is_none(), "it ended by itself with {ended:?}");
    }
    assert!(kills > 0, "nothing was killed");
    assert!(results(path, "parts") == expected, "another table");
    let csv = |output: &str| fs::read_to_string(path.join(output).join("table.csv")).unwrap();
    let without_seconds = |text: String| -> Vec<String> {
        let cut = |line: &str| line.rsplitn(3, ',').nth(2).unwrap().to_owned();
        text.lines().map(cut).collect()
    };
    assert_eq!(without_seconds(csv("parts")), without_seconds(csv("whole")));
}

/// Whether one of the runs has a checkpoint after its beginning.
fn begun(experiment: &Path) -> bool {
    let runs = fs::read_dir(experiment).into_iter().flatten().flatten();
    let files = runs.flat_map(|run| fs::read_dir(run.path()).into_iter().flatten().flatten());
    let mut names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names.any(|name| name.ends_with(".cnnckpt") && name != "step-000000000000.cnnckpt")
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_trainings_after_their_steps_and_says_how_to_go_on() {
    use std::io::{BufRead, BufReader, Read};

    let folder = folder(&three_rows());
    let path = folder.path();
    // Two trainings at a time that do not end by themselves.
    let args = ["experiment", "sweep.toml", "--epochs", "100000", "--jobs", "2", "--output", "it"];
    for (signal, exit, name) in [("-INT", 130, "SIGINT"), ("-TERM", 143, "SIGTERM")] {
        let again = begun(&path.join("it"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_cnn"))
            .args(args)
            .current_dir(path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let mut text = String::new();
        if again {
            while !text.contains(" goes on after step ") {
                assert_ne!(told.read_line(&mut text).unwrap(), 0, "{text}");
            }
        } else {
            while !begun(&path.join("it")) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        send(&child, signal);
        told.read_to_string(&mut text).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), exit, "{text}");
        let end = format!(
            "note: {name} with 0 of 6 runs finished: everything is saved\n  go on: say the same command again\n"
        );
        assert!(text.ends_with(&end), "{text}");
        assert!(stdout(&output).is_empty() && !path.join("it/table.md").exists());
    }
}

#[test]
fn killed_in_the_middle_of_a_training_it_goes_on_inside_it() {
    let folder = folder(&three_rows());
    let path = folder.path();
    let args = ["experiment", "sweep.toml", "--seeds", "1", "--epochs", "300", "--jobs", "1"];
    good(path, &[&args[..], &["--output", "whole"]].concat());
    let begin = || {
        Command::new(env!("CARGO_BIN_EXE_cnn"))
            .args([&args[..], &["--output", "parts"]].concat())
            .current_dir(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    // On a busy machine all runs may be over before this thread looks: then from the beginning.
    let killed = (0..20).any(|_| {
        let mut child = begin();
        while child.try_wait().unwrap().is_none() {
            if begun(&path.join("parts")) {
                child.kill().unwrap();
                return !child.wait().unwrap().success();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        fs::remove_dir_all(path.join("parts")).unwrap();
        false
    });
    assert!(killed, "too fast to be killed, 20 times");
    let output = cnn(path, &[&args[..], &["--output", "parts"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stderr(&output).matches(" goes on after step ").count(), 1, "{}", stderr(&output));
    assert!(results(path, "parts") == results(path, "whole"), "another table");
}

#[test]
fn a_changed_sweep_trains_only_what_changed_and_asks_before_it_replaces() {
    let folder = folder(&three_rows());
    let path = folder.path();
    let args = ["experiment", "sweep.toml", "--seeds", "1", "--output", "out"];
    good(path, &args);
    let before = records(&path.join("out"));
    // One more value: the old rows stay.
    fs::write(path.join("sweep.toml"), SWEEP.replace("[8, 16]", "[16, 32]")).unwrap();
    good(path, &args);
    let after = records(&path.join("out"));
    assert_eq!(after.len(), 6);
    assert!(before.iter().all(|(run, bytes)| after.get(run) == Some(bytes)));
    // Other epochs under the same names: refused, then done.
    let epochs = [&args[..], &["--epochs", "2"]].concat();
    let refused = cnn(path, &epochs);
    assert_eq!(code(&refused), 5);
    assert!(stderr(&refused).contains("6 finished runs were trained here"), "{}", stderr(&refused));
    assert_eq!(records(&path.join("out")), after, "nothing was touched");
    good(path, &[&epochs[..], &["--force"]].concat());
    assert!(after.iter().all(|(run, bytes)| records(&path.join("out")).get(run) != Some(bytes)));
}

#[test]
fn two_processes_do_not_work_in_one_folder() {
    let folder = folder(&three_rows());
    let path = folder.path();
    let out = path.join("out");
    fs::create_dir(&out).unwrap();
    let lock = fs::File::create(out.join("experiment.lock")).unwrap();
    lock.lock().unwrap();
    let args = ["experiment", "sweep.toml", "--output", "out"];
    let busy = cnn(path, &args);
    assert_eq!(code(&busy), 5);
    assert!(stderr(&busy).contains("another process trains this experiment"), "{}", stderr(&busy));
    drop(lock);
    good(path, &[&args[..], &["--seeds", "1"]].concat());
    // A folder of other things is left alone.
    fs::create_dir(path.join("mine")).unwrap();
    fs::write(path.join("mine/thesis.txt"), "precious").unwrap();
    let other = cnn(path, &["experiment", "sweep.toml", "--output", "mine"]);
    assert_eq!(code(&other), 5);
    assert!(stderr(&other).contains("no experiment"), "{}", stderr(&other));
    assert_eq!(fs::read_dir(path.join("mine")).unwrap().count(), 1);
}

#[test]
fn a_run_that_diverges_is_a_result() {
    let sweep = r#"model = "model.toml"
data = "data/bars"
seeds = 2
[grid]
"compile.optimizer" = [{ type = "Adam" }, { type = "SGD", learning_rate = 1e30 }]
"#;
    let folder = folder(sweep);
    let text = good(folder.path(), &["experiment", "sweep.toml"]);
    assert!(text.contains("2 of 2") && text.contains("optimizer=SGD(1e30)"), "{text}");
    let again = cnn(folder.path(), &["experiment", "sweep.toml"]);
    assert!(stderr(&again).contains("all 4 runs are finished"), "{}", stderr(&again));
}

/// Every mistake, with its place, before anything is trained.
#[test]
fn wrong_sweeps() {
    let head = "model = \"model.toml\"\ndata = \"data/bars\"\n";
    let cases = [
        ("unknown-key", format!("{head}sedes = 3\n[grid]\n\"fit.epochs\" = [1, 2]\n")),
        (
            "unknown-paths",
            format!(
                "{head}[grid]\n\"fit.batchsize\" = [8, 16]\n\"layers.conv2.filters\" = [4]\n\"layers.conv2d.fliters\" = [4, 8]\n\"optimiser.learning_rate\" = [0.1]\n\"repeat.flatten..conv2d\" = [2]\n"
            ),
        ),
        ("seed", format!("{head}[grid]\n\"fit.seed\" = [1, 2]\n")),
        ("empty-grid", format!("{head}[grid]\n")),
        ("empty-list", format!("{head}[grid]\n\"fit.epochs\" = []\n\"fit.batch_size\" = 16\n")),
        (
            "rows-that-cannot-be",
            format!(
                "{head}[grid]\n\"layers.conv2d.kernel_size\" = [3, 9]\n\"fit.batch_size\" = [16, 0]\n"
            ),
        ),
        (
            "names",
            format!(
                "{head}baseline = \"plane\"\n[[variants]]\nname = \"plain\"\n[[variants]]\nname = \"plain\"\nset = {{ \"fit.epochs\" = 2 }}\n[[variants]]\nname = \"a/b\"\nset = {{ \"fit.epochs\" = 4 }}\n"
            ),
        ),
        (
            "twins",
            format!("{head}seeds = [1, 2, 1]\n[grid]\n\"fit.epochs\" = [1, 1]\n[[variants]]\nname = \"a\"\n[[variants]]\nname = \"b\"\n"),
        ),
        (
            "threshold",
            format!("{head}seeds = 0\nthreshold = {{ monitor = \"val_accuracy\", at_least = 0.9 }}\n"),
        ),
        ("no-model", "data = \"data/bars\"\n[[variants]]\nname = \"a\"\nmodel = \"cnn23\"\n[[variants]]\nname = \"b\"\n".to_owned()),
        ("insert", format!("{head}[grid]\n\"insert.after.flatten\" = [[], {{ type = \"Dropuot\", rate = 0.5 }}, {{ type = \"Dropout\", rate = 1.5 }}, 3]\n")),
    ];
    for (name, sweep) in cases {
        let folder = folder(&sweep);
        let answer = transcript(folder.path(), &["experiment", "sweep.toml"]);
        assert!(answer.contains("exit code 4"), "{answer}");
        assert!(!folder.path().join("runs").exists());
        snapshot(&format!("experiment-{name}"), &answer);
    }
}

#[test]
fn what_does_not_fit_the_data_is_said_before_training() {
    let folder = folder("model = \"cnn32\"\ndata = \"data/bars\"\n");
    let answer = transcript(folder.path(), &["experiment", "sweep.toml"]);
    assert!(answer.contains("exit code 3") && answer.contains("row `cnn32`"), "{answer}");
    assert!(!folder.path().join("runs").exists());
    for (args, part) in [
        (vec!["experiment", "coarse"], "did you mean `course`?"),
        (vec!["experiment"], "SWEEP"),
        (vec!["experiment", "course", "--jobs", "-1"], "--jobs"),
    ] {
        let answer = transcript(folder.path(), &args);
        assert!(answer.contains(part) && !answer.contains("exit code 0"), "{answer}");
    }
}

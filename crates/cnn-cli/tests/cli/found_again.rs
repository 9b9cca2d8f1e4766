//! A run finds its data set again, wherever the command is given.

use crate::support::{cnn, code, stderr, stdout};
use crate::tiny;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// `project` with data, model and a run of it in `run`; beside it `elsewhere`, with other data of the same name.
fn folders() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let [project, elsewhere] = ["project", "elsewhere"].map(|name| folder.path().join(name));
    for path in [&project, &elsewhere] {
        fs::create_dir(path).unwrap();
        tiny::write(path);
    }
    let labels = tiny::labels(tiny::TEST).into_iter().map(|label| (label + 1) % 3);
    let other = tiny::idx(&[tiny::TEST], &labels.collect::<Vec<_>>());
    fs::write(elsewhere.join("data/bars/t10k-labels-idx1-ubyte"), other).unwrap();
    let train = ["train", "model.toml", "--data", "data/bars", "--run-dir", "run"];
    let output = cnn(&project, &train);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    folder
}

#[test]
fn a_relative_path_is_found_from_everywhere() {
    let folders = folders();
    let path = folders.path();
    let run = path.join("project/run");
    let info = json(&run.join("run.json"));
    assert_eq!(info["data_source"], "data/bars", "as it was given");
    let run = run.to_str().unwrap();
    // Where there is nothing of that name, and where there is something else.
    for here in [path.to_owned(), path.join("elsewhere")] {
        for command in [&["evaluate", run][..], &["verify", run, "--retrain"], &["doctor", run]] {
            let output = cnn(&here, command);
            assert_eq!(code(&output), 0, "{command:?}: {}", stderr(&output));
            assert!(!stderr(&output).contains("is not the data set"), "{}", stderr(&output));
        }
    }
    // Said by hand it is what is there by hand.
    let output = cnn(&path.join("elsewhere"), &["evaluate", run, "--data", "data/bars"]);
    assert!(stderr(&output).contains("bars is not the data set that this run"));
}

#[test]
fn data_and_run_can_be_moved_together() {
    let folders = folders();
    let moved = folders.path().join("moved");
    fs::rename(folders.path().join("project"), &moved).unwrap();
    let output = cnn(&moved, &["evaluate", "run"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).starts_with("30 images of bars"), "{}", stdout(&output));
    // Gone: both places are told.
    fs::remove_dir_all(moved.join("data")).unwrap();
    let output = cnn(&moved, &["evaluate", "run"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("project/data/bars"), "{}", stderr(&output));
}

#[test]
fn runs_that_do_not_say_where_are_looked_for_as_ever() {
    let folders = folders();
    let path = folders.path();
    let file = path.join("project/run/run.json");
    let mut info = json(&file);
    assert!(info.as_object_mut().unwrap().remove("data_path").is_some());
    fs::write(&file, serde_json::to_vec(&info).unwrap()).unwrap();
    assert_eq!(code(&cnn(&path.join("project"), &["evaluate", "run"])), 0);
    assert_eq!(code(&cnn(path, &["evaluate", "project/run"])), 3);
    // A name is looked for where names are: it has no path.
    fs::rename(path.join("project/data/bars"), path.join("project/data/mnist")).unwrap();
    for (data, has) in [("mnist", false), ("data/mnist", true)] {
        let run = format!("named{has}");
        let wide = tiny::MODEL.replace("units = 3", if has { "units = 3" } else { "units = 10" });
        fs::write(path.join("project/model.toml"), wide).unwrap();
        let train = ["train", "model.toml", "--data", data, "--run-dir", &run];
        let output = cnn(&path.join("project"), &train);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let info = json(&path.join("project").join(&run).join("run.json"));
        assert_eq!(info.get("data_path").is_some(), has, "{info}");
    }
}

#[test]
fn an_interrupted_run_goes_on_with_its_own_data() {
    let folders = folders();
    let path = folders.path();
    let project = path.join("project");
    let sweep = "model = \"model.toml\"\ndata = \"data/bars\"\nseeds = 1\n";
    fs::write(project.join("sweep.toml"), sweep).unwrap();
    assert_eq!(code(&cnn(&project, &["experiment", "sweep.toml", "--output", "table"])), 0);
    let of_table = project.join("table/model-seed1");
    let output = cnn(path, &["evaluate", of_table.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    // Begun, and no more.
    let run = project.join("run");
    for file in ["model.cnn", "weights.npz", "history.json"] {
        fs::remove_file(run.join(file)).unwrap();
    }
    let mut info = json(&run.join("run.json"));
    let hash = info["weights_hash"].take();
    info["finished"] = false.into();
    fs::write(run.join("run.json"), serde_json::to_vec(&info).unwrap()).unwrap();
    let elsewhere = path.join("elsewhere");
    let output = cnn(&elsewhere, &["train", "--resume", run.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(json(&run.join("run.json"))["weights_hash"], hash);
    assert_eq!(json(&run.join("run.json"))["data_path"], info["data_path"]);
}

//! `cnn train --tui` where there is no terminal: with the feature `tui` and without it.

#[cfg(feature = "tui")]
use crate::support::{cnn, code, stderr, stdout};
use crate::support::{snapshot, transcript};
use crate::tiny;

const TRAIN: [&str; 7] =
    ["train", "model.toml", "--data", "data/bars", "--run-dir", "run", "--tui"];

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    folder
}

#[cfg(not(feature = "tui"))]
#[test]
fn a_cnn_without_the_screen_says_how_to_get_it() {
    let folder = folder();
    snapshot("tui-absent", &transcript(folder.path(), &TRAIN));
    assert!(!folder.path().join("run").exists(), "refused before anything was written");
}

#[cfg(feature = "tui")]
#[test]
fn the_screen_and_json_exclude_each_other() {
    let folder = folder();
    let args = [&TRAIN[..], &["--format", "json"]].concat();
    snapshot("tui-json", &transcript(folder.path(), &args));
    assert!(!folder.path().join("run").exists(), "refused before anything was written");
}

#[cfg(feature = "tui")]
#[test]
fn without_a_terminal_there_is_plain_progress() {
    let folder = folder();
    let output = cnn(folder.path(), &TRAIN);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let progress = stderr(&output);
    let mut lines = progress.lines();
    assert_eq!(lines.next(), Some("note: --tui needs a terminal; plain progress instead"));
    assert!(lines.next().is_some_and(|line| line.starts_with("Epoch 1/3 - 6/6 - ")), "{progress}");
    assert!(stdout(&output).contains("Test loss: "));
    assert!(!progress.contains('\u{1b}') && folder.path().join("run/weights.npz").is_file());
}

//! Every mistake that a model.toml can have, each in a file under `models/`: what people read, and the exit code.

use crate::support::{clean, cnn, code, here, snapshot, stderr, stdout, transcript};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// The file names of the corpus.
fn corpus() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(here("models"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn every_mistake_is_explained() {
    for name in corpus() {
        let text = transcript(&here("models"), &["summary", &name]);
        snapshot(&format!("model-{}", name.trim_end_matches(".toml")), &text);
    }
}

/// The mistake that the README shows, made in the model that it shows. `…` stands for the end of a line.
#[test]
fn the_readme_shows_what_is_said() {
    let page = std::fs::read_to_string(here("../../../README.md")).unwrap();
    let block = |start: &str| {
        let text = &page[page.find(start).unwrap_or_else(|| panic!("{start}"))..];
        text.split_once("\n```").unwrap().0.to_owned()
    };
    let model = block("name = \"fashion-cnn\"").replacen("activation", "activatoin", 1);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("my.toml"), model).unwrap();
    let said = stderr(&cnn(folder.path(), &["summary", "my.toml"]));
    let shown = block("error[M003]");
    for (shown, said) in shown.lines().zip(said.lines()) {
        match shown.strip_suffix(" …") {
            Some(beginning) => assert!(said.starts_with(beginning), "{shown}\n{said}"),
            None => assert_eq!(shown, said),
        }
    }
    assert_eq!(shown.lines().count(), said.lines().count(), "{said}");
}

#[test]
fn a_mistake_is_exit_code_4_and_a_warning_is_not() {
    // The course's `acc` is read as `accuracy`; a softmax in the middle can be meant.
    let warnings_only = ["good.toml", "course-07-monitor-acc.toml", "softmax-in-the-middle.toml"];
    for name in corpus() {
        let expected = if warnings_only.contains(&name.as_str()) { 0 } else { 4 };
        assert_eq!(code(&cnn(&here("models"), &["summary", &name])), expected, "{name}");
    }
}

#[test]
fn train_refuses_what_summary_refuses_before_it_touches_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let model = here("models").join("everything-at-once.toml");
    let output = cnn(folder.path(), &["train", model.to_str().unwrap(), "--data", "nowhere"]);
    assert_eq!(code(&output), 4);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is written");
}

#[test]
fn a_model_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("a-folder")).unwrap();
    std::fs::write(folder.path().join("latin1.toml"), b"name = \"caf\xe9\"\n").unwrap();
    std::fs::write(folder.path().join("nul.toml"), b"name = \"a\0b\"\n").unwrap();
    std::fs::write(folder.path().join("large.toml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    std::fs::write(folder.path().join("deep.toml"), format!("input = {}", "[".repeat(20_000)))
        .unwrap();
    let mut text = String::new();
    for name in
        ["missing.toml", "a-folder", "latin1.toml", "nul.toml", "large.toml", "deep.toml", "cnn23"]
    {
        let mut answer = transcript(folder.path(), &["summary", name]);
        if let Some((at, _)) = answer.char_indices().nth(1500) {
            answer.truncate(at);
            answer.push_str("…\n");
        }
        assert!(answer.contains("exit code 4"), "{answer}");
        text += &answer;
        text += "\n";
    }
    snapshot("model-unreadable", &text);
}

#[test]
fn a_preset_and_a_file_of_its_name_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let printed = cnn(folder.path(), &["new", "dnn", "-"]);
    assert!(stdout(&printed).contains("name = \"dnn\""), "{}", stdout(&printed));
    assert!(!folder.path().join("-").exists());
    assert_eq!(stderr(&cnn(folder.path(), &["summary", "dnn"])), "");
    assert_eq!(code(&cnn(folder.path(), &["new", "dnn"])), 0);
    let noted = stderr(&cnn(folder.path(), &["summary", "dnn"]));
    assert_eq!(noted, "note: this is the preset dnn; the file here is meant by dnn.toml\n");
    assert_eq!(stderr(&cnn(folder.path(), &["summary", "dnn.toml"])), "");
}

#[cfg(unix)]
#[test]
fn a_model_may_come_through_a_pipe_and_nothing_without_an_end_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let preset = stdout(&cnn(folder.path(), &["new", "dnn", "-"]));
    let mut child = Command::new(env!("CARGO_BIN_EXE_cnn"));
    let child = clean(&mut child, folder.path()).args(["summary", "/dev/stdin"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(preset.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).contains("Model: \"dnn\""), "{}", stdout(&output));
    let endless = cnn(folder.path(), &["summary", "/dev/zero"]);
    assert_eq!(code(&endless), 4, "{}", stderr(&endless));
}

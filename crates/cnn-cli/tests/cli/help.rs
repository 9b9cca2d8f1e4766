//! `--help` of every command, and what the command line refuses.

use crate::support::{cnn, code, snapshot, stdout, transcript};

#[test]
fn every_help() {
    let folder = tempfile::tempdir().unwrap();
    let commands: [&[&str]; 27] = [
        &[],
        &["new"],
        &["summary"],
        &["train"],
        &["convolve"],
        &["doctor"],
        &["evaluate"],
        &["verify"],
        &["experiment"],
        &["explain"],
        &["lr-find"],
        &["schedule"],
        &["predict"],
        &["activations"],
        &["filters"],
        &["report"],
        &["augment"],
        &["bench"],
        &["augment", "preview"],
        &["data"],
        &["data", "fetch"],
        &["data", "info"],
        &["data", "suspects"],
        &["layers"],
        &["schema"],
        &["completions"],
        &["man"],
    ];
    for command in commands {
        let args: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let name = if command.is_empty() { "cnn".to_owned() } else { command.join("-") };
        snapshot(&format!("help-{name}"), &transcript(folder.path(), &args));
    }
}

#[test]
fn help_begins_with_three_examples() {
    let folder = tempfile::tempdir().unwrap();
    let text = stdout(&cnn(folder.path(), &["--help"]));
    let first: Vec<&str> = text.lines().take(4).collect();
    assert_eq!(first[0], "Examples:");
    assert!(first[1..].iter().all(|line| line.starts_with("  cnn ")), "{text}");
}

#[test]
fn the_long_version_tells_what_the_processor_gives() {
    let folder = tempfile::tempdir().unwrap();
    let short = stdout(&cnn(folder.path(), &["-V"]));
    assert_eq!(short.trim(), concat!("cnn ", env!("CARGO_PKG_VERSION")));
    let long = stdout(&cnn(folder.path(), &["--version"]));
    for word in ["kernels", "threads"] {
        assert!(long.contains(word), "{long}");
    }
}

#[test]
fn usage_errors_are_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    let wrong: [&[&str]; 15] = [
        &[],
        &["sumary"],
        &["summary"],
        &["summary", "cnn32", "--width", "10"],
        &["train", "cnn32"],
        &["train", "cnn32", "--data", "x", "--epochs", "-1"],
        &["train", "cnn32", "--data", "x", "--epochs", "0"],
        &["train", "cnn32", "--data", "x", "--epochs", "1e3"],
        &["train", "cnn32", "--data", "x", "--epochs", "18446744073709551616"],
        &["train", "cnn32", "--data", "x", "--threads", "100000"],
        &["train", "cnn32", "--data", "x", "--validation-split", "1"],
        &["train", "cnn32", "--data", "x", "--verbose", "3"],
        &["new", "cnn23"],
        &["data", "fetch", "cifar10"],
        &["data", "fetch", "mnist", "--mirror", "file:///etc"],
    ];
    for args in wrong {
        let answer = transcript(folder.path(), args);
        assert!(answer.contains("exit code 2"), "{answer}");
        text += &answer;
        text += "\n";
    }
    snapshot("usage", &text);
    assert_eq!(code(&cnn(folder.path(), &["new", "--list"])), 0);
}

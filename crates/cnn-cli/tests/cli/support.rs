//! Drives the binary as a person at a terminal would, and writes down what it answered.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Child;
use std::process::{Command, Output};

/// The binary, run in `folder`, with nothing of this machine's settings. `data` names no folder unless a test makes one.
pub(crate) fn cnn(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
    command.args(args);
    clean(&mut command, folder).output().unwrap()
}

/// The command in `folder`, with nothing of this machine's settings.
pub(crate) fn clean<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "CNN_ISA"] {
        command.env_remove(name);
    }
    for proxy in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        command.env_remove(proxy).env_remove(proxy.to_lowercase());
    }
    command.current_dir(folder).env("CNN_DATA_DIR", "data")
}

/// Command, exit code and both streams, as a snapshot wants them.
pub(crate) fn transcript(folder: &Path, args: &[&str]) -> String {
    let output = cnn(folder, args);
    let mut text = format!("$ cnn {}\nexit code {}\n", args.join(" "), code(&output));
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            let _ = write!(text, "--- {name} ---\n{}", String::from_utf8_lossy(bytes));
        }
    }
    assert!(!text.contains("panicked"), "{text}");
    assert!(!text.contains('\u{1b}'), "escape codes in a pipe: {text}");
    text
}

/// Says that a test has not tried what it is for. Past the harness, which shows nothing of a test that passes.
pub(crate) fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// Sends a signal such as `-INT` to a program that has not ended.
#[cfg(unix)]
pub(crate) fn send(child: &Child, signal: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
}

/// The exit code; -1 for a signal.
pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// What was written to stdout.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What was written to stderr.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder of this crate's tests.
pub(crate) fn here(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder)
}

/// Compares with the snapshot of that name.
pub(crate) fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

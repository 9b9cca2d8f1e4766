//! `cnn layers`, `cnn schema`, `cnn completions` and `cnn man`.

use crate::support::{cnn, code, snapshot, stderr, stdout, transcript};
use serde_json::Value;
use std::fs;
use std::path::Path;

#[test]
fn what_people_look_up() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[&str]); 10] = [
        ("layers", &["layers"]),
        ("layers-conv2d", &["layers", "Conv2D"]),
        ("layers-adam", &["layers", "adam", "--kind", "optimizer"]),
        ("layers-kind", &["layers", "--kind", "callback"]),
        ("layers-key", &["layers", "clipnorm"]),
        ("layers-part", &["layers", "ema"]),
        ("layers-report", &["layers", "f1"]),
        ("layers-near", &["layers", "MaxPoling2D"]),
        ("layers-unknown", &["layers", "LSTM"]),
        ("layers-other-kind", &["layers", "Adam", "--kind", "loss"]),
    ];
    for (name, args) in cases {
        snapshot(name, &transcript(folder.path(), args));
    }
}

#[test]
fn programs_get_one_object() {
    let folder = tempfile::tempdir().unwrap();
    let one = |args: &[&str]| -> Value {
        serde_json::from_str(&stdout(&cnn(folder.path(), args))).unwrap()
    };
    let conv = one(&["layers", "conv2d", "--format", "json"]);
    assert_eq!(conv["schema"], 1);
    assert_eq!(conv["items"][0]["name"], "Conv2D");
    assert_eq!(conv["items"][0]["keys"][0]["name"], "filters");
    assert_eq!(conv["items"][0]["keys"][0]["required"], true);
    let found = one(&["layers", "lookahead", "--format", "json"]);
    assert_eq!(
        (&found["keys"][0]["kind"], &found["items"]),
        (&"optimizer".into(), &serde_json::json!([]))
    );
    assert!(found["keys"][0]["of"].as_array().unwrap().contains(&"Adam".into()));
    let all = one(&["layers", "--format", "json"]);
    assert!(all["items"].as_array().unwrap().len() > 100);
}

#[test]
fn the_schemas_are_the_committed_files() {
    let folder = tempfile::tempdir().unwrap();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    for (args, file) in [
        (&["schema"][..], "model.schema.json"),
        (&["schema", "model"], "model.schema.json"),
        (&["schema", "sweep"], "sweep.schema.json"),
    ] {
        assert_eq!(stdout(&cnn(folder.path(), args)), fs::read_to_string(docs.join(file)).unwrap());
    }
    assert_eq!(code(&cnn(folder.path(), &["schema", "data"])), 2);
}

#[test]
fn every_shell_learns_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = stdout(&cnn(folder.path(), &["completions", shell]));
        for word in ["train", "lr-find", "layers", "completions", "stratified"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(code(&cnn(folder.path(), &["completions", "csh"])), 2);
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let first = stdout(&cnn(folder.path(), &["man"]));
    let said = stdout(&cnn(folder.path(), &["man", "share/man1"]));
    let page = |name: &str| {
        let path = folder.path().join("share/man1").join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    assert_eq!(page("cnn.1"), first);
    let help = stdout(&cnn(folder.path(), &["--help"]));
    let commands = help.split_once("Commands:").unwrap().1.split_once("\n\n").unwrap().0;
    let mut count = 1;
    for line in commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = line.split_whitespace().next().unwrap();
        if name != "help" {
            assert!(page(&format!("cnn-{name}.1")).contains(".SH SYNOPSIS"), "{name}");
            count += 1;
        }
    }
    assert!(count > 20 && page("cnn-data-info.1").contains("cnn\\-data\\-info"), "{count}");
    assert!(said.starts_with(&format!(
        "{} pages",
        fs::read_dir(folder.path().join("share/man1")).unwrap().count()
    )));
    // Nothing is overwritten.
    let again = cnn(folder.path(), &["man", "share/man1"]);
    assert_ne!(code(&again), 0);
    assert!(stderr(&again).contains("--force"), "{}", stderr(&again));
    assert_eq!(code(&cnn(folder.path(), &["man", "share/man1", "--force"])), 0);
}

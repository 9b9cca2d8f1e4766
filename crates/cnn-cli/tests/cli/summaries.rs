//! The summaries of the course's networks: Keras's table, the wide one, and the same as data.

use crate::support::{cnn, code, here, snapshot, stdout, transcript};
use serde_json::Value;

const PRESETS: [(&str, u64); 13] = [
    ("dnn", 101_770),
    ("cnn16", 55_098),
    ("cnn32", 113_386),
    ("cnn64", 243_786),
    ("one-conv64", 1_386_506),
    ("conv-conv-pool", 1_218_634),
    ("three-conv64", 84_106),
    ("mnist-assignment", 693_962),
    ("mnist", 140_586),
    ("fast", 140_586),
    ("small", 207_818),
    ("mobilenet", 38_346),
    ("resnet", 282_238),
];

#[test]
fn every_preset_has_the_parameters_that_are_written_about_it() {
    for (name, parameters) in PRESETS {
        let output = cnn(&here("models"), &["summary", name, "--format", "json"]);
        assert_eq!(code(&output), 0);
        let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(json["totals"]["params"], parameters, "{name}");
    }
}

#[test]
fn keras_s_table_at_80_and_120_columns() {
    for (name, _) in PRESETS {
        snapshot(&format!("summary-{name}"), &transcript(&here("models"), &["summary", name]));
    }
    snapshot(
        "summary-cnn64-120",
        &transcript(&here("models"), &["summary", "cnn64", "--width", "120"]),
    );
}

#[test]
fn the_wide_table_and_the_data() {
    for name in ["cnn32", "three-conv64", "resnet"] {
        snapshot(
            &format!("summary-{name}-wide"),
            &transcript(&here("models"), &["summary", name, "--wide"]),
        );
    }
    snapshot(
        "summary-cnn32-json",
        &transcript(&here("models"), &["summary", "cnn32", "--format", "json"]),
    );
}

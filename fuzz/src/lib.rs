//! The parsers as functions of bytes that must come back: with a value or with an error that can be shown, never with a panic.
//!
//! Each is a target of libFuzzer (`fuzz_targets/`, nightly) and of the mutation fuzzer beside it (`src/bin/mutate.rs`, stable).
#![forbid(unsafe_code)]

use cnn_data::{FormatError, csv_images, image_file, npy, npz, parse_idx};
use cnn_nn::config::{Diagnostics, Severity};
use cnn_train::experiment::Sweep;
use cnn_train::{Checkpoint, Config, ModelFile, Overrides, RunHistory, RunInfo, TrainError};
use sha2::{Digest as _, Sha256};

/// A parser by its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every parser.
pub const TARGETS: [Target; 11] = [
    ("idx", idx),
    ("npy", npy),
    ("npz", npz),
    ("csv", csv),
    ("picture", picture),
    ("model_toml", model_toml),
    ("sweep_toml", sweep_toml),
    ("model_file", model_file),
    ("checkpoint", checkpoint),
    ("history_json", history_json),
    ("run_json", run_json),
];

/// An error has words, and steers no terminal.
fn shown(message: &str) {
    let control = message.chars().any(|c| c.is_control() && c != '\n');
    assert!(!message.is_empty() && !control, "no good error: {message:?}");
}

fn format<T>(answer: Result<T, FormatError>) -> Option<T> {
    answer
        .map_err(|error| {
            assert!(error.code.starts_with('D') && !error.hint.is_empty(), "{error:?}");
            shown(&error.message);
        })
        .ok()
}

fn diagnosed<T>(answer: Result<T, Diagnostics>) -> Option<T> {
    answer
        .map_err(|found| {
            assert!(found.iter().any(|one| one.severity == Severity::Error));
            shown(&found.to_string());
        })
        .ok()
}

fn train<T>(answer: Result<T, TrainError>) -> Option<T> {
    answer.map_err(|error| shown(&error.to_string())).ok()
}

/// idx and idx in gzip.
pub fn idx(bytes: &[u8]) {
    if let Some(idx) = format(parse_idx(bytes)) {
        assert_eq!(idx.shape.iter().product::<usize>(), idx.data.len());
    }
}

/// An array; its values are as many as its shape says.
pub fn npy(bytes: &[u8]) {
    if let Some(array) = format(npy::parse(bytes)) {
        assert_eq!(array.shape.iter().product::<usize>(), array.values.len());
    }
}

/// An archive of arrays.
pub fn npz(bytes: &[u8]) {
    for entry in format(npz::parse(bytes)).into_iter().flatten() {
        assert_eq!(entry.array.shape.iter().product::<usize>(), entry.array.values.len());
    }
}

/// A table of images.
pub fn csv(bytes: &[u8]) {
    if let Some(table) = format(csv_images::parse(bytes)) {
        assert_eq!(table.labels.len() * table.width, table.pixels.len());
    }
}

/// A PNG or JPEG picture, fitted and as it is.
pub fn picture(bytes: &[u8]) {
    match image_file::parse(bytes, [12, 10, 1]) {
        Ok(picture) => assert_eq!(picture.pixels.len(), 120),
        Err(message) => shown(&message),
    }
    if let Err(message) = image_file::parse_grey(bytes) {
        shown(&message);
    }
}

/// A model.toml: what is accepted is written and read back equal.
pub fn model_toml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some((config, _)) = diagnosed(Config::from_toml("model.toml", text)) else { return };
    if let Err(failure) = config.model.build() {
        return shown(&failure.to_string());
    }
    let written = config.to_toml().unwrap_or_else(|error| panic!("not written: {error}"));
    let read = diagnosed(Config::from_toml("model.toml", &written));
    assert!(read.is_some_and(|(read, _)| same(&read, &config)), "{written}");
}

/// Whether two are written alike: NaN is not equal to itself.
fn same(a: &Config, b: &Config) -> bool {
    a == b || a.to_toml().ok() == b.to_toml().ok()
}

const BASE: &str = include_str!("../seeds/model_toml/small");

/// A sweep.toml over a small model.
pub fn sweep_toml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let model = |name: &str| match name {
        "base" => Ok(("base.toml".to_owned(), BASE.to_owned())),
        _ => Err("there is only `base`".to_owned()),
    };
    diagnosed(Sweep::from_toml("sweep.toml", text, Overrides::default(), &model));
}

/// The payload in an envelope whose checksum is right.
fn sealed(magic: [u8; 8], version: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    let sum = Sha256::new().chain_update(&bytes).chain_update(payload).finalize();
    bytes.extend(sum);
    bytes.extend(payload);
    bytes
}

/// A model file: the bytes as they are, and as a payload.
pub fn model_file(bytes: &[u8]) {
    let sealed = sealed(cnn_train::model_file::MAGIC, cnn_train::model_file::VERSION, bytes);
    for bytes in [bytes, &sealed] {
        if let Some(file) = train(ModelFile::from_bytes(bytes)) {
            train(file.unpack());
        }
    }
}

/// A checkpoint: the bytes as they are, and as a payload of both versions.
pub fn checkpoint(bytes: &[u8]) {
    let [first, second] = [1, 2].map(|version| sealed(Checkpoint::MAGIC, version, bytes));
    for bytes in [bytes, &first, &second] {
        if let Some(checkpoint) = train(Checkpoint::from_bytes(bytes)) {
            let _ = (checkpoint.steps_taken(), checkpoint.position());
        }
    }
}

/// A history.json.
pub fn history_json(bytes: &[u8]) {
    if let Ok(history) = serde_json::from_slice::<RunHistory>(bytes) {
        let csv = history.to_csv();
        assert!(csv.lines().count() > history.epoch.len() || csv.contains('\r'));
    }
}

/// A run.json.
pub fn run_json(bytes: &[u8]) {
    drop(serde_json::from_slice::<RunInfo>(bytes));
}

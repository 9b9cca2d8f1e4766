//! Data files that are missing, cut off, swapped or of the wrong shape: one clear error each, exit code 3, no panic.

use crate::support::{cnn, code, snapshot, stderr, transcript};
use crate::tiny;
use std::fs;
use std::path::Path;

/// One way to spoil the data set in `data/bars`.
type Spoil = (&'static str, fn(&Path));

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";

fn change(folder: &Path, name: &str, how: impl FnOnce(&mut Vec<u8>)) {
    let path = folder.join(name);
    let mut bytes = fs::read(&path).unwrap();
    how(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Trains the model of the folder and returns the `w.npz` that it saved.
fn trained_weights(path: &Path) -> Vec<u8> {
    let train = [
        "train",
        "model.toml",
        "--data",
        "data/bars",
        "--run-dir",
        "run",
        "--save-weights",
        "w.npz",
    ];
    assert_eq!(code(&cnn(path, &train)), 0);
    fs::read(path.join("w.npz")).unwrap()
}

const SPOILS: [Spoil; 16] = [
    ("missing-file", |f| fs::remove_file(f.join(TRAIN_LABELS)).unwrap()),
    ("empty-file", |f| change(f, TRAIN_IMAGES, Vec::clear)),
    ("three-bytes", |f| change(f, TRAIN_IMAGES, |b| b.truncate(3))),
    ("cut-header", |f| change(f, TRAIN_IMAGES, |b| b.truncate(9))),
    ("one-byte-short", |f| change(f, TRAIN_IMAGES, |b| b.truncate(b.len() - 1))),
    ("one-byte-more", |f| change(f, TRAIN_IMAGES, |b| b.push(0))),
    ("not-idx", |f| change(f, TRAIN_IMAGES, |b| b[..4].copy_from_slice(b"\x89PNG"))),
    ("html", |f| fs::write(f.join(TRAIN_IMAGES), "<!DOCTYPE html>\n<title>404</title>\n").unwrap()),
    ("wrong-type", |f| change(f, TRAIN_IMAGES, |b| b[2] = 0x0d)),
    ("no-dimensions", |f| change(f, TRAIN_IMAGES, |b| b[3] = 0)),
    ("many-dimensions", |f| change(f, TRAIN_IMAGES, |b| b[3] = 255)),
    ("huge-dimensions", |f| change(f, TRAIN_IMAGES, |b| b[4..16].fill(0xff))),
    ("zero-rows", |f| {
        fs::write(f.join(TRAIN_IMAGES), tiny::idx(&[tiny::TRAIN, 0, 8], &[])).unwrap();
    }),
    ("little-endian", |f| change(f, TRAIN_IMAGES, |b| b[4..8].reverse())),
    ("swapped", |f| {
        fs::rename(f.join(TRAIN_IMAGES), f.join("x")).unwrap();
        fs::rename(f.join(TRAIN_LABELS), f.join(TRAIN_IMAGES)).unwrap();
        fs::rename(f.join("x"), f.join(TRAIN_LABELS)).unwrap();
    }),
    ("other-count", |f| {
        let labels = tiny::labels(tiny::TRAIN - 1);
        fs::write(f.join(TRAIN_LABELS), tiny::idx(&[labels.len()], &labels)).unwrap();
    }),
];

#[test]
fn every_spoilt_idx_file_is_explained() {
    for (name, spoil) in SPOILS {
        let folder = tempfile::tempdir().unwrap();
        tiny::write(folder.path());
        spoil(&folder.path().join("data/bars"));
        let text = transcript(folder.path(), &["data", "info", "data/bars"]);
        assert!(text.contains("exit code 3"), "{name}: {text}");
        snapshot(&format!("data-{name}"), &text);
    }
}

#[test]
fn names_and_folders_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir_all(path.join("data/empty")).unwrap();
    fs::write(path.join("notes.txt"), "hello").unwrap();
    let mut text = String::new();
    for name in [
        "fashion-mnist",
        "fashion_mnist",
        "fashon-mnist",
        "mnist",
        "nowhere",
        "data/empty",
        "notes.txt",
    ] {
        let answer = transcript(path, &["data", "info", name]);
        assert!(answer.contains("exit code 3"), "{answer}");
        text += &answer;
        text += "\n";
    }
    snapshot("data-not-there", &text);
}

#[test]
fn spoilt_npz_files_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    fs::write(path.join("empty.npz"), b"").unwrap();
    fs::write(path.join("text.npz"), b"not a zip at all, but long enough to be looked at").unwrap();
    let good = trained_weights(path);
    fs::write(path.join("cut.npz"), &good[..good.len() / 2]).unwrap();
    let mut text = String::new();
    for name in ["empty.npz", "text.npz", "cut.npz", "w.npz"] {
        let answer = transcript(path, &["data", "info", name]);
        assert!(answer.contains("exit code 3"), "{answer}");
        text += &answer;
        text += "\n";
    }
    snapshot("data-npz", &text);
}

#[test]
fn weights_files_cut_at_any_byte_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    let good = trained_weights(path);
    for end in (0..good.len()).step_by(good.len() / 12) {
        fs::write(path.join("cut.npz"), &good[..end]).unwrap();
        let args = [
            "train",
            "model.toml",
            "--data",
            "data/bars",
            "--run-dir",
            "r2",
            "--initial-weights",
            "cut.npz",
        ];
        let output = cnn(path, &args);
        assert!([3, 5].contains(&code(&output)), "{end}: {} {}", code(&output), stderr(&output));
        assert!(!path.join("r2").exists());
    }
}

#[test]
fn pictures_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    let train = ["train", "model.toml", "--data", "data/bars", "--run-dir", "run"];
    assert_eq!(code(&cnn(path, &train)), 0);
    fs::write(path.join("empty.png"), b"").unwrap();
    fs::write(path.join("text.png"), b"not a picture").unwrap();
    let mut huge = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    huge.extend([0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60, 8, 0, 0, 0, 0, 0xa5, 0xb9, 0x2a, 0x9e]);
    huge.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    fs::write(path.join("huge.png"), huge).unwrap();
    let mut text = String::new();
    for name in ["missing.png", "empty.png", "text.png", "huge.png", "data"] {
        let answer = transcript(path, &["predict", "run", name]);
        assert!(answer.contains("exit code 3"), "{answer}");
        text += &answer;
        text += "\n";
    }
    snapshot("pictures", &text);
}

#[test]
fn runs_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    tiny::write(path);
    fs::create_dir(path.join("empty")).unwrap();
    let train = ["train", "model.toml", "--data", "data/bars", "--run-dir", "run"];
    assert_eq!(code(&cnn(path, &train)), 0);
    fs::create_dir(path.join("spoilt")).unwrap();
    let mut model = fs::read(path.join("run/model.cnn")).unwrap();
    let middle = model.len() / 2;
    model[middle] ^= 1;
    fs::write(path.join("spoilt/model.cnn"), &model).unwrap();
    fs::create_dir(path.join("cut")).unwrap();
    fs::write(path.join("cut/model.cnn"), &model[..middle]).unwrap();
    let mut text = String::new();
    for name in ["nowhere", "empty", "model.toml", "spoilt", "cut"] {
        let answer = transcript(path, &["evaluate", name, "--data", "data/bars"]);
        assert!(answer.contains("exit code 5"), "{answer}");
        text += &answer;
        text += "\n";
    }
    snapshot("runs", &text);
}

//! A data set small enough for tests: 8×8 pictures of bars, in three classes, as the four idx files.

use std::fs;
use std::path::Path;

/// Pictures in the training split.
pub(crate) const TRAIN: usize = 96;
/// Pictures in the test split.
pub(crate) const TEST: usize = 30;
/// Height and width.
pub(crate) const SIDE: usize = 8;

/// A model for it. Trains in a moment.
pub(crate) const MODEL: &str = r#"name = "bars"
input = [8, 8, 1]

[[layers]]
type = "Conv2D"
filters = 4
kernel_size = 3
activation = "relu"

[[layers]]
type = "MaxPooling2D"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 3
activation = "softmax"

[compile]
optimizer = { type = "Adam", learning_rate = 0.01 }
loss = "sparse_categorical_crossentropy"
metrics = ["accuracy"]

[fit]
epochs = 3
batch_size = 16
seed = 1
"#;

/// Writes `model.toml` and `data/bars/` with the four files.
pub(crate) fn write(folder: &Path) {
    fs::write(folder.join("model.toml"), MODEL).unwrap();
    let data = folder.join("data/bars");
    fs::create_dir_all(&data).unwrap();
    for (split, n) in [("train", TRAIN), ("t10k", TEST)] {
        fs::write(
            data.join(format!("{split}-images-idx3-ubyte")),
            idx(&[n, SIDE, SIDE], &pictures(n)),
        )
        .unwrap();
        fs::write(data.join(format!("{split}-labels-idx1-ubyte")), idx(&[n], &labels(n))).unwrap();
    }
}

/// An idx file of bytes.
pub(crate) fn idx(dims: &[usize], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dims.len() as u8];
    for dim in dims {
        file.extend((*dim as u32).to_be_bytes());
    }
    file.extend(bytes);
    file
}

/// The class of each picture.
pub(crate) fn labels(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 7 % 3) as u8).collect()
}

/// Class 0 has a horizontal bar, class 1 a vertical one, class 2 both; where it is, and the noise, depend on the position.
pub(crate) fn pictures(n: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(n * SIDE * SIDE);
    for (i, class) in labels(n).into_iter().enumerate() {
        let (row, column) = (1 + i % 6, 1 + i / 6 % 6);
        for y in 0..SIDE {
            for x in 0..SIDE {
                let bar = (class != 1 && y == row) || (class != 0 && x == column);
                let noise = (i * 31 + y * 17 + x * 13) % 40;
                bytes.push(if bar { 215 + noise } else { noise } as u8);
            }
        }
    }
    bytes
}

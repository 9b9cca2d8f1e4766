//! Models and data for the tests.

use cnn_data::{Images, Split};
use cnn_train::{Config, TrainOptions, Trainer};
use ndarray::Array4;

/// A small CNN for 8×8 images of three classes.
pub(crate) const MODEL: &str = r#"
name = "tiny"
input = [8, 8, 1]

[[layers]]
type = "Conv2D"
filters = 6
kernel_size = 3
activation = "relu"

[[layers]]
type = "MaxPooling2D"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 12
activation = "relu"

[[layers]]
type = "Dense"
units = 3
activation = "softmax"

[fit]
epochs = 4
batch_size = 32
seed = 7
"#;

/// Stripes along y, x or the diagonal, with noise.
pub(crate) fn stripes(n: usize, seed: u32) -> Split {
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 3).collect();
    let images = Array4::from_shape_fn((n, 8, 8, 1), |(i, y, x, _)| {
        let along = [y, x, x + y][i % 3] + i / 3;
        let mut h = ((i * 64 + y * 8 + x) as u32)
            .wrapping_add(seed.wrapping_mul(0x9e37_79b9))
            .wrapping_mul(0x85eb_ca6b);
        h ^= h >> 13;
        h = h.wrapping_mul(0xc2b2_ae35);
        h ^= h >> 16;
        (if along % 4 < 2 { 150 } else { 0 } + h % 60) as u8
    });
    Split { images: Images::U8(images), labels }
}

/// A trainer for this model.toml.
pub(crate) fn trainer(toml: &str, threads: usize) -> Trainer {
    let (config, _) =
        Config::from_toml("model.toml", toml).unwrap_or_else(|found| panic!("{found}"));
    let model = config.model.build().expect("the model is sound");
    Trainer::new(&config, model, TrainOptions { threads, ..Default::default() })
        .expect("the configuration is sound")
}

//! Trains a small CNN to tell horizontal, vertical and diagonal stripes apart, in a second or two and without any file.
//!
//! `cargo run --release -p cnn-train --example train`

#![expect(clippy::print_stdout, reason = "an example is a program")]

use cnn_callbacks::{Callback, ProgressBar, Style};
use cnn_data::{Images, Split};
use cnn_train::{Config, TrainOptions, Trainer};
use ndarray::Array4;
use std::error::Error;

const MODEL: &str = r#"
name = "stripes"
input = [16, 16, 1]

[[layers]]
type = "Conv2D"
filters = 8
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

[fit]
epochs = 5
validation_split = 0.2

[[callbacks]]
type = "StopAt"
monitor = "val_accuracy"
threshold = 0.995
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let (config, _warnings) = Config::from_toml("model.toml", MODEL)?;
    let model = config.model.build()?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut trainer = Trainer::new(&config, model, TrainOptions { threads, ..Default::default() })?;

    let mut callbacks: Vec<Box<dyn Callback>> =
        vec![Box::new(ProgressBar::new(Box::new(std::io::stdout()), Style::Lines))];
    callbacks.extend(
        config
            .build_callbacks(&cnn_callbacks::BuildContext::new("."))
            .map_err(|(_, error)| error)?,
    );
    trainer.fit(&stripes(2000, 1), None, &mut callbacks)?;

    let evaluation = trainer.evaluate(&stripes(500, 2))?;
    println!("\n{}", evaluation.report(&["horizontal", "vertical", "diagonal"].map(String::from)));
    println!("weights {}", trainer.weights_hash());
    Ok(())
}

/// Noisy stripes of three directions, each with a phase of its own.
fn stripes(n: usize, seed: u32) -> Split {
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 3).collect();
    let images = Array4::from_shape_fn((n, 16, 16, 1), |(i, y, x, _)| {
        let along = [y, x, x + y][i % 3] + i / 3;
        let noise = hash(seed, (i * 256 + y * 16 + x) as u32) % 160;
        (if along % 5 < 2 { 95 } else { 0 } + noise) as u8
    });
    Split { images: Images::U8(images), labels }
}

/// Scrambled bits, the same on every machine.
fn hash(seed: u32, i: u32) -> u32 {
    let mut h = i.wrapping_add(seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
    h ^= h >> 13;
    h = h.wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

//! The same small network without a remedy, with L2, with mixup and with cutmix: training images and others, measured alike.
//! Each remedy costs training loss and gains test loss; accuracy, on so few images, moves within its noise.
//!
//! `cargo run --release -p cnn-train --example overfitting`

#![expect(clippy::print_stdout, reason = "an example is a program")]

use cnn_data::{Images, Split};
use cnn_train::{Config, TrainOptions, Trainer};
use ndarray::Array4;
use std::error::Error;

const MODEL: &str = r#"
input = [12, 12, 1]

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 64
activation = "relu"
#layer

[[layers]]
type = "Dense"
units = 3
activation = "softmax"

[fit]
epochs = 150
eval_train = true
#fit
"#;

fn main() -> Result<(), Box<dyn Error>> {
    println!("{:<8}  {:>14}  {:>14}  {:>10}", "remedy", "training loss", "test loss", "accuracy");
    for (name, layer, fit) in [
        ("none", "", ""),
        ("L2", "kernel_regularizer = { l2 = 0.01 }", ""),
        ("mixup", "", "mixup = 0.4"),
        ("cutmix", "", "cutmix = 1.0"),
    ] {
        let text = MODEL.replace("#layer", layer).replace("#fit", fit);
        let (config, _warnings) = Config::from_toml("model.toml", &text)?;
        let mut trainer = Trainer::new(&config, config.model.build()?, TrainOptions::default())?;
        let result = trainer.fit(&stripes(200, 1), None, &mut [])?;
        let test = trainer.evaluate(&stripes(600, 2))?;
        // Without the penalty, so that the rows compare.
        let train = result.train.map_or(f64::NAN, |train| train.loss - result.penalty);
        println!("{name:<8}  {train:>14.3}  {:>14.3}  {:>10.3}", test.data_loss, test.accuracy);
    }
    Ok(())
}

/// Stripes of three directions in much noise.
fn stripes(n: usize, seed: u32) -> Split {
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 3).collect();
    let images = Array4::from_shape_fn((n, 12, 12, 1), |(i, y, x, _)| {
        let along = [y, x, x + y][i % 3] + i / 3 % 2;
        let noise = hash(seed, (i * 144 + y * 12 + x) as u32) % 225;
        (if along % 5 < 2 { 30 } else { 0 } + noise) as u8
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

//! Whether a small CNN knows how sure it may be: accuracy with its interval, reliability by bins, the surest mistakes.
//!
//! `cargo run --release -p cnn-train --example calibration`

#![expect(clippy::print_stdout, reason = "an example is a program")]

use cnn_data::{Images, Split};
use cnn_train::{Calibration, Config, TrainOptions, Trainer, most_confident_mistakes};
use ndarray::Array4;
use std::error::Error;

const MODEL: &str = r#"
name = "stripes"
input = [12, 12, 1]

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
units = 3
activation = "softmax"

[fit]
epochs = 40
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let (config, _) = Config::from_toml("model.toml", MODEL)?;
    let model = config.model.build()?;
    let mut trainer = Trainer::new(&config, model, TrainOptions::default())?;
    trainer.fit(&stripes(600, 1), None, &mut [])?;

    let test = stripes(300, 2);
    let (result, answers) = trainer.evaluate_each(&test)?;
    let (low, high) = result.accuracy_interval();
    println!("accuracy {:.3}, 95 % interval {low:.3} to {high:.3}", result.accuracy);

    let calibration = Calibration::new(&answers, 5);
    println!("mean confidence {:.3}, ECE {:.3}", calibration.confidence, calibration.ece);
    for bin in &calibration.bins {
        if let (Some(confidence), Some(accuracy)) = (bin.confidence, bin.accuracy) {
            println!(
                "  {:.1} to {:.1}: {:3} images, confidence {confidence:.3}, accuracy {accuracy:.3}",
                bin.low, bin.high, bin.count
            );
        }
    }
    for mistake in most_confident_mistakes(&answers, 3) {
        println!(
            "  image {} is class {}, taken for {} with {:.1} %",
            mistake.index,
            mistake.truth,
            mistake.predicted,
            100.0 * mistake.confidence
        );
    }
    Ok(())
}

/// Stripes along y, x or the diagonal under heavy noise.
fn stripes(n: usize, seed: u32) -> Split {
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 3).collect();
    let images = Array4::from_shape_fn((n, 12, 12, 1), |(i, y, x, _)| {
        let along = [y, x, x + y][i % 3] + i / 3;
        let mut h = ((i * 144 + y * 12 + x) as u32).wrapping_add(seed.wrapping_mul(0x9e37_79b9));
        for multiplier in [0x85eb_ca6b, 0xc2b2_ae35_u32] {
            h = (h ^ (h >> 15)).wrapping_mul(multiplier);
        }
        (if along % 4 < 2 { 90 } else { 0 } + (h >> 16) % 160) as u8
    });
    Split { images: Images::U8(images), labels }
}

//! The same small network made sick in three ways: a learning rate far too high, one far too low, and shuffled labels. The
//! doctor says which is which, and a range test suggests a rate.
//!
//! `cargo run --release -p cnn-train --example doctor`

#![expect(clippy::print_stdout, reason = "an example is a program")]

use cnn_data::{Images, Split};
use cnn_train::doctor::{Case, Exam, examine};
use cnn_train::{Config, LrRange, RunHistory, TrainOptions, Trainer};
use ndarray::Array4;
use std::error::Error;

const MODEL: &str = r#"
input = [12, 12, 1]

[[layers]]
type = "Conv2D"
filters = 6
kernel_size = 3
activation = "relu"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 3
activation = "softmax"

[compile]
optimizer = { type = "Adam", learning_rate = 0.003 }

[fit]
epochs = 6
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let sound = stripes(800);
    let mut shuffled = sound.clone();
    shuffled.labels = (0..800).map(|i| hash(i) % 3).collect();
    for (name, rate, train) in [
        ("sound", "0.003", &sound),
        ("learning_rate = 30", "30.0", &sound),
        ("learning_rate = 1e-8", "1e-8", &sound),
        ("shuffled labels", "0.003", &shuffled),
    ] {
        let (config, _warnings) = Config::from_toml("model.toml", &MODEL.replace("0.003", rate))?;
        let model = config.model.build()?;
        let mut trainer = Trainer::new(&config, model.clone(), TrainOptions::default())?;
        let curve = trainer.lr_range_test(train, &LrRange::default())?;
        let result = trainer.fit(train, None, &mut [])?;
        let history = RunHistory::new(&result, config.fit.batch_size);
        let case = Case {
            trained: Some(trainer.weights()),
            history: Some(&history),
            ..Case::new(&config, &model, train)
        };
        let diagnosis = examine(&case, &Exam::default())?;
        println!("{name}: a range test suggests {:.1e}", curve.suggestion().unwrap_or(f64::NAN));
        for finding in &diagnosis.findings {
            println!("  {}: {}\n    {}", finding.code.name(), finding.seen, finding.cure);
        }
        if diagnosis.findings.is_empty() {
            println!("  nothing found in {} checks", diagnosis.checks.len());
        }
    }
    Ok(())
}

/// Stripes along y, x or the diagonal, with noise.
fn stripes(n: u32) -> Split {
    let images = Array4::from_shape_fn((n as usize, 12, 12, 1), |(i, y, x, _)| {
        let along = [y, x, x + y][i % 3] + i / 3;
        let stripe = if along % 4 < 2 { 150 } else { 0 };
        (stripe + hash((i * 144 + y * 12 + x) as u32) % 60) as u8
    });
    Split { images: Images::U8(images), labels: (0..n).map(|i| i % 3).collect() }
}

/// Scrambled bits, the same on every machine.
fn hash(i: u32) -> u32 {
    let mut h = i.wrapping_add(0x9e37_79b9).wrapping_mul(0x85eb_ca6b);
    h ^= h >> 13;
    h = h.wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

//! Which of two networks tells stripes apart better, and is the difference more than noise? Six short runs, side by side.
//!
//! `cargo run --release -p cnn-train --example experiment`

#![expect(clippy::print_stdout, reason = "an example is a program")]

use cnn_data::{Dataset, Images, Split};
use cnn_train::experiment::{Experiment, Observer, Progress, RunOptions, Sweep};
use cnn_train::{Isa, Overrides};
use ndarray::Array4;
use std::error::Error;
use std::sync::atomic::AtomicBool;

const MODEL: &str = r#"
input = [16, 16, 1]
layers = [
  { type = "Conv2D", filters = 2, kernel_size = 3, activation = "relu" },
  { type = "MaxPooling2D" },
  { type = "Flatten" },
  { type = "Dense", units = 3, activation = "softmax" },
]
fit = { epochs = 4 }
"#;

const SWEEP: &str = r#"
name = "stripes"
model = "stripes.toml"
seeds = 3
threshold = { monitor = "accuracy", at_least = 0.9 }

[grid]
"layers.Conv2D.filters" = [2, 8]
"#;

/// Says how far it is.
struct Lines;

impl Observer for Lines {
    fn finished(&self, progress: &Progress<'_>) {
        let score = progress.score;
        let accuracy = score.test.map_or(f64::NAN, |test| test.accuracy);
        println!(
            "[{}/{}] {} seed {}: {accuracy:.3}",
            progress.done, progress.total, score.row, score.seed
        );
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let find = |name: &str| Ok((name.to_owned(), MODEL.to_owned()));
    let sweep = Sweep::from_toml("sweep.toml", SWEEP, Overrides::default(), &find)?;
    let data = Dataset {
        name: "stripes".to_owned(),
        train: stripes(1200, 1),
        test: stripes(600, 2),
        classes: ["horizontal", "vertical", "diagonal"].map(String::from).to_vec(),
        fingerprint: "drawn by this program".to_owned(),
        notes: Vec::new(),
        files: [Vec::new(), Vec::new()],
    };
    let folder = tempfile::tempdir()?;
    let mut experiment = Experiment::open(&sweep, &data, None, folder.path())?;
    let options = RunOptions {
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        side_by_side: None,
        isa: Isa::best(),
        command: Vec::new(),
        data_source: String::new(),
        data_path: String::new(),
        interrupt: &AtomicBool::new(false),
    };
    experiment.run(&options, &Lines)?;
    let results = experiment.results()?;
    println!("\n{}\n{}", results.to_text(), results.notes().join("\n"));
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

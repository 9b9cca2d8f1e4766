//! Trains a small CNN and writes a page about it: curves, confusion matrix, the surest mistakes with their pictures, calibration.
//!
//! `cargo run --release -p cnn-train --example report -- page.html`

use cnn_data::{Images, Split};
use cnn_train::{
    CALIBRATION_BINS, Calibration, Config, RunHistory, TrainOptions, Trainer,
    most_confident_mistakes,
};
use cnn_viz::Bitmap;
use cnn_viz::charts::{LearningCurves, ReliabilityBin};
use cnn_viz::report::{
    Calibrated, EpochColumn, Example, Mistake, Number, Report, Tile, calibration, confusion,
    curves, mistakes,
};
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
epochs = 20
validation_split = 0.2
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "page.html".to_owned());
    let (config, _) = Config::from_toml("model.toml", MODEL)?;
    let mut trainer = Trainer::new(&config, config.model.build()?, TrainOptions::default())?;
    let fit = trainer.fit(&stripes(600, 1), None, &mut [])?;
    let history = RunHistory::new(&fit, config.fit.batch_size);
    let test = stripes(300, 2);
    let (result, answers) = trainer.evaluate_each(&test)?;

    let names = ["along y", "along x", "diagonal"].map(String::from);
    let (loss, accuracy, measured) = history.training_curves();
    let curve = LearningCurves {
        title: "stripes",
        loss,
        accuracy,
        measured,
        val_loss: history.get("val_loss"),
        val_accuracy: history.accuracy("val_"),
        ..Default::default()
    };
    let columns: Vec<EpochColumn<'_>> =
        history.history.iter().map(|(name, values)| EpochColumn { name, values }).collect();
    let surest: Vec<Mistake> = most_confident_mistakes(&answers, 6)
        .iter()
        .map(|answer| Mistake {
            example: Example { picture: picture(&test, answer.index), index: answer.index },
            truth: names[answer.truth].clone(),
            predicted: names[answer.predicted].clone(),
            confidence: answer.confidence.into(),
            truth_probability: answer.truth_probability.into(),
        })
        .collect();
    let calibrated = Calibration::new(&answers, CALIBRATION_BINS);
    let bins: Vec<ReliabilityBin> = calibrated
        .bins
        .iter()
        .map(|bin| ReliabilityBin {
            low: bin.low,
            high: bin.high,
            count: bin.count,
            confidence: bin.confidence.unwrap_or(0.0),
            accuracy: bin.accuracy.unwrap_or(0.0),
        })
        .collect();
    let (low, high) = result.accuracy_interval();
    let report = Report {
        title: "Stripes",
        tiles: vec![Tile {
            name: "Test accuracy",
            number: Number::percent("evaluate/accuracy", result.accuracy),
            note: format!("95 % interval: {:.1} to {:.1} %", 100.0 * low, 100.0 * high),
        }],
        sections: vec![
            curves(&curve, &columns, &[]),
            confusion(&names, &result.confusion)?,
            mistakes(&surest),
            calibration(&Calibrated {
                bins: &bins,
                ece: calibrated.ece,
                confidence: calibrated.confidence,
                accuracy: result.accuracy,
            }),
        ],
        ..Report::default()
    };
    std::fs::write(path, report.page())?;
    Ok(())
}

fn picture(split: &Split, index: usize) -> Bitmap {
    let (mut pixels, mut label) = (vec![0.0; split.shape().iter().product()], [0]);
    split.fill(&[index as u32], &mut pixels, &mut label);
    Bitmap::from_pixels(&pixels, split.shape())
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

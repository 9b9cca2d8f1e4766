//! Whether a run repeats: whether its files are as they were written, its model gives the numbers that were recorded, and training
//! again gives the same bits.
//!
//! Everything is compared to the last bit; there is no tolerance. What comes out is a list of [`Check`]s, the first of them that
//! [`Check::differs`] saying where and with which two numbers.
//!
//! A run that the clock or a person ended ([`retrain`]) is compared as far as its epochs are whole.

mod retrain;

pub use retrain::{Retraining, ended_from_outside, retrain};

use crate::error::TrainError;
use crate::history::{RunHistory, TestScore};
use crate::parts::parts;
use crate::run_dir::{RUN_JSON, RunDir, RunInfo, platform, unfinished};
use crate::sums::sum;
use crate::trainer::Trainer;
use crate::weights::{read_npz, weights_from};
use cnn_data::Dataset;
use serde::Serialize;
use std::io;
use std::path::Path;

/// One thing that was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What: `test loss`, `epoch 3, val_loss`, `model.cnn`.
    pub what: String,
    /// What came out.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Equal to the last bit.
    Same,
    /// Not equal.
    Differs {
        /// What the run folder says.
        recorded: String,
        /// What it is now.
        now: String,
    },
    /// It cannot be said.
    NotCompared {
        /// Why not.
        why: String,
    },
}

impl Check {
    /// Both texts compared.
    pub fn of(what: impl Into<String>, recorded: &str, now: &str) -> Self {
        let outcome = if recorded == now {
            Outcome::Same
        } else {
            Outcome::Differs { recorded: recorded.to_owned(), now: now.to_owned() }
        };
        Self { what: what.into(), outcome }
    }

    /// Both numbers compared, to the last bit. JSON has no infinity and no NaN: what is no number is recorded as NaN.
    pub fn of_numbers(what: impl Into<String>, recorded: f64, now: f64) -> Self {
        let same = recorded.to_bits() == now.to_bits() || recorded.is_nan() && !now.is_finite();
        let outcome = if same {
            Outcome::Same
        } else {
            Outcome::Differs { recorded: recorded.to_string(), now: now.to_string() }
        };
        Self { what: what.into(), outcome }
    }

    /// What cannot be compared.
    pub fn not(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), outcome: Outcome::NotCompared { why: why.into() } }
    }

    /// Whether it was found to differ.
    pub fn differs(&self) -> bool {
        matches!(self.outcome, Outcome::Differs { .. })
    }
}

/// The files of a finished run against the sums that its run.json has of them.
///
/// # Errors
/// The disk's. A file that is gone is a difference.
pub fn files(folder: &Path, info: &RunInfo) -> Result<Vec<Check>, TrainError> {
    if info.files.is_empty() {
        let why = "this run was written by a version that took no sums of its files";
        return Ok(vec![Check::not("files", why)]);
    }
    let check = |(name, recorded): (&String, &String)| {
        // A name comes from a file: none leads out of the folder.
        let path = folder.join(Path::new(name).file_name().unwrap_or_default());
        match sum(&path) {
            Ok(now) => Ok(Check::of(name, recorded, &now)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Check::of(name, recorded, "the file is gone"))
            }
            Err(error) => Err(TrainError::disk("read", &path, &error)),
        }
    };
    info.files.iter().map(check).collect()
}

/// The weights of model.cnn and of weights.npz against the sum that run.json has of them. `trainer` has those of model.cnn.
pub fn weights(folder: &Path, info: &RunInfo, trainer: &Trainer) -> Vec<Check> {
    let recorded = info.weights_hash.as_deref().unwrap_or_default();
    let of_model = Check::of("weights of model.cnn", recorded, &trainer.weights_hash());
    let npz = folder.join("weights.npz");
    let read = read_npz(&npz).and_then(|tensors| weights_from(&trainer.model, &tensors));
    let what = "weights of weights.npz";
    let of_npz = match read {
        Ok(weights) => Check::of(what, recorded, &crate::weights_hash(&trainer.model, &weights)),
        Err(error) => {
            let first = error.to_string();
            Check::of(what, recorded, first.lines().next().unwrap_or_default())
        }
    };
    vec![of_model, of_npz]
}

/// The saved model measured again: on the test images, on the validation images, and on the training images where the run did
/// that. `trainer` has the run's weights; `data` is what it was trained on, cut as it was.
///
/// # Errors
/// Data that does not fit the model.
pub fn evaluate(
    trainer: &mut Trainer,
    data: &Dataset,
    recorded: &RunHistory,
) -> Result<Vec<Check>, TrainError> {
    trainer.check_split(&data.train, "training data")?;
    let parts = parts(&data.train.labels, &trainer.fit)?;
    let mut checks = Vec::new();
    match recorded.test {
        Some(test) => scores("test", &test, &trainer.evaluate(&data.test)?.score(), &mut checks),
        None => checks.push(Check::not("test", "history.json has no test")),
    }
    checks.push(Check::of_numbers("penalty", recorded.penalty, trainer.penalty()));
    if let Some(train) = recorded.train.filter(|_| trainer.fit.eval_train) {
        let now = crate::fit::score(&trainer.measure(&data.train, &parts.train));
        scores("training images", &train, &now, &mut checks);
    }
    if !parts.validation.is_empty() {
        let now = crate::fit::score(&trainer.measure(&data.train, &parts.validation));
        let averaged = trainer.optimizer.average_slot().is_some();
        checks.extend(validation(recorded, &now, averaged));
    }
    Ok(checks)
}

fn scores(what: &str, recorded: &TestScore, now: &TestScore, checks: &mut Vec<Check>) {
    checks.push(Check::of_numbers(format!("{what} loss"), recorded.loss, now.loss));
    checks.push(Check::of_numbers(format!("{what} accuracy"), recorded.accuracy, now.accuracy));
    if let (Some(recorded), Some(now)) = (recorded.accuracy_95, now.accuracy_95) {
        // As text a number is as exact as it is.
        let what = format!("{what} accuracy, 95 % interval");
        checks.push(Check::of(what, &format!("{recorded:?}"), &format!("{now:?}")));
    }
}

/// The final weights are those of the last epoch, or of an earlier one that was put back.
fn validation(recorded: &RunHistory, now: &TestScore, averaged: bool) -> Vec<Check> {
    let (loss, accuracy) = (recorded.get("val_loss"), recorded.accuracy("val_"));
    let row = |epoch: usize| {
        let what = |name: &str| format!("validation {name}, as of epoch {}", epoch + 1);
        let mut checks = vec![Check::of_numbers(what("loss"), loss[epoch], now.loss)];
        let accuracy = accuracy.get(epoch);
        checks.extend(accuracy.map(|&x| Check::of_numbers(what("accuracy"), x, now.accuracy)));
        checks
    };
    let rows: Vec<_> = (0..loss.len()).rev().map(row).collect();
    let same = rows.iter().find(|row| !row.iter().any(Check::differs)).cloned();
    match same.or_else(|| rows.into_iter().next()) {
        Some(row) if averaged && row.iter().any(Check::differs) => {
            let why = "the final weights are a mean, which no epoch measured";
            vec![Check::not("validation", why)]
        }
        Some(row) => row,
        None => vec![Check::not("validation", "history.json has no validation")],
    }
}

/// Why a run that was written elsewhere may differ here: what is not as it was then.
pub fn circumstances(info: &RunInfo) -> Vec<String> {
    let mut all = Vec::new();
    let program = env!("CARGO_PKG_VERSION");
    if info.program != program {
        all.push(format!("it was trained by version {}, this is {program}", info.program));
    }
    let here = platform();
    if !info.platform.is_empty() && info.platform != here {
        let mode = info.deterministic.name();
        all.push(format!(
            "it was trained on {} with --deterministic {mode}, this is {here}",
            info.platform
        ));
    }
    all
}

/// A finished run: what verification needs of its folder beside the model.
///
/// # Errors
/// A folder that is no run, or whose run did not come to its end; a file that is missing or cannot be read.
pub fn finished(folder: &Path) -> Result<(RunInfo, RunHistory), TrainError> {
    if folder.is_dir() && !folder.join(RUN_JSON).is_file() {
        let message = format!("it has no {RUN_JSON}");
        return Err(TrainError::NotARun { path: folder.to_owned(), message });
    }
    let info = RunDir::info(folder)?;
    if !info.finished {
        return Err(unfinished(folder));
    }
    Ok((info, RunDir::history(folder)?))
}

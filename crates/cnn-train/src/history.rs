//! What a run reported, as `history.json` and `history.csv`.

use crate::calibration::{Z95, wilson};
use crate::error::TrainError;
use crate::fit::FitResult;
use crate::on_nan::Rollback;
use cnn_callbacks::callbacks::Columns;
use cnn_callbacks::{History, Stop};
use serde::{Deserialize, Deserializer, Serialize};
use std::path::Path;

/// Version of the layout of `history.json`.
pub const HISTORY_SCHEMA: u32 = 1;

/// The content of `history.json`. Numbers that are NaN or infinite are `null` in the file and NaN when read back.
///
/// ```json
/// {"schema": 1, "params": {"epochs": 5, "steps": 1875, "batch_size": 32, "samples": 60000, "validation_samples": 0},
///  "metrics": ["accuracy", "loss"], "epoch": [0, 1], "history": {"accuracy": [0.82, 0.87], "loss": [0.51, 0.34]},
///  "seconds": [4.1, 4.0], "images_per_second": [14600.0, 15000.0], "stopped_by": null,
///  "train": null, "penalty": 0.0, "test": {"loss": 0.29, "accuracy": 0.9, "accuracy_95": [0.8940, 0.9057]}}
/// ```
///
/// `loss` and `accuracy` are running means while the weights change; with `fit.eval_train` there are also `train_loss` and
/// `train_accuracy`, measured after every epoch as `val_loss` and `val_accuracy` are, and `train`, measured after training as
/// `test` is. With `fit.eval_test` there are `test_loss` and `test_accuracy`, which no callback has seen. Every loss has the
/// penalty of regularised weights in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunHistory {
    /// [`HISTORY_SCHEMA`].
    pub schema: u32,
    /// What the run was asked to do.
    pub params: RunParams,
    /// Names of the metrics, in order.
    pub metrics: Vec<String>,
    /// Numbers of the epochs, from 0.
    pub epoch: Vec<usize>,
    /// Each metric's values, one per epoch.
    pub history: Columns,
    /// Seconds that each epoch took, validation included.
    pub seconds: Vec<f64>,
    /// Training images per second of each epoch, validation left out.
    pub images_per_second: Vec<f64>,
    /// What ended training before its last epoch.
    pub stopped_by: Option<Stop>,
    /// Measured on the training data after training, with the final weights, without dropout, augmentation and mixing; only
    /// with `fit.eval_train`.
    #[serde(default)]
    pub train: Option<TestScore>,
    /// The penalty of regularised weights after training: a part of the losses of `train` and `test` alike.
    #[serde(default, deserialize_with = "number_or_nan")]
    pub penalty: f64,
    /// Measured on the test data after training.
    pub test: Option<TestScore>,
    /// When training went back because something was no longer a number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rollbacks: Vec<Rollback>,
    /// What the learning rate was multiplied with in the end; 1 unless training went back or was taken up with a smaller rate.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub learning_rate_factor: f64,
}

fn one() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_one(factor: &f64) -> bool {
    factor.to_bits() == 1f64.to_bits()
}

/// What a run was asked to do, and on how much data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunParams {
    /// Epochs, unless something stopped them.
    pub epochs: usize,
    /// Batches per epoch.
    pub steps: usize,
    /// Images per batch.
    pub batch_size: usize,
    /// Training images per epoch.
    pub samples: usize,
    /// Validation images; 0 without validation.
    pub validation_samples: usize,
}

/// Loss, penalties included, and accuracy on the test data, or on the training data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestScore {
    /// Mean loss.
    #[serde(deserialize_with = "number_or_nan")]
    pub loss: f64,
    /// Share of right answers.
    #[serde(deserialize_with = "number_or_nan")]
    pub accuracy: f64,
    /// [`wilson`]'s 95 % interval of the accuracy; `None` where the number of images is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_95: Option<[f64; 2]>,
}

impl TestScore {
    /// This loss, and so many right answers to so many images.
    pub fn new(loss: f64, correct: u64, images: u64) -> Self {
        let (low, high) = wilson(correct, images, Z95);
        let accuracy = correct as f64 / images as f64;
        Self { loss, accuracy, accuracy_95: Some([low, high]) }
    }

    /// Loss and accuracy alone.
    pub fn without_interval(loss: f64, accuracy: f64) -> Self {
        Self { loss, accuracy, accuracy_95: None }
    }

    /// The accuracy with its 95 % interval, where that is known: `0.9038 (95 % interval 0.8979 to 0.9094)`.
    pub fn accuracy_text(&self) -> String {
        let interval =
            self.accuracy_95.map(|[low, high]| format!(" (95 % interval {low:.4} to {high:.4})"));
        format!("{:.4}{}", self.accuracy, interval.unwrap_or_default())
    }
}

fn number_or_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

impl RunHistory {
    /// The history of a run, before its test.
    pub fn new(fit: &FitResult, batch_size: usize) -> Self {
        let History { mut history, epoch, seconds, params } = fit.history.clone();
        if !fit.test_record.is_empty() {
            let of = |pick: fn(&TestScore) -> f64| fit.test_record.iter().map(pick).collect();
            // Named and ordered as the others are.
            if let Some(name) = ["accuracy", "acc"].iter().find(|name| history.get(name).is_some())
            {
                history.insert(&format!("test_{name}"), of(|score| score.accuracy));
            }
            history.insert("test_loss", of(|score| score.loss));
        }
        let samples = fit.samples;
        Self {
            schema: HISTORY_SCHEMA,
            params: RunParams {
                epochs: params.epochs,
                steps: params.steps,
                batch_size,
                samples,
                validation_samples: fit.validation_samples,
            },
            metrics: history.iter().map(|(name, _)| name.to_owned()).collect(),
            epoch,
            history,
            seconds,
            images_per_second: fit.images_per_second.clone(),
            stopped_by: fit.stopped_by.clone(),
            train: fit.train,
            penalty: fit.penalty,
            test: None,
            rollbacks: fit.rollbacks.clone(),
            learning_rate_factor: fit.learning_rate_factor,
        }
    }

    /// The values of a metric, one per epoch; empty if there is no such metric.
    pub fn get(&self, metric: &str) -> &[f64] {
        self.history.get(metric).unwrap_or_default()
    }

    /// The values of the accuracy, `accuracy` or `acc`, with this prefix (`""`, `"train_"`, `"val_"` or `"test_"`); empty if there
    /// are none.
    pub fn accuracy(&self, prefix: &str) -> &[f64] {
        let full = self.get(&format!("{prefix}accuracy"));
        if full.is_empty() { self.get(&format!("{prefix}acc")) } else { full }
    }

    /// Loss and accuracy of the validation images in the last epoch, where both were measured.
    pub fn validation(&self) -> Option<TestScore> {
        let (loss, accuracy) = (self.get("val_loss").last()?, self.accuracy("val_").last()?);
        let images = self.params.validation_samples;
        let right = (accuracy * images as f64).round() as u64;
        (images > 0).then(|| TestScore::new(*loss, right, images as u64))
    }

    /// Loss and accuracy of the training images, as far as they compare with the validation's: measured after every epoch
    /// where the run did that (`true`), else the running means.
    pub fn training_curves(&self) -> (&[f64], &[f64], bool) {
        let measured = self.get("train_loss");
        if measured.is_empty() {
            (self.get("loss"), self.accuracy(""), false)
        } else {
            (measured, self.accuracy("train_"), true)
        }
    }

    /// As JSON.
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, TrainError> {
        json(self)
    }

    /// From `history.json`.
    ///
    /// # Errors
    /// A file that is no such JSON, or of a later version.
    pub(crate) fn from_json(path: &Path, bytes: &[u8]) -> Result<Self, TrainError> {
        versioned(path, bytes, HISTORY_SCHEMA)
    }

    /// As CSV in the layout of Keras's `CSVLogger`: `epoch` from 0, then the metrics sorted, `NA` for what is missing;
    /// and the seconds of each epoch in a last column.
    pub fn to_csv(&self) -> String {
        let mut columns: Vec<(&str, &[f64])> = self.history.iter().collect();
        columns.sort_unstable_by_key(|(name, _)| *name);
        columns.push(("seconds", &self.seconds));
        let mut text = String::from("epoch");
        for (name, _) in &columns {
            text.push(',');
            text.push_str(name);
        }
        text.push('\n');
        for (row, epoch) in self.epoch.iter().enumerate() {
            text.push_str(&epoch.to_string());
            for (_, values) in &columns {
                let value = values.get(row).filter(|value| !value.is_nan());
                text.push(',');
                text.push_str(&value.map_or_else(|| "NA".to_owned(), f64::to_string));
            }
            text.push('\n');
        }
        text
    }
}

/// Indented JSON with a final line break.
pub(crate) fn json(value: &impl Serialize) -> Result<Vec<u8>, TrainError> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| TrainError::Internal { message: error.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Values in a JSON file of a run, at most: 20 metrics of 25,000 epochs. Each may take a dozen times the bytes that it has in the file.
const MOST_VALUES: usize = 500_000;

/// Reads JSON of a run; the message says what is wrong.
pub(crate) fn from_json<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, String> {
    let commas = bytes.split(|byte| *byte == b',').skip(1).count();
    if commas > MOST_VALUES {
        return Err(format!("it has {commas} commas, more than the {MOST_VALUES} that are read"));
    }
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// What every version of a run's JSON files has.
#[derive(Deserialize)]
struct Version {
    schema: u32,
}

/// Reads a run's JSON file that says its version. The version comes first: what a later one holds is nobody's mistake.
///
/// # Errors
/// No such JSON, or of a later version than `known`.
pub(crate) fn versioned<T: for<'de> Deserialize<'de>>(
    path: &Path,
    bytes: &[u8],
    known: u32,
) -> Result<T, TrainError> {
    let wrong = |message: String| TrainError::Json { path: path.to_owned(), message };
    match from_json(bytes) {
        Ok(Version { schema }) if schema > known => {
            Err(TrainError::Newer { path: path.to_owned(), schema, known })
        }
        _ => from_json(bytes).map_err(wrong),
    }
}

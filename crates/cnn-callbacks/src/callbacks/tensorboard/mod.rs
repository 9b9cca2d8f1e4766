//! Writes event files that TensorBoard shows: curves, histograms of the weights and pictures of them.
//!
//! In `log_dir` of the run folder, under Keras's names:
//!
//! | file in | tag | step | when |
//! |---|---|---|---|
//! | `train/` | `epoch_loss`, `epoch_accuracy`, …, `epoch_learning_rate` | epoch, from 0 | every epoch |
//! | `train/` | `batch_loss`, `batch_accuracy`, … (running means) | batches so far | `update_freq` |
//! | `train/` | `conv2d/kernel/histogram`, … | epoch | `histogram_freq` |
//! | `train/` | `conv2d/kernel/image`, … | epoch | `histogram_freq` and `write_images` |
//! | `validation/` | `epoch_loss`, `epoch_accuracy`, … | epoch | every epoch with validation |
//! | `validation/` | `evaluation_loss_vs_iterations`, … | batches so far | every epoch with validation |
//!
//! To look at them: `tensorboard --logdir RUN/logs`. The files are on disk after every epoch.
//!
//! Unlike Keras: `write_images` without `histogram_freq` is an error (there it does nothing); a picture shows the whole tensor
//! around a middle grey (there negative weights are black and at most three kernels of a first layer are shown); the tags of
//! weights have no model name in front; no graph is written. PyTorch's `SummaryWriter` writes what it is told, step by step.
//!
//! ```toml
//! [[callbacks]]
//! type = "TensorBoard"
//! log_dir = "logs"                     # in the run folder
//! histogram_freq = 1
//! ```
//!
//! **Errors**: at build, a `log_dir` outside of the run folder or of another callback, an `update_freq` of 0, `write_images` without `histogram_freq`. A
//! full disk stops training ([`Control::fail`]).
//!
//! **Source**: Keras `callbacks/tensorboard.py`.

mod event;
mod records;
mod weights;

use super::{BuildContext, Frequency, context::make_folder};
use crate::error::wrong;
use crate::{
    BatchEnd, Callback, CallbackError, Control, EpochEnd, LEARNING_RATE, Memory, Resume,
    TrainBegin, TrainEnd,
};
use event::{Event, Payload};
use records::Records;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Write event files for TensorBoard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TensorBoard {
    /// The folder, relative to the run folder. Default `logs`.
    pub log_dir: String,
    /// A histogram of every weight after every so many epochs, the first included; 0 (default) for none.
    pub histogram_freq: usize,
    /// How often the running means within an epoch are written: `"epoch"` (default) not at all, `"batch"`, or a number of batches.
    pub update_freq: Frequency,
    /// Whether a picture of every weight goes beside its histogram. Default false.
    pub write_images: bool,
}

impl Default for TensorBoard {
    fn default() -> Self {
        Self {
            log_dir: "logs".to_owned(),
            histogram_freq: 0,
            update_freq: Frequency::default(),
            write_images: false,
        }
    }
}

const NAME: &str = "TensorBoard";

impl TensorBoard {
    /// Checks every value and returns the callback. Touches no file.
    pub fn build(&self, context: &BuildContext) -> Result<Box<dyn Callback>, CallbackError> {
        let folder = context.file(&self.log_dir).map_err(|why| {
            let got = format!("\"{}\"", self.log_dir);
            wrong(NAME, "log_dir", "a folder in the run folder", got, why)
        })?;
        if self.write_images && self.histogram_freq == 0 {
            let hint = "set `histogram_freq = 1`: pictures are written with the histograms";
            return Err(wrong(NAME, "write_images", "false without `histogram_freq`", true, hint));
        }
        Ok(Box::new(Board {
            spec: self.clone(),
            every: self.update_freq.batches(NAME, "update_freq")?,
            context: context.clone(),
            folder,
            begun: 0.0,
            batches: 0,
            train: None,
            validation: None,
        }))
    }

    /// Specs that cover the settings, the defaults first.
    pub fn examples() -> Vec<Self> {
        let full = Self {
            log_dir: "boards/first".to_owned(),
            histogram_freq: 2,
            update_freq: Frequency::Batches(100),
            write_images: true,
        };
        vec![Self::default(), full]
    }
}

struct Board {
    spec: TensorBoard,
    /// Batches from one record to the next; none for whole epochs.
    every: Option<usize>,
    context: BuildContext,
    folder: PathBuf,
    /// When training began, in seconds since 1970.
    begun: f64,
    /// Batches since training began.
    batches: u64,
    train: Option<Records>,
    validation: Option<Records>,
}

impl Board {
    fn open(&self, part: &str) -> Result<Records, String> {
        let folder = self.folder.join(part);
        make_folder(self.context.run_dir(), &folder.join("x"))?;
        Records::begin(&folder, self.begun, self.context.may_overwrite())
    }

    fn begin(&mut self, validated: bool) -> Result<(), String> {
        self.train = Some(self.open("train")?);
        self.validation = if validated { Some(self.open("validation")?) } else { None };
        Ok(())
    }

    fn batch(&mut self, event: &BatchEnd<'_>) -> Result<(), String> {
        self.batches += 1;
        if !self.every.is_some_and(|every| self.batches.is_multiple_of(every as u64)) {
            return Ok(());
        }
        let (time, step) = (self.begun + event.trained, self.batches);
        let Some(train) = &mut self.train else { return Ok(()) };
        for (name, value) in event.logs.iter() {
            scalar(train, time, step, &format!("batch_{name}"), value)?;
        }
        Ok(())
    }

    fn epoch(&mut self, event: &EpochEnd<'_>) -> Result<(), String> {
        let (time, epoch) = (self.begun + event.trained, event.epoch as u64);
        let Some(train) = &mut self.train else { return Ok(()) };
        for (name, value) in event.logs.iter() {
            match (name.strip_prefix("val_"), &mut self.validation) {
                (Some(name), Some(file)) => {
                    let tag = format!("evaluation_{name}_vs_iterations");
                    scalar(file, time, self.batches, &tag, value)?;
                    scalar(file, time, epoch, &format!("epoch_{name}"), value)?;
                }
                (Some(_), None) => {}
                (None, _) if name == LEARNING_RATE => {}
                (None, _) => scalar(train, time, epoch, &format!("epoch_{name}"), value)?,
            }
        }
        let rate = f64::from(event.learning_rate);
        scalar(train, time, epoch, &format!("epoch_{LEARNING_RATE}"), rate)?;
        let every = self.spec.histogram_freq;
        if every > 0 && event.epoch.is_multiple_of(every) {
            draw(train, time, self.spec.write_images, event)?;
        }
        train.flush()?;
        self.validation.as_mut().map_or(Ok(()), Records::flush)
    }
}

/// Writes one number.
fn scalar(file: &mut Records, time: f64, step: u64, tag: &str, value: f64) -> Result<(), String> {
    let payload = Payload::Scalar { tag, value: value as f32 };
    file.write(&Event { time, step, payload })
}

/// Writes every weight as a histogram, and as a picture if that is wanted.
fn draw(file: &mut Records, time: f64, images: bool, event: &EpochEnd<'_>) -> Result<(), String> {
    let step = event.epoch as u64;
    for param in event.params {
        let Some(values) = event.weights.get(param.range.clone()) else { continue };
        let buckets = weights::histogram(values);
        if !buckets.is_empty() {
            let tag = &format!("{}/histogram", param.name);
            let payload = Payload::Histogram { tag, buckets: &buckets };
            file.write(&Event { time, step, payload })?;
        }
        let picture = images.then(|| weights::picture(&param.shape, values)).flatten();
        if let Some(picture) = picture {
            let png = &picture.png().map_err(|error| error.to_string())?;
            let tag = &format!("{}/image", param.name);
            let (width, height) = (picture.width, picture.height);
            let payload = Payload::Image { tag, width, height, png };
            file.write(&Event { time, step, payload })?;
        }
    }
    Ok(())
}

impl Callback for Board {
    fn name(&self) -> &'static str {
        NAME
    }

    fn on_train_begin(&mut self, event: &TrainBegin<'_>, control: &mut Control) {
        (self.begun, self.batches) = (event.time, 0);
        let validated = event.metrics.iter().any(|name| name.starts_with("val_"));
        if let Err(why) = self.begin(validated) {
            control.fail(NAME, why);
        }
    }

    fn on_batch_end(&mut self, event: &BatchEnd<'_>, control: &mut Control) {
        if let Err(why) = self.batch(event) {
            control.fail(NAME, why);
            self.train = None;
        }
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, control: &mut Control) {
        if let Err(why) = self.epoch(event) {
            control.fail(NAME, why);
            self.train = None;
        }
    }

    fn state(&mut self) -> Result<Memory, String> {
        let mut memory =
            Memory::new().numbers("begun", [self.begun]).counts("batches", [self.batches]);
        for (part, file) in [("train", &mut self.train), ("validation", &mut self.validation)] {
            if let Some(file) = file {
                let (name, length) = file.keep()?;
                memory = memory.texts(part, [name]).counts(part, [length]);
            }
        }
        Ok(memory)
    }

    fn on_resume(&mut self, _event: &Resume<'_>, kept: &Memory) -> Result<(), String> {
        self.begun = kept.get_numbers("begun")?.first().copied().unwrap_or_default();
        self.batches = kept.count("batches")?;
        // What was open is closed before the files are cut.
        (self.train, self.validation) = (None, None);
        let open = |part: &str| {
            let Ok([name]) = kept.get_texts(part) else { return Ok(None) };
            let folder = self.folder.join(part);
            make_folder(self.context.run_dir(), &folder.join("x"))?;
            let name = std::path::Path::new(&**name).file_name().unwrap_or_default();
            Records::resume(&folder.join(name), kept.count(part)?).map(Some)
        };
        (self.train, self.validation) = (open("train")?, open("validation")?);
        Ok(())
    }

    fn on_train_end(&mut self, _event: &TrainEnd<'_>, control: &mut Control) {
        for file in [&mut self.train, &mut self.validation].into_iter().flatten() {
            if let Err(why) = file.flush() {
                control.fail(NAME, why);
            }
        }
        (self.train, self.validation) = (None, None);
    }
}

#[cfg(test)]
mod tests;

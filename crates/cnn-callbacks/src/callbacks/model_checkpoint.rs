//! Saves the model while it is being trained.
//!
//! After every epoch, or every so many batches; all of them, or (`save_best_only`) only when the monitored metric is better than
//! it has been yet, or than `initial_value_threshold`. The path may have placeholders, which are filled in as Python does:
//! `{epoch:02d}-{val_loss:.2f}.cnn`. Epochs and batches count from 1 there. A path ending in `.cnn` gets the whole model, one in
//! `.npz` the weights alone (Keras's `save_weights_only`). The trainer does the saving ([`Control::save`]), in one go: a run that is
//! killed leaves the old file or the new one, whole.
//!
//! Unlike Keras: a metric that is missing, or a placeholder that nothing fills in, is an error before the first epoch (there, the
//! model is saved anyway, or training ends in the first epoch with a `KeyError`); NaN is never an improvement; the folder is
//! always in the run folder; weights that are no longer numbers are not saved but end training.
//!
//! ```toml
//! [[callbacks]]
//! type = "ModelCheckpoint"
//! filepath = "checkpoints/{epoch:02d}-{val_loss:.2f}.cnn"
//! monitor = "val_loss"
//! save_best_only = true
//! ```
//!
//! **Errors**: a path outside of the run folder, of another ending, of another callback's files or with a placeholder that is not
//! known; a `save_freq` of 0; an `initial_value_threshold` that is no number or has no effect. A full disk, or a file that was there before the run (unless
//! files may be replaced), stops training.
//!
//! **Source**: Keras `callbacks/model_checkpoint.py`.

use super::template::Template;
use super::{BuildContext, Frequency, context::make_folder};
use crate::error::{check_verbose, wrong};
use crate::{
    BatchEnd, Callback, CallbackError, Content, Control, EpochEnd, LEARNING_RATE, Logs, Memory,
    Mode, Monitor, Resume, Save, TrainBegin,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::Path;

/// Save the model after epochs or batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelCheckpoint {
    /// The file, relative to the run folder, ending in `.cnn` or `.npz`; folders in between are made. No default.
    pub filepath: String,
    /// Name of the metric that `save_best_only` looks at. Default `val_loss`, which needs validation data.
    #[serde(default = "val_loss")]
    pub monitor: String,
    /// 1 says what is saved; default 0 says nothing.
    #[serde(default)]
    pub verbose: u8,
    /// Whether the model is saved only when the metric is better than ever. Default false.
    #[serde(default)]
    pub save_best_only: bool,
    /// Which way is better. Default `auto`: losses down, accuracies up.
    #[serde(default)]
    pub mode: Mode,
    /// How often: `"epoch"` (default), `"batch"`, or a number of batches.
    #[serde(default)]
    pub save_freq: Frequency,
    /// A value that the first one to be saved must beat, in the metric's unit; only with `save_best_only`. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_value_threshold: Option<f64>,
}

fn val_loss() -> String {
    "val_loss".to_owned()
}

const NAME: &str = "ModelCheckpoint";

impl ModelCheckpoint {
    /// Saves to this file after every epoch.
    pub fn new(filepath: &str) -> Self {
        Self {
            filepath: filepath.to_owned(),
            monitor: val_loss(),
            verbose: 0,
            save_best_only: false,
            mode: Mode::Auto,
            save_freq: Frequency::default(),
            initial_value_threshold: None,
        }
    }

    /// Checks every value and returns the callback. Touches no file.
    pub fn build(&self, context: &BuildContext) -> Result<Box<dyn Callback>, CallbackError> {
        check_verbose(NAME, self.verbose)?;
        let path = |expected, hint: &str| {
            Err(wrong(NAME, "filepath", expected, format!("\"{}\"", self.filepath), hint))
        };
        let template = match Template::parse(&self.filepath) {
            Ok(template) => template,
            Err(why) => return path("a path with placeholders that can be filled in", &why),
        };
        let content = match Path::new(&self.filepath).extension().and_then(OsStr::to_str) {
            Some("cnn") => Content::Model,
            Some("npz") => Content::Weights,
            _ => {
                return path(
                    "a path that ends in `.cnn` or `.npz`",
                    "`.cnn` is the whole model, `.npz` its weights alone",
                );
            }
        };
        if let Err(why) = context.file(&template.shape()) {
            return path("a file in the run folder", why);
        }
        if let Some(x) = self.initial_value_threshold {
            let key = "initial_value_threshold";
            if !x.is_finite() {
                return Err(wrong(
                    NAME,
                    key,
                    "a finite number",
                    x,
                    "leave it out to save the first",
                ));
            }
            if !self.save_best_only {
                let hint = "set `save_best_only = true`, or leave it out";
                return Err(wrong(NAME, key, "left out without `save_best_only`", x, hint));
            }
        }
        Ok(Box::new(Checkpoint {
            template,
            content,
            context: context.clone(),
            monitor: Monitor::new(&self.monitor, self.mode),
            every: self.save_freq.batches(NAME, "save_freq")?,
            spec: self.clone(),
            best: None,
            waiting: 0,
        }))
    }

    /// Specs that cover the settings.
    pub fn examples() -> Vec<Self> {
        let best = Self {
            monitor: "accuracy".to_owned(),
            verbose: 1,
            save_best_only: true,
            mode: Mode::Max,
            initial_value_threshold: Some(0.5),
            ..Self::new("best.cnn")
        };
        let often = Self { save_freq: Frequency::Batches(100), ..Self::new("{epoch}/{batch}.npz") };
        vec![Self::new("{epoch:02d}-{val_loss:.2f}.cnn"), best, often]
    }
}

struct Checkpoint {
    spec: ModelCheckpoint,
    template: Template,
    content: Content,
    context: BuildContext,
    monitor: Monitor,
    /// Batches from one to the next; none for epochs.
    every: Option<usize>,
    best: Option<f64>,
    /// Batches since the last.
    waiting: usize,
}

impl Checkpoint {
    /// At the end of this epoch, or of this batch of it, both from 0.
    fn look(&mut self, epoch: usize, batch: usize, logs: &Logs, control: &mut Control) {
        let name = self.template.fill(epoch + 1, batch + 1, logs);
        let mut text = format!("saving model to {name}");
        if self.spec.save_best_only {
            let Some(current) = self.monitor.value(logs) else { return };
            let metric = self.monitor.name();
            let best = self.best.map_or_else(|| "None".to_owned(), |best| format!("{best:.5}"));
            if !self.monitor.improves(current, self.best, 0.0) {
                self.say(epoch, &format!("{metric} did not improve from {best}"), control);
                return;
            }
            text = format!("{metric} improved from {best} to {current:.5}, {text}");
            self.best = Some(current);
        }
        self.say(epoch, &text, control);
        if let Err(why) = self.ask(&name, control) {
            control.fail(NAME, why);
        }
    }

    fn ask(&self, name: &str, control: &mut Control) -> Result<(), String> {
        let path = self.context.file(name).map_err(|why| format!("{name}: {why}"))?;
        make_folder(self.context.run_dir(), &path)?;
        let (by, replace) = (NAME.to_owned(), self.context.may_overwrite());
        control.save(Save { by, path, content: self.content, replace });
        Ok(())
    }

    fn say(&self, epoch: usize, text: &str, control: &mut Control) {
        if self.spec.verbose > 0 {
            control.say(NAME, format!("Epoch {}: {text}", epoch + 1));
        }
    }
}

impl Callback for Checkpoint {
    fn name(&self) -> &'static str {
        NAME
    }

    fn monitors(&mut self) -> Vec<&mut Monitor> {
        if self.spec.save_best_only { vec![&mut self.monitor] } else { Vec::new() }
    }

    fn check_metrics(&mut self, available: &[String]) -> Result<Vec<String>, CallbackError> {
        if self.every.is_none() {
            return self.template.resolve(NAME, available, false);
        }
        // At the end of a batch there are the running means alone.
        let running: Vec<String> =
            available.iter().filter(|name| is_running(name)).cloned().collect();
        let monitor = self.monitor.name();
        if self.spec.save_best_only && !is_running(monitor) {
            return Err(CallbackError::UnknownMonitor {
                callback: NAME.to_owned(),
                monitor: monitor.to_owned(),
                available: running,
                hint: "the others are known at the end of an epoch: set `save_freq = \"epoch\"`"
                    .to_owned(),
            });
        }
        self.template.resolve(NAME, &running, true)
    }

    fn on_train_begin(&mut self, _event: &TrainBegin<'_>, _control: &mut Control) {
        (self.best, self.waiting) = (self.spec.initial_value_threshold, 0);
    }

    fn state(&mut self) -> Result<Memory, String> {
        Ok(Memory::new().counts("waiting", [self.waiting as u64]).numbers("best", self.best))
    }

    fn on_resume(&mut self, _event: &Resume<'_>, kept: &Memory) -> Result<(), String> {
        self.waiting = kept.count("waiting")? as usize;
        self.best = kept.get_numbers("best")?.first().copied();
        Ok(())
    }

    fn on_batch_end(&mut self, event: &BatchEnd<'_>, control: &mut Control) {
        let Some(every) = self.every else { return };
        self.waiting += 1;
        if self.waiting >= every {
            self.waiting = 0;
            self.look(event.epoch, event.step, event.logs, control);
        }
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, control: &mut Control) {
        if self.every.is_none() {
            self.look(event.epoch, 0, event.logs, control);
        }
    }
}

/// Whether the logs of a batch's end hold the metric too.
fn is_running(metric: &str) -> bool {
    !(metric.starts_with("val_") || metric.starts_with("train_") || metric == LEARNING_RATE)
}

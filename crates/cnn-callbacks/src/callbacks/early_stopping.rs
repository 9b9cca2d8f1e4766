//! Stops training once a metric has not improved for some epochs.
//!
//! At the end of each epoch from `start_from_epoch` on: `wait` goes up by one; if the value beats the best so far by more than
//! `min_delta`, it becomes the best (and its weights are kept, if asked), and `wait` returns to 0 unless there is a `baseline`
//! that it does not beat as well; otherwise training stops when `wait ≥ patience`, but never in the first epoch. So patience 0 and
//! 1 are the same. The best weights are restored at the end of training, whatever ended it.
//!
//! Unlike Keras, NaN is never an improvement: there a NaN in the first epoch stays the best value for ever.
//!
//! ```toml
//! [[callbacks]]
//! type = "EarlyStopping"
//! monitor = "val_loss"
//! patience = 3
//! restore_best_weights = true
//! ```
//!
//! **Errors**: a `min_delta` or `baseline` that is no number.
//!
//! **Source**: Keras `callbacks/early_stopping.py`; Prechelt, "Early Stopping – But When?" (1998).

use super::BuildContext;
use crate::{
    Callback, CallbackError, Control, EpochEnd, Memory, Mode, Monitor, Resume, TrainBegin, TrainEnd,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stop when `monitor` no longer improves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EarlyStopping {
    /// Name of the metric. Default `val_loss`, which needs validation data.
    pub monitor: String,
    /// A change must be larger than this to count, in the metric's unit. Default 0. Finite; the sign does not matter.
    pub min_delta: f64,
    /// Epochs without improvement that are endured. Default 0, which is the same as 1.
    pub patience: usize,
    /// Which way is better. Default `auto`: losses down, accuracies up.
    pub mode: Mode,
    /// A value that must be beaten within `patience` epochs, in the metric's unit. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// Whether training ends with the weights of the best epoch instead of the last. Default false.
    pub restore_best_weights: bool,
    /// First epoch that is looked at, from 0. Default 0.
    pub start_from_epoch: usize,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self {
            monitor: "val_loss".to_owned(),
            min_delta: 0.0,
            patience: 0,
            mode: Mode::Auto,
            baseline: None,
            restore_best_weights: false,
            start_from_epoch: 0,
        }
    }
}

impl EarlyStopping {
    /// Checks every value and returns the callback.
    pub fn build(&self, _context: &BuildContext) -> Result<Box<dyn Callback>, CallbackError> {
        for (key, x) in [("min_delta", self.min_delta), ("baseline", self.baseline.unwrap_or(0.0))]
        {
            if !x.is_finite() {
                let hint = "leave it out for Keras's default".to_owned();
                let (got, expected) = (x.to_string(), "a finite number");
                return Err(CallbackError::Value {
                    callback: "EarlyStopping",
                    key,
                    expected,
                    got,
                    hint,
                });
            }
        }
        let monitor = Monitor::new(&self.monitor, self.mode);
        Ok(Box::new(Watch {
            spec: self.clone(),
            monitor,
            wait: 0,
            best: None,
            weights: Vec::new(),
        }))
    }

    /// Specs that cover the settings, the defaults first.
    pub fn examples() -> Vec<Self> {
        let patient = Self { patience: 3, restore_best_weights: true, ..Self::default() };
        let picky = Self {
            min_delta: 0.01,
            baseline: Some(0.5),
            start_from_epoch: 2,
            mode: Mode::Max,
            ..Self::default()
        };
        vec![Self::default(), patient, Self { monitor: "accuracy".to_owned(), ..picky }]
    }
}

struct Watch {
    spec: EarlyStopping,
    monitor: Monitor,
    wait: usize,
    /// Best value so far and its epoch.
    best: Option<(f64, usize)>,
    /// Weights of the best epoch; empty until there is one, or where they are not wanted.
    weights: Vec<f32>,
}

impl Callback for Watch {
    fn name(&self) -> &'static str {
        "EarlyStopping"
    }

    fn monitors(&mut self) -> Vec<&mut Monitor> {
        vec![&mut self.monitor]
    }

    fn on_train_begin(&mut self, _event: &TrainBegin<'_>, _control: &mut Control) {
        self.wait = 0;
        self.best = None;
        self.weights.clear();
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, control: &mut Control) {
        let Some(current) = self.monitor.value(event.logs) else { return };
        if event.epoch < self.spec.start_from_epoch {
            return;
        }
        self.wait += 1;
        let min_delta = self.spec.min_delta;
        if self.monitor.improves(current, self.best.map(|(value, _)| value), min_delta) {
            self.best = Some((current, event.epoch));
            if self.spec.restore_best_weights {
                self.weights.clear();
                self.weights.extend_from_slice(event.weights);
            }
            if self.spec.baseline.is_none_or(|b| self.monitor.improves(current, Some(b), min_delta))
            {
                self.wait = 0;
            }
        } else if self.wait >= self.spec.patience && event.epoch > 0 {
            let name = self.monitor.name();
            let why = match self.best {
                Some((best, epoch)) => {
                    format!("{name} has not improved on {best:.4} of epoch {}", epoch + 1)
                }
                None => format!("{name} has not been a number yet"),
            };
            control
                .stop("EarlyStopping", format!("Epoch {}: early stopping, {why}", event.epoch + 1));
        }
    }

    fn state(&mut self) -> Result<Memory, String> {
        let best = self.best;
        Ok(Memory::new()
            .counts("wait", [self.wait as u64])
            .numbers("best", best.map(|(value, _)| value))
            .counts("epoch", best.map(|(_, epoch)| epoch as u64))
            .weights("weights", &self.weights))
    }

    fn on_resume(&mut self, _event: &Resume<'_>, kept: &Memory) -> Result<(), String> {
        self.wait = kept.count("wait")? as usize;
        let (best, epoch) = (kept.get_numbers("best")?, kept.get_counts("epoch")?);
        self.best = best.iter().zip(epoch).map(|(&best, &epoch)| (best, epoch as usize)).next();
        self.weights = kept.get_weights("weights")?.to_vec();
        Ok(())
    }

    fn on_train_end(&mut self, _event: &TrainEnd<'_>, control: &mut Control) {
        if let Some((_, epoch)) = self.best.filter(|_| self.spec.restore_best_weights) {
            let reason =
                format!("Restoring model weights from the end of the best epoch: {}.", epoch + 1);
            control.restore("EarlyStopping", std::mem::take(&mut self.weights), reason);
        }
    }
}

//! Lowers the learning rate once a metric has not improved for some epochs.
//!
//! At the end of each epoch: during the cooldown after a reduction, the cooldown goes down by one and `wait` is 0; a value that
//! beats the best so far by more than `min_delta` becomes the best, and `wait` returns to 0; otherwise, once the cooldown is
//! over, `wait` goes up by one, and when it reaches `patience` the rate becomes `max(rate · factor, min_lr)`, the cooldown begins
//! and `wait` returns to 0. A rate that is at `min_lr` already is left. So patience 0 and 1 are the same.
//!
//! The logs of an epoch's end hold `learning_rate`, the rate that the epoch was trained with.
//!
//! Unlike Keras, NaN is never an improvement: there a NaN in the first epoch stays the best value for ever. PyTorch's class of
//! that name has other defaults (`threshold` relative, patience counted one longer, eps 1e-8).
//!
//! ```toml
//! [[callbacks]]
//! type = "ReduceLROnPlateau"
//! monitor = "val_loss"
//! factor = 0.2
//! patience = 3
//! min_lr = 1e-5
//! ```
//!
//! **Errors**: a `factor` that is not between 0 and 1; a `min_delta` that is no number; a `min_lr` that is no rate; an optimizer
//! whose rate follows a schedule.
//!
//! **Source**: Keras `callbacks/reduce_lr_on_plateau.py`.

use super::BuildContext;
use crate::error::{check_verbose, wrong};
use crate::text::python_repr;
use crate::{
    Callback, CallbackError, Control, EpochEnd, Memory, Mode, Monitor, Resume, TrainBegin,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lower the learning rate when `monitor` no longer improves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReduceLROnPlateau {
    /// Name of the metric. Default `val_loss`, which needs validation data.
    pub monitor: String,
    /// What the rate is multiplied with: 0 < factor < 1. Default 0.1.
    pub factor: f64,
    /// Epochs without improvement that are endured. Default 10; 0 is the same as 1.
    pub patience: usize,
    /// 1 says every reduction; default 0 says nothing.
    pub verbose: u8,
    /// Which way is better. Default `auto`: losses down, accuracies up.
    pub mode: Mode,
    /// A change must be larger than this to count, in the metric's unit. Default 1e-4. Finite; the sign does not matter.
    pub min_delta: f64,
    /// Epochs after a reduction in which nothing is counted. Default 0.
    pub cooldown: usize,
    /// The rate is never set below this. Default 0. Finite, ≥ 0.
    pub min_lr: f64,
}

impl Default for ReduceLROnPlateau {
    fn default() -> Self {
        Self {
            monitor: "val_loss".to_owned(),
            factor: 0.1,
            patience: 10,
            verbose: 0,
            mode: Mode::Auto,
            min_delta: 1e-4,
            cooldown: 0,
            min_lr: 0.0,
        }
    }
}

const NAME: &str = "ReduceLROnPlateau";

impl ReduceLROnPlateau {
    /// Checks every value and returns the callback.
    pub fn build(&self, context: &BuildContext) -> Result<Box<dyn Callback>, CallbackError> {
        context.may_set_rate(NAME)?;
        check_verbose(NAME, self.verbose)?;
        if !(self.factor > 0.0 && self.factor < 1.0) {
            let hint = "0.1 makes the rate ten times smaller, Keras's default";
            return Err(wrong(NAME, "factor", "between 0 and 1", self.factor, hint));
        }
        if !self.min_delta.is_finite() {
            let hint = "leave it out for Keras's default";
            return Err(wrong(NAME, "min_delta", "a finite number", self.min_delta, hint));
        }
        if !((self.min_lr as f32).is_finite() && self.min_lr >= 0.0) {
            let hint = "1e-6 keeps the rate from vanishing";
            return Err(wrong(NAME, "min_lr", "a finite number of at least 0", self.min_lr, hint));
        }
        let monitor = Monitor::new(&self.monitor, self.mode);
        Ok(Box::new(Watch { spec: self.clone(), monitor, wait: 0, cooldown: 0, best: None }))
    }

    /// Specs that cover the settings, the defaults first.
    pub fn examples() -> Vec<Self> {
        let slow = Self { factor: 0.5, patience: 2, cooldown: 1, min_lr: 1e-5, ..Self::default() };
        let monitor = "accuracy".to_owned();
        let loud = Self { monitor, verbose: 1, mode: Mode::Max, min_delta: 0.01, ..slow.clone() };
        vec![Self::default(), slow, loud]
    }
}

struct Watch {
    spec: ReduceLROnPlateau,
    monitor: Monitor,
    wait: usize,
    /// Epochs of rest that are left.
    cooldown: usize,
    best: Option<f64>,
}

impl Callback for Watch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn monitors(&mut self) -> Vec<&mut Monitor> {
        vec![&mut self.monitor]
    }

    fn reports_learning_rate(&self) -> bool {
        true
    }

    fn on_train_begin(&mut self, _event: &TrainBegin<'_>, _control: &mut Control) {
        (self.wait, self.cooldown, self.best) = (0, 0, None);
    }

    fn state(&mut self) -> Result<Memory, String> {
        Ok(Memory::new()
            .counts("wait", [self.wait as u64])
            .counts("cooldown", [self.cooldown as u64])
            .numbers("best", self.best))
    }

    fn on_resume(&mut self, _event: &Resume<'_>, kept: &Memory) -> Result<(), String> {
        self.wait = kept.count("wait")? as usize;
        self.cooldown = kept.count("cooldown")? as usize;
        self.best = kept.get_numbers("best")?.first().copied();
        Ok(())
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, control: &mut Control) {
        let Some(current) = self.monitor.value(event.logs) else { return };
        if self.cooldown > 0 {
            self.cooldown -= 1;
            self.wait = 0;
        }
        if self.monitor.improves(current, self.best, self.spec.min_delta) {
            self.best = Some(current);
            self.wait = 0;
        } else if self.cooldown == 0 {
            self.wait += 1;
            if self.wait >= self.spec.patience && event.learning_rate > self.spec.min_lr as f32 {
                let rate = f64::from(event.learning_rate) * self.spec.factor;
                let rate = rate.max(self.spec.min_lr);
                control.set_learning_rate(rate as f32);
                (self.cooldown, self.wait) = (self.spec.cooldown, 0);
                if self.spec.verbose > 0 {
                    let (epoch, rate) = (event.epoch + 1, python_repr(rate));
                    control.say(
                        NAME,
                        format!("Epoch {epoch}: {NAME} reducing learning rate to {rate}."),
                    );
                }
            }
        }
    }
}

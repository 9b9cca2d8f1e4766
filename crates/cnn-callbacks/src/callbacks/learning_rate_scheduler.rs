//! Sets the learning rate at the beginning of every epoch.
//!
//! In model.toml it is a table, `rates`: from which epoch on, counted from 0, which rate holds. Before the first of them the
//! rate stays what it is. In code it is any function of the epoch and the rate so far ([`LearningRateScheduler::function`]).
//!
//! The table says what the rate *is* in an epoch. Beside `ReduceLROnPlateau` it has the last word, at the next epoch's beginning.
//! The logs of an epoch's end hold `learning_rate`, the rate that the epoch was trained with.
//!
//! ```toml
//! [[callbacks]]
//! type = "LearningRateScheduler"
//! rates = [[0, 1e-3], [5, 1e-4]]       # from epoch 0 on 0.001, from epoch 5 on (the sixth) 0.0001
//! ```
//!
//! **Errors**: an empty table, epochs that do not go up, a rate that is negative or no number, an optimizer whose rate follows a
//! schedule. A function that returns such a rate stops training ([`Control::fail`]).
//!
//! **Source**: Keras `callbacks/learning_rate_scheduler.py`, where `schedule` is a function.

use super::BuildContext;
use crate::error::{check_verbose, wrong};
use crate::text::python_repr;
use crate::{Callback, CallbackError, Control, EpochBegin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Set the learning rate by a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LearningRateScheduler {
    /// Pairs of an epoch, from 0, and the rate from there on: finite, ≥ 0. Epochs go up. No default.
    pub rates: Vec<(usize, f64)>,
    /// 1 says the rate at every epoch's beginning; default 0 says nothing.
    #[serde(default)]
    pub verbose: u8,
}

const NAME: &str = "LearningRateScheduler";

impl LearningRateScheduler {
    /// From these epochs on these rates.
    pub fn new(rates: impl Into<Vec<(usize, f64)>>) -> Self {
        Self { rates: rates.into(), verbose: 0 }
    }

    /// A callback that asks `schedule` at the beginning of every epoch: it is given the number of the epoch, from 0, and the rate
    /// as it is, and returns the rate of this epoch.
    ///
    /// ```
    /// use cnn_callbacks::LearningRateScheduler;
    ///
    /// let decay = LearningRateScheduler::function(|epoch, rate| if epoch < 10 { rate } else { rate * 0.9 });
    /// assert_eq!(decay.name(), "LearningRateScheduler");
    /// ```
    pub fn function(schedule: impl FnMut(usize, f64) -> f64 + Send + 'static) -> Box<dyn Callback> {
        Box::new(Scheduler { schedule: Box::new(schedule), verbose: false })
    }

    /// Checks every value and returns the callback.
    pub fn build(&self, context: &BuildContext) -> Result<Box<dyn Callback>, CallbackError> {
        context.may_set_rate(NAME)?;
        check_verbose(NAME, self.verbose)?;
        if self.rates.is_empty() {
            let hint = "rates = [[0, 1e-3], [5, 1e-4]]";
            return Err(wrong(NAME, "rates", "at least one pair of epoch and rate", "[]", hint));
        }
        if let Some(pair) = self.rates.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            let got = format!("epoch {} after epoch {}", pair[1].0, pair[0].0);
            let hint = "each pair says from which epoch on its rate holds";
            return Err(wrong(NAME, "rates", "in the order of the epochs", got, hint));
        }
        let sound = |rate: f64| (rate as f32).is_finite() && rate >= 0.0;
        if let Some((epoch, rate)) = self.rates.iter().find(|(_, rate)| !sound(*rate)) {
            let got = format!("{rate} from epoch {epoch} on");
            return Err(wrong(NAME, "rates", "finite rates of at least 0", got, "0.001 is usual"));
        }
        let rates = self.rates.clone();
        let schedule = move |epoch: usize, rate: f64| {
            rates.iter().rev().find(|(from, _)| *from <= epoch).map_or(rate, |(_, rate)| *rate)
        };
        Ok(Box::new(Scheduler { schedule: Box::new(schedule), verbose: self.verbose > 0 }))
    }

    /// Specs that cover the settings.
    pub fn examples() -> Vec<Self> {
        vec![Self::new([(0, 1e-3), (5, 1e-4)]), Self { verbose: 1, ..Self::new([(3, 0.05)]) }]
    }
}

struct Scheduler {
    schedule: Box<dyn FnMut(usize, f64) -> f64 + Send>,
    verbose: bool,
}

impl Callback for Scheduler {
    fn name(&self) -> &'static str {
        NAME
    }

    fn reports_learning_rate(&self) -> bool {
        true
    }

    fn on_epoch_begin(&mut self, event: &EpochBegin, control: &mut Control) {
        let rate = (self.schedule)(event.epoch, f64::from(event.learning_rate));
        let epoch = event.epoch + 1;
        if !((rate as f32).is_finite() && rate >= 0.0) {
            control
                .fail(NAME, format!("Epoch {epoch}: the schedule gave {rate}, which is no rate"));
            return;
        }
        control.set_learning_rate(rate as f32);
        if self.verbose {
            let rate = python_repr(rate);
            control.say(NAME, format!("Epoch {epoch}: {NAME} setting learning rate to {rate}."));
        }
    }
}

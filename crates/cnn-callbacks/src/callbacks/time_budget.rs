//! Stops training once it has taken a certain time.
//!
//! Looked at after every step and at the end of every epoch, so training goes beyond the budget by a step, or by the validation of
//! an epoch. Seconds come with the events; those in which a callback held training up are left out.
//!
//! How many steps fit into a budget depends on the machine: such a run cannot be repeated bit for bit.
//!
//! ```toml
//! [[callbacks]]
//! type = "TimeBudget"
//! minutes = 10
//! ```
//!
//! **Errors**: no budget, a negative one, or one that is no number.
//!
//! **Source**: no Keras class.

use super::BuildContext;
use crate::error::wrong;
use crate::{BatchEnd, Callback, CallbackError, Control, EpochEnd};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stop after so much training: `minutes` and `seconds` together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TimeBudget {
    /// Minutes of training. Finite, ≥ 0. Default 0.
    pub minutes: f64,
    /// Seconds beside them. Finite, ≥ 0. Default 0.
    pub seconds: f64,
}

const NAME: &str = "TimeBudget";

impl TimeBudget {
    /// Checks every value and returns the callback.
    pub fn build(&self, _context: &BuildContext) -> Result<Box<dyn Callback>, CallbackError> {
        for (key, x) in [("minutes", self.minutes), ("seconds", self.seconds)] {
            if !(x.is_finite() && x >= 0.0) {
                let hint = "minutes = 10 stops after ten minutes";
                return Err(wrong(NAME, key, "a finite number of at least 0", x, hint));
            }
        }
        let budget = self.minutes * 60.0 + self.seconds;
        if budget == 0.0 {
            let hint = "minutes = 10 stops after ten minutes";
            return Err(wrong(NAME, "minutes", "more than 0, or `seconds` is", 0, hint));
        }
        Ok(Box::new(Watch { budget }))
    }

    /// Specs that cover the settings.
    pub fn examples() -> Vec<Self> {
        vec![Self { minutes: 10.0, seconds: 0.0 }, Self { minutes: 1.0, seconds: 30.5 }]
    }
}

struct Watch {
    /// In seconds.
    budget: f64,
}

impl Watch {
    fn look(&self, epoch: usize, trained: f64, control: &mut Control) {
        if trained >= self.budget {
            let reason = format!(
                "Epoch {}: the time budget of {} s is spent, after {trained:.1} s of training",
                epoch + 1,
                self.budget
            );
            control.stop(NAME, reason);
        }
    }
}

impl Callback for Watch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn on_batch_end(&mut self, event: &BatchEnd<'_>, control: &mut Control) {
        self.look(event.epoch, event.trained, control);
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, control: &mut Control) {
        self.look(event.epoch, event.trained, control);
    }
}

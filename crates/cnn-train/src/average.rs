//! The running mean of the weights: measured with while training goes on, and what they become at its end.

use crate::error::TrainError;
use crate::trainer::Trainer;
use cnn_callbacks::{Average, Callback, CallbackError};

/// The callbacks that want a mean which an optimizer without `use_ema` does not keep, with their positions.
pub(crate) fn without_average(
    callbacks: &[Box<dyn Callback>],
    kept: bool,
) -> Vec<(usize, CallbackError)> {
    let wants = |callback: &dyn Callback| !kept && callback.average() != Average::Unused;
    let error = |name: &str| CallbackError::NoAverage { callback: name.to_owned() };
    let all = callbacks.iter().enumerate().filter(|(_, callback)| wants(callback.as_ref()));
    all.map(|(i, callback)| (i, error(callback.name()))).collect()
}

impl Trainer {
    /// Takes down what the callbacks of this run do with the mean.
    pub(crate) fn plan_average(
        &mut self,
        callbacks: &[Box<dyn Callback>],
    ) -> Result<(), TrainError> {
        let errors = without_average(callbacks, self.optimizer.average_slot().is_some());
        if !errors.is_empty() {
            return Err(TrainError::Monitors(errors.into_iter().map(|(_, error)| error).collect()));
        }
        let wishes = callbacks.iter().map(|callback| callback.average());
        self.average = wishes.max().unwrap_or_default();
        Ok(())
    }

    /// The slot of the mean, once there is one and if this run makes that use of it.
    fn slot_of(&self, at_least: Average) -> Option<usize> {
        let wanted = self.steps_taken > 0 && self.average >= at_least;
        self.optimizer.average_slot().filter(|_| wanted)
    }

    /// The slot that is measured in place of the weights.
    pub(crate) fn measured_slot(&self) -> Option<usize> {
        self.slot_of(Average::Measured)
    }

    /// The weights that an epoch's end shows.
    pub(crate) fn shown_weights(&self) -> &[f32] {
        self.slot_of(Average::Shown).map_or(&self.weights, |slot| &self.slots[slot])
    }

    /// At the end of training the weights become the mean. False where there is none.
    pub(crate) fn settle(&mut self) -> bool {
        self.average = Average::Unused;
        match self.optimizer.average_slot().filter(|_| self.steps_taken > 0) {
            Some(slot) => self.weights.copy_from_slice(&self.slots[slot]),
            None => return false,
        }
        true
    }
}

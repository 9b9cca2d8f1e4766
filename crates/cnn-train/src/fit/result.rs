//! What a training run gives back.

use crate::history::TestScore;
use crate::on_nan::Rollback;
use cnn_callbacks::{Ending, History, Stop};

/// What a training run gives back beside the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct FitResult {
    /// What every epoch reported.
    pub history: History,
    /// What ended training before its last epoch, if anything.
    pub stopped_by: Option<Stop>,
    /// Whether training was interrupted, to be taken up later: the rest is what there was by then.
    pub interrupted: bool,
    /// What was put back at the end, such as the best epoch's weights.
    pub restored: Option<String>,
    /// Remarks for people, such as `acc` read as `accuracy`.
    pub notes: Vec<String>,
    /// Training images per epoch.
    pub samples: usize,
    /// Validation images; 0 without validation.
    pub validation_samples: usize,
    /// Training images per second of each epoch, validation time left out.
    pub images_per_second: Vec<f64>,
    /// Seconds in all.
    pub seconds: f64,
    /// Loss, penalty included, and accuracy of the training images with the final weights, in inference mode; only with
    /// `fit.eval_train`, and not of a run that diverged.
    pub train: Option<TestScore>,
    /// Loss and accuracy of the test images after each epoch; empty without `fit.eval_test`.
    pub test_record: Vec<TestScore>,
    /// The penalty of regularised weights, for the final weights; 0 for a model without regularisers.
    pub penalty: f64,
    /// When training went back because something was no longer a number.
    pub rollbacks: Vec<Rollback>,
    /// What the learning rate was multiplied with in the end, by that or by [`crate::Checkpoint::slower`]; else 1.
    pub learning_rate_factor: f64,
}

impl FitResult {
    /// Whether the loss of the last epoch is not a number, or a callback ended training because of that.
    pub fn diverged(&self) -> bool {
        let last = self.history.get("loss").and_then(<[f64]>::last);
        self.stopped_by.as_ref().is_some_and(|stop| stop.ending == Ending::Diverged)
            || last.is_some_and(|loss| !loss.is_finite())
    }

    /// Training images per second over all epochs, validation time left out; 0 if there was none.
    pub fn mean_images_per_second(&self) -> f64 {
        let rates = self.images_per_second.iter().filter(|rate| **rate > 0.0);
        let (count, inverse) =
            rates.fold((0u32, 0.0), |(count, sum), rate| (count + 1, sum + 1.0 / rate));
        if count == 0 { 0.0 } else { f64::from(count) / inverse }
    }
}

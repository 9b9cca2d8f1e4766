//! How long a fit is.

use crate::config::FitSpec;
use crate::error::TrainError;
use crate::parts::parts;
use cnn_optim::schedules::FitLength;

/// How many epochs and steps a fit of these training samples has, those for validation among them. `labels` are their classes.
///
/// # Errors
/// A split that leaves nothing.
pub fn fit_length(fit: &FitSpec, labels: &[u32]) -> Result<FitLength, TrainError> {
    Ok(steps_of(fit, parts(labels, fit)?.train.len()))
}

/// The same for samples that are all trained on.
pub(super) fn steps_of(fit: &FitSpec, samples: usize) -> FitLength {
    let steps_per_epoch = samples.div_ceil(fit.batch_size.clamp(1, samples.max(1)));
    FitLength { epochs: fit.epochs, steps_per_epoch }
}

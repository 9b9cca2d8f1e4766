//! How long a fit is, and which samples are for validation.

use crate::config::FitSpec;
use crate::error::TrainError;
use cnn_optim::schedules::FitLength;

/// How many epochs and steps a fit of so many training samples has, the validation split among them.
///
/// # Errors
/// A split that leaves nothing.
pub fn fit_length(fit: &FitSpec, samples: usize) -> Result<FitLength, TrainError> {
    let cut = split_at(samples, fit.validation_split)?;
    Ok(steps_of(fit, cut))
}

/// The same for samples that are all trained on.
pub(super) fn steps_of(fit: &FitSpec, samples: usize) -> FitLength {
    let steps_per_epoch = samples.div_ceil(fit.batch_size.clamp(1, samples.max(1)));
    FitLength { epochs: fit.epochs, steps_per_epoch }
}

/// The first image of the validation part: ⌊n·(1 − share)⌋, as Keras cuts it; n without a share.
pub(crate) fn split_at(samples: usize, share: f64) -> Result<usize, TrainError> {
    if share <= 0.0 {
        return Ok(samples);
    }
    let train = (samples as f64 * (1.0 - share)).floor() as usize;
    if train == 0 || train >= samples {
        return Err(TrainError::Split { share, samples, train: train.min(samples) });
    }
    Ok(train)
}

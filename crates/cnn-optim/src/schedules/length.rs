//! Lengths in steps or in epochs.

use crate::OptimError;

/// How long a fit is: what makes steps of epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FitLength {
    /// Times that all training samples are seen.
    pub epochs: usize,
    /// Optimizer steps per epoch: batches, the last, smaller one included.
    pub steps_per_epoch: usize,
}

impl FitLength {
    /// Optimizer steps of the whole fit, at least 1.
    pub fn steps(self) -> f64 {
        (self.epochs as f64 * self.steps_per_epoch as f64).max(1.0)
    }
}

/// A length that is written as steps or as epochs.
#[derive(Clone, Copy)]
pub(super) struct Length {
    pub(super) steps: Option<u64>,
    pub(super) epochs: Option<f64>,
}

/// The two keys of a length, and the schedule that has them.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    pub(super) schedule: &'static str,
    pub(super) steps: &'static str,
    pub(super) epochs: &'static str,
}

impl Length {
    /// Whole steps, at least 1; `None` where nothing is written.
    pub(super) fn over(self, fit: FitLength) -> Option<f64> {
        let epochs = self.epochs.map(|epochs| (epochs * fit.steps_per_epoch as f64).round());
        self.steps.map(|steps| steps as f64).or(epochs).map(|steps| steps.max(1.0))
    }

    pub(super) fn is_given(self) -> bool {
        self.steps.is_some() || self.epochs.is_some()
    }

    /// Refuses a length of nothing, and one that is given twice; with `needed` also none at all.
    pub(super) fn check(self, keys: Keys, needed: bool) -> Result<(), OptimError> {
        let Keys { schedule, steps, epochs } = keys;
        match self {
            Self { steps: Some(_), epochs: Some(_) } => Err(OptimError::Conflict {
                optimizer: schedule,
                key: epochs,
                problem: "and the same in steps are both given",
                hint: "leave one of the two out",
            }),
            Self { steps: Some(0), .. } => Err(OptimError::OutOfRange {
                optimizer: schedule,
                key: steps,
                expected: "at least 1",
                got: 0.0,
                hint: "the same in epochs is often easier to say",
            }),
            Self { epochs: Some(x), .. } if !(x.is_finite() && x > 0.0 && x <= 1e9) => {
                Err(OptimError::OutOfRange {
                    optimizer: schedule,
                    key: epochs,
                    expected: "greater than 0",
                    got: x,
                    hint: "1.0 is one pass over the training samples",
                })
            }
            Self { steps: None, epochs: None } if needed => Err(OptimError::Conflict {
                optimizer: schedule,
                key: epochs,
                problem: "is missing, and so is the same in steps",
                hint: "1.0 is one pass over the training samples",
            }),
            _ => Ok(()),
        }
    }
}

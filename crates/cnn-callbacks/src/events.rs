//! What a callback is told, and when.
//!
//! Epochs and steps are counted from 0, as in Keras's Python; on screen they are counted from 1.
//!
//! Which events fire for each kind of ending:
//!
//! | ending | `train_begin` | `epoch_begin`, `batch_end`… | `epoch_end` of the last epoch | `train_end` | `stopped_by` |
//! |---|---|---|---|---|---|
//! | all epochs done | once | every epoch, every batch | yes | yes | `None` |
//! | stop at an epoch's end | once | up to that epoch | yes (it is the one that stopped) | yes | the stop |
//! | stop at an epoch's beginning | once | up to that epoch's first batch | yes, with that batch alone | yes | the stop |
//! | stop at a batch's end, also an interrupt | once | up to that batch | yes, with the means so far | yes | the stop |
//! | diverged (NaN or infinite loss) | once | up to that batch | yes, with the broken loss | yes | the stop, [`Ending::Diverged`] |
//! | a callback failed (disk full) | once | up to there | yes, if an epoch had begun | yes | the stop, [`Ending::Failed`] |
//! | stop at `train_begin` | once | none | no | yes | the stop |
//! | wrong metric name, or any other error before training | no | none | no | no | – |
//! | panic | as far as it came | as far as it came | no | no | – |
//!
//! So whoever got `train_begin` also gets `train_end`, whatever ended training (a panic apart), and what is saved or restored
//! there can be relied on. Within one event every callback is called, also after another has asked to stop.
//!
//! [`Ending::Diverged`]: crate::Ending::Diverged
//! [`Ending::Failed`]: crate::Ending::Failed

use crate::{Logs, PerClass, Stop};
use std::ops::Range;

/// Training is about to begin.
#[derive(Clone, Copy, Debug)]
pub struct TrainBegin<'a> {
    /// Epochs that will run unless something stops them.
    pub epochs: usize,
    /// Batches per epoch.
    pub steps: usize,
    /// Training samples per epoch.
    pub samples: usize,
    /// Names that the logs of an epoch's end will hold, `val_…` included where there is validation data.
    pub metrics: &'a [String],
    /// The time of day: seconds since the beginning of 1970, UTC.
    pub time: f64,
}

impl<'a> TrainBegin<'a> {
    /// With these metrics and nothing else, as [`BatchEnd::of`].
    pub fn of(metrics: &'a [String]) -> Self {
        Self { epochs: 0, steps: 0, samples: 0, metrics, time: 0.0 }
    }
}

/// An epoch is about to begin.
#[derive(Clone, Copy, Debug, Default)]
pub struct EpochBegin {
    /// Number of the epoch, from 0.
    pub epoch: usize,
    /// Epochs of the run.
    pub epochs: usize,
    /// Batches per epoch.
    pub steps: usize,
    /// What the weights are moved with unless a callback asks for another. In all events: the rate as schedule and callbacks have
    /// made it. Where training went back and on with a smaller rate, that comes on top: the logs have the product.
    pub learning_rate: f32,
}

/// Training that was interrupted goes on.
#[derive(Clone, Copy, Debug)]
pub struct Resume<'a> {
    /// The run, as at its beginning; the time of day is that of now.
    pub begin: TrainBegin<'a>,
    /// The epoch that comes, or in whose middle it goes on.
    pub epoch: EpochBegin,
    /// Batches of that epoch that are done.
    pub step: usize,
}

/// A weight tensor of the model: its name, and where it lies among all parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Layer and parameter: `conv2d/kernel`.
    pub name: String,
    /// Size of each axis: \[kh, kw, in, out\] for a convolution's kernel, \[in, out\] for a Dense layer's.
    pub shape: Vec<usize>,
    /// Its numbers, row-major, in the flat weights.
    pub range: Range<usize>,
}

/// A training batch has been learned from.
#[derive(Clone, Copy, Debug)]
pub struct BatchEnd<'a> {
    /// Number of the epoch, from 0.
    pub epoch: usize,
    /// Number of the batch in its epoch, from 0.
    pub step: usize,
    /// Batches per epoch.
    pub steps: usize,
    /// Training samples seen in this epoch so far.
    pub samples: usize,
    /// Running means over the epoch so far, weighted by samples.
    pub logs: &'a Logs,
    /// The same samples by class, each answered with the weights as they were then.
    pub per_class: PerClass<'a>,
    /// What the weights were moved with.
    pub learning_rate: f32,
    /// Seconds since the epoch began.
    pub elapsed: f64,
    /// Seconds since training began.
    pub trained: f64,
}

impl<'a> BatchEnd<'a> {
    /// With these logs and nothing else: a start for whoever sends events by hand, `BatchEnd { step, ..BatchEnd::of(&logs) }`.
    pub fn of(logs: &'a Logs) -> Self {
        Self {
            epoch: 0,
            step: 0,
            steps: 0,
            samples: 0,
            logs,
            per_class: PerClass::default(),
            learning_rate: 0.0,
            elapsed: 0.0,
            trained: 0.0,
        }
    }
}

/// An epoch has ended; validation, if any, is done.
#[derive(Clone, Copy, Debug)]
pub struct EpochEnd<'a> {
    /// Number of the epoch, from 0.
    pub epoch: usize,
    /// Epochs of the run.
    pub epochs: usize,
    /// Batches per epoch.
    pub steps: usize,
    /// Training samples seen in this epoch.
    pub samples: usize,
    /// Running means over the epoch (taken while the weights changed), and `val_…` values of the weights as they are now.
    pub logs: &'a Logs,
    /// The training samples by class, each answered with the weights as they were then.
    pub per_class: PerClass<'a>,
    /// The training samples by class, answered with the weights as they are now, where the run measures that.
    pub train_per_class: Option<PerClass<'a>>,
    /// The validation samples by class, answered with the weights as they are now, if there are any.
    pub val_per_class: Option<PerClass<'a>>,
    /// Seconds since the epoch began, validation included.
    pub elapsed: f64,
    /// Seconds since training began.
    pub trained: f64,
    /// The learning rate as it is now, before what callbacks ask for at this event.
    pub learning_rate: f32,
    /// All parameters, flat.
    pub weights: &'a [f32],
    /// What the parameters are: names, shapes and places.
    pub params: &'a [Param],
}

impl<'a> EpochEnd<'a> {
    /// With these logs and nothing else, as [`BatchEnd::of`].
    pub fn of(logs: &'a Logs) -> Self {
        Self {
            epoch: 0,
            epochs: 0,
            steps: 0,
            samples: 0,
            logs,
            per_class: PerClass::default(),
            train_per_class: None,
            val_per_class: None,
            elapsed: 0.0,
            trained: 0.0,
            learning_rate: 0.0,
            weights: &[],
            params: &[],
        }
    }
}

/// Training has ended, for whatever reason.
#[derive(Clone, Copy, Debug)]
pub struct TrainEnd<'a> {
    /// Epochs that were begun.
    pub epochs: usize,
    /// Logs of the last epoch's end; empty if there was none.
    pub logs: &'a Logs,
    /// What ended training before its last epoch, if anything.
    pub stopped_by: Option<&'a Stop>,
}

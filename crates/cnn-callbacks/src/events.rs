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

use crate::{Logs, Stop};

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
}

/// An epoch is about to begin.
#[derive(Clone, Copy, Debug)]
pub struct EpochBegin {
    /// Number of the epoch, from 0.
    pub epoch: usize,
    /// Epochs of the run.
    pub epochs: usize,
    /// Batches per epoch.
    pub steps: usize,
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
    /// Running means over the epoch so far, weighted by samples.
    pub logs: &'a Logs,
    /// Seconds since the epoch began.
    pub elapsed: f64,
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
    /// Seconds since the epoch began, validation included.
    pub elapsed: f64,
    /// All parameters, flat.
    pub weights: &'a [f32],
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

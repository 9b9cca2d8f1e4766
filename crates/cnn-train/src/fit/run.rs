//! What a run reads, what it reports, and the memory for both.

use super::length::steps_of;
use super::resume::Keeper;
use crate::checkpoint::Rescue;
use crate::config::{epoch_metrics, metric_names};
use crate::counts::Counts;
use crate::error::TrainError;
use crate::history::TestScore;
use crate::metrics::{Source, logged};
use crate::mixing::Mixer;
use crate::parts::{Parts, parts};
use crate::trainer::Trainer;
use cnn_callbacks::{Callback, Control, History, LEARNING_RATE, Logs, Param, check_monitors};
use cnn_data::Split;
use cnn_nn::engine::BatchMetrics;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

/// What a run is given to read.
pub(super) struct Images<'a> {
    pub(super) train: &'a Split,
    pub(super) validation: Option<&'a Split>,
    /// Measured after every epoch, for the record.
    pub(super) test: Option<&'a Split>,
}

/// One run: what is read, what is reported, and the memory for both.
pub(super) struct Run<'a> {
    pub(super) train: &'a Split,
    /// Training images in the order of the data set.
    pub(super) members: Vec<u32>,
    /// The same in the order of this epoch.
    pub(super) order: Vec<u32>,
    /// Validation images, if there are any.
    pub(super) validation: Option<(&'a Split, Vec<u32>)>,
    pub(super) callbacks: &'a mut [Box<dyn Callback>],
    pub(super) control: Control,
    pub(super) plan: Plan,
    pub(super) history: History,
    /// Running means, for the batches' events.
    pub(super) batch_logs: Logs,
    /// The same and validation, for the epochs' events.
    pub(super) epoch_logs: Logs,
    pub(super) begun: usize,
    pub(super) rates: Vec<f64>,
    pub(super) restored: Option<String>,
    pub(super) notes: Vec<String>,
    pub(super) start: Instant,
    pub(super) mixer: Option<Mixer>,
    /// Training images in the order of the data set, to measure them; empty without `fit.eval_train`.
    pub(super) measured_images: Vec<u32>,
    /// The last of these measurements, if it is of the weights as they are.
    pub(super) measured: Option<BatchMetrics>,
    /// Test images for the record, if it is kept.
    pub(super) test: Option<(&'a Split, Vec<u32>)>,
    pub(super) test_record: Vec<TestScore>,
    /// Right answers by class in this epoch.
    pub(super) counts: Counts,
    /// Seconds of this epoch in which callbacks held training up, and of the epochs before.
    pub(super) waited: f64,
    pub(super) waited_before: f64,
    /// Files that callbacks have had saved in this run.
    pub(super) saved: BTreeSet<PathBuf>,
    /// What the weights are, for whoever looks at them.
    pub(super) params: Vec<Param>,
    /// Writes checkpoints, if there are any.
    pub(super) keep: Option<Keeper<'a>>,
    /// What has been done about numbers that are none, and where to go back to.
    pub(super) rescue: Rescue,
    /// The epoch that comes, and how many of its steps are done.
    pub(super) at: (usize, usize),
    /// Sums of that epoch so far.
    pub(super) total: BatchMetrics,
    pub(super) epoch_start: Option<Instant>,
    /// Seconds of this epoch, and of the run, before it was taken up again.
    pub(super) epoch_before: f64,
    pub(super) trained_before: f64,
}

/// Sizes and names that stay the same.
pub(super) struct Plan {
    pub(super) epochs: usize,
    pub(super) steps: usize,
    pub(super) batch_size: usize,
    pub(super) seed: u64,
    pub(super) shuffle: bool,
    /// Names of the logs at an epoch's end.
    pub(super) metrics: Vec<String>,
    /// Whether the last of them is the learning rate.
    pub(super) reports_rate: bool,
    /// Where the first of them, the running means, come from; the others are `train_…` and `val_…`, in the same order, and the rate.
    pub(super) sources: Vec<Source>,
}

/// What is known once nothing can be refused any more.
struct Checked {
    parts: Parts,
    /// Names of the logs at an epoch's end.
    metrics: Vec<String>,
    notes: Vec<String>,
    batch_size: usize,
}

/// Everything that can be refused.
fn check(
    trainer: &mut Trainer,
    &Images { train, validation, test }: &Images<'_>,
    callbacks: &mut [Box<dyn Callback>],
) -> Result<Checked, TrainError> {
    trainer.check_split(train, "training data")?;
    if let Some(split) = validation {
        trainer.check_split(split, "validation data")?;
    }
    if let Some(split) = test {
        trainer.check_split(split, "test data")?;
    }
    let parts = if validation.is_some() {
        Parts { train: (0..train.len() as u32).collect(), validation: Vec::new() }
    } else {
        parts(&train.labels, &trainer.fit)?
    };
    let validated = validation.is_some() || !parts.validation.is_empty();
    let metrics = metric_names(&trainer.compile.metrics, trainer.fit.eval_train, validated);
    let metrics = epoch_metrics(metrics, callbacks);
    let notes = check_monitors(callbacks, &metrics).map_err(|errors| {
        TrainError::Monitors(errors.into_iter().map(|(_, error)| error).collect())
    })?;
    trainer.plan_average(callbacks)?;
    let batch_size = trainer.fit.batch_size.clamp(1, parts.train.len());
    trainer.check_memory(batch_size)?;
    Ok(Checked { parts, metrics, notes, batch_size })
}

impl Trainer {
    /// Whether [`Trainer::fit_resumable`] would begin with these images and callbacks, and whether the test images can be measured
    /// afterwards. To be asked before an old run is replaced.
    ///
    /// # Errors
    /// As [`Trainer::fit_resumable`] before its first step, checkpoints left aside.
    pub fn check_fit(
        &mut self,
        train: &Split,
        test: &Split,
        callbacks: &mut [Box<dyn Callback>],
    ) -> Result<(), TrainError> {
        check(self, &Images { train, validation: None, test: Some(test) }, callbacks).map(drop)
    }
}

impl<'a> Run<'a> {
    /// Everything that can fail.
    pub(super) fn new(
        trainer: &mut Trainer,
        Images { train, validation, test }: Images<'a>,
        callbacks: &'a mut [Box<dyn Callback>],
    ) -> Result<Self, TrainError> {
        let checked = check(trainer, &Images { train, validation, test }, callbacks)?;
        let whole = |split: &Split| (0..split.len() as u32).collect::<Vec<u32>>();
        let Parts { train: members, validation: kept } = checked.parts;
        let validation = match validation {
            Some(split) => Some((split, whole(split))),
            None if !kept.is_empty() => Some((train, kept)),
            None => None,
        };
        let (metrics, notes, batch_size) = (checked.metrics, checked.notes, checked.batch_size);
        trainer.balance(members.iter().map(|&i| train.labels[i as usize]));
        trainer.rate_factor = 1.0;
        let fit = trainer.fit;
        trainer.prepare(batch_size)?;
        let length = steps_of(&fit, members.len());
        trainer.schedule = trainer.rates.is_scheduled().then(|| trainer.rates.over(length));
        Ok(Self {
            train,
            order: members.clone(),
            validation,
            callbacks,
            control: Control::new(),
            plan: Plan {
                epochs: fit.epochs,
                steps: length.steps_per_epoch,
                batch_size,
                seed: fit.seed,
                shuffle: fit.shuffle,
                reports_rate: metrics.last().is_some_and(|name| name == LEARNING_RATE),
                metrics,
                sources: logged(&trainer.compile.metrics)
                    .into_iter()
                    .map(|(_, from)| from)
                    .collect(),
            },
            history: History::new(),
            batch_logs: Logs::new(),
            epoch_logs: Logs::new(),
            begun: 0,
            rates: Vec::new(),
            restored: None,
            notes,
            start: Instant::now(),
            mixer: fit.mixing().map(|mixing| Mixer::new(mixing, train.shape(), batch_size)),
            measured_images: if fit.eval_train { members.clone() } else { Vec::new() },
            members,
            measured: None,
            test: test.map(|split| (split, whole(split))),
            test_record: Vec::new(),
            counts: Counts::new(trainer.classes()),
            waited: 0.0,
            waited_before: 0.0,
            saved: BTreeSet::new(),
            params: trainer.params(),
            keep: None,
            rescue: Rescue::default(),
            at: (0, 0),
            total: BatchMetrics::default(),
            epoch_start: None,
            epoch_before: 0.0,
            trained_before: 0.0,
        })
    }
}

//! Going on where training was interrupted: what is kept, when, and how it is taken up again.

use super::Run;
use crate::checkpoint::{Checkpoint, CheckpointEvery, Checkpoints, Place, Rescue};
use crate::error::TrainError;
use crate::history::TestScore;
use crate::trainer::Trainer;
use crate::weights::check_finite;
use cnn_callbacks::{EpochBegin, Logs, Memory, Resume, Text, TrainBegin};
use cnn_nn::engine::BatchMetrics;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How a run is kept from being lost, for [`Trainer::fit_resumable`].
#[derive(Debug)]
pub struct Resumable<'a> {
    /// Where its checkpoints are.
    pub checkpoints: &'a Checkpoints,
    /// How often one is written.
    pub every: CheckpointEvery,
    /// What is learned from, such as a data set's fingerprint: a checkpoint of other data is refused.
    pub data: String,
    /// Where to go on; `None` begins.
    pub from: Option<Checkpoint>,
    /// Set by whoever wants training to end after this step, to be taken up later: by a signal, for instance.
    pub interrupt: &'a AtomicBool,
}

/// Seconds between two checkpoints.
const INTERVAL: f64 = 30.0;

/// How much longer than writing a checkpoint training must have taken since the last one.
const SHARE: f64 = 100.0;

/// Keeps a run.
pub(super) struct Keeper<'a> {
    checkpoints: &'a Checkpoints,
    every: CheckpointEvery,
    data: String,
    interrupt: &'a AtomicBool,
    /// The resolved configuration.
    config: String,
    /// Since the last checkpoint, and how long that took.
    last: Instant,
    cost: Duration,
    /// Whether training ends here, to be taken up later. Looked up once per step, so that what is kept is where it ends.
    interrupted: bool,
    /// Why the last one could not be written.
    pub(super) failure: Option<TrainError>,
}

impl<'a> Keeper<'a> {
    /// And the checkpoint to go on from, which is of this configuration and data.
    pub(super) fn new(
        trainer: &Trainer,
        plan: Resumable<'a>,
    ) -> Result<(Self, Option<Checkpoint>), TrainError> {
        let Resumable { checkpoints, every, data, from, interrupt } = plan;
        let config = text_of(trainer)?;
        if let Some(from) = &from {
            fits(trainer, from, &config, &data)?;
        }
        let (last, cost) = (Instant::now(), Duration::ZERO);
        let keeper = Self {
            checkpoints,
            every,
            data,
            interrupt,
            config,
            last,
            cost,
            interrupted: false,
            failure: None,
        };
        Ok((keeper, from))
    }

    /// Whether a checkpoint is due after this many steps.
    fn due(&self, steps: u64, epoch_ends: bool) -> bool {
        let since = || self.last.elapsed().as_secs_f64();
        match self.every {
            CheckpointEvery::Never => false,
            CheckpointEvery::Steps(every) => steps.is_multiple_of(every.max(1)),
            CheckpointEvery::Seconds(seconds) => since() >= seconds,
            CheckpointEvery::Auto => {
                let since = since();
                since >= SHARE * self.cost.as_secs_f64() && (epoch_ends || since >= INTERVAL)
            }
        }
    }
}

/// The resolved configuration.
fn text_of(trainer: &Trainer) -> Result<String, TrainError> {
    let text = trainer.config().to_toml();
    text.map_err(|error| TrainError::Internal { message: error.to_string() })
}

impl Trainer {
    /// Whether this trainer, learning from `data` ([`Resumable::data`]), can go on from this checkpoint.
    ///
    /// # Errors
    /// [`TrainError::Resume`]: another configuration, with the first lines that differ, or other data.
    pub fn check_resume(&self, from: &Checkpoint, data: &str) -> Result<(), TrainError> {
        fits(self, from, &text_of(self)?, data)
    }
}

/// Whether the checkpoint is of this run.
fn fits(trainer: &Trainer, from: &Checkpoint, config: &str, data: &str) -> Result<(), TrainError> {
    let refuse = |message: String, hint| Err(TrainError::Resume { message, hint });
    if *from.config != *config {
        return Err(other_config(&from.config, config));
    }
    if *from.data != *data {
        let message = format!("the run began with other data: {}, now {data}", from.data);
        return refuse(message, "give the data set, and the --limit, that it began with");
    }
    let length = trainer.weights.len();
    let slots = trainer.optimizer.slot_names().len();
    let slots_fit = from.slots.is_empty()
        || from.slots.len() == slots && from.slots.iter().all(|slot| slot.len() == length);
    if from.weights.len() != length || !slots_fit {
        let message = "the checkpoint holds other weights than the model has".to_owned();
        return refuse(message, "it is of another version of this program; train anew");
    }
    Ok(())
}

/// Two configurations that should be one.
pub(crate) fn other_config(before: &str, now: &str) -> TrainError {
    let difference = difference(before, now);
    TrainError::Resume {
        message: format!("the configuration is not the one that the run began with{difference}"),
        hint: "resume with the values that it had, or train anew",
    }
}

/// The first lines in which two configurations differ.
fn difference(before: &str, now: &str) -> String {
    let only = |of: &str, other: &str| -> Vec<String> {
        let lines = of.lines().filter(|line| !other.lines().any(|has| has == *line));
        lines.take(5).map(str::to_owned).collect()
    };
    let (before, now) = (only(before, now), only(now, before));
    let mut text = String::new();
    for (what, lines) in [("it had", before), ("now", now)] {
        if !lines.is_empty() {
            text.extend(["\n", what, " ", &lines.join("; ")]);
        }
    }
    text
}

impl Run<'_> {
    /// Whether training is to end here, to be taken up later.
    pub(super) fn interrupted(&self) -> bool {
        self.keep.as_ref().is_some_and(|keep| keep.interrupted || keep.failure.is_some())
    }

    /// Writes a checkpoint if one is due, or if training is interrupted.
    pub(super) fn keep(&mut self, trainer: &Trainer, place: (usize, usize), total: &BatchMetrics) {
        let Some(keep) = &mut self.keep else { return };
        if self.control.stopped_by().is_some() || keep.failure.is_some() {
            return;
        }
        keep.interrupted = keep.interrupt.load(Ordering::SeqCst);
        let wanted = keep.interrupted || keep.due(trainer.steps_taken, place.1 == 0);
        // Of weights that are no numbers there is no checkpoint: one goes on from the last good one.
        if wanted && check_finite(&trainer.model, &trainer.weights).is_ok() {
            self.write(trainer, place, total);
        }
    }

    /// Writes the first checkpoint of a run.
    pub(super) fn keep_beginning(&mut self, trainer: &Trainer) {
        let wanted = self.keep.as_ref().is_some_and(|keep| keep.every != CheckpointEvery::Never);
        if wanted && self.control.stopped_by().is_none() {
            self.write(trainer, (0, 0), &BatchMetrics::default());
        }
    }

    fn write(&mut self, trainer: &Trainer, place: (usize, usize), total: &BatchMetrics) {
        let begin = Instant::now();
        match self.snapshot(trainer, place, total) {
            Ok(now) => self.save_checkpoint(&Checkpoint { rescue: self.rescue.clone(), ..now }),
            Err(error) => self.keep.iter_mut().for_each(|keep| keep.failure = Some(error.clone())),
        }
        if let Some(keep) = &mut self.keep {
            (keep.last, keep.cost) = (Instant::now(), begin.elapsed());
        }
    }

    /// Has a checkpoint on the disk, where there are any.
    pub(super) fn save_checkpoint(&mut self, checkpoint: &Checkpoint) {
        if let Some(keep) = &mut self.keep {
            keep.failure = keep.checkpoints.save(checkpoint).err();
        }
    }

    /// All that is needed to go on from here, but for [`Rescue`].
    pub(super) fn snapshot(
        &mut self,
        trainer: &Trainer,
        place: (usize, usize),
        total: &BatchMetrics,
    ) -> Result<Checkpoint, TrainError> {
        let place = self.place(place, total);
        let callbacks = self.memories()?;
        let (config, data) = self
            .keep
            .as_ref()
            .map_or_else(Default::default, |keep| (keep.config.clone(), keep.data.clone()));
        Ok(Checkpoint {
            program: env!("CARGO_PKG_VERSION").into(),
            config: config.into(),
            data: data.into(),
            weights: trainer.weights.to_vec(),
            slots: trainer.slots.iter().map(|slot| slot.to_vec()).collect(),
            learning_rate: trainer.learning_rate,
            steps_taken: trainer.steps_taken,
            place,
            callbacks,
            rescue: Rescue::default(),
        })
    }

    fn place(&self, (epoch, step): (usize, usize), total: &BatchMetrics) -> Place {
        let score = |score: &TestScore| (score.loss, score.accuracy, score.accuracy_95);
        let training = &self.counts.training;
        let in_epoch = self.epoch_start.map_or(0.0, |start| self.since(start));
        Place {
            epoch,
            step,
            begun: self.begun,
            sums: [total.loss_sum, total.penalty_sum],
            counts: [total.correct, total.count],
            in_top: total.in_top.to_vec(),
            classes: [training.correct.clone(), training.samples.clone()],
            logs: self.epoch_logs.iter().map(|(name, x)| (name.into(), x)).collect(),
            rates: self.rates.clone(),
            test_record: self.test_record.iter().map(score).collect(),
            seconds: [if step == 0 { 0.0 } else { in_epoch }, self.trained()],
        }
    }

    /// What every callback knows.
    fn memories(&mut self) -> Result<Vec<(Text, Memory)>, TrainError> {
        let mut all = Vec::new();
        for callback in all_of(&mut *self.callbacks, &mut self.history) {
            let name = callback.name().to_owned();
            let memory = callback.state().map_err(|why| {
                let source = io::Error::other(why);
                TrainError::disk("kept", Path::new(&name), &source)
            })?;
            if !memory.is_empty() {
                all.push((name.into(), memory));
            }
        }
        Ok(all)
    }

    /// Takes a run up where the checkpoint left it.
    pub(super) fn resume(
        &mut self,
        trainer: &mut Trainer,
        from: Checkpoint,
        begin: &TrainBegin<'_>,
    ) -> Result<(), TrainError> {
        trainer.weights.copy_from_slice(&from.weights);
        for (slot, kept) in trainer.slots.iter_mut().zip(&from.slots) {
            slot.copy_from_slice(kept);
        }
        (trainer.learning_rate, trainer.steps_taken) = (from.learning_rate, from.steps_taken);
        let place = from.place;
        let epoch = EpochBegin {
            epoch: place.epoch,
            epochs: begin.epochs,
            steps: begin.steps,
            learning_rate: trainer.learning_rate,
        };
        let event = Resume { begin: *begin, epoch, step: place.step };
        let mut kept = from.callbacks;
        for callback in all_of(&mut *self.callbacks, &mut self.history) {
            let at = kept.iter().position(|(name, _)| **name == *callback.name());
            let memory = at.map_or_else(Memory::new, |at| kept.remove(at).1);
            callback.on_resume(&event, &memory).map_err(|why| TrainError::Resume {
                message: format!("{}: {why}", callback.name()),
                hint: "put the file back as it was, or train anew",
            })?;
        }
        self.take_up(place);
        Ok(())
    }

    fn take_up(&mut self, place: Place) {
        let Place { sums, counts, in_top, classes, logs, rates, test_record, seconds, .. } = place;
        (self.at, self.begun, self.rates) = ((place.epoch, place.step), place.begun, rates);
        self.total = BatchMetrics {
            loss_sum: sums[0],
            penalty_sum: sums[1],
            correct: counts[0],
            count: counts[1],
            ..BatchMetrics::default()
        };
        for (sum, kept) in self.total.in_top.iter_mut().zip(in_top) {
            *sum = kept;
        }
        let [correct, samples] = classes;
        if correct.len() == self.counts.training.correct.len() && samples.len() == correct.len() {
            (self.counts.training.correct, self.counts.training.samples) = (correct, samples);
        }
        self.epoch_logs = logs.iter().map(|(name, x)| (name.to_string(), *x)).collect::<Logs>();
        let score = |(loss, accuracy, accuracy_95)| TestScore { loss, accuracy, accuracy_95 };
        self.test_record = test_record.into_iter().map(score).collect();
        [self.epoch_before, self.trained_before] = seconds;
    }
}

/// Every callback, and the history as the last of them.
fn all_of<'a>(
    callbacks: &'a mut [Box<dyn cnn_callbacks::Callback>],
    history: &'a mut cnn_callbacks::History,
) -> impl Iterator<Item = &'a mut dyn cnn_callbacks::Callback> {
    let own =
        callbacks.iter_mut().map(|callback| &mut **callback as &mut dyn cnn_callbacks::Callback);
    own.chain(std::iter::once(history as &mut dyn cnn_callbacks::Callback))
}

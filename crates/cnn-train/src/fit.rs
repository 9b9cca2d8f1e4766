//! The training loop.
//!
//! ```text
//! train_begin
//! every epoch:  epoch_begin → every batch: step, running means, batch_end → validation → epoch_end
//! train_end
//! ```
//! After each event, once all callbacks have been called, the trainer does what they asked for.
//!
//! The loss and accuracy of an epoch are means over its samples, taken while the weights change (Keras's running means): the
//! last, smaller batch counts by its size. Validation is measured once, after the epoch, with the weights as they are then.
//! So the two differ in three ways: the running mean is over weights that were still worse, it has dropout, augmentation and
//! mixing in it, and it is over other images. With `fit.eval_train` the training images are measured as the validation images
//! are, as `train_loss` and `train_accuracy`; then only the images differ.
//!
//! Test images may be measured after every epoch too (`fit.eval_test`, [`Trainer::fit_with_test`]): as a record that comes out at
//! the end. It is in no event, so that no callback can follow it.

mod length;
mod measure;
mod result;
mod wishes;

pub use length::fit_length;
use length::steps_of;
use measure::score;
pub use result::FitResult;

use crate::config::{epoch_metrics, metric_names};
use crate::counts::{Counts, per_class};
use crate::error::TrainError;
use crate::history::TestScore;
use crate::metrics::{Source, logged, set_logs};
use crate::mixing::Mixer;
use crate::parts::{Parts, parts};
use crate::trainer::{Trainer, feed};
use cnn_callbacks::{
    BatchEnd, Callback, Control, EpochBegin, EpochEnd, History, LEARNING_RATE, Logs, Param,
    TrainBegin, TrainEnd, check_monitors,
};
use cnn_data::Split;
use cnn_nn::engine::{BatchMetrics, Targets};
use cnn_tensor::random::permutation;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

impl Trainer {
    /// Trains for the configuration's epochs. Without `validation`, its `validation_split` keeps the last images of `train`
    /// for that, before any shuffle, as Keras does; with `stratified` of every class its share, and with `fold` a part of
    /// several. See [`crate::parts`].
    ///
    /// # Errors
    /// All of them before the first epoch: data that does not fit the model, a split that leaves nothing, a callback that
    /// follows a metric which this run does not have.
    pub fn fit(
        &mut self,
        train: &Split,
        validation: Option<&Split>,
        callbacks: &mut [Box<dyn Callback>],
    ) -> Result<FitResult, TrainError> {
        self.run(Images { train, validation, test: None }, callbacks)
    }

    /// As [`Trainer::fit`], and where the configuration has `fit.eval_test`, the images of `test` are measured after every epoch:
    /// [`FitResult::test_record`]. They are a record for afterwards. They are in no event, no callback can follow them, and
    /// the weights come out with the same bits as without.
    ///
    /// # Errors
    /// As [`Trainer::fit`], and test data that does not fit the model.
    pub fn fit_with_test(
        &mut self,
        train: &Split,
        validation: Option<&Split>,
        test: &Split,
        callbacks: &mut [Box<dyn Callback>],
    ) -> Result<FitResult, TrainError> {
        let test = Some(test).filter(|_| self.fit.eval_test);
        self.run(Images { train, validation, test }, callbacks)
    }

    fn run(
        &mut self,
        images: Images<'_>,
        callbacks: &mut [Box<dyn Callback>],
    ) -> Result<FitResult, TrainError> {
        let mut run = Run::new(self, images, callbacks)?;
        run.train_begin();
        for epoch in 0..self.fit.epochs {
            if run.control.stopped_by().is_some() {
                break;
            }
            run.epoch(self, epoch);
        }
        Ok(run.finish(self))
    }
}

/// What a run is given to read.
struct Images<'a> {
    train: &'a Split,
    validation: Option<&'a Split>,
    /// Measured after every epoch, for the record.
    test: Option<&'a Split>,
}

/// One run: what is read, what is reported, and the memory for both.
struct Run<'a> {
    train: &'a Split,
    /// Training images in the order of the data set.
    members: Vec<u32>,
    /// The same in the order of this epoch.
    order: Vec<u32>,
    /// Validation images, if there are any.
    validation: Option<(&'a Split, Vec<u32>)>,
    callbacks: &'a mut [Box<dyn Callback>],
    control: Control,
    plan: Plan,
    history: History,
    /// Running means, for the batches' events.
    batch_logs: Logs,
    /// The same and validation, for the epochs' events.
    epoch_logs: Logs,
    begun: usize,
    rates: Vec<f64>,
    restored: Option<String>,
    notes: Vec<String>,
    start: Instant,
    mixer: Option<Mixer>,
    /// Training images in the order of the data set, to measure them; empty without `fit.eval_train`.
    measured_images: Vec<u32>,
    /// The last of these measurements, if it is of the weights as they are.
    measured: Option<BatchMetrics>,
    /// Test images for the record, if it is kept.
    test: Option<(&'a Split, Vec<u32>)>,
    test_record: Vec<TestScore>,
    /// Right answers by class in this epoch.
    counts: Counts,
    /// Seconds of this epoch in which callbacks held training up, and of the epochs before.
    waited: f64,
    waited_before: f64,
    /// Files that callbacks have had saved in this run.
    saved: BTreeSet<PathBuf>,
    /// What the weights are, for whoever looks at them.
    params: Vec<Param>,
}

/// Sizes and names that stay the same.
struct Plan {
    epochs: usize,
    steps: usize,
    batch_size: usize,
    seed: u64,
    shuffle: bool,
    /// Names of the logs at an epoch's end.
    metrics: Vec<String>,
    /// Whether the last of them is the learning rate.
    reports_rate: bool,
    /// Where the first of them, the running means, come from; the others are `train_…` and `val_…`, in the same order, and the rate.
    sources: Vec<Source>,
}

impl<'a> Run<'a> {
    /// Everything that can fail.
    fn new(
        trainer: &mut Trainer,
        Images { train, validation, test }: Images<'a>,
        callbacks: &'a mut [Box<dyn Callback>],
    ) -> Result<Self, TrainError> {
        trainer.check_split(train, "training data")?;
        if let Some(split) = validation {
            trainer.check_split(split, "validation data")?;
        }
        if let Some(split) = test {
            trainer.check_split(split, "test data")?;
        }
        let whole = |split: &Split| (0..split.len() as u32).collect::<Vec<u32>>();
        let Parts { train: members, validation: kept } = if validation.is_some() {
            Parts { train: whole(train), validation: Vec::new() }
        } else {
            parts(&train.labels, &trainer.fit)?
        };
        let validation = match validation {
            Some(split) => Some((split, whole(split))),
            None if !kept.is_empty() => Some((train, kept)),
            None => None,
        };
        let metrics =
            metric_names(&trainer.compile.metrics, trainer.fit.eval_train, validation.is_some());
        let metrics = epoch_metrics(metrics, callbacks);
        let notes = check_monitors(callbacks, &metrics).map_err(|errors| {
            TrainError::Monitors(errors.into_iter().map(|(_, error)| error).collect())
        })?;
        trainer.balance(members.iter().map(|&i| train.labels[i as usize]));
        trainer.plan_average(callbacks)?;
        let fit = trainer.fit;
        let batch_size = fit.batch_size.clamp(1, members.len());
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
        })
    }

    /// Calls every callback, and the history as the last of them.
    fn tell(&mut self, event: impl Fn(&mut dyn Callback, &mut Control)) {
        for callback in self.callbacks.iter_mut() {
            event(callback.as_mut(), &mut self.control);
        }
        event(&mut self.history, &mut self.control);
    }

    fn train_begin(&mut self) {
        let (epochs, steps, samples) = (self.plan.epochs, self.plan.steps, self.order.len());
        let metrics = std::mem::take(&mut self.plan.metrics);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let time = now.map_or(0.0, |now| now.as_secs_f64());
        let event = TrainBegin { epochs, steps, samples, metrics: &metrics, time };
        self.tell(|callback, control| callback.on_train_begin(&event, control));
        self.plan.metrics = metrics;
    }

    fn epoch(&mut self, trainer: &mut Trainer, epoch: usize) {
        let (epochs, steps) = (self.plan.epochs, self.plan.steps);
        self.begun += 1;
        let event = EpochBegin { epoch, epochs, steps, learning_rate: trainer.learning_rate };
        self.tell(|callback, control| callback.on_epoch_begin(&event, control));
        self.apply(trainer);
        if self.plan.shuffle {
            permutation(self.plan.seed, epoch as u64, &mut self.order);
            self.order.iter_mut().for_each(|place| *place = self.members[*place as usize]);
        }
        let start = Instant::now();
        self.waited_before += std::mem::take(&mut self.waited);
        let total = self.batches(trainer, epoch, start);
        self.rates.push(total.count as f64 / self.since(start).max(1e-9));
        self.measure(trainer, &total);
        let (logs, counts) =
            (std::mem::take(&mut self.epoch_logs), std::mem::take(&mut self.counts));
        let params = std::mem::take(&mut self.params);
        let (samples, elapsed) = (total.count, self.since(start));
        let has = |there: bool, counts| there.then(|| per_class(counts));
        let event = EpochEnd {
            epoch,
            epochs,
            steps,
            samples,
            logs: &logs,
            per_class: per_class(&counts.training),
            train_per_class: has(!self.measured_images.is_empty(), &counts.measured),
            val_per_class: has(self.validation.is_some(), &counts.validation),
            elapsed,
            trained: self.trained(),
            learning_rate: trainer.learning_rate,
            weights: trainer.shown_weights(),
            params: &params,
        };
        self.tell(|callback, control| callback.on_epoch_end(&event, control));
        (self.epoch_logs, self.counts, self.params) = (logs, counts, params);
        self.apply(trainer);
    }

    /// Seconds since the epoch began, without those in which a callback held it up.
    fn since(&self, start: Instant) -> f64 {
        (start.elapsed().as_secs_f64() - self.waited).max(0.0)
    }

    /// The same since training began.
    fn trained(&self) -> f64 {
        (self.start.elapsed().as_secs_f64() - self.waited_before - self.waited).max(0.0)
    }

    /// All batches of an epoch, or those up to a stop; their sums.
    fn batches(&mut self, trainer: &mut Trainer, epoch: usize, start: Instant) -> BatchMetrics {
        let mut total = BatchMetrics::default();
        self.counts.training.clear();
        for step in 0..self.plan.steps {
            let begin = step * self.plan.batch_size;
            let end = (begin + self.plan.batch_size).min(self.order.len());
            total.add(&self.step(trainer, begin..end));
            self.counts.training.add(trainer.engine.class_counts());
            let (mut logs, counts) =
                (std::mem::take(&mut self.batch_logs), std::mem::take(&mut self.counts));
            set_logs(&mut logs, &self.plan.metrics, &self.plan.sources, &total);
            let event = BatchEnd {
                epoch,
                step,
                steps: self.plan.steps,
                samples: total.count,
                logs: &logs,
                per_class: per_class(&counts.training),
                learning_rate: trainer.learning_rate,
                elapsed: self.since(start),
                trained: self.trained(),
            };
            self.tell(|callback, control| callback.on_batch_end(&event, control));
            (self.batch_logs, self.counts) = (logs, counts);
            self.apply(trainer);
            if self.control.stopped_by().is_some() {
                break;
            }
        }
        total
    }

    /// One optimizer step on the images at these places of the order.
    fn step(&mut self, trainer: &mut Trainer, batch: Range<usize>) -> BatchMetrics {
        let (train, seed, indices) = (self.train, self.plan.seed, &self.order[batch]);
        let (n, mixer) = (indices.len(), &mut self.mixer);
        trainer.learn(seed, |engine, weights, slots, key, update| {
            let Some(mixer) = mixer else {
                return engine.train_step(weights, slots, n, &feed(train, indices), key, update);
            };
            mixer.draw(key.seed, key.step, n);
            let feed = |range: Range<usize>, x: &mut [f32], mut targets: Targets<'_>| {
                mixer.fill(train, indices, range, x, &mut targets);
            };
            engine.train_step_mixed(weights, slots, n, &feed, key, update)
        })
    }

    fn finish(mut self, trainer: &mut Trainer) -> FitResult {
        if trainer.settle() {
            self.measured = None;
        }
        let (stop, logs) =
            (self.control.stopped_by().cloned(), std::mem::take(&mut self.epoch_logs));
        let event = TrainEnd { epochs: self.begun, logs: &logs, stopped_by: stop.as_ref() };
        self.tell(|callback, control| callback.on_train_end(&event, control));
        self.apply(trainer);
        let train = (!self.measured_images.is_empty()).then(|| {
            self.measured.unwrap_or_else(|| trainer.measure(self.train, &self.measured_images))
        });
        let train = train.filter(|measured| measured.loss().is_finite());
        FitResult {
            train: train.as_ref().map(score),
            test_record: self.test_record,
            penalty: trainer.penalty(),
            history: self.history,
            stopped_by: self.control.stopped_by().cloned(),
            restored: self.restored,
            notes: self.notes,
            samples: self.order.len(),
            validation_samples: self.validation.map_or(0, |(_, indices)| indices.len()),
            images_per_second: self.rates,
            seconds: self.start.elapsed().as_secs_f64(),
        }
    }
}

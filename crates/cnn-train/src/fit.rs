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
mod rescue;
mod result;
mod resume;
mod run;
mod wishes;

pub use length::fit_length;
pub(crate) use measure::score;
pub use result::FitResult;
use resume::Keeper;
pub use resume::Resumable;
pub(crate) use resume::other_config;
use run::{Images, Run};

use crate::checkpoint::Checkpoint;
use crate::counts::per_class;
use crate::error::TrainError;
use crate::history::TestScore;
use crate::metrics::set_logs;
use crate::trainer::{Trainer, feed};
use cnn_callbacks::{BatchEnd, Callback, Control, EpochBegin, EpochEnd, TrainBegin, TrainEnd};
use cnn_data::Split;
use cnn_nn::engine::{BatchMetrics, Targets};
use cnn_tensor::random::permutation;
use std::ops::Range;
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
        self.run(Images { train, validation, test: None }, callbacks, None)
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
        self.run(Images { train, validation, test }, callbacks, None)
    }

    /// As [`Trainer::fit_with_test`], with checkpoints: a run that is interrupted, or whose process is killed, can be taken up from
    /// the last of them, by a new trainer of the same configuration, and ends with the same bits. The trainer must be one that has
    /// not been trained yet.
    ///
    /// An interrupted run comes back with [`FitResult::interrupted`]: what it had learned is in the last checkpoint, and no callback
    /// has been told of an end.
    ///
    /// # Errors
    /// As [`Trainer::fit_with_test`]; a checkpoint of another configuration or other data; a checkpoint that cannot be written.
    pub fn fit_resumable(
        &mut self,
        train: &Split,
        validation: Option<&Split>,
        test: &Split,
        callbacks: &mut [Box<dyn Callback>],
        plan: Resumable<'_>,
    ) -> Result<FitResult, TrainError> {
        let test = Some(test).filter(|_| self.fit.eval_test);
        self.run(Images { train, validation, test }, callbacks, Some(plan))
    }

    fn run(
        &mut self,
        images: Images<'_>,
        callbacks: &mut [Box<dyn Callback>],
        plan: Option<Resumable<'_>>,
    ) -> Result<FitResult, TrainError> {
        let kept = plan.map(|plan| Keeper::new(self, plan)).transpose()?;
        let mut run = Run::new(self, images, callbacks)?;
        let from = kept.and_then(|(keeper, from)| {
            run.keep = Some(keeper);
            from
        });
        run.train_begin(self, from)?;
        while run.at.0 < self.fit.epochs && run.control.stopped_by().is_none() && !run.interrupted()
        {
            run.epoch(self);
        }
        if let Some(error) = run.keep.as_mut().and_then(|keep| keep.failure.take()) {
            return Err(error);
        }
        let interrupted = run.control.stopped_by().is_none() && run.interrupted();
        if interrupted { Ok(run.result(self, None)) } else { Ok(run.finish(self)) }
    }
}

impl Run<'_> {
    /// Calls every callback, and the history as the last of them.
    fn tell(&mut self, event: impl Fn(&mut dyn Callback, &mut Control)) {
        for callback in self.callbacks.iter_mut() {
            event(callback.as_mut(), &mut self.control);
        }
        event(&mut self.history, &mut self.control);
    }

    fn train_begin(
        &mut self,
        trainer: &mut Trainer,
        from: Option<Checkpoint>,
    ) -> Result<(), TrainError> {
        self.with_begin(|run, event| {
            if let Some(mut from) = from {
                run.rescue = std::mem::take(&mut from.rescue);
                trainer.rate_factor = run.rescue.factor;
                return run.resume(trainer, from, event);
            }
            run.tell(|callback, control| callback.on_train_begin(event, control));
            run.keep_beginning(trainer);
            Ok(())
        })
    }

    /// Lends `f` the event of a beginning.
    fn with_begin<T>(&mut self, f: impl FnOnce(&mut Self, &TrainBegin<'_>) -> T) -> T {
        let (epochs, steps, samples) = (self.plan.epochs, self.plan.steps, self.order.len());
        let metrics = std::mem::take(&mut self.plan.metrics);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let time = now.map_or(0.0, |now| now.as_secs_f64());
        let done = f(self, &TrainBegin { epochs, steps, samples, metrics: &metrics, time });
        self.plan.metrics = metrics;
        done
    }

    /// An epoch, or what is left of it.
    fn epoch(&mut self, trainer: &mut Trainer) {
        let (epoch, step) = self.at;
        let (epochs, steps) = (self.plan.epochs, self.plan.steps);
        if step == 0 {
            self.remember(trainer);
            self.begun += 1;
            let event = EpochBegin { epoch, epochs, steps, learning_rate: trainer.learning_rate };
            self.tell(|callback, control| callback.on_epoch_begin(&event, control));
            self.apply(trainer);
        }
        if self.plan.shuffle {
            permutation(self.plan.seed, epoch as u64, &mut self.order);
            self.order.iter_mut().for_each(|place| *place = self.members[*place as usize]);
        }
        let start = Instant::now();
        self.epoch_start = Some(start);
        self.waited_before += std::mem::take(&mut self.waited);
        let Some(total) = self.batches(trainer, epoch, start) else { return };
        if self.control.stopped_by().is_none() && self.interrupted() {
            return;
        }
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
        self.at = (epoch + 1, 0);
        (self.total, self.epoch_before) = (BatchMetrics::default(), 0.0);
        self.keep(trainer, self.at, &BatchMetrics::default());
    }

    /// Seconds since the epoch began, without those in which a callback held it up.
    fn since(&self, start: Instant) -> f64 {
        (self.epoch_before + start.elapsed().as_secs_f64() - self.waited).max(0.0)
    }

    /// The same since training began.
    fn trained(&self) -> f64 {
        let now = self.trained_before + self.start.elapsed().as_secs_f64();
        (now - self.waited_before - self.waited).max(0.0)
    }

    /// All batches of an epoch, or those up to a stop; their sums. `None` where the epoch begins again.
    fn batches(
        &mut self,
        trainer: &mut Trainer,
        epoch: usize,
        start: Instant,
    ) -> Option<BatchMetrics> {
        let mut total = self.total;
        if self.at.1 == 0 {
            self.counts.training.clear();
        }
        for step in self.at.1..self.plan.steps {
            let begin = step * self.plan.batch_size;
            let end = (begin + self.plan.batch_size).min(self.order.len());
            let metrics = self.step(trainer, begin..end);
            if self.look(trainer, (epoch, step), begin..end, &metrics) {
                return None;
            }
            total.add(&metrics);
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
            self.keep(trainer, (epoch, step + 1), &total);
            if self.control.stopped_by().is_some() || self.interrupted() {
                break;
            }
        }
        Some(total)
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
        let train = train.as_ref().map(score);
        self.result(trainer, train)
    }

    fn result(self, trainer: &mut Trainer, train: Option<TestScore>) -> FitResult {
        FitResult {
            interrupted: self.control.stopped_by().is_none() && self.interrupted(),
            train,
            test_record: self.test_record,
            penalty: trainer.penalty(),
            history: self.history,
            stopped_by: self.control.stopped_by().cloned(),
            restored: self.restored,
            notes: self.notes,
            samples: self.order.len(),
            validation_samples: self.validation.map_or(0, |(_, indices)| indices.len()),
            images_per_second: self.rates,
            seconds: self.trained_before + self.start.elapsed().as_secs_f64(),
            learning_rate_factor: f64::from(self.rescue.factor),
            rollbacks: self.rescue.rollbacks,
        }
    }
}

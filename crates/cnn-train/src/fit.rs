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

mod result;

pub use result::FitResult;

use crate::config::metric_names;
use crate::counts::{Counts, per_class};
use crate::error::TrainError;
use crate::history::TestScore;
use crate::metrics::{Source, logged, set_logs};
use crate::mixing::Mixer;
use crate::trainer::{Trainer, feed};
use cnn_callbacks::{
    BatchEnd, Callback, Control, EpochBegin, EpochEnd, History, Logs, TrainBegin, TrainEnd,
    check_monitors,
};
use cnn_data::Split;
use cnn_nn::engine::{BatchMetrics, Targets};
use cnn_tensor::random::permutation;
use std::ops::Range;
use std::time::Instant;

impl Trainer {
    /// Trains for the configuration's epochs. Without `validation`, its `validation_split` keeps the last images of `train`
    /// for that, before any shuffle, as Keras does.
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
    /// Training images in the order of this epoch.
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
    /// Seconds of this epoch in which callbacks held training up.
    waited: f64,
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
    /// Where the first of them, the running means, come from; the others are `train_…` and `val_…`, in the same order.
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
        let cut = if validation.is_some() {
            train.len()
        } else {
            split_at(train.len(), trainer.fit.validation_split)?
        };
        let metrics = metric_names(
            &trainer.compile.metrics,
            trainer.fit.eval_train,
            validation.is_some() || cut < train.len(),
        );
        let notes = check_monitors(callbacks, &metrics).map_err(|errors| {
            TrainError::Monitors(errors.into_iter().map(|(_, error)| error).collect())
        })?;
        trainer.balance(&train.labels[..cut]);
        let fit = trainer.fit;
        let batch_size = fit.batch_size.clamp(1, cut);
        trainer.prepare(batch_size)?;
        let whole = |split: &'a Split| (split, (0..split.len() as u32).collect());
        let validation = match validation {
            Some(split) => Some(whole(split)),
            None if cut < train.len() => Some((train, (cut as u32..train.len() as u32).collect())),
            None => None,
        };
        Ok(Self {
            train,
            order: (0..cut as u32).collect(),
            validation,
            callbacks,
            control: Control::new(),
            plan: Plan {
                epochs: fit.epochs,
                steps: cut.div_ceil(batch_size),
                batch_size,
                seed: fit.seed,
                shuffle: fit.shuffle,
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
            measured_images: if fit.eval_train { (0..cut as u32).collect() } else { Vec::new() },
            measured: None,
            test: test.map(whole),
            test_record: Vec::new(),
            counts: Counts::new(trainer.classes()),
            waited: 0.0,
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
        let event = TrainBegin { epochs, steps, samples, metrics: &metrics };
        self.tell(|callback, control| callback.on_train_begin(&event, control));
        self.plan.metrics = metrics;
    }

    fn epoch(&mut self, trainer: &mut Trainer, epoch: usize) {
        let (epochs, steps) = (self.plan.epochs, self.plan.steps);
        self.begun += 1;
        self.tell(|callback, control| {
            callback.on_epoch_begin(&EpochBegin { epoch, epochs, steps }, control);
        });
        self.apply(trainer);
        if self.plan.shuffle {
            permutation(self.plan.seed, epoch as u64, &mut self.order);
        }
        let start = Instant::now();
        self.waited = 0.0;
        let total = self.batches(trainer, epoch, start);
        self.rates.push(total.count as f64 / self.since(start).max(1e-9));
        let sources = &self.plan.sources;
        let (of_training, mut of_validation) = self.plan.metrics.split_at(sources.len());
        set_logs(&mut self.epoch_logs, of_training, sources, &total);
        if !self.measured_images.is_empty() {
            let of_measured;
            (of_measured, of_validation) = of_validation.split_at(sources.len());
            let measured = trainer.measure(self.train, &self.measured_images);
            set_logs(&mut self.epoch_logs, of_measured, sources, &measured);
            self.counts.measured.copy_from(trainer.engine.class_counts());
            self.measured = Some(measured);
        }
        if let Some((split, indices)) = &self.validation {
            let measured = trainer.measure(split, indices);
            set_logs(&mut self.epoch_logs, of_validation, sources, &measured);
            self.counts.validation.copy_from(trainer.engine.class_counts());
        }
        if let Some((split, indices)) = &self.test {
            self.test_record.push(score(&trainer.measure(split, indices)));
        }
        let (logs, counts) =
            (std::mem::take(&mut self.epoch_logs), std::mem::take(&mut self.counts));
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
            weights: &trainer.weights,
        };
        self.tell(|callback, control| callback.on_epoch_end(&event, control));
        (self.epoch_logs, self.counts) = (logs, counts);
        self.apply(trainer);
    }

    /// Seconds since the epoch began, without those in which a callback held it up.
    fn since(&self, start: Instant) -> f64 {
        (start.elapsed().as_secs_f64() - self.waited).max(0.0)
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
        let indices = &self.order[batch];
        let (key, step) = trainer.next_step(self.plan.seed);
        let Trainer { engine, optimizer, weights, slots, .. } = trainer;
        let update = |w: &mut [f32], g: &[f32], slots: &mut [&mut [f32]]| {
            optimizer.update(&step, w, g, slots);
        };
        let (train, n) = (self.train, indices.len());
        let Some(mixer) = &mut self.mixer else {
            return engine.train_step(weights, slots, n, &feed(train, indices), key, &update);
        };
        mixer.draw(key.seed, key.step, n);
        let feed = |range: Range<usize>, x: &mut [f32], mut targets: Targets<'_>| {
            mixer.fill(train, indices, range, x, &mut targets);
        };
        engine.train_step_mixed(weights, slots, n, &feed, key, &update)
    }

    /// Does what the callbacks asked for, apart from stopping.
    fn apply(&mut self, trainer: &mut Trainer) {
        self.waited += self.control.take_waited();
        if let Some(learning_rate) = self.control.take_learning_rate() {
            trainer.learning_rate = learning_rate;
        }
        if let Some(restore) = self.control.take_restore()
            && restore.weights.len() == trainer.weights.len()
        {
            trainer.weights.copy_from_slice(&restore.weights);
            self.restored = Some(restore.reason);
            self.measured = None;
        }
    }

    fn finish(mut self, trainer: &mut Trainer) -> FitResult {
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

fn score(measured: &BatchMetrics) -> TestScore {
    TestScore::new(measured.loss(), measured.correct as u64, measured.count as u64)
}

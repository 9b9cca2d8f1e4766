//! What the training screen knows: plain data, updated by the events of training. Drawing it is [`super::view`]'s part.

use super::series::Series;
use super::text::{number, rate, seconds};
use cnn_callbacks::{BatchEnd, Control, EpochBegin, EpochEnd, Logs, PerClass, TrainBegin};
use std::collections::VecDeque;
use std::fmt::Write as _;

/// Notes that are kept: more than any window shows.
const NOTES: usize = 100;

/// What is trained, on what.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// The model's name.
    pub(crate) model: String,
    /// Its parameters.
    pub(crate) parameters: usize,
    /// The data set's name.
    pub(crate) data: String,
    /// Names of the classes.
    pub(crate) classes: Vec<String>,
}

/// What training is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It learns.
    #[default]
    Training,
    /// It waits for the person.
    Paused,
    /// It ends after this step.
    Stopping,
}

/// The curves of one quantity, loss or accuracy. x counts epochs: 1.5 is the middle of the second one.
#[derive(Clone, Debug)]
pub(crate) struct Curves {
    /// Its name in the logs.
    pub(crate) name: String,
    /// The batches' own values.
    pub(crate) steps: Series,
    /// Running means, at the epochs' ends.
    pub(crate) training: Series,
    /// Training images measured after the epoch.
    pub(crate) measured: Series,
    /// Validation images.
    pub(crate) validation: Series,
    /// The running mean of the epoch so far, and where that is.
    pub(crate) now: Option<(f64, f64)>,
    /// The last values of the last two.
    pub(crate) last_measured: Option<f64>,
    pub(crate) last_validation: Option<f64>,
    /// Sum of the epoch so far, to find the batches' own values.
    sum: f64,
}

/// Of which images the accuracy per class is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Training images as they come, in this epoch so far.
    #[default]
    Training,
    /// Training images, measured after the epoch of this number (from 0).
    Measured(usize),
    /// Validation images, measured after the epoch of this number (from 0).
    Validation(usize),
}

/// Everything that is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) about: About,
    pub(crate) phase: Phase,
    /// Whether the keys are explained.
    pub(crate) help: bool,
    pub(crate) epochs: usize,
    pub(crate) steps: usize,
    /// Training images per epoch.
    pub(crate) samples: usize,
    /// Number of the epoch, from 0.
    pub(crate) epoch: usize,
    /// Steps done in this epoch.
    pub(crate) step: usize,
    /// Training images seen in this epoch.
    seen: usize,
    /// Seconds into this epoch.
    pub(crate) elapsed: f64,
    /// Seconds of the epochs before, validation included.
    pub(crate) before: f64,
    pub(crate) images_per_second: f64,
    pub(crate) learning_rate: Option<f32>,
    pub(crate) loss: Option<Curves>,
    pub(crate) accuracy: Option<Curves>,
    pub(crate) counted: Counted,
    pub(crate) correct: Vec<u64>,
    pub(crate) counts: Vec<u64>,
    pub(crate) notes: VecDeque<String>,
    /// Smallest loss of an epoch so far, validation's where there is one.
    best: f64,
}

impl Curves {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            steps: Series::new(),
            training: Series::new(),
            measured: Series::new(),
            validation: Series::new(),
            now: None,
            last_measured: None,
            last_validation: None,
            sum: 0.0,
        }
    }

    /// The running mean after `samples` images; `batch` of them are new.
    fn batch(&mut self, x: f64, logs: &Logs, samples: usize, batch: usize) {
        let mean = logs.get(&self.name).unwrap_or(f64::NAN);
        let sum = mean * samples as f64;
        self.steps.push(x, (sum - self.sum) / batch.max(1) as f64);
        self.sum = sum;
        self.now = Some((x, mean));
    }

    fn epoch(&mut self, x: f64, logs: &Logs) {
        let value = |prefix: &str| logs.get(&format!("{prefix}{}", self.name));
        let (training, measured, validation) = (value(""), value("train_"), value("val_"));
        self.training.push(x, training.unwrap_or(f64::NAN));
        self.measured.push(x, measured.unwrap_or(f64::NAN));
        self.validation.push(x, validation.unwrap_or(f64::NAN));
        self.now = Some((x, training.unwrap_or(f64::NAN)));
        (self.last_measured, self.last_validation) = (measured, validation);
        self.sum = 0.0;
    }
}

impl State {
    /// Before training.
    pub(crate) fn new(about: About) -> Self {
        let classes = about.classes.len();
        Self {
            about,
            correct: vec![0; classes],
            counts: vec![0; classes],
            best: f64::INFINITY,
            ..Self::default()
        }
    }

    pub(crate) fn train_begin(&mut self, event: &TrainBegin<'_>) {
        *self = Self::new(std::mem::take(&mut self.about));
        (self.epochs, self.steps, self.samples) = (event.epochs, event.steps, event.samples);
        let named = |wanted: &dyn Fn(&str) -> bool| {
            event.metrics.iter().find(|name| wanted(name)).map(|name| Curves::new(name))
        };
        self.loss = named(&|name| name == "loss");
        self.accuracy = named(&|name| name == "accuracy" || name == "acc");
    }

    pub(crate) fn epoch_begin(&mut self, event: &EpochBegin) {
        if event.epoch > self.epoch {
            self.before += self.elapsed;
        }
        (self.epoch, self.step, self.seen, self.elapsed) = (event.epoch, 0, 0, 0.0);
    }

    pub(crate) fn batch_end(&mut self, event: &BatchEnd<'_>) {
        let batch = event.samples - self.seen;
        (self.step, self.seen) = (event.step + 1, event.samples);
        self.elapsed = event.elapsed;
        self.images_per_second = event.samples as f64 / event.elapsed.max(1e-9);
        if let Some(before) = self.learning_rate
            && (before - event.learning_rate).abs() > f32::EPSILON * before
        {
            self.note(format!("learning rate {} -> {}", rate(before), rate(event.learning_rate)));
        }
        self.learning_rate = Some(event.learning_rate);
        let x = event.epoch as f64 + self.step as f64 / event.steps.max(1) as f64;
        for curves in self.loss.iter_mut().chain(&mut self.accuracy) {
            curves.batch(x, event.logs, event.samples, batch);
        }
        if self.counted == Counted::Training {
            self.count(Counted::Training, event.per_class);
        }
    }

    pub(crate) fn epoch_end(&mut self, event: &EpochEnd<'_>) {
        self.elapsed = event.elapsed;
        let x = event.epoch as f64 + self.step as f64 / event.steps.max(1) as f64;
        for curves in self.loss.iter_mut().chain(&mut self.accuracy) {
            curves.epoch(x, event.logs);
        }
        match (event.val_per_class, event.train_per_class) {
            (Some(counts), _) => self.count(Counted::Validation(event.epoch), counts),
            (None, Some(counts)) => self.count(Counted::Measured(event.epoch), counts),
            (None, None) => self.count(Counted::Training, event.per_class),
        }
        let loss = event.logs.get("val_loss").or_else(|| event.logs.get("loss"));
        let best = loss.is_some_and(|loss| loss < self.best);
        if let Some(loss) = loss.filter(|_| best) {
            self.best = loss;
        }
        let mut line = format!("epoch {}: {}", event.epoch + 1, seconds(event.elapsed));
        line.push_str(if best { ", the best so far" } else { "" });
        // What fits into a narrow window should be the validation.
        let (validation, others): (Vec<_>, Vec<_>) =
            event.logs.iter().partition(|(name, _)| name.starts_with("val_"));
        for (name, value) in validation.into_iter().chain(others) {
            let _ = write!(line, ", {name} {}", number(value));
        }
        self.note(line);
    }

    /// Notes what the other callbacks asked for.
    pub(crate) fn wishes(&mut self, control: &Control) {
        if let Some(stop) = control.stopped_by()
            && self.phase != Phase::Stopping
        {
            self.phase = Phase::Stopping;
            self.note(format!("{}: {}", stop.by, stop.reason.trim()));
        }
    }

    fn count(&mut self, of: Counted, counts: PerClass<'_>) {
        self.counted = of;
        if counts.len() == self.counts.len() {
            self.correct.copy_from_slice(counts.correct);
            self.counts.copy_from_slice(counts.samples);
        }
    }

    /// One more line for people.
    pub(crate) fn note(&mut self, line: String) {
        if self.notes.len() == NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back(line);
    }

    /// As [`PerClass::accuracy`].
    pub(crate) fn class_accuracy(&self, class: usize) -> Option<f64> {
        PerClass { correct: &self.correct, samples: &self.counts }.accuracy(class)
    }

    /// Seconds that this epoch still takes, and the run, by the steps so far; `None` before the first.
    pub(crate) fn remaining(&self) -> Option<(f64, f64)> {
        if self.step == 0 {
            return None;
        }
        let steps = self.elapsed / self.step as f64;
        let epoch = steps * self.steps.saturating_sub(self.step) as f64;
        // An epoch before has its validation in it.
        let whole = match self.epoch {
            0 => steps * self.steps as f64,
            done => self.before / done as f64,
        };
        Some((epoch, epoch + whole * (self.epochs - self.epoch).saturating_sub(1) as f64))
    }
}

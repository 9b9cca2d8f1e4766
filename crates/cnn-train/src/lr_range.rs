//! The learning rate range test: one short training whose learning rate rises with every step, and what its losses say.
//!
//! From rates at which nothing moves the loss begins to fall, falls fastest, reaches its lowest point and blows up. A good rate
//! lies where it still falls clearly: at the steepest descent, or a tenth of the rate of the lowest point.
//!
//! **Source**: L. N. Smith, "Cyclical Learning Rates for Training Neural Networks" (2015), arXiv 1506.01186, section 3.3; the
//! exponential rise, the bias-corrected mean, the stop at four times the best and the two suggestions are fastai's
//! (`callback/schedule.py`, `lr_find`).

use crate::error::TrainError;
use crate::parts::parts;
use crate::trainer::Trainer;
use cnn_callbacks::{BatchEnd, Callback, Control, TrainBegin};
use cnn_data::Split;
use cnn_nn::engine::Buffer;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};

/// Steps of a range test, at most.
const MAX_STEPS: usize = 100_000;

/// The lowest smoothed loss must be this share of the beginning's, or below, for the loss to have fallen at all. Noise of
/// single batches moves the mean of ten by less.
const FALLEN: f64 = 0.95;

/// Which rates to try, and when to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrRange {
    /// Learning rate of the first step, above 0; default 1e-7.
    pub from: f64,
    /// Learning rate of the last step, above `from`; default 10.
    pub to: f64,
    /// Optimizer steps, 10 to 100,000; default 200: gradient descent without momentum
    /// hardly moves in 100. Each rate is the one before times a fixed factor.
    pub steps: usize,
    /// Weight of the past in the smoothed loss, 0 (none) to below 1; default 0.9.
    pub smoothing: f64,
    /// The test stops where the smoothed loss is above this many times its lowest value, above 1; default 4.
    pub blow_up: f64,
}

impl Default for LrRange {
    fn default() -> Self {
        Self { from: 1e-7, to: 10.0, steps: 200, smoothing: 0.9, blow_up: 4.0 }
    }
}

impl LrRange {
    /// The same, or what is wrong with it.
    ///
    /// # Errors
    /// [`TrainError::LrRange`]: rates that are no positive numbers or do not rise, too few or too many steps, a smoothing or
    /// blow-up out of range.
    pub fn checked(self) -> Result<Self, TrainError> {
        let wrong =
            |message: String, hint: &'static str| Err(TrainError::LrRange { message, hint });
        let rate = |rate: f64| (rate as f32).is_finite() && rate as f32 >= f32::MIN_POSITIVE;
        if let Some(bad) = [self.from, self.to].into_iter().find(|&it| !rate(it)) {
            return wrong(
                format!("{bad} is no learning rate to try"),
                "1e-7 to 10 suits most models",
            );
        }
        if self.from >= self.to {
            let message =
                format!("the learning rate cannot rise from {} to {}", self.from, self.to);
            return wrong(message, "the first rate is the smaller one: from 1e-7 to 10");
        }
        if !(10..=MAX_STEPS).contains(&self.steps) {
            let message = format!("{} steps make no curve", self.steps);
            return wrong(message, "10 to 100000; 200 is usual");
        }
        if !(0.0..1.0).contains(&self.smoothing) {
            let message = format!("smoothing = {} is no weight of the past", self.smoothing);
            return wrong(message, "0 (none) to below 1; 0.9 is usual");
        }
        if self.blow_up.is_nan() || self.blow_up <= 1.0 {
            let message = format!("blow_up = {} would stop at once", self.blow_up);
            return wrong(message, "above 1; 4 is usual");
        }
        Ok(self)
    }

    /// The rate of a step, counted from 0.
    fn rate(&self, step: usize) -> f64 {
        self.from * (self.to / self.from).powf(step as f64 / (self.steps - 1) as f64)
    }
}

/// One step of a range test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LrPoint {
    /// The step's learning rate.
    pub rate: f64,
    /// Mean loss of its batch, penalties included, before its update.
    pub loss: f64,
    /// The exponential mean of the losses so far, corrected for its beginning at 0.
    pub smoothed: f64,
}

/// The losses of a range test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LrCurve {
    /// The steps that were taken, rates rising. The last one may have a loss that is no number.
    pub points: Vec<LrPoint>,
    /// Whether the loss blew up before the last rate was reached.
    pub blew_up: bool,
    /// The learning rate that the configuration has.
    pub configured: f64,
}

impl LrCurve {
    /// The step with the lowest smoothed loss, after the first tenth; `None` where the loss does not fall.
    pub fn lowest(&self) -> Option<LrPoint> {
        let first = self.points.get(self.skipped())?.smoothed;
        let lowest = self.points[self.skipped()..]
            .iter()
            .filter(|point| point.smoothed.is_finite())
            .min_by(|a, b| a.smoothed.total_cmp(&b.smoothed))?;
        (lowest.smoothed <= FALLEN * first).then_some(*lowest)
    }

    /// The rate at which the smoothed loss falls fastest, per decade of the rate, before its lowest point.
    pub fn steepest(&self) -> Option<f64> {
        let lowest = self.lowest()?;
        // Slopes over several steps: between two of them the noise of one batch would decide.
        let half = (self.points.len() / 20).max(1);
        let slope = |at: &usize| {
            let (a, b) = (&self.points[at - half], &self.points[at + half]);
            (b.smoothed - a.smoothed) / (b.rate / a.rate).ln()
        };
        let last = self.points.len().saturating_sub(half);
        (self.skipped().max(half)..last)
            .filter(|&at| self.points[at].rate <= lowest.rate && slope(&at).is_finite())
            .min_by(|a, b| slope(a).total_cmp(&slope(b)))
            .map(|at| self.points[at].rate)
    }

    /// A rate to begin with: that of the steepest descent, or a tenth of the one with the lowest loss, whichever is the more
    /// careful. `None` where no rate makes the loss fall.
    pub fn suggestion(&self) -> Option<f64> {
        let tenth = self.lowest()?.rate / 10.0;
        Some(self.steepest().map_or(tenth, |steepest| steepest.min(tenth)))
    }

    /// Steps at the beginning, whose mean is over too few batches.
    fn skipped(&self) -> usize {
        self.points.len() / 10
    }
}

/// A learning rate in two digits, as one writes it in a model.toml.
///
/// ```
/// let shown = [0.001, 0.001_234, 10.0, 123.4, 1e-7, 3.456e-6, 0.0, 1e30].map(cnn_train::rate_text);
/// assert_eq!(shown, ["0.001", "0.0012", "10", "120", "1e-7", "3.5e-6", "0", "1e30"]);
/// ```
pub fn rate_text(rate: f64) -> String {
    let short = format!("{rate:.1e}");
    let value: f64 = short.parse().unwrap_or(rate);
    if value == 0.0 || (1e-4..1e4).contains(&value) {
        value.to_string()
    } else {
        short.replace(".0e", "e")
    }
}

impl Trainer {
    /// Runs a range test from the trainer's weights, with its model, optimizer and batch size, on the images that
    /// [`Trainer::fit`] would train on, as often as the steps need. Afterwards the trainer is as it was before. The same seed
    /// gives the same numbers on any number of threads.
    ///
    /// # Errors
    /// A range that makes no sense ([`LrRange::checked`]); as [`Trainer::fit`].
    ///
    /// ```
    /// # use cnn_train::{Config, LrRange, TrainOptions, Trainer};
    /// # use cnn_data::{Images, Split};
    /// # let toml = "input = [4, 4, 1]\nlayers = [\"Flatten\", { type = \"Dense\", units = 2, activation = \"softmax\" }]";
    /// # let (config, _) = Config::from_toml("model.toml", toml).unwrap();
    /// # let images = ndarray::Array4::from_shape_fn((64, 4, 4, 1), |(i, ..)| (i % 2 * 255) as u8);
    /// # let train = Split { images: Images::U8(images), labels: (0..64).map(|i| i % 2).collect() };
    /// let mut trainer = Trainer::new(&config, config.model.build()?, TrainOptions::default())?;
    /// let curve = trainer.lr_range_test(&train, &LrRange::default())?;
    /// let rate = curve.suggestion().expect("the loss falls");
    /// assert!((1e-4..1.0).contains(&rate));
    /// # Ok::<(), cnn_train::TrainError>(())
    /// ```
    pub fn lr_range_test(&mut self, train: &Split, range: &LrRange) -> Result<LrCurve, TrainError> {
        let range = range.checked()?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let sweep = Sweep {
            range,
            batch_size: self.fit.batch_size,
            samples: 0,
            sum: 0.0,
            seen: Arc::clone(&seen),
        };
        self.short_fit(train, range.steps, Box::new(sweep))?;
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let configured = f64::from(self.learning_rate);
        Ok(LrCurve { points: seen.points.clone(), blew_up: seen.blew_up, configured })
    }

    /// Trains for so many steps with this callback alone, on the training part of `train` and without measuring anything;
    /// returns the weights that came out. The callback sets the learning rate; a schedule does not count. Weights, optimizer and
    /// counters are then as before.
    pub(crate) fn short_fit(
        &mut self,
        train: &Split,
        steps: usize,
        callback: Box<dyn Callback>,
    ) -> Result<Buffer, TrainError> {
        let parts = parts(&train.labels, &self.fit)?;
        let part = (!parts.validation.is_empty()).then(|| train.select(&parts.train));
        let before = (self.fit, self.learning_rate, self.steps_taken, self.weights.clone());
        let slots = std::mem::take(&mut self.slots);
        let rates = std::mem::replace(&mut self.rates, f64::from(self.learning_rate).into());
        self.steps_taken = 0;
        self.fit = self.fit.learning_from_all();
        self.fit.eval_train = false;
        self.fit.on_nan = crate::OnNan::Stop;
        // More than enough: the callback ends it.
        self.fit.epochs = steps;
        let result = self.fit(part.as_ref().unwrap_or(train), None, &mut [callback]);
        (self.slots, self.rates) = (slots, rates);
        (self.fit, self.learning_rate, self.steps_taken) = (before.0, before.1, before.2);
        let after = std::mem::replace(&mut self.weights, before.3);
        result.map(|_| after)
    }
}

/// What a [`Sweep`] has seen.
#[derive(Debug, Default)]
struct Seen {
    points: Vec<LrPoint>,
    blew_up: bool,
}

/// Raises the learning rate after every batch, and stops when the loss blows up.
struct Sweep {
    range: LrRange,
    batch_size: usize,
    /// Images per epoch.
    samples: usize,
    /// Sum of the losses of the epoch so far.
    sum: f64,
    seen: Arc<Mutex<Seen>>,
}

impl Callback for Sweep {
    fn name(&self) -> &'static str {
        "LrRangeTest"
    }

    fn on_train_begin(&mut self, event: &TrainBegin<'_>, control: &mut Control) {
        self.samples = event.samples;
        control.set_learning_rate(self.range.rate(0) as f32);
    }

    fn on_batch_end(&mut self, event: &BatchEnd<'_>, control: &mut Control) {
        if event.step == 0 {
            self.sum = 0.0;
        }
        // The events carry the epoch's running mean; the batch's own loss is what it added to the sum.
        let before = event.step * self.batch_size;
        let after = (before + self.batch_size).min(self.samples);
        let sum = event.logs.get("loss").unwrap_or(f64::NAN) * after as f64;
        let loss = (sum - self.sum) / (after - before) as f64;
        self.sum = sum;

        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (step, beta) = (seen.points.len(), self.range.smoothing);
        let corrected = |mean: f64, n: usize| mean / (1.0 - beta.powi(n as i32));
        let past =
            seen.points.last().map_or(0.0, |last| last.smoothed * (1.0 - beta.powi(step as i32)));
        let smoothed = corrected(beta * past + (1.0 - beta) * loss, step + 1);
        seen.points.push(LrPoint { rate: self.range.rate(step), loss, smoothed });
        let best = seen.points.iter().fold(f64::INFINITY, |best, point| best.min(point.smoothed));
        seen.blew_up = !smoothed.is_finite() || smoothed > self.range.blow_up * best;
        if seen.blew_up || step + 1 == self.range.steps {
            control.stop(self.name(), "");
        } else {
            control.set_learning_rate(self.range.rate(step + 1) as f32);
        }
    }
}

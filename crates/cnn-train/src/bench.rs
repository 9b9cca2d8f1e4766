//! How fast a model trains and answers: the same loops that do the work, timed in windows.

use crate::TrainError;
use crate::trainer::{Trainer, feed};
use cnn_callbacks::{BatchEnd, Callback, Control, TrainBegin};
use cnn_data::Split;
use cnn_nn::engine::Profile;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BenchOptions {
    /// Windows of time, 1 or more. Each gives one figure.
    pub windows: usize,
    /// Length of a window.
    pub window: Duration,
    /// Time before the first window, for caches and the processor's clock to settle.
    pub warm_up: Duration,
}

impl Default for BenchOptions {
    /// Seven windows of half a second, after half a second.
    fn default() -> Self {
        let half = Duration::from_millis(500);
        Self { windows: 7, window: half, warm_up: half }
    }
}

/// The middle of some figures; of an even number the mean of the two in the middle. NaN if there are none.
pub fn median(figures: &[f64]) -> f64 {
    quantile(figures, 0.5)
}

/// The value below which the share `q` (0 to 1) of the figures lies, between two of them on the straight line; NaN if there are
/// none.
pub fn quantile(figures: &[f64], q: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

impl Trainer {
    /// Images per second of training, one figure for each window: [`Trainer::fit`] itself, with shuffled images fetched and
    /// made floats for every batch, until enough windows are full. The weights are trained by it.
    ///
    /// # Errors
    /// Those of [`Trainer::fit`].
    pub fn bench_training(
        &mut self,
        split: &Split,
        options: &BenchOptions,
    ) -> Result<Vec<f64>, TrainError> {
        let figures = Arc::new(Mutex::new(Vec::with_capacity(options.windows)));
        let windows = Windows {
            options: *options,
            from: Instant::now(),
            images: 0,
            of_epoch: 0,
            warm: false,
            figures: Arc::clone(&figures),
        };
        let fit = self.fit;
        self.fit.epochs = usize::MAX;
        self.fit = self.fit.learning_from_all();
        (self.fit.eval_train, self.fit.eval_test) = (false, false);
        let result = self.fit(split, None, &mut [Box::new(windows)]);
        self.fit = fit;
        result?;
        let figures = figures.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(figures.clone())
    }

    /// Seconds that each batch of `batch` images took to be answered, warm-up left out, until enough windows are full: bytes
    /// to probabilities.
    ///
    /// # Errors
    /// Images that do not fit the model, or none.
    pub fn bench_inference(
        &mut self,
        split: &Split,
        batch: usize,
        options: &BenchOptions,
    ) -> Result<Vec<f64>, TrainError> {
        self.check_split(split, "images")?;
        let batch = batch.clamp(1, split.len());
        let order: Vec<u32> = (0..split.len() as u32).collect();
        let mut output = vec![0.0; batch * self.outputs()];
        let mut seconds = Vec::new();
        let begin = Instant::now();
        let end = options.warm_up + options.window * options.windows.max(1) as u32;
        for indices in order.chunks_exact(batch).cycle() {
            // Where other work held this one up for longer than all windows, one answer at least is timed.
            if !seconds.is_empty() && begin.elapsed() >= end {
                break;
            }
            let start = Instant::now();
            self.engine.predict(&self.weights, batch, &feed(split, indices), &mut output);
            let took = start.elapsed();
            if start - begin >= options.warm_up {
                seconds.push(took.as_secs_f64());
            }
        }
        Ok(seconds)
    }

    /// Where the time of training goes, part by part, on one thread: `steps` optimizer steps on batches of the
    /// configuration's size, in the order of the data set. The weights are trained by it.
    ///
    /// # Errors
    /// Images that do not fit the model, or none.
    pub fn profile_training(&mut self, split: &Split, steps: usize) -> Result<Profile, TrainError> {
        self.check_split(split, "images")?;
        let batch = self.fit.batch_size.clamp(1, split.len());
        self.prepare(batch)?;
        let order: Vec<u32> = (0..split.len() as u32).collect();
        let mut profile = self.engine.profile(&self.model);
        for indices in order.chunks_exact(batch).cycle().take(steps) {
            let feed = feed(split, indices);
            self.learn(self.fit.seed, |engine, weights, slots, key, update| {
                engine.profile_step(weights, slots, batch, &feed, key, update, &mut profile)
            });
        }
        Ok(profile)
    }
}

/// Counts the images of each window, and ends training after the last.
#[derive(Debug)]
struct Windows {
    options: BenchOptions,
    /// When the window, or warming up, began.
    from: Instant,
    /// Images since then.
    images: usize,
    /// Images of this epoch so far.
    of_epoch: usize,
    warm: bool,
    figures: Arc<Mutex<Vec<f64>>>,
}

impl Callback for Windows {
    fn name(&self) -> &'static str {
        "Windows"
    }

    fn on_train_begin(&mut self, _event: &TrainBegin<'_>, _control: &mut Control) {
        self.from = Instant::now();
    }

    fn on_batch_end(&mut self, event: &BatchEnd<'_>, control: &mut Control) {
        let before = if event.step == 0 { 0 } else { self.of_epoch };
        self.images += event.samples - before;
        self.of_epoch = event.samples;
        let now = Instant::now();
        let took = now - self.from;
        if took < if self.warm { self.options.window } else { self.options.warm_up } {
            return;
        }
        if self.warm {
            let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
            figures.push(self.images as f64 / took.as_secs_f64().max(1e-9));
            if figures.len() >= self.options.windows.max(1) {
                control.stop(self.name(), "measured");
            }
        }
        (self.from, self.images, self.warm) = (now, 0, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_numpys() {
        // numpy.quantile([3, 1, 2, 10], [0, .5, .9, 1])
        let figures = [3.0, 1.0, 2.0, 10.0];
        let found = [0.0, 0.5, 0.9, 1.0].map(|q| quantile(&figures, q));
        assert!(found.iter().zip([1.0, 2.5, 7.9, 10.0]).all(|(a, b)| (a - b).abs() < 1e-12));
        assert!(median(&[]).is_nan());
        assert!((median(&[5.0]) - 5.0).abs() < 1e-12);
    }
}

//! Looking for numbers that are none, naming them, and going back ([`OnNan`]).

use super::Run;
use crate::checkpoint::Checkpoint;
use crate::error::TrainError;
use crate::on_nan::{OnNan, Rollback};
use crate::trainer::Trainer;
use crate::weights::check_finite;
use cnn_data::Images;
use cnn_nn::engine::BatchMetrics;
use std::ops::Range;
use std::time::Instant;

/// Who asks to stop, and who says what was done.
const NAME: &str = "on_nan";

/// A number that is none.
struct Fault {
    /// Whether it is in the images, where no learning rate helps.
    of_input: bool,
    /// What it is, as shown to people.
    what: String,
    /// Which step of the run it was, from 1.
    step: u64,
}

impl Run<'_> {
    /// Keeps the state at an epoch's beginning, where training may have to go back to it.
    pub(super) fn remember(&mut self, trainer: &Trainer) {
        if trainer.fit.on_nan.is_stop() {
            return;
        }
        match self.snapshot(trainer, self.at, &BatchMetrics::default()) {
            Ok(good) => self.rescue.good = Some(Box::new(good)),
            Err(error) => self.control.fail(NAME, error.to_string()),
        }
    }

    /// Looks at what a step has made of the images at these places of the order. Whether the epoch begins again: training has gone
    /// back then. Otherwise, where something is no number, it is asked to stop.
    pub(super) fn look(
        &mut self,
        trainer: &mut Trainer,
        (epoch, step): (usize, usize),
        batch: Range<usize>,
        metrics: &BatchMetrics,
    ) -> bool {
        let last = step + 1 == self.plan.steps;
        let Some(fault) = self.fault(trainer, batch, metrics, last) else { return false };
        if self.roll_back(trainer, epoch, &fault) {
            return true;
        }
        let tried = match self.rescue.rollbacks.len() {
            0 => String::new(),
            1 => "; training has gone back once".to_owned(),
            n => format!("; training has gone back {n} times"),
        };
        let reason = format!(
            "epoch {}/{}, step {}/{} (step {} of the run): {}{tried}",
            epoch + 1,
            self.plan.epochs,
            step + 1,
            self.plan.steps,
            fault.step,
            fault.what
        );
        self.control.diverged(NAME, reason);
        false
    }

    /// What is no number after a step, if anything.
    fn fault(
        &self,
        trainer: &Trainer,
        batch: Range<usize>,
        metrics: &BatchMetrics,
        last: bool,
    ) -> Option<Fault> {
        let loss = metrics.loss();
        if loss.is_finite() && !last {
            return None;
        }
        let weight = check_finite(&trainer.model, &trainer.weights).err();
        if loss.is_finite() {
            let (step, of_input) = (trainer.steps_taken, self.pixel());
            let what = weight.map(|weight| format!("{weight} after it"))?;
            return Some(Fault {
                of_input: of_input.is_some(),
                what: of_input.unwrap_or(what),
                step,
            });
        }
        let step = trainer.steps_taken + 1;
        if let Some(pixel) = self.pixel() {
            let what = format!("{pixel}; the loss is {loss}");
            return Some(Fault { of_input: true, what, step });
        }
        let number = trainer.engine.first_not_finite(batch.len());
        let layers = trainer.model.layers();
        let name = |at: Option<usize>| at.and_then(|at| layers.get(at)).map(|of| of.name.as_str());
        // The parameter's layer, and the layer's place.
        let owner = match &weight {
            Some(TrainError::NotFinite { name, .. }) => {
                layers.iter().position(|of| of.params.iter().any(|param| param.name == *name))
            }
            _ => None,
        };
        let first = |layer: Option<usize>| owner.is_none_or(|owner| layer < Some(owner));
        let what = match (number, weight) {
            (Some(number), _) if first(number.layer) => {
                let image = self.order[batch.start + number.sample];
                let what = name(number.layer).map_or_else(
                    || format!("the input is {}", number.value),
                    |layer| format!("{layer} gives {}", number.value),
                );
                format!("{what}, number {} of training image {image}", number.index)
            }
            (_, Some(weight)) => format!("{weight} before it"),
            _ if !metrics.penalty_sum.is_finite() => "the penalty of the weights is".to_owned(),
            _ => "every layer's output is finite, the loss is not".to_owned(),
        };
        let of_input = number.is_some_and(|number| number.layer.is_none());
        Some(Fault { of_input, what: format!("{what}; the loss is {loss}"), step })
    }

    /// The first training image with a pixel that is no number: one is enough for weights that are none, and where activations and
    /// pooling pass over it, it is seen in the gradients alone.
    fn pixel(&self) -> Option<String> {
        let Images::F32(pixels) = &self.train.images else { return None };
        let size: usize = self.train.shape().iter().product();
        let mut all = pixels.iter().enumerate();
        let (at, value) = all.find(|(_, x)| !x.is_finite())?;
        Some(format!("training image {} has {value} for number {}", at / size, at % size))
    }

    /// Goes back to the epoch's beginning and on with a smaller rate, if that is wanted and may still be done.
    fn roll_back(&mut self, trainer: &mut Trainer, epoch: usize, fault: &Fault) -> bool {
        let OnNan::Rollback { factor, times } = trainer.fit.on_nan else { return false };
        if fault.of_input || self.rescue.rollbacks.len() >= times as usize {
            return false;
        }
        let Some(good) = self.rescue.good.clone() else { return false };
        self.rescue.factor *= factor as f32;
        self.rescue.rollbacks.push(Rollback {
            epoch,
            step: fault.step,
            what: fault.what.clone().into(),
            to_step: good.steps_taken,
            learning_rate_factor: f64::from(self.rescue.factor),
        });
        // On the disk before callbacks cut their files: who is killed in between goes on from here.
        self.save_checkpoint(&Checkpoint { rescue: self.rescue.clone(), ..(*good).clone() });
        let trained = self.trained();
        if let Err(error) = self.with_begin(|run, event| run.resume(trainer, *good, event)) {
            self.control.fail(NAME, error.to_string());
        }
        trainer.rate_factor = self.rescue.factor;
        // The time went by.
        (self.trained_before, self.start) = (trained, Instant::now());
        (self.waited, self.waited_before, self.measured) = (0.0, 0.0, None);
        let text = format!(
            "Epoch {}, step {} of the run: {}; back to the epoch's beginning, on with {} times the learning rate",
            epoch + 1,
            fault.step,
            fault.what,
            self.rescue.factor
        );
        self.control.say(NAME, text);
        self.apply(trainer);
        true
    }
}

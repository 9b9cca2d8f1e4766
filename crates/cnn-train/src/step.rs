//! One optimizer step: its learning rate and random numbers, the gradients, the update.

use crate::trainer::Trainer;
use cnn_nn::engine::{BatchMetrics, Buffer, Engine, TrainKey, Update};
use cnn_optim::Step;

impl Trainer {
    /// Takes one step, unless the loss of the batch is NaN or infinite: then nothing changes. `run` is what the engine does with weights, slots, random numbers and an update: a training step on some batch.
    ///
    /// Most updates are done block by block while the gradients are hot. An optimizer that needs all of them first has the engine
    /// write them down, and updates afterwards.
    pub(crate) fn learn(
        &mut self,
        seed: u64,
        run: impl FnOnce(&mut Engine, &mut [f32], &mut [Buffer], TrainKey, &Update<'_>) -> BatchMetrics,
    ) -> BatchMetrics {
        let key = TrainKey { seed, step: self.steps_taken };
        if let Some(schedule) = &self.schedule {
            self.learning_rate = schedule.at(self.steps_taken);
        }
        let (learning_rate, isa) = (self.effective_rate(), self.options.isa);
        let step = Step { t: self.steps_taken + 1, learning_rate, isa };
        let Self {
            engine, optimizer, weights, slots, gradient, whole, constraints, untrained, ..
        } = self;
        let metrics = if optimizer.needs_all_gradients() {
            let keep = |_: usize, _: &mut [f32], g: &mut [f32], kept: &mut [&mut [f32]]| {
                kept[0].copy_from_slice(g);
            };
            let metrics = run(engine, weights, std::slice::from_mut(gradient), key, &keep);
            if metrics.loss().is_finite() {
                optimizer.update_all(whole, engine.pool(), &step, weights, gradient, slots);
            }
            metrics
        } else {
            let update = |start: usize, w: &mut [f32], g: &mut [f32], slots: &mut [&mut [f32]]| {
                optimizer.update(&step, start, w, g, slots);
            };
            run(engine, weights, slots, key, &update)
        };
        if !metrics.loss().is_finite() {
            return metrics;
        }
        self.steps_taken = step.t;
        constraints.apply(weights);
        if let Some(mean) = optimizer.average_slot().and_then(|slot| slots.get_mut(slot)) {
            for range in untrained.iter() {
                mean[range.clone()].copy_from_slice(&weights[range.clone()]);
            }
        }
        metrics
    }
}

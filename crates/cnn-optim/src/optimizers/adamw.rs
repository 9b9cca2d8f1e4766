//! `AdamW`: Adam with weight decay that does not go through its averages.
//!
//! ```text
//! w ← w − w·decay·lr
//! then Adam
//! ```
//! A penalty on the loss (`kernel_regularizer`) is divided by √v like every other gradient, and so decays weights with large
//! gradients least. This decay is the same for all.
//!
//! **Slots**: `momentum` (m) and `velocity` (v), as [`crate::Adam`].
//!
//! **Errors**: a value out of range.
//!
//! **Source**: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019); Keras `optimizers/adamw.py`, class `AdamW`.
//! PyTorch's default decay is 0.01, Keras's 0.004.

use super::Adam;
use crate::number::{float, not_negative};
use crate::spec::optimizer;
use crate::{OptimError, Rule, Step};
use cnn_kernels::update;

optimizer! {
    /// `AdamW`: `optimizer = { type = "AdamW", weight_decay = 0.004 }`.
    AdamW {
        /// Upper bound of a parameter's usual step. Default 0.001. A number, finite and ≥ 0, or a schedule.
        learning_rate = 0.001,
        /// Share of each weight that is taken away in a step, times the learning rate. Default 0.004. Finite, ≥ 0.
        #[serde(deserialize_with = "float")]
        weight_decay: f64 = 0.004,
        /// Decay per step of the gradient's running mean. No unit. Default 0.9, in \[0, 1).
        #[serde(deserialize_with = "float")]
        beta_1: f64 = 0.9,
        /// Decay per step of the squared gradient's running mean. No unit. Default 0.999, in \[0, 1).
        #[serde(deserialize_with = "float")]
        beta_2: f64 = 0.999,
        /// Added to √v, in units of the gradient, so that nothing is divided by zero. Default 1e-7, > 0.
        #[serde(deserialize_with = "float")]
        epsilon: f64 = 1e-7,
    }
}

impl AdamW {
    /// The update rule, its values checked.
    pub(crate) fn rule(&self) -> Result<Box<dyn Rule>, OptimError> {
        const NAME: &str = "AdamW";
        let Self { weight_decay, beta_1, beta_2, epsilon, .. } = *self;
        let hint = "Keras's default is 0.004";
        let weight_decay = not_negative(NAME, "weight_decay", weight_decay, hint)?;
        let adam = Adam { beta_1, beta_2, epsilon, ..Adam::default() }.named(NAME)?;
        Ok(Box::new(Update { weight_decay, adam }))
    }

    /// Specs that cover the settings, the defaults first.
    pub fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self {
                learning_rate: 0.01.into(),
                weight_decay: 0.1,
                beta_1: 0.8,
                beta_2: 0.99,
                epsilon: 1e-3,
            },
        ]
    }
}

#[derive(Debug)]
struct Update {
    weight_decay: f32,
    adam: Box<dyn Rule>,
}

impl Rule for Update {
    fn slot_names(&self) -> &'static [&'static str] {
        self.adam.slot_names()
    }

    fn update(&self, step: &Step, w: &mut [f32], g: &[f32], slots: &mut [&mut [f32]]) {
        update::decay(step.isa, self.weight_decay * step.learning_rate, w);
        self.adam.update(step, w, g, slots);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cnn_kernels::Isa;

    #[test]
    fn without_a_gradient_only_the_decay_is_left() {
        let rule =
            AdamW { learning_rate: 0.5.into(), weight_decay: 0.25, ..AdamW::default() }.rule();
        let (rule, mut w) = (rule.unwrap(), [2.0_f32]);
        let step = Step { t: 1, learning_rate: 0.5, isa: Isa::best() };
        rule.update(&step, &mut w, &[0.0], &mut [&mut [0.0], &mut [0.0]]);
        assert!((w[0] - 1.75).abs() < 1e-6, "{w:?}");
    }
}

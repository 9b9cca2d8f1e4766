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
use crate::number::float;
use crate::spec::optimizer;
use crate::{OptimError, Rule};

optimizer! {
    /// `AdamW`: `optimizer = { type = "AdamW", weight_decay = 0.004 }`.
    AdamW {
        /// Upper bound of a parameter's usual step. Default 0.001. A number, finite and ≥ 0, or a schedule.
        learning_rate = 0.001,
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
    weight_decay = Some(0.004)
}

impl AdamW {
    /// The update rule, its values checked.
    pub(crate) fn rule(&self) -> Result<Box<dyn Rule>, OptimError> {
        const NAME: &str = "AdamW";
        if self.weight_decay.is_none() {
            return Err(OptimError::Conflict {
                optimizer: NAME,
                key: "weight_decay",
                problem: "is what makes it another optimizer than Adam",
                hint: "Keras's default is 0.004; without decay take Adam",
            });
        }
        let Self { beta_1, beta_2, epsilon, .. } = *self;
        Adam { beta_1, beta_2, epsilon, ..Adam::default() }.named(NAME)
    }

    /// Specs that cover the settings, the defaults first.
    pub fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self {
                learning_rate: 0.01.into(),
                weight_decay: Some(0.1),
                beta_1: 0.8,
                beta_2: 0.99,
                epsilon: 1e-3,
                ..Self::default()
            },
        ]
    }
}

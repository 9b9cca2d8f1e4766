//! Adagrad: each parameter's step shrinks with all that it has moved before.
//!
//! ```text
//! a ← a + g²                               a starts at the initial value
//! w ← w − lr·g / √(a + ε)
//! ```
//! **Slots**: `accumulator`, without the initial value.
//!
//! **Errors**: a value out of range.
//!
//! **Source**: Duchi, Hazan and Singer, "Adaptive Subgradient Methods" (2011); Keras `optimizers/adagrad.py`, class `Adagrad`.

use crate::number::{epsilon, float, learning_rate, not_negative};
use crate::{OptimError, Optimizer, Step};
use cnn_kernels::update;
use serde::{Deserialize, Serialize};

/// Adagrad: `optimizer = { type = "Adagrad", learning_rate = 0.01 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adagrad {
    /// Step where the accumulator is 1. Default 0.001. Finite, ≥ 0; written as a float.
    #[serde(deserialize_with = "float")]
    pub learning_rate: f64,
    /// What the sum of squares starts at, in units of the squared gradient. Default 0.1, ≥ 0.
    #[serde(deserialize_with = "float")]
    pub initial_accumulator_value: f64,
    /// Added under the root. Default 1e-7, > 0.
    #[serde(deserialize_with = "float")]
    pub epsilon: f64,
}

impl Default for Adagrad {
    fn default() -> Self {
        Self { learning_rate: 0.001, initial_accumulator_value: 0.1, epsilon: 1e-7 }
    }
}

impl Adagrad {
    /// Checks every value and returns the update rule.
    pub fn build(&self) -> Result<Box<dyn Optimizer>, OptimError> {
        const NAME: &str = "Adagrad";
        Ok(Box::new(Rule {
            learning_rate: learning_rate(NAME, self.learning_rate, "Keras's default is 0.001")?,
            initial: not_negative(
                NAME,
                "initial_accumulator_value",
                self.initial_accumulator_value,
                "Keras's default is 0.1",
            )?,
            epsilon: epsilon(NAME, self.epsilon)?,
        }))
    }

    /// Specs that cover the settings, the defaults first.
    pub fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { learning_rate: 0.1, initial_accumulator_value: 0.0, epsilon: 1e-3 },
        ]
    }
}

#[derive(Debug)]
struct Rule {
    learning_rate: f32,
    initial: f32,
    epsilon: f32,
}

impl Optimizer for Rule {
    fn slot_names(&self) -> &'static [&'static str] {
        &["accumulator"]
    }

    fn learning_rate(&self) -> f32 {
        self.learning_rate
    }

    fn update(&self, step: &Step, w: &mut [f32], g: &[f32], slots: &mut [&mut [f32]]) {
        let [a] = slots else {
            panic!("Adagrad has the slots {:?}, got {} slices", self.slot_names(), slots.len())
        };
        update::adagrad(step.isa, step.learning_rate, self.initial, self.epsilon, w, g, a);
    }
}

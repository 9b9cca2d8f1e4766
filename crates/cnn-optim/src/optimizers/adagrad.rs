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

use crate::number::{epsilon, float, not_negative};
use crate::spec::optimizer;
use crate::{OptimError, Rule, Step};
use cnn_kernels::update;

optimizer! {
    /// Adagrad: `optimizer = { type = "Adagrad", learning_rate = 0.01 }`.
    Adagrad {
        /// Step where the accumulator is 1. Default 0.001. A number, finite and ≥ 0, or a schedule.
        learning_rate = 0.001,
        /// What the sum of squares starts at, in units of the squared gradient. Default 0.1, ≥ 0.
        #[serde(deserialize_with = "float")]
        initial_accumulator_value: f64 = 0.1,
        /// Added under the root. Default 1e-7, > 0.
        #[serde(deserialize_with = "float")]
        epsilon: f64 = 1e-7,
    }
    weight_decay = None
}

impl Adagrad {
    /// The update rule, its values checked.
    pub(crate) fn rule(&self) -> Result<Box<dyn Rule>, OptimError> {
        const NAME: &str = "Adagrad";
        Ok(Box::new(Update {
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
            Self {
                learning_rate: 0.1.into(),
                initial_accumulator_value: 0.0,
                epsilon: 1e-3,
                ..Self::default()
            },
        ]
    }
}

#[derive(Debug)]
struct Update {
    initial: f32,
    epsilon: f32,
}

impl Rule for Update {
    fn slot_names(&self) -> &'static [&'static str] {
        &["accumulator"]
    }

    fn update(&self, step: &Step, w: &mut [f32], g: &[f32], slots: &mut [&mut [f32]]) {
        let [a] = slots else {
            panic!("Adagrad has the slots {:?}, got {} slices", self.slot_names(), slots.len())
        };
        update::adagrad(step.isa, step.learning_rate, self.initial, self.epsilon, w, g, a);
    }
}

//! Lion: every parameter moves by the learning rate, in the direction that a momentum gives.
//!
//! ```text
//! w ← w − lr·sign(β₁·m + (1 − β₁)·g)
//! m ← β₂·m + (1 − β₂)·g
//! ```
//! A usual learning rate is a third to a tenth of Adam's.
//!
//! **Slots**: `momentum` (m).
//!
//! **Errors**: a value out of range.
//!
//! **Source**: Chen et al., "Symbolic Discovery of Optimization Algorithms" (2023); Keras `optimizers/lion.py`, class `Lion`.

use crate::number::{decay, float};
use crate::spec::optimizer;
use crate::{OptimError, Rule, Step};
use cnn_kernels::update;

optimizer! {
    /// Lion: `optimizer = { type = "Lion", learning_rate = 0.0003 }`.
    Lion {
        /// The step of every parameter. Default 0.001. A number, finite and ≥ 0, or a schedule.
        learning_rate = 0.001,
        /// Share of the momentum in the direction of a step. No unit. Default 0.9, in \[0, 1).
        #[serde(deserialize_with = "float")]
        beta_1: f64 = 0.9,
        /// Decay per step of the momentum. No unit. Default 0.99, in \[0, 1).
        #[serde(deserialize_with = "float")]
        beta_2: f64 = 0.99,
    }
    weight_decay = None
}

impl Lion {
    /// The update rule, its values checked.
    pub(crate) fn rule(&self) -> Result<Box<dyn Rule>, OptimError> {
        const NAME: &str = "Lion";
        Ok(Box::new(Update {
            beta_1: decay(NAME, "beta_1", self.beta_1, "Keras's default is 0.9")?,
            beta_2: decay(NAME, "beta_2", self.beta_2, "Keras's default is 0.99")?,
            rests: [(1.0 - self.beta_1) as f32, (1.0 - self.beta_2) as f32],
        }))
    }

    /// Specs that cover the settings, the defaults first.
    pub fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { learning_rate: 0.01.into(), beta_1: 0.5, beta_2: 0.9, ..Self::default() },
        ]
    }
}

#[derive(Debug)]
struct Update {
    beta_1: f32,
    beta_2: f32,
    /// 1 − β₁ and 1 − β₂, rounded once.
    rests: [f32; 2],
}

impl Rule for Update {
    fn slot_names(&self) -> &'static [&'static str] {
        &["momentum"]
    }

    fn update(&self, step: &Step, w: &mut [f32], g: &[f32], slots: &mut [&mut [f32]]) {
        let [m] = slots else {
            panic!("Lion has the slots {:?}, got {} slices", self.slot_names(), slots.len())
        };
        let lr = step.learning_rate;
        update::lion(step.isa, lr, self.beta_1, self.beta_2, self.rests, w, g, m);
    }
}

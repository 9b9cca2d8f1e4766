//! Adam: gradient descent whose step length adapts to each parameter.
//!
//! ```text
//! α = lr · √(1 − β₂ᵗ) / (1 − β₁ᵗ)          t = 1, 2, …
//! m ← m + (g − m)·(1 − β₁)
//! v ← v + (g² − v)·(1 − β₂)
//! w ← w − m·α / (√v + ε)
//! ```
//! This ε is the paper's ε̂: it is *not* divided by √(1 − β₂ᵗ) as PyTorch does, and its default is 1e-7, not 1e-8. So the
//! same numbers train a little differently there.
//!
//! **Slots**: `momentum` (m) and `velocity` (v).
//!
//! **Errors**: a value out of range.
//!
//! **Source**: Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2014), the form before section 2.1; Keras
//! `optimizers/adam.py`, class `Adam`.

use crate::number::{decay, epsilon, float, power};
use crate::spec::optimizer;
use crate::{OptimError, Rule, Step};
use cnn_kernels::update;

optimizer! {
    /// Adam: `optimizer = { type = "Adam", learning_rate = 0.001 }`.
    Adam {
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
    weight_decay = None
}

impl Adam {
    /// The update rule, its values checked.
    pub(crate) fn rule(&self) -> Result<Box<dyn Rule>, OptimError> {
        self.named("Adam")
    }

    /// As [`Self::rule`]; `name` is who is at fault where a value is refused.
    pub(super) fn named(&self, name: &'static str) -> Result<Box<dyn Rule>, OptimError> {
        Ok(Box::new(Update {
            beta_1: decay(name, "beta_1", self.beta_1, "Keras's default is 0.9")?,
            beta_2: decay(name, "beta_2", self.beta_2, "Keras's default is 0.999")?,
            rest_1: (1.0 - self.beta_1) as f32,
            rest_2: (1.0 - self.beta_2) as f32,
            epsilon: epsilon(name, self.epsilon)?,
        }))
    }

    /// Specs that cover the settings, the defaults first.
    pub fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self {
                learning_rate: 0.01.into(),
                beta_1: 0.8,
                beta_2: 0.99,
                epsilon: 1e-3,
                ..Self::default()
            },
        ]
    }
}

#[derive(Debug)]
struct Update {
    beta_1: f32,
    beta_2: f32,
    /// 1 − β₁ and 1 − β₂, rounded once: 1 − (β₂ as f32) is off by 5e-5 of itself.
    rest_1: f32,
    rest_2: f32,
    epsilon: f32,
}

impl Rule for Update {
    fn slot_names(&self) -> &'static [&'static str] {
        &["momentum", "velocity"]
    }

    fn update(&self, step: &Step, w: &mut [f32], g: &[f32], slots: &mut [&mut [f32]]) {
        let [m, v] = slots else {
            panic!("Adam has the slots {:?}, got {} slices", self.slot_names(), slots.len())
        };
        let alpha = step.learning_rate * (1.0 - power(self.beta_2, step.t)).sqrt()
            / (1.0 - power(self.beta_1, step.t));
        update::adam(step.isa, alpha, self.rest_1, self.rest_2, self.epsilon, w, g, m, v);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cnn_kernels::Isa;

    #[test]
    fn one_step_by_hand() {
        let rule =
            Adam { beta_1: 0.5, beta_2: 0.75, epsilon: 1.0, ..Adam::default() }.rule().unwrap();
        let step = Step { t: 1, learning_rate: 0.1, isa: Isa::best() };
        let (mut w, mut m, mut v) = ([1.0_f32], [0.0_f32], [0.0_f32]);
        rule.update(&step, &mut w, &[2.0], &mut [&mut m, &mut v]);
        // α = 0.1·√¼/½ = 0.1, m = 1, v = 1, w = 1 − 0.1/(1 + 1)
        assert_eq!((m, v), ([1.0], [1.0]));
        assert!((w[0] - 0.95).abs() < 1e-7);
    }
}

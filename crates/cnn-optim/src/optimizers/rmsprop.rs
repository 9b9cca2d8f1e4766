//! `RMSprop`: gradients divided by the root of their running mean square.
//!
//! ```text
//! v ← ρ·v + (1 − ρ)·g²
//! a ← ρ·a + (1 − ρ)·g                      centered alone; then v − a² in place of v below
//! s = lr·g / √(v + ε)
//! u ← momentum·u + s                       with momentum alone; then u in place of s below
//! w ← w − s
//! ```
//! **Slots**: `velocity` (v), then `average_gradient` (a) and `momentum` (u) where they are used.
//!
//! **Errors**: a value out of range.
//!
//! **Source**: Hinton, lecture 6e of "Neural Networks for Machine Learning" (2012); Keras `optimizers/rmsprop.py`, class `RMSprop`, with
//! ε under the root; PyTorch adds it after.

use crate::number::{decay, epsilon, float};
use crate::spec::optimizer;
use crate::{OptimError, Rule, Step};
use cnn_kernels::update;

optimizer! {
    /// `RMSprop`: `optimizer = { type = "RMSprop", learning_rate = 0.001 }`.
    RMSprop {
        /// A parameter's usual step. Default 0.001. A number, finite and ≥ 0, or a schedule.
        learning_rate = 0.001,
        /// Decay per step of the running means. No unit. Default 0.9, in \[0, 1).
        #[serde(deserialize_with = "float")]
        rho: f64 = 0.9,
        /// Share of the last step that is taken again. No unit. Default 0, in \[0, 1).
        #[serde(deserialize_with = "float")]
        momentum: f64 = 0.0,
        /// Added under the root, in units of the squared gradient. Default 1e-7, > 0.
        #[serde(deserialize_with = "float")]
        epsilon: f64 = 1e-7,
        /// Whether the gradient is divided by its deviation instead of its root mean square. Default false.
        centered: bool = false,
    }
    weight_decay = None
}

impl RMSprop {
    /// The update rule, its values checked.
    pub(crate) fn rule(&self) -> Result<Box<dyn Rule>, OptimError> {
        const NAME: &str = "RMSprop";
        Ok(Box::new(Update {
            rhos: [
                decay(NAME, "rho", self.rho, "Keras's default is 0.9")?,
                (1.0 - self.rho) as f32,
            ],
            momentum: decay(NAME, "momentum", self.momentum, "0.9 is usual")?,
            epsilon: epsilon(NAME, self.epsilon)?,
            centered: self.centered,
        }))
    }

    /// Specs that cover the settings, the defaults first.
    pub fn examples() -> Vec<Self> {
        let plain = Self::default();
        vec![
            plain.clone(),
            Self {
                learning_rate: 0.01.into(),
                rho: 0.8,
                momentum: 0.9,
                epsilon: 1e-3,
                ..Self::default()
            },
            Self { centered: true, epsilon: 1e-3, ..plain.clone() },
            Self { centered: true, momentum: 0.5, epsilon: 1e-3, ..plain },
        ]
    }
}

#[derive(Debug)]
struct Update {
    /// ρ and 1 − ρ, each rounded once.
    rhos: [f32; 2],
    momentum: f32,
    epsilon: f32,
    centered: bool,
}

impl Rule for Update {
    fn slot_names(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum > 0.0) {
            (false, false) => &["velocity"],
            (true, false) => &["velocity", "average_gradient"],
            (false, true) => &["velocity", "momentum"],
            (true, true) => &["velocity", "average_gradient", "momentum"],
        }
    }

    fn update(&self, step: &Step, w: &mut [f32], g: &[f32], slots: &mut [&mut [f32]]) {
        let count = slots.len();
        assert_eq!(count, self.slot_names().len(), "RMSprop has the slots {:?}", self.slot_names());
        let mut slots = slots.iter_mut().map(|slot| &mut **slot);
        let mut next =
            |wanted: bool| if wanted { slots.next().unwrap_or_default() } else { &mut [] };
        let velocity = next(true);
        let average = next(self.centered);
        let moved = next(self.momentum > 0.0);
        let (lr, momentum, epsilon) = (step.learning_rate, self.momentum, self.epsilon);
        update::rmsprop(step.isa, lr, self.rhos, momentum, epsilon, w, g, velocity, average, moved);
    }
}

//! Nadam: Adam that looks ahead along its momentum, as Nesterov's does.
//!
//! ```text
//! uₜ = β₁·(1 − ½·0.96ᵗ)                    t = 1, 2, …;  Uₜ = u₁·u₂·…·uₜ
//! m ← m + (g − m)·(1 − β₁)
//! v ← v + (g² − v)·(1 − β₂)
//! w ← w − lr·(uₜ₊₁·m/(1 − Uₜ₊₁) + (1 − uₜ)·g/(1 − Uₜ)) / (√(v/(1 − β₂ᵗ)) + ε)
//! ```
//! **Slots**: `momentum` (m) and `velocity` (v).
//!
//! **Errors**: a value out of range.
//!
//! **Source**: Dozat, "Incorporating Nesterov Momentum into Adam" (2016); Keras `optimizers/nadam.py`, class `Nadam`.

use crate::number::{decay, epsilon, float, power};
use crate::spec::optimizer;
use crate::{OptimError, Rule, Step};
use cnn_kernels::update;

optimizer! {
    /// Nadam: `optimizer = { type = "Nadam", learning_rate = 0.001 }`.
    Nadam {
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

impl Nadam {
    /// The update rule, its values checked.
    pub(crate) fn rule(&self) -> Result<Box<dyn Rule>, OptimError> {
        const NAME: &str = "Nadam";
        let beta_1 = decay(NAME, "beta_1", self.beta_1, "Keras's default is 0.9")?;
        let products = (1..).scan(1.0, |product, t| {
            *product *= share(beta_1, t);
            Some(*product)
        });
        Ok(Box::new(Update {
            beta_1,
            beta_2: decay(NAME, "beta_2", self.beta_2, "Keras's default is 0.999")?,
            rests: [(1.0 - self.beta_1) as f32, (1.0 - self.beta_2) as f32],
            epsilon: epsilon(NAME, self.epsilon)?,
            products: products.take(SETTLED as usize).collect(),
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

/// Steps after which uₜ is β₁ in f32: 0.96⁵⁰⁰ is below 2⁻²⁹.
const SETTLED: u64 = 500;

/// uₜ.
fn share(beta_1: f32, t: u64) -> f64 {
    f64::from(beta_1) * (1.0 - 0.5 * f64::from(power(0.96, t)))
}

#[derive(Debug)]
struct Update {
    beta_1: f32,
    beta_2: f32,
    /// 1 − β₁ and 1 − β₂, rounded once.
    rests: [f32; 2],
    epsilon: f32,
    /// U₁, U₂, … as long as u changes.
    products: Vec<f64>,
}

impl Update {
    /// Uₜ.
    fn product(&self, t: u64) -> f64 {
        let at = t.clamp(1, SETTLED);
        let product = self.products.get(at as usize - 1).copied().unwrap_or(0.0);
        product * f64::from(power(self.beta_1, t.saturating_sub(SETTLED)))
    }
}

impl Rule for Update {
    fn slot_names(&self) -> &'static [&'static str] {
        &["momentum", "velocity"]
    }

    fn update(&self, step: &Step, w: &mut [f32], g: &[f32], slots: &mut [&mut [f32]]) {
        let [m, v] = slots else {
            panic!("Nadam has the slots {:?}, got {} slices", self.slot_names(), slots.len())
        };
        let (t, lr) = (step.t, f64::from(step.learning_rate));
        let of_m = lr * share(self.beta_1, t + 1) / (1.0 - self.product(t + 1));
        let of_g = lr * (1.0 - share(self.beta_1, t)) / (1.0 - self.product(t));
        let of_v = 1.0 / (1.0 - power(self.beta_2, t));
        let factors = [of_m as f32, of_g as f32, of_v];
        update::nadam(step.isa, factors, self.rests, self.epsilon, w, g, m, v);
    }
}

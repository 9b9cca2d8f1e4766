//! Muon: matrices move along their momentum made orthogonal, all else by Adam.
//!
//! ```text
//! matrices:  m ← μ·m + g;  x = orthogonal(g + μ·m);  w ← w − lr·x·rms_rate·√max(rows, columns)
//! others:    AdamW with its own decay, at lr·adam_lr_ratio
//! ```
//! Matrices are the kernels of Dense layers: a convolution's kernel has four dimensions and is left to Adam, as in Keras. The
//! output layer should be too: name it in `exclude_layers`. Orthogonal means that every singular value is near 1, by
//! Newton–Schulz steps.
//!
//! It needs all gradients of a matrix before it can begin, and five products of that matrix in each step: slower than Adam where Dense
//! layers are large.
//!
//! **Slots**: `momentum` (m) and `velocity` (v, of the others).
//!
//! **Errors**: a value out of range.
//!
//! **Source**: Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024); Liu et al., "Muon is Scalable for LLM
//! Training" (2025) for `rms_rate`; Keras `optimizers/muon.py`, class `Muon`.

use super::Adam;
use crate::muon::Matrices;
use crate::number::{check, decay, float, not_negative};
use crate::spec::optimizer;
use crate::{OptimError, Rule};

optimizer! {
    /// Muon: `optimizer = { type = "Muon", learning_rate = 0.001, exclude_layers = ["dense_1"] }`.
    Muon {
        /// A matrix's step is about this times `rms_rate` per number. Default 0.001. A number, finite and ≥ 0, or a schedule.
        learning_rate = 0.001,
        /// Adam's decay per step of the gradient's running mean. No unit. Default 0.9, in \[0, 1).
        #[serde(deserialize_with = "float")]
        adam_beta_1: f64 = 0.9,
        /// Adam's decay per step of the squared gradient's running mean. No unit. Default 0.999, in \[0, 1).
        #[serde(deserialize_with = "float")]
        adam_beta_2: f64 = 0.999,
        /// `weight_decay` of the parameters that are no matrices. Default 0.004. Finite, ≥ 0.
        #[serde(deserialize_with = "float")]
        adam_weight_decay: f64 = 0.004,
        /// Adam's: added to √v, in units of the gradient. Default 1e-7, > 0.
        #[serde(deserialize_with = "float")]
        epsilon: f64 = 1e-7,
        /// Layers or parameters that are left to Adam, as `exclude_from_weight_decay` names them. Default none.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        exclude_layers: Vec<String> = Vec::new(),
        /// First factor of the orthogonalisation. No unit. Default 3.4445. Finite.
        #[serde(deserialize_with = "float")]
        muon_a: f64 = 3.4445,
        /// Second factor. No unit. Default −4.7750. Finite.
        #[serde(deserialize_with = "float")]
        muon_b: f64 = -4.7750,
        /// Third factor. No unit. Default 2.0315. Finite.
        #[serde(deserialize_with = "float")]
        muon_c: f64 = 2.0315,
        /// Adam's learning rate over that of matrices. No unit. Default 1. Finite, ≥ 0.
        #[serde(deserialize_with = "float")]
        adam_lr_ratio: f64 = 1.0,
        /// μ: share of a matrix's last direction that is kept. No unit. Default 0.95, in \[0, 1).
        #[serde(deserialize_with = "float")]
        momentum: f64 = 0.95,
        /// Steps of the orthogonalisation. Default 5, from 0 to 100.
        ns_steps: usize = 5,
        /// Look ahead along the momentum. Default true.
        nesterov: bool = true,
        /// Size of a step's numbers, as Adam's usual steps have it. No unit. Default 0.2. Finite; 0 leaves steps as they are (Keras's `None`).
        #[serde(deserialize_with = "float")]
        rms_rate: f64 = 0.2,
    }
    weight_decay = Some(0.004)
}

impl Muon {
    /// The update rule of what is no matrix, its values checked.
    pub(crate) fn rule(&self) -> Result<Box<dyn Rule>, OptimError> {
        const NAME: &str = "Muon";
        decay(NAME, "adam_beta_1", self.adam_beta_1, "Keras's default is 0.9")?;
        decay(NAME, "adam_beta_2", self.adam_beta_2, "Keras's default is 0.999")?;
        let (beta_1, beta_2, epsilon) = (self.adam_beta_1, self.adam_beta_2, self.epsilon);
        Adam { beta_1, beta_2, epsilon, ..Adam::default() }.named(NAME)
    }

    /// How matrices are updated, its values checked.
    pub(crate) fn matrices(&self) -> Result<Matrices, OptimError> {
        const NAME: &str = "Muon";
        let finite =
            |key, x: f64, hint| check((x as f32).is_finite(), NAME, key, "finite", x, hint);
        let steps = self.ns_steps;
        check(steps <= 100, NAME, "ns_steps", "from 0 to 100", steps as f64, "5 is usual")?;
        not_negative(NAME, "adam_weight_decay", self.adam_weight_decay, "0.004 is usual")?;
        Ok(Matrices {
            exclude: self.exclude_layers.clone(),
            momentum: decay(NAME, "momentum", self.momentum, "Keras's default is 0.95")?,
            nesterov: self.nesterov,
            steps,
            factors: [
                finite("muon_a", self.muon_a, "Keras's default is 3.4445")?,
                finite("muon_b", self.muon_b, "Keras's default is -4.775")?,
                finite("muon_c", self.muon_c, "Keras's default is 2.0315")?,
            ],
            rms_rate: not_negative(NAME, "rms_rate", self.rms_rate, "Keras's default is 0.2")?,
            other_decay: self.adam_weight_decay,
            other_ratio: not_negative(NAME, "adam_lr_ratio", self.adam_lr_ratio, "1.0 is usual")?,
        })
    }

    /// Specs that cover the settings, the defaults first.
    pub fn examples() -> Vec<Self> {
        let plain = Self { momentum: 0.9, nesterov: false, rms_rate: 0.0, ..Self::default() };
        vec![Self::default(), Self { learning_rate: 0.01.into(), ns_steps: 3, ..plain }]
    }
}

//! Stochastic gradient descent, with momentum if asked.
//!
//! ```text
//! momentum = 0:   w ← w − lr·g
//! momentum μ:     v ← μ·v − lr·g,   w ← w + v
//! nesterov:       v ← μ·v − lr·g,   w ← w + μ·v − lr·g
//! ```
//! The learning rate is inside the velocity, as in Keras; PyTorch keeps it outside, so the two differ once the rate changes.
//!
//! **Slots**: none without momentum, else `momentum` (the velocity v).
//!
//! **Errors**: a value out of range; `nesterov` without momentum, which would do nothing.
//!
//! **Source**: Keras `optimizers/sgd.py`, class `SGD`. Nesterov's form after Sutskever et al., "On the importance of
//! initialization and momentum in deep learning" (2013).

use crate::number::{check, float};
use crate::spec::optimizer;
use crate::{OptimError, Rule, Step};
use cnn_kernels::update;

optimizer! {
    /// Gradient descent: `optimizer = { type = "SGD", learning_rate = 0.01, momentum = 0.9 }`.
    SGD {
        /// Length of a step per unit of gradient. Default 0.01. A number, finite and ≥ 0, or a schedule.
        learning_rate = 0.01,
        /// Share of the last step that is taken again. No unit. Default 0.0, in \[0, 1\]; written as a float.
        #[serde(deserialize_with = "float")]
        momentum: f64 = 0.0,
        /// Look ahead along the velocity. Default false; needs `momentum` > 0.
        nesterov: bool = false,
    }
    weight_decay = None
}

impl SGD {
    /// The update rule, its values checked.
    pub(crate) fn rule(&self) -> Result<Box<dyn Rule>, OptimError> {
        const NAME: &str = "SGD";
        let in_range = (0.0..=1.0).contains(&self.momentum);
        let momentum =
            check(in_range, NAME, "momentum", "in [0, 1]", self.momentum, "0.9 is usual")?;
        if self.nesterov && momentum == 0.0 {
            return Err(OptimError::Conflict {
                optimizer: NAME,
                key: "nesterov",
                problem: "has no effect while `momentum` is 0",
                hint: "set `momentum = 0.9`, or leave `nesterov` out",
            });
        }
        Ok(Box::new(Update { momentum, nesterov: self.nesterov }))
    }

    /// Specs that cover the settings, the defaults first.
    pub fn examples() -> Vec<Self> {
        let momentum = Self { momentum: 0.9, ..Self::default() };
        vec![
            Self::default(),
            momentum.clone(),
            Self { nesterov: true, learning_rate: 0.005.into(), ..momentum },
        ]
    }
}

#[derive(Debug)]
struct Update {
    momentum: f32,
    nesterov: bool,
}

impl Rule for Update {
    fn slot_names(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum"] }
    }

    fn update(&self, step: &Step, w: &mut [f32], g: &[f32], slots: &mut [&mut [f32]]) {
        match slots {
            [] if self.momentum == 0.0 => update::sgd(step.isa, step.learning_rate, w, g),
            [v] if self.momentum != 0.0 => {
                update::sgd_momentum(
                    step.isa,
                    step.learning_rate,
                    self.momentum,
                    self.nesterov,
                    w,
                    g,
                    v,
                );
            }
            _ => panic!("SGD has the slots {:?}, got {} slices", self.slot_names(), slots.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cnn_kernels::Isa;

    #[test]
    fn two_steps_by_hand() {
        let rule = SGD { momentum: 0.5, ..SGD::default() }.rule().unwrap();
        let step = Step { t: 1, learning_rate: 0.5, isa: Isa::best() };
        let (mut w, mut v) = ([1.0_f32], [0.0_f32]);
        rule.update(&step, &mut w, &[1.0], &mut [&mut v]);
        assert_eq!((w, v), ([0.5], [-0.5])); // v = −½, w = 1 − ½
        rule.update(&step, &mut w, &[1.0], &mut [&mut v]);
        assert_eq!((w, v), ([-0.25], [-0.75])); // v = −¼ − ½, w = ½ − ¾
    }
}

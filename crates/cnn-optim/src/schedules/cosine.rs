//! Half cosine waves: one over the whole fit, after a warmup if asked, or one after the other.
//!
//! ```text
//! wave(p) = (1 − alpha)·½·(1 + cos π·p) + alpha                       p from 0 to 1
//! CosineDecay           warmup: a straight line from lr to target; then target·wave((step − warmup) / decay)
//! CosineDecayRestarts   lr·((1 − alpha)·mᵢ·½·(1 + cos π·p) + alpha)   period i is t_mulⁱ times the first, mᵢ = m_mulⁱ
//! ```
//! **Errors**: a value out of range; a length that is given twice; half of a warmup.
//!
//! **Source**: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2016); the warmup after Goyal et al.,
//! "Accurate, Large Minibatch SGD" (2017); Keras, classes `CosineDecay` and `CosineDecayRestarts`.

use super::decay::check_rate;
use super::length::{Keys, Length};
use super::{FitLength, Rule};
use crate::OptimError;
use crate::number::{check, not_negative};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Half a cosine wave down: `{ type = "CosineDecay", initial_learning_rate = 0.01 }` takes the whole fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CosineDecay {
    /// Rate of the first step: where the warmup begins, or without one the wave. Finite, ≥ 0.
    pub initial_learning_rate: f64,
    /// Steps of the wave, the warmup not counted, ≥ 1; default what is left of the fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay_steps: Option<u64>,
    /// The same in epochs, > 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay_epochs: Option<f64>,
    /// Rate at the end and after it, as a share of the largest. Default 0, in \[0, 1\].
    #[serde(default)]
    pub alpha: f64,
    /// Rate at the end of the warmup. Default none: no warmup. Finite, ≥ 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_target: Option<f64>,
    /// Steps of the warmup, ≥ 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_steps: Option<u64>,
    /// The same in epochs, > 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_epochs: Option<f64>,
}

/// Half cosine waves that start anew, each longer than the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CosineDecayRestarts {
    /// Rate of the first step. Finite, ≥ 0.
    pub initial_learning_rate: f64,
    /// Steps of the first wave, ≥ 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_decay_steps: Option<u64>,
    /// The same in epochs, > 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_decay_epochs: Option<f64>,
    /// Length of each wave over that of the one before. No unit; default 2, from 1 to 1000.
    #[serde(default = "two")]
    pub t_mul: f64,
    /// Height of each wave over that of the one before. No unit; default 1, in \[0, 1\].
    #[serde(default = "one")]
    pub m_mul: f64,
    /// Lowest rate, as a share of the first. Default 0, in \[0, 1\].
    #[serde(default)]
    pub alpha: f64,
}

fn one() -> f64 {
    1.0
}

fn two() -> f64 {
    2.0
}

fn half_wave(share: f64) -> f64 {
    // cos π is −1 to the last bit but one: the end is the end.
    if share >= 1.0 { 0.0 } else { 0.5 * (1.0 + libm::cos(PI * share)) }
}

fn check_share(schedule: &'static str, key: &'static str, x: f64) -> Result<(), OptimError> {
    check((0.0..=1.0).contains(&x), schedule, key, "in [0, 1]", x, "Keras's default is 0")
        .map(|_| ())
}

impl CosineDecay {
    fn decay(&self) -> Length {
        Length { steps: self.decay_steps, epochs: self.decay_epochs }
    }

    fn warmup(&self) -> Length {
        Length { steps: self.warmup_steps, epochs: self.warmup_epochs }
    }

    /// Specs that cover the settings.
    pub fn examples() -> Vec<Self> {
        let plain = Self {
            initial_learning_rate: 0.01,
            decay_steps: None,
            decay_epochs: None,
            alpha: 0.0,
            warmup_target: None,
            warmup_steps: None,
            warmup_epochs: None,
        };
        let warm = Self {
            alpha: 0.1,
            warmup_target: Some(0.1),
            warmup_epochs: Some(0.5),
            ..plain.clone()
        };
        let steps = Self { warmup_steps: Some(5), warmup_epochs: None, ..warm.clone() };
        vec![plain, warm, Self { decay_steps: Some(20), ..steps }]
    }
}

impl Rule for CosineDecay {
    fn check(&self) -> Result<(), OptimError> {
        const NAME: &str = "CosineDecay";
        check_rate(NAME, "initial_learning_rate", self.initial_learning_rate)?;
        check_share(NAME, "alpha", self.alpha)?;
        let keys = Keys { schedule: NAME, steps: "decay_steps", epochs: "decay_epochs" };
        self.decay().check(keys, false)?;
        let keys = Keys { schedule: NAME, steps: "warmup_steps", epochs: "warmup_epochs" };
        match self.warmup_target {
            Some(target) => {
                check_rate(NAME, "warmup_target", target)?;
                self.warmup().check(keys, true)
            }
            None if self.warmup().is_given() => Err(OptimError::Conflict {
                optimizer: NAME,
                key: if self.warmup_steps.is_some() { keys.steps } else { keys.epochs },
                problem: "has no effect without `warmup_target`",
                hint: "the warmup rises from `initial_learning_rate` to `warmup_target`",
            }),
            None => Ok(()),
        }
    }

    fn rate(&self, step: f64, fit: FitLength) -> f64 {
        let first = self.initial_learning_rate;
        let (warmup, top) = match (self.warmup_target, self.warmup().over(fit)) {
            (Some(target), Some(warmup)) => (warmup, target),
            _ => (0.0, first),
        };
        if step < warmup {
            return first + (top - first) * step / warmup;
        }
        let rest = (fit.steps() - warmup).max(1.0);
        let decay = self.decay().over(fit).unwrap_or(rest);
        top * ((1.0 - self.alpha) * half_wave((step - warmup) / decay) + self.alpha)
    }

    fn peak(&self) -> f64 {
        self.initial_learning_rate.max(self.warmup_target.unwrap_or(0.0))
    }
}

impl CosineDecayRestarts {
    fn first(&self) -> Length {
        Length { steps: self.first_decay_steps, epochs: self.first_decay_epochs }
    }

    /// Specs that cover the settings.
    pub fn examples() -> Vec<Self> {
        let plain = Self {
            initial_learning_rate: 0.1,
            first_decay_steps: Some(8),
            first_decay_epochs: None,
            t_mul: 2.0,
            m_mul: 1.0,
            alpha: 0.0,
        };
        let epochs =
            Self { first_decay_steps: None, first_decay_epochs: Some(1.0), ..plain.clone() };
        vec![plain, Self { t_mul: 1.0, m_mul: 0.5, alpha: 0.1, ..epochs }]
    }

    /// Which wave this is, and the share of it that has passed; `waves` are first lengths that have passed.
    fn place(&self, waves: f64) -> (f64, f64) {
        let t = self.t_mul;
        if t <= 1.0 {
            return (waves.floor(), waves - waves.floor());
        }
        // Where wave number i begins; the logarithm may be off by one at the very place.
        let begin = |i: f64| (libm::pow(t, i) - 1.0) / (t - 1.0);
        let mut i = (libm::log(1.0 + waves * (t - 1.0)) / libm::log(t)).floor();
        if waves < begin(i) {
            i -= 1.0;
        } else if waves >= begin(i + 1.0) {
            i += 1.0;
        }
        (i, (waves - begin(i)) / libm::pow(t, i))
    }
}

impl Rule for CosineDecayRestarts {
    fn check(&self) -> Result<(), OptimError> {
        const NAME: &str = "CosineDecayRestarts";
        check_rate(NAME, "initial_learning_rate", self.initial_learning_rate)?;
        check_share(NAME, "alpha", self.alpha)?;
        let (t, m) = (self.t_mul, self.m_mul);
        check((1.0..=1000.0).contains(&t), NAME, "t_mul", "from 1 to 1000", t, "2.0 is usual")?;
        check((0.0..=1.0).contains(&m), NAME, "m_mul", "in [0, 1]", m, "1.0 is usual")?;
        not_negative(NAME, "alpha", self.alpha, "0.0 is usual")?;
        let keys =
            Keys { schedule: NAME, steps: "first_decay_steps", epochs: "first_decay_epochs" };
        self.first().check(keys, true)
    }

    fn rate(&self, step: f64, fit: FitLength) -> f64 {
        let (wave, share) = self.place(step / self.first().over(fit).unwrap_or(1.0));
        let height = libm::pow(self.m_mul, wave) * half_wave(share);
        self.initial_learning_rate * ((1.0 - self.alpha) * height + self.alpha)
    }

    fn peak(&self) -> f64 {
        self.initial_learning_rate
    }
}

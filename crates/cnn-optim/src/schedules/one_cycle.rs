//! One cycle: up to a rate that would be too large for long, and down to far below the beginning.
//!
//! ```text
//! first = max_lr / div_factor,  last = first / final_div_factor
//! up from first to max_lr until step pct_start·total − 1, down to last until step total − 1, then last
//! ```
//! **Errors**: a value out of range; a length that is given twice.
//!
//! **Source**: Smith and Topin, "Super-Convergence" (2018); `PyTorch`'s `OneCycleLR` with `three_phase=False`, without the momentum
//! that it moves against the rate. Not in Keras.

use super::decay::check_rate;
use super::length::{Keys, Length};
use super::{FitLength, Rule};
use crate::OptimError;
use crate::number::check;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Up and down: `{ type = "OneCycle", max_lr = 0.01 }` takes the whole fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneCycle {
    /// The largest rate; `cnn lr-find` helps to choose it. Finite, ≥ 0.
    pub max_lr: f64,
    /// Steps of the cycle, ≥ 1; default the whole fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_steps: Option<u64>,
    /// The same in epochs, > 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_epochs: Option<f64>,
    /// Share of the cycle in which the rate rises. Default 0.3, in \[0, 1\].
    #[serde(default = "pct_start")]
    pub pct_start: f64,
    /// The largest rate over the first. Default 25, ≥ 1.
    #[serde(default = "div_factor")]
    pub div_factor: f64,
    /// The first rate over the last. Default 10,000, > 0.
    #[serde(default = "final_div_factor")]
    pub final_div_factor: f64,
    /// The way between two rates. Default `cos`.
    #[serde(default)]
    pub anneal_strategy: Anneal,
}

/// The way from one rate to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Anneal {
    /// Half a cosine wave.
    #[default]
    Cos,
    /// A straight line.
    Linear,
}

fn pct_start() -> f64 {
    0.3
}

fn div_factor() -> f64 {
    25.0
}

fn final_div_factor() -> f64 {
    1e4
}

impl OneCycle {
    fn total(&self) -> Length {
        Length { steps: self.total_steps, epochs: self.total_epochs }
    }

    /// Specs that cover the settings.
    pub fn examples() -> Vec<Self> {
        let plain = Self {
            max_lr: 0.1,
            total_steps: None,
            total_epochs: None,
            pct_start: pct_start(),
            div_factor: div_factor(),
            final_div_factor: final_div_factor(),
            anneal_strategy: Anneal::Cos,
        };
        let other = Self {
            pct_start: 0.5,
            div_factor: 10.0,
            final_div_factor: 100.0,
            anneal_strategy: Anneal::Linear,
            ..plain.clone()
        };
        vec![plain, Self { total_steps: Some(20), ..other }]
    }

    fn between(&self, from: f64, to: f64, share: f64) -> f64 {
        let share = share.clamp(0.0, 1.0);
        match self.anneal_strategy {
            Anneal::Cos => to + (from - to) / 2.0 * (libm::cos(PI * share) + 1.0),
            Anneal::Linear => (to - from) * share + from,
        }
    }
}

impl Rule for OneCycle {
    fn check(&self) -> Result<(), OptimError> {
        const NAME: &str = "OneCycle";
        let share = self.pct_start;
        check_rate(NAME, "max_lr", self.max_lr)?;
        check((0.0..=1.0).contains(&share), NAME, "pct_start", "in [0, 1]", share, "0.3 is usual")?;
        let (first, last) = (self.div_factor, self.final_div_factor);
        let ok = first.is_finite() && first >= 1.0;
        check(ok, NAME, "div_factor", "at least 1", first, "25.0 is usual")?;
        let ok = last.is_finite() && last > 0.0;
        check(ok, NAME, "final_div_factor", "greater than 0", last, "1e4 is usual")?;
        let keys = Keys { schedule: NAME, steps: "total_steps", epochs: "total_epochs" };
        self.total().check(keys, false)
    }

    fn rate(&self, step: f64, fit: FitLength) -> f64 {
        let total = self.total().over(fit).unwrap_or_else(|| fit.steps());
        let first = self.max_lr / self.div_factor;
        let last = first / self.final_div_factor;
        // The turn may lie before step 0; then the first step is already past it, as in PyTorch.
        let (turn, end) = (self.pct_start * total - 1.0, total - 1.0);
        if step <= turn && turn > 0.0 {
            self.between(first, self.max_lr, step / turn)
        } else if turn >= end {
            last
        } else {
            self.between(self.max_lr, last, (step - turn) / (end - turn))
        }
    }

    fn peak(&self) -> f64 {
        self.max_lr
    }
}

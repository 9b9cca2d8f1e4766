//! Schedules that only go down: by a factor, in pieces, along a power, along 1/t.
//!
//! ```text
//! ExponentialDecay        lr·rateᵖ                                      p = step / decay, or ⌊p⌋ with `staircase`
//! InverseTimeDecay        lr / (1 + rate·p)                             the same p
//! PolynomialDecay         (lr − end)·(1 − p)ᵖᵒʷᵉʳ + end                 p at most 1; with `cycle` decay grows to ⌈p⌉·decay
//! PiecewiseConstantDecay  values[i]                                     i boundaries lie before the step
//! ```
//! **Errors**: a value out of range; a length that is given twice, or not at all where there is no default.
//!
//! **Source**: Keras `optimizers/schedules/learning_rate_schedule.py`, classes of these names.

use super::length::{Keys, Length};
use super::{FitLength, Rule};
use crate::OptimError;
use crate::number::{check, learning_rate, not_negative};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Multiplied by `decay_rate` over every `decay_steps`: `{ type = "ExponentialDecay", initial_learning_rate = 0.01, decay_rate = 0.9,
/// decay_epochs = 1 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExponentialDecay {
    /// Rate of the first step. Finite, ≥ 0.
    pub initial_learning_rate: f64,
    /// What the rate is multiplied by over each length. No unit; finite, ≥ 0.
    pub decay_rate: f64,
    /// The length in steps, ≥ 1. Either this or `decay_epochs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay_steps: Option<u64>,
    /// The length in epochs, > 0. Either this or `decay_steps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay_epochs: Option<f64>,
    /// Whether the rate falls at once at the end of each length instead of in every step. Default false.
    #[serde(default)]
    pub staircase: bool,
}

/// Divided by 1 + `decay_rate` after `decay_steps`, by 1 + 2·`decay_rate` after twice as many, and so on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InverseTimeDecay {
    /// Rate of the first step. Finite, ≥ 0.
    pub initial_learning_rate: f64,
    /// What is added to the divisor over each length. No unit; finite, ≥ 0.
    pub decay_rate: f64,
    /// The length in steps, ≥ 1. Either this or `decay_epochs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay_steps: Option<u64>,
    /// The length in epochs, > 0. Either this or `decay_steps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay_epochs: Option<f64>,
    /// Whether the rate falls at once at the end of each length instead of in every step. Default false.
    #[serde(default)]
    pub staircase: bool,
}

/// From one rate to another along a power: `{ type = "PolynomialDecay", initial_learning_rate = 0.01 }` is a straight line over the
/// whole fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolynomialDecay {
    /// Rate of the first step. Finite, ≥ 0.
    pub initial_learning_rate: f64,
    /// Steps to the end, ≥ 1; default the whole fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay_steps: Option<u64>,
    /// The same in epochs, > 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay_epochs: Option<f64>,
    /// Rate at the end and after it. Default 0.0001. Finite, ≥ 0.
    #[serde(default = "end")]
    pub end_learning_rate: f64,
    /// 1 is a straight line. No unit; default 1, > 0.
    #[serde(default = "one")]
    pub power: f64,
    /// Whether it starts anew after the end, each time for one length more. Default false.
    #[serde(default)]
    pub cycle: bool,
}

/// One value after the other: `{ type = "PiecewiseConstantDecay", boundary_epochs = [10, 15], values = [0.1, 0.01, 0.001] }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PiecewiseConstantDecay {
    /// The last step of each value but the last one, rising: step 0 is the first, and the boundary itself still has the value before it,
    /// as in Keras.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundaries: Option<Vec<u64>>,
    /// In its place, the epochs that each value lasts to: `[10]` gives the first 10 epochs the first value. Rising, > 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary_epochs: Option<Vec<f64>>,
    /// The rates, one more than boundaries. Finite, ≥ 0.
    pub values: Vec<f64>,
}

fn end() -> f64 {
    0.0001
}

fn one() -> f64 {
    1.0
}

fn keys(schedule: &'static str) -> Keys {
    Keys { schedule, steps: "decay_steps", epochs: "decay_epochs" }
}

/// How many lengths have passed.
fn passed(step: f64, length: Option<f64>, staircase: bool) -> f64 {
    let lengths = step / length.unwrap_or(1.0);
    if staircase { lengths.floor() } else { lengths }
}

pub(super) fn check_rate(
    schedule: &'static str,
    key: &'static str,
    x: f64,
) -> Result<(), OptimError> {
    not_negative(schedule, key, x, "0.01 is a usual learning rate").map(|_| ())
}

impl ExponentialDecay {
    fn length(&self) -> Length {
        Length { steps: self.decay_steps, epochs: self.decay_epochs }
    }

    /// Specs that cover the settings.
    pub fn examples() -> Vec<Self> {
        let (decay_steps, decay_epochs) = (Some(7), None);
        let plain = Self {
            initial_learning_rate: 0.1,
            decay_rate: 0.5,
            decay_steps,
            decay_epochs,
            staircase: false,
        };
        vec![
            plain.clone(),
            Self { decay_steps: None, decay_epochs: Some(1.5), staircase: true, ..plain },
        ]
    }
}

impl Rule for ExponentialDecay {
    fn check(&self) -> Result<(), OptimError> {
        const NAME: &str = "ExponentialDecay";
        check_rate(NAME, "initial_learning_rate", self.initial_learning_rate)?;
        not_negative(NAME, "decay_rate", self.decay_rate, "0.9 is usual")?;
        self.length().check(keys(NAME), true)
    }

    fn rate(&self, step: f64, fit: FitLength) -> f64 {
        let lengths = passed(step, self.length().over(fit), self.staircase);
        self.initial_learning_rate * libm::pow(self.decay_rate, lengths)
    }

    fn peak(&self) -> f64 {
        self.initial_learning_rate
    }
}

impl InverseTimeDecay {
    fn length(&self) -> Length {
        Length { steps: self.decay_steps, epochs: self.decay_epochs }
    }

    /// Specs that cover the settings.
    pub fn examples() -> Vec<Self> {
        let (decay_steps, decay_epochs) = (Some(7), None);
        let plain = Self {
            initial_learning_rate: 0.1,
            decay_rate: 0.5,
            decay_steps,
            decay_epochs,
            staircase: false,
        };
        vec![
            plain.clone(),
            Self { decay_steps: None, decay_epochs: Some(1.5), staircase: true, ..plain },
        ]
    }
}

impl Rule for InverseTimeDecay {
    fn check(&self) -> Result<(), OptimError> {
        const NAME: &str = "InverseTimeDecay";
        check_rate(NAME, "initial_learning_rate", self.initial_learning_rate)?;
        not_negative(NAME, "decay_rate", self.decay_rate, "0.5 is usual")?;
        self.length().check(keys(NAME), true)
    }

    fn rate(&self, step: f64, fit: FitLength) -> f64 {
        let lengths = passed(step, self.length().over(fit), self.staircase);
        self.initial_learning_rate / (1.0 + self.decay_rate * lengths)
    }

    fn peak(&self) -> f64 {
        self.initial_learning_rate
    }
}

impl PolynomialDecay {
    fn length(&self) -> Length {
        Length { steps: self.decay_steps, epochs: self.decay_epochs }
    }

    /// Specs that cover the settings.
    pub fn examples() -> Vec<Self> {
        let plain = Self {
            initial_learning_rate: 0.1,
            decay_steps: None,
            decay_epochs: None,
            end_learning_rate: end(),
            power: 1.0,
            cycle: false,
        };
        vec![plain.clone(), Self { decay_steps: Some(9), power: 0.5, cycle: true, ..plain }]
    }
}

impl Rule for PolynomialDecay {
    fn check(&self) -> Result<(), OptimError> {
        const NAME: &str = "PolynomialDecay";
        check_rate(NAME, "initial_learning_rate", self.initial_learning_rate)?;
        check_rate(NAME, "end_learning_rate", self.end_learning_rate)?;
        let ok = self.power.is_finite() && self.power > 0.0;
        check(ok, NAME, "power", "greater than 0", self.power, "1.0 is a straight line")?;
        self.length().check(keys(NAME), false)
    }

    fn rate(&self, step: f64, fit: FitLength) -> f64 {
        let length = self.length().over(fit).unwrap_or_else(|| fit.steps());
        let length = if self.cycle { length * (step / length).ceil().max(1.0) } else { length };
        let rest = 1.0 - step.min(length) / length;
        let above = self.initial_learning_rate - self.end_learning_rate;
        above * libm::pow(rest, self.power) + self.end_learning_rate
    }

    fn peak(&self) -> f64 {
        self.initial_learning_rate.max(self.end_learning_rate)
    }
}

impl PiecewiseConstantDecay {
    /// Specs that cover the settings.
    pub fn examples() -> Vec<Self> {
        let values = vec![0.1, 0.01, 0.02];
        let steps = Self { boundaries: Some(vec![3, 9]), boundary_epochs: None, values };
        vec![
            steps.clone(),
            Self { boundaries: None, boundary_epochs: Some(vec![0.5, 2.0]), ..steps },
        ]
    }

    /// The boundaries, whichever way they are written.
    fn count(&self) -> usize {
        let steps = self.boundaries.as_ref().map(Vec::len);
        steps.or(self.boundary_epochs.as_ref().map(Vec::len)).unwrap_or(0)
    }
}

impl Rule for PiecewiseConstantDecay {
    fn check(&self) -> Result<(), OptimError> {
        const NAME: &str = "PiecewiseConstantDecay";
        let conflict =
            |key, problem, hint| Err(OptimError::Conflict { optimizer: NAME, key, problem, hint });
        let rising = match (&self.boundaries, &self.boundary_epochs) {
            (Some(steps), None) => steps.windows(2).all(|pair| pair[0] < pair[1]),
            (None, Some(epochs)) => {
                let sound = epochs.iter().all(|x| x.is_finite() && *x > 0.0);
                sound && epochs.windows(2).all(|pair| pair[0] < pair[1])
            }
            _ => {
                let hint = "give one of the two: `boundary_epochs = [10, 15]`";
                return conflict("boundaries", "or `boundary_epochs` must be given", hint);
            }
        };
        if !rising {
            let key = if self.boundaries.is_some() { "boundaries" } else { "boundary_epochs" };
            return conflict(key, "must rise, from above 0", "`boundary_epochs = [10, 15]` does");
        }
        if self.values.len() != self.count() + 1 {
            let problem = "must have one number more than there are boundaries";
            return conflict("values", problem, "one before each boundary, and the last after all");
        }
        self.values.iter().try_for_each(|&value| {
            learning_rate(NAME, value, "0.01 is usual").map(|_| ()).map_err(|error| match error {
                OptimError::OutOfRange { optimizer, expected, got, hint, .. } => {
                    OptimError::OutOfRange { optimizer, key: "values", expected, got, hint }
                }
                other => other,
            })
        })
    }

    fn rate(&self, step: f64, fit: FitLength) -> f64 {
        // Keras's boundary is the last step of its value; an epoch's first step already has the next one.
        let epochs = self.boundary_epochs.iter().flatten();
        let ends = epochs.map(|epochs| (epochs * fit.steps_per_epoch as f64).round() - 1.0);
        let steps = self.boundaries.iter().flatten().map(|&end| end as f64);
        let before = steps.chain(ends).filter(|&end| step > end).count();
        self.values.get(before).copied().unwrap_or(0.0)
    }

    fn peak(&self) -> f64 {
        self.values.iter().fold(0.0, |peak: f64, &value| peak.max(value))
    }
}

//! `0.1` or `[-0.1, 0.2]`: the range from which a random number is drawn.

use super::bad_key;
use crate::layer::BuildError;
use cnn_tensor::random::uniform_f32;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// How far a random change may go: one number, or the two ends of a range. What one number stands for is the layer's
/// affair; −f to f for most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a number such as 0.1, or a range such as [-0.1, 0.2]")]
pub enum Factor {
    /// As far as this.
    UpTo(f32),
    /// Between these.
    Between([f32; 2]),
}

impl From<f32> for Factor {
    fn from(most: f32) -> Self {
        Self::UpTo(most)
    }
}

impl From<[f32; 2]> for Factor {
    fn from(ends: [f32; 2]) -> Self {
        Self::Between(ends)
    }
}

/// A range from which numbers are drawn with equal chances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    pub(super) low: f32,
    pub(super) high: f32,
}

impl Interval {
    pub(super) fn draw(self, random: &mut ChaCha8Rng) -> f32 {
        self.low + (self.high - self.low) * uniform_f32(random)
    }
}

impl Factor {
    /// One number f stands for −f to f.
    pub(super) fn symmetric(self) -> Interval {
        match self {
            Self::UpTo(most) => Interval { low: -most.abs(), high: most.abs() },
            Self::Between(ends) => between(ends),
        }
    }

    /// One number f stands for 0 to f.
    pub(super) fn nonnegative(self) -> Interval {
        match self {
            Self::UpTo(most) => Interval { low: 0.0, high: most },
            Self::Between(ends) => between(ends),
        }
    }

    /// The number, or both ends of the range, lie in `allowed`; otherwise the error about `key`.
    pub(super) fn check(
        self,
        key: &'static str,
        allowed: RangeInclusive<f32>,
        hint: &str,
    ) -> Result<(), BuildError> {
        let ends = match self {
            Self::UpTo(most) => [most, most],
            Self::Between(ends) => ends,
        };
        let Some(wrong) = ends.into_iter().find(|end| !allowed.contains(end)) else {
            return Ok(());
        };
        let message =
            format!("{key} must be between {} and {}, got {wrong}", allowed.start(), allowed.end());
        Err(bad_key(key, "M037", message, hint))
    }
}

/// The two ends in order, as Keras sorts them.
fn between([a, b]: [f32; 2]) -> Interval {
    Interval { low: a.min(b), high: a.max(b) }
}

//! Regularisers: a penalty on large weights, added to the loss.
//!
//! penalty = l1·Σ|w| + l2·Σw², gradient l1·sign(w) + 2·l2·w. As in Keras there is no ½, the penalty is part of the reported
//! loss in training and in evaluation alike, and its gradient goes through the optimizer like any other.
//!
//! In `model.toml` a layer with weights takes `kernel_regularizer` and `bias_regularizer`:
//!
//! ```
//! # let text = r#"
//! input = [800]
//!
//! [[layers]]
//! type = "Dense"
//! units = 10
//! kernel_regularizer = { l2 = 1e-4 }     # also { l1 = 1e-5 }, { l1 = 1e-5, l2 = 1e-4 }
//! bias_regularizer = "l1"                # also "l2", "l1l2": Keras's names, each factor 0.01
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # let penalties: Vec<_> = model.params().map(|param| param.penalty.unwrap()).collect();
//! # assert_eq!(penalties[0], cnn_nn::regularizer::Regularizer { l1: 0.0, l2: 1e-4 });
//! # assert_eq!(penalties[1], cnn_nn::regularizer::Regularizer { l1: 0.01, l2: 0.0 });
//! ```
//!
//! Unlike Keras 3, where the name `"l1l2"` gives two factors of 0 and so no penalty at all, both names `"l1l2"` and `"l1_l2"`
//! mean what Keras's documentation says: 0.01 and 0.01.
//!
//! **Source** Keras `L1`, `L2`, `L1L2`; Tikhonov 1943 (L2), Tibshirani 1996 (L1).

use crate::layer::{BuildError, Link};
use cnn_kernels::{Isa, reduce, update};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Keras's factor where only a name is given.
const DEFAULT: f32 = 0.01;

/// Names that a regulariser may be given by; also `L1`, `L2`, `L1L2`, Keras's class names.
const NAMES: &[&str] = &["l1", "l2", "l1l2"];

/// The penalty l1·Σ|w| + l2·Σw² on one parameter tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Regularizer {
    /// Factor of the sum of absolute values; 0 or more.
    #[serde(skip_serializing_if = "is_zero")]
    pub l1: f32,
    /// Factor of the sum of squares; 0 or more.
    #[serde(skip_serializing_if = "is_zero")]
    pub l2: f32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

impl Regularizer {
    /// l1·Σ|w|.
    pub fn l1(l1: f32) -> Self {
        Self { l1, l2: 0.0 }
    }

    /// l2·Σw².
    pub fn l2(l2: f32) -> Self {
        Self { l1: 0.0, l2 }
    }

    /// Whether it penalises nothing.
    pub fn is_zero(&self) -> bool {
        self.l1 == 0.0 && self.l2 == 0.0
    }

    /// The penalty on these weights.
    pub fn penalty(&self, isa: Isa, w: &[f32]) -> f64 {
        let part = |factor: f32, sum: fn(Isa, &[f32]) -> f64| {
            if factor == 0.0 { 0.0 } else { f64::from(factor) * sum(isa, w) }
        };
        part(self.l1, reduce::sum_abs_f64) + part(self.l2, reduce::sum_squares_f64)
    }

    /// Adds the penalty's gradient to `g`, which is as long as `w`.
    pub fn add_gradient(&self, isa: Isa, w: &[f32], g: &mut [f32]) {
        update::add_penalty(isa, self.l1, self.l2, w, g);
    }

    /// What of a layer's regulariser counts: `None` where it is absent or penalises nothing.
    ///
    /// # Errors
    /// A factor that is negative, infinite or not a number. `key` is the layer's key that holds it.
    pub(crate) fn checked(
        this: Option<Self>,
        key: &'static str,
    ) -> Result<Option<Self>, BuildError> {
        let Some(regularizer) = this else { return Ok(None) };
        let factors = [("l1", regularizer.l1), ("l2", regularizer.l2)];
        match factors.into_iter().find(|(_, factor)| !(factor.is_finite() && *factor >= 0.0)) {
            Some((name, factor)) => Err(BuildError {
                key: Some(key),
                code: "M037",
                message: format!("{key}: {name} must be 0 or more, and finite, got {factor}"),
                hint: format!("{key} = {{ {name} = 1e-4 }} is a usual strength"),
            }),
            None => Ok(Some(regularizer).filter(|regularizer| !regularizer.is_zero())),
        }
    }
}

/// The penalty on what a layer puts out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutputPenalty {
    /// What is added to the loss, before it is divided by the samples of the batch.
    pub regularizer: Regularizer,
    /// Numbers in a row of the output.
    pub row: usize,
    /// The function of each row that is penalised in place of the output itself: one that is left to the loss.
    pub link: Option<Link>,
}

impl OutputPenalty {
    /// The penalty on these outputs.
    pub fn penalty(&self, isa: Isa, y: &[f32]) -> f64 {
        let Some(link) = self.link else { return self.regularizer.penalty(isa, y) };
        let (l1, l2) = (f64::from(self.regularizer.l1), f64::from(self.regularizer.l2));
        let of_row = |row: &[f32]| -> f64 {
            let share = shares(link, row);
            row.iter().map(|&z| share(z)).map(|p| l1 * p + l2 * p * p).sum()
        };
        y.chunks_exact(self.row).map(of_row).sum()
    }

    /// Adds the penalty's gradient times `scale` to `dy`, which is as long as `y`.
    pub fn add_gradient(&self, isa: Isa, scale: f32, y: &[f32], dy: &mut [f32]) {
        let (l1, l2) = (self.regularizer.l1 * scale, self.regularizer.l2 * scale);
        let Some(link) = self.link else {
            return Regularizer { l1, l2 }.add_gradient(isa, y, dy);
        };
        let slope = |p: f64| f64::from(l1) + 2.0 * f64::from(l2) * p;
        for (row, dy) in y.chunks_exact(self.row).zip(dy.chunks_exact_mut(self.row)) {
            let share = shares(link, row);
            let mean: f64 = match link {
                Link::Softmax => row.iter().map(|&z| share(z)).map(|p| p * slope(p)).sum(),
                Link::Sigmoid => 0.0,
            };
            for (dy, &z) in dy.iter_mut().zip(row) {
                let p = share(z);
                let own = match link {
                    Link::Softmax => p * (slope(p) - mean),
                    Link::Sigmoid => p * (1.0 - p) * slope(p),
                };
                *dy += own as f32;
            }
        }
    }
}

/// What a function makes of each score of a row.
fn shares(link: Link, row: &[f32]) -> impl Fn(f32) -> f64 {
    let largest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let power = move |z: f32| libm::exp(f64::from(z) - largest);
    let sum: f64 = match link {
        Link::Softmax => row.iter().map(|&z| power(z)).sum(),
        Link::Sigmoid => 0.0,
    };
    move |z| match link {
        Link::Softmax => power(z) / sum,
        Link::Sigmoid => 1.0 / (1.0 + libm::exp(-f64::from(z))),
    }
}

/// `L1 0.01`, `L2 0.0001`, `L1 0.01 + L2 0.0001`: what the wide summary shows.
impl fmt::Display for Regularizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.l1 != 0.0, self.l2 != 0.0) {
            (true, true) => write!(f, "L1 {} + L2 {}", self.l1, self.l2),
            (true, false) => write!(f, "L1 {}", self.l1),
            (false, true) => write!(f, "L2 {}", self.l2),
            (false, false) => f.write_str("none"),
        }
    }
}

impl JsonSchema for Regularizer {
    fn schema_name() -> Cow<'static, str> {
        "Regularizer".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let factor = |description: &str| json_schema!({ "description": description, "type": "number", "minimum": 0, "examples": [1e-4] });
        json_schema!({
            "title": "a table such as { l2 = 1e-4 }, or a name",
            "anyOf": [
                {
                    "description": "l1·Σ|w|: makes weights exactly 0. By its name l1 is 0.01; `{ l1 = 1e-5 }` has another factor.",
                    "enum": ["l1", "L1"],
                },
                {
                    "description": "l2·Σw², without a ½: keeps weights small. By its name l2 is 0.01; `{ l2 = 1e-4 }` has another factor.",
                    "enum": ["l2", "L2"],
                },
                {
                    "description": "l1·Σ|w| + l2·Σw². By its name each factor is 0.01; `{ l1 = 1e-5, l2 = 1e-4 }` has others.",
                    "enum": ["l1l2", "l1_l2", "L1L2"],
                },
                {
                    "type": "object",
                    "properties": {
                        "l1": factor("The factor of Σ|w|; default 0."),
                        "l2": factor("The factor of Σw²; default 0."),
                    },
                    "additionalProperties": false,
                    "minProperties": 1,
                },
            ],
        })
    }
}

/// From a table `{ l1 = …, l2 = … }` with at least one of the two, or from one of Keras's names.
impl<'de> Deserialize<'de> for Regularizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;

        impl<'de> Visitor<'de> for Visit {
            type Value = Regularizer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table such as { l2 = 1e-4 }, or \"l1\", \"l2\", \"l1l2\"")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Regularizer, E> {
                match name.to_ascii_lowercase().as_str() {
                    "l1" => Ok(Regularizer::l1(DEFAULT)),
                    "l2" => Ok(Regularizer::l2(DEFAULT)),
                    "l1l2" | "l1_l2" => Ok(Regularizer { l1: DEFAULT, l2: DEFAULT }),
                    _ => Err(E::unknown_variant(name, NAMES)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Regularizer, A::Error> {
                /// A key of the table; an unknown one is reported where it stands.
                #[derive(Deserialize)]
                #[serde(field_identifier, rename_all = "lowercase")]
                enum Key {
                    L1,
                    L2,
                }
                let (mut l1, mut l2) = (None, None);
                while let Some(key) = map.next_key()? {
                    match key {
                        Key::L1 => l1 = Some(map.next_value()?),
                        Key::L2 => l2 = Some(map.next_value()?),
                    }
                }
                if l1.is_none() && l2.is_none() {
                    // Keras takes this for no penalty at all; here it is half a thought.
                    return Err(de::Error::missing_field("l2"));
                }
                Ok(Regularizer { l1: l1.unwrap_or(0.0), l2: l2.unwrap_or(0.0) })
            }
        }

        deserializer.deserialize_any(Visit)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn three_weights_by_hand() {
        let both = Regularizer { l1: 0.5, l2: 0.25 };
        let w = [3.0, -2.0, 0.0];
        assert!((both.penalty(Isa::best(), &w) - (0.5 * 5.0 + 0.25 * 13.0)).abs() < 1e-12);
        let mut g = [1.0, 1.0, 1.0];
        both.add_gradient(Isa::best(), &w, &mut g);
        assert_eq!(g, [1.0 + 0.5 + 1.5, 1.0 - 0.5 - 1.0, 1.0]);
    }

    /// The penalty on probabilities that the loss makes of scores, against differences of what it says itself.
    #[test]
    fn the_penalty_on_probabilities_has_the_gradient_of_its_scores() {
        let scores = [0.3_f32, -1.0, 2.0, 0.5, 0.0, -4.0];
        for link in [Link::Softmax, Link::Sigmoid] {
            let regularizer = Regularizer { l1: 0.7, l2: 0.4 };
            let penalty = OutputPenalty { regularizer, row: 3, link: Some(link) };
            let mut shares = scores;
            link.apply(Isa::best(), 3, &mut shares);
            let direct = regularizer.penalty(Isa::best(), &shares);
            assert!((penalty.penalty(Isa::best(), &scores) - direct).abs() < 1e-6, "{link:?}");
            let mut dy = [1.0; 6];
            penalty.add_gradient(Isa::best(), 0.5, &scores, &mut dy);
            for i in 0..6 {
                let moved = |by: f32| {
                    let mut scores = scores;
                    scores[i] += by;
                    penalty.penalty(Isa::best(), &scores)
                };
                let slope = (moved(1.0 / 1024.0) - moved(-1.0 / 1024.0)) * 512.0;
                let ours = f64::from(dy[i] - 1.0);
                assert!((ours - 0.5 * slope).abs() < 1e-6, "{link:?} {i}: {ours} {slope}");
            }
        }
    }

    #[test]
    fn what_is_not_a_strength_is_refused_with_a_value_that_works() {
        for bad in [-1.0, f32::NAN, f32::INFINITY] {
            let error =
                Regularizer::checked(Some(Regularizer::l2(bad)), "kernel_regularizer").unwrap_err();
            assert!(error.message.contains(&bad.to_string()) && error.hint.contains("1e-4"));
        }
        assert_eq!(
            Regularizer::checked(Some(Regularizer::default()), "bias_regularizer"),
            Ok(None)
        );
    }
}

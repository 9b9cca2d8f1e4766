//! Constraints: what a kernel is made to satisfy after every update.
//!
//! In `model.toml` a Dense or Conv2D layer takes `kernel_constraint`, a `DepthwiseConv2D` or `SeparableConv2D` takes
//! `depthwise_constraint`, and the latter also `pointwise_constraint`:
//!
//! ```
//! # let text = r#"
//! input = [800]
//!
//! [[layers]]
//! type = "Dense"
//! units = 10
//! kernel_constraint = { max_norm = 2.0 }     # also "non_neg", "unit_norm"
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # let constraint = model.params().next().unwrap().constraint.unwrap();
//! # assert_eq!(constraint, cnn_nn::constraint::Constraint::MaxNorm(2.0));
//! ```
//!
//! Norms are those of the weights into one output: a column of a Dense kernel `[in, out]`, a filter of a convolution's `[kh,
//! kw, in, out]`, the window of one channel in a depthwise kernel `[kh, kw, c, m]`. That is Keras's `axis = 0` for Dense,
//! `axis = [0, 1, 2]` for Conv2D, as its documentation advises, and `axis = [0, 1]` for a depthwise kernel; Keras's default
//! for all is `axis = 0`, which cuts a filter into rows.
//!
//! ```text
//! max_norm c    w ← w·min(‖w‖, c) / (1e-7 + ‖w‖)
//! unit_norm     w ← w / (1e-7 + ‖w‖)
//! non_neg       w ← max(w, 0)
//! ```
//! The initial weights are left as they are.
//!
//! **Source** Keras `MaxNorm`, `UnitNorm`, `NonNeg`; Srebro and Shraibman 2005, Srivastava et al. 2014 (max norm beside dropout).

use crate::layer::BuildError;
use crate::model::Model;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Names that a constraint may be given by.
const NAMES: &[&str] = &["max_norm", "unit_norm", "non_neg"];

/// Keras's limit where only the name is given.
const USUAL: f32 = 2.0;

/// Keras's `epsilon`.
const EPSILON: f32 = 1e-7;

/// What a kernel is made to satisfy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constraint {
    /// The weights into one output have at most this norm; above 0.
    MaxNorm(f32),
    /// They have the norm 1.
    UnitNorm,
    /// No weight is negative.
    NonNeg,
}

impl Constraint {
    /// What of a layer's constraint counts.
    ///
    /// # Errors
    /// A limit that is not above 0, infinite or not a number. `key` is the layer's key that holds it.
    pub(crate) fn checked(
        this: Option<Self>,
        key: &'static str,
    ) -> Result<Option<Self>, BuildError> {
        match this {
            Some(Self::MaxNorm(limit)) if !(limit.is_finite() && limit > 0.0) => Err(BuildError {
                key: Some(key),
                code: "M039",
                message: format!("{key}: max_norm must be above 0, and finite, got {limit}"),
                hint: format!("{key} = {{ max_norm = 2.0 }} is usual"),
            }),
            sound => Ok(sound),
        }
    }

    /// Applies it to a kernel whose last axes have `norms.len()` outputs; `norms` is overwritten.
    fn apply(self, w: &mut [f32], norms: &mut [f32]) {
        if self == Self::NonNeg {
            for w in w {
                // `max` may give either zero for −0.
                *w = if *w > 0.0 { *w } else { 0.0 };
            }
            return;
        }
        norms.fill(0.0);
        for row in w.chunks_exact(norms.len()) {
            for (sum, w) in norms.iter_mut().zip(row) {
                *sum += w * w;
            }
        }
        for norm in &mut *norms {
            let length = norm.sqrt();
            let wanted = if let Self::MaxNorm(limit) = self { length.min(limit) } else { 1.0 };
            *norm = wanted / (EPSILON + length);
        }
        for row in w.chunks_exact_mut(norms.len()) {
            for (w, factor) in row.iter_mut().zip(&*norms) {
                *w *= factor;
            }
        }
    }
}

/// `max norm 2`, `unit norm`, `no negative weight`: what the wide summary shows.
impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxNorm(limit) => write!(f, "max norm {limit}"),
            Self::UnitNorm => f.write_str("unit norm"),
            Self::NonNeg => f.write_str("no negative weight"),
        }
    }
}

/// The constrained kernels of a model, and the memory to apply their constraints. Without cost where a model has none.
#[derive(Debug)]
pub struct Constraints {
    /// Range, outputs and constraint.
    parts: Vec<(Range<usize>, usize, Constraint)>,
    norms: Vec<f32>,
}

impl Constraints {
    /// The constraints of a model.
    pub fn new(model: &Model) -> Self {
        let of_model = model.params().filter_map(|param| {
            let outputs: usize = param.shape.iter().rev().take(param.output_axes).product();
            let constraint = param.constraint.filter(|_| outputs > 0 && !param.range.is_empty())?;
            Some((param.range.clone(), outputs, constraint))
        });
        let parts: Vec<_> = of_model.collect();
        let most = parts.iter().map(|(_, outputs, _)| *outputs).max().unwrap_or(0);
        Self { parts, norms: vec![0.0; most] }
    }

    /// Makes all weights of the model satisfy their constraints. Allocates nothing.
    ///
    /// # Panics
    /// If the weights are not the model's.
    pub fn apply(&mut self, weights: &mut [f32]) {
        for (range, outputs, constraint) in &self.parts {
            constraint.apply(&mut weights[range.clone()], &mut self.norms[..*outputs]);
        }
    }
}

impl Serialize for Constraint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::MaxNorm(limit) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("max_norm", limit)?;
                map.end()
            }
            Self::UnitNorm => serializer.serialize_str("unit_norm"),
            Self::NonNeg => serializer.serialize_str("non_neg"),
        }
    }
}

impl JsonSchema for Constraint {
    fn schema_name() -> Cow<'static, str> {
        "Constraint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "a name, or a table such as { max_norm = 2.0 }",
            "anyOf": [
                {
                    "description": "The weights into one output have a norm of at most 2; `{ max_norm = 3.0 }` has another limit.",
                    "enum": ["max_norm", "MaxNorm"],
                },
                { "description": "The weights into one output have the norm 1.", "enum": ["unit_norm", "UnitNorm"] },
                { "description": "No weight is negative.", "enum": ["non_neg", "NonNeg"] },
                {
                    "type": "object",
                    "properties": {
                        "max_norm": {
                            "description": "The largest norm of the weights into one output; above 0.",
                            "type": "number",
                            "exclusiveMinimum": 0,
                            "examples": [2.0],
                        },
                    },
                    "additionalProperties": false,
                    "required": ["max_norm"],
                },
            ],
        })
    }
}

/// From a table `{ max_norm = … }`, or from one of Keras's names.
impl<'de> Deserialize<'de> for Constraint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;

        impl<'de> Visitor<'de> for Visit {
            type Value = Constraint;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table such as { max_norm = 2.0 }, or \"non_neg\", \"unit_norm\"")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Constraint, E> {
                match name {
                    "max_norm" | "MaxNorm" => Ok(Constraint::MaxNorm(USUAL)),
                    "unit_norm" | "UnitNorm" => Ok(Constraint::UnitNorm),
                    "non_neg" | "NonNeg" => Ok(Constraint::NonNeg),
                    _ => Err(E::unknown_variant(name, NAMES)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Constraint, A::Error> {
                /// The key of the table; an unknown one is reported where it stands.
                #[derive(Deserialize)]
                #[serde(field_identifier, rename_all = "snake_case")]
                enum Key {
                    MaxNorm,
                }
                let mut limit = None;
                while let Some(Key::MaxNorm) = map.next_key()? {
                    limit = Some(map.next_value()?);
                }
                limit.map(Constraint::MaxNorm).ok_or_else(|| de::Error::missing_field("max_norm"))
            }
        }

        deserializer.deserialize_any(Visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_outputs_by_hand() {
        // Columns of norm 5 and ½.
        let start = [3.0, 0.3, -4.0, 0.4];
        let after = |constraint: Constraint| {
            let mut w = start;
            constraint.apply(&mut w, &mut [0.0; 2]);
            w
        };
        for (constraint, expected) in [
            (Constraint::MaxNorm(1.0), [0.6, 0.3, -0.8, 0.4]),
            (Constraint::UnitNorm, [0.6, 0.6, -0.8, 0.8]),
            (Constraint::NonNeg, [3.0, 0.3, 0.0, 0.4]),
        ] {
            let near =
                after(constraint).into_iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
            assert!(near, "{constraint}: {:?}", after(constraint));
        }
    }

    #[test]
    fn what_is_no_limit_is_refused_with_one_that_works() {
        for bad in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let constraint = Some(Constraint::MaxNorm(bad));
            let error = Constraint::checked(constraint, "kernel_constraint").unwrap_err();
            assert!(error.message.contains(&bad.to_string()) && error.hint.contains("2.0"));
        }
    }
}

//! How the weights of a layer begin.
//!
//! In `model.toml` a layer with weights takes `kernel_initializer` and `bias_initializer`, by Keras's names:
//!
//! ```
//! # let text = r#"
//! input = [28, 28, 1]
//!
//! [[layers]]
//! type = "Conv2D"
//! filters = 32
//! kernel_size = 3
//! kernel_initializer = "he_normal"       # before relu; the default is "glorot_uniform"
//! bias_initializer = { constant = 0.1 }  # the default is "zeros"
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # let weights = model.initial_weights(1);
//! # assert!(weights[9 * 32..].iter().all(|w| *w == 0.1));
//! ```
//!
//! A kernel `[…, in, out]` has as fan in and fan out the inputs of one output and the outputs of one input: `in` and `out` times the
//! places of the window. `glorot_uniform`, `he_uniform`, `lecun_uniform` are uniform with variance 2/(fan in + fan out), 2/fan in,
//! 1/fan in; `glorot_normal`, `he_normal`, `lecun_normal` are normal with that variance, cut off at two deviations of the normal
//! before the cut, as in Keras. `orthogonal` has orthonormal columns (or rows, where there are fewer), `identity` passes its input on: a
//! Dense kernel is the identity matrix, a convolution sees its middle pixel alone.
//!
//! **Source** Keras initializers; Glorot & Bengio 2010, He et al. 2015, `LeCun` et al. 1998, Saxe et al. 2014.

mod schema;

use crate::layer::BuildError;
use cnn_tensor::random::normal_f32;
use ndarray::Array1;
use ndarray_rand::RandomExt;
use ndarray_rand::rand_distr::Uniform;
use rand_chacha::ChaCha8Rng;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// How a parameter begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initializer {
    /// All the same number: `"zeros"`, `"ones"`, `{ constant = 0.1 }`.
    Constant(f32),
    /// Uniform or cut-off normal, with a variance that follows from the fans.
    Scaled(Scaling, Distribution),
    /// Uniform from `low` to `high`: `{ uniform = [-0.05, 0.05] }`.
    Uniform {
        /// The least.
        low: f32,
        /// More than the largest.
        high: f32,
    },
    /// Normal with mean 0 and this deviation: `{ normal = 0.05 }`.
    Normal(f32),
    /// The same, cut off at two deviations: `{ truncated_normal = 0.05 }`.
    TruncatedNormal(f32),
    /// Orthonormal columns, or rows where there are fewer rows.
    Orthogonal,
    /// The input passed on.
    Identity,
}

/// What the variance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// 2 / (fan in + fan out).
    Glorot,
    /// 2 / fan in.
    He,
    /// 1 / fan in.
    Lecun,
}

/// What numbers are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Between two limits.
    Uniform,
    /// Normal, cut off at two deviations.
    Normal,
}

/// Names, and what they stand for.
const NAMED: [(&str, Initializer); 10] = [
    ("glorot_normal", Initializer::Scaled(Scaling::Glorot, Distribution::Normal)),
    ("glorot_uniform", Initializer::GLOROT_UNIFORM),
    ("he_normal", Initializer::Scaled(Scaling::He, Distribution::Normal)),
    ("he_uniform", Initializer::Scaled(Scaling::He, Distribution::Uniform)),
    ("identity", Initializer::Identity),
    ("lecun_normal", Initializer::Scaled(Scaling::Lecun, Distribution::Normal)),
    ("lecun_uniform", Initializer::Scaled(Scaling::Lecun, Distribution::Uniform)),
    ("ones", Initializer::Constant(1.0)),
    ("orthogonal", Initializer::Orthogonal),
    ("zeros", Initializer::Constant(0.0)),
];

/// The names alone, for errors.
const NAMES: [&str; NAMED.len()] = {
    let mut names = [""; NAMED.len()];
    let mut i = 0;
    while i < NAMED.len() {
        names[i] = NAMED[i].0;
        i += 1;
    }
    names
};

/// The deviation of a normal distribution cut off at two deviations, where that of the whole one is 1.
const CUT_OFF: f64 = 0.879_625_661_034_239_8;

impl Initializer {
    /// All zero: Keras's default for biases.
    pub const ZEROS: Self = Self::Constant(0.0);

    /// Keras's default for kernels.
    pub const GLOROT_UNIFORM: Self = Self::Scaled(Scaling::Glorot, Distribution::Uniform);

    /// True for the default of kernels: what `skip_serializing_if` asks.
    pub(crate) fn is_glorot_uniform(&self) -> bool {
        *self == Self::GLOROT_UNIFORM
    }

    /// True for the default of biases.
    pub(crate) fn is_zeros(&self) -> bool {
        *self == Self::ZEROS
    }

    /// The initializer, if it can make numbers.
    ///
    /// # Errors
    /// A number that is not finite, a deviation below 0, a range without width. `key` is the layer's key that holds it.
    pub(crate) fn checked(self, key: &'static str) -> Result<Self, BuildError> {
        let wrong = match self {
            Self::Constant(value) if !value.is_finite() => {
                Some((format!("the constant must be finite, got {value}"), "{ constant = 0.1 }"))
            }
            Self::Normal(stddev) | Self::TruncatedNormal(stddev)
                if !(stddev.is_finite() && stddev >= 0.0) =>
            {
                let message = format!("the deviation must be 0 or more, and finite, got {stddev}");
                Some((message, "{ normal = 0.05 }"))
            }
            Self::Uniform { low, high }
                if !(low.is_finite()
                    && high.is_finite()
                    && low < high
                    && (high - low).is_finite()) =>
            {
                let message = format!("the range must go up, and be finite, got [{low}, {high}]");
                Some((message, "{ uniform = [-0.05, 0.05] }"))
            }
            _ => None,
        };
        match wrong {
            None => Ok(self),
            Some((message, example)) => Err(BuildError {
                key: Some(key),
                code: "M037",
                message: format!("{key}: {message}"),
                hint: format!("{key} = {example} is usual"),
            }),
        }
    }

    /// Fills a parameter of this shape, whose weights are all 0.
    pub(crate) fn fill(self, shape: &[usize], random: &mut ChaCha8Rng, weights: &mut [f32]) {
        let (fan_in, fan_out) = fans(shape);
        match self {
            Self::Constant(value) => weights.fill(value),
            Self::Scaled(scaling, distribution) => {
                let variance = match scaling {
                    Scaling::Glorot => 2.0 / (fan_in + fan_out),
                    Scaling::He => 2.0 / fan_in,
                    Scaling::Lecun => 1.0 / fan_in,
                };
                match distribution {
                    Distribution::Uniform => {
                        let limit = (3.0 * variance).sqrt() as f32;
                        uniform(-limit, limit, random, weights);
                    }
                    Distribution::Normal => {
                        truncated((variance.sqrt() / CUT_OFF) as f32, random, weights);
                    }
                }
            }
            Self::Uniform { low, high } => uniform(low, high, random, weights),
            Self::Normal(stddev) => {
                for weight in weights {
                    *weight = stddev * normal_f32(random);
                }
            }
            Self::TruncatedNormal(stddev) => truncated(stddev, random, weights),
            Self::Orthogonal => orthogonal(shape, random, weights),
            Self::Identity => identity(shape, weights),
        }
    }
}

/// Fan in and fan out of a kernel `[…, in, out]`; a bias has its length for both.
fn fans(shape: &[usize]) -> (f64, f64) {
    match shape {
        [] => (1.0, 1.0),
        [n] => (*n as f64, *n as f64),
        [window @ .., inputs, outputs] => {
            let places = window.iter().map(|n| *n as f64).product::<f64>();
            (places * *inputs as f64, places * *outputs as f64)
        }
    }
}

fn uniform(low: f32, high: f32, random: &mut ChaCha8Rng, weights: &mut [f32]) {
    let Ok(distribution) = Uniform::new(low, high) else { return };
    let drawn = Array1::random_using(weights.len(), distribution, random);
    weights.iter_mut().zip(drawn).for_each(|(weight, drawn)| *weight = drawn);
}

/// Normal numbers; those further than two deviations from 0 are drawn again.
fn truncated(stddev: f32, random: &mut ChaCha8Rng, weights: &mut [f32]) {
    for weight in weights {
        let mut drawn = normal_f32(random);
        while drawn.abs() > 2.0 {
            drawn = normal_f32(random);
        }
        *weight = stddev * drawn;
    }
}

/// The kernel as a matrix with `out` columns, made orthonormal by Gram and Schmidt, twice for the rounding. Vectors that are drawn
/// at random from a normal distribution have no preferred direction, and neither have these.
fn orthogonal(shape: &[usize], random: &mut ChaCha8Rng, weights: &mut [f32]) {
    let columns = shape.last().copied().unwrap_or(1).max(1);
    let rows = weights.len() / columns;
    let (count, len) = (rows.min(columns), rows.max(columns));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut vector: Vec<f64> = (0..len).map(|_| f64::from(normal_f32(random))).collect();
        for _ in 0..2 {
            for other in &basis {
                let dot: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(a, b)| *a -= dot * b);
            }
        }
        let norm = vector.iter().map(|a| a * a).sum::<f64>().sqrt();
        for a in &mut vector {
            *a /= norm;
        }
        basis.push(vector);
    }
    for (at, weight) in weights.iter_mut().enumerate() {
        let (row, column) = (at / columns, at % columns);
        *weight = if rows < columns { basis[row][column] } else { basis[column][row] } as f32;
    }
}

/// 1 where input and output have the same number, in the middle of the window.
fn identity(shape: &[usize], weights: &mut [f32]) {
    let [window @ .., inputs, outputs] = shape else { return weights.fill(1.0) };
    let middle = window.iter().fold(0, |at, n| at * n + n.saturating_sub(1) / 2);
    for i in 0..*inputs.min(outputs) {
        weights[(middle * inputs + i) * outputs + i] = 1.0;
    }
}

impl Serialize for Initializer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some((name, _)) = NAMED.iter().find(|(_, named)| named == self) {
            return serializer.serialize_str(name);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Uniform { low, high } => map.serialize_entry("uniform", &[low, high])?,
            Self::Normal(stddev) => map.serialize_entry("normal", stddev)?,
            Self::TruncatedNormal(stddev) => map.serialize_entry("truncated_normal", stddev)?,
            Self::Constant(value) => map.serialize_entry("constant", value)?,
            Self::Scaled(..) | Self::Orthogonal | Self::Identity => {}
        }
        map.end()
    }
}

/// From a name, or from a table with one key.
impl<'de> Deserialize<'de> for Initializer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;

        impl<'de> Visitor<'de> for Visit {
            type Value = Initializer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name such as \"he_normal\", or a table such as { constant = 0.1 }")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Initializer, E> {
                let named = NAMED.iter().find(|(known, _)| *known == name);
                named.map(|(_, named)| *named).ok_or_else(|| E::unknown_variant(name, &NAMES))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Initializer, A::Error> {
                #[derive(Deserialize)]
                #[serde(field_identifier, rename_all = "snake_case")]
                enum Key {
                    Constant,
                    Normal,
                    TruncatedNormal,
                    Uniform,
                }
                let Some(key) = map.next_key()? else {
                    return Err(de::Error::missing_field("constant"));
                };
                let initializer = match key {
                    Key::Constant => Initializer::Constant(map.next_value()?),
                    Key::Normal => Initializer::Normal(map.next_value()?),
                    Key::TruncatedNormal => Initializer::TruncatedNormal(map.next_value()?),
                    Key::Uniform => {
                        let [low, high] = map.next_value()?;
                        Initializer::Uniform { low, high }
                    }
                };
                match map.next_key::<Key>()? {
                    None => Ok(initializer),
                    Some(_) => Err(de::Error::custom(
                        "one of constant, normal, truncated_normal, uniform is enough",
                    )),
                }
            }
        }

        deserializer.deserialize_any(Visit)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;
    use cnn_tensor::random::{Purpose, stream};

    fn filled(initializer: Initializer, shape: &[usize]) -> Vec<f32> {
        let mut weights = vec![0.0; shape.iter().product()];
        initializer.fill(shape, &mut stream(5, Purpose::Init, 0, 0), &mut weights);
        weights
    }

    fn named(name: &str) -> Initializer {
        NAMED.iter().find(|(known, _)| *known == name).unwrap().1
    }

    /// Mean, deviation and largest of many numbers.
    fn moments(weights: &[f32]) -> (f64, f64, f64) {
        let n = weights.len() as f64;
        let mean = weights.iter().map(|w| f64::from(*w)).sum::<f64>() / n;
        let variance = weights.iter().map(|w| (f64::from(*w) - mean).powi(2)).sum::<f64>() / n;
        (mean, variance.sqrt(), weights.iter().fold(0.0, |max, w| f64::from(w.abs()).max(max)))
    }

    /// 3 × 3 × 64 × 128: fan in 576, fan out 1,152. Limits by Keras's formulas (`random_initializers.py`).
    #[test]
    fn deviations_and_limits_are_keras_s() {
        let shape = [3, 3, 64, 128];
        for (name, variance) in [
            ("glorot_uniform", 2.0 / 1728.0),
            ("glorot_normal", 2.0 / 1728.0),
            ("he_uniform", 2.0 / 576.0),
            ("he_normal", 2.0 / 576.0),
            ("lecun_uniform", 1.0 / 576.0),
            ("lecun_normal", 1.0 / 576.0),
        ] {
            let (mean, deviation, largest) = moments(&filled(named(name), &shape));
            let expected = f64::sqrt(variance);
            let limit = if name.ends_with("uniform") {
                expected * 3.0_f64.sqrt()
            } else {
                2.0 * expected / CUT_OFF
            };
            assert!(mean.abs() < 0.02 * expected, "{name}: mean {mean}");
            assert!((deviation / expected - 1.0).abs() < 0.01, "{name}: {deviation}, {expected}");
            assert!((0.99..=1.0 + 1e-6).contains(&(largest / limit)), "{name}: {largest}, {limit}");
        }
        let (_, deviation, largest) = moments(&filled(Initializer::Normal(0.5), &shape));
        assert!((deviation - 0.5).abs() < 0.005 && largest > 1.5);
        let (_, _, largest) = moments(&filled(Initializer::TruncatedNormal(0.5), &shape));
        assert!(largest <= 1.0);
        let range = filled(Initializer::Uniform { low: 1.0, high: 3.0 }, &shape);
        assert!(range.iter().all(|w| (1.0..3.0).contains(w)));
    }

    #[test]
    fn constants_are_what_they_say() {
        for (initializer, value) in
            [(named("zeros"), 0.0), (named("ones"), 1.0), (Initializer::Constant(-0.3), -0.3)]
        {
            assert_eq!(filled(initializer, &[2, 3]), [value; 6]);
        }
    }

    #[test]
    fn orthogonal_columns_or_rows() {
        for shape in [vec![3, 3, 4, 7], vec![5, 12], vec![6, 6]] {
            let (weights, columns) =
                (filled(Initializer::Orthogonal, &shape), shape[shape.len() - 1]);
            let rows = weights.len() / columns;
            let at = |row: usize, column: usize| f64::from(weights[row * columns + column]);
            let (count, len) = (rows.min(columns), rows.max(columns));
            for a in 0..count {
                for b in 0..count {
                    let dot =
                        |i| if rows < columns { at(a, i) * at(b, i) } else { at(i, a) * at(i, b) };
                    let dot: f64 = (0..len).map(dot).sum();
                    let expected = if a == b { 1.0 } else { 0.0 };
                    assert!((dot - expected).abs() < 1e-6, "{shape:?}: {a}·{b} = {dot}");
                }
            }
        }
    }

    #[test]
    fn the_identity_passes_on_what_it_gets() {
        assert_eq!(filled(Initializer::Identity, &[2, 3]), [1., 0., 0., 0., 1., 0.]);
        let dirac = filled(Initializer::Identity, &[3, 3, 2, 2]);
        let middle = &dirac[4 * 4..5 * 4];
        assert_eq!(middle, [1., 0., 0., 1.]);
        assert_eq!(dirac.iter().sum::<f32>(), 2.0);
    }

    #[test]
    fn what_makes_no_numbers_is_refused() {
        for bad in [
            Initializer::Constant(f32::NAN),
            Initializer::Normal(-1.0),
            Initializer::TruncatedNormal(f32::INFINITY),
            Initializer::Uniform { low: 1.0, high: 1.0 },
            Initializer::Uniform { low: f32::MIN, high: f32::MAX },
        ] {
            let error = bad.checked("kernel_initializer").unwrap_err();
            assert_eq!((error.key, error.code), (Some("kernel_initializer"), "M037"), "{bad:?}");
        }
        assert_eq!(NAMED.map(|(name, _)| name), NAMES);
    }
}

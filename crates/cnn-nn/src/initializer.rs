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
//! Dense kernel is the identity matrix, a convolution sees its middle pixel alone, as with PyTorch's `dirac_`.
//!
//! Keras's class names (`"HeNormal"`) are read as well. PyTorch's layers begin otherwise: kernel and bias uniform within
//! 1/√(fan in).
//!
//! **Source** Keras initializers; Glorot & Bengio 2010, He et al. 2015, `LeCun` et al. 1998, Saxe et al. 2014.

mod schema;
mod text;

use crate::layer::BuildError;
use cnn_tensor::random::normal_f32;
use ndarray::Array1;
use ndarray_rand::RandomExt;
use ndarray_rand::rand_distr::Uniform;
use rand_chacha::ChaCha8Rng;

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
    /// Orthonormal columns, or rows where there are fewer rows, times this gain: `"orthogonal"`, `{ orthogonal = 2.0 }`.
    Orthogonal(f32),
    /// The input passed on, times this gain: `"identity"`, `{ identity = 0.5 }`.
    Identity(f32),
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

/// The deviation of a normal distribution cut off at two deviations, where that of the whole one is 1.
const CUT_OFF: f64 = 0.879_625_661_034_239_8;

impl Initializer {
    /// All zero: Keras's default for biases.
    pub const ZEROS: Self = Self::Constant(0.0);

    /// All one: Keras's default for the factors of a normalisation.
    pub const ONES: Self = Self::Constant(1.0);

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

    /// True for the default of the factors of a normalisation.
    pub(crate) fn is_ones(&self) -> bool {
        *self == Self::ONES
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
            Self::Orthogonal(gain) | Self::Identity(gain) if !gain.is_finite() => {
                Some((format!("the gain must be finite, got {gain}"), "\"orthogonal\""))
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
            Self::Orthogonal(gain) => orthogonal(f64::from(gain), shape, random, weights),
            Self::Identity(gain) => identity(gain, shape, weights),
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
fn orthogonal(gain: f64, shape: &[usize], random: &mut ChaCha8Rng, weights: &mut [f32]) {
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
        let unit = if rows < columns { basis[row][column] } else { basis[column][row] };
        *weight = (gain * unit) as f32;
    }
}

/// The gain where input and output have the same number, in the middle of the window.
fn identity(gain: f32, shape: &[usize], weights: &mut [f32]) {
    let [window @ .., inputs, outputs] = shape else { return weights.fill(gain) };
    let middle = window.iter().fold(0, |at, n| at * n + n.saturating_sub(1) / 2);
    for i in 0..*inputs.min(outputs) {
        weights[(middle * inputs + i) * outputs + i] = gain;
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

    #[test]
    fn orthogonal_columns_or_rows() {
        for shape in [vec![3, 3, 4, 7], vec![5, 12], vec![6, 6]] {
            let (weights, columns) =
                (filled(Initializer::Orthogonal(1.0), &shape), shape[shape.len() - 1]);
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
        assert_eq!(filled(Initializer::Identity(1.0), &[2, 3]), [1., 0., 0., 0., 1., 0.]);
        let dirac = filled(Initializer::Identity(1.0), &[3, 3, 2, 2]);
        let middle = &dirac[4 * 4..5 * 4];
        assert_eq!(middle, [1., 0., 0., 1.]);
        assert_eq!(dirac.iter().sum::<f32>(), 2.0);
    }

    #[test]
    fn what_makes_no_numbers_is_refused() {
        for bad in [
            Initializer::Constant(f32::NAN),
            Initializer::Normal(-1.0),
            Initializer::Orthogonal(f32::INFINITY),
            Initializer::TruncatedNormal(f32::INFINITY),
            Initializer::Uniform { low: 1.0, high: 1.0 },
            Initializer::Uniform { low: f32::MIN, high: f32::MAX },
        ] {
            let error = bad.checked("kernel_initializer").unwrap_err();
            assert_eq!((error.key, error.code), (Some("kernel_initializer"), "M037"), "{bad:?}");
        }
    }
}

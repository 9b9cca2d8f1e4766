//! In training y = x + noise, normal with mean 0 and deviation `stddev`, for every number anew. In inference y = x.
//!
//! **Shapes** any → the same.
//! **Parameters** none.
//! **Errors** a deviation outside 0..1.
//! **Source** Keras `GaussianNoise`. Nothing is clipped: pixels may leave 0..1. Its `seed` is the run's here.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 1]
//!
//! [[layers]]
//! type = "GaussianNoise"
//! stddev = 0.1
//! # "#;
//! # cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! ```

use super::per_image::{PerImage, same_shape};
use super::{Spec, bad_key};
use crate::layer::{BuildError, Built};
use cnn_tensor::Shape;
use cnn_tensor::random::normal_f32;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `GaussianNoise` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GaussianNoise {
    /// Standard deviation of the noise, where pixels go from 0 to 1; 0 to 1.
    pub stddev: f32,
}

impl Spec for GaussianNoise {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        if !(0.0..=1.0).contains(&self.stddev) {
            let message = format!("stddev must be between 0 and 1, got {}", self.stddev);
            return Err(bad_key("stddev", "M037", message, "stddev = 0.1 is well visible"));
        }
        Ok(same_shape(BuiltGaussianNoise { stddev: self.stddev }, input))
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![(Self { stddev: 0.2 }, vec![4, 3, 2]), (Self { stddev: 0.0 }, vec![7])]
    }
}

#[derive(Debug)]
struct BuiltGaussianNoise {
    stddev: f32,
}

impl PerImage for BuiltGaussianNoise {
    fn forward(&self, random: &mut ChaCha8Rng, x: &[f32], y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y = x + self.stddev * normal_f32(random);
        }
    }

    fn backward(&self, _: &mut ChaCha8Rng, _: &[f32], dy: &[f32], dx: &mut [f32]) {
        dx.copy_from_slice(dy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::per_image::tests::train;

    #[test]
    fn the_noise_has_mean_zero_and_the_deviation() {
        let y = train(&GaussianNoise { stddev: 0.1 }, &[20_000], &vec![3.0; 20_000], 5);
        let mean = y.iter().map(|&y| f64::from(y)).sum::<f64>() / 20_000.0;
        let variance = y.iter().map(|&y| (f64::from(y) - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(
            (mean - 3.0).abs() < 0.004 && (variance.sqrt() - 0.1).abs() < 0.003,
            "{mean} {variance}"
        );
    }
}

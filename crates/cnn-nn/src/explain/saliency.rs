//! The gradient at the image: saliency, and its mean over noisy copies.

use super::network::Place;
use super::question::{ExplainError, Question};
use cnn_tensor::random::{Purpose, normal_f32, stream};
use ndarray::Array2;

/// |∂score/∂pixel|, the largest of a pixel's channels: how much a small change of the pixel moves the score. `[h, w]`, ≥ 0.
///
/// Source: Simonyan, Vedaldi & Zisserman 2014, "Deep inside convolutional networks".
pub fn saliency(question: &Question<'_>) -> Array2<f32> {
    let Question { network, image, class, .. } = question;
    let gradient = network.class_gradient(image, *class, Place::Input).gradient;
    let size: Vec<f64> = gradient.iter().map(|g| f64::from(g.abs())).collect();
    question.per_pixel(&size, f64::max)
}

/// Settings of [`smooth_grad`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothGrad {
    /// Noisy copies; 1 or more, default 50.
    pub samples: usize,
    /// Standard deviation of the noise, as a share of the image's range (largest − smallest); default 0.15.
    pub noise: f32,
    /// Decides the noise.
    pub seed: u64,
}

impl Default for SmoothGrad {
    fn default() -> Self {
        Self { samples: 50, noise: 0.15, seed: 0 }
    }
}

/// The gradient's mean over copies of the image with normal noise, then as [`saliency`]: what the gradient of one image has
/// by accident falls away. `[h, w]`, ≥ 0.
///
/// Source: Smilkov et al. 2017, "`SmoothGrad`: removing noise by adding noise".
///
/// # Errors
/// [`ExplainError::Setting`]: no samples, or noise that is negative or no number.
pub fn smooth_grad(
    question: &Question<'_>,
    settings: &SmoothGrad,
) -> Result<Array2<f32>, ExplainError> {
    let &SmoothGrad { samples, noise, seed } = settings;
    if samples == 0 {
        return Err(ExplainError::setting("SmoothGrad needs at least one sample", "50 is usual"));
    }
    if !(noise.is_finite() && noise >= 0.0) {
        let message = format!("the noise must be 0 or more, got {noise}");
        return Err(ExplainError::setting(message, "0.1 to 0.2 is usual"));
    }
    let Question { network, image, class, .. } = question;
    let low = image.iter().copied().fold(f32::INFINITY, f32::min);
    let high = image.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sigma = noise * (high - low);
    let fill = |sample: usize, x: &mut [f32]| {
        let mut random = stream(seed, Purpose::Explain, super::NOISE, sample as u64);
        for (x, pixel) in x.iter_mut().zip(*image) {
            *x = pixel + sigma * normal_f32(&mut random);
        }
    };
    let mut sum = vec![0.0f64; image.len()];
    network.class_gradients(samples, fill, *class, Place::Input, |part| {
        for gradient in part.gradient.chunks_exact(image.len()) {
            for (sum, g) in sum.iter_mut().zip(gradient) {
                *sum += f64::from(*g);
            }
        }
    });
    for value in &mut sum {
        *value = value.abs() / samples as f64;
    }
    Ok(question.per_pixel(&sum, f64::max))
}

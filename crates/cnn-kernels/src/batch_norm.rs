//! Channels brought to mean 0 and variance 1 over all pixels of a batch, in parts that are measured one by one.
//!
//! `y = γ[c] · (x − mean[c]) / √(variance[c] + ε) + β[c]`. A **part** of a batch is described by its channels' means and sums of squared
//! deviations; [`combine`] makes the whole batch's of them. Sources: Ioffe & Szegedy 2015; Chan, Golub & Leveque 1979.

use crate::Isa;
use crate::isa::dispatch;
use crate::scalar;

/// The channels of a batch, as seen from outside: means and 1/√(variance + ε), then γ and β, each of which may be empty (1 and 0).
#[derive(Clone, Copy, Debug)]
pub struct Normal<'a> {
    /// Mean of each channel.
    pub mean: &'a [f32],
    /// 1/√(variance + ε) of each channel.
    pub inverse: &'a [f32],
    /// γ of each channel, or empty.
    pub gamma: &'a [f32],
    /// β of each channel, or empty.
    pub beta: &'a [f32],
}

impl Normal<'_> {
    fn check(&self, numbers: &[f32]) {
        let channels = self.mean.len();
        assert!(channels > 0 && self.inverse.len() == channels, "batch_norm: uneven statistics");
        assert_eq!(numbers.len() % channels, 0, "batch_norm: not whole pixels of {channels}");
        for parameter in [self.gamma, self.beta] {
            let fits = parameter.is_empty() || parameter.len() == channels;
            assert!(fits, "batch_norm: {} parameters for {channels}", parameter.len());
        }
    }
}

/// Writes the mean of each channel to `mean` and the sum of its squared deviations from it to `squares`.
///
/// # Panics
/// If `x` is empty or no whole number of pixels, or the two results differ in length.
pub fn measure(isa: Isa, x: &[f32], mean: &mut [f32], squares: &mut [f32]) {
    let channels = mean.len();
    assert_eq!(channels, squares.len(), "batch_norm: uneven statistics");
    assert!(channels > 0 && !x.is_empty(), "batch_norm: a batch of nothing");
    assert_eq!(x.len() % channels, 0, "batch_norm: not whole pixels of {channels}");
    dispatch!(isa, batch_norm_measure(x, mean, squares), scalar::batch_norm::measure);
}

/// Mean and variance of each channel (the mean squared deviation, not an estimate of a population's) of a batch whose parts have so
/// many pixels, means and sums of squared deviations. The order of the parts is that of the additions.
///
/// # Panics
/// If a part has fewer channels than `mean`, or `variance` has.
pub fn combine<'a>(
    parts: &(impl Iterator<Item = (usize, &'a [f32], &'a [f32])> + Clone),
    mean: &mut [f32],
    variance: &mut [f32],
) {
    for (c, (mean, variance)) in mean.iter_mut().zip(variance).enumerate() {
        let (mut count, mut average, mut squares) = (0.0, 0.0, 0.0);
        for (pixels, means, deviations) in parts.clone() {
            let pixels = pixels as f64;
            let off = f64::from(means[c]) - average;
            let all = count + pixels;
            average += off * pixels / all;
            squares += f64::from(deviations[c]) + off * off * count * pixels / all;
            count = all;
        }
        *mean = average as f32;
        *variance = (squares / count) as f32;
    }
}

/// Overwrites `y`; with `relu`, by 0 where it would be less.
///
/// # Panics
/// If a length does not fit.
pub fn forward(isa: Isa, normal: Normal<'_>, relu: bool, x: &[f32], y: &mut [f32]) {
    normal.check(x);
    assert_eq!(x.len(), y.len(), "batch_norm: input and output differ in length");
    dispatch!(isa, batch_norm_forward(normal, relu, x, y), scalar::batch_norm::forward);
}

/// Writes Σ dy·(x − mean)/√(variance + ε) of each channel to `dgamma` and Σ dy to `dbeta`: what a part of a batch has of the
/// parameters' gradients, and of what [`backward`] needs.
///
/// # Panics
/// If a length does not fit.
pub fn backward_parameters(
    isa: Isa,
    normal: Normal<'_>,
    x: &[f32],
    dy: &[f32],
    dgamma: &mut [f32],
    dbeta: &mut [f32],
) {
    normal.check(x);
    assert_eq!(x.len(), dy.len(), "batch_norm: input and gradient differ in length");
    for sums in [&*dgamma, &*dbeta] {
        assert_eq!(sums.len(), normal.mean.len(), "batch_norm: one sum for each channel");
    }
    dispatch!(
        isa,
        batch_norm_backward_parameters(normal, x, dy, dgamma, dbeta),
        scalar::batch_norm::backward_parameters
    );
}

/// The gradient of the input, where mean and variance are those of a batch of `pixels` pixels whose sums, by
/// [`backward_parameters`], are `dgamma` and `dbeta`. Overwrites `dx`.
///
/// # Panics
/// If a length does not fit.
pub fn backward(
    isa: Isa,
    normal: Normal<'_>,
    pixels: usize,
    [dgamma, dbeta]: [&[f32]; 2],
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) {
    normal.check(x);
    assert!(x.len() == dy.len() && x.len() == dx.len(), "batch_norm: gradients differ in length");
    for sums in [dgamma, dbeta] {
        assert_eq!(sums.len(), normal.mean.len(), "batch_norm: one sum for each channel");
    }
    let share = 1.0 / pixels as f32;
    dispatch!(
        isa,
        batch_norm_backward(normal, share, dgamma, dbeta, x, dy, dx),
        scalar::batch_norm::backward
    );
}

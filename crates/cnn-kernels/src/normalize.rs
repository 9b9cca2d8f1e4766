//! Groups of numbers of one sample brought to mean 0 and variance 1, then scaled and moved channel by channel.
//!
//! `y = γ[c] · (x − mean) / √(variance + ε) + β[c]`, where mean and variance (of all numbers, not of a sample of them) are those of the
//! group. Layer normalisation has one group for each pixel, group normalisation several for each image. Sources: Ba, Kiros & Hinton
//! 2016; Wu & He 2018.

use crate::Isa;
use crate::isa::dispatch;
use crate::scalar;

/// How a sample `[pixels, groups · channels]` is cut into groups: each has some neighbouring channels of all pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Groups {
    /// Pixels of a sample.
    pub pixels: usize,
    /// Groups of a sample.
    pub groups: usize,
    /// Channels of a group.
    pub channels: usize,
}

impl Groups {
    /// Numbers of a pixel.
    pub fn row(&self) -> usize {
        self.groups * self.channels
    }

    /// Numbers of a sample.
    pub fn len(&self) -> usize {
        self.pixels * self.row()
    }

    /// Whether a sample has no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn check(&self, parameters: [&[f32]; 2], x: &[f32], y: &[f32]) {
        assert!(!self.is_empty(), "normalize: groups of nothing: {self:?}");
        assert_eq!(x.len() % self.len(), 0, "normalize: not whole samples of {self:?}");
        assert_eq!(x.len(), y.len(), "normalize: input and output differ in length");
        for parameter in parameters {
            let fits = parameter.is_empty() || parameter.len() == self.row();
            assert!(fits, "normalize: {} parameters for {self:?}", parameter.len());
        }
    }
}

/// Overwrites `y`. `gamma` and `beta` have one number for each channel of a pixel, or none: then they are 1 and 0.
///
/// # Panics
/// If a length does not fit, or the groups have no numbers.
pub fn forward(
    isa: Isa,
    g: &Groups,
    epsilon: f32,
    gamma: &[f32],
    beta: &[f32],
    x: &[f32],
    y: &mut [f32],
) {
    g.check([gamma, beta], x, y);
    dispatch!(isa, normalize_forward(g, epsilon, gamma, beta, x, y), scalar::normalize::forward);
}

/// The gradient of the input. Overwrites `dx`.
///
/// # Panics
/// As [`forward`].
pub fn backward(
    isa: Isa,
    g: &Groups,
    epsilon: f32,
    gamma: &[f32],
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) {
    g.check([gamma, &[]], x, dy);
    g.check([gamma, &[]], x, dx);
    dispatch!(isa, normalize_backward(g, epsilon, gamma, x, dy, dx), scalar::normalize::backward);
}

/// Adds the gradients of γ and β, each of which may be empty.
///
/// # Panics
/// As [`forward`].
pub fn backward_parameters(
    isa: Isa,
    g: &Groups,
    epsilon: f32,
    x: &[f32],
    dy: &[f32],
    dgamma: &mut [f32],
    dbeta: &mut [f32],
) {
    g.check([dgamma, dbeta], x, dy);
    dispatch!(
        isa,
        normalize_backward_parameters(g, epsilon, x, dy, dgamma, dbeta),
        scalar::normalize::backward_parameters
    );
}

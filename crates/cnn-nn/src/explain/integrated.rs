//! Integrated gradients: the score's way from the baseline to the image, shared out among the pixels.

use super::network::Place;
use super::question::{Baseline, ExplainError, Question};
use ndarray::Array2;

/// Settings of [`integrated_gradients`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntegratedGradients {
    /// Steps of the first attempt; 1 or more, default 32.
    pub steps: usize,
    /// The steps are doubled until the error is small enough or they would be more than this; default 2048.
    pub max_steps: usize,
    /// The completeness error that is small enough; default 0.01.
    pub tolerance: f64,
}

impl Default for IntegratedGradients {
    fn default() -> Self {
        Self { steps: 32, max_steps: 2048, tolerance: 0.01 }
    }
}

impl IntegratedGradients {
    /// Exactly so many steps, whatever the error.
    pub fn fixed(steps: usize) -> Self {
        Self { steps, max_steps: steps, tolerance: 0.0 }
    }
}

/// How nearly the attributions add up to what they share out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Completeness {
    /// Steps of the integral.
    pub steps: usize,
    /// The class's score for the image.
    pub score: f64,
    /// Its score for the baseline.
    pub baseline_score: f64,
    /// What the attributions add up to: the difference of the two, if the integral were exact.
    pub sum: f64,
}

impl Completeness {
    /// |sum − (score − baseline score)| / |score − baseline score|; 0 where both are 0.
    pub fn error(&self) -> f64 {
        let rise = self.score - self.baseline_score;
        let off = (self.sum - rise).abs();
        if off == 0.0 { 0.0 } else { off / rise.abs() }
    }
}

/// What [`integrated_gradients`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct Integrated {
    /// Attribution of each pixel, its channels added up: positive speaks for the class, negative against it.
    pub map: Array2<f32>,
    /// Attribution of each number of the image.
    pub attributions: Vec<f32>,
    /// What they add up to.
    pub completeness: Completeness,
}

/// (x − b) · ∫₀¹ ∂score/∂x (b + t·(x − b)) dt for each number x of the image and b of the baseline, by the midpoint rule.
/// Attributions add up to the score's rise from the baseline to the image (completeness). A pixel that is equal to the
/// baseline gets nothing, whatever the model thinks of it.
///
/// Source: Sundararajan, Taly & Yan 2017, "Axiomatic attribution for deep networks".
///
/// # Errors
/// [`ExplainError::Setting`] for 0 steps; a baseline that is no image of the model.
pub fn integrated_gradients(
    question: &Question<'_>,
    baseline: &Baseline,
    settings: &IntegratedGradients,
) -> Result<Integrated, ExplainError> {
    if settings.steps == 0 {
        return Err(ExplainError::setting(
            "integrated gradients need at least one step",
            "32 to 256 steps are usual",
        ));
    }
    let baseline = baseline.image(question.network)?;
    let mut steps = settings.steps;
    loop {
        let found = integrate(question, &baseline, steps);
        let enough = found.completeness.error() <= settings.tolerance;
        if enough || steps.saturating_mul(2) > settings.max_steps {
            return Ok(found);
        }
        steps *= 2;
    }
}

fn integrate(question: &Question<'_>, baseline: &[f32], steps: usize) -> Integrated {
    let Question { network, image, class, .. } = question;
    let fill = |step: usize, x: &mut [f32]| {
        let t = ((step as f64 + 0.5) / steps as f64) as f32;
        for ((x, b), pixel) in x.iter_mut().zip(baseline).zip(*image) {
            *x = b + t * (pixel - b);
        }
    };
    let mut sum = vec![0.0f64; image.len()];
    network.class_gradients(steps, fill, *class, Place::Input, |part| {
        for gradient in part.gradient.chunks_exact(image.len()) {
            for (sum, g) in sum.iter_mut().zip(gradient) {
                *sum += f64::from(*g);
            }
        }
    });
    for ((value, b), pixel) in sum.iter_mut().zip(baseline).zip(*image) {
        *value *= f64::from(pixel - b) / steps as f64;
    }
    Integrated {
        map: question.per_pixel(&sum, |a, b| a + b),
        attributions: sum.iter().map(|value| *value as f32).collect(),
        completeness: Completeness {
            steps,
            score: f64::from(question.scores()[*class]),
            baseline_score: f64::from(network.scores(baseline)[*class]),
            sum: sum.iter().sum(),
        },
    }
}

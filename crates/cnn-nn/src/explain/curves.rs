//! Does a map name the pixels that matter? The class's probability while they are taken away, and while they come.

use super::question::{Baseline, ExplainError, Question};
use cnn_tensor::random::{Purpose, shuffled, stream};
use ndarray::Array2;

/// The probability of the class while pixels are taken away or put in, in one order.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelCurves {
    /// Share of the pixels that are changed, from 0 to 1.
    pub shares: Vec<f64>,
    /// From the image to the baseline: falls early where the order begins with pixels that matter.
    pub deletion: Vec<f64>,
    /// From the baseline to the image: rises early where it does.
    pub insertion: Vec<f64>,
}

impl PixelCurves {
    /// Area under the deletion curve, 0 to 1: low is good.
    pub fn deletion_area(&self) -> f64 {
        area(&self.shares, &self.deletion)
    }

    /// Area under the insertion curve, 0 to 1: high is good.
    pub fn insertion_area(&self) -> f64 {
        area(&self.shares, &self.insertion)
    }
}

/// By the trapezoidal rule.
fn area(x: &[f64], y: &[f64]) -> f64 {
    let slice = |(x, y): (&[f64], &[f64])| (x[1] - x[0]) * (y[0] + y[1]) / 2.0;
    x.windows(2).zip(y.windows(2)).map(slice).sum()
}

/// Settings of the curves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurveSettings {
    /// Points of a curve after its first; 1 or more, default 28.
    pub steps: usize,
    /// Random orders to compare with; 1 or more, default 10.
    pub orders: usize,
    /// Decides these, and the order of equal numbers of a map.
    pub seed: u64,
}

impl Default for CurveSettings {
    fn default() -> Self {
        Self { steps: 28, orders: 10, seed: 0 }
    }
}

/// What curves are compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct References {
    /// Mean curves of random orders.
    pub random: PixelCurves,
    /// The pixels that differ most from the baseline first: an order that knows the picture and no model.
    pub picture: PixelCurves,
}

/// Deletion and insertion in the order of a map, its largest numbers first; a pixel's channels go together.
///
/// Source: Petsiuk, Das & Saenko 2018, "RISE: randomized input sampling for explanation of black-box models"; here both begin or
/// end at the same baseline.
///
/// # Errors
/// [`ExplainError::Setting`] for no steps; a baseline that is no image of the model.
///
/// # Panics
/// If the map is not of the image's size.
pub fn pixel_curves(
    question: &Question<'_>,
    map: &Array2<f32>,
    baseline: &Baseline,
    settings: &CurveSettings,
) -> Result<PixelCurves, ExplainError> {
    let mut order = random_order(map.len(), settings.seed, 0);
    let values: Vec<f32> = map.iter().map(|value| value + 0.0).collect();
    order.sort_by(|&i, &j| values[j as usize].total_cmp(&values[i as usize]));
    along(question, &order, baseline, settings)
}

/// The curves of random orders, and of the picture itself.
///
/// # Errors
/// As [`pixel_curves`]; no orders.
pub fn references(
    question: &Question<'_>,
    baseline: &Baseline,
    settings: &CurveSettings,
) -> Result<References, ExplainError> {
    if settings.orders == 0 {
        return Err(ExplainError::setting("there must be at least one random order", "10 will do"));
    }
    let [h, w, _] = question.network.image_shape();
    let one =
        |i: usize| along(question, &random_order(h * w, settings.seed, i + 1), baseline, settings);
    let mut mean = one(0)?;
    for i in 1..settings.orders {
        let next = one(i)?;
        let add = |sum: &mut [f64], more: &[f64]| {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        };
        add(&mut mean.deletion, &next.deletion);
        add(&mut mean.insertion, &next.insertion);
    }
    let n = settings.orders as f64;
    mean.deletion.iter_mut().chain(&mut mean.insertion).for_each(|value| *value /= n);

    let black = baseline.image(question.network)?;
    let far = question.image.iter().zip(black.iter()).map(|(x, b)| f64::from((x - b).abs()));
    let picture = question.per_pixel(&far.collect::<Vec<_>>(), |a, b| a + b);
    Ok(References { random: mean, picture: pixel_curves(question, &picture, baseline, settings)? })
}

fn random_order(pixels: usize, seed: u64, i: usize) -> Vec<u32> {
    let mut order = vec![0; pixels];
    shuffled(&mut stream(seed, Purpose::Explain, super::ORDERS, i as u64), &mut order);
    order
}

/// Both curves in one order of the pixels.
fn along(
    question: &Question<'_>,
    order: &[u32],
    baseline: &Baseline,
    settings: &CurveSettings,
) -> Result<PixelCurves, ExplainError> {
    let network = question.network;
    let [h, w, c] = network.image_shape();
    assert_eq!(order.len(), h * w, "one number for each pixel");
    if settings.steps == 0 {
        return Err(ExplainError::setting("a curve needs at least one step", "28 will do"));
    }
    let steps = settings.steps.min(order.len());
    let changed: Vec<usize> = (0..=steps).map(|k| k * order.len() / steps).collect();
    let baseline = baseline.image(network)?;
    let curve = |from: &[f32], to: &[f32]| -> Vec<f64> {
        let fill = |k: usize, x: &mut [f32]| {
            x.copy_from_slice(from);
            for &pixel in &order[..changed[k]] {
                let at = pixel as usize * c..(pixel as usize + 1) * c;
                x[at.clone()].copy_from_slice(&to[at]);
            }
        };
        let mut scores = network.scores_of(steps + 1, fill);
        let classes = network.classes();
        cnn_kernels::activation::softmax(network.isa(), classes, &mut scores);
        scores.iter().skip(question.class).step_by(classes).map(|p| f64::from(*p)).collect()
    };
    Ok(PixelCurves {
        deletion: curve(question.image, &baseline),
        insertion: curve(&baseline, question.image),
        shares: changed.iter().map(|k| *k as f64 / order.len() as f64).collect(),
    })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn the_area_of_a_triangle() {
        assert_eq!(area(&[0.0, 0.5, 1.0], &[0.0, 1.0, 0.0]), 0.5);
        assert_eq!(area(&[0.0], &[1.0]), 0.0);
    }
}

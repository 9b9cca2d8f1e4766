//! How large each layer's gradient is beside its weights.

use crate::model::Model;
use std::ops::Range;

/// Weights and gradient of one layer's kernel in numbers. Biases are left out: they begin at 0, so that nothing is relative
/// to them.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerGradient {
    /// Position of the layer in the model, from 0.
    pub index: usize,
    /// The layer's name.
    pub layer: String,
    /// Euclidean norm of the kernel, ≥ 0.
    pub weights: f64,
    /// Euclidean norm of its gradient, ≥ 0; NaN or infinite where the gradient is.
    pub gradient: f64,
}

impl LayerGradient {
    /// Norm of the gradient over that of the weights: times the learning rate, this is how far a step of plain gradient descent
    /// moves the kernel, as a share of it. 0 where both are 0.
    ///
    /// Source: "Ratio of weights:updates" in A. Karpathy's notes for Stanford's course CS 231n, "Learning": learning rate × this ≈ 1e-3.
    pub fn ratio(&self) -> f64 {
        if self.gradient == 0.0 { 0.0 } else { self.gradient / self.weights }
    }
}

/// The gradient of every layer that has a kernel, in order. `gradient` is what [`crate::engine::Engine::gradients`] writes.
///
/// # Panics
/// If one of the slices is not as long as the model's arena.
pub fn layer_gradients(model: &Model, weights: &[f32], gradient: &[f32]) -> Vec<LayerGradient> {
    assert_eq!(weights.len(), model.param_count(), "the weights are the model's");
    assert_eq!(gradient.len(), model.param_count(), "the gradient is the model's");
    let kernels = |layer: &crate::model::ModelLayer| -> Vec<Range<usize>> {
        let kernel =
            |name: &str| name.rsplit('/').next().is_some_and(|name| name.ends_with("kernel"));
        layer.params.iter().filter(|p| kernel(&p.name)).map(|p| p.range.clone()).collect()
    };
    let mut all = Vec::new();
    for (index, layer) in model.layers().iter().enumerate() {
        let ranges = kernels(layer);
        if ranges.is_empty() {
            continue;
        }
        let norm = |arena: &[f32]| {
            let squares = ranges
                .iter()
                .flat_map(|range| &arena[range.clone()])
                .map(|&v| f64::from(v).powi(2));
            squares.sum::<f64>().sqrt()
        };
        all.push(LayerGradient {
            index,
            layer: layer.name.clone(),
            weights: norm(weights),
            gradient: norm(gradient),
        });
    }
    all
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the sums are exact in binary")]
mod tests {
    use super::*;
    use crate::ModelSpec;
    use crate::layers::{Conv2D, Dense, Flatten, LayerSpec};

    #[test]
    fn norms_are_those_of_the_kernels_alone() {
        let layers = [
            LayerSpec::Conv2D(Conv2D::new(1, 2)),
            LayerSpec::Flatten(Flatten),
            LayerSpec::Dense(Dense::new(1)),
        ];
        let model = ModelSpec::new([2, 2, 1], layers).build().unwrap();
        // Convolution: four weights and a bias; dense: one weight and a bias.
        let weights = [1.0, 1.0, 1.0, 1.0, 9.0, 0.0, 9.0];
        let gradient = [3.0, 0.0, 0.0, 4.0, 7.0, 0.0, 7.0];
        let all = layer_gradients(&model, &weights, &gradient);
        assert_eq!(
            all.iter().map(|l| (l.index, l.layer.as_str())).collect::<Vec<_>>(),
            [(0, "conv2d"), (2, "dense")]
        );
        assert_eq!((all[0].weights, all[0].gradient, all[0].ratio()), (2.0, 5.0, 2.5));
        assert_eq!(all[1].ratio(), 0.0);
        let broken = layer_gradients(&model, &weights, &[f32::NAN; 7]);
        assert!(broken[0].ratio().is_nan());
        assert_eq!(layer_gradients(&model, &weights, &[1.0; 7])[1].ratio(), f64::INFINITY);
    }
}

//! Initial weights: a function of the seed alone, the same on every machine.

use crate::model::Model;
use cnn_tensor::random::{Purpose, stream};

impl Model {
    /// The parameters before the first step, one arena of [`Model::param_count`] floats.
    ///
    /// Parameter `b` of layer `a` is drawn from the `ChaCha8` stream (seed, init, a, b), in row-major order, so a layer's
    /// weights do not depend on the layers around it other than by its position.
    pub fn initial_weights(&self, seed: u64) -> Vec<f32> {
        let mut weights = vec![0.0; self.param_count()];
        for (a, layer) in self.layers().iter().enumerate() {
            for (b, param) in layer.params.iter().enumerate() {
                let mut random = stream(seed, Purpose::Init, a as u64, b as u64);
                let weights = &mut weights[param.range.clone()];
                param.initializer.fill(&param.shape, &mut random, weights);
            }
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use crate::layers::{Conv2D, Dense, Flatten, LayerSpec};
    use crate::model::ModelSpec;

    fn model() -> crate::model::Model {
        let layers = [
            LayerSpec::Conv2D(Conv2D::new(64, 3)),
            LayerSpec::Flatten(Flatten),
            LayerSpec::Dense(Dense::new(10)),
        ];
        ModelSpec::new([28, 28, 1], layers).build().unwrap()
    }

    #[test]
    fn glorot_uniform_fills_its_interval_and_biases_are_zero() {
        let (model, layers) = (model(), model());
        let weights = model.initial_weights(42);
        assert_eq!(weights.len(), layers.param_count());
        let kernel = &weights[model.layers()[0].params[0].range.clone()];
        // keras-semantics: first course convolution, √(6/(9 + 576)) = 0.10127.
        let limit = (6.0_f32 / 585.0).sqrt();
        assert!((limit - 0.10127).abs() < 1e-5);
        assert!(kernel.iter().all(|w| w.abs() <= limit));
        let largest = kernel.iter().fold(0.0_f32, |max, w| max.max(w.abs()));
        assert!(largest > 0.98 * limit);
        let dense = &weights[model.layers()[2].params[0].range.clone()];
        let (n, mean) = (
            dense.len() as f64,
            dense.iter().map(|&w| f64::from(w)).sum::<f64>() / dense.len() as f64,
        );
        let variance = dense.iter().map(|&w| (f64::from(w) - mean).powi(2)).sum::<f64>() / n;
        // Uniform in ±l has variance l²/3 = 2/(fan_in + fan_out).
        let expected = 2.0 / (26.0 * 26.0 * 64.0 + 10.0);
        assert!((variance / expected - 1.0).abs() < 0.01, "{variance} {expected}");
        assert!(weights[model.layers()[2].params[1].range.clone()].iter().all(|&w| w == 0.0));
    }

    #[test]
    fn the_seed_decides() {
        let model = model();
        assert_eq!(model.initial_weights(1), model.initial_weights(1));
        assert_ne!(model.initial_weights(1), model.initial_weights(2));
    }

    /// Weights are fixed for ever: a change of a random number crate must not change what a seed means.
    /// The same numbers come from `ChaCha8` and (bits >> 9) in [1, 2) written down in Python.
    #[test]
    fn golden_values() {
        let weights = model().initial_weights(42);
        assert_eq!(weights[..4], [0.022_981_92, 0.004_933_402, 0.054_617_39, -0.070_656_68]);
        assert_eq!(
            weights[640..644],
            [0.008_180_349, -0.002_221_897_2, -0.011_293_015, -0.009_879_85]
        );
    }
}

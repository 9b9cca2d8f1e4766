//! y = γ[c] · (x − mean[c]) / √(variance[c] + ε) + β[c], mean and variance of each channel over all pixels of the batch; in inference
//! the moving ones, which follow those of the batches: moving = momentum · moving + (1 − momentum) · batch.
//!
//! **Shapes** any → the same; the last axis counts the channels.
//! **Parameters** gamma `[c]` and beta `[c]`; without `scale` or `center` none of them. `moving_mean` `[c]` and
//! `moving_variance` `[c]`, 0 and 1 at first, are not trained.
//! **Initialisers** `gamma_initializer` and `beta_initializer`, see [`crate::initializer`].
//! **Errors** a momentum outside 0 to 1, an epsilon that is not positive, an initializer of what there is not, an input without
//! axes.
//! **Source** Ioffe & Szegedy 2015; Keras `BatchNormalization`: ε = 0.001, momentum 0.99, and the variance of the batch itself for
//! the moving one. PyTorch's ε is 0.00001, its momentum is 1 − ours, and its moving variance is the unbiased estimate.
//!
//! The batch is the whole batch, on any number of threads: its parts are measured, and combined in their order.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 16]
//!
//! [[layers]]
//! type = "BatchNormalization"
//! momentum = 0.9        # follows faster: for short trainings
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!((model.param_count(), model.trainable_count()), (64, 32));
//! ```

use super::conv2d::{is_yes, yes, zeros};
use super::normalization::{check_epsilon, epsilon, gamma_and_beta, is_epsilon, ones};
use super::{Function, Spec, bad_key};
use crate::initializer::Initializer;
use crate::layer::{
    BatchStatistics, BuildError, Built, Facts, Layer, ParamSpec, Pass, Shard, Weights, Work,
};
use cnn_kernels::batch_norm::{self, Normal};
use cnn_kernels::{Isa, activation, reduce};
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `BatchNormalization` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchNormalization {
    /// How much of the moving statistics stays at each step, 0 to 1; default 0.99.
    #[serde(default = "momentum", skip_serializing_if = "is_momentum")]
    pub momentum: f32,
    /// Added to the variance; above 0, default 0.001.
    #[serde(default = "epsilon", skip_serializing_if = "is_epsilon")]
    pub epsilon: f32,
    /// Whether beta is added; default true.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub center: bool,
    /// Whether gamma is multiplied; default true.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub scale: bool,
    /// How gamma begins; default `"ones"`. With `"zeros"` in the last layer of a residual block the block begins as the identity.
    #[serde(default = "ones", skip_serializing_if = "Initializer::is_ones")]
    pub gamma_initializer: Initializer,
    /// How beta begins; default `"zeros"`.
    #[serde(default = "zeros", skip_serializing_if = "Initializer::is_zeros")]
    pub beta_initializer: Initializer,
}

impl Default for BatchNormalization {
    fn default() -> Self {
        Self {
            momentum: momentum(),
            epsilon: epsilon(),
            center: true,
            scale: true,
            gamma_initializer: Initializer::ONES,
            beta_initializer: Initializer::ZEROS,
        }
    }
}

/// Keras's momentum.
fn momentum() -> f32 {
    0.99
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_momentum(value: &f32) -> bool {
    value.to_bits() == momentum().to_bits()
}

impl Spec for BatchNormalization {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let Some(&channels) = input.dims().last() else {
            return Err(BuildError {
                key: None,
                code: "M032",
                message: "BatchNormalization needs an input with at least one axis".into(),
                hint: "input = [features]".into(),
            });
        };
        if !(0.0..=1.0).contains(&self.momentum) {
            let message = format!("momentum must be between 0 and 1, got {}", self.momentum);
            return Err(bad_key("momentum", "M037", message, "momentum = 0.99 is Keras's"));
        }
        check_epsilon(self.epsilon)?;
        let initializers = [self.gamma_initializer, self.beta_initializer];
        let mut params = gamma_and_beta(channels, [self.scale, self.center], initializers)?;
        for (name, start) in [("moving_mean", 0.0), ("moving_variance", 1.0)] {
            let param = ParamSpec::new(name, vec![channels], Initializer::Constant(start));
            params.push(ParamSpec { trainable: false, ..param });
        }
        let layer = BuiltBatchNormalization {
            channels,
            pixels: input.len() / channels.max(1),
            momentum: self.momentum,
            epsilon: self.epsilon,
            scale: self.scale,
            center: self.center,
            relu: false,
        };
        Ok(Built { layer: Box::new(layer), output: input.clone(), params, facts: Facts::default() })
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        let plain = Self::default();
        vec![
            (plain.clone(), vec![3, 2, 5]),
            (Self { epsilon: 0.1, center: false, ..plain.clone() }, vec![9]),
            (Self { scale: false, momentum: 0.5, ..plain.clone() }, vec![2, 2, 17]),
            (Self { scale: false, center: false, ..plain.clone() }, vec![2, 3, 33]),
            (
                Self {
                    gamma_initializer: Initializer::Uniform { low: 0.5, high: 1.5 },
                    beta_initializer: Initializer::Constant(0.1),
                    ..plain
                },
                vec![2, 2, 4],
            ),
        ]
    }
}

#[derive(Clone, Debug)]
struct BuiltBatchNormalization {
    channels: usize,
    /// Pixels of a sample.
    pixels: usize,
    momentum: f32,
    epsilon: f32,
    scale: bool,
    center: bool,
    /// Whether a relu follows: the two are one step then.
    relu: bool,
}

/// A layer's parameters by name; gamma or beta is empty where there is none.
struct Parameters<'a> {
    gamma: &'a [f32],
    beta: &'a [f32],
    mean: &'a [f32],
    variance: &'a [f32],
}

impl BuiltBatchNormalization {
    /// Floats of gamma and of beta.
    fn sizes(&self) -> [usize; 2] {
        [self.scale, self.center].map(|there| if there { self.channels } else { 0 })
    }

    fn parameters<'a>(&self, params: &'a [f32]) -> Parameters<'a> {
        let [scale, center] = self.sizes();
        let (gamma, rest) = params.split_at(scale);
        let (beta, rest) = rest.split_at(center);
        let (mean, variance) = rest.split_at(self.channels);
        Parameters { gamma, beta, mean, variance }
    }

    fn samples(&self, x: &[f32]) -> usize {
        x.len() / (self.pixels * self.channels)
    }

    /// 1/√(variance + ε).
    fn invert(&self, variance: &[f32], inverse: &mut [f32]) {
        for (inverse, variance) in inverse.iter_mut().zip(variance) {
            *inverse = 1.0 / (variance + self.epsilon).sqrt();
        }
    }

    /// With the statistics of a batch: means, variances and 1/√(variance + ε).
    fn normal<'a>(&self, params: &'a [f32], whole: &'a [f32]) -> Normal<'a> {
        let (c, params) = (self.channels, self.parameters(params));
        let (mean, inverse) = (&whole[..c], &whole[2 * c..]);
        Normal { mean, inverse, gamma: params.gamma, beta: params.beta }
    }

    /// The moving statistics in the form of a batch's.
    fn moving(&self, params: &[f32], whole: &mut [f32]) {
        let (c, params) = (self.channels, self.parameters(params));
        whole[..c].copy_from_slice(params.mean);
        whole[c..2 * c].copy_from_slice(params.variance);
        self.invert(params.variance, &mut whole[2 * c..3 * c]);
    }

    /// The statistics of a shard that is a batch of its own. `scratch` has room for a part and the whole.
    fn own<'a>(
        &self,
        isa: Isa,
        x: &[f32],
        scratch: &'a mut [f32],
    ) -> (&'a mut [f32], &'a mut [f32]) {
        let (part, whole) = scratch.split_at_mut(self.part_len());
        let whole = &mut whole[..self.whole_len()];
        self.measure(isa, x, part);
        self.combine(&[(self.samples(x), part)], whole);
        (part, whole)
    }
}

impl Layer for BuiltBatchNormalization {
    fn work(&self) -> crate::layer::WorkSize {
        crate::layer::WorkSize { saved: 0, scratch: self.part_len() + self.whole_len() }
    }

    fn forward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        x: &[f32],
        y: &mut [f32],
        work: Work<'_>,
        pass: Pass,
    ) {
        let whole = match pass {
            Pass::Infer => {
                self.moving(weights.params, work.scratch);
                &work.scratch[..self.whole_len()]
            }
            Pass::Train { .. } => self.own(isa, x, work.scratch).1,
        };
        batch_norm::forward(isa, self.normal(weights.params, whole), self.relu, x, y);
    }

    fn backward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        shard: Shard<'_>,
        work: Work<'_>,
        dx: Option<&mut [f32]>,
        dw: Option<&mut [f32]>,
        pass: Pass,
    ) {
        let fixed = pass == Pass::Infer;
        let (part, whole) = if fixed {
            let (part, whole) = work.scratch.split_at_mut(self.part_len());
            self.moving(weights.params, whole);
            (part, &mut whole[..self.whole_len()])
        } else {
            self.own(isa, shard.x, work.scratch)
        };
        let mut unwanted = [];
        let dw = dw.unwrap_or(&mut unwanted);
        let Shard { x, y, dy } = shard;
        self.measure_gradient(isa, whole, Shard { x, y, dy: &mut *dy }, part, dw);
        if fixed {
            // The moving statistics do not depend on the input: only the factor is left.
            part.fill(0.0);
        }
        if let Some(dx) = dx {
            let of_batch = (&*whole, &*part, self.samples(x));
            BatchStatistics::backward(self, isa, weights.params, of_batch, x, dy, dx);
        }
    }

    fn fuse(&self, next: &dyn Layer) -> Option<Box<dyn Layer>> {
        let relu = !self.relu && next.as_function() == Some(Function::Relu);
        relu.then(|| Box::new(Self { relu, ..self.clone() }) as Box<dyn Layer>)
    }

    fn batch_statistics(&self) -> Option<&dyn BatchStatistics> {
        Some(self)
    }
}

/// A part is two numbers for each channel: mean and squared deviations, then the sums that are also the gradients of gamma and
/// beta.
impl BatchStatistics for BuiltBatchNormalization {
    fn part_len(&self) -> usize {
        2 * self.channels
    }

    fn whole_len(&self) -> usize {
        3 * self.channels
    }

    fn measure(&self, isa: Isa, x: &[f32], part: &mut [f32]) {
        let (mean, squares) = part.split_at_mut(self.channels);
        batch_norm::measure(isa, x, mean, squares);
    }

    fn combine(&self, parts: &[(usize, &[f32])], whole: &mut [f32]) {
        let c = self.channels;
        let parts =
            parts.iter().map(|(samples, part)| (samples * self.pixels, &part[..c], &part[c..]));
        let (mean, rest) = whole.split_at_mut(c);
        let (variance, inverse) = rest.split_at_mut(c);
        batch_norm::combine(&parts, mean, variance);
        self.invert(variance, inverse);
    }

    fn forward(&self, isa: Isa, params: &[f32], whole: &[f32], x: &[f32], y: &mut [f32]) {
        batch_norm::forward(isa, self.normal(params, whole), self.relu, x, y);
    }

    fn measure_gradient(
        &self,
        isa: Isa,
        whole: &[f32],
        Shard { x, y, dy }: Shard<'_>,
        part: &mut [f32],
        dw: &mut [f32],
    ) {
        if self.relu {
            activation::relu_backward(isa, y, dy);
        }
        let (c, [scale, center]) = (self.channels, self.sizes());
        let (mean, inverse) = (&whole[..c], &whole[2 * c..]);
        let normal = Normal { mean, inverse, gamma: &[], beta: &[] };
        let (dgamma, dbeta) = part.split_at_mut(c);
        batch_norm::backward_parameters(isa, normal, x, dy, dgamma, dbeta);
        if !dw.is_empty() {
            reduce::add_assign(isa, &mut dw[..scale], &dgamma[..scale]);
            reduce::add_assign(isa, &mut dw[scale..scale + center], &dbeta[..center]);
        }
    }

    fn backward(
        &self,
        isa: Isa,
        params: &[f32],
        (whole, sums, samples): (&[f32], &[f32], usize),
        x: &[f32],
        dy: &[f32],
        dx: &mut [f32],
    ) {
        let (dgamma, dbeta) = sums.split_at(self.channels);
        let normal = self.normal(params, whole);
        let pixels = samples * self.pixels;
        batch_norm::backward(isa, normal, pixels, [dgamma, dbeta], x, dy, dx);
    }

    fn follow(&self, whole: &[f32], params: &mut [f32]) {
        let [scale, center] = self.sizes();
        let moving = params[scale + center..].iter_mut();
        for (moving, batch) in moving.zip(&whole[..2 * self.channels]) {
            *moving = *moving * self.momentum + batch * (1.0 - self.momentum);
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    /// Two samples of two channels: (3, 1) and (7, 1).
    #[test]
    fn a_batch_of_two_becomes_minus_one_and_one_and_the_moving_statistics_follow() {
        let spec =
            BatchNormalization { epsilon: 1e-12, momentum: 0.75, ..BatchNormalization::default() };
        let built = spec.build(&Shape::new(vec![2])).unwrap();
        let layer = built.layer.batch_statistics().unwrap();
        let mut params = [2.0, 2.0, 0.5, 0.5, 8.0, 1.0, 4.0, 1.0];
        let (mut part, mut whole) = ([0.0; 4], [0.0; 6]);
        layer.measure(Isa::best(), &[3.0, 1.0, 7.0, 1.0], &mut part);
        assert_eq!(part, [5.0, 1.0, 8.0, 0.0]);
        layer.combine(&[(2, &part)], &mut whole);
        let mut y = [9.0; 4];
        layer.forward(Isa::best(), &params, &whole, &[3.0, 1.0, 7.0, 1.0], &mut y);
        assert_eq!(y, [-1.5, 0.5, 2.5, 0.5]);
        layer.follow(&whole, &mut params);
        assert_eq!(params[4..], [7.25, 1.0, 4.0, 0.75]);
    }
}

//! y = γ[c] · (x − mean) / √(variance + ε) + β[c], mean and variance over the last axis: each pixel, or each sample of a flat input, on
//! its own.
//!
//! **Shapes** any → the same.
//! **Parameters** gamma `[c]` and beta `[c]`; without `scale` or `center` none of them.
//! **Initialisers** `gamma_initializer` and `beta_initializer`, see [`crate::initializer`].
//! **Errors** an epsilon that is not positive, an initializer of what there is not, an input without axes.
//! **Source** Ba, Kiros & Hinton 2016; Keras `LayerNormalization` with axis −1 and ε = 0.001 (PyTorch's ε is 0.00001).
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [128]
//!
//! [[layers]]
//! type = "LayerNormalization"
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.param_count(), 256);
//! ```

use super::Spec;
use super::conv2d::{is_yes, yes, zeros};
use super::normalization::{check_epsilon, epsilon, gamma_and_beta, is_epsilon, ones};
use crate::initializer::Initializer;
use crate::layer::{BuildError, Built, Facts, Layer, Pass, Shard, Weights, Work};
use cnn_kernels::Isa;
use cnn_kernels::normalize::{self, Groups};
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `LayerNormalization` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerNormalization {
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

impl Default for LayerNormalization {
    fn default() -> Self {
        Self {
            epsilon: epsilon(),
            center: true,
            scale: true,
            gamma_initializer: Initializer::ONES,
            beta_initializer: Initializer::ZEROS,
        }
    }
}

impl Spec for LayerNormalization {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let Some(&channels) = input.dims().last() else {
            return Err(BuildError {
                key: None,
                code: "M032",
                message: "LayerNormalization needs an input with at least one axis".into(),
                hint: "input = [features]".into(),
            });
        };
        let groups = Groups { pixels: 1, groups: 1, channels };
        let initializers = [self.gamma_initializer, self.beta_initializer];
        built(groups, self.epsilon, [self.scale, self.center], initializers, input)
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        let plain = Self::default();
        vec![
            (plain.clone(), vec![9]),
            (Self { epsilon: 0.1, center: false, ..plain.clone() }, vec![3, 2, 5]),
            (Self { scale: false, ..plain.clone() }, vec![2, 17]),
            (
                Self {
                    gamma_initializer: Initializer::ZEROS,
                    beta_initializer: Initializer::Normal(0.1),
                    ..plain
                },
                vec![6],
            ),
        ]
    }
}

/// The layer that normalises these groups. `[scale, center]` says which parameters it has, `initializers` how they
/// begin.
pub(super) fn built(
    groups: Groups,
    epsilon: f32,
    [scale, center]: [bool; 2],
    initializers: [Initializer; 2],
    input: &Shape,
) -> Result<Built, BuildError> {
    check_epsilon(epsilon)?;
    Ok(Built {
        layer: Box::new(Normalization { groups, epsilon, scale }),
        output: input.clone(),
        params: gamma_and_beta(groups.row(), [scale, center], initializers)?,
        facts: Facts { sees_all: groups.pixels > 1 || input.rank() == 1, ..Facts::default() },
    })
}

#[derive(Debug)]
struct Normalization {
    groups: Groups,
    epsilon: f32,
    scale: bool,
}

impl Normalization {
    /// Where gamma ends and beta begins.
    fn split(&self) -> usize {
        if self.scale { self.groups.row() } else { 0 }
    }
}

impl Layer for Normalization {
    fn forward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        x: &[f32],
        y: &mut [f32],
        _: Work<'_>,
        _: Pass,
    ) {
        let (gamma, beta) = weights.params.split_at(self.split());
        normalize::forward(isa, &self.groups, self.epsilon, gamma, beta, x, y);
    }

    fn backward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        shard: Shard<'_>,
        _: Work<'_>,
        dx: Option<&mut [f32]>,
        dw: Option<&mut [f32]>,
        _: Pass,
    ) {
        let (groups, epsilon) = (&self.groups, self.epsilon);
        if let Some(dw) = dw {
            let (dgamma, dbeta) = dw.split_at_mut(self.split());
            normalize::backward_parameters(isa, groups, epsilon, shard.x, shard.dy, dgamma, dbeta);
        }
        if let Some(dx) = dx {
            let gamma = &weights.params[..self.split()];
            normalize::backward(isa, groups, epsilon, gamma, shard.x, shard.dy, dx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_numbers_become_minus_one_and_one() {
        let spec = LayerNormalization { epsilon: 1e-12, ..LayerNormalization::default() };
        let built = spec.build(&Shape::new(vec![2])).unwrap();
        let (x, mut y) = ([3.0, 7.0], [9.0; 2]);
        let weights = Weights { params: &[2.0, 2.0, 0.0, 0.5], packed: &[] };
        let work = Work { saved: &mut [], scratch: &mut [] };
        built.layer.forward(Isa::best(), weights, &x, &mut y, work, Pass::Infer);
        assert!((y[0] + 2.0).abs() < 1e-5 && (y[1] - 2.5).abs() < 1e-5, "{y:?}");
    }
}

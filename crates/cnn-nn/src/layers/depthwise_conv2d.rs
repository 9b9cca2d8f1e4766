//! y[i, j, c·m + q] = g(b[c·m + q] + Σ over (u, v) of x[i·s + u·d − p, j·s + v·d − p, c] · k[u, v, c, q]), q < m: each channel is
//! convolved by itself, with m = `depth_multiplier` kernels.
//!
//! **Shapes** `[h, w, c]` → `[O(h), O(w), c·m]` with O(i) = floor((i − (d·(f − 1) + 1) + 2p)/s) + 1.
//! **Parameters** kernel `[kh, kw, c, m]` and bias `[c·m]`: (kh·kw + 1)·c·m numbers.
//! **Initialisers** `depthwise_initializer` and `bias_initializer`, see [`crate::initializer`].
//! **Regularisers** `depthwise_regularizer`, `bias_regularizer` and, of the output, `activity_regularizer`, see
//! [`crate::regularizer`].
//! **Constraint** `depthwise_constraint`, of each channel's window, see [`crate::constraint`].
//! **Errors** a multiplier, kernel, stride or dilation of 0, strides and a dilation together, a kernel larger than the padded
//! input, a negative factor of a regulariser.
//! **Source** Keras `DepthwiseConv2D`; Howard et al. 2017 ("Mobilenets"). On TensorFlow Keras refuses strides that differ; here they may.
//! PyTorch's `Conv2d` with `groups` = channels has the same outputs in the same order, its kernel as `[c·m, 1, kh, kw]`,
//! and begins uniform within 1/√(kh·kw), the bias too.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [14, 14, 32]
//!
//! [[layers]]
//! type = "DepthwiseConv2D"
//! kernel_size = 3
//! padding = "same"
//! activation = "relu6"
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.output().dims(), [14, 14, 32]);
//! # assert_eq!(model.param_count(), 320);
//! ```

use super::conv2d::{
    BuiltConv2D, glorot_uniform, is_one, is_single, is_yes, one, single, valid, yes, zeros,
};
use super::{Function, Pair, Spec, bad_key, bias, image_shape, kernel};
use crate::constraint::Constraint;
use crate::initializer::Initializer;
use crate::layer::{BuildError, Built, ParamSpec};
use crate::regularizer::Regularizer;
use crate::window::dilated_windows;
use cnn_kernels::conv::ConvGeometry;
use cnn_tensor::{Padding, Shape, Window, conv_geometry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `DepthwiseConv2D` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DepthwiseConv2D {
    /// Window, in pixels.
    pub kernel_size: Pair,
    /// Step between windows, in pixels; default 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub strides: Pair,
    /// `"valid"` (default), `"same"`, or pixels on each side.
    #[serde(default = "valid")]
    pub padding: Padding,
    /// Outputs for each channel; 1 or more, default 1.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub depth_multiplier: usize,
    /// Step between the taps of a window, in pixels; default 1. Not together with strides.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub dilation_rate: Pair,
    /// Applied to the output; default `"linear"`.
    #[serde(default, skip_serializing_if = "Function::is_linear")]
    pub activation: Function,
    /// Whether a bias is added; default true.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub use_bias: bool,
    /// How the kernel begins; default `"glorot_uniform"`.
    #[serde(default = "glorot_uniform", skip_serializing_if = "Initializer::is_glorot_uniform")]
    pub depthwise_initializer: Initializer,
    /// How the bias begins; default `"zeros"`.
    #[serde(default = "zeros", skip_serializing_if = "Initializer::is_zeros")]
    pub bias_initializer: Initializer,
    /// Penalty on the kernel, such as `{ l2 = 1e-4 }`; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depthwise_regularizer: Option<Regularizer>,
    /// Penalty on the bias; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias_regularizer: Option<Regularizer>,
    /// Penalty on the output, divided by the samples of the batch; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_regularizer: Option<Regularizer>,
    /// What the kernel is made to satisfy after every update, such as `{ max_norm = 2.0 }`; default nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depthwise_constraint: Option<Constraint>,
}

impl DepthwiseConv2D {
    /// A depthwise convolution with Keras's defaults: one output for each channel, stride 1, no padding, no activation, with bias.
    pub fn new(kernel_size: impl Into<Pair>) -> Self {
        Self {
            kernel_size: kernel_size.into(),
            strides: one(),
            padding: Padding::Valid,
            depth_multiplier: 1,
            dilation_rate: one(),
            activation: Function::Linear,
            use_bias: true,
            depthwise_initializer: Initializer::GLOROT_UNIFORM,
            bias_initializer: Initializer::ZEROS,
            depthwise_regularizer: None,
            bias_regularizer: None,
            activity_regularizer: None,
            depthwise_constraint: None,
        }
    }
}

/// A convolution of each of `c` channels apart, with `multiplier` filters each.
pub(super) fn depthwise(
    windows: [Window; 2],
    c: usize,
    multiplier: usize,
) -> Result<ConvGeometry, BuildError> {
    let f = c.checked_mul(multiplier).filter(|_| multiplier > 0 && c > 0).ok_or_else(|| {
        bad_key(
            "depth_multiplier",
            "M037",
            format!("depth_multiplier must be 1 or more, and fit {c} channels, got {multiplier}"),
            "depth_multiplier = 1 is usual",
        )
    })?;
    Ok(ConvGeometry { groups: c, ..conv_geometry(windows, c, f) })
}

/// A kernel `[kh, kw, c, m]`, whose last two axes count the outputs.
pub(super) fn depthwise_kernel(
    name: &'static str,
    shape: Vec<usize>,
    initializer: Initializer,
    regularizer: Option<Regularizer>,
    constraint: Option<Constraint>,
) -> Result<ParamSpec, BuildError> {
    let keys = ["depthwise_initializer", "depthwise_regularizer", "depthwise_constraint"];
    let kernel = kernel(name, keys, shape, initializer, regularizer, constraint)?;
    Ok(ParamSpec { output_axes: 2, ..kernel })
}

impl Spec for DepthwiseConv2D {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let [h, w, c] = image_shape("DepthwiseConv2D", input)?;
        let (activation, after) = self.activation.apart();
        let (size, strides, dilation) = (self.kernel_size, self.strides, self.dilation_rate);
        let windows =
            dilated_windows("kernel_size", [h, w], size, strides, dilation, self.padding)?;
        let geometry = depthwise(windows, c, self.depth_multiplier)?;
        let kernel = depthwise_kernel(
            "kernel",
            vec![size.h, size.w, c, self.depth_multiplier],
            self.depthwise_initializer,
            self.depthwise_regularizer,
            self.depthwise_constraint,
        )?;
        let mut params = vec![kernel];
        let regularizer = self.bias_regularizer;
        params.extend(bias(geometry.f, self.use_bias, self.bias_initializer, regularizer)?);
        BuiltConv2D { geometry, activation }.with(params, windows).followed_by(
            after,
            self.activity_regularizer,
            input,
        )
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![
            (
                Self { activation: Function::Relu, padding: Padding::Same, ..Self::new(3) },
                vec![5, 4, 17],
            ),
            (
                Self {
                    strides: [2, 1].into(),
                    depth_multiplier: 2,
                    activation: Function::Tanh,
                    use_bias: false,
                    ..Self::new([3, 2])
                },
                vec![7, 5, 3],
            ),
            (
                Self {
                    dilation_rate: [1, 2].into(),
                    padding: Padding::Explicit(1),
                    depthwise_initializer: Initializer::Normal(0.3),
                    bias_initializer: Initializer::Constant(0.1),
                    depthwise_regularizer: Some(Regularizer::l2(3e-3)),
                    bias_regularizer: Some(Regularizer::l1(1e-2)),
                    activity_regularizer: Some(Regularizer { l1: 1e-3, l2: 1e-2 }),
                    depthwise_constraint: Some(Constraint::MaxNorm(1.5)),
                    ..Self::new(3)
                },
                vec![4, 6, 2],
            ),
            (Self { activation: Function::Softmax, ..Self::new(1) }, vec![3, 2, 4]),
            (Self::new(2), vec![3, 3, 1]),
        ]
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;
    use crate::layer::{Pass, Weights, Work};
    use cnn_kernels::Isa;

    #[test]
    fn two_channels_by_hand() {
        let spec = DepthwiseConv2D { depth_multiplier: 2, ..DepthwiseConv2D::new([1, 2]) };
        let built = spec.build(&Shape::new(vec![1, 2, 2])).unwrap();
        assert_eq!(built.output.dims(), [1, 1, 4]);
        assert_eq!(built.facts.macs, 8);
        // Two pixels of two channels; the kernel [1, 2, 2, 2], then the bias.
        let x = [1.0, 10.0, 2.0, 20.0];
        let params = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 0.5, 0.0, 0.0, -1.0];
        let (mut y, weights) = ([0.0; 4], Weights { params: &params, packed: &[] });
        let work = Work { saved: &mut [], scratch: &mut [] };
        built.layer.forward(Isa::best(), weights, &x, &mut y, work, Pass::Infer);
        assert_eq!(y, [11.5, 14.0, 170.0, 199.0]);
    }

    #[test]
    fn mistakes_name_their_key() {
        let bad = |spec: DepthwiseConv2D| {
            let error = spec.build(&Shape::new(vec![8, 8, 3])).unwrap_err();
            (error.key, error.code)
        };
        let good = || DepthwiseConv2D::new(3);
        let wrong = bad(DepthwiseConv2D { depth_multiplier: 0, ..good() });
        assert_eq!(wrong, (Some("depth_multiplier"), "M037"));
        let wrong = bad(DepthwiseConv2D { dilation_rate: 0.into(), ..good() });
        assert_eq!(wrong, (Some("dilation_rate"), "M033"));
        let both =
            DepthwiseConv2D { strides: [2, 1].into(), dilation_rate: [1, 2].into(), ..good() };
        assert_eq!(bad(both), (Some("dilation_rate"), "M033"));
        let wrong = bad(DepthwiseConv2D { dilation_rate: 4.into(), ..good() });
        assert_eq!(wrong, (Some("dilation_rate"), "M031"));
        let wrong =
            bad(DepthwiseConv2D { depthwise_regularizer: Some(Regularizer::l2(-1.0)), ..good() });
        assert_eq!(wrong.0, Some("depthwise_regularizer"));
        let constraint = Some(Constraint::MaxNorm(0.0));
        let wrong = bad(DepthwiseConv2D { depthwise_constraint: constraint, ..good() });
        assert_eq!(wrong, (Some("depthwise_constraint"), "M039"));
        let activity_regularizer = Some(Regularizer::l1(-1.0));
        let wrong = bad(DepthwiseConv2D { activity_regularizer, ..good() });
        assert_eq!(wrong.0, Some("activity_regularizer"));
    }
}

//! h = `DepthwiseConv2D`(x) without a bias, then y[i, j, f] = g(b[f] + Σ over c of h[i, j, c] · k[0, 0, c, f]): a convolution of
//! each channel by itself, then one of 1 × 1 over all of them.
//!
//! **Shapes** `[h, w, c]` → `[O(h), O(w), filters]` with O(i) = floor((i − (d·(f − 1) + 1) + 2p)/s) + 1.
//! **Parameters** depthwise kernel `[kh, kw, c, m]`, pointwise kernel `[1, 1, c·m, filters]` and bias `[filters]`:
//! kh·kw·c·m + (c·m + 1)·filters numbers, m = `depth_multiplier`.
//! **Initialisers** `depthwise_initializer`, `pointwise_initializer` and `bias_initializer`, see [`crate::initializer`].
//! **Regularisers** `depthwise_regularizer`, `pointwise_regularizer`, `bias_regularizer` and, of the output,
//! `activity_regularizer`, see [`crate::regularizer`].
//! **Constraints** `depthwise_constraint`, of each channel's window, and `pointwise_constraint`, see [`crate::constraint`].
//! **Errors** those of [`DepthwiseConv2D`](super::DepthwiseConv2D), and no filters.
//! **Source** Keras `SeparableConv2D`; Chollet 2016 (Xception). PyTorch has no such layer: two `Conv2d`.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [14, 14, 32]
//!
//! [[layers]]
//! type = "SeparableConv2D"
//! filters = 64
//! kernel_size = 3
//! activation = "relu"
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.output().dims(), [12, 12, 64]);
//! # assert_eq!(model.param_count(), 9 * 32 + 33 * 64);
//! ```

use super::conv2d::{
    glorot_uniform, is_one, is_single, is_yes, macs, one, single, valid, yes, zeros,
};
use super::depthwise_conv2d::{depthwise, depthwise_kernel};
use super::{Function, Pair, Spec, bad_key, bias, image_shape, kernel, rows};
use crate::constraint::Constraint;
use crate::initializer::Initializer;
use crate::layer::{
    BuildError, Built, Facts, Layer, Link, ParamSpec, Part, Pass, Shard, Weights, Work, WorkSize,
};
use crate::regularizer::Regularizer;
use crate::window::dilated_windows;
use cnn_kernels::Isa;
use cnn_kernels::conv::{self, ConvGeometry};
use cnn_tensor::{Padding, Shape};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `SeparableConv2D` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeparableConv2D {
    /// Output channels; 1 or more.
    pub filters: usize,
    /// Window, in pixels.
    pub kernel_size: Pair,
    /// Step between windows, in pixels; default 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub strides: Pair,
    /// `"valid"` (default), `"same"`, or pixels on each side.
    #[serde(default = "valid")]
    pub padding: Padding,
    /// Step between the taps of a window, in pixels; default 1. Not together with strides.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub dilation_rate: Pair,
    /// Numbers that the depthwise convolution makes of each channel; 1 or more, default 1.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub depth_multiplier: usize,
    /// Applied to the output; default `"linear"`.
    #[serde(default, skip_serializing_if = "Function::is_linear")]
    pub activation: Function,
    /// Whether a bias is added; default true.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub use_bias: bool,
    /// How the depthwise kernel begins; default `"glorot_uniform"`.
    #[serde(default = "glorot_uniform", skip_serializing_if = "Initializer::is_glorot_uniform")]
    pub depthwise_initializer: Initializer,
    /// How the pointwise kernel begins; default `"glorot_uniform"`.
    #[serde(default = "glorot_uniform", skip_serializing_if = "Initializer::is_glorot_uniform")]
    pub pointwise_initializer: Initializer,
    /// How the bias begins; default `"zeros"`.
    #[serde(default = "zeros", skip_serializing_if = "Initializer::is_zeros")]
    pub bias_initializer: Initializer,
    /// Penalty on the depthwise kernel, such as `{ l2 = 1e-4 }`; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depthwise_regularizer: Option<Regularizer>,
    /// Penalty on the pointwise kernel; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointwise_regularizer: Option<Regularizer>,
    /// Penalty on the bias; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias_regularizer: Option<Regularizer>,
    /// Penalty on the output, divided by the samples of the batch; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_regularizer: Option<Regularizer>,
    /// What the depthwise kernel is made to satisfy after every update, such as `{ max_norm = 2.0 }`; default nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depthwise_constraint: Option<Constraint>,
    /// What the pointwise kernel is made to satisfy after every update, such as `{ max_norm = 2.0 }`; default nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointwise_constraint: Option<Constraint>,
}

impl SeparableConv2D {
    /// A separable convolution with Keras's defaults: stride 1, no padding, no activation, with bias.
    pub fn new(filters: usize, kernel_size: impl Into<Pair>) -> Self {
        Self {
            filters,
            kernel_size: kernel_size.into(),
            strides: one(),
            padding: Padding::Valid,
            dilation_rate: one(),
            depth_multiplier: 1,
            activation: Function::Linear,
            use_bias: true,
            depthwise_initializer: Initializer::GLOROT_UNIFORM,
            pointwise_initializer: Initializer::GLOROT_UNIFORM,
            bias_initializer: Initializer::ZEROS,
            depthwise_regularizer: None,
            pointwise_regularizer: None,
            bias_regularizer: None,
            activity_regularizer: None,
            depthwise_constraint: None,
            pointwise_constraint: None,
        }
    }

    /// The parameters, for `c` channels that become `between` and then [`Self::filters`].
    fn params(&self, c: usize, between: usize) -> Result<Vec<ParamSpec>, BuildError> {
        let size = self.kernel_size;
        let mut params = vec![
            depthwise_kernel(
                "depthwise_kernel",
                vec![size.h, size.w, c, self.depth_multiplier],
                self.depthwise_initializer,
                self.depthwise_regularizer,
                self.depthwise_constraint,
            )?,
            kernel(
                "pointwise_kernel",
                ["pointwise_initializer", "pointwise_regularizer", "pointwise_constraint"],
                vec![1, 1, between, self.filters],
                self.pointwise_initializer,
                self.pointwise_regularizer,
                self.pointwise_constraint,
            )?,
        ];
        let (initializer, regularizer) = (self.bias_initializer, self.bias_regularizer);
        params.extend(bias(self.filters, self.use_bias, initializer, regularizer)?);
        Ok(params)
    }
}

impl Spec for SeparableConv2D {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let [h, w, c] = image_shape("SeparableConv2D", input)?;
        if self.filters == 0 {
            return Err(bad_key(
                "filters",
                "M030",
                "SeparableConv2D needs at least one filter, got 0".into(),
                "filters = 32 is usual",
            ));
        }
        let (activation, after) = self.activation.apart();
        let (size, strides, dilation) = (self.kernel_size, self.strides, self.dilation_rate);
        let windows =
            dilated_windows("kernel_size", [h, w], size, strides, dilation, self.padding)?;
        let depth = depthwise(windows, c, self.depth_multiplier)?;
        let layer = BuiltSeparable { depth, point: pointwise(&depth, self.filters), activation };
        let macs = macs(&layer.depth).saturating_add(macs(&layer.point));
        let built = Built {
            output: Shape::new(vec![depth.oh, depth.ow, self.filters]),
            params: self.params(c, depth.f)?,
            layer: Box::new(layer),
            facts: Facts { windows: vec![windows], sees_all: false, macs },
        };
        built.followed_by(after, self.activity_regularizer, input)
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![
            (
                Self { activation: Function::Elu, padding: Padding::Same, ..Self::new(5, 3) },
                vec![5, 4, 3],
            ),
            (Self { activation: Function::Relu, ..Self::new(4, 2) }, vec![3, 2, 3]),
            (
                Self {
                    strides: 2.into(),
                    depth_multiplier: 2,
                    activation: Function::Tanh,
                    use_bias: false,
                    ..Self::new(4, [3, 2])
                },
                vec![7, 6, 2],
            ),
            (
                Self {
                    dilation_rate: 2.into(),
                    padding: Padding::Explicit(1),
                    depthwise_initializer: Initializer::Normal(0.3),
                    pointwise_initializer: Initializer::Orthogonal(1.0),
                    bias_initializer: Initializer::Constant(0.1),
                    depthwise_regularizer: Some(Regularizer::l2(3e-3)),
                    pointwise_regularizer: Some(Regularizer { l1: 1e-3, l2: 2e-3 }),
                    bias_regularizer: Some(Regularizer::l1(1e-2)),
                    activity_regularizer: Some(Regularizer { l1: 1e-3, l2: 1e-2 }),
                    depthwise_constraint: Some(Constraint::NonNeg),
                    pointwise_constraint: Some(Constraint::UnitNorm),
                    ..Self::new(3, 2)
                },
                vec![4, 5, 2],
            ),
            (Self { activation: Function::Softmax, ..Self::new(3, 2) }, vec![4, 3, 2]),
        ]
    }
}

/// The 1 × 1 convolution of what a depthwise one gives.
fn pointwise(depth: &ConvGeometry, filters: usize) -> ConvGeometry {
    ConvGeometry {
        h: depth.oh,
        w: depth.ow,
        c: depth.f,
        kh: 1,
        kw: 1,
        f: filters,
        groups: 1,
        stride_h: 1,
        stride_w: 1,
        dilation_h: 1,
        dilation_w: 1,
        pad_top: 0,
        pad_left: 0,
        oh: depth.oh,
        ow: depth.ow,
    }
}

/// Both convolutions, sample by sample: what the first one gives is used while it is hot, and computed again on the way back,
/// which costs a ninth or less of the second one's work.
#[derive(Clone, Debug)]
struct BuiltSeparable {
    depth: ConvGeometry,
    point: ConvGeometry,
    activation: Function,
}

impl BuiltSeparable {
    /// Depthwise kernel, pointwise kernel and bias, which is empty where there is none.
    fn split<'a>(&self, params: &'a [f32]) -> [&'a [f32]; 3] {
        let (depth, rest) = params.split_at(self.depth.kernel_len());
        let (point, bias) = rest.split_at(self.point.kernel_len());
        [depth, point, bias]
    }
}

impl Layer for BuiltSeparable {
    fn work(&self) -> WorkSize {
        WorkSize { saved: 0, scratch: 2 * self.depth.output_len() }
    }

    fn packed_len(&self) -> usize {
        conv::packed_len(&self.depth) + conv::packed_len(&self.point)
    }

    fn pack(&self, params: &[f32], packed: &mut [f32]) {
        let [depth, point, _] = self.split(params);
        let (to_depth, to_point) = packed.split_at_mut(conv::packed_len(&self.depth));
        conv::transpose_kernel(&self.depth, depth, to_depth);
        conv::transpose_kernel(&self.point, point, to_point);
    }

    fn forward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        x: &[f32],
        y: &mut [f32],
        work: Work<'_>,
        _: Pass,
    ) {
        let [depth, point, bias] = self.split(weights.params);
        let relu = self.activation == Function::Relu;
        let between = &mut work.scratch[..self.depth.output_len()];
        let samples = x.chunks_exact(self.depth.input_len());
        for (x, y) in samples.zip(y.chunks_exact_mut(self.point.output_len())) {
            conv::forward(isa, &self.depth, x, depth, &[], false, between);
            conv::forward(isa, &self.point, between, point, bias, relu, y);
        }
        if !relu {
            self.activation.forward(isa, self.point.f, y);
        }
    }

    fn backward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        shard: Shard<'_>,
        work: Work<'_>,
        dx: Option<&mut [f32]>,
        dw: Option<&mut [f32]>,
        _: Pass,
    ) {
        self.activation.backward(isa, self.point.f, &[], shard.y, shard.dy);
        let [depth, ..] = self.split(weights.params);
        let (packed_depth, packed_point) = weights.packed.split_at(conv::packed_len(&self.depth));
        let (between, rest) = work.scratch.split_at_mut(self.depth.output_len());
        let dbetween = &mut rest[..self.depth.output_len()];
        let (mut dx, mut dw) = (dx, dw);
        let samples = shard.x.chunks_exact(self.depth.input_len());
        for (i, (x, dz)) in samples.zip(shard.dy.chunks_exact(self.point.output_len())).enumerate()
        {
            conv::backward_input(isa, &self.point, packed_point, dz, dbetween);
            if let Some(dw) = dw.as_deref_mut() {
                let (ddepth, rest) = dw.split_at_mut(self.depth.kernel_len());
                let (dpoint, dbias) = rest.split_at_mut(self.point.kernel_len());
                conv::forward(isa, &self.depth, x, depth, &[], false, between);
                conv::backward_kernel(isa, &self.point, between, dz, dpoint, dbias);
                conv::backward_kernel(isa, &self.depth, x, dbetween, ddepth, &mut []);
            }
            if let Some(dx) = dx.as_deref_mut() {
                let dx = &mut dx[i * x.len()..][..x.len()];
                conv::backward_input(isa, &self.depth, packed_depth, dbetween, dx);
            }
        }
    }

    fn parts(&self, count: usize) -> Vec<Box<dyn Part>> {
        let g = &self.depth;
        rows::cut(count, g.oh, g.ow * self.point.f, |rows| {
            let (depth, x) = rows::of_convolution(g, &rows)?;
            let point = pointwise(&depth, self.point.f);
            Some((Self { depth, point, activation: self.activation }, x))
        })
    }

    fn without_link(&self, link: Link) -> Option<Box<dyn Layer>> {
        let linear = Self { activation: Function::Linear, ..self.clone() };
        (self.activation.link() == Some(link)).then(|| Box::new(linear) as Box<dyn Layer>)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn two_channels_by_hand() {
        let built = SeparableConv2D::new(1, [1, 2]).build(&Shape::new(vec![1, 3, 2])).unwrap();
        let x = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
        // Depthwise the difference of neighbours in one channel and their sum in the other; then 2 · the one + the other.
        let params = [-1.0, 1.0, 1.0, 1.0, 2.0, 1.0, 0.5];
        let (mut y, mut scratch) = ([0.0; 2], vec![f32::NAN; built.layer.work().scratch]);
        let weights = Weights { params: &params, packed: &[] };
        let work = Work { saved: &mut [], scratch: &mut scratch };
        built.layer.forward(Isa::best(), weights, &x, &mut y, work, Pass::Infer);
        assert_eq!(y, [32.5, 52.5]);
        assert_eq!(built.facts.macs, 2 * 2 * 2 + 2 * 2);
    }
}

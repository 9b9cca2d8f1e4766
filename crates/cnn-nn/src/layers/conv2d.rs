//! y[i, j, f] = g(b[f] + Σ over (u, v, c) of x[i·s + u·d − p, j·s + v·d − p, c] · k[u, v, c, f]), d the dilation; with `groups` = G
//! each G-th part of the filters sees only that G-th part of the channels.
//!
//! **Shapes** `[h, w, c]` → `[O(h), O(w), filters]` with O(i) = floor((i − (d·(f − 1) + 1) + 2p)/s) + 1.
//! **Parameters** kernel `[kh, kw, c/groups, filters]` and bias `[filters]`: (kh·kw·c/groups + 1)·filters numbers.
//! **Initialisers** `kernel_initializer` and `bias_initializer`, see [`crate::initializer`].
//! **Regularisers** `kernel_regularizer`, `bias_regularizer` and, of the output, `activity_regularizer` add l1·Σ|w| + l2·Σw² to the loss: `{ l2 = 1e-4 }`, `{ l1 = … }`,
//! both, or Keras's `"l1"`, `"l2"`, `"l1l2"` with factors of 0.01 (see [`crate::regularizer`]).
//! **Constraint** `kernel_constraint`: `{ max_norm = 2.0 }`, `"unit_norm"` or `"non_neg"` after every update, see [`crate::constraint`].
//! **Errors** no filters, a kernel, stride or dilation of 0, strides and a dilation together, a kernel larger than the padded input,
//! groups that do not divide filters and channels, a negative factor of a regulariser.
//! **Source** Keras `Conv2D` (cross-correlation: the kernel is not flipped). `same` pads unevenly: the odd pixel goes to the
//! bottom and the right. PyTorch's kernel and bias begin uniform within 1/√(fan in), where these are `"glorot_uniform"` and 0.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 1]
//!
//! [[layers]]
//! type = "Conv2D"
//! filters = 32
//! kernel_size = 3
//! activation = "relu"
//! kernel_regularizer = { l2 = 1e-4 }
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.output().dims(), [26, 26, 32]);
//! # assert_eq!(model.param_count(), 320);
//! ```

use super::conv_max_pool::ConvMaxPool;
use super::{Function, Pair, Spec, bad_key, image_shape, kernel_and_bias, rows};
use crate::constraint::Constraint;
use crate::initializer::Initializer;
use crate::layer::{
    BuildError, Built, Facts, Layer, Link, ParamSpec, Part, Pass, Shard, Weights, Work,
};
use crate::regularizer::Regularizer;
use crate::window::dilated_windows;
use cnn_kernels::Isa;
use cnn_kernels::conv::{self, ConvGeometry};
use cnn_tensor::{Padding, Shape, Window, conv_geometry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `Conv2D` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conv2D {
    /// Output channels; 1 or more.
    pub filters: usize,
    /// Window, in pixels.
    pub kernel_size: Pair,
    /// Step between windows, in pixels; default 1.
    #[serde(default = "one")]
    pub strides: Pair,
    /// `"valid"` (default), `"same"`, or pixels on each side.
    #[serde(default = "valid")]
    pub padding: Padding,
    /// Step between the taps of a window, in pixels; default 1. Not together with strides.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub dilation_rate: Pair,
    /// Parts of neighbouring channels that are convolved apart, each with its part of the filters; default 1.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub groups: usize,
    /// Applied to the output; default `"linear"`.
    #[serde(default, skip_serializing_if = "Function::is_linear")]
    pub activation: Function,
    /// Whether a bias is added; default true.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub use_bias: bool,
    /// How the kernel begins; default `"glorot_uniform"`, before relu often `"he_normal"`.
    #[serde(default = "glorot_uniform", skip_serializing_if = "Initializer::is_glorot_uniform")]
    pub kernel_initializer: Initializer,
    /// How the bias begins; default `"zeros"`.
    #[serde(default = "zeros", skip_serializing_if = "Initializer::is_zeros")]
    pub bias_initializer: Initializer,
    /// Penalty on the kernel, such as `{ l2 = 1e-4 }`; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_regularizer: Option<Regularizer>,
    /// Penalty on the bias; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias_regularizer: Option<Regularizer>,
    /// Penalty on the output, divided by the samples of the batch; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_regularizer: Option<Regularizer>,
    /// What the kernel is made to satisfy after every update, such as `{ max_norm = 2.0 }`; default nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_constraint: Option<Constraint>,
}

pub(super) fn one() -> Pair {
    1.into()
}

pub(super) fn is_one(pair: &Pair) -> bool {
    *pair == one()
}

pub(super) fn single() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
pub(super) fn is_single(count: &usize) -> bool {
    *count == 1
}

pub(super) fn valid() -> Padding {
    Padding::Valid
}

pub(super) fn glorot_uniform() -> Initializer {
    Initializer::GLOROT_UNIFORM
}

pub(super) fn zeros() -> Initializer {
    Initializer::ZEROS
}

pub(super) fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
pub(super) fn is_yes(value: &bool) -> bool {
    *value
}

impl Conv2D {
    /// A convolution with Keras's defaults: stride 1, no padding, no activation, with bias.
    pub fn new(filters: usize, kernel_size: impl Into<Pair>) -> Self {
        Self {
            filters,
            kernel_size: kernel_size.into(),
            strides: one(),
            padding: Padding::Valid,
            dilation_rate: one(),
            groups: 1,
            activation: Function::Linear,
            use_bias: true,
            kernel_initializer: Initializer::GLOROT_UNIFORM,
            bias_initializer: Initializer::ZEROS,
            kernel_regularizer: None,
            bias_regularizer: None,
            activity_regularizer: None,
            kernel_constraint: None,
        }
    }
}

/// Refuses groups that do not divide what they are to divide.
fn check_groups(groups: usize, channels: usize, filters: usize) -> Result<(), BuildError> {
    let wrong = if groups == 0 {
        "groups must be 1 or more, got 0".to_owned()
    } else if !filters.is_multiple_of(groups) {
        format!("groups must divide the filters, got groups = {groups} and filters = {filters}")
    } else if !channels.is_multiple_of(groups) {
        format!(
            "groups must divide the input's channels, got groups = {groups} and {channels} channels"
        )
    } else {
        return Ok(());
    };
    let most =
        (1..=channels).rev().find(|n| channels.is_multiple_of(*n) && filters.is_multiple_of(*n));
    let hint = match most {
        Some(most @ 2..) => {
            format!("groups = 1 is the usual convolution, groups = {most} the most here")
        }
        _ => "groups = 1 is the usual convolution, and the only one here".to_owned(),
    };
    Err(bad_key("groups", "M037", wrong, hint))
}

/// Multiply-accumulates of a convolution of one image.
pub(super) fn macs(g: &ConvGeometry) -> u64 {
    [g.kh, g.kw, g.group_channels(), g.f, g.oh, g.ow]
        .iter()
        .fold(1u64, |macs, &n| macs.saturating_mul(n as u64))
}

impl Spec for Conv2D {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let [h, w, c] = image_shape("Conv2D", input)?;
        if self.filters == 0 {
            return Err(bad_key(
                "filters",
                "M030",
                "Conv2D needs at least one filter, got 0".into(),
                "filters = 32 is usual",
            ));
        }
        check_groups(self.groups, c, self.filters)?;
        let (activation, after) = self.activation.apart();
        let (kernel, dilation) = (self.kernel_size, self.dilation_rate);
        let windows =
            dilated_windows("kernel_size", [h, w], kernel, self.strides, dilation, self.padding)?;
        let groups = self.groups;
        let geometry = ConvGeometry { groups, ..conv_geometry(windows, c, self.filters) };
        let params = kernel_and_bias(
            vec![kernel.h, kernel.w, c / groups, self.filters],
            [self.kernel_initializer, self.bias_initializer],
            self.use_bias,
            [self.kernel_regularizer, self.bias_regularizer],
            self.kernel_constraint,
        )?;
        BuiltConv2D { geometry, activation }.with(params, windows).followed_by(
            after,
            self.activity_regularizer,
            input,
        )
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        let conv = |filters, size: usize| Self::new(filters, size);
        vec![
            (Self { activation: Function::Relu, ..conv(4, 3) }, vec![7, 6, 1]),
            (
                Self {
                    activation: Function::Tanh,
                    strides: 2.into(),
                    padding: Padding::Same,
                    ..conv(5, 3)
                },
                vec![8, 7, 3],
            ),
            (
                Self { use_bias: false, strides: [1, 2].into(), ..Self::new(17, [5, 3]) },
                vec![9, 8, 2],
            ),
            (
                Self { padding: Padding::Explicit(2), activation: Function::Sigmoid, ..conv(3, 2) },
                vec![4, 5, 2],
            ),
            (Self { activation: Function::Softmax, ..conv(3, 1) }, vec![3, 3, 4]),
            (Self { dilation_rate: [2, 3].into(), ..conv(3, 3) }, vec![7, 9, 2]),
            (
                Self {
                    dilation_rate: 2.into(),
                    padding: Padding::Same,
                    activation: Function::Relu,
                    groups: 2,
                    ..conv(6, 3)
                },
                vec![4, 5, 4],
            ),
            (Self { groups: 3, strides: 2.into(), ..conv(9, 2) }, vec![5, 6, 3]),
            (Self { activation: Function::Gelu, ..conv(3, 2) }, vec![4, 3, 2]),
            (
                Self {
                    kernel_regularizer: Some(Regularizer { l1: 1e-3, l2: 2e-3 }),
                    activity_regularizer: Some(Regularizer { l1: 1e-3, l2: 1e-2 }),
                    bias_regularizer: Some(Regularizer::l2(0.05)),
                    kernel_initializer: Initializer::Orthogonal(1.0),
                    bias_initializer: Initializer::Constant(0.1),
                    ..conv(6, 3)
                },
                vec![5, 4, 2],
            ),
        ]
    }
}

/// A convolution whose shapes are settled.
#[derive(Clone, Debug)]
pub(super) struct BuiltConv2D {
    pub(super) geometry: ConvGeometry,
    pub(super) activation: Function,
}

impl BuiltConv2D {
    /// The layer, with what is known about it.
    pub(super) fn with(self, params: Vec<ParamSpec>, windows: [Window; 2]) -> Built {
        let g = self.geometry;
        Built {
            layer: Box::new(self),
            output: Shape::new(vec![g.oh, g.ow, g.f]),
            params,
            facts: Facts { windows: vec![windows], sees_all: false, macs: macs(&g) },
        }
    }

    /// Kernel and bias; the bias is empty where there is none.
    pub(super) fn split<'a>(&self, params: &'a [f32]) -> (&'a [f32], &'a [f32]) {
        params.split_at(self.geometry.kernel_len())
    }

    /// dx and the parameters' gradient from dz, the gradient before the activation.
    pub(super) fn backward_linear(
        &self,
        isa: Isa,
        packed: &[f32],
        x: &[f32],
        dz: &[f32],
        dx: Option<&mut [f32]>,
        dw: Option<&mut [f32]>,
    ) {
        if let Some(dw) = dw {
            let (dkernel, dbias) = dw.split_at_mut(self.geometry.kernel_len());
            conv::backward_kernel(isa, &self.geometry, x, dz, dkernel, dbias);
        }
        if let Some(dx) = dx {
            conv::backward_input(isa, &self.geometry, packed, dz, dx);
        }
    }
}

impl Layer for BuiltConv2D {
    fn packed_len(&self) -> usize {
        conv::packed_len(&self.geometry)
    }

    fn pack(&self, params: &[f32], packed: &mut [f32]) {
        conv::transpose_kernel(&self.geometry, self.split(params).0, packed);
    }

    fn forward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        x: &[f32],
        y: &mut [f32],
        _: Work<'_>,
        _: Pass,
    ) {
        let (kernel, bias) = self.split(weights.params);
        let relu = self.activation == Function::Relu;
        conv::forward(isa, &self.geometry, x, kernel, bias, relu, y);
        if !relu {
            self.activation.forward(isa, self.geometry.f, y);
        }
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
        self.activation.backward(isa, self.geometry.f, &[], shard.y, shard.dy);
        self.backward_linear(isa, weights.packed, shard.x, shard.dy, dx, dw);
    }

    fn parts(&self, count: usize) -> Vec<Box<dyn Part>> {
        let g = &self.geometry;
        rows::cut(count, g.oh, g.ow * g.f, |rows| {
            let (geometry, x) = rows::of_convolution(g, &rows)?;
            Some((Self { geometry, ..self.clone() }, x))
        })
    }

    fn fuse(&self, next: &dyn Layer) -> Option<Box<dyn Layer>> {
        let fused = ConvMaxPool::new(self, next.as_max_pool()?)?;
        Some(Box::new(fused))
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
    fn a_vertical_edge_by_hand() {
        let built = Conv2D::new(1, [1, 2]).build(&Shape::new(vec![1, 4, 1])).unwrap();
        let (x, mut y) = ([0.0, 0.0, 9.0, 9.0], [0.0; 3]);
        let weights = Weights { params: &[-1.0, 1.0, 0.5], packed: &[] };
        built.layer.forward(
            Isa::best(),
            weights,
            &x,
            &mut y,
            Work { saved: &mut [], scratch: &mut [] },
            Pass::Infer,
        );
        assert_eq!(y, [0.5, 9.5, 0.5]);
    }
}

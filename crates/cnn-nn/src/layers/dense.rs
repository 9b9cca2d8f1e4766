//! y = g(x·K + b) on the last axis.
//!
//! **Shapes** `[…, n]` → `[…, units]`: an image keeps its height and width, as in Keras; put a `Flatten` before the layer to
//! look at all of it at once.
//! **Parameters** kernel `[n, units]` and bias `[units]`: (n + 1)·units numbers.
//! **Initialisers** `kernel_initializer` and `bias_initializer`, see [`crate::initializer`].
//! **Regularisers** `kernel_regularizer`, `bias_regularizer` and, of the output, `activity_regularizer` add l1·Σ|w| + l2·Σw² to the loss: `{ l2 = 1e-4 }`, `{ l1 = … }`,
//! both, or Keras's `"l1"`, `"l2"`, `"l1l2"` with factors of 0.01 (see [`crate::regularizer`]).
//! **Constraint** `kernel_constraint`: `{ max_norm = 2.0 }`, `"unit_norm"` or `"non_neg"` after every update, see [`crate::constraint`].
//! **Errors** no units, a negative factor of a regulariser.
//! **Source** Keras `Dense`. In PyTorch's `Linear` kernel and bias begin uniform within 1/√n, where these are
//! `"glorot_uniform"` and 0.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [800]
//!
//! [[layers]]
//! type = "Dense"
//! units = 128
//! activation = "relu"
//! kernel_regularizer = { l2 = 1e-4 }
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.param_count(), 102_528);
//! ```

use super::conv2d::{glorot_uniform, is_yes, yes, zeros};
use super::{Function, Spec, bad_key, kernel_and_bias};
use crate::constraint::Constraint;
use crate::initializer::Initializer;
use crate::layer::{
    BuildError, Built, COLUMNS, Facts, Layer, Link, Part, Pass, Shard, Weights, WholeBatch, Work,
};
use crate::regularizer::Regularizer;
use cnn_kernels::{Isa, dense};
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The `Dense` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Outputs; 1 or more.
    pub units: usize,
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

impl Dense {
    /// A dense layer with Keras's defaults: no activation, with bias.
    pub fn new(units: usize) -> Self {
        Self {
            units,
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

impl Spec for Dense {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        if self.units == 0 {
            return Err(bad_key(
                "units",
                "M030",
                "Dense needs at least one unit, got 0".into(),
                "one unit per class: units = 10",
            ));
        }
        let mut dims = input.dims().to_vec();
        let Some(last) = dims.last_mut() else {
            return Err(BuildError {
                key: None,
                code: "M032",
                message: "Dense needs an input with at least one axis".into(),
                hint: "input = [features]".into(),
            });
        };
        let (n_in, n_out) = (std::mem::replace(last, self.units), self.units);
        let rows = input.len().checked_div(n_in).unwrap_or(0);
        let (activation, after) = self.activation.apart();
        let params = kernel_and_bias(
            vec![n_in, n_out],
            [self.kernel_initializer, self.bias_initializer],
            self.use_bias,
            [self.kernel_regularizer, self.bias_regularizer],
            self.kernel_constraint,
        )?;
        let built = Built {
            layer: Box::new(BuiltDense { rows, n_in, n_out, activation }),
            output: Shape::new(dims),
            params,
            facts: Facts {
                windows: Vec::new(),
                sees_all: input.rank() == 1,
                macs: (input.len() as u64).saturating_mul(n_out as u64),
            },
        };
        built.followed_by(after, self.activity_regularizer, input)
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![
            (Self { activation: Function::Relu, ..Self::new(5) }, vec![7]),
            (Self { use_bias: false, ..Self::new(17) }, vec![33]),
            (Self { activation: Function::Softmax, ..Self::new(10) }, vec![4]),
            (Self { activation: Function::Tanh, ..Self::new(3) }, vec![2, 3, 4]),
            (Self { activation: Function::Mish, ..Self::new(6) }, vec![5]),
            (
                Self {
                    kernel_regularizer: Some(Regularizer::l2(3e-3)),
                    kernel_initializer: Initializer::Normal(0.3),
                    activity_regularizer: Some(Regularizer { l1: 1e-3, l2: 1e-2 }),
                    bias_regularizer: Some(Regularizer::l1(1e-2)),
                    kernel_constraint: Some(Constraint::MaxNorm(1.5)),
                    ..Self::new(7)
                },
                vec![9],
            ),
        ]
    }
}

#[derive(Clone, Debug)]
struct BuiltDense {
    /// Rows of a sample: 1 unless it has more than one axis.
    rows: usize,
    n_in: usize,
    n_out: usize,
    activation: Function,
}

impl BuiltDense {
    fn kernel_len(&self) -> usize {
        self.n_in * self.n_out
    }
}

impl Layer for BuiltDense {
    fn forward(
        &self,
        isa: Isa,
        weights: Weights<'_>,
        x: &[f32],
        y: &mut [f32],
        _: Work<'_>,
        _: Pass,
    ) {
        let (kernel, bias) = weights.params.split_at(self.kernel_len());
        dense::forward(isa, self.n_in, self.n_out, x, kernel, bias, y);
        self.activate(isa, y);
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
        self.backward_activation(isa, shard.y, shard.dy);
        if let Some(dx) = dx {
            let kernel = &weights.params[..self.kernel_len()];
            dense::backward_input(isa, self.n_in, self.n_out, kernel, shard.dy, dx);
        }
        if let Some(dw) = dw {
            self.gradient(isa, &[(shard.x, shard.dy)], 0..dw.len(), dw);
        }
    }

    /// Some of the outputs. A sample of several rows, or an activation that looks at all outputs, is not cut.
    fn parts(&self, count: usize) -> Vec<Box<dyn Part>> {
        if self.rows != 1 || self.activation == Function::Softmax {
            return Vec::new();
        }
        let groups = self.n_out.div_ceil(COLUMNS);
        let count = count.min(groups);
        let at = |i: usize| (i * groups / count * COLUMNS).min(self.n_out);
        let part = |i| Outputs { layer: self.clone(), columns: at(i)..at(i + 1) };
        (0..count).map(|i| Box::new(part(i)) as Box<dyn Part>).collect()
    }

    fn whole_batch(&self) -> Option<&dyn WholeBatch> {
        Some(self)
    }

    fn without_link(&self, link: Link) -> Option<Box<dyn Layer>> {
        let linear = Self { activation: Function::Linear, ..self.clone() };
        (self.activation.link() == Some(link)).then(|| Box::new(linear) as Box<dyn Layer>)
    }
}

/// Some of a layer's outputs, for one sample.
#[derive(Debug)]
struct Outputs {
    layer: BuiltDense,
    columns: Range<usize>,
}

impl Part for Outputs {
    fn output(&self) -> Range<usize> {
        self.columns.clone()
    }

    fn forward(&self, isa: Isa, params: &[f32], x: &[f32], y: &mut [f32], _: &mut [f32]) {
        WholeBatch::forward(&self.layer, isa, params, &[(x, &[])], self.output(), y);
        self.layer.activation.forward(isa, self.columns.len(), y);
    }
}

impl WholeBatch for BuiltDense {
    fn inputs(&self) -> usize {
        self.n_in
    }

    fn outputs(&self) -> usize {
        self.n_out
    }

    fn forward(
        &self,
        isa: Isa,
        params: &[f32],
        shards: &[(&[f32], &[f32])],
        columns: Range<usize>,
        y: &mut [f32],
    ) {
        let (kernel, bias) = params.split_at(self.kernel_len());
        dense::forward_columns(isa, self.n_in, self.n_out, shards, columns, kernel, bias, y);
    }

    fn activate(&self, isa: Isa, y: &mut [f32]) {
        self.activation.forward(isa, self.n_out, y);
    }

    fn backward_activation(&self, isa: Isa, y: &[f32], dy: &mut [f32]) {
        self.activation.backward(isa, self.n_out, &[], y, dy);
    }

    fn backward_input(
        &self,
        isa: Isa,
        kernel: &[f32],
        shards: &[(&[f32], &[f32])],
        dx: &mut [f32],
    ) {
        let inputs = kernel.len() / self.n_out;
        let mut rest = dx;
        for (_, dz) in shards {
            let (dx, after) = rest.split_at_mut(dz.len() / self.n_out * inputs);
            dense::backward_input(isa, inputs, self.n_out, kernel, dz, dx);
            rest = after;
        }
    }

    fn gradient(&self, isa: Isa, shards: &[(&[f32], &[f32])], part: Range<usize>, dw: &mut [f32]) {
        let kernel_end = part.end.min(self.kernel_len());
        let rows = part.start / self.n_out..kernel_end / self.n_out;
        let (dkernel, dbias) = dw.split_at_mut(rows.len() * self.n_out);
        dense::backward_kernel(isa, self.n_in, self.n_out, shards, rows, dkernel);
        if !dbias.is_empty() {
            dense::backward_bias(isa, self.n_out, shards, dbias);
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn two_by_two_by_hand() {
        let built = Dense::new(2).build(&Shape::new(vec![2])).unwrap();
        let mut y = [0.0; 2];
        let weights = Weights { params: &[1.0, 2.0, 3.0, 4.0, 0.5, -0.5], packed: &[] };
        built.layer.forward(
            Isa::best(),
            weights,
            &[10.0, 1.0],
            &mut y,
            Work { saved: &mut [], scratch: &mut [] },
            Pass::Infer,
        );
        assert_eq!(y, [13.5, 23.5]);
    }
}

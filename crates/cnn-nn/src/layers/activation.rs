//! y = g(x), elementwise, or softmax over the last axis.
//!
//! **Shapes** any → the same.
//! **Parameters** none.
//! **Errors** none.
//! **Source** Keras `Activation`; softmax yᵢ = exp(xᵢ − max x) / Σⱼ exp(xⱼ − max x).
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [4]
//!
//! [[layers]]
//! type = "Activation"
//! activation = "tanh"
//! # "#;
//! # cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! ```

use super::Spec;
use crate::layer::{BuildError, Built, Facts, Layer, Link, Pass, Shard, Weights, Work};
use cnn_kernels::{Isa, activation as kernel};
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An activation function, by Keras's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// y = x where x > 0, else eˣ − 1. Clevert et al. 2015.
    Elu,
    /// y = eˣ.
    Exponential,
    /// y = x·Φ(x), Φ the normal distribution. Hendrycks & Gimpel 2016. Exact, as Keras's and PyTorch's default; both know an
    /// approximation with tanh, too.
    Gelu,
    /// y = x/6 + ½, but no less than 0 and no more than 1.
    #[serde(rename = "hard_sigmoid")]
    HardSigmoid,
    /// y = x·min(max(x/6 + ½, 0), 1), also called `hard_swish`. Howard et al. 2019.
    #[serde(rename = "hard_silu", alias = "hard_swish")]
    #[schemars(extend("alias" = "hard_swish"))]
    HardSilu,
    /// y = x where x > 0, else x/5 as in Keras 3 (PyTorch: x/100).
    #[serde(rename = "leaky_relu")]
    LeakyRelu,
    /// y = x.
    #[default]
    Linear,
    /// y = x·tanh(ln(1 + eˣ)). Misra 2019.
    Mish,
    /// y = max(x, 0).
    Relu,
    /// y = max(x, 0), but no more than 6.
    Relu6,
    /// y = λx where x > 0, else λα(eˣ − 1), with λ = 1.0507 and α = 1.6733. Klambauer et al. 2017.
    Selu,
    /// y = 1 / (1 + exp(−x)).
    Sigmoid,
    /// y = x / (1 + exp(−x)), also called `swish`. Ramachandran et al. 2017.
    #[serde(alias = "swish")]
    #[schemars(extend("alias" = "swish"))]
    Silu,
    /// Exponentials over their sum, along the last axis.
    Softmax,
    /// y = ln(1 + eˣ).
    Softplus,
    /// y = x / (1 + |x|).
    Softsign,
    /// y = tanh x.
    Tanh,
}

/// Slope of `leaky_relu` below 0; Keras's default.
const LEAK: f32 = 0.2;

/// The constants of `selu`, with which mean 0 and variance 1 are a fixed point.
const SELU_SCALE: f32 = 1.050_701;
const SELU_ALPHA: f32 = 1.673_263_2;

impl Function {
    /// True for the function that does nothing: what `skip_serializing_if` asks.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
    pub(crate) fn is_linear(&self) -> bool {
        *self == Self::Linear
    }

    /// Every function.
    pub const ALL: [Self; 17] = [
        Self::Elu,
        Self::Exponential,
        Self::Gelu,
        Self::HardSigmoid,
        Self::HardSilu,
        Self::LeakyRelu,
        Self::Linear,
        Self::Mish,
        Self::Relu,
        Self::Relu6,
        Self::Selu,
        Self::Sigmoid,
        Self::Silu,
        Self::Softmax,
        Self::Softplus,
        Self::Softsign,
        Self::Tanh,
    ];

    /// What a loss may compute together with itself, if this is such a function.
    pub(crate) fn link(self) -> Option<Link> {
        match self {
            Self::Softmax => Some(Link::Softmax),
            Self::Sigmoid => Some(Link::Sigmoid),
            _ => None,
        }
    }

    /// Applies the function in place; `classes` is the length of the last axis.
    pub(crate) fn forward(self, isa: Isa, classes: usize, x: &mut [f32]) {
        match self {
            Self::Elu => kernel::elu(isa, 1.0, 1.0, x),
            Self::Exponential => kernel::exponential(isa, x),
            Self::Gelu => kernel::gelu(isa, x),
            Self::HardSigmoid => kernel::hard_sigmoid(isa, x),
            Self::HardSilu => kernel::hard_silu(isa, x),
            Self::LeakyRelu => kernel::leaky_relu(isa, LEAK, x),
            Self::Linear => {}
            Self::Mish => kernel::mish(isa, x),
            Self::Relu => kernel::relu(isa, x),
            Self::Relu6 => kernel::relu6(isa, x),
            Self::Selu => kernel::elu(isa, SELU_SCALE, SELU_SCALE * SELU_ALPHA, x),
            Self::Sigmoid => kernel::sigmoid(isa, x),
            Self::Silu => kernel::silu(isa, x),
            Self::Softmax => kernel::softmax(isa, classes, x),
            Self::Softplus => kernel::softplus(isa, x),
            Self::Softsign => kernel::softsign(isa, x),
            Self::Tanh => kernel::tanh(isa, x),
        }
    }

    /// Whether the derivative needs what the function was given: its output alone does not tell, as two inputs give the same.
    pub(crate) fn needs_input(self) -> bool {
        matches!(self, Self::Gelu | Self::HardSilu | Self::Mish | Self::Silu)
    }

    /// The function in two: what a layer can do that keeps nothing but its output, and what is then left to an [`Activation`] after
    /// it.
    pub(crate) fn apart(self) -> (Self, Option<Self>) {
        if self.needs_input() { (Self::Linear, Some(self)) } else { (self, None) }
    }

    /// Turns ∂loss/∂y into ∂loss/∂x in place, from y, or from x where [`Self::needs_input`] says so; else x is not read and may
    /// be empty.
    pub(crate) fn backward(self, isa: Isa, classes: usize, x: &[f32], y: &[f32], dy: &mut [f32]) {
        match self {
            Self::Elu => kernel::elu_backward(isa, 1.0, 1.0, y, dy),
            Self::Exponential => kernel::exponential_backward(isa, y, dy),
            Self::Gelu => kernel::gelu_backward(isa, x, dy),
            Self::HardSigmoid => kernel::hard_sigmoid_backward(isa, y, dy),
            Self::HardSilu => kernel::hard_silu_backward(isa, x, dy),
            Self::LeakyRelu => kernel::leaky_relu_backward(isa, LEAK, y, dy),
            Self::Linear => {}
            Self::Mish => kernel::mish_backward(isa, x, dy),
            Self::Relu => kernel::relu_backward(isa, y, dy),
            Self::Relu6 => kernel::relu6_backward(isa, y, dy),
            Self::Selu => kernel::elu_backward(isa, SELU_SCALE, SELU_SCALE * SELU_ALPHA, y, dy),
            Self::Sigmoid => kernel::sigmoid_backward(isa, y, dy),
            Self::Silu => kernel::silu_backward(isa, x, dy),
            Self::Softmax => kernel::softmax_backward(isa, classes, y, dy),
            Self::Softplus => kernel::softplus_backward(isa, y, dy),
            Self::Softsign => kernel::softsign_backward(isa, y, dy),
            Self::Tanh => kernel::tanh_backward(isa, y, dy),
        }
    }
}

/// The `Activation` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// The function: `relu`, `relu6`, `leaky_relu`, `elu`, `selu`, `gelu`, `silu` (`swish`), `mish`, `hard_silu` (`hard_swish`),
    /// `sigmoid`, `hard_sigmoid`, `tanh`, `softplus`, `softsign`, `exponential`, `softmax` or `linear`.
    pub activation: Function,
}

impl Spec for Activation {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let classes = input.dims().last().copied().unwrap_or(1);
        let layer = BuiltActivation { function: self.activation, classes };
        Ok(Built {
            layer: Box::new(layer),
            output: input.clone(),
            params: Vec::new(),
            facts: Facts {
                sees_all: self.activation == Function::Softmax && input.rank() == 1,
                ..Facts::default()
            },
        })
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        Function::ALL.into_iter().map(|activation| (Self { activation }, vec![3, 2, 5])).collect()
    }
}

#[derive(Debug)]
struct BuiltActivation {
    function: Function,
    classes: usize,
}

impl Layer for BuiltActivation {
    fn forward(&self, isa: Isa, _: Weights<'_>, x: &[f32], y: &mut [f32], _: Work<'_>, _: Pass) {
        y.copy_from_slice(x);
        self.function.forward(isa, self.classes, y);
    }

    fn backward(
        &self,
        isa: Isa,
        _: Weights<'_>,
        shard: Shard<'_>,
        _: Work<'_>,
        dx: Option<&mut [f32]>,
        _: Option<&mut [f32]>,
        _: Pass,
    ) {
        self.function.backward(isa, self.classes, shard.x, shard.y, shard.dy);
        if let Some(dx) = dx {
            dx.copy_from_slice(shard.dy);
        }
    }

    fn as_function(&self) -> Option<Function> {
        Some(self.function).filter(|function| *function != Function::Softmax)
    }

    fn without_link(&self, link: Link) -> Option<Box<dyn Layer>> {
        let linear = Self { function: Function::Linear, classes: self.classes };
        (self.function.link() == Some(link)).then(|| Box::new(linear) as Box<dyn Layer>)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    /// A derivative from y is a function of y: these go down before they go up.
    #[test]
    fn functions_that_need_their_input_are_those_that_turn() {
        let x: Vec<f32> = (-50..50).map(|i| i as f32 * 0.1).collect();
        for function in Function::ALL.into_iter().filter(|f| *f != Function::Softmax) {
            let mut y = x.clone();
            function.forward(Isa::best(), 1, &mut y);
            let turns = y.windows(2).any(|pair| pair[1] < pair[0]);
            assert_eq!(turns, function.needs_input(), "{function:?}");
        }
    }

    #[test]
    fn softmax_of_equal_numbers_is_uniform() {
        let mut x = [3.0, 3.0, 3.0, 3.0];
        Function::Softmax.forward(Isa::best(), 4, &mut x);
        assert_eq!(x, [0.25; 4]);
    }
}

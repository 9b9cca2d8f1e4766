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
use crate::layer::{BuildError, Built, Facts, Layer, Pass, Shard, Weights, Work};
use cnn_kernels::{Isa, activation as kernel};
use cnn_tensor::Shape;
use serde::{Deserialize, Serialize};

/// An activation function, by Keras's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// y = x.
    #[default]
    Linear,
    /// y = max(x, 0).
    Relu,
    /// y = 1 / (1 + exp(−x)).
    Sigmoid,
    /// Exponentials over their sum, along the last axis.
    Softmax,
    /// y = tanh x.
    Tanh,
}

impl Function {
    /// True for the function that does nothing: what `skip_serializing_if` asks.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
    pub(crate) fn is_linear(&self) -> bool {
        *self == Self::Linear
    }

    /// Applies the function in place; `classes` is the length of the last axis.
    pub(crate) fn forward(self, isa: Isa, classes: usize, x: &mut [f32]) {
        match self {
            Self::Linear => {}
            Self::Relu => kernel::relu(isa, x),
            Self::Sigmoid => kernel::sigmoid(isa, x),
            Self::Softmax => kernel::softmax(isa, classes, x),
            Self::Tanh => kernel::tanh(isa, x),
        }
    }

    /// Turns ∂loss/∂y into ∂loss/∂x in place, from y.
    pub(crate) fn backward(self, isa: Isa, classes: usize, y: &[f32], dy: &mut [f32]) {
        match self {
            Self::Linear => {}
            Self::Relu => kernel::relu_backward(isa, y, dy),
            Self::Sigmoid => kernel::sigmoid_backward(isa, y, dy),
            Self::Softmax => kernel::softmax_backward(isa, classes, y, dy),
            Self::Tanh => kernel::tanh_backward(isa, y, dy),
        }
    }
}

/// The `Activation` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// The function: `relu`, `softmax`, `sigmoid`, `tanh` or `linear`.
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
            facts: Facts::default(),
        })
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        use Function::{Linear, Relu, Sigmoid, Softmax, Tanh};
        [Linear, Relu, Sigmoid, Softmax, Tanh]
            .into_iter()
            .map(|activation| (Self { activation }, vec![3, 2, 5]))
            .collect()
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
        self.function.backward(isa, self.classes, shard.y, shard.dy);
        if let Some(dx) = dx {
            dx.copy_from_slice(shard.dy);
        }
    }

    fn without_softmax(&self) -> Option<Box<dyn Layer>> {
        let linear = Self { function: Function::Linear, classes: self.classes };
        (self.function == Function::Softmax).then(|| Box::new(linear) as Box<dyn Layer>)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_equal_numbers_is_uniform() {
        let mut x = [3.0, 3.0, 3.0, 3.0];
        Function::Softmax.forward(Isa::best(), 4, &mut x);
        assert_eq!(x, [0.25; 4]);
    }
}

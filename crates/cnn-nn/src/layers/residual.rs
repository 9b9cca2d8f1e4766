//! y = g(F(x) + S(x)): what some layers make of x, added to x itself or to what a shortcut makes of it.
//!
//! **Shapes** those of `layers`, which `shortcut` (without one, the input) must share.
//! **Parameters** those of the layers inside, called `residual/conv2d/kernel` and, in the shortcut, `residual/conv2d_1/kernel`.
//! **Errors** no layers, branches that differ in shape, whatever is wrong with a layer inside.
//! **Source** He et al. 2016, "Deep Residual Learning for Image Recognition"; in Keras `Add` and `Activation`.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 16]
//!
//! [[layers]]
//! type = "Residual"
//! activation = "relu"            # of the sum; the default is linear
//! layers = [
//!     { type = "Conv2D", filters = 32, kernel_size = 3, strides = 2, padding = "same", use_bias = false },
//!     { type = "BatchNormalization" },
//!     { type = "Activation", activation = "relu" },
//!     { type = "Conv2D", filters = 32, kernel_size = 3, padding = "same", use_bias = false },
//!     { type = "BatchNormalization" },
//! ]
//! shortcut = [                   # only where the shape changes
//!     { type = "Conv2D", filters = 32, kernel_size = 1, strides = 2, use_bias = false },
//!     { type = "BatchNormalization" },
//! ]
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.output().dims(), [14, 14, 32]);
//! # assert_eq!(model.layers()[0].params[0].name, "residual/conv2d/kernel");
//! ```

use super::{Activation, Function, LayerSpec, Spec, bad_key};
use crate::block::{BlockBuilder, Join};
use crate::layer::{BuildError, Built};
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `Residual` block.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Residual {
    /// The layers of the main branch, from the input to the sum; at least one.
    pub layers: Vec<LayerSpec>,
    /// The layers of the other branch; default none: the input itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shortcut: Vec<LayerSpec>,
    /// Applied to the sum; default linear.
    #[serde(default, skip_serializing_if = "Function::is_linear")]
    pub activation: Function,
}

impl Spec for Residual {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        if self.layers.is_empty() {
            return Err(bad_key(
                "layers",
                "M044",
                "Residual has no layers: it would double its input".into(),
                "layers = [{ type = \"Conv2D\", filters = 16, kernel_size = 3, padding = \"same\" }]",
            ));
        }
        let mut block = BlockBuilder::new(input);
        let main = block.chain(0, "layers", &self.layers)?;
        let other = block.chain(0, "shortcut", &self.shortcut)?;
        let (shape, beside) = (block.shape(main).clone(), block.shape(other).clone());
        if shape != beside {
            return Err(self.differ(&shape, &beside));
        }
        let sum = block.join(Join::Add, [main, other], shape.clone());
        if !self.activation.is_linear() {
            let activation = Activation { activation: self.activation };
            block.push(sum, "activation", activation.build(&shape)?);
        }
        Ok(block.finish())
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        use super::{BatchNormalization, Conv2D, Dense, Dropout};
        let conv = |filters, strides: usize| {
            let padding = cnn_tensor::Padding::Same;
            let strides = strides.into();
            LayerSpec::Conv2D(Conv2D { strides, padding, ..Conv2D::new(filters, 3) })
        };
        let norm = || LayerSpec::BatchNormalization(BatchNormalization::default());
        let inner = Self { layers: vec![conv(3, 1)], ..Self::default() };
        vec![
            (Self { activation: Function::Relu, ..inner.clone() }, vec![5, 4, 3]),
            (
                Self {
                    layers: vec![conv(4, 2), norm()],
                    shortcut: vec![conv(4, 2), norm()],
                    activation: Function::Tanh,
                },
                vec![5, 4, 2],
            ),
            (
                Self {
                    layers: vec![
                        LayerSpec::Residual(inner),
                        LayerSpec::Dropout(Dropout { rate: 0.5 }),
                    ],
                    ..Self::default()
                },
                vec![4, 4, 3],
            ),
            (Self { layers: vec![LayerSpec::Dense(Dense::new(6))], ..Self::default() }, vec![6]),
        ]
    }
}

impl Residual {
    /// The error of branches that cannot be added.
    fn differ(&self, main: &Shape, other: &Shape) -> BuildError {
        let (main, other) = (main.dims(), other.dims());
        let key = if self.shortcut.is_empty() { "layers" } else { "shortcut" };
        let beside = if self.shortcut.is_empty() { "the input is" } else { "shortcut gives" };
        let message =
            format!("layers gives {main:?}, {beside} {other:?}: only equal shapes can be added");
        let hint = match (main, other) {
            (&[h, w, c], &[rows, columns, _])
                if self.shortcut.is_empty() && h > 0 && w > 0 && h <= rows && w <= columns =>
            {
                let [down, across] = [rows.div_ceil(h), columns.div_ceil(w)];
                if down == across && rows.div_ceil(down) == h && columns.div_ceil(across) == w {
                    format!(
                        "shortcut = [{{ type = \"Conv2D\", filters = {c}, kernel_size = 1, strides = {down} }}]"
                    )
                } else {
                    "padding = \"same\" in the convolutions keeps height and width".to_owned()
                }
            }
            _ => {
                "give both branches the same strides, and as many filters at their ends".to_owned()
            }
        };
        bad_key(key, "M044", message, hint)
    }
}

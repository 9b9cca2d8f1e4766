//! The outputs of several branches of the same input, one behind the other along the last axis.
//!
//! **Shapes** those of the branches, which agree in all axes but the last; the last ones are added.
//! **Parameters** those of the layers inside, called `concatenate/conv2d/kernel`, `concatenate/conv2d_1/kernel`.
//! **Errors** fewer than two branches, branches that differ in height or width, whatever is wrong with a layer inside.
//! **Source** Szegedy et al. 2015, "Going Deeper with Convolutions"; Keras `Concatenate` with axis −1. A branch without layers is the
//! input itself: Huang et al. 2017, "Densely Connected Convolutional Networks".
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 16]
//!
//! [[layers]]
//! type = "Concatenate"
//! branches = [
//!     [],                                                                          # the 16 channels as they are
//!     [{ type = "Conv2D", filters = 8, kernel_size = 3, padding = "same" }],
//!     [{ type = "Conv2D", filters = 4, kernel_size = 5, padding = "same" }],
//! ]
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.output().dims(), [28, 28, 28]);
//! ```

use super::{LayerSpec, Spec, bad_key};
use crate::block::{BlockBuilder, Join};
use crate::layer::{BuildError, Built};
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `Concatenate` block.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concatenate {
    /// Two lists of layers or more, each of which is given the input.
    pub branches: Vec<Vec<LayerSpec>>,
}

impl Spec for Concatenate {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let error = |message: String, hint: &str| bad_key("branches", "M044", message, hint);
        if self.branches.len() < 2 {
            let message = format!("Concatenate needs two branches, got {}", self.branches.len());
            return Err(error(message, "branches = [[], [{ type = \"Conv2D\", filters = 8, … }]]"));
        }
        if input.rank() == 0 {
            let message = "Concatenate needs an input with at least one axis".to_owned();
            return Err(error(message, "input = [features]"));
        }
        let mut block = BlockBuilder::new(input);
        let mut joined: Option<usize> = None;
        for (i, branch) in self.branches.iter().enumerate() {
            let value = block.chain(0, "branches", branch)?;
            let Some(before) = joined else {
                joined = Some(value);
                continue;
            };
            let (left, right) = (block.shape(before).dims(), block.shape(value).dims());
            let (Some((a, outer)), Some((b, other))) = (left.split_last(), right.split_last())
            else {
                return Err(error(format!("branch {i} gives a single number"), "drop it"));
            };
            if outer != other {
                let message = format!(
                    "branch {i} gives {right:?}, those before it {left:?}: all axes but the last must agree"
                );
                let hint = "use the same strides, and padding = \"same\"";
                return Err(error(message, hint));
            }
            let output = [outer, &[a + b]].concat();
            let join = Join::Concatenate([*a, *b]);
            joined = Some(block.join(join, [before, value], Shape::new(output)));
        }
        Ok(block.finish())
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        use super::{Conv2D, Dense, MaxPooling2D};
        let conv = |filters, size: usize| {
            let padding = cnn_tensor::Padding::Same;
            LayerSpec::Conv2D(Conv2D { padding, ..Conv2D::new(filters, size) })
        };
        let pool = LayerSpec::MaxPooling2D(MaxPooling2D {
            pool_size: 3.into(),
            strides: Some(1.into()),
            padding: cnn_tensor::Padding::Same,
        });
        vec![
            (Self { branches: vec![vec![], vec![conv(4, 3)]] }, vec![4, 5, 3]),
            (
                Self {
                    branches: vec![vec![conv(2, 1), conv(3, 3)], vec![pool], vec![conv(17, 1)]],
                },
                vec![3, 4, 2],
            ),
            (
                Self { branches: vec![vec![LayerSpec::Dense(Dense::new(3))], vec![], vec![]] },
                vec![5],
            ),
        ]
    }
}

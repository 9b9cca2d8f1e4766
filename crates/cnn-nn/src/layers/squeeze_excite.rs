//! y = x · s, where s is one number between 0 and 1 for each channel, computed from the means of all channels: a network that
//! learns which of its channels matter in this image. s = sigmoid(W₂ g(W₁ mean(x) + b₁) + b₂).
//!
//! **Shapes** `[h, w, c]` → the same.
//! **Parameters** of the Dense layer `[c]` → `[c / ratio]` and of the one back to `[c]`: kernels and biases, called
//! `squeeze_excite/dense/kernel` and `squeeze_excite/dense_1/kernel`.
//! **Errors** an input that is not an image, a ratio of 0 or of more than the channels.
//! **Source** Hu, Shen & Sun 2018, "Squeeze-and-Excitation Networks"; in Keras `GlobalAveragePooling2D`, two `Dense` and `Multiply`.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 16]
//!
//! [[layers]]
//! type = "SqueezeExcite"
//! ratio = 4
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.param_count(), 16 * 4 + 4 + 4 * 16 + 16);
//! ```

use super::{Dense, Function, GlobalAveragePooling2D, Spec, bad_key, image_shape};
use crate::block::{BlockBuilder, Join};
use crate::layer::{BuildError, Built};
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `SqueezeExcite` block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqueezeExcite {
    /// Channels of the input for each unit in the middle, rounded down to at least one unit; 1 to the channels, default 16.
    #[serde(default = "ratio", skip_serializing_if = "is_ratio")]
    pub ratio: usize,
    /// Between the two Dense layers; default relu.
    #[serde(default = "relu", skip_serializing_if = "is_relu")]
    pub activation: Function,
}

impl Default for SqueezeExcite {
    fn default() -> Self {
        Self { ratio: ratio(), activation: relu() }
    }
}

/// That of the paper.
fn ratio() -> usize {
    16
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_ratio(value: &usize) -> bool {
    *value == ratio()
}

fn relu() -> Function {
    Function::Relu
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_relu(value: &Function) -> bool {
    *value == relu()
}

impl Spec for SqueezeExcite {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let [.., channels] = image_shape("SqueezeExcite", input)?;
        if !(1..=channels).contains(&self.ratio) {
            let message =
                format!("ratio must be from 1 to the {channels} channels, got {}", self.ratio);
            let hint = format!("ratio = {}", if channels < 16 { 1 } else { 4 });
            return Err(bad_key("ratio", "M037", message, hint));
        }
        let mut block = BlockBuilder::new(input);
        let means = GlobalAveragePooling2D::default().build(input)?;
        let means = block.push(0, "global_average_pooling2d", means);
        let units = channels / self.ratio;
        let first = Dense { activation: self.activation, ..Dense::new(units) };
        let squeezed = first.build(block.shape(means))?;
        let squeezed = block.push(means, "dense", squeezed);
        let second = Dense { activation: Function::Sigmoid, ..Dense::new(channels) };
        let gates = second.build(block.shape(squeezed))?;
        let gates = block.push(squeezed, "dense", gates);
        block.join(Join::Gate { channels }, [0, gates], input.clone());
        Ok(block.finish())
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![
            (Self { ratio: 2, ..Self::default() }, vec![3, 4, 6]),
            (Self { ratio: 1, activation: Function::Tanh }, vec![2, 2, 3]),
            (Self::default(), vec![2, 3, 17]),
        ]
    }
}

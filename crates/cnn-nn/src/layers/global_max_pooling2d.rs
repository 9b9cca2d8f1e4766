//! y[c] = max over (i, j) of x[i, j, c]: what is left of an image when it does not matter where something was seen.
//!
//! **Shapes** `[h, w, c]` → `[c]`, or `[1, 1, c]` with `keepdims = true`.
//! **Parameters** none. The gradient goes to the first maximum of each channel.
//! **Errors** an image of more than 65,536 pixels.
//! **Source** Lin et al. 2014, "Network in Network"; Keras `GlobalMaxPooling2D`.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [5, 5, 64]
//!
//! [[layers]]
//! type = "GlobalMaxPooling2D"
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.output().dims(), [64]);
//! ```

use super::max_pooling2d::BuiltMaxPooling2D;
use super::{Spec, pooling};
use crate::layer::{BuildError, Built};
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `GlobalMaxPooling2D` layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GlobalMaxPooling2D {
    /// Whether height and width stay, as 1; default false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keepdims: bool,
}

impl Spec for GlobalMaxPooling2D {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        pooling::global("GlobalMaxPooling2D", input, self.keepdims, BuiltMaxPooling2D)
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![
            (Self::default(), vec![4, 5, 3]),
            (Self { keepdims: true }, vec![3, 3, 17]),
            (Self::default(), vec![1, 1, 2]),
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
    fn the_max_of_each_channel() {
        let built = GlobalMaxPooling2D::default().build(&Shape::new(vec![2, 2, 2])).unwrap();
        let x = [1.0, -8.0, 2.0, -8.0, 3.0, -8.0, 4.0, -8.0];
        let mut y = [9.0; 2];
        let weights = Weights { params: &[], packed: &[] };
        let work = Work { saved: &mut [], scratch: &mut [] };
        built.layer.forward(Isa::best(), weights, &x, &mut y, work, Pass::Infer);
        assert_eq!(y, [4.0, -8.0]);
    }
}

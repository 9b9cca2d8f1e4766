//! y = x, all axes but the batch in one, row-major: (h, w, c) → h·w·c.
//!
//! **Shapes** any → `[product]`.
//! **Parameters** none.
//! **Errors** none.
//! **Source** Keras `Flatten`. A PyTorch model flattens (c, h, w): its Dense kernel has other rows.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [5, 5, 64]
//!
//! [[layers]]
//! type = "Flatten"
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.output().dims(), [1600]);
//! ```

use super::Spec;
use crate::layer::{BuildError, Built, Facts, Layer, Pass, Shard, Weights, Work};
use cnn_kernels::Isa;
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `Flatten` layer; it has no keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "NoKeys", into = "NoKeys")]
pub struct Flatten;

/// The table of a layer without keys.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoKeys {}

impl From<NoKeys> for Flatten {
    fn from(_: NoKeys) -> Self {
        Self
    }
}

impl From<Flatten> for NoKeys {
    fn from(_: Flatten) -> Self {
        Self {}
    }
}

impl Spec for Flatten {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let output = Shape::new(vec![input.len()]);
        Ok(Built {
            layer: Box::new(BuiltFlatten),
            output,
            params: Vec::new(),
            facts: Facts::default(),
        })
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![(Self, vec![3, 4, 2])]
    }
}

#[derive(Debug)]
pub(super) struct BuiltFlatten;

impl Layer for BuiltFlatten {
    fn forward(&self, _: Isa, _: Weights<'_>, x: &[f32], y: &mut [f32], _: Work<'_>, _: Pass) {
        y.copy_from_slice(x);
    }

    fn backward(
        &self,
        _: Isa,
        _: Weights<'_>,
        shard: Shard<'_>,
        _: Work<'_>,
        dx: Option<&mut [f32]>,
        _: Option<&mut [f32]>,
        _: Pass,
    ) {
        if let Some(dx) = dx {
            dx.copy_from_slice(shard.dy);
        }
    }

    fn is_reshape(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_axes_become_one() {
        let built = Flatten.build(&Shape::new(vec![5, 5, 64])).unwrap();
        assert_eq!(built.output.dims(), [1600]);
    }
}

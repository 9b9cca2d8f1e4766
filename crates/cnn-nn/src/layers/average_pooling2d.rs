//! y[i, j, c] = mean over (u, v) of x[i·s + u, j·s + v, c].
//!
//! **Shapes** `[h, w, c]` → `[O(h), O(w), c]` with O(i) = floor((i − f + 2p)/s) + 1, as [`super::MaxPooling2D`].
//! **Parameters** none. The gradient goes to all pixels of a window in equal shares.
//! **Errors** a pool of 0, a stride of 0, a window larger than its input.
//! **Source** Keras `AveragePooling2D`. Padding does not count: a window at the border is the mean of the pixels that it has.
//! PyTorch's `AvgPool2d` counts zeros there unless `count_include_pad=False`.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [11, 11, 64]
//!
//! [[layers]]
//! type = "AveragePooling2D"
//! pool_size = 2
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.output().dims(), [5, 5, 64]);
//! ```

use super::{Pair, Spec, pooling};
use crate::layer::{BuildError, Built, Layer, Pass, Shard, Weights, Work};
use cnn_kernels::Isa;
use cnn_kernels::average_pool;
use cnn_kernels::max_pool::PoolGeometry;
use cnn_tensor::{Padding, Shape};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `AveragePooling2D` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AveragePooling2D {
    /// Window, in pixels; default 2.
    pub pool_size: Pair,
    /// Step between windows, in pixels; default the pool size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strides: Option<Pair>,
    /// `"valid"` (default), `"same"`, or pixels on each side.
    pub padding: Padding,
}

impl Default for AveragePooling2D {
    fn default() -> Self {
        Self { pool_size: 2.into(), strides: None, padding: Padding::Valid }
    }
}

impl Spec for AveragePooling2D {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let windows = [self.pool_size, self.strides.unwrap_or(self.pool_size)];
        pooling::built("AveragePooling2D", input, windows, self.padding, BuiltAveragePooling2D)
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        let plain = Self::default();
        vec![
            (plain.clone(), vec![7, 6, 3]),
            (Self { pool_size: 3.into(), strides: Some(2.into()), ..plain.clone() }, vec![8, 7, 2]),
            (
                Self { pool_size: [2, 3].into(), padding: Padding::Same, ..plain.clone() },
                vec![5, 7, 17],
            ),
            (Self { pool_size: 3.into(), padding: Padding::Explicit(1), ..plain }, vec![6, 6, 1]),
        ]
    }
}

/// The mean over windows whose shapes are settled.
#[derive(Debug)]
pub(super) struct BuiltAveragePooling2D(pub(super) PoolGeometry);

impl Layer for BuiltAveragePooling2D {
    fn forward(&self, isa: Isa, _: Weights<'_>, x: &[f32], y: &mut [f32], _: Work<'_>, _: Pass) {
        average_pool::forward(isa, &self.0, x, y);
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
        if let Some(dx) = dx {
            average_pool::backward(isa, &self.0, shard.dy, dx);
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn a_window_at_the_border_is_the_mean_of_its_pixels() {
        let spec =
            AveragePooling2D { padding: Padding::Explicit(1), ..AveragePooling2D::default() };
        let built = spec.build(&Shape::new(vec![2, 2, 1])).unwrap();
        let (x, mut y) = ([1.0, 2.0, 3.0, 4.0], [9.0; 4]);
        let weights = Weights { params: &[], packed: &[] };
        let work = Work { saved: &mut [], scratch: &mut [] };
        built.layer.forward(Isa::best(), weights, &x, &mut y, work, Pass::Infer);
        assert_eq!(y, x, "each window has one pixel and three of padding");
    }
}

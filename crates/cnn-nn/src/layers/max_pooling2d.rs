//! y[i, j, c] = max over (u, v) of x[i·s + u, j·s + v, c].
//!
//! **Shapes** `[h, w, c]` → `[O(h), O(w), c]` with O(i) = floor((i − f + 2p)/s) + 1: with `valid` padding the last row and
//! column are dropped where the windows do not come out even (11 → 5).
//! **Parameters** none. The gradient goes to the first maximum of each window.
//! **Errors** a pool of 0, a stride of 0, a window larger than its input.
//! **Source** Keras `MaxPooling2D`; padding counts as −∞.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [11, 11, 64]
//!
//! [[layers]]
//! type = "MaxPooling2D"
//! pool_size = 2
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.output().dims(), [5, 5, 64]);
//! ```

use super::{Pair, Spec, pooling};
use crate::layer::{BuildError, Built, Layer, Pass, Shard, Weights, Work, WorkSize};
use cnn_kernels::Isa;
use cnn_kernels::max_pool::{self, PoolGeometry};
use cnn_tensor::{Padding, Shape};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `MaxPooling2D` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MaxPooling2D {
    /// Window, in pixels; default 2.
    pub pool_size: Pair,
    /// Step between windows, in pixels; default the pool size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strides: Option<Pair>,
    /// `"valid"` (default), `"same"`, or pixels on each side.
    pub padding: Padding,
}

impl Default for MaxPooling2D {
    fn default() -> Self {
        Self { pool_size: 2.into(), strides: None, padding: Padding::Valid }
    }
}

impl Spec for MaxPooling2D {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let windows = [self.pool_size, self.strides.unwrap_or(self.pool_size)];
        pooling::built("MaxPooling2D", input, windows, self.padding, BuiltMaxPooling2D)
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

#[derive(Debug)]
pub(super) struct BuiltMaxPooling2D(pub(super) PoolGeometry);

impl Layer for BuiltMaxPooling2D {
    fn work(&self) -> WorkSize {
        WorkSize { saved: self.0.oh * self.0.ow * self.0.c, scratch: 0 }
    }

    fn forward(&self, isa: Isa, _: Weights<'_>, x: &[f32], y: &mut [f32], work: Work<'_>, _: Pass) {
        max_pool::forward(isa, &self.0, x, y, work.saved);
    }

    fn backward(
        &self,
        isa: Isa,
        _: Weights<'_>,
        shard: Shard<'_>,
        work: Work<'_>,
        dx: Option<&mut [f32]>,
        _: Option<&mut [f32]>,
        _: Pass,
    ) {
        if let Some(dx) = dx {
            max_pool::backward(isa, &self.0, shard.dy, work.saved, dx);
        }
    }

    fn as_max_pool(&self) -> Option<&PoolGeometry> {
        Some(&self.0)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn the_first_maximum_gets_the_gradient() {
        let built = MaxPooling2D::default().build(&Shape::new(vec![2, 2, 1])).unwrap();
        let (x, mut y, mut saved) = ([1.0, 5.0, 5.0, 2.0], [0.0], [0u16]);
        let weights = Weights { params: &[], packed: &[] };
        built.layer.forward(
            Isa::best(),
            weights,
            &x,
            &mut y,
            Work { saved: &mut saved, scratch: &mut [] },
            Pass::Infer,
        );
        assert_eq!(y, [5.0]);
        let (mut dy, mut dx) = ([3.0], [9.0; 4]);
        let shard = Shard { x: &x, y: &y, dy: &mut dy };
        let work = Work { saved: &mut saved, scratch: &mut [] };
        built.layer.backward(Isa::best(), weights, shard, work, Some(&mut dx), None, Pass::Infer);
        assert_eq!(dx, [0.0, 3.0, 0.0, 0.0]);
    }
}

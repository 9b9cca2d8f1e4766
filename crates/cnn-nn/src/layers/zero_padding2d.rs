//! y = x with zeros around it.
//!
//! **Shapes** `[h, w, c]` → `[top + h + bottom, left + w + right, c]`.
//! **Parameters** none.
//! **Errors** a padding that makes an image larger than memory can count.
//! **Source** Keras `ZeroPadding2D`: `padding = 1` on all sides, `[1, 2]` above and below 1, left and right 2, or
//! `[[top, bottom], [left, right]]`.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 1]
//!
//! [[layers]]
//! type = "ZeroPadding2D"
//! padding = [[1, 0], [2, 2]]
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.output().dims(), [29, 32, 1]);
//! ```

use super::inset::Inset;
use super::{Spec, bad_key, image_shape};
use crate::layer::{BuildError, Built, Facts, Layer, Pass, Shard, Weights, Work};
use cnn_kernels::Isa;
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `ZeroPadding2D` layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ZeroPadding2D {
    /// Rows and columns of zeros; default 1 on each side.
    pub padding: Sides,
}

impl Default for ZeroPadding2D {
    fn default() -> Self {
        Self { padding: Sides::All(1) }
    }
}

/// How much of something there is on each side of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a whole number such as 1, two such as [1, 2], or four such as [[1, 2], [3, 4]]"
)]
pub enum Sides {
    /// The same on all sides.
    All(usize),
    /// Above and below, then left and right.
    Axes([usize; 2]),
    /// Above, below; left, right.
    Each([[usize; 2]; 2]),
}

impl Sides {
    /// Above, below; left, right.
    pub(super) fn each(self) -> [[usize; 2]; 2] {
        match self {
            Self::All(n) => [[n; 2]; 2],
            Self::Axes([rows, columns]) => [[rows; 2], [columns; 2]],
            Self::Each(each) => each,
        }
    }
}

impl Spec for ZeroPadding2D {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let [h, w, c] = image_shape("ZeroPadding2D", input)?;
        let [[top, bottom], [left, right]] = self.padding.each();
        let sum = |n: usize, before: usize, after: usize| n.checked_add(before)?.checked_add(after);
        let size = sum(h, top, bottom).zip(sum(w, left, right)).filter(|(height, width)| {
            height.checked_mul(*width).and_then(|area| area.checked_mul(c)).is_some()
        });
        let Some((height, width)) = size else {
            return Err(bad_key(
                "padding",
                "M035",
                format!("{h}×{w} and the padding make an image too large to count its pixels"),
                "padding = 1 is usual",
            ));
        };
        let layer = BuiltZeroPadding2D(Inset::new([height, width], [h, w], [top, left], c));
        Ok(Built {
            layer: Box::new(layer),
            output: Shape::new(vec![height, width, c]),
            params: Vec::new(),
            facts: Facts::default(),
        })
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![
            (Self::default(), vec![4, 3, 2]),
            (Self { padding: Sides::Axes([0, 2]) }, vec![3, 5, 1]),
            (Self { padding: Sides::Each([[1, 0], [3, 2]]) }, vec![2, 2, 17]),
        ]
    }
}

#[derive(Debug)]
struct BuiltZeroPadding2D(Inset);

impl Layer for BuiltZeroPadding2D {
    fn forward(&self, _: Isa, _: Weights<'_>, x: &[f32], y: &mut [f32], _: Work<'_>, _: Pass) {
        self.0.surround(x, y);
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
            self.0.cut_out(shard.dy, dx);
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn zeros_on_each_side() {
        let spec = ZeroPadding2D { padding: Sides::Each([[1, 0], [0, 2]]) };
        let built = spec.build(&Shape::new(vec![1, 2, 1])).unwrap();
        let (x, mut y) = ([3.0, 4.0], [9.0; 8]);
        let weights = Weights { params: &[], packed: &[] };
        let work = Work { saved: &mut [], scratch: &mut [] };
        built.layer.forward(Isa::best(), weights, &x, &mut y, work, Pass::Infer);
        assert_eq!(y, [0.0, 0.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0]);
    }
}

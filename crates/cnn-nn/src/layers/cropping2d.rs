//! y = x without the rows and columns at its sides.
//!
//! **Shapes** `[h, w, c]` → `[h − top − bottom, w − left − right, c]`.
//! **Parameters** none.
//! **Errors** a cropping that leaves no row or no column.
//! **Source** Keras `Cropping2D`: `cropping = 1` on all sides, `[1, 2]` above and below 1, left and right 2, or
//! `[[top, bottom], [left, right]]`.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 1]
//!
//! [[layers]]
//! type = "Cropping2D"
//! cropping = [[4, 4], [2, 0]]
//! # "#;
//! # let model = cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! # assert_eq!(model.output().dims(), [20, 26, 1]);
//! ```

use super::inset::Inset;
use super::{Sides, Spec, bad_key, image_shape};
use crate::layer::{BuildError, Built, Facts, Layer, Pass, Shard, Weights, Work};
use cnn_kernels::Isa;
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `Cropping2D` layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cropping2D {
    /// Rows and columns that are cut away; default none.
    pub cropping: Sides,
}

impl Default for Cropping2D {
    fn default() -> Self {
        Self { cropping: Sides::All(0) }
    }
}

impl Spec for Cropping2D {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let [h, w, c] = image_shape("Cropping2D", input)?;
        let [[top, bottom], [left, right]] = self.cropping.each();
        let rest = |n: usize, before, after| n.checked_sub(before)?.checked_sub(after);
        let size = rest(h, top, bottom).zip(rest(w, left, right));
        let Some((height, width)) = size.filter(|&(height, width)| height > 0 && width > 0) else {
            return Err(bad_key(
                "cropping",
                "M045",
                format!(
                    "nothing is left of {h}×{w} without {top} rows above, {bottom} below, {left} columns at the left and {right} at the right"
                ),
                "crop less, or put the layer before the pooling",
            ));
        };
        let layer = BuiltCropping2D(Inset::new([h, w], [height, width], [top, left], c));
        let output = Shape::new(vec![height, width, c]);
        let (params, facts) = (Vec::new(), Facts::default());
        Ok(Built { layer: Box::new(layer), output, params, facts })
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![
            (Self::default(), vec![3, 2, 2]),
            (Self { cropping: Sides::All(1) }, vec![3, 5, 1]),
            (Self { cropping: Sides::Each([[1, 0], [3, 2]]) }, vec![2, 6, 17]),
        ]
    }
}

#[derive(Debug)]
struct BuiltCropping2D(Inset);

impl Layer for BuiltCropping2D {
    fn forward(&self, _: Isa, _: Weights<'_>, x: &[f32], y: &mut [f32], _: Work<'_>, _: Pass) {
        self.0.cut_out(x, y);
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
            self.0.surround(shard.dy, dx);
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn the_lower_right_of_a_square() {
        let spec = Cropping2D { cropping: Sides::Each([[1, 0], [1, 0]]) };
        let built = spec.build(&Shape::new(vec![2, 3, 1])).unwrap();
        let (x, mut y) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [9.0; 2]);
        let weights = Weights { params: &[], packed: &[] };
        let work = Work { saved: &mut [], scratch: &mut [] };
        built.layer.forward(Isa::best(), weights, &x, &mut y, work, Pass::Infer);
        assert_eq!(y, [5.0, 6.0]);
    }

    #[test]
    fn something_must_be_left() {
        let spec = Cropping2D { cropping: Sides::Axes([2, 0]) };
        let error = spec.build(&Shape::new(vec![4, 9, 1])).unwrap_err();
        assert_eq!((error.code, error.key), ("M045", Some("cropping")));
    }
}

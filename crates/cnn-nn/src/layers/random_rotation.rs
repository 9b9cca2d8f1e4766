//! In training each image turns about its centre by a·360° counter-clockwise, a drawn anew for every image. In inference y = x.
//!
//! **Shapes** `[h, w, c]` → the same.
//! **Parameters** none.
//! **Errors** a factor outside −1..1.
//! **Source** Keras `RandomRotation`, with its arithmetic: the centre is at ((h − 1)/2, (w − 1)/2). Its `seed` is the run's here.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 1]
//!
//! [[layers]]
//! type = "RandomRotation"
//! factor = 0.03                          # at most 0.03 · 360° = 10.8° either way; or [-0.1, 0.2]
//! fill_mode = "nearest"
//! # "#;
//! # cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! ```

use super::factor::Interval;
use super::per_image::same_shape;
use super::resample::{Affine, Draw, Frame, Sampler, Through};
use super::{Factor, FillMode, Interpolation, Spec, image_shape};
use crate::layer::{BuildError, Built};
use cnn_tensor::Shape;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `RandomRotation` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomRotation {
    /// How far, as a share of 360°, counter-clockwise: f for −f to f, or a range; −1 to 1.
    pub factor: Factor,
    /// What lies beyond the border: `"reflect"` (default), `"wrap"`, `"constant"` or `"nearest"`.
    #[serde(default)]
    pub fill_mode: FillMode,
    /// What stands between two pixels: `"bilinear"` (default) or `"nearest"`.
    #[serde(default)]
    pub interpolation: Interpolation,
    /// The pixel beyond the border where `fill_mode = "constant"`; default 0.
    #[serde(default)]
    pub fill_value: f32,
}

impl RandomRotation {
    /// With Keras's defaults: mirrored beyond the border, bilinear.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self {
            factor: factor.into(),
            fill_mode: FillMode::default(),
            interpolation: Interpolation::default(),
            fill_value: 0.0,
        }
    }
}

impl Spec for RandomRotation {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let image = image_shape("RandomRotation", input)?;
        let hint = "a share of 360°: 0.05 turns by at most 18° either way";
        self.factor.check("factor", -1.0..=1.0, hint)?;
        let draw = DrawRotation { size: [image[0], image[1]], turns: self.factor.symmetric() };
        let sampler = Sampler::new(self.fill_mode, self.interpolation, self.fill_value)?;
        Ok(same_shape(Through { draw, frame: Frame::image(image), sampler }, input))
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        let constant = Self { fill_mode: FillMode::Constant, ..Self::new([0.1, 0.2]) };
        let nearest = Self { fill_mode: FillMode::Nearest, ..Self::new(-0.5) };
        vec![
            (Self::new(0.1), vec![6, 5, 2]),
            (Self { fill_value: -1.0, ..constant }, vec![5, 7, 1]),
            (Self { interpolation: Interpolation::Nearest, ..nearest }, vec![4, 4, 3]),
        ]
    }
}

#[derive(Debug)]
struct DrawRotation {
    /// Height and width.
    size: [usize; 2],
    turns: Interval,
}

impl Draw for DrawRotation {
    fn draw(&self, random: &mut ChaCha8Rng) -> Affine {
        Affine::rotation(self.size, self.turns.draw(random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::per_image::tests::train;

    #[test]
    fn a_quarter_turn_is_counter_clockwise() {
        let spec = RandomRotation::new([0.25, 0.25]);
        let y = train(&spec, &[2, 2, 1], &[1.0, 2.0, 3.0, 4.0], 1);
        assert_eq!(y, [2.0, 4.0, 1.0, 3.0]);
    }
}

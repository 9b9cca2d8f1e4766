//! In training each image moves down by a·h and right by b·w pixels, a and b drawn anew for every image. In inference y = x.
//!
//! **Shapes** `[h, w, c]` → the same.
//! **Parameters** none.
//! **Errors** a factor outside −1..1.
//! **Source** Keras `RandomTranslation`, with its arithmetic. Its `seed` is the run's here: the same seed, step and position in the batch
//! give the same image.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 1]
//!
//! [[layers]]
//! type = "RandomTranslation"
//! height_factor = 0.1                    # up or down by at most a tenth of the height; or [-0.1, 0.3]
//! width_factor = 0.1
//! fill_mode = "constant"                 # what comes in from beyond the border
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

/// The `RandomTranslation` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomTranslation {
    /// How far down, as a share of the height: f for −f to f, or a range; −1 to 1.
    pub height_factor: Factor,
    /// How far to the right, as a share of the width: f for −f to f, or a range; −1 to 1.
    pub width_factor: Factor,
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

impl RandomTranslation {
    /// With Keras's defaults: mirrored beyond the border, bilinear.
    pub fn new(height_factor: impl Into<Factor>, width_factor: impl Into<Factor>) -> Self {
        Self {
            height_factor: height_factor.into(),
            width_factor: width_factor.into(),
            fill_mode: FillMode::default(),
            interpolation: Interpolation::default(),
            fill_value: 0.0,
        }
    }
}

impl Spec for RandomTranslation {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let image = image_shape("RandomTranslation", input)?;
        let hint = "0.1 moves by at most a tenth of the image";
        self.height_factor.check("height_factor", -1.0..=1.0, hint)?;
        self.width_factor.check("width_factor", -1.0..=1.0, hint)?;
        let draw = DrawTranslation {
            size: [image[0] as f32, image[1] as f32],
            down: self.height_factor.symmetric(),
            right: self.width_factor.symmetric(),
        };
        let sampler = Sampler::new(self.fill_mode, self.interpolation, self.fill_value)?;
        Ok(same_shape(Through { draw, frame: Frame::image(image), sampler }, input))
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        let constant = Self { fill_mode: FillMode::Constant, ..Self::new([0.1, 0.9], -0.3) };
        let wrap = Self { fill_mode: FillMode::Wrap, ..Self::new(0.2, 0.6) };
        vec![
            (Self::new(0.3, 0.2), vec![6, 5, 2]),
            (Self { fill_value: 0.5, ..constant }, vec![5, 7, 1]),
            (Self { interpolation: Interpolation::Nearest, ..wrap }, vec![4, 4, 3]),
        ]
    }
}

#[derive(Debug)]
struct DrawTranslation {
    /// Height and width.
    size: [f32; 2],
    down: Interval,
    right: Interval,
}

impl Draw for DrawTranslation {
    fn draw(&self, random: &mut ChaCha8Rng) -> Affine {
        let down = self.down.draw(random) * self.size[0];
        Affine::translation(down, self.right.draw(random) * self.size[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::per_image::tests::train;

    #[test]
    fn one_pixel_down_and_half_a_pixel_to_the_left() {
        let spec = RandomTranslation {
            fill_mode: FillMode::Constant,
            fill_value: 9.0,
            ..RandomTranslation::new([0.5, 0.5], [-0.25, -0.25])
        };
        let y = train(&spec, &[2, 2, 1], &[1.0, 2.0, 3.0, 4.0], 1);
        assert_eq!(y, [9.0, 9.0, 1.5, 5.5]);
    }

    #[test]
    fn one_number_goes_both_ways_and_never_further() {
        let spec = RandomTranslation::new(0.0, 0.25);
        let (mut least, mut most) = (0.0f32, 0.0f32);
        for seed in 0..400 {
            // A ramp shows by how much it moved.
            let ramp: Vec<f32> = (0..16u8).map(f32::from).collect();
            let moved = 8.0 - train(&spec, &[1, 16, 1], &ramp, seed)[8];
            (least, most) = (least.min(moved), most.max(moved));
        }
        assert!((-4.0..=-3.8).contains(&least) && (3.8..=4.0).contains(&most), "{least} {most}");
    }
}

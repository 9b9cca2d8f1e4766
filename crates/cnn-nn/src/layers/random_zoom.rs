//! In training each image is shown 1 + a times as high and 1 + b times as wide a region of itself, about its centre: above 0 it
//! gets smaller, below 0 larger. a and b are drawn anew for every image; without `width_factor`, b = a. In inference y = x.
//!
//! **Shapes** `[h, w, c]` → the same.
//! **Parameters** none.
//! **Errors** a factor outside (−1, 1].
//! **Source** Keras `RandomZoom`, with its arithmetic. Its `seed` is the run's here.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 1]
//!
//! [[layers]]
//! type = "RandomZoom"
//! height_factor = 0.1                    # 10 % smaller to 10 % larger; or [-0.3, -0.2]: only larger
//! fill_mode = "constant"
//! # "#;
//! # cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! ```

use super::factor::Interval;
use super::per_image::same_shape;
use super::resample::{Affine, Draw, Frame, Sampler, Through};
use super::{Factor, FillMode, Interpolation, Spec, bad_key, image_shape};
use crate::layer::{BuildError, Built};
use cnn_tensor::Shape;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `RandomZoom` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomZoom {
    /// How much smaller, vertically: f for −f to f, or a range; above −1, at most 1.
    pub height_factor: Factor,
    /// The same horizontally; default as `height_factor` chose, which keeps the proportions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width_factor: Option<Factor>,
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

impl RandomZoom {
    /// With Keras's defaults: proportions kept, mirrored beyond the border, bilinear.
    pub fn new(height_factor: impl Into<Factor>) -> Self {
        Self {
            height_factor: height_factor.into(),
            width_factor: None,
            fill_mode: FillMode::default(),
            interpolation: Interpolation::default(),
            fill_value: 0.0,
        }
    }
}

/// Refuses what is outside (−1, 1].
fn check(factor: Factor, key: &'static str) -> Result<Interval, BuildError> {
    let hint = "0.1 shows the image 10 % smaller to 10 % larger";
    factor.check(key, -1.0..=1.0, hint)?;
    let range = factor.symmetric();
    if range.low <= -1.0 {
        let message = format!("{key} = −1 would make a point of the image");
        return Err(bad_key(key, "M037", message, hint));
    }
    Ok(range)
}

impl Spec for RandomZoom {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let image = image_shape("RandomZoom", input)?;
        let draw = DrawZoom {
            size: [image[0], image[1]],
            h: check(self.height_factor, "height_factor")?,
            w: self.width_factor.map(|factor| check(factor, "width_factor")).transpose()?,
        };
        let sampler = Sampler::new(self.fill_mode, self.interpolation, self.fill_value)?;
        Ok(same_shape(Through { draw, frame: Frame::image(image), sampler }, input))
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        let constant = Self { fill_mode: FillMode::Constant, ..Self::new([0.1, 0.5]) };
        let wrap = Self { fill_mode: FillMode::Wrap, ..Self::new([-0.4, -0.2]) };
        vec![
            (Self::new(0.3), vec![6, 5, 2]),
            (Self { width_factor: Some(0.2.into()), fill_value: 0.5, ..constant }, vec![5, 7, 1]),
            (Self { interpolation: Interpolation::Nearest, ..wrap }, vec![4, 4, 3]),
        ]
    }
}

#[derive(Debug)]
struct DrawZoom {
    /// Height and width.
    size: [usize; 2],
    h: Interval,
    w: Option<Interval>,
}

impl Draw for DrawZoom {
    fn draw(&self, random: &mut ChaCha8Rng) -> Affine {
        let h = 1.0 + self.h.draw(random);
        let w = self.w.map_or(h, |w| 1.0 + w.draw(random));
        Affine::zoom(self.size, h, w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::per_image::tests::train;

    #[test]
    fn half_the_region_is_twice_the_size() {
        let spec = RandomZoom::new([-0.5, -0.5]);
        let y = train(&spec, &[1, 3, 1], &[1.0, 2.0, 4.0], 1);
        assert_eq!(y, [1.5, 2.0, 3.0]);
    }

    #[test]
    fn a_zoom_to_nothing_is_refused() {
        for factor in [Factor::UpTo(1.0), Factor::Between([-1.0, 0.2])] {
            let error = RandomZoom::new(factor).build(&Shape::new([4, 4, 1]));
            assert_eq!(error.unwrap_err().key, Some("height_factor"));
        }
    }
}

//! In training a rectangle of some images is covered with `fill_value` or with noise. In inference y = x.
//!
//! **Shapes** `[h, w, c]` → the same.
//! **Parameters** none.
//! **Errors** a factor or scale outside 0..1, a `fill_value` with another number of channels, a `value_range` that is none.
//! **Source** Zhong et al. 2017; Keras `RandomErasing`, with its arithmetic: for every image a probability is drawn from `factor`, and
//! height and width of the rectangle are √a·h and √b·w with a and b from `scale`. `value_range` is [0, 1] here, where Keras
//! takes 0 to 255; its `seed` is the run's.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 1]
//!
//! [[layers]]
//! type = "RandomErasing"
//! factor = 0.5                           # a probability between 0 and this; [0.5, 0.5] for always ½; default 1
//! scale = [0.02, 0.2]                    # the share of the area that is covered; default [0.02, 0.33]
//! fill_value = 0.0                       # default: noise
//! # "#;
//! # cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! ```

use super::factor::Interval;
use super::per_image::{PerImage, same_shape};
use super::{Factor, Spec, bad_key, image_shape};
use crate::layer::{BuildError, Built};
use cnn_tensor::Shape;
use cnn_tensor::random::{normal_f32, uniform_f32};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The `RandomErasing` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RandomErasing {
    /// Probability that an image loses a rectangle, drawn for each image: f for 0 to f, or a range; 0 to 1, default 1.
    pub factor: Factor,
    /// Squares of the rectangle's height and width as shares of the image's, so about its share of the area: f for 0 to f,
    /// or a range; 0 to 1, default [0.02, 0.33].
    pub scale: Factor,
    /// What covers it: a number, or one per channel. Default: normal noise with the upper `value_range` as its deviation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill_value: Option<Fill>,
    /// The least and the largest number of a pixel, to which `fill_value` is clipped; default [0, 1].
    pub value_range: [f32; 2],
}

/// What covers an erased rectangle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a number such as 0.5, or one for each channel such as [0.5, 0.4, 0.4]"
)]
pub enum Fill {
    /// The same in all channels.
    All(f32),
    /// One number per channel.
    Each(Vec<f32>),
}

impl Default for RandomErasing {
    fn default() -> Self {
        Self {
            factor: 1.0.into(),
            scale: [0.02, 0.33].into(),
            fill_value: None,
            value_range: [0.0, 1.0],
        }
    }
}

impl Spec for RandomErasing {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let size = image_shape("RandomErasing", input)?;
        self.factor.check("factor", 0.0..=1.0, "factor = 0.5 erases a quarter of the time")?;
        self.scale.check("scale", 0.0..=1.0, "scale = [0.02, 0.33] covers up to a third")?;
        let range = value_range(self.value_range)?;
        let fill = match &self.fill_value {
            None => None,
            Some(Fill::All(value)) => Some(vec![*value; size[2]]),
            Some(Fill::Each(values)) if values.len() == size[2] => Some(values.clone()),
            Some(Fill::Each(values)) => {
                let message = format!(
                    "fill_value has {} numbers, the image has {} channels",
                    values.len(),
                    size[2]
                );
                return Err(bad_key("fill_value", "M038", message, "fill_value = 0.0 is black"));
            }
        };
        if let Some(wrong) = fill.iter().flatten().find(|value| !value.is_finite()) {
            let message = format!("fill_value must be a finite number, got {wrong}");
            return Err(bad_key("fill_value", "M038", message, "fill_value = 0.0 is black"));
        }
        let fill = fill.map(|fill| fill.iter().map(|v| v.clamp(range.low, range.high)).collect());
        let (chance, scale) = (self.factor.nonnegative(), self.scale.nonnegative());
        Ok(same_shape(BuiltRandomErasing { size, chance, scale, fill, range }, input))
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        let always = Self { factor: [1.0, 1.0].into(), ..Self::default() };
        vec![
            (Self { fill_value: Some(Fill::All(0.5)), ..always.clone() }, vec![6, 5, 2]),
            (Self { scale: 0.6.into(), value_range: [-1.0, 1.0], ..always.clone() }, vec![5, 7, 1]),
            (Self { fill_value: Some(Fill::Each(vec![0.1, 0.2, 2.0])), ..always }, vec![4, 4, 3]),
            (Self { factor: 0.9.into(), ..Self::default() }, vec![4, 4, 1]),
        ]
    }
}

/// The least and the largest number of a pixel, or the error about them.
pub(super) fn value_range([low, high]: [f32; 2]) -> Result<Interval, BuildError> {
    if low < high && low.is_finite() && high.is_finite() {
        return Ok(Interval { low, high });
    }
    let message = format!("value_range [{low}, {high}] is no range");
    let hint = "pixels here are between 0 and 1: value_range = [0, 1]";
    Err(bad_key("value_range", "M038", message, hint))
}

#[derive(Debug)]
struct BuiltRandomErasing {
    /// Height, width, channels.
    size: [usize; 3],
    chance: Interval,
    scale: Interval,
    /// One number per channel; `None` for noise.
    fill: Option<Vec<f32>>,
    range: Interval,
}

impl BuiltRandomErasing {
    /// The rows and columns to cover, if any.
    fn draw(&self, random: &mut ChaCha8Rng) -> Option<[Range<usize>; 2]> {
        let [height, width, _] = self.size;
        let shares = [(); 2].map(|()| self.scale.draw(random).sqrt());
        let places = [uniform_f32(random), uniform_f32(random)];
        let chance = self.chance.draw(random);
        let erase = uniform_f32(random) < chance;
        let rows = covered(height, shares[0], places[0]);
        erase.then(|| [rows, covered(width, shares[1], places[1])])
    }
}

/// The positions of the covered rows in an image of that size.
pub(super) fn rows(
    [_, width, c]: [usize; 3],
    [rows, columns]: [Range<usize>; 2],
) -> impl Iterator<Item = Range<usize>> {
    rows.map(move |i| (i * width + columns.start) * c..(i * width + columns.end) * c)
}

/// The pixels of an axis of `len` that a rectangle of `share`·len covers, which begins at `place` of the room that is left.
pub(super) fn covered(len: usize, share: f32, place: f32) -> Range<usize> {
    let side = share * len as f32;
    let start = place * (len as f32 - side);
    // Whole numbers i with start <= i < start + side.
    (start.ceil() as usize).min(len)..((start + side).ceil() as usize).min(len)
}

impl PerImage for BuiltRandomErasing {
    fn forward(&self, random: &mut ChaCha8Rng, x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(x);
        let Some(rectangle) = self.draw(random) else { return };
        for row in rows(self.size, rectangle) {
            for pixel in y[row].chunks_exact_mut(self.size[2]) {
                if let Some(fill) = &self.fill {
                    pixel.copy_from_slice(fill);
                } else {
                    pixel.fill_with(|| {
                        let noise = normal_f32(random) * self.range.high;
                        noise.clamp(self.range.low, self.range.high)
                    });
                }
            }
        }
    }

    fn backward(&self, random: &mut ChaCha8Rng, _: &[f32], dy: &[f32], dx: &mut [f32]) {
        dx.copy_from_slice(dy);
        let Some(rectangle) = self.draw(random) else { return };
        for row in rows(self.size, rectangle) {
            dx[row].fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::per_image::tests::train;

    /// The rectangle that Keras's mask covers: `(grid >= start) & (grid < start + side)`.
    #[test]
    fn the_rectangle_is_half_open() {
        assert_eq!(covered(10, 0.25, 0.0), 0..3);
        assert_eq!(covered(10, 0.2, 0.5), 4..6);
        assert_eq!(covered(10, 0.05, 0.26), 3..3);
        assert_eq!(covered(10, 1.0, 0.9), 0..10);
    }

    #[test]
    fn the_probability_is_drawn_too() {
        let x = [0.5; 64];
        let share = |factor: Factor| {
            let spec = RandomErasing {
                factor,
                fill_value: Some(Fill::All(7.0)),
                ..RandomErasing::default()
            };
            let changed = |seed: &u64| train(&spec, &[8, 8, 1], &x, *seed).contains(&1.0);
            (0..1000).filter(changed).count()
        };
        assert_eq!(share([0.0, 0.0].into()), 0);
        assert!(
            share([1.0, 1.0].into()) > 900,
            "clipped to 1, and some rectangles fall between pixels"
        );
        assert!((350..550).contains(&share(1.0.into())), "half of them on average");
    }
}

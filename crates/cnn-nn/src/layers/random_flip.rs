//! In training each image is mirrored with probability ½, left to right, top to bottom, or each of both. In inference y = x.
//!
//! **Shapes** `[h, w, c]` → the same.
//! **Parameters** none.
//! **Errors** none of its own.
//! **Source** Keras `RandomFlip`. With `horizontal_and_vertical` the two directions are drawn apart, as its name says and Keras 2 did;
//! Keras 3.15 draws once for both, so that it only ever turns images by 180°. Its `seed` is the run's here.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 1]
//!
//! [[layers]]
//! type = "RandomFlip"
//! mode = "horizontal"                    # "vertical", "horizontal_and_vertical" (default)
//! # "#;
//! # cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! ```

use super::per_image::{PerImage, same_shape};
use super::{Spec, image_shape};
use crate::layer::{BuildError, Built};
use cnn_tensor::Shape;
use cnn_tensor::random::uniform_f32;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The directions in which a [`RandomFlip`] mirrors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlipMode {
    /// Left becomes right.
    Horizontal,
    /// Top becomes bottom.
    Vertical,
    /// Each of both, with probability ½.
    #[default]
    HorizontalAndVertical,
}

/// The `RandomFlip` layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RandomFlip {
    /// `"horizontal"`, `"vertical"` or `"horizontal_and_vertical"` (default).
    pub mode: FlipMode,
}

impl Spec for RandomFlip {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let size = image_shape("RandomFlip", input)?;
        Ok(same_shape(BuiltRandomFlip { mode: self.mode, size }, input))
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![
            (Self { mode: FlipMode::Horizontal }, vec![3, 4, 2]),
            (Self { mode: FlipMode::Vertical }, vec![4, 3, 1]),
            (Self { mode: FlipMode::HorizontalAndVertical }, vec![3, 3, 3]),
        ]
    }
}

#[derive(Debug)]
struct BuiltRandomFlip {
    mode: FlipMode,
    /// Height, width, channels.
    size: [usize; 3],
}

impl BuiltRandomFlip {
    /// Whether to mirror left to right and top to bottom.
    fn draw(&self, random: &mut ChaCha8Rng) -> (bool, bool) {
        let mut flip = |wanted: bool| wanted && uniform_f32(random) < 0.5;
        (flip(self.mode != FlipMode::Vertical), flip(self.mode != FlipMode::Horizontal))
    }

    fn flip(&self, (across, down): (bool, bool), from: &[f32], to: &mut [f32]) {
        let [height, width, channels] = self.size;
        let pitch = width * channels;
        for (i, to) in to.chunks_exact_mut(pitch).enumerate() {
            let i = if down { height - 1 - i } else { i };
            let from = &from[i * pitch..(i + 1) * pitch];
            if across {
                for (to, from) in to.chunks_exact_mut(channels).zip(from.rchunks_exact(channels)) {
                    to.copy_from_slice(from);
                }
            } else {
                to.copy_from_slice(from);
            }
        }
    }
}

impl PerImage for BuiltRandomFlip {
    fn forward(&self, random: &mut ChaCha8Rng, x: &[f32], y: &mut [f32]) {
        self.flip(self.draw(random), x, y);
    }

    /// A flip undoes itself.
    fn backward(&self, random: &mut ChaCha8Rng, _: &[f32], dy: &[f32], dx: &mut [f32]) {
        self.flip(self.draw(random), dy, dx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::per_image::tests::train;

    #[test]
    fn four_ways_to_lie_are_equally_frequent() {
        let x = [1.0, 2.0, 3.0, 4.0];
        let ways = [x, [2.0, 1.0, 4.0, 3.0], [3.0, 4.0, 1.0, 2.0], [4.0, 3.0, 2.0, 1.0]];
        for (mode, reached) in [
            (FlipMode::Horizontal, [true, true, false, false]),
            (FlipMode::Vertical, [true, false, true, false]),
            (FlipMode::HorizontalAndVertical, [true; 4]),
        ] {
            let mut counts = [0u32; 4];
            for seed in 0..400 {
                let y = train(&RandomFlip { mode }, &[2, 2, 1], &x, seed);
                counts[ways.iter().position(|way| y == way).unwrap()] += 1;
            }
            let expected = 400 / reached.iter().filter(|r| **r).count() as u32;
            for (count, reached) in counts.into_iter().zip(reached) {
                let expected = if reached { expected } else { 0 };
                assert!(count.abs_diff(expected) <= expected / 3, "{mode:?}: {counts:?}");
            }
        }
    }
}

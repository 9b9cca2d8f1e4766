//! In training each image is surrounded by `padding` black pixels on each side, and a part of `height` × `width` is cut out
//! somewhere. In inference the largest part of the image with those proportions, from its centre, is shrunk or enlarged to
//! `height` × `width`; where the image has that size already, y = x.
//!
//! **Shapes** `[h, w, c]` → `[height, width, c]`.
//! **Parameters** none.
//! **Errors** a height or width of 0, or larger than the padded image.
//! **Source** Keras `RandomCrop`, whose inference is what its documentation says and its `smart_resize` computes (Keras 3.15 itself
//! returns the image uncut there, which the next layer refuses). Keras cuts all images of a batch at one place, this layer each
//! at its own. `padding` is ours: with the image's own size it is the recipe of He et al. 2015 for CIFAR.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 1]
//!
//! [[layers]]
//! type = "RandomCrop"
//! height = 28
//! width = 28
//! padding = 4                            # moves by at most 4 pixels either way; default 0
//! # "#;
//! # cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! ```

use super::per_image::{PerImage, built};
use super::resample::{Affine, Frame, Sampler};
use super::{Spec, bad_key, image_shape};
use crate::layer::{BuildError, Built};
use cnn_tensor::Shape;
use cnn_tensor::random::below;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The `RandomCrop` layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomCrop {
    /// Height of the part, in pixels; 1 or more.
    pub height: usize,
    /// Width of the part, in pixels; 1 or more.
    pub width: usize,
    /// Black pixels added on each side before cutting, in training; default 0.
    #[serde(default)]
    pub padding: usize,
}

impl Spec for RandomCrop {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let image = image_shape("RandomCrop", input)?;
        let size = [self.height, self.width];
        for (axis, key) in ["height", "width"].into_iter().enumerate() {
            let padded = self.padding.checked_mul(2).and_then(|both| both.checked_add(image[axis]));
            let padded = padded.filter(|padded| u32::try_from(*padded).is_ok());
            let Some(padded) = padded else {
                let message = format!("a padding of {} is too large", self.padding);
                return Err(bad_key("padding", "M034", message, "padding = 4 is usual"));
            };
            let message = match size[axis] {
                0 => format!("RandomCrop needs a {key} of at least 1, got 0"),
                wanted if wanted > padded => {
                    let with = if self.padding > 0 { "padded image's" } else { "image's" };
                    format!("a crop's {key} of {wanted} is more than the {with} {padded}")
                }
                _ => continue,
            };
            let hint = format!("{key} = {} with padding = 4 keeps the size", image[axis]);
            return Err(bad_key(key, "M031", message, hint));
        }
        let layer = BuiltRandomCrop { image, size, padding: self.padding };
        Ok(built(layer, input, Shape::new([self.height, self.width, image[2]])))
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![
            (Self { height: 5, width: 6, padding: 2 }, vec![5, 6, 2]),
            (Self { height: 3, width: 4, padding: 0 }, vec![5, 6, 1]),
            (Self { height: 4, width: 9, padding: 3 }, vec![6, 5, 3]),
        ]
    }
}

#[derive(Debug)]
struct BuiltRandomCrop {
    /// Height, width, channels of the input.
    image: [usize; 3],
    /// Height and width of the part.
    size: [usize; 2],
    padding: usize,
}

impl BuiltRandomCrop {
    /// Row and column of the padded image at which the part begins.
    fn draw(&self, random: &mut ChaCha8Rng) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let places = self.image[axis] + 2 * self.padding - self.size[axis] + 1;
            below(random, places as u32) as usize
        })
    }

    /// The positions of the part, along one axis, that lie inside the image, when it begins at `start`.
    fn inside(&self, axis: usize, start: usize) -> Range<usize> {
        let end = (self.image[axis] + self.padding).saturating_sub(start).min(self.size[axis]);
        self.padding.saturating_sub(start).min(end)..end
    }

    /// Calls `copy` with the range of each row that lies inside the image: in the part, and in the image.
    fn rows(&self, [top, left]: [usize; 2], mut copy: impl FnMut(Range<usize>, Range<usize>)) {
        let [_, width, c] = self.image;
        let columns = self.inside(1, left);
        if columns.is_empty() {
            return;
        }
        for i in self.inside(0, top) {
            let part = (i * self.size[1] + columns.start) * c;
            let image =
                ((top + i - self.padding) * width + left + columns.start - self.padding) * c;
            let len = columns.len() * c;
            copy(part..part + len, image..image + len);
        }
    }

    /// Inference: the window that is shown, where it begins in the image, and the map that gives it the right size.
    fn centre(&self) -> (Frame, usize, Affine) {
        let [h, w, channels] = self.image;
        let [oh, ow] = self.size;
        let (height, width) = ((w * oh / ow).clamp(1, h), (h * ow / oh).clamp(1, w));
        let begin = ((h - height) / 2 * w + (w - width) / 2) * channels;
        let axis = |from: usize, to: usize| {
            let scale = from as f32 / to as f32;
            (scale, 0.5 * scale - 0.5)
        };
        let ((sy, y0), (sx, x0)) = (axis(height, oh), axis(width, ow));
        let frame = Frame { height, width, channels, pitch: w * channels };
        (frame, begin, Affine { x: [sx, 0.0, x0], y: [0.0, sy, y0] })
    }
}

impl PerImage for BuiltRandomCrop {
    fn forward(&self, random: &mut ChaCha8Rng, x: &[f32], y: &mut [f32]) {
        y.fill(0.0);
        self.rows(self.draw(random), |part, image| y[part].copy_from_slice(&x[image]));
    }

    fn backward(&self, random: &mut ChaCha8Rng, _: &[f32], dy: &[f32], dx: &mut [f32]) {
        dx.fill(0.0);
        self.rows(self.draw(random), |part, image| dx[image].copy_from_slice(&dy[part]));
    }

    fn infer(&self, x: &[f32], y: &mut [f32]) {
        let (frame, begin, map) = self.centre();
        Sampler::RESIZE.forward(&map, frame, &x[begin..], self.size[1], y);
    }

    fn infer_backward(&self, dy: &[f32], dx: &mut [f32]) {
        let (frame, begin, map) = self.centre();
        dx.fill(0.0);
        Sampler::RESIZE.backward(&map, frame, dy, self.size[1], &mut dx[begin..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::per_image::tests::train;
    use std::collections::BTreeMap;

    #[test]
    fn every_place_is_cut_out_equally_often() {
        let spec = RandomCrop { height: 1, width: 2, padding: 1 };
        let mut counts = BTreeMap::new();
        for seed in 0..900 {
            let y = train(&spec, &[1, 2, 1], &[1.0, 2.0], seed);
            *counts.entry(format!("{y:?}")).or_insert(0u32) += 1;
        }
        // Three rows of which one is the image, and three columns.
        let places =
            [("[0.0, 0.0]", 600), ("[0.0, 1.0]", 100), ("[1.0, 2.0]", 100), ("[2.0, 0.0]", 100)];
        assert_eq!(counts.len(), places.len());
        for (place, expected) in places {
            assert!(counts[place].abs_diff(expected) <= 40, "{counts:?}");
        }
    }

    #[test]
    fn inference_keeps_an_image_of_the_right_size() {
        let spec = RandomCrop { height: 5, width: 7, padding: 4 };
        let built = spec.build(&Shape::new([5, 7, 1])).unwrap();
        let x: Vec<f32> = (0..35).map(|i| (i * i) as f32 * 0.1).collect();
        assert_eq!(crate::layers::per_image::tests::infer(&built, &x), x);
    }
}

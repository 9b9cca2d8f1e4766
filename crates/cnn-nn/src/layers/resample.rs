//! Images seen through an affine map: where each output pixel reads its input, and what lies beyond the border.
//!
//! The arithmetic is that of TensorFlow's `ImageProjectiveTransformV3`, on which Keras's `affine_transform` and its random
//! layers rest: the map leads from output to input pixels, whose centres are the whole numbers.

use super::bad_key;
use super::per_image::PerImage;
use crate::layer::BuildError;
use cnn_tensor::random::sin_cos_turns;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What lies beyond the border of an image `a b c d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FillMode {
    /// The image, mirrored at its edge: `d c b a | a b c d | d c b a`.
    #[default]
    Reflect,
    /// The other side of the image: `a b c d | a b c d | a b c d`.
    Wrap,
    /// `fill_value`: `k k k k | a b c d | k k k k`.
    Constant,
    /// The pixel at the edge: `a a a a | a b c d | d d d d`.
    Nearest,
}

/// What stands between two pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// The nearer pixel.
    Nearest,
    /// The four pixels around, weighted by nearness.
    #[default]
    Bilinear,
}

/// Output pixel (i, j) reads the input at row `rows[0]·(j, i, 1)` from the left and `rows[1]·(j, i, 1)` from the top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    /// x = a·j + b·i + c.
    pub(super) x: [f32; 3],
    /// y = a·j + b·i + c.
    pub(super) y: [f32; 3],
}

impl Affine {
    /// The image moves `down` and `right` by so many pixels.
    pub(super) fn translation(down: f32, right: f32) -> Self {
        Self { x: [1.0, 0.0, -right], y: [0.0, 1.0, -down] }
    }

    /// Each output pixel lies `h` and `w` times as far from the centre in the input: above 1 the image gets smaller.
    pub(super) fn zoom([height, width]: [usize; 2], h: f32, w: f32) -> Self {
        let about = |size: usize, zoom: f32| (size as f32 - 1.0) / 2.0 * (1.0 - zoom);
        Self { x: [w, 0.0, about(width, w)], y: [0.0, h, about(height, h)] }
    }

    /// Rotates about the centre; `turns` is a fraction of 360°, counter-clockwise.
    pub(super) fn rotation([height, width]: [usize; 2], turns: f32) -> Self {
        let (sin, cos) = sin_cos_turns(turns);
        let (cx, cy) = (0.5 * (width as f32 - 1.0), 0.5 * (height as f32 - 1.0));
        Self { x: [cos, -sin, cx - cx * cos - cy * -sin], y: [sin, cos, cy - cx * sin - cy * cos] }
    }

    /// Where output pixel (i, j) reads, from the top and from the left.
    fn at(&self, i: usize, j: usize) -> (f32, f32) {
        let (i, j) = (i as f32, j as f32);
        let of = |[a, b, c]: [f32; 3]| a * j + b * i + c;
        (of(self.y), of(self.x))
    }
}

/// An image, or a window of a larger one, in a slice that begins at its first pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    /// Numbers from one row to the next.
    pub(super) pitch: usize,
}

impl Frame {
    /// A whole image.
    pub(super) fn image([height, width, channels]: [usize; 3]) -> Self {
        Self { height, width, channels, pitch: width * channels }
    }
}

/// Reads images through maps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampler {
    fill_mode: FillMode,
    fill_value: f32,
    interpolation: Interpolation,
}

/// How a layer chooses the map of an image.
pub(super) trait Draw: Send + Sync + std::fmt::Debug + 'static {
    /// A map for one image.
    fn draw(&self, random: &mut ChaCha8Rng) -> Affine;
}

/// Shows each image through a map of its own: what `RandomTranslation`, `RandomRotation` and `RandomZoom` do.
#[derive(Debug)]
pub(super) struct Through<D> {
    pub(super) draw: D,
    pub(super) frame: Frame,
    pub(super) sampler: Sampler,
}

impl<D: Draw> PerImage for Through<D> {
    fn forward(&self, random: &mut ChaCha8Rng, x: &[f32], y: &mut [f32]) {
        self.sampler.forward(&self.draw.draw(random), self.frame, x, self.frame.width, y);
    }

    fn backward(&self, random: &mut ChaCha8Rng, _: &[f32], dy: &[f32], dx: &mut [f32]) {
        dx.fill(0.0);
        self.sampler.backward(&self.draw.draw(random), self.frame, dy, self.frame.width, dx);
    }
}

/// One input pixel that an output pixel reads: where it begins in the slice, `None` beyond the border, and its share.
type Tap = (Option<usize>, f32);

impl Sampler {
    /// Changes the size of an image as `tf.image.resize` does, bilinear: beyond the border is the pixel at the edge.
    pub(super) const RESIZE: Self = Self {
        fill_mode: FillMode::Nearest,
        fill_value: 0.0,
        interpolation: Interpolation::Bilinear,
    };

    /// The sampler of a layer's keys.
    pub(super) fn new(
        fill_mode: FillMode,
        interpolation: Interpolation,
        fill_value: f32,
    ) -> Result<Self, BuildError> {
        if !fill_value.is_finite() {
            let message = format!("fill_value must be a finite number, got {fill_value}");
            return Err(bad_key("fill_value", "M038", message, "fill_value = 0.0 is black"));
        }
        Ok(Self { fill_mode, fill_value, interpolation })
    }

    /// Writes the image that `map` makes of `x`: rows of `width` pixels.
    pub(super) fn forward(
        self,
        map: &Affine,
        frame: Frame,
        x: &[f32],
        width: usize,
        y: &mut [f32],
    ) {
        let c = frame.channels;
        for (i, row) in y.chunks_exact_mut(width * c).enumerate() {
            for (j, pixel) in row.chunks_exact_mut(c).enumerate() {
                let (taps, n) = self.taps(map, frame, i, j);
                for (channel, out) in pixel.iter_mut().enumerate() {
                    *out = taps[..n]
                        .iter()
                        .map(|&(at, share)| {
                            share * at.map_or(self.fill_value, |at| x[at + channel])
                        })
                        .sum();
                }
            }
        }
    }

    /// Adds to `dx` what each input pixel has in `dy`: [`Sampler::forward`] transposed.
    pub(super) fn backward(
        self,
        map: &Affine,
        frame: Frame,
        dy: &[f32],
        width: usize,
        dx: &mut [f32],
    ) {
        let c = frame.channels;
        for (i, row) in dy.chunks_exact(width * c).enumerate() {
            for (j, pixel) in row.chunks_exact(c).enumerate() {
                let (taps, n) = self.taps(map, frame, i, j);
                for &(at, share) in &taps[..n] {
                    let Some(at) = at else { continue };
                    for (dx, dy) in dx[at..at + c].iter_mut().zip(pixel) {
                        *dx += share * dy;
                    }
                }
            }
        }
    }

    /// The input pixels that output pixel (i, j) reads, and how many there are.
    #[inline]
    fn taps(self, map: &Affine, frame: Frame, i: usize, j: usize) -> ([Tap; 4], usize) {
        let (y, x) = map.at(i, j);
        let (y, x) =
            (self.fill_mode.inside(y, frame.height), self.fill_mode.inside(x, frame.width));
        let at = |y: f32, x: f32| {
            let inside = 0.0 <= y && y < frame.height as f32 && 0.0 <= x && x < frame.width as f32;
            inside.then(|| y as usize * frame.pitch + x as usize * frame.channels)
        };
        match self.interpolation {
            Interpolation::Nearest => ([(at(y.round(), x.round()), 1.0); 4], 1),
            Interpolation::Bilinear => {
                let (top, left) = (y.floor(), x.floor());
                let (down, right) = (y - top, x - left);
                let (up, back) = (top + 1.0 - y, left + 1.0 - x);
                let taps = [
                    (at(top, left), up * back),
                    (at(top, left + 1.0), up * right),
                    (at(top + 1.0, left), down * back),
                    (at(top + 1.0, left + 1.0), down * right),
                ];
                (taps, 4)
            }
        }
    }
}

/// A plane of one number per pixel in another size, as `tf.image.resize` makes it, bilinear.
pub(crate) fn resize(plane: &[f32], [h, w]: [usize; 2], [height, width]: [usize; 2]) -> Vec<f32> {
    let along = |from: usize, to: usize| {
        let scale = from as f32 / to as f32;
        (scale, 0.5 * scale - 0.5)
    };
    let ((across, left), (down, top)) = (along(w, width), along(h, height));
    let map = Affine { x: [across, 0.0, left], y: [0.0, down, top] };
    let mut resized = vec![0.0; height * width];
    Sampler::RESIZE.forward(&map, Frame::image([h, w, 1]), plane, width, &mut resized);
    resized
}

impl FillMode {
    /// The place along an axis of `size` pixels where a place beyond the border is looked up. `constant` leaves it outside.
    #[inline]
    fn inside(self, at: f32, size: usize) -> f32 {
        let (last, len) = (size as f32 - 1.0, size as f32);
        if self == Self::Constant || (0.0 <= at && at <= last) {
            return at;
        }
        let found = match self {
            _ if size <= 1 => 0.0,
            Self::Constant | Self::Nearest => at,
            Self::Wrap if at < 0.0 => at + len * ((-at / last).trunc() + 1.0),
            Self::Wrap => at - len * (at / last).trunc(),
            Self::Reflect => {
                let period = 2.0 * len;
                if at < 0.0 {
                    let at = at + period * (-at / period).trunc();
                    if at < -len { at + period } else { -at - 1.0 }
                } else {
                    let at = at - period * (at / period).trunc();
                    if at >= len { period - at - 1.0 } else { at }
                }
            }
        };
        found.clamp(0.0, last)
    }
}

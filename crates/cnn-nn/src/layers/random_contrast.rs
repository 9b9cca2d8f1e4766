//! In training each channel of an image becomes (x − m)·a + m, clipped to `value_range`: m is the channel's mean, a is drawn
//! anew for every image. In inference y = x.
//!
//! **Shapes** `[h, w, c]` → the same.
//! **Parameters** none.
//! **Errors** a factor outside 0..1, a `value_range` that is none.
//! **Source** Keras `RandomContrast`. One number f draws a from 1 − f to 1 + f, as Keras documents it; Keras 3.15 itself draws from 1 to
//! 1 + f. A range [l, u] draws from 1 − l to 1 + u. `value_range` is [0, 1] here, where Keras takes 0 to 255; its `seed` is the
//! run's.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [28, 28, 1]
//!
//! [[layers]]
//! type = "RandomContrast"
//! factor = 0.2                           # 20 % less to 20 % more; [0.1, 0.4]: 10 % less to 40 % more
//! # "#;
//! # cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! ```

use super::factor::Interval;
use super::per_image::{PerImage, same_shape};
use super::random_erasing::value_range;
use super::{Factor, Spec, image_shape};
use crate::layer::{BuildError, Built};
use cnn_tensor::Shape;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `RandomContrast` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomContrast {
    /// How much less and more: f for 1 − f to 1 + f, or [l, u] for 1 − l to 1 + u; 0 to 1.
    pub factor: Factor,
    /// The least and the largest number of a pixel; default [0, 1].
    #[serde(default = "unit")]
    pub value_range: [f32; 2],
}

fn unit() -> [f32; 2] {
    [0.0, 1.0]
}

impl Spec for RandomContrast {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        let [h, w, channels] = image_shape("RandomContrast", input)?;
        self.factor.check("factor", 0.0..=1.0, "factor = 0.2 is 20 % less to 20 % more")?;
        let [less, more] = match self.factor {
            Factor::UpTo(most) => [most, most],
            Factor::Between([a, b]) => [a.min(b), a.max(b)],
        };
        let contrast = Interval { low: 1.0 - less, high: 1.0 + more };
        let range = value_range(self.value_range)?;
        Ok(same_shape(BuiltRandomContrast { channels, pixels: h * w, contrast, range }, input))
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![
            (Self { factor: 0.9.into(), value_range: [0.0, 1.0] }, vec![5, 4, 2]),
            (Self { factor: [0.2, 0.8].into(), value_range: [-3.0, 3.0] }, vec![4, 4, 1]),
        ]
    }
}

#[derive(Debug)]
pub(super) struct BuiltRandomContrast {
    pub(super) channels: usize,
    pub(super) pixels: usize,
    /// From which the contrast is drawn.
    pub(super) contrast: Interval,
    /// The numbers that pixels may have.
    pub(super) range: Interval,
}

impl BuiltRandomContrast {
    /// Mean of one channel.
    fn mean(&self, x: &[f32], channel: usize) -> f32 {
        let channel = x[channel..].iter().step_by(self.channels);
        (channel.map(|&x| f64::from(x)).sum::<f64>() / self.pixels as f64) as f32
    }

    pub(super) fn adjust(&self, contrast: f32, x: &[f32], y: &mut [f32]) {
        for channel in 0..self.channels {
            let mean = self.mean(x, channel);
            let pixels = x[channel..].iter().step_by(self.channels);
            for (y, x) in y[channel..].iter_mut().step_by(self.channels).zip(pixels) {
                *y = ((x - mean) * contrast + mean).clamp(self.range.low, self.range.high);
            }
        }
    }
}

impl PerImage for BuiltRandomContrast {
    fn forward(&self, random: &mut ChaCha8Rng, x: &[f32], y: &mut [f32]) {
        self.adjust(self.contrast.draw(random), x, y);
    }

    /// With a the contrast and dz the gradient where nothing was clipped: dx = a·dz + (1 − a)·mean(dz).
    fn backward(&self, random: &mut ChaCha8Rng, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let contrast = self.contrast.draw(random);
        for channel in 0..self.channels {
            let mean = self.mean(x, channel);
            let (at, step) = (channel, self.channels);
            let mut sum = 0.0;
            let triples = dx[at..].iter_mut().zip(&x[at..]).zip(&dy[at..]).step_by(step);
            for ((dx, x), dy) in triples {
                let z = (x - mean) * contrast + mean;
                let kept = (self.range.low..=self.range.high).contains(&z);
                *dx = if kept { *dy } else { 0.0 };
                sum += f64::from(*dx);
            }
            let shared = (1.0 - contrast) * (sum / self.pixels as f64) as f32;
            for dx in dx[at..].iter_mut().step_by(step) {
                *dx = contrast * *dx + shared;
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;
    use crate::layers::per_image::tests::train;

    #[test]
    fn contrast_spreads_about_the_mean_and_clips() {
        let spec = RandomContrast { factor: [0.0, 1.0].into(), value_range: [0.0, 1.0] };
        let y = train(&spec, &[1, 4, 1], &[0.0, 0.25, 0.5, 1.0], 3);
        assert_eq!([y[0], y[3]], [0.0, 1.0], "clipped");
        let contrast = (y[1] - 0.4375) / (0.25 - 0.4375);
        assert!((1.0..2.0).contains(&contrast), "{contrast}");
        assert!(((y[2] - 0.4375) / (0.5 - 0.4375) - contrast).abs() < 1e-6);
    }

    #[test]
    fn one_number_goes_both_ways() {
        let spec = RandomContrast { factor: 0.5.into(), value_range: [-9.0, 9.0] };
        let drawn = (0..500).map(|seed| train(&spec, &[1, 2, 1], &[-1.0, 1.0], seed)[1]);
        let (least, most) = drawn.fold((9.0f32, 0.0f32), |(a, b), x| (a.min(x), b.max(x)));
        assert!((0.5..0.51).contains(&least) && (1.49..=1.5).contains(&most), "{least} {most}");
    }
}

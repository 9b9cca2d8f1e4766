//! In training each number is zero with probability `rate` and divided by 1 − `rate` otherwise; in inference y = x.
//!
//! **Shapes** any → the same.
//! **Parameters** none.
//! **Errors** a rate outside 0..1.
//! **Source** Srivastava et al. 2014; Keras `Dropout`. Which numbers are dropped is a function of seed, step, layer and
//! position, never of thread or order.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [128]
//!
//! [[layers]]
//! type = "Dropout"
//! rate = 0.5
//! # "#;
//! # cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! ```

use super::{Spec, bad_key};
use crate::layer::{BuildError, Built, Facts, Layer, Pass, Shard, Weights, Work, WorkSize};
use cnn_kernels::Isa;
use cnn_tensor::Shape;
use cnn_tensor::random::{Purpose, stream, uniform_f32};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `Dropout` layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// Share of the numbers that become zero; 0 to 1.
    pub rate: f32,
}

impl Spec for Dropout {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        built(self.rate, input, input.len())
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![
            (Self { rate: 0.5 }, vec![12]),
            (Self { rate: 0.25 }, vec![3, 2, 4]),
            (Self { rate: 0.0 }, vec![5]),
        ]
    }
}

/// The layer that draws `mask` numbers for each sample and drops what it draws them for; the next `mask` numbers of the sample share
/// them.
pub(super) fn built(rate: f32, input: &Shape, mask: usize) -> Result<Built, BuildError> {
    if !(0.0..=1.0).contains(&rate) {
        let message = format!("the dropout rate must be between 0 and 1, got {rate}");
        let hint = "rate = 0.5 drops half, rate = 0.25 a quarter";
        return Err(bad_key("rate", "M036", message, hint));
    }
    Ok(Built {
        layer: Box::new(BuiltDropout { rate, len: input.len(), mask }),
        output: input.clone(),
        params: Vec::new(),
        facts: Facts::default(),
    })
}

#[derive(Debug)]
struct BuiltDropout {
    rate: f32,
    /// Numbers per sample.
    len: usize,
    /// Draws per sample.
    mask: usize,
}

impl BuiltDropout {
    /// What a number that stays is multiplied with.
    fn scale(&self) -> f32 {
        if self.rate < 1.0 { 1.0 / (1.0 - self.rate) } else { 0.0 }
    }
}

impl Layer for BuiltDropout {
    fn work(&self) -> WorkSize {
        WorkSize { saved: self.mask, scratch: 0 }
    }

    fn forward(
        &self,
        _: Isa,
        _: Weights<'_>,
        x: &[f32],
        y: &mut [f32],
        work: Work<'_>,
        pass: Pass,
    ) {
        let Pass::Train { seed, step, layer, first } = pass else {
            y.copy_from_slice(x);
            return;
        };
        let scale = self.scale();
        let samples = x
            .chunks_exact(self.len)
            .zip(y.chunks_exact_mut(self.len))
            .zip(work.saved.chunks_exact_mut(self.mask));
        for (i, ((x, y), kept)) in samples.enumerate() {
            let position = (layer as u64) << 32 | (first + i) as u64;
            let mut random = stream(seed, Purpose::Dropout, step, position);
            for kept in kept.iter_mut() {
                *kept = u16::from(uniform_f32(&mut random) >= self.rate);
            }
            masked(scale, kept, x, y);
        }
    }

    fn backward(
        &self,
        _: Isa,
        _: Weights<'_>,
        shard: Shard<'_>,
        work: Work<'_>,
        dx: Option<&mut [f32]>,
        _: Option<&mut [f32]>,
        pass: Pass,
    ) {
        let Some(dx) = dx else { return };
        if pass == Pass::Infer {
            dx.copy_from_slice(shard.dy);
            return;
        }
        let scale = self.scale();
        let samples = shard.dy.chunks_exact(self.len).zip(dx.chunks_exact_mut(self.len));
        for ((dy, dx), kept) in samples.zip(work.saved.chunks_exact(self.mask)) {
            masked(scale, kept, dy, dx);
        }
    }

    fn is_random(&self) -> bool {
        true
    }
}

/// `to = scale · from` where the mask has a 1, else 0; the mask repeats.
fn masked(scale: f32, mask: &[u16], from: &[f32], to: &mut [f32]) {
    for (from, to) in from.chunks(mask.len()).zip(to.chunks_mut(mask.len())) {
        for ((to, from), &kept) in to.iter_mut().zip(from).zip(mask) {
            *to = if kept == 1 { from * scale } else { 0.0 };
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn drops_about_the_rate_and_keeps_the_mean() {
        let built = Dropout { rate: 0.25 }.build(&Shape::new(vec![10_000])).unwrap();
        let (x, mut y, mut saved) = (vec![1.0; 10_000], vec![0.0; 10_000], vec![0; 10_000]);
        let pass = Pass::Train { seed: 1, step: 0, layer: 0, first: 0 };
        let weights = Weights { params: &[], packed: &[] };
        built.layer.forward(
            Isa::best(),
            weights,
            &x,
            &mut y,
            Work { saved: &mut saved, scratch: &mut [] },
            pass,
        );
        let zeros = y.iter().filter(|&&y| y == 0.0).count();
        assert!((2300..2700).contains(&zeros), "{zeros} of 10,000 dropped");
        assert!(y.iter().all(|&y| y == 0.0 || y == 1.0 / 0.75));
    }
}

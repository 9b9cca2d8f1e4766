//! What the augmentation layers share: in training each image is changed on its own, with its own random numbers.

use crate::layer::{Built, Facts, Layer, Pass, Shard, Weights, Work};
use cnn_kernels::Isa;
use cnn_tensor::Shape;
use cnn_tensor::random::{Purpose, stream};
use rand_chacha::ChaCha8Rng;
use std::fmt;

/// A change made to one image at a time, in training only.
///
/// Nothing is kept from forward to backward: random numbers are counted, so the same ones are simply drawn again.
pub(super) trait PerImage: Send + Sync + fmt::Debug + 'static {
    /// Writes the changed image.
    fn forward(&self, random: &mut ChaCha8Rng, x: &[f32], y: &mut [f32]);

    /// Overwrites `dx` with ∂loss/∂x for the same random numbers.
    fn backward(&self, random: &mut ChaCha8Rng, x: &[f32], dy: &[f32], dx: &mut [f32]);

    /// What inference does; y = x unless the shape changes.
    fn infer(&self, x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(x);
    }

    /// The gradient of [`PerImage::infer`].
    fn infer_backward(&self, dy: &[f32], dx: &mut [f32]) {
        dx.copy_from_slice(dy);
    }
}

/// The layer that runs `change` on the images of a batch; it has no parameters.
pub(super) fn built<C: PerImage>(change: C, input: &Shape, output: Shape) -> Built {
    let layer = Augmentation { change, input: input.len(), output: output.len() };
    Built { layer: Box::new(layer), output, params: Vec::new(), facts: Facts::default() }
}

/// As [`built`], where the image keeps its shape.
pub(super) fn same_shape<C: PerImage>(change: C, input: &Shape) -> Built {
    built(change, input, input.clone())
}

#[derive(Debug)]
struct Augmentation<C> {
    change: C,
    /// Numbers per image going in.
    input: usize,
    /// Numbers per image coming out.
    output: usize,
}

/// The random numbers of the `i`-th image of a shard.
fn random_of(pass: Pass, i: usize) -> Option<ChaCha8Rng> {
    let Pass::Train { seed, step, layer, first } = pass else { return None };
    Some(stream(seed, Purpose::Augment, step, (layer as u64) << 32 | (first + i) as u64))
}

impl<C: PerImage> Layer for Augmentation<C> {
    fn forward(&self, _: Isa, _: Weights<'_>, x: &[f32], y: &mut [f32], _: Work<'_>, pass: Pass) {
        let images = x.chunks_exact(self.input).zip(y.chunks_exact_mut(self.output));
        for (i, (x, y)) in images.enumerate() {
            match random_of(pass, i) {
                Some(mut random) => self.change.forward(&mut random, x, y),
                None => self.change.infer(x, y),
            }
        }
    }

    fn backward(
        &self,
        _: Isa,
        _: Weights<'_>,
        shard: Shard<'_>,
        _: Work<'_>,
        dx: Option<&mut [f32]>,
        _: Option<&mut [f32]>,
        pass: Pass,
    ) {
        let Some(dx) = dx else { return };
        let images = shard
            .x
            .chunks_exact(self.input)
            .zip(shard.dy.chunks_exact(self.output))
            .zip(dx.chunks_exact_mut(self.input));
        for (i, ((x, dy), dx)) in images.enumerate() {
            match random_of(pass, i) {
                Some(mut random) => self.change.backward(&mut random, x, dy, dx),
                None => self.change.infer_backward(dy, dx),
            }
        }
    }

    fn is_random(&self) -> bool {
        true
    }
}

#[cfg(test)]
pub(super) mod tests {
    //! What the layers' tests share: one image through a layer.

    use super::*;
    use crate::layers::Spec;

    fn run(built: &Built, x: &[f32], pass: Pass) -> Vec<f32> {
        let mut y = vec![f32::NAN; built.output.len()];
        let weights = Weights { params: &[], packed: &[] };
        let work = Work { saved: &mut [], scratch: &mut [] };
        built.layer.forward(Isa::best(), weights, x, &mut y, work, pass);
        y
    }

    /// What training makes of one image with this seed.
    pub(in crate::layers) fn train(
        spec: &impl Spec,
        input: &[usize],
        x: &[f32],
        seed: u64,
    ) -> Vec<f32> {
        let built = spec.build(&Shape::new(input)).unwrap();
        run(&built, x, Pass::Train { seed, step: 0, layer: 0, first: 0 })
    }

    /// What inference makes of one image.
    pub(in crate::layers) fn infer(built: &Built, x: &[f32]) -> Vec<f32> {
        run(built, x, Pass::Infer)
    }
}

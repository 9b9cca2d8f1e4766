//! The outputs of layers for images.

use crate::engine::{Engine, Isa, Options};
use crate::model::Model;
use ndarray::{ArrayView2, ArrayView3, Axis};
use std::ops::Range;

/// Images carried through the network at once: bounds the memory, changes no number.
const CHUNK: usize = 32;

/// One layer's output for each of some images.
#[derive(Clone, Debug, PartialEq)]
pub struct Activations {
    /// Position of the layer in the model, from 0.
    pub index: usize,
    /// The layer's name: `conv2d_1`.
    pub layer: String,
    /// Keras's class name: `Conv2D`.
    pub kind: &'static str,
    /// Shape for one image: `[h, w, c]`, or `[units]`.
    pub shape: Vec<usize>,
    /// The numbers, image by image, channels last.
    pub values: Vec<f32>,
}

impl Activations {
    /// Numbers for one image.
    pub fn len_of_image(&self) -> usize {
        self.shape.iter().product()
    }

    /// How many images there are.
    pub fn images(&self) -> usize {
        self.values.len().checked_div(self.len_of_image()).unwrap_or(0)
    }

    /// Channels of a layer that gives images; units of one that gives a row of numbers.
    pub fn channels(&self) -> usize {
        self.shape.last().copied().unwrap_or(0)
    }

    /// All numbers for one image.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn of_image(&self, image: usize) -> &[f32] {
        let len = self.len_of_image();
        &self.values[image * len..(image + 1) * len]
    }

    /// One channel for one image as a picture [h, w]; `None` for a layer that does not give images.
    ///
    /// # Panics
    /// If there is no such image or channel.
    pub fn map(&self, image: usize, channel: usize) -> Option<ArrayView2<'_, f32>> {
        let &[h, w, c] = self.shape.as_slice() else { return None };
        let all = ArrayView3::from_shape((h, w, c), self.of_image(image)).ok()?;
        Some(all.index_axis_move(Axis(2), channel))
    }
}

/// The outputs of `layers` (positions, see [`super::select_layers`]) for images given as numbers `[n, h, w, c]`, in
/// inference mode. Every image goes through the network once, whatever the number of layers.
///
/// # Panics
/// If `images` is not a whole number of the model's inputs, `weights` is not as long as the model's arena, or a position
/// is beyond the model.
pub fn activations(
    model: &Model,
    weights: &[f32],
    images: &[f32],
    layers: &[usize],
    isa: Isa,
) -> Vec<Activations> {
    let size = model.input().len();
    assert!(images.len().is_multiple_of(size), "whole images of {size} numbers");
    let mut all: Vec<Activations> = layers
        .iter()
        .map(|&index| {
            let layer = &model.layers()[index];
            Activations {
                index,
                layer: layer.name.clone(),
                kind: layer.kind(),
                shape: layer.output.dims().to_vec(),
                values: Vec::with_capacity(images.len() / size * layer.output.len()),
            }
        })
        .collect();
    let fill = |range: Range<usize>, x: &mut [f32]| {
        x.copy_from_slice(&images[range.start * size..range.end * size]);
    };
    in_chunks(model, weights, images.len() / size, &fill, isa, |outputs| {
        for one in &mut all {
            one.values.extend_from_slice(&outputs[one.index]);
        }
    });
    all
}

/// Carries `n` images through the model, a chunk at a time; `visit` sees every layer's output for the chunk.
pub(super) fn in_chunks(
    model: &Model,
    weights: &[f32],
    n: usize,
    fill: &(dyn Fn(Range<usize>, &mut [f32]) + Sync),
    isa: Isa,
    mut visit: impl FnMut(&[Vec<f32>]),
) {
    let options = Options { threads: 1, isa, batch_size: 1, fuse: false };
    let mut engine = Engine::for_inference(model, options);
    for start in (0..n).step_by(CHUNK) {
        let feed = |range: Range<usize>, x: &mut [f32], labels: &mut [u32]| {
            fill(start + range.start..start + range.end, x);
            labels.fill(0);
        };
        visit(&engine.activations(weights, CHUNK.min(n - start), &feed));
    }
}

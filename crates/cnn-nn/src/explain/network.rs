//! A trained network that can be asked for gradients at any place: its layers one by one, without fusion.

use crate::engine::Isa;
use crate::layer::{Layer, Link, Pass, Shard, Weights, Work};
use crate::model::Model;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Images carried through the network at once: bounds the memory, changes no number.
const CHUNK: usize = 32;

/// A place in a network where numbers flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The images.
    Input,
    /// The output of the layer at this position, from 0.
    Output(usize),
}

/// A model with its weights, in inference mode, whose gradients can be taken at every place.
///
/// The **score** of a class is the number before a closing softmax, the logit: a probability near 1 has hardly any gradient
/// left, and falls where another class's score rises. A network that does not end in a softmax is taken as it is.
///
/// The engine of training stops its gradient at the first layer with parameters and merges layers where that is faster; this
/// one does neither, and changes no weight.
///
/// ```
/// use cnn_nn::engine::Isa;
/// use cnn_nn::explain::{Network, Place};
/// # use cnn_nn::layers::{Conv2D, Dense, Flatten, LayerSpec};
/// # let layers = [
/// #     LayerSpec::Conv2D(Conv2D::new(4, 3)),
/// #     LayerSpec::Flatten(Flatten),
/// #     LayerSpec::Dense(Dense::new(3)),
/// # ];
/// # let model = cnn_nn::ModelSpec::new([8, 8, 1], layers).build()?;
/// let weights = model.initial_weights(1);
/// let network = Network::new(&model, &weights, Isa::best());
/// let images = vec![0.5; 2 * 64];
/// let at_conv = network.class_gradient(&images, 2, Place::Output(0));
/// assert_eq!(at_conv.gradient.len(), 2 * 6 * 6 * 4);
/// assert_eq!(network.class_gradient(&images, 2, Place::Input).gradient.len(), 2 * 64);
/// # Ok::<(), cnn_nn::model::BuildFailure>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network<'a> {
    model: &'a Model,
    weights: Cow<'a, [f32]>,
    layers: Vec<Arc<dyn Layer>>,
    /// What each layer made of its weights.
    packed: Vec<Vec<f32>>,
    isa: Isa,
}

/// One class's score for some images, and its gradient at one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassGradient {
    /// The score of each image.
    pub scores: Vec<f32>,
    /// The numbers at the place, image by image.
    pub values: Vec<f32>,
    /// ∂score/∂values, of the same length.
    pub gradient: Vec<f32>,
}

/// One forward pass with all that a way back needs.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    /// The images, then the output of each layer that was run.
    acts: Vec<Vec<f32>>,
    /// What each layer keeps from forward to backward.
    saved: Vec<Vec<u16>>,
}

impl Trace {
    /// The output of the last layer that was run.
    pub(super) fn last(&self) -> &[f32] {
        self.acts.last().map_or(&[], Vec::as_slice)
    }

    fn at(&self, place: Place) -> &[f32] {
        match place {
            Place::Input => &self.acts[0],
            Place::Output(layer) => &self.acts[layer + 1],
        }
    }
}

impl<'a> Network<'a> {
    /// The model with these weights.
    ///
    /// # Panics
    /// If `weights` is not as long as the model's arena.
    pub fn new(model: &'a Model, weights: impl Into<Cow<'a, [f32]>>, isa: Isa) -> Self {
        let weights = weights.into();
        assert_eq!(weights.len(), model.param_count(), "the weights are the model's");
        let mut layers: Vec<Arc<dyn Layer>> =
            model.layers().iter().map(|layer| Arc::clone(&layer.layer)).collect();
        if let Some(last) = model.closing().map(|index| &mut layers[index])
            && let Some(bare) = last.without_link(Link::Softmax)
        {
            *last = Arc::from(bare);
        }
        let packed = layers.iter().zip(model.layers()).map(|(layer, of_model)| {
            let mut packed = vec![0.0; layer.packed_len()];
            layer.pack(&weights[of_model.params_range()], &mut packed);
            packed
        });
        Self { packed: packed.collect(), model, weights, layers, isa }
    }

    /// The model.
    pub fn model(&self) -> &'a Model {
        self.model
    }

    /// Its weights.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The instruction set that it runs on.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Classes that have a score.
    pub fn classes(&self) -> usize {
        self.model.output().len()
    }

    /// Height, width and channels of its images. An input without channels, `[h, w]`, has one; numbers in a row are a picture
    /// of one row.
    pub fn image_shape(&self) -> [usize; 3] {
        match *self.model.input().dims() {
            [h, w, c] => [h, w, c],
            [h, w] => [h, w, 1],
            _ => [1, self.model.input().len(), 1],
        }
    }

    /// The scores of all classes for images `[n, h, w, c]`: n times [`Self::classes`] numbers.
    ///
    /// # Panics
    /// If `images` are not whole images.
    pub fn scores(&self, images: &[f32]) -> Vec<f32> {
        let len = self.model.input().len();
        self.scores_of(self.count(images), |i, x| x.copy_from_slice(&images[i * len..][..len]))
    }

    /// What a softmax makes of the scores: the probabilities of all classes for each image.
    ///
    /// # Panics
    /// As [`Self::scores`].
    pub fn probabilities(&self, images: &[f32]) -> Vec<f32> {
        let mut scores = self.scores(images);
        cnn_kernels::activation::softmax(self.isa, self.classes(), &mut scores);
        scores
    }

    /// The score of `class` for each image, with its gradient with respect to the numbers at a place.
    ///
    /// # Panics
    /// If `images` are not whole images, or there is no such class or layer.
    pub fn class_gradient(&self, images: &[f32], class: usize, at: Place) -> ClassGradient {
        let len = self.model.input().len();
        let fill = |i: usize, x: &mut [f32]| x.copy_from_slice(&images[i * len..][..len]);
        let mut all = ClassGradient::default();
        self.class_gradients(self.count(images), fill, class, at, |part| {
            all.scores.extend(part.scores);
            all.values.extend(part.values);
            all.gradient.extend(part.gradient);
        });
        all
    }

    fn count(&self, images: &[f32]) -> usize {
        let len = self.model.input().len();
        assert!(images.len().is_multiple_of(len), "whole images of {len} numbers");
        images.len() / len
    }

    /// As [`Self::scores`], of `n` images that `fill` writes one by one.
    pub(super) fn scores_of(&self, n: usize, fill: impl Fn(usize, &mut [f32])) -> Vec<f32> {
        let mut scores = Vec::with_capacity(n * self.classes());
        self.in_chunks(n, fill, |_, x| {
            scores.extend_from_slice(self.run(x, self.layers.len()).last());
        });
        scores
    }

    /// As [`Self::class_gradient`], of `n` images that `fill` writes one by one; `visit` sees a chunk of them at a time.
    pub(super) fn class_gradients(
        &self,
        n: usize,
        fill: impl Fn(usize, &mut [f32]),
        class: usize,
        at: Place,
        mut visit: impl FnMut(ClassGradient),
    ) {
        let classes = self.classes();
        assert!(class < classes, "class {class} of {classes}");
        self.in_chunks(n, fill, |range, x| {
            let mut trace = self.run(x, self.layers.len());
            let mut dy = vec![0.0; range.len() * classes];
            dy.iter_mut().skip(class).step_by(classes).for_each(|one| *one = 1.0);
            let scores = trace.last().iter().skip(class).step_by(classes).copied().collect();
            let gradient = self.back(&mut trace, dy, at);
            visit(ClassGradient { scores, values: trace.at(at).to_vec(), gradient });
        });
    }

    /// Writes `n` images, a chunk at a time, and hands them on with their positions.
    pub(super) fn in_chunks(
        &self,
        n: usize,
        fill: impl Fn(usize, &mut [f32]),
        mut visit: impl FnMut(Range<usize>, Vec<f32>),
    ) {
        let len = self.model.input().len();
        for start in (0..n).step_by(CHUNK) {
            let range = start..(start + CHUNK).min(n);
            let mut x = vec![0.0; range.len() * len];
            for (i, image) in range.clone().zip(x.chunks_exact_mut(len)) {
                fill(i, image);
            }
            visit(range, x);
        }
    }

    /// Carries images through the first `depth` layers.
    pub(super) fn run(&self, images: Vec<f32>, depth: usize) -> Trace {
        let n = self.count(&images);
        let mut trace = Trace { acts: vec![images], saved: Vec::new() };
        for (i, of_model) in self.model.layers()[..depth].iter().enumerate() {
            let size = self.layers[i].work();
            let (mut saved, mut scratch) = (vec![0; n * size.saved], vec![0.0; size.scratch]);
            let mut y = vec![0.0; n * of_model.output.len()];
            let work = Work { saved: &mut saved, scratch: &mut scratch };
            let weights = self.weights_of(i);
            self.layers[i].forward(self.isa, weights, trace.last(), &mut y, work, Pass::Infer);
            trace.acts.push(y);
            trace.saved.push(saved);
        }
        trace
    }

    /// The gradient at `to`, from the gradient `dy` at the end of the trace.
    pub(super) fn back(&self, trace: &mut Trace, mut dy: Vec<f32>, to: Place) -> Vec<f32> {
        let first = match to {
            Place::Input => 0,
            Place::Output(layer) => layer + 1,
        };
        assert_eq!(dy.len(), trace.last().len(), "one gradient for each number of the output");
        for i in (first..trace.saved.len()).rev() {
            let (x, y) = (&trace.acts[i], &trace.acts[i + 1]);
            let mut dx = vec![0.0; x.len()];
            let mut scratch = vec![0.0; self.layers[i].work().scratch];
            let work = Work { saved: &mut trace.saved[i], scratch: &mut scratch };
            let shard = Shard { x, y, dy: &mut dy };
            let weights = self.weights_of(i);
            self.layers[i].backward(
                self.isa,
                weights,
                shard,
                work,
                Some(&mut dx),
                None,
                Pass::Infer,
            );
            dy = dx;
        }
        dy
    }

    fn weights_of(&self, layer: usize) -> Weights<'_> {
        Weights {
            params: &self.weights[self.model.layers()[layer].params_range()],
            packed: &self.packed[layer],
        }
    }

    /// The mean of each channel of a layer's output, for `n` images that `fill` writes: n times the layer's channels.
    pub(super) fn channel_means(
        &self,
        layer: usize,
        n: usize,
        fill: impl Fn(usize, &mut [f32]),
    ) -> Vec<f32> {
        let output = &self.model.layers()[layer].output;
        let mut means = Vec::with_capacity(n * channels(output.dims()));
        self.in_chunks(n, fill, |_, x| {
            let trace = self.run(x, layer + 1);
            for image in trace.last().chunks_exact(output.len()) {
                means.extend(means_of(image, channels(output.dims())));
            }
        });
        means
    }
}

/// Channels of maps, units of a row of numbers.
pub(super) fn channels(shape: &[usize]) -> usize {
    shape.last().copied().unwrap_or(1)
}

/// The mean of each channel, channels last.
pub(super) fn means_of(values: &[f32], channels: usize) -> Vec<f32> {
    let mut sums = vec![0.0f64; channels];
    for pixel in values.chunks_exact(channels) {
        for (sum, value) in sums.iter_mut().zip(pixel) {
            *sum += f64::from(*value);
        }
    }
    let pixels = (values.len() / channels) as f64;
    sums.into_iter().map(|sum| (sum / pixels) as f32).collect()
}

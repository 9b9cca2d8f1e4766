//! Numbers about kernels, and about what their channels find in images.

use super::activations::in_chunks;
use crate::engine::Isa;
use crate::model::Model;
use std::ops::Range;

/// A weight is near zero below this share of its kernel's largest magnitude.
pub const NEAR_ZERO: f32 = 0.01;

/// Mean, spread and range of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// How many there are.
    pub count: usize,
    /// Their mean; NaN if there are none.
    pub mean: f64,
    /// Standard deviation over the whole population (divided by n); NaN if there are none.
    pub deviation: f64,
    /// The smallest; +∞ if there are none.
    pub min: f32,
    /// The largest; −∞ if there are none.
    pub max: f32,
    /// Share of them that are exactly zero; NaN if there are none.
    pub zeros: f64,
}

impl Statistics {
    /// Of numbers that can be read twice.
    pub fn of<'a, I>(values: I) -> Self
    where
        I: IntoIterator<Item = &'a f32>,
        I::IntoIter: Clone,
    {
        let values = values.into_iter();
        let (mut count, mut zeros, mut sum) = (0usize, 0usize, 0.0f64);
        let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
        for &value in values.clone() {
            count += 1;
            zeros += usize::from(value == 0.0);
            sum += f64::from(value);
            min = min.min(value);
            max = max.max(value);
        }
        let mean = sum / count as f64;
        let squares: f64 = values.map(|&value| (f64::from(value) - mean).powi(2)).sum();
        Self {
            count,
            mean,
            deviation: (squares / count as f64).sqrt(),
            min,
            max,
            zeros: zeros as f64 / count as f64,
        }
    }
}

/// The kernel of one layer in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelStatistics {
    /// Position of the layer in the model, from 0.
    pub index: usize,
    /// The layer's name.
    pub layer: String,
    /// Keras's class name.
    pub kind: &'static str,
    /// Shape of the kernel: `[kh, kw, c, filters]` or `[in, units]`.
    pub shape: Vec<usize>,
    /// Its place among the model's weights.
    pub range: Range<usize>,
    /// Of its weights; the bias is not among them.
    pub weights: Statistics,
    /// Share of weights smaller than [`NEAR_ZERO`] times the largest magnitude: 1 for a kernel of zeros.
    pub near_zero: f64,
}

/// Statistics of every kernel, in order; those inside a block are called `residual/conv2d`.
///
/// # Panics
/// If `weights` is not as long as the model's arena.
pub fn kernel_statistics(model: &Model, weights: &[f32]) -> Vec<KernelStatistics> {
    assert_eq!(weights.len(), model.param_count(), "the weights are the model's");
    let layers = model.layers().iter().enumerate();
    let params = layers.flat_map(|(index, of)| of.params.iter().map(move |p| (index, of, p)));
    let kernels = params.filter_map(|(index, of, kernel)| {
        let (layer, name) = kernel.name.rsplit_once('/')?;
        if !name.ends_with("kernel") {
            return None;
        }
        let values = &weights[kernel.range.clone()];
        let limit = NEAR_ZERO * values.iter().fold(0.0f32, |max, w| max.max(w.abs()));
        let small = values.iter().filter(|w| w.abs() <= limit).count();
        Some(KernelStatistics {
            index,
            layer: layer.to_owned(),
            kind: of.kind(),
            shape: kernel.shape.clone(),
            range: kernel.range.clone(),
            weights: Statistics::of(values),
            near_zero: small as f64 / values.len() as f64,
        })
    });
    kernels.collect()
}

/// What the channels of one layer do over a sample of images.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelActivity {
    /// Position of the layer in the model, from 0.
    pub index: usize,
    /// The layer's name.
    pub layer: String,
    /// Images looked at.
    pub images: usize,
    /// Mean output of each channel.
    pub mean: Vec<f32>,
    /// Largest magnitude that each channel put out.
    pub largest: Vec<f32>,
    /// Share of each channel's outputs that are not zero.
    pub active: Vec<f32>,
}

impl ChannelActivity {
    /// Channels whose output was zero everywhere, in every image. A relu that never lets anything through also has no
    /// gradient: such a channel learns nothing any more.
    pub fn dead(&self) -> Vec<usize> {
        (0..self.largest.len()).filter(|&channel| self.largest[channel] == 0.0).collect()
    }

    /// Share of channels that are dead, 0 to 1.
    pub fn dead_share(&self) -> f64 {
        self.dead().len() as f64 / self.largest.len() as f64
    }
}

/// What the channels (of a Dense layer: the units) of every layer with parameters do over `n` images, in inference mode.
/// Where the next layer is an activation function, its output is looked at, as the layer's own.
///
/// `fill` writes the images of a range: `[h, w, c]` numbers each.
///
/// # Panics
/// If `weights` is not as long as the model's arena.
pub fn channel_activity(
    model: &Model,
    weights: &[f32],
    n: usize,
    fill: &(dyn Fn(Range<usize>, &mut [f32]) + Sync),
    isa: Isa,
) -> Vec<ChannelActivity> {
    let layers = model.layers();
    let with_params = (0..layers.len()).filter(|&at| layers[at].param_count() > 0);
    let mut sums: Vec<Sums> = with_params.map(|at| Sums::new(model, at)).collect();
    in_chunks(model, weights, n, fill, isa, |outputs| {
        for sum in &mut sums {
            sum.add(&outputs[sum.seen_at]);
        }
    });
    sums.into_iter().map(|sum| sum.finish(&layers[sum.index].name, n)).collect()
}

/// Running sums for [`ChannelActivity`].
struct Sums {
    index: usize,
    /// The layer whose output is looked at: this one, or the activation after it.
    seen_at: usize,
    sum: Vec<f64>,
    largest: Vec<f32>,
    active: Vec<u64>,
    /// Numbers per channel so far.
    count: u64,
}

impl Sums {
    fn new(model: &Model, index: usize) -> Self {
        let layers = model.layers();
        let follows = layers.get(index + 1).is_some_and(|next| next.kind() == "Activation");
        let channels = layers[index].output.dims().last().copied().unwrap_or(0);
        Self {
            index,
            seen_at: index + usize::from(follows),
            sum: vec![0.0; channels],
            largest: vec![0.0; channels],
            active: vec![0; channels],
            count: 0,
        }
    }

    fn add(&mut self, outputs: &[f32]) {
        for pixel in outputs.chunks_exact(self.sum.len()) {
            self.count += 1;
            for (channel, &value) in pixel.iter().enumerate() {
                self.sum[channel] += f64::from(value);
                self.largest[channel] = self.largest[channel].max(value.abs());
                self.active[channel] += u64::from(value != 0.0);
            }
        }
    }

    fn finish(&self, layer: &str, images: usize) -> ChannelActivity {
        let count = self.count.max(1) as f64;
        ChannelActivity {
            index: self.index,
            layer: layer.to_owned(),
            images,
            mean: self.sum.iter().map(|sum| (sum / count) as f32).collect(),
            largest: self.largest.clone(),
            active: self.active.iter().map(|&n| (n as f64 / count) as f32).collect(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the sums are exact in binary")]
mod tests {
    use super::*;
    use crate::ModelSpec;
    use crate::layers::{Activation, Conv2D, Flatten, Function, LayerSpec};

    #[test]
    fn statistics_are_those_of_the_textbook() {
        let of = Statistics::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!((of.count, of.mean, of.deviation), (8, 5.0, 2.0));
        assert_eq!((of.min, of.max, of.zeros), (2.0, 9.0, 0.0));
        assert!(Statistics::of(&[]).mean.is_nan());
        assert_eq!(Statistics::of(&[0.0, 1.0, 0.0, -1.0]).zeros, 0.5);
    }

    /// A 1×1 convolution with relu: channel 0 passes the image, channel 1 its negative, which relu turns to nothing.
    fn pass_and_block(own_relu: bool) -> Model {
        let mut conv = Conv2D::new(2, 1);
        let mut layers = Vec::new();
        if own_relu {
            conv.activation = Function::Relu;
            layers.push(LayerSpec::Conv2D(conv));
        } else {
            layers.push(LayerSpec::Conv2D(conv));
            layers.push(LayerSpec::Activation(Activation { activation: Function::Relu }));
        }
        layers.push(LayerSpec::Flatten(Flatten));
        ModelSpec::new([2, 2, 1], layers).build().unwrap()
    }

    #[test]
    fn a_channel_that_is_zero_everywhere_is_dead() {
        let images = [0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let fill = |range: Range<usize>, x: &mut [f32]| {
            x.copy_from_slice(&images[range.start * 4..range.end * 4]);
        };
        for own_relu in [true, false] {
            let model = pass_and_block(own_relu);
            let seen = channel_activity(&model, &[2.0, -1.0, 0.0, 0.0], 2, &fill, Isa::best());
            assert_eq!(seen.len(), 1);
            assert_eq!((seen[0].layer.as_str(), seen[0].images), ("conv2d", 2));
            assert_eq!(seen[0].dead(), [1]);
            assert_eq!(seen[0].dead_share(), 0.5);
            assert_eq!(seen[0].largest, [2.0, 0.0]);
            assert_eq!(seen[0].mean, [3.0 / 8.0, 0.0]);
            assert_eq!(seen[0].active, [0.25, 0.0]);
        }
    }

    #[test]
    fn near_zero_is_relative_to_the_largest_weight() {
        let model = ModelSpec::new(
            [4, 4, 1],
            [LayerSpec::Conv2D(Conv2D::new(1, 2)), LayerSpec::Flatten(Flatten)],
        )
        .build()
        .unwrap();
        let of =
            |kernel: [f32; 4]| kernel_statistics(&model, &[&kernel[..], &[9.0]].concat()).remove(0);
        let kernel = of([1.0, 0.009, -0.009, -2.0]);
        assert_eq!(kernel.shape, [2, 2, 1, 1]);
        assert_eq!(kernel.near_zero, 0.5);
        assert_eq!(kernel.weights.max, 1.0, "the bias is not among them");
        assert_eq!(of([0.0; 4]).near_zero, 1.0);
    }
}

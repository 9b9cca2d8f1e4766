//! What a channel looks for: an image that drives it as far as it goes.

use super::network::{Network, Place, channels};
use super::question::ExplainError;
use super::randomised::random_weights;
use cnn_tensor::random::{Purpose, stream, uniform_f32};

/// Settings of [`maximise`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Maximise {
    /// Steps of gradient ascent; 1 or more, default 128.
    pub steps: usize,
    /// Length of a step: root mean square of the change of a pixel; default 0.05.
    pub step_size: f32,
    /// The image is blurred by 1-2-1 every so many steps, so that it does not become noise; 0 never, default 8.
    pub blur_every: usize,
    /// Every pixel loses this share of its value in a step, so that what does not matter goes dark; default 0.01.
    pub decay: f32,
    /// Random images to begin with, from fine to coarse: the one that drives the channel most is taken; 1 or more, default 64.
    pub starts: usize,
    /// Decides these.
    pub seed: u64,
}

impl Default for Maximise {
    fn default() -> Self {
        Self { steps: 128, step_size: 0.05, blur_every: 8, decay: 0.01, starts: 64, seed: 0 }
    }
}

/// An image that drives a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Maximised {
    /// The channel, from 0.
    pub channel: usize,
    /// The image `[h, w, c]`, 0 to 1.
    pub image: Vec<f32>,
    /// Mean activation of the channel for it.
    pub activation: f32,
}

/// For each of some channels of a layer (units of a dense one) an image from 0 to 1 that drives the channel's mean activation as far as
/// gradient ascent from a random image gets: the best of all steps. A channel that no random image drives stays where it began.
/// Of the last layer's units, without their softmax, these are images of the classes.
///
/// Source: Erhan et al. 2009, "Visualizing higher-layer features of a deep network"; decay and blur after Yosinski et al. 2015,
/// "Understanding neural networks through deep visualization".
///
/// # Errors
/// [`ExplainError::Layer`], [`ExplainError::Channel`] or [`ExplainError::Setting`].
pub fn maximise(
    network: &Network<'_>,
    layer: usize,
    of: &[usize],
    settings: &Maximise,
) -> Result<Vec<Maximised>, ExplainError> {
    check(network, layer, of, settings)?;
    let all = channels(network.model().layers()[layer].output.dims());
    let random = |i: usize, x: &mut [f32]| noise(network, settings.seed, i, x);
    let means = network.channel_means(layer, settings.starts, random);
    let start = |channel: usize| {
        let drive = |start: &usize| means[start * all + channel];
        (0..settings.starts).max_by(|a, b| drive(a).total_cmp(&drive(b))).unwrap_or(0)
    };
    let mut found = Vec::with_capacity(of.len());
    let fill = |i: usize, x: &mut [f32]| noise(network, settings.seed, start(of[i]), x);
    network.in_chunks(of.len(), fill, |range, images| {
        found.extend(climb(network, layer, &of[range], images, settings));
    });
    Ok(found)
}

fn check(
    network: &Network<'_>,
    layer: usize,
    of: &[usize],
    settings: &Maximise,
) -> Result<(), ExplainError> {
    let layers = network.model().layers();
    let of_model =
        layers.get(layer).ok_or(ExplainError::Layer { asked: layer, layers: layers.len() })?;
    let channels = channels(of_model.output.dims());
    if let Some(&asked) = of.iter().find(|&&asked| asked >= channels) {
        return Err(ExplainError::Channel { layer: of_model.name.clone(), asked, channels });
    }
    let Maximise { steps, step_size, decay, starts, .. } = *settings;
    let sound = steps > 0 && starts > 0 && step_size > 0.0 && step_size.is_finite();
    if sound && (0.0..1.0).contains(&decay) {
        return Ok(());
    }
    Err(ExplainError::setting(
        "filter maximisation needs steps and starts of 1 or more, a step size above 0 and a decay from 0 to below 1",
        "the defaults are 128 steps of 0.05, a decay of 0.01 and 64 starts",
    ))
}

/// The `i`-th random image: uniform noise, blurred more or less so that some are coarse, from 0 to 1.
fn noise(network: &Network<'_>, seed: u64, i: usize, x: &mut [f32]) {
    let mut random = stream(seed, Purpose::Explain, super::STARTS, i as u64);
    x.fill_with(|| uniform_f32(&mut random));
    for _ in 0..[0, 1, 4, 16][i % 4] {
        blur(x, network.image_shape());
    }
    let low = x.iter().copied().fold(f32::INFINITY, f32::min);
    let high = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if high > low {
        for x in x {
            *x = (*x - low) / (high - low);
        }
    }
}

/// Gradient ascent on one image for each channel.
fn climb(
    network: &Network<'_>,
    layer: usize,
    of: &[usize],
    mut images: Vec<f32>,
    settings: &Maximise,
) -> Vec<Maximised> {
    let output = &network.model().layers()[layer].output;
    let (all, len) = (channels(output.dims()), network.model().input().len());
    let positions = (output.len() / all) as f32;
    let begin = |&channel: &usize| Maximised {
        channel,
        image: vec![0.0; len],
        activation: f32::NEG_INFINITY,
    };
    let mut best: Vec<Maximised> = of.iter().map(begin).collect();
    for step in 0..=settings.steps {
        let mut trace = network.run(images.clone(), layer + 1);
        let mut dy = vec![0.0; trace.last().len()];
        let outputs =
            trace.last().chunks_exact(output.len()).zip(dy.chunks_exact_mut(output.len()));
        for ((best, image), (y, dy)) in best.iter_mut().zip(images.chunks_exact(len)).zip(outputs) {
            let activation = y.iter().skip(best.channel).step_by(all).sum::<f32>() / positions;
            // Of equal ones the later: what does not matter has gone darker by then.
            if activation >= best.activation {
                best.activation = activation;
                best.image.copy_from_slice(image);
            }
            dy.iter_mut().skip(best.channel).step_by(all).for_each(|dy| *dy = 1.0 / positions);
        }
        let gradient = network.back(&mut trace, dy, Place::Input);
        let blur = settings.blur_every > 0 && (step + 1).is_multiple_of(settings.blur_every);
        for (image, g) in images.chunks_exact_mut(len).zip(gradient.chunks_exact(len)) {
            ascend(image, g, settings);
            if blur {
                self::blur(image, network.image_shape());
            }
        }
    }
    best
}

/// A step of fixed length along the gradient, the decay, and back between 0 and 1. Where there is no gradient nothing changes.
fn ascend(image: &mut [f32], gradient: &[f32], settings: &Maximise) {
    let squares: f64 = gradient.iter().map(|g| f64::from(*g).powi(2)).sum();
    let rms = (squares / gradient.len() as f64).sqrt() as f32;
    if rms == 0.0 || !rms.is_finite() {
        return;
    }
    for (x, g) in image.iter_mut().zip(gradient) {
        *x = (*x * (1.0 - settings.decay) + settings.step_size * g / rms).clamp(0.0, 1.0);
    }
}

/// Each pixel becomes the mean of itself and its neighbours, weighted 1-2-1 along each axis; the edge repeats.
fn blur(image: &mut [f32], [h, w, c]: [usize; 3]) {
    for (len, step) in [(h, w * c), (w, c)] {
        let before = image.to_vec();
        for (i, x) in image.iter_mut().enumerate() {
            let place = i / step % len;
            let back = if place > 0 { i - step } else { i };
            let on = if place + 1 < len { i + step } else { i };
            *x = (before[back] + 2.0 * before[i] + before[on]) / 4.0;
        }
    }
}

/// What a maximised activation is compared with; all are means of the channel over its positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaximiseCheck {
    /// The largest for random images.
    pub noise: f32,
    /// The largest for images of a data set, if there are any.
    pub data: Option<f32>,
    /// For the image that drives the same channel of a model with random weights: how far an image gets that knows nothing of
    /// the trained one.
    pub random_model: f32,
}

impl MaximiseCheck {
    /// Whether the image says something about the trained model: it drives the channel further than random images and than the
    /// image made for random weights.
    pub fn depends_on_model(&self, found: &Maximised) -> bool {
        found.activation > self.noise.max(self.random_model)
    }
}

/// What images there are to compare with: how many, and who writes the i-th.
pub type Images<'a> = (usize, &'a dyn Fn(usize, &mut [f32]));

/// Compares what [`maximise`] found with random images, with images of a data set, and with what it finds for random weights.
///
/// # Errors
/// As [`maximise`].
pub fn check_maximised(
    network: &Network<'_>,
    layer: usize,
    found: &[Maximised],
    settings: &Maximise,
    data: Option<Images<'_>>,
) -> Result<Vec<MaximiseCheck>, ExplainError> {
    let of: Vec<usize> = found.iter().map(|one| one.channel).collect();
    check(network, layer, &of, settings)?;
    let all = channels(network.model().layers()[layer].output.dims());
    let largest = |means: &[f32], channel: usize| {
        means.iter().skip(channel).step_by(all).copied().fold(f32::NEG_INFINITY, f32::max)
    };
    let noise =
        network.channel_means(layer, settings.starts, |i, x| noise(network, settings.seed, i, x));
    let data = data.map(|(n, fill)| network.channel_means(layer, n, fill));
    let random =
        Network::new(network.model(), random_weights(network, settings.seed, 0), network.isa());
    let strange = maximise(&random, layer, &of, settings)?;
    let strange =
        network.channel_means(layer, of.len(), |i, x| x.copy_from_slice(&strange[i].image));
    let check = |(i, &channel): (usize, &usize)| MaximiseCheck {
        noise: largest(&noise, channel),
        data: data.as_ref().map(|means| largest(means, channel)),
        random_model: strange[i * all + channel],
    };
    Ok(of.iter().enumerate().map(check).collect())
}

//! What an explanation answers, and what cannot be asked.

use super::network::Network;
use ndarray::Array2;
use std::borrow::Cow;

/// Which pixels of this image give the class its score?
#[derive(Clone, Debug)]
pub struct Question<'a> {
    pub(super) network: &'a Network<'a>,
    pub(super) image: &'a [f32],
    pub(super) class: usize,
    scores: Vec<f32>,
}

impl<'a> Question<'a> {
    /// Checks that the image is the network's, that the class is there, and that its scores are numbers.
    ///
    /// # Errors
    /// [`ExplainError::Image`], [`ExplainError::Class`] or [`ExplainError::NotFinite`].
    pub fn new(
        network: &'a Network<'a>,
        image: &'a [f32],
        class: usize,
    ) -> Result<Self, ExplainError> {
        let (expected, classes) = (network.model().input().len(), network.classes());
        if image.len() != expected {
            return Err(ExplainError::Image { expected, got: image.len() });
        }
        if class >= classes {
            return Err(ExplainError::Class { asked: class, classes });
        }
        let scores = network.scores(image);
        if !image.iter().chain(&scores).all(|value| value.is_finite()) {
            return Err(ExplainError::NotFinite);
        }
        Ok(Self { network, image, class, scores })
    }

    /// The network that is asked.
    pub fn network(&self) -> &'a Network<'a> {
        self.network
    }

    /// The class.
    pub fn class(&self) -> usize {
        self.class
    }

    /// The scores of all classes: logits, where the network ends in a softmax.
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }

    /// Numbers with one for each number of the image, as one for each pixel: `fold` joins a pixel's channels.
    pub(super) fn per_pixel(&self, values: &[f64], fold: fn(f64, f64) -> f64) -> Array2<f32> {
        let [h, w, c] = self.network.image_shape();
        Array2::from_shape_fn((h, w), |(i, j)| {
            let at = (i * w + j) * c;
            values[at..at + c].iter().copied().reduce(fold).unwrap_or(0.0) as f32
        })
    }
}

/// What stands for "nothing there": where integrated gradients begin, what covers and replaces pixels.
#[derive(Clone, Debug, PartialEq)]
pub enum Baseline {
    /// The same number everywhere; 0 is black.
    Grey(f32),
    /// An image `[h, w, c]`.
    Image(Vec<f32>),
}

impl Default for Baseline {
    fn default() -> Self {
        Self::Grey(0.0)
    }
}

impl Baseline {
    /// As an image for this network.
    pub(super) fn image(&self, network: &Network<'_>) -> Result<Cow<'_, [f32]>, ExplainError> {
        let expected = network.model().input().len();
        let image = match self {
            Self::Grey(value) => Cow::Owned(vec![*value; expected]),
            Self::Image(image) => Cow::Borrowed(image.as_slice()),
        };
        if image.len() != expected {
            return Err(ExplainError::Image { expected, got: image.len() });
        }
        if image.iter().all(|value| value.is_finite()) {
            Ok(image)
        } else {
            Err(ExplainError::NotFinite)
        }
    }
}

/// Why something cannot be explained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The image has another size than the network's input.
    #[error("the image has {got} numbers, the model's input has {expected}")]
    Image {
        /// Numbers of the model's input.
        expected: usize,
        /// Numbers of the image.
        got: usize,
    },
    /// There is no such class.
    #[error("there is no class {asked}: the model has {classes}")]
    Class {
        /// What was asked for.
        asked: usize,
        /// How many there are.
        classes: usize,
    },
    /// Numbers that are NaN or infinite.
    #[error("the image or the model's scores for it are not finite numbers")]
    NotFinite,
    /// There is no such layer.
    #[error("there is no layer at position {asked}: the model has {layers}")]
    Layer {
        /// What was asked for, from 0.
        asked: usize,
        /// How many there are.
        layers: usize,
    },
    /// Class activation maps of a model without maps.
    #[error("the model has no layer with maps, so that there is no class activation map")]
    NoMaps,
    /// Class activation maps of a layer that gives no maps.
    #[error("layer `{layer}` gives {shape:?} for an image, no maps [height, width, channels]")]
    NotMaps {
        /// Its name.
        layer: String,
        /// Its output.
        shape: Vec<usize>,
    },
    /// There is no such channel.
    #[error("there is no channel {asked}: layer `{layer}` has {channels}")]
    Channel {
        /// The layer's name.
        layer: String,
        /// What was asked for.
        asked: usize,
        /// How many there are.
        channels: usize,
    },
    /// A setting that does not work.
    #[error("{message}")]
    Setting {
        /// What is wrong.
        message: String,
        /// What would work.
        hint: &'static str,
    },
}

impl ExplainError {
    /// What would work.
    pub fn hint(&self) -> String {
        match self {
            Self::Image { .. } => "give images of the model's own size and channels".to_owned(),
            Self::Class { classes, .. } => format!("classes go from 0 to {}", classes.max(&1) - 1),
            Self::NotFinite => "look for NaN in the image and the weights".to_owned(),
            Self::Layer { layers, .. } => format!("positions go from 0 to {}", layers.max(&1) - 1),
            Self::NoMaps => {
                "saliency, SmoothGrad, integrated gradients and occlusion work for every model"
                    .to_owned()
            }
            Self::NotMaps { .. } => "choose a convolution, or a layer before `Flatten`".to_owned(),
            Self::Channel { channels, .. } => {
                format!("channels go from 0 to {}", channels.max(&1) - 1)
            }
            Self::Setting { hint, .. } => (*hint).to_owned(),
        }
    }

    pub(super) fn setting(message: impl Into<String>, hint: &'static str) -> Self {
        Self::Setting { message: message.into(), hint }
    }
}

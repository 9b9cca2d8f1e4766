//! Class activation maps: which maps of a layer a class's score rests on, and where they are active.

use super::network::{Place, channels, means_of};
use super::question::{ExplainError, Question};
use crate::layers::resize;
use crate::model::Model;
use ndarray::Array2;

/// A class activation map.
#[derive(Clone, Debug, PartialEq)]
pub struct Cam {
    /// Position of the layer, from 0.
    pub layer: usize,
    /// One number per pixel of the layer's maps, ≥ 0.
    pub coarse: Array2<f32>,
    /// The same over the image, bilinear between the pixels' centres as `tf.image.resize`.
    pub map: Array2<f32>,
}

/// The layer that class activation maps are made of unless another is named: the last convolution (with the activation after
/// it, where that is a layer of its own), else the last layer with parameters that gives maps; `None` where there is neither.
pub fn cam_layer(model: &Model) -> Option<usize> {
    let layers = model.layers();
    let maps = |at: &usize| layers[*at].output.rank() == 3;
    let last = |wanted: &dyn Fn(&usize) -> bool| {
        (0..layers.len()).rev().filter(maps).find(|at| wanted(at))
    };
    let found = last(&|at| layers[*at].kind().contains("Conv"))
        .or_else(|| last(&|at| layers[*at].param_count() > 0))?;
    let activated = layers.get(found + 1).is_some_and(|next| next.kind() == "Activation");
    Some(found + usize::from(activated))
}

/// Grad-CAM: relu(Σₖ wₖ·Aₖ) with the maps Aₖ of a layer and wₖ the mean of ∂score/∂Aₖ over the map.
/// `layer` is a position, by default that of [`cam_layer`].
///
/// Source: Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based localization".
///
/// # Errors
/// [`ExplainError::NoMaps`], [`ExplainError::NotMaps`] or [`ExplainError::Layer`].
pub fn grad_cam(question: &Question<'_>, layer: Option<usize>) -> Result<Cam, ExplainError> {
    cam(question, layer, |_, gradient, channels| means_of(gradient, channels))
}

/// Grad-CAM++: as [`grad_cam`], with wₖ = Σᵢⱼ αᵢⱼ·relu(gᵢⱼ) for g = ∂score/∂Aₖ and αᵢⱼ = g²ᵢⱼ / (2·g²ᵢⱼ + g³ᵢⱼ·ΣAₖ), so that a
/// class found at several places shows at all of them. The factor exp(score), common to all weights, is left out.
///
/// Source: Chattopadhay et al. 2018, "Grad-CAM++: generalized gradient-based visual explanations".
///
/// # Errors
/// As [`grad_cam`].
pub fn grad_cam_plus_plus(
    question: &Question<'_>,
    layer: Option<usize>,
) -> Result<Cam, ExplainError> {
    cam(question, layer, |maps, gradient, channels| {
        let mut sums = vec![0.0f64; channels];
        for pixel in maps.chunks_exact(channels) {
            sums.iter_mut().zip(pixel).for_each(|(sum, a)| *sum += f64::from(*a));
        }
        let mut weights = vec![0.0f64; channels];
        for pixel in gradient.chunks_exact(channels) {
            for ((weight, sum), g) in weights.iter_mut().zip(&sums).zip(pixel) {
                let g = f64::from(*g);
                let below = 2.0 + g * sum;
                if g > 0.0 && below != 0.0 {
                    *weight += g / below;
                }
            }
        }
        weights.into_iter().map(|weight| weight as f32).collect()
    })
}

fn cam(
    question: &Question<'_>,
    layer: Option<usize>,
    weigh: impl Fn(&[f32], &[f32], usize) -> Vec<f32>,
) -> Result<Cam, ExplainError> {
    let (network, layers) = (question.network, question.network.model().layers());
    let layer = layer.or_else(|| cam_layer(network.model())).ok_or(ExplainError::NoMaps)?;
    let of_model =
        layers.get(layer).ok_or(ExplainError::Layer { asked: layer, layers: layers.len() })?;
    let shape = of_model.output.dims();
    let &[h, w, _] = shape else {
        return Err(ExplainError::NotMaps { layer: of_model.name.clone(), shape: shape.to_vec() });
    };
    let at = network.class_gradient(question.image, question.class, Place::Output(layer));
    let channels = channels(shape);
    let weights = weigh(&at.values, &at.gradient, channels);
    let pixels = at.values.chunks_exact(channels).map(|pixel| {
        let terms = pixel.iter().zip(&weights).map(|(a, w)| f64::from(*a) * f64::from(*w));
        terms.sum::<f64>().max(0.0) as f32
    });
    let coarse: Vec<f32> = pixels.collect();
    let [height, width, _] = network.image_shape();
    let map = resize(&coarse, [h, w], [height, width]);
    let plane = |values, (h, w): (usize, usize)| {
        Array2::from_shape_vec((h, w), values).unwrap_or_else(|_| Array2::zeros((h, w)))
    };
    Ok(Cam { layer, coarse: plane(coarse, (h, w)), map: plane(map, (height, width)) })
}

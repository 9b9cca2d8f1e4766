//! The methods that explain one image, by name, under one roof.

use super::cam::{grad_cam, grad_cam_plus_plus};
use super::integrated::{Completeness, IntegratedGradients, integrated_gradients};
use super::occlusion::{Occlusion, occlusion};
use super::question::{Baseline, ExplainError, Question};
use super::saliency::{SmoothGrad, saliency, smooth_grad};
use ndarray::Array2;

/// A method that gives one number to each pixel of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// [`saliency`].
    Saliency,
    /// [`smooth_grad`].
    SmoothGrad,
    /// [`grad_cam`].
    GradCam,
    /// [`grad_cam_plus_plus`].
    GradCamPlusPlus,
    /// [`integrated_gradients`].
    IntegratedGradients,
    /// [`occlusion`].
    Occlusion,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Saliency,
        Self::SmoothGrad,
        Self::GradCam,
        Self::GradCamPlusPlus,
        Self::IntegratedGradients,
        Self::Occlusion,
    ];

    /// As it is typed: `grad-cam++`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Saliency => "saliency",
            Self::SmoothGrad => "smoothgrad",
            Self::GradCam => "grad-cam",
            Self::GradCamPlusPlus => "grad-cam++",
            Self::IntegratedGradients => "integrated-gradients",
            Self::Occlusion => "occlusion",
        }
    }

    /// As it is written in a title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Saliency => "Saliency",
            Self::SmoothGrad => "SmoothGrad",
            Self::GradCam => "Grad-CAM",
            Self::GradCamPlusPlus => "Grad-CAM++",
            Self::IntegratedGradients => "Integrated gradients",
            Self::Occlusion => "Occlusion",
        }
    }

    /// Whether its numbers have a sign: positive for the class, negative against it.
    pub fn is_signed(self) -> bool {
        matches!(self, Self::IntegratedGradients | Self::Occlusion)
    }

    /// Whether it needs a layer with maps.
    pub fn needs_maps(self) -> bool {
        matches!(self, Self::GradCam | Self::GradCamPlusPlus)
    }
}

/// Settings of all methods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// What stands for "nothing there".
    pub baseline: Baseline,
    /// Of [`smooth_grad`].
    pub smooth_grad: SmoothGrad,
    /// Of [`integrated_gradients`].
    pub integrated_gradients: IntegratedGradients,
    /// Of [`occlusion`]; default [`Occlusion::for_image`].
    pub occlusion: Option<Occlusion>,
    /// The layer of class activation maps; default [`super::cam_layer`].
    pub layer: Option<usize>,
}

/// One method's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The method.
    pub method: Method,
    /// One number per pixel, `[h, w]`.
    pub map: Array2<f32>,
    /// The layer that a class activation map was made of.
    pub layer: Option<usize>,
    /// Of integrated gradients.
    pub completeness: Option<Completeness>,
}

/// Answers by one method.
///
/// # Errors
/// Those of the method's own function.
pub fn explain(
    question: &Question<'_>,
    method: Method,
    settings: &Settings,
) -> Result<Explanation, ExplainError> {
    let plain = |map| Explanation { method, map, layer: None, completeness: None };
    let baseline = &settings.baseline;
    Ok(match method {
        Method::Saliency => plain(saliency(question)),
        Method::SmoothGrad => plain(smooth_grad(question, &settings.smooth_grad)?),
        Method::GradCam => {
            let cam = grad_cam(question, settings.layer)?;
            Explanation { layer: Some(cam.layer), ..plain(cam.map) }
        }
        Method::GradCamPlusPlus => {
            let cam = grad_cam_plus_plus(question, settings.layer)?;
            Explanation { layer: Some(cam.layer), ..plain(cam.map) }
        }
        Method::IntegratedGradients => {
            let found = integrated_gradients(question, baseline, &settings.integrated_gradients)?;
            Explanation { completeness: Some(found.completeness), ..plain(found.map) }
        }
        Method::Occlusion => {
            let shape = question.network().image_shape();
            let windows = settings.occlusion.unwrap_or_else(|| Occlusion::for_image(shape));
            plain(occlusion(question, baseline, &windows)?)
        }
    })
}

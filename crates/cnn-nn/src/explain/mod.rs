//! Why a trained network answers as it does: the pixels that its score rests on, and what its channels look for.
//!
//! A [`Network`] is a model with its weights whose gradients can be taken at every place; a [`Question`] is an image and a class.
//!
//! | function | gives | source |
//! |---|---|---|
//! | [`saliency`] | size of the gradient at each pixel | Simonyan et al. 2014 |
//! | [`smooth_grad`] | the same, of the mean over noisy copies | Smilkov et al. 2017 |
//! | [`integrated_gradients`] | shares of the score's rise from a baseline, with their completeness error | Sundararajan et al. 2017 |
//! | [`grad_cam`], [`grad_cam_plus_plus`] | where the maps that speak for the class are active | Selvaraju et al. 2017, Chattopadhay et al. 2018 |
//! | [`occlusion`] | what the score loses when a pixel is covered | Zeiler & Fergus 2014 |
//! | [`maximise`] | an image that drives a channel | Erhan et al. 2009 |
//!
//! A map can look convincing and say nothing about the model. [`randomised`] compares it with the maps of random weights
//! (Adebayo et al. 2018), [`pixel_curves`] takes away and puts in pixels in its order (Petsiuk et al. 2018), and [`check_maximised`]
//! does the like for [`maximise`].
//!
//! ```
//! use cnn_nn::engine::Isa;
//! use cnn_nn::explain::{Baseline, IntegratedGradients, Network, Question, grad_cam, integrated_gradients};
//! # use cnn_nn::layers::{Conv2D, Dense, Flatten, LayerSpec};
//! # let layers = [
//! #     LayerSpec::Conv2D(Conv2D::new(4, 3)),
//! #     LayerSpec::Flatten(Flatten),
//! #     LayerSpec::Dense(Dense::new(3)),
//! # ];
//! # let model = cnn_nn::ModelSpec::new([8, 8, 1], layers).build()?;
//! let weights = model.initial_weights(1);
//! let network = Network::new(&model, &weights, Isa::best());
//! let image: Vec<f32> = (0..64).map(|i| i as f32 / 63.0).collect();
//! let question = Question::new(&network, &image, 2)?;
//! assert_eq!(grad_cam(&question, None)?.map.dim(), (8, 8));
//! let found = integrated_gradients(&question, &Baseline::default(), &IntegratedGradients::default())?;
//! assert!(found.completeness.error() < 0.01);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cam;
mod curves;
mod integrated;
mod maximise;
mod method;
mod network;
mod occlusion;
mod question;
mod randomised;
mod saliency;
mod similarity;

pub use cam::{Cam, cam_layer, grad_cam, grad_cam_plus_plus};
pub use curves::{CurveSettings, PixelCurves, References, pixel_curves, references};
pub use integrated::{Completeness, Integrated, IntegratedGradients, integrated_gradients};
pub use maximise::{Images, Maximise, MaximiseCheck, Maximised, check_maximised, maximise};
pub use method::{Explanation, Method, Settings, explain};
pub use network::{ClassGradient, Network, Place};
pub use occlusion::{Occlusion, occlusion};
pub use question::{Baseline, ExplainError, Question};
pub use randomised::{Likeness, Randomised, Stage, randomised};
pub use saliency::{SmoothGrad, saliency, smooth_grad};
pub use similarity::{spearman, ssim};

/// Places of the counted random numbers of `Purpose::Explain`: its `a`.
const NOISE: u64 = 0;
const WEIGHTS: u64 = 1;
const ORDERS: u64 = 2;
const STARTS: u64 = 3;

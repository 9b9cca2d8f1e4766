//! Looking into a trained model: what its layers answer to images, and what its kernels look like in numbers.
//!
//! - [`select_layers`] finds layers by name, kind or position, [`feature_layers`] those that the course looks at.
//! - [`activations`] gives the outputs of the selected layers, all from one forward pass.
//! - [`kernel_pictures`] says how a kernel is seen as pictures.
//! - [`kernel_statistics`] and [`channel_activity`] put numbers on kernels and on what they find in a data set,
//!   [`layer_gradients`] on what training would do to them.
//!
//! ```
//! use cnn_nn::engine::Isa;
//! use cnn_nn::inspect::{activations, feature_layers};
//! # use cnn_nn::layers::{Conv2D, Dense, Flatten, LayerSpec, MaxPooling2D};
//! # let layers = [
//! #     LayerSpec::Conv2D(Conv2D::new(4, 3)),
//! #     LayerSpec::MaxPooling2D(MaxPooling2D::default()),
//! #     LayerSpec::Flatten(Flatten),
//! #     LayerSpec::Dense(Dense::new(3)),
//! # ];
//! # let model = cnn_nn::ModelSpec::new([8, 8, 1], layers).build()?;
//! let weights = model.initial_weights(1);
//! let images = vec![0.5; 2 * model.input().len()];
//! let maps = activations(&model, &weights, &images, &feature_layers(&model), Isa::best());
//! assert_eq!((maps[0].layer.as_str(), maps[0].shape.as_slice()), ("conv2d", [6, 6, 4].as_slice()));
//! let map = maps[1].map(0, 3).expect("a pooling has maps");
//! assert_eq!(map.dim(), (3, 3));
//! # Ok::<(), cnn_nn::model::BuildFailure>(())
//! ```

mod activations;
mod gradients;
mod select;
mod statistics;

pub use activations::{Activations, activations};
pub use gradients::{LayerGradient, layer_gradients};
pub use select::{UnknownLayer, feature_layers, kernel_pictures, select_layers};
pub use statistics::{
    ChannelActivity, KernelStatistics, NEAR_ZERO, Statistics, channel_activity, kernel_statistics,
};

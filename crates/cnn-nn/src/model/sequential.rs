//! A model written in Rust, layer by layer.

use super::{BuildFailure, LayerEntry, Model, ModelSpec};

/// Keras's `Sequential`: the layers of a model in the order of computation.
///
/// It makes a [`ModelSpec`], and that is all it does: a model written here and the same one in `model.toml` are equal.
///
/// ```
/// use cnn_nn::Sequential;
/// use cnn_nn::layers::{BatchNormalization, Conv2D, Dense, Flatten, MaxPooling2D, Residual};
///
/// let model = Sequential::new([28, 28, 1])
///     .add(Conv2D::new(32, 3).relu())
///     .add(MaxPooling2D::default())
///     .add(Residual::new([
///         Conv2D::new(32, 3).same().without_bias().into(),
///         BatchNormalization::default().into(),
///     ]).relu())
///     .add(Conv2D::new(16, 3).strides(2).relu().name("last_maps"))
///     .add(Flatten)
///     .add(Dense::new(10).softmax())
///     .build()?;
/// assert_eq!(model.output().dims(), [10]);
/// assert_eq!(model.layers()[3].name, "last_maps");
/// # Ok::<(), cnn_nn::model::BuildFailure>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "it is built with `build`, or made a `ModelSpec` with `into`"]
pub struct Sequential(ModelSpec);

impl Sequential {
    /// A model without layers. `input` is the shape of one sample: `[height, width, channels]` for images.
    pub fn new(input: impl Into<Vec<usize>>) -> Self {
        Self(ModelSpec { input: input.into(), ..ModelSpec::default() })
    }

    /// With this name, which the summary shows; Keras's `sequential` without.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.0.name = Some(name.into());
        self
    }

    /// With this layer behind the others: a layer of [`crate::layers`], or one with a name (`Conv2D::new(8, 3).name("edges")`).
    #[expect(clippy::should_implement_trait, reason = "Keras's name, and no addition")]
    pub fn add(mut self, layer: impl Into<LayerEntry>) -> Self {
        self.0.layers.push(layer.into());
        self
    }

    /// Checks the model and settles names, shapes and parameters.
    ///
    /// # Errors
    /// As [`ModelSpec::build`].
    pub fn build(self) -> Result<Model, BuildFailure> {
        self.0.build()
    }
}

impl From<Sequential> for ModelSpec {
    fn from(model: Sequential) -> Self {
        model.0
    }
}

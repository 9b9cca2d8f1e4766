//! Layers from outside this crate, built in code.
//!
//! `model.toml` knows the layers of the registry and no other. A layer of one's own is a [`CustomLayer`] in a [`Custom`]; in a model,
//! in a block, in training and in the summary it is a layer like all others. `examples/extend` of the repository has one.
//!
//! **In files**: it is code, and code is not written to files. Where a model with one is to be written as TOML (a run folder, a
//! model file), the error says which layer it is. Its weights are written and read by name like all others (`weights.npz`): build
//! the model with the same code and give it those.

use super::{BuildError, Built, LayerSpec};
use cnn_tensor::Shape;
use serde::{Serialize, Serializer, ser::Error as _};
use std::fmt;
use std::sync::Arc;

/// The hyper-parameters of a layer from outside: what [`super::Spec`] is for the layers of the registry.
///
/// [`crate::testing::check_layer`] checks everything that the engine counts on.
pub trait CustomLayer: fmt::Debug + Send + Sync {
    /// What the layer is called in messages and in the summary: a class name, such as `Scale`.
    fn kind(&self) -> &'static str;

    /// Checks the hyper-parameters against the input and settles the output shape and the parameters.
    ///
    /// # Errors
    /// Whatever is wrong, with the field at fault and a value that would work.
    fn build(&self, input: &Shape) -> Result<Built, BuildError>;
}

/// A [`CustomLayer`] among the layers of a model. Equal to its clones and to nothing else.
#[derive(Clone)]
pub struct Custom {
    layer: Arc<dyn CustomLayer>,
    snake: String,
}

impl Custom {
    /// The layer with these hyper-parameters.
    pub fn new(layer: impl CustomLayer + 'static) -> Self {
        let snake = snake_name(layer.kind());
        Self { layer: Arc::new(layer), snake }
    }

    pub(super) fn kind(&self) -> &'static str {
        self.layer.kind()
    }

    pub(super) fn snake_name(&self) -> &str {
        &self.snake
    }

    pub(super) fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        self.layer.build(input)
    }
}

/// Keras's rule: `RandomScale2D` → `random_scale2d`.
fn snake_name(kind: &str) -> String {
    let mut snake = String::new();
    let mut chars = kind.chars().peekable();
    let mut before = None;
    while let Some(c) = chars.next() {
        let begins_word = chars.peek().is_some_and(char::is_ascii_lowercase)
            || before.is_some_and(|c: char| c.is_ascii_lowercase());
        if before.is_some() && c.is_ascii_uppercase() && begins_word {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        before = Some(c);
    }
    snake
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layer.fmt(f)
    }
}

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.layer, &other.layer)
    }
}

impl Serialize for Custom {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        let kind = self.kind();
        Err(S::Error::custom(format!("the layer {kind} is made in code, not in model.toml")))
    }
}

impl From<Custom> for LayerSpec {
    fn from(custom: Custom) -> Self {
        Self::Custom(custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Rescaling;
    use crate::{ModelSpec, Sequential};

    #[derive(Debug)]
    struct HalfScale2D;

    impl CustomLayer for HalfScale2D {
        fn kind(&self) -> &'static str {
            "HalfScale2D"
        }

        fn build(&self, input: &Shape) -> Result<Built, BuildError> {
            let half = Rescaling { scale: 0.5, offset: 0.0 };
            super::super::Spec::build(&half, input)
        }
    }

    #[test]
    fn it_is_named_as_keras_would_and_is_not_written() {
        let model =
            Sequential::new([4, 4, 1]).add(Custom::new(HalfScale2D)).add(Custom::new(HalfScale2D));
        let spec = ModelSpec::from(model);
        let built = spec.build().unwrap();
        assert_eq!(built.layers()[1].name, "half_scale2d_1");
        assert_eq!(built.layers()[1].kind(), "HalfScale2D");
        assert_eq!(built.spec().layers[0].spec, spec.layers[0].spec);
        assert_ne!(spec.layers[0], spec.layers[1]);
        let error = spec.to_toml().unwrap_err().to_string();
        assert!(error.contains("the layer HalfScale2D is made in code"), "{error}");
        let text = "input = [4, 4, 1]\n[[layers]]\ntype = \"Custom\"\n";
        let error = ModelSpec::from_toml("model.toml", text).unwrap_err().to_string();
        assert!(error.contains("unknown type \"Custom\""), "{error}");
    }
}

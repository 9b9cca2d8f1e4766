//! The losses, one file each, and the list of them. To add one: its file, a `mod` line, and a line in the list below; the
//! conformance tests, the goldens and the reader of `model.toml` loop over that list.
//!
//! | `type` | for an output of | the last layer ends in |
//! |---|---|---|
//! | `SparseCategoricalCrossentropy`, `CategoricalCrossentropy`, `CategoricalFocalCrossentropy` | one number per class | softmax, or nothing with `from_logits = true` |
//! | `BinaryCrossentropy`, `BinaryFocalCrossentropy` | one number (two classes), or one per class | sigmoid, or nothing with `from_logits = true` |
//! | `MeanSquaredError` | one number (two classes), or one per class | anything |
//!
//! The labels of a data set are class numbers. Where a loss compares with one number per class, the class of the image is 1 and
//! the others are 0 (Keras's one-hot labels); a single output is compared with 0 or 1. Images mixed in pairs (mixup, cutmix)
//! have soft labels, which all of these losses take.
//!
//! A softmax or sigmoid at the end is computed together with the loss, from the numbers before it: exact also where a
//! probability rounds to 0 or 1, where Keras's eager code clips it to 1e-7.
//!
//! `class_weight` says how much the images of each class count in training: `[1.0, 2.0, …]`, one for each class; `{ 6 = 2.0 }`, where a
//! class that is not named counts 1, as in Keras; or `"balanced"`, which gives every class the same total. PyTorch's `weight` also
//! divides by the sum of the weights. See [`ClassWeight`].
//!
//! ```
//! # let text = r#"
//! [compile]
//! loss = { type = "CategoricalCrossentropy", label_smoothing = 0.1, class_weight = { 6 = 2.0 } }
//! # "#;
//! # #[derive(serde::Deserialize, Debug)] struct Compile { loss: cnn_nn::losses::LossSpec }
//! # let (document, mut found) = cnn_nn::config::Document::parse("model.toml", text);
//! # let compile: Compile = document.table("compile", &mut found).unwrap();
//! # assert_eq!(compile.loss.name(), "CategoricalCrossentropy");
//! ```

mod binary_crossentropy;
mod binary_focal_crossentropy;
mod categorical_crossentropy;
mod categorical_focal_crossentropy;
mod class_weight;
mod custom;
mod fit;
mod mean_squared_error;
mod sparse_categorical_crossentropy;

pub use binary_crossentropy::BinaryCrossentropy;
pub use binary_focal_crossentropy::BinaryFocalCrossentropy;
pub use categorical_crossentropy::CategoricalCrossentropy;
pub use categorical_focal_crossentropy::CategoricalFocalCrossentropy;
pub use class_weight::ClassWeight;
pub use cnn_kernels::loss::Targets;
pub use custom::{Custom, CustomLoss};
pub use mean_squared_error::MeanSquaredError;
pub use sparse_categorical_crossentropy::SparseCategoricalCrossentropy;

use crate::layer::{BuildError, Link};
use cnn_kernels::Isa;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What every loss's spec offers.
pub trait Spec:
    Serialize + for<'de> Deserialize<'de> + Clone + Default + PartialEq + fmt::Debug
{
    /// Checks the settings against a model that gives `outputs` numbers for each image and ends in `link`.
    ///
    /// # Errors
    /// A value out of range, or a loss that does not fit the output.
    fn build(&self, outputs: usize, link: Option<Link>) -> Result<Built, BuildError>;

    /// How much the images of each class count.
    fn class_weight(&self) -> &ClassWeight;

    /// Specs that between them use every key, each with a number of outputs and what the last layer ends in: what the
    /// conformance tests run.
    fn examples() -> Vec<(Self, usize, Option<Link>)>;
}

/// The arithmetic of a loss: everything about it is checked, nothing in it can fail.
pub trait Rule: Send + Sync + fmt::Debug {
    /// Σ weight · loss over the samples; `dy`, unless empty, is overwritten with the gradient times `scale`. `y` is the output,
    /// or where [`Built::link`] is given, the numbers before it.
    fn evaluate(
        &self,
        isa: Isa,
        outputs: usize,
        y: &[f32],
        targets: &Targets<'_>,
        scale: f32,
        dy: &mut [f32],
    ) -> f64;
}

/// A loss built against its model.
#[derive(Debug)]
pub struct Built {
    /// The arithmetic.
    pub rule: Box<dyn Rule>,
    /// What the rule computes itself and the engine therefore leaves away at the end of the network.
    pub link: Option<Link>,
    /// What makes probabilities of the numbers that the rule is given.
    pub reading: Reading,
    /// Each target t becomes keep·t + add.
    pub smoothing: (f64, f64),
}

/// How a model's output is read as probabilities of the classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Scores that softmax or sigmoid makes probabilities of.
    Scores(Link),
    /// Shares as they are; below 0 counts as 0.
    Shares,
}

macro_rules! losses {
    ($($(#[$doc:meta])* $kind:ident = $snake:literal,)*) => {
        /// A loss and its settings, as `model.toml` has them. The defaults are Keras's; unknown keys are refused.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[schemars(tag = "type")]
        #[non_exhaustive]
        pub enum LossSpec {
            $($(#[$doc])* #[serde(alias = $snake)] #[schemars(extend("alias" = $snake))] $kind($kind),)*
            /// A loss from outside this crate. `model.toml` cannot name it; [`Custom`] says what becomes of it in files.
            #[serde(skip_deserializing)]
            #[schemars(skip)]
            Custom(Custom),
        }

        $(impl From<$kind> for LossSpec {
            fn from(spec: $kind) -> Self {
                Self::$kind(spec)
            }
        })*

        impl LossSpec {
            /// The `type` of every loss, in Keras's spelling.
            pub const KINDS: &'static [&'static str] = &[$(stringify!($kind)),*];

            /// Keras's class name, such as `MeanSquaredError`.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => stringify!($kind),)*
                    Self::Custom(custom) => custom.get().name(),
                }
            }

            /// As [`Spec::build`].
            ///
            /// # Errors
            /// As [`Spec::build`].
            pub fn build(&self, outputs: usize, link: Option<Link>) -> Result<Built, BuildError> {
                match self {
                    $(Self::$kind(spec) => spec.build(outputs, link),)*
                    Self::Custom(custom) => custom.get().build(outputs, link),
                }
            }

            /// How much the images of each class count.
            pub fn class_weight(&self) -> &ClassWeight {
                match self {
                    $(Self::$kind(spec) => spec.class_weight(),)*
                    Self::Custom(custom) => custom.get().class_weight(),
                }
            }

            /// Every example of every loss.
            pub fn examples() -> Vec<(Self, usize, Option<Link>)> {
                let mut all = Vec::new();
                $(all.extend($kind::examples().into_iter().map(|(spec, n, link)| (Self::$kind(spec), n, link)));)*
                all
            }
        }
    };
}

losses! {
    /// −log of the probability that the network gives the right class.
    SparseCategoricalCrossentropy = "sparse_categorical_crossentropy",
    /// `SparseCategoricalCrossentropy` under Keras's name for labels that are one-hot.
    CategoricalCrossentropy = "categorical_crossentropy",
    /// Cross-entropy, with less of it for what the network is sure of.
    CategoricalFocalCrossentropy = "categorical_focal_crossentropy",
    /// Each output on its own: −log of the probability of what it should say.
    BinaryCrossentropy = "binary_crossentropy",
    /// `BinaryCrossentropy`, with less of it for what the network is sure of.
    BinaryFocalCrossentropy = "binary_focal_crossentropy",
    /// Mean square of the distance to what the outputs should be.
    MeanSquaredError = "mean_squared_error",
}

impl Default for LossSpec {
    fn default() -> Self {
        Self::SparseCategoricalCrossentropy(SparseCategoricalCrossentropy::default())
    }
}

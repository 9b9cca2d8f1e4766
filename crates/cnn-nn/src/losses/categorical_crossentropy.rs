//! loss = −Σₖ tₖ ln pₖ with p = softmax(z): see `SparseCategoricalCrossentropy`, which is the same for labels that are class
//! numbers. Here as in Keras the target is the one-hot form of the class, so the numbers are equal to the bit.
//!
//! **Output** one number per class.
//! **Source** Keras `CategoricalCrossentropy`. `PyTorch`'s `CrossEntropyLoss` smooths the same way; its `weight` acts on each
//! class's term of a smoothed label instead of on the image.

use super::sparse_categorical_crossentropy::SoftmaxCrossentropy;
use super::{Built, ClassWeight, Reading, Spec, fit};
use crate::layer::{BuildError, Link};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Categorical cross-entropy: the target is the one-hot form of the class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CategoricalCrossentropy {
    /// True where the last layer has no softmax and the loss applies it; default false.
    pub from_logits: bool,
    /// Share of each label that is spread evenly over all classes, 0 to below 1; default 0.
    #[serde(skip_serializing_if = "fit::is_zero")]
    pub label_smoothing: f64,
    /// How much the images of each class count in training; default all alike.
    #[serde(skip_serializing_if = "ClassWeight::is_equal")]
    pub class_weight: ClassWeight,
}

impl Spec for CategoricalCrossentropy {
    fn build(&self, outputs: usize, link: Option<Link>) -> Result<Built, BuildError> {
        fit::categorical(outputs, link, self.from_logits)?;
        Ok(Built {
            rule: Box::new(SoftmaxCrossentropy),
            link,
            reading: Reading::Scores(Link::Softmax),
            smoothing: fit::smoothing(self.label_smoothing, outputs)?,
        })
    }

    fn class_weight(&self) -> &ClassWeight {
        &self.class_weight
    }

    fn examples() -> Vec<(Self, usize, Option<Link>)> {
        let logits = Self { from_logits: true, label_smoothing: 0.3, ..Self::default() };
        let some = ClassWeight::Some([(2, 3.0)].into());
        let weighted = Self { class_weight: some, ..Self::default() };
        let softmax = Some(Link::Softmax);
        vec![(Self::default(), 4, softmax), (logits, 4, None), (weighted, 4, softmax)]
    }
}

//! loss = −Σₖ tₖ ln pₖ with p = softmax(z), from the scores z: Σₖ tₖ (ln Σⱼ exp(zⱼ) − zₖ); ∂loss/∂z = p − t.
//!
//! t is 1 for the image's class and 0 for the others; with label smoothing s it is 1 − s + s/k and s/k for k classes.
//!
//! **Output** one number per class.
//! **Source** Keras `SparseCategoricalCrossentropy`; Szegedy et al. 2016 (label smoothing), which Keras has for
//! `CategoricalCrossentropy` only.

use super::{Built, ClassWeight, Reading, Rule, Spec, fit};
use crate::layer::{BuildError, Link};
use cnn_kernels::Isa;
use cnn_kernels::loss::{self as kernel, Targets};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sparse categorical cross-entropy: labels are class numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SparseCategoricalCrossentropy {
    /// True where the last layer has no softmax and the loss applies it; default false.
    pub from_logits: bool,
    /// Share of each label that is spread evenly over all classes, 0 to below 1; default 0.
    #[serde(skip_serializing_if = "fit::is_zero")]
    pub label_smoothing: f64,
    /// How much the images of each class count in training; default all alike.
    #[serde(skip_serializing_if = "ClassWeight::is_equal")]
    pub class_weight: ClassWeight,
}

impl Spec for SparseCategoricalCrossentropy {
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
        let logits = Self { from_logits: true, ..Self::default() };
        let smooth = Self { label_smoothing: 0.1, ..Self::default() };
        let weights = ClassWeight::All(vec![0.5, 2.0, 0.0]);
        let weighted = Self { class_weight: weights, ..smooth.clone() };
        let softmax = Some(Link::Softmax);
        vec![
            (Self::default(), 3, softmax),
            (logits, 3, None),
            (smooth, 3, softmax),
            (weighted, 3, softmax),
        ]
    }
}

/// The arithmetic, for hard labels by the fast kernels.
#[derive(Debug)]
pub(super) struct SoftmaxCrossentropy;

impl Rule for SoftmaxCrossentropy {
    fn evaluate(
        &self,
        isa: Isa,
        outputs: usize,
        y: &[f32],
        targets: &Targets<'_>,
        scale: f32,
        dy: &mut [f32],
    ) -> f64 {
        let Targets { labels, mixed, smoothing, weights } = *targets;
        if smoothing != (1.0, 0.0) || !weights.is_empty() {
            return kernel::softmax_targets(outputs, y, targets, scale, dy);
        }
        match mixed {
            None => kernel::softmax_cross_entropy(isa, outputs, y, labels, scale, dy).0,
            Some((partners, shares)) => {
                kernel::softmax_cross_entropy_mixed(
                    isa, outputs, y, labels, partners, shares, scale, dy,
                )
                .0
            }
        }
    }
}

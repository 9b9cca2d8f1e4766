//! loss = mean over the outputs of −t ln p − (1 − t) ln(1 − p) with p = sigmoid(z), from the scores z:
//! max(z, 0) − t z + ln(1 + exp(−|z|)); ∂loss/∂z = (p − t) / outputs.
//!
//! A single output is about two classes: t is the class, 0 or 1. Several outputs are compared with the one-hot form of the
//! class. With label smoothing s, t is t (1 − s) + s/2, as in Keras also for several outputs.
//!
//! **Output** one number, or one per class.
//! **Source** Keras `BinaryCrossentropy`.

use super::{Built, ClassWeight, Reading, Rule, Spec, fit};
use crate::layer::{BuildError, Link};
use cnn_kernels::Isa;
use cnn_kernels::loss::{Targets, sigmoid_targets};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Binary cross-entropy: two classes from one sigmoid unit, or one sigmoid unit per class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BinaryCrossentropy {
    /// True where the last layer has no sigmoid and the loss applies it; default false.
    pub from_logits: bool,
    /// How far targets are moved towards ½, 0 to below 1; default 0.
    #[serde(skip_serializing_if = "fit::is_zero")]
    pub label_smoothing: f64,
    /// How much the images of each class count in training; default all alike.
    #[serde(skip_serializing_if = "ClassWeight::is_equal")]
    pub class_weight: ClassWeight,
}

impl Spec for BinaryCrossentropy {
    fn build(&self, _: usize, link: Option<Link>) -> Result<Built, BuildError> {
        fit::binary(link, self.from_logits)?;
        Ok(Built {
            rule: Box::new(SigmoidCrossentropy),
            link,
            reading: Reading::Scores(Link::Sigmoid),
            smoothing: fit::smoothing(self.label_smoothing, 2)?,
        })
    }

    fn class_weight(&self) -> &ClassWeight {
        &self.class_weight
    }

    fn examples() -> Vec<(Self, usize, Option<Link>)> {
        let sigmoid = Some(Link::Sigmoid);
        let logits = Self { from_logits: true, ..Self::default() };
        let smooth = Self { label_smoothing: 0.2, ..Self::default() };
        let weights = ClassWeight::All(vec![0.5, 4.0]);
        let weighted = Self { class_weight: weights, ..Self::default() };
        vec![
            (Self::default(), 1, sigmoid),
            (logits, 4, None),
            (smooth.clone(), 4, sigmoid),
            (smooth, 1, sigmoid),
            (weighted, 1, sigmoid),
        ]
    }
}

#[derive(Debug)]
struct SigmoidCrossentropy;

impl Rule for SigmoidCrossentropy {
    fn evaluate(
        &self,
        _: Isa,
        outputs: usize,
        y: &[f32],
        targets: &Targets<'_>,
        scale: f32,
        dy: &mut [f32],
    ) -> f64 {
        sigmoid_targets(outputs, y, targets, scale, dy)
    }
}

//! loss = −α Σₖ tₖ (1 − pₖ)^γ ln pₖ with p = softmax(z): cross-entropy with less weight on what the network is sure of.
//!
//! From the scores, with 1 − p summed from the other classes. Keras clips p to 1e-7 … 1 − 1e-7 first, so its loss ends at
//! 16.1·α and an image that is answered with p < 1e-7 teaches nothing; here the loss goes on growing and so does the gradient.
//! Above 1e-7 the two are equal.
//!
//! **Output** one number per class.
//! **Source** Lin et al. 2017, "Focal Loss for Dense Object Detection"; Keras `CategoricalFocalCrossentropy`.

use super::{Built, ClassWeight, Reading, Rule, Spec, fit};
use crate::layer::{BuildError, Link};
use cnn_kernels::Isa;
use cnn_kernels::loss::{Targets, softmax_focal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Categorical focal cross-entropy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CategoricalFocalCrossentropy {
    /// Factor of the loss, above 0 to 1; default 0.25.
    pub alpha: f64,
    /// How much less what the network is sure of counts, 0 (not at all) to 100; default 2.
    pub gamma: f64,
    /// True where the last layer has no softmax and the loss applies it; default false.
    pub from_logits: bool,
    /// Share of each label that is spread evenly over all classes, 0 to below 1; default 0.
    #[serde(skip_serializing_if = "fit::is_zero")]
    pub label_smoothing: f64,
    /// How much the images of each class count in training; default all alike.
    #[serde(skip_serializing_if = "ClassWeight::is_equal")]
    pub class_weight: ClassWeight,
}

impl Default for CategoricalFocalCrossentropy {
    fn default() -> Self {
        Self {
            alpha: 0.25,
            gamma: 2.0,
            from_logits: false,
            label_smoothing: 0.0,
            class_weight: ClassWeight::Equal,
        }
    }
}

impl Spec for CategoricalFocalCrossentropy {
    fn build(&self, outputs: usize, link: Option<Link>) -> Result<Built, BuildError> {
        fit::categorical(outputs, link, self.from_logits)?;
        fit::alpha(self.alpha)?;
        fit::gamma(self.gamma)?;
        Ok(Built {
            rule: Box::new(Focal { alpha: self.alpha, gamma: self.gamma }),
            link,
            reading: Reading::Scores(Link::Softmax),
            smoothing: fit::smoothing(self.label_smoothing, outputs)?,
        })
    }

    fn class_weight(&self) -> &ClassWeight {
        &self.class_weight
    }

    fn examples() -> Vec<(Self, usize, Option<Link>)> {
        let softmax = Some(Link::Softmax);
        let odd = Self { alpha: 1.0, gamma: 0.5, label_smoothing: 0.2, ..Self::default() };
        let none = Self { alpha: 0.5, gamma: 0.0, from_logits: true, ..Self::default() };
        let weights = ClassWeight::All(vec![1.0, 0.25, 3.0]);
        let weighted = Self { class_weight: weights, ..Self::default() };
        vec![
            (Self::default(), 3, softmax),
            (odd, 3, softmax),
            (none, 3, None),
            (weighted, 3, softmax),
        ]
    }
}

#[derive(Debug)]
struct Focal {
    alpha: f64,
    gamma: f64,
}

impl Rule for Focal {
    fn evaluate(
        &self,
        _: Isa,
        outputs: usize,
        y: &[f32],
        targets: &Targets<'_>,
        scale: f32,
        dy: &mut [f32],
    ) -> f64 {
        softmax_focal((self.alpha, self.gamma), outputs, y, targets, scale, dy)
    }
}

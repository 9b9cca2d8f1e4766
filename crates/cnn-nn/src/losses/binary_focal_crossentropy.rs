//! loss = mean over the outputs of (1 − p′)^γ (−t ln p − (1 − t) ln(1 − p)) with p = sigmoid(z) and p′ = t p + (1 − t)(1 − p):
//! binary cross-entropy with less weight on what the network is sure of.
//!
//! With `apply_class_balancing` also times t α + (1 − t)(1 − α). All from the scores, without the clip of Keras's eager code.
//!
//! **Output** one number, or one per class.
//! **Source** Lin et al. 2017, "Focal Loss for Dense Object Detection"; Keras `BinaryFocalCrossentropy`.

use super::{Built, ClassWeight, Reading, Rule, Spec, fit};
use crate::layer::{BuildError, Link};
use cnn_kernels::Isa;
use cnn_kernels::loss::{Targets, sigmoid_focal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Binary focal cross-entropy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BinaryFocalCrossentropy {
    /// Whether targets of 1 count `alpha` and targets of 0 count 1 − `alpha`; default false.
    pub apply_class_balancing: bool,
    /// Above 0 to 1; default 0.25. Only with `apply_class_balancing`.
    pub alpha: f64,
    /// How much less what the network is sure of counts, 0 (not at all) to 100; default 2.
    pub gamma: f64,
    /// True where the last layer has no sigmoid and the loss applies it; default false.
    pub from_logits: bool,
    /// How far targets are moved towards ½, 0 to below 1; default 0.
    #[serde(skip_serializing_if = "fit::is_zero")]
    pub label_smoothing: f64,
    /// How much the images of each class count in training; default all alike.
    #[serde(skip_serializing_if = "ClassWeight::is_equal")]
    pub class_weight: ClassWeight,
}

impl Default for BinaryFocalCrossentropy {
    fn default() -> Self {
        Self {
            apply_class_balancing: false,
            alpha: 0.25,
            gamma: 2.0,
            from_logits: false,
            label_smoothing: 0.0,
            class_weight: ClassWeight::Equal,
        }
    }
}

impl Spec for BinaryFocalCrossentropy {
    fn build(&self, _: usize, link: Option<Link>) -> Result<Built, BuildError> {
        fit::binary(link, self.from_logits)?;
        fit::alpha(self.alpha)?;
        // The default may be written out.
        if !self.apply_class_balancing && self.alpha.to_bits() != Self::default().alpha.to_bits() {
            let message = format!(
                "alpha = {} is given, but apply_class_balancing = false: it has no effect",
                self.alpha
            );
            let hint = "set apply_class_balancing = true, or drop alpha";
            return Err(fit::error(Some("alpha"), "M068", message, hint));
        }
        fit::gamma(self.gamma)?;
        let alpha = self.apply_class_balancing.then_some(self.alpha);
        Ok(Built {
            rule: Box::new(Focal { alpha, gamma: self.gamma }),
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
        let balanced = Self { apply_class_balancing: true, gamma: 0.5, ..Self::default() };
        let logits = Self { from_logits: true, label_smoothing: 0.1, ..balanced.clone() };
        let none = Self { gamma: 0.0, ..Self::default() };
        let some = ClassWeight::Some([(0, 3.0)].into());
        let weighted = Self { class_weight: some, ..Self::default() };
        vec![
            (Self::default(), 1, sigmoid),
            (balanced, 1, sigmoid),
            (logits, 4, None),
            (none, 4, sigmoid),
            (weighted, 4, sigmoid),
        ]
    }
}

#[derive(Debug)]
struct Focal {
    /// Of targets that are 1, where the two are balanced.
    alpha: Option<f64>,
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
        sigmoid_focal((self.alpha, self.gamma), outputs, y, targets, scale, dy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_without_balancing_is_an_error_unless_it_is_the_default_written_out() {
        let build = |text: &str| {
            let spec: BinaryFocalCrossentropy = serde_json::from_str(text).unwrap();
            spec.build(1, Some(Link::Sigmoid)).map_err(|error| (error.key, error.code))
        };
        assert_eq!(build(r#"{"alpha":0.5}"#).unwrap_err(), (Some("alpha"), "M068"));
        assert!(build(r#"{"alpha":0.5,"apply_class_balancing":true}"#).is_ok());
        let written = serde_json::to_string(&BinaryFocalCrossentropy::default()).unwrap();
        assert!(written.contains("alpha") && build(&written).is_ok());
    }
}

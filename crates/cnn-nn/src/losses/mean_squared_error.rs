//! loss = mean over the outputs of (y − t)²; ∂loss/∂y = 2 (y − t) / outputs.
//!
//! y is the model's output after its activation, whichever that is. A single output is compared with the class, 0 or 1;
//! several with the one-hot form of it.
//!
//! **Output** one number, or one per class.
//! **Source** Keras `MeanSquaredError`.

use super::{Built, ClassWeight, Reading, Rule, Spec};
use crate::layer::{BuildError, Link};
use cnn_kernels::Isa;
use cnn_kernels::loss::{Targets, squared_error};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Mean squared error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MeanSquaredError {
    /// How much the images of each class count in training; default all alike.
    #[serde(skip_serializing_if = "ClassWeight::is_equal")]
    pub class_weight: ClassWeight,
}

impl Spec for MeanSquaredError {
    fn build(&self, _: usize, _: Option<Link>) -> Result<Built, BuildError> {
        Ok(Built {
            rule: Box::new(SquaredError),
            link: None,
            reading: Reading::Shares,
            smoothing: (1.0, 0.0),
        })
    }

    fn class_weight(&self) -> &ClassWeight {
        &self.class_weight
    }

    fn examples() -> Vec<(Self, usize, Option<Link>)> {
        let weights = ClassWeight::All(vec![0.5, 2.0, 1.0]);
        vec![
            (Self::default(), 3, Some(Link::Softmax)),
            (Self::default(), 1, Some(Link::Sigmoid)),
            (Self { class_weight: weights }, 3, None),
        ]
    }
}

#[derive(Debug)]
struct SquaredError;

impl Rule for SquaredError {
    fn evaluate(
        &self,
        _: Isa,
        outputs: usize,
        y: &[f32],
        targets: &Targets<'_>,
        scale: f32,
        dy: &mut [f32],
    ) -> f64 {
        squared_error(outputs, y, targets, scale, dy)
    }
}

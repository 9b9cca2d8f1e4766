//! y = x, and l1·Σ|x| + l2·Σx² of a batch, divided by its number of samples, is added to the loss.
//!
//! **Shapes** any → the same.
//! **Parameters** none.
//! **Errors** a negative factor.
//! **Source** Keras `ActivityRegularization`; the `activity_regularizer` of other layers is this layer behind them. PyTorch has
//! no such layer: the term is added to the loss by hand.
//!
//! ```
//! # let text = r#"
//! name = "tiny"
//! input = [64]
//!
//! [[layers]]
//! type = "ActivityRegularization"
//! l1 = 1e-4                  # few units at a time
//! # "#;
//! # cnn_nn::ModelSpec::from_toml("model.toml", text).unwrap().0.build().unwrap();
//! ```

use super::{Spec, bad_key};
use crate::layer::{BuildError, Built, Facts, Layer, Link, Pass, Shard, Weights, Work};
use crate::regularizer::{OutputPenalty, Regularizer};
use cnn_kernels::Isa;
use cnn_tensor::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `ActivityRegularization` layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ActivityRegularization {
    /// Factor of the sum of absolute values; 0 or more, default 0.
    pub l1: f32,
    /// Factor of the sum of squares; 0 or more, default 0.
    pub l2: f32,
}

impl Spec for ActivityRegularization {
    fn build(&self, input: &Shape) -> Result<Built, BuildError> {
        for (key, factor) in [("l1", self.l1), ("l2", self.l2)] {
            if !(factor.is_finite() && factor >= 0.0) {
                let message = format!("{key} must be 0 or more, and finite, got {factor}");
                let hint = format!("{key} = 1e-4 is a usual strength");
                return Err(bad_key(key, "M037", message, hint));
            }
        }
        let regularizer = Regularizer { l1: self.l1, l2: self.l2 };
        let row = input.dims().last().copied().unwrap_or(1);
        let penalty = OutputPenalty { regularizer, row, link: None };
        Ok(Built {
            layer: Box::new(Penalised { penalty }),
            output: input.clone(),
            params: Vec::new(),
            facts: Facts::default(),
        })
    }

    fn examples() -> Vec<(Self, Vec<usize>)> {
        vec![(Self { l1: 0.01, l2: 0.0 }, vec![7]), (Self { l1: 0.0, l2: 0.02 }, vec![3, 2, 4])]
    }
}

#[derive(Debug)]
struct Penalised {
    penalty: OutputPenalty,
}

impl Layer for Penalised {
    fn forward(&self, _: Isa, _: Weights<'_>, x: &[f32], y: &mut [f32], _: Work<'_>, _: Pass) {
        y.copy_from_slice(x);
    }

    fn backward(
        &self,
        _: Isa,
        _: Weights<'_>,
        shard: Shard<'_>,
        _: Work<'_>,
        dx: Option<&mut [f32]>,
        _: Option<&mut [f32]>,
        _: Pass,
    ) {
        if let Some(dx) = dx {
            dx.copy_from_slice(shard.dy);
        }
    }

    fn output_penalty(&self) -> Option<OutputPenalty> {
        Some(self.penalty).filter(|penalty| !penalty.regularizer.is_zero())
    }

    fn before_link(&self, link: Link) -> Option<Box<dyn Layer>> {
        let penalty = OutputPenalty { link: Some(link), ..self.penalty };
        Some(Box::new(Self { penalty }))
    }
}

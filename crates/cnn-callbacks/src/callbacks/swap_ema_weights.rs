//! Measures with the running mean of the weights instead of the weights themselves.
//!
//! An optimizer with `use_ema = true` keeps a running mean of the weights, which they become at the end of training. With this callback
//! every measurement during training (validation, `fit.eval_train`, `fit.eval_test`) is already one of the mean; training goes on with the weights. With
//! `swap_on_epoch` the mean is also what callbacks see as the weights at an epoch's end, so that `EarlyStopping` keeps it.
//!
//! ```toml
//! [compile]
//! optimizer = { type = "Adam", use_ema = true }
//!
//! [[callbacks]]
//! type = "SwapEMAWeights"
//! ```
//! In Keras the order of callbacks decides which of them see the mean; here all do. There, training with `swap_on_epoch` that stops before
//! its last epoch ends with the weights instead of their mean; here always with the mean.
//!
//! **Errors**: an optimizer that keeps no mean.
//!
//! **Source**: Keras `callbacks/swap_ema_weights.py`; Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992).

use super::BuildContext;
use crate::{Average, Callback, CallbackError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Measure with the running mean of the weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SwapEMAWeights {
    /// Whether callbacks see the mean as the weights at an epoch's end. Default false.
    pub swap_on_epoch: bool,
}

impl SwapEMAWeights {
    /// The callback.
    pub fn build(&self, _context: &BuildContext) -> Result<Box<dyn Callback>, CallbackError> {
        Ok(Box::new(self.clone()))
    }

    /// Specs that cover the settings, the defaults first.
    pub fn examples() -> Vec<Self> {
        vec![Self::default(), Self { swap_on_epoch: true }]
    }
}

impl Callback for SwapEMAWeights {
    fn name(&self) -> &'static str {
        "SwapEMAWeights"
    }

    fn average(&self) -> Average {
        if self.swap_on_epoch { Average::Shown } else { Average::Measured }
    }
}

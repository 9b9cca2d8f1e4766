//! Stops training as soon as the loss is NaN or infinite.
//!
//! Looked at after every batch. The loss of the logs is a running mean, so one bad batch is enough to be seen. The run ends as
//! *diverged*: unlike Keras, which returns as if all were well, `cnn` then exits with 7. The trainer does that without this callback
//! too, and says which layer it was (`on_nan` in `[fit]`); it is here for files that name it.
//!
//! ```toml
//! [[callbacks]]
//! type = "TerminateOnNaN"
//! ```
//!
//! **Errors**: none.
//!
//! **Source**: Keras `callbacks/terminate_on_nan.py`.

use super::BuildContext;
use crate::{BatchEnd, Callback, CallbackError, Control};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stop when the loss is no longer a number. There is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TerminateOnNaN {}

impl TerminateOnNaN {
    /// Returns the callback.
    pub fn build(&self, _context: &BuildContext) -> Result<Box<dyn Callback>, CallbackError> {
        Ok(Box::new(self.clone()))
    }

    /// The only spec there is.
    pub fn examples() -> Vec<Self> {
        vec![Self {}]
    }
}

impl Callback for TerminateOnNaN {
    fn name(&self) -> &'static str {
        "TerminateOnNaN"
    }

    fn on_batch_end(&mut self, event: &BatchEnd<'_>, control: &mut Control) {
        if event.logs.get("loss").is_some_and(|loss| !loss.is_finite()) {
            control.diverged(
                self.name(),
                format!("Batch {}: Invalid loss, terminating training", event.step),
            );
        }
    }
}

//! How often something is done: after every epoch, or every so many batches.

use crate::CallbackError;
use crate::error::wrong;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `"epoch"`, `"batch"`, or a number of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "\"epoch\", \"batch\", or a number of batches such as 100")]
pub enum Frequency {
    /// In words.
    Unit(Unit),
    /// After every so many batches, counted on over epochs. 1 or more.
    Batches(usize),
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// At the end of every epoch.
    Epoch,
    /// After every batch.
    Batch,
}

impl Default for Frequency {
    fn default() -> Self {
        Self::Unit(Unit::Epoch)
    }
}

impl Frequency {
    /// The number of batches; `None` for whole epochs.
    pub(crate) fn batches(
        self,
        callback: &'static str,
        key: &'static str,
    ) -> Result<Option<usize>, CallbackError> {
        match self {
            Self::Unit(Unit::Epoch) => Ok(None),
            Self::Unit(Unit::Batch) => Ok(Some(1)),
            Self::Batches(0) => {
                let hint = "\"epoch\" is the default";
                Err(wrong(callback, key, "\"epoch\", \"batch\" or a number of batches", 0, hint))
            }
            Self::Batches(n) => Ok(Some(n)),
        }
    }
}

//! sweep.toml: what is compared with what. Read, spread into rows, and every row checked before anything is trained.
//!
//! ```toml
//! name = "filters"
//! model = "cnn32"                       # a preset, or a file beside this one
//! data = "fashion-mnist"
//! seeds = 5                             # or [1, 2, 3]
//! threshold = { monitor = "accuracy", at_least = 0.9 }
//!
//! [grid]                                # every combination
//! "layers.Conv2D.filters" = [16, 32]    # all layers of the type; one layer by its name or position
//! "fit.batch_size" = [32, 128]
//!
//! [[variants]]                          # named rows; each is multiplied by the grid
//! name = "with dropout"
//! set = { "insert.after.flatten" = { type = "Dropout", rate = 0.5 } }
//! ```

use super::read::Reader;
use crate::config::{Config, Overrides};
use cnn_nn::config::Diagnostics;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rows of one experiment, at most.
pub const MAX_ROWS: usize = 1_000;

/// Seeds of one experiment, at most.
pub const MAX_SEEDS: usize = 1_000;

/// A checked experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// Its name; the file's if it says none.
    pub name: String,
    /// The data set, where the file names one.
    pub data: Option<String>,
    /// Every row is trained once with each; never empty, no seed twice.
    pub seeds: Vec<u64>,
    /// When a run counts as good enough: its epochs until then are reported.
    pub threshold: Option<Threshold>,
    /// The row that the others are compared with; the one with the best mean test accuracy if absent.
    pub baseline: Option<String>,
    /// What the chart has on its cost axis.
    pub cost: Cost,
    /// Whether the training accuracy is also measured with the final weights.
    pub eval_train: bool,
    /// The rows, in the order of the file; never empty.
    pub rows: Vec<Row>,
}

/// One row: a configuration that is trained with every seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name: the variant's, then what the grid sets. Unique, and good for a folder's name.
    pub name: String,
    /// The configuration; its seed is replaced by each of the sweep's.
    pub config: Config,
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-accumulates per image, forward.
    pub macs: u64,
}

/// A metric that has to reach a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// `accuracy`, `loss`, or one of them with `val_` or `train_`.
    pub monitor: String,
    /// Reached at this value or above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Reached at this value or below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

impl Threshold {
    /// The first epoch, from 1, whose value is good enough.
    pub fn reached(&self, values: &[f64]) -> Option<usize> {
        let good = |value: &f64| {
            self.at_least.is_none_or(|bound| *value >= bound)
                && self.at_most.is_none_or(|bound| *value <= bound)
        };
        values.iter().position(|value| value.is_finite() && good(value)).map(|at| at + 1)
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.monitor)?;
        if let Some(bound) = self.at_least {
            write!(f, " ≥ {bound}")?;
        }
        self.at_most.map_or(Ok(()), |bound| write!(f, " ≤ {bound}"))
    }
}

/// What a row costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Multiply-accumulates per image, forward.
    #[default]
    Macs,
    /// Trainable parameters.
    Parameters,
    /// Seconds of training.
    Seconds,
}

/// Finds a model by the words of a sweep: its name for messages and its text, or why there is none.
pub type FindModel<'a> = dyn Fn(&str) -> Result<(String, String), String> + 'a;

impl Sweep {
    /// Reads a sweep.toml and checks every row of it. `file` is what messages call it; `overrides` go to every row.
    ///
    /// # Errors
    /// All mistakes in one run, each with its place in the sweep: syntax, unknown keys and paths, empty grids, rows whose
    /// model or training does not work (which row, and why), names used twice.
    pub fn from_toml(
        file: &str,
        text: &str,
        overrides: Overrides,
        find_model: &FindModel<'_>,
    ) -> Result<Self, Diagnostics> {
        let mut reader = Reader::new(file, text, overrides, find_model);
        let sweep = reader.sweep(file);
        if reader.found.has_errors() { Err(reader.found) } else { Ok(sweep) }
    }
}

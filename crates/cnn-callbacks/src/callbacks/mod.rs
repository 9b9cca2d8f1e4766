//! The callbacks, one file each. To add one that model.toml may name: its file, a `mod` line, and a line in the list below.
//! `History` and `ProgressBar` are not in the list: the trainer and the command line add them.

mod context;
mod csv_logger;
mod early_stopping;
mod frequency;
mod history;
mod learning_rate_scheduler;
mod model_checkpoint;
mod places;
mod progress_bar;
mod reduce_lr_on_plateau;
mod stop_at;
mod swap_ema_weights;
mod template;
mod tensorboard;
mod terminate_on_nan;
mod time_budget;

pub use context::BuildContext;
pub use csv_logger::CSVLogger;
pub use early_stopping::EarlyStopping;
pub use frequency::{Frequency, Unit};
pub use history::{Columns, History, Params};
pub use learning_rate_scheduler::LearningRateScheduler;
pub use model_checkpoint::ModelCheckpoint;
pub use places::check_places;
pub use progress_bar::{ProgressBar, Style};
pub use reduce_lr_on_plateau::ReduceLROnPlateau;
pub use stop_at::StopAt;
pub use swap_ema_weights::SwapEMAWeights;
pub use tensorboard::TensorBoard;
pub use terminate_on_nan::TerminateOnNaN;
pub use time_budget::TimeBudget;

use crate::{Callback, CallbackError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One kind of callback, for documentation and for tests that loop over all of them.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Keras's class name: the `type` in model.toml.
    pub name: &'static str,
    /// The `snake_case` spelling that is accepted as well.
    pub alias: &'static str,
    /// Specs that cover the kind's settings.
    pub examples: fn() -> Vec<CallbackSpec>,
}

macro_rules! callbacks {
    ($($(#[$doc:meta])* $kind:ident = $alias:literal,)*) => {
        /// A callback and its settings, as model.toml has them. The defaults are Keras's; unknown keys are refused.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[schemars(tag = "type")]
        pub enum CallbackSpec {
            $($(#[$doc])* #[serde(alias = $alias)] #[schemars(extend("alias" = $alias))] $kind($kind),)*
        }

        impl CallbackSpec {
            /// Checks every value and returns the callback. Metric names are checked by [`crate::check_monitors`], once it is
            /// known which metrics there are.
            pub fn build(&self, context: &BuildContext) -> Result<Box<dyn Callback>, CallbackError> {
                match self { $(Self::$kind(spec) => spec.build(context),)* }
            }

            /// Keras's class name, such as `EarlyStopping`.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$kind(_) => stringify!($kind),)* }
            }
        }

        $(impl From<$kind> for CallbackSpec {
            fn from(spec: $kind) -> Self {
                Self::$kind(spec)
            }
        })*

        /// Every callback that model.toml may name.
        pub const REGISTRY: &[Kind] = &[$(Kind {
            name: stringify!($kind),
            alias: $alias,
            examples: || $kind::examples().into_iter().map(CallbackSpec::$kind).collect(),
        },)*];
    };
}

callbacks! {
    /// Stops once a metric is good enough.
    StopAt = "stop_at",
    /// Stops once a metric no longer improves.
    EarlyStopping = "early_stopping",
    /// Measures with the running mean of the weights.
    SwapEMAWeights = "swap_ema_weights",
    /// Writes each epoch's metrics to a CSV file.
    CSVLogger = "csv_logger",
    /// Stops once the loss is no longer a number.
    TerminateOnNaN = "terminate_on_nan",
    /// Lowers the learning rate once a metric no longer improves.
    ReduceLROnPlateau = "reduce_lr_on_plateau",
    /// Sets the learning rate by a table of epochs.
    LearningRateScheduler = "learning_rate_scheduler",
    /// Saves the model while it is being trained.
    ModelCheckpoint = "model_checkpoint",
    /// Writes event files for TensorBoard.
    TensorBoard = "tensorboard",
    /// Stops after so much training.
    TimeBudget = "time_budget",
}

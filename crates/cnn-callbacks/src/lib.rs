//! Keras's callbacks: typed events in, a [`Control`] out.
//!
//! A [`Callback`] is told what happens during training and answers through [`Control`]: stop, another learning rate, save,
//! restore these weights. It never touches the model; the trainer acts once all callbacks have answered, so their order cannot matter.
//! No callback prints by itself and none reads a clock: times come with the events.
//!
//! ```
//! use cnn_callbacks::{Callback, Control, EpochEnd, Logs};
//!
//! struct Patience(usize);
//!
//! impl Callback for Patience {
//!     fn name(&self) -> &str {
//!         "Patience"
//!     }
//!     fn on_epoch_end(&mut self, event: &EpochEnd<'_>, control: &mut Control) {
//!         if event.epoch + 1 >= self.0 {
//!             control.stop(self.name(), "that was long enough");
//!         }
//!     }
//! }
//!
//! let (logs, mut control) = (Logs::new(), Control::new());
//! let event = EpochEnd { epoch: 2, epochs: 5, ..EpochEnd::of(&logs) };
//! Patience(3).on_epoch_end(&event, &mut control);
//! assert_eq!(control.stopped_by().unwrap().reason, "that was long enough");
//! ```
#![forbid(unsafe_code)]

mod callback;
pub mod callbacks;
mod control;
mod error;
pub mod events;
mod logs;
mod memory;
mod monitor;
mod per_class;
mod text;
mod text_value;

pub use callback::{Average, Callback};
pub use callbacks::{
    BuildContext, CSVLogger, CallbackSpec, EarlyStopping, Frequency, History, Kind,
    LearningRateScheduler, ModelCheckpoint, ProgressBar, REGISTRY, ReduceLROnPlateau, StopAt,
    Style, SwapEMAWeights, TensorBoard, TerminateOnNaN, TimeBudget, check_places,
};
pub use control::{Content, Control, Ending, Message, Restore, Save, Stop};
pub use error::CallbackError;
pub use events::{BatchEnd, EpochBegin, EpochEnd, Param, Resume, TrainBegin, TrainEnd};
pub use logs::{LEARNING_RATE, Logs};
pub use memory::Memory;
pub use monitor::{Direction, Mode, Monitor, check_monitors};
pub use per_class::PerClass;
pub use text_value::Text;

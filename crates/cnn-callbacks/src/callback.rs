//! The trait that every callback implements.

use crate::{
    BatchEnd, CallbackError, Control, EpochBegin, EpochEnd, Memory, Message, Monitor, Resume,
    TrainBegin, TrainEnd,
};

/// Something that watches training. Every method but [`Callback::name`] has an empty default.
///
/// See [`crate::events`] for what fires when. Events are read-only; wishes go into [`Control`].
pub trait Callback: Send {
    /// Keras's class name, such as `EarlyStopping`; used in messages and as [`crate::Stop::by`].
    fn name(&self) -> &str;

    /// The metrics that this callback follows, so that their names are checked before the first epoch
    /// ([`crate::check_monitors`]).
    fn monitors(&mut self) -> Vec<&mut Monitor> {
        Vec::new()
    }

    /// What is done with the running mean of the weights that an optimizer keeps (`use_ema`). Asked before the first epoch; anything but
    /// [`Average::Unused`] is refused where there is none.
    fn average(&self) -> Average {
        Average::Unused
    }

    /// Whatever else of its settings names metrics, such as a file name with `{val_loss:.2f}`: checked with the monitors, against
    /// the names that the logs of an epoch's end will hold. Returns notes for people.
    fn check_metrics(&mut self, _available: &[String]) -> Result<Vec<String>, CallbackError> {
        Ok(Vec::new())
    }

    /// Whether the logs of an epoch's end are to hold `learning_rate` too, as Keras's callbacks that change it have it. They hold
    /// it for all callbacks then, wherever this one stands in the list: the rate that the epoch was trained with.
    fn reports_learning_rate(&self) -> bool {
        false
    }

    /// Training is about to begin. State from an earlier run is forgotten here.
    fn on_train_begin(&mut self, _event: &TrainBegin<'_>, _control: &mut Control) {}

    /// An epoch is about to begin.
    fn on_epoch_begin(&mut self, _event: &EpochBegin, _control: &mut Control) {}

    /// A training batch has been learned from. Called often: allocate nothing here.
    fn on_batch_end(&mut self, _event: &BatchEnd<'_>, _control: &mut Control) {}

    /// An epoch has ended, validation included.
    fn on_epoch_end(&mut self, _event: &EpochEnd<'_>, _control: &mut Control) {}

    /// A callback had something to say ([`Control::say`]): after all of them have answered the event, before the trainer acts.
    fn on_message(&mut self, _message: &Message) {}

    /// All that [`Callback::on_resume`] needs to go on from here, with the files that it writes on the disk up to here. Asked after
    /// an event that all callbacks have answered. Nothing by default: right for a callback whose answers depend on the event alone.
    ///
    /// # Errors
    /// Why that cannot be kept, such as a full disk.
    fn state(&mut self) -> Result<Memory, String> {
        Ok(Memory::new())
    }

    /// Training that was interrupted goes on, or goes back to an earlier epoch's beginning, where a loss that is no number is to be
    /// survived so. Called in place of [`Callback::on_train_begin`], and of
    /// [`Callback::on_epoch_begin`] in the middle of an epoch, with what [`Callback::state`] has kept; with nothing where the
    /// callback was not there then.
    ///
    /// # Errors
    /// Why it cannot go on, such as a file that is gone.
    fn on_resume(&mut self, _event: &Resume<'_>, _kept: &Memory) -> Result<(), String> {
        Ok(())
    }

    /// Training has ended, for whatever reason.
    fn on_train_end(&mut self, _event: &TrainEnd<'_>, _control: &mut Control) {}
}

/// What a run does with the running mean of the weights while it trains. The callback that wants most decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Average {
    /// Nothing: it becomes the weights at the end alone.
    #[default]
    Unused,
    /// Whatever is measured, is measured with it.
    Measured,
    /// And it is what an epoch's end shows as the weights.
    Shown,
}

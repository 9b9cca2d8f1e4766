//! A callback: stops once the accuracy is good enough, and says which epoch was the best.

use cnn_callbacks::{Callback, Control, EpochEnd, TrainBegin};

/// The callback and what it remembers.
#[derive(Debug)]
pub(crate) struct BestEpoch {
    enough: f64,
    best: Option<(usize, f64)>,
}

impl BestEpoch {
    /// Stops at this accuracy.
    pub(crate) fn new(enough: f64) -> Self {
        Self { enough, best: None }
    }
}

impl Callback for BestEpoch {
    fn name(&self) -> &str {
        "BestEpoch"
    }

    fn on_train_begin(&mut self, _: &TrainBegin<'_>, _: &mut Control) {
        self.best = None;
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, control: &mut Control) {
        let Some(accuracy) = event.logs.get("accuracy") else { return };
        if self.best.is_none_or(|(_, best)| accuracy > best) {
            self.best = Some((event.epoch, accuracy));
        }
        if let Some((epoch, best)) = self.best.filter(|_| accuracy >= self.enough) {
            let name = self.name().to_owned();
            control.stop(&name, format!("epoch {} has {best:.3}", epoch + 1));
        }
    }
}

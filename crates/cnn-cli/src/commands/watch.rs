//! The callbacks that belong to the command line: events as JSON lines, and the loss of every step.

use crate::{output, signals};
use cnn_callbacks::{
    BatchEnd, Callback, Control, EpochEnd, LEARNING_RATE, Memory, Message, Resume, TrainBegin,
};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// Writes one JSON line per epoch to stdout, and one for each message of a callback.
#[derive(Debug)]
pub(crate) struct JsonLines;

impl Callback for JsonLines {
    fn name(&self) -> &'static str {
        "JsonLines"
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, control: &mut Control) {
        let mut line = Map::new();
        line.insert("event".to_owned(), json!("epoch"));
        line.insert("epoch".to_owned(), json!(event.epoch + 1));
        for (name, value) in event.logs.iter() {
            line.insert(name.to_owned(), json!(value));
        }
        line.insert("seconds".to_owned(), json!(event.elapsed));
        line.insert(
            "images_per_second".to_owned(),
            json!(event.samples as f64 / event.elapsed.max(1e-9)),
        );
        if let Err(failure) = output::result(&format!("{}\n", Value::Object(line))) {
            control.fail(self.name(), failure.text);
        }
    }

    /// A line that cannot be written is noticed at the epoch's end.
    fn on_message(&mut self, message: &Message) {
        let line = json!({ "event": "message", "by": message.by, "text": message.text });
        let _ = output::result(&format!("{line}\n"));
    }
}

/// Ends training after the step in which a signal came, for good.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl Callback for Interrupted {
    fn name(&self) -> &'static str {
        "Interrupted"
    }

    fn on_batch_end(&mut self, _event: &BatchEnd<'_>, control: &mut Control) {
        if signals::INTERRUPT.load(Ordering::SeqCst) {
            control.stop(self.name(), "");
        }
    }
}

/// What [`StepLog`] has seen: a CSV with a line per step.
pub(crate) type Steps = Arc<Mutex<String>>;

/// Collects loss and metrics of every batch, as they were before its update.
#[derive(Debug)]
pub(crate) struct StepLog {
    batch_size: usize,
    samples: usize,
    /// Sums of the epoch so far, in the order of the columns.
    sums: Vec<f64>,
    columns: Vec<String>,
    steps: Steps,
}

impl StepLog {
    /// Collects into `steps`.
    pub(crate) fn new(batch_size: usize, steps: &Steps) -> Self {
        let steps = Arc::clone(steps);
        Self { batch_size, samples: 0, sums: Vec::new(), columns: Vec::new(), steps }
    }
}

impl Callback for StepLog {
    fn name(&self) -> &'static str {
        "StepLog"
    }

    fn on_train_begin(&mut self, event: &TrainBegin<'_>, _control: &mut Control) {
        let others = event
            .metrics
            .iter()
            .filter(|name| {
                !name.starts_with("val_")
                    && !name.starts_with("train_")
                    && *name != "loss"
                    && *name != LEARNING_RATE
            })
            .cloned();
        self.columns = std::iter::once("loss".to_owned()).chain(others).collect();
        self.samples = event.samples;
        let mut csv = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        csv.clear();
        let _ = writeln!(csv, "epoch,step,{}", self.columns.join(","));
    }

    fn state(&mut self) -> Result<Memory, String> {
        let csv = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Memory::new().texts("csv", [csv.clone()]).numbers("sums", self.sums.iter().copied()))
    }

    fn on_resume(&mut self, event: &Resume<'_>, kept: &Memory) -> Result<(), String> {
        self.on_train_begin(&event.begin, &mut Control::new());
        self.sums = vec![0.0; self.columns.len()];
        // Without, the run began without it: then the steps from here on.
        if let (Ok([csv]), Ok(sums)) = (kept.get_texts("csv"), kept.get_numbers("sums")) {
            *self.steps.lock().unwrap_or_else(PoisonError::into_inner) = csv.to_string();
            if sums.len() == self.sums.len() {
                self.sums = sums.to_vec();
            }
        }
        Ok(())
    }

    /// The events carry running means over the epoch; the batch's own value is what it added to the sum.
    fn on_batch_end(&mut self, event: &BatchEnd<'_>, _control: &mut Control) {
        if event.step == 0 {
            self.sums = vec![0.0; self.columns.len()];
        }
        let before = event.step * self.batch_size;
        let seen = (before + self.batch_size).min(self.samples);
        let mut csv = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = write!(csv, "{},{}", event.epoch, event.step);
        for (name, sum) in self.columns.iter().zip(&mut self.sums) {
            let now = event.logs.get(name).unwrap_or(f64::NAN) * seen as f64;
            let _ = write!(csv, ",{}", (now - *sum) / (seen - before) as f64);
            *sum = now;
        }
        csv.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cnn_callbacks::Logs;

    #[test]
    fn a_step_s_loss_comes_out_of_the_running_mean() {
        let steps = Steps::default();
        let mut log = StepLog::new(4, &steps);
        let mut control = Control::new();
        let metrics = ["accuracy".to_owned(), "loss".to_owned(), "val_loss".to_owned()];
        log.on_train_begin(
            &TrainBegin { epochs: 1, steps: 2, samples: 6, ..TrainBegin::of(&metrics) },
            &mut control,
        );
        // Batches of 4 and 2 with mean losses 2 and 0.5, and 1 and 2 right answers.
        for (step, loss, accuracy) in [(0, 2.0, 0.25), (1, (8.0 + 1.0) / 6.0, 0.5)] {
            let logs: Logs = [("loss", loss), ("accuracy", accuracy)].into_iter().collect();
            let event = BatchEnd { step, steps: 2, ..BatchEnd::of(&logs) };
            log.on_batch_end(&event, &mut control);
        }
        assert_eq!(*steps.lock().unwrap(), "epoch,step,loss,accuracy\n0,0,2,0.25\n0,1,0.5,1\n");
    }
}

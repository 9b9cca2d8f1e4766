//! A trainer without a model: it sends the events of a scripted run and obeys the control, as crates/cnn-train does.

use cnn_callbacks::{
    BatchEnd, Callback, Control, EpochBegin, EpochEnd, Logs, Restore, Save, Stop, TrainBegin,
    TrainEnd,
};
use serde_json::Value;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// One epoch of the script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Epoch {
    /// Logs and seconds after each batch.
    pub(crate) batches: Vec<(Logs, f64)>,
    /// Logs at the end.
    pub(crate) logs: Logs,
    /// Seconds at the end.
    pub(crate) elapsed: f64,
    /// Seconds since training began, at every event of the epoch.
    pub(crate) trained: f64,
}

/// How a run went.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Epochs that were begun.
    pub(crate) epochs: usize,
    /// Batches of the last epoch that were learned from.
    pub(crate) batches: usize,
    /// What ended it.
    pub(crate) stopped_by: Option<Stop>,
    /// What was restored.
    pub(crate) restored: Option<Restore>,
    /// The learning rate of each epoch, and after the last.
    pub(crate) rates: Vec<f32>,
    /// What was to be saved: epoch, batch (none at the epoch's end), what.
    pub(crate) saves: Vec<(usize, Option<usize>, Save)>,
    /// What was said.
    pub(crate) said: Vec<String>,
}

/// Runs the script. The weights are `[epoch]`, the learning rate is 0.001.
pub(crate) fn run(callbacks: &mut [Box<dyn Callback>], script: &[Epoch]) -> Outcome {
    run_from(callbacks, script, 0.001)
}

/// Runs the script with this learning rate to begin with.
pub(crate) fn run_from(
    callbacks: &mut [Box<dyn Callback>],
    script: &[Epoch],
    mut rate: f32,
) -> Outcome {
    let metrics: Vec<String> = script[0].logs.iter().map(|(n, _)| n.to_owned()).collect();
    let (epochs, steps) = (script.len(), script[0].batches.len());
    let mut control = Control::new();
    let begin = TrainBegin { epochs, steps, samples: steps * 32, ..TrainBegin::of(&metrics) };
    for c in callbacks.iter_mut() {
        c.on_train_begin(&begin, &mut control);
    }
    let (mut begun, mut batches, mut last) = (0, 0, Logs::new());
    let (mut rates, mut saves, mut said) = (Vec::new(), Vec::new(), Vec::new());
    for (epoch, e) in script.iter().enumerate() {
        if control.stopped_by().is_some() {
            break;
        }
        (begun, batches) = (epoch + 1, 0);
        for c in callbacks.iter_mut() {
            c.on_epoch_begin(
                &EpochBegin { epoch, epochs, steps, learning_rate: rate },
                &mut control,
            );
        }
        rate = control.take_learning_rate().unwrap_or(rate);
        rates.push(rate);
        let trained = e.trained;
        for (step, (logs, elapsed)) in e.batches.iter().enumerate() {
            let elapsed = *elapsed;
            let event = BatchEnd { epoch, step, steps, elapsed, trained, ..BatchEnd::of(logs) };
            for c in callbacks.iter_mut() {
                c.on_batch_end(&event, &mut control);
            }
            batches += 1;
            saves.extend(control.take_saves().into_iter().map(|save| (epoch, Some(step), save)));
            if control.stopped_by().is_some() {
                break;
            }
        }
        let weights = [epoch as f32];
        let (samples, elapsed) = (batches * 32, e.elapsed);
        let event = EpochEnd {
            epoch,
            epochs,
            steps,
            samples,
            elapsed,
            trained,
            learning_rate: rate,
            weights: &weights,
            ..EpochEnd::of(&e.logs)
        };
        for c in callbacks.iter_mut() {
            c.on_epoch_end(&event, &mut control);
        }
        saves.extend(control.take_saves().into_iter().map(|save| (epoch, None, save)));
        said.extend(control.take_messages().into_iter().map(|message| message.text));
        rate = control.take_learning_rate().unwrap_or(rate);
        last = e.logs.clone();
    }
    let stopped_by = control.stopped_by().cloned();
    let end = TrainEnd { epochs: begun, logs: &last, stopped_by: stopped_by.as_ref() };
    for c in callbacks.iter_mut() {
        c.on_train_end(&end, &mut control);
    }
    rates.push(rate);
    let restored = control.take_restore();
    Outcome { epochs: begun, batches, stopped_by, restored, rates, saves, said }
}

/// Epochs of which only the values of one metric matter.
pub(crate) fn epochs(metric: &str, values: &[f64]) -> Vec<Epoch> {
    values
        .iter()
        .map(|&x| Epoch { logs: [(metric, x)].into_iter().collect(), ..Epoch::default() })
        .collect()
}

/// A number of a golden file, where NaN and infinity are strings.
pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

/// Logs of a golden file.
pub(crate) fn logs(value: &Value) -> Logs {
    value.as_object().unwrap().iter().map(|(name, x)| (name.as_str(), number(x))).collect()
}

/// A writer whose text can be read while something else owns it.
#[derive(Clone, Default)]
pub(crate) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    /// What has been written.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

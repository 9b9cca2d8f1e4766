//! Right answers by class, as the events carry them, and an epoch's time without the pauses.
#![expect(clippy::unwrap_used, reason = "a test's helper may panic")]

mod support;

use cnn_callbacks::{BatchEnd, Callback, Control, EpochEnd, PerClass};
use cnn_data::Split;
use std::sync::{Arc, Mutex};
use support::{MODEL, stripes, trainer};

type Owned = (Vec<u64>, Vec<u64>);

fn owned(counts: PerClass<'_>) -> Owned {
    (counts.correct.to_vec(), counts.samples.to_vec())
}

/// What one epoch's events said.
#[derive(Clone, Debug, Default)]
struct Epoch {
    /// After the last batch.
    batch: Owned,
    training: Owned,
    measured: Option<Owned>,
    validation: Option<Owned>,
    accuracy: f64,
    elapsed: f64,
}

/// Notes the counts of every epoch; says once that it held training up for `pause` seconds.
#[derive(Default)]
struct Watch {
    epochs: Arc<Mutex<Vec<Epoch>>>,
    pause: f64,
}

impl Callback for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn on_batch_end(&mut self, event: &BatchEnd<'_>, control: &mut Control) {
        let right: u64 = event.per_class.correct.iter().sum();
        let accuracy = event.logs.get("accuracy").unwrap();
        assert!((right as f64 / event.samples as f64 - accuracy).abs() < 1e-12);
        assert_eq!(event.per_class.samples.iter().sum::<u64>(), event.samples as u64);
        assert!((event.learning_rate - 0.001).abs() < 1e-9);
        let mut epochs = self.epochs.lock().unwrap();
        if event.step == 0 {
            epochs.push(Epoch::default());
            control.waited(self.pause);
        }
        epochs.last_mut().unwrap().batch = owned(event.per_class);
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, _: &mut Control) {
        let mut epochs = self.epochs.lock().unwrap();
        let epoch = epochs.last_mut().unwrap();
        epoch.training = owned(event.per_class);
        epoch.measured = event.train_per_class.map(owned);
        epoch.validation = event.val_per_class.map(owned);
        epoch.accuracy = event.logs.get("accuracy").unwrap();
        epoch.elapsed = event.elapsed;
    }
}

/// Trains; what the events said, and the trainer.
fn watched(
    fit: &str,
    train: &Split,
    validation: Option<&Split>,
    threads: usize,
) -> (Vec<Epoch>, cnn_train::Trainer) {
    let watch = Watch::default();
    let epochs = Arc::clone(&watch.epochs);
    let mut t = trainer(&MODEL.replace("epochs = 4", &format!("epochs = 2\n{fit}")), threads);
    t.fit(train, validation, &mut [Box::new(watch)]).unwrap();
    let epochs = epochs.lock().unwrap().clone();
    (epochs, t)
}

/// Images of each class.
fn labels(split: &Split) -> Vec<u64> {
    (0..3)
        .map(|class| split.labels.iter().filter(|&&label| label == class).count() as u64)
        .collect()
}

/// Diagonal and row sums of the confusion matrix, which is counted from the probabilities.
fn evaluated(t: &mut cnn_train::Trainer, split: &Split) -> Owned {
    let e = t.evaluate(split).unwrap();
    let row = |i: usize| e.confusion[3 * i..3 * i + 3].iter().sum();
    ((0..3).map(|i| e.confusion[4 * i]).collect(), (0..3).map(row).collect())
}

#[test]
fn the_counts_after_an_epoch_are_those_of_the_confusion_matrix() {
    let (train, validation) = (stripes(203, 1), stripes(77, 5));
    for threads in [1, 3] {
        let (epochs, mut t) = watched("eval_train = true", &train, Some(&validation), threads);
        let last = &epochs[1];
        assert_eq!(last.validation, Some(evaluated(&mut t, &validation)));
        assert_eq!(last.measured, Some(evaluated(&mut t, &train)));
        assert_eq!(last.training.1, labels(&train));
        assert_eq!(last.batch, last.training, "measuring does not change what was counted");
        let right: u64 = last.training.0.iter().sum();
        assert!((right as f64 / 203.0 - last.accuracy).abs() < 1e-12);
    }
}

#[test]
fn without_validation_only_the_training_images_are_counted() {
    let train = stripes(64, 1);
    let (epochs, _) = watched("", &train, None, 2);
    assert!(epochs.iter().all(|e| e.measured.is_none() && e.validation.is_none()));
    assert!(epochs.iter().all(|e| e.training.1 == labels(&train)), "every epoch counts anew");
}

#[test]
fn mixed_images_are_counted_by_their_larger_share() {
    for mixing in ["mixup = 1.0", "cutmix = 1.0"] {
        let (epochs, _) = watched(mixing, &stripes(96, 1), None, 2);
        assert_eq!(epochs[0].training.1.iter().sum::<u64>(), 96, "{mixing}");
    }
}

#[test]
fn time_in_which_a_callback_held_training_up_does_not_count() {
    let watch = Watch { pause: 1e6, ..Watch::default() };
    let epochs = Arc::clone(&watch.epochs);
    let mut t = trainer(&MODEL.replace("epochs = 4", "epochs = 1"), 1);
    let result = t.fit(&stripes(64, 1), None, &mut [Box::new(watch)]).unwrap();
    // More than the epoch took: nothing is left of it.
    assert_eq!((epochs.lock().unwrap()[0].elapsed, result.history.seconds[0]), (0.0, 0.0));
    assert!(result.images_per_second[0] > 1e9 && result.seconds > 0.0);
}

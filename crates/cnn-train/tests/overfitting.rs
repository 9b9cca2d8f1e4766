//! What acts in training only: mixup, cutmix and penalties; and the training images measured as validation images are.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use cnn_callbacks::{BatchEnd, Callback, Control, EpochEnd, TrainBegin};
use cnn_data::{Images, Split};
use cnn_train::{Config, FitResult, Mixer, Mixing, RunHistory, TrainError, Trainer};
use ndarray::Array4;
use std::sync::{Arc, Mutex};
use support::{MODEL, stripes, trainer};

/// The small model with other lines in `[fit]`.
fn with(lines: &str) -> String {
    MODEL.replace("epochs = 4", lines)
}

fn fit(trainer: &mut Trainer, data: &Split) -> FitResult {
    trainer.fit(data, None, &mut []).expect("sound data")
}

/// Weights and history after training on `threads` threads.
fn trained(toml: &str, data: &Split, threads: usize) -> (String, Vec<f64>) {
    let mut t = trainer(toml, threads);
    let result = fit(&mut t, data);
    (t.weights_hash(), result.history.get("loss").unwrap().to_vec())
}

#[test]
fn mixed_training_gives_the_same_bits_on_any_number_of_threads() {
    let data = stripes(333, 1);
    let plain = trained(&with("epochs = 2"), &data, 1);
    for line in ["mixup = 0.2", "cutmix = 1.0", "mixup = 3"] {
        let toml = with(&format!("epochs = 2\n{line}"));
        let one = trained(&toml, &data, 1);
        assert_ne!(one, plain, "{line}");
        for threads in [2, 5] {
            assert_eq!(trained(&toml, &data, threads), one, "{line} on {threads} threads");
        }
    }
    assert_eq!(trained(&with("epochs = 2\nmixup = 0.0\ncutmix = 0"), &data, 1), plain, "off");
}

/// The loss and accuracy after every batch.
struct Steps(Arc<Mutex<Vec<(f64, f64)>>>);

impl Callback for Steps {
    fn name(&self) -> &'static str {
        "Steps"
    }

    fn on_batch_end(&mut self, event: &BatchEnd<'_>, _: &mut Control) {
        let value = |name| event.logs.get(name).unwrap();
        self.0.lock().unwrap().push((value("loss"), value("accuracy")));
    }
}

/// The first step of a mixed training, written down: probabilities of each mixed image, and the cross-entropy with both labels.
#[test]
fn the_first_step_s_loss_is_that_of_the_mixed_images() {
    let data = stripes(32, 1);
    for (line, mixing) in [
        ("mixup = 0.4", Mixing::MixUp { alpha: 0.4 }),
        ("cutmix = 1.0", Mixing::CutMix { alpha: 1.0 }),
    ] {
        let mut t = trainer(&with(&format!("epochs = 1\nshuffle = false\n{line}")), 2);
        let mut mixer = Mixer::new(mixing, [8, 8, 1], 32);
        mixer.draw(7, 0, 32);
        let order: Vec<u32> = (0..32).collect();
        let mut x = vec![0.0; 32 * 64];
        for (place, x) in x.chunks_exact_mut(64).enumerate() {
            mixer.image(&data, &order, place, x);
        }
        let rows = t.predict(&x).unwrap();
        let (mut loss, mut right) = (0.0, 0.0);
        for (place, row) in rows.chunks_exact(3).enumerate() {
            let share = f64::from(mixer.share(place));
            let (own, other) =
                (data.labels[place] as usize, data.labels[mixer.partner(place)] as usize);
            loss -= share * f64::from(row[own]).ln() + (1.0 - share) * f64::from(row[other]).ln();
            let best = (0..3).fold(0, |best, k| if row[k] > row[best] { k } else { best });
            right += f64::from(u8::from(best == if share > 0.5 { own } else { other }));
        }
        let steps = Arc::new(Mutex::new(Vec::new()));
        t.fit(&data, None, &mut [Box::new(Steps(steps.clone()))]).unwrap();
        let (got_loss, got_accuracy) = steps.lock().unwrap()[0];
        assert!((got_loss - loss / 32.0).abs() < 1e-5, "{line}: {got_loss}, {}", loss / 32.0);
        assert!((got_accuracy - right / 32.0).abs() < 1e-12, "{line}: {got_accuracy}");
    }
}

#[test]
fn mixed_training_learns_and_validation_sees_whole_images() {
    let data = stripes(900, 1);
    for line in ["mixup = 0.2", "cutmix = 1.0"] {
        let mut t = trainer(&with(&format!("epochs = 6\nvalidation_split = 0.2\n{line}")), 2);
        let result = fit(&mut t, &data);
        let last = |name| *result.history.get(name).unwrap().last().unwrap();
        assert!(last("val_accuracy") > 0.95, "{line}: {}", last("val_accuracy"));
        assert!(last("accuracy") < last("val_accuracy"), "{line}: mixed images are harder");
        let evaluated = t.evaluate(&data.validation_split(0.2).1).unwrap();
        assert!((evaluated.loss - last("val_loss")).abs() < 1e-9, "{line}");
    }
}

/// One image in the last batch has nobody but itself.
#[test]
fn a_batch_of_one_is_left_as_it_is() {
    let data = stripes(33, 1);
    let all_zero = Split { images: Images::U8(Array4::zeros((33, 8, 8, 1))), labels: vec![1; 33] };
    for data in [data, all_zero] {
        let mut t = trainer(&with("epochs = 2\ncutmix = 1.0"), 3);
        assert!(
            fit(&mut t, &data).history.get("loss").unwrap().iter().all(|loss| loss.is_finite())
        );
    }
}

const DROPOUT: &str =
    "[[layers]]\ntype = \"Flatten\"\n\n[[layers]]\ntype = \"Dropout\"\nrate = 0.5\n";

/// With dropout, mixing and penalties in training, the measured values are those of `evaluate`: of the images before the
/// validation part, in inference mode, the penalty included.
#[test]
fn training_images_are_measured_as_the_others_are() {
    let data = stripes(500, 1);
    let toml = with("epochs = 3\nvalidation_split = 0.2\neval_train = true\nmixup = 0.4")
        .replace("[[layers]]\ntype = \"Flatten\"\n", DROPOUT)
        .replace("units = 12\n", "units = 12\nkernel_regularizer = { l2 = 0.01 }\n");
    let mut t = trainer(&toml, 2);
    let result = fit(&mut t, &data);
    let history = &result.history;
    let names: Vec<&str> = history.history.iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["accuracy", "loss", "train_accuracy", "train_loss", "val_accuracy", "val_loss"]
    );
    let last = |name| *history.get(name).unwrap().last().unwrap();
    let (train, validation) = data.validation_split(0.2);
    let train = t.evaluate(&train).unwrap();
    assert!((train.loss - last("train_loss")).abs() < 1e-9);
    assert!((train.accuracy - last("train_accuracy")).abs() < 1e-12);
    assert!((t.evaluate(&validation).unwrap().loss - last("val_loss")).abs() < 1e-9);
    assert!(train.penalty > 0.01 && (train.penalty - result.penalty).abs() < 1e-12);
    assert!(last("train_accuracy") > last("accuracy"), "dropout and mixing make training harder");
    let score = result.train.unwrap();
    assert!(
        (score.loss - train.loss).abs() < 1e-9 && (score.accuracy - train.accuracy).abs() < 1e-12
    );

    // Measuring changes nothing else.
    let mut without = trainer(&toml.replace("eval_train = true", ""), 1);
    let bare = fit(&mut without, &data);
    assert_eq!(without.weights_hash(), t.weights_hash());
    assert_eq!(bare.history.get("loss"), history.get("loss"));
    assert_eq!((bare.train, bare.history.get("train_loss")), (None, None));
}

/// The record of the test images is `evaluate`'s, changes no bit of training, and no callback sees it or may follow it.
#[test]
fn test_images_are_recorded_and_nothing_learns_of_them() {
    let (data, test) = (stripes(300, 1), stripes(77, 2));
    let toml = with("epochs = 3\nvalidation_split = 0.2\neval_test = true");
    let mut t = trainer(&toml, 2);
    let seen = Names::default();
    let mut callbacks: Vec<Box<dyn Callback>> = vec![Box::new(Names(seen.0.clone()))];
    let result = t.fit_with_test(&data, None, &test, &mut callbacks).unwrap();
    let last = result.test_record[2];
    let now = t.evaluate(&test).unwrap();
    assert_eq!(result.test_record.len(), 3);
    assert!((last.loss - now.loss).abs() < 1e-9 && (last.accuracy - now.accuracy).abs() < 1e-12);
    assert!(seen.0.lock().unwrap().iter().all(|name| !name.starts_with("test_")));
    assert!(result.history.get("test_loss").is_none());

    let history = RunHistory::new(&result, 32);
    let losses: Vec<f64> = result.test_record.iter().map(|score| score.loss).collect();
    assert_eq!(
        (history.get("test_loss"), history.accuracy("test_")[2]),
        (&losses[..], last.accuracy)
    );
    assert_eq!(history.metrics[4..], ["test_accuracy", "test_loss"]);

    // Without the key, or without test images, there is no record; the weights are the same.
    let mut without = trainer(&toml.replace("eval_test = true", ""), 1);
    let bare = without.fit_with_test(&data, None, &test, &mut []).unwrap();
    assert!(bare.test_record.is_empty());
    assert_eq!(
        (without.weights_hash(), bare.history.get("loss")),
        (t.weights_hash(), result.history.get("loss"))
    );
    assert!(fit(&mut trainer(&toml, 1), &data).test_record.is_empty());

    let follow = "[[callbacks]]\ntype = \"StopAt\"\nmonitor = \"test_accuracy\"\nthreshold = 0.9\n";
    let found =
        Config::from_toml("model.toml", &format!("{toml}\n{follow}")).unwrap_err().to_string();
    assert!(
        found.contains("test data that decides when to stop is no longer test data"),
        "{found}"
    );
    let wrong = Split { images: Images::U8(Array4::zeros((2, 5, 5, 1))), labels: vec![0, 1] };
    let error = t.fit_with_test(&data, None, &wrong, &mut []).unwrap_err();
    assert!(matches!(error, TrainError::ImageShape { what: "test data", .. }), "{error}");
}

/// Keeps the names of the metrics that a callback is told of.
#[derive(Default)]
struct Names(Arc<Mutex<Vec<String>>>);

impl Callback for Names {
    fn name(&self) -> &'static str {
        "Names"
    }

    fn on_train_begin(&mut self, event: &TrainBegin<'_>, _: &mut Control) {
        self.0.lock().unwrap().extend(event.metrics.iter().cloned());
    }

    fn on_epoch_end(&mut self, event: &EpochEnd<'_>, _: &mut Control) {
        self.0.lock().unwrap().extend(event.logs.iter().map(|(name, _)| name.to_owned()));
    }
}

/// What is put back at the end is what is measured at the end.
#[test]
fn the_last_measurement_is_of_the_weights_that_are_kept() {
    let data = stripes(200, 1);
    let toml = with("epochs = 6\neval_train = true\nvalidation_split = 0.25").replace(
        "[fit]",
        "[compile]\noptimizer = { type = \"SGD\", learning_rate = 0.9, momentum = 0.9 }\n[fit]",
    );
    let mut t = trainer(&toml, 1);
    let stop = cnn_callbacks::CallbackSpec::EarlyStopping(
        serde_json::from_str(
            r#"{"monitor": "val_loss", "mode": "max", "patience": 99, "restore_best_weights": true}"#,
        )
        .unwrap(),
    );
    let context = cnn_callbacks::BuildContext::new("run");
    let result = t.fit(&data, None, &mut [stop.build(&context).unwrap()]).unwrap();
    let losses = result.history.get("val_loss").unwrap();
    // The worst epoch is kept here: certainly not the last one.
    let kept = losses.iter().copied().fold(0.0, f64::max);
    assert!(result.restored.is_some() && *losses.last().unwrap() < kept, "{losses:?}");
    let train = data.validation_split(0.25).0;
    let (kept, score) = (t.evaluate(&train).unwrap(), result.train.unwrap());
    assert!((kept.loss - score.loss).abs() < 1e-9, "{} {}", kept.loss, score.loss);
    assert_ne!(Some(&score.loss), result.history.get("train_loss").unwrap().last());
}

#[test]
fn a_run_that_diverged_has_no_training_score() {
    let toml = with("epochs = 2\neval_train = true")
        .replace("[fit]", "[compile]\noptimizer = { type = \"SGD\", learning_rate = 1e30 }\n[fit]");
    let mut t = trainer(&toml, 1);
    let result = fit(&mut t, &stripes(200, 1));
    assert!(result.diverged() && result.train.is_none());
}

/// A strong penalty keeps weights small, L1 makes zeros of them more than L2 does.
#[test]
fn penalties_shrink_weights() {
    let data = stripes(300, 1);
    let weights = |regularizer: &str| {
        let toml = MODEL.replace("units = 12\n", &format!("units = 12\n{regularizer}\n"));
        let sgd = "[compile]\noptimizer = { type = \"SGD\", learning_rate = 0.1 }\n";
        let mut t = trainer(&format!("{toml}{sgd}"), 2);
        fit(&mut t, &data);
        let dense = t.model().params().find(|param| param.name == "dense/kernel").unwrap();
        t.weights()[dense.range.clone()].to_vec()
    };
    let squares = |w: &[f32]| w.iter().map(|w| w * w).sum::<f32>();
    let small = |w: &[f32]| w.iter().filter(|w| w.abs() < 1e-2).count();
    let (free, l2, l1) = (
        weights(""),
        weights("kernel_regularizer = { l2 = 0.1 }"),
        weights("kernel_regularizer = { l1 = 0.03 }"),
    );
    assert!(squares(&l2) < 0.5 * squares(&free), "{} {}", squares(&l2), squares(&free));
    assert!(small(&l1) > 2 * small(&free), "{} {}", small(&l1), small(&free));
}

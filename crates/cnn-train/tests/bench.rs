//! Measuring speed: as many figures as were asked for, from the loops that do the work.

mod support;

use cnn_train::BenchOptions;
use std::time::Duration;
use support::{MODEL, stripes, trainer};

const SHORT: BenchOptions = BenchOptions {
    windows: 3,
    window: Duration::from_millis(2),
    warm_up: Duration::from_millis(1),
};

#[test]
fn each_window_gives_a_figure_and_training_has_taken_place() {
    let data = stripes(70, 1);
    let mut trainer = trainer(MODEL, 2);
    let before = trainer.weights().to_vec();
    let figures = trainer.bench_training(&data, &SHORT).unwrap();
    assert_eq!(figures.len(), 3);
    assert!(figures.iter().all(|rate| rate.is_finite() && *rate > 0.0), "{figures:?}");
    assert_ne!(trainer.weights(), before);
    assert!(trainer.steps_taken() > 0);
    // Afterwards the configuration is what it was: this fit ends.
    let fit = trainer.fit(&data, None, &mut []).unwrap();
    assert_eq!(fit.history.len(), 4);
}

#[test]
fn every_question_after_warming_up_is_timed() {
    let data = stripes(70, 1);
    let mut trainer = trainer(MODEL, 1);
    let before = trainer.weights().to_vec();
    for batch in [1, 32, 1000] {
        let seconds = trainer.bench_inference(&data, batch, &SHORT).unwrap();
        assert!(!seconds.is_empty() && seconds.iter().all(|s| *s > 0.0), "{seconds:?}");
    }
    assert_eq!(trainer.weights(), before, "answering changes nothing");
}

#[test]
fn a_profile_takes_the_steps_that_were_asked_for() {
    let data = stripes(70, 1);
    let mut trainer = trainer(MODEL, 1);
    let profile = trainer.profile_training(&data, 5).unwrap();
    assert_eq!((profile.steps, trainer.steps_taken()), (5, 5));
    assert!(profile.macs() > trainer.model().macs());
}

#[test]
fn no_images_are_an_error() {
    let none = stripes(70, 1).take(0);
    let mut trainer = trainer(MODEL, 1);
    assert!(trainer.bench_training(&none, &SHORT).is_err());
    assert!(trainer.bench_inference(&none, 8, &SHORT).is_err());
    assert!(trainer.profile_training(&none, 1).is_err());
}

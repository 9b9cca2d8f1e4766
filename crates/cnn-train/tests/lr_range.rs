//! The learning rate range test: rates, smoothing and suggestions as the formulas say, and the trainer left as it was.

mod support;

use cnn_train::{LrCurve, LrPoint, LrRange, TrainError};
use support::{MODEL, stripes, trainer};

fn range(from: f64, to: f64, steps: usize) -> LrRange {
    LrRange { from, to, steps, ..LrRange::default() }
}

#[test]
fn rates_rise_by_one_factor_and_the_mean_is_bias_corrected() {
    let data = stripes(300, 1);
    let curve = trainer(MODEL, 1).lr_range_test(&data, &range(1e-5, 1.0, 26)).unwrap();
    assert!(curve.points.len() <= 26 && (curve.configured - 0.001).abs() < 1e-9, "{curve:?}");
    let factor = 1e5f64.powf(1.0 / 25.0);
    let (mut mean, beta) = (0.0, 0.9f64);
    for (i, point) in curve.points.iter().enumerate() {
        assert!((point.rate / (1e-5 * factor.powi(i as i32)) - 1.0).abs() < 1e-9, "{i}");
        mean = beta * mean + (1.0 - beta) * point.loss;
        let corrected = mean / (1.0 - beta.powi(i as i32 + 1));
        assert!(
            (point.smoothed / corrected - 1.0).abs() < 1e-9,
            "{i}: {} {corrected}",
            point.smoothed
        );
    }
}

/// Its step is the trainer's own: at one rate the losses are those of a training.
#[test]
fn at_a_constant_rate_it_is_the_training() {
    let data = stripes(100, 1);
    let toml = MODEL.replace("epochs = 4", "epochs = 3");
    let curve =
        trainer(&toml, 1).lr_range_test(&data, &range(0.001, 0.001 * (1.0 + 1e-9), 12)).unwrap();
    let losses =
        trainer(&toml, 1).fit(&data, None, &mut []).unwrap().history.get("loss").unwrap().to_vec();
    // Batches of 32, 32, 32 and 4.
    for (epoch, batches) in curve.points.chunks_exact(4).enumerate() {
        let sum: f64 =
            batches.iter().zip([32.0, 32.0, 32.0, 4.0]).map(|(point, n)| point.loss * n).sum();
        assert!(
            (sum / 100.0 - losses[epoch]).abs() < 1e-7,
            "{epoch}: {} {}",
            sum / 100.0,
            losses[epoch]
        );
    }
}

#[test]
fn the_trainer_is_as_before_and_threads_change_nothing() {
    let data = stripes(300, 1);
    let mut one = trainer(MODEL, 1);
    let (weights, rate) = (one.weights_hash(), one.learning_rate());
    let curve = one.lr_range_test(&data, &LrRange::default()).unwrap();
    assert_eq!((one.weights_hash(), one.learning_rate(), one.steps_taken()), (weights, rate, 0));
    assert_eq!(curve, trainer(MODEL, 3).lr_range_test(&data, &LrRange::default()).unwrap());
    let trained = one.fit(&data, None, &mut []).unwrap();
    let fresh = trainer(MODEL, 1).fit(&data, None, &mut []).unwrap();
    assert_eq!(trained.history.history, fresh.history.history);
}

#[test]
fn suggestions_lie_where_the_loss_falls_and_train() {
    let data = stripes(600, 1);
    for (optimizer, low, high) in
        [("{ type = \"Adam\" }", 3e-4, 0.1), ("{ type = \"SGD\", momentum = 0.9 }", 3e-4, 0.3)]
    {
        let toml = format!("{MODEL}\n[compile]\noptimizer = {optimizer}\n");
        let curve = trainer(&toml, 2).lr_range_test(&data, &LrRange::default()).unwrap();
        let (steepest, suggestion) = (curve.steepest().unwrap(), curve.suggestion().unwrap());
        let lowest = curve.lowest().unwrap();
        assert!(
            suggestion <= steepest && steepest <= lowest.rate,
            "{optimizer}: {suggestion} {steepest} {lowest:?}"
        );
        assert!((low..high).contains(&suggestion), "{optimizer}: {suggestion}");
    }
    // The validation part is left out, as in training.
    let split = MODEL.replace("epochs = 4", "epochs = 4\nvalidation_split = 0.5");
    let half = trainer(&split, 1).lr_range_test(&data, &LrRange::default()).unwrap();
    let own = trainer(MODEL, 1).lr_range_test(&data.take(300), &LrRange::default()).unwrap();
    assert_eq!(half, own);
}

#[test]
fn it_stops_where_the_loss_blows_up() {
    let toml = format!("{MODEL}\n[compile]\noptimizer = {{ type = \"SGD\" }}\n");
    let curve = trainer(&toml, 1).lr_range_test(&stripes(300, 1), &range(1e-3, 1e30, 60)).unwrap();
    assert!(curve.blew_up && curve.points.len() < 60, "{} steps", curve.points.len());
    let best = curve.points.iter().map(|p| p.smoothed).fold(f64::INFINITY, f64::min);
    let (last, others) = curve.points.split_last().unwrap();
    assert!(!last.smoothed.is_finite() || last.smoothed > 4.0 * best);
    assert!(others.iter().all(|point| point.smoothed.is_finite()));
}

#[test]
fn a_loss_that_does_not_fall_has_no_suggestion() {
    let point = |i: i32, loss: f64| LrPoint { rate: 10f64.powi(i), loss, smoothed: loss };
    let curve = |losses: &[f64]| LrCurve {
        points: losses.iter().enumerate().map(|(i, &loss)| point(i as i32 - 5, loss)).collect(),
        blew_up: false,
        configured: 0.1,
    };
    assert_eq!(curve(&[2.3, 2.3, 2.29, 2.31, 2.3]).suggestion(), None);
    assert_eq!(curve(&[]).suggestion(), None);
    let falls = curve(&[2.3, 2.3, 2.2, 1.2, 1.15, 1.0, 4.0]);
    assert_eq!(falls.lowest().map(|point| point.rate), Some(1.0));
    assert_eq!(falls.steepest(), Some(1e-3));
    assert_eq!(falls.suggestion(), Some(1e-3));
}

#[test]
fn ranges_that_make_no_sense_are_refused() {
    let default = LrRange::default();
    let wrong = [
        LrRange { from: 0.0, ..default },
        LrRange { from: -1.0, ..default },
        LrRange { to: f64::NAN, ..default },
        LrRange { to: f64::INFINITY, ..default },
        LrRange { from: 1e-60, ..default },
        LrRange { from: 10.0, ..default },
        LrRange { steps: 0, ..default },
        LrRange { steps: 1_000_000, ..default },
        LrRange { smoothing: 1.0, ..default },
        LrRange { blow_up: 1.0, ..default },
    ];
    for range in wrong {
        let error = trainer(MODEL, 1).lr_range_test(&stripes(30, 1), &range).unwrap_err();
        assert!(matches!(error, TrainError::LrRange { .. }), "{range:?}: {error}");
        assert!(!error.to_string().is_empty() && !error.hint().is_empty());
    }
}

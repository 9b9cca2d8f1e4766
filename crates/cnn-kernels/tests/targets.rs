//! The losses for targets of any kind: equal to each other where they must be, finite at the ends, NaN where the input is.

mod common;

use cnn_kernels::Isa;
use cnn_kernels::loss::{
    Targets, sigmoid_focal, sigmoid_targets, softmax_cross_entropy, softmax_cross_entropy_mixed,
    softmax_focal, softmax_targets, squared_error,
};
use common::numbers;

const LABELS: [u32; 5] = [0, 3, 1, 2, 3];
const PARTNERS: [u32; 5] = [1, 3, 0, 0, 2];
const SHARES: [f32; 5] = [0.25, 0.5, 1.0, 0.0, 0.75];

fn plain(labels: &[u32]) -> Targets<'_> {
    Targets { labels, mixed: None, smoothing: (1.0, 0.0), weights: &[] }
}

fn assert_near(what: &str, (loss, d): (f64, Vec<f32>), (other, e): (f64, Vec<f32>)) {
    assert!((loss - other).abs() <= 2e-6 * loss.abs().max(1.0), "{what}: {loss} and {other}");
    for (a, b) in d.iter().zip(&e) {
        assert!((a - b).abs() <= 1e-6, "{what}: {d:?} and {e:?}");
    }
}

fn run(z: &[f32], loss: impl FnOnce(&[f32], &mut [f32]) -> f64) -> (f64, Vec<f32>) {
    let mut d = vec![f32::NAN; z.len()];
    let value = loss(z, &mut d);
    (value, d)
}

#[test]
fn the_slow_form_is_the_fast_one() {
    let isa = Isa::best();
    let z: Vec<f32> = numbers(1, 20).iter().map(|x| 4.0 * x).collect();
    let slow = run(&z, |z, d| softmax_targets(4, z, &plain(&LABELS), 0.5, d));
    let fast = run(&z, |z, d| softmax_cross_entropy(isa, 4, z, &LABELS, 0.5, d).0);
    assert_near("plain", slow, fast);

    let mixed = Targets { mixed: Some((&PARTNERS, &SHARES)), ..plain(&LABELS) };
    let slow = run(&z, |z, d| softmax_targets(4, z, &mixed, 0.5, d));
    let fast = run(&z, |z, d| {
        softmax_cross_entropy_mixed(isa, 4, z, &LABELS, &PARTNERS, &SHARES, 0.5, d).0
    });
    assert_near("mixed", slow, fast);
}

/// Without modulation the focal losses are the plain ones times their factor.
#[test]
fn gamma_of_zero_modulates_nothing() {
    let z: Vec<f32> = numbers(2, 20).iter().map(|x| 3.0 * x).collect();
    let smooth =
        Targets { smoothing: (0.8, 0.05), weights: &[1.0, 2.0, 0.5, 0.0], ..plain(&LABELS) };
    let focal = run(&z, |z, d| softmax_focal((0.5, 0.0), 4, z, &smooth, 2.0, d));
    let entropy = run(&z, |z, d| 0.5 * softmax_targets(4, z, &smooth, 1.0, d));
    assert_near("softmax", focal, entropy);
    let focal = run(&z, |z, d| sigmoid_focal((Some(0.5), 0.0), 4, z, &smooth, 2.0, d));
    let entropy = run(&z, |z, d| 0.5 * sigmoid_targets(4, z, &smooth, 1.0, d));
    assert_near("sigmoid", focal, entropy);
}

/// Softmax over (0, z) is the sigmoid of z.
#[test]
fn two_classes_of_a_softmax_are_one_sigmoid() {
    let (labels, z) = ([0, 1, 1, 0, 1], [0.3, -2.0, 5.0, 80.0, -80.0]);
    let pairs: Vec<f32> = z.iter().flat_map(|&z| [0.0, z]).collect();
    for targets in [plain(&labels), Targets { smoothing: (0.9, 0.05), ..plain(&labels) }] {
        let (one, d) = run(&z, |z, d| sigmoid_targets(1, z, &targets, 1.0, d));
        let (two, e) = run(&pairs, |z, d| softmax_targets(2, z, &targets, 1.0, d));
        assert_near("both", (one, d), (two, e.chunks(2).map(|pair| pair[1]).collect()));
    }
}

#[test]
fn the_ends_are_finite_and_nan_stays() {
    type Loss = fn(&[f32], &Targets<'_>, &mut [f32]) -> f64;
    let losses: [(&str, Loss); 5] = [
        ("softmax", |z, t, d| softmax_targets(4, z, t, 1.0, d)),
        ("softmax focal", |z, t, d| softmax_focal((0.25, 0.5), 4, z, t, 1.0, d)),
        ("sigmoid", |z, t, d| sigmoid_targets(4, z, t, 1.0, d)),
        ("sigmoid focal", |z, t, d| sigmoid_focal((None, 0.5), 4, z, t, 1.0, d)),
        ("squares", |z, t, d| squared_error(4, z, t, 1.0, d)),
    ];
    for (what, loss) in losses {
        for big in [100.0f32, 1e4, 1e15] {
            let z = [big, -big, 0.0, big, -big, -big, 0.5, big];
            for labels in [[0, 1], [1, 3], [2, 0]] {
                let mut d = [f32::NAN; 8];
                let value = loss(&z, &plain(&labels), &mut d);
                assert!(value.is_finite() && value >= 0.0, "{what} {big}: {value}");
                assert!(d.iter().all(|d| d.is_finite()), "{what} {big}: {d:?}");
                let without = loss(&z, &plain(&labels), &mut []);
                assert!(value.to_bits() == without.to_bits(), "{what}: the gradient is optional");
            }
        }
        for at in 0..4 {
            let mut z = [0.5, -1.0, 2.0, 0.0];
            z[at] = f32::NAN;
            assert!(loss(&z, &plain(&[1]), &mut []).is_nan(), "{what}: NaN at {at}");
        }
    }
}

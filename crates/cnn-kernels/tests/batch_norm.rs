//! Batch normalisation: the same bits under every instruction set, the values that f64 arithmetic gives, and parts that combine to the
//! whole.

#![expect(clippy::float_cmp, reason = "the larger of two numbers is one of them")]

mod common;

use cnn_kernels::batch_norm::{self, Normal};
use cnn_kernels::{Isa, gate};
use common::{assert_same, numbers, scalar, vectorised};

/// Channels around every width of the loops, with few and many pixels.
const SIZES: [(usize, usize); 12] = [
    (1, 1),
    (1, 300),
    (2, 65),
    (7, 64),
    (8, 63),
    (9, 5),
    (15, 130),
    (16, 64),
    (17, 200),
    (24, 3),
    (31, 2),
    (40, 129),
];

fn close(what: &str, got: &[f32], truth: impl Fn(usize) -> f64) {
    for (c, got) in got.iter().enumerate() {
        let truth = truth(c);
        let error = (f64::from(*got) - truth).abs();
        assert!(error <= 2e-5 * truth.abs().max(1.0), "{what}[{c}]: {got}, not {truth}");
    }
}

/// Mean and sum of squared deviations of one channel, in two passes.
fn moments(x: &[f32], channels: usize, c: usize) -> (f64, f64) {
    let of = || x.iter().skip(c).step_by(channels).map(|&x| f64::from(x));
    let mean = of().sum::<f64>() / of().count() as f64;
    (mean, of().map(|x| (x - mean).powi(2)).sum())
}

#[test]
fn measured_as_in_double_precision_and_alike_everywhere() {
    for (channels, pixels) in SIZES {
        for shift in [0.0, 50.0] {
            let x: Vec<f32> =
                numbers(3, channels * pixels).into_iter().map(|x| x + shift).collect();
            let measure = |isa: Isa| {
                let (mut mean, mut squares) = (vec![9.0; channels], vec![9.0; channels]);
                batch_norm::measure(isa, &x, &mut mean, &mut squares);
                (mean, squares)
            };
            let (mean, squares) = measure(scalar());
            close("mean", &mean, |c| moments(&x, channels, c).0);
            close("squares", &squares, |c| moments(&x, channels, c).1);
            for isa in vectorised() {
                let (own, twos) = measure(isa);
                assert_same(&own, &mean, "mean");
                assert_same(&twos, &squares, "squares");
            }
        }
    }
}

#[test]
fn parts_combine_to_the_whole() {
    let (channels, pixels) = (5, 97);
    let x = numbers(4, channels * pixels);
    let parts: Vec<(usize, Vec<f32>, Vec<f32>)> = [&x[..channels], &x[channels..200], &x[200..]]
        .map(|x| {
            let (mut mean, mut squares) = (vec![0.0; channels], vec![0.0; channels]);
            batch_norm::measure(Isa::best(), x, &mut mean, &mut squares);
            (x.len() / channels, mean, squares)
        })
        .into();
    let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
    let parts = parts.iter().map(|(n, mean, squares)| (*n, &mean[..], &squares[..]));
    batch_norm::combine(&parts, &mut mean, &mut variance);
    close("mean", &mean, |c| moments(&x, channels, c).0);
    close("variance", &variance, |c| moments(&x, channels, c).1 / pixels as f64);
}

/// Forward and both gradients; the formulas themselves are checked by finite differences and against Keras in cnn-nn.
#[test]
fn alike_everywhere() {
    for (channels, pixels) in SIZES {
        let [x, dy] = [5, 6].map(|seed| numbers(seed, channels * pixels));
        let [mean, inverse, gamma, beta] = [7, 8, 9, 10].map(|seed| numbers(seed, channels));
        for (gamma, beta) in [(&gamma[..], &beta[..]), (&[][..], &[][..])] {
            let normal = Normal { mean: &mean, inverse: &inverse, gamma, beta };
            let all = |isa: Isa| {
                let (mut y, mut dx) = (vec![9.0; x.len()], vec![9.0; x.len()]);
                let (mut dgamma, mut dbeta) = (vec![9.0; channels], vec![9.0; channels]);
                batch_norm::forward(isa, normal, false, &x, &mut y);
                let mut cut = vec![9.0; x.len()];
                batch_norm::forward(isa, normal, true, &x, &mut cut);
                assert!(cut.iter().zip(&y).all(|(cut, y)| *cut == y.max(0.0)));
                batch_norm::backward_parameters(isa, normal, &x, &dy, &mut dgamma, &mut dbeta);
                let sums = [&dgamma[..], &dbeta[..]];
                batch_norm::backward(isa, normal, pixels, sums, &x, &dy, &mut dx);
                [y, dx, dgamma, dbeta]
            };
            let expected = all(scalar());
            let [_, _, dgamma, dbeta] = &expected;
            let at = |c: usize| (0..pixels).map(move |p| p * channels + c);
            close("dbeta", dbeta, |c| at(c).map(|i| f64::from(dy[i])).sum());
            close("dgamma", dgamma, |c| {
                let term = |i: usize| f64::from(dy[i]) * (f64::from(x[i]) - f64::from(mean[c]));
                at(c).map(term).sum::<f64>() * f64::from(inverse[c])
            });
            for isa in vectorised() {
                for (own, expected) in all(isa).iter().zip(&expected) {
                    assert_same(own, expected, "batch_norm");
                }
            }
        }
    }
}

#[test]
fn gates_multiply_channels() {
    for (channels, pixels) in SIZES {
        let samples = 3;
        let [x, dy] = [1, 2].map(|seed| numbers(seed, samples * channels * pixels));
        let gates = numbers(3, samples * channels);
        let gate_of = |i: usize| i / (channels * pixels) * channels + i % channels;
        let all = |isa: Isa| {
            let (mut y, mut dx, mut dgates) =
                (vec![9.0; x.len()], vec![1.0; x.len()], vec![1.0; gates.len()]);
            gate::forward(isa, channels, &x, &gates, &mut y);
            gate::backward_input(isa, channels, &gates, &dy, &mut dx);
            gate::backward_gates(isa, channels, &x, &dy, &mut dgates);
            [y, dx, dgates]
        };
        let expected = all(scalar());
        for i in 0..x.len() {
            let [x, dy, gate] = [x[i], dy[i], gates[gate_of(i)]];
            assert!((expected[0][i] - x * gate).abs() < 1e-6);
            assert!((expected[1][i] - (1.0 + dy * gate)).abs() < 1e-6);
        }
        close("dgates", &expected[2], |g| {
            let of = (0..x.len()).filter(|&i| gate_of(i) == g);
            1.0 + of.map(|i| f64::from(x[i]) * f64::from(dy[i])).sum::<f64>()
        });
        for isa in vectorised() {
            for (own, expected) in all(isa).iter().zip(&expected) {
                assert_same(own, expected, "gate");
            }
        }
    }
}

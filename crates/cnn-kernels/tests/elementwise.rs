//! Activations, the loss, updates, sums and conversions: the same bits under every instruction set, and the values that f64
//! arithmetic gives.
#![expect(clippy::float_cmp, reason = "where numbers are compared, they must be equal to the bit")]

mod common;

use cnn_kernels::{Isa, activation, convert, loss, reduce, update};
use common::{assert_same, numbers, scalar, vectorised};

const LENGTHS: [usize; 12] = [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 97, 1000];

/// The distance from `got` to `truth`, in units of the last place of an `f32` near `truth`.
fn ulps(got: f32, truth: f64) -> f64 {
    let near = (truth.abs() as f32).max(f32::MIN_POSITIVE);
    let unit = f64::from(f32::from_bits(near.to_bits() + 1)) - f64::from(near);
    (f64::from(got) - truth).abs() / unit
}

/// Every 4099th `f32` of those that are finite, and the ends.
fn all_over() -> Vec<f32> {
    (0..u32::MAX)
        .step_by(4099)
        .map(f32::from_bits)
        .filter(|x| x.is_finite())
        .chain([0.0, -0.0, 88.7, -87.3])
        .collect()
}

#[test]
fn sigmoid_and_tanh_are_within_a_few_ulps_everywhere() {
    let x = all_over();
    for isa in Isa::available() {
        let (mut sigmoid, mut tanh) = (x.clone(), x.clone());
        activation::sigmoid(isa, &mut sigmoid);
        activation::tanh(isa, &mut tanh);
        for (i, x) in x.iter().enumerate() {
            let wide = f64::from(*x);
            let truth = 1.0 / (1.0 + (-wide).exp());
            // Below the normal numbers the exponential is infinite and the result zero.
            assert!(
                ulps(sigmoid[i], truth) <= 2.5 || (*x < -87.3 && sigmoid[i] < 1.2e-38),
                "sigmoid {x}: {}",
                sigmoid[i]
            );
            assert!(ulps(tanh[i], wide.tanh()) <= 2.0, "tanh {x}: {}", tanh[i]);
        }
    }
}

/// Functions of one number, with the same in f64.
type Named = (&'static str, fn(Isa, &mut [f32]), fn(f64) -> f64);

const OTHERS: [Named; 7] = [
    ("elu", |isa, x| activation::elu(isa, 1.0, 1.0, x), |x| if x > 0.0 { x } else { x.exp_m1() }),
    ("exponential", activation::exponential, f64::exp),
    ("hard_sigmoid", activation::hard_sigmoid, |x| (x / 6.0 + 0.5).clamp(0.0, 1.0)),
    (
        "leaky_relu",
        |isa, x| activation::leaky_relu(isa, 0.25, x),
        |x| if x > 0.0 { x } else { x / 4.0 },
    ),
    ("relu6", activation::relu6, |x| x.clamp(0.0, 6.0)),
    ("softplus", activation::softplus, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
    ("softsign", activation::softsign, |x| x / (1.0 + x.abs())),
];

#[test]
fn the_other_activations_are_what_f64_gives() {
    let x: Vec<f32> = (-4000..4000).map(|i| i as f32 * 0.02 + 0.003).collect();
    for isa in Isa::available() {
        for (name, f, truth) in OTHERS {
            let mut y = x.clone();
            f(isa, &mut y);
            for (x, y) in x.iter().zip(y) {
                let truth = truth(f64::from(*x));
                let error = (f64::from(y) - truth).abs();
                assert!(error <= 2e-7 * truth.abs().max(1.0), "{name}({x}) = {y}, not {truth}");
            }
        }
    }
}

/// Their gradients, found from y, are those of f64 arithmetic, found from x by a difference.
#[test]
fn gradients_of_the_other_activations_are_slopes() {
    type Backward = fn(Isa, &[f32], &mut [f32]);
    let backward: [Backward; 7] = [
        |isa, y, dy| activation::elu_backward(isa, 1.0, 1.0, y, dy),
        activation::exponential_backward,
        activation::hard_sigmoid_backward,
        |isa, y, dy| activation::leaky_relu_backward(isa, 0.25, y, dy),
        activation::relu6_backward,
        activation::softplus_backward,
        activation::softsign_backward,
    ];
    // None of them within a step of a kink.
    let x: Vec<f32> = (-400..400).map(|i| i as f32 * 0.02 + 0.005).collect();
    for isa in Isa::available() {
        for ((name, f, truth), backward) in OTHERS.into_iter().zip(backward) {
            let (mut y, mut dy) = (x.clone(), vec![1.0; x.len()]);
            f(isa, &mut y);
            backward(isa, &y, &mut dy);
            for (x, dy) in x.iter().zip(dy) {
                let (x, step) = (f64::from(*x), 1e-5);
                let slope = (truth(x + step) - truth(x - step)) / (2.0 * step);
                let error = (f64::from(dy) - slope).abs();
                assert!(error <= 1e-5 * slope.abs().max(1.0), "{name} at {x}: {dy}, not {slope}");
            }
        }
    }
}

/// Φ(x) in f64: Simpson's rule on the density, from x to where nothing is left.
fn normal(x: f64) -> f64 {
    let (steps, far) = (4000, x.abs() + 10.0);
    let width = (far - x.abs()) / f64::from(steps);
    let density = |i: i32| {
        (-0.5 * (x.abs() + f64::from(i) * width).powi(2)).exp() / std::f64::consts::TAU.sqrt()
    };
    let weight = |i: i32| if i % 2 == 1 { 4.0 } else { 2.0 };
    let inner: f64 = (1..steps).map(|i| weight(i) * density(i)).sum();
    let beyond = (density(0) + inner + density(steps)) * width / 3.0;
    if x > 0.0 { 1.0 - beyond } else { beyond }
}

type Backward = fn(Isa, &[f32], &mut [f32]);

/// Functions whose slope is found from x.
const FROM_INPUT: [(Named, Backward); 4] = [
    (("gelu", activation::gelu, |x| x * normal(x)), activation::gelu_backward),
    (
        ("hard_silu", activation::hard_silu, |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        activation::hard_silu_backward,
    ),
    (("mish", activation::mish, |x| x * x.exp().ln_1p().tanh()), activation::mish_backward),
    (("silu", activation::silu, |x| x / (1.0 + (-x).exp())), activation::silu_backward),
];

#[test]
fn activations_that_need_their_input_are_what_f64_gives() {
    // None of them within a step of a kink.
    let x: Vec<f32> = (-800..800).map(|i| i as f32 * 0.02 + 0.005).chain([-60.5, 60.5]).collect();
    for isa in Isa::available() {
        for ((name, f, truth), backward) in FROM_INPUT {
            let (mut y, mut dy) = (x.clone(), vec![1.0; x.len()]);
            f(isa, &mut y);
            backward(isa, &x, &mut dy);
            for ((x, y), dy) in x.iter().zip(y).zip(dy) {
                let (x, step) = (f64::from(*x), 1e-4);
                let error = (f64::from(y) - truth(x)).abs();
                assert!(error <= 2e-7 * x.abs().max(1.0), "{name}({x}) = {y}, not {}", truth(x));
                let slope = (truth(x + step) - truth(x - step)) / (2.0 * step);
                let error = (f64::from(dy) - slope).abs();
                assert!(error <= 1e-6, "{name} at {x}: {dy}, not {slope}");
            }
        }
    }
}

/// Far out they are x or 0, and so is their slope.
#[test]
fn activations_that_need_their_input_are_straight_far_out() {
    for isa in Isa::available() {
        for ((name, f, _), backward) in FROM_INPUT {
            let far = [1e4, 1e30, -1e4, -1e30];
            let (mut y, mut dy) = (far, [2.0; 4]);
            f(isa, &mut y);
            backward(isa, &far, &mut dy);
            assert_eq!(y.map(f32::abs), [1e4, 1e30, 0.0, 0.0], "{name}");
            assert_eq!(dy.map(f32::abs), [2.0, 2.0, 0.0, 0.0], "{name}");
        }
    }
}

#[test]
fn not_a_number_and_infinity_pass_through_the_activations() {
    let x = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.5];
    for isa in Isa::available() {
        let run = |f: fn(Isa, &mut [f32])| {
            let mut y = x;
            f(isa, &mut y);
            y
        };
        let relu = run(activation::relu);
        assert!(relu[0].is_nan());
        assert_eq!(relu[1..], [f32::INFINITY, 0.0, 0.0]);
        let sigmoid = run(activation::sigmoid);
        assert!(sigmoid[0].is_nan());
        assert_eq!(sigmoid[1..3], [1.0, 0.0]);
        for (name, f, _) in OTHERS {
            assert!(run(f)[0].is_nan(), "{name}");
        }
        let tanh = run(activation::tanh);
        assert!(tanh[0].is_nan());
        assert_eq!(tanh[1..3], [1.0, -1.0]);
    }
}

/// Every elementwise function on one length.
fn everything(isa: Isa, len: usize) -> Vec<Vec<f32>> {
    let wide = |seed| numbers(seed, len).iter().map(|x| x * 20.0).collect::<Vec<f32>>();
    let mut results = Vec::new();
    for f in [activation::relu, activation::sigmoid, activation::tanh] {
        let mut x = wide(1);
        f(isa, &mut x);
        results.push(x);
    }
    for f in [activation::relu_backward, activation::sigmoid_backward, activation::tanh_backward] {
        let mut dy = wide(2);
        f(isa, &numbers(3, len), &mut dy);
        results.push(dy);
    }
    for (_, f, _) in OTHERS {
        let mut x = wide(1);
        f(isa, &mut x);
        results.push(x);
    }
    for ((_, f, _), backward) in FROM_INPUT {
        let (mut x, mut dy) = (wide(1), wide(2));
        backward(isa, &x, &mut dy);
        f(isa, &mut x);
        results.extend([x, dy]);
    }
    for f in [
        activation::exponential_backward,
        activation::hard_sigmoid_backward,
        activation::relu6_backward,
        activation::softplus_backward,
        activation::softsign_backward,
    ] {
        let mut dy = wide(2);
        f(isa, &numbers(3, len), &mut dy);
        results.push(dy);
    }
    let (mut elu, mut leaky) = (wide(2), wide(2));
    activation::elu_backward(isa, 1.05, 1.76, &numbers(3, len), &mut elu);
    activation::leaky_relu_backward(isa, 0.2, &numbers(3, len), &mut leaky);
    results.extend([elu, leaky]);
    for classes in [1, 7, 10, 16, 17] {
        let whole = len / classes * classes;
        let mut x = wide(4);
        activation::softmax(isa, classes, &mut x[..whole]);
        let mut dy = wide(5);
        activation::softmax_backward(isa, classes, &x[..whole], &mut dy[..whole]);
        results.extend([x, dy]);
    }
    let (mut w, g, mut m, mut v) = (wide(6), wide(7), numbers(8, len), numbers(9, len));
    for v in &mut v {
        *v = v.abs();
    }
    update::sgd(isa, 0.1, &mut w, &g);
    update::adam(isa, 1e-3, 0.1, 1e-3, 1e-7, &mut w, &g, &mut m, &mut v);
    update::sgd_momentum(isa, 0.1, 0.9, false, &mut w, &g, &mut m);
    update::sgd_momentum(isa, 0.1, 0.9, true, &mut w, &g, &mut m);
    update::add_penalty(isa, 0.3, 0.7, &g, &mut w);
    reduce::add_assign(isa, &mut w, &g);
    let mut sums = vec![7.0; len];
    reduce::add(isa, &m, &g, &mut sums);
    assert!(sums.iter().zip(m.iter().zip(&g)).all(|(sum, (m, g))| *sum == m + g));
    let bytes: Vec<u8> = (0..len).map(|i| (i * 37) as u8).collect();
    let (mut scaled, mut unit) = (vec![7.0; len], vec![7.0; len]);
    convert::u8_to_f32(isa, &bytes, 0.3, &mut scaled);
    convert::u8_to_unit(isa, &bytes, &mut unit);
    results.extend([
        w,
        m,
        v,
        scaled,
        unit,
        vec![
            reduce::sum_f64(isa, &g) as f32,
            reduce::sum_squares_f64(isa, &g) as f32,
            reduce::sum_abs_f64(isa, &g) as f32,
        ],
    ]);
    results
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    for len in LENGTHS {
        let expected = everything(scalar(), len);
        for isa in vectorised() {
            for (i, (got, expected)) in everything(isa, len).iter().zip(&expected).enumerate() {
                assert_same(got, expected, &format!("{} result {i} of length {len}", isa.name()));
            }
        }
    }
}

#[test]
fn softmax_rows_add_up_to_one_and_large_logits_do_no_harm() {
    let mut x = [1000.0, 1000.0, -1000.0, 0.0, f32::NEG_INFINITY, 0.0];
    activation::softmax(Isa::best(), 3, &mut x);
    assert_eq!(x, [0.5, 0.5, 0.0, 0.5, 0.0, 0.5]);
    let mut x = numbers(1, 170);
    activation::softmax(Isa::best(), 17, &mut x);
    for row in x.chunks(17) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}

#[test]
fn loss_and_gradient_are_those_of_the_formula() {
    for classes in [1, 2, 10, 16, 17, 33] {
        let n = 9;
        let logits: Vec<f32> = numbers(1, n * classes).iter().map(|x| x * 30.0).collect();
        let labels: Vec<u32> = (0..n).map(|i| (i * 5 % classes) as u32).collect();
        let mut expected = (0.0, 0);
        let mut gradient = Vec::new();
        for (x, label) in logits.chunks(classes).zip(&labels) {
            let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            expected.1 += usize::from(x.iter().position(|x| *x == max) == Some(*label as usize));
            let sum: f64 = x.iter().map(|x| f64::from(x - max).exp()).sum();
            expected.0 += sum.ln() + f64::from(max) - f64::from(x[*label as usize]);
            for (k, x) in x.iter().enumerate() {
                let p = f64::from(x - max).exp() / sum;
                gradient.push((p - f64::from(u8::from(k == *label as usize))) * 0.25);
            }
        }
        let mut reference = vec![7.0; logits.len()];
        let (total, correct) =
            loss::softmax_cross_entropy(scalar(), classes, &logits, &labels, 0.25, &mut reference);
        assert!(
            (total - expected.0).abs() <= 1e-6 * expected.0.max(1.0),
            "{classes} classes: {total}, {}",
            expected.0
        );
        assert_eq!(correct, expected.1);
        for (got, truth) in reference.iter().zip(&gradient) {
            assert!((f64::from(*got) - truth).abs() < 1e-7, "{classes} classes: {got}, {truth}");
        }
        for isa in vectorised() {
            let mut dlogits = vec![7.0; logits.len()];
            let got =
                loss::softmax_cross_entropy(isa, classes, &logits, &labels, 0.25, &mut dlogits);
            assert_eq!((got.0.to_bits(), got.1), (total.to_bits(), correct));
            assert_same(&dlogits, &reference, isa.name());
            let without =
                loss::softmax_cross_entropy(isa, classes, &logits, &labels, 0.25, &mut []);
            assert_eq!(without.0.to_bits(), total.to_bits());
        }
    }
}

/// Two labels per sample: the formula in f64, the bits of the plain loss where one label has everything, and the same bits
/// under every instruction set.
#[test]
fn the_loss_of_two_labels_is_that_of_the_formula() {
    for classes in [2, 10, 17] {
        let n = 8;
        let logits: Vec<f32> = numbers(2, n * classes).iter().map(|x| x * 9.0).collect();
        let labels: Vec<u32> = (0..n).map(|i| (i * 5 % classes) as u32).collect();
        let partners: Vec<u32> = (0..n).map(|i| (i * 3 % classes) as u32).collect();
        let shares: Vec<f32> = [1.0, 0.0, 0.5, 0.3, 0.7, 0.5, 0.999, 0.2].to_vec();
        let (mut expected, mut right) = (0.0, 0);
        let mut gradient = Vec::new();
        for (s, x) in logits.chunks(classes).enumerate() {
            let mut soft = vec![0.0; classes];
            soft[labels[s] as usize] += f64::from(shares[s]);
            soft[partners[s] as usize] += 1.0 - f64::from(shares[s]);
            let sum: f64 = x.iter().map(|x| f64::from(*x).exp()).sum();
            let first_largest = |row: &[f64]| {
                let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                row.iter().position(|v| *v == max)
            };
            let wide: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
            right += usize::from(first_largest(&soft) == first_largest(&wide));
            for (x, soft) in wide.iter().zip(&soft) {
                expected -= soft * (x - sum.ln());
                gradient.push((x.exp() / sum - soft) * 0.25);
            }
        }
        let run = |isa, partners: &[u32], shares: &[f32], d: &mut [f32]| {
            loss::softmax_cross_entropy_mixed(
                isa, classes, &logits, &labels, partners, shares, 0.25, d,
            )
        };
        let mut reference = vec![7.0; logits.len()];
        let (total, correct) = run(scalar(), &partners, &shares, &mut reference);
        assert!((total - expected).abs() <= 2e-6 * expected, "{total}, {expected}");
        assert_eq!(correct, right);
        for (got, truth) in reference.iter().zip(&gradient) {
            assert!((f64::from(*got) - truth).abs() < 1e-7, "{got}, {truth}");
        }
        for isa in Isa::available() {
            let mut d = vec![7.0; logits.len()];
            let got = run(isa, &partners, &shares, &mut d);
            assert_eq!((got.0.to_bits(), got.1), (total.to_bits(), correct));
            assert_same(&d, &reference, isa.name());
            assert_eq!(run(isa, &partners, &shares, &mut []).0.to_bits(), total.to_bits());
            let mut plain = vec![7.0; logits.len()];
            let hard =
                loss::softmax_cross_entropy(isa, classes, &logits, &labels, 0.25, &mut plain);
            for (partners, shares) in [(&labels, &shares), (&partners, &vec![1.0; n])] {
                let got = run(isa, partners, shares, &mut d);
                assert_eq!((got.0.to_bits(), got.1), (hard.0.to_bits(), hard.1));
                for (label, row) in labels.iter().zip(d.chunks(classes)) {
                    assert!(row[*label as usize] <= 0.0);
                }
                if partners == &labels {
                    assert_same(&d, &plain, isa.name());
                }
            }
        }
    }
}

#[test]
fn a_penalty_pulls_towards_zero_and_leaves_zero_alone() {
    for isa in Isa::available() {
        let mut g = [1.0, 1.0, 1.0, 1.0];
        update::add_penalty(isa, 0.5, 0.25, &[2.0, -2.0, 0.0, -0.0], &mut g);
        assert_eq!(g, [2.5, -0.5, 1.0, 1.0]);
    }
}

#[test]
fn the_first_of_equal_logits_is_the_prediction() {
    let run = |label| {
        loss::softmax_cross_entropy(Isa::best(), 3, &[1.0, 2.0, 2.0], &[label], 1.0, &mut []).1
    };
    assert_eq!([run(0), run(1), run(2)], [0, 1, 0]);
}

#[test]
fn a_logit_that_is_not_a_number_shows_in_the_loss() {
    for at in 0..3 {
        let mut logits = [1.0, 2.0, 3.0];
        logits[at] = f32::NAN;
        let (total, _) = loss::softmax_cross_entropy(Isa::best(), 3, &logits, &[0], 1.0, &mut []);
        assert!(total.is_nan(), "NaN at {at}: {total}");
    }
}

#[test]
fn bytes_become_exactly_what_a_division_gives() {
    let bytes: Vec<u8> = (0..=255).collect();
    let mut out = vec![0.0; 256];
    convert::u8_to_unit(Isa::best(), &bytes, &mut out);
    for (byte, got) in bytes.iter().zip(&out) {
        // Division in f64, rounded to f32, is what NumPy and Keras do: the same number for every byte.
        assert_eq!(*got, (f64::from(*byte) / 255.0) as f32);
    }
    assert_eq!((out[0], out[255]), (0.0, 1.0));
}

#[test]
fn sums_are_those_of_f64() {
    for len in LENGTHS {
        let x = numbers(1, len);
        let sum: f64 = x.iter().map(|x| f64::from(*x)).sum();
        let squares: f64 = x.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
        let absolute: f64 = x.iter().map(|x| f64::from(x.abs())).sum();
        assert!((reduce::sum_abs_f64(Isa::best(), &x) - absolute).abs() < 1e-10);
        assert!((reduce::sum_f64(Isa::best(), &x) - sum).abs() < 1e-10);
        assert!((reduce::sum_squares_f64(Isa::best(), &x) - squares).abs() < 1e-10);
    }
}

#[test]
fn updates_follow_keras_s_formulas() {
    let isa = Isa::best();
    let (mut w, mut v) = ([1.0, -2.0], [0.5, 0.0]);
    update::sgd_momentum(isa, 0.1, 0.9, false, &mut w, &[1.0, 2.0], &mut v);
    assert_eq!(v, [0.9 * 0.5 - 0.1, -0.2]);
    assert_eq!(w, [1.0 + v[0], -2.0 + v[1]]);
    let (mut w, mut v) = ([1.0], [0.0]);
    update::sgd_momentum(isa, 0.1, 0.9, true, &mut w, &[1.0], &mut v);
    assert!((w[0] - (1.0 - 0.09 - 0.1)).abs() < 1e-6);
    // The first step of Adam is lr, whatever the gradient.
    let (mut w, mut m, mut v) = ([1.0, 1.0], [0.0; 2], [0.0; 2]);
    let alpha = 0.001 * (1.0_f32 - 0.999).sqrt() / (1.0 - 0.9);
    update::adam(isa, alpha, 0.1, 0.001, 1e-7, &mut w, &[5.0, -0.03], &mut m, &mut v);
    assert!((w[0] - 0.999).abs() < 1e-5 && (w[1] - 1.001).abs() < 1e-5, "{w:?}");
}

//! The keys that every optimizer takes: by brute force where Keras has no oracle, and what they refuse.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cnn_kernels::pool::Pool;
use cnn_kernels::{Buffer, Isa};
use cnn_optim::{
    Adam, Lookahead, Muon, OptimError, OptimizerSpec, REGISTRY, SGD, Step, Variable, Whole,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A layer's kernel and bias, and another one's.
fn variables() -> Vec<Variable> {
    let shapes: [(&str, &[usize]); 4] = [
        ("dense/kernel", &[3, 4]),
        ("dense/bias", &[4]),
        ("dense_1/kernel", &[4, 2]),
        ("dense_1/bias", &[2]),
    ];
    let mut start = 0;
    let variable = |(name, shape): (&str, &[usize])| {
        let range = start..start + shape.iter().product::<usize>();
        start = range.end;
        Variable { name: name.to_owned(), range, shape: shape.to_vec() }
    };
    shapes.into_iter().map(variable).collect()
}

const N: usize = 26;

#[derive(serde::Deserialize)]
struct Compile {
    optimizer: OptimizerSpec,
}

/// Numbers in −1…1 that depend on `i` alone (splitmix64).
fn noise(i: usize) -> f32 {
    let mut z = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
}

fn gradient(t: u64) -> Vec<f32> {
    (0..N).map(|i| noise(1000 * t as usize + i)).collect()
}

/// The weights after each of so many steps.
fn weights(spec: &OptimizerSpec, steps: u64) -> Vec<Vec<f32>> {
    let optimizer = spec.build(&variables()).unwrap();
    let mut w: Vec<f32> = (0..N).map(noise).collect();
    let mut slots = vec![vec![0.0; N]; optimizer.slot_names().len()];
    let step = |t| {
        let learning_rate = spec.learning_rate().peak() as f32;
        let mut slots: Vec<&mut [f32]> = slots.iter_mut().map(Vec::as_mut_slice).collect();
        let now = Step { t, learning_rate, isa: Isa::best() };
        optimizer.update(&now, 0, &mut w, &mut gradient(t), &mut slots);
        w.clone()
    };
    (1..=steps).map(step).collect()
}

fn sgd() -> SGD {
    SGD { learning_rate: 0.1.into(), momentum: 0.9, ..SGD::default() }
}

#[test]
fn lookahead_is_the_papers_algorithm() {
    for (period, share) in [(6, 0.5), (1, 0.5), (3, 1.0), (4, 0.2)] {
        let lookahead = Some(Lookahead { sync_period: period, slow_step_size: share });
        let ours = weights(&OptimizerSpec::SGD(SGD { lookahead, ..sgd() }), 20);
        let (mut slow, mut v) = ((0..N).map(|i| f64::from(noise(i))).collect::<Vec<_>>(), [0.0; N]);
        let mut fast = slow.clone();
        for t in 1..=20 {
            for (i, g) in gradient(t).into_iter().enumerate() {
                v[i] = 0.9 * v[i] - 0.1 * f64::from(g);
                fast[i] += v[i];
                if t % period == 0 {
                    slow[i] += share * (fast[i] - slow[i]);
                    fast[i] = slow[i];
                }
                let got = f64::from(ours[t as usize - 1][i]);
                assert!(
                    (got - fast[i]).abs() < 1e-5,
                    "{period}, {share}, t {t}: {got} {}",
                    fast[i]
                );
            }
        }
    }
}

#[test]
fn an_average_follows_the_weights_of_lookahead() {
    let lookahead = Some(Lookahead { sync_period: 2, slow_step_size: 0.5 });
    let spec = OptimizerSpec::SGD(SGD { lookahead, use_ema: true, ema_momentum: 0.5, ..sgd() });
    let optimizer = spec.build(&variables()).unwrap();
    assert_eq!(optimizer.slot_names(), ["momentum", "slow_weights", "average"]);
    assert_eq!((optimizer.average_slot(), spec.keeps_average()), (Some(2), true));
    let plain = OptimizerSpec::SGD(SGD { lookahead, ..sgd() });
    // The average changes nothing where it does not overwrite.
    assert_eq!(weights(&spec, 9), weights(&plain, 9));
    let mut slots = vec![vec![0.0; N]; 3];
    let mut w: Vec<f32> = (0..N).map(noise).collect();
    let mut mean = vec![0.0_f32; N];
    for (t, after) in (1..).zip(weights(&plain, 9)) {
        let mut slots: Vec<&mut [f32]> = slots.iter_mut().map(Vec::as_mut_slice).collect();
        let step = Step { t, learning_rate: 0.1, isa: Isa::best() };
        optimizer.update(&step, 0, &mut w, &mut gradient(t), &mut slots);
        for (mean, after) in mean.iter_mut().zip(after) {
            *mean = if t == 1 { after } else { 0.5 * *mean + 0.5 * after };
        }
        assert_eq!(slots[2], mean);
    }
}

#[test]
fn a_multiplier_is_a_learning_rate_of_its_own() {
    let of = |words: &[(&str, f64)]| -> BTreeMap<String, f64> {
        words.iter().map(|(word, x)| ((*word).to_owned(), *x)).collect()
    };
    for kind in REGISTRY {
        let with = |learning_rate: f64, multipliers: BTreeMap<String, f64>| {
            let mut text = format!("optimizer.{}.learning_rate = {learning_rate:?}\n", kind.name);
            let _ = writeln!(text, "optimizer.{}.weight_decay = 0.1", kind.name);
            if kind.name == "Muon" {
                text += "optimizer.Muon.exclude_layers = [\"kernel\"]\n";
            }
            for (word, x) in multipliers {
                let _ = writeln!(
                    text,
                    "optimizer.{}.learning_rate_multipliers.{word:?} = {x:?}",
                    kind.name
                );
            }
            weights(&toml::from_str::<Compile>(&text).unwrap().optimizer, 12).pop().unwrap()
        };
        let mixed = with(0.02, of(&[("bias", 0.5), ("dense_1", 2.0), ("dense/kernel", 0.0)]));
        let start: Vec<f32> = (0..N).map(noise).collect();
        let one = |rate: f64| with(rate, BTreeMap::new());
        // Rates of the kernel and the bias of each layer: 0, half; twice, and twice a half.
        assert_eq!(mixed[..12], start[..12], "{}", kind.name);
        assert_eq!(mixed[12..16], one(0.01)[12..16], "{}", kind.name);
        assert_eq!(mixed[16..24], one(0.04)[16..24], "{}", kind.name);
        assert_eq!(mixed[24..], one(0.02)[24..], "{}", kind.name);
    }
}

#[test]
fn updates_of_all_gradients_have_the_same_bits_on_any_number_of_threads() {
    // Long enough for several parts, and for several rows of threads.
    let shapes: [(&str, &[usize]); 3] =
        [("a/kernel", &[300, 70]), ("a/bias", &[70]), ("b/kernel", &[70, 90])];
    let mut variables = Vec::new();
    let mut n = 0;
    for (name, shape) in shapes {
        let range = n..n + shape.iter().product::<usize>();
        n = range.end;
        variables.push(Variable { name: name.to_owned(), range, shape: shape.to_vec() });
    }
    for spec in [
        OptimizerSpec::Muon(Muon { clipnorm: Some(3.0), use_ema: true, ..Muon::default() }),
        OptimizerSpec::Adam(Adam { global_clipnorm: Some(1.0), ..Adam::default() }),
        OptimizerSpec::SGD(SGD { clipnorm: Some(1.0), weight_decay: Some(0.1), ..sgd() }),
    ] {
        let optimizer = spec.build(&variables).unwrap();
        assert!(optimizer.needs_all_gradients());
        let run = |threads| {
            let pool = Pool::new(threads);
            let mut whole = Whole::new(&optimizer, &variables, threads);
            let mut w: Vec<f32> = (0..n).map(noise).collect();
            let mut slots: Vec<Buffer> =
                optimizer.slot_names().iter().map(|_| Buffer::zeros(n)).collect();
            for t in 1..=3 {
                let mut g: Vec<f32> = (0..n).map(|i| noise(i + 7 * t as usize)).collect();
                let step = Step { t, learning_rate: 0.01, isa: Isa::best() };
                optimizer.update_all(&mut whole, &pool, &step, &mut w, &mut g, &mut slots);
            }
            w.iter().map(|w| w.to_bits()).collect::<Vec<_>>()
        };
        let one = run(1);
        assert!([2, 3, 7].into_iter().all(|threads| run(threads) == one), "{spec:?}");
    }
}

#[test]
fn muon_makes_directions_orthogonal() {
    // Of a wide matrix as of a tall one: rows (or columns) of about one length, nearly at right angles.
    for shape in [[40, 8], [8, 40], [12, 12]] {
        let variables = [Variable {
            name: "a/kernel".into(),
            range: 0..shape[0] * shape[1],
            shape: shape.to_vec(),
        }];
        let plain = Muon { rms_rate: 0.0, weight_decay: Some(0.0), ..Muon::default() };
        let optimizer = OptimizerSpec::Muon(plain).build(&variables).unwrap();
        let mut whole = Whole::new(&optimizer, &variables, 1);
        let n = shape[0] * shape[1];
        let mut w = vec![0.0; n];
        let mut g: Vec<f32> = (0..n).map(noise).collect();
        let mut slots = vec![Buffer::zeros(n), Buffer::zeros(n)];
        let step = Step { t: 1, learning_rate: 1.0, isa: Isa::best() };
        optimizer.update_all(&mut whole, &Pool::new(1), &step, &mut w, &mut g, &mut slots);
        let at = |i: usize, k: usize| {
            if shape[0] < shape[1] { w[i * shape[1] + k] } else { w[k * shape[1] + i] }
        };
        let (short, long) = (shape[0].min(shape[1]), shape[0].max(shape[1]));
        let dot = |i, j| (0..long).map(|k| at(i, k) * at(j, k)).sum::<f32>();
        let lengths: Vec<f32> = (0..short).map(|i| dot(i, i)).collect();
        assert!(lengths.iter().all(|x| (0.3..1.5).contains(x)), "{shape:?}: {lengths:?}");
        for (i, j) in (0..short).flat_map(|i| (0..i).map(move |j| (i, j))) {
            assert!(dot(i, j).abs() < 0.4, "{shape:?} {i} {j}: {}", dot(i, j));
        }
    }
}

#[test]
fn wrong_values_are_refused_with_their_place() {
    let sgd = |change: fn(&mut SGD)| {
        let mut spec = SGD::default();
        change(&mut spec);
        OptimizerSpec::SGD(spec).build(&variables()).unwrap_err()
    };
    let cases: [(OptimError, &str, &str); 15] = [
        (
            sgd(|s| s.clipnorm = Some(0.0)),
            "clipnorm",
            "SGD: `clipnorm` must be greater than 0, got 0; 1.0 is usual",
        ),
        (sgd(|s| s.clipvalue = Some(f64::NAN)), "clipvalue", "greater than 0"),
        (sgd(|s| s.global_clipnorm = Some(-1.0)), "global_clipnorm", "greater than 0"),
        (
            sgd(|s| (s.clipnorm, s.clipvalue) = (Some(1.0), Some(1.0))),
            "clipvalue",
            "cannot be combined with another way of clipping; keep one of `clipnorm`, `clipvalue` and `global_clipnorm`",
        ),
        (sgd(|s| s.weight_decay = Some(-0.1)), "weight_decay", "at least 0"),
        (
            sgd(|s| s.exclude_from_weight_decay = vec!["bias".to_owned()]),
            "exclude_from_weight_decay",
            "has no effect without `weight_decay`",
        ),
        (
            sgd(|s| s.learning_rate_multipliers = BTreeMap::from([("bias".to_owned(), -1.0)])),
            "learning_rate_multipliers",
            "at least 0",
        ),
        (
            sgd(|s| s.learning_rate_multipliers = BTreeMap::from([("conv".to_owned(), 1.0)])),
            "learning_rate_multipliers.conv",
            "`conv` means no parameter; there are dense/kernel, dense/bias, dense_1/kernel, dense_1/bias",
        ),
        (sgd(|s| s.ema_momentum = 1.5), "ema_momentum", "in [0, 1]"),
        (
            sgd(|s| s.ema_momentum = 0.9),
            "ema_momentum",
            "no effect without an average; set `use_ema",
        ),
        (
            sgd(|s| s.ema_overwrite_frequency = Some(5)),
            "ema_overwrite_frequency",
            "no effect without an average",
        ),
        (
            sgd(|s| (s.use_ema, s.ema_overwrite_frequency) = (true, Some(0))),
            "ema_overwrite_frequency",
            "at least 1",
        ),
        (
            sgd(|s| s.lookahead = Some(Lookahead { sync_period: 0, slow_step_size: 0.5 })),
            "lookahead.sync_period",
            "at least 1",
        ),
        (
            sgd(|s| s.lookahead = Some(Lookahead { sync_period: 5, slow_step_size: 0.0 })),
            "lookahead.slow_step_size",
            "in (0, 1]",
        ),
        (
            OptimizerSpec::Muon(Muon { ns_steps: 101, ..Muon::default() }).build(&[]).unwrap_err(),
            "ns_steps",
            "Muon: `ns_steps` must be from 0 to 100, got 101",
        ),
    ];
    for (error, path, message) in cases {
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(error.path(), path);
    }
}

#[test]
fn words_that_mean_nothing_are_refused_and_parameters_of_other_models_are_not() {
    let without_decay = |words: &[&str]| {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        let spec =
            SGD { weight_decay: Some(0.1), exclude_from_weight_decay: words, ..SGD::default() };
        OptimizerSpec::SGD(spec).build(&variables())
    };
    let by_adam = |words: &[&str]| {
        let exclude_layers = words.iter().map(|&word| word.to_owned()).collect();
        OptimizerSpec::Muon(Muon { exclude_layers, ..Muon::default() }).build(&variables())
    };
    for words in [
        &["bias", "beta", "gamma"][..],
        &["depthwise_kernel", "pointwise_kernel", "kernel"],
        &["dense_1", "dense/bias"],
    ] {
        assert!(without_decay(words).is_ok() && by_adam(words).is_ok(), "{words:?}");
    }
    for (words, at, message) in [
        (&["bias", "dens_1"][..], 1, "`dens_1` means no parameter; did you mean `dense_1`?"),
        (&["gama"], 0, "`gama` means no parameter; did you mean `gamma`?"),
        (&["nse/bias"], 0, "`nse/bias` means no parameter; did you mean `dense/bias`?"),
        (&["embedding"], 0, "`embedding` means no parameter; there are dense/kernel, dense/bias,"),
        (&[""], 0, "`` means no parameter; there are"),
    ] {
        for (error, key) in [
            (without_decay(words).unwrap_err(), "exclude_from_weight_decay"),
            (by_adam(words).unwrap_err(), "exclude_layers"),
        ] {
            assert!(error.to_string().contains(message), "{error}");
            assert_eq!(error.path(), format!("{key}.{at}"));
        }
    }
}

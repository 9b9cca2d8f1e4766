//! Every optimizer of the registry: against its formulas in f64, cut at any point, downhill, and as written in model.toml.

#![expect(clippy::float_cmp, reason = "these numbers are exact")]

use cnn_kernels::Isa;
use cnn_optim::{
    Adagrad, Adam, AdamW, Lion, Nadam, OptimError, Optimizer, OptimizerSpec, REGISTRY, RMSprop,
    SGD, Step,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

fn all() -> Vec<OptimizerSpec> {
    REGISTRY.iter().flat_map(|kind| (kind.examples)()).collect()
}

/// Parameters and their slots.
#[derive(Clone)]
struct State {
    w: Vec<f32>,
    slots: Vec<Vec<f32>>,
}

impl State {
    fn new(rule: &Optimizer, w: Vec<f32>) -> Self {
        let slots = rule.slot_names().iter().map(|_| vec![0.0; w.len()]).collect();
        Self { w, slots }
    }

    /// One update, in ranges that end at `cuts`.
    fn step(&mut self, rule: &Optimizer, step: &Step, g: &[f32], cuts: &[usize]) {
        let mut start = 0;
        for &end in cuts.iter().chain([&g.len()]) {
            let mut slots: Vec<&mut [f32]> =
                self.slots.iter_mut().map(|s| &mut s[start..end]).collect();
            let (w, mut g) = (&mut self.w[start..end], g[start..end].to_vec());
            rule.update(step, start, w, &mut g, &mut slots);
            start = end;
        }
    }
}

fn rate(spec: &OptimizerSpec) -> f32 {
    spec.learning_rate().peak() as f32
}

/// The formulas of Keras in f64, as straight as they come.
fn reference(spec: &OptimizerSpec, t: i32, w: &mut f64, g: f64, slots: &mut [f64; 3]) {
    let lr = spec.learning_rate().peak();
    let [m, v, a] = slots;
    match spec {
        OptimizerSpec::SGD(SGD { momentum: mu, nesterov, .. }) => {
            *m = mu * *m - lr * g;
            *w += if *nesterov { mu * *m - lr * g } else { *m };
        }
        OptimizerSpec::AdamW(AdamW { weight_decay, beta_1, beta_2, epsilon, .. }) => {
            *w -= *w * weight_decay.unwrap_or(0.0) * lr;
            let adam = Adam {
                learning_rate: lr.into(),
                beta_1: *beta_1,
                beta_2: *beta_2,
                epsilon: *epsilon,
                ..Adam::default()
            };
            reference(&OptimizerSpec::Adam(adam), t, w, g, slots);
        }
        // Without variables there are no matrices.
        OptimizerSpec::Muon(muon) => {
            let adamw = AdamW {
                learning_rate: lr.into(),
                weight_decay: Some(muon.adam_weight_decay),
                beta_1: muon.adam_beta_1,
                beta_2: muon.adam_beta_2,
                epsilon: muon.epsilon,
                ..AdamW::default()
            };
            reference(&OptimizerSpec::AdamW(adamw), t, w, g, slots);
        }
        OptimizerSpec::Adagrad(Adagrad { initial_accumulator_value: initial, epsilon, .. }) => {
            *a += g * g;
            *w -= lr * g / (*a + initial + epsilon).sqrt();
        }
        OptimizerSpec::Lion(Lion { beta_1, beta_2, .. }) => {
            let direction = beta_1 * *m + (1.0 - beta_1) * g;
            *w -= if direction == 0.0 { 0.0 } else { lr * direction.signum() };
            *m = beta_2 * *m + (1.0 - beta_2) * g;
        }
        OptimizerSpec::RMSprop(RMSprop { rho, momentum, epsilon, centered, .. }) => {
            *v = rho * *v + (1.0 - rho) * g * g;
            *a = rho * *a + (1.0 - rho) * g;
            let variance = if *centered { *v - *a * *a } else { *v };
            *m = momentum * *m + lr * g / (variance + epsilon).sqrt();
            *w -= *m;
        }
        OptimizerSpec::Nadam(Nadam { beta_1, beta_2, epsilon, .. }) => {
            let share = |t: i32| beta_1 * (1.0 - 0.5 * 0.96_f64.powi(t));
            let product = |t: i32| (1..=t).map(share).product::<f64>();
            *m = beta_1 * *m + (1.0 - beta_1) * g;
            *v = beta_2 * *v + (1.0 - beta_2) * g * g;
            let ahead = share(t + 1) * *m / (1.0 - product(t + 1))
                + (1.0 - share(t)) * g / (1.0 - product(t));
            *w -= lr * ahead / ((*v / (1.0 - beta_2.powi(t))).sqrt() + epsilon);
        }
        OptimizerSpec::Adam(Adam { beta_1, beta_2, epsilon, .. }) => {
            *m = beta_1 * *m + (1.0 - beta_1) * g;
            *v = beta_2 * *v + (1.0 - beta_2) * g * g;
            let alpha = lr * (1.0 - beta_2.powi(t)).sqrt() / (1.0 - beta_1.powi(t));
            *w -= alpha * *m / (v.sqrt() + epsilon);
        }
    }
}

/// Numbers in −1…1 that depend on `i` alone (splitmix64).
fn noise(i: u64) -> f32 {
    let mut z = i.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
}

#[test]
fn fifty_steps_follow_the_formulas() {
    const N: u64 = 37;
    for spec in all() {
        let rule = spec.build(&[]).unwrap();
        for isa in Isa::available() {
            let start: Vec<f32> = (0..N).map(noise).collect();
            let mut state = State::new(&rule, start.clone());
            let mut exact: Vec<(f64, [f64; 3])> =
                start.iter().map(|&w| (f64::from(w), [0.0; 3])).collect();
            for t in 1..=50 {
                // Gradients of several sizes, down to where epsilon matters; one parameter gets none.
                let scale = |i: u64| if i == 5 { 0.0 } else { 10.0_f32.powi(1 - (i % 8) as i32) };
                let g: Vec<f32> = (0..N).map(|i| noise(1000 + 64 * t + i) * scale(i)).collect();
                state.step(&rule, &Step { t, learning_rate: rate(&spec), isa }, &g, &[]);
                for ((w, slots), g) in exact.iter_mut().zip(&g) {
                    reference(&spec, t as i32, w, f64::from(*g), slots);
                }
                for (i, (w, (x, _))) in state.w.iter().zip(&exact).enumerate() {
                    // What a step may lose to f32, and Adam's 1 − β₂ᵗ in f32: 2e-5 of a learning rate per step.
                    let tolerance =
                        1e-6 * (1.0 + x.abs()) + 4e-5 * t as f64 * f64::from(rate(&spec));
                    assert!(
                        (f64::from(*w) - x).abs() <= tolerance,
                        "{spec:?} t {t} [{i}]: {w} {x}"
                    );
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn cutting_the_slices_changes_no_bit(
        n in 1_usize..70,
        mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        seed in any::<u32>(),
    ) {
        let mut cuts: Vec<usize> = cuts.drain(..).map(|c| c.index(n)).collect();
        cuts.sort_unstable();
        let number = |i: usize| noise(u64::from(seed) + i as u64);
        for spec in all() {
            let rule = spec.build(&[]).unwrap();
            let mut whole = State::new(&rule, (0..n).map(number).collect());
            let mut parts = whole.clone();
            for t in 1..=3 {
                let g: Vec<f32> = (0..n).map(|i| number(i + 100 * t as usize)).collect();
                let step = Step { t, learning_rate: rate(&spec), isa: Isa::best() };
                whole.step(&rule, &step, &g, &[]);
                parts.step(&rule, &step, &g, &cuts);
            }
            let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&whole.w), bits(&parts.w));
            for (a, b) in whole.slots.iter().zip(&parts.slots) {
                prop_assert_eq!(bits(a), bits(b));
            }
        }
    }
}

#[test]
fn every_optimizer_finds_the_bottom_of_a_bowl() {
    // f(w) = Σ cᵢ(wᵢ − i)²/2 with curvatures from 0.5 to 4.
    let curvature = |i: usize| 0.5 + 0.5 * i as f32;
    for spec in all() {
        let rule = spec.build(&[]).unwrap();
        let mut state = State::new(&rule, vec![4.0; 8]);
        // Adagrad's steps shrink with all that was moved before, and it has far to go.
        let far = matches!(spec, OptimizerSpec::Adagrad(_));
        let learning_rate = if far { 0.5 } else { rate(&spec) };
        for t in 1..=8000 {
            let g: Vec<f32> =
                state.w.iter().enumerate().map(|(i, w)| curvature(i) * (w - i as f32)).collect();
            state.step(&rule, &Step { t, learning_rate, isa: Isa::best() }, &g, &[]);
        }
        for (i, w) in state.w.iter().enumerate() {
            // Lion's steps are all as long as the learning rate.
            assert!(
                (w - i as f32).abs() < f32::max(0.01, 2.0 * rate(&spec)),
                "{spec:?}: {:?}",
                state.w
            );
        }
    }
}

#[test]
fn a_learning_rate_of_zero_leaves_the_weights_alone() {
    for spec in all() {
        let rule = spec.build(&[]).unwrap();
        let mut w = [1.0_f32, -2.0];
        let mut slots = vec![[0.0_f32; 2]; rule.slot_names().len()];
        let mut slots: Vec<&mut [f32]> = slots.iter_mut().map(|s| &mut s[..]).collect();
        rule.update(
            &Step { t: 1, learning_rate: 0.0, isa: Isa::best() },
            0,
            &mut w,
            &mut [0.5, 3.0],
            &mut slots,
        );
        assert_eq!(w, [1.0, -2.0]);
    }
}

#[derive(Serialize, Deserialize)]
struct Compile {
    optimizer: OptimizerSpec,
}

fn read(toml: &str) -> Result<OptimizerSpec, String> {
    toml::from_str::<Compile>(toml).map(|c| c.optimizer).map_err(|e| e.message().to_owned())
}

#[test]
fn every_spec_survives_writing_and_reading() {
    for kind in REGISTRY {
        for spec in (kind.examples)() {
            let text = toml::to_string(&Compile { optimizer: spec.clone() }).unwrap();
            assert_eq!(read(&text).unwrap(), spec);
            assert_eq!(read(&text.replace(kind.name, kind.alias)).unwrap(), spec);
            assert_eq!(spec.name(), kind.name);
        }
    }
}

#[test]
fn the_defaults_are_keras_s() {
    assert_eq!(
        toml::to_string(&Adam::default()).unwrap(),
        "learning_rate = 0.001\nbeta_1 = 0.9\nbeta_2 = 0.999\nepsilon = 0.0000001\n"
    );
    assert_eq!(
        toml::to_string(&SGD::default()).unwrap(),
        "learning_rate = 0.01\nmomentum = 0.0\nnesterov = false\n"
    );
    for kind in REGISTRY {
        assert_eq!(read(&format!("optimizer.{} = {{}}", kind.name)).unwrap(), (kind.examples)()[0]);
    }
    assert_eq!(OptimizerSpec::default(), OptimizerSpec::Adam(Adam::default()));
}

#[test]
fn mistakes_in_the_file_are_named() {
    for (text, message) in [
        (
            "optimizer.Adam = { learning_rat = 0.1 }",
            "unknown field `learning_rat`, expected one of `learning_rate`, `beta_1`",
        ),
        (
            "optimizer.Adam = { learning_rate = \"x\" }",
            "invalid type: string \"x\", expected a number such as 0.001, or a schedule such as",
        ),
        (
            "optimizer.SGD = { momentum = 1 }",
            "invalid type: integer `1`, expected a float such as 0.001 (write 1 as 1.0)",
        ),
        (
            "optimizer.Adam = { beta_1 = \"x\" }",
            "invalid type: string \"x\", expected a float such as 0.001",
        ),
        (
            "optimizer.Adaam = {}",
            "unknown variant `Adaam`, expected one of `SGD`, `sgd`, `Adam`, `adam`",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn wrong_values_name_the_key_the_value_and_what_would_do() {
    let adam = |change: fn(&mut Adam)| {
        let mut spec = Adam::default();
        change(&mut spec);
        OptimizerSpec::Adam(spec).build(&[]).map(|_| ())
    };
    let sgd = |change: fn(&mut SGD)| {
        let mut spec = SGD::default();
        change(&mut spec);
        OptimizerSpec::SGD(spec).build(&[]).map(|_| ())
    };
    let text = |result: Result<(), OptimError>| result.unwrap_err().to_string();
    assert_eq!(
        text(adam(|s| s.learning_rate = (-0.1).into())),
        "Adam: `learning_rate` must be a finite number of at least 0, got -0.1; Keras's default is 0.001"
    );
    assert_eq!(
        text(adam(|s| s.beta_1 = 1.0)),
        "Adam: `beta_1` must be in [0, 1), got 1; Keras's default is 0.9"
    );
    assert_eq!(
        text(sgd(|s| s.momentum = 1.5)),
        "SGD: `momentum` must be in [0, 1], got 1.5; 0.9 is usual"
    );
    assert_eq!(
        text(sgd(|s| s.nesterov = true)),
        "SGD: `nesterov` has no effect while `momentum` is 0; set `momentum = 0.9`, or leave `nesterov` out"
    );
    let key = |result: Result<(), OptimError>| result.unwrap_err().key();
    for (result, wrong) in [
        (adam(|s| s.learning_rate = (f64::NAN).into()), "learning_rate"),
        (sgd(|s| s.learning_rate = (f64::INFINITY).into()), "learning_rate"),
        (sgd(|s| s.learning_rate = (1e300).into()), "learning_rate"),
        (adam(|s| s.beta_1 = -0.1), "beta_1"),
        (adam(|s| s.beta_2 = f64::NAN), "beta_2"),
        (adam(|s| s.beta_2 = 1.0 - 1e-12), "beta_2"),
        (adam(|s| s.epsilon = 0.0), "epsilon"),
        (adam(|s| s.epsilon = 1e-40), "epsilon"),
        (adam(|s| s.epsilon = f64::INFINITY), "epsilon"),
        (sgd(|s| s.momentum = f64::NAN), "momentum"),
        (sgd(|s| s.momentum = -0.1), "momentum"),
    ] {
        assert_eq!(key(result), wrong);
    }
    assert!(sgd(|s| s.learning_rate = (0.0).into()).is_ok() && sgd(|s| s.momentum = 1.0).is_ok());
    assert!(adam(|s| (s.beta_1, s.beta_2) = (0.0, 0.0)).is_ok());
}

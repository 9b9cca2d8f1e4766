//! Fifty steps of every optimizer against Keras's own weights (data/golden/optimizers.npz), and sixty rates of every schedule against
//! Keras's and PyTorch's (`schedules.npz`), and twenty steps of a small model with the keys that all optimizers take, and with Muon
//! (`optimizer_keys.npz`).

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cnn_nn::config::Document;
use cnn_nn::engine::{Buffer, Isa, Pool};
use cnn_optim::schedules::{FitLength, LearningRate};
use cnn_optim::{Optimizer, OptimizerSpec, Step, Variable, Whole};
use std::collections::BTreeMap;
use std::path::Path;

/// Arrays by case and name.
fn cases(file: &str) -> BTreeMap<String, BTreeMap<String, Vec<f32>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden").join(file);
    let mut cases: BTreeMap<String, BTreeMap<String, Vec<f32>>> = BTreeMap::new();
    for cnn_data::npz::Entry { name, array } in cnn_data::npz::read(&path).unwrap() {
        if let Some((case, key)) = name.split_once('/') {
            cases.entry(case.to_owned()).or_default().insert(key.to_owned(), array.to_f32());
        }
    }
    cases
}

/// The case's table, on one line.
fn table(arrays: &BTreeMap<String, Vec<f32>>) -> String {
    let table: String = arrays["toml"].iter().map(|&b| char::from(b as u8)).collect();
    let fields: Vec<&str> = table.lines().filter(|line| !line.trim().is_empty()).collect();
    format!("{{ {} }}", fields.join(", "))
}

#[test]
fn rates_equal_keras_and_torch() {
    let cases = cases("schedules.npz");
    assert!(cases.len() >= 20, "{:?}", cases.keys());
    for (case, arrays) in &cases {
        let text = format!("learning_rate = {}", table(arrays));
        let (document, mut found) = Document::parse("golden.toml", &text);
        let rates: Option<LearningRate> = document.value("learning_rate", &mut found);
        let rates = rates.unwrap_or_else(|| panic!("{case}: {found}"));
        let schedule = rates.over(FitLength { epochs: 3, steps_per_epoch: 20 });
        for (step, expected) in arrays["rates"].iter().enumerate() {
            let ours = schedule.at(step as u64);
            assert!((ours - expected).abs() <= 1e-6, "{case}, step {step}: {ours}, {expected}");
        }
    }
}

#[test]
fn fifty_steps_equal_keras() {
    let cases = cases("optimizers.npz");
    assert!(cases.len() >= 5, "{:?}", cases.keys());
    for (case, arrays) in &cases {
        let text = format!("optimizer = {}", table(arrays));
        let (document, mut found) = Document::parse("golden.toml", &text);
        let spec: Option<OptimizerSpec> = document.value("optimizer", &mut found);
        let spec = spec.unwrap_or_else(|| panic!("{case}: {found}"));
        let optimizer = spec.build(&[]).unwrap();
        let learning_rate = spec.learning_rate().peak() as f32;
        let mut w = arrays["initial"].clone();
        let n = w.len();
        let mut slots = vec![vec![0.0; n]; optimizer.slot_names().len()];
        let steps = arrays["gradients"].chunks(n).zip(arrays["weights"].chunks(n));
        for (t, (gradient, expected)) in steps.enumerate() {
            let step = Step { t: t as u64 + 1, learning_rate, isa: Isa::best() };
            let mut slots: Vec<&mut [f32]> = slots.iter_mut().map(Vec::as_mut_slice).collect();
            optimizer.update(&step, 0, &mut w, &mut gradient.to_vec(), &mut slots);
            let scale = expected.iter().fold(1.0_f32, |m, e| m.max(e.abs()));
            for (i, (ours, keras)) in w.iter().zip(expected).enumerate() {
                assert!(
                    (ours - keras).abs() <= 1e-5 * scale,
                    "{case}, step {}, weight {i}: ours {ours}, Keras {keras}",
                    t + 1
                );
            }
        }
    }
}

/// The variables of the small model: a line for each, its name and its shape.
fn variables(lines: &[f32]) -> Vec<Variable> {
    let text: String = lines.iter().map(|&b| char::from(b as u8)).collect();
    let mut variables: Vec<Variable> = Vec::new();
    for line in text.lines() {
        let (name, shape) = line.split_once(' ').unwrap();
        let shape: Vec<usize> = shape.split(' ').map(|n| n.parse().unwrap()).collect();
        let start = variables.last().map_or(0, |last| last.range.end);
        let range = start..start + shape.iter().product::<usize>();
        variables.push(Variable { name: name.to_owned(), range, shape });
    }
    variables
}

/// One step, block by block where that is possible, in blocks that end anywhere.
fn take(
    optimizer: &Optimizer,
    whole: &mut Whole,
    pool: &Pool,
    step: &Step,
    w: &mut [f32],
    g: &mut [f32],
    slots: &mut [Buffer],
) {
    if optimizer.needs_all_gradients() {
        return optimizer.update_all(whole, pool, step, w, g, slots);
    }
    let n = w.len();
    for start in (0..n).step_by(29) {
        let end = (start + 29).min(n);
        let mut slots: Vec<&mut [f32]> =
            slots.iter_mut().map(|slot| &mut slot[start..end]).collect();
        optimizer.update(step, start, &mut w[start..end], &mut g[start..end], &mut slots);
    }
}

#[test]
fn the_keys_of_all_optimizers_equal_keras() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/optimizer_keys.npz");
    let common: BTreeMap<String, Vec<f32>> = cnn_data::npz::read(&path)
        .unwrap()
        .into_iter()
        .map(|entry| (entry.name, entry.array.to_f32()))
        .collect();
    let variables = variables(&common["variables"]);
    let n = common["initial"].len();
    let cases = cases("optimizer_keys.npz");
    assert!(cases.len() >= 20, "{:?}", cases.keys());
    for (case, arrays) in &cases {
        let text = format!("optimizer = {}", table(arrays));
        let (document, mut found) = Document::parse("golden.toml", &text);
        let spec: Option<OptimizerSpec> = document.value("optimizer", &mut found);
        let spec = spec.unwrap_or_else(|| panic!("{case}: {found}"));
        let optimizer = spec.build(&variables).unwrap();
        let rates = spec.learning_rate().over(FitLength { epochs: 1, steps_per_epoch: 20 });
        for threads in [1, 3] {
            let (pool, mut w) = (Pool::new(threads), common["initial"].clone());
            let mut whole = Whole::new(&optimizer, &variables, threads);
            let names = optimizer.slot_names();
            let mut slots: Vec<Buffer> = names.iter().map(|_| Buffer::zeros(n)).collect();
            let mut kept = 0;
            for (t, gradient) in common["gradients"].chunks(n).enumerate() {
                let step =
                    Step { t: t as u64 + 1, learning_rate: rates.at(t as u64), isa: Isa::best() };
                let g = &mut gradient.to_vec();
                take(&optimizer, &mut whole, &pool, &step, &mut w, g, &mut slots);
                if !common["kept"].contains(&(t as f32)) {
                    continue;
                }
                let part = kept * n..(kept + 1) * n;
                kept += 1;
                let average = optimizer.average_slot().map(|slot| ("averages", &*slots[slot]));
                for (name, ours) in [("weights", &*w)].into_iter().chain(average) {
                    for (i, (ours, keras)) in
                        ours.iter().zip(&arrays[name][part.clone()]).enumerate()
                    {
                        assert!(
                            (ours - keras).abs() <= 1e-5 * keras.abs().max(1.0),
                            "{case}, {name} after step {}, {i}: ours {ours}, Keras {keras}",
                            t + 1
                        );
                    }
                }
            }
            assert_eq!(kept, common["kept"].len());
        }
    }
}

//! Fifty steps of every optimizer against Keras's own weights (data/golden/optimizers.npz), and sixty rates of every schedule against
//! Keras's and PyTorch's (schedules.npz).

use cnn_nn::config::Document;
use cnn_nn::engine::Isa;
use cnn_optim::schedules::{FitLength, LearningRate};
use cnn_optim::{OptimizerSpec, Step};
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
        let optimizer = spec.build().unwrap();
        let learning_rate = spec.learning_rate().peak() as f32;
        let mut w = arrays["initial"].clone();
        let n = w.len();
        let mut slots = vec![vec![0.0; n]; optimizer.slot_names().len()];
        let steps = arrays["gradients"].chunks(n).zip(arrays["weights"].chunks(n));
        for (t, (gradient, expected)) in steps.enumerate() {
            let step = Step { t: t as u64 + 1, learning_rate, isa: Isa::best() };
            let mut slots: Vec<&mut [f32]> = slots.iter_mut().map(Vec::as_mut_slice).collect();
            optimizer.update(&step, &mut w, gradient, &mut slots);
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

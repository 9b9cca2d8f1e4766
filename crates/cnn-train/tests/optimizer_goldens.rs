//! Fifty steps of every optimizer against Keras's own weights (data/golden/optimizers.npz).

use cnn_nn::config::Document;
use cnn_nn::engine::Isa;
use cnn_optim::{OptimizerSpec, Step};
use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn fifty_steps_equal_keras() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/optimizers.npz");
    let mut cases: BTreeMap<String, BTreeMap<String, Vec<f32>>> = BTreeMap::new();
    for cnn_data::npz::Entry { name, array } in cnn_data::npz::read(&path).unwrap() {
        if let Some((case, key)) = name.split_once('/') {
            cases.entry(case.to_owned()).or_default().insert(key.to_owned(), array.to_f32());
        }
    }
    assert!(cases.len() >= 5, "{:?}", cases.keys());
    for (case, arrays) in &cases {
        let table: String = arrays["toml"].iter().map(|&b| char::from(b as u8)).collect();
        let fields: Vec<&str> = table.lines().filter(|line| !line.trim().is_empty()).collect();
        let text = format!("optimizer = {{ {} }}", fields.join(", "));
        let (document, mut found) = Document::parse("golden.toml", &text);
        let spec: Option<OptimizerSpec> = document.value("optimizer", &mut found);
        let optimizer = spec.unwrap_or_else(|| panic!("{case}: {found}")).build().unwrap();
        let mut w = arrays["initial"].clone();
        let n = w.len();
        let mut slots = vec![vec![0.0; n]; optimizer.slot_names().len()];
        let steps = arrays["gradients"].chunks(n).zip(arrays["weights"].chunks(n));
        for (t, (gradient, expected)) in steps.enumerate() {
            let step = Step {
                t: t as u64 + 1,
                learning_rate: optimizer.learning_rate(),
                isa: Isa::best(),
            };
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

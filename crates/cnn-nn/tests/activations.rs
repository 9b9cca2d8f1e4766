//! The outputs of every layer beside Keras's: `data/golden/activations.npz`, made by `make_activations.py` beside it.

use cnn_data::npz;
use cnn_kernels::Isa;
use cnn_nn::ModelSpec;
use cnn_nn::inspect::{activations, select_layers};
use std::collections::BTreeMap;
use std::path::Path;

/// The arrays of the golden file by name: shape and values.
fn golden() -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/activations.npz");
    let entries = npz::read(&path).unwrap_or_else(|error| panic!("{error}"));
    entries.into_iter().map(|e| (e.name, (e.array.shape.clone(), e.array.to_f32()))).collect()
}

#[test]
fn every_layer_s_output_is_keras_s() {
    let golden = golden();
    let toml: String = golden["toml"].1.iter().map(|&byte| char::from(byte as u8)).collect();
    let (spec, _) = ModelSpec::from_toml("model.toml", &toml).unwrap_or_else(|e| panic!("{e}"));
    let model = spec.build().unwrap_or_else(|e| panic!("{e}"));
    let mut weights = vec![0.0; model.param_count()];
    for param in model.params() {
        let (shape, values) = &golden[&format!("weights/{}", param.name)];
        assert_eq!(shape, &param.shape, "{}", param.name);
        weights[param.range.clone()].copy_from_slice(values);
    }
    let images: Vec<f32> = golden["images"].1.iter().map(|byte| byte / 255.0).collect();
    let layers = select_layers(&model, &["all"]).unwrap_or_else(|e| panic!("{e}"));
    for isa in Isa::available() {
        let outputs = activations(&model, &weights, &images, &layers, isa);
        assert_eq!(outputs.len(), 7);
        for layer in outputs {
            let (shape, expected) = &golden[&format!("outputs/{}", layer.layer)];
            assert_eq!(shape[1..], layer.shape, "{}", layer.layer);
            assert_eq!((shape[0], expected.len()), (layer.images(), layer.values.len()));
            // The goldens' tolerance: a tenth of what Keras users are promised.
            let scale = expected.iter().fold(1.0f32, |max, v| max.max(v.abs()));
            for (i, (a, b)) in layer.values.iter().zip(expected).enumerate() {
                let near = (a - b).abs() <= 1e-5 * scale;
                assert!(near, "{} {}[{i}]: ours {a}, Keras {b}", isa.name(), layer.layer);
            }
        }
    }
}

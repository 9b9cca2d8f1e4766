//! Layers, loss and gradients against Keras's own numbers (data/golden, made by the scripts beside the files).

mod support;

use cnn_data::npz;
use cnn_kernels::Isa;
use cnn_nn::ModelSpec;
use cnn_nn::layer::Pass;
use cnn_nn::loss::{Loss, LossSpec};
use cnn_tensor::Shape;
use std::collections::BTreeMap;
use std::path::Path;
use support::Bench;

/// Arrays of one golden file: case → name → (shape, values).
type Cases = BTreeMap<String, BTreeMap<String, (Vec<usize>, Vec<f32>)>>;

fn cases(file: &str) -> Cases {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden").join(file);
    let mut cases = Cases::new();
    for npz::Entry { name, array } in npz::read(&path).unwrap_or_else(|e| panic!("{e}")) {
        if let Some((case, key)) = name.split_once('/') {
            let values = (array.shape.clone(), array.to_f32());
            cases.entry(case.to_owned()).or_default().insert(key.to_owned(), values);
        }
    }
    assert!(!cases.is_empty());
    cases
}

fn assert_close(what: &str, ours: &[f32], golden: &[f32]) {
    assert_eq!(ours.len(), golden.len(), "{what}");
    let scale = golden.iter().fold(1.0f32, |m, g| m.max(g.abs()));
    for (i, (a, b)) in ours.iter().zip(golden).enumerate() {
        assert!((a - b).abs() <= 1e-5 * scale, "{what}[{i}]: ours {a}, Keras {b}");
    }
}

#[test]
fn every_layer_equals_keras() {
    let mut count = 0;
    for kind in cnn_nn::layers::LayerSpec::KINDS {
        for (case, arrays) in cases(&format!("{kind}.npz")) {
            let what = format!("{kind} {case}");
            let text: String = arrays["toml"].1.iter().map(|&b| char::from(b as u8)).collect();
            let (x_shape, x) = &arrays["x"];
            let text = format!("input = {:?}\n\n[[layers]]\n{text}", &x_shape[1..]);
            let (spec, _) =
                ModelSpec::from_toml("model.toml", &text).unwrap_or_else(|e| panic!("{what}: {e}"));
            let built = spec.layers[0]
                .spec
                .build(&Shape::new(&x_shape[1..]))
                .unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(built.output.dims(), &arrays["y"].0[1..], "{what}");
            let specs = built.params.clone();
            let params: Vec<f32> = specs.iter().flat_map(|p| arrays[&*p.name].1.clone()).collect();
            let training = arrays.contains_key("training");
            let train = Pass::Train { seed: 1, step: 0, layer: 0, first: 0 };
            let pass = if training { train } else { Pass::Infer };
            let mut bench = Bench::new(built, x.clone(), x_shape[0], params, pass);
            assert_close(&format!("{what} y"), bench.forward(), &arrays["y"].1);
            if let Some((_, dy)) = arrays.get("dy") {
                let mut dw = vec![0.0; bench.params.len()];
                let dx = bench.backward(dy, &mut dw, true);
                assert_close(&format!("{what} dx"), &dx, &arrays["dx"].1);
                let mut rest = &dw[..];
                for param in &specs {
                    let (ours, after) = rest.split_at(param.len());
                    if param.trainable {
                        let golden = &arrays[&format!("d{}", param.name)].1;
                        assert_close(&format!("{what} d{}", param.name), ours, golden);
                    }
                    rest = after;
                }
            }
            if let Some(layer) = bench.layer.batch_statistics().filter(|_| training) {
                let (mut part, mut whole) =
                    (vec![0.0; layer.part_len()], vec![0.0; layer.whole_len()]);
                layer.measure(Isa::best(), x, &mut part);
                layer.combine(&[(x_shape[0], &part)], &mut whole);
                layer.follow(&whole, &mut bench.params);
                let moving: Vec<f32> = (specs.iter().filter(|p| !p.trainable))
                    .flat_map(|p| arrays[&format!("next_{}", p.name)].1.clone())
                    .collect();
                let ours = &bench.params[bench.params.len() - moving.len()..];
                assert_close(&format!("{what} moving"), ours, &moving);
            }
            count += 1;
        }
    }
    println!("{count} layer cases equal Keras");
    assert!(count >= 20);
}

#[test]
fn the_loss_equals_keras() {
    for (case, arrays) in cases("losses.npz") {
        let (shape, logits) = &arrays["logits"];
        let labels: Vec<u32> = arrays["labels"].1.iter().map(|&l| l as u32).collect();
        let loss = Loss::new(&LossSpec::default(), &Shape::new(&shape[1..]), true).unwrap();
        let mut d = vec![0.0; logits.len()];
        let (sum, correct) =
            loss.evaluate(Isa::best(), logits, &labels, 1.0 / shape[0] as f32, &mut d);
        assert_close(&format!("{case} mean"), &[(sum / shape[0] as f64) as f32], &arrays["mean"].1);
        assert_close(&format!("{case} dlogits"), &d, &arrays["dlogits"].1);
        assert_eq!(correct, arrays["correct"].1[0] as usize, "{case}");
    }
}

//! What every registered layer must do, checked on every example of every layer.

use cnn_kernels::Isa;
use cnn_nn::config::{Document, write};
use cnn_nn::layer::Pass;
use cnn_nn::layers::{Function, LayerSpec};
use cnn_nn::loss::LossSpec;
use cnn_nn::model::{LayerEntry, ModelSpec};
use cnn_nn::testing::{self, numbers};
use cnn_tensor::Shape;

const TRAIN: Pass = Pass::Train { seed: 5, step: 3, layer: 2, first: 0 };

/// Runs one of the checks on every example.
fn on_every_example(check: impl Fn(&LayerSpec, &Shape) -> Result<(), testing::Mismatch>) {
    for (spec, input) in LayerSpec::examples() {
        check(&spec, &Shape::new(input)).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn every_kind_has_an_example() {
    for kind in LayerSpec::KINDS {
        assert!(
            LayerSpec::examples().iter().any(|(spec, _)| spec.kind() == *kind),
            "{kind} has no example"
        );
    }
}

#[test]
fn toml_round_trip() {
    for (layer, input) in LayerSpec::examples() {
        let spec =
            ModelSpec { name: None, input, layers: vec![LayerEntry { name: None, spec: layer }] };
        let text = spec.to_toml().unwrap();
        let (again, _) =
            ModelSpec::from_toml("model.toml", &text).unwrap_or_else(|e| panic!("{text}\n{e}"));
        assert_eq!(again, spec, "{text}");
    }
}

#[test]
fn an_unknown_key_is_an_error_that_names_it() {
    for (layer, input) in LayerSpec::examples() {
        let kind = layer.kind();
        let spec =
            ModelSpec { name: None, input, layers: vec![LayerEntry { name: None, spec: layer }] };
        let text = format!("{}\nfrobnicate = 1\n", spec.to_toml().unwrap());
        let error =
            ModelSpec::from_toml("model.toml", &text).expect_err("an unknown key").to_string();
        assert!(error.contains("frobnicate"), "{kind}: {error}");
    }
}

#[test]
fn declared_shape_is_the_real_one() {
    on_every_example(testing::check_shape);
}

#[test]
fn inference_does_not_see_batch_mates() {
    on_every_example(testing::check_inference);
}

#[test]
fn backward_adds_to_the_gradient() {
    on_every_example(testing::check_accumulation);
}

/// Central differences of Σ r·y against backward, for every input and every parameter.
#[test]
fn gradients_equal_finite_differences() {
    on_every_example(testing::check_gradient);
}

#[test]
fn whole_batch_gradient_equals_backward() {
    for (spec, input) in LayerSpec::examples() {
        let mut bench = testing::bench(&spec, &Shape::new(input), 4, TRAIN).unwrap();
        let dy = numbers(9, bench.forward().len());
        let mut dw = vec![0.0; bench.params.len()];
        bench.backward(&dy, &mut dw, true);
        let (x_half, y_half) = (bench.x.len() / 2, bench.y.len() / 2);
        // A layer without activation leaves dy as it was; only then can the test know what backward left.
        let linear = match &spec {
            LayerSpec::Dense(dense) => dense.activation == Function::Linear,
            _ => continue,
        };
        let Some(batch) = bench.layer.whole_batch().filter(|_| linear) else { continue };
        let (x, dy) = (bench.x.split_at(x_half), dy.split_at(y_half));
        let shards = [(x.0, dy.0), (x.1, dy.1)];
        let unit = batch.outputs();
        for start in (0..dw.len()).step_by(unit) {
            let mut part = vec![0.0; unit];
            batch.gradient(Isa::best(), &shards, start..start + unit, &mut part);
            for (a, b) in part.iter().zip(&dw[start..]) {
                assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{spec:?}: {a} and {b}");
            }
        }
    }
}

#[test]
fn a_wrong_input_shape_is_an_error_with_both_shapes_and_a_fix() {
    for (spec, input) in LayerSpec::examples() {
        let wrong = if input.len() == 3 && spec.kind() != "Dense" { vec![7] } else { vec![] };
        if let Err(error) = spec.build(&Shape::new(wrong.clone())) {
            assert!(!error.hint.is_empty(), "{spec:?} gives no hint");
            assert!(
                error.message.contains(&format!("{wrong:?}"))
                    || error.message.contains("at least one axis"),
                "{error}"
            );
        } else {
            assert!(
                matches!(
                    spec.kind(),
                    "Activation"
                        | "ActivityRegularization"
                        | "BatchNormalization"
                        | "Dropout"
                        | "Flatten"
                        | "GaussianNoise"
                        | "LayerNormalization"
                        | "Rescaling"
                ),
                "{spec:?} accepts {wrong:?}"
            );
        }
    }
}

/// Every loss is read back as it was written, by either of its names, and tells what is wrong with a key.
#[test]
fn every_loss_survives_writing_and_reading() {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Compile {
        loss: LossSpec,
    }
    let read = |text: &str| {
        let (document, mut found) = Document::parse("model.toml", text);
        let compile: Option<Compile> = document.table("compile", &mut found);
        compile.map(|compile| compile.loss).ok_or(found)
    };
    let mut kinds = std::collections::BTreeSet::new();
    for (spec, ..) in LossSpec::examples() {
        kinds.insert(spec.name());
        let written = write::node(&Compile { loss: spec.clone() }).unwrap();
        let text = write::Toml::default().section("compile", &written).into_string();
        assert_eq!(read(&text).unwrap_or_else(|e| panic!("{text}: {e:?}")), spec, "{text}");
    }
    assert_eq!(kinds.len(), LossSpec::KINDS.len());
    for kind in LossSpec::KINDS {
        let snake: String = kind
            .char_indices()
            .flat_map(|(i, c)| {
                let line = (i > 0 && c.is_uppercase()).then_some('_');
                line.into_iter().chain(c.to_lowercase())
            })
            .collect();
        assert_eq!(read(&format!("[compile]\nloss = \"{snake}\"\n")).unwrap().name(), *kind);
        let odd = format!("[compile]\nloss = {{ type = \"{kind}\", nonsense = 1 }}\n");
        assert!(read(&odd).is_err());
    }
}

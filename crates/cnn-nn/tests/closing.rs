//! What may stand at the end of a network whose softmax the loss takes over: it trains as the same network written in another way.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cnn_kernels::Isa;
use cnn_nn::engine::{Engine, Options, TrainKey};
use cnn_nn::loss::{Loss, LossSpec};
use cnn_nn::losses::BinaryCrossentropy;
use cnn_nn::model::{Model, ModelSpec, lint, lint_loss};
use cnn_nn::testing::numbers;

fn model(layers: &str) -> Model {
    let text = format!("input = [4]\nlayers = [\n{layers}\n]\n");
    let (spec, _) = ModelSpec::from_toml("model.toml", &text).unwrap_or_else(|e| panic!("{e}"));
    spec.build().unwrap()
}

/// Loss, penalty included, and gradient of a batch; then what is predicted for it.
fn run(model: &Model, spec: &LossSpec, threads: usize) -> (f64, Vec<f32>, Vec<f32>) {
    let loss = Loss::new(spec, model.output(), model.link()).unwrap();
    assert!(loss.link().is_some() && lint(model).is_empty() && lint_loss(model, spec).is_empty());
    let options = Options { threads, isa: Isa::best(), batch_size: 16, fuse: true };
    let (mut engine, data) = (Engine::new(model, &loss, options), numbers(3, 16 * 4));
    let (weights, mut gradient) = (model.initial_weights(2), vec![0.0; model.param_count()]);
    let feed = |range: std::ops::Range<usize>, x: &mut [f32], labels: &mut [u32]| {
        x.copy_from_slice(&data[range.start * 4..range.end * 4]);
        for (label, i) in labels.iter_mut().zip(range) {
            *label = (i % 4) as u32;
        }
    };
    let key = TrainKey { seed: 1, step: 0 };
    let metrics = engine.gradients(&weights, 16, &feed, key, &mut gradient);
    let mut predicted = vec![0.0; 16 * model.output().len()];
    engine.predict(&weights, 16, &feed, &mut predicted);
    (metrics.loss(), gradient, predicted)
}

fn assert_same(a: &str, b: &str, spec: &LossSpec) {
    let (a, b) = (model(a), model(b));
    assert_eq!(a.link(), b.link());
    for threads in [1, 3] {
        assert_eq!(run(&a, spec, threads), run(&b, spec, threads), "{threads} threads");
    }
}

#[test]
fn a_block_that_ends_in_softmax_trains_as_one_with_softmax_behind_it() {
    assert_same(
        r#"{ type = "Residual", layers = [{ type = "Dense", units = 4 }], activation = "softmax" }"#,
        r#"{ type = "Residual", layers = [{ type = "Dense", units = 4 }] }, { type = "Activation", activation = "softmax" }"#,
        &LossSpec::default(),
    );
}

/// The penalty as a key, as a layer, and as a layer behind a reshape. What it costs is compared with Keras (`separable.npz`).
#[test]
fn a_penalty_on_probabilities_is_the_same_as_a_key_and_as_a_layer() {
    for (activation, loss) in [
        ("softmax", LossSpec::default()),
        ("sigmoid", LossSpec::BinaryCrossentropy(BinaryCrossentropy::default())),
    ] {
        let dense = format!("type = \"Dense\", units = 4, activation = \"{activation}\"");
        let key = format!("{{ {dense}, activity_regularizer = {{ l1 = 0.1, l2 = 0.3 }} }}");
        let layer = "{ type = \"ActivityRegularization\", l1 = 0.1, l2 = 0.3 }";
        let flatten = "{ type = \"Flatten\" }";
        assert_same(&key, &format!("{{ {dense} }}, {layer}"), &loss);
        assert_same(&key, &format!("{{ {dense} }}, {flatten}, {layer}, {flatten}"), &loss);
        let plain = run(&model(&format!("{{ {dense} }}")), &loss, 1);
        let penalised = run(&model(&key), &loss, 1);
        assert!(penalised.0 > plain.0 && penalised.1 != plain.1 && penalised.2 == plain.2);
    }
}

/// Two softmaxes of three numbers are no softmax of six: the loss must not make it one.
#[test]
fn a_softmax_of_several_rows_is_not_the_one_of_the_whole_output() {
    let dense = "{ type = \"Dense\", units = 3, activation = \"softmax\" }, { type = \"Flatten\" }";
    let of =
        |shape: &str| model(&format!("{{ type = \"Reshape\", target_shape = {shape} }}, {dense}"));
    let one = of("[1, 4]");
    assert!(one.ends_in_softmax() && lint_loss(&one, &LossSpec::default()).is_empty());
    let two = of("[2, 2]");
    assert!(!two.ends_in_softmax());
    let found = lint_loss(&two, &LossSpec::default());
    assert_eq!((found.len(), found[0].code), (1, "M041"));
    let told = "layer 2 `dense` (Dense) ends in a softmax of each 3 numbers, but the model gives 6";
    assert!(found[0].message.contains(told), "{}", found[0].message);
}

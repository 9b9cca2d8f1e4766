//! What the wide summary says about a layer's output, against the layers themselves: the pixels that one output number depends on,
//! found by changing every pixel, and the way from the input's height and width to the output's.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cnn_nn::layer::{Isa, Pass, Weights, Work};
use cnn_nn::model::{Model, ModelSpec, ReceptiveField};
use cnn_nn::summary;
use std::collections::BTreeSet;

const SIDE: usize = 12;

/// A model of 12 × 12 pixels, from the lines of its layers.
fn model(layers: &str) -> Model {
    let text = format!("name = \"eye\"\ninput = [{SIDE}, {SIDE}, 4]\n{layers}");
    let (spec, _) = ModelSpec::from_toml("model.toml", &text).unwrap_or_else(|e| panic!("{e:?}"));
    spec.build().unwrap()
}

/// The output of the model's last layer.
fn run(model: &Model, weights: &[f32], image: &[f32]) -> Vec<f32> {
    model.layers().iter().fold(image.to_vec(), |x, layer| {
        let mut y = vec![0.0; layer.output.len()];
        let size = layer.layer.work();
        let (mut saved, mut scratch) = (vec![0; size.saved], vec![0.0; size.scratch]);
        let work = Work { saved: &mut saved, scratch: &mut scratch };
        let weights = Weights { params: &weights[layer.params_range()], packed: &[] };
        layer.layer.forward(Isa::best(), weights, &x, &mut y, work, Pass::Infer);
        y
    })
}

/// Height and width of the pixels that the output in the middle depends on.
fn measured(model: &Model) -> [usize; 2] {
    let weights = model.initial_weights(1);
    let image: Vec<f32> = (0..SIDE * SIDE * 4).map(|i| (i as f32 * 0.7).sin()).collect();
    let before = run(model, &weights, &image);
    let channels = *model.output().dims().last().unwrap();
    let middle = match *model.output().dims() {
        [h, w, _] => (h / 2 * w + w / 2) * channels,
        _ => 0,
    };
    let (mut rows, mut columns) = (BTreeSet::new(), BTreeSet::new());
    for pixel in 0..SIDE * SIDE {
        let mut other = image.clone();
        other[pixel * 4..][..4].iter_mut().for_each(|x| *x = 3.0 - *x);
        let after = run(model, &weights, &other);
        if (0..channels).any(|c| before[middle + c].to_bits() != after[middle + c].to_bits()) {
            rows.insert(pixel / SIDE);
            columns.insert(pixel % SIDE);
        }
    }
    [rows.len(), columns.len()]
}

const CONV: &str = "{ type = \"Conv2D\", filters = 4, kernel_size = 3, padding = \"same\" }";
const GATE: &str = "{ type = \"SqueezeExcite\", ratio = 2, activation = \"tanh\" }";

fn residual(layers: &[&str]) -> String {
    format!("[[layers]]\ntype = \"Residual\"\nlayers = [{}]\n", layers.join(", "))
}

fn single(kind: &str, keys: &str) -> String {
    format!("[[layers]]\ntype = \"{kind}\"\n{keys}\n")
}

#[test]
fn an_output_sees_what_changes_it() {
    let conv = single("Conv2D", "filters = 4\nkernel_size = [3, 2]\nactivation = \"silu\"");
    let branches = format!("branches = [[], [{CONV}, {CONV}]]");
    for (layers, whole) in [
        (conv.clone(), false),
        (residual(&[CONV, CONV]), false),
        (conv.clone() + &residual(&[CONV]), false),
        (single("Concatenate", &branches), false),
        (conv.clone() + &single("LayerNormalization", ""), false),
        (single("SqueezeExcite", "ratio = 2\nactivation = \"tanh\""), true),
        (residual(&[CONV, GATE]), true),
        (residual(&[GATE, CONV]) + &conv, true),
        (single("Concatenate", &format!("branches = [[{CONV}], [{GATE}]]")), true),
        (single("GroupNormalization", "groups = 2"), true),
        (single("GlobalAveragePooling2D", ""), true),
        (single("Flatten", "") + &single("Dense", "units = 3"), true),
        (single("Flatten", "") + &single("Activation", "activation = \"softmax\""), true),
    ] {
        let model = model(&layers);
        let said = model.layers().last().unwrap().receptive_field;
        let seen = measured(&model);
        match said {
            Some(ReceptiveField::Whole) => assert_eq!(seen, [SIDE; 2], "{layers}"),
            Some(ReceptiveField::Window { size, .. }) => assert_eq!(seen, size, "{layers}"),
            None => panic!("{layers}"),
        }
        assert_eq!(said == Some(ReceptiveField::Whole), whole, "{layers}");
    }
}

/// The column `Output size` of the model's last layer.
fn sizes(layers: &str) -> String {
    summary::rows(&model(layers)).pop().unwrap().size.join("; ")
}

#[test]
fn sizes_follow_the_way_that_gives_the_output_its_size() {
    let half =
        "{ type = \"Conv2D\", filters = 4, kernel_size = 3, strides = 2, padding = \"same\" }";
    let valid = "{ type = \"Conv2D\", filters = 4, kernel_size = 3 }";
    let pad = "{ type = \"ZeroPadding2D\", padding = 1 }";
    assert_eq!(sizes(&single("SqueezeExcite", "ratio = 2")), "–");
    assert_eq!(sizes(&residual(&[CONV, CONV, GATE])), "12 → 12 → 12");
    assert_eq!(sizes(&residual(&[CONV, GATE])), "(12 − 3 + 2·1)/1 + 1 = 12");
    assert_eq!(sizes(&residual(&[valid, pad])), "12 → 10 → 12");
    assert_eq!(sizes(&residual(&[pad, valid])), "12 → 14 → 12");
    let downwards = format!(
        "[[layers]]\ntype = \"Residual\"\nlayers = [{half}, {CONV}, {GATE}]\nshortcut = [{half}]\n"
    );
    assert_eq!(sizes(&downwards), "12 → 6 → 6");
    assert_eq!(sizes(&single("ZeroPadding2D", "padding = [[1, 2], [0, 0]]")), "h: 12 → 15; w: –");
    let keepdims = single("GlobalAveragePooling2D", "keepdims = true");
    assert_eq!(sizes(&keepdims), "(12 − 12 + 2·0)/1 + 1 = 1");
}

#[test]
fn penalties_on_outputs_are_shown_with_their_layers() {
    let conv = "{ type = \"Conv2D\", filters = 4, kernel_size = 3, padding = \"same\", activity_regularizer = \"l1\" }";
    let inner = format!("{{ type = \"Residual\", layers = [{conv}] }}");
    let layers = single(
        "Dense",
        "units = 4\nactivation = \"silu\"\nactivity_regularizer = { l2 = 0.5 }\nkernel_regularizer = \"l2\"",
    ) + &residual(&[conv, conv, &inner])
        + &single("ActivityRegularization", "l1 = 0.25\nl2 = 0.125");
    let model = model(&layers);
    let line = " Penalties on the loss: dense/kernel L2 0.01, output of dense L2 0.5 per image, \
                output of residual/conv2d L1 0.01 per image, output of residual/conv2d_1 L1 0.01 per image, \
                output of residual/residual/conv2d L1 0.01 per image, \
                output of activity_regularization L1 0.25 + L2 0.125 per image\n";
    let text = summary::wide(&model);
    assert!(text.ends_with(line), "{text}");
    let data = summary::json(&model);
    let penalties = &data["layers"][1]["output_penalties"];
    assert_eq!(penalties[2]["name"], "residual/residual/conv2d");
    assert_eq!((&penalties[2]["l2"], penalties.as_array().unwrap().len()), (&0.0.into(), 3));
}

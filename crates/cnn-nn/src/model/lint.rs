//! Models that can be built but are hardly meant: the mistakes of the course's own listings among them.

use super::problem::{At, Problem};
use super::{Model, ModelLayer};
use crate::layer::Link;
use crate::layers::LayerSpec;
use crate::loss::{Loss, LossSpec};

/// Warnings about a model on its own.
pub fn lint(model: &Model) -> Vec<Problem> {
    let mut found = Vec::new();
    found.extend(not_flat(model).map(|(at, message, hint)| {
        Problem::warning(at, "M050", message).label("acts on the last axis only").hint(hint)
    }));
    let last = model.closing();
    for (index, layer) in model.layers.iter().enumerate() {
        if layer.layer.without_link(Link::Softmax).is_some() && Some(index) != last {
            let message = format!("{} ends in softmax, but layers follow", title(index, layer));
            let at = At::Layer { index, key: Some("activation") };
            let note = "softmax turns its inputs into probabilities that sum to 1: it belongs at the very end";
            found.push(
                Problem::warning(at, "M051", message).note(note).hint("activation = \"relu\""),
            );
        }
        if let LayerSpec::Dropout(dropout) = &layer.spec
            && dropout.rate >= 1.0
        {
            let at = At::Layer { index, key: Some("rate") };
            let message = format!(
                "{}: rate = {} drops everything; in training its output is always 0",
                title(index, layer),
                dropout.rate
            );
            found.push(Problem::warning(at, "M052", message).hint("rate = 0.5 drops half"));
        }
    }
    if model.param_count() == 0 {
        found.push(
            Problem::warning(
                At::Layers,
                "M053",
                "the model has no parameters: there is nothing to train",
            )
            .hint("add a Dense layer"),
        );
    }
    found
}

/// What keeps a model from being trained with this loss.
pub fn lint_loss(model: &Model, loss: &LossSpec) -> Vec<Problem> {
    let Err(error) = Loss::new(loss, model.output(), model.link()) else {
        return Vec::new();
    };
    let last = model.closing().unwrap_or(0);
    if let Some(problem) = softmax_of_rows(model, last).filter(|_| error.code == "M041") {
        return vec![problem];
    }
    let (at, hint) = match (error.key, not_flat(model)) {
        (Some(_), _) => (At::Loss { key: error.key }, error.hint),
        (None, Some((at, _, hint))) => (at, hint),
        (None, None) => (At::Layer { index: last, key: Some("activation") }, error.hint),
    };
    vec![Problem::error(at, error.code, error.message).hint(hint)]
}

/// For a model whose closing softmax is one of several rows that a reshape puts together.
fn softmax_of_rows(model: &Model, last: usize) -> Option<Problem> {
    let (layer, len) = (model.layers.get(last)?, model.output().len());
    let several = layer.row() != len && layer.layer.without_link(Link::Softmax).is_some();
    let message = format!(
        "{} ends in a softmax of each {} numbers, but the model gives {len}: they are no probabilities together",
        title(last, layer),
        layer.row(),
    );
    let at = At::Layer { index: last, key: Some("activation") };
    let hint =
        "put the `Flatten` layer before it, or drop its activation and end in a layer that has it";
    several.then(|| Problem::error(at, "M041", message).hint(hint))
}

/// For a model whose result is not one row of numbers: the layer before which a `Flatten` is missing, why, and the cure.
fn not_flat(model: &Model) -> Option<(At, String, String)> {
    let output = model.output().dims();
    if output.len() == 1 || model.layers.is_empty() {
        return None;
    }
    let dense = model
        .layers
        .iter()
        .position(|layer| matches!(layer.spec, LayerSpec::Dense(_)) && layer.input.rank() > 1);
    let Some(index) = dense else {
        let index = model.layers.len() - 1;
        let message = format!(
            "the model ends in {}, with {output:?} for each image; a classifier gives one number per class",
            title(index, &model.layers[index])
        );
        let hint = "add a `Flatten` layer and a `Dense` layer with one unit per class at the end";
        return Some((At::Layer { index, key: None }, message, hint.to_owned()));
    };
    let layer = &model.layers[index];
    let input = layer.input.dims();
    let message = format!(
        "{}: input is {}-D {input:?}; Dense acts on the last axis, so the model gives {output:?} where a loss needs [{}]",
        title(index, layer),
        input.len() + 1,
        output.last().copied().unwrap_or_default(),
    );
    Some((
        At::Layer { index, key: None },
        message,
        format!("insert a `Flatten` layer before layer {}", index + 1),
    ))
}

fn title(index: usize, layer: &ModelLayer) -> String {
    format!("layer {} `{}` ({})", index + 1, layer.name, layer.kind())
}

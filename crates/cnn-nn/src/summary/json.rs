//! The summary as data.

use super::wide::derivation;
use crate::model::{Model, ModelLayer, ReceptiveField};
use serde_json::{Value, json};

/// The version of the object; a change that could break a reader raises it.
const SCHEMA: u32 = 1;

/// The summary as one object: `schema`, `model`, `input_shape`, `layers`, `totals`. Shapes are without the batch axis,
/// bytes and multiply-accumulates per image.
pub fn json(model: &Model) -> Value {
    json!({
        "schema": SCHEMA,
        "model": model.name(),
        "input_shape": model.input().dims(),
        "output_shape": model.output().dims(),
        "layers": model.layers().iter().map(layer).collect::<Vec<_>>(),
        "totals": {
            "params": model.param_count(),
            "trainable_params": model.trainable_count(),
            "non_trainable_params": model.param_count() - model.trainable_count(),
            "param_bytes": 4 * model.param_count(),
            "macs": model.macs(),
            "activation_bytes": model.activation_bytes(),
        },
    })
}

fn layer(layer: &ModelLayer) -> Value {
    let params = layer.params.iter().map(|param| {
        json!({
            "name": param.name, "shape": param.shape, "offset": param.range.start,
            "trainable": param.trainable,
            "constraint": param.constraint,
            "penalty": param.penalty.map(|penalty| json!({ "l1": penalty.l1, "l2": penalty.l2 })),
        })
    });
    let penalties = layer.output_penalties().into_iter();
    let penalties = penalties
        .map(|(name, penalty)| json!({ "name": name, "l1": penalty.l1, "l2": penalty.l2 }));
    let derivations = [0, 1].map(|axis| derivation(layer, axis));
    json!({
        "name": layer.name,
        "type": layer.kind(),
        "input_shape": layer.input.dims(),
        "output_shape": layer.output.dims(),
        "params": layer.param_count(),
        "weights": params.collect::<Vec<_>>(),
        "output_penalties": penalties.collect::<Vec<_>>(),
        "derivation": (!derivations.iter().all(Option::is_none)).then(|| json!({
            "height": derivations[0],
            "width": derivations[1],
        })),
        "receptive_field": match layer.receptive_field {
            Some(ReceptiveField::Window { size, step }) => json!({ "size": size, "step": step }),
            Some(ReceptiveField::Whole) => json!("all"),
            None => Value::Null,
        },
        "macs": layer.macs,
        "activation_bytes": layer.activation_bytes(),
    })
}

//! The JSON Schemas of model.toml and sweep.toml, from the specs.

use crate::page::first_paragraph;
use cnn_callbacks::CallbackSpec;
use cnn_nn::layers::LayerSpec;
use cnn_train::experiment::{Cost, MAX_SEEDS, Threshold};
use cnn_train::{CompileSpec, FitSpec};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Number, Value, json};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema (draft 2020-12) of a whole model.toml: every key with its type, default and meaning. It knows no shapes and few
/// ranges; what it refuses the program refuses too.
pub(crate) fn model() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    generator.subschema_for::<LayerSpec>();
    let compile = generator.subschema_for::<CompileSpec>().to_value();
    let fit = generator.subschema_for::<FitSpec>().to_value();
    let callback = generator.subschema_for::<CallbackSpec>().to_value();
    let mut definitions = generator.take_definitions(true);
    definitions.values_mut().for_each(as_toml);
    definitions.values_mut().for_each(choices);
    let named = named_layer(&definitions);
    definitions.insert("NamedLayer".to_owned(), named);
    definitions.sort_keys();
    json!({
        "$schema": DIALECT,
        "title": "model.toml",
        "description": "A small convolutional network, and how it is trained.",
        "type": "object",
        "properties": {
            "name": {
                "description": "What the model is called; default Keras's name, `sequential`.",
                "type": "string",
            },
            "input": {
                "description": "Shape of one image: height, width, channels, such as `[28, 28, 1]`.",
                "type": "array",
                "items": { "type": "integer", "minimum": 1 },
                "minItems": 1,
            },
            "layers": {
                "description": "The layers, from the image to the answer, each a table `[[layers]]`.",
                "type": "array",
                "items": { "$ref": "#/$defs/NamedLayer" },
                "minItems": 1,
            },
            "compile": described(compile, "What is minimised, how, and what is measured; default Adam and cross-entropy."),
            "fit": described(fit, "How long, and on which images; default once, in batches of 32."),
            "callbacks": {
                "description": "What watches the training, each a table `[[callbacks]]`; default nothing.",
                "type": "array",
                "items": callback,
            },
        },
        "required": ["input", "layers"],
        "additionalProperties": false,
        "$defs": definitions,
    })
}

/// The schema of a sweep.toml. What a grid or a variant sets is checked by the program, which knows the models.
pub(crate) fn sweep() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let threshold = generator.subschema_for::<Threshold>().to_value();
    let cost = generator.subschema_for::<Cost>().to_value();
    let mut definitions = generator.take_definitions(true);
    definitions.values_mut().for_each(as_toml);
    let text = |description: &str| json!({ "description": description, "type": "string" });
    let model = text("The model of every row: a preset, or a file beside this one.");
    let seed = json!({ "type": "integer", "minimum": 0 });
    json!({
        "$schema": DIALECT,
        "title": "sweep.toml",
        "description": "What `cnn experiment` compares: rows, each trained once with every seed.",
        "type": "object",
        "properties": {
            "name": text("What the experiment is called; default the file's name."),
            "model": model,
            "data": text("The data set, as `--data` names it."),
            "seeds": {
                "description": "How many seeds, or the seeds themselves; default 5.",
                "anyOf": [
                    { "type": "integer", "minimum": 1, "maximum": MAX_SEEDS },
                    { "type": "array", "items": seed, "minItems": 1, "maxItems": MAX_SEEDS },
                ],
            },
            "threshold": threshold,
            "baseline": text("The row that the others are compared with; default the best."),
            "cost": cost,
            "eval_train": {
                "description": "Whether the training images are measured with the final weights too; default false.",
                "type": "boolean",
            },
            "grid": {
                "description": "Every combination of these values. A key is a path, such as `layers.Conv2D.filters` or `fit.batch_size`.",
                "type": "object",
                "additionalProperties": { "type": "array", "minItems": 1 },
            },
            "variants": {
                "description": "Rows with a name; each is multiplied by the grid.",
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": text("What the row is called."),
                        "model": text("Its model, in place of the sweep's."),
                        "set": {
                            "description": "What is different in it: paths as in the grid, each with one value; `insert.after.NAME = { … }` adds a layer, `repeat.NAME = 0` leaves one out.",
                            "type": "object",
                        },
                    },
                    "required": ["name"],
                    "additionalProperties": false,
                },
            },
        },
        "additionalProperties": false,
        "$defs": definitions,
    })
}

/// With a meaning of its own at this place.
fn described(mut schema: Value, meaning: &str) -> Value {
    schema["description"] = meaning.into();
    schema
}

/// TOML has no null: an optional key is one that may be absent. Formats of numbers are Rust's, and no validator knows them.
fn as_toml(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("format");
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = first_paragraph(text);
            }
            match map.get_mut("default") {
                Some(Value::Null) => drop(map.remove("default")),
                Some(default) => default_as_toml(default),
                None => {}
            }
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(any)) = map.get_mut("anyOf") {
                any.retain(|choice| choice["type"] != "null");
                if let [Value::Object(only)] = any.as_mut_slice() {
                    let only = std::mem::take(only);
                    map.remove("anyOf");
                    map.extend(only);
                }
            }
            map.iter_mut().filter(|(key, _)| *key != "default").for_each(|(_, v)| as_toml(v));
        }
        Value::Array(items) => items.iter_mut().for_each(as_toml),
        _ => {}
    }
}

/// serde's form of a variant with its settings, `{"Adam": {…}}`, is its name: defaults are made of defaults. A number that was
/// rounded to f32 has the digits of that.
fn default_as_toml(default: &mut Value) {
    match default {
        Value::Object(map) => {
            if let Some((name, Value::Object(_))) = map.iter().next().filter(|_| map.len() == 1) {
                *default = name.clone().into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(default_as_toml),
        Value::Number(number) if number.is_f64() => {
            let exact = number.as_f64().unwrap();
            let single = exact as f32;
            if f64::from(single).to_bits() == exact.to_bits() {
                let short: f64 = single.to_string().parse().unwrap();
                *number = Number::from_f64(short).unwrap();
            }
        }
        _ => {}
    }
}

/// Tables with a `type` may have its other spelling; where no key is required, the bare name stands for the table.
fn choices(definition: &mut Value) {
    let Some(Value::Array(branches)) = definition.get_mut("oneOf") else { return };
    let mut bare = Vec::new();
    for branch in branches.iter_mut().filter_map(Value::as_object_mut) {
        let alias = branch.remove("alias");
        if let Some(name) = branch.remove("const") {
            branch.remove("type");
            let names: Vec<Value> = [name].into_iter().chain(alias).collect();
            branch.insert("enum".to_owned(), names.into());
            continue;
        }
        let Some(Value::Object(keys)) = branch.get_mut("properties") else { continue };
        let Some(tag) = keys.get("type").map(|tag| tag["const"].clone()) else { continue };
        let names: Vec<Value> = [tag].into_iter().chain(alias).collect();
        keys.insert("type".to_owned(), json!({ "enum": names.clone() }));
        branch.insert("additionalProperties".to_owned(), false.into());
        if branch.get("required") == Some(&json!(["type"])) {
            bare.extend(names);
        }
    }
    if !bare.is_empty() {
        branches.push(json!({ "description": "By its name, with its defaults.", "enum": bare }));
    }
}

/// A layer of `[[layers]]`, which may have a name; those inside of blocks have none. Unlike them it is always a table.
fn named_layer(definitions: &Map<String, Value>) -> Value {
    let mut layer = definitions["LayerSpec"].clone();
    if let Some(Value::Array(branches)) = layer.get_mut("oneOf") {
        for keys in branches.iter_mut().filter_map(|branch| branch.get_mut("properties")) {
            keys["name"] = json!({
                "description": "What the layer is called; default Keras's name for it, such as `conv2d_1`.",
                "type": "string",
            });
        }
    }
    layer
}

/// A schema as a file: what fits into a line stands in one.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out.push('\n');
    out
}

fn write(value: &Value, depth: usize, out: &mut String) {
    let line = value.to_string();
    let room = 110usize.saturating_sub(2 * depth);
    let indent = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    match value {
        Value::Object(map) if line.chars().count() > room => {
            out.push('{');
            for (i, (key, item)) in map.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                indent(out, depth + 1);
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push_str(": ");
                write(item, depth + 1, out);
            }
            indent(out, depth);
            out.push('}');
        }
        Value::Array(items) if line.chars().count() > room => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                indent(out, depth + 1);
                write(item, depth + 1, out);
            }
            indent(out, depth);
            out.push(']');
        }
        _ => out.push_str(&line),
    }
}

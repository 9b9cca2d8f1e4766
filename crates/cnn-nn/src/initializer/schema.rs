//! What model.toml may say of an initializer, for the reference and for editors.

use super::{Distribution, Initializer, NAMED, Scaling};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

impl JsonSchema for Initializer {
    fn schema_name() -> Cow<'static, str> {
        "Initializer".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let named = |(name, initializer): &(&str, Initializer)| json_schema!({ "description": about(*initializer), "enum": [name] });
        let table = |key: &str, about: &str, value: Schema| {
            let mut value = value;
            value.insert("description".to_owned(), about.into());
            json_schema!({
                "type": "object",
                "properties": { key: value },
                "additionalProperties": false,
                "required": [key],
            })
        };
        let number = |example: f64| json_schema!({ "type": "number", "examples": [example] });
        let deviation = || json_schema!({ "type": "number", "minimum": 0, "examples": [0.05] });
        let numbers = json_schema!({ "type": "number" });
        let range = json_schema!({
            "type": "array",
            "items": numbers,
            "minItems": 2,
            "maxItems": 2,
            "examples": [[-0.05, 0.05]],
        });
        let mut all: Vec<Schema> = NAMED.iter().map(named).collect();
        all.extend([
            table("constant", "Every weight is this number.", number(0.1)),
            table("normal", "Normal with mean 0 and this deviation.", deviation()),
            table(
                "truncated_normal",
                "Normal with mean 0 and this deviation, cut off at two deviations.",
                deviation(),
            ),
            table("uniform", "Uniform from the first number to the second.", range),
        ]);
        json_schema!({
            "title": r#"a name such as "he_normal", or a table such as { constant = 0.1 }"#,
            "anyOf": all,
        })
    }
}

/// What an initializer with a name is.
fn about(initializer: Initializer) -> String {
    match initializer {
        Initializer::Constant(value) => format!("Every weight is {value}."),
        Initializer::Scaled(scaling, distribution) => {
            let (variance, source) = match scaling {
                Scaling::Glorot => ("2/(fan in + fan out)", "Glorot and Bengio 2010"),
                Scaling::He => ("2/fan in, for relu", "He et al. 2015"),
                Scaling::Lecun => ("1/fan in, for selu", "LeCun et al. 1998"),
            };
            match distribution {
                Distribution::Uniform => format!("Uniform with variance {variance}; {source}."),
                Distribution::Normal => {
                    format!(
                        "Normal, cut off at two deviations, with variance {variance}; {source}."
                    )
                }
            }
        }
        Initializer::Orthogonal => {
            "Orthonormal columns, or rows where there are fewer rows; Saxe et al. 2014.".to_owned()
        }
        Initializer::Identity => {
            "The input passed on: an identity matrix, in a convolution at the middle pixel."
                .to_owned()
        }
        Initializer::Uniform { .. } | Initializer::Normal(_) | Initializer::TruncatedNormal(_) => {
            String::new()
        }
    }
}

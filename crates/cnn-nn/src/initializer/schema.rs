//! What model.toml may say of an initializer, for the reference and for editors.

use super::text::{NAMED, USUALLY, class};
use super::{Distribution, Initializer, Scaling};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

impl JsonSchema for Initializer {
    fn schema_name() -> Cow<'static, str> {
        "Initializer".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let named = |(name, initializer): (&str, Initializer)| json_schema!({ "description": about(initializer), "enum": [name, class(name)] });
        let usual = |(key, initializer, keras): (&str, Initializer, &str)| {
            let mut names = vec![key.to_owned(), keras.to_owned(), class(keras)];
            names.dedup();
            json_schema!({ "description": about(initializer), "enum": names })
        };
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
        let mut all: Vec<Schema> = NAMED.into_iter().map(named).collect();
        all.extend(USUALLY.into_iter().map(usual));
        all.extend([
            table("constant", "Every weight is this number.", number(0.1)),
            table("identity", "The input times this number.", number(0.5)),
            table("normal", "Normal with mean 0 and this deviation.", deviation()),
            table("orthogonal", "Orthonormal columns or rows times this number.", number(2.0)),
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
        Initializer::Orthogonal(_) => {
            "Orthonormal columns, or rows where there are fewer rows; Saxe et al. 2014. `{ orthogonal = 2.0 }` has them longer."
                .to_owned()
        }
        Initializer::Identity(_) => {
            "The input passed on: an identity matrix, in a convolution at the middle pixel (PyTorch's `dirac_`). \
             `{ identity = 0.5 }` passes on half of it."
                .to_owned()
        }
        Initializer::Uniform { low, high } => format!(
            "Uniform from {low} to {high}; `{{ uniform = [-0.1, 0.1] }}` has other limits."
        ),
        Initializer::Normal(deviation) => format!(
            "Normal with mean 0 and deviation {deviation}; `{{ normal = 0.1 }}` has another deviation."
        ),
        Initializer::TruncatedNormal(deviation) => format!(
            "Normal with mean 0 and deviation {deviation}, cut off at two deviations; `{{ truncated_normal = 0.1 }}` has another."
        ),
    }
}

//! How much the images of each class count in the loss.

use super::fit::error;
use crate::layer::BuildError;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// How much the images of each class count in training.
///
/// The loss of a batch is Σ wᵢ lᵢ / n, with wᵢ the weight of image i's class and n the number of images: Keras's
/// `fit(class_weight=…)` with its reduction `sum_over_batch_size`. `PyTorch`'s `CrossEntropyLoss(weight=…)` divides by Σ wᵢ
/// instead, so its steps are longer or shorter. As in Keras, weights act in training only: validation and test losses and every
/// accuracy count all images alike. Of an image that is mixed from two, the class with the larger share decides.
///
/// In `model.toml`: `class_weight = [1.0, 2.0, …]`, one for each class; `{ 6 = 2.0 }`, where a class that is not named counts 1,
/// as in Keras; or `"balanced"`, computed from the training images as scikit-learn does: n / (k · n of the class), with k the
/// classes that occur.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ClassWeight {
    /// All images count 1.
    #[default]
    Equal,
    /// The same total for each class.
    Balanced,
    /// One for each class.
    All(Vec<f64>),
    /// Of some classes, by number; the others count 1.
    Some(BTreeMap<usize, f64>),
}

impl ClassWeight {
    /// Whether all images count 1: what `skip_serializing_if` asks.
    pub fn is_equal(&self) -> bool {
        *self == Self::Equal
    }

    /// The weight of each class; empty where all count 1, or before the images of each class are known.
    ///
    /// # Errors
    /// Another number of weights than classes, a class that there is not, or a weight that is negative or no number.
    pub(crate) fn build(&self, classes: usize) -> Result<Vec<f32>, BuildError> {
        let wrong =
            |message: String, hint: &str| Err(error(Some("class_weight"), "M069", message, hint));
        let weights = match self {
            Self::Equal | Self::Balanced => return Ok(Vec::new()),
            Self::All(weights) if weights.len() != classes => {
                let message = format!(
                    "class_weight has {} weights, but there are {classes} classes",
                    weights.len()
                );
                return wrong(message, "give one for each class, or name some: { 0 = 2.0 }");
            }
            Self::All(weights) => weights.clone(),
            Self::Some(some) => {
                let mut weights = vec![1.0; classes];
                for (&class, &weight) in some {
                    let Some(place) = weights.get_mut(class) else {
                        let message = format!(
                            "class_weight names class {class}, but there are {classes} classes"
                        );
                        return wrong(message, &format!("classes are 0 to {}", classes - 1));
                    };
                    *place = weight;
                }
                weights
            }
        };
        if let Some(class) =
            weights.iter().position(|weight| !(0.0..=f64::from(f32::MAX)).contains(weight))
        {
            let message = format!(
                "the class_weight of class {class} is {}: it must be 0 or more",
                weights[class]
            );
            return wrong(message, "1 counts an image as it is, 2 twice");
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return wrong(
                "every class_weight is 0: no image counts".into(),
                "at least one must be above 0",
            );
        }
        Ok(weights.iter().map(|&weight| weight as f32).collect())
    }

    /// The balanced weights of classes with so many images: scikit-learn's `compute_class_weight("balanced")`. A class without
    /// images, whose weight nothing asks for, has 1.
    ///
    /// ```
    /// assert_eq!(cnn_nn::losses::ClassWeight::balanced(&[6, 2, 0]), [8.0 / 12.0, 2.0, 1.0]);
    /// ```
    pub fn balanced(images: &[u64]) -> Vec<f32> {
        let total: u64 = images.iter().sum();
        let there = images.iter().filter(|n| **n > 0).count() as f64;
        let weight = |&n: &u64| if n == 0 { 1.0 } else { total as f64 / (there * n as f64) };
        images.iter().map(|n| weight(n) as f32).collect()
    }
}

impl Serialize for ClassWeight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Equal => serializer.serialize_str("equal"),
            Self::Balanced => serializer.serialize_str("balanced"),
            Self::All(weights) => weights.serialize(serializer),
            Self::Some(some) => {
                let mut map = serializer.serialize_map(Some(some.len()))?;
                for (class, weight) in some {
                    map.serialize_entry(&class.to_string(), weight)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

impl JsonSchema for ClassWeight {
    fn schema_name() -> Cow<'static, str> {
        "ClassWeight".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": r#""balanced", a list such as [1.0, 2.0], or a table such as { 0 = 2.0 }"#,
            "anyOf": [
                { "enum": ["balanced", "equal"] },
                { "type": "array", "items": { "type": "number", "minimum": 0 } },
                {
                    "type": "object",
                    "patternProperties": { "^[0-9]+$": { "type": "number", "minimum": 0 } },
                    "additionalProperties": false,
                },
            ],
        })
    }
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = ClassWeight;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"balanced\", a list such as [1.0, 2.0], or a table such as { 0 = 2.0 }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ClassWeight, E> {
        match text {
            "balanced" => Ok(ClassWeight::Balanced),
            "equal" => Ok(ClassWeight::Equal),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ClassWeight, A::Error> {
        let mut weights = Vec::new();
        while let Some(weight) = list.next_element()? {
            weights.push(weight);
        }
        Ok(ClassWeight::All(weights))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<ClassWeight, A::Error> {
        let mut some = BTreeMap::new();
        while let Some(key) = table.next_key::<String>()? {
            let Ok(class) = key.parse() else {
                return Err(de::Error::custom(format!(
                    "class_weight: `{key}` is no class: they are numbers from 0"
                )));
            };
            some.insert(class, table.next_value()?);
        }
        Ok(ClassWeight::Some(some))
    }
}

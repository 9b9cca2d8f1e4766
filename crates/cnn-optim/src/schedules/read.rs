//! A learning rate from a file: a number, or a table with a `type`.

use super::{LearningRate, ScheduleSpec, Type};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

impl Serialize for LearningRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Constant(rate) => serializer.serialize_f64(*rate),
            Self::Schedule(spec) => spec.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for LearningRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visit)
    }
}

impl JsonSchema for LearningRate {
    fn schema_name() -> Cow<'static, str> {
        "LearningRate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "a number such as 0.001, or a schedule",
            "anyOf": [
                { "type": "number", "minimum": 0 },
                generator.subschema_for::<ScheduleSpec>(),
            ],
        })
    }
}

const NO_TYPE: &str = "a table with a `type`, such as { type = \"OneCycle\", max_lr = 0.01 }";

struct Visit;

impl<'de> Visitor<'de> for Visit {
    type Value = LearningRate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a number such as 0.001, or a schedule such as { type = \"OneCycle\", max_lr = 0.01 }",
        )
    }

    fn visit_f64<E: Error>(self, rate: f64) -> Result<LearningRate, E> {
        Ok(LearningRate::Constant(rate))
    }

    fn visit_u64<E: Error>(self, rate: u64) -> Result<LearningRate, E> {
        Ok(LearningRate::Constant(rate as f64))
    }

    fn visit_i64<E: Error>(self, rate: i64) -> Result<LearningRate, E> {
        Ok(LearningRate::Constant(rate as f64))
    }

    /// `type` first and then the settings; or, as serde itself writes an enum, the settings under the type's name.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LearningRate, A::Error> {
        let key = map.next_key::<Cow<'de, str>>()?.unwrap_or_default();
        let spec = if key == "type" {
            let kind = map.next_value::<Type>()?;
            ScheduleSpec::read(kind, MapAccessDeserializer::new(map))?
        } else {
            let name: StrDeserializer<'_, A::Error> = StrDeserializer::new(&key);
            let kind = Type::deserialize(name).map_err(|_| A::Error::custom(NO_TYPE))?;
            map.next_value_seed(Settings(kind))?
        };
        Ok(LearningRate::Schedule(spec))
    }
}

/// The settings of a type that is known.
struct Settings(Type);

impl<'de> serde::de::DeserializeSeed<'de> for Settings {
    type Value = ScheduleSpec;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<ScheduleSpec, D::Error> {
        ScheduleSpec::read(self.0, deserializer)
    }
}

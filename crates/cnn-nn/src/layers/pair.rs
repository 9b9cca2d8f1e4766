//! `3` or `[3, 3]`: a size for height and width.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// Height and width. One number in `model.toml` stands for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Along the height.
    pub h: usize,
    /// Along the width.
    pub w: usize,
}

impl From<usize> for Pair {
    fn from(both: usize) -> Self {
        Self { h: both, w: both }
    }
}

impl From<[usize; 2]> for Pair {
    fn from([h, w]: [usize; 2]) -> Self {
        Self { h, w }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a whole number such as 3, or two of them such as [3, 3]")]
enum Written {
    Both(usize),
    Each([usize; 2]),
}

impl JsonSchema for Pair {
    fn schema_name() -> Cow<'static, str> {
        "Pair".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "a whole number such as 3, or two of them such as [3, 3]",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                {
                    "type": "array",
                    "items": { "type": "integer", "minimum": 0 },
                    "minItems": 2,
                    "maxItems": 2,
                },
            ],
        })
    }
}

impl Serialize for Pair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written =
            if self.h == self.w { Written::Both(self.h) } else { Written::Each([self.h, self.w]) };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Both(both) => both.into(),
            Written::Each(each) => each.into(),
        })
    }
}

//! What training does where the loss, or a weight, is no longer a number.
//!
//! It is looked for after every step in the loss, and after every epoch in the weights. A step whose loss is no number changes no
//! weights, so what made it so is still there to be named. Keras goes on, with NaN for all weights.
//!
//! ```toml
//! [fit]
//! on_nan = "stop"                          # the default: say where, keep the last good checkpoint
//! on_nan = "rollback"                      # the same as the next line
//! on_nan = { rollback = 0.5, times = 3 }   # back to the epoch's beginning, on with half the rate; at most three times
//! ```
//!
//! Where training goes back to depends on the run alone, never on when a checkpoint was written: so a run that goes back, and is
//! killed before or after that, ends with the same bits as one that nothing has interrupted.

use cnn_callbacks::Text;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// What is done where the loss, or a weight, is NaN or infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum OnNan {
    /// Training ends, as diverged.
    #[default]
    Stop,
    /// Training goes back to the beginning of the epoch, and on with a smaller learning rate.
    Rollback {
        /// What the learning rate is multiplied with, on top of what schedules and callbacks make of it: 0 < factor < 1.
        factor: f64,
        /// How often in a run, 1 to 100; the next time it ends as with [`OnNan::Stop`].
        times: u32,
    },
}

impl OnNan {
    /// Half the rate, three times.
    pub const ROLLBACK: Self = Self::Rollback { factor: 0.5, times: 3 };

    /// Whether training ends with the first number that is none.
    pub fn is_stop(&self) -> bool {
        *self == Self::Stop
    }
}

/// The words that `on_nan` may be.
const WORDS: [&str; 2] = ["stop", "rollback"];

/// The table that it may be.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default = "half")]
    rollback: f64,
    #[serde(default = "thrice")]
    times: u32,
}

fn half() -> f64 {
    0.5
}

fn thrice() -> u32 {
    3
}

impl Serialize for OnNan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Stop => serializer.serialize_str(WORDS[0]),
            Self::Rollback { factor, times } => {
                Table { rollback: factor, times }.serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for OnNan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visit)
    }
}

impl JsonSchema for OnNan {
    fn schema_name() -> Cow<'static, str> {
        "OnNan".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "\"stop\", \"rollback\", or a table such as { rollback = 0.5, times = 3 }",
            "anyOf": [
                { "enum": WORDS },
                {
                    "type": "object",
                    "properties": {
                        "rollback": {
                            "description": "What the learning rate is multiplied with each time; between 0 and 1.",
                            "type": "number",
                            "exclusiveMinimum": 0,
                            "exclusiveMaximum": 1,
                            "default": 0.5,
                        },
                        "times": {
                            "description": "How often in a run, 1 to 100.",
                            "type": "integer",
                            "minimum": 1,
                            "maximum": 100,
                            "default": 3,
                        },
                    },
                    "additionalProperties": false,
                },
            ],
        })
    }
}

struct Visit;

impl<'de> Visitor<'de> for Visit {
    type Value = OnNan;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"stop\", \"rollback\", or a table such as { rollback = 0.5, times = 3 }")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<OnNan, E> {
        match word {
            "stop" => Ok(OnNan::Stop),
            "rollback" => Ok(OnNan::ROLLBACK),
            other => Err(E::unknown_variant(other, &WORDS)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OnNan, A::Error> {
        let Table { rollback, times } = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(OnNan::Rollback { factor: rollback, times })
    }
}

/// That training went back, for the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollback {
    /// Number of the epoch, from 0.
    pub epoch: usize,
    /// Which step of the run it was, from 1.
    pub step: u64,
    /// What was no number, as shown to people.
    pub what: Text,
    /// Steps that were taken where training went back to.
    pub to_step: u64,
    /// What the learning rate is multiplied with from there on, in all.
    pub learning_rate_factor: f64,
}

//! How an initializer is written and read: by a name of Keras's, or as a table with one key.

use super::{Distribution, Initializer, Scaling};
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Names, and what they stand for: how these are written.
pub(super) const NAMED: [(&str, Initializer); 10] = [
    ("glorot_normal", Initializer::Scaled(Scaling::Glorot, Distribution::Normal)),
    ("glorot_uniform", Initializer::GLOROT_UNIFORM),
    ("he_normal", Initializer::Scaled(Scaling::He, Distribution::Normal)),
    ("he_uniform", Initializer::Scaled(Scaling::He, Distribution::Uniform)),
    ("identity", Initializer::Identity(1.0)),
    ("lecun_normal", Initializer::Scaled(Scaling::Lecun, Distribution::Normal)),
    ("lecun_uniform", Initializer::Scaled(Scaling::Lecun, Distribution::Uniform)),
    ("ones", Initializer::ONES),
    ("orthogonal", Initializer::Orthogonal(1.0)),
    ("zeros", Initializer::ZEROS),
];

/// Keras's deviation and limit where only a name is given.
const USUAL: f32 = 0.05;

/// The key of a table, what its name alone stands for, and Keras's name for that.
pub(super) const USUALLY: [(&str, Initializer, &str); 3] = [
    ("normal", Initializer::Normal(USUAL), "random_normal"),
    ("truncated_normal", Initializer::TruncatedNormal(USUAL), "truncated_normal"),
    ("uniform", Initializer::Uniform { low: -USUAL, high: USUAL }, "random_uniform"),
];

/// What an initializer may be, for errors.
const KNOWN: &[&str] = &[
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "truncated_normal",
    "uniform",
    "zeros",
    "{ constant = 0.1 }",
    "{ identity = 0.5 }",
    "{ normal = 0.05 }",
    "{ orthogonal = 2.0 }",
    "{ truncated_normal = 0.05 }",
    "{ uniform = [-0.05, 0.05] }",
];

/// Keras's class of this name: `HeNormal` of `he_normal`.
pub(super) fn class(name: &str) -> String {
    let part = |part: &str| part[..1].to_uppercase() + &part[1..];
    name.split('_').map(part).collect()
}

/// What a name stands for, in any of its spellings.
fn of_name(given: &str) -> Option<Initializer> {
    let is = |name: &str| given == name || given == class(name);
    let named = NAMED.into_iter().find(|(name, _)| is(name)).map(|(_, named)| named);
    let mut usually = USUALLY.into_iter();
    named.or_else(|| {
        usually.find(|(key, _, keras)| given == *key || is(keras)).map(|(_, usual, _)| usual)
    })
}

impl Serialize for Initializer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some((name, _)) = NAMED.iter().find(|(_, named)| named == self) {
            return serializer.serialize_str(name);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Uniform { low, high } => map.serialize_entry("uniform", &[low, high])?,
            Self::Normal(stddev) => map.serialize_entry("normal", stddev)?,
            Self::TruncatedNormal(stddev) => map.serialize_entry("truncated_normal", stddev)?,
            Self::Constant(value) => map.serialize_entry("constant", value)?,
            Self::Orthogonal(gain) => map.serialize_entry("orthogonal", gain)?,
            Self::Identity(gain) => map.serialize_entry("identity", gain)?,
            Self::Scaled(..) => {}
        }
        map.end()
    }
}

/// From a name, or from a table with one key.
impl<'de> Deserialize<'de> for Initializer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;

        impl<'de> Visitor<'de> for Visit {
            type Value = Initializer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name such as \"he_normal\", or a table such as { constant = 0.1 }")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Initializer, E> {
                of_name(name).ok_or_else(|| E::unknown_variant(name, KNOWN))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Initializer, A::Error> {
                #[derive(Deserialize)]
                #[serde(field_identifier, rename_all = "snake_case")]
                enum Key {
                    Constant,
                    Identity,
                    Normal,
                    Orthogonal,
                    TruncatedNormal,
                    Uniform,
                }
                let Some(key) = map.next_key()? else {
                    return Err(de::Error::custom(
                        "a table with one key, such as { constant = 0.1 }, or a name such as \"he_normal\"",
                    ));
                };
                let initializer = match key {
                    Key::Constant => Initializer::Constant(map.next_value()?),
                    Key::Identity => Initializer::Identity(map.next_value()?),
                    Key::Normal => Initializer::Normal(map.next_value()?),
                    Key::Orthogonal => Initializer::Orthogonal(map.next_value()?),
                    Key::TruncatedNormal => Initializer::TruncatedNormal(map.next_value()?),
                    Key::Uniform => {
                        let [low, high] = map.next_value()?;
                        Initializer::Uniform { low, high }
                    }
                };
                match map.next_key::<Key>()? {
                    None => Ok(initializer),
                    Some(_) => Err(de::Error::custom(
                        "one of constant, identity, normal, orthogonal, truncated_normal, uniform is enough",
                    )),
                }
            }
        }

        deserializer.deserialize_any(Visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: serde_json::Value) -> Option<Initializer> {
        serde_json::from_value(value).ok()
    }

    #[test]
    fn names_are_read_in_every_spelling_of_keras_and_written_as_before() {
        for (name, named) in NAMED {
            assert_eq!(read(name.into()), Some(named));
            assert_eq!(read(class(name).into()), Some(named), "{}", class(name));
            assert_eq!(serde_json::to_value(named).unwrap(), name);
            assert!(KNOWN.contains(&name), "{name}");
        }
        for (key, usual, keras) in USUALLY {
            for spelling in [key, keras, &class(keras)] {
                assert_eq!(read(spelling.into()), Some(usual), "{spelling}");
            }
            let written = serde_json::to_value(usual).unwrap();
            assert!(written.get(key).is_some() && read(written) == Some(usual), "{key}");
            assert!(KNOWN.contains(&key) && KNOWN.contains(&keras), "{key}");
        }
        assert_eq!(class("truncated_normal"), "TruncatedNormal");
        for unknown in ["", "HEnormal", "Normal", "constant", "dirac"] {
            assert_eq!(read(unknown.into()), None, "{unknown}");
        }
    }

    #[test]
    fn a_gain_is_read_and_written() {
        for (initializer, text) in [
            (Initializer::Orthogonal(2.0), r#"{"orthogonal":2.0}"#),
            (Initializer::Identity(0.5), r#"{"identity":0.5}"#),
        ] {
            assert_eq!(serde_json::to_string(&initializer).unwrap(), text);
            assert_eq!(read(serde_json::from_str(text).unwrap()), Some(initializer));
        }
    }
}

//! From TOML values with spans to serde's types, keeping the place of every mistake.
//!
//! A table with `type = "Adam"`, or the bare string `"adam"`, is handed to serde as an externally tagged enum. serde's own
//! internally tagged enums would do that too, but they copy the table first and lose every span on the way.

use super::fault::{Fault, Hint, Kind, Step};
use super::patch::{Gap, Patches};
use super::tree::{Data, Entry, Node, Table};
use serde::de::{
    self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

/// One value to lower.
#[derive(Clone, Copy)]
pub(super) struct Value<'de> {
    pub(super) node: &'de Node,
    pub(super) patches: &'de Patches,
    /// Keys that whoever called reads by other means; only at the top of an item.
    pub(super) common: &'de [&'static str],
}

impl<'de> Value<'de> {
    fn nested(self, node: &'de Node) -> Self {
        Self { node, patches: self.patches, common: &[] }
    }

    fn fields(self, table: Option<&'de Table>, tagged: bool) -> Fields<'de> {
        let skip = |key: &str| tagged && key == "type" || self.common.contains(&key);
        let keep = |entry: &&Entry| !skip(&entry.key) && !self.patches.is_dropped(entry.value.id());
        let mut entries: Vec<_> =
            table.iter().flat_map(|table| &table.entries).filter(keep).collect();
        // Whoever reads a table by hand learns first what it is.
        entries.sort_by_key(|entry| entry.key != "type");
        let gaps = self.patches.gaps(self.node.id());
        Fields { owner: self, entries: entries.into_iter(), gaps, next: None }
    }

    /// The fields of a variant: what its table holds beside `type`, or nothing for a bare name.
    fn content(self) -> Fields<'de> {
        self.fields(self.node.table(), true)
    }

    fn visit_fields<V: Visitor<'de>>(
        self,
        fields: Fields<'de>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(fields).map_err(|fault| fault.in_table(self.node.id(), &self.node.span))
    }

    fn elements<V: Visitor<'de>>(self, array: &'de [Node], visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(Elements { owner: self, array, at: 0 })
    }

    fn integer(self) -> Result<i128, Fault> {
        let hint = match &self.node.data {
            Data::Integer(number) => return Ok(*number),
            Data::Float(Some(x)) if x.fract() == 0.0 && x.abs() < 1e15 => Hint::Whole,
            Data::Text(text) if text.trim().parse::<i64>().is_ok() => Hint::Unquote,
            _ => Hint::None,
        };
        Err(Fault::wrong("a whole number", hint))
    }
}

macro_rules! integers {
    ($($method:ident => $visit:ident($type:ty, $range:literal)),+ $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let number = self.integer()?;
            let fits = <$type>::try_from(number).map_err(|_| Fault::wrong($range, Hint::None))?;
            visitor.$visit(fits)
        })+
    };
}

impl<'de> de::Deserializer<'de> for Value<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.data {
            Data::Text(text) => {
                visitor.visit_borrowed_str(self.patches.name_of(self.node.id()).unwrap_or(text))
            }
            Data::Integer(number) => match *number {
                n if u64::try_from(n).is_ok() => visitor.visit_u64(n as u64),
                n if i64::try_from(n).is_ok() => visitor.visit_i64(n as i64),
                n => visitor.visit_i128(n),
            },
            Data::Float(_) => self.deserialize_f64(visitor),
            Data::Flag(yes) => visitor.visit_bool(*yes),
            Data::Date => Err(de::Error::invalid_type(de::Unexpected::Other("date"), &visitor)),
            Data::List(array) => self.elements(array, visitor),
            Data::Table(table) => self.visit_fields(self.fields(Some(table), false), visitor),
        }
    }

    integers! {
        deserialize_u8 => visit_u8(u8, "a whole number from 0 to 255"),
        deserialize_u16 => visit_u16(u16, "a whole number from 0 to 65,535"),
        deserialize_u32 => visit_u32(u32, "a whole number from 0 to 4,294,967,295"),
        deserialize_u64 => visit_u64(u64, "a whole number, 0 or more"),
        deserialize_i8 => visit_i8(i8, "a whole number from −128 to 127"),
        deserialize_i16 => visit_i16(i16, "a whole number from −32,768 to 32,767"),
        deserialize_i32 => visit_i32(i32, "a whole number of at most 31 bits"),
        deserialize_i64 => visit_i64(i64, "a whole number of at most 63 bits"),
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.data {
            Data::Integer(number) => visitor.visit_f64(*number as f64),
            Data::Float(Some(number)) => visitor.visit_f64(*number),
            Data::Float(None) => Err(Fault::wrong("a number below 1.8e308", Hint::None)),
            Data::Text(text) if text.trim().parse::<f64>().is_ok() => {
                Err(Fault::wrong("a number", Hint::Unquote))
            }
            _ => Err(Fault::wrong("a number", Hint::None)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.data {
            Data::Flag(yes) => visitor.visit_bool(*yes),
            Data::Text(text) if matches!(text.as_str(), "true" | "false") => {
                Err(Fault::wrong("true or false", Hint::Unquote))
            }
            _ => Err(Fault::wrong("true or false", Hint::None)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.data {
            Data::Text(text) => {
                visitor.visit_borrowed_str(self.patches.name_of(self.node.id()).unwrap_or(text))
            }
            _ => Err(Fault::wrong("a text in quotes", Hint::None)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.data {
            Data::List(array) => self.elements(array, visitor),
            Data::Table(_) => Err(Fault::wrong("a list in square brackets", Hint::None)),
            _ => Err(Fault::wrong("a list in square brackets", Hint::Bracket)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.data {
            // serde takes what it wants of a list and would let the rest pass.
            Data::List(array) if array.len() > len => {
                Err(de::Error::invalid_length(array.len(), &visitor))
            }
            _ => self.deserialize_seq(visitor),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.data {
            Data::Table(table) => self.visit_fields(self.fields(Some(table), false), visitor),
            _ => Err(Fault::wrong("a table", Hint::None)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.data {
            Data::Text(_) => {
                visitor.visit_enum(Tagged { owner: self, tag: self.node, entry: None })
            }
            Data::Table(table) => match table.get("type") {
                Some(entry) if !self.patches.is_dropped(entry.value.id()) => visitor
                    .visit_enum(Tagged { owner: self, tag: &entry.value, entry: Some(entry) }),
                _ => {
                    let mut fault = Fault::new(Kind::MissingType { known });
                    fault.span = Some(self.node.span.clone());
                    Err(fault)
                }
            },
            _ => Err(Fault::wrong("a name in quotes", Hint::None)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { i128 u128 char bytes byte_buf unit unit_struct identifier }
}

/// The entries of a table in the order of the file, then stand-ins for missing keys.
pub(super) struct Fields<'de> {
    owner: Value<'de>,
    entries: std::vec::IntoIter<&'de Entry>,
    gaps: std::vec::IntoIter<&'static str>,
    next: Option<&'de Entry>,
}

fn step(entry: &Entry) -> Step {
    let key = Some(entry.key.clone());
    Step { id: entry.value.id(), key, value: entry.value.span.clone(), entry: entry.whole() }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        if let Some(entry) = self.entries.next() {
            self.next = Some(entry);
            let key = de::value::BorrowedStrDeserializer::new(&entry.key);
            return seed.deserialize(key).map(Some).map_err(|mut fault: Fault| {
                fault.span = Some(entry.span.clone());
                fault.inside(|| step(entry))
            });
        }
        self.next = None;
        self.gaps.next().map(|field| seed.deserialize(field.into_deserializer())).transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let Some(entry) = self.next.take() else {
            return seed.deserialize(Gap);
        };
        let value = self.owner.nested(&entry.value);
        seed.deserialize(value).map_err(|fault| fault.inside(|| step(entry)))
    }
}

struct Elements<'de> {
    owner: Value<'de>,
    array: &'de [Node],
    at: usize,
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.array.get(self.at) else { return Ok(None) };
        self.at += 1;
        if self.owner.patches.is_dropped(node.id()) {
            return seed.deserialize(Gap).map(Some);
        }
        let place = || Step {
            id: node.id(),
            key: None,
            value: node.span.clone(),
            entry: node.span.clone(),
        };
        seed.deserialize(self.owner.nested(node)).map(Some).map_err(|fault| fault.inside(place))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.array.len().saturating_sub(self.at).min(1024))
    }
}

/// A name that chooses a variant, with the table that holds the variant's fields, if there is one.
struct Tagged<'de> {
    owner: Value<'de>,
    tag: &'de Node,
    entry: Option<&'de Entry>,
}

impl<'de> EnumAccess<'de> for Tagged<'de> {
    type Error = Fault;
    type Variant = Variant<'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, Variant<'de>), Fault> {
        let name = match &self.tag.data {
            Data::Text(text) => Ok(self.owner.patches.name_of(self.tag.id()).unwrap_or(text)),
            _ => Err(Fault::wrong("a name in quotes", Hint::None)),
        };
        let chosen =
            name.and_then(|name| seed.deserialize(de::value::BorrowedStrDeserializer::new(name)));
        match chosen {
            Ok(variant) => Ok((variant, Variant(self.owner))),
            Err(fault) => Err(match self.entry {
                Some(entry) => fault.inside(|| step(entry)),
                None => fault,
            }),
        }
    }
}

struct Variant<'de>(Value<'de>);

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        let mut fields = self.0.content();
        match fields.entries.next() {
            None => Ok(()),
            Some(entry) => {
                let found = entry.key.clone();
                let mut fault = Fault::new(Kind::UnknownKey { found, known: &[] });
                fault.span = Some(entry.span.clone());
                Err(fault.inside(|| step(entry)))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(Content(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.0.visit_fields(self.0.content(), visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.0.visit_fields(self.0.content(), visitor)
    }
}

/// The fields of a newtype variant's struct.
struct Content<'de>(Value<'de>);

impl<'de> de::Deserializer<'de> for Content<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.0.visit_fields(self.0.content(), visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

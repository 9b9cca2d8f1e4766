//! From TOML values with spans to serde's types, keeping the place of every mistake.
//!
//! A table with `type = "Adam"`, or the bare string `"adam"`, is handed to serde as an externally tagged enum. serde's own
//! internally tagged enums would do that too, but they copy the table first and lose every span on the way.

use super::fault::{Fault, Hint, Kind, Step};
use super::patch::{Gap, Patches};
use serde::de::{
    self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

pub(super) type Node<'a> = Spanned<DeValue<'a>>;

/// The identity of a value: its address, fixed while the document lives.
pub(super) fn id(node: &Node<'_>) -> usize {
    std::ptr::from_ref(node).addr()
}

/// One value to lower.
#[derive(Clone, Copy)]
pub(super) struct Value<'de> {
    pub(super) node: &'de Node<'de>,
    pub(super) patches: &'de Patches,
    /// Keys that whoever called reads by other means; only at the top of an item.
    pub(super) common: &'de [&'static str],
}

impl<'de> Value<'de> {
    fn nested(self, node: &'de Node<'de>) -> Self {
        Self { node, patches: self.patches, common: &[] }
    }

    fn table(self, table: &'de DeTable<'de>, tagged: bool) -> Fields<'de> {
        let skip = |key: &str| tagged && key == "type" || self.common.contains(&key);
        let mut entries: Vec<_> = table
            .iter()
            .filter(|(key, value)| !skip(key.get_ref()) && !self.patches.is_dropped(id(value)))
            .map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
            .collect();
        entries.sort_by_key(|(_, key, _)| key.start);
        Fields {
            owner: self,
            entries: entries.into_iter(),
            gaps: self.patches.gaps(id(self.node)),
            next: None,
        }
    }

    /// The fields of a variant: what its table holds beside `type`, or nothing for a bare name.
    fn content(self) -> Fields<'de> {
        match self.node.get_ref() {
            DeValue::Table(table) => self.table(table, true),
            _ => Fields {
                owner: self,
                entries: Vec::new().into_iter(),
                gaps: self.patches.gaps(id(self.node)),
                next: None,
            },
        }
    }

    fn visit_fields<V: Visitor<'de>>(
        self,
        fields: Fields<'de>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(fields).map_err(|fault| fault.in_table(id(self.node), &self.node.span()))
    }

    fn elements<V: Visitor<'de>>(
        self,
        array: &'de DeArray<'de>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_seq(Elements { owner: self, array, at: 0 })
    }

    fn integer(self) -> Result<i128, Fault> {
        match self.node.get_ref() {
            DeValue::Integer(number) => Ok(parse(number)),
            DeValue::Float(float) => {
                let whole =
                    float.as_str().parse::<f64>().is_ok_and(|x| x.fract() == 0.0 && x.abs() < 1e15);
                Err(Fault::wrong("a whole number", if whole { Hint::Whole } else { Hint::None }))
            }
            DeValue::String(text) => {
                let number = text.trim().parse::<i64>().is_ok();
                Err(Fault::wrong("a whole number", if number { Hint::Unquote } else { Hint::None }))
            }
            _ => Err(Fault::wrong("a whole number", Hint::None)),
        }
    }
}

/// A TOML integer; one beyond 128 bits counts as the largest.
fn parse(number: &DeInteger<'_>) -> i128 {
    let limit = if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX };
    i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(limit)
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
        match self.node.get_ref() {
            DeValue::String(text) => {
                visitor.visit_borrowed_str(self.patches.name_of(id(self.node)).unwrap_or(text))
            }
            DeValue::Integer(number) => match parse(number) {
                n if u64::try_from(n).is_ok() => visitor.visit_u64(n as u64),
                n if i64::try_from(n).is_ok() => visitor.visit_i64(n as i64),
                n => visitor.visit_i128(n),
            },
            DeValue::Float(_) => self.deserialize_f64(visitor),
            DeValue::Boolean(yes) => visitor.visit_bool(*yes),
            DeValue::Datetime(_) => {
                Err(de::Error::invalid_type(de::Unexpected::Other("date"), &visitor))
            }
            DeValue::Array(array) => self.elements(array, visitor),
            DeValue::Table(table) => self.visit_fields(self.table(table, false), visitor),
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
        match self.node.get_ref() {
            DeValue::Integer(number) => visitor.visit_f64(parse(number) as f64),
            DeValue::Float(float) => match float.as_str().parse::<f64>() {
                Ok(x) if x.is_finite() || float.as_str().contains(['i', 'n']) => {
                    visitor.visit_f64(x)
                }
                _ => Err(Fault::wrong("a number below 1.8e308", Hint::None)),
            },
            DeValue::String(text) if text.trim().parse::<f64>().is_ok() => {
                Err(Fault::wrong("a number", Hint::Unquote))
            }
            _ => Err(Fault::wrong("a number", Hint::None)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.get_ref() {
            DeValue::Boolean(yes) => visitor.visit_bool(*yes),
            DeValue::String(text) if matches!(text.as_ref(), "true" | "false") => {
                Err(Fault::wrong("true or false", Hint::Unquote))
            }
            _ => Err(Fault::wrong("true or false", Hint::None)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.get_ref() {
            DeValue::String(text) => {
                visitor.visit_borrowed_str(self.patches.name_of(id(self.node)).unwrap_or(text))
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
        match self.node.get_ref() {
            DeValue::Array(array) => self.elements(array, visitor),
            DeValue::Table(_) => Err(Fault::wrong("a list in square brackets", Hint::None)),
            _ => Err(Fault::wrong("a list in square brackets", Hint::Bracket)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
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
        match self.node.get_ref() {
            DeValue::Table(table) => self.visit_fields(self.table(table, false), visitor),
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
        match self.node.get_ref() {
            DeValue::String(_) => {
                visitor.visit_enum(Tagged { owner: self, tag: self.node, key: None })
            }
            DeValue::Table(table) => match table.get_key_value("type") {
                Some((key, tag)) if !self.patches.is_dropped(id(tag)) => {
                    visitor.visit_enum(Tagged { owner: self, tag, key: Some(key.span()) })
                }
                _ => {
                    let mut fault = Fault::new(Kind::MissingType { known });
                    fault.span = Some(self.node.span());
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
    entries: std::vec::IntoIter<(&'de str, Range<usize>, &'de Node<'de>)>,
    gaps: std::vec::IntoIter<&'static str>,
    next: Option<(&'de str, Range<usize>, &'de Node<'de>)>,
}

fn entry_step(key: &str, span: &Range<usize>, value: &Node<'_>) -> Step {
    let entry = span.start..value.span().end.max(span.end);
    Step { id: id(value), key: Some(key.to_owned()), value: value.span(), entry }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        if let Some((key, span, value)) = self.entries.next() {
            self.next = Some((key, span.clone(), value));
            let lowered = seed.deserialize(de::value::BorrowedStrDeserializer::new(key));
            return lowered.map(Some).map_err(|mut fault: Fault| {
                fault.span = Some(span.clone());
                fault.inside(|| entry_step(key, &span, value))
            });
        }
        self.next = None;
        self.gaps.next().map(|field| seed.deserialize(field.into_deserializer())).transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let Some((key, span, value)) = self.next.take() else {
            return seed.deserialize(Gap);
        };
        seed.deserialize(self.owner.nested(value))
            .map_err(|fault| fault.inside(|| entry_step(key, &span, value)))
    }
}

struct Elements<'de> {
    owner: Value<'de>,
    array: &'de DeArray<'de>,
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
        if self.owner.patches.is_dropped(id(node)) {
            return seed.deserialize(Gap).map(Some);
        }
        let step = || Step { id: id(node), key: None, value: node.span(), entry: node.span() };
        seed.deserialize(self.owner.nested(node)).map(Some).map_err(|fault| fault.inside(step))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.array.len().saturating_sub(self.at).min(1024))
    }
}

/// A name that chooses a variant, with the table that holds the variant's fields, if there is one.
struct Tagged<'de> {
    owner: Value<'de>,
    tag: &'de Node<'de>,
    key: Option<Range<usize>>,
}

impl<'de> EnumAccess<'de> for Tagged<'de> {
    type Error = Fault;
    type Variant = Variant<'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, Variant<'de>), Fault> {
        let name = match self.tag.get_ref() {
            DeValue::String(text) => Ok(self.owner.patches.name_of(id(self.tag)).unwrap_or(text)),
            _ => Err(Fault::wrong("a name in quotes", Hint::None)),
        };
        let chosen =
            name.and_then(|name| seed.deserialize(de::value::BorrowedStrDeserializer::new(name)));
        match chosen {
            Ok(variant) => Ok((variant, Variant(self.owner))),
            Err(fault) => Err(match &self.key {
                Some(key) => fault.inside(|| entry_step("type", key, self.tag)),
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
            Some((key, span, value)) => {
                let mut fault = Fault::new(Kind::UnknownKey { found: key.to_owned(), known: &[] });
                fault.span = Some(span.clone());
                Err(fault.inside(|| entry_step(key, &span, value)))
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

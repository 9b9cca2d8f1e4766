//! How one run finds several mistakes: after each, the value at fault is patched over and the table is read again.

use super::fault::{Fault, Hint, Kind, Step};
use super::suggest::nearest;
use serde::de::{self, Deserializer as _, EnumAccess, IntoDeserializer, VariantAccess, Visitor};
use std::collections::{HashMap, HashSet};

/// What is patched over so far. Values are known by their address.
#[derive(Debug, Default)]
pub(super) struct Patches {
    dropped: HashSet<usize>,
    names: HashMap<usize, &'static str>,
    gaps: Vec<(usize, &'static str)>,
    lost: HashSet<String>,
}

impl Patches {
    pub(super) fn is_dropped(&self, id: usize) -> bool {
        self.dropped.contains(&id)
    }

    /// The name read in place of a mistyped one.
    pub(super) fn name_of(&self, id: usize) -> Option<&'static str> {
        self.names.get(&id).copied()
    }

    /// True for a complaint that an earlier one has caused: the value is patched over, or the missing key was there.
    pub(super) fn explains(&self, fault: &Fault) -> bool {
        match fault.kind {
            Kind::Missing { field, .. } => self.lost.contains(field),
            Kind::MissingType { .. } => self.lost.contains("type"),
            _ if fault.trail.is_empty() => !self.dropped.is_empty(),
            _ => fault.trail.iter().any(|step| self.dropped.contains(&step.id)),
        }
    }

    /// The keys of a table that are to be made up.
    pub(super) fn gaps(&self, table: usize) -> std::vec::IntoIter<&'static str> {
        let fields: Vec<_> =
            self.gaps.iter().filter(|gap| gap.0 == table).map(|gap| gap.1).collect();
        fields.into_iter()
    }

    /// Patches over what `fault` complains of. False where nothing is left to try.
    pub(super) fn cover(&mut self, fault: &Fault, meant: Option<&'static str>) -> bool {
        if let Kind::Missing { field, table } = fault.kind
            && !self.gaps.contains(&(table, field))
        {
            self.gaps.push((table, field));
            return true;
        }
        if let Kind::UnknownKey { found, known } = &fault.kind {
            self.lost.extend(nearest(found, known.iter().copied()).map(str::to_owned));
        }
        let Some(Step { id, .. }) = fault.trail.first() else { return false };
        if let Some(name) = meant
            && !self.names.contains_key(id)
        {
            self.names.insert(*id, name);
            return true;
        }
        match fault.trail.iter().find(|step| !self.dropped.contains(&step.id)) {
            Some(step) => {
                self.lost.extend(step.key.clone());
                self.dropped.insert(step.id)
            }
            None => false,
        }
    }
}

/// A stand-in for a value that is missing or wrong: answers whatever it is asked for. What comes of it is thrown away.
pub(super) struct Gap;

impl<'de> de::Deserializer<'de> for Gap {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u64(1)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_bool(false)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str("")
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str("")
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_none()
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(de::value::SeqDeserializer::<_, Fault>::new(std::iter::empty::<u64>()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(de::value::MapDeserializer::<_, Fault>::new(
            std::iter::empty::<(u64, u64)>(),
        ))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match known.first() {
            Some(name) => visitor.visit_enum(GapVariant(name)),
            None => Err(Fault::wrong("", Hint::None)),
        }
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

struct GapVariant(&'static str);

impl<'de> EnumAccess<'de> for GapVariant {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<T: de::DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Fault> {
        let name: de::value::StrDeserializer<'_, Fault> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for GapVariant {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<T: de::DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(Gap)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        Gap.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        Gap.deserialize_any(visitor)
    }
}

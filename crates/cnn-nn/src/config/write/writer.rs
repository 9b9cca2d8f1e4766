//! The serde side of writing: any serialisable value becomes a tree of [`Node`]s.

use super::{Node, WriteError};
use serde::ser::{self, Serialize, Serializer};
use std::fmt::Display;

impl ser::Error for WriteError {
    fn custom<T: Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

/// Collects a value into a [`Node`].
pub(super) struct Writer;

/// A list or table being collected, with the variant that it belongs to.
pub(super) struct Collect {
    variant: Option<&'static str>,
    items: Vec<Node>,
    entries: Vec<(String, Node)>,
    key: Option<String>,
}

impl Collect {
    fn new(variant: Option<&'static str>) -> Self {
        Self { variant, items: Vec::new(), entries: Vec::new(), key: None }
    }
}

/// A variant's table, with its name in front.
fn tagged(variant: &str, content: Node) -> Result<Node, WriteError> {
    match content {
        Node::Table(entries) => {
            let tag = ("type".to_owned(), Node::Text(variant.to_owned()));
            Ok(Node::Table(std::iter::once(tag).chain(entries).collect()))
        }
        _ => Err(WriteError(format!("variant {variant} does not hold a table"))),
    }
}

fn float(shown: &str) -> Node {
    Node::Plain(match shown {
        "NaN" => "nan".to_owned(),
        other => other.to_owned(),
    })
}

macro_rules! plain {
    ($($method:ident($type:ty)),+ $(,)?) => {
        $(fn $method(self, value: $type) -> Result<Node, WriteError> {
            Ok(Node::Plain(value.to_string()))
        })+
    };
}

impl Serializer for Writer {
    type Ok = Node;
    type Error = WriteError;
    type SerializeSeq = Collect;
    type SerializeTuple = Collect;
    type SerializeTupleStruct = Collect;
    type SerializeTupleVariant = ser::Impossible<Node, WriteError>;
    type SerializeMap = Collect;
    type SerializeStruct = Collect;
    type SerializeStructVariant = Collect;

    plain! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64),
    }

    fn serialize_f32(self, value: f32) -> Result<Node, WriteError> {
        Ok(float(&format!("{value:?}")))
    }

    fn serialize_f64(self, value: f64) -> Result<Node, WriteError> {
        Ok(float(&format!("{value:?}")))
    }

    fn serialize_char(self, value: char) -> Result<Node, WriteError> {
        Ok(Node::Text(value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Result<Node, WriteError> {
        Ok(Node::Text(value.to_owned()))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Node, WriteError> {
        Err(WriteError("bytes".to_owned()))
    }

    fn serialize_none(self) -> Result<Node, WriteError> {
        Ok(Node::Nothing)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Node, WriteError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Node, WriteError> {
        Ok(Node::Nothing)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Node, WriteError> {
        Ok(Node::Table(Vec::new()))
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Node, WriteError> {
        Ok(Node::Text(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Node, WriteError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Node, WriteError> {
        tagged(variant, value.serialize(self)?)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Collect, WriteError> {
        Ok(Collect::new(None))
    }

    fn serialize_tuple(self, _: usize) -> Result<Collect, WriteError> {
        Ok(Collect::new(None))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Collect, WriteError> {
        Ok(Collect::new(None))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, WriteError> {
        Err(WriteError(format!("variant {variant} does not hold a table")))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Collect, WriteError> {
        Ok(Collect::new(None))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Collect, WriteError> {
        Ok(Collect::new(None))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Collect, WriteError> {
        Ok(Collect::new(Some(variant)))
    }
}

macro_rules! sequences {
    ($($trait:ident::$method:ident),+) => {
        $(impl ser::$trait for Collect {
            type Ok = Node;
            type Error = WriteError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
                self.items.push(value.serialize(Writer)?);
                Ok(())
            }

            fn end(self) -> Result<Node, WriteError> {
                Ok(Node::List(self.items))
            }
        })+
    };
}

sequences!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field
);

macro_rules! structs {
    ($($trait:ident),+) => {
        $(impl ser::$trait for Collect {
            type Ok = Node;
            type Error = WriteError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), WriteError> {
                self.entries.push((key.to_owned(), value.serialize(Writer)?));
                Ok(())
            }

            fn end(self) -> Result<Node, WriteError> {
                let table = Node::Table(self.entries);
                self.variant.map_or(Ok(table.clone()), |variant| tagged(variant, table))
            }
        })+
    };
}

structs!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Collect {
    type Ok = Node;
    type Error = WriteError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), WriteError> {
        match key.serialize(Writer)? {
            Node::Text(key) | Node::Plain(key) => self.key = Some(key),
            _ => return Err(WriteError("a key that is no text".to_owned())),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        let value = value.serialize(Writer)?;
        self.entries.extend(self.key.take().map(|key| (key, value)));
        Ok(())
    }

    fn end(self) -> Result<Node, WriteError> {
        Ok(Node::Table(self.entries))
    }
}

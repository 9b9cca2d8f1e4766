//! The way back: specs as TOML that [`Document`](super::Document) reads again.
//!
//! An enum variant with fields becomes a table that begins with `type = "…"`, one without becomes its name in quotes,
//! absent options are left out, and floats are written with as many digits as their own precision has.
//!
//! ```
//! # use cnn_nn::config::write::{Toml, node};
//! #[derive(serde::Serialize)]
//! enum Optimizer { Adam { learning_rate: f32 } }
//!
//! let text = Toml::default()
//!     .value("name", &node(&"tiny").unwrap())
//!     .section("compile.optimizer", &node(&Optimizer::Adam { learning_rate: 0.001 }).unwrap())
//!     .into_string();
//! assert_eq!(text, "name = \"tiny\"\n\n[compile.optimizer]\ntype = \"Adam\"\nlearning_rate = 0.001\n");
//! ```

use serde::ser::{self, Serialize, Serializer};
use std::fmt::{self, Display};

/// A value on its way to text.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// An absent option: not written.
    Nothing,
    /// A number, `true` or `false`, as written.
    Plain(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A table in the order of its fields.
    Table(Vec<(String, Node)>),
}

/// Why a value cannot be written as TOML: it is of a kind that no spec uses (bytes, unit, a map with keys that are no texts).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot be written as TOML: {0}")]
pub struct WriteError(String);

/// The tree of a serialisable value.
pub fn node<T: Serialize + ?Sized>(value: &T) -> Result<Node, WriteError> {
    value.serialize(Writer)
}

impl Node {
    /// Adds a key: behind `type` if the table begins with it, else in front. Anything but a table stays as it is,
    /// except a name, which becomes a table with that `type`.
    #[must_use]
    pub fn with_key(self, key: &str, value: Node) -> Self {
        match self {
            Self::Table(mut entries) => {
                let at = usize::from(entries.first().is_some_and(|(first, _)| first == "type"));
                entries.insert(at, (key.to_owned(), value));
                Self::Table(entries)
            }
            Self::Text(name) => {
                Self::Table(vec![("type".to_owned(), Self::Text(name)), (key.to_owned(), value)])
            }
            other => other,
        }
    }

    /// The value as it stands behind `key =`.
    fn inline(&self, out: &mut String) {
        match self {
            Self::Nothing => out.push_str("\"\""),
            Self::Plain(text) => out.push_str(text),
            Self::Text(text) => push_text(out, text),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    item.inline(out);
                }
                out.push(']');
            }
            Self::Table(entries) => {
                let mut separator = "{ ";
                for (key, value) in entries.iter().filter(|(_, value)| *value != Self::Nothing) {
                    out.push_str(separator);
                    push_key(out, key);
                    out.push_str(" = ");
                    value.inline(out);
                    separator = ", ";
                }
                out.push_str(if separator == "{ " { "{}" } else { " }" });
            }
        }
    }
}

fn push_key(out: &mut String, key: &str) {
    let bare =
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { out.push_str(key) } else { push_text(out, key) }
}

fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A file being written, section by section. Top-level values come first.
#[derive(Clone, Debug, Default)]
pub struct Toml(String);

impl Toml {
    /// `key = value`; [`Node::Nothing`] writes nothing.
    #[must_use]
    pub fn value(mut self, key: &str, value: &Node) -> Self {
        if *value != Node::Nothing {
            push_key(&mut self.0, key);
            self.0.push_str(" = ");
            value.inline(&mut self.0);
            self.0.push('\n');
        }
        self
    }

    /// `[path]` and a line for each field. A bare name is written as a table with that `type`.
    #[must_use]
    pub fn section(self, path: &str, table: &Node) -> Self {
        self.block(&format!("[{path}]"), table)
    }

    /// `[[path]]` with its lines, for each table.
    #[must_use]
    pub fn list<'a>(mut self, path: &str, tables: impl IntoIterator<Item = &'a Node>) -> Self {
        for table in tables {
            self = self.block(&format!("[[{path}]]"), table);
        }
        self
    }

    fn block(mut self, header: &str, table: &Node) -> Self {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(header);
        self.0.push('\n');
        match table {
            Node::Table(entries) => {
                entries.iter().fold(self, |file, (key, value)| file.value(key, value))
            }
            name @ Node::Text(_) => self.value("type", name),
            _ => self,
        }
    }

    /// The file.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl ser::Error for WriteError {
    fn custom<T: Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

struct Writer;

/// A list or table being collected, with the variant that it belongs to.
struct Collect {
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

impl Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.inline(&mut out);
        f.write_str(&out)
    }
}

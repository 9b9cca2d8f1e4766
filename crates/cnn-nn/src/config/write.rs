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

mod writer;

use serde::Serialize;
use std::fmt::{self, Display};
use writer::Writer;

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
            c if c.is_control() => out.extend(format!("\\u{:04X}", c as u32).chars()),
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

impl Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.inline(&mut out);
        f.write_str(&out)
    }
}

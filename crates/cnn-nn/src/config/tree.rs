//! The values of a file with their places: what the TOML parser found, without its lifetimes, within the limits.

use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Deepest nesting of tables and lists.
pub const MAX_DEPTH: usize = 32;

/// Longest key, in bytes.
const MAX_KEY: usize = 128;

/// A value and its bytes in the file; those of the header for a `[table]`.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) data: Data,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Data {
    Text(String),
    /// One beyond 128 bits counts as the largest.
    Integer(i128),
    /// `None` beyond the range of f64.
    Float(Option<f64>),
    Flag(bool),
    Date,
    List(Vec<Node>),
    Table(Table),
}

/// Entries in the order of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) span: Range<usize>,
    pub(super) value: Node,
}

/// What is beyond a limit, and where.
pub(super) type OverLimit = (String, Range<usize>);

impl Entry {
    /// From the key to the end of the value.
    pub(super) fn whole(&self) -> Range<usize> {
        let value = &self.value.span;
        self.span.start.min(value.start)..self.span.end.max(value.end)
    }
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The tree of a parsed table that stands `depth` levels deep.
    pub(super) fn read(table: &DeTable<'_>, depth: usize) -> Result<Self, OverLimit> {
        let mut entries = Vec::with_capacity(table.len());
        for (key, value) in table {
            let (span, key) = (key.span(), key.get_ref());
            if key.len() > MAX_KEY {
                return Err((
                    format!("a key of {} bytes: the limit is {MAX_KEY}", key.len()),
                    span,
                ));
            }
            entries.push(Entry { key: key.to_string(), span, value: Node::read(value, depth)? });
        }
        entries.sort_by_key(|entry| entry.span.start);
        Ok(Self { entries })
    }
}

impl Node {
    pub(super) fn table(&self) -> Option<&Table> {
        match &self.data {
            Data::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Identity: the address, fixed while the document lives.
    pub(super) fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn read(value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Self, OverLimit> {
        let span = value.span();
        if depth > MAX_DEPTH {
            return Err((format!("nested more than {MAX_DEPTH} levels deep"), span));
        }
        let data = match value.get_ref() {
            DeValue::String(text) => Data::Text(text.to_string()),
            DeValue::Integer(number) => {
                let limit = if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX };
                Data::Integer(
                    i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(limit),
                )
            }
            DeValue::Float(number) => {
                let parsed = number.as_str().parse::<f64>().ok();
                Data::Float(
                    parsed.filter(|x| x.is_finite() || number.as_str().contains(['i', 'n'])),
                )
            }
            DeValue::Boolean(flag) => Data::Flag(*flag),
            DeValue::Datetime(_) => Data::Date,
            DeValue::Array(items) => Data::List(
                items.iter().map(|item| Self::read(item, depth + 1)).collect::<Result<_, _>>()?,
            ),
            DeValue::Table(table) => Data::Table(Table::read(table, depth + 1)?),
        };
        Ok(Self { span, data })
    }
}

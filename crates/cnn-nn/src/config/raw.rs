//! A file's values as they stand, for formats whose keys are not known beforehand: the grid of an experiment, for instance.

use super::document::{Document, Located};
use super::tree::{Data, Node as Parsed, Table};
use super::write::Node;

/// A key of a table, or an element of a list, with its value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct RawEntry {
    /// The key; an element's number, from 0.
    pub key: String,
    /// Where the two stand.
    pub place: Located,
    /// The value. Dates are written as they stand in the file.
    pub value: Node,
}

impl Document {
    /// The entries of the table, or the elements of the list, that the keys lead to; list elements count from 0. No key
    /// stands for the whole file. `None` if there is nothing, or a plain value.
    ///
    /// ```
    /// use cnn_nn::config::Document;
    ///
    /// let (document, _) = Document::parse("sweep.toml", "[grid]\n\"layers.conv2d.filters\" = [16, 32]\n");
    /// let grid = document.entries(&["grid"]).unwrap();
    /// assert_eq!((grid[0].key.as_str(), grid[0].value.to_string()), ("layers.conv2d.filters", "[16, 32]".to_owned()));
    /// assert_eq!(document.entries(&["grid", "layers.conv2d.filters"]).unwrap()[1].value.to_string(), "32");
    /// ```
    pub fn entries(&self, path: &[&str]) -> Option<Vec<RawEntry>> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self.of_table(&self.root));
        };
        let mut node = &self.root.get(first)?.value;
        for key in rest {
            node = match &node.data {
                Data::Table(table) => &table.get(key)?.value,
                Data::List(items) => items.get(key.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        match &node.data {
            Data::Table(table) => Some(self.of_table(table)),
            Data::List(items) => Some(
                (items.iter().enumerate())
                    .map(|(i, item)| RawEntry {
                        key: i.to_string(),
                        place: Located { key: item.span.clone(), value: item.span.clone() },
                        value: self.node(item),
                    })
                    .collect(),
            ),
            _ => None,
        }
    }

    fn of_table(&self, table: &Table) -> Vec<RawEntry> {
        let entry = |entry: &super::tree::Entry| RawEntry {
            key: entry.key.clone(),
            place: Located { key: entry.span.clone(), value: entry.value.span.clone() },
            value: self.node(&entry.value),
        };
        table.entries.iter().map(entry).collect()
    }

    fn node(&self, parsed: &Parsed) -> Node {
        match &parsed.data {
            Data::Text(text) => Node::Text(text.clone()),
            Data::List(items) => Node::List(items.iter().map(|item| self.node(item)).collect()),
            Data::Table(table) => Node::Table(
                table
                    .entries
                    .iter()
                    .map(|entry| (entry.key.clone(), self.node(&entry.value)))
                    .collect(),
            ),
            Data::Integer(_) | Data::Float(_) | Data::Flag(_) | Data::Date => {
                Node::Plain(self.source().text()[parsed.span.clone()].to_owned())
            }
        }
    }
}

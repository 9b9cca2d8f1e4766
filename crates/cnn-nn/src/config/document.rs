//! A TOML file with the place of every key and value, read section by section.

use super::diagnostic::{Diagnostic, Diagnostics, Severity, Source, without_mark};
use super::fault::{Fault, Kind};
use super::lower::{Node, Value, id};
use super::patch::Patches;
use super::suggest::{listing, nearest};
use super::syntax;
use super::words::{Place, explain, meant, quoted};
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Most tables in one list (`[[layers]]`).
pub const MAX_ITEMS: usize = 1_000;

/// Most mistakes reported for one table.
const MAX_FAULTS: usize = 32;

/// A parsed file. Sections are read from it one by one, each with all its mistakes.
///
/// ```
/// use cnn_nn::config::Document;
///
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields, default)]
/// struct Fit { epochs: u32, batch_size: u32 }
/// impl Default for Fit { fn default() -> Self { Fit { epochs: 1, batch_size: 32 } } }
///
/// let (document, mut found) = Document::parse("model.toml", "[fit]\nepochs = 5\nbatchsize = 16\n");
/// assert!(document.table::<Fit>("fit", &mut found).is_none());
/// assert!(found.to_string().contains("model.toml:3:1"));
/// assert!(found.to_string().contains("did you mean `batch_size`?"));
/// ```
#[derive(Debug)]
pub struct Document<'a> {
    source: Source,
    root: DeTable<'a>,
    /// Parts of the text that syntax errors have made unreliable.
    broken: Vec<Range<usize>>,
}

/// One table of a list.
#[derive(Clone, Debug)]
pub struct Item<T> {
    /// What it says; `None` where it has mistakes, which are reported.
    pub value: Option<T>,
    /// The texts of the common keys, in the order asked for.
    pub common: Vec<Option<String>>,
}

/// Where a key and its value stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The key; the table's header for an element of a list.
    pub key: Range<usize>,
    /// The value; the header for a table.
    pub value: Range<usize>,
}

impl Located {
    /// From the key to the end of the value.
    pub fn entry(&self) -> Range<usize> {
        self.key.start.min(self.value.start)..self.key.end.max(self.value.end)
    }
}

impl<'a> Document<'a> {
    /// Parses a file as far as it can be parsed. `name` is what messages call it.
    ///
    /// With syntax errors, the sections can still be read, so that their own mistakes are found in the same run.
    pub fn parse(name: &str, text: &'a str) -> (Self, Diagnostics) {
        let source = Source::new(name, text);
        let mut found = Diagnostics::new(source.clone());
        let (root, broken) = syntax::parse(&source, without_mark(text), &mut found);
        (Self { source, root, broken }, found)
    }

    /// The file's name and text.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// An empty list of diagnostics for this file.
    pub fn diagnostics(&self) -> Diagnostics {
        Diagnostics::new(self.source.clone())
    }

    /// True if the file has such a key or section.
    pub fn has(&self, key: &str) -> bool {
        self.root.contains_key(key)
    }

    /// Where `path` stands: `"fit"`, `"layers.3.filters"`, `"compile.optimizer.learning_rate"`; list elements count from 0.
    pub fn locate(&self, path: &str) -> Option<Located> {
        let mut parts = path.split('.');
        let (key, mut node) = self.root.get_key_value(parts.next()?)?;
        let mut located = Located { key: key.span(), value: node.span() };
        for part in parts {
            located = match node.get_ref() {
                DeValue::Table(table) => {
                    let (key, value) = table.get_key_value(part)?;
                    node = value;
                    Located { key: key.span(), value: value.span() }
                }
                DeValue::Array(array) => {
                    node = array.get(part.parse::<usize>().ok()?)?;
                    Located { key: node.span(), value: node.span() }
                }
                _ => return None,
            };
        }
        Some(located)
    }

    /// Where to point for `path`, or for the nearest of its parents that exists.
    pub fn span(&self, path: &str) -> Option<Range<usize>> {
        let mut path = path;
        loop {
            if let Some(located) = self.locate(path) {
                let entry = located.entry();
                let one_line = !self.source.text()[entry.clone()].contains('\n');
                return Some(if one_line { entry } else { located.key });
            }
            path = path.rsplit_once('.')?.0;
        }
    }

    /// Reads one top-level key: `name`, `input`. `None` if it is absent or wrong; only the latter is reported.
    pub fn value<T: DeserializeOwned>(&self, key: &str, found: &mut Diagnostics) -> Option<T> {
        // The root is read as a table of its own with this one key, so that the mistake names the key.
        let (name, node) = self.root.get_key_value(key)?;
        let mut only = DeTable::new();
        only.insert(name.clone(), node.clone());
        let only = Spanned::new(0..0, DeValue::Table(only));
        let place =
            Place { name: "the file".to_owned(), kind: None, head: Some(node.span()), common: &[] };
        self.lower::<One<T>>(&only, &place, found).map(|one| one.0)
    }

    /// Reads the section `[key]`. An absent section is read as an empty one: it has its defaults, or lacks its required keys.
    pub fn table<T: DeserializeOwned>(&self, key: &str, found: &mut Diagnostics) -> Option<T> {
        let empty;
        let (node, head) = if let Some((name, node)) = self.root.get_key_value(key) {
            if !node.get_ref().is_table() {
                let help = if node.get_ref().is_array() {
                    format!("write [{key}] with single brackets, once")
                } else {
                    String::new()
                };
                let error = Diagnostic::error("M006", format!("`{key}` must be a section [{key}]"));
                self.report(
                    found,
                    error.at(name.span()).with_label("expected a table").with_help(help),
                );
                return None;
            }
            (node, Some(node.span()))
        } else {
            empty = Spanned::new(0..0, DeValue::Table(DeTable::new()));
            (&empty, None)
        };
        self.lower(node, &Place { name: format!("[{key}]"), kind: None, head, common: &[] }, found)
    }

    /// Reads the list of tables `[[key]]`, each with a `type`. `common` are keys, with text values, that every table of the
    /// list may have beside those of its type.
    pub fn typed_list<T: DeserializeOwned>(
        &self,
        key: &str,
        common: &'static [&'static str],
        found: &mut Diagnostics,
    ) -> Vec<Item<T>> {
        let Some((name, node)) = self.root.get_key_value(key) else { return Vec::new() };
        let DeValue::Array(array) = node.get_ref() else {
            let error =
                Diagnostic::error("M006", format!("`{key}` is a list of tables")).at(node.span());
            self.report(
                found,
                error
                    .with_label("expected a list")
                    .with_help(format!("write [[{key}]] with two brackets before each table")),
            );
            return Vec::new();
        };
        if array.len() > MAX_ITEMS {
            let message = format!("{} entries in `{key}`: the limit is {MAX_ITEMS}", array.len());
            self.report(
                found,
                Diagnostic::error("M002", message).at(name.span()).with_label("too many"),
            );
            return Vec::new();
        }
        let singular = key.strip_suffix('s').unwrap_or(key);
        array
            .iter()
            .enumerate()
            .map(|(index, node)| {
                self.item(node, format!("{singular} {}", index + 1), common, found)
            })
            .collect()
    }

    fn item<T: DeserializeOwned>(
        &self,
        node: &Node<'_>,
        name: String,
        common: &'static [&'static str],
        found: &mut Diagnostics,
    ) -> Item<T> {
        let tag = node.get_ref().as_table().and_then(|table| table.get_key_value("type"));
        let kind = tag.and_then(|(_, value)| value.get_ref().as_str()).map(str::to_owned);
        let head =
            tag.map_or_else(|| node.span(), |(key, value)| key.span().start..value.span().end);
        let place = Place { name, kind, head: Some(head), common };
        let value = self.lower(node, &place, found);
        let common = common.iter().map(|key| self.text(node, key, &place, found)).collect();
        Item { value, common }
    }

    fn text(
        &self,
        node: &Node<'_>,
        key: &str,
        place: &Place,
        found: &mut Diagnostics,
    ) -> Option<String> {
        let (name, value) = node.get_ref().as_table()?.get_key_value(key)?;
        if let DeValue::String(text) = value.get_ref() {
            return Some(text.to_string());
        }
        let shown = quoted(&self.source.text()[value.span()], "");
        let error =
            Diagnostic::error("M006", format!("`{key}` cannot be {shown} in {}", place.title()));
        self.report(
            found,
            error.at(name.span().start..value.span().end).with_label("expected a text in quotes"),
        );
        None
    }

    /// Reports every top-level key or section that is not in `known`.
    pub fn unknown_top_level(&self, known: &[&str], found: &mut Diagnostics) {
        for (key, _) in self.root.iter().filter(|(key, _)| !known.contains(&key.get_ref().as_ref()))
        {
            let name = key.get_ref();
            let error = Diagnostic::error(
                "M008",
                format!("unknown key {} at the top level", quoted(name, "`")),
            )
            .at(key.span());
            let (label, help) = match (nearest(name, known.iter().copied()), name.as_ref()) {
                (Some(near), _) => (format!("did you mean `{near}`?"), ""),
                (None, "version" | "schema" | "format") => (
                    "not part of this version of the format".to_owned(),
                    "a newer program may have written this file; update, or remove the line",
                ),
                _ => ("no such key or section".to_owned(), ""),
            };
            let note = format!("a file has {}", listing(known));
            self.report(found, error.with_label(label).with_note(note).with_help(help));
        }
    }

    /// The top-level key that was probably meant to be `key`, if `key` itself is absent.
    pub fn misspelt(&self, key: &str) -> bool {
        !self.has(key) && self.root.keys().any(|other| nearest(other.get_ref(), [key]).is_some())
    }

    /// Adds a diagnostic, unless a syntax error in the same place explains it.
    pub fn report(&self, found: &mut Diagnostics, diagnostic: Diagnostic) {
        let shaken = !self.broken.is_empty();
        let absence = diagnostic.span.is_none() || diagnostic.code == "M005";
        let inside = diagnostic.span.as_ref().is_some_and(|span| {
            self.broken.iter().any(|broken| span.start <= broken.end && broken.start <= span.end)
        });
        let error = diagnostic.severity == Severity::Error;
        if !(shaken && (absence || inside || !error)) {
            found.push(diagnostic);
        }
    }

    fn lower<T: DeserializeOwned>(
        &self,
        node: &Node<'_>,
        place: &Place,
        found: &mut Diagnostics,
    ) -> Option<T> {
        let mut patches = Patches::default();
        for round in 0..MAX_FAULTS {
            let common = place.common;
            match T::deserialize(Value { node, patches: &patches, common }) {
                Ok(value) => return (round == 0).then_some(value),
                Err(fault) => {
                    if !patches.explains(&fault) {
                        self.report(
                            found,
                            explain(&self.rooted(&fault, node, place), place, &self.source),
                        );
                    }
                    if !patches.cover(&fault, meant(&fault)) {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// A fault of the table itself has no steps; its place is the table.
    fn rooted(&self, fault: &Fault, node: &Node<'_>, place: &Place) -> Fault {
        let mut fault = fault.clone();
        if fault.trail.is_empty()
            && !matches!(fault.kind, Kind::Missing { .. } | Kind::MissingType { .. })
        {
            let entry = place.head.clone().unwrap_or_else(|| node.span());
            fault.trail.push(super::fault::Step {
                id: id(node),
                key: None,
                value: node.span(),
                entry,
            });
        }
        fault
    }
}

/// A table with one key, whatever its name.
struct One<T>(T);

impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for One<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit<T>(std::marker::PhantomData<T>);
        impl<'de, T: serde::Deserialize<'de>> serde::de::Visitor<'de> for Visit<T> {
            type Value = T;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
                match map.next_entry::<serde::de::IgnoredAny, T>()? {
                    Some((_, value)) => Ok(value),
                    None => Err(serde::de::Error::custom("a value")),
                }
            }
        }
        deserializer.deserialize_map(Visit(std::marker::PhantomData)).map(One)
    }
}

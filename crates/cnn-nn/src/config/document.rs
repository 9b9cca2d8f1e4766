//! A TOML file with the place of every key and value, read section by section.

use super::diagnostic::{Diagnostic, Diagnostics, Severity, Source};
use super::fault::{Fault, Kind, Step};
use super::lower::Value;
use super::patch::Patches;
use super::suggest::{listing, nearest};
use super::syntax;
use super::tree::{Data, Entry, Node, Table};
use super::words::{Place, explain, meant, quoted};
use serde::de::DeserializeOwned;
use std::ops::Range;

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
pub struct Document {
    source: Source,
    pub(super) root: Table,
    /// Parts of the text that syntax errors have made unreliable.
    broken: Vec<Range<usize>>,
}

/// One table of a list.
#[derive(Clone, Debug)]
pub struct Item<T> {
    /// What it says; `None` where it has mistakes, which are reported.
    pub value: Option<T>,
    /// In that case, what it says apart from unknown keys, with misspelt names read as what they look like; `None` where a value
    /// would have to be made up. Good for finding further mistakes, not for use.
    pub draft: Option<T>,
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

impl Document {
    /// Parses a file as far as it can be parsed. `name` is what messages call it.
    ///
    /// With syntax errors, the sections can still be read, so that their own mistakes are found in the same run.
    pub fn parse(name: &str, text: &str) -> (Self, Diagnostics) {
        let source = Source::new(name, text);
        let mut found = Diagnostics::new(source.clone());
        let (root, broken) = syntax::parse(&source, &mut found);
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
        self.root.get(key).is_some()
    }

    /// Where `path` stands: `"fit"`, `"layers.3.filters"`, `"compile.optimizer.learning_rate"`; list elements count from 0.
    pub fn locate(&self, path: &str) -> Option<Located> {
        let located =
            |entry: &Entry| Located { key: entry.span.clone(), value: entry.value.span.clone() };
        let mut parts = path.split('.');
        let entry = self.root.get(parts.next()?)?;
        let (mut node, mut place) = (&entry.value, located(entry));
        for part in parts {
            match &node.data {
                Data::Table(table) => {
                    let entry = table.get(part)?;
                    (node, place) = (&entry.value, located(entry));
                }
                Data::List(items) => {
                    node = items.get(part.parse::<usize>().ok()?)?;
                    place = Located { key: node.span.clone(), value: node.span.clone() };
                }
                _ => return None,
            }
        }
        Some(place)
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
        // Read as a table of its own with this one key, so that the mistake names the key.
        let entry = self.root.get(key)?;
        let head = entry.value.span.clone();
        let only =
            Node { span: head.clone(), data: Data::Table(Table { entries: vec![entry.clone()] }) };
        let place = Place { name: String::new(), kind: None, head: Some(head), common: &[] };
        self.lower::<One<T>>(&only, &place, found).0.map(|one| one.0)
    }

    /// Reads the section `[key]`. An absent section is read as an empty one: it has its defaults, or lacks its required keys.
    pub fn table<T: DeserializeOwned>(&self, key: &str, found: &mut Diagnostics) -> Option<T> {
        let empty = Node { span: 0..0, data: Data::Table(Table::default()) };
        let entry = self.root.get(key);
        if let Some(entry) = entry.filter(|entry| entry.value.table().is_none()) {
            let error = Diagnostic::error("M006", format!("`{key}` must be a section"))
                .at(entry.span.clone())
                .with_label("expected a table")
                .with_help(format!("write [{key}] on a line of its own, once"));
            self.report(found, error);
            return None;
        }
        let (node, head) = match entry {
            Some(entry) => (&entry.value, Some(entry.value.span.clone())),
            None => (&empty, None),
        };
        let place = Place { name: format!("[{key}]"), kind: None, head, common: &[] };
        self.lower(node, &place, found).0
    }

    /// Reads the list of tables `[[key]]`, each with a `type`. `common` are keys, with text values, that every table of the
    /// list may have beside those of its type.
    pub fn typed_list<T: DeserializeOwned>(
        &self,
        key: &str,
        common: &'static [&'static str],
        found: &mut Diagnostics,
    ) -> Vec<Item<T>> {
        let Some(entry) = self.root.get(key) else { return Vec::new() };
        let Data::List(items) = &entry.value.data else {
            let error = Diagnostic::error("M006", format!("`{key}` is a list of tables"))
                .at(entry.value.span.clone())
                .with_label("expected a list")
                .with_help(format!("write [[{key}]] with two brackets before each table"));
            self.report(found, error);
            return Vec::new();
        };
        if items.len() > MAX_ITEMS {
            let message = format!("{} entries in `{key}`: the limit is {MAX_ITEMS}", items.len());
            let error = Diagnostic::error("M002", message).at(entry.span.clone());
            self.report(found, error.with_label("too many"));
            return Vec::new();
        }
        let singular = key.strip_suffix('s').unwrap_or(key);
        let number =
            |index: usize, node: &Node| index + 1 + self.lost_headers(key, node.span.start);
        let name = |(index, node)| format!("{singular} {}", number(index, node));
        items.iter().enumerate().map(|at| self.item(at.1, name(at), common, found)).collect()
    }

    /// Headers of this list before `offset` that syntax errors have cost: they count when the tables are numbered.
    fn lost_headers(&self, key: &str, offset: usize) -> usize {
        let header = |range: &&Range<usize>| {
            let text = self.source.text()[(*range).clone()].trim_start();
            range.start < offset
                && text.starts_with('[')
                && text.trim_start_matches('[').trim_start().starts_with(key)
        };
        self.broken.iter().filter(header).count()
    }

    fn item<T: DeserializeOwned>(
        &self,
        node: &Node,
        name: String,
        common: &'static [&'static str],
        found: &mut Diagnostics,
    ) -> Item<T> {
        let tag = node.table().and_then(|table| table.get("type"));
        let kind = tag.and_then(|tag| match &tag.value.data {
            Data::Text(kind) => Some(kind.clone()),
            _ => None,
        });
        let head = tag.map_or_else(|| node.span.clone(), Entry::whole);
        let place = Place { name, kind, head: Some(head), common };
        let (value, draft) = self.lower(node, &place, found);
        let common = common.iter().map(|key| self.text(node, key, &place, found)).collect();
        Item { value, draft, common }
    }

    fn text(
        &self,
        node: &Node,
        key: &str,
        place: &Place,
        found: &mut Diagnostics,
    ) -> Option<String> {
        let entry = node.table()?.get(key)?;
        if let Data::Text(text) = &entry.value.data {
            return Some(text.clone());
        }
        let shown = quoted(&self.source.text()[entry.value.span.clone()], "");
        let message = format!("`{key}` cannot be {shown} in {}", place.title());
        let error = Diagnostic::error("M006", message).at(entry.whole());
        self.report(found, error.with_label("expected a text in quotes"));
        None
    }

    /// Reports every top-level key or section that is not in `known`.
    pub fn unknown_top_level(&self, known: &[&str], found: &mut Diagnostics) {
        let unknown = |entry: &&Entry| !known.contains(&entry.key.as_str());
        for Entry { key, span, .. } in self.root.entries.iter().filter(unknown) {
            let message = format!("unknown key {} at the top level", quoted(key, "`"));
            let (label, help) = match (nearest(key, known.iter().copied()), key.as_str()) {
                (Some(near), _) => (format!("did you mean `{near}`?"), ""),
                (None, "version" | "schema" | "format") => (
                    "not part of this version of the format".to_owned(),
                    "a newer program may have written this file; update, or remove the line",
                ),
                _ => ("no such key or section".to_owned(), ""),
            };
            let error = Diagnostic::error("M008", message).at(span.clone()).with_label(label);
            let note = format!("a file has {}", listing(known));
            self.report(found, error.with_note(note).with_help(help));
        }
    }

    /// True if `key` is absent, but another top-level key looks like it.
    pub fn misspelt(&self, key: &str) -> bool {
        let near = |entry: &Entry| nearest(&entry.key, [key]).is_some();
        !self.has(key) && self.root.entries.iter().any(near)
    }

    /// Adds a diagnostic, unless a syntax error explains it: something is missing where a line could not be read.
    pub fn report(&self, found: &mut Diagnostics, diagnostic: Diagnostic) {
        let explained = match &diagnostic.span {
            None => !self.broken.is_empty(),
            Some(span) => {
                let section = self.section(span.start);
                let missing = diagnostic.code == "M005";
                missing && self.broken.iter().any(|lost| section.contains(&lost.start))
            }
        };
        let void = self.broken.iter().any(|lost| lost.len() == self.source.text().len());
        let moot = diagnostic.severity == Severity::Warning && !self.broken.is_empty();
        if !(explained || void || moot) {
            found.push(diagnostic);
        }
    }

    /// The bytes from the header above `offset` to the next one.
    fn section(&self, offset: usize) -> Range<usize> {
        let text = self.source.text();
        let line = self.source.line(offset);
        let own = text[line.clone()].trim_start().starts_with('[');
        let start = if own { line.start } else { text[..line.start].rfind("\n[").unwrap_or(0) };
        let end = text[line.end..].find("\n[").map_or(text.len(), |at| line.end + at);
        start..end
    }

    /// True if no line was lost to a syntax error.
    pub(crate) fn is_whole(&self) -> bool {
        self.broken.is_empty()
    }

    /// The value, or in its place a draft as in [`Item`].
    fn lower<T: DeserializeOwned>(
        &self,
        node: &Node,
        place: &Place,
        found: &mut Diagnostics,
    ) -> (Option<T>, Option<T>) {
        let mut patches = Patches::default();
        let mut made_up = false;
        for round in 0..MAX_FAULTS {
            let common = place.common;
            match T::deserialize(Value { node, patches: &patches, common }) {
                Ok(value) if round == 0 => return (Some(value), None),
                Ok(value) => return (None, (!made_up).then_some(value)),
                Err(fault) => {
                    made_up |= match &fault.kind {
                        Kind::UnknownKey { .. } => false,
                        Kind::UnknownName { .. } => meant(&fault).is_none(),
                        _ => true,
                    };
                    if !patches.explains(&fault) {
                        self.report(
                            found,
                            explain(&Self::rooted(&fault, node, place), place, &self.source),
                        );
                    }
                    if !patches.cover(&fault, meant(&fault)) {
                        return (None, None);
                    }
                }
            }
        }
        (None, None)
    }

    /// A fault of the table itself has no steps; its place is the table.
    fn rooted(fault: &Fault, node: &Node, place: &Place) -> Fault {
        let mut fault = fault.clone();
        let absence = matches!(fault.kind, Kind::Missing { .. } | Kind::MissingType { .. });
        if fault.trail.is_empty() && !absence {
            let entry = place.head.clone().unwrap_or_else(|| node.span.clone());
            fault.trail.push(Step { id: node.id(), key: None, value: node.span.clone(), entry });
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

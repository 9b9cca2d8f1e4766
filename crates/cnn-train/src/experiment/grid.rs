//! The changes that `[grid]` and the variants' `set` ask for.

use super::edit::Path;
use super::read::Reader;
use super::rows::Change;
use super::sweep::MAX_ROWS;
use cnn_nn::config::RawEntry;
use cnn_nn::config::write::Node;
use std::ops::Range;

const HELP: &str = "\"fit.batch_size\" = [32, 64, 128] trains every row three times";

impl Reader<'_> {
    /// The changes of `[grid]`, one for each value.
    pub(super) fn grid(&mut self) -> Vec<Vec<Change>> {
        if !self.document.has("grid") {
            return Vec::new();
        }
        let span = self.document.span("grid");
        let Some(entries) = self.document.entries(&["grid"]) else {
            self.error("E008", span, "`grid` must be a section", "expected [grid]", HELP);
            return Vec::new();
        };
        if entries.is_empty() {
            self.error("E008", span.clone(), "the grid is empty", "no path with values", HELP);
        }
        let mut grid: Vec<Vec<Change>> = Vec::new();
        for (path, entry) in flat(entries, "", &|_, value| matches!(value, Node::Table(_))) {
            let place = entry.place.entry();
            let keys = self.keys_to("grid", &path);
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let values = match entry.value {
                Node::List(_) => self.document.entries(&keys),
                _ => None,
            };
            let Some(values) = self.values(&path, &entry, values) else { continue };
            let Some(parsed) = self.path(&path, &place) else { continue };
            let change = |RawEntry { value, place, .. }: RawEntry| Change {
                text: path.clone(),
                path: parsed.clone(),
                value,
                key: entry.place.key.clone(),
                place: place.value,
            };
            grid.push(values.into_iter().map(change).collect());
        }
        let most = grid.iter().fold(1usize, |product, values| product.saturating_mul(values.len()));
        if most > MAX_ROWS {
            self.error(
                "E006",
                span,
                &format!("the grid has {most} combinations"),
                "",
                "1000 rows are the most",
            );
            return Vec::new();
        }
        grid
    }

    /// The different values that a path of the grid takes; at least one, or it is said why not.
    fn values(
        &mut self,
        path: &str,
        entry: &RawEntry,
        values: Option<Vec<RawEntry>>,
    ) -> Option<Vec<RawEntry>> {
        let place = Some(entry.place.entry());
        let Some(values) = values else {
            let what = format!("`{path}` needs a list of values");
            let help = format!("\"{path}\" = [{}]", entry.value);
            self.error("E008", place, &what, "expected […]", &help);
            return None;
        };
        if values.is_empty() {
            let what = format!("`{path}` has no value to try");
            self.error("E008", place, &what, "an empty list", HELP);
            return None;
        }
        let mut different: Vec<RawEntry> = Vec::new();
        for value in values {
            if different.iter().any(|before| before.value == value.value) {
                let what = format!("`{path}` lists {} twice", value.value);
                let help = "give each value once";
                self.error("E008", Some(value.place.value), &what, "again", help);
            } else {
                different.push(value);
            }
        }
        Some(different)
    }

    /// The keys, from the top, that lead to a path of the grid: one quoted key, or nested tables.
    fn keys_to(&self, top: &str, path: &str) -> Vec<String> {
        let mut keys = vec![top.to_owned()];
        let mut rest = path;
        loop {
            let so_far: Vec<&str> = keys.iter().map(String::as_str).collect();
            let entries = self.document.entries(&so_far).unwrap_or_default();
            let fits = |entry: &&RawEntry| {
                rest == entry.key || rest.starts_with(&format!("{}.", entry.key))
            };
            let Some(entry) = entries.iter().filter(fits).max_by_key(|entry| entry.key.len())
            else {
                return keys;
            };
            keys.push(entry.key.clone());
            match rest.get(entry.key.len() + 1..) {
                Some(below) if !below.is_empty() => rest = below,
                _ => return keys,
            }
        }
    }

    /// The changes of a variant.
    pub(super) fn set(&mut self, variant: usize) -> Vec<Change> {
        let number = variant.to_string();
        let Some(entries) = self.document.entries(&["variants", &number]) else {
            return Vec::new();
        };
        let Some(set) = entries.into_iter().find(|entry| entry.key == "set") else {
            return Vec::new();
        };
        let Some(entries) = self.document.entries(&["variants", &number, "set"]) else {
            let help = "set = { \"fit.epochs\" = 5 }";
            self.error(
                "E008",
                Some(set.place.entry()),
                "`set` must be a table",
                "expected { … }",
                help,
            );
            return Vec::new();
        };
        // `set.fit.epochs = 5` without quotes is a table in a table.
        let inner = |path: &str, value: &Node| match (value, Path::parse(path)) {
            (Node::Table(_), Err(_)) => true,
            (Node::Table(entries), Ok(Path::Layer { keys, .. })) => {
                keys.is_empty() && entries.iter().all(|(key, _)| key != "type")
            }
            _ => false,
        };
        let mut changes = Vec::new();
        for (path, entry) in flat(entries, "", &inner) {
            let place = entry.place.entry();
            if let Some(parsed) = self.path(&path, &place) {
                let key = entry.place.key.clone();
                changes.push(Change { text: path, path: parsed, value: entry.value, key, place });
            }
        }
        changes
    }

    fn path(&mut self, text: &str, place: &Range<usize>) -> Option<Path> {
        if text == "fit.seed" {
            let what = "`fit.seed` cannot be a row's: every row is trained with each of the seeds";
            self.error(
                "E009",
                Some(place.clone()),
                what,
                "not here",
                "seeds = [1, 2, 3] at the top",
            );
            return None;
        }
        Path::parse(text)
            .map_err(|refused| {
                self.error(
                    "E009",
                    Some(place.clone()),
                    &refused.what,
                    &refused.label,
                    &refused.help,
                );
            })
            .ok()
    }
}

/// The entries with the keys of inner tables joined by points, as far as `inner` says so.
fn flat(
    entries: Vec<RawEntry>,
    prefix: &str,
    inner: &dyn Fn(&str, &Node) -> bool,
) -> Vec<(String, RawEntry)> {
    let mut all = Vec::new();
    for entry in entries {
        let path =
            if prefix.is_empty() { entry.key.clone() } else { format!("{prefix}.{}", entry.key) };
        match &entry.value {
            Node::Table(table) if inner(&path, &entry.value) => {
                let below = |(key, value): &(String, Node)| RawEntry {
                    key: key.clone(),
                    place: entry.place.clone(),
                    value: value.clone(),
                };
                all.extend(flat(table.iter().map(below).collect(), &path, inner));
            }
            _ => all.push((path, entry)),
        }
    }
    all
}

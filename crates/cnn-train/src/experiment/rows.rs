//! The grid spread into rows, and how a row is called.

use super::edit::Path;
use cnn_nn::config::write::Node;
use std::ops::Range;

/// One path set to one value, and where the sweep says so.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    /// The path as it is written.
    pub(super) text: String,
    pub(super) path: Path,
    pub(super) value: Node,
    /// The path in the file,
    pub(super) key: Range<usize>,
    /// and its value.
    pub(super) place: Range<usize>,
}

/// A value for every path of the grid.
pub(super) type Choice<'a> = Vec<&'a Change>;

/// Every combination of the grid's values; the last path changes fastest. Of no path, one empty combination.
pub(super) fn combinations(grid: &[Vec<Change>]) -> Vec<Choice<'_>> {
    let mut choices: Vec<Choice<'_>> = vec![Vec::new()];
    for values in grid {
        let longer = choices.iter().flat_map(|choice| {
            values.iter().map(move |value| [choice.as_slice(), &[value]].concat())
        });
        choices = longer.collect();
    }
    choices
}

/// How each path of the grid is called in a row's name: its last word, or the whole of it where two end alike.
pub(super) fn short_names(grid: &[Vec<Change>]) -> Vec<String> {
    let first: Vec<&Change> = grid.iter().filter_map(|values| values.first()).collect();
    let short = |change: &Change| match &change.path {
        Path::Insert { .. } => String::new(),
        Path::Repeat { .. } => "repeat".to_owned(),
        Path::Value(keys) | Path::Layer { keys, .. } => keys.last().cloned().unwrap_or_default(),
    };
    let shorts: Vec<String> = first.iter().map(|change| short(change)).collect();
    let alike = |name: &String| shorts.iter().filter(|other| *other == name).count() > 1;
    (shorts.iter().zip(&first))
        .map(
            |(name, change)| {
                if alike(name) { change.text.replace("..", "-") } else { name.clone() }
            },
        )
        .collect()
}

/// `filters=16`, `kernel_size=3x3`, `optimizer=SGD(0.1)`, `none`.
pub(super) fn label(short: &str, value: &Node) -> String {
    let text = words(value);
    if short.is_empty() { text } else { format!("{short}={text}") }
}

fn words(value: &Node) -> String {
    let text = match value {
        Node::Nothing => "none".to_owned(),
        Node::Plain(text) | Node::Text(text) => text.clone(),
        Node::List(items) if items.is_empty() => "none".to_owned(),
        Node::List(items) => {
            let plain = items.iter().all(|item| matches!(item, Node::Plain(_)));
            items.iter().map(words).collect::<Vec<_>>().join(if plain { "x" } else { "+" })
        }
        Node::Table(entries) => {
            let named = entries.iter().find(|(key, _)| key == "type");
            let others = entries.iter().filter(|(key, _)| key != "type");
            let inside: Vec<String> = match named {
                Some(_) => others.map(|(_, value)| words(value)).collect(),
                None => others.map(|(key, value)| format!("{key}={}", words(value))).collect(),
            };
            let inside =
                if inside.is_empty() { String::new() } else { format!("({})", inside.join(",")) };
            named.map_or_else(String::new, |(_, kind)| words(kind)) + &inside
        }
    };
    text.chars()
        .map(|c| if c.is_alphanumeric() || "-_.=,+()".contains(c) { c } else { '-' })
        .collect()
}

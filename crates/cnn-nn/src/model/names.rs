//! Unique layer names, as Keras gives them.

use super::problem::{At, Problem};
use super::spec::LayerEntry;
use std::collections::{HashMap, HashSet};

/// Longest name, in bytes.
const MAX_NAME: usize = 256;

/// Why a name cannot be used, if it cannot.
pub(super) fn refuse(name: &str) -> Option<String> {
    if name.is_empty() {
        Some("a name needs at least one character".to_owned())
    } else if name.len() > MAX_NAME {
        Some(format!("a name of {} bytes is too long: the limit is {MAX_NAME}", name.len()))
    } else if name.contains('/') {
        Some("a name cannot contain `/`: parameters are called layer/kernel".to_owned())
    } else if name.chars().any(char::is_control) {
        Some("a name cannot contain control characters".to_owned())
    } else {
        None
    }
}

/// A name for every layer: the given one, else `conv2d`, `conv2d_1`, … skipping those that are given elsewhere.
pub(super) fn assign(layers: &[LayerEntry], problems: &mut Vec<Problem>) -> Vec<String> {
    let mut taken: HashMap<&str, usize> = HashMap::new();
    for (index, name) in
        layers.iter().enumerate().filter_map(|(index, layer)| Some((index, layer.name.as_deref()?)))
    {
        let at = At::Layer { index, key: Some("name") };
        let title = format!("layer {}", index + 1);
        if let Some(reason) = refuse(name) {
            problems.push(
                Problem::error(at, "M010", format!("{title}: {reason}"))
                    .hint("leave `name` out, or use letters, digits and `_`"),
            );
        } else if let Some(first) = taken.insert(name, index) {
            let message = format!("{title} and layer {} are both called `{name}`", first + 1);
            problems.push(
                Problem::error(at, "M011", message)
                    .label("names are unique in a model")
                    .hint("leave `name` out to number the layers"),
            );
        }
    }
    let mut used: HashSet<String> = taken.keys().map(|&name| name.to_owned()).collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    layers
        .iter()
        .map(|layer| {
            if let Some(name) = &layer.name {
                return name.clone();
            }
            let stem = layer.spec.snake_name();
            let count = counts.entry(stem).or_insert(0);
            loop {
                let name = if *count == 0 { stem.to_owned() } else { format!("{stem}_{count}") };
                *count += 1;
                if used.insert(name.clone()) {
                    return name;
                }
            }
        })
        .collect()
}

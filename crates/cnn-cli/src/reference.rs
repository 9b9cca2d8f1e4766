//! The reference of model.toml, as it travels inside the program: `docs/reference/items.json` and the JSON Schemas beside it.
//!
//! `cargo xtask reference` makes them from the code; nothing of what makes them is in the program.

use cnn_nn::config::nearest;
use serde_json::Value;

/// The JSON Schema of model.toml.
pub(crate) const MODEL_SCHEMA: &str = include_str!("../../../docs/reference/model.schema.json");

/// The JSON Schema of sweep.toml.
pub(crate) const SWEEP_SCHEMA: &str = include_str!("../../../docs/reference/sweep.schema.json");

const ITEMS: &str = include_str!("../../../docs/reference/items.json");

/// The kinds, as `--kind` takes them, with what stands above them in a list.
pub(crate) const KINDS: [(&str, &str); 11] = [
    ("section", "The file and its sections"),
    ("layer", "Layers: [[layers]]"),
    ("activation", "Activations: activation of a layer"),
    ("initializer", "Initializers: kernel_initializer, bias_initializer of a layer"),
    ("regularizer", "Regularizers: kernel_regularizer, … of a layer"),
    ("constraint", "Constraints: kernel_constraint of a layer"),
    ("loss", "Losses: loss in [compile]"),
    ("metric", "Metrics: metrics in [compile]"),
    ("optimizer", "Optimizers: optimizer in [compile]"),
    ("schedule", "Schedules: learning_rate of an optimizer"),
    ("callback", "Callbacks: [[callbacks]]"),
];

/// One thing that model.toml may name, as the file has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item(pub(crate) Value);

impl Item {
    /// A text of it, empty if there is none.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    /// Its keys, in the order of its spec.
    pub(crate) fn keys(&self) -> &[Value] {
        self.0["keys"].as_array().map_or(&[], Vec::as_slice)
    }

    /// What it is, in the first sentence.
    pub(crate) fn sentence(&self) -> String {
        let about = self.text("about");
        // "et al. 2015" does not end one.
        let ends = about.match_indices([';', '.']).map(|(at, _)| at);
        let mut ends =
            ends.filter(|&at| about[at + 1..].starts_with(' ') && !about[..at].ends_with("al"));
        ends.next().map_or_else(|| about.to_owned(), |at| format!("{}.", &about[..at]))
    }

    fn is_called(&self, name: &str) -> bool {
        let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
        [self.text("name"), self.text("alias")].iter().any(|own| plain(own) == plain(name))
    }
}

/// All of one kind, or of every kind.
pub(crate) fn items(kind: Option<&str>) -> Vec<Item> {
    let all = match serde_json::from_str(ITEMS) {
        Ok(Value::Array(all)) => all,
        _ => Vec::new(),
    };
    let all = all.into_iter().map(Item);
    all.filter(|item| kind.is_none_or(|kind| item.text("kind") == kind)).collect()
}

/// The items of that name, whatever the case and the underscores; or the nearest name there is.
pub(crate) fn find(all: &[Item], name: &str) -> Result<Vec<Item>, Option<String>> {
    let exact: Vec<Item> = all.iter().filter(|item| item.text("name") == name).cloned().collect();
    if !exact.is_empty() {
        return Ok(exact);
    }
    let found: Vec<Item> = all.iter().filter(|item| item.is_called(name)).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    Err(nearest(name, all.iter().map(|item| item.text("name"))).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_items_and_every_item_a_kind() {
        let all = items(None);
        assert!(all.len() > 100, "{}", all.len());
        for item in &all {
            assert!(KINDS.iter().any(|(kind, _)| *kind == item.text("kind")), "{item:?}");
            assert!(!item.text("name").is_empty() && !item.sentence().is_empty(), "{item:?}");
            assert_eq!(find(&all, item.text("name")).unwrap()[0].text("name"), item.text("name"));
        }
        for (kind, _) in KINDS {
            assert!(!items(Some(kind)).is_empty(), "{kind}");
        }
    }

    #[test]
    fn names_are_found_as_people_write_them() {
        let all = items(None);
        let name = |word: &str| find(&all, word).map(|found| found[0].text("name").to_owned());
        assert_eq!(name("conv2d").unwrap(), "Conv2D");
        assert_eq!(name("max_pooling2d").unwrap(), "MaxPooling2D");
        assert_eq!(name("swish").unwrap(), "silu");
        assert_eq!(name("MaxPoling2D"), Err(Some("MaxPooling2D".to_owned())));
        assert_eq!(name("LSTM"), Err(None));
    }
}

//! The reference of model.toml, as it travels inside the program: `docs/reference/items.json` and the JSON Schemas beside it.
//!
//! `cargo xtask reference` makes them from the code; nothing of what makes them is in the program.

use cnn_nn::config::nearest;
use serde_json::{Value, json};

/// The JSON Schema of model.toml.
pub(crate) const MODEL_SCHEMA: &str = include_str!("../../../docs/reference/model.schema.json");

/// The JSON Schema of sweep.toml.
pub(crate) const SWEEP_SCHEMA: &str = include_str!("../../../docs/reference/sweep.schema.json");

const ITEMS: &str = include_str!("../../../docs/reference/items.json");

/// The kinds, as `--kind` takes them, with what stands above them in a list.
pub(crate) const KINDS: [(&str, &str); 12] = [
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
    ("report", "Reports: what `cnn evaluate` tells of a trained network; no key asks for them"),
];

/// What `cnn evaluate` reports: name, other name, what it is. People look for these among the metrics.
const REPORTS: [[&str; 3]; 8] = [
    [
        "precision",
        "",
        "Of the images that were given a class, the share that has it; for every class, with plain and weighted means.",
    ],
    [
        "recall",
        "sensitivity",
        "Of the images of a class, the share that was given it; for every class, with plain and weighted means.",
    ],
    [
        "f1-score",
        "f1",
        "Harmonic mean of precision and recall; for every class, with plain and weighted means.",
    ],
    [
        "confusion matrix",
        "",
        "How often each class was taken for each other; rows are the true classes, columns the answers.",
    ],
    [
        "95 % interval",
        "wilson",
        "Where the accuracy on other images of the same kind lies, by Wilson.",
    ],
    [
        "negative log likelihood",
        "nll",
        "Mean of −ln p, with p the probability of the right class, in nats.",
    ],
    [
        "Brier score",
        "brier",
        "Mean of Σ (p − t)² over the classes, 0 to 2; t is 1 for the right class and 0 for the others.",
    ],
    [
        "expected calibration error",
        "ece",
        "How far confidence and accuracy lie apart, over 15 bins of equal width.",
    ],
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
        [self.text("name"), self.text("alias")].iter().any(|own| plain(own) == plain(name))
    }
}

/// A name without case, blanks, hyphens and underscores.
fn plain(name: &str) -> String {
    name.replace(['_', '-', ' '], "").to_lowercase()
}

/// A key, and the items of one kind that have it with one meaning.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    /// As the items have it.
    pub(crate) entry: Value,
    /// The items' kind.
    pub(crate) kind: String,
    /// Their names.
    pub(crate) of: Vec<String>,
}

/// An item for each of [`REPORTS`].
fn reports() -> impl Iterator<Item = Item> {
    REPORTS.into_iter().map(|[name, alias, about]| {
        let text = "Printed by `cnn evaluate RUN`, and in its `--format json`; more in docs/losses.md.";
        let example = "cnn evaluate runs/RUN\n";
        Item(json!({ "kind": "report", "name": name, "alias": alias, "about": about, "text": text, "keys": [], "example": example }))
    })
}

/// All of one kind, or of every kind.
pub(crate) fn items(kind: Option<&str>) -> Vec<Item> {
    let all = match serde_json::from_str(ITEMS) {
        Ok(Value::Array(all)) => all,
        _ => Vec::new(),
    };
    let all = all.into_iter().map(Item).chain(reports());
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

/// What has the word in its name, where nothing is called so: items, and keys. Keys of exactly that name win over all others.
pub(crate) fn search(all: &[Item], word: &str) -> (Vec<Item>, Vec<Key>) {
    let word = plain(word);
    let exact = keys(all, |name| name == word);
    if !exact.is_empty() || word.chars().count() < 2 {
        return (Vec::new(), exact);
    }
    let has =
        |item: &&Item| ["name", "alias"].iter().any(|of| plain(item.text(of)).contains(&word));
    let items = all.iter().filter(has).cloned().collect();
    (items, keys(all, |name| name.contains(&word)))
}

/// The keys whose plain name is wanted, each once for all items of a kind where it means the same.
fn keys(all: &[Item], wanted: impl Fn(&str) -> bool) -> Vec<Key> {
    let mut found: Vec<Key> = Vec::new();
    for item in all {
        let (kind, name) = (item.text("kind").to_owned(), item.text("name").to_owned());
        for key in item
            .keys()
            .iter()
            .filter(|key| key["name"].as_str().is_some_and(|name| wanted(&plain(name))))
        {
            let same = |other: &&mut Key| {
                other.kind == kind
                    && ["name", "type", "meaning"].iter().all(|of| other.entry[of] == key[of])
            };
            match found.iter_mut().find(same) {
                Some(other) => other.of.push(name.clone()),
                None => {
                    found.push(Key {
                        entry: key.clone(),
                        kind: kind.clone(),
                        of: vec![name.clone()],
                    });
                }
            }
        }
    }
    found
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

    #[test]
    fn words_lead_to_what_has_them() {
        let all = items(None);
        for report in ["precision", "recall", "f1", "ece", "nll", "brier", "Confusion_Matrix"] {
            assert_eq!(find(&all, report).unwrap()[0].text("kind"), "report", "{report}");
        }
        let keys = |word: &str| {
            let (items, keys) = search(&all, word);
            assert!(items.is_empty(), "{items:?}");
            let name =
                |key: &Key| (key.entry["name"].as_str().unwrap().to_owned(), key.kind.clone());
            keys.iter().map(name).collect::<Vec<_>>()
        };
        let of_optimizers = |names: &[&str]| -> Vec<(String, String)> {
            names.iter().map(|name| ((*name).to_owned(), "optimizer".to_owned())).collect()
        };
        assert_eq!(keys("lookahead"), of_optimizers(&["lookahead"]));
        assert_eq!(keys("clipnorm"), of_optimizers(&["clipnorm"]));
        let (_, clipnorm) = search(&all, "ClipNorm");
        assert!(clipnorm[0].of.len() >= 8, "{clipnorm:?}");
        let (items, _) = search(&all, "pooling");
        assert!(
            items.len() >= 4 && items.iter().all(|item| item.text("name").contains("Pooling2D"))
        );
        let (items, keys) = search(&all, "ema");
        assert!(items.iter().any(|item| item.text("name") == "SwapEMAWeights"), "{items:?}");
        assert!(keys.iter().any(|key| key.entry["name"] == "use_ema"), "{keys:?}");
        assert_eq!(search(&all, "LSTM"), (Vec::new(), Vec::new()));
    }
}

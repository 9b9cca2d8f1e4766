//! What each item of the reference is compared with: cases of Keras's in data/golden, or a test with an oracle of its own.
//!
//! The cases are counted from the files themselves, by the names in them; the tests that read the files, and those that stand for
//! items without a file, are looked for in the sources. A new item fails here until it has one of the two.

use crate::items::{Item, items};
use crate::{root, schema};
use cnn_data::npz;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// Items by kind and name, with the number of cases.
type Cases = BTreeMap<(&'static str, String), usize>;

/// Who compares which golden file: the file, how its test calls it, the test.
const READERS: [(&str, &str, &str); 18] = [
    ("LAYER.npz", "{kind}.npz", "crates/cnn-nn/tests/goldens.rs::every_layer_equals_keras"),
    (
        "augment.npz",
        "augment.npz",
        "crates/cnn-nn/src/layers/keras_draws.rs::images_through_maps_equal_keras",
    ),
    ("losses.npz", "losses.npz", "crates/cnn-nn/tests/goldens.rs::every_loss_equals_keras"),
    (
        "regularizers.npz",
        "regularizers.npz",
        "crates/cnn-train/tests/trajectory.rs::penalties_are_keras_s",
    ),
    (
        "activity.npz",
        "activity.npz",
        "crates/cnn-train/tests/trajectory.rs::penalties_on_outputs_are_keras_s",
    ),
    (
        "initializers.npz",
        "initializers.npz",
        "crates/cnn-nn/tests/goldens.rs::every_initializer_equals_keras",
    ),
    (
        "separable.npz",
        "separable.npz",
        "crates/cnn-train/tests/trajectory.rs::depthwise_layers_and_a_penalised_softmax_are_keras_s",
    ),
    (
        "constraints.npz",
        "constraints.npz",
        "crates/cnn-train/tests/trajectory.rs::constraints_are_keras_s",
    ),
    (
        "optimizers.npz",
        "optimizers.npz",
        "crates/cnn-train/tests/optimizer_goldens.rs::fifty_steps_equal_keras",
    ),
    (
        "optimizer_keys.npz",
        "optimizer_keys.npz",
        "crates/cnn-train/tests/optimizer_goldens.rs::the_keys_of_all_optimizers_equal_keras",
    ),
    (
        "schedules.npz",
        "schedules.npz",
        "crates/cnn-train/tests/optimizer_goldens.rs::rates_equal_keras_and_torch",
    ),
    (
        "swap_ema.npz",
        "swap_ema.npz",
        "crates/cnn-train/tests/trajectory.rs::the_mean_of_the_weights_stands_in_for_them_where_keras_has_it",
    ),
    (
        "early_stopping.json",
        "early_stopping",
        "crates/cnn-callbacks/tests/golden.rs::early_stopping_does_what_keras_does",
    ),
    (
        "csv_logger.json",
        "csv_logger",
        "crates/cnn-callbacks/tests/golden.rs::the_csv_file_has_keras_bytes",
    ),
    (
        "terminate_on_nan.json",
        "terminate_on_nan",
        "crates/cnn-callbacks/tests/golden.rs::terminate_on_nan_stops_where_keras_stops",
    ),
    (
        "reduce_lr_on_plateau.json",
        "reduce_lr_on_plateau",
        "crates/cnn-callbacks/tests/golden.rs::reduce_lr_on_plateau_does_what_keras_does",
    ),
    (
        "learning_rate_scheduler.json",
        "learning_rate_scheduler",
        "crates/cnn-callbacks/tests/golden.rs::the_learning_rate_scheduler_sets_what_keras_sets",
    ),
    (
        "model_checkpoint.json",
        "model_checkpoint",
        "crates/cnn-callbacks/tests/golden.rs::model_checkpoint_saves_when_and_where_keras_saves",
    ),
];

/// Items that no golden file names, with the test that knows better by other means: scripted traces, `TensorFlow`'s bytes.
const INDEPENDENT: [(&str, &[&str], &str); 4] = [
    (
        "callback",
        &["StopAt"],
        "crates/cnn-callbacks/tests/traces.rs::stop_at_knows_which_way_is_better",
    ),
    (
        "callback",
        &["TimeBudget"],
        "crates/cnn-callbacks/tests/traces.rs::a_time_budget_ends_training_at_a_step_or_at_an_epoch_s_end",
    ),
    (
        "callback",
        &["TensorBoard"],
        "crates/cnn-callbacks/src/callbacks/tensorboard/tests.rs::the_records_have_tensorflow_s_bytes",
    ),
    (
        "metric",
        &["acc"],
        "crates/cnn-callbacks/tests/specs.rs::acc_and_accuracy_stand_for_each_other",
    ),
];

/// The tests that every item of a kind goes through, as its registry is their loop.
const CONFORMANCE: [(&str, &str, &str); 5] = [
    (
        "layer",
        "LayerSpec::examples()",
        "crates/cnn-nn/tests/conformance.rs::gradients_equal_finite_differences",
    ),
    (
        "loss",
        "LossSpec::examples()",
        "crates/cnn-nn/tests/engine.rs::loss_gradient_equals_finite_differences",
    ),
    (
        "optimizer",
        "REGISTRY",
        "crates/cnn-optim/tests/conformance.rs::fifty_steps_follow_the_formulas",
    ),
    (
        "schedule",
        "ScheduleSpec::examples()",
        "crates/cnn-optim/tests/schedules.rs::rates_stay_between_zero_and_the_peak",
    ),
    (
        "callback",
        "REGISTRY",
        "crates/cnn-callbacks/tests/specs.rs::every_spec_survives_writing_and_reading_and_builds",
    ),
];

/// Asserts that a test compares this golden file.
fn assert_read(file: &str) {
    let reader = READERS.iter().find(|(golden, ..)| *golden == file);
    let (_, word, test) = reader.unwrap_or_else(|| panic!("no test reads {file}"));
    assert_test(test, word);
}

/// Asserts that a test exists, and that its file has a word.
fn assert_test(path: &str, word: &str) {
    let (file, name) = path.split_once("::").unwrap();
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    let at = text.find(&format!("fn {name}()")).unwrap_or_else(|| panic!("no test {path}"));
    assert!(text[..at].trim_end().ends_with("#[test]"), "{path} is no test");
    assert!(text.contains(word), "{file} has no `{word}`");
}

/// The texts under `toml` of a golden file, by case; a file about one model has the case "".
fn tables(file: &str) -> Vec<(String, Value)> {
    let entries = npz::read(&root().join("data/golden").join(file)).unwrap();
    let tables = entries.into_iter().filter_map(|npz::Entry { name, array }| {
        let case = name.strip_suffix("toml")?.trim_end_matches('/').to_owned();
        let text: String = array.to_f32().iter().map(|&b| char::from(b as u8)).collect();
        Some((case, toml::from_str(&text).unwrap_or_else(|e| panic!("{file} {name}: {e}"))))
    });
    tables.collect()
}

/// The arrays of a golden file.
fn names(file: &str) -> Vec<String> {
    let entries = npz::read(&root().join("data/golden").join(file)).unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}

/// Every value under one of these keys, at any depth.
fn under<'a>(value: &'a Value, ending: &str, all: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => {
            for (key, item) in map {
                if key.ends_with(ending) {
                    all.push(item);
                }
                under(item, ending, all);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| under(item, ending, all)),
        _ => {}
    }
}

/// Counts what the golden files have cases of; a case may show several items, such as a layer and an activation.
struct Counter<'a> {
    items: &'a [Item],
    cases: Cases,
}

impl Counter<'_> {
    /// Of the item of a kind with any of its spellings.
    fn count(&mut self, kind: &'static str, name: &str, n: usize) {
        let is = |item: &&Item| {
            item.kind == kind && (item.name == name || item.alias.as_deref() == Some(name))
        };
        let item = self.items.iter().find(is).unwrap_or_else(|| panic!("no {kind} `{name}`"));
        *self.cases.entry((kind, item.name.clone())).or_default() += n;
    }

    fn layers(&mut self) {
        assert_read("LAYER.npz");
        for layer in self.items.iter().filter(|item| item.kind == "layer") {
            let file = format!("{}.npz", layer.name);
            if !root().join("data/golden").join(&file).is_file() {
                continue;
            }
            for (_, table) in tables(&file) {
                self.count("layer", &layer.name, 1);
                let mut activations = Vec::new();
                under(&table, "activation", &mut activations);
                for name in activations {
                    self.count("activation", name.as_str().unwrap(), 1);
                }
            }
        }
        assert_read("augment.npz");
        for name in names("augment.npz") {
            let drawn = name.strip_suffix("/drawn").and_then(|case| case.split_once('/'));
            if let Some((layer, _)) = drawn {
                self.count("layer", layer, 1);
            }
        }
    }

    /// What `[compile]` names, by the `type` of each case.
    fn compile(&mut self) {
        for (kind, file) in [
            ("loss", "losses.npz"),
            ("optimizer", "optimizers.npz"),
            ("optimizer", "optimizer_keys.npz"),
            ("schedule", "schedules.npz"),
        ] {
            assert_read(file);
            for (_, table) in tables(file) {
                self.count(kind, table["type"].as_str().unwrap(), 1);
            }
        }
        // Every case of a loss counts the right answers; of more than two outputs, those among the first two as well.
        for name in names("losses.npz") {
            if name.ends_with("/correct") {
                self.count("metric", "accuracy", 1);
            } else if name.ends_with("/top_2") {
                self.count("metric", "TopKCategoricalAccuracy", 1);
                self.count("metric", "SparseTopKCategoricalAccuracy", 1);
            }
        }
    }

    /// What layers take, key by key.
    fn keys_of_layers(&mut self) {
        for (file, kind) in [
            ("initializers.npz", "initializer"),
            ("separable.npz", "regularizer"),
            ("separable.npz", "constraint"),
            ("regularizers.npz", "regularizer"),
            ("activity.npz", "regularizer"),
            ("constraints.npz", "constraint"),
        ] {
            assert_read(file);
            for (_, table) in tables(file) {
                let mut given = Vec::new();
                under(&table, kind, &mut given);
                for value in given {
                    match value {
                        Value::String(name) => self.count(kind, name, 1),
                        // Two factors are the third regulariser.
                        Value::Object(map) => {
                            let keys: Vec<&str> = map.keys().map(String::as_str).collect();
                            self.count(kind, &keys.concat(), 1);
                        }
                        other => panic!("{file}: {other}"),
                    }
                }
            }
        }
    }

    fn callbacks(&mut self) {
        assert_read("swap_ema.npz");
        let seen = names("swap_ema.npz").into_iter().filter(|name| name.ends_with("/seen"));
        // One of them is without the callback.
        self.count("callback", "SwapEMAWeights", seen.count() - 1);
        for entry in fs::read_dir(root().join("data/golden/callbacks")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            // The progress bar is no callback of model.toml.
            if name != "progress_bar" {
                assert_read(&format!("{name}.json"));
                self.count("callback", &name, file["cases"].as_array().unwrap().len());
            }
        }
    }
}

/// The test that stands for an item without a golden file.
fn independent(item: &Item) -> Option<&'static str> {
    let mut all = INDEPENDENT.iter();
    all.find(|(kind, names, _)| *kind == item.kind && names.contains(&&*item.name))
        .map(|(.., test)| *test)
}

#[test]
fn every_item_has_a_golden_file_or_an_independent_oracle() {
    let mut all = items(&schema::model());
    all.retain(|item| item.kind != "section");
    let mut counter = Counter { items: &all, cases: Cases::new() };
    counter.layers();
    counter.compile();
    counter.keys_of_layers();
    counter.callbacks();
    for (_, word, test) in CONFORMANCE {
        assert_test(test, word);
    }
    let (mut with, mut counted, mut alone, mut without) = (0, 0, 0, Vec::new());
    for item in &all {
        match (counter.cases.get(&(item.kind, item.name.clone())), independent(item)) {
            (Some(n), _) => {
                with += 1;
                counted += n;
            }
            (None, Some(test)) => {
                assert_test(test, "");
                alone += 1;
            }
            (None, None) => without.push(format!("{} {}", item.kind, item.name)),
        }
    }
    println!(
        "{} items: {with} with goldens of Keras, OneCycle's of PyTorch ({counted} cases), {alone} with an independent oracle",
        all.len()
    );
    assert!(without.is_empty(), "no oracle: {without:?}");
}

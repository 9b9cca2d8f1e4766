//! What is kept for validation: scikit-learn's numbers per class, and what training makes of it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use cnn_data::{Split, npz};
use cnn_train::parts::parts;
use cnn_train::{Config, FitSpec, Fold, Overrides};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use support::{MODEL, stripes, trainer};

fn share(validation_split: f64) -> FitSpec {
    FitSpec { validation_split, stratified: true, ..FitSpec::default() }
}

/// Images of each class, in rising order, among these places.
fn counts(labels: &[u32], places: &[u32]) -> Vec<usize> {
    let mut counts: BTreeMap<u32, usize> = labels.iter().map(|&label| (label, 0)).collect();
    for &place in places {
        *counts.get_mut(&labels[place as usize]).unwrap() += 1;
    }
    counts.into_values().collect()
}

#[test]
fn every_class_and_fold_has_as_many_images_as_in_scikit_learn() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/parts.npz");
    let arrays: BTreeMap<String, Vec<usize>> = npz::read(&path)
        .unwrap()
        .into_iter()
        .map(|entry| (entry.name, entry.array.to_f32().iter().map(|&v| v as usize).collect()))
        .collect();
    let cases: BTreeSet<&str> =
        arrays.keys().filter_map(|key| key.split_once('/').map(|(case, _)| case)).collect();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let of = |key: &str| &arrays[&format!("{case}/{key}")];
        let labels: Vec<u32> = of("labels").iter().map(|&label| label as u32).collect();
        let folds = of("folds")[0];
        for (number, expected) in (1..=folds).zip(of("per_fold").chunks(of("kept").len())) {
            let fit = FitSpec { fold: Fold::new(number, folds), ..FitSpec::default() };
            let parts = parts(&labels, &fit).unwrap();
            assert_eq!(counts(&labels, &parts.validation), expected, "{case}, fold {number}");
        }
        // The share whose floor leaves exactly so many.
        let held = of("held")[0];
        let parts = parts(&labels, &share((held as f64 - 0.5) / labels.len() as f64)).unwrap();
        assert_eq!(parts.validation.len(), held, "{case}");
        assert_eq!(counts(&labels, &parts.validation), *of("kept"), "{case}");
    }
}

proptest! {
    #[test]
    fn parts_are_a_partition_and_no_class_differs_by_more_than_one(
        labels in prop::collection::vec(0_u32..5, 10..200), of in 2_usize..8, seed: u64,
    ) {
        let mut seen = vec![0; labels.len()];
        let mut sizes = Vec::new();
        for number in 1..=of {
            let fit = FitSpec { fold: Fold::new(number, of), seed, ..FitSpec::default() };
            let parts = parts(&labels, &fit).unwrap();
            prop_assert!(parts.train.iter().all(|place| !parts.validation.contains(place)));
            parts.validation.iter().for_each(|&place| seen[place as usize] += 1);
            sizes.push(counts(&labels, &parts.validation));
        }
        prop_assert!(seen.iter().all(|&n| n == 1));
        for class in 0..sizes[0].len() {
            let of_class: Vec<usize> = sizes.iter().map(|counts| counts[class]).collect();
            prop_assert!(of_class.iter().max().unwrap() - of_class.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn a_stratified_share_is_as_large_as_keras_s(
        labels in prop::collection::vec(0_u32..5, 10..200), split in 0.1_f64..0.9, seed: u64,
    ) {
        let stratified = parts(&labels, &FitSpec { seed, ..share(split) }).unwrap();
        let keras = parts(&labels, &FitSpec { stratified: false, ..share(split) }).unwrap();
        prop_assert_eq!(stratified.validation.len(), keras.validation.len());
        prop_assert_eq!(keras.train.last().map(|last| last + 1), keras.validation.first().copied());
        let exact = stratified.validation.len() as f64 / labels.len() as f64;
        let all: Vec<u32> = (0..labels.len() as u32).collect();
        for (kept, there) in counts(&labels, &stratified.validation).iter().zip(counts(&labels, &all)) {
            prop_assert!((*kept as f64 - there as f64 * exact).abs() < 1.0);
        }
    }
}

#[test]
fn a_fold_trains_on_the_others_and_measures_itself() {
    let data: Split = stripes(90, 3);
    let places =
        parts(&data.labels, &FitSpec { seed: 7, fold: Fold::new(2, 3), ..FitSpec::default() })
            .unwrap();
    let mut folded = trainer(&MODEL.replace("epochs = 4", "epochs = 2\nfold = \"2/3\""), 2);
    let result = folded.fit(&data, None, &mut []).unwrap();
    assert_eq!((result.samples, result.validation_samples), (60, 30));
    // The same as being handed both parts.
    let (train, validation) = (data.select(&places.train), data.select(&places.validation));
    let mut other = trainer(&MODEL.replace("epochs = 4", "epochs = 2"), 1);
    let expected = other.fit(&train, Some(&validation), &mut []).unwrap();
    assert_eq!(folded.weights(), other.weights());
    assert_eq!(result.history.get("val_loss"), expected.history.get("val_loss"));
}

const LAYERS: &str = "input = [8, 8, 1]\n[[layers]]\ntype = \"Flatten\"\n[[layers]]\ntype = \"Dense\"\nunits = 3\nactivation = \"softmax\"\n";

fn read(fit: &str, overrides: Overrides) -> Result<Config, String> {
    let text = format!("{LAYERS}[fit]\n{fit}\n");
    let config = Config::from_toml_with("model.toml", &text, overrides);
    config.map(|(config, _)| config).map_err(|found| found.to_string())
}

#[test]
fn what_does_not_go_together_is_one_mistake() {
    let plain = Overrides::default();
    for (fit, parts) in [
        ("fold = \"6/5\"", ["model.toml:9:", "is no fold", "2/5"]),
        ("fold = 2", ["model.toml:9:", "expected", "fold"]),
        ("fold = \"1/5\"\nvalidation_split = 0.1", ["M072", "both say", "keep one"]),
        ("stratified = true", ["M072", "model.toml:9:", "validation_split = 0.1"]),
        ("fold = \"1/5\"\nstratified = true", ["M072", "model.toml:10:", "leave it out"]),
    ] {
        let text = read(fit, plain).expect_err("a mistake was expected");
        assert_eq!(text.matches("error[").count(), 1, "{text}");
        for part in parts {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}

#[test]
fn the_command_line_wins_and_files_read_back() {
    let over = Overrides { fold: "1/5".parse().ok(), ..Overrides::default() };
    let config = read("validation_split = 0.2\nstratified = true", over).unwrap();
    assert_eq!((config.fit.fold, config.fit.validates()), (Fold::new(1, 5), true));
    assert!(config.fit.validation_split <= 0.0 && !config.fit.stratified);
    let over = Overrides { validation_split: Some(0.3), ..Overrides::default() };
    let config = read("fold = \"1/5\"", over).unwrap();
    assert!(config.fit.fold.is_none() && (config.fit.validation_split - 0.3).abs() < 1e-12);
    for fit in ["fold = \"2/5\"", "validation_split = 0.25\nstratified = true", ""] {
        let config = read(fit, Overrides::default()).unwrap();
        let text = config.to_toml().unwrap();
        assert_eq!(Config::from_toml("again", &text).unwrap().0, config);
        // Keys that are not used are not written: older programs read such files, and an experiment's sums stay.
        assert_eq!(text.contains("fold"), fit.contains("fold"));
        assert_eq!(text.contains("stratified"), fit.contains("stratified"));
    }
}

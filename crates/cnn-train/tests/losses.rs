//! Losses and metrics in training: class weights, mixed batches and top-k accuracy over whole epochs.
#![expect(clippy::unwrap_used, reason = "a test's helper may panic")]

mod support;

use cnn_data::Split;
use cnn_train::Trainer;
use support::{MODEL, stripes, trainer};

/// The model with this loss and these metrics. With a learning rate that moves no weight, what an epoch reports can be
/// counted afterwards.
fn still(loss: &str, metrics: &str, fit: &str) -> String {
    let compile = format!(
        "[compile]\noptimizer = {{ type = \"SGD\", learning_rate = 1e-30 }}\nloss = {loss}\nmetrics = {metrics}\n\n[fit]"
    );
    MODEL.replace("[fit]", &compile).replace("epochs = 4", &format!("epochs = 1\n{fit}"))
}

/// The model with another head and loss, to be trained.
fn with(units: usize, activation: &str, loss: &str, fit: &str) -> String {
    let head = format!("units = {units}\nactivation = \"{activation}\"");
    MODEL
        .replace("units = 3\nactivation = \"softmax\"", &head)
        .replace("[fit]", &format!("[compile]\nloss = {loss}\n\n[fit]\n{fit}"))
        .replace("epochs = 4", "epochs = 8")
}

fn last(history: &cnn_callbacks::History, name: &str) -> f64 {
    *history.get(name).unwrap().last().unwrap()
}

/// Σ w·(−ln p) / n over a data set.
fn weighted(t: &mut Trainer, data: &Split, weights: [f64; 3]) -> f64 {
    let answers = t.answers(data).unwrap();
    let sum: f64 =
        answers.iter().map(|a| weights[a.truth] * -f64::from(a.truth_probability).ln()).sum();
    sum / answers.len() as f64
}

#[test]
fn class_weights_count_in_training_and_nowhere_else() {
    let (train, validation) = (stripes(90, 1), stripes(40, 2));
    let loss = "{ type = \"CategoricalCrossentropy\", class_weight = { 0 = 3.0, 2 = 0.5 } }";
    let mut t = trainer(&still(loss, "[\"accuracy\"]", "eval_train = true"), 2);
    let fit = t.fit(&train, Some(&validation), &mut []).unwrap();
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-5, "{a} and {b}");
    near(last(&fit.history, "loss"), weighted(&mut t, &train, [3.0, 1.0, 0.5]));
    near(last(&fit.history, "train_loss"), weighted(&mut t, &train, [1.0; 3]));
    near(last(&fit.history, "val_loss"), weighted(&mut t, &validation, [1.0; 3]));
    near(t.evaluate(&validation).unwrap().loss, weighted(&mut t, &validation, [1.0; 3]));
}

/// scikit-learn: `compute_class_weight("balanced", classes=[0, 1, 2], y=…)` is n / (3 · n of the class). The images that are kept
/// for validation have no part in it.
#[test]
fn balanced_weights_are_those_of_the_training_images() {
    let mut data = stripes(120, 3);
    // Of the first 90 images 50 are of class 0, 30 of class 1, 10 of class 2.
    data.labels[..90].copy_from_slice(&[[0; 50].as_slice(), &[1; 30], &[2; 10]].concat());
    let trained = |weights: &str| {
        let loss =
            format!("{{ type = \"SparseCategoricalCrossentropy\", class_weight = {weights} }}");
        let mut t = trainer(&with(3, "softmax", &loss, "validation_split = 0.25"), 1);
        t.fit(&data, None, &mut []).unwrap();
        t.weights_hash()
    };
    let balanced = trained("\"balanced\"");
    let explicit = [50, 30, 10].map(|n| (90.0 / (3.0 * f64::from(n))).to_string()).join(", ");
    assert_eq!(balanced, trained(&format!("[{explicit}]")));
    assert_ne!(balanced, trained("[1, 1, 1]"));
}

#[test]
fn every_loss_learns_from_whole_and_mixed_images_with_the_same_bits_on_any_number_of_threads() {
    let data = stripes(96, 4);
    let mut two = data.clone();
    two.labels.iter_mut().for_each(|label| *label = u32::from(*label > 0));
    let focal = "{ type = \"CategoricalFocalCrossentropy\", gamma = 0.5, label_smoothing = 0.1 }";
    let cases = [
        (3, "softmax", "\"sparse_categorical_crossentropy\""),
        (3, "softmax", "{ type = \"CategoricalCrossentropy\", label_smoothing = 0.2 }"),
        (3, "softmax", focal),
        (3, "sigmoid", "\"binary_crossentropy\""),
        (1, "sigmoid", "{ type = \"BinaryCrossentropy\", class_weight = [2.0, 1.0] }"),
        (1, "sigmoid", "\"binary_focal_crossentropy\""),
        (3, "softmax", "\"mean_squared_error\""),
        (1, "linear", "\"mean_squared_error\""),
    ];
    for (units, activation, loss) in cases {
        let data = if units == 1 { &two } else { &data };
        for fit in ["", "mixup = 0.4", "cutmix = 1.0"] {
            let text = with(units, activation, loss, fit);
            let run = |threads| {
                let mut t = trainer(&text, threads);
                let before = t.evaluate(data).unwrap().loss;
                let history = t.fit(data, None, &mut []).unwrap().history;
                let losses = history.get("loss").unwrap().to_vec();
                let after = t.evaluate(data).unwrap().loss;
                assert!(after < before, "{loss} {fit}: {before} to {after}");
                (t.weights_hash(), losses.iter().map(|l| l.to_bits()).collect::<Vec<_>>())
            };
            assert_eq!(run(1), run(3), "{loss} {fit}");
        }
    }
}

#[test]
fn top_k_is_the_mean_over_the_epoch() {
    let (train, validation) = (stripes(90, 5), stripes(40, 6));
    let metrics = "[\"acc\", { type = \"TopKCategoricalAccuracy\", k = 2, name = \"top2\" }, \
                   { type = \"SparseTopKCategoricalAccuracy\", k = 1 }]";
    let mut t = trainer(&still("\"sparse_categorical_crossentropy\"", metrics, ""), 1);
    let fit = t.fit(&train, Some(&validation), &mut []).unwrap();
    let names: Vec<&str> = fit.history.history.iter().map(|(name, _)| name).collect();
    let sparse = "sparse_top_k_categorical_accuracy";
    assert_eq!(names[..4], ["acc", "loss", sparse, "top2"]);
    let rank = |t: &mut Trainer, data: &Split, k: usize| {
        let indices: Vec<u32> = (0..data.labels.len() as u32).collect();
        let rows = t.predict_split(data, &indices).unwrap();
        let right = rows.chunks(3).zip(&data.labels).filter(|(row, label)| {
            let own = row[**label as usize];
            row.iter().filter(|p| **p > own).count() < k
        });
        right.count() as f64 / data.labels.len() as f64
    };
    for (prefix, data) in [("", &train), ("val_", &validation)] {
        let value = |name: &str| last(&fit.history, &format!("{prefix}{name}"));
        assert!((value("top2") - rank(&mut t, data, 2)).abs() < 1e-12);
        assert!((value(sparse) - rank(&mut t, data, 1)).abs() < 1e-12);
        assert!((value("acc") - value(sparse)).abs() < 1e-12);
    }
    let found = t.evaluate(&validation).unwrap();
    assert_eq!(found.top_k.iter().map(|top| top.k).collect::<Vec<_>>(), [2, 1]);
    assert!((found.top_k[0].accuracy - rank(&mut t, &validation, 2)).abs() < 1e-12);
}

/// Against sums over the probabilities, image by image.
#[test]
fn likelihood_and_brier_score_are_those_of_the_probabilities() {
    let data = stripes(60, 8);
    let mut t = trainer(MODEL, 1);
    t.fit(&data, None, &mut []).unwrap();
    let indices: Vec<u32> = (0..60).collect();
    let rows = t.predict_split(&data, &indices).unwrap();
    let (mut nll, mut brier) = (0.0, 0.0);
    for (row, &label) in rows.chunks(3).zip(&data.labels) {
        nll -= f64::from(row[label as usize]).ln() / 60.0;
        for (class, &p) in row.iter().enumerate() {
            let wanted = f64::from(u8::from(class == label as usize));
            brier += (f64::from(p) - wanted).powi(2) / 60.0;
        }
    }
    let found = t.evaluate(&data).unwrap();
    assert!((found.nll - nll).abs() < 1e-9 && (found.brier - brier).abs() < 1e-6);
    assert!((found.nll - found.loss).abs() < 1e-5, "plain cross-entropy is the same");
}

#[test]
fn the_snippet_of_the_page_is_a_configuration() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/losses.md");
    let page = std::fs::read_to_string(page).unwrap();
    let snippet = page.split("```toml\n").nth(1).unwrap().split_once("```").unwrap().0;
    let layers = "input = [8, 8, 1]\n[[layers]]\ntype = \"Flatten\"\n[[layers]]\ntype = \"Dense\"\nunits = 5\nactivation = \"softmax\"\n";
    let (config, _) = cnn_train::Config::from_toml("losses.md", &format!("{layers}{snippet}"))
        .unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(config.metrics(false), ["accuracy", "loss", "top_k_categorical_accuracy"]);
}

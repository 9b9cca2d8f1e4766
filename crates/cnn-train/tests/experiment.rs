//! Sweeps as the library reads them: what paths change, how rows are called, what is said of wrong ones.

use cnn_nn::layers::LayerSpec;
use cnn_train::Overrides;
use cnn_train::experiment::{Cost, Row, Sweep, Threshold};

const MODEL: &str = r#"
input = [16, 16, 1]
layers = [
  { type = "Conv2D", filters = 4, kernel_size = 3, activation = "relu", padding = "same" },
  { type = "MaxPooling2D" },
  { type = "Conv2D", filters = 4, kernel_size = 3, activation = "relu", padding = "same", name = "second" },
  { type = "Flatten" },
  { type = "Dense", units = 3, activation = "softmax" },
]
[compile]
optimizer = "adam"
[fit]
epochs = 3
"#;

fn read(text: &str) -> Result<Sweep, String> {
    let find = |name: &str| match name {
        "m" => Ok(("m".to_owned(), MODEL.to_owned())),
        _ => Err("no such model".to_owned()),
    };
    Sweep::from_toml("sweep.toml", text, Overrides::default(), &find)
        .map_err(|found| found.to_string())
}

/// The only row of a sweep whose variant sets this.
fn set(changes: &str) -> Row {
    let text = format!("model = \"m\"\n[[variants]]\nname = \"v\"\nset = {{ {changes} }}\n");
    let mut sweep = read(&text).unwrap_or_else(|found| panic!("{changes}: {found}"));
    sweep.rows.remove(0)
}

/// `C4` for a convolution of 4 filters, `P`, `D0.5` for dropout, `F`, `d3` for a dense layer.
fn shape(row: &Row) -> String {
    let word = |spec: &LayerSpec| match spec {
        LayerSpec::Conv2D(conv) => format!("C{}", conv.filters),
        LayerSpec::MaxPooling2D(_) => "P".to_owned(),
        LayerSpec::Dropout(dropout) => format!("D{}", dropout.rate),
        LayerSpec::Flatten(_) => "F".to_owned(),
        LayerSpec::Dense(dense) => format!("d{}", dense.units),
        other => other.kind().to_owned(),
    };
    let words: Vec<String> =
        row.config.model.layers.iter().map(|layer| word(&layer.spec)).collect();
    words.join(" ")
}

#[test]
fn layers_are_called_by_name_position_or_type() {
    for (changes, expected) in [
        ("\"layers.conv2d.filters\" = 8", "C8 P C4 F d3"),
        ("\"layers.second.filters\" = 8", "C4 P C8 F d3"),
        ("\"layers.2.filters\" = 8", "C4 P C8 F d3"),
        ("\"layers.Conv2D.filters\" = 8", "C8 P C8 F d3"),
        ("\"layers.second\" = { type = \"Dropout\", rate = 0.5 }", "C4 P D0.5 F d3"),
        ("layers.second.filters = 8", "C4 P C8 F d3"),
    ] {
        assert_eq!(shape(&set(changes)), expected, "{changes}");
    }
}

#[test]
fn layers_are_inserted_and_parts_repeated_whatever_the_order_of_the_lines() {
    let drop = "{ type = \"Dropout\", rate = 0.5 }";
    for (changes, expected) in [
        (format!("\"insert.after.flatten\" = {drop}"), "C4 P C4 F D0.5 d3"),
        (
            format!("\"insert.before.dense\" = [{drop}, {{ type = \"Dropout\", rate = 0.2 }}]"),
            "C4 P C4 F D0.5 D0.2 d3",
        ),
        (format!("\"insert.after.Conv2D\" = {drop}"), "C4 D0.5 P C4 D0.5 F d3"),
        ("\"insert.after.flatten\" = []".to_owned(), "C4 P C4 F d3"),
        ("\"repeat.second\" = 3".to_owned(), "C4 P C4 C4 C4 F d3"),
        ("\"repeat.conv2d..max_pooling2d\" = 0".to_owned(), "C4 F d3"),
        ("\"repeat.0..1\" = 2".to_owned(), "C4 P C4 P C4 F d3"),
        ("\"repeat.second\" = 2, \"layers.second.filters\" = 8".to_owned(), "C4 P C8 C8 F d3"),
        (
            format!("\"repeat.conv2d..second\" = 2, \"insert.after.conv2d\" = {drop}"),
            "C4 D0.5 P C4 C4 D0.5 P C4 F d3",
        ),
    ] {
        let row = set(&changes);
        assert_eq!(shape(&row), expected, "{changes}");
        let built = row.config.model.build().expect("a row is checked");
        assert_eq!((row.parameters, row.macs), (built.param_count() as u64, built.macs()));
    }
}

#[test]
fn values_are_set_made_and_taken_away() {
    let row = set(
        "\"fit.epochs\" = 7, \"compile.optimizer.learning_rate\" = 0.5, \"fit.batch_size\" = \"default\"",
    );
    assert_eq!((row.config.fit.epochs, row.config.fit.batch_size), (7, 32));
    assert!(row.config.to_toml().unwrap().contains("learning_rate = 0.5"));
    let row = set("\"callbacks\" = [{ type = \"EarlyStopping\", monitor = \"loss\" }]");
    assert_eq!(row.config.callbacks.len(), 1);
    let row = set("compile.optimizer = \"SGD\", fit.shuffle = false");
    assert!(row.config.to_toml().unwrap().contains("type = \"SGD\""));
    assert!(!row.config.fit.shuffle);
}

#[test]
fn every_combination_has_a_name_that_says_what_it_is() {
    let text = r#"model = "m"
cost = "parameters"
[grid]
"compile.optimizer" = ["SGD", { type = "Adam", learning_rate = 0.01 }]
"layers.conv2d.kernel_size" = [3, [5, 3]]
"insert.after.flatten" = [[], { type = "Dropout", rate = 0.5 }]
"#;
    let sweep = read(text).unwrap();
    let names: Vec<&str> = sweep.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names.len(), 8);
    assert_eq!(names[0], "optimizer=SGD,kernel_size=3,none");
    assert_eq!(names[7], "optimizer=Adam(0.01),kernel_size=5x3,Dropout(0.5)");
    assert_eq!(
        (sweep.name.as_str(), sweep.seeds.len(), sweep.cost),
        ("sweep", 5, Cost::Parameters)
    );
    let text =
        "model = \"m\"\n[grid]\n\"layers.conv2d.filters\" = [4]\n\"layers.second.filters\" = [8]\n";
    let names: Vec<String> = read(text).unwrap().rows.into_iter().map(|row| row.name).collect();
    assert_eq!(
        names,
        ["layers.conv2d.filters=4,layers.second.filters=8"],
        "alike words are told apart"
    );
}

#[test]
fn all_mistakes_come_in_one_run() {
    let text = r#"model = "m"
seeds = [1, 1]
[grid]
"layers.second.units" = [3]
"layers.third.filters" = [3]
"repeat.Conv2D" = [2]
"repeat.flatten" = [-1]
"insert.beside.flatten" = [[]]
"fit.epochs.more" = [1]
"#;
    let found = read(text).unwrap_err();
    for part in [
        "the seed 1 is listed twice",
        "unknown key `units`",
        "no layer `third`",
        "`Conv2D` is more than one layer",
        "cannot be repeated -1 times",
        "insert.beside.flatten",
        "`epochs` is 3",
    ] {
        assert!(found.contains(part), "{part}:\n{found}");
    }
}

#[test]
fn a_threshold_is_reached_in_the_first_epoch_that_is_good_enough() {
    let at_least = Threshold { monitor: "accuracy".to_owned(), at_least: Some(0.9), at_most: None };
    assert_eq!(at_least.reached(&[0.8, 0.9, 0.95]), Some(2));
    assert_eq!(at_least.reached(&[0.8, f64::NAN]), None);
    let at_most = Threshold { monitor: "loss".to_owned(), at_least: None, at_most: Some(0.5) };
    assert_eq!((at_most.reached(&[0.5]), at_most.reached(&[0.6])), (Some(1), None));
    assert_eq!([at_least.to_string(), at_most.to_string()], ["accuracy ≥ 0.9", "loss ≤ 0.5"]);
}

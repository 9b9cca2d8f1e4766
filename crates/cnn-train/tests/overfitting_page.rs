//! docs/overfitting.md: every model.toml in it can be trained as it stands, or within the smallest model around it.

use cnn_train::Config;
use std::path::Path;

/// The end of a list of layers: a classifier.
const HEAD: &str =
    "  \"Flatten\",\n  { type = \"Dense\", units = 10, activation = \"softmax\" },\n]\n";

#[test]
fn every_snippet_is_a_model() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/overfitting.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let snippets: Vec<&str> = page
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split_once("```").expect("the end of the snippet").0)
        .collect();
    assert!(snippets.len() >= 3, "{} snippets", snippets.len());
    for snippet in snippets {
        let whole = if snippet.starts_with("input") {
            snippet.to_owned()
        } else if let Some(layers) = snippet.strip_suffix("]\n") {
            format!("input = [28, 28, 1]\n{layers}{HEAD}")
        } else {
            format!("input = [28, 28, 1]\nlayers = [\n{HEAD}{snippet}")
        };
        let (config, _) =
            Config::from_toml("overfitting.md", &whole).unwrap_or_else(|found| panic!("{found}"));
        config.model.build().expect("a sound model");
    }
    for key in
        ["kernel_regularizer", "bias_regularizer", "mixup", "Dropout", "Random", "EarlyStopping"]
    {
        assert!(page.contains(key), "{key}");
    }
}

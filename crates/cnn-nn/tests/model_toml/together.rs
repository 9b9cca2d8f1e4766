//! A typo and whatever else is wrong, in one run.

use cnn_nn::ModelSpec;

/// A typo must not hide the other mistakes of the file: keys, values, ranges, shapes and the missing Flatten come in one run.
#[test]
fn a_typo_hides_neither_shapes_nor_ranges() {
    let text = r#"
input = [28, 28, 1]

[[layers]]
type = "Conv2D"
filters = 32
kernel_size = 3
activatoin = "relu"

[[layers]]
type = "Conv2D"
filters = 0
kernel_size = 3

[[layers]]
type = "MaxPooling2D"
pool_size = 0

[[layers]]
type = "Dense"
units = "10"
"#;
    let found = ModelSpec::from_toml("model.toml", text).unwrap_err().to_string();
    for expected in ["activatoin", "at least one filter, got 0", "pool_size", "`units` cannot be"] {
        assert!(found.contains(expected), "{expected} is not in\n{found}");
    }
    let text = r#"
input = [28, 28, 1]

[[layers]]
type = "Conv2d"
filters = 32
kernel_size = 3
activatoin = "relu"

[[layers]]
type = "MaxPooling2D"
pool_size = 40

[[layers]]
type = "Dense"
units = 10
"#;
    let found = ModelSpec::from_toml("model.toml", text).unwrap_err().to_string();
    assert!(found.contains("activatoin") && found.contains("floor((26 − 40"), "{found}");
    let flat = text.replace("pool_size = 40", "pool_size = 2");
    let found = ModelSpec::from_toml("model.toml", &flat).unwrap_err().to_string();
    assert!(found.contains("activatoin") && found.contains("Flatten"), "{found}");
}

//! Prints the summary of a model file, or every mistake in it: `cargo run -p cnn-nn --example summary [model.toml]`.

use cnn_nn::{ModelSpec, summary};

/// The course's CNN.
const COURSE: &str = r#"
name = "fashion-cnn"
input = [28, 28, 1]

[[layers]]
type = "Conv2D"
filters = 32
kernel_size = 3
activation = "relu"

[[layers]]
type = "MaxPooling2D"

[[layers]]
type = "Conv2D"
filters = 32
kernel_size = 3
activation = "relu"

[[layers]]
type = "MaxPooling2D"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 128
activation = "relu"

[[layers]]
type = "Dense"
units = 10
activation = "softmax"
"#;

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (file, text) = match std::env::args().nth(1) {
        Some(path) => (path.clone(), std::fs::read_to_string(path)?),
        None => ("course.toml".to_owned(), COURSE.to_owned()),
    };
    match ModelSpec::read(&file, &text) {
        Ok((model, warnings)) => {
            println!("{}\n{}\n{warnings}", summary::text(&model, 80), summary::wide(&model));
        }
        Err(mistakes) => println!("{mistakes}"),
    }
    Ok(())
}

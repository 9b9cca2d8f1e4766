//! Writes the picture that `cnn convolve` uses where none is named: `cargo run -p cnn-data --example scene -- stairs.png`.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use cnn_data::{image_file, scene};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "stairs.png".into());
    let bytes = image_file::grey_png(&scene::stairs().view())?;
    std::fs::write(&path, &bytes)?;
    println!("{path}: {} bytes", bytes.len());
    Ok(())
}

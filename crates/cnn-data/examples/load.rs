//! Loads a data set and says what is in it: `cargo run -p cnn-data --example load [NAME, FOLDER or FILE.npz]`.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::path::Path;

fn main() -> Result<(), cnn_data::DataError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    let source = std::env::args().nth(1).unwrap_or_else(|| "fashion-mnist".to_owned());
    let data = cnn_data::load(&source, &root)?;
    println!("{}: {:?} images, SHA-256 {}", data.name, data.train.shape(), data.fingerprint);
    for (part, split) in [("train", &data.train), ("test", &data.test)] {
        let statistics = split.statistics(data.classes.len());
        println!(
            "{part}: {} images, mean {:.4}, standard deviation {:.4}",
            split.len(),
            statistics.pixels.mean,
            statistics.pixels.deviation
        );
        for (class, count) in data.classes.iter().zip(&statistics.counts) {
            println!("  {count:>6}  {class}");
        }
    }
    for note in &data.notes {
        println!("note: {note}");
    }
    Ok(())
}

//! A report from numbers alone: `cargo run -p cnn-viz --example report -- page.html`
//!
//! `cargo run --release -p cnn-train --example report` trains a network first.

use cnn_viz::charts::LearningCurves;
use cnn_viz::report::{EpochColumn, Number, Report, Section, Tile, confusion, curves};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "page.html".to_owned());
    let loss = [0.69, 0.52, 0.41, 0.37];
    let val_loss = [0.61, 0.50, 0.47, 0.49];
    let curve =
        LearningCurves { title: "cats", loss: &loss, val_loss: &val_loss, ..Default::default() };
    let columns = [
        EpochColumn { name: "loss", values: &loss },
        EpochColumn { name: "val_loss", values: &val_loss },
    ];
    let mut words = Section::new("words", "In words");
    words.text("A section of one's own: paragraphs, facts, `code` and tables.");
    words.facts(&[("Cats", "10".into()), ("Dogs", "10".into())]);
    let report = Report {
        title: "Cats and dogs",
        kicker: "An example",
        tiles: vec![Tile {
            name: "Accuracy",
            number: Number::percent("evaluate/accuracy", 0.85),
            note: "17 of 20".into(),
        }],
        sections: vec![
            curves(&curve, &columns, &[]),
            confusion(&["cat", "dog"].map(String::from), &[9, 1, 2, 8])?,
            words,
        ],
        ..Report::default()
    };
    std::fs::write(path, report.page())?;
    Ok(())
}

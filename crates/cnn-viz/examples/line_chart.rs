//! Draws a CSV file as a line chart.
//!
//! ```text
//! cargo run -p cnn-viz --example line_chart -- speed.csv speed.svg "Speed" "of an invented program" "GFLOP/s" [--log-x]
//! ```
//! The first row names the columns: the x axis, then a line each. An empty cell leaves a gap. The picture is SVG, or PNG where its
//! name ends so.

use cnn_viz::charts::{LineChart, Series, line_chart};
use std::error::Error;
use std::path::Path;

const USAGE: &str = "usage: line_chart CSV PICTURE TITLE SUBTITLE Y_LABEL [--log-x]";

fn main() -> Result<(), Box<dyn Error>> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let log_x = args.iter().any(|arg| arg == "--log-x");
    args.retain(|arg| arg != "--log-x");
    let [csv, picture, title, subtitle, y_label] = &args[..] else { return Err(USAGE.into()) };
    let text = std::fs::read_to_string(csv).map_err(|error| format!("{csv}: {error}"))?;
    let (x_label, lines) = read(&text).map_err(|error| format!("{csv}: {error}"))?;
    let series: Vec<Series<'_>> =
        lines.iter().map(|(name, points)| Series { name, points }).collect();
    let scene = line_chart(&LineChart {
        title,
        subtitle,
        x_label,
        y_label,
        log_x,
        series: &series,
        ..LineChart::default()
    });
    if Path::new(picture).extension().is_some_and(|ending| ending == "png") {
        std::fs::write(picture, scene.to_png(2.0)?)?;
    } else {
        std::fs::write(picture, scene.to_svg())?;
    }
    Ok(())
}

/// A column's name, and its points (x, y).
type Line<'a> = (&'a str, Vec<(f64, f64)>);

/// The name of the first column, and the other columns as lines over it.
fn read(text: &str) -> Result<(&str, Vec<Line<'_>>), String> {
    let mut rows = text.lines().map(|row| row.split(',').map(str::trim).collect::<Vec<_>>());
    let names = rows.next().ok_or("it is empty")?;
    let [x_label, names @ ..] = &names[..] else { return Err("it has no columns".into()) };
    let mut lines: Vec<Line<'_>> = names.iter().map(|name| (*name, Vec::new())).collect();
    for (i, row) in rows.enumerate() {
        if row.len() != lines.len() + 1 {
            return Err(format!("row {} has {} cells, not {}", i + 2, row.len(), lines.len() + 1));
        }
        let number = |cell: &&str| match *cell {
            "" => Ok(f64::NAN),
            cell => cell.parse().map_err(|_| format!("row {}: {cell:?} is no number", i + 2)),
        };
        let x = number(&row[0])?;
        for ((_, points), cell) in lines.iter_mut().zip(&row[1..]) {
            points.push((x, number(cell)?));
        }
    }
    Ok((x_label, lines))
}

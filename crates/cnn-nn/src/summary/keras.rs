//! Keras's `model.summary()`, to the character.

use super::numbers::{commas, size};
use super::rich::{Overflow, cell, wrap};
use crate::model::Model;

/// The widest table.
const MAX_LINE: usize = 88;

/// Narrower terminals get the table of this one; Keras gives up below 24.
const MIN_COLUMNS: usize = 40;

/// The summary as Keras prints it on a terminal of `width` columns (80 where there is none). Ends with a line break.
///
/// Source: Keras `summary_utils.py` and `rich`: the line is min(88, columns − 4), column stops at .45, .80 and 1.0.
pub fn text(model: &Model, width: usize) -> String {
    let columns = width.max(MIN_COLUMNS);
    let widths = column_widths((columns - 4).min(MAX_LINE));
    let mut out = String::new();
    paragraph(&mut out, &format!("Model: \"{}\"", model.name()), columns);
    rule(&mut out, &widths, ['┏', '━', '┳', '┓']);
    row(&mut out, &widths, '┃', ["Layer (type)", "Output Shape", "Param #"]);
    rule(&mut out, &widths, ['┡', '━', '╇', '┩']);
    for (index, layer) in model.layers().iter().enumerate() {
        if index > 0 {
            rule(&mut out, &widths, ['├', '─', '┼', '┤']);
        }
        let (name, shape) =
            (format!("{} ({})", layer.name, layer.kind()), layer.output.to_string());
        row(&mut out, &widths, '│', [&name, &shape, &commas(layer.param_count() as u64)]);
    }
    rule(&mut out, &widths, ['└', '─', '┴', '┘']);
    for line in totals(model) {
        paragraph(&mut out, &line, columns);
    }
    out
}

/// The three lines below the table. A parameter has four bytes.
pub(super) fn totals(model: &Model) -> [String; 3] {
    let (count, trained) = (model.param_count() as u64, model.trainable_count() as u64);
    let line = |what: &str, count: u64| format!(" {what}: {} ({})", commas(count), size(4 * count));
    [
        line("Total params", count),
        line("Trainable params", trained),
        line("Non-trainable params", count - trained),
    ]
}

/// Cells of text in each column. Keras asks for columns that, with rich's padding and borders, are 10 too many;
/// rich takes 3, 4 and 3 of them back.
fn column_widths(line: usize) -> [usize; 3] {
    let first = (0.45 * line as f64) as usize;
    let second = (0.8 * line as f64) as usize - first;
    [first - 3, second - 4, line - first - second - 3]
}

fn paragraph(out: &mut String, text: &str, columns: usize) {
    for line in wrap(text, columns, Overflow::Fold) {
        out.push_str(&line);
        out.push('\n');
    }
}

fn rule(out: &mut String, widths: &[usize; 3], [left, fill, cross, right]: [char; 4]) {
    for (index, width) in widths.iter().enumerate() {
        out.push(if index == 0 { left } else { cross });
        out.extend(std::iter::repeat_n(fill, width + 2));
    }
    out.push(right);
    out.push('\n');
}

fn row(out: &mut String, widths: &[usize; 3], edge: char, texts: [&str; 3]) {
    let cells = [0, 1, 2].map(|i| cell(texts[i], widths[i], i == 2));
    let height = cells.iter().map(Vec::len).max().unwrap_or(1);
    let header = edge == '┃';
    for line in 0..height {
        for (cell, &width) in cells.iter().zip(widths) {
            out.push(edge);
            out.push(' ');
            // A header's lines stand at the bottom of the row, a layer's at the top.
            let first = if header { height - cell.len() } else { 0 };
            match line.checked_sub(first).and_then(|line| cell.get(line)) {
                Some(text) => out.push_str(text),
                None => out.extend(std::iter::repeat_n(' ', width)),
            }
            out.push(' ');
        }
        out.push(edge);
        out.push('\n');
    }
}

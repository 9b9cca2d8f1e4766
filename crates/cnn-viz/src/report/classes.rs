//! Classes against classes: the confusion matrix, and precision and recall of each class.

use super::table::{Cell, Column, Table};
use super::{Number, Section, pointer};
use crate::bitmap::Bitmap;
use crate::color::Colormap;
use crate::error::VizError;
use crate::html::Html;
use ndarray::Array2;

/// Above this many classes the matrix is a picture: a table would be too large to read.
const MOST_CELLS: usize = 30;

/// From this share on, text on a cell has the colour of the page.
const DEEP: f64 = 0.85;
/// The same in the dark, where the colours are brighter.
const MID: f64 = 0.65;

/// A section with the confusion matrix of k classes: k·k counts, row by row, rows are the true classes. Of more than 30 classes
/// it is a picture.
///
/// # Errors
/// [`VizError::Length`] when there are not k·k counts for k classes, or no class.
pub fn confusion(names: &[String], counts: &[u64]) -> Result<Section, VizError> {
    let k = names.len();
    if k == 0 || k.checked_mul(k) != Some(counts.len()) {
        return Err(VizError::Length {
            what: "confusion matrix",
            expected: k.saturating_mul(k).max(1),
            got: counts.len(),
            hint: "give one count per pair of classes, row by row, and at least one class",
        });
    }
    let mut section = Section::new("confusion", "Confusion matrix");
    section.text(
        "A row holds the images of one class; they are counted in the column of the class that the network took them for. \
         The blue diagonal is right, everything orange is a mistake. The stronger the colour, the larger the share of the row.",
    );
    section.body.push(if k > MOST_CELLS { picture(k, counts) } else { matrix(names, counts) });
    Ok(section)
}

fn matrix(names: &[String], counts: &[u64]) -> Html {
    let k = names.len();
    let mut html = Html::new();
    let caption = "Rows: true class. Columns: predicted class.";
    let label = [("class", "scroll"), ("role", "region"), ("tabindex", "0")];
    html.open("div", &[&label[..], &[("aria-label", "Confusion matrix")]].concat());
    html.open("table", &[("class", "matrix")]).leaf("caption", &[], caption);
    html.open("thead", &[]).open("tr", &[]);
    html.open("td", &[]).close();
    for name in names {
        html.open("th", &[("scope", "col")]).leaf("span", &[], name).close();
    }
    html.close().close().open("tbody", &[]);
    for (row, (name, counts)) in names.iter().zip(counts.chunks_exact(k)).enumerate() {
        html.open("tr", &[]).leaf("th", &[("scope", "row")], name);
        let total: u64 = counts.iter().sum();
        for (column, &count) in counts.iter().enumerate() {
            let share = if total == 0 { 0.0 } else { count as f64 / total as f64 };
            let mut class = String::from(if row == column { "hit" } else { "" });
            class.push_str(match share {
                _ if count == 0 => " zero",
                s if row != column && s.sqrt() >= MID => " mid",
                s if s >= DEEP => " deep mid",
                s if s >= MID => " mid",
                _ => "",
            });
            // Few mistakes are to be seen too: the root of their share.
            let strong = if row == column { share } else { share.sqrt() };
            html.open("td", &[("class", class.trim()), ("style", &format!("--s:{strong:.3}"))]);
            html.number(&cell(row, column), count as f64, &count.to_string()).close();
        }
        html.close();
    }
    html
}

/// The metric of one cell of the matrix.
pub(super) fn cell(truth: usize, predicted: usize) -> String {
    format!("evaluate/confusion_matrix/{truth}/{predicted}")
}

/// One pixel per cell, the share of its row.
fn picture(k: usize, counts: &[u64]) -> Html {
    let totals: Vec<u64> = counts.chunks_exact(k).map(|row| row.iter().sum()).collect();
    let share = |(y, x): (usize, usize)| counts[y * k + x] as f32 / totals[y].max(1) as f32;
    let plane = Array2::from_shape_fn((k, k), share);
    let bitmap = Bitmap::from_f32(&plane.view(), Colormap::Blues, Some((0.0, 1.0)));
    let alt = format!(
        "Confusion matrix of {k} classes as a picture, one square per pair: a dark diagonal is good"
    );
    let scale = (720 / k).max(1);
    let mut html = Html::new();
    html.open("figure", &[]).picture(&bitmap, (k * scale) as u32, &alt);
    html.leaf(
        "figcaption",
        &[],
        "Rows: true class, from the top. Columns: predicted class, in the same order.",
    );
    html
}

/// Precision, recall and F1 of a class, each 0 to 1, and how many images it has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassRow {
    /// The class, or the name of the mean.
    pub name: String,
    /// Of what was given this class, the share that has it.
    pub precision: f64,
    /// Of what has this class, the share that was given it.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Images of this class.
    pub support: u64,
}

/// A section with precision, recall and F1 of each class, and their means below.
pub fn classes(rows: &[ClassRow], means: &[ClassRow]) -> Section {
    let mut section = Section::new("classes", "Class by class");
    section.text(
        "Precision: of the images that were given a class, the share that belongs there. Recall: of the images of a class, the \
         share that was found. F1 is their harmonic mean, low if one of them is low. Support counts the images of the class.",
    );
    let hardest = rows.iter().filter(|row| row.support > 0).min_by(|a, b| a.f1.total_cmp(&b.f1));
    if let Some(row) = hardest.filter(|_| rows.len() > 2) {
        section.text(&format!("{} is the hardest class here.", row.name));
    }
    let columns = [
        Column::words("Class"),
        Column::numbers("Precision"),
        Column::numbers("Recall"),
        Column::numbers("F1"),
        Column::numbers("Support"),
    ];
    let cells = |row: &ClassRow, bar: fn(Number) -> Cell| {
        let metric = |key: &str| format!("evaluate/report/{}/{key}", pointer(&row.name));
        let share = |key: &str, value: f64| Number::new(metric(key), value, format!("{value:.3}"));
        vec![
            Cell::text(row.name.clone()),
            bar(share("precision", row.precision)),
            bar(share("recall", row.recall)),
            bar(share("f1-score", row.f1)),
            Cell::Number(Number::count(metric("support"), row.support)),
        ]
    };
    let body: Vec<Vec<Cell>> = rows.iter().map(|row| cells(row, Cell::Bar)).collect();
    let foot: Vec<Vec<Cell>> = means.iter().map(|row| cells(row, Cell::Number)).collect();
    let caption = "Precision, recall and F1 of each class";
    let table = Table { caption, columns: &columns, rows: &body, foot: &foot, sort: true };
    section.body.push(table.html());
    section
}

//! Tables of text and numbers.

use super::Number;
use crate::html::Html;

/// A table. The first cell of a row is its name.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Table<'a> {
    /// What the table shows, and how it is read; stands above it.
    pub caption: &'a str,
    /// The columns, that of the rows' names included.
    pub columns: &'a [Column<'a>],
    /// The rows: at most one cell per column.
    pub rows: &'a [Vec<Cell>],
    /// Rows below a line: sums and means.
    pub foot: &'a [Vec<Cell>],
    /// Whether the reader may sort it by a column.
    pub sort: bool,
}

/// The head of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its title.
    pub title: &'a str,
    /// Whether its cells begin at the left, as words do; numbers end at the right.
    pub words: bool,
}

impl<'a> Column<'a> {
    /// A column of words.
    pub fn words(title: &'a str) -> Self {
        Self { title, words: true }
    }

    /// A column of numbers.
    pub fn numbers(title: &'a str) -> Self {
        Self { title, words: false }
    }
}

/// What stands in one place of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words, one line each.
    Text(Vec<String>),
    /// A number.
    Number(Number),
    /// A share between 0 and 1, with a bar of that length behind it.
    Bar(Number),
}

impl Cell {
    /// One line of words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(vec![text.into()])
    }
}

impl Table<'_> {
    /// As markup, in a box that scrolls where there is no room for its width.
    pub fn html(&self) -> Html {
        let mut html = Html::new();
        let label = [("class", "scroll"), ("role", "region"), ("tabindex", "0")];
        html.open("div", &[&label[..], &[("aria-label", self.caption)]].concat());
        let sort: &[_] = if self.sort { &[("data-sort", "")] } else { &[] };
        html.open("table", sort);
        if !self.caption.is_empty() {
            html.leaf("caption", &[], self.caption);
        }
        html.open("thead", &[]).open("tr", &[]);
        for column in self.columns {
            html.leaf("th", &attributes(&[("scope", "col")], column.words), column.title);
        }
        html.close().close();
        for (part, rows) in [("tbody", self.rows), ("tfoot", self.foot)] {
            if part == "tbody" || !rows.is_empty() {
                html.open(part, &[]);
                for row in rows {
                    self.row(&mut html, row);
                }
                html.close();
            }
        }
        html
    }

    fn row(&self, html: &mut Html, cells: &[Cell]) {
        html.open("tr", &[]);
        for (at, cell) in cells.iter().enumerate() {
            let words = self.columns.get(at).is_some_and(|column| column.words);
            if at == 0 {
                html.open("th", &attributes(&[("scope", "row")], words));
            } else if let Cell::Bar(share) = cell {
                let style = format!("--s:{:.3}", share.value.clamp(0.0, 1.0));
                html.open("td", &[("class", "bar"), ("style", &style)]);
            } else {
                html.open("td", &attributes(&[], words));
            }
            match cell {
                Cell::Number(number) | Cell::Bar(number) => number.write(html),
                Cell::Text(lines) => {
                    for (line, text) in lines.iter().enumerate() {
                        if line > 0 {
                            html.open("br", &[]);
                        }
                        html.text(text);
                    }
                }
            }
            html.close();
        }
        html.close();
    }
}

fn attributes<'a>(given: &[(&'static str, &'a str)], words: bool) -> Vec<(&'static str, &'a str)> {
    let left = words.then_some(("class", "l"));
    given.iter().copied().chain(left).collect()
}

//! Feature maps in a table: one row per image, one column per layer.

use super::color_bar::{Ends, color_bar};
use super::values::Values;
use super::{MARGIN, fit, heading};
use crate::bitmap::Bitmap;
use crate::color::{Color, Colormap};
use crate::error::VizError;
use crate::font::text_width;
use crate::scene::{Anchor, Scene, Text, Weight};
use crate::ticks::short;

/// Feature maps: rows are images, columns are layers.
#[derive(Clone, Debug, PartialEq)]
pub struct MapTable<'a> {
    /// The heading.
    pub title: &'a str,
    /// A line under the heading; may be empty.
    pub subtitle: &'a str,
    /// What stands over the images themselves.
    pub first: MapColumn,
    /// The layers.
    pub columns: Vec<MapColumn>,
    /// The images, each with one cell per layer.
    pub rows: Vec<MapRow<'a>>,
    /// The colours of numbers.
    pub map: Colormap,
    /// Which numbers share the ends of the colours.
    pub scaling: Scaling,
}

/// The head of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapColumn {
    /// A layer's name.
    pub name: String,
    /// A line under it, such as its shape; may be empty.
    pub note: String,
}

/// One image and what the layers make of it.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRow<'a> {
    /// The image.
    pub picture: Bitmap,
    /// Its name and class.
    pub label: String,
    /// One cell for each column.
    pub cells: Vec<MapCell<'a>>,
}

/// What a layer puts out for an image.
#[derive(Clone, Debug, PartialEq)]
pub struct MapCell<'a> {
    /// What is shown: `channel 1`. The range of the numbers is added.
    pub label: String,
    /// The numbers.
    pub values: Values<'a>,
}

/// Which numbers share the ends of the colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scaling {
    /// Each cell has its own: every map shows all that is in it.
    #[default]
    Cell,
    /// The cells of a column: images can be compared.
    Column,
    /// All cells: layers can be compared too.
    Table,
}

/// The range of both.
fn join(a: Option<(f32, f32)>, b: Option<(f32, f32)>) -> Option<(f32, f32)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

impl MapTable<'_> {
    /// Ends of the colours that the cells of each column share; `None` where they share none.
    pub(crate) fn shared_ranges(&self) -> Vec<Option<(f32, f32)>> {
        let of_column = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.cells.get(column));
            cells.map(|cell| cell.values.range()).fold(None, join)
        };
        let columns = 0..self.columns.len();
        let ranges: Vec<_> = match self.scaling {
            Scaling::Cell => vec![None; self.columns.len()],
            Scaling::Column => columns.map(of_column).collect(),
            Scaling::Table => {
                vec![columns.map(of_column).fold(None, join); self.columns.len()]
            }
        };
        let span = |(low, high)| self.map.span(low, high);
        ranges.into_iter().map(|range| range.map(span)).collect()
    }

    /// Ends of one cell's colours; `shared` are its column's of [`Self::shared_ranges`].
    pub(crate) fn ends(&self, cell: &MapCell<'_>, shared: Option<(f32, f32)>) -> (f32, f32) {
        let own = || cell.values.range().map(|(low, high)| self.map.span(low, high));
        shared.or_else(own).unwrap_or_default()
    }

    /// One cell's label with its range: `channel 1: 0 to 2.31`.
    pub(crate) fn label(&self, row: usize, column: usize) -> String {
        let cell = &self.rows[row].cells[column];
        let range = match cell.values.range() {
            None => "no finite number".to_owned(),
            Some((low, high)) if low >= high => format!("all {}", short(low)),
            Some((low, high)) => format!("{} to {}", short(low), short(high)),
        };
        if cell.label.is_empty() { range } else { format!("{}: {range}", cell.label) }
    }

    /// Errors: [`VizError::Length`] for a row with another number of cells than there are columns.
    pub(crate) fn check(&self) -> Result<(), VizError> {
        match self.rows.iter().find(|row| row.cells.len() != self.columns.len()) {
            None => Ok(()),
            Some(row) => Err(VizError::Length {
                what: "row of a map table",
                expected: self.columns.len(),
                got: row.cells.len(),
                hint: "give one cell for each column",
            }),
        }
    }
}

/// Draws a table of feature maps. Sizes follow from the content: maps are smaller where there are many columns or rows, and
/// a column is as wide as what stands in it.
///
/// # Errors
/// [`VizError::Length`] for a row with another number of cells than there are columns.
pub fn map_table(table: &MapTable<'_>) -> Result<Scene, VizError> {
    table.check()?;
    let layout = Layout::of(table);
    let mut scene =
        Scene::new(layout.width().ceil() as u32, layout.height().ceil() as u32, table.title);
    heading(&mut scene, table.title, table.subtitle);
    layout.heads(&mut scene);
    for row in 0..table.rows.len() {
        layout.row(&mut scene, row);
    }
    layout.foot(&mut scene);
    Ok(scene)
}

/// Size of the text below a cell, and of a column's name.
const LABEL: f32 = 11.0;
const NAME: f32 = 13.0;
/// Between columns, and between rows beside the labels.
const GAP: f32 = 16.0;
/// Height of a label.
const LINE: f32 = 18.0;

/// Where everything is. Column 0 is that of the images.
struct Layout<'t, 'v> {
    table: &'t MapTable<'v>,
    top: f32,
    /// Left edge and width of each column.
    columns: Vec<(f32, f32)>,
    /// Upper edge and height of each row's pictures.
    rows: Vec<(f32, f32)>,
    /// Pictures [row][column] with their size.
    pictures: Vec<Vec<(Bitmap, f32, f32)>>,
    /// Ends of the colours that a layer's cells share.
    ranges: Vec<Option<(f32, f32)>>,
}

impl<'t, 'v> Layout<'t, 'v> {
    fn of(table: &'t MapTable<'v>) -> Self {
        let side = side(table.columns.len() + 1, table.rows.len());
        let ranges = table.shared_ranges();
        let pictures: Vec<Vec<(Bitmap, f32, f32)>> = (0..table.rows.len())
            .map(|row| {
                let cells = table.rows[row].cells.iter().enumerate();
                let cells = cells.map(|(column, cell)| {
                    let ends = table.ends(cell, ranges[column]);
                    (cell.values.bitmap(table.map, ends), cell.values.side(side))
                });
                [(table.rows[row].picture.clone(), side)]
                    .into_iter()
                    .chain(cells)
                    .map(sized)
                    .collect()
            })
            .collect();
        let label = |text: &str| text_width(text, LABEL, Weight::Regular) * 1.06;
        let mut left = MARGIN;
        let columns = (0..=table.columns.len())
            .map(|column| {
                let head = head(table, column);
                let mut width =
                    (text_width(&head.name, NAME, Weight::Medium) * 1.06).max(label(&head.note));
                for (row, pictures) in pictures.iter().enumerate() {
                    let words = match column {
                        0 => label(&short_name(&table.rows[row].label)),
                        _ => label(&table.label(row, column - 1)),
                    };
                    width = width.max(pictures[column].1).max(words);
                }
                let at = left;
                left += width + GAP;
                (at, width)
            })
            .collect();
        let top = if table.subtitle.is_empty() { 66.0 } else { 86.0 };
        let mut y = top + 2.0 * LINE + 4.0;
        let rows = pictures
            .iter()
            .map(|pictures| {
                let height = pictures.iter().map(|picture| picture.2).fold(0.0, f32::max);
                let at = y;
                y += height + LINE + GAP;
                (at, height)
            })
            .collect();
        Self { table, top, columns, rows, pictures, ranges }
    }

    fn width(&self) -> f32 {
        let table = self.columns.last().map_or(0.0, |(left, width)| left + width);
        let words = text_width(self.table.title, 19.0, Weight::Medium)
            .max(text_width(self.table.subtitle, 13.0, Weight::Regular))
            .max(text_width(&self.foot_words(), 12.0, Weight::Regular) + 240.0);
        table.max(words * 1.04 + MARGIN) + MARGIN
    }

    /// Lower edge of the last row's label.
    fn bottom(&self) -> f32 {
        self.rows.last().map_or(self.top + 2.0 * LINE, |(top, height)| top + height + LINE)
    }

    fn height(&self) -> f32 {
        let bars = if self.table.scaling == Scaling::Column { 34.0 } else { 0.0 };
        self.bottom() + bars + 30.0 + MARGIN
    }

    fn heads(&self, scene: &mut Scene) {
        for (column, (left, width)) in self.columns.iter().enumerate() {
            let (head, middle) = (head(self.table, column), left + width / 2.0);
            let name = Text::new(middle, self.top + 12.0, NAME, &head.name).weight(Weight::Medium);
            scene.text(name.anchor(Anchor::Middle));
            scene.text(label(middle, self.top + 12.0 + LINE, &head.note));
        }
    }

    fn row(&self, scene: &mut Scene, row: usize) {
        let (top, height) = self.rows[row];
        let cells = self.columns.iter().zip(&self.pictures[row]).enumerate();
        for (column, ((left, width), (bitmap, w, h))) in cells {
            let middle = left + width / 2.0;
            let (x, y) = ((middle - w / 2.0).round(), (top + (height - h) / 2.0).round());
            scene.image(x, y, *w, *h, bitmap.clone());
            let text = match column {
                0 => label(middle, top + height + 14.0, &short_name(&self.table.rows[row].label))
                    .color(Color::INK),
                _ => label(middle, top + height + 14.0, &self.table.label(row, column - 1)),
            };
            scene.text(text);
        }
    }

    /// What the colours mean.
    fn foot_words(&self) -> String {
        let odd = |values: &Values<'_>| match values {
            Values::Map(plane) => plane.iter().any(|v| v.is_nan()),
            Values::Maps(planes) => planes.iter().any(|v| v.is_nan()),
            Values::Row(row) => row.iter().any(|v| v.is_nan()),
        };
        let rule = match self.table.scaling {
            Scaling::Cell => {
                "Each cell has its own colours, from its smallest number to its largest."
            }
            Scaling::Column => "The cells of a column share their colours.",
            Scaling::Table => "All cells share their colours.",
        };
        let cells = || self.table.rows.iter().flat_map(|row| &row.cells);
        let nan =
            if cells().any(|cell| odd(&cell.values)) { " Green is not a number." } else { "" };
        format!("{rule}{nan}")
    }

    fn foot(&self, scene: &mut Scene) {
        let mut y = self.bottom() + 8.0;
        if self.table.scaling == Scaling::Column {
            for (column, (left, width)) in self.columns.iter().enumerate().skip(1) {
                let bar = width.min(120.0);
                let range = self.ranges[column - 1];
                color_bar(
                    scene,
                    (left + (width - bar) / 2.0, y, bar),
                    self.table.map,
                    range,
                    Ends::Below,
                );
            }
            y += 34.0;
        }
        let words = self.foot_words();
        scene.text(Text::new(MARGIN, y + 20.0, 12.0, &words).color(Color::MUTED));
        if self.table.scaling == Scaling::Table {
            let x = MARGIN + text_width(&words, 12.0, Weight::Regular) * 1.04 + 60.0;
            color_bar(
                scene,
                (x, y + 10.0, 120.0),
                self.table.map,
                self.ranges.first().copied().flatten(),
                Ends::Beside,
            );
        }
    }
}

fn head<'t>(table: &'t MapTable<'_>, column: usize) -> &'t MapColumn {
    if column == 0 { &table.first } else { &table.columns[column - 1] }
}

/// A picture's name, no wider than a cell and a half.
fn short_name(name: &str) -> String {
    fit(name, LABEL, Weight::Regular, 190.0)
}

fn label(middle: f32, y: f32, words: &str) -> Text {
    Text::new(middle, y, LABEL, words).anchor(Anchor::Middle).color(Color::MUTED)
}

/// Side of a single map: as large as a picture of usual size allows, and smaller only to keep a long table drawable.
fn side(columns: usize, rows: usize) -> f32 {
    let across = 1240.0 / columns as f32 - GAP;
    let down = 7000.0 / rows.max(1) as f32 - GAP - LINE;
    across.min(down).clamp(48.0, 132.0).floor()
}

/// Width and height of a bitmap whose longer side is about `side`: every pixel the same number of half pixels, where it has
/// at least one.
fn sized((bitmap, side): (Bitmap, f32)) -> (Bitmap, f32, f32) {
    let (w, h) = (bitmap.width() as f32, bitmap.height() as f32);
    let exact = side / w.max(h).max(1.0);
    let scale = if exact >= 0.5 { (exact * 2.0).floor() / 2.0 } else { exact };
    (bitmap, w * scale, h * scale)
}

//! CSV as MNIST is often shared: a line for each image, its label and its pixels, with or without a line of names.
//!
//! ```text
//! label,pixel0,pixel1,…,pixel783
//! 5,0,0,…,0
//! ```
//! Without names the label is the first number of a line. All are whole numbers, labels 0 to 65535, pixels 0 to 255, row by row
//! (channels last). Values are separated by commas, also within quotes; spaces and quotes around them are allowed, and empty lines
//! are passed over.

use crate::hold_out::{Key, held_out, key};
use crate::image_folder::{cut_note, nothing_to_test};
use crate::source::Source;
use crate::{DataError, FormatError, Images, Split, gz, read_file};
use ndarray::Array4;
use std::fs;
use std::path::{Path, PathBuf};

/// Columns, at most.
const MOST_COLUMNS: usize = 1 << 20;

/// Times that a file in gzip may grow, above 32 MiB.
const MOST_INFLATED: usize = 100;

/// Labels and pixels of a CSV file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// A class for each line.
    pub labels: Vec<u32>,
    /// Pixels of an image, at least 1.
    pub width: usize,
    /// Pixels of all images, line by line.
    pub pixels: Vec<u8>,
}

/// Parses a CSV file. Inflate it first if it is gzip ([`gz::inflate`]).
///
/// # Errors
/// The first of: a line of names without `label`; a line with another number of columns than the first; a label or pixel that
/// is missing, no whole number or out of range; no image at all. With line and column, both from 1.
///
/// ```
/// let table = cnn_data::csv_images::parse(b"label,pixel0,pixel1\n7,0,255\n").unwrap();
/// assert_eq!((table.labels, table.pixels), (vec![7], vec![0, 255]));
/// let error = cnn_data::csv_images::parse(b"7,0,256\n").unwrap_err();
/// assert_eq!(error.message, "line 1, column 3: expected a pixel, a whole number from 0 to 255; found \"256\"");
/// ```
pub fn parse(bytes: &[u8]) -> Result<Table, FormatError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut table = Table::default();
    let mut columns: Option<Columns<'_>> = None;
    for (number, line) in lines(bytes).filter(|(_, line)| !line.trim_ascii().is_empty()) {
        if let Some(columns) = &columns {
            table.push(line, columns, number)?;
            continue;
        }
        let first = Columns::of(line, number)?;
        table.reserve(bytes, first.count - 1);
        if first.names.is_none() {
            table.push(line, &first, number)?;
        }
        columns = Some(first);
    }
    if table.labels.is_empty() {
        let found = if columns.is_some() { "only a line of names" } else { "no line" };
        return Err(bad(
            format!("the file has {found}: expected an image on each line"),
            "get the file again",
        ));
    }
    Ok(table)
}

/// The lines with their numbers, from 1. They end in `\n`, `\r\n`, or `\r` alone.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let (mut rest, mut number) = (bytes, 0);
    std::iter::from_fn(move || {
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        let end = if after.starts_with(b"\r\n") { 2 } else { after.len().min(1) };
        let more = !rest.is_empty();
        rest = &after[end..];
        number += 1;
        more.then_some((number, line))
    })
}

/// The values of a line, without the spaces and quotes around them.
fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b',').map(|field| {
        let field = field.trim_ascii();
        let inside = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\""));
        inside.map_or(field, <[u8]>::trim_ascii)
    })
}

/// What the first line says about all.
struct Columns<'a> {
    /// How many there are.
    count: usize,
    /// Which one is the label.
    label: usize,
    /// The line of their names, where there is one.
    names: Option<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn of(first: &'a [u8], line: usize) -> Result<Self, FormatError> {
        let count = checked_columns(first, line)?;
        let mut ahead = fields(first);
        let begin = ahead.next().unwrap_or_default();
        // With a number behind it, it is an image whose label is none, as `cat,0,255,…`, and the error is about that.
        let image = ahead.next().is_some_and(|second| number(second).is_some());
        let label = label_column(first, line);
        if number(begin).is_some() || begin.is_empty() || (label.is_err() && image) {
            return Ok(Self { count, label: 0, names: None });
        }
        Ok(Self { count, label: label?, names: Some(first) })
    }
}

impl Table {
    /// Makes room for the images of a file: no more than its bytes can hold, so that nothing has to grow.
    fn reserve(&mut self, bytes: &[u8], width: usize) {
        self.width = width;
        let most = bytes.len() / (2 * width + 2) + 1;
        let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
        self.labels.reserve_exact(lines.min(most));
        self.pixels.reserve_exact(lines.min(most).saturating_mul(width));
    }

    /// Takes a line.
    fn push(&mut self, text: &[u8], columns: &Columns<'_>, line: usize) -> Result<(), FormatError> {
        let (expected, found) = (columns.count, fields(text).count());
        if found != expected {
            return Err(bad(
                format!(
                    "line {line}: expected {expected} columns as in the first line; found {found}"
                ),
                "each line is one image: a label and all of its pixels; the line was cut, or has one comma too many",
            ));
        }
        for (at, field) in fields(text).enumerate() {
            let is_label = at == columns.label;
            match number(field) {
                Some(label) if is_label && u16::try_from(label).is_ok() => self.labels.push(label),
                Some(pixel) if !is_label && pixel <= 255 => self.pixels.push(pixel as u8),
                _ => return Err(wrong(field, line, at, is_label, columns.names)),
            }
        }
        Ok(())
    }
}

fn bad(message: String, hint: &str) -> FormatError {
    FormatError::new("D060", message, hint)
}

/// A whole number of at most six digits.
fn number(field: &[u8]) -> Option<u32> {
    let digits = (1..=6).contains(&field.len()) && field.iter().all(u8::is_ascii_digit);
    digits.then(|| field.iter().fold(0, |n, digit| 10 * n + u32::from(digit - b'0')))
}

/// A value as it may be printed.
fn shown(field: &[u8]) -> String {
    let some = &field[..field.len().min(160)];
    let visible = |c: char| if c.is_control() { '\u{FFFD}' } else { c };
    String::from_utf8_lossy(some).chars().take(40).map(visible).collect()
}

fn checked_columns(first: &[u8], line: usize) -> Result<usize, FormatError> {
    match fields(first).count() {
        count @ 2..=MOST_COLUMNS => Ok(count),
        1 => Err(bad(
            format!(
                "line {line}: expected a label and pixels, separated by commas; found one value, {:?}",
                shown(first.trim_ascii())
            ),
            "save it as CSV, separated by commas, not by semicolons, tabs or spaces",
        )),
        n => Err(bad(
            format!("line {line}: {n} columns; {MOST_COLUMNS} are the most"),
            "is this the file that you meant?",
        )),
    }
}

/// Where the label is in a line of names.
fn label_column(names: &[u8], line: usize) -> Result<usize, FormatError> {
    let is_label = |name: &[u8]| name.eq_ignore_ascii_case(b"label");
    fields(names).position(is_label).ok_or_else(|| {
        bad(
            format!("line {line}: expected a column `label` among the names; the first is {:?}", shown(fields(names).next().unwrap_or_default())),
            "name the column of the classes `label`; Kaggle's test.csv has none, so it is no test split: leave it out, and a part of train.csv becomes the test split",
        )
    })
}

/// A field that cannot be what it should.
fn wrong(field: &[u8], line: usize, at: usize, label: bool, names: Option<&[u8]>) -> FormatError {
    let name = names
        .and_then(|names| fields(names).nth(at))
        .map_or_else(String::new, |name| format!(" ({})", shown(name)));
    let found = if field.is_empty() { "nothing".to_owned() } else { format!("{:?}", shown(field)) };
    let (expected, hint) = if label {
        (
            "a label, a whole number from 0 to 65535",
            "labels are class numbers 0, 1, 2, …; the label comes first, or its column is called `label`",
        )
    } else {
        (
            "a pixel, a whole number from 0 to 255",
            "pixels are bytes; multiply numbers between 0 and 1 by 255 and round them",
        )
    };
    bad(format!("line {line}, column {}{name}: expected {expected}; found {found}", at + 1), hint)
}

/// What CSV files hold.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) train: Split,
    pub(crate) test: Split,
    pub(crate) notes: Vec<String>,
}

/// The CSV files of a folder: that whose name ends in `train.csv` (or `.csv.gz`), and that which ends in `test.csv`, if it is
/// there. `None` if there is no such file.
pub(crate) fn files(folder: &Path) -> Result<Option<(PathBuf, Option<PathBuf>)>, DataError> {
    let io = |source| DataError::Io { path: folder.to_owned(), source };
    let mut found = [Vec::new(), Vec::new()];
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name =
            path.file_name().map_or_else(String::new, |n| n.to_string_lossy().to_ascii_lowercase());
        let stem = name.strip_suffix(".gz").unwrap_or(&name);
        for (end, found) in ["train.csv", "test.csv"].iter().zip(&mut found) {
            if stem.ends_with(end) && !name.starts_with('.') {
                found.push(path.clone());
            }
        }
    }
    let [mut train, mut test] = found;
    for several in [&mut train, &mut test] {
        several.sort();
        if let [first, second, ..] = &several[..] {
            return Err(DataError::Mismatch {
                path: folder.to_owned(),
                message: format!("{} and {} are both there", base(first), base(second)),
                hint: "keep one train.csv and one test.csv in the folder, or name a file".into(),
            });
        }
    }
    match (train.pop(), test.pop()) {
        (Some(train), test) => Ok(Some((train, test))),
        (None, Some(test)) => Err(DataError::Mismatch {
            path: folder.to_owned(),
            message: format!("{} is there, but no train.csv beside it", base(&test)),
            hint: "add the training part, or name the file itself as DATA".into(),
        }),
        (None, None) => Ok(None),
    }
}

fn base(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Reads one or two CSV files. `shape` is the size that a model wants, if there is one.
pub(crate) fn load(
    train: &Path,
    test: Option<&Path>,
    source: &Source,
    shape: Option<[usize; 3]>,
) -> Result<Tables, DataError> {
    if test.is_some() && source.test.is_some() {
        return Err(DataError::Mismatch {
            path: train.to_owned(),
            message: "test= is for CSV files without a test split".into(),
            hint: "leave it out: test.csv is the test split".into(),
        });
    }
    let of_train = read(train)?;
    let Some(test) = test else {
        let keys: Vec<Key> = of_train.pixels.chunks_exact(of_train.width).map(key).collect();
        let held = held_out(&of_train.labels, &keys, source.test_share());
        let all = split(of_train, train, source, shape)?;
        let part = |side: bool| -> Vec<u32> {
            (0..held.len() as u32).filter(|&i| held[i as usize] == side).collect()
        };
        let test = all.select(&part(true));
        if test.is_empty() {
            return Err(nothing_to_test(train));
        }
        let notes = vec![cut_note(source, test.len(), held.len(), "pixels")];
        return Ok(Tables { train: all.select(&part(false)), test, notes });
    };
    let of_test = read(test)?;
    if of_test.width != of_train.width {
        return Err(DataError::Mismatch {
            path: test.to_owned(),
            message: format!(
                "{} pixels a line, but {} in {}",
                of_test.width,
                of_train.width,
                base(train)
            ),
            hint: "both files need images of one size, with their labels".into(),
        });
    }
    Ok(Tables {
        train: split(of_train, train, source, shape)?,
        test: split(of_test, test, source, shape)?,
        notes: Vec::new(),
    })
}

fn read(path: &Path) -> Result<Table, DataError> {
    let bytes = read_file(path)?;
    let format = |source| DataError::Format { path: path.to_owned(), source };
    if !gz::is_gzip(&bytes) {
        return parse(&bytes).map_err(format);
    }
    // CSV promises no size. Digits and commas shrink to a tenth; what would grow a hundredfold is no table of images.
    let most = bytes.len().saturating_mul(MOST_INFLATED).saturating_add(32 << 20);
    parse(&gz::inflate(&bytes, |_| Ok(most)).map_err(format)?).map_err(format)
}

/// The images of a table: of the size that is said or wanted, or else square and grey.
fn split(
    table: Table,
    path: &Path,
    source: &Source,
    shape: Option<[usize; 3]>,
) -> Result<Split, DataError> {
    let mismatch = |message: String, hint: String| DataError::Mismatch {
        path: path.to_owned(),
        message,
        hint,
    };
    let fits = |shape: &[usize; 3]| shape.iter().product::<usize>() == table.width;
    let side = table.width.isqrt();
    let [h, w, c] = match source.size {
        Some(size) if fits(&size) => size,
        Some([h, w, c]) => {
            let found =
                format!("{} pixels a line, but size={h}x{w}x{c} has {}", table.width, h * w * c);
            return Err(mismatch(found, "give the size that the images have".into()));
        }
        None => match shape.filter(fits) {
            Some(shape) => shape,
            None if side * side == table.width => [side, side, 1],
            None => {
                let found = format!("{} pixels a line are no square grey image", table.width);
                let hint = format!(
                    "say how large the images are: {},size=HEIGHTxWIDTHxCHANNELS",
                    source.place
                );
                return Err(mismatch(found, hint));
            }
        },
    };
    let images = Array4::from_shape_vec((table.labels.len(), h, w, c), table.pixels)
        .map_err(|error| mismatch(error.to_string(), "get the file again".into()))?;
    Ok(Split { images: Images::U8(images), labels: table.labels })
}

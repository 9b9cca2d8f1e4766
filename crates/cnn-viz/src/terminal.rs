//! Pictures as text, for terminals.

use crate::bitmap::Bitmap;
use crate::charts::MapTable;
use crate::color::Color;
use crate::error::VizError;
use std::fmt::Write as _;

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Any colour, with the escape codes `38;2;r;g;b` and `48;2;r;g;b` of ISO 8613-6.
    TrueColor,
    /// xterm's 256 colours: its cube of 6 × 6 × 6 and its 24 greys.
    Indexed,
    /// No colours, ten characters from dark to bright.
    Ascii,
}

/// Dark to bright.
const SHADES: &[u8; 10] = b" .:-=+*#%@";

/// The picture in lines of `width` characters. Each character stands for two pixels, one above the other: with colours as an
/// upper half-block, otherwise as the shade of their mean.
pub fn bitmap_text(bitmap: &Bitmap, width: usize, ink: Ink) -> Vec<String> {
    if bitmap.width() == 0 || bitmap.height() == 0 || width == 0 {
        return Vec::new();
    }
    let height = (bitmap.height() * width).div_ceil(bitmap.width()).max(1);
    let sized = bitmap.resized(width, height.next_multiple_of(2));
    let lines = sized.pixels().chunks_exact(2 * width);
    lines.map(|pair| line(&pair[..width], &pair[width..], ink)).collect()
}

fn line(upper: &[Color], lower: &[Color], ink: Ink) -> String {
    let mut text = String::new();
    let mut before = None;
    for (&above, &below) in upper.iter().zip(lower) {
        if ink == Ink::Ascii {
            let bright = f32::midpoint(brightness(above), brightness(below));
            text.push(char::from(SHADES[((bright * 10.0) as usize).min(9)]));
            continue;
        }
        if before != Some((above, below)) {
            let _ = match ink {
                Ink::TrueColor => write!(
                    text,
                    "\x1b[38;2;{};{};{};48;2;{};{};{}m",
                    above.r, above.g, above.b, below.r, below.g, below.b
                ),
                _ => write!(text, "\x1b[38;5;{};48;5;{}m", indexed(above), indexed(below)),
            };
            before = Some((above, below));
        }
        text.push('▀');
    }
    if before.is_some() {
        text.push_str("\x1b[0m");
    }
    text
}

/// 0 to 1, as eyes see it. Source: Rec. 709.
fn brightness(color: Color) -> f32 {
    (0.2126 * f32::from(color.r) + 0.7152 * f32::from(color.g) + 0.0722 * f32::from(color.b))
        / 255.0
}

/// The nearest of xterm's 256 colours, of the cube and the greys.
fn indexed(color: Color) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |v: u8| (0..6u8).min_by_key(|&i| LEVELS[usize::from(i)].abs_diff(v)).unwrap_or(0);
    let [r, g, b] = [color.r, color.g, color.b].map(nearest);
    let cube = [r, g, b].map(|i| LEVELS[usize::from(i)]);
    let mean = (u16::from(color.r) + u16::from(color.g) + u16::from(color.b)) / 3;
    let grey = (mean.saturating_sub(3) / 10).min(23) as u8;
    let distance = |[r, g, b]: [u8; 3]| {
        [(r, color.r), (g, color.g), (b, color.b)]
            .map(|(a, b)| u32::from(a.abs_diff(b)).pow(2))
            .iter()
            .sum::<u32>()
    };
    if distance([8 + 10 * grey; 3]) < distance(cube) { 232 + grey } else { 16 + 36 * r + 6 * g + b }
}

/// Characters of one map, at most; a mosaic of channels may have twice as many.
const CELL: usize = 28;

/// A table of feature maps as text of at most `width` columns: for each image its cells side by side, below each other where
/// there is no room.
///
/// # Errors
/// As [`crate::charts::map_table`].
pub fn map_text(table: &MapTable<'_>, width: usize, ink: Ink) -> Result<String, VizError> {
    table.check()?;
    let ranges = table.shared_ranges();
    let mut text = String::new();
    for (at, row) in table.rows.iter().enumerate() {
        let first = (vec![table.first.name.clone(), row.label.clone()], &row.picture);
        let pictures: Vec<Bitmap> =
            row.cells.iter().zip(&ranges).map(|(cell, range)| table.bitmap(cell, *range)).collect();
        let heads = table.columns.iter().enumerate();
        let heads = heads.map(|(column, head)| vec![head.name.clone(), table.label(at, column)]);
        let cells: Vec<_> = std::iter::once(first).chain(heads.zip(&pictures)).collect();
        let mut blocks =
            cells.iter().map(|(head, picture)| Block::new(head, picture, width, ink)).peekable();
        while let Some(block) = blocks.next() {
            let (mut line, mut used) = (vec![block], 0);
            used += line[0].width;
            while let Some(next) = blocks.next_if(|next| used + 2 + next.width <= width) {
                used += 2 + next.width;
                line.push(next);
            }
            side_by_side(&mut text, &line);
        }
    }
    Ok(text)
}

/// Lines of text that are `width` characters wide to the eye.
struct Block {
    width: usize,
    head: Vec<String>,
    lines: Vec<String>,
    picture: usize,
}

impl Block {
    fn new(head: &[String], bitmap: &Bitmap, width: usize, ink: Ink) -> Self {
        let limit = if bitmap.width() > 2 * CELL { 2 * CELL } else { CELL }.min(width.max(1));
        let picture = match bitmap.width() {
            0 => 0,
            w if w > limit => limit,
            w => limit / w * w,
        };
        let words = head.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        let lines = bitmap_text(bitmap, picture, ink);
        Self { width: picture.max(words), head: head.to_vec(), lines, picture }
    }
}

fn side_by_side(text: &mut String, blocks: &[Block]) {
    let heads = blocks.iter().map(|block| block.head.len()).max().unwrap_or(0);
    let lines = blocks.iter().map(|block| block.lines.len()).max().unwrap_or(0);
    for at in 0..heads + lines {
        let mut line = String::new();
        for block in blocks {
            let (part, seen) = if at < heads {
                block.head.get(at).map_or(("", 0), |words| (words, words.chars().count()))
            } else {
                block.lines.get(at - heads).map_or(("", 0), |part| (part, block.picture))
            };
            line.push_str(part);
            line.extend(std::iter::repeat_n(' ', block.width - seen + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
}

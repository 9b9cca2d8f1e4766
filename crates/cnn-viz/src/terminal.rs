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

/// Characters of one map, at most.
const CELL: usize = 28;
/// Characters of one channel among others, at least.
const TILE: usize = 5;
/// Characters of all channels of a layer together, at most.
const MOSAIC: usize = 120;
/// Between channels, where there are colours; spaces, where there are none.
const BETWEEN: Color = Color::hex(0x50_50_50);

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
        let head = vec![table.first.name.clone(), row.label.clone()];
        let mut blocks = vec![Block::new(head, &row.picture, width, ink)];
        for (column, cell) in row.cells.iter().enumerate() {
            let head = vec![table.columns[column].name.clone(), table.label(at, column)];
            let (tiles, columns) = cell.values.tiles(table.map, table.ends(cell, ranges[column]));
            blocks.push(match tiles.as_slice() {
                [one] => Block::new(head, one, width, ink),
                tiles => Block::of_tiles(head, tiles, columns, width, ink),
            });
        }
        let mut blocks = blocks.into_iter().peekable();
        while let Some(block) = blocks.next() {
            let (mut used, mut line) = (block.width, vec![block]);
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
    fn new(head: Vec<String>, bitmap: &Bitmap, width: usize, ink: Ink) -> Self {
        let picture = stretched(bitmap.width(), CELL.min(width.max(1)));
        let words = head.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        let lines = bitmap_text(bitmap, picture, ink);
        Self { width: picture.max(words), head, lines, picture }
    }

    /// Channels side by side, each as many characters wide as there is room for.
    fn of_tiles(
        head: Vec<String>,
        tiles: &[Bitmap],
        columns: usize,
        width: usize,
        ink: Ink,
    ) -> Self {
        let room = MOSAIC.min(width.max(1)) + 1;
        let columns = columns.clamp(1, (room / (TILE + 1)).max(1));
        let (w, h) = tiles.first().map_or((0, 0), |tile| (tile.width(), tile.height()));
        let across = stretched(w, (room / columns).saturating_sub(1).clamp(1, CELL));
        // With its gap, a whole number of lines.
        let down = ((across * h).div_ceil(w.max(1)) + 1).next_multiple_of(2) - 1;
        let sized: Vec<Bitmap> = tiles.iter().map(|tile| tile.resized(across, down)).collect();
        let between = if ink == Ink::Ascii { Color::hex(0) } else { BETWEEN };
        let bitmap = Bitmap::mosaic(&sized, columns, 1, between);
        let words = head.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        let (picture, lines) = (bitmap.width(), bitmap_text(&bitmap, bitmap.width(), ink));
        Self { width: picture.max(words), head, lines, picture }
    }
}

/// The largest multiple of `size` that is at most `limit`; `limit` for larger ones.
fn stretched(size: usize, limit: usize) -> usize {
    match size {
        0 => 0,
        size if size > limit => limit,
        size => limit / size * size,
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

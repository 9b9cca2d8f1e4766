//! Kernels as pictures, layer below layer.

use super::color_bar::{Ends, color_bar};
use super::values::range;
use super::{MARGIN, heading};
use crate::bitmap::Bitmap;
use crate::color::{Color, Colormap, PALETTE};
use crate::font::text_width;
use crate::scene::{Anchor, Scene, Stroke, Text, Weight};
use ndarray::{ArrayView2, ArrayView4, Axis, Slice};
use std::ops::Range;

/// The kernels of some layers.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelSheet<'a> {
    /// The heading.
    pub title: &'a str,
    /// A line under the heading; may be empty.
    pub subtitle: &'a str,
    /// The layers.
    pub layers: Vec<LayerKernels<'a>>,
    /// The colours of numbers; [`Colormap::RedBlue`] has 0 in its middle. Every layer has its own range.
    pub map: Colormap,
    /// Filters, and input channels of each, that are drawn per layer, at most. A note says how many there are.
    pub most: usize,
}

/// The kernel of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerKernels<'a> {
    /// The layer's name.
    pub name: String,
    /// What is beside it: shape, statistics; may be empty.
    pub note: String,
    /// The numbers.
    pub kernel: Kernels<'a>,
    /// Filters whose numbers are orange, such as dead ones.
    pub marked: Vec<usize>,
}

/// Weights to be shown as pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kernels<'a> {
    /// [kh, kw, c, filters]: a picture for each filter; where c is more than 1, a column of them, one for each input channel.
    Filters(ArrayView4<'a, f32>),
    /// [in, units]: one picture, a line for each unit.
    Matrix(ArrayView2<'a, f32>),
}

/// Lines and columns of a matrix, at most.
const MATRIX: usize = 1024;
/// Filters of one input channel in a line.
const LINE: usize = 16;
/// Size of the numbers of filters and channels.
const INDEX: f32 = 10.0;

/// Draws kernels as pictures, layer below layer.
pub fn kernel_sheet(sheet: &KernelSheet<'_>) -> Scene {
    let blocks: Vec<Block> = sheet.layers.iter().map(|layer| Block::of(layer, sheet)).collect();
    let words = text_width(sheet.title, 19.0, Weight::Medium)
        .max(text_width(sheet.subtitle, 13.0, Weight::Regular))
        .max(text_width(FOOT, 12.0, Weight::Regular));
    let heads = sheet.layers.iter().map(|layer| {
        text_width(&layer.name, 14.0, Weight::Medium)
            + 14.0
            + text_width(&layer.note, 12.0, Weight::Regular)
    });
    let width = heads.chain([words]).map(|w| w * 1.05).chain(blocks.iter().map(Block::full_width));
    let width = width.fold(420.0, f32::max) + 2.0 * MARGIN;
    let top = if sheet.subtitle.is_empty() { 66.0 } else { 86.0 };
    let marked = sheet.layers.iter().any(|layer| !layer.marked.is_empty());
    let foot = if marked { 20.0 } else { 0.0 };
    let height = blocks.iter().map(|block| HEAD + block.height + BELOW).sum::<f32>() + foot;
    let mut scene = Scene::new(width.ceil() as u32, (top + height).ceil() as u32, sheet.title);
    heading(&mut scene, sheet.title, sheet.subtitle);
    let mut y = top;
    for (layer, block) in sheet.layers.iter().zip(&blocks) {
        scene.text(Text::new(MARGIN, y + 12.0, 14.0, &layer.name).weight(Weight::Medium));
        let x = MARGIN + text_width(&layer.name, 14.0, Weight::Medium) * 1.05 + 14.0;
        scene.text(Text::new(x, y + 12.0, 12.0, &layer.note).color(Color::MUTED));
        block.draw(&mut scene, y + HEAD, &layer.marked);
        y += HEAD + block.height;
        color_bar(
            &mut scene,
            (MARGIN + 44.0, y + 14.0, 120.0),
            sheet.map,
            block.range,
            Ends::Beside,
        );
        scene.text(Text::new(MARGIN + NOTE, y + 24.0, 12.0, &block.note).color(Color::MUTED));
        y += BELOW;
    }
    if marked {
        scene.text(Text::new(MARGIN, y + 4.0, 12.0, FOOT).color(PALETTE[1]));
    }
    scene
}

/// Height of a layer's name, and of colour bar and gap below its pictures.
const HEAD: f32 = 24.0;
const BELOW: f32 = 58.0;
/// Where the note beside a colour bar begins.
const NOTE: f32 = 230.0;
const FOOT: &str = "Orange: dead, the output is 0 everywhere.";

/// The pictures of one layer, laid out.
struct Block {
    /// Each line's picture, and its first number.
    lines: Vec<(Bitmap, usize)>,
    /// Pixels for each number.
    scale: f32,
    /// Numbers from one tile to the next, across and down, and tiles in a line.
    pitch: (usize, usize),
    across: usize,
    layout: Layout,
    width: f32,
    height: f32,
    range: Option<(f32, f32)>,
    note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Filters in lines, each with its number above it.
    Lines,
    /// A column for each filter, a line for each input channel.
    Table,
    /// One picture.
    Matrix,
}

impl Block {
    fn of(layer: &LayerKernels<'_>, sheet: &KernelSheet<'_>) -> Self {
        match &layer.kernel {
            Kernels::Filters(kernel) => Self::filters(kernel, sheet),
            Kernels::Matrix(kernel) => Self::matrix(kernel, sheet),
        }
    }

    fn filters(kernel: &ArrayView4<'_, f32>, sheet: &KernelSheet<'_>) -> Self {
        let (h, w, c, n) = kernel.dim();
        let (channels, filters) = (c.min(sheet.most), n.min(sheet.most));
        let range = span(kernel.iter(), sheet.map);
        let tile = |channel: usize, filter: usize| {
            Bitmap::from_f32(
                &kernel.index_axis(Axis(3), filter).index_axis(Axis(2), channel),
                sheet.map,
                Some(range.unwrap_or_default()),
            )
        };
        let line = |channel: usize, filters: Range<usize>| {
            let tiles: Vec<Bitmap> = filters.map(|filter| tile(channel, filter)).collect();
            Bitmap::mosaic(&tiles, tiles.len(), 1, Color::WHITE)
        };
        let (layout, target, across, lines): (_, f32, _, Vec<(Bitmap, usize)>) = if c == 1 {
            let starts = (0..filters).step_by(LINE);
            let lines = starts.map(|at| (line(0, at..filters.min(at + LINE)), at)).collect();
            (Layout::Lines, 40.0, filters.min(LINE), lines)
        } else {
            let lines = (0..channels).map(|channel| (line(channel, 0..filters), channel)).collect();
            (Layout::Table, 22.0, filters, lines)
        };
        let target = target.max((h.max(w) as f32).min(56.0));
        let scale = ((target / h.max(w).max(1) as f32) * 2.0).floor().max(1.0) / 2.0;
        let pitch = (w + 1, h + 1);
        let down = lines.len() as f32 * pitch.1 as f32 * scale;
        Self {
            width: INDENT + (across * pitch.0) as f32 * scale,
            height: match layout {
                Layout::Lines => down + lines.len() as f32 * (INDEX + 4.0),
                _ => down + INDEX + 4.0,
            },
            note: [more(filters, n, "filters"), more(channels, c, "input channels")]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", "),
            lines,
            scale,
            pitch,
            across,
            layout,
            range,
        }
    }

    fn matrix(kernel: &ArrayView2<'_, f32>, sheet: &KernelSheet<'_>) -> Self {
        let (inputs, units) = (kernel.nrows().min(MATRIX), kernel.ncols().min(MATRIX));
        let range = span(kernel.iter(), sheet.map);
        let shown = kernel.slice_axis(Axis(0), Slice::from(..inputs));
        let shown = shown.slice_axis(Axis(1), Slice::from(..units));
        let bitmap = Bitmap::from_f32(&shown.t(), sheet.map, Some(range.unwrap_or_default()));
        let scale = (960.0 / inputs.max(units).max(1) as f32 * 2.0).floor().clamp(1.0, 20.0) / 2.0;
        Self {
            width: INDENT + inputs as f32 * scale,
            height: units as f32 * scale,
            note: std::iter::once("a line for each unit, a column for each input".to_owned())
                .chain(more(units, kernel.ncols(), "units"))
                .chain(more(inputs, kernel.nrows(), "inputs"))
                .collect::<Vec<_>>()
                .join(", "),
            lines: vec![(bitmap, 0)],
            scale,
            pitch: (0, units),
            across: 0,
            layout: Layout::Matrix,
            range,
        }
    }

    /// With the note below it.
    fn full_width(&self) -> f32 {
        let note = NOTE + text_width(&self.note, 12.0, Weight::Regular) * 1.05;
        if self.note.is_empty() { self.width } else { self.width.max(note) }
    }

    fn draw(&self, scene: &mut Scene, top: f32, marked: &[usize]) {
        let left = MARGIN + INDENT;
        let mut y = top;
        if self.layout == Layout::Table {
            self.indices(scene, 0..self.across, y, marked);
            y += INDEX + 4.0;
        }
        let first_line = y;
        let numbered = every(self.pitch.1 as f32 * self.scale, INDEX + 2.0);
        for (bitmap, first) in &self.lines {
            let (w, h) = (bitmap.width() as f32 * self.scale, bitmap.height() as f32 * self.scale);
            if self.layout == Layout::Lines {
                let count = (bitmap.width() + 1) / self.pitch.0.max(1);
                self.indices(scene, *first..first + count, y, marked);
                y += INDEX + 4.0;
            }
            scene.image(left, y, w, h, bitmap.clone());
            if self.layout == Layout::Lines {
                self.frames(scene, y, bitmap);
            }
            if self.layout == Layout::Table && first.is_multiple_of(numbered) {
                let text =
                    Text::new(left - 6.0, y + h / 2.0 + INDEX * 0.36, INDEX, first.to_string());
                scene.text(text.anchor(Anchor::End).color(Color::MUTED));
            }
            y += self.pitch.1 as f32 * self.scale;
        }
        if self.layout == Layout::Table {
            self.rules(scene, first_line);
        }
    }

    /// A line around each filter: where weights are near 0, it is nearly white.
    fn frames(&self, scene: &mut Scene, y: f32, line: &Bitmap) {
        let (right, bottom) =
            (self.scale * (self.pitch.0 - 1) as f32, self.scale * line.height() as f32);
        for at in (0..line.width()).step_by(self.pitch.0) {
            let x = MARGIN + INDENT + at as f32 * self.scale;
            let corners = [(0.0, 0.0), (right, 0.0), (right, bottom), (0.0, bottom), (0.0, 0.0)];
            let corners = corners.map(|(dx, dy)| (x + dx, y + dy));
            scene.polyline(corners.to_vec(), Stroke::new(RULE, 1.0));
        }
    }

    /// Lines in the gaps of a table, for the same reason.
    fn rules(&self, scene: &mut Scene, top: f32) {
        let (left, lines) = (MARGIN + INDENT, self.lines.len());
        let at = |n: usize, pitch: usize| ((n * pitch) as f32 - 0.5) * self.scale;
        let (right, bottom) = (left + at(self.across, self.pitch.0), top + at(lines, self.pitch.1));
        for column in 1..self.across {
            let x = left + at(column, self.pitch.0);
            scene.line((x, top), (x, bottom), Stroke::new(RULE, 1.0));
        }
        for line in 1..lines {
            let y = top + at(line, self.pitch.1);
            scene.line((left, y), (right, y), Stroke::new(RULE, 1.0));
        }
    }

    /// The numbers of filters, above their pictures.
    fn indices(&self, scene: &mut Scene, filters: Range<usize>, y: f32, marked: &[usize]) {
        let widest = text_width(&filters.end.to_string(), INDEX, Weight::Regular) + 3.0;
        let step = every(self.pitch.0 as f32 * self.scale, widest);
        for (i, filter) in filters.enumerate().step_by(step) {
            let middle = (i * self.pitch.0) as f32 + (self.pitch.0 as f32 - 1.0) / 2.0;
            let x = MARGIN + INDENT + middle * self.scale;
            let color = if marked.contains(&filter) { PALETTE[1] } else { Color::MUTED };
            let text = Text::new(x, y + INDEX - 1.0, INDEX, filter.to_string());
            scene.text(text.anchor(Anchor::Middle).color(color));
        }
    }
}

/// Between tiles.
const RULE: Color = Color::hex(0xc8_ce_d5);
/// Room for the numbers of input channels.
const INDENT: f32 = 26.0;

fn span<'a>(values: impl Iterator<Item = &'a f32>, map: Colormap) -> Option<(f32, f32)> {
    range(values).map(|(low, high)| map.span(low, high))
}

/// `the first 32 of 64 filters`, where not all are shown.
fn more(shown: usize, all: usize, what: &str) -> Option<String> {
    (shown < all).then(|| format!("the first {shown} of {all} {what}"))
}

/// Of so many things `pitch` pixels apart, every how many have room for `room` pixels.
fn every(pitch: f32, room: f32) -> usize {
    (room / pitch.max(1.0)).ceil().max(1.0) as usize
}

//! Curves with a band: a mean over the epochs and how far the runs lie around it, in one panel or several.

use super::{MARGIN, heading, series_color};
use crate::color::Color;
use crate::font::text_width;
use crate::scene::{Anchor, Scene, Stroke, Text, Weight};
use crate::ticks::{Ticks, nice, whole};

/// One line with its band.
#[derive(Clone, Debug, PartialEq)]
pub struct BandSeries<'a> {
    /// Its name in the legend; lines of one name, in several panels, are named once.
    pub name: &'a str,
    /// Which of the palette's colours.
    pub color: usize,
    /// Whether the line is dashed.
    pub dashed: bool,
    /// x, mean, and half the height of the band.
    pub points: Vec<(f64, f64, f64)>,
}

/// A place that is pointed out: a dot, a dashed line down to the axis, and words at its foot.
#[derive(Clone, Debug, PartialEq)]
pub struct BandMark {
    /// Where.
    pub x: f64,
    /// Where.
    pub y: f64,
    /// Written beside it; may have several lines.
    pub text: String,
}

/// One plot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BandPanel<'a> {
    /// Above it.
    pub heading: String,
    /// The lines.
    pub series: Vec<BandSeries<'a>>,
    /// What is pointed out.
    pub marks: Vec<BandMark>,
    /// Where y ends at the latest, whatever the bands say: 1 for accuracies.
    pub max_y: Option<f64>,
}

/// Plots over whole numbers, epochs for instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BandChart<'a> {
    /// The heading.
    pub title: &'a str,
    /// A line under the heading; may be empty.
    pub subtitle: &'a str,
    /// Under each x axis.
    pub x_label: &'a str,
    /// At the bottom: what line and band are; may be empty.
    pub note: &'a str,
    /// Panels in a row, 1 or more.
    pub columns: usize,
    /// Whether all panels have the same y axis.
    pub same_y: bool,
    /// The plots, row by row.
    pub panels: Vec<BandPanel<'a>>,
}

const WIDTH: f32 = 960.0;
const HEIGHT: f32 = 210.0;
const PITCH: f32 = HEIGHT + 88.0;
const TEXT: f32 = 13.0;

/// Draws the panels under one legend. Points that are not finite are left out.
pub fn band_chart(chart: &BandChart<'_>) -> Scene {
    let columns = chart.columns.max(1);
    let rows = chart.panels.len().div_ceil(columns);
    let legend = Legend::of(chart);
    let top = 74.0 + 22.0 * legend.rows as f32 + 34.0;
    let height = top + PITCH * rows as f32 + 4.0;
    let mut scene = Scene::new(WIDTH as u32, height as u32, chart.title);
    heading(&mut scene, chart.title, chart.subtitle);
    legend.draw(&mut scene);
    let common = chart.same_y.then(|| span(chart.panels.iter()));
    let pitch = (WIDTH - 2.0 * MARGIN + 20.0) / columns as f32;
    for (i, panel) in chart.panels.iter().enumerate() {
        let left = MARGIN + 42.0 + pitch * (i % columns) as f32;
        let area = (left, top + PITCH * (i / columns) as f32, pitch - 66.0, HEIGHT);
        draw(
            &mut scene,
            panel,
            area,
            chart.x_label,
            common.unwrap_or_else(|| span([panel].into_iter())),
        );
    }
    scene.text(Text::new(MARGIN, height - 14.0, 12.0, chart.note).color(Color::MUTED));
    scene
}

/// Lowest and highest x and y, bands included.
type Span = ((f64, f64), (f64, f64));

fn span<'a, 'b: 'a>(panels: impl Iterator<Item = &'a BandPanel<'b>>) -> Span {
    let none = (f64::INFINITY, f64::NEG_INFINITY);
    let points = panels.flat_map(|panel| {
        let max = panel.max_y.unwrap_or(f64::INFINITY);
        // Where everything is at the end of the axis, the axis begins a little below.
        let below = if max.is_finite() { max - 0.01 * max.abs().max(1e-3) } else { max };
        let points = panel.series.iter().flat_map(|series| sound(&series.points));
        points.map(move |p| (p.0, (p.1 - p.2).min(below), (p.1 + p.2).min(max)))
    });
    points.fold((none, none), |(x, y), p| {
        ((x.0.min(p.0), x.1.max(p.0)), (y.0.min(p.1), y.1.max(p.2)))
    })
}

fn sound(points: &[(f64, f64, f64)]) -> impl Iterator<Item = (f64, f64, f64)> {
    let fits = |p: &&(f64, f64, f64)| p.0.abs() < 1e300 && p.1.abs() < 1e300;
    points.iter().filter(fits).map(|p| (p.0, p.1, if p.2.abs() < 1e300 { p.2.abs() } else { 0.0 }))
}

fn draw(
    scene: &mut Scene,
    panel: &BandPanel<'_>,
    area: (f32, f32, f32, f32),
    x_label: &str,
    span: Span,
) {
    let (left, top, w, h) = area;
    scene.text(Text::new(left, top - 14.0, 14.0, &panel.heading).weight(Weight::Medium));
    if !span.0.0.is_finite() {
        let words = Text::new(left + w / 2.0, top + h / 2.0, 14.0, "nothing recorded");
        scene.text(words.anchor(Anchor::Middle).color(Color::MUTED));
        return;
    }
    let (xs, ys) = (whole(span.0.0, span.0.1, 10), nice(span.1.0, span.1.1, 5));
    let max = panel.max_y.unwrap_or(f64::INFINITY);
    let place = |x: f64, y: f64| {
        let y = y.min(max);
        let share = |v: f64, t: &Ticks| ((v - t.low) / (t.high - t.low)) as f32;
        (left + share(x, &xs) * w, top + (1.0 - share(y, &ys)) * h)
    };
    frame(scene, area, x_label, (&xs, &ys), &place);
    for series in &panel.series {
        let points: Vec<_> = sound(&series.points).collect();
        let upper = points.iter().map(|p| place(p.0, p.1 + p.2));
        let lower = points.iter().rev().map(|p| place(p.0, p.1 - p.2));
        if points.len() > 1 && points.iter().any(|p| p.2 > 0.0) {
            scene.polygon(upper.chain(lower).collect(), series_color(series.color), 0.16);
        }
    }
    for series in &panel.series {
        let color = series_color(series.color);
        let points: Vec<_> = sound(&series.points).map(|p| place(p.0, p.1)).collect();
        let dash = series.dashed.then_some((6.0, 4.0));
        match points[..] {
            [] => {}
            [only] => scene.circle(only, 3.25, color),
            _ => scene.polyline(points, Stroke { dash, ..Stroke::new(color, 2.0) }),
        }
    }
    for mark in &panel.marks {
        let (x, y) = place(mark.x, mark.y);
        let dash = Some((4.0, 4.0));
        let stroke = Stroke { dash, ..Stroke::new(Color::AXIS, 1.25) };
        scene.line((x, y), (x, top + h), stroke);
        scene.circle((x, y), 4.5, Color::INK);
        // At the foot of the plot: the curves are mostly above.
        let lines: Vec<&str> = mark.text.lines().collect();
        let widths = lines.iter().map(|line| text_width(line, 12.0, Weight::Medium));
        let width = widths.fold(0.0, f32::max);
        let at = if x + 8.0 + width <= left + w { x + 8.0 } else { x - 8.0 - width };
        for (i, line) in lines.iter().rev().enumerate() {
            let at = (at.max(left + 4.0), top + h - 10.0 - 16.0 * i as f32);
            scene.text(Text::new(at.0, at.1, 12.0, *line).weight(Weight::Medium));
        }
    }
}

fn frame(
    scene: &mut Scene,
    (left, top, w, h): (f32, f32, f32, f32),
    x_label: &str,
    (xs, ys): (&Ticks, &Ticks),
    place: &dyn Fn(f64, f64) -> (f32, f32),
) {
    for (value, label) in &ys.marks {
        let at = place(xs.low, *value).1.round() + 0.5;
        scene.line((left, at), (left + w, at), Stroke::new(Color::GRID, 1.0));
        let text = Text::new(left - 8.0, at + 4.0, 12.0, label);
        scene.text(text.anchor(Anchor::End).color(Color::MUTED));
    }
    for (value, label) in &xs.marks {
        let at = place(*value, ys.low).0.round() + 0.5;
        scene.line((at, top + h), (at, top + h + 5.0), Stroke::new(Color::AXIS, 1.0));
        let text = Text::new(at, top + h + 20.0, 12.0, label);
        scene.text(text.anchor(Anchor::Middle).color(Color::MUTED));
    }
    scene.line((left, top + h + 0.5), (left + w, top + h + 0.5), Stroke::new(Color::AXIS, 1.0));
    let label = Text::new(left + w / 2.0, top + h + 38.0, 12.0, x_label);
    scene.text(label.anchor(Anchor::Middle).color(Color::MUTED));
}

/// The names of the lines, in as many rows as they need.
struct Legend<'a> {
    /// Name, colour, dashed, left edge, row.
    entries: Vec<(&'a str, usize, bool, f32, usize)>,
    rows: usize,
}

impl<'a> Legend<'a> {
    fn of(chart: &BandChart<'a>) -> Self {
        let mut entries: Vec<(&str, usize, bool, f32, usize)> = Vec::new();
        let (mut x, mut row) = (MARGIN, 0);
        for series in chart.panels.iter().flat_map(|panel| &panel.series) {
            if entries.iter().any(|entry| entry.0 == series.name) {
                continue;
            }
            let width = 30.0 + text_width(series.name, TEXT, Weight::Regular) + 20.0;
            if x + width > WIDTH - MARGIN && x > MARGIN {
                (x, row) = (MARGIN, row + 1);
            }
            entries.push((series.name, series.color, series.dashed, x, row));
            x += width;
        }
        Self { rows: if entries.is_empty() { 0 } else { row + 1 }, entries }
    }

    fn draw(&self, scene: &mut Scene) {
        for &(name, color, dashed, x, row) in &self.entries {
            let y = 84.0 + 22.0 * row as f32;
            let dash = dashed.then_some((6.0, 4.0));
            scene.line(
                (x, y - 4.5),
                (x + 24.0, y - 4.5),
                Stroke { dash, ..Stroke::new(series_color(color), 2.5) },
            );
            scene.text(Text::new(x + 30.0, y, TEXT, name));
        }
    }
}

//! One plot area with axes: where lines are drawn.

use crate::color::Color;
use crate::font::text_width;
use crate::scene::{Anchor, Scene, Stroke, Text, Weight};
use crate::ticks::{Ticks, logarithmic, nice, whole};

/// Values beyond this are drawn as gaps, like NaN: no axis can show them beside ordinary numbers.
const LARGEST: f64 = 1e300;

/// A line to be drawn.
#[derive(Debug)]
pub(super) struct Curve {
    pub(super) color: Color,
    pub(super) points: Vec<(f64, f64)>,
}

/// Where a panel is and what its axes say.
#[derive(Debug)]
pub(super) struct Panel<'a> {
    /// Left, top, width and height of the plot area, tick labels outside it.
    pub(super) area: (f32, f32, f32, f32),
    pub(super) heading: &'a str,
    pub(super) x_label: &'a str,
    pub(super) whole_x: bool,
    /// A logarithmic x axis: curves and marks then come with log₁₀ x.
    pub(super) log_x: bool,
    /// Writes each curve's last value at its end.
    pub(super) end_values: bool,
}

fn drawable(p: &(f64, f64)) -> bool {
    p.0.abs() < LARGEST && p.1.abs() < LARGEST
}

impl Panel<'_> {
    /// Draws frame, grid, curves and marks. True if some values are not numbers that can be shown.
    pub(super) fn draw(&self, scene: &mut Scene, curves: &[Curve], marks: &[Mark<'_>]) -> bool {
        let (x, y, _, _) = self.area;
        scene.text(Text::new(x, y - 14.0, 14.0, self.heading).weight(Weight::Medium));
        let shown: Vec<(f64, f64)> =
            curves.iter().flat_map(|c| c.points.iter().copied().filter(drawable)).collect();
        let total: usize = curves.iter().map(|c| c.points.len()).sum();
        if shown.is_empty() {
            self.frame(scene, None);
            self.say(
                scene,
                if total == 0 { "no epochs recorded" } else { "no value is a finite number" },
            );
            return total > 0;
        }
        let bounds = |pick: fn(&(f64, f64)) -> f64| {
            shown
                .iter()
                .map(pick)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |b, v| (b.0.min(v), b.1.max(v)))
        };
        let (xs, ys) = (bounds(|p| p.0), bounds(|p| p.1));
        let x_ticks = match (self.log_x, self.whole_x) {
            (true, _) => powers(xs.0, xs.1),
            (false, true) => whole(xs.0, xs.1, 10),
            (false, false) => nice(xs.0, xs.1, 6),
        };
        let y_ticks = nice(ys.0, ys.1, 5);
        self.frame(scene, Some((&x_ticks, &y_ticks)));
        let scale = Scale {
            area: self.area,
            x: (x_ticks.low, x_ticks.high),
            y: (y_ticks.low, y_ticks.high),
        };
        let inside = |mark: &&Mark<'_>| (scale.x.0..=scale.x.1).contains(&mark.x);
        let marks: Vec<&Mark<'_>> = marks.iter().filter(inside).collect();
        for mark in &marks {
            mark_line(scene, mark, &scale);
        }
        for (row, mark) in marks.iter().enumerate() {
            mark_text(scene, mark, row, &scale);
        }
        for curve in curves {
            draw_curve(scene, curve, &scale);
        }
        if self.end_values {
            end_values(scene, curves, &scale);
        }
        shown.len() < total
    }

    fn frame(&self, scene: &mut Scene, ticks: Option<(&Ticks, &Ticks)>) {
        let (x, y, w, h) = self.area;
        if let Some((x_ticks, y_ticks)) = ticks {
            let scale = Scale {
                area: self.area,
                x: (x_ticks.low, x_ticks.high),
                y: (y_ticks.low, y_ticks.high),
            };
            for (value, label) in &y_ticks.marks {
                let at = scale.place(x_ticks.low, *value).1.round() + 0.5;
                scene.line((x, at), (x + w, at), Stroke::new(Color::GRID, 1.0));
                scene.text(
                    Text::new(x - 8.0, at + 4.0, 12.0, label)
                        .anchor(Anchor::End)
                        .color(Color::MUTED),
                );
            }
            for (value, label) in &x_ticks.marks {
                let at = scale.place(*value, y_ticks.low).0.round() + 0.5;
                scene.line((at, y + h), (at, y + h + 5.0), Stroke::new(Color::AXIS, 1.0));
                scene.text(
                    Text::new(at, y + h + 20.0, 12.0, label)
                        .anchor(Anchor::Middle)
                        .color(Color::MUTED),
                );
            }
        }
        scene.line((x, y + h + 0.5), (x + w, y + h + 0.5), Stroke::new(Color::AXIS, 1.0));
        scene.text(
            Text::new(x + w / 2.0, y + h + 40.0, 12.0, self.x_label)
                .anchor(Anchor::Middle)
                .color(Color::MUTED),
        );
    }

    fn say(&self, scene: &mut Scene, words: &str) {
        let (x, y, w, h) = self.area;
        scene.text(
            Text::new(x + w / 2.0, y + h / 2.0, 14.0, words)
                .anchor(Anchor::Middle)
                .color(Color::MUTED),
        );
    }
}

/// A place on the x axis with a name.
#[derive(Debug)]
pub(super) struct Mark<'a> {
    pub(super) x: f64,
    pub(super) text: &'a str,
    pub(super) color: Color,
}

/// Ticks of a logarithmic axis between these values, log₁₀ both. The axis ends where the values do.
fn powers(low: f64, high: f64) -> Ticks {
    let (low, high) = if high - low > 1e-9 { (low, high) } else { (low - 0.5, high + 0.5) };
    let marks = logarithmic(low, high).into_iter().map(|(v, text)| (v.log10(), text)).collect();
    Ticks { low, high, marks }
}

/// A dashed line from top to bottom.
fn mark_line(scene: &mut Scene, mark: &Mark<'_>, scale: &Scale) {
    let (_, top, _, h) = scale.area;
    let x = scale.place(mark.x, scale.y.0).0;
    let stroke = Stroke { dash: Some((4.0, 4.0)), ..Stroke::new(mark.color, 1.5) };
    scene.line((x, top), (x, top + h), stroke);
}

/// Its name at the top: each in a row of its own, on the side where there is room.
fn mark_text(scene: &mut Scene, mark: &Mark<'_>, row: usize, scale: &Scale) {
    let (left, top, w, _) = scale.area;
    let x = scale.place(mark.x, scale.y.0).0;
    let (at, anchor) =
        if x < left + w / 2.0 { (x + 6.0, Anchor::Start) } else { (x - 6.0, Anchor::End) };
    let y = top + 12.0 + 16.0 * row as f32;
    // On white, so that the lines of other marks do not run through it.
    let width = text_width(mark.text, 12.0, Weight::Medium);
    let from = if anchor == Anchor::Start { at } else { at - width };
    scene.rect(from - 3.0, y - 11.0, width + 6.0, 15.0, Color::WHITE);
    let text = Text::new(at, y, 12.0, mark.text);
    scene.text(text.anchor(anchor).weight(Weight::Medium).color(mark.color));
}

/// From values to pixels.
struct Scale {
    area: (f32, f32, f32, f32),
    x: (f64, f64),
    y: (f64, f64),
}

impl Scale {
    fn place(&self, x: f64, y: f64) -> (f32, f32) {
        // Halves, so that the largest spans do not overflow.
        let share = |v: f64, (low, high): (f64, f64)| {
            ((v / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)) as f32
        };
        let (left, top, w, h) = self.area;
        (left + share(x, self.x) * w, top + (1.0 - share(y, self.y)) * h)
    }
}

/// Lines between neighbours that can be shown, gaps elsewhere; markers while there is room for them.
fn draw_curve(scene: &mut Scene, curve: &Curve, scale: &Scale) {
    for run in curve.points.split(|p| !drawable(p)).filter(|run| !run.is_empty()) {
        let points: Vec<(f32, f32)> = run.iter().map(|p| scale.place(p.0, p.1)).collect();
        let markers = curve.points.len() <= 30 || points.len() == 1;
        let marked = if markers { points.clone() } else { Vec::new() };
        if points.len() > 1 {
            scene.polyline(points, Stroke::new(curve.color, 2.25));
        }
        for at in marked {
            scene.circle(at, 3.25, curve.color);
        }
    }
}

/// The last values beside the ends of their curves, pushed apart where they would overlap.
fn end_values(scene: &mut Scene, curves: &[Curve], scale: &Scale) {
    const GAP: f32 = 15.0;
    let ends = curves
        .iter()
        .filter_map(|c| Some((c.color, *c.points.iter().rev().find(|p| drawable(p))?)));
    let mut labels: Vec<(f32, f32, Color, String)> = ends
        .map(|(color, (x, y))| {
            let at = scale.place(x, y);
            (at.1, at.0, color, number(y))
        })
        .collect();
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    for i in 1..labels.len() {
        let overlap = GAP - (labels[i].0 - labels[i - 1].0);
        if overlap > 0.0 {
            labels[i - 1].0 -= overlap / 2.0;
            labels[i].0 += overlap / 2.0;
        }
    }
    for (y, x, color, text) in labels {
        scene.text(Text::new(x + 9.0, y + 4.0, 12.0, text).weight(Weight::Medium).color(color));
    }
}

/// A value in a few digits.
fn number(v: f64) -> String {
    let text = if v != 0.0 && (v.abs() >= 1e4 || v.abs() < 1e-3) {
        format!("{v:.1e}")
    } else {
        format!("{v:.3}")
    };
    text.replace('-', "−")
}

//! Quality against cost: points with error bars on a logarithmic cost axis, and the Pareto front through the best of them.

use super::{MARGIN, heading};
use crate::color::{Color, PALETTE};
use crate::font::text_width;
use crate::scene::{Anchor, Scene, Stroke, Text, Weight};
use crate::ticks::{logarithmic, nice};

/// One thing that costs x and is worth y.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScatterPoint<'a> {
    /// Written beside the point.
    pub name: &'a str,
    /// Cost, above 0.
    pub x: f64,
    /// Quality.
    pub y: f64,
    /// Half the length of the error bar; `None` for no bar.
    pub y_error: Option<f64>,
    /// Whether it is on the Pareto front.
    pub on_front: bool,
}

/// Quality against cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScatterChart<'a> {
    /// The heading.
    pub title: &'a str,
    /// A line under the heading; may be empty.
    pub subtitle: &'a str,
    /// Under the x axis.
    pub x_label: &'a str,
    /// Above the y axis.
    pub y_label: &'a str,
    /// The points; those that are not finite, or cost nothing, are left out and counted below.
    pub points: &'a [ScatterPoint<'a>],
    /// What the bars are; may be empty.
    pub note: &'a str,
}

const SIZE: (u32, u32) = (860, 520);
const AREA: (f32, f32, f32, f32) = (MARGIN + 48.0, 108.0, 860.0 - 2.0 * MARGIN - 60.0, 316.0);
const FRONT: Color = PALETTE[0];
const OTHER: Color = Color::AXIS;
const LABEL: f32 = 12.5;

/// A rectangle that is taken: left, top, right, bottom.
type Taken = (f32, f32, f32, f32);

/// Draws the points with their names where they hide least, the error bars, and the front as a staircase: what is above and
/// left of it would be better than everything shown.
pub fn scatter_chart(chart: &ScatterChart<'_>) -> Scene {
    let mut scene = Scene::new(SIZE.0, SIZE.1, chart.title);
    heading(&mut scene, chart.title, chart.subtitle);
    let (left, top, w, h) = AREA;
    scene.text(Text::new(left, top - 14.0, 14.0, chart.y_label).weight(Weight::Medium));
    let sound = |p: &&ScatterPoint<'_>| p.x.is_finite() && p.x > 0.0 && p.y.abs() < 1e300;
    let points: Vec<&ScatterPoint<'_>> = chart.points.iter().filter(sound).collect();
    let missing = chart.points.len() - points.len();
    let mut note = chart.note.to_owned();
    if missing > 0 {
        note.extend([" Left out, as not measured: ", &missing.to_string(), "."]);
    }
    scene.text(Text::new(MARGIN, SIZE.1 as f32 - 18.0, 12.0, note.trim()).color(Color::MUTED));
    scene.text(
        Text::new(left + w / 2.0, top + h + 42.0, 12.0, chart.x_label)
            .anchor(Anchor::Middle)
            .color(Color::MUTED),
    );
    if points.is_empty() {
        scene.text(
            Text::new(left + w / 2.0, top + h / 2.0, 14.0, "nothing measured yet")
                .anchor(Anchor::Middle)
                .color(Color::MUTED),
        );
        return scene;
    }
    let axes = Axes::new(&points);
    axes.draw(&mut scene);
    let mut taken = staircase(&mut scene, &axes, &points);
    for p in &points {
        let (x, y) = axes.place(p.x, p.y);
        taken.push((x - 6.0, y - 6.0, x + 6.0, y + 6.0));
        if let Some(error) = p.y_error.filter(|error| error.is_finite() && *error > 0.0) {
            let (low, high) = (axes.place(p.x, p.y - error).1, axes.place(p.x, p.y + error).1);
            let stroke = Stroke::new(if p.on_front { FRONT } else { OTHER }, 1.5);
            scene.line((x, low), (x, high), stroke);
            scene.line((x - 4.0, low), (x + 4.0, low), stroke);
            scene.line((x - 4.0, high), (x + 4.0, high), stroke);
            taken.push((x - 4.0, high, x + 4.0, low));
        }
    }
    // Those on the front on top.
    let mut order = points.clone();
    order.sort_by_key(|p| p.on_front);
    for p in order {
        scene.circle(axes.place(p.x, p.y), 5.0, if p.on_front { FRONT } else { OTHER });
    }
    for p in &points {
        name(&mut scene, &axes, p, &mut taken);
    }
    scene
}

/// The front: level until the next point, then up to it. Returns where it is.
fn staircase(scene: &mut Scene, axes: &Axes, points: &[&ScatterPoint<'_>]) -> Vec<Taken> {
    let mut front: Vec<&&ScatterPoint<'_>> = points.iter().filter(|p| p.on_front).collect();
    front.sort_by(|a, b| a.x.total_cmp(&b.x));
    let mut steps: Vec<(f32, f32)> = Vec::new();
    for p in front {
        let (x, y) = axes.place(p.x, p.y);
        steps.extend(steps.last().map(|last| (x, last.1)));
        steps.push((x, y));
    }
    let part = |pair: &[(f32, f32)]| {
        let (a, b) = (pair[0], pair[1]);
        (a.0.min(b.0) - 1.0, a.1.min(b.1) - 1.0, a.0.max(b.0) + 1.0, a.1.max(b.1) + 1.0)
    };
    let taken = steps.windows(2).map(part).collect();
    let color = FRONT.mix(Color::WHITE, 0.35);
    if steps.len() > 1 {
        scene.polyline(steps, Stroke { dash: Some((5.0, 4.0)), ..Stroke::new(color, 1.5) });
    }
    taken
}

/// A point's name beside it: right, left, above or below, wherever nothing else is.
fn name(scene: &mut Scene, axes: &Axes, point: &ScatterPoint<'_>, taken: &mut Vec<Taken>) {
    let (x, y) = axes.place(point.x, point.y);
    let width = text_width(point.name, LABEL, Weight::Medium);
    let (left, top, w, h) = AREA;
    // Above before beside: a step of the front leaves a point to the right and below.
    let (right, left_of) = (9.0, -9.0 - width);
    let places = [
        (right, -9.0),
        (left_of, -9.0),
        (right, 4.0),
        (left_of, 4.0),
        (right, 19.0),
        (left_of, 19.0),
        (-width / 2.0, 26.0),
        (-width / 2.0, -16.0),
    ];
    let boxed = |(dx, dy): (f32, f32)| (x + dx, y + dy - 11.0, x + dx + width, y + dy + 3.0);
    let inside =
        |b: &Taken| b.0 >= left && b.2 <= left + w + 24.0 && b.1 >= top - 8.0 && b.3 <= top + h;
    let free = |b: &Taken| !taken.iter().any(|t| b.0 < t.2 && t.0 < b.2 && b.1 < t.3 && t.1 < b.3);
    let all: Vec<Taken> = places.into_iter().map(boxed).collect();
    let chosen = all.iter().find(|b| inside(b) && free(b)).or(all.iter().find(|b| inside(b)));
    let place = *chosen.unwrap_or(&all[0]);
    let color = if point.on_front { FRONT } else { Color::MUTED };
    scene.text(
        Text::new(place.0, place.3 - 3.0, LABEL, point.name).weight(Weight::Medium).color(color),
    );
    taken.push(place);
}

/// From values to pixels: log₁₀ across, linear up.
struct Axes {
    x: (f64, f64),
    y: (f64, f64),
    x_marks: Vec<(f64, String)>,
    y_marks: Vec<(f64, String)>,
}

impl Axes {
    fn new(points: &[&ScatterPoint<'_>]) -> Self {
        let ends = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |b, v| (b.0.min(v), b.1.max(v)))
        };
        let (low, high) = ends(&mut points.iter().map(|p| p.x.log10()));
        let room = ((high - low) * 0.06).max(0.08);
        let x = (low - room, high + room);
        let error =
            |p: &&ScatterPoint<'_>| p.y_error.filter(|error| error.is_finite()).unwrap_or(0.0);
        let bars = points.iter().flat_map(|p| [p.y - error(p), p.y + error(p)]);
        let (low, high) = ends(&mut bars.into_iter());
        let ticks = nice(low, high, 6);
        Self { x, y: (ticks.low, ticks.high), x_marks: logarithmic(x.0, x.1), y_marks: ticks.marks }
    }

    fn place(&self, x: f64, y: f64) -> (f32, f32) {
        let share = |v: f64, (low, high): (f64, f64)| ((v - low) / (high - low)) as f32;
        let (left, top, w, h) = AREA;
        (left + share(x.log10(), self.x) * w, top + (1.0 - share(y, self.y)) * h)
    }

    fn draw(&self, scene: &mut Scene) {
        let (left, top, w, h) = AREA;
        for (value, label) in &self.y_marks {
            let at = self.place(1.0, *value).1.round() + 0.5;
            scene.line((left, at), (left + w, at), Stroke::new(Color::GRID, 1.0));
            let text = Text::new(left - 8.0, at + 4.0, 12.0, label);
            scene.text(text.anchor(Anchor::End).color(Color::MUTED));
        }
        for (value, label) in &self.x_marks {
            let at = self.place(*value, self.y.0).0.round() + 0.5;
            scene.line((at, top), (at, top + h), Stroke::new(Color::GRID, 1.0));
            scene.line((at, top + h), (at, top + h + 5.0), Stroke::new(Color::AXIS, 1.0));
            let text = Text::new(at, top + h + 20.0, 12.0, label);
            scene.text(text.anchor(Anchor::Middle).color(Color::MUTED));
        }
        let floor = top + h + 0.5;
        scene.line((left, floor), (left + w, floor), Stroke::new(Color::AXIS, 1.0));
    }
}

//! The reliability diagram: how often a model is right when it says how sure it is.

use super::{MARGIN, heading, series_color};
use crate::color::{Color, PALETTE};
use crate::font::text_width;
use crate::scene::{Anchor, Scene, Stroke, Text, Weight};
use crate::ticks::nice;

/// Answers sorted by confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reliability<'a> {
    /// The heading.
    pub title: &'a str,
    /// A line under the heading; may be empty.
    pub subtitle: &'a str,
    /// The bins, from low confidence to high.
    pub bins: &'a [ReliabilityBin],
}

/// The answers whose confidence lies between two edges.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReliabilityBin {
    /// Lower edge, 0 to 1.
    pub low: f64,
    /// Upper edge, 0 to 1.
    pub high: f64,
    /// Answers in the bin. An empty bin is not drawn.
    pub count: u64,
    /// Their mean confidence, 0 to 1.
    pub confidence: f64,
    /// The share of them that is right, 0 to 1.
    pub accuracy: f64,
}

const WIDTH: u32 = 480;
const HEIGHT: u32 = 552;
/// Left, top, width and height of the diagram.
const UPPER: Area = Area { x: MARGIN + 44.0, y: 118.0, w: 380.0, h: 250.0 };
/// The same of the histogram below it.
const LOWER: Area = Area { x: UPPER.x, y: 418.0, w: UPPER.w, h: 76.0 };
/// Too sure: the confidence lies above the share of right answers.
const ABOVE: Color = PALETTE[1];
/// Not sure enough.
const BELOW: Color = PALETTE[5];

/// A reliability diagram over a histogram of the confidences. A bar shows the share of right answers of a bin, and beside it the
/// gap to what the model said; on the dashed line they agree.
///
/// Source: Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, figure 1.
pub fn reliability(chart: &Reliability<'_>) -> Scene {
    let mut scene = Scene::new(WIDTH, HEIGHT, chart.title);
    heading(&mut scene, chart.title, chart.subtitle);
    key(&mut scene);
    UPPER.frame(&mut scene, "share of right answers", 1.0, &nice(0.0, 1.0, 5).marks);
    let drawn = || chart.bins.iter().filter(|bin| bin.count > 0);
    for bin in drawn() {
        let (low, high) = (bin.accuracy.min(bin.confidence), bin.accuracy.max(bin.confidence));
        let gap = if bin.confidence > bin.accuracy { ABOVE } else { BELOW };
        UPPER.bar(&mut scene, bin, (0.0, low), series_color(0));
        UPPER.bar(&mut scene, bin, (low, high), gap);
    }
    let dashed = Stroke { color: Color::MUTED, width: 1.25, dash: Some((5.0, 4.0)) };
    scene.line(UPPER.place(0.0, 0.0), UPPER.place(1.0, 1.0), dashed);
    let total = drawn().map(|bin| bin.count as f64).sum::<f64>().max(1.0);
    let largest = drawn().map(|bin| bin.count as f64 / total).fold(0.0, f64::max);
    let ticks = nice(0.0, if largest > 0.0 { largest * 100.0 } else { 100.0 }, 2);
    LOWER.frame(&mut scene, "% of the images", ticks.high, &ticks.marks);
    for bin in drawn() {
        let share = bin.count as f64 / total * 100.0 / ticks.high;
        LOWER.bar(&mut scene, bin, (0.0, share), Color::AXIS);
    }
    scene.text(
        Text::new(
            LOWER.x + LOWER.w / 2.0,
            LOWER.y + LOWER.h + 42.0,
            12.0,
            "confidence: the probability of the answer",
        )
        .anchor(Anchor::Middle)
        .color(Color::MUTED),
    );
    scene
}

/// What the colours mean.
fn key(scene: &mut Scene) {
    let mut x = UPPER.x;
    for (color, words) in
        [(series_color(0), "right"), (ABOVE, "too sure"), (BELOW, "not sure enough")]
    {
        scene.rect(x, 76.0, 11.0, 11.0, color);
        scene.text(Text::new(x + 17.0, 86.0, 12.0, words));
        x += 17.0 + text_width(words, 12.0, Weight::Regular) + 18.0;
    }
}

/// A plot area whose axes begin at 0.
struct Area {
    x: f32,
    y: f32,
    w: f32,
    h: f32,
}

impl Area {
    /// The pixel of two shares of the area, (0, 0) at the lower left.
    fn place(&self, x: f64, y: f64) -> (f32, f32) {
        let share = |v: f64| if v.is_finite() { v.clamp(0.0, 1.0) as f32 } else { 0.0 };
        (self.x + share(x) * self.w, self.y + (1.0 - share(y)) * self.h)
    }

    fn frame(&self, scene: &mut Scene, label: &str, top: f64, marks: &[(f64, String)]) {
        let note = |x, y, text: &str| Text::new(x, y, 12.0, text).color(Color::MUTED);
        scene.text(note(self.x, self.y - 10.0, label));
        for (value, text) in marks {
            let y = self.place(0.0, value / top).1.round() + 0.5;
            scene.line((self.x, y), (self.x + self.w, y), Stroke::new(Color::GRID, 1.0));
            scene.text(note(self.x - 8.0, y + 4.0, text).anchor(Anchor::End));
        }
        let bottom = self.y + self.h + 0.5;
        for (value, text) in nice(0.0, 1.0, 5).marks {
            let x = self.place(value, 0.0).0.round() + 0.5;
            scene.line((x, bottom), (x, bottom + 5.0), Stroke::new(Color::AXIS, 1.0));
            scene.text(note(x, bottom + 19.5, &text).anchor(Anchor::Middle));
        }
        scene.line((self.x, bottom), (self.x + self.w, bottom), Stroke::new(Color::AXIS, 1.0));
    }

    fn bar(&self, scene: &mut Scene, bin: &ReliabilityBin, (low, high): (f64, f64), fill: Color) {
        let (left, top) = self.place(bin.low, high);
        let (right, bottom) = self.place(bin.high, low);
        if right > left && bottom > top {
            scene.rect(left + 1.0, top, (right - left - 2.0).max(0.5), bottom - top, fill);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Item;

    #[test]
    fn bars_end_where_the_shares_say() {
        let bins = [
            ReliabilityBin { low: 0.0, high: 0.5, ..ReliabilityBin::default() },
            ReliabilityBin { low: 0.5, high: 1.0, count: 8, confidence: 0.9, accuracy: 0.6 },
        ];
        let scene = reliability(&Reliability { title: "t", subtitle: "", bins: &bins });
        let of = |wanted: Color| {
            scene.items.iter().filter_map(move |item| match item {
                Item::Rect { x, y, w, h, fill } if *fill == wanted && *w > 20.0 => {
                    Some((*x, *y, *w, *h))
                }
                _ => None,
            })
        };
        let blue: Vec<_> = of(PALETTE[0]).collect();
        assert_eq!(blue.len(), 1, "an empty bin is not drawn");
        assert!(
            (blue[0].3 - 0.6 * UPPER.h).abs() < 0.01
                && (blue[0].2 - UPPER.w / 2.0 + 2.0).abs() < 0.01
        );
        let gap: Vec<_> = of(ABOVE).collect();
        assert!(
            (gap[0].3 - 0.3 * UPPER.h).abs() < 0.01
                && (gap[0].1 - (UPPER.y + 0.1 * UPPER.h)).abs() < 0.01
        );
        assert_eq!(of(BELOW).count(), 0);
    }

    #[test]
    fn numbers_that_are_none_stay_inside() {
        let odd = ReliabilityBin {
            low: -1.0,
            high: 7.0,
            count: 1,
            confidence: f64::NAN,
            accuracy: f64::INFINITY,
        };
        for bins in [&[][..], &[odd][..]] {
            let svg = reliability(&Reliability { title: "t", subtitle: "s", bins }).to_svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}

//! A picture as a list of shapes, before it becomes SVG or PNG.

use crate::bitmap::Bitmap;
use crate::color::Color;

/// A picture as a list of primitives, drawn in order. Units are CSS pixels, y points down.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// What it shows, for screen readers and as the SVG's title.
    pub title: String,
    /// The primitives, back to front, on white.
    pub items: Vec<Item>,
}

/// One primitive.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Item {
    /// A filled rectangle.
    Rect {
        /// Left edge.
        x: f32,
        /// Top edge.
        y: f32,
        /// Width.
        w: f32,
        /// Height.
        h: f32,
        /// Inside.
        fill: Color,
    },
    /// A straight line.
    Line {
        /// Start (x, y).
        from: (f32, f32),
        /// End (x, y).
        to: (f32, f32),
        /// How it is drawn.
        stroke: Stroke,
    },
    /// A line through points, with round corners.
    Polyline {
        /// The points (x, y), at least two to be seen.
        points: Vec<(f32, f32)>,
        /// How it is drawn.
        stroke: Stroke,
    },
    /// A filled area, closed by itself.
    Polygon {
        /// Its corners (x, y), at least three to be seen.
        points: Vec<(f32, f32)>,
        /// Inside.
        fill: Color,
        /// 0 (not to be seen) to 1 (nothing behind it is seen).
        opacity: f32,
    },
    /// A filled circle with a white rim, as markers have it.
    Circle {
        /// Centre (x, y).
        center: (f32, f32),
        /// Radius without the rim.
        radius: f32,
        /// Inside.
        fill: Color,
    },
    /// One line of text.
    Text(Text),
    /// A bitmap stretched over a rectangle, each of its pixels a sharp block.
    Image {
        /// Left edge.
        x: f32,
        /// Top edge.
        y: f32,
        /// Width.
        w: f32,
        /// Height.
        h: f32,
        /// The pixels.
        bitmap: Bitmap,
    },
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub color: Color,
    /// Its width in pixels.
    pub width: f32,
    /// Lengths of dash and gap; `None` is a full line.
    pub dash: Option<(f32, f32)>,
}

impl Stroke {
    /// A full line.
    pub fn new(color: Color, width: f32) -> Self {
        Self { color, width, dash: None }
    }
}

/// Which part of a text its x names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    /// The left end.
    #[default]
    Start,
    /// The middle.
    Middle,
    /// The right end.
    End,
}

/// Thickness of the letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// For labels.
    #[default]
    Regular,
    /// For titles.
    Medium,
}

/// One line of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Where the anchor is, from the left.
    pub x: f32,
    /// The baseline, from the top.
    pub y: f32,
    /// Size of the font in pixels.
    pub size: f32,
    /// The words.
    pub text: String,
    /// Which part of the text is at x.
    pub anchor: Anchor,
    /// Thickness.
    pub weight: Weight,
    /// Colour.
    pub color: Color,
    /// Turned clockwise about (x, y), in degrees.
    pub rotate: f32,
}

impl Text {
    /// Regular ink that starts at x, with its baseline at y.
    pub fn new(x: f32, y: f32, size: f32, text: impl Into<String>) -> Self {
        let (anchor, weight, color) = (Anchor::Start, Weight::Regular, Color::INK);
        Self { x, y, size, text: text.into(), anchor, weight, color, rotate: 0.0 }
    }

    /// The same text, anchored elsewhere.
    #[must_use]
    pub fn anchor(mut self, anchor: Anchor) -> Self {
        self.anchor = anchor;
        self
    }

    /// The same text in another weight.
    #[must_use]
    pub fn weight(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// The same text in another colour.
    #[must_use]
    pub fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }

    /// The same text turned clockwise by `degrees`.
    #[must_use]
    pub fn rotate(mut self, degrees: f32) -> Self {
        self.rotate = degrees;
        self
    }
}

impl Scene {
    /// An empty white picture.
    pub fn new(width: u32, height: u32, title: impl Into<String>) -> Self {
        Self { width, height, title: title.into(), items: Vec::new() }
    }

    /// Adds a filled rectangle.
    pub fn rect(&mut self, x: f32, y: f32, w: f32, h: f32, fill: Color) {
        self.items.push(Item::Rect { x, y, w, h, fill });
    }

    /// Adds a straight line.
    pub fn line(&mut self, from: (f32, f32), to: (f32, f32), stroke: Stroke) {
        self.items.push(Item::Line { from, to, stroke });
    }

    /// Adds a line through points.
    pub fn polyline(&mut self, points: Vec<(f32, f32)>, stroke: Stroke) {
        self.items.push(Item::Polyline { points, stroke });
    }

    /// Adds a filled area.
    pub fn polygon(&mut self, points: Vec<(f32, f32)>, fill: Color, opacity: f32) {
        self.items.push(Item::Polygon { points, fill, opacity });
    }

    /// Adds a marker.
    pub fn circle(&mut self, center: (f32, f32), radius: f32, fill: Color) {
        self.items.push(Item::Circle { center, radius, fill });
    }

    /// Adds a line of text.
    pub fn text(&mut self, text: Text) {
        self.items.push(Item::Text(text));
    }

    /// Adds a bitmap stretched over a rectangle.
    pub fn image(&mut self, x: f32, y: f32, w: f32, h: f32, bitmap: Bitmap) {
        self.items.push(Item::Image { x, y, w, h, bitmap });
    }
}

//! Scene to SVG: the same text byte for byte on every machine.

use crate::bitmap::Bitmap;
use crate::raster::{RIM, encode_rgb};
use crate::scene::{Anchor, Item, Scene, Stroke, Text, Weight};
use std::fmt::Write as _;

const FONTS: &str =
    "Roboto, -apple-system, &apos;Segoe UI&apos;, &apos;Helvetica Neue&apos;, Arial, sans-serif";

impl Scene {
    /// The picture as one `<svg>` element: valid XML, text as text (it can be searched and read aloud), no scripts, nothing
    /// loaded from elsewhere.
    pub fn to_svg(&self) -> String {
        self.to_svg_with(" xmlns=\"http://www.w3.org/2000/svg\"")
    }

    /// The same with other attributes in place of the namespace, which HTML does not need.
    pub(crate) fn to_svg_with(&self, attributes: &str) -> String {
        let (w, h) = (self.width, self.height);
        let mut out = format!(
            "<svg{attributes} width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\" font-family=\"{FONTS}\">\n\
             <title>{}</title>\n<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n",
            escape(&self.title)
        );
        for item in &self.items {
            write_item(&mut out, item);
        }
        out.push_str("</svg>\n");
        out
    }
}

fn write_item(out: &mut String, item: &Item) {
    match item {
        Item::Rect { x, y, w, h, fill } => {
            let place = place(*x, *y, *w, *h);
            line(out, format_args!("<rect {place} fill=\"{}\"/>", fill.css()));
        }
        Item::Line { from, to, stroke } => {
            let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(n);
            let style = stroke_attributes(*stroke);
            let ends = format_args!("x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"");
            line(out, format_args!("<line {ends}{style}/>"));
        }
        Item::Polyline { points, stroke } => {
            let points: Vec<_> = points.iter().map(|p| format!("{},{}", n(p.0), n(p.1))).collect();
            let (points, style) = (points.join(" "), stroke_attributes(*stroke));
            let round = " fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\"";
            line(out, format_args!("<polyline points=\"{points}\"{round}{style}/>"));
        }
        Item::Polygon { points, fill, opacity } => {
            let points: Vec<_> = points.iter().map(|p| format!("{},{}", n(p.0), n(p.1))).collect();
            let (points, opacity) = (points.join(" "), n(opacity.clamp(0.0, 1.0)));
            let style = format_args!("fill=\"{}\" fill-opacity=\"{opacity}\"", fill.css());
            line(out, format_args!("<polygon points=\"{points}\" {style}/>"));
        }
        Item::Circle { center, radius, fill } => {
            let [x, y, r, rim] = [center.0, center.1, radius + RIM / 2.0, RIM].map(n);
            let style =
                format!("fill=\"{}\" stroke=\"#ffffff\" stroke-width=\"{rim}\"", fill.css());
            line(out, format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" {style}/>"));
        }
        Item::Text(text) => write_text(out, text),
        Item::Image { x, y, w, h, bitmap } => {
            if let Some(data) = data_uri(bitmap) {
                let place = place(*x, *y, *w, *h);
                let style = "preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\"";
                line(out, format_args!("<image {place} {style} href=\"{data}\"/>"));
            }
        }
    }
}

fn place(x: f32, y: f32, w: f32, h: f32) -> String {
    let [x, y, w, h] = [x, y, w, h].map(n);
    format!("x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"")
}

fn write_text(out: &mut String, text: &Text) {
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = if text.weight == Weight::Medium { " font-weight=\"500\"" } else { "" };
    let (x, y) = (n(text.x), n(text.y));
    let rotate = if text.rotate == 0.0 {
        String::new()
    } else {
        format!(" transform=\"rotate({} {x} {y})\"", n(text.rotate))
    };
    let (size, fill) = (n(text.size), text.color.css());
    line(
        out,
        format_args!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{weight}{anchor} fill=\"{fill}\"{rotate}>{}</text>",
            escape(&text.text)
        ),
    );
}

fn stroke_attributes(stroke: Stroke) -> String {
    let dash = stroke.dash.map_or(String::new(), |(dash, gap)| {
        format!(" stroke-dasharray=\"{} {}\"", n(dash), n(gap))
    });
    format!(" stroke=\"{}\" stroke-width=\"{}\"{dash}", stroke.color.css(), n(stroke.width))
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

/// A coordinate with at most two decimals; what is not finite becomes 0, so that the file stays valid.
fn n(v: f32) -> String {
    if !v.is_finite() {
        return "0".into();
    }
    let text = format!("{v:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// Text for XML on one line: markup escaped, characters that XML 1.0 forbids replaced.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(&mut out, &text.replace(['\t', '\n', '\r'], " "), false);
    out
}

/// Appends text for XML and HTML: markup escaped, characters that either forbids replaced. Line breaks and tabs stay; in an
/// attribute as references, so that they are not read as blanks.
pub(crate) fn escape_into(out: &mut String, text: &str, attribute: bool) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' if attribute => out.push_str("&#9;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            c if c < ' ' || matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}') => {
                out.push('\u{fffd}');
            }
            c => out.push(c),
        }
    }
}

/// A PNG as a data URI; `None` where it cannot be one.
pub(crate) fn data_uri(bitmap: &Bitmap) -> Option<String> {
    let rgb: Vec<u8> = bitmap.pixels().iter().flat_map(|p| [p.r, p.g, p.b]).collect();
    let png =
        encode_rgb(u32::try_from(bitmap.width()).ok()?, u32::try_from(bitmap.height()).ok()?, &rgb)
            .ok()?;
    Some(format!("data:image/png;base64,{}", base64(&png)))
}

/// Source: RFC 4648, section 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, &b| word << 8 | u32::from(b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let letter = ALPHABET[(word >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_follows_the_vectors_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn numbers_are_short_and_never_invalid() {
        for (v, text) in [
            (1.0, "1"),
            (0.5, "0.5"),
            (-0.001, "0"),
            (12.346, "12.35"),
            (100.0, "100"),
            (f32::NAN, "0"),
            (f32::INFINITY, "0"),
        ] {
            assert_eq!(n(v), text);
        }
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("T-shirt <& \"top'\u{1}"), "T-shirt &lt;&amp; &quot;top&apos;\u{fffd}");
    }
}

//! Pages that explain themselves: one HTML file with everything in it, which opens from disk and asks no network for anything.
//!
//! [`Html`] is markup under construction. Names of tags and attributes come from the program; every text and every attribute's
//! value is escaped on its way in, so that no class name and no path can become markup. [`Page`] puts it between head and foot,
//! with a style sheet for light and dark, wide and narrow, screen and paper, and the colours of the charts. The result is HTML that
//! is well-formed XML at the same time.
//!
//! ```
//! use cnn_viz::html::{Html, Page};
//!
//! let mut main = Html::new();
//! main.open("main", &[]).leaf("h1", &[], "T-shirts <& tops>").close();
//! let page = Page { lang: "en", title: "Example", description: "" }.write(main);
//! assert!(page.starts_with("<!DOCTYPE html>"));
//! assert!(page.contains("<h1>T-shirts &lt;&amp; tops&gt;</h1>"));
//! ```

use crate::bitmap::Bitmap;
use crate::scene::Scene;
use crate::svg::{data_uri, escape_into};

/// Attributes: names from the program, values from anywhere.
pub type Attributes<'a> = &'a [(&'static str, &'a str)];

/// Elements that have no content and no end tag.
const VOID: [&str; 7] = ["br", "col", "hr", "img", "input", "link", "meta"];

/// The style sheet of every page.
const STYLE: &str = include_str!("style.css");

/// The script of every page: nothing on it depends on this.
const SCRIPT: &str = include_str!("script.js");

/// What the page may do: show what is in it, and run the one script above, which is known by its SHA-256.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
     script-src 'sha256-FnA2QCmLBdx2qXGlJkQTJRVMzExDglMeO3qWPHPdh9Y='; base-uri 'none'; form-action 'none'";

/// Markup under construction.
#[derive(Clone, Debug, Default)]
pub struct Html {
    text: String,
    open: Vec<&'static str>,
}

impl Html {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins an element; [`Html::close`] ends it. One that has no content (`img`, `br`) is ended at once.
    pub fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) -> &mut Self {
        self.text.extend(["<", tag]);
        for (name, value) in attributes {
            self.text.extend([" ", name, "=\""]);
            escape_into(&mut self.text, value, true);
            self.text.push('"');
        }
        if VOID.contains(&tag) {
            self.text.push_str("/>");
        } else {
            self.text.push('>');
            self.open.push(tag);
        }
        self
    }

    /// Ends the element that was begun last; without one it does nothing.
    pub fn close(&mut self) -> &mut Self {
        if let Some(tag) = self.open.pop() {
            self.text.extend(["</", tag, ">"]);
            if BLOCKS.contains(&tag) {
                self.text.push('\n');
            }
        }
        self
    }

    /// Adds text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        escape_into(&mut self.text, text, false);
        self
    }

    /// Adds an element that holds only text.
    pub fn leaf(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) -> &mut Self {
        self.open(tag, attributes).text(text).close()
    }

    /// Adds a number: `text` is what people read, `value` what programs find under the name `metric`. NaN and infinities have no
    /// value in HTML; the text stands alone then.
    pub fn number(&mut self, metric: &str, value: f64, text: &str) -> &mut Self {
        if value.is_finite() {
            self.leaf("data", &[("data-metric", metric), ("value", &value.to_string())], text)
        } else {
            self.leaf("span", &[("data-metric", metric)], text)
        }
    }

    /// Adds a chart as inline SVG, as wide as it was drawn and narrower where there is less room. The page's style sheet turns
    /// its paper and ink around in the dark. Its title is its text alternative.
    pub fn scene(&mut self, scene: &Scene) -> &mut Self {
        let width = format!("max-width:{}px", scene.width);
        self.open("div", &[("class", "chart"), ("style", &width)]);
        self.text.push_str(scene.to_svg_with("").trim_end());
        self.close()
    }

    /// Adds a picture, `width` CSS pixels wide, each of its pixels a sharp block. `alt` says what it shows. An empty picture is
    /// left out.
    pub fn picture(&mut self, bitmap: &Bitmap, width: u32, alt: &str) -> &mut Self {
        let (w, h) = (bitmap.width(), bitmap.height());
        let Some(source) = data_uri(bitmap).filter(|_| w > 0 && h > 0) else { return self };
        let height = ((u64::from(width) * h as u64) / w as u64).max(1).to_string();
        let width = width.to_string();
        let place = [("class", "px"), ("width", &*width), ("height", &*height)];
        self.open("img", &[&place[..], &[("alt", alt), ("src", &*source)]].concat())
    }

    /// Adds other markup. Elements that it left open end here.
    pub fn push(&mut self, other: Self) -> &mut Self {
        self.text.push_str(&other.finish());
        self
    }

    /// The markup, with every element ended.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }
}

/// A line break after these keeps the source readable.
const BLOCKS: [&str; 22] = [
    "body", "div", "dl", "details", "figure", "footer", "h1", "h2", "h3", "header", "li", "main",
    "nav", "ol", "p", "pre", "section", "table", "tbody", "thead", "tr", "ul",
];

/// The head of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<'a> {
    /// The language of the text, such as `en`.
    pub lang: &'a str,
    /// The title, as the browser's tab shows it.
    pub title: &'a str,
    /// One sentence on what the page holds; may be empty.
    pub description: &'a str,
}

impl Page<'_> {
    /// The whole file, UTF-8.
    pub fn write(&self, body: Html) -> String {
        let mut page = Html::new();
        page.open("html", &[("lang", self.lang)]);
        page.text.push('\n');
        page.open("head", &[]);
        for attributes in [
            &[("charset", "utf-8")][..],
            &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)],
            &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")],
            &[("name", "color-scheme"), ("content", "light dark")],
            &[("name", "description"), ("content", self.description)],
        ] {
            page.text.push('\n');
            page.open("meta", attributes);
        }
        // An icon of nothing, or else the browser asks for one.
        page.text.push('\n');
        page.open("link", &[("rel", "icon"), ("href", "data:,")]);
        page.leaf("title", &[], self.title);
        // Both are the program's own and hold neither `<` nor `&`; a test says so.
        page.text.extend(["<style>\n", STYLE, "</style>\n"]);
        page.close();
        page.text.push('\n');
        page.open("body", &[]).push(body);
        page.text.extend(["<script>", SCRIPT, "</script>\n"]);
        format!("<!DOCTYPE html>\n{}\n", page.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::Colormap;
    use proptest::prelude::*;

    const HEAD: Page<'_> = Page { lang: "en", title: "a <b> & \"c\"", description: "d\"><script>" };

    /// The element of that name in the page.
    fn parse(page: &str) -> roxmltree::Document<'_> {
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        roxmltree::Document::parse_with_options(page, options).unwrap()
    }

    proptest! {
        /// Whatever a text holds, it comes out as that text: no element and no attribute more than was asked for.
        #[test]
        fn no_text_becomes_markup(text in "\\PC*|[<>&\"'/a-z= ]{0,40}", value in "\\PC*|[<>&\"'/a-z= ]{0,40}") {
            let mut body = Html::new();
            body.open("p", &[("id", "here"), ("title", &value)]).text(&text).close();
            let page = HEAD.write(body);
            let document = parse(&page);
            let p = document.descendants().find(|node| node.attribute("id") == Some("here")).unwrap();
            prop_assert_eq!(p.attributes().count(), 2);
            prop_assert_eq!(p.attribute("title").unwrap(), value);
            prop_assert_eq!(p.text().unwrap_or(""), text);
            prop_assert_eq!(p.children().filter(roxmltree::Node::is_element).count(), 0);
        }
    }

    #[test]
    fn the_page_asks_nobody_for_anything() {
        let mut body = Html::new();
        body.scene(&Scene::new(10, 10, "chart")).picture(
            &Bitmap::from_u8(&ndarray::arr2(&[[0u8, 255]]).view(), Colormap::Gray),
            20,
            "two pixels",
        );
        let page = HEAD.write(body);
        assert!(
            !page.contains("http:") && !page.contains("https:") && !page.contains("url("),
            "{page}"
        );
        let document = parse(&page);
        let image = document.descendants().find(|node| node.has_tag_name("img")).unwrap();
        assert_eq!((image.attribute("width"), image.attribute("height")), (Some("20"), Some("10")));
        assert_eq!(image.attribute("alt"), Some("two pixels"));
        assert!(!STYLE.contains(['<', '&']) && !SCRIPT.contains(['<', '&']));
    }

    #[test]
    fn the_policy_names_the_script() {
        use sha2::Digest as _;
        let hash = crate::svg::base64(&sha2::Sha256::digest(SCRIPT.as_bytes()));
        assert!(
            POLICY.contains(&format!("script-src 'sha256-{hash}'")),
            "the script's hash is {hash}"
        );
    }

    #[test]
    fn elements_are_ended_in_any_case() {
        let mut html = Html::new();
        html.open("ul", &[]).open("li", &[]).text("a\nb").open("br", &[]);
        assert_eq!(
            html.close().close().close().clone().finish(),
            "<ul><li>a\nb<br/></li>\n</ul>\n"
        );
        let mut outer = Html::new();
        let mut inner = Html::new();
        inner.open("p", &[]).open("b", &[]).text("x");
        outer.push(inner).number("n", f64::NAN, "nan").number("m", 0.25, "25 %");
        assert_eq!(
            outer.finish(),
            "<p><b>x</b></p>\n<span data-metric=\"n\">nan</span><data data-metric=\"m\" value=\"0.25\">25 %</data>"
        );
    }
}

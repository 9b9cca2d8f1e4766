//! A report on a training run: numbers and pictures in, one page out that teaches how to read them.
//!
//! A [`Report`] is a heading, a row of [`Tile`]s and [`Section`]s. There is a function for every usual section ([`curves`],
//! [`confusion`], [`classes`], [`mixed_up`], [`mistakes`], [`calibration`], [`feature_maps`], [`kernels`]), each from plain numbers and
//! pictures; [`Section::new`] begins one of another kind. The page is one file as [`crate::html`] makes it.
//!
//! Numbers that programs may want are `<data>` elements. Their `data-metric` says where the number comes from: the name of a
//! JSON document and a place in it (a JSON pointer), such as `history/test/accuracy` for a run's `history.json`, or `evaluate/ece`
//! for what `cnn evaluate --format json` prints.
//!
//! ```
//! use cnn_viz::report::{Number, Report, Tile, confusion};
//!
//! let names = ["cat", "dog"].map(String::from);
//! let accuracy = Number::percent("evaluate/accuracy", 0.85);
//! let report = Report {
//!     title: "cats-and-dogs",
//!     tiles: vec![Tile { name: "Test accuracy", number: accuracy, note: "17 of 20".into() }],
//!     sections: vec![confusion(&names, &[9, 1, 2, 8])?],
//!     ..Report::default()
//! };
//! let page = report.page();
//! assert!(page.contains("<data data-metric=\"evaluate/accuracy\" value=\"0.85\">85.00\u{a0}%</data>"));
//! # Ok::<(), cnn_viz::VizError>(())
//! ```

mod calibration;
mod classes;
mod examples;
mod layers;
mod pictures;
mod table;
mod training;

pub use calibration::{Calibrated, calibration};
pub use classes::{ClassRow, classes, confusion};
pub use examples::{Example, Mistake, MixedUp, Strip, mistakes, mixed_up};
pub use layers::{LayerMaps, Seen, feature_maps, kernel_pictures, kernels};
pub use pictures::{shrink, tiles};
pub use table::{Cell, Column, Table};
pub use training::{EpochColumn, curves};

use crate::html::{Html, Page};

/// A number on a page: what programs find, and what people read.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Where it comes from: the name of a JSON document and a pointer into it, `history/test/accuracy`; empty where nothing says so.
    pub metric: String,
    /// The number itself.
    pub value: f64,
    /// How it is written.
    pub text: String,
}

impl Number {
    /// A number, written as `text`.
    pub fn new(metric: impl Into<String>, value: f64, text: impl Into<String>) -> Self {
        Self { metric: metric.into(), value, text: text.into() }
    }

    /// A share between 0 and 1, written in per cent with two decimals.
    pub fn percent(metric: impl Into<String>, share: f64) -> Self {
        Self::new(metric, share, format!("{:.2}\u{a0}%", 100.0 * share))
    }

    /// A number with four decimals, as Keras writes losses.
    pub fn four(metric: impl Into<String>, value: f64) -> Self {
        Self::new(metric, value, format!("{value:.4}"))
    }

    /// A count.
    pub fn count(metric: impl Into<String>, count: u64) -> Self {
        Self::new(metric, count as f64, count.to_string())
    }

    /// What people read alone.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new("", f64::NAN, text)
    }

    fn write(&self, html: &mut Html) {
        if self.metric.is_empty() {
            html.text(&self.text);
        } else {
            html.number(&self.metric, self.value, &self.text);
        }
    }
}

/// One of the large numbers at the top.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile<'a> {
    /// What it is.
    pub name: &'a str,
    /// The number.
    pub number: Number,
    /// A few words below it; may be empty.
    pub note: String,
}

/// A part of the page, with an entry in its table of contents.
#[derive(Clone, Debug)]
pub struct Section {
    id: &'static str,
    title: &'static str,
    /// What stands under its title.
    pub body: Html,
}

impl Section {
    /// An empty section; `id` is its address on the page and must be unique there.
    pub fn new(id: &'static str, title: &'static str) -> Self {
        Self { id, title, body: Html::new() }
    }

    /// Its address on the page.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// Adds a paragraph; what stands between backticks is shown as code.
    pub fn text(&mut self, text: &str) -> &mut Self {
        paragraph(&mut self.body, text);
        self
    }

    /// Adds pairs of a name and a value.
    pub fn facts(&mut self, pairs: &[(&str, String)]) -> &mut Self {
        facts(&mut self.body, pairs);
        self
    }

    /// Adds lines to be copied, such as commands.
    pub fn code(&mut self, code: &str) -> &mut Self {
        self.body.leaf("pre", &[("data-copy", ""), ("tabindex", "0")], code);
        self
    }

    /// Adds something that is folded away behind a line.
    pub fn folded(&mut self, line: &str, inside: Html) -> &mut Self {
        self.body.open("details", &[]).leaf("summary", &[], line).push(inside).close();
        self
    }
}

/// A whole report. Every part may be missing.
#[derive(Clone, Debug, Default)]
pub struct Report<'a> {
    /// The heading.
    pub title: &'a str,
    /// A line above it: which run this is.
    pub kicker: &'a str,
    /// Sentences below it.
    pub summary: &'a [String],
    /// What a reader must know before the rest: a run that diverged, numbers that do not agree.
    pub warnings: &'a [String],
    /// The large numbers.
    pub tiles: Vec<Tile<'a>>,
    /// What identifies the run, below the numbers: pairs of a name and a value.
    pub facts: &'a [(&'a str, String)],
    /// The parts, in order.
    pub sections: Vec<Section>,
    /// A line at the end.
    pub footer: &'a str,
}

impl Report<'_> {
    /// The page as the text of one HTML file.
    pub fn page(self) -> String {
        let mut body = Html::new();
        body.leaf("a", &[("class", "skip"), ("href", "#content")], "Skip to the content");
        self.header(&mut body);
        if self.sections.len() > 1 {
            body.open("nav", &[("aria-label", "Parts of the report")]).open("ul", &[]);
            for section in &self.sections {
                let link = format!("#{}", section.id);
                body.open("li", &[]).leaf("a", &[("href", &link)], section.title).close();
            }
            body.close().close();
        }
        body.open("main", &[("id", "content")]);
        for section in self.sections {
            let heading = format!("{}-title", section.id);
            body.open("section", &[("id", section.id), ("aria-labelledby", &heading)]);
            body.leaf("h2", &[("id", &heading)], section.title).push(section.body).close();
        }
        body.close();
        if !self.footer.is_empty() {
            body.leaf("footer", &[], self.footer);
        }
        let description = self.summary.first().map_or("", String::as_str);
        Page { lang: "en", title: self.title, description }.write(body)
    }

    fn header(&self, body: &mut Html) {
        body.open("header", &[]);
        if !self.kicker.is_empty() {
            body.leaf("p", &[("class", "kicker")], self.kicker);
        }
        body.leaf("h1", &[], self.title);
        for sentence in self.summary {
            paragraph(body, sentence);
        }
        for warning in self.warnings {
            body.leaf("p", &[("class", "note")], warning);
        }
        if !self.tiles.is_empty() {
            body.open("dl", &[("class", "tiles")]);
            for tile in &self.tiles {
                body.open("div", &[]).leaf("dt", &[], tile.name).open("dd", &[]);
                tile.number.write(body);
                body.close();
                if !tile.note.is_empty() {
                    body.leaf("dd", &[], &tile.note);
                }
                body.close();
            }
            body.close();
        }
        facts(body, self.facts);
        body.close();
    }
}

/// Pairs of a name and a value, one line each.
fn facts(html: &mut Html, facts: &[(&str, String)]) {
    if facts.is_empty() {
        return;
    }
    html.open("dl", &[("class", "facts wide")]);
    for (name, value) in facts {
        html.open("div", &[]).leaf("dt", &[], name).leaf("dd", &[], value).close();
    }
    html.close();
}

/// A word as a JSON pointer has it: `T-shirt/top` is `T-shirt~1top`. Source: RFC 6901, section 3.
fn pointer(word: &str) -> String {
    word.replace('~', "~0").replace('/', "~1")
}

/// A share as people say it, `90.6 %`: one that is not quite none or all does not look so.
fn percent(share: f64) -> String {
    match share {
        s if s > 0.0 && s < 0.0005 => "< 0.1\u{a0}%".to_owned(),
        s if (0.9995..1.0).contains(&s) => format!("{:.3}\u{a0}%", (1e5 * s).floor() / 1e3),
        s => format!("{:.1}\u{a0}%", 100.0 * s),
    }
}

/// A paragraph; what stands between backticks is code.
fn paragraph(html: &mut Html, text: &str) {
    html.open("p", &[]);
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 0 {
            html.text(part);
        } else {
            html.leaf("code", &[], part);
        }
    }
    html.close();
}

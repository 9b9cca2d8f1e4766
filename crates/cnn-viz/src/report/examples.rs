//! Mistakes with their pictures: pairs of classes that are mixed up, and what the network was surest of and wrong.

use super::{Number, Section, classes, percent};
use crate::bitmap::Bitmap;
use crate::html::Html;

/// One image of the data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The picture.
    pub picture: Bitmap,
    /// Its position in the data set.
    pub index: usize,
}

/// Images of one class that were taken for another, or for what they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Strip {
    /// Number of the true class.
    pub truth: usize,
    /// Number of the class that the network gave.
    pub predicted: usize,
    /// How many there are.
    pub count: u64,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// Two classes that are mixed up.
#[derive(Clone, Debug, PartialEq)]
pub struct MixedUp {
    /// How many images, in both directions.
    pub count: u64,
    /// One way and the other; where one way has no images, right answers of that class stand in.
    pub strips: [Strip; 2],
}

/// A section with the pairs of classes that are mixed up most, and pictures from both sides. `side` is the width of a picture in
/// CSS pixels.
pub fn mixed_up(names: &[String], pairs: &[MixedUp], side: u32) -> Section {
    let mut section = Section::new("pairs", "Mixed up most");
    if pairs.is_empty() {
        section.text("No image was taken for another class.");
        return section;
    }
    section.text(
        "Pairs of classes with the most mistakes between them. Would you have known? Where people hesitate too, the labels or the \
         resolution are the limit; where they do not, the network has something to learn.",
    );
    for pair in pairs {
        let [a, b] = &pair.strips;
        let (first, second) = (name(names, a.truth), name(names, b.truth));
        let html = &mut section.body;
        html.open("div", &[("class", "pair")]);
        html.leaf("h3", &[], &format!("{first} and {second}: {}", images(pair.count)));
        html.open("div", &[("class", "sides")]);
        for strip in &pair.strips {
            html.open("div", &[]).open("p", &[("class", "small")]);
            let count = Number::count(classes::cell(strip.truth, strip.predicted), strip.count);
            count.write(html);
            let truth = name(names, strip.truth);
            html.text(&if strip.truth == strip.predicted {
                format!(" × {truth} recognised as such, to compare")
            } else {
                format!(" × {truth} taken for {}", name(names, strip.predicted))
            });
            html.close();
            html.open("ul", &[("class", "strip")]);
            for example in &strip.examples {
                let alt = format!("{truth}, test image {}", example.index);
                html.open("li", &[]).picture(&example.picture, side, &alt).close();
            }
            html.close().close();
        }
        html.close().close();
    }
    section
}

/// An image with a wrong answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// The picture, and where it is.
    pub example: Example,
    /// Its class.
    pub truth: String,
    /// What the network said.
    pub predicted: String,
    /// The probability that the network gave its answer, 0 to 1.
    pub confidence: f64,
    /// The probability that it gave the right class, 0 to 1.
    pub truth_probability: f64,
}

/// A section with the mistakes that the network was surest of, the surest first.
pub fn mistakes(mistakes: &[Mistake]) -> Section {
    let mut section = Section::new("mistakes", "Surest mistakes");
    if mistakes.is_empty() {
        section.text("There is no mistake: every image was recognised.");
        return section;
    }
    section.text(
        "Wrong answers with the highest probability. Look here for labels that are wrong, for pictures that are odd, and for what the \
         network goes by: a bag that looks like a shirt says that it sees outlines.",
    );
    let html = &mut section.body;
    html.open("ol", &[("class", "cards")]);
    for mistake in mistakes {
        let Example { picture, index } = &mistake.example;
        let alt = format!("test image {index}: {}", mistake.truth);
        html.open("li", &[]).picture(picture, 168, &alt);
        html.open("div", &[]).text("is ").leaf("strong", &[], &mistake.truth).close();
        html.open("div", &[]).text("said ");
        html.leaf("span", &[("class", "wrong")], &mistake.predicted).text(", ");
        let metric = format!("predict/{index}/classes/0/probability");
        Number::new(metric, mistake.confidence, percent(mistake.confidence)).write(html);
        html.close();
        let truth = format!("right class: {}", percent(mistake.truth_probability));
        html.leaf("div", &[("class", "muted")], &truth);
        html.leaf("div", &[("class", "muted")], &format!("test image {index}"));
        html.close();
    }
    html.close();
    section
}

fn name(names: &[String], class: usize) -> String {
    names.get(class).cloned().unwrap_or_else(|| class.to_string())
}

fn images(count: u64) -> String {
    if count == 1 { "1 image".to_owned() } else { format!("{count} images") }
}

/// Names with probabilities, the first highlighted by whether it is right.
pub(super) fn answers(html: &mut Html, ranked: &[(String, f64)], truth: Option<&str>) {
    for (at, (name, probability)) in ranked.iter().enumerate() {
        html.open("div", &[]);
        match truth.filter(|_| at == 0) {
            Some(truth) if truth == name => html.leaf("span", &[("class", "right")], name),
            Some(_) => html.leaf("span", &[("class", "wrong")], name),
            None => html.text(name),
        };
        html.text(&format!(" {}", percent(*probability))).close();
    }
}

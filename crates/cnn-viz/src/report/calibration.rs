//! Whether the network knows how sure it may be.

use super::{Cell, Column, Number, Section, Table};
use crate::charts::{Reliability, ReliabilityBin, reliability};
use crate::html::Html;

/// How answers and confidences agree, over all images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibrated<'a> {
    /// Answers sorted by confidence.
    pub bins: &'a [ReliabilityBin],
    /// Expected calibration error, 0 to 1.
    pub ece: f64,
    /// Mean confidence, 0 to 1.
    pub confidence: f64,
    /// Share of right answers, 0 to 1.
    pub accuracy: f64,
}

/// A section with the reliability diagram and the expected calibration error.
///
/// Source: Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
pub fn calibration(of: &Calibrated<'_>) -> Section {
    let mut section = Section::new("calibration", "Calibration");
    section.text(
        "Whether probabilities can be taken at their word: of the answers given with 80 %, 80 % should be right. A blue bar is the share \
         that was right among answers of about that confidence; on the dashed line the two agree. Orange on top: surer than right.",
    );
    let html = &mut section.body;
    html.open("p", &[]).text("Mean confidence ");
    Number::percent("evaluate/mean_confidence", of.confidence).write(html);
    html.text(", right answers ");
    Number::percent("evaluate/accuracy", of.accuracy).write(html);
    let apart = of.confidence - of.accuracy;
    html.text(&match apart {
        a if a > 0.005 => format!(": the network is too sure of itself by {}.", points(a)),
        a if a < -0.005 => format!(": the network is too modest by {}.", points(-a)),
        _ => ": on the whole the network knows how sure it may be.".to_owned(),
    });
    html.text(" The expected calibration error, ECE, is the distance between bars and line, weighted by the images: ");
    Number::four("evaluate/ece", of.ece).write(html);
    let grows = " Longer training mostly raises it, even while the accuracy still grows.";
    html.text(&format!(
        ", so what the network says is off by {} on average.{}",
        points(of.ece),
        if apart > 0.005 { grows } else { "" }
    ));
    html.close();
    let chart = Reliability { title: "Reliability", subtitle: "", bins: of.bins };
    html.open("figure", &[]).scene(&reliability(&chart)).close();
    section.folded("Every bin in numbers", bins(of.bins));
    section
}

/// The diagram in numbers.
fn bins(bins: &[ReliabilityBin]) -> Html {
    let columns = [
        Column::words("Confidence"),
        Column::numbers("Images"),
        Column::numbers("Mean confidence"),
        Column::numbers("Right answers"),
    ];
    let row = |bin: &ReliabilityBin| {
        vec![
            Cell::text(format!("{:.3} to {:.3}", bin.low, bin.high)),
            Cell::text(bin.count.to_string()),
            Cell::text(format!("{:.3}", bin.confidence)),
            Cell::text(format!("{:.3}", bin.accuracy)),
        ]
    };
    let rows: Vec<Vec<Cell>> = bins.iter().filter(|bin| bin.count > 0).map(row).collect();
    let caption = "Answers by confidence; bins without images are left out";
    Table { caption, columns: &columns, rows: &rows, foot: &[], sort: false }.html()
}

/// A difference of shares as people say it.
fn points(share: f64) -> String {
    format!("{:.1} points", 100.0 * share)
}

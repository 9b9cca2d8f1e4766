//! Line charts: the learning curves of a run, and lines of any kind.

use super::axes::{Curve, Mark, Panel};
use super::{MARGIN, heading, legend, series_color};
use crate::color::Color;
use crate::scene::{Scene, Text};

/// A run's history: one value per epoch in each slice; an empty slice is a curve that was not recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LearningCurves<'a> {
    /// The heading, such as the model's name.
    pub title: &'a str,
    /// A line under the heading, such as data set and result; may be empty.
    pub subtitle: &'a str,
    /// Training loss.
    pub loss: &'a [f64],
    /// Loss on the validation data.
    pub val_loss: &'a [f64],
    /// Training accuracy, 0 to 1.
    pub accuracy: &'a [f64],
    /// Accuracy on the validation data, 0 to 1.
    pub val_accuracy: &'a [f64],
    /// Whether the training values were measured after each epoch, as validation values are, instead of being running means.
    pub measured: bool,
}

/// Loss and accuracy side by side over the epochs, counted from 1. Says below how the training values come about: Keras's
/// running means invite a wrong comparison with the validation values otherwise; measured ones compare. Values that are not finite leave gaps.
pub fn learning_curves(curves: &LearningCurves<'_>) -> Scene {
    const TOP: f32 = 118.0;
    const HEIGHT: f32 = 220.0;
    let mut scene = Scene::new(960, 430, format!("{}: learning curves", curves.title));
    heading(&mut scene, curves.title, curves.subtitle);
    let validated = !curves.val_loss.is_empty() || !curves.val_accuracy.is_empty();
    legend(&mut scene, if validated { &["training", "validation"] } else { &["training"] });

    let both = [
        ("Loss", curves.loss, curves.val_loss),
        ("Accuracy", curves.accuracy, curves.val_accuracy),
    ];
    let panels: Vec<_> =
        both.into_iter().filter(|p| p.0 == "Loss" || !p.1.is_empty() || !p.2.is_empty()).collect();
    let pitch = (scene.width as f32 - 2.0 * MARGIN + 20.0) / panels.len() as f32;
    let mut gaps = false;
    for (i, (name, train, val)) in panels.into_iter().enumerate() {
        let left = MARGIN + 42.0 + pitch * i as f32;
        let panel = Panel {
            area: (left, TOP, pitch - 118.0, HEIGHT),
            heading: name,
            x_label: "epoch",
            whole_x: true,
            log_x: false,
            end_values: true,
        };
        gaps |= panel.draw(&mut scene, &[curve(0, train), curve(1, val)], &[]);
    }
    let mut note = String::from(match (curves.measured, validated) {
        (true, true) => {
            "Training and validation values are both measured after each epoch, on whole images and with the same weights."
        }
        (true, false) => "Training values are measured after each epoch.",
        (false, true) => {
            "Training values are running means over the epoch, taken while the weights still change; \
             validation values are measured after it."
        }
        (false, false) => {
            "Training values are running means over the epoch, taken while the weights still change."
        }
    });
    if gaps {
        note.push_str(" Gaps are values that are not finite numbers.");
    }
    scene.text(Text::new(MARGIN, 412.0, 12.0, note).color(Color::MUTED));
    scene
}

/// Loss and accuracy as one small picture each, 480 pixels wide and without a heading: for pages that lay them out themselves.
/// Curves that were not recorded are left out; the pictures' titles say what they show.
pub fn learning_panels(curves: &LearningCurves<'_>) -> Vec<Scene> {
    let both = [
        ("Loss", curves.loss, curves.val_loss),
        ("Accuracy", curves.accuracy, curves.val_accuracy),
    ];
    let recorded = both.into_iter().filter(|p| !p.1.is_empty() || !p.2.is_empty());
    let draw = |(name, train, val): (&'static str, &[f64], &[f64])| {
        let mut scene = Scene::new(480, 304, format!("{}: {name} over the epochs", curves.title));
        if !val.is_empty() {
            legend(&mut scene, &["training", "validation"]);
        }
        let panel = Panel {
            area: (58.0, 46.0, 364.0, 200.0),
            heading: name,
            x_label: "epoch",
            whole_x: true,
            log_x: false,
            end_values: true,
        };
        panel.draw(&mut scene, &[curve(0, train), curve(1, val)], &[]);
        scene
    };
    recorded.map(draw).collect()
}

fn curve(color: usize, values: &[f64]) -> Curve {
    let points = values.iter().enumerate().map(|(i, &v)| ((i + 1) as f64, v)).collect();
    Curve { color: series_color(color), points }
}

/// One named line of a [`LineChart`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Series<'a> {
    /// Its name in the legend.
    pub name: &'a str,
    /// Its points (x, y), in drawing order; a point that is not finite leaves a gap.
    pub points: &'a [(f64, f64)],
}

/// A place on the x axis with a name: a dashed line from top to bottom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineMark<'a> {
    /// Where.
    pub x: f64,
    /// What is there.
    pub text: &'a str,
}

/// Lines over a common x axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LineChart<'a> {
    /// The heading.
    pub title: &'a str,
    /// A line under the heading; may be empty.
    pub subtitle: &'a str,
    /// Under the x axis.
    pub x_label: &'a str,
    /// Above the y axis.
    pub y_label: &'a str,
    /// Ticks at whole x only, for epochs and counts.
    pub whole_x: bool,
    /// A logarithmic x axis. Points whose x is not above 0 then leave gaps.
    pub log_x: bool,
    /// Places on the x axis with names; those outside the lines' range are left out. The colours follow the lines'.
    pub marks: &'a [LineMark<'a>],
    /// The lines; the colours repeat after seven.
    pub series: &'a [Series<'a>],
}

/// Lines over a common x axis, with a legend.
pub fn line_chart<'a>(chart: &LineChart<'a>) -> Scene {
    let place = |x: f64| match (chart.log_x, x > 0.0) {
        (false, _) => x,
        (true, true) => x.log10(),
        (true, false) => f64::NAN,
    };
    let mut scene = Scene::new(760, 450, chart.title);
    heading(&mut scene, chart.title, chart.subtitle);
    legend(&mut scene, &chart.series.iter().map(|s| s.name).collect::<Vec<_>>());
    let curves: Vec<Curve> = chart
        .series
        .iter()
        .enumerate()
        .map(|(i, s)| {
            let points = s.points.iter().map(|&(x, y)| (place(x), y)).collect();
            Curve { color: series_color(i), points }
        })
        .collect();
    let mark = |(i, mark): (usize, &LineMark<'a>)| Mark {
        x: place(mark.x),
        text: mark.text,
        color: series_color(chart.series.len() + i),
    };
    let marks: Vec<Mark<'a>> = chart.marks.iter().enumerate().map(mark).collect();
    let area = (MARGIN + 44.0, 112.0, 760.0 - 2.0 * MARGIN - 96.0, 270.0);
    Panel {
        area,
        heading: chart.y_label,
        x_label: chart.x_label,
        whole_x: chart.whole_x,
        log_x: chart.log_x,
        // The end of a sweep is no result.
        end_values: !chart.log_x,
    }
    .draw(&mut scene, &curves, &marks);
    scene
}

//! The pictures of an experiment: accuracy against cost, and the learning curves over all seeds.

use crate::failure::Failure;
use crate::files;
use cnn_train::TrainError;
use cnn_train::experiment::{Cost, Experiment, Results, RowResult, Summary};
use cnn_viz::Scene;
use cnn_viz::charts::{
    BandChart, BandMark, BandPanel, BandSeries, ScatterChart, ScatterPoint, band_chart,
    scatter_chart,
};

/// Writes `accuracy-COST` for each cost and `curves`, as SVG and PNG.
pub(super) fn write(experiment: &Experiment<'_>, results: &Results) -> Result<(), Failure> {
    let others = [Cost::Macs, Cost::Parameters, Cost::Seconds];
    for cost in others {
        picture(
            experiment,
            &format!("accuracy-{}", cost.name().to_lowercase()),
            &against(results, cost),
        )?;
    }
    picture(experiment, "curves", &curves(results))
}

fn picture(experiment: &Experiment<'_>, name: &str, scene: &Scene) -> Result<(), Failure> {
    let png = scene
        .to_png(files::PNG_SCALE)
        .map_err(|error| TrainError::Internal { message: error.to_string() })?;
    experiment.write(&format!("{name}.svg"), scene.to_svg().as_bytes())?;
    Ok(experiment.write(&format!("{name}.png"), &png)?)
}

/// Test accuracy against a cost, with the front for that cost.
fn against(results: &Results, cost: Cost) -> Scene {
    let places: Vec<(f64, f64)> = results.rows.iter().map(|row| row.point(cost)).collect();
    let front = cnn_train::experiment::pareto_front(&places);
    let points: Vec<ScatterPoint<'_>> = (results.rows.iter().zip(places).zip(front))
        .map(|((row, (x, y)), on_front)| ScatterPoint {
            name: &row.name,
            x,
            y,
            y_error: row.test_accuracy.and_then(|s| s.sd),
            on_front,
        })
        .collect();
    let x_label = match cost {
        Cost::Macs => "multiply-accumulates per image, forward (logarithmic)",
        Cost::Parameters => "parameters (logarithmic)",
        Cost::Seconds => "seconds of training (logarithmic)",
    };
    let seconds = match cost {
        Cost::Seconds if results.side_by_side > 1 => {
            format!(" Seconds with up to {} runs side by side.", results.side_by_side)
        }
        _ => String::new(),
    };
    scatter_chart(&ScatterChart {
        title: &format!("{}: accuracy against {}", results.name, cost.name()),
        subtitle: &subtitle(results),
        x_label,
        y_label: "Test accuracy",
        points: &points,
        note: &format!(
            "Bars: ± one standard deviation over the seeds. Blue: the Pareto front.{seconds}"
        ),
    })
}

fn subtitle(results: &Results) -> String {
    let seeds = results.seeds.len();
    format!("{} · {seeds} {}", results.data, if seeds == 1 { "seed" } else { "seeds" })
}

/// With validation, a panel for each row with training and validation; without, loss and accuracy of all rows.
fn curves(results: &Results) -> Scene {
    let validated = results.rows.iter().any(|row| !accuracy(row, "val_").is_empty());
    let measured = validated && results.rows.iter().all(|row| !accuracy(row, "train_").is_empty());
    let note = if measured {
        "Lines: mean over the seeds; bands: ± one standard deviation. All are measured after each epoch."
    } else {
        "Lines: mean over the seeds; bands: ± one standard deviation. Training values are running means over the epoch."
    };
    let panels =
        if validated { panels_of_rows(results, measured) } else { panels_of_metrics(results) };
    band_chart(&BandChart {
        title: &format!("{}: learning curves", results.name),
        subtitle: &subtitle(results),
        x_label: "epoch",
        note,
        columns: 2,
        same_y: validated,
        panels,
    })
}

fn panels_of_metrics(results: &Results) -> Vec<BandPanel<'_>> {
    let panel = |heading: &str, pick: fn(&RowResult) -> &[Summary]| BandPanel {
        heading: heading.to_owned(),
        series: (results.rows.iter().enumerate())
            .map(|(i, row)| BandSeries {
                name: &row.name,
                color: i,
                dashed: i >= 7,
                points: points(pick(row)),
            })
            .collect(),
        ..BandPanel::default()
    };
    let losses = panel("Training loss", |row| row.curve("loss"));
    let accuracies = panel("Training accuracy", |row| accuracy(row, ""));
    vec![losses, BandPanel { max_y: Some(1.0), ..accuracies }]
}

/// `measured`: training accuracy as measured after each epoch, which every row must have, instead of the running mean.
fn panels_of_rows(results: &Results, measured: bool) -> Vec<BandPanel<'_>> {
    let of_training = if measured { "train_" } else { "" };
    let panel = |row: &RowResult| {
        let test = row.test_accuracy.map_or_else(String::new, |s| format!(" · test {:.4}", s.mean));
        let lines = [
            ("training accuracy", of_training, false),
            ("validation accuracy", "val_", false),
            // A record for afterwards, which nothing in training has seen.
            ("test accuracy", "test_", true),
        ];
        let line = |(color, (name, prefix, dashed)): (usize, (&'static str, &str, bool))| {
            BandSeries { name, color, dashed, points: points(accuracy(row, prefix)) }
        };
        let lines = lines.into_iter().enumerate().map(line);
        BandPanel {
            heading: format!("{}{test}", row.name),
            series: lines.filter(|line| !line.points.is_empty()).collect(),
            marks: passed(results, of_training, row).into_iter().collect(),
            max_y: Some(1.0),
        }
    };
    results.rows.iter().map(panel).collect()
}

/// Where the training accuracy passes the experiment's threshold, and what the other images say in that epoch.
fn passed(results: &Results, of_training: &str, row: &RowResult) -> Option<BandMark> {
    let threshold = results.threshold.as_ref()?;
    if !matches!(threshold.monitor.strip_prefix(of_training)?, "accuracy" | "acc") {
        return None;
    }
    let means: Vec<f64> = accuracy(row, of_training).iter().map(|epoch| epoch.mean).collect();
    let epoch = threshold.reached(&means)?;
    let then = |(word, prefix): (&str, &str)| {
        accuracy(row, prefix).get(epoch - 1).map(|s| format!("{word} {:.4}", s.mean))
    };
    let then: Vec<String> =
        [("validation", "val_"), ("test", "test_")].into_iter().filter_map(then).collect();
    let bound =
        threshold.at_least.map_or_else(|| threshold.to_string(), |bound| format!("≥ {bound}"));
    let text = format!("epoch {epoch}: training {bound},\n{}", then.join(", "));
    Some(BandMark { x: epoch as f64, y: means[epoch - 1], text })
}

/// The accuracy, `accuracy` or `acc`, with this prefix.
fn accuracy<'a>(row: &'a RowResult, prefix: &str) -> &'a [Summary] {
    let full = row.curve(&format!("{prefix}accuracy"));
    if full.is_empty() { row.curve(&format!("{prefix}acc")) } else { full }
}

fn points(curve: &[Summary]) -> Vec<(f64, f64, f64)> {
    let point = |(i, s): (usize, &Summary)| ((i + 1) as f64, s.mean, s.sd.unwrap_or(0.0));
    curve.iter().enumerate().map(point).collect()
}

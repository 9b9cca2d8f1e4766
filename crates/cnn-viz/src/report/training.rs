//! How training went.

use super::table::{Cell, Column, Table};
use super::{Number, Section, percent, pointer};
use crate::charts::{LearningCurves, learning_panels};

/// Epochs in the table, at most; of longer runs every so manieth is shown.
const MOST_EPOCHS: usize = 100;

/// One metric over the epochs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochColumn<'a> {
    /// Its name, as in `history.json`.
    pub name: &'a str,
    /// One value per epoch.
    pub values: &'a [f64],
}

/// A section with the learning curves, what they say about overfitting, and the numbers behind them. `notes` are paragraphs that
/// only the caller knows: what ended training.
pub fn curves(
    curves: &LearningCurves<'_>,
    columns: &[EpochColumn<'_>],
    notes: &[String],
) -> Section {
    let mut section = Section::new("training", "Training");
    let epochs = columns.iter().map(|column| column.values.len()).max().unwrap_or(0);
    if epochs == 0 {
        section.text("No epoch came to its end.");
    } else {
        section.text(
            "The loss is what training makes small; accuracy is the share of right answers. A network overfits when training goes on \
             getting better while validation stands still or gets worse.",
        );
    }
    for sentence in gap(curves).iter().chain(notes) {
        section.text(sentence);
    }
    let panels = learning_panels(curves);
    if !panels.is_empty() {
        section.body.open("div", &[("class", "charts")]);
        for panel in &panels {
            section.body.open("figure", &[]).scene(panel).close();
        }
        section.body.close();
    }
    if epochs > 0 {
        let table = table(columns, epochs);
        section.folded("Every epoch in numbers", table);
    }
    section
}

/// What the curves say about training and validation.
fn gap(curves: &LearningCurves<'_>) -> Vec<String> {
    let last = |values: &[f64]| values.last().copied().filter(|value| value.is_finite());
    let how = if curves.measured {
        "Training images were measured after each epoch, as validation images are: the two compare."
    } else {
        "Training values are means over the epoch, taken while the weights still change and with dropout, augmentation and mixing at work."
    };
    let mut all = Vec::new();
    match (last(curves.accuracy), last(curves.val_accuracy)) {
        (Some(train), Some(val)) => {
            let points = 100.0 * (train - val);
            let reading = if curves.measured {
                ""
            } else {
                " Validation is measured after the epoch, without them, so the gap of the network itself is larger than it looks; \
                 `cnn train --eval-train` measures it."
            };
            all.push(format!(
                "At the end accuracy is {} in training and {} in validation: a gap of {points:.1} points. {how}{reading}",
                percent(train),
                percent(val)
            ));
        }
        (Some(_), None) => all.push(format!(
            "No images were kept aside for validation, so these curves cannot show overfitting; `--validation-split 0.1` keeps a tenth. {}",
            if curves.measured { "Training images were measured after each epoch." } else { how }
        )),
        _ => {}
    }
    all.extend(turning_point(curves.val_loss));
    all
}

/// Where the validation loss was lowest, if it has risen since by more than a fiftieth.
fn turning_point(loss: &[f64]) -> Option<String> {
    let (best, lowest) = loss
        .iter()
        .enumerate()
        .filter(|(_, value)| value.is_finite())
        .min_by(|a, b| a.1.total_cmp(b.1))?;
    let last = *loss.last()?;
    (last > lowest * 1.02).then(|| {
        format!(
            "The validation loss was lowest after epoch {} ({lowest:.4}) and has risen to {last:.4} since: from there on the network overfits.",
            best + 1
        )
    })
}

fn table(columns: &[EpochColumn<'_>], epochs: usize) -> crate::html::Html {
    let every = epochs.div_ceil(MOST_EPOCHS);
    let shown = (0..epochs).filter(|epoch| epoch % every == every - 1 || epoch + 1 == epochs);
    let row = |epoch: usize| {
        let mut cells = vec![Cell::text((epoch + 1).to_string())];
        cells.extend(columns.iter().map(|column| match column.values.get(epoch) {
            Some(&value) => {
                let metric = format!("history/history/{}/{epoch}", pointer(column.name));
                Cell::Number(Number::four(metric, value))
            }
            None => Cell::text("–"),
        }));
        cells
    };
    let rows: Vec<Vec<Cell>> = shown.map(row).collect();
    let mut heads = vec![Column::words("Epoch")];
    heads.extend(columns.iter().map(|column| Column::numbers(column.name)));
    let caption = match every {
        1 => "What each epoch reported".to_owned(),
        _ => format!("What every {every}th epoch reported; history.csv has all"),
    };
    Table { caption: &caption, columns: &heads, rows: &rows, foot: &[], sort: false }.html()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_is_said_as_it_was_measured() {
        let (accuracy, val_accuracy) = (&[0.5, 0.9][..], &[0.6, 0.85][..]);
        let of = |measured, val_accuracy| {
            gap(&LearningCurves { accuracy, val_accuracy, measured, ..Default::default() })
                .join(" ")
                .replace("\u{a0}", " ")
        };
        let running = of(false, val_accuracy);
        assert!(
            running.contains("90.0 % in training and 85.0 % in validation: a gap of 5.0 points")
        );
        assert!(running.contains("--eval-train"), "{running}");
        let measured = of(true, val_accuracy);
        assert!(measured.contains("the two compare") && !measured.contains("--eval-train"));
        assert!(of(false, &[]).contains("cannot show overfitting"));
        assert!(gap(&LearningCurves::default()).is_empty());
    }

    #[test]
    fn a_validation_loss_that_rises_is_said_with_its_epoch() {
        let text = turning_point(&[0.5, 0.3, 0.31, 0.4]).unwrap();
        assert!(text.contains("after epoch 2 (0.3000) and has risen to 0.4000"), "{text}");
        assert_eq!(turning_point(&[0.5, 0.3, 0.301]), None, "noise");
        assert_eq!(turning_point(&[]), None);
        assert_eq!(turning_point(&[f64::NAN]), None);
    }

    #[test]
    fn of_many_epochs_every_so_manieth_is_shown_and_the_last() {
        let values: Vec<f64> = (0..250).map(f64::from).collect();
        let html = table(&[EpochColumn { name: "loss", values: &values }], 250).finish();
        assert_eq!(html.matches("<tr>").count(), 1 + 84);
        assert!(
            html.contains("history/history/loss/2\"")
                && html.contains("history/history/loss/249\"")
        );
        assert!(html.contains("every 3th"));
    }
}

//! The results as a table: for people, as Markdown, as CSV; and what may be concluded from it, in sentences.

use super::results::{Comparison, Results, RowResult, SIGNIFICANCE};
use super::stats::{Summary, smallest_sign_flip};
use super::sweep::Threshold;
use std::fmt::Write as _;

impl Results {
    /// Aligned columns for a terminal.
    pub fn to_text(&self) -> String {
        let cells = self.cells();
        let width =
            |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..cells[0].len()).map(width).collect();
        let mut text = String::new();
        for (i, row) in cells.iter().enumerate() {
            let line: Vec<String> =
                (row.iter().zip(&widths).enumerate())
                    .map(|(column, (cell, &width))| {
                        if column == 0 {
                            format!("{cell:width$}")
                        } else {
                            format!("{cell:>width$}")
                        }
                    })
                    .collect();
            let _ = writeln!(text, "{}", line.join("  ").trim_end());
            if i == 0 {
                let _ = writeln!(
                    text,
                    "{}",
                    "─".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1))
                );
            }
        }
        text
    }

    /// A Markdown table.
    pub fn to_markdown(&self) -> String {
        let cells = self.cells();
        let mut text = String::new();
        for (i, row) in cells.iter().enumerate() {
            let _ = writeln!(text, "| {} |", row.join(" | "));
            if i == 0 {
                let _ = writeln!(text, "|---|{}", "---:|".repeat(row.len() - 1));
            }
        }
        text
    }

    /// One line for each row, numbers unrounded, nothing where a number is not known.
    pub fn to_csv(&self) -> String {
        let mut text = String::from(
            "row,parameters,macs,runs,diverged,test_accuracy_mean,test_accuracy_sd,test_loss_mean,test_loss_sd,\
             train_accuracy_mean,train_accuracy_sd,train_loss_mean,train_loss_sd,train_final_accuracy_mean,\
             train_final_accuracy_sd,epochs_to_threshold_mean,reached,validation_then_mean,test_then_mean,difference,p,p_adjusted,p_sign_flip,within_noise,\
             on_front,seconds_mean,seconds_sd\n",
        );
        for row in &self.rows {
            let mut cells =
                vec![quoted(&row.name), row.parameters.to_string(), row.macs.to_string()];
            cells.extend([row.runs.len().to_string(), row.diverged.to_string()]);
            let both =
                |s: Option<Summary>| [number(s.map(|s| s.mean)), number(s.and_then(|s| s.sd))];
            let of = [
                row.test_accuracy,
                row.test_loss,
                row.train_accuracy,
                row.train_loss,
                row.train_final_accuracy,
            ];
            cells.extend(of.into_iter().flat_map(both));
            cells
                .extend([number(row.epochs_to_threshold.map(|s| s.mean)), row.reached.to_string()]);
            cells.extend([row.validation_then, row.test_then].map(|s| number(s.map(|s| s.mean))));
            let c = row.comparison.as_ref();
            cells.extend([
                number(c.map(|c| c.test.difference)),
                number(c.and_then(|c| c.test.p)),
                number(c.and_then(|c| c.p_adjusted)),
                number(c.and_then(|c| c.test.p_sign_flip)),
                c.and_then(|c| c.within_noise).map_or_else(String::new, |noise| noise.to_string()),
                row.on_front.to_string(),
            ]);
            cells.extend(both(row.seconds));
            text += &(cells.join(",") + "\n");
        }
        text
    }

    /// One line for each run.
    pub fn runs_csv(&self) -> String {
        let mut text = String::from(
            "row,seed,test_loss,test_accuracy,train_loss,train_accuracy,train_final_loss,train_final_accuracy,epochs,\
             epochs_to_threshold,validation_then,test_then,diverged,seconds,images_per_second,threads,weights_hash\n",
        );
        for row in &self.rows {
            for run in &row.runs {
                let s = &run.score;
                let mut cells = vec![quoted(&row.name), s.seed.to_string()];
                for part in [s.test, Some(s.train), s.train_final] {
                    cells.extend([number(part.map(|p| p.loss)), number(part.map(|p| p.accuracy))]);
                }
                cells.extend([
                    s.epochs.to_string(),
                    run.epochs_to_threshold.map_or_else(String::new, |epochs| epochs.to_string()),
                    number(run.validation_then),
                    number(run.test_then),
                    s.diverged.to_string(),
                    s.seconds.to_string(),
                    s.images_per_second.to_string(),
                    s.threads.to_string(),
                    s.weights_hash.clone().unwrap_or_default(),
                ]);
                text += &(cells.join(",") + "\n");
            }
        }
        text
    }

    /// Header and rows.
    fn cells(&self) -> Vec<Vec<String>> {
        let finals = self.rows.iter().any(|row| row.train_final_accuracy.is_some());
        let diverged = self.rows.iter().any(|row| row.diverged > 0);
        let then = self.rows.iter().any(|row| row.test_then.is_some());
        let mut header: Vec<String> =
            ["row", "parameters", "MACs", "test accuracy"].map(str::to_owned).to_vec();
        header.push("difference".to_owned());
        header.extend(["test loss", "train accuracy", "train loss"].map(str::to_owned));
        if finals {
            header.push("train, final".to_owned());
        }
        if self.threshold.is_some() {
            header.push("epochs".to_owned());
        }
        if then {
            header.push("test then".to_owned());
        }
        header.push("seconds".to_owned());
        if diverged {
            header.push("diverged".to_owned());
        }
        let row = |row: &RowResult| {
            let mut cells = vec![row.name.clone(), commas(row.parameters), commas(row.macs)];
            let front = if row.on_front { " ◆" } else { "" };
            cells.push(shown(row.test_accuracy, 4) + front);
            cells.push(match &row.comparison {
                Some(comparison) => against(comparison),
                None if self.compared_with.as_ref() == Some(&row.name) && self.baseline_chosen => {
                    "baseline".to_owned()
                }
                None if self.compared_with.as_ref() == Some(&row.name) => "best".to_owned(),
                None => "–".to_owned(),
            });
            cells.extend([
                shown(row.test_loss, 4),
                shown(row.train_accuracy, 4),
                shown(row.train_loss, 4),
            ]);
            if finals {
                cells.push(shown(row.train_final_accuracy, 4));
            }
            if self.threshold.is_some() {
                let sound = row.runs.len() - row.diverged;
                cells.push(match row.epochs_to_threshold {
                    Some(s) if row.reached == sound => format!("{:.1}", s.mean),
                    Some(s) => format!("{:.1} ({} of {sound})", s.mean, row.reached),
                    None => "never".to_owned(),
                });
            }
            if then {
                cells.push(shown(row.test_then, 4));
            }
            cells.push(shown(row.seconds, 1));
            if diverged {
                cells.push(format!("{} of {}", row.diverged, row.runs.len()));
            }
            cells
        };
        std::iter::once(header).chain(self.rows.iter().map(row)).collect()
    }

    /// What the table's marks mean and what may be concluded with so many seeds: one sentence each.
    pub fn notes(&self) -> Vec<String> {
        let seeds = self.seeds.len();
        let recorded = |row: &RowResult| !row.curve("test_loss").is_empty();
        let mut notes = vec![format!(
            "Mean ± sample standard deviation over {seeds} {}; test accuracy on {} images, {}.",
            if seeds == 1 { "seed" } else { "seeds" },
            commas(self.test_images as u64),
            if self.rows.iter().any(recorded) {
                "after training; it was recorded after every epoch too, and decided nothing"
            } else {
                "once, after training"
            }
        )];
        notes.push(format!(
            "◆ is on the Pareto front: no row has both fewer {} and a better mean test accuracy.",
            self.cost.name()
        ));
        if let Some(threshold) = &self.threshold {
            notes.push(format!("Epochs: until {threshold}, mean over the runs that came so far."));
            notes.extend(self.rows.iter().filter_map(|row| then(row, threshold)));
        }
        if let Some(other) = self.compared_with.as_ref().filter(|_| self.rows.len() > 1) {
            notes.extend(self.test_notes(other, seeds));
        }
        if self.rows.iter().any(|row| row.train_final_accuracy.is_some()) {
            notes.push(
                "Train, final: accuracy on the training images with the final weights, as the test has it."
                    .to_owned(),
            );
        }
        if self.side_by_side > 1 {
            notes.push(format!(
                "Seconds were measured with up to {} runs side by side: a run alone, with all cores, takes less.",
                self.side_by_side
            ));
        }
        notes
    }

    fn test_notes(&self, other: &str, seeds: usize) -> Vec<String> {
        if seeds < 2 {
            return vec![
                "One seed: there is no test, and nothing can be said about which row is better."
                    .to_owned(),
            ];
        }
        let compared = self.rows.iter().filter(|row| row.comparison.is_some()).count();
        let mut notes = vec![format!(
            "Difference: to {other}. p: two-sided paired t-test over the seeds ({} {} of freedom) on test accuracy, adjusted after Holm for {compared} {}; \
             ≈ marks a difference within noise (p ≥ {SIGNIFICANCE}).",
            seeds - 1,
            if seeds == 2 { "degree" } else { "degrees" },
            if compared == 1 { "comparison" } else { "comparisons" },
        )];
        let noise: Vec<&str> = (self.rows.iter())
            .filter(|row| row.comparison.as_ref().is_some_and(|c| c.within_noise == Some(true)))
            .map(|row| row.name.as_str())
            .collect();
        notes.push(if noise.is_empty() {
            format!("Every row differs from {other} by more than noise.")
        } else {
            format!("Cannot be told apart from {other} with {seeds} seeds: {}. That is no proof that they are equal.", noise.join(", "))
        });
        let smallest = smallest_sign_flip(seeds);
        if smallest >= SIGNIFICANCE {
            notes.push(format!(
                "With {seeds} seeds the exact sign-flip test cannot go below p = {smallest}: the t-test leans on \
                 differences that are roughly normal, and more seeds would lean less."
            ));
        }
        if !self.baseline_chosen && compared > 1 {
            notes.push(format!(
                "{other} was chosen because it came out best, which flatters it a little."
            ));
        }
        notes
    }
}

impl super::Cost {
    /// As a word: "MACs", "parameters", "seconds".
    pub fn name(self) -> &'static str {
        match self {
            Self::Macs => "MACs",
            Self::Parameters => "parameters",
            Self::Seconds => "seconds",
        }
    }
}

/// What the images that a row has not learned from say in the epoch in which its runs reached the threshold.
fn then(row: &RowResult, threshold: &Threshold) -> Option<String> {
    let test = row.test_then?;
    let epochs = row.epochs_to_threshold?;
    let validation =
        row.validation_then.map_or_else(String::new, |s| format!("validation accuracy {s}, "));
    let end =
        row.test_accuracy.map_or_else(String::new, |s| format!("; at the end of training {s}"));
    let runs = row.runs.len() - row.diverged;
    Some(format!(
        "{}: {threshold} in epoch {} ({} of {runs} {}); then {validation}test accuracy {test}{end}.",
        row.name,
        epochs.text(1),
        row.reached,
        if runs == 1 { "run" } else { "runs" },
    ))
}

/// `−0.0041 (p 0.037)`, with ≈ in front where it is noise.
fn against(comparison: &Comparison) -> String {
    let sign = if comparison.test.difference < 0.0 { "−" } else { "+" };
    let noise = if comparison.within_noise == Some(true) { "≈ " } else { "" };
    let p = comparison.p_adjusted.map_or_else(String::new, |p| {
        if p < 0.001 { " (p < 0.001)".to_owned() } else { format!(" (p {p:.3})") }
    });
    format!("{noise}{sign}{:.4}{p}", comparison.test.difference.abs())
}

fn shown(summary: Option<Summary>, decimals: usize) -> String {
    summary.map_or_else(|| "–".to_owned(), |summary| summary.text(decimals))
}

fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or_else(String::new, |value| value.to_string())
}

fn commas(count: u64) -> String {
    cnn_nn::summary::commas(count)
}

/// A cell for CSV. Source: RFC 4180.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

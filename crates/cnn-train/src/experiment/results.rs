//! What the finished runs say: one row of numbers for each configuration, with its spread over the seeds and its comparison.

use super::plan::{Experiment, Score};
use super::stats::{Paired, Summary, holm, paired, pareto_front};
use super::sweep::{Cost, Threshold};
use crate::error::TrainError;
use crate::history::{RunHistory, TestScore};
use crate::run_dir::RunDir;
use serde::{Deserialize, Serialize};

/// Version of the layout of `results.json`.
const SCHEMA: u32 = 1;

/// Differences whose adjusted p is at least this are called noise.
pub const SIGNIFICANCE: f64 = 0.05;

/// The whole result: the content of `results.json`. The same runs give the same result, in whatever order they were trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Version of the layout.
    pub schema: u32,
    /// The experiment's name.
    pub name: String,
    /// The data set's name.
    pub data: String,
    /// SHA-256 of the data set.
    pub data_fingerprint: String,
    /// Training images, those for validation included.
    pub train_images: usize,
    /// Test images.
    pub test_images: usize,
    /// The data was cut to so many images.
    pub limit: Option<usize>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// When a run counts as good enough.
    pub threshold: Option<Threshold>,
    /// The row that the others are compared with: the sweep's baseline, else the one with the best mean test accuracy.
    pub compared_with: Option<String>,
    /// Whether the sweep chose that row.
    pub baseline_chosen: bool,
    /// What the chart has on its cost axis.
    pub cost: Cost,
    /// Runs that were trained at the same time, at most: their seconds are not those of a run alone if this is above 1.
    pub side_by_side: usize,
    /// The rows, in the order of the sweep.
    pub rows: Vec<RowResult>,
    /// Every two rows compared, each with the ones before it; empty for more than 40 rows.
    pub pairs: Vec<Pair>,
}

/// Two rows compared, seed by seed, in test accuracy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// This row,
    pub row: String,
    /// compared with this one.
    pub with: String,
    /// Difference and tests; p is not adjusted.
    #[serde(flatten)]
    pub test: Paired,
}

/// Rows up to which every two are compared.
const MAX_PAIRED_ROWS: usize = 40;

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowResult {
    /// Its name.
    pub name: String,
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-accumulates per image, forward.
    pub macs: u64,
    /// Runs whose loss became NaN or infinite: they are left out of all means.
    pub diverged: usize,
    /// Test accuracy over the seeds.
    pub test_accuracy: Option<Summary>,
    /// Test loss.
    pub test_loss: Option<Summary>,
    /// Training accuracy as the last epoch reported it: a running mean while the weights changed.
    pub train_accuracy: Option<Summary>,
    /// Training loss, likewise.
    pub train_loss: Option<Summary>,
    /// Training accuracy with the final weights, where it was measured.
    pub train_final_accuracy: Option<Summary>,
    /// Training loss with the final weights.
    pub train_final_loss: Option<Summary>,
    /// Seconds of training.
    pub seconds: Option<Summary>,
    /// Epochs until the threshold, over the runs that reached it.
    pub epochs_to_threshold: Option<Summary>,
    /// How many runs reached it.
    pub reached: usize,
    /// Validation accuracy in the epoch in which the threshold was reached, over the runs that reached it.
    #[serde(default)]
    pub validation_then: Option<Summary>,
    /// Test accuracy in that epoch, where `fit.eval_test` recorded it.
    #[serde(default)]
    pub test_then: Option<Summary>,
    /// Against the row that all are compared with; `None` for that row itself.
    pub comparison: Option<Comparison>,
    /// Whether no other row has both a lower cost and a better mean test accuracy.
    pub on_front: bool,
    /// Each metric, epoch by epoch, over the runs that trained so long.
    pub curves: Vec<CurveOf>,
    /// The runs, in the order of the seeds.
    pub runs: Vec<RunResult>,
}

/// A metric over the epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurveOf {
    /// `loss`, `accuracy`, and with `train_`, `val_` and `test_`.
    pub metric: String,
    /// One summary for each epoch.
    pub epochs: Vec<Summary>,
}

/// One run in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The run's record.
    #[serde(flatten)]
    pub score: Score,
    /// Its folder, inside the experiment's.
    pub folder: String,
    /// Epochs until the threshold, if it was reached.
    pub epochs_to_threshold: Option<usize>,
    /// Validation accuracy after the epoch that reached it.
    #[serde(default)]
    pub validation_then: Option<f64>,
    /// Test accuracy after that epoch, where it was recorded.
    #[serde(default)]
    pub test_then: Option<f64>,
}

/// A row compared with another, seed by seed, in test accuracy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The other row.
    pub with: String,
    /// Difference and tests.
    #[serde(flatten)]
    pub test: Paired,
    /// The t-test's p, adjusted after Holm for the number of rows.
    pub p_adjusted: Option<f64>,
    /// True where `p_adjusted` is [`SIGNIFICANCE`] or more; `None` where there is no test.
    pub within_noise: Option<bool>,
}

impl Experiment<'_> {
    /// The table of the runs that are finished.
    ///
    /// # Errors
    /// A finished run whose history can no longer be read.
    pub fn results(&self) -> Result<Results, TrainError> {
        let mut rows = Vec::new();
        for at in 0..self.sweep.rows.len() {
            rows.push(self.row_result(at)?);
        }
        let best = || {
            let mean = |row: &RowResult| row.test_accuracy.map_or(f64::NEG_INFINITY, |s| s.mean);
            // Of equal ones the first.
            let better = |a: usize, b: usize| if mean(&rows[b]) > mean(&rows[a]) { b } else { a };
            (0..rows.len()).reduce(better).filter(|&i| rows[i].test_accuracy.is_some())
        };
        let chosen = self.sweep.baseline.as_ref();
        let other = match chosen {
            Some(name) => rows.iter().position(|row| &row.name == name),
            None => best(),
        };
        if let Some(other) = other {
            compare(&mut rows, other);
        }
        let points: Vec<(f64, f64)> = rows.iter().map(|row| row.point(self.sweep.cost)).collect();
        for (row, on_front) in rows.iter_mut().zip(pareto_front(&points)) {
            row.on_front = on_front;
        }
        let pairs = pairs(&rows);
        let scores = self.jobs.iter().filter_map(|job| job.score.as_ref());
        Ok(Results {
            schema: SCHEMA,
            name: self.sweep.name.clone(),
            data: self.data.name.clone(),
            data_fingerprint: self.data.fingerprint.clone(),
            train_images: self.data.train.len(),
            test_images: self.data.test.len(),
            limit: self.limit,
            seeds: self.sweep.seeds.clone(),
            threshold: self.sweep.threshold.clone(),
            compared_with: other.map(|i| rows[i].name.clone()),
            baseline_chosen: chosen.is_some(),
            cost: self.sweep.cost,
            side_by_side: scores.map(|score| score.side_by_side).max().unwrap_or(0),
            rows,
            pairs,
        })
    }

    fn row_result(&self, at: usize) -> Result<RowResult, TrainError> {
        let row = &self.sweep.rows[at];
        let mut runs = Vec::new();
        let mut histories = Vec::new();
        for job in self.jobs.iter().filter(|job| job.row == at) {
            let Some(score) = &job.score else { continue };
            let history = RunDir::history(&job.folder)?;
            let threshold = self.sweep.threshold.as_ref();
            let epochs_to_threshold = threshold.and_then(|t| t.reached(history.get(&t.monitor)));
            let then = |prefix| {
                history.accuracy(prefix).get(epochs_to_threshold?.checked_sub(1)?).copied()
            };
            let folder = job.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            runs.push(RunResult {
                score: score.clone(),
                folder,
                epochs_to_threshold,
                validation_then: then("val_"),
                test_then: then("test_"),
            });
            if !score.diverged {
                histories.push(history);
            }
        }
        let sound = || runs.iter().filter(|run| !run.score.diverged);
        let over = |pick: &dyn Fn(&RunResult) -> Option<f64>| {
            Summary::of(&sound().filter_map(pick).collect::<Vec<_>>())
        };
        let part = |pick: Pick, of: fn(&Score) -> Option<TestScore>| {
            over(&|run| of(&run.score).as_ref().map(pick).filter(|value| value.is_finite()))
        };
        Ok(RowResult {
            name: row.name.clone(),
            parameters: row.parameters,
            macs: row.macs,
            diverged: runs.iter().filter(|run| run.score.diverged).count(),
            test_accuracy: part(accuracy, |s| s.test),
            test_loss: part(loss, |s| s.test),
            train_accuracy: part(accuracy, |s| Some(s.train)),
            train_loss: part(loss, |s| Some(s.train)),
            train_final_accuracy: part(accuracy, |s| s.train_final),
            train_final_loss: part(loss, |s| s.train_final),
            seconds: over(&|run| Some(run.score.seconds)),
            epochs_to_threshold: over(&|run| run.epochs_to_threshold.map(|epochs| epochs as f64)),
            reached: sound().filter(|run| run.epochs_to_threshold.is_some()).count(),
            validation_then: over(&|run| run.validation_then),
            test_then: over(&|run| run.test_then),
            comparison: None,
            on_front: false,
            curves: curves(&histories),
            runs,
        })
    }
}

/// One of a score's two numbers.
type Pick = fn(&TestScore) -> f64;

fn accuracy(score: &TestScore) -> f64 {
    score.accuracy
}

fn loss(score: &TestScore) -> f64 {
    score.loss
}

impl RowResult {
    /// (cost, mean test accuracy); NaN for what is not known.
    pub fn point(&self, cost: Cost) -> (f64, f64) {
        let cost = match cost {
            Cost::Macs => self.macs as f64,
            Cost::Parameters => self.parameters as f64,
            Cost::Seconds => self.seconds.map_or(f64::NAN, |s| s.mean),
        };
        (cost, self.test_accuracy.map_or(f64::NAN, |s| s.mean))
    }

    /// A metric over the epochs; empty if there is none of that name.
    pub fn curve(&self, metric: &str) -> &[Summary] {
        self.curves.iter().find(|curve| curve.metric == metric).map_or(&[], |curve| &curve.epochs)
    }

    fn accuracy_of(&self, seed: u64) -> Option<f64> {
        let run = self.runs.iter().find(|run| run.score.seed == seed)?;
        run.score.test.map(|test| test.accuracy)
    }
}

/// The test accuracies of two rows, on the seeds that both have.
fn both(row: &RowResult, other: &RowResult) -> Vec<(f64, f64)> {
    let seeds = row.runs.iter().map(|run| run.score.seed);
    seeds.filter_map(|seed| Some((row.accuracy_of(seed)?, other.accuracy_of(seed)?))).collect()
}

/// Every two rows.
fn pairs(rows: &[RowResult]) -> Vec<Pair> {
    if rows.len() > MAX_PAIRED_ROWS {
        return Vec::new();
    }
    let of = |(i, row): (usize, &RowResult)| -> Vec<Pair> {
        let pair = |other: &RowResult| {
            let test = paired(&both(row, other))?;
            Some(Pair { row: row.name.clone(), with: other.name.clone(), test })
        };
        rows[..i].iter().filter_map(pair).collect()
    };
    rows.iter().enumerate().flat_map(of).collect()
}

/// Compares every row with `other`, on the seeds that both have.
fn compare(rows: &mut [RowResult], other: usize) {
    let with = rows[other].clone();
    let tests: Vec<Option<Paired>> = rows
        .iter()
        .enumerate()
        .map(|(i, row)| if i == other { None } else { paired(&both(row, &with)) })
        .collect();
    let p: Vec<f64> = tests.iter().flatten().filter_map(|test| test.p).collect();
    let mut adjusted = holm(&p).into_iter();
    for (row, test) in rows.iter_mut().zip(tests) {
        row.comparison = test.map(|test| {
            let p_adjusted = test.p.and_then(|_| adjusted.next());
            let within_noise = p_adjusted.map(|p| p >= SIGNIFICANCE);
            Comparison { with: with.name.clone(), test, p_adjusted, within_noise }
        });
    }
}

/// Mean and deviation of every metric in every epoch.
fn curves(histories: &[RunHistory]) -> Vec<CurveOf> {
    let Some(first) = histories.first() else { return Vec::new() };
    let of = |metric: &String| {
        let longest = histories.iter().map(|history| history.get(metric).len()).max().unwrap_or(0);
        let epoch = |epoch: usize| {
            let values =
                histories.iter().filter_map(|history| history.get(metric).get(epoch).copied());
            Summary::of(&values.filter(|value| value.is_finite()).collect::<Vec<_>>())
        };
        CurveOf { metric: metric.clone(), epochs: (0..longest).map_while(epoch).collect() }
    };
    first.metrics.iter().map(of).collect()
}

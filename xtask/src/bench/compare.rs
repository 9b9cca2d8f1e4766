//! What is measured, and how figures become ratios.

use serde_json::Value;
use std::collections::BTreeMap;

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// Trains on shuffled images, batch after batch.
    Train,
    /// Answers batch after batch.
    Infer,
    /// Loads the data and takes one training step.
    Cold,
}

/// What every contestant does in one process of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Job {
    /// A preset.
    pub(super) network: &'static str,
    pub(super) mode: Mode,
    pub(super) batch: usize,
}

/// What is read from a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Measure {
    /// Images per second.
    Rate,
    /// Median time of an answer, in microseconds.
    Latency,
    /// Seconds from the start of the process to the end of its first training step.
    Start,
    /// Most memory at any time, in MB.
    Memory,
}

/// One row of the table.
pub(super) struct Workload {
    pub(super) id: &'static str,
    pub(super) job: Job,
    pub(super) measure: Measure,
    /// What ours over the best peer's shall be, or ours alone.
    pub(super) goal: &'static str,
}

const fn workload(
    id: &'static str,
    network: &'static str,
    mode: Mode,
    batch: usize,
    measure: Measure,
    goal: &'static str,
) -> Workload {
    Workload { id, job: Job { network, mode, batch }, measure, goal }
}

/// The rows. Those with the same job share its processes.
pub(super) const WORKLOADS: [Workload; 13] = {
    use Measure::{Latency, Memory, Rate, Start};
    use Mode::{Cold, Infer, Train};
    [
        workload("W0", "dnn", Train, 32, Rate, "≥ 1.5"),
        workload("W1", "cnn32", Train, 32, Rate, "≥ 2.1"),
        workload("W1", "cnn32", Train, 128, Rate, "≥ 2.1"),
        workload("W1", "cnn32", Infer, 256, Rate, "≥ 1.3"),
        workload("W1", "cnn32", Infer, 1, Latency, "≤ 0.7"),
        workload("W1", "cnn32", Cold, 32, Start, "≤ 0.3"),
        workload("W1", "cnn32", Train, 32, Memory, "≤ 150 MB"),
        workload("W2", "cnn64", Train, 32, Rate, "≥ 2.0"),
        workload("W2", "cnn64", Train, 128, Rate, "≥ 2.2"),
        workload("W2", "cnn64", Infer, 256, Rate, "≥ 1.3"),
        workload("W2", "cnn64", Infer, 1, Latency, "≤ 0.7"),
        workload("W3", "one-conv64", Train, 32, Rate, "≥ 2.0"),
        workload("W4", "conv-conv-pool", Train, 32, Rate, "≥ 1.7"),
    ]
};

/// What one process said.
pub(super) struct Run {
    /// From 0.
    pub(super) round: usize,
    pub(super) job: Job,
    /// A peer's key, or ours.
    pub(super) who: &'static str,
    /// As it would be typed.
    pub(super) command: String,
    /// Seconds from its start to its first step, where that was asked for.
    pub(super) start: Option<f64>,
    /// Processors that other processes took meanwhile.
    pub(super) others: Option<f64>,
    /// Its JSON line, or why there is none.
    pub(super) said: Result<Value, String>,
}

impl Measure {
    /// The figure in what a process said.
    pub(super) fn of(self, run: &Run) -> Option<f64> {
        let said = run.said.as_ref().ok()?;
        match self {
            Self::Rate => said["images_per_second"].as_f64(),
            Self::Latency => said["latency_us"]["median"].as_f64(),
            Self::Start => run.start,
            Self::Memory => said["peak_memory_bytes"].as_f64().map(|bytes| bytes / 1e6),
        }
    }

    /// The better of two figures.
    fn better(self, a: f64, b: f64) -> f64 {
        if self == Self::Rate { a.max(b) } else { a.min(b) }
    }
}

/// Median, least and greatest of some values.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// Of at least one value.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let below = if values.len().is_multiple_of(2) { middle - 1 } else { middle };
        Some(Self { median: f64::midpoint(values[below], values[middle]), min, max })
    }
}

/// A peer beside ours.
pub(super) struct Beside {
    pub(super) who: &'static str,
    pub(super) figure: Spread,
    /// Ours over the peer's, round by round.
    pub(super) ratio: Option<Spread>,
}

/// A row's figures and ratios.
pub(super) struct Comparison {
    pub(super) ours: Option<Spread>,
    pub(super) peers: Vec<Beside>,
    /// Ours over that of the round's best peer.
    pub(super) best: Option<Spread>,
}

/// Compares round by round: the machine changes its speed from round to round. Where a peer ran with several settings in a round,
/// its better figure counts.
pub(super) fn compare(
    workload: &Workload,
    runs: &[Run],
    ours: &'static str,
    peers: &[&'static str],
) -> Comparison {
    let mut rounds: BTreeMap<usize, BTreeMap<&str, f64>> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.job == workload.job) {
        let Some(figure) = workload.measure.of(run) else { continue };
        let figures = rounds.entry(run.round).or_default();
        let best = figures.entry(run.who).or_insert(figure);
        *best = workload.measure.better(*best, figure);
    }
    let of = |who: &str| Spread::of(rounds.values().filter_map(|round| round.get(who).copied()));
    let ratio = |peers: &[&'static str]| {
        Spread::of(rounds.values().filter_map(|round| {
            let theirs = peers.iter().filter_map(|peer| round.get(peer).copied());
            let best = theirs.reduce(|a, b| workload.measure.better(a, b))?;
            Some(round.get(ours)? / best)
        }))
    };
    let beside =
        |&who: &&'static str| of(who).map(|figure| Beside { who, figure, ratio: ratio(&[who]) });
    Comparison {
        ours: of(ours),
        peers: peers.iter().filter_map(beside).collect(),
        best: ratio(peers),
    }
}

/// The contestants' places in a round: each goes through all of them.
pub(super) fn rotated<T: Copy>(all: &[T], round: usize) -> Vec<T> {
    let mut order = all.to_vec();
    if !order.is_empty() {
        order.rotate_left(round % all.len());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const JOB: Job = Job { network: "cnn32", mode: Mode::Train, batch: 32 };

    fn run(round: usize, who: &'static str, said: Value) -> Run {
        let command = String::new();
        Run { round, job: JOB, who, command, start: None, others: None, said: Ok(said) }
    }

    fn rate(round: usize, who: &'static str, rate: f64) -> Run {
        run(round, who, json!({"images_per_second": rate}))
    }

    fn row(measure: Measure) -> Workload {
        Workload { id: "W1", job: JOB, measure, goal: "" }
    }

    #[test]
    fn ratios_are_of_one_round_and_against_its_best_peer() {
        let runs = [
            rate(0, "cnn", 200.0),
            rate(0, "a", 100.0),
            rate(0, "b", 50.0),
            // The machine is twice as slow, and another peer is the best.
            rate(1, "cnn", 90.0),
            rate(1, "a", 20.0),
            rate(1, "b", 30.0),
            // Two settings of one peer: the better one counts.
            rate(2, "cnn", 240.0),
            rate(2, "a", 60.0),
            rate(2, "a", 80.0),
            rate(2, "b", 40.0),
        ];
        let found = compare(&row(Measure::Rate), &runs, "cnn", &["a", "b", "c"]);
        assert_eq!(found.ours, Some(Spread { median: 200.0, min: 90.0, max: 240.0 }));
        assert_eq!(found.best, Some(Spread { median: 3.0, min: 2.0, max: 3.0 }));
        let names: Vec<&str> = found.peers.iter().map(|peer| peer.who).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(found.peers[0].figure, Spread { median: 80.0, min: 20.0, max: 100.0 });
        assert_eq!(found.peers[0].ratio, Some(Spread { median: 3.0, min: 2.0, max: 4.5 }));
    }

    #[test]
    fn less_time_and_memory_are_better() {
        let half = Spread { median: 0.5, min: 0.5, max: 0.5 };
        let memory = |who, bytes: u64| run(0, who, json!({"peak_memory_bytes": bytes}));
        let runs = [memory("cnn", 120_000_000), memory("a", 480_000_000), memory("b", 240_000_000)];
        let found = compare(&row(Measure::Memory), &runs, "cnn", &["a", "b"]);
        assert_eq!(found.best, Some(half));
        let latency = |who, us: f64| run(0, who, json!({"latency_us": {"median": us}}));
        let runs = [latency("cnn", 10.0), latency("a", 40.0), latency("a", 20.0)];
        let found = compare(&row(Measure::Latency), &runs, "cnn", &["a"]);
        assert_eq!(found.best, Some(half));
    }

    #[test]
    fn what_did_not_run_is_not_compared() {
        let failed = Run { said: Err("no".to_owned()), ..rate(0, "a", 1.0) };
        let elsewhere = Run { job: Job { batch: 128, ..JOB }, ..rate(0, "a", 1.0) };
        let runs = [rate(0, "cnn", 2.0), failed, elsewhere, rate(1, "a", 1.0)];
        let found = compare(&row(Measure::Rate), &runs, "cnn", &["a"]);
        assert_eq!(found.best, None);
        assert_eq!((found.peers.len(), found.peers[0].ratio), (1, None));
    }

    #[test]
    fn the_median_is_the_middle() {
        let median = |values: &[f64]| Spread::of(values.iter().copied()).map(|s| s.median);
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }

    #[test]
    fn everyone_takes_every_place() {
        assert_eq!(rotated(&["a", "b", "c"], 0), ["a", "b", "c"]);
        assert_eq!(rotated(&["a", "b", "c"], 4), ["b", "c", "a"]);
        assert!(rotated::<u8>(&[], 3).is_empty());
    }

    #[test]
    fn the_networks_are_presets() {
        let presets = crate::train::presets().unwrap();
        for workload in &WORKLOADS {
            assert!(presets.iter().any(|name| name == workload.job.network));
        }
    }
}

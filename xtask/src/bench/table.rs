//! The comparison as Markdown: for the terminal and for docs/performance.md.

use super::compare::{Comparison, Job, Measure, Mode, Run, Spread, WORKLOADS, Workload, compare};
use super::peers::{OURS, PEERS};
use crate::document::{machine, thousands};
use serde_json::Value;
use std::fmt::Write as _;

/// What a run was, for the notes under the tables.
pub(super) struct Setting<'a> {
    pub(super) rounds: usize,
    pub(super) seconds: f64,
    pub(super) threads: usize,
    pub(super) runs: &'a [Run],
    /// Those who took part.
    pub(super) peers: &'a [&'static str],
}

/// The figures, the ratios, and how they came about.
pub(super) fn markdown(setting: &Setting<'_>) -> String {
    let rows: Vec<(&Workload, Comparison)> = WORKLOADS
        .iter()
        .filter(|workload| setting.runs.iter().any(|run| run.job == workload.job))
        .map(|workload| (workload, compare(workload, setting.runs, OURS, setting.peers)))
        .collect();
    let names: Vec<&str> = setting.peers.iter().map(|key| name(key)).collect();
    let mut text = format!("| workload | cnn | {} | cnn / best | goal |\n", names.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(names.len() + 3));
    for (workload, found) in &rows {
        let ours = found.ours.map_or("–".to_owned(), |s| figure(workload.measure, s.median));
        let _ = write!(text, "| {} | {ours}{} |", title(workload), tail(workload, setting.runs));
        for peer in setting.peers {
            let beside = found.peers.iter().find(|beside| beside.who == *peer);
            let cell = beside.map(|beside| figure(workload.measure, beside.figure.median));
            let _ = write!(text, " {} |", cell.unwrap_or("–".to_owned()));
        }
        let _ = writeln!(text, " **{}** | {} |", ratio(found.best), workload.goal);
    }
    let _ = writeln!(text, "\ncnn over each, the median of the rounds (least to greatest):\n");
    let _ = writeln!(text, "| workload | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
    for (workload, found) in &rows {
        let _ = write!(text, "| {} |", title(workload));
        for peer in setting.peers {
            let beside = found.peers.iter().find(|beside| beside.who == *peer);
            let _ = write!(text, " {} |", ratio(beside.and_then(|beside| beside.ratio)));
        }
        text.push('\n');
    }
    text + &notes(setting)
}

/// How the figures came about.
fn notes(setting: &Setting<'_>) -> String {
    let (rounds, seconds, threads) = (setting.rounds, setting.seconds, setting.threads);
    let mut text = format!(
        "\nMedians of {rounds} rounds, each contestant once a round in a process of its own, in turning order; {seconds} s a process
after its warm-up, {threads} threads, float32. A ratio is of one round; \"best\" is the best peer of that round. Times and memory are
better when smaller. The start is the time from starting the process to the end of its first training step, all training images
loaded; memory is the most of the whole process.\n"
    );
    if let Some(others) = Spread::of(setting.runs.iter().filter_map(|run| run.others)) {
        let _ = writeln!(
            text,
            "\nOther processes took {:.2} processors meanwhile (the median process; {:.2} at most).",
            others.median, others.max
        );
    }
    let failed = setting.runs.iter().filter(|run| run.said.is_err()).count();
    if failed > 0 {
        let _ = writeln!(text, "\n{failed} of {} processes failed.", setting.runs.len());
    }
    let versions: Vec<String> =
        setting.peers.iter().filter_map(|peer| versions(setting.runs, peer)).collect();
    let versions = if versions.is_empty() { "none".to_owned() } else { versions.join(", ") };
    let _ = writeln!(text, "\nPeers: {versions}. Measured on {}.", machine());
    text
}

/// `keras 3.15.1, tensorflow 2.21.0`.
fn versions(runs: &[Run], peer: &str) -> Option<String> {
    let mut said =
        runs.iter().filter(|run| run.who == peer).filter_map(|run| run.said.as_ref().ok());
    let versions = said.find_map(|said| said["versions"].as_object())?;
    let each = versions
        .iter()
        .map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or_default()));
    Some(each.collect::<Vec<_>>().join(", "))
}

pub(super) fn name(key: &str) -> &'static str {
    PEERS.iter().find(|peer| peer.key == key).map_or(OURS, |peer| peer.name)
}

/// ``W1 `cnn32`, training, batch 32, images/s``.
fn title(workload: &Workload) -> String {
    let Workload { id, job: Job { network, mode, batch }, measure, .. } = workload;
    let what = match (measure, mode) {
        (Measure::Rate, Mode::Infer) => format!("answering, batch {batch}, images/s"),
        (Measure::Rate, _) => format!("training, batch {batch}, images/s"),
        (Measure::Latency, _) => "one image, µs".to_owned(),
        (Measure::Start, _) => "start to first step, s".to_owned(),
        (Measure::Memory, _) => "memory in training, MB".to_owned(),
    };
    format!("{id} `{network}`, {what}")
}

/// Three digits are more than these machines repeat.
pub(super) fn figure(measure: Measure, value: f64) -> String {
    match measure {
        Measure::Latency if value < 100.0 => format!("{value:.1}"),
        Measure::Rate | Measure::Memory | Measure::Latency => thousands(three_digits(value)),
        Measure::Start => format!("{value:.2}"),
    }
}

/// 15,117 → 15,100.
fn three_digits(value: f64) -> u64 {
    let unit = 10f64.powi((value.max(1.0).log10().floor() as i32 - 2).max(0));
    ((value / unit).round() * unit) as u64
}

/// `2.31 (2.20 to 2.42)`.
fn ratio(spread: Option<Spread>) -> String {
    spread.map_or("–".to_owned(), |s| format!("{:.2} ({:.2} to {:.2})", s.median, s.min, s.max))
}

/// The 99th percentile of our answers, where the row is about single ones.
fn tail(workload: &Workload, runs: &[Run]) -> String {
    if workload.measure != Measure::Latency {
        return String::new();
    }
    let ours = runs.iter().filter(|run| run.job == workload.job && run.who == OURS);
    let said = ours.filter_map(|run| run.said.as_ref().ok());
    let p99 = Spread::of(said.filter_map(|said: &Value| said["latency_us"]["p99"].as_f64()));
    p99.map_or(String::new(), |s| format!(" (p99 {})", figure(Measure::Latency, s.median)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const JOB: Job = Job { network: "cnn32", mode: Mode::Infer, batch: 1 };

    fn run(round: usize, who: &'static str, median: f64) -> Run {
        let said = json!({
            "versions": {"onnxruntime": "1.32.0", "onnx": "1.23.2"},
            "latency_us": {"median": median, "p99": median + 3.0},
        });
        let (command, others) = (String::new(), Some(0.25));
        Run { round, job: JOB, who, command, start: None, others, said: Ok(said) }
    }

    #[test]
    fn the_table_has_figures_ratios_and_how_they_came_about() {
        let failed = Run { said: Err("no memory".to_owned()), ..run(1, "torch", 0.0) };
        let runs = [run(0, "cnn", 12.0), run(0, "ort", 20.0), run(1, "cnn", 15.0), failed];
        let setting =
            Setting { rounds: 2, seconds: 0.5, threads: 2, runs: &runs, peers: &["torch", "ort"] };
        let text = markdown(&setting);
        let (text, machine) = text.split_once(" Measured on ").unwrap();
        assert!(machine.contains("thread"));
        assert_text(
            text,
            "\
| workload | cnn | PyTorch | ONNX Runtime | cnn / best | goal |
|---|---|---|---|---|---|
| W1 `cnn32`, one image, µs | 13.5 (p99 16.5) | – | 20.0 | **0.60 (0.60 to 0.60)** | ≤ 0.7 |

cnn over each, the median of the rounds (least to greatest):

| workload | PyTorch | ONNX Runtime |
|---|---|---|
| W1 `cnn32`, one image, µs | – | 0.60 (0.60 to 0.60) |

Medians of 2 rounds, each contestant once a round in a process of its own, in turning order; 0.5 s a process
after its warm-up, 2 threads, float32. A ratio is of one round; \"best\" is the best peer of that round. Times and memory are
better when smaller. The start is the time from starting the process to the end of its first training step, all training images
loaded; memory is the most of the whole process.

Other processes took 0.25 processors meanwhile (the median process; 0.25 at most).

1 of 4 processes failed.

Peers: onnxruntime 1.32.0, onnx 1.23.2.",
        );
    }

    fn assert_text(found: &str, expected: &str) {
        assert_eq!(found, expected, "\n{found}\n");
    }

    #[test]
    fn figures_have_three_digits() {
        let rates = [0.4, 93.6, 667.3, 1326.2, 15117.0, 230_879.0];
        let shown = rates.map(|rate| figure(Measure::Rate, rate));
        assert_eq!(shown, ["0", "94", "667", "1,330", "15,100", "231,000"]);
        assert_eq!(figure(Measure::Latency, 17.64), "17.6");
        assert_eq!(figure(Measure::Latency, 268.7), "269");
        assert_eq!(figure(Measure::Start, 0.412), "0.41");
    }

    #[test]
    fn every_row_says_what_it_is() {
        let mut titles: Vec<String> = WORKLOADS.iter().map(title).collect();
        titles.sort();
        titles.dedup();
        assert_eq!(titles.len(), WORKLOADS.len());
        assert_eq!(title(&WORKLOADS[2]), "W1 `cnn32`, training, batch 128, images/s");
    }
}

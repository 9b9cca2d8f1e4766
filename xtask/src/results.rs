//! `cargo xtask results`: trains presets × seeds and writes docs/results.md, the numbers beside Keras's.
//!
//! Each run has its folder under runs/results/; a run that is finished there is not repeated, so the command can be
//! interrupted and called again. Every number of the page is read from the runs' files.

use crate::{repo, train};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

const RUNS: &str = "runs/results";
const PAGE: &str = "docs/results.md";

/// Keras's numbers, made by `data/golden/keras_reference.py`.
const KERAS: &str = "data/golden/keras_reference.json";

/// The rows of the page, and what is trained unless others are named.
const ROWS: [&str; 7] =
    ["dnn", "cnn16", "cnn32", "cnn64", "one-conv64", "conv-conv-pool", "three-conv64"];

/// What one finished run says.
struct Run {
    seed: u64,
    test_accuracy: f64,
    test_loss: f64,
    train_accuracy: f64,
    images_per_second: f64,
}

/// Trains what is missing, then writes the page.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    let (seeds, presets) = arguments(args)?;
    for preset in &presets {
        for seed in 1..=seeds {
            if read_run(preset, seed)?.is_none() {
                let code = train_one(preset, seed)?;
                if code != 0 {
                    bail!("{preset} with seed {seed} ended with exit code {code}");
                }
            }
        }
    }
    let page = page(seeds)?;
    fs::write(repo::root().join(PAGE), &page).context(PAGE)?;
    println!("{page}wrote {PAGE}");
    Ok(0)
}

/// `[--seeds N] [--presets A,B]`
fn arguments(args: &[String]) -> Result<(u64, Vec<String>)> {
    let mut seeds = 3;
    let mut presets: Vec<String> = ROWS.map(str::to_owned).to_vec();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seeds" => {
                let value = args.next().context("--seeds wants a number")?;
                seeds = value.parse().with_context(|| format!("--seeds {value}"))?;
            }
            "--presets" => {
                let value =
                    args.next().context("--presets wants names with commas between them")?;
                presets = value.split(',').map(str::to_owned).collect();
            }
            other => bail!("unknown argument `{other}`; there are --seeds N and --presets A,B"),
        }
    }
    let known = train::presets()?;
    if let Some(wrong) = presets.iter().find(|preset| !known.contains(preset)) {
        bail!("no preset `{wrong}`; there are {}", known.join(", "));
    }
    Ok((seeds, presets))
}

fn folder(preset: &str, seed: u64) -> String {
    format!("{RUNS}/{preset}-seed{seed}")
}

/// Trains one run; what an interrupted one left is written over.
fn train_one(preset: &str, seed: u64) -> Result<u8> {
    let (folder, seed) = (folder(preset, seed), seed.to_string());
    let mut args = vec![preset.to_owned()];
    args.extend(
        ["--seed", &seed, "--run-dir", &folder, "--force", "--verbose", "2"].map(str::to_owned),
    );
    train::run(&args)
}

/// Reads a run's numbers; `None` if it is not there or not finished.
fn read_run(preset: &str, seed: u64) -> Result<Option<Run>> {
    let folder = repo::root().join(folder(preset, seed));
    let read = |name: &str| -> Result<Option<Value>> {
        match fs::read_to_string(folder.join(name)) {
            Ok(text) => Ok(Some(
                serde_json::from_str(&text)
                    .with_context(|| format!("{preset}, seed {seed}: {name}"))?,
            )),
            Err(_) => Ok(None),
        }
    };
    let Some(history) = read("history.json")? else { return Ok(None) };
    let number = |value: &Value| {
        value.as_f64().with_context(|| format!("{preset}, seed {seed}: a number is missing"))
    };
    let Some(train_accuracy) =
        history["history"]["accuracy"].as_array().and_then(|epochs| epochs.last())
    else {
        return Ok(None);
    };
    if history["test"].is_null() {
        return Ok(None);
    }
    let rates: Vec<f64> = history["images_per_second"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_f64)
        .collect();
    Ok(Some(Run {
        seed,
        test_accuracy: number(&history["test"]["accuracy"])?,
        test_loss: number(&history["test"]["loss"])?,
        train_accuracy: number(train_accuracy)?,
        images_per_second: mean(&rates),
    }))
}

/// The number of a preset's parameters, from the program itself.
fn parameters(preset: &str) -> Result<u64> {
    let file = train::preset_file(preset);
    let output = Command::new("cargo")
        .args([
            "run",
            "--release",
            "--quiet",
            "-p",
            "cnn-cli",
            "--",
            "summary",
            &file,
            "--format",
            "json",
        ])
        .current_dir(repo::root())
        .output()
        .context("`cargo` cannot be started")?;
    let summary: Value =
        serde_json::from_slice(&output.stdout).with_context(|| format!("cnn summary {file}"))?;
    summary["totals"]["params"]
        .as_u64()
        .with_context(|| format!("cnn summary {file} names no parameters"))
}

/// The page, from every run that is there.
fn page(seeds: u64) -> Result<String> {
    let keras: Value = serde_json::from_str(&repo::read(KERAS)?).context(KERAS)?;
    let mut table = String::new();
    let mut single = String::new();
    for preset in ROWS {
        let mut runs = Vec::new();
        for seed in 1..=seeds {
            runs.extend(read_run(preset, seed)?);
        }
        if runs.is_empty() {
            continue;
        }
        let _ = writeln!(
            table,
            "| `{preset}` | {} | {} | {} | {} | {} | {:.4} | {} |",
            thousands(parameters(preset)?),
            spread(&runs.iter().map(|run| run.test_accuracy).collect::<Vec<_>>()),
            of_keras(&keras["presets"][preset]),
            of_keras(&keras["fresh_order"][preset]),
            keras["course"]["test_accuracy"][preset]
                .as_f64()
                .map_or_else(|| "–".to_owned(), |accuracy| format!("{accuracy:.4}")),
            mean(&runs.iter().map(|run| run.train_accuracy).collect::<Vec<_>>()),
            thousands(
                mean(&runs.iter().map(|run| run.images_per_second).collect::<Vec<_>>()) as u64
            ),
        );
        for run in &runs {
            let _ = writeln!(
                single,
                "| `{preset}` | {} | {:.4} | {:.4} | {:.4} |",
                run.seed, run.test_loss, run.test_accuracy, run.train_accuracy
            );
        }
    }
    if table.is_empty() {
        bail!("{RUNS} holds no finished run");
    }
    Ok(format!(
        "# Results

This page is written by `cargo xtask results --seeds {seeds}`; every number is read from the runs' files.

Fashion-MNIST, 60,000 training images, 5 epochs, Adam with its defaults, batch 32, no augmentation, no validation split: the
course's setting. Test accuracy is measured once, after the last epoch, on the 10,000 test images. Mean ± sample standard deviation
over seeds. Keras's numbers: `{KERAS}`. The course's: one run each. Training accuracy is the last epoch's running mean.

| preset | parameters | test accuracy | Keras | Keras, new order | course | training accuracy | images/s |
|---|---|---|---|---|---|---|---|
{table}
Ours lies a little above Keras's, for a reason that can be seen: with its seed set, Keras takes the images in the same order in
every epoch (`python data/golden/keras_shuffle.py`), which fits the training images faster and the test images worse. Ours shuffles
anew in every epoch; told not to (`cnn train dnn --no-shuffle`), it lands where Keras does, and Keras made to shuffle anew
(`python data/golden/keras_reference.py --fresh-order PRESET`) comes close to ours: the column of that name. At the same weights both compute the same
(`python data/golden/compare_keras.py --each-step`).

The test set alone gives each number a standard error of about ± 0.003, and a seed moves it by as much again: rows that differ by
less than 0.01 are not to be ranked by one run each.

Images per second, training, mean over the epochs, on {}, with other work beside some of the runs: an order of magnitude, not a
benchmark.

## Run by run

| preset | seed | test loss | test accuracy | training accuracy |
|---|---|---|---|---|
{single}",
        machine()
    ))
}

/// Keras's mean and spread for a preset.
fn of_keras(preset: &Value) -> String {
    let Some(mean) = preset["test_accuracy_mean"].as_f64() else { return "–".to_owned() };
    match preset["test_accuracy_sd"].as_f64() {
        Some(sd) => format!("{mean:.4} ± {sd:.4}"),
        None => format!("{mean:.4} (one run)"),
    }
}

/// Mean ± sample standard deviation.
fn spread(values: &[f64]) -> String {
    let mean = mean(values);
    if values.len() < 2 {
        return format!("{mean:.4} (one run)");
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let sd = (squares / (values.len() - 1) as f64).sqrt();
    format!("{mean:.4} ± {sd:.4}")
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The processor's name and the number of threads.
fn machine() -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .and_then(|line| line.split(':').nth(1));
    format!("{} with {threads} threads", model.map_or("an unnamed processor", str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_the_sample_standard_deviation() {
        assert_eq!(spread(&[0.89, 0.90, 0.91]), "0.9000 ± 0.0100");
        assert_eq!(spread(&[0.9]), "0.9000 (one run)");
    }

    #[test]
    fn thousands_have_commas() {
        assert_eq!([thousands(999), thousands(1_386_506)], ["999", "1,386,506"]);
    }

    #[test]
    fn every_row_is_a_preset() {
        let known = train::presets().unwrap();
        assert!(ROWS.iter().all(|name| known.iter().any(|preset| preset == name)));
        assert!(arguments(&["--presets".to_owned(), "cnn23".to_owned()]).is_err());
    }
}

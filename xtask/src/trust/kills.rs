//! `cargo xtask trust --kills N`: training is killed with SIGKILL again and again, at moments that differ from round to round, and resumed;
//! every run must end with the weights, the history and the files of the run that nobody killed.

use crate::repo;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where the runs go, from the root.
const FOLDER: &str = "target/trust";

/// Kills of one run before it is left in peace.
const PER_RUN: usize = 20;

const MODEL: &str = r#"name = "trust"
input = [28, 28, 1]

[[layers]]
type = "RandomTranslation"
height_factor = 0.1
width_factor = 0.1

[[layers]]
type = "Conv2D"
filters = 8
kernel_size = 3
strides = 2

[[layers]]
type = "BatchNormalization"

[[layers]]
type = "Activation"
activation = "relu"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dropout"
rate = 0.3

[[layers]]
type = "Dense"
units = 10
activation = "softmax"

[compile]
optimizer = { type = "Adam", use_ema = true }

[fit]
epochs = 30
validation_split = 0.2
mixup = 0.2
eval_test = true

[[callbacks]]
type = "EarlyStopping"
patience = 20
restore_best_weights = true

[[callbacks]]
type = "ReduceLROnPlateau"
patience = 2

[[callbacks]]
type = "ModelCheckpoint"
filepath = "best.cnn"
save_best_only = true

[[callbacks]]
type = "CSVLogger"
filename = "log.csv"
"#;

/// Kills so often, and says how it went.
pub(super) fn run(kills: usize) -> Result<u8> {
    let program = repo::build(&repo::root(), &["-p", "cnn-cli"], "cnn")?;
    let folder = repo::root().join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("{FOLDER} cannot be emptied"))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("{FOLDER} cannot be made"))?;
    fs::write(folder.join("model.toml"), MODEL)?;

    let begin = Instant::now();
    ensure!(train(&program, "whole", &["--checkpoint-every", "1"], None)?, "the run itself fails");
    let (length, whole) = (begin.elapsed(), outcome(&folder.join("whole"))?);
    let (mut done, mut runs) = (0, 0);
    while done < kills {
        let name = format!("run{runs}");
        for kill in 0..PER_RUN.min(kills - done) {
            // Spread over the time of a whole run, differently in every run.
            let part = ((done + kill) * 7919 % 997) as f64 / 997.0;
            let delay = length.mul_f64(part * 0.5);
            let every = ["--checkpoint-every", ["1", "7", "auto"][runs % 3]];
            train(&program, &name, &every, Some(delay))?;
        }
        ensure!(train(&program, &name, &[], None)?, "{name} cannot be resumed");
        let found = outcome(&folder.join(&name))?;
        ensure!(found == whole, "{FOLDER}/{name} did not end as {FOLDER}/whole");
        done += PER_RUN.min(kills - done);
        runs += 1;
        println!("  {done} kills, {runs} runs: the same bits");
    }
    println!("OK: {done} kills in {runs} runs, weights {}", whole.0);
    Ok(0)
}

/// Trains or resumes, and kills the process after so long. Whether it came to its end.
fn train(program: &Path, name: &str, more: &[&str], kill: Option<Duration>) -> Result<bool> {
    let (model, run) = (format!("{FOLDER}/model.toml"), format!("{FOLDER}/{name}"));
    let train = ["train", &model, "--data", "fashion-mnist", "--limit", "500", "--run-dir", &run];
    let mut child = Command::new(program)
        .args(train)
        .args(["--resume", "--verbose", "0"])
        .args(more)
        .current_dir(repo::root())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cnn cannot be started")?;
    if let Some(delay) = kill {
        std::thread::sleep(delay);
        child.kill().context("cnn cannot be killed")?;
    }
    Ok(child.wait()?.success())
}

/// What has to be equal: the weights' hash, the history without its times, the best model and the logger's file.
fn outcome(run: &Path) -> Result<(String, Value, Vec<u8>, Vec<u8>)> {
    let bytes = |name: &str| {
        let path = run.join(name);
        fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))
    };
    let mut history: Value = serde_json::from_slice(&bytes("history.json")?)?;
    if let Some(history) = history.as_object_mut() {
        history.remove("seconds");
        history.remove("images_per_second");
    }
    let info: Value = serde_json::from_slice(&bytes("run.json")?)?;
    ensure!(info["finished"] == true, "{} is not finished", run.display());
    let hash = info["weights_hash"].as_str().unwrap_or_default().to_owned();
    Ok((hash, history, bytes("best.cnn")?, bytes("log.csv")?))
}

//! `cargo xtask tensorboard`: what the callback `TensorBoard` writes, read back by TensorBoard itself.

use crate::repo;
use anyhow::{Context, Result, bail};
use std::fs;

/// Where the run goes, from the root.
const FOLDER: &str = "target/tensorboard";

/// Images of Fashion-MNIST for training, and for the test.
const LIMIT: &str = "400";

const MODEL: &str = r#"name = "tensorboard"
input = [28, 28, 1]

[[layers]]
type = "Conv2D"
filters = 4
kernel_size = 3
strides = 2
activation = "relu"

[[layers]]
type = "Conv2D"
filters = 6
kernel_size = 3
activation = "relu"

[[layers]]
type = "MaxPooling2D"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 10
activation = "softmax"

[fit]
epochs = 3
validation_split = 0.1

[[callbacks]]
type = "TensorBoard"
histogram_freq = 1
update_freq = 1
write_images = true

[[callbacks]]
type = "LearningRateScheduler"
rates = [[0, 1e-3], [2, 1e-4]]
"#;

/// Trains a little with the callback and compares its files with the run; says so where there is no Python with TensorBoard.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (python, asked) = match args[..] {
        [] => ("python3", false),
        ["--python", python] => (python, true),
        _ => bail!("`cargo xtask tensorboard` takes [--python EXE]"),
    };
    if !asked && !repo::answers(python) {
        println!("  skipped: no python3, so the event files are not read by TensorBoard");
        return Ok(0);
    }
    if repo::status(python, &["-c", "import tensorboard, numpy"], &[])? != 0 {
        println!(
            "  skipped: {python} has no TensorBoard (pip install tensorboard==2.21.0 numpy), so it does not read the event files"
        );
        return Ok(0);
    }
    let folder = repo::root().join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("{FOLDER} cannot be made"))?;
    fs::write(folder.join("model.toml"), MODEL)?;
    let (model, run) = (format!("{FOLDER}/model.toml"), format!("{FOLDER}/run"));
    let train = ["run", "--quiet", "-p", "cnn-cli", "--", "train", &model];
    let data = ["--data", "fashion-mnist", "--limit", LIMIT];
    let place = ["--run-dir", &run, "--force", "--verbose", "0"];
    match repo::status("cargo", &[&train[..], &data, &place].concat(), &[])? {
        0 => repo::status(python, &["xtask/tensorboard/check_events.py", &run], &[]),
        code => Ok(code),
    }
}

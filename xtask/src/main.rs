//! The project's own commands: `cargo xtask check` and what it is made of.
//!
//! It uses no crate of the workspace: it runs `cargo` and `cnn` as a person would, and prints every line it runs, so that
//! the lines can be learned.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command for people at a terminal"
)]

mod bench;
mod check;
mod document;
mod experiment;
mod golden;
mod instructions;
mod miri;
mod new_layer;
mod page;
mod reference;
mod repo;
mod sweep;
mod tensorboard;
mod tidy;
mod train;
mod trust;

use anyhow::Result;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  check                     everything CI runs, cheapest first: fmt, tidy, clippy, tests, docs, page
  page                      the page of `cnn report` in headless Chromium: no console errors, the run's own numbers
  tidy                      the house rules alone (docs, arrows, invariants, unsafe), in a second
  train [PRESET] [ARGS…]    train a preset of the course on Fashion-MNIST and write a run folder (default: cnn32)
  train --list              the presets
  reference                 write docs/reference again (the pages, and the JSON Schemas that editors use)
  new-layer NAME            start a layer: its file from a template, its `mod` line and its registry line
  experiment [NAME] [ARGS…] train an experiment (default: course; resumable) and write its part of docs/results.md
  instructions [WORK…]      count the instructions of the kernels and of a training step (needs valgrind), compare with the
                            budget in xtask/instructions.toml; --update writes the budget
  sweep [ARGS…]             training speed against channels, batch, kernel and image size: table, CSV, charts and cliffs;
                            --rounds N, --threads, --windows and --window as in `cnn bench`, --cnn FILE measures another build
  bench --against-peers     cnn beside Keras, PyTorch, JAX, ONNX Runtime, Burn and Candle, in turns, and the ratios
                            [--python EXE] [--rounds 5] [--seconds 2] [--threads 2] [--only W1,W2] [--peers torch,jax]
                            [--output runs/bench] [--cnn PROGRAM] [--force]; needs Python: xtask/peers/README.md
  tensorboard [--python EXE] train a little with the callback TensorBoard; TensorBoard's own reader finds the run's numbers
  golden [--python EXE] [NAME] run data/golden/make_*.py, or those with NAME in their names: the golden files again, with Keras;
                            needs `pip install -r data/golden/requirements.txt`
  trust                     every fault of a save, every bad file, every flipped bit, then --kills 200;
                            --kills N kills training with SIGKILL at so many moments, resumes it, and demands equal bits of
                            every run; --fuzz SECONDS mutates files for every parser, --models N trains so many random models
  miri                      the thread pool, the scalar kernels on small shapes and two parsers in Rust's interpreter, which finds
                            every step out of bounds and every data race; needs a nightly toolchain with miri

Each command prints the plain cargo lines that it runs. ARCHITECTURE.md says where things are.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one command and returns its exit code.
fn run(args: &[String]) -> Result<u8> {
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", args),
    };
    match command {
        "check" => check::run(rest),
        "page" => page::run(rest),
        "tidy" => tidy::run(),
        "train" => train::run(rest),
        "reference" => reference::run(rest),
        "new-layer" => new_layer::run(rest),
        "experiment" => experiment::run(rest),
        "instructions" => instructions::run(rest),
        "sweep" => sweep::run(rest),
        "bench" => bench::run(rest),
        "tensorboard" => tensorboard::run(rest),
        "trust" => trust::run(rest),
        "miri" => miri::run(rest),
        "golden" => golden::run(rest),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(0)
        }
        other => {
            eprintln!("error: no command `{other}`\n\n{HELP}");
            Ok(2)
        }
    }
}

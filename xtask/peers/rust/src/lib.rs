//! What the Rust peers share: arguments, the network, Fashion-MNIST, clocks, and the one JSON line that each prints. The same as
//! `common.py` beside this folder does for the Python peers.

mod data;
mod network;

pub use data::{Batches, PIXELS, Split};
pub use network::{Convolution, Network};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::time::Instant;

/// Of Adam.
pub const LEARNING_RATE: f64 = 1e-3;

/// The middle of so many figures counts.
const WINDOWS: usize = 5;

/// A framework at work on one network.
pub trait Peer {
    /// One step of the optimizer on images `[n, 1, 28, 28]`. May return before its work is done.
    fn step(&mut self, images: Vec<f32>, labels: &[u8]) -> Result<()>;

    /// Waits for what was started, and returns the loss of the last step.
    fn sync(&mut self) -> Result<f32>;

    /// Probabilities `[n, 10]` of images `[n, 1, 28, 28]`.
    fn answer(&mut self, images: &[f32]) -> Result<Vec<f32>>;
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Many steps, timed.
    Train,
    /// Many questions, timed.
    Infer,
    /// The first step, as soon as possible.
    Cold,
}

/// The command line.
struct Args {
    network: String,
    mode: String,
    batch: usize,
    threads: usize,
    seconds: f64,
}

impl Args {
    fn read() -> Result<Self> {
        let (network, mode) = ("cnn32".to_owned(), "train".to_owned());
        let mut args = Self { network, mode, batch: 32, threads: 2, seconds: 2.0 };
        let mut words = std::env::args().skip(1);
        while let Some(name) = words.next() {
            let value = words.next().with_context(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--network" => args.network = value,
                "--mode" => args.mode = value,
                "--batch" => args.batch = value.parse()?,
                "--threads" => args.threads = value.parse()?,
                "--seconds" => args.seconds = value.parse()?,
                _ => bail!("unknown option {name}"),
            }
        }
        Ok(args)
    }
}

/// Does what the command line says with what `make` builds, and prints the JSON line. The threads are set by the environment:
/// `RAYON_NUM_THREADS` and `MATMUL_NUM_THREADS`.
pub fn run<P: Peer>(versions: Value, make: impl Fn(&Network, Mode) -> Result<P>) -> Result<()> {
    let args = Args::read()?;
    let mode = match args.mode.as_str() {
        "train" => Mode::Train,
        "infer" => Mode::Infer,
        "cold" => Mode::Cold,
        other => bail!("unknown mode {other}"),
    };
    let split = Split::load(if mode == Mode::Infer { "t10k" } else { "train" })?;
    let mut peer = make(&Network::read(&args.network)?, mode)?;
    let mut line = json!({
        "schema": 1, "versions": versions, "model": args.network, "mode": args.mode, "batch_size": args.batch,
        "threads": args.threads, "settings": {"allocator": "mimalloc", "target-cpu": "native"},
    });
    let figures = match mode {
        Mode::Train => train(&args, &mut peer, &split)?,
        Mode::Infer => infer(&args, &mut peer, &split)?,
        Mode::Cold => cold(&args, &mut peer, &split)?,
    };
    for (key, value) in figures.as_object().into_iter().flatten() {
        line[key] = value.clone();
    }
    line["peak_memory_bytes"] = json!(peak_memory()?);
    println!("{line}");
    Ok(())
}

fn train(args: &Args, peer: &mut impl Peer, split: &Split) -> Result<Value> {
    let mut batches = Batches::new(split, args.batch);
    let mut window = |seconds: f64| -> Result<f64> {
        let (begin, mut steps) = (Instant::now(), 0);
        while steps == 0 || begin.elapsed().as_secs_f64() < seconds {
            let (images, labels) = batches.next();
            peer.step(images, &labels)?;
            steps += 1;
            if steps % 20 == 0 {
                peer.sync()?;
            }
        }
        peer.sync()?;
        Ok((steps * args.batch) as f64 / begin.elapsed().as_secs_f64())
    };
    window(args.seconds / 2.0)?;
    let mut figures = Vec::new();
    for _ in 0..WINDOWS {
        figures.push(window(args.seconds / WINDOWS as f64)?);
    }
    let rate = quantile(&figures, 0.5);
    Ok(json!({"images_per_second": rate, "windows": figures, "loss": peer.sync()?}))
}

fn infer(args: &Args, peer: &mut impl Peer, split: &Split) -> Result<Value> {
    let images = split.scaled();
    let (mut took, begin) = (Vec::new(), Instant::now());
    for batch in images.chunks_exact(args.batch * PIXELS).cycle() {
        let (start, since) = (Instant::now(), begin.elapsed().as_secs_f64());
        peer.answer(batch)?;
        if since >= args.seconds / 2.0 {
            took.push(start.elapsed().as_secs_f64());
        }
        if since >= args.seconds * 1.5 {
            break;
        }
    }
    let [median, p99] = [0.5, 0.99].map(|q| quantile(&took, q));
    Ok(json!({
        "images_per_second": args.batch as f64 / median,
        "latency_us": {"questions": took.len(), "median": 1e6 * median, "p99": 1e6 * p99},
    }))
}

fn cold(args: &Args, peer: &mut impl Peer, split: &Split) -> Result<Value> {
    let (images, labels) = Batches::new(split, args.batch).next();
    peer.step(images, &labels)?;
    peer.sync()?;
    Ok(json!({}))
}

/// The value below which a share `q` of the values lies.
fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((q * (sorted.len() - 1) as f64).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Bytes that this process had in memory at most.
fn peak_memory() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 =
        line.and_then(|line| line.split_whitespace().next()).context("VmHWM")?.parse()?;
    Ok(1024 * kib)
}

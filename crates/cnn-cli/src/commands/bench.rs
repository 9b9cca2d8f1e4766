//! `cnn bench`: how fast a model trains or answers here, and where the time goes.

use crate::args::Format;
use crate::failure::Failure;
use crate::{environment, files, fits, output, report};
use cnn_data::{Images, Split};
use cnn_nn::Model;
use cnn_nn::engine::{PartTime, Profile, peak_multiply_adds};
use cnn_train::{
    BenchOptions, Config, Overrides, TrainError, TrainOptions, Trainer, median, quantile,
};
use ndarray::Array4;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  cnn bench cnn32 --data fashion-mnist
  cnn bench model.toml --batch-size 128 --threads 1
  cnn bench cnn64 --infer --batch-size 1 --format json";

/// What `cnn bench` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A model.toml, or the name of a preset.
    model: String,

    /// Images to work on: a name (fashion-mnist, mnist), a folder or a file (see `cnn --help`). Default: made-up ones, half of
    /// their pixels black. What a network sees changes how many zeros its kernels can skip.
    #[arg(long, value_name = "DATA")]
    data: Option<String>,

    /// Images per step, or per question with --infer; default the model.toml's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    batch_size: Option<u32>,

    /// Threads; 0 takes what the machine has.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: u16,

    /// Measure answering instead of training.
    #[arg(long)]
    infer: bool,

    /// How often to measure; the middle of these figures counts.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=1000))]
    windows: u16,

    /// Milliseconds to measure each time, and before the first.
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=600_000))]
    window: u32,

    /// The result as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What was measured.
struct Result {
    /// Images per second, one figure per window; of answering, one per question.
    rates: Vec<f64>,
    /// Seconds per question; empty for training.
    seconds: Vec<f64>,
    /// Multiply-adds per second that the processor could do.
    peak: f64,
    /// Multiply-adds for each image.
    macs: u64,
    profile: Profile,
    peak_memory: Option<u64>,
}

/// Where it was measured.
struct Setting<'a> {
    args: &'a Args,
    model: &'a Model,
    data: &'a str,
    batch: usize,
    threads: usize,
    isa: &'static str,
}

/// Measures, then tells.
pub(crate) fn run(args: &Args) -> std::result::Result<(), Failure> {
    let source = files::model(&args.model)?;
    let overrides =
        Overrides { batch_size: args.batch_size.map(|n| n as usize), ..Overrides::default() };
    let (config, warnings) = Config::from_toml_with(&source.name, &source.text, overrides)
        .map_err(|found| Failure::mistakes(&found))?;
    output::note(&report::diagnostics(&warnings));
    let model = config.model.build().map_err(TrainError::from)?;
    let (data, images) = match &args.data {
        Some(name) => {
            let data = environment::load_for(name, model.input().dims())?;
            fits::check(&source, &model, &data)?;
            (data.name, data.train)
        }
        None => ("made-up images".to_owned(), made_up(&model, config.fit.batch_size)),
    };
    let (threads, isa) = (environment::threads(args.threads), environment::isa()?);
    let options = TrainOptions { threads, isa, ..TrainOptions::default() };
    let mut trainer = Trainer::new(&config, model.clone(), options)?;
    let setting = Setting {
        args,
        model: &model,
        data: &data,
        batch: config.fit.batch_size.min(images.len()),
        threads,
        isa: isa.name(),
    };
    let result = measure(&setting, &mut trainer, &images)?;
    let text = match args.format {
        Format::Json => json_of(&setting, &result).to_string() + "\n",
        Format::Text => text_of(&setting, &result),
    };
    output::result(&text)
}

/// The processor's peak is taken before and after, because it changes with what else runs; the better one counts.
fn measure(
    setting: &Setting<'_>,
    trainer: &mut Trainer,
    images: &Split,
) -> std::result::Result<Result, Failure> {
    let (args, isa) = (setting.args, environment::isa()?);
    let window = Duration::from_millis(u64::from(args.window));
    let options = BenchOptions { windows: usize::from(args.windows), window, warm_up: window };
    let before = peak_multiply_adds(isa, setting.threads);
    let (rates, seconds) = if args.infer {
        let seconds = trainer.bench_inference(images, setting.batch, &options)?;
        (seconds.iter().map(|s| setting.batch as f64 / s).collect(), seconds)
    } else {
        (trainer.bench_training(images, &options)?, Vec::new())
    };
    // As long as one window, roughly.
    let steps = median(&rates) / setting.batch as f64 / setting.threads as f64;
    let steps = (steps * window.as_secs_f64()).clamp(3.0, 1e5);
    let profile = trainer.profile_training(images, steps as usize)?;
    let peak = peak_multiply_adds(isa, setting.threads).max(before);
    let macs = if args.infer { setting.model.macs() } else { profile.macs() };
    let peak_memory = environment::peak_memory();
    Ok(Result { rates, seconds, peak, macs, profile, peak_memory })
}

/// Images of the model's input size, half of their pixels black, with a label for each output.
fn made_up(model: &Model, batch: usize) -> Split {
    let dims = model.input().dims();
    let shape: [usize; 3] = std::array::from_fn(|i| dims.get(i).copied().unwrap_or(1));
    let n = 1024.max(4 * batch);
    let pixel = |(i, y, x, c): (usize, usize, usize, usize)| {
        let at = ((i * shape[0] + y) * shape[1] + x) * shape[2] + c;
        // Fibonacci hashing: the high bits look random, and are the same everywhere.
        let hash = (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
        if hash & 0x100 == 0 { 0 } else { hash as u8 }
    };
    let images = Array4::from_shape_fn((n, shape[0], shape[1], shape[2]), pixel);
    let labels = (0..n).map(|i| (i % model.classes()) as u32).collect();
    Split { images: Images::U8(images), labels }
}

/// Two operations for each multiply-add.
fn gflops(macs: u64, images: f64, seconds: f64) -> f64 {
    2.0 * macs as f64 * images / seconds.max(1e-12) / 1e9
}

/// The layers' names: `conv2d + max_pooling2d`.
fn name(model: &Model, part: &PartTime) -> String {
    let names: Vec<&str> =
        model.layers()[part.layers.clone()].iter().map(|layer| layer.name.as_str()).collect();
    names.join(" + ")
}

fn text_of(setting: &Setting<'_>, result: &Result) -> String {
    let (args, rate) = (setting.args, median(&result.rates));
    let doing = if args.infer { "answering" } else { "training" };
    let plural = if setting.threads == 1 { "" } else { "s" };
    let (speed, peak) = (gflops(result.macs, rate, 1.0), 2.0 * result.peak / 1e9);
    let mut text = format!(
        "{}: {doing}, batch {}, {} thread{plural}, {}, {}\n  {rate:.0} images/s",
        setting.model.name(),
        setting.batch,
        setting.threads,
        setting.isa,
        setting.data
    );
    if args.infer {
        let [median, p99] = [0.5, 0.99].map(|q| 1e6 * quantile(&result.seconds, q));
        let _ = writeln!(
            text,
            " (median of {} questions)\n  {median:.1} µs per question, 99 of 100 within {p99:.1} µs",
            result.seconds.len()
        );
    } else {
        let [low, high] = [0.0, 1.0].map(|q| quantile(&result.rates, q));
        let (windows, ms) = (args.windows, args.window);
        let _ = writeln!(text, " (median of {windows} windows of {ms} ms; {low:.0} to {high:.0})");
    }
    let _ = writeln!(
        text,
        "  {speed:.1} GFLOP/s, {:.0} % of the {peak:.0} that {} thread{plural} can do in registers",
        100.0 * speed / peak,
        setting.threads
    );
    if let Some(bytes) = result.peak_memory {
        let _ = writeln!(text, "  {:.0} MB of memory at most, data included", bytes as f64 / 1e6);
    }
    text + &parts_of(setting, &result.profile)
}

/// The table of parts.
fn parts_of(setting: &Setting<'_>, profile: &Profile) -> String {
    let infer = setting.args.infer;
    let images = profile.images as f64;
    let us = |time: Duration| 1e6 * time.as_secs_f64() / images;
    let mut text = String::from(
        "\nWhere the time goes, on one thread: µs per image, and GFLOP/s as the plain algorithm has them\n",
    );
    let mut line = |cells: [String; 6]| {
        let [name, cells @ ..] = cells;
        let shown = if infer { &cells[..2] } else { &cells[..] };
        let _ = write!(text, "  {name:<36}");
        for cell in shown {
            let _ = write!(text, "{cell:>10}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    };
    line(["part", "forward", "GFLOP/s", "backward", "GFLOP/s", "update"].map(str::to_owned));
    let speed = |macs: u64, time: Duration| {
        if macs == 0 {
            String::new()
        } else {
            format!("{:.1}", gflops(macs, images, time.as_secs_f64()))
        }
    };
    let only = |time: Duration| format!("{:.2}", us(time));
    let none = String::new;
    line(["images".to_owned(), only(profile.feed), none(), none(), none(), none()]);
    for part in &profile.parts {
        line([
            name(setting.model, part),
            only(part.forward),
            speed(part.macs_forward, part.forward),
            only(part.backward),
            speed(part.macs_backward, part.backward),
            only(part.update),
        ]);
    }
    if !infer {
        line(["loss".to_owned(), only(profile.loss), none(), none(), none(), none()]);
        line(["weights packed".to_owned(), none(), none(), none(), none(), only(profile.pack)]);
    }
    text
}

fn json_of(setting: &Setting<'_>, result: &Result) -> Value {
    let rate = median(&result.rates);
    let images = result.profile.images as f64;
    let us = |time: Duration| 1e6 * time.as_secs_f64() / images;
    let part = |part: &PartTime| {
        json!({
            "name": name(setting.model, part),
            "layers": part.layers.clone().collect::<Vec<_>>(),
            "macs_forward": part.macs_forward, "macs_backward": part.macs_backward,
            "forward_us": us(part.forward), "backward_us": us(part.backward), "update_us": us(part.update),
        })
    };
    let speed = gflops(result.macs, rate, 1.0);
    let mut answer = json!({
        "schema": 1,
        "model": setting.model.name(), "parameters": setting.model.param_count(), "data": setting.data,
        "mode": if setting.args.infer { "infer" } else { "train" },
        "batch_size": setting.batch, "threads": setting.threads, "isa": setting.isa,
        "images_per_second": rate,
        "images_per_second_min": quantile(&result.rates, 0.0),
        "images_per_second_max": quantile(&result.rates, 1.0),
        "macs": result.macs, "gflops": speed,
        "peak_gflops": 2.0 * result.peak / 1e9, "share_of_peak": speed * 1e9 / (2.0 * result.peak),
        "peak_memory_bytes": result.peak_memory,
        "profile": {
            "threads": 1, "steps": result.profile.steps,
            "feed_us": us(result.profile.feed), "pack_us": us(result.profile.pack), "loss_us": us(result.profile.loss),
            "parts": result.profile.parts.iter().map(part).collect::<Vec<_>>(),
        },
    });
    if setting.args.infer {
        let [median, p99] = [0.5, 0.99].map(|q| 1e6 * quantile(&result.seconds, q));
        answer["latency_us"] =
            json!({ "questions": result.seconds.len(), "median": median, "p99": p99 });
    } else {
        answer["windows"] = json!(result.rates);
    }
    answer
}

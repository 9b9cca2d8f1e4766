//! `cargo xtask sweep`: how the speed of training depends on the sizes of a network. One number changes at a time: channels,
//! batch, kernel, image. A size at which the speed falls below half of the next smaller size's is a cliff: someone's network
//! will have it.
//!
//! It writes model files, runs `cnn bench` on each, and leaves table, CSV and charts in `target/sweep`. If docs/performance.md has the
//! lines `<!-- sweep:begin -->` and `<!-- sweep:end -->`, the table and the charts go there too.

mod figures;
mod grid;

use crate::{document, repo};
use anyhow::{Context, Result, bail};
use figures::{Speed, Sweep};
use grid::{AXES, Axis, Shape};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Where everything is written, from the root.
const FOLDER: &str = "target/sweep";

const PAGE: &str = "docs/performance.md";
const IMAGES: &str = "docs/images";

/// What `cnn bench` takes, each with a value.
const BENCH: [&str; 3] = ["--threads", "--windows", "--window"];

const USAGE: &str =
    "cargo xtask sweep [--rounds N] [--threads N] [--windows N] [--window MS] [--cnn FILE]";

/// Measures every network, then writes.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    let options = Options::parse(args)?;
    let program = match &options.cnn {
        Some(file) => fs::canonicalize(file).with_context(|| format!("--cnn {file}"))?,
        None => repo::build(&repo::root(), &["-p", "cnn-cli"], "cnn")?,
    };
    fs::create_dir_all(repo::root().join(FOLDER)).context(FOLDER)?;
    let networks = grid::networks();
    let speeds = measure(&program, &networks, &options)?;
    let speed = |wanted: &str| {
        let at = networks.iter().position(|(name, _)| name == wanted);
        at.map(|at| speeds[at]).with_context(|| format!("{wanted} was not measured"))
    };
    let mut csv = figures::CSV_HEAD.to_owned();
    for ((name, _), speed) in networks.iter().zip(&speeds) {
        csv += &figures::csv_row(name, speed);
    }
    write(&format!("{FOLDER}/sweep.csv"), &csv)?;
    let of = |axis: &'static Axis| -> Result<Sweep> {
        let speeds = axis.values.iter().map(|value| speed(&axis.shape(*value).name()));
        Ok(Sweep { axis, speeds: speeds.collect::<Result<_>>()? })
    };
    let sweeps = AXES.iter().map(of).collect::<Result<Vec<_>>>()?;
    for sweep in &sweeps {
        chart(sweep, options.threads())?;
    }
    let block = block(&sweeps, &speed(grid::RESNET_LIKE)?, &options);
    write(&format!("{FOLDER}/table.md"), &block)?;
    println!("{block}");
    publish(&block)?;
    Ok(0)
}

/// How to measure.
struct Options {
    /// The program to measure, if not this checkout's.
    cnn: Option<String>,
    /// How often everything is measured.
    rounds: u32,
    /// For `cnn bench`.
    bench: Vec<String>,
}

impl Options {
    fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self { cnn: None, rounds: 3, bench: Vec::new() };
        let mut args = args.iter();
        while let Some(flag) = args.next() {
            let Some(value) = args.next() else { bail!("usage: {USAGE}") };
            match flag.as_str() {
                "--cnn" => options.cnn = Some(value.clone()),
                "--rounds" => {
                    let rounds = value.parse().ok().filter(|rounds| (1..=100).contains(rounds));
                    options.rounds = rounds.context("--rounds takes a number from 1 to 100")?;
                }
                known if BENCH.contains(&known) => {
                    options.bench.extend([flag.clone(), value.clone()]);
                }
                _ => bail!("usage: {USAGE}"),
            }
        }
        // One thread unless asked otherwise: then the layers' speeds can be compared with that of the whole step.
        if !options.bench.iter().any(|arg| arg == "--threads") {
            options.bench.extend(["--threads".to_owned(), "1".to_owned()]);
        }
        Ok(options)
    }

    fn threads(&self) -> &str {
        let at = self.bench.iter().position(|arg| arg == "--threads");
        at.and_then(|at| self.bench.get(at + 1)).map_or("1", String::as_str)
    }
}

/// The best speed of each network. Everything is measured before anything is measured again, so that a slow minute of the
/// machine does not make a slow network.
fn measure(program: &Path, networks: &[(String, String)], options: &Options) -> Result<Vec<Speed>> {
    let mut best: Vec<Option<Speed>> = vec![None; networks.len()];
    for round in 1..=options.rounds {
        println!("round {round} of {}: {} networks", options.rounds, networks.len());
        for ((name, text), best) in networks.iter().zip(&mut best) {
            let speed = bench(program, name, text, options)?;
            println!("  {name}: {:.0} images/s, {:.1} GFLOP/s", speed.images, speed.step);
            *best = Some(best.map_or(speed, |best| best.or(&speed)));
        }
    }
    Ok(best.into_iter().flatten().collect())
}

/// Measures one network once.
fn bench(program: &Path, name: &str, text: &str, options: &Options) -> Result<Speed> {
    let file = format!("{FOLDER}/{name}.toml");
    write(&file, text)?;
    let mut args = vec!["bench", &file, "--format", "json"];
    args.extend(options.bench.iter().map(String::as_str));
    let answer = repo::output(program, &args)?;
    Speed::read(&serde_json::from_str(&answer)?).context(file)
}

fn write(file: &str, text: &str) -> Result<()> {
    fs::write(repo::root().join(file), text).context(file.to_owned())
}

/// Draws one axis.
fn chart(sweep: &Sweep, threads: &str) -> Result<()> {
    let name = format!("{FOLDER}/sweep-{}", sweep.axis.name);
    let (csv, svg) = (format!("{name}.csv"), format!("{name}.svg"));
    write(&csv, &sweep.chart_csv())?;
    let title = format!("Training speed by {}", sweep.axis.label);
    let subtitle =
        format!("two convolutions, {}; the step on {}", sweep.axis.others(), threads_text(threads));
    let mut args = vec!["run", "--quiet", "-p", "cnn-viz", "--example", "line_chart", "--"];
    args.extend([&csv, &svg, &title, &subtitle, "GFLOP/s", "--log-x"].map(|arg: &str| arg));
    let code = repo::status("cargo", &args, &[])?;
    if code != 0 {
        bail!("{svg} could not be drawn");
    }
    Ok(())
}

fn threads_text(threads: &str) -> String {
    match threads {
        "0" => "all threads".to_owned(),
        "1" => "one thread".to_owned(),
        more => format!("{more} threads"),
    }
}

/// What docs/performance.md says.
fn block(sweeps: &[Sweep], resnet: &Speed, options: &Options) -> String {
    let Shape { side, channels, kernel, batch } = grid::BASE;
    let mut text = format!(
        "Written by `cargo xtask sweep --rounds {} {}`. Around a network of two convolutions {channels} → {channels}, {kernel} × {kernel},
on {side} × {side} pixels with \"same\" padding and a batch of {batch}, one number changes at a time. The step runs on
{}, the convolutions' own speeds are those of one. GFLOP/s as the plain algorithm has them. Bold:
less than half of the speed of the size before. Each figure is the best of its rounds.\n\n",
        options.rounds,
        options.bench.join(" "),
        threads_text(options.threads()),
    );
    text += figures::HEAD;
    for sweep in sweeps {
        text += &sweep.rows();
    }
    let _ = writeln!(
        text,
        "| the 19 convolutions of ResNet-20 on 32 × 32 × 3, batch {} | {} |",
        grid::RESNET_BATCH,
        resnet.cells([false; 3])
    );
    let warnings: Vec<String> = sweeps.iter().flat_map(Sweep::warnings).collect();
    text += if warnings.is_empty() { "\nNo cliffs.\n" } else { "\nCliffs:\n\n" };
    for warning in warnings {
        let _ = writeln!(text, "- {warning}");
    }
    let _ = write!(text, "\nMeasured on {}.", document::machine());
    text
}

/// Puts the table and the charts into the page, if it has a place for them.
fn publish(block: &str) -> Result<()> {
    let root = repo::root();
    if !document::has_place(PAGE, "sweep") {
        println!(
            "table, CSV and charts are in {FOLDER}; {PAGE} has no `<!-- sweep:begin -->` to put them at"
        );
        return Ok(());
    }
    let mut pictures = String::new();
    for axis in &AXES {
        let file = format!("sweep-{}.svg", axis.name);
        fs::copy(root.join(FOLDER).join(&file), root.join(IMAGES).join(&file))
            .with_context(|| file.clone())?;
        let _ = write!(pictures, "\n\n![Training speed by {}](images/{file})", axis.label);
    }
    document::fill(PAGE, "sweep", &format!("{block}{pictures}"))?;
    println!("wrote {PAGE} and {IMAGES}/sweep-*.svg");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(args: &[&str]) -> Result<Options> {
        Options::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_go_to_the_bench() {
        let found = options(&["--cnn", "old/cnn", "--windows", "1"]).unwrap();
        assert_eq!(found.cnn.as_deref(), Some("old/cnn"));
        assert_eq!(found.bench, ["--windows", "1", "--threads", "1"]);
        assert_eq!(options(&["--threads", "2", "--rounds", "5"]).unwrap().threads(), "2");
        for wrong in [&["--batch-size", "3"][..], &["--window"], &["cnn32"], &["--rounds", "0"]] {
            assert!(options(wrong).is_err(), "{wrong:?}");
        }
    }
}

//! `cargo xtask sweep`: how the speed of training depends on the sizes of a network. One number changes at a time: channels,
//! batch, kernel, image, depth, threads. A size at which the speed falls below half of the next smaller size's is a cliff: someone's network
//! will have it.
//!
//! It writes model files, runs `cnn bench` on each, and leaves table, CSV and charts in `target/sweep`. If docs/performance.md has the
//! lines `<!-- sweep:begin -->` and `<!-- sweep:end -->`, the table and the charts go there too.

mod figures;
mod grid;

use crate::{document, repo};
use anyhow::{Context, Result, bail};
use figures::{Speed, Sweep};
use grid::{AXES, Axis, Network, Shape};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Where everything is written, from the root.
const FOLDER: &str = "target/sweep";

const PAGE: &str = "docs/performance.md";
const IMAGES: &str = "docs/images";

/// What goes to `cnn bench`, each with a value.
const BENCH: [&str; 2] = ["--windows", "--window"];

const USAGE: &str = "cargo xtask sweep [--rounds N] [--windows N] [--window MS] [--cnn FILE]";

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
        let at = networks.iter().position(|network| network.name == wanted);
        at.map(|at| speeds[at]).with_context(|| format!("{wanted} was not measured"))
    };
    let mut csv = figures::CSV_HEAD.to_owned();
    for (network, speed) in networks.iter().zip(&speeds) {
        csv += &figures::csv_row(&network.name, speed);
    }
    write(&format!("{FOLDER}/sweep.csv"), &csv)?;
    let of = |axis: &'static Axis| -> Result<Sweep> {
        let speeds = axis.values.iter().map(|value| speed(&axis.shape(*value).name()));
        Ok(Sweep { axis, speeds: speeds.collect::<Result<_>>()? })
    };
    let sweeps = AXES.iter().map(of).collect::<Result<Vec<_>>>()?;
    for sweep in &sweeps {
        chart(sweep)?;
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
        Ok(options)
    }
}

/// The best speed of each network. Everything is measured before anything is measured again, so that a slow minute of the
/// machine does not make a slow network.
fn measure(program: &Path, networks: &[Network], options: &Options) -> Result<Vec<Speed>> {
    let mut best: Vec<Option<Speed>> = vec![None; networks.len()];
    for round in 1..=options.rounds {
        println!("round {round} of {}: {} networks", options.rounds, networks.len());
        for (network, best) in networks.iter().zip(&mut best) {
            let speed = bench(program, network, options)?;
            println!("  {}: {:.0} images/s, {:.1} GFLOP/s", network.name, speed.images, speed.step);
            *best = Some(best.map_or(speed, |best| best.or(&speed)));
        }
    }
    Ok(best.into_iter().flatten().collect())
}

/// Measures one network once.
fn bench(program: &Path, network: &Network, options: &Options) -> Result<Speed> {
    let (file, threads) = (format!("{FOLDER}/{}.toml", network.name), network.threads.to_string());
    write(&file, &network.text)?;
    let mut args = vec!["bench", &file, "--threads", &threads, "--format", "json"];
    args.extend(options.bench.iter().map(String::as_str));
    let answer = repo::output(program, &args)?;
    Speed::read(&serde_json::from_str(&answer)?).context(file)
}

fn write(file: &str, text: &str) -> Result<()> {
    fs::write(repo::root().join(file), text).context(file.to_owned())
}

/// Draws one axis.
fn chart(sweep: &Sweep) -> Result<()> {
    let name = format!("{FOLDER}/sweep-{}", sweep.axis.name);
    let (csv, svg) = (format!("{name}.csv"), format!("{name}.svg"));
    write(&csv, &sweep.chart_csv())?;
    let title = format!("Training speed by {}", sweep.axis.label);
    let subtitle = sweep.axis.others();
    let mut args = vec!["run", "--quiet", "-p", "cnn-viz", "--example", "line_chart", "--"];
    args.extend([&csv, &svg, &title, &subtitle, "GFLOP/s", "--log-x"].map(|arg: &str| arg));
    let code = repo::status("cargo", &args, &[])?;
    if code != 0 {
        bail!("{svg} could not be drawn");
    }
    Ok(())
}

/// What docs/performance.md says.
fn block(sweeps: &[Sweep], resnet: &Speed, options: &Options) -> String {
    let Shape { side, channels, kernel, batch, .. } = grid::BASE;
    let mut text = format!(
        "Written by `cargo xtask sweep --rounds {} {}`. Around a network of two convolutions {channels} → {channels}, {kernel} × {kernel},
on {side} × {side} pixels with \"same\" padding and a batch of {batch}, one number changes at a time. The step runs on
one thread unless the row says otherwise, the convolutions' own speeds are those of one. GFLOP/s as the plain algorithm has them. Bold:
less than half of the speed of the size before. Each figure is the best of its rounds.\n\n",
        options.rounds,
        options.bench.join(" "),
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
        assert_eq!(found.bench, ["--windows", "1"]);
        assert_eq!(options(&["--rounds", "5"]).unwrap().rounds, 5);
        for wrong in [&["--threads", "3"][..], &["--window"], &["cnn32"], &["--rounds", "0"]] {
            assert!(options(wrong).is_err(), "{wrong:?}");
        }
    }
}

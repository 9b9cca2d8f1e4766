//! `cargo xtask trust`: every fault of a save, every bad file, and as many killed trainings, random files and random models as one
//! has patience for.

mod kills;

use crate::repo;
use anyhow::{Context, Result, bail};

/// What is asked for.
#[derive(Default)]
struct Args {
    kills: Option<u64>,
    fuzz: Option<u64>,
    models: Option<u64>,
}

/// What it kills where nothing is asked for.
const KILLS: u64 = 200;

/// The exhaustive tests: every fault of a save, every bad file, every flipped bit and every missing end. They say what they counted.
const EXHAUSTIVE: [&str; 12] = [
    "test",
    "--quiet",
    "-p",
    "cnn-train",
    "--lib",
    "--test",
    "corpus",
    "--test",
    "resume",
    "--",
    "--nocapture",
    "--test-threads=1",
];

/// Kills trainings and resumes them, mutates the seeds of every parser for some seconds, and trains random models; each is asked for
/// by number. Without one, the exhaustive tests run, and [`KILLS`] trainings are killed.
pub(crate) fn run(args: &[String]) -> Result<u8> {
    let (mut args, mut code) = (arguments(args)?, 0);
    if [args.kills, args.fuzz, args.models].iter().all(Option::is_none) {
        code = repo::status("cargo", &EXHAUSTIVE, &[])?;
        args.kills = Some(KILLS);
    }
    let seconds = args.fuzz.map(|seconds| seconds.to_string());
    if let Some(seconds) = seconds {
        let build = ["run", "--quiet", "--release", "--manifest-path", "fuzz/Cargo.toml"];
        let run = ["--target-dir", "target/fuzz", "--bin", "mutate", "--", &seconds];
        code = code.max(repo::status("cargo", &[&build[..], &run].concat(), &[])?);
    }
    if let Some(count) = args.kills {
        code = code.max(kills::run(usize::try_from(count)?)?);
    }
    if let Some(models) = args.models {
        let test =
            ["test", "--quiet", "-p", "cnn-train", "--test", "any_model", "--", "--nocapture"];
        let models = models.to_string();
        code = code.max(repo::status("cargo", &test, &[("TRUST_MODELS", &models)])?);
    }
    Ok(code)
}

fn arguments(args: &[String]) -> Result<Args> {
    let mut wanted = Args::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let place = match arg.as_str() {
            "--kills" => &mut wanted.kills,
            "--fuzz" => &mut wanted.fuzz,
            "--models" => &mut wanted.models,
            other => bail!(
                "unknown option `{other}`: it takes --kills N, --fuzz SECONDS (for each parser), --models N"
            ),
        };
        let number = args.next().with_context(|| format!("{arg} wants a number"))?;
        *place = Some(number.parse().with_context(|| format!("{arg} {number}"))?);
    }
    Ok(wanted)
}

//! `cnn verify`: whether a run repeats.

use super::watch::Interrupted;
use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::{environment, files, fits, output, runs, signals};
use cnn_callbacks::{Callback, ProgressBar, Style};
use cnn_data::Dataset;
use cnn_train::verify::{self, Check, Outcome, Retraining};
use cnn_train::{Config, RunDir, RunHistory, RunInfo, TrainOptions, Trainer};
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  cnn verify runs/one                         files as they were written, measured numbers the same
  cnn verify runs/one --retrain               train again, and compare every epoch and every weight
  cnn verify runs/one --retrain --epochs 1    only the first epoch

Numbers are compared to the last bit. Neither threads nor the instruction set (CNN_ISA) matter; the
mode (`cnn train --deterministic`) is the run's own. Nothing is written into the run folder.
Exit codes: 0 it repeats; 8 it does not, with the differences on stderr; 3 the data set is missing,
  or is another one; 5 there is no finished run.";

/// What `cnn verify` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder of a finished run.
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// Train again as the run was trained, and end at the first number that differs.
    #[arg(long)]
    retrain: bool,

    /// Only the first N epochs: the rest is not compared.
    #[arg(long, value_name = "N", requires = "retrain", value_parser = clap::value_parser!(u32).range(1..=1_000_000), allow_negative_numbers = true)]
    epochs: Option<u32>,

    /// Where the data set is now; default where the run found it. It must be the same one.
    #[arg(long, value_name = "DATA")]
    data: Option<String>,

    /// Threads; 0 takes what the machine has. Any number gives the same bits.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024), allow_negative_numbers = true)]
    threads: u16,

    /// Progress on stderr: 0 none, 1 a bar (one line per epoch where stderr is no terminal), 2 one line per epoch.
    #[arg(long, value_name = "0|1|2", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=2))]
    verbose: u8,

    /// The checks as text, or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// A run and what it recorded.
struct Recorded<'a> {
    folder: &'a Path,
    info: RunInfo,
    history: RunHistory,
}

/// Compares, prints what was compared, and fails where something differs.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    runs::there(&args.run)?;
    refuse_a_file(&args.run)?;
    let found = |error| Failure::from(error).at(&args.run);
    let (info, history) = verify::finished(&args.run).map_err(found)?;
    let run = Recorded { folder: &args.run, info, history };
    let mut checks = verify::files(run.folder, &run.info).map_err(found)?;
    match runs::open(run.folder) {
        Ok(saved) => {
            let mut trainer = runs::trainer(&saved, args.threads, run.info.deterministic)?;
            checks.extend(verify::weights(run.folder, &run.info, &trainer));
            let data = data(args, &run, &saved.config)?;
            checks.extend(verify::evaluate(&mut trainer, &data, &run.history)?);
            if args.retrain {
                checks.extend(retrain(args, &run, &data)?);
            }
        }
        // The reader says more of a damaged file than its sum does.
        Err(failure) if checks.iter().any(Check::differs) => output::note(&failure.text),
        Err(failure) => return Err(failure),
    }
    tell(args, &run, &checks)
}

/// A file says too little: all of a run's are compared.
fn refuse_a_file(path: &Path) -> Result<(), Failure> {
    if !path.is_file() {
        return Ok(());
    }
    let folder = files::folder_of(path);
    let help = if RunDir::info(folder).is_ok() {
        format!("give the run folder: cnn verify {}", folder.display())
    } else {
        "give the run folder that `cnn train` wrote".to_owned()
    };
    let place = path.display().to_string();
    Err(Failure::new(Exit::Usage, "", "this is a file", &place, &[], &[&help]))
}

/// The data set of the run, cut as it was.
fn data(args: &Args, run: &Recorded<'_>, config: &Config) -> Result<Dataset, Failure> {
    let info = &run.info;
    let source = args.data.as_deref().unwrap_or(info.data_given());
    let input = &config.model.input;
    let data = match &args.data {
        Some(given) => environment::load_for(given, input),
        None => environment::load_of(info, input),
    };
    let mut data = data.map_err(|failure| {
        failure.help("--data names the place where the run's data set is now")
    })?;
    if data.fingerprint != info.data_fingerprint {
        return Err(Failure::new(
            Exit::Data,
            "V002",
            "this is not the data set that the run was trained on",
            source,
            &[
                &format!("the run's {}: {}", info.data, info.data_fingerprint),
                &format!("this one:   {}", data.fingerprint),
            ],
            &["--data names another one, or another place of the same"],
        ));
    }
    if let Some(limit) = info.limit {
        (data.train, data.test) = (data.train.take(limit), data.test.take(limit));
    }
    Ok(data)
}

/// Trains again in a folder that is gone afterwards.
fn retrain(args: &Args, run: &Recorded<'_>, data: &Dataset) -> Result<Vec<Check>, Failure> {
    let config = RunDir::config(run.folder)?;
    let mut trainer = beginner(args, run, &config, data)?;
    let info = &run.info;
    if let Some(recorded) = &info.initial_weights_hash {
        let check = Check::of("initial weights", recorded, &trainer.weights_hash());
        if check.differs() {
            return Ok(vec![check]);
        }
    }
    let scratch =
        tempfile::tempdir().map_err(|error| Failure::disk(Path::new("TMPDIR"), &error))?;
    let folder = RunDir::create(scratch.path(), false)?;
    let own = config
        .build_callbacks(&folder.callback_context())
        .map_err(|(_, error)| Failure::model("M063", &error.to_string(), "", ""))?;
    let mut watchers: Vec<Box<dyn Callback>> = vec![Box::new(Interrupted)];
    let style = match args.verbose {
        0 => None,
        1 if output::stderr_is_terminal() => Some(Style::Bar { colour: true }),
        _ => Some(Style::Lines),
    };
    if let Some(style) = style {
        watchers.push(Box::new(ProgressBar::new(Box::new(output::Progress), style)));
    }
    signals::watch().map_err(|error| Failure::disk(run.folder, &error))?;
    let checks = verify::retrain(
        &mut trainer,
        data,
        own,
        watchers,
        Retraining {
            recorded: &run.history,
            weights_hash: info.weights_hash.as_deref().unwrap_or_default(),
            epochs: args.epochs.map(|epochs| epochs as usize),
        },
    );
    signals::let_through();
    if let Some(exit) = signals::caught().map(Exit::of_signal) {
        let text = "note: ended by a signal: whether the run repeats is not known\n".to_owned();
        return Err(Failure { exit, text });
    }
    Ok(checks?)
}

/// A trainer as the run had it in the beginning.
fn beginner(
    args: &Args,
    run: &Recorded<'_>,
    config: &Config,
    data: &Dataset,
) -> Result<Trainer, Failure> {
    let model = config.model.build().map_err(cnn_train::TrainError::from)?;
    let source = files::model(&run.folder.join("config.toml").to_string_lossy())?;
    fits::check(&source, &model, data)?;
    let options = TrainOptions {
        threads: environment::threads(args.threads),
        isa: environment::isa_for(run.info.deterministic)?,
        ..TrainOptions::default()
    };
    let mut trainer = Trainer::new(config, model, options)?;
    trainer.set_class_names(&data.classes)?;
    if let Some(path) = &run.info.initial_weights {
        let tensors = cnn_train::read_npz(Path::new(path)).map_err(|error| {
            Failure::from(error).help("the run began with the weights of this file")
        })?;
        trainer.set_named_weights(&tensors)?;
    }
    Ok(trainer)
}

/// The checks on stdout, and the verdict.
fn tell(args: &Args, run: &Recorded<'_>, checks: &[Check]) -> Result<(), Failure> {
    let info = &run.info;
    let repeats = !checks.iter().any(Check::differs);
    let complete = !checks.iter().any(|check| matches!(check.outcome, Outcome::NotCompared { .. }));
    if args.format == Format::Json {
        let object = json!({
            "schema": 1, "run": run.folder.display().to_string(), "repeats": repeats, "complete": complete,
            "retrained": args.retrain, "deterministic": info.deterministic, "program": info.program,
            "isa": info.isa, "platform": info.platform, "seed": info.seed, "weights_hash": info.weights_hash,
            "checks": checks,
        });
        output::result(&format!("{object}\n"))?;
    } else {
        output::result(&text(args, run, checks, repeats, complete))?;
    }
    if repeats { Ok(()) } else { Err(does_not_repeat(run, checks)) }
}

/// Every difference with both values, and why it may be.
fn does_not_repeat(run: &Recorded<'_>, checks: &[Check]) -> Failure {
    let mut facts: Vec<String> = Vec::new();
    for Check { what, outcome } in checks {
        if let Outcome::Differs { recorded, now } = outcome {
            facts.push(format!("{what}: recorded {recorded}, now {now}"));
        }
    }
    let mut reasons = verify::circumstances(&run.info);
    if run.info.files.is_empty()
        || checks.iter().any(|check| check.differs() && of_file(run, check))
    {
        reasons.push("a file of the run was changed or damaged after it".to_owned());
    }
    if reasons.is_empty() {
        let unknown = "nothing that shows: files, version and kind of processor are the run's; test the machine's memory, and report it";
        reasons.push(unknown.to_owned());
    }
    facts.extend(reasons.iter().map(|reason| format!("what may be behind it: {reason}")));
    let facts: Vec<&str> = facts.iter().map(String::as_str).collect();
    let place = run.folder.display().to_string();
    Failure::new(Exit::Gate, "V001", "the run does not repeat", &place, &facts, &[])
}

/// Whether a check is of a file.
fn of_file(run: &Recorded<'_>, Check { what, .. }: &Check) -> bool {
    run.info.files.contains_key(what) || what.starts_with("weights of") || what == "initial weights"
}

fn text(
    args: &Args,
    run: &Recorded<'_>,
    checks: &[Check],
    repeats: bool,
    complete: bool,
) -> String {
    let info = &run.info;
    let limit = info.limit.map_or_else(String::new, |n| format!(", the first {n} images"));
    let mut text = format!(
        "{}: {}{limit}; seed {}, trained by version {} with {}, --deterministic {}\n",
        run.folder.display(),
        info.data,
        info.seed,
        info.program,
        info.isa,
        info.deterministic.name()
    );
    for Check { what, outcome } in checks {
        let _ = match outcome {
            Outcome::Same => writeln!(text, "  same          {what}"),
            Outcome::Differs { .. } => writeln!(text, "  DIFFERS       {what}"),
            Outcome::NotCompared { why } => writeln!(text, "  not compared  {what}: {why}"),
        };
    }
    text += match (repeats, complete, args.retrain) {
        (false, ..) => "It does not repeat.\n",
        (true, true, true) => "It repeats, to the last bit.\n",
        (true, true, false) => {
            "It is as it was written, to the last bit; --retrain says whether training gives it again.\n"
        }
        (true, false, _) => "It repeats, to the last bit, as far as it was compared.\n",
    };
    text
}

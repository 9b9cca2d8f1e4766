//! `cnn doctor`: why a training does not learn.

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::{environment, output, runs};
use cnn_data::Dataset;
use cnn_train::doctor::{Case, Check, Diagnosis, Exam, Finding, Outcome, Severity, examine};
use cnn_train::{Remains, TrainOptions};
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  cnn doctor runs/RUN                          causes first, then everything that was looked at
  cnn doctor runs/RUN --format json --strict   for scripts: exit code 8 if anything is found";

/// What `cnn doctor` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A run folder, also of a run that diverged or did not come to its end; or a model.cnn.
    run: PathBuf,

    /// The data: a name, a folder or a file (see `cnn --help`); default the data set that the run was trained on.
    #[arg(long, value_name = "DATA")]
    data: Option<String>,

    /// Training images to look at. Labels and duplicates are looked at in all of them.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(20..=1_000_000), allow_negative_numbers = true)]
    images: u32,

    /// The weights that training began with; default those of the seed, or the file that the run names.
    #[arg(long, value_name = "FILE.npz")]
    initial_weights: Option<PathBuf>,

    /// Threads; 0 takes what the machine has. Any number gives the same findings.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024), allow_negative_numbers = true)]
    threads: u16,

    /// Exit code 8 if anything was found; otherwise findings are a result like any other.
    #[arg(long)]
    strict: bool,

    /// The result as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Examines and prints.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let remains = runs::remains(&args.run)?;
    let data = runs::data(&args.run, &remains.model, args.data.as_deref())?;
    let data = limited(data, &remains);
    let initial = initial(args, &remains)?;
    let options = TrainOptions {
        threads: environment::threads(args.threads),
        isa: environment::isa()?,
        ..TrainOptions::default()
    };
    let case = Case {
        config: &remains.config,
        model: &remains.model,
        train: &data.train,
        test: Some(&data.test),
        classes: &data.classes,
        initial: initial.as_deref(),
        trained: remains.weights.as_deref(),
        history: remains.history.as_ref(),
    };
    let diagnosis = examine(&case, &Exam { images: args.images as usize, options })?;
    output::result(&match args.format {
        Format::Text => text_of(args, &remains, &data, &diagnosis),
        Format::Json => {
            let value = json!({
                "schema": 1, "run": args.run.display().to_string(), "model": remains.model.name(), "data": data.name,
                "images": diagnosis.images, "healthy": diagnosis.findings.is_empty(),
                "findings": diagnosis.findings, "checks": diagnosis.checks,
            });
            format!("{value}\n")
        }
    })?;
    if args.strict
        && let Some(first) = diagnosis.findings.first()
    {
        let what = format!(
            "{} with --strict; the first is {}",
            count(diagnosis.findings.len()),
            first.code.name()
        );
        return Err(Failure::new(Exit::Gate, "", &what, "", &[], &[]));
    }
    Ok(())
}

/// The images that the run was given, where it was given the first ones only.
fn limited(mut data: Dataset, remains: &Remains) -> Dataset {
    let used = remains
        .history
        .as_ref()
        .map(|history| history.params.samples + history.params.validation_samples);
    let limit = remains.info.as_ref().and_then(|info| info.limit).or(used.filter(|&used| used > 0));
    if let Some(limit) = limit.filter(|&limit| limit < data.train.len()) {
        data.train = data.train.take(limit);
    }
    data
}

/// The weights that training began with, where they are not those of the seed.
fn initial(args: &Args, remains: &Remains) -> Result<Option<Vec<f32>>, Failure> {
    let named =
        remains.info.as_ref().and_then(|info| info.initial_weights.as_deref()).map(Path::new);
    let path = match (&args.initial_weights, named) {
        (Some(given), _) => given,
        (None, Some(named)) if named.is_file() => named,
        (None, Some(named)) => {
            output::note(&format!(
                "note: training began with the weights in {}, which is not there: those of the seed are looked at instead; \
                 --initial-weights names another place\n",
                named.display()
            ));
            return Ok(None);
        }
        (None, None) => return Ok(None),
    };
    let tensors = cnn_train::read_npz(path)?;
    let weights = cnn_train::weights_from(&remains.model, &tensors);
    weights.map(Some).map_err(|error| Failure::from(error).at(path))
}

fn count(findings: usize) -> String {
    if findings == 1 { "1 finding".to_owned() } else { format!("{findings} findings") }
}

fn text_of(args: &Args, remains: &Remains, data: &Dataset, diagnosis: &Diagnosis) -> String {
    let epochs = match &remains.history {
        Some(history) => format!("{} of {} epochs", history.epoch.len(), history.params.epochs),
        None => "no history".to_owned(),
    };
    let weights = if remains.weights.is_some() { "" } else { ", no weights" };
    let mut text = format!(
        "{}: {} on {}, {epochs}{weights}; {} training images looked at\n\n",
        args.run.display(),
        remains.model.name(),
        data.name,
        diagnosis.images
    );
    if diagnosis.findings.is_empty() {
        text += "Nothing found that keeps it from learning.\n";
    } else {
        let _ = writeln!(text, "{}, likely root causes first", count(diagnosis.findings.len()));
    }
    for (i, finding) in diagnosis.findings.iter().enumerate() {
        tell(&mut text, i + 1, finding);
    }
    text += "\nLooked at\n";
    for Check { name, outcome, seen } in &diagnosis.checks {
        let outcome = match outcome {
            Outcome::Ok => "ok",
            Outcome::Found => "FOUND",
            Outcome::Skipped => "skipped",
        };
        wrapped(&mut text, &format!("  {outcome:7}  {name:24}  "), seen);
    }
    text
}

fn tell(text: &mut String, number: usize, finding: &Finding) {
    let severity = match finding.severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
    };
    let reasons: Vec<&str> = finding.explained_by.iter().map(|code| code.name()).collect();
    let because = if reasons.is_empty() {
        String::new()
    } else {
        format!(", explained by {}", reasons.join(", "))
    };
    let _ = writeln!(text, "\n{number}  {} ({severity}){because}", finding.code.name());
    for (label, words) in
        [("seen", finding.seen.as_str()), ("why", finding.why), ("do", &finding.cure)]
    {
        wrapped(text, &format!("   {label:4}  "), words);
    }
}

/// Columns of a line, at most, unless one word is longer.
const COLUMNS: usize = 110;

/// Words in lines, the first behind `first`, the others below.
fn wrapped(text: &mut String, first: &str, words: &str) {
    let indent = first.chars().count();
    let (mut column, mut begin) = (indent, true);
    text.push_str(first);
    for word in words.split(' ') {
        let width = word.chars().count();
        if !begin && column + 1 + width > COLUMNS {
            let _ = write!(text, "\n{:indent$}", "");
            (column, begin) = (indent, true);
        }
        if !begin {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += width;
        begin = false;
    }
    text.push('\n');
}

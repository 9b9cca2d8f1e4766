//! `cnn report`: a run as one page that opens from disk.

mod answers;
mod inside;
mod overview;

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::{files, output, runs};
use answers::Measured;
use cnn_nn::Model;
use cnn_train::{Config, RunDir, RunHistory, RunInfo, SavedRun};
use cnn_viz::report::{Report, Section};
use serde_json::json;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  cnn report runs/RUN                                     write runs/RUN/report.html
  cnn report runs/RUN --images 0,23,28 --output page.html";

/// What `cnn report` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A run folder.
    run: PathBuf,

    /// What to measure on: a name, a folder or a file (see `cnn --help`); default the data set that the run was trained on.
    #[arg(long, value_name = "DATA")]
    data: Option<String>,

    /// Where the page goes; default RUN/report.html.
    #[arg(long, value_name = "FILE.html")]
    output: Option<PathBuf>,

    /// Positions in the test split, to show what the layers make of these images; default one right answer and the two
    /// surest mistakes.
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    images: Vec<usize>,

    /// The page's heading; default the model's name.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    /// Only the first N test images: say it here if training was told so.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,

    /// Threads; 0 takes what the machine has.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: u16,

    /// Write over a file that exists.
    #[arg(long)]
    force: bool,

    /// What was written, as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// At most this many images get their feature maps shown.
const MOST_IMAGES: usize = 24;

/// What every run folder tells.
struct Run<'a> {
    folder: &'a Path,
    info: RunInfo,
    history: RunHistory,
    model: Model,
    /// Model and weights, if training left any.
    saved: Option<SavedRun>,
}

/// Reads the run, measures its model, writes the page.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.images.len() > MOST_IMAGES {
        let what = format!("{} images are more than a page should hold", args.images.len());
        return Err(Failure::usage(&what, &format!("choose at most {MOST_IMAGES}")));
    }
    let run = Run::open(&args.run)?;
    let path = args.output.clone().unwrap_or_else(|| args.run.join("report.html"));
    files::must_be_free(&path, args.force)?;
    if !files::folder_of(&path).is_dir() {
        return Err(files::no_such_folder(files::folder_of(&path)));
    }

    let mut measured = run.saved.as_ref().map(|saved| Measured::new(args, saved)).transpose()?;
    let warnings = overview::warnings(&run, measured.as_ref());
    for warning in &warnings {
        output::note(&format!("note: {warning}\n"));
    }
    let images = measured.as_ref().map_or_else(Vec::new, |measured| measured.images(&args.images));
    let sections = sections(&run, measured.as_mut(), &images)?;
    let ids: Vec<&str> = sections.iter().map(Section::id).collect();
    let facts = overview::facts(&run);
    let summary = overview::summary(&run, measured.as_ref());
    let kicker = format!("Training run {}", args.run.display());
    let report = Report {
        title: args.title.as_deref().unwrap_or(run.model.name()),
        kicker: &kicker,
        summary: &summary,
        warnings: &warnings,
        tiles: overview::tiles(&run, measured.as_ref()),
        facts: &facts,
        sections,
        footer: &format!(
            "Written by cnn {} from {}.",
            env!("CARGO_PKG_VERSION"),
            args.run.display()
        ),
    };
    let page = report.page();
    files::write(&path, page.as_bytes(), args.force)?;
    output::result(&match args.format {
        Format::Text => format!("{}\n", path.display()),
        Format::Json => {
            let test = measured.as_ref().map(
                |m| json!({ "loss": m.evaluation.loss, "accuracy": m.evaluation.accuracy, "accuracy_95": m.evaluation.score().accuracy_95, "images": m.evaluation.samples }),
            );
            let object = json!({
                "schema": 1, "file": path.display().to_string(), "bytes": page.len(), "sections": ids, "images": images,
                "test": test, "notes": warnings,
            });
            format!("{object}\n")
        }
    })
}

/// The parts of the page; without weights those that need none.
fn sections(
    run: &Run<'_>,
    measured: Option<&mut Measured<'_>>,
    images: &[usize],
) -> Result<Vec<Section>, Failure> {
    let mut sections = vec![overview::model(run), overview::training(run)];
    if let Some(measured) = measured {
        sections.extend(measured.sections()?);
        sections.push(inside::feature_maps(measured, images)?);
        sections.push(inside::filters(measured));
    }
    sections.push(overview::repeat(run));
    Ok(sections)
}

impl<'a> Run<'a> {
    /// A run folder. One that kept its history but no weights, because training diverged, is good enough.
    fn open(folder: &'a Path) -> Result<Self, Failure> {
        if folder.is_file() {
            let help = "give the run folder: the page needs its history too";
            let place = folder.display().to_string();
            return Err(Failure::new(Exit::Usage, "", "this is a file", &place, &[], &[help]));
        }
        let left_no_weights = !folder.join("model.cnn").exists()
            && folder.join("history.json").is_file()
            && RunDir::info(folder).is_ok_and(|info| !info.finished);
        let saved = if left_no_weights { None } else { Some(runs::open(folder)?) };
        let model = match &saved {
            Some(saved) => saved.model.clone(),
            None => described(folder)?,
        };
        let at = |error| Failure::from(error).at(folder);
        let info = RunDir::info(folder).map_err(at)?;
        let history = RunDir::history(folder).map_err(at)?;
        Ok(Self { folder, info, history, model, saved })
    }
}

/// The model that a run without weights was to train.
fn described(folder: &Path) -> Result<Model, Failure> {
    let path = folder.join("config.toml");
    let name = path.display().to_string();
    let source = files::model(&name)?;
    let (config, _) =
        Config::from_toml(&name, &source.text).map_err(|found| Failure::mistakes(&found))?;
    Ok(config.model.build().map_err(cnn_train::TrainError::from)?)
}

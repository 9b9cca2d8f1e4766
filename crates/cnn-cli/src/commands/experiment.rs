//! `cnn experiment`: rows × seeds trained, compared and drawn.

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::{environment, experiments, files, presets, signals};
use cnn_data::Dataset;
use cnn_nn::summary::commas;
use cnn_train::experiment::{Experiment, Observer, Progress, Results, RunOptions, Sweep};
use cnn_train::{Overrides, RunDir, RunHistory, TrainError};
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  cnn experiment course                    the course's table; called again, it goes on where it was
  cnn experiment sweep.toml --dry-run      the rows, with parameters and MACs
  cnn experiment sweep.toml --seeds 2 --epochs 1 --limit 2000 --output try";

/// What `cnn experiment` takes. Values given here win over the sweep's.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A sweep.toml, or the name of an experiment that comes with the program (`--list`).
    #[arg(required_unless_present = "list")]
    sweep: Option<String>,

    /// List the experiments that come with the program.
    #[arg(long)]
    list: bool,

    /// Check everything, show the rows with parameters and MACs, and train nothing.
    #[arg(long)]
    dry_run: bool,

    /// What to learn from; default: what the sweep names.
    #[arg(long, value_name = "DATA")]
    data: Option<String>,

    /// Train every row with the seeds 1 to N.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000), allow_negative_numbers = true)]
    seeds: Option<u16>,

    /// How often the training set is seen, in every row.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), allow_negative_numbers = true)]
    epochs: Option<u32>,

    /// Only the first N training images (and test images).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), allow_negative_numbers = true)]
    limit: Option<u32>,

    /// Runs at the same time; 0 takes as many as there are threads. Any number gives the same table, apart from the seconds.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024), allow_negative_numbers = true)]
    jobs: u16,

    /// Threads for all runs together; 0 takes what the machine has.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024), allow_negative_numbers = true)]
    threads: u16,

    /// Where runs, table and pictures are kept; default runs/experiments/NAME.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Train runs again that are finished, but with another configuration, data set or --limit.
    #[arg(long)]
    force: bool,

    /// The table as text, or all results as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Checks everything that can be wrong, trains what is missing, and writes the table and its pictures.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let Some(given) = args.sweep.as_deref().filter(|_| !args.list) else {
        return list(args.format);
    };
    let sweep = read(given, args)?;
    let source = args.data.as_ref().or(sweep.data.as_ref());
    if args.dry_run {
        try_on_data(source, &sweep, args)?;
        return output::result(&rows(&sweep, args.format));
    }
    let Some(source) = source else {
        return Err(Failure::usage(
            "neither the sweep nor the command line names a data set",
            "--data fashion-mnist, or data = \"fashion-mnist\" in the sweep",
        ));
    };
    let data = load(source, &sweep, args)?;
    let folder =
        args.output.clone().unwrap_or_else(|| Path::new("runs/experiments").join(&sweep.name));
    let limit = args.limit.map(|limit| limit as usize);
    let mut experiment = Experiment::open(&sweep, &data, limit, &folder)?;
    refuse_to_replace(args, &experiment)?;
    train(args, source, &sweep, &data, &mut experiment)?;
    let results = experiment.results()?;
    keep(&experiment, &results)?;
    tell(args.format, &results, &folder)
}

/// The experiments inside the program.
fn list(format: Format) -> Result<(), Failure> {
    let all = experiments::EXPERIMENTS;
    output::result(&match format {
        Format::Text => {
            let entry = |e: &experiments::Embedded| format!("{}\n    {}\n", e.name, e.about());
            all.iter().map(entry).collect::<Vec<_>>().concat()
        }
        Format::Json => {
            let entry = |e: &experiments::Embedded| json!({"name": e.name, "about": e.about()});
            json!({"schema": 1, "experiments": all.iter().map(entry).collect::<Vec<_>>()})
                .to_string()
                + "\n"
        }
    })
}

/// The checked sweep. Its models are files beside it, or presets.
fn read(given: &str, args: &Args) -> Result<Sweep, Failure> {
    let path = Path::new(given);
    let (name, text) = match experiments::find(given).filter(|_| !path.is_file()) {
        Some(embedded) => (format!("{given}.toml"), embedded.text.to_owned()),
        None if path.is_file() => {
            let source = files::model(given)?;
            (source.name, source.text)
        }
        None => {
            let names: Vec<&str> = experiments::EXPERIMENTS.iter().map(|e| e.name).collect();
            let help = match cnn_nn::config::nearest(given, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("give a sweep.toml, or one of {}", names.join(", ")),
            };
            let what = "no such file, and no experiment of that name";
            return Err(Failure::model("E000", what, given, &help));
        }
    };
    let beside = path.parent().unwrap_or(Path::new("")).to_owned();
    let find = |model: &str| -> Result<(String, String), String> {
        let file = beside.join(model);
        if !file.is_file() && presets::find(model).is_none() {
            let near = cnn_nn::config::nearest(model, presets::PRESETS.iter().map(|p| p.name));
            return Err(match near {
                Some(near) => format!("no such file; did you mean the preset `{near}`?"),
                None => format!("no such file, and no preset: {}", presets::names()),
            });
        }
        let place = if file.is_file() { file.display().to_string() } else { model.to_owned() };
        let read = files::model(&place);
        let source = read.map_err(|why| why.text.lines().next().unwrap_or_default().to_owned())?;
        Ok((source.name, source.text))
    };
    let overrides = Overrides { epochs: args.epochs.map(|n| n as usize), ..Overrides::default() };
    let mut sweep = Sweep::from_toml(&name, &text, overrides, &find)
        .map_err(|found| Failure::mistakes(&found))?;
    if let Some(seeds) = args.seeds {
        sweep.seeds = (1..=u64::from(seeds)).collect();
    }
    Ok(sweep)
}

/// The rows, for `--dry-run`.
fn rows(sweep: &Sweep, format: Format) -> String {
    if format == Format::Json {
        let row = |row: &cnn_train::experiment::Row| {
            let fit = &row.config.fit;
            json!({"name": row.name, "parameters": row.parameters, "macs": row.macs, "epochs": fit.epochs, "batch_size": fit.batch_size})
        };
        let rows: Vec<_> = sweep.rows.iter().map(row).collect();
        return json!({"schema": 1, "name": sweep.name, "data": sweep.data, "seeds": sweep.seeds, "rows": rows}).to_string()
            + "\n";
    }
    let width = sweep.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(3);
    let mut text = format!(
        "{:width$}  {:>12}  {:>14}  {:>6}  {:>5}\n",
        "row", "parameters", "MACs", "epochs", "batch"
    );
    for row in &sweep.rows {
        let fit = &row.config.fit;
        let (parameters, macs) = (commas(row.parameters), commas(row.macs));
        let _ = writeln!(
            text,
            "{:width$}  {parameters:>12}  {macs:>14}  {:>6}  {:>5}",
            row.name, fit.epochs, fit.batch_size
        );
    }
    let _ = writeln!(text, "\n{}", size(sweep));
    text
}

/// `7 rows × 5 seeds = 35 runs`.
fn size(sweep: &Sweep) -> String {
    let (rows, seeds) = (sweep.rows.len(), sweep.seeds.len());
    let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    format!("{} × {} = {}", count(rows, "row"), count(seeds, "seed"), count(rows * seeds, "run"))
}

/// The data set, or its first images, in the size of the first row's input.
fn load(source: &str, sweep: &Sweep, args: &Args) -> Result<Dataset, Failure> {
    Ok(environment::first_images(environment::load_for(source, input(sweep))?, args.limit))
}

fn input(sweep: &Sweep) -> &[usize] {
    sweep.rows.first().map_or(&[][..], |row| &row.config.model.input)
}

/// For `--dry-run`: whether the rows fit the data, if it is there.
fn try_on_data(source: Option<&String>, sweep: &Sweep, args: &Args) -> Result<(), Failure> {
    let missing = match source {
        None => "no data set is named".to_owned(),
        Some(source) => match environment::load_if_there(source, input(sweep))? {
            Some(data) => return Ok(sweep.check(&environment::first_images(data, args.limit))?),
            None => format!("{source} is not on this machine"),
        },
    };
    output::note(&format!("note: {missing}: whether the rows fit their data is not checked\n"));
    Ok(())
}

/// Finished runs of something else are not trained over by mistake.
fn refuse_to_replace(args: &Args, experiment: &Experiment<'_>) -> Result<(), Failure> {
    let stale = experiment.stale();
    let Some(first) = stale.first().filter(|_| !args.force) else { return Ok(()) };
    let what = format!(
        "{} finished {} here with another configuration, data set or --limit",
        stale.len(),
        if stale.len() == 1 { "run was trained" } else { "runs were trained" }
    );
    Err(Failure::new(
        Exit::Disk,
        "E010",
        &what,
        &first.display().to_string(),
        &[],
        &["name another folder with --output, or say --force to train them again"],
    ))
}

fn train(
    args: &Args,
    source: &str,
    sweep: &Sweep,
    data: &Dataset,
    experiment: &mut Experiment<'_>,
) -> Result<(), Failure> {
    let (total, finished) = (experiment.total(), experiment.finished());
    if finished == total {
        output::note(&format!("all {total} runs are finished; nothing is trained\n"));
        return Ok(());
    }
    let options = RunOptions {
        cores: environment::threads(args.threads),
        side_by_side: (args.jobs > 0).then(|| usize::from(args.jobs)),
        isa: environment::isa()?,
        command: environment::command_line(),
        data_source: source.to_owned(),
        data_path: environment::data_path(source),
        interrupt: &signals::INTERRUPT,
    };
    let kept = if finished > 0 { format!(", {finished} of them finished") } else { String::new() };
    output::note(&format!("{}{kept}; in {}\n", size(sweep), experiment.folder().display()));
    signals::watch().map_err(|error| Failure::disk(experiment.folder(), &error))?;
    let trained = experiment.run(&options, &Watch { data: &data.name });
    signals::let_through();
    trained?;
    match signals::caught() {
        Some(signal) => Err(interrupted(signal, experiment)),
        None => Ok(()),
    }
}

/// The end of an experiment that a signal has interrupted.
fn interrupted(signal: i32, experiment: &Experiment<'_>) -> Failure {
    let text = format!(
        "note: {} with {} of {} runs finished: everything is saved\n  go on: say the same command again\n",
        signals::name(signal),
        experiment.finished(),
        experiment.total()
    );
    Failure { exit: Exit::of_signal(signal), text }
}

/// Draws each run's curves and tells of every finished run.
struct Watch<'a> {
    data: &'a str,
}

impl Observer for Watch<'_> {
    fn resumed(&self, row: &str, seed: u64, steps: u64) {
        output::note(&format!("{row} seed {seed} goes on after step {steps}\n"));
    }

    fn trained(&self, run: &RunDir, row: &str, history: &RunHistory) -> Result<(), TrainError> {
        super::train::draw_curves(run, row, self.data, history)
    }

    fn finished(&self, progress: &Progress<'_>) {
        let score = progress.score;
        let result = match score.test {
            Some(test) => format!("test accuracy {}, loss {:.4}", test.accuracy_text(), test.loss),
            None => "diverged: the loss is no longer a number".to_owned(),
        };
        let left = if progress.done == progress.total {
            String::new()
        } else {
            format!(" · about {} left", duration(progress.seconds_left))
        };
        output::note(&format!(
            "[{}/{}] {} seed {}: {result}, {}{left}\n",
            progress.done,
            progress.total,
            score.row,
            score.seed,
            duration(score.seconds)
        ));
    }
}

/// `41 s`, `12 min`, `3 h 20 min`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match whole {
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        0..=119 => format!("{whole} s"),
        120..=5_399 => format!("{} min", (whole + 30) / 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Table and pictures into the experiment's folder. They say what the runs say: written anew each time.
fn keep(experiment: &Experiment<'_>, results: &Results) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(results)
        .map_err(|error| TrainError::Internal { message: error.to_string() })?;
    let notes = results.notes().join("\n- ");
    let page = format!("# {}\n\n{}\n- {notes}\n", results.name, results.to_markdown());
    for (name, text) in [
        ("results.json", json + "\n"),
        ("table.md", page),
        ("table.csv", results.to_csv()),
        ("runs.csv", results.runs_csv()),
    ] {
        experiment.write(name, text.as_bytes())?;
    }
    super::experiment_charts::write(experiment, results)
}

fn tell(format: Format, results: &Results, folder: &Path) -> Result<(), Failure> {
    if format == Format::Json {
        let text = serde_json::to_string(results)
            .map_err(|error| TrainError::Internal { message: error.to_string() })?;
        return output::result(&(text + "\n"));
    }
    output::result(&format!(
        "{}\n{}\n\nExperiment folder: {}\n",
        results.to_text(),
        results.notes().join("\n"),
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_short() {
        let shown = [0.44, 9.94, 41.4, 119.0, 754.0, 12_000.0].map(duration);
        assert_eq!(shown, ["0.4 s", "9.9 s", "41 s", "119 s", "13 min", "3 h 20 min"]);
    }
}

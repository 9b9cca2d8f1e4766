//! The `cnn` command.
//!
//! `main` reads the command line and hands over to one file of [`commands`] per subcommand. Libraries return what happened;
//! this crate is the only one that prints it, chooses the exit code and reads the environment.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod environment;
mod experiments;
mod failure;
mod files;
mod fits;
mod inspect;
mod output;
mod pictures;
mod presets;
mod reference;
mod report;
mod runs;
mod signals;
#[cfg(feature = "tui")]
mod tui;

use args::{Cli, Color, Command};
use clap::{CommandFactory, FromArgMatches};
use failure::Failure;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    // clap wants text that lives as long as the program: it is made once.
    let version: &'static str = environment::long_version().leak();
    let command = Cli::command().long_version(version);
    let cli = match command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with exit code 0; a closed pipe is no failure.
            if let (Err(failed), 0) = (error.print(), error.exit_code())
                && failed.kind() != ErrorKind::BrokenPipe
            {
                let failure = Failure::disk(Path::new("<stdout>"), &failed);
                output::note(&failure.text);
                return ExitCode::from(failure.exit as u8);
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match cli.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    match catch_unwind(AssertUnwindSafe(|| run(&cli))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            output::note(&failure.text);
            ExitCode::from(failure.exit as u8)
        }
        Err(_) => {
            output::note(
                "error: this is a mistake in the program itself, not in your files; please report the lines above\n",
            );
            ExitCode::from(1)
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::New(args) => commands::new::run(args),
        Command::Summary(args) => commands::summary::run(args),
        Command::Train(args) => commands::train::run(args),
        Command::Evaluate(args) => commands::evaluate::run(args),
        Command::Verify(args) => commands::verify::run(args),
        Command::Experiment(args) => commands::experiment::run(args),
        Command::Doctor(args) => commands::doctor::run(args),
        Command::LrFind(args) => commands::lr_find::run(args),
        Command::Schedule(args) => commands::schedule::run(args),
        Command::Predict(args) => commands::predict::run(args),
        Command::Activations(args) => commands::activations::run(args),
        Command::Filters(args) => commands::filters::run(args),
        Command::Report(args) => commands::report::run(args),
        Command::Explain(args) => commands::explain::run(args),
        Command::Augment(command) => commands::augment::run(command),
        Command::Convolve(args) => commands::convolve::run(args),
        Command::Bench(args) => commands::bench::run(args),
        Command::Data(command) => commands::data::run(command),
        Command::Layers(args) => commands::layers::run(args),
        Command::Schema(args) => commands::schema::run(args),
        Command::Completions(args) => commands::completions::run(args),
        Command::Man(args) => commands::man::run(args),
    }
}

//! `cnn data`: getting a data set, what it holds, and which of its labels may be wrong.

mod fetch;
#[cfg(feature = "download")]
mod fetching;
mod info;
mod suspects;
mod twins;

use crate::failure::Failure;

/// The subcommands of `cnn data`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show a data set's sizes, classes, pixels, duplicates and fingerprint, and draw samples of it.
    Info(info::Args),
    /// List the images whose label a trained model contradicts most: candidates for wrong labels.
    #[command(long_about = suspects::ABOUT)]
    Suspects(suspects::Args),
    /// Get a published data set from the network: Fashion-MNIST, or MNIST.
    #[command(long_about = fetch::ABOUT)]
    Fetch(fetch::Args),
}

/// Runs a subcommand.
pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Info(args) => info::run(args),
        Command::Suspects(args) => suspects::run(args),
        Command::Fetch(args) => fetch::run(args),
    }
}

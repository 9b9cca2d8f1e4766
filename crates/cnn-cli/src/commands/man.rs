//! `cnn man`: manual pages of all commands.

use crate::args::Cli;
use crate::failure::Failure;
use crate::{files, output};
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  cnn man ~/.local/share/man/man1        then `man cnn-train`
  cnn man | man -l -                     the page of `cnn` itself";

/// What `cnn man` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A folder for the pages, made if need be: cnn.1, cnn-train.1, …; without one, the first page goes to stdout.
    folder: Option<PathBuf>,

    /// Write over files that exist.
    #[arg(long)]
    force: bool,
}

/// Prints the first page, or writes all of them.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut pages = Vec::new();
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    collect(&command, &mut pages);
    let Some(folder) = &args.folder else {
        let first = pages.first().map(|(_, page)| String::from_utf8_lossy(page).into_owned());
        return output::result(&first.unwrap_or_default());
    };
    std::fs::create_dir_all(folder).map_err(|error| Failure::disk(folder, &error))?;
    for (name, _) in &pages {
        files::must_be_free(&folder.join(name), args.force)?;
    }
    for (name, page) in &pages {
        files::write(&folder.join(name), page, args.force)?;
    }
    output::result(&format!("{} pages in {}\n", pages.len(), folder.display()))
}

/// The page of a command, then those of its subcommands.
fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) {
    let man = Man::new(command.clone());
    let (name, mut page) = (man.get_filename(), Vec::new());
    // Writing to memory does not fail.
    if man.render(&mut page).is_ok() {
        pages.push((name, page));
    }
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        collect(sub, pages);
    }
}

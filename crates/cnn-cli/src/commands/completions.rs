//! `cnn completions`: what a shell completes after `cnn`.

use crate::args::Cli;
use crate::failure::Failure;
use crate::output;
use clap::CommandFactory as _;
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  cnn completions bash > ~/.local/share/bash-completion/completions/cnn
  cnn completions zsh > ~/.zfunc/_cnn            with fpath+=~/.zfunc before compinit in .zshrc
  cnn completions fish > ~/.config/fish/completions/cnn.fish
  cnn completions powershell >> $PROFILE
  cnn completions elvish >> ~/.config/elvish/rc.elv";

/// What `cnn completions` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cnn", &mut script);
    output::result(&String::from_utf8_lossy(&script))
}

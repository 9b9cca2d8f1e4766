//! `cnn new`: a preset as a file, to be changed.

use crate::failure::Failure;
use crate::presets::{self, PRESETS};
use crate::{files, output};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What `cnn new` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which preset.
    #[arg(required_unless_present = "list")]
    preset: Option<String>,

    /// Where to; default PRESET.toml here, `-` for standard output.
    file: Option<PathBuf>,

    /// Show the presets.
    #[arg(long)]
    list: bool,

    /// Write even if the file exists.
    #[arg(long)]
    force: bool,
}

/// Writes the preset, or lists them.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let Some(name) = args.preset.as_deref().filter(|_| !args.list) else {
        return output::result(&list());
    };
    let Some(preset) = presets::find(name) else {
        let near = cnn_nn::config::nearest(name, PRESETS.iter().map(|preset| preset.name));
        let help = near.map_or_else(
            || format!("the presets: {}", presets::names()),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(Failure::usage(&format!("no preset `{name}`"), &help));
    };
    if args.file.as_deref().is_some_and(|file| file == Path::new("-")) {
        return output::result(preset.text);
    }
    let file = args.file.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.toml")));
    files::write(&file, preset.text.as_bytes(), args.force)?;
    output::result(&format!("{}\n", file.display()))
}

fn list() -> String {
    PRESETS.iter().fold(String::new(), |mut text, preset| {
        let _ = writeln!(text, "{:<18}{}", preset.name, preset.about());
        text
    })
}

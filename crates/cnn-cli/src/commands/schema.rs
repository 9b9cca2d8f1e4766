//! `cnn schema`: the JSON Schema of a file, for editors.

use crate::failure::Failure;
use crate::{output, reference};
use clap::ValueEnum;

const EXAMPLES: &str = "\
Examples:
  cnn schema > model.schema.json
  cnn schema sweep > sweep.schema.json

An editor completes and checks a model.toml by it. With taplo, or the extension Even Better TOML
of VS Code, the file's first line says where it is:
  #:schema ./model.schema.json
For all files of a project, in .taplo.toml beside them:
  [[rule]]
  include = [\"**/model.toml\"]
  schema = { path = \"./model.schema.json\" }";

/// What `cnn schema` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which file.
    #[arg(value_enum, default_value_t = File::Model)]
    file: File,
}

/// A file that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum File {
    /// The model.toml of `cnn train`.
    Model,
    /// The sweep.toml of `cnn experiment`.
    Sweep,
}

/// Prints it.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    output::result(match args.file {
        File::Model => reference::MODEL_SCHEMA,
        File::Sweep => reference::SWEEP_SCHEMA,
    })
}

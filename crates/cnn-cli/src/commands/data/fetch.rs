//! `cnn data fetch`: a published data set, from the network. Builds without the feature `download` say how to do without.

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::{environment, output};
use cnn_data::download::{Found, Published};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub(super) const ABOUT: &str = "\
Get a published data set from the network: Fashion-MNIST, or MNIST.

Every file's size and SHA-256 are part of this program, so that what comes is what was published, from whatever mirror. \
A file that is there is looked at, not got again. What was cut off goes on where it stopped, with the same command; \
until a file is complete and right it is NAME.part.

Needs a program built with --features download; without it, the command says which files to put where.";

const EXAMPLES: &str = "\
Examples:
  cnn data fetch mnist
  cnn data fetch fashion-mnist --to /srv/data/fashion-mnist
  cnn data fetch mnist --mirror http://files.school.example/data/";

/// What `cnn data fetch` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The data set.
    #[arg(value_parser = ["fashion-mnist", "mnist"])]
    name: String,

    /// Put the files into this folder. Default: the folder in which the name is looked for (see `cnn --help`).
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,

    /// Look here instead of the published places: a folder of http or https that has the files. May be repeated.
    #[arg(long, value_name = "URL", value_parser = address)]
    mirror: Vec<String>,

    /// Replace a file of the name that is not the published one.
    #[arg(long)]
    repair: bool,

    /// The result as text or as one JSON object.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// An address that can be asked.
fn address(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_graphic();
    match rest {
        Some(rest) if !rest.starts_with('/') && !rest.is_empty() && rest.chars().all(plain) => {
            Ok(text.to_owned())
        }
        _ => Err("an address begins with http:// or https:// and has no spaces".to_owned()),
    }
}

/// Where a file came from; nothing where it was there already.
type Files = Vec<(PathBuf, Option<String>)>;

/// Gets what is missing.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let Some(set) = Published::named(&args.name) else {
        return Err(Failure::usage("no such data set", "fashion-mnist, mnist"));
    };
    let folder = args.to.clone().unwrap_or_else(|| environment::data_folder(set.name));
    let files = match all_there(set, &folder) {
        Some(files) => files,
        None => get(set, &folder, args)?,
    };
    output::result(&match args.format {
        Format::Json => json_of(set, &folder, &files).to_string() + "\n",
        Format::Text => text_of(set, &folder, &files, args.to.is_some()),
    })
}

/// The files, where all of them are there and right. Then no network is needed, whatever the build.
fn all_there(set: &Published, folder: &Path) -> Option<Files> {
    let right = |found: std::io::Result<Found>| found.is_ok_and(|found| found == Found::Right);
    let files = set.files.iter();
    files.map(|file| right(file.look(folder)).then(|| (file.path(folder), None))).collect()
}

#[cfg(not(feature = "download"))]
fn get(set: &Published, folder: &Path, _args: &Args) -> Result<Files, Failure> {
    Err(Failure::new(
        Exit::Usage,
        "",
        "this cnn was built without downloads",
        "",
        &[],
        &[
            "cargo install --path crates/cnn-cli --features download",
            &format!("or {}", set.by_hand(folder)),
        ],
    ))
}

#[cfg(feature = "download")]
fn get(set: &Published, folder: &Path, args: &Args) -> Result<Files, Failure> {
    use cnn_data::download::{Options, fetch};
    let options = Options {
        mirrors: args.mirror.clone(),
        repair: args.repair,
        proxy_variables: true,
        ..Options::default()
    };
    let mut teller = super::fetching::Teller::new();
    let fetched = fetch(set, folder, &options, &mut |event| teller.tell(event));
    teller.end_line();
    match fetched {
        Ok(files) => Ok(files.into_iter().map(|file| (file.path, file.from)).collect()),
        Err(error) => Err(failure(&error, set, folder)),
    }
}

#[cfg(feature = "download")]
fn failure(error: &cnn_data::download::FetchError, set: &Published, folder: &Path) -> Failure {
    use cnn_data::download::FetchError;
    let mut facts = Vec::new();
    let mut hints: Vec<String> = error.hints().into_iter().map(str::to_owned).collect();
    let (exit, path): (_, &Path) = match error {
        FetchError::Other { path, .. } => (Exit::Data, path),
        FetchError::Disk { path, .. } | FetchError::Busy { path, .. } => (Exit::Disk, path),
        FetchError::NoMirror { path, tries, .. } => {
            for one in tries {
                facts.push(format!("{} [{}]: {}", one.url, one.problem.code(), one.problem));
            }
            hints.push(format!("without the network: {}", set.by_hand(folder)));
            (Exit::Network, path)
        }
        _ => (Exit::Data, folder),
    };
    let facts: Vec<&str> = facts.iter().map(String::as_str).collect();
    let hints: Vec<&str> = hints.iter().map(String::as_str).collect();
    let place = path.display().to_string();
    Failure::new(exit, error.code(), &error.to_string(), &place, &facts, &hints)
}

fn text_of(set: &Published, folder: &Path, files: &Files, elsewhere: bool) -> String {
    let mut text = String::new();
    for (path, from) in files {
        let how = from.as_ref().map_or_else(
            || "was there already, and is right".to_owned(),
            |url| format!("from {url}"),
        );
        let _ = writeln!(text, "{}: {how}", path.display());
    }
    let model = if set.name == "mnist" { "mnist-assignment" } else { "cnn32" };
    let data = match files.as_slice() {
        _ if !elsewhere => set.name.to_owned(),
        [(file, _)] => file.display().to_string(),
        _ => folder.display().to_string(),
    };
    text + &format!("train with it: cnn train {model} --data {data}\n")
}

fn json_of(set: &Published, folder: &Path, files: &Files) -> Value {
    let file = |(path, from): &(PathBuf, Option<String>)| json!({"path": path.display().to_string(), "from": from});
    json!({
        "schema": 1, "name": set.name, "folder": folder.display().to_string(),
        "files": files.iter().map(file).collect::<Vec<_>>(),
    })
}

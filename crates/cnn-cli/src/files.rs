//! Reading what people name and writing without taking anything from them.

use crate::failure::{Exit, Failure};
use crate::{output, presets};
use cnn_train::TrainError;
use cnn_viz::Scene;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A model.toml is at most this many bytes.
const MODEL_LIMIT: u64 = cnn_nn::config::MAX_BYTES as u64;

/// A model.toml's name, as messages show it, and its text.
#[derive(Debug)]
pub(crate) struct ModelText {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The text of a model.toml, or of the preset of that name. `-` reads standard input.
pub(crate) fn model(given: &str) -> Result<ModelText, Failure> {
    if given == "-" {
        return read_model("<stdin>", io::stdin().lock());
    }
    let path = Path::new(given);
    // A pipe too: a shell hands the output of a command as one.
    if path.exists() && !path.is_dir() {
        let file = fs::File::open(path)
            .map_err(|error| Failure::model("M001", &error.to_string(), given, ""))?;
        return read_model(given, file);
    }
    if let Some(preset) = presets::find(given) {
        let copy = format!("{given}.toml");
        if Path::new(&copy).is_file() {
            output::note(&format!(
                "note: this is the preset {given}; the file here is meant by {copy}\n"
            ));
        }
        return Ok(ModelText { name: format!("{given}.toml"), text: preset.text.to_owned() });
    }
    if path.is_dir() {
        let inside = path.join("model.toml");
        let help = if inside.is_file() {
            format!("the model in it is {}", inside.display())
        } else {
            String::new()
        };
        return Err(Failure::model("M001", "this is a folder, not a model.toml", given, &help));
    }
    let near = cnn_nn::config::nearest(given, presets::PRESETS.iter().map(|preset| preset.name));
    let help = match near {
        Some(near) => format!("did you mean the preset `{near}`?"),
        None => format!("give a model.toml or one of the presets: {}", presets::names()),
    };
    Err(Failure::model("M001", "no such file, and no preset of that name", given, &help))
}

fn read_model(name: &str, reader: impl Read) -> Result<ModelText, Failure> {
    let mut bytes = Vec::new();
    reader
        .take(MODEL_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::model("M001", &error.to_string(), name, ""))?;
    if bytes.len() as u64 > MODEL_LIMIT {
        return Err(Failure::model(
            "M001",
            "a model.toml has at most 256 KiB",
            name,
            "is this the file that you meant?",
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::model(
            "M001",
            &format!("byte {at} is not UTF-8"),
            name,
            "save the file as UTF-8 text",
        )
    })?;
    Ok(ModelText { name: name.to_owned(), text })
}

/// The text of a file of at most `limit` bytes.
pub(crate) fn text(path: &Path, limit: u64) -> Result<String, Failure> {
    let place = path.display().to_string();
    let wrong = |what: &str| {
        Failure::new(Exit::Usage, "", what, &place, &[], &["is this the file that you meant?"])
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| wrong(&error.to_string()))?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| wrong(&error.to_string()))?;
    if bytes.len() as u64 > limit {
        return Err(wrong(&format!("the file has more than {limit} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| wrong("the file is not text in UTF-8"))
}

/// Refuses a path that exists, unless the person said `--force`. Asked before the work, so that no hour of it is lost.
pub(crate) fn must_be_free(path: &Path, force: bool) -> Result<(), Failure> {
    if !force && path.symlink_metadata().is_ok() { Err(Failure::exists(path)) } else { Ok(()) }
}

/// Refuses a place where no file can be written: where its folder is not there, or does not let this program write. `to_be_made` is
/// a folder that will be there by then, with those above it. Asked before the work.
pub(crate) fn must_be_writable(path: &Path, to_be_made: &Path) -> Result<(), Failure> {
    let wrong = |what: &str, place: &Path, help: &str| {
        Err(Failure::new(Exit::Disk, "", what, &place.display().to_string(), &[], &[help]))
    };
    if path.is_dir() || path.file_name().is_none() {
        return wrong("this is a folder", path, "name a file in it");
    }
    let folder = folder_of(path);
    if folder.is_dir() {
        let tried = tempfile::Builder::new().prefix(".cnn-").tempfile_in(folder);
        // Without the name of the file that was tried.
        return tried.map(drop).map_err(|error| Failure::disk(path, &error.kind().into()));
    }
    if from_root(to_be_made).starts_with(from_root(folder)) {
        return Ok(());
    }
    Err(no_such_folder(folder))
}

/// The folder that a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Nothing can be written into a folder that is not there.
pub(crate) fn no_such_folder(folder: &Path) -> Failure {
    let place = folder.display().to_string();
    let help = "make it first, or choose another place";
    Failure::new(Exit::Disk, "", "there is no such folder", &place, &[], &[help])
}

/// The path from the root, if the system tells.
pub(crate) fn from_root(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Pixels of a PNG for each pixel of its scene: sharp on any screen.
pub(crate) const PNG_SCALE: f32 = 2.0;

/// What follows the last dot of a path, in small letters; nothing where there is no dot.
pub(crate) fn extension(path: &Path) -> String {
    path.extension().map_or_else(String::new, |end| end.to_string_lossy().to_ascii_lowercase())
}

/// The files that [`picture`] writes.
///
/// # Errors
/// An ending that is neither of them.
pub(crate) fn picture_paths(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    Ok(match extension(path).as_str() {
        "svg" | "png" => vec![path.to_owned()],
        "jpg" | "jpeg" | "gif" | "webp" | "bmp" | "tif" | "tiff" | "pdf" => {
            let what = format!("{} is neither SVG nor PNG", path.display());
            return Err(Failure::usage(
                &what,
                "pictures are written as .svg or .png; without an ending, as both",
            ));
        }
        _ => ["svg", "png"].map(|end| PathBuf::from(format!("{}.{end}", path.display()))).to_vec(),
    })
}

/// Writes a picture: as SVG or PNG where the path says which, otherwise as both beside each other. Returns what was written.
pub(crate) fn picture(path: &Path, scene: &Scene, force: bool) -> Result<Vec<PathBuf>, Failure> {
    let paths = picture_paths(path)?;
    for path in &paths {
        must_be_free(path, force)?;
    }
    for path in &paths {
        if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("svg")) {
            write(path, scene.to_svg().as_bytes(), force)?;
        } else {
            let png = scene.to_png(PNG_SCALE).map_err(|error| {
                let place = path.display().to_string();
                Failure::new(Exit::Disk, "", &error.to_string(), &place, &[], &[])
            })?;
            write(path, &png, force)?;
        }
    }
    Ok(paths)
}

/// Writes a file in one go: either the whole of it is there, or nothing of it.
pub(crate) fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    cnn_train::write_file(path, bytes, force).map_err(|error| match error {
        TrainError::Exists { .. } => Failure::exists(path),
        other => other.into(),
    })
}

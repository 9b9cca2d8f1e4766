//! Every parser behind one face: bytes to nothing, or to the code and the words of an error.

use cnn_data::{DataError, FormatError, csv_images, npy, npz, parse_idx};
use cnn_nn::config::{Diagnostics, Severity};
use cnn_train::experiment::Sweep;
use cnn_train::{Checkpoint, Config, ModelFile, Overrides, RunDir, TrainError};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::Path;

/// What a file is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// idx, or idx in gzip.
    Idx,
    Npy,
    Npz,
    Csv,
    /// The same through the loader of data sets, plain or in gzip.
    CsvFile,
    /// A picture, PNG or JPEG, for a model of 28×28 grey pixels.
    Picture,
    /// A folder with this picture in each of its two classes.
    Folder,
    Model,
    Sweep,
    /// A model file as it stands on the disk.
    ModelFile,
    /// Its payload, with a right checksum around it.
    Payload,
    /// A checkpoint as it stands on the disk.
    Checkpoint,
    /// Its payload, with a right checksum around it.
    CheckpointPayload,
    History,
    Run,
    /// The config.toml of a run.
    ConfigOfRun,
}

/// What is told about a bad file.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: String,
    /// Message, notes and hint.
    pub(crate) text: String,
    hint: String,
}

pub(crate) type Answer = Result<(), Told>;

impl Told {
    fn new(code: &str, message: &str, hint: &str) -> Self {
        Self { code: code.to_owned(), text: format!("{message}\n{hint}"), hint: hint.to_owned() }
    }

    /// What is wrong with the error itself: each has a code and a hint, is short, and steers no terminal.
    pub(crate) fn flaw(&self) -> Option<String> {
        let control = self.text.chars().any(|c| c.is_control() && c != '\n');
        let sound =
            !control && !self.code.is_empty() && !self.hint.is_empty() && self.text.len() < 20_000;
        (!sound).then(|| {
            format!("no good error: {:?}", self.text.chars().take(2000).collect::<String>())
        })
    }
}

impl From<FormatError> for Told {
    fn from(error: FormatError) -> Self {
        Self::new(error.code, &error.message, &error.hint)
    }
}

impl From<DataError> for Told {
    fn from(error: DataError) -> Self {
        Self::new(error.code(), &error.to_string(), &error.hint())
    }
}

impl From<TrainError> for Told {
    fn from(error: TrainError) -> Self {
        let hint = match &error {
            // Told with the model's own words.
            TrainError::Build(failure) => failure.to_string(),
            other => other.hint(),
        };
        Self::new(error.code(), &error.to_string(), &hint)
    }
}

impl From<Diagnostics> for Told {
    fn from(found: Diagnostics) -> Self {
        let errors: Vec<_> = found.iter().filter(|one| one.severity == Severity::Error).collect();
        // What a terminal gets is checked, with its lines of the file.
        let code = errors.first().map_or("", |one| one.code);
        Self::new(code, &found.to_string(), "the places are in the text")
    }
}

/// The model that sweeps change.
pub(crate) const MODEL: &str = "input = [6, 6, 1]\n[[layers]]\ntype = \"Conv2D\"\nfilters = 2\nkernel_size = 3\nactivation = \"relu\"\n\
[[layers]]\ntype = \"MaxPooling2D\"\n[[layers]]\ntype = \"Dropout\"\nrate = 0.2\n[[layers]]\ntype = \"Flatten\"\n\
[[layers]]\ntype = \"Dense\"\nunits = 3\nactivation = \"softmax\"\n[fit]\nepochs = 1\n";

/// An envelope of this kind with a right checksum around any payload.
fn envelope(magic: [u8; 8], version: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    let sum = Sha256::new().chain_update(&bytes).chain_update(payload).finalize();
    bytes.extend(sum);
    bytes.extend(payload);
    bytes
}

impl Kind {
    /// Reads the bytes as this kind.
    pub(crate) fn parse(self, bytes: &[u8]) -> Answer {
        match self {
            Self::Idx => drop(parse_idx(bytes)?),
            Self::Npy => drop(npy::parse(bytes)?),
            Self::Npz => drop(npz::parse(bytes)?),
            Self::Csv => drop(csv_images::parse(bytes)?),
            Self::CsvFile => {
                return in_folder("train.csv", bytes, |path| {
                    drop(cnn_data::load(&path.to_string_lossy(), path)?);
                    Ok(())
                });
            }
            Self::Picture => {
                return in_folder("picture.png", bytes, |path| {
                    drop(cnn_data::image_file::load(path, [28, 28, 1])?);
                    drop(cnn_data::image_file::load_grey(path)?);
                    Ok(())
                });
            }
            Self::Folder => return classes(bytes),
            Self::Model => {
                // As `cnn` reads it: text first.
                let text = text(bytes)?;
                let (config, _) = Config::from_toml("model.toml", text)?;
                config.model.build().map_err(TrainError::from)?;
            }
            Self::Sweep => {
                let model = |name: &str| match name {
                    "base" => Ok(("base.toml".to_owned(), MODEL.to_owned())),
                    _ => Err("there is only `base`".to_owned()),
                };
                drop(Sweep::from_toml("sweep.toml", text(bytes)?, Overrides::default(), &model)?);
            }
            Self::ModelFile => drop(ModelFile::from_bytes(bytes)?.unpack()?),
            Self::Payload => {
                use cnn_train::model_file::{MAGIC, VERSION};
                drop(ModelFile::from_bytes(&envelope(MAGIC, VERSION, bytes))?.unpack()?);
            }
            Self::Checkpoint => drop(Checkpoint::from_bytes(bytes)?),
            Self::CheckpointPayload => {
                drop(Checkpoint::from_bytes(&envelope(
                    Checkpoint::MAGIC,
                    Checkpoint::VERSION,
                    bytes,
                ))?);
            }
            Self::History => {
                return in_folder("history.json", bytes, |path| {
                    drop(RunDir::history(path.parent().unwrap())?);
                    Ok(())
                });
            }
            Self::Run => {
                return in_folder("run.json", bytes, |path| {
                    drop(RunDir::info(path.parent().unwrap())?);
                    Ok(())
                });
            }
            Self::ConfigOfRun => {
                return in_folder("config.toml", bytes, |path| {
                    drop(RunDir::config(path.parent().unwrap())?);
                    Ok(())
                });
            }
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Result<&str, Told> {
    std::str::from_utf8(bytes).map_err(|_| Told::new("M001", "not UTF-8", "save it as UTF-8 text"))
}

/// Hands the file to `read`.
fn in_folder(name: &str, bytes: &[u8], read: impl FnOnce(&Path) -> Answer) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    read(&path)
}

fn classes(bytes: &[u8]) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        fs::create_dir(folder.path().join(class)).unwrap();
        // Two different files, where a byte behind the end does not matter.
        fs::write(folder.path().join(class).join("1.png"), bytes).unwrap();
        let other = [bytes, class.as_bytes()].concat();
        let other = if bytes.is_empty() { bytes } else { &other };
        fs::write(folder.path().join(class).join("2.jpg"), other).unwrap();
    }
    let place = folder.path().to_string_lossy().into_owned();
    cnn_data::load_as(&place, folder.path(), Some([4, 5, 1]))?;
    Ok(())
}

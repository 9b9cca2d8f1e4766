//! The native model file: everything that is needed to use a trained model, in one checksummed file.
//!
//! The payload is [`ModelFile`]: program version, model.toml, tensors, class names, preprocessing. A file names neither code nor
//! paths. Around it is the envelope that checkpoints have too (`envelope.rs`): a flipped bit or a missing byte anywhere is an
//! error.
//!
//! Weights that are to outlive this program belong into `weights.npz`.

use crate::atomic;
use crate::config::Config;
use crate::envelope::{Envelope, FILE_LIMIT};
use crate::error::TrainError;
use crate::weights::{NamedTensor, named_tensors, weights_from};
use cnn_nn::Model;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// First bytes of a model file.
pub const MAGIC: [u8; 8] = *b"CNNMODEL";

/// Version of the layout that this program writes, and the latest that it reads.
pub const VERSION: u16 = 1;

const ENVELOPE: Envelope = Envelope {
    name: "model file",
    magic: MAGIC,
    version: VERSION,
    other: "give a model.cnn that `cnn train` wrote",
    damaged: "the file is damaged: copy it again, or train again",
};

/// A trained model with everything that is needed to use it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFile {
    /// Version of the program that wrote it.
    pub program: String,
    /// The resolved model.toml.
    pub model_toml: String,
    /// The weights, in the model's order.
    pub tensors: Vec<NamedTensor>,
    /// Name of each class.
    pub classes: Vec<String>,
    /// How a picture becomes an input.
    pub preprocessing: Preprocessing,
}

/// [`ModelFile`] as its bytes are read. Texts are parts of the payload: a length is compared with what is there, where an owned
/// text would first be given as much memory as the length claims.
#[derive(Deserialize)]
struct Payload<'a> {
    program: &'a str,
    model_toml: &'a str,
    #[serde(borrow)]
    tensors: Vec<PayloadTensor<'a>>,
    classes: Vec<&'a str>,
    preprocessing: Preprocessing,
}

/// [`NamedTensor`] likewise.
#[derive(Deserialize)]
struct PayloadTensor<'a> {
    name: &'a str,
    shape: Vec<u64>,
    values: Vec<f32>,
}

impl Payload<'_> {
    fn owned(self) -> ModelFile {
        let tensors = self.tensors.into_iter().map(|PayloadTensor { name, shape, values }| {
            NamedTensor { name: name.to_owned(), shape, values }
        });
        ModelFile {
            program: self.program.to_owned(),
            model_toml: self.model_toml.to_owned(),
            tensors: tensors.collect(),
            classes: self.classes.into_iter().map(str::to_owned).collect(),
            preprocessing: self.preprocessing,
        }
    }
}

/// How a picture becomes the model's input: resized to `height` × `width`, turned to `channels` (1 is grey, 3 is RGB), each
/// byte divided by `divisor`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// Pixels down.
    pub height: u32,
    /// Pixels across.
    pub width: u32,
    /// Numbers per pixel.
    pub channels: u32,
    /// 255: bytes become numbers between 0 and 1.
    pub divisor: f32,
}

impl Preprocessing {
    /// Images of this shape [h, w, c], bytes divided by 255.
    pub fn bytes(shape: [usize; 3]) -> Self {
        let [height, width, channels] = shape.map(|dim| u32::try_from(dim).unwrap_or(u32::MAX));
        Self { height, width, channels, divisor: 255.0 }
    }
}

impl ModelFile {
    /// A model with its weights. `config` is written resolved: every value and every layer's name spelt out.
    ///
    /// # Errors
    /// A weight that is NaN or infinite.
    ///
    /// # Panics
    /// If `weights` is not as long as the model's arena.
    pub fn new(
        config: &Config,
        model: &Model,
        weights: &[f32],
        classes: &[String],
        preprocessing: Preprocessing,
    ) -> Result<Self, TrainError> {
        crate::weights::check_finite(model, weights)?;
        let model_toml = config.resolved(model).to_toml()?;
        Ok(Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            model_toml,
            tensors: named_tensors(model, weights),
            classes: classes.to_vec(),
            preprocessing,
        })
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// A payload beyond 4.1 GB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TrainError> {
        ENVELOPE.seal(self)
    }

    /// Reads a file's bytes: magic, version, length, checksum, then the payload.
    ///
    /// # Errors
    /// [`TrainError::ModelFile`] with the section at fault.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TrainError> {
        Ok(ENVELOPE.open::<Payload<'_>>(bytes)?.owned())
    }

    /// Writes the file in one go; a reader sees the old one or the new one, whole.
    ///
    /// # Errors
    /// [`TrainError::Exists`] unless `replace`; the disk's errors.
    pub fn save(&self, path: &Path, replace: bool) -> Result<(), TrainError> {
        atomic::write(path, &self.to_bytes()?, replace)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// As [`ModelFile::from_bytes`], and the disk's errors.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        Self::from_bytes(&atomic::read(path, FILE_LIMIT)?)
    }

    /// The configuration, the model built from it and its weights.
    ///
    /// # Errors
    /// A model.toml that this program does not understand; tensors that do not fit the model; a weight that is NaN or
    /// infinite, with tensor and position; another number of class names than outputs; preprocessing for another input.
    pub fn unpack(&self) -> Result<(Config, Model, Vec<f32>), TrainError> {
        let invalid = |section, message| TrainError::ModelFile {
            kind: "model file",
            section,
            message,
            hint: "it was written by another version of this program; train again",
        };
        let (config, _) = Config::from_toml("model.toml in the model file", &self.model_toml)
            .map_err(|found| invalid("model.toml", found.to_string()))?;
        let model = config.model.build()?;
        let weights = weights_from(&model, &self.tensors)?;
        let outputs = model.classes();
        if self.classes.len() != outputs {
            return Err(invalid(
                "class names",
                format!("{} names for {outputs} outputs", self.classes.len()),
            ));
        }
        let Preprocessing { height, width, channels, divisor } = self.preprocessing;
        let numbers = [height, width, channels]
            .iter()
            .try_fold(1u64, |n, &dim| n.checked_mul(u64::from(dim)));
        if numbers != Some(model.input().len() as u64) || !(divisor.is_finite() && divisor > 0.0) {
            let message = format!(
                "{height}×{width}×{channels} divided by {divisor} does not fit the input {:?}",
                model.input().dims()
            );
            return Err(invalid("preprocessing", message));
        }
        Ok((config, model, weights))
    }
}

//! The native model file: everything that is needed to use a trained model, in one checksummed file.
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | `CNNMODEL` |
//! | 8..10 | version of the layout, little-endian u16, now 1 |
//! | 10..18 | length of the payload, little-endian u64 |
//! | 18..50 | SHA-256 of the 18 bytes before it and of the payload |
//! | 50.. | payload, and nothing after it |
//!
//! The payload is [`ModelFile`] in bincode 2's `legacy` encoding (little-endian, fixed-size integers; what bincode 1 wrote): program
//! version, model.toml, tensors, class names, preprocessing. A flipped bit or a missing byte anywhere is an error, no memory
//! is taken on a header's word alone, and a file names neither code nor paths.
//!
//! bincode is no longer maintained (RUSTSEC-2025-0141 names no vulnerability); it is used here and nowhere else, behind a
//! checksum. Weights that are to outlive this program belong into `weights.npz`.

use crate::atomic;
use crate::config::Config;
use crate::error::TrainError;
use crate::weights::{NamedTensor, named_tensors, weights_from};
use cnn_nn::Model;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// First bytes of a model file.
pub const MAGIC: [u8; 8] = *b"CNNMODEL";

/// Version of the layout that this program writes, and the latest that it reads.
pub const VERSION: u16 = 1;

/// Bytes before the payload.
const HEADER: usize = 50;

/// Bytes of a payload, at most: 10⁹ weights and their names.
const LIMIT: usize = 4_100_000_000;

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
        let encoding = bincode::config::legacy().with_limit::<LIMIT>();
        let payload = bincode::serde::encode_to_vec(self, encoding)
            .map_err(|error| damaged("payload", error.to_string()))?;
        let mut bytes = Vec::with_capacity(HEADER + payload.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((payload.len() as u64).to_le_bytes());
        let checksum = checksum(&bytes, &payload);
        bytes.extend(checksum);
        bytes.extend(payload);
        Ok(bytes)
    }

    /// Reads a file's bytes: magic, version, length, checksum, then the payload.
    ///
    /// # Errors
    /// [`TrainError::ModelFile`] with the section at fault.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TrainError> {
        let (header, payload) = open_envelope(bytes)?;
        if checksum(&header[..18], payload) != header[18..] {
            return Err(damaged("checksum", "the content was changed after it was written".into()));
        }
        let encoding = bincode::config::legacy().with_limit::<LIMIT>();
        let decoded = bincode::serde::decode_from_slice::<Self, _>(payload, encoding);
        let (file, used) = decoded.map_err(|error| damaged("payload", error.to_string()))?;
        if used != payload.len() {
            return Err(damaged(
                "payload",
                format!("{} bytes follow the content", payload.len() - used),
            ));
        }
        Ok(file)
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
        Self::from_bytes(&atomic::read(path, (HEADER + LIMIT) as u64)?)
    }

    /// The configuration, the model built from it and its weights.
    ///
    /// # Errors
    /// A model.toml that this program does not understand; tensors that do not fit the model; a weight that is NaN or
    /// infinite, with tensor and position; another number of class names than outputs; preprocessing for another input.
    pub fn unpack(&self) -> Result<(Config, Model, Vec<f32>), TrainError> {
        let invalid = |section, message| TrainError::ModelFile {
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

/// Header and payload, after magic, version and length are found right.
fn open_envelope(bytes: &[u8]) -> Result<(&[u8], &[u8]), TrainError> {
    if bytes.len() < HEADER {
        let message = format!("{} bytes, at least {HEADER} were expected", bytes.len());
        return Err(damaged("header", message));
    }
    let (header, payload) = bytes.split_at(HEADER);
    if header[..8] != MAGIC {
        let hint = "give a model.cnn that `cnn train` wrote";
        return Err(TrainError::ModelFile {
            section: "header",
            message: "it does not begin with CNNMODEL".into(),
            hint,
        });
    }
    let version = u16::from_le_bytes([header[8], header[9]]);
    if version != VERSION {
        let hint = "update this program, or train again";
        return Err(TrainError::ModelFile {
            section: "header",
            message: format!(
                "version {version} of the format; this program reads version {VERSION}"
            ),
            hint,
        });
    }
    let length = header[10..18].iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
    if length != payload.len() as u64 {
        return Err(damaged(
            "header",
            format!("{length} bytes of content were written, {} are there", payload.len()),
        ));
    }
    Ok((header, payload))
}

fn checksum(header: &[u8], payload: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(header).chain_update(payload).finalize().into()
}

fn damaged(section: &'static str, message: String) -> TrainError {
    TrainError::ModelFile {
        section,
        message,
        hint: "the file is damaged: copy it again, or train again",
    }
}

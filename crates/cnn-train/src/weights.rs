//! Weights by name: from the flat arena and back, and their fingerprint.

use crate::atomic;
use crate::error::TrainError;
use cnn_nn::Model;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

/// One named tensor, row-major.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedTensor {
    /// Layer and parameter: `conv2d/kernel`.
    pub name: String,
    /// Size of each axis.
    pub shape: Vec<u64>,
    /// The numbers, as many as the product of the shape.
    pub values: Vec<f32>,
}

/// The model's tensors, in arena order.
///
/// # Panics
/// If `weights` is not as long as the model's arena.
pub fn named_tensors(model: &Model, weights: &[f32]) -> Vec<NamedTensor> {
    assert_eq!(weights.len(), model.param_count(), "the weights are the model's");
    let tensor = |param: &cnn_nn::model::ParamInfo| NamedTensor {
        name: param.name.clone(),
        shape: param.shape.iter().map(|&dim| dim as u64).collect(),
        values: weights[param.range.clone()].to_vec(),
    };
    model.params().map(tensor).collect()
}

/// The flat arena from tensors in any order.
///
/// # Errors
/// [`TrainError::Weights`] with every tensor that is missing, too many, named twice or of another shape;
/// [`TrainError::NotFinite`] for the first weight that is no number.
pub fn weights_from(model: &Model, tensors: &[NamedTensor]) -> Result<Vec<f32>, TrainError> {
    let mut problems = Vec::new();
    let mut by_name: BTreeMap<&str, &NamedTensor> = BTreeMap::new();
    for tensor in tensors {
        if by_name.insert(&tensor.name, tensor).is_some() {
            problems.push(format!("{} is there twice", quoted(&tensor.name)));
        }
    }
    let mut weights = vec![0.0; model.param_count()];
    for param in model.params() {
        match by_name.remove(param.name.as_str()) {
            None => problems.push(format!("{} {:?} is missing", param.name, param.shape)),
            Some(tensor)
                if !same_shape(&tensor.shape, &param.shape)
                    || tensor.values.len() != param.range.len() =>
            {
                problems.push(format!(
                    "{} must be {:?}, got {:?}",
                    param.name, param.shape, tensor.shape
                ));
            }
            Some(tensor) => weights[param.range.clone()].copy_from_slice(&tensor.values),
        }
    }
    problems.extend(by_name.keys().map(|name| format!("the model has no {}", quoted(name))));
    if !problems.is_empty() {
        const SHOWN: usize = 12;
        let more = problems.len().saturating_sub(SHOWN);
        problems.truncate(SHOWN);
        problems.extend((more > 0).then(|| format!("and {more} more")));
        return Err(TrainError::Weights { problems });
    }
    check_finite(model, &weights)?;
    Ok(weights)
}

fn same_shape(a: &[u64], b: &[usize]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| a == b as u64)
}

/// A name from a file, without control characters and not too long.
fn quoted(name: &str) -> String {
    let shown: String =
        name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(80).collect();
    format!("`{shown}`")
}

/// An error that names the first weight that is NaN or infinite.
pub(crate) fn check_finite(model: &Model, weights: &[f32]) -> Result<(), TrainError> {
    let Some(at) = weights.iter().position(|w| !w.is_finite()) else { return Ok(()) };
    let param = model.params().find(|param| param.range.contains(&at));
    let (name, start) =
        param.map_or_else(Default::default, |param| (param.name.clone(), param.range.start));
    Err(TrainError::NotFinite { name, index: at - start, value: weights[at] })
}

/// SHA-256, in hex, of the tensors in arena order: for each the length of its name, the name, its rank and sizes (all
/// lengths as little-endian u64), and its numbers as little-endian f32. Equal weights of equal models have equal hashes on
/// every machine.
///
/// # Panics
/// If `weights` is not as long as the model's arena.
pub fn weights_hash(model: &Model, weights: &[f32]) -> String {
    assert_eq!(weights.len(), model.param_count(), "the weights are the model's");
    let mut hash = Sha256::new();
    let mut bytes = Vec::new();
    for param in model.params() {
        hash.update((param.name.len() as u64).to_le_bytes());
        hash.update(param.name.as_bytes());
        hash.update((param.shape.len() as u64).to_le_bytes());
        for &dim in &param.shape {
            hash.update((dim as u64).to_le_bytes());
        }
        bytes.clear();
        bytes.extend(weights[param.range.clone()].iter().flat_map(|w| w.to_le_bytes()));
        hash.update(&bytes);
    }
    let hex: Vec<String> = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    hex.concat()
}

/// Writes the weights as a `.npz` of float32 arrays named as the model's parameters: `conv2d/kernel`.
///
/// # Errors
/// [`TrainError::Exists`] unless `replace`; the disk's errors.
///
/// # Panics
/// If `weights` is not as long as the model's arena.
pub fn write_npz(
    path: &Path,
    model: &Model,
    weights: &[f32],
    replace: bool,
) -> Result<(), TrainError> {
    assert_eq!(weights.len(), model.param_count(), "the weights are the model's");
    let arrays: Vec<(&str, &[usize], &[f32])> = model
        .params()
        .map(|p| (p.name.as_str(), p.shape.as_slice(), &weights[p.range.clone()]))
        .collect();
    let mut bytes = Cursor::new(Vec::new());
    cnn_data::npz::write(&mut bytes, &arrays).map_err(|error| TrainError::Npz {
        message: format!("{}: {error}", path.display()),
        hint: error.hint,
    })?;
    atomic::write(path, bytes.get_ref(), replace)
}

/// Reads a `.npz` of float32 or float64 arrays, as [`write_npz`] or NumPy writes it.
///
/// # Errors
/// [`TrainError::Npz`] for a file that is damaged, or holds integers.
pub fn read_npz(path: &Path) -> Result<Vec<NamedTensor>, TrainError> {
    let arrays = cnn_data::npz::read_f32(path)
        .map_err(|error| TrainError::Npz { message: error.to_string(), hint: error.hint() })?;
    let tensor = |(name, shape, values): (String, Vec<usize>, Vec<f32>)| NamedTensor {
        name,
        shape: shape.into_iter().map(|dim| dim as u64).collect(),
        values,
    };
    Ok(arrays.into_iter().map(tensor).collect())
}

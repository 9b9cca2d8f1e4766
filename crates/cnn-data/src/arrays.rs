//! Images and labels from the arrays of an `.npz`.

use crate::Images;
use crate::npy::{Array, Values};
use ndarray::Array4;

/// Classes, at most: a label above is taken for damage.
const MAX_CLASSES: usize = 65_536;

/// What does not fit, and what would.
pub(crate) type Misfit = (String, &'static str);

/// Images from an array of three or four axes: bytes stay bytes, floats above 1 are divided by 255. Each array is taken by
/// itself, so that a file in which only one of the two was divided already still comes out right.
///
/// # Errors
/// Other numbers of axes; pixels that are no numbers, or neither 0 to 255 nor at most 1.
pub(crate) fn images_of(
    name: &str,
    array: Array,
    notes: &mut Vec<String>,
) -> Result<Images, Misfit> {
    let dims = match array.shape[..] {
        [n, h, w] => (n, h, w, 1),
        [n, h, w, c] => (n, h, w, c),
        _ => {
            return Err((
                format!("{name} has the shape {:?}", array.shape),
                "images are [n, height, width] or [n, height, width, channels]",
            ));
        }
    };
    let shaped = |e: ndarray::ShapeError| {
        (format!("{name}: {e}"), "images are [n, height, width, channels]")
    };
    let floats = match array.values {
        Values::U8(values) => {
            note_binary(name, &values, notes);
            return Array4::from_shape_vec(dims, values).map(Images::U8).map_err(shaped);
        }
        Values::I64(values) => {
            let bytes: Result<Vec<u8>, _> = values.into_iter().map(u8::try_from).collect();
            let bytes = bytes.map_err(|_| {
                (
                    format!("{name} has whole numbers outside 0 to 255"),
                    "pixels are 0 to 255, or floats between 0 and 1",
                )
            })?;
            note_binary(name, &bytes, notes);
            return Array4::from_shape_vec(dims, bytes).map(Images::U8).map_err(shaped);
        }
        Values::F32(values) => values,
        Values::F64(values) => values.into_iter().map(|v| v as f32).collect(),
    };
    let floats = scale(name, floats, notes)?;
    Array4::from_shape_vec(dims, floats).map(Images::F32).map_err(shaped)
}

/// Float pixels as the network sees them, with a note on what was done.
fn scale(name: &str, floats: Vec<f32>, notes: &mut Vec<String>) -> Result<Vec<f32>, Misfit> {
    if let Some(at) = floats.iter().position(|v| !v.is_finite()) {
        return Err((
            format!("{name} has the pixel {} at position {at}", floats[at]),
            "pixels are finite numbers",
        ));
    }
    let (low, high) =
        floats.iter().fold((0.0f32, 0.0f32), |(low, high), &v| (low.min(v), high.max(v)));
    if high <= 1.0 {
        notes.push(format!("{name} is already between {low} and {high}: not divided by 255 again"));
        Ok(floats)
    } else if low >= 0.0 && high <= 255.0 {
        notes.push(format!("{name} is float, 0 to {high}: divided by 255"));
        Ok(floats.into_iter().map(|v| v / 255.0).collect())
    } else {
        Err((
            format!("{name} has pixels from {low} to {high}"),
            "pixels are 0 to 255, or at most 1",
        ))
    }
}

/// Warns of black-and-white pictures stored as the whole numbers 0 and 1.
fn note_binary(name: &str, pixels: &[u8], notes: &mut Vec<String>) {
    if pixels.iter().max() == Some(&1) {
        notes.push(format!(
            "{name} has only the whole numbers 0 and 1, which become 0 and 1/255: save it as float to keep 0 and 1"
        ));
    }
}

/// Labels from an array `[n]` or `[n, 1]` of whole numbers.
///
/// # Errors
/// Another shape; a label that is negative, broken or too large.
pub(crate) fn labels_of(name: &str, array: Array) -> Result<Vec<u32>, Misfit> {
    const HINT: &str = "labels are class numbers 0, 1, 2, …, one per image";
    if !matches!(array.shape[..], [_] | [_, 1]) {
        return Err((
            format!("{name} has the shape {:?}", array.shape),
            "labels are [n] or [n, 1]: class numbers, not one-hot rows",
        ));
    }
    let whole = |at: usize, value: f64| {
        let fits = value >= 0.0 && value < MAX_CLASSES as f64 && value.fract() == 0.0;
        if fits {
            Ok(value as u32)
        } else {
            Err((format!("{name} has the label {value} at position {at}"), HINT))
        }
    };
    let values: Box<dyn Iterator<Item = f64>> = match array.values {
        Values::U8(v) => Box::new(v.into_iter().map(f64::from)),
        Values::I64(v) => Box::new(v.into_iter().map(|v| v as f64)),
        Values::F32(v) => Box::new(v.into_iter().map(f64::from)),
        Values::F64(v) => Box::new(v.into_iter()),
    };
    values.enumerate().map(|(at, value)| whole(at, value)).collect()
}

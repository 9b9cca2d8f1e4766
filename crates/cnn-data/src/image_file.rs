//! A PNG or JPEG picture as the network wants it: height, width and channels of the training images.

use crate::{DataError, read_file};
use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits};
use std::io::Cursor;
use std::path::Path;

/// Pixels per side, at most.
const MAX_SIDE: u32 = 16_384;
/// Pixels, at most.
const MAX_PIXELS: u64 = 100_000_000;

/// A decoded picture and what was done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Bytes `[h, w, c]`, row-major.
    pub pixels: Vec<u8>,
    /// What was converted, and warnings worth a line.
    pub notes: Vec<String>,
}

impl Picture {
    /// Turns dark into light: what a scan of black ink on white paper needs for a network trained on white on black.
    pub fn invert(&mut self) {
        for pixel in &mut self.pixels {
            *pixel = 255 - *pixel;
        }
    }

    /// Mean of the pixels on the border, 0 to 255: above the middle, the background is bright.
    fn border_mean(&self, h: usize, w: usize, c: usize) -> f64 {
        let edge = |(i, _): &(usize, &u8)| {
            let (y, x) = (i / c / w, i / c % w);
            y == 0 || x == 0 || y == h - 1 || x == w - 1
        };
        let (sum, n) = self
            .pixels
            .iter()
            .enumerate()
            .filter(edge)
            .fold((0u64, 0u64), |(sum, n), (_, &p)| (sum + u64::from(p), n + 1));
        sum as f64 / n.max(1) as f64
    }
}

/// Reads a picture file and fits it to `[h, w, c]`.
///
/// # Errors
/// A file that is no PNG or JPEG picture, is cut off, or is above the limits; channels other than 1 or 3.
pub fn load(path: &Path, [h, w, c]: [usize; 3]) -> Result<Picture, DataError> {
    let bytes = read_file(path)?;
    parse(&bytes, [h, w, c])
        .map_err(|message| DataError::Picture { path: path.to_owned(), message })
}

/// Decodes a picture and fits it to `[h, w, c]`; the message says what is wrong.
///
/// # Errors
/// As [`load`].
pub fn parse(bytes: &[u8], [h, w, c]: [usize; 3]) -> Result<Picture, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    let reader =
        || ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| e.to_string());
    if reader()?.format().is_none() {
        return Err("not a PNG or JPEG picture".into());
    }
    let (width, height) =
        reader()?.into_dimensions().map_err(|e| format!("cannot be decoded: {e}"))?;
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "{width}×{height} pixels; the limits are {MAX_SIDE} a side and {MAX_PIXELS} in all"
        ));
    }
    let mut reader = reader()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(256 << 20);
    reader.limits(limits);
    let decoded = reader.decode().map_err(|e| format!("cannot be decoded: {e}"))?;
    let mut notes = Vec::new();
    let flat = flatten_alpha(decoded, &mut notes);
    let resized = if (width as usize, height as usize) == (w, h) {
        flat
    } else {
        notes.push(format!("resized from {width}×{height} to {w}×{h}"));
        if width as usize * h != height as usize * w {
            notes.push(
                "the sides have another ratio than the training images: the picture is distorted"
                    .into(),
            );
        }
        flat.resize_exact(w as u32, h as u32, FilterType::Triangle)
    };
    let pixels = match c {
        1 => {
            if resized.color().has_color() {
                notes.push("converted from colour to grey".into());
            }
            resized.to_luma8().into_raw()
        }
        3 => resized.to_rgb8().into_raw(),
        _ => {
            return Err(format!(
                "the network wants {c} channels; a picture has 1 (grey) or 3 (colour)"
            ));
        }
    };
    let picture = Picture { pixels, notes };
    let bright = picture.border_mean(h, w, c) > 127.0;
    let mut picture = picture;
    if bright {
        picture.notes.push(
            "the background is bright; MNIST and Fashion-MNIST are bright on black: try --invert"
                .into(),
        );
    }
    Ok(picture)
}

/// Puts a picture with transparency on black.
fn flatten_alpha(picture: DynamicImage, notes: &mut Vec<String>) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture;
    }
    let mut rgba = picture.to_rgba8();
    if rgba.pixels().any(|pixel| pixel.0[3] < 255) {
        notes.push("transparent parts became black".into());
    }
    for pixel in rgba.pixels_mut() {
        let alpha = u32::from(pixel.0[3]);
        for channel in &mut pixel.0[..3] {
            *channel = (u32::from(*channel) * alpha / 255) as u8;
        }
    }
    DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(rgba).to_rgb8())
}

//! A PNG or JPEG picture as the network wants it: height, width and channels of the training images.

use crate::{DataError, jpeg, read_file};
use image::codecs::png::{CompressionType, FilterType as PngFilter, PngDecoder, PngEncoder};
use image::imageops::FilterType;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits,
};
use ndarray::{Array2, ArrayView2};
use std::io::Cursor;
use std::path::Path;

/// Pixels per side, at most.
const MAX_SIDE: u32 = 16_384;
/// Pixels, at most.
const MAX_PIXELS: u64 = 100_000_000;

/// Bytes that a decoder may take beside the pixels: for a colour profile, say.
const BESIDE: u64 = 16 << 20;
/// Bytes of pixels that a byte of a file can stand for, at most: deflate's 1032, and more than JPEG's.
const MOST_PER_BYTE: u64 = 1100;

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
    let mut picture = fitted(bytes, [h, w, c])?;
    if c == 1 && picture.border_mean(h, w, c) > 127.0 {
        picture.notes.push(
            "the background is bright; MNIST and Fashion-MNIST are bright on black: try --invert"
                .into(),
        );
    }
    Ok(picture)
}

/// A grey picture in its own size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grey {
    /// Bytes `[h, w]`, 0 is black.
    pub pixels: Array2<u8>,
    /// What was converted.
    pub notes: Vec<String>,
}

/// Reads a picture file as it is, in grey: colour becomes brightness (Rec. 709), 16 bits become 8.
///
/// # Errors
/// A file that is no PNG or JPEG picture, is cut off, or is above the limits.
pub fn load_grey(path: &Path) -> Result<Grey, DataError> {
    let picture = |message| DataError::Picture { path: path.to_owned(), message };
    parse_grey(&read_file(path)?).map_err(picture)
}

/// Decodes a picture as it is, in grey; the message says what is wrong.
///
/// # Errors
/// As [`load_grey`].
pub fn parse_grey(bytes: &[u8]) -> Result<Grey, String> {
    let (flat, mut notes) = decode(bytes)?;
    let size = (flat.height() as usize, flat.width() as usize);
    let pixels = fit(flat, [size.0, size.1, 1], &mut notes)?;
    let pixels = Array2::from_shape_vec(size, pixels).map_err(|e| e.to_string())?;
    Ok(Grey { pixels, notes })
}

/// A grey plane `[h, w]` as the bytes of a PNG file, packed as small as the encoder can.
///
/// # Errors
/// A side of 0 pixels or beyond 2^32.
pub fn grey_png(plane: &ArrayView2<'_, u8>) -> Result<Vec<u8>, String> {
    let side = |n: usize| u32::try_from(n).map_err(|e| e.to_string());
    let (width, height) = (side(plane.ncols())?, side(plane.nrows())?);
    let pixels: Vec<u8> = plane.iter().copied().collect();
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, PngFilter::Adaptive)
        .write_image(&pixels, width, height, ExtendedColorType::L8)
        .map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// Decodes a picture and fits it to `[h, w, c]`, whatever is in it.
pub(crate) fn fitted(bytes: &[u8], shape: [usize; 3]) -> Result<Picture, String> {
    let (flat, mut notes) = decode(bytes)?;
    Ok(Picture { pixels: fit(flat, shape, &mut notes)?, notes })
}

/// Height and width as the file's header says, and whether it has colours.
pub(crate) fn header(bytes: &[u8]) -> Result<([usize; 2], bool), String> {
    let reader = limited(bytes, BESIDE)?;
    let decoder = reader.into_decoder().map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    Ok(([height as usize, width as usize], decoder.color_type().has_color()))
}

/// A reader that may take so many bytes of memory.
fn limited(bytes: &[u8], most: u64) -> Result<ImageReader<Cursor<&[u8]>>, String> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|e| e.to_string())?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(most);
    reader.limits(limits);
    Ok(reader)
}

/// Decodes a picture; transparency becomes black.
fn decode(bytes: &[u8]) -> Result<(DynamicImage, Vec<String>), String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    let undecodable = |e: image::ImageError| format!("cannot be decoded: {e}");
    // The guess knows more formats than can be decoded here.
    let read = |format: &ImageFormat| matches!(format, ImageFormat::Png | ImageFormat::Jpeg);
    let reader = limited(bytes, BESIDE)?;
    let Some(format) = reader.format().filter(read) else {
        return Err("not a PNG or JPEG picture".into());
    };
    let header = reader.into_decoder().map_err(undecodable)?;
    let (width, height) = header.dimensions();
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "{width}×{height} pixels; the limits are {MAX_SIDE} a side and {MAX_PIXELS} in all"
        ));
    }
    let needed = header.total_bytes();
    if needed / MOST_PER_BYTE > bytes.len() as u64 {
        return Err(format!(
            "cannot be decoded: {width}×{height} pixels are promised, more than {} bytes can hold",
            bytes.len()
        ));
    }
    if format == ImageFormat::Jpeg && !jpeg::is_complete(bytes) {
        return Err("the JPEG picture is cut off: its end marker is missing".into());
    }
    let decoded = limited(bytes, 2 * needed + BESIDE)?.decode().map_err(undecodable)?;
    let mut notes = Vec::new();
    note_conversions(format, header.original_color_type(), bytes, &mut notes);
    let flat = flatten_alpha(decoded, &mut notes);
    Ok((flat, notes))
}

/// Resizes to `h`×`w` with a triangle filter (bilinear; where it makes smaller, as wide as the old pixels that a new one covers)
/// and converts to `c` channels. Plain f32 arithmetic in a fixed order: the same bits on every machine.
fn fit(
    picture: DynamicImage,
    [h, w, c]: [usize; 3],
    notes: &mut Vec<String>,
) -> Result<Vec<u8>, String> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let resized = if (width, height) == (w, h) {
        picture
    } else {
        notes.push(format!("resized from {width}×{height} to {w}×{h}"));
        if width * h != height * w {
            notes.push(
                "the sides have another ratio than the training images: the picture is distorted"
                    .into(),
            );
        }
        picture.resize_exact(w as u32, h as u32, FilterType::Triangle)
    };
    match c {
        1 => {
            if resized.color().has_color() {
                notes.push("converted from colour to grey".into());
            }
            Ok(resized.to_luma8().into_raw())
        }
        3 => Ok(resized.to_rgb8().into_raw()),
        _ => Err(format!("the network wants {c} channels; a picture has 1 (grey) or 3 (colour)")),
    }
}

/// Says what decoding leaves out.
fn note_conversions(
    format: ImageFormat,
    color: ExtendedColorType,
    bytes: &[u8],
    notes: &mut Vec<String>,
) {
    use ExtendedColorType::{Cmyk8, L16, La16, Rgb16, Rgba16};
    match color {
        L16 | La16 | Rgb16 | Rgba16 => notes.push("reduced from 16 to 8 bits a channel".into()),
        Cmyk8 => notes.push("converted from CMYK".into()),
        _ => {}
    }
    let animated = format == ImageFormat::Png
        && PngDecoder::new(Cursor::new(bytes)).and_then(|png| png.is_apng()).unwrap_or(false);
    if animated {
        notes.push("animated: only the still picture is used".into());
    }
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

//! Pictures of every kind that people have, fitted to a network, and those that are none.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cnn_data::image_file;
use image::{DynamicImage, ImageFormat};
use std::io::Cursor;

fn encode(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
    encode(picture, ImageFormat::Png)
}

fn small_png() -> Vec<u8> {
    png(image::GrayImage::from_fn(5, 4, |x, y| image::Luma([(x * 40 + y) as u8])))
}

fn small_jpeg() -> Vec<u8> {
    let grey = image::GrayImage::from_fn(24, 20, |x, y| image::Luma([(x * 9 + y * 3) as u8]));
    encode(grey, ImageFormat::Jpeg)
}

#[test]
fn jpegs_of_any_size_and_colour_are_read() {
    for (w, h) in [(1, 1), (28, 28), (56, 56), (31, 17), (300, 200)] {
        let grey = image::GrayImage::from_pixel(w, h, image::Luma([90]));
        let picture = image_file::parse(&encode(grey, ImageFormat::Jpeg), [28, 28, 1]).unwrap();
        assert_eq!(picture.pixels.len(), 28 * 28);
        assert!(picture.pixels.iter().all(|&p| p.abs_diff(90) <= 2), "{w}×{h}");
        let resized = picture.notes.iter().any(|note| note.starts_with("resized"));
        assert_eq!(resized, (w, h) != (28, 28), "{:?}", picture.notes);
        let distorted = picture.notes.iter().any(|note| note.contains("distorted"));
        assert_eq!(distorted, w != h, "{:?}", picture.notes);
    }
    let red = image::RgbImage::from_pixel(40, 40, image::Rgb([250, 10, 10]));
    let jpeg = encode(red, ImageFormat::Jpeg);
    let colour = image_file::parse(&jpeg, [28, 28, 3]).unwrap();
    assert_eq!(colour.pixels.len(), 28 * 28 * 3);
    let near = |pixel: &[u8]| pixel[0] > 230 && pixel[1] < 30 && pixel[2] < 30;
    assert!(colour.pixels.chunks_exact(3).all(near), "{:?}", &colour.pixels[..3]);
    let grey = image_file::parse(&jpeg, [28, 28, 1]).unwrap();
    assert!(grey.notes.iter().any(|note| note.contains("colour to grey")), "{:?}", grey.notes);
}

#[test]
fn halving_a_picture_keeps_its_halves_where_they_were() {
    let halves =
        image::GrayImage::from_fn(56, 56, |x, _| image::Luma([if x < 28 { 0 } else { 200 }]));
    let picture = image_file::parse(&png(halves), [28, 28, 1]).unwrap();
    for row in picture.pixels.chunks_exact(28) {
        assert!(
            row[..13].iter().all(|&p| p == 0) && row[15..].iter().all(|&p| p == 200),
            "{row:?}"
        );
    }
}

#[test]
fn transparency_is_laid_on_black() {
    let half = image::GrayAlphaImage::from_pixel(4, 4, image::LumaA([255, 128]));
    let picture = image_file::parse(&png(half), [4, 4, 1]).unwrap();
    assert_eq!(picture.pixels, [128; 16]);
    let half = image::RgbaImage::from_pixel(4, 4, image::Rgba([255, 51, 0, 51]));
    let picture = image_file::parse(&png(half), [4, 4, 3]).unwrap();
    assert_eq!(picture.pixels[..3], [51, 10, 0]);
    let opaque = image::RgbaImage::from_pixel(4, 4, image::Rgba([9, 9, 9, 255]));
    let picture = image_file::parse(&png(opaque), [4, 4, 3]).unwrap();
    assert!(!picture.notes.iter().any(|note| note.contains("transparent")), "{:?}", picture.notes);
}

#[test]
fn sixteen_bits_are_rounded_to_eight() {
    for (deep, shallow) in [(0_u16, 0_u8), (257 * 90, 90), (u16::MAX, 255)] {
        let grey = image::ImageBuffer::from_pixel(3, 3, image::Luma([deep]));
        assert_eq!(image_file::parse(&png(grey), [3, 3, 1]).unwrap().pixels, [shallow; 9]);
        let colour = image::ImageBuffer::from_pixel(3, 3, image::Rgb([deep, 0, deep]));
        let picture = image_file::parse(&png(colour), [3, 3, 3]).unwrap();
        assert_eq!(picture.pixels[..3], [shallow, 0, shallow]);
    }
}

#[test]
fn a_bad_file_has_its_path_and_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("renamed.png");
    std::fs::write(&path, "a text").unwrap();
    let error = image_file::load(&path, [28, 28, 1]).unwrap_err();
    assert_eq!(error.code(), "D050");
    assert!(error.to_string().contains("renamed.png: not a PNG or JPEG"), "{error}");
    std::fs::write(&path, small_png()).unwrap();
    assert_eq!(image_file::load(&path, [4, 5, 1]).unwrap().pixels.len(), 20);
    // A GIF: a picture, but of a kind that is not read.
    std::fs::write(&path, b"GIF89a\x01\0\x01\0\0\0\0;").unwrap();
    assert!(image_file::load(&path, [28, 28, 1]).is_err());
}

#[test]
fn bad_pictures_say_what_is_wrong() {
    assert!(image_file::parse(b"", [28, 28, 1]).unwrap_err().contains("empty"));
    assert!(image_file::parse(b"hello", [28, 28, 1]).unwrap_err().contains("not a PNG or JPEG"));
    let mut wide = small_png();
    wide[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    assert!(image_file::parse(&wide, [28, 28, 1]).is_err());
    let cut = &small_jpeg()[..small_jpeg().len() - 10];
    assert!(image_file::parse(cut, [28, 28, 1]).unwrap_err().contains("cut off"));
    assert!(image_file::parse(&small_png(), [28, 28, 2]).unwrap_err().contains("2 channels"));
}

#[test]
fn pictures_are_fitted_and_say_so() {
    let white = png(image::RgbImage::from_pixel(200, 100, image::Rgb([255, 255, 255])));
    let mut picture = image_file::parse(&white, [28, 28, 1]).unwrap();
    assert!(picture.pixels.iter().all(|&p| p == 255) && picture.pixels.len() == 28 * 28);
    for expected in ["200×100", "distorted", "grey", "--invert"] {
        assert!(
            picture.notes.iter().any(|note| note.contains(expected)),
            "{expected}: {:?}",
            picture.notes
        );
    }
    picture.invert();
    assert!(picture.pixels.iter().all(|&p| p == 0));
    let clear = png(image::RgbaImage::from_pixel(28, 28, image::Rgba([255, 0, 0, 0])));
    let picture = image_file::parse(&clear, [28, 28, 3]).unwrap();
    assert!(picture.pixels.iter().all(|&p| p == 0));
    assert!(picture.notes.iter().any(|note| note.contains("transparent")));
    let deep = image::ImageBuffer::from_pixel(28, 28, image::Luma([300_u16]));
    let picture = image_file::parse(&png(deep), [28, 28, 1]).unwrap();
    assert!(picture.notes.iter().any(|note| note.contains("16 to 8 bits")), "{:?}", picture.notes);
    let same = png(image::GrayImage::from_fn(3, 2, |x, y| image::Luma([(x + 3 * y) as u8])));
    assert_eq!(image_file::parse(&same, [2, 3, 1]).unwrap().pixels, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn the_shipped_picture_is_what_the_generator_draws() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/stairs.png");
    let shipped = image_file::load_grey(path.as_ref()).unwrap();
    assert_eq!(shipped.pixels, cnn_data::scene::stairs());
    assert_eq!(shipped.notes, [""; 0]);
    assert!(std::fs::metadata(path).unwrap().len() <= 150_000);
}

#[test]
fn a_picture_is_read_in_its_own_size_and_in_grey() {
    let red = image::RgbImage::from_pixel(7, 5, image::Rgb([255, 0, 0]));
    let grey = image_file::parse_grey(&png(red)).unwrap();
    assert_eq!(grey.pixels.dim(), (5, 7));
    assert!(grey.pixels.iter().all(|&p| p == 54), "0.2126 · 255: {:?}", grey.pixels);
    assert_eq!(grey.notes, ["converted from colour to grey"]);
    assert_eq!(image_file::parse_grey(b"").unwrap_err(), "the file is empty");
    assert_eq!(image_file::parse_grey(b"P5 1 1 255 x").unwrap_err(), "not a PNG or JPEG picture");
}

#[test]
fn a_written_plane_reads_back_equal() {
    let plane = ndarray::Array2::from_shape_fn((9, 4), |(y, x)| (y * 28 + x * 7) as u8);
    let bytes = image_file::grey_png(&plane.view()).unwrap();
    assert_eq!(image_file::parse_grey(&bytes).unwrap().pixels, plane);
    assert_eq!(
        image_file::grey_png(&plane.t())
            .and_then(|bytes| image_file::parse_grey(&bytes))
            .unwrap()
            .pixels,
        plane.t()
    );
    assert!(image_file::grey_png(&ndarray::Array2::zeros((0, 4)).view()).is_err());
}

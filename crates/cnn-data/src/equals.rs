//! Images that are equal, pixel by pixel.

use crate::{Images, Split};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

/// One of the images that were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Position of its part in what was given.
    pub part: usize,
    /// Position of the image in its split.
    pub image: u32,
}

/// All groups of two or more equal images among the images `parts`, each a split and positions in it. A hash of the pixels
/// finds them, and a comparison of all pixels confirms them. Groups come in the order of their first images, the images of a
/// group in the order given. Bytes and floats are never equal, nor images of other sizes.
///
/// # Panics
/// If a position is not below the split's length.
///
/// ```
/// use cnn_data::{Images, Split, equal_images};
///
/// let pixels = ndarray::Array4::from_shape_vec((4, 1, 1, 1), vec![7, 8, 7, 9]).unwrap();
/// let split = Split { images: Images::U8(pixels), labels: vec![0, 0, 1, 0] };
/// let groups = equal_images(&[(&split, &[0, 1, 2, 3])]);
/// assert_eq!(groups.len(), 1);
/// assert_eq!([groups[0][0].image, groups[0][1].image], [0, 2]);
/// ```
pub fn equal_images(parts: &[(&Split, &[u32])]) -> Vec<Vec<Place>> {
    let mut order: Vec<Vec<Place>> = Vec::new();
    // Where the groups of a hash are in `order`: nearly always one.
    let mut of_hash: HashMap<u64, Vec<usize>> = HashMap::new();
    for (part, (split, images)) in parts.iter().enumerate() {
        for &image in *images {
            let place = Place { part, image };
            let pixels = Pixels::of(split, image);
            let groups = of_hash.entry(pixels.hash()).or_default();
            let same = |group: &&usize| {
                let first = order[**group][0];
                Pixels::of(parts[first.part].0, first.image) == pixels
                    && parts[first.part].0.shape() == split.shape()
            };
            if let Some(&group) = groups.iter().find(same) {
                order[group].push(place);
            } else {
                groups.push(order.len());
                order.push(vec![place]);
            }
        }
    }
    order.retain(|group| group.len() > 1);
    order
}

/// One image's numbers as they are kept.
#[derive(Clone, Copy, Debug)]
enum Pixels<'a> {
    U8(&'a [u8]),
    F32(&'a [f32]),
}

impl<'a> Pixels<'a> {
    fn of(split: &'a Split, image: u32) -> Self {
        let size: usize = split.shape().iter().product();
        let range = image as usize * size..(image as usize + 1) * size;
        match &split.images {
            Images::U8(images) => Self::U8(&images.as_slice().unwrap_or_default()[range]),
            Images::F32(images) => Self::F32(&images.as_slice().unwrap_or_default()[range]),
        }
    }

    fn hash(self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self {
            Self::U8(pixels) => hasher.write(pixels),
            Self::F32(pixels) => pixels.iter().for_each(|pixel| hasher.write_u32(pixel.to_bits())),
        }
        hasher.finish()
    }
}

impl PartialEq for Pixels<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::U8(a), Self::U8(b)) => a == b,
            (Self::F32(a), Self::F32(b)) => {
                a.len() == b.len() && a.iter().zip(*b).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            _ => false,
        }
    }
}

//! Images with their labels: the training part of a data set, or its test part.

use ndarray::{Array4, Axis, Slice};
use std::ops::Range;

/// Images `[n, h, w, c]`. Bytes stay bytes in memory and become floats per batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Images {
    /// Pixels 0 to 255; the network sees them divided by 255.
    U8(Array4<u8>),
    /// Pixels as the network sees them, usually 0 to 1.
    F32(Array4<f32>),
}

impl Images {
    /// Number, height, width and channels.
    pub fn dim(&self) -> (usize, usize, usize, usize) {
        match self {
            Self::U8(images) => images.dim(),
            Self::F32(images) => images.dim(),
        }
    }

    fn select(&self, indices: &[usize]) -> Self {
        match self {
            Self::U8(images) => Self::U8(images.select(Axis(0), indices)),
            Self::F32(images) => Self::F32(images.select(Axis(0), indices)),
        }
    }

    fn part(&self, slice: Slice) -> Self {
        match self {
            Self::U8(images) => Self::U8(images.slice_axis(Axis(0), slice).to_owned()),
            Self::F32(images) => Self::F32(images.slice_axis(Axis(0), slice).to_owned()),
        }
    }
}

/// Images and a class number for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The images, in standard (row-major) layout.
    pub images: Images,
    /// A class for each, from 0.
    pub labels: Vec<u32>,
}

/// Class counts, mean and standard deviation of a split, pixels between 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Images of each class.
    pub counts: Vec<usize>,
    /// Of all pixels.
    pub pixels: Moments,
    /// Of each channel's pixels.
    pub channels: Vec<Moments>,
}

/// Mean and standard deviation (the root of the mean square deviation) of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
}

/// Sums from which moments come.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    sum: f64,
    squares: f64,
    n: usize,
}

impl Sums {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.squares += value * value;
        self.n += 1;
    }

    fn moments(self) -> Moments {
        let n = self.n as f64;
        let mean = self.sum / n;
        Moments { mean, deviation: (self.squares / n - mean * mean).max(0.0).sqrt() }
    }
}

impl Split {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Height, width and channels.
    pub fn shape(&self) -> [usize; 3] {
        let (_, h, w, c) = self.images.dim();
        [h, w, c]
    }

    /// Writes the images `indices` as floats and their labels. A byte x becomes exactly x / 255.
    ///
    /// # Panics
    /// If an index is not below [`Self::len`], or a slice has not the length for so many images.
    pub fn fill(&self, indices: &[u32], x: &mut [f32], labels: &mut [u32]) {
        let size: usize = self.shape().iter().product();
        assert_eq!(
            x.len(),
            indices.len() * size,
            "room for {} images of {size} pixels",
            indices.len()
        );
        assert_eq!(labels.len(), indices.len(), "room for a label for each image");
        for ((&index, out), label) in indices.iter().zip(x.chunks_exact_mut(size)).zip(labels) {
            let (index, range) =
                (index as usize, index as usize * size..(index as usize + 1) * size);
            *label = self.labels[index];
            match &self.images {
                Images::U8(images) => {
                    let pixels = images.as_slice().unwrap_or_default();
                    for (out, &pixel) in out.iter_mut().zip(&pixels[range]) {
                        *out = f32::from(pixel) / 255.0;
                    }
                }
                Images::F32(images) => {
                    out.copy_from_slice(&images.as_slice().unwrap_or_default()[range]);
                }
            }
        }
    }

    /// Blends image `index` into `out`, a picture of the same size: `out = share·out + (1 − share)·image`, as mixup does.
    ///
    /// # Panics
    /// If the index is not below [`Self::len`], or `out` is not as long as one image.
    pub fn blend(&self, index: u32, share: f32, out: &mut [f32]) {
        let rest = 1.0 - share;
        self.each_pixel(index, 0..out.len(), out, |out, pixel| *out = share * *out + rest * pixel);
    }

    /// Copies the window `rows` × `columns` of image `index` over that of `out`, a picture of the same size, as cutmix does.
    ///
    /// # Panics
    /// If the index is not below [`Self::len`], `out` is not as long as one image, or the window leaves it.
    pub fn paste(&self, index: u32, rows: Range<usize>, columns: Range<usize>, out: &mut [f32]) {
        let [_, width, channels] = self.shape();
        assert!(columns.end <= width, "columns {columns:?} of {width}");
        for row in rows {
            let at = row * width * channels;
            let run = at + columns.start * channels..at + columns.end * channels;
            self.each_pixel(index, run, out, |out, pixel| *out = pixel);
        }
    }

    /// Calls `f` with each number `run` of `out` and that of image `index` at the same place.
    fn each_pixel(
        &self,
        index: u32,
        run: Range<usize>,
        out: &mut [f32],
        f: impl Fn(&mut f32, f32),
    ) {
        let size: usize = self.shape().iter().product();
        assert_eq!(out.len(), size, "room for an image of {size} pixels");
        let from = index as usize * size;
        let (of_image, out) = (from + run.start..from + run.end, &mut out[run]);
        match &self.images {
            Images::U8(images) => {
                let pixels = &images.as_slice().unwrap_or_default()[of_image];
                out.iter_mut().zip(pixels).for_each(|(out, &x)| f(out, f32::from(x) / 255.0));
            }
            Images::F32(images) => {
                let pixels = &images.as_slice().unwrap_or_default()[of_image];
                out.iter_mut().zip(pixels).for_each(|(out, &x)| f(out, x));
            }
        }
    }

    /// The first `n` images, or all if there are fewer.
    #[must_use]
    pub fn take(&self, n: usize) -> Self {
        self.part(0, n.min(self.len()))
    }

    /// The images `indices`, in that order, as a split of their own.
    ///
    /// # Panics
    /// If an index is not below [`Self::len`].
    #[must_use]
    pub fn select(&self, indices: &[u32]) -> Self {
        let indices: Vec<usize> = indices.iter().map(|&index| index as usize).collect();
        let labels = indices.iter().map(|&index| self.labels[index]).collect();
        Self { images: self.images.select(&indices), labels }
    }

    /// Training and validation part as Keras cuts them: the last `share` of the images, before any shuffle, the cut at
    /// floor(n · (1 − share)).
    pub fn validation_split(&self, share: f64) -> (Self, Self) {
        let cut = ((self.len() as f64 * (1.0 - share)).floor() as usize).min(self.len());
        (self.part(0, cut), self.part(cut, self.len()))
    }

    fn part(&self, from: usize, to: usize) -> Self {
        Self {
            images: self.images.part(Slice::from(from..to)),
            labels: self.labels[from..to].to_vec(),
        }
    }

    /// Class balance, mean and standard deviation, for `classes` classes. Labels beyond are not counted.
    pub fn statistics(&self, classes: usize) -> Statistics {
        let mut counts = vec![0; classes];
        for &label in &self.labels {
            if let Some(count) = counts.get_mut(label as usize) {
                *count += 1;
            }
        }
        let (mut all, mut channels) =
            (Sums::default(), vec![Sums::default(); self.shape()[2].max(1)]);
        let mut channel = 0;
        let mut add = |value: f64| {
            all.add(value);
            channels[channel].add(value);
            channel = (channel + 1) % channels.len();
        };
        match &self.images {
            Images::U8(images) => images.iter().for_each(|&v| add(f64::from(v) / 255.0)),
            Images::F32(images) => images.iter().for_each(|&v| add(f64::from(v))),
        }
        let channels = channels.into_iter().map(Sums::moments).collect();
        Statistics { counts, pixels: all.moments(), channels }
    }
}

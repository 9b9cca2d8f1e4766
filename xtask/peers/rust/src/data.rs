//! Fashion-MNIST, shuffled.

use anyhow::{Context as _, Result};
use flate2::read::GzDecoder;
use std::io::Read as _;

/// Of an image.
pub const PIXELS: usize = 28 * 28;

/// Images and labels as they are stored.
pub struct Split {
    images: Vec<u8>,
    labels: Vec<u8>,
}

impl Split {
    /// `train` or `t10k`.
    pub fn load(split: &str) -> Result<Self> {
        let idx = |name: &str, header: usize| -> Result<Vec<u8>> {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../data/fashion-mnist");
            let file = format!("{folder}/{split}-{name}-ubyte.gz");
            let mut bytes = Vec::new();
            let packed = std::fs::File::open(&file).context(file)?;
            GzDecoder::new(packed).read_to_end(&mut bytes)?;
            bytes.drain(..header);
            Ok(bytes)
        };
        Ok(Self { images: idx("images-idx3", 16)?, labels: idx("labels-idx1", 8)? })
    }

    /// All images, in 0..1.
    pub fn scaled(&self) -> Vec<f32> {
        self.images.iter().map(|&pixel| f32::from(pixel) / 255.0).collect()
    }
}

/// Batches without end, in a new order in every epoch.
pub struct Batches<'a> {
    split: &'a Split,
    batch: usize,
    order: Vec<usize>,
    at: usize,
    random: u64,
}

impl<'a> Batches<'a> {
    /// The first epoch begins.
    pub fn new(split: &'a Split, batch: usize) -> Self {
        let order: Vec<usize> = (0..split.labels.len()).collect();
        let at = order.len();
        Self { split, batch, order, at, random: 0x9E37_79B9_7F4A_7C15 }
    }

    /// Images scaled to 0..1, and their labels.
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> (Vec<f32>, Vec<u8>) {
        if self.at + self.batch > self.order.len() {
            self.shuffle();
        }
        let places = &self.order[self.at..self.at + self.batch];
        self.at += self.batch;
        let mut images = Vec::with_capacity(self.batch * PIXELS);
        for &place in places {
            let image = &self.split.images[place * PIXELS..(place + 1) * PIXELS];
            images.extend(image.iter().map(|&pixel| f32::from(pixel) * (1.0 / 255.0)));
        }
        (images, places.iter().map(|&place| self.split.labels[place]).collect())
    }

    /// Fisher and Yates, with xorshift.
    fn shuffle(&mut self) {
        for i in (1..self.order.len()).rev() {
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            self.order.swap(i, (self.random % (i as u64 + 1)) as usize);
        }
        self.at = 0;
    }
}

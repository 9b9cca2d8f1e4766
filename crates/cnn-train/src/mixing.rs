//! mixup and cutmix: training batches whose images are mixed in pairs, with both labels.
//!
//! Every image `a` of a batch gets a partner `b`, another place of the same batch after a permutation, and a share λ of its
//! own:
//!
//! | | image | share of the label of `a` |
//! |---|---|---|
//! | mixup | λ·a + (1 − λ)·b, pixel by pixel | λ ~ Beta(α, α) |
//! | cutmix | a, with a window of b at its own place | 1 − the window's share of the pixels; its sides are √(1 − λ) of the image's, to whole pixels, λ ~ Beta(α, α) |
//!
//! The loss is share·CE(label of a) + (1 − share)·CE(label of b), which equals the cross-entropy with the soft label
//! share·onehot(a) + (1 − share)·onehot(b). An answer counts as right where it is the label with the larger share (of equal
//! shares, the smaller class): what Keras's `categorical_accuracy` makes of soft labels. Since a mixed image may show the
//! other class as well, training accuracy stays well below that of the same network on whole images.
//!
//! As with Keras's `MixUp` and `CutMix`, λ is drawn for every image. Both act in training only, before the layers of the
//! model; validation and test see whole images.
//!
//! **Source** Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization"; Yun et al. 2019, "`CutMix`: Regularization Strategy
//! to Train Strong Classifiers with Localizable Features"; Keras `MixUp`, `CutMix`.

use cnn_data::Split;
use cnn_nn::engine::Targets;
use cnn_tensor::random::{Purpose, below, beta, shuffled, stream};
use std::ops::Range;

/// How the images of a training batch are mixed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mixing {
    /// Whole images over each other.
    MixUp {
        /// Parameter of the Beta distribution, above 0; 0.2 mixes most images a little, 1 any share is as likely.
        alpha: f64,
    },
    /// A window of the one in the other.
    CutMix {
        /// Parameter of the Beta distribution, above 0; 1 is the paper's.
        alpha: f64,
    },
}

/// The pairs of one batch, drawn anew for every step. Memory is allocated once.
///
/// ```
/// use cnn_data::{Images, Split};
/// use cnn_train::{Mixer, Mixing};
///
/// // Two images of 4×4 pixels, a black one of class 0 and a white one of class 1.
/// let images = ndarray::Array4::from_shape_fn((2, 4, 4, 1), |(i, ..)| i as f32);
/// let split = Split { images: Images::F32(images), labels: vec![0, 1] };
/// let mut mixer = Mixer::new(Mixing::MixUp { alpha: 1.0 }, [4, 4, 1], 2);
/// // A step in which the two are each other's partners.
/// let step = (0..).find(|&step| { mixer.draw(42, step, 2); mixer.partner(0) == 1 }).unwrap();
/// mixer.draw(42, step, 2);
/// let mut pixels = [0.0; 16];
/// mixer.image(&split, &[0, 1], 0, &mut pixels);
/// assert_eq!(pixels, [1.0 - mixer.share(0); 16]);
/// ```
#[derive(Clone, Debug)]
pub struct Mixer {
    mixing: Mixing,
    /// Height and width, in pixels.
    size: [usize; 2],
    partners: Vec<u32>,
    shares: Vec<f32>,
    /// First row, rows, first column, columns; only for cutmix.
    windows: Vec<[u32; 4]>,
}

impl Mixer {
    /// For images of this shape (height, width, channels) in batches of at most `batch_size`.
    pub fn new(mixing: Mixing, shape: [usize; 3], batch_size: usize) -> Self {
        Self {
            mixing,
            size: [shape[0], shape[1]],
            partners: Vec::with_capacity(batch_size),
            shares: Vec::with_capacity(batch_size),
            windows: Vec::with_capacity(batch_size),
        }
    }

    /// Draws the pairs of a batch of `n`: a function of the seed and the step alone, the same on any number of threads.
    pub fn draw(&mut self, seed: u64, step: u64, n: usize) {
        let mut random = stream(seed, Purpose::Mix, step, 0);
        self.partners.resize(n, 0);
        shuffled(&mut random, &mut self.partners);
        self.shares.clear();
        self.windows.clear();
        for _ in 0..n {
            match self.mixing {
                Mixing::MixUp { alpha } => self.shares.push(beta(&mut random, alpha) as f32),
                Mixing::CutMix { alpha } => {
                    let side = (1.0 - beta(&mut random, alpha)).sqrt();
                    let mut place = |length: usize| {
                        let part = (side * length as f64).round() as u32;
                        (below(&mut random, length as u32 - part + 1), part)
                    };
                    let ((row, rows), (column, columns)) =
                        (place(self.size[0]), place(self.size[1]));
                    self.push_window([row, rows, column, columns]);
                }
            }
        }
    }

    /// A window, and the share that it leaves.
    fn push_window(&mut self, window: [u32; 4]) {
        let pixels = (self.size[0] * self.size[1]) as f64;
        let covered = f64::from(window[1]) * f64::from(window[3]);
        self.shares.push((1.0 - covered / pixels) as f32);
        self.windows.push(window);
    }

    /// Place in the batch of the image that is mixed into the one at `place`.
    pub fn partner(&self, place: usize) -> usize {
        self.partners[place] as usize
    }

    /// What the label of the image at `place` counts, 0 to 1; its partner's has the rest.
    pub fn share(&self, place: usize) -> f32 {
        self.shares[place]
    }

    /// Writes the mixed image at `place` of the batch `indices`, as floats.
    ///
    /// # Panics
    /// If the batch is not the one that was drawn for, an index is beyond the data set, or `out` is not as long as an image.
    pub fn image(&self, split: &Split, indices: &[u32], place: usize, out: &mut [f32]) {
        split.fill(&indices[place..=place], out, &mut [0]);
        let partner = indices[self.partner(place)];
        match self.mixing {
            Mixing::MixUp { .. } => split.blend(partner, self.shares[place], out),
            Mixing::CutMix { .. } => {
                let [row, rows, column, columns] = self.windows[place].map(|n| n as usize);
                split.paste(partner, row..row + rows, column..column + columns, out);
            }
        }
    }

    /// Writes the images and labels at the places `range` of the batch `indices`: what the engine asks for, from many
    /// threads.
    pub(crate) fn fill(
        &self,
        split: &Split,
        indices: &[u32],
        range: Range<usize>,
        x: &mut [f32],
        targets: &mut Targets<'_>,
    ) {
        let size: usize = split.shape().iter().product();
        for ((i, place), out) in range.enumerate().zip(x.chunks_exact_mut(size)) {
            self.image(split, indices, place, out);
            targets.labels[i] = split.labels[indices[place] as usize];
            targets.partners[i] = split.labels[indices[self.partner(place)] as usize];
            targets.shares[i] = self.shares[place];
        }
    }
}

#[cfg(test)]
#[path = "mixing_tests.rs"]
mod tests;

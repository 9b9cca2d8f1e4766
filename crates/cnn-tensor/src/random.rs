//! Counted random numbers: every number is a function of (seed, purpose, place), never of the order
//! of drawing, so nothing has to be saved and threads cannot change anything.
//!
//! The generator is `ChaCha8` (`rand_chacha`, documented as portable) with the 32-byte key
//! `seed ‖ purpose ‖ a ‖ b`, four little-endian 64-bit words: different places cannot share a stream.
//! The values are fixed for ever; tests hold golden numbers.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// What a stream of random numbers is for. The numbers are part of the format: never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u64)]
pub enum Purpose {
    /// Initial weights; `a` = layer, `b` = parameter of the layer.
    Init = 1,
    /// The order of the samples; `a` = epoch.
    Shuffle = 2,
    /// Dropout masks; `a` = step, `b` = place chosen by the layer and sample.
    Dropout = 3,
    /// Augmentation; `a` = epoch, `b` = sample.
    Augment = 4,
}

/// The stream of random numbers for one purpose and place.
///
/// ```
/// use cnn_tensor::random::{Purpose, stream, uniform_f32};
/// let mut rng = stream(42, Purpose::Dropout, 7, 3);
/// let first = uniform_f32(&mut rng);
/// assert_eq!(first, uniform_f32(&mut stream(42, Purpose::Dropout, 7, 3)));
/// ```
pub fn stream(seed: u64, purpose: Purpose, a: u64, b: u64) -> ChaCha8Rng {
    let mut key = [0_u8; 32];
    for (word, value) in key.chunks_exact_mut(8).zip([seed, purpose as u64, a, b]) {
        word.copy_from_slice(&value.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// Uniform in [0, 1): the 24 high bits of one 32-bit word, so every value is exact in f32.
pub fn uniform_f32(rng: &mut impl RngCore) -> f32 {
    (rng.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Uniform in `0..bound`, without bias (Lemire 2019: multiply, reject the short rest).
/// A `bound` of 0 gives 0.
pub fn below(rng: &mut impl RngCore, bound: u32) -> u32 {
    let reject = if bound == 0 { 0 } else { bound.wrapping_neg() % bound };
    loop {
        let wide = u64::from(rng.next_u32()) * u64::from(bound);
        if wide as u32 >= reject {
            return (wide >> 32) as u32;
        }
    }
}

/// Fills `order` with the permutation of `0..order.len()` for this seed and epoch (Fisher–Yates).
/// What `order` held before does not matter: the result depends on seed, epoch and length alone.
pub fn permutation(seed: u64, epoch: u64, order: &mut [u32]) {
    for (place, index) in order.iter_mut().zip(0_u32..) {
        *place = index;
    }
    let mut rng = stream(seed, Purpose::Shuffle, epoch, 0);
    for last in (1..order.len()).rev() {
        let other = below(&mut rng, last as u32 + 1) as usize;
        order.swap(last, other);
    }
}

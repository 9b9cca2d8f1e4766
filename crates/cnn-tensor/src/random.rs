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
    /// Augmentation; `a` = step, `b` = place chosen by the layer and sample.
    Augment = 4,
    /// Mixing images in pairs, mixup and cutmix; `a` = step.
    Mix = 5,
    /// Explanations: noise, orders of pixels, images to begin with; `a` = which of these, `b` = its number.
    Explain = 6,
    /// Which images are kept for validation; `a` = class, `b` = 0 for a share of them, 1 for folds.
    Split = 7,
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

/// Normal with mean 0 and deviation 1: the inverse of the normal distribution at (k + ½)/2²⁴ for a uniform k of 24 bits,
/// so one word for each number, at most 5.42 from 0, and made of `+ − × ÷ √` alone: the same bits on every machine.
/// Source: Wichura 1988, algorithm AS 241, `PPND7` (about 7 digits).
#[inline]
pub fn normal_f32(rng: &mut impl RngCore) -> f32 {
    normal_quantile((f64::from(rng.next_u32() >> 8) + 0.5) / 16_777_216.0) as f32
}

/// The x below which a share `p` of a normal distribution lies; 2⁻²⁵ ≤ p ≤ 1 − 2⁻²⁵.
fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        let above = ((59.109_374_720 * r + 159.291_132_02) * r + 50.434_271_938) * r;
        let below = ((67.187_563_600 * r + 78.757_757_664) * r + 17.895_169_469) * r;
        return q * (above + 3.387_132_717_9) / (below + 1.0);
    }
    let r = (-ln(p.min(1.0 - p))).sqrt() - 1.6;
    let above = ((0.170_238_211_03 * r + 1.306_728_481_6) * r + 2.756_815_390_0) * r;
    let below = (0.120_211_329_75 * r + 0.737_001_642_50) * r;
    ((above + 1.423_437_277_7) / (below + 1.0)).copysign(q)
}

/// The natural logarithm of a normal positive number, to 1e-14: x = m·2ᵉ with m between √½ and √2, and
/// ln m = 2·artanh((m − 1)/(m + 1)).
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i32 - 1023;
    let mut m = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
    if m > std::f64::consts::SQRT_2 {
        (m, exponent) = (m * 0.5, exponent + 1);
    }
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let series = (0..9).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    2.0 * s * series + f64::from(exponent) * std::f64::consts::LN_2
}

/// Sine and cosine of `turns` whole turns (1 is 360°), to 1e-12, of `+ − ×` alone: the same bits on every machine.
pub fn sin_cos_turns(turns: f32) -> (f32, f32) {
    let turns = f64::from(turns);
    let quarters = (turns * 4.0).round();
    let angle = (turns - quarters * 0.25) * std::f64::consts::TAU;
    // Taylor's series on at most an eighth of a turn.
    let square = angle * angle;
    let term = |sum: f64, k: f64| 1.0 - sum * square / (k * (k + 1.0));
    let sin = angle * [14.0, 12.0, 10.0, 8.0, 6.0, 4.0, 2.0].into_iter().fold(1.0, term);
    let cos = [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0].into_iter().fold(1.0, term);
    let (sin, cos) = match (quarters as i64).rem_euclid(4) {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    };
    (sin as f32, cos as f32)
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

/// Beta(α, α) in [0, 1], for `alpha` > 0: X / (X + Y) with X and Y from Gamma(α). Symmetric around ½; below 1 the ends are
/// likely, at 1 every value is, above 1 the middle. Computed in f64 through logarithms, so that no α underflows, with those of
/// `libm`: the same bits on every machine.
pub fn beta(rng: &mut impl RngCore, alpha: f64) -> f64 {
    let (x, y) = (ln_gamma_variate(rng, alpha), ln_gamma_variate(rng, alpha));
    1.0 / (1.0 + libm::exp(y - x))
}

/// The logarithm of a number from Gamma(shape, 1). Source: Marsaglia & Tsang 2000, "A simple method for generating gamma
/// variables"; below shape 1 with a factor U^(1/shape) on shape + 1.
fn ln_gamma_variate(rng: &mut impl RngCore, shape: f64) -> f64 {
    if shape < 1.0 {
        let boost = libm::log(1.0 - uniform_f64(rng)) / shape;
        return ln_gamma_variate(rng, shape + 1.0) + boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = f64::from(normal_f32(rng));
        let root = 1.0 + c * x;
        let v = root * root * root;
        if v > 0.0 {
            let bound = 0.5 * x * x + d * (1.0 - v + libm::log(v));
            if libm::log(1.0 - uniform_f64(rng)) < bound {
                return libm::log(d * v);
            }
        }
    }
}

/// Uniform in [0, 1) with 53 bits.
fn uniform_f64(rng: &mut impl RngCore) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// Fills `order` with the permutation of `0..order.len()` for this seed and epoch (Fisher–Yates).
/// What `order` held before does not matter: the result depends on seed, epoch and length alone.
pub fn permutation(seed: u64, epoch: u64, order: &mut [u32]) {
    shuffled(&mut stream(seed, Purpose::Shuffle, epoch, 0), order);
}

/// Fills `order` with a permutation of `0..order.len()` (Fisher–Yates).
pub fn shuffled(rng: &mut impl RngCore, order: &mut [u32]) {
    for (place, index) in order.iter_mut().zip(0_u32..) {
        *place = index;
    }
    for last in (1..order.len()).rev() {
        let other = below(rng, last as u32 + 1) as usize;
        order.swap(last, other);
    }
}

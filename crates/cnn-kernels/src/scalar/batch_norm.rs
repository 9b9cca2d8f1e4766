//! Batch normalisation in plain loops over some neighbouring channels at a time; the fast variants are these same loops under another
//! instruction set.

use crate::batch_norm::Normal;

/// Calls `kernel::<W>(first channel, arguments…)` for all channels: 16 at a time, then 8, then one by one.
macro_rules! by_width {
    ($channels:expr, $kernel:ident($($arg:expr),* $(,)?)) => {
        let (channels, mut at) = ($channels, 0);
        while at < channels {
            at += match channels - at {
                16.. => { $kernel::<16>(at, $($arg),*); 16 }
                8.. => { $kernel::<8>(at, $($arg),*); 8 }
                _ => { $kernel::<1>(at, $($arg),*); 1 }
            };
        }
    };
}

/// Pixels that are added up in single precision before they join the rest.
const BLOCK: usize = 64;

/// The numbers of W channels from `at` on; `or` where there are none at all.
#[inline(always)]
fn some<const W: usize>(of: &[f32], at: usize, or: f32) -> [f32; W] {
    std::array::from_fn(|l| if of.is_empty() { or } else { of[at + l] })
}

/// Each pixel's W channels from `at` on.
#[inline(always)]
fn pixels<const W: usize>(
    x: &[f32],
    channels: usize,
    at: usize,
) -> impl Iterator<Item = &[f32; W]> {
    x.chunks_exact(channels).filter_map(move |pixel| pixel[at..].first_chunk())
}

/// The same, to be written.
#[inline(always)]
fn pixels_mut<const W: usize>(
    x: &mut [f32],
    channels: usize,
    at: usize,
) -> impl Iterator<Item = &mut [f32; W]> {
    x.chunks_exact_mut(channels).filter_map(move |pixel| pixel[at..].first_chunk_mut())
}

#[inline(always)]
pub(crate) fn measure(x: &[f32], mean: &mut [f32], squares: &mut [f32]) {
    by_width!(mean.len(), measure_some(x, mean, squares));
}

/// Deviations are taken from the first pixel, which is near enough to the mean for their squares to lose nothing.
#[inline(always)]
fn measure_some<const W: usize>(at: usize, x: &[f32], mean: &mut [f32], squares: &mut [f32]) {
    let channels = mean.len();
    let first: [f32; W] = some(x, at, 0.0);
    let (mut sums, mut twos) = ([0.0_f64; W], [0.0_f64; W]);
    for block in x.chunks(BLOCK * channels) {
        let (mut sum, mut two) = ([0.0_f32; W], [0.0_f32; W]);
        for pixel in pixels::<W>(block, channels, at) {
            for l in 0..W {
                let off = pixel[l] - first[l];
                sum[l] += off;
                two[l] += off * off;
            }
        }
        for l in 0..W {
            sums[l] += f64::from(sum[l]);
            twos[l] += f64::from(two[l]);
        }
    }
    let count = (x.len() / channels) as f64;
    for l in 0..W {
        mean[at + l] = (f64::from(first[l]) + sums[l] / count) as f32;
        squares[at + l] = (twos[l] - sums[l] * sums[l] / count).max(0.0) as f32;
    }
}

#[inline(always)]
pub(crate) fn forward(normal: Normal<'_>, relu: bool, x: &[f32], y: &mut [f32]) {
    let least = if relu { 0.0 } else { f32::NEG_INFINITY };
    by_width!(normal.mean.len(), forward_some(normal, least, x, y));
}

#[inline(always)]
fn forward_some<const W: usize>(
    at: usize,
    normal: Normal<'_>,
    least: f32,
    x: &[f32],
    y: &mut [f32],
) {
    let channels = normal.mean.len();
    let mean: [f32; W] = some(normal.mean, at, 0.0);
    let factor = factor::<W>(normal, at);
    let beta: [f32; W] = some(normal.beta, at, 0.0);
    for (x, y) in pixels::<W>(x, channels, at).zip(pixels_mut::<W>(y, channels, at)) {
        for l in 0..W {
            let number = (x[l] - mean[l]) * factor[l] + beta[l];
            y[l] = if number < least { least } else { number };
        }
    }
}

/// γ/√(variance + ε).
#[inline(always)]
fn factor<const W: usize>(normal: Normal<'_>, at: usize) -> [f32; W] {
    let inverse: [f32; W] = some(normal.inverse, at, 1.0);
    let gamma: [f32; W] = some(normal.gamma, at, 1.0);
    std::array::from_fn(|l| gamma[l] * inverse[l])
}

#[inline(always)]
pub(crate) fn backward_parameters(
    normal: Normal<'_>,
    x: &[f32],
    dy: &[f32],
    dgamma: &mut [f32],
    dbeta: &mut [f32],
) {
    by_width!(normal.mean.len(), sums_of_some(normal, x, dy, dgamma, dbeta));
}

#[inline(always)]
fn sums_of_some<const W: usize>(
    at: usize,
    normal: Normal<'_>,
    x: &[f32],
    dy: &[f32],
    dgamma: &mut [f32],
    dbeta: &mut [f32],
) {
    let channels = normal.mean.len();
    let mean: [f32; W] = some(normal.mean, at, 0.0);
    let (mut products, mut sums) = ([0.0_f64; W], [0.0_f64; W]);
    for (x, dy) in x.chunks(BLOCK * channels).zip(dy.chunks(BLOCK * channels)) {
        let (mut product, mut sum) = ([0.0_f32; W], [0.0_f32; W]);
        for (x, dy) in pixels::<W>(x, channels, at).zip(pixels::<W>(dy, channels, at)) {
            for l in 0..W {
                product[l] += dy[l] * (x[l] - mean[l]);
                sum[l] += dy[l];
            }
        }
        for l in 0..W {
            products[l] += f64::from(product[l]);
            sums[l] += f64::from(sum[l]);
        }
    }
    for l in 0..W {
        dgamma[at + l] = (products[l] * f64::from(normal.inverse[at + l])) as f32;
        dbeta[at + l] = sums[l] as f32;
    }
}

/// With n̂ the normal number: dx = γ/σ · (dy − mean dy − n̂ · mean(dy·n̂)), means over the batch.
#[inline(always)]
pub(crate) fn backward(
    normal: Normal<'_>,
    share: f32,
    dgamma: &[f32],
    dbeta: &[f32],
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) {
    by_width!(normal.mean.len(), backward_some(normal, share, dgamma, dbeta, x, dy, dx));
}

#[inline(always)]
fn backward_some<const W: usize>(
    at: usize,
    normal: Normal<'_>,
    share: f32,
    dgamma: &[f32],
    dbeta: &[f32],
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) {
    let channels = normal.mean.len();
    let mean: [f32; W] = some(normal.mean, at, 0.0);
    let inverse: [f32; W] = some(normal.inverse, at, 1.0);
    let factor = factor::<W>(normal, at);
    let still: [f32; W] = std::array::from_fn(|l| dbeta[at + l] * share);
    let slope: [f32; W] = std::array::from_fn(|l| dgamma[at + l] * share * inverse[l]);
    let gradients = pixels::<W>(dy, channels, at).zip(pixels_mut::<W>(dx, channels, at));
    for (x, (dy, dx)) in pixels::<W>(x, channels, at).zip(gradients) {
        for l in 0..W {
            dx[l] = (dy[l] - still[l] - (x[l] - mean[l]) * slope[l]) * factor[l];
        }
    }
}

//! Normalisation of groups in plain loops; the fast variants are these same loops under another instruction set.

use crate::normalize::Groups;

/// Mean and 1/√(variance + ε) of one group.
#[inline(always)]
fn statistics(g: &Groups, group: usize, epsilon: f32, x: &[f32]) -> (f32, f32) {
    let count = (g.pixels * g.channels) as f64;
    let sum = sum(g, group, |at, _| f64::from(x[at]));
    let mean = sum / count;
    let squares = self::sum(g, group, |at, _| {
        let off = f64::from(x[at]) - mean;
        off * off
    });
    (mean as f32, 1.0 / (squares / count + f64::from(epsilon)).sqrt() as f32)
}

/// The sum of `term(place, channel)` over the numbers of a group, pixel by pixel.
#[inline(always)]
fn sum(g: &Groups, group: usize, term: impl Fn(usize, usize) -> f64) -> f64 {
    let mut sum = 0.0;
    for pixel in 0..g.pixels {
        for channel in group * g.channels..(group + 1) * g.channels {
            sum += term(pixel * g.row() + channel, channel);
        }
    }
    sum
}

#[inline(always)]
pub(crate) fn forward(
    g: &Groups,
    epsilon: f32,
    gamma: &[f32],
    beta: &[f32],
    x: &[f32],
    y: &mut [f32],
) {
    for (x, y) in x.chunks_exact(g.len()).zip(y.chunks_exact_mut(g.len())) {
        for group in 0..g.groups {
            let (mean, scale) = statistics(g, group, epsilon, x);
            for pixel in 0..g.pixels {
                for channel in group * g.channels..(group + 1) * g.channels {
                    let at = pixel * g.row() + channel;
                    let normal = (x[at] - mean) * scale;
                    let scaled = normal * gamma.get(channel).copied().unwrap_or(1.0);
                    y[at] = scaled + beta.get(channel).copied().unwrap_or(0.0);
                }
            }
        }
    }
}

/// With n̂ the normal number and d = γ·dy: dx = (d − mean d − n̂ · mean(d·n̂)) / σ.
#[inline(always)]
pub(crate) fn backward(
    g: &Groups,
    epsilon: f32,
    gamma: &[f32],
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) {
    let count = (g.pixels * g.channels) as f64;
    let samples = x.chunks_exact(g.len()).zip(dy.chunks_exact(g.len()));
    for ((x, dy), dx) in samples.zip(dx.chunks_exact_mut(g.len())) {
        for group in 0..g.groups {
            let (mean, scale) = statistics(g, group, epsilon, x);
            let d = |at: usize, channel: usize| dy[at] * gamma.get(channel).copied().unwrap_or(1.0);
            let normal = |at: usize| (x[at] - mean) * scale;
            let mean_d = (sum(g, group, |at, channel| f64::from(d(at, channel))) / count) as f32;
            let product = |at, channel| f64::from(d(at, channel)) * f64::from(normal(at));
            let mean_product = (sum(g, group, product) / count) as f32;
            for pixel in 0..g.pixels {
                for channel in group * g.channels..(group + 1) * g.channels {
                    let at = pixel * g.row() + channel;
                    dx[at] = (d(at, channel) - mean_d - normal(at) * mean_product) * scale;
                }
            }
        }
    }
}

#[inline(always)]
pub(crate) fn backward_parameters(
    g: &Groups,
    epsilon: f32,
    x: &[f32],
    dy: &[f32],
    dgamma: &mut [f32],
    dbeta: &mut [f32],
) {
    for (x, dy) in x.chunks_exact(g.len()).zip(dy.chunks_exact(g.len())) {
        for group in 0..g.groups {
            let (mean, scale) = statistics(g, group, epsilon, x);
            for pixel in 0..g.pixels {
                for channel in group * g.channels..(group + 1) * g.channels {
                    let at = pixel * g.row() + channel;
                    if let Some(dgamma) = dgamma.get_mut(channel) {
                        *dgamma += dy[at] * ((x[at] - mean) * scale);
                    }
                    if let Some(dbeta) = dbeta.get_mut(channel) {
                        *dbeta += dy[at];
                    }
                }
            }
        }
    }
}

//! Gates in plain loops; the fast variants are these same loops under another instruction set.

/// Each sample of `x` with its gates. Nothing where there are no gates.
#[inline(always)]
fn samples<'a>(
    channels: usize,
    x: &'a [f32],
    gates: &'a [f32],
) -> impl Iterator<Item = (&'a [f32], &'a [f32])> {
    let size = channels * x.len().checked_div(gates.len()).unwrap_or(0);
    x.chunks_exact(size.max(1)).zip(gates.chunks_exact(channels))
}

#[inline(always)]
pub(crate) fn forward(channels: usize, x: &[f32], gates: &[f32], y: &mut [f32]) {
    let pixels = samples(channels, x, gates)
        .flat_map(|(x, gates)| x.chunks_exact(channels).map(move |x| (x, gates)));
    for ((x, gates), y) in pixels.zip(y.chunks_exact_mut(channels)) {
        for ((y, x), gate) in y.iter_mut().zip(x).zip(gates) {
            *y = x * gate;
        }
    }
}

#[inline(always)]
pub(crate) fn backward_input(channels: usize, gates: &[f32], dy: &[f32], dx: &mut [f32]) {
    let pixels = samples(channels, dy, gates)
        .flat_map(|(dy, gates)| dy.chunks_exact(channels).map(move |dy| (dy, gates)));
    for ((dy, gates), dx) in pixels.zip(dx.chunks_exact_mut(channels)) {
        for ((dx, dy), gate) in dx.iter_mut().zip(dy).zip(gates) {
            *dx += dy * gate;
        }
    }
}

#[inline(always)]
pub(crate) fn backward_gates(channels: usize, x: &[f32], dy: &[f32], dgates: &mut [f32]) {
    let size = (channels * x.len().checked_div(dgates.len()).unwrap_or(0)).max(1);
    let both = x.chunks_exact(size).zip(dy.chunks_exact(size));
    for ((x, dy), dgates) in both.zip(dgates.chunks_exact_mut(channels)) {
        for (x, dy) in x.chunks_exact(channels).zip(dy.chunks_exact(channels)) {
            for ((dgate, x), dy) in dgates.iter_mut().zip(x).zip(dy) {
                *dgate += x * dy;
            }
        }
    }
}

//! Channels multiplied by a number each, which is another one for each sample: what a squeeze-and-excitation block does with its
//! gates. `y[p, c] = x[p, c] · s[c]`.

use crate::Isa;
use crate::isa::dispatch;
use crate::scalar;

fn check(channels: usize, x: &[f32], y: &[f32], gates: &[f32]) {
    assert!(channels > 0, "gate: no channels");
    assert_eq!(x.len(), y.len(), "gate: lengths differ");
    let samples = gates.len() / channels;
    assert_eq!(samples * channels, gates.len(), "gate: not {channels} gates for each sample");
    let pixels = x.len().checked_div(gates.len()).unwrap_or(0);
    assert_eq!(pixels * gates.len(), x.len(), "gate: samples of different sizes");
}

/// Overwrites `y`. `x` is `[samples, pixels, channels]`, `gates` is `[samples, channels]`.
///
/// # Panics
/// If a length does not fit.
pub fn forward(isa: Isa, channels: usize, x: &[f32], gates: &[f32], y: &mut [f32]) {
    check(channels, x, y, gates);
    dispatch!(isa, gate_forward(channels, x, gates, y), scalar::gate::forward);
}

/// Adds the gradient of the input to `dx`.
///
/// # Panics
/// As [`forward`].
pub fn backward_input(isa: Isa, channels: usize, gates: &[f32], dy: &[f32], dx: &mut [f32]) {
    check(channels, dy, dx, gates);
    dispatch!(isa, gate_backward_input(channels, gates, dy, dx), scalar::gate::backward_input);
}

/// Adds the gradient of the gates to `dgates`.
///
/// # Panics
/// As [`forward`].
pub fn backward_gates(isa: Isa, channels: usize, x: &[f32], dy: &[f32], dgates: &mut [f32]) {
    check(channels, x, dy, dgates);
    dispatch!(isa, gate_backward_gates(channels, x, dy, dgates), scalar::gate::backward_gates);
}

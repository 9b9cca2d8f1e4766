//! Activations in plain loops; the fast variants are these same loops under another instruction set.

use super::math;

/// `max(0, v)`; NaN stays NaN, like the processor's `max` with the zero first.
#[inline(always)]
pub(crate) fn relu_value(v: f32) -> f32 {
    if 0.0 > v { 0.0 } else { v }
}

#[inline(always)]
pub(crate) fn relu(x: &mut [f32]) {
    for x in x.iter_mut() {
        *x = relu_value(*x);
    }
}

#[inline(always)]
pub(crate) fn relu_backward(y: &[f32], dy: &mut [f32]) {
    for (y, dy) in y.iter().zip(dy) {
        *dy = if *y > 0.0 { *dy } else { 0.0 };
    }
}

#[inline(always)]
pub(crate) fn sigmoid(x: &mut [f32]) {
    for x in x.iter_mut() {
        *x = math::sigmoid(*x);
    }
}

#[inline(always)]
pub(crate) fn sigmoid_backward(y: &[f32], dy: &mut [f32]) {
    for (y, dy) in y.iter().zip(dy) {
        *dy *= y * (1.0 - y);
    }
}

#[inline(always)]
pub(crate) fn tanh(x: &mut [f32]) {
    for x in x.iter_mut() {
        *x = math::tanh(*x);
    }
}

#[inline(always)]
pub(crate) fn tanh_backward(y: &[f32], dy: &mut [f32]) {
    for (y, dy) in y.iter().zip(dy) {
        *dy *= 1.0 - y * y;
    }
}

#[inline(always)]
pub(crate) fn softmax(classes: usize, x: &mut [f32]) {
    if classes == 0 {
        return;
    }
    for x in x.chunks_exact_mut(classes) {
        let max = x.iter().fold(f32::NEG_INFINITY, |max, &x| if x > max { x } else { max });
        for x in x.iter_mut() {
            *x = math::exp(*x - max);
        }
        let sum: f32 = x.iter().sum();
        for x in x.iter_mut() {
            *x /= sum;
        }
    }
}

#[inline(always)]
pub(crate) fn softmax_backward(classes: usize, y: &[f32], dy: &mut [f32]) {
    if classes == 0 {
        return;
    }
    for (y, dy) in y.chunks_exact(classes).zip(dy.chunks_exact_mut(classes)) {
        let dot: f32 = y.iter().zip(&*dy).map(|(y, dy)| y * dy).sum();
        for (y, dy) in y.iter().zip(dy) {
            *dy = y * (*dy - dot);
        }
    }
}

#[inline(always)]
pub(crate) fn elu(scale: f32, below: f32, x: &mut [f32]) {
    for x in x.iter_mut() {
        // Both branches are computed, and above zero the exponential may overflow.
        let negative = if *x > 0.0 { 0.0 } else { *x };
        let low = below * (math::exp(negative) - 1.0);
        *x = if *x > 0.0 { scale * *x } else { low };
    }
}

#[inline(always)]
pub(crate) fn elu_backward(scale: f32, below: f32, y: &[f32], dy: &mut [f32]) {
    for (y, dy) in y.iter().zip(dy) {
        *dy *= if *y > 0.0 { scale } else { y + below };
    }
}

#[inline(always)]
pub(crate) fn exponential(x: &mut [f32]) {
    for x in x.iter_mut() {
        *x = math::exp(*x);
    }
}

#[inline(always)]
pub(crate) fn exponential_backward(y: &[f32], dy: &mut [f32]) {
    for (y, dy) in y.iter().zip(dy) {
        *dy *= y;
    }
}

#[inline(always)]
pub(crate) fn hard_sigmoid(x: &mut [f32]) {
    for x in x.iter_mut() {
        *x = (*x / 6.0 + 0.5).clamp(0.0, 1.0);
    }
}

#[inline(always)]
pub(crate) fn hard_sigmoid_backward(y: &[f32], dy: &mut [f32]) {
    for (y, dy) in y.iter().zip(dy) {
        *dy = if *y > 0.0 && *y < 1.0 { *dy / 6.0 } else { 0.0 };
    }
}

#[inline(always)]
pub(crate) fn leaky_relu(slope: f32, x: &mut [f32]) {
    for x in x.iter_mut() {
        *x = if *x > 0.0 { *x } else { slope * *x };
    }
}

#[inline(always)]
pub(crate) fn leaky_relu_backward(slope: f32, y: &[f32], dy: &mut [f32]) {
    for (y, dy) in y.iter().zip(dy) {
        *dy = if *y > 0.0 { *dy } else { slope * *dy };
    }
}

#[inline(always)]
pub(crate) fn relu6(x: &mut [f32]) {
    for x in x.iter_mut() {
        let low = relu_value(*x);
        *x = if low > 6.0 { 6.0 } else { low };
    }
}

#[inline(always)]
pub(crate) fn relu6_backward(y: &[f32], dy: &mut [f32]) {
    for (y, dy) in y.iter().zip(dy) {
        *dy = if *y > 0.0 && *y < 6.0 { *dy } else { 0.0 };
    }
}

/// `max(x, 0) + ln(1 + exp(−|x|))`: the exponential is at most 1.
#[inline(always)]
pub(crate) fn softplus(x: &mut [f32]) {
    for x in x.iter_mut() {
        *x = relu_value(*x) + math::ln_1p(math::exp(-x.abs()));
    }
}

#[inline(always)]
pub(crate) fn softplus_backward(y: &[f32], dy: &mut [f32]) {
    for (y, dy) in y.iter().zip(dy) {
        *dy *= 1.0 - math::exp(-y);
    }
}

#[inline(always)]
pub(crate) fn softsign(x: &mut [f32]) {
    for x in x.iter_mut() {
        *x /= 1.0 + x.abs();
    }
}

#[inline(always)]
pub(crate) fn softsign_backward(y: &[f32], dy: &mut [f32]) {
    for (y, dy) in y.iter().zip(dy) {
        let rest = 1.0 - y.abs();
        *dy *= rest * rest;
    }
}

#[inline(always)]
pub(crate) fn gelu(x: &mut [f32]) {
    for x in x.iter_mut() {
        *x *= math::normal(*x).0;
    }
}

#[inline(always)]
pub(crate) fn gelu_backward(x: &[f32], dy: &mut [f32]) {
    for (x, dy) in x.iter().zip(dy) {
        let (below, density) = math::normal(*x);
        *dy *= x.mul_add(density, below);
    }
}

#[inline(always)]
pub(crate) fn hard_silu(x: &mut [f32]) {
    for x in x.iter_mut() {
        *x *= (*x / 6.0 + 0.5).clamp(0.0, 1.0);
    }
}

#[inline(always)]
pub(crate) fn hard_silu_backward(x: &[f32], dy: &mut [f32]) {
    for (x, dy) in x.iter().zip(dy) {
        let inside = *x / 3.0 + 0.5;
        let outside = if *x > 0.0 { 1.0 } else { 0.0 };
        *dy *= if x.abs() < 3.0 { inside } else { outside };
    }
}

#[inline(always)]
pub(crate) fn mish(x: &mut [f32]) {
    for x in x.iter_mut() {
        *x *= math::tanh_softplus(*x).0;
    }
}

#[inline(always)]
pub(crate) fn mish_backward(x: &[f32], dy: &mut [f32]) {
    for (x, dy) in x.iter().zip(dy) {
        let (factor, slope) = math::tanh_softplus(*x);
        *dy *= x.mul_add(slope, factor);
    }
}

#[inline(always)]
pub(crate) fn silu(x: &mut [f32]) {
    for x in x.iter_mut() {
        *x *= math::sigmoid(*x);
    }
}

#[inline(always)]
pub(crate) fn silu_backward(x: &[f32], dy: &mut [f32]) {
    for (x, dy) in x.iter().zip(dy) {
        let sigmoid = math::sigmoid(*x);
        *dy *= sigmoid * x.mul_add(1.0 - sigmoid, 1.0);
    }
}

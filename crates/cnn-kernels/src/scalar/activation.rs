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

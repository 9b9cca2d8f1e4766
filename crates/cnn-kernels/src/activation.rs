//! Activation functions in place, and their gradients from the output.
//!
//! Every backward function multiplies `dy` in place by the derivative, computed from the output `y` of the forward
//! function, so nothing but `y` must be kept. The exponential is this crate's own polynomial, built from `+ − × fma` only:
//! the same bits on every machine, at most 1.02 ulp from the true value.

use crate::Isa;
use crate::isa::dispatch;
use crate::scalar;

/// `max(0, x)` in place. NaN stays NaN.
///
/// There is no hand-written kernel here: the plain loop is what the compiler vectorises best.
pub fn relu(isa: Isa, x: &mut [f32]) {
    dispatch!(isa, relu(x), scalar::activation::relu);
}

/// `dy = 0` where `y` is not above zero.
pub fn relu_backward(isa: Isa, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "relu: y and dy differ in length");
    dispatch!(isa, relu_backward(y, dy), scalar::activation::relu_backward);
}

/// `1 / (1 + exp(−x))` in place.
pub fn sigmoid(isa: Isa, x: &mut [f32]) {
    dispatch!(isa, sigmoid(x), scalar::activation::sigmoid);
}

/// `dy ·= y (1 − y)`.
pub fn sigmoid_backward(isa: Isa, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "sigmoid: y and dy differ in length");
    dispatch!(isa, sigmoid_backward(y, dy), scalar::activation::sigmoid_backward);
}

/// `tanh(x)` in place.
pub fn tanh(isa: Isa, x: &mut [f32]) {
    dispatch!(isa, tanh(x), scalar::activation::tanh);
}

/// `dy ·= 1 − y²`.
pub fn tanh_backward(isa: Isa, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "tanh: y and dy differ in length");
    dispatch!(isa, tanh_backward(y, dy), scalar::activation::tanh_backward);
}

/// `exp(x − max) / Σ exp(x − max)` over each row of `classes` numbers, in place.
pub fn softmax(isa: Isa, classes: usize, x: &mut [f32]) {
    assert_eq!(
        x.len().checked_rem(classes).unwrap_or(x.len()),
        0,
        "softmax: not whole rows of {classes} classes"
    );
    dispatch!(isa, softmax(classes, x), scalar::activation::softmax);
}

/// `dy = y (dy − Σ y·dy)` over each row of `classes` numbers.
pub fn softmax_backward(isa: Isa, classes: usize, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "softmax: y and dy differ in length");
    assert_eq!(
        y.len().checked_rem(classes).unwrap_or(y.len()),
        0,
        "softmax: not whole rows of {classes} classes"
    );
    dispatch!(isa, softmax_backward(classes, y, dy), scalar::activation::softmax_backward);
}

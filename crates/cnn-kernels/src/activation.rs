//! Activation functions in place, and their gradients.
//!
//! Every backward function multiplies `dy` in place by the derivative. Most compute it from the output `y` of the forward
//! function, so nothing but `y` must be kept; `gelu`, `hard_silu`, `mish` and `silu` go down before they go up, give the same `y`
//! for two `x`, and need the input `x`. The exponential is this crate's own polynomial, built from `+ − × fma` only:
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

/// `scale·x` where `x > 0`, else `below·(exp(x) − 1)`, in place. ELU has both 1, SELU others.
pub fn elu(isa: Isa, scale: f32, below: f32, x: &mut [f32]) {
    dispatch!(isa, elu(scale, below, x), scalar::activation::elu);
}

/// `dy ·= scale` where `y > 0`, else `y + below`.
pub fn elu_backward(isa: Isa, scale: f32, below: f32, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "elu: y and dy differ in length");
    dispatch!(isa, elu_backward(scale, below, y, dy), scalar::activation::elu_backward);
}

/// `exp(x)` in place.
pub fn exponential(isa: Isa, x: &mut [f32]) {
    dispatch!(isa, exponential(x), scalar::activation::exponential);
}

/// `dy ·= y`.
pub fn exponential_backward(isa: Isa, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "exponential: y and dy differ in length");
    dispatch!(isa, exponential_backward(y, dy), scalar::activation::exponential_backward);
}

/// `x/6 + ½`, but no less than 0 and no more than 1, in place.
pub fn hard_sigmoid(isa: Isa, x: &mut [f32]) {
    dispatch!(isa, hard_sigmoid(x), scalar::activation::hard_sigmoid);
}

/// `dy ·= 1/6` where `0 < y < 1`, else 0.
pub fn hard_sigmoid_backward(isa: Isa, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "hard_sigmoid: y and dy differ in length");
    dispatch!(isa, hard_sigmoid_backward(y, dy), scalar::activation::hard_sigmoid_backward);
}

/// `x` where `x > 0`, else `slope·x`, in place. `slope` must not be negative.
pub fn leaky_relu(isa: Isa, slope: f32, x: &mut [f32]) {
    dispatch!(isa, leaky_relu(slope, x), scalar::activation::leaky_relu);
}

/// `dy ·= slope` where `y` is not above zero.
pub fn leaky_relu_backward(isa: Isa, slope: f32, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "leaky_relu: y and dy differ in length");
    dispatch!(isa, leaky_relu_backward(slope, y, dy), scalar::activation::leaky_relu_backward);
}

/// `min(max(0, x), 6)` in place.
pub fn relu6(isa: Isa, x: &mut [f32]) {
    dispatch!(isa, relu6(x), scalar::activation::relu6);
}

/// `dy = 0` where `y` is not between 0 and 6.
pub fn relu6_backward(isa: Isa, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "relu6: y and dy differ in length");
    dispatch!(isa, relu6_backward(y, dy), scalar::activation::relu6_backward);
}

/// `ln(1 + exp(x))` in place.
pub fn softplus(isa: Isa, x: &mut [f32]) {
    dispatch!(isa, softplus(x), scalar::activation::softplus);
}

/// `dy ·= 1 − exp(−y)`.
pub fn softplus_backward(isa: Isa, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "softplus: y and dy differ in length");
    dispatch!(isa, softplus_backward(y, dy), scalar::activation::softplus_backward);
}

/// `x / (1 + |x|)` in place.
pub fn softsign(isa: Isa, x: &mut [f32]) {
    dispatch!(isa, softsign(x), scalar::activation::softsign);
}

/// `dy ·= (1 − |y|)²`.
pub fn softsign_backward(isa: Isa, y: &[f32], dy: &mut [f32]) {
    assert_eq!(y.len(), dy.len(), "softsign: y and dy differ in length");
    dispatch!(isa, softsign_backward(y, dy), scalar::activation::softsign_backward);
}

/// `x·Φ(x)` in place, Φ the standard normal distribution: the form with erf, not its approximation with tanh. Hendrycks & Gimpel 2016.
pub fn gelu(isa: Isa, x: &mut [f32]) {
    dispatch!(isa, gelu(x), scalar::activation::gelu);
}

/// `dy ·= Φ(x) + x·φ(x)`, φ the density.
pub fn gelu_backward(isa: Isa, x: &[f32], dy: &mut [f32]) {
    assert_eq!(x.len(), dy.len(), "gelu: x and dy differ in length");
    dispatch!(isa, gelu_backward(x, dy), scalar::activation::gelu_backward);
}

/// `x·hard_sigmoid(x)` in place. Howard et al. 2019.
pub fn hard_silu(isa: Isa, x: &mut [f32]) {
    dispatch!(isa, hard_silu(x), scalar::activation::hard_silu);
}

/// `dy ·= x/3 + ½` between −3 and 3, else 0 or 1.
pub fn hard_silu_backward(isa: Isa, x: &[f32], dy: &mut [f32]) {
    assert_eq!(x.len(), dy.len(), "hard_silu: x and dy differ in length");
    dispatch!(isa, hard_silu_backward(x, dy), scalar::activation::hard_silu_backward);
}

/// `x·tanh(ln(1 + exp(x)))` in place. Misra 2019.
pub fn mish(isa: Isa, x: &mut [f32]) {
    dispatch!(isa, mish(x), scalar::activation::mish);
}

/// `dy ·= w + x·w′` with `w = tanh(ln(1 + exp(x)))`.
pub fn mish_backward(isa: Isa, x: &[f32], dy: &mut [f32]) {
    assert_eq!(x.len(), dy.len(), "mish: x and dy differ in length");
    dispatch!(isa, mish_backward(x, dy), scalar::activation::mish_backward);
}

/// `x·σ(x)` in place, σ the sigmoid. Ramachandran et al. 2017.
pub fn silu(isa: Isa, x: &mut [f32]) {
    dispatch!(isa, silu(x), scalar::activation::silu);
}

/// `dy ·= σ(x)·(1 + x·(1 − σ(x)))`.
pub fn silu_backward(isa: Isa, x: &[f32], dy: &mut [f32]) {
    assert_eq!(x.len(), dy.len(), "silu: x and dy differ in length");
    dispatch!(isa, silu_backward(x, dy), scalar::activation::silu_backward);
}

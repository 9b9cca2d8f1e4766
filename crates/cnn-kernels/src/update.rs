//! Optimizer updates over flat slices: parameters `w`, gradients `g` and the optimizer's slots, all of one length.
//!
//! Plain loops: there is no dependence between elements, and the compiler vectorises them under each instruction set.

use crate::Isa;
use crate::isa::dispatch;
use crate::scalar;

/// `g += l1·sign(w) + 2·l2·w`: the gradient of the penalty `l1·Σ|w| + l2·Σw²`. The sign of zero is zero.
/// Source: Keras `L1L2`.
pub fn add_penalty(isa: Isa, l1: f32, l2: f32, w: &[f32], g: &mut [f32]) {
    assert_eq!(w.len(), g.len(), "add_penalty: gradient length");
    dispatch!(isa, add_penalty(l1, l2, w, g), scalar::update::add_penalty);
}

/// `w −= lr·g`. Source: Keras `SGD` without momentum.
pub fn sgd(isa: Isa, lr: f32, w: &mut [f32], g: &[f32]) {
    assert_eq!(w.len(), g.len(), "sgd: gradient length");
    dispatch!(isa, sgd(lr, w, g), scalar::update::sgd);
}

/// `v = momentum·v − lr·g`, then `w += v`, or with `nesterov` `w += momentum·v − lr·g`.
/// Source: Keras `SGD`: the learning rate is inside the velocity, unlike PyTorch.
pub fn sgd_momentum(
    isa: Isa,
    lr: f32,
    momentum: f32,
    nesterov: bool,
    w: &mut [f32],
    g: &[f32],
    v: &mut [f32],
) {
    assert_eq!(w.len(), g.len(), "sgd: gradient length");
    assert_eq!(w.len(), v.len(), "sgd: velocity length");
    dispatch!(isa, sgd_momentum(lr, momentum, nesterov, w, g, v), scalar::update::sgd_momentum);
}

/// `m += (g − m)·rest_1`, `v += (g² − v)·rest_2`, `w −= m·alpha / (√v + epsilon)`.
///
/// The caller gives `rest_1 = 1 − beta_1` and `rest_2 = 1 − beta_2`, rounded once as Keras does, and
/// `alpha = lr·√(1 − beta_2^t) / (1 − beta_1^t)` with the step `t` from 1. Source: Keras `Adam`, the
/// "epsilon hat" form: epsilon is not divided by `√(1 − beta_2^t)` as PyTorch does.
pub fn adam(
    isa: Isa,
    alpha: f32,
    rest_1: f32,
    rest_2: f32,
    epsilon: f32,
    w: &mut [f32],
    g: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    assert_eq!(w.len(), g.len(), "adam: gradient length");
    assert_eq!(w.len(), m.len(), "adam: first moment length");
    assert_eq!(w.len(), v.len(), "adam: second moment length");
    dispatch!(isa, adam(alpha, rest_1, rest_2, epsilon, w, g, m, v), scalar::update::adam);
}

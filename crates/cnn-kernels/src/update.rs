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

/// `w −= w·rate`: weight decay that goes past the optimizer. Source: Loshchilov & Hutter 2019; Keras's `weight_decay`.
pub fn decay(isa: Isa, rate: f32, w: &mut [f32]) {
    dispatch!(isa, decay(rate, w), scalar::update::decay);
}

/// `a += g²`, `w −= lr·g / √(a + initial + epsilon)`. Source: Keras `Adagrad`, whose accumulator starts at `initial`; here it
/// starts at zero.
pub fn adagrad(
    isa: Isa,
    lr: f32,
    initial: f32,
    epsilon: f32,
    w: &mut [f32],
    g: &[f32],
    a: &mut [f32],
) {
    assert_eq!(w.len(), g.len(), "adagrad: gradient length");
    assert_eq!(w.len(), a.len(), "adagrad: accumulator length");
    dispatch!(isa, adagrad(lr, initial, epsilon, w, g, a), scalar::update::adagrad);
}

/// `w −= lr·sign(m·beta_1 + g·rests[0])`, then `m = m·beta_2 + g·rests[1]`; the rests are 1 − β, rounded once. Source: Keras `Lion`.
pub fn lion(
    isa: Isa,
    lr: f32,
    beta_1: f32,
    beta_2: f32,
    rests: [f32; 2],
    w: &mut [f32],
    g: &[f32],
    m: &mut [f32],
) {
    assert_eq!(w.len(), g.len(), "lion: gradient length");
    assert_eq!(w.len(), m.len(), "lion: momentum length");
    dispatch!(isa, lion(lr, beta_1, beta_2, rests, w, g, m), scalar::update::lion);
}

/// `m += (g − m)·rests[0]`, `v += (g² − v)·rests[1]`, then with `factors = [a, b, c]` `w −= (a·m + b·g) / (√(c·v) + epsilon)`.
/// Source: Keras `Nadam`.
pub fn nadam(
    isa: Isa,
    factors: [f32; 3],
    rests: [f32; 2],
    epsilon: f32,
    w: &mut [f32],
    g: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    assert_eq!(w.len(), g.len(), "nadam: gradient length");
    assert_eq!(w.len(), m.len(), "nadam: first moment length");
    assert_eq!(w.len(), v.len(), "nadam: second moment length");
    dispatch!(isa, nadam(factors, rests, epsilon, w, g, m, v), scalar::update::nadam);
}

/// `v = ρ·v + (1 − ρ)·g²`, `w −= lr·g / √(v + epsilon)`; `rhos` is ρ and 1 − ρ. With an `average` `a = ρ·a + (1 − ρ)·g`, and v − a²
/// in place of v; with `moved` `u = momentum·u + step`, and u in place of the step. Either may be empty. Source: Keras `RMSprop`.
pub fn rmsprop(
    isa: Isa,
    lr: f32,
    rhos: [f32; 2],
    momentum: f32,
    epsilon: f32,
    w: &mut [f32],
    g: &[f32],
    velocity: &mut [f32],
    average: &mut [f32],
    moved: &mut [f32],
) {
    assert_eq!(w.len(), g.len(), "rmsprop: gradient length");
    assert_eq!(w.len(), velocity.len(), "rmsprop: velocity length");
    for slot in [&*average, &*moved] {
        assert!(slot.is_empty() || slot.len() == w.len(), "rmsprop: slot length");
    }
    dispatch!(
        isa,
        rmsprop(lr, rhos, momentum, epsilon, w, g, velocity, average, moved),
        scalar::update::rmsprop
    );
}
